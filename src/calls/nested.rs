//! A participant of the nested shape: `ConversationEventTopicParticipant` and its calls, and the same in the answer to
//! `GET /api/v2/conversations/{id}` (`Participant`, `Call`), which has segments and start times beside them. Member names
//! from the platform's published .NET SDK 270.0.0. Only what is used is named; the rest is skipped.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::cause;
use super::keeping::{Disposition, Facts, RoutingData, WrapupBody, kept_attributes, observation};
use super::party::{
    AfterCallWork, CallbackView, LegView, Parking, Party, PastSpell, Phase, Recording, Role,
    direction, kept_list,
};
use super::snapshot::Reading;
use super::tolerant::{List, Object, Text, Time, YesNo};
use crate::model::event::{Campaign, Direction};
use crate::model::time::UtcMicros;

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
    user_id: Text<'a>,
    #[serde(borrow)]
    queue_id: Text<'a>,
    #[serde(borrow)]
    address: Text<'a>,
    #[serde(borrow)]
    team_id: Text<'a>,
    #[serde(borrow)]
    group_id: Text<'a>,
    #[serde(borrow)]
    external_contact_id: Text<'a>,
    #[serde(borrow)]
    external_organization_id: Text<'a>,
    #[serde(borrow)]
    consult_participant_id: Text<'a>,
    #[serde(borrow)]
    monitored_participant_id: Text<'a>,
    #[serde(borrow)]
    coached_participant_id: Text<'a>,
    #[serde(borrow)]
    barged_participant_id: Text<'a>,
    start_time: Time,
    end_time: Time,
    start_acw_time: Time,
    end_acw_time: Time,
    #[serde(borrow)]
    conversation_routing_data: Object<RoutingData<'a>>,
    #[serde(borrow)]
    wrapup: Object<WrapupBody<'a>>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    calls: List<Call<'a>>,
    #[serde(borrow)]
    callbacks: List<Callback<'a>>,
    chats: List<IgnoredAny>,
    cobrowsesessions: List<IgnoredAny>,
    emails: List<IgnoredAny>,
    messages: List<IgnoredAny>,
    internal_messages: List<IgnoredAny>,
    screenshares: List<IgnoredAny>,
    social_expressions: List<IgnoredAny>,
    videos: List<IgnoredAny>,
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
    recording_state: Text<'a>,
    #[serde(borrow)]
    direction: Text<'a>,
    #[serde(borrow)]
    disconnect_type: Text<'a>,
    #[serde(borrow)]
    peer_id: Text<'a>,
    #[serde(borrow)]
    provider: Text<'a>,
    #[serde(borrow)]
    uui_data: Text<'a>,
    #[serde(borrow, rename = "self")]
    own: Object<Address<'a>>,
    #[serde(borrow)]
    other: Object<Address<'a>>,
    start_alerting_time: Time,
    connected_time: Time,
    disconnected_time: Time,
    start_hold_time: Time,
    barged_time: Time,
    held: YesNo,
    muted: YesNo,
    confined: YesNo,
    secure_pause: YesNo,
    #[serde(borrow)]
    wrapup: Object<WrapupBody<'a>>,
    #[serde(borrow)]
    after_call_work: Object<AfterCallWorkBody<'a>>,
    #[serde(borrow)]
    disposition: Object<Disposition<'a>>,
    #[serde(borrow)]
    segments: List<Segment<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Callback<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    initial_state: Text<'a>,
    #[serde(borrow)]
    disconnect_type: Text<'a>,
    #[serde(borrow)]
    callback_numbers: List<Text<'a>>,
    #[serde(borrow)]
    callback_user_name: Text<'a>,
    callback_scheduled_time: Time,
    connected_time: Time,
    disconnected_time: Time,
    #[serde(borrow)]
    dialer_preview: Object<DialerPreview<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Address<'a> {
    #[serde(borrow)]
    address_normalized: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct AfterCallWorkBody<'a> {
    #[serde(borrow)]
    state: Text<'a>,
    start_time: Time,
    end_time: Time,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DialerPreview<'a> {
    #[serde(borrow)]
    contact_id: Text<'a>,
    #[serde(borrow)]
    contact_list_id: Text<'a>,
    #[serde(borrow)]
    campaign_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Segment<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    start_time: Time,
    end_time: Time,
}

