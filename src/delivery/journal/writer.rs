//! The journal's thread: everything that waits for the disk.
//!
//! What has come in is written in one step and is ready when that step is on the disk; what comes meanwhile makes the next
//! step (group commit). How far the host has come goes with the next step, or alone after a moment. A failure is tried once
//! more at once, with the journal opened anew; then the feed goes on in memory, and the thread tries again until the disk
//! works.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::super::feed_id::FeedId;
use super::super::queue::Queue;
use super::super::slot::{LostRun, Slot};
use super::opened::{Opened, Reopened};
use super::store::{Excess, Fault, Mark, Step, Store};
use super::{EraseProblem, What};
use crate::model::event::Event;
use crate::model::feed::Why;
use crate::model::time::UtcMicros;
use crate::observe::{Log, panics};

/// So long after an event was taken that is on disk, if no other event comes.
pub(in super::super) const LAZY: Duration = Duration::from_millis(200);
/// How often age, size and the free disk are looked at while events come.
pub(in super::super) const CHECK: Duration =
    Duration::from_millis(if cfg!(test) { 5 } else { 1_000 });
/// How often while none come, but some wait.
pub(in super::super) const QUIET_CHECK: Duration =
    Duration::from_millis(if cfg!(test) { 50 } else { 60_000 });
/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 2_000 });
/// So long events that are on disk only may hold up the others while the disk cannot be read.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 60_000 });
/// While events give way without end, the host is told so often.
const REMIND: Duration = Duration::from_secs(60);
/// A disk that is nearly full always has room for so much of a journal, and a journal for so much that waits.
const SMALLEST: u64 = 16 << 20;
/// Slots that are read from the disk at once.
pub(in super::super) const LOAD: usize = 1_024;

/// What others ask of the thread.
#[derive(Debug)]
pub(in super::super) enum Request {
    /// The event at the place stands no longer there, but the run.
    GiveUp { place: u64, run: LostRun },
    /// See [`Journal::erase`](super::Journal::erase).
    Erase {
        what: What,
        answer: Sender<Result<u64, EraseProblem>>,
    },
    /// See [`Journal::legs`](super::Journal::legs).
    Legs { answer: Sender<Option<Vec<Event>>> },
}

/// What the thread is to do next.
pub(in super::super) enum Work {
    /// Write these from the place on, and how far the host has come.
    Write(Batch),
    /// Read what is behind, from the place on.
    Load {
        from: u64,
        most: usize,
    },
    Request(Request),
    /// Look at age and size.
    Check,
    /// The disk failed some time ago: try again.
    Return,
    /// The dispatcher has ended: write what is left and end too.
    End(Batch),
}

/// What a step writes.
#[derive(Debug, Clone)]
pub(in super::super) struct Batch {
    pub(in super::super) rows: Vec<(u64, Slot)>,
    /// So many of the incoming slots are among them.
    pub(in super::super) incoming: usize,
    pub(in super::super) mark: Mark,
    pub(in super::super) covered_until: Option<UtcMicros>,
    pub(in super::super) epoch: u64,
}

impl Batch {
    pub(in super::super) const fn nothing(feed: FeedId) -> Self {
        Self {
            rows: Vec::new(),
            incoming: 0,
            mark: Mark {
                place: 0,
                sequence: 0,
                feed,
            },
            covered_until: None,
            epoch: 0,
        }
    }
}

struct Writer {
    opened: Opened,
    store: Option<Store>,
    queue: Arc<Queue>,
    log: Log,
    /// Since when the disk has failed.
    failing: Option<Instant>,
    /// When it is tried again.
    again: Instant,
    /// The store is a new one: what is on disk for the queue is not in it.
    is_new: bool,
    gave_way: u64,
    /// When that was told last.
    told_of_it: Option<Instant>,
}

pub(in super::super) fn run(mut opened: Opened, queue: Arc<Queue>, log: Log) {
    panics::adopt(&log);
    let store = opened.take_store();
    let mut writer = Writer {
        failing: store.is_none().then(Instant::now),
        opened,
        store,
        queue,
        log,
        again: Instant::now() + AGAIN,
        is_new: false,
        gave_way: 0,
        told_of_it: None,
    };
    if writer.failing.is_some() {
        let message = format!(
            "the journal {} cannot be used: events go on to the host from memory, and would be lost in a crash. Check the \
             disk; the log says what is wrong. The adapter tries again by itself",
            writer.opened.name().display()
        );
        writer.queue.alarm(Why::Journal, message);
    }
    loop {
        let ended = catch_unwind(AssertUnwindSafe(|| writer.work()));
        match ended {
            Ok(()) => return,
            Err(_) => {
                writer.queue.counters.panics.one();
                writer.fail(&Fault(
                    "a defect in this library; the log says where".to_owned(),
                ));
            }
        }
    }
}

