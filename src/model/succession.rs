//! Successions: why a connection is followed by another one, and what an attempt came to.

use serde::{Deserialize, Serialize};

/// Why a successor is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SuccessionReason {
    /// The token nears its end.
    TokenEnds,
    /// The channel nears its end.
    ChannelEnds,
    /// The platform announced that it closes the socket.
    SocketClosing,
    /// The restart of the day (`RestartTime`).
    Scheduled,
    /// The host asked for it (`gca_restart`).
    Asked,
    /// New settings.
    Settings,
    /// Many topics were taken off the channel, and the platform does not say whether they are: another one has room.
    TopicsMoved,
}

/// What an attempt at a succession came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuccessionEnd {
    /// The successor proved itself and the predecessor was left: no gap.
    Succeeded,
    /// The successor was dropped whole; it is tried again while the predecessor lives.
    Failed,
    /// The predecessor died meanwhile: the successor leads, and there is a gap.
    Inherited,
}
