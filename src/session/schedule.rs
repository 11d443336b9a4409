//! When the daily restart is due.
//!
//! Knows: the time of day, the zone and its changes of the clock, which of two adapters this is. Does not know: what a
//! restart is. A time that the clock skips is due when the clock is set; one that it shows twice is due the first time.
//!
//! The machine's clock may step. A restart is due when the clock has passed its time, by ticking or by a step; but within
//! half a day of the last one, as measured by the time that never steps, a time only counts as served. So a clock that is
//! set back over the time does not restart a second time, one that is set forward over it does not leave the restart
//! out, and one that is set by a day or more still leaves one restart a day.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::model::role::Role;
use crate::model::time::{Now, UtcMicros};

/// So long after the instant of the others a secondary restarts.
const AFTER_PRIMARY: Duration = Duration::from_secs(3600);
/// Two scheduled restarts are never nearer to each other. Half a day: what is nearer to the last one than to the next is
/// the last one again.
const APART: Duration = Duration::from_secs(12 * 3600);
/// How often the clock is looked at: it may be set forward over the time.
const LOOK: Duration = Duration::from_secs(60);

/// When an adapter restarts each day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyRestart {
    /// The time of day.
    pub time: Time,
    /// By the clock of this zone.
    pub zone: TimeZone,
    /// Which of two adapters it is.
    pub role: Option<Role>,
}

impl DailyRestart {
    /// The first restart after a time, as far as the calendar goes.
    fn after(&self, utc: UtcMicros) -> Option<UtcMicros> {
        let delay = match self.role {
            Some(Role::Secondary) => AFTER_PRIMARY,
            Some(Role::Primary) | None => Duration::ZERO,
        };
        let after = Timestamp::from_microsecond(utc.0)
            .ok()?
            .checked_sub(delay)
            .ok()?;
        let today = self.zone.to_datetime(after).date();
        // What belongs to yesterday may come today, where the clock skips midnight.
        let days = (-1..=2).filter_map(|days: i32| today.checked_add(days.days()).ok());
        let next = days
            .filter_map(|day| self.on(day))
            .filter(|&at| at > after)
            .min()?;
        let next = next.checked_add(delay).ok()?;
        Some(UtcMicros(next.as_microsecond()))
    }

    /// The instant that belongs to a day.
    fn on(&self, day: Date) -> Option<Timestamp> {
        let shown = self.zone.to_ambiguous_timestamp(day.to_datetime(self.time));
        match shown.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                shown.earlier().ok()
            }
            // "Earlier" than the gap by the clock after it: the next change of the clock is the gap's end.
            AmbiguousOffset::Gap { .. } => {
                let before = shown.earlier().ok()?;
                let later = shown.later().ok()?;
                let mut changes = self.zone.following(before).map(|change| change.timestamp());
                Some(changes.next().filter(|&end| end < later).unwrap_or(later))
            }
        }
    }
}

/// What the clock has passed already.
#[derive(Debug)]
pub(super) struct Schedule {
    restart: DailyRestart,
    /// What the clock showed when `next` was found.
    from: UtcMicros,
    /// The first restart after that; none while the clock shows a time beyond the calendar.
    next: Option<UtcMicros>,
    /// The last restart that was due.
    last: Option<Duration>,
}

impl Schedule {
    pub(super) fn new(restart: DailyRestart, now: Now) -> Self {
        Self {
            from: now.utc,
            next: restart.after(now.utc),
            restart,
            last: None,
        }
    }

    /// It is to be at another time from now on. The same again changes nothing.
    pub(super) fn set(&mut self, restart: DailyRestart, now: Now) {
        if restart != self.restart {
            *self = Self::new(restart, now);
        }
    }

