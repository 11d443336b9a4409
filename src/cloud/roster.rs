//! Lists of users, queues and stations, as the REST interface gives them.
//!
//! Every member is optional in the platform's models, and new ones come without notice: an unknown member is passed
//! over, one of a wrong type counts as not told, and only a row without an id is lost (and counted).

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::id::{QueueId, StationId, UserId};
use crate::model::order::Page;
use crate::model::roster::{
    PresenceRecord, Queue, QueueRecord, RoutingStatusRecord, Station, User, UserRecord,
};
use crate::model::time::UtcMicros;

/// A member that may be of any type: its text.
type Loose<'a> = Option<&'a RawValue>;

/// Reads a member as `T`; one that is absent, null or of another type was not told.
fn told<'a, T: Deserialize<'a>>(member: Loose<'a>) -> Option<T> {
    serde_json::from_str(member?.get()).ok()
}

/// No id is longer, by far: a topic of 200 characters holds one.
const LONGEST_ID: usize = 200;

/// Of a name so many characters are kept: lists of the whole organization stay in memory.
const LONGEST_NAME: usize = 500;

/// A string member; borrowed unless it has escapes in it.
fn text(member: Loose<'_>) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    told::<Text<'_>>(member).map(|text| text.0)
}

fn shared(member: Loose<'_>) -> Arc<str> {
    let Some(text) = text(member) else {
        return Arc::default();
    };
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => Arc::from(&text[..end]),
        None => Arc::from(text),
    }
}

/// An id: a string that is not empty.
fn id(member: Loose<'_>) -> Option<Cow<'_, str>> {
    text(member).filter(|id| (1..=LONGEST_ID).contains(&id.len()))
}

fn time(member: Loose<'_>) -> Option<UtcMicros> {
    UtcMicros::from_iso(&text(member)?)
}

macro_rules! loose {
    ($($name:ident { $($member:ident),+ $(,)? })+) => {$(
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct $name<'a> {
            $(#[serde(borrow)] $member: Loose<'a>,)+
        }
    )+};
}

loose! {
    ListBody { entities, page_number, page_count, page_size, total }
    UserBody { id, name, email, presence, routing_status, station }
    PresenceBody { presence_definition, modified_date }
    DefinitionBody { id, system_presence }
    RoutingStatusBody { status, start_time }
    StationsBody { associated_station }
    QueueBody { id, name, member_count }
}

/// A station, as a list of them or a user's reference tells it. `type` is a word of Rust's, hence apart.
#[derive(Deserialize, Default)]
#[serde(default)]
struct StationBody<'a> {
    #[serde(borrow)]
    id: Loose<'a>,
    #[serde(borrow)]
    name: Loose<'a>,
    #[serde(borrow, rename = "type")]
    kind: Loose<'a>,
}

/// A page of `GET /api/v2/users`; `None` if the answer is no list.
pub(super) fn users(body: &[u8], asked: u32) -> Option<Page<UserRecord>> {
    page(body, asked, user)
}

/// A page of `GET /api/v2/routing/queues`; `None` if the answer is no list.
pub(super) fn queues(body: &[u8], asked: u32) -> Option<Page<QueueRecord>> {
    page(body, asked, queue)
}

/// A page of `GET /api/v2/stations`; `None` if the answer is no list.
pub(super) fn stations(body: &[u8], asked: u32) -> Option<Page<Arc<Station>>> {
    page(body, asked, |row| station_row(object(row.get())?))
}

fn page<T>(body: &[u8], asked: u32, read: impl Fn(&RawValue) -> Option<T>) -> Option<Page<T>> {
    let list: ListBody<'_> = object(std::str::from_utf8(body).ok()?)?;
    let entities: Vec<&RawValue> = told(list.entities)?;
    let mut rows = Vec::with_capacity(entities.len());
    rows.extend(entities.iter().filter_map(|row| read(row)));
    let unread = entities.len() - rows.len();
    let number = told(list.page_number).unwrap_or(asked);
    let of = told(list.page_count).or_else(|| {
        let total: u64 = told(list.total)?;
        let size: u64 = told(list.page_size).filter(|size| *size > 0)?;
        u32::try_from(total.div_ceil(size)).ok()
    });
    Some(Page {
        rows,
        unread: u32::try_from(unread).unwrap_or(u32::MAX),
        number,
        // A list that does not tell its length ends with this page.
        of: of.unwrap_or(number).max(1),
    })
}

