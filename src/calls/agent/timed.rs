//! The last value of something that carries the platform's time, and whether the next one is news.
//!
//! What is older than what was told is late and changes nothing. Two values of one time (the platform's clock has
//! milliseconds, and it hands an agent on in less) are two facts: a topic tells them in their order, each once; a list,
//! which may have been made between them, decides nothing.

use std::sync::Arc;

use crate::calls::identity::Occurrence;
use crate::model::event::EventKind;
use crate::model::time::UtcMicros;

/// The last value told.
#[derive(Debug, Default)]
pub(super) struct Timed {
    since: Option<UtcMicros>,
    told: Option<Fact>,
    /// What else was told since then: other values of the same time, and values without one.
    before: Vec<Fact>,
    /// Changes told without a time.
    untimed: u32,
}

/// A value, and the event that tells it.
type Fact = (EventKind, Arc<str>);

/// Who tells a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Teller {
    /// A topic, in the order of the changes.
    Topic,
    /// A page of a list, which was made at some time before it came.
    List,
}

/// What tells this occurrence from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub(super) occurrence: Occurrence,
    /// How many of its kind were told of the same time before it.
    pub(super) ordinal: u32,
}

impl News {
    /// The first of its kind at this time.
    pub(super) fn first_at(since: UtcMicros) -> Self {
        Self {
            occurrence: Occurrence::At(since),
            ordinal: 0,
        }
    }

    /// Whether it has the same id whoever tells it.
    pub(super) fn is_exact(self) -> bool {
        matches!(self.occurrence, Occurrence::At(_)) && self.ordinal == 0
    }
}

impl Timed {
    /// The last value, if any was told.
    pub(super) fn value(&self) -> Option<&Arc<str>> {
        self.told.as_ref().map(|(_, value)| value)
    }

    /// Since when the last value holds, if that is known.
    pub(super) fn since(&self) -> Option<UtcMicros> {
        self.since
    }

    /// Takes a value that an event of this kind would tell; `None` if it is none.
    pub(super) fn news(
        &mut self,
        kind: EventKind,
        value: &Arc<str>,
        time: Option<UtcMicros>,
        teller: Teller,
    ) -> Option<News> {
        let is_same = self.value() == Some(value);
        let is_repeat = is_same || self.before.iter().any(|(_, told)| told == value);
        let news = |occurrence| News {
            occurrence,
            ordinal: 0,
        };
        let news = match (time, self.since) {
            (Some(time), Some(since)) if time < since => return None,
            (Some(time), Some(since)) if time == since => {
                if is_repeat || teller == Teller::List {
                    return None;
                }
                let told = self.before.iter().chain(&self.told);
                let ordinal = told.filter(|(told, _)| *told == kind).count();
                self.before.extend(self.told.take());
                News {
                    occurrence: Occurrence::At(time),
                    ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX),
                }
            }
            (Some(time), None) if is_same => {
                // The time of what was told without one.
                self.since = Some(time);
                return None;
            }
            (Some(time), _) => {
                self.since = Some(time);
                self.before.clear();
                news(Occurrence::At(time))
            }
            (None, _) if is_same || (teller == Teller::List && self.told.is_some()) => return None,
            (None, since) => {
                self.untimed += 1;
                if since.is_some()
                    && let Some(told) = self.told.take()
                    && !self.before.contains(&told)
                {
                    self.before.push(told);
                }
                news(Occurrence::Nth(self.untimed))
            }
        };
        self.told = Some((kind, Arc::clone(value)));
        Some(news)
    }
}
