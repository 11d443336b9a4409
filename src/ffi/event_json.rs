//! An event as JSON: every field of `gca_event` under its name, and nested objects. `docs/EVENTS.md` is the catalogue of
//! its paths: they are never changed, only added to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::event::hex;
use crate::delivery::Offer;
use crate::model::event::{
    AttributeValues, Campaign, Connection, ConnectionRef, Detail, Direction, Event, EventKind,
    Flag, PartyFacts, Subject,
};
use crate::model::feed::StateReport;
use crate::model::gap::GapRecord;
use crate::model::roster::{Queue, Station, User};

/// The document. What the event does not tell is left out.
pub(super) fn text(offer: &Offer<'_>) -> String {
    // Texts, numbers and booleans only: nothing in it can fail to be JSON.
    serde_json::to_string(&Document::of(offer)).unwrap_or_else(|_| "{}".to_owned())
}

/// All paths that a document can have, in its order.
#[cfg(test)]
pub(super) fn paths() -> Vec<Path> {
    let mut all = Vec::new();
    Document::paths("", &mut all);
    all
}

/// A path of the document: what stands in the catalogue.
#[cfg(test)]
pub(super) struct Path {
    pub(super) path: String,
    /// What JSON holds there.
    pub(super) holds: &'static str,
    /// Whether it is there whenever the object that holds it is.
    pub(super) always: bool,
}

/// What a member of the document can be.
trait Value {
    /// Whether the event does not tell it.
    fn is_absent(&self) -> bool {
        false
    }

    /// Its path, or the paths below it.
    #[cfg(test)]
    fn paths(at: &str, all: &mut Vec<Path>);
}

/// A text that is always there.
#[derive(Serialize, Default)]
struct Always<'a>(&'a str);

/// Attributes by their key, each with its first and its last value: `attributes.customerNumber.last`.
struct Attributes<'a>(&'a [AttributeValues]);

/// How many events of each kind a gap's reads told: `gap.recovered.established`.
struct Recovered<'a>(&'a BTreeMap<EventKind, u64>);

macro_rules! leaves {
    ($($type:ty: $holds:literal, $always:literal, $is_absent:expr;)+) => {$(
        impl Value for $type {
            fn is_absent(&self) -> bool {
                let is_absent: fn(&Self) -> bool = $is_absent;
                is_absent(self)
            }

            #[cfg(test)]
            fn paths(at: &str, all: &mut Vec<Path>) {
                all.push(Path { path: at.to_owned(), holds: $holds, always: $always });
            }
        }
    )+};
}

leaves! {
    Always<'_>: "text", true, |_| false;
    String: "text", true, |_| false;
    &str: "text", false, |text| text.is_empty();
    u64: "number", true, |_| false;
    i64: "number", true, |_| false;
    bool: "boolean", true, |_| false;
    Option<u64>: "number", false, Option::is_none;
    Option<i64>: "number", false, Option::is_none;
    Option<bool>: "boolean", false, Option::is_none;
    Vec<&str>: "list of texts", true, |_| false;
}

