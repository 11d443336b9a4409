//! Bodies in, events out: the promises of this room, each as a story.

mod scenarios;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::drift::Radar;
use super::snapshot::{Decoded, Reading, SnapshotCache, Stamps, Unreadable};
use super::texts::Texts;
use super::topic::Shape;
use super::{AttributeRules, Calls, Heard, LINGERS_TERMINATED};
use crate::model::event::{Cause, ConnectionState, Event, EventKind, Flag, Source, Subject};
use crate::model::frame::Notification;
use crate::model::id::UserId;
use crate::model::order::SocketId;
use crate::model::roster::{PresenceRecord, Queue, RoutingStatusRecord, Station, User, UserRecord};
use crate::model::time::{Now, UtcMicros};

const NESTED: &str = "v2.users.ann.conversations";
const FLAT: &str = "v2.users.ann.conversations.calls";
const BEN: &str = "v2.users.ben.conversations";
const QUEUE: &str = "v2.routing.queues.sales.conversations";

/// A region's room with a clock that ticks once an input.
struct Ear {
    calls: Calls,
    now: Now,
}

impl Ear {
    fn new() -> Self {
        let mut ear = Self {
            calls: Calls::new(1 << 20),
            now: Now {
                elapsed: Duration::ZERO,
                utc: UtcMicros(1_800_000_060_000_000),
            },
        };
        ear.calls
            .handle_users(&[record("ann", "Ann"), record("ben", "Ben")], ear.now);
        ear.calls.handle_queues(&[Arc::new(Queue {
            id: "sales".into(),
            name: "Sales".into(),
        })]);
        ear
    }

    fn hear(&mut self, topic: &str, body: &str) -> Heard {
        self.now.elapsed += Duration::from_millis(10);
        self.now.utc.0 += 10_000;
        self.calls.handle_notification(
            SocketId(1),
            &Notification {
                topic,
                body,
                metadata: None,
            },
            self.now,
        )
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.calls.poll_event()).collect()
    }

    /// The events of a body, in short: kind, participant, source.
    fn told(&mut self, topic: &str, body: &Value) -> Vec<String> {
        self.hear(topic, &body.to_string());
        self.events().iter().map(short).collect()
    }
}

fn short(event: &Event) -> String {
    let who = match &event.subject {
        Subject::Connection(facts) => facts
            .participant
            .as_ref()
            .map_or("call", |id| id.as_str())
            .to_owned(),
        Subject::Agent { user, .. } => user.id.to_string(),
        other => format!("{other:?}"),
    };
    let source = match event.source {
        Source::Live => "",
        Source::Snapshot => " (snapshot)",
        Source::Recovered => " (recovered)",
        Source::Synthetic => " (synthetic)",
    };
    format!("{:?} {who}{source}", event.kind)
}

fn record(id: &str, name: &str) -> UserRecord {
    let user = User {
        id: id.into(),
        name: name.into(),
        email: format!("{id}@example.org").into(),
    };
    UserRecord {
        user: Arc::new(user),
        presence: None,
        routing_status: None,
        station: None,
    }
}

fn at(second: u32) -> String {
    format!("2027-01-15T08:00:{second:02}.000Z")
}

/// A participant with one call in the nested shape.
fn party(id: &str, purpose: &str, call: Value) -> Value {
    let mut call = call;
    call["id"] = json!(format!("{id}-call"));
    let mut party = json!({"id": id, "purpose": purpose, "calls": [call]});
    if purpose == "agent" {
        party["userId"] = json!(id.split('-').next().unwrap());
        party["queueId"] = json!("sales");
    }
    party
}

fn body(parties: &[Value]) -> Value {
    json!({"id": "conversation-1", "maxParticipants": 10, "participants": parties, "recordingState": "active"})
}

fn customer() -> Value {
    party(
        "customer",
        "customer",
        json!({"state": "connected", "initialState": "connected", "direction": "inbound",
        "connectedTime": at(1), "self": {"addressNormalized": "tel:+13175550100"}, "other": {"addressNormalized": "tel:+13175550199"},
        "provider": "Edge", "muted": false, "held": false, "confined": false}),
    )
}

fn agent(id: &str, state: &str, more: Value) -> Value {
    let mut call = json!({"state": state, "initialState": "alerting", "direction": "inbound", "muted": false, "held": false,
        "confined": false, "provider": "Edge", "peerId": "customer-call"});
    call.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    party(id, "agent", call)
}

fn gone(mut party: Value, second: u32, how: &str) -> Value {
    party["calls"][0]["state"] = json!("terminated");
    party["calls"][0]["disconnectedTime"] = json!(at(second));
    party["calls"][0]["disconnectType"] = json!(how);
    party
}

