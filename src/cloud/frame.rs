//! The cut: a text frame into topic, body and metadata, without reading the body.
//!
//! Knows: the envelope `{"topicName", "version", "eventBody", "metadata"}` and the topics that concern the socket
//! itself. Does not know: what a body means.
//!
//! # How the end of a body is found without reading it
//!
//! The platform writes the members in the order above, so the body begins where the fixed beginning ends, and what
//! follows it is short: `,"metadata":{"CorrelationId":"…"}}`. The cut looks for that at the end of the text. In valid
//! JSON a `,"metadata":` that is followed by one value, one `}` and the end of the text cannot be anywhere else than at
//! the top level:
//!
//! - It cannot stand inside a string: its first quote has a comma before it, not a backslash, so within a string it
//!   would end that string, and a bare word cannot follow a string.
//! - It cannot belong to an inner object: after its value that object's `}` ends the text, so no other object is open.
//!
//! What begins at the body's place and ends before that comma is therefore the body, unless the envelope has a member
//! between the two that this library does not know. Then the text given as body is no JSON value (one value and more
//! after it), which whoever reads it notices; [`cut_whole`] gives the right one. An envelope of any other shape is
//! read whole in the first place.

use std::fmt;

use memchr::{memchr, memmem, memrchr_iter};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::model::frame::{Frame, Notification};
use crate::model::order::SocketEvent;

/// How far from its end a text is searched for its metadata. Seen in practice: about 70 bytes.
const TAIL: usize = 512;

/// The topic of the platform's own messages on a channel.
const CHANNEL_METADATA: &str = "channel.metadata";

/// Why a text could not be cut. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uncut {
    /// It is not JSON.
    NotJson,
    /// It is JSON, but no object.
    NotAnObject,
    /// It has no `topicName`, and is no reply to a request.
    NoTopic,
    /// `topicName` is not a string, or an empty one.
    WrongType,
    /// A member of the envelope stands in it twice.
    Duplicate,
    /// `topicName` is written with escapes, which the platform never does and no topic needs.
    EscapedTopic,
}

impl fmt::Display for Uncut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "a frame that is not JSON",
            Self::NotAnObject => "a frame that is JSON but no object",
            Self::NoTopic => "a frame without topicName that is no reply either",
            Self::WrongType => "a frame whose topicName is not a string, or empty",
            Self::Duplicate => "a frame with a member of its envelope twice",
            Self::EscapedTopic => "a frame whose topicName is written with escapes",
        })
    }
}

impl std::error::Error for Uncut {}

/// Cuts a text frame. Its cost does not grow with the body as long as the envelope has the platform's shape.
///
/// The body is not read: in a text that is not JSON it may be no value either. In a text that is JSON it is the value
/// of `eventBody`, or (if the platform adds a member after `eventBody`) no JSON value at all: when a body cannot be
/// read, ask [`cut_whole`] before giving it up.
///
/// # Errors
/// If the text is no envelope.
pub fn cut(text: &str) -> Result<Frame<'_>, Uncut> {
    match cut_tail(text) {
        Some(notification) => Ok(Frame::Notification(notification)),
        None => cut_whole(text),
    }
}

/// The ordinary shape, or `None` for any other.
fn cut_tail(text: &str) -> Option<Notification<'_>> {
    let rest = text.strip_prefix(r#"{"topicName":""#)?;
    let (topic, rest) = rest.split_at(memchr(b'"', rest.as_bytes())?);
    if topic.is_empty() || !is_plain(topic) || topic.eq_ignore_ascii_case(CHANNEL_METADATA) {
        return None;
    }
    let rest = rest.strip_prefix('"')?;
    let rest = match rest.strip_prefix(r#","version":""#) {
        None => rest,
        Some(rest) => {
            let digits = rest
                .bytes()
                .take_while(|byte| byte.is_ascii_digit() || *byte == b'.')
                .count();
            rest.get(digits..)?.strip_prefix('"')?
        }
    };
    let rest = rest.strip_prefix(r#","eventBody":"#)?;
    let (body, metadata) = split_metadata(rest.strip_suffix('}')?)?;
    let whole = (body.starts_with('{') && body.ends_with('}'))
        || (body.starts_with('[') && body.ends_with(']'));
    (body.len() >= 2 && whole).then_some(Notification {
        topic,
        body,
        metadata: Some(metadata),
    })
}

/// Whether a text can stand between quotes as it is. Looks at every byte in any case, which compilers turn into wide
/// steps; a loop that ends early costs several times as much.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| {
        plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\')
    })
}

