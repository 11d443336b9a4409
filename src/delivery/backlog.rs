//! What a queue with a journal holds beside the slots that are ready: events that are not on disk yet, and where on disk the
//! rest is.
//!
//! Places run on from left to right: taken ones, the one that is being offered, those that are *ready* (on disk, and in
//! memory), those *behind* (on disk only), and those *incoming* (in memory only). The journal's thread moves events from the
//! right to the left; only what is ready is offered. *In memory*, which is while the disk fails, what is incoming is offered
//! when nothing is ready or behind.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::feed_id;
use super::journal::store::{Mark, span};
use super::journal::writer::{Batch, Request};
use super::slot::{LostRun, LostWhy, Slot};
use crate::model::event::Event;
use crate::model::time::UtcMicros;

/// Events that were taken while there was no disk, kept for the live set; of more the oldest go.
const MOST_TOLD: usize = 100_000;

pub(super) struct Backlog {
    pub(super) incoming: VecDeque<Slot>,
    /// Ids that an earlier run told and the host had not taken when this one began: they come from the journal, and not
    /// anew.
    pub(super) told_already: HashSet<u128>,
    /// So many of these are being written.
    pub(super) writing: usize,
    /// Since when the journal's thread has been busy with the disk.
    pub(super) busy_since: Option<Instant>,
    /// The dispatcher sleeps and would not notice that the disk hangs.
    pub(super) is_unwatched: bool,
    /// The place of the first ready slot.
    pub(super) front: u64,
    /// The place behind the last ready slot.
    pub(super) ready_end: u64,
    /// The place behind the last slot on disk, where the first incoming one will stand.
    pub(super) stored_end: u64,
    pub(super) in_memory: bool,
    /// The first incoming slot begins the feed of a time without a disk.
    pub(super) begins_in_memory: bool,
    /// Grows when the dispatcher no longer waits for what the journal's thread is doing.
    pub(super) epoch: u64,
    /// How far the host has come.
    pub(super) mark: Mark,
    /// What is being offered.
    pub(super) hand: Option<Hand>,
    /// Taken while there was no disk.
    pub(super) told: VecDeque<(u64, Event)>,
    /// Nothing new is offered: what is ready is about to change.
    pub(super) held_back: bool,
    pub(super) covered_until: Option<UtcMicros>,
    /// The mark or the covered time is newer than on disk.
    pub(super) is_ahead: bool,
    pub(super) requests: VecDeque<Request>,
    pub(super) writer_asleep: bool,
    /// While the feed goes on in memory: what is behind can be read.
    pub(super) can_read: bool,
    /// The journal's thread is about to end, or has.
    pub(super) is_closed: bool,
}

/// The one slot that the dispatcher has.
pub(super) struct Hand {
    pub(super) place: u64,
    pub(super) slot: Slot,
    pub(super) is_stored: bool,
}

impl Backlog {
    pub(super) fn new(mark: Mark, stored_end: u64, covered: Option<UtcMicros>) -> Self {
        Self {
            incoming: VecDeque::new(),
            writing: 0,
            busy_since: None,
            is_unwatched: false,
            front: mark.place,
            ready_end: mark.place,
            stored_end,
            told_already: HashSet::new(),
            in_memory: false,
            begins_in_memory: false,
            epoch: 0,
            mark,
            hand: None,
            told: VecDeque::new(),
            held_back: false,
            covered_until: covered,
            is_ahead: false,
            requests: VecDeque::new(),
            writer_asleep: false,
            can_read: false,
            is_closed: false,
        }
    }

    /// What is to be written now: of the incoming slots so many at the most, what is being offered or was taken without
    /// having been on disk, and what is ready if the file is a new one.
    pub(super) fn batch(&mut self, most: usize, ready: Option<&VecDeque<Slot>>) -> Batch {
        let mut rows = Vec::new();
        for (place, event) in &self.told {
            rows.push((*place, Slot::Event(event.clone())));
        }
        if let Some(hand) = &self.hand
            && (!hand.is_stored || ready.is_some())
        {
            rows.push((hand.place, hand.slot.clone()));
        }
        let mut place = self.front;
        for slot in ready.into_iter().flatten() {
            rows.push((place, slot.clone()));
            place += span(slot);
        }
        let incoming = self.incoming.len().min(most);
        let mut place = self.stored_end;
        for slot in self.incoming.iter().take(incoming) {
            rows.push((place, slot.clone()));
            place += span(slot);
        }
        self.writing = incoming;
        // What waits for the next step was heard, but would be lost in a crash before it.
        let mut left = self.incoming.iter().skip(incoming);
        let left = left.find_map(Slot::received);
        let covered_until = match (self.covered_until, left) {
            (Some(covered), Some(left)) => Some(covered.min(left)),
            (covered, _) => covered,
        };
        Batch {
            rows,
            incoming,
            mark: self.mark.clone(),
            covered_until,
            epoch: self.epoch,
        }
    }

