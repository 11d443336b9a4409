//! The promises of the journal, kept on disks that lose power, fail, are full and hang.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::super::slot::{LostRun, LostWhy, Slot};
use super::super::tests::{LONG, Recorder, Seen, assert_whole, bench, event, terms, until};
use super::super::{Delivery, Host, Intake, Stopped, Terms, Verdict};
use super::*;
use crate::model::event::{
    Connection, ConnectionState, Direction, EventId, EventKind, Lost, PartyFacts, Subject,
};
use crate::model::feed::Why;
use crate::model::log::LogLevel;
use crate::observe::Counters;

mod disk;

use disk::{Disk, Random};

fn options() -> JournalOptions {
    JournalOptions {
        directory: PathBuf::from("unused"),
        adapter_name: Arc::from("one"),
        max_age: Duration::from_secs(3_600),
        max_bytes: 1 << 30,
    }
}

/// An adapter's way to its host, with a journal.
struct Run {
    host: Arc<Recorder>,
    delivery: Delivery,
    counters: Arc<Counters>,
    intake: Intake,
    journal: Journal,
    kept: Kept,
}

impl Run {
    fn on(disk: &Disk, host: Arc<Recorder>, terms: Terms, options: JournalOptions) -> Self {
        let log = Log::new(LogLevel::Info);
        let counters = Arc::new(Counters::default());
        let place: Arc<dyn Place> = Arc::new(disk.clone());
        let (journal, kept) = Journal::open_at(place, options, &log).unwrap();
        let delivery = Delivery::new(
            Arc::clone(&host) as Arc<dyn Host>,
            log,
            Arc::clone(&counters),
        );
        let intake = delivery.start(terms, Some(journal.clone())).unwrap();
        Self {
            host,
            delivery,
            counters,
            intake,
            journal,
            kept,
        }
    }

    fn plain(disk: &Disk, host: Arc<Recorder>) -> Self {
        Self::on(disk, host, terms(10_000, 0), options())
    }

    fn stop(&self) {
        assert_eq!(self.delivery.stop(LONG), Stopped::Done);
    }

    fn is_in_memory(&self) -> bool {
        let queue = self.journal.queue().upgrade();
        queue.is_some_and(|queue| queue.is_in_memory())
    }
}

/// Takes so many events, and refuses all others.
fn taking(count: usize) -> Arc<Recorder> {
    let taken = AtomicUsize::new(0);
    Recorder::answering(move |_| {
        if taken.load(Ordering::SeqCst) < count {
            taken.fetch_add(1, Ordering::SeqCst);
            Verdict::Taken
        } else {
            Verdict::Later
        }
    })
}

fn taking_all() -> Arc<Recorder> {
    Arc::new(Recorder::default())
}

fn connected(conversation: &str, number: i64, kind: EventKind) -> Event {
    let text = |text: &str| Arc::<str>::from(text);
    Event {
        kind,
        subject: Subject::Connection(Arc::new(Connection {
            conversation: conversation.into(),
            root_contact: conversation.into(),
            participant: Some("p".into()),
            communication: None,
            peer: None,
            user: None,
            station: None,
            queue: None,
            direction: Direction::Inbound,
            purpose: text("customer"),
            ani: text(""),
            dnis: text(""),
            provider: text("Edge"),
            party: Arc::new(PartyFacts::default()),
        })),
        state: ConnectionState::Connected,
        ..event(number)
    }
}

fn numbers(seen: &[Seen]) -> Vec<i64> {
    seen.iter().map(|seen| seen.event.received.0).collect()
}

/// The runs of lost events among them: first, last and why.
fn losses(seen: &[Seen]) -> Vec<(u64, u64, String)> {
    let lost = seen.iter().filter_map(|seen| match &seen.event.subject {
        Subject::Lost(Lost { first, last, .. }) => {
            Some((*first, *last, seen.event.reason.to_string()))
        }
        _ => None,
    });
    lost.collect()
}

#[test]
fn what_was_not_taken_is_offered_first_by_the_next_process_under_the_same_ids_and_numbers() {
    let disk = Disk::new();
    let first = Run::plain(&disk, taking(30));
    assert_eq!((first.kept.next_sequence, first.kept.pending), (1, 0));
    for number in 1..=100 {
        first.intake.offer(event(number));
    }
    first.host.taken(30);
    first.intake.covered_until(UtcMicros(77));
    first.intake.covered_until(UtcMicros(76));
    first.stop();
    assert_eq!(first.delivery.figures().dropped_at_stop, 0);
    assert_eq!(first.delivery.figures().queued, 70);
    assert_eq!(first.counters.events_lost.get(), 0);
    let second = Run::plain(&disk, taking_all());
    assert_eq!((second.kept.next_sequence, second.kept.pending), (31, 70));
    assert_eq!(second.kept.covered_until, Some(UtcMicros(77)));
    // A start reads agents as they are, and tells under the same id what waits in the journal.
    second.intake.offer(event(31));
    second.intake.offer(event(100));
    second.intake.offer(event(101));
    let mut seen = first.host.taken(30);
    seen.extend(second.host.taken(71));
    assert_whole(&seen);
    assert_eq!(numbers(&seen), (1..=101).collect::<Vec<_>>());
    assert_eq!(second.kept.feed.as_str(), seen[0].feed);
    second.stop();
    let third = Run::plain(&disk, taking_all());
    assert_eq!((third.kept.next_sequence, third.kept.pending), (102, 0));
    third.stop();
}

