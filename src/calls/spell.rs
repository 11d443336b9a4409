//! A state of a leg that lasts, and for which the platform tells when it began and not when it ended: on hold, parked.
//!
//! It is known by its beginning: that is what the ids of both its events are made from. One that was shown without a time
//! is known by its number.

use super::identity::Occurrence;
use crate::model::time::UtcMicros;

/// What was told of it.
#[derive(Debug, Default)]
pub(crate) struct Spell {
    current: Option<Begun>,
    count: u32,
    /// When each that was told began, where that is known: sorted.
    starts: Vec<UtcMicros>,
}

/// One that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// At this time.
    Since(UtcMicros),
    /// No time was told: its number.
    Nth(u32),
}

impl Begun {
    pub(crate) fn occurrence(self) -> Occurrence {
        match self {
            Self::Since(time) => Occurrence::At(time),
            Self::Nth(count) => Occurrence::Nth(count),
        }
    }

    pub(crate) fn time(self) -> Option<UtcMicros> {
        match self {
            Self::Since(time) => Some(time),
            Self::Nth(_) => None,
        }
    }
}

/// What a body shows of it that is new.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// The one before has ended, though no body showed it.
    pub(crate) ended_unseen: Option<Begun>,
    /// One began.
    pub(crate) began: Option<Begun>,
    /// The one that lasted has ended.
    pub(crate) ended: Option<Begun>,
}

impl Spell {
    /// Whether it lasts, as told.
    pub(crate) fn lasts(&self) -> bool {
        self.current.is_some()
    }

    /// A body shows whether it lasts, and since when. `seen` is what its topic showed last.
    pub(crate) fn show(
        &mut self,
        lasts: bool,
        since: Option<UtcMicros>,
        seen: &mut Option<Begun>,
    ) -> News {
        let shown = lasts.then(|| match since {
            Some(start) => Begun::Since(start),
            None => (seen.or(self.current)).unwrap_or(Begun::Nth(self.count + 1)),
        });
        let before = std::mem::replace(seen, shown);
        match shown {
            Some(begun) => self.begin(begun),
            // A topic that never showed it says nothing about its end.
            None if self.current.is_some() && before == self.current => News {
                ended: self.end(),
                ..News::default()
            },
            None => News::default(),
        }
    }

    /// One of this beginning is shown.
    pub(crate) fn begin(&mut self, begun: Begun) -> News {
        let is_news = match begun {
            Begun::Since(start) => self.starts.last().is_none_or(|last| start > *last),
            Begun::Nth(count) => count > self.count,
        };
        if !is_news {
            // Told already, and perhaps its end.
            return News::default();
        }
        if let Begun::Since(start) = begun {
            self.starts.push(start);
        }
        self.count += 1;
        News {
            ended_unseen: self.current.replace(begun),
            began: Some(begun),
            ended: None,
        }
    }

    /// One that began at `start` is over, by a source that tells all of them: whether it was never told, though a later
    /// one was. From now on it was.
    pub(crate) fn was_missed(&mut self, start: UtcMicros) -> bool {
        let is_past = self.starts.last().is_some_and(|last| start < *last);
        let Some(place) = (self.starts.binary_search(&start).err()).filter(|_| is_past) else {
            return false;
        };
        self.starts.insert(place, start);
        self.count += 1;
        true
    }

    /// The one that lasts, if one does, is over.
    pub(crate) fn end(&mut self) -> Option<Begun> {
        self.current.take()
    }

    /// The one that began at `start` is over, if it lasts.
    pub(crate) fn end_of(&mut self, start: UtcMicros) -> Option<Begun> {
        self.current
            .take_if(|current| *current == Begun::Since(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Begun = Begun::Since(UtcMicros(1));
    const SECOND: Begun = Begun::Since(UtcMicros(2));

    #[test]
    fn an_end_that_was_not_shown_comes_before_the_next_beginning() {
        let (mut hold, mut seen) = (Spell::default(), None);
        let first = hold.show(true, Some(UtcMicros(1)), &mut seen);
        assert_eq!((first.began, first.ended_unseen), (Some(FIRST), None));
        let second = hold.show(true, Some(UtcMicros(2)), &mut seen);
        assert_eq!(
            (second.began, second.ended_unseen),
            (Some(SECOND), Some(FIRST))
        );
    }

    #[test]
    fn a_topic_that_is_behind_neither_begins_nor_ends_it_again() {
        let (mut hold, mut ahead, mut behind) = (Spell::default(), None, None);
        hold.show(true, Some(UtcMicros(1)), &mut ahead);
        assert_eq!(hold.show(false, None, &mut ahead).ended, Some(FIRST));
        assert_eq!(
            hold.show(true, Some(UtcMicros(1)), &mut behind),
            News::default()
        );
        assert_eq!(hold.show(false, None, &mut behind), News::default());
        hold.show(true, Some(UtcMicros(2)), &mut ahead);
        assert_eq!(
            hold.show(false, None, &mut behind),
            News::default(),
            "never showed the second"
        );
        assert_eq!(hold.show(false, None, &mut ahead).ended, Some(SECOND));
    }

    #[test]
    fn without_times_they_are_numbered() {
        let (mut hold, mut seen) = (Spell::default(), None);
        assert_eq!(hold.show(true, None, &mut seen).began, Some(Begun::Nth(1)));
        assert_eq!(hold.show(true, None, &mut seen), News::default());
        assert_eq!(hold.show(false, None, &mut seen).ended, Some(Begun::Nth(1)));
        assert_eq!(hold.show(true, None, &mut seen).began, Some(Begun::Nth(2)));
    }
}
