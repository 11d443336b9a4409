//! What delivery tells of its own accord: states out of band, how many events wait, and events about the feed itself.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::{Asleep, Queue, Waiting};
use crate::delivery::feed_id::FeedId;
use crate::model::event::{
    Cause, ConnectionState, Event, EventId, EventKind, Flag, Remark, Source, Subject,
};
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::time::UtcMicros;

/// State reports that wait at the most; of more the newest count.
const STATES: usize = 64;
/// The host is told when so many events wait for it, each number once until all of them are taken.
const BACKLOGS: [usize; 3] = [1_000, 10_000, 100_000];

impl Queue {
    /// Tells, out of band, that the events that wait have become many. Call it when there may be more than before.
    pub(super) fn note_backlog(&self, waiting: &mut Waiting) {
        let held = self.backlog(waiting);
        let mut passed = None;
        while let Some(mark) = BACKLOGS.get(waiting.backlogs_passed)
            && held >= *mark
        {
            waiting.backlogs_passed += 1;
            passed = Some(*mark);
        }
        if let Some(mark) = passed {
            let message = format!(
                "the host takes events more slowly than they come: {mark} wait for it. Look at the recorder, its \
                 disk and its database"
            );
            self.log.warn("delivery", format_args!("{message}"));
            self.keep_state(waiting, waiting.instead(Some(Why::Backlog), message.into()));
        }
    }

    /// Tells, out of band, that nothing waits any more. Call it when there may be nothing.
    pub(super) fn note_no_backlog(&self, waiting: &mut Waiting) {
        if waiting.backlogs_passed > 0 && self.backlog(waiting) == 0 {
            waiting.backlogs_passed = 0;
            let message = "the host has taken all events that waited for it";
            self.log.info("delivery", format_args!("{message}"));
            self.keep_state(waiting, waiting.instead(None, message.into()));
        }
    }

    pub(in crate::delivery) fn report(&self, report: StateReport) {
        let mut waiting = self.waiting();
        if waiting.ended {
            return;
        }
        waiting.reports += 1;
        let says = (report.feed, report.why, report.scope.clone());
        if waiting.said.as_ref() != Some(&says) {
            waiting.said = Some(says);
            let event = self.feed_state_event(&report, waiting.reports);
            self.append(&mut waiting, event);
        }
        waiting.reported = Some(report.clone());
        self.queue_state(waiting, report);
    }

    pub(in crate::delivery) fn tell_of_feed(
        &self,
        kind: EventKind,
        subject: Subject,
        reason: &str,
    ) {
        let mut waiting = self.waiting();
        if waiting.ended {
            return;
        }
        waiting.reports += 1;
        let event = Event {
            id: own_id(&self.feed(), kind.name(), waiting.reports, 0),
            reason: reason.into(),
            ..own_event(kind, subject, UtcMicros::read_clock())
        };
        self.append(&mut waiting, event);
    }

    /// Tells a state out of band only: about the dispatcher itself, which stands at no place of the feed.
    pub(in crate::delivery) fn tell(&self, report: StateReport) {
        self.queue_state(self.waiting(), report);
    }

    /// As [`tell`](Self::tell), and leaves life and feed as they were reported last.
    pub(in crate::delivery) fn alarm(&self, why: Why, message: String) {
        let waiting = self.waiting();
        let report = waiting.instead(Some(why), message.into());
        self.queue_state(waiting, report);
    }

    pub(super) fn keep_state(&self, waiting: &mut Waiting, report: StateReport) {
        if waiting.states.len() >= STATES {
            waiting.states.pop_front();
        }
        waiting.states.push_back(Arc::new(report));
        self.states_wait.store(true, Ordering::Release);
    }

    pub(super) fn queue_state(&self, mut waiting: MutexGuard<'_, Waiting>, report: StateReport) {
        self.keep_state(&mut waiting, report);
        if std::mem::replace(&mut waiting.asleep, Asleep::No) != Asleep::No {
            drop(waiting);
            self.wake.notify_one();
        }
    }

    fn feed_state_event(&self, report: &StateReport, number: u64) -> Event {
        Event {
            id: own_id(&self.feed(), "state", number, 0),
            received: report.at,
            reason: report.why.name().into(),
            ..own_event(
                EventKind::FeedState,
                Subject::Feed(Arc::new(report.clone())),
                report.at,
            )
        }
    }

    /// The oldest state that waits.
    pub(in crate::delivery) fn next_state(&self) -> Option<Arc<StateReport>> {
        if !self.states_wait.load(Ordering::Acquire) {
            return None;
        }
        let mut waiting = self.waiting();
        let state = waiting.states.pop_front();
        if waiting.states.is_empty() {
            self.states_wait.store(false, Ordering::Release);
        }
        state
    }
}

impl Waiting {
    /// What the adapter reported last, with other words; another `why` only if one is given.
    pub(super) fn instead(&self, why: Option<Why>, message: Arc<str>) -> StateReport {
        let at = UtcMicros::read_clock();
        match &self.reported {
            Some(last) => StateReport {
                why: why.unwrap_or(last.why),
                message,
                at,
                ..last.clone()
            },
            None => StateReport {
                life: Life::Starting,
                feed: Feed::Down,
                why: why.unwrap_or(Why::Connecting),
                scope: Scope::default(),
                message,
                at,
            },
        }
    }
}

/// An id for an event that delivery makes itself.
pub(in crate::delivery) fn own_id(feed: &FeedId, what: &str, first: u64, last: u64) -> EventId {
    let text = format!("{:032x} {what} {first} {last}", feed.number);
    EventId(twox_hash::XxHash3_128::oneshot(text.as_bytes()))
}

/// An event that delivery makes itself: about no connection.
pub(in crate::delivery) fn own_event(
    kind: EventKind,
    subject: Subject,
    received: UtcMicros,
) -> Event {
    Event {
        kind,
        id: EventId(0),
        id_exact: false,
        source: Source::Synthetic,
        platform_time: None,
        received,
        subject,
        state: ConnectionState::Unknown,
        previous: ConnectionState::Unknown,
        cause: Cause::None,
        raw: Remark::default(),
        reason: Remark::default(),
        held: Flag::Unknown,
        muted: Flag::Unknown,
        confined: Flag::Unknown,
        secure_pause: Flag::Unknown,
        detail: None,
    }
}