/// Cuts the power at random moments, while events come and the host takes some.
#[test]
fn whenever_the_power_is_cut_what_was_offered_is_on_disk_and_the_feed_goes_on() {
    let mut random = Random(1);
    let mut reoffered = 0;
    for round in 0..40 {
        let disk = Disk::new();
        let takes = usize::try_from(random.below(200)).unwrap();
        let run = Run::plain(&disk, taking(takes));
        let cut_after = random.below(150);
        let mut after = None;
        for number in 1..=200 {
            run.intake.offer(event(number));
            if u64::try_from(number).unwrap() == cut_after {
                until("there are writes", || {
                    disk.0.operations.load(Ordering::SeqCst) > 5
                });
                let taken = run.host.taken.lock().unwrap().len();
                let offers = run.host.offers.load(Ordering::SeqCst);
                after = Some((taken, offers, disk.after_power_cut(&mut random)));
            }
            if random.below(8) == 0 {
                std::thread::yield_now();
            }
        }
        let (taken, offers, disk) =
            after.unwrap_or_else(|| (0, 0, Disk::new().after_power_cut(&mut random)));
        run.stop();
        let next = Run::plain(&disk, taking_all());
        next.intake.offer(event(1_000));
        until("all is offered", || {
            let taken = next.host.taken.lock().unwrap();
            taken
                .last()
                .is_some_and(|last| last.event.received.0 == 1_000)
        });
        let seen = next.host.taken.lock().unwrap().clone();
        if taken > 0 {
            assert_eq!(
                next.kept.feed.as_str(),
                run.host.taken(1)[0].feed,
                "round {round}"
            );
        }
        let old = &seen[..seen.len() - 1];
        reoffered += old.len();
        for (nth, seen) in old.iter().enumerate() {
            assert_eq!(seen.sequence, next.kept.next_sequence + nth as u64);
            assert_eq!(seen.event.received.0, i64::try_from(seen.sequence).unwrap());
            assert_eq!(seen.event, event(seen.event.received.0));
        }
        let first = usize::try_from(next.kept.next_sequence).unwrap();
        assert!(first <= taken + 1, "round {round}: {first} > {taken} + 1");
        // The host was offered one event more than it took, if any.
        let offered = taken + usize::from(offers > taken);
        let reached = first - 1 + old.len();
        assert!(
            reached >= offered,
            "round {round}: offered {offered}, on disk {reached}"
        );
        next.stop();
    }
    assert!(reoffered > 100, "the test saw re-offers: {reoffered}");
}

/// Fails each operation once, in turn. Nothing is lost, nothing is told twice, and what the host refuses at the end is
/// on the disk, with the power cut.
#[test]
fn no_single_failure_of_the_disk_loses_an_event() {
    let mut failed = BTreeMap::<String, u32>::new();
    let mut in_memory = 0;
    for nth in 0.. {
        let disk = Disk::new();
        disk.0.fails.store(nth, Ordering::SeqCst);
        let run = Run::plain(&disk, taking(50));
        for burst in 0..12 {
            for number in 1..=5 {
                run.intake.offer(event(burst * 5 + number));
            }
            let count = usize::try_from(burst * 5 + 5).unwrap();
            let taken = run.host.taken(count.min(50));
            assert_eq!(
                numbers(&taken)[..count.min(50)],
                (1..=count.min(50) as i64).collect::<Vec<_>>()
            );
        }
        until("the disk works again", || !run.is_in_memory());
        run.stop();
        let taken = run.host.taken(50);
        let mut feeds: Vec<_> = taken.iter().map(|seen| seen.feed.clone()).collect();
        feeds.dedup();
        in_memory += usize::from(feeds.len() > 1);
        assert_eq!(run.counters.events_lost.get(), 0, "{nth}");
        // From here on with the power cut: what a sync that failed did not write is gone.
        let operation = *disk.0.failed.lock().unwrap();
        let disk = disk.after_power_cut(&mut Random(nth));
        let next = Run::plain(&disk, taking_all());
        let rest = next.host.taken(10);
        assert_eq!(numbers(&rest), (51..=60).collect::<Vec<_>>(), "{nth}");
        assert_eq!(Some(&rest[0].feed), feeds.last(), "{nth}");
        assert_eq!(rest[0].sequence, taken[49].sequence + 1, "{nth}");
        next.stop();
        let Some(operation) = operation else {
            break;
        };
        *failed.entry(format!("{operation:?}")).or_default() += 1;
    }
    for operation in ["Open", "Write", "Length", "Sync"] {
        assert!(failed.contains_key(operation), "{failed:?}");
    }
    assert!(in_memory < 10, "a moment's failure is hardly ever noticed");
}

