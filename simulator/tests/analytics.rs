//! Conversations as the analytics interface tells them: what happened, when, and how they are found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use gca_region::body;
use gca_region::conversation::{
    Callback, Cause, Conversation, Direction, Observation, Observing, Purpose, State,
};
use gca_region::region::{Region, RegionConfig, Request, Response};
use gca_region::time::Time;
use gca_region::truth::{Act, Kind};
use gca_region::world::{World, WorldConfig};
use serde_json::{Value, json};

mod members;

use members::Members;

const HOUR: i64 = 3_600_000;

fn items<'a>(object: &'a Value, member: &str) -> &'a [Value] {
    object[member].as_array().map_or(&[], Vec::as_slice)
}

/// The session of a communication, with its participant.
fn session(details: &Value, communication: &str) -> (Value, Value) {
    let parties = items(details, "participants").iter();
    let mut sessions = parties.flat_map(|party| {
        let sessions = items(party, "sessions").iter();
        sessions.map(move |session| (party.clone(), session.clone()))
    });
    sessions
        .find(|(_, session)| session["sessionId"] == communication)
        .unwrap_or_else(|| panic!("no session {communication} in {details}"))
}

/// What the details must tell of an act: a segment of one of these types that starts or ends (`false`) then.
fn told_as(kind: Kind) -> Option<(&'static [&'static str], bool)> {
    let talk: &[&str] = &[
        "interact",
        "ivr",
        "voicemail",
        "monitoring",
        "coaching",
        "barging",
    ];
    Some(match kind {
        Kind::Alerting => (&["alert"], true),
        Kind::Dialing => (&["dialing"], true),
        Kind::Contacting => (&["contacting"], true),
        Kind::Connected => (talk, true),
        Kind::Held => (&["hold"], true),
        Kind::Retrieved => (&["hold"], false),
        Kind::FlowEntered => (&["ivr"], true),
        Kind::VoicemailDeposited => (&["voicemail"], false),
        Kind::Parked => (&["parked"], true),
        Kind::Unparked => (&["parked"], false),
        Kind::MonitoringStarted => (&["monitoring"], true),
        Kind::CoachingStarted => (&["coaching"], true),
        Kind::BargedIn => (&["barging"], true),
        Kind::CallbackScheduled => (&["scheduled"], true),
        Kind::CallbackAlerting => (&["alert"], true),
        Kind::CallbackConnected => (&["callback"], true),
        Kind::AfterCallWorkStarted => (&["wrapup"], true),
        Kind::AfterCallWorkEnded => (&["wrapup"], false),
        _ => return None,
    })
}

fn check(act: &Act, details: &Value) {
    let place = format!("{:?} of {:?}: {details}", act.kind, act.script);
    if act.kind == Kind::ConversationEnded {
        assert_eq!(details["conversationEnd"], act.time.iso(), "{place}");
    }
    if act.kind == Kind::Conferenced {
        assert_eq!(details["conferenceStart"], act.time.iso(), "{place}");
    }
    let Some(communication) = act.communication else {
        return;
    };
    let (party, session) = session(details, &communication.to_string());
    assert_eq!(party["purpose"].as_str(), act.purpose, "{place}");
    let user = act.user.map(|user| user.to_string());
    assert_eq!(party["userId"].as_str(), user.as_deref(), "{place}");
    let segments = items(&session, "segments");
    if let Some((types, starts)) = told_as(act.kind) {
        let member = if starts { "segmentStart" } else { "segmentEnd" };
        let tells = |segment: &&Value| {
            segment[member] == act.time.iso()
                && types.iter().any(|word| segment["segmentType"] == **word)
        };
        assert!(segments.iter().any(|segment| tells(&segment)), "{place}");
    }
    if matches!(act.kind, Kind::Disconnected | Kind::CallbackDisconnected) {
        let mut of_media = segments.iter().filter(|one| one["segmentType"] != "wrapup");
        let last = of_media.next_back().expect("a session has a segment");
        assert_eq!(last["segmentEnd"], act.time.iso(), "{place}");
        let cause = match act.cause.expect("an end has a cause") {
            "transfer.consult" => "consultTransfer",
            "transfer.conference" => "conferenceTransfer",
            "transfer.forward" => "forwardTransfer",
            "transfer.noanswer" => "noAnswerTransfer",
            "transport.failure" => "transportFailure",
            same => same,
        };
        assert_eq!(last["disconnectType"], cause, "{place}");
    }
}

