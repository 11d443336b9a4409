//! What no notification told is told from the platform's answers to reads, under the same ids; and what a read proves to
//! have ended is closed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use day::{Day, Reads, arrival, facts, hear, life};
use gca_region::chance::Chance;
use genesys_cloud_adapter::calls::{Calls, Heard};
use genesys_cloud_adapter::model::event::{ConnectionState, Event, EventKind, Source, Subject};
use genesys_cloud_adapter::model::order::SocketId;
use genesys_cloud_adapter::model::time::{Now, UtcMicros};

/// Long after the day.
const LATER: Now = Now {
    elapsed: Duration::from_secs(2_000_000_000),
    utc: UtcMicros(1_795_400_000_000_000),
};

/// Acts that both kinds of answer still tell when all is over.
const READABLE: &[&str] = &[
    "connected",
    "disconnected",
    "held",
    "queued",
    "conversation_ended",
    "conversation_started",
    "flow_entered",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Rest,
    Details,
}

fn read(calls: &mut Calls, read: &Reads, from: From, source: Source) -> Vec<Event> {
    let heard = match from {
        From::Rest => calls.handle_conversation_read(&read.rest, source, LATER.elapsed, LATER),
        From::Details => calls.handle_analytics_details(&read.details, source, LATER),
    };
    assert_eq!(heard, Heard::Read, "{}", read.conversation);
    std::iter::from_fn(|| calls.poll_event()).collect()
}

fn exact(events: &[Event]) -> BTreeMap<u128, facts::Fact> {
    (events.iter().filter(|event| event.id_exact))
        .map(|event| (event.id.0, facts::of_event(event)))
        .collect()
}

/// Exact ids that are told in both ways are ids of the same fact; a fact that both tell has one id.
fn same_ids(live: &[Event], recovered: &[Event]) -> Vec<String> {
    let (live, recovered) = (exact(live), exact(recovered));
    let by_fact: BTreeMap<&facts::Fact, BTreeSet<u128>> =
        live.iter().fold(BTreeMap::new(), |mut all, (id, fact)| {
            all.entry(fact).or_insert_with(BTreeSet::new).insert(*id);
            all
        });
    (recovered.iter())
        .filter(|(id, _)| !live.contains_key(id))
        .filter(|(_, fact)| by_fact.contains_key(fact))
        .map(|(_, fact)| format!("{} of {} has another id when it is read", fact.1, fact.0))
        .collect()
}

fn whole_day(from: From) {
    for seed in 1..=2 {
        let day = Day::live(seed);
        let live = hear(arrival::at_once(&day));
        let mut calls = Calls::new(1 << 20);
        let mut told = Vec::new();
        for one in &day.reads {
            let events = read(&mut calls, one, from, Source::Recovered);
            assert!(events.iter().all(|event| event.source == Source::Recovered));
            told.extend(events);
        }
        assert_eq!(calls.open_connections(), 0);
        assert_eq!(calls.open_conversations(), 0);
        let mut wrong = same_ids(&live, &told);
        let only_exact: Vec<Event> = told.iter().filter(|e| e.id_exact).cloned().collect();
        let happened: BTreeMap<_, _> = (facts::of_day(&day).into_iter())
            .filter(|((_, kind), _)| facts::is_exact(kind))
            .collect();
        wrong.extend(facts::differences(
            &happened,
            &facts::told(&only_exact),
            |once| READABLE.contains(&facts::word(once.act).as_str()),
        ));
        wrong.extend(life::defects(&told, life::Heard::OldOnesToo));
        assert!(
            wrong.is_empty(),
            "{from:?}, seed {seed}, {} defects: {:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(25)]
        );
    }
}

#[test]
fn a_day_is_told_from_conversations_read_afterwards() {
    whole_day(From::Rest);
}

#[test]
fn a_day_is_told_from_analytics_details_read_afterwards() {
    whole_day(From::Details);
}

