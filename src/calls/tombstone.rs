//! Ended conversations, remembered for a day, so that a late body does not tell them again.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::conversation::Conversation;
use super::snapshot::Snapshot;
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::Now;

/// How long an ended conversation is remembered: the life of a notification channel, after which nothing that was
/// queued for us before can still come.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// The graves by conversation.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    graves: HashMap<ConversationId, Tombstone>,
    by_age: VecDeque<(Duration, ConversationId)>,
}

/// What is remembered of one.
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    /// Hashes of what was told, sorted: legs, participants, consults.
    marks: Box<[u64]>,
    /// How often the call was cleared.
    pub(crate) clearings: u32,
    ended: Duration,
}

/// What a grave remembers of.
#[derive(Debug, Hash)]
pub(crate) enum Remembered<'a> {
    /// A call of a participant.
    Leg(&'a ParticipantId, usize),
    /// What a participant did apart from its calls.
    Participant(&'a ParticipantId),
    /// Whom a consult asked: a participant or a conversation.
    Asked(&'a str),
}

impl Remembered<'_> {
    /// In eight bytes; hashed with fixed keys, only ever compared within this process.
    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

impl Tombstone {
    /// Whether it was told before the conversation ended.
    pub(crate) fn holds(&self, what: &Remembered<'_>) -> bool {
        self.marks.binary_search(&what.mark()).is_ok()
    }

    /// Whether a body shows a leg that is alive and was never told: then it is not late, and the call goes on.
    pub(crate) fn is_reopened_by(&self, snapshot: &Snapshot) -> bool {
        snapshot.parties().any(|party| {
            (party.legs.iter().enumerate()).any(|(ordinal, leg)| {
                leg.rank() > 0
                    && !leg.is_over()
                    && !self.holds(&Remembered::Leg(&party.id, ordinal))
            })
        })
    }
}

impl Tombstones {
    pub(crate) fn of(&self, conversation: &ConversationId) -> Option<&Tombstone> {
        self.graves.get(conversation)
    }

    /// Remembers a conversation that has ended.
    pub(crate) fn bury(&mut self, id: &ConversationId, conversation: &Conversation, now: Now) {
        let before = (self.graves.get(id)).map(|grave| &*grave.marks);
        let mut marks: Vec<u64> = before.unwrap_or_default().to_vec();
        conversation.remember(|what| marks.push(what.mark()));
        marks.sort_unstable();
        marks.dedup();
        let clearings = conversation.clearings();
        self.graves.insert(
            id.clone(),
            Tombstone {
                marks: marks.into(),
                clearings,
                ended: now.elapsed,
            },
        );
        self.by_age.push_back((now.elapsed, id.clone()));
    }

    /// Forgets those whose day is over.
    pub(crate) fn expire(&mut self, now: Now) {
        while let Some((buried, id)) = self.by_age.front() {
            if now.elapsed.saturating_sub(*buried) < REMEMBERED {
                return;
            }
            // One that was reopened meanwhile was buried again, later.
            if self
                .graves
                .get(id)
                .is_some_and(|grave| grave.ended == *buried)
            {
                self.graves.remove(id);
            }
            self.by_age.pop_front();
        }
    }
}