impl Writer {
    fn work(&mut self) {
        loop {
            match self.queue.next_for_journal(self.again) {
                Work::Write(batch) => {
                    self.write(&batch);
                    self.keep_within_limits(false);
                }
                Work::Load { from, most } => self.load(from, most),
                Work::Request(request) => self.answer(request),
                Work::Check => self.keep_within_limits(true),
                Work::Return => {
                    self.come_back();
                    self.queue.set_can_read(self.store.is_some());
                    self.again = Instant::now() + AGAIN;
                }
                Work::End(batch) => {
                    let is_written = match self.store {
                        Some(_) if !self.queue.is_in_memory() => {
                            self.write_or_reopen(&batch).is_ok()
                        }
                        _ => self.come_back(),
                    };
                    if !is_written && !batch.rows.is_empty() {
                        self.log.error(
                            "journal",
                            format_args!(
                                "the adapter stops with {} events that could not be written to the journal; they are lost",
                                batch.rows.len()
                            ),
                        );
                    }
                    self.store = None;
                    return;
                }
            }
        }
    }

    fn write(&mut self, batch: &Batch) {
        if self.store.is_none() {
            return;
        }
        match self.write_or_reopen(batch) {
            Ok(()) => self.queue.stored(batch),
            Err(fault) => self.fail(&fault),
        }
    }

    /// Writes a step; if that fails, once more when the journal was opened anew. Perhaps it was a moment's failure: then
    /// nobody need notice.
    fn write_or_reopen(&mut self, batch: &Batch) -> Result<(), Fault> {
        let Some(store) = &mut self.store else {
            return Err(Fault("it fails at present".to_owned()));
        };
        let Err(fault) = write(store, batch) else {
            return Ok(());
        };
        self.log.warn(
            "journal",
            format_args!("writing to the journal failed ({fault}); it is opened anew"),
        );
        if !self.reopen() || self.is_new {
            return Err(fault);
        }
        self.store
            .as_mut()
            .map_or(Err(fault), |store| write(store, batch))
    }

    /// The disk fails: the feed goes on in memory.
    fn fail(&mut self, fault: &Fault) {
        if !self.is_new {
            self.store = None;
        }
        if self.failing.is_none() {
            self.failing = Some(Instant::now());
            self.again = Instant::now();
            let message = format!(
                "the journal {} cannot be written ({fault}): events go on to the host from memory, and would be lost in \
                 a crash. Check the disk: is it full, does it fail, may the service write there? The adapter tries again \
                 by itself",
                self.opened.name().display()
            );
            self.log.error("journal", format_args!("{message}"));
            self.queue.alarm(Why::Journal, message);
        }
        self.queue.go_on_in_memory();
    }

    /// Opens the journal anew. Says whether there is one.
    fn reopen(&mut self) -> bool {
        self.store = None;
        match self.opened.reopen() {
            Ok(Reopened::Ours(store)) => {
                self.store = Some(*store);
                true
            }
            Ok(Reopened::Empty(store)) => {
                self.store = Some(*store);
                self.is_new = true;
                true
            }
            Ok(Reopened::Foreign(pending)) => {
                self.log.counted(
                    "journal of an earlier run",
                    crate::model::log::LogLevel::Error,
                    "journal",
                    format_args!(
                        "the journal {} can be read again and holds {pending} events of an earlier run; the feed goes on \
                         in memory. Stop the adapter and start it again to have them offered",
                        self.opened.name().display()
                    ),
                );
                false
            }
            Err(_) => false,
        }
    }

    /// Tries whether the disk works again. Says whether it does.
    fn come_back(&mut self) -> bool {
        if self.store.is_none() && !self.reopen() {
            if self
                .failing
                .is_some_and(|since| since.elapsed() >= PATIENCE)
            {
                self.queue.lose_behind();
            }
            return false;
        }
        let Some(store) = &mut self.store else {
            return false;
        };
        if self.is_new {
            self.queue.lose_behind();
        }
        // While this is written the dispatcher offers nothing new: what it offered would be missing on disk.
        let batch = self.queue.hold_back_all(self.is_new);
        match write(store, &batch) {
            Ok(()) => {
                self.is_new = false;
                if self.queue.came_back(&batch) {
                    let message = format!(
                        "the journal {} works again: events are on disk before they are offered",
                        self.opened.name().display()
                    );
                    self.log.info("journal", format_args!("{message}"));
                    self.failing = None;
                    self.queue.all_clear(message);
                }
                true
            }
            Err(_) => {
                // What it holds can perhaps be read still.
                self.reopen();
                self.queue.go_on_in_memory();
                false
            }
        }
    }

