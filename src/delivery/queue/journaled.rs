//! The queue with a journal: what the journal's thread is to do next, and what becomes of the queue when it has done it.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Asleep, Queue, Waiting};
use crate::delivery::backlog::Backlog;
use crate::delivery::feed_id::FeedId;
use crate::delivery::journal::store::span;
use crate::delivery::journal::writer::{Batch, CHECK, LAZY, LOAD, QUIET_CHECK, Request, Work};
use crate::delivery::slot::Slot;
use crate::model::feed::Why;
use crate::model::time::UtcMicros;

/// A disk that does not answer for so long fails.
const DISK_ANSWERS_WITHIN: Duration =
    Duration::from_millis(if cfg!(test) { 2_000 } else { 10_000 });
/// Events that are written in one step at the most.
const STEP: usize = 4_096;

impl Queue {
    pub(in crate::delivery) fn covered_until(&self, at: UtcMicros) {
        let mut waiting = self.waiting();
        let Some(backlog) = &mut waiting.backlog else {
            return;
        };
        if backlog.covered_until.is_none_or(|before| before < at) {
            backlog.covered_until = Some(at);
            backlog.is_ahead = true;
            self.wake_journal_if(&mut waiting, |_| true);
        }
    }

    pub(super) fn wake_journal_if(
        &self,
        waiting: &mut Waiting,
        is_for_it: impl FnOnce(&Backlog) -> bool,
    ) {
        if let Some(backlog) = &mut waiting.backlog
            && backlog.writer_asleep
            && is_for_it(backlog)
        {
            backlog.writer_asleep = false;
            self.wake_journal.notify_one();
        }
    }

    /// Asks the journal's thread. If it has ended, nobody answers.
    pub(in crate::delivery) fn ask_journal(&self, request: Request) {
        if let Some(backlog) = &mut self.waiting().backlog
            && !backlog.is_closed
        {
            backlog.requests.push_back(request);
        }
        self.wake_journal.notify_one();
    }

    /// How long the dispatcher waits for events: `None` if it is to end, `Some(None)` if as long as it takes.
    pub(super) fn wait_for_journal(&self, waiting: &mut Waiting) -> Option<Option<Duration>> {
        let now = Instant::now();
        let Some(backlog) = &mut waiting.backlog else {
            return None;
        };
        // A disk may begin to hang while the dispatcher sleeps.
        let mut wait = (waiting.wrote + DISK_ANSWERS_WITHIN > now).then_some(DISK_ANSWERS_WITHIN);
        if let (Some(since), false) = (backlog.busy_since, backlog.in_memory && !backlog.held_back)
        {
            let left = (since + DISK_ANSWERS_WITHIN).saturating_duration_since(now);
            if left.is_zero() {
                backlog.epoch += 1;
                backlog.busy_since = None;
                backlog.resume_in_memory();
                let message = "the disk of the journal does not answer: events go on to the host from memory, and would \
                               be lost in a crash. Check the disk";
                self.log.error("journal", format_args!("{message}"));
                let report = waiting.instead(Some(Why::Journal), message.into());
                self.keep_state(waiting, report);
                return Some(Some(Duration::ZERO));
            }
            wait = Some(left);
        }
        if let Some(until) = waiting.drain_until {
            let left = until.saturating_duration_since(now);
            if left.is_zero() || backlog.is_empty(&waiting.slots) {
                return None;
            }
            wait = Some(wait.map_or(left, |wait| wait.min(left)));
        }
        backlog.is_unwatched = wait.is_none();
        Some(wait)
    }

