//! The floor: agents at stations of several kinds, told the same way by topics, by lists and by the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use gca_region::conversation::Leg;
use gca_region::time::Time;
use gca_region::truth::Kind;
use gca_region::world::{Shown, World, WorldConfig};
use serde_json::Value;

/// A small world with hasty agents.
fn hasty() -> World {
    World::new(WorldConfig {
        users: 40,
        queues: 4,
        calls_per_minute: 120.0,
        minutes_per_presence: 4.0,
        ..WorldConfig::default()
    })
}

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

/// The user of a topic `v2.users.{id}.…`.
fn owner<'a>(topic: &'a str, suffix: &str) -> Option<&'a str> {
    topic.strip_prefix("v2.users.")?.strip_suffix(suffix)
}

fn entities(page: &Value) -> &[Value] {
    page["entities"].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn agents_take_stations_of_every_kind_and_every_answer_tells_the_same() {
    let mut world = hasty();
    // What a client knows that read the list of users once and then listens.
    let mut at = BTreeMap::<String, String>::new();
    for user in entities(&world.users_page(100, 1, &["station"], &[])) {
        if let Some(station) = user["station"]["associatedStation"]["id"].as_str() {
            at.insert(user["id"].as_str().unwrap().to_owned(), station.to_owned());
        }
    }
    let mut taken = BTreeSet::new();
    let mut moves = 0;
    let mut left_at = BTreeMap::new();
    run(&mut world, 120_000, |world, shown| {
        let Some(user) = owner(&shown.topic, ".station") else {
            return;
        };
        let act = &world.truth().acts[shown.acts[0] as usize];
        assert_eq!(act.user.map(|id| id.to_string()).as_deref(), Some(user));
        let station = act.detail.clone().expect("the act names the station");
        let body: Value = serde_json::from_str(&shown.body).expect("a body is JSON");
        let told = &body["associatedStation"]["id"];
        if act.kind == Kind::StationAssociated {
            assert_eq!(shown.metadata_action, Some("Associated"));
            assert_eq!(told.as_str(), Some(&*station));
            moves += usize::from(left_at.get(user) == Some(&shown.at));
            let before = at.insert(user.to_owned(), station.clone());
            assert_eq!(before, None, "the other station was left first");
            let kind = world.station(&station).expect("it is there")["type"].clone();
            taken.insert(kind.as_str().unwrap().to_owned());
        } else {
            assert_eq!(shown.metadata_action, Some("Disassociated"));
            assert!(told.is_null());
            assert_eq!(at.remove(user), Some(station), "it is the one they had");
            left_at.insert(user.to_owned(), shown.at);
        }
    });
    assert_eq!(
        taken.iter().map(String::as_str).collect::<Vec<_>>(),
        ["generic_sip", "inin_remote", "inin_webrtc_softphone"]
    );
    assert!(moves > 3, "somebody moves without going home: {moves}");

    let users = world.users_page(100, 1, &["station"], &[]);
    let stations = world.stations_page(100, 1, &[]);
    let all = world.inventory().stations.len();
    assert!(all > 40 && entities(&stations).len() == all);
    assert_eq!(stations["totalNumberOfEntities"], stations["total"]);
    let by_id: BTreeMap<_, _> = entities(&stations)
        .iter()
        .map(|station| (station["id"].as_str().unwrap(), station))
        .collect();
    for user in entities(&users) {
        let id = user["id"].as_str().unwrap();
        let associated = &user["station"]["associatedStation"];
        assert_eq!(associated["id"].as_str(), at.get(id).map(String::as_str));
        for (_, station) in user["station"].as_object().unwrap() {
            let listed = by_id[station["id"].as_str().unwrap()];
            assert_eq!(
                (&station["type"], &station["name"]),
                (&listed["type"], &listed["name"])
            );
        }
    }
    for station in by_id.values() {
        let id = station["id"].as_str().unwrap();
        let user = at.iter().find(|(_, at)| *at == id).map(|(user, _)| &**user);
        assert_eq!(station["userId"].as_str(), user);
        assert_eq!(station["status"] == "ASSOCIATED", user.is_some());
        let web = station["type"] == "inin_webrtc_softphone";
        assert_eq!(station["webRtcUserId"].is_string(), web);
        assert_eq!(world.station(id).as_ref(), Some(*station));
    }
    assert!(world.station("nobody's").is_none());
}

#[test]
fn stations_are_listed_in_pages() {
    let world = hasty();
    let all = world.inventory().stations.len();
    let mut seen = BTreeSet::new();
    for number in 1.. {
        let page = world.stations_page(25, number, &[]);
        assert_eq!(page["totalNumberOfEntities"], all);
        for station in entities(&page) {
            assert!(seen.insert(station["id"].as_str().unwrap().to_owned()));
        }
        if page["nextUri"].is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), all);
    let two: Vec<&str> = seen.iter().take(2).map(String::as_str).collect();
    assert_eq!(world.stations_page(25, 1, &two)["total"], 2);
}

/// The users who have a connected leg.
fn talkers(world: &World) -> BTreeSet<usize> {
    (world.conversations().iter())
        .filter(|conversation| conversation.ended.is_none())
        .flat_map(|conversation| &conversation.participants)
        .filter(|party| party.legs.iter().any(Leg::is_connected))
        .filter_map(|party| party.user)
        .collect()
}

