//! Ended conversations, remembered for a day, so that a late body does not tell them again. A day has hundreds of
//! thousands: about a hundred bytes are kept of each, hashes in place of texts.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::conversation::Conversation;
use super::snapshot::Snapshot;
use crate::model::event::EventKind;
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::{Now, UtcMicros};

/// How long an ended conversation is remembered: the life of a notification channel, after which nothing that was
/// queued for us before can still come.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The graves by the hash of the conversation's id.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    graves: HashMap<u64, Tombstone>,
    /// Of those that an earlier process told to the end, and of which it is known in part only what it told: until when
    /// they went on.
    in_part: HashMap<u64, UtcMicros>,
    by_age: VecDeque<(Seconds, u64)>,
}

/// Of the time at which inputs arrive.
type Seconds = u32;

/// What is remembered of one.
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    /// Hashes of what was told, sorted: legs, participants, consults. So few are compared that half a hash is enough.
    marks: Box<[u32]>,
    /// How often the call was cleared.
    pub(crate) clearings: u32,
    ended: Seconds,
}

/// What a grave remembers of.
#[derive(Debug, Hash)]
pub(crate) enum Remembered<'a> {
    /// A call of a participant.
    Leg(&'a ParticipantId, usize),
    /// What a participant did apart from its calls; its first call says so too.
    Participant(&'a ParticipantId),
    /// Whom a consult asked: a participant or a conversation.
    Asked(&'a str),
    /// That a hold or a parking of a participant's call began at this time, or that the one that began then ended: the kind
    /// of the event says which.
    Spell(EventKind, &'a ParticipantId, usize, UtcMicros),
    /// That one of them was told without its time.
    Undated(EventKind, &'a ParticipantId, usize),
}

impl Remembered<'_> {
    fn mark(&self) -> u32 {
        (hash_of(self) >> 32) as u32
    }
}

/// With fixed keys; only ever compared within this process.
fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Tombstone {
    /// Whether it was told before the conversation ended.
    pub(crate) fn holds(&self, what: &Remembered<'_>) -> bool {
        let is_marked = |what: &Remembered<'_>| self.marks.binary_search(&what.mark()).is_ok();
        match what {
            Remembered::Participant(id) if is_marked(&Remembered::Leg(id, 0)) => true,
            what => is_marked(what),
        }
    }

    /// The marks of what was told.
    pub(crate) fn marks(&self) -> &[u32] {
        &self.marks
    }

    /// Something more was told.
    pub(crate) fn add(&mut self, what: &Remembered<'_>) {
        let mark = what.mark();
        if let Err(place) = self.marks.binary_search(&mark) {
            let mut marks = std::mem::take(&mut self.marks).into_vec();
            marks.insert(place, mark);
            self.marks = marks.into();
        }
    }

    /// Whether a body shows a leg that is alive and was never told: then it is not late, and the call goes on. `after`: only
    /// one that began after this was certainly not told.
    fn is_reopened_by(&self, snapshot: &Snapshot, after: Option<UtcMicros>) -> bool {
        snapshot.parties().any(|party| {
            (party.legs.iter().enumerate()).any(|(ordinal, leg)| {
                let began = leg.alerted.or(leg.connected);
                leg.rank() > 0
                    && !leg.is_over()
                    && !self.holds(&Remembered::Leg(&party.id, ordinal))
                    && after.is_none_or(|after| began.is_some_and(|began| began > after))
            })
        })
    }
}

impl Tombstones {
    pub(crate) fn of(&self, conversation: &ConversationId) -> Option<&Tombstone> {
        self.graves.get(&hash_of(conversation))
    }

    /// Remembers a conversation that has ended.
    pub(crate) fn bury(&mut self, id: &ConversationId, conversation: &Conversation, now: Now) {
        let (key, ended) = (hash_of(id), seconds(now.elapsed));
        let mut marks = conversation.marks_before().to_vec();
        conversation.remember(|what| marks.push(what.mark()));
        marks.sort_unstable();
        marks.dedup();
        let clearings = conversation.clearings();
        self.graves.insert(
            key,
            Tombstone {
                marks: marks.into(),
                clearings,
                ended,
            },
        );
        self.by_age.push_back((ended, key));
    }

    /// As [`bury`](Self::bury), for one that went on until then and of which not all that was told is known.
    pub(crate) fn bury_in_part(
        &mut self,
        id: &ConversationId,
        conversation: &Conversation,
        until: UtcMicros,
        now: Now,
    ) {
        self.bury(id, conversation, now);
        self.in_part.insert(hash_of(id), until);
    }

    /// Whether the body goes on with a conversation that has ended.
    pub(crate) fn is_reopened_by(&self, snapshot: &Snapshot, tombstone: &Tombstone) -> bool {
        let after = self.in_part.get(&hash_of(&snapshot.conversation));
        tombstone.is_reopened_by(snapshot, after.copied())
    }

    /// More was told of one that has ended: what is remembered of it is now this.
    pub(crate) fn rewrite(&mut self, id: &ConversationId, grave: Tombstone) {
        self.graves.insert(hash_of(id), grave);
    }

    /// Forgets those whose day is over.
    pub(crate) fn expire(&mut self, now: Now) {
        while let Some((buried, key)) = self.by_age.front() {
            let age = seconds(now.elapsed).saturating_sub(*buried);
            // One second more, for what was cut off.
            if u64::from(age) <= REMEMBERED.as_secs() {
                return;
            }
            // One that was reopened meanwhile was buried again, later.
            if self
                .graves
                .get(key)
                .is_some_and(|grave| grave.ended == *buried)
            {
                self.graves.remove(key);
                self.in_part.remove(key);
            }
            self.by_age.pop_front();
        }
    }
}

fn seconds(elapsed: Duration) -> Seconds {
    Seconds::try_from(elapsed.as_secs()).unwrap_or(Seconds::MAX)
}
