//! A region's day, told to `calls` body by body without a socket: what comes out is what really happened, no more and no
//! less, and the same facts under the same ids whatever the order between topics.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gca_region::chance::Chance;
use gca_region::time::Time;
use gca_region::truth::{Act, Kind};
use gca_region::world::{Shown, World, WorldConfig};
use genesys_cloud_adapter::calls::{Calls, Heard};
use genesys_cloud_adapter::model::event::{Event, EventKind, Subject};
use genesys_cloud_adapter::model::frame::Notification;
use genesys_cloud_adapter::model::time::{Now, UtcMicros};

/// What a fact is about, and how it is called.
type Fact = (String, EventKind);

struct Day {
    shown: Vec<Shown>,
    /// How often each fact happened, and how often of these it was shown on some topic.
    facts: BTreeMap<Fact, (usize, usize)>,
    calls: u64,
}

/// Lives a region for some minutes.
fn live(seed: u64, minutes: i64) -> Day {
    let config = WorldConfig {
        users: 60,
        queues: 4,
        calls_per_minute: 120.0,
        seed,
        ..WorldConfig::default()
    };
    let end = Time(config.start.0 + minutes * 60_000);
    let mut world = World::new(config);
    let mut shown = Vec::new();
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        shown.extend(std::iter::from_fn(|| world.poll_shown()));
    }
    let mut facts: BTreeMap<Fact, (usize, usize)> = BTreeMap::new();
    for act in &world.truth().acts {
        if let Some(fact) = fact_of_act(act) {
            let (happened, was_shown) = facts.entry(fact).or_default();
            *happened += 1;
            *was_shown += usize::from(!act.topics.is_empty());
        }
    }
    Day {
        shown,
        facts,
        calls: world.truth().conversations,
    }
}

