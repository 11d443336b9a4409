//! One conversation: its connections and participants, and what each topic has shown of it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::Heard;
use super::agent::Agents;
use super::attribute::Attributes;
use super::conference;
use super::consult::{Consults, Outcome};
use super::counted::Newcomer;
use super::identity::{Occurrence, Scribe};
use super::leg::{Clearing, End, Leg, Seen, Shown};
use super::member::{self, Heard as HeardAttributes, Member, Speaker};
use super::party::{LegView, Party, Role};
use super::snapshot::{Origin, Snapshot};
use super::telling::{Showing, Telling, Told, Voice};
use super::tombstone::{Remembered, Tombstone};
use super::topic::Shape;
use crate::model::event::{
    AttributeValues, Cause, Connection, ConnectionRef, ConnectionState, Detail, Direction, Event,
    EventKind, Flag, Private, Source, Subject,
};
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::{Now, UtcMicros};

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
    last_heard: Duration,
}

/// What one topic has shown of the conversation.
#[derive(Debug)]
struct TopicView {
    subject: Arc<str>,
    on_queue: bool,
    shape: Shape,
    /// Whether none of its bodies can have been missed.
    is_level: bool,
    secure_pause: Option<bool>,
    /// How many conversations it listed as begun for this one.
    consultations: usize,
    parties: Vec<Arc<Party>>,
    /// By the index of the leg in the conversation.
    seen: Vec<Seen>,
    /// By the index of the member in the conversation.
    heard: Vec<HeardAttributes>,
}

impl TopicView {
    fn of(origin: Origin<'_>) -> Self {
        Self {
            subject: Arc::from(origin.subject),
            on_queue: origin.on_queue,
            shape: origin.shape,
            is_level: true,
            secure_pause: None,
            consultations: 0,
            parties: Vec::new(),
            seen: Vec::new(),
            heard: Vec::new(),
        }
    }

    fn is_of(&self, origin: Origin<'_>) -> bool {
        self.shape == origin.shape
            && self.on_queue == origin.on_queue
            && *self.subject == *origin.subject
    }

    fn shows_the_same(&self, snapshot: &Snapshot) -> bool {
        self.secure_pause == snapshot.head().secure_pause
            && self.consultations == snapshot.head().consultations.len()
            && self.parties.len() == snapshot.parties().len()
            && self
                .parties
                .iter()
                .zip(snapshot.parties())
                .all(|(seen, shown)| Arc::ptr_eq(seen, shown))
    }

    /// Whether the body is older than what this topic has already shown: a participant or call is gone, went back, or
    /// shows a time that is earlier than the one before.
    fn is_past(&self, snapshot: &Snapshot) -> bool {
        self.parties.iter().enumerate().any(|(index, seen)| {
            let shown = snapshot
                .parties()
                .nth(index)
                .filter(|shown| shown.id == seen.id);
            let shown = shown.or_else(|| snapshot.parties().find(|shown| shown.id == seen.id));
            let Some(shown) = shown else { return true };
            !Arc::ptr_eq(seen, shown) && is_older(shown, seen)
        })
    }

    /// Bodies may have been missed.
    fn interrupt(&mut self) {
        self.seen.iter_mut().for_each(Seen::interrupt);
        self.heard.clear();
        self.is_level = true;
    }
}

/// Whether a participant is shown as it was before `seen`, as far as steps and the platform's times can tell.
fn is_older(shown: &Party, seen: &Party) -> bool {
    let went_back = |(ordinal, seen): (usize, &LegView)| {
        shown.legs.get(ordinal).is_none_or(|shown| {
            let earlier_hold = shown.hold_start.zip(seen.hold_start);
            shown.rank() != 0 && shown.rank() < seen.rank()
                || earlier_hold.is_some_and(|(shown, seen)| shown < seen)
        })
    };
    let given = |party: &Party| party.wrapup.as_ref().and_then(|wrapup| wrapup.given);
    seen.legs.iter().enumerate().any(went_back)
        || given(seen).is_some_and(|seen| given(shown).is_none_or(|shown| shown < seen))
        || seen.after_call_work.ended.is_some() && {
            // Work that began later is that after another call.
            let (shown, seen) = (shown.after_call_work, seen.after_call_work);
            shown.ended.is_none() && shown.started <= seen.started
        }
}

