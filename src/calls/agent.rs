//! Agents: presence, routing status and station of each user, and the names of users, queues and stations.
//!
//! Presence and routing status carry the platform's time: what is not newer than what was told is a repeat or late.
//! Stations carry none; the order of the user's one station topic decides.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use super::Heard;
use super::identity::{Occurrence, Scribe};
use super::tolerant::{Text, Time};
use crate::model::event::{
    Cause, ConnectionState, Event, EventId, EventKind, Flag, Source, Subject,
};
use crate::model::frame::Notification;
use crate::model::id::{QueueId, StationId, UserId};
use crate::model::roster::{Queue, Station, User, UserRecord};
use crate::model::time::{Now, UtcMicros};

/// Everything that is known apart from calls.
#[derive(Debug)]
pub(crate) struct Agents {
    users: HashMap<UserId, Agent>,
    queues: HashMap<QueueId, Arc<Queue>>,
    stations: HashMap<StationId, Arc<Station>>,
    /// The empty text, shared.
    pub(crate) nothing: Arc<str>,
}

#[derive(Debug)]
struct Agent {
    user: Arc<User>,
    presence: Timed,
    routing_status: Timed,
    station: Option<Arc<Station>>,
    /// Whether anything ever told which station, none included.
    is_station_told: bool,
    station_changes: u32,
}

/// The last value told of something that carries the platform's time.
#[derive(Debug, Default)]
struct Timed {
    since: Option<UtcMicros>,
    value: Option<Arc<str>>,
    /// Changes told without a time.
    untimed: u32,
}

impl Timed {
    /// What tells this occurrence from others, if the value is news.
    fn news(&mut self, value: &Arc<str>, time: Option<UtcMicros>) -> Option<Occurrence> {
        let occurrence = match time {
            Some(time) if self.since.is_some_and(|since| time <= since) => return None,
            Some(time) => Occurrence::At(time),
            None if self.value.as_ref() == Some(value) => return None,
            None => {
                self.untimed += 1;
                Occurrence::Nth(self.untimed)
            }
        };
        self.since = time.or(self.since);
        self.value = Some(Arc::clone(value));
        Some(occurrence)
    }
}

/// A presence or a routing status, as a topic or the roster tells it.
struct Told<'a> {
    kind: EventKind,
    word: &'a Arc<str>,
    reason: &'a Arc<str>,
    since: Option<UtcMicros>,
}

impl<'a> Told<'a> {
    fn presence(word: &'a Arc<str>, definition: &'a Arc<str>, since: Option<UtcMicros>) -> Self {
        Self {
            kind: EventKind::AgentPresence,
            word,
            reason: definition,
            since,
        }
    }

    fn routing_status(word: &'a Arc<str>, nothing: &'a Arc<str>, since: Option<UtcMicros>) -> Self {
        Self {
            kind: EventKind::AgentRoutingStatus,
            word,
            reason: nothing,
            since,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PresenceBody<'a> {
    #[serde(borrow)]
    presence_definition: Option<PresenceDefinition<'a>>,
    modified_date: Time,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PresenceDefinition<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    system_presence: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RoutingStatusBody<'a> {
    #[serde(borrow)]
    routing_status: Option<RoutingStatus<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RoutingStatus<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    start_time: Time,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct StationBody<'a> {
    #[serde(borrow)]
    associated_station: Option<AssociatedStation<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AssociatedStation<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StationMetadata<'a> {
    #[serde(borrow)]
    action: Text<'a>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            users: HashMap::new(),
            queues: HashMap::new(),
            stations: HashMap::new(),
            nothing: Arc::from(""),
        }
    }
}

impl Agents {
    /// A user by id; one that the roster has not named goes by the name that the body gave.
    pub(crate) fn user(&self, id: &UserId, name: &Arc<str>) -> Arc<User> {
        match self.users.get(id) {
            Some(agent) => Arc::clone(&agent.user),
            None => Arc::new(User {
                id: id.clone(),
                name: Arc::clone(name),
                email: Arc::clone(&self.nothing),
            }),
        }
    }

    /// The station that the user is associated with.
    pub(crate) fn station_of(&self, id: &UserId) -> Option<Arc<Station>> {
        self.users.get(id).and_then(|agent| agent.station.clone())
    }

