//! One conversation: its connections and participants, and what each topic has shown of it.

mod restore;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::agent::Agents;
use super::attribute::Attributes;
use super::conference;
use super::consult::{Consults, Outcome};
use super::counted::Newcomer;
use super::identity::{Occurrence, Scribe};
use super::leg::{Clearing, End, Leg, Shown};
use super::member::{self, Member, Speaker};
use super::party::{LegView, Party, Role};
use super::snapshot::{Head, Origin, Snapshot};
use super::telling::{Showing, Telling, Told, Voice};
use super::tombstone::{Remembered, Tombstone};
use super::topic::Shape;
use super::view::{self, TopicView};
use super::{Heard, LiveConversation};
use crate::model::event::{
    AttributeValues, Cause, Connection, ConnectionRef, ConnectionState, Detail, Direction, Event,
    EventKind, Flag, Private, Remark, Source, Subject,
};
use crate::model::id::{ConversationId, ParticipantId, QueueId, UserId};
use crate::model::time::{Now, UtcMicros};

/// By which of its clearings a conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    /// Its call is cleared.
    pub(crate) cleared: Option<u32>,
    /// Nothing more is expected of it either.
    pub(crate) terminated: Option<u32>,
}

/// A conversation with at least one call or callback.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(super) id: ConversationId,
    pub(super) root: ConversationId,
    pub(super) legs: Vec<Leg>,
    members: Vec<Member>,
    topics: Vec<TopicView>,
    pub(super) consults: Consults,
    attributes: Attributes,
    /// Who takes part by another medium too, as the nested shape tells; and whether that is over.
    other_media: Vec<(ParticipantId, bool)>,
    /// Set when it had ended before and goes on: the legs told then.
    before: Option<Tombstone>,
    told: Told,
    clearings: u32,
    is_cleared: bool,
    begun: Duration,
    last_heard: Duration,
    /// The same, of notifications alone.
    last_shown: Option<Duration>,
}

impl Conversation {
    pub(crate) fn new(id: ConversationId, root: ConversationId, now: Now) -> Self {
        Self {
            id,
            root,
            legs: Vec::new(),
            members: Vec::new(),
            topics: Vec::new(),
            consults: Consults::default(),
            attributes: Attributes::default(),
            other_media: Vec::new(),
            before: None,
            told: Told::default(),
            clearings: 0,
            is_cleared: false,
            begun: now.elapsed,
            last_heard: now.elapsed,
            last_shown: None,
        }
    }

    /// It had ended, and goes on with new legs.
    pub(crate) fn begin_after(&mut self, tombstone: &Tombstone) {
        self.clearings = tombstone.clearings;
        // What happens to a call once has happened, or may have.
        for once in [
            EventKind::CallCreated,
            EventKind::Conferenced,
            EventKind::CallTerminated,
        ] {
            self.told.first(once);
        }
        self.before = Some(tombstone.clone());
    }

    /// Whether its call was told to be cleared.
    pub(crate) fn is_cleared(&self) -> bool {
        self.is_cleared
    }

    /// Whether nothing more is expected of it.
    pub(crate) fn is_terminated(&self) -> bool {
        self.is_cleared && self.told.has(EventKind::CallTerminated) && !self.works()
    }

    /// What it came to, if it is one that another conversation asked.
    pub(crate) fn as_consult(&self) -> Outcome {
        let ends = || self.legs.iter().map(|leg| leg.end);
        if ends().any(End::is_transfer) {
            Outcome::Transfer
        } else if ends().any(|end| end == End::Conference) {
            Outcome::Conference
        } else {
            Outcome::Cancelled
        }
    }

    /// When it was first shown.
    pub(crate) fn begun(&self) -> Duration {
        self.begun
    }

