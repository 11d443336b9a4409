//! A state of a leg that lasts, and for which the platform tells when it began and not when it ended: on hold, parked.
//!
//! It is known by its beginning: that is what the ids of both its events are made from. One that was shown without a time
//! is known by its number.

use std::time::Duration;

use super::identity::Occurrence;
use crate::model::time::UtcMicros;

/// How long after a read, or another notification, a notification may come that was made before it: no longer than this.
pub(crate) const LAGS: Duration = Duration::from_secs(5);

/// What was told of it.
#[derive(Debug, Default)]
pub(crate) struct Spell {
    current: Option<Begun>,
    /// When the one that lasts was told, if by a read: there may be no topic that ever shows it.
    read_at: Option<Duration>,
    /// That one, if a notification that may have been made before the read did not show it.
    doubted: Option<Begun>,
    count: u32,
    /// When each that was told began, where that is known: sorted.
    starts: Vec<UtcMicros>,
    /// When the one began that lasted, as told, when its connection ended. A read may show that it had ended before.
    cut: Option<UtcMicros>,
    /// The one that lasts was told by another process: whatever a topic shows to this one is newer.
    is_restored: bool,
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

/// What a read shows of one of a connection that is over, and nothing had told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late {
    /// That it began.
    pub(crate) began: bool,
    /// That it ended before the connection did.
    pub(crate) ended: bool,
}

impl Spell {
    /// When those that were told began, where that is known: in order.
    pub(crate) fn starts(&self) -> &[UtcMicros] {
        &self.starts
    }

    /// Whether it lasts, as told.
    pub(crate) fn lasts(&self) -> bool {
        self.current.is_some()
    }

    /// A body shows whether it lasts, and since when. `seen` is what its topic showed last; `heard` is when a notification
    /// came, and `None` of a read.
    pub(crate) fn show(
        &mut self,
        lasts: bool,
        since: Option<UtcMicros>,
        seen: &mut Option<Begun>,
        heard: Option<Duration>,
    ) -> News {
        let shown = lasts.then(|| match since {
            Some(start) => Begun::Since(start),
            None => (seen.or(self.current)).unwrap_or(Begun::Nth(self.count + 1)),
        });
        let before = std::mem::replace(seen, shown);
        match shown {
            Some(begun) => {
                self.doubted = None;
                self.begin(begun)
            }
            // A topic that never showed it says nothing about its end, unless none needed to show its beginning.
            None if self.current.is_some()
                && (before == self.current || self.was_read_before(heard)) =>
            {
                News {
                    ended: self.end(),
                    ..News::default()
                }
            }
            None => {
                if heard.is_some() && self.read_at.is_some() {
                    self.doubted = self.current;
                }
                News::default()
            }
        }
    }

    /// By when a notification must have shown the one that lasts, or it has ended: its topic showed none after a read told
    /// it, and what is on its way comes by then.
    pub(crate) fn doubted_until(&self) -> Option<Duration> {
        let is_doubted = self.doubted.is_some() && self.doubted == self.current;
        self.read_at.filter(|_| is_doubted).map(|read| read + LAGS)
    }

    /// Notifications may be missed: what they do not show says nothing.
    pub(crate) fn interrupt(&mut self) {
        self.doubted = None;
    }

    /// The one that lasts was told by a read.
    pub(crate) fn mark_read(&mut self, at: Duration) {
        self.read_at = Some(at);
    }

    /// The one that lasts was told by another process.
    pub(crate) fn mark_restored(&mut self) {
        self.is_restored = true;
    }

