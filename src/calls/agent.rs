//! Agents: presence, routing status, station and persistent connections of each user, and the names of users, queues
//! and stations.
//!
//! Presence, routing status and persistent connections carry the platform's time: what is older than what was told is
//! late and changes nothing (`agent/timed.rs`). Stations carry none; the order of the user's one station topic decides.
//!
//! # Log-on and log-off
//!
//! An agent is logged on while the presence is not `OFFLINE`. A change between the two is told after the presence that
//! shows it, with its time. A log-on is known by the `OFFLINE` that it ends, so that its id is the same whichever presence
//! after it comes first. Who is not offline at first sight is told as logged on too, since a host must learn who is there;
//! the time is then that of the presence that was found, and the id not exact: the log-on was at or before it. A station
//! that is left logs nobody off: stations have events of their own.

mod timed;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use super::Heard;
use super::drift::Radar;
use super::identity::{Occurrence, Scribe};
use super::tolerant::{Text, Time};
use crate::model::event::{
    Cause, ConnectionState, Event, EventId, EventKind, Flag, Source, Subject,
};
use crate::model::frame::Notification;
use crate::model::id::{QueueId, StationId, UserId};
use crate::model::roster::{Queue, Station, User, UserRecord};
use crate::model::time::{Now, UtcMicros};

use timed::{News, Teller, Timed};

/// The words for a system presence (of `AnalyticsUserPresenceRecord` in the platform's .NET SDK).
const KNOWN_PRESENCES: [&str; 10] = [
    "AVAILABLE",
    "AWAY",
    "BREAK",
    "BUSY",
    "IDLE",
    "MEAL",
    "MEETING",
    OFFLINE,
    "ON_QUEUE",
    "TRAINING",
];

/// The presence of who is not logged on.
const OFFLINE: &str = "OFFLINE";

/// Everything that is known apart from calls.
#[derive(Debug)]
pub(crate) struct Agents {
    users: HashMap<UserId, Agent>,
    queues: HashMap<QueueId, Arc<Queue>>,
    /// As lists name them, or else topics.
    stations: HashMap<StationId, Arc<Station>>,
    /// A topic named one that nothing had named before.
    has_unknown_station: bool,
    /// The empty text, shared.
    pub(crate) nothing: Arc<str>,
}

#[derive(Debug)]
struct Agent {
    user: Arc<User>,
    presence: Timed,
    /// The organization's definition of the last presence.
    definition: Arc<str>,
    /// What tells the `OFFLINE` from others that is the presence now.
    offline: Option<Occurrence>,
    routing_status: Timed,
    station: Option<Arc<Station>>,
    /// Whether anything ever told which station, none included.
    is_station_told: bool,
    station_changes: u32,
    /// By station; a body may name none.
    persistent_connections: BTreeMap<Option<StationId>, Timed>,
}

/// How something is known, and where it is told to.
struct Telling<'a> {
    source: Source,
    now: Now,
    scribe: &'a mut Scribe,
    events: &'a mut VecDeque<Event>,
}

impl Telling<'_> {
    fn teller(&self) -> Teller {
        match self.source {
            Source::Live => Teller::Topic,
            Source::Snapshot | Source::Recovered | Source::Synthetic => Teller::List,
        }
    }
}

