//! Reading a list of the roster: page by page, resumed where it stopped, read again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::errand::Errand;

/// One list of the roster, as it is read.
#[derive(Debug)]
pub(super) struct Listing<Id> {
    /// The request for the next page.
    pub(super) errand: Errand,
    /// The page that comes next, from 1.
    next_page: u32,
    /// How many pages the last answer said there are.
    of: u32,
    seen: BTreeSet<Id>,
    /// Rows of this reading that could not be read: what is missing then may be among them.
    unread: u32,
    /// Everyone who was listed, and whether the last complete reading missed them.
    known: BTreeMap<Id, bool>,
    readings: u64,
}

impl<Id> Default for Listing<Id> {
    fn default() -> Self {
        Self {
            errand: Errand::default(),
            next_page: 1,
            of: 0,
            seen: BTreeSet::new(),
            unread: 0,
            known: BTreeMap::new(),
            readings: 0,
        }
    }
}

impl<Id: Ord + Clone> Listing<Id> {
    /// The page to ask for.
    pub(super) const fn page(&self) -> u32 {
        self.next_page
    }

    /// Where the reading stands, for people.
    pub(super) fn place(&self) -> String {
        match self.of {
            0 => format!("page {}", self.next_page),
            of => format!("page {} of {of}", self.next_page),
        }
    }

    /// Whether it was read to its end at least once.
    pub(super) const fn was_read(&self) -> bool {
        self.readings > 0
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// What was read so far is no part of one whole: reads the list from its beginning.
    pub(super) fn start_over(&mut self) {
        self.next_page = 1;
        self.seen.clear();
        self.unread = 0;
    }

    /// Takes a page. At the end of the list returns who is gone: missing from two complete readings in a row, since
    /// pages shift while a list is read and one reading alone can miss someone who is there.
    pub(super) fn take_page(
        &mut self,
        rows: impl Iterator<Item = Id>,
        unread: u32,
        of: u32,
        now: Duration,
        interval: Duration,
    ) -> Option<Vec<Id>> {
        for id in rows {
            self.known.entry(id.clone()).or_insert(false);
            self.seen.insert(id);
        }
        self.unread = self.unread.saturating_add(unread);
        self.of = of;
        if self.next_page < of {
            self.next_page += 1;
            self.errand.succeeded(now);
            return None;
        }
        self.errand.succeeded(now + interval);
        self.readings += 1;
        self.next_page = 1;
        let seen = std::mem::take(&mut self.seen);
        let trusted = std::mem::take(&mut self.unread) == 0;
        let mut gone = Vec::new();
        self.known.retain(|id, missed| {
            if seen.contains(id) {
                *missed = false;
            } else if trusted && std::mem::replace(missed, true) {
                gone.push(id.clone());
                return false;
            }
            true
        });
        Some(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);
    const INTERVAL: Duration = Duration::from_secs(300);
    const NOBODY: [u32; 0] = [];

    fn read(list: &mut Listing<u32>, rows: &[u32], unread: u32) -> Vec<u32> {
        list.take_page(rows.iter().copied(), unread, 1, NOW, INTERVAL)
            .unwrap()
    }

    #[test]
    fn gone_is_who_two_readings_missed() {
        let mut list = Listing::default();
        assert_eq!(read(&mut list, &[1, 2, 3], 0), NOBODY);
        assert_eq!(read(&mut list, &[1, 3], 0), NOBODY);
        assert_eq!(read(&mut list, &[1, 2], 0), NOBODY);
        assert_eq!(
            read(&mut list, &[1], 1),
            NOBODY,
            "an unread row may be anyone"
        );
        assert_eq!(read(&mut list, &[1, 2], 0), [3]);
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn pages_follow_each_other_and_the_end_waits_for_the_interval() {
        let mut list = Listing::default();
        assert_eq!(list.take_page([1].into_iter(), 0, 2, NOW, INTERVAL), None);
        assert_eq!((list.page(), list.was_read()), (2, false));
        assert_eq!(list.errand.not_before(), NOW);
        assert_eq!(
            list.take_page([2].into_iter(), 0, 2, NOW, INTERVAL),
            Some(vec![])
        );
        assert_eq!((list.page(), list.was_read()), (1, true));
        assert_eq!(list.errand.not_before(), NOW + INTERVAL);
    }
}
