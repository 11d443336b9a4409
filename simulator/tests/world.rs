//! What always holds in the world, whatever the seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use gca_region::chance::Chance;
use gca_region::conversation::State;
use gca_region::repertoire::REPERTOIRE;
use gca_region::script::{Party, Script, lasts};
use gca_region::time::{Millis, Time};
use gca_region::truth::Kind;
use gca_region::world::{RosterChange, Shown, World, WorldConfig};
use serde_json::Value;

/// Runs a world for so many milliseconds, from act to act.
fn run(world: &mut World, length: i64, mut see: impl FnMut(&World, &Shown)) {
    let end = Time(world.now().0 + length);
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        while let Some(shown) = world.poll_shown() {
            see(world, &shown);
        }
    }
    world.handle_timeout(end);
}

/// A lively world that plays for a while and is then left alone until every call is over.
fn whole_run(seed: u64) -> (World, Vec<Shown>) {
    let config = WorldConfig {
        seed,
        users: 60,
        queues: 4,
        calls_per_minute: 0.0,
        pace: 10.0,
        scripts: REPERTOIRE,
        ..WorldConfig::default()
    };
    let mut world = World::new(config);
    let mut shown = Vec::new();
    for round in 0..8 {
        for (at, script) in world.scripts().iter().enumerate() {
            let when = Time(world.now().0 + 120 + (at as i64 * 37 + round) % 90);
            world.play(script.name, when).expect("the script is known");
            run(&mut world, 0, |_, body| shown.push(body.clone()));
        }
    }
    run(&mut world, 120_000, |_, body| shown.push(body.clone()));
    (world, shown)
}

/// Each with its body; one that goes out on several topics is read once.
fn bodies(shown: &[Shown]) -> impl Iterator<Item = (&Shown, Rc<Value>)> {
    let mut read = HashMap::<*const u8, Rc<Value>>::new();
    shown.iter().map(move |shown| {
        let parse = || Rc::new(serde_json::from_str(&shown.body).expect("a body is JSON"));
        let body = read.entry(shown.body.as_ptr()).or_insert_with(parse);
        (shown, Rc::clone(body))
    })
}

