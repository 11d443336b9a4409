//! The region: a world, and the platform's interface around it.
//!
//! Sans-I/O: requests and socket inputs come in as plain values with the time, answers and frames go out as plain
//! values. It knows tokens, budgets, channels, subscriptions, faults and what each client asked; it knows no socket, no
//! thread and no clock. The caller's loop:
//!
//! - input: [`Region::handle_request`], [`Region::open_socket`], [`Region::handle_socket`], and, when
//!   [`Region::poll_timeout`] is reached, [`Region::handle_timeout`];
//! - output, after every input: [`Region::poll_transmit`] until it is `None`, then [`Region::poll_timeout`].
//!
//! Time never goes back. The same seed and the same inputs at the same times give the same outputs, byte for byte.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::chance::{Chance, Id};
use crate::channel::{ChannelNo, Channels, SocketId, Subscription};
use crate::coverage::Coverage;
use crate::fault::{Fault, FaultNo, FaultOrder, Faults, WhichToken, seconds};
use crate::limit::{Budget, Budgets};
use crate::oauth::{
    Authority, Client, ClientNo, Token, TokenNo, TokenRefused, Unauthenticated, opaque,
};
use crate::problem::Problem;
use crate::request_log::RequestLog;
use crate::time::{Millis, Time};
use crate::topic::{self, Catalogue, TopicProblem};
use crate::world::{Shown, UnknownScript, World, WorldConfig};

/// The most bytes of a request's body (`request.bytes.max` of the platform's limits).
pub const MOST_REQUEST_BYTES: usize = 512_000;

/// What can be set while the region runs (`POST /_sim/switches`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// HTTP status of `invalid_client`. The platform's is not documented: 400 or 401.
    pub refused_client_status: u16,
    /// Life of the tokens issued from now on. The platform allows 300 to 172,800 s; tests may go below.
    pub token_life_s: u32,
    /// Requests per token and minute.
    pub requests_per_minute: u32,
    /// Time between heartbeats of sockets opened from now on.
    pub heartbeat_ms: i64,
    /// Life of channels made (or resubscribed) from now on.
    pub channel_life_s: u32,
    /// Whether subscribing again prolongs a channel's life.
    pub subscribing_prolongs: bool,
    /// Whether channels end with the token that made them.
    pub channels_end_with_token: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            refused_client_status: 400,
            token_life_s: 86_400,
            requests_per_minute: 300,
            heartbeat_ms: 30_000,
            channel_life_s: 86_400,
            subscribing_prolongs: true,
            channels_end_with_token: true,
        }
    }
}

/// What a region is made of.
#[derive(Debug, Clone)]
pub struct RegionConfig {
    /// The organisation and its calls.
    pub world: WorldConfig,
    /// What can be changed later.
    pub switches: Switches,
    /// OAuth clients; empty: one, made from the seed.
    pub clients: Vec<Client>,
    /// What stands before a channel's id in its connect URI, without a slash at the end: `ws://127.0.0.1:4711`.
    pub stream_url: String,
}

impl RegionConfig {
    /// A region around a world, with the platform's own limits.
    #[must_use]
    pub fn new(world: WorldConfig) -> Self {
        Self {
            world,
            switches: Switches::default(),
            clients: Vec::new(),
            stream_url: "wss://streaming.region.invalid".to_owned(),
        }
    }
}

/// A request, as much of it as the region looks at.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without query.
    pub path: String,
    /// The query's pairs, percent-decoded.
    pub query: Vec<(String, String)>,
    /// The Authorization header.
    pub authorization: Option<String>,
    /// The Content-Type header.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without query, token and body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// With a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a bearer token.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.authorization = Some(format!("Bearer {token}"));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.content_type = Some("application/json".to_owned());
        self.body = body.to_string().into_bytes();
        self
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> bool {
        self.param(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// The values of a list parameter: repeated, or separated by commas.
    fn list(&self, name: &str) -> Vec<&str> {
        self.query
            .iter()
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .collect()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers beyond Content-Type and Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, or nothing.
    pub body: Vec<u8>,
    /// How long the caller should keep it back (a fault).
    pub after_ms: i64,
}

impl Response {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            after_ms: 0,
        }
    }

    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            after_ms: 0,
        }
    }

    /// A header, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if there is none.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What comes in on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketInput {
    /// A text frame.
    Text(String),
    /// A binary frame, or a ping or pong of the websocket protocol; the caller answers pings itself.
    Other,
    /// The connection ended.
    Closed,
}

/// What goes out on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// A text frame.
    Text(Arc<str>),
    /// A binary frame (only injected ones).
    Binary(Arc<[u8]>),
    /// A close frame; the region has forgotten the socket.
    Close {
        /// The code.
        code: u16,
        /// The reason, for people.
        reason: &'static str,
    },
    /// The connection breaks without a close frame; the region has forgotten the socket.
    Cut,
}

#[derive(Debug)]
struct Socket {
    channel: ChannelNo,
    muted: bool,
    heartbeat_ms: i64,
    next_heartbeat: Time,
    /// When it will be closed after `v2.system.socket_closing`.
    closes: Option<Time>,
}

/// A notification on its way to a channel.
#[derive(Debug)]
struct Late {
    due: Time,
    frame: Arc<str>,
    acts: Arc<[u64]>,
    topic: Arc<str>,
}

/// Frames that `/_sim/frames` sends.
#[derive(Debug)]
struct Injection {
    channel: ChannelNo,
    frames: Vec<Transmit>,
    sent: u64,
    count: u64,
    started: Time,
    /// Frames a second; `None`: all at once.
    rate: Option<f64>,
}

impl Injection {
    fn next(&self) -> Time {
        match self.rate {
            Some(rate) => self.started + Millis((self.sent as f64 * 1_000.0 / rate) as i64),
            None => self.started,
        }
    }
}

/// A region. See the module for the order of calls.
#[derive(Debug)]
pub struct Region {
    world: World,
    switches: Switches,
    stream_url: String,
    chance: Chance,
    catalogue: Catalogue,
    authority: Authority,
    budgets: Budgets,
    channels: Channels,
    coverage: Coverage,
    faults: Faults,
    log: RequestLog,
    sockets: BTreeMap<SocketId, Socket>,
    opened: u64,
    late: BTreeMap<ChannelNo, VecDeque<Late>>,
    injections: Vec<Injection>,
    out: VecDeque<(SocketId, Transmit)>,
}

