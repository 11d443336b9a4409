//! The store: the journal's rows and facts in one redb database, changed in whole steps.
//!
//! Rows are numbered by their *place*, from 0 and without end; a row that stands for lost events takes as many places as it
//! stands for. All rows before the mark were taken; of these only the live set stays. Every change is one transaction that
//! is on the disk when the call returns. After a [`Fault`] the store is of no more use: open it again.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};

use super::super::feed_id::FeedId;
use super::super::slot::{LostRun, LostWhy, Slot};
use super::What;
use super::live::LiveSet;
use super::row::{self, Bearing, Head};
use crate::model::event::{Detail, Event, Subject};
use crate::model::time::UtcMicros;

/// The newest format that this version reads, and the one that it writes.
pub(super) const FORMAT: u64 = 1;

const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
/// Read before anything else, by every version: the format as eight bytes, the lowest first.
const FORMAT_KEY: &str = "format";
const STANDING_KEY: &str = "standing";

/// With so much in it a crash would make the next start read all of it, unless each commit costs one more wait for the
/// disk. Where so much waits, nobody minds.
const QUICK_REPAIR_FROM: u64 = 1 << 30;
/// What a row takes in the file beside its bytes, about.
const ROW_COST: u64 = 24;
/// Rows that are read at once at the most.
const READ_AT_ONCE: usize = 4_096;
/// Untaken events of ended conversations that are known again at a start at the most; of more the newest.
const MOST_ENDED: usize = 50_000;

/// How far the host has come, and what goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Mark {
    /// The place of the first row that was not taken.
    pub(in super::super) place: u64,
    /// The number of the last event that was taken.
    pub(in super::super) sequence: u64,
    /// The feed of what comes next.
    pub(in super::super) feed: FeedId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    place: u64,
    sequence: u64,
    feed: String,
    /// How often the journal was opened.
    lives: u64,
    covered_until: Option<UtcMicros>,
}

/// What became of an attempt to open.
#[derive(Debug)]
pub(super) enum OpenFault {
    /// The file is no journal, or not whole.
    Damaged(String),
    /// Written by a newer version.
    Newer(u64),
    /// It cannot be read or written.
    Disk(String),
}

/// A change did not reach the disk, or it is not known whether it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! faults {
    ($($error:ty),+) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )+};
}

faults!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);

/// The store. One thread uses it at a time.
pub(super) struct Store {
    db: Database,
    pub(super) mark: Mark,
    /// The place behind the last row.
    pub(super) end: u64,
    /// How often the journal was opened, this time included.
    pub(super) lives: u64,
    pub(super) covered_until: Option<UtcMicros>,
    /// Events that were not taken.
    pub(super) pending: u64,
    /// The ids of those of them that nothing else keeps from being told anew: states of agents, which every start reads.
    pub(super) pending_ids: HashSet<u128>,
    /// Places of those that tell of conversations whose end waits too.
    ended_untaken: Vec<u64>,
    live: LiveSet,
    /// What rows take, about.
    pub(super) bytes: u64,
}

/// What is written in one step.
pub(super) struct Step<'a> {
    /// New rows, with their places.
    pub(super) rows: &'a [(u64, Slot)],
    pub(super) mark: Mark,
    pub(super) covered_until: Option<UtcMicros>,
    pub(super) now: UtcMicros,
}

/// What gives way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excess {
    /// Rows written before then.
    pub(super) before: UtcMicros,
    /// So much may stay.
    pub(super) bytes: u64,
    /// So much of what was not taken may stay in any case: what was, and stays because its call goes on, gives no room when
    /// something else gives way.
    pub(super) least: u64,
}

