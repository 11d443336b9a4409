//! The wire against servers on loopback that answer well, badly, slowly or not at all.
//!
//! Every secret in here has the word CANARY in it, and the servers say the secrets back wherever they can: no failure
//! and no `Debug` text may show one (`clean` looks).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test they are the report of a failure"
)]

use std::fmt::Debug;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gca_region::fault::{Fault, FaultOrder, WhichToken};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::cloud::{
    Inbound, Limits, Socket, Wire, WireConfig, cut, cut_whole, socket_event,
};
use genesys_cloud_adapter::model::frame::Frame;
use genesys_cloud_adapter::model::id::{ChannelId, ConversationId, Topic, UserId};
use genesys_cloud_adapter::model::order::{Failure, FailureKind, Reply, Request, SocketEvent};
use genesys_cloud_adapter::model::time::UtcMicros;
use genesys_cloud_adapter::settings::{Region, Trust};
use rustls::pki_types::PrivatePkcs8KeyDer;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};
use url::Url;

const SECRET: &str = "CANARY-client-secret";
const TOKEN: &str = "CANARY-token";
const CHANNEL: &str = "CANARY-channel";

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What a server does with a request.
enum Act {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Sends these bytes and then nothing more, with the connection open.
    SendAndHang(Vec<u8>),
    /// Closes without a word.
    Drop,
}

/// A server on loopback; stopped when it goes.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// An HTTP server that answers each request by the same rule. Each connection serves one request.
    async fn http(
        tls: Option<TlsAcceptor>,
        rule: impl Fn(&str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, rule) = (requests.clone(), Arc::new(rule));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, seen, rule) = (tls.clone(), seen.clone(), rule.clone());
                tokio::spawn(async move {
                    let Some(mut stream) = secured(stream, tls).await else {
                        return;
                    };
                    let Some(request) = read_request(&mut stream).await else {
                        return;
                    };
                    seen.lock().unwrap().push(request.clone());
                    match rule(&request) {
                        Act::Send(bytes) => {
                            let _ = stream.write_all(&bytes).await;
                            let _ = stream.shutdown().await;
                        }
                        Act::SendAndHang(bytes) => {
                            let _ = stream.write_all(&bytes).await;
                            let _ = stream.flush().await;
                            // Until the client gives up.
                            let _ = stream.read_u8().await;
                        }
                        Act::Drop => {}
                    }
                });
            }
        });
        Self {
            port,
            requests,
            task,
        }
    }

    /// A websocket server; each connection is played by the same script.
    async fn socket<F>(
        tls: Option<TlsAcceptor>,
        script: impl Fn(WebSocketStream<Box<dyn Io>>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(stream) = secured(stream, tls.clone()).await else {
                    continue;
                };
                let config = WebSocketConfig::default()
                    .max_frame_size(None)
                    .max_message_size(None);
                if let Ok(socket) = accept_async_with_config(stream, Some(config)).await {
                    tokio::spawn(script(socket));
                }
            }
        });
        Self {
            port,
            requests: Arc::default(),
            task,
        }
    }

    /// A server that says the same bytes to everyone, before it hears anything, and hangs.
    async fn babbling(bytes: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(bytes).await;
                open.push(stream);
            }
        });
        Self {
            port,
            requests: Arc::default(),
            task,
        }
    }

    fn region(&self) -> Region {
        region(&format!("http://127.0.0.1:{}/", self.port))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn secured(stream: tokio::net::TcpStream, tls: Option<TlsAcceptor>) -> Option<Box<dyn Io>> {
    match tls {
        None => Some(Box::new(stream)),
        Some(tls) => Some(Box::new(tls.accept(stream).await.ok()?)),
    }
}

/// Reads one request: head, and as much body as the head says.
async fn read_request(stream: &mut Box<dyn Io>) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = header(head, "content-length")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Some(text.into_owned());
        }
    }
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn region(origin: &str) -> Region {
    let url = Url::parse(origin).unwrap();
    Region {
        api: url.clone(),
        login: url,
    }
}

/// Short limits for what must run into them; long ones for what must not.
fn limits() -> Limits {
    Limits {
        connect: PATIENCE,
        tls: PATIENCE,
        handshake: PATIENCE,
        request: PATIENCE,
        send: PATIENCE,
        ..Limits::default()
    }
}

fn wire_with(region: Region, trust: Trust, limits: Limits) -> Result<Wire, Failure> {
    let config = WireConfig {
        region,
        client_id: "client-id".to_owned(),
        client_secret: SecretString::from(SECRET),
        trust,
        proxy: None,
        user_agent: "adapter/1.2.3".to_owned(),
        limits,
    };
    clean(&config);
    let wire = Wire::new(config)?;
    clean(&wire);
    Ok(wire)
}

fn wire(server: &Server) -> Wire {
    wire_with(server.region(), Trust::Platform, limits()).unwrap()
}

/// Nothing that can be shown may hold a secret.
fn clean(shown: &impl Debug) {
    let text = format!("{shown:?} {shown:#?}");
    assert!(!text.contains("CANARY-"), "a secret was shown: {text}");
}

async fn ask(wire: &Wire, what: Request) -> Reply {
    clean(&what);
    let reply = timeout(PATIENCE, wire.request(what))
        .await
        .expect("a request has a time limit");
    clean(&reply);
    reply
}

async fn fail(wire: &Wire, what: Request) -> Failure {
    match ask(wire, what).await {
        Reply::Failed(failure) => failure,
        reply => panic!("it should have failed: {reply:?}"),
    }
}

fn token_granted(token: &str) -> Vec<u8> {
    answer(
        200,
        "",
        &format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":86399}}"#),
    )
}

/// A server that grants tokens and answers everything else by a rule, with a wire that has its token.
async fn granted(rule: impl Fn(&str) -> Act + Send + Sync + 'static) -> (Server, Wire) {
    granted_with(limits(), rule).await
}

async fn granted_with(
    limits: Limits,
    rule: impl Fn(&str) -> Act + Send + Sync + 'static,
) -> (Server, Wire) {
    let server = Server::http(None, move |request| {
        if request.starts_with("POST /oauth/token ") {
            Act::Send(token_granted(TOKEN))
        } else {
            rule(request)
        }
    })
    .await;
    let wire = wire_with(server.region(), Trust::Platform, limits).unwrap();
    assert_eq!(
        ask(&wire, Request::Token).await,
        Reply::Token {
            life: Duration::from_secs(86_399)
        }
    );
    server.requests.lock().unwrap().clear();
    (server, wire)
}

fn channel() -> ChannelId {
    ChannelId::from(CHANNEL)
}

// ---- tokens

