//! Gaps: the times at which something of the region had no channel on which it flowed, and what became of them.
//!
//! A gap begins with the last thing that was heard, not with the moment in which the loss was noticed. It has an end when
//! everything that it covers flows again, and is closed when everything that it covers was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::EventKind;
use super::id::{QueueId, UserId};
use super::time::UtcMicros;

/// The number of a gap. It goes on over restarts if there is a ledger file, and starts at 1 with each adapter if there is
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GapId(pub u64);

/// Why something did not flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GapCause {
    /// The feed began: from then on until everything flowed for the first time.
    Start,
    /// The connection ended: it was cut, it fell silent, its channel was taken away, its token was revoked.
    Lost,
    /// The platform refuses the topics; the record names the permission.
    Refused,
    /// The channels of one client id cannot carry any more.
    NoRoom,
    /// A user or queue came into the roster while the feed ran.
    Joined,
    /// No process ran: from the last time that the feed before this one is known to have heard everything, to the start.
    Downtime,
}

/// What could not be read of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ShortfallKind {
    /// No read of the platform tells it.
    Untold,
    /// The permission for the read is missing.
    PermissionMissing,
    /// The platform refused the read for another reason.
    Refused,
    /// Conversations that the platform does not know any more.
    Unknown,
    /// Answers that could not be read, or reads that the platform failed at for hours.
    Unreadable,
    /// Reads for which there was no time, or of which there were too many.
    Unread,
}

/// One thing that could not be read of a gap, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shortfall {
    /// What sort of reason.
    pub kind: ShortfallKind,
    /// For people: what it is, and what to do about it. Holds no person's data.
    pub text: Arc<str>,
}

/// One gap, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    /// Its number.
    pub id: GapId,
    /// Why there was nothing.
    pub cause: GapCause,
    /// For people: what ended the connection; of a refusal the platform's words, with the permission.
    pub detail: Arc<str>,
    /// What happened from then on may be missing.
    pub from: UtcMicros,
    /// What happened from then on was heard. `None`: it lasts.
    pub to: Option<UtcMicros>,
    /// When it was noticed.
    pub opened: UtcMicros,
    /// When everything that it covers had been read.
    pub closed: Option<UtcMicros>,
    /// Whose topics did not flow.
    pub users: Arc<[UserId]>,
    /// Whose topics did not flow.
    pub queues: Arc<[QueueId]>,
    /// Answers of the platform that were read for it.
    pub reads: u64,
    /// What these told that no notification had told, by kind.
    pub recovered: BTreeMap<EventKind, u64>,
    /// What could not be read. Of a gap that is not closed: so far.
    pub shortfalls: Vec<Shortfall>,
}

impl GapRecord {
    /// Events that were told from reads.
    #[must_use]
    pub fn recovered_events(&self) -> u64 {
        self.recovered.values().sum()
    }

    /// How long it was, in microseconds; up to `now` if it lasts.
    #[must_use]
    pub fn length_us(&self, now: UtcMicros) -> i64 {
        let end = self.to.unwrap_or(now);
        end.0.saturating_sub(self.from.0).max(0)
    }
}
