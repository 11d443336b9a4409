//! Going on after another process: what it told of conversations that have not ended, as the journal kept it, makes them
//! known again. So nothing of them is told a second time, changes are counted on, and what was open gets its one clear.
//!
//! The events themselves are all that is kept: no second account of a conversation could come to differ from what the host
//! was told. An event says what was told, of which connection, and how that stood; which call of a participant it is about,
//! and the how-manieth change it was, is found by its id, which is made from both.
//!
//! Fewer events than all of a conversation do no harm: what is then told again is told under the id that it had.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::conversation::Conversation;
use super::identity::{Occurrence, Scribe};
use super::tombstone::REMEMBERED;
use super::{Calls, LINGERS_CLEARED, Leaving};
use crate::model::event::{Detail, Event, EventId, EventKind, Subject};
use crate::model::id::ConversationId;
use crate::model::time::{Now, UtcMicros};

/// No participant has more calls in one conversation; of a call beyond, what is told again has its old id.
const MOST_CALLS: u32 = 16;
/// Changes of a leg that the platform does not date, as far as they are counted on.
const MOST_CHANGES: u32 = 4_096;
/// The same of holds and parkings of which no beginning is known: there is hardly one.
const MOST_SPELLS: u32 = 64;

/// Ids that another process told: all exact ones, and of conversations that had ended the others too.
#[derive(Debug, Default)]
pub(super) struct KnownIds {
    ids: HashSet<EventId>,
    of_ended: HashSet<EventId>,
    /// By then nothing of it can come any more.
    until: Duration,
}

impl KnownIds {
    /// Whether it was told by an earlier process. An id that is not exact may be that of another fact, while there are any.
    pub(super) fn has(&self, event: &Event) -> bool {
        let ids = if event.id_exact {
            &self.ids
        } else {
            &self.of_ended
        };
        !ids.is_empty() && ids.contains(&event.id)
    }

    pub(super) fn expire(&mut self, now: Now) {
        let is_any = !(self.ids.is_empty() && self.of_ended.is_empty());
        if is_any && self.until <= now.elapsed {
            *self = Self::default();
        }
    }
}