#[test]
fn a_full_disk_lets_the_feed_go_on_in_memory_and_the_journal_return_when_there_is_room() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking(25));
    run.intake.offer(connected("c", 1, EventKind::CallCreated));
    run.host.taken(1);
    disk.0.is_full.store(true, Ordering::SeqCst);
    for number in 2..=20 {
        run.intake.offer(connected("c", number, EventKind::Muted));
    }
    let taken = run.host.taken(20);
    assert_eq!(numbers(&taken), (1..=20).collect::<Vec<_>>());
    assert!(run.is_in_memory());
    assert!(run.journal.legs().is_none(), "the disk lags");
    assert_ne!(
        taken[0].feed, taken[19].feed,
        "numbers without a disk are of a feed of their own"
    );
    assert_eq!(taken[19].sequence, 19);
    until("it is told", || {
        let states = run.host.states.lock().unwrap();
        states
            .iter()
            .any(|state| state.message.contains("from memory"))
    });
    for number in 21..=30 {
        run.intake.offer(connected("c", number, EventKind::Muted));
    }
    run.host.taken(25);
    disk.0.is_full.store(false, Ordering::SeqCst);
    until("it is told that it works again", || {
        let states = run.host.states.lock().unwrap();
        states
            .iter()
            .any(|state| state.message.contains("works again"))
    });
    assert!(!run.is_in_memory());
    assert!(run.journal.legs().is_some());
    let disk = disk.after_power_cut(&mut Random(3));
    run.stop();
    let next = Run::plain(&disk, taking_all());
    let rest = next.host.taken(5);
    assert_eq!(numbers(&rest), (26..=30).collect::<Vec<_>>());
    assert_eq!(rest[0].feed, taken[19].feed);
    assert_eq!(rest[0].sequence, 25);
    let legs: Vec<i64> = next.kept.legs.iter().map(|leg| leg.received.0).collect();
    assert_eq!(legs, (1..=30).collect::<Vec<_>>(), "told in memory too");
    assert_eq!(run.counters.events_lost.get(), 0);
    next.stop();
}

#[test]
fn a_disk_that_is_dead_at_the_start_is_waited_for_while_the_feed_flows() {
    let disk = Disk::new();
    disk.0.is_dead.store(true, Ordering::SeqCst);
    let run = Run::plain(&disk, taking(5));
    assert!(run.is_in_memory());
    for number in 1..=8 {
        run.intake.offer(event(number));
    }
    assert_whole(&run.host.taken(5));
    until("it is told", || {
        let states = run.host.states.lock().unwrap();
        states.iter().any(|state| state.why == Why::Journal)
    });
    disk.0.is_dead.store(false, Ordering::SeqCst);
    until("the disk works", || !run.is_in_memory());
    run.stop();
    let next = Run::plain(&disk.after_power_cut(&mut Random(1)), taking_all());
    let rest = next.host.taken(3);
    assert_eq!(rest[0].feed, run.host.taken(5)[0].feed);
    assert_eq!(numbers(&rest), [6, 7, 8]);
    next.stop();
}

/// Nobody would offer them in their order: that is for the next start.
#[test]
fn events_of_an_earlier_run_are_not_touched_when_the_disk_comes_late() {
    let disk = Disk::new();
    let first = Run::plain(&disk, taking(0));
    first.intake.offer(event(1));
    until("it is offered", || {
        first.host.offers.load(Ordering::SeqCst) > 0
    });
    first.stop();
    disk.0.is_dead.store(true, Ordering::SeqCst);
    let late = Run::plain(&disk, taking_all());
    late.intake.offer(event(2));
    late.host.taken(1);
    disk.0.is_dead.store(false, Ordering::SeqCst);
    until("it is said", || {
        let lines = late.host.messages();
        lines
            .iter()
            .any(|line| line.contains("holds 1 events of an earlier run"))
    });
    assert!(late.is_in_memory());
    late.stop();
    let next = Run::plain(&disk, taking_all());
    assert_eq!(numbers(&next.host.taken(1)), [1]);
    next.stop();
}

