//! What happened: notification bodies in, events out. No I/O, no clock.
//!
//! Knows: what the platform's bodies mean, and what was already told. Does not know: where a body came from beyond its
//! topic, what time it is beyond what it is told, who takes the events. Input: notifications in any order between
//! topics, with duplicates, answers to reads, and the roster. Output: [`Event`]s, each fact once.
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
//! - A hold is known by its `startHoldTime`, a parking by its `parkTime` (`spell.rs`).
//! - Mute, confine and the pause of a recording have neither time nor version. Each topic's own order decides: the n-th
//!   change on any topic is the n-th change of the leg, and is told once (`counted.rs`). So it is with each attribute's
//!   values (`member.rs`).
//! - What concerns several connections (consult, conference, transfer) is judged within one body, by the platform's times.
//!
//! A repeat of an old body on the topic that brought it is recognised by a leg that went backward or vanished, or by a time
//! that is earlier than the one before (hold, wrap-up, work after the call), and changes nothing. One that differs only in
//! mute, confine, the pause of a recording or attributes cannot be told from a real change.
//!
//! | file                              | what it is                                                              |
//! |-----------------------------------|-------------------------------------------------------------------------|
//! | `topic`, `snapshot`, `cursor`     | which topic, and the text of a body: what changed in it is read         |
//! | `nested`, `flat`, `analytics`     | the shapes of bodies; `tolerant` reads their values, `keeping` what they |
//! |                                   | tell alike                                                              |
//! | `party`                           | a participant as one body shows it, the same for every shape            |
//! | `conversation`                    | merges bodies: what each topic has shown, and what is new               |
//! | `leg`, `member`                   | one connection; one participant apart from its calls                    |
//! | `consult`, `conference`, `kin`    | what concerns several connections, or several conversations             |
//! | `spell`, `counted`                | what lasts and has a beginning; what changes and has no time            |
//! | `telling`, `identity`, `cause`    | events in their order, their ids, their causes                          |
//! | `attribute`                       | which attributes may be told, and what of them is hidden                |
//! | `drift`                           | what the platform tells that this version does not know                 |
//! | `agent`                           | agents, queues and stations apart from calls                            |
//! | `tombstone`                       | ended conversations, remembered for a day                               |
//!
//! Answers to reads (`GET /api/v2/conversations/{id}`, analytics conversation details) come in beside notifications: what
//! they show first is told as recovered, or as a snapshot at the start. If they say that a conversation has ended, whatever
//! is still open of it is closed, and the event names the proof. `adapter` does not ask for such answers yet
//! (CHANGELOG.md, *Known limits*).

mod agent;
mod analytics;
mod attribute;
mod cause;
mod conference;
mod consult;
mod conversation;
mod counted;
mod cursor;
mod drift;
mod flat;
mod identity;
mod keeping;
mod kin;
mod leg;
mod member;
mod nested;
mod party;
mod snapshot;
mod spell;
mod telling;
mod tolerant;
mod tombstone;
mod topic;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::event::{Event, Source};
use crate::model::frame::Notification;
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::roster::{Queue, Station, UserRecord};
use crate::model::time::Now;

pub use attribute::AttributeRules;
pub use drift::{Finding, Novelty};

use agent::Agents;
use consult::Outcome;
use conversation::Conversation;
use drift::{Body, Radar};
use identity::Scribe;
use kin::Kin;
use snapshot::{Decoded, Head, Reading, Snapshot, SnapshotCache};
use telling::{Showing, Telling, Voice};
use tombstone::{REMEMBERED, Tombstones};
use topic::{Shape, TopicKind};

/// How long a conversation stays after nothing more is expected of it: a wrap-up may still be corrected.
const LINGERS_TERMINATED: Duration = Duration::from_secs(60);

/// How long one stays whose call is cleared and whose end was not shown; longer, up to a day, while work after it goes on.
const LINGERS_CLEARED: Duration = Duration::from_secs(30 * 60);

/// What a notification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was read; there may be events.
    Read,
    /// The same text as the last one of its conversation and shape.
    Unchanged,
    /// An older body than its topic had already brought.
    Stale,
    /// A topic that this room does not read.
    NotFollowed,
    /// Nothing that this room tells of: another medium than calls, or a body without what its topic is for.
    Irrelevant,
    /// The body could not be read: not JSON, or without what says what it is about. A member of another type than published
    /// is as good as absent.
    Unreadable,
}

