//! The dispatcher thread: offers events in their order, one at a time, until each is taken; tells states in between.
//!
//! A refused event is offered again after a pause that doubles from 1 ms to 1 s. During the pause states are told. The
//! thread survives a panic of anything it calls: the event counts as refused.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::feed_id::FeedName;
use super::gate::Callback;
use super::queue::{LostRun, LostWhy, Next, Queue, Slot, own_event, own_id};
use super::{Offer, Shared, Verdict};
use crate::model::event::{Event, EventKind, Lost, Subject};
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::log::LogLevel;
use crate::model::time::UtcMicros;
use crate::observe::log::is_power_of_ten;
use crate::observe::panics;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// An event that makes something panic so often is given up, or the feed would stand still for ever.
const PANICS_BEFORE_LOST: u32 = 3;

pub(super) fn run(shared: Arc<Shared>, queue: Arc<Queue>) {
    panics::adopt(&shared.log);
    let mut dispatcher = Dispatcher {
        shared,
        feed: queue.feed(),
        queue,
        hand: VecDeque::new(),
        current: None,
        sequence: 0,
        pause: FIRST_PAUSE,
        last: None,
    };
    // Each round either ends the run or has contained a panic outside of a callback.
    while catch_unwind(AssertUnwindSafe(|| dispatcher.dispatch())).is_err() {
        dispatcher.contained();
        if dispatcher.queue.is_over() {
            break;
        }
    }
    if catch_unwind(AssertUnwindSafe(|| dispatcher.last_words())).is_err() {
        dispatcher.shared.counters.panics.one();
    }
}

struct Dispatcher {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    /// The feed of what is offered.
    feed: Arc<FeedName>,
    /// Taken out of the queue, not offered yet.
    hand: VecDeque<Slot>,
    current: Option<Current>,
    /// The last number given.
    sequence: u64,
    pause: Duration,
    /// The last state that was told.
    last: Option<Arc<StateReport>>,
}

/// The event that is being offered.
struct Current {
    event: Event,
    sequence: u64,
    refusals: u64,
    panics: u32,
}

enum Answer {
    Taken,
    Refused,
    GateClosed,
}

impl Dispatcher {
    /// Offers and tells until the end was asked for and nothing is left to do, or the gate was closed.
    fn dispatch(&mut self) {
        loop {
            while let Some(report) = self.queue.next_state() {
                if !self.tell(&report) {
                    return;
                }
            }
            if self.queue.is_over() {
                return;
            }
            if self.current.is_none() && !self.take_up() {
                match self.queue.next() {
                    Next::Offer(slots) => self.hand = slots,
                    Next::States => {}
                    Next::End => return,
                }
                continue;
            }
            match self.offer() {
                Answer::Taken => {
                    let taken = self.current.take();
                    if taken.is_some_and(|taken| taken.event.kind != EventKind::Lost) {
                        self.queue.let_go();
                    }
                    self.pause = FIRST_PAUSE;
                    self.queue.refusals.store(0, Ordering::Relaxed);
                }
                Answer::GateClosed => return,
                // A host that refuses while the adapter stops has had its chance.
                Answer::Refused if self.queue.is_ending() => return,
                Answer::Refused => self.refused(),
            }
        }
    }

    /// Gives the next slot in hand its number and makes it the current event.
    fn take_up(&mut self) -> bool {
        loop {
            let event = match self.hand.pop_front() {
                None => return false,
                Some(Slot::Event(event)) => event,
                Some(Slot::Lost(run)) => self.lost_event(run),
                Some(Slot::Begin(feed)) => {
                    self.queue.set_feed(Arc::clone(&feed));
                    self.feed = feed;
                    self.sequence = 0;
                    continue;
                }
            };
            self.set_current(event);
            return true;
        }
    }

    fn set_current(&mut self, event: Event) {
        self.sequence += 1;
        self.queue.sequence.store(self.sequence, Ordering::Relaxed);
        self.current = Some(Current {
            event,
            sequence: self.sequence,
            refusals: 0,
            panics: 0,
        });
    }

    /// The event that stands for the run, whose numbers are skipped here.
    fn lost_event(&mut self, run: LostRun) -> Event {
        let first = self.sequence + 1;
        self.sequence += run.count;
        self.lost_event_of(run, first, self.sequence)
    }

    fn lost_event_of(&self, run: LostRun, first: u64, last: u64) -> Event {
        self.shared.log.counted(
            "events lost",
            LogLevel::Error,
            "delivery",
            format_args!(
                "events {first} to {last} of the feed were lost ({}): the host takes events too slowly, or refuses them",
                run.why.words()
            ),
        );
        let lost = Lost {
            first,
            last,
            from: run.from,
            to: run.to,
        };
        Event {
            id: own_id(&self.feed, "lost", first, last),
            reason: Arc::from(run.why.words()),
            ..own_event(
                EventKind::Lost,
                Subject::Lost(lost),
                UtcMicros::read_clock(),
            )
        }
    }

