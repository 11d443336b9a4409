//! A process ends in the middle of a day, at whatever moment, and another one goes on with what the journal kept: both
//! feeds together are that of one process that was never disturbed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;

use std::collections::{BTreeMap, BTreeSet};

use day::kept::{Ended, clears, conversation, kept};
use day::{Day, arrival, facts, hear, life};
use gca_region::chance::Chance;
use genesys_cloud_adapter::calls::Calls;
use genesys_cloud_adapter::model::event::{Event, EventKind, Source, Subject};

const SNAPSHOT_CACHE: usize = 1 << 20;

fn is_of_call(event: &Event) -> bool {
    conversation(event).is_some()
}

/// Told once, under the id that the undisturbed feed has.
fn differences(undisturbed: &[Event], both: &[Event]) -> Vec<String> {
    let count = |events: &[Event]| {
        let mut all: BTreeMap<u128, (usize, facts::Fact)> = BTreeMap::new();
        for event in events.iter().filter(|event| is_of_call(event)) {
            all.entry(event.id.0)
                .or_insert_with(|| (0, facts::of_event(event)))
                .0 += 1;
        }
        all
    };
    let (wanted, found) = (count(undisturbed), count(both));
    let mut wrong = Vec::new();
    for (id, (times, fact)) in &wanted {
        match found.get(id) {
            // What a consult became is not concluded from what the second process alone has heard: a read tells.
            None if ["consult_cancelled", "consult_completed"].contains(&fact.1) => {}
            None => wrong.push(format!("missing: {fact:?}")),
            Some((found, _)) if found != times => {
                wrong.push(format!("told {found} times, not {times}: {fact:?}"));
            }
            Some(_) => {}
        }
    }
    let invented = found.iter().filter(|(id, _)| !wanted.contains_key(id));
    wrong.extend(invented.map(|(_, (_, fact))| format!("invented: {fact:?}")));
    wrong
}

/// Nothing is shown while no process runs: the second one hears what the first one would have.
#[test]
fn what_goes_on_is_told_as_if_nothing_had_happened() {
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let undisturbed = hear(arrivals.iter().copied());
        let mut chance = Chance::new(seed, "what_goes_on");
        for _ in 0..6 {
            let cut = chance.below(arrivals.len());
            let mut both = hear(arrivals[..cut].iter().copied());
            let mut calls = Calls::new(SNAPSHOT_CACHE);
            let first = arrivals[cut].0;
            let ended = [Ended::Whole, Ended::Named][chance.below(2)];
            calls.handle_kept(&kept(&both, ended), day::now(first));
            assert!(calls.poll_event().is_none(), "nothing is news");
            let second = day::hear_with(calls, arrivals[cut..].iter().copied());
            both.extend(second);
            let mut wrong = differences(&undisturbed, &both);
            wrong.extend(clears(&both));
            assert!(
                wrong.is_empty(),
                "seed {seed}, cut at {cut} of {}: {} defects: {:#?}",
                arrivals.len(),
                wrong.len(),
                &wrong[..wrong.len().min(20)]
            );
        }
    }
}

/// A journal that has the last event of each open leg and nothing else: what is told again has the id that it had.
#[test]
fn the_last_event_of_each_open_leg_is_enough_to_close_it_once() {
    for seed in 1..=2 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let undisturbed = hear(arrivals.iter().copied());
        let mut chance = Chance::new(seed, "last_events");
        for _ in 0..8 {
            let cut = chance.below(arrivals.len());
            let mut both = hear(arrivals[..cut].iter().copied());
            let mut legs: BTreeMap<String, &Event> = BTreeMap::new();
            for event in &both {
                let Subject::Connection(facts) = &event.subject else {
                    continue;
                };
                let Some(participant) = &facts.participant else {
                    continue;
                };
                let leg = format!("{} {participant}", facts.conversation);
                match event.kind {
                    EventKind::Established | EventKind::Held | EventKind::Retrieved => {
                        legs.insert(leg, event);
                    }
                    EventKind::ConnectionCleared => {
                        legs.remove(&leg);
                    }
                    _ => {}
                }
            }
            let legs: Vec<Event> = legs.into_values().cloned().collect();
            let later = day::now(arrivals.last().unwrap().0);
            let mut calls = Calls::new(SNAPSHOT_CACHE);
            calls.handle_kept(&legs, later);
            assert_eq!(
                calls.open_connections(),
                legs.len(),
                "seed {seed}, cut at {cut}"
            );
            let open: BTreeSet<String> = legs.iter().filter_map(conversation).collect();
            let reads = day.reads.iter();
            for read in reads.filter(|read| open.contains(&read.conversation)) {
                calls.handle_conversation_read(&read.rest, Source::Recovered, later.elapsed, later);
                both.extend(std::iter::from_fn(|| calls.poll_event()));
            }
            let mut seen = BTreeSet::new();
            both.retain(|event| seen.insert(event.id));
            let known: BTreeSet<u128> = undisturbed.iter().map(|event| event.id.0).collect();
            let mut wrong = clears(&both);
            let strange = both.iter().filter(|event| {
                event.kind == EventKind::ConnectionCleared && !known.contains(&event.id.0)
            });
            wrong.extend(strange.map(|event| format!("another id: {:?}", facts::of_event(event))));
            assert!(wrong.is_empty(), "seed {seed}, cut at {cut}: {wrong:#?}");
            assert_eq!(calls.open_connections(), 0, "seed {seed}, cut at {cut}");
        }
    }
}