/// In each session one segment follows the other, and only the last one may go on.
fn check_order(details: &Value) {
    for party in items(details, "participants") {
        for session in items(party, "sessions") {
            let segments = items(session, "segments");
            assert!(!segments.is_empty(), "{details}");
            for pair in segments.windows(2) {
                assert_eq!(pair[0]["segmentEnd"], pair[1]["segmentStart"], "{details}");
                let ends = pair[1]["segmentType"] == "wrapup";
                assert!(pair[0]["disconnectType"].is_null() || ends, "{details}");
            }
        }
    }
}

#[test]
fn details_tell_everything_that_happened_on_a_leg() {
    let mut kinds = BTreeSet::new();
    for script in gca_region::repertoire::REPERTOIRE {
        let mut world = World::new(WorldConfig {
            calls_per_minute: 0.0,
            ..WorldConfig::default()
        });
        let first = world.play(script.name, world.now()).expect("it is known");
        let end = Time(world.now().0 + 120_000);
        let mut seen = 0;
        while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
            world.handle_timeout(due);
            while world.poll_shown().is_some() {}
            // What goes on is told while it goes on, and stays told.
            let acts = world.truth().acts.as_slice();
            for act in &acts[seen..] {
                let Some(id) = act.conversation else { continue };
                let details = world.conversation_details(&id.to_string());
                let details = details.expect("it is there");
                let mut all = world.conversations().iter();
                let goes_on = all.any(|one| one.id == id && one.ended.is_none());
                assert_eq!(details["conversationEnd"].is_null(), goes_on);
                check(act, &details);
                check_order(&details);
            }
            seen = acts.len();
        }
        let acts = &world.truth().acts;
        for act in acts.iter().filter(|act| act.conversation.is_some()) {
            kinds.insert(act.kind);
            let id = act.conversation.unwrap().to_string();
            check(act, &world.conversation_details(&id).expect("it is there"));
        }
        let details = world.conversation_details(&first.to_string());
        let details = details.expect("it is there");
        assert!(details["conversationEnd"].is_string(), "{}", script.name);
        for party in items(&details, "participants") {
            for session in items(party, "sessions") {
                let segments = items(session, "segments");
                let ended = segments.iter().all(|one| one["segmentEnd"].is_string());
                assert!(ended, "{}: {details}", script.name);
            }
        }
    }
    // The stories come to what details can tell.
    for kind in [
        Kind::Alerting,
        Kind::Dialing,
        Kind::Contacting,
        Kind::FlowEntered,
        Kind::Retrieved,
        Kind::AfterCallWorkEnded,
    ] {
        assert!(kinds.contains(&kind), "no {kind:?} in {kinds:?}");
    }
    assert!(
        World::new(WorldConfig::default())
            .conversation_details("nobody's")
            .is_none()
    );
}

/// A conversation of a customer with an agent, long enough to put somebody beside them.
fn talk() -> (World, Conversation, Time) {
    let mut world = World::new(WorldConfig {
        calls_per_minute: 0.0,
        ..WorldConfig::default()
    });
    world.play("inbound", world.now()).expect("it is known");
    let talks = |world: &World| {
        let mut all = world
            .conversations()
            .iter()
            .flat_map(|one| &one.participants);
        all.any(|party| party.purpose == Purpose::Agent && party.is_connected())
    };
    while !talks(&world) {
        let due = world.poll_timeout().expect("an agent answers some time");
        world.handle_timeout(due);
    }
    let now = world.now();
    let conversation = world.conversations().iter().next().cloned();
    (world, conversation.expect("it was played"), now)
}

/// The participant's one session.
fn only_session(details: &Value, participant: usize) -> Value {
    let sessions = items(&details["participants"][participant], "sessions");
    assert_eq!(sessions.len(), 1, "{details}");
    sessions[0].clone()
}

