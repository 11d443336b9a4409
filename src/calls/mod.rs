//! What happened: notification bodies in, events out. No I/O, no clock.
//!
//! Knows: what the platform's bodies mean, and what was already told. Does not know: where a body came from beyond its
//! topic, what time it is beyond what it is told, who takes the events. Input: notifications in any order between
//! topics, with duplicates, and the roster. Output: [`Event`]s, each fact once.
//!
//! A conversation body is a snapshot of the whole conversation, not a change (published behaviour of
//! `v2.users.{id}.conversations` and its siblings), and the same conversation comes on several topics and in two
//! shapes: *nested* (`.conversations`, with call legs and their ids) and *flat* (`.conversations.calls`). So the way is:
//!
//! ```text
//! topic ─▶ snapshot (what changed in the text is parsed, the rest is kept) ─▶ conversation (what is new is told)
//! ```
//!
//! # What makes it converge
//!
//! What a body shows is merged so that neither order between topics nor repetition matters:
//! - A connection only goes forward: set up, connected, over. The first body that shows a step tells it; later ones,
//!   and bodies of a topic that lags behind, show nothing new.
//! - A hold is known by its `startHoldTime`.
//! - Mute and confine have neither time nor version. Each topic's own order decides: the n-th change on any topic is
//!   the n-th change of the leg, and is told once (`toggle.rs`).
//!
//! A repeat of an old body on the topic that brought it is recognised by a leg that went backward or vanished, and
//! changes nothing. One that differs only in mute or confine cannot be told from a real change.

mod agent;
mod attribute;
mod cause;
mod conversation;
mod cursor;
mod flat;
mod identity;
mod leg;
mod nested;
mod party;
mod snapshot;
mod toggle;
mod tombstone;
mod topic;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::model::event::Event;
use crate::model::frame::Notification;
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::roster::{Queue, UserRecord};
use crate::model::time::Now;

pub use attribute::{Attribute, AttributeRules, Attributes, Change};

use agent::Agents;
use conversation::Conversation;
use identity::Scribe;
use snapshot::{Decoded, SnapshotCache};
use tombstone::Tombstones;
use topic::TopicKind;

/// What a notification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was read; there may be events.
    Read,
    /// The same text as the last one of its conversation and shape.
    Unchanged,
    /// An older body than its topic had already brought.
    Stale,
    /// Nothing that this room follows: another medium, or a topic that is not subscribed.
    NotFollowed,
    /// The body could not be read: not JSON, or a member of a wrong type.
    Unreadable,
}

/// All conversations and agents of a region, as far as they were shown.
///
/// - `handle_*` take inputs with the time at which they arrived.
/// - [`poll_event`](Self::poll_event) returns what is new, oldest first; call it until it returns `None` after each input.
/// - [`open_conversations`](Self::open_conversations) and the other getters may be called at any time.
#[derive(Debug)]
pub struct Calls {
    conversations: HashMap<ConversationId, Conversation>,
    tombstones: Tombstones,
    snapshots: SnapshotCache,
    agents: Agents,
    scribe: Scribe,
    events: VecDeque<Event>,
}

impl Calls {
    /// Nothing is known yet. The texts of last snapshots take at most `snapshot_cache_bytes`.
    #[must_use]
    pub fn new(snapshot_cache_bytes: usize) -> Self {
        Self {
            conversations: HashMap::new(),
            tombstones: Tombstones::default(),
            snapshots: SnapshotCache::new(snapshot_cache_bytes),
            agents: Agents::default(),
            scribe: Scribe::default(),
            events: VecDeque::new(),
        }
    }

