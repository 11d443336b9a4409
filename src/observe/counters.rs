//! Counters: plain atomics that every room may add to and the status document shows.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::event::EventKind;

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

/// What an adapter counts since it was created. Names and meanings: `docs/STATUS.md`.
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
    /// HTTP requests made.
    pub requests: Counter,
    /// Answers with status 429.
    pub rate_limited: Counter,
    /// Websockets opened.
    pub sockets_opened: Counter,
    /// Connections made again after one was lost.
    pub reconnects: Counter,
    /// Events that the host took, by kind.
    pub events: EventCounters,
    /// Times that the host answered `GCA_LATER`.
    pub refusals: Counter,
    /// Times that the host answered neither `GCA_TAKEN` nor `GCA_LATER`.
    pub answers_unknown: Counter,
    /// Events that were lost: the queue was full, the host refused too often, or the adapter stopped.
    pub events_lost: Counter,
    /// Panics that were contained.
    pub panics: Counter,
}

/// One counter for each kind of event.
#[derive(Debug)]
pub struct EventCounters([Counter; EventKind::ALL.len()]);

impl Default for EventCounters {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl EventCounters {
    /// One more of the kind.
    pub fn one(&self, kind: EventKind) {
        if let Some(place) = EventKind::ALL.iter().position(|known| *known == kind) {
            self.0[place].one();
        }
    }

    /// How many of the kind so far.
    #[must_use]
    pub fn get(&self, kind: EventKind) -> u64 {
        EventKind::ALL
            .iter()
            .position(|known| *known == kind)
            .map_or(0, |place| self.0[place].get())
    }

    /// How many of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_counter() {
        let events = EventCounters::default();
        for (count, kind) in EventKind::ALL.iter().enumerate() {
            for _ in 0..=count {
                events.one(*kind);
            }
        }
        for (count, kind) in EventKind::ALL.iter().enumerate() {
            assert_eq!(events.get(*kind), count as u64 + 1);
        }
        let kinds = EventKind::ALL.len() as u64;
        assert_eq!(events.total(), kinds * (kinds + 1) / 2);
    }
}