/// Reads an object. A struct can be read from an array too, and no array is meant here.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_ascii_start()
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())?
}

fn member<'a, T: Deserialize<'a>>(member: Loose<'a>) -> Option<T> {
    object(member?.get())
}

fn user(row: &RawValue) -> Option<UserRecord> {
    let row: UserBody<'_> = object(row.get())?;
    Some(UserRecord {
        user: Arc::new(User {
            id: UserId::from(id(row.id)?.as_ref()),
            name: shared(row.name),
            email: shared(row.email),
        }),
        presence: member(row.presence).and_then(presence),
        routing_status: member(row.routing_status).and_then(routing_status),
        station: member(row.station).map(station),
    })
}

fn presence(told: PresenceBody<'_>) -> Option<PresenceRecord> {
    let definition: DefinitionBody<'_> = member(told.presence_definition)?;
    Some(PresenceRecord {
        system_presence: Arc::from(id(definition.system_presence)?),
        definition_id: shared(definition.id),
        modified: time(told.modified_date),
    })
}

fn routing_status(told: RoutingStatusBody<'_>) -> Option<RoutingStatusRecord> {
    Some(RoutingStatusRecord {
        status: Arc::from(id(told.status)?),
        start: time(told.start_time),
    })
}

/// The associated station; references that point nowhere come as null, as `{}` or not at all.
fn station(told: StationsBody<'_>) -> Option<Arc<Station>> {
    station_row(member(told.associated_station)?)
}

fn station_row(station: StationBody<'_>) -> Option<Arc<Station>> {
    Some(Arc::new(Station {
        id: StationId::from(id(station.id)?.as_ref()),
        name: shared(station.name),
        kind: shared(station.kind),
        extension: Arc::default(),
    }))
}