    /// A queue by id; one that the roster has not named goes by the name that the body gave.
    pub(crate) fn queue(&self, id: &QueueId, name: Option<&Arc<str>>) -> Arc<Queue> {
        match self.queues.get(id) {
            Some(queue) => Arc::clone(queue),
            None => Arc::new(Queue {
                id: id.clone(),
                name: Arc::clone(name.unwrap_or(&self.nothing)),
            }),
        }
    }

    pub(crate) fn learn_queues(&mut self, queues: &[Arc<Queue>]) {
        self.queues.extend(
            queues
                .iter()
                .map(|queue| (queue.id.clone(), Arc::clone(queue))),
        );
    }

    /// Nothing more is told of these users. What was told stays known, or it would be told again, under the same ids, if
    /// they come back; their station may be another by then.
    pub(crate) fn unfollow(&mut self, users: &[UserId]) {
        for user in users {
            if let Some(agent) = self.users.get_mut(user) {
                agent.is_station_told = false;
            }
        }
    }

    pub(crate) fn handle_presence(
        &mut self,
        user: &str,
        body: &str,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<PresenceBody<'_>>(body) else {
            return Heard::Unreadable;
        };
        let definition = body.presence_definition.unwrap_or_default();
        if definition.system_presence.as_str().is_empty() {
            return Heard::NotFollowed;
        }
        let presence = canonical_presence(definition.system_presence.as_str());
        let definition_id = definition.id.kept(None);
        let agent = self.agent(user);
        let told = Told::presence(&presence, &definition_id, body.modified_date.0);
        agent.tell(told, Source::Live, now, scribe, events)
    }

    pub(crate) fn handle_routing_status(
        &mut self,
        user: &str,
        body: &str,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<RoutingStatusBody<'_>>(body) else {
            return Heard::Unreadable;
        };
        let status = body.routing_status.unwrap_or_default();
        if status.status.as_str().is_empty() {
            return Heard::NotFollowed;
        }
        let word = status.status.kept(None);
        let nothing = Arc::clone(&self.nothing);
        let told = Told::routing_status(&word, &nothing, status.start_time.0);
        self.agent(user)
            .tell(told, Source::Live, now, scribe, events)
    }

    pub(crate) fn handle_station(
        &mut self,
        user: &str,
        notification: &Notification<'_>,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<StationBody<'_>>(notification.body) else {
            return Heard::Unreadable;
        };
        let metadata: StationMetadata<'_> = notification
            .metadata
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let left = (metadata.action.as_str()).eq_ignore_ascii_case("Disassociated");
        let shown = (body.associated_station).filter(|station| !station.id.as_str().is_empty());
        let station = shown.map(|shown| self.station(&shown));
        let agent = self.agent(user);
        if !left {
            return agent.tell_station(station, Source::Live, now, scribe, events);
        }
        if !agent.is_station_told {
            // That the user was associated is known only from its end.
            agent.is_station_told = true;
            agent.push_station(
                EventKind::StationLeft,
                station,
                Source::Live,
                now,
                scribe,
                events,
            );
            return Heard::Read;
        }
        agent.tell_station(None, Source::Live, now, scribe, events)
    }

    /// A row of the roster: names, and state where it is newer than what was told.
    pub(crate) fn handle_record(
        &mut self,
        record: &UserRecord,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        if let Some(Some(station)) = &record.station {
            self.stations
                .insert(station.id.clone(), Arc::clone(station));
        }
        let nothing = Arc::clone(&self.nothing);
        let agent = self.agent(record.user.id.as_str());
        if agent.user != record.user {
            agent.user = Arc::clone(&record.user);
        }
        // What the roster tells first is how things stood; what it tells later was missed on the topics.
        if let Some(presence) = &record.presence {
            let word = canonical_presence(&presence.system_presence);
            let source = if agent.presence.value.is_none() {
                Source::Snapshot
            } else {
                Source::Recovered
            };
            let told = Told::presence(&word, &presence.definition_id, presence.modified);
            agent.tell(told, source, now, scribe, events);
        }
        if let Some(status) = &record.routing_status {
            let source = if agent.routing_status.value.is_none() {
                Source::Snapshot
            } else {
                Source::Recovered
            };
            let told = Told::routing_status(&status.status, &nothing, status.start);
            agent.tell(told, source, now, scribe, events);
        }
        // A station has no time: a list that was made before a notification must not undo it.
        if let Some(station) = record.station.as_ref().filter(|_| !agent.is_station_told) {
            agent.tell_station(station.clone(), Source::Snapshot, now, scribe, events);
        }
    }

    fn station(&self, shown: &AssociatedStation<'_>) -> Arc<Station> {
        let id: StationId = shown.id.as_str().into();
        match self.stations.get(&id) {
            Some(station) => Arc::clone(station),
            None => Arc::new(Station {
                id,
                name: shown.name.kept(None),
                kind: Arc::clone(&self.nothing),
                extension: Arc::clone(&self.nothing),
            }),
        }
    }

    fn agent(&mut self, user: &str) -> &mut Agent {
        let nothing = &self.nothing;
        self.users
            .entry(UserId::from(user))
            .or_insert_with_key(|id| {
                let unnamed = User {
                    id: id.clone(),
                    name: Arc::clone(nothing),
                    email: Arc::clone(nothing),
                };
                Agent::new(Arc::new(unnamed))
            })
    }
}

