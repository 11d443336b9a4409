//! The region in virtual time: its limits, its lives and its faults, without a socket and without a clock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use gca_region::channel::SocketId;
use gca_region::fault::{Among, Fault, FaultOrder, WhichToken};
use gca_region::region::{NEVER, Region, RegionConfig, Request, Response, SocketInput, Transmit};
use gca_region::time::Time;
use gca_region::world::WorldConfig;
use serde_json::{Value, json};

mod members;

use members::Members;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A region, a client of it, and the time.
struct Bench {
    region: Region,
    now: Time,
    token: String,
    sent: Vec<(SocketId, Transmit)>,
}

impl Bench {
    /// Nothing happens in this world but what is asked for.
    fn quiet() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut RegionConfig)) -> Self {
        let world = WorldConfig {
            users: 20,
            queues: 2,
            calls_per_minute: 0.0,
            minutes_per_presence: 0.0,
            ..WorldConfig::default()
        };
        let mut config = RegionConfig::new(world);
        change(&mut config);
        let now = config.world.start;
        let mut bench = Self {
            region: Region::new(config),
            now,
            token: String::new(),
            sent: Vec::new(),
        };
        bench.log_in();
        bench
    }

    fn log_in(&mut self) {
        let answer = self.ask_for_token(None);
        assert_eq!(answer.status, 200);
        self.token = answer.value()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
    }

    fn ask_for_token(&mut self, secret: Option<&str>) -> Response {
        use base64::Engine as _;
        let client = self.region.clients()[0].clone();
        let pair = format!("{}:{}", client.id, secret.unwrap_or(&client.secret));
        let mut request = Request::new("POST", "/oauth/token");
        request.authorization = Some(format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair)
        ));
        request.content_type = Some("application/x-www-form-urlencoded".to_owned());
        request.body = b"grant_type=client_credentials".to_vec();
        self.request(request)
    }

    fn request(&mut self, request: Request) -> Response {
        let answer = self.region.handle_request(&request, self.now);
        self.collect();
        answer
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::new(method, &format!("/api/v2/{path}")).bearer(&self.token);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').expect("name=value");
            request = request.query(name, value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.request(request)
    }

    fn pass(&mut self, ms: i64) {
        self.now = Time(self.now.0 + ms);
        self.region.handle_timeout(self.now);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.region.poll_transmit() {
            self.sent.push(output);
        }
    }

    fn channel(&mut self) -> String {
        let answer = self.ask("POST", "notifications/channels", Some(json!({})));
        assert_eq!(answer.status, 200, "{}", answer.value());
        answer.value()["id"].as_str().expect("an id").to_owned()
    }

    fn connect(&mut self, channel: &str) -> SocketId {
        let socket = self
            .region
            .open_socket(&format!("/channels/{channel}"), self.now)
            .expect("an upgrade");
        self.collect();
        socket
    }

    fn say(&mut self, socket: SocketId, message: Value) {
        self.region
            .handle_socket(socket, SocketInput::Text(message.to_string()), self.now);
        self.collect();
    }

    fn fault(&mut self, fault: Fault) {
        self.region.plan_fault(FaultOrder::now(fault), self.now);
        self.pass(0);
    }

    fn subscribe(&mut self, channel: &str, topics: &[&str], query: &str) -> Response {
        let body: Vec<Value> = topics.iter().map(|topic| json!({ "id": topic })).collect();
        self.ask(
            "POST",
            &format!("notifications/channels/{channel}/subscriptions{query}"),
            Some(json!(body)),
        )
    }

    fn exists(&mut self, channel: &str) -> bool {
        self.ask("HEAD", &format!("notifications/channels/{channel}"), None)
            .status
            == 200
    }

    /// What a socket got since the last look, as JSON; closes as `{"close": code}`.
    fn got(&mut self, socket: SocketId) -> Vec<Value> {
        let (own, others) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(to, _)| *to == socket);
        self.sent = others;
        let own: Vec<(SocketId, Transmit)> = own;
        own.into_iter()
            .map(|(_, what)| match what {
                Transmit::Text(text) => serde_json::from_str(&text).expect("JSON"),
                Transmit::Close { code, .. } => json!({ "close": code }),
                Transmit::Cut => json!("cut"),
                Transmit::Silence => json!("silence"),
                Transmit::Binary(_) => json!("binary"),
            })
            .collect()
    }

    /// The topics of the notifications among it.
    fn topics(&mut self, socket: SocketId) -> Vec<String> {
        let got = self.got(socket);
        got.iter()
            .filter_map(|frame| frame["topicName"].as_str())
            .map(str::to_owned)
            .collect()
    }

    fn user(&mut self, index: usize) -> String {
        let page = self.ask("GET", "users?pageSize=25", None).value();
        page["entities"][index]["id"]
            .as_str()
            .expect("a user's id")
            .to_owned()
    }

    fn all_user_topics(&mut self) -> Vec<String> {
        let page = self.ask("GET", "users?pageSize=100", None).value();
        let users = page["entities"].as_array().expect("users").clone();
        users
            .iter()
            .map(|user| {
                format!(
                    "v2.users.{}?conversations&conversations.calls",
                    user["id"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }

    /// Plays a call and lets it end.
    fn play(&mut self) {
        let script = self.region.world().scripts()[0].name;
        self.region.play(script, self.now).expect("a script");
        self.collect();
        for _ in 0..600 {
            self.pass(1_000);
        }
    }
}

fn code(answer: &Response) -> String {
    answer.value()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_wrong_client_is_refused_in_the_platforms_words() {
    let mut bench = Bench::quiet();
    let expected = json!({
        "error": "invalid_client", "description": "client not found", "error_description": "client not found",
    });
    let answer = bench.ask_for_token(Some("wrong"));
    assert_eq!((answer.status, answer.value()), (400, expected.clone()));
    let switched = bench.request(
        Request::new("POST", "/_sim/switches").json(&json!({ "refused_client_status": 401 })),
    );
    assert_eq!(switched.status, 200);
    let answer = bench.ask_for_token(Some("wrong"));
    assert_eq!((answer.status, answer.value()), (401, expected));
    let mut json = Request::new("POST", "/oauth/token").json(&json!({}));
    json.authorization = Some("Basic YTpi".to_owned());
    let refused = bench.request(json).value();
    let told = refused["message"].as_str().expect("a message");
    assert!(told.contains("x-www-form-urlencoded"), "{told}");
}

#[test]
fn switches_and_frames_of_any_size_do_no_harm() {
    let mut bench = Bench::quiet();
    let switches =
        json!({ "heartbeat_ms": i64::MAX, "channel_life_s": u32::MAX, "token_life_s": u32::MAX });
    let answer = bench.request(Request::new("POST", "/_sim/switches").json(&switches));
    assert_eq!(answer.status, 200);
    bench.log_in();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    let frames = Request::new("POST", "/_sim/frames")
        .query("count", "3")
        .query("rate", "1e-300");
    assert_eq!(
        bench
            .request(frames.json(&json!({ "some": "frame" })))
            .status,
        200
    );
    bench.fault(Fault::SocketClosing { grace_s: 1e300 });
    bench.pass(3_600_000);
    assert_eq!(
        bench.got(socket).len(),
        2,
        "one frame and the announcement, no heartbeat and no close"
    );
}

#[test]
fn a_token_lives_as_long_as_it_says_and_takes_its_channels_with_it() {
    let mut bench = Bench::with(|config| config.switches.token_life_s = 300);
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.pass(299_999);
    assert_eq!(bench.ask("GET", "tokens/me", None).status, 200);
    bench.pass(1);
    let refused = bench.ask("GET", "tokens/me", None);
    assert_eq!(
        (refused.status, code(&refused)),
        (401, "bad.credentials".to_owned())
    );
    assert_eq!(bench.got(socket).last(), Some(&json!({ "close": 1000 })));
    bench.log_in();
    assert!(!bench.exists(&channel));
    let none = bench.request(Request::new("GET", "/api/v2/tokens/me"));
    assert_eq!(
        (none.status, code(&none)),
        (401, "authentication.required".to_owned())
    );
}

#[test]
fn error_bodies_are_the_platforms() {
    let mut bench = Bench::quiet();
    for (method, path, status, expected) in [
        ("GET", "no/such/thing", 404, "not.found"),
        (
            "GET",
            "conversations/0d2c5e0c-6ca8-4be2-9e44-4e9a7d1b7d1f",
            404,
            "not.found",
        ),
        (
            "HEAD",
            "notifications/channels/streaming-0-none",
            404,
            "not.found",
        ),
        ("PATCH", "users", 405, "method.not.allowed"),
        (
            "DELETE",
            "notifications/channels",
            405,
            "method.not.allowed",
        ),
        ("GET", "users?pageSize=0", 400, "bad.request"),
    ] {
        let answer = bench.ask(method, path, None);
        let body = answer.value();
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (status, expected),
            "{method} {path}"
        );
        assert_eq!(body["status"], status);
        assert_eq!(
            body["contextId"].as_str(),
            answer.header("ININ-Correlation-Id")
        );
        assert_eq!(
            (&body["details"], &body["errors"]),
            (&json!([]), &json!([]))
        );
    }
    let mut wrong_type =
        Request::new("POST", "/api/v2/notifications/channels").bearer(&bench.token);
    wrong_type.body = b"{}".to_vec();
    wrong_type.content_type = Some("text/plain".to_owned());
    assert_eq!(bench.request(wrong_type).status, 415);
    let mut large = Request::new("POST", "/api/v2/notifications/channels").bearer(&bench.token);
    large.body = vec![b' '; 512_001];
    assert_eq!(bench.request(large).status, 413);
}

#[test]
fn the_301st_request_of_a_minute_waits_for_the_next() {
    let mut bench = Bench::quiet();
    for count in 1..=300 {
        let answer = bench.ask("GET", "tokens/me", None);
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("inin-ratelimit-count"),
            Some(count.to_string().as_str())
        );
        assert_eq!(answer.header("inin-ratelimit-allowed"), Some("300"));
    }
    bench.pass(17_500);
    let refused = bench.ask("GET", "tokens/me", None);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("Retry-After"), Some("43"));
    assert_eq!(refused.header("inin-ratelimit-reset"), Some("43"));
    let body = refused.value();
    assert_eq!(body["code"], "too.many.requests.retry.after");
    assert_eq!(
        body["message"],
        "Rate limit exceeded the maximum. Retry the request in [43] seconds"
    );
    // The budget is the token's, and a new token has a new one.
    bench.log_in();
    assert_eq!(
        bench
            .ask("GET", "tokens/me", None)
            .header("inin-ratelimit-count"),
        Some("1")
    );
    bench.pass(42_500);
    assert_eq!(
        bench
            .ask("GET", "tokens/me", None)
            .header("inin-ratelimit-count"),
        Some("2")
    );
    bench.pass(17_500);
    assert_eq!(
        bench
            .ask("GET", "tokens/me", None)
            .header("inin-ratelimit-count"),
        Some("1")
    );
}

#[test]
fn the_21st_channel_evicts_the_one_without_socket_that_was_used_longest_ago() {
    let mut bench = Bench::quiet();
    let mut channels = Vec::new();
    for _ in 0..20 {
        channels.push(bench.channel());
        bench.pass(1_000);
    }
    // The first has a socket, the second was used last: the third is the one to go.
    let first = bench.connect(&channels[0]);
    assert!(bench.exists(&channels[1]));
    bench.pass(1_000);
    bench.channel();
    let there: Vec<bool> = channels
        .iter()
        .map(|channel| bench.exists(channel))
        .collect();
    assert_eq!(there.iter().position(|there| !there), Some(2));
    assert_eq!(there.iter().filter(|there| !**there).count(), 1);
    assert_eq!(bench.topics(first), [] as [&str; 0]);
}

#[test]
fn if_all_are_connected_the_evicted_one_is_told_and_closed() {
    let mut bench = Bench::quiet();
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let channel = bench.channel();
        sockets.push((channel.clone(), bench.connect(&channel)));
        bench.pass(10);
    }
    bench.channel();
    let (evicted, socket) = sockets.remove(0);
    let got = bench.got(socket);
    assert_eq!(
        got[0]["topicName"],
        format!("v2.system.no_longer_subscribed.{evicted}")
    );
    assert_eq!(
        got[0]["eventBody"]["systemTopicType"],
        "no_longer_subscribed"
    );
    assert_eq!(got[0]["eventBody"]["reason"], "another_channel_subscribed");
    assert_eq!(got[1], json!({ "close": 1000 }));
    assert!(!bench.exists(&evicted));
    let listed = bench
        .ask(
            "GET",
            "notifications/channels?includechannels=oauthclient",
            None,
        )
        .value();
    assert_eq!(listed["entities"].as_array().map(Vec::len), Some(20));
}

