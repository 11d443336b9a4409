//! The queue between the network and the host: bounded, and never in the way of who fills it.
//!
//! When it is full, the oldest event that is not being offered gives way. What gave way leaves one [`Slot::Lost`] in
//! its place, which grows with its neighbours; the dispatcher makes one event of it. Sequence numbers are given when an
//! event is first offered, so a run of lost events knows how many numbers to skip, and the next event follows on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Terms;
use super::backlog::Backlog;
use super::feed_id::{self, FeedId};
use super::journal::Begin;
use super::journal::store::Mark;
use super::slot::{Dropped, LostRun, LostWhy, Slot};
use super::spent::Spent;
use crate::model::event::{Event, Subject};
use crate::model::feed::{Feed, Scope, StateReport, Why};
use crate::observe::{Counters, DeliveryFigures, Log};

mod journaled;
mod reports;

pub(super) use reports::{own_event, own_id};

/// Events that the dispatcher takes out under one lock at the most.
const BATCH: usize = 64;

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

/// What became of events that were not taken when the run ended.
#[derive(Debug)]
pub(super) enum Closed {
    /// So many were dropped, and these the ledger does not know yet.
    Dropped(u64, Vec<Dropped>),
    /// So many stay in the journal.
    Kept(u64),
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
    feed: Mutex<Arc<FeedId>>,
    pub(super) terms: Terms,
    /// As the terms say, until other settings come.
    pub(super) refusals_before_lost: AtomicU32,
    pub(super) counters: Arc<Counters>,
    log: Log,
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// For the journal's thread, if there is one.
    wake_journal: Condvar,
    /// Events that the dispatcher took out and the host has not taken. Only the dispatcher writes it.
    in_hand: AtomicUsize,
    /// Looked at before every offer, so not under the lock.
    states_wait: AtomicBool,
    ending: AtomicBool,
    /// What the figures show of the dispatcher.
    pub(super) sequence: AtomicU64,
    pub(super) refusals: AtomicU64,
    is_journaled: bool,
    pub(super) spent: Spent,
}

struct Waiting {
    /// What may be offered. With a journal: what is ready.
    slots: VecDeque<Slot>,
    /// Slots that hold an event; with a journal, incoming ones among them.
    events: usize,
    /// With a journal: what is not ready.
    backlog: Option<Box<Backlog>>,
    /// When the journal was looked at.
    checked: Instant,
    /// When the journal's thread wrote last.
    wrote: Instant,
    most: usize,
    states: VecDeque<Arc<StateReport>>,
    said: Option<(Feed, Why, Scope)>,
    /// The last report of the adapter: what delivery itself tells leaves life and feed as they are in it.
    reported: Option<StateReport>,
    /// How many of the marks of `reports` were passed since nothing waited.
    backlogs_passed: usize,
    reports: u64,
    asleep: Asleep,
    drain_until: Option<Instant>,
    ended: bool,
    dropped_at_end: u64,
}

impl Queue {
    pub(super) fn new(
        terms: Terms,
        counters: Arc<Counters>,
        log: Log,
        journal: Option<&Begin>,
    ) -> Self {
        let feed = journal.map_or_else(feed_id::new, |journal| journal.mark.feed.clone());
        Self {
            feed: Mutex::new(Arc::new(feed)),
            refusals_before_lost: AtomicU32::new(terms.refusals_before_lost),
            terms,
            counters,
            log,
            waiting: Mutex::new(Waiting {
                slots: VecDeque::new(),
                events: 0,
                backlog: journal.map(|journal| Box::new(journal.backlog())),
                checked: Instant::now(),
                wrote: Instant::now(),
                most: 0,
                states: VecDeque::new(),
                said: None,
                reported: None,
                backlogs_passed: 0,
                // What is told of a feed by several processes has ids of its own in each.
                reports: journal.map_or(0, |journal| journal.lives << 32),
                asleep: Asleep::No,
                drain_until: None,
                ended: false,
                dropped_at_end: 0,
            }),
            wake: Condvar::new(),
            wake_journal: Condvar::new(),
            in_hand: AtomicUsize::new(0),
            states_wait: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            sequence: AtomicU64::new(journal.map_or(0, |journal| journal.mark.sequence)),
            refusals: AtomicU64::new(0),
            is_journaled: journal.is_some(),
            spent: Spent::default(),
        }
    }