impl Participant<'_> {
    /// As kept; what is the same as in `before` shares its texts. `None` without an id.
    pub(crate) fn keep(&self, before: Option<&Party>, reading: &mut Reading<'_>) -> Option<Party> {
        let legs = &self.calls.0;
        let role = reading
            .radar
            .word("participant.purpose", self.purpose.as_str(), Role::of)
            .unwrap_or_default();
        let facts = Facts {
            name: &self.name,
            address: &self.address,
            team: &self.team_id,
            group: &self.group_id,
            external_contact: &self.external_contact_id,
            external_organization: &self.external_organization_id,
            uui: legs.first().map(|call| &call.uui_data),
        };
        Some(Party {
            id: self.id.kept_id(before.map(|before| &before.id))?,
            purpose: self
                .purpose
                .kept(before.map(|before| &before.purpose), reading.texts),
            role,
            facts: facts.kept(before, reading.texts),
            user: (self.user_id).kept_id(before.and_then(|before| before.user.as_ref())),
            queue: (self.queue_id).kept_id(before.and_then(|before| before.queue.as_ref())),
            queue_name: None,
            started: self.start_time.0,
            ended: self.end_time.0,
            other_media: [
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
            .any(|list| !list.0.is_empty()),
            consults: (self.consult_participant_id)
                .kept_id(before.and_then(|before| before.consults.as_ref())),
            observes: observation(
                [
                    &self.monitored_participant_id,
                    &self.coached_participant_id,
                    &self.barged_participant_id,
                ],
                legs.iter().find_map(|call| call.barged_time.0),
            ),
            routing: self
                .conversation_routing_data
                .0
                .kept(role, before, reading.texts),
            after_call_work: self.after_call_work(),
            wrapup: (legs.iter().map(|call| &call.wrapup.0))
                .chain([&self.wrapup.0])
                .rfind(|wrapup| wrapup.is_given())
                .and_then(|wrapup| wrapup.kept(before, reading)),
            attributes: kept_attributes(self.attributes, before, reading),
            legs: (legs.iter().enumerate())
                .map(|(ordinal, call)| {
                    let before = before.and_then(|before| before.legs.get(ordinal));
                    call.keep(
                        before,
                        role,
                        (legs.len() == 1).then_some(self.end_time.0).flatten(),
                        reading,
                    )
                })
                .collect(),
            callbacks: (self.callbacks.0.iter().enumerate())
                .map(|(ordinal, callback)| {
                    let before = before.and_then(|before| before.callbacks.get(ordinal));
                    callback.keep(before, reading)
                })
                .collect(),
        })
    }

    fn after_call_work(&self) -> AfterCallWork {
        if self.start_acw_time.0.is_some() {
            return AfterCallWork::of(self.start_acw_time.0, self.end_acw_time.0);
        }
        (self.calls.0.iter().rev())
            .map(|call| &call.after_call_work.0)
            .find(|work| matches!(work.state.as_str(), "pending" | "complete"))
            .map(|work| AfterCallWork::of(work.start_time.0, work.end_time.0))
            .unwrap_or_default()
    }
}