/// The flat body of the same conversation.
fn flat(nested: &Value) -> Value {
    let parties: Vec<Value> = (nested["participants"].as_array().unwrap().iter())
        .map(|party| {
            let call = &party["calls"][0];
            let mut flat = json!({"id": party["id"], "purpose": party["purpose"]});
            for member in [
                "state",
                "initialState",
                "direction",
                "disconnectType",
                "connectedTime",
                "startHoldTime",
                "held",
                "muted",
                "confined",
                "provider",
            ] {
                flat[member] = call[member].clone();
            }
            flat["endTime"] = call["disconnectedTime"].clone();
            flat["user"] = json!({"id": party["userId"]});
            flat["queue"] = json!({"id": party["queueId"], "name": "Sales"});
            flat
        })
        .collect();
    json!({"id": nested["id"], "participants": parties})
}

/// An inbound call from ringing to its end, as its bodies.
fn story() -> Vec<Value> {
    let connected = json!({"connectedTime": at(5)});
    let held = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(8)});
    let muted = json!({"connectedTime": at(5), "muted": true});
    vec![
        body(&[customer(), agent("ann", "alerting", json!({}))]),
        body(&[customer(), agent("ann", "connected", connected.clone())]),
        body(&[customer(), agent("ann", "connected", held)]),
        body(&[customer(), agent("ann", "connected", connected.clone())]),
        body(&[customer(), agent("ann", "connected", muted)]),
        body(&[customer(), agent("ann", "connected", connected.clone())]),
        body(&[
            customer(),
            gone(agent("ann", "connected", connected.clone()), 20, "client"),
        ]),
        body(&[
            gone(customer(), 21, "peer"),
            gone(agent("ann", "connected", connected), 20, "client"),
        ]),
    ]
}

#[test]
fn a_call_is_told_from_ringing_to_its_end() {
    let mut ear = Ear::new();
    let told: Vec<Vec<String>> = story().iter().map(|body| ear.told(NESTED, body)).collect();
    assert_eq!(
        told,
        [
            vec![
                "CallCreated call (snapshot)",
                "Established customer (snapshot)",
                "Delivered ann"
            ],
            vec!["Established ann"],
            vec!["Held ann"],
            vec!["Retrieved ann"],
            vec!["Muted ann"],
            vec!["Unmuted ann"],
            vec!["ConnectionCleared ann"],
            vec![
                "ConnectionCleared customer",
                "CallCleared call",
                "CallTerminated call"
            ],
        ]
    );
    assert_eq!(ear.calls.open_conversations(), 0);
    // It stays for a moment, in case a wrap-up is corrected.
    ear.now.elapsed += LINGERS_TERMINATED;
    ear.calls.handle_timeout(ear.now);
    assert_eq!(
        (ear.calls.open_conversations(), ear.calls.snapshot_bytes()),
        (0, 0)
    );
}

#[test]
fn an_event_carries_the_facts_of_its_connection() {
    let mut ear = Ear::new();
    let mut events = Vec::new();
    for body in story() {
        ear.hear(NESTED, &body.to_string());
        events.extend(ear.events());
    }
    let held = events
        .iter()
        .find(|event| event.kind == EventKind::Held)
        .unwrap();
    assert_eq!(held.platform_time, UtcMicros::from_iso(&at(8)));
    assert_eq!(
        (held.state, held.previous),
        (ConnectionState::Hold, ConnectionState::Connected)
    );
    assert_eq!(
        (held.held, held.muted, held.secure_pause),
        (Flag::Yes, Flag::No, Flag::Unknown)
    );
    let Subject::Connection(facts) = &held.subject else {
        panic!("a connection")
    };
    assert_eq!(facts.conversation.as_str(), "conversation-1");
    assert_eq!(facts.communication.as_ref().unwrap().as_str(), "ann-call");
    assert_eq!(facts.peer.as_ref().unwrap().as_str(), "customer-call");
    assert_eq!(
        (
            &*facts.user.as_ref().unwrap().name,
            &*facts.queue.as_ref().unwrap().name
        ),
        ("Ann", "Sales")
    );
    let cleared: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::ConnectionCleared)
        .collect();
    assert_eq!(
        (cleared[0].cause, &*cleared[0].raw),
        (Cause::NormalClearing, "client")
    );
    assert_eq!(
        (cleared[1].cause, &*cleared[1].raw),
        (Cause::NormalClearing, "peer")
    );
    let Subject::Connection(facts) = &cleared[1].subject else {
        panic!("a connection")
    };
    assert_eq!(
        (&*facts.ani, &*facts.dnis, &*facts.provider),
        ("tel:+13175550100", "tel:+13175550199", "Edge")
    );
}

