//! What is new to this version is found, told once, and told without anything that is somebody's.

use serde_json::json;

use super::*;
use crate::calls::{Calls, Heard};
use crate::model::event::Source;
use crate::model::frame::Notification;
use crate::model::order::SocketId;
use crate::model::time::{Now, UtcMicros};

const NESTED: &str = "v2.users.ann.conversations";
const NOW: Now = Now {
    elapsed: std::time::Duration::from_secs(1),
    utc: UtcMicros(1_800_000_060_000_000),
};

fn hear(calls: &mut Calls, topic: &str, body: &serde_json::Value) -> Heard {
    let body = &body.to_string();
    let metadata = None;
    let notification = Notification {
        topic,
        body,
        metadata,
    };
    calls.handle_notification(SocketId(1), &notification, NOW)
}

fn findings(calls: &mut Calls) -> Vec<String> {
    std::iter::from_fn(|| calls.poll_finding())
        .map(|finding| finding.to_string())
        .collect()
}

fn found(radar: &mut Radar) -> Vec<String> {
    std::iter::from_fn(|| radar.poll())
        .map(|finding| finding.name)
        .collect()
}

#[test]
fn each_new_word_is_told_once_with_its_place() {
    let mut calls = Calls::new(1 << 20);
    for n in 0..3 {
        let call = |id: &str| {
            json!({"id": id, "state": "beamed", "initialState": "beamed", "direction": "sideways",
                "disconnectType": "transfer.elsewhere", "recordingState": "rewound"})
        };
        let body = json!({"id": format!("c{n}"), "recordingState": "ACTIVE", "participants": [
            {"id": "p", "purpose": "robot", "calls": [call("a"), call("b")]},
            {"id": "q", "purpose": "agent", "callbacks": [{"id": "x", "state": "parked", "initialState": "beamed"}]},
        ]});
        assert_eq!(hear(&mut calls, NESTED, &body), Heard::Read);
    }
    let expected = [
        "a word of participant.purpose is new to this version: robot",
        "a word of call.direction is new to this version: sideways",
        "a word of call.disconnectType is new to this version: transfer.elsewhere",
        "a word of call.initialState is new to this version: beamed",
        "a word of call.state is new to this version: beamed",
        "a word of call.recordingState is new to this version: rewound",
        "a word of callback.initialState is new to this version: beamed",
    ];
    let mut told = findings(&mut calls);
    told.sort_by_key(|told| expected.iter().position(|expected| expected == told));
    assert_eq!(told, expected);
}

#[test]
fn words_of_the_flat_shape_and_of_analytics_are_told_too() {
    let mut calls = Calls::new(1 << 20);
    let flat =
        json!({"id": "c", "participants": [{"id": "p", "purpose": "agent", "state": "beamed"}]});
    hear(&mut calls, "v2.users.ann.conversations.calls", &flat);
    assert_eq!(
        findings(&mut calls),
        ["a word of participant.state is new to this version: beamed"]
    );
    let details = json!({"conversationId": "d", "participants": [{"participantId": "p", "purpose": "agent", "sessions": [
    {"mediaType": "voice", "sessionId": "s", "direction": "inbound", "segments": [
        {"segmentType": "interact", "disconnectType": "consultTransfer"},
        {"segmentType": "interact", "disconnectType": "beamed"},
    ]}]}]});
    calls.handle_analytics_details(&details.to_string(), Source::Recovered, NOW);
    assert_eq!(
        findings(&mut calls),
        ["a word of segment.disconnectType is new to this version: beamed"]
    );
}

#[test]
fn members_are_told_with_the_object_that_has_them() {
    let mut calls = Calls::new(1 << 20);
    let body = json!({"id": "c", "mood": 1, "participants": [
        {"id": "p", "purpose": "agent", "shoes": {"size": 44}, "attributes": {"her own key": "x"},
            "chats": [{"whatever": 1}],
            "calls": [{"id": "a", "state": "connected", "self": {"colour": "red"}, "wrapup": null,
                "errorInfo": {"messageParams": {"a key": "x"}, "errors": [{"depth": 1}]}}]}]});
    hear(&mut calls, NESTED, &body);
    assert_eq!(
        findings(&mut calls),
        [
            "a member of conversation is new to this version: mood",
            "a member of participant is new to this version: shoes",
            "a member of address is new to this version: colour",
            "a member of errorInfo is new to this version: depth",
        ]
    );
}

#[test]
fn of_the_bodies_of_a_kind_the_first_and_every_256th_is_looked_through() {
    let mut radar = Radar::default();
    for kind in [Body::Nested, Body::Presence] {
        for n in 0..=520 {
            radar.body(kind, &json!({ format!("member{n}"): 1 }).to_string());
        }
        assert_eq!(
            found(&mut radar),
            ["member0", "member256", "member512"],
            "{kind:?}"
        );
    }
}

#[test]
fn the_same_text_again_is_no_body_to_look_through() {
    let mut calls = Calls::new(1 << 20);
    let body = |mood: &str| json!({"id": "c", "participants": [{"id": "p", "calls": [{"id": "a", "state": "connected"}]}], mood: 1});
    for _ in 0..ONE_IN {
        hear(&mut calls, NESTED, &body("first"));
    }
    hear(&mut calls, NESTED, &body("second"));
    assert_eq!(
        findings(&mut calls),
        ["a member of conversation is new to this version: first"]
    );
}

#[test]
fn no_more_are_told_apart_than_anybody_reads() {
    let mut radar = Radar::default();
    for n in 0..200 {
        radar.word("call.state", &format!("word{n}"), |_| None::<()>);
    }
    assert_eq!(found(&mut radar).len(), MOST);
    assert_eq!(radar.found.len(), MOST);
    radar.body(Body::Nested, r#"{"mood":1}"#);
    assert_eq!(
        found(&mut radar),
        ["mood"],
        "members have a room of their own"
    );
}

#[test]
fn what_does_not_look_like_a_word_is_not_repeated() {
    let mut radar = Radar::default();
    let long = "a".repeat(LONGEST_WORD + 1);
    for text in [
        "Ann Smith",
        "+4930123456",
        "4930123456",
        "jürgen",
        "ann@example.org",
        &long,
    ] {
        radar.word("call.state", text, |_| None::<()>);
        let told = found(&mut radar);
        assert_eq!(told.len(), 1, "{text}");
        assert_eq!(
            told[0],
            format!("(a text of {} characters)", text.chars().count())
        );
        radar.found.clear();
    }
    radar.body(Body::Nested, r#"{"Ann Smith":1,"her-mood_2.x":1}"#);
    assert_eq!(
        found(&mut radar),
        ["(a text of 9 characters)", "her-mood_2.x"]
    );
}

#[test]
fn topics_are_told_without_the_ids_in_them() {
    let mut radar = Radar::default();
    for user in [
        "9ed7d9f6-0c59-4360-ac54-40dd35eb9c2f",
        "e40f28ea-fa86-493f-a5b8-d559c8533c96",
    ] {
        radar.topic(&format!("v2.users.{user}.tokens"));
    }
    radar.topic(&"x".repeat(500));
    assert_eq!(
        found(&mut radar),
        ["v2.users.{id}.tokens", "(a text of 500 characters)"]
    );
}

#[test]
fn no_word_is_nothing_new() {
    let mut radar = Radar::default();
    assert_eq!(radar.word("call.state", "", |_| None::<()>), None);
    assert_eq!(radar.poll(), None);
}
