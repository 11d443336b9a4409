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

mod history;
mod timed;
mod unread;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;

use super::Heard;
use super::drift::Radar;
use super::identity::{Occurrence, Scribe};
use super::texts::Texts;
use super::tolerant::{Text, Time};
use crate::model::event::{
    Cause, ConnectionState, Event, EventId, EventKind, Flag, Remark, Source, Subject,
};
use crate::model::frame::Notification;
use crate::model::gap::GapRecord;
use crate::model::id::{QueueId, StationId, UserId};
use crate::model::roster::{Queue, Station, User, UserRecord};
use crate::model::time::{Now, UtcMicros};

use history::{ToldChanges, UserDetail};
use timed::{News, Teller, Timed};
use unread::Unread;

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

/// No user changes station more often in the life of a feed, as far as changes are counted on after another process.
const MOST_STATIONS: u32 = 65_536;

/// Everything that is known apart from calls.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    users: HashMap<UserId, Box<Agent>>,
    queues: HashMap<QueueId, Arc<Queue>>,
    /// As lists name them, or else topics.
    stations: HashMap<StationId, Arc<Station>>,
    /// A topic named one that nothing had named before.
    has_unknown_station: bool,
    unread: Unread,
    texts: Texts,
    /// The empty text, shared.
    pub(crate) nothing: Arc<str>,
}

#[derive(Debug)]
struct Agent {
    user: Arc<User>,
    presence: Timed,
    presences: ToldChanges,
    /// The organization's definition of the last presence.
    definition: Arc<str>,
    /// What tells the `OFFLINE` from others that is the presence now.
    offline: Option<Occurrence>,
    routing_status: Timed,
    routing_statuses: ToldChanges,
    station: Option<Arc<Station>>,
    /// Whether anything told which station, none included, since something may have been missed.
    is_station_told: bool,
    /// It was a list that told it, and no topic since.
    is_station_listed: bool,
    station_changes: u32,
    /// By station; a body may name none.
    persistent_connections: BTreeMap<Option<StationId>, Timed>,
}

/// A presence or routing status that began at some time before.
struct Past {
    since: UtcMicros,
    word: Arc<str>,
    /// Of a presence, the organization's definition.
    reason: Arc<str>,
}

