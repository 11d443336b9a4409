//! A participant of the flat shape: `ConversationCallEventTopicCallMediaParticipant` and its queue twin, which is the same
//! member for member (names from the platform's published .NET SDK 270.0.0). Only what is used is named.

use serde::Deserialize;

use super::party::{LegView, Party, Phase, Text, Time, direction};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Participant<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    purpose: Text<'a>,
    #[serde(borrow)]
    user: Option<Reference<'a>>,
    #[serde(borrow)]
    queue: Option<Reference<'a>>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    initial_state: Text<'a>,
    #[serde(borrow)]
    direction: Text<'a>,
    #[serde(borrow)]
    disconnect_type: Text<'a>,
    #[serde(borrow)]
    peer: Text<'a>,
    #[serde(borrow)]
    provider: Text<'a>,
    #[serde(borrow)]
    ani: Text<'a>,
    #[serde(borrow)]
    dnis: Text<'a>,
    connected_time: Time,
    end_time: Time,
    start_hold_time: Time,
    start_acw_time: Time,
    held: Option<bool>,
    muted: Option<bool>,
    confined: Option<bool>,
    secure_pause: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

impl Participant<'_> {
    /// As kept; what is the same as in `before` shares its texts. `None` without an id.
    pub(crate) fn keep(&self, before: Option<&Party>) -> Option<Party> {
        let leg = before.and_then(|before| before.legs.first());
        let view = LegView {
            // This shape has no id for the party's own leg; `peer` is the other side's.
            communication: None,
            peer: self.peer.kept_id(leg.and_then(|leg| leg.peer.as_ref())),
            opening: Phase::from_state(self.initial_state.as_str()),
            phase: Phase::from_state(self.state.as_str()),
            direction: direction(self.direction.as_str()),
            connected: self.connected_time.0,
            // After-call work begins when the media is over.
            ended: self.end_time.0.or(self.start_acw_time.0),
            disconnect_type: self
                .disconnect_type
                .kept(leg.map(|leg| &leg.disconnect_type)),
            held: self.held,
            hold_start: self.start_hold_time.0,
            muted: self.muted,
            confined: self.confined,
            secure_pause: self.secure_pause,
            ani: self.ani.kept(leg.map(|leg| &leg.ani)),
            dnis: self.dnis.kept(leg.map(|leg| &leg.dnis)),
            provider: self.provider.kept(leg.map(|leg| &leg.provider)),
        };
        let nothing = Reference::default();
        let user = self.user.as_ref().unwrap_or(&nothing);
        let queue = self.queue.as_ref().unwrap_or(&nothing);
        Some(Party {
            id: self.id.kept_id(before.map(|before| &before.id))?,
            purpose: self.purpose.kept(before.map(|before| &before.purpose)),
            name: self.name.kept(before.map(|before| &before.name)),
            user: user
                .id
                .kept_id(before.and_then(|before| before.user.as_ref())),
            queue: queue
                .id
                .kept_id(before.and_then(|before| before.queue.as_ref())),
            queue_name: (!queue.name.as_str().is_empty()).then(|| {
                queue
                    .name
                    .kept(before.and_then(|before| before.queue_name.as_ref()))
            }),
            ended: self.end_time.0,
            other_media: false,
            legs: vec![view],
        })
    }
}
