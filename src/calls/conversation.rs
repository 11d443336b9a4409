//! One conversation: its connections, and what each topic has shown of it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::Heard;
use super::agent::Agents;
use super::identity::{Occurrence, Scribe};
use super::leg::{Leg, Seen, Showing, Telling};
use super::party::Party;
use super::snapshot::{Origin, Snapshot};
use super::toggle::Newcomer;
use super::tombstone::Tombstone;
use super::topic::Shape;
use crate::model::event::{
    Cause, Connection, ConnectionState, Event, EventKind, Flag, Source, Subject,
};
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::{Now, UtcMicros};

/// A conversation with at least one call.
#[derive(Debug)]
pub(crate) struct Conversation {
    id: ConversationId,
    legs: Vec<Leg>,
    topics: Vec<TopicView>,
    /// Who takes part by another medium too, as the nested shape tells; and whether that is over.
    other_media: Vec<(ParticipantId, bool)>,
    /// Set when it had ended before and goes on: the legs told then.
    before: Option<Tombstone>,
    is_cleared: bool,
}

/// What one topic has shown of the conversation.
#[derive(Debug)]
struct TopicView {
    subject: Arc<str>,
    on_queue: bool,
    shape: Shape,
    /// Whether none of its bodies can have been missed.
    is_level: bool,
    parties: Vec<Arc<Party>>,
    /// By the index of the leg in the conversation.
    seen: Vec<Seen>,
}

impl TopicView {
    fn is_of(&self, origin: Origin<'_>) -> bool {
        self.shape == origin.shape
            && self.on_queue == origin.on_queue
            && *self.subject == *origin.subject
    }

    fn shows_the_same(&self, snapshot: &Snapshot) -> bool {
        self.parties.len() == snapshot.parties().len()
            && self
                .parties
                .iter()
                .zip(snapshot.parties())
                .all(|(seen, shown)| Arc::ptr_eq(seen, shown))
    }

    /// Whether the body is older than what this topic has already shown: a participant or call is gone, or went back.
    fn is_past(&self, snapshot: &Snapshot) -> bool {
        self.parties.iter().enumerate().any(|(index, seen)| {
            let shown = snapshot
                .parties()
                .nth(index)
                .filter(|shown| shown.id == seen.id);
            let shown = shown.or_else(|| snapshot.parties().find(|shown| shown.id == seen.id));
            let Some(shown) = shown else { return true };
            let went_back = |(ordinal, leg): (usize, &super::party::LegView)| {
                shown
                    .legs
                    .get(ordinal)
                    .is_none_or(|shown| shown.rank() != 0 && shown.rank() < leg.rank())
            };
            !Arc::ptr_eq(seen, shown) && seen.legs.iter().enumerate().any(went_back)
        })
    }
}

impl Conversation {
    pub(crate) fn new(id: ConversationId) -> Self {
        Self {
            id,
            legs: Vec::new(),
            topics: Vec::new(),
            other_media: Vec::new(),
            before: None,
            is_cleared: false,
        }
    }

    /// It had ended, and goes on with new legs.
    pub(crate) fn begin_after(&mut self, tombstone: &Tombstone) {
        self.before = Some(tombstone.clone());
    }

    /// Whether its call was told to be cleared.
    pub(crate) fn is_over(&self) -> bool {
        self.is_cleared
    }

    /// How often its call was cleared, this time included.
    pub(crate) fn clearings(&self) -> u32 {
        self.before.as_ref().map_or(0, |before| before.clearings) + u32::from(self.is_cleared)
    }

    /// Its legs: participant and ordinal.
    pub(crate) fn legs(&self) -> impl Iterator<Item = (&ParticipantId, usize)> {
        self.legs.iter().map(|leg| (&leg.participant, leg.ordinal))
    }

    /// Connections established and not cleared.
    pub(crate) fn open_connections(&self) -> usize {
        self.legs.iter().filter(|leg| leg.is_open()).count()
    }

    /// A body shows it: what is new becomes events.
    pub(crate) fn merge(
        &mut self,
        origin: Origin<'_>,
        snapshot: &Snapshot,
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        let index = self.topic(origin);
        let view = &self.topics[index];
        let is_level = view.is_level;
        if is_level && view.shows_the_same(snapshot) {
            return Heard::Unchanged;
        }
        if view.is_past(snapshot) {
            return Heard::Stale;
        }
        let is_new = view.parties.is_empty() || !is_level;
        let mut topic = std::mem::replace(&mut self.topics[index], TopicView::empty());
        if !is_level {
            topic.seen.iter_mut().for_each(Seen::interrupt);
            topic.is_level = true;
        }
        let newcomer = if is_new && self.knows_more_than(snapshot, origin.shape) {
            Newcomer::Older
        } else {
            Newcomer::Level
        };
        let showing = Showing {
            shape: origin.shape,
            first_sight: self.legs.is_empty(),
            received: now.utc,
            agents,
        };
        let mut telling = Telling::default();
        for (place, party) in snapshot.parties().enumerate() {
            let is_seen = is_level
                && topic
                    .parties
                    .get(place)
                    .is_some_and(|seen| Arc::ptr_eq(seen, party));
            if is_seen {
                continue;
            }
            for (ordinal, view) in party.legs.iter().enumerate() {
                if self
                    .before
                    .as_ref()
                    .is_some_and(|before| before.holds(&party.id, ordinal))
                {
                    continue;
                }
                // The flat shape shows one call a participant and not which: with several, the nested shape alone tells.
                if origin.shape == Shape::Flat
                    && self
                        .legs
                        .iter()
                        .any(|leg| leg.participant == party.id && leg.ordinal > 0)
                {
                    continue;
                }
                let leg = self.leg(&party.id, ordinal);
                if topic.seen.len() <= leg {
                    topic.seen.resize(leg + 1, Seen::default());
                }
                let newcomer = if !topic.seen[leg].counts() && self.is_followed(leg) {
                    Newcomer::Follower
                } else {
                    newcomer
                };
                self.legs[leg].show(
                    party,
                    view,
                    &mut topic.seen[leg],
                    newcomer,
                    &showing,
                    scribe,
                    &mut telling,
                );
            }
        }
        topic.parties.clear();
        topic.parties.extend(snapshot.parties().cloned());
        self.topics[index] = topic;
        events.extend(telling.into_events());
        self.learn_other_media(snapshot);
        self.tell_cleared(&showing, scribe, events);
        Heard::Read
    }

