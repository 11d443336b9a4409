//! A whole adapter against a region on a port that cuts its connections while calls begin, are held and end: afterwards
//! everything that the region's REST answers can tell has been told as recovered, under the ids of a twin that was never
//! cut, and the gap stands closed in feed, status and ledger file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;
mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use day::{arrival, facts};
use gca_region::fault::Fault;
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::{Shown, WorldConfig};
use genesys_cloud_adapter::adapter::{Adapter, Stopped};
use genesys_cloud_adapter::delivery::Host;
use genesys_cloud_adapter::model::event::{Event, EventKind, Source, Subject};
use recording::{PATIENCE, Recorder, Seen, clear_faults, fault};
use serde_json::{Value, json};

/// What both kinds of answer still tell of a call when it is over.
const READABLE: [EventKind; 7] = [
    EventKind::CallCreated,
    EventKind::Queued,
    EventKind::FlowEntered,
    EventKind::Established,
    EventKind::Held,
    EventKind::ConnectionCleared,
    EventKind::CallCleared,
];

/// Acts of each kind.
fn acts(region: &Running) -> BTreeMap<String, usize> {
    let truth = region.with_region(|region, _| region.truth());
    let mut acts = BTreeMap::new();
    for act in truth["acts"].as_array().unwrap() {
        let kind = act["kind"].as_str().unwrap();
        *acts.entry(kind.to_owned()).or_default() += 1;
    }
    acts
}

fn count(acts: &BTreeMap<String, usize>, kind: &str) -> usize {
    acts.get(kind).copied().unwrap_or_default()
}

fn of_calls(events: &[Event]) -> BTreeMap<u128, &Event> {
    let of_calls = |event: &&Event| matches!(event.subject, Subject::Connection(_));
    let exact = events
        .iter()
        .filter(of_calls)
        .filter(|event| event.id_exact);
    exact.map(|event| (event.id.0, event)).collect()
}

fn is_of_the_same_leg(one: &Event, other: &Event) -> bool {
    match (&one.subject, &other.subject) {
        (Subject::Connection(one), Subject::Connection(other)) => {
            (&one.conversation, &one.participant) == (&other.conversation, &other.participant)
        }
        _ => false,
    }
}