#[test]
fn a_conference_is_told_while_three_talk() {
    let (world, mut conversation, now) = talk();
    let at = |seconds: i64| Time(now.0 + seconds * 1_000);
    let agent = conversation.participants.last().expect("the agent").clone();
    let mut third = agent.clone();
    third.legs[0].segments.clear();
    third.legs[0].segment("Interact", at(20));
    third.legs[0].end_segment("Disconnect", at(30));
    third.legs[0].disconnected = Some(at(30));
    conversation.participants.push(third);
    let place = conversation.participants.len() - 2;
    let details =
        |conversation: &Conversation| body::analytics::details(world.inventory(), conversation);

    // The agent has the customer on hold while the third one speaks: two at a time.
    let leg = &mut conversation.participants[place].legs[0];
    leg.segment("Hold", at(10));
    leg.segment("Interact", at(30));
    assert!(details(&conversation)["conferenceStart"].is_null());

    // They come together after five seconds.
    let leg = &mut conversation.participants[place].legs[0];
    leg.segments.pop();
    leg.segment("Interact", at(25));
    let told = details(&conversation);
    assert_eq!(told["conferenceStart"], at(25).iso());
    let flags = |participant: usize| -> Vec<(String, bool)> {
        let session = only_session(&told, participant);
        let flag = |segment: &Value| {
            let kind = segment["segmentType"].as_str().unwrap().to_owned();
            (kind, segment["conference"] == true)
        };
        items(&session, "segments").iter().map(flag).collect()
    };
    let told_of_agent: Vec<_> = flags(place).into_iter().skip(1).collect();
    assert_eq!(
        told_of_agent,
        [("interact", false), ("hold", false), ("interact", true)]
            .map(|(kind, together)| (kind.to_owned(), together))
    );
    assert_eq!(flags(place + 1), [("interact".to_owned(), true)]);
    assert!(flags(0).contains(&("interact".to_owned(), true)));
    let problems = Members::rest().check("AnalyticsConversationWithoutAttributes", &told);
    assert_eq!(problems, Vec::<String>::new());

    // A supervisor who listens makes no conference; one who barges in does.
    let (customer, supervised) = (conversation.participants[0].clone(), agent.id);
    assert!(customer.purpose.is_outside());
    conversation.participants.truncate(place);
    conversation.participants.push(agent.clone());
    let mut supervisor = agent;
    supervisor.legs[0].segments.clear();
    supervisor.legs[0].segment("Interact", at(5));
    for (how, since, kinds, member) in [
        (
            Observing::Monitors,
            5,
            vec!["monitoring"],
            "monitoredParticipantId",
        ),
        (
            Observing::Coaches,
            8,
            vec!["monitoring", "coaching"],
            "coachedParticipantId",
        ),
        (
            Observing::Barges,
            9,
            vec!["monitoring", "barging"],
            "bargedParticipantId",
        ),
    ] {
        supervisor.observes = Some(Observation {
            how,
            participant: supervised,
            since: at(since),
        });
        let mut conversation = conversation.clone();
        conversation.participants.push(supervisor.clone());
        let told = details(&conversation);
        let session = only_session(&told, place + 1);
        let told_kinds: Vec<&str> = items(&session, "segments")
            .iter()
            .map(|segment| segment["segmentType"].as_str().unwrap())
            .collect();
        assert_eq!(told_kinds, kinds);
        assert_eq!(session[member], supervised.to_string());
        let last = items(&session, "segments").last().unwrap();
        assert_eq!(last["segmentStart"], at(since).iso());
        let conference = (how == Observing::Barges).then(|| at(since).iso());
        assert_eq!(told["conferenceStart"].as_str(), conference.as_deref());
    }
}

