//! What the session asks of the wire, and what the wire answers.
//!
//! An [`Order`] is one thing to do; the shell carries it out and returns a [`Reply`] under the same number, always one,
//! also when it failed or its time was up. Tokens and channel addresses stay in `cloud`: here they have names only.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::id::{ChannelId, ConversationId, Topic, UserId};
use super::roster::{QueueRecord, Station, UserRecord};
use super::time::UtcMicros;

/// The number of an order, unique within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// The number of a websocket, unique within a session: a reconnect to the same channel gets a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// The number of a wire, unique within a session: one region, client and secret, reached in one way. Settings that
/// change any of these make a new wire, which is used beside the old one until everything has moved to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireNo(pub u32);

/// One thing to do on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Do a request and answer with [`Reply`].
    Request {
        /// Returned with the answer.
        id: OrderId,
        /// What to ask.
        what: Request,
        /// Over which wire, and so with whose token.
        wire: WireNo,
    },
    /// Open the channel's websocket; what happens to it is told as [`SocketEvent`]s.
    OpenSocket {
        /// The number that its events will carry.
        socket: SocketId,
        /// Whose socket.
        channel: ChannelId,
        /// The wire that made the channel.
        wire: WireNo,
    },
    /// Send `{"message":"ping"}`.
    Ping {
        /// On which socket.
        socket: SocketId,
    },
    /// Send `{"message":"unsubscribe","topics":[…]}`: the only way to take single topics off a channel. The platform's
    /// answer has no number, so none is told.
    Unfollow {
        /// On which socket.
        socket: SocketId,
        /// Which topics.
        topics: Vec<Topic>,
    },
    /// Close it and forget it; no event of it comes after this.
    CloseSocket {
        /// Which one.
        socket: SocketId,
    },
}

/// How many users one request may ask about.
pub const USERS_AT_ONCE: usize = 100;

/// A request to the region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `POST {login}/oauth/token`. The token stays with `cloud`, which uses the newest from then on.
    Token,
    /// `GET /api/v2/users?pageSize=100&pageNumber={page}&expand=presence,routingStatus,station`.
    Users {
        /// From 1.
        page: u32,
    },
    /// `GET /api/v2/routing/queues?pageSize=100&pageNumber={page}`.
    Queues {
        /// From 1.
        page: u32,
    },
    /// `GET /api/v2/stations?pageSize=100&pageNumber={page}`.
    Stations {
        /// From 1.
        page: u32,
    },
    /// `GET /api/v2/users?id=…&expand=presence,routingStatus,station&state=any`: what is now true of these users.
    UsersById {
        /// At most [`USERS_AT_ONCE`].
        ids: Vec<UserId>,
    },
    /// `GET /api/v2/conversations/{id}`.
    Conversation {
        /// Which one.
        id: ConversationId,
    },
    /// `POST /api/v2/analytics/conversations/details/query`: calls and callbacks that began on a day that the interval
    /// touches: those that ended last first; of those that have not ended, the earliest first.
    ConversationDetails {
        /// The start of the interval.
        from: UtcMicros,
        /// Its end, which does not belong to it.
        to: UtcMicros,
        /// Only those that have not ended.
        only_open: bool,
        /// From 1. Pages shift while conversations begin and end: an empty one is the end, not a number.
        page: u32,
    },
    /// `POST /api/v2/analytics/users/details/query`: presences and routing statuses of these users in the interval.
    UserDetails {
        /// At most [`USERS_AT_ONCE`].
        users: Vec<UserId>,
        /// The start of the interval.
        from: UtcMicros,
        /// Its end.
        to: UtcMicros,
        /// From 1.
        page: u32,
    },
    /// `GET /api/v2/notifications/channels?includechannels=oauthclient`: the census of the client's channels.
    Channels,
    /// `POST /api/v2/notifications/channels`. Never repeated once bytes were sent.
    CreateChannel,
    /// `HEAD /api/v2/notifications/channels/{id}`.
    ProbeChannel {
        /// Which one.
        channel: ChannelId,
    },
    /// `POST …/subscriptions?ignoreErrors=true`: adds topics to a channel.
    Subscribe {
        /// To which channel.
        channel: ChannelId,
        /// At most 1,000 on a channel.
        topics: Vec<Topic>,
    },
    /// `DELETE …/subscriptions`: takes all topics off a channel that is left.
    Unsubscribe {
        /// From which channel.
        channel: ChannelId,
    },
}

impl Request {
    /// What it asks, without the particulars.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Token => RequestKind::Token,
            Self::Users { .. } => RequestKind::Users,
            Self::Queues { .. } => RequestKind::Queues,
            Self::Stations { .. } => RequestKind::Stations,
            Self::UsersById { .. } => RequestKind::UsersById,
            Self::Conversation { .. } => RequestKind::Conversation,
            Self::ConversationDetails { .. } => RequestKind::ConversationDetails,
            Self::UserDetails { .. } => RequestKind::UserDetails,
            Self::Channels => RequestKind::Channels,
            Self::CreateChannel => RequestKind::CreateChannel,
            Self::ProbeChannel { .. } => RequestKind::ProbeChannel,
            Self::Subscribe { .. } => RequestKind::Subscribe,
            Self::Unsubscribe { .. } => RequestKind::Unsubscribe,
        }
    }
}

