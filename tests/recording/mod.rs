//! A host that takes everything and keeps it, and what tests ask of a region on a port beside it.
//!
//! Knows the host's trait and the region's own requests. Does not know what a test is about.

#![allow(dead_code, reason = "each test binary takes what it needs of it")]

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gca_region::fault::{Fault, FaultOrder};
use gca_region::front::Running;
use gca_region::region::Request;
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::event::{Event, EventKind, Subject};
use genesys_cloud_adapter::model::feed::{Feed, StateReport, Why};
use genesys_cloud_adapter::model::gap::GapRecord;
use genesys_cloud_adapter::observe::LogLine;

/// How long a condition may take on a machine with much to do. A run in which nothing is wrong waits milliseconds; but
/// silence alone takes 45 s to be noticed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// A condition may be of what the region does, which wakes nobody: it is looked at again after this.
const AGAIN: Duration = Duration::from_millis(100);

/// A host that takes everything and keeps it.
#[derive(Default)]
pub(crate) struct Recorder {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// What it was told.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Event>,
    /// Of each event the feed's id and its place in it.
    pub(crate) sequences: Vec<(String, u64)>,
    pub(crate) states: Vec<StateReport>,
    pub(crate) log: Vec<String>,
    pub(crate) dropped: u32,
    /// While set, `on_event` does not return.
    pub(crate) blocks: bool,
    /// It is inside `on_event`.
    pub(crate) inside: bool,
}

impl Recorder {
    pub(crate) fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen());
        self.changed.notify_all();
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until it holds.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen();
        while !holds(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{what} did not come; states: {:#?}, log: {:#?}",
                seen.states,
                seen.log
            );
            let wait = left.min(AGAIN);
            seen = self.changed.wait_timeout(seen, wait).unwrap().0;
        }
    }

    pub(crate) fn wait_for_state(&self, feed: Feed, why: Why) -> StateReport {
        let is = |state: &StateReport| state.feed == feed && state.why == why;
        self.wait(&format!("{feed:?} because of {why:?}"), |seen| {
            seen.states.last().is_some_and(is)
        });
        self.seen().states.last().cloned().unwrap()
    }

    pub(crate) fn wait_for_events(&self, more: usize) {
        let from = self.seen().events.len();
        self.wait(&format!("{more} events"), |seen| {
            seen.events.len() >= from + more
        });
    }
}

impl Host for Recorder {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        self.note(|seen| seen.inside = true);
        let mut seen = self.seen();
        while seen.blocks {
            seen = self.changed.wait(seen).unwrap();
        }
        seen.inside = false;
        seen.events.push(offer.event.clone());
        seen.sequences
            .push((offer.feed_id.to_owned(), offer.sequence));
        drop(seen);
        self.changed.notify_all();
        Verdict::Taken
    }

    fn on_state(&self, report: &StateReport) {
        self.note(|seen| seen.states.push(report.clone()));
    }

    fn on_log(&self, line: &LogLine) {
        let line = format!("{:?} {} {}", line.level, line.target, line.message);
        self.note(|seen| seen.log.push(line));
    }

    fn on_drop(&self) {
        self.note(|seen| seen.dropped += 1);
    }
}

impl Seen {
    pub(crate) fn is_up(&self) -> bool {
        (self.states.last()).is_some_and(|state| state.feed == Feed::Up)
    }

    /// The events of a kind.
    pub(crate) fn of(&self, kind: EventKind) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    pub(crate) fn has(&self, kind: EventKind) -> bool {
        self.of(kind).next().is_some()
    }

    /// No id came twice.
    pub(crate) fn assert_each_id_once(&self) {
        let ids: BTreeSet<u128> = self.events.iter().map(|event| event.id.0).collect();
        assert_eq!(ids.len(), self.events.len(), "an id came twice");
    }

    /// The ledger as the host was told of it: of each gap the last word.
    pub(crate) fn gaps(&self) -> Vec<Arc<GapRecord>> {
        let mut gaps: Vec<Arc<GapRecord>> = Vec::new();
        for event in &self.events {
            if let Subject::Gap(gap) = &event.subject {
                gaps.retain(|known| known.id != gap.id);
                gaps.push(Arc::clone(gap));
            }
        }
        gaps
    }
}

/// Makes something go wrong from now on.
pub(crate) fn fault(region: &Running, fault: Fault) {
    region.with_region(|region, now| region.plan_fault(FaultOrder::now(fault), now));
}

/// Ends all that goes wrong.
pub(crate) fn clear_faults(region: &Running) {
    let clear = Request::new("DELETE", "/_sim/faults");
    let answer = region.with_region(|region, now| region.handle_request(&clear, now));
    assert!(answer.status < 300, "{}", answer.status);
}