    /// Places that are on disk only.
    pub(super) const fn behind(&self) -> u64 {
        self.stored_end.saturating_sub(self.ready_end)
    }

    /// Nothing waits but what is being offered.
    pub(super) fn is_empty(&self, ready: &VecDeque<Slot>) -> bool {
        ready.is_empty() && self.behind() == 0 && self.incoming.is_empty() && !self.held_back
    }

    /// The next slot that may be offered.
    pub(super) fn take(&mut self, ready: &mut VecDeque<Slot>) -> Option<Slot> {
        if self.held_back {
            return None;
        }
        if let Some(slot) = ready.pop_front() {
            self.hand = Some(Hand {
                place: self.front,
                slot: slot.clone(),
                is_stored: true,
            });
            self.front += span(&slot);
            return Some(slot);
        }
        if !self.in_memory || self.behind() > 0 {
            return None;
        }
        let slot = self.incoming.pop_front()?;
        self.begins_in_memory = false;
        self.hand = Some(Hand {
            place: self.stored_end,
            slot: slot.clone(),
            is_stored: false,
        });
        self.stored_end += span(&slot);
        self.front = self.stored_end;
        self.ready_end = self.stored_end;
        Some(slot)
    }

    /// The host has taken what was offered, or another feed begins.
    pub(super) fn advance(&mut self, mark: Mark) {
        if let Some(Hand {
            place,
            slot: Slot::Event(event),
            is_stored: false,
        }) = self.hand.take()
        {
            if self.told.len() >= MOST_TOLD {
                self.told.pop_front();
            }
            self.told.push_back((place, event));
        }
        self.mark = mark;
        self.is_ahead = true;
    }

    /// What is being offered is given up: the run stands in its place. Returns what the journal must be told, if it is on
    /// disk; until it was, nothing is offered.
    pub(super) fn give_up(&mut self, ready: &mut VecDeque<Slot>, run: LostRun) {
        let Some(Hand {
            place, is_stored, ..
        }) = self.hand.take()
        else {
            return;
        };
        match is_stored {
            true => {
                ready.push_front(Slot::Lost(run));
                self.front = place;
                self.held_back = true;
                self.requests.push_back(Request::GiveUp { place, run });
            }
            false => {
                self.incoming.push_front(Slot::Lost(run));
                self.stored_end = place;
                self.front = place;
                self.ready_end = place;
            }
        }
    }

    /// The last ready slot is on disk, so memory need not hold it. Returns whether there was one.
    pub(super) fn shed(&mut self, ready: &mut VecDeque<Slot>) -> Option<Slot> {
        let slot = ready.pop_back()?;
        self.ready_end -= span(&slot);
        Some(slot)
    }

    /// From now on events are offered that are not on disk. They are of a feed of their own: after a crash nobody would know
    /// which numbers they had.
    pub(super) fn go_on_in_memory(&mut self) {
        if self.in_memory {
            return;
        }
        self.in_memory = true;
        self.begins_in_memory = true;
        self.writing = 0;
        self.incoming
            .push_front(Slot::Begin(Arc::new(feed_id::new())));
    }

    /// The journal's thread is not waited for, or failed again: what is ready may be offered, and what is incoming too.
    pub(super) fn resume_in_memory(&mut self) {
        self.held_back = false;
        self.writing = 0;
        if !self.in_memory {
            self.go_on_in_memory();
        } else if self.begins_in_memory && !matches!(self.incoming.front(), Some(Slot::Begin(_))) {
            self.incoming
                .push_front(Slot::Begin(Arc::new(feed_id::new())));
        }
    }

    /// What is on disk only cannot be read: it is lost. Returns how many places it took.
    pub(super) fn lose_behind(&mut self, ready: &mut VecDeque<Slot>) -> u64 {
        let count = self.behind();
        if count > 0 {
            let now = UtcMicros::read_clock();
            ready.push_back(Slot::Lost(LostRun {
                count,
                from: self.covered_until.map_or(now, |covered| covered.min(now)),
                to: now,
                why: LostWhy::JOURNAL_DAMAGED,
            }));
            self.ready_end = self.stored_end;
        }
        count
    }
}