#[test]
fn channels_are_listed_by_token_or_by_client() {
    let mut bench = Bench::quiet();
    let first = bench.channel();
    bench.log_in();
    let second = bench.channel();
    let ids = |listing: Value| -> Vec<String> {
        let entities = listing["entities"].as_array().expect("entities").clone();
        entities
            .iter()
            .filter_map(|one| one["id"].as_str())
            .map(str::to_owned)
            .collect()
    };
    let own = bench.ask("GET", "notifications/channels", None).value();
    let all = bench
        .ask(
            "GET",
            "notifications/channels?includechannels=oauthclient",
            None,
        )
        .value();
    assert_eq!(ids(own), std::slice::from_ref(&second));
    // A channel of another token is there, but its id and its URI are not told.
    assert_eq!(all["entities"].as_array().map(Vec::len), Some(2));
    assert!(!all.to_string().contains(&first), "{all}");
    assert_eq!(ids(all), [second]);
}

#[test]
fn a_channel_takes_a_thousand_topics_and_combined_ones_count_once() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let topics: Vec<String> = (0..1_000)
        .map(|n| format!("v2.users.u{n}?presence&routingStatus&station"))
        .collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    assert_eq!(bench.subscribe(&channel, &topics, "").status, 200);
    // The same again, in another spelling, is nothing new; one more is too much, and changes nothing.
    assert_eq!(
        bench
            .subscribe(
                &channel,
                &["v2.users.U5?presence&ROUTINGstatus&station"],
                ""
            )
            .status,
        200
    );
    let refused = bench.subscribe(
        &channel,
        &["v2.users.another.presence"],
        "?ignoreErrors=true",
    );
    assert_eq!(
        (refused.status, code(&refused)),
        (400, "bad.request".to_owned())
    );
    let path = format!("notifications/channels/{channel}/subscriptions");
    let count = |answer: Response| answer.value()["entities"].as_array().map(Vec::len);
    assert_eq!(count(bench.ask("GET", &path, None)), Some(1_000));
    // PUT replaces, DELETE empties.
    assert_eq!(
        bench
            .ask(
                "PUT",
                &path,
                Some(json!([{ "id": "v2.users.another.presence" }]))
            )
            .status,
        200
    );
    assert_eq!(count(bench.ask("GET", &path, None)), Some(1));
    assert_eq!(bench.ask("DELETE", &path, None).status, 204);
    assert_eq!(count(bench.ask("GET", &path, None)), Some(0));
    assert_eq!(
        bench
            .ask("POST", &path, Some(json!({ "id": "v2.users.u1.presence" })))
            .status,
        400
    );
}

