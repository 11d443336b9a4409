//! A whole adapter against a region on a port: it comes up, stays up, says what is wrong, and ends.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod recording;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gca_region::fault::Fault;
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::oauth::Client;
use gca_region::region::{RegionConfig, Request};
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Refusal, Stopped};
use genesys_cloud_adapter::delivery::Host;
use genesys_cloud_adapter::model::event::EventKind;
use genesys_cloud_adapter::model::feed::{Feed, Life, Why};
use recording::{PATIENCE, Recorder, Seen, clear_faults, fault};
use serde_json::{Value, json};

fn region() -> Running {
    let world = WorldConfig {
        users: 40,
        queues: 3,
        calls_per_minute: 400.0,
        seed: 3,
        ..WorldConfig::default()
    };
    serve(FrontConfig::new(RegionConfig::new(world))).unwrap()
}

fn settings(name: &str, region: &Running) -> Value {
    json!({"AdapterName": name, "DataSource": "Genesys", "ClientId": region.client_id, "ClientSecret": region.client_secret,
        "RegionHost": region.base_url, "AdvancedSettings": {"LogLevel": "debug"}})
}

fn adapter(settings: &Value) -> (Adapter, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let adapter = Adapter::new(Arc::clone(&recorder) as Arc<dyn Host>);
    adapter.configure(&settings.to_string()).unwrap();
    adapter.start().unwrap();
    (adapter, recorder)
}

/// Sends frames to every open socket, as they are.
fn inject(region: &Running, text: &str) {
    let mut request = Request::new("POST", "/_sim/frames")
        .query("channel", "all")
        .query("count", "1");
    request.body = text.as_bytes().to_vec();
    let answer = region.with_region(|region, now| region.handle_request(&request, now));
    assert!(answer.status < 300, "{}", answer.value());
}

#[test]
fn a_feed_comes_up_and_tells_what_happens() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("up", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(300);
    recorder.wait("a persistent connection with a call", |seen| {
        seen.has(EventKind::PersistentConnectionActive)
    });
    let status: Value = serde_json::from_str(&adapter.status()).unwrap();
    assert_eq!(
        (&status["life"], &status["feed"]),
        (&json!("running"), &json!("up"))
    );
    assert_eq!(
        (&status["region"]["users"], &status["region"]["queues"]),
        (&json!(40), &json!(3))
    );
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    wait_for_open_sockets(&region, 0);
    let seen = recorder.seen();
    seen.assert_each_id_once();
    assert!(
        seen.sequences
            .iter()
            .enumerate()
            .all(|(n, (_, sequence))| *sequence == n as u64 + 1)
    );
    assert_eq!(
        seen.states.last().map(|state| (state.life, state.why)),
        Some((Life::Stopping, Why::Stopped))
    );
    assert_eq!(
        seen.events.last().map(|event| event.kind),
        Some(EventKind::FeedState),
        "something happened after the feed had ended"
    );
    for kind in [
        EventKind::Delivered,
        EventKind::Established,
        EventKind::ConnectionCleared,
        EventKind::AgentPresence,
    ] {
        assert!(seen.has(kind), "{kind:?}");
    }
}

#[test]
fn a_stopped_adapter_starts_again_in_a_new_feed() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("again", &region));
    recorder.wait_for_events(20);
    assert!(matches!(adapter.start(), Err(Refusal::State(_))));
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    adapter.start().unwrap();
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(20);
    assert!(adapter.destroy(PATIENCE));
    let seen = recorder.seen();
    let feeds: BTreeSet<_> = seen.sequences.iter().map(|(feed, _)| feed).collect();
    assert_eq!((feeds.len(), seen.dropped), (2, 1));
}