/// The state that an agent's connection must be in at rest, unless it broke.
fn due_state(world: &World, user: usize, talks: bool) -> &'static str {
    let agent = world.agent(user).expect("they are there");
    let keeps = world.inventory().stations[agent.station].persistent;
    match (
        agent.station_since.is_some() && keeps,
        talks,
        agent.presence_word(),
    ) {
        (false, ..) => "DISCONNECTED",
        (true, true, _) => "ACTIVE_CALL",
        (true, false, "ON_QUEUE") => "PERSISTED",
        (true, false, _) => "DISCONNECTED",
    }
}

#[test]
fn persistent_connections_follow_their_agents() {
    let mut world = hasty();
    let users: BTreeMap<String, usize> = (0..)
        .zip(&world.inventory().users)
        .map(|(at, user)| (user.id.to_string(), at))
        .collect();
    let mut told = BTreeMap::<usize, String>::new();
    let mut steps = BTreeMap::<(String, String), usize>::new();
    let end = Time(world.now().0 + 90_000);
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        while let Some(shown) = world.poll_shown() {
            let Some(user) = owner(&shown.topic, ".persistentconnection") else {
                continue;
            };
            let body: Value = serde_json::from_str(&shown.body).expect("a body is JSON");
            assert_eq!(body["userId"].as_str(), Some(user));
            let [act] = shown.acts[..] else {
                panic!("one body, one act")
            };
            let act = &world.truth().acts[act as usize];
            let state = body["persistentState"].as_str().unwrap().to_owned();
            assert_eq!(act.detail.as_deref(), Some(&*state));
            assert_eq!(body["eventTime"].as_str(), Some(&*act.time.iso()));
            let kind = match &*state {
                "PERSISTED" => Kind::PersistentConnectionUp,
                "ACTIVE_CALL" => Kind::PersistentConnectionActive,
                _ => Kind::PersistentConnectionDown,
            };
            assert_eq!(act.kind, kind);
            assert_eq!(body["errorInfo"].is_object(), state == "FAILED");
            let station = world.station(body["stationId"].as_str().unwrap()).unwrap();
            assert_ne!(
                station["type"], "generic_sip",
                "a telephone keeps no connection"
            );
            let before = told.insert(users[user], state.clone());
            *steps
                .entry((before.unwrap_or_default(), state))
                .or_default() += 1;
        }
        let talkers = talkers(&world);
        for user in 0..users.len() {
            let due = due_state(&world, user, talkers.contains(&user));
            let is = world.agent(user).unwrap().connection.word();
            let failed = is == "FAILED" && due == "PERSISTED";
            assert!(is == due || failed, "{is} should be {due}");
            if let Some(told) = told.get(&user) {
                let gone = told == "FAILED" && is == "DISCONNECTED";
                assert!(told == is || gone, "{told} was told, {is} is");
            }
        }
    }
    let seen = |from: &str, to: &str| {
        let step = (from.to_owned(), to.to_owned());
        assert!(steps.contains_key(&step), "{from} to {to} in {steps:?}");
    };
    seen("DISCONNECTED", "PERSISTED");
    seen("PERSISTED", "ACTIVE_CALL");
    seen("ACTIVE_CALL", "PERSISTED");
    seen("PERSISTED", "DISCONNECTED");
    seen("PERSISTED", "FAILED");
    seen("FAILED", "ACTIVE_CALL");
    assert!(steps.iter().all(|((from, to), _)| from != to), "{steps:?}");
    let count = |wanted: &str| -> usize {
        let to = steps.iter().filter(|((_, to), _)| to == wanted);
        to.map(|(_, times)| times).sum()
    };
    assert!(
        count("FAILED") * 5 < count("PERSISTED"),
        "failures are rare: {steps:?}"
    );
}

#[test]
fn who_comes_logs_on_and_who_goes_logs_off() {
    let mut world = hasty();
    let mut offline: Vec<bool> = (0..world.inventory().users.len())
        .map(|user| world.agent(user).unwrap().presence_word() == "OFFLINE")
        .collect();
    run(&mut world, 60_000, |_, _| {});
    let users: BTreeMap<_, usize> = (0..)
        .zip(&world.inventory().users)
        .map(|(at, user)| (user.id, at))
        .collect();
    let acts = &world.truth().acts;
    let mut counts = [0; 2];
    for (at, act) in acts.iter().enumerate() {
        match act.kind {
            Kind::Presence => {
                let was = &mut offline[users[&act.user.unwrap()]];
                let is = act.detail.as_deref() == Some("OFFLINE");
                let next = acts.get(at + 1);
                let log = next.filter(|next| matches!(next.kind, Kind::LoggedOn | Kind::LoggedOff));
                let expected = match (*was, is) {
                    (true, false) => Some(Kind::LoggedOn),
                    (false, true) => Some(Kind::LoggedOff),
                    _ => None,
                };
                assert_eq!(log.map(|log| log.kind), expected);
                if let Some(log) = log {
                    assert_eq!(
                        (log.user, log.time, &log.detail, &log.topics),
                        (act.user, act.time, &act.detail, &act.topics)
                    );
                }
                *was = is;
            }
            Kind::LoggedOn => counts[0] += 1,
            Kind::LoggedOff => counts[1] += 1,
            _ => {}
        }
    }
    assert!(counts.iter().all(|count| *count >= 5), "{counts:?}");
}
