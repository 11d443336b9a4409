//! Events: what happened, in the words of computer-telephony (CSTA, ECMA-269, where it has one).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{CommunicationId, ConversationId, ParticipantId};
use super::roster::{Queue, Station, User};
use super::time::UtcMicros;

/// What an event tells. The numbers are the C ABI's: only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u32)]
pub enum EventKind {
    /// Events were lost; stands in their place and names them.
    Lost = 1,
    /// The state of the feed changed (see [`super::feed`]).
    FeedState = 2,
    /// A connection alerts: a device rings (CSTA Delivered).
    Delivered = 10,
    /// A connection dials out (CSTA Originated).
    Originated = 11,
    /// A connection was answered: media flows (CSTA Established).
    Established = 12,
    /// CSTA Held.
    Held = 13,
    /// CSTA Retrieved.
    Retrieved = 14,
    /// The party's microphone was muted.
    Muted = 15,
    /// The party's microphone is open again.
    Unmuted = 16,
    /// A connection is over for media (CSTA ConnectionCleared).
    ConnectionCleared = 17,
    /// The last connection of the call is over (CSTA CallCleared).
    CallCleared = 18,
    /// A conversation was seen for the first time.
    CallCreated = 19,
    /// A connection is offered to its party, and nothing rings yet (CSTA Offered): the platform's `offering`.
    Offered = 20,
    /// The call joined a queue (CSTA Queued).
    Queued = 21,
    /// The call left the queue; the reason is the outcome: `answered`, `abandoned`, `flow_out`.
    Dequeued = 22,
    /// The call entered a flow: an IVR, a bot or a workflow answered it.
    FlowEntered = 23,
    /// A connection that rang was not answered, and the call goes elsewhere (CSTA Diverted).
    Diverted = 24,
    /// A connection could not be set up (CSTA Failed).
    Failed = 25,
    /// The party was isolated from the others.
    Confined = 26,
    /// The party is no longer isolated.
    Unconfined = 27,
    /// The party parked the call: no media until it is taken back.
    Parked = 28,
    /// The call was taken back from where it was parked.
    Unparked = 29,
    /// A party asks another one, while the call waits (CSTA Consultation Call).
    ConsultStarted = 30,
    /// The consult became a transfer or a conference; the reason says which.
    ConsultCompleted = 31,
    /// The consult ended, and the call goes on as before.
    ConsultCancelled = 32,
    /// A party handed the call on (CSTA Transferred); the reason says `blind` or `attended`.
    Transferred = 33,
    /// Three people talk (CSTA Conferenced).
    Conferenced = 34,
    /// One more party joined a conference.
    PartyAdded = 35,
    /// A party left a conference that goes on.
    PartyLeft = 36,
    /// The platform's recording of the party pauses; the reason says why: `secure`, `hold_suppression`, `unknown`.
    RecordingPaused = 37,
    /// It goes on, or the connection ended while it paused (reason `ended`).
    RecordingResumed = 38,
    /// An attribute of the conversation was set or changed (CSTA Call Information).
    AttributeChanged = 39,
    /// An agent's presence changed.
    AgentPresence = 40,
    /// An agent's routing status became one that is new to us.
    AgentRoutingStatus = 41,
    /// A user was associated with a station.
    StationAssociated = 42,
    /// A user left a station.
    StationLeft = 43,
    /// An agent's presence is no longer offline (CSTA Agent Logged On).
    AgentLoggedOn = 44,
    /// An agent's presence became offline (CSTA Agent Logged Off).
    AgentLoggedOff = 45,
    /// An agent waits for work (CSTA Agent Ready): `IDLE`.
    AgentReady = 46,
    /// An agent takes no work (CSTA Agent Not Ready): `OFF_QUEUE`, `NOT_RESPONDING`.
    AgentNotReady = 47,
    /// An agent is busy (CSTA Agent Busy): `INTERACTING` with work of a queue, `COMMUNICATING` apart from queues.
    AgentBusy = 48,
    /// A station's persistent connection stands.
    PersistentConnectionUp = 49,
    /// A call uses the persistent connection.
    PersistentConnectionActive = 50,
    /// The persistent connection is gone.
    PersistentConnectionDown = 51,
    /// An agent's work after the call began (CSTA Agent Working After Call).
    AfterCallWorkStarted = 60,
    /// It ended.
    AfterCallWorkEnded = 61,
    /// A wrap-up was given (CSTA Call Information).
    WrapUp = 62,
    /// A caller's message was taken by a voicemail.
    VoicemailDeposited = 63,
    /// A callback was scheduled.
    CallbackScheduled = 64,
    /// A callback was offered to its party.
    CallbackDelivered = 65,
    /// A callback was taken by its party.
    CallbackEstablished = 66,
    /// A callback is over.
    CallbackCleared = 67,
    /// A supervisor listens to a party.
    MonitoringStarted = 68,
    /// A supervisor speaks to a party, unheard by the others.
    CoachingStarted = 69,
    /// A supervisor broke into the call.
    BargedIn = 70,
    /// Nothing more comes of the call: all its connections are put away, and work after it is done.
    CallTerminated = 71,
    /// Something of the region has no channel on which it flows: events of it may be missing (see [`super::gap`]).
    GapOpened = 72,
    /// Everything that a gap covers was read; what was missing has been told, or is named.
    GapClosed = 73,
    /// A connection was followed by another one without a gap.
    FeedRenewed = 74,
}

