//! A participant as one body shows it, the same for every shape, and kept.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::model::event::Direction;
use crate::model::id::{CommunicationId, ParticipantId, QueueId, UserId};
use crate::model::time::UtcMicros;

/// A participant: one party, or one attempt to reach one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) id: ParticipantId,
    pub(crate) purpose: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) user: Option<UserId>,
    pub(crate) queue: Option<QueueId>,
    pub(crate) queue_name: Option<Arc<str>>,
    /// `endTime` of the participant.
    pub(crate) ended: Option<UtcMicros>,
    /// Whether the participant takes part by another medium too (nested shape: a callback, a chat, …), so that it is not
    /// over when its calls are.
    pub(crate) other_media: bool,
    /// Its calls, by ordinal. The flat shape shows one.
    pub(crate) legs: Vec<LegView>,
}

/// A call of a participant, as one body shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LegView {
    pub(crate) communication: Option<CommunicationId>,
    pub(crate) peer: Option<CommunicationId>,
    pub(crate) opening: Phase,
    pub(crate) phase: Phase,
    pub(crate) direction: Direction,
    pub(crate) connected: Option<UtcMicros>,
    pub(crate) ended: Option<UtcMicros>,
    pub(crate) disconnect_type: Arc<str>,
    pub(crate) held: Option<bool>,
    pub(crate) hold_start: Option<UtcMicros>,
    pub(crate) muted: Option<bool>,
    pub(crate) confined: Option<bool>,
    pub(crate) secure_pause: Option<bool>,
    pub(crate) ani: Arc<str>,
    pub(crate) dnis: Arc<str>,
    pub(crate) provider: Arc<str>,
}

/// Where a call stands, from the platform's `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `none`, a word that is new to us, or nothing: says nothing.
    Untold,
    /// `dialing`, `contacting`.
    Initiated,
    /// `offering`: a system party (IVR, queue) or the outside party is about to take it; nothing rings.
    Offered,
    /// `alerting`.
    Alerting,
    /// `connected`.
    Connected,
    /// `disconnected`, `terminated`.
    Over,
}

impl Phase {
    /// Reads the platform's word. Fax and parking states (`converting`, `uploading`, `transmitting`, `scheduled`, `parked`)
    /// say nothing about the media of a voice call.
    pub(crate) fn from_state(state: &str) -> Self {
        match state {
            "dialing" | "contacting" => Self::Initiated,
            "offering" => Self::Offered,
            "alerting" => Self::Alerting,
            "connected" => Self::Connected,
            "disconnected" | "terminated" => Self::Over,
            _ => Self::Untold,
        }
    }

    /// How far it is: a connection never goes back.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Untold => 0,
            Self::Initiated | Self::Offered | Self::Alerting => 1,
            Self::Connected => 2,
            Self::Over => 3,
        }
    }
}

impl LegView {
    /// Whether it is over for media. A leg in after-call work can still say `connected`, with the time of its end beside it.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over || self.ended.is_some()
    }

    /// How far it is.
    pub(crate) fn rank(&self) -> u8 {
        if self.is_over() {
            Phase::Over.rank()
        } else {
            self.phase.rank()
        }
    }
}

/// A text of a body: borrowed from it unless the JSON had escapes in it. Null is as good as absent: empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As kept text: the one that was kept before if it is the same.
    pub(crate) fn kept(&self, before: Option<&Arc<str>>) -> Arc<str> {
        match before {
            Some(before) if **before == *self.0 => Arc::clone(before),
            // Shared, not allocated.
            _ if self.0.is_empty() => Arc::default(),
            _ => Arc::from(&*self.0),
        }
    }

    /// As an id: `None` if absent, the one that was kept before if it is the same.
    pub(crate) fn kept_id<Id>(&self, before: Option<&Id>) -> Option<Id>
    where
        Id: Clone + std::borrow::Borrow<str> + for<'t> From<&'t str>,
    {
        match before {
            _ if self.0.is_empty() => None,
            Some(before) if before.borrow() == &*self.0 => Some(before.clone()),
            _ => Some(Id::from(&*self.0)),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or null")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A time of a body. A text that is not a time is as good as absent: the rest of the body is worth more than it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Time(pub(crate) Option<UtcMicros>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(UtcMicros::from_iso(text.as_str())))
    }
}

/// Reads the platform's word for a direction.
pub(crate) fn direction(word: &str) -> Direction {
    match word {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        _ => Direction::Unknown,
    }
}