/// The day goes on to its end while no process runs; the second one reads what became of it.
#[test]
fn what_ended_meanwhile_is_closed_once() {
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let undisturbed = hear(arrivals.iter().copied());
        let mut chance = Chance::new(seed, "what_ended_meanwhile");
        for round in 0..6 {
            let cut = chance.below(arrivals.len());
            let mut both = hear(arrivals[..cut].iter().copied());
            let mut calls = Calls::new(SNAPSHOT_CACHE);
            let later = day::now(arrivals.last().unwrap().0);
            let ended = [Ended::Whole, Ended::Named][chance.below(2)];
            calls.handle_kept(&kept(&both, ended), later);
            let open = calls.open_connections();
            for read in &day.reads {
                if round % 2 == 0 {
                    calls.handle_conversation_read(
                        &read.rest,
                        Source::Recovered,
                        later.elapsed,
                        later,
                    );
                } else {
                    calls.handle_analytics_details(&read.details, Source::Recovered, later);
                }
                both.extend(std::iter::from_fn(|| calls.poll_event()));
            }
            let how = format!("seed {seed}, cut at {cut}, {open} open");
            assert_eq!(
                (calls.open_connections(), calls.open_conversations()),
                (0, 0),
                "{how}"
            );
            let exact = |events: &[Event]| -> BTreeSet<u128> {
                (events
                    .iter()
                    .filter(|event| event.id_exact && is_of_call(event)))
                .map(|event| event.id.0)
                .collect()
            };
            let known = exact(&undisturbed);
            let shown: BTreeSet<String> = undisturbed.iter().filter_map(conversation).collect();
            let mut wrong = life::defects(&both, life::Heard::OldOnesToo);
            wrong.extend(clears(&both));
            let strange = both.iter().filter(|event| {
                let readable = matches!(
                    event.kind,
                    EventKind::Established | EventKind::ConnectionCleared | EventKind::CallCleared
                );
                let was_shown = conversation(event).is_some_and(|id| shown.contains(&id));
                readable && was_shown && event.id_exact && !known.contains(&event.id.0)
            });
            wrong.extend(strange.map(|event| format!("another id: {:?}", facts::of_event(event))));
            assert!(
                wrong.is_empty(),
                "{how}: {} defects: {:#?}",
                wrong.len(),
                &wrong[..wrong.len().min(20)]
            );
        }
    }
}

/// Of a call that had ended the last events were not taken yet, and what a read had told late came after its end: it is not
/// told again by whatever is read of it.
#[test]
fn what_is_kept_in_part_of_an_ended_call_is_not_told_again() {
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let told = hear(arrivals.iter().copied());
        let mut chance = Chance::new(seed, "kept_in_part");
        let mut of_calls: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for event in &told {
            if let Some(id) = conversation(event) {
                of_calls.entry(id).or_default().push(event.clone());
            }
        }
        of_calls.retain(|_, events| {
            (events.iter()).any(|event| event.kind == EventKind::CallTerminated)
        });
        let mut part = Vec::new();
        for events in of_calls.values() {
            let mut kept = events[chance.below(events.len())..].to_vec();
            let end = kept
                .iter()
                .position(|event| event.kind == EventKind::CallTerminated);
            let end = kept.remove(end.unwrap());
            kept.insert(chance.below(kept.len() + 1), end);
            part.extend(kept);
        }
        let known: BTreeSet<u128> = part.iter().map(|event| event.id.0).collect();
        assert!(known.len() > 100, "seed {seed}: {}", known.len());
        let mut calls = Calls::new(SNAPSHOT_CACHE);
        let later = day::now(arrivals.last().unwrap().0);
        calls.handle_kept(&part, later);
        assert_eq!(calls.open_conversations(), 0);
        for read in &day.reads {
            calls.handle_analytics_details(&read.details, Source::Recovered, later);
            calls.handle_conversation_read(&read.rest, Source::Recovered, later.elapsed, later);
        }
        let again = std::iter::from_fn(|| calls.poll_event())
            .filter(|event| known.contains(&event.id.0))
            .map(|event| facts::of_event(&event));
        let again: Vec<_> = again.collect();
        assert!(again.is_empty(), "seed {seed}: {again:#?}");
    }
}

