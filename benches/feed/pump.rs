//! The other side of the benchmark, in a process of its own, so that its CPU time is not counted: says as much of the
//! platform's protocol as an adapter needs to come up, then writes prepared frames to a websocket as fast as they are
//! read, or at a steady pace.
//!
//! It takes its orders on standard input, one a line, and says `done` when one is carried out:
//! `send <socket> <file> <frames a second, or 0 for as fast as they are read>`.

use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite;
use tungstenite::protocol::{Message, Role, WebSocket};

use crate::frames::{QUEUE, user};

/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pump as the benchmark sees it.
pub(crate) struct Pump {
    process: Child,
    orders: ChildStdin,
    answers: std::io::Lines<std::io::BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Pump {
    /// Starts this program again, as the pump of an organization with so many users.
    pub(crate) fn start(users: u64) -> Self {
        let this = std::env::current_exe().expect("a path of this program");
        let mut process = Command::new(this)
            .args(["pump", &users.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let orders = process.stdin.take().expect("its standard input");
        let answers = process.stdout.take().expect("its standard output");
        let mut answers = std::io::BufReader::new(answers).lines();
        let port = answers.next().expect("a first line").expect("text");
        Self {
            process,
            orders,
            answers,
            port: port.parse().expect("its port"),
        }
    }

    /// Has a file of frames sent on a socket; returns at once.
    pub(crate) fn send(&mut self, socket: &str, file: &std::path::Path, per_second: u32) {
        writeln!(self.orders, "send {socket} {} {per_second}", file.display()).expect("an order");
        self.orders.flush().expect("an order");
    }

    /// Waits until the last order is carried out.
    pub(crate) fn sent(&mut self) {
        let answer = self.answers.next().expect("an answer").expect("text");
        assert_eq!(answer, "done");
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The pump itself.
pub(crate) fn run(users: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let port = listener.local_addr().expect("its address").port();
    println!("{port}");
    let sockets = Arc::new(Sockets::default());
    std::thread::spawn({
        let sockets = Arc::clone(&sockets);
        move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let sockets = Arc::clone(&sockets);
                std::thread::spawn(move || serve(stream, Platform { port, users }, &sockets));
            }
        }
    });
    for order in std::io::stdin().lines().map_while(Result::ok) {
        let mut words = order.split(' ').skip(1);
        let mut word = || words.next().expect("an order has four words");
        let (socket, file, per_second) = (word(), word(), word());
        let frames = std::fs::read(file).expect("a file of frames");
        let socket = sockets.wait_for(socket);
        pour(&socket, &frames, per_second.parse().expect("a number"));
        println!("done");
    }
}

/// Websockets by name.
#[derive(Default)]
struct Sockets {
    open: Mutex<HashMap<String, Arc<Mutex<TcpStream>>>>,
    more: Condvar,
}

impl Sockets {
    fn wait_for(&self, name: &str) -> Arc<Mutex<TcpStream>> {
        let open = self.open.lock().expect("no panic elsewhere");
        let (open, _) = self
            .more
            .wait_timeout_while(open, PATIENCE, |open| !open.contains_key(name))
            .expect("no panic elsewhere");
        Arc::clone(open.get(name).expect("the socket was opened in time"))
    }
}

fn pour(socket: &Mutex<TcpStream>, frames: &[u8], per_second: u32) {
    let mut socket = socket.lock().expect("no panic elsewhere");
    if per_second == 0 {
        socket.write_all(frames).expect("the socket takes it");
        return;
    }
    let start = Instant::now();
    for (number, frame) in (0..).zip(crate::frames::cut(frames)) {
        let due = start + Duration::from_secs(1) / per_second * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        socket.write_all(frame).expect("the socket takes it");
    }
}

/// One connection: a request, or a websocket.
fn serve(mut stream: TcpStream, platform: Platform, sockets: &Sockets) {
    stream.set_nodelay(true).expect("an option of TCP");
    let Some(head) = peek_head(&stream) else {
        return;
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if head.to_ascii_lowercase().contains("upgrade: websocket") {
        let Ok(websocket) = tungstenite::accept(stream) else {
            return;
        };
        return listen(&path, websocket.into_inner(), sockets);
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let mut request = vec![0; head.len() + length];
    if stream.read_exact(&mut request).is_err() {
        return;
    }
    let body = platform.answer(&path, &request[head.len()..]);
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// The head of a request, left in the socket.
fn peek_head(stream: &TcpStream) -> Option<String> {
    let mut buffer = vec![0; 16 * 1024];
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let length = stream.peek(&mut buffer).ok().filter(|length| *length > 0)?;
        let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if let Some(end) = head.find("\r\n\r\n") {
            return Some(head[..end + 4].to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

/// Answers pings for as long as the websocket is open.
fn listen(path: &str, stream: TcpStream, sockets: &Sockets) {
    let reader = stream.try_clone().expect("a second handle of a socket");
    let writer = Arc::new(Mutex::new(stream));
    let name = if path.ends_with("/floor") {
        "floor"
    } else {
        "adapter"
    };
    sockets
        .open
        .lock()
        .expect("no panic elsewhere")
        .insert(name.to_owned(), Arc::clone(&writer));
    sockets.more.notify_all();
    let mut websocket = WebSocket::from_raw_socket(reader, Role::Server, None);
    while let Ok(message) = websocket.read() {
        if let Message::Text(text) = message
            && text.contains("ping")
        {
            let pong = crate::frames::text(
                r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#,
            );
            let _ = writer.lock().expect("no panic elsewhere").write_all(&pong);
        }
    }
}

/// What answers requests.
#[derive(Clone, Copy)]
struct Platform {
    port: u16,
    users: u64,
}

impl Platform {
    /// What the platform would answer.
    fn answer(self, path: &str, body: &[u8]) -> String {
        static CHANNELS: AtomicU64 = AtomicU64::new(0);
        if path.ends_with("/oauth/token") {
            r#"{"access_token":"benchmark","token_type":"bearer","expires_in":86400}"#.to_owned()
        } else if path.contains("/subscriptions") {
            let topics: Vec<serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
            let entities: Vec<String> = topics
                .iter()
                .map(|topic| format!(r#"{{"id":{},"state":"Permitted"}}"#, topic["id"]))
                .collect();
            format!(r#"{{"entities":[{}]}}"#, entities.join(","))
        } else if path.contains("/notifications/channels") {
            let id = format!("benchmark-{}", CHANNELS.fetch_add(1, Ordering::Relaxed));
            format!(
                r#"{{"id":"{id}","connectUri":"ws://127.0.0.1:{}/channels/{id}","expires":"2099-01-01T00:00:00.000Z"}}"#,
                self.port
            )
        } else if path.contains("/api/v2/users") && path.contains("&id=") {
            // After a gap, the one at a start included.
            let ids = path.split('&').filter_map(|part| part.strip_prefix("id="));
            let number = |id: &str| u64::from_str_radix(id.get(..8)?, 16).ok();
            let users: Vec<String> = ids.filter_map(number).map(entity).collect();
            list(&users, 1, 100, users.len() as u64)
        } else if path.contains("/api/v2/users") {
            let page = number_in(path, "pageNumber=");
            let size = number_in(path, "pageSize=");
            let users = (page - 1) * size..self.users.min(page * size);
            list(
                &users.map(entity).collect::<Vec<_>>(),
                page,
                size,
                self.users,
            )
        } else if path.contains("/api/v2/routing/queues") {
            let queue = format!(r#"{{"id":"{QUEUE}","name":"Sales","memberCount":100}}"#);
            list(&[queue], 1, 100, 1)
        } else {
            list(&[], 1, 100, 0)
        }
    }
}

fn list(entities: &[String], page: u64, size: u64, total: u64) -> String {
    format!(
        r#"{{"entities":[{}],"pageSize":{size},"pageNumber":{page},"total":{total},"pageCount":{}}}"#,
        entities.join(","),
        total.div_ceil(size)
    )
}

/// A number of a request's query.
fn number_in(path: &str, name: &str) -> u64 {
    let (_, rest) = path.split_once(name).expect("a query that says so");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}

/// A user as the list has it, with presence, routing status and station.
fn entity(number: u64) -> String {
    let id = user(number);
    format!(
        r#"{{"id":"{id}","name":"Agent Number {number}","email":"agent.number.{number}@example.com","state":"active","presence":{{"source":"PURECLOUD","presenceDefinition":{{"id":"9e5a4b1c-0000-4000-8000-000000000001","systemPresence":"On Queue"}},"modifiedDate":"2026-11-22T09:00:00.000Z"}},"routingStatus":{{"userId":"{id}","status":"IDLE","startTime":"2026-11-22T09:00:00.000Z"}},"station":{{"associatedStation":{{"id":"5c3d0000-0000-4000-8000-{number:012}","name":"Station {number}","type":"inin_webrtc_softphone","associatedUser":{{"id":"{id}"}}}}}}}}"#
    )
}
