//! A host that sleeps, on real sockets: for longer than a silent link is borne, no connection is lost; what comes meanwhile
//! waits within its bound, and what does not fit has a record in its place and a line in the ledger.
//!
//! In virtual time a host sleeps for hours: `soak/tests/asleep.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Stopped};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::event::{EventKind, Subject};
use genesys_cloud_adapter::model::feed::{Feed, StateReport, Why};
use genesys_cloud_adapter::observe::LogLine;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(150);

/// A link that says nothing for 45 s is dead: so long nobody may notice anything.
const ASLEEP: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Sleeper {
    state: Mutex<State>,
    changed: Condvar,
}

/// Number, kind, and of a lost event the numbers that it names.
type Taken = (u64, EventKind, Option<(u64, u64)>);

#[derive(Default)]
struct State {
    is_asleep: bool,
    taken: Vec<Taken>,
    states: Vec<StateReport>,
}

impl Sleeper {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn wait(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let (state, timeout) = self
            .changed
            .wait_timeout_while(self.state(), PATIENCE, |state| !holds(state))
            .unwrap();
        assert!(!timeout.timed_out(), "never: {what}; {:?}", state.states);
    }
}

impl Host for Sleeper {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        let mut state = self.state();
        while state.is_asleep {
            state = self.changed.wait(state).unwrap();
        }
        let lost = match &offer.event.subject {
            Subject::Lost(lost) => Some((lost.first, lost.last)),
            _ => None,
        };
        state.taken.push((offer.sequence, offer.event.kind, lost));
        self.changed.notify_all();
        Verdict::Taken
    }

    fn on_state(&self, report: &StateReport) {
        self.change(|state| state.states.push(report.clone()));
    }

    fn on_log(&self, _: &LogLine) {}

    fn on_drop(&self) {}
}

struct Trial {
    region: Running,
    adapter: Adapter,
    host: Arc<Sleeper>,
    ledger: tempfile::TempDir,
}

impl Trial {
    /// A feed that is up.
    fn new(name: &str, calls_per_minute: f64, queue_max_events: u64) -> Self {
        let world = WorldConfig {
            users: 40,
            queues: 2,
            calls_per_minute,
            seed: 5,
            ..WorldConfig::default()
        };
        let region = serve(FrontConfig::new(RegionConfig::new(world))).unwrap();
        let ledger = tempfile::tempdir().unwrap();
        let settings = json!({
            "AdapterName": name, "DataSource": "Genesys", "ClientId": region.client_id,
            "ClientSecret": region.client_secret, "RegionHost": region.base_url,
            "AdvancedSettings": {
                "OverlapS": 1, "QueueMaxEvents": queue_max_events,
                "GapLedgerFile": ledger.path().join("ledger.jsonl"),
            },
        });
        let host = Arc::new(Sleeper::default());
        let adapter = Adapter::new(Arc::clone(&host) as Arc<dyn Host>);
        adapter.configure(&settings.to_string()).unwrap();
        adapter.start().unwrap();
        host.wait("a feed that is up", |state| {
            state
                .states
                .last()
                .is_some_and(|last| last.feed == Feed::Up)
        });
        Self {
            region,
            adapter,
            host,
            ledger,
        }
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.adapter.status()).unwrap()
    }

    /// Asks the status until it says so; it has nobody to tell.
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(&self.status()) {
            assert!(Instant::now() < end, "never: {what}; {:#}", self.status());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.ledger.path().join("ledger.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }
}

#[test]
fn a_host_that_sleeps_longer_than_a_silent_link_is_borne_loses_no_connection_and_no_event() {
    let trial = Trial::new("asleep", 120.0, 100_000);
    let states = trial.host.state().states.len();
    trial.host.change(|state| state.is_asleep = true);
    let begin = trial.region.with_region(|_, now| now);
    trial.until("it has slept long enough", |_| {
        let now = trial.region.with_region(|_, now| now);
        now.0 - begin.0 >= i64::try_from(ASLEEP.as_millis()).unwrap()
    });
    let waiting = trial.status()["delivery"]["queued"].as_u64().unwrap();
    assert!(waiting > 200, "{waiting} events");
    trial.host.change(|state| state.is_asleep = false);
    let taken = trial.host.state().taken.len();
    trial.host.wait("what has waited", |state| {
        state.taken.len() >= taken + usize::try_from(waiting).unwrap()
    });
    let outages = (trial.region).with_region(|region, _| region.truth()["outages"].clone());
    assert_eq!(outages, json!([]));
    assert_eq!(trial.adapter.stop(PATIENCE), Stopped::Done);
    let state = trial.host.state();
    let down: Vec<_> = (state.states[states..].iter())
        .filter(|state| state.feed != Feed::Up && state.why != Why::Stopped)
        .collect();
    assert!(down.is_empty(), "{down:?}");
    let in_order = (1..).zip(&state.taken);
    assert!(in_order.clone().all(|(due, (number, ..))| due == *number));
    assert!(
        state
            .taken
            .iter()
            .all(|(_, kind, _)| *kind != EventKind::Lost)
    );
    assert!(trial.ledger().iter().all(|line| line["line"] != "lost"));
}

#[test]
fn what_does_not_fit_in_memory_has_a_record_in_its_place_and_a_line_in_the_ledger() {
    const MOST: u64 = 1_000;
    let trial = Trial::new("full", 1_500.0, MOST);
    trial.host.change(|state| state.is_asleep = true);
    trial.until("many are lost", |status| {
        status["counters"]["events_lost"].as_u64().unwrap() > 500
    });
    let delivery = &trial.status()["delivery"];
    assert!(delivery["queued"].as_u64().unwrap() <= MOST, "{delivery}");
    trial.host.change(|state| state.is_asleep = false);
    trial.host.wait("the record of the loss", |state| {
        state.taken.iter().any(|(.., lost)| lost.is_some())
    });
    trial.host.wait("the end of the backlog", |state| {
        let backlog = state
            .states
            .iter()
            .rposition(|state| state.why == Why::Backlog);
        backlog.is_some_and(|at| at + 1 < state.states.len())
    });
    assert_eq!(trial.adapter.stop(PATIENCE), Stopped::Done);
    let state = trial.host.state();
    let mut next = 1;
    let mut lost = Vec::new();
    for (number, _, names) in &state.taken {
        if let Some((first, last)) = names {
            assert_eq!((*first, *number), (next, last + 1));
            lost.push((*first, *last));
            next = *number;
        }
        assert_eq!(*number, next);
        next += 1;
    }
    let lines = trial.ledger();
    let noted: Vec<_> = (lines.iter())
        .filter(|line| line["line"] == "lost")
        .map(|line| {
            assert_eq!(line["why"], "queue_full", "{line}");
            (
                line["first"].as_u64().unwrap(),
                line["last"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(noted, lost);
    let count: u64 = lost.iter().map(|(first, last)| last - first + 1).sum();
    assert_eq!(trial.status()["counters"]["events_lost"], count);
}
