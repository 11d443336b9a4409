//! The ledger of gaps: whose topics had no channel on which they flowed, since when, and what became of it.
//!
//! Knows: who is to flow and who does. Does not know: how anything is read (`recovery`), nor where the ledger is written
//! down. Input: what the session tells of its topics. Output: each change of an entry.
//!
//! An entry begins at the last frame that was heard, less the overlap, since a frame may have been on its way. It has an
//! end when the last of its subjects flows again or has left the roster, and is closed when all of it was read. Who is lost
//! again meanwhile stands in an entry of its own: none is ever reopened, none forgets what it covers.
//!
//! - The first entry goes from the start, and takes in everyone whom the first reading of the roster names.
//! - If it is known up to when an earlier process heard everything, the time from then to the start is an entry too, for the
//!   same users and queues. It is read together with the start.
//! - Whose topics the platform refuses stands in an entry with its words for as long as it does; part of the topics is
//!   enough. So does who finds no room on the channels.
//! - Who joins the roster later is entered from the reading before, which did not name them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::subject::Subject;
use crate::model::event::EventKind;
use crate::model::gap::{GapCause, GapId, GapRecord, Shortfall};
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::time::{Now, UtcMicros};

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GapChange {
    /// It was made.
    Opened(Arc<GapRecord>),
    /// Its end is known.
    Ended(Arc<GapRecord>),
    /// All of it was read; nothing comes after this.
    Closed(Arc<GapRecord>),
}

impl GapChange {
    /// The gap as it is now.
    #[must_use]
    pub const fn record(&self) -> &Arc<GapRecord> {
        match self {
            Self::Opened(record) | Self::Ended(record) | Self::Closed(record) => record,
        }
    }
}

/// An event that a read for a gap told, as far as the ledger counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it told.
    pub kind: EventKind,
    /// Of which user, if of one.
    pub user: Option<UserId>,
    /// Of which queue, if of one.
    pub queue: Option<QueueId>,
    /// When it happened, if the platform told.
    pub at: Option<UtcMicros>,
    /// The conversation whose end it is, if analytics told it: a read of the conversation tells more of it.
    pub ends: Option<ConversationId>,
}

/// Why subjects are left out: refused with these words, or without room.
pub(super) type Aside = (GapCause, Arc<str>);

#[derive(Debug)]
struct Entry {
    record: GapRecord,
    /// Everyone whom it concerns.
    subjects: BTreeSet<Subject>,
    /// Who does not flow yet.
    missing: BTreeSet<Subject>,
}

impl Entry {
    fn told(&self) -> Arc<GapRecord> {
        Arc::new(self.record.clone())
    }

    fn list_subjects(&mut self) {
        let (mut users, mut queues) = (Vec::new(), Vec::new());
        for subject in &self.subjects {
            match subject {
                Subject::User(id) => users.push(id.clone()),
                Subject::Queue(id) => queues.push(id.clone()),
            }
        }
        self.record.users = users.into();
        self.record.queues = queues.into();
    }

    /// How well an event fits: it is of one of its users or queues, and happened within it.
    fn fits(&self, told: &Told) -> u32 {
        let is_of = |subject: Option<Subject>| subject.is_some_and(|s| self.subjects.contains(&s));
        let of_user = is_of(told.user.clone().map(Subject::User));
        let of_queue = is_of(told.queue.clone().map(Subject::Queue));
        let within = told
            .at
            .is_some_and(|at| at >= self.record.from && self.record.to.is_none_or(|to| at <= to));
        4 * u32::from(of_user) + 2 * u32::from(within) + u32::from(of_queue)
    }
}

/// When a list of the roster was read. Each by itself: one may fail for hours while the other is read.
#[derive(Debug)]
struct Listed {
    /// When the last complete reading began.
    last: UtcMicros,
    /// When the one under way did.
    next: UtcMicros,
}

impl Listed {
    fn new(now: Now) -> Self {
        Self {
            last: now.utc,
            next: now.utc,
        }
    }

    fn were_read(&mut self, now: Now) {
        self.last = std::mem::replace(&mut self.next, now.utc);
    }
}

