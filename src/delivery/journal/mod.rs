//! The journal: events on disk before they are offered, until the host has taken them; and what was open.
//!
//! Knows: what was offered, what was taken, which connections are open, up to when the region was heard. Does not know:
//! why an event was told, or how a gap is read. Input: the events of the feed, in order. Output: the same events, once
//! they are on disk; after a start, what an earlier process left ([`Kept`]).
//!
//! | file     | concept                                                                              |
//! |----------|--------------------------------------------------------------------------------------|
//! | `place`  | where it lies: directory, lock, permissions, how much of the disk is free             |
//! | `opened` | opening it, again after a failure, and setting aside what is damaged                  |
//! | `store`  | its rows and facts in a database, changed in whole steps                              |
//! | `row`    | one row as bytes                                                                      |
//! | `live`   | which rows stay although they were taken                                              |
//! | `writer` | the one thread that waits for the disk                                                |
//!
//! Order of use: [`Journal::open`] before [`Delivery::start`](super::Delivery::start), which takes it over for the run;
//! a clone stays with whoever wants to [`erase`](Journal::erase). Another clone keeps the file locked until it is
//! dropped or the run ends.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::backlog::Backlog;
use super::feed_id::{self, FeedId};
use super::queue::Queue;
use crate::model::event::Event;
use crate::model::id::{ConversationId, UserId};
use crate::model::time::UtcMicros;
use crate::observe::Log;

mod live;
mod opened;
mod place;
mod row;
pub(super) mod store;
pub(super) mod writer;

#[cfg(test)]
mod tests;

use opened::Opened;
use place::{Directory, Place};
use store::{Fault, Mark};
use writer::Request;

/// How long an erasure may take.
const ERASED_WITHIN: Duration = Duration::from_secs(10);

/// Where the journal is, and how much it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalOptions {
    /// `JournalDirectory`: made if it is not there, for its owner only.
    pub directory: PathBuf,
    /// `AdapterName`: each has a file of its own in the directory.
    pub adapter_name: Arc<str>,
    /// `JournalMaxAgeH`: older events give way.
    pub max_age: Duration,
    /// `JournalMaxMiB`, in bytes: beyond it the oldest events give way.
    pub max_bytes: u64,
}

/// What an earlier process left, as it was when the journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The feed that goes on.
    pub feed: FeedId,
    /// The number of the event that is offered first.
    pub next_sequence: u64,
    /// Events that were not taken: they are offered before all others, under the ids and numbers that they had.
    pub pending: u64,
    /// The live set, in the order of the feed: all events, pending ones too, of each conversation that was not told to be
    /// terminated (of each that was, for 15 minutes, that event alone), and each user's last event about a station.
    pub legs: Vec<Event>,
    /// Up to then the feed was covered. `None`: the journal is new, or never heard.
    pub covered_until: Option<UtcMicros>,
}

/// Why there is no start with this journal. Disks that are full or fail, and files that are damaged, are no reason: the
/// journal opens, says so in the log, and goes on in memory or with a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalProblem {
    /// Another process, or another adapter, has it open.
    InUse {
        /// The file.
        file: PathBuf,
    },
    /// It was written by a newer version of this library.
    Newer {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u64,
        /// The newest that this version reads.
        known: u64,
    },
}

impl fmt::Display for JournalProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { file } => write!(
                f,
                "the journal {} is in use by another process or adapter: end the other one, or give each adapter a \
                 JournalDirectory or an AdapterName of its own",
                file.display()
            ),
            Self::Newer { file, found, known } => write!(
                f,
                "the journal {} has format {found}, and this version reads formats up to {known}: install the version \
                 that wrote it, or move the file away, which gives up the events in it",
                file.display()
            ),
        }
    }
}

impl std::error::Error for JournalProblem {}

/// Whose events are erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Those of a conversation, and those that name it as a related one.
    Conversation(ConversationId),
    /// Those of a user.
    User(UserId),
}

/// Why nothing, or not everything, was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EraseProblem {
    /// The file cannot be written at present; says why. Ask again when it can.
    Disk(String),
    /// The journal's thread did not answer within the time.
    Busy,
}

impl fmt::Display for EraseProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(why) => write!(
                f,
                "the journal cannot be written ({why}), so nothing was erased: mend the disk and erase again"
            ),
            Self::Busy => f.write_str(
                "the journal did not answer in time, so it is not known whether everything was erased: erase again",
            ),
        }
    }
}

impl std::error::Error for EraseProblem {}

/// A journal that is open. Cloning it is a reference count.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    /// Before and between runs.
    opened: Mutex<Option<Opened>>,
    /// The queue of the run.
    queue: Mutex<Weak<Queue>>,
    /// How a run goes on.
    begin: Begin,
}

/// How a run goes on.
#[derive(Debug, Clone)]
pub(super) struct Begin {
    pub(super) mark: Mark,
    end: u64,
    covered_until: Option<UtcMicros>,
    /// How often the journal was opened: numbers what delivery tells by itself.
    pub(super) lives: u64,
    /// What was not taken and may be told anew, under the same ids.
    pending_ids: HashSet<u128>,
    is_failing: bool,
}

