//! What `calls` promises, whatever the day and whatever way its bodies take: days of the region, with every script of
//! the repertoire and as many stories that nobody wrote, are told body by body without a socket.
//!
//! `GCA_SEED=n` lives the day of that seed alone: a failure says which. `GCA_DAYS=n` lives more days than usual.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use day::arrival::{self, Form, form};
use day::succession::{self, Succession};
use day::{Day, facts, hear, hear_with, life};
use gca_region::chance::Chance;
use gca_region::script::Step;
use gca_region::time::Millis;
use gca_region::world::Shown;
use genesys_cloud_adapter::calls::{Calls, Novelty};
use genesys_cloud_adapter::model::event::{
    Cause, ConnectionState, Detail, Event, EventKind, IdClass, Source, Subject,
};
use genesys_cloud_adapter::model::order::SocketId;
use genesys_cloud_adapter::model::time::{Now, UtcMicros};
use serde_json::Value;

/// How many days there are, if `GCA_DAYS` does not say so.
const DAYS: u64 = 4;

/// How late a body may come after another topic's of the same moment: as networks are, and as long as calls of these days
/// often are altogether.
const LATE: [Millis; 2] = [Millis(150), Millis(2_000)];

fn days() -> &'static [Day] {
    static LIVED: OnceLock<Vec<Day>> = OnceLock::new();
    LIVED.get_or_init(|| {
        let number = |name| -> Option<u64> {
            let text = std::env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
        };
        let seeds = match number("GCA_SEED") {
            Some(seed) => seed..=seed,
            None => 1..=number("GCA_DAYS").unwrap_or(DAYS),
        };
        seeds.map(Day::live).collect()
    })
}

/// Enough days for what hardly depends on the day.
fn few() -> &'static [Day] {
    &days()[..days().len().min(2)]
}

/// Holds a promise against every day. What is wrong names legs by conversation and participant; the story of the first
/// is told with it.
fn promise(name: &str, broken: impl Fn(&Day, &mut Chance) -> Vec<String>) {
    promise_of(name, days(), broken);
}

fn promise_of(name: &str, days: &[Day], broken: impl Fn(&Day, &mut Chance) -> Vec<String>) {
    for day in days {
        let mut chance = Chance::new(day.seed, name);
        let wrong = broken(day, &mut chance);
        if wrong.is_empty() {
            continue;
        }
        let story = (day.acts.iter())
            .find(|act| {
                act.conversation
                    .is_some_and(|id| wrong[0].contains(&id.to_string()))
            })
            .and_then(|act| day.stories.get(act.script?));
        panic!(
            "the day of seed {} breaks the promise; repeat it with GCA_SEED={} cargo test --test \
             calls_hold_their_promises {name}\n{} defects:\n  {}\nthe story of the first: {}",
            day.seed,
            day.seed,
            wrong.len(),
            wrong[..wrong.len().min(20)].join("\n  "),
            story.map_or_else(String::new, |story| format!(
                "{} {:?}",
                story.name, story.steps
            )),
        );
    }
}

/// The ids of events; those of kinds that the platform dates or that happen once, and the others.
fn ids_by_class(events: &[Event]) -> [BTreeMap<u128, facts::Fact>; 2] {
    [true, false].map(|exact| {
        let events = events.iter().filter(|event| event.id_exact == exact);
        events
            .map(|event| (event.id.0, facts::of_event(event)))
            .collect()
    })
}

fn compare(
    expected: &BTreeMap<u128, facts::Fact>,
    told: &BTreeMap<u128, facts::Fact>,
    how: &str,
) -> Vec<String> {
    let missing = expected.iter().filter(|(id, _)| !told.contains_key(id));
    let missing = missing.map(|(_, fact)| format!("{} of {} {how}: not told", fact.1, fact.0));
    missing.chain(beyond(expected, told, how)).collect()
}

fn beyond(
    expected: &BTreeMap<u128, facts::Fact>,
    told: &BTreeMap<u128, facts::Fact>,
    how: &str,
) -> Vec<String> {
    let more = told.iter().filter(|(id, _)| !expected.contains_key(id));
    more.map(|(_, fact)| {
        format!(
            "{} of {} {how}: an id that the whole day does not have",
            fact.1, fact.0
        )
    })
    .collect()
}