    fn load(&mut self, from: u64, most: usize) {
        let read = match &self.store {
            Some(store) => store.read(from, most),
            None => return,
        };
        match read {
            Ok(slots) => self.queue.loaded(from, slots),
            Err(fault) => {
                if self.reopen()
                    && let Some(store) = &self.store
                    && let Ok(slots) = store.read(from, most)
                {
                    self.queue.loaded(from, slots);
                    return;
                }
                self.fail(&fault);
            }
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::GiveUp { place, run } => {
                let given_up = match &mut self.store {
                    Some(store) => store.give_up(place, run),
                    None => Ok(()),
                };
                if let Err(fault) = given_up {
                    self.fail(&fault);
                }
                self.queue.let_go_on();
            }
            Request::Erase { what, answer } => {
                let erased = self.erase(&what);
                // Who asked may have given up waiting.
                let _ = answer.send(erased);
            }
            Request::Legs { answer } => {
                let store = self.store.as_ref();
                let whole = store.filter(|_| !self.queue.is_in_memory());
                // Who asked may have given up waiting.
                let _ = answer.send(whole.and_then(|store| store.legs().ok()));
            }
        }
    }

    fn erase(&mut self, what: &What) -> Result<u64, EraseProblem> {
        let (Some(store), false) = (&mut self.store, self.queue.is_in_memory()) else {
            return Err(EraseProblem::Disk("it fails at present".to_owned()));
        };
        let batch = self.queue.hold_back_all(false);
        let from = self.queue.first_not_offered();
        let erased = write(store, &batch).and_then(|()| {
            self.queue.stored(&batch);
            store.erase(what, from)
        });
        match erased {
            Ok((count, lost)) => {
                self.queue.counters.events_lost.add(lost);
                self.queue.read_anew();
                Ok(count)
            }
            Err(fault) => {
                let why = fault.to_string();
                self.fail(&fault);
                self.queue.let_go_on();
                Err(EraseProblem::Disk(why))
            }
        }
    }

    /// Lets the oldest events give way where there are too many.
    fn keep_within_limits(&mut self, is_due: bool) {
        if !is_due && !self.queue.is_check_due() {
            return;
        }
        let Some(store) = &mut self.store else {
            return;
        };
        let options = self.opened.options();
        let now = UtcMicros::read_clock();
        let age = i64::try_from(options.max_age.as_micros()).unwrap_or(i64::MAX);
        let least = SMALLEST.min(options.max_bytes);
        let excess = Excess {
            before: UtcMicros(now.0.saturating_sub(age)),
            bytes: self.opened.room_for(store.bytes, SMALLEST),
            least,
        };
        let done = limit(store, &self.queue, excess);
        match done {
            Ok(0) => {}
            Ok(lost) => {
                self.queue.counters.events_lost.add(lost);
                self.gave_way += lost;
                let message = format!(
                    "the host has not taken {lost} events in time, and they gave way: the journal {} holds as much, or as \
                     old events, as it may (JournalMaxAgeH, JournalMaxMiB, a tenth of the disk stays free); {} so far. \
                     Look at the recorder, and at the disk",
                    self.opened.name().display(),
                    self.gave_way
                );
                self.log.counted(
                    "journal gave way",
                    crate::model::log::LogLevel::Error,
                    "journal",
                    format_args!("{message}"),
                );
                if self.told_of_it.is_none_or(|told| told.elapsed() >= REMIND) {
                    self.told_of_it = Some(Instant::now());
                    self.queue.alarm(Why::Journal, message);
                }
            }
            Err(fault) => self.fail(&fault),
        }
    }
}

fn write(store: &mut Store, batch: &Batch) -> Result<(), Fault> {
    store.write(&Step {
        rows: &batch.rows,
        mark: batch.mark.clone(),
        covered_until: batch.covered_until,
        now: UtcMicros::read_clock(),
    })
}

fn limit(store: &mut Store, queue: &Queue, excess: Excess) -> Result<u64, Fault> {
    store.forget_quiet_since(excess.before)?;
    if !store.has_too_much(queue.first_that_may_give_way(), excess)? {
        return Ok(0);
    }
    queue.hold_back();
    let lost = store.give_way(queue.first_that_may_give_way(), excess);
    match lost {
        Ok(1..) => queue.read_anew(),
        _ => queue.let_go_on(),
    }
    lost
}
