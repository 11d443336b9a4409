//! Times: the platform's and ours (UTC), and the time that only goes forward.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A time of day in microseconds since 1970-01-01T00:00:00Z. The machine's clock may step; compare durations by
/// [`Now::elapsed`] instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
        Self::from_usual_iso(text).or_else(|| {
            let at = text.parse::<jiff::Timestamp>().ok()?;
            Some(Self(at.as_microsecond()))
        })
    }

    /// Reads the one spelling that the platform uses, `2026-11-22T10:00:00.123Z` with or without milliseconds, which takes a
    /// third of what it takes to be ready for any other. `None`: another spelling, or no time.
    fn from_usual_iso(text: &str) -> Option<Self> {
        #[rustfmt::skip]
        let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, ref rest @ ..] =
            text.as_bytes()
        else {
            return None;
        };
        let milliseconds = match *rest {
            [b'Z'] => 0,
            [b'.', f0, f1, f2, b'Z'] => number([f0, f1, f2])?,
            _ => return None,
        };
        let (year, month, day) = (
            number([y0, y1, y2, y3])?,
            number([m0, m1])?,
            number([d0, d1])?,
        );
        let (hour, minute, second) = (number([h0, h1])?, number([n0, n1])?, number([s0, s1])?);
        // Leap seconds and the far ends of time are left to who knows them.
        let is_usual = (1970..9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(month, year)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let seconds =
            (days_before(year, month) + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second;
        is_usual.then_some(Self((seconds * 1_000 + milliseconds) * 1_000))
    }

    /// The time in ISO-8601, to the microsecond: `2026-11-22T10:00:00.123456Z`.
    #[must_use]
    pub fn to_iso(self) -> String {
        let last = if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        format!(
            "{:.6}",
            jiff::Timestamp::from_microsecond(self.0).unwrap_or(last)
        )
    }
}

/// The number that these digits write; `None` if one is none.
fn number<const DIGITS: usize>(digits: [u8; DIGITS]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| 10 * number + i64::from(digit - b'0'))
    })
}

/// Days of a month of the Gregorian calendar.
const fn days_in(month: i64, year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of a month. Years are counted from March on, so that the day that a leap year has more
/// is the last of its year.
const fn days_before(year: i64, month: i64) -> i64 {
    const DAYS_BEFORE_1970: i64 = 719_468;
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 - DAYS_BEFORE_1970
}

/// The present, as a sans-I/O machine is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the adapter was created. Never steps, never goes back.
    pub elapsed: Duration,
    /// The machine's clock at that moment.
    pub utc: UtcMicros,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_jiff(text: &str) -> Option<UtcMicros> {
        let at = text.parse::<jiff::Timestamp>().ok()?;
        Some(UtcMicros(at.as_microsecond()))
    }

    #[test]
    fn every_day_is_read_as_jiff_reads_it() {
        let first = jiff::civil::date(1965, 1, 1);
        for (number, day) in first
            .series(jiff::Span::new().days(1))
            .enumerate()
            .take(200_000)
        {
            let (second, milliseconds) = (number * 7_919 % 86_400, number * 31 % 1_000);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let text = format!("{day}T{hour:02}:{minute:02}:{second:02}");
            for text in [format!("{text}Z"), format!("{text}.{milliseconds:03}Z")] {
                let time = UtcMicros::from_iso(&text);
                assert!(time.is_some());
                assert_eq!(time, by_jiff(&text), "{text}");
                let is_usual = day.year() >= 1970;
                assert_eq!(
                    UtcMicros::from_usual_iso(&text).is_some(),
                    is_usual,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn whatever_stands_there_is_read_as_jiff_reads_it() {
        for usual in [
            "2026-11-22T10:00:00.123Z",
            "2024-02-29T23:59:59Z",
            "1999-12-31T20:10:30.999Z",
        ] {
            for at in 0..=usual.len() {
                let (before, after) = usual.split_at(at);
                for other in "0123456789-:.,TtZz+ é".chars() {
                    let mut texts = vec![
                        format!("{before}{other}{after}"),
                        format!("{before}{other}"),
                    ];
                    texts.extend(
                        after
                            .get(1..)
                            .map(|after| format!("{before}{other}{after}")),
                    );
                    texts.extend(
                        after
                            .get(2..)
                            .map(|after| format!("{before}{other}{other}{after}")),
                    );
                    for text in texts {
                        assert_eq!(UtcMicros::from_iso(&text), by_jiff(&text), "{text}");
                    }
                }
            }
        }
        for odd in [
            "",
            "9999-12-31T23:59:59Z",
            "2100-02-29T00:00:00Z",
            "2026-01-01T23:59:60Z",
            "2026-06-31T00:00:00.000Z",
        ] {
            assert_eq!(UtcMicros::from_iso(odd), by_jiff(odd), "{odd}");
        }
    }
}
