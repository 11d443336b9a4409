//! Through the proxies that companies use, and what is told when one of them makes no tunnel.
//!
//! The region lets in only who comes from where the proxies come from: a connection past the proxy would be counted and
//! cut off. Every secret has the word CANARY in it, and no failure may show one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test they are the report of a failure"
)]
#![cfg(unix)]

#[path = "proxies/company.rs"]
mod company;
mod ports;

use std::fmt::Debug;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use company::{
    OUTSIDE, PASSWORD, Squid, USER, Wish, inspecting, microsocks, mitmproxy, squid, tinyproxy,
};
use gca_region::front::{FrontConfig, Running as Region, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Stopped};
use genesys_cloud_adapter::cloud::{Inbound, Limits, Wire, WireConfig};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::feed::{Feed, StateReport};
use genesys_cloud_adapter::model::order::{Failure, FailureKind, Reply, Request};
use genesys_cloud_adapter::observe::LogLine;
use genesys_cloud_adapter::settings::{self, Proxy, ProxyProtocol, Trust};
use ports::free_port;
use rustls::pki_types::PrivatePkcs8KeyDer;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use url::Url;

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// A region that only the proxies reach.
struct Scene {
    region: Region,
    trust: Trust,
    _authority: tempfile::NamedTempFile,
}

/// What a scene's region does.
#[derive(Default)]
struct Wanted<'a> {
    tls: bool,
    name: Option<&'a str>,
    /// Anyone may come: the proxy cannot choose where it comes from.
    open: bool,
    /// Sends nothing for an hour.
    is_quiet: bool,
}

fn scene(wanted: &Wanted<'_>) -> Scene {
    let world = WorldConfig {
        users: 30,
        queues: 2,
        calls_per_minute: if wanted.is_quiet { 0.0 } else { 600.0 },
        ..WorldConfig::default()
    };
    let mut config = RegionConfig::new(world);
    config.switches.heartbeat_ms = if wanted.is_quiet { 3_600_000 } else { 200 };
    let region = serve(FrontConfig {
        tls: wanted.tls,
        name: wanted.name.map(str::to_owned),
        only_from: (!wanted.open).then(|| OUTSIDE.parse().unwrap()),
        ..FrontConfig::new(config)
    })
    .unwrap();
    let mut authority = tempfile::NamedTempFile::new().unwrap();
    let pem = region.tls_ca.clone().unwrap_or_default();
    authority.write_all(pem.as_bytes()).unwrap();
    let trust = if wanted.tls {
        Trust::File(authority.path().to_owned())
    } else {
        Trust::Platform
    };
    Scene {
        region,
        trust,
        _authority: authority,
    }
}

fn wire_to(url: &str, scene: &Scene, trust: &Trust, proxy: Option<Proxy>) -> Wire {
    let url = Url::parse(url).unwrap();
    let config = WireConfig {
        region: settings::Region {
            api: url.clone(),
            login: url,
        },
        client_id: scene.region.client_id.clone(),
        client_secret: SecretString::from(scene.region.client_secret.as_str()),
        trust: trust.clone(),
        proxy,
        user_agent: "adapter/1.2.3".to_owned(),
        limits: Limits::default(),
    };
    clean(&config);
    Wire::new(config).unwrap()
}

impl Scene {
    fn wire(&self, proxy: Proxy) -> Wire {
        wire_to(&self.region.base_url, self, &self.trust, Some(proxy))
    }

    fn nobody_came_past_the_proxy(&self) {
        assert_eq!(self.region.strangers(), 0, "a connection past the proxy");
    }
}

fn clean(shown: &impl Debug) {
    let text = format!("{shown:?} {shown:#?}");
    assert!(!text.contains("CANARY"), "a secret was shown: {text}");
}

async fn ask(wire: &Wire, what: Request) -> Reply {
    let reply = timeout(PATIENCE, wire.request(what))
        .await
        .expect("a time limit");
    clean(&reply);
    reply
}

async fn fails(wire: &Wire) -> Failure {
    match ask(wire, Request::Token).await {
        Reply::Failed(failure) => failure,
        reply => panic!("it should have failed: {reply:?}"),
    }
}