/// A value with a time, as a topic or the roster tells it.
struct Told<'a> {
    word: &'a Arc<str>,
    reason: &'a Arc<str>,
    since: Option<UtcMicros>,
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

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PersistentConnectionBody<'a> {
    #[serde(borrow)]
    persistent_state: Text<'a>,
    #[serde(borrow)]
    station_id: Text<'a>,
    event_time: Time,
    #[serde(borrow)]
    error_info: Option<ErrorInfo<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorInfo<'a> {
    #[serde(borrow)]
    code: Text<'a>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            users: HashMap::new(),
            queues: HashMap::new(),
            stations: HashMap::new(),
            has_unknown_station: false,
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

    /// A list named these stations. Whoever is at one of them is from now on at the station as it is known now.
    pub(crate) fn learn_stations(&mut self, stations: &[Arc<Station>]) {
        let mut better = HashSet::new();
        for station in stations {
            let known = self.stations.get(&station.id).cloned();
            let learned = self.learn_station(station);
            if known.as_ref() != Some(&learned) {
                better.insert(learned.id.clone());
            }
        }
        if better.is_empty() {
            return;
        }
        for agent in self.users.values_mut() {
            if let Some(station) = &mut agent.station
                && better.contains(&station.id)
                && let Some(learned) = self.stations.get(&station.id)
            {
                *station = Arc::clone(learned);
            }
        }
    }

    /// Keeps what a list tells of a station, and what an earlier one told that this one does not.
    fn learn_station(&mut self, told: &Arc<Station>) -> Arc<Station> {
        let known = self.stations.get(&told.id);
        let or_known = |told: &Arc<str>, known: Option<&Arc<str>>| match known {
            Some(known) if told.is_empty() || told == known => Arc::clone(known),
            _ => Arc::clone(told),
        };
        let learned = Station {
            id: told.id.clone(),
            name: or_known(&told.name, known.map(|known| &known.name)),
            kind: or_known(&told.kind, known.map(|known| &known.kind)),
            extension: or_known(&told.extension, known.map(|known| &known.extension)),
        };
        if let Some(known) = known.filter(|known| ***known == learned) {
            return Arc::clone(known);
        }
        let learned = if **told == learned {
            Arc::clone(told)
        } else {
            Arc::new(learned)
        };
        self.stations.insert(told.id.clone(), Arc::clone(&learned));
        learned
    }

    /// Whether since the last call a topic named a station that nothing had named before.
    pub(crate) fn take_unknown_station(&mut self) -> bool {
        std::mem::take(&mut self.has_unknown_station)
    }

    /// Nothing more is told of these users, or something may have been missed. What was told stays known, or it would be
    /// told again, under the same ids; their station may be another by now: the next list tells.
    pub(crate) fn doubt(&mut self, users: &[UserId]) {
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
        radar: &mut Radar,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<PresenceBody<'_>>(body) else {
            return Heard::Unreadable;
        };
        let definition = body.presence_definition.unwrap_or_default();
        if definition.system_presence.as_str().is_empty() {
            return Heard::Irrelevant;
        }
        let told = Told {
            word: &presence(definition.system_presence.as_str(), radar),
            reason: &definition.id.kept(None),
            since: body.modified_date.0,
        };
        self.agent(user)
            .tell_presence(&told, &mut live(now, scribe, events))
    }

    pub(crate) fn handle_routing_status(
        &mut self,
        user: &str,
        body: &str,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
        radar: &mut Radar,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<RoutingStatusBody<'_>>(body) else {
            return Heard::Unreadable;
        };
        let status = body.routing_status.unwrap_or_default();
        if status.status.as_str().is_empty() {
            return Heard::Irrelevant;
        }
        let word = routing_status(status.status.as_str(), radar);
        self.agent(user).tell_routing_status(
            &word,
            status.start_time.0,
            &mut live(now, scribe, events),
        )
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
        let telling = &mut live(now, scribe, events);
        if !left {
            return agent.tell_station(station, telling);
        }
        if !agent.is_station_told && agent.station.is_none() {
            // That the user was associated is known only from its end.
            agent.is_station_told = true;
            agent.push_station(EventKind::StationLeft, station, telling);
            return Heard::Read;
        }
        agent.tell_station(None, telling)
    }

    pub(crate) fn handle_persistent_connection(
        &mut self,
        user: &str,
        body: &str,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
        radar: &mut Radar,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<PersistentConnectionBody<'_>>(body) else {
            return Heard::Unreadable;
        };
        let word = canonical(body.persistent_state.as_str());
        let kind = match &*word {
            "PERSISTED" => EventKind::PersistentConnectionUp,
            "ACTIVE_CALL" => EventKind::PersistentConnectionActive,
            "DISCONNECTED" | "FAILED" => EventKind::PersistentConnectionDown,
            "" | "UNKNOWN" => return Heard::Irrelevant,
            new => {
                radar.new_word("persistentConnection.persistentState", new);
                return Heard::Irrelevant;
            }
        };
        let station = (!body.station_id.as_str().is_empty()).then(|| {
            self.station(&AssociatedStation {
                id: body.station_id,
                name: Text::default(),
            })
        });
        let told = Told {
            word: &word,
            reason: &body.error_info.unwrap_or_default().code.kept(None),
            since: body.event_time.0,
        };
        self.agent(user).tell_persistent_connection(
            kind,
            station,
            &told,
            &mut live(now, scribe, events),
        )
    }

    /// A row of the roster: names, and state where it is newer than what was told.
    pub(crate) fn handle_record(
        &mut self,
        record: &UserRecord,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
        radar: &mut Radar,
    ) {
        let station = (record.station.as_ref())
            .map(|station| station.as_ref().map(|station| self.learn_station(station)));
        let agent = self.agent(record.user.id.as_str());
        if agent.user != record.user {
            agent.user = Arc::clone(&record.user);
        }
        // What the roster tells first is how things stood; what it tells later was missed on the topics.
        let found = |is_first| {
            if is_first {
                Source::Snapshot
            } else {
                Source::Recovered
            }
        };
        let telling = &mut Telling {
            source: Source::Snapshot,
            now,
            scribe,
            events,
        };
        if let Some(shown) = &record.presence {
            let told = Told {
                word: &presence(&shown.system_presence, radar),
                reason: &shown.definition_id,
                since: shown.modified,
            };
            telling.source = found(agent.presence.value().is_none());
            agent.tell_presence(&told, telling);
        }
        if let Some(status) = &record.routing_status {
            let word = routing_status(&status.status, radar);
            telling.source = found(agent.routing_status.value().is_none());
            agent.tell_routing_status(&word, status.start, telling);
        }
        // A station has no time: a list that was made before a notification must not undo it.
        if let Some(station) = station.filter(|_| !agent.is_station_told) {
            telling.source = found(agent.station_changes == 0);
            agent.tell_station(station, telling);
        }
    }

    /// A station that a topic names. It tells no kind; until a list does, there is none.
    fn station(&mut self, shown: &AssociatedStation<'_>) -> Arc<Station> {
        let known = self.stations.get(shown.id.as_str());
        if let Some(known) = known
            && (!known.name.is_empty() || shown.name.as_str().is_empty())
        {
            return Arc::clone(known);
        }
        self.has_unknown_station |= known.is_none();
        let (kind, extension) = known.map_or_else(Default::default, |known| {
            (Arc::clone(&known.kind), Arc::clone(&known.extension))
        });
        let station = Arc::new(Station {
            id: shown.id.as_str().into(),
            name: shown.name.kept(None),
            kind,
            extension,
        });
        self.stations
            .insert(station.id.clone(), Arc::clone(&station));
        station
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
                Agent::new(Arc::new(unnamed), nothing)
            })
    }
}

