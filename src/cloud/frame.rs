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

use memchr::{memchr2, memmem};
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
    let (topic, rest) = rest.split_at(memchr2(b'"', b'\\', rest.as_bytes())?);
    if topic.is_empty()
        || topic.bytes().any(|byte| byte < b' ')
        || topic.eq_ignore_ascii_case(CHANNEL_METADATA)
    {
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
            && id
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        {
            return Some((body, &tail[MEMBER.len()..]));
        }
    }
    let from = text.len().saturating_sub(TAIL);
    let at = from + memmem::rfind(&text.as_bytes()[from..], MEMBER.as_bytes())?;
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