fn ids(events: &[Event]) -> BTreeSet<(EventKind, u128)> {
    events
        .iter()
        .map(|event| (event.kind, event.id.0))
        .collect()
}

/// Three topics show the same call, each in its order; whatever the interleaving, the same facts are told once each.
#[test]
fn any_interleaving_of_topics_tells_the_same_facts_once() {
    let bodies = story();
    let mut alone = Ear::new();
    let mut expected = Vec::new();
    for body in &bodies {
        alone.hear(NESTED, &body.to_string());
        expected.extend(alone.events());
    }
    for seed in 1..400u64 {
        let mut random = Random(seed);
        let mut ear = Ear::new();
        let mut heard = Vec::new();
        let topics = [NESTED, FLAT, QUEUE];
        let mut next = [0; 3];
        // All three show the first body first: where a topic begins later is another story.
        while next.iter().any(|next| *next < bodies.len()) {
            let topic = if next.contains(&0) {
                next.iter().position(|next| *next == 0).unwrap()
            } else {
                random.below(3)
            };
            let Some(body) = bodies.get(next[topic]) else {
                continue;
            };
            next[topic] += 1;
            let text = if topic == 1 {
                flat(body).to_string()
            } else {
                body.to_string()
            };
            for _ in 0..=random.below(2) {
                ear.hear(topics[topic], &text);
            }
            heard.extend(ear.events());
        }
        assert_eq!(ids(&heard), ids(&expected), "seed {seed}");
        assert_eq!(
            heard.len(),
            expected.len(),
            "a fact was told twice, seed {seed}"
        );
    }
}

#[test]
fn either_shape_alone_tells_the_call() {
    let mut ear = Ear::new();
    let told: Vec<String> = story()
        .iter()
        .flat_map(|body| ear.told(FLAT, &flat(body)))
        .collect();
    let mut other = Ear::new();
    let nested: Vec<String> = story()
        .iter()
        .flat_map(|body| other.told(NESTED, body))
        .collect();
    assert_eq!(told, nested);
}

#[test]
fn a_call_first_seen_in_progress_is_a_snapshot() {
    let mut ear = Ear::new();
    let held = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(8), "muted": true});
    let offer = gone(
        agent("ben-1", "terminated", json!({})),
        4,
        "transfer.noanswer",
    );
    assert_eq!(
        ear.told(
            NESTED,
            &body(&[customer(), offer, agent("ann", "connected", held)])
        ),
        [
            "CallCreated call (snapshot)",
            "Established customer (snapshot)",
            "Delivered ben-1 (snapshot)",
            "Diverted ben-1 (snapshot)",
            "ConnectionCleared ben-1 (snapshot)",
            "Delivered ann (snapshot)",
            "Established ann (snapshot)",
            "Held ann (snapshot)",
            "Muted ann (snapshot)",
        ]
    );
}

#[test]
fn steps_that_no_body_showed_are_told_with_the_next() {
    let mut ear = Ear::new();
    ear.told(NESTED, &body(&[customer()]));
    let over = gone(
        agent("ann", "connected", json!({"connectedTime": at(5)})),
        9,
        "endpoint",
    );
    assert_eq!(
        ear.told(NESTED, &body(&[customer(), over])),
        [
            "Delivered ann (snapshot)",
            "Established ann (snapshot)",
            "ConnectionCleared ann"
        ]
    );
}

#[test]
fn after_call_work_does_not_keep_a_leg_open() {
    let mut ear = Ear::new();
    ear.told(NESTED, &story()[1]);
    let mut working = agent(
        "ann",
        "connected",
        json!({"connectedTime": at(5), "disconnectedTime": at(9), "disconnectType": "peer"}),
    );
    working["calls"][0]["afterCallWork"] = json!({"state": "pending", "startTime": at(9)});
    assert_eq!(
        ear.told(NESTED, &body(&[customer(), working])),
        ["ConnectionCleared ann", "AfterCallWorkStarted ann"]
    );
}

#[test]
fn a_topic_that_goes_back_changes_nothing() {
    let mut ear = Ear::new();
    let bodies = story();
    for body in &bodies[..7] {
        ear.told(NESTED, body);
    }
    for old in &bodies[..6] {
        assert_eq!(ear.hear(NESTED, &old.to_string()), Heard::Stale);
        assert_eq!(ear.events(), []);
    }
    assert_eq!(
        ear.told(NESTED, &bodies[7]),
        [
            "ConnectionCleared customer",
            "CallCleared call",
            "CallTerminated call"
        ]
    );
}

