//! The queue between the network and the host: bounded, and never in the way of who fills it.
//!
//! When it is full, the oldest event that is not being offered gives way. What gave way leaves one [`Slot::Lost`] in
//! its place, which grows with its neighbours; the dispatcher makes one event of it. Sequence numbers are given when an
//! event is first offered, so a run of lost events knows how many numbers to skip, and the next event follows on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Terms;
use super::feed_id::{self, FeedName};
use crate::model::event::{
    Cause, ConnectionState, Event, EventId, EventKind, Flag, Source, Subject,
};
use crate::model::feed::{Feed, Scope, StateReport, Why};
use crate::model::time::UtcMicros;
use crate::observe::{Counters, DeliveryFigures};

/// Events that the dispatcher takes out under one lock at the most.
const BATCH: usize = 64;
/// State reports that wait at the most; of more the newest count.
const STATES: usize = 64;

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
        self.0.wake_if_idle();
    }

    /// Puts events at the end of the feed for a dispatcher that is told of them by [`flush`](Self::flush): one wake-up
    /// for a burst of notifications that arrived together costs less than one for each. Returns how many there were.
    pub fn offer_in_burst(&self, events: impl Iterator<Item = Event>) -> usize {
        self.0.push_all(events)
    }

    /// Ends a burst.
    pub fn flush(&self) {
        self.0.wake_if_idle();
    }

    /// Tells the state of the adapter and its feed: to the host out of band, and, if it changes what is known of the
    /// feed (its state, why, or the scope), in the feed too, at this place.
    pub fn report(&self, report: StateReport) {
        self.0.report(report);
    }

    /// Begins another feed: what is offered from now on is numbered from 1 under a new id. For when what was open in the
    /// feed so far can no longer be told.
    pub fn begin_feed(&self) {
        self.0
            .waiting()
            .slots
            .push_back(Slot::Begin(Arc::new(feed_id::new())));
    }
}

/// What stands at one place of the queue.
#[derive(Debug)]
pub(super) enum Slot {
    Event(Event),
    Lost(LostRun),
    /// Another feed begins here.
    Begin(Arc<FeedName>),
}

/// Neighbouring events that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LostRun {
    pub(super) count: u64,
    pub(super) from: UtcMicros,
    pub(super) to: UtcMicros,
    pub(super) why: LostWhy,
}

/// Why events are gone: every reason that had a part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LostWhy {
    pub(super) queue_full: bool,
    pub(super) refused: bool,
    pub(super) defect: bool,
}

impl LostRun {
    pub(super) fn of(event: &Event, why: LostWhy) -> Self {
        Self {
            count: 1,
            from: event.received,
            to: event.received,
            why,
        }
    }

    /// This run and the one behind it, as one.
    pub(super) fn and(self, behind: Self) -> Self {
        Self {
            count: self.count + behind.count,
            from: self.from,
            to: behind.to,
            why: LostWhy {
                queue_full: self.why.queue_full || behind.why.queue_full,
                refused: self.why.refused || behind.why.refused,
                defect: self.why.defect || behind.why.defect,
            },
        }
    }
}

impl LostWhy {
    pub(super) const QUEUE_FULL: Self = Self {
        queue_full: true,
        refused: false,
        defect: false,
    };

    /// The words for it in an event's `reason`.
    pub(super) fn words(self) -> String {
        let words = [
            (self.queue_full, "queue_full"),
            (self.refused, "refused"),
            (self.defect, "defect"),
        ];
        let words: Vec<_> = words
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| *word)
            .collect();
        words.join(",")
    }
}

/// What the dispatcher is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Offer these, in order.
    Offer(VecDeque<Slot>),
    /// There are states to tell.
    States,
    /// Nothing waits and nothing will come.
    End,
}

/// What the dispatcher waits for, if it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asleep {
    No,
    /// For anything.
    Idle,
    /// For states and the end only: an event was refused.
    Pausing,
}

