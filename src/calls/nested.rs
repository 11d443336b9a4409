//! A participant of the nested shape: `ConversationEventTopicParticipant` and its calls, and the same in the answer to
//! `GET /api/v2/conversations/{id}` (`Participant`, `Call`), which has segments and start times beside them. Member names
//! from the platform's published .NET SDK 270.0.0. Only what is used is named; the rest is skipped.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::attribute::AttributeRules;
use super::cause;
use super::drift::Radar;
use super::party::{
    AfterCallWork, CallAnalysis, CallbackView, LegView, Observation, Parking, Party, Phase,
    Recording, Role, Routing, ShownAttributes, Wrapup, direction, kept_list,
};
use super::snapshot::Reading;
use super::tolerant::{List, Object, Pairs, Reference, Text, Time, Whole, YesNo};
use crate::model::event::{Campaign, Direction, PartyFacts};
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
pub(crate) struct RoutingData<'a> {
    priority: Whole,
    #[serde(borrow)]
    skills: List<Object<Reference<'a>>>,
    #[serde(borrow)]
    language: Object<Reference<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WrapupBody<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    notes: Text<'a>,
    #[serde(borrow)]
    tags: List<Text<'a>>,
    duration_seconds: Whole,
    end_time: Time,
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
#[serde(default)]
pub(crate) struct Disposition<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    analyzer: Text<'a>,
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
            purpose: self.purpose.kept(before.map(|before| &before.purpose)),
            role,
            facts: facts.kept(before),
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
            routing: self.conversation_routing_data.0.kept(role, before),
            after_call_work: self.after_call_work(),
            wrapup: (legs.iter().map(|call| &call.wrapup.0))
                .chain([&self.wrapup.0])
                .rfind(|wrapup| wrapup.is_given())
                .and_then(|wrapup| wrapup.kept(before, reading.rules)),
            attributes: kept_attributes(self.attributes, before, reading.rules),
            legs: (legs.iter().enumerate())
                .map(|(ordinal, call)| {
                    let before = before.and_then(|before| before.legs.get(ordinal));
                    call.keep(
                        before,
                        role,
                        (legs.len() == 1).then_some(self.end_time.0).flatten(),
                        reading.radar,
                    )
                })
                .collect(),
            callbacks: (self.callbacks.0.iter().enumerate())
                .map(|(ordinal, callback)| {
                    let before = before.and_then(|before| before.callbacks.get(ordinal));
                    callback.keep(before, reading.radar)
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
        radar: &mut Radar,
    ) -> LegView {
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
        let past_holds = (self.segments.0.iter())
            .filter(|segment| segment.kind.as_str().eq_ignore_ascii_case("hold"))
            .filter_map(|segment| segment.start_time.0.zip(segment.end_time.0))
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
                .kept(before.map(|before| &before.disconnect_type)),
            held: self.held.0,
            hold_start: self.start_hold_time.0,
            past_holds,
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
                .kept(before.map(|before| &before.ani)),
            dnis: called
                .address_normalized
                .kept(before.map(|before| &before.dnis)),
            provider: self.provider.kept(before.map(|before| &before.provider)),
            analysis: (self.disposition.0).kept(before),
        }
    }
}

impl Callback<'_> {
    fn keep(&self, before: Option<&CallbackView>, radar: &mut Radar) -> CallbackView {
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
            id: self.id.kept(before.map(|before| &before.id)),
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
                .kept(before.map(|before| &before.disconnect_type)),
            numbers: kept_list(
                self.callback_numbers.0.iter(),
                before.map(|before| &before.numbers),
            ),
            user_name: (self.callback_user_name).kept(before.map(|before| &before.user_name)),
            preview: (any.iter().any(|text| !text.is_empty())).then(|| Campaign {
                campaign: preview.campaign_id.kept(was.map(|was| &was.campaign)),
                contact: preview.contact_id.kept(was.map(|was| &was.contact)),
                contact_list: (preview.contact_list_id).kept(was.map(|was| &was.contact_list)),
            }),
        }
    }
}

// What several shapes tell alike.

/// What a body tells of a party apart from its call.
pub(crate) struct Facts<'t, 'a> {
    pub(crate) name: &'t Text<'a>,
    pub(crate) address: &'t Text<'a>,
    pub(crate) team: &'t Text<'a>,
    pub(crate) group: &'t Text<'a>,
    pub(crate) external_contact: &'t Text<'a>,
    pub(crate) external_organization: &'t Text<'a>,
    pub(crate) uui: Option<&'t Text<'a>>,
}

impl Facts<'_, '_> {
    /// As kept: what was kept before if it is the same.
    pub(crate) fn kept(&self, before: Option<&Party>) -> Arc<PartyFacts> {
        let before = before.map(|before| &before.facts);
        let nothing = Text::default();
        let uui = self.uui.unwrap_or(&nothing);
        if let Some(known) = before {
            let is_same = [
                (&known.name, self.name),
                (&known.address, self.address),
                (&known.team, self.team),
                (&known.group, self.group),
                (&known.external_contact, self.external_contact),
                (&known.external_organization, self.external_organization),
                (&known.uui, uui),
            ]
            .into_iter()
            .all(|(known, shown)| **known == *shown.as_str());
            if is_same {
                return Arc::clone(known);
            }
        }
        Arc::new(PartyFacts {
            name: self.name.kept(before.map(|known| &known.name)),
            address: self.address.kept(before.map(|known| &known.address)),
            team: self.team.kept(before.map(|known| &known.team)),
            group: self.group.kept(before.map(|known| &known.group)),
            external_contact: (self.external_contact)
                .kept(before.map(|known| &known.external_contact)),
            external_organization: (self.external_organization)
                .kept(before.map(|known| &known.external_organization)),
            uui: uui.kept(before.map(|known| &known.uui)),
        })
    }
}