/// All gaps that are not closed.
#[derive(Debug)]
pub(super) struct Ledger {
    overlap: Duration,
    last: GapId,
    entries: BTreeMap<GapId, Entry>,
    flowing: BTreeSet<Subject>,
    /// In which entry each subject is that does not flow.
    missing: BTreeMap<Subject, GapId>,
    /// In which entry each subject is of whose topics some are refused, or that has no room.
    aside: BTreeMap<Subject, GapId>,
    /// The first entry, while it still takes in whom the roster names.
    start: Option<GapId>,
    /// The entry of the time before the start, until the start has its end.
    downtime: Option<GapId>,
    /// The entry of those who joined since the last pass; not told yet.
    joining: Option<GapId>,
    users: Listed,
    queues: Listed,
    changes: VecDeque<GapChange>,
}

impl Ledger {
    /// Opens the first entry. `last`: the number that was given last, in this life or an earlier one. `heard_until`: until when
    /// an earlier session heard everything.
    pub(super) fn new(
        last: GapId,
        heard_until: Option<UtcMicros>,
        overlap: Duration,
        now: Now,
    ) -> Self {
        let mut ledger = Self {
            overlap,
            last,
            entries: BTreeMap::new(),
            flowing: BTreeSet::new(),
            missing: BTreeMap::new(),
            aside: BTreeMap::new(),
            start: None,
            downtime: None,
            joining: None,
            users: Listed::new(now),
            queues: Listed::new(now),
            changes: VecDeque::new(),
        };
        let (detail, from) = match heard_until {
            None => ("The feed begins", now.utc),
            Some(until) => (
                "The feed begins anew after a defect in the library",
                ledger.less_overlap(until),
            ),
        };
        let id = ledger.open(GapCause::Start, detail.into(), from, BTreeSet::new(), now);
        ledger.start = Some(id);
        ledger.tell_opened(id);
        ledger
    }

    /// Before the start nothing ran, since an earlier process that heard everything up to then.
    pub(super) fn was_down(&mut self, covered_until: UtcMicros, now: Now) {
        let detail = Arc::from("No adapter ran");
        let from = self.less_overlap(covered_until);
        let id = self.open(GapCause::Downtime, detail, from, BTreeSet::new(), now);
        self.downtime = Some(id);
        self.tell_opened(id);
    }

    /// A frame may have been on its way.
    fn less_overlap(&self, heard: UtcMicros) -> UtcMicros {
        let overlap = i64::try_from(self.overlap.as_micros()).unwrap_or(i64::MAX);
        UtcMicros(heard.0.saturating_sub(overlap))
    }

    pub(super) fn set_overlap(&mut self, overlap: Duration) {
        self.overlap = overlap;
    }

    /// The next change of an entry.
    pub(super) fn poll(&mut self) -> Option<GapChange> {
        self.changes.pop_front()
    }

    /// An entry that is not closed.
    #[cfg(test)]
    fn record(&self, id: u64) -> Option<&GapRecord> {
        self.entries.get(&GapId(id)).map(|entry| &entry.record)
    }

    /// Entries that are not closed.
    pub(super) fn open_entries(&self) -> usize {
        self.entries.len()
    }

