//! The adapter's websocket under the Autobahn test suite: `cargo run --release --example autobahn -- ws://127.0.0.1:9001`.
//!
//! Plays every case of a running fuzzing server over a `Socket` as the adapter opens it, sends back what comes, and asks how
//! each case ended; then the server writes its report. Ends with the sums, and with another status than 0 if a case failed.
//! `docs/AUTOBAHN.md` says how the server is started.
//!
//! The adapter opens websockets of channels only, so a small region stands before the server: each channel that it makes
//! has the address of a case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it ends when something is wrong, and says what"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use genesys_cloud_adapter::cloud::{Inbound, Limits, Socket, Wire, WireConfig};
use genesys_cloud_adapter::model::order::{Reply, Request};
use genesys_cloud_adapter::settings::{Region, Trust};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

/// What the server calls the client in its reports.
const AGENT: &str = "genesys-cloud-adapter";

/// For one case: the slowest pass some 100 MB.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the server says of a case that went as it should, or is for information only.
const GOOD: [&str; 4] = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"];

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    let Some(server) = std::env::args().nth(1) else {
        eprintln!("usage: autobahn ws://127.0.0.1:PORT");
        return ExitCode::from(2);
    };
    let region = Doorman::start(server).await;
    let cases: u32 = region
        .told("/getCaseCount")
        .await
        .parse()
        .expect("a number");
    let mut sums = BTreeMap::<String, u32>::new();
    let mut failed = false;
    for case in 1..=cases {
        region.play(case).await;
        let status = region
            .told(&format!("/getCaseStatus?case={case}&agent={AGENT}"))
            .await;
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        let behaviour = status["behavior"].as_str().unwrap_or("none").to_owned();
        if !GOOD.contains(&behaviour.as_str()) {
            failed = true;
            let info = region.told(&format!("/getCaseInfo?case={case}")).await;
            println!("{behaviour}: {info}");
        }
        *sums.entry(behaviour).or_default() += 1;
    }
    let _ = region
        .open(&format!("/updateReports?agent={AGENT}"))
        .await
        .next()
        .await;
    println!("{cases} cases: {sums:?}");
    if failed || cases == 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A region that makes channels whose websockets are where they are told to be.
struct Doorman {
    server: String,
    next: Arc<Mutex<String>>,
    wire: Wire,
}

impl Doorman {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its number");
        let next = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&next);
        tokio::spawn(async move {
            let mut made = 0_u32;
            while let Ok((stream, _)) = listener.accept().await {
                made += 1;
                let address = told.lock().unwrap().clone();
                answer(stream, made, &address).await;
            }
        });
        let url = Url::parse(&format!("http://{at}/")).expect("an address");
        let wire = Wire::new(WireConfig {
            region: Region {
                api: url.clone(),
                login: url,
            },
            client_id: "autobahn".to_owned(),
            client_secret: SecretString::from("autobahn"),
            trust: Trust::Platform,
            proxy: None,
            user_agent: AGENT.to_owned(),
            // The adapter never sends so much; an echo does.
            limits: Limits {
                unsent: 33 << 20,
                ..Limits::default()
            },
        })
        .expect("a wire");
        let token = wire.request(Request::Token).await;
        assert!(matches!(token, Reply::Token { .. }), "{token:?}");
        Self { server, next, wire }
    }

    /// Opens a websocket as the adapter does.
    async fn open(&self, path: &str) -> Socket {
        *self.next.lock().unwrap() = format!("{}{path}", self.server);
        let channel = match self.wire.request(Request::CreateChannel).await {
            Reply::Channel { channel, .. } => channel,
            reply => panic!("no channel: {reply:?}"),
        };
        match self.wire.open_socket(&channel).await {
            Ok(socket) => socket,
            Err(failure) => panic!("{path}: {}", failure.message),
        }
    }

    /// The one text that the server has for this path.
    async fn told(&self, path: &str) -> String {
        let mut socket = self.open(path).await;
        match timeout(PATIENCE, socket.next()).await {
            Ok(Ok(Inbound::Text(text))) => text.to_string(),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Sends back what comes, until the case is over.
    async fn play(&self, case: u32) {
        let mut socket = self
            .open(&format!("/runCase?case={case}&agent={AGENT}"))
            .await;
        let over = timeout(PATIENCE, async {
            while let Ok(inbound) = socket.next().await {
                if socket.echo(inbound).await.is_err() {
                    return;
                }
            }
        });
        assert!(over.await.is_ok(), "case {case} does not end");
    }
}

/// Grants a token, or makes a channel.
async fn answer(mut stream: TcpStream, made: u32, address: &str) {
    let mut head = Vec::new();
    while !head.windows(4).any(|part| part == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    let body = if head.starts_with(b"POST /oauth/token ") {
        r#"{"access_token":"token","expires_in":86400}"#.to_owned()
    } else {
        serde_json::json!({"id": format!("case-{made}"), "connectUri": address}).to_string()
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
