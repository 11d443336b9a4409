//! A notification channel and its only socket.
//!
//! The platform lets a channel live for 24 h, or until the token that made it ends if that is sooner, and lets one
//! socket at a time read it.

use std::time::Duration;

use super::liveness::Watch;
use super::token::Term;
use crate::model::id::ChannelId;
use crate::model::order::SocketId;
use crate::model::time::{Now, UtcMicros};

/// What the platform documents.
pub(super) const LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long before its end a channel is succeeded.
const LEAD: Duration = Duration::from_secs(15 * 60);
/// A time of expiry that gives less than this is taken for a clock that is wrong.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// A handshake that has not ended by then is given up. Each hop of it has a limit of the wire's own, which names it; behind a
/// slow proxy their sum may be longer.
pub(super) const OPENING: Duration = Duration::from_secs(60);
/// A socket that was open for this long was no failure: what ends it afterwards is a new story.
pub(super) const STABLE: Duration = Duration::from_secs(60);
/// So many sockets in a row that failed or were not stable: the channel itself is suspect, whatever a probe says.
pub(super) const SUSPECT: u32 = 5;

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: ChannelId,
    pub(super) ends_at: Duration,
    /// When its line is to be succeeded.
    pub(super) renew_at: Duration,
    /// What it has from the token that made it.
    pub(super) term: Term,
    pub(super) socket: Socket,
    /// Sockets in a row that failed or were not stable.
    pub(super) failed_sockets: u32,
    /// The whole roster's topics had their verdicts once: what is still to be subscribed was added later.
    pub(super) complete: bool,
}

#[derive(Debug)]
pub(super) enum Socket {
    Closed {
        /// Whether the channel is known to be there.
        probed: bool,
    },
    Opening {
        id: SocketId,
        limit: Duration,
    },
    Open {
        id: SocketId,
        since: Duration,
        watch: Watch,
    },
}

impl Channel {
    /// A channel that was just made.
    pub(super) fn new(id: ChannelId, expires: Option<UtcMicros>, term: Term, now: Now) -> Self {
        let told = expires
            .and_then(|at| u64::try_from(at.0.saturating_sub(now.utc.0)).ok())
            .map(Duration::from_micros)
            .filter(|&life| life >= SHORTEST_LIFE);
        let life = told.unwrap_or(LIFE).min(LIFE);
        Self {
            id,
            ends_at: now.elapsed + life,
            renew_at: now.elapsed + life - LEAD.min(life / 5),
            term,
            socket: Socket::Closed { probed: true },
            failed_sockets: 0,
            complete: false,
        }
    }

    /// Since when its socket is open, if it is.
    pub(super) const fn open_since(&self) -> Option<Duration> {
        match self.socket {
            Socket::Open { since, .. } => Some(since),
            Socket::Opening { .. } | Socket::Closed { .. } => None,
        }
    }

    /// The socket that is open, if one is.
    pub(super) const fn open_socket(&self) -> Option<SocketId> {
        match self.socket {
            Socket::Open { id, .. } => Some(id),
            Socket::Opening { .. } | Socket::Closed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn renewal(life_s: Option<i64>) -> Duration {
        let now = Now {
            elapsed: HOUR,
            utc: UtcMicros(1_000_000_000_000),
        };
        let expires = life_s.map(|s| UtcMicros(now.utc.0 + s * 1_000_000));
        let term = Term {
            generation: 1,
            leave_at: LIFE,
            ends_at: LIFE,
        };
        Channel::new(ChannelId::from("c"), expires, term, now).renew_at - now.elapsed
    }

    #[test]
    fn succeeded_before_its_end_even_if_our_clock_is_wrong() {
        assert_eq!(renewal(Some(86_400)), LIFE - LEAD);
        assert_eq!(renewal(None), LIFE - LEAD);
        assert_eq!(renewal(Some(200_000)), LIFE - LEAD, "our clock is slow");
        assert_eq!(renewal(Some(-5)), LIFE - LEAD, "our clock is fast");
        assert_eq!(renewal(Some(600)), Duration::from_secs(480));
    }
}