impl Conversation {
    pub(crate) fn new(id: ConversationId, root: ConversationId) -> Self {
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
            last_heard: Duration::ZERO,
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
        let is_handed_on = |leg: &Leg| leg.end != End::Plain;
        if self.legs.iter().any(is_handed_on) {
            Outcome::Transfer
        } else {
            Outcome::Cancelled
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

    /// How often its call was cleared.
    pub(crate) fn clearings(&self) -> u32 {
        self.clearings
    }

    /// What a grave has to remember of it.
    pub(crate) fn remember(&self, mut remember: impl FnMut(Remembered<'_>)) {
        for leg in &self.legs {
            remember(Remembered::Leg(&leg.participant, leg.ordinal));
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
        let index = self.topic(origin);
        let view = &self.topics[index];
        let is_level = view.is_level;
        if is_level && view.shows_the_same(snapshot) {
            self.last_heard = now.elapsed;
            return Heard::Unchanged;
        }
        if view.is_past(snapshot) {
            // It says nothing of the present: if only such come, a read must tell the end.
            return Heard::Stale;
        }
        self.last_heard = now.elapsed;
        let is_new = view.parties.is_empty() || !is_level;
        let newcomer = if is_new && self.knows_more_than(snapshot, origin.shape) {
            Newcomer::Older
        } else {
            Newcomer::Level
        };
        let mut topic = std::mem::replace(&mut self.topics[index], TopicView::of(origin));
        if !is_level {
            topic.interrupt();
        }
        let showing = self.showing(snapshot, origin.shape, None, now, agents);
        self.tell(
            &mut topic, is_new, newcomer, snapshot, &showing, scribe, events,
        );
        topic.secure_pause = snapshot.head().secure_pause;
        topic.consultations = snapshot.head().consultations.len();
        topic.parties.clear();
        topic.parties.extend(snapshot.parties().cloned());
        self.topics[index] = topic;
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
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        self.last_heard = now.elapsed;
        let newcomer = if self.knows_more_than(snapshot, Shape::Nested) {
            Newcomer::Older
        } else {
            Newcomer::Level
        };
        // An answer has no stream that it could be in order with: what it shows is compared with what was told.
        let mut topic = TopicView::of(Origin {
            subject: "",
            on_queue: false,
            shape: Shape::Nested,
        });
        let showing = self.showing(snapshot, Shape::Nested, Some(source), now, agents);
        self.tell(
            &mut topic, true, newcomer, snapshot, &showing, scribe, events,
        );
        if let Some(ended) = snapshot.head().ended {
            self.close(snapshot, ended, proof, &showing, scribe, events);
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
        let mut telling = Telling::default();
        let mut voice = Voice {
            showing,
            scribe,
            telling: &mut telling,
        };
        let same_head = topic.secure_pause == showing.head.secure_pause;
        for (place, party) in snapshot.parties().enumerate() {
            let is_seen = !is_new
                && same_head
                && (topic.parties.get(place)).is_some_and(|seen| Arc::ptr_eq(seen, party));
            if !is_seen {
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
        events.extend(telling.into_events());
        self.learn_other_media(snapshot);
        self.tell_call_cleared(showing.news(), showing, scribe, events);
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
            if topic.seen.len() <= leg {
                topic.seen.resize(leg + 1, Seen::default());
            }
            let newcomer = if !topic.seen[leg].counts() && self.is_followed(leg) {
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
            self.legs[leg].show(shown, &mut topic.seen[leg], voice);
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
            if topic.heard.len() <= index {
                topic.heard.resize_with(index + 1, HeardAttributes::default);
            }
            let (heard, all) = (&mut topic.heard[index], &mut self.attributes);
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
        let comes_next = |next: &&Arc<Party>| {
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
        let calls_in = |party: &&Arc<Party>| {
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
        showing: &Showing<'_>,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        // A participant may be shown, with attributes, before anything is done to call it.
        let has_begun = !self.legs.is_empty() || self.members.iter().any(Member::has_callbacks);
        let is_over = (has_begun || showing.head.ended.is_some())
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
            events.extend(std::mem::take(voice.telling).into_events());
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

    /// The platform says that the conversation ended at `ended`, and shows no end of what is still open: it is closed.
    fn close(
        &mut self,
        snapshot: &Snapshot,
        ended: UtcMicros,
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
                    at: Some(ended),
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
            let shown = snapshot.parties().find(|party| party.id == member.id);
            let works_on = shown.is_some_and(|party| party.after_call_work.goes_on());
            member.close(ended, works_on, &facts, &mut voice);
        }
        for (_, is_over) in &mut self.other_media {
            *is_over = true;
        }
        let source = if voice.telling.len() > 0 {
            Source::Synthetic
        } else {
            showing.news()
        };
        let first = events.len();
        events.extend(telling.into_events());
        self.tell_call_cleared(source, showing, scribe, events);
        if source == Source::Synthetic {
            for event in events.iter_mut().skip(first) {
                event.source = source;
                event.reason = Arc::from(proof);
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
            raw: voice.nothing(),
            reason: voice.nothing(),
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
                self.topics.push(TopicView::of(origin));
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
            self.legs
                .push(Leg::new(&self.id, &self.root, party, ordinal));
            self.legs.len() - 1
        }))
    }

    fn member(&mut self, participant: &ParticipantId) -> usize {
        let known = (self.members.iter()).position(|member| member.id == *participant);
        known.unwrap_or_else(|| {
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