/// Whom the participant listens or speaks to: the ids of those whom it monitors, coaches, has barged in on.
pub(crate) fn observation(
    [monitors, coaches, barged_into]: [&Text<'_>; 3],
    barged: Option<UtcMicros>,
) -> Option<Box<Observation>> {
    if monitors.is_empty() && coaches.is_empty() && barged_into.is_empty() {
        return None;
    }
    Some(Box::new(Observation {
        monitors: monitors.kept_id(None),
        coaches: coaches.kept_id(None),
        barged_into: barged_into.kept_id(None),
        barged,
    }))
}

impl RoutingData<'_> {
    /// What a queue was asked for; nothing of other parties.
    pub(crate) fn kept(&self, role: Role, before: Option<&Party>) -> Option<Arc<Routing>> {
        let asked = self.priority.0.is_some()
            || !self.skills.0.is_empty()
            || !self.language.0.id.is_empty();
        if role != Role::Queue || !asked {
            return None;
        }
        fn name<'t>(of: &'t Reference<'_>) -> &'t str {
            if of.name.is_empty() {
                of.id.as_str()
            } else {
                of.name.as_str()
            }
        }
        let known = before.and_then(|before| before.routing.as_ref());
        let is_same = known.is_some_and(|known| {
            known.priority == self.priority.0
                && *known.language == *name(&self.language.0)
                && known.skills.len() == self.skills.0.len()
                && known
                    .skills
                    .iter()
                    .zip(&self.skills.0)
                    .all(|(known, shown)| **known == *name(&shown.0))
        });
        if is_same {
            return known.cloned();
        }
        Some(Arc::new(Routing {
            priority: self.priority.0,
            skills: (self.skills.0.iter())
                .map(|skill| Arc::from(name(&skill.0)))
                .collect(),
            language: Arc::from(name(&self.language.0)),
        }))
    }
}

impl WrapupBody<'_> {
    pub(crate) fn is_given(&self) -> bool {
        !self.code.is_empty() || !self.notes.is_empty()
    }

    /// The wrap-up, its notes masked; the one that was kept before if it is the same.
    pub(crate) fn kept(
        &self,
        before: Option<&Party>,
        rules: &AttributeRules,
    ) -> Option<Arc<Wrapup>> {
        if !self.is_given() {
            return None;
        }
        let known = before.and_then(|before| before.wrapup.as_ref());
        let shown = Wrapup {
            code: self.code.kept(known.map(|known| &known.code)),
            notes: Text(rules.mask(self.notes.as_str())).kept(known.map(|known| &known.notes)),
            tags: kept_list(self.tags.0.iter(), known.map(|known| &known.tags)),
            duration_s: self.duration_seconds.0,
            given: self.end_time.0,
        };
        match known {
            Some(known) if **known == shown => Some(Arc::clone(known)),
            _ => Some(Arc::new(shown)),
        }
    }
}

impl Disposition<'_> {
    pub(crate) fn kept(&self, before: Option<&LegView>) -> Option<Arc<CallAnalysis>> {
        if self.name.is_empty() && self.analyzer.is_empty() {
            return None;
        }
        let known = before.and_then(|before| before.analysis.as_ref());
        match known {
            Some(known)
                if *known.name == *self.name.as_str()
                    && *known.analyzer == *self.analyzer.as_str() =>
            {
                Some(Arc::clone(known))
            }
            _ => Some(Arc::new(CallAnalysis {
                name: self.name.kept(None),
                analyzer: self.analyzer.kept(None),
            })),
        }
    }
}

/// The attributes that may be told, masked; read again only if their text is another.
pub(crate) fn kept_attributes(
    text: Option<&RawValue>,
    before: Option<&Party>,
    rules: &AttributeRules,
) -> Arc<ShownAttributes> {
    let text = text.map_or("{}", RawValue::get);
    let read_from = twox_hash::XxHash3_128::oneshot(text.as_bytes());
    if let Some(before) = before
        && before.attributes.read_from == read_from
    {
        return Arc::clone(&before.attributes);
    }
    let pairs: Pairs<'_> = serde_json::from_str(text).unwrap_or_default();
    let mut values = Vec::with_capacity(pairs.0.len());
    for (key, value) in &pairs.0 {
        let key = key.as_str();
        let Some(value) = rules.apply(key, value.as_str()) else {
            continue;
        };
        let known = before.and_then(|before| {
            // Nearly always at the same place.
            let known = before.attributes.values.split_at_checked(values.len());
            let (first, rest) = known.unwrap_or((&before.attributes.values, &[]));
            (rest.iter().chain(first)).find(|(known, _)| **known == *key)
        });
        let value = Text(value).kept(known.map(|(_, value)| value));
        let key = known.map_or_else(|| Arc::from(key), |(key, _)| Arc::clone(key));
        values.push((key, value));
    }
    Arc::new(ShownAttributes { read_from, values })
}