    /// Under one lock for all: a new conversation tells many events at once. Returns how many there were.
    pub(super) fn push_all(&self, events: impl Iterator<Item = Event>) -> usize {
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

    /// Another feed begins behind what is in the queue. What was told in the last one is told anew.
    pub(super) fn begin_feed(&self) {
        let mut waiting = self.waiting();
        let begin = Slot::Begin(Arc::new(feed_id::new()));
        match &mut waiting.backlog {
            None => waiting.slots.push_back(begin),
            Some(backlog) => {
                backlog.told_already.clear();
                backlog.incoming.push_back(begin);
            }
        }
    }

    /// Wakes the dispatcher if it sleeps for want of what is there now.
    pub(super) fn wake_if_idle(&self) {
        let mut waiting = self.waiting();
        let has_work = match waiting.asleep {
            Asleep::No => false,
            Asleep::Idle => waiting.has_slot() || !waiting.states.is_empty(),
            Asleep::Pausing => !waiting.states.is_empty(),
        };
        self.wake_journal_if(&mut waiting, |backlog| {
            !backlog.incoming.is_empty() && !backlog.in_memory
        });
        if has_work {
            waiting.asleep = Asleep::No;
            drop(waiting);
            self.wake.notify_one();
        }
    }

    fn append(&self, waiting: &mut Waiting, event: Event) {
        match &mut waiting.backlog {
            None => waiting.slots.push_back(Slot::Event(event)),
            Some(backlog) if backlog.told_already.contains(&event.id.0) => return,
            Some(backlog) => backlog.incoming.push_back(Slot::Event(event)),
        }
        waiting.events += 1;
        let limit = self.terms.queue_max_events.max(1);
        if self.held(waiting) > limit && !waiting.shed() {
            waiting.give_way();
            self.counters.events_lost.one();
        }
        waiting.most = waiting.most.max(self.backlog(waiting));
        self.note_backlog(waiting);
    }

    /// The feed of what is offered now.
    pub(super) fn feed(&self) -> Arc<FeedId> {
        Arc::clone(&self.feed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The dispatcher has come to the begin of another feed.
    pub(super) fn set_feed(&self, feed: Arc<FeedId>) {
        if let Some(backlog) = &mut self.waiting().backlog {
            backlog.advance(Mark {
                place: backlog.front,
                sequence: 0,
                feed: FeedId::clone(&feed),
            });
        }
        *self.feed.lock().unwrap_or_else(PoisonError::into_inner) = feed;
        self.sequence.store(0, Ordering::Relaxed);
    }

    /// Waits for something to do. The events of the last answer are no longer in hand.
    pub(super) fn next(&self) -> Next {
        let mut waiting = self.waiting();
        self.in_hand.store(0, Ordering::Relaxed);
        self.note_no_backlog(&mut waiting);
        loop {
            waiting.asleep = Asleep::No;
            if !waiting.states.is_empty() {
                return Next::States;
            }
            if waiting.backlog.is_some() {
                if let Some(slot) = waiting.take() {
                    let is_event = matches!(slot, Slot::Event(_));
                    waiting.events -= usize::from(is_event);
                    self.in_hand.store(usize::from(is_event), Ordering::Relaxed);
                    let low = self.terms.queue_max_events / 4;
                    let is_low = waiting.slots.len() <= low;
                    self.wake_journal_if(&mut waiting, |backlog| is_low && backlog.behind() > 0);
                    return Next::Offer(VecDeque::from([slot]));
                }
                let Some(wait) = self.wait_for_journal(&mut waiting) else {
                    return Next::End;
                };
                waiting.asleep = Asleep::Idle;
                waiting = match wait {
                    Some(time) => {
                        self.wake
                            .wait_timeout(waiting, time)
                            .unwrap_or_else(PoisonError::into_inner)
                            .0
                    }
                    None => self
                        .wake
                        .wait(waiting)
                        .unwrap_or_else(PoisonError::into_inner),
                };
                continue;
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

    /// What was offered is no more: the host took it, or it was given up. The number is the one that it had.
    pub(super) fn taken(&self, is_event: bool, sequence: u64) {
        if is_event {
            self.let_go();
        }
        if !self.is_journaled {
            return;
        }
        let feed = FeedId::clone(&self.feed());
        let mut waiting = self.waiting();
        if let Some(backlog) = &mut waiting.backlog {
            let place = backlog.front;
            backlog.advance(Mark {
                place,
                sequence,
                feed,
            });
        }
        self.wake_journal_if(&mut waiting, |_| true);
    }

    /// One of the events in hand is no more.
    pub(super) fn let_go(&self) {
        let left = self.in_hand.load(Ordering::Relaxed).saturating_sub(1);
        self.in_hand.store(left, Ordering::Relaxed);
    }

    /// Whether there is a journal.
    pub(super) const fn is_journaled(&self) -> bool {
        self.is_journaled
    }

    /// With a journal: what is being offered is given up. What stands in its place is offered when that is on disk.
    pub(super) fn give_up(&self, run: LostRun) {
        self.let_go();
        let mut waiting = self.waiting();
        let waiting = &mut *waiting;
        if let Some(backlog) = &mut waiting.backlog {
            backlog.give_up(&mut waiting.slots, run);
        }
        self.wake_journal.notify_one();
    }

    /// Events that wait anywhere, on disk too, or are in hand.
    fn backlog(&self, waiting: &Waiting) -> usize {
        let behind = waiting
            .backlog
            .as_ref()
            .map_or(0, |backlog| backlog.behind());
        self.held(waiting)
            .saturating_add(usize::try_from(behind).unwrap_or(usize::MAX))
    }

    /// Events that are in memory or in hand.
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

    /// Takes no more. What waits, what `hand` holds and `offered`, the event that is being offered, are dropped: they
    /// would have had their numbers in `feed` from `next` on. Returns of how many events the host has not been told, and
    /// the runs of those that the ledger does not know yet. With a journal they stay in it.
    pub(super) fn close(
        &self,
        hand: &VecDeque<Slot>,
        offered: Option<&Event>,
        feed: &Arc<FeedId>,
        next: u64,
    ) -> Closed {
        let mut waiting = self.waiting();
        waiting.ended = true;
        if waiting.backlog.is_some() {
            // The journal's thread writes what is left, and ends.
            let kept = self.backlog(&waiting) as u64;
            self.wake_journal.notify_one();
            return Closed::Kept(kept);
        }
        let (mut untold, mut newly_lost) = (0, 0);
        let mut dropped = vec![Dropped::nothing(feed, next)];
        let mut drop_run = |dropped: &mut Vec<Dropped>, run: LostRun| {
            untold += run.count;
            if let Some(last) = dropped.last_mut() {
                last.run = Some(last.run.map_or(run, |before| before.and(run)));
            }
        };
        // These were counted as lost, and written down, when the record was made; no event has told the host.
        let mut recorded = 0;
        match offered.map(|event| (event, &event.subject)) {
            None => {}
            Some((_, Subject::Lost(lost))) => recorded = lost.last - lost.first + 1,
            Some((event, _)) => {
                newly_lost += 1;
                drop_run(&mut dropped, LostRun::of(event, LostWhy::STOPPED));
            }
        }
        for slot in hand.iter().chain(&waiting.slots) {
            match slot {
                Slot::Event(event) => {
                    newly_lost += 1;
                    drop_run(&mut dropped, LostRun::of(event, LostWhy::STOPPED));
                }
                Slot::Lost(run) => drop_run(&mut dropped, *run),
                Slot::Begin(feed) => dropped.push(Dropped::nothing(feed, 1)),
            }
        }
        untold += recorded;
        waiting.slots.clear();
        waiting.events = 0;
        self.in_hand.store(0, Ordering::Relaxed);
        waiting.dropped_at_end = untold;
        self.counters.events_lost.add(newly_lost);
        Closed::Dropped(untold, dropped)
    }

    /// Events that wait or are being offered.
    pub(super) fn untaken(&self) -> u64 {
        self.backlog(&self.waiting()) as u64
    }

    pub(super) fn figures(&self) -> DeliveryFigures {
        let waiting = self.waiting();
        DeliveryFigures {
            feed_id: self.feed().id.clone(),
            sequence: self.sequence.load(Ordering::Relaxed),
            queued: self.backlog(&waiting) as u64,
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
    /// With a journal: what may be offered next.
    fn take(&mut self) -> Option<Slot> {
        let backlog = self.backlog.as_mut()?;
        backlog.take(&mut self.slots)
    }

    /// Whether there is something that may be offered.
    fn has_slot(&self) -> bool {
        match &self.backlog {
            None => !self.slots.is_empty(),
            Some(backlog) if backlog.held_back => false,
            Some(backlog) if backlog.in_memory && backlog.behind() == 0 => {
                !self.slots.is_empty() || !backlog.incoming.is_empty()
            }
            Some(_) => !self.slots.is_empty(),
        }
    }

    /// With a journal: makes room by forgetting what can be read from the disk again. Says whether it did.
    fn shed(&mut self) -> bool {
        let Some(backlog) = &mut self.backlog else {
            return false;
        };
        if backlog.held_back {
            return false;
        }
        while let Some(slot) = backlog.shed(&mut self.slots) {
            if matches!(slot, Slot::Event(_)) {
                self.events -= 1;
                return true;
            }
        }
        false
    }

    /// The oldest event becomes part of a lost run in its place, merged with the runs beside it.
    fn give_way(&mut self) {
        let (slots, from) = match &mut self.backlog {
            None => (&mut self.slots, 0),
            // What is being written will be on disk.
            Some(backlog) => {
                let from = backlog.writing;
                (&mut backlog.incoming, from)
            }
        };
        // Only runs and begins of feeds can stand before it, so it stands near the front.
        let oldest = slots
            .iter()
            .skip(from)
            .position(|slot| matches!(slot, Slot::Event(_)));
        let Some(at) = oldest.map(|at| at + from) else {
            return;
        };
        let Some(Slot::Event(event)) = slots.remove(at) else {
            return;
        };
        self.events -= 1;
        let mut run = LostRun::of(&event, LostWhy::QUEUE_FULL);
        if let Some(Slot::Lost(behind)) = slots.get(at) {
            run = run.and(*behind);
            slots.remove(at);
        }
        let before = at.checked_sub(1).filter(|before| *before >= from);
        match before.and_then(|before| slots.get_mut(before)) {
            Some(Slot::Lost(before)) => *before = before.and(run),
            _ => slots.insert(at, Slot::Lost(run)),
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