/// All conversations and agents of a region, as far as they were shown.
///
/// - `handle_*` take inputs with the time at which they arrived.
/// - [`poll_event`](Self::poll_event) returns what is new, oldest first; call it until it returns `None` after each input.
/// - [`poll_finding`](Self::poll_finding) returns what the platform told that this version does not know (`drift.rs`).
/// - [`open_conversations`](Self::open_conversations) and the other getters may be called at any time.
#[derive(Debug)]
pub struct Calls {
    conversations: HashMap<ConversationId, Conversation>,
    tombstones: Tombstones,
    kin: Kin,
    /// Conversations whose call was cleared, and those of which nothing more is expected: by when they may leave.
    leaving: [VecDeque<(Duration, ConversationId)>; 2],
    snapshots: SnapshotCache,
    rules: AttributeRules,
    agents: Agents,
    scribe: Scribe,
    radar: Radar,
    events: VecDeque<Event>,
}

impl Calls {
    /// Nothing is known yet. The texts of last snapshots take at most `snapshot_cache_bytes`. Every attribute may be told;
    /// card numbers are masked.
    #[must_use]
    pub fn new(snapshot_cache_bytes: usize) -> Self {
        Self::with_rules(snapshot_cache_bytes, AttributeRules::default())
    }

    /// The same, with rules for what may be told of attributes and notes.
    #[must_use]
    pub fn with_rules(snapshot_cache_bytes: usize, rules: AttributeRules) -> Self {
        Self {
            conversations: HashMap::new(),
            tombstones: Tombstones::default(),
            kin: Kin::default(),
            leaving: Default::default(),
            snapshots: SnapshotCache::new(snapshot_cache_bytes),
            rules,
            agents: Agents::default(),
            scribe: Scribe::default(),
            radar: Radar::default(),
            events: VecDeque::new(),
        }
    }

