//! The way to the host: sequence, queue, dispatcher thread, callback gate; defines what a host is.
//!
//! Knows: order, back-pressure, who may call the host and when. Does not know: C, JSON, Genesys Cloud. Input: events
//! and state reports, through an [`Intake`] that never waits. Output: calls of the [`Host`] trait.
//!
//! [`Delivery`] is one adapter's way: [`start`](Delivery::start) makes the threads and the feed,
//! [`stop`](Delivery::stop) ends them, [`retire`](Delivery::retire) says good-bye to the host. No thread exists before
//! a start or after a stop that returned [`Stopped::Done`].
//!
//! | file         | concept                                                                        |
//! |--------------|--------------------------------------------------------------------------------|
//! | [`gate`]     | who is inside the host right now, and that nobody enters after it was closed    |
//! | `intake`     | the way in, for the network side: never waits                                   |
//! | `queue`      | events that wait, bounded; what gives way leaves a record in its place          |
//! | `slot`       | what stands at one place of the queue; what is lost, and why                    |
//! | [`journal`]  | events on disk until the host has taken them, and what was open (optional)      |
//! | `backlog`    | with a journal: what of the queue is on disk, in memory, or in both             |
//! | `dispatcher` | the one thread that offers events and tells states                              |
//! | `spent`      | events that were taken, on their way back to the thread that made them         |
//! | `logger`     | the one thread that hands log lines over                                        |
//! | `feed_id`    | the name of a feed                                                              |
//! | `latch`      | something that happens once, and can be waited for                              |
//! | `sync`       | what the gate is made of, so that a model checker can take its place            |

use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::model::event::Event;
use crate::model::feed::StateReport;
use crate::observe::{Counters, DeliveryFigures, LedgerFile, Log};

pub use crate::observe::LogLine;

mod backlog;
mod dispatcher;
mod feed_id;
pub mod gate;
mod intake;
pub mod journal;
mod latch;
mod logger;
mod queue;
mod slot;
mod spent;
mod sync;

pub use feed_id::FeedId;
use gate::Gate;
pub use intake::Intake;
use journal::Journal;
use latch::Latch;
use queue::Queue;

/// The receiving end: the recorder, as the rest of the library sees it.
///
/// `on_event` and `on_state` come from one thread, `on_log` from another, `on_drop` once and last. An implementation
/// that panics is treated as one that refused.
pub trait Host: Send + Sync + 'static {
    /// Offers an event. Until it is [`Verdict::Taken`], it is offered again, and nothing behind it.
    fn on_event(&self, offer: &Offer<'_>) -> Verdict;
    /// Tells the state of the adapter and its feed, out of band.
    fn on_state(&self, report: &StateReport);
    /// Hands over a line of the log.
    fn on_log(&self, line: &LogLine);
    /// The last call. Everything that belongs to the host may be freed in it.
    fn on_drop(&self);
}

/// An event with its place in the feed.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The feed; without a journal it changes with every start.
    pub feed_id: &'a str,
    /// The place in it, from 1. A [`Lost`](crate::model::event::Lost) event has a number of its own, the next one
    /// after the numbers that it names.
    pub sequence: u64,
    /// `DataSource` of the settings.
    pub data_source: &'a str,
    /// What happened.
    pub event: &'a Event,
}

/// What the host said to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is safe with the host.
    Taken,
    /// Not now.
    Later,
    /// Something that is no answer: the same as [`Verdict::Later`], and an alarm.
    Other(u32),
}

/// How delivery is to work, from the settings.
#[derive(Debug, Clone)]
pub struct Terms {
    /// `DataSource`: stands in every event.
    pub data_source: Arc<str>,
    /// `QueueMaxEvents`: so many events wait for the host at the most; at least 1.
    pub queue_max_events: usize,
    /// `RefusalsBeforeLost`: an event that was refused so often is given up; 0: never.
    pub refusals_before_lost: u32,
    /// Where it is written down what the host did not take and is gone, if anywhere.
    pub ledger: Option<Arc<LedgerFile>>,
}

/// What a stop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// No callback runs, none will start, the threads are gone.
    Done,
    /// The time was up and a callback had not returned. None will start. Stop again, or retire.
    CallbackInside {
        /// Which one, in the words of the C ABI.
        callback: &'static str,
    },
}

/// The way from one adapter to its host.
pub struct Delivery {
    shared: Arc<Shared>,
    run: Mutex<Option<Run>>,
    last: Mutex<DeliveryFigures>,
}

