//! A whole adapter with a journal against a region on a port: it ends while calls go on, and another one goes on from its
//! journal. The feed is one, no connection is open for ever or cleared twice, what happened meanwhile is recovered under the
//! ids of a twin that heard everything, and the time between stands in the ledger file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use day::kept::clears;
use day::{arrival, facts};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::{Shown, WorldConfig};
use genesys_cloud_adapter::adapter::{Adapter, Erased, Stopped};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::event::{Event, EventKind, Source, Subject};
use genesys_cloud_adapter::model::feed::StateReport;
use genesys_cloud_adapter::observe::LogLine;
use serde_json::{Value, json};

/// How long a condition may take on a machine with much to do. The stories alone take most of a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the platform's answers still tell of a call when it is over.
const READABLE: [EventKind; 6] = [
    EventKind::CallCreated,
    EventKind::Queued,
    EventKind::FlowEntered,
    EventKind::Established,
    EventKind::ConnectionCleared,
    EventKind::CallCleared,
];

/// A host that takes everything and keeps it, over the lives of its adapters.
#[derive(Default)]
struct Recorder {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    places: Vec<(String, u64)>,
    log: Vec<String>,
}

impl Seen {
    fn of(&self, kind: EventKind) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    fn is_closed(&self, cause: &str) -> bool {
        self.of(EventKind::GapClosed)
            .any(|event| &*event.reason == cause)
    }
}