    /// Whom it concerns.
    pub(crate) fn concerns(&self) -> LiveConversation {
        let facts = || self.legs.iter().map(Leg::facts);
        let mut users: BTreeSet<UserId> = facts()
            .filter_map(|facts| Some(facts.user.as_ref()?.id.clone()))
            .collect();
        let mut queues: BTreeSet<QueueId> = facts()
            .filter_map(|facts| Some(facts.queue.as_ref()?.id.clone()))
            .collect();
        for topic in &self.topics {
            match &topic.subject {
                view::Subject::User(user) => users.insert(user.clone()),
                view::Subject::Queue(queue) => queues.insert(queue.clone()),
            };
        }
        LiveConversation {
            id: self.id.clone(),
            users: users.into_iter().collect(),
            queues: queues.into_iter().collect(),
        }
    }

    /// When a body last showed it, or an answer to a read.
    pub(crate) fn last_heard(&self) -> Duration {
        self.last_heard
    }

    /// Whether somebody works on after the call.
    pub(crate) fn works(&self) -> bool {
        self.members.iter().any(Member::works)
    }

    /// How far it is over.
    pub(crate) fn over(&self) -> Over {
        let by = |is_so: bool| is_so.then_some(self.clearings);
        Over {
            cleared: by(self.is_cleared()),
            terminated: by(self.is_terminated()),
        }
    }

    /// How often its call was cleared.
    pub(crate) fn clearings(&self) -> u32 {
        self.clearings
    }