/// A read may lag, and show as alive what is over: of a call whose end the earlier process told it tells nothing, even if
/// only that end was kept.
#[test]
fn what_lags_does_not_open_again_what_another_process_told_to_the_end() {
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let told = hear(arrivals.iter().copied());
        let later = day::now(arrivals.last().unwrap().0);
        let ended: BTreeSet<String> = (told.iter())
            .filter(|event| event.kind == EventKind::CallTerminated)
            .filter_map(conversation)
            .collect();
        assert!(ended.len() > 10, "seed {seed}: {}", ended.len());
        let mut calls = Calls::new(SNAPSHOT_CACHE);
        calls.handle_kept(&kept(&told, Ended::Named), later);
        let heard = day::hear_with(calls, arrivals.iter().copied());
        let again = heard
            .iter()
            .filter(|event| conversation(event).is_some_and(|id| ended.contains(&id)));
        let again: Vec<_> = again.map(facts::of_event).collect();
        assert!(
            again.is_empty(),
            "seed {seed}: {} {:#?}",
            again.len(),
            &again[..again.len().min(8)]
        );
    }
}

/// What a read told late stands behind the end of the call, and may be all that was kept of its connection.
#[test]
fn a_hold_that_was_told_after_the_end_of_its_call_opens_nothing() {
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let told = hear(arrivals.iter().copied());
        let later = day::now(arrivals.last().unwrap().0);
        let mut part = kept(&told, Ended::Named);
        let ended: BTreeSet<String> = (part.iter())
            .filter(|event| event.kind == EventKind::CallTerminated)
            .filter_map(conversation)
            .collect();
        let holds = told.iter().filter(|event| {
            event.kind == EventKind::Held
                && conversation(event).is_some_and(|id| ended.contains(&id))
        });
        let before = part.len();
        part.extend(holds.cloned());
        assert!(part.len() > before, "seed {seed}");
        let mut calls = Calls::new(SNAPSHOT_CACHE);
        calls.handle_kept(&part, later);
        for read in &day.reads {
            calls.handle_analytics_details(&read.details, Source::Recovered, later);
            calls.handle_conversation_read(&read.rest, Source::Recovered, later.elapsed, later);
        }
        let again = std::iter::from_fn(|| calls.poll_event()).filter(|event| {
            conversation(event).is_some_and(|id| ended.contains(&id))
                && !matches!(event.kind, EventKind::Held | EventKind::Retrieved)
        });
        let again: Vec<_> = again.map(|event| facts::of_event(&event)).collect();
        assert!(again.is_empty(), "seed {seed}: {again:#?}");
    }
}

/// The platform does not know any more what was open: each connection is closed once, and the reason says why.
#[test]
fn what_the_platform_does_not_know_any_more_is_closed_once() {
    let day = Day::live(1);
    let arrivals = arrival::at_once(&day);
    let cut = arrivals.len() / 2;
    let mut both = hear(arrivals[..cut].iter().copied());
    let mut calls = Calls::new(SNAPSHOT_CACHE);
    let now = day::now(arrivals[cut].0);
    calls.handle_kept(&kept(&both, Ended::Whole), now);
    assert!(calls.open_connections() > 0);
    for live in calls.live_conversations() {
        for _ in 0..2 {
            calls.handle_gone(&live.id, now);
            let events: Vec<Event> = std::iter::from_fn(|| calls.poll_event()).collect();
            let clears = events.iter();
            let mut clears = clears.filter(|event| event.kind == EventKind::ConnectionCleared);
            assert!(clears.all(|event| event.source == Source::Synthetic
                && &*event.reason == "conversation.unknown"));
            both.extend(events);
        }
    }
    assert_eq!(
        (calls.open_connections(), calls.open_conversations()),
        (0, 0)
    );
    assert_eq!(clears(&both), [""; 0]);
    let mut ids = BTreeSet::new();
    let again = both.iter().filter(|event| !ids.insert(event.id));
    assert_eq!(again.count(), 0);
}