pub(super) struct Queue {
    /// The feed of what is offered now.
    feed: Mutex<Arc<FeedName>>,
    pub(super) terms: Terms,
    pub(super) counters: Arc<Counters>,
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Events that the dispatcher took out and the host has not taken. Only the dispatcher writes it.
    in_hand: AtomicUsize,
    /// Looked at before every offer, so not under the lock.
    states_wait: AtomicBool,
    ending: AtomicBool,
    /// What the figures show of the dispatcher.
    pub(super) sequence: AtomicU64,
    pub(super) refusals: AtomicU64,
}

struct Waiting {
    slots: VecDeque<Slot>,
    /// Slots that hold an event.
    events: usize,
    most: usize,
    states: VecDeque<Arc<StateReport>>,
    said: Option<(Feed, Why, Scope)>,
    reports: u64,
    asleep: Asleep,
    drain_until: Option<Instant>,
    ended: bool,
    dropped_at_end: u64,
}

impl Queue {
    pub(super) fn new(terms: Terms, counters: Arc<Counters>) -> Self {
        Self {
            feed: Mutex::new(Arc::new(feed_id::new())),
            terms,
            counters,
            waiting: Mutex::new(Waiting {
                slots: VecDeque::new(),
                events: 0,
                most: 0,
                states: VecDeque::new(),
                said: None,
                reports: 0,
                asleep: Asleep::No,
                drain_until: None,
                ended: false,
                dropped_at_end: 0,
            }),
            wake: Condvar::new(),
            in_hand: AtomicUsize::new(0),
            states_wait: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            sequence: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        }
    }

    /// Under one lock for all: a new conversation tells many events at once. Returns how many there were.
    fn push_all(&self, events: impl Iterator<Item = Event>) -> usize {
        let mut events = events.peekable();
        if events.peek().is_none() {
            return 0;
        }
        let mut waiting = self.waiting();
        let mut count = 0;
        for event in events {
            count += 1;
            if waiting.ended {
                waiting.dropped_at_end += 1;
                self.counters.events_lost.one();
            } else {
                self.append(&mut waiting, event);
            }
        }
        count
    }

    /// Wakes the dispatcher if it sleeps for want of events and there are some.
    fn wake_if_idle(&self) {
        let mut waiting = self.waiting();
        if waiting.asleep == Asleep::Idle && !waiting.slots.is_empty() {
            waiting.asleep = Asleep::No;
            drop(waiting);
            self.wake.notify_one();
        }
    }

    fn append(&self, waiting: &mut Waiting, event: Event) {
        waiting.slots.push_back(Slot::Event(event));
        waiting.events += 1;
        let limit = self.terms.queue_max_events.max(1);
        if self.held(waiting) > limit {
            waiting.give_way();
            self.counters.events_lost.one();
        }
        waiting.most = waiting.most.max(self.held(waiting));
    }

    fn report(&self, report: StateReport) {
        let report = Arc::new(report);
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
        self.queue_state(waiting, report);
    }

    /// Tells a state out of band only: about the dispatcher itself, which stands at no place of the feed.
    pub(super) fn tell(&self, report: StateReport) {
        self.queue_state(self.waiting(), Arc::new(report));
    }

    fn queue_state(&self, mut waiting: MutexGuard<'_, Waiting>, report: Arc<StateReport>) {
        if waiting.states.len() >= STATES {
            waiting.states.pop_front();
        }
        waiting.states.push_back(report);
        self.states_wait.store(true, Ordering::Release);
        if std::mem::replace(&mut waiting.asleep, Asleep::No) != Asleep::No {
            drop(waiting);
            self.wake.notify_one();
        }
    }

    fn feed_state_event(&self, report: &Arc<StateReport>, number: u64) -> Event {
        Event {
            id: own_id(&self.feed(), "state", number, 0),
            received: report.at,
            reason: Arc::from(report.why.name()),
            ..own_event(
                EventKind::FeedState,
                Subject::Feed(Arc::clone(report)),
                report.at,
            )
        }
    }

