//! What the session tells the other rooms.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::gap::GapChange;
use super::recovery::ReadBody;
use crate::model::event::Source;
use crate::model::feed::{Feed, Scope, Why};
use crate::model::gap::GapId;
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::log::LogLevel;
use crate::model::order::{SocketId, WireNo};
use crate::model::roster::{Queue, Station, UserRecord};
use crate::model::succession::{SuccessionEnd, SuccessionReason};
use crate::model::time::Now;

/// What a [`Session`](super::Session) tells the other rooms.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Users as a page of the roster shows them; every listing tells all of them again.
    Users(Vec<UserRecord>),
    /// Queues as a page of the roster shows them; every listing tells all of them again.
    Queues(Vec<Arc<Queue>>),
    /// Stations as a page of their list shows them.
    Stations(Vec<Arc<Station>>),
    /// Users that were missing from two complete listings in a row.
    UsersRemoved(Vec<UserId>),
    /// The same of queues, or of such as had no members in both.
    QueuesRemoved(Vec<QueueId>),
    /// The topics of these users and queues flow on this socket from now on. While a succession runs they may flow on
    /// another one too, which leads until [`Notice::Succeeded`] says otherwise.
    TopicsFlowing {
        /// The socket that they arrive on.
        socket: SocketId,
        /// Whose topics.
        users: Arc<[UserId]>,
        /// Whose topics.
        queues: Arc<[QueueId]>,
    },
    /// The topics of these users and queues ceased to flow: no socket shows them any more. (Or the successor's does,
    /// but began later than this one's last frame: then [`Notice::TopicsFlowing`] follows at once.)
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
    /// A predecessor's socket was left or is lost, and its successor's leads: what flowed on the one, and was not told
    /// as interrupted, goes on on the other.
    Succeeded {
        /// The predecessor's.
        from: SocketId,
        /// The successor's.
        to: SocketId,
        /// What the succession was for.
        reason: SuccessionReason,
    },
    /// A successor's socket was given up before it led: what flowed on it, and was not told as interrupted, goes on on
    /// its lead's.
    Withdrawn {
        /// The successor's.
        socket: SocketId,
        /// The lead's.
        leads: SocketId,
    },
    /// An attempt at a succession is over, whatever it came to.
    SuccessionEnded {
        /// What it was for.
        reason: SuccessionReason,
        /// What it came to.
        end: SuccessionEnd,
    },
    /// Nothing uses this wire any more.
    WireLeft(WireNo),
    /// What became of a gap.
    Gap(GapChange),
    /// An answer to a read came. What it tells first is told as this source; the shell returns what it told by
    /// [`Session::handle_told`](super::Session::handle_told), before it does anything else.
    Read {
        /// For which gaps it was read; none for a quiet call.
        gaps: BTreeSet<GapId>,
        /// The answer.
        what: ReadBody,
        /// Recovered, or a snapshot at the start.
        source: Source,
    },
    /// The conversations that go on are to be named to [`Session::handle_live`](super::Session::handle_live).
    AskLive {
        /// For which gaps.
        gaps: BTreeSet<GapId>,
    },
    /// The platform does not know this conversation any more: asked for twice, as long apart as quiet calls are left alone,
    /// while no topic showed it. Whatever is open of it is to be closed.
    CallGone {
        /// Which one.
        conversation: ConversationId,
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