#[test]
fn a_disk_that_hangs_holds_nobody_up_for_long() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking_all());
    run.intake.offer(event(1));
    run.host.taken(1);
    disk.hang(true);
    let before = Instant::now();
    for number in 2..=50 {
        run.intake.offer(event(number));
    }
    assert!(before.elapsed() < LONG, "offering never waits");
    let taken = run.host.taken(50);
    assert_eq!(numbers(&taken), (1..=50).collect::<Vec<_>>());
    assert!(run.is_in_memory());
    disk.hang(false);
    until("the disk works", || !run.is_in_memory());
    run.intake.offer(event(51));
    run.host.taken(51);
    run.stop();
    let next = Run::plain(&disk.after_power_cut(&mut Random(1)), taking_all());
    assert_eq!(next.kept.pending, 0);
    assert_eq!(next.kept.feed.as_str(), taken[49].feed);
    next.stop();
}

/// What a step leaves for the next one would be in no gap after a crash between the two.
#[test]
fn no_more_is_said_to_be_covered_than_is_written() {
    let mark = Mark {
        place: 0,
        sequence: 0,
        feed: feed_id::new(),
    };
    let mut backlog = Backlog::new(mark, 0, None);
    backlog.incoming = (1..=3).map(|n| Slot::Event(event(n))).collect();
    backlog.covered_until = Some(UtcMicros(9));
    assert_eq!(backlog.batch(2, None).covered_until, Some(UtcMicros(3)));
    assert_eq!(backlog.batch(3, None).covered_until, Some(UtcMicros(9)));
    backlog.covered_until = None;
    assert_eq!(backlog.batch(2, None).covered_until, None);
}

#[test]
fn memory_is_bounded_and_nothing_is_lost_however_long_the_host_sleeps() {
    let disk = Disk::new();
    let (enter, entered) = channel();
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let host = Recorder::answering(move |seen| {
        if seen.event.received.0 == 1 {
            enter.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
        }
        Verdict::Taken
    });
    let run = Run::on(&disk, host, terms(100, 0), options());
    run.intake.offer(event(1));
    entered.recv().unwrap();
    for number in 2..=5_000 {
        run.intake.offer(event(number));
        if number % 50 == 0 {
            let queue = run.journal.queue().upgrade().unwrap();
            until("it is on disk", || queue.incoming() == 0);
            assert!(queue.in_memory_count() <= 100);
        }
    }
    assert_eq!(run.delivery.figures().queued, 5_000);
    go.send(()).unwrap();
    let taken = run.host.taken(5_000);
    assert_whole(&taken);
    assert_eq!(numbers(&taken), (1..=5_000).collect::<Vec<_>>());
    run.stop();
}

#[test]
fn what_is_too_much_gives_way_oldest_first_and_leaves_a_record_in_its_place() {
    let disk = Disk::new();
    let options = JournalOptions {
        max_bytes: 64 << 10,
        ..options()
    };
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let host = Recorder::answering(move |seen| {
        if seen.sequence == 1 {
            wait.lock().unwrap().recv().unwrap();
        }
        Verdict::Taken
    });
    let run = Run::on(&disk, host, terms(1_000, 0), options.clone());
    for number in 1..=600 {
        run.intake.offer(event(number));
        if number % 20 == 0 {
            let queue = run.journal.queue().upgrade().unwrap();
            until("it is on disk", || queue.incoming() == 0);
        }
    }
    until("some give way", || run.counters.events_lost.get() > 100);
    until("it is told", || run.delivery.figures().queued > 0);
    // A crash now: the same numbers, the same record.
    let after = disk.after_power_cut(&mut Random(9));
    go.send(()).unwrap();
    let all = |run: &Run| {
        until("all is offered", || {
            let taken = run.host.taken.lock().unwrap();
            taken
                .last()
                .is_some_and(|last| last.event.received.0 == 600)
        });
        run.host.taken.lock().unwrap().clone()
    };
    let taken = all(&run);
    run.stop();
    assert_whole(&taken);
    let lost = losses(&taken);
    assert_eq!(lost.len(), 1, "neighbours are one: {lost:?}");
    assert_eq!((lost[0].0, &*lost[0].2), (2, "journal_full"));
    let count = lost[0].1 - lost[0].0 + 1;
    assert_eq!(taken.len() as u64 + count - 1, 600);
    assert_eq!(run.counters.events_lost.get(), count);
    let next = Run::on(&after, taking_all(), terms(1_000, 0), options);
    let again = all(&next);
    assert_whole(&again);
    assert_eq!(losses(&again)[0].0, 2);
    next.stop();
}