fn live<'a>(now: Now, scribe: &'a mut Scribe, events: &'a mut VecDeque<Event>) -> Telling<'a> {
    Telling {
        source: Source::Live,
        now,
        scribe,
        events,
    }
}

impl Agent {
    fn new(user: Arc<User>, nothing: &Arc<str>) -> Self {
        Self {
            user,
            presence: Timed::default(),
            definition: Arc::clone(nothing),
            offline: None,
            routing_status: Timed::default(),
            station: None,
            is_station_told: false,
            station_changes: 0,
            persistent_connections: BTreeMap::new(),
        }
    }

    /// Tells a presence, if it is news, and then the log-on or log-off that it shows.
    fn tell_presence(&mut self, told: &Told<'_>, telling: &mut Telling<'_>) -> Heard {
        let is_first = self.presence.value().is_none();
        let kind = EventKind::AgentPresence;
        let news = (self.presence).news(kind, told.word, told.since, telling.teller());
        let Some(news) = news else {
            return Heard::Unchanged;
        };
        self.definition = Arc::clone(told.reason);
        self.push_timed(kind, None, news, told, telling);
        let is_offline = &**told.word == OFFLINE;
        let was_offline = self.offline.take();
        if is_offline {
            self.offline = Some(news.occurrence);
        }
        let (change, occurrence) = match (was_offline, is_offline) {
            (Some(ended), false) => (EventKind::AgentLoggedOn, ended),
            (None, false) if is_first => (EventKind::AgentLoggedOn, news.occurrence),
            (None, true) if !is_first => (EventKind::AgentLoggedOff, news.occurrence),
            (Some(_), true) | (None, _) => return Heard::Read,
        };
        let news = News {
            occurrence,
            // Who saw the log-on itself knows it by the `OFFLINE` before it: this is another id, and no exact one.
            ordinal: u32::from(is_first),
        };
        self.push_timed(change, None, news, told, telling);
        Heard::Read
    }

    /// Tells a routing status, if it is news. Why an agent takes no work is told by the presence.
    fn tell_routing_status(
        &mut self,
        word: &Arc<str>,
        since: Option<UtcMicros>,
        telling: &mut Telling<'_>,
    ) -> Heard {
        let kind = readiness(word).unwrap_or(EventKind::AgentRoutingStatus);
        let Some(news) = (self.routing_status).news(kind, word, since, telling.teller()) else {
            return Heard::Unchanged;
        };
        let told = Told {
            word,
            reason: &Arc::clone(&self.definition),
            since,
        };
        self.push_timed(kind, None, news, &told, telling);
        Heard::Read
    }

