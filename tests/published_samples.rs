//! What the platform really sent, as far as somebody published it (tests/samples/README.md), is read without a warning.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::time::Duration;

use genesys_cloud_adapter::calls::{Calls, Heard};
use genesys_cloud_adapter::cloud::cut;
use genesys_cloud_adapter::model::event::{Event, EventKind, Source, Subject};
use genesys_cloud_adapter::model::frame::{Frame, Notification};
use genesys_cloud_adapter::model::order::SocketId;
use genesys_cloud_adapter::model::time::{Now, UtcMicros};

const NOW: Now = Now {
    elapsed: Duration::from_secs(1),
    utc: UtcMicros(1_795_341_600_000_000),
};

/// Tells a whole frame, as the socket would bring it.
fn hear_frame(text: &str) -> (Heard, Vec<Event>) {
    let Ok(Frame::Notification(notification)) = cut(text.trim()) else {
        panic!("not a notification: {text}");
    };
    hear(&notification)
}

fn hear(notification: &Notification<'_>) -> (Heard, Vec<Event>) {
    let mut calls = Calls::new(1 << 20);
    let heard = calls.handle_notification(SocketId(1), notification, NOW);
    (heard, std::iter::from_fn(|| calls.poll_event()).collect())
}

#[test]
fn a_presence_is_told() {
    let (heard, events) = hear_frame(include_str!("samples/notification_user_presence.json"));
    assert_eq!(heard, Heard::Read);
    let presence = events
        .iter()
        .find(|event| event.kind == EventKind::AgentPresence);
    let presence = presence.unwrap();
    assert_eq!(&*presence.raw, "AVAILABLE");
    assert_eq!(&*presence.reason, "6a3af858-942f-489d-9700-5f9bcdcdae9b");
    // It has no modifiedDate, whatever the schema says: no other source can give it the same id.
    assert_eq!((presence.platform_time, presence.id_exact), (None, false));
    let Subject::Agent { user, .. } = &presence.subject else {
        panic!("{presence:?}");
    };
    assert_eq!(user.id.as_str(), "9ed7d9f6-0c59-4360-ac54-40dd35eb9c2f");
}

#[test]
fn topics_that_are_not_followed_are_no_error() {
    for text in [
        include_str!("samples/notification_user_activity.json"),
        include_str!("samples/notification_chat_member.json"),
    ] {
        assert_eq!(hear_frame(text), (Heard::NotFollowed, Vec::new()));
    }
}

/// The REST conversation has the members of the nested body and many more.
#[test]
fn a_conversation_is_told_from_its_end() {
    let body = include_str!("samples/rest_conversation.json");
    let (heard, events) = hear(&Notification {
        topic: "v2.users.00000000-0000-4000-8000-000000000000.conversations",
        body,
        metadata: None,
    });
    assert_eq!(heard, Heard::Read);
    let count = |kind| events.iter().filter(|event| event.kind == kind).count();
    // Customer, menu, queue and agent.
    assert_eq!(count(EventKind::Established), 4);
    assert_eq!(count(EventKind::ConnectionCleared), 4);
    assert_eq!(count(EventKind::CallCleared), 1);
    assert!(events.iter().all(|event| event.source == Source::Snapshot));
    let raw: Vec<&str> = (events.iter())
        .filter(|event| event.kind == EventKind::ConnectionCleared)
        .map(|event| &*event.raw)
        .collect();
    assert_eq!(raw, ["transfer", "transfer", "client", "peer"]);
}

/// As the answer that it is.
#[test]
fn a_conversation_that_was_read_is_recovered() {
    let mut calls = Calls::new(1 << 20);
    let body = include_str!("samples/rest_conversation.json");
    let heard = calls.handle_conversation_read(body, Source::Recovered, NOW.elapsed, NOW);
    assert_eq!(heard, Heard::Read);
    let events: Vec<Event> = std::iter::from_fn(|| calls.poll_event()).collect();
    let (_, shown) = hear(&Notification {
        topic: "v2.users.00000000-0000-4000-8000-000000000000.conversations",
        body,
        metadata: None,
    });
    let facts = |events: &[Event]| -> Vec<_> {
        events.iter().map(|event| (event.kind, event.id)).collect()
    };
    assert_eq!(facts(&events), facts(&shown));
    assert!(events.iter().all(|event| event.source == Source::Recovered));
    assert_eq!(calls.open_conversations(), 0);
}

/// Chats: nothing of a recorder's, and no error.
#[test]
fn details_of_other_media_are_read_and_tell_nothing() {
    for body in [
        include_str!("samples/analytics_ended.json"),
        include_str!("samples/analytics_active.json"),
    ] {
        let mut calls = Calls::new(1 << 20);
        let heard = calls.handle_analytics_details(body, Source::Recovered, NOW);
        assert_eq!(heard, Heard::Read);
        assert_eq!(calls.poll_event(), None);
        assert_eq!(calls.open_conversations(), 0);
    }
}

/// What the platform really sent has no member and no word that the lists of what is known lack. Its samples of other
/// topics are of topics that are not read.
#[test]
fn nothing_in_the_samples_is_new() {
    let found = |tell: &dyn Fn(&mut Calls)| -> Vec<String> {
        let mut calls = Calls::new(1 << 20);
        tell(&mut calls);
        std::iter::from_fn(|| calls.poll_finding())
            .map(|finding| finding.to_string())
            .collect()
    };
    let frame = |text: &str| {
        found(&|calls| {
            let Ok(Frame::Notification(notification)) = cut(text.trim()) else {
                panic!("not a notification: {text}");
            };
            calls.handle_notification(SocketId(1), &notification, NOW);
        })
    };
    let presence = include_str!("samples/notification_user_presence.json");
    assert_eq!(frame(presence), [""; 0]);
    assert_eq!(
        frame(include_str!("samples/notification_user_activity.json")),
        ["a topic is not read by this version: v2.users.{id}.activity"]
    );
    assert_eq!(
        frame(include_str!("samples/notification_chat_member.json")),
        ["a topic is not read by this version: v2.conversations.chats.{id}.members"]
    );
    let conversation = found(&|calls| {
        let body = include_str!("samples/rest_conversation.json");
        calls.handle_conversation_read(body, Source::Recovered, NOW.elapsed, NOW);
    });
    assert_eq!(conversation, [""; 0]);
    for details in [
        include_str!("samples/analytics_ended.json"),
        include_str!("samples/analytics_active.json"),
    ] {
        let details = found(&|calls| {
            calls.handle_analytics_details(details, Source::Recovered, NOW);
        });
        assert_eq!(details, [""; 0]);
    }
}
