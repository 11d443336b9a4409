//! A participant of the nested shape: `ConversationEventTopicParticipant` and `ConversationEventTopicCall` (member names
//! from the platform's published .NET SDK 270.0.0). Only what is used is named; the rest is skipped.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::party::{LegView, Party, Phase, Text, Time, direction};
use crate::model::event::Direction;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(crate) struct Participant<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    purpose: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    queue_id: Text<'a>,
    end_time: Time,
    #[serde(borrow)]
    calls: Option<Vec<Call<'a>>>,
    callbacks: Option<Vec<IgnoredAny>>,
    chats: Option<Vec<IgnoredAny>>,
    cobrowsesessions: Option<Vec<IgnoredAny>>,
    emails: Option<Vec<IgnoredAny>>,
    messages: Option<Vec<IgnoredAny>>,
    internal_messages: Option<Vec<IgnoredAny>>,
    screenshares: Option<Vec<IgnoredAny>>,
    social_expressions: Option<Vec<IgnoredAny>>,
    videos: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Call<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    initial_state: Text<'a>,
    #[serde(borrow)]
    direction: Text<'a>,
    #[serde(borrow)]
    disconnect_type: Text<'a>,
    #[serde(borrow)]
    peer_id: Text<'a>,
    #[serde(borrow)]
    provider: Text<'a>,
    #[serde(borrow, rename = "self")]
    own: Option<Address<'a>>,
    #[serde(borrow)]
    other: Option<Address<'a>>,
    connected_time: Time,
    disconnected_time: Time,
    start_hold_time: Time,
    held: Option<bool>,
    muted: Option<bool>,
    confined: Option<bool>,
    secure_pause: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Address<'a> {
    #[serde(borrow)]
    address_normalized: Text<'a>,
}

impl Participant<'_> {
    /// As kept; what is the same as in `before` shares its texts. `None` without an id.
    pub(crate) fn keep(&self, before: Option<&Party>) -> Option<Party> {
        let any =
            |list: &Option<Vec<IgnoredAny>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let legs = self.calls.as_deref().unwrap_or_default();
        let outside = matches!(self.purpose.as_str(), "customer" | "external");
        Some(Party {
            id: self.id.kept_id(before.map(|before| &before.id))?,
            purpose: self.purpose.kept(before.map(|before| &before.purpose)),
            name: self.name.kept(before.map(|before| &before.name)),
            user: self
                .user_id
                .kept_id(before.and_then(|before| before.user.as_ref())),
            queue: self
                .queue_id
                .kept_id(before.and_then(|before| before.queue.as_ref())),
            queue_name: None,
            ended: self.end_time.0,
            other_media: [
                &self.callbacks,
                &self.chats,
                &self.cobrowsesessions,
                &self.emails,
                &self.messages,
                &self.internal_messages,
                &self.screenshares,
                &self.social_expressions,
                &self.videos,
            ]
            .into_iter()
            .any(any),
            legs: (legs.iter().enumerate())
                .map(|(ordinal, call)| {
                    call.keep(before.and_then(|before| before.legs.get(ordinal)), outside)
                })
                .collect(),
        })
    }
}

impl Call<'_> {
    fn keep(&self, before: Option<&LegView>, outside: bool) -> LegView {
        let direction = direction(self.direction.as_str());
        // `self` is the party's own end, whoever called. A direction is the organisation's: the party outside called if
        // it is inbound, the party inside if it is outbound. Recorded answers of the platform, which have ani and dnis
        // beside both ends, say so; its tutorial always takes `self` for the caller, and so does a leg without direction.
        let was_called = match direction {
            Direction::Inbound => !outside,
            Direction::Outbound => outside,
            Direction::Unknown => false,
        };
        let (caller, called) = if was_called {
            (&self.other, &self.own)
        } else {
            (&self.own, &self.other)
        };
        let address = |address: &Option<Address<'_>>, before: Option<&Arc<str>>| match address {
            Some(address) => address.address_normalized.kept(before),
            None => Text::default().kept(before),
        };
        LegView {
            communication: self
                .id
                .kept_id(before.and_then(|before| before.communication.as_ref())),
            peer: self
                .peer_id
                .kept_id(before.and_then(|before| before.peer.as_ref())),
            opening: Phase::from_state(self.initial_state.as_str()),
            phase: Phase::from_state(self.state.as_str()),
            direction,
            connected: self.connected_time.0,
            ended: self.disconnected_time.0,
            disconnect_type: self
                .disconnect_type
                .kept(before.map(|before| &before.disconnect_type)),
            held: self.held,
            hold_start: self.start_hold_time.0,
            muted: self.muted,
            confined: self.confined,
            secure_pause: self.secure_pause,
            ani: address(caller, before.map(|before| &before.ani)),
            dnis: address(called, before.map(|before| &before.dnis)),
            provider: self.provider.kept(before.map(|before| &before.provider)),
        }
    }
}