#[test]
fn one_forbidden_topic_refuses_the_whole_request_unless_errors_are_ignored() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    bench.fault(Fault::ForbidTopics {
        topics: vec!["v2.users.*.station".to_owned(), "v2.routing.*".to_owned()],
    });
    let topics = [
        "v2.users.a?presence&station",
        "v2.users.b.presence",
        "v2.routing.queues.c.users",
        "v2.stations.unknown",
    ];
    let path = format!("notifications/channels/{channel}/subscriptions");
    let refused = bench.subscribe(&channel, &topics[..3], "");
    assert_eq!(refused.status, 403);
    assert_eq!(
        bench.ask("GET", &path, None).value(),
        json!({ "entities": [] })
    );

    let answer = bench.subscribe(&channel, &topics, "?ignoreErrors=true");
    assert_eq!(answer.status, 200);
    let states: Vec<(String, String)> = answer.value()["entities"]
        .as_array()
        .expect("entities")
        .iter()
        .map(|one| {
            (
                one["id"].as_str().unwrap_or_default().to_owned(),
                one["state"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let expected = [
        ("v2.users.a?presence&station", "Permitted"),
        ("v2.users.a.station", "Rejected"),
        ("v2.users.b.presence", "Permitted"),
        ("v2.routing.queues.c.users", "Rejected"),
        ("v2.stations.unknown", "Rejected"),
    ];
    assert_eq!(
        states,
        expected.map(|(id, state)| (id.to_owned(), state.to_owned()))
    );
    assert_eq!(
        answer.value()["entities"][3]["missingPermissions"],
        json!(["routing:queue:view"])
    );
    assert_eq!(
        bench.ask("GET", &path, None).value()["entities"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        bench
            .subscribe(&channel, &["v2.stations.unknown"], "")
            .status,
        400
    );
}

#[test]
fn a_channel_lives_a_day_and_resubscribing_prolongs_it() {
    let mut bench = Bench::with(|config| config.switches.token_life_s = 172_800);
    let (kept, left) = (bench.channel(), bench.channel());
    let (kept_socket, left_socket) = (bench.connect(&kept), bench.connect(&left));
    bench.pass(12 * HOUR);
    assert_eq!(
        bench.subscribe(&kept, &["v2.users.a.presence"], "").status,
        200
    );
    bench.pass(12 * HOUR - 1);
    assert!(bench.exists(&left));
    bench.got(kept_socket);
    bench.got(left_socket);
    bench.pass(1);
    assert!(!bench.exists(&left));
    assert_eq!(bench.got(left_socket), [json!({ "close": 1000 })]);
    assert!(
        bench
            .region
            .open_socket(&format!("/channels/{left}"), bench.now)
            .is_err()
    );
    bench.pass(12 * HOUR - 1);
    assert!(bench.exists(&kept));
    bench.pass(1);
    assert!(!bench.exists(&kept));
}

#[test]
fn a_second_socket_disconnects_the_first() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let first = bench.connect(&channel);
    let second = bench.connect(&channel);
    assert_eq!(bench.got(first), [json!({ "close": 1000 })]);
    bench.say(first, json!({ "message": "ping" }));
    bench.say(second, json!({ "message": "ping" }));
    assert_eq!(bench.got(first), [] as [Value; 0]);
    assert_eq!(
        bench.got(second),
        [json!({ "topicName": "channel.metadata", "eventBody": { "message": "pong" } })]
    );
    assert_eq!(bench.region.open_sockets(), 1);
}

#[test]
fn heartbeats_come_every_thirty_seconds_of_each_socket() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    bench.pass(7_000);
    let socket = bench.connect(&channel);
    bench.pass(29_999);
    assert_eq!(bench.got(socket), [] as [Value; 0]);
    let beat = json!({ "topicName": "channel.metadata", "eventBody": { "message": "WebSocket Heartbeat" } });
    bench.pass(1);
    assert_eq!(bench.got(socket), std::slice::from_ref(&beat));
    bench.pass(90_000);
    assert_eq!(bench.got(socket), [beat.clone(), beat.clone(), beat]);
}

#[test]
fn topics_can_be_subscribed_on_the_socket() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.say(
        socket,
        json!({ "message": "subscribe", "topics": ["v2.users.a.presence"], "correlationId": "7" }),
    );
    bench.say(
        socket,
        json!({ "message": "subscribe", "topics": ["v2.nothing"] }),
    );
    bench.say(
        socket,
        json!({ "message": "unsubscribe", "topics": ["v2.users.A.presence"] }),
    );
    bench.say(socket, json!({ "message": "what" }));
    let got = bench.got(socket);
    assert_eq!(
        got[0],
        json!({ "result": "200", "status": "subscribed", "correlationId": "7" })
    );
    assert_eq!(
        (&got[1]["result"], &got[1]["status"]),
        (&json!("400"), &json!("failure"))
    );
    assert_eq!(got[2], json!({ "result": "200", "status": "unsubscribed" }));
    assert_eq!(
        (&got[3]["result"], &got[3]["status"]),
        (&json!("400"), &json!("error"))
    );
    let listed = bench
        .ask(
            "GET",
            &format!("notifications/channels/{channel}/subscriptions"),
            None,
        )
        .value();
    assert_eq!(listed, json!({ "entities": [] }));
    // Junk is tolerated.
    bench.region.handle_socket(
        socket,
        SocketInput::Text("1795341600".to_owned()),
        bench.now,
    );
    bench
        .region
        .handle_socket(socket, SocketInput::Text("{not json".to_owned()), bench.now);
    bench.collect();
    assert_eq!(bench.got(socket), [] as [Value; 0]);
    assert_eq!(bench.region.open_sockets(), 1);
}

#[test]
fn a_call_reaches_exactly_the_channels_that_subscribed_under_expanded_names() {
    let mut bench = Bench::quiet();
    let topics = bench.all_user_topics();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let (follows, other) = (bench.channel(), bench.channel());
    assert_eq!(bench.subscribe(&follows, &topics, "").status, 200);
    assert_eq!(
        bench
            .subscribe(&other, &["v2.users.nobody.conversations"], "")
            .status,
        200
    );
    let (follower, stranger) = (bench.connect(&follows), bench.connect(&other));
    bench.play();
    assert!(
        bench
            .topics(stranger)
            .iter()
            .all(|topic| topic == "channel.metadata")
    );
    let got = bench.got(follower);
    let notifications: Vec<&Value> = got.iter().filter(|frame| frame["version"] == "2").collect();
    assert!(notifications.len() > 4, "{notifications:?}");
    for frame in &notifications {
        let names: Vec<&str> = frame
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(names, ["topicName", "version", "eventBody", "metadata"]);
        assert_eq!(
            frame["metadata"]["CorrelationId"].as_str().map(str::len),
            Some(36)
        );
        let topic = frame["topicName"].as_str().expect("a topic");
        assert!(
            topic.ends_with(".conversations") || topic.ends_with(".conversations.calls"),
            "{topic}"
        );
    }
    // What was handed over is told so in the truth, and nothing else is.
    let truth = bench.region.truth();
    let acts = truth["acts"].as_array().expect("acts");
    let shown = |act: &&Value| {
        act["topics"]
            .as_array()
            .is_some_and(|topics| !topics.is_empty())
    };
    let sent = |act: &&Value| {
        act["sent"]
            .as_array()
            .is_some_and(|topics| !topics.is_empty())
    };
    assert!(acts.iter().filter(sent).count() > 2);
    assert!(acts.iter().filter(sent).all(|act| shown(&act)));
}

#[test]
fn all_that_a_user_does_fits_into_one_combined_topic() {
    let mut bench = Bench::with(|config| {
        config.world.calls_per_minute = 60.0;
        config.world.minutes_per_presence = 3.0;
    });
    let topics: Vec<String> = bench
        .all_user_topics()
        .iter()
        .map(|topic| {
            format!("{topic}&presence&routingStatus&station&activity&persistentconnection")
        })
        .collect();
    assert!(topics.iter().all(|topic| topic.len() <= 200));
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let channel = bench.channel();
    assert_eq!(bench.subscribe(&channel, &topics, "").status, 200);
    let socket = bench.connect(&channel);
    bench.pass(60_000);
    let mut suffixes = std::collections::BTreeSet::new();
    for frame in bench.got(socket) {
        let topic = frame["topicName"].as_str().expect("a topic").to_owned();
        if let Some((_, suffix)) = topic.split_at(9).1.split_once('.') {
            suffixes.insert(suffix.to_owned());
        }
    }
    for suffix in [
        "activity",
        "conversations",
        "conversations.calls",
        "persistentconnection",
        "presence",
        "routingStatus",
        "station",
    ] {
        assert!(suffixes.contains(suffix), "no {suffix} in {suffixes:?}");
    }
    let available = bench.ask("GET", "notifications/availabletopics", None);
    let available = available.value()["entities"].clone();
    let is = |topic: &Value| topic["id"] == "v2.users.{id}.persistentconnection";
    assert!(available.as_array().is_some_and(|all| all.iter().any(is)));
}

#[test]
fn nothing_is_sent_to_nobody() {
    let mut bench = Bench::quiet();
    bench.play();
    let truth = bench.region.truth();
    let acts = truth["acts"].as_array().expect("acts");
    assert!(acts.len() > 2);
    assert!(acts.iter().all(|act| act["sent"] == json!([])));
}

#[test]
fn delayed_and_doubled_notifications_keep_their_order() {
    let run = |faults: Vec<Fault>| {
        let mut bench = Bench::quiet();
        let topics = bench.all_user_topics();
        let channel = bench.channel();
        bench.subscribe(
            &channel,
            &topics.iter().map(String::as_str).collect::<Vec<_>>(),
            "",
        );
        let socket = bench.connect(&channel);
        for fault in faults {
            bench.fault(fault);
        }
        bench.play();
        bench.pass(60_000);
        let got = bench.got(socket);
        got.into_iter()
            .filter(|frame| frame["version"] == "2")
            .map(|frame| (frame["topicName"].clone(), frame["eventBody"].clone()))
            .collect::<Vec<_>>()
    };
    let plain = run(vec![]);
    assert!(plain.len() > 4);
    assert_eq!(
        run(vec![Fault::Delay {
            min_ms: 0,
            max_ms: 20_000
        }]),
        plain
    );
    let doubled: Vec<_> = plain
        .iter()
        .flat_map(|frame| [frame.clone(), frame.clone()])
        .collect();
    assert_eq!(run(vec![Fault::Duplicate { share: 1.0 }]), doubled);
    assert_eq!(run(vec![Fault::Lose { share: 1.0 }]), []);
}

#[test]
fn a_cut_is_an_outage_of_its_topics_until_they_are_covered_again() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    bench.subscribe(&channel, &["v2.users.A?presence&station"], "");
    let socket = bench.connect(&channel);
    bench.pass(5_000);
    let from = bench.now;
    bench.fault(Fault::CutSockets {
        share: 1.0,
        every_s: None,
        close_code: None,
    });
    assert_eq!(bench.got(socket), [json!("cut")]);
    bench.pass(3_000);
    bench.connect(&channel);
    let truth = bench.region.truth();
    let expected = json!([{
        "from": from.iso(), "to": bench.now.iso(), "topics": ["v2.users.a.presence", "v2.users.a.station"],
    }]);
    assert_eq!(truth["outages"], expected);
    assert_eq!(truth["faults"][0]["fault"], "cut_sockets");
    assert_eq!(truth["faults"][0]["from"], from.iso());
    // A mute socket is an outage too, though it is open; topics that the client takes off are none.
    bench.fault(Fault::MuteSockets { share: 1.0 });
    bench.pass(MINUTE);
    assert_eq!(bench.region.truth()["outages"][1]["to"], Value::Null);
    bench.ask(
        "DELETE",
        &format!("notifications/channels/{channel}/subscriptions"),
        None,
    );
    bench.pass(MINUTE);
    let outages = bench.region.truth()["outages"].clone();
    assert_eq!(outages.as_array().map(Vec::len), Some(2));
    assert_eq!(outages[1]["to"], Time(bench.now.0 - MINUTE).iso());
}

