//! What is told of agents, each promise as a story.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::calls::{Calls, Heard};
use crate::model::event::{Event, EventKind, IdClass, Source, Subject};
use crate::model::frame::Notification;
use crate::model::gap::{GapCause, GapId, GapRecord};
use crate::model::order::SocketId;
use crate::model::roster::{PresenceRecord, RoutingStatusRecord, Station, User, UserRecord};
use crate::model::time::{Now, UtcMicros};

const PRESENCE: &str = "v2.users.ann.presence";
const ROUTING: &str = "v2.users.ann.routingStatus";
const STATION: &str = "v2.users.ann.station";
const PERSISTENT: &str = "v2.users.ann.persistentconnection";

struct Ear {
    calls: Calls,
    heard: Heard,
}

fn now() -> Now {
    Now {
        elapsed: Duration::from_secs(1),
        utc: UtcMicros(1_800_000_060_000_000),
    }
}

impl Ear {
    fn new() -> Self {
        Self {
            calls: Calls::new(1 << 20),
            heard: Heard::NotFollowed,
        }
    }

    fn hear(&mut self, topic: &str, body: &Value) -> Vec<Event> {
        let body = body.to_string();
        let notification = Notification {
            topic,
            body: &body,
            metadata: None,
        };
        self.heard = self
            .calls
            .handle_notification(SocketId(1), &notification, now());
        self.events()
    }

    /// A row of the roster for ann.
    fn list(&mut self, row: impl FnOnce(&mut UserRecord)) -> Vec<Event> {
        let user = User {
            id: "ann".into(),
            name: "Ann".into(),
            email: "ann@example.org".into(),
        };
        let mut record = UserRecord {
            user: Arc::new(user),
            presence: None,
            routing_status: None,
            station: None,
        };
        row(&mut record);
        self.calls.handle_users(&[record], now());
        self.events()
    }

    fn list_presence(&mut self, word: &str, second: u32) -> Vec<Event> {
        self.list(|row| {
            row.presence = Some(PresenceRecord {
                system_presence: word.into(),
                definition_id: "def".into(),
                modified: UtcMicros::from_iso(&at(second)),
            });
        })
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.calls.poll_event()).collect()
    }

    fn findings(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.calls.poll_finding())
            .map(|finding| finding.to_string())
            .collect()
    }
}

/// Kind, raw word, source if it is not live, and whether the id is not exact.
fn short(events: &[Event]) -> Vec<String> {
    let short = |event: &Event| {
        let source = match event.source {
            Source::Live => String::new(),
            other => format!(" {}", other.name()),
        };
        let inexact = if event.id_exact { "" } else { " inexact" };
        format!("{} {}{source}{inexact}", event.kind.name(), event.raw)
    };
    events.iter().map(short).collect()
}

fn at(second: u32) -> String {
    format!("2027-01-15T08:00:{second:02}.000Z")
}

fn presence(word: &str, second: u32) -> Value {
    json!({"source": "PURECLOUD", "presenceDefinition": {"id": format!("def-{word}"), "systemPresence": word},
        "primary": true, "message": "", "modifiedDate": at(second)})
}

fn routing(word: &str, second: u32) -> Value {
    json!({"id": "ann", "routingStatus": {"status": word, "startTime": at(second)}})
}

fn persistent(word: &str, station: &str, second: u32) -> Value {
    json!({"persistentState": word, "stationId": station, "userId": "ann", "eventTime": at(second)})
}

fn station_of(event: &Event) -> Option<&Station> {
    match &event.subject {
        Subject::Agent { station, .. } => station.as_deref(),
        _ => None,
    }
}

fn desk(id: &str, kind: &str) -> Arc<Station> {
    Arc::new(Station {
        id: id.into(),
        name: format!("Desk {id}").into(),
        kind: kind.into(),
        extension: "".into(),
    })
}

