//! Reads of single conversations (`GET /api/v2/conversations/{id}`), one after the other.
//!
//! Knows: which are wanted, for which gaps, in which order. Does not know: what an answer says, nor how far the reading of a
//! gap is. Three sorts are read, in this order:
//!
//! - those that go on, for gaps that concern them, the newest first;
//! - among these, in the order in which they are named, those of which nothing was heard for long: for no gap;
//! - those of which the details showed first that they had ended, the last to end first: analytics tells neither
//!   attributes nor to whom a call was offered. Only for a while (`LATE_FOR`), and so many (`MOST_ENDED`).
//!
//! One that the platform does not know twice, so long apart as a quiet one is left alone, is gone for good.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::errand::Errand;
use super::patience::TRIES;
use crate::model::gap::GapId;
use crate::model::id::ConversationId;
use crate::model::time::UtcMicros;

/// For so long one that is over is read: then what would tell more of it is let go of.
const LATE_FOR: Duration = Duration::from_secs(15 * 60);
/// So many that are over wait to be read: what the default budget lets through in that time.
const MOST_ENDED: usize = 3_000;
/// A quiet one that may not be read is asked for again after this.
const FORBIDDEN_AGAIN: Duration = Duration::from_secs(3600);

/// Why one is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Single {
    /// Gaps in which it went on.
    pub(super) live: BTreeSet<GapId>,
    /// Gaps that hid its end.
    pub(super) ended: BTreeSet<GapId>,
    tries: u32,
    /// It stands in the order of those that go on.
    is_in_order: bool,
}

impl Single {
    /// All gaps that it is read for. A quiet one is read for none.
    pub(super) fn gaps(&self) -> BTreeSet<GapId> {
        self.live.union(&self.ended).copied().collect()
    }
}

/// What became of one whose turn failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PutOff {
    /// It has another turn later. It had been wanted twice for these gaps, and one read is enough.
    Waits { twice: Single },
    /// It has had its turns.
    GivenUp(Single),
}

/// What became of one that the platform does not know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) id: ConversationId,
    pub(super) single: Single,
    /// It is gone for good.
    pub(super) is_gone: bool,
}

/// All that are to be read.
#[derive(Debug)]
pub(super) struct Singles {
    pub(super) errand: Errand,
    quiet_after: Duration,
    order: VecDeque<ConversationId>,
    /// Those that are over, with when the platform says they ended.
    ended: BTreeSet<(Reverse<UtcMicros>, ConversationId)>,
    /// Those that are over, in the order in which that was told, with when they are let go of.
    late: VecDeque<(Duration, Reverse<UtcMicros>, ConversationId)>,
    wanted: BTreeMap<ConversationId, Single>,
    asked: Option<(ConversationId, Single)>,
    /// When quiet ones may be read again.
    quiet: BTreeMap<ConversationId, Duration>,
    /// When the platform did not know one for the first time; nothing was heard of it since.
    unknown: BTreeMap<ConversationId, Duration>,
    /// In a row.
    refusals: u32,
}

impl Singles {
    pub(super) fn new(quiet_after: Duration) -> Self {
        Self {
            errand: Errand::default(),
            quiet_after,
            order: VecDeque::new(),
            ended: BTreeSet::new(),
            late: VecDeque::new(),
            wanted: BTreeMap::new(),
            asked: None,
            quiet: BTreeMap::new(),
            unknown: BTreeMap::new(),
            refusals: 0,
        }
    }