/// Splits `BODY,"metadata":VALUE` where VALUE is one JSON value.
fn split_metadata(text: &str) -> Option<(&str, &str)> {
    const MEMBER: &str = r#","metadata":"#;
    const CORRELATION: &str = r#","metadata":{"CorrelationId":""#;
    const UUID: usize = 36;
    // Nearly every frame ends in the same way, to the byte: look there first.
    if let Some(at) = text.len().checked_sub(CORRELATION.len() + UUID + 2)
        && text.is_char_boundary(at)
    {
        let (body, tail) = text.split_at(at);
        if let Some(id) = tail
            .strip_prefix(CORRELATION)
            .and_then(|tail| tail.strip_suffix(r#""}"#))
            && is_plain(id)
        {
            return Some((body, &tail[MEMBER.len()..]));
        }
    }
    let from = text.len().saturating_sub(TAIL);
    let end = &text.as_bytes()[from..];
    let at = from + memrchr_iter(b',', end).find(|at| end[*at..].starts_with(MEMBER.as_bytes()))?;
    let (body, tail) = text.split_at(at);
    let metadata = &tail[MEMBER.len()..];
    let valid = metadata.trim() == metadata && serde_json::from_str::<IgnoredAny>(metadata).is_ok();
    (valid && metadata != "null").then_some((body, metadata))
}

/// The envelope, every member as its text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    topic_name: Option<&'a RawValue>,
    #[serde(borrow)]
    event_body: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

/// Cuts a text frame of any valid shape, by reading all of it: members in any order, with white space, with members
/// that are new to us.
///
/// # Errors
/// If the text is no envelope.
pub fn cut_whole(text: &str) -> Result<Frame<'_>, Uncut> {
    // A struct can be read from an array too, and the envelope is no array.
    if !text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with('{')
    {
        let json = serde_json::from_str::<IgnoredAny>(text).is_ok();
        return Err(if json {
            Uncut::NotAnObject
        } else {
            Uncut::NotJson
        });
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| {
        let json = serde_json::from_str::<IgnoredAny>(text).is_ok();
        if json {
            Uncut::Duplicate
        } else {
            Uncut::NotJson
        }
    })?;
    let Some(topic) = envelope.topic_name else {
        return if envelope.result.is_some() {
            Ok(Frame::Reply(text))
        } else {
            Err(Uncut::NoTopic)
        };
    };
    let topic = topic
        .get()
        .strip_prefix('"')
        .and_then(|topic| topic.strip_suffix('"'))
        .filter(|topic| !topic.is_empty())
        .ok_or(Uncut::WrongType)?;
    if topic.contains('\\') {
        return Err(Uncut::EscapedTopic);
    }
    let body = envelope.event_body.map_or("null", RawValue::get);
    if topic.eq_ignore_ascii_case(CHANNEL_METADATA) {
        return Ok(match message(body) {
            Some("WebSocket Heartbeat") => Frame::Heartbeat,
            Some("pong") => Frame::Pong,
            _ => Frame::Reply(text),
        });
    }
    Ok(Frame::Notification(Notification {
        topic,
        body,
        metadata: envelope.metadata.map(RawValue::get),
    }))
}

/// The `message` of a body on `channel.metadata`, if it is a plain string.
fn message(body: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        message: Option<&'a str>,
    }
    serde_json::from_str::<Body<'_>>(body).ok()?.message
}

/// What a frame says about the socket itself, if it does: an answer to a ping, a message of the platform, or the reply
/// that the channel is gone.
#[must_use]
pub fn socket_event(frame: &Frame<'_>) -> Option<SocketEvent> {
    match frame {
        Frame::Heartbeat => None,
        Frame::Pong => Some(SocketEvent::Pong),
        Frame::Notification(notification) => system_event(notification),
        Frame::Reply(text) => reply_event(text),
    }
}