#[test]
fn who_comes_and_goes_is_told_after_the_presence_that_shows_it() {
    let mut ear = Ear::new();
    let mut told = Vec::new();
    for (word, second) in [
        ("OFFLINE", 1),
        ("AVAILABLE", 2),
        ("BREAK", 3),
        ("ON_QUEUE", 4),
        ("OFFLINE", 5),
        ("BUSY", 6),
    ] {
        told.extend(ear.hear(PRESENCE, &presence(word, second)));
    }
    assert_eq!(
        short(&told),
        [
            "agent_presence OFFLINE",
            "agent_presence AVAILABLE",
            "agent_logged_on AVAILABLE",
            "agent_presence BREAK",
            "agent_presence ON_QUEUE",
            "agent_presence OFFLINE",
            "agent_logged_off OFFLINE",
            "agent_presence BUSY",
            "agent_logged_on BUSY",
        ]
    );
    let on = &told[2];
    assert_eq!(on.platform_time, UtcMicros::from_iso(&at(2)));
    assert_eq!(&*on.reason, "def-AVAILABLE");
    let ids: BTreeSet<_> = told.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), told.len());
}

#[test]
fn who_is_there_at_first_sight_is_told_as_logged_on_and_who_is_not_is_not() {
    let mut ear = Ear::new();
    assert_eq!(
        short(&ear.list_presence("On Queue", 3)),
        [
            "agent_presence ON_QUEUE snapshot",
            "agent_logged_on ON_QUEUE snapshot inexact"
        ]
    );
    let mut ear = Ear::new();
    assert_eq!(
        short(&ear.hear(PRESENCE, &presence("MEAL", 3))),
        ["agent_presence MEAL", "agent_logged_on MEAL inexact"]
    );
    let mut ear = Ear::new();
    assert_eq!(
        short(&ear.list_presence("Offline", 3)),
        ["agent_presence OFFLINE snapshot"]
    );
    // From there it is a change like any other.
    assert_eq!(
        short(&ear.hear(PRESENCE, &presence("AVAILABLE", 9))),
        ["agent_presence AVAILABLE", "agent_logged_on AVAILABLE"]
    );
}

#[test]
fn one_log_on_has_one_id_whether_a_topic_or_the_roster_tells_it() {
    let mut live = Ear::new();
    live.hear(PRESENCE, &presence("OFFLINE", 1));
    let live = live.hear(PRESENCE, &presence("AVAILABLE", 2));
    let mut listed = Ear::new();
    listed.list_presence("Offline", 1);
    let listed = listed.list_presence("Available", 2);
    assert_eq!(
        short(&listed),
        [
            "agent_presence AVAILABLE recovered",
            "agent_logged_on AVAILABLE recovered"
        ]
    );
    let ids = |events: &[Event]| events.iter().map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(ids(&live), ids(&listed));
}

#[test]
fn a_log_on_has_the_same_id_whichever_presence_after_it_comes_first() {
    let hear = |words: &[(&str, u32)]| {
        let mut ear = Ear::new();
        let bodies = words.iter().map(|(word, second)| presence(word, *second));
        let told: Vec<Event> = bodies.flat_map(|body| ear.hear(PRESENCE, &body)).collect();
        let log_ons = told
            .iter()
            .filter(|event| event.kind == EventKind::AgentLoggedOn);
        let log_ons: Vec<_> = log_ons.map(|event| (event.id, event.id_exact)).collect();
        log_ons
    };
    let whole = hear(&[
        ("OFFLINE", 1),
        ("AVAILABLE", 2),
        ("BUSY", 3),
        ("OFFLINE", 4),
        ("MEAL", 5),
    ]);
    assert_eq!(whole.len(), 2);
    assert!(whole.iter().all(|(_, exact)| *exact));
    let missed = hear(&[
        ("OFFLINE", 1),
        ("BUSY", 3),
        ("AVAILABLE", 2),
        ("OFFLINE", 4),
        ("MEAL", 5),
    ]);
    assert_eq!(missed, whole);
}

#[test]
fn a_late_presence_changes_nothing_and_logs_nobody_off() {
    let mut ear = Ear::new();
    ear.hear(PRESENCE, &presence("AVAILABLE", 5));
    assert_eq!(short(&ear.hear(PRESENCE, &presence("OFFLINE", 4))), [""; 0]);
    assert_eq!(ear.heard, Heard::Unchanged);
    assert_eq!(short(&ear.list_presence("Offline", 3)), [""; 0]);
    assert_eq!(
        short(&ear.hear(PRESENCE, &presence("OFFLINE", 6))),
        ["agent_presence OFFLINE", "agent_logged_off OFFLINE"]
    );
}