/// Fails, and says so in these words.
async fn fails_with(wire: &Wire, words: &[&str]) {
    let failure = fails(wire).await;
    assert_eq!(failure.kind, FailureKind::Link, "{failure:?}");
    for word in words {
        assert!(
            failure.message.contains(word),
            "{word}: {}",
            failure.message
        );
    }
}

/// All that the adapter does on a network: a token, requests, a websocket.
async fn follows(wire: &Wire, what: &str) {
    let token = ask(wire, Request::Token).await;
    assert!(matches!(token, Reply::Token { .. }), "{what}: {token:?}");
    let users = ask(wire, Request::Users { page: 1 }).await;
    assert!(matches!(users, Reply::Users(_)), "{what}: {users:?}");
    let channel = match ask(wire, Request::CreateChannel).await {
        Reply::Channel { channel, .. } => channel,
        reply => panic!("{what}: {reply:?}"),
    };
    let mut socket = timeout(PATIENCE, wire.open_socket(&channel))
        .await
        .unwrap()
        .unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
    clean(&socket);
    socket.ping().await.unwrap();
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap() {
            Ok(Inbound::Text(text)) if text.contains("pong") => break,
            Ok(_) => {}
            Err(failure) => panic!("{what}: {failure:?}"),
        }
    }
    socket.close().await;
}

// ---- through

#[tokio::test]
async fn token_requests_and_websocket_go_through_squid_and_only_through_it() {
    for wants_user in [false, true] {
        let proxy = squid(&Squid {
            wants_user,
            ..Squid::default()
        });
        for tls in [false, true] {
            let scene = scene(&Wanted {
                tls,
                ..Wanted::default()
            });
            let to = if wants_user {
                proxy.known()
            } else {
                proxy.plain()
            };
            follows(&scene.wire(to), "squid").await;
            scene.nobody_came_past_the_proxy();
            assert!(
                scene.region.guests() >= 2,
                "a connection for requests and a websocket"
            );
        }
    }
}

#[tokio::test]
async fn a_name_is_looked_up_by_the_proxy_only() {
    // No machine knows it: it is under `.test`.
    let name = "api.recorder-region.test";
    let scene = scene(&Wanted {
        tls: true,
        name: Some(name),
        ..Wanted::default()
    });
    assert!(scene.region.base_url.contains(name));
    let proxy = squid(&Squid {
        knows: Some(name),
        ..Squid::default()
    });
    follows(&scene.wire(proxy.plain()), "by name").await;
    scene.nobody_came_past_the_proxy();
}

#[tokio::test]
async fn token_requests_and_websocket_go_through_tinyproxy() {
    for wants_user in [false, true] {
        let scene = scene(&Wanted {
            tls: true,
            ..Wanted::default()
        });
        let proxy = tinyproxy(wants_user, 600, scene.region.address.port());
        let to = if wants_user {
            proxy.known()
        } else {
            proxy.plain()
        };
        follows(&scene.wire(to), "tinyproxy").await;
        scene.nobody_came_past_the_proxy();
    }
}

#[tokio::test]
async fn token_requests_and_websocket_go_through_a_socks_proxy() {
    for wants_user in [false, true] {
        let scene = scene(&Wanted {
            tls: true,
            ..Wanted::default()
        });
        let proxy = microsocks(wants_user);
        let to = if wants_user {
            proxy.known()
        } else {
            proxy.plain()
        };
        follows(&scene.wire(to), "microsocks").await;
        scene.nobody_came_past_the_proxy();
    }
}

