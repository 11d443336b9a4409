//! Counters: plain atomics that every room may add to; the status document and the metrics show them.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use super::latency::Histogram;
use crate::model::event::EventKind;
use crate::model::name::Word;
use crate::model::order::{FailureKind, RequestKind};
use crate::model::succession::{SuccessionEnd, SuccessionReason};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// Some more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What an adapter counts since it was created. Names and meanings: `docs/STATUS.md`, `docs/METRICS.md`.
#[derive(Debug, Default, serde::Serialize)]
pub struct Counters {
    /// Text frames that came on websockets.
    pub frames: Counter,
    /// Their bytes.
    pub frame_bytes: Counter,
    /// Heartbeats among them.
    pub heartbeats: Counter,
    /// Frames that are not JSON as far as the cut looks.
    pub frames_not_json: Counter,
    /// Frames without a topic that are no known reply either.
    pub frames_without_topic: Counter,
    /// Frames whose envelope has members of a wrong type.
    pub frames_wrong_type: Counter,
    /// Frames or messages that are larger than the limit.
    pub frames_too_large: Counter,
    /// Binary messages; the platform sends none.
    pub frames_binary: Counter,
    /// Notifications on topics that this version does not read.
    pub topics_unknown: Counter,
    /// Notifications whose body could not be read.
    pub bodies_unreadable: Counter,
    /// Members of bodies that are new to this version, each once.
    pub members_unknown: Counter,
    /// Words of the platform that are new to this version, each once in its place.
    pub words_unknown: Counter,
    /// HTTP requests made, by what they asked.
    pub requests: Tally<RequestKind>,
    /// Requests that did not succeed, by why.
    pub request_failures: Tally<FailureKind>,
    /// Websockets opened.
    pub sockets_opened: Counter,
    /// Connections made again after one was lost.
    pub reconnects: Counter,
    /// Attempts at successions, by reason and end.
    pub successions: Tally<(SuccessionReason, SuccessionEnd)>,
    /// Events that the host took, by kind.
    pub events: Tally<EventKind>,
    /// Times that the host answered `GCA_LATER`.
    pub refusals: Counter,
    /// Times that the host answered neither `GCA_TAKEN` nor `GCA_LATER`.
    pub answers_unknown: Counter,
    /// Events that were lost: the queue was full, the host refused too often, or the adapter stopped.
    pub events_lost: Counter,
    /// Panics that were contained.
    pub panics: Counter,
    /// From the arrival of a notification to the first offer of an event of it, pauses and resumptions apart.
    #[serde(skip)]
    pub latency: Histogram,
    /// The same of events that tell a recorder to pause.
    #[serde(skip)]
    pub pause_latency: Histogram,
    /// The same of events that tell it to go on.
    #[serde(skip)]
    pub resume_latency: Histogram,
    /// From the start of a request to its answer, or to its failure.
    #[serde(skip)]
    pub request_time: Histogram,
}

/// One counter for each value of a kind that has words: found by the value's number, since this stands on the hot path.
#[derive(Debug)]
pub struct Tally<T>(Box<[Counter]>, PhantomData<fn(T)>);

impl<T: Word> Default for Tally<T> {
    fn default() -> Self {
        let most = T::words().map(T::number).max().map_or(0, |most| most + 1);
        Self((0..most).map(|_| Counter::default()).collect(), PhantomData)
    }
}

impl<T: Word> Tally<T> {
    /// One more of the value.
    pub fn one(&self, value: T) {
        if let Some(counter) = self.0.get(value.number()) {
            counter.one();
        }
    }

    /// How many of the value so far.
    #[must_use]
    pub fn get(&self, value: T) -> u64 {
        self.0.get(value.number()).map_or(0, Counter::get)
    }

    /// How many of all values.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_a_counter_for_each<T: Word>() {
        let tally = Tally::<T>::default();
        for (count, value) in T::words().enumerate() {
            for _ in 0..=count {
                tally.one(value);
            }
        }
        for (count, value) in T::words().enumerate() {
            assert_eq!(tally.get(value), count as u64 + 1);
        }
        let values = T::words().count() as u64;
        assert_eq!(tally.total(), values * (values + 1) / 2);
    }

    #[test]
    fn each_value_has_its_own_counter() {
        has_a_counter_for_each::<EventKind>();
        has_a_counter_for_each::<RequestKind>();
        has_a_counter_for_each::<FailureKind>();
        has_a_counter_for_each::<(SuccessionReason, SuccessionEnd)>();
    }
}