impl Recorder {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn wait(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen();
        while !holds(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not come; log: {:#?}", seen.log);
            // Also for what the region does.
            let left = left.min(Duration::from_millis(100));
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
    }
}

impl Host for Recorder {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        let mut seen = self.seen();
        seen.events.push(offer.event.clone());
        seen.places.push((offer.feed_id.to_owned(), offer.sequence));
        self.changed.notify_all();
        Verdict::Taken
    }

    fn on_state(&self, _: &StateReport) {}

    fn on_log(&self, line: &LogLine) {
        let text = format!("{:?} {} {}", line.level, line.target, line.message);
        self.seen().log.push(text);
    }

    fn on_drop(&self) {}
}

/// How many acts of a kind there were.
fn acts(region: &Running, kind: &str) -> usize {
    let truth = region.with_region(|region, _| region.truth());
    let acts = truth["acts"].as_array().unwrap();
    acts.iter().filter(|act| act["kind"] == kind).count()
}

fn exact(events: &[Event]) -> BTreeMap<u128, &Event> {
    let is_exact =
        |event: &&Event| event.id_exact && matches!(event.subject, Subject::Connection(_));
    let exact = events.iter().filter(is_exact);
    exact.map(|event| (event.id.0, event)).collect()
}

#[test]
fn an_adapter_goes_on_from_the_journal_of_the_one_before() {
    let world = WorldConfig {
        users: 24,
        queues: 3,
        calls_per_minute: 0.0,
        minutes_per_presence: 6.0,
        seed: 7,
        ..WorldConfig::default()
    };
    let region = serve(FrontConfig::new(RegionConfig::new(world))).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("gaps.jsonl");
    let journal = directory.path().join("journal");
    let settings = json!({"AdapterName": "downtime", "DataSource": "Genesys", "ClientId": region.client_id,
        "ClientSecret": region.client_secret, "RegionHost": region.base_url, "AdvancedSettings": {
            "LogLevel": "debug", "RequestsPerMinute": 300, "GapLedgerFile": ledger.to_str().unwrap(),
            "JournalDirectory": journal.to_str().unwrap()}});
    let recorder = Arc::new(Recorder::default());
    let start = || {
        let mut adapter = Adapter::new(Arc::clone(&recorder) as Arc<dyn Host>);
        adapter.read_gaps_again_after(Duration::from_secs(2));
        adapter.configure(&settings.to_string()).unwrap();
        adapter.start().unwrap();
        adapter
    };
    let adapter = start();
    recorder.wait("the end of the first gap", |seen| seen.is_closed("start"));

    let names: Vec<&'static str> = region.with_region(|region, _| {
        region.record();
        let scripts = region.world().scripts().iter();
        scripts.map(|script| script.name).collect()
    });
    let play = |names: &[&str]| {
        for name in names {
            region
                .with_region(|region, now| region.play(name, now))
                .unwrap();
        }
    };
    let (before, within) = names.split_at(names.len() / 2);
    play(before);
    recorder.wait("calls that are established", |seen| {
        seen.of(EventKind::Established).count() >= 10
    });
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    drop(adapter);
    let told_before = recorder.seen().events.len();
    let open = clears(&recorder.seen().events).len();
    assert!(open >= 5, "{open} connections are open");
    let (connected, ended) = (
        acts(&region, "connected"),
        acts(&region, "conversation_ended"),
    );
    play(within);
    recorder.wait("calls that begin and end unheard", |_| {
        acts(&region, "connected") >= connected + 10
            && acts(&region, "conversation_ended") >= ended + 3
    });
    let adapter = start();
    recorder.wait("the end of the downtime", |seen| seen.is_closed("downtime"));
    recorder.wait("the end of all calls", |seen| {
        let ended = seen.of(EventKind::CallCleared).count();
        ended >= seen.of(EventKind::CallCreated).count()
            && acts(&region, "conversation_ended") >= names.len()
    });

    // A conversation that was told is erased, and nothing of it is left; nor does it hurt to do so twice.
    let seen = recorder.seen();
    let last = seen.of(EventKind::CallTerminated).last().unwrap();
    let Subject::Connection(facts) = &last.subject else {
        panic!("{last:?}");
    };
    let conversation = Erased::Conversation(facts.conversation.clone());
    drop(seen);
    assert!(adapter.erase(&conversation).unwrap() > 0);
    assert_eq!(adapter.erase(&conversation), Ok(0));
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    assert_eq!(
        adapter.erase(&conversation),
        Ok(0),
        "also when it is stopped"
    );

    let shown: Vec<Shown> =
        region.with_region(|region, _| std::iter::from_fn(|| region.poll_recorded()).collect());
    let shown = shown
        .iter()
        .filter(|shown| arrival::is_followed(&shown.topic));
    let twin = day::hear(shown.map(|shown| (shown.at, shown)));
    let seen = recorder.seen();
    let mut wrong = clears(&seen.events);
    let (own, twins) = (exact(&seen.events), exact(&twin));
    for event in twins.values() {
        if READABLE.contains(&event.kind) && !own.contains_key(&event.id.0) {
            wrong.push(format!("missing: {:?}", facts::of_event(event)));
        }
    }
    let known: BTreeSet<facts::Fact> = twins.values().map(|event| facts::of_event(event)).collect();
    let strange = own
        .values()
        .filter(|event| !twins.contains_key(&event.id.0));
    // What only reads tell has no twin.
    let strange = strange.filter(|event| known.contains(&facts::of_event(event)));
    wrong.extend(strange.map(|event| format!("another id: {:?}", facts::of_event(event))));
    let mut ids = BTreeSet::new();
    let of_calls = seen
        .events
        .iter()
        .filter(|event| matches!(event.subject, Subject::Connection(_)));
    let again = of_calls.filter(|event| !ids.insert(event.id));
    wrong.extend(again.map(|event| format!("told again: {:?}", facts::of_event(event))));
    assert!(
        wrong.is_empty(),
        "{} defects: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    let recovered = seen.events[told_before..]
        .iter()
        .filter(|event| event.source == Source::Recovered && event.kind == EventKind::Established)
        .count();
    assert!(recovered > 0, "nothing was recovered");

    // One feed, every number once.
    let first = &seen.places[0].0;
    for (at, (feed, sequence)) in seen.places.iter().enumerate() {
        assert_eq!((feed, *sequence), (first, at as u64 + 1));
    }

    let lines: Vec<Value> = (std::fs::read_to_string(&ledger).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_downtime: Vec<&Value> = lines
        .iter()
        .filter(|line| line["cause"] == "downtime")
        .collect();
    let words: Vec<&str> = of_downtime
        .iter()
        .map(|line| line["line"].as_str().unwrap())
        .collect();
    assert_eq!(words[..2], ["opened", "ended"], "{lines:#?}");
    assert_eq!(of_downtime[1]["users"].as_array().unwrap().len(), 24);
}
