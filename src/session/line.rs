//! A line: one notification channel with its one socket, whom it carries and how far that has come, and what is asked
//! for its sake.
//!
//! A line owns what it opened. Whoever lets go of one does it through [`Session::let_go`](super::Session), which closes
//! its socket, has its topics taken off, and forgets what was asked for it; a channel that is made for a line that is
//! gone is left in the same way. So nothing stays behind, whichever way an attempt ended.

use std::time::Duration;

use super::channel::{Channel, Socket};
use super::errand::Errand;
use super::following::Following;
use crate::model::order::{SocketId, WireNo};
use crate::model::time::Now;

/// Which line: the shard that it is of, and its number, which no other line of the session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineId {
    pub(super) shard: usize,
    pub(super) number: u64,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: LineId,
    /// The wire that its channel is made on.
    pub(super) wire: WireNo,
    pub(super) channel: Option<Channel>,
    pub(super) following: Following,
    pub(super) create: Errand,
    pub(super) probe: Errand,
    pub(super) subscribe: Errand,
    /// When everyone was asked for, or those again whose topics were refused.
    pub(super) asked_at: Duration,
    /// Topics that were taken off the channel. The platform does not say whether they are.
    pub(super) taken_off: usize,
    /// The platform said that it will close the socket.
    pub(super) is_closing: bool,
}

impl Line {
    /// A line that has nothing yet.
    pub(super) fn new(id: LineId, wire: WireNo, following: Following) -> Self {
        Self {
            id,
            wire,
            channel: None,
            following,
            create: Errand::default(),
            probe: Errand::default(),
            subscribe: Errand::default(),
            asked_at: Duration::ZERO,
            taken_off: 0,
            is_closing: false,
        }
    }

    /// Its socket, if that is open.
    pub(super) fn open_socket(&self) -> Option<SocketId> {
        self.channel.as_ref().and_then(Channel::open_socket)
    }

    /// When the last frame came on its open socket.
    pub(super) fn last_heard(&self) -> Option<Now> {
        match &self.channel.as_ref()?.socket {
            Socket::Open { watch, .. } => Some(watch.last()),
            Socket::Opening { .. } | Socket::Closed { .. } => None,
        }
    }

    /// Whether it has a channel at the platform, or may have one soon.
    pub(super) const fn counts_as_channel(&self) -> bool {
        self.channel.is_some() || !self.create.is_idle()
    }
}
