//! Everything that the world says is in the platform's members, types and words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod members;

use std::collections::{BTreeMap, BTreeSet};

use gca_region::time::Time;
use gca_region::world::{World, WorldConfig};
use members::{Members, class_of};
use serde_json::{Value, json};

#[test]
fn every_body_and_answer_of_a_long_run_is_as_the_platforms() {
    let (notifications, rest) = (Members::notifications(), Members::rest());
    let mut world = World::new(WorldConfig {
        seed: 11,
        calls_per_minute: 300.0,
        minutes_per_presence: 5.0,
        ..WorldConfig::default()
    });
    let end = Time(world.now().0 + 25_000);
    let mut classes = BTreeSet::new();
    let mut problems = Vec::new();
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        let mut asked = BTreeSet::new();
        while let Some(shown) = world.poll_shown() {
            let body: Value = serde_json::from_str(&shown.body).expect("a body is JSON");
            let class = class_of(&shown.topic);
            classes.insert(class);
            problems.extend(notifications.check(class, &body));
            // What REST would answer at this very moment, on however many topics it was shown.
            if let Some(id) = body["id"]
                .as_str()
                .filter(|id| shown.topic.ends_with(".calls") && asked.insert((*id).to_owned()))
            {
                problems.extend(rest.check(
                    "Conversation",
                    &world.conversation(id).expect("it is there"),
                ));
                problems.extend(rest.check(
                    "CallConversation",
                    &world.call_conversation(id).expect("it is there"),
                ));
                problems.extend(rest.check(
                    "AnalyticsConversationWithoutAttributes",
                    &world.conversation_details(id).expect("it is there"),
                ));
            }
        }
    }
    let queue = world.queues_page(1, 1, &[])["entities"][0]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let expand = ["presence", "routingStatus", "station"];
    problems.extend(rest.check("UserEntityListing", &world.users_page(500, 1, &expand, &[])));
    problems.extend(rest.check("QueueEntityListing", &world.queues_page(100, 1, &[])));
    problems.extend(rest.check("StationEntityListing", &world.stations_page(500, 1, &[])));
    let station = world.inventory().stations[0].id.to_string();
    let station = world.station(&station).expect("it is there");
    problems.extend(rest.check("Station", &station));
    problems.extend(rest.check("Organization", &world.organization()));
    let members = world
        .queue_members_page(&queue, 100, 1)
        .expect("the queue is there");
    problems.extend(rest.check("QueueMemberEntityListing", &members));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(
        classes.len(),
        8,
        "not every kind of body was seen: {classes:?}"
    );
    let played: BTreeSet<_> = world.truth().scripts_played.keys().copied().collect();
    assert_eq!(
        played,
        world.scripts().iter().map(|script| script.name).collect()
    );
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let problems =
        |body: Value| Members::notifications().check("ConversationEventTopicConversation", &body);
    assert_eq!(
        problems(json!({"id": "x", "participants": [{"calls": [{"state": "connected"}]}]})),
        Vec::<String>::new()
    );
    for (wrong, told) in [
        (
            json!({"ids": "x"}),
            ".ids: ConversationEventTopicConversation has no such member",
        ),
        (json!({"id": 7}), ".id: 7 is no String"),
        (
            json!({"participants": [{"calls": [{"state": "parked"}]}]}),
            ".participants[0].calls[0].state: \"parked\"",
        ),
        (
            json!({"participants": [{"connectedTime": "2026-11-22T10:00:00Z"}]}),
            "is no DateTime",
        ),
        (
            json!({"participants": [{"attributes": {"a": 1}}]}),
            ".participants[0].attributes.a: 1 is no String",
        ),
        (json!({"maxParticipants": 1.5}), "1.5 is no Int64"),
        (json!([]), "not an object"),
    ] {
        let found = problems(wrong);
        assert!(
            found.len() == 1 && found[0].contains(told),
            "{found:?} does not tell {told:?}"
        );
    }
    let user = Members::rest().check("User", &json!({"team": {"id": "x"}}));
    assert_eq!(user, ["User.team: the members of Team are not listed"]);
}

#[test]
fn bodies_have_the_size_of_recorded_ones() {
    let mut world = World::new(WorldConfig {
        calls_per_minute: 0.0,
        pace: 1.0,
        ..WorldConfig::default()
    });
    for script in ["held", "after_call_work", "secure_pause", "handed_around"] {
        world
            .play(script, world.now())
            .expect("the script is known");
    }
    let mut sizes = BTreeMap::<usize, Vec<usize>>::new();
    let end = Time(world.now().0 + 600_000);
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        while let Some(shown) = world.poll_shown() {
            if shown.topic.ends_with(".conversations") {
                let participants = shown.body.matches("\"calls\":").count();
                sizes
                    .entry(participants)
                    .or_default()
                    .push(shown.body.len());
            }
        }
    }
    let mean = |participants| {
        let sizes = sizes.get(&participants).expect("there were such bodies");
        sizes.iter().sum::<usize>() / sizes.len()
    };
    for (participants, size) in [(4, 5_000..=6_600), (9, 11_000..=14_800)] {
        let mean = mean(participants);
        assert!(
            size.contains(&mean),
            "a call with {participants} participants takes {mean} bytes"
        );
    }
}