#[test]
fn a_routing_status_is_told_in_the_words_of_telephony() {
    let mut ear = Ear::new();
    ear.hear(PRESENCE, &presence("BREAK", 1));
    let mut told = Vec::new();
    for (second, word) in [
        "OFF_QUEUE",
        "IDLE",
        "INTERACTING",
        "COMMUNICATING",
        "NOT_RESPONDING",
        "DAYDREAMING",
    ]
    .into_iter()
    .enumerate()
    {
        let second = u32::try_from(second).unwrap();
        told.extend(ear.hear(ROUTING, &routing(word, second)));
    }
    assert_eq!(
        short(&told),
        [
            "agent_not_ready OFF_QUEUE",
            "agent_ready IDLE",
            "agent_busy INTERACTING",
            "agent_busy COMMUNICATING",
            "agent_not_ready NOT_RESPONDING",
            "agent_routing_status DAYDREAMING",
        ]
    );
    assert!(told.iter().all(|event| &*event.reason == "def-BREAK"
        && event.platform_time.is_some()
        && event.kind.id_class() == IdClass::Timed));
    // Late, a repeat, and what the roster knows of before.
    for body in [routing("IDLE", 2), routing("DAYDREAMING", 5)] {
        assert_eq!(short(&ear.hear(ROUTING, &body)), [""; 0]);
    }
    let old = |row: &mut UserRecord| {
        row.routing_status = Some(RoutingStatusRecord {
            status: "IDLE".into(),
            start: UtcMicros::from_iso(&at(4)),
        });
    };
    assert_eq!(short(&ear.list(old)), [""; 0]);
}

#[test]
fn two_states_of_one_millisecond_are_both_told_and_the_later_one_holds() {
    let mut ear = Ear::new();
    let mut told = Vec::new();
    // Two streams of the same topic, one behind the other.
    for word in [
        "IDLE",
        "INTERACTING",
        "IDLE",
        "INTERACTING",
        "COMMUNICATING",
    ] {
        told.extend(ear.hear(ROUTING, &routing(word, 7)));
    }
    assert_eq!(
        short(&told),
        [
            "agent_ready IDLE",
            "agent_busy INTERACTING",
            // The second of its kind at that time: which is the first may differ elsewhere.
            "agent_busy COMMUNICATING inexact",
        ]
    );
    let ids: BTreeSet<_> = told.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
    // A list made in between decides nothing.
    let row = |row: &mut UserRecord| {
        row.routing_status = Some(RoutingStatusRecord {
            status: "OFF_QUEUE".into(),
            start: UtcMicros::from_iso(&at(7)),
        });
    };
    assert_eq!(short(&ear.list(row)), [""; 0]);
    assert_eq!(
        short(&ear.hear(ROUTING, &routing("IDLE", 8))),
        ["agent_ready IDLE"]
    );
}

#[test]
fn a_state_without_a_time_is_told_by_its_order_and_takes_its_time_later() {
    let mut ear = Ear::new();
    let untimed = |word: &str| json!({"presenceDefinition": {"id": "def", "systemPresence": word}});
    assert_eq!(
        short(&ear.hear(PRESENCE, &untimed("AVAILABLE"))),
        [
            "agent_presence AVAILABLE inexact",
            "agent_logged_on AVAILABLE inexact"
        ]
    );
    assert_eq!(short(&ear.hear(PRESENCE, &untimed("AVAILABLE"))), [""; 0]);
    assert_eq!(
        short(&ear.hear(PRESENCE, &presence("AVAILABLE", 3))),
        [""; 0],
        "the same one, with its time"
    );
    assert_eq!(
        short(&ear.hear(PRESENCE, &untimed("MEAL"))),
        ["agent_presence MEAL inexact"]
    );
    assert_eq!(
        short(&ear.hear(PRESENCE, &presence("AVAILABLE", 3))),
        [""; 0],
        "a repeat of what was before"
    );
    // A list that does not say since when cannot undo what a topic told.
    let list = |row: &mut UserRecord| {
        row.presence = Some(PresenceRecord {
            system_presence: "Offline".into(),
            definition_id: "def".into(),
            modified: None,
        });
    };
    assert_eq!(short(&ear.list(list)), [""; 0]);
    assert_eq!(
        short(&ear.hear(PRESENCE, &presence("BUSY", 9))),
        ["agent_presence BUSY"]
    );
}

