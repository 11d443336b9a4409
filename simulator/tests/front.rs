//! The region over real sockets: as a program, with and without TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Once};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gca_region::fault::{Fault, FaultOrder};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

const SOON: Duration = Duration::from_secs(20);

fn one_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .expect("the first provider");
    });
}

fn quiet() -> RegionConfig {
    RegionConfig::new(WorldConfig {
        users: 10,
        queues: 2,
        calls_per_minute: 0.0,
        minutes_per_presence: 0.0,
        ..WorldConfig::default()
    })
}

/// A client that has logged in.
struct Caller {
    http: Client,
    base: String,
    token: String,
}

impl Caller {
    async fn new(http: Client, ready: &Value) -> Self {
        let text = |name: &str| ready[name].as_str().expect("a text").to_owned();
        let answer: Value = http
            .post(format!("{}/login/oauth/token", text("base_url")))
            .basic_auth(text("client_id"), Some(text("client_secret")))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("a token")
            .text()
            .await
            .map(|body| serde_json::from_str(&body).expect("JSON"))
            .expect("a body");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self {
            http,
            base: text("base_url"),
            token,
        }
    }

    async fn plain(region: &Running) -> Self {
        one_provider();
        let http = Client::builder().timeout(SOON).build().expect("a client");
        Self::new(http, &region.ready()).await
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let answer = self
            .http
            .request(
                method.parse().expect("a method"),
                format!("{}{path}", self.base),
            )
            .bearer_auth(&self.token)
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await
            .expect("an answer");
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or(Value::Null),
        )
    }

    async fn channel(&self) -> (String, String) {
        let (status, channel) = self
            .send("POST", "/api-root/api/v2/notifications/channels", "")
            .await;
        assert_eq!(status, 200);
        let text = |name: &str| channel[name].as_str().expect("a text").to_owned();
        (text("id"), text("connectUri"))
    }
}

async fn connect(uri: &str) -> WebSocketStream<TcpStream> {
    let address = uri
        .trim_start_matches("ws://")
        .split('/')
        .next()
        .expect("an address");
    let stream = TcpStream::connect(address).await.expect("a connection");
    client_async(uri, stream).await.expect("a websocket").0
}

async fn next<S>(socket: &mut WebSocketStream<S>) -> Option<Message>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    timeout(SOON, socket.next())
        .await
        .expect("something within the time limit")
        .and_then(Result::ok)
}