/// A 404 as the reply to a request on the socket: the channel expired, was replaced, or lost its token.
fn reply_event(text: &str) -> Option<SocketEvent> {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(borrow)]
        result: Option<&'a RawValue>,
    }
    let result = serde_json::from_str::<Said<'_>>(text).ok()?.result?;
    (result.get().trim_matches('"') == "404").then(|| {
        SocketEvent::ChannelLost("the platform says that the channel is not there (404)".to_owned())
    })
}

/// What a notification of the platform's own (`v2.system.…`) says about the socket. `None` for every other topic and
/// for system topics that are news of something else.
#[must_use]
pub fn system_event(notification: &Notification<'_>) -> Option<SocketEvent> {
    const SYSTEM: &str = "v2.system.";
    let (system, rest) = notification.topic.split_at_checked(SYSTEM.len())?;
    if !system.eq_ignore_ascii_case(SYSTEM) {
        return None;
    }
    // What follows the word is an id, in one case the channel's: it is neither read nor shown.
    let word = rest.split('.').next().unwrap_or(rest);
    if word.eq_ignore_ascii_case("socket_closing") {
        Some(SocketEvent::Closing)
    } else if word.eq_ignore_ascii_case("no_longer_subscribed") {
        let taken =
            memmem::find(notification.body.as_bytes(), b"another_channel_subscribed").is_some();
        Some(SocketEvent::ChannelLost(
            if taken {
                "the platform took the subscriptions away: another channel subscribed"
            } else {
                "the platform took the subscriptions away"
            }
            .to_owned(),
        ))
    } else if word.eq_ignore_ascii_case("token_revoked") {
        Some(SocketEvent::ChannelLost(
            "the token of the channel was revoked".to_owned(),
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "11111111-2222-4333-8444-555555555555";

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    fn notification<'a>(topic: &'a str, body: &'a str, metadata: Option<&'a str>) -> Frame<'a> {
        Frame::Notification(Notification {
            topic,
            body,
            metadata,
        })
    }

    /// The promise of the cut: what the short way finds is what reading all of it finds, or is visibly no body.
    /// Returns whether the short way was taken.
    fn agrees(text: &str) -> bool {
        let whole = cut_whole(text);
        assert!(is_json(text) || whole == Err(Uncut::NotJson), "{text}");
        let Some(found) = cut_tail(text) else {
            assert_eq!(cut(text), whole, "{text}");
            return false;
        };
        assert_eq!(cut(text), Ok(Frame::Notification(found)), "{text}");
        if is_json(text) {
            if is_json(found.body) {
                assert_eq!(whole, Ok(Frame::Notification(found)), "{text}");
            }
        } else {
            assert!(
                !is_json(found.body),
                "a body was found in what is no JSON: {text}"
            );
        }
        true
    }

    /// A conversation as topics show it, cut down, with all that may confuse in it.
    fn conversation() -> String {
        let participant = r#"{"id":"p","purpose":"agent","userId":"u","calls":[{"state":"connected","self":{"nameRaw":"A \"B\" \\","addressNormalized":"tel:+1"},"other":{},"additionalProperties":{}}],"attributes":{"say":",\"metadata\":{\"CorrelationId\":\"x\"}}","metadata":"m"}}"#;
        format!(
            r#"{{"id":"c","participants":[{participant},{participant}],"metadata":{{"CorrelationId":"{UUID}"}}}}"#
        )
    }

    #[test]
    fn the_platforms_own_shape_is_cut_without_reading_it() {
        let body = conversation();
        for metadata in [
            format!(r#"{{"CorrelationId":"{UUID}"}}"#),
            format!(r#"{{"CorrelationId":"{UUID}-archival"}}"#),
            format!(r#"{{"CorrelationId":"{UUID}","action":"Associated"}}"#),
            r#"{"action":"Disassociated","nested":{"metadata":{}},"list":[{}]}"#.to_owned(),
            "{}".to_owned(),
            r#""text""#.to_owned(),
        ] {
            for version in ["", r#""version":"2","#, r#""version":"","#] {
                let text = format!(
                    r#"{{"topicName":"v2.users.u.conversations",{version}"eventBody":{body},"metadata":{metadata}}}"#
                );
                assert!(agrees(&text), "{text}");
                assert_eq!(
                    cut(&text),
                    Ok(notification(
                        "v2.users.u.conversations",
                        &body,
                        Some(&metadata)
                    ))
                );
            }
        }
    }

    #[test]
    fn any_other_shape_is_read_whole() {
        let t = |text: &'static str, body: &'static str, metadata: Option<&'static str>| {
            assert!(!agrees(text), "{text}");
            assert_eq!(cut(text), Ok(notification("t", body, metadata)), "{text}");
        };
        t(
            r#"{"topicName":"t","eventBody":{"a":1}}"#,
            r#"{"a":1}"#,
            None,
        );
        t(
            r#"{"eventBody":{"a":1},"metadata":{},"topicName":"t"}"#,
            r#"{"a":1}"#,
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","metadata":{"k":1},"eventBody":{"a":1}}"#,
            r#"{"a":1}"#,
            Some(r#"{"k":1}"#),
        );
        t(
            r#"{"version":"2","topicName":"t","eventBody":{},"metadata":{}}"#,
            "{}",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","version":2,"eventBody":{},"metadata":{}}"#,
            "{}",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","eventBody":5,"metadata":{}}"#,
            "5",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","eventBody":null,"metadata":null}"#,
            "null",
            None,
        );
        t(r#"{"topicName":"t"}"#, "null", None);
        t(r#"{"topicName":"t","metadata":{}}"#, "null", Some("{}"));
        t(
            " {\n\"topicName\" :\t\"t\" , \"eventBody\": {\"a\": 1} , \"metadata\" :{ } } \n",
            r#"{"a": 1}"#,
            Some("{ }"),
        );
        t(
            r#"{"topicName":"t","eventBody":{},"metadata":{}} "#,
            "{}",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","eventBody":{}, "metadata":{}}"#,
            "{}",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","eventBody":{},"metadata": {}}"#,
            "{}",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","eventBody":{},"metadata":{},"later":1}"#,
            "{}",
            Some("{}"),
        );
        t(
            r#"{"topicName":"t","eventBody":{},"timestamp":"2026","metadata":{}}"#,
            "{}",
            Some("{}"),
        );
        // The last member of the body is called metadata too, and the envelope has none.
        t(
            r#"{"topicName":"t","eventBody":{"a":1,"metadata":{}}}"#,
            r#"{"a":1,"metadata":{}}"#,
            None,
        );
        t(
            r#"{"topicName":"t","eventBody":{"metadata":{}}}"#,
            r#"{"metadata":{}}"#,
            None,
        );
        // Metadata that is longer than the place where it is searched.
        let long = format!(r#"{{"k":"{}"}}"#, "x".repeat(TAIL));
        let text = format!(r#"{{"topicName":"t","eventBody":{{}},"metadata":{long}}}"#);
        assert!(!agrees(&text));
        assert_eq!(cut(&text), Ok(notification("t", "{}", Some(&long))));
    }

    #[test]
    fn bodies_that_imitate_an_end_do_not_move_it() {
        let ends = [
            format!(r#"{{"s":"x,\"metadata\":{{\"CorrelationId\":\"{UUID}\"}}}}"}}"#),
            format!(r#"{{"metadata":{{"CorrelationId":"{UUID}"}}}}"#),
            format!(r#"{{"a":1,"metadata":{{"CorrelationId":"{UUID}"}}}}"#),
            r#"{"s":"\\\\","t":"\\\""}"#.to_owned(),
            r#"{"s":"}}}}","t":"{{{{","u":"]]"}"#.to_owned(),
            r#"[{"a":1},[],"]"]"#.to_owned(),
            "{}".to_owned(),
            "[]".to_owned(),
            format!("{}1{}", r#"{"a":"#.repeat(300), "}".repeat(300)),
            format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)),
            r#"{"snow":"☃","smile":"😀"}"#.to_owned(),
        ];
        for body in &ends {
            let plain = format!(r#"{{"topicName":"t","version":"2","eventBody":{body}}}"#);
            agrees(&plain);
            assert_eq!(cut(&plain), Ok(notification("t", body, None)));
            for metadata in ends.iter().filter(|metadata| metadata.len() < 400) {
                let text =
                    format!(r#"{{"topicName":"t","eventBody":{body},"metadata":{metadata}}}"#);
                agrees(&text);
                assert_eq!(cut(&text), Ok(notification("t", body, Some(metadata))));
            }
        }
    }

    #[test]
    fn a_new_member_after_the_body_is_noticed_and_read_whole() {
        let text = r#"{"topicName":"t","eventBody":{"a":1},"new":{"b":2},"metadata":{}}"#;
        assert!(agrees(text));
        let Ok(Frame::Notification(found)) = cut(text) else {
            panic!("{text}")
        };
        assert!(!is_json(found.body), "whoever reads the body must notice");
        assert_eq!(
            cut_whole(text),
            Ok(notification("t", r#"{"a":1}"#, Some("{}")))
        );
    }

    #[test]
    fn what_is_no_envelope_says_so() {
        for (text, kind) in [
            ("", Uncut::NotJson),
            (" ", Uncut::NotJson),
            ("{", Uncut::NotJson),
            ("hello", Uncut::NotJson),
            ("{}x", Uncut::NotJson),
            (r#"{"topicName":"t","eventBody":{}"#, Uncut::NotJson),
            (r#"{"topicName":"t","eventBody":}"#, Uncut::NotJson),
            (
                r#"{"topicName":"t","eventBody":,"metadata":{}}"#,
                Uncut::NotJson,
            ),
            (
                r#"{"topicName":"t","eventBody":{},,"metadata":{}}"#,
                Uncut::NotJson,
            ),
            (
                r#"{"topicName":"t","eventBody":{},"metadata":{x}}"#,
                Uncut::NotJson,
            ),
            (
                "{\"topicName\":\"a\nb\",\"eventBody\":{},\"metadata\":{}}",
                Uncut::NotJson,
            ),
            (r#"["topicName",{},{},{}]"#, Uncut::NotAnObject),
            ("null", Uncut::NotAnObject),
            ("17", Uncut::NotAnObject),
            (r#""{}""#, Uncut::NotAnObject),
            ("{}", Uncut::NoTopic),
            (r#"{"eventBody":{},"metadata":{}}"#, Uncut::NoTopic),
            (r#"{"topicName":null,"eventBody":{}}"#, Uncut::NoTopic),
            (r#"{"TopicName":"t"}"#, Uncut::NoTopic),
            (r#"{"topicName":5}"#, Uncut::WrongType),
            (r#"{"topicName":{"a":"b"}}"#, Uncut::WrongType),
            (
                r#"{"topicName":"","eventBody":{},"metadata":{}}"#,
                Uncut::WrongType,
            ),
            (r#"{"topicName":"a","topicName":"b"}"#, Uncut::Duplicate),
            (
                r#"{"topicName":"a","eventBody":1,"eventBody":2}"#,
                Uncut::Duplicate,
            ),
            (
                r#"{"topicName":"a\u002eb","eventBody":{},"metadata":{}}"#,
                Uncut::EscapedTopic,
            ),
            (
                r#"{"topicName":"a\"b","eventBody":{},"metadata":{}}"#,
                Uncut::EscapedTopic,
            ),
        ] {
            assert_eq!(cut(text), Err(kind), "{text}");
            assert_eq!(cut_whole(text), Err(kind), "{text}");
        }
    }

    #[test]
    fn heartbeats_pongs_and_replies_are_told_apart() {
        let beat =
            r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#;
        let pong =
            r#"{"topicName":"Channel.Metadata","eventBody":{"message":"pong"},"metadata":{}}"#;
        let other = r#"{"topicName":"channel.metadata","eventBody":{"message":5}}"#;
        let reply = r#"{"result":"200","status":"subscribed"}"#;
        assert_eq!(cut(beat), Ok(Frame::Heartbeat));
        assert_eq!(cut(pong), Ok(Frame::Pong));
        assert_eq!(cut(other), Ok(Frame::Reply(other)));
        assert_eq!(cut(reply), Ok(Frame::Reply(reply)));
        let event = |text| socket_event(&cut(text).unwrap());
        assert_eq!(event(beat), None);
        assert_eq!(event(pong), Some(SocketEvent::Pong));
        assert_eq!(event(reply), None);
        assert!(matches!(
            event(r#"{"result":"404","message":"no"}"#),
            Some(SocketEvent::ChannelLost(_))
        ));
        assert!(matches!(
            event(r#"{"result":404}"#),
            Some(SocketEvent::ChannelLost(_))
        ));
    }

    #[test]
    fn the_platforms_messages_about_the_socket_are_known_and_their_ids_not_shown() {
        let event = |topic: &str, body: &str| {
            let text = format!(
                r#"{{"topicName":"{topic}","version":"2","eventBody":{body},"metadata":{{}}}}"#
            );
            socket_event(&cut(&text).unwrap())
        };
        assert_eq!(
            event("v2.system.socket_closing", r#"{"message":"soon"}"#),
            Some(SocketEvent::Closing)
        );
        assert_eq!(
            event("V2.System.Socket_Closing", "{}"),
            Some(SocketEvent::Closing)
        );
        for topic in [
            "v2.system.no_longer_subscribed.s3cret-id",
            "v2.system.token_revoked.s3cret-id",
            "V2.SYSTEM.TOKEN_REVOKED",
        ] {
            let body = r#"{"message":"s3cret-id","reason":"another_channel_subscribed"}"#;
            let Some(SocketEvent::ChannelLost(why)) = event(topic, body) else {
                panic!("{topic}")
            };
            assert!(!why.contains("s3cret"), "{why}");
        }
        for topic in [
            "v2.users.u.presence",
            "v2.system",
            "v2.system.",
            "v2.system.a.b",
            "v2.systém.socket_closing",
            "☃☃☃☃",
        ] {
            assert_eq!(event(topic, "{}"), None, "{topic}");
        }
    }

    /// A seeded generator (splitmix64), so that a failure repeats.
    struct Seeded(u64);

    impl Seeded {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn below(&mut self, n: usize) -> usize {
            usize::try_from(self.next() % n as u64).unwrap()
        }

        fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
            from[self.below(from.len())]
        }
    }

    /// What confuses a reader that looks at ends and beginnings.
    const TOKENS: [&str; 26] = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ",",
        ":",
        " ",
        "\n",
        "}}",
        "{}",
        "null",
        "1",
        "é",
        r#"\""#,
        r#"\\"#,
        "\u{0}",
        r#","metadata":"#,
        r#""metadata":{}"#,
        r#","metadata":{}}"#,
        r#""eventBody":"#,
        r#"{"topicName":""#,
        r#","metadata":{"CorrelationId":"11111111-2222-4333-8444-555555555555"}}"#,
        r#"},"x":{"#,
        r#""version":"2","#,
    ];

    const NAMES: [&str; 8] = [
        "metadata",
        "eventBody",
        "topicName",
        "version",
        "a",
        "message",
        "CorrelationId",
        "é",
    ];

    /// A string in JSON whose content may be any of the tokens.
    fn string(seeded: &mut Seeded) -> String {
        let mut content = String::new();
        for _ in 0..seeded.below(4) {
            content.push_str(seeded.pick(&TOKENS));
        }
        serde_json::to_string(&content).unwrap()
    }

    fn value(seeded: &mut Seeded, depth: usize) -> String {
        match seeded.below(if depth == 0 { 3 } else { 7 }) {
            0 => seeded
                .pick(&["null", "true", "-1.5e3", "0", "{}", "[]"])
                .to_owned(),
            1 | 2 => string(seeded),
            3 => {
                let items: Vec<String> = (0..seeded.below(4))
                    .map(|_| value(seeded, depth - 1))
                    .collect();
                format!("[{}]", items.join(","))
            }
            _ => {
                let count = seeded.below(5);
                let members: Vec<String> = (0..count)
                    .map(|_| format!(r#""{}":{}"#, seeded.pick(&NAMES), value(seeded, depth - 1)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    #[test]
    fn generated_envelopes_are_cut_where_they_were_joined() {
        let mut seeded = Seeded(7);
        let mut short = 0;
        for _ in 0..20_000 {
            let (body, metadata) = (value(&mut seeded, 4), value(&mut seeded, 2));
            let topic = format!(
                "v2.users.{}.{}",
                seeded.below(100),
                seeded.pick(&["presence", "station", "é"])
            );
            let mut members = vec![format!(r#""topicName":"{topic}""#)];
            if seeded.below(4) > 0 {
                members.push(r#""version":"2""#.to_owned());
            }
            members.push(format!(r#""eventBody":{body}"#));
            let more = seeded.below(8) == 0;
            if more {
                members.push(format!(r#""extra":{}"#, value(&mut seeded, 2)));
            }
            let with_metadata = seeded.below(5) > 0;
            if with_metadata {
                members.push(format!(r#""metadata":{metadata}"#));
            }
            if seeded.below(8) == 0 {
                let (a, b) = (seeded.below(members.len()), seeded.below(members.len()));
                members.swap(a, b);
            }
            let space = if seeded.below(8) == 0 { " " } else { "" };
            let text = format!("{{{}}}", members.join(&format!("{space},{space}")));
            short += usize::from(agrees(&text));
            let expected = notification(
                &topic,
                &body,
                Some(&*metadata).filter(|text| with_metadata && *text != "null"),
            );
            assert_eq!(cut_whole(&text), Ok(expected), "{text}");
            if !more {
                assert_eq!(cut(&text), Ok(expected), "{text}");
            }
        }
        assert!(
            short > 5_000,
            "the short way was taken {short} times only: nothing was compared"
        );
    }

    #[test]
    fn mutated_frames_are_never_cut_wrong() {
        let bases = [
            format!(
                r#"{{"topicName":"v2.users.u.conversations","version":"2","eventBody":{},"metadata":{{"CorrelationId":"{UUID}"}}}}"#,
                conversation()
            ),
            format!(r#"{{"topicName":"t","version":"2","eventBody":{{"a":{{"b":"c"}}}},"metadata":{{"CorrelationId":"{UUID}"}}}}"#),
            r#"{"topicName":"t","eventBody":{"a":[{}],"metadata":{}},"metadata":{"a":{"metadata":{}}}}"#.to_owned(),
            r#"{"topicName":"t","eventBody":{"s":"\\"},"new":{"s":"\\\""},"metadata":{}}"#.to_owned(),
        ];
        let mut seeded = Seeded(11);
        let (mut short, mut json) = (0, 0);
        for round in 0..40_000 {
            let mut text: Vec<char> = bases[round % bases.len()].chars().collect();
            for _ in 0..=seeded.below(3) {
                let at = seeded.below(text.len() + 1);
                let to = (at + seeded.below(6)).min(text.len());
                match seeded.below(5) {
                    0 => drop(text.drain(at..to)),
                    1 => drop(text.splice(at..to, seeded.pick(&TOKENS).chars())),
                    2 => drop(text.splice(at..at, seeded.pick(&TOKENS).chars())),
                    3 => {
                        let span: Vec<char> = text[at..to].to_vec();
                        let place = seeded.below(text.len() + 1);
                        drop(text.splice(place..place, span));
                    }
                    _ if seeded.below(8) == 0 => text.truncate(at),
                    _ => {}
                }
            }
            let text: String = text.into_iter().collect();
            short += usize::from(agrees(&text));
            json += usize::from(is_json(&text));
        }
        assert!(
            short > 5_000 && json > 5_000,
            "{short} short ways, {json} of JSON: too few were compared"
        );
    }

    #[test]
    fn every_beginning_of_a_frame_is_cut_or_refused() {
        let text = format!(
            r#"{{"topicName":"t","version":"2","eventBody":{},"metadata":{{"CorrelationId":"{UUID}"}}}}"#,
            conversation()
        );
        for end in 0..text.len() {
            agrees(&text[..end]);
            agrees(&text[end..]);
        }
    }
}