#[test]
fn persistent_connections_are_told_once_and_by_station() {
    let mut ear = Ear::new();
    ear.calls.handle_stations(&[
        desk("s1", "inin_remote"),
        desk("s2", "inin_webrtc_softphone"),
    ]);
    let mut told = Vec::new();
    for (word, station, second) in [
        ("PERSISTED", "s1", 1),
        ("PERSISTED", "s1", 1),
        ("ACTIVE_CALL", "s1", 3),
        ("ACTIVE_CALL", "s2", 3),
        ("PERSISTED", "s1", 2),
        ("FAILED", "s1", 4),
    ] {
        told.extend(ear.hear(PERSISTENT, &persistent(word, station, second)));
    }
    assert_eq!(
        short(&told),
        [
            "persistent_connection_up PERSISTED",
            "persistent_connection_active ACTIVE_CALL",
            "persistent_connection_active ACTIVE_CALL",
            "persistent_connection_down FAILED",
        ]
    );
    let stations: Vec<_> = told
        .iter()
        .map(|event| station_of(event).cloned())
        .collect();
    assert_eq!(
        stations[1..3],
        [
            Some((*desk("s1", "inin_remote")).clone()),
            Some((*desk("s2", "inin_webrtc_softphone")).clone())
        ]
    );
    let ids: BTreeSet<_> = told.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(told[3].platform_time, UtcMicros::from_iso(&at(4)));
    assert!(!ear.calls.poll_unknown_station());

    let down = json!({"persistentState": "DISCONNECTED", "stationId": "s2", "userId": "ann", "eventTime": at(9),
        "errorInfo": {"code": "station.unreachable", "text": "never told"}});
    let down = ear.hear("V2.Users.ann.PersistentConnection", &down);
    assert_eq!(short(&down), ["persistent_connection_down DISCONNECTED"]);
    assert_eq!(&*down[0].reason, "station.unreachable");

    for word in ["UNKNOWN", "", "RESTING"] {
        assert_eq!(
            short(&ear.hear(PERSISTENT, &persistent(word, "s1", 20))),
            [""; 0]
        );
        assert_eq!(ear.heard, Heard::Irrelevant, "{word}");
    }
    assert_eq!(
        ear.findings(),
        ["a word of persistentConnection.persistentState is new to this version: RESTING"]
    );
    ear.hear(PERSISTENT, &json!(7));
    assert_eq!(ear.heard, Heard::Unreadable);
}

#[test]
fn a_station_that_only_a_topic_names_is_told_at_once_and_known_by_its_kind_later() {
    let mut ear = Ear::new();
    let named = json!({"associatedStation": {"id": "s1", "name": "Desk s1"}});
    let told = ear.hear(STATION, &named);
    assert_eq!(short(&told), ["station_associated  inexact"]);
    assert_eq!(station_of(&told[0]), Some(&*desk("s1", "")));
    assert!(ear.calls.poll_unknown_station());
    assert!(!ear.calls.poll_unknown_station(), "told once");

    ear.calls.handle_stations(&[desk("s1", "inin_remote")]);
    assert_eq!(ear.events(), [], "nothing happened");
    let told = ear.hear(PRESENCE, &presence("AVAILABLE", 1));
    assert_eq!(station_of(&told[0]), Some(&*desk("s1", "inin_remote")));
    let left = ear.hear(STATION, &json!({"associatedStation": {}}));
    assert_eq!(left[0].kind, EventKind::StationLeft);
    assert_eq!(station_of(&left[0]), Some(&*desk("s1", "inin_remote")));

    // Known now, and what tells less than is known takes nothing away.
    ear.list(|row| row.station = Some(Some(desk("s1", ""))));
    let told = ear.hear(STATION, &named);
    assert_eq!(station_of(&told[0]), Some(&*desk("s1", "inin_remote")));
    assert!(!ear.calls.poll_unknown_station());
}