impl Past {
    fn told(&self) -> Told<'_> {
        Told {
            word: &self.word,
            reason: &self.reason,
            since: Some(self.since),
        }
    }

    fn is_offline(&self) -> bool {
        *self.word == *OFFLINE
    }
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

    /// A user's id, shared if the user is known.
    pub(crate) fn user_id(&self, id: &str) -> UserId {
        let known = self.users.get_key_value(id).map(|(known, _)| known.clone());
        known.unwrap_or_else(|| UserId::from(id))
    }

    /// A queue's id, shared if the queue is known.
    pub(crate) fn queue_id(&self, id: &str) -> QueueId {
        let known = self
            .queues
            .get_key_value(id)
            .map(|(known, _)| known.clone());
        known.unwrap_or_else(|| QueueId::from(id))
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
        let kind = or_known(&told.kind, known.map(|known| &known.kind));
        let learned = Station {
            id: told.id.clone(),
            name: or_known(&told.name, known.map(|known| &known.name)),
            kind: self.texts.keep(&kind),
            extension: or_known(&told.extension, known.map(|known| &known.extension)),
        };
        if let Some(known) = known.filter(|known| ***known == learned) {
            return Arc::clone(known);
        }
        let learned = Arc::new(learned);
        (self.stations).insert(learned.id.clone(), Arc::clone(&learned));
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

    /// Something became of a gap.
    pub(crate) fn handle_gap(&mut self, gap: &GapRecord) {
        self.unread.note(gap);
        if gap.closed.is_some() {
            gap.users.iter().for_each(|user| self.let_go(user));
        }
    }

    /// Lets go of what the user did long ago.
    fn let_go(&mut self, user: &UserId) {
        let unread = &self.unread;
        if let Some(agent) = self.users.get_mut(user)
            && (agent.presences.is_full() || agent.routing_statuses.is_full())
        {
            let unread = unread.since(user);
            agent.presences.let_go(unread);
            agent.routing_statuses.let_go(unread);
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
            word: &presence(definition.system_presence.as_str(), radar, &mut self.texts),
            reason: &definition.id.kept(None, &mut self.texts),
            since: body.modified_date.0,
        };
        let user = self.user_id(user);
        let agent = self.agent_of(user.clone());
        let heard = agent.tell_presence(&told, &mut live(now, scribe, events));
        self.let_go(&user);
        heard
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
        let word = routing_status(status.status.as_str(), radar, &mut self.texts);
        let user = self.user_id(user);
        let agent = self.agent_of(user.clone());
        let since = status.start_time.0;
        let heard = agent.tell_routing_status(&word, since, &mut live(now, scribe, events));
        self.let_go(&user);
        heard
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
        let left = is_left(notification);
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
            agent.is_station_listed = false;
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
        let word = self.texts.keep(&canonical(body.persistent_state.as_str()));
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
            reason: &(body.error_info.unwrap_or_default().code).kept(None, &mut self.texts),
            since: body.event_time.0,
        };
        self.agent(user).tell_persistent_connection(
            kind,
            station,
            &told,
            &mut live(now, scribe, events),
        )
    }

    /// What analytics tells of one user's presences and routing statuses: those that were not told are, as `source`, in the
    /// order in which they began.
    pub(crate) fn handle_details(
        &mut self,
        body: &str,
        source: Source,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
        radar: &mut Radar,
    ) -> Heard {
        let Ok(body) = serde_json::from_str::<UserDetail<'_>>(body) else {
            return Heard::Unreadable;
        };
        if body.user_id.is_empty() {
            return Heard::Unreadable;
        }
        let nothing = Arc::clone(&self.nothing);
        let texts = &mut self.texts;
        let mut presences: Vec<Past> = (body.primary_presence.0.iter())
            .filter(|record| !record.system_presence.is_empty())
            .filter_map(|record| {
                Some(Past {
                    since: record.start_time.0?,
                    word: presence(record.system_presence.as_str(), radar, texts),
                    reason: record.organization_presence_id.kept(None, texts),
                })
            })
            .collect();
        let mut statuses: Vec<Past> = (body.routing_status.0.iter())
            .filter(|record| !record.routing_status.is_empty())
            .filter_map(|record| {
                Some(Past {
                    since: record.start_time.0?,
                    word: routing_status(record.routing_status.as_str(), radar, texts),
                    reason: Arc::clone(&nothing),
                })
            })
            .collect();
        presences.sort_by_key(|past| past.since);
        statuses.sort_by_key(|past| past.since);
        let user = self.user_id(body.user_id.as_str());
        let agent = self.agent_of(user.clone());
        let telling = &mut Telling {
            source,
            now,
            scribe,
            events,
        };
        let first = telling.events.len();
        let mut statuses = statuses.iter().peekable();
        for at in 0..=presences.len() {
            let until = presences.get(at).map(|next| next.since);
            let reason = at.checked_sub(1).map(|before| &presences[before].reason);
            let is_before = |past: &&Past| until.is_none_or(|until| past.since < until);
            while let Some(past) = statuses.next_if(is_before) {
                agent.tell_past_routing_status(past, reason, telling);
            }
            if at < presences.len() {
                agent.tell_past_presence(&presences, at, telling);
            }
        }
        let is_news = telling.events.len() > first;
        self.let_go(&user);
        if is_news {
            Heard::Read
        } else {
            Heard::Unchanged
        }
    }

    /// A row of the roster: names, and state where it is newer than what was told. `after_gap`: it was asked for once the
    /// user's topics flowed again.
    pub(crate) fn handle_record(
        &mut self,
        record: &UserRecord,
        after_gap: bool,
        now: Now,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
        radar: &mut Radar,
    ) {
        let station = (record.station.as_ref())
            .map(|station| station.as_ref().map(|station| self.learn_station(station)));
        let texts = &mut self.texts;
        let shown_presence = (record.presence.as_ref()).map(|shown| {
            let word = presence(&shown.system_presence, radar, texts);
            (word, texts.keep(&shown.definition_id), shown.modified)
        });
        let shown_status = (record.routing_status.as_ref())
            .map(|shown| (routing_status(&shown.status, radar, texts), shown.start));
        let agent = self.agent_of(record.user.id.clone());
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
        if let Some((word, definition, since)) = &shown_presence {
            let told = Told {
                word,
                reason: definition,
                since: *since,
            };
            telling.source = found(agent.presence.value().is_none());
            agent.tell_presence(&told, telling);
        }
        if let Some((word, since)) = &shown_status {
            telling.source = found(agent.routing_status.value().is_none());
            agent.tell_routing_status(word, *since, telling);
        }
        // A station has no time: a list that was made before a notification must not undo it. But one that was made after
        // a gap knows better than one that was made in it.
        let is_news = !agent.is_station_told || (after_gap && agent.is_station_listed);
        if let Some(station) = station.filter(|_| is_news) {
            telling.source = found(agent.station_changes == 0);
            agent.tell_station(station, telling);
            agent.is_station_listed = true;
        }
        self.let_go(&record.user.id);
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
            name: shown.name.kept(None, &mut self.texts),
            kind,
            extension,
        });
        self.stations
            .insert(station.id.clone(), Arc::clone(&station));
        station
    }

    fn agent(&mut self, user: &str) -> &mut Agent {
        let user = self.user_id(user);
        self.agent_of(user)
    }

    fn agent_of(&mut self, user: UserId) -> &mut Agent {
        let nothing = &self.nothing;
        self.users.entry(user).or_insert_with_key(|id| {
            let unnamed = User {
                id: id.clone(),
                name: Arc::clone(nothing),
                email: Arc::clone(nothing),
            };
            Box::new(Agent::new(Arc::new(unnamed), nothing))
        })
    }

    /// Another process told this event: a user's change of station, which the platform does not date. The next is counted on.
    pub(super) fn restore(&mut self, event: &Event, scribe: &mut Scribe) {
        let Subject::Agent { user, station } = &event.subject else {
            return;
        };
        let kind = event.kind;
        if !matches!(kind, EventKind::StationAssociated | EventKind::StationLeft) {
            return;
        }
        let named = station.as_ref().map_or("", |station| station.id.as_str());
        let mut is_it = |n| {
            let occurrence = Occurrence::Nth(n);
            event.id == scribe.id(kind, user.id.as_str(), named, 0, occurrence)
        };
        let Some(number) = (1..=MOST_STATIONS).find(|n| is_it(*n)) else {
            return;
        };
        let agent = self.agent_of(user.id.clone());
        agent.user = Arc::clone(user);
        agent.station_changes = agent.station_changes.max(number);
        agent.station = (station.clone()).filter(|_| kind == EventKind::StationAssociated);
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
            presences: ToldChanges::default(),
            definition: Arc::clone(nothing),
            offline: None,
            routing_status: Timed::default(),
            routing_statuses: ToldChanges::default(),
            station: None,
            is_station_told: false,
            is_station_listed: false,
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
        if let Some(since) = told.since {
            self.presences.note(since);
        }
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
        if let (Occurrence::At(ended), Some(_)) = (occurrence, was_offline) {
            self.presences.end(ended);
        } else if let Some(since) = told.since {
            self.presences.begin(since);
        }
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
        if let Some(since) = since {
            self.routing_statuses.note(since);
        }
        Heard::Read
    }

    /// Tells the `at`th of the presences that analytics knows, if it was not told: one that another followed with the log-on
    /// or log-off that it is.
    fn tell_past_presence(&mut self, all: &[Past], at: usize, telling: &mut Telling<'_>) {
        let past = &all[at];
        if (self.presence.since()).is_none_or(|latest| past.since > latest) {
            self.tell_presence(&past.told(), telling);
            return;
        }
        let tell = |agent: &Self, kind, since, telling: &mut Telling<'_>| {
            agent.push_timed(kind, None, News::first_at(since), &past.told(), telling);
        };
        if self.presences.add(past.since) {
            tell(self, EventKind::AgentPresence, past.since, telling);
        }
        let Some(before) = at.checked_sub(1).map(|before| &all[before]) else {
            return;
        };
        match (before.is_offline(), past.is_offline()) {
            (false, true) if self.presences.begin(past.since) => {
                tell(self, EventKind::AgentLoggedOff, past.since, telling);
            }
            (true, false) => {
                // Who was found logged on later was told to have logged on.
                let mut next = all[at..].iter().take_while(|next| !next.is_offline());
                let is_found = next.any(|next| self.presences.has_begun(next.since));
                if !is_found && self.presences.end(before.since) {
                    tell(self, EventKind::AgentLoggedOn, before.since, telling);
                }
            }
            _ => {}
        }
    }

    /// The same for a routing status; `reason` is the presence's at the time.
    fn tell_past_routing_status(
        &mut self,
        past: &Past,
        reason: Option<&Arc<str>>,
        telling: &mut Telling<'_>,
    ) {
        if (self.routing_status.since()).is_none_or(|latest| past.since > latest) {
            self.tell_routing_status(&past.word, Some(past.since), telling);
        } else if self.routing_statuses.add(past.since) {
            let kind = readiness(&past.word).unwrap_or(EventKind::AgentRoutingStatus);
            let told = Told {
                reason: reason.unwrap_or(&past.reason),
                ..past.told()
            };
            self.push_timed(kind, None, News::first_at(past.since), &told, telling);
        }
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
        self.is_station_listed = false;
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
        event.raw = Arc::clone(told.word).into();
        event.reason = Arc::clone(told.reason).into();
        if of.is_some() {
            event.subject = Subject::Agent {
                user: Arc::clone(&self.user),
                station: of,
            };
        }
        telling.events.push_back(event);
    }

    fn event(&self, kind: EventKind, id: EventId, telling: &Telling<'_>) -> Event {
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
            raw: Remark::default(),
            reason: Remark::default(),
            held: Flag::Unknown,
            muted: Flag::Unknown,
            confined: Flag::Unknown,
            secure_pause: Flag::Unknown,
            detail: None,
        }
    }
}

/// Whether a notification of a station topic tells that a station was left.
pub(super) fn is_left(notification: &Notification<'_>) -> bool {
    let metadata: StationMetadata<'_> = notification
        .metadata
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    (metadata.action.as_str()).eq_ignore_ascii_case("Disassociated")
}

/// A system presence, in one spelling.
fn presence(word: &str, radar: &mut Radar, texts: &mut Texts) -> Arc<str> {
    let word = texts.keep(&canonical(word));
    radar.word("presenceDefinition.systemPresence", &word, |word| {
        KNOWN_PRESENCES.contains(&word).then_some(())
    });
    word
}

/// A routing status, in one spelling.
fn routing_status(word: &str, radar: &mut Radar, texts: &mut Texts) -> Arc<str> {
    let word = texts.keep(&canonical(word));
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
fn canonical(word: &str) -> String {
    word.to_ascii_uppercase().replace(' ', "_")
}