/// How an event's id is made, and with that how far it can be relied upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdClass {
    /// It happens once: the id is that of conversation, leg and kind. Exact: the same under any interleaving, duplication,
    /// source and node.
    Once,
    /// It happens again: the id holds the platform's time of it too. Exact, where the platform told that time.
    Timed,
    /// It happens again, and the platform tells neither time nor version: the id holds its number. Equal for streams that
    /// are each in order.
    Untimed,
    /// It is about this feed: no other one has its id.
    Feed,
}

impl EventKind {
    /// How the id of such an event is made.
    #[must_use]
    pub const fn id_class(self) -> IdClass {
        match self {
            Self::Lost
            | Self::FeedState
            | Self::GapOpened
            | Self::GapClosed
            | Self::FeedRenewed => IdClass::Feed,
            Self::Held
            | Self::Parked
            | Self::WrapUp
            | Self::AgentPresence
            | Self::AgentRoutingStatus
            | Self::AgentLoggedOn
            | Self::AgentLoggedOff
            | Self::AgentReady
            | Self::AgentNotReady
            | Self::AgentBusy
            | Self::PersistentConnectionUp
            | Self::PersistentConnectionActive
            | Self::PersistentConnectionDown => IdClass::Timed,
            Self::Retrieved
            | Self::Muted
            | Self::Unmuted
            | Self::Confined
            | Self::Unconfined
            | Self::Unparked
            | Self::RecordingPaused
            | Self::RecordingResumed
            | Self::AttributeChanged
            | Self::StationAssociated
            | Self::StationLeft => IdClass::Untimed,
            _ => IdClass::Once,
        }
    }
}

/// Where the knowledge of an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A notification of the change itself.
    Live,
    /// The first sight of something already in progress.
    Snapshot,
    /// A read after a gap.
    Recovered,
    /// Concluded, not seen; the reason says from what.
    Synthetic,
}

/// The id of an event: equal for the same fact, whoever saw it and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u128);

/// The state of a connection (CSTA connection states, with the platform's own after them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConnectionState {
    /// Not known, or the event is not about a connection.
    Unknown,
    /// Being set up (CSTA Initiated): dialing or contacting.
    Initiated,
    /// Ringing (CSTA Alerting).
    Alerting,
    /// Media flows (CSTA Connected).
    Connected,
    /// On hold (CSTA Hold).
    Hold,
    /// In a queue (CSTA Queued).
    Queued,
    /// Over (CSTA Null).
    Null,
    /// Parked: no media until somebody takes it back.
    Parked,
}

/// Why a connection ended or moved (CSTA event causes; the platform's own word is beside it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// None was told.
    None,
    /// Ended by a party in the ordinary way: `client`, `endpoint`, `peer`.
    NormalClearing,
    /// Blind transfer: `transfer`.
    SingleStepTransfer,
    /// Attended transfer: `transfer.consult`.
    Transfer,
    /// `transfer.conference`.
    Conference,
    /// `transfer.forward`.
    CallForward,
    /// `transfer.noanswer`.
    CallForwardNoAnswer,
    /// `transfer.notavailable`.
    Overflow,
    /// `endpoint.dnd`, `transfer.dnd`.
    DoNotDisturb,
    /// `timeout`: not answered in time.
    NoAnswer,
    /// `error`, `transport.failure`.
    NetworkSignalLost,
    /// `system`.
    SystemCleared,
    /// `spam`, `uncallable`.
    Blocked,
    /// `other`, or a word that is new to us.
    Unknown,
    /// Set up by a dialer for a campaign.
    MakePredictiveCall,
}