#[test]
fn a_station_that_no_list_names_is_a_reason_to_read_the_list_once() {
    let mut ear = Ear::new();
    ear.hear(PERSISTENT, &persistent("PERSISTED", "s9", 1));
    assert!(ear.calls.poll_unknown_station());
    ear.calls.handle_stations(&[desk("s1", "inin_remote")]);
    let named = json!({"associatedStation": {"id": "s9", "name": "Desk s9"}});
    let told = ear.hear(STATION, &named);
    assert_eq!(station_of(&told[0]), Some(&*desk("s9", "")));
    assert!(!ear.calls.poll_unknown_station());
    // The name that the one topic told serves the other.
    let told = ear.hear(PERSISTENT, &persistent("FAILED", "s9", 2));
    assert_eq!(station_of(&told[0]), Some(&*desk("s9", "")));
}

#[test]
fn a_station_that_was_changed_in_an_outage_is_told_by_the_next_list() {
    let mut ear = Ear::new();
    ear.hear(STATION, &json!({"associatedStation": {"id": "s1"}}));
    let list = |ear: &mut Ear, id: &str| ear.list(|row| row.station = Some(Some(desk(id, ""))));
    assert_eq!(list(&mut ear, "s2"), [], "made before the topic told");
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], now());
    let told = list(&mut ear, "s2");
    assert_eq!(
        short(&told),
        [
            "station_left  recovered inexact",
            "station_associated  recovered inexact"
        ]
    );
    assert_eq!(list(&mut ear, "s1"), []);

    // Left in the next one: the topic says so before any list does.
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], now());
    let left = ear.calls.handle_notification(
        SocketId(1),
        &Notification {
            topic: STATION,
            body: r#"{"associatedStation": {"id": "s2"}}"#,
            metadata: Some(r#"{"action": "Disassociated"}"#),
        },
        now(),
    );
    assert_eq!(left, Heard::Read);
    assert_eq!(short(&ear.events()), ["station_left  inexact"]);
    assert_eq!(list(&mut ear, "s2"), []);
}

#[test]
fn a_station_that_was_changed_after_a_list_of_the_same_outage_is_told_by_the_read_after_it() {
    let mut ear = Ear::new();
    let row = |id: &str| UserRecord {
        user: Arc::new(User {
            id: "ann".into(),
            name: "Ann".into(),
            email: "ann@example.org".into(),
        }),
        presence: None,
        routing_status: None,
        station: Some(Some(desk(id, ""))),
    };
    ear.hear(STATION, &json!({"associatedStation": {"id": "s1"}}));
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], now());
    ear.calls.handle_users(&[row("s1")], now());
    ear.calls.handle_users(&[row("s2")], now());
    assert_eq!(ear.events(), [], "whichever of two lists is the newer one");
    ear.calls.handle_users_read(&[row("s2")], now());
    assert_eq!(
        short(&ear.events()),
        [
            "station_left  recovered inexact",
            "station_associated  recovered inexact"
        ]
    );
    // What the topic says is newer than any of them.
    ear.hear(STATION, &json!({"associatedStation": {"id": "s3"}}));
    ear.calls.handle_users_read(&[row("s2")], now());
    assert_eq!(ear.events(), []);
}

/// An agent's shift: what began when.
const SHIFT: [(&str, &str); 12] = [
    (PRESENCE, "OFFLINE"),
    (PRESENCE, "AVAILABLE"),
    (PRESENCE, "ON_QUEUE"),
    (ROUTING, "IDLE"),
    (ROUTING, "INTERACTING"),
    (PRESENCE, "OFFLINE"),
    (ROUTING, "OFF_QUEUE"),
    (PRESENCE, "BREAK"),
    (PRESENCE, "ON_QUEUE"),
    (ROUTING, "IDLE"),
    (ROUTING, "NOT_RESPONDING"),
    (PRESENCE, "OFFLINE"),
];

fn begins(at: usize) -> u32 {
    u32::try_from(at).unwrap() + 1
}