#[test]
fn a_callback_is_a_session_of_its_own() {
    let (world, mut conversation, now) = talk();
    let at = |seconds: i64| Time(now.0 + seconds * 1_000);
    let party = conversation.participants.last_mut().expect("the agent");
    party.started = at(-60);
    let mut callback = Callback {
        id: world.inventory().site,
        state: State::Connected,
        initial: State::Alerting,
        direction: Direction::Outbound,
        scheduled: Some(at(-50)),
        connected: Some(at(-55)),
        disconnected: None,
        cause: None,
        number: "+15125550142".to_owned(),
        name: "Austin TX".to_owned(),
        preview: None,
    };
    let mut tell = |callback: &Callback| {
        let party = conversation.participants.last_mut().expect("the agent");
        party.callbacks = vec![callback.clone()];
        let told = body::analytics::details(world.inventory(), &conversation);
        let problems = Members::rest().check("AnalyticsConversationWithoutAttributes", &told);
        assert_eq!(problems, Vec::<String>::new());
        let sessions = items(items(&told, "participants").last().unwrap(), "sessions").to_vec();
        assert_eq!(sessions.len(), 2, "the callback and the voice leg");
        assert_eq!(
            (&sessions[0]["mediaType"], &sessions[1]["mediaType"]),
            (&json!("callback"), &json!("voice"))
        );
        sessions[0].clone()
    };
    let told = tell(&callback);
    assert_eq!(told["sessionId"], callback.id.to_string());
    assert_eq!(told["callbackNumbers"], json!(["+15125550142"]));
    assert_eq!(told["callbackScheduledTime"], at(-50).iso());
    let segments = |session: &Value| -> Vec<Value> {
        let parts = [
            "segmentType",
            "segmentStart",
            "segmentEnd",
            "disconnectType",
        ];
        let part = |segment: &Value| parts.iter().map(|part| segment[*part].clone()).collect();
        items(session, "segments").iter().map(part).collect()
    };
    let (from, taken, over) = (at(-60).iso(), at(-55).iso(), at(5).iso());
    assert_eq!(
        segments(&told),
        [
            json!(["alert", from, taken, null]),
            json!(["callback", taken, null, null])
        ]
    );
    (callback.disconnected, callback.cause) = (Some(at(5)), Some(Cause::Client));
    assert_eq!(
        segments(&tell(&callback)),
        [
            json!(["alert", from, taken, null]),
            json!(["callback", taken, over, "client"])
        ]
    );
    (callback.initial, callback.connected) = (State::Scheduled, None);
    assert_eq!(
        segments(&tell(&callback)),
        [json!(["scheduled", from, over, "client"])]
    );
}

/// A region with a client, and calls that began over several days.
struct Bench {
    region: Region,
    now: Time,
    token: String,
}

impl Bench {
    fn new() -> Self {
        Self::with(0.0)
    }

    fn with(minutes_per_presence: f64) -> Self {
        let world = WorldConfig {
            users: 20,
            queues: 2,
            calls_per_minute: 0.0,
            minutes_per_presence,
            ..WorldConfig::default()
        };
        let mut bench = Self {
            now: world.start,
            region: Region::new(RegionConfig::new(world)),
            token: String::new(),
        };
        bench.log_in();
        bench
    }

    fn log_in(&mut self) {
        use base64::Engine as _;
        let client = self.region.clients()[0].clone();
        let pair = format!("{}:{}", client.id, client.secret);
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        let mut request = Request::new("POST", "/oauth/token");
        request.authorization = Some(format!("Basic {pair}"));
        request.content_type = Some("application/x-www-form-urlencoded".to_owned());
        request.body = b"grant_type=client_credentials".to_vec();
        let answer = self.region.handle_request(&request, self.now).value();
        let token = answer["access_token"].as_str().expect("a token");
        token.clone_into(&mut self.token);
    }

    fn play(&mut self, script: &str, then_ms: i64) -> String {
        let id = self.region.play(script, self.now).expect("it is known");
        self.now = Time(self.now.0 + then_ms);
        self.region.handle_timeout(self.now);
        id.to_string()
    }

    fn ask(&mut self, request: Request) -> Response {
        self.region
            .handle_request(&request.bearer(&self.token), self.now)
    }

    fn query(&mut self, query: Value) -> Response {
        let path = "/api/v2/analytics/conversations/details/query";
        self.ask(Request::new("POST", path).json(&query))
    }

    fn switch(&mut self, switches: Value) {
        let request = Request::new("POST", "/_sim/switches").json(&switches);
        let answer = self.region.handle_request(&request, self.now);
        assert_eq!(answer.status, 200, "{}", answer.value());
    }

    /// What a query for agents answers.
    fn agents(&mut self, query: Value) -> Value {
        let path = "/api/v2/analytics/users/details/query";
        let answer = self.ask(Request::new("POST", path).json(&query));
        assert_eq!(answer.status, 200, "{}", answer.value());
        let problems = Members::rest().check("AnalyticsUserDetailsQueryResponse", &answer.value());
        assert_eq!(problems, Vec::<String>::new());
        answer.value()
    }

    /// The ids that a query finds, and how many there are in all.
    fn found(&mut self, query: Value) -> (Vec<String>, u64) {
        let answer = self.query(query);
        assert_eq!(answer.status, 200, "{}", answer.value());
        let answer = answer.value();
        let problems = Members::rest().check("AnalyticsConversationQueryResponse", &answer);
        assert_eq!(problems, Vec::<String>::new());
        let ids = items(&answer, "conversations").iter();
        let ids = ids.map(|one| one["conversationId"].as_str().unwrap().to_owned());
        (
            ids.collect(),
            answer["totalHits"].as_u64().expect("totalHits"),
        )
    }
}

