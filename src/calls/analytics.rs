//! A conversation as analytics tells it (`AnalyticsConversation`, conversation details; member names from the platform's
//! published .NET SDK 270.0.0): sessions with segments instead of states and times. Read after the fact, it tells what no
//! notification did.
//!
//! It tells no attributes, no mute, no peer's state; what it does not tell, it does not show.

use std::sync::Arc;

use serde::Deserialize;

use super::cause;
use super::drift::Radar;
use super::keeping::{Facts, observation};
use super::party::{
    AfterCallWork, CallAnalysis, CallbackView, LegView, Parking, Party, PastSpell, Phase, Role,
    Wrapup, direction, kept_list,
};
use super::snapshot::{Head, Reading, Snapshot};
use super::texts::Texts;
use super::tolerant::{List, Text, Time, YesNo};
use crate::model::event::{Campaign, Direction};
use crate::model::time::UtcMicros;

/// One conversation.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Conversation<'a> {
    #[serde(borrow)]
    conversation_id: Text<'a>,
    conversation_end: Time,
    #[serde(borrow)]
    associated_conversation_id: Text<'a>,
    #[serde(borrow)]
    consultation_conversation_ids: List<Text<'a>>,
    #[serde(borrow)]
    participants: List<Participant<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Participant<'a> {
    #[serde(borrow)]
    participant_id: Text<'a>,
    #[serde(borrow)]
    participant_name: Text<'a>,
    #[serde(borrow)]
    purpose: Text<'a>,
    #[serde(borrow)]
    user_id: Text<'a>,
    #[serde(borrow)]
    team_id: Text<'a>,
    #[serde(borrow)]
    external_contact_id: Text<'a>,
    #[serde(borrow)]
    external_organization_id: Text<'a>,
    #[serde(borrow)]
    sessions: List<Session<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Session<'a> {
    #[serde(borrow)]
    media_type: Text<'a>,
    #[serde(borrow)]
    session_id: Text<'a>,
    #[serde(borrow)]
    peer_id: Text<'a>,
    #[serde(borrow)]
    direction: Text<'a>,
    #[serde(borrow)]
    ani: Text<'a>,
    #[serde(borrow)]
    dnis: Text<'a>,
    #[serde(borrow)]
    provider: Text<'a>,
    #[serde(borrow)]
    address_self: Text<'a>,
    #[serde(borrow)]
    monitored_participant_id: Text<'a>,
    #[serde(borrow)]
    coached_participant_id: Text<'a>,
    #[serde(borrow)]
    barged_participant_id: Text<'a>,
    #[serde(borrow)]
    disposition_name: Text<'a>,
    #[serde(borrow)]
    disposition_analyzer: Text<'a>,
    #[serde(borrow)]
    callback_numbers: List<Text<'a>>,
    #[serde(borrow)]
    callback_user_name: Text<'a>,
    callback_scheduled_time: Time,
    #[serde(borrow)]
    outbound_campaign_id: Text<'a>,
    #[serde(borrow)]
    outbound_contact_id: Text<'a>,
    #[serde(borrow)]
    outbound_contact_list_id: Text<'a>,
    #[serde(borrow)]
    segments: List<Segment<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Segment<'a> {
    #[serde(borrow)]
    segment_type: Text<'a>,
    segment_start: Time,
    segment_end: Time,
    conference: YesNo,
    #[serde(borrow)]
    disconnect_type: Text<'a>,
    #[serde(borrow)]
    queue_id: Text<'a>,
    #[serde(borrow)]
    group_id: Text<'a>,
    #[serde(borrow)]
    wrap_up_code: Text<'a>,
    #[serde(borrow)]
    wrap_up_note: Text<'a>,
    #[serde(borrow)]
    wrap_up_tags: List<Text<'a>>,
}

impl Conversation<'_> {
    /// As a snapshot. `None` without an id.
    pub(crate) fn snapshot(&self, reading: &mut Reading<'_>) -> Option<Snapshot> {
        let head = Head {
            associated: self.associated_conversation_id.kept_id(None),
            consultations: (self.consultation_conversation_ids.0.iter())
                .filter_map(|id| id.kept_id(None))
                .collect(),
            ended: self.conversation_end.0,
            ..Head::default()
        };
        let parties = (self.participants.0.iter())
            .filter_map(|party| party.keep(head.ended.is_some(), reading))
            .collect();
        Some(Snapshot::of(
            self.conversation_id.kept_id(None)?,
            head,
            parties,
        ))
    }
}