    /// The roster names a subject. It is entered unless it flows, or stands in an entry already.
    pub(super) fn expect(&mut self, subject: &Subject, now: Now) {
        if self.flowing.contains(subject)
            || self.missing.contains_key(subject)
            || self.aside.contains_key(subject)
        {
            return;
        }
        if self.start.is_some()
            && let Some(entry) = self.downtime.and_then(|id| self.entries.get_mut(&id))
        {
            entry.subjects.insert(subject.clone());
        }
        let from = match subject {
            Subject::User(_) => self.users.last,
            Subject::Queue(_) => self.queues.last,
        };
        let id = match (self.start, self.joining) {
            (Some(id), _) => id,
            (None, Some(id)) => {
                // The one list may be older than the other.
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.record.from = entry.record.from.min(from);
                }
                id
            }
            (None, None) => {
                let detail = Arc::from("They are new in the roster");
                let id = self.open(GapCause::Joined, detail, from, BTreeSet::new(), now);
                self.joining = Some(id);
                id
            }
        };
        self.enter(id, subject.clone());
    }

    /// A reading of the users is complete.
    pub(super) fn users_were_read(&mut self, now: Now) {
        self.users.were_read(now);
    }

    /// A reading of the queues is complete.
    pub(super) fn queues_were_read(&mut self, now: Now) {
        self.queues.were_read(now);
    }

    /// The roster has named everyone once: nobody else belongs to the start.
    pub(super) fn all_are_named(&mut self, now: Now) {
        if let Some(id) = self.start.take() {
            self.end_if_whole(id, now);
        }
    }

    /// These flow, on whichever socket.
    pub(super) fn flow(&mut self, subjects: impl Iterator<Item = Subject>, now: Now) {
        let mut touched = BTreeSet::new();
        for subject in subjects {
            if let Some(id) = self.missing.remove(&subject) {
                touched.insert(id);
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.missing.remove(&subject);
                }
            }
            self.flowing.insert(subject);
        }
        for id in touched {
            self.end_if_whole(id, now);
        }
    }

    /// These flow no more; `since` is when the last frame came.
    pub(super) fn interrupt(
        &mut self,
        subjects: impl Iterator<Item = Subject>,
        since: Now,
        detail: Arc<str>,
        now: Now,
    ) {
        let lost: BTreeSet<Subject> = subjects
            .filter(|subject| self.flowing.remove(subject))
            .collect();
        if lost.is_empty() {
            return;
        }
        let from = self.less_overlap(since.utc);
        let id = self.open(GapCause::Lost, detail, from, lost, now);
        self.tell_opened(id);
    }

    /// A subject left the roster: no entry waits for it any more. What was not heard of it until then was missed all the same.
    pub(super) fn leave(&mut self, subject: &Subject, now: Now) {
        self.flowing.remove(subject);
        let in_entries = [self.missing.remove(subject), self.aside.remove(subject)];
        for id in in_entries.into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.missing.remove(subject);
            }
            self.end_if_whole(id, now);
        }
    }

    /// Everyone has a verdict: these are all of whose topics some are refused, or who have no room. Who was left out and is
    /// no longer has come to the end of that gap, when they flow: the connection may be down.
    pub(super) fn leave_out(&mut self, aside: &BTreeMap<Aside, BTreeSet<Subject>>, now: Now) {
        let stays = |entry: &Entry, subject: &Subject| {
            aside.iter().any(|((cause, detail), subjects)| {
                entry.record.cause == *cause
                    && entry.record.detail == *detail
                    && subjects.contains(subject)
            })
        };
        let mut touched = BTreeSet::new();
        let Self {
            entries,
            flowing,
            missing,
            ..
        } = self;
        self.aside.retain(|subject, id| {
            let Some(entry) = entries.get_mut(id) else {
                return false;
            };
            if stays(entry, subject) {
                return true;
            }
            if flowing.contains(subject) || missing.contains_key(subject) {
                entry.missing.remove(subject);
                touched.insert(*id);
            } else {
                missing.insert(subject.clone(), *id);
            }
            false
        });
        for ((cause, detail), subjects) in aside {
            // Each from when it was missed.
            let mut since: BTreeMap<UtcMicros, BTreeSet<Subject>> = BTreeMap::new();
            for subject in subjects {
                if self.aside.contains_key(subject) {
                    continue;
                }
                let before = self.missing.remove(subject);
                let mut from = now.utc;
                if let Some(entry) = before.and_then(|id| self.entries.get_mut(&id)) {
                    from = entry.record.from;
                    entry.missing.remove(subject);
                    entry.subjects.remove(subject);
                    touched.insert(entry.record.id);
                }
                since.entry(from).or_default().insert(subject.clone());
            }
            for (from, subjects) in since {
                let id = self.open(*cause, Arc::clone(detail), from, subjects, now);
                self.tell_opened(id);
            }
        }
        for id in touched {
            self.end_if_whole(id, now);
        }
    }

    /// Ends a pass: who joined is told.
    pub(super) fn settle(&mut self) {
        if let Some(id) = self.joining.take() {
            self.tell_opened(id);
        }
    }

    /// Whether an entry concerns a subject.
    pub(super) fn concerns(&self, id: GapId, subject: &Subject) -> bool {
        let entry = self.entries.get(&id);
        entry.is_some_and(|entry| entry.subjects.contains(subject))
    }

    /// A read for these entries was answered.
    pub(super) fn count_read(&mut self, ids: &BTreeSet<GapId>) {
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.record.reads += 1;
            }
        }
    }

    /// A read for these entries told an event. It counts for the one that it fits best.
    pub(super) fn count_told(&mut self, ids: &BTreeSet<GapId>, told: &Told) {
        let fits = |id: &&GapId| {
            let fits = self.entries.get(id).map(|entry| entry.fits(told));
            (fits, std::cmp::Reverse(**id))
        };
        if let Some(id) = ids.iter().max_by_key(fits)
            && let Some(entry) = self.entries.get_mut(id)
        {
            *entry.record.recovered.entry(told.kind).or_default() += 1;
        }
    }

    /// All of it was read, but for these.
    pub(super) fn close(&mut self, id: GapId, mut shortfalls: Vec<Shortfall>, now: Now) {
        let Some(mut entry) = self.entries.remove(&id) else {
            return;
        };
        shortfalls.sort_unstable();
        shortfalls.dedup();
        entry.record.shortfalls = shortfalls;
        entry.record.closed = Some(now.utc);
        self.changes.push_back(GapChange::Closed(entry.told()));
    }

    fn open(
        &mut self,
        cause: GapCause,
        detail: Arc<str>,
        from: UtcMicros,
        subjects: BTreeSet<Subject>,
        now: Now,
    ) -> GapId {
        self.last.0 += 1;
        let id = self.last;
        let record = GapRecord {
            id,
            cause,
            detail,
            from: from.min(now.utc),
            to: None,
            opened: now.utc,
            closed: None,
            users: Arc::default(),
            queues: Arc::default(),
            reads: 0,
            recovered: BTreeMap::new(),
            shortfalls: Vec::new(),
        };
        let entry = Entry {
            record,
            subjects: BTreeSet::new(),
            missing: BTreeSet::new(),
        };
        self.entries.insert(id, entry);
        for subject in subjects {
            self.enter(id, subject);
        }
        id
    }

    fn enter(&mut self, id: GapId, subject: Subject) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let is_aside = matches!(entry.record.cause, GapCause::Refused | GapCause::NoRoom);
        entry.subjects.insert(subject.clone());
        entry.missing.insert(subject.clone());
        if is_aside {
            self.aside.insert(subject, id);
        } else {
            self.missing.insert(subject, id);
        }
    }

    fn tell_opened(&mut self, id: GapId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.list_subjects();
            self.changes.push_back(GapChange::Opened(entry.told()));
        }
    }

    fn end_if_whole(&mut self, id: GapId, now: Now) {
        if self.start == Some(id) || self.joining == Some(id) {
            return;
        }
        if let Some(entry) = self.entries.get_mut(&id)
            && entry.missing.is_empty()
            && entry.record.to.is_none()
        {
            entry.record.to = Some(now.utc.max(entry.record.from));
            entry.list_subjects();
            let began = (entry.record.cause == GapCause::Start).then_some(entry.record.from);
            self.changes.push_back(GapChange::Ended(entry.told()));
            if let Some(start) = began {
                self.end_downtime(start);
            }
        }
    }

    /// The start was when nothing but the start itself was missed any more.
    fn end_downtime(&mut self, start: UtcMicros) {
        if let Some(id) = self.downtime.take()
            && let Some(entry) = self.entries.get_mut(&id)
        {
            entry.record.to = Some(start.max(entry.record.from));
            entry.list_subjects();
            self.changes.push_back(GapChange::Ended(entry.told()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Now {
        Now {
            elapsed: S * u32::try_from(seconds).unwrap(),
            utc: micros(seconds),
        }
    }

    fn micros(seconds: u64) -> UtcMicros {
        UtcMicros(i64::try_from(seconds).unwrap() * 1_000_000)
    }

    fn user(n: u32) -> Subject {
        Subject::User(UserId::from(format!("u{n}")))
    }

    fn users(range: std::ops::Range<u32>) -> impl Iterator<Item = Subject> {
        range.map(user)
    }

    type Step = (&'static str, u64, GapCause, i64, Option<i64>, usize);

    /// What changed, in short: what became of which entry, since when, until when, how many users.
    fn changes(ledger: &mut Ledger) -> Vec<Step> {
        std::iter::from_fn(|| ledger.poll())
            .map(|change| {
                let (what, record) = match change {
                    GapChange::Opened(record) => ("opened", record),
                    GapChange::Ended(record) => ("ended", record),
                    GapChange::Closed(record) => ("closed", record),
                };
                let s = |at: UtcMicros| at.0 / 1_000_000;
                (
                    what,
                    record.id.0,
                    record.cause,
                    s(record.from),
                    record.to.map(s),
                    record.users.len(),
                )
            })
            .collect()
    }

    /// Ten users that flow since second 110.
    fn flowing() -> Ledger {
        let mut ledger = Ledger::new(GapId(0), None, S * 5, at(100));
        users(0..10).for_each(|user| ledger.expect(&user, at(105)));
        ledger.users_were_read(at(106));
        ledger.all_are_named(at(106));
        ledger.flow(users(0..10), at(110));
        ledger.settle();
        changes(&mut ledger);
        ledger
    }

    #[test]
    fn the_first_entry_goes_from_the_start_until_all_of_the_roster_flow() {
        let mut ledger = Ledger::new(GapId(41), None, S * 5, at(100));
        assert_eq!(
            changes(&mut ledger),
            [("opened", 42, GapCause::Start, 100, None, 0)]
        );
        users(0..4).for_each(|user| ledger.expect(&user, at(105)));
        ledger.flow(users(0..4), at(107));
        assert_eq!(changes(&mut ledger), [], "the roster may name more");
        users(2..6).for_each(|user| ledger.expect(&user, at(108)));
        ledger.all_are_named(at(109));
        assert_eq!(changes(&mut ledger), []);
        ledger.flow(users(3..6), at(112));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 42, GapCause::Start, 100, Some(112), 6)]
        );
        assert_eq!(ledger.open_entries(), 1);
        ledger.close(GapId(42), vec![], at(240));
        assert_eq!(
            changes(&mut ledger),
            [("closed", 42, GapCause::Start, 100, Some(112), 6)]
        );
        assert_eq!(ledger.open_entries(), 0);
    }

    #[test]
    fn what_an_earlier_session_heard_last_is_where_the_first_entry_of_the_next_begins() {
        let mut ledger = Ledger::new(GapId(7), Some(micros(60)), S * 5, at(100));
        assert_eq!(
            changes(&mut ledger),
            [("opened", 8, GapCause::Start, 55, None, 0)]
        );
    }

    #[test]
    fn a_region_without_users_is_no_gap_for_ever() {
        let mut ledger = Ledger::new(GapId(0), None, S * 5, at(100));
        changes(&mut ledger);
        ledger.all_are_named(at(109));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 1, GapCause::Start, 100, Some(109), 0)]
        );
    }

    #[test]
    fn the_time_without_a_process_ends_at_the_start_and_is_told_with_the_starts_end() {
        let mut ledger = Ledger::new(GapId(7), None, S * 5, at(100));
        ledger.was_down(micros(40), at(100));
        users(0..3).for_each(|user| ledger.expect(&user, at(105)));
        ledger.all_are_named(at(106));
        ledger.flow(users(0..2), at(107));
        assert_eq!(
            changes(&mut ledger),
            [
                ("opened", 8, GapCause::Start, 100, None, 0),
                ("opened", 9, GapCause::Downtime, 35, None, 0),
            ]
        );
        ledger.flow(users(2..3), at(109));
        assert_eq!(
            changes(&mut ledger),
            [
                ("ended", 8, GapCause::Start, 100, Some(109), 3),
                ("ended", 9, GapCause::Downtime, 35, Some(100), 3),
            ]
        );
        ledger.interrupt(users(0..3), at(200), "cut".into(), at(201));
        assert_eq!(
            changes(&mut ledger),
            [("opened", 10, GapCause::Lost, 195, None, 3)]
        );
    }

    /// The clock was set back, or the last life was the other way round in time.
    #[test]
    fn a_time_without_a_process_that_ends_before_it_begins_has_no_length() {
        let mut ledger = Ledger::new(GapId(0), None, S * 5, at(100));
        ledger.was_down(micros(500), at(100));
        ledger.all_are_named(at(101));
        let downtime = changes(&mut ledger).pop();
        let expected = ("ended", 2, GapCause::Downtime, 100, Some(100), 0);
        assert_eq!(downtime, Some(expected));
    }

    #[test]
    fn a_loss_begins_with_the_last_frame_less_the_overlap_and_ends_with_the_last_that_flows_again()
    {
        let mut ledger = flowing();
        ledger.interrupt(users(0..3), at(200), "cut".into(), at(243));
        assert_eq!(
            changes(&mut ledger),
            [("opened", 2, GapCause::Lost, 195, None, 3)]
        );
        ledger.flow(users(0..2), at(250));
        assert_eq!(changes(&mut ledger), []);
        ledger.flow(users(2..3), at(251));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 2, GapCause::Lost, 195, Some(251), 3)]
        );
    }

    #[test]
    fn lost_again_before_the_first_loss_has_ended_is_an_entry_of_its_own() {
        let mut ledger = flowing();
        ledger.interrupt(users(0..3), at(200), "cut".into(), at(201));
        ledger.flow(users(0..2), at(210));
        ledger.interrupt(users(0..2), at(220), "cut again".into(), at(221));
        changes(&mut ledger);
        ledger.flow(users(2..3), at(230));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 2, GapCause::Lost, 195, Some(230), 3)],
            "those who are lost again flowed in the meantime"
        );
        ledger.flow(users(0..2), at(240));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 3, GapCause::Lost, 215, Some(240), 2)]
        );
    }

    #[test]
    fn who_did_not_flow_is_not_lost() {
        let mut ledger = flowing();
        ledger.interrupt(users(20..22), at(200), "cut".into(), at(201));
        assert_eq!(changes(&mut ledger), []);
    }

    #[test]
    fn who_leaves_the_roster_stays_in_the_entry_which_waits_for_them_no_longer() {
        let mut ledger = flowing();
        ledger.interrupt(users(0..3), at(200), "cut".into(), at(201));
        ledger.flow(users(0..2), at(210));
        changes(&mut ledger);
        ledger.leave(&user(2), at(900));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 2, GapCause::Lost, 195, Some(900), 3)]
        );
        ledger.leave(&user(2), at(901));
        ledger.leave(&user(7), at(901));
        assert_eq!(changes(&mut ledger), []);
        assert!(ledger.concerns(GapId(2), &user(2)));
    }

    #[test]
    fn refused_topics_stand_with_the_platforms_words_for_as_long_as_they_are_refused() {
        let mut ledger = Ledger::new(GapId(0), None, S * 5, at(100));
        users(0..4).for_each(|user| ledger.expect(&user, at(105)));
        ledger.users_were_read(at(106));
        ledger.all_are_named(at(106));
        ledger.flow(users(0..3), at(110));
        changes(&mut ledger);
        // The fourth is refused whole, the third in part.
        let words: Aside = (GapCause::Refused, "missing permission x:y:view".into());
        let refused = BTreeMap::from([(words.clone(), users(2..4).collect())]);
        ledger.leave_out(&refused, at(111));
        assert_eq!(
            changes(&mut ledger),
            [
                ("opened", 2, GapCause::Refused, 100, None, 1),
                ("opened", 3, GapCause::Refused, 111, None, 1),
                ("ended", 1, GapCause::Start, 100, Some(111), 3),
            ]
        );
        assert_eq!(&*ledger.record(2).unwrap().detail, &*words.1);
        ledger.leave_out(&refused, at(300));
        assert_eq!(changes(&mut ledger), [], "nothing new");
        // The one that flows in part is lost: that is another entry.
        ledger.interrupt(users(0..3), at(400), "cut".into(), at(401));
        ledger.flow(users(0..3), at(410));
        assert_eq!(
            changes(&mut ledger),
            [
                ("opened", 4, GapCause::Lost, 395, None, 3),
                ("ended", 4, GapCause::Lost, 395, Some(410), 3)
            ]
        );
        // Somebody grants the permission.
        ledger.flow(users(3..4), at(3_700));
        ledger.leave_out(&BTreeMap::new(), at(3_700));
        assert_eq!(
            changes(&mut ledger),
            [
                ("ended", 2, GapCause::Refused, 100, Some(3_700), 1),
                ("ended", 3, GapCause::Refused, 111, Some(3_700), 1)
            ]
        );
    }

    /// The answer that permits a topic may come while no socket shows it.
    #[test]
    fn who_is_permitted_while_the_connection_is_down_is_missed_until_they_flow() {
        let mut ledger = Ledger::new(GapId(0), None, S * 5, at(100));
        users(0..4).for_each(|user| ledger.expect(&user, at(105)));
        ledger.users_were_read(at(106));
        ledger.all_are_named(at(106));
        ledger.flow(users(0..3), at(110));
        // The third is refused in part, the fourth whole.
        let words: Aside = (GapCause::Refused, "missing permission x:y:view".into());
        let refused = BTreeMap::from([(words, users(2..4).collect())]);
        ledger.leave_out(&refused, at(111));
        ledger.interrupt(users(0..3), at(200), "cut".into(), at(201));
        changes(&mut ledger);
        ledger.leave_out(&BTreeMap::new(), at(203));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 3, GapCause::Refused, 111, Some(203), 1)],
            "the other gap goes on for the third"
        );
        users(0..4).for_each(|user| ledger.expect(&user, at(206)));
        ledger.settle();
        assert_eq!(changes(&mut ledger), [], "nobody joined");
        ledger.flow(users(0..4), at(250));
        assert_eq!(
            changes(&mut ledger),
            [
                ("ended", 2, GapCause::Refused, 100, Some(250), 1),
                ("ended", 4, GapCause::Lost, 195, Some(250), 3)
            ]
        );
    }

    #[test]
    fn who_joins_is_entered_from_the_reading_before_and_all_of_one_pass_together() {
        let mut ledger = flowing();
        ledger.users_were_read(at(406));
        ledger.users_were_read(at(706));
        users(10..13).for_each(|user| ledger.expect(&user, at(1_000)));
        ledger.flow(users(10..11), at(1_000));
        assert_eq!(changes(&mut ledger), []);
        ledger.settle();
        assert_eq!(
            changes(&mut ledger),
            [("opened", 2, GapCause::Joined, 406, None, 3)]
        );
        ledger.flow(users(10..13), at(1_002));
        assert_eq!(
            changes(&mut ledger),
            [("ended", 2, GapCause::Joined, 406, Some(1_002), 3)]
        );
    }

    #[test]
    fn a_queue_that_joins_is_entered_from_the_last_reading_of_queues_not_of_users() {
        let mut ledger = flowing();
        ledger.queues_were_read(at(106));
        ledger.queues_were_read(at(406));
        for minutes in 1..20 {
            ledger.users_were_read(at(406 + minutes * 300));
        }
        users(10..11).for_each(|user| ledger.expect(&user, at(6_400)));
        ledger.expect(&Subject::Queue(QueueId::from("q1")), at(6_400));
        ledger.settle();
        assert_eq!(
            changes(&mut ledger),
            [("opened", 2, GapCause::Joined, 106, None, 1)]
        );
    }

    #[test]
    fn what_is_told_counts_for_the_entry_that_it_fits() {
        let mut ledger = flowing();
        ledger.interrupt(users(0..3), at(200), "cut".into(), at(201));
        ledger.interrupt(users(3..6), at(200), "cut".into(), at(201));
        let both = BTreeSet::from([GapId(2), GapId(3)]);
        let mut tell = |n: Option<u32>, seconds: Option<u64>| {
            let told = Told {
                kind: EventKind::Established,
                user: n.map(|n| UserId::from(format!("u{n}"))),
                queue: None,
                at: seconds.map(micros),
                ends: None,
            };
            ledger.count_told(&both, &told);
        };
        tell(Some(4), Some(202));
        tell(Some(1), Some(202));
        tell(None, None);
        ledger.count_read(&both);
        let counts = |id| {
            let record = ledger.record(id).unwrap();
            (record.recovered_events(), record.reads)
        };
        assert_eq!((counts(2), counts(3)), ((2, 1), (1, 1)));
    }
}
