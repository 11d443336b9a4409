//! A participant as one body shows it, the same for every shape, and kept.

use std::fmt;
use std::sync::Arc;

use super::texts::Texts;
use super::tolerant::Text;
use crate::model::event::{Campaign, Direction, PartyFacts};
use crate::model::id::{CommunicationId, ParticipantId, QueueId, UserId};
use crate::model::time::UtcMicros;

/// A participant: one party, or one attempt to reach one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) id: ParticipantId,
    pub(crate) purpose: Arc<str>,
    pub(crate) role: Role,
    pub(crate) facts: Arc<PartyFacts>,
    pub(crate) user: Option<UserId>,
    pub(crate) queue: Option<QueueId>,
    pub(crate) queue_name: Option<Arc<str>>,
    /// `startTime`, which the nested shape of notifications lacks.
    pub(crate) started: Option<UtcMicros>,
    /// `endTime` of the participant.
    pub(crate) ended: Option<UtcMicros>,
    /// Whether the participant takes part by another medium too (a chat, an e-mail, …), so that it is not over when its
    /// calls are.
    pub(crate) other_media: bool,
    /// The participant that this one consults.
    pub(crate) consults: Option<ParticipantId>,
    pub(crate) observes: Option<Box<Observation>>,
    pub(crate) routing: Option<Arc<Routing>>,
    pub(crate) after_call_work: AfterCallWork,
    pub(crate) wrapup: Option<Arc<Wrapup>>,
    pub(crate) attributes: Arc<ShownAttributes>,
    /// Its calls, by ordinal. The flat shape shows one.
    pub(crate) legs: Vec<LegView>,
    /// Its callbacks, by ordinal. Only nested shapes show them.
    pub(crate) callbacks: Vec<CallbackView>,
}

/// What a purpose comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Somebody with a voice: an agent, a user, and whatever is new to us.
    #[default]
    Person,
    /// The party outside.
    Outside,
    /// A queue.
    Queue,
    /// A flow: it talks, but nobody does.
    Flow,
    /// A voicemail.
    Voicemail,
    /// A dialer or its campaign.
    Dialer,
    /// A system party of another kind.
    System,
}

impl Role {
    /// Reads the platform's `purpose` (words of `AnalyticsParticipantWithoutAttributes`). `None`: none, or a word that is new;
    /// then it is a person.
    pub(crate) fn of(purpose: &str) -> Option<Self> {
        Some(match purpose {
            "customer" | "external" => Self::Outside,
            "acd" => Self::Queue,
            "ivr" | "botflow" | "workflow" | "voicesurveyflow" => Self::Flow,
            "voicemail" => Self::Voicemail,
            "dialer" | "campaign" | "outbound" => Self::Dialer,
            "api" | "fax" => Self::System,
            "agent" | "group" | "inbound" | "manual" | "station" | "user" => Self::Person,
            _ => return None,
        })
    }

    /// Whether somebody speaks there.
    pub(crate) fn is_person(self) -> bool {
        matches!(self, Self::Person | Self::Outside)
    }
}

/// Whom a supervisor listens or speaks to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Observation {
    pub(crate) monitors: Option<ParticipantId>,
    pub(crate) coaches: Option<ParticipantId>,
    pub(crate) barged_into: Option<ParticipantId>,
    pub(crate) barged: Option<UtcMicros>,
}

/// What a queue was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routing {
    pub(crate) priority: Option<i64>,
    pub(crate) skills: Arc<[Arc<str>]>,
    pub(crate) language: Arc<str>,
}

/// An agent's work after the call, of all calls of the participant together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AfterCallWork {
    pub(crate) started: Option<UtcMicros>,
    pub(crate) ended: Option<UtcMicros>,
}

impl AfterCallWork {
    /// Reads both times. Work that ends when it begins was skipped: there was none.
    pub(crate) fn of(started: Option<UtcMicros>, ended: Option<UtcMicros>) -> Self {
        match (started, ended) {
            (Some(from), Some(to)) if to <= from => Self::default(),
            _ => Self { started, ended },
        }
    }

    /// Whether it began and has not ended.
    pub(crate) fn goes_on(self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }
}

/// A wrap-up as given.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Wrapup {
    pub(crate) code: Arc<str>,
    /// Masked.
    pub(crate) notes: Arc<str>,
    pub(crate) tags: Arc<[Arc<str>]>,
    pub(crate) duration_s: Option<i64>,
    pub(crate) given: Option<UtcMicros>,
}