#[test]
fn a_successor_covers_without_an_outage() {
    let mut bench = Bench::quiet();
    let (old, new) = (bench.channel(), bench.channel());
    bench.subscribe(&old, &["v2.users.a.presence"], "");
    let predecessor = bench.connect(&old);
    bench.subscribe(&new, &["v2.users.a.presence"], "");
    bench.connect(&new);
    bench.pass(5_000);
    bench
        .region
        .handle_socket(predecessor, SocketInput::Closed, bench.now);
    bench.pass(5_000);
    assert_eq!(bench.region.truth()["outages"], json!([]));
}

#[test]
fn maintenance_is_announced_a_minute_ahead() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.fault(Fault::SocketClosing { grace_s: 60.0 });
    assert_eq!(bench.topics(socket), ["v2.system.socket_closing"]);
    bench.pass(59_999);
    assert!(!bench.got(socket).contains(&json!({ "close": 1001 })));
    bench.pass(1);
    assert!(bench.got(socket).contains(&json!({ "close": 1001 })));
    assert!(bench.exists(&channel), "the channel outlives the socket");
}

#[test]
fn a_revoked_token_is_told_on_the_socket_and_good_for_nothing() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.request(Request::new("POST", "/_sim/faults").json(&json!({ "fault": "revoke_token" })));
    let got = bench.got(socket);
    assert_eq!(
        got[0]["topicName"],
        format!("v2.system.token_revoked.{channel}")
    );
    assert_eq!(got[0]["eventBody"]["reason"], "user_tokens_revoked");
    assert_eq!(got[1], json!({ "close": 1000 }));
    assert_eq!(bench.ask("GET", "tokens/me", None).status, 401);
}