#[tokio::test]
async fn notifications_heartbeats_and_pongs_arrive_on_a_websocket() {
    let mut config = quiet();
    config.switches.heartbeat_ms = 200;
    let region = serve(FrontConfig::new(config)).expect("a region");
    let caller = Caller::plain(&region).await;
    let (_, users) = caller.send("GET", "/api/v2/users?pageSize=100", "").await;
    let topics: Vec<Value> = users["entities"]
        .as_array()
        .expect("users")
        .iter()
        .map(|user| json!({ "id": format!("v2.users.{}?conversations", user["id"].as_str().unwrap_or_default()) }))
        .collect();
    let (channel, uri) = caller.channel().await;
    let path = format!("/api/v2/notifications/channels/{channel}/subscriptions");
    assert_eq!(
        caller
            .send("POST", &path, json!(topics).to_string())
            .await
            .0,
        200
    );
    let mut socket = connect(&uri).await;
    socket
        .send(Message::text(r#"{"message":"ping"}"#))
        .await
        .expect("sent");
    socket
        .send(Message::Ping("abc".into()))
        .await
        .expect("sent");
    let script = region.with_region(|region, _| region.world().scripts()[0].name);
    let (status, played) = caller
        .send(
            "POST",
            "/_sim/calls",
            json!({ "script": script, "count": 2 }).to_string(),
        )
        .await;
    assert_eq!(
        (status, played["conversations"].as_array().map(Vec::len)),
        (200, Some(2))
    );

    let (mut heartbeat, mut pong, mut protocol_pong, mut call) = (false, false, false, false);
    while !(heartbeat && pong && protocol_pong && call) {
        match next(&mut socket).await.expect("a frame") {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                heartbeat |= frame["eventBody"]["message"] == "WebSocket Heartbeat";
                pong |= frame["eventBody"]["message"] == "pong";
                call |= frame["eventBody"]["participants"].is_array();
            }
            Message::Pong(payload) => protocol_pong |= &payload[..] == b"abc",
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_second_connection_closes_the_first_and_an_unknown_channel_is_not_upgraded() {
    let region = serve(FrontConfig::new(quiet())).expect("a region");
    let caller = Caller::plain(&region).await;
    let (_, uri) = caller.channel().await;
    let mut first = connect(&uri).await;
    let _second = connect(&uri).await;
    assert!(matches!(
        next(&mut first).await,
        Some(Message::Close(Some(_)))
    ));
    let stream = TcpStream::connect(region.address)
        .await
        .expect("a connection");
    let refused = client_async(
        format!("ws://{}/channels/streaming-0-none", region.address),
        stream,
    )
    .await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused else {
        panic!("upgraded")
    };
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn a_cut_breaks_the_connection_without_a_word() {
    let region = serve(FrontConfig::new(quiet())).expect("a region");
    let caller = Caller::plain(&region).await;
    let (_, uri) = caller.channel().await;
    let mut socket = connect(&uri).await;
    let cut = Fault::CutSockets {
        share: 1.0,
        every_s: None,
        close_code: None,
    };
    region.with_region(|region, now| {
        region.plan_fault(FaultOrder::now(cut), now);
        region.handle_timeout(now);
    });
    assert_eq!(next(&mut socket).await, None);
    // The channel is still there, and takes a new socket.
    let mut again = connect(&uri).await;
    again
        .send(Message::text(r#"{"message":"ping"}"#))
        .await
        .expect("sent");
    assert!(matches!(next(&mut again).await, Some(Message::Text(_))));
}

#[tokio::test]
async fn nothing_passes_through_a_black_hole_though_the_connection_stands() {
    let region = serve(FrontConfig::new(quiet())).expect("a region");
    let caller = Caller::plain(&region).await;
    let (_, uri) = caller.channel().await;
    let mut socket = connect(&uri).await;
    let order = r#"{"fault":"black_hole","requests":true}"#;
    assert_eq!(caller.send("POST", "/_sim/faults", order).await.0, 200);
    // Neither the platform's ping is answered nor the websocket's own, and a farewell is not either.
    let said = [
        Message::text(r#"{"message":"ping"}"#),
        Message::Ping(Vec::new().into()),
        Message::Close(None),
    ];
    for message in said {
        socket.send(message).await.expect("the connection takes it");
    }
    let heard = timeout(Duration::from_millis(500), socket.next()).await;
    assert!(heard.is_err(), "{heard:?}");
    let asked = caller
        .http
        .get(format!("{}/api/v2/tokens/me", caller.base))
        .bearer_auth(&caller.token)
        .timeout(Duration::from_millis(500))
        .send()
        .await;
    assert!(asked.unwrap_err().is_timeout());
    let cleared = caller.send("DELETE", "/_sim/faults", "").await;
    assert_eq!(cleared.0, 200);
    assert_eq!(caller.send("GET", "/api/v2/tokens/me", "").await.0, 200);
    // Another socket on the channel is as good as new.
    let mut second = connect(&uri).await;
    let ping = Message::text(r#"{"message":"ping"}"#);
    second.send(ping).await.expect("the connection takes it");
    assert!(matches!(next(&mut second).await, Some(Message::Text(_))));
}

#[tokio::test]
async fn junk_of_any_size_and_number_can_be_injected() {
    let region = serve(FrontConfig::new(quiet())).expect("a region");
    let caller = Caller::plain(&region).await;
    let (channel, uri) = caller.channel().await;
    let stream = TcpStream::connect(region.address)
        .await
        .expect("a connection");
    let mut socket = client_async(uri, stream).await.expect("a websocket").0;
    let large = "x".repeat(10 << 20);
    let frames = format!("/_sim/frames?channel={channel}");
    assert_eq!(caller.send("POST", &frames, large.clone()).await.0, 200);
    assert_eq!(next(&mut socket).await, Some(Message::text(large)));
    let (_, queued) = caller
        .send(
            "POST",
            &format!("{frames}&count=20000&lines=true"),
            "{not\njson",
        )
        .await;
    assert_eq!(queued["queued"], 20_000);
    for at in 0..20_000 {
        let expected = if at % 2 == 0 { "{not" } else { "json" };
        assert_eq!(next(&mut socket).await, Some(Message::text(expected)));
    }
    assert_eq!(
        caller
            .send("POST", &format!("{frames}&kind=binary"), vec![0_u8, 255])
            .await
            .0,
        200
    );
    assert_eq!(
        next(&mut socket).await,
        Some(Message::binary(vec![0_u8, 255]))
    );
}

#[tokio::test]
async fn with_tls_a_client_that_trusts_the_authority_gets_in_and_no_other() {
    one_provider();
    let region = serve(FrontConfig {
        tls: true,
        ..FrontConfig::new(quiet())
    })
    .expect("a region");
    let ready = region.ready();
    assert!(region.base_url.starts_with("https://127.0.0.1:"));
    let authority = ready["tls_ca"].as_str().expect("a certificate");
    let certificate = reqwest::Certificate::from_pem(authority.as_bytes()).expect("PEM");
    let http = Client::builder()
        .timeout(SOON)
        .tls_certs_only([certificate])
        .build()
        .expect("a client");
    let caller = Caller::new(http, &ready).await;
    let (_, uri) = caller.channel().await;
    assert!(uri.starts_with("wss://"), "{uri}");

    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM");
    roots.add(der).expect("an authority");
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(region.address)
        .await
        .expect("a connection");
    let name = "127.0.0.1".try_into().expect("a name");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .expect("TLS");
    let request = uri.into_client_request().expect("a request");
    let mut socket = client_async(request, stream).await.expect("a websocket").0;
    socket
        .send(Message::text(r#"{"message":"ping"}"#))
        .await
        .expect("sent");
    assert!(matches!(next(&mut socket).await, Some(Message::Text(_))));

    let stranger = Client::builder()
        .timeout(SOON)
        .tls_certs_only([])
        .build()
        .expect("a client");
    assert!(
        stranger
            .get(format!("{}/_sim/truth", region.base_url))
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_region_that_stops_breaks_its_connections_and_frees_its_port() {
    let region = serve(FrontConfig::new(quiet())).expect("a region");
    let caller = Caller::plain(&region).await;
    let (_, uri) = caller.channel().await;
    let mut socket = connect(&uri).await;
    let address = region.address;
    region.stop();
    assert_eq!(next(&mut socket).await, None);
    assert!(TcpStream::connect(address).await.is_err());
}

/// The program, killed if a test leaves it.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> (Self, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gca-region"))
            .args(["--users", "10", "--queues", "2", "--calls-per-minute", "0"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        let program = Self(child);
        BufReader::new(out).read_line(&mut line).expect("a line");
        (
            program,
            serde_json::from_str(&line).expect("one line of JSON"),
        )
    }

    async fn ended(&mut self) -> i32 {
        let ended = async {
            loop {
                if let Some(status) = self.0.try_wait().expect("a status") {
                    return status.code().expect("an exit, not a signal");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, ended)
            .await
            .expect("an end within the time limit")
    }
}

#[tokio::test]
async fn the_program_says_when_it_is_ready_and_ends_cleanly_on_a_signal() {
    one_provider();
    let (mut program, ready) = Program::start(&["--seed", "3", "--token-life", "777"]);
    let http = Client::builder().timeout(SOON).build().expect("a client");
    let caller = Caller::new(http, &ready).await;
    assert_eq!(caller.send("GET", "/api/v2/users", "").await.1["total"], 10);
    assert_eq!(
        caller.send("GET", "/_sim/switches", "").await.1["token_life_s"],
        777
    );
    let kill = format!("kill -TERM {}", program.0.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .expect("a shell")
            .success()
    );
    assert_eq!(program.ended().await, 0);
}

#[tokio::test]
async fn the_program_ends_when_its_standard_input_closes_if_asked_to() {
    let (mut program, _) = Program::start(&["--until-stdin-closes"]);
    drop(program.0.stdin.take());
    assert_eq!(program.ended().await, 0);
}

#[test]
fn a_wrong_command_line_is_refused_with_a_reason() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gca-region"))
            .args(arguments)
            .output()
            .expect("it runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (fine, told) = run(&["--userz", "5"]);
    assert!(!fine && told.contains("--userz"), "{told}");
    let (fine, told) = run(&["--pace", "0"]);
    assert!(!fine && told.contains("above 0"), "{told}");
    for rate in ["nan", "inf", "-5", "1e300"] {
        let (fine, told) = run(&[&format!("--calls-per-minute={rate}"), "--help"]);
        assert!(!fine && told.contains("from 0 to"), "{rate}: {told}");
    }
}
