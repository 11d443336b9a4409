//! What stands at one place of the queue: an event, a run of events that are lost, or the begin of another feed.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::feed_id::FeedId;
use crate::model::event::Event;
use crate::model::time::UtcMicros;

/// What stands at one place of the queue.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Event(Event),
    Lost(LostRun),
    /// Another feed begins here.
    Begin(Arc<FeedId>),
}

impl Slot {
    /// When its event was received, or the first of those that are gone.
    pub(super) const fn received(&self) -> Option<UtcMicros> {
        match self {
            Self::Event(event) => Some(event.received),
            Self::Lost(run) => Some(run.from),
            Self::Begin(_) => None,
        }
    }
}

/// Neighbouring events that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LostRun {
    pub(super) count: u64,
    pub(super) from: UtcMicros,
    pub(super) to: UtcMicros,
    pub(super) why: LostWhy,
}

/// Events that were dropped at the end of a run, in one feed.
#[derive(Debug)]
pub(super) struct Dropped {
    pub(super) feed: Arc<FeedId>,
    /// The number that the first of them would have had.
    pub(super) first: u64,
    pub(super) run: Option<LostRun>,
}

impl Dropped {
    pub(super) fn nothing(feed: &Arc<FeedId>, first: u64) -> Self {
        Self {
            feed: Arc::clone(feed),
            first,
            run: None,
        }
    }
}

impl LostRun {
    pub(super) fn of(event: &Event, why: LostWhy) -> Self {
        Self {
            count: 1,
            from: event.received,
            to: event.received,
            why,
        }
    }

    /// This run and the one behind it, as one.
    pub(super) fn and(self, behind: Self) -> Self {
        Self {
            count: self.count + behind.count,
            from: self.from,
            to: behind.to,
            why: self.why.and(behind.why),
        }
    }
}

/// Why events are gone: every reason that had a part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LostWhy(u8);

impl LostWhy {
    pub(super) const QUEUE_FULL: Self = Self(1);
    pub(super) const REFUSED: Self = Self(1 << 1);
    pub(super) const DEFECT: Self = Self(1 << 2);
    /// The adapter was stopped; no event tells this one, only the ledger.
    pub(super) const STOPPED: Self = Self(1 << 3);
    pub(super) const JOURNAL_AGE: Self = Self(1 << 4);
    pub(super) const JOURNAL_FULL: Self = Self(1 << 5);
    pub(super) const JOURNAL_DAMAGED: Self = Self(1 << 6);
    pub(super) const ERASED: Self = Self(1 << 7);

    /// The words for them: in an event's `reason`, in the ledger and in the journal.
    const WORDS: [(Self, &'static str); 8] = [
        (Self::QUEUE_FULL, "queue_full"),
        (Self::REFUSED, "refused"),
        (Self::DEFECT, "defect"),
        (Self::STOPPED, "stopped"),
        (Self::JOURNAL_AGE, "journal_age"),
        (Self::JOURNAL_FULL, "journal_full"),
        (Self::JOURNAL_DAMAGED, "journal_damaged"),
        (Self::ERASED, "erased"),
    ];

    /// Both reasons.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This reason, if it is one.
    pub(super) const fn when(self, is_so: bool) -> Self {
        if is_so { self } else { Self(0) }
    }

    pub(super) const fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Its words, joined by commas.
    pub(super) fn words(self) -> String {
        let parts = Self::WORDS.iter().filter(|(part, _)| self.0 & part.0 != 0);
        let words: Vec<_> = parts.map(|(_, word)| *word).collect();
        words.join(",")
    }

    /// As [`words`](Self::words) says them. Words of a later version are left out.
    fn of_words(words: &str) -> Self {
        let part = |word| Self::WORDS.iter().find(|(_, own)| *own == word);
        let parts = words.split(',').filter_map(part);
        parts.fold(Self::default(), |why, (part, _)| why.and(*part))
    }
}

impl Serialize for LostWhy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.words())
    }
}

impl<'de> Deserialize<'de> for LostWhy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|words| Self::of_words(&words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_of_a_loss_are_read_as_they_were_written() {
        for all in 0..=u8::MAX {
            let why = LostWhy(all);
            assert_eq!(LostWhy::of_words(&why.words()), why);
        }
        assert_eq!(
            LostWhy::of_words("moved_to_the_moon,refused"),
            LostWhy::REFUSED
        );
        assert_eq!(
            LostWhy::JOURNAL_AGE.and(LostWhy::ERASED).words(),
            "journal_age,erased"
        );
        assert!(!LostWhy::DEFECT.when(false).is_some());
    }
}