/// Which way a call or connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// Not told.
    Unknown,
    /// Towards the organization, or towards this party.
    Inbound,
    /// From it.
    Outbound,
}

/// Yes, no, or not told by any form that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Flag {
    /// Not told.
    #[default]
    Unknown,
    /// No.
    No,
    /// Yes.
    Yes,
}

impl From<bool> for Flag {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// What is known of a party apart from its call. What was not told is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PartyFacts {
    /// Its name, as the platform shows it: of a caller often only a place.
    pub name: Arc<str>,
    /// Its own address.
    pub address: Arc<str>,
    /// Id of the user's team.
    pub team: Arc<str>,
    /// Id of the group that rang.
    pub group: Arc<str>,
    /// Id of the external contact.
    pub external_contact: Arc<str>,
    /// Id of the external organization.
    pub external_organization: Arc<str>,
    /// User-to-user information of the call leg (SIP UUI): only the nested form tells it.
    pub uui: Arc<str>,
}

/// A connection that another one's event names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRef {
    /// The party.
    pub participant: ParticipantId,
    /// The call leg, where it was told.
    pub communication: Option<CommunicationId>,
    /// The user who is the party, if one is.
    pub user: Option<Arc<User>>,
}

impl ConnectionRef {
    /// The id by which hosts know the connection: the call leg's, or the participant's where no form told the leg's.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.communication {
            Some(communication) => communication.as_str(),
            None => self.participant.as_str(),
        }
    }
}

/// A text that customers or agents wrote. Its `Debug` shows how long it is and nothing else, so that no log has it.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Private(pub Arc<str>);

impl std::ops::Deref for Private {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for Private {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// A word or two beside an event, which most events go without. None takes no count of references: that of the empty text would
/// belong to all threads that make events and let go of them, and each would wait for the others.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Arc<str>")]
pub struct Remark(Option<Arc<str>>);

impl std::ops::Deref for Remark {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Arc<str>> for Remark {
    fn from(text: Arc<str>) -> Self {
        Self(Some(text).filter(|text| !text.is_empty()))
    }
}

impl From<&str> for Remark {
    fn from(text: &str) -> Self {
        Self((!text.is_empty()).then(|| Arc::from(text)))
    }
}

impl From<String> for Remark {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Serialize for Remark {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

impl std::fmt::Debug for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&**self, f)
    }
}

/// What only some kinds of events tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Consult, transfer, conference, observation: what else takes part.
    Related {
        /// The other conversation, if it is in one of its own.
        conversation: Option<ConversationId>,
        /// The connection that ends or waits; of an observation, the one that is observed.
        old: Option<ConnectionRef>,
        /// The connection that takes its place or is asked.
        new: Option<ConnectionRef>,
    },
    /// Conferenced: who talks.
    Conference {
        /// The parties, in the order in which they were connected.
        parties: Arc<[ConnectionRef]>,
    },
    /// Queued: what the queue was asked for.
    Routing {
        /// `routingPriority`: higher is sooner.
        priority: Option<i64>,
        /// Names of the requested skills; ids where no name was told.
        skills: Arc<[Arc<str>]>,
        /// Name or id of the requested language; empty if none was.
        language: Arc<str>,
    },
    /// One attribute.
    Attribute {
        /// Its key.
        key: Arc<str>,
        /// Its value now.
        value: Private,
        /// Its value before; `None`: it had none.
        previous: Option<Private>,
        /// The first value that the conversation had under this key.
        first: Private,
    },
    /// Call cleared: all attributes that the conversation had, in the order of their first appearance.
    Attributes(Arc<[AttributeValues]>),
    /// A wrap-up.
    WrapUp {
        /// Id of the code.
        code: Arc<str>,
        /// Notes, masked like attributes.
        notes: Private,
        /// Tags.
        tags: Arc<[Arc<str>]>,
        /// How long it took, in seconds, where told.
        duration_s: Option<i64>,
    },
    /// A callback.
    Callback {
        /// Id of the callback object.
        id: Arc<str>,
        /// The numbers to call.
        numbers: Arc<[Arc<str>]>,
        /// Whom to call.
        user_name: Arc<str>,
        /// When it is due.
        scheduled: Option<UtcMicros>,
        /// The dialer's preview, if it is one.
        preview: Option<Campaign>,
    },
    /// A dialer's call: what the dialer told of it.
    Dialer {
        /// The campaign, where told.
        campaign: Option<Campaign>,
        /// Name of the call analysis' result (`disposition.name`); empty if none was told.
        disposition: Arc<str>,
        /// Who analysed (`disposition.analyzer`).
        analyzer: Arc<str>,
    },
}

/// Which contact of which campaign a dialer called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Campaign {
    /// Id of the campaign.
    pub campaign: Arc<str>,
    /// Id of the contact.
    pub contact: Arc<str>,
    /// Id of the contact list.
    pub contact_list: Arc<str>,
}