impl Agent {
    fn new(user: Arc<User>) -> Self {
        Self {
            user,
            presence: Timed::default(),
            routing_status: Timed::default(),
            station: None,
            is_station_told: false,
            station_changes: 0,
        }
    }

    /// Tells a presence or routing status, if it is news.
    fn tell(
        &mut self,
        told: Told<'_>,
        source: Source,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        let state = match told.kind {
            EventKind::AgentPresence => &mut self.presence,
            _ => &mut self.routing_status,
        };
        let Some(occurrence) = state.news(told.word, told.since) else {
            return Heard::Unchanged;
        };
        let id = scribe.id(told.kind, self.user.id.as_str(), "", 0, occurrence);
        let mut event = self.event(told.kind, id, occurrence, source, told.since, now);
        event.raw = Arc::clone(told.word);
        event.reason = Arc::clone(told.reason);
        events.push_back(event);
        Heard::Read
    }

    fn tell_station(
        &mut self,
        station: Option<Arc<Station>>,
        source: Source,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Heard {
        self.is_station_told = true;
        let is_same =
            self.station.as_ref().map(|known| &known.id) == station.as_ref().map(|shown| &shown.id);
        if is_same {
            return Heard::Unchanged;
        }
        // To go from one station to another is to leave the first.
        if let Some(left) = self.station.take() {
            self.push_station(
                EventKind::StationLeft,
                Some(left),
                source,
                now,
                scribe,
                events,
            );
        }
        if let Some(associated) = station {
            self.station = Some(Arc::clone(&associated));
            self.push_station(
                EventKind::StationAssociated,
                Some(associated),
                source,
                now,
                scribe,
                events,
            );
        }
        Heard::Read
    }

    fn push_station(
        &mut self,
        kind: EventKind,
        station: Option<Arc<Station>>,
        source: Source,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) {
        self.station_changes += 1;
        let occurrence = Occurrence::Nth(self.station_changes);
        let named = station.as_ref().map_or("", |station| station.id.as_str());
        let id = scribe.id(kind, self.user.id.as_str(), named, 0, occurrence);
        let mut event = self.event(kind, id, occurrence, source, None, now);
        event.subject = Subject::Agent {
            user: Arc::clone(&self.user),
            station,
        };
        events.push_back(event);
    }

    fn event(
        &self,
        kind: EventKind,
        id: EventId,
        occurrence: Occurrence,
        source: Source,
        time: Option<UtcMicros>,
        now: Now,
    ) -> Event {
        let nothing: Arc<str> = Arc::from("");
        Event {
            kind,
            id,
            id_exact: matches!(occurrence, Occurrence::At(_)),
            source,
            platform_time: time,
            received: now.utc,
            subject: Subject::Agent {
                user: Arc::clone(&self.user),
                station: self.station.clone(),
            },
            state: ConnectionState::Unknown,
            previous: ConnectionState::Unknown,
            cause: Cause::None,
            raw: Arc::clone(&nothing),
            reason: nothing,
            held: Flag::Unknown,
            muted: Flag::Unknown,
            confined: Flag::Unknown,
            secure_pause: Flag::Unknown,
            detail: None,
        }
    }
}

/// One spelling for a system presence: topics say `ON_QUEUE`, REST says `On Queue`.
fn canonical_presence(word: &str) -> Arc<str> {
    word.to_ascii_uppercase().replace(' ', "_").into()
}