impl Store {
    /// Opens what the database holds; a new one begins with the feed.
    pub(super) fn open(db: Database, new: FeedId) -> Result<Self, OpenFault> {
        let disk = |fault: Fault| OpenFault::Disk(fault.0);
        let format = read_fact(&db, FORMAT_KEY).map_err(disk)?;
        let standing = read_fact(&db, STANDING_KEY).map_err(disk)?;
        let standing = match (format, standing) {
            (None, None) => Standing {
                place: 0,
                sequence: 0,
                feed: new.as_str().to_owned(),
                lives: 0,
                covered_until: None,
            },
            (Some(format), standing) => {
                let format = <[u8; 8]>::try_from(format.as_slice())
                    .map(u64::from_le_bytes)
                    .map_err(|_| OpenFault::Damaged("its format cannot be read".to_owned()))?;
                if format > FORMAT {
                    return Err(OpenFault::Newer(format));
                }
                standing
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                    .ok_or_else(|| {
                        OpenFault::Damaged("it does not say where it stands".to_owned())
                    })?
            }
            (None, Some(_)) => return Err(OpenFault::Damaged("it has no format".to_owned())),
        };
        let feed = FeedId::from_name(&standing.feed)
            .ok_or_else(|| OpenFault::Damaged("it names no feed".to_owned()))?;
        let mut store = Self {
            db,
            mark: Mark {
                place: standing.place,
                sequence: standing.sequence,
                feed,
            },
            end: standing.place,
            lives: standing.lives + 1,
            covered_until: standing.covered_until,
            pending: 0,
            pending_ids: HashSet::new(),
            ended_untaken: Vec::new(),
            live: LiveSet::default(),
            bytes: 0,
        };
        store.look_through().map_err(disk)?;
        // So that what was found can be written, and this life has a number of its own.
        let step = Step {
            rows: &[],
            mark: store.mark.clone(),
            covered_until: store.covered_until,
            now: UtcMicros::read_clock(),
        };
        store.write(&step).map_err(disk)?;
        Ok(store)
    }

