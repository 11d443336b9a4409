//! The way into the queue, for the network side.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::queue::Queue;
use crate::model::event::{Event, EventKind, Subject};
use crate::model::feed::StateReport;
use crate::model::time::UtcMicros;

/// The way in for events and state reports. Cloning it is a reference count. Nothing here waits for the host.
#[derive(Clone)]
pub struct Intake(Arc<Queue>);

impl Intake {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self(queue)
    }

    /// Puts an event at the end of the feed. After the end of the run it is counted as lost.
    pub fn offer(&self, event: Event) {
        self.0.push_all(std::iter::once(event));
        self.flush();
    }

    /// Puts events at the end of the feed for a dispatcher that is told of them by [`flush`](Self::flush): one wake-up
    /// for a burst of notifications that arrived together costs less than one for each. Returns how many there were.
    pub fn offer_in_burst(&self, events: impl Iterator<Item = Event>) -> usize {
        self.0.push_all(events)
    }

    /// Puts an event about the feed itself at the end of it: a gap, a renewal.
    pub fn tell_of_feed(&self, kind: EventKind, subject: Subject, reason: &str) {
        self.0.tell_of_feed(kind, subject, reason);
        self.0.wake_if_idle();
    }

    /// Ends a burst.
    pub fn flush(&self) {
        self.0.wake_if_idle();
        self.0.spent.forget();
    }

    /// Another number of refusals before an event is given up; 0: never. Holds for the event that is being refused, too.
    pub fn set_refusals_before_lost(&self, refusals: u32) {
        self.0
            .refusals_before_lost
            .store(refusals, Ordering::Relaxed);
    }

    /// Tells the state of the adapter and its feed: to the host out of band, and, if it changes what is known of the
    /// feed (its state, why, or the scope), in the feed too, at this place.
    pub fn report(&self, report: StateReport) {
        self.0.report(report);
    }

    /// Everything of the region that happened up to then was heard: with a journal this is kept, so that a start after
    /// a crash knows from when on it must read. Costs nothing to call often.
    pub fn covered_until(&self, at: UtcMicros) {
        self.0.covered_until(at);
    }

    /// Begins another feed: what is offered from now on is numbered from 1 under a new id. For when what was open in the
    /// feed so far can no longer be told.
    pub fn begin_feed(&self) {
        self.0.begin_feed();
    }
}
