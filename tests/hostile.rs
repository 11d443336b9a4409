//! A region that means harm: each of its answers costs a bounded amount of time and of bytes, and ends in an error that
//! names it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use genesys_cloud_adapter::cloud::{Inquiry, Limits, Wire, WireConfig};
use genesys_cloud_adapter::model::id::ChannelId;
use genesys_cloud_adapter::model::order::{Failure, FailureKind, Reply, Request};
use genesys_cloud_adapter::settings::{Region, Trust};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

/// Longer than anything here takes, so that what hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it sends before anything is lost: the system's buffers on both sides.
const BUFFERS: usize = 8 << 20;

/// What is sent again and again, for ever.
#[derive(Clone)]
struct Poison {
    /// First.
    head: Vec<u8>,
    /// Then again and again.
    tail: Vec<u8>,
    /// After each.
    pause: Duration,
}

impl Poison {
    fn new(head: &str, tail: &str) -> Self {
        Self {
            head: head.as_bytes().to_vec(),
            tail: tail.as_bytes().to_vec(),
            pause: Duration::ZERO,
        }
    }

    /// An answer with this body, and nothing more.
    fn body(body: &[u8], headers: &str) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
            body.len()
        );
        Self {
            head: [head.as_bytes(), body].concat(),
            tail: Vec::new(),
            pause: Duration::ZERO,
        }
    }
}

/// Grants tokens, names itself as the host of a channel, and answers everything else with poison.
struct Hostile {
    port: u16,
    sent: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hostile {
    async fn start(poison: Poison) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sent, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, asks) = (Arc::clone(&sent), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (poison, count, asks) = (poison.clone(), Arc::clone(&count), Arc::clone(&asks));
                tokio::spawn(serve(stream, port, poison, count, asks));
            }
        });
        Self {
            port,
            sent,
            asked,
            task,
        }
    }

    async fn wire(&self, limits: Limits) -> Wire {
        let url = Url::parse(&format!("http://127.0.0.1:{}/", self.port)).unwrap();
        let wire = Wire::new(WireConfig {
            region: Region {
                api: url.clone(),
                login: url,
            },
            client_id: "id".to_owned(),
            client_secret: SecretString::from("CANARY-secret"),
            trust: Trust::Platform,
            proxy: None,
            user_agent: "adapter/1.2.3".to_owned(),
            limits,
        })
        .unwrap();
        let granted = wire.request(Request::Token).await;
        assert!(matches!(granted, Reply::Token { .. }), "{granted:?}");
        wire
    }
}