fn is_shown(once: &facts::Happened<'_>) -> bool {
    once.was_shown_by(|_| true)
}

/// Each fact once, and at its time; each leg and call lives in order and is over at the end (invariants 1 to 6).
#[test]
fn what_is_told_is_what_happened() {
    promise("what_is_told_is_what_happened", |day, _| {
        let events = hear(arrival::at_once(day));
        let (happened, told) = (facts::of_day(day), facts::told(&events));
        let mut wrong = facts::differences(&happened, &told, is_shown);
        wrong.extend(facts::contradictions(&happened, &told));
        wrong.extend(life::defects(&events, life::Heard::All));
        wrong
    });
}

/// Invariant 7.
#[test]
fn repetition_changes_nothing() {
    promise("repetition_changes_nothing", |day, chance| {
        let arrivals = arrival::at_once(day);
        let once = hear(arrivals.iter().copied());
        let mut wrong = Vec::new();
        for share in [0.2, 1.0] {
            let again = hear(arrival::twice(&arrivals, share, chance));
            let differ = once.iter().zip(&again).find(|(once, again)| once != again);
            if once.len() != again.len() || differ.is_some() {
                wrong.push(format!("with {share} of the bodies twice: {differ:#?}"));
            }
        }
        wrong
    });
}

/// While one channel takes over from another, every body comes on both. A body of the second that comes behind the next
/// one of the first is an old body: of what the platform neither dates nor counts, nothing is promised.
#[test]
fn a_second_channel_changes_nothing() {
    promise("a_second_channel_changes_nothing", |day, chance| {
        let arrivals = arrival::at_once(day);
        let once = ids_by_class(&hear(arrivals.iter().copied()));
        let mut wrong = Vec::new();
        for late in [Millis(20), Millis(400)] {
            let events = hear(arrival::on_two_channels(&arrivals, late, chance));
            let told = ids_by_class(&events);
            wrong.extend(compare(&once[0], &told[0], "on two channels"));
            wrong.extend(life::defects(&events, life::Heard::OldOnesToo));
        }
        wrong
    });
}

/// Connections take over from connections all day, each at its own pace: what is told is what one would have told, of
/// what nobody dates nor counts too. The one before is left when both have shown the same, or dies in the overlap.
#[test]
fn successions_change_nothing() {
    promise("successions_change_nothing", |day, chance| {
        let once = ids_by_class(&hear(arrival::at_once(day)));
        let mut wrong = Vec::new();
        for late in [Millis(0), Millis(20), Millis(400), Millis(4_000)] {
            for dies in [false, true] {
                let successions = Succession::some(day, late, dies, chance);
                let events = succession::hear(day, &successions, late, chance);
                let told = ids_by_class(&events);
                let how = format!("by {successions:?}, {} ms late", late.0);
                wrong.extend(compare(&once[0], &told[0], &how));
                wrong.extend(compare(&once[1], &told[1], &how));
                let twice = events.len() - told[0].len() - told[1].len();
                if twice > 0 {
                    wrong.push(format!("{twice} events told again {how}"));
                }
                wrong.extend(life::defects(&events, life::Heard::All));
            }
        }
        wrong
    });
}

/// How much room there is for last snapshots decides how fast bodies are read, not what is told.
#[test]
fn the_room_for_snapshots_changes_nothing() {
    promise_of("the_room_for_snapshots_changes_nothing", few(), |day, _| {
        let arrivals = arrival::at_once(day);
        let plenty = hear_with(Calls::new(usize::MAX), arrivals.iter().copied());
        let mut wrong = Vec::new();
        for room in [0, 60_000] {
            let told = hear_with(Calls::new(room), arrivals.iter().copied());
            if told != plenty {
                wrong.push(format!(
                    "with {room} bytes, {} and {} events",
                    told.len(),
                    plenty.len()
                ));
            }
        }
        wrong
    });
}