/// Who asks, once the token is checked.
#[derive(Debug, Clone, Copy)]
struct Caller {
    token: TokenNo,
    client: ClientNo,
}

impl Region {
    /// A region at the start time of its world.
    #[must_use]
    pub fn new(config: RegionConfig) -> Self {
        // A stream of its own: what clients ask must not change what the world does.
        let mut chance = Chance::new(config.world.seed, "region");
        let clients = if config.clients.is_empty() {
            vec![Client {
                id: chance.id().to_string(),
                secret: opaque(&mut chance, 43),
            }]
        } else {
            config.clients
        };
        Self {
            world: World::new(config.world),
            budgets: Budgets::new(config.switches.requests_per_minute),
            switches: config.switches,
            stream_url: config.stream_url,
            chance,
            catalogue: Catalogue::public(),
            authority: Authority::new(clients),
            channels: Channels::default(),
            coverage: Coverage::default(),
            faults: Faults::default(),
            log: RequestLog::default(),
            sockets: BTreeMap::new(),
            opened: 0,
            late: BTreeMap::new(),
            injections: Vec::new(),
            out: VecDeque::new(),
        }
    }

    // ---- what it is -------------------------------------------------------------------------------------------

    /// The OAuth clients that it knows.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        self.authority.clients()
    }

    /// The world inside.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Plays a script now and returns the id of its conversation; what it shows at once goes out at once.
    ///
    /// # Errors
    /// There is no such script; the error names those that there are.
    pub fn play(&mut self, script: &str, now: Time) -> Result<Id, UnknownScript> {
        self.handle_timeout(now);
        let conversation = self.world.play(script, now)?;
        self.show(now);
        Ok(conversation)
    }

    /// Sets what stands before a channel's id in its connect URI, once the caller knows its own address.
    pub fn set_stream_url(&mut self, url: String) {
        self.stream_url = url;
    }

    /// How many sockets are open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.sockets.len()
    }

    /// What really happened: the world's truth, the faults, the outages of topics that a client followed, and the
    /// sockets that are open.
    #[must_use]
    pub fn truth(&self) -> Value {
        let mut truth = json!(self.world.truth());
        truth["faults"] = self.faults.truth();
        truth["outages"] = self.coverage.outages();
        truth
    }

    /// Plans a fault; it starts with the next [`Region::handle_timeout`] that reaches its time.
    pub fn plan_fault(&mut self, order: FaultOrder, now: Time) -> FaultNo {
        self.faults.plan(order, now)
    }

    // ---- time -------------------------------------------------------------------------------------------------

    /// When [`Region::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        [
            self.world.poll_timeout(),
            self.faults.next(),
            self.authority.next_expiry(),
            self.channels
                .iter()
                .map(|(_, channel)| channel.expires)
                .min(),
            self.sockets
                .values()
                .map(|socket| socket.next_heartbeat)
                .min(),
            self.sockets
                .values()
                .filter_map(|socket| socket.closes)
                .min(),
            self.late
                .values()
                .filter_map(|queue| queue.front())
                .map(|late| late.due)
                .min(),
            self.injections.iter().map(Injection::next).min(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Lets time pass until now: everything that is due happens, in the order of its time.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(due) = self.poll_timeout() {
            if due > now {
                break;
            }
            self.step(due);
        }
    }

    fn step(&mut self, now: Time) {
        self.end_expired(now);
        while let Some((number, fault)) = self.faults.take_due(now) {
            self.begin_fault(number, &fault, now);
        }
        if self.world.poll_timeout().is_some_and(|due| due <= now) {
            self.world.handle_timeout(now);
        }
        self.show(now);
        self.hand_over_late(now);
        self.beat(now);
        self.close_announced(now);
        self.inject(now);
    }

    fn end_expired(&mut self, now: Time) {
        let tokens: Vec<TokenNo> = self
            .authority
            .live()
            .filter(|(_, token)| token.expires <= now)
            .map(|(number, _)| number)
            .collect();
        for token in tokens {
            self.end_token(token, "the token of the channel expired", now);
        }
        let channels: Vec<ChannelNo> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.expires <= now)
            .map(|(number, _)| number)
            .collect();
        for channel in channels {
            self.end_channel(channel, "the channel expired", now);
        }
    }

    fn beat(&mut self, now: Time) {
        let due: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.next_heartbeat <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.next_heartbeat = socket.next_heartbeat + Millis(socket.heartbeat_ms);
            }
            self.send(id, channel_metadata("WebSocket Heartbeat"));
        }
    }

    fn close_announced(&mut self, now: Time) {
        let due: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.closes.is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.end_socket(
                id,
                Transmit::Close {
                    code: 1001,
                    reason: "maintenance",
                },
                now,
            );
        }
    }

    fn inject(&mut self, now: Time) {
        let mut injections = std::mem::take(&mut self.injections);
        for injection in &mut injections {
            let socket = self
                .channels
                .get(injection.channel)
                .and_then(|channel| channel.socket);
            while injection.sent < injection.count && injection.next() <= now {
                let which =
                    usize::try_from(injection.sent).unwrap_or(0) % injection.frames.len().max(1);
                if let (Some(socket), Some(frame)) = (socket, injection.frames.get(which)) {
                    self.send(socket, frame.clone());
                }
                injection.sent += 1;
            }
        }
        injections.retain(|injection| injection.sent < injection.count);
        self.injections = injections;
    }

    // ---- notifications ----------------------------------------------------------------------------------------

    /// Hands what the world shows to the channels that subscribed to it.
    fn show(&mut self, now: Time) {
        while let Some(shown) = self.world.poll_shown() {
            let receivers = self.channels.receivers(&shown.topic);
            let listening = receivers
                .into_iter()
                .filter(|channel| self.live_socket(*channel).is_some());
            let listening: Vec<ChannelNo> = listening.collect();
            if !listening.is_empty() {
                self.notify(&shown, &listening, now);
            }
        }
    }

    fn notify(&mut self, shown: &Shown, channels: &[ChannelNo], now: Time) {
        let correlation = self.chance.id().to_string();
        let frame = notification(
            &shown.topic,
            &shown.body,
            shown.metadata_action,
            &correlation,
        );
        let topic: Arc<str> = Arc::clone(&shown.topic);
        let acts: Arc<[u64]> = Arc::from(shown.acts.as_slice());
        let (mut lose, mut duplicate, mut delay) = (0.0_f64, 0.0_f64, None);
        for fault in self.faults.in_force(now) {
            match fault {
                Fault::Lose { share } => lose = lose.max(*share),
                Fault::Duplicate { share } => duplicate = duplicate.max(*share),
                Fault::Delay { min_ms, max_ms } => delay = Some((*min_ms, *max_ms)),
                _ => {}
            }
        }
        for channel in channels {
            if lose > 0.0 && self.chance.share(lose) {
                continue;
            }
            let times = if duplicate > 0.0 && self.chance.share(duplicate) {
                2
            } else {
                1
            };
            let wait = delay.map_or(0, |(min, max)| self.chance.between(min, max).0);
            let queue = self.late.entry(*channel).or_default();
            let due = queue
                .back()
                .map_or(now, |last| last.due)
                .max(Time(now.0 + wait));
            for _ in 0..times {
                queue.push_back(Late {
                    due,
                    frame: Arc::clone(&frame),
                    acts: Arc::clone(&acts),
                    topic: Arc::clone(&topic),
                });
            }
        }
        self.hand_over_late(now);
    }

    fn hand_over_late(&mut self, now: Time) {
        let mut late = std::mem::take(&mut self.late);
        for (channel, queue) in &mut late {
            while queue.front().is_some_and(|next| next.due <= now) {
                let Some(next) = queue.pop_front() else { break };
                if let Some(socket) = self.live_socket(*channel) {
                    self.send(socket, Transmit::Text(next.frame));
                    self.world.mark_sent(&next.acts, &next.topic);
                }
            }
        }
        late.retain(|_, queue| !queue.is_empty());
        self.late = late;
    }

    /// The channel's socket, unless it is mute.
    fn live_socket(&self, channel: ChannelNo) -> Option<SocketId> {
        let id = self.channels.get(channel)?.socket?;
        self.sockets
            .get(&id)
            .is_some_and(|socket| !socket.muted)
            .then_some(id)
    }

    fn send(&mut self, socket: SocketId, what: Transmit) {
        if self
            .sockets
            .get(&socket)
            .is_some_and(|socket| !socket.muted)
        {
            self.out.push_back((socket, what));
        }
    }

    /// What has to go out next.
    pub fn poll_transmit(&mut self) -> Option<(SocketId, Transmit)> {
        self.out.pop_front()
    }

    // ---- sockets ----------------------------------------------------------------------------------------------

    /// A client asks to upgrade `/channels/{id}` to a websocket.
    ///
    /// # Errors
    /// The answer instead of the upgrade: the channel is unknown or ended, or a fault refuses.
    pub fn open_socket(&mut self, path: &str, now: Time) -> Result<SocketId, Response> {
        self.handle_timeout(now);
        let refused = self.faults.in_force(now).find_map(|fault| match fault {
            Fault::RefuseConnects { status } => Some(Problem::server_error(*status, None)),
            _ => None,
        });
        let path = path_without_prefix(path);
        let id = path
            .strip_prefix("/channels/")
            .unwrap_or_default()
            .trim_end_matches('/');
        let channel = self.channels.find(id);
        let problem = refused.or_else(|| channel.is_none().then(Problem::not_found));
        let logged = channel.map_or("/channels/?".to_owned(), |channel| {
            format!("/channels/{}", channel.0)
        });
        let (Some(channel), None) = (channel, &problem) else {
            let response = self.problem(&problem.unwrap_or_else(Problem::not_found));
            self.log.add("GET", &logged, response.status, None, now);
            return Err(response);
        };
        self.log.add("GET", &logged, 101, None, now);
        // A second connection disconnects the first.
        if let Some(first) = self
            .channels
            .get(channel)
            .and_then(|channel| channel.socket)
        {
            self.end_socket(
                first,
                Transmit::Close {
                    code: 1000,
                    reason: "another connection was made",
                },
                now,
            );
        }
        self.opened += 1;
        let socket = SocketId(self.opened);
        let heartbeat_ms = self.switches.heartbeat_ms.max(1);
        self.sockets.insert(
            socket,
            Socket {
                channel,
                muted: false,
                heartbeat_ms,
                next_heartbeat: now + Millis(heartbeat_ms),
                closes: None,
            },
        );
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.socket = Some(socket);
            channel.last_used = now;
            self.coverage.gained(channel.keys(), now);
        }
        Ok(socket)
    }

    /// Something came in on a socket. Inputs of sockets that the region has closed are ignored.
    pub fn handle_socket(&mut self, socket: SocketId, input: SocketInput, now: Time) {
        self.handle_timeout(now);
        let Some(channel) = self.sockets.get(&socket).map(|socket| socket.channel) else {
            return;
        };
        match input {
            SocketInput::Closed => self.forget_socket(socket, now),
            SocketInput::Other => {}
            SocketInput::Text(text) => {
                // Junk is tolerated: the platform's own command line tool sends bare timestamps as keep-alive.
                if let Ok(Value::Object(message)) = serde_json::from_str(&text) {
                    self.handle_message(socket, channel, &message, now);
                }
            }
        }
    }

    fn handle_message(
        &mut self,
        socket: SocketId,
        channel: ChannelNo,
        message: &Map<String, Value>,
        now: Time,
    ) {
        let reply = |result: &str, status: &str, text: Option<&str>| {
            let mut reply = json!({ "result": result, "status": status });
            if let Some(text) = text {
                reply["message"] = json!(text);
            }
            if let Some(correlation) = message.get("correlationId") {
                reply["correlationId"] = correlation.clone();
            }
            Transmit::Text(Arc::from(reply.to_string()))
        };
        let topics = || -> Option<Vec<String>> {
            let topics = message.get("topics")?.as_array()?;
            topics
                .iter()
                .map(|topic| topic.as_str().map(str::to_owned))
                .collect()
        };
        let answer = match message.get("message").and_then(Value::as_str) {
            Some("ping") => channel_metadata("pong"),
            Some("subscribe") => match topics() {
                None => reply("400", "failure", Some("topics is not a list of strings")),
                Some(topics) => match self.subscribe(channel, &topics, false, false, now) {
                    Ok(_) => reply("200", "subscribed", None),
                    Err(problem) => reply(
                        &problem.status.to_string(),
                        "failure",
                        Some(&problem.message),
                    ),
                },
            },
            Some("unsubscribe") => match topics() {
                None => reply("400", "failure", Some("topics is not a list of strings")),
                Some(topics) => {
                    self.unsubscribe(channel, &topics, now);
                    reply("200", "unsubscribed", None)
                }
            },
            _ => reply("400", "error", Some("the message is not known")),
        };
        self.send(socket, answer);
    }

    /// Ends a socket from this side.
    fn end_socket(&mut self, socket: SocketId, how: Transmit, now: Time) {
        self.out.push_back((socket, how));
        self.forget_socket(socket, now);
    }

    fn forget_socket(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(socket.channel) else {
            return;
        };
        channel.last_used = now;
        if channel.socket == Some(id) {
            channel.socket = None;
        }
        if !socket.muted {
            self.coverage.lost(channel.keys(), now);
        }
    }

    fn end_channel(&mut self, number: ChannelNo, reason: &'static str, now: Time) {
        if let Some(socket) = self.channels.get(number).and_then(|channel| channel.socket) {
            self.end_socket(socket, Transmit::Close { code: 1000, reason }, now);
        }
        self.late.remove(&number);
        self.injections
            .retain(|injection| injection.channel != number);
        self.channels.remove(number);
    }

    fn end_token(&mut self, token: TokenNo, reason: &'static str, now: Time) {
        self.authority.end(token);
        self.budgets.forget(token);
        if self.switches.channels_end_with_token {
            for channel in self.channels_of(token) {
                self.end_channel(channel, reason, now);
            }
        }
    }

    fn channels_of(&self, token: TokenNo) -> Vec<ChannelNo> {
        self.channels
            .iter()
            .filter(|(_, channel)| channel.token == token)
            .map(|(number, _)| number)
            .collect()
    }

    /// A message of the system itself: it arrives without being subscribed.
    fn announce(
        &mut self,
        channel: ChannelNo,
        topic: &str,
        kind: Option<(&str, &str)>,
        text: &str,
    ) {
        let Some(channel) = self.channels.get(channel) else {
            return;
        };
        let Some(socket) = channel.socket else { return };
        let mut body = json!({});
        if let Some((kind, reason)) = kind {
            body["systemTopicType"] = json!(kind);
            body["reason"] = json!(reason);
            body["channelId"] = json!(channel.id);
            if let Some(client) = self.authority.clients().get(channel.client.0) {
                body["oauthClientId"] = json!(client.id);
            }
        }
        body["message"] = json!(text);
        let correlation = self.chance.id().to_string();
        let frame = notification(topic, &body.to_string(), None, &correlation);
        self.send(socket, Transmit::Text(frame));
    }

    // ---- faults -----------------------------------------------------------------------------------------------

    fn begin_fault(&mut self, number: FaultNo, fault: &Fault, now: Time) {
        match fault {
            Fault::CutSockets {
                share,
                every_s,
                close_code,
            } => {
                for socket in self.drawn_sockets(*share) {
                    let how = close_code.map_or(Transmit::Cut, |code| Transmit::Close {
                        code,
                        reason: "closed by a fault",
                    });
                    self.end_socket(socket, how, now);
                }
                if let Some(mean) = every_s {
                    let wait = self.chance.exponential(*mean * 1_000.0);
                    self.faults.again(number, now + wait);
                }
            }
            Fault::MuteSockets { share } => {
                for id in self.drawn_sockets(*share) {
                    if let Some(socket) = self.sockets.get_mut(&id).filter(|socket| !socket.muted) {
                        socket.muted = true;
                        if let Some(channel) = self.channels.get(socket.channel) {
                            self.coverage.lost(channel.keys(), now);
                        }
                    }
                }
            }
            Fault::RevokeToken { which } => {
                let live: Vec<TokenNo> = self.authority.live().map(|(number, _)| number).collect();
                let ended = match which {
                    WhichToken::All => live.as_slice(),
                    WhichToken::Newest => live.split_at(live.len().saturating_sub(1)).1,
                    WhichToken::Oldest => live.split_at(live.len().min(1)).0,
                };
                for token in ended {
                    for channel in self.channels_of(*token) {
                        let id = self
                            .channels
                            .get(channel)
                            .map(|channel| channel.id.clone())
                            .unwrap_or_default();
                        self.announce(
                            channel,
                            &format!("v2.system.token_revoked.{id}"),
                            Some(("token_revoked", "user_tokens_revoked")),
                            "The token of this channel was revoked.",
                        );
                    }
                    self.end_token(*token, "the token of the channel was revoked", now);
                }
            }
            Fault::ExpireChannels {} => {
                let channels: Vec<ChannelNo> =
                    self.channels.iter().map(|(number, _)| number).collect();
                for channel in channels {
                    self.end_channel(channel, "the channel expired", now);
                }
            }
            Fault::SocketClosing { grace_s } => {
                let sockets: Vec<(SocketId, ChannelNo)> = self
                    .sockets
                    .iter()
                    .map(|(id, socket)| (*id, socket.channel))
                    .collect();
                for (id, channel) in sockets {
                    let text = "This websocket will be closed for maintenance. Connect a new one.";
                    self.announce(channel, "v2.system.socket_closing", None, text);
                    if let Some(socket) = self.sockets.get_mut(&id) {
                        socket.closes = Some(now + seconds(*grace_s));
                    }
                }
            }
            // These are looked up where they matter, as long as they are in force.
            Fault::RefuseConnects { .. }
            | Fault::Delay { .. }
            | Fault::Duplicate { .. }
            | Fault::Lose { .. }
            | Fault::RefuseClient {}
            | Fault::Storm429 { .. }
            | Fault::Storm5xx { .. }
            | Fault::SlowRequests { .. }
            | Fault::ForbidTopics { .. } => {}
        }
    }

    fn drawn_sockets(&mut self, share: f64) -> Vec<SocketId> {
        let sockets: Vec<SocketId> = self.sockets.keys().copied().collect();
        sockets
            .into_iter()
            .filter(|_| self.chance.share(share))
            .collect()
    }

    /// The answer that a storm gives to a request, if one is in force and hits it.
    fn storm(&mut self, path: &str, now: Time) -> Option<Problem> {
        let storms: Vec<(f64, Problem)> = self
            .faults
            .in_force(now)
            .filter_map(|fault| match fault {
                Fault::Storm429 {
                    share,
                    retry_after_s,
                    path: hit,
                } if path.starts_with(hit.as_str()) => {
                    Some((*share, Problem::too_many_requests(*retry_after_s)))
                }
                Fault::Storm5xx {
                    share,
                    status,
                    retry_after_s,
                    path: hit,
                } if path.starts_with(hit.as_str()) => {
                    Some((*share, Problem::server_error(*status, *retry_after_s)))
                }
                _ => None,
            })
            .collect();
        storms
            .into_iter()
            .find(|(share, _)| self.chance.share(*share))
            .map(|(_, problem)| problem)
    }

    fn slowness(&mut self, path: &str, now: Time) -> i64 {
        let slow = self.faults.in_force(now).find_map(|fault| match fault {
            Fault::SlowRequests {
                min_ms,
                max_ms,
                path: hit,
            } if path.starts_with(hit.as_str()) => Some((*min_ms, *max_ms)),
            _ => None,
        });
        slow.map_or(0, |(min, max)| self.chance.between(min, max).0)
    }

    // ---- requests ---------------------------------------------------------------------------------------------

    /// Answers a request. What is due by now happens first.
    pub fn handle_request(&mut self, request: &Request, now: Time) -> Response {
        self.handle_timeout(now);
        let path = path_without_prefix(&request.path).to_owned();
        if let Some(rest) = path.strip_prefix("/_sim/") {
            return self.handle_sim(request, rest, now);
        }
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let mut token = None;
        let storm = self.storm(&path, now);
        let mut response = if let Some(problem) = storm {
            self.problem(&problem)
        } else if segments == ["oauth", "token"] {
            self.token(request, now)
        } else if segments.starts_with(&["api", "v2"]) {
            match self.admit(request, now) {
                Err(problem) => self.problem(&problem),
                Ok((caller, budget)) => {
                    token = Some(caller.token);
                    let mut response = if budget.allowed {
                        match self.route(request, &segments[2..], caller, now) {
                            Ok(response) => response,
                            Err(problem) => self.problem(&problem),
                        }
                    } else {
                        self.problem(&Problem::too_many_requests(budget.reset_s))
                    };
                    response
                        .headers
                        .push(("inin-ratelimit-count", budget.count.to_string()));
                    response
                        .headers
                        .push(("inin-ratelimit-allowed", budget.limit.to_string()));
                    response
                        .headers
                        .push(("inin-ratelimit-reset", budget.reset_s.to_string()));
                    response
                }
            }
        } else {
            self.problem(&Problem::not_found())
        };
        if response.header("inin-correlation-id").is_none() {
            response
                .headers
                .push(("ININ-Correlation-Id", self.chance.id().to_string()));
        }
        response.after_ms = self.slowness(&path, now);
        self.log.add(
            &request.method,
            &self.without_secrets(&path, request),
            response.status,
            token,
            now,
        );
        // What the request made happen (an eviction, a subscription) is due now, not at the next timer.
        self.show(now);
        response
    }

    fn problem(&mut self, problem: &Problem) -> Response {
        let context = self.chance.id().to_string();
        let mut response = Response::json(problem.status, &problem.body(&context));
        response.headers.push(("ININ-Correlation-Id", context));
        if let Some(seconds) = problem.retry_after_s {
            response.headers.push(("Retry-After", seconds.to_string()));
        }
        response
    }

    /// Path and query with channel ids, which are secrets, replaced by their numbers.
    fn without_secrets(&self, path: &str, request: &Request) -> String {
        let mut shown = String::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            shown.push('/');
            match self.channels.find(segment) {
                Some(number) => _ = write!(shown, "{}", number.0),
                None if segment.starts_with("streaming-") => shown.push('?'),
                None => shown.push_str(segment),
            }
        }
        for (index, (name, value)) in request.query.iter().enumerate() {
            _ = write!(
                shown,
                "{}{name}={value}",
                if index == 0 { '?' } else { '&' }
            );
        }
        shown
    }

    fn token(&mut self, request: &Request, now: Time) -> Response {
        if request.method != "POST" {
            return self.problem(&Problem::method_not_allowed());
        }
        let form = "application/x-www-form-urlencoded";
        if !request
            .content_type
            .as_deref()
            .is_some_and(|given| given.to_ascii_lowercase().starts_with(form))
        {
            return self.problem(&Problem::unsupported_media_type(form));
        }
        let disabled = self
            .faults
            .in_force(now)
            .any(|fault| matches!(fault, Fault::RefuseClient {}));
        let checked = self
            .authority
            .check_client(request.authorization.as_deref(), &request.body);
        match checked {
            Ok(client) if !disabled => {
                let life_s = self.switches.token_life_s;
                let (_, value) = self.authority.issue(client, life_s, &mut self.chance, now);
                Response::json(
                    200,
                    &json!({ "access_token": value, "token_type": "bearer", "expires_in": life_s }),
                )
            }
            Ok(_) => Response::json(
                self.switches.refused_client_status,
                &TokenRefused::CLIENT.body(),
            ),
            Err(refused) => {
                let status = if refused == TokenRefused::CLIENT {
                    self.switches.refused_client_status
                } else {
                    400
                };
                Response::json(status, &refused.body())
            }
        }
    }

    fn admit(&mut self, request: &Request, now: Time) -> Result<(Caller, Budget), Problem> {
        let (token, Token { client, .. }) = self
            .authority
            .authenticate(request.authorization.as_deref(), now)
            .map_err(|refused| match refused {
                Unauthenticated::NoToken => Problem::authentication_required(),
                Unauthenticated::BadToken => Problem::bad_credentials(),
            })?;
        Ok((Caller { token, client }, self.budgets.take(token, now)))
    }

    fn route(
        &mut self,
        request: &Request,
        segments: &[&str],
        caller: Caller,
        now: Time,
    ) -> Result<Response, Problem> {
        if request.body.len() > MOST_REQUEST_BYTES {
            return Err(Problem::too_large(MOST_REQUEST_BYTES));
        }
        let json_type = "application/json";
        let is_json = |given: &str| given.to_ascii_lowercase().starts_with(json_type);
        if !request.body.is_empty() && !request.content_type.as_deref().is_some_and(is_json) {
            return Err(Problem::unsupported_media_type(json_type));
        }
        let method = request.method.as_str();
        let reads = method == "GET" || method == "HEAD";
        match segments {
            ["notifications", "channels", rest @ ..] => {
                self.channel_request(request, rest, caller, now)
            }
            ["notifications", "availabletopics"] if reads => Ok(Response::json(
                200,
                &self.catalogue.listing(&request.list("expand")),
            )),
            ["tokens", "me"] if reads => Ok(Response::json(200, &self.token_info(caller))),
            ["organizations", "me"] if reads => Ok(Response::json(200, &self.world.organization())),
            ["users"] if reads => {
                let (size, number) = paging(request)?;
                let (expand, ids) = (request.list("expand"), request.list("id"));
                Ok(Response::json(
                    200,
                    &self.world.users_page(size, number, &expand, &ids),
                ))
            }
            ["routing", "queues"] if reads => {
                let (size, number) = paging(request)?;
                Ok(Response::json(
                    200,
                    &self.world.queues_page(size, number, &request.list("id")),
                ))
            }
            ["routing", "queues", id, "members"] if reads => {
                let (size, number) = paging(request)?;
                let page = self.world.queue_members_page(id, size, number);
                Ok(Response::json(200, &page.ok_or_else(Problem::not_found)?))
            }
            ["stations"] if reads => {
                let (size, number) = paging(request)?;
                Ok(Response::json(
                    200,
                    &self.world.stations_page(size, number, &request.list("id")),
                ))
            }
            // A client has no user, so it has no active conversations of its own.
            ["conversations"] | ["conversations", "calls"] if reads => Ok(Response::json(
                200,
                &json!({ "entities": [], "pageSize": 25, "pageNumber": 1, "total": 0, "pageCount": 0 }),
            )),
            ["conversations", "calls", id] if reads => Ok(Response::json(
                200,
                &self
                    .world
                    .call_conversation(id)
                    .ok_or_else(Problem::not_found)?,
            )),
            ["conversations", id] if reads => Ok(Response::json(
                200,
                &self.world.conversation(id).ok_or_else(Problem::not_found)?,
            )),
            ["notifications", "availabletopics"]
            | ["tokens" | "organizations", "me"]
            | ["users" | "stations"]
            | ["routing", "queues"]
            | ["routing", "queues", _, "members"]
            | ["conversations", ..] => Err(Problem::method_not_allowed()),
            _ => Err(Problem::not_found()),
        }
    }

    fn token_info(&self, caller: Caller) -> Value {
        let organization = self.world.organization();
        let named = json!({ "id": organization["id"], "name": organization["name"] });
        let client = self
            .authority
            .clients()
            .get(caller.client.0)
            .map(|client| client.id.as_str());
        json!({
            "organization": named,
            "homeOrganization": named,
            "authorizedScope": [],
            "OAuthClient": {
                "id": client,
                "name": "Recorder",
                "authorizedGrantType": "CLIENT-CREDENTIALS",
                "state": "active",
                "organization": named,
            },
        })
    }

    fn channel_request(
        &mut self,
        request: &Request,
        segments: &[&str],
        caller: Caller,
        now: Time,
    ) -> Result<Response, Problem> {
        let method = request.method.as_str();
        match (method, segments) {
            ("POST", []) => Ok(self.create_channel(caller, now)),
            ("GET" | "HEAD", []) => {
                let by_client = request
                    .param("includechannels")
                    .is_some_and(|given| given == "oauthclient");
                let entities: Vec<Value> = self
                    .channels
                    .iter()
                    .filter(|(_, channel)| {
                        if by_client {
                            channel.client == caller.client
                        } else {
                            channel.token == caller.token
                        }
                    })
                    .map(|(number, channel)| {
                        // Channels of other tokens are listed so that the client can count them; their ids, which are
                        // secrets, are not told (NET 270.0.0, NotificationsApi, getNotificationsChannels).
                        if channel.token == caller.token {
                            self.channel_body(number)
                        } else {
                            json!({ "expires": channel.expires.iso() })
                        }
                    })
                    .collect();
                Ok(Response::json(200, &json!({ "entities": entities })))
            }
            // The platform tells whether a channel is there by HEAD only.
            ("HEAD", [id]) => {
                self.own_channel(id, caller, now)?;
                Ok(Response::empty(200))
            }
            (_, [id, "subscriptions"]) => {
                let channel = self.own_channel(id, caller, now)?;
                match method {
                    "GET" | "HEAD" => Ok(Response::json(200, &self.subscription_listing(channel))),
                    "POST" | "PUT" => {
                        let topics = topic_ids(&request.body)?;
                        let replace = method == "PUT";
                        let listing = self.subscribe(
                            channel,
                            &topics,
                            replace,
                            request.flag("ignoreErrors"),
                            now,
                        )?;
                        Ok(Response::json(200, &listing))
                    }
                    "DELETE" => {
                        self.set_subscriptions(channel, Vec::new(), now);
                        Ok(Response::empty(204))
                    }
                    _ => Err(Problem::method_not_allowed()),
                }
            }
            (_, [] | [_]) => Err(Problem::method_not_allowed()),
            _ => Err(Problem::not_found()),
        }
    }

    fn own_channel(&mut self, id: &str, caller: Caller, now: Time) -> Result<ChannelNo, Problem> {
        let number = self.channels.find(id).ok_or_else(Problem::not_found)?;
        let channel = self
            .channels
            .get_mut(number)
            .ok_or_else(Problem::not_found)?;
        if channel.client != caller.client {
            return Err(Problem::not_found());
        }
        channel.last_used = now;
        Ok(number)
    }

    fn create_channel(&mut self, caller: Caller, now: Time) -> Response {
        if let Some(evicted) = self.channels.evicted_by_one_more(caller.client) {
            let id = self
                .channels
                .get(evicted)
                .map(|channel| channel.id.clone())
                .unwrap_or_default();
            self.announce(
                evicted,
                &format!("v2.system.no_longer_subscribed.{id}"),
                Some(("no_longer_subscribed", "another_channel_subscribed")),
                "This channel was replaced by another one.",
            );
            self.end_channel(evicted, "replaced by another channel", now);
        }
        let id = format!(
            "streaming-{}-{}",
            self.chance.below(10),
            opaque(&mut self.chance, 26).to_ascii_lowercase()
        );
        let expires = now + seconds(f64::from(self.switches.channel_life_s));
        let number = self
            .channels
            .create(id, caller.client, caller.token, now, expires);
        Response::json(200, &self.channel_body(number))
    }

    fn channel_body(&self, number: ChannelNo) -> Value {
        match self.channels.get(number) {
            None => Value::Null,
            Some(channel) => json!({
                "connectUri": format!("{}/channels/{}", self.stream_url, channel.id),
                "id": channel.id,
                "expires": channel.expires.iso(),
            }),
        }
    }

    fn subscription_listing(&self, number: ChannelNo) -> Value {
        let subscriptions = self
            .channels
            .get(number)
            .map(|channel| channel.subscriptions())
            .unwrap_or_default();
        let entities: Vec<Value> = subscriptions
            .iter()
            .map(|one| json!({ "id": one.id, "state": "Permitted" }))
            .collect();
        json!({ "entities": entities })
    }

    /// Adds topics to a channel, or replaces its list. The answer lists what was asked, in its order; with
    /// `ignore_errors` it also tells which topics are rejected, and a combined one of which only some parts are is
    /// listed as permitted, followed by the rejected parts.
    fn subscribe(
        &mut self,
        number: ChannelNo,
        ids: &[String],
        replace: bool,
        ignore_errors: bool,
        now: Time,
    ) -> Result<Value, Problem> {
        let forbidden: Vec<String> = self
            .faults
            .in_force(now)
            .filter_map(|fault| {
                if let Fault::ForbidTopics { topics } = fault {
                    Some(topics)
                } else {
                    None
                }
            })
            .flatten()
            .cloned()
            .collect();
        let mut entities = Vec::with_capacity(ids.len());
        let mut added = Vec::with_capacity(ids.len());
        let mut lacking: Vec<&'static str> = Vec::new();
        let mut invalid: Option<(TopicProblem, &str)> = None;
        for id in ids {
            let expanded = match self.catalogue.expand(id) {
                Ok(expanded) => expanded,
                Err(problem) => {
                    invalid.get_or_insert((problem, id));
                    entities.push(
                        json!({ "id": id, "state": "Rejected", "rejectionReason": problem.text() }),
                    );
                    continue;
                }
            };
            let combined = id.contains('?');
            let (refused, topics): (Vec<String>, Vec<String>) = expanded
                .into_iter()
                .partition(|topic| forbidden.iter().any(|p| topic::fits(p, topic)));
            let needs =
                |topic: &str| topic::permission(topic).unwrap_or("notifications:topic:view");
            for permission in refused.iter().map(|topic| needs(topic)) {
                if !lacking.contains(&permission) {
                    lacking.push(permission);
                }
            }
            let rejection = |id: &str, missing: Vec<&str>| {
                json!({
                    "id": id,
                    "state": "Rejected",
                    "rejectionReason": format!("Missing the following permission(s): {}", missing.join(", ")),
                    "missingPermissions": missing,
                })
            };
            if topics.is_empty() {
                let mut missing: Vec<&str> = refused.iter().map(|topic| needs(topic)).collect();
                missing.dedup();
                entities.push(rejection(id, missing));
                continue;
            }
            entities.push(json!({ "id": id, "state": "Permitted" }));
            if combined {
                entities.extend(
                    refused
                        .iter()
                        .map(|topic| rejection(topic, vec![needs(topic)])),
                );
            }
            added.push(Subscription {
                id: id.clone(),
                topics,
            });
        }
        if !ignore_errors {
            if let Some((problem, id)) = invalid {
                return Err(Problem::bad_request(format!(
                    "Topic {id}: {}",
                    problem.text()
                )));
            }
            if !lacking.is_empty() {
                return Err(Problem::missing_permissions(lacking));
            }
        }
        let channel = self.channels.get(number).ok_or_else(Problem::not_found)?;
        let list = if replace {
            deduplicated(added)
        } else {
            channel.with_added(&added)
        };
        if list.len() > topic::MOST_PER_CHANNEL {
            return Err(Problem::bad_request(format!(
                "The channel would have {} topics; the most is {}.",
                list.len(),
                topic::MOST_PER_CHANNEL
            )));
        }
        self.set_subscriptions(number, list, now);
        if self.switches.subscribing_prolongs {
            let expires = now + seconds(f64::from(self.switches.channel_life_s));
            if let Some(channel) = self.channels.get_mut(number) {
                channel.expires = expires;
            }
        }
        Ok(json!({ "entities": entities }))
    }

    fn unsubscribe(&mut self, number: ChannelNo, ids: &[String], now: Time) {
        let gone: Vec<topic::TopicKey> = ids.iter().map(|id| topic::key(id)).collect();
        let Some(channel) = self.channels.get(number) else {
            return;
        };
        let kept: Vec<Subscription> = channel
            .subscriptions()
            .iter()
            .filter(|one| !gone.contains(&topic::key(&one.id)))
            .cloned()
            .collect();
        self.set_subscriptions(number, kept, now);
    }

    fn set_subscriptions(&mut self, number: ChannelNo, list: Vec<Subscription>, now: Time) {
        let live = self.live_socket(number).is_some();
        let (came, went) = self.channels.set_subscriptions(number, list);
        if live {
            self.coverage.gained(&came, now);
            self.coverage.released(&went);
        } else {
            let unfollowed: Vec<_> = went
                .into_iter()
                .filter(|key| self.channels.receivers(key).is_empty())
                .collect();
            self.coverage.unfollowed(&unfollowed, now);
        }
    }

    // ---- the bench around it ----------------------------------------------------------------------------------

    /// `/_sim/…`: no token, no budget, no faults.
    fn handle_sim(&mut self, request: &Request, path: &str, now: Time) -> Response {
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let answer = match (request.method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", ["truth"]) => Ok(self.truth()),
            ("GET" | "HEAD", ["requests"]) => Ok(self.log.listing(self.authority.issued())),
            ("GET" | "HEAD", ["scripts"]) => Ok(self
                .world
                .scripts()
                .iter()
                .map(|script| script.name)
                .collect()),
            ("GET" | "HEAD", ["channels"]) => Ok(self.sim_channels()),
            ("GET" | "HEAD", ["faults"]) => Ok(self.faults.listing()),
            ("POST", ["faults"]) => self.sim_fault(request, now),
            ("DELETE", ["faults"]) => {
                self.faults.clear_all(now);
                Ok(self.faults.listing())
            }
            ("DELETE", ["faults", number]) => match number.parse() {
                Ok(number) if self.faults.clear(FaultNo(number), now) => Ok(self.faults.listing()),
                _ => Err("there is no such fault that is planned or active".to_owned()),
            },
            ("GET" | "HEAD", ["switches"]) => Ok(json!(self.switches)),
            ("POST", ["switches"]) => self.sim_switches(request),
            ("POST", ["calls"]) => self.sim_calls(request, now),
            ("POST", ["frames"]) => self.sim_frames(request, now),
            _ => return self.problem(&Problem::not_found()),
        };
        self.handle_timeout(now);
        self.show(now);
        match answer {
            Ok(value) => Response::json(200, &value),
            Err(wrong) => self.problem(&Problem::bad_request(wrong)),
        }
    }

    fn sim_channels(&self) -> Value {
        self.channels
            .iter()
            .map(|(number, channel)| {
                json!({
                    "number": number.0,
                    "id": channel.id,
                    "client": channel.client.0,
                    "token": channel.token.0,
                    "topics": channel.subscriptions().len(),
                    "connected": channel.socket.is_some(),
                    "created": channel.created.iso(),
                    "expires": channel.expires.iso(),
                })
            })
            .collect()
    }

    fn sim_fault(&mut self, request: &Request, now: Time) -> Result<Value, String> {
        let value: Value =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let orders = match value {
            Value::Array(orders) => orders,
            order => vec![order],
        };
        let orders = orders
            .into_iter()
            .map(FaultOrder::from_json)
            .collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<u64> = orders
            .into_iter()
            .map(|order| self.faults.plan(order, now).0)
            .collect();
        Ok(json!({ "ids": ids }))
    }

    fn sim_switches(&mut self, request: &Request) -> Result<Value, String> {
        let changes: Map<String, Value> =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let mut value = json!(self.switches);
        if let Some(members) = value.as_object_mut() {
            members.extend(changes);
        }
        self.switches = serde_json::from_value(value).map_err(|error| error.to_string())?;
        self.budgets.limit = self.switches.requests_per_minute;
        Ok(json!(self.switches))
    }

    fn sim_calls(&mut self, request: &Request, now: Time) -> Result<Value, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Order {
            script: String,
            #[serde(default = "one")]
            count: u32,
        }
        fn one() -> u32 {
            1
        }
        let order: Order =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let mut conversations = Vec::new();
        for _ in 0..order.count {
            conversations.push(
                self.play(&order.script, now)
                    .map_err(|unknown| unknown.to_string())?,
            );
        }
        Ok(json!({ "conversations": conversations }))
    }

    /// `POST /_sim/frames?channel=ID|all&count=N&rate=R&lines=true&kind=text|binary`: sends the body, as it is, to
    /// the sockets; with `lines` each of its lines is a frame of its own, sent in turn.
    fn sim_frames(&mut self, request: &Request, now: Time) -> Result<Value, String> {
        let number = |name: &str| match request.param(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && *number > 0.0)
                .map(Some)
                .ok_or_else(|| format!("{name} is not a number above 0")),
        };
        let rate = number("rate")?;
        let count = number("count")?.unwrap_or(1.0) as u64;
        let frames: Vec<Transmit> = if request.param("kind") == Some("binary") {
            vec![Transmit::Binary(Arc::from(request.body.as_slice()))]
        } else {
            let text = std::str::from_utf8(&request.body)
                .map_err(|_| "the body is not UTF-8".to_owned())?;
            if request.flag("lines") {
                text.lines()
                    .map(|line| Transmit::Text(Arc::from(line)))
                    .collect()
            } else {
                vec![Transmit::Text(Arc::from(text))]
            }
        };
        if frames.is_empty() {
            return Err("there is no frame in the body".to_owned());
        }
        let channels: Vec<ChannelNo> = match request.param("channel") {
            None | Some("all") => self
                .channels
                .iter()
                .filter(|(_, channel)| channel.socket.is_some())
                .map(|(n, _)| n)
                .collect(),
            Some(id) => self.channels.find(id).into_iter().collect(),
        };
        if channels.is_empty() {
            return Err("there is no such channel, or none with a socket".to_owned());
        }
        let queued = channels.len() as u64 * count;
        for channel in channels {
            let frames = frames.clone();
            self.injections.push(Injection {
                channel,
                frames,
                sent: 0,
                count,
                started: now,
                rate,
            });
        }
        Ok(json!({ "queued": queued }))
    }
}

