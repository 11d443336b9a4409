//! What the session asks of the wire, and what the wire answers.
//!
//! An [`Order`] is one thing to do; the shell carries it out and returns a [`Reply`] under the same number, always one,
//! also when it failed or its time was up. Tokens and channel addresses stay in `cloud`: here they have names only.

use std::sync::Arc;
use std::time::Duration;

use super::id::{ChannelId, Topic};
use super::roster::{QueueRecord, Station, UserRecord};
use super::time::UtcMicros;

/// The number of an order, unique within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// The number of a websocket, unique within a session: a reconnect to the same channel gets a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// One thing to do on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Do a request and answer with [`Reply`].
    Request {
        /// Returned with the answer.
        id: OrderId,
        /// What to ask.
        what: Request,
    },
    /// Open the channel's websocket; what happens to it is told as [`SocketEvent`]s.
    OpenSocket {
        /// The number that its events will carry.
        socket: SocketId,
        /// Whose socket.
        channel: ChannelId,
    },
    /// Send `{"message":"ping"}`.
    Ping {
        /// On which socket.
        socket: SocketId,
    },
    /// Close it and forget it; no event of it comes after this.
    CloseSocket {
        /// Which one.
        socket: SocketId,
    },
}

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

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A token was granted.
    Token {
        /// How long it lives.
        life: Duration,
    },
    /// A page of users.
    Users(Page<UserRecord>),
    /// A page of queues.
    Queues(Page<QueueRecord>),
    /// A page of stations.
    Stations(Page<Arc<Station>>),
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
