//! The promises of the room, kept in front of a host that records, refuses, blocks and panics.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::model::event::{
    Cause, ConnectionState, Event, EventId, EventKind, Flag, Source, Subject,
};
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::log::LogLevel;
use crate::model::roster::User;
use crate::model::time::UtcMicros;
use crate::observe::{LedgerFile, Unwritten};

mod gate;

pub(super) const LONG: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) feed: String,
    pub(super) sequence: u64,
    pub(super) event: Event,
}

pub(super) type OnEvent = Box<dyn FnMut(&Seen) -> Verdict + Send>;

/// Records what it takes. What it answers to an event is for each test to say.
#[derive(Default)]
pub(super) struct Recorder {
    answer: Mutex<Option<OnEvent>>,
    pub(super) taken: Mutex<Vec<Seen>>,
    pub(super) states: Mutex<Vec<StateReport>>,
    lines: Mutex<Vec<LogLine>>,
    pub(super) offers: AtomicUsize,
    /// How many events had been offered when each state was told.
    offers_before: Mutex<Vec<usize>>,
    drops: AtomicUsize,
    /// `on_drop` stays inside until it is told to leave here.
    last_call: Mutex<Option<Receiver<()>>>,
    changed: Condvar,
}

impl Recorder {
    pub(super) fn answering(answer: impl FnMut(&Seen) -> Verdict + Send + 'static) -> Arc<Self> {
        let recorder = Self::default();
        *recorder.answer.lock().unwrap() = Some(Box::new(answer));
        Arc::new(recorder)
    }

    /// Waits until so many events were taken.
    pub(super) fn taken(&self, count: usize) -> Vec<Seen> {
        let taken = self.taken.lock().unwrap();
        let (taken, timeout) = self
            .changed
            .wait_timeout_while(taken, LONG, |taken| taken.len() < count)
            .unwrap();
        assert!(!timeout.timed_out(), "{} of {count} events", taken.len());
        taken.clone()
    }

    pub(super) fn messages(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|line| line.message.clone()).collect()
    }
}

impl Host for Recorder {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        assert_eq!(offer.data_source, "the source");
        self.offers.fetch_add(1, Ordering::SeqCst);
        let seen = Seen {
            feed: offer.feed_id.to_owned(),
            sequence: offer.sequence,
            event: offer.event.clone(),
        };
        let verdict = match &mut *self.answer.lock().unwrap() {
            Some(answer) => answer(&seen),
            None => Verdict::Taken,
        };
        if verdict == Verdict::Taken {
            self.taken.lock().unwrap().push(seen);
            self.changed.notify_all();
        }
        verdict
    }

    fn on_state(&self, report: &StateReport) {
        let offers = self.offers.load(Ordering::SeqCst);
        self.offers_before.lock().unwrap().push(offers);
        self.states.lock().unwrap().push(report.clone());
    }

    fn on_log(&self, line: &LogLine) {
        self.lines.lock().unwrap().push(line.clone());
    }

    fn on_drop(&self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
        if let Some(leave) = &*self.last_call.lock().unwrap() {
            let _ = leave.recv();
        }
    }
}

pub(super) struct Bench {
    pub(super) delivery: Delivery,
    pub(super) counters: Arc<Counters>,
    pub(super) log: Log,
}

pub(super) fn bench(host: &Arc<Recorder>) -> Bench {
    let log = Log::new(LogLevel::Info);
    let counters = Arc::new(Counters::default());
    Bench {
        delivery: Delivery::new(
            Arc::clone(host) as Arc<dyn Host>,
            log.clone(),
            Arc::clone(&counters),
        ),
        counters,
        log,
    }
}

pub(super) fn terms(queue_max_events: usize, refusals_before_lost: u32) -> Terms {
    Terms {
        data_source: Arc::from("the source"),
        queue_max_events,
        refusals_before_lost,
        ledger: None,
    }
}

/// An event whose received time is its number.
pub(super) fn event(number: i64) -> Event {
    Event {
        kind: EventKind::AgentPresence,
        id: EventId(number as u128),
        id_exact: true,
        source: Source::Live,
        platform_time: None,
        received: UtcMicros(number),
        subject: Subject::Agent {
            user: Arc::new(User {
                id: "u".into(),
                name: Arc::from(""),
                email: Arc::from(""),
            }),
            station: None,
        },
        state: ConnectionState::Unknown,
        previous: ConnectionState::Unknown,
        cause: Cause::None,
        raw: "ON_QUEUE".into(),
        reason: "".into(),
        held: Flag::Unknown,
        muted: Flag::Unknown,
        confined: Flag::Unknown,
        secure_pause: Flag::Unknown,
        detail: None,
    }
}