/// From some moment on nothing is heard any more. What is still open then is read, from either kind of answer: everything
/// is closed, and what both tell has the same id.
#[test]
fn what_ended_unheard_is_closed() {
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let live = hear(arrivals.iter().copied());
        let mut chance = Chance::new(seed, "what_ended_unheard_is_closed");
        for round in 0..4 {
            let heard = chance.below(arrivals.len());
            let from = if round % 2 == 0 {
                From::Rest
            } else {
                From::Details
            };
            let mut calls = Calls::new(1 << 20);
            let mut events = Vec::new();
            for (at, shown) in &arrivals[..heard] {
                day::tell(&mut calls, shown, *at);
                events.extend(std::iter::from_fn(|| calls.poll_event()));
            }
            let quiet = calls.quiet_conversations(Duration::from_secs(60), LATER);
            assert_eq!(quiet.len(), calls.open_conversations());
            for id in quiet {
                let reads = day
                    .reads
                    .iter()
                    .find(|read| read.conversation == id.as_str());
                events.extend(read(&mut calls, reads.unwrap(), from, Source::Recovered));
            }
            assert_eq!(
                calls.open_connections(),
                0,
                "seed {seed}, {heard} heard, {from:?}"
            );
            assert_eq!(
                calls.open_conversations(),
                0,
                "seed {seed}, {heard} heard, {from:?}"
            );
            let mut wrong = same_ids(&live, &events);
            wrong.extend(life::defects(&events, life::Heard::OldOnesToo));
            let how = format!("seed {seed}, {heard} heard, {from:?}");
            assert!(
                wrong.is_empty(),
                "{how}: {:#?}",
                &wrong[..wrong.len().min(15)]
            );
        }
    }
}

/// Bodies of some time are lost, the others come, and what was lost is read when all is over: once conversations were
/// let go of, or before. Every hold is told, under its one id, and once.
#[test]
fn holds_of_a_gap_are_told_even_if_it_is_read_when_all_is_over() {
    let holds = |events: &[Event]| -> BTreeMap<u128, facts::Fact> {
        let kinds = [EventKind::Held, EventKind::Retrieved];
        let holds = events.iter().filter(|event| kinds.contains(&event.kind));
        holds
            .map(|event| (event.id.0, facts::of_event(event)))
            .collect()
    };
    for seed in 1..=3 {
        let day = Day::live(seed);
        let arrivals = arrival::at_once(&day);
        let whole = holds(&hear(arrivals.iter().copied()));
        let (users, queues) = day.subjects();
        let mut chance = Chance::new(seed, "holds_of_a_gap");
        let mut late = 0;
        for round in 0..8 {
            let from = chance.below(arrivals.len());
            let to = (from + chance.below(2000)).min(arrivals.len());
            let mut calls = Calls::new(1 << 20);
            let mut events = Vec::new();
            let mut now = day::now(arrivals[0].0);
            for (index, (at, shown)) in arrivals.iter().enumerate() {
                now = day::now(*at);
                if index == from {
                    calls.handle_interruption(SocketId(1), &users, &queues, now);
                }
                if !(from..to).contains(&index) {
                    day::tell(&mut calls, shown, *at);
                }
                events.extend(std::iter::from_fn(|| calls.poll_event()));
            }
            if round % 2 == 1 {
                now.elapsed += Duration::from_secs(3600);
                calls.handle_timeout(now);
            }
            let live = holds(&events).len();
            for answer in [From::Details, From::Rest, From::Details] {
                for one in &day.reads {
                    match answer {
                        From::Rest => calls.handle_conversation_read(
                            &one.rest,
                            Source::Recovered,
                            now.elapsed,
                            now,
                        ),
                        From::Details => {
                            calls.handle_analytics_details(&one.details, Source::Recovered, now)
                        }
                    };
                    events.extend(std::iter::from_fn(|| calls.poll_event()));
                }
            }
            let told = holds(&events);
            late += told.len() - live;
            let how = format!("seed {seed}, bodies {from} to {to} lost, round {round}");
            let missing = whole.iter().filter(|(id, _)| !told.contains_key(id));
            let mut wrong: Vec<String> = missing
                .map(|(_, fact)| format!("{} of {} was not told", fact.1, fact.0))
                .collect();
            let beyond = told.iter().filter(|(id, _)| !whole.contains_key(id));
            wrong.extend(beyond.map(|(_, fact)| format!("{} of {} was invented", fact.1, fact.0)));
            wrong.extend(life::defects(&events, life::Heard::OldOnesToo));
            assert!(
                wrong.is_empty(),
                "{how}: {:#?}",
                &wrong[..wrong.len().min(15)]
            );
        }
        assert!(late > 20, "hardly any was lost: {late}");
    }
}

