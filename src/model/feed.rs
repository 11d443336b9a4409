//! The life of an adapter and the state of its feed: what the host's fallback decisions hang on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{Topic, UserId};
use super::time::UtcMicros;

/// Where an adapter stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Life {
    /// Made, without settings.
    Created,
    /// Has settings, not started.
    Configured,
    /// Started; no feed yet.
    Starting,
    /// Started, and the feed has been up at least once.
    Running,
    /// Told to stop; a callback may still be inside.
    Stopping,
    /// Beyond its own help; says why, and can be stopped and started again.
    Failed,
}

/// How much of the region the feed covers right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Feed {
    /// Nothing flows.
    Down,
    /// Flows, and what was missed before is being read.
    Recovering,
    /// Flows for a part; the scope says which part does not.
    Degraded,
    /// Flows for every user and queue of the roster.
    Up,
}

/// Why the feed is not up, in the words that decide what an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Why {
    /// Nothing is wrong.
    None,
    /// Starting, or connecting again in the ordinary course.
    Connecting,
    /// The platform refused the client id or secret.
    CredentialsRefused,
    /// A permission is missing for some topics or reads.
    PermissionMissing,
    /// The region cannot be reached: name, network, TLS, or the platform itself.
    Link,
    /// A limit of the platform: requests, topics or channels.
    Limit,
    /// Another program with the same client id took the channel.
    ChannelTaken,
    /// The host takes events more slowly than they come.
    Backlog,
    /// A defect in this library, contained.
    Internal,
    /// The adapter was asked to stop.
    Stopped,
    /// The journal cannot be written, or gave up events: what is handed over may not survive a crash.
    Journal,
}

/// What the state of the feed is about: empty lists mean all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Users that are not followed.
    pub users: Arc<[UserId]>,
    /// Topics that are not followed.
    pub topics: Arc<[Topic]>,
}

/// One report of the state: delivered out of band, and in the feed at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateReport {
    /// Where the adapter stands.
    pub life: Life,
    /// What the feed covers.
    pub feed: Feed,
    /// Why it is not more.
    pub why: Why,
    /// What it concerns.
    pub scope: Scope,
    /// For people: what happened and what to check. Holds no secret and no person's data.
    pub message: Arc<str>,
    /// When.
    pub at: UtcMicros,
}