#[test]
fn a_query_finds_what_began_on_the_days_that_it_touches() {
    // It is 10:00 on the 22nd.
    let mut bench = Bench::new();
    let first = bench.play("inbound", 2 * HOUR);
    let second = bench.play("outbound", 23 * HOUR);
    let third = bench.play("abandoned", HOUR);
    // The first token lived for a day.
    bench.log_in();
    let query = |interval: &str| json!({ "interval": interval });
    for (interval, ids) in [
        (
            "2026-11-22T00:00:00Z/2026-11-23T00:00:00Z",
            vec![&first, &second],
        ),
        (
            "2026-11-22T20:00:00.000Z/2026-11-22T21:00:00.000Z",
            vec![&first, &second],
        ),
        (
            "2026-11-22T23:00:00Z/2026-11-23T00:00:00.001Z",
            vec![&first, &second, &third],
        ),
        ("2026-11-23T00:00:00Z/2026-11-24T00:00:00Z", vec![&third]),
        ("2026-11-21T00:00:00Z/2026-11-22T00:00:00Z", vec![]),
    ] {
        let (found, total) = bench.found(query(interval));
        assert_eq!(found.iter().collect::<Vec<_>>(), ids, "{interval}");
        assert_eq!(total, ids.len() as u64, "{interval}");
    }
    let nothing = bench.query(query("2026-11-21T00:00:00Z/2026-11-22T00:00:00Z"));
    assert_eq!(nothing.value(), json!({ "totalHits": 0 }));
    for wrong in [
        json!({}),
        query("yesterday"),
        query("2026-11-22T00:00:00Z"),
        query("2026-11-23T00:00:00Z/2026-11-22T00:00:00Z"),
        query("2026-01-01T00:00:00Z/2026-11-22T00:00:00Z"),
        json!("2026-11-22T00:00:00Z/2026-11-23T00:00:00Z"),
    ] {
        let answer = bench.query(wrong.clone());
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.value());
    }
}

#[test]
fn a_query_is_ordered_and_paged() {
    let mut bench = Bench::new();
    let mut ids: Vec<String> = (0..7).map(|_| bench.play("inbound", 60_000)).collect();
    let going_on = bench.play("inbound", 10);
    ids.push(going_on.clone());
    let interval = "2026-11-22T00:00:00Z/2026-11-23T00:00:00Z";
    let mut pages = Vec::new();
    for number in 1..=3 {
        let paging = json!({ "pageSize": 3, "pageNumber": number });
        let (page, total) = bench.found(json!({ "interval": interval, "paging": paging }));
        assert_eq!((page.len(), total), (if number < 3 { 3 } else { 2 }, 8));
        pages.extend(page);
    }
    assert_eq!(pages, ids, "by their start, the oldest first");
    let (newest, _) = bench.found(json!({
        "interval": interval, "order": "desc", "orderBy": "conversationStart",
        "paging": { "pageSize": 2, "pageNumber": 1 },
    }));
    assert_eq!(newest, [ids[7].clone(), ids[6].clone()]);
    let (by_end, _) = bench.found(json!({ "interval": interval, "orderBy": "conversationEnd" }));
    assert_eq!(by_end.last(), Some(&going_on), "what goes on comes last");
    assert_eq!(by_end.iter().collect::<BTreeSet<_>>(), ids.iter().collect());
    for paging in [
        json!({ "pageSize": 0 }),
        json!({ "pageSize": 201 }),
        json!({ "pageNumber": 0 }),
    ] {
        let answer = bench.query(json!({ "interval": interval, "paging": paging }));
        assert_eq!(answer.status, 400, "{}", answer.value());
    }
}