fn state(feed: Feed, message: &str) -> StateReport {
    StateReport {
        life: Life::Running,
        feed,
        why: Why::None,
        scope: Scope::default(),
        message: Arc::from(message),
        at: UtcMicros(0),
    }
}

/// Waits until the condition holds.
pub(super) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A callback that tells when it is inside and stays there until it is let go.
fn blocking() -> (
    impl FnMut(&Seen) -> Verdict + Send,
    Receiver<()>,
    Sender<()>,
) {
    let (entered, is_inside) = channel();
    let (let_go, go) = channel::<()>();
    let answer = move |_: &Seen| {
        let _ = entered.send(());
        let _ = go.recv();
        Verdict::Taken
    };
    (answer, is_inside, let_go)
}

/// Checks that the feed is whole: no number is missing but those that a lost event names, just before its own.
pub(super) fn assert_whole(feed: &[Seen]) {
    let mut expected = 1;
    for seen in feed {
        assert_eq!(seen.feed, feed[0].feed);
        if let Subject::Lost(lost) = &seen.event.subject {
            assert_eq!(lost.first, expected, "{seen:?}");
            assert!(lost.last >= lost.first && lost.to >= lost.from, "{seen:?}");
            expected = lost.last + 1;
        }
        assert_eq!(seen.sequence, expected, "{seen:?}");
        expected += 1;
    }
}

#[test]
fn events_come_in_order_numbered_from_one_without_a_gap() {
    let host = Arc::new(Recorder::default());
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(1_000_000, 0), None).unwrap();
    for number in 0..20_000 {
        intake.offer(event(number));
    }
    let taken = host.taken(20_000);
    assert_whole(&taken);
    for (number, seen) in taken.iter().enumerate() {
        assert_eq!(seen.event.received.0, number as i64);
        assert_eq!(seen.feed, bench.delivery.figures().feed_id);
    }
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    assert_eq!(bench.counters.events.get(EventKind::AgentPresence), 20_000);
}

#[test]
fn what_the_host_took_is_forgotten_by_who_brings_more_and_never_much_waits_for_that() {
    const EVENTS: i64 = 10_000;
    let host = Arc::new(Recorder::default());
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(1_000_000, 0), None).unwrap();
    let user = Arc::new(User {
        id: "u".into(),
        name: Arc::from(""),
        email: Arc::from(""),
    });
    let events = (0..EVENTS).map(|number| Event {
        subject: Subject::Agent {
            user: Arc::clone(&user),
            station: None,
        },
        ..event(number)
    });
    assert_eq!(intake.offer_in_burst(events), EVENTS as usize);
    intake.flush();
    drop(host.taken(EVENTS as usize));
    host.taken.lock().unwrap().clear();
    let kept = || Arc::strong_count(&user) - 1;
    until("most are forgotten without the network", || kept() < 512);
    until("it has the rest", || {
        intake.flush();
        kept() == 0
    });
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
}

#[test]
fn events_of_several_threads_keep_the_order_of_each_thread() {
    let host = Arc::new(Recorder::default());
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(1_000_000, 0), None).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let intake = intake.clone();
            scope.spawn(move || {
                for number in 0..2_000 {
                    intake.offer(event(thread * 1_000_000 + number));
                }
            });
        }
    });
    let taken = host.taken(8_000);
    assert_whole(&taken);
    for thread in 0..4 {
        let of_thread: Vec<_> = taken
            .iter()
            .map(|seen| seen.event.received.0)
            .filter(|number| number / 1_000_000 == thread)
            .collect();
        assert!(of_thread.is_sorted() && of_thread.len() == 2_000);
    }
}

