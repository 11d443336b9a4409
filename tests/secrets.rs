//! What the platform and the operator say in confidence is told to nobody: an adapter goes through every fault of the
//! region with its log at trace, and then none of the secrets, names, numbers and attribute values that went over its
//! connections stands in any line of the log, state, status, metric, report or file. Events tell of calls: they alone do, and
//! the journal that keeps them, which is its owner's alone and has no secret in it either.
//!
//! The connections go through a proxy of this test, which sees and keeps all that is said.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::collections::BTreeSet;
use std::fs;
use std::mem::discriminant;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gca_region::fault::{Fault, FaultOrder};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::{RegionConfig, Request};
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Stopped};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::feed::{Feed, StateReport};
use genesys_cloud_adapter::observe::LogLine;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(90);
const USER: &str = "recorder";
const PASSWORD: &str = "CANARY-proxy-password";

/// Every fault that a region knows, so that one that is added must be added here.
fn faults() -> Vec<Fault> {
    let all: Vec<Fault> = serde_json::from_value(json!([
        {"fault": "cut_sockets"},
        {"fault": "cut_sockets", "close_code": 1001},
        {"fault": "mute_sockets"},
        {"fault": "black_hole", "requests": true},
        {"fault": "second_socket"},
        {"fault": "rival_channels", "every_s": 0.2},
        {"fault": "refuse_connects", "status": 401},
        {"fault": "delay", "min_ms": 10, "max_ms": 500},
        {"fault": "reorder", "min_ms": 10, "max_ms": 500},
        {"fault": "duplicate"},
        {"fault": "lose"},
        {"fault": "revoke_token"},
        {"fault": "expire_channels"},
        {"fault": "refuse_client"},
        {"fault": "storm_429"},
        {"fault": "storm_5xx"},
        {"fault": "slow_requests", "min_ms": 10, "max_ms": 800},
        {"fault": "clock_skew", "skew_ms": 100_000},
        {"fault": "forbid_requests", "path": "/api/v2", "permission": "a:b:c"},
        {"fault": "socket_closing", "grace_s": 0.3},
        {"fault": "forbid_topics", "topics": ["*presence*"]},
    ]))
    .unwrap();
    let kinds: Vec<_> = all.iter().map(discriminant).collect();
    for (at, fault) in all.iter().enumerate() {
        let again = kinds[..at].contains(&kinds[at]);
        match fault {
            Fault::CutSockets { .. } => {}
            Fault::MuteSockets { .. }
            | Fault::BlackHole { .. }
            | Fault::SecondSocket { .. }
            | Fault::RivalChannels { .. }
            | Fault::RefuseConnects { .. }
            | Fault::Delay { .. }
            | Fault::Reorder { .. }
            | Fault::Duplicate { .. }
            | Fault::Lose { .. }
            | Fault::RevokeToken { .. }
            | Fault::ExpireChannels {}
            | Fault::RefuseClient {}
            | Fault::Storm429 { .. }
            | Fault::Storm5xx { .. }
            | Fault::SlowRequests { .. }
            | Fault::ClockSkew { .. }
            | Fault::ForbidRequests { .. }
            | Fault::SocketClosing { .. }
            | Fault::ForbidTopics { .. } => assert!(!again, "{fault:?} twice"),
        }
    }
    all
}

/// What went over the connections.
#[derive(Clone, Default)]
struct Overheard(Arc<Mutex<Vec<u8>>>);

impl Overheard {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    async fn carry(self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            self.0.lock().unwrap().extend_from_slice(&buffer[..n]);
            if to.write_all(&buffer[..n]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    }
}

/// A proxy that makes every tunnel and listens.
struct Proxy {
    port: u16,
    overheard: Overheard,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Proxy {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let overheard = Overheard::default();
        let ear = overheard.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, ear.clone()));
            }
        });
        Self {
            port,
            overheard,
            runtime: Some(runtime),
        }
    }
}

async fn tunnel(mut near: TcpStream, ear: Overheard) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let far = TcpStream::connect(target).await.ok()?;
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(
        ear.clone().carry(near_in, far_out),
        ear.carry(far_in, near_out)
    );
    Some(())
}

/// Everything that the adapter tells, but for its events.
#[derive(Default)]
struct Recorder {
    events: Mutex<u64>,
    told: Mutex<String>,
    lines: Mutex<u64>,
    feed: Mutex<Option<Feed>>,
}

impl Host for Recorder {
    fn on_event(&self, _: &Offer<'_>) -> Verdict {
        *self.events.lock().unwrap() += 1;
        Verdict::Taken
    }