/// Objects of the document, with the paths that follow from their members.
macro_rules! objects {
    ($($(#[$about:meta])* struct $name:ident { $($member:ident: $type:ty,)+ })+) => {$(
        $(#[$about])*
        #[derive(Serialize)]
        struct $name<'a> {
            $(
                #[serde(skip_serializing_if = "Value::is_absent")]
                $member: $type,
            )+
        }

        impl<'a> Value for $name<'a> {
            #[cfg(test)]
            fn paths(at: &str, all: &mut Vec<Path>) {
                $(
                    let member = stringify!($member);
                    let path = if at.is_empty() { member.to_owned() } else { format!("{at}.{member}") };
                    <$type as Value>::paths(&path, all);
                )+
            }
        }
    )+};
}

objects! {
    #[derive(Default)]
    struct Document {
        kind: Always<'a>,
        feed_id: Always<'a>,
        sequence: u64,
        id: String,
        id_exact: bool,
        source: Always<'a>,
        data_source: Always<'a>,
        platform_time_us: Option<i64>,
        received_time_us: i64,
        held: Option<bool>,
        muted: Option<bool>,
        confined: Option<bool>,
        secure_pause: Option<bool>,
        conversation_id: &'a str,
        root_contact_id: &'a str,
        related_conversation_id: &'a str,
        participant_id: &'a str,
        communication_id: &'a str,
        peer_id: &'a str,
        old_connection_id: &'a str,
        new_connection_id: &'a str,
        user_id: &'a str,
        user_name: &'a str,
        user_email: &'a str,
        station_id: &'a str,
        station_name: &'a str,
        station_kind: &'a str,
        station_extension: &'a str,
        queue_id: &'a str,
        queue_name: &'a str,
        direction: &'a str,
        purpose: &'a str,
        ani: &'a str,
        dnis: &'a str,
        provider: &'a str,
        state: Always<'a>,
        previous_state: Always<'a>,
        cause: Always<'a>,
        raw: &'a str,
        reason: &'a str,
        lost_first: Option<u64>,
        lost_last: Option<u64>,
        lost_from_us: Option<i64>,
        lost_to_us: Option<i64>,
        gap_id: Option<u64>,
        gap_from_us: Option<i64>,
        gap_to_us: Option<i64>,
        user: Option<UserObject<'a>>,
        station: Option<StationObject<'a>>,
        queue: Option<QueueObject<'a>>,
        party: Option<PartyObject<'a>>,
        old_connection: Option<ConnectionObject<'a>>,
        new_connection: Option<ConnectionObject<'a>>,
        parties: Vec<ConnectionObject<'a>>,
        routing: Option<RoutingObject<'a>>,
        attribute: Option<AttributeObject<'a>>,
        attributes: Option<Attributes<'a>>,
        wrap_up: Option<WrapUpObject<'a>>,
        callback: Option<CallbackObject<'a>>,
        dialer: Option<DialerObject<'a>>,
        state_report: Option<Report<'a>>,
        gap: Option<GapObject<'a>>,
    }

    struct UserObject {
        id: &'a str,
        name: &'a str,
        email: &'a str,
    }

    struct StationObject {
        id: &'a str,
        name: &'a str,
        kind: &'a str,
        extension: &'a str,
    }

    struct QueueObject {
        id: &'a str,
        name: &'a str,
    }

    struct PartyObject {
        name: &'a str,
        address: &'a str,
        team_id: &'a str,
        group_id: &'a str,
        external_contact_id: &'a str,
        external_organization_id: &'a str,
        uui: &'a str,
    }

    struct ConnectionObject {
        participant_id: &'a str,
        communication_id: &'a str,
        user_id: &'a str,
        user_name: &'a str,
    }

    struct RoutingObject {
        priority: Option<i64>,
        skills: Vec<&'a str>,
        language: &'a str,
    }

    struct AttributeObject {
        key: Always<'a>,
        value: Always<'a>,
        previous: Option<Always<'a>>,
        first: Always<'a>,
    }

    struct WrapUpObject {
        code: &'a str,
        notes: &'a str,
        tags: Vec<&'a str>,
        duration_s: Option<i64>,
    }

    struct CallbackObject {
        id: &'a str,
        numbers: Vec<&'a str>,
        user_name: &'a str,
        scheduled_time_us: Option<i64>,
        campaign_id: &'a str,
        contact_id: &'a str,
        contact_list_id: &'a str,
    }

    struct DialerObject {
        campaign_id: &'a str,
        contact_id: &'a str,
        contact_list_id: &'a str,
        disposition: &'a str,
        analyzer: &'a str,
    }

    struct Report {
        life: Always<'a>,
        feed: Always<'a>,
        why: Always<'a>,
        time_us: i64,
        message: &'a str,
        users: Vec<&'a str>,
        topics: Vec<&'a str>,
    }

    struct GapObject {
        detail: &'a str,
        opened_us: i64,
        closed_us: Option<i64>,
        users: Vec<&'a str>,
        queues: Vec<&'a str>,
        reads: u64,
        recovered: Recovered<'a>,
        shortfalls: Vec<ShortfallObject<'a>>,
    }

    struct ShortfallObject {
        kind: Always<'a>,
        text: Always<'a>,
    }

    /// The first and the last value of an attribute.
    struct ValuesObject {
        first: Always<'a>,
        last: Always<'a>,
    }
}

/// An object, or an attribute's former value, that only some events have.
macro_rules! optional {
    ($($type:ident)+) => {$(
        impl<'a> Value for Option<$type<'a>> {
            fn is_absent(&self) -> bool {
                self.is_none()
            }

            #[cfg(test)]
            fn paths(at: &str, all: &mut Vec<Path>) {
                $type::paths(at, all);
            }
        }
    )+};
}

optional! {
    UserObject StationObject QueueObject PartyObject ConnectionObject RoutingObject AttributeObject Attributes
    WrapUpObject CallbackObject DialerObject Report GapObject
}

impl Value for Option<Always<'_>> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    #[cfg(test)]
    fn paths(at: &str, all: &mut Vec<Path>) {
        <&str>::paths(at, all);
    }
}