#[test]
fn storms_hit_what_they_name_as_long_as_they_last_and_can_be_cleared() {
    let mut bench = Bench::quiet();
    let order = |body: Value| Request::new("POST", "/_sim/faults").json(&body);
    let planned = bench.request(order(json!({
        "fault": "storm_5xx", "status": 502, "path": "/api/v2/users", "after_s": 5, "for_s": 10,
    })));
    assert_eq!(planned.value(), json!({ "ids": [1] }));
    assert_eq!(bench.ask("GET", "users", None).status, 200);
    bench.pass(5_000);
    assert_eq!(bench.ask("GET", "users", None).status, 502);
    assert_eq!(bench.ask("GET", "tokens/me", None).status, 200);
    bench.pass(10_000);
    assert_eq!(bench.ask("GET", "users", None).status, 200);

    bench.request(order(json!({ "fault": "storm_429", "retry_after_s": 9 })));
    let refused = bench.ask("GET", "users", None);
    assert_eq!(
        (refused.status, refused.header("Retry-After")),
        (429, Some("9"))
    );
    assert_eq!(bench.ask_for_token(None).status, 429);
    bench.request(Request::new("DELETE", "/_sim/faults"));
    assert_eq!(bench.ask("GET", "users", None).status, 200);
    for wrong in [
        json!({ "fault": "earthquake" }),
        json!({ "fault": "delay", "min_ms": 5, "max_ms": 1 }),
        json!({ "fault": "delay", "min_ms": 1, "max_ms": 5, "for_s": -1 }),
        json!({ "fault": "socket_closing", "grace": 5 }),
        json!({ "fault": "lose", "share": 1.5 }),
        json!({ "fault": "storm_429", "share": -0.1 }),
        json!({ "fault": "storm_5xx", "status": 200 }),
        json!({ "fault": "refuse_connects", "status": 9999 }),
        json!("cut_sockets"),
    ] {
        assert_eq!(bench.request(order(wrong.clone())).status, 400, "{wrong}");
    }
    let states: Vec<Value> = bench
        .request(Request::new("GET", "/_sim/faults"))
        .value()
        .as_array()
        .expect("a list")
        .clone();
    assert!(
        states.iter().all(|fault| fault["state"] == "over"),
        "{states:?}"
    );
}

#[test]
fn injected_frames_are_sent_as_they_are() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    let mut order = Request::new("POST", "/_sim/frames")
        .query("channel", &channel)
        .query("count", "10")
        .query("rate", "2");
    order.body = b"{not json".to_vec();
    assert_eq!(bench.request(order).value(), json!({ "queued": 10 }));
    bench.pass(2_000);
    let text = |(_, what): &(SocketId, Transmit)| matches!(what, Transmit::Text(text) if &**text == "{not json");
    assert_eq!(bench.sent.iter().filter(|sent| text(sent)).count(), 5);
    bench.pass(60_000);
    assert_eq!(bench.sent.iter().filter(|sent| text(sent)).count(), 10);
    assert!(bench.sent.iter().all(|(to, _)| *to == socket));
}

#[test]
fn no_secret_is_in_the_list_of_requests() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    bench.exists(&channel);
    bench.connect(&channel);
    assert!(
        bench
            .region
            .open_socket("/channels/streaming-0-guessed", bench.now)
            .is_err()
    );
    let listed = bench.request(Request::new("GET", "/_sim/requests"));
    let text = String::from_utf8(listed.body.clone()).expect("UTF-8");
    let secret = bench.region.clients()[0].secret.clone();
    for hidden in [
        channel.as_str(),
        bench.token.as_str(),
        secret.as_str(),
        "guessed",
    ] {
        assert!(!text.contains(hidden), "{text}");
    }
    let requests = listed.value()["requests"]
        .as_array()
        .expect("a list")
        .clone();
    let paths: Vec<&str> = requests
        .iter()
        .filter_map(|one| one["path"].as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/oauth/token",
            "/api/v2/notifications/channels",
            "/api/v2/notifications/channels/1",
            "/channels/1",
            "/channels/?"
        ]
    );
    assert_eq!(listed.value()["tokens_issued"], 1);
}

#[test]
fn the_gateway_prefixes_of_the_official_clients_are_taken_off() {
    let mut bench = Bench::quiet();
    let token = bench.token.clone();
    for prefix in ["", "/login", "/api-root"] {
        let request = Request::new("GET", &format!("{prefix}/api/v2/tokens/me")).bearer(&token);
        assert_eq!(bench.request(request).status, 200, "{prefix:?}");
    }
    let channel = bench.channel();
    assert!(
        bench
            .region
            .open_socket(&format!("/api-root/channels/{channel}"), bench.now)
            .is_ok()
    );
    assert_eq!(
        bench
            .request(Request::new("GET", "/elsewhere/api/v2/tokens/me").bearer(&token))
            .status,
        404
    );
}