    /// A notification arrived at `now`.
    pub fn handle_notification(&mut self, notification: &Notification<'_>, now: Now) -> Heard {
        let Some(topic) = topic::parse(notification.topic) else {
            return Heard::NotFollowed;
        };
        match topic.kind {
            TopicKind::Conversation(shape) => {
                let origin = snapshot::Origin {
                    subject: topic.subject,
                    on_queue: topic.on_queue,
                    shape,
                };
                self.handle_conversation(origin, notification.body, now)
            }
            TopicKind::Presence => self.agents.handle_presence(
                topic.subject,
                notification.body,
                now,
                &mut self.scribe,
                &mut self.events,
            ),
            TopicKind::RoutingStatus => self.agents.handle_routing_status(
                topic.subject,
                notification.body,
                now,
                &mut self.scribe,
                &mut self.events,
            ),
            TopicKind::Station => self.agents.handle_station(
                topic.subject,
                notification,
                now,
                &mut self.scribe,
                &mut self.events,
            ),
        }
    }

    fn handle_conversation(&mut self, origin: snapshot::Origin<'_>, body: &str, now: Now) -> Heard {
        let snapshot = match self.snapshots.decode(body, origin.shape) {
            Ok(Decoded::Unchanged(snapshot) | Decoded::Changed(snapshot)) => snapshot,
            Err(snapshot::Unreadable) => return Heard::Unreadable,
        };
        if let Some(conversation) = self.conversations.get_mut(&snapshot.conversation) {
            let heard = conversation.merge(
                origin,
                snapshot,
                now,
                &self.agents,
                &mut self.scribe,
                &mut self.events,
            );
            if conversation.is_over() {
                let id = snapshot.conversation.clone();
                if let Some(ended) = self.conversations.remove(&id) {
                    self.tombstones.bury(&id, &ended, now);
                }
                self.snapshots.forget(&id);
            }
            return heard;
        }
        if !snapshot.has_legs() {
            return Heard::NotFollowed;
        }
        let mut conversation = Conversation::new(snapshot.conversation.clone());
        if let Some(tombstone) = self.tombstones.of(&snapshot.conversation) {
            if !tombstone.is_reopened_by(snapshot) {
                let id = snapshot.conversation.clone();
                self.snapshots.forget(&id);
                return Heard::Stale;
            }
            conversation.begin_after(tombstone);
        }
        let heard = conversation.merge(
            origin,
            snapshot,
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        let id = snapshot.conversation.clone();
        if conversation.is_over() {
            self.tombstones.bury(&id, &conversation, now);
            self.snapshots.forget(&id);
        } else {
            self.conversations.insert(id, conversation);
        }
        heard
    }

    /// The roster named these users; what the list tells of their state is told if it is new.
    pub fn handle_users(&mut self, users: &[UserRecord], now: Now) {
        for record in users {
            self.agents
                .handle_record(record, now, &mut self.scribe, &mut self.events);
        }
    }

    /// The roster named these queues.
    pub fn handle_queues(&mut self, queues: &[Arc<Queue>]) {
        self.agents.learn_queues(queues);
    }

    /// These users are no longer in the roster.
    pub fn handle_users_removed(&mut self, users: &[UserId]) {
        self.agents.unfollow(users);
    }

    /// Bodies may have been missed on the topics of these users and queues: what such a topic showed before no longer
    /// says how many changes it has shown.
    pub fn handle_interruption(&mut self, users: &[UserId], queues: &[QueueId]) {
        let users: HashSet<&str> = users.iter().map(UserId::as_str).collect();
        let queues: HashSet<&str> = queues.iter().map(QueueId::as_str).collect();
        for conversation in self.conversations.values_mut() {
            conversation.interrupt(&users, &queues);
        }
    }

    /// Forgets ended conversations whose day is over. Call it now and then; nothing else depends on it.
    pub fn handle_timeout(&mut self, now: Now) {
        self.tombstones.expire(now);
    }

    /// What is new, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Conversations that are not over.
    #[must_use]
    pub fn open_conversations(&self) -> usize {
        self.conversations.len()
    }

    /// Connections that were established and not yet cleared.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.conversations
            .values()
            .map(Conversation::open_connections)
            .sum()
    }

    /// Bytes of snapshot texts kept.
    #[must_use]
    pub fn snapshot_bytes(&self) -> usize {
        self.snapshots.bytes()
    }
}