/// An answer that says that the conversation has ended and shows no end of a leg.
#[test]
fn a_proof_closes_what_nothing_else_shows_to_be_over() {
    let mut calls = Calls::new(1 << 20);
    let topic = "v2.users.ann.conversations";
    let body = r#"{"id":"c1","participants":[{"id":"p1","purpose":"customer","calls":[{"id":"l1","state":"connected",
        "connectedTime":"2026-11-22T10:00:01.000Z"}]},{"id":"p2","purpose":"agent","userId":"ann","calls":[{"id":"l2",
        "state":"connected","connectedTime":"2026-11-22T10:00:05.000Z","recordingState":"paused","securePause":true}]}]}"#;
    let notification = genesys_cloud_adapter::model::frame::Notification {
        topic,
        body,
        metadata: None,
    };
    assert_eq!(
        calls.handle_notification(SocketId(1), &notification, LATER),
        Heard::Read
    );
    while calls.poll_event().is_some() {}
    let details =
        r#"{"conversationId":"c1","conversationEnd":"2026-11-22T10:09:00.000Z","participants":[]}"#;
    assert_eq!(
        calls.handle_analytics_details(details, Source::Recovered, LATER),
        Heard::Read
    );
    let events: Vec<Event> = std::iter::from_fn(|| calls.poll_event()).collect();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::ConnectionCleared,
            EventKind::RecordingResumed,
            EventKind::ConnectionCleared,
            EventKind::CallCleared,
            EventKind::CallTerminated,
        ]
    );
    let ended = UtcMicros::from_iso("2026-11-22T10:09:00.000Z");
    for event in &events {
        assert_eq!(event.source, Source::Synthetic, "{:?}", event.kind);
        if event.kind != EventKind::CallTerminated {
            assert_eq!(event.platform_time, ended, "{:?}", event.kind);
        }
        if event.kind == EventKind::ConnectionCleared {
            assert_eq!(&*event.reason, "analytics.conversationEnd");
            assert_eq!(event.state, ConnectionState::Null);
            assert!(event.id_exact);
        }
        assert!(matches!(event.subject, Subject::Connection(_)));
    }
    // The notification that comes after all changes nothing.
    let late = body.replace(r#""state":"connected","#, r#""state":"terminated","#);
    let late = genesys_cloud_adapter::model::frame::Notification {
        topic,
        body: &late,
        metadata: None,
    };
    calls.handle_notification(SocketId(1), &late, LATER);
    assert!(calls.poll_event().is_none());
}

/// Whatever a proof ends is told as concluded, and by what: the wait in a queue, a message, a consult too.
#[test]
fn everything_that_a_proof_ends_names_it() {
    let mut calls = Calls::new(1 << 20);
    let body = r#"{"id":"c1","participants":[
        {"id":"p1","purpose":"acd","queueId":"q","calls":[{"id":"l1","state":"connected","connectedTime":"2026-11-22T10:00:01.000Z"}]},
        {"id":"p2","purpose":"voicemail","calls":[{"id":"l2","state":"connected","connectedTime":"2026-11-22T10:00:02.000Z"}]},
        {"id":"p3","purpose":"agent","userId":"ann","consultParticipantId":"p4","calls":[{"id":"l3","state":"connected","connectedTime":"2026-11-22T10:00:03.000Z"}]},
        {"id":"p4","purpose":"user","userId":"bob","calls":[{"id":"l4","state":"alerting"}]}]}"#;
    let notification = genesys_cloud_adapter::model::frame::Notification {
        topic: "v2.users.ann.conversations",
        body,
        metadata: None,
    };
    assert_eq!(
        calls.handle_notification(SocketId(1), &notification, LATER),
        Heard::Read
    );
    while calls.poll_event().is_some() {}
    let details =
        r#"{"conversationId":"c1","conversationEnd":"2026-11-22T10:09:00.000Z","participants":[]}"#;
    calls.handle_analytics_details(details, Source::Recovered, LATER);
    let events: Vec<Event> = std::iter::from_fn(|| calls.poll_event()).collect();
    let of = |kind: EventKind| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(of(EventKind::Dequeued), 1);
    assert_eq!(of(EventKind::VoicemailDeposited), 1);
    assert_eq!(of(EventKind::ConsultCancelled), 1);
    assert_eq!(of(EventKind::ConnectionCleared), 4);
    for event in &events {
        assert_eq!(event.source, Source::Synthetic, "{:?}", event.kind);
        assert_eq!(
            &*event.reason, "analytics.conversationEnd",
            "{:?}",
            event.kind
        );
    }
    let place = |kind| events.iter().position(|event| event.kind == kind);
    assert!(place(EventKind::ConsultCancelled) < place(EventKind::CallCleared));
}