#[test]
fn what_happened_in_a_gap_is_told_afterwards_as_a_twin_told_it_and_the_ledger_says_so() {
    let world = WorldConfig {
        users: 24,
        queues: 3,
        calls_per_minute: 0.0,
        minutes_per_presence: 6.0,
        seed: 5,
        ..WorldConfig::default()
    };
    let region = serve(FrontConfig::new(RegionConfig::new(world))).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("gaps.jsonl");
    let settings = json!({"AdapterName": "recovery", "DataSource": "Genesys", "ClientId": region.client_id,
        "ClientSecret": region.client_secret, "RegionHost": region.base_url, "AdvancedSettings": {
            "LogLevel": "debug", "RequestsPerMinute": 300, "GapLedgerFile": ledger.to_str().unwrap()}});
    let recorder = Arc::new(Recorder::default());
    let mut adapter = Adapter::new(Arc::clone(&recorder) as Arc<dyn Host>);
    adapter.read_gaps_again_after(Duration::from_secs(2));
    adapter.configure(&settings.to_string()).unwrap();
    adapter.start().unwrap();
    let closed = |seen: &Seen| seen.of(EventKind::GapClosed).count();
    recorder.wait("the end of the first gap", |seen| closed(seen) == 1);

    // Half of the stories begin while all is well, the other half while nothing is heard.
    let names: Vec<&'static str> = region.with_region(|region, _| {
        region.record();
        region
            .world()
            .scripts()
            .iter()
            .map(|script| script.name)
            .collect()
    });
    let play = |names: &[&str]| {
        for name in names {
            region
                .with_region(|region, now| region.play(name, now))
                .unwrap();
        }
    };
    let (before, within) = names.split_at(names.len() / 2);
    play(before);
    recorder.wait("calls that are established", |seen| {
        seen.of(EventKind::Established).count() >= 10
    });
    fault(&region, Fault::RefuseConnects { status: 503 });
    fault(
        &region,
        Fault::CutSockets {
            share: 1.0,
            every_s: None,
            close_code: None,
        },
    );
    let cut = acts(&region);
    play(within);
    recorder.wait("calls that begin, are held and end unheard", |_| {
        let now = acts(&region);
        let more = |kind: &str| count(&now, kind) - count(&cut, kind);
        more("held") >= 2 && more("conversation_ended") >= 3 && more("connected") >= 10
    });
    clear_faults(&region);
    recorder.wait("the end of the second gap", |seen| closed(seen) == 2);
    // Stories that end do so with what analytics and topics tell.
    recorder.wait("the end of all calls", |seen| {
        let ended = seen.of(EventKind::CallCleared).count();
        ended >= seen.of(EventKind::CallCreated).count()
            && count(&acts(&region), "conversation_ended") >= names.len()
    });
    let status: Value = serde_json::from_str(&adapter.status()).unwrap();
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);

    let shown: Vec<Shown> =
        region.with_region(|region, _| std::iter::from_fn(|| region.poll_recorded()).collect());
    let shown = shown
        .iter()
        .filter(|shown| arrival::is_followed(&shown.topic));
    let twin = day::hear(shown.map(|shown| (shown.at, shown)));
    let seen = recorder.seen();
    let (own, twins) = (of_calls(&seen.events), of_calls(&twin));
    let mut wrong = Vec::new();
    for event in twins
        .values()
        .filter(|event| READABLE.contains(&event.kind))
    {
        if !own.contains_key(&event.id.0) {
            let told = (seen.events.iter())
                .filter(|told| is_of_the_same_leg(told, event))
                .map(|told| {
                    (
                        told.kind.name(),
                        told.source,
                        told.platform_time,
                        told.received,
                    )
                })
                .collect::<Vec<_>>();
            wrong.push(format!(
                "{} of {:?} was not told; of its leg were: {told:#?}",
                event.kind.name(),
                event.platform_time
            ));
        }
    }
    let known: BTreeSet<facts::Fact> = twins.values().map(|event| facts::of_event(event)).collect();
    for event in own
        .values()
        .filter(|event| !twins.contains_key(&event.id.0))
    {
        // What only reads tell has no twin.
        if known.contains(&facts::of_event(event)) {
            wrong.push(format!("{} has another id: {event:?}", event.kind.name()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} defects: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(10)]
    );
    let recovered = |kind: EventKind| {
        let of_kind = seen.of(kind);
        of_kind
            .filter(|event| event.source == Source::Recovered)
            .count()
    };
    for kind in [
        EventKind::CallCreated,
        EventKind::Established,
        EventKind::ConnectionCleared,
    ] {
        assert!(recovered(kind) > 0, "no {} was recovered", kind.name());
    }

    // The gap, in the feed, in the status and in the file.
    let gap = seen.of(EventKind::GapClosed).nth(1).unwrap();
    let Subject::Gap(gap) = &gap.subject else {
        panic!("{gap:?}");
    };
    assert_eq!((gap.users.len(), gap.queues.len()), (24, 3));
    assert!(gap.recovered_events() >= 20, "{gap:?}");
    let length = gap.length_us(gap.to.unwrap());
    assert!(length > 5_000_000, "the overlap is part of it: {length}");
    assert_eq!(status["gaps"]["open"], 0, "{}", status["gaps"]);
    let told = &status["gaps"]["last"][0];
    assert_eq!(
        (&told["gap"], &told["state"]),
        (&json!(gap.id.0), &json!("closed"))
    );
    assert_eq!(
        told["recovered"]["established"],
        json!(gap.recovered[&EventKind::Established])
    );
    let lines: Vec<Value> = (std::fs::read_to_string(&ledger).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let words: Vec<_> = (lines.iter())
        .map(|line| {
            (
                line["gap"].as_u64().unwrap(),
                line["line"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [1, 2].map(|gap| [(gap, "opened"), (gap, "ended"), (gap, "closed")]);
    assert_eq!(words, expected.concat());
    assert_eq!(lines[5]["recovered_events"], json!(gap.recovered_events()));
    assert_eq!(lines[3]["users"].as_array().unwrap().len(), 24);
    for line in &lines {
        assert!(!line.to_string().contains(&region.client_secret));
    }
}