impl Participant<'_> {
    fn keep(&self, is_ended: bool, reading: &mut Reading<'_>) -> Option<Party> {
        let sessions = |media: &'static str| {
            (self.sessions.0.iter()).filter(move |session| session.media_type.as_str() == media)
        };
        let voice = || sessions("voice");
        let segments = || voice().flat_map(|session| &session.segments.0);
        let nothing = Text::default();
        let any = |of: fn(&Segment<'_>) -> bool| segments().find(|segment| of(segment));
        let queue = any(|segment| !segment.queue_id.is_empty());
        let group = any(|segment| !segment.group_id.is_empty());
        let first = voice().next();
        let facts = Facts {
            name: &self.participant_name,
            address: first.map_or(&nothing, |session| &session.address_self),
            team: &self.team_id,
            group: group.map_or(&nothing, |segment| &segment.group_id),
            external_contact: &self.external_contact_id,
            external_organization: &self.external_organization_id,
            uui: None,
        };
        Some(Party {
            id: self.participant_id.kept_id(None)?,
            purpose: self.purpose.kept(None, reading.texts),
            role: (reading.radar)
                .word("participant.purpose", self.purpose.as_str(), Role::of)
                .unwrap_or_default(),
            facts: facts.kept(None, reading.texts),
            user: self.user_id.kept_id(None),
            queue: queue.and_then(|segment| segment.queue_id.kept_id(None)),
            queue_name: None,
            started: segments()
                .filter_map(|segment| segment.segment_start.0)
                .min(),
            ended: None,
            other_media: false,
            consults: None,
            observes: first.and_then(|session| {
                let barged = session.segment_of("barging");
                observation(
                    session.observed(),
                    barged.and_then(|segment| segment.segment_start.0),
                )
            }),
            routing: None,
            after_call_work: (any(|segment| segment.is("wrapup")))
                .map(|work| AfterCallWork::of(work.segment_start.0, work.segment_end.0))
                .unwrap_or_default(),
            wrapup: (any(|segment| !segment.wrap_up_code.is_empty()))
                .map(|segment| Arc::new(segment.wrapup(reading))),
            attributes: Arc::default(),
            legs: voice()
                .map(|session| session.leg(is_ended, reading))
                .collect(),
            callbacks: sessions("callback")
                .map(|session| session.callback(reading))
                .collect(),
        })
    }
}

impl Segment<'_> {
    fn is(&self, kind: &str) -> bool {
        self.segment_type.as_str() == kind
    }

    /// Whether media flows in it, or did before it.
    fn is_talk(&self) -> bool {
        matches!(
            self.segment_type.as_str(),
            "interact"
                | "hold"
                | "ivr"
                | "voicemail"
                | "parked"
                | "monitoring"
                | "coaching"
                | "barging"
        )
    }

    fn wrapup(&self, reading: &mut Reading<'_>) -> Wrapup {
        let texts = &mut *reading.texts;
        Wrapup {
            code: self.wrap_up_code.kept(None, texts),
            notes: Text(reading.rules.mask(self.wrap_up_note.as_str())).kept(None, texts),
            tags: kept_list(self.wrap_up_tags.0.iter(), None, texts),
            duration_s: (self.segment_end.0.zip(self.segment_start.0))
                .map(|(to, from)| (to.0 - from.0) / 1_000_000),
            // The segment may end at another time than that of the wrap-up.
            given: None,
        }
    }

    /// The word that notifications use.
    fn disconnect_type(&self, radar: &mut Radar, texts: &mut Texts) -> Arc<str> {
        let known = |word: &str| cause::known(notification_word(word));
        radar.word(
            "segment.disconnectType",
            self.disconnect_type.as_str(),
            known,
        );
        texts.keep(notification_word(self.disconnect_type.as_str()))
    }

    fn phase(&self) -> Phase {
        match self.segment_type.as_str() {
            "alert" => Phase::Alerting,
            "dialing" => Phase::Dialing,
            "contacting" => Phase::Contacting,
            _ if self.is_talk() => Phase::Connected,
            _ => Phase::Untold,
        }
    }
}

