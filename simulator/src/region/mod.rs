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
//!
//! | file        | what it is                                                                             |
//! |-------------|----------------------------------------------------------------------------------------|
//! | `request`   | a request and its answer, as values                                                    |
//! | `switches`  | what can be set while the region runs                                                  |
//! | `admission` | who may ask: tokens are issued, checked, charged and ended                             |
//! | `reads`     | what REST answers about the organization, its people, places and calls                 |
//! | `analytics` | what it answers about conversations afterwards                                         |
//! | `channels`  | notification channels and subscriptions, over HTTP and the socket                      |
//! | `sockets`   | what comes in and goes out on sockets, heartbeats, ends                                |
//! | `delivery`  | from what the world shows to the sockets of those who subscribed to it                 |
//! | `faults`    | what faults do to all of these                                                         |
//! | `control`   | `/_sim/`: what a test asks of the region itself                                        |

mod admission;
mod analytics;
mod channels;
mod control;
mod delivery;
mod faults;
mod reads;
mod request;
mod sockets;
mod switches;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Write as _;

use serde_json::{Value, json};

use self::admission::Caller;
use self::analytics::Finished;
use self::control::Injection;
use self::delivery::Late;
use self::sockets::Socket;
use crate::chance::{Chance, Id};
use crate::channel::{ChannelNo, Channels, SocketId};
use crate::coverage::Coverage;
use crate::fault::{FaultNo, FaultOrder, Faults};
use crate::limit::Budgets;
use crate::oauth::{Authority, Client, ClientNo, TokenNo, opaque};
use crate::problem::Problem;
use crate::request_log::RequestLog;
use crate::time::Time;
use crate::topic::{Catalogue, TopicKey};
use crate::world::{RosterChange, RosterChanged, Shown, UnknownScript, World, WorldConfig};

pub use self::request::{NEVER, Request, Response};
pub use self::sockets::{SocketInput, Transmit};
pub use self::switches::Switches;

/// The most bytes of a request's body (`request.bytes.max` of the platform's limits).
pub const MOST_REQUEST_BYTES: usize = 512_000;

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

/// A region. Its methods are of four kinds; see the module for the order of calls.
///
/// - what it is: [`Region::clients`], [`Region::world`], [`Region::truth`], [`Region::open_sockets`], [`Region::heard_by`],
///   [`Region::topics_on`] and [`Region::held_by`];
/// - what a test tells it: [`Region::play`], [`Region::change_roster`], [`Region::plan_fault`], [`Region::forget`], [`Region::record`],
///   [`Region::set_stream_url`];
/// - what comes in: [`Region::handle_request`], [`Region::open_socket`], [`Region::handle_socket`] and
///   [`Region::handle_timeout`];
/// - what goes out: [`Region::poll_transmit`], [`Region::poll_recorded`] and [`Region::poll_timeout`].
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
    /// The tokens of a program that makes channels again and again.
    rivals: BTreeMap<ClientNo, TokenNo>,
    out: VecDeque<(SocketId, Transmit)>,
    /// What the world showed, if anybody wants it.
    record: Option<VecDeque<Shown>>,
    /// Grows with every change of who listens to what.
    revision: u64,
    /// What analytics tells of conversations that are over.
    finished: HashMap<Id, Finished>,
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
            rivals: BTreeMap::new(),
            out: VecDeque::new(),
            record: None,
            revision: 0,
            finished: HashMap::new(),
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

    /// A number that changes whenever somebody listens to something else than before.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The expanded topics, in lower case, that a program hears now: on one of its sockets that is open and not mute.
    #[must_use]
    pub fn heard_by(&self, program: u32) -> BTreeSet<&TopicKey> {
        let channels = self.channels.iter();
        let heard = channels
            .filter(|(number, channel)| {
                channel.program == program && self.live_socket(*number).is_some()
            })
            .flat_map(|(_, channel)| channel.keys());
        heard.collect()
    }

    /// The expanded topics, in lower case, of the channel that a socket is on; `None` if the socket is not open any more.
    #[must_use]
    pub fn topics_on(&self, socket: SocketId) -> Option<&BTreeSet<TopicKey>> {
        let channel = self.sockets.get(&socket)?.channel;
        Some(self.channels.get(channel)?.keys())
    }

    /// How many sockets of a program are open, and how many of its channels have subscriptions.
    #[must_use]
    pub fn held_by(&self, program: u32) -> (usize, usize) {
        let own = || {
            let channels = self.channels.iter();
            channels.filter(|(_, channel)| channel.program == program)
        };
        (
            own()
                .filter(|(_, channel)| channel.socket.is_some())
                .count(),
            own()
                .filter(|(_, channel)| !channel.keys().is_empty())
                .count(),
        )
    }

    // ---- what a test tells it ---------------------------------------------------------------------------------

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

    /// Forgets what was over before a time: conversations, plays and acts, as [`World::forget`] does, faults, outages
    /// and requests.
    pub fn forget(&mut self, before: Time) {
        self.world.forget(before);
        let world = &self.world;
        self.finished.retain(|id, _| world.last_act(*id).is_some());
        self.faults.forget(before);
        self.coverage.forget(before);
        self.log.forget(before);
    }

    /// Keeps, from now on, what the world shows, whoever listens; [`Region::poll_recorded`] hands it out.
    pub fn record(&mut self) {
        self.record.get_or_insert_default();
    }

    /// The next body of the record.
    pub fn poll_recorded(&mut self) -> Option<Shown> {
        self.record.as_mut()?.pop_front()
    }

    /// Changes who and what there is, as an administrator would; what that shows goes out at once. `None`: nobody is there
    /// of whom it can be done now.
    pub fn change_roster(&mut self, change: RosterChange, now: Time) -> Option<RosterChanged> {
        self.handle_timeout(now);
        let changed = self.world.change_roster(change, now);
        self.show(now);
        changed
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
        self.dismiss_rivals(now);
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

    // ---- what goes out ----------------------------------------------------------------------------------------

    /// What has to go out next.
    pub fn poll_transmit(&mut self) -> Option<(SocketId, Transmit)> {
        self.out.pop_front()
    }

    // ---- requests ---------------------------------------------------------------------------------------------

    /// Answers a request. What is due by now happens first.
    pub fn handle_request(&mut self, request: &Request, now: Time) -> Response {
        self.handle_timeout(now);
        let path = path_without_prefix(&request.path).to_owned();
        if let Some(rest) = path.strip_prefix("/_sim/") {
            return self.handle_sim(request, rest, now);
        }
        if self.swallows_requests(now) {
            return Response::never();
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
                    let forbidden = self.forbidden(&path, now);
                    let mut response = if let (true, Some(problem)) = (budget.allowed, &forbidden) {
                        self.problem(problem)
                    } else if budget.allowed {
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
        response.headers.push(("Date", self.told(now).http()));
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
        match segments {
            ["notifications", "channels", rest @ ..] => {
                self.channel_request(request, rest, caller, now)
            }
            segments => self.read(request, segments, caller, now),
        }
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
