//! A host that is asleep changes nothing on the side of the network: the same run, with the real way to a host that takes
//! nothing for hours, is the same step by step, and the events that wait stay within their bound.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use gca_soak::{Climate, Outcome, Plan, Run, Transcript};
use genesys_cloud_adapter::delivery::{Delivery, Host, Offer, Stopped, Terms, Verdict};
use genesys_cloud_adapter::model::event::Subject;
use genesys_cloud_adapter::model::feed::StateReport;
use genesys_cloud_adapter::model::log::LogLevel;
use genesys_cloud_adapter::observe::{Counters, Log, LogLine};

/// The host sleeps all the time.
const LENGTH: Duration = Duration::from_secs(2 * 3_600);
const MOST: usize = 100;
const LONG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Sleeper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_inside: bool,
    is_awake: bool,
    taken: u64,
    lost: u64,
}

impl Sleeper {
    fn wait(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let state = self.state.lock().unwrap();
        let (state, timeout) = self
            .changed
            .wait_timeout_while(state, LONG, |state| !holds(state))
            .unwrap();
        drop(state);
        assert!(!timeout.timed_out(), "never: {what}");
    }
}

impl Host for Sleeper {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        let mut state = self.state.lock().unwrap();
        state.is_inside = true;
        self.changed.notify_all();
        state = self
            .changed
            .wait_while(state, |state| !state.is_awake)
            .unwrap();
        match &offer.event.subject {
            Subject::Lost(lost) => state.lost += lost.last - lost.first + 1,
            _ => state.taken += 1,
        }
        self.changed.notify_all();
        Verdict::Taken
    }

    fn on_state(&self, _: &StateReport) {}

    fn on_log(&self, _: &LogLine) {}

    fn on_drop(&self) {}
}

fn run() -> Run {
    let plan = Plan {
        seed: 11,
        length: LENGTH,
        weather: Climate::Calm,
        spoiling: None,
    };
    Run::new(plan, Transcript::kept())
}

fn told(transcript: &Transcript) -> u64 {
    let lines = transcript.text().unwrap().lines();
    lines
        .filter(|line| line.contains("primary") && line.contains("Told {"))
        .count() as u64
}

#[test]
fn a_host_asleep_for_hours_loses_no_connection() {
    let (awake, beside_it): (Outcome, Transcript) = run().live();

    let host = Arc::new(Sleeper::default());
    let counters = Arc::new(Counters::default());
    let log = Log::new(LogLevel::Info);
    let delivery = Delivery::new(
        Arc::clone(&host) as Arc<dyn Host>,
        log,
        Arc::clone(&counters),
    );
    let terms = Terms {
        data_source: Arc::from("Soak"),
        queue_max_events: MOST,
        refusals_before_lost: 0,
        ledger: None,
    };
    let mut slept = run();
    slept.hand_over(delivery.start(terms, None).unwrap());
    let begin = Instant::now();
    let (asleep, transcript) = slept.live();
    host.wait("somebody came to wake it", |state| state.is_inside);

    assert!(awake.verdict.passes(), "{:?}", awake.findings);
    assert_eq!(
        awake.verdict.outages, 2,
        "the start of each adapter, no more"
    );
    assert_eq!(asleep.verdict, awake.verdict);
    assert_eq!(transcript.text(), beside_it.text());
    assert!(begin.elapsed() < LENGTH / 10, "nobody waited for it");
    let figures = delivery.figures();
    assert_eq!(
        (figures.queued, figures.queued_most),
        (MOST as u64, MOST as u64)
    );

    let due = told(&transcript);
    assert!(due > 5 * MOST as u64, "{due} events are too few");
    host.state.lock().unwrap().is_awake = true;
    host.changed.notify_all();
    host.wait("all are accounted for", |state| {
        state.taken + state.lost == due
    });
    assert_eq!(counters.events_lost.get(), host.state.lock().unwrap().lost);
    assert_eq!(delivery.stop(LONG), Stopped::Done);
}