/// A SOCKS5 proxy of a few lines, which takes every connection to `region` and notes how each named its target: by the type
/// of address (RFC 1928), and by name and port.
async fn noting_socks(region: SocketAddr) -> (u16, Arc<Mutex<Vec<(u8, String, u16)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            tokio::spawn(async move {
                let mut greeting = [0; 2];
                client.read_exact(&mut greeting).await?;
                let mut ways = vec![0; greeting[1].into()];
                client.read_exact(&mut ways).await?;
                client.write_all(&[5, 0]).await?;
                let mut head = [0; 4];
                client.read_exact(&mut head).await?;
                let length = match head[3] {
                    1 => 4,
                    4 => 16,
                    _ => client.read_u8().await?.into(),
                };
                let mut name = vec![0; length];
                client.read_exact(&mut name).await?;
                let port = client.read_u16().await?;
                let name = String::from_utf8_lossy(&name).into_owned();
                noted.lock().unwrap().push((head[3], name, port));
                let mut server = TcpStream::connect(region).await?;
                client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (port, asked)
}

#[tokio::test]
async fn a_socks_proxy_is_given_the_name_and_not_an_address() {
    // Every machine knows it, as another address than the region's: to look it up would not fail.
    let name = "localhost";
    let scene = scene(&Wanted {
        tls: true,
        name: Some(name),
        open: true,
        ..Wanted::default()
    });
    let (port, asked) = noting_socks(scene.region.address).await;
    let proxy = Proxy {
        protocol: ProxyProtocol::Socks5,
        host: "127.0.0.1".to_owned(),
        port,
        credentials: None,
        bypass: Vec::new(),
    };
    follows(&scene.wire(proxy), "by name").await;
    let asked = asked.lock().unwrap();
    let region = Url::parse(&scene.region.base_url).unwrap();
    let by_name = (3, name.to_owned(), region.port_or_known_default().unwrap());
    assert!(asked.len() >= 2, "requests and the websocket: {asked:?}");
    assert!(asked.iter().all(|one| *one == by_name), "{asked:?}");
}

#[tokio::test]
async fn a_proxy_that_inspects_tls_is_trusted_by_its_root_and_not_without() {
    for wants_user in [false, true] {
        let scene = scene(&Wanted {
            tls: true,
            open: true,
            ..Wanted::default()
        });
        let authority = scene.region.tls_ca.clone().unwrap();
        let proxy = mitmproxy(wants_user, &authority);
        let to = || {
            if wants_user {
                proxy.known()
            } else {
                proxy.plain()
            }
        };
        let url = &scene.region.base_url;
        // The region's own authority says nothing of the proxy's certificates.
        let untrusting = wire_to(url, &scene, &scene.trust, Some(to()));
        let shown = format!("127.0.0.1:{}", proxy.port);
        let words = [
            "is not trusted",
            "inspects TLS",
            "AdvancedSettings.Trust",
            &shown,
        ];
        fails_with(&untrusting, &words).await;
        let root = Trust::File(proxy.file("mitmproxy-ca-cert.pem"));
        follows(&wire_to(url, &scene, &root, Some(to())), "mitmproxy").await;
    }
}

#[tokio::test]
async fn what_is_on_the_bypass_list_is_reached_without_the_proxy() {
    let scene = scene(&Wanted {
        open: true,
        ..Wanted::default()
    });
    let nobody = Proxy {
        protocol: ProxyProtocol::Http,
        host: "127.0.0.1".to_owned(),
        port: free_port(),
        credentials: None,
        bypass: vec!["127.0.0.0/8".to_owned()],
    };
    follows(&scene.wire(nobody.clone()), "without").await;
    let through = Proxy {
        bypass: vec!["127.0.0.7".to_owned()],
        ..nobody
    };
    fails_with(&scene.wire(through), &["no connection to the proxy"]).await;
}

// ---- a whole adapter

/// A host that takes everything.
#[derive(Default)]
struct Recorder {
    events: Mutex<u64>,
    states: Mutex<Vec<StateReport>>,
    log: Mutex<String>,
}

impl Host for Recorder {
    fn on_event(&self, _: &Offer<'_>) -> Verdict {
        *self.events.lock().unwrap() += 1;
        Verdict::Taken
    }

    fn on_state(&self, report: &StateReport) {
        self.states.lock().unwrap().push(report.clone());
    }

    fn on_log(&self, line: &LogLine) {
        *self.log.lock().unwrap() += &format!("{}: {}\n", line.target, line.message);
    }

    fn on_drop(&self) {}
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_adapter_with_a_proxy_reaches_the_region_through_it_and_no_other_way() {
    let name = "api.recorder-region.test";
    let scene = scene(&Wanted {
        tls: true,
        name: Some(name),
        ..Wanted::default()
    });
    let proxy = squid(&Squid {
        wants_user: true,
        knows: Some(name),
        ..Squid::default()
    });
    let Trust::File(authority) = &scene.trust else {
        panic!("with TLS")
    };
    let recorder = Arc::new(Recorder::default());
    let adapter = Adapter::new(Arc::clone(&recorder) as Arc<dyn Host>);
    let document = json!({
        "AdapterName": "behind a proxy", "DataSource": "Genesys", "ClientId": scene.region.client_id,
        "ClientSecret": scene.region.client_secret, "RegionHost": scene.region.base_url,
        "UseClientProxy": "true", "ProxyProtocol": "http", "ProxyHostname": "127.0.0.1",
        "ProxyPort": proxy.port.to_string(), "ProxyUsername": USER, "ProxyPassword": PASSWORD,
        "AdvancedSettings": { "Trust": format!("file:{}", authority.display()), "LogLevel": "trace" },
    });
    adapter.configure(&document.to_string()).unwrap();
    adapter.start().unwrap();
    until("the feed comes up", || {
        let states = recorder.states.lock().unwrap();
        states.last().is_some_and(|state| state.feed == Feed::Up)
    });
    until("calls are told", || *recorder.events.lock().unwrap() > 50);
    clean(&adapter.status());
    assert_eq!(adapter.stop(Duration::from_secs(20)), Stopped::Done);
    scene.nobody_came_past_the_proxy();
    clean(&*recorder.log.lock().unwrap());
    clean(&*recorder.states.lock().unwrap());
}

// ---- "Test connection" through them

/// An adapter behind a proxy, not started.
fn behind(proxy: &company::Running, wants_user: bool, scene: &Scene, trust: &Trust) -> Adapter {
    let Trust::File(roots) = trust else {
        panic!("with TLS")
    };
    let mut document = json!({
        "AdapterName": format!("behind {}", proxy.port), "DataSource": "Genesys",
        "ClientId": scene.region.client_id, "ClientSecret": scene.region.client_secret,
        "RegionHost": scene.region.base_url, "UseClientProxy": true, "ProxyProtocol": "http",
        "ProxyHostname": "127.0.0.1", "ProxyPort": proxy.port,
        "AdvancedSettings": { "Trust": format!("file:{}", roots.display()) },
    });
    if wants_user {
        document["ProxyUsername"] = json!(USER);
        document["ProxyPassword"] = json!(PASSWORD);
    }
    let adapter = Adapter::new(Arc::new(Recorder::default()) as Arc<dyn Host>);
    adapter.configure(&document.to_string()).unwrap();
    adapter
}

fn checked(adapter: &Adapter) -> serde_json::Value {
    let report = adapter.check(PATIENCE).unwrap();
    clean(&report);
    serde_json::from_str(&report).unwrap()
}

/// The rows about the way to a host, and what they came to.
fn way(report: &serde_json::Value) -> Vec<(&str, &str)> {
    let rows = report["checks"].as_array().unwrap().iter();
    rows.filter(|row| row.get("host").is_some())
        .map(|row| {
            (
                row["check"].as_str().unwrap(),
                row["result"].as_str().unwrap(),
            )
        })
        .collect()
}

fn row<'a>(report: &'a serde_json::Value, check: &str) -> &'a serde_json::Value {
    let mut rows = report["checks"].as_array().unwrap().iter();
    rows.find(|row| row["check"] == check)
        .unwrap_or_else(|| panic!("no {check}: {report:#}"))
}

#[test]
fn a_check_goes_hop_by_hop_through_the_proxy_to_the_websocket_and_makes_nothing() {
    let scene = scene(&Wanted {
        tls: true,
        ..Wanted::default()
    });
    for wants_user in [false, true] {
        let squid = squid(&Squid {
            wants_user,
            ..Squid::default()
        });
        let tiny = tinyproxy(wants_user, 600, scene.region.address.port());
        for proxy in [squid, tiny] {
            let report = checked(&behind(&proxy, wants_user, &scene, &scene.trust));
            assert_eq!(report["result"], "ok", "{report:#}");
            let expected = ["proxy", "tls", "proxy", "tls", "websocket"].map(|check| (check, "ok"));
            assert_eq!(way(&report), expected, "{report:#}");
            let seen = row(&report, "channels")["seen"].as_str().unwrap();
            assert!(seen.starts_with("0 of 20"), "{seen}");
        }
    }
    scene.nobody_came_past_the_proxy();
}

#[test]
fn a_check_tells_that_something_that_inspects_tls_lets_no_websocket_pass() {
    let scene = scene(&Wanted {
        tls: true,
        open: true,
        ..Wanted::default()
    });
    let authority = scene.region.tls_ca.clone().unwrap();
    for (wish, result, words) in [
        (Wish::Passes, "ok", "it answered 404: websockets reach it"),
        (
            Wish::IsForbidden,
            "warning",
            "answered 403, not in the platform's words",
        ),
        (Wish::IsCut, "warning", "broke before its answer"),
    ] {
        let proxy = inspecting(false, &authority, wish);
        let root = Trust::File(proxy.file("mitmproxy-ca-cert.pem"));
        let report = checked(&behind(&proxy, false, &scene, &root));
        assert_eq!(row(&report, "tls")["result"], "ok", "{report:#}");
        let websocket = row(&report, "websocket");
        assert_eq!(websocket["result"], result, "{report:#}");
        let told = format!("{} {}", websocket["seen"], websocket["todo"]);
        assert!(told.contains(words), "{words}: {told}");
        let named = told.contains(&format!("through the proxy 127.0.0.1:{}", proxy.port));
        assert_eq!(named, result != "ok", "{told}");
        assert_eq!(report["result"], result, "{report:#}");
    }
}

/// The one thing that a refused handshake cannot show: the region refuses what comes without its wish as well.
#[test]
fn a_wish_that_is_taken_away_shows_at_the_websockets_of_the_running_adapter() {
    let scene = scene(&Wanted {
        tls: true,
        open: true,
        ..Wanted::default()
    });
    let authority = scene.region.tls_ca.clone().unwrap();
    let proxy = inspecting(false, &authority, Wish::IsTakenAway);
    let root = Trust::File(proxy.file("mitmproxy-ca-cert.pem"));
    let adapter = behind(&proxy, false, &scene, &root);
    adapter.start().unwrap();
    let figure = |name: &str| {
        let status: serde_json::Value = serde_json::from_str(&adapter.status()).unwrap();
        status["region"][name].as_u64().unwrap()
    };
    // The adapter makes channels anew whenever a websocket was refused: the report may be made between two.
    let mut told = json!(null);
    until("a check beside a channel without its websocket", || {
        figure("channels") > 0
    });
    let end = Instant::now() + PATIENCE;
    while told.is_null() {
        assert!(Instant::now() < end, "no check met a channel");
        let report = checked(&adapter);
        let mut rows = report["checks"].as_array().unwrap().iter();
        if let Some(row) = rows.find(|row| row["check"] == "sockets") {
            told = row.clone();
        }
    }
    assert_eq!(told["result"], "warning", "{told}");
    let seen = told["seen"].as_str().unwrap();
    assert!(seen.starts_with("0 of the running adapter's"), "{seen}");
    assert!(
        told["todo"].as_str().unwrap().contains("inspects TLS"),
        "{told}"
    );
    assert_eq!(figure("sockets"), 0);
    assert_eq!(adapter.stop(Duration::from_secs(20)), Stopped::Done);
}

// ---- not through: each hop has its own words

#[tokio::test]
async fn a_proxy_that_wants_a_user_says_so_without_and_with_wrong_credentials() {
    let scene = scene(&Wanted::default());
    let target = scene.region.address.port();
    let squid = squid(&Squid {
        wants_user: true,
        ..Squid::default()
    });
    let (tiny, socks) = (tinyproxy(true, 600, target), microsocks(true));
    let authority = String::new();
    let mitm = mitmproxy(true, &authority);
    for proxy in [&squid, &tiny, &socks, &mitm] {
        let shown = format!("127.0.0.1:{}", proxy.port);
        let without = [
            "asks for a user name",
            "ProxyUsername",
            "ProxyPassword",
            &shown,
        ];
        fails_with(&scene.wire(proxy.plain()), &without).await;
    }
    // Tinyproxy answers wrong credentials with 401, which is no proxy's status.
    for proxy in [&squid, &socks, &mitm] {
        let refused = ["refused the user name and the password", "ProxyUsername"];
        let wrong = proxy.with(USER, "CANARY-wrong");
        fails_with(&scene.wire(wrong), &refused).await;
    }
    let wrong = tiny.with(USER, "CANARY-wrong");
    fails_with(&scene.wire(wrong), &["the proxy", "401"]).await;
    scene.nobody_came_past_the_proxy();
    assert_eq!(scene.region.guests(), 0);
}

#[tokio::test]
async fn a_target_that_the_proxy_denies_is_named() {
    let scene = scene(&Wanted::default());
    let target = format!("127.0.0.1:{}", scene.region.address.port());
    let squid = squid(&Squid {
        denies_port: Some(scene.region.address.port()),
        ..Squid::default()
    });
    let tiny = tinyproxy(false, 600, 443);
    for proxy in [squid, tiny] {
        let words = [
            "does not allow a tunnel to",
            &target,
            "403",
            "administrator",
        ];
        fails_with(&scene.wire(proxy.plain()), &words).await;
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_behind_the_proxy_is_named() {
    let scene = scene(&Wanted::default());
    let port = free_port();
    let closed = format!("http://127.0.0.1:{port}/");
    let squid = squid(&Squid::default());
    let (tiny, socks) = (tinyproxy(false, 600, port), microsocks(false));
    let mitm = mitmproxy(false, "");
    for (proxy, said) in [
        (&squid, "503"),
        (&tiny, "500"),
        (&socks, "5, connection refused"),
        (&mitm, "502"),
    ] {
        let wire = wire_to(&closed, &scene, &scene.trust, Some(proxy.plain()));
        let target = format!("could not reach 127.0.0.1:{port}");
        fails_with(&wire, &[&target, said, "RegionHost"]).await;
    }
    // A name that nobody knows.
    let unknown = "https://api.no-such-region.test/";
    let wire = wire_to(unknown, &scene, &scene.trust, Some(squid.plain()));
    let words = [
        "could not reach api.no-such-region.test:443",
        "it answered",
        "ERR_",
        "RegionHost",
    ];
    fails_with(&wire, &words).await;
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_from_a_region_that_is_not() {
    let scene = scene(&Wanted::default());
    let at = |protocol, host: &str, port| Proxy {
        protocol,
        host: host.to_owned(),
        port,
        credentials: None,
        bypass: Vec::new(),
    };
    // No resolver sends a question for a label of more than 63 characters.
    let unknown = format!("{}.invalid", "p".repeat(70));
    let words = [
        "the name of the proxy",
        &unknown,
        "could not be looked up",
        "ProxyHostname",
    ];
    fails_with(&scene.wire(at(ProxyProtocol::Http, &unknown, 3128)), &words).await;
    let closed = free_port();
    let words = [
        "no connection to the proxy 127.0.0.1:",
        "refused",
        "ProxyPort",
    ];
    for protocol in [
        ProxyProtocol::Http,
        ProxyProtocol::Https,
        ProxyProtocol::Socks5,
    ] {
        fails_with(&scene.wire(at(protocol, "127.0.0.1", closed)), &words).await;
    }
    scene.nobody_came_past_the_proxy();
}

#[tokio::test]
async fn the_wrong_protocol_is_told() {
    let scene = scene(&Wanted::default());
    let (squid, socks) = (squid(&Squid::default()), microsocks(false));
    let as_other = |proxy: &company::Running, protocol| Proxy {
        protocol,
        ..proxy.plain()
    };
    for (proxy, words) in [
        (
            as_other(&squid, ProxyProtocol::Socks5),
            ["the proxy 127.0.0.1", "ProxyProtocol"],
        ),
        (
            as_other(&squid, ProxyProtocol::Https),
            ["TLS handshake with the proxy", "ProxyProtocol is http"],
        ),
        (
            as_other(&socks, ProxyProtocol::Http),
            ["127.0.0.1", "ProxyProtocol"],
        ),
    ] {
        let failure = fails(&scene.wire(proxy)).await;
        for word in words {
            // Squid ends what it does not read; whether with an answer is its own affair.
            assert!(
                failure.message.contains(word),
                "{word}: {}",
                failure.message
            );
        }
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_costs_its_time_and_no_more() {
    let scene = scene(&Wanted::default());
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let holds = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            open.push(stream);
        }
    });
    for (protocol, word) in [
        (ProxyProtocol::Http, "made no tunnel to 127.0.0.1:"),
        (ProxyProtocol::Socks5, "made no tunnel to 127.0.0.1:"),
        (
            ProxyProtocol::Https,
            "TLS handshake with the proxy 127.0.0.1:",
        ),
    ] {
        let proxy = Proxy {
            protocol,
            host: "127.0.0.1".to_owned(),
            port,
            credentials: None,
            bypass: Vec::new(),
        };
        let url = Url::parse(&scene.region.base_url).unwrap();
        let wire = Wire::new(WireConfig {
            region: settings::Region {
                api: url.clone(),
                login: url,
            },
            client_id: "id".to_owned(),
            client_secret: SecretString::from("CANARY-secret"),
            trust: Trust::Platform,
            proxy: Some(proxy),
            user_agent: "adapter/1.2.3".to_owned(),
            limits: Limits {
                tunnel: Duration::from_millis(300),
                tls: Duration::from_millis(300),
                ..Limits::default()
            },
        })
        .unwrap();
        fails_with(&wire, &[word, "within 300 ms"]).await;
    }
    holds.abort();
}

// ---- TLS to the proxy

/// A TLS end in front of a proxy, and the root that vouches for it.
async fn over_tls(port: u16, names: &[&str]) -> (u16, tempfile::NamedTempFile) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else {
                    return;
                };
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                let _ = near.shutdown().await;
            });
        }
    });
    let mut root = tempfile::NamedTempFile::new().unwrap();
    root.write_all(made.cert.pem().as_bytes()).unwrap();
    (own, root)
}