impl Session<'_> {
    fn segment_of(&self, kind: &str) -> Option<&Segment<'_>> {
        self.segments.0.iter().find(|segment| segment.is(kind))
    }

    /// Whom it monitors, coaches, has barged in on. A supervisor goes over from one to the other with the same participant,
    /// and is named to it by the last of these only; the segments tell the ones before.
    fn observed(&self) -> [&Text<'_>; 3] {
        let named = [
            (&self.monitored_participant_id, "monitoring"),
            (&self.coached_participant_id, "coaching"),
            (&self.barged_participant_id, "barging"),
        ];
        let any = (named.iter().rev()).find_map(|(id, _)| (!id.is_empty()).then_some(*id));
        named.map(|(id, kind)| match any {
            Some(any) if id.is_empty() && self.segment_of(kind).is_some() => any,
            Some(_) | None => id,
        })
    }

    /// The segments but for work after the call.
    fn media(&self) -> impl DoubleEndedIterator<Item = &Segment<'_>> {
        (self.segments.0.iter()).filter(|segment| !segment.is("wrapup"))
    }

    /// When it was over for media: its last segment has an end, and nothing followed.
    fn ended(&self, is_ended: bool) -> Option<UtcMicros> {
        let last = self.media().next_back()?;
        let is_over =
            is_ended || !last.disconnect_type.is_empty() || self.segment_of("wrapup").is_some();
        last.segment_end.0.filter(|_| is_over)
    }

    /// When it talked in a conference; one that goes on has no end. `None` if that is not told.
    fn conferences(&self) -> Option<Box<[(UtcMicros, UtcMicros)]>> {
        let told = |segment: &&Segment<'_>| segment.conference.0.is_some();
        self.media().find(told)?;
        let conferences = self.media().filter_map(|segment| {
            let from = (segment.segment_start.0).filter(|_| segment.conference.0 == Some(true))?;
            Some((from, segment.segment_end.0.unwrap_or(UtcMicros(i64::MAX))))
        });
        Some(conferences.collect())
    }

    fn leg(&self, is_ended: bool, reading: &mut Reading<'_>) -> LegView {
        let (radar, texts) = (&mut *reading.radar, &mut *reading.texts);
        let ended = self.ended(is_ended);
        let last = self.media().next_back();
        let phase = match ended {
            Some(_) if is_ended => Phase::PutAway,
            Some(_) => Phase::Over,
            None => last.map_or(Phase::Untold, Segment::phase),
        };
        let hold = last.filter(|segment| segment.is("hold") && segment.segment_end.0.is_none());
        let parked = last.filter(|segment| segment.is("parked") && segment.segment_end.0.is_none());
        let analysis = (!self.disposition_name.is_empty()).then(|| {
            Arc::new(CallAnalysis {
                name: self.disposition_name.kept(None, texts),
                analyzer: self.disposition_analyzer.kept(None, texts),
            })
        });
        LegView {
            communication: self.session_id.kept_id(None),
            peer: self.peer_id.kept_id(None),
            opening: (self.media().next()).map_or(Phase::Untold, Segment::phase),
            phase,
            direction: (radar.word("session.direction", self.direction.as_str(), direction))
                .unwrap_or(Direction::Unknown),
            alerted: (self.segment_of("alert")).and_then(|segment| segment.segment_start.0),
            connected: (self.media().find(|segment| segment.is_talk()))
                .and_then(|segment| segment.segment_start.0),
            ended,
            disconnect_type: last
                .map_or_else(Arc::default, |last| last.disconnect_type(radar, texts)),
            held: (phase == Phase::Connected).then_some(hold.is_some()),
            hold_start: hold.and_then(|segment| segment.segment_start.0),
            past_spells: (self.media())
                .filter_map(|of| {
                    let (from, to) = (of.segment_start.0, of.segment_end.0);
                    PastSpell::of(of.segment_type.as_str(), from, to)
                })
                .collect(),
            conferences: self.conferences(),
            parking: match parked {
                Some(segment) => Parking::Yes(segment.segment_start.0),
                None => Parking::Untold,
            },
            muted: None,
            confined: None,
            secure_pause: None,
            recording: None,
            ani: self.ani.kept(None, texts),
            dnis: self.dnis.kept(None, texts),
            provider: self.provider.kept(None, texts),
            analysis,
        }
    }

    fn callback(&self, reading: &mut Reading<'_>) -> CallbackView {
        let (radar, texts) = (&mut *reading.radar, &mut *reading.texts);
        let last = self.media().next_back();
        let ended = last
            .filter(|segment| !segment.disconnect_type.is_empty())
            .and_then(|segment| segment.segment_end.0);
        let talk = |segment: &&Segment<'_>| segment.is("interact") || segment.is("callback");
        let taken = self.media().find(talk);
        let campaign = [
            &self.outbound_campaign_id,
            &self.outbound_contact_id,
            &self.outbound_contact_list_id,
        ];
        CallbackView {
            id: self.session_id.kept(None, texts),
            is_scheduled: self.segment_of("scheduled").is_some(),
            opening: if self.segment_of("alert").is_some() {
                Phase::Alerting
            } else {
                Phase::Untold
            },
            phase: if ended.is_some() {
                Phase::Over
            } else {
                Phase::Untold
            },
            connected: taken.and_then(|segment| segment.segment_start.0),
            ended,
            due: self.callback_scheduled_time.0,
            disconnect_type: last
                .map_or_else(Arc::default, |last| last.disconnect_type(radar, texts)),
            numbers: kept_list(self.callback_numbers.0.iter(), None, texts),
            user_name: self.callback_user_name.kept(None, texts),
            preview: (campaign.iter().any(|text| !text.is_empty())).then(|| Campaign {
                campaign: self.outbound_campaign_id.kept(None, texts),
                contact: self.outbound_contact_id.kept(None, texts),
                contact_list: self.outbound_contact_list_id.kept(None, texts),
            }),
        }
    }
}

/// The word that notifications use for a `disconnectType` of analytics.
fn notification_word(word: &str) -> &str {
    match word {
        "consultTransfer" => "transfer.consult",
        "conferenceTransfer" => "transfer.conference",
        "forwardTransfer" => "transfer.forward",
        "noAnswerTransfer" => "transfer.noanswer",
        "notAvailableTransfer" => "transfer.notavailable",
        "dndEndpoint" => "endpoint.dnd",
        "dndTransfer" => "transfer.dnd",
        "transportFailure" => "transport.failure",
        "sessionExpired" => "session.expired",
        same => same,
    }
}