    fn offer(&mut self) -> Answer {
        let Some(current) = &mut self.current else {
            return Answer::Taken;
        };
        let offer = Offer {
            feed_id: &self.feed.id,
            sequence: current.sequence,
            data_source: &self.queue.terms.data_source,
            event: &current.event,
        };
        let verdict = {
            let Some(_pass) = self.shared.gate.enter(Callback::Event) else {
                return Answer::GateClosed;
            };
            catch_unwind(AssertUnwindSafe(|| self.shared.host.on_event(&offer)))
        };
        let counters = &self.shared.counters;
        match verdict {
            Ok(Verdict::Taken) => {
                counters.events.one(current.event.kind);
                Answer::Taken
            }
            Ok(Verdict::Later) => {
                counters.refusals.one();
                Answer::Refused
            }
            Ok(Verdict::Other(answer)) => {
                counters.refusals.one();
                counters.answers_unknown.one();
                if is_power_of_ten(counters.answers_unknown.get()) {
                    self.alarm(
                        Why::Backlog,
                        format!(
                            "on_event returned {answer}, which is neither GCA_TAKEN (0) nor GCA_LATER (1); it \
                             counts as GCA_LATER. Mend the host. This happened {} times so far",
                            self.shared.counters.answers_unknown.get()
                        ),
                    );
                }
                Answer::Refused
            }
            Err(_) => {
                current.panics += 1;
                self.contained();
                Answer::Refused
            }
        }
    }

    /// Gives the event up, or waits before it is offered again.
    fn refused(&mut self) {
        let limit = u64::from(self.queue.terms.refusals_before_lost);
        let Some(current) = &mut self.current else {
            return;
        };
        current.refusals += 1;
        self.queue
            .refusals
            .store(current.refusals, Ordering::Relaxed);
        let why = LostWhy {
            refused: limit != 0 && current.refusals >= limit,
            defect: current.panics >= PANICS_BEFORE_LOST,
            queue_full: false,
        };
        // A record of a loss is itself never given up: it would have to be replaced by one.
        if (why.refused || why.defect) && current.event.kind != EventKind::Lost {
            let first = current.sequence;
            let mut run = LostRun::of(&current.event, why);
            self.current = None;
            self.queue.let_go();
            self.shared.counters.events_lost.one();
            if let Some(behind) = self.queue.take_lost(&mut self.hand) {
                run = run.and(behind);
            }
            self.sequence = first - 1;
            let event = self.lost_event(run);
            self.set_current(event);
            self.pause = FIRST_PAUSE;
            return;
        }
        // While the host does not take it, the rest goes back to where it can give way to what comes.
        let offered = usize::from(current.event.kind != EventKind::Lost);
        self.queue.put_back(&mut self.hand, offered);
        self.queue.pause(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Returns false if the gate is closed.
    fn tell(&mut self, report: &Arc<StateReport>) -> bool {
        self.last = Some(Arc::clone(report));
        let Some(_pass) = self.shared.gate.enter(Callback::State) else {
            return false;
        };
        if catch_unwind(AssertUnwindSafe(|| self.shared.host.on_state(report))).is_err() {
            self.shared.counters.panics.one();
        }
        true
    }

    /// A line in the log, and a state out of band that leaves the feed as it is.
    fn alarm(&self, why: Why, message: String) {
        self.shared.log.error("delivery", format_args!("{message}"));
        let now = UtcMicros::read_clock();
        let report = match self.last.as_deref() {
            Some(last) => StateReport {
                why,
                message: Arc::from(message),
                at: now,
                ..last.clone()
            },
            None => StateReport {
                life: Life::Starting,
                feed: Feed::Down,
                why,
                scope: Scope::default(),
                message: Arc::from(message),
                at: now,
            },
        };
        self.queue.tell(report);
    }

    fn contained(&mut self) {
        self.shared.counters.panics.one();
        self.alarm(
            Why::Internal,
            "a defect in this library was contained while an event was handed over; the log says where. \
             Report it"
                .to_owned(),
        );
    }

    /// Announces what was not taken, as long as the gate is open, and takes no more.
    fn last_words(&mut self) {
        // A lost event that was not taken stands for the events that it names, which were counted when they were lost.
        let (untold, unlost) = match self.current.as_ref().map(|current| &current.event.subject) {
            None => (0, 0),
            Some(Subject::Lost(lost)) => (lost.last - lost.first + 1, 0),
            Some(_) => (1, 1),
        };
        let dropped = self.queue.close(&self.hand, untold, unlost);
        if dropped > 0 {
            let message = format!(
                "stopped with {dropped} events that the host had not taken; they are dropped, and the next \
                 start begins a new feed"
            );
            self.shared.log.warn("delivery", format_args!("{message}"));
            self.queue.tell(StateReport {
                life: Life::Stopping,
                feed: Feed::Down,
                why: Why::Stopped,
                scope: Scope::default(),
                message: Arc::from(message),
                at: UtcMicros::read_clock(),
            });
        }
        while let Some(report) = self.queue.next_state() {
            if !self.tell(&report) {
                return;
            }
        }
    }
}