    /// The feed of what is offered now.
    pub(super) fn feed(&self) -> Arc<FeedName> {
        Arc::clone(&self.feed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The dispatcher has come to the begin of another feed.
    pub(super) fn set_feed(&self, feed: Arc<FeedName>) {
        *self.feed.lock().unwrap_or_else(PoisonError::into_inner) = feed;
        self.sequence.store(0, Ordering::Relaxed);
    }

    /// Waits for something to do. The events of the last answer are no longer in hand.
    pub(super) fn next(&self) -> Next {
        let mut waiting = self.waiting();
        self.in_hand.store(0, Ordering::Relaxed);
        loop {
            waiting.asleep = Asleep::No;
            if !waiting.states.is_empty() {
                return Next::States;
            }
            if !waiting.slots.is_empty() {
                let batch = (self.terms.queue_max_events / 8).clamp(1, BATCH);
                let batch = batch.min(waiting.slots.len());
                let slots: VecDeque<_> = waiting.slots.drain(..batch).collect();
                let events = slots
                    .iter()
                    .filter(|slot| matches!(slot, Slot::Event(_)))
                    .count();
                waiting.events -= events;
                self.in_hand.store(events, Ordering::Relaxed);
                return Next::Offer(slots);
            }
            if waiting.drain_until.is_some() {
                return Next::End;
            }
            waiting.asleep = Asleep::Idle;
            waiting = self
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One of the events in hand is no more: the host took it, or it was given up.
    pub(super) fn let_go(&self) {
        let left = self.in_hand.load(Ordering::Relaxed).saturating_sub(1);
        self.in_hand.store(left, Ordering::Relaxed);
    }

    /// Events that wait or are in hand.
    fn held(&self, waiting: &Waiting) -> usize {
        waiting.events + self.in_hand.load(Ordering::Relaxed)
    }

    /// Puts back what was taken out and not offered, so that it can give way again; `offered` stays in hand.
    pub(super) fn put_back(&self, slots: &mut VecDeque<Slot>, offered: usize) {
        let mut waiting = self.waiting();
        while let Some(slot) = slots.pop_back() {
            match slot {
                Slot::Event(_) => {
                    waiting.events += 1;
                    waiting.slots.push_front(slot);
                }
                Slot::Begin(_) => waiting.slots.push_front(slot),
                Slot::Lost(run) => {
                    let run = waiting.pop_lost().map_or(run, |behind| run.and(behind));
                    waiting.slots.push_front(Slot::Lost(run));
                }
            }
        }
        self.in_hand.store(offered, Ordering::Relaxed);
    }

    /// The run of lost events that stands first in `hand`, or in the queue if nothing is in hand; taken out.
    pub(super) fn take_lost(&self, hand: &mut VecDeque<Slot>) -> Option<LostRun> {
        match hand.front() {
            Some(Slot::Event(_) | Slot::Begin(_)) => None,
            Some(Slot::Lost(run)) => {
                let run = *run;
                hand.pop_front();
                Some(run)
            }
            None => self.waiting().pop_lost(),
        }
    }

    /// Waits for the time, or until there is a state to tell or the end was asked for.
    pub(super) fn pause(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let mut waiting = self.waiting();
        while waiting.states.is_empty() && waiting.drain_until.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting.asleep = Asleep::Pausing;
            (waiting, _) = self
                .wake
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        waiting.asleep = Asleep::No;
    }

    /// The oldest state that waits.
    pub(super) fn next_state(&self) -> Option<Arc<StateReport>> {
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

    /// Asks the dispatcher to end: it goes on with what waits until then, as long as the host takes it.
    pub(super) fn end(&self, drain_until: Instant) {
        {
            let mut waiting = self.waiting();
            waiting.drain_until = Some(match waiting.drain_until {
                Some(before) => before.min(drain_until),
                None => drain_until,
            });
            waiting.asleep = Asleep::No;
            self.ending.store(true, Ordering::Release);
        }
        self.wake.notify_all();
    }

    /// Whether the end was asked for.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Whether the end was asked for and the time to go on is over.
    pub(super) fn is_over(&self) -> bool {
        self.is_ending()
            && self
                .waiting()
                .drain_until
                .is_some_and(|until| Instant::now() >= until)
    }

    /// Takes no more, and says of how many events the host has not been told: those that wait, those that `slots` holds,
    /// and `untold` ones that are being offered, of which `unlost` are not counted as lost yet. They are dropped.
    pub(super) fn close(&self, slots: &VecDeque<Slot>, untold: u64, unlost: u64) -> u64 {
        let mut waiting = self.waiting();
        waiting.ended = true;
        let count = |slots: &VecDeque<Slot>| -> u64 {
            slots
                .iter()
                .map(|slot| match slot {
                    Slot::Event(_) => 1,
                    // These were counted as lost when they gave way; no event has told the host.
                    Slot::Lost(run) => run.count,
                    Slot::Begin(_) => 0,
                })
                .sum()
        };
        let events = |slots: &VecDeque<Slot>| -> u64 {
            slots
                .iter()
                .filter(|slot| matches!(slot, Slot::Event(_)))
                .count() as u64
        };
        let newly_lost = events(slots) + events(&waiting.slots) + unlost;
        let untold = count(slots) + count(&waiting.slots) + untold;
        waiting.slots.clear();
        waiting.events = 0;
        self.in_hand.store(0, Ordering::Relaxed);
        waiting.dropped_at_end = untold;
        self.counters.events_lost.add(newly_lost);
        untold
    }

    /// Events that wait or are being offered.
    pub(super) fn untaken(&self) -> u64 {
        self.held(&self.waiting()) as u64
    }

    pub(super) fn figures(&self) -> DeliveryFigures {
        let waiting = self.waiting();
        DeliveryFigures {
            feed_id: self.feed().id.clone(),
            sequence: self.sequence.load(Ordering::Relaxed),
            queued: self.held(&waiting) as u64,
            queued_most: waiting.most as u64,
            queue_limit: self.terms.queue_max_events as u64,
            refusals_of_current: self.refusals.load(Ordering::Relaxed),
            dropped_at_stop: waiting.dropped_at_end,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The oldest event becomes part of a lost run in its place, merged with the runs beside it.
    fn give_way(&mut self) {
        // Only runs and begins of feeds can stand before it, so it stands near the front.
        let oldest = self
            .slots
            .iter()
            .position(|slot| matches!(slot, Slot::Event(_)));
        let Some(at) = oldest else { return };
        let Some(Slot::Event(event)) = self.slots.remove(at) else {
            return;
        };
        self.events -= 1;
        let mut run = LostRun::of(&event, LostWhy::QUEUE_FULL);
        if let Some(Slot::Lost(behind)) = self.slots.get(at) {
            run = run.and(*behind);
            self.slots.remove(at);
        }
        match at
            .checked_sub(1)
            .and_then(|before| self.slots.get_mut(before))
        {
            Some(Slot::Lost(before)) => *before = before.and(run),
            _ => self.slots.insert(at, Slot::Lost(run)),
        }
    }

    /// The run of lost events that stands first, taken out.
    fn pop_lost(&mut self) -> Option<LostRun> {
        match self.slots.front() {
            Some(Slot::Lost(run)) => {
                let run = *run;
                self.slots.pop_front();
                Some(run)
            }
            _ => None,
        }
    }
}

/// An id for an event that delivery makes itself.
pub(super) fn own_id(feed: &FeedName, what: &str, first: u64, last: u64) -> EventId {
    let text = format!("{:032x} {what} {first} {last}", feed.number);
    EventId(twox_hash::XxHash3_128::oneshot(text.as_bytes()))
}

/// An event that delivery makes itself: about no connection.
pub(super) fn own_event(kind: EventKind, subject: Subject, received: UtcMicros) -> Event {
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
        raw: Arc::from(""),
        reason: Arc::from(""),
        held: Flag::Unknown,
        muted: Flag::Unknown,
        confined: Flag::Unknown,
        secure_pause: Flag::Unknown,
        detail: None,
    }
}