#[tokio::test]
async fn a_proxy_over_tls_is_checked_as_the_region_is() {
    let scene = scene(&Wanted {
        tls: true,
        ..Wanted::default()
    });
    let proxy = squid(&Squid {
        wants_user: true,
        ..Squid::default()
    });
    let (port, root) = over_tls(proxy.port, &["localhost"]).await;
    let to = |host: &str| Proxy {
        protocol: ProxyProtocol::Https,
        host: host.to_owned(),
        port,
        ..proxy.known()
    };
    let both = tempfile::NamedTempFile::new().unwrap();
    let pems = fs::read_to_string(root.path()).unwrap() + scene.region.tls_ca.as_ref().unwrap();
    fs::write(both.path(), pems).unwrap();
    let both = Trust::File(both.path().to_owned());
    let url = &scene.region.base_url;
    follows(
        &wire_to(url, &scene, &both, Some(to("localhost"))),
        "over TLS",
    )
    .await;
    scene.nobody_came_past_the_proxy();
    let guests = scene.region.guests();
    // Not by its name, and not without its root.
    let words = [
        "the certificate of the proxy 127.0.0.1",
        "not trusted",
        "ProxyHostname",
    ];
    fails_with(&wire_to(url, &scene, &both, Some(to("127.0.0.1"))), &words).await;
    let words = [
        "the certificate of the proxy localhost",
        "not trusted",
        "AdvancedSettings.Trust",
    ];
    fails_with(
        &wire_to(url, &scene, &scene.trust, Some(to("localhost"))),
        &words,
    )
    .await;
    assert_eq!(scene.region.guests(), guests);
}