#[test]
fn a_query_is_filtered_by_conversations_and_by_segments() {
    let mut bench = Bench::new();
    let inbound = bench.play("after_call_work", 120_000);
    let outbound = bench.play("outbound", 120_000);
    let going_on = bench.play("inbound", 10);
    let interval = "2026-11-22T00:00:00Z/2026-11-23T00:00:00Z";
    let details = |bench: &mut Bench, id: &str| {
        let world = bench.region.world();
        world.conversation_details(id).expect("it is there")
    };
    let of_inbound = details(&mut bench, &inbound);
    let agent = items(&of_inbound, "participants")
        .iter()
        .find(|one| one["purpose"] == "agent");
    let agent = agent.expect("an agent took it")["userId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut find = |kind: &str, filters: Value, ids: &[&String]| {
        let (found, _) = bench.found(json!({ "interval": interval, kind: filters }));
        assert_eq!(found.iter().collect::<Vec<_>>(), ids, "{kind} {filters}");
    };
    let conversation = "conversationFilters";
    let end = |operator: &str| {
        json!([{ "type": "and", "predicates": [
            { "type": "dimension", "dimension": "conversationEnd", "operator": operator },
        ] }])
    };
    find(conversation, end("exists"), &[&inbound, &outbound]);
    find(conversation, end("notExists"), &[&going_on]);
    let id = |id: &str| json!({ "dimension": "conversationId", "value": id });
    find(
        conversation,
        json!([{ "type": "or", "predicates": [id(&going_on), id(&outbound)] }]),
        &[&outbound, &going_on],
    );
    find(
        conversation,
        json!([{ "type": "and", "predicates": [id(&going_on), id(&outbound)] }]),
        &[],
    );
    find(
        conversation,
        json!([
            { "type": "and", "clauses": [{ "type": "or", "predicates": [id(&inbound)] }] },
            { "type": "and", "predicates": [
                { "dimension": "originatingDirection", "operator": "matches", "value": "inbound" },
            ] },
        ]),
        &[&inbound],
    );
    let segment = "segmentFilters";
    let is = |dimension: &str, value: &str| json!({ "dimension": dimension, "value": value });
    find(
        segment,
        json!([{ "type": "and", "predicates": [is("userId", &agent), is("segmentType", "wrapup")] }]),
        &[&inbound],
    );
    find(
        segment,
        json!([{ "type": "and", "predicates": [is("mediaType", "voice"), is("purpose", "ivr")] }]),
        &[&inbound],
    );
    find(
        segment,
        json!([{ "type": "and", "predicates": [
            { "dimension": "segmentEnd", "operator": "notExists" },
        ] }]),
        &[&going_on],
    );
    let unknown = json!([{ "type": "and", "predicates": [is("weather", "fine")] }]);
    let answer = bench.query(json!({ "interval": interval, "conversationFilters": unknown }));
    assert_eq!(answer.status, 400);
    let told = answer.value()["message"].as_str().unwrap().to_owned();
    assert!(told.contains("\"weather\""), "{told}");
}

#[test]
fn details_are_read_by_id() {
    let mut bench = Bench::new();
    let (first, second) = (bench.play("held", 120_000), bench.play("inbound", 10));
    let path = "/api/v2/analytics/conversations/details";
    let ids = format!("{first},{second},00000000-0000-4000-8000-000000000000");
    let answer = bench.ask(Request::new("GET", path).query("id", &ids));
    assert_eq!(answer.status, 200);
    let answer = answer.value();
    let class = "AnalyticsConversationWithoutAttributesMultiGetResponse";
    assert_eq!(Members::rest().check(class, &answer), Vec::<String>::new());
    let found = items(&answer, "conversations");
    assert_eq!(found.len(), 2);
    assert_eq!(
        (&found[0]["conversationId"], &found[1]["conversationId"]),
        (&json!(first), &json!(second))
    );
    assert!(found[0]["conversationEnd"].is_string() && found[1]["conversationEnd"].is_null());
    let one = |id: &str| {
        Request::new(
            "GET",
            &format!("/api/v2/analytics/conversations/{id}/details"),
        )
    };
    assert_eq!(bench.ask(one(&first)).value(), found[0]);
    assert_eq!(bench.ask(one("nobody's")).status, 404);
    let ivr = items(&found[0], "participants")
        .iter()
        .find(|one| one["purpose"] == "ivr");
    let ivr = ivr.expect("a flow answered it");
    assert_eq!(
        ivr["sessions"][0]["flow"]["flowName"],
        ivr["participantName"]
    );
    assert_eq!(bench.ask(Request::new("PUT", path)).status, 405);
    let query = "/api/v2/analytics/conversations/details/query";
    assert_eq!(bench.ask(Request::new("GET", query)).status, 405);
    let stranger = Request::new("GET", path).bearer("nobody's");
    assert_eq!(
        bench.region.handle_request(&stranger, bench.now).status,
        401
    );
}

const DAY: &str = "2026-11-22T00:00:00Z/2026-11-23T00:00:00Z";