#[tokio::test]
async fn a_token_is_asked_for_as_the_platform_wants_it_and_the_newest_is_used() {
    let count = Mutex::new(0);
    let server = Server::http(None, move |request| {
        if request.starts_with("POST /oauth/token ") {
            let mut count = count.lock().unwrap();
            *count += 1;
            Act::Send(token_granted(&format!("{TOKEN}-{count}")))
        } else {
            Act::Send(answer(
                200,
                "",
                r#"{"entities":[],"pageNumber":1,"pageCount":1}"#,
            ))
        }
    })
    .await;
    let wire = wire(&server);
    let other = wire.clone();
    for _ in 0..2 {
        assert_eq!(
            ask(&wire, Request::Token).await,
            Reply::Token {
                life: Duration::from_secs(86_399)
            }
        );
        assert!(matches!(
            ask(&other, Request::Users { page: 1 }).await,
            Reply::Users(_)
        ));
    }
    let requests = server.requests();
    let token = &requests[0];
    // base64 of client-id:CANARY-client-secret
    assert_eq!(
        header(token, "authorization"),
        Some("Basic Y2xpZW50LWlkOkNBTkFSWS1jbGllbnQtc2VjcmV0")
    );
    assert_eq!(
        header(token, "content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(header(token, "user-agent"), Some("adapter/1.2.3"));
    assert!(
        token.ends_with("\r\n\r\ngrant_type=client_credentials"),
        "{token}"
    );
    let bearer = |n: usize| header(&requests[n], "authorization").unwrap();
    assert_eq!(
        (bearer(1), bearer(3)),
        ("Bearer CANARY-token-1", "Bearer CANARY-token-2")
    );
}

#[tokio::test]
async fn refused_credentials_say_what_to_check() {
    let said = r#"{"error":"invalid_client","description":"client not found: CANARY-client-secret","error_description":"client not found: CANARY-client-secret"}"#;
    for status in [400, 401] {
        let server = Server::http(None, move |_| Act::Send(answer(status, "", said))).await;
        let failure = fail(&wire(&server), Request::Token).await;
        assert_eq!(
            (failure.kind, failure.status),
            (FailureKind::CredentialsRefused, Some(status))
        );
        for word in [
            "Asking for a token",
            "invalid_client",
            "client not found",
            "ClientId",
            "RegionHost",
        ] {
            assert!(
                failure.message.contains(word),
                "{word}: {}",
                failure.message
            );
        }
    }
}

#[tokio::test]
async fn what_the_token_endpoint_says_otherwise_is_told_apart() {
    for (status, body, kind) in [
        (200, "<html>", FailureKind::Unreadable),
        (200, "{}", FailureKind::Unreadable),
        (
            200,
            r#"{"error":"invalid_client"}"#,
            FailureKind::Unreadable,
        ),
        (401, "", FailureKind::CredentialsRefused),
        (
            400,
            r#"{"error":"unauthorized_client"}"#,
            FailureKind::CredentialsRefused,
        ),
        (400, r#"{"error":"invalid_request"}"#, FailureKind::Refused),
        (400, "<html>", FailureKind::Refused),
        (404, "<html>", FailureKind::NotFound),
        (429, "", FailureKind::RateLimited),
        (503, "<html>", FailureKind::Server),
    ] {
        let server = Server::http(None, move |_| Act::Send(answer(status, "", body))).await;
        let failure = fail(&wire(&server), Request::Token).await;
        assert_eq!(
            (failure.kind, failure.status),
            (kind, Some(status)),
            "{body}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::http(None, |_| Act::Drop).await;
    let wire = wire(&server);
    for what in [
        Request::Users { page: 1 },
        Request::CreateChannel,
        Request::ProbeChannel { channel: channel() },
    ] {
        assert_eq!(fail(&wire, what).await.kind, FailureKind::TokenRefused);
    }
    assert_eq!(server.requests().len(), 0);
}

// ---- refusals

#[tokio::test]
async fn each_refusal_has_its_kind_and_names_code_and_correlation_id() {
    for (status, code, kind) in [
        (400, "bad.request", FailureKind::Refused),
        (401, "bad.credentials", FailureKind::TokenRefused),
        (403, "missing.permissions", FailureKind::Forbidden),
        (404, "not.found", FailureKind::NotFound),
        (408, "request.timeout", FailureKind::Server),
        (409, "conflict", FailureKind::Refused),
        (413, "too.large", FailureKind::Refused),
        (
            429,
            "too.many.requests.retry.after",
            FailureKind::RateLimited,
        ),
        (500, "internal.server.error", FailureKind::Server),
        (503, "service.unavailable", FailureKind::Server),
        (504, "authentication.request.timeout", FailureKind::Server),
    ] {
        let body = format!(
            r#"{{"message":"Token CANARY-token of CANARY-channel and CANARY-client-secret [42]","code":"{code}","status":{status},"contextId":"corr-1","details":[],"errors":[]}}"#
        );
        let (_server, wire) = granted(move |_| Act::Send(answer(status, "", &body))).await;
        // The first one makes the channel known, which the platform may then name wherever it likes.
        let subscribe = Request::Subscribe {
            channel: channel(),
            topics: Vec::new(),
        };
        for what in [subscribe, Request::Users { page: 3 }] {
            let failure = fail(&wire, what).await;
            assert_eq!(
                (failure.kind, failure.status),
                (kind, Some(status)),
                "{failure:?}"
            );
            assert!(
                failure.message.contains(code) && failure.message.contains("corr-1"),
                "{}",
                failure.message
            );
            assert!(failure.message.contains("127.0.0.1"), "{}", failure.message);
        }
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let body = r#"{"message":"You are missing the following permission(s): routing:queue:view","code":"missing.permissions","status":403}"#;
    let (_server, wire) =
        granted(|_| Act::Send(answer(403, "ININ-Correlation-Id: abc-1\r\n", body))).await;
    let failure = fail(&wire, Request::Queues { page: 1 }).await;
    for word in [
        "Listing queues (page 1)",
        "routing:queue:view",
        "abc-1",
        "role of the OAuth client",
    ] {
        assert!(
            failure.message.contains(word),
            "{word}: {}",
            failure.message
        );
    }
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    for (headers, body, seconds) in [
        ("Retry-After: 42\r\n", "", Some(42)),
        (
            "Retry-After: Sun, 22 Nov 2026 10:01:30 GMT\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n",
            "",
            Some(90),
        ),
        (
            "Retry-After: Sun, 22 Nov 2026 09:00:00 GMT\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n",
            "",
            Some(0),
        ),
        ("Retry-After: soon\r\n", "", None),
        (
            "",
            r#"{"message":"Rate limit exceeded the maximum. Retry the request in [17] seconds"}"#,
            Some(17),
        ),
        ("", "", None),
    ] {
        let (_server, wire) = granted(move |_| Act::Send(answer(429, headers, body))).await;
        let failure = fail(&wire, Request::Users { page: 1 }).await;
        assert_eq!(failure.kind, FailureKind::RateLimited);
        assert_eq!(
            failure.retry_after,
            seconds.map(Duration::from_secs),
            "{headers}{body}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (server, wire) = granted(|_| {
        Act::Send(answer(
            302,
            "Location: http://127.0.0.1:1/elsewhere\r\n",
            "",
        ))
    })
    .await;
    let failure = fail(&wire, Request::Users { page: 1 }).await;
    assert_eq!(
        (failure.kind, failure.status),
        (FailureKind::Refused, Some(302))
    );
    assert!(
        failure.message.contains("RegionHost"),
        "{}",
        failure.message
    );
    assert_eq!(server.requests().len(), 1);
}

// ---- requests

#[tokio::test]
async fn lists_are_asked_for_by_page() {
    let users = r#"{"entities":[{"id":"u1","name":"Ann","email":"ann@example.test"},{}],"pageNumber":2,"pageCount":5}"#;
    let queues =
        r#"{"entities":[{"id":"q1","name":"Sales","memberCount":3}],"pageNumber":1,"pageCount":1}"#;
    let stations = r#"{"entities":[{"id":"s1","name":"Desk 1","type":"inin_remote"}],"pageNumber":3,"pageCount":4}"#;
    let (server, wire) = granted(move |request| {
        Act::Send(answer(
            200,
            "",
            match request {
                users_asked if users_asked.contains("/users?") => users,
                stations_asked if stations_asked.contains("/stations?") => stations,
                _ => queues,
            },
        ))
    })
    .await;
    let Reply::Users(page) = ask(&wire, Request::Users { page: 2 }).await else {
        panic!("users")
    };
    assert_eq!(
        (
            page.number,
            page.of,
            page.unread,
            page.rows[0].user.id.as_str()
        ),
        (2, 5, 1, "u1")
    );
    let Reply::Queues(page) = ask(&wire, Request::Queues { page: 1 }).await else {
        panic!("queues")
    };
    assert_eq!(
        (page.rows[0].queue.id.as_str(), page.rows[0].members),
        ("q1", Some(3))
    );
    let Reply::Stations(page) = ask(&wire, Request::Stations { page: 3 }).await else {
        panic!("stations")
    };
    assert_eq!(
        (page.number, page.of, &*page.rows[0].kind),
        (3, 4, "inin_remote")
    );
    let lines: Vec<String> = server
        .requests()
        .iter()
        .map(|r| r.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "GET /api/v2/users?pageSize=100&pageNumber=2&expand=presence,routingStatus,station&state=active HTTP/1.1",
            "GET /api/v2/routing/queues?pageSize=100&pageNumber=1 HTTP/1.1",
            "GET /api/v2/stations?pageSize=100&pageNumber=3 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn what_was_missed_is_read() {
    let (server, wire) = granted(|request| {
        let path = request.split(' ').nth(1).unwrap();
        Act::Send(answer(
            200,
            "",
            match path {
                "/api/v2/conversations/c1" => r#"{"id":"c1"}"#,
                "/api/v2/notifications/channels?includechannels=oauthclient" => {
                    r#"{"entities":[{"id":"CANARY-other","connectUri":"wss://CANARY-other"}]}"#
                }
                users if users.starts_with("/api/v2/users?") => {
                    r#"{"entities":[{"id":"u1","routingStatus":{"status":"IDLE"}}],"pageNumber":1,"pageCount":1}"#
                }
                "/api/v2/analytics/users/details/query" => {
                    r#"{"userDetails":[{"userId":"u1"},{"userId":"u2"}],"totalHits":2}"#
                }
                "/api/v2/analytics/conversations/details/query" => r#"{"totalHits":0}"#,
                other => panic!("nobody asks for {other}"),
            },
        ))
    })
    .await;
    let ids = vec![UserId::from("u1"), UserId::from("u2")];
    let (from, to) = (UtcMicros(0), UtcMicros(60_000_000));
    let Reply::Users(page) = ask(&wire, Request::UsersById { ids: ids.clone() }).await else {
        panic!("users")
    };
    assert_eq!(
        &*page.rows[0].routing_status.as_ref().unwrap().status,
        "IDLE"
    );
    let what = Request::UserDetails {
        users: ids,
        from,
        to,
        page: 1,
    };
    let Reply::UserDetails(page) = ask(&wire, what).await else {
        panic!("user details")
    };
    assert_eq!(
        (&*page.bodies[1], page.total),
        (r#"{"userId":"u2"}"#, Some(2))
    );
    let what = Request::ConversationDetails {
        from,
        to,
        only_open: true,
        page: 2,
    };
    let Reply::ConversationDetails(page) = ask(&wire, what).await else {
        panic!("conversation details")
    };
    assert!(page.bodies.is_empty());
    let what = Request::Conversation {
        id: ConversationId::from("c1"),
    };
    let Reply::Conversation(body) = ask(&wire, what).await else {
        panic!("conversation")
    };
    assert_eq!(&*body, r#"{"id":"c1"}"#);
    assert_eq!(
        ask(&wire, Request::Channels).await,
        Reply::Channels {
            own: vec![],
            others: 1
        }
    );
    let requests = server.requests();
    assert!(requests[2].starts_with("POST /"), "{}", requests[2]);
    let (_, body) = requests[2].split_once("\r\n\r\n").unwrap();
    assert!(
        body.contains(r#""interval":"1970-01-01T00:00:00.000Z/1970-01-01T00:01:00.000Z""#),
        "{body}"
    );
    assert!(
        requests
            .iter()
            .all(|request| header(request, "authorization") == Some(&format!("Bearer {TOKEN}"))),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_channel_is_made_probed_subscribed_and_left() {
    let made = r#"{"connectUri":"ws://127.0.0.1:9/channels/CANARY-channel","id":"CANARY-channel","expires":"2026-11-23T10:00:00.000Z"}"#;
    let taken = r#"{"entities":[{"id":"a","state":"Permitted"},{"id":"b","state":"Rejected","rejectionReason":"not for CANARY-channel","missingPermissions":["x:y:z"]}]}"#;
    let (server, wire) = granted(move |request| {
        Act::Send(match request.split(' ').next().unwrap() {
            "POST" if request.contains("/subscriptions?") => answer(200, "", taken),
            "POST" => answer(200, "", made),
            "HEAD" => answer(if request.contains("gone") { 404 } else { 200 }, "", ""),
            _ => answer(202, "", ""),
        })
    })
    .await;
    let Reply::Channel { channel, expires } = ask(&wire, Request::CreateChannel).await else {
        panic!("channel")
    };
    assert_eq!(channel.expose(), CHANNEL);
    assert!(expires.is_some());
    let probe = |channel: &ChannelId| Request::ProbeChannel {
        channel: channel.clone(),
    };
    assert_eq!(
        ask(&wire, probe(&channel)).await,
        Reply::ChannelExists(true)
    );
    assert_eq!(
        ask(&wire, probe(&ChannelId::from("gone/../?#"))).await,
        Reply::ChannelExists(false)
    );
    let topics = vec![Topic::from("a"), Topic::from("b")];
    let Reply::Subscribed(verdicts) = ask(
        &wire,
        Request::Subscribe {
            channel: channel.clone(),
            topics,
        },
    )
    .await
    else {
        panic!("subscribed")
    };
    assert!(verdicts[0].permitted && !verdicts[1].permitted);
    assert_eq!(
        verdicts[1].reason,
        "not for ***; missing permissions: x:y:z"
    );
    assert_eq!(
        ask(&wire, Request::Unsubscribe { channel }).await,
        Reply::Unsubscribed
    );
    let requests = server.requests();
    let lines: Vec<&str> = requests
        .iter()
        .map(|request| request.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "POST /api/v2/notifications/channels HTTP/1.1",
            "HEAD /api/v2/notifications/channels/CANARY-channel HTTP/1.1",
            "HEAD /api/v2/notifications/channels/gone%2F..%2F%3F%23 HTTP/1.1",
            "POST /api/v2/notifications/channels/CANARY-channel/subscriptions?ignoreErrors=true HTTP/1.1",
            "DELETE /api/v2/notifications/channels/CANARY-channel/subscriptions HTTP/1.1",
        ]
    );
    assert!(
        requests[3].ends_with(r#"[{"id":"a"},{"id":"b"}]"#),
        "{}",
        requests[3]
    );
}

#[tokio::test]
async fn a_subscription_over_the_platforms_limit_is_not_sent() {
    let (server, wire) = granted(|_| Act::Drop).await;
    let topics = vec![Topic::from("x".repeat(200)); 3_000];
    let failure = fail(
        &wire,
        Request::Subscribe {
            channel: channel(),
            topics,
        },
    )
    .await;
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.message.contains("512000"), "{}", failure.message);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_twice() {
    let (server, wire) = granted(|_| Act::Drop).await;
    for what in [Request::CreateChannel, Request::Users { page: 1 }] {
        let failure = fail(&wire, what).await;
        assert_eq!(
            (failure.kind, failure.status),
            (FailureKind::Link, None),
            "{failure:?}"
        );
        assert!(failure.message.contains("broke"), "{}", failure.message);
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_channel_address_outside_the_region_is_not_believed() {
    let made =
        r#"{"connectUri":"wss://evil.example/channels/CANARY-channel","id":"CANARY-channel"}"#;
    let (_server, wire) = granted(move |_| Act::Send(answer(200, "", made))).await;
    let failure = fail(&wire, Request::CreateChannel).await;
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(
        failure.message.contains("evil.example"),
        "{}",
        failure.message
    );
    assert_eq!(open_fails(&wire).await.kind, FailureKind::NotFound);
}

// ---- bad answers and bad links

#[tokio::test]
async fn answers_that_cannot_be_read_say_so() {
    let html = "<html>Please log in to the guest network</html>";
    let (_server, wire) = granted(move |_| Act::Send(answer(200, "", html))).await;
    for what in [
        Request::Users { page: 1 },
        Request::Queues { page: 1 },
        Request::CreateChannel,
        Request::Subscribe {
            channel: channel(),
            topics: Vec::new(),
        },
    ] {
        let failure = fail(&wire, what).await;
        assert_eq!(
            (failure.kind, failure.status),
            (FailureKind::Unreadable, Some(200)),
            "{failure:?}"
        );
        assert!(!failure.message.contains("guest"), "{}", failure.message);
    }
    let (_server, wire) =
        granted(|_| Act::Send(answer(200, "Content-Encoding: gzip\r\n", "no gzip at all"))).await;
    assert_eq!(
        fail(&wire, Request::Users { page: 1 }).await.kind,
        FailureKind::Unreadable
    );
    let (_server, wire) = granted(|_| Act::Send(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec())).await;
    assert_eq!(fail(&wire, Request::Users { page: 1 }).await.status, None);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let limits = Limits {
        answer: 10_000,
        ..limits()
    };
    let endless = || {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..20 {
            write!(bytes, "400\r\n{}\r\n", "x".repeat(0x400)).unwrap();
        }
        bytes
    };
    let (_server, wire) = granted_with(limits, move |_| Act::SendAndHang(endless())).await;
    let failure = fail(&wire, Request::Users { page: 1 }).await;
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(
        failure.message.contains("10000 bytes"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_cut_off() {
    // gzip of 100,000 zero bytes: what it begins with, its 96 zero bytes, and its end.
    let mut packed = vec![
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00,
        0x00, 0x00, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x0d, 0x0f, 0xa0,
    ];
    packed.resize(packed.len() + 96, 0);
    packed.extend([
        0x80, 0x57, 0x03, 0x7d, 0x95, 0x11, 0xd4, 0xa0, 0x86, 0x01, 0x00,
    ]);
    let answer = move |coding: &str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        );
        [head.as_bytes(), &packed].concat()
    };
    // Words of this header are the same in capitals.
    for (limit, coding, word) in [
        (99_999, "gzip", "99999 bytes"),
        (100_000, "gzip", "it is no list"),
        (100_000, "GZip", "it is no list"),
    ] {
        let answer = {
            let answer = answer.clone();
            move || answer(coding)
        };
        let limits = Limits {
            answer: limit,
            ..limits()
        };
        let (_server, wire) = granted_with(limits, move |_| Act::Send(answer())).await;
        let failure = fail(&wire, Request::Users { page: 1 }).await;
        assert_eq!(failure.kind, FailureKind::Unreadable);
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[tokio::test]
async fn slow_answers_end_in_time() {
    // The token is granted within it.
    let limits = Limits {
        request: Duration::from_secs(2),
        ..limits()
    };
    for begun in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"entities\"",
    ] {
        let (_server, wire) = granted_with(limits, move |_| Act::SendAndHang(begun.into())).await;
        let failure = fail(&wire, Request::Users { page: 1 }).await;
        assert_eq!(failure.kind, FailureKind::Link);
        assert!(
            failure.message.contains("within 2 s"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_broken_link() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"entities\"";
    let (_server, wire) = granted(move |_| Act::Send(half.into())).await;
    let failure = fail(&wire, Request::Users { page: 1 }).await;
    assert_eq!(failure.kind, FailureKind::Link);
    assert!(failure.message.contains("broke"), "{}", failure.message);
}

/// A port of loopback on which nobody listens.
async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn an_unreachable_host_is_named_with_what_to_check() {
    let region = region(&format!("http://127.0.0.1:{}/", closed_port().await));
    let wire = wire_with(region, Trust::Platform, limits()).unwrap();
    let failure = fail(&wire, Request::Token).await;
    assert_eq!(failure.kind, FailureKind::Link);
    for word in [
        "Asking for a token",
        "no connection to 127.0.0.1",
        "refused",
        "RegionHost",
        "firewall",
    ] {
        assert!(
            failure.message.contains(word),
            "{word}: {}",
            failure.message
        );
    }
}

#[tokio::test]
async fn an_unknown_host_name_is_named_with_what_to_check() {
    // No resolver sends a question for a label of more than 63 characters.
    let name = "n".repeat(70);
    let wire = wire_with(
        region(&format!("http://{name}.invalid/")),
        Trust::Platform,
        limits(),
    )
    .unwrap();
    let failure = fail(&wire, Request::Token).await;
    assert_eq!(failure.kind, FailureKind::Link);
    for word in [
        "could not be looked up",
        &name,
        "RegionHost",
        "name service",
    ] {
        assert!(
            failure.message.contains(word),
            "{word}: {}",
            failure.message
        );
    }
}

// ---- TLS

/// A certificate of its own, as a server has it and as a file of trusted roots.
fn certificate(names: &[&str]) -> (TlsAcceptor, tempfile::NamedTempFile) {
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
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(made.cert.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

fn trusting(file: &tempfile::NamedTempFile) -> Trust {
    Trust::File(file.path().to_owned())
}

#[tokio::test]
async fn a_certificate_in_the_file_is_trusted_for_rest_and_websocket() {
    let (tls, file) = certificate(&["localhost", "127.0.0.1"]);
    let sockets = Server::socket(Some(tls.clone()), |mut socket| async move {
        socket.send(Message::text("over TLS")).await.unwrap();
        while socket.next().await.is_some() {}
    })
    .await;
    let address = format!("wss://localhost:{}/channels/{CHANNEL}", sockets.port);
    let server = Server::http(Some(tls), move |request| {
        Act::Send(if request.starts_with("POST /oauth/token ") {
            token_granted(TOKEN)
        } else {
            answer(
                200,
                "",
                &format!(r#"{{"id":"{CHANNEL}","connectUri":"{address}"}}"#),
            )
        })
    })
    .await;
    let region = region(&format!("https://localhost:{}/", server.port));
    let wire = wire_with(region, trusting(&file), limits()).unwrap();
    assert!(matches!(
        ask(&wire, Request::Token).await,
        Reply::Token { .. }
    ));
    assert!(matches!(
        ask(&wire, Request::CreateChannel).await,
        Reply::Channel { .. }
    ));
    let mut socket = wire.open_socket(&channel()).await.unwrap();
    assert_eq!(socket.next().await, Ok(Inbound::Text("over TLS".into())));
    socket.close().await;
    // The host that loads the library may use rustls too, with a provider of its own.
    assert!(
        rustls::crypto::CryptoProvider::get_default().is_none(),
        "the process has a default provider now"
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_not_the_hosts_is_refused() {
    let (tls, own) = certificate(&["localhost"]);
    let (_, others) = certificate(&["localhost"]);
    let server = Server::http(Some(tls), |_| Act::Send(token_granted(TOKEN))).await;
    for (host, file, mend) in [
        ("localhost", &others, "AdvancedSettings.Trust"),
        ("127.0.0.1", &own, "RegionHost"),
    ] {
        let region = region(&format!("https://{host}:{}/", server.port));
        let failure = fail(
            &wire_with(region, trusting(file), limits()).unwrap(),
            Request::Token,
        )
        .await;
        assert_eq!(failure.kind, FailureKind::Link);
        for word in ["certificate", "not trusted", host, mend] {
            assert!(
                failure.message.contains(word),
                "{word}: {}",
                failure.message
            );
        }
    }
    assert_eq!(
        server.requests().len(),
        0,
        "the secret was sent to a host that is not trusted"
    );
}

#[tokio::test]
async fn a_host_without_tls_is_told_from_an_untrusted_one() {
    let (_, file) = certificate(&["localhost"]);
    // The host without TLS is found out within it.
    let short = Limits {
        tls: Duration::from_secs(2),
        ..limits()
    };
    let no_tls = Server::babbling(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let silent = Server::babbling(b"").await;

    // REST.
    for (server, word) in [
        (&no_tls, "TLS handshake with localhost failed"),
        (
            &silent,
            "TLS handshake with localhost did not end within 2 s",
        ),
    ] {
        let region = region(&format!("https://localhost:{}/", server.port));
        let failure = fail(
            &wire_with(region, trusting(&file), short).unwrap(),
            Request::Token,
        )
        .await;
        assert_eq!(failure.kind, FailureKind::Link, "{failure:?}");
        assert!(failure.message.contains(word), "{}", failure.message);
    }

    // The websocket.
    for (server, word) in [
        (&no_tls, "TLS handshake with localhost failed"),
        (
            &silent,
            "TLS handshake with localhost did not end within 2 s",
        ),
    ] {
        let (_rest, wire) = with_channel(&format!("wss://localhost:{}", server.port), short).await;
        let failure = open_fails(&wire).await;
        assert_eq!(failure.kind, FailureKind::Link, "{failure:?}");
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[test]
fn a_file_of_roots_that_cannot_be_used_is_refused_at_once() {
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    let https = || region("https://localhost:1/");
    let missing = Trust::File("no/such/file.pem".into());
    for (trust, word) in [
        (missing, "no/such/file.pem"),
        (trusting(&empty), "no certificate"),
    ] {
        let failure = wire_with(https(), trust, limits()).unwrap_err();
        assert!(failure.message.contains(word), "{}", failure.message);
        assert!(
            failure.message.contains("AdvancedSettings.Trust"),
            "{}",
            failure.message
        );
    }
    write!(
        empty,
        "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydA==\n-----END CERTIFICATE-----\n"
    )
    .unwrap();
    let failure = wire_with(https(), trusting(&empty), limits()).unwrap_err();
    assert!(
        failure.message.contains("is no root"),
        "{}",
        failure.message
    );
}

// ---- the websocket

/// A wire that has made a channel whose socket is at `origin`.
async fn with_channel(origin: &str, limits: Limits) -> (Server, Wire) {
    let origin = origin.to_owned();
    let (server, wire) = granted_with(limits, move |_| {
        let body = format!(r#"{{"id":"{CHANNEL}","connectUri":"{origin}/channels/{CHANNEL}"}}"#);
        Act::Send(answer(200, "", &body))
    })
    .await;
    assert!(matches!(
        ask(&wire, Request::CreateChannel).await,
        Reply::Channel { .. }
    ));
    (server, wire)
}

fn ws(port: u16) -> String {
    format!("ws://127.0.0.1:{port}")
}

async fn open_fails(wire: &Wire) -> Failure {
    let opened = timeout(PATIENCE, wire.open_socket(&channel()))
        .await
        .expect("opening has a time limit");
    clean(&opened);
    opened.expect_err("it should not have opened")
}

/// A socket whose other end is played by `script`.
async fn socket<F>(
    limits: Limits,
    script: impl Fn(WebSocketStream<Box<dyn Io>>) -> F + Send + 'static,
) -> (Server, Socket)
where
    F: Future<Output = ()> + Send + 'static,
{
    let server = Server::socket(None, script).await;
    let (_rest, wire) = with_channel(&ws(server.port), limits).await;
    let socket = wire.open_socket(&channel()).await.unwrap();
    clean(&socket);
    (server, socket)
}

async fn next(socket: &mut Socket) -> Result<Inbound, Failure> {
    let inbound = timeout(PATIENCE, socket.next())
        .await
        .expect("something was to come");
    clean(&inbound.as_ref().err());
    inbound
}

#[tokio::test]
async fn frames_come_in_order_and_what_is_no_text_does_not_end_the_feed() {
    let large = "y".repeat(10 << 20);
    let sent = large.clone();
    let (_server, mut socket) = socket(limits(), move |mut socket| {
        let sent = sent.clone();
        async move {
            for message in [
                Message::text(r#"{"topicName":"t","eventBody":{"n":1},"metadata":{}}"#),
                Message::binary(vec![0, 159, 146, 150]),
                Message::Ping("are you there".into()),
                Message::text("junk"),
                Message::text(sent),
            ] {
                socket.send(message).await.unwrap();
            }
            // Ends only when the ping was answered, so that the test can see that it was.
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Pong(pong) = message {
                    socket
                        .send(Message::text(String::from_utf8_lossy(&pong).into_owned()))
                        .await
                        .unwrap();
                }
            }
        }
    })
    .await;
    let Ok(Inbound::Text(text)) = next(&mut socket).await else {
        panic!("a text")
    };
    let Ok(Frame::Notification(found)) = cut(&text) else {
        panic!("a notification")
    };
    assert_eq!((found.topic, found.body), ("t", r#"{"n":1}"#));
    let Ok(Inbound::Binary(bytes)) = next(&mut socket).await else {
        panic!("a binary frame")
    };
    assert_eq!(bytes.len(), 4);
    assert_eq!(next(&mut socket).await, Ok(Inbound::Control));
    assert_eq!(next(&mut socket).await, Ok(Inbound::Text("junk".into())));
    assert!(
        next(&mut socket).await == Ok(Inbound::Text(large.into())),
        "10 MiB are taken"
    );
    assert_eq!(
        next(&mut socket).await,
        Ok(Inbound::Text("are you there".into()))
    );
}

#[tokio::test]
async fn a_text_in_fragments_is_one_text_and_what_comes_between_them_is_life() {
    let (_server, mut socket) = socket(limits(), |mut socket| async move {
        // "hé" in three fragments, the second one ends within a character, and a ping between them.
        for bytes in [
            &[0x01, 1, b'h'][..],
            &[0x89, 1, b'?'],
            &[0x00, 1, 0xc3],
            &[0x80, 1, 0xa9],
        ] {
            socket.get_mut().write_all(bytes).await.unwrap();
            socket.get_mut().flush().await.unwrap();
        }
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Pong(pong) = message {
                let pong = String::from_utf8_lossy(&pong).into_owned();
                socket.send(Message::text(pong)).await.unwrap();
            }
        }
    })
    .await;
    assert_eq!(next(&mut socket).await, Ok(Inbound::Control));
    assert_eq!(next(&mut socket).await, Ok(Inbound::Text("hé".into())));
    assert_eq!(
        next(&mut socket).await,
        Ok(Inbound::Text("?".into())),
        "the ping was answered"
    );
}

#[tokio::test]
async fn fragments_without_end_end_the_socket() {
    let limits = Limits {
        message: 10_000,
        ..limits()
    };
    let (_server, mut socket) = socket(limits, |mut socket| async move {
        socket.get_mut().write_all(&[0x01, 1, b'x']).await.unwrap();
        // A ping now and then shows life, and the text never ends.
        while socket
            .get_mut()
            .write_all(&[&[0x00, 100][..], &[b'x'; 100], &[0x89, 0]].concat())
            .await
            .is_ok()
        {}
    })
    .await;
    let failure = loop {
        match next(&mut socket).await {
            Ok(Inbound::Control) => {}
            Ok(other) => panic!("{other:?}"),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(failure.message.contains("10000"), "{}", failure.message);
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_socket_and_says_so() {
    let limits = Limits {
        message: 100_000,
        ..limits()
    };
    let (_server, mut socket) = socket(limits, |mut socket| async move {
        socket.send(Message::text("small")).await.unwrap();
        let _ = socket.send(Message::text("y".repeat(100_001))).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    assert_eq!(next(&mut socket).await, Ok(Inbound::Text("small".into())));
    let failure = next(&mut socket).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(
        failure.message.contains("100001") && failure.message.contains("100000"),
        "{}",
        failure.message
    );
    assert_eq!(next(&mut socket).await, Err(failure), "it stays ended");
}

#[tokio::test]
async fn pings_and_unsubscriptions_of_the_platforms_kind_are_sent_and_a_farewell_is_said() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (_server, mut socket) = socket(limits(), move |mut socket| {
        let told = told.clone();
        async move {
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    let pong = r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#;
                    socket.send(Message::text(pong)).await.unwrap();
                }
                told.send(message).unwrap();
            }
        }
    })
    .await;
    socket.ping().await.unwrap();
    let Ok(Inbound::Text(text)) = next(&mut socket).await else {
        panic!("a pong")
    };
    assert_eq!(cut(&text), Ok(Frame::Pong));
    let topics = [
        Topic::from("v2.users.u1?presence&station"),
        Topic::from("b"),
    ];
    socket.unfollow(&topics).await.unwrap();
    socket.close().await;
    assert_eq!(
        heard.recv().await,
        Some(Message::text(r#"{"message":"ping"}"#))
    );
    assert_eq!(
        heard.recv().await,
        Some(Message::text(
            r#"{"message":"unsubscribe","topics":["v2.users.u1?presence&station","b"]}"#
        ))
    );
    assert!(matches!(heard.recv().await, Some(Message::Close(_))));
}

#[tokio::test]
async fn a_farewell_of_the_platform_is_told_with_its_code_and_answered() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let (_server, mut socket) = socket(limits(), move |mut socket| {
        let told = told.clone();
        async move {
            let frame = CloseFrame {
                code: CloseCode::Away,
                reason: "CANARY-channel is old".into(),
            };
            socket.close(Some(frame)).await.unwrap();
            told.send(socket.next().await).unwrap();
        }
    })
    .await;
    let failure = next(&mut socket).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Link);
    assert!(failure.message.contains("1001"), "{}", failure.message);
    assert_eq!(next(&mut socket).await, Err(failure.clone()));
    assert_eq!(socket.ping().await, Err(failure));
    assert!(matches!(
        heard.recv().await,
        Some(Some(Ok(Message::Close(_))))
    ));
}

#[tokio::test]
async fn a_connection_that_ends_or_half_ends_without_a_farewell_is_noticed() {
    let (_server, mut dropped) = socket(limits(), |socket| async move { drop(socket) }).await;
    let failure = next(&mut dropped).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Link, "{failure:?}");
    // Half closed: the server writes no more, but would still read.
    let (_server, mut half) = socket(limits(), |mut socket| async move {
        socket.get_mut().shutdown().await.unwrap();
        let _ = socket.get_mut().read_u8().await;
        std::future::pending::<()>().await;
    })
    .await;
    let failure = next(&mut half).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Link);
    assert!(
        failure.message.contains("without a farewell"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn bytes_that_are_no_frames_end_the_socket() {
    // 0x83: a final frame of the reserved kind 3. 0x81 0x01 0xff: a text that is not UTF-8.
    for bytes in [
        &[0x83, 0x00][..],
        &[0x81, 0x01, 0xff],
        &[0xf1, 0x00],
        &[0x81, 0x81, 0, 0, 0, 0, b'x'],
    ] {
        let (_server, mut socket) = socket(limits(), move |mut socket| async move {
            socket.get_mut().write_all(bytes).await.unwrap();
            let _ = socket.get_mut().read_u8().await;
            std::future::pending::<()>().await;
        })
        .await;
        let failure = next(&mut socket).await.unwrap_err();
        assert_eq!(
            failure.kind,
            FailureKind::Unreadable,
            "{bytes:?}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn a_frame_is_not_lost_when_next_is_dropped_half_way() {
    let (go, wait) = mpsc::unbounded_channel::<()>();
    let wait = Arc::new(tokio::sync::Mutex::new(wait));
    let (_server, mut socket) = socket(limits(), move |mut socket| {
        let wait = wait.clone();
        async move {
            // A text of five bytes, one more byte each time that the test says so.
            for byte in [0x81, 5, b'h', b'e', b'l', b'l', b'o'] {
                wait.lock().await.recv().await;
                socket.get_mut().write_all(&[byte]).await.unwrap();
                socket.get_mut().flush().await.unwrap();
            }
            std::future::pending::<()>().await;
        }
    })
    .await;
    for _ in 0..6 {
        go.send(()).unwrap();
        let early = timeout(Duration::from_millis(20), socket.next()).await;
        assert!(early.is_err(), "the frame was not complete: {early:?}");
    }
    go.send(()).unwrap();
    assert_eq!(next(&mut socket).await, Ok(Inbound::Text("hello".into())));
}

#[tokio::test]
async fn a_peer_that_reads_nothing_does_not_hold_up_a_ping() {
    let limits = Limits {
        send: Duration::from_millis(100),
        ..limits()
    };
    let (_server, mut socket) = socket(limits, |socket| async move {
        let _open = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let failure = timeout(PATIENCE, async {
        loop {
            if let Err(failure) = socket.ping().await {
                return failure;
            }
        }
    })
    .await
    .expect("the buffers of the system are full some day");
    assert_eq!(failure.kind, FailureKind::Link);
    assert!(
        failure.message.contains("took no ping"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_handshake_that_is_refused_says_with_which_status() {
    for (status, kind) in [
        (401, FailureKind::TokenRefused),
        (404, FailureKind::NotFound),
        (429, FailureKind::RateLimited),
        (503, FailureKind::Server),
        (302, FailureKind::Refused),
    ] {
        let refusing = Server::http(None, move |_| {
            Act::Send(answer(status, "Retry-After: 9\r\n", "CANARY-channel"))
        })
        .await;
        let (_rest, wire) = with_channel(&ws(refusing.port), limits()).await;
        let failure = open_fails(&wire).await;
        assert_eq!(
            (failure.kind, failure.status),
            (kind, Some(status)),
            "{failure:?}"
        );
        assert_eq!(failure.retry_after, Some(Duration::from_secs(9)));
        let request = &refusing.requests()[0];
        assert!(
            request.starts_with("GET /channels/CANARY-channel HTTP/1.1"),
            "{request}"
        );
        assert_eq!(header(request, "authorization"), None);
        assert_eq!(header(request, "user-agent"), Some("adapter/1.2.3"));
    }
}

#[tokio::test]
async fn a_handshake_that_fails_otherwise_says_at_which_hop() {
    // The host that drops the connection does so within it.
    let limits = Limits {
        handshake: Duration::from_secs(2),
        ..limits()
    };
    let silent = Server::http(None, |_| Act::SendAndHang(Vec::new())).await;
    let (_rest, wire) = with_channel(&ws(silent.port), limits).await;
    let failure = open_fails(&wire).await;
    assert!(
        failure.kind == FailureKind::Link && failure.message.contains("within 2 s"),
        "{failure:?}"
    );

    let dropping = Server::http(None, |_| Act::Drop).await;
    let (_rest, wire) = with_channel(&ws(dropping.port), limits).await;
    let failure = open_fails(&wire).await;
    assert!(
        failure.kind == FailureKind::Link && failure.message.contains("broke"),
        "{failure:?}"
    );

    let other = Server::http(None, |_| {
        Act::Send(b"HTTP/1.1 101 Switching\r\nUpgrade: CANARY-channel\r\n\r\n".to_vec())
    })
    .await;
    let (_rest, wire) = with_channel(&ws(other.port), limits).await;
    assert_eq!(open_fails(&wire).await.kind, FailureKind::Unreadable);

    let (_rest, wire) = with_channel(&ws(closed_port().await), limits).await;
    let failure = open_fails(&wire).await;
    assert!(
        failure.kind == FailureKind::Link && failure.message.contains("no connection"),
        "{failure:?}"
    );
}

// ---- the simulated region

/// A busy small region.
fn busy_region(tls: bool) -> Running {
    let world = WorldConfig {
        users: 120,
        queues: 3,
        calls_per_minute: 600.0,
        ..WorldConfig::default()
    };
    let mut region = RegionConfig::new(world);
    region.switches.heartbeat_ms = 100;
    serve(FrontConfig {
        tls,
        ..FrontConfig::new(region)
    })
    .unwrap()
}

fn wire_to(running: &Running, secret: &str, trust: Trust) -> Wire {
    let config = WireConfig {
        region: region(&running.base_url),
        client_id: running.client_id.clone(),
        client_secret: SecretString::from(secret),
        trust,
        proxy: None,
        user_agent: "adapter/1.2.3".to_owned(),
        limits: limits(),
    };
    Wire::new(config).unwrap()
}

fn strike(running: &Running, fault: Fault) {
    running.with_region(|region, now| region.plan_fault(FaultOrder::now(fault), now));
}

/// Reads until `wanted` has seen what it wanted.
async fn read_until(socket: &mut Socket, mut wanted: impl FnMut(&str) -> bool) {
    timeout(PATIENCE, async {
        loop {
            if let Inbound::Text(text) = socket.next().await.unwrap()
                && wanted(&text)
            {
                return;
            }
        }
    })
    .await
    .expect("what was wanted never came");
}

async fn follow_a_region(running: &Running, trust: Trust) {
    let wire = wire_to(running, &running.client_secret, trust);
    let Reply::Token { life } = ask(&wire, Request::Token).await else {
        panic!("token")
    };
    assert_eq!(life, Duration::from_secs(86_400));

    let (mut users, mut page, mut of) = (Vec::new(), 0, 1);
    while page < of {
        page += 1;
        let Reply::Users(read) = ask(&wire, Request::Users { page }).await else {
            panic!("users")
        };
        assert_eq!((read.number, read.unread), (page, 0));
        of = read.of;
        users.extend(read.rows);
    }
    assert_eq!((users.len(), of), (120, 2));
    for user in &users {
        assert!(
            user.presence.is_some() && user.routing_status.is_some(),
            "{user:?}"
        );
        assert!(
            !user.user.name.is_empty() && !user.user.email.is_empty(),
            "{user:?}"
        );
    }
    assert!(
        users
            .iter()
            .any(|user| matches!(user.station, Some(Some(_)))),
        "nobody has a station"
    );
    let Reply::Queues(queues) = ask(&wire, Request::Queues { page: 1 }).await else {
        panic!("queues")
    };
    assert_eq!((queues.rows.len(), queues.unread, queues.of), (3, 0, 1));

    let Reply::Stations(stations) = ask(&wire, Request::Stations { page: 1 }).await else {
        panic!("stations")
    };
    assert_eq!((stations.number, stations.unread), (1, 0));
    assert!(
        !stations.rows.is_empty() && stations.rows.iter().all(|row| !row.kind.is_empty()),
        "{stations:?}"
    );

    let Reply::Channel { channel, expires } = ask(&wire, Request::CreateChannel).await else {
        panic!("channel")
    };
    assert!(expires.is_some());
    let probe = |channel: &ChannelId| Request::ProbeChannel {
        channel: channel.clone(),
    };
    assert_eq!(
        ask(&wire, probe(&channel)).await,
        Reply::ChannelExists(true)
    );
    assert_eq!(
        ask(&wire, probe(&ChannelId::from("nobody's"))).await,
        Reply::ChannelExists(false)
    );
    let forms =
        "presence&routingStatus&station&conversations&conversations.calls&persistentconnection";
    let mut topics: Vec<Topic> = users
        .iter()
        .map(|user| Topic::from(format!("v2.users.{}?{forms}", user.user.id)))
        .collect();
    topics.push(Topic::from("v2.no.such.topic"));
    let mut socket = wire.open_socket(&channel).await.unwrap();
    let Reply::Subscribed(verdicts) = ask(
        &wire,
        Request::Subscribe {
            channel: channel.clone(),
            topics,
        },
    )
    .await
    else {
        panic!("subscribed")
    };
    let rejected: Vec<_> = verdicts
        .iter()
        .filter(|verdict| !verdict.permitted)
        .collect();
    assert!(
        rejected.len() == 1 && !rejected[0].reason.is_empty(),
        "{rejected:?}"
    );

    socket.ping().await.unwrap();
    let (mut beats, mut pongs, mut found) = (0, 0, 0);
    read_until(&mut socket, |text| {
        assert_eq!(cut(text), cut_whole(text), "{text}");
        match cut(text).unwrap() {
            Frame::Heartbeat => beats += 1,
            Frame::Pong => pongs += 1,
            Frame::Reply(reply) => panic!("nothing was asked: {reply}"),
            Frame::Notification(notification) => {
                assert!(notification.topic.starts_with("v2.users."), "{text}");
                assert!(
                    serde_json::from_str::<serde_json::Value>(notification.body)
                        .unwrap()
                        .is_object(),
                    "{text}"
                );
                found += 1;
            }
        }
        beats > 1 && pongs == 1 && found >= 200
    })
    .await;

    strike(running, Fault::SocketClosing { grace_s: 0.2 });
    read_until(&mut socket, |text| {
        socket_event(&cut(text).unwrap()) == Some(SocketEvent::Closing)
    })
    .await;
    let ended = timeout(PATIENCE, async {
        loop {
            if let Err(failure) = socket.next().await {
                return failure;
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(ended.kind, FailureKind::Link);
    clean(&ended);
    assert_eq!(
        ask(
            &wire,
            Request::Unsubscribe {
                channel: channel.clone()
            }
        )
        .await,
        Reply::Unsubscribed
    );

    strike(
        running,
        Fault::RevokeToken {
            which: WhichToken::default(),
        },
    );
    let failure = fail(&wire, Request::Users { page: 1 }).await;
    assert_eq!(
        (failure.kind, failure.status),
        (FailureKind::TokenRefused, Some(401))
    );
    assert!(
        failure.message.contains("bad.credentials"),
        "{}",
        failure.message
    );
    assert!(matches!(
        ask(&wire, Request::Token).await,
        Reply::Token { .. }
    ));
    assert_eq!(
        ask(&wire, probe(&channel)).await,
        Reply::ChannelExists(false),
        "it ended with its token"
    );
    let failure = wire.open_socket(&channel).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure:?}");
}

#[tokio::test]
async fn a_region_is_followed() {
    follow_a_region(&busy_region(false), Trust::Platform).await;
}

#[tokio::test]
async fn a_region_with_tls_is_followed() {
    let running = busy_region(true);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(running.tls_ca.as_ref().unwrap().as_bytes())
        .unwrap();
    follow_a_region(&running, trusting(&file)).await;
}

#[tokio::test]
async fn a_regions_refusals_are_known() {
    let running = busy_region(false);
    let failure = fail(&wire_to(&running, SECRET, Trust::Platform), Request::Token).await;
    assert_eq!(
        (failure.kind, failure.status),
        (FailureKind::CredentialsRefused, Some(400))
    );

    let wire = wire_to(&running, &running.client_secret, Trust::Platform);
    assert!(matches!(
        ask(&wire, Request::Token).await,
        Reply::Token { .. }
    ));
    for (status, path) in [(503, "/api/v2/users"), (429, "/api/v2/routing")] {
        strike(
            &running,
            if status == 429 {
                Fault::Storm429 {
                    share: 1.0,
                    retry_after_s: 42,
                    path: path.to_owned(),
                }
            } else {
                Fault::Storm5xx {
                    share: 1.0,
                    status,
                    retry_after_s: Some(7),
                    path: path.to_owned(),
                }
            },
        );
    }
    let failure = fail(&wire, Request::Users { page: 1 }).await;
    assert_eq!(
        (failure.kind, failure.retry_after),
        (FailureKind::Server, Some(Duration::from_secs(7)))
    );
    let failure = fail(&wire, Request::Queues { page: 1 }).await;
    assert_eq!(
        (failure.kind, failure.retry_after),
        (FailureKind::RateLimited, Some(Duration::from_secs(42)))
    );
}
