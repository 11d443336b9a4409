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
//! | `overlap`                         | which of two sockets tells while one takes over from the other          |
//! | `nested`, `flat`, `analytics`     | the shapes of bodies; `tolerant` reads their values, `keeping` what they |
//! |                                   | tell alike                                                              |
//! | `party`                           | a participant as one body shows it, the same for every shape            |
//! | `conversation`, `view`            | merges bodies: what is new; what each topic has shown                   |
//! | `leg`, `member`                   | one connection; one participant apart from its calls                    |
//! | `consult`, `conference`, `kin`    | what concerns several connections, or several conversations             |
//! | `spell`, `counted`                | what lasts and has a beginning; what changes and has no time            |
//! | `late`                            | what a read still tells of what was told to its end                     |
//! | `telling`, `identity`, `cause`    | events in their order, their ids, their causes                          |
//! | `texts`                           | texts that come again and again, kept once                              |
//! | `attribute`                       | which attributes may be told, and what of them is hidden                |
//! | `drift`                           | what the platform tells that this version does not know                 |
//! | `agent`                           | agents, queues and stations apart from calls                            |
//! | `tombstone`                       | ended conversations, remembered for a day                               |
//! | `restore`                         | going on after another process, from what it told                       |
//!
//! Answers to reads (`GET /api/v2/conversations/{id}`, analytics conversation details) come in beside notifications: what
//! they show first is told as recovered, or as a snapshot at the start. If they say that a conversation has ended, whatever
//! is still open of it is closed, and the event names the proof. `session` asks for them after a gap, and
//! for calls of which nothing was heard for long.

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
mod late;
mod leg;
mod member;
mod nested;
mod overlap;
mod party;
mod restore;
mod snapshot;
mod spell;
mod telling;
mod texts;
mod tolerant;
mod tombstone;
mod topic;
mod view;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::event::{Event, Source};
use crate::model::frame::Notification;
use crate::model::gap::GapRecord;
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::order::SocketId;
use crate::model::roster::{Queue, Station, UserRecord};
use crate::model::time::Now;

pub use attribute::AttributeRules;
pub use drift::{Finding, Novelty};

use agent::Agents;
use consult::Outcome;
use conversation::{Conversation, Over};
use drift::{Body, Radar};
use identity::Scribe;
use kin::Kin;
use overlap::{Overlaps, Part};
use restore::KnownIds;
use snapshot::{Decoded, Head, Reading, Snapshot, SnapshotCache, Stamps};
use telling::{Showing, Telling, Voice};
use texts::Texts;
use tombstone::{REMEMBERED, Tombstones};
use topic::{Shape, Topic, TopicKind};

/// How long a conversation stays after nothing more is expected of it: a wrap-up may still be corrected.
const LINGERS_TERMINATED: Duration = Duration::from_secs(60);

/// How long one stays whose end a read told, as long as there are not many of them: that it ended came from analytics, and a
/// read of the conversation itself tells more.
const LINGERS_READ: Duration = Duration::from_secs(20 * 60);
const MOST_READ: usize = 3_000;

/// How long one stays whose call is cleared and whose end was not shown; longer, up to a day, while work after it goes on.
const LINGERS_CLEARED: Duration = Duration::from_secs(30 * 60);

/// How something was learnt of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Learnt {
    /// By a notification, which comes when it happens.
    Live,
    /// By a read, which knows nothing of other conversations.
    Read,
    /// By a read of analytics, which come to know of a call a while after it happened: of what goes on by their account
    /// more may have ended.
    Analytics,
}

/// A conversation that is over, and by when it may leave.
#[derive(Debug)]
struct Leaving {
    due: Duration,
    id: ConversationId,
    /// By which of its clearings: one that goes on and is cleared again leaves by the last one.
    clearing: u32,
}

/// What a notification came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was read; there may be events.
    Read,
    /// The same text as the last one of its conversation and shape; or, on a socket that took over, what the one before
    /// had shown.
    Unchanged,
    /// It came on a socket that another one leads, and is told when that socket takes over.
    Kept,
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

/// A conversation that goes on, and whose topics show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveConversation {
    /// Which one.
    pub id: ConversationId,
    /// The users who take part in it, or on whose topics it came; sorted.
    pub users: Vec<UserId>,
    /// The same of queues.
    pub queues: Vec<QueueId>,
}