#[test]
fn a_late_body_never_reopens_an_ended_call() {
    let mut ear = Ear::new();
    for body in story() {
        ear.told(NESTED, &body);
    }
    for body in story() {
        assert_eq!(ear.told(NESTED, &body), [""; 0]);
        assert_eq!(ear.told(FLAT, &flat(&body)), [""; 0]);
        assert_eq!(ear.told(BEN, &body), [""; 0]);
    }
    assert_eq!(ear.calls.open_conversations(), 0);
    // A leg that was never told is no late news: the call goes on, and is cleared a second time under another id.
    let mut first = Ear::new();
    let cleared = |events: &[Event]| {
        events
            .iter()
            .find(|event| event.kind == EventKind::CallCleared)
            .map(|event| event.id)
    };
    let mut events = Vec::new();
    for body in story() {
        first.hear(NESTED, &body.to_string());
        events.extend(first.events());
    }
    let mut bodies = story().pop().unwrap();
    bodies["participants"]
        .as_array_mut()
        .unwrap()
        .push(agent("ben", "alerting", json!({})));
    assert_eq!(first.told(NESTED, &bodies), ["Delivered ben"]);
    bodies["participants"][2] = gone(agent("ben", "terminated", json!({})), 40, "timeout");
    first.hear(NESTED, &bodies.to_string());
    let again = first.events();
    assert!(cleared(&again).is_some() && cleared(&again) != cleared(&events));
}

#[test]
fn a_day_later_the_grave_is_gone() {
    let mut ear = Ear::new();
    for body in story() {
        ear.told(NESTED, &body);
    }
    ear.now.elapsed += LINGERS_TERMINATED;
    ear.calls.handle_timeout(ear.now);
    ear.now.elapsed += Duration::from_secs(23 * 3600);
    ear.calls.handle_timeout(ear.now);
    assert_eq!(ear.told(NESTED, &story()[0]), [""; 0]);
    ear.now.elapsed += Duration::from_secs(2 * 3600);
    ear.calls.handle_timeout(ear.now);
    assert_ne!(ear.told(NESTED, &story()[0]), [""; 0]);
}

#[test]
fn three_offers_to_the_same_agent_are_three_connections() {
    let mut ear = Ear::new();
    let offer = |n: u32| {
        gone(
            agent(&format!("ann-{n}"), "terminated", json!({})),
            n,
            "client",
        )
    };
    let alerting = |n: u32| agent(&format!("ann-{n}"), "alerting", json!({}));
    assert_eq!(
        ear.told(QUEUE, &body(&[customer(), alerting(1)])),
        [
            "CallCreated call (snapshot)",
            "Established customer (snapshot)",
            "Delivered ann-1"
        ]
    );
    assert_eq!(
        ear.told(QUEUE, &body(&[customer(), offer(1)])),
        ["Diverted ann-1", "ConnectionCleared ann-1"]
    );
    assert_eq!(
        ear.told(QUEUE, &body(&[customer(), offer(1), alerting(2)])),
        ["Delivered ann-2"]
    );
    assert_eq!(
        ear.told(QUEUE, &body(&[customer(), offer(1), offer(2), alerting(3)])),
        [
            "Diverted ann-2",
            "ConnectionCleared ann-2",
            "Delivered ann-3"
        ]
    );
}

#[test]
fn a_second_hold_is_told_even_if_the_end_of_the_first_was_not_shown() {
    let mut ear = Ear::new();
    let held = |second: u32| {
        body(&[
            customer(),
            agent(
                "ann",
                "connected",
                json!({"connectedTime": at(5), "held": true, "startHoldTime": at(second)}),
            ),
        ])
    };
    ear.told(NESTED, &story()[1]);
    assert_eq!(ear.told(NESTED, &held(8)), ["Held ann"]);
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    assert_eq!(
        ear.told(NESTED, &held(12)),
        ["Retrieved ann (snapshot)", "Held ann"]
    );
}

#[test]
fn what_is_not_a_call_is_not_followed() {
    let mut ear = Ear::new();
    let chat = json!({"id": "c", "participants": [{"id": "p", "purpose": "customer", "chats": [{"state": "connected"}], "calls": []}]});
    assert_eq!(ear.hear(NESTED, &chat.to_string()), Heard::Irrelevant);
    assert_eq!(ear.hear("v2.users.ann.tokens", "{}"), Heard::NotFollowed);
    assert_eq!(ear.events(), []);
}