#[test]
fn the_same_seed_and_the_same_inputs_give_the_same_transcript() {
    let run = || {
        let mut bench = Bench::with(|config| {
            config.world.calls_per_minute = 60.0;
            config.world.minutes_per_presence = 5.0;
        });
        let topics = bench.all_user_topics();
        let channel = bench.channel();
        bench.subscribe(
            &channel,
            &topics.iter().map(String::as_str).collect::<Vec<_>>(),
            "",
        );
        let socket = bench.connect(&channel);
        bench.fault(Fault::Delay {
            min_ms: 0,
            max_ms: 900,
        });
        bench.fault(Fault::Duplicate { share: 0.2 });
        bench.fault(Fault::Lose { share: 0.1 });
        for _ in 0..120 {
            bench.pass(1_000);
        }
        let user = bench.user(3);
        assert!(bench.sent.iter().all(|(to, _)| *to == socket));
        (channel, user, bench.sent, bench.region.truth())
    };
    let (first, second) = (run(), run());
    assert!(first.2.len() > 100);
    assert_eq!(first, second);
}

#[test]
fn every_body_of_the_region_itself_is_made_of_members_that_the_platform_has() {
    let rest = Members::rest();
    let mut bench = Bench::quiet();
    bench.fault(Fault::ForbidTopics {
        topics: vec!["*.station".to_owned()],
    });
    let holds = |class: &str, answer: &Response, status: u16| {
        assert_eq!(answer.status, status, "{}", answer.value());
        let body = answer.value();
        assert!(body.as_object().is_some_and(|body| !body.is_empty()));
        assert_eq!(rest.check(class, &body), [] as [&str; 0], "{body}");
    };
    let made = bench.ask("POST", "notifications/channels", None);
    holds("Channel", &made, 200);
    let channel = made.value()["id"].as_str().expect("an id").to_owned();
    let topics = [
        "v2.users.a?presence&station",
        "v2.users.b.station",
        "v2.nothing",
    ];
    let subscribed = bench.subscribe(&channel, &topics, "?ignoreErrors=true");
    holds("ChannelTopicEntityListing", &subscribed, 200);
    let path = format!("notifications/channels/{channel}/subscriptions");
    holds(
        "ChannelTopicEntityListing",
        &bench.ask("GET", &path, None),
        200,
    );
    let listed = bench.ask("GET", "notifications/channels", None);
    holds("ChannelEntityListing", &listed, 200);
    holds("TokenInfo", &bench.ask("GET", "tokens/me", None), 200);
    let expand = "description,enforced,visibility,transports,requiresPermissions,permissionDetails,topicParameters";
    let available = bench.ask(
        "GET",
        &format!("notifications/availabletopics?includePreview=true&expand={expand}"),
        None,
    );
    holds("AvailableTopicEntityListing", &available, 200);
    let available = available.value()["entities"].clone();
    let presence = available
        .as_array()
        .and_then(|all| all.iter().find(|one| one["id"] == "v2.users.{id}.presence"))
        .expect("the presence topic")
        .clone();
    assert_eq!(presence["topicParameters"], json!(["id"]));
    assert_eq!(presence["enforced"], true);

    // Every error that it can answer.
    holds("ErrorBody", &bench.ask("GET", "nothing", None), 404);
    holds("ErrorBody", &bench.ask("PUT", "users", None), 405);
    let forbidden = bench.subscribe(&channel, &topics[..2], "");
    holds("ErrorBody", &forbidden, 403);
    holds(
        "ErrorBody",
        &bench.subscribe(&channel, &topics[2..], ""),
        400,
    );
    let nobody = bench.request(Request::new("GET", "/api/v2/users"));
    holds("ErrorBody", &nobody, 401);
    let stranger = bench.request(Request::new("GET", "/api/v2/users").bearer("none"));
    holds("ErrorBody", &stranger, 401);
    for status in [500, 502, 503, 504] {
        bench.fault(Fault::Storm5xx {
            share: 1.0,
            status,
            retry_after_s: None,
            path: String::new(),
        });
        holds("ErrorBody", &bench.ask("GET", "users", None), status);
        bench.request(Request::new("DELETE", "/_sim/faults"));
    }
    for _ in 0..300 {
        bench.ask("GET", "tokens/me", None);
    }
    holds("ErrorBody", &bench.ask("GET", "tokens/me", None), 429);
}

#[test]
fn every_system_message_is_made_of_members_that_the_platform_has() {
    let notifications = Members::notifications();
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.fault(Fault::SocketClosing { grace_s: 60.0 });
    for _ in 0..20 {
        let other = bench.channel();
        bench.connect(&other);
    }
    let replaced = bench.got(socket);
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.fault(Fault::RevokeToken {
        which: WhichToken::All,
    });
    let frames: Vec<Value> = replaced.into_iter().chain(bench.got(socket)).collect();
    let frames: Vec<&Value> = frames
        .iter()
        .filter(|frame| frame["topicName"].is_string())
        .collect();
    assert_eq!(frames.len(), 3, "{frames:?}");
    for frame in frames {
        let problems = notifications.check("SystemMessageSystemMessage", &frame["eventBody"]);
        assert_eq!(problems, [] as [&str; 0], "{frame}");
        assert!(frame["eventBody"]["message"].is_string());
    }
}

#[test]
fn a_script_is_played_by_its_name_and_an_unknown_one_is_refused_with_those_there_are() {
    let mut bench = Bench::quiet();
    let scripts = bench.request(Request::new("GET", "/_sim/scripts")).value();
    let script = scripts[0].as_str().expect("a script's name").to_owned();
    let order = |script: &str| {
        Request::new("POST", "/_sim/calls").json(&json!({ "script": script, "count": 2 }))
    };
    let played = bench.request(order(&script)).value();
    let conversation = played["conversations"][1]
        .as_str()
        .expect("an id")
        .to_owned();
    bench.pass(30_000);
    for form in ["conversations", "conversations/calls"] {
        let read = bench.ask("GET", &format!("{form}/{conversation}"), None);
        assert_eq!(read.value()["id"], conversation.as_str());
    }
    let refused = bench.request(order("no_such_script"));
    assert_eq!(refused.status, 400);
    assert!(
        refused.value()["message"]
            .as_str()
            .is_some_and(|text| text.contains(&script))
    );
}

