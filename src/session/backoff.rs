//! How long to wait before the next try: longer each time, never longer than a minute, and never in step with others.

use std::time::Duration;

/// The first wait is drawn from zero to this.
const FIRST: Duration = Duration::from_secs(1);
/// No wait is longer: a region that comes back is noticed within a minute.
pub(super) const CAP: Duration = Duration::from_secs(60);

/// Where the jitter comes from: SplitMix64 (Steele, Lea and Flood, 2014), so that a seed gives the same waits for ever,
/// whatever becomes of any library.
#[derive(Debug, Clone)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A wait from zero to `most`, each as likely.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        // Milliseconds: waits up to a minute leave the bias of the remainder beyond measure.
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX - 1);
        Duration::from_millis(bits % (most + 1))
    }
}

/// Capped exponential back-off with full jitter.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts one more failure and says how long to wait after it.
    pub(super) fn delay(&mut self, jitter: &mut Jitter) -> Duration {
        let most = FIRST
            .saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX))
            .min(CAP);
        self.failures = self.failures.saturating_add(1);
        jitter.up_to(most)
    }

    /// It worked: the next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_no_further() {
        let mut jitter = Jitter::new(1);
        let mut longest = [Duration::ZERO; 12];
        for _ in 0..2_000 {
            let mut backoff = Backoff::default();
            for (n, longest) in longest.iter_mut().enumerate() {
                let wait = backoff.delay(&mut jitter);
                assert!(wait <= CAP.min(FIRST * (1 << n)), "wait {n} was {wait:?}");
                *longest = wait.max(*longest);
            }
        }
        assert!(
            longest.windows(2).take(6).all(|pair| pair[0] < pair[1]),
            "{longest:?}"
        );
        assert!(longest[11] > CAP * 9 / 10);
    }

    #[test]
    fn waits_are_spread_over_the_whole_range() {
        let mut jitter = Jitter::new(7);
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            let mut backoff = Backoff { failures: 10 };
            let wait = backoff.delay(&mut jitter);
            tenths[usize::try_from(wait.as_millis() / 6_001).unwrap()] += 1;
        }
        assert!(
            tenths.iter().all(|&n| (800..1_200).contains(&n)),
            "{tenths:?}"
        );
    }

    #[test]
    fn a_success_starts_over() {
        let mut jitter = Jitter::new(3);
        let mut backoff = Backoff { failures: 10 };
        backoff.reset();
        assert!(backoff.delay(&mut jitter) <= FIRST);
        assert_eq!(backoff.failures(), 1);
    }
}