/// Starts, words and ends of the records of a user.
fn spells(
    answer: &Value,
    user: &str,
    list: &str,
    word: &str,
) -> Vec<(String, String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let users = items(answer, "userDetails").iter();
    let records = users
        .filter(|one| one["userId"] == user)
        .flat_map(|one| items(one, list));
    records
        .map(|record| {
            (
                text(&record["startTime"]).unwrap(),
                text(&record[word]).unwrap(),
                text(&record["endTime"]),
            )
        })
        .collect()
}

#[test]
fn an_agents_past_is_what_really_happened() {
    let mut bench = Bench::with(4.0);
    for _ in 0..30 {
        bench.play("inbound", 60_000);
    }
    let answer = bench.agents(json!({ "interval": DAY }));
    assert_eq!(answer["totalHits"], 20);
    let mut acts = 0;
    for (kind, list, word) in [
        (Kind::Presence, "primaryPresence", "systemPresence"),
        (Kind::RoutingStatus, "routingStatus", "routingStatus"),
    ] {
        for user in &bench.region.world().inventory().users {
            let told = spells(&answer, &user.id.to_string(), list, word);
            let happened: Vec<(String, String)> = (bench.region.world().truth().acts.iter())
                .filter(|act| act.kind == kind && act.user == Some(user.id))
                .map(|act| (act.time.iso(), act.detail.clone().unwrap()))
                .collect();
            // The first is how they were when the world began.
            let (_, changes) = told.split_first().expect("they always are somehow");
            let changes: Vec<(String, String)> = changes
                .iter()
                .map(|(from, what, _)| (from.clone(), what.clone()))
                .collect();
            assert_eq!(changes, happened);
            let ends: Vec<Option<String>> = told.iter().map(|(.., to)| to.clone()).collect();
            let next = told.iter().skip(1).map(|(from, ..)| Some(from.clone()));
            assert_eq!(ends, next.chain([None]).collect::<Vec<_>>());
            acts += happened.len();
        }
    }
    assert!(acts > 100, "the test is not hard enough: {acts}");
}