/// Several programs may ask one region; a test that runs two adapters tells by that what each of them was sent.
#[test]
fn programs_are_told_apart() {
    let mut bench = Bench::with(|config| config.world.minutes_per_presence = 5.0);
    let mut of = |program: u32| {
        let mut ask = Request::new("POST", "/api/v2/notifications/channels").bearer(&bench.token);
        ask.program = program;
        let made = bench.request(ask).value();
        let id = made["id"].as_str().unwrap().to_owned();
        bench.connect(&id);
        id
    };
    let first = of(1);
    of(2);
    bench.region.record();
    let before = bench.region.revision();
    let user = bench.region.world().inventory().users[0].id;
    bench.subscribe(
        &first,
        &[&format!("v2.users.{user}?presence&conversations")],
        "",
    );
    assert!(bench.region.revision() > before);
    let heard: Vec<&str> = (bench.region.heard_by(1).into_iter())
        .map(|key| &**key)
        .collect();
    assert_eq!(
        heard,
        ["conversations", "presence"].map(|topic| format!("v2.users.{user}.{topic}"))
    );
    assert!(bench.region.heard_by(2).is_empty());
    assert_eq!(
        (bench.region.held_by(1), bench.region.held_by(2)),
        ((1, 1), (1, 0))
    );
    bench.pass(HOUR);
    let acts = &bench.region.world().truth().acts;
    assert!(acts.iter().any(|act| act.sent_to == 1 << 1));
    assert!(acts.iter().all(|act| act.sent_to & !(1 << 1) == 0));
    assert!(
        acts.iter()
            .all(|act| (act.sent_to == 0) == act.sent.is_empty())
    );
    let shown: BTreeSet<u64> = acts
        .iter()
        .filter(|act| !act.topics.is_empty())
        .map(|act| act.act)
        .collect();
    let recorded = std::iter::from_fn(|| bench.region.poll_recorded());
    let recorded: BTreeSet<u64> = recorded.flat_map(|shown| shown.acts).collect();
    assert!(!shown.is_empty() && shown == recorded);
}

#[test]
fn a_black_hole_swallows_everything_both_ways_and_stands() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    bench.subscribe(&channel, &["v2.users.a.presence"], "");
    let socket = bench.connect(&channel);
    bench.pass(1_000);
    let from = bench.now;
    let order = json!({ "fault": "black_hole", "requests": true, "for_s": 20 });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    assert_eq!(bench.got(socket), [json!("silence")]);
    // A request does nothing and is not answered; nor is an upgrade.
    let before = bench.region.truth();
    let answer = bench.ask("POST", "notifications/channels", Some(json!({})));
    assert_eq!(answer.after_ms, NEVER);
    let refused = bench
        .region
        .open_socket(&format!("/channels/{channel}"), bench.now);
    assert_eq!(refused.unwrap_err().after_ms, NEVER);
    assert_eq!(bench.region.truth(), before);
    // What the client says on the socket is not heard, not even that it left.
    bench.say(socket, json!({ "message": "ping" }));
    bench.say(
        socket,
        json!({ "message": "unsubscribe", "topics": ["v2.users.a.presence"] }),
    );
    bench
        .region
        .handle_socket(socket, SocketInput::Closed, bench.now);
    bench.pass(40_000);
    assert_eq!(bench.got(socket), [] as [Value; 0]);
    assert_eq!(bench.region.open_sockets(), 1);
    // Requests pass again; the socket does not come back. A new one ends the outage, and tells the lost one nothing.
    let listed = bench.ask(
        "GET",
        &format!("notifications/channels/{channel}/subscriptions"),
        None,
    );
    assert_eq!(listed.value()["entities"][0]["id"], "v2.users.a.presence");
    let second = bench.connect(&channel);
    assert_eq!(bench.got(socket), [] as [Value; 0]);
    bench.say(second, json!({ "message": "ping" }));
    assert_eq!(bench.topics(second), ["channel.metadata"]);
    let truth = bench.region.truth();
    assert_eq!(truth["outages"][0]["from"], from.iso());
    assert_eq!(truth["outages"][0]["to"], bench.now.iso());
    assert_eq!(truth["faults"][0]["to"], Time(from.0 + 20_000).iso());
}

#[test]
fn a_lost_socket_is_given_up_after_two_minutes() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    bench.fault(Fault::BlackHole {
        share: 1.0,
        requests: false,
    });
    assert_eq!(bench.region.truth()["faults"][0]["to"], bench.now.iso());
    bench.pass(119_999);
    assert_eq!(bench.region.open_sockets(), 1);
    bench.pass(1);
    assert_eq!(bench.region.open_sockets(), 0);
    assert_eq!(bench.got(socket), [json!("silence")]);
    assert!(bench.exists(&channel));
}

#[test]
fn somebody_else_on_a_channel_disconnects_its_socket_until_it_is_taken_back() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    bench.subscribe(&channel, &["v2.users.a.presence"], "");
    let socket = bench.connect(&channel);
    bench.pass(1_000);
    let from = bench.now;
    bench.fault(Fault::SecondSocket {
        share: 1.0,
        every_s: None,
    });
    assert_eq!(bench.got(socket), [json!({ "close": 1000 })]);
    assert!(bench.exists(&channel));
    assert_eq!(bench.region.held_by(0), (1, 1), "somebody is connected");
    bench.pass(2_000);
    let back = bench.connect(&channel);
    bench.pass(30_000);
    assert_eq!(bench.topics(back), ["channel.metadata"], "a heartbeat");
    let outages = bench.region.truth()["outages"].clone();
    let to = Time(from.0 + 2_000);
    assert_eq!(
        (&outages[0]["from"], &outages[0]["to"]),
        (&json!(from.iso()), &json!(to.iso()))
    );
    // Again and again, as long as it lasts.
    let order = json!({ "fault": "second_socket", "every_s": 5, "for_s": 60 });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    let mut times = 0;
    let mut mine = back;
    for _ in 0..120 {
        bench.pass(1_000);
        if bench.got(mine).contains(&json!({ "close": 1000 })) {
            times += 1;
            mine = bench.connect(&channel);
        }
    }
    assert!((4..40).contains(&times), "{times}");
    assert_eq!(bench.region.open_sockets(), 1);
}

#[test]
fn a_rival_evicts_connected_channels_and_is_evicted_first_when_it_has_gone() {
    let mut bench = Bench::quiet();
    let channel = bench.channel();
    let socket = bench.connect(&channel);
    let order = json!({ "fault": "rival_channels", "every_s": 2, "for_s": 300 });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    let mut closed = false;
    for _ in 0..300 {
        bench.pass(1_000);
        let got = bench.got(socket);
        let told = |frame: &Value| {
            frame["topicName"] == format!("v2.system.no_longer_subscribed.{channel}")
        };
        if got.contains(&json!({ "close": 1000 })) {
            assert!(got.iter().any(told), "{got:?}");
            closed = true;
        }
    }
    assert!(closed && !bench.exists(&channel));
    let census = |bench: &mut Bench| {
        let list = bench.ask(
            "GET",
            "notifications/channels?includechannels=oauthclient",
            None,
        );
        list.value()["entities"].as_array().unwrap().clone()
    };
    let others = census(&mut bench);
    assert_eq!(others.len(), 20);
    assert!(
        others
            .iter()
            .all(|one| one.get("id").is_none() && one.get("connectUri").is_none())
    );
    // It has gone: twenty channels may be made and stay.
    let own: Vec<String> = (0..20)
        .map(|_| {
            let id = bench.channel();
            bench.connect(&id);
            bench.pass(1_000);
            id
        })
        .collect();
    assert!(own.iter().all(|id| bench.exists(id)));
    assert_eq!(census(&mut bench).len(), 20);
}