    fn on_state(&self, report: &StateReport) {
        *self.feed.lock().unwrap() = Some(report.feed);
        self.note("state", &format!("{report:?} {}", report.message));
    }

    fn on_log(&self, line: &LogLine) {
        *self.lines.lock().unwrap() += 1;
        self.note("log", &format!("{} {line:?} {}", line.target, line.message));
    }

    fn on_drop(&self) {}
}

impl Recorder {
    fn note(&self, what: &str, text: &str) {
        *self.told.lock().unwrap() += &format!("{what}: {text}\n");
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < end,
                "{what} did not come: {}",
                self.told.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// All that is in the files of a directory. They are their owner's alone.
fn whole(directory: &Path) -> Vec<u8> {
    let is_private = |path: &Path| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        }
        #[cfg(not(unix))]
        let _ = path;
    };
    is_private(directory);
    let mut all = Vec::new();
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        is_private(&path);
        all.extend(fs::read(&path).unwrap());
    }
    all
}

/// The texts under a key, wherever they stand.
fn under(key: &str, text: &str) -> BTreeSet<String> {
    let key = format!("\"{key}\":\"");
    text.match_indices(&key)
        .filter_map(|(at, _)| text[at + key.len()..].split('"').next())
        .map(str::to_owned)
        .collect()
}

/// What nobody may tell.
struct Markers {
    /// What opens the region to whoever has it.
    secrets: BTreeSet<String>,
    /// What is of persons: events tell it.
    personal: BTreeSet<String>,
}

fn markers(region: &Running, overheard: &str) -> Markers {
    let mut markers = Markers {
        secrets: BTreeSet::from([region.client_secret.clone(), PASSWORD.to_owned()]),
        personal: BTreeSet::new(),
    };
    fn take(into: &mut BTreeSet<String>, what: &str, found: BTreeSet<String>, least: usize) {
        let long: BTreeSet<String> = found.into_iter().filter(|text| text.len() >= 6).collect();
        assert!(
            long.len() >= least,
            "{what}: only {long:?} went over the connections"
        );
        into.extend(long);
    }
    let mut add = |what, found, least| take(&mut markers.secrets, what, found, least);
    let pairs = overheard
        .match_indices("Basic ")
        .filter_map(|(at, word)| overheard[at + word.len()..].split('\r').next());
    add("client and secret", pairs.map(str::to_owned).collect(), 1);
    let pair = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    add("user and password", BTreeSet::from([pair]), 1);
    add("tokens", under("access_token", overheard), 2);
    let addresses = under("connectUri", overheard);
    let channels = addresses
        .iter()
        .filter_map(|address| address.rsplit('/').next());
    add("channels", channels.map(str::to_owned).collect(), 2);
    add("their addresses", addresses, 2);
    let mut add = |what, found, least| take(&mut markers.personal, what, found, least);
    let page = region.with_region(|region, _| region.world().users_page(100, 1, &[], &[]));
    let of_users = |key: &str| -> BTreeSet<String> {
        let users = page["entities"].as_array().unwrap().iter();
        users
            .map(|user| user[key].as_str().unwrap().to_owned())
            .collect()
    };
    add("names", of_users("name"), 20);
    add("e-mails", of_users("email"), 20);
    // Numbers stand as `tel:+49…`, attributes in objects of their own.
    let numbers = overheard.match_indices("tel:+").filter_map(|(at, _)| {
        overheard[at + 5..]
            .split(|c: char| !c.is_ascii_digit())
            .next()
    });
    add("numbers", numbers.map(str::to_owned).collect(), 10);
    let mut values = BTreeSet::new();
    for (at, found) in overheard.match_indices("\"attributes\":") {
        let rest = &overheard[at + found.len()..];
        let mut read = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if let Some(Ok(Value::Object(attributes))) = read.next() {
            values.extend(
                attributes
                    .values()
                    .filter_map(|value| value.as_str().map(str::to_owned)),
            );
        }
    }
    // What is also a word of the product is no secret.
    values.retain(|value| value.len() >= 8 && !value.eq_ignore_ascii_case("recorder"));
    add("attribute values", values, 5);
    markers
}