    /// Waits for something that the journal's thread is to do; `again`: when a failing disk is tried again.
    pub(in crate::delivery) fn next_for_journal(&self, again: Instant) -> Work {
        let mut guard = self.waiting();
        loop {
            let waiting = &mut *guard;
            let now = Instant::now();
            let low = self.terms.queue_max_events / 4;
            let may_hold = self.terms.queue_max_events / 2;
            let events = waiting.events;
            let ready = waiting.slots.len();
            let (ended, checked, wrote) = (waiting.ended, waiting.checked, waiting.wrote);
            let Some(backlog) = &mut waiting.backlog else {
                return Work::Check;
            };
            backlog.writer_asleep = false;
            backlog.busy_since = Some(now);
            if std::mem::take(&mut backlog.is_unwatched) && waiting.asleep == Asleep::Idle {
                waiting.asleep = Asleep::No;
                self.wake.notify_one();
            }
            if let Some(request) = backlog.requests.pop_front() {
                return Work::Request(request);
            }
            if ended {
                backlog.is_closed = true;
                let batch = backlog.batch(usize::MAX, None);
                return Work::End(batch);
            }
            let mut wake = None;
            if backlog.in_memory {
                if again <= now {
                    return Work::Return;
                }
                wake = Some(again);
            } else if !backlog.incoming.is_empty() {
                waiting.wrote = now;
                return Work::Write(backlog.batch(STEP, None));
            }
            if backlog.behind() > 0 && ready <= low && events <= may_hold {
                // Without a store nothing is read, and the thread would run in a circle.
                if !backlog.in_memory || backlog.can_read {
                    let most = LOAD.min(may_hold.max(1));
                    return Work::Load {
                        from: backlog.ready_end,
                        most,
                    };
                }
            }
            if !backlog.in_memory {
                if backlog.is_ahead {
                    if wrote + LAZY <= now {
                        waiting.wrote = now;
                        return Work::Write(backlog.batch(STEP, None));
                    }
                    wake = Some(wrote + LAZY);
                }
                if backlog.stored_end > backlog.mark.place {
                    let due = checked + QUIET_CHECK;
                    if due <= now {
                        waiting.checked = now;
                        return Work::Check;
                    }
                    wake = Some(wake.map_or(due, |wake| wake.min(due)));
                }
            }
            backlog.busy_since = None;
            backlog.writer_asleep = true;
            guard = match wake {
                Some(wake) => {
                    self.wake_journal
                        .wait_timeout(guard, wake.saturating_duration_since(now))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .wake_journal
                    .wait(guard)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Whether the journal should be looked at, while events come.
    pub(in crate::delivery) fn is_check_due(&self) -> bool {
        let mut waiting = self.waiting();
        let now = Instant::now();
        let is_due = waiting.checked + CHECK <= now;
        if is_due {
            waiting.checked = now;
        }
        is_due
    }

    /// The step is on the disk: what it held is ready.
    pub(in crate::delivery) fn stored(&self, batch: &Batch) {
        let mut waiting = self.waiting();
        let may_hold = self.terms.queue_max_events / 2;
        let is_ours = waiting
            .backlog
            .as_ref()
            .is_some_and(|backlog| backlog.epoch == batch.epoch && !backlog.in_memory);
        if is_ours {
            waiting.make_ready(batch, may_hold);
        }
        self.wake_if_it_has_work(waiting);
    }

    /// The journal works again, and the step, which holds all that is not taken, is on the disk. Says whether the feed goes
    /// on with the journal.
    pub(in crate::delivery) fn came_back(&self, batch: &Batch) -> bool {
        let mut waiting = self.waiting();
        let may_hold = self.terms.queue_max_events / 2;
        let Some(backlog) = &mut waiting.backlog else {
            return false;
        };
        let is_ours = backlog.epoch == batch.epoch;
        if is_ours {
            backlog.in_memory = false;
            backlog.begins_in_memory = false;
            backlog.held_back = false;
            backlog.told.clear();
            if let Some(hand) = &mut backlog.hand {
                hand.is_stored = true;
            }
            waiting.make_ready(batch, may_hold);
        }
        self.wake_if_it_has_work(waiting);
        is_ours
    }

    /// Offers nothing new, and says what must be on disk for that to go on: what is incoming, what is being offered, and
    /// for a new file what is ready.
    pub(in crate::delivery) fn hold_back_all(&self, is_new: bool) -> Batch {
        let mut waiting = self.waiting();
        let waiting = &mut *waiting;
        match &mut waiting.backlog {
            Some(backlog) => {
                backlog.held_back = true;
                if backlog.begins_in_memory
                    && matches!(backlog.incoming.front(), Some(Slot::Begin(_)))
                {
                    // Nothing was offered from memory: nobody need know.
                    backlog.incoming.pop_front();
                }
                backlog.batch(usize::MAX, is_new.then_some(&waiting.slots))
            }
            None => Batch::nothing(FeedId::clone(&self.feed())),
        }
    }

    /// Offers nothing new until further notice.
    pub(in crate::delivery) fn hold_back(&self) {
        if let Some(backlog) = &mut self.waiting().backlog {
            backlog.held_back = true;
        }
    }

    /// What is ready may be offered again.
    pub(in crate::delivery) fn let_go_on(&self) {
        let mut waiting = self.waiting();
        if let Some(backlog) = &mut waiting.backlog {
            backlog.held_back = false;
        }
        self.wake_if_it_has_work(waiting);
    }

    /// What is ready has changed on disk, and is to be read anew.
    pub(in crate::delivery) fn read_anew(&self) {
        let mut guard = self.waiting();
        let waiting = &mut *guard;
        if let Some(backlog) = &mut waiting.backlog {
            let events = waiting.slots.iter();
            let events = events.filter(|slot| matches!(slot, Slot::Event(_))).count();
            waiting.events -= events;
            waiting.slots.clear();
            backlog.ready_end = backlog.front;
            backlog.held_back = false;
        }
        self.wake_if_it_has_work(guard);
    }

    /// What is behind was read, from the place on.
    pub(in crate::delivery) fn loaded(&self, from: u64, slots: Vec<Slot>) {
        let mut guard = self.waiting();
        let waiting = &mut *guard;
        if let Some(backlog) = &mut waiting.backlog
            && backlog.ready_end == from
        {
            if slots.is_empty() {
                // It should be there: who reads on for ever would stand still.
                backlog.lose_behind(&mut waiting.slots);
            }
            for slot in slots {
                waiting.events += usize::from(matches!(slot, Slot::Event(_)));
                backlog.ready_end += span(&slot);
                waiting.slots.push_back(slot);
            }
            backlog.stored_end = backlog.stored_end.max(backlog.ready_end);
        }
        self.wake_if_it_has_work(guard);
    }

    /// The first place of what may still be changed on disk: behind what is being offered.
    pub(in crate::delivery) fn first_not_offered(&self) -> u64 {
        let waiting = self.waiting();
        waiting.backlog.as_ref().map_or(0, |backlog| backlog.front)
    }

    /// The first place of what may give way. The first slot that was not taken may not, also if it is not being offered
    /// yet: an earlier process may have been offering it, under the number that it would have no more.
    pub(in crate::delivery) fn first_that_may_give_way(&self) -> u64 {
        let waiting = self.waiting();
        match (&waiting.backlog, waiting.slots.front()) {
            (Some(backlog), _) if backlog.front > backlog.mark.place => backlog.front,
            (Some(backlog), Some(first)) => backlog.front + span(first),
            _ => u64::MAX,
        }
    }

    /// The disk fails.
    pub(in crate::delivery) fn go_on_in_memory(&self) {
        let mut waiting = self.waiting();
        if let Some(backlog) = &mut waiting.backlog {
            backlog.resume_in_memory();
        }
        self.wake_if_it_has_work(waiting);
    }

    /// Whether what is behind can be read while the feed goes on in memory.
    pub(in crate::delivery) fn set_can_read(&self, can_read: bool) {
        if let Some(backlog) = &mut self.waiting().backlog {
            backlog.can_read = can_read;
        }
    }

    pub(in crate::delivery) fn is_in_memory(&self) -> bool {
        let waiting = self.waiting();
        waiting
            .backlog
            .as_ref()
            .is_some_and(|backlog| backlog.in_memory)
    }

    /// What is on disk only is lost.
    pub(in crate::delivery) fn lose_behind(&self) {
        let mut guard = self.waiting();
        let waiting = &mut *guard;
        if let Some(backlog) = &mut waiting.backlog {
            let lost = backlog.lose_behind(&mut waiting.slots);
            self.counters.events_lost.add(lost);
        }
        self.wake_if_it_has_work(guard);
    }

    /// Tells, out of band, that something is mended; life and feed as they were reported last.
    pub(in crate::delivery) fn all_clear(&self, message: String) {
        let waiting = self.waiting();
        let report = waiting.instead(None, message.into());
        self.queue_state(waiting, report);
    }

    #[cfg(test)]
    pub(in crate::delivery) fn incoming(&self) -> usize {
        let waiting = self.waiting();
        waiting
            .backlog
            .as_ref()
            .map_or(0, |backlog| backlog.incoming.len())
    }

    #[cfg(test)]
    pub(in crate::delivery) fn in_memory_count(&self) -> usize {
        self.held(&self.waiting())
    }

    fn wake_if_it_has_work(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let is_ending = waiting.drain_until.is_some();
        if waiting.asleep == Asleep::Idle && (waiting.has_slot() || is_ending) {
            waiting.asleep = Asleep::No;
            drop(waiting);
            self.wake.notify_one();
        }
    }
}

impl Waiting {
    /// What the step wrote of the incoming slots is on disk.
    pub(super) fn make_ready(&mut self, batch: &Batch, may_hold: usize) {
        let Some(backlog) = &mut self.backlog else {
            return;
        };
        backlog.writing = 0;
        for _ in 0..batch.incoming {
            let Some(slot) = backlog.incoming.pop_front() else {
                break;
            };
            let is_next = backlog.behind() == 0;
            backlog.stored_end += span(&slot);
            if is_next && self.slots.len() < may_hold.max(1) {
                backlog.ready_end = backlog.stored_end;
                self.slots.push_back(slot);
            } else {
                self.events -= usize::from(matches!(slot, Slot::Event(_)));
            }
        }
        let is_same = backlog.mark == batch.mark && backlog.covered_until == batch.covered_until;
        backlog.is_ahead = !is_same;
    }
}
