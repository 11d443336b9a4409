//! Events: what happened, in the words of computer-telephony (CSTA, ECMA-269, where it has one).

use std::sync::Arc;

use super::id::{CommunicationId, ConversationId, ParticipantId};
use super::roster::{Queue, Station, User};
use super::time::UtcMicros;

/// What an event tells. The numbers are the C ABI's: only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// An agent's presence changed.
    AgentPresence = 40,
    /// An agent's routing status changed.
    AgentRoutingStatus = 41,
    /// A user was associated with a station.
    StationAssociated = 42,
    /// A user left a station.
    StationLeft = 43,
}

/// Where the knowledge of an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

/// The state of a connection (CSTA connection states, with the platform's own after them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

/// Why a connection ended or moved (CSTA event causes; the platform's own word is beside it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

/// Which way a call or connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Not told.
    Unknown,
    /// Towards the organization, or towards this party.
    Inbound,
    /// From it.
    Outbound,
}

/// Yes, no, or not told by any form that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

/// What is known of one connection: made anew only when one of its facts changes, shared by its events.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// The place of events that were lost. Their numbers are skipped in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub raw: Arc<str>,
    /// For presence: the organization's definition id; for synthetic events: from what it was concluded; else empty.
    pub reason: Arc<str>,
    /// On hold, after the event.
    pub held: Flag,
    /// Muted, after the event.
    pub muted: Flag,
    /// Isolated from the others, after the event.
    pub confined: Flag,
    /// In a secure pause, after the event.
    pub secure_pause: Flag,
}
