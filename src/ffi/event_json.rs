//! An event as JSON: every field of `gca_event` under its name, and nested objects. `docs/EVENT_JSON.md` is the
//! catalogue of its paths: they are never changed, only added to.

use serde::Serialize;

use super::event::hex;
use crate::delivery::Offer;
use crate::model::event::{Direction, Flag, Subject};
use crate::model::feed::StateReport;
use crate::model::roster::{Queue, Station, User};

/// The document. What the event does not tell is left out.
pub(super) fn text(offer: &Offer<'_>) -> String {
    // Texts, numbers and booleans only: nothing in it can fail to be JSON.
    serde_json::to_string(&Document::of(offer)).unwrap_or_else(|_| "{}".to_owned())
}

#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    feed_id: &'a str,
    sequence: u64,
    id: String,
    id_exact: bool,
    source: &'static str,
    data_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_time_us: Option<i64>,
    received_time_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confined: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_pause: Option<bool>,
    #[serde(flatten)]
    party: Party<'a>,
    state: &'static str,
    previous_state: &'static str,
    cause: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    raw: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_last: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_from_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_to_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_report: Option<Report<'a>>,
}

#[derive(Serialize, Default)]
struct Party<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    conversation_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    root_contact_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    participant_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    communication_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    peer_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_email: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    station_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    station_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    station_kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    station_extension: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    queue_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    queue_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    direction: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    purpose: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    ani: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    dnis: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    station: Option<StationObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<QueueObject<'a>>,
}

#[derive(Serialize)]
struct UserObject<'a> {
    id: &'a str,
    name: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct StationObject<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
    extension: &'a str,
}

#[derive(Serialize)]
struct QueueObject<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Report<'a> {
    life: &'static str,
    feed: &'static str,
    why: &'static str,
    time_us: i64,
    message: &'a str,
    users: Vec<&'a str>,
    topics: Vec<&'a str>,
}

impl<'a> Document<'a> {
    fn of(offer: &Offer<'a>) -> Self {
        let event = offer.event;
        let lost = match &event.subject {
            Subject::Lost(lost) => Some(lost),
            _ => None,
        };
        Self {
            kind: event.kind.name(),
            feed_id: offer.feed_id,
            sequence: offer.sequence,
            id: hex(event.id.0).into_iter().map(char::from).collect(),
            id_exact: event.id_exact,
            source: event.source.name(),
            data_source: offer.data_source,
            platform_time_us: event.platform_time.map(|time| time.0),
            received_time_us: event.received.0,
            held: known(event.held),
            muted: known(event.muted),
            confined: known(event.confined),
            secure_pause: known(event.secure_pause),
            party: Party::of(&event.subject),
            state: event.state.name(),
            previous_state: event.previous.name(),
            cause: event.cause.name(),
            raw: &event.raw,
            reason: &event.reason,
            lost_first: lost.map(|lost| lost.first),
            lost_last: lost.map(|lost| lost.last),
            lost_from_us: lost.map(|lost| lost.from.0),
            lost_to_us: lost.map(|lost| lost.to.0),
            state_report: match &event.subject {
                Subject::Feed(report) => Some(Report::of(report)),
                _ => None,
            },
        }
    }
}

impl<'a> Party<'a> {
    fn of(subject: &'a Subject) -> Self {
        let mut party = Self::default();
        match subject {
            Subject::Connection(connection) => {
                party.conversation_id = connection.conversation.as_str();
                party.root_contact_id = connection.root_contact.as_str();
                party.participant_id = text_of(connection.participant.as_ref(), |id| id.as_str());
                party.communication_id =
                    text_of(connection.communication.as_ref(), |id| id.as_str());
                party.peer_id = text_of(connection.peer.as_ref(), |id| id.as_str());
                party.put_user(connection.user.as_deref());
                party.put_station(connection.station.as_deref());
                party.put_queue(connection.queue.as_deref());
                if connection.direction != Direction::Unknown {
                    party.direction = connection.direction.name();
                }
                party.purpose = &connection.purpose;
                party.ani = &connection.ani;
                party.dnis = &connection.dnis;
                party.provider = &connection.provider;
            }
            Subject::Agent { user, station } => {
                party.put_user(Some(user));
                party.put_station(station.as_deref());
            }
            Subject::Feed(_) | Subject::Lost(_) => {}
        }
        party
    }

    fn put_user(&mut self, user: Option<&'a User>) {
        if let Some(user) = user {
            self.user_id = user.id.as_str();
            self.user_name = &user.name;
            self.user_email = &user.email;
            self.user = Some(UserObject {
                id: self.user_id,
                name: self.user_name,
                email: self.user_email,
            });
        }
    }

    fn put_station(&mut self, station: Option<&'a Station>) {
        if let Some(station) = station {
            self.station_id = station.id.as_str();
            self.station_name = &station.name;
            self.station_kind = &station.kind;
            self.station_extension = &station.extension;
            self.station = Some(StationObject {
                id: self.station_id,
                name: self.station_name,
                kind: self.station_kind,
                extension: self.station_extension,
            });
        }
    }

    fn put_queue(&mut self, queue: Option<&'a Queue>) {
        if let Some(queue) = queue {
            self.queue_id = queue.id.as_str();
            self.queue_name = &queue.name;
            self.queue = Some(QueueObject {
                id: self.queue_id,
                name: self.queue_name,
            });
        }
    }
}

impl<'a> Report<'a> {
    fn of(report: &'a StateReport) -> Self {
        Self {
            life: report.life.name(),
            feed: report.feed.name(),
            why: report.why.name(),
            time_us: report.at.0,
            message: &report.message,
            users: report
                .scope
                .users
                .iter()
                .map(|user| user.as_str())
                .collect(),
            topics: report
                .scope
                .topics
                .iter()
                .map(|topic| topic.as_str())
                .collect(),
        }
    }
}

fn known(flag: Flag) -> Option<bool> {
    match flag {
        Flag::Unknown => None,
        Flag::No => Some(false),
        Flag::Yes => Some(true),
    }
}

fn text_of<'a, T>(id: Option<&'a T>, text: impl Fn(&'a T) -> &'a str) -> &'a str {
    id.map_or("", text)
}
