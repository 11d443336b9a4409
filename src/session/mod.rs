//! What to do next: tokens, channels, subscriptions, reconnects.
//!
//! Knows: the state of the conversation with the platform, and time as it is told. Does not know: sockets, HTTP, the
//! machine's clock, what a call is. Input: replies and socket events. Output: orders, the roster, the state of the feed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::model::feed::{Feed, Scope, Why};
use crate::model::id::{QueueId, UserId};
use crate::model::log::LogLevel;
use crate::model::order::{Order, OrderId, Reply, SocketEvent, SocketId};
use crate::model::roster::{Queue, UserRecord};
use crate::model::time::Now;

/// What a [`Session`] is given at its birth.
#[derive(Debug, Clone)]
pub struct Config {
    /// No more requests than this are ordered in any 60 seconds.
    pub requests_per_minute: u32,
    /// Users and queues are listed again this long after the last complete listing.
    pub roster_interval: Duration,
    /// What the jitter of the back-off is drawn from: the same seed and inputs give the same outputs.
    pub seed: u64,
}

/// What a [`Session`] tells the other rooms.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Users as a page of the roster shows them; every listing tells all of them again.
    Users(Vec<UserRecord>),
    /// Queues as a page of the roster shows them; every listing tells all of them again.
    Queues(Vec<Arc<Queue>>),
    /// Users that were missing from two complete listings in a row.
    UsersRemoved(Vec<UserId>),
    /// The topics of these users and queues flow from now on.
    TopicsFlowing {
        /// The socket that they arrive on.
        socket: SocketId,
        /// Whose topics.
        users: Arc<[UserId]>,
        /// Whose topics.
        queues: Arc<[QueueId]>,
    },
    /// The topics of these users and queues ceased to flow.
    TopicsInterrupted {
        /// The socket that they arrived on.
        socket: SocketId,
        /// Whose topics.
        users: Arc<[UserId]>,
        /// Whose topics.
        queues: Arc<[QueueId]>,
        /// When the last frame came on that socket: what happened after it was not seen.
        since: Now,
    },
    /// The feed's state is another one; never told twice in a row.
    Feed {
        /// What the feed covers.
        feed: Feed,
        /// Why it is not more.
        why: Why,
        /// Which users and topics are not followed; empty lists mean all of it.
        scope: Scope,
        /// For people: what happened and what to check.
        message: Arc<str>,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line. Holds no secret and no person's data.
        message: String,
    },
}

/// The conversation with one region.
pub struct Session {
    orders: VecDeque<Order>,
    notices: VecDeque<Notice>,
}

impl Session {
    /// A session that has done nothing yet; its first orders can be polled at once.
    #[must_use]
    pub fn new(_config: Config, _now: Now) -> Self {
        Self {
            orders: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }
    /// The answer to an order.
    pub fn handle_reply(&mut self, _id: OrderId, _reply: Reply, _now: Now) {}
    /// What happened to a websocket.
    pub fn handle_socket(&mut self, _socket: SocketId, _event: SocketEvent, _now: Now) {}
    /// The time that [`Session::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, _now: Now) {}
    /// The next thing to do on the wire.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }
    /// The next thing to tell the other rooms.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }
    /// When to call [`Session::handle_timeout`], as a value of [`Now::elapsed`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }
    /// What the feed covers now.
    #[must_use]
    pub fn feed(&self) -> Feed {
        Feed::Down
    }
}