impl Begin {
    pub(super) fn backlog(&self) -> Backlog {
        let mut backlog = Backlog::new(self.mark.clone(), self.end, self.covered_until);
        // Its feed is a new one already.
        backlog.in_memory = self.is_failing;
        backlog.told_already.clone_from(&self.pending_ids);
        backlog
    }
}

impl Journal {
    /// Opens the journal, or makes it. Reads what an earlier process left; waits for the disk.
    ///
    /// # Errors
    ///
    /// Only what an operator has to decide: see [`JournalProblem`].
    pub fn open(options: JournalOptions, log: &Log) -> Result<(Self, Kept), JournalProblem> {
        let place = Directory::new(options.directory.clone(), &options.adapter_name);
        Self::open_at(Arc::new(place), options, log)
    }

    fn open_at(
        place: Arc<dyn Place>,
        options: JournalOptions,
        log: &Log,
    ) -> Result<(Self, Kept), JournalProblem> {
        let mut opened = Opened::open(place, options, log.clone())?;
        let mut kept = Kept {
            feed: feed_id::new(),
            next_sequence: 1,
            pending: 0,
            legs: Vec::new(),
            covered_until: None,
        };
        let mut begin = Begin {
            mark: Mark {
                place: 0,
                sequence: 0,
                feed: kept.feed.clone(),
            },
            end: 0,
            covered_until: None,
            lives: 0,
            pending_ids: HashSet::new(),
            is_failing: true,
        };
        if let Some(store) = opened.store() {
            let legs = store.legs();
            if let Err(fault) = &legs {
                log.error(
                    "journal",
                    format_args!(
                        "what was open cannot be read from the journal ({fault}): calls of before the start may be told \
                         again, under the ids that they had"
                    ),
                );
            }
            kept = Kept {
                feed: store.mark.feed.clone(),
                next_sequence: store.mark.sequence + 1,
                pending: store.pending,
                legs: legs.unwrap_or_default(),
                covered_until: store.covered_until,
            };
            begin = Begin {
                mark: store.mark.clone(),
                end: store.end,
                covered_until: store.covered_until,
                lives: store.lives,
                pending_ids: store.pending_ids.clone(),
                is_failing: false,
            };
        }
        let inner = Inner {
            opened: Mutex::new(Some(opened)),
            queue: Mutex::default(),
            begin,
        };
        Ok((Self(Arc::new(inner)), kept))
    }

    pub(super) fn begin(&self) -> &Begin {
        &self.0.begin
    }

    /// Gives what is open to the thread of a run. `None`: a run has had it.
    pub(super) fn lend(&self, queue: &Arc<Queue>) -> Option<Opened> {
        let opened = self.opened().take()?;
        *self.queue() = Arc::downgrade(queue);
        Some(opened)
    }

    /// Erases events that the journal holds, waiting ones and those of what goes on. Each that the host has not taken leaves
    /// a `GCA_EVENT_LOST` (reason `erased`) in its place. The event that is being offered is with the host already and
    /// leaves the journal when it is taken. Returns how many events were erased. Waits for the disk, ten seconds at the
    /// most.
    ///
    /// # Errors
    ///
    /// See [`EraseProblem`].
    pub fn erase(&self, what: &What) -> Result<u64, EraseProblem> {
        if let Some(opened) = &mut *self.opened() {
            let failing = || EraseProblem::Disk("it fails at present".to_owned());
            let store = opened.store().ok_or_else(failing)?;
            let from = store.mark.place;
            let (count, _) = store
                .erase(what, from)
                .map_err(|Fault(why)| EraseProblem::Disk(why))?;
            return Ok(count);
        }
        let closed = || EraseProblem::Disk("the journal is closed".to_owned());
        let queue = self.queue().upgrade().ok_or_else(closed)?;
        let (answer, answered) = channel();
        queue.ask_journal(Request::Erase {
            what: what.clone(),
            answer,
        });
        drop(queue);
        match answered.recv_timeout(ERASED_WITHIN) {
            Ok(erased) => erased,
            Err(RecvTimeoutError::Timeout) => Err(EraseProblem::Busy),
            Err(RecvTimeoutError::Disconnected) => Err(closed()),
        }
    }

    /// The live set now (see [`Kept::legs`]). For when what is known of calls was lost by a defect. `None` if the journal
    /// cannot be read, or lags since the feed goes on in memory.
    #[must_use]
    pub fn legs(&self) -> Option<Vec<Event>> {
        if let Some(opened) = &mut *self.opened() {
            return opened.store().and_then(|store| store.legs().ok());
        }
        let queue = self.queue().upgrade()?;
        let (answer, answered) = channel();
        queue.ask_journal(Request::Legs { answer });
        drop(queue);
        answered.recv_timeout(ERASED_WITHIN).ok().flatten()
    }

    fn opened(&self) -> MutexGuard<'_, Option<Opened>> {
        self.0.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Weak<Queue>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
