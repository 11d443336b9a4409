//! A participant of the flat shape: `ConversationCallEventTopicCallMediaParticipant` and its queue twin, which is the same
//! member for member (names from the platform's published .NET SDK 270.0.0). Only what is used is named.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cause;
use super::keeping::{Disposition, Facts, RoutingData, WrapupBody, kept_attributes, observation};
use super::party::{AfterCallWork, LegView, Parking, Party, Phase, Recording, Role, direction};
use super::snapshot::Reading;
use super::tolerant::{Object, Reference, Text, Time, YesNo};
use crate::model::event::Direction;

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
    address: Text<'a>,
    #[serde(borrow)]
    user: Object<Reference<'a>>,
    #[serde(borrow)]
    queue: Object<Reference<'a>>,
    #[serde(borrow)]
    team: Object<Reference<'a>>,
    #[serde(borrow)]
    group: Object<Reference<'a>>,
    #[serde(borrow)]
    external_contact: Object<Reference<'a>>,
    #[serde(borrow)]
    external_organization: Object<Reference<'a>>,
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
    peer: Text<'a>,
    #[serde(borrow)]
    provider: Text<'a>,
    #[serde(borrow)]
    ani: Text<'a>,
    #[serde(borrow)]
    dnis: Text<'a>,
    #[serde(borrow)]
    consult_participant_id: Text<'a>,
    #[serde(borrow)]
    monitored_participant_id: Text<'a>,
    #[serde(borrow)]
    coached_participant_id: Text<'a>,
    #[serde(borrow)]
    barged_participant_id: Text<'a>,
    barged_time: Time,
    start_time: Time,
    connected_time: Time,
    end_time: Time,
    start_hold_time: Time,
    park_time: Time,
    resume_time: Time,
    start_acw_time: Time,
    end_acw_time: Time,
    held: YesNo,
    muted: YesNo,
    confined: YesNo,
    secure_pause: YesNo,
    #[serde(borrow)]
    conversation_routing_data: Object<RoutingData<'a>>,
    #[serde(borrow)]
    wrapup: Object<WrapupBody<'a>>,
    #[serde(borrow)]
    disposition: Object<Disposition<'a>>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

impl Participant<'_> {
    /// As kept; what is the same as in `before` shares its texts. `None` without an id.
    pub(crate) fn keep(&self, before: Option<&Party>, reading: &mut Reading<'_>) -> Option<Party> {
        let leg = before.and_then(|before| before.legs.first());
        let (radar, texts) = (&mut *reading.radar, &mut *reading.texts);
        let role = (radar.word("participant.purpose", self.purpose.as_str(), Role::of))
            .unwrap_or_default();
        radar.word(
            "participant.disconnectType",
            self.disconnect_type.as_str(),
            cause::known,
        );
        let parking = if self.state.as_str() == "parked" {
            Parking::Yes(self.park_time.0)
        } else {
            Parking::No(self.resume_time.0)
        };
        let view = LegView {
            // This shape has no id for the party's own leg; `peer` is the other side's.
            communication: None,
            peer: self.peer.kept_id(leg.and_then(|leg| leg.peer.as_ref())),
            opening: (radar.word(
                "participant.initialState",
                self.initial_state.as_str(),
                Phase::from_state,
            ))
            .unwrap_or_default(),
            phase: (radar.word("participant.state", self.state.as_str(), Phase::from_state))
                .unwrap_or_default(),
            direction: (radar.word("participant.direction", self.direction.as_str(), direction))
                .unwrap_or(Direction::Unknown),
            alerted: None,
            connected: self.connected_time.0,
            // After-call work begins when the media is over.
            ended: self.end_time.0.or(self.start_acw_time.0),
            disconnect_type: self
                .disconnect_type
                .kept(leg.map(|leg| &leg.disconnect_type), texts),
            held: self.held.0,
            hold_start: self.start_hold_time.0,
            past_spells: Vec::new(),
            conferences: None,
            parking,
            muted: self.muted.0,
            confined: self.confined.0,
            secure_pause: self.secure_pause.0,
            recording: radar.word(
                "participant.recordingState",
                self.recording_state.as_str(),
                Recording::from_state,
            ),
            ani: self.ani.kept(leg.map(|leg| &leg.ani), texts),
            dnis: self.dnis.kept(leg.map(|leg| &leg.dnis), texts),
            provider: self.provider.kept(leg.map(|leg| &leg.provider), texts),
            analysis: (self.disposition.0).kept(leg, texts),
        };
        let (user, queue) = (&self.user.0, &self.queue.0);
        let facts = Facts {
            name: &self.name,
            address: &self.address,
            team: &self.team.0.id,
            group: &self.group.0.id,
            external_contact: &self.external_contact.0.id,
            external_organization: &self.external_organization.0.id,
            uui: None,
        };
        Some(Party {
            id: self.id.kept_id(before.map(|before| &before.id))?,
            purpose: self
                .purpose
                .kept(before.map(|before| &before.purpose), reading.texts),
            role,
            facts: facts.kept(before, reading.texts),
            user: (user.id).kept_id(before.and_then(|before| before.user.as_ref())),
            queue: (queue.id).kept_id(before.and_then(|before| before.queue.as_ref())),
            queue_name: (!queue.name.is_empty()).then(|| {
                let known = before.and_then(|before| before.queue_name.as_ref());
                queue.name.kept(known, reading.texts)
            }),
            started: self.start_time.0,
            ended: self.end_time.0,
            other_media: false,
            consults: (self.consult_participant_id)
                .kept_id(before.and_then(|before| before.consults.as_ref())),
            observes: observation(
                [
                    &self.monitored_participant_id,
                    &self.coached_participant_id,
                    &self.barged_participant_id,
                ],
                self.barged_time.0,
            ),
            routing: self
                .conversation_routing_data
                .0
                .kept(role, before, reading.texts),
            after_call_work: AfterCallWork::of(self.start_acw_time.0, self.end_acw_time.0),
            wrapup: self.wrapup.0.kept(before, reading),
            attributes: kept_attributes(self.attributes, before, reading),
            legs: vec![view],
            callbacks: Vec::new(),
        })
    }
}