#[test]
fn what_cannot_be_read_is_said_so_and_the_feed_goes_on() {
    let mut ear = Ear::new();
    ear.told(NESTED, &story()[0]);
    for junk in [
        "",
        "null",
        "7",
        "[]",
        "{",
        "{}",
        r#"{"id":7,"participants":[]}"#,
        r#"{"id":"x","participants":[{}]}"#,
        r#"{"id":"x","participants":7}"#,
        r#"{"id":"conversation-1","maxParticipants":10,"participants":[{"#,
        r#"{"id":"x","participants":[]} x"#,
        r#"{"id":"x","id":"y","participants":[]}"#,
    ] {
        assert_eq!(ear.hear(NESTED, junk), Heard::Unreadable, "{junk}");
        assert_eq!(ear.events(), []);
    }
    for topic in [
        "v2.users.ann.presence",
        "v2.users.ann.routingStatus",
        "v2.users.ann.station",
    ] {
        assert_eq!(ear.hear(topic, r#"{"#), Heard::Unreadable);
        assert_eq!(ear.hear(topic, r#"[7]"#), Heard::Unreadable);
    }
    assert_eq!(ear.told(NESTED, &story()[1]), ["Established ann"]);
}

#[test]
fn words_that_are_new_to_us_are_no_errors() {
    let mut ear = Ear::new();
    let strange = agent(
        "ann",
        "teleporting",
        json!({"initialState": "beaming", "direction": "sideways", "brandNew": {"a": [1, 2]}}),
    );
    assert_eq!(
        ear.told(NESTED, &body(&[customer(), strange])),
        [
            "CallCreated call (snapshot)",
            "Established customer (snapshot)"
        ]
    );
    ear.hear(
        NESTED,
        &body(&[
            customer(),
            gone(agent("ann", "terminated", json!({})), 9, "evaporated"),
        ])
        .to_string(),
    );
    let cleared = ear.events().pop().unwrap();
    assert_eq!(
        (cleared.kind, cleared.cause, &*cleared.raw),
        (EventKind::ConnectionCleared, Cause::Unknown, "evaporated")
    );
}

#[test]
fn a_callback_that_waits_keeps_the_call_open() {
    let mut ear = Ear::new();
    let mut waiting = gone(customer(), 9, "client");
    waiting["callbacks"] = json!([{"state": "scheduled"}]);
    assert_eq!(
        ear.told(QUEUE, &body(&[waiting.clone()])),
        [
            "CallCreated call (snapshot)",
            "Established customer (snapshot)",
            "ConnectionCleared customer (snapshot)",
            "CallbackScheduled customer (snapshot)"
        ]
    );
    waiting["endTime"] = json!(at(30));
    assert_eq!(
        ear.told(QUEUE, &body(&[waiting])),
        [
            "CallbackCleared customer",
            "CallCleared call",
            "CallTerminated call"
        ]
    );
}

#[test]
fn presence_and_routing_status_are_told_by_their_times() {
    let mut ear = Ear::new();
    let presence = |word: &str, second: u32| json!({"source": "PURECLOUD", "presenceDefinition": {"id": "def", "systemPresence": word}, "modifiedDate": at(second)});
    let topic = "v2.users.ann.presence";
    assert_eq!(
        ear.told(topic, &presence("AVAILABLE", 3)),
        ["AgentPresence ann", "AgentLoggedOn ann"]
    );
    assert_eq!(
        ear.told(topic, &presence("AVAILABLE", 3)),
        [""; 0],
        "a repeat"
    );
    assert_eq!(ear.told(topic, &presence("BUSY", 2)), [""; 0], "a late one");
    ear.hear(topic, &presence("ON_QUEUE", 4).to_string());
    let event = ear.events().pop().unwrap();
    assert_eq!(
        (&*event.raw, &*event.reason, event.id_exact),
        ("ON_QUEUE", "def", true)
    );
    let status = json!({"id": "ann", "routingStatus": {"status": "IDLE", "startTime": at(4)}});
    assert_eq!(
        ear.told("v2.users.ann.routingStatus", &status),
        ["AgentReady ann"]
    );
    assert_eq!(ear.told("v2.users.ann.routingstatus", &status), [""; 0]);

    // The roster's spelling and the topic's are one fact.
    let mut other = Ear::new();
    let mut row = record("ann", "Ann");
    row.presence = Some(PresenceRecord {
        system_presence: "On Queue".into(),
        definition_id: "def".into(),
        modified: UtcMicros::from_iso(&at(4)),
    });
    row.routing_status = Some(RoutingStatusRecord {
        status: "IDLE".into(),
        start: UtcMicros::from_iso(&at(4)),
    });
    let now = other.now;
    other.calls.handle_users(&[row], now);
    let told = other.events();
    assert_eq!(
        told.iter().map(short).collect::<Vec<_>>(),
        [
            "AgentPresence ann (snapshot)",
            "AgentLoggedOn ann (snapshot)",
            "AgentReady ann (snapshot)"
        ]
    );
    assert_eq!((told[0].id, &*told[0].raw), (event.id, "ON_QUEUE"));
}

#[test]
fn stations_are_associated_and_left() {
    let mut ear = Ear::new();
    let topic = "v2.users.ann.station";
    let desk = |id: &str| json!({"associatedStation": {"id": id, "name": format!("Desk {id}")}});
    assert_eq!(ear.told(topic, &desk("1")), ["StationAssociated ann"]);
    assert_eq!(ear.told(topic, &desk("1")), [""; 0]);
    assert_eq!(
        ear.told(topic, &desk("2")),
        ["StationLeft ann", "StationAssociated ann"]
    );
    let metadata = r#"{"CorrelationId":"c","action":"Disassociated"}"#;
    let body = desk("2").to_string();
    ear.calls.handle_notification(
        SocketId(1),
        &Notification {
            topic,
            body: &body,
            metadata: Some(metadata),
        },
        ear.now,
    );
    assert_eq!(
        ear.events().iter().map(short).collect::<Vec<_>>(),
        ["StationLeft ann"]
    );
    assert_eq!(ear.told(topic, &json!({})), [""; 0]);
    // A list that was made earlier does not undo what a topic told; the first of a user that no topic told does.
    let station = Station {
        id: "9".into(),
        name: "Desk 9".into(),
        kind: "inin_remote".into(),
        extension: "".into(),
    };
    let (mut ann, mut ben) = (record("ann", "Ann"), record("ben", "Ben"));
    ann.station = Some(Some(Arc::new(station.clone())));
    ben.station = Some(Some(Arc::new(station)));
    ear.calls.handle_users(&[ann, ben], ear.now);
    assert_eq!(
        ear.events().iter().map(short).collect::<Vec<_>>(),
        ["StationAssociated ben (snapshot)"]
    );
}

#[test]
fn users_that_the_roster_does_not_name_go_by_their_ids() {
    let mut ear = Ear::new();
    let mut stranger = agent("zoe", "alerting", json!({}));
    stranger["name"] = json!("Zoe Z.");
    ear.hear(QUEUE, &body(&[customer(), stranger]).to_string());
    let Subject::Connection(facts) = ear.events().pop().unwrap().subject else {
        panic!("a connection")
    };
    assert_eq!(
        (
            facts.user.as_ref().unwrap().id.clone(),
            &*facts.user.as_ref().unwrap().name
        ),
        (UserId::from("zoe"), "Zoe Z.")
    );
}

/// A seeded generator (xorshift64*), so that a failure names what repeats it.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// Reading what changed gives what reading the whole gives, whatever changed.
#[test]
fn an_update_reads_what_a_whole_read_reads() {
    for (shape, seeds) in [(Shape::Nested, 1..60u64), (Shape::Flat, 60..120)] {
        for seed in seeds {
            let mut random = Random(seed);
            let mut kept = SnapshotCache::new(1 << 20);
            let mut parties: Vec<Value> = Vec::new();
            let mut head = 0;
            for step in 0..60 {
                match random.below(9) {
                    0 | 1 => parties.insert(
                        random.below(parties.len() + 1),
                        agent(&format!("p{step}"), "alerting", json!({"n": step})),
                    ),
                    2 if !parties.is_empty() => drop(parties.remove(random.below(parties.len()))),
                    3 if parties.len() > 1 => {
                        let at = random.below(parties.len() - 1);
                        parties.swap(at, at + 1);
                    }
                    4 => head += 1,
                    5 | 6 if !parties.is_empty() => {
                        let at = random.below(parties.len());
                        let state = ["alerting", "connected", "terminated"][random.below(3)];
                        parties[at]["calls"][0]["state"] = json!(state);
                        parties[at]["calls"][0]["connectedTime"] =
                            json!(at_or_null(random.below(3)));
                    }
                    7 if !parties.is_empty() => {
                        // Text that looks like structure.
                        let at = random.below(parties.len());
                        parties[at]["name"] = json!(
                            ["]", "}", "],\"id\":\"x\"", "{\"id\":\"q\"},", "é\\\"]"]
                                [random.below(5)]
                        );
                    }
                    _ => {}
                }
                let mut value =
                    json!({"id": "c", "maxParticipants": head, "participants": parties});
                if shape == Shape::Flat {
                    value = flat(&value);
                    value["zz"] = json!(head);
                }
                let text = if random.below(4) == 0 {
                    serde_json::to_string_pretty(&value).unwrap()
                } else {
                    value.to_string()
                };
                let mut fresh = SnapshotCache::new(1 << 20);
                let expected = read(&mut fresh, &text, shape);
                assert_eq!(
                    read(&mut kept, &text, shape),
                    expected,
                    "seed {seed}, step {step}, {text}"
                );
                assert!(matches!(
                    decode(&mut kept, &text, shape),
                    Ok(Decoded::Unchanged(_))
                ));
                // A text that is cut off or damaged is refused, or read as a whole read would read it.
                let mut damaged = text.clone().into_bytes();
                let at = random.below(damaged.len());
                damaged[at] = b"{}[],:\" x"[random.below(9)];
                if let Ok(damaged) = String::from_utf8(damaged) {
                    let mut fresh = SnapshotCache::new(1 << 20);
                    assert_eq!(
                        read(&mut kept, &damaged, shape),
                        read(&mut fresh, &damaged, shape),
                        "seed {seed}: {damaged}"
                    );
                }
            }
        }
    }
}

fn at_or_null(second: usize) -> Value {
    if second == 0 {
        Value::Null
    } else {
        json!(at(u32::try_from(second).unwrap()))
    }
}

fn decode<'c>(
    cache: &'c mut SnapshotCache,
    text: &str,
    shape: Shape,
) -> Result<Decoded<'c>, Unreadable> {
    let reading = &mut Reading {
        rules: &AttributeRules::default(),
        radar: &mut Radar::default(),
        // As if each body were read by a room of its own: what is the same keeps its stamp all the same.
        stamps: &mut Stamps::default(),
        texts: &mut Texts::default(),
    };
    cache.decode(text, shape, reading)
}

fn read(cache: &mut SnapshotCache, text: &str, shape: Shape) -> Option<Vec<super::party::Party>> {
    match decode(cache, text, shape) {
        Ok(Decoded::Changed(snapshot) | Decoded::Unchanged(snapshot)) => {
            Some(snapshot.parties().cloned().collect())
        }
        Err(_) => None,
    }
}

#[test]
fn the_cache_stays_within_its_limit() {
    let mut cache = SnapshotCache::new(20_000);
    let text = |n: usize| {
        body(&vec![customer(); 4])
            .to_string()
            .replace("conversation-1", &format!("conversation-{n}"))
    };
    for n in 0..500 {
        assert!(matches!(
            decode(&mut cache, &text(n % 70), Shape::Nested),
            Ok(Decoded::Changed(_) | Decoded::Unchanged(_))
        ));
        assert!(cache.bytes() <= 20_000, "{}", cache.bytes());
    }
    // One body larger than the limit is still read, and the next one too.
    let mut whole = SnapshotCache::new(usize::MAX);
    assert!(decode(&mut whole, &text(1), Shape::Flat).is_ok());
    let mut tiny = SnapshotCache::new(10);
    for n in [1, 2, 1] {
        assert!(decode(&mut tiny, &text(n), Shape::Flat).is_ok());
    }
    assert_eq!(
        tiny.bytes(),
        whole.bytes(),
        "one is kept, what was read of it too"
    );
    assert!(whole.bytes() > text(1).len());
}

#[test]
fn a_body_that_comes_again_is_read_though_the_cache_is_full() {
    let body = body(&[customer()]).to_string();
    let mut cache = SnapshotCache::new(1);
    for _ in 0..4 {
        let read = decode(&mut cache, &body, Shape::Nested).map(drop);
        assert_eq!(read, Ok(()));
        cache.forget(&"conversation-1".into());
    }
}

#[test]
fn the_cache_stays_within_its_limit_when_its_texts_grow() {
    let mut cache = SnapshotCache::new(20_000);
    for length in [100, 9_000] {
        for number in 0..10 {
            let name = "x".repeat(length);
            let body = json!({"id": format!("conversation-{number}"), "participants": [{"id": "p", "name": name, "calls": []}]});
            assert!(decode(&mut cache, &body.to_string(), Shape::Nested).is_ok());
        }
    }
    assert!(cache.bytes() <= 20_000, "{}", cache.bytes());
}

/// What a lost socket did not bring is told with the first body after it, if that body says it.
#[test]
fn a_hold_that_ended_while_the_socket_was_lost_is_ended() {
    let mut ear = Ear::new();
    let story = story();
    for body in &story[..3] {
        ear.told(NESTED, body);
    }
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    assert_eq!(ear.told(NESTED, &story[3]), ["Retrieved ann"]);
    assert_eq!(ear.told(FLAT, &flat(&story[3])), Vec::<String>::new());
}

#[test]
fn a_hold_that_began_while_the_socket_was_lost_is_told_after_the_end_of_the_one_before() {
    let mut ear = Ear::new();
    let story = story();
    for body in &story[..3] {
        ear.told(NESTED, body);
    }
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    let again = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(11)});
    let again = body(&[customer(), agent("ann", "connected", again)]);
    assert_eq!(
        ear.told(NESTED, &again),
        ["Retrieved ann (snapshot)", "Held ann"]
    );
}

