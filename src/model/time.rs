//! Times: the platform's and ours (UTC), and the time that only goes forward.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time of day in microseconds since 1970-01-01T00:00:00Z. The machine's clock may step; compare durations by
/// [`Now::elapsed`] instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMicros(pub i64);

impl UtcMicros {
    /// The machine's clock, read now. For the shell around the machines only; they are told the time.
    #[must_use]
    pub fn read_clock() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Err(before) => {
                Self(i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us))
            }
        }
    }

    /// Reads an ISO-8601 time as the platform writes it (`2026-11-22T10:00:00.123Z`, fraction optional).
    #[must_use]
    pub fn from_iso(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|at| Self(at.as_microsecond()))
    }
}

/// The present, as a sans-I/O machine is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the adapter was created. Never steps, never goes back.
    pub elapsed: Duration,
    /// The machine's clock at that moment.
    pub utc: UtcMicros,
}