/// Token, REST and socket paths are served with and without the prefix that a client's gateway setting adds.
fn path_without_prefix(path: &str) -> &str {
    for prefix in ["/login", "/api-root"] {
        if let Some(rest) = path.strip_prefix(prefix)
            && rest.starts_with('/')
        {
            return rest;
        }
    }
    path
}

fn paging(request: &Request) -> Result<(usize, usize), Problem> {
    let number = |name: &str, default: usize, most: usize| match request.param(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| {
                Problem::bad_request(format!("{name} is not a number from 1 to {most}"))
            }),
    };
    // The platform's largest page is not documented; its own samples use 100.
    Ok((
        number("pageSize", 25, 500)?,
        number("pageNumber", 1, 1_000_000)?,
    ))
}

fn topic_ids(body: &[u8]) -> Result<Vec<String>, Problem> {
    #[derive(Deserialize)]
    struct ChannelTopic {
        id: String,
    }
    let topics: Vec<ChannelTopic> = serde_json::from_slice(body).map_err(|_| {
        Problem::bad_request("The request body is not a list of topics with an id each.")
    })?;
    Ok(topics.into_iter().map(|topic| topic.id).collect())
}

fn deduplicated(list: Vec<Subscription>) -> Vec<Subscription> {
    let mut seen = std::collections::HashSet::new();
    list.into_iter()
        .filter(|one| seen.insert(topic::key(&one.id)))
        .collect()
}

fn channel_metadata(message: &str) -> Transmit {
    Transmit::Text(Arc::from(format!(
        "{{\"topicName\":\"channel.metadata\",\"eventBody\":{{\"message\":\"{message}\"}}}}"
    )))
}

/// The envelope, with its members in the platform's order.
fn notification(topic: &str, body: &str, action: Option<&str>, correlation: &str) -> Arc<str> {
    let mut frame = String::with_capacity(topic.len() + body.len() + 128);
    let topic = Value::from(topic);
    _ = write!(
        frame,
        "{{\"topicName\":{topic},\"version\":\"2\",\"eventBody\":{body},\"metadata\":{{"
    );
    _ = write!(frame, "\"CorrelationId\":\"{correlation}\"");
    if let Some(action) = action {
        _ = write!(frame, ",\"action\":{}", Value::from(action));
    }
    frame.push_str("}}");
    Arc::from(frame)
}