/// One attribute's first and last value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeValues {
    /// Its key.
    pub key: Arc<str>,
    /// The first value.
    pub first: Private,
    /// The last one.
    pub last: Private,
}

/// What is known of one connection: made anew only when one of its facts changes, shared by its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The conversation that the customer contact began with; its own id if there is no other.
    pub root_contact: ConversationId,
    /// The party.
    pub participant: Option<ParticipantId>,
    /// The call leg; only the nested form and REST tell it.
    pub communication: Option<CommunicationId>,
    /// The leg at the other side (`peerId` or `peer`).
    pub peer: Option<CommunicationId>,
    /// The user who is the party, if one is.
    pub user: Option<Arc<User>>,
    /// The station that user was associated with when the connection was made known.
    pub station: Option<Arc<Station>>,
    /// The queue it came through.
    pub queue: Option<Arc<Queue>>,
    /// Direction of the call as seen by the party.
    pub direction: Direction,
    /// The platform's word for the party's role: `customer`, `agent`, `user`, `acd`, `ivr`, …
    pub purpose: Arc<str>,
    /// Calling address (ANI).
    pub ani: Arc<str>,
    /// Called address (DNIS).
    pub dnis: Arc<str>,
    /// The platform's telephony provider, for example `Edge`.
    pub provider: Arc<str>,
    /// What is known of the party apart from its call.
    pub party: Arc<PartyFacts>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A connection.
    Connection(Arc<Connection>),
    /// An agent, apart from any call.
    Agent {
        /// Who.
        user: Arc<User>,
        /// The station that was associated or left, where that is what happened.
        station: Option<Arc<Station>>,
    },
    /// The feed itself.
    Feed(Arc<super::feed::StateReport>),
    /// A run of events that were lost.
    Lost(Lost),
    /// A time at which something did not flow.
    Gap(Arc<super::gap::GapRecord>),
    /// A connection was followed by another one.
    Renewal(super::succession::SuccessionReason),
}

/// The place of events that were lost. Their numbers are skipped in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The first sequence number that is missing.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Received time of the first.
    pub from: UtcMicros,
    /// Received time of the last.
    pub to: UtcMicros,
}

/// One event, as `calls` makes it and `delivery` numbers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Equal for the same fact.
    pub id: EventId,
    /// Whether the id is the same under any interleaving, duplication, source and node.
    pub id_exact: bool,
    /// How it is known.
    pub source: Source,
    /// When it happened, by the platform's clock.
    pub platform_time: Option<UtcMicros>,
    /// When the frame or answer that told it arrived here.
    pub received: UtcMicros,
    /// What it is about.
    pub subject: Subject,
    /// State after it.
    pub state: ConnectionState,
    /// State before it.
    pub previous: ConnectionState,
    /// Why.
    pub cause: Cause,
    /// The platform's word behind `cause` or behind the new state (`transfer.noanswer`, `ON_QUEUE`, …).
    pub raw: Remark,
    /// For presence: the organization's definition id; for synthetic events: from what it was concluded; else empty.
    pub reason: Remark,
    /// On hold, after the event.
    pub held: Flag,
    /// Muted, after the event.
    pub muted: Flag,
    /// Isolated from the others, after the event.
    pub confined: Flag,
    /// In a secure pause, after the event.
    pub secure_pause: Flag,
    /// What only its kind tells.
    pub detail: Option<Arc<Detail>>,
}
