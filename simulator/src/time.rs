//! A moment, as the platform writes it. Knows no clock: somebody else says what time it is.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Time {
    /// The platform's spelling: UTC, with three digits of a second: `2026-11-22T10:00:00.123Z`.
    #[must_use]
    pub fn iso(self) -> String {
        self.to_string()
    }
}

impl Time {
    /// As HTTP headers spell it: `Sun, 22 Nov 2026 10:00:00 GMT`.
    #[must_use]
    pub fn http(self) -> String {
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        (self.stamp())
            .and_then(|moment| printer.timestamp_to_rfc9110_string(&moment).ok())
            .unwrap_or_default()
    }

    fn stamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_millisecond(self.0).ok()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Out of range (before the year -9999 or after 9999) cannot come from a clock; the nearest end is told.
        let moment = self.stamp().unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        write!(f, "{moment:.3}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Add<Millis> for Time {
    type Output = Self;
    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Sub for Time {
    type Output = Millis;
    fn sub(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_always_has_three_digits_of_a_second() {
        assert_eq!(Time(0).iso(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time(1_795_341_600_120).iso(), "2026-11-22T10:00:00.120Z");
        assert_eq!((Time(5) + Millis(7)) - Time(2), Millis(10));
    }
}