    fn tell_persistent_connection(
        &mut self,
        kind: EventKind,
        station: Option<Arc<Station>>,
        told: &Told<'_>,
        telling: &mut Telling<'_>,
    ) -> Heard {
        let of = station.as_ref().map(|station| station.id.clone());
        let state = self.persistent_connections.entry(of).or_default();
        let Some(news) = state.news(kind, told.word, told.since, telling.teller()) else {
            return Heard::Unchanged;
        };
        self.push_timed(kind, station, news, told, telling);
        Heard::Read
    }

    fn tell_station(&mut self, station: Option<Arc<Station>>, telling: &mut Telling<'_>) -> Heard {
        self.is_station_told = true;
        let is_same =
            self.station.as_ref().map(|known| &known.id) == station.as_ref().map(|shown| &shown.id);
        if is_same {
            return Heard::Unchanged;
        }
        // To go from one station to another is to leave the first.
        if let Some(left) = self.station.take() {
            self.push_station(EventKind::StationLeft, Some(left), telling);
        }
        if let Some(associated) = station {
            self.station = Some(Arc::clone(&associated));
            self.push_station(EventKind::StationAssociated, Some(associated), telling);
        }
        Heard::Read
    }

    fn push_station(
        &mut self,
        kind: EventKind,
        station: Option<Arc<Station>>,
        telling: &mut Telling<'_>,
    ) {
        self.station_changes += 1;
        let occurrence = Occurrence::Nth(self.station_changes);
        let named = station.as_ref().map_or("", |station| station.id.as_str());
        let id = (telling.scribe).id(kind, self.user.id.as_str(), named, 0, occurrence);
        let mut event = self.event(kind, id, telling);
        event.subject = Subject::Agent {
            user: Arc::clone(&self.user),
            station,
        };
        telling.events.push_back(event);
    }

    /// `of`: the station that it is about, if it is not about the agent alone.
    fn push_timed(
        &self,
        kind: EventKind,
        of: Option<Arc<Station>>,
        news: News,
        told: &Told<'_>,
        telling: &mut Telling<'_>,
    ) {
        let part = of.as_ref().map_or("", |station| station.id.as_str());
        let id = (telling.scribe).id(
            kind,
            self.user.id.as_str(),
            part,
            news.ordinal,
            news.occurrence,
        );
        let mut event = self.event(kind, id, telling);
        event.id_exact = news.is_exact();
        event.platform_time = told.since;
        event.raw = Arc::clone(told.word);
        event.reason = Arc::clone(told.reason);
        if of.is_some() {
            event.subject = Subject::Agent {
                user: Arc::clone(&self.user),
                station: of,
            };
        }
        telling.events.push_back(event);
    }

    fn event(&self, kind: EventKind, id: EventId, telling: &Telling<'_>) -> Event {
        let nothing: Arc<str> = Arc::default();
        Event {
            kind,
            id,
            id_exact: false,
            source: telling.source,
            platform_time: None,
            received: telling.now.utc,
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

/// A system presence, in one spelling.
fn presence(word: &str, radar: &mut Radar) -> Arc<str> {
    let word = canonical(word);
    radar.word("presenceDefinition.systemPresence", &word, |word| {
        KNOWN_PRESENCES.contains(&word).then_some(())
    });
    word
}

/// A routing status, in one spelling.
fn routing_status(word: &str, radar: &mut Radar) -> Arc<str> {
    let word = canonical(word);
    radar.word("routingStatus.status", &word, readiness);
    word
}

/// What a routing status is told as; `None` for a word that is new.
fn readiness(routing_status: &str) -> Option<EventKind> {
    match routing_status {
        "IDLE" => Some(EventKind::AgentReady),
        "OFF_QUEUE" | "NOT_RESPONDING" => Some(EventKind::AgentNotReady),
        "INTERACTING" | "COMMUNICATING" => Some(EventKind::AgentBusy),
        _ => None,
    }
}

/// One spelling for a word of state: topics say `ON_QUEUE`, REST says `On Queue`.
fn canonical(word: &str) -> Arc<str> {
    word.to_ascii_uppercase().replace(' ', "_").into()
}