/// What a [`Request`] asks: what requests are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// A token.
    Token,
    /// A page of users.
    Users,
    /// A page of queues.
    Queues,
    /// A page of stations.
    Stations,
    /// A channel.
    CreateChannel,
    /// Whether a channel is there.
    ProbeChannel,
    /// Topics onto a channel.
    Subscribe,
    /// Topics off a channel.
    Unsubscribe,
    /// Which channels there are.
    Channels,
    /// What users do now.
    UsersById,
    /// What users did in an interval.
    UserDetails,
    /// One conversation.
    Conversation,
    /// The conversations of an interval.
    ConversationDetails,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A token was granted.
    Token {
        /// How long it lives.
        life: Duration,
    },
    /// A page of users: of the list, or those that were asked for by id.
    Users(Page<UserRecord>),
    /// A page of queues.
    Queues(Page<QueueRecord>),
    /// A page of stations.
    Stations(Page<Arc<Station>>),
    /// A conversation, as the platform tells it.
    Conversation(BodyText),
    /// Conversations, as analytics tells them.
    ConversationDetails(DetailsPage),
    /// Presences and routing statuses of users, as analytics tells them.
    UserDetails(DetailsPage),
    /// The channels of the OAuth client.
    Channels {
        /// Those that this wire made and the platform names: it names the channels of the newest token only.
        own: Vec<ChannelId>,
        /// How many more there are: of this wire's earlier tokens, of a peer, of an earlier process, or of a foreign
        /// program on the same client id.
        others: usize,
    },
    /// A channel was made.
    Channel {
        /// Its id.
        channel: ChannelId,
        /// When it ends.
        expires: Option<UtcMicros>,
    },
    /// Whether the channel is there (HEAD: 200 or 404).
    ChannelExists(bool),
    /// Which topics the platform took, each with its verdict.
    Subscribed(Vec<TopicVerdict>),
    /// The topics were taken off.
    Unsubscribed,
    /// It did not succeed.
    Failed(Failure),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The page's rows. Rows that could not be read are counted in `unread`.
    pub rows: Vec<T>,
    /// Rows without an id or of a wrong type.
    pub unread: u32,
    /// This page's number, from 1.
    pub number: u32,
    /// How many pages the list says it has.
    pub of: u32,
}

/// A page of an analytics query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetailsPage {
    /// The rows, each as its own text. None: the last page was the one before.
    pub bodies: Vec<BodyText>,
    /// Of conversations: what each row is about, in the same order. Of users: none.
    pub heads: Vec<DetailsHead>,
    /// `totalHits`, if told. The platform calls it approximate.
    pub total: Option<u64>,
}

/// What a row of conversation details is about: enough to know a row that comes twice, and where to stop reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetailsHead {
    /// Which conversation; `None` if the row does not say.
    pub id: Option<ConversationId>,
    /// When it ended; `None` if it goes on.
    pub ended: Option<UtcMicros>,
}

/// JSON as it came, for `calls` to read. It holds persons' data, so its [`fmt::Debug`] shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct BodyText(Box<str>);

impl From<&str> for BodyText {
    fn from(text: &str) -> Self {
        Self(Box::from(text))
    }
}

impl From<String> for BodyText {
    fn from(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

impl Deref for BodyText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BodyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a body of {} bytes", self.0.len())
    }
}

/// What the platform said to one topic of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicVerdict {
    /// The topic as asked for, or one that a combined topic expanded to.
    pub topic: Topic,
    /// Permitted or rejected.
    pub permitted: bool,
    /// `rejectionReason` and `missingPermissions`, for people; empty if permitted.
    pub reason: String,
}

/// What happened to a websocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketEvent {
    /// The handshake is done; frames may come.
    Opened,
    /// Any inbound frame: the link lives.
    Activity,
    /// The answer to a ping.
    Pong,
    /// `v2.system.socket_closing`: the platform will close it within a minute.
    Closing,
    /// `v2.system.no_longer_subscribed` or `v2.system.token_revoked`, or a 404 reply: the channel is lost.
    ChannelLost(String),
    /// It ended: closed by the platform, or broken. No event of it comes after this.
    Ended(Failure),
}

/// Why something on the wire did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind: what the session decides by.
    pub kind: FailureKind,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// How long the platform asked to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// For people: what failed, at which hop, what to check. Holds no secret.
    pub message: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The token endpoint refused the client (`invalid_client`), with 400 or 401.
    CredentialsRefused,
    /// 401 on a request: the token is bad, expired or revoked.
    TokenRefused,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 429.
    RateLimited,
    /// 5xx and 408: the platform's side.
    Server,
    /// Another refusal of the request itself (400, 409, 413, 415).
    Refused,
    /// Not reached: name, connection, TLS, time-out, or the connection broke.
    Link,
    /// An answer came that could not be read.
    Unreadable,
}