/// What analytics tells of the shift from its `from`th change to before the `to`th, and of what still held then.
fn details(from: usize, to: usize) -> String {
    let records = |of: &str, value: &str| -> Vec<Value> {
        let is_of = |change: &usize| SHIFT[*change].0 == of;
        let first = (0..from).rev().find(is_of).unwrap_or(from);
        (first..to)
            .filter(is_of)
            .map(|change| {
                json!({"startTime": at(begins(change)), "endTime": at(begins(change) + 1), value: SHIFT[change].1,
                    "organizationPresenceId": format!("def-{}", SHIFT[change].1)})
            })
            .collect()
    };
    json!({"userId": "ann", "primaryPresence": records(PRESENCE, "systemPresence"),
        "routingStatus": records(ROUTING, "routingStatus")})
    .to_string()
}

impl Ear {
    fn hear_change(&mut self, change: usize) -> Vec<Event> {
        let (topic, word) = SHIFT[change];
        let body = match topic {
            PRESENCE => presence(word, begins(change)),
            _ => routing(word, begins(change)),
        };
        self.hear(topic, &body)
    }

    fn read(&mut self, body: &str) -> Vec<Event> {
        self.heard = (self.calls).handle_user_details(body, Source::Recovered, now());
        self.events()
    }
}

/// Whatever part of a shift nobody listened to, and however far it had gone on when the history is read.
#[test]
fn what_was_missed_is_told_from_the_history_under_the_same_ids() {
    let key = |event: &Event| (event.id.0, event.id_exact, event.platform_time);
    let mut live = Ear::new();
    let whole: BTreeSet<_> = (0..SHIFT.len())
        .flat_map(|change| live.hear_change(change))
        .map(|event| key(&event))
        .collect();
    assert!(whole.iter().all(|(_, is_exact, _)| *is_exact));
    for from in 1..SHIFT.len() {
        for to in from..=SHIFT.len() {
            // Heard again from `to` on, and the history read before, amidst or after.
            for read_at in to..=SHIFT.len() {
                let mut ear = Ear::new();
                let mut told = Vec::new();
                for change in (0..from).chain(to..read_at) {
                    told.extend(ear.hear_change(change));
                }
                let recovered = ear.read(&details(from, read_at));
                let is_in_order = recovered.is_sorted_by_key(|event| event.platform_time);
                assert!(is_in_order, "{:?}", short(&recovered));
                assert!(
                    recovered
                        .iter()
                        .all(|event| event.source == Source::Recovered)
                );
                let is_new = !recovered.is_empty();
                assert_eq!(
                    ear.heard,
                    if is_new {
                        Heard::Read
                    } else {
                        Heard::Unchanged
                    }
                );
                told.extend(recovered);
                assert_eq!(short(&ear.read(&details(0, read_at))), [""; 0], "twice");
                for change in read_at..SHIFT.len() {
                    told.extend(ear.hear_change(change));
                }
                let how = format!("missed {from} to {to}, read at {read_at}");
                // A log-on that a later presence told first has that one's time.
                let ids = |keys: &mut dyn Iterator<Item = u128>| keys.collect::<BTreeSet<_>>();
                let told_ids = ids(&mut told.iter().map(|event| event.id.0));
                assert_eq!(told_ids.len(), told.len(), "{how}: twice");
                assert_eq!(told_ids, ids(&mut whole.iter().map(|key| key.0)), "{how}");
                assert!(told.iter().all(|event| event.id_exact), "{how}");
            }
        }
    }
}

#[test]
fn who_was_found_logged_on_is_not_told_again_to_have_logged_on() {
    let mut ear = Ear::new();
    assert_eq!(
        short(&ear.list_presence("On Queue", begins(8))),
        [
            "agent_presence ON_QUEUE snapshot",
            "agent_logged_on ON_QUEUE snapshot inexact"
        ]
    );
    let told = ear.read(&details(0, 9));
    assert_eq!(
        short(&told),
        [
            "agent_presence OFFLINE recovered",
            "agent_presence AVAILABLE recovered",
            "agent_logged_on AVAILABLE recovered",
            "agent_presence ON_QUEUE recovered",
            // Of the routing status nothing was known: the history tells it as the latest.
            "agent_ready IDLE recovered",
            "agent_busy INTERACTING recovered",
            "agent_presence OFFLINE recovered",
            "agent_logged_off OFFLINE recovered",
            "agent_not_ready OFF_QUEUE recovered",
            "agent_presence BREAK recovered",
        ]
    );
    assert_eq!(&*told[0].reason, "def-OFFLINE");
}