    /// Whether the one that lasts was told by a read, so long ago that what comes now was made after it; or by another
    /// process, whose topics were others.
    fn was_read_before(&self, heard: Option<Duration>) -> bool {
        let is_newer = |read| heard.is_some_and(|heard| heard >= read + LAGS);
        self.read_at.is_some_and(is_newer) || (self.is_restored && heard.is_some())
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
        self.read_at = None;
        self.is_restored = false;
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

    /// Its connection is over, and with it the one that lasted.
    pub(crate) fn cut(&mut self) {
        self.cut = self.current.take().and_then(Begun::time);
    }

    /// A read shows one of a connection that is over: it began at `start`, and was taken back before the connection ended or
    /// not. From now on all of it was told.
    pub(crate) fn show_late(&mut self, start: UtcMicros, was_taken_back: bool) -> Late {
        if !self.is_dated() {
            // It may be one of those that have only a number.
            return Late::default();
        }
        match self.starts.binary_search(&start) {
            Err(place) => {
                self.starts.insert(place, start);
                self.count += 1;
                Late {
                    began: true,
                    ended: was_taken_back,
                }
            }
            Ok(_) => Late {
                began: false,
                ended: was_taken_back && self.cut.take_if(|cut| *cut == start).is_some(),
            },
        }
    }

    /// Whether it is known of each that was told when it began.
    pub(crate) fn is_dated(&self) -> bool {
        usize::try_from(self.count).is_ok_and(|count| count == self.starts.len())
    }

    /// When each that was told began, and whether its end was told too or will not be.
    pub(crate) fn told(&self) -> impl Iterator<Item = (UtcMicros, bool)> {
        (self.starts.iter()).map(|start| (*start, self.cut != Some(*start)))
    }

    /// What was told of a connection that is over: one that began at `start`, and whether its end.
    pub(crate) fn recall(&mut self, start: UtcMicros, is_ended: bool) {
        if let Err(place) = self.starts.binary_search(&start) {
            self.starts.insert(place, start);
            self.count += 1;
        }
        if !is_ended {
            self.cut = Some(start);
        }
    }

    /// One was told of which only the number is known.
    pub(crate) fn recall_undated(&mut self) {
        self.count += 1;
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
    const NOW: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn an_end_that_was_not_shown_comes_before_the_next_beginning() {
        let (mut hold, mut seen) = (Spell::default(), None);
        let first = hold.show(true, Some(UtcMicros(1)), &mut seen, NOW);
        assert_eq!((first.began, first.ended_unseen), (Some(FIRST), None));
        let second = hold.show(true, Some(UtcMicros(2)), &mut seen, NOW);
        assert_eq!(
            (second.began, second.ended_unseen),
            (Some(SECOND), Some(FIRST))
        );
    }

    #[test]
    fn a_topic_that_is_behind_neither_begins_nor_ends_it_again() {
        let (mut hold, mut ahead, mut behind) = (Spell::default(), None, None);
        hold.show(true, Some(UtcMicros(1)), &mut ahead, NOW);
        assert_eq!(hold.show(false, None, &mut ahead, NOW).ended, Some(FIRST));
        assert_eq!(
            hold.show(true, Some(UtcMicros(1)), &mut behind, NOW),
            News::default()
        );
        assert_eq!(hold.show(false, None, &mut behind, NOW), News::default());
        hold.show(true, Some(UtcMicros(2)), &mut ahead, NOW);
        assert_eq!(
            hold.show(false, None, &mut behind, NOW),
            News::default(),
            "never showed the second"
        );
        assert_eq!(hold.show(false, None, &mut ahead, NOW).ended, Some(SECOND));
    }

    #[test]
    fn without_times_they_are_numbered() {
        let (mut hold, mut seen) = (Spell::default(), None);
        assert_eq!(
            hold.show(true, None, &mut seen, NOW).began,
            Some(Begun::Nth(1))
        );
        assert_eq!(hold.show(true, None, &mut seen, NOW), News::default());
        assert_eq!(
            hold.show(false, None, &mut seen, NOW).ended,
            Some(Begun::Nth(1))
        );
        assert_eq!(
            hold.show(true, None, &mut seen, NOW).began,
            Some(Begun::Nth(2))
        );
    }

    #[test]
    fn one_that_a_read_told_ends_with_a_notification_that_is_newer_than_the_read() {
        let mut hold = Spell::default();
        let told = hold.show(true, Some(UtcMicros(1)), &mut None, None);
        assert_eq!(told.began, Some(FIRST));
        hold.mark_read(Duration::from_secs(100));
        let mut shows = |heard: Option<u64>| {
            let heard = heard.map(Duration::from_secs);
            hold.show(false, None, &mut None, heard).ended
        };
        assert_eq!(shows(Some(101)), None, "made before the read, perhaps");
        assert_eq!(
            shows(None),
            None,
            "another read, perhaps of an index that lags"
        );
        assert_eq!(shows(Some(105)), Some(FIRST));
        assert_eq!(shows(Some(106)), None);
    }
}