/// Invariant 8: each topic in its order, but some late. Where bodies are so late that another topic has shown the end of
/// a leg before this one shows its hold, the hold cannot be told any more; and whoever comes that late to a mute cannot
/// be placed. What happens once is told all the same, and nothing that the platform dates gets another id.
#[test]
fn the_order_between_topics_changes_nothing() {
    promise("the_order_between_topics_changes_nothing", |day, chance| {
        let whole = hear(arrival::at_once(day));
        let expected = ids_by_class(&whole);
        let once = ids_by_class(&once_only(&whole));
        let happened = facts::of_day(day);
        let mut wrong = Vec::new();
        for (late, share) in LATE.into_iter().flat_map(|late| [(late, 0.0), (late, 0.2)]) {
            let arrivals = arrival::each_topic_in_order(day, late, chance);
            let events = hear(arrival::twice(&arrivals, share, chance));
            let told = ids_by_class(&events);
            let how = format!("up to {} ms late", late.0);
            if late == LATE[0] {
                wrong.extend(compare(&expected[0], &told[0], &how));
                wrong.extend(compare(&expected[1], &told[1], &how));
                wrong.extend(facts::differences(
                    &happened,
                    &facts::told(&events),
                    is_shown,
                ));
                wrong.extend(life::defects(&events, life::Heard::Late));
            } else {
                wrong.extend(beyond(&expected[0], &told[0], &how));
                let told = ids_by_class(&once_only(&events));
                wrong.extend(compare(&once[0], &told[0], &how));
                wrong.extend(life::defects(&events, life::Heard::OldOnesToo));
            }
        }
        wrong
    });
}

/// Those of kinds that happen once.
fn once_only(events: &[Event]) -> Vec<Event> {
    let once = |event: &&Event| event.kind.id_class() == IdClass::Once;
    events.iter().filter(once).cloned().collect()
}

/// Invariant 9: an old body changes nothing that the platform dates or that happens once; one that can be seen to be old,
/// since a participant is missing from it, changes nothing at all.
#[test]
fn an_old_body_changes_nothing() {
    promise("an_old_body_changes_nothing", |day, chance| {
        let expected = ids_by_class(&hear(arrival::at_once(day)));
        let mut wrong = Vec::new();
        for late in [Millis(0), LATE[0]] {
            let arrivals = arrival::each_topic_in_order(day, late, chance);
            let events = hear(arrival::with_stale(&arrivals, 0.2, |_, _| true, chance));
            wrong.extend(compare(
                &expected[0],
                &ids_by_class(&events)[0],
                "with old bodies",
            ));
            wrong.extend(life::defects(&events, life::Heard::OldOnesToo));
            let is_visible = |old: &Shown, now: &Shown| parties(old) < parties(now);
            let events = hear(arrival::with_stale(&arrivals, 0.5, is_visible, chance));
            let told = ids_by_class(&events);
            for class in 0..2 {
                wrong.extend(compare(
                    &expected[class],
                    &told[class],
                    "with visibly old bodies",
                ));
            }
            wrong.extend(life::defects(&events, life::Heard::Late));
        }
        wrong
    });
}