// ---- cut on the way

#[tokio::test]
async fn a_websocket_that_a_proxy_cuts_for_being_quiet_names_the_proxy() {
    let scene = scene(&Wanted {
        tls: true,
        is_quiet: true,
        ..Wanted::default()
    });
    let squid = squid(&Squid {
        // What is to succeed takes less.
        idle_s: Some(4),
        ..Squid::default()
    });
    let tiny = tinyproxy(false, 4, scene.region.address.port());
    for proxy in [squid, tiny] {
        let wire = scene.wire(proxy.plain());
        assert!(matches!(
            ask(&wire, Request::Token).await,
            Reply::Token { .. }
        ));
        let Reply::Channel { channel, .. } = ask(&wire, Request::CreateChannel).await else {
            panic!("a channel")
        };
        let mut socket = wire.open_socket(&channel).await.unwrap();
        let failure = timeout(PATIENCE, async {
            loop {
                if let Err(failure) = socket.next().await {
                    return failure;
                }
            }
        })
        .await
        .expect("the proxy cuts it");
        clean(&failure);
        assert_eq!(failure.kind, FailureKind::Link);
        let shown = format!("through the proxy 127.0.0.1:{}", proxy.port);
        for word in ["s after the last frame", &shown, "quiet for a minute"] {
            assert!(
                failure.message.contains(word),
                "{word}: {}",
                failure.message
            );
        }
    }
}