fn queue(row: &RawValue) -> Option<QueueRecord> {
    let row: QueueBody<'_> = object(row.get())?;
    Some(QueueRecord {
        queue: Arc::new(Queue {
            id: QueueId::from(id(row.id)?.as_ref()),
            name: shared(row.name),
        }),
        members: told(row.member_count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = r#"{"entities":[
        {"id":"u1","name":"Ann \u00c4","email":"ann@example.test","surprise":[1,{}],
         "presence":{"id":"p","presenceDefinition":{"id":"d1","systemPresence":"On Queue"},"modifiedDate":"2026-11-22T10:00:00.123Z"},
         "routingStatus":{"userId":"u1","status":"IDLE","startTime":"2026-11-22T09:59:00Z"},
         "station":{"associatedStation":{"id":"s1","name":"Desk 1","type":"inin_webrtc_softphone","associatedDate":"x"}}},
        {"id":"u2","name":null,"email":7,"presence":"away","routingStatus":[],"station":{"associatedStation":{}}},
        {"id":"u3","station":null,"presence":{"presenceDefinition":{}}},
        {"name":"no id"},
        {"id":17},
        {"id":""},
        "a string",
        ["u9"],
        null
    ],"pageSize":100,"pageNumber":2,"total":203,"pageCount":3,"selfUri":"/api/v2/users"}"#;

    #[test]
    fn users_keep_what_was_told_and_count_rows_without_an_id() {
        let page = users(USERS.as_bytes(), 9).unwrap();
        assert_eq!((page.number, page.of, page.unread), (2, 3, 6));
        let [first, second, third] = &page.rows[..] else {
            panic!("three rows have an id: {page:?}");
        };
        assert_eq!(&*first.user.name, "Ann Ä");
        assert_eq!(&*first.user.email, "ann@example.test");
        let presence = first.presence.as_ref().unwrap();
        assert_eq!(
            (&*presence.system_presence, &*presence.definition_id),
            ("On Queue", "d1")
        );
        assert_eq!(
            presence.modified,
            UtcMicros::from_iso("2026-11-22T10:00:00.123Z")
        );
        let status = first.routing_status.as_ref().unwrap();
        assert_eq!(
            (&*status.status, status.start),
            ("IDLE", UtcMicros::from_iso("2026-11-22T09:59:00Z"))
        );
        let station = first.station.clone().unwrap().unwrap();
        assert_eq!(
            (station.id.as_str(), &*station.name, &*station.kind),
            ("s1", "Desk 1", "inin_webrtc_softphone")
        );

        // Members of a wrong type were not told; an empty reference tells that there is no station.
        assert_eq!((&*second.user.name, &*second.user.email), ("", ""));
        assert_eq!(
            (&second.presence, &second.routing_status, &second.station),
            (&None, &None, &Some(None))
        );
        assert_eq!((&third.presence, &third.station), (&None, &None));
    }

    #[test]
    fn a_page_without_its_numbers_is_the_last() {
        let page = users(br#"{"entities":[]}"#, 4).unwrap();
        assert_eq!(
            (page.number, page.of, page.unread, page.rows.len()),
            (4, 4, 0, 0)
        );
        let page = users(br#"{"entities":[],"total":201,"pageSize":100}"#, 1).unwrap();
        assert_eq!((page.number, page.of), (1, 3));
        let page = users(br#"{"entities":[],"pageCount":0,"pageNumber":1}"#, 1).unwrap();
        assert_eq!((page.number, page.of), (1, 1));
    }

    /// What one user costs is bounded, so that so many pages of so many rows are.
    #[test]
    fn a_name_of_megabytes_is_cut_and_an_id_of_kilobytes_is_none() {
        let (name, long) = ("Ä".repeat(1 << 20), "x".repeat(1 << 10));
        let body = format!(
            r#"{{"entities":[{{"id":"u1","name":"{name}","email":"{name}"}},{{"id":"{long}"}}],"pageCount":1}}"#
        );
        let page = users(body.as_bytes(), 1).unwrap();
        assert_eq!((page.rows.len(), page.unread), (1, 1));
        let user = &page.rows[0].user;
        assert_eq!(*user.name, *"Ä".repeat(LONGEST_NAME));
        assert_eq!(user.email.chars().count(), LONGEST_NAME);
    }

    #[test]
    fn what_is_no_list_is_no_page() {
        for body in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"entities":{}}"#,
            r#"{"entities":null}"#,
            "<html>",
            "[[]]",
            "\u{feff}{}",
        ] {
            assert_eq!(users(body.as_bytes(), 1), None, "{body}");
        }
        assert_eq!(users(b"{\"entities\":[\"\xff\"]}", 1), None);
    }

    #[test]
    fn stations_tell_their_kind() {
        let body = br#"{"entities":[{"id":"s1","name":"Desk 1","type":"inin_remote","status":"ASSOCIATED","userId":"u1"},
            {"id":"s2","name":7},{"name":"no id"}],"pageNumber":1,"pageCount":3,"totalNumberOfEntities":203}"#;
        let page = stations(body, 1).unwrap();
        assert_eq!((page.number, page.of, page.unread), (1, 3, 1));
        let rows: Vec<_> = page
            .rows
            .iter()
            .map(|row| (row.id.as_str(), &*row.name, &*row.kind))
            .collect();
        assert_eq!(rows, [("s1", "Desk 1", "inin_remote"), ("s2", "", "")]);
    }

    #[test]
    fn queues_tell_their_members() {
        let body = br#"{"entities":[{"id":"q1","name":"Sales","memberCount":12},{"id":"q2","memberCount":"many"},{}],"pageCount":1,"pageNumber":1}"#;
        let page = queues(body, 1).unwrap();
        assert_eq!(page.unread, 1);
        let rows: Vec<_> = page
            .rows
            .iter()
            .map(|row| (row.queue.id.as_str(), &*row.queue.name, row.members))
            .collect();
        assert_eq!(rows, [("q1", "Sales", Some(12)), ("q2", "", None)]);
    }
}