async fn serve(
    mut stream: TcpStream,
    port: u16,
    poison: Poison,
    sent: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
) -> Option<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        request.extend_from_slice(&buffer[..n]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let good = if request.starts_with("POST /oauth/token") {
        Some(r#"{"access_token":"CANARY-token","expires_in":86400}"#.to_owned())
    } else if request.starts_with("POST /api/v2/notifications/channels ") {
        Some(format!(
            r#"{{"id":"CANARY-c","connectUri":"ws://127.0.0.1:{port}/channels/CANARY-c"}}"#
        ))
    } else {
        None
    };
    if let Some(body) = good {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.ok()?;
        return stream.shutdown().await.ok();
    }
    asked.fetch_add(1, Ordering::Relaxed);
    let mut next = poison.head;
    loop {
        stream.write_all(&next).await.ok()?;
        sent.fetch_add(next.len(), Ordering::Relaxed);
        if poison.tail.is_empty() {
            // Until the client has enough.
            return stream.read_u8().await.ok().map(drop);
        }
        next.clone_from(&poison.tail);
        tokio::time::sleep(poison.pause).await;
    }
}

async fn fails(wire: &Wire, what: Request) -> Failure {
    let reply = timeout(PATIENCE, wire.request(what)).await.unwrap();
    let Reply::Failed(failure) = reply else {
        panic!("it should have failed: {reply:?}")
    };
    assert!(!failure.message.contains("CANARY"), "{}", failure.message);
    failure
}

const USERS: Request = Request::Users { page: 1 };

#[tokio::test]
async fn a_body_of_100_mb_is_cut_off() {
    let mib = "x".repeat(1 << 20);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
    let region = Hostile::start(Poison::new(head, &mib)).await;
    let failure = fails(&region.wire(Limits::default()).await, USERS).await;
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(
        failure.message.contains("larger than the 16777216 bytes"),
        "{}",
        failure.message
    );
    let sent = region.sent.load(Ordering::Relaxed);
    assert!(sent < (16 << 20) + BUFFERS, "{sent} bytes were taken");
}

#[tokio::test]
async fn what_unpacks_to_200_mb_is_cut_off() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..200 {
        packed.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = packed.finish().unwrap();
    assert!(bomb.len() < 2 << 20);
    let region = Hostile::start(Poison::body(&bomb, "Content-Encoding: gzip\r\n")).await;
    let failure = fails(&region.wire(Limits::default()).await, USERS).await;
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(
        failure.message.contains("larger than the 16777216 bytes"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn headers_without_end_are_cut_off() {
    for tail in ["X-Header: value\r\n".repeat(100), "x".repeat(10_000)] {
        let region = Hostile::start(Poison::new("HTTP/1.1 200 OK\r\n", &tail)).await;
        let failure = fails(&region.wire(Limits::default()).await, USERS).await;
        assert_eq!(failure.kind, FailureKind::Unreadable);
        assert!(
            failure.message.contains("more headers than are taken"),
            "{}",
            failure.message
        );
        assert!(region.sent.load(Ordering::Relaxed) < BUFFERS);
    }
}

#[tokio::test]
async fn an_answer_that_trickles_ends_in_time() {
    let slow = |head, tail| Poison {
        pause: Duration::from_millis(20),
        ..Poison::new(head, tail)
    };
    for poison in [
        slow("H", ""),
        slow("HTTP/1.1 200 OK\r\nX: ", "y"),
        slow("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", " "),
        slow(
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
        ),
    ] {
        let region = Hostile::start(poison).await;
        // The token is granted within it.
        let limits = Limits {
            request: Duration::from_secs(2),
            ..Limits::default()
        };
        let wire = region.wire(limits).await;
        let began = Instant::now();
        let failure = fails(&wire, USERS).await;
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(failure.kind, FailureKind::Link);
        assert!(
            failure.message.contains("within 2 s"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn json_of_any_depth_is_unreadable_and_no_more() {
    for deep in [
        "[".repeat(2 << 20),
        r#"{"entities":"#.to_owned() + &"[".repeat(2 << 20),
        r#"{"entities":["#.to_owned() + &r#"{"id":"#.repeat(200_000),
        r#"{"a":"#.repeat(200_000),
    ] {
        let region = Hostile::start(Poison::body(deep.as_bytes(), "")).await;
        let wire = region.wire(Limits::default()).await;
        for what in [
            USERS,
            Request::Queues { page: 1 },
            Request::Stations { page: 1 },
            Request::Channels,
            Request::Subscribe {
                channel: ChannelId::from("c"),
                topics: Vec::new(),
            },
        ] {
            let failure = fails(&wire, what).await;
            assert_eq!(failure.kind, FailureKind::Unreadable, "{failure:?}");
        }
        for what in [Inquiry::Organization, Inquiry::Topics] {
            let failure = wire.inquire(what).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unreadable, "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_list_without_end_is_refused_and_says_why() {
    let body = br#"{"entities":[{"id":"u1"}],"pageNumber":1,"pageCount":4294967295}"#;
    let region = Hostile::start(Poison::body(body, "")).await;
    let wire = region.wire(Limits::default()).await;
    for what in [
        USERS,
        Request::Queues { page: 1 },
        Request::Stations { page: 1 },
    ] {
        let failure = fails(&wire, what).await;
        assert_eq!(failure.kind, FailureKind::Unreadable);
        assert!(
            failure.message.contains("4294967295 pages"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn redirects_lead_nowhere() {
    let head = "HTTP/1.1 302 Found\r\nLocation: /api/v2/users?again\r\nContent-Length: 0\r\n\r\n";
    let region = Hostile::start(Poison::new(head, "")).await;
    let failure = fails(&region.wire(Limits::default()).await, USERS).await;
    assert_eq!(
        (failure.kind, failure.status),
        (FailureKind::Refused, Some(302))
    );
    assert_eq!(region.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn garbage_in_the_websockets_handshake_is_cut_off() {
    for poison in [
        Poison::new(
            "HTTP/1.1 101 Switching Protocols\r\n",
            &"X-Header: value\r\n".repeat(100),
        ),
        Poison::new(
            "HTTP/1.1 101 Switching Protocols\r\nX: ",
            &"y".repeat(10_000),
        ),
        Poison::new("", &"\u{0}garbage\u{1}".repeat(1_000)),
        Poison::new(
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 999999999\r\n\r\n",
            &"z".repeat(10_000),
        ),
    ] {
        let region = Hostile::start(poison).await;
        let limits = Limits {
            handshake: Duration::from_secs(5),
            ..Limits::default()
        };
        let wire = region.wire(limits).await;
        let Reply::Channel { channel, .. } = wire.request(Request::CreateChannel).await else {
            panic!("a channel")
        };
        let began = Instant::now();
        let failure = timeout(PATIENCE, wire.open_socket(&channel))
            .await
            .unwrap()
            .unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20));
        assert!(!failure.message.contains("CANARY"), "{}", failure.message);
        assert!(failure.message.contains("127.0.0.1"), "{}", failure.message);
        assert!(region.sent.load(Ordering::Relaxed) < 3 * BUFFERS);
        // A check that asks for no channel in particular meets the same.
        let host = Url::parse(&format!("ws://127.0.0.1:{}/", region.port)).unwrap();
        let mut steps = Vec::new();
        let began = Instant::now();
        timeout(PATIENCE, wire.knock(&host, &mut steps))
            .await
            .unwrap();
        assert!(began.elapsed() < Duration::from_secs(20));
        let failure = steps.pop().unwrap().outcome.unwrap_err();
        assert!(!failure.message.contains("CANARY"), "{}", failure.message);
        assert!(failure.message.contains("127.0.0.1"), "{}", failure.message);
    }
}
