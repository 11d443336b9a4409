//! Who and what the feed is about: users, queues, stations, as the platform's REST interface lists them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{QueueId, StationId, UserId};
use super::time::UtcMicros;

/// A user as events name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The platform's id.
    pub id: UserId,
    /// Display name.
    pub name: Arc<str>,
    /// E-mail address; empty if the platform told none.
    pub email: Arc<str>,
}

/// A queue as events name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The platform's id.
    pub id: QueueId,
    /// Display name.
    pub name: Arc<str>,
}

/// One queue of the roster (`GET /api/v2/routing/queues`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRecord {
    /// Which queue.
    pub queue: Arc<Queue>,
    /// How many members it has (`memberCount`), if the list told it: a queue without any is not followed.
    pub members: Option<u32>,
}

/// A station as events name it. What a source does not tell stays empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// The platform's id.
    pub id: StationId,
    /// Display name.
    pub name: Arc<str>,
    /// The platform's word for its kind, for example `inin_webrtc_softphone`, `inin_remote`; empty if unknown.
    pub kind: Arc<str>,
    /// Extension or line address; empty if unknown.
    pub extension: Arc<str>,
}

/// One user of the roster with the state that the list told (`GET /api/v2/users?expand=presence,routingStatus,station`).
#[derive(Debug, Clone, PartialEq)]
pub struct UserRecord {
    /// Who it is.
    pub user: Arc<User>,
    /// Presence, if the list told it.
    pub presence: Option<PresenceRecord>,
    /// Routing status, if the list told it.
    pub routing_status: Option<RoutingStatusRecord>,
    /// The associated station. `None`: the list did not tell; `Some(None)`: none is associated.
    pub station: Option<Option<Arc<Station>>>,
}

/// A user's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRecord {
    /// The system presence as spelt by the source (`"On Queue"` in REST, `"ON_QUEUE"` on topics).
    pub system_presence: Arc<str>,
    /// The organization's own presence definition; empty if none was told.
    pub definition_id: Arc<str>,
    /// Since when.
    pub modified: Option<UtcMicros>,
}

/// A user's routing status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingStatusRecord {
    /// `OFF_QUEUE`, `IDLE`, `INTERACTING`, `NOT_RESPONDING`, `COMMUNICATING`, or a word that is new to us.
    pub status: Arc<str>,
    /// Since when.
    pub start: Option<UtcMicros>,
}