#[test]
fn agents_are_found_by_their_ids_and_by_the_interval_page_after_page() {
    let mut bench = Bench::with(4.0);
    let start = bench.now;
    bench.now = Time(start.0 + HOUR);
    bench.region.handle_timeout(bench.now);
    let users: Vec<String> = (bench.region.world().inventory().users.iter())
        .map(|user| user.id.to_string())
        .collect();
    let filter = |ids: &[&String]| {
        let predicates: Vec<Value> = ids
            .iter()
            .map(|id| json!({ "type": "dimension", "dimension": "userId", "operator": "matches", "value": id }))
            .collect();
        json!([{ "type": "or", "predicates": predicates }])
    };
    let found =
        bench.agents(json!({ "interval": DAY, "userFilters": filter(&[&users[3], &users[5]]) }));
    let ids: BTreeSet<&str> = (items(&found, "userDetails").iter())
        .map(|one| one["userId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, BTreeSet::from([&*users[3], &*users[5]]));

    // What was before the interval and what comes after is not told; what reaches into it is, with its own times.
    let (from, to) = (Time(start.0 + HOUR / 2), Time(start.0 + HOUR / 2 + 60_000));
    let minute = format!("{}/{}", from.iso(), to.iso());
    let in_minute = bench.agents(json!({ "interval": minute }));
    let all_day = bench.agents(json!({ "interval": DAY }));
    let mut cut = 0;
    for user in &users {
        let expected: Vec<_> = spells(&all_day, user, "primaryPresence", "systemPresence")
            .into_iter()
            .filter(|(start, _, end)| {
                *start < to.iso() && end.as_ref().is_none_or(|end| *end > from.iso())
            })
            .collect();
        cut += usize::from(expected.iter().any(|(start, ..)| *start < from.iso()));
        assert_eq!(
            spells(&in_minute, user, "primaryPresence", "systemPresence"),
            expected
        );
    }
    assert!(cut > 0);

    let mut paged = Vec::new();
    for number in 1.. {
        let paging = json!({ "pageSize": 7, "pageNumber": number });
        let page = bench.agents(json!({ "interval": DAY, "paging": paging }));
        assert_eq!(page["totalHits"], 20);
        let rows = items(&page, "userDetails");
        if rows.is_empty() {
            assert_eq!((number, page.get("userDetails")), (4, None));
            break;
        }
        paged.extend(
            rows.iter()
                .map(|one| one["userId"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(paged, users);

    for wrong in [
        json!({}),
        json!({ "interval": DAY, "paging": { "pageSize": 0 } }),
        json!({ "interval": DAY, "userFilters": [{ "type": "or", "predicates": [{ "dimension": "mood", "value": "x" }] }] }),
    ] {
        let path = "/api/v2/analytics/users/details/query";
        let answer = bench.ask(Request::new("POST", path).json(&wrong));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.value());
    }
    let forgotten = Time(bench.now.0 + HOUR);
    bench.region.forget(bench.now);
    let now = bench.agents(json!({ "interval": DAY }));
    assert!(
        users
            .iter()
            .all(|user| spells(&now, user, "routingStatus", "routingStatus").len() <= 1)
    );
    assert!(forgotten > bench.now);
}

#[test]
fn analytics_knows_of_what_happened_only_after_a_while() {
    let mut bench = Bench::with(4.0);
    bench.switch(json!({ "analytics_delay_ms": 120_000 }));
    let id = bench.play("after_call_work", 55_000);
    assert_eq!(bench.found(json!({ "interval": DAY })).0, [""; 0]);
    let open = json!({
        "interval": DAY,
        "conversationFilters": [{ "type": "and", "predicates": [
            { "type": "dimension", "dimension": "conversationEnd", "operator": "notExists" },
        ] }],
        "segmentFilters": [{ "type": "or", "predicates": [
            { "type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "voice" },
        ] }],
    });
    let ended = |bench: &Bench| {
        let details = bench.region.world().conversation_details(&id).unwrap();
        details["conversationEnd"].as_str().map(str::to_owned)
    };
    let (mut seen_open, mut seen_over, mut segments) = (0, 0, 0);
    for _ in 0..60 {
        bench.now = Time(bench.now.0 + 5_000);
        bench.region.handle_timeout(bench.now);
        let found = bench.query(json!({ "interval": DAY })).value();
        let is_open = !bench.found(open.clone()).0.is_empty();
        let Some(one) = items(&found, "conversations").first() else {
            continue;
        };
        let told: usize = (items(one, "participants").iter())
            .flat_map(|party| items(party, "sessions"))
            .map(|session| items(session, "segments").len())
            .sum();
        assert!(told >= segments, "what is known stays known");
        segments = told;
        let horizon = Time(bench.now.0 - 60_000).iso();
        let text = one.to_string();
        let times = text
            .match_indices("\"2026-")
            .map(|(at, _)| &text[at + 1..at + 25]);
        assert!(
            times.into_iter().all(|time| time <= &*horizon),
            "{text} at {horizon}"
        );
        match one["conversationEnd"].as_str() {
            None => seen_open += usize::from(is_open),
            Some(end) => {
                assert_eq!((Some(end.to_owned()), is_open), (ended(&bench), false));
                seen_over += 1;
            }
        }
    }
    assert!(seen_over > 10, "{seen_open} {seen_over}");
    let details = bench.region.world().conversation_details(&id).unwrap();
    let found = bench.query(json!({ "interval": DAY })).value();
    assert_eq!(
        found["conversations"][0], details,
        "in the end all is known"
    );

    // Agents, too.
    let agents = bench.agents(json!({ "interval": DAY })).to_string();
    let horizon = Time(bench.now.0 - 120_000).iso();
    let times = agents
        .match_indices("\"2026-")
        .map(|(at, _)| &agents[at + 1..at + 25]);
    assert!(times.into_iter().all(|time| time <= &*horizon));
}

#[test]
fn totals_may_be_off_and_pages_may_shift_but_all_rows_are_there() {
    let mut bench = Bench::new();
    let ids: Vec<String> = (0..30).map(|_| bench.play("inbound", 60_000)).collect();
    bench.switch(json!({ "analytics_totals_off": 0.3, "analytics_pages_shift": 4 }));
    let (mut totals, mut found, mut rows) = (BTreeSet::new(), Vec::new(), 0);
    for number in 1.. {
        let paging = json!({ "pageSize": 5, "pageNumber": number });
        let (page, total) = bench.found(json!({ "interval": DAY, "paging": paging }));
        totals.insert(total);
        if page.is_empty() {
            break;
        }
        rows += page.len();
        found.extend(
            page.into_iter()
                .filter(|id| !found.contains(id))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(found, ids);
    assert!(rows > ids.len(), "some came twice: {rows}");
    assert!(
        totals.len() > 1 && totals.iter().all(|total| (21..=39).contains(total)),
        "{totals:?}"
    );
}
