//! A whole adapter against a region on a port: it comes up, stays up, says what is wrong, and ends.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gca_region::fault::{Fault, FaultOrder};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::{RegionConfig, Request};
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Refusal, Stopped};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::event::EventKind;
use genesys_cloud_adapter::model::feed::{Feed, Life, StateReport, Why};
use genesys_cloud_adapter::observe::LogLine;
use serde_json::{Value, json};

/// How long a condition may take on a machine with much to do. A run in which nothing is wrong waits milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host that takes everything and writes it down.
#[derive(Default)]
struct Recorder {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    kinds: Vec<EventKind>,
    ids: Vec<u128>,
    sequences: Vec<(String, u64)>,
    states: Vec<StateReport>,
    log: Vec<String>,
    dropped: u32,
    /// While set, on_event does not return.
    blocks: bool,
    inside: bool,
}

impl Recorder {
    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen());
        self.changed.notify_all();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until it holds.
    fn wait(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen();
        while !holds(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{what} did not come; states: {:#?}, log: {:#?}",
                seen.states,
                seen.log
            );
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    fn wait_for_state(&self, feed: Feed, why: Why) -> StateReport {
        let is = |state: &StateReport| state.feed == feed && state.why == why;
        self.wait(&format!("{feed:?} because of {why:?}"), |seen| {
            seen.states.last().is_some_and(is)
        });
        self.seen().states.last().cloned().unwrap()
    }

    fn wait_for_events(&self, more: usize) {
        let from = self.seen().kinds.len();
        self.wait(&format!("{more} events"), |seen| {
            seen.kinds.len() >= from + more
        });
    }
}

impl Host for Recorder {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        self.note(|seen| seen.inside = true);
        let mut seen = self.seen();
        while seen.blocks {
            seen = self.changed.wait(seen).unwrap();
        }
        seen.inside = false;
        seen.kinds.push(offer.event.kind);
        seen.ids.push(offer.event.id.0);
        seen.sequences
            .push((offer.feed_id.to_owned(), offer.sequence));
        drop(seen);
        self.changed.notify_all();
        Verdict::Taken
    }

    fn on_state(&self, report: &StateReport) {
        self.note(|seen| seen.states.push(report.clone()));
    }

    fn on_log(&self, line: &LogLine) {
        self.note(|seen| {
            seen.log
                .push(format!("{:?} {} {}", line.level, line.target, line.message))
        });
    }

    fn on_drop(&self) {
        self.note(|seen| seen.dropped += 1);
    }
}

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

fn fault(region: &Running, fault: Fault) -> FaultOrder {
    let order = FaultOrder::now(fault);
    region.with_region(|region, now| region.plan_fault(order.clone(), now));
    order
}

fn clear_faults(region: &Running) {
    let answer = region.with_region(|region, now| {
        region.handle_request(&Request::new("DELETE", "/_sim/faults"), now)
    });
    assert!(answer.status < 300, "{}", answer.status);
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
        seen.kinds.contains(&EventKind::PersistentConnectionActive)
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
    assert_eq!(region.with_region(|region, _| region.open_sockets()), 0);
    let seen = recorder.seen();
    let ids: BTreeSet<_> = seen.ids.iter().collect();
    assert_eq!(ids.len(), seen.ids.len(), "an id came twice");
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
        seen.kinds.last(),
        Some(&EventKind::FeedState),
        "something happened after the feed had ended"
    );
    for kind in [
        EventKind::Delivered,
        EventKind::Established,
        EventKind::ConnectionCleared,
        EventKind::AgentPresence,
    ] {
        assert!(seen.kinds.contains(&kind), "{kind:?}");
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
    assert!(!seen.kinds.contains(&EventKind::PersistentConnectionActive));
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