#[test]
fn held_up_notifications_are_overtaken_within_a_channel_or_only_between_channels() {
    let run = |among: Option<Among>| {
        let mut bench = Bench::quiet();
        let topics = bench.all_user_topics();
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let sockets = [0, 1].map(|_| {
            let channel = bench.channel();
            bench.subscribe(&channel, &topics, "");
            bench.connect(&channel)
        });
        if let Some(among) = among {
            bench.fault(Fault::Reorder {
                share: 0.3,
                min_ms: 2_000,
                max_ms: 20_000,
                among,
            });
        }
        bench.region.play("after_call_work", bench.now).unwrap();
        let mut all = Vec::new();
        for _ in 0..90_000 {
            bench.pass(10);
        }
        for (socket, what) in std::mem::take(&mut bench.sent) {
            let Transmit::Text(text) = what else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["version"] == "2" {
                all.push((
                    socket,
                    format!("{} {}", frame["topicName"], frame["eventBody"]),
                ));
            }
        }
        let of = |socket: SocketId| -> Vec<String> {
            let own = all.iter().filter(|(to, _)| *to == socket);
            own.map(|(_, frame)| frame.clone()).collect()
        };
        (of(sockets[0]), of(sockets[1]), all)
    };
    let sorted = |frames: &[String]| {
        let mut frames = frames.to_vec();
        frames.sort();
        frames
    };
    let (first, second, in_step) = run(None);
    assert!(first.len() > 8 && first == second);
    let (one, other, _) = run(Some(Among::All));
    assert!(one != first && other != first, "overtaken within a channel");
    assert_eq!(
        (sorted(&one), sorted(&other)),
        (sorted(&first), sorted(&first))
    );
    let (one, other, interleaved) = run(Some(Among::Channels));
    assert_eq!(
        (&one, &other),
        (&first, &first),
        "in order within a channel"
    );
    let which =
        |all: &[(SocketId, String)]| all.iter().map(|(socket, _)| *socket).collect::<Vec<_>>();
    assert_ne!(which(&interleaved), which(&in_step), "not between channels");
}

#[test]
fn a_skewed_clock_shows_in_the_date_and_in_what_expires() {
    let mut bench = Bench::quiet();
    let date = |answer: &Response| answer.header("date").unwrap().to_owned();
    assert_eq!(
        date(&bench.ask("GET", "tokens/me", None)),
        "Sun, 22 Nov 2026 10:00:00 GMT"
    );
    let order = json!({ "fault": "clock_skew", "skew_ms": -3_600_000, "for_s": 60 });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    let made = bench.ask("POST", "notifications/channels", Some(json!({})));
    assert_eq!(date(&made), "Sun, 22 Nov 2026 09:00:00 GMT");
    assert_eq!(made.value()["expires"], "2026-11-23T09:00:00.000Z");
    bench.pass(MINUTE);
    let list = bench.ask("GET", "notifications/channels", None);
    assert_eq!(
        list.value()["entities"][0]["expires"],
        "2026-11-23T10:00:00.000Z"
    );
    assert_eq!(date(&list), "Sun, 22 Nov 2026 10:01:00 GMT");
}

#[test]
fn a_lost_permission_is_named_where_it_is_missing() {
    let mut bench = Bench::quiet();
    let order = json!({
        "fault": "forbid_requests", "path": "/api/v2/users", "permission": "directory:user:view", "for_s": 60,
    });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    let refused = bench.ask("GET", "users", None);
    assert_eq!(refused.status, 403);
    assert!(
        refused.value()["message"]
            .as_str()
            .unwrap()
            .contains("directory:user:view")
    );
    assert_eq!(bench.ask("GET", "stations", None).status, 200);
    bench.pass(MINUTE);
    assert_eq!(bench.ask("GET", "users", None).status, 200);
}

/// What is subscribed stays; the successor's channel does not get it any more, until the permission is back.
#[test]
fn topics_refused_half_way_are_missed_by_the_next_channel() {
    let mut bench = Bench::quiet();
    let topic = "v2.users.a?presence&station";
    let old = bench.channel();
    bench.subscribe(&old, &[topic], "");
    let predecessor = bench.connect(&old);
    let order =
        json!({ "fault": "forbid_topics", "topics": ["*.station"], "after_s": 60, "for_s": 60 });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    bench.pass(MINUTE);
    assert_eq!(bench.region.truth()["outages"], json!([]));
    let new = bench.channel();
    let listing = bench
        .subscribe(&new, &[topic], "?ignoreErrors=true")
        .value();
    assert_eq!(listing["entities"][1]["state"], "Rejected");
    bench.connect(&new);
    let from = bench.now;
    bench
        .region
        .handle_socket(predecessor, SocketInput::Closed, bench.now);
    bench.pass(MINUTE);
    bench.subscribe(&new, &[topic], "?ignoreErrors=true");
    assert_eq!(
        bench.region.truth()["outages"],
        json!([{ "from": from.iso(), "to": bench.now.iso(), "topics": ["v2.users.a.station"] }])
    );
}

#[test]
fn an_answer_comes_late_to_what_was_done_at_once() {
    let mut bench = Bench::quiet();
    let order = json!({
        "fault": "slow_requests", "min_ms": 40_000, "max_ms": 50_000, "path": "/api/v2/notifications",
    });
    bench.request(Request::new("POST", "/_sim/faults").json(&order));
    let made = bench.ask("POST", "notifications/channels", Some(json!({})));
    assert!((40_000..=50_000).contains(&made.after_ms));
    assert_eq!(bench.ask("GET", "tokens/me", None).after_ms, 0);
    let id = made.value()["id"].as_str().unwrap().to_owned();
    assert!(bench.exists(&id), "it is there before its maker knows");
}

#[test]
fn a_fault_that_makes_no_sense_is_refused() {
    let mut bench = Bench::quiet();
    for wrong in [
        json!({ "fault": "black_hole", "share": 2 }),
        json!({ "fault": "second_socket", "every_s": 0 }),
        json!({ "fault": "rival_channels", "every_s": -1 }),
        json!({ "fault": "reorder", "min_ms": 5, "max_ms": 4 }),
        json!({ "fault": "reorder", "min_ms": 5, "max_ms": 6, "share": -0.1 }),
        json!({ "fault": "reorder", "min_ms": 5, "max_ms": 6, "among": "friends" }),
        json!({ "fault": "clock_skew" }),
        json!({ "fault": "forbid_requests", "path": "/" }),
    ] {
        let answer = bench.request(Request::new("POST", "/_sim/faults").json(&wrong));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.value());
    }
    assert_eq!(bench.region.truth()["faults"], json!([]));
}