impl Calls {
    /// What an earlier process told of conversations that went on when it ended, in the order in which it told it. Of one
    /// that had ended, that alone is enough: it is not told again. To be given before anything else.
    pub fn handle_kept(&mut self, kept: &[Event], now: Now) {
        for event in kept {
            if let (Subject::Connection(facts), Some(Detail::Related { conversation, .. })) =
                (&event.subject, event.detail.as_deref())
                && let (EventKind::ConsultStarted, Some(asked)) = (event.kind, conversation)
            {
                self.kin.learn(asked, &facts.conversation, now);
            }
        }
        let mut restored: Vec<ConversationId> = Vec::new();
        // By the platform's times; of one whose end alone was kept, by ours.
        let mut until: HashMap<ConversationId, UtcMicros> = HashMap::new();
        let mut terminated: HashMap<ConversationId, UtcMicros> = HashMap::new();
        let mut went_on: HashSet<ConversationId> = HashSet::new();
        for event in kept {
            let Subject::Connection(facts) = &event.subject else {
                continue;
            };
            let id = &facts.conversation;
            if event.kind == EventKind::CallTerminated {
                terminated.insert(id.clone(), event.received);
                went_on.remove(id);
            } else if begins(event.kind) && terminated.contains_key(id) {
                went_on.insert(id.clone());
            }
        }
        let mut inexact: Vec<(ConversationId, EventId)> = Vec::new();
        // Whom a consult asks is known when all who take part are.
        let consults = kept.iter().filter(|event| is_of_consult(event));
        for event in (kept.iter().filter(|event| !is_of_consult(event))).chain(consults) {
            let Subject::Connection(facts) = &event.subject else {
                self.agents.restore(event, &mut self.scribe);
                continue;
            };
            let id = &facts.conversation;
            // Where the consult that it is has not told whose.
            self.kin.learn(id, &facts.root_contact, now);
            let conversation = self.conversations.entry(id.clone()).or_insert_with(|| {
                restored.push(id.clone());
                Box::new(Conversation::new(id.clone(), id.clone(), now))
            });
            conversation.restore(event, facts, &mut self.scribe);
            if let Some(at) = event.platform_time {
                let until = until.entry(id.clone()).or_insert(at);
                *until = at.max(*until);
            }
            self.known.ids.extend(event.id_exact.then_some(event.id));
            if !event.id_exact {
                inexact.push((id.clone(), event.id));
            }
        }
        // Of a connection perhaps only a hold was kept, that was told after all was over, and not its end.
        let is_over = |id: &ConversationId| terminated.contains_key(id) && !went_on.contains(id);
        inexact.retain(|(id, _)| is_over(id));
        let inexact = inexact.into_iter().map(|(_, id)| id);
        self.known.of_ended.extend(inexact);
        self.known.until = now.elapsed + REMEMBERED;
        for id in restored {
            let Some(conversation) = self.conversations.get_mut(&id) else {
                continue;
            };
            let root = self.kin.root(&id);
            if conversation.root != root {
                conversation.set_root(&root);
            }
            conversation.settle_restored();
            if is_over(&id) || conversation.is_terminated() {
                // It is over, and what led to it may be known in part only.
                let until = until.get(&id).or(terminated.get(&id)).copied();
                let until = until.unwrap_or(now.utc);
                self.tombstones.bury_in_part(&id, conversation, until, now);
                self.conversations.remove(&id);
                continue;
            }
            if conversation.is_cleared() {
                self.leaving[0].push_back(Leaving {
                    due: now.elapsed + LINGERS_CLEARED,
                    clearing: conversation.clearings(),
                    id,
                });
            }
        }
    }
}

/// Whether it tells that somebody joins a call who is alive: not told late, by a read, of one that is over.
fn begins(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Originated | EventKind::Delivered | EventKind::Established
    )
}

fn is_of_consult(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::ConsultStarted | EventKind::ConsultCompleted | EventKind::ConsultCancelled
    )
}

/// Which call of the participant an event is about, and which occurrence of its kind it was, by its id. `starts`: when the
/// holds and parkings that are known of the participant began; `counted`: changes of that kind that are known.
pub(super) fn place(
    event: &Event,
    (conversation, participant): (&str, &str),
    starts: &[UtcMicros],
    counted: u32,
    scribe: &mut Scribe,
) -> Option<(usize, Occurrence)> {
    use EventKind::{Held, Parked, Retrieved, Unparked};
    let dated = event.platform_time.map(Occurrence::At);
    let most = match event.kind {
        Held | Parked | Retrieved | Unparked => MOST_SPELLS,
        _ => MOST_CHANGES,
    };
    let mut is_it = |ordinal: u32, occurrence: Occurrence| {
        event.id == scribe.id(event.kind, conversation, participant, ordinal, occurrence)
    };
    let is_dated = matches!(event.kind, Held | Parked | Retrieved | Unparked);
    for ordinal in 0..MOST_CALLS {
        let known = starts.iter().copied().map(Occurrence::At);
        let candidates = std::iter::once(Occurrence::Once)
            .chain(dated.into_iter().chain(known).filter(|_| is_dated))
            .chain(std::iter::once(Occurrence::Nth(counted + 1)));
        for occurrence in candidates {
            if is_it(ordinal, occurrence) {
                return Some((ordinal as usize, occurrence));
            }
        }
    }
    if event.id_exact {
        return None;
    }
    (0..MOST_CALLS).find_map(|ordinal| {
        let mut all = (1..=most).map(Occurrence::Nth);
        let found = all.find(|occurrence| is_it(ordinal, *occurrence))?;
        Some((ordinal as usize, found))
    })
}