impl Call<'_> {
    /// `party_ended` is the time at which the party's part was over, where it had this call only.
    fn keep(
        &self,
        before: Option<&LegView>,
        role: Role,
        party_ended: Option<UtcMicros>,
        reading: &mut Reading<'_>,
    ) -> LegView {
        let (radar, texts) = (&mut *reading.radar, &mut *reading.texts);
        let direction = radar
            .word("call.direction", self.direction.as_str(), direction)
            .unwrap_or(Direction::Unknown);
        radar.word(
            "call.disconnectType",
            self.disconnect_type.as_str(),
            cause::known,
        );
        let outside = role == Role::Outside;
        // `self` is the party's own end, whoever called. A direction is the organisation's: the party outside called if
        // it is inbound, the party inside if it is outbound. Recorded answers of the platform, which have ani and dnis
        // beside both ends, say so; its tutorial always takes `self` for the caller, and so does a leg without direction.
        let was_called = match direction {
            Direction::Inbound => !outside,
            Direction::Outbound => outside,
            Direction::Unknown => false,
        };
        let (caller, called) = if was_called {
            (&self.other.0, &self.own.0)
        } else {
            (&self.own.0, &self.other.0)
        };
        let past_spells = (self.segments.0.iter())
            .filter_map(|of| PastSpell::of(of.kind.as_str(), of.start_time.0, of.end_time.0))
            .collect();
        LegView {
            communication: self
                .id
                .kept_id(before.and_then(|before| before.communication.as_ref())),
            peer: self
                .peer_id
                .kept_id(before.and_then(|before| before.peer.as_ref())),
            opening: (radar.word(
                "call.initialState",
                self.initial_state.as_str(),
                Phase::from_state,
            ))
            .unwrap_or_default(),
            phase: (radar.word("call.state", self.state.as_str(), Phase::from_state))
                .unwrap_or_default(),
            direction,
            alerted: self.start_alerting_time.0,
            connected: self.connected_time.0,
            ended: self.disconnected_time.0.or(party_ended),
            disconnect_type: self
                .disconnect_type
                .kept(before.map(|before| &before.disconnect_type), texts),
            held: self.held.0,
            hold_start: self.start_hold_time.0,
            past_spells,
            conferences: None,
            parking: Parking::Untold,
            muted: self.muted.0,
            confined: self.confined.0,
            secure_pause: self.secure_pause.0,
            recording: radar.word(
                "call.recordingState",
                self.recording_state.as_str(),
                Recording::from_state,
            ),
            ani: caller
                .address_normalized
                .kept(before.map(|before| &before.ani), texts),
            dnis: called
                .address_normalized
                .kept(before.map(|before| &before.dnis), texts),
            provider: self
                .provider
                .kept(before.map(|before| &before.provider), texts),
            analysis: (self.disposition.0).kept(before, texts),
        }
    }
}

impl Callback<'_> {
    fn keep(&self, before: Option<&CallbackView>, reading: &mut Reading<'_>) -> CallbackView {
        let (radar, texts) = (&mut *reading.radar, &mut *reading.texts);
        radar.word(
            "callback.disconnectType",
            self.disconnect_type.as_str(),
            cause::known,
        );
        let preview = &self.dialer_preview.0;
        let was = before.and_then(|before| before.preview.as_ref());
        let any = [
            &preview.campaign_id,
            &preview.contact_id,
            &preview.contact_list_id,
        ];
        CallbackView {
            id: self.id.kept(before.map(|before| &before.id), texts),
            is_scheduled: self.state.as_str() == "scheduled"
                || self.initial_state.as_str() == "scheduled",
            opening: (radar.word(
                "callback.initialState",
                self.initial_state.as_str(),
                Phase::from_state,
            ))
            .unwrap_or_default(),
            phase: (radar.word("callback.state", self.state.as_str(), Phase::from_state))
                .unwrap_or_default(),
            connected: self.connected_time.0,
            ended: self.disconnected_time.0,
            due: self.callback_scheduled_time.0,
            disconnect_type: self
                .disconnect_type
                .kept(before.map(|before| &before.disconnect_type), texts),
            numbers: kept_list(
                self.callback_numbers.0.iter(),
                before.map(|before| &before.numbers),
                texts,
            ),
            user_name: (self.callback_user_name)
                .kept(before.map(|before| &before.user_name), texts),
            preview: (any.iter().any(|text| !text.is_empty())).then(|| Campaign {
                campaign: preview
                    .campaign_id
                    .kept(was.map(|was| &was.campaign), texts),
                contact: preview.contact_id.kept(was.map(|was| &was.contact), texts),
                contact_list: (preview.contact_list_id)
                    .kept(was.map(|was| &was.contact_list), texts),
            }),
        }
    }
}