fn fact_of_act(act: &Act) -> Option<Fact> {
    let kind = match act.kind {
        Kind::Alerting => EventKind::Delivered,
        Kind::Dialing | Kind::Contacting => EventKind::Originated,
        Kind::Connected => EventKind::Established,
        Kind::Held => EventKind::Held,
        Kind::Retrieved => EventKind::Retrieved,
        Kind::Muted => EventKind::Muted,
        Kind::Unmuted => EventKind::Unmuted,
        Kind::Disconnected => EventKind::ConnectionCleared,
        Kind::ConversationEnded => EventKind::CallCleared,
        Kind::Presence => EventKind::AgentPresence,
        Kind::RoutingStatus => EventKind::AgentRoutingStatus,
        Kind::StationAssociated => EventKind::StationAssociated,
        Kind::StationLeft => EventKind::StationLeft,
        _ => return None,
    };
    let text = |id: &Option<gca_region::chance::Id>| {
        id.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let about = match kind {
        EventKind::AgentPresence
        | EventKind::AgentRoutingStatus
        | EventKind::StationAssociated
        | EventKind::StationLeft => text(&act.user),
        EventKind::CallCleared => text(&act.conversation),
        _ => format!("{} {}", text(&act.conversation), text(&act.participant)),
    };
    Some((about, kind))
}

fn fact_of_event(event: &Event) -> Fact {
    let about = match &event.subject {
        Subject::Agent { user, .. } => user.id.to_string(),
        Subject::Connection(facts) => match &facts.participant {
            Some(participant) => format!("{} {participant}", facts.conversation),
            None => facts.conversation.to_string(),
        },
        other => panic!("calls told {other:?}"),
    };
    (about, event.kind)
}

/// Tells a day's bodies in the given order.
fn hear<'a>(bodies: impl Iterator<Item = &'a Shown>) -> Vec<Event> {
    let mut calls = Calls::new(4 << 20);
    let mut events = Vec::new();
    for shown in bodies {
        let metadata = shown
            .metadata_action
            .map(|action| format!(r#"{{"CorrelationId":"c","action":"{action}"}}"#));
        let notification = Notification {
            topic: &shown.topic,
            body: &shown.body,
            metadata: metadata.as_deref(),
        };
        let now = Now {
            elapsed: Duration::from_millis(u64::try_from(shown.at.0).unwrap()),
            utc: UtcMicros(shown.at.0 * 1000 + 20_000),
        };
        let heard = calls.handle_notification(&notification, now);
        assert_ne!(heard, Heard::Unreadable, "{} {}", shown.topic, shown.body);
        events.extend(std::iter::from_fn(|| calls.poll_event()));
    }
    events
}

fn count(events: &[Event]) -> BTreeMap<Fact, usize> {
    let mut facts = BTreeMap::new();
    for event in events {
        *facts.entry(fact_of_event(event)).or_default() += 1;
    }
    facts
}

/// Everything that was shown must be told; what happened and was not shown may be, if a later body still says it
/// (`initialState` tells that a leg rang).
fn differences(day: &Day, told: &BTreeMap<Fact, usize>) -> Vec<String> {
    let facts: BTreeSet<&Fact> = day.facts.keys().chain(told.keys()).collect();
    let mut wrong = Vec::new();
    for fact in facts {
        let (happened, shown) = day.facts.get(fact).copied().unwrap_or_default();
        let told = told.get(fact).copied().unwrap_or_default();
        if told < shown || told > happened {
            wrong.push(format!(
                "{:?} of {}: happened {happened}, shown {shown}, told {told}",
                fact.1, fact.0
            ));
        }
    }
    wrong
}

fn ids(events: &[Event]) -> BTreeSet<u128> {
    let ids: BTreeSet<u128> = events.iter().map(|event| event.id.0).collect();
    assert_eq!(ids.len(), events.len(), "an id was told twice");
    ids
}

#[test]
fn what_is_told_is_what_happened() {
    for seed in [7, 8] {
        let day = live(seed, 4);
        assert!(day.calls > 300, "{} calls", day.calls);
        let events = hear(day.shown.iter());
        let wrong = differences(&day, &count(&events));
        assert!(
            wrong.is_empty(),
            "seed {seed}, {} differences: {:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(20)]
        );
        ids(&events);
    }
}

#[test]
fn repetition_changes_nothing() {
    let day = live(9, 2);
    let once = hear(day.shown.iter());
    let twice = hear(day.shown.iter().flat_map(|shown| [shown, shown]));
    assert_eq!(ids(&once), ids(&twice));
}

/// Each topic in its order, but some late: what is told, and under which ids, is the same.
#[test]
fn the_order_between_topics_changes_nothing() {
    let day = live(10, 2);
    let expected = ids(&hear(day.shown.iter()));
    for seed in 1..6 {
        let mut chance = Chance::new(seed, "arrival");
        let mut last = BTreeMap::new();
        let mut order: Vec<(i64, usize)> = Vec::new();
        for (index, shown) in day.shown.iter().enumerate() {
            let arrival = shown.at.0 + i64::try_from(chance.below(150)).unwrap();
            let arrival = arrival.max(last.get(&shown.topic).copied().unwrap_or(0));
            last.insert(shown.topic.clone(), arrival);
            order.push((arrival, index));
        }
        order.sort_by_key(|(arrival, index)| (*arrival, *index));
        let events = hear(order.iter().map(|(_, index)| &day.shown[*index]));
        let told = ids(&events);
        let wrong = differences(&day, &count(&events));
        assert_eq!(
            told,
            expected,
            "seed {seed}: {:#?}",
            &wrong[..wrong.len().min(20)]
        );
    }
}

/// Nested bodies alone and flat bodies alone tell the same facts: neither shape hides a step from this version.
#[test]
fn each_shape_alone_tells_the_same_facts() {
    let day = live(11, 2);
    let is_flat = |shown: &&Shown| shown.topic.ends_with(".calls");
    let is_nested = |shown: &&Shown| shown.topic.ends_with(".conversations");
    let nested = count(&hear(day.shown.iter().filter(is_nested)));
    let flat = count(&hear(day.shown.iter().filter(is_flat)));
    assert!(nested.len() > 500);
    assert_eq!(nested, flat);
}

/// Who called and who was called, as each shape alone tells it last of each party.
#[test]
fn both_shapes_tell_the_same_caller_and_called() {
    let day = live(12, 2);
    let parties = |form: &str| {
        let events = hear(day.shown.iter().filter(|shown| shown.topic.ends_with(form)));
        let mut parties = BTreeMap::new();
        for event in &events {
            if let Subject::Connection(facts) = &event.subject
                && let Some(participant) = &facts.participant
            {
                parties.insert(
                    (facts.conversation.to_string(), participant.to_string()),
                    (
                        facts.purpose.clone(),
                        facts.direction,
                        facts.ani.clone(),
                        facts.dnis.clone(),
                    ),
                );
            }
        }
        parties
    };
    let (nested, flat) = (parties(".conversations"), parties(".calls"));
    let kinds: BTreeSet<_> = (nested.values())
        .map(|(purpose, direction, ..)| format!("{purpose} {direction:?}"))
        .collect();
    for kind in [
        "customer Inbound",
        "agent Inbound",
        "agent Outbound",
        "external Outbound",
    ] {
        assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
    }
    let differ: Vec<_> = (nested.iter())
        .filter(|(party, told)| flat.get(*party) != Some(told))
        .map(|(party, told)| (told, flat.get(party)))
        .collect();
    assert!(
        differ.is_empty(),
        "{} of {}: {:#?}",
        differ.len(),
        nested.len(),
        &differ[..differ.len().min(6)]
    );
}