/// Of how many participants a body tells.
fn parties(shown: &Shown) -> usize {
    shown.body.matches(r#""purpose":"#).count()
}

/// Of bodies that overtake each other within a topic, what happens once is told once, and what the platform dates is
/// told under its one id or not at all.
#[test]
fn overtaking_invents_nothing() {
    promise("overtaking_invents_nothing", |day, chance| {
        let expected = ids_by_class(&hear(arrival::at_once(day)));
        let mut wrong = Vec::new();
        for late in [Millis(30), Millis(2_000)] {
            let events = hear(arrival::in_no_order(day, late, chance));
            let told = ids_by_class(&events);
            wrong.extend(beyond(&expected[0], &told[0], "overtaken"));
            wrong.extend(life::defects(&events, life::Heard::OldOnesToo));
        }
        wrong
    });
}

/// Calls in progress at the start: the first bodies of all topics are lost. What is told happened, under the ids of the
/// whole day; what the rest shows is told.
#[test]
fn a_late_start_tells_the_same_facts() {
    promise("a_late_start_tells_the_same_facts", |day, chance| {
        let whole = ids_by_class(&hear(arrival::at_once(day)));
        let happened = facts::of_day(day);
        let mut wrong = Vec::new();
        for _ in 0..3 {
            let lost = chance.below(day.shown.len());
            let rest = &arrival::at_once(day)[lost..];
            let shown: BTreeSet<u64> = rest
                .iter()
                .flat_map(|(_, shown)| shown.acts.iter().copied())
                .collect();
            let events = hear(rest.iter().copied());
            let how = format!("without the first {lost} bodies");
            wrong.extend(wrong_of_a_part(&events, &whole[0], &happened, &shown, &how));
        }
        wrong
    });
}

/// An interruption: all bodies of some seconds are lost. As after a late start.
#[test]
fn an_interruption_tells_the_same_facts() {
    promise("an_interruption_tells_the_same_facts", |day, chance| {
        let arrivals = arrival::at_once(day);
        let whole = ids_by_class(&hear(arrivals.iter().copied()));
        let happened = facts::of_day(day);
        let (users, queues) = day.subjects();
        let mut wrong = Vec::new();
        for _ in 0..3 {
            let from = chance.below(arrivals.len());
            let to = (from + chance.below(600)).min(arrivals.len());
            let (before, rest) = (&arrivals[..from], &arrivals[to..]);
            let mut calls = Calls::new(1 << 20);
            let mut events = Vec::new();
            for (index, (at, shown)) in before.iter().chain(rest).enumerate() {
                if index == from {
                    let now = day::now(*at);
                    calls.handle_interruption(SocketId(1), &users, &queues, now);
                }
                day::tell(&mut calls, shown, *at);
                events.extend(std::iter::from_fn(|| calls.poll_event()));
            }
            let shown: BTreeSet<u64> = (before.iter().chain(rest))
                .flat_map(|(_, shown)| shown.acts.iter().copied())
                .collect();
            let how = format!("without the bodies {from} to {to}");
            wrong.extend(wrong_of_a_part(&events, &whole[0], &happened, &shown, &how));
        }
        wrong
    });
}

/// What is wrong with what was told of a part of a day: of exact kinds all that the part showed must be told, and nothing
/// that did not happen, under the ids of the whole day.
fn wrong_of_a_part(
    events: &[Event],
    whole: &BTreeMap<u128, facts::Fact>,
    happened: &BTreeMap<facts::Fact, Vec<facts::Happened<'_>>>,
    shown: &BTreeSet<u64>,
    how: &str,
) -> Vec<String> {
    let mut wrong = beyond(whole, &ids_by_class(events)[0], how);
    let exact = events.iter().filter(|event| event.id_exact);
    let exact: Vec<Event> = exact.cloned().collect();
    let happened = (happened.iter())
        .filter(|((_, kind), _)| facts::is_exact(kind))
        .map(|(fact, times)| (fact.clone(), times.clone()))
        .collect();
    // Later bodies do not show who talked together before, nor whom they asked.
    let before = [
        "party_added",
        "party_left",
        "consult_completed",
        "consult_cancelled",
    ];
    let depends = |kind: &str| before.contains(&kind);
    let is_shown =
        |once: &facts::Happened<'_>| shown.contains(&once.act.act) && !depends(once.line.event);
    let differences = facts::differences(&happened, &facts::told(&exact), is_shown);
    wrong.extend(differences.into_iter().map(|what| format!("{what} {how}")));
    wrong.extend(life::defects(events, life::Heard::OldOnesToo));
    wrong
}

/// Each shape alone tells all that it shows, under the ids of both together.
#[test]
fn each_shape_alone_tells_what_it_shows() {
    promise("each_shape_alone_tells_what_it_shows", |day, _| {
        let arrivals = arrival::at_once(day);
        let both = ids_by_class(&hear(arrivals.iter().copied()));
        let happened = facts::of_day(day);
        let mut wrong = Vec::new();
        for (alone, other) in [(Form::Nested, Form::Flat), (Form::Flat, Form::Nested)] {
            let events = hear(arrival::only(&arrivals, |shown| {
                form(&shown.topic) != other
            }));
            let told = ids_by_class(&events);
            for class in 0..2 {
                wrong.extend(beyond(
                    &both[class],
                    &told[class],
                    &format!("{alone:?} alone"),
                ));
            }
            wrong.extend(facts::differences(
                &happened,
                &facts::told(&events),
                |once| once.was_shown_by(|form| form != other),
            ));
            wrong.extend(life::defects(&events, life::Heard::All));
        }
        wrong
    });
}

/// Who called and who was called, as each shape alone tells it last of each party.
#[test]
fn both_shapes_tell_the_same_caller_and_called() {
    let mut kinds = BTreeSet::new();
    for day in days() {
        let arrivals = arrival::at_once(day);
        let parties = |alone| {
            let events = hear(arrival::only(&arrivals, |shown| {
                form(&shown.topic) == alone
            }));
            let mut parties = BTreeMap::new();
            for event in &events {
                // The flat form shows nobody who has no call.
                let is_of_a_call = event.state != ConnectionState::Unknown
                    && !event.kind.name().starts_with("callback");
                if let Subject::Connection(facts) = &event.subject
                    && let Some(participant) = &facts.participant
                    && is_of_a_call
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
        let (nested, flat) = (parties(Form::Nested), parties(Form::Flat));
        kinds.extend(
            (nested.values()).map(|(purpose, direction, ..)| format!("{purpose} {direction:?}")),
        );
        let differ: Vec<_> = (nested.iter())
            .filter(|(party, told)| flat.get(*party) != Some(told))
            .map(|(party, told)| (told, flat.get(party)))
            .collect();
        assert!(
            differ.is_empty(),
            "seed {}, {} of {}: {:#?}",
            day.seed,
            differ.len(),
            nested.len(),
            &differ[..differ.len().min(6)]
        );
    }
    for kind in [
        "customer Inbound",
        "agent Inbound",
        "agent Outbound",
        "external Outbound",
    ] {
        assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
    }
}

/// The days are worth it: every kind that the table says to be told is told in them.
#[test]
fn every_kind_is_told() {
    let mut told = BTreeSet::new();
    for day in days() {
        let events = hear(arrival::at_once(day));
        told.extend(events.iter().map(|event| event.kind.name()));
    }
    let lines = facts::table().iter().filter(|line| line.event != "-");
    let untold: BTreeSet<&str> = lines
        .map(|line| line.event)
        .filter(|event| !told.contains(event))
        .collect();
    assert!(untold.is_empty(), "no event of {untold:?}");
}

/// The platform adds members whenever it likes.
#[test]
fn members_that_are_new_change_nothing() {
    promise_of("members_that_are_new_change_nothing", few(), |day, _| {
        let told = hear(arrival::at_once(day));
        let newer: Vec<Shown> = day.shown.iter().map(with_new_members).collect();
        let again = hear(newer.iter().map(|shown| (shown.at, shown)));
        let differ = told.iter().zip(&again).find(|(told, again)| told != again);
        let mut wrong = Vec::new();
        if told.len() != again.len() || differ.is_some() {
            wrong.push(format!(
                "{} and {} events: {differ:#?}",
                told.len(),
                again.len()
            ));
        }
        wrong.extend(wrongly_found(&newer));
        wrong
    });
}

/// Of the members that were put into every body, each is found in each object that comes often, and nothing else is.
fn wrongly_found(newer: &[Shown]) -> Vec<String> {
    let findings = day::find(newer.iter().map(|shown| (shown.at, shown)));
    let mut missing: BTreeSet<(&str, &str)> = [
        "conversation",
        "participant",
        "call",
        "address",
        "conversation (calls)",
        "participant (calls)",
        "reference",
        "presence",
        "presence definition",
        "routing status",
        "status of a routing status",
    ]
    .into_iter()
    .flat_map(|place| [(place, "aNewMember"), (place, "zNewMember")])
    .collect();
    let mut wrong = Vec::new();
    for finding in &findings {
        missing.remove(&(finding.place, finding.name.as_str()));
        let is_ours = ["aNewMember", "zNewMember"].contains(&finding.name.as_str());
        if finding.novelty != Novelty::Member || !is_ours {
            wrong.push(format!("found by mistake: {finding}"));
        }
    }
    wrong.extend(
        missing
            .iter()
            .map(|member| format!("not found: {member:?}")),
    );
    wrong
}

/// The lists of what is known are complete, as far as the region goes by what the platform publishes: each body is looked
/// through as if it were the first.
#[test]
fn nothing_that_the_region_shows_is_new() {
    for day in few() {
        let mut found = BTreeSet::new();
        let mut keep = |mut calls: Calls| {
            found.extend(std::iter::from_fn(|| calls.poll_finding()).map(|new| new.to_string()));
        };
        for shown in &day.shown {
            let mut calls = Calls::new(0);
            day::tell(&mut calls, shown, shown.at);
            keep(calls);
        }
        let now = Now {
            elapsed: Duration::ZERO,
            utc: UtcMicros(1_795_341_600_000_000),
        };
        for read in &day.reads {
            let mut calls = Calls::new(0);
            calls.handle_conversation_read(&read.rest, Source::Recovered, now.elapsed, now);
            calls.handle_analytics_details(&read.details, Source::Recovered, now);
            keep(calls);
        }
        assert!(found.is_empty(), "seed {}: {found:#?}", day.seed);
    }
}

/// Puts a member that nobody knows before and behind the members of every object but of maps of attributes.
fn with_new_members(shown: &Shown) -> Shown {
    fn add(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(add),
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    if name != "attributes" {
                        add(member);
                    }
                }
                let new = serde_json::json!({ "of": ["tomorrow", null, 1e3], "": { "}": "]" } });
                members.insert("aNewMember".to_owned(), new.clone());
                members.insert("zNewMember".to_owned(), new);
            }
            _ => {}
        }
    }
    let mut body: Value = serde_json::from_str(&shown.body).unwrap();
    add(&mut body);
    Shown {
        body: body.to_string().into(),
        ..shown.clone()
    }
}