    /// The call is cleared when every leg is over and no participant takes part by another medium still.
    fn tell_cleared(
        &mut self,
        showing: &Showing<'_>,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        if self.is_cleared
            || self.legs.is_empty()
            || !self.legs.iter().all(Leg::is_cleared)
            || self.other_media.iter().any(|(_, is_over)| !is_over)
        {
            return;
        }
        self.is_cleared = true;
        let again = self.clearings() - 1;
        let occurrence = if again == 0 {
            Occurrence::Once
        } else {
            Occurrence::Nth(again)
        };
        let ended: Option<UtcMicros> = self.legs.iter().filter_map(|leg| leg.ended).max();
        // The facts of the contact's first leg, without what is only a party's.
        let first = self.legs[0].facts();
        let facts = Connection {
            participant: None,
            communication: None,
            peer: None,
            user: None,
            station: None,
            purpose: Arc::clone(&showing.agents.nothing),
            ..Connection::clone(first)
        };
        events.push_back(Event {
            kind: EventKind::CallCleared,
            id: scribe.id(EventKind::CallCleared, self.id.as_str(), "", 0, occurrence),
            id_exact: again == 0,
            source: if showing.first_sight {
                Source::Snapshot
            } else {
                Source::Live
            },
            platform_time: ended,
            received: showing.received,
            subject: Subject::Connection(Arc::new(facts)),
            state: ConnectionState::Null,
            previous: ConnectionState::Unknown,
            cause: Cause::None,
            raw: Arc::clone(&showing.agents.nothing),
            reason: Arc::clone(&showing.agents.nothing),
            held: Flag::Unknown,
            muted: Flag::Unknown,
            confined: Flag::Unknown,
            secure_pause: Flag::Unknown,
            detail: None,
        });
    }

    /// The flat shape tells nothing of other media, and a late body may still show what is over.
    fn learn_other_media(&mut self, snapshot: &Snapshot) {
        for party in snapshot.parties().filter(|party| party.other_media) {
            let is_over = party.ended.is_some();
            match self.other_media.iter_mut().find(|(id, _)| *id == party.id) {
                Some((_, was_over)) => *was_over |= is_over,
                None => self.other_media.push((party.id.clone(), is_over)),
            }
        }
    }

    /// Bodies may have been missed on topics of these users and queues.
    pub(crate) fn interrupt(&mut self, users: &HashSet<&str>, queues: &HashSet<&str>) {
        for topic in &mut self.topics {
            let lost = if topic.on_queue { queues } else { users };
            topic.is_level &= !lost.contains(&*topic.subject);
        }
    }

    /// Whether a topic of the leg's own user shows the leg, from its beginning or from the last interruption on.
    fn is_followed(&self, leg: usize) -> bool {
        let Some(user) = &self.legs[leg].facts().user else {
            return false;
        };
        self.topics.iter().any(|topic| {
            topic.is_level
                && !topic.on_queue
                && *topic.subject == *user.id.as_str()
                && topic.seen.get(leg).is_some_and(Seen::counts)
        })
    }

    /// Whether a leg that is known is missing from the body, or less far in it.
    fn knows_more_than(&self, snapshot: &Snapshot, shape: Shape) -> bool {
        self.legs
            .iter()
            .filter(|leg| shape == Shape::Nested || leg.ordinal == 0)
            .any(|leg| {
                let shown = snapshot.parties().find(|party| party.id == leg.participant);
                shown
                    .and_then(|party| party.legs.get(leg.ordinal))
                    .is_none_or(|shown| shown.rank() < leg.rank())
            })
    }

    fn topic(&mut self, origin: Origin<'_>) -> usize {
        match self.topics.iter().position(|topic| topic.is_of(origin)) {
            Some(index) => index,
            None => {
                self.topics.push(TopicView {
                    subject: Arc::from(origin.subject),
                    on_queue: origin.on_queue,
                    shape: origin.shape,
                    is_level: true,
                    ..TopicView::empty()
                });
                self.topics.len() - 1
            }
        }
    }

    fn leg(&mut self, participant: &ParticipantId, ordinal: usize) -> usize {
        match self
            .legs
            .iter()
            .position(|leg| leg.ordinal == ordinal && leg.participant == *participant)
        {
            Some(index) => index,
            None => {
                self.legs.push(Leg::new(&self.id, participant, ordinal));
                self.legs.len() - 1
            }
        }
    }
}

impl TopicView {
    fn empty() -> Self {
        Self {
            subject: Arc::from(""),
            on_queue: false,
            shape: Shape::Nested,
            is_level: true,
            parties: Vec::new(),
            seen: Vec::new(),
        }
    }
}