    /// What a grave has to remember of it.
    pub(crate) fn remember(&self, mut remember: impl FnMut(Remembered<'_>)) {
        for leg in &self.legs {
            remember(Remembered::Leg(&leg.participant, leg.ordinal));
            leg.remember_spells(&mut remember);
        }
        let of_legs = (self.legs.iter().filter(|leg| leg.ordinal > 0)).map(|leg| &leg.participant);
        for id in of_legs.chain(self.members.iter().map(|member| &member.id)) {
            let is_first = |leg: &Leg| leg.ordinal == 0 && leg.participant == *id;
            if !self.legs.iter().any(is_first) {
                remember(Remembered::Participant(id));
            }
        }
        for asked in self.consults.asked() {
            remember(Remembered::Asked(asked));
        }
    }

    /// Whether it was told before the conversation ended and went on.
    pub(super) fn was_told(&self, what: &Remembered<'_>) -> bool {
        (self.before.as_ref()).is_some_and(|before| before.holds(what))
    }

    /// What a grave remembered of it before it went on.
    pub(crate) fn marks_before(&self) -> &[u32] {
        self.before.as_ref().map_or(&[], Tombstone::marks)
    }

    /// What was told before it ended and went on.
    pub(super) fn grave_mut(&mut self) -> Option<&mut Tombstone> {
        self.before.as_mut()
    }

    /// The same, once the conversation is let go of.
    pub(super) fn into_grave(self) -> Option<Tombstone> {
        self.before
    }

    /// Connections established and not cleared.
    pub(crate) fn open_connections(&self) -> usize {
        self.legs.iter().filter(|leg| leg.is_open()).count()
    }

    /// The customer contact that it belongs to began with another conversation.
    pub(crate) fn set_root(&mut self, root: &ConversationId) {
        self.root = root.clone();
        for leg in &mut self.legs {
            leg.set_root(root);
        }
    }

    /// A notification shows it: what is new becomes events.
    pub(crate) fn merge(
        &mut self,
        origin: Origin<'_>,
        snapshot: &Snapshot,
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        let index = self.topic(origin, agents);
        let view = &self.topics[index];
        let is_level = view.is_level;
        if is_level && view.shows_the_same(snapshot) {
            self.last_heard = now.elapsed;
            self.last_shown = Some(now.elapsed);
            return Heard::Unchanged;
        }
        if view.is_past(snapshot) {
            // It says nothing of the present: if only such come, a read must tell the end.
            return Heard::Stale;
        }
        self.last_heard = now.elapsed;
        self.last_shown = Some(now.elapsed);
        let is_new = view.is_new() || !is_level;
        let newcomer = if is_new && self.knows_more_than(snapshot, origin.shape) {
            Newcomer::Older
        } else {
            Newcomer::Level
        };
        let mut topic = self.topics.remove(index);
        if !is_level {
            topic.interrupt();
        }
        let showing = self.showing(snapshot, origin.shape, None, now, agents);
        self.tell(
            &mut topic, is_new, newcomer, snapshot, &showing, scribe, events,
        );
        topic.take(snapshot, &self.topics);
        self.topics.insert(index, topic);
        Heard::Read
    }

    /// An answer to a read shows it: what is new is told as `source`. If the answer says that the conversation has ended,
    /// what it leaves open is closed, and `proof` is why.
    #[expect(
        clippy::too_many_arguments,
        reason = "the machine's parts are lent one by one"
    )]
    pub(crate) fn merge_read(
        &mut self,
        snapshot: &Snapshot,
        source: Source,
        proof: &str,
        asked: Duration,
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        self.last_heard = now.elapsed;
        // What has changed since it was asked for, and has no time, it may show as it was.
        let was_shown_since = self.last_shown.is_some_and(|shown| shown > asked);
        let newcomer = if was_shown_since || self.knows_more_than(snapshot, Shape::Nested) {
            Newcomer::Older
        } else {
            Newcomer::Level
        };
        // An answer has no stream that it could be in order with: what it shows is compared with what was told.
        let mut topic = TopicView::of_read();
        let showing = self.showing(snapshot, Shape::Nested, Some(source), now, agents);
        self.tell(
            &mut topic, true, newcomer, snapshot, &showing, scribe, events,
        );
        if let Some(ended) = snapshot.head().ended {
            self.close(Some(snapshot), Some(ended), proof, &showing, scribe, events);
        }
    }

    fn showing<'a>(
        &self,
        snapshot: &'a Snapshot,
        shape: Shape,
        read_as: Option<Source>,
        now: Now,
        agents: &'a Agents,
    ) -> Showing<'a> {
        Showing {
            shape,
            head: snapshot.head(),
            first_sight: self.legs.is_empty() && self.members.is_empty(),
            read_as,
            dialed: snapshot.parties().any(|party| party.role == Role::Dialer),
            received: now.utc,
            elapsed: now.elapsed,
            agents,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the machine's parts are lent one by one"
    )]
    fn tell(
        &mut self,
        topic: &mut TopicView,
        is_new: bool,
        newcomer: Newcomer,
        snapshot: &Snapshot,
        showing: &Showing<'_>,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        let mut telling = std::mem::take(&mut scribe.telling);
        let mut voice = Voice {
            showing,
            scribe,
            telling: &mut telling,
        };
        if showing.read_as.is_none() {
            for leg in &mut self.legs {
                leg.tell_doubted(&mut voice);
            }
            // It was over before anything that this body shows.
            voice.telling.hand_on(events);
        }
        let is_compared = !is_new && topic.has_same_head(snapshot);
        if self.legs.is_empty() {
            let legs = snapshot.parties().map(|party| party.legs.len()).sum();
            self.legs.reserve_exact(legs);
            topic.expect(legs);
        }
        for (place, (party, stamp)) in snapshot.parties().zip(snapshot.stamps()).enumerate() {
            if !(is_compared && topic.has_shown(place, stamp)) {
                self.tell_party(topic, party, newcomer, snapshot, &mut voice);
            }
        }
        if self.told.first(EventKind::CallCreated) {
            self.tell_created(snapshot, &mut voice);
        }
        // Nothing begins in a call that is over, whatever an old body shows.
        if !self.is_cleared {
            conference::tell(self, snapshot, &mut voice);
        }
        self.tell_consults(snapshot, &mut voice);
        telling.hand_on(events);
        scribe.telling = telling;
        self.learn_other_media(snapshot);
        let has_ended = showing.head.ended.is_some();
        self.tell_call_cleared(showing.news(), has_ended, showing, scribe, events);
    }

    fn tell_party(
        &mut self,
        topic: &mut TopicView,
        party: &Party,
        newcomer: Newcomer,
        snapshot: &Snapshot,
        voice: &mut Voice<'_>,
    ) {
        let mut speaker = None;
        for (ordinal, view) in party.legs.iter().enumerate() {
            if self.was_told(&Remembered::Leg(&party.id, ordinal)) {
                if voice.showing.read_as.is_some() {
                    self.tell_of_before(party, ordinal, view, voice);
                }
                continue;
            }
            // The flat shape shows one call a participant and not which: with several, the nested shape alone tells.
            let has_several = |leg: &Leg| leg.participant == party.id && leg.ordinal > 0;
            if voice.showing.shape == Shape::Flat && self.legs.iter().any(has_several) {
                continue;
            }
            let Some(leg) = self.leg(party, ordinal, view) else {
                continue;
            };
            let newcomer = if !topic.counts(leg) && self.is_followed(leg) {
                Newcomer::Follower
            } else {
                newcomer
            };
            let ends = view.is_over() && !self.legs[leg].is_cleared();
            let successor = (ends && view.disconnect_type.starts_with("transfer"))
                .then(|| self.successor(party, view, snapshot, voice.showing.agents))
                .flatten();
            let shown = Shown {
                party,
                view,
                newcomer,
                successor: successor.as_ref(),
                answered: ends && party.role == Role::Queue && is_answered(party, view, snapshot),
            };
            self.legs[leg].show(shown, topic.seen(leg), voice);
            // A leg that is alive: the call goes on.
            self.is_cleared &= self.legs[leg].is_cleared();
            speaker = Some(Arc::clone(self.legs[leg].facts()));
        }
        self.tell_member(topic, party, speaker, newcomer, voice);
    }

    fn tell_member(
        &mut self,
        topic: &mut TopicView,
        party: &Party,
        speaker: Option<Arc<Connection>>,
        newcomer: Newcomer,
        voice: &mut Voice<'_>,
    ) {
        let has_work = party.wrapup.is_some() || party.after_call_work.started.is_some();
        let has_more = !party.attributes.values.is_empty() || !party.callbacks.is_empty();
        if self.was_told(&Remembered::Participant(&party.id)) {
            return;
        }
        if has_work || has_more {
            let facts = speaker.unwrap_or_else(|| {
                let facts = member::without_call(&self.id, &self.root, party, voice);
                Arc::new(facts)
            });
            let index = self.member(&party.id);
            let speaker = Speaker {
                facts: &facts,
                source: voice.showing.news(),
            };
            let member = &mut self.members[index];
            let first = voice.telling.len();
            member.show_callbacks(party, &facts, voice);
            voice.telling.date_leg(first);
            member.show_work(party, &speaker, voice);
            let (heard, all) = (topic.heard(index), &mut self.attributes);
            member.show_attributes(&party.attributes, heard, newcomer, all, &speaker, voice);
        }
        self.tell_observation(party, voice);
    }

    /// A supervisor listens, speaks, breaks in: told of the supervisor's own leg.
    fn tell_observation(&mut self, party: &Party, voice: &mut Voice<'_>) {
        let Some(observes) = &party.observes else {
            return;
        };
        let Some(own) = (self.legs.iter()).position(|leg| leg.participant == party.id) else {
            return;
        };
        let kinds = [
            (EventKind::MonitoringStarted, &observes.monitors, None),
            (EventKind::CoachingStarted, &observes.coaches, None),
            (EventKind::BargedIn, &observes.barged_into, observes.barged),
        ];
        let first = voice.telling.len();
        for (kind, observed, time) in kinds {
            let Some(observed) = observed else { continue };
            let detail = Detail::Related {
                conversation: None,
                old: self.reference(observed),
                new: Some(self.legs[own].reference()),
            };
            let source = voice.showing.news();
            self.legs[own].tell_once(kind, source, time, Some(Arc::new(detail)), voice);
        }
        // It has no time of its own, and may be learned with the end of the leg: it came before that.
        let connected = party.legs.last().and_then(|leg| leg.connected);
        if let (true, Some(connected)) = (self.legs[own].is_cleared(), connected) {
            voice.telling.date_back(first, connected);
        }
    }

    /// A connection as other events name it.
    pub(super) fn reference(&self, participant: &ParticipantId) -> Option<ConnectionRef> {
        (self.legs.iter().rev())
            .find(|leg| leg.participant == *participant)
            .map(Leg::reference)
    }

    /// Who takes over from a party that hands the call on: whom it consulted, or who came next and was not answered before.
    fn successor(
        &self,
        party: &Party,
        view: &LegView,
        snapshot: &Snapshot,
        agents: &Agents,
    ) -> Option<ConnectionRef> {
        let comes_next = |next: &&Party| {
            let Some(leg) = next.legs.last() else {
                return false;
            };
            let after = |time: Option<UtcMicros>| match (time, view.ended) {
                (Some(time), Some(ended)) => time >= ended,
                _ => true,
            };
            after(leg.connected) && after(leg.ended) && !next.only_observes()
        };
        let next = match &party.consults {
            Some(asked) => snapshot.parties().find(|other| other.id == *asked),
            None => (snapshot.parties())
                .skip_while(|other| other.id != party.id)
                .skip(1)
                .find(comes_next),
        }?;
        let known = self.reference(&next.id);
        Some(known.unwrap_or_else(|| ConnectionRef {
            participant: next.id.clone(),
            communication: next.legs.last().and_then(|leg| leg.communication.clone()),
            user: (next.user.as_ref()).map(|user| agents.user(user, &next.facts.name)),
        }))
    }

    fn tell_created(&mut self, snapshot: &Snapshot, voice: &mut Voice<'_>) {
        // The first participant's coming; the nested shape of notifications does not tell it, and the flat one shows nobody
        // who only had a callback before the call.
        let calls_in = |party: &&Party| {
            let leg = party.legs.first();
            party.role == Role::Outside
                && leg.is_some_and(|leg| leg.direction == Direction::Inbound)
        };
        let time = (snapshot.parties().next().filter(calls_in)).and_then(|party| party.started);
        let is_young = snapshot
            .parties()
            .all(|party| (party.legs.iter()).all(|leg| !leg.was_answered() && !leg.is_over()));
        let source = match voice.showing.read_as {
            None if is_young => Source::Live,
            _ => voice.showing.past(),
        };
        let event = self.call_event(
            EventKind::CallCreated,
            Occurrence::Once,
            source,
            time,
            voice,
        );
        voice.telling.push_first(event);
    }

    /// The call is cleared when every leg is over and no participant takes part by another medium still. It is terminated
    /// when every leg is put away too, and nobody works after it any more.
    fn tell_call_cleared(
        &mut self,
        source: Source,
        has_ended: bool,
        showing: &Showing<'_>,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        // A participant may be shown, with attributes, before anything is done to call it.
        let has_begun = !self.legs.is_empty() || self.members.iter().any(Member::has_callbacks);
        let is_over = (has_begun || has_ended)
            && self.legs.iter().all(Leg::is_cleared)
            && !self.members.iter().any(Member::awaits_callback)
            && self.other_media.iter().all(|(_, is_over)| *is_over);
        if !is_over {
            return;
        }
        let mut telling = Telling::default();
        let mut voice = Voice {
            showing,
            scribe,
            telling: &mut telling,
        };
        if !self.is_cleared {
            self.is_cleared = true;
            let occurrence = if self.clearings == 0 {
                Occurrence::Once
            } else {
                Occurrence::Nth(self.clearings)
            };
            self.clearings += 1;
            let ended = self.legs.iter().filter_map(|leg| leg.ended).max();
            self.end_consults(ended, &mut voice);
            voice.telling.hand_on(events);
            let mut event = self.call_event(
                EventKind::CallCleared,
                occurrence,
                source,
                ended,
                &mut voice,
            );
            event.state = ConnectionState::Null;
            event.detail = self.all_attributes();
            events.push_back(event);
        }
        let is_done = self.legs.iter().all(Leg::is_put_away) && !self.works();
        if is_done && self.told.first(EventKind::CallTerminated) {
            let event = self.call_event(
                EventKind::CallTerminated,
                Occurrence::Once,
                source,
                None,
                &mut voice,
            );
            events.push_back(event);
        }
    }

    fn all_attributes(&self) -> Option<Arc<Detail>> {
        let all = &self.attributes;
        (!all.is_empty()).then(|| {
            let values = all.iter().map(|known| AttributeValues {
                key: Arc::clone(&known.key),
                first: Private(Arc::clone(&known.first)),
                last: Private(Arc::clone(&known.last)),
            });
            Arc::new(Detail::Attributes(values.collect()))
        })
    }

    /// The platform does not know the conversation any more, and `proof` says so: what is open is closed.
    pub(crate) fn end_unknown(
        &mut self,
        proof: &str,
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        let head = Head::default();
        let showing = Showing {
            read_as: Some(Source::Recovered),
            ..Showing::apart(&head, now, agents)
        };
        self.close(None, None, proof, &showing, scribe, events);
    }

    /// The platform says that the conversation ended at `ended`, and shows no end of what is still open: it is closed.
    fn close(
        &mut self,
        snapshot: Option<&Snapshot>,
        ended: Option<UtcMicros>,
        proof: &str,
        showing: &Showing<'_>,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        let mut telling = Telling::default();
        let mut voice = Voice {
            showing,
            scribe,
            telling: &mut telling,
        };
        for leg in &mut self.legs {
            if !leg.is_cleared() {
                let clearing = Clearing {
                    source: Source::Synthetic,
                    at: ended,
                    disconnect_type: &showing.agents.nothing,
                    outcome: "",
                    detail: None,
                };
                leg.clear(clearing, &mut voice);
            }
            leg.put_away();
        }
        for member in &mut self.members {
            let own = self
                .legs
                .iter()
                .rev()
                .find(|leg| leg.participant == member.id);
            let facts = own.map_or_else(
                || Arc::new(super::leg::unknown(&self.id, &self.root, &member.id)),
                |leg| Arc::clone(leg.facts()),
            );
            let mut parties = snapshot.into_iter().flat_map(Snapshot::parties);
            let shown = parties.find(|party| party.id == member.id);
            let works_on = shown.is_some_and(|party| party.after_call_work.goes_on());
            member.close(ended, works_on, &facts, &mut voice);
        }
        for (_, is_over) in &mut self.other_media {
            *is_over = true;
        }
        // A conversation that is unknown has no answer that shows its end.
        let source = if voice.telling.len() > 0 || snapshot.is_none() {
            Source::Synthetic
        } else {
            showing.news()
        };
        let first = events.len();
        telling.hand_on(events);
        self.tell_call_cleared(source, true, showing, scribe, events);
        if source == Source::Synthetic {
            for event in events.iter_mut().skip(first) {
                event.source = source;
                event.reason = proof.into();
            }
        }
    }

    /// An event about the call: the facts of the contact's first leg, without what is only a party's.
    pub(super) fn call_event(
        &self,
        kind: EventKind,
        occurrence: Occurrence,
        source: Source,
        time: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) -> Event {
        Event {
            kind,
            id: voice.scribe.id(kind, self.id.as_str(), "", 0, occurrence),
            id_exact: occurrence.is_exact_for(kind),
            source,
            platform_time: time,
            received: voice.showing.received,
            subject: Subject::Connection(Arc::new(self.call_facts(voice))),
            state: ConnectionState::Unknown,
            previous: ConnectionState::Unknown,
            cause: Cause::None,
            raw: Remark::default(),
            reason: Remark::default(),
            held: Flag::Unknown,
            muted: Flag::Unknown,
            confined: Flag::Unknown,
            secure_pause: Flag::Unknown,
            detail: None,
        }
    }

    fn call_facts(&self, voice: &Voice<'_>) -> Connection {
        let unknown = || {
            let nobody = ParticipantId::from("");
            super::leg::unknown(&self.id, &self.root, &nobody)
        };
        let first = self.legs.first();
        Connection {
            participant: None,
            communication: None,
            peer: None,
            user: None,
            station: None,
            purpose: voice.nothing(),
            party: Arc::default(),
            ..first.map_or_else(unknown, |leg| Connection::clone(leg.facts()))
        }
    }

    /// Whether something that happens to the conversation once was not told yet; from now on it was.
    pub(super) fn first_time(&mut self, kind: EventKind) -> bool {
        self.told.first(kind)
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
            let is_lost = match &topic.subject {
                view::Subject::User(user) => users.contains(user.as_str()),
                view::Subject::Queue(queue) => queues.contains(queue.as_str()),
            };
            topic.is_level &= !is_lost;
            if is_lost {
                self.legs.iter_mut().for_each(Leg::interrupt);
            }
        }
        if !self.topics.iter().any(|topic| topic.is_level) {
            self.interrupt_consults();
        }
    }

    /// By when it is known what has ended: something that a read told (`spell.rs`), or a consult.
    pub(crate) fn doubted_until(&self) -> Option<Duration> {
        let of_legs = self.legs.iter().filter_map(Leg::doubted_until);
        of_legs.chain(self.consults_gone_until()).min()
    }

    /// Tells what is known to have ended.
    pub(crate) fn tell_doubted(
        &mut self,
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        let head = Head::default();
        let showing = Showing::apart(&head, now, agents);
        let mut telling = Telling::default();
        let mut voice = Voice {
            showing: &showing,
            scribe,
            telling: &mut telling,
        };
        for leg in &mut self.legs {
            leg.tell_doubted(&mut voice);
        }
        self.tell_gone_consults(&mut voice);
        telling.hand_on(events);
    }

    /// Whether a topic of the leg's own user shows the leg, from its beginning or from the last interruption on.
    fn is_followed(&self, leg: usize) -> bool {
        let Some(user) = &self.legs[leg].facts().user else {
            return false;
        };
        self.topics
            .iter()
            .any(|topic| topic.is_level && topic.subject.is_user(&user.id) && topic.counts(leg))
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

    fn topic(&mut self, origin: Origin<'_>, agents: &Agents) -> usize {
        match self.topics.iter().position(|topic| topic.is_of(origin)) {
            Some(index) => index,
            None => {
                self.topics.reserve_exact(1);
                self.topics.push(TopicView::of(origin, agents));
                self.topics.len() - 1
            }
        }
    }

    /// The leg of a participant's call; `None` for one of which nothing was ever told.
    fn leg(&mut self, party: &Party, ordinal: usize, view: &LegView) -> Option<usize> {
        let known = (self.legs.iter())
            .position(|leg| leg.ordinal == ordinal && leg.participant == party.id);
        if known.is_none() && view.rank() == 0 {
            return None;
        }
        Some(known.unwrap_or_else(|| {
            self.legs.reserve_exact(1);
            self.legs
                .push(Leg::new(&self.id, &self.root, party, ordinal));
            self.legs.len() - 1
        }))
    }

    fn member(&mut self, participant: &ParticipantId) -> usize {
        let known = (self.members.iter()).position(|member| member.id == *participant);
        known.unwrap_or_else(|| {
            self.members.reserve_exact(1);
            self.members.push(Member::new(participant));
            self.members.len() - 1
        })
    }
}

/// Whether an agent of the queue answered before the queue's leg was over.
fn is_answered(queue: &Party, view: &LegView, snapshot: &Snapshot) -> bool {
    snapshot.parties().any(|party| {
        party.role == Role::Person
            && party.queue.is_some()
            && party.queue == queue.queue
            && (party.legs.iter().filter_map(|leg| leg.connected)).any(|answered| {
                view.ended.is_none_or(|ended| answered <= ended)
                    && (view.connected.or(queue.started)).is_none_or(|begun| answered >= begun)
            })
    })
}
