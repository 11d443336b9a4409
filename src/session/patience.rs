//! Patience with a read: for how long the platform may fail at it before the gaps that it is for go without it.
//!
//! Knows: when the platform failed. Does not know: what is read, nor for which gaps. A missing link, or a missing token, is
//! no failure of the platform: that time does not count, and a gap waits for as long as it takes.

use std::time::Duration;

/// For so long the platform may fail at a read, and so long a gap waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(6 * 3600);
/// So often a read that only this one answer spoils is tried.
pub(super) const TRIES: u32 = 5;

/// How often, and for how long, the platform has failed.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// When it failed last, if nothing else was in the way since.
    last: Option<Duration>,
    /// For how long it has failed since the last success, as far as it was asked.
    failing: Duration,
    /// So often in a row at what is in hand.
    tries: u32,
}

impl Patience {
    /// The platform failed at what is in hand. Says whether patience is at its end.
    pub(super) fn failed(&mut self, now: Duration) -> bool {
        if let Some(last) = self.last.replace(now) {
            self.failing += now.saturating_sub(last);
        }
        self.tries = self.tries.saturating_add(1);
        self.failing >= PATIENCE && self.tries >= TRIES
    }

    /// What was in hand is given up: what comes next may fare better.
    pub(super) const fn begin_next(&mut self) {
        self.tries = 0;
    }

    /// Something else was in the way.
    pub(super) const fn interrupted(&mut self) {
        self.last = None;
    }

    /// The platform answered.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(60);

    /// Fails once a minute, from then to then. Says how often patience was at its end.
    fn fail(patience: &mut Patience, minutes: std::ops::Range<u32>) -> usize {
        minutes
            .filter(|&minute| patience.failed(MIN * minute))
            .count()
    }

    #[test]
    fn it_ends_after_six_hours_of_failures_and_then_after_a_few_tries() {
        let mut patience = Patience::default();
        assert_eq!(fail(&mut patience, 0..360), 0);
        assert_eq!(fail(&mut patience, 360..361), 1);
        patience.begin_next();
        assert_eq!(fail(&mut patience, 361..366), 1);
        patience.answered();
        assert_eq!(fail(&mut patience, 366..700), 0);
    }

    #[test]
    fn the_time_without_a_link_does_not_count() {
        let mut patience = Patience::default();
        for hour in 0..20 {
            assert_eq!(fail(&mut patience, hour * 60..hour * 60 + 10), 0);
            patience.interrupted();
        }
    }
}