/// Calls that go on keep what was told of them: nothing that waits would make room for them by going.
#[test]
fn what_waits_does_not_give_way_to_what_was_taken_and_stays() {
    let disk = Disk::new();
    let place: Arc<dyn Place> = Arc::new(disk.clone());
    let mut opened = Opened::open(place, options(), Log::new(LogLevel::Info)).unwrap();
    let store = opened.store().unwrap();
    let of = |numbers: std::ops::Range<u64>| -> Vec<(u64, Slot)> {
        let told = |n: u64| connected(&format!("c{n}"), n as i64, EventKind::Established);
        numbers.map(|n| (n, Slot::Event(told(n)))).collect()
    };
    for (rows, taken) in [(of(0..100), 0), (of(100..120), 100)] {
        let mark = Mark {
            place: taken,
            ..store.mark.clone()
        };
        let step = store::Step {
            rows: &rows,
            mark,
            covered_until: None,
            now: UtcMicros(0),
        };
        store.write(&step).unwrap();
    }
    assert_eq!(store.rows(), 120, "all calls go on");
    let of_one = store.bytes / 120;
    let excess = |least| store::Excess {
        before: UtcMicros(0),
        bytes: of_one * 50,
        least,
    };
    assert!(!store.has_too_much(100, excess(of_one * 21)).unwrap());
    assert_eq!(store.give_way(100, excess(of_one * 21)), Ok(0));
    assert!(store.has_too_much(100, excess(of_one * 10)).unwrap());
    let lost = store.give_way(100, excess(of_one * 10)).unwrap();
    assert!((10..13).contains(&lost), "{lost}");
    assert!(!store.has_too_much(100, excess(of_one * 10)).unwrap());
}

#[test]
fn what_waits_behind_the_begin_of_a_feed_gives_way_too() {
    let disk = Disk::new();
    let place: Arc<dyn Place> = Arc::new(disk.clone());
    let mut opened = Opened::open(place, options(), Log::new(LogLevel::Info)).unwrap();
    let store = opened.store().unwrap();
    let begin = |place| (place, Slot::Begin(Arc::new(feed_id::new())));
    let mut rows = vec![begin(0)];
    rows.extend((1..5).map(|n| (n, Slot::Event(event(n as i64)))));
    rows.push(begin(5));
    rows.extend((6..9).map(|n| (n, Slot::Event(event(n as i64)))));
    let step = store::Step {
        rows: &rows,
        mark: store.mark.clone(),
        covered_until: None,
        now: UtcMicros(0),
    };
    store.write(&step).unwrap();
    let excess = store::Excess {
        before: UtcMicros(1),
        bytes: 1 << 20,
        least: 1 << 20,
    };
    // Each feed has a record of its own.
    assert_eq!(store.give_way(0, excess), Ok(4));
    assert_eq!(store.give_way(0, excess), Ok(3));
    let slots = store.read(0, 10).unwrap();
    let shape: Vec<_> = slots
        .iter()
        .map(|slot| match slot {
            Slot::Begin(_) => 0,
            Slot::Lost(run) => run.count,
            Slot::Event(_) => 9,
        })
        .collect();
    assert_eq!(shape, [0, 4, 0, 3]);
}

#[test]
fn what_is_too_old_gives_way() {
    let disk = Disk::new();
    let first = Run::plain(&disk, taking(0));
    for number in 1..=10 {
        first.intake.offer(event(number));
    }
    until("it is offered", || {
        first.host.offers.load(Ordering::SeqCst) > 0
    });
    first.stop();
    std::thread::sleep(Duration::from_millis(2));
    let options = JournalOptions {
        max_age: Duration::from_millis(1),
        ..options()
    };
    let run = Run::on(&disk, taking(0), terms(1_000, 0), options);
    until("they give way", || run.counters.events_lost.get() >= 9);
    run.stop();
    let next = Run::plain(&disk, taking_all());
    let taken = next.host.taken(2);
    assert_eq!(taken[0].event.received.0, 1, "it was being offered");
    assert_eq!(losses(&taken), [(2, 10, "journal_age".to_owned())]);
    assert_whole(&taken);
    next.stop();
}

/// Where others fill the disk the journal does not grow, and a small one is always had.
#[test]
fn a_tenth_of_the_disk_stays_free() {
    let disk = Disk::new();
    let place: Arc<dyn Place> = Arc::new(disk.clone());
    let mut opened = Opened::open(place, options(), Log::new(LogLevel::Info)).unwrap();
    assert_eq!(opened.room_for(5_000, 1_000), 1 << 30);
    disk.0.free.store(9, Ordering::SeqCst);
    assert_eq!(opened.room_for(5_000, 1_000), 5_000);
    assert_eq!(opened.room_for(6_000, 1_000), 5_000, "it does not creep");
    disk.0.free.store(10, Ordering::SeqCst);
    assert_eq!(opened.room_for(6_000, 1_000), 1 << 30);
    disk.0.free.store(0, Ordering::SeqCst);
    assert_eq!(opened.room_for(10, 1_000), 1_000);
}