#[test]
fn a_refused_event_comes_again_and_nothing_comes_before_it() {
    let mut refused = Vec::new();
    let refusals = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&refusals);
    let host = Recorder::answering(move |seen| {
        if seen.sequence == 2 && refused.len() < 5 {
            refused.push((seen.sequence, Instant::now()));
            *recorded.lock().unwrap() = refused.clone();
            return Verdict::Later;
        }
        Verdict::Taken
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    for number in 0..10 {
        intake.offer(event(number));
    }
    let taken = host.taken(10);
    assert_whole(&taken);
    assert_eq!(host.offers.load(Ordering::SeqCst), 15);
    let refusals = refusals.lock().unwrap();
    for (nth, pair) in refusals.windows(2).enumerate() {
        let pause = pair[1].1 - pair[0].1;
        assert!(pause >= Duration::from_millis(1 << nth), "{nth}: {pause:?}");
    }
    assert_eq!(bench.counters.refusals.get(), 5);
}

#[test]
fn between_refusals_it_waits_up_to_a_second_and_no_longer() {
    let (tell, told) = channel();
    let host = Recorder::answering(move |_| {
        let _ = tell.send(Instant::now());
        Verdict::Later
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.offer(event(1));
    let mut last = told.recv_timeout(LONG).unwrap();
    // 1, 2, 4 … 512 ms, then a second again and again.
    let pauses: Vec<Duration> = (0..14)
        .map(|_| {
            let now = told.recv_timeout(LONG).unwrap();
            now - std::mem::replace(&mut last, now)
        })
        .collect();
    let second = Duration::from_secs(1);
    assert!(pauses[9] >= Duration::from_millis(512), "{pauses:?}");
    let long = &pauses[10..];
    assert!(long.iter().all(|pause| *pause >= second), "{pauses:?}");
    // From the twelfth on each would be of two seconds or more. A sleep may last longer than it was asked to; not each does.
    let shortest = pauses[11..].iter().min();
    assert!(
        shortest.is_some_and(|pause| *pause < second.mul_f64(1.9)),
        "{pauses:?}"
    );
}

#[test]
fn states_are_told_while_an_event_is_refused() {
    let host = Recorder::answering(|_| Verdict::Later);
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.offer(event(1));
    until("refused often enough for a long pause", || {
        bench.delivery.figures().refusals_of_current > 8
    });
    // The event may be offered once more in between by chance, but not each time.
    let is_told_first = (1..=20).any(|nth| {
        let before = host.offers.load(Ordering::SeqCst);
        intake.report(state(Feed::Up, "all is well"));
        until("the state was told", || {
            host.states.lock().unwrap().len() == nth
        });
        // After it the event has its turn at once.
        until("offered again", || {
            host.offers.load(Ordering::SeqCst) > before
        });
        host.offers_before.lock().unwrap()[nth - 1] == before
    });
    assert!(
        is_told_first,
        "states wait until the event was offered again"
    );
    assert_eq!(&*host.states.lock().unwrap()[0].message, "all is well");
    assert!(host.taken.lock().unwrap().is_empty());
}

#[test]
fn a_long_backlog_is_told_once_at_each_mark_while_an_event_is_refused_and_again_when_it_is_gone() {
    let takes = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&takes);
    let host = Recorder::answering(move |_| {
        if answer.load(Ordering::SeqCst) {
            Verdict::Taken
        } else {
            Verdict::Later
        }
    });
    let told = || -> Vec<String> {
        let states = host.states.lock().unwrap();
        states.iter().map(|s| s.message.to_string()).collect()
    };
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(200_000, 0), None).unwrap();
    intake.report(state(Feed::Up, "all is well"));
    let mut offered = 1;
    for (marks, mark) in [(1, 1_000), (2, 10_000), (3, 100_000)] {
        // The report stands in the feed too.
        while offered < mark - 1 {
            intake.offer(event(offered));
            offered += 1;
        }
        until("refused", || {
            bench.delivery.figures().refusals_of_current > 0
        });
        assert_eq!(told().len(), marks, "one short of {mark}");
        intake.offer(event(offered));
        offered += 1;
        until("the mark was told", || told().len() == marks + 1);
        assert!(told()[marks].contains(&format!(": {mark} wait")));
    }
    takes.store(true, Ordering::SeqCst);
    until("the end was told", || told().len() == 5);
    assert_eq!(bench.delivery.figures().queued, 0);
    {
        let states = host.states.lock().unwrap();
        let whys: Vec<_> = states.iter().map(|state| state.why).collect();
        let backlog = Why::Backlog;
        assert_eq!(whys, [Why::None, backlog, backlog, backlog, Why::None]);
        assert!(
            states
                .iter()
                .all(|state| (state.life, state.feed) == (Life::Running, Feed::Up)),
            "the feed stays as it is: {states:?}"
        );
    }
    // The next one is told of again.
    takes.store(false, Ordering::SeqCst);
    for number in 0..1_000 {
        intake.offer(event(offered + number));
    }
    until("it was told again", || told().len() == 6);
    assert!(told()[5].contains(": 1000 wait"), "{:?}", told());
    let lines = host.messages();
    let logged = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!((logged("wait for it"), logged("has taken all")), (4, 1));
}

#[test]
fn what_is_no_answer_counts_as_later_and_raises_an_alarm() {
    let mut offers = 0;
    let host = Recorder::answering(move |_| {
        offers += 1;
        if offers < 3 {
            Verdict::Other(77)
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.offer(event(1));
    assert_whole(&host.taken(1));
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    let alarms = host
        .messages()
        .into_iter()
        .filter(|message| message.contains("on_event returned 77"))
        .count();
    assert_eq!(alarms, 1, "the first of two, the tenth would be the next");
    let states = host.states.lock().unwrap();
    assert!(
        states
            .iter()
            .any(|state| state.message.contains("returned 77"))
    );
    assert_eq!(bench.counters.answers_unknown.get(), 2);
}

#[test]
fn after_so_many_refusals_a_lost_event_takes_the_place() {
    let host = Recorder::answering(|seen| {
        if seen.event.received.0 == 3 && seen.event.kind != EventKind::Lost {
            Verdict::Later
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 4), None).unwrap();
    for number in 1..=5 {
        intake.offer(event(number));
    }
    let taken = host.taken(5);
    assert_whole(&taken);
    let Subject::Lost(lost) = &taken[2].event.subject else {
        panic!("{:?}", taken[2]);
    };
    assert_eq!(
        (lost.first, lost.last, lost.from, lost.to),
        (3, 3, UtcMicros(3), UtcMicros(3))
    );
    assert_eq!(&*taken[2].event.reason, "refused");
    assert_eq!(taken[2].sequence, 4);
    assert_eq!(host.offers.load(Ordering::SeqCst), 4 + 5);
    assert_eq!(bench.counters.events_lost.get(), 1);
}

#[test]
fn a_lost_event_is_itself_offered_until_it_is_taken() {
    let mut refusals = 0;
    let host = Recorder::answering(move |seen| {
        if seen.event.kind != EventKind::Lost || refusals < 6 {
            refusals += 1;
            return Verdict::Later;
        }
        Verdict::Taken
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 2), None).unwrap();
    intake.offer(event(1));
    let taken = host.taken(1);
    assert_whole(&taken);
    assert_eq!(taken[0].event.kind, EventKind::Lost);
}

#[test]
fn when_the_queue_is_full_the_oldest_give_way_to_one_record_and_the_intake_does_not_wait() {
    let (mut block, is_inside, let_go) = blocking();
    let host = Recorder::answering(move |seen| {
        if seen.sequence == 1 {
            block(seen)
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(10, 0), None).unwrap();
    intake.offer(event(1));
    is_inside.recv_timeout(LONG).unwrap();
    for number in 2..=1_001 {
        intake.offer(event(number));
    }
    assert_eq!(bench.delivery.figures().queued, 10);
    let_go.send(()).unwrap();
    // The offered one, the record, and the nine youngest.
    let taken = host.taken(11);
    assert_whole(&taken);
    let Subject::Lost(lost) = &taken[1].event.subject else {
        panic!("{:?}", taken[1]);
    };
    assert_eq!((lost.first, lost.last), (2, 992));
    assert_eq!((lost.from, lost.to), (UtcMicros(2), UtcMicros(992)));
    assert_eq!(&*taken[1].event.reason, "queue_full");
    assert_eq!(taken[2].event.received, UtcMicros(993));
    assert_eq!(taken[10].event.received, UtcMicros(1_001));
    assert_eq!(bench.counters.events_lost.get(), 991);
}

#[test]
fn what_the_host_took_makes_room_at_once() {
    let (entered, is_inside) = channel();
    let (let_go, go) = channel::<()>();
    let host = Recorder::answering(move |seen| {
        if [1, 65].contains(&seen.sequence) {
            let _ = entered.send(());
            let _ = go.recv();
        }
        Verdict::Taken
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(800, 0), None).unwrap();
    intake.offer(event(1));
    is_inside.recv_timeout(LONG).unwrap();
    for number in 2..=65 {
        intake.offer(event(number));
    }
    let_go.send(()).unwrap();
    is_inside.recv_timeout(LONG).unwrap();
    // The 65th is being offered: with 799 more the queue is full, and not before.
    for number in 66..=864 {
        intake.offer(event(number));
    }
    assert_eq!(bench.delivery.figures().queued, 800);
    let_go.send(()).unwrap();
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    assert_eq!(host.taken.lock().unwrap().len(), 864);
    assert_eq!(bench.counters.events_lost.get(), 0);
}

#[test]
fn a_queue_of_one_keeps_what_is_offered_and_records_the_rest() {
    let (mut block, is_inside, let_go) = blocking();
    let host = Recorder::answering(move |seen| {
        if seen.sequence == 1 {
            block(seen)
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(1, 0), None).unwrap();
    intake.offer(event(1));
    is_inside.recv_timeout(LONG).unwrap();
    for number in 2..=5 {
        intake.offer(event(number));
    }
    let_go.send(()).unwrap();
    let taken = host.taken(2);
    assert_whole(&taken);
    assert_eq!(taken[1].sequence, 6);
}

#[test]
fn losses_of_both_kinds_side_by_side_are_one_record() {
    // The first event is refused while the queue overflows behind it, then given up.
    let host = Recorder::answering(|seen| {
        if seen.event.received.0 == 1 && seen.event.kind != EventKind::Lost {
            Verdict::Later
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(4, 6), None).unwrap();
    intake.offer(event(1));
    until("refused once", || bench.counters.refusals.get() > 0);
    for number in 2..=20 {
        intake.offer(event(number));
    }
    let taken = host.taken(4);
    assert_whole(&taken);
    let Subject::Lost(lost) = &taken[0].event.subject else {
        panic!("{:?}", taken[0]);
    };
    assert_eq!((lost.first, lost.last), (1, 17));
    assert_eq!((lost.from, lost.to), (UtcMicros(1), UtcMicros(17)));
    assert_eq!(&*taken[0].event.reason, "queue_full,refused");
    assert_eq!(taken[1].event.received, UtcMicros(18));
}

#[test]
fn a_change_of_the_feed_stands_in_the_feed_and_a_repetition_does_not() {
    let host = Arc::new(Recorder::default());
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.report(state(Feed::Down, "starting"));
    intake.offer(event(1));
    intake.report(state(Feed::Up, "up"));
    intake.report(state(Feed::Up, "still up"));
    intake.offer(event(2));
    let taken = host.taken(4);
    assert_whole(&taken);
    let kinds: Vec<_> = taken.iter().map(|seen| seen.event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::FeedState,
            EventKind::AgentPresence,
            EventKind::FeedState,
            EventKind::AgentPresence
        ]
    );
    assert_ne!(taken[0].event.id, taken[2].event.id);
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    let states = host.states.lock().unwrap();
    let told: Vec<_> = states.iter().map(|state| &*state.message).collect();
    assert_eq!(told, ["starting", "up", "still up"]);
}

#[test]
fn a_stop_hands_over_what_waits_if_the_host_takes_it() {
    let (mut block, is_inside, let_go) = blocking();
    let host = Recorder::answering(move |seen| {
        if seen.sequence == 1 {
            block(seen)
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(1_000, 0), None).unwrap();
    for number in 1..=500 {
        intake.offer(event(number));
    }
    is_inside.recv_timeout(LONG).unwrap();
    let_go.send(()).unwrap();
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    assert_eq!(host.taken.lock().unwrap().len(), 500);
    assert_eq!(bench.delivery.figures().dropped_at_stop, 0);
}

#[test]
fn what_was_not_taken_at_a_stop_is_announced_by_its_number() {
    let host = Recorder::answering(|seen| {
        if seen.sequence < 3 {
            Verdict::Taken
        } else {
            Verdict::Later
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(1_000, 0), None).unwrap();
    for number in 1..=50 {
        intake.offer(event(number));
    }
    // The pauses are long by then.
    until("refused", || bench.counters.refusals.get() > 8);
    let before = bench.counters.refusals.get();
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    let refused = bench.counters.refusals.get() - before;
    assert!(refused < 8, "a refusal ends the hand-over: {refused}");
    assert_eq!(bench.delivery.figures().dropped_at_stop, 48);
    let states = host.states.lock().unwrap();
    assert!(states.last().unwrap().message.contains("48 events"));
    assert!(
        host.messages()
            .iter()
            .any(|message| message.contains("48 events"))
    );
    assert_eq!(bench.counters.events_lost.get(), 48);
    // What comes too late is not forgotten either.
    intake.offer(event(51));
    assert_eq!(bench.counters.events_lost.get(), 49);
}

#[test]
fn another_number_of_refusals_holds_for_the_event_that_is_being_refused() {
    let host = Recorder::answering(|seen| match seen.event.kind {
        EventKind::Lost => Verdict::Taken,
        _ => Verdict::Later,
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(10, 0), None).unwrap();
    intake.offer(event(1));
    until("it was refused and refused", || {
        bench.counters.refusals.get() > 3
    });
    assert_eq!(bench.counters.events_lost.get(), 0);
    intake.set_refusals_before_lost(1);
    let taken = host.taken(1);
    assert_eq!(taken[0].event.kind, EventKind::Lost);
    assert_eq!(bench.counters.events_lost.get(), 1);
}

#[test]
fn a_record_of_a_loss_that_was_not_taken_counts_in_the_status_too() {
    let host = Recorder::answering(|_| Verdict::Later);
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(10, 1), None).unwrap();
    intake.offer(event(1));
    until("the record is offered", || {
        host.offers.load(Ordering::SeqCst) >= 2
    });
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    let states = host.states.lock().unwrap();
    let last = states.last().unwrap();
    assert!(last.message.contains("with 1 events"), "{}", last.message);
    assert_eq!(bench.delivery.figures().dropped_at_stop, 1);
    assert_eq!(bench.counters.events_lost.get(), 1, "counted once");
}

/// What stands in the ledger file: why, first and last number, when the first and the last were received.
#[test]
fn every_loss_is_written_down_with_its_numbers_times_and_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.jsonl");
    let host = Recorder::answering(|seen| match seen.event.received.0 {
        1 => Verdict::Taken,
        // Refused until it is given up, while the queue runs over behind it. The record of both is taken.
        _ if seen.event.kind == EventKind::Lost => Verdict::Taken,
        _ => Verdict::Later,
    });
    let bench = bench(&host);
    let (ledger, _) = LedgerFile::open(
        path.clone(),
        "one",
        Unwritten::default(),
        Arc::default(),
        bench.log.clone(),
    )
    .unwrap();
    let ledger = Arc::new(ledger);
    let terms = Terms {
        ledger: Some(Arc::clone(&ledger)),
        ..terms(10, 0)
    };
    let intake = bench.delivery.start(terms, None).unwrap();
    intake.offer(event(1));
    intake.offer(event(2));
    until("it is refused", || bench.counters.refusals.get() > 0);
    // The queue holds ten, the refused one among them.
    for number in 3..=14 {
        intake.offer(event(number));
    }
    intake.set_refusals_before_lost(1);
    // It gives up 2, with it 3 to 5 that had given way, and then one after the other.
    let taken = host.taken(2);
    let Subject::Lost(first) = &taken[1].event.subject else {
        panic!("{:?}", taken[1]);
    };
    assert_eq!((first.first, first.last), (2, 5));
    host.taken(11);
    intake.set_refusals_before_lost(0);
    for number in 15..=20 {
        intake.offer(event(number));
    }
    until("the next is refused", || {
        bench.delivery.figures().refusals_of_current > 0
    });
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    assert_eq!(bench.delivery.figures().dropped_at_stop, 6);
    let _ = ledger.finish(LONG);
    let text = std::fs::read_to_string(path).unwrap();
    let feed = bench.delivery.figures().feed_id;
    let lines: Vec<_> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&line["line"], &line["feed"]),
                (&"lost".into(), &feed[..].into())
            );
            let number = |key: &str| line[key].as_u64().unwrap();
            let micros = |key: &str| line[key].as_str().unwrap()[20..26].parse::<u64>().unwrap();
            let why = line["why"].as_str().unwrap().to_owned();
            let numbers = (number("first"), number("last"));
            (why, numbers, (micros("from"), micros("to")))
        })
        .collect();
    let mut expected = vec![("queue_full,refused".to_owned(), (2, 5), (2, 5))];
    // The record of a loss has the number after those that it names.
    for nth in 0..9 {
        let (number, received) = (7 + 2 * nth, 6 + nth);
        expected.push(("refused".to_owned(), (number, number), (received, received)));
    }
    expected.push(("stopped".to_owned(), (25, 30), (15, 20)));
    assert_eq!(lines, expected);
}

#[test]
fn a_stop_does_not_wait_longer_than_it_was_given_and_a_later_one_finishes() {
    let (block, is_inside, let_go) = blocking();
    let host = Recorder::answering(block);
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.offer(event(1));
    intake.offer(event(2));
    is_inside.recv_timeout(LONG).unwrap();
    let asked = Instant::now();
    let stopped = bench.delivery.stop(Duration::from_millis(100));
    assert_eq!(
        stopped,
        Stopped::CallbackInside {
            callback: "on_event"
        }
    );
    assert!(asked.elapsed() < LONG);
    assert!(
        bench.delivery.start(terms(100, 0), None).is_err(),
        "the last run is not over"
    );
    assert!(
        host.messages()
            .iter()
            .any(|message| message.contains("on_event has not returned")),
        "{:?}",
        host.messages()
    );
    let offers = host.offers.load(Ordering::SeqCst);
    let_go.send(()).unwrap();
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    assert_eq!(
        host.offers.load(Ordering::SeqCst),
        offers,
        "none starts after it"
    );
    assert_eq!(host.taken.lock().unwrap().len(), 1);
    assert_eq!(bench.delivery.figures().dropped_at_stop, 1);
    assert_eq!(
        bench.delivery.stop(LONG),
        Stopped::Done,
        "again is harmless"
    );
}

#[test]
fn a_stop_beside_a_longer_one_keeps_its_own_promise() {
    // It takes what it is offered, but slowly: a drain goes on for as long as it may.
    let host = Recorder::answering(|_| {
        std::thread::sleep(Duration::from_millis(1));
        Verdict::Taken
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100_000, 0), None).unwrap();
    for number in 1..50_000 {
        intake.offer(event(number));
    }
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(bench.delivery.stop(LONG), Stopped::Done));
        until("the longer stop has begun", || bench.delivery.is_ending());
        bench.delivery.stop(Duration::from_millis(100));
        let offers = host.offers.load(Ordering::SeqCst);
        assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
        assert_eq!(
            host.offers.load(Ordering::SeqCst),
            offers,
            "a callback started after the shorter stop had returned"
        );
    });
}

#[test]
fn a_stop_does_not_wait_for_an_on_drop_that_stays_inside() {
    let (block, is_inside, let_go) = blocking();
    let host = Recorder::answering(block);
    let (leave, left) = channel::<()>();
    *host.last_call.lock().unwrap() = Some(left);
    let bench = Arc::new(bench(&host));
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.offer(event(1));
    is_inside.recv_timeout(LONG).unwrap();
    assert!(!bench.delivery.retire(Instant::now()));
    let_go.send(()).unwrap();
    until("on_drop", || host.drops.load(Ordering::SeqCst) == 1);
    let (answer, answered) = channel();
    let stopping = Arc::clone(&bench);
    let stop = std::thread::spawn(move || {
        let _ = answer.send(stopping.delivery.stop(Duration::from_millis(50)));
    });
    let stopped = answered.recv_timeout(LONG);
    leave.send(()).unwrap();
    stop.join().unwrap();
    assert_eq!(
        stopped,
        Ok(Stopped::CallbackInside {
            callback: "on_drop"
        })
    );
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
}

#[test]
fn the_last_call_comes_once_and_after_the_callback_that_was_inside() {
    let (block, is_inside, let_go) = blocking();
    let host = Recorder::answering(block);
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(100, 0), None).unwrap();
    intake.offer(event(1));
    is_inside.recv_timeout(LONG).unwrap();
    let soon = Instant::now() + Duration::from_millis(50);
    assert_ne!(
        bench.delivery.stop(Duration::from_millis(50)),
        Stopped::Done
    );
    assert!(!bench.delivery.retire(soon), "somebody is inside");
    assert_eq!(host.drops.load(Ordering::SeqCst), 0);
    let_go.send(()).unwrap();
    assert!(bench.delivery.retire(Instant::now() + LONG));
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
    drop(bench);
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_way_that_was_never_used_says_good_bye_too() {
    let host = Arc::new(Recorder::default());
    let unused = bench(&host);
    assert!(unused.delivery.retire(Instant::now() + LONG));
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
    assert!(unused.delivery.start(terms(10, 0), None).is_err());
    drop(unused);
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
    // And so does one that is dropped without ceremony while it runs.
    let host = Arc::new(Recorder::default());
    let dropped = bench(&host);
    let intake = dropped.delivery.start(terms(10, 0), None).unwrap();
    intake.offer(event(1));
    drop(dropped);
    until("on_drop", || host.drops.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_new_start_is_a_new_feed_from_one() {
    let host = Arc::new(Recorder::default());
    let bench = bench(&host);
    for run in 1..=3 {
        let intake = bench.delivery.start(terms(100, 0), None).unwrap();
        intake.offer(event(1));
        intake.offer(event(2));
        host.taken(2 * run);
        assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    }
    let taken = host.taken(6);
    for feed in taken.chunks(2) {
        assert_whole(feed);
    }
    assert_ne!(taken[0].feed, taken[2].feed);
    assert_ne!(taken[2].feed, taken[4].feed);
}

#[test]
fn another_feed_begins_where_it_was_asked_for_and_losses_stay_in_their_feed() {
    let (mut block, is_inside, let_go) = blocking();
    let host = Recorder::answering(move |seen| {
        if seen.event.received.0 == 1 {
            block(seen)
        } else {
            Verdict::Taken
        }
    });
    let bench = bench(&host);
    let intake = bench.delivery.start(terms(4, 0), None).unwrap();
    intake.offer(event(1));
    is_inside.recv_timeout(LONG).unwrap();
    for number in 2..=4 {
        intake.offer(event(number));
    }
    intake.begin_feed();
    for number in 5..=9 {
        intake.offer(event(number));
    }
    let_go.send(()).unwrap();
    // In the first feed 1 and the record of 2 to 4; in the second the record of 5 and 6, then 7 to 9.
    let taken = host.taken(6);
    let (first, second): (Vec<_>, Vec<_>) = taken
        .iter()
        .cloned()
        .partition(|seen| seen.feed == taken[0].feed);
    assert_whole(&first);
    assert_whole(&second);
    assert_eq!((first.len(), second.len()), (2, 4));
    let lost: Vec<_> = [&first[1], &second[0]]
        .into_iter()
        .map(|seen| match &seen.event.subject {
            Subject::Lost(lost) => (lost.first, lost.last, lost.from.0, lost.to.0),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lost, [(2, 4, 2, 4), (1, 2, 5, 6)]);
}

#[test]
fn an_event_that_makes_the_way_panic_is_given_up_and_the_feed_goes_on() {
    crate::observe::panics::install();
    let host = Recorder::answering(|seen| {
        // The lock on `answer` would be poisoned by a panic inside it.
        if seen.event.received.0 == 2 && seen.event.kind != EventKind::Lost {
            Verdict::Other(u32::MAX)
        } else {
            Verdict::Taken
        }
    });
    struct Panicking(Arc<Recorder>);
    impl Host for Panicking {
        fn on_event(&self, offer: &Offer<'_>) -> Verdict {
            let verdict = self.0.on_event(offer);
            assert_ne!(verdict, Verdict::Other(u32::MAX), "provoked");
            verdict
        }
        fn on_state(&self, report: &StateReport) {
            self.0.on_state(report);
            panic!("provoked in on_state");
        }
        fn on_log(&self, line: &LogLine) {
            self.0.on_log(line);
        }
        fn on_drop(&self) {
            self.0.on_drop();
        }
    }
    let log = Log::new(LogLevel::Info);
    let counters = Arc::new(Counters::default());
    let delivery = Delivery::new(
        Arc::new(Panicking(Arc::clone(&host))),
        log,
        Arc::clone(&counters),
    );
    let intake = delivery.start(terms(100, 0), None).unwrap();
    for number in 1..=3 {
        intake.offer(event(number));
    }
    let taken = host.taken(3);
    assert_whole(&taken);
    assert_eq!(taken[1].event.kind, EventKind::Lost);
    assert_eq!(&*taken[1].event.reason, "defect");
    assert_eq!(delivery.stop(LONG), Stopped::Done);
    assert!(counters.panics.get() >= 4, "{}", counters.panics.get());
    let messages = host.messages();
    assert!(
        messages.iter().any(|message| message.contains("provoked")),
        "{messages:?}"
    );
    let states = host.states.lock().unwrap();
    assert!(states.iter().any(|state| state.why == Why::Internal));
}

#[test]
fn lines_from_before_the_start_are_kept_and_all_are_handed_over_before_a_stop_is_done() {
    let host = Arc::new(Recorder::default());
    let bench = bench(&host);
    bench.log.info("settings", format_args!("before"));
    let _intake = bench.delivery.start(terms(10, 0), None).unwrap();
    for number in 0..100 {
        bench.log.info("session", format_args!("line {number}"));
    }
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    let messages = host.messages();
    assert_eq!(messages.len(), 101);
    assert_eq!(messages[0], "before");
    bench.log.info("session", format_args!("between"));
    let _intake = bench.delivery.start(terms(10, 0), None).unwrap();
    assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
    assert_eq!(host.messages().last().unwrap(), "between");
}

/// A host of random moods: whatever it refuses and however long it stays inside, the feed that it takes is whole, and
/// what is missing from it is named.
#[test]
fn whatever_the_host_does_what_it_took_and_what_was_lost_are_all_there_was() {
    for seed in 1..=12_u64 {
        let mut random = seed;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let host = Recorder::answering(move |_| match next() % 10 {
            0 | 1 => Verdict::Later,
            2 => {
                std::thread::sleep(Duration::from_micros(300));
                Verdict::Taken
            }
            _ => Verdict::Taken,
        });
        let bench = bench(&host);
        let limit = [1, 7, 64, 1_000][seed as usize % 4];
        let refusals = [0, 1, 2][seed as usize % 3];
        let intake = bench.delivery.start(terms(limit, refusals), None).unwrap();
        for number in 1..=3_000 {
            intake.offer(event(number));
            if number % 64 == 0 {
                std::thread::yield_now();
            }
        }
        until("all is handed over", || {
            bench.delivery.figures().queued == 0
        });
        assert_eq!(bench.delivery.stop(LONG), Stopped::Done);
        let taken = host.taken.lock().unwrap().clone();
        let lost: u64 = taken
            .iter()
            .filter_map(|seen| match seen.event.subject {
                Subject::Lost(lost) => Some(lost.last - lost.first + 1),
                _ => None,
            })
            .sum();
        let ordinary = taken
            .iter()
            .filter(|seen| seen.event.kind != EventKind::Lost);
        let numbers: Vec<_> = ordinary.map(|seen| seen.event.received.0).collect();
        let dropped = bench.delivery.figures().dropped_at_stop;
        assert_whole(&taken);
        assert!(numbers.is_sorted_by(|a, b| a < b), "seed {seed}");
        assert_eq!(numbers.len() as u64 + lost + dropped, 3_000, "seed {seed}");
        assert_eq!(
            bench.counters.events_lost.get(),
            lost + dropped,
            "seed {seed}"
        );
    }
}
