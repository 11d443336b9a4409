//! Conversations as the analytics interface tells them: what happened, when, and how they are found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

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
    if act.kind == Kind::Disconnected {
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
    assert!(
        World::new(WorldConfig::default())
            .conversation_details("nobody's")
            .is_none()
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
        let world = WorldConfig {
            users: 20,
            queues: 2,
            calls_per_minute: 0.0,
            minutes_per_presence: 0.0,
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