#[test]
fn an_event_that_is_refused_too_often_leaves_a_record_on_disk_before_that_is_offered() {
    let disk = Disk::new();
    let host = Recorder::answering(|seen| match seen.event.received.0 {
        3 => Verdict::Later,
        _ if seen.sequence > 4 => Verdict::Later,
        _ => Verdict::Taken,
    });
    let run = Run::on(&disk, host, terms(1_000, 2), options());
    for number in 1..=6 {
        run.intake.offer(event(number));
    }
    let taken = run.host.taken(3);
    assert_eq!(losses(&taken), [(3, 3, "refused".to_owned())]);
    let disk = disk.after_power_cut(&mut Random(4));
    run.intake.set_refusals_before_lost(0);
    run.stop();
    let next = Run::plain(&disk, taking_all());
    let rest = next.host.taken(3);
    let mut all = taken[..2].to_vec();
    all.extend(rest.into_iter().filter(|seen| seen.sequence > 2));
    assert_whole(&all);
    assert_eq!(losses(&all), [(3, 3, "refused".to_owned())]);
    next.stop();
}

#[test]
fn a_conversation_can_be_erased_and_leaves_a_record_of_what_was_not_taken() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking(2));
    for number in 1..=10 {
        let name = if number % 2 == 0 { "even" } else { "odd" };
        run.intake.offer(connected(name, number, EventKind::Held));
    }
    run.host.taken(2);
    let queue = run.journal.queue().upgrade().unwrap();
    until("all is on disk", || queue.incoming() == 0);
    until("the third is offered", || {
        run.host.offers.load(Ordering::SeqCst) > 2
    });
    drop(queue);
    // 2 was taken and is of the live set; 4, 6, 8 and 10 wait. 3 is being offered.
    let what = What::Conversation("even".into());
    assert_eq!(run.journal.erase(&what), Ok(5));
    assert_eq!(run.journal.erase(&what), Ok(0));
    assert_eq!(run.journal.legs().unwrap().len(), 5);
    let disk = disk.after_power_cut(&mut Random(4));
    run.stop();
    let next = Run::plain(&disk, taking_all());
    assert_eq!(next.kept.legs.len(), 5);
    let rest = next.host.taken(8);
    assert_eq!(numbers(&rest[..1]), [3]);
    let lost: Vec<_> = losses(&rest)
        .into_iter()
        .map(|(first, _, why)| (first, why))
        .collect();
    let erased = |first: u64| (first, "erased".to_owned());
    assert_eq!(lost, [erased(4), erased(7), erased(10), erased(13)]);
    next.stop();
}

/// What an earlier run left is not told twice, but in a feed that voids it.
#[test]
fn a_feed_that_begins_anew_tells_again_what_waited() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking(0));
    run.intake.offer(event(1));
    until("it is offered", || {
        run.host.offers.load(Ordering::SeqCst) > 0
    });
    let disk = disk.after_power_cut(&mut Random(4));
    run.stop();
    let next = Run::plain(&disk, taking_all());
    next.intake.offer(event(1));
    next.intake.begin_feed();
    next.intake.offer(event(1));
    next.intake.offer(event(2));
    let taken = next.host.taken(3);
    assert_eq!(numbers(&taken), [1, 1, 2]);
    let feeds = [0, 1, 2].map(|place: usize| &taken[place].feed);
    assert!(feeds[0] != feeds[1] && feeds[1] == feeds[2], "{feeds:?}");
    next.stop();
}

#[test]
fn a_user_is_erased_from_a_journal_that_no_run_uses() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking(0));
    run.intake.offer(event(1));
    run.intake.offer(connected("c", 2, EventKind::Held));
    until("it is offered", || {
        run.host.offers.load(Ordering::SeqCst) > 0
    });
    run.stop();
    assert_eq!(
        run.journal.erase(&What::User("u".into())),
        Err(EraseProblem::Disk("the journal is closed".to_owned()))
    );
    let place: Arc<dyn Place> = Arc::new(disk.clone());
    let (journal, _) = Journal::open_at(place, options(), &Log::new(LogLevel::Info)).unwrap();
    assert_eq!(journal.erase(&What::User("u".into())), Ok(1));
    assert_eq!(journal.erase(&What::User("another".into())), Ok(0));
}

/// What `calls` needs to go on: all of conversations that have not ended, and the last station of each user.
#[test]
fn the_live_set_survives_what_was_taken() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking_all());
    let station = |number, user: &str, kind| {
        let mut event = event(number);
        let Subject::Agent { user: who, .. } = &mut event.subject else {
            panic!()
        };
        *who = Arc::new(crate::model::roster::User {
            id: user.into(),
            ..(**who).clone()
        });
        event.kind = kind;
        event
    };
    let told = [
        connected("open", 1, EventKind::CallCreated),
        connected("ended", 2, EventKind::CallCreated),
        station(3, "a", EventKind::StationAssociated),
        station(4, "b", EventKind::StationAssociated),
        event(5),
        connected("open", 6, EventKind::Established),
        station(7, "a", EventKind::StationLeft),
        connected("ended", 8, EventKind::CallTerminated),
        connected("open", 9, EventKind::ConnectionCleared),
    ];
    for event in told.clone() {
        run.intake.offer(event);
    }
    run.host.taken(9);
    run.stop();
    let next = Run::plain(&disk, taking_all());
    let numbers: Vec<i64> = next.kept.legs.iter().map(|leg| leg.received.0).collect();
    assert_eq!(numbers, [1, 4, 6, 7, 8, 9]);
    assert_eq!(next.kept.legs[2], told[5], "whole");
    next.stop();
}