    /// A notification arrived at `now`.
    pub fn handle_notification(&mut self, notification: &Notification<'_>, now: Now) -> Heard {
        let Some(topic) = topic::parse(notification.topic) else {
            self.radar.topic(notification.topic);
            return Heard::NotFollowed;
        };
        // Of conversations only those that show something new.
        if !matches!(topic.kind, TopicKind::Conversation(_)) {
            self.radar.body(Body::of(topic.kind), notification.body);
        }
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
                &mut self.radar,
            ),
            TopicKind::RoutingStatus => self.agents.handle_routing_status(
                topic.subject,
                notification.body,
                now,
                &mut self.scribe,
                &mut self.events,
                &mut self.radar,
            ),
            TopicKind::Station => self.agents.handle_station(
                topic.subject,
                notification,
                now,
                &mut self.scribe,
                &mut self.events,
            ),
            TopicKind::PersistentConnection => self.agents.handle_persistent_connection(
                topic.subject,
                notification.body,
                now,
                &mut self.scribe,
                &mut self.events,
                &mut self.radar,
            ),
        }
    }

    fn handle_conversation(&mut self, origin: snapshot::Origin<'_>, body: &str, now: Now) -> Heard {
        let reading = &mut Reading {
            rules: &self.rules,
            radar: &mut self.radar,
        };
        let snapshot = match self.snapshots.decode(body, origin.shape, reading) {
            Ok(Decoded::Unchanged(snapshot)) => snapshot,
            Ok(Decoded::Changed(snapshot)) => {
                self.radar
                    .body(Body::of(TopicKind::Conversation(origin.shape)), body);
                snapshot
            }
            Err(snapshot::Unreadable) => return Heard::Unreadable,
        };
        if !self.conversations.contains_key(&snapshot.conversation) {
            if !snapshot.has_legs() {
                return Heard::Irrelevant;
            }
            let Some(conversation) = begin(snapshot, &self.tombstones, &self.kin) else {
                let id = snapshot.conversation.clone();
                self.snapshots.forget(&id);
                return Heard::Stale;
            };
            self.conversations
                .insert(snapshot.conversation.clone(), conversation);
        }
        let Some(conversation) = self.conversations.get_mut(&snapshot.conversation) else {
            return Heard::Irrelevant;
        };
        relate(conversation, snapshot.head(), &mut self.kin, now);
        let was_over = (conversation.is_cleared(), conversation.is_terminated());
        let heard = conversation.merge(
            origin,
            snapshot,
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        let is_over = (conversation.is_cleared(), conversation.is_terminated());
        if is_over != was_over || snapshot.head().has_kin() {
            let id = snapshot.conversation.clone();
            self.settle(&id, was_over, now);
        }
        heard
    }

    /// The answer to `GET /api/v2/conversations/{id}` arrived. What it tells first is told as `source`:
    /// [`Source::Snapshot`] at the start, [`Source::Recovered`] after a gap.
    pub fn handle_conversation_read(&mut self, body: &str, source: Source, now: Now) -> Heard {
        let reading = &mut Reading {
            rules: &self.rules,
            radar: &mut self.radar,
        };
        match Snapshot::read(body, Shape::Nested, reading) {
            Ok(snapshot) => {
                self.radar.body(Body::Nested, body);
                self.handle_read(&snapshot, source, "conversation.endTime", now);
                Heard::Read
            }
            Err(snapshot::Unreadable) => Heard::Unreadable,
        }
    }

    /// One conversation of an answer of analytics conversation details arrived (an element of `conversations`).
    pub fn handle_analytics_details(&mut self, body: &str, source: Source, now: Now) -> Heard {
        let read = serde_json::from_str::<analytics::Conversation<'_>>(body).ok();
        let reading = &mut Reading {
            rules: &self.rules,
            radar: &mut self.radar,
        };
        match read.and_then(|conversation| conversation.snapshot(reading)) {
            Some(snapshot) => {
                self.radar.body(Body::Analytics, body);
                self.handle_read(&snapshot, source, "analytics.conversationEnd", now);
                Heard::Read
            }
            None => Heard::Unreadable,
        }
    }

    fn handle_read(&mut self, snapshot: &Snapshot, source: Source, proof: &str, now: Now) {
        if !self.conversations.contains_key(&snapshot.conversation) {
            if !snapshot.has_legs() {
                return;
            }
            // Not one that was told to its end.
            let Some(conversation) = begin(snapshot, &self.tombstones, &self.kin) else {
                return;
            };
            self.conversations
                .insert(snapshot.conversation.clone(), conversation);
        }
        let Some(conversation) = self.conversations.get_mut(&snapshot.conversation) else {
            return;
        };
        relate(conversation, snapshot.head(), &mut self.kin, now);
        let was_over = (conversation.is_cleared(), conversation.is_terminated());
        conversation.merge_read(
            snapshot,
            source,
            proof,
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        self.settle(&snapshot.conversation, was_over, now);
    }

    /// After a conversation was told: those that are over leave in their time, and consults end with the conversation
    /// that was asked.
    fn settle(&mut self, id: &ConversationId, was_over: (bool, bool), now: Now) {
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        let is_over = (conversation.is_cleared(), conversation.is_terminated());
        let lingers = [LINGERS_CLEARED, LINGERS_TERMINATED];
        let begins = [is_over.0 && !was_over.0, is_over.1 && !was_over.1];
        for ((leaving, lingers), begins) in self.leaving.iter_mut().zip(lingers).zip(begins) {
            if begins {
                leaving.push_back((now.elapsed + lingers, id.clone()));
            }
        }
        // Roots that this body changed.
        let asked: Vec<ConversationId> = conversation.consults.conversations().cloned().collect();
        let mut ended: Vec<(ConversationId, ConversationId, Outcome)> = Vec::new();
        for child in asked {
            let root = self.kin.root(&child);
            let Some(other) = self.conversations.get_mut(&child) else {
                continue;
            };
            if other.root != root {
                other.set_root(&root);
            }
            if other.is_cleared() {
                ended.push((id.clone(), child, other.as_consult()));
            }
        }
        if is_over.0
            && let Some(parent) = self.kin.parent(id)
            && let Some(conversation) = self.conversations.get(id)
        {
            ended.push((parent.clone(), id.clone(), conversation.as_consult()));
        }
        for (parent, child, outcome) in ended {
            let Some(parent) = self.conversations.get_mut(&parent) else {
                continue;
            };
            let head = Head::default();
            let showing = Showing::apart(&head, now.utc, &self.agents);
            let mut telling = Telling::default();
            let mut voice = Voice {
                showing: &showing,
                scribe: &mut self.scribe,
                telling: &mut telling,
            };
            parent.end_consult(&child, outcome, &mut voice);
            self.events.extend(telling.into_events());
        }
    }

    /// The roster named these users; what the list tells of their state is told if it is new.
    pub fn handle_users(&mut self, users: &[UserRecord], now: Now) {
        for record in users {
            self.agents.handle_record(
                record,
                now,
                &mut self.scribe,
                &mut self.events,
                &mut self.radar,
            );
        }
    }

    /// The roster named these queues.
    pub fn handle_queues(&mut self, queues: &[Arc<Queue>]) {
        self.agents.learn_queues(queues);
    }

    /// A list named these stations.
    pub fn handle_stations(&mut self, stations: &[Arc<Station>]) {
        self.agents.learn_stations(stations);
    }

    /// Whether, since the last call of this, a topic named a station that no list has named: it may be a new one, so
    /// that it is worth reading the list again. Each such station is a reason once.
    pub fn poll_unknown_station(&mut self) -> bool {
        self.agents.take_unknown_station()
    }

    /// These users are no longer in the roster.
    pub fn handle_users_removed(&mut self, users: &[UserId]) {
        self.agents.doubt(users);
    }

    /// Bodies may have been missed on the topics of these users and queues: what such a topic showed before no longer
    /// says how many changes it has shown, nor which station a user is at.
    pub fn handle_interruption(&mut self, users: &[UserId], queues: &[QueueId]) {
        self.agents.doubt(users);
        let users: HashSet<&str> = users.iter().map(UserId::as_str).collect();
        let queues: HashSet<&str> = queues.iter().map(QueueId::as_str).collect();
        for conversation in self.conversations.values_mut() {
            conversation.interrupt(&users, &queues);
        }
    }

    /// Lets go of conversations that are over, and forgets those whose day is over. Call it now and then; nothing else
    /// depends on it.
    pub fn handle_timeout(&mut self, now: Now) {
        for (leaving, terminated) in self.leaving.iter_mut().zip([false, true]) {
            while let Some((due, _)) = leaving.front()
                && *due <= now.elapsed
                && let Some((_, id)) = leaving.pop_front()
            {
                let Some(conversation) = self.conversations.get(&id) else {
                    continue;
                };
                let unheard_for = now.elapsed.saturating_sub(conversation.last_heard());
                let works_on = conversation.is_cleared() && conversation.works();
                if !terminated && works_on && unheard_for < REMEMBERED {
                    leaving.push_back((now.elapsed + LINGERS_CLEARED, id));
                    continue;
                }
                let is_over =
                    conversation.is_cleared() && (!terminated || conversation.is_terminated());
                if is_over && let Some(ended) = self.conversations.remove(&id) {
                    self.tombstones.bury(&id, &ended, now);
                    self.snapshots.forget(&id);
                }
            }
        }
        self.tombstones.expire(now);
        self.kin.expire(now);
    }

    /// Conversations that are not over and of which nothing was heard for `quiet_for`: their end may have been missed, and
    /// a read tells. Longest unheard first.
    #[must_use]
    pub fn quiet_conversations(&self, quiet_for: Duration, now: Now) -> Vec<ConversationId> {
        let mut quiet: Vec<_> = (self.conversations.iter())
            .filter(|(_, conversation)| !conversation.is_cleared())
            .map(|(id, conversation)| (conversation.last_heard(), id))
            .filter(|(heard, _)| now.elapsed.saturating_sub(*heard) >= quiet_for)
            .collect();
        quiet.sort_unstable();
        quiet.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// What is new, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is new to this version and was not yet told, oldest first: each once, and at most 64 of a sort.
    pub fn poll_finding(&mut self) -> Option<Finding> {
        self.radar.poll()
    }

    /// Conversations that are not over.
    #[must_use]
    pub fn open_conversations(&self) -> usize {
        (self.conversations.values())
            .filter(|conversation| !conversation.is_cleared())
            .count()
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

/// A conversation that a body shows for the first time, or that goes on after its end; `None` for a late body of one that
/// has ended.
fn begin(snapshot: &Snapshot, tombstones: &Tombstones, kin: &Kin) -> Option<Conversation> {
    let id = &snapshot.conversation;
    let mut conversation = Conversation::new(id.clone(), kin.root(id));
    if let Some(tombstone) = tombstones.of(id) {
        if !tombstone.is_reopened_by(snapshot) {
            return None;
        }
        conversation.begin_after(tombstone);
    }
    Some(conversation)
}

/// Takes over which conversations the body names as belonging to the same customer contact.
fn relate(conversation: &mut Conversation, head: &Head, kin: &mut Kin, now: Now) {
    if !head.has_kin() {
        return;
    }
    if let Some(parent) = &head.associated {
        kin.learn(&conversation.id, parent, now);
    }
    for child in &head.consultations {
        kin.learn(child, &conversation.id, now);
    }
    let root = kin.root(&conversation.id);
    if conversation.root != root {
        conversation.set_root(&root);
    }
}