#[test]
fn a_history_that_is_none_tells_nothing() {
    let mut ear = Ear::new();
    for body in [
        "",
        "[]",
        "{}",
        r#"{"userId":"","primaryPresence":[]}"#,
        r#"{"userId":7}"#,
    ] {
        assert_eq!(short(&ear.read(body)), [""; 0]);
        assert_eq!(ear.heard, Heard::Unreadable, "{body}");
    }
    for body in [
        r#"{"userId":"ann"}"#,
        r#"{"userId":"ann","primaryPresence":null,"routingStatus":{}}"#,
        r#"{"userId":"ann","primaryPresence":[{"systemPresence":"AWAY"},{"startTime":"2027-01-15T08:00:01.000Z"}]}"#,
    ] {
        assert_eq!(short(&ear.read(body)), [""; 0]);
        assert_eq!(ear.heard, Heard::Unchanged, "{body}");
    }
}

/// An adapter that runs for months keeps no list of all that an agent ever did.
#[test]
fn what_is_long_past_counts_as_told() {
    let mut ear = Ear::new();
    for second in 1..50 {
        let word = if second % 2 == 0 {
            "IDLE"
        } else {
            "INTERACTING"
        };
        ear.hear(ROUTING, &routing(word, second));
    }
    let record = |second: u32| json!({"startTime": at(second), "routingStatus": "NOT_RESPONDING"});
    let mut half = record(45);
    half["startTime"] = json!("2027-01-15T08:00:45.500Z");
    let mut old = record(5);
    old["startTime"] = json!("2027-01-15T08:00:05.500Z");
    let body = json!({"userId": "ann", "routingStatus": [old, record(44), half]}).to_string();
    assert_eq!(
        short(&ear.read(&body)),
        ["agent_not_ready NOT_RESPONDING recovered"]
    );
}

fn lost(users: &[&str], from: u32, is_closed: bool) -> GapRecord {
    let from = UtcMicros::from_iso(&at(from)).unwrap();
    GapRecord {
        id: GapId(2),
        cause: GapCause::Lost,
        detail: "".into(),
        from,
        to: None,
        opened: from,
        closed: is_closed.then_some(from),
        users: users.iter().map(|id| (*id).into()).collect(),
        queues: [].into(),
        reads: 0,
        recovered: BTreeMap::new(),
        shortfalls: vec![],
    }
}

/// Analytics may be late by any time, and an agent may do much meanwhile.
#[test]
fn what_a_gap_may_hide_is_not_taken_for_told_however_much_was_told_since() {
    let shift = |ear: &mut Ear, seconds: std::ops::Range<u32>| {
        for second in seconds {
            let word = ["IDLE", "INTERACTING"][usize::try_from(second % 2).unwrap()];
            assert_eq!(ear.hear(ROUTING, &routing(word, second)).len(), 1);
        }
    };
    let hidden = json!({"userId": "ann", "routingStatus": [{"startTime": "2027-01-15T08:00:02.500Z",
        "routingStatus": "NOT_RESPONDING"}]});
    let hidden = hidden.to_string();
    // Of her, of another, and of one that is closed.
    for (user, is_closed, is_told) in [
        ("ann", false, true),
        ("bob", false, false),
        ("ann", true, false),
    ] {
        let mut ear = Ear::new();
        shift(&mut ear, 1..2);
        ear.calls.handle_gap(&lost(&[user], 2, false));
        shift(&mut ear, 3..50);
        if is_closed {
            ear.calls.handle_gap(&lost(&[user], 2, true));
        }
        let told = short(&ear.read(&hidden));
        let whole = ["agent_not_ready NOT_RESPONDING recovered"];
        assert_eq!(told, &whole[..usize::from(is_told)], "{user} {is_closed}");
        assert_eq!(short(&ear.read(&hidden)), [""; 0], "twice");
    }
}