impl<'a> Value for Vec<ConnectionObject<'a>> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    #[cfg(test)]
    fn paths(at: &str, all: &mut Vec<Path>) {
        ConnectionObject::paths(&format!("{at}[]"), all);
    }
}

impl<'a> Value for Vec<ShortfallObject<'a>> {
    #[cfg(test)]
    fn paths(at: &str, all: &mut Vec<Path>) {
        ShortfallObject::paths(&format!("{at}[]"), all);
    }
}

impl Value for Recovered<'_> {
    #[cfg(test)]
    fn paths(at: &str, all: &mut Vec<Path>) {
        Option::<u64>::paths(&format!("{at}.KIND"), all);
    }
}

impl Serialize for Recovered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, events)| (kind.name(), events)))
    }
}

impl Value for Attributes<'_> {
    #[cfg(test)]
    fn paths(at: &str, all: &mut Vec<Path>) {
        ValuesObject::paths(&format!("{at}.KEY"), all);
    }
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for values in self.0 {
            let (first, last) = (Always(&values.first), Always(&values.last));
            map.serialize_entry(&*values.key, &ValuesObject { first, last })?;
        }
        map.end()
    }
}

impl<'a> Document<'a> {
    fn of(offer: &Offer<'a>) -> Self {
        let event = offer.event;
        let mut document = Self {
            kind: Always(event.kind.name()),
            feed_id: Always(offer.feed_id),
            sequence: offer.sequence,
            id: hex(event.id.0).into_iter().map(char::from).collect(),
            id_exact: event.id_exact,
            source: Always(event.source.name()),
            data_source: Always(offer.data_source),
            platform_time_us: event.platform_time.map(|time| time.0),
            received_time_us: event.received.0,
            held: known(event.held),
            muted: known(event.muted),
            confined: known(event.confined),
            secure_pause: known(event.secure_pause),
            state: Always(event.state.name()),
            previous_state: Always(event.previous.name()),
            cause: Always(event.cause.name()),
            raw: &event.raw,
            reason: &event.reason,
            ..Self::default()
        };
        document.put_subject(event);
        if let Some(detail) = event.detail.as_deref() {
            document.put_detail(detail);
        }
        document
    }

    fn put_subject(&mut self, event: &'a Event) {
        match &event.subject {
            Subject::Connection(connection) => self.put_connection(connection),
            Subject::Agent { user, station } => {
                self.put_user(Some(user));
                self.put_station(station.as_deref());
            }
            Subject::Feed(report) => self.state_report = Some(Report::of(report)),
            Subject::Gap(gap) => {
                self.gap_id = Some(gap.id.0);
                self.gap_from_us = Some(gap.from.0);
                self.gap_to_us = gap.to.map(|to| to.0);
                self.gap = Some(GapObject::of(gap));
            }
            // The reason says it.
            Subject::Renewal(_) => {}
            Subject::Lost(lost) => {
                self.lost_first = Some(lost.first);
                self.lost_last = Some(lost.last);
                self.lost_from_us = Some(lost.from.0);
                self.lost_to_us = Some(lost.to.0);
            }
        }
    }