fn participants(body: &Value) -> &[Value] {
    body["participants"].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_same_seed_gives_the_same_transcript_byte_for_byte() {
    let transcript = |seed, step: Option<i64>| {
        let mut world = World::new(WorldConfig {
            seed,
            ..WorldConfig::default()
        });
        let mut transcript = String::new();
        let end = Time(world.now().0 + 8_000);
        while world.now() < end {
            let due = world.poll_timeout().unwrap_or(end).min(end);
            world.handle_timeout(step.map_or(due, |step| Time((world.now().0 + step).min(end.0))));
            while let Some(shown) = world.poll_shown() {
                let Shown {
                    topic,
                    body,
                    metadata_action,
                    acts,
                    at,
                } = shown;
                transcript += &format!("{at} {topic} {metadata_action:?} {acts:?} {body}\n");
            }
        }
        transcript + &serde_json::to_string(world.truth()).expect("the truth is JSON")
    };
    let once = transcript(7, None);
    assert!(once.len() > 1_000_000, "{}", once.len());
    assert!(once == transcript(7, None), "two runs of one seed differ");
    assert!(
        once == transcript(7, Some(1_000)),
        "it matters how often the world is polled"
    );
    assert!(once != transcript(8, None), "the seed does not matter");
}

#[test]
fn a_demonstration_plays_every_script_and_shows_agents_at_work() {
    for seed in [1, 7, 42] {
        let mut world = World::new(WorldConfig {
            seed,
            ..WorldConfig::default()
        });
        run(&mut world, 20_000, |_, _| {});
        let truth = world.truth();
        assert!(
            truth.conversations >= 60,
            "{} calls in 20 s",
            truth.conversations
        );
        let ended: BTreeSet<_> = truth
            .acts
            .iter()
            .filter(|act| act.kind == Kind::ConversationEnded)
            .filter_map(|act| act.script)
            .collect();
        let known: BTreeSet<_> = world.scripts().iter().map(|script| script.name).collect();
        assert_eq!(
            ended, known,
            "seed {seed}: not every script was played to its end"
        );
        for kind in [
            Kind::Presence,
            Kind::RoutingStatus,
            Kind::StationAssociated,
            Kind::StationLeft,
        ] {
            assert!(
                truth.acts.iter().any(|act| act.kind == kind),
                "seed {seed}: no {kind:?}"
            );
        }
    }
}

#[test]
fn every_script_can_be_played_by_name_and_tells_its_story() {
    let story = |script: &str| {
        let mut world = World::new(WorldConfig {
            calls_per_minute: 0.0,
            scripts: REPERTOIRE,
            ..WorldConfig::default()
        });
        let id = world
            .play(script, world.now())
            .expect("the script is known")
            .to_string();
        run(&mut world, 120_000, |_, _| {});
        assert!(world.conversation(&id).is_some() && world.call_conversation(&id).is_some());
        let mut acts = BTreeMap::<_, usize>::new();
        for act in world.truth().acts.iter().filter(|act| act.script.is_some()) {
            assert_eq!(act.script, Some(script));
            let word = serde_json::to_value(act.kind)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned();
            *acts
                .entry(match act.cause {
                    Some(cause) => format!("{word} {} {cause}", act.purpose.unwrap_or_default()),
                    None => format!("{word} {}", act.purpose.unwrap_or_default())
                        .trim_end()
                        .to_owned(),
                })
                .or_default() += 1;
        }
        acts
    };
    for script in REPERTOIRE {
        let acts = story(script.name);
        let has = |act: &str, times: usize| {
            assert_eq!(
                acts.get(act).copied().unwrap_or(0),
                times,
                "{}: {act}: {acts:?}",
                script.name
            );
        };
        let conversations = match script.name {
            two if TWO_CALLS.contains(&two) => 2,
            _ => 1,
        };
        has("conversation_started", conversations);
        has("conversation_ended", conversations);
        has("conversation_terminated", conversations);
        match script.name {
            "inbound" => {
                has("connected agent", 1);
                has("disconnected customer endpoint", 1);
                has("disconnected agent peer", 1);
                has("disconnected ivr transfer", 1);
                has("disconnected acd transfer", 1);
            }
            "abandoned" => {
                has("alerting agent", 0);
                has("disconnected acd peer", 1);
            }
            "refused" => {
                has("alerting agent", 3);
                has("disconnected agent client", 3);
                has("connected agent", 1);
            }
            "not_answered" => {
                has("alerting agent", 2);
                has("disconnected agent timeout", 1);
                has("connected agent", 1);
            }
            "held" => {
                has("held agent", 2);
                has("retrieved agent", 2);
            }
            "muted" => {
                has("muted agent", 1);
                has("unmuted agent", 1);
            }
            "transferred_to_agent" => {
                has("transferred agent", 1);
                has("disconnected agent transfer", 1);
                has("connected user", 1);
            }
            "transferred_to_queue" => {
                has("queued acd", 2);
                has("connected agent", 2);
                has("after_call_work_ended agent", 2);
            }
            "outbound" => {
                has("contacting agent", 1);
                has("dialing customer", 1);
                has("connected customer", 1);
                has("disconnected customer peer", 1);
            }
            "outbound_unanswered" => {
                has("dialing external", 1);
                has("connected external", 0);
                has("disconnected external peer", 1);
            }
            "secure_pause" => {
                has("recording_paused agent", 1);
                has("recording_paused customer", 1);
                has("recording_resumed agent", 1);
                has("recording_resumed customer", 1);
            }
            "after_call_work" => {
                has("after_call_work_started agent", 1);
                has("after_call_work_ended agent", 1);
                has("wrapup agent", 1);
            }
            "wrapped_up" => {
                has("wrapup agent", 1);
                has("after_call_work_started agent", 0);
            }
            "attributes" => has("attributes customer", 4),
            "handed_around" => {
                has("alerting agent", 5);
                has("queued acd", 2);
                has("disconnected agent client", 3);
                has("disconnected agent transfer", 1);
                has("disconnected agent peer", 1);
            }
            "consult_transfer" => {
                has("consult_started agent", 1);
                has("held agent", 1);
                has("retrieved agent", 0);
                has("consult_completed agent", 1);
                has("transferred agent", 1);
                has("disconnected agent transfer.consult", 1);
                has("disconnected user peer", 1);
                has("conferenced", 0);
            }
            "consult_cancelled" => {
                has("consult_started agent", 1);
                has("consult_cancelled agent", 1);
                has("held agent", 1);
                has("retrieved agent", 1);
                has("connected user", 1);
                has("disconnected agent peer", 1);
                has("conferenced", 0);
            }
            "consult_declined" => {
                has("consult_cancelled agent", 1);
                has("retrieved agent", 1);
                has("failed user", 1);
                has("disconnected user client", 1);
            }
            "consult_conference" => {
                has("consult_completed agent", 1);
                has("conferenced", 1);
                has("party_added user", 0);
                has("party_left agent", 1);
                has("party_left user", 0);
            }
            "conference" => {
                has("conferenced", 1);
                has("party_added user", 1);
                has("party_left user", 1);
                has("party_left agent", 1);
            }
            "consult_apart" => {
                has("consult_started agent", 1);
                has("consult_completed agent", 1);
                has("transferred agent", 1);
                has("disconnected agent transfer.consult", 1);
                has("connected user", 3);
                has("conferenced", 0);
            }
            "internal_call" => {
                has("held agent", 1);
                has("retrieved agent", 1);
                has("contacting user", 1);
                has("connected user", 2);
                has("disconnected user client", 1);
            }
            "callback" => {
                has("callback_scheduled customer", 1);
                has("callback_alerting agent", 1);
                has("callback_connected agent", 1);
                has("callback_disconnected acd transfer", 1);
                has("callback_disconnected agent peer", 1);
                has("queued acd", 0);
                has("contacting agent", 1);
                has("connected customer", 1);
                has("after_call_work_ended agent", 1);
            }
            "voicemail" => {
                has("dequeued acd", 1);
                has("voicemail_deposited voicemail", 1);
            }
            "dialer" => {
                has("dialing customer", 1);
                has("attributes customer", 3);
                has("disconnected dialer transfer", 1);
                has("connected agent", 1);
            }
            "campaign" => {
                has("disconnected campaign transfer", 1);
                has("dequeued acd", 1);
                has("alerting agent", 0);
            }
            "preview" => {
                has("attributes customer", 3);
                has("callback_connected agent", 1);
                has("dialing customer", 1);
                has("connected customer", 1);
            }
            "monitored" => {
                has("monitoring_started user", 1);
                has("conferenced", 0);
                has("disconnected user client", 1);
                has("disconnected agent peer", 1);
            }
            "coached" => {
                has("monitoring_started user", 1);
                has("coaching_started user", 1);
                has("conferenced", 0);
                has("disconnected user peer", 1);
            }
            "barged" => {
                has("barged_in user", 1);
                has("conferenced", 1);
                has("party_left user", 1);
                has("party_left agent", 0);
            }
            "parked" => {
                has("parked agent", 1);
                has("unparked agent", 1);
            }
            "confined" => {
                has("confined customer", 1);
                has("unconfined customer", 1);
            }
            "hold_unrecorded" => {
                has("held agent", 2);
                has("recording_paused agent", 2);
                has("recording_resumed agent", 2);
                has("recording_paused customer", 0);
            }
            "outbound_busy" => {
                has("failed customer", 1);
                has("disconnected customer error", 1);
            }
            "outbound_unreachable" => {
                has("failed external", 1);
                has("disconnected external transport.failure", 1);
            }
            "rolled_over" => {
                has("diverted user", 1);
                has("disconnected user transfer.noanswer", 1);
                has("connected user", 1);
            }
            "forwarded" => {
                has("diverted user", 1);
                has("disconnected user transfer.forward", 1);
            }
            "flowed_out" => {
                has("queued acd", 2);
                has("dequeued acd", 2);
            }
            new => panic!("say here what the script {new:?} promises"),
        }
    }
    let mut world = World::new(WorldConfig::default());
    let refused = world
        .play("consult", world.now())
        .expect_err("there is no such script");
    assert!(
        refused
            .to_string()
            .starts_with("no script is called \"consult\"; use one of: inbound, "),
        "{refused}"
    );
}

#[test]
fn every_leg_ends_once_and_every_agent_is_given_back() {
    let (world, _) = whole_run(3);
    let mut ends = BTreeMap::<_, usize>::new();
    for act in &world.truth().acts {
        if act.kind == Kind::Disconnected {
            *ends.entry(act.communication).or_default() += 1;
            assert!(act.cause.is_some());
        }
    }
    let mut legs = 0;
    for conversation in world.conversations() {
        assert!(conversation.ended.is_some());
        for participant in &conversation.participants {
            assert!(participant.is_over(), "{}", conversation.script);
            for leg in &participant.legs {
                legs += 1;
                assert_eq!(leg.state, State::Terminated, "{}", conversation.script);
                assert_eq!(ends.get(&Some(leg.id)), Some(&1), "{}", conversation.script);
            }
        }
    }
    assert_eq!(world.truth().legs, legs);
    assert_eq!(
        world.truth().conversations as usize,
        world.conversations().len()
    );
    for user in 0..world.inventory().users.len() {
        let status = world.agent(user).expect("they are there").routing.word();
        assert!(matches!(status, "IDLE" | "OFF_QUEUE"), "{status}");
    }
}

#[test]
fn callers_give_up_when_nobody_is_free() {
    let config = WorldConfig {
        users: 1,
        queues: 1,
        calls_per_minute: 0.0,
        minutes_per_presence: 0.0,
        ..WorldConfig::default()
    };
    let mut world = World::new(config);
    for script in world.scripts() {
        world
            .play(script.name, world.now())
            .expect("the script is known");
    }
    run(&mut world, 300_000, |_, _| {});
    assert!(
        world
            .conversations()
            .iter()
            .all(|conversation| !conversation.is_open())
    );
    assert!(
        world
            .truth()
            .acts
            .iter()
            .any(|act| act.kind == Kind::Connected && act.purpose == Some("agent"))
    );
    assert_eq!(world.poll_timeout(), None, "something goes on for ever");
    // And with nobody and nothing at all.
    let mut empty = World::new(WorldConfig {
        users: 0,
        queues: 0,
        ..WorldConfig::default()
    });
    run(&mut empty, 20_000, |_, _| {});
    assert!(
        empty
            .conversations()
            .iter()
            .all(|conversation| conversation.participants.len() <= 2)
    );
}

#[test]
fn participants_only_accumulate() {
    let (_, shown) = whole_run(4);
    let mut known = BTreeMap::<(String, String), Vec<String>>::new();
    let mut longest = 0;
    for (shown, body) in bodies(&shown).filter(|(_, body)| body["participants"].is_array()) {
        let now: Vec<_> = participants(&body)
            .iter()
            .map(|party| party["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        longest = longest.max(now.len());
        let before = known
            .insert(
                (shown.topic.to_string(), body["id"].to_string()),
                now.clone(),
            )
            .unwrap_or_default();
        // Whoever was promised a call is in the flat form only when there is one.
        let mut still = now.iter();
        assert!(
            before.iter().all(|id| still.any(|now| now == id)),
            "{}: {before:?} became {now:?}",
            shown.topic
        );
        assert!(now.starts_with(&before) || shown.topic.ends_with(".calls"));
    }
    assert_eq!(
        longest, 9,
        "the script handed_around makes nine participants"
    );
}

/// The stories of two calls at once.
const TWO_CALLS: [&str; 2] = ["consult_apart", "internal_call"];

#[test]
fn an_agent_never_has_two_calls() {
    let config = WorldConfig {
        users: 12,
        queues: 2,
        calls_per_minute: 400.0,
        ..WorldConfig::default()
    };
    let mut world = World::new(config);
    let mut busiest = 0;
    let mut waited = false;
    run(&mut world, 60_000, |world, _| {
        let mut calls = BTreeMap::<usize, usize>::new();
        for conversation in world
            .conversations()
            .iter()
            .filter(|conversation| conversation.is_open())
        {
            let legs = conversation
                .participants
                .iter()
                .filter(|party| party.is_open());
            // But for the stories that are about it.
            if TWO_CALLS.contains(&conversation.script) {
                continue;
            }
            waited |=
                conversation.participants.len() == 3 && conversation.participants[2].is_connected();
            for user in legs.filter_map(|party| party.user) {
                *calls.entry(user).or_default() += 1;
            }
        }
        busiest = busiest.max(calls.len());
        assert!(calls.values().all(|calls| *calls == 1), "{calls:?}");
    });
    assert!(
        busiest >= 8 && waited,
        "the test is not hard enough: {busiest} busy at once"
    );
}

#[test]
fn times_follow_one_another_and_all_forms_tell_the_same() {
    let mut world = World::new(WorldConfig {
        seed: 5,
        ..WorldConfig::default()
    });
    let mut compared = 0;
    let mut flags = [0; 3];
    let end = Time(world.now().0 + 18_000);
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        // Only the last body of this moment tells what REST tells now.
        let mut last = BTreeMap::new();
        while let Some(shown) = world.poll_shown() {
            if shown.topic.contains(".conversations") {
                let body: Value = serde_json::from_str(&shown.body).expect("a body is JSON");
                let forms: &mut [Value; 2] = last.entry(body["id"].to_string()).or_default();
                forms[usize::from(shown.topic.ends_with(".calls"))] = body;
            }
        }
        // Of a conversation without a call there is no flat form.
        for [nested, body] in last.into_values().filter(|[_, flat]| !flat.is_null()) {
            let id = body["id"].as_str().expect("a conversation has an id");
            let rest = world.conversation(id).expect("it is there");
            let rest_flat = world.call_conversation(id).expect("it is there");
            compare(&nested, &body, &rest, &rest_flat, due, &mut flags);
            compared += 1;
        }
    }
    assert!(
        compared > 300 && flags.iter().all(|seen| *seen > 0),
        "{compared} {flags:?}"
    );
}

/// The nested and the flat form of one moment, with what REST says then.
fn compare(
    nested: &Value,
    body: &Value,
    rest: &Value,
    rest_flat: &Value,
    at: Time,
    flags: &mut [i32; 3],
) {
    let all = [nested, body, rest, rest_flat];
    assert!(
        all.iter()
            .all(|form| form["id"] == body["id"] && form["securePause"] == body["securePause"])
    );
    assert!(all.iter().all(|form| {
        form["recordingState"]
            .as_str()
            .map(str::to_lowercase)
            .as_deref()
            == body["recordingState"].as_str()
    }));
    for flat in participants(body) {
        let of = |form| {
            let mut all = participants(form).iter();
            all.find(|party| party["id"] == flat["id"])
                .expect("it is there")
        };
        let (nested, rest, rest_flat) = (of(nested), of(rest), of(rest_flat));
        let (call, rest_call) = (&nested["calls"][0], &rest["calls"][0]);
        // Only the flat forms know of parking.
        assert_eq!(flat["state"], rest_flat["state"]);
        let state = if flat["state"] == "parked" {
            "connected"
        } else {
            flat["state"].as_str().expect("a leg has a state")
        };
        assert!(call["state"] == state && rest_call["state"] == state);
        for member in [
            "confined",
            "held",
            "muted",
            "recordingState",
            "securePause",
            "direction",
            "startHoldTime",
        ] {
            assert_eq!(flat[member], call[member], "{member}");
            assert_eq!(flat[member], rest_call[member], "{member}");
            assert_eq!(flat[member], rest_flat[member], "{member}");
        }
        // Flat REST answers have no word for an alert that timed out.
        let cause = &flat["disconnectType"];
        assert!(cause == &call["disconnectType"] && cause == &rest_call["disconnectType"]);
        assert!(cause == &rest_flat["disconnectType"] || cause == "timeout");
        for member in [
            "id",
            "purpose",
            "connectedTime",
            "endTime",
            "startAcwTime",
            "endAcwTime",
            "attributes",
            "wrapupRequired",
            "consultParticipantId",
            "monitoredParticipantId",
            "coachedParticipantId",
            "bargedParticipantId",
        ] {
            assert_eq!(flat[member], nested[member], "{member}");
            assert_eq!(flat[member], rest[member], "{member}");
            assert_eq!(flat[member], rest_flat[member], "{member}");
        }
        assert_eq!(flat["startTime"], rest["startTime"]);
        assert_eq!(flat["parkTime"], rest_flat["parkTime"]);
        assert_eq!(flat["bargedTime"], call["bargedTime"]);
        assert_eq!(flat["disposition"], call["disposition"]);
        assert_eq!(flat["initialState"], call["initialState"]);
        assert_eq!(flat["connectedTime"], call["connectedTime"]);
        assert_eq!(flat["endTime"], call["disconnectedTime"]);
        assert_eq!(flat["peer"], call["peerId"]);
        assert_eq!(flat["user"]["id"], nested["userId"]);
        assert_eq!(flat["queue"]["id"], nested["queueId"]);
        let order: Vec<_> = [
            "startTime",
            "connectedTime",
            "startHoldTime",
            "endTime",
            "startAcwTime",
            "endAcwTime",
        ]
        .iter()
        .filter_map(|member| flat[member].as_str())
        .collect();
        assert!(order.is_sorted(), "{order:?}");
        assert!(
            order.iter().all(|time| **time <= *at.iso()),
            "{order:?} after {}",
            at
        );
        // After-call work may keep the state, never the times.
        let acw = &call["afterCallWork"]["state"];
        match state {
            "disconnected" | "terminated" => assert!(flat["endTime"].is_string()),
            "connected" => assert!(
                flat["connectedTime"].is_string()
                    && (flat["endTime"].is_null() || acw == "pending")
            ),
            _ => assert!(flat["endTime"].is_null() && flat["connectedTime"].is_null()),
        }
        let kept = state == "connected" && acw == "pending";
        let put_away = state == "terminated" && acw == "pending";
        for (flag, seen) in flags.iter_mut().zip([kept, put_away, flat["held"] == true]) {
            *flag += i32::from(seen);
        }
        // Segments cover the leg's life without a hole.
        let segments = rest_call["segments"].as_array().expect("REST has segments");
        let first = &segments[0]["startTime"];
        assert!(first == &rest["startTime"] || !callbacks(nested).is_empty());
        assert!(
            segments
                .windows(2)
                .all(|pair| pair[0]["endTime"] == pair[1]["startTime"])
        );
        assert_eq!(
            segments.last().unwrap()["endTime"],
            rest_call["disconnectedTime"]
        );
    }
}

fn callbacks(party: &Value) -> &[Value] {
    party["callbacks"].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_truth_names_exactly_the_topics_that_show_an_act() {
    let (world, shown) = whole_run(6);
    // Read back from the bodies alone what each topic showed.
    let mut read = BTreeSet::<(String, &'static str, String, String)>::new();
    for (shown, body) in bodies(&shown) {
        let topic = shown.topic.to_string();
        for party in participants(&body) {
            let leg = party["calls"].get(0).unwrap_or(party);
            let id = party["id"].as_str().unwrap_or_default();
            let mut note = |kind, time: &Value| {
                if let Some(time) = time.as_str() {
                    read.insert((topic.clone(), kind, id.to_owned(), time.to_owned()));
                }
            };
            // The times of whoever has no call are those of the callback.
            if party["calls"]
                .as_array()
                .is_none_or(|calls| !calls.is_empty())
            {
                note("connected", &party["connectedTime"]);
                note("disconnected", &party["endTime"]);
            }
            note("held", &leg["startHoldTime"]);
            note("after_call_work_started", &party["startAcwTime"]);
            note("wrapup", &party["wrapup"]["endTime"]);
            for state in ["alerting", "dialing", "contacting"] {
                if leg["state"] == state {
                    read.insert((topic.clone(), state, id.to_owned(), String::new()));
                }
            }
        }
    }
    let mut checked = BTreeMap::<&str, usize>::new();
    let mut told = BTreeSet::new();
    for act in world
        .truth()
        .acts
        .iter()
        .filter(|act| act.conversation.is_some())
    {
        let kind = serde_json::to_value(act.kind)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        let (kind, timed) = match kind.as_str() {
            "connected" => ("connected", true),
            "disconnected" => ("disconnected", true),
            "held" => ("held", true),
            "after_call_work_started" => ("after_call_work_started", true),
            "wrapup" => ("wrapup", true),
            "alerting" => ("alerting", false),
            "dialing" => ("dialing", false),
            "contacting" => ("contacting", false),
            _ => continue,
        };
        *checked.entry(kind).or_default() += 1;
        for topic in &act.topics {
            let time = if timed { act.time.iso() } else { String::new() };
            let id = act.participant.map(|id| id.to_string()).unwrap_or_default();
            told.insert((topic.to_string(), kind, id, time));
        }
    }
    // Work that was skipped is no work, though the platform gives it times.
    let skipped: BTreeSet<_> = world
        .conversations()
        .iter()
        .flat_map(|conversation| &conversation.participants)
        .filter(|party| !party.leg().is_some_and(|leg| leg.after_call_work_required))
        .map(|party| party.id.to_string())
        .collect();
    read.retain(|(_, kind, id, _)| *kind != "after_call_work_started" || !skipped.contains(id));
    let missing: Vec<_> = read.difference(&told).take(3).collect();
    let invented: Vec<_> = told.difference(&read).take(3).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not told: {missing:?}; told, not shown: {invented:?}"
    );
    assert_eq!(checked.len(), 8, "{checked:?}");
    // The end of a hold, a mute and a pause is told where its beginning was.
    for (begin, end) in [
        (Kind::Held, Kind::Retrieved),
        (Kind::Muted, Kind::Unmuted),
        (Kind::RecordingPaused, Kind::RecordingResumed),
        (Kind::Confined, Kind::Unconfined),
        (Kind::Parked, Kind::Unparked),
    ] {
        let topics = |kind| -> Vec<_> {
            world
                .truth()
                .acts
                .iter()
                .filter(|act| act.kind == kind)
                .map(|act| (act.communication, &act.topics))
                .collect()
        };
        // A leg may end on hold: then nobody takes it back.
        let mut begun = topics(begin);
        let ended = topics(end);
        assert!(!ended.is_empty(), "{end:?}");
        for one in ended {
            let its = begun.iter().position(|begun| *begun == one);
            begun.swap_remove(its.unwrap_or_else(|| panic!("{end:?} was told elsewhere: {one:?}")));
        }
        assert!(begun.is_empty() || begin == Kind::Held, "{begin:?}");
    }
    // What only one form has.
    for act in &world.truth().acts {
        let flat = |topic: &&std::sync::Arc<str>| topic.ends_with(".calls");
        if matches!(act.kind, Kind::Parked | Kind::Unparked) {
            assert!(!act.topics.is_empty() && act.topics.iter().all(|topic| flat(&topic)));
        }
        if act.kind.is_of_callback() {
            assert!(!act.topics.is_empty() && !act.topics.iter().any(|topic| flat(&topic)));
        }
    }
}

#[test]
fn topics_show_a_conversation_only_while_their_owner_takes_part() {
    let (world, shown) = whole_run(9);
    let mut last = BTreeMap::new();
    for (shown, body) in bodies(&shown).filter(|(_, body)| body["participants"].is_array()) {
        let parts: Vec<_> = shown.topic.split('.').collect();
        let (queue, owner) = if parts[1] == "routing" {
            (true, parts[3])
        } else {
            (false, parts[2])
        };
        let own = |party: &&Value| {
            let flat = if queue {
                &party["queue"]["id"]
            } else {
                &party["user"]["id"]
            };
            let nested = if queue {
                &party["queueId"]
            } else {
                &party["userId"]
            };
            flat == owner || nested == owner
        };
        assert!(
            participants(&body).iter().any(|party| own(&party)),
            "{} shows a stranger's call",
            shown.topic
        );
        let over = participants(&body).iter().filter(own).all(|party| {
            let legs = match party["calls"].as_array() {
                Some(calls) => calls.iter().chain(callbacks(party)).collect(),
                None => vec![party],
            };
            legs.iter().all(|leg| leg["state"] == "terminated")
                && (party["startAcwTime"].is_null() || party["endAcwTime"].is_string())
        });
        // Once over, nothing more comes unless the owner comes back with a new participant.
        let count = participants(&body).iter().filter(own).count();
        if let Some((true, before)) =
            last.insert((shown.topic.clone(), body["id"].to_string()), (over, count))
        {
            assert!(
                count > before,
                "{} goes on after its owner's part",
                shown.topic
            );
        }
    }
    assert!(
        !last.is_empty() && last.values().all(|(over, _)| *over),
        "a topic did not show its owner's part to the end"
    );
    // The caller's end is seen by somebody, whoever was there last.
    let ends = world
        .truth()
        .acts
        .iter()
        .filter(|act| act.kind == Kind::Disconnected && act.purpose == Some("customer"));
    assert!(ends.clone().count() > 50 && ends.clone().all(|act| !act.topics.is_empty()));
    // An act is new on a topic once, and then with the body that came with it.
    let mut firsts = BTreeSet::new();
    for shown in &shown {
        for act in &shown.acts {
            assert!(
                firsts.insert((*act, shown.topic.to_string())),
                "act {act} twice on {}",
                shown.topic
            );
            assert!(world.truth().acts[*act as usize].time <= shown.at);
        }
    }
    let told = world
        .truth()
        .acts
        .iter()
        .flat_map(|act| act.topics.iter().map(|topic| (act.act, topic.to_string())));
    assert_eq!(firsts, told.collect());
}

#[test]
fn what_went_out_is_marked_on_the_acts_that_it_showed() {
    let (mut world, shown) = whole_run(2);
    let some = shown
        .iter()
        .find(|shown| !shown.acts.is_empty())
        .expect("something was shown");
    world.mark_sent(&some.acts, &some.topic, 0);
    world.mark_sent(&some.acts, &some.topic, 0);
    world.mark_sent(&some.acts, "v2.users.nobody.presence", 0);
    world.mark_sent(&[u64::MAX], &some.topic, 0);
    let marked: Vec<_> = world
        .truth()
        .acts
        .iter()
        .filter(|act| !act.sent.is_empty())
        .collect();
    assert_eq!(marked.len(), some.acts.len());
    assert!(marked.iter().all(|act| act.sent == [some.topic.clone()]));
}

#[test]
fn pages_show_everybody_once() {
    let world = World::new(WorldConfig::default());
    let mut seen = BTreeSet::new();
    for number in 1..=8 {
        let page = world.users_page(25, number, &["station"], &[]);
        assert_eq!(
            (page["total"].as_u64(), page["pageCount"].as_u64()),
            (Some(200), Some(8))
        );
        assert_eq!(page["nextUri"].is_null(), number == 8);
        for user in page["entities"].as_array().unwrap() {
            assert!(user["station"].is_object() && user["presence"].is_null());
            assert!(seen.insert(user["id"].to_string()));
        }
    }
    assert_eq!(seen.len(), 200);
    assert_eq!(
        world.users_page(25, 9, &[], &[])["entities"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    let id = world.inventory().users[3].id.to_string();
    assert_eq!(world.users_page(25, 1, &[], &[&id, "nobody"])["total"], 1);
    assert!(world.queue_members_page("nobody", 25, 1).is_none());
    assert!(world.conversation("nobody").is_none());
}

/// A story without sense: steps in an order of chance.
fn nonsense(seed: u64) -> &'static [Script] {
    use gca_region::script::{Line::*, Party::*, Step::*, seconds};
    const PARTIES: [Party; 3] = [Customer, Agent, SecondAgent];
    let chance = &mut Chance::new(seed, "nonsense");
    let mut steps = Vec::new();
    if chance.share(0.8) {
        steps.extend([
            CallsIn(Customer),
            JoinsQueue(FirstQueue),
            OfferedTo(Agent),
            Answers(Agent),
        ]);
    }
    for _ in 0..chance.below(16) {
        let (party, other) = (PARTIES[chance.below(3)], PARTIES[chance.below(3)]);
        let line = if chance.share(0.5) {
            FirstQueue
        } else {
            SecondQueue
        };
        steps.push(match chance.below(20) {
            0 => CallsIn(party),
            1 => EntersMenu,
            2 => JoinsQueue(line),
            3 => OfferedTo(party),
            4 => Answers(party),
            5 => Refuses(party),
            6 => DoesNotAnswer(party),
            7 => DialsOut(party, chance.share(0.5).then_some(line)),
            8 => Holds(party),
            9 => Retrieves(party),
            10 => Mutes(party),
            11 => Unmutes(party),
            12 => PausesSecurely(party),
            13 => ResumesRecording(party),
            14 => Attaches("key", "value"),
            15 => TransfersTo(party, other),
            16 => TransfersToQueue(party, line),
            17 => HangsUp(party),
            18 => WorksAfterCall(party, seconds(1, 9), "Solved"),
            _ => WrapsUp(party, "Reached"),
        });
        if chance.share(0.7) {
            steps.push(lasts(0, 9));
        }
    }
    let script = Script {
        name: "nonsense",
        story: "",
        weight: 1,
        steps: Vec::leak(steps),
    };
    Vec::leak(vec![script])
}

#[test]
fn any_story_comes_to_an_end_and_gives_everybody_back() {
    let (mut connected, mut over) = (0, 0);
    for seed in 0..400 {
        let mut world = World::new(WorldConfig {
            seed,
            users: 4,
            queues: 2,
            calls_per_minute: 0.0,
            minutes_per_presence: 0.0,
            scripts: nonsense(seed),
            ..WorldConfig::default()
        });
        for _ in 0..3 {
            let when = Time(world.now().0 + 300);
            world.play("nonsense", when).expect("the script is known");
        }
        let steps = world.scripts()[0].steps;
        run(&mut world, 600_000, |world, _| {
            let mut busy = BTreeSet::new();
            let legs = world
                .conversations()
                .iter()
                .flat_map(|conversation| &conversation.participants);
            for user in legs
                .filter(|party| party.is_open())
                .filter_map(|party| party.user)
            {
                assert!(
                    busy.insert(user),
                    "seed {seed}: {steps:?}: two calls for one user"
                );
            }
        });
        assert_eq!(
            world.poll_timeout(),
            None,
            "seed {seed}: {steps:?} goes on for ever"
        );
        for conversation in world.conversations() {
            for party in &conversation.participants {
                assert!(party.is_over(), "seed {seed}: {steps:?}: {party:?}");
                connected += usize::from(party.connected().is_some());
            }
            over += 1;
        }
        for user in 0..4 {
            let status = world.agent(user).expect("they are there").routing.word();
            assert!(
                matches!(status, "IDLE" | "OFF_QUEUE"),
                "seed {seed}: {steps:?}: {status}"
            );
        }
    }
    assert!(connected > 2_000 && over > 500, "{connected} {over}");
}

#[test]
fn who_comes_is_listed_and_comes_to_work_and_who_leaves_is_listed_no_more() {
    let mut world = World::new(WorldConfig {
        users: 12,
        queues: 4,
        calls_per_minute: 15.0,
        ..WorldConfig::default()
    });
    let ids = |value: serde_json::Value| -> Vec<String> {
        let rows = value["entities"].as_array().unwrap();
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut now = world.now();
    let mut done: Vec<(RosterChange, String)> = Vec::new();
    for round in 0..240 {
        now = now + Millis(15_000);
        world.handle_timeout(now);
        while world.poll_shown().is_some() {}
        let change = RosterChange::ALL[round % RosterChange::ALL.len()];
        let before = (world.truth().acts.len(), world.inventory().users.len());
        let Some(changed) = world.change_roster(change, now) else {
            continue;
        };
        let id = changed.id.to_string();
        let (users, queues) = (
            ids(world.users_page(500, 1, &[], &[])),
            ids(world.queues_page(500, 1, &[])),
        );
        match change {
            RosterChange::Hire => {
                assert!(users.contains(&id));
                assert_eq!(world.truth().acts.len(), before.0, "nobody is shown it");
            }
            RosterChange::Dismiss => {
                assert!(!users.contains(&id));
                for queue in &queues {
                    let members = world.queue_members_page(queue, 500, 1).unwrap();
                    assert!(!ids(members).contains(&id));
                }
                let user = world.inventory().user(changed.id).unwrap();
                assert_eq!(world.agent(user).unwrap().presence_word(), "OFFLINE");
            }
            RosterChange::RenameUser => {
                let row = world.users_page(1, 1, &[], &[&id]);
                assert_eq!(row["entities"][0]["name"], changed.name.as_str());
            }
            RosterChange::OpenQueue => {
                assert!(queues.contains(&id));
                let members = world.queue_members_page(&id, 500, 1).unwrap();
                assert!(!ids(members).is_empty());
            }
            RosterChange::CloseQueue => {
                assert!(!queues.contains(&id));
                assert_eq!(world.queue_members_page(&id, 500, 1), None);
            }
            RosterChange::RenameQueue => {
                let row = world.queues_page(1, 1, &[&id]);
                assert_eq!(row["entities"][0]["name"], changed.name.as_str());
            }
        }
        done.push((change, id));
    }
    for change in RosterChange::ALL {
        assert!(done.iter().any(|(done, _)| *done == change), "{change:?}");
    }
    world.handle_timeout(now + Millis(600_000));
    let acts = &world.truth().acts;
    let last_of = |id: &str| {
        let of = |act: &&gca_region::truth::Act| {
            act.user.is_some_and(|user| user.to_string() == id)
                || act.queue.is_some_and(|queue| queue.to_string() == id)
        };
        acts.iter().rfind(of).map(|act| act.time)
    };
    // Of somebody who came a call was told before the end, and nothing of anybody after they had left.
    let came = |change: &RosterChange| matches!(change, RosterChange::Hire);
    assert!(
        done.iter()
            .any(|(change, id)| came(change) && last_of(id).is_some())
    );
    let shown: Vec<String> = std::iter::from_fn(|| world.poll_shown())
        .map(|shown| shown.topic.to_string())
        .collect();
    assert!(!shown.is_empty());
    for (change, id) in &done {
        if matches!(change, RosterChange::Dismiss | RosterChange::CloseQueue) {
            assert!(
                !shown.iter().any(|topic| topic.contains(id.as_str())),
                "{id}"
            );
        }
    }
}