/// All conversations and agents of a region, as far as they were shown.
///
/// - `handle_*` take inputs with the time at which they arrived.
/// - [`poll_event`](Self::poll_event) returns what is new, oldest first; call it until it returns `None` after each input.
/// - [`poll_finding`](Self::poll_finding) returns what the platform told that this version does not know (`drift.rs`).
/// - [`open_conversations`](Self::open_conversations) and the other getters may be called at any time.
#[derive(Debug)]
pub struct Calls {
    conversations: HashMap<ConversationId, Box<Conversation>>,
    tombstones: Tombstones,
    kin: Kin,
    /// Conversations whose call was cleared, those of which nothing more is expected, and those of which only a read may
    /// tell more.
    leaving: [VecDeque<Leaving>; 3],
    /// Conversations of which it will be known by then whether something has ended.
    doubted: VecDeque<(Duration, ConversationId)>,
    snapshots: SnapshotCache,
    stamps: Stamps,
    texts: Texts,
    rules: AttributeRules,
    agents: Agents,
    overlaps: Overlaps,
    scribe: Scribe,
    radar: Radar,
    /// What is not told again.
    known: KnownIds,
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
            doubted: VecDeque::new(),
            snapshots: SnapshotCache::new(snapshot_cache_bytes),
            stamps: Stamps::default(),
            texts: Texts::default(),
            rules,
            agents: Agents::default(),
            overlaps: Overlaps::default(),
            scribe: Scribe::default(),
            radar: Radar::default(),
            known: KnownIds::default(),
            events: VecDeque::new(),
        }
    }

    /// Other rules for what may be told of attributes and notes. They hold for what comes from now on; what was told is
    /// not told again for that.
    pub fn handle_rules(&mut self, rules: AttributeRules) {
        self.rules = rules;
    }

    /// A notification arrived on the socket at `now`.
    pub fn handle_notification(
        &mut self,
        socket: SocketId,
        notification: &Notification<'_>,
        now: Now,
    ) -> Heard {
        let Some(topic) = topic::parse(notification.topic) else {
            self.radar.topic(notification.topic);
            return Heard::NotFollowed;
        };
        if !self.overlaps.is_quiet(socket) {
            let part = self.overlaps.take(socket, &seen(topic, notification), now);
            match part {
                Part::Tell => {}
                Part::Kept => return Heard::Kept,
                Part::Told => return Heard::Unchanged,
            }
        }
        self.tell(topic, notification, now)
    }

    fn tell(&mut self, topic: Topic<'_>, notification: &Notification<'_>, now: Now) -> Heard {
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
            stamps: &mut self.stamps,
            texts: &mut self.texts,
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
        let conversation = match self.conversations.entry(snapshot.conversation.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if !snapshot.has_legs() => return Heard::Irrelevant,
            Entry::Vacant(place) => match begin(snapshot, &self.tombstones, &self.kin, now) {
                Some(conversation) => place.insert(Box::new(conversation)),
                None => {
                    let id = snapshot.conversation.clone();
                    self.snapshots.forget(&id);
                    return Heard::Stale;
                }
            },
        };
        relate(conversation, snapshot.head(), &mut self.kin, now);
        let was_over = conversation.over();
        let was_doubted = conversation.doubted_until();
        let heard = conversation.merge(
            origin,
            snapshot,
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        if let Some(until) = conversation.doubted_until()
            && was_doubted != Some(until)
        {
            (self.doubted).push_back((until, snapshot.conversation.clone()));
        }
        if conversation.over() != was_over || snapshot.head().has_kin() {
            let id = snapshot.conversation.clone();
            self.settle(&id, was_over, Learnt::Live, now);
        }
        heard
    }

    /// The answer to `GET /api/v2/conversations/{id}` arrived. What it tells first is told as `source`:
    /// [`Source::Snapshot`] at the start, [`Source::Recovered`] after a gap. It may be older than a notification that came
    /// since it was `asked` for, by the clock that only goes forward.
    pub fn handle_conversation_read(
        &mut self,
        body: &str,
        source: Source,
        asked: Duration,
        now: Now,
    ) -> Heard {
        let reading = &mut Reading {
            rules: &self.rules,
            radar: &mut self.radar,
            stamps: &mut self.stamps,
            texts: &mut self.texts,
        };
        match Snapshot::read(body, Shape::Nested, reading) {
            Ok(snapshot) => {
                self.radar.body(Body::Nested, body);
                let learnt = (Learnt::Read, "conversation.endTime");
                self.handle_read(&snapshot, source, learnt, asked, now);
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
            stamps: &mut self.stamps,
            texts: &mut self.texts,
        };
        match read.and_then(|conversation| conversation.snapshot(reading)) {
            Some(snapshot) => {
                self.radar.body(Body::Analytics, body);
                let learnt = (Learnt::Analytics, "analytics.conversationEnd");
                self.handle_read(&snapshot, source, learnt, now.elapsed, now);
                Heard::Read
            }
            None => Heard::Unreadable,
        }
    }

    /// One user of an answer of analytics user details arrived (an element of `userDetails`): presences and routing statuses
    /// that were not told are told as `source`, with the ids that topics give them.
    pub fn handle_user_details(&mut self, body: &str, source: Source, now: Now) -> Heard {
        self.agents.handle_details(
            body,
            source,
            now,
            &mut self.scribe,
            &mut self.events,
            &mut self.radar,
        )
    }

    /// Something became of a gap: until it is closed, what it hid may still be read.
    pub fn handle_gap(&mut self, gap: &GapRecord) {
        self.agents.handle_gap(gap);
    }

    /// The platform does not know this conversation any more: whatever is open of it is closed, at a time that nobody tells.
    /// What topics should still show of it afterwards opens nothing again.
    pub fn handle_gone(&mut self, id: &ConversationId, now: Now) {
        let Some(conversation) = self.conversations.get_mut(id) else {
            return;
        };
        let was_over = conversation.over();
        conversation.end_unknown(
            "conversation.unknown",
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        self.settle(id, was_over, Learnt::Read, now);
    }

    fn handle_read(
        &mut self,
        snapshot: &Snapshot,
        source: Source,
        (learnt, proof): (Learnt, &str),
        asked: Duration,
        now: Now,
    ) {
        if !self.conversations.contains_key(&snapshot.conversation) {
            if !snapshot.has_legs() {
                return;
            }
            let Some(conversation) = begin(snapshot, &self.tombstones, &self.kin, now) else {
                self.handle_read_of_buried(snapshot, source, now);
                return;
            };
            self.conversations
                .insert(snapshot.conversation.clone(), Box::new(conversation));
        }
        let Some(conversation) = self.conversations.get_mut(&snapshot.conversation) else {
            return;
        };
        relate(conversation, snapshot.head(), &mut self.kin, now);
        let was_over = conversation.over();
        conversation.merge_read(
            snapshot,
            source,
            proof,
            asked,
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        self.settle(&snapshot.conversation, was_over, learnt, now);
    }

    /// A read shows a conversation that was told to its end and let go of.
    fn handle_read_of_buried(&mut self, snapshot: &Snapshot, source: Source, now: Now) {
        let id = &snapshot.conversation;
        let Some(grave) = self.tombstones.of(id) else {
            return;
        };
        let mut conversation = Conversation::new(id.clone(), self.kin.root(id), now);
        conversation.begin_after(grave);
        let told = conversation.tell_of_buried(
            snapshot,
            source,
            now,
            &self.agents,
            &mut self.scribe,
            &mut self.events,
        );
        if let Some(grave) = told {
            self.tombstones.rewrite(id, grave);
        }
    }

    /// After a conversation was told: those that are over leave in their time, and consults end with the conversation
    /// that was asked.
    fn settle(&mut self, id: &ConversationId, was_over: Over, learnt: Learnt, now: Now) {
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        let over = conversation.over();
        let lingers = [LINGERS_CLEARED, LINGERS_TERMINATED, LINGERS_READ];
        let cleared = over.cleared.filter(|_| over.cleared != was_over.cleared);
        let terminated = (over.terminated).filter(|_| over.terminated != was_over.terminated);
        let is_read_again = learnt != Learnt::Live && self.leaving[2].len() < MOST_READ;
        let begins = [
            cleared,
            terminated.filter(|_| !is_read_again),
            terminated.filter(|_| is_read_again),
        ];
        for ((leaving, lingers), begins) in self.leaving.iter_mut().zip(lingers).zip(begins) {
            if let Some(clearing) = begins {
                leaving.push_back(Leaving {
                    due: now.elapsed + lingers,
                    id: id.clone(),
                    clearing,
                });
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
            // By analytics, this call may have been handed on since.
            if other.is_cleared() && learnt != Learnt::Analytics {
                ended.push((id.clone(), child, other.as_consult()));
            }
        }
        // A read that shows the consult's end knows nothing of what it came to in the call that it was for: that one is
        // told next, by a read of its own or by a notification.
        if over.cleared.is_some()
            && learnt == Learnt::Live
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
            let showing = Showing::apart(&head, now, &self.agents);
            let mut telling = Telling::default();
            let mut voice = Voice {
                showing: &showing,
                scribe: &mut self.scribe,
                telling: &mut telling,
            };
            let was_doubted = parent.doubted_until();
            parent.end_consult(&child, outcome, &mut voice);
            if let Some(until) = parent.doubted_until()
                && was_doubted != Some(until)
            {
                self.doubted.push_back((until, parent.id.clone()));
            }
            telling.hand_on(&mut self.events);
        }
    }

    /// The roster named these users; what the list tells of their state is told if it is new.
    pub fn handle_users(&mut self, users: &[UserRecord], now: Now) {
        self.handle_records(users, false, now);
    }

    /// These users were read, as the roster names them, once their topics flowed again after a gap: what was told of them
    /// in the gap may be older.
    pub fn handle_users_read(&mut self, users: &[UserRecord], now: Now) {
        self.handle_records(users, true, now);
    }

    fn handle_records(&mut self, users: &[UserRecord], after_gap: bool, now: Now) {
        for record in users {
            self.agents.handle_record(
                record,
                after_gap,
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
        self.overlaps.forget(users, &[]);
    }

    /// These queues are no longer in the roster.
    pub fn handle_queues_removed(&mut self, queues: &[QueueId]) {
        self.overlaps.forget(&[], queues);
    }

    /// The topics of these users and queues flow on the socket from now on. Where they flow on another one already, that
    /// one leads: what this one shows is kept until it takes over (`overlap.rs`).
    pub fn handle_flowing(&mut self, socket: SocketId, users: &[UserId], queues: &[QueueId]) {
        self.overlaps.flow(socket, users, queues);
    }

    /// The socket `from` was left or is lost, and `to`, on which the same topics flow, leads: nothing was missed. What it has
    /// shown beyond is told now; what it has still to show of what was told is passed over.
    pub fn handle_succession(&mut self, from: SocketId, to: SocketId, now: Now) {
        let waiting = self.overlaps.succeed(from, to, now);
        self.tell_waiting(&waiting);
    }

    /// The topics of these users and queues ceased to flow on the socket, and bodies may have been missed on them: what such
    /// a topic showed before no longer says how many changes it has shown, nor which station a user is at. Says nothing of
    /// topics that another socket leads.
    pub fn handle_interruption(
        &mut self,
        socket: SocketId,
        users: &[UserId],
        queues: &[QueueId],
        now: Now,
    ) {
        let lost = |id: &str, on_queue| !self.overlaps.flows_beside(socket, id, on_queue);
        let lost_users: Vec<UserId> = (users.iter().filter(|user| lost(user.as_str(), false)))
            .cloned()
            .collect();
        let in_queues = queues
            .iter()
            .map(QueueId::as_str)
            .filter(|queue| lost(queue, true));
        let in_queues: HashSet<&str> = in_queues.collect();
        self.agents.doubt(&lost_users);
        let of_users: HashSet<&str> = lost_users.iter().map(UserId::as_str).collect();
        for conversation in self.conversations.values_mut() {
            conversation.interrupt(&of_users, &in_queues);
        }
        let waiting = self.overlaps.cease(socket, users, queues, now);
        self.tell_waiting(&waiting);
    }

    fn tell_waiting(&mut self, waiting: &[overlap::Waiting]) {
        for waiting in waiting {
            let notification = waiting.notification();
            if let Some(topic) = topic::parse(notification.topic) {
                self.tell(topic, &notification, waiting.arrived);
            }
        }
    }

    /// Lets go of conversations that are over, and forgets those whose day is over. Call it now and then; nothing else
    /// depends on it.
    pub fn handle_timeout(&mut self, now: Now) {
        for (leaving, terminated) in self.leaving.iter_mut().zip([false, true, true]) {
            while let Some(next) = leaving.pop_front_if(|next| next.due <= now.elapsed) {
                let Some(conversation) = self.conversations.get(&next.id) else {
                    continue;
                };
                if conversation.clearings() != next.clearing {
                    continue;
                }
                let unheard_for = now.elapsed.saturating_sub(conversation.last_heard());
                let works_on = conversation.is_cleared() && conversation.works();
                if !terminated && works_on && unheard_for < REMEMBERED {
                    leaving.push_back(Leaving {
                        due: now.elapsed + LINGERS_CLEARED,
                        ..next
                    });
                    continue;
                }
                let is_over =
                    conversation.is_cleared() && (!terminated || conversation.is_terminated());
                if is_over && let Some(ended) = self.conversations.remove(&next.id) {
                    self.tombstones.bury(&next.id, &ended, now);
                    self.snapshots.forget(&next.id);
                }
            }
        }
        // Nearly in the order of their times: they are a few seconds off at most.
        while let Some((until, _)) = self.doubted.front()
            && *until <= now.elapsed
            && let Some((_, id)) = self.doubted.pop_front()
        {
            if let Some(conversation) = self.conversations.get_mut(&id) {
                conversation.tell_doubted(now, &self.agents, &mut self.scribe, &mut self.events);
            }
        }
        self.tombstones.expire(now);
        self.kin.expire(now);
        self.known.expire(now);
        let waiting = self.overlaps.expire(now);
        self.tell_waiting(&waiting);
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

    /// Conversations that are not over, or after which somebody still works: a read tells what was missed of them. Newest
    /// first.
    #[must_use]
    pub fn live_conversations(&self) -> Vec<LiveConversation> {
        let mut live: Vec<&Conversation> = (self.conversations.values().map(Box::as_ref))
            .filter(|conversation| !conversation.is_cleared() || conversation.works())
            .collect();
        live.sort_unstable_by_key(|conversation| (Reverse(conversation.begun()), &conversation.id));
        live.into_iter().map(Conversation::concerns).collect()
    }

    /// What is new, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            let event = self.events.pop_front()?;
            if !self.known.has(&event) {
                return Some(event);
            }
        }
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
            .map(|conversation| conversation.open_connections())
            .sum()
    }

    /// Bytes of snapshot texts kept.
    #[must_use]
    pub fn snapshot_bytes(&self) -> usize {
        self.snapshots.bytes()
    }
}

/// What is looked at of a notification while two sockets show the same.
fn seen<'a>(topic: Topic<'a>, notification: &'a Notification<'a>) -> overlap::Seen<'a> {
    let (kind, conversation) = match topic.kind {
        TopicKind::Conversation(shape) => (
            shape as u8,
            snapshot::leading_id(notification.body).unwrap_or_default(),
        ),
        TopicKind::Presence => (2, ""),
        TopicKind::RoutingStatus => (3, ""),
        TopicKind::Station => (4, ""),
        TopicKind::PersistentConnection => (5, ""),
    };
    overlap::Seen {
        subject: topic.subject,
        on_queue: topic.on_queue,
        strand: (kind, conversation),
        apart: u8::from(topic.kind == TopicKind::Station && agent::is_left(notification)),
        notification,
    }
}

/// A conversation that a body shows for the first time, or that goes on after its end; `None` for a late body of one that
/// has ended.
fn begin(
    snapshot: &Snapshot,
    tombstones: &Tombstones,
    kin: &Kin,
    now: Now,
) -> Option<Conversation> {
    let id = &snapshot.conversation;
    let mut conversation = Conversation::new(id.clone(), kin.root(id), now);
    if let Some(tombstone) = tombstones.of(id) {
        if !tombstones.is_reopened_by(snapshot, tombstone) {
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