struct Shared {
    host: Arc<dyn Host>,
    gate: Gate,
    log: Log,
    counters: Arc<Counters>,
}

struct Run {
    queue: Arc<Queue>,
    dispatcher: Worker,
    logger: Worker,
    journal: Option<Worker>,
}

/// What a stop needs of the run, apart from its lock.
struct Ending {
    queue: Arc<Queue>,
    dispatcher: Arc<Latch>,
    logger: Arc<Latch>,
    journal: Option<Arc<Latch>>,
}

struct Worker {
    thread: JoinHandle<()>,
    ended: Arc<Latch>,
}

/// The least time that a stop gives to last words, whatever the caller said.
const SHORTEST_STOP: Duration = Duration::from_millis(20);
/// The longest time that a stop goes on handing over what waits, if the host keeps taking it.
const LONGEST_DRAIN: Duration = Duration::from_secs(2);
/// More than threads need to end when they are in no callback, also where there is much else to do.
const THREADS_END_WITHIN: Duration = Duration::from_secs(1);
/// How long a stop waits for the disk of the journal.
const JOURNAL_ENDS_WITHIN: Duration = Duration::from_secs(2);

impl Delivery {
    /// A way to the host. Makes no thread.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, log: Log, counters: Arc<Counters>) -> Self {
        Self {
            shared: Arc::new(Shared {
                host,
                gate: Gate::closed(),
                log,
                counters,
            }),
            run: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Opens the gate, starts dispatcher and logger, and begins a feed with a new id; with a journal, goes on with the
    /// feed that it holds, and offers first what it has kept.
    ///
    /// # Errors
    ///
    /// The operating system refused a thread; or the last run is not over (its callback has not returned), or the
    /// way was retired.
    pub fn start(&self, terms: Terms, journal: Option<Journal>) -> std::io::Result<Intake> {
        let mut run = self.run();
        if run.is_some() || !self.shared.gate.open() {
            return Err(std::io::Error::other("the last run is not over"));
        }
        let begin = journal.as_ref().map(Journal::begin);
        let queue = Arc::new(Queue::new(
            terms,
            Arc::clone(&self.shared.counters),
            self.shared.log.clone(),
            begin,
        ));
        let opened = match journal.as_ref().map(|journal| journal.lend(&queue)) {
            None => None,
            Some(Some(opened)) => Some(opened),
            Some(None) => {
                self.shared.gate.close();
                return Err(std::io::Error::other("the journal was used by another run"));
            }
        };
        // The dispatcher first: it has nothing to tell yet, so it can be ended without waiting for the host.
        let dispatcher = {
            let shared = Arc::clone(&self.shared);
            let queue = Arc::clone(&queue);
            Worker::spawn("gca-dispatch", move || dispatcher::run(shared, queue))
        };
        let dispatcher = match dispatcher {
            Ok(dispatcher) => dispatcher,
            Err(error) => {
                self.shared.gate.close();
                return Err(error);
            }
        };
        self.shared.log.reopen();
        let logger = {
            let shared = Arc::clone(&self.shared);
            Worker::spawn("gca-log", move || logger::run(&shared))
        };
        let logger = match logger {
            Ok(logger) => logger,
            Err(error) => {
                self.shared.gate.close();
                queue.end(Instant::now());
                dispatcher.join();
                return Err(error);
            }
        };
        let journal = opened.map(|opened| {
            let queue = Arc::clone(&queue);
            let log = self.shared.log.clone();
            Worker::spawn("gca-journal", move || {
                journal::writer::run(opened, queue, log);
            })
        });
        let journal = match journal.transpose() {
            Ok(journal) => journal,
            Err(error) => {
                self.shared.gate.close();
                queue.end(Instant::now());
                self.shared.log.finish();
                dispatcher.join();
                logger.join();
                return Err(error);
            }
        };
        let intake = Intake::new(Arc::clone(&queue));
        *run = Some(Run {
            queue,
            dispatcher,
            logger,
            journal,
        });
        Ok(intake)
    }

    /// Ends the feed: what waits is handed over as long as the host takes it (half of `timeout` and two seconds at the
    /// most), what is left is announced by its number and dropped, the gate is closed, the threads end.
    ///
    /// Without a run there is nothing to do. Not to be called from a callback.
    pub fn stop(&self, timeout: Duration) -> Stopped {
        let timeout = timeout.max(SHORTEST_STOP);
        let now = Instant::now();
        let deadline = now + timeout;
        let Some(Ending {
            queue,
            dispatcher,
            logger,
            journal,
        }) = self.ending()
        else {
            return Stopped::Done;
        };
        // Several stops may be under way: the shortest drain counts, and each has closed the gate when it returns.
        let reserve = (timeout / 4).min(Duration::from_millis(50));
        queue.end(now + (timeout / 2).min(LONGEST_DRAIN));
        let has_ended = dispatcher.wait(deadline - reserve);
        if !has_ended {
            self.shared.log.error(
                "delivery",
                format_args!(
                    "{} has not returned within the time that the stop was given; {} events that \
                     were not taken {}",
                    self.shared.gate.inside(),
                    queue.untaken(),
                    if journal.is_some() {
                        "stay in the journal"
                    } else {
                        "are dropped"
                    },
                ),
            );
        }
        // It ends after the dispatcher.
        if let Some(journal) = &journal
            && has_ended
            && !journal.wait(Instant::now() + JOURNAL_ENDS_WITHIN)
        {
            self.shared.log.error(
                "journal",
                format_args!(
                    "the disk of the journal has not answered within the time that the stop was given; what was not \
                     written is lost if the process ends now. Check the disk"
                ),
            );
        }
        self.shared.log.finish();
        logger.wait(deadline);
        self.shared.gate.close();
        // Threads that are in no callback end in a moment; one that has become the last to leave may be in on_drop.
        let moment = deadline.max(Instant::now() + THREADS_END_WITHIN);
        if !self.shared.gate.wait_empty(deadline)
            || !dispatcher.wait(moment)
            || !logger.wait(moment)
        {
            return Stopped::CallbackInside {
                callback: self.shared.gate.inside(),
            };
        }
        // Nobody is inside and nobody gets in: both threads are on their way out. The lock is held until they are gone,
        // so that no new run meets their last steps. Another stop may have been here before.
        let mut run = self.run();
        if let Some(run) = run.take_if(|run| Arc::ptr_eq(&run.queue, &queue)) {
            run.dispatcher.join();
            run.logger.join();
            if let Some(journal) = run.journal
                && journal.ended.wait(Instant::now())
            {
                journal.join();
            }
            *self.last() = run.queue.figures();
        }
        Stopped::Done
    }

    /// Says good-bye: `on_drop` is called once, after the last callback has returned: by the thread that is still
    /// inside the host if there is one, else by a thread of its own. Returns whether it has returned by then.
    ///
    /// Call [`stop`](Self::stop) first; without it what waits is dropped unannounced. Later calls only wait.
    pub fn retire(&self, deadline: Instant) -> bool {
        if let Some(ending) = self.ending() {
            ending.queue.end(Instant::now());
            self.shared.log.finish();
        }
        let host = Arc::clone(&self.shared.host);
        if self.shared.gate.retire(Box::new(move || host.on_drop())) {
            let gate = self.shared.gate.clone();
            let log = self.shared.log.clone();
            let worker = Worker::spawn("gca-drop", move || {
                crate::observe::panics::adopt(&log);
                gate.run_last_call();
            });
            match worker {
                Ok(worker) if self.shared.gate.wait_retired(deadline) => worker.join(),
                Ok(_) => {}
                // No thread is to be had. That `on_drop` comes at all outweighs on which thread it comes.
                Err(_) => self.shared.gate.run_last_call(),
            }
        }
        self.shared.gate.wait_retired(deadline)
    }

    /// How the way looks right now; after a stop, how it looked at its end.
    #[must_use]
    pub fn figures(&self) -> DeliveryFigures {
        self.run()
            .as_ref()
            .map_or_else(|| self.last().clone(), |run| run.queue.figures())
    }

    #[cfg(test)]
    fn is_ending(&self) -> bool {
        self.run().as_ref().is_some_and(|run| run.queue.is_ending())
    }

    fn ending(&self) -> Option<Ending> {
        self.run().as_ref().map(|run| Ending {
            queue: Arc::clone(&run.queue),
            dispatcher: Arc::clone(&run.dispatcher.ended),
            logger: Arc::clone(&run.logger.ended),
            journal: (run.journal.as_ref()).map(|journal| Arc::clone(&journal.ended)),
        })
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, DeliveryFigures> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // For an adapter that is dropped without ceremony: nobody waits, and the host still gets its last call.
        self.retire(Instant::now());
    }
}

impl Worker {
    fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let ended = Arc::new(Latch::default());
        let guard = latch::SetOnDrop(Arc::clone(&ended));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _guard = guard;
                work();
            })?;
        Ok(Self { thread, ended })
    }

    fn join(self) {
        // A panic of the thread was contained and logged where it happened.
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests;
