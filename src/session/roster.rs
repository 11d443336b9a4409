//! The roster: its lists are read page by page, resumed where they stopped, and read again and again. Who is named is placed
//! and expected to flow; who was missing from two readings is let go of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::errand::Errand;
use super::request::What;
use super::shard::Shard;
use super::subject::Subject;
use super::{Notice, REFUSED_AGAIN, Session};
use crate::model::id::QueueId;
use crate::model::log::LogLevel;
use crate::model::order::{OrderId, Page, Request};
use crate::model::roster::{QueueRecord, Station, UserRecord};
use crate::model::time::Now;

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
    /// Of the last complete reading, and of the one that was told of.
    unread_last: u32,
    unread_told: u32,
    /// Everyone who was listed, and whether the last complete reading missed them.
    known: BTreeMap<Id, bool>,
    readings: u64,
    /// The platform refused it at least once.
    was_refused: bool,
}

impl<Id> Default for Listing<Id> {
    fn default() -> Self {
        Self {
            errand: Errand::default(),
            next_page: 1,
            of: 0,
            seen: BTreeSet::new(),
            unread: 0,
            unread_last: 0,
            unread_told: 0,
            known: BTreeMap::new(),
            readings: 0,
            was_refused: false,
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

    /// How many rows of the last complete reading could not be read, if that was not told yet.
    fn unread_news(&mut self) -> Option<u32> {
        let before = std::mem::replace(&mut self.unread_told, self.unread_last);
        (self.unread_last != before).then_some(self.unread_last)
    }

    /// How many rows of the last complete reading could not be read.
    pub(super) const fn unread_rows(&self) -> u32 {
        self.unread_last
    }

    /// Whether it was read to its end at least once.
    pub(super) const fn was_read(&self) -> bool {
        self.readings > 0
    }

    /// The platform refuses it. It is asked for again and again, but nothing waits for it.
    pub(super) const fn note_refused(&mut self) {
        self.was_refused = true;
    }

    /// Whether it has named whom it names for now. Who is named later has joined.
    pub(super) const fn is_named(&self) -> bool {
        self.was_read() || self.was_refused
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

    /// The list is wanted anew, now. Returns the request that has become pointless.
    pub(super) fn again(&mut self, now: Duration) -> Option<OrderId> {
        self.start_over();
        let pointless = self.errand.cancel();
        self.errand.postpone(now);
        pointless
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
        self.unread_last = std::mem::take(&mut self.unread);
        let trusted = self.unread_last == 0;
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

impl Session {
    /// The whole roster and the stations are read again from their beginning, at once.
    pub(super) fn read_all_again(&mut self, now: Now) {
        let pointless = [
            self.users.again(now.elapsed),
            self.queues.again(now.elapsed),
            self.stations.again(now.elapsed),
        ];
        for id in pointless.into_iter().flatten() {
            self.asked.remove(&id);
        }
        self.are_stations_wanted = true;
    }

    pub(super) fn read_roster(&mut self, now: Now) {
        if self.users.errand.is_idle()
            && self.is_due(self.users.errand.not_before(), now)
            && self.may_ask(What::Users, now)
        {
            let page = self.users.page();
            self.ask(What::Users, Request::Users { page }, now);
        }
        if self.queues.errand.is_idle()
            && self.is_due(self.queues.errand.not_before(), now)
            && self.may_ask(What::Queues, now)
        {
            let page = self.queues.page();
            self.ask(What::Queues, Request::Queues { page }, now);
        }
    }

    /// Lists the stations, when everybody who is to be followed is: no call waits for the kind of a station. Again only
    /// if there may be new ones.
    pub(super) fn read_stations(&mut self, now: Now) {
        if (self.are_stations_wanted || self.stations.page() > 1)
            && self.users.was_read()
            && self.queues.was_read()
            && self.lines().all(|line| line.following.is_settled())
            && self.stations.errand.is_idle()
            && self.is_due(self.stations.errand.not_before(), now)
            && self.may_ask(What::Stations, now)
        {
            let page = self.stations.page();
            self.ask(What::Stations, Request::Stations { page }, now);
        }
    }

    pub(super) fn take_users(&mut self, page: Page<UserRecord>, now: Now) {
        let Page {
            rows, unread, of, ..
        } = page;
        for row in &rows {
            let subject = Subject::User(row.user.id.clone());
            self.ledger.expect(&subject, now);
            self.place(&subject);
        }
        let ids = rows.iter().map(|row| row.user.id.clone());
        let gone = self
            .users
            .take_page(ids, unread, of, now.elapsed, self.roster_interval);
        self.notices.push_back(Notice::Users(rows));
        let Some(gone) = gone else {
            return;
        };
        self.log(
            LogLevel::Debug,
            format!("The roster was read: {} users", self.users.len()),
        );
        for Shard { lead, .. } in &mut self.shards {
            let is_time = lead.asked_at + REFUSED_AGAIN <= now.elapsed;
            if is_time && lead.following.counts().refused > 0 {
                lead.following.ask_refused_again();
                lead.asked_at = now.elapsed;
            }
        }
        self.ledger.users_were_read(now);
        let unread = self.users.unread_news();
        self.tell_unread("users", unread);
        for id in &gone {
            let subject = Subject::User(id.clone());
            self.displace(&subject);
            self.ledger.leave(&subject, now);
        }
        if !gone.is_empty() {
            self.log(
                LogLevel::Info,
                format!("{} users left the roster", gone.len()),
            );
            self.notices.push_back(Notice::UsersRemoved(gone));
        }
    }

    pub(super) fn take_queues(&mut self, page: Page<QueueRecord>, now: Now) {
        let Page {
            rows, unread, of, ..
        } = page;
        // What happens in a queue without members reaches no agent of its own.
        let followed: Vec<QueueId> = rows
            .iter()
            .filter(|row| row.members != Some(0))
            .map(|row| row.queue.id.clone())
            .collect();
        for id in &followed {
            let subject = Subject::Queue(id.clone());
            self.ledger.expect(&subject, now);
            self.place(&subject);
        }
        let gone = self.queues.take_page(
            followed.into_iter(),
            unread,
            of,
            now.elapsed,
            self.roster_interval,
        );
        self.notices.push_back(Notice::Queues(
            rows.into_iter().map(|row| row.queue).collect(),
        ));
        let Some(gone) = gone else {
            return;
        };
        self.ledger.queues_were_read(now);
        let unread = self.queues.unread_news();
        self.tell_unread("queues", unread);
        for id in &gone {
            let subject = Subject::Queue(id.clone());
            self.displace(&subject);
            self.ledger.leave(&subject, now);
        }
        if !gone.is_empty() {
            self.notices.push_back(Notice::QueuesRemoved(gone));
        }
    }

    fn tell_unread(&mut self, what: &str, unread: Option<u32>) {
        match unread {
            None => {}
            Some(0) => self.log(
                LogLevel::Info,
                format!("All rows of the list of {what} can be read again"),
            ),
            Some(rows) => self.log(
                LogLevel::Warn,
                format!(
                    "{rows} rows of the list of {what} cannot be read: those whom they are about are not followed, and \
                     as long as it is so nobody who leaves the list is taken for gone"
                ),
            ),
        }
    }

    pub(super) fn take_stations(&mut self, page: Page<Arc<Station>>, now: Now) {
        let Page {
            rows, unread, of, ..
        } = page;
        if self.stations.page() == 1 {
            self.are_stations_wanted = false;
        }
        let nobody = std::iter::empty();
        self.stations
            .take_page(nobody, unread, of, now.elapsed, self.roster_interval);
        self.notices.push_back(Notice::Stations(rows));
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