/// One that a succession has made, or whose websocket is being opened again, has topics as well.
#[test]
fn a_channel_that_no_websocket_reads_is_taken_leave_of_too() {
    let region = region();
    fault(&region, Fault::RefuseConnects { status: 503 });
    let (adapter, recorder) = adapter(&settings("unread", &region));
    let subscribed = || region.with_region(|region, _| region.held_by(0).1);
    let end = Instant::now() + PATIENCE;
    while subscribed() == 0 {
        assert!(Instant::now() < end, "{}", adapter.status());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    assert_eq!(subscribed(), 0);
    assert!(!recorder.seen().has(EventKind::Established));
}

/// The first stop takes leave of the platform, which takes its time; the second one finds nothing to take leave of.
#[test]
fn a_start_after_two_stops_at_once_is_not_ended_by_the_slower_one() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("two stops", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    let slow = Fault::SlowRequests {
        min_ms: 900,
        max_ms: 900,
        path: "/api/v2/notifications".to_owned(),
    };
    fault(&region, slow);
    std::thread::scope(|scope| {
        let slower = scope.spawn(|| adapter.stop(PATIENCE));
        recorder.wait("the first stop", |seen| {
            let last = seen.states.last();
            last.is_some_and(|state| state.life == Life::Stopping)
        });
        assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
        adapter.start().unwrap();
        assert_eq!(slower.join().unwrap(), Stopped::Done);
    });
    clear_faults(&region);
    recorder.wait_for_state(Feed::Up, Why::None);
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn an_adapter_that_was_destroyed_begins_nothing_and_holds_no_name() {
    let document =
        json!({"AdapterName": "gone", "DataSource": "d", "ClientId": "i", "ClientSecret": "s",
        "RegionHost": "http://127.0.0.1:9"})
        .to_string();
    let adapter = || Adapter::new(Arc::new(Recorder::default()) as Arc<dyn Host>);
    let gone = adapter();
    gone.configure(&document).unwrap();
    assert!(gone.destroy(PATIENCE));
    assert!(matches!(gone.configure(&document), Err(Refusal::State(_))));
    assert!(matches!(gone.start(), Err(Refusal::State(_))));
    adapter().configure(&document).unwrap();
}

#[test]
fn a_cut_socket_is_told_and_mended() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("cut", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    let states = recorder.seen().states.len();
    fault(
        &region,
        Fault::CutSockets {
            share: 1.0,
            every_s: None,
            close_code: None,
        },
    );
    recorder.wait("a feed that is not up", |seen| {
        seen.states[states..]
            .iter()
            .any(|state| state.feed != Feed::Up)
    });
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(50);
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn a_revoked_token_is_replaced() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("revoked", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    let states = recorder.seen().states.len();
    fault(
        &region,
        Fault::RevokeToken {
            which: Default::default(),
        },
    );
    recorder.wait("a feed that is not up", |seen| {
        seen.states[states..]
            .iter()
            .any(|state| state.feed != Feed::Up)
    });
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(50);
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn refused_credentials_name_what_to_check_and_are_tried_again() {
    let region = region();
    fault(&region, Fault::RefuseClient {});
    let (adapter, recorder) = adapter(&settings("refused", &region));
    let state = recorder.wait_for_state(Feed::Down, Why::CredentialsRefused);
    assert!(
        state.message.contains("ClientId") && state.message.contains("ClientSecret"),
        "{}",
        state.message
    );
    assert!(!state.message.contains(&region.client_secret));
    assert_eq!(state.life, Life::Starting);
    clear_faults(&region);
    // The retry is slow on purpose (60 s), so only that the adapter lives is seen here; the session's tests see the rest.
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn an_unreachable_region_names_the_hop() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let document = json!({"AdapterName": "nobody", "DataSource": "Genesys", "ClientId": "id", "ClientSecret": "canary-secret",
        "RegionHost": format!("http://127.0.0.1:{port}")});
    let (adapter, recorder) = adapter(&document);
    let state = recorder.wait_for_state(Feed::Down, Why::Link);
    assert!(state.message.contains("127.0.0.1"), "{}", state.message);
    assert!(!adapter.status().contains("canary-secret"));
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn forbidden_topics_degrade_the_feed_and_are_named() {
    let region = region();
    fault(
        &region,
        Fault::ForbidTopics {
            topics: vec!["v2.users.*.station".to_owned()],
        },
    );
    let (adapter, recorder) = adapter(&settings("forbidden", &region));
    let state = recorder.wait_for_state(Feed::Degraded, Why::PermissionMissing);
    assert!(
        state
            .scope
            .topics
            .iter()
            .all(|topic| topic.as_str().ends_with(".station")),
        "{:?}",
        state.scope.topics
    );
    assert_eq!(state.scope.topics.len(), 40);
    recorder.wait_for_events(50);
    assert!(adapter.destroy(PATIENCE));
}

/// What calls can do without is not worth a word about the feed.
#[test]
fn persistent_connections_that_are_forbidden_cost_the_feed_nothing() {
    let region = region();
    fault(
        &region,
        Fault::ForbidTopics {
            topics: vec!["v2.users.*.persistentconnection".to_owned()],
        },
    );
    let (adapter, recorder) = adapter(&settings("no persistence", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(200);
    assert!(adapter.destroy(PATIENCE));
    let seen = recorder.seen();
    assert!(!seen.has(EventKind::PersistentConnectionActive));
    let refusals = seen.states.iter().map(|state| state.why);
    assert!(
        !refusals
            .into_iter()
            .any(|why| why == Why::PermissionMissing)
    );
    let warnings = seen.log.iter().filter(|line| {
        line.starts_with("Warn") && line.contains("the persistent connections of 40 users")
    });
    assert_eq!(warnings.count(), 1, "{:#?}", seen.log);
}

#[test]
fn junk_on_the_socket_is_counted_and_the_feed_goes_on() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("junk", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    // It does not look like a word of the platform: of one that does, and is new, the log tells.
    let canary = "canary 7f3a";
    let large = format!(
        r#"{{"topicName":"v2.users.x.conversations","eventBody":{{"id":"{}"}}}}"#,
        canary.repeat(1 << 20)
    );
    for junk in [
        format!("not JSON {canary}"),
        "7".to_owned(),
        format!(r#"{{"eventBody":{{"{canary}":1}}}}"#),
        format!(r#"{{"topicName":7,"eventBody":{{"{canary}":1}}}}"#),
        format!(r#"{{"topicName":"v2.unheard.of.{canary}","eventBody":{{}}}}"#),
        format!(
            r#"{{"topicName":"v2.users.x.conversations","eventBody":{{"id":7,"{canary}":1}}}}"#
        ),
        format!(r#"{{"topicName":"v2.users.x.presence","eventBody":[1,"{canary}"]}}"#),
        format!(
            r#"{{"topicName":"v2.users.x.routingStatus","eventBody":{{"routingStatus":{{"status":"BREAKDANCING-{canary}"}}}}}}"#
        ),
        large,
    ] {
        inject(&region, &junk);
        inject(&region, &junk);
    }
    let count = |member: &str| {
        let status: Value = serde_json::from_str(&adapter.status()).unwrap();
        status["counters"][member].as_u64().unwrap()
    };
    let end = Instant::now() + PATIENCE;
    while count("frames_not_json") < 2
        || count("bodies_unreadable") < 4
        || count("frames_without_topic") < 4
        || count("frames_wrong_type") < 2
        || count("topics_unknown") < 2
    {
        assert!(Instant::now() < end, "{}", adapter.status());
        recorder.wait_for_events(1);
    }
    recorder.wait_for_events(50);
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    let seen = recorder.seen();
    assert!(
        !seen
            .states
            .iter()
            .skip_while(|state| state.feed != Feed::Up)
            .any(|state| state.life == Life::Running && state.feed != Feed::Up)
    );
    assert!(
        !seen.log.iter().any(|line| line.contains(canary)),
        "{:#?}",
        seen.log
    );
    assert_eq!(
        seen.log
            .iter()
            .filter(|line| line.contains("not JSON"))
            .count(),
        1
    );
}

/// The platform goes on developing: what is new to this version is counted, named once, and costs the feed nothing.
#[test]
fn what_is_new_to_this_version_is_counted_and_named_once() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("drift", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    // Members are looked for in one presence of 256.
    for _ in 0..256 {
        inject(
            &region,
            r#"{"topicName":"v2.users.x.presence","eventBody":{"mood":"value-of-mine",
                "presenceDefinition":{"id":"d","systemPresence":"DAYDREAMING"}}}"#,
        );
    }
    for user in ["11111111", "22222222"] {
        let topic = format!("v2.users.{user}-0000-4000-8000-000000000000.dreams");
        inject(
            &region,
            &format!(r#"{{"topicName":"{topic}","eventBody":{{}}}}"#),
        );
    }
    let count = |member: &str| {
        let status: Value = serde_json::from_str(&adapter.status()).unwrap();
        status["counters"][member].as_u64().unwrap()
    };
    let end = Instant::now() + PATIENCE;
    while count("topics_unknown") < 2 {
        assert!(Instant::now() < end, "{}", adapter.status());
        recorder.wait_for_events(1);
    }
    assert_eq!((count("members_unknown"), count("words_unknown")), (1, 1));
    assert_eq!(count("bodies_unreadable"), 0);
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    let seen = recorder.seen();
    for line in [
        "Info calls a member of presence is new to this version: mood",
        "Info calls a word of presenceDefinition.systemPresence is new to this version: DAYDREAMING",
        "Info calls a topic is not read by this version: v2.users.{id}.dreams",
    ] {
        let told = seen.log.iter().filter(|told| *told == line).count();
        assert_eq!(told, 1, "{line}: {:#?}", seen.log);
    }
    assert!(!seen.log.iter().any(|line| line.contains("value-of-mine")));
}

#[test]
fn a_host_that_sleeps_costs_no_connection() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("asleep", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.note(|seen| seen.blocks = true);
    recorder.wait("a callback", |seen| seen.inside);
    let frames = || {
        serde_json::from_str::<Value>(&adapter.status()).unwrap()["counters"]["frames"]
            .as_u64()
            .unwrap()
    };
    let (before, end) = (frames(), Instant::now() + PATIENCE);
    while frames() < before + 500 {
        assert!(Instant::now() < end, "frames no longer come");
        std::thread::yield_now();
    }
    assert!(matches!(
        adapter.stop(Duration::from_millis(100)),
        Stopped::CallbackInside { .. }
    ));
    assert!(matches!(adapter.start(), Err(Refusal::State(_))));
    recorder.note(|seen| seen.blocks = false);
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    assert!(adapter.destroy(PATIENCE));
    assert_eq!(recorder.seen().dropped, 1);
}

#[test]
fn a_region_behind_tls_is_trusted_by_its_root_only() {
    let world = WorldConfig {
        users: 10,
        queues: 1,
        calls_per_minute: 200.0,
        seed: 5,
        ..WorldConfig::default()
    };
    let region = serve(FrontConfig {
        tls: true,
        ..FrontConfig::new(RegionConfig::new(world))
    })
    .unwrap();
    let (stranger, distrusts) = adapter(&settings("stranger", &region));
    let state = distrusts.wait_for_state(Feed::Down, Why::Link);
    assert!(
        state.message.to_lowercase().contains("certificate"),
        "{}",
        state.message
    );
    assert!(stranger.destroy(PATIENCE));

    let root = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(root.path(), region.tls_ca.as_ref().unwrap()).unwrap();
    let mut document = settings("friend", &region);
    document["AdvancedSettings"]["Trust"] = json!(format!("file:{}", root.path().display()));
    let (friend, trusts) = adapter(&document);
    trusts.wait_for_state(Feed::Up, Why::None);
    trusts.wait_for_events(20);
    assert!(friend.destroy(PATIENCE));
}

/// A number of the status document, by the path to it.
fn figure(adapter: &Adapter, path: &str) -> u64 {
    let status: Value = serde_json::from_str(&adapter.status()).unwrap();
    let found = path.split('/').fold(&status, |value, key| &value[key]);
    found
        .as_u64()
        .unwrap_or_else(|| panic!("{path} is no number: {status:#}"))
}

fn wait_for_figure(adapter: &Adapter, path: &str, holds: impl Fn(u64) -> bool) -> u64 {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = figure(adapter, path);
        if holds(now) {
            return now;
        }
        assert!(
            Instant::now() < end,
            "{path} stayed {now}: {}",
            adapter.status()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The region takes a socket off its list a moment after the other end has seen it closed.
fn wait_for_open_sockets(region: &Running, count: usize) {
    let end = Instant::now() + PATIENCE;
    loop {
        let open = region.with_region(|region, _| region.open_sockets());
        if open == count {
            return;
        }
        assert!(
            Instant::now() < end,
            "{open} sockets stayed open, not {count}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every event was told once, in an unbroken sequence of one feed, and the feed never ceased to be up after it was.
fn assert_no_gap(seen: &Seen) {
    let feeds: BTreeSet<_> = seen.sequences.iter().map(|(feed, _)| feed).collect();
    assert_eq!(feeds.len(), 1);
    assert!(
        seen.sequences
            .iter()
            .enumerate()
            .all(|(n, (_, sequence))| *sequence == n as u64 + 1)
    );
    seen.assert_each_id_once();
    let up = seen.states.iter().position(|state| state.feed == Feed::Up);
    let wavering = seen.states[up.unwrap()..]
        .iter()
        .find(|state| state.feed != Feed::Up && state.life == Life::Running);
    assert_eq!(wavering, None);
}

#[test]
fn a_restart_renews_the_connection_without_a_gap_and_many_at_once_are_one() {
    let region = region();
    let mut document = settings("restart", &region);
    document["AdvancedSettings"]["OverlapS"] = json!(1);
    let (adapter, recorder) = adapter(&document);
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(20);
    let tokens = figure(&adapter, "counters/sockets_opened");
    assert_eq!(tokens, 1);
    for _ in 0..50 {
        adapter.restart().unwrap();
    }
    wait_for_figure(&adapter, "counters/successions/asked.succeeded", |n| n > 0);
    recorder.wait("the end of the restart", |seen| {
        seen.log
            .iter()
            .any(|line| line.contains("restart is complete"))
    });
    recorder.wait_for_events(50);
    assert_eq!(figure(&adapter, "counters/successions/asked.succeeded"), 1);
    assert_eq!(figure(&adapter, "counters/sockets_opened"), 2);
    assert_eq!(figure(&adapter, "counters/reconnects"), 0);
    // And again, when it is over, it is another one.
    adapter.restart().unwrap();
    wait_for_figure(&adapter, "counters/successions/asked.succeeded", |n| n == 2);
    recorder.wait_for_events(20);
    assert_no_gap(&recorder.seen());
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    wait_for_open_sockets(&region, 0);
    let Err(Refusal::State(text)) = adapter.restart() else {
        panic!("it does not run");
    };
    assert_eq!(
        text,
        "the adapter is configured; it can be restarted while it runs; start it"
    );
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn other_credentials_while_it_runs_are_a_succession_and_wrong_ones_leave_the_feed_as_it_is() {
    let client = |name: &str| Client {
        id: format!("id-of-{name}"),
        secret: format!("secret-of-{name}"),
    };
    let (first, second) = (client("first"), client("second"));
    let mut config = RegionConfig::new(WorldConfig {
        users: 40,
        queues: 3,
        calls_per_minute: 400.0,
        seed: 3,
        ..WorldConfig::default()
    });
    config.clients = vec![first.clone(), second.clone()];
    let region = serve(FrontConfig::new(config)).unwrap();
    let document = |client: &Client, secret: &str| {
        let mut document = settings("credentials", &region);
        document["ClientId"] = json!(client.id);
        document["ClientSecret"] = json!(secret);
        document["AdvancedSettings"]["OverlapS"] = json!(1);
        document.to_string()
    };
    let (adapter, recorder) =
        adapter(&serde_json::from_str(&document(&first, &first.secret)).unwrap());
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(20);

    adapter.configure(&document(&second, "wrong")).unwrap();
    recorder.wait("the refusal", |seen| {
        seen.log
            .iter()
            .any(|line| line.contains("Fetching a token failed"))
    });
    recorder.wait_for_events(50);
    assert_eq!(figure(&adapter, "counters/sockets_opened"), 1);

    adapter
        .configure(&document(&second, &second.secret))
        .unwrap();
    wait_for_figure(&adapter, "counters/successions/settings.succeeded", |n| {
        n > 0
    });
    recorder.wait_for_events(50);
    assert_eq!(figure(&adapter, "counters/sockets_opened"), 2);
    wait_for_open_sockets(&region, 1);
    let seen = recorder.seen();
    assert!(
        !seen
            .log
            .iter()
            .any(|line| line.contains(&second.secret) || line.contains("wrong"))
    );
    assert_no_gap(&seen);
    drop(seen);
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn settings_that_apply_live_hold_at_once_and_those_of_a_start_wait_for_it() {
    let (region, other) = (region(), region());
    let document = settings("live", &region);
    let (adapter, recorder) = adapter(&document);
    recorder.wait_for_state(Feed::Up, Why::None);
    recorder.wait_for_events(20);

    let mut changed = document.clone();
    changed["AdvancedSettings"] = json!({"RequestsPerMinute": 100, "OverlapS": 2, "Role": "primary", "LogLevel": "trace",
        "RestartTime": "03:00", "TimeZone": "Europe/Berlin", "MaxRetry": 2, "RefusalsBeforeLost": 9});
    // The host is no region of Genesys Cloud, which is a warning of its own each time.
    let warnings = adapter.configure(&changed.to_string()).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(figure(&adapter, "region/requests_per_minute"), 100);

    changed["RegionHost"] = json!(other.base_url);
    changed["ClientId"] = json!(other.client_id);
    changed["ClientSecret"] = json!(other.client_secret);
    changed["AdvancedSettings"]["QueueMaxEvents"] = json!(5_000);
    let warnings = adapter.configure(&changed.to_string()).unwrap();
    let keys: Vec<&str> = warnings.iter().map(|warning| &*warning.key).collect();
    assert_eq!(
        keys,
        [
            "RegionHost",
            "RegionHost",
            "AdvancedSettings.QueueMaxEvents"
        ]
    );
    recorder.wait("the line about it", |seen| {
        seen.log.iter().any(|line| {
            line.contains(
                "QueueMaxEvents was changed, which applies when the adapter is started next",
            )
        })
    });
    // Back to the way it is, but for the queue.
    changed["RegionHost"] = document["RegionHost"].clone();
    changed["ClientId"] = document["ClientId"].clone();
    changed["ClientSecret"] = document["ClientSecret"].clone();
    adapter.configure(&changed.to_string()).unwrap();

    // What is wrong changes nothing, and says all of it.
    let problems = adapter.configure(
        r#"{"AdapterName": "other", "AdvancedSettings": {"OverlapS": 0, "RequestsPerMinute": 50}}"#,
    );
    let Err(Refusal::Settings(problems)) = problems else {
        panic!("{problems:?}");
    };
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert_eq!(figure(&adapter, "region/requests_per_minute"), 100);
    recorder.wait_for_events(50);
    assert_eq!(
        figure(&adapter, "delivery/queue_limit"),
        100_000,
        "it waits"
    );
    assert_no_gap(&recorder.seen());
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    adapter.start().unwrap();
    assert_eq!(figure(&adapter, "delivery/queue_limit"), 5_000);
    assert!(adapter.destroy(PATIENCE));
}

#[test]
fn another_name_while_it_runs_is_held_beside_the_one_that_it_runs_under() {
    let region = region();
    let (adapter, recorder) = adapter(&settings("name before", &region));
    recorder.wait_for_state(Feed::Up, Why::None);
    let warnings = adapter
        .configure(&settings("name after", &region).to_string())
        .unwrap();
    assert!(warnings.iter().any(|warning| warning.key == "AdapterName"));
    let name = || {
        let status: Value = serde_json::from_str(&adapter.status()).unwrap();
        status["adapter"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(), "name before");
    let other = Adapter::new(Arc::new(Recorder::default()) as Arc<dyn Host>);
    let takes = |name: &str| {
        other
            .configure(&settings(name, &region).to_string())
            .is_ok()
    };
    assert!(!takes("NAME before") && !takes("name AFTER"));
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    adapter.start().unwrap();
    assert_eq!(name(), "name after");
    assert!(takes("name before") && !takes("name after"));
    assert!(adapter.destroy(PATIENCE));
    assert!(takes("name after"));
}