/// Of a call that has ended what waits is offered: who reads the call again must know of it.
#[test]
fn what_was_not_taken_of_an_ended_conversation_is_known_too() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking(2));
    for (number, kind) in [
        (1, EventKind::CallCreated),
        (2, EventKind::Established),
        (3, EventKind::Held),
        (4, EventKind::ConnectionCleared),
        (5, EventKind::CallTerminated),
        (6, EventKind::Retrieved),
    ] {
        run.intake.offer(connected("ended", number, kind));
    }
    run.host.taken(2);
    let queue = run.journal.queue().upgrade().unwrap();
    until("all is on disk", || queue.incoming() == 0);
    drop(queue);
    run.stop();
    let next = Run::plain(&disk, taking_all());
    let numbers: Vec<i64> = next.kept.legs.iter().map(|leg| leg.received.0).collect();
    assert_eq!(numbers, [3, 4, 5, 6]);
    next.host.taken(4);
    next.stop();
    let last = Run::plain(&disk, taking_all());
    let numbers: Vec<i64> = last.kept.legs.iter().map(|leg| leg.received.0).collect();
    assert_eq!(
        numbers,
        [5, 6],
        "what was taken of it is not needed any more"
    );
    last.stop();
}

#[test]
fn ended_conversations_leave_the_live_set_and_quiet_ones_too() {
    use row::Bearing::{Conversation, Terminated};
    let mut live = live::LiveSet::default();
    let minute = 60_000_000;
    for (row, bearing, at) in [
        (1, Conversation(7), 0),
        (2, Conversation(8), 0),
        (3, Terminated(7), 1),
        (4, Conversation(7), 2),
    ] {
        let gone = live.note(row, bearing, UtcMicros(at * minute));
        let expected: &[u64] = if row == 3 { &[1] } else { &[] };
        assert_eq!(gone, expected);
    }
    assert_eq!(live.expire(UtcMicros(15 * minute)), Vec::<u64>::new());
    assert_eq!(live.expire(UtcMicros(16 * minute)), Vec::<u64>::new());
    assert_eq!(live.expire(UtcMicros(17 * minute)), [3, 4]);
    assert_eq!(live.rows(), [2]);
    assert_eq!(live.forget_quiet_since(UtcMicros(0)), Vec::<u64>::new());
    assert_eq!(live.forget_quiet_since(UtcMicros(1)), [2]);
    assert_eq!(live.rows(), Vec::<u64>::new());
}

#[test]
fn taken_events_leave_the_file_and_it_does_not_grow_for_ever() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking_all());
    let mut most = 0;
    for round in 0..40 {
        for number in 1..=100 {
            run.intake.offer(event(round * 100 + number));
        }
        run.host.taken(usize::try_from(round * 100 + 100).unwrap());
        if round == 20 {
            most = disk.bytes().len();
        }
    }
    assert!(
        disk.bytes().len() <= most * 2,
        "{} {most}",
        disk.bytes().len()
    );
    run.stop();
    let place: Arc<dyn Place> = Arc::new(disk.clone());
    let mut opened = Opened::open(place, options(), Log::new(LogLevel::Info)).unwrap();
    assert_eq!(opened.store().unwrap().rows(), 0);
    assert_eq!(opened.store().unwrap().bytes, 0);
}

#[test]
fn a_damaged_journal_is_set_aside_and_never_stops_a_start() {
    let disk = Disk::new();
    let run = Run::plain(&disk, taking(0));
    for number in 1..=200 {
        run.intake.offer(event(number));
    }
    until("it is offered", || {
        run.host.offers.load(Ordering::SeqCst) > 0
    });
    run.stop();
    let whole = disk.bytes();
    let mut random = Random(5);
    let mut aside = 0;
    for round in 0..60 {
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes.truncate(usize::try_from(random.below(whole.len() as u64 - 1)).unwrap() + 1),
            1 => bytes = (0..4_096).map(|_| random.below(256) as u8).collect(),
            _ => {
                let at = random.below(whole.len() as u64) as usize;
                for byte in bytes.iter_mut().skip(at).take(700) {
                    *byte = random.below(256) as u8;
                }
            }
        }
        let disk = Disk::new();
        disk.overwrite(bytes);
        let run = Run::plain(&disk, taking_all());
        run.intake.offer(event(1_000));
        until("the feed flows", || {
            let taken = run.host.taken.lock().unwrap();
            taken
                .last()
                .is_some_and(|last| last.event.received.0 == 1_000)
        });
        aside += disk.0.aside.load(Ordering::SeqCst);
        run.stop();
    }
    assert!(aside > 30, "{aside}");
}

