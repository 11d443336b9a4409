//! The cut of a frame: any text. What is cut lies in the text, and says what a reader of the whole text would say.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use genesys_cloud_adapter_fuzz::cloud::{Uncut, cut, cut_whole, socket_event, system_event};
use genesys_cloud_adapter_fuzz::model::frame::{Frame, Notification};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (quick, whole) = (cut(text), cut_whole(text));
    for frame in [&quick, &whole].into_iter().flatten() {
        lies_in(text, frame);
        let _ = socket_event(frame);
    }
    if let Ok(Frame::Notification(notification)) = &quick {
        let _ = system_event(notification);
    }
    same(text, &quick, &whole);
    if let Ok(members) = serde_json::from_str::<Members>(text) {
        says_what_it_says(text, &members, &whole);
    }
});

/// What is cut is a part of the text, not a copy of something.
fn lies_in(text: &str, frame: &Frame<'_>) {
    let inside =
        |part: &str| text.as_bytes().as_ptr_range().contains(&part.as_ptr()) || part == "null";
    match frame {
        Frame::Notification(Notification {
            topic,
            body,
            metadata,
        }) => {
            assert!(inside(topic) && inside(body) && metadata.is_none_or(inside));
        }
        Frame::Reply(reply) => assert_eq!(*reply, text),
        Frame::Heartbeat | Frame::Pong => {}
    }
}

/// The quick way finds what reading all of it finds, or a body that whoever reads it sees to be none.
fn same(text: &str, quick: &Result<Frame<'_>, Uncut>, whole: &Result<Frame<'_>, Uncut>) {
    if quick == whole {
        return;
    }
    let Ok(Frame::Notification(found)) = quick else {
        panic!("{quick:?} but {whole:?}: {text}");
    };
    assert!(
        serde_json::from_str::<IgnoredAny>(found.body).is_err(),
        "{found:?} but {whole:?}"
    );
}

/// An object with its order and its duplicates.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A text that serde_json reads is cut as serde_json reads it.
fn says_what_it_says(text: &str, members: &Members, whole: &Result<Frame<'_>, Uncut>) {
    let member = |name: &str| {
        let mut values = (members.0.iter())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value);
        (
            values.next().filter(|value| !value.is_null()),
            values.next().is_some(),
        )
    };
    let [topic, body, metadata, result] =
        ["topicName", "eventBody", "metadata", "result"].map(member);
    if topic.1 || body.1 || metadata.1 || result.1 {
        assert_eq!(*whole, Err(Uncut::Duplicate), "{text}");
        return;
    }
    let topic = match topic.0 {
        None if result.0.is_some() => return assert_eq!(*whole, Ok(Frame::Reply(text))),
        None => return assert_eq!(*whole, Err(Uncut::NoTopic), "{text}"),
        Some(Value::String(topic)) if !topic.is_empty() => topic,
        Some(_) => return assert_eq!(*whole, Err(Uncut::WrongType), "{text}"),
    };
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("a part of what was read");
    match whole {
        Err(Uncut::EscapedTopic) => assert!(text.contains('\\'), "{text}"),
        Ok(Frame::Notification(found)) => {
            assert_eq!(found.topic, topic);
            assert_eq!(&value(found.body), body.0.unwrap_or(&Value::Null), "{text}");
            assert_eq!(found.metadata.map(value).as_ref(), metadata.0, "{text}");
        }
        Ok(Frame::Heartbeat | Frame::Pong | Frame::Reply(_)) => {
            assert!(topic.eq_ignore_ascii_case("channel.metadata"), "{text}");
        }
        Err(other) => panic!("{other:?}: {text}"),
    }
}