#[test]
fn nothing_that_is_confidential_is_told_through_any_fault_at_any_level() {
    let world = WorldConfig {
        users: 40,
        queues: 3,
        calls_per_minute: 500.0,
        seed: 11,
        ..WorldConfig::default()
    };
    let mut config = RegionConfig::new(world);
    config.switches.heartbeat_ms = 500;
    let region = serve(FrontConfig::new(config)).unwrap();
    let proxy = Proxy::start();
    let files = tempfile::tempdir().unwrap();
    let ledger = files.path().join("gaps.jsonl");
    // The one place on the disk where events may be.
    let journals = tempfile::tempdir().unwrap();
    let recorder = Arc::new(Recorder::default());
    let adapter = Adapter::new(Arc::clone(&recorder) as Arc<dyn Host>);
    let mut document = json!({
        "AdapterName": "confidential", "DataSource": "Genesys", "ClientId": region.client_id,
        "ClientSecret": region.client_secret, "RegionHost": region.base_url, "UseClientProxy": true,
        "ProxyHostname": "127.0.0.1", "ProxyPort": proxy.port, "ProxyUsername": USER, "ProxyPassword": PASSWORD,
        "AdvancedSettings": { "LogLevel": "trace", "GapLedgerFile": ledger.display().to_string() },
    });
    let warnings = adapter.configure(&document.to_string()).unwrap();
    recorder.note("warnings", &format!("{warnings:?}"));
    adapter.start().unwrap();
    let is_up = |recorder: &Recorder| *recorder.feed.lock().unwrap() == Some(Feed::Up);
    recorder.until("a feed", is_up);
    recorder.until("events", |recorder| *recorder.events.lock().unwrap() > 200);

    for fault in faults() {
        let before = *recorder.lines.lock().unwrap();
        region.with_region(|region, now| region.plan_fault(FaultOrder::now(fault), now));
        // Long enough for what it makes the adapter say; some make it say nothing at all.
        let end = Instant::now() + Duration::from_millis(700);
        while *recorder.lines.lock().unwrap() < before + 10 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        recorder.note("status", &adapter.status());
        recorder.note("metrics", &adapter.metrics());
        recorder.note("check", &adapter.check(Duration::from_millis(400)).unwrap());
        let answer = region.with_region(|region, now| {
            region.handle_request(&Request::new("DELETE", "/_sim/faults"), now)
        });
        assert!(answer.status < 300);
        // A connection that was muted stays so: the next fault gets a fresh one.
        assert_eq!(adapter.stop(Duration::from_secs(20)), Stopped::Done);
        *recorder.feed.lock().unwrap() = None;
        adapter.start().unwrap();
        recorder.until("a feed", is_up);
    }
    recorder.note("check", &adapter.check(PATIENCE).unwrap());
    recorder.note("status", &adapter.status());
    recorder.note("again", &format!("{:?}", adapter.start()));
    assert_eq!(adapter.stop(Duration::from_secs(20)), Stopped::Done);
    // Twice with a journal, so that one goes on from it.
    let journal = journals.path().join("journal");
    document["AdvancedSettings"]["JournalDirectory"] = json!(journal.display().to_string());
    adapter.configure(&document.to_string()).unwrap();
    for _ in 0..2 {
        let before = *recorder.events.lock().unwrap();
        adapter.start().unwrap();
        recorder.until("events", |recorder| {
            *recorder.events.lock().unwrap() > before + 200
        });
        recorder.note("status", &adapter.status());
        assert_eq!(adapter.stop(Duration::from_secs(20)), Stopped::Done);
    }
    recorder.note(
        "refused",
        &format!("{:?}", adapter.configure("{\"ClientSecret\": 5}")),
    );
    for file in fs::read_dir(files.path()).unwrap() {
        let path = file.unwrap().path();
        recorder.note("file", &fs::read_to_string(path).unwrap());
    }

    let overheard = proxy.overheard.text();
    assert!(
        !overheard.contains(PASSWORD),
        "the proxy's password goes to the proxy only"
    );
    let told = recorder.told.lock().unwrap();
    assert!(told.contains("file: {"), "the ledger was written");
    assert!(
        told.contains(r#""ClientSecret":"***""#),
        "the status shows the settings"
    );
    assert!(
        told.contains(r#""ProxyPassword":"***""#),
        "the status shows the settings"
    );
    let lines = *recorder.lines.lock().unwrap();
    let log: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("log"))
        .collect();
    assert!(lines > 100, "the log says something: {log:#?}");
    let Markers { secrets, personal } = markers(&region, &overheard);
    let journal = whole(&journal);
    // It is large.
    let keeps = |marker: &String| memchr::memmem::find(&journal, marker.as_bytes()).is_some();
    for secret in &secrets {
        assert!(!keeps(secret), "{secret} is in the journal");
    }
    assert!(personal.iter().any(keeps), "the journal keeps events");
    for marker in secrets.iter().chain(&personal) {
        if let Some(line) = told.lines().find(|line| line.contains(marker)) {
            let at = line.find(marker).unwrap();
            let from = line.floor_char_boundary(at.saturating_sub(200));
            let to = line.ceil_char_boundary((at + 200).min(line.len()));
            panic!("{marker} was told: …{}…", &line[from..to]);
        }
    }
}