    /// Whether a restart is due. Says so once.
    pub(super) fn is_due(&mut self, now: Now) -> bool {
        let is_passed = self.next.is_some_and(|next| next <= now.utc);
        if is_passed || now.utc < self.from || self.next.is_none() {
            self.from = now.utc;
            self.next = self.restart.after(now.utc);
        }
        let is_served = self
            .last
            .is_some_and(|last| now.elapsed.saturating_sub(last) < APART);
        let is_due = is_passed && !is_served;
        if is_due {
            self.last = Some(now.elapsed);
        }
        is_due
    }

    /// When to ask again, as a value of [`Now::elapsed`].
    pub(super) fn look_at(&self, now: Now) -> Duration {
        let left = self.next.map_or(LOOK, |next| {
            let left = next.0.saturating_sub(now.utc.0);
            Duration::from_micros(u64::try_from(left).unwrap_or_default())
        });
        now.elapsed + left.min(LOOK)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn restart(at: Time, zone: &str) -> DailyRestart {
        DailyRestart {
            time: at,
            zone: TimeZone::get(zone).unwrap(),
            role: None,
        }
    }

    fn utc(text: &str) -> UtcMicros {
        UtcMicros::from_iso(text).unwrap()
    }

    /// The restarts after a time, as UTC.
    fn restarts(restart: &DailyRestart, from: &str, n: usize) -> Vec<String> {
        let next = |&at: &UtcMicros| restart.after(at);
        std::iter::successors(next(&utc(from)), next)
            .take(n)
            .map(|at| Timestamp::from_microsecond(at.0).unwrap().to_string())
            .collect()
    }

    /// A machine whose clock may step.
    struct Machine {
        schedule: Schedule,
        now: Now,
        /// When the schedule wanted to be asked again, the last time that it was asked.
        wake: Duration,
        /// The time that never steps, of each restart, in whole minutes since the start.
        restarted: Vec<u64>,
    }

    impl Machine {
        fn new(restart: DailyRestart, clock: &str) -> Self {
            // Not zero: an adapter is older than its session.
            let now = Now {
                elapsed: HOUR * 100,
                utc: utc(clock),
            };
            let schedule = Schedule::new(restart, now);
            Self {
                wake: schedule.look_at(now),
                schedule,
                now,
                restarted: Vec::new(),
            }
        }

        /// Looks when the schedule wants it.
        fn run(&mut self, time: Duration) {
            let end = self.now.elapsed + time;
            while self.now.elapsed < end {
                let passes = self.wake.min(end) - self.now.elapsed;
                self.now.elapsed += passes;
                self.now.utc.0 += i64::try_from(passes.as_micros()).unwrap();
                if self.now.elapsed < self.wake {
                    return;
                }
                if self.schedule.is_due(self.now) {
                    let since = self.now.elapsed - HOUR * 100;
                    self.restarted.push(since.as_secs() / 60);
                }
                self.wake = self.schedule.look_at(self.now);
                assert!(self.wake > self.now.elapsed, "it would spin");
            }
        }

        fn step(&mut self, hours: f64) {
            self.now.utc.0 += (hours * 3600e6) as i64;
        }
    }

    #[test]
    fn every_day_by_the_clock_of_the_zone() {
        let berlin = restart(time(0, 0, 0, 0), "Europe/Berlin");
        assert_eq!(
            restarts(&berlin, "2026-03-27T12:00:00Z", 4),
            [
                "2026-03-27T23:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
                "2026-03-30T22:00:00Z"
            ]
        );
        // Not the one of this moment: it was served.
        assert_eq!(
            restarts(&berlin, "2026-03-27T23:00:00Z", 1),
            ["2026-03-28T23:00:00Z"]
        );
        let utc = restart(time(23, 59, 0, 0), "UTC");
        assert_eq!(
            restarts(&utc, "2026-11-22T23:58:59.999999Z", 1),
            ["2026-11-22T23:59:00Z"]
        );
        assert_eq!(
            restarts(&utc, "2026-11-22T23:59:00Z", 1),
            ["2026-11-23T23:59:00Z"]
        );
    }

    #[test]
    fn a_time_that_the_clock_skips_is_due_when_the_clock_is_set() {
        for (zone, at, from, expected) in [
            // Gaps at 02:00.
            (
                "Europe/Berlin",
                time(2, 30, 0, 0),
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                time(2, 0, 0, 0),
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                time(2, 59, 0, 0),
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                time(3, 0, 0, 0),
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "America/New_York",
                time(2, 30, 0, 0),
                "2026-03-07T12:00:00Z",
                "2026-03-08T07:00:00Z",
            ),
            // Gaps at 00:00: there is no midnight on that day.
            (
                "America/Sao_Paulo",
                time(0, 0, 0, 0),
                "2017-10-14T12:00:00Z",
                "2017-10-15T03:00:00Z",
            ),
            (
                "America/Sao_Paulo",
                time(0, 30, 0, 0),
                "2018-11-03T12:00:00Z",
                "2018-11-04T03:00:00Z",
            ),
            (
                "Africa/Cairo",
                time(0, 0, 0, 0),
                "2024-04-25T12:00:00Z",
                "2024-04-25T22:00:00Z",
            ),
            (
                "Asia/Beirut",
                time(0, 0, 0, 0),
                "2025-03-29T12:00:00Z",
                "2025-03-29T22:00:00Z",
            ),
            (
                "Asia/Beirut",
                time(0, 59, 0, 0),
                "2025-03-29T12:00:00Z",
                "2025-03-29T22:00:00Z",
            ),
            // A gap of half an hour, and one of a whole day.
            (
                "Australia/Lord_Howe",
                time(2, 15, 0, 0),
                "2025-10-04T12:00:00Z",
                "2025-10-04T15:30:00Z",
            ),
            (
                "Pacific/Apia",
                time(12, 0, 0, 0),
                "2011-12-29T23:00:00Z",
                "2011-12-30T10:00:00Z",
            ),
        ] {
            let restart = restart(at, zone);
            let found = restarts(&restart, from, 2);
            assert_eq!(found[0], expected, "{zone} {at}");
            // Once, and the next is one of the next day again.
            let next = utc(&found[1]).0 - utc(&found[0]).0;
            assert!(
                (12..=25).contains(&(next / 3_600_000_000)),
                "{zone} {at}: {found:?}"
            );
        }
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_is_due_the_first_time_only() {
        for (zone, at, from, expected) in [
            (
                "Europe/Berlin",
                time(2, 30, 0, 0),
                "2026-10-24T12:00:00Z",
                ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            ),
            (
                "Europe/Berlin",
                time(2, 0, 0, 0),
                "2026-10-24T12:00:00Z",
                ["2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"],
            ),
            // The clock is set from 03:00 to 02:00: there is one 03:00.
            (
                "Europe/Berlin",
                time(3, 0, 0, 0),
                "2026-10-24T12:00:00Z",
                ["2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"],
            ),
            (
                "America/New_York",
                time(1, 30, 0, 0),
                "2026-10-31T12:00:00Z",
                ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
            ),
            // Set back at midnight: 23:00 to 24:00 come twice, on the day before.
            (
                "America/Sao_Paulo",
                time(23, 30, 0, 0),
                "2018-02-17T12:00:00Z",
                ["2018-02-18T01:30:00Z", "2018-02-19T02:30:00Z"],
            ),
            (
                "America/Sao_Paulo",
                time(0, 0, 0, 0),
                "2018-02-17T12:00:00Z",
                ["2018-02-18T03:00:00Z", "2018-02-19T03:00:00Z"],
            ),
            (
                "Africa/Cairo",
                time(23, 15, 0, 0),
                "2024-10-31T12:00:00Z",
                ["2024-10-31T20:15:00Z", "2024-11-01T21:15:00Z"],
            ),
            (
                "Asia/Beirut",
                time(23, 59, 0, 0),
                "2025-10-25T12:00:00Z",
                ["2025-10-25T20:59:00Z", "2025-10-26T21:59:00Z"],
            ),
        ] {
            assert_eq!(
                restarts(&restart(at, zone), from, 2),
                expected,
                "{zone} {at}"
            );
        }
    }

    #[test]
    fn a_secondary_follows_an_hour_after_that_instant() {
        for (zone, at, from) in [
            ("Europe/Berlin", time(0, 0, 0, 0), "2026-11-22T12:00:00Z"),
            // Across gap and fold: by the clock it may be 03:00 and 04:00, or 02:30 and 02:30.
            ("Europe/Berlin", time(2, 30, 0, 0), "2026-03-28T12:00:00Z"),
            ("Europe/Berlin", time(1, 30, 0, 0), "2026-03-28T12:00:00Z"),
            ("Europe/Berlin", time(2, 30, 0, 0), "2026-10-24T12:00:00Z"),
            (
                "America/Sao_Paulo",
                time(0, 0, 0, 0),
                "2017-10-14T12:00:00Z",
            ),
            (
                "America/Sao_Paulo",
                time(23, 30, 0, 0),
                "2018-02-17T12:00:00Z",
            ),
        ] {
            let first = restart(at, zone);
            let primary = DailyRestart {
                role: Some(Role::Primary),
                ..first.clone()
            };
            let secondary = DailyRestart {
                role: Some(Role::Secondary),
                ..first.clone()
            };
            assert_eq!(restarts(&primary, from, 3), restarts(&first, from, 3));
            let hour_later = |text: &String| {
                Timestamp::from_microsecond(utc(text).0 + 3_600_000_000)
                    .unwrap()
                    .to_string()
            };
            let expected: Vec<String> =
                restarts(&primary, from, 3).iter().map(hour_later).collect();
            assert_eq!(restarts(&secondary, from, 3), expected, "{zone} {at}");
        }
        // Between the two instants it is still to come.
        let secondary = DailyRestart {
            role: Some(Role::Secondary),
            ..restart(time(0, 0, 0, 0), "UTC")
        };
        assert_eq!(
            restarts(&secondary, "2026-11-22T00:30:00Z", 1),
            ["2026-11-22T01:00:00Z"]
        );
    }

    #[test]
    fn a_year_has_one_restart_a_day() {
        let zones = [
            "Europe/Berlin",
            "America/New_York",
            "America/Sao_Paulo",
            "Africa/Cairo",
            "Asia/Beirut",
            "Australia/Lord_Howe",
            "America/Santiago",
            "Asia/Kathmandu",
            "UTC",
        ];
        for (zone, at) in zones.iter().flat_map(|zone| {
            [(0, 0), (0, 30), (1, 30), (2, 0), (2, 30), (3, 0), (23, 30)].map(|at| (zone, at))
        }) {
            let restart = restart(time(at.0, at.1, 0, 0), zone);
            let year = restarts(&restart, "2018-01-01T12:00:00Z", 366);
            let of: Vec<i64> = year.iter().map(|at| utc(at).0 / 3_600_000_000).collect();
            let apart = of.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(
                apart.into_iter().all(|hours| (22..=26).contains(&hours)),
                "{zone} {at:?}"
            );
            assert!(
                (365 * 24 - 2..=365 * 24 + 2).contains(&(of[365] - of[0])),
                "{zone} {at:?}"
            );
        }
    }

    #[test]
    fn the_clock_is_obeyed_to_the_second_while_it_ticks() {
        let mut machine =
            Machine::new(restart(time(0, 0, 0, 0), "UTC"), "2026-11-22T23:59:30.250Z");
        machine.run(Duration::from_millis(29_749));
        assert_eq!(machine.restarted.len(), 0);
        machine.run(Duration::from_millis(1));
        assert_eq!(machine.restarted.len(), 1);
        // Asked again and again, it is due once.
        assert!((0..10).all(|_| !machine.schedule.is_due(machine.now)));
    }

    #[test]
    fn a_clock_that_steps_causes_neither_two_restarts_nor_none() {
        // The clock shows 22:00 and runs for `before` hours, steps by `by`, and runs for three days more. Midnight is two
        // hours (120 min) after the start.
        for (before, by, expected) in [
            // Forward over the time: at once, seen within a minute.
            (
                1.0,
                1.5,
                &[61, 24 * 60 + 30, 48 * 60 + 30, 72 * 60 + 30][..],
            ),
            // Up to the time, and within the day: then and not at once.
            (1.0, 0.5, &[90, 25 * 60 + 30, 49 * 60 + 30]),
            (1.0, -0.5, &[150, 26 * 60 + 30, 50 * 60 + 30]),
            // Back over it, right after and hours after: not again.
            (2.1, -0.5, &[120, 26 * 60 + 30, 50 * 60 + 30]),
            (5.0, -4.0, &[120, 30 * 60, 54 * 60]),
            // Forward by a day: the midnight that it passed is that of this day.
            (1.0, 24.0, &[61, 26 * 60, 50 * 60]),
            (3.0, 24.0, &[120, 26 * 60, 50 * 60, 74 * 60]),
            (20.0, 24.0, &[120, 20 * 60 + 1, 50 * 60, 74 * 60]),
            // Back by a day: the day comes again, and has its restart.
            (1.0, -24.0, &[120, 26 * 60, 50 * 60]),
            (3.0, -24.0, &[120, 26 * 60, 50 * 60, 74 * 60]),
            // Far ahead and far back: it goes on every day, not after the years have passed.
            (3.0, 24.0 * 3_650.0, &[120, 26 * 60, 50 * 60, 74 * 60]),
            (3.0, -24.0 * 3_650.0, &[120, 26 * 60, 50 * 60, 74 * 60]),
        ] {
            let mut machine =
                Machine::new(restart(time(0, 0, 0, 0), "UTC"), "2026-11-22T22:00:00Z");
            machine.run(HOUR.mul_f64(before));
            machine.step(by);
            machine.run(DAY * 3);
            let expected: Vec<u64> = expected.to_vec();
            assert_eq!(machine.restarted, expected, "{before} h, then {by} h");
        }
        // There and back again.
        let mut machine = Machine::new(restart(time(0, 0, 0, 0), "UTC"), "2026-11-22T23:50:00Z");
        for _ in 0..20 {
            machine.step(0.5);
            machine.run(Duration::from_secs(300));
            machine.step(-0.5);
            machine.run(Duration::from_secs(300));
        }
        assert_eq!(machine.restarted.len(), 1, "{:?}", machine.restarted);
    }

    #[test]
    fn another_time_of_day_is_obeyed_from_now_on() {
        let mut machine = Machine::new(restart(time(0, 0, 0, 0), "UTC"), "2026-11-22T23:00:00Z");
        machine.run(HOUR * 2);
        assert_eq!(machine.restarted, [60]);
        // The same again: what was served stays served, also if the clock goes back.
        machine
            .schedule
            .set(restart(time(0, 0, 0, 0), "UTC"), machine.now);
        machine.step(-1.5);
        machine.run(HOUR);
        assert_eq!(machine.restarted, [60]);
        machine
            .schedule
            .set(restart(time(6, 0, 0, 0), "UTC"), machine.now);
        machine.run(HOUR * 6);
        assert_eq!(machine.restarted, [60, 510]);
    }

    #[test]
    fn a_clock_beyond_the_calendar_restarts_nothing_and_stops_nothing() {
        let mut machine = Machine::new(restart(time(0, 0, 0, 0), "UTC"), "2026-11-22T22:00:00Z");
        // Less than the end, so that the clock can go on.
        for nonsense in [i64::MIN, i64::MAX / 2] {
            machine.now.utc = UtcMicros(nonsense);
            machine.run(HOUR);
        }
        let before = machine.restarted.len();
        machine.now.utc = utc("2026-11-23T22:00:00Z");
        machine.run(HOUR * 24);
        assert_eq!(machine.restarted.len(), before + 1);
    }
}
