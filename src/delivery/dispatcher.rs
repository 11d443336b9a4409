//! The dispatcher thread: offers events in their order, one at a time, until each is taken; tells states in between.
//!
//! A refused event is offered again after a pause that doubles from 1 ms to 1 s. During the pause states are told. The
//! thread survives a panic of anything it calls: the event counts as refused.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::feed_id::FeedId;
use super::gate::Callback;
use super::queue::{Closed, Next, Queue, own_event, own_id};
use super::slot::{LostRun, LostWhy, Slot};
use super::{Offer, Shared, Verdict};
use crate::model::event::{Event, EventKind, Lost, Source, Subject};
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::log::LogLevel;
use crate::model::time::UtcMicros;
use crate::observe::log::is_power_of_ten;
use crate::observe::{Counters, Loss, panics};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// An event that makes something panic so often is given up, or the feed would stand still for ever.
const PANICS_BEFORE_LOST: u32 = 3;

pub(super) fn run(shared: Arc<Shared>, queue: Arc<Queue>) {
    panics::adopt(&shared.log);
    let mut dispatcher = Dispatcher {
        shared,
        feed: queue.feed(),
        sequence: queue.sequence.load(Ordering::Relaxed),
        queue,
        hand: VecDeque::new(),
        taken: Vec::new(),
        current: None,
        pause: FIRST_PAUSE,
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
    feed: Arc<FeedId>,
    /// Taken out of the queue, not offered yet.
    hand: VecDeque<Slot>,
    /// The host took them.
    taken: Vec<Event>,
    current: Option<Current>,
    /// The last number given.
    sequence: u64,
    pause: Duration,
}

/// The event that is being offered.
struct Current {
    event: Event,
    sequence: u64,
    refusals: u64,
    panics: u32,
    was_offered: bool,
}

enum Answer {
    Taken,
    Refused,
    GateClosed,
}

/// How long the event was on its way from the arrival of what tells it, if that is the change itself. What is read at the
/// start or after a gap comes all at once, and would only show how much there was to read.
fn clock(event: &Event, counters: &Counters) {
    if event.source != Source::Live {
        return;
    }
    let way = match event.kind {
        EventKind::RecordingPaused => &counters.pause_latency,
        EventKind::RecordingResumed => &counters.resume_latency,
        _ => &counters.latency,
    };
    way.record_us(UtcMicros::read_clock().0.saturating_sub(event.received.0));
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
                self.queue.spent.hand_back(&mut self.taken);
                match self.queue.next() {
                    Next::Offer(slots) => self.hand = slots,
                    Next::States => {}
                    Next::End => return,
                }
                continue;
            }
            match self.offer() {
                Answer::Taken => {
                    if let Some(taken) = self.current.take() {
                        let is_event = taken.event.kind != EventKind::Lost;
                        self.queue.taken(is_event, taken.sequence);
                        self.taken.push(taken.event);
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
            was_offered: false,
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
        self.note_loss(&self.feed, run, first);
        let lost = Lost {
            first,
            last,
            from: run.from,
            to: run.to,
        };
        Event {
            id: own_id(&self.feed, "lost", first, last),
            reason: run.why.words().into(),
            ..own_event(
                EventKind::Lost,
                Subject::Lost(lost),
                UtcMicros::read_clock(),
            )
        }
    }

    /// Writes down that events are gone.
    fn note_loss(&self, feed: &FeedId, run: LostRun, first: u64) {
        if let Some(ledger) = &self.queue.terms.ledger {
            ledger.note_loss(&Loss {
                feed: feed.as_str(),
                first,
                last: first + run.count - 1,
                from: run.from,
                to: run.to,
                why: &run.why.words(),
            });
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
            if !std::mem::replace(&mut current.was_offered, true) {
                clock(offer.event, &self.shared.counters);
            }
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
        let limit = u64::from(self.queue.refusals_before_lost.load(Ordering::Relaxed));
        let Some(current) = &mut self.current else {
            return;
        };
        current.refusals += 1;
        self.queue
            .refusals
            .store(current.refusals, Ordering::Relaxed);
        let is_refused = limit != 0 && current.refusals >= limit;
        let is_defect = current.panics >= PANICS_BEFORE_LOST;
        let why = LostWhy::REFUSED
            .when(is_refused)
            .and(LostWhy::DEFECT.when(is_defect));
        // A record of a loss is itself never given up: it would have to be replaced by one.
        if why.is_some() && current.event.kind != EventKind::Lost {
            let first = current.sequence;
            let mut run = LostRun::of(&current.event, why);
            self.current = None;
            self.shared.counters.events_lost.one();
            self.pause = FIRST_PAUSE;
            if self.queue.is_journaled() {
                self.sequence = first - 1;
                self.queue.give_up(run);
                return;
            }
            self.queue.let_go();
            if let Some(behind) = self.queue.take_lost(&mut self.hand) {
                run = run.and(behind);
            }
            self.sequence = first - 1;
            let event = self.lost_event(run);
            self.set_current(event);
            return;
        }
        // While the host does not take it, the rest goes back to where it can give way to what comes.
        let offered = usize::from(current.event.kind != EventKind::Lost);
        self.queue.put_back(&mut self.hand, offered);
        self.queue.pause(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Returns false if the gate is closed.
    fn tell(&self, report: &StateReport) -> bool {
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
        self.queue.alarm(why, message);
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
        let next = match &self.current {
            Some(current) if current.event.kind != EventKind::Lost => current.sequence,
            _ => self.sequence + 1,
        };
        let offered = self.current.as_ref().map(|current| &current.event);
        let message = match self.queue.close(&self.hand, offered, &self.feed, next) {
            Closed::Dropped(dropped, parts) => {
                for part in parts {
                    if let Some(run) = part.run {
                        self.note_loss(&part.feed, run, part.first);
                    }
                }
                (dropped > 0).then(|| {
                    format!(
                        "stopped with {dropped} events that the host had not taken; they are dropped, and the next \
                         start begins a new feed"
                    )
                })
            }
            Closed::Kept(kept) => (kept > 0).then(|| {
                format!(
                    "stopped with {kept} events that the host had not taken; they stay in the journal, and the next \
                     start offers them first"
                )
            }),
        };
        if let Some(message) = message {
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