#[test]
fn the_end_of_a_hold_on_a_topic_that_lags_does_not_end_the_next_hold() {
    let mut ear = Ear::new();
    let mut story = story();
    story.truncate(4);
    let again = json!({"connectedTime": at(5), "held": true, "startHoldTime": at(11)});
    story.push(body(&[customer(), agent("ann", "connected", again)]));
    for body in &story {
        ear.told(NESTED, body);
    }
    for body in &story {
        assert_eq!(ear.told(FLAT, &flat(body)), Vec::<String>::new());
    }
    assert_eq!(ear.told(FLAT, &flat(&story[3])), ["Retrieved ann"]);
    assert_eq!(ear.told(NESTED, &story[3]), Vec::<String>::new());
}

/// Both topics of a user begin anew after a socket was lost; one of them is two changes behind the other.
#[test]
fn a_topic_that_lags_after_a_lost_socket_unmutes_nobody() {
    let mut ear = Ear::new();
    let story = story();
    for body in &story[..4] {
        ear.told(NESTED, body);
        ear.told(FLAT, &flat(body));
    }
    ear.calls
        .handle_interruption(SocketId(1), &["ann".into()], &[], ear.now);
    let mut other = story[3].clone();
    other["participants"][1]["attributes"] = json!({"a": "b"});
    for body in [&other, &story[4], &story[3]] {
        ear.told(NESTED, body);
    }
    for body in [&other, &story[4], &story[3]] {
        assert_eq!(ear.told(FLAT, &flat(body)), Vec::<String>::new());
    }
    assert_eq!(ear.told(FLAT, &flat(&story[4])), ["Muted ann"]);
    assert_eq!(ear.told(NESTED, &story[4]), Vec::<String>::new());
}