impl fmt::Debug for Wrapup {
    /// No notes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapup")
            .field("code", &self.code)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

/// The attributes that may be told, masked.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct ShownAttributes {
    /// Hash of the text that they were read from: the same text needs no second reading.
    pub(crate) read_from: u128,
    pub(crate) values: Vec<(Arc<str>, Arc<str>)>,
}

impl fmt::Debug for ShownAttributes {
    /// No value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.values.iter().map(|(key, _)| key))
            .finish()
    }
}

/// A call of a participant, as one body shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LegView {
    pub(crate) communication: Option<CommunicationId>,
    pub(crate) peer: Option<CommunicationId>,
    pub(crate) opening: Phase,
    pub(crate) phase: Phase,
    pub(crate) direction: Direction,
    pub(crate) alerted: Option<UtcMicros>,
    pub(crate) connected: Option<UtcMicros>,
    pub(crate) ended: Option<UtcMicros>,
    pub(crate) disconnect_type: Arc<str>,
    pub(crate) held: Option<bool>,
    pub(crate) hold_start: Option<UtcMicros>,
    /// Holds and parkings that are over, as answers to reads tell them, in order.
    pub(crate) past_spells: Vec<PastSpell>,
    /// When it talked in a conference, from and to, where that is told: analytics alone does.
    pub(crate) conferences: Option<Box<[(UtcMicros, UtcMicros)]>>,
    pub(crate) parking: Parking,
    pub(crate) muted: Option<bool>,
    pub(crate) confined: Option<bool>,
    pub(crate) secure_pause: Option<bool>,
    pub(crate) recording: Option<Recording>,
    pub(crate) ani: Arc<str>,
    pub(crate) dnis: Arc<str>,
    pub(crate) provider: Arc<str>,
    pub(crate) analysis: Option<Arc<CallAnalysis>>,
}

/// Where a call stands, from the platform's `state`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `none`, a word that is new to us, or nothing: says nothing.
    #[default]
    Untold,
    /// `dialing`.
    Dialing,
    /// `contacting`: the party's own station is being called.
    Contacting,
    /// `offering`: a system party (IVR, queue) or the outside party is about to take it; nothing rings.
    Offered,
    /// `alerting`.
    Alerting,
    /// `connected`; `parked`, which only the flat shape tells.
    Connected,
    /// `disconnected`: over for media.
    Over,
    /// `terminated`: over, and nothing more comes of it.
    PutAway,
}

/// Whether a call is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parking {
    /// This shape does not tell.
    Untold,
    /// No. The time is that of the last return, where it was told.
    No(Option<UtcMicros>),
    /// Yes, since then, where it was told.
    Yes(Option<UtcMicros>),
}

/// A hold or a parking that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastSpell {
    pub(crate) is_parking: bool,
    pub(crate) from: UtcMicros,
    pub(crate) to: UtcMicros,
}

impl PastSpell {
    /// From a segment of a read, which names what the leg was in; conversations and analytics write the names in other cases.
    /// `None`: it was in something else, or is in it still.
    pub(crate) fn of(
        segment: &str,
        from: Option<UtcMicros>,
        to: Option<UtcMicros>,
    ) -> Option<Self> {
        let is = |word: &str| segment.eq_ignore_ascii_case(word);
        let is_parking = is("parked") || is("park");
        (is_parking || is("hold")).then_some(())?;
        Some(Self {
            is_parking,
            from: from?,
            to: to?,
        })
    }
}

/// The platform's recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    Inactive,
    Active,
    Paused,
}

/// What a dialer's call analysis found (`disposition`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallAnalysis {
    pub(crate) name: Arc<str>,
    pub(crate) analyzer: Arc<str>,
}

/// A callback of a participant, as one body shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallbackView {
    pub(crate) id: Arc<str>,
    pub(crate) is_scheduled: bool,
    pub(crate) opening: Phase,
    pub(crate) phase: Phase,
    pub(crate) connected: Option<UtcMicros>,
    pub(crate) ended: Option<UtcMicros>,
    pub(crate) due: Option<UtcMicros>,
    pub(crate) disconnect_type: Arc<str>,
    pub(crate) numbers: Arc<[Arc<str>]>,
    pub(crate) user_name: Arc<str>,
    pub(crate) preview: Option<Campaign>,
}