    fn look_through(&mut self) -> Result<(), Fault> {
        let transaction = self.db.begin_read()?;
        let rows = match transaction.open_table(ROWS) {
            Ok(rows) => rows,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in rows.iter()? {
            let (place, bytes) = entry?;
            let (place, bytes) = (place.value(), bytes.value());
            self.bytes += bytes.len() as u64 + ROW_COST;
            let head = Head::read(bytes);
            if let Some(head) = head {
                let gone = self.live.note(place, head.bearing, head.at);
                let untaken = gone.into_iter().filter(|row| *row >= self.mark.place);
                self.ended_untaken.extend(untaken);
            }
            let span = match head {
                Some(head) if head.bearing == Bearing::Lost => span(&row::read(bytes)),
                _ => 1,
            };
            self.end = self.end.max(place + span);
            if place >= self.mark.place {
                self.pending += 1;
                if let Some(Bearing::Once(id)) = head.map(|head| head.bearing) {
                    self.pending_ids.insert(id);
                }
            }
        }
        self.ended_untaken.sort_unstable();
        let before = self.ended_untaken.len().saturating_sub(MOST_ENDED);
        self.ended_untaken.drain(..before);
        Ok(())
    }

    /// Writes new rows, how far the host has come, and what is no longer needed because of it.
    pub(super) fn write(&mut self, step: &Step<'_>) -> Result<(), Fault> {
        let mut transaction = self.db.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(self.bytes > QUICK_REPAIR_FROM);
        let mut end = self.end.max(step.mark.place);
        let mut bytes = self.bytes;
        {
            let mut rows = transaction.open_table(ROWS)?;
            let mut gone = self.live.expire(step.now);
            for (place, slot) in step.rows {
                let place = *place;
                let row = row::write(slot, step.now);
                if let Some(old) = rows.insert(place, row.as_slice())? {
                    bytes = bytes.saturating_sub(old.value().len() as u64 + ROW_COST);
                }
                bytes += row.len() as u64 + ROW_COST;
                if let Slot::Event(event) = slot {
                    gone.extend(self.live.note(place, Bearing::of(event), step.now));
                }
                end = end.max(place + span(slot));
            }
            let mut freed = 0;
            let live = &self.live;
            if step.mark.place > self.mark.place {
                rows.retain_in(self.mark.place..step.mark.place, |place, row| {
                    let stays = live.has(place);
                    freed += if stays {
                        0
                    } else {
                        row.len() as u64 + ROW_COST
                    };
                    stays
                })?;
            }
            for place in gone {
                if place < step.mark.place
                    && let Some(row) = rows.remove(place)?
                {
                    freed += row.value().len() as u64 + ROW_COST;
                }
            }
            bytes = bytes.saturating_sub(freed);
            put_facts(&transaction, self.lives, &step.mark, step.covered_until)?;
        }
        transaction.commit()?;
        self.end = end;
        self.bytes = bytes;
        self.mark = step.mark.clone();
        self.covered_until = step.covered_until;
        Ok(())
    }

    /// The rows from the place on: so many at the most, and never so many that memory is short.
    pub(super) fn read(&self, from: u64, most: usize) -> Result<Vec<Slot>, Fault> {
        let transaction = self.db.begin_read()?;
        let rows = transaction.open_table(ROWS)?;
        let mut slots = Vec::new();
        for entry in rows.range(from..)?.take(most.min(READ_AT_ONCE)) {
            slots.push(row::read(entry?.1.value()));
        }
        Ok(slots)
    }

    /// The live set: of each conversation that goes on all that was told, and of each user the last station. And of those
    /// that have ended what was not taken when the store was opened: it will be offered, so it must not be told again.
    pub(super) fn legs(&self) -> Result<Vec<Event>, Fault> {
        let mut places = self.live.rows();
        places.extend(&self.ended_untaken);
        places.sort_unstable();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.db.begin_read()?;
        let rows = transaction.open_table(ROWS)?;
        let mut events = Vec::with_capacity(places.len());
        for place in places {
            if let Some(found) = rows.get(place)?
                && let Slot::Event(event) = row::read(found.value())
            {
                events.push(event);
            }
        }
        Ok(events)
    }

    /// Puts a run of lost events in the place of rows that stand side by side, and returns it. `from` must be the place of a
    /// row that was not taken.
    fn put_lost(&mut self, places: Range<u64>, mut lost: LostRun) -> Result<LostRun, Fault> {
        lost.count = places.end - places.start;
        let transaction = self.db.begin_write()?;
        let mut bytes = self.bytes;
        {
            let mut rows = transaction.open_table(ROWS)?;
            rows.retain_in(places.clone(), |_, row| {
                bytes = bytes.saturating_sub(row.len() as u64 + ROW_COST);
                false
            })?;
            let row = row::write(&Slot::Lost(lost), UtcMicros::read_clock());
            bytes += row.len() as u64 + ROW_COST;
            rows.insert(places.start, row.as_slice())?;
        }
        transaction.commit()?;
        for place in places {
            self.live.erase(place);
        }
        self.bytes = bytes;
        Ok(lost)
    }

    /// The event at the place is given up.
    pub(super) fn give_up(&mut self, place: u64, lost: LostRun) -> Result<(), Fault> {
        self.put_lost(place..place + 1, lost).map(drop)
    }

    /// Whether rows from the place on must give way.
    pub(super) fn has_too_much(&self, from: u64, excess: Excess) -> Result<bool, Fault> {
        if self.end <= from {
            return Ok(false);
        }
        let oldest = self.oldest(from)?;
        if oldest.is_some_and(|written| written < excess.before) {
            return Ok(true);
        }
        let (waiting, most) = self.waiting(from, excess)?;
        Ok(waiting > most)
    }

    /// What rows from the place on take, and how much they may.
    fn waiting(&self, from: u64, excess: Excess) -> Result<(u64, u64), Fault> {
        // They are few enough, whatever else there is.
        if self.bytes <= excess.bytes {
            return Ok((self.bytes, excess.bytes));
        }
        let transaction = self.db.begin_read()?;
        let rows = transaction.open_table(ROWS)?;
        let mut stays = 0;
        for entry in rows.range(..from)? {
            stays += entry?.1.value().len() as u64 + ROW_COST;
        }
        let most = excess.bytes.saturating_sub(stays).max(excess.least);
        Ok((self.bytes.saturating_sub(stays), most))
    }

    /// The oldest rows from the place on give way as far as there are too many. Returns how many events are lost.
    pub(super) fn give_way(&mut self, mut from: u64, excess: Excess) -> Result<u64, Fault> {
        let (waiting, most) = self.waiting(from, excess)?;
        // A little more than needed, so that the next event does not need it again.
        let target = most - most / 64;
        let mut left = waiting;
        let mut run: Option<LostRun> = None;
        let mut end = from;
        let mut events = 0;
        {
            let transaction = self.db.begin_read()?;
            let rows = transaction.open_table(ROWS)?;
            for entry in rows.range(from..)? {
                let (place, bytes) = entry?;
                let (place, bytes) = (place.value(), bytes.value());
                let head = Head::read(bytes);
                let is_old = head.is_some_and(|head| head.at < excess.before);
                let is_full = waiting > most && left > target;
                let is_lost = head.is_some_and(|head| head.bearing == Bearing::Lost);
                if !is_old && !is_full && !is_lost {
                    break;
                }
                let why = if is_full {
                    LostWhy::JOURNAL_FULL
                } else {
                    LostWhy::JOURNAL_AGE
                };
                let lost = match row::read(bytes) {
                    Slot::Event(event) => {
                        events += 1;
                        LostRun::of(&event, why)
                    }
                    Slot::Lost(run) => run,
                    // Another feed begins here: what is lost before and behind it is not the same.
                    Slot::Begin(_) if events == 0 => {
                        run = None;
                        from = place + 1;
                        continue;
                    }
                    Slot::Begin(_) => break,
                };
                left = left.saturating_sub(bytes.len() as u64 + ROW_COST);
                end = place + lost.count;
                run = Some(run.map_or(lost, |before| before.and(lost)));
            }
        }
        if let (Some(run), true) = (run, events > 0) {
            self.put_lost(from..end, run)?;
        }
        Ok(events)
    }

    fn oldest(&self, from: u64) -> Result<Option<UtcMicros>, Fault> {
        let transaction = self.db.begin_read()?;
        let rows = transaction.open_table(ROWS)?;
        for entry in rows.range(from..)? {
            let head = Head::read(entry?.1.value());
            match head {
                Some(head) if head.bearing == Bearing::Lost => {}
                Some(head) => return Ok(Some(head.at)),
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Conversations of which nothing was heard since then are no longer of the live set.
    pub(super) fn forget_quiet_since(&mut self, since: UtcMicros) -> Result<(), Fault> {
        let gone = self.live.forget_quiet_since(since);
        if gone.is_empty() {
            return Ok(());
        }
        let transaction = self.db.begin_write()?;
        let mut freed = 0;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for place in gone {
                if place < self.mark.place
                    && let Some(row) = rows.remove(place)?
                {
                    freed += row.value().len() as u64 + ROW_COST;
                }
            }
        }
        transaction.commit()?;
        self.bytes = self.bytes.saturating_sub(freed);
        Ok(())
    }

    /// Removes the events of somebody or something: taken ones leave nothing, waiting ones from the place on a lost run in
    /// their place. Returns how many there were, and how many of these had waited.
    pub(super) fn erase(&mut self, what: &What, from: u64) -> Result<(u64, u64), Fault> {
        let mut taken = Vec::new();
        let mut waiting: Vec<(Range<u64>, LostRun)> = Vec::new();
        let mut count = 0;
        {
            let transaction = self.db.begin_read()?;
            let rows = transaction.open_table(ROWS)?;
            for entry in rows.iter()? {
                let (place, bytes) = entry?;
                let place = place.value();
                let Slot::Event(event) = row::read(bytes.value()) else {
                    continue;
                };
                if !concerns(&event, what) {
                    continue;
                }
                if place >= from {
                    count += 1;
                    let run = LostRun::of(&event, LostWhy::ERASED);
                    match waiting.last_mut() {
                        Some((places, lost)) if places.end == place => {
                            places.end += 1;
                            *lost = lost.and(run);
                        }
                        _ => waiting.push((place..place + 1, run)),
                    }
                } else if place < self.mark.place {
                    count += 1;
                    taken.push(place);
                }
            }
        }
        if count == 0 {
            return Ok((0, 0));
        }
        let transaction = self.db.begin_write()?;
        let mut bytes = self.bytes;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for place in &taken {
                if let Some(row) = rows.remove(*place)? {
                    bytes = bytes.saturating_sub(row.value().len() as u64 + ROW_COST);
                }
            }
            for (places, lost) in &waiting {
                rows.retain_in(places.clone(), |_, row| {
                    bytes = bytes.saturating_sub(row.len() as u64 + ROW_COST);
                    false
                })?;
                let row = row::write(&Slot::Lost(*lost), UtcMicros::read_clock());
                bytes += row.len() as u64 + ROW_COST;
                rows.insert(places.start, row.as_slice())?;
            }
        }
        transaction.commit()?;
        let lost: u64 = waiting.iter().map(|(_, run)| run.count).sum();
        let waiting = waiting.into_iter().flat_map(|(places, _)| places);
        for place in taken.into_iter().chain(waiting) {
            self.live.erase(place);
        }
        self.bytes = bytes;
        Ok((count, lost))
    }

    /// Writes everything of another store that still counts into this new one, which must be empty. In one step: what was
    /// copied halfway is no journal.
    pub(super) fn take_over(&mut self, old: &Self) -> Result<(), Fault> {
        let source = old.db.begin_read()?;
        let source = source.open_table(ROWS)?;
        let transaction = self.db.begin_write()?;
        let mark = &old.mark;
        let mut bytes = 0;
        let mut end = mark.place;
        let mut live = LiveSet::default();
        {
            let mut rows = transaction.open_table(ROWS)?;
            for entry in source.iter()? {
                let (place, row) = entry?;
                let (place, row) = (place.value(), row.value());
                if place < mark.place && !old.live.has(place) {
                    continue;
                }
                rows.insert(place, row)?;
                bytes += row.len() as u64 + ROW_COST;
                end = end.max(place + span(&row::read(row)));
                if let Some(head) = Head::read(row) {
                    live.note(place, head.bearing, head.at);
                }
            }
            self.lives = old.lives;
            put_facts(&transaction, self.lives, mark, old.covered_until)?;
        }
        transaction.commit()?;
        self.bytes = bytes;
        self.end = end;
        self.live = live;
        self.mark = mark.clone();
        self.covered_until = old.covered_until;
        Ok(())
    }

    /// How many rows there are.
    #[cfg(test)]
    pub(super) fn rows(&self) -> u64 {
        let transaction = self.db.begin_read().unwrap();
        redb::ReadableTableMetadata::len(&transaction.open_table(ROWS).unwrap()).unwrap()
    }
}

/// How many places a slot takes.
pub(in super::super) fn span(slot: &Slot) -> u64 {
    match slot {
        Slot::Event(_) | Slot::Begin(_) => 1,
        Slot::Lost(run) => run.count,
    }
}

fn put_facts(
    transaction: &redb::WriteTransaction,
    lives: u64,
    mark: &Mark,
    covered_until: Option<UtcMicros>,
) -> Result<(), Fault> {
    let mut facts = transaction.open_table(FACTS)?;
    let standing = Standing {
        place: mark.place,
        sequence: mark.sequence,
        feed: mark.feed.as_str().to_owned(),
        lives,
        covered_until,
    };
    // Numbers and a text.
    let standing = serde_json::to_vec(&standing).unwrap_or_default();
    facts.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice())?;
    facts.insert(STANDING_KEY, standing.as_slice())?;
    Ok(())
}

fn read_fact(db: &Database, key: &str) -> Result<Option<Vec<u8>>, Fault> {
    let transaction = db.begin_read()?;
    let facts = match transaction.open_table(FACTS) {
        Ok(facts) => facts,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(facts.get(key)?.map(|value| value.value().to_vec()))
}

/// Whether an event is about the conversation or the user, or names it.
fn concerns(event: &Event, what: &What) -> bool {
    let related = |reference: &crate::model::event::ConnectionRef| match what {
        What::User(id) => reference.user.as_ref().is_some_and(|user| user.id == *id),
        What::Conversation(_) => false,
    };
    let subject = match (&event.subject, what) {
        (Subject::Connection(connection), What::Conversation(id)) => {
            connection.conversation == *id || connection.root_contact == *id
        }
        (Subject::Connection(connection), What::User(id)) => {
            connection.user.as_ref().is_some_and(|user| user.id == *id)
        }
        (Subject::Agent { user, .. }, What::User(id)) => user.id == *id,
        _ => false,
    };
    let detail = match event.detail.as_deref() {
        Some(Detail::Related {
            conversation,
            old,
            new,
        }) => {
            let other = match (conversation, what) {
                (Some(conversation), What::Conversation(id)) => conversation == id,
                _ => false,
            };
            other || old.iter().chain(new).any(related)
        }
        Some(Detail::Conference { parties }) => parties.iter().any(related),
        _ => false,
    };
    subject || detail
}