/// The flat shape does not show callbacks: what the nested one told of them holds.
#[test]
fn a_callback_that_waits_keeps_the_call_open_on_every_topic() {
    let mut ear = Ear::new();
    let mut parts = [gone(customer(), 9, "peer")];
    parts[0]["callbacks"] = json!([{"id": "callback-1"}]);
    let open = body(&parts);
    ear.told(NESTED, &open);
    assert_eq!(ear.told(FLAT, &flat(&open)), Vec::<String>::new());
    parts[0]["endTime"] = json!(at(30));
    assert_eq!(
        ear.told(NESTED, &body(&parts)),
        ["CallCleared call", "CallTerminated call"]
    );
}

#[test]
fn a_user_who_leaves_the_roster_and_comes_back_is_not_told_twice() {
    let mut ear = Ear::new();
    let station = |id: &str| {
        Arc::new(Station {
            id: id.into(),
            name: id.into(),
            kind: "".into(),
            extension: "".into(),
        })
    };
    let mut ann = record("ann", "Ann");
    ann.presence = Some(PresenceRecord {
        system_presence: "Available".into(),
        definition_id: "d".into(),
        modified: UtcMicros::from_iso(&at(1)),
    });
    ann.station = Some(Some(station("desk-1")));
    ear.calls.handle_users(&[ann.clone()], ear.now);
    let before: BTreeSet<_> = ear.events().iter().map(|event| event.id).collect();
    assert_eq!(before.len(), 3);
    ear.calls.handle_users_removed(&[UserId::from("ann")]);
    ear.calls.handle_users(&[ann.clone()], ear.now);
    assert_eq!(
        ear.events().iter().map(short).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    // What changed while nobody looked is told.
    ear.calls.handle_users_removed(&[UserId::from("ann")]);
    ann.station = Some(Some(station("desk-2")));
    ear.calls.handle_users(&[ann], ear.now);
    let after = ear.events();
    assert_eq!(
        after.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [EventKind::StationLeft, EventKind::StationAssociated]
    );
    assert!(after.iter().all(|event| !before.contains(&event.id)));
}

#[test]
fn live_conversations_are_named_newest_first_with_whom_they_concern() {
    let mut ear = Ear::new();
    let story = story();
    ear.told(NESTED, &story[0]);
    ear.told(QUEUE, &story[1]);
    let mut second = story[1].clone();
    second["id"] = json!("c-2");
    ear.told(BEN, &second);
    let live = ear.calls.live_conversations();
    let ids: Vec<&str> = live.iter().map(|live| live.id.as_str()).collect();
    assert_eq!(ids, ["c-2", story[0]["id"].as_str().unwrap()]);
    // On whose topics it came, and who takes part.
    assert_eq!(live[0].users, ["ann", "ben"].map(UserId::from));
    assert_eq!(live[1].users, ["ann"].map(UserId::from));
    assert_eq!(live[1].queues, ["sales".into()]);
    for body in &story {
        ear.told(NESTED, body);
    }
    let live = ear.calls.live_conversations();
    assert_eq!(live.len(), 1, "one is over: {live:?}");
}