impl Phase {
    /// Reads the platform's word. Fax states (`converting`, `uploading`, `transmitting`) and `scheduled` say nothing about
    /// the media of a voice call. `None`: no word, or one that is new.
    pub(crate) fn from_state(state: &str) -> Option<Self> {
        Some(match state {
            "dialing" => Self::Dialing,
            "contacting" => Self::Contacting,
            "offering" => Self::Offered,
            "alerting" => Self::Alerting,
            "connected" | "parked" => Self::Connected,
            "disconnected" => Self::Over,
            "terminated" => Self::PutAway,
            "none" | "converting" | "uploading" | "transmitting" | "scheduled" => Self::Untold,
            _ => return None,
        })
    }

    /// How far it is: a connection never goes back.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Untold => 0,
            Self::Dialing | Self::Contacting | Self::Offered | Self::Alerting => 1,
            Self::Connected => 2,
            Self::Over => 3,
            Self::PutAway => 4,
        }
    }

    /// Whether it is over for media.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Over | Self::PutAway)
    }
}

impl Recording {
    /// Reads the platform's word, which REST conversations write in capitals. `None`: no word, or one that is new.
    pub(crate) fn from_state(state: &str) -> Option<Self> {
        let is = |word: &str| state.eq_ignore_ascii_case(word);
        if is("paused") {
            Some(Self::Paused)
        } else if is("active") {
            Some(Self::Active)
        } else if is("none") {
            Some(Self::Inactive)
        } else {
            None
        }
    }
}

/// What a shared text takes beside itself: the two counts.
const SHARED: usize = 16;

impl LegView {
    /// Bytes that it takes, most of its texts apart, which are shared.
    fn bytes(&self) -> usize {
        let ids = self.communication.iter().chain(&self.peer);
        size_of::<Self>() + ids.map(|id| SHARED + id.as_str().len()).sum::<usize>()
    }

    /// Whether it is over for media. A leg in after-call work can still say `connected`, with the time of its end beside it.
    pub(crate) fn is_over(&self) -> bool {
        self.phase.is_over() || self.ended.is_some()
    }

    /// How far it is.
    pub(crate) fn rank(&self) -> u8 {
        if self.is_over() {
            self.phase.rank().max(Phase::Over.rank())
        } else {
            self.phase.rank()
        }
    }

    /// Whether media flows.
    pub(crate) fn is_connected(&self) -> bool {
        self.phase == Phase::Connected && !self.is_over()
    }

    /// Whether it was ever answered, as far as this body tells.
    pub(crate) fn was_answered(&self) -> bool {
        self.phase == Phase::Connected || self.connected.is_some()
    }
}

impl CallbackView {
    pub(crate) fn is_over(&self) -> bool {
        self.phase.is_over() || self.ended.is_some()
    }
}

impl Party {
    /// Bytes that it takes beside its own size. Texts that it shares with others count too.
    pub(crate) fn bytes(&self) -> usize {
        let text = |text: &Arc<str>| SHARED + text.len();
        let facts = &self.facts;
        let (name, address) = (text(&facts.name), text(&facts.address));
        let attributes = self.attributes.values.iter();
        let attributes = attributes
            .map(|(key, value)| size_of_val(key) + size_of_val(value) + text(key) + text(value));
        SHARED
            + size_of::<PartyFacts>()
            + (name + address)
            + self.id.as_str().len()
            + self.legs.iter().map(LegView::bytes).sum::<usize>()
            + self.callbacks.len() * size_of::<CallbackView>()
            + attributes.sum::<usize>()
    }

    /// The supervisor's observation that is no mere listening in: who barged in talks like anybody.
    pub(crate) fn only_observes(&self) -> bool {
        self.observes
            .as_ref()
            .is_some_and(|observation| observation.barged_into.is_none())
    }
}

/// Reads the platform's word for a direction. `None`: no word, or one that is new.
pub(crate) fn direction(word: &str) -> Option<Direction> {
    match word {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    }
}

/// A list of texts as kept: the one that was kept before if it is the same.
pub(crate) fn kept_list<'t>(
    texts: impl ExactSizeIterator<Item = &'t Text<'t>> + Clone,
    before: Option<&Arc<[Arc<str>]>>,
    kept: &mut Texts,
) -> Arc<[Arc<str>]> {
    match before {
        Some(before)
            if before.len() == texts.len()
                && before
                    .iter()
                    .zip(texts.clone())
                    .all(|(known, shown)| **known == *shown.as_str()) =>
        {
            Arc::clone(before)
        }
        _ if texts.len() == 0 => Arc::default(),
        _ => texts.map(|text| kept.keep(text.as_str())).collect(),
    }
}