#[test]
fn the_rows_of_all_kinds_come_back_as_they_were() {
    let feed = Arc::new(feed_id::new());
    let lost = LostRun {
        count: 7,
        from: UtcMicros(1),
        to: UtcMicros(2),
        why: LostWhy::JOURNAL_AGE.and(LostWhy::ERASED),
    };
    let slots = [
        Slot::Event(event(i64::MAX)),
        Slot::Event(Event {
            id: EventId(u128::MAX),
            ..connected("c", -5, EventKind::Held)
        }),
        Slot::Lost(lost),
        Slot::Begin(feed),
    ];
    for slot in slots {
        let row = row::write(&slot, UtcMicros(99));
        assert_eq!(row::Head::read(&row).unwrap().at, UtcMicros(99));
        assert_eq!(format!("{:?}", row::read(&row)), format!("{slot:?}"));
        let torn = row::read(&row[..row.len() - 1]);
        assert!(matches!(torn, Slot::Lost(LostRun { count: 1, .. })));
    }
}

/// What a version wrote every later one reads.
#[test]
fn a_row_of_format_1_is_read_for_ever() {
    let row = row::write(
        &Slot::Event(connected("c", 5, EventKind::Established)),
        UtcMicros(0),
    );
    let text = std::str::from_utf8(&row[25..]).unwrap();
    assert_eq!(text, include_str!("tests/row_1.json").trim_end());
    assert_eq!(store::FORMAT, 1);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it_and_only_one_may_use_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions {
        directory: directory.path().join("a/journal"),
        adapter_name: Arc::from("Straße / <Nord>"),
        ..options()
    };
    let log = Log::new(LogLevel::Info);
    let (journal, _) = Journal::open(options.clone(), &log).unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&options.directory), 0o700);
    let files: Vec<_> = std::fs::read_dir(&options.directory).unwrap().collect();
    assert_eq!(files.len(), 2);
    for file in files {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("stra-e----nord--"), "{name}");
    }
    let other = JournalOptions {
        adapter_name: Arc::from("STRASSE / <nord>"),
        ..options.clone()
    };
    assert!(Journal::open(other, &log).is_ok(), "another name");
    let same = JournalOptions {
        adapter_name: Arc::from("straße / <NORD>"),
        ..options.clone()
    };
    let problem = Journal::open(same, &log).err().unwrap();
    assert!(matches!(problem, JournalProblem::InUse { .. }));
    assert!(
        problem.to_string().contains("is in use by another"),
        "{problem}"
    );
    drop(journal);
    assert!(Journal::open(options, &log).is_ok());
}

#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let disk = Disk::new();
    let place: Arc<dyn Place> = Arc::new(disk.clone());
    let storage = place.storage(place::Which::Journal).unwrap();
    let flag = Arc::default();
    let db = redb::Database::builder()
        .create_with_backend(place::Watched::new(storage, flag))
        .unwrap();
    let transaction = db.begin_write().unwrap();
    {
        let facts = redb::TableDefinition::<&str, &[u8]>::new("facts");
        let mut facts = transaction.open_table(facts).unwrap();
        facts
            .insert("format", 2_u64.to_le_bytes().as_slice())
            .unwrap();
    }
    transaction.commit().unwrap();
    drop(db);
    let log = Log::new(LogLevel::Info);
    let problem = Journal::open_at(place, options(), &log).err().unwrap();
    assert_eq!(
        problem.to_string(),
        "the journal the.journal has format 2, and this version reads formats up to 1: install the version that wrote \
         it, or move the file away, which gives up the events in it"
    );
}

/// With a directory of this machine, as it ships.
#[test]
fn a_real_file_keeps_what_was_not_taken_through_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions {
        directory: directory.path().join("journal"),
        ..options()
    };
    let open = |host: &Arc<Recorder>| {
        let bench = bench(host);
        let (journal, kept) = Journal::open(options.clone(), &bench.log).unwrap();
        let intake = bench
            .delivery
            .start(terms(1_000, 0), Some(journal))
            .unwrap();
        (bench, intake, kept)
    };
    let host = taking(10);
    let (first, intake, _) = open(&host);
    for number in 1..=500 {
        intake.offer(event(number));
    }
    let mut seen = host.taken(10);
    assert_eq!(first.delivery.stop(LONG), Stopped::Done);
    let host = taking_all();
    let (second, _, kept) = open(&host);
    assert_eq!((kept.next_sequence, kept.pending), (11, 490));
    seen.extend(host.taken(490));
    assert_whole(&seen);
    assert_eq!(second.delivery.stop(LONG), Stopped::Done);
    assert_eq!(second.counters.events_lost.get(), 0);
}