    fn put_connection(&mut self, connection: &'a Connection) {
        self.conversation_id = connection.conversation.as_str();
        self.root_contact_id = connection.root_contact.as_str();
        self.participant_id = text_of(connection.participant.as_ref(), |id| id.as_str());
        self.communication_id = text_of(connection.communication.as_ref(), |id| id.as_str());
        self.peer_id = text_of(connection.peer.as_ref(), |id| id.as_str());
        self.put_user(connection.user.as_deref());
        self.put_station(connection.station.as_deref());
        self.put_queue(connection.queue.as_deref());
        if connection.direction != Direction::Unknown {
            self.direction = connection.direction.name();
        }
        self.purpose = &connection.purpose;
        self.ani = &connection.ani;
        self.dnis = &connection.dnis;
        self.provider = &connection.provider;
        self.party = PartyObject::of(&connection.party);
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

    fn put_detail(&mut self, detail: &'a Detail) {
        match detail {
            Detail::Related {
                conversation,
                old,
                new,
            } => {
                self.related_conversation_id = text_of(conversation.as_ref(), |id| id.as_str());
                self.old_connection_id = text_of(old.as_ref(), ConnectionRef::id);
                self.new_connection_id = text_of(new.as_ref(), ConnectionRef::id);
                self.old_connection = old.as_ref().map(ConnectionObject::of);
                self.new_connection = new.as_ref().map(ConnectionObject::of);
            }
            Detail::Conference { parties } => {
                self.parties = parties.iter().map(ConnectionObject::of).collect();
            }
            Detail::Routing {
                priority,
                skills,
                language,
            } => {
                self.routing = Some(RoutingObject {
                    priority: *priority,
                    skills: texts(skills),
                    language,
                });
            }
            Detail::Attribute {
                key,
                value,
                previous,
                first,
            } => {
                self.attribute = Some(AttributeObject {
                    key: Always(key),
                    value: Always(value),
                    previous: previous.as_deref().map(Always),
                    first: Always(first),
                });
            }
            Detail::Attributes(all) => self.attributes = Some(Attributes(all)),
            Detail::WrapUp {
                code,
                notes,
                tags,
                duration_s,
            } => {
                self.wrap_up = Some(WrapUpObject {
                    code,
                    notes,
                    tags: texts(tags),
                    duration_s: *duration_s,
                });
            }
            Detail::Callback {
                id,
                numbers,
                user_name,
                scheduled,
                preview,
            } => {
                let [campaign_id, contact_id, contact_list_id] = ids_of(preview.as_ref());
                self.callback = Some(CallbackObject {
                    id,
                    numbers: texts(numbers),
                    user_name,
                    scheduled_time_us: scheduled.map(|time| time.0),
                    campaign_id,
                    contact_id,
                    contact_list_id,
                });
            }
            Detail::Dialer {
                campaign,
                disposition,
                analyzer,
            } => {
                let [campaign_id, contact_id, contact_list_id] = ids_of(campaign.as_ref());
                self.dialer = Some(DialerObject {
                    campaign_id,
                    contact_id,
                    contact_list_id,
                    disposition,
                    analyzer,
                });
            }
        }
    }
}

impl<'a> PartyObject<'a> {
    /// None where nothing of it was told.
    fn of(facts: &'a PartyFacts) -> Option<Self> {
        let PartyFacts {
            name,
            address,
            team,
            group,
            external_contact,
            external_organization,
            uui,
        } = facts;
        let all = [
            name,
            address,
            team,
            group,
            external_contact,
            external_organization,
            uui,
        ];
        all.iter().any(|text| !text.is_empty()).then_some(Self {
            name,
            address,
            team_id: team,
            group_id: group,
            external_contact_id: external_contact,
            external_organization_id: external_organization,
            uui,
        })
    }
}

impl<'a> ConnectionObject<'a> {
    fn of(connection: &'a ConnectionRef) -> Self {
        let user = connection.user.as_deref();
        Self {
            participant_id: connection.participant.as_str(),
            communication_id: text_of(connection.communication.as_ref(), |id| id.as_str()),
            user_id: text_of(user, |user| user.id.as_str()),
            user_name: text_of(user, |user| &user.name),
        }
    }
}

impl<'a> Report<'a> {
    fn of(report: &'a StateReport) -> Self {
        let scope = &report.scope;
        Self {
            life: Always(report.life.name()),
            feed: Always(report.feed.name()),
            why: Always(report.why.name()),
            time_us: report.at.0,
            message: &report.message,
            users: scope.users.iter().map(|user| user.as_str()).collect(),
            topics: scope.topics.iter().map(|topic| topic.as_str()).collect(),
        }
    }
}

impl<'a> GapObject<'a> {
    fn of(gap: &'a GapRecord) -> Self {
        Self {
            detail: &gap.detail,
            opened_us: gap.opened.0,
            closed_us: gap.closed.map(|closed| closed.0),
            users: gap.users.iter().map(|user| user.as_str()).collect(),
            queues: gap.queues.iter().map(|queue| queue.as_str()).collect(),
            reads: gap.reads,
            recovered: Recovered(&gap.recovered),
            shortfalls: (gap.shortfalls.iter())
                .map(|shortfall| ShortfallObject {
                    kind: Always(shortfall.kind.name()),
                    text: Always(&shortfall.text),
                })
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

fn texts(list: &[Arc<str>]) -> Vec<&str> {
    list.iter().map(|text| &**text).collect()
}

/// Ids of campaign, contact and contact list.
fn ids_of(campaign: Option<&Campaign>) -> [&str; 3] {
    campaign.map_or([""; 3], |campaign| {
        [
            &campaign.campaign,
            &campaign.contact,
            &campaign.contact_list,
        ]
        .map(|id| &**id)
    })
}