    pub(super) fn set_quiet_after(&mut self, quiet_after: Duration, now: Duration) {
        self.quiet_after = quiet_after;
        for again in self.quiet.values_mut() {
            *again = (*again).min(now + quiet_after);
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    pub(super) fn wants(&self) -> bool {
        self.asked.is_some() || !self.wanted.is_empty()
    }

    /// The next one to read: the same again, until it was answered.
    pub(super) fn next(&mut self) -> Option<&ConversationId> {
        while self.asked.is_none() {
            let next = (self.order.pop_front()).or_else(|| Some(self.ended.pop_first()?.1))?;
            self.asked = self.wanted.remove_entry(&next);
        }
        self.asked.as_ref().map(|(id, _)| id)
    }

    // What is to be read

    /// One that goes on, for these gaps. Returns those for which it was not wanted yet.
    pub(super) fn want_live(
        &mut self,
        id: ConversationId,
        gaps: BTreeSet<GapId>,
    ) -> BTreeSet<GapId> {
        let single = self.wanted.entry(id.clone()).or_default();
        if !std::mem::replace(&mut single.is_in_order, true) {
            self.order.push_back(id);
        }
        let new = gaps.difference(&single.live).copied().collect();
        single.live.extend(gaps);
        new
    }

    /// One that is over, for these gaps. Returns those for which it was not wanted yet, and one that is not read for it, as
    /// too many wait.
    pub(super) fn want_ended(
        &mut self,
        id: ConversationId,
        at: UtcMicros,
        gaps: &BTreeSet<GapId>,
        now: Duration,
    ) -> (BTreeSet<GapId>, Option<Single>) {
        let single = self.wanted.entry(id.clone()).or_default();
        let new: BTreeSet<GapId> = gaps.difference(&single.ended).copied().collect();
        let is_first = single.ended.is_empty();
        single.ended.extend(gaps);
        if is_first {
            self.late
                .push_back((now + LATE_FOR, Reverse(at), id.clone()));
            self.ended.insert((Reverse(at), id));
        }
        let dropped = (self.ended.len() > MOST_ENDED)
            .then(|| self.ended.pop_last())
            .flatten()
            .and_then(|(_, id)| self.let_go(&id));
        (new, dropped)
    }

    /// Nothing was heard of these for a while: their end may have been missed.
    pub(super) fn want_quiet(&mut self, ids: Vec<ConversationId>, now: Duration) {
        let named: BTreeSet<&ConversationId> = ids.iter().collect();
        self.quiet.retain(|id, _| named.contains(id));
        // Of the others something was heard, or they are over.
        self.unknown.retain(|id, _| named.contains(id));
        for id in ids {
            let is_under_way = self.asked.as_ref().is_some_and(|(other, _)| *other == id);
            let is_too_soon = self.quiet.get(&id).is_some_and(|again| *again > now);
            if is_under_way || is_too_soon || self.wanted.contains_key(&id) {
                continue;
            }
            self.quiet.insert(id.clone(), now + self.quiet_after);
            self.want_live(id, BTreeSet::new());
        }
    }

    /// Whether it matters to it that none is quiet.
    pub(super) fn remembers_quiet(&self) -> bool {
        !self.quiet.is_empty() || !self.unknown.is_empty()
    }

    /// Those that are over and waited for too long. Returns them, and when the next one has.
    pub(super) fn expire(&mut self, now: Duration) -> (Vec<Single>, Option<Duration>) {
        let mut expired = Vec::new();
        while let Some((due, ..)) = self.late.front()
            && *due <= now
            && let Some((_, at, id)) = self.late.pop_front()
        {
            if self.ended.remove(&(at, id.clone())) {
                expired.extend(self.let_go(&id));
            }
        }
        let due = (!self.ended.is_empty()).then(|| self.late.front().map(|(due, ..)| *due));
        (expired, due.flatten())
    }

    /// One that is over is not read for that any more.
    fn let_go(&mut self, id: &ConversationId) -> Option<Single> {
        let single = self.wanted.get_mut(id)?;
        let ended = std::mem::take(&mut single.ended);
        if !single.is_in_order {
            self.wanted.remove(id);
        }
        Some(Single {
            ended,
            ..Single::default()
        })
    }

    // What was answered

    /// The one in hand was read.
    pub(super) fn answered(&mut self) -> Option<Single> {
        self.refusals = 0;
        let (id, single) = self.asked.take()?;
        self.unknown.remove(&id);
        Some(single)
    }

    /// The answer to the one in hand cannot be read, or the platform fails at it: others may fare better, so it goes to the
    /// end of the queue, a few times.
    pub(super) fn put_off(&mut self) -> Option<PutOff> {
        let (id, mut single) = self.asked.take()?;
        single.tries += 1;
        if single.tries >= TRIES {
            return Some(PutOff::GivenUp(single));
        }
        // It may have been wanted once more while it was in hand.
        let waiting = self.wanted.entry(id.clone()).or_default();
        waiting.tries = single.tries;
        if !std::mem::replace(&mut waiting.is_in_order, true) {
            self.order.push_back(id);
        }
        let twice = Single {
            live: &waiting.live & &single.live,
            ended: &waiting.ended & &single.ended,
            ..Single::default()
        };
        waiting.live.append(&mut single.live);
        waiting.ended.append(&mut single.ended);
        Some(PutOff::Waits { twice })
    }

    /// The platform does not know the one in hand.
    pub(super) fn not_found(&mut self, now: Duration) -> Option<Unknown> {
        self.refusals = 0;
        let (id, single) = self.asked.take()?;
        let first = *self.unknown.entry(id.clone()).or_insert(now);
        let is_gone = now >= first + self.quiet_after;
        if is_gone {
            self.unknown.remove(&id);
        }
        // Asked again when it can be known.
        self.quiet
            .insert(id.clone(), now.max(first + self.quiet_after));
        Some(Unknown {
            id,
            single,
            is_gone,
        })
    }

    /// The one in hand may not be read. One may belong to a division that the client does not see; if none is to be read,
    /// none is asked for. Returns all that are not.
    pub(super) fn refused(&mut self, is_forbidden: bool, now: Duration) -> Vec<Single> {
        let Some((id, single)) = self.asked.take() else {
            return Vec::new();
        };
        self.refusals = if is_forbidden { self.refusals + 1 } else { 0 };
        let mut missed = vec![(id, single)];
        if self.refusals >= TRIES {
            self.refusals = 0;
            self.order.clear();
            self.ended.clear();
            self.late.clear();
            missed.extend(std::mem::take(&mut self.wanted));
        }
        for (id, single) in &missed {
            if single.gaps().is_empty() {
                self.quiet.insert(id.clone(), now + FORBIDDEN_AGAIN);
            }
        }
        missed.into_iter().map(|(_, single)| single).collect()
    }
}
