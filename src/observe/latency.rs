//! Histograms of times: fixed buckets, no lock, two additions for a value.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The buckets' upper bounds, in microseconds. 150 is what 99 of 100 events should be handed over within.
const BOUNDS: [u32; 20] = [
    25, 50, 100, 150, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// How often which time was taken.
#[derive(Debug)]
pub struct Histogram {
    /// Of each bucket alone; the last one holds what is above all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BOUNDS.len() + 1],
            sum_us: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// One more, of this many microseconds. A clock that was set back may make it negative: that counts as none.
    pub fn record_us(&self, us: i64) {
        let us = u64::try_from(us).unwrap_or(0);
        let bucket = BOUNDS.partition_point(|bound| u64::from(*bound) < us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// One more.
    pub fn record(&self, time: Duration) {
        self.record_us(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    }

    /// Each bound in microseconds (`None`: above all others) with how many were no longer than that.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = BOUNDS.iter().map(|bound| Some(u64::from(*bound)));
        let mut so_far = 0;
        let counts = self.counts.iter().map(move |count| {
            so_far += count.load(Ordering::Relaxed);
            so_far
        });
        bounds.chain([None]).zip(counts)
    }

    /// All of them together, in microseconds.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_its_bucket_and_in_all_longer_ones() {
        let histogram = Histogram::default();
        for us in [-5, 0, 25, 26, 150, 151, 30_000_000, 30_000_001, i64::MAX] {
            histogram.record_us(us);
        }
        let no_longer_than = |us: Option<u64>| {
            let found = histogram.cumulative().find(|(bound, _)| *bound == us);
            found.map(|(_, count)| count)
        };
        assert_eq!(no_longer_than(Some(25)), Some(3));
        assert_eq!(no_longer_than(Some(50)), Some(4));
        assert_eq!(no_longer_than(Some(150)), Some(5));
        assert_eq!(no_longer_than(Some(250)), Some(6));
        assert_eq!(no_longer_than(Some(30_000_000)), Some(7));
        assert_eq!(no_longer_than(None), Some(9));
    }

    #[test]
    fn the_sum_is_that_of_the_times() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(70));
        histogram.record(Duration::from_millis(2));
        histogram.record_us(-1);
        assert_eq!(histogram.sum_us(), 2_070);
    }

    #[test]
    fn bounds_go_up() {
        assert!(BOUNDS.is_sorted_by(|a, b| a < b));
    }
}