/// Words that the platform adds are kept as they are, and the rest of the body is told as ever.
#[test]
fn words_that_are_new_are_kept() {
    let word = "teleported.away";
    let mut kept = 0;
    for day in few() {
        let told = hear(arrival::at_once(day));
        let newer: Vec<Shown> = (day.shown.iter())
            .map(|shown| Shown {
                body: (shown.body)
                    .replace(
                        r#""disconnectType":"endpoint""#,
                        &format!(r#""disconnectType":"{word}""#),
                    )
                    .into(),
                ..shown.clone()
            })
            .collect();
        let again = hear(newer.iter().map(|shown| (shown.at, shown)));
        let ids = |events: &[Event]| -> Vec<u128> {
            let cleared = |event: &&Event| event.kind == EventKind::ConnectionCleared;
            events
                .iter()
                .filter(cleared)
                .map(|event| event.id.0)
                .collect()
        };
        assert_eq!(ids(&told), ids(&again), "seed {}", day.seed);
        let found = day::find(newer.iter().map(|shown| (shown.at, shown)));
        let found: BTreeSet<(&str, &str)> = (found.iter())
            .map(|finding| (finding.place, finding.name.as_str()))
            .collect();
        let places = [
            "call.disconnectType",
            "callback.disconnectType",
            "participant.disconnectType",
        ];
        assert_eq!(found, places.map(|place| (place, word)).into());
        for event in again.iter().filter(|event| &*event.raw == word) {
            assert_eq!(event.cause, Cause::Unknown);
            kept += 1;
        }
    }
    assert!(kept > 0);
}

/// Invariant 13: what `calls` keeps can be written to a log without a value of any attribute.
#[test]
fn no_attribute_value_can_be_logged() {
    let steps = gca_region::repertoire::REPERTOIRE
        .iter()
        .flat_map(|script| script.steps);
    let values: BTreeSet<&str> = steps
        .filter_map(|step| match step {
            Step::Attaches(_, value) => Some(*value),
            _ => None,
        })
        .collect();
    assert!(values.len() > 2, "{values:?}");
    for day in few() {
        let mut calls = Calls::new(1 << 20);
        let mut told = BTreeSet::new();
        for (index, (at, shown)) in arrival::at_once(day).into_iter().enumerate() {
            day::tell(&mut calls, shown, at);
            for event in std::iter::from_fn(|| calls.poll_event()) {
                if let Some(Detail::Attribute { value, .. }) = event.detail.as_deref() {
                    told.insert(value.to_string());
                }
            }
            if index % 50 == 0 {
                let written = format!("{calls:?}");
                let leaked = values.iter().find(|value| written.contains(**value));
                assert_eq!(leaked, None, "seed {}, body {index}", day.seed);
            }
        }
        assert!(values.iter().all(|value| told.contains(*value)), "{told:?}");
    }
}
