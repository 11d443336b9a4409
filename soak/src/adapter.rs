//! One adapter: the session and calls machines of the plugin, with the loop around them that `src/adapter/shell.rs` has,
//! in virtual time. The only file that knows the plugin; what leaves it for the judge is [`Told`] and [`Gap`].
//!
//! Input: answers, texts of sockets, the time. Output: what to send, and what was told. It does not know the region nor
//! how long anything takes on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use gca_region::region::{Request as Ask, Response};
use genesys_cloud_adapter::adapter::reading;
use genesys_cloud_adapter::calls::{Calls, Heard};
use genesys_cloud_adapter::cloud::{Answer, Exchange, PING, cut, socket_event, unfollow};
use genesys_cloud_adapter::delivery::Intake;
use genesys_cloud_adapter::model::event::{Detail, Event, Subject};
use genesys_cloud_adapter::model::feed::Feed;
use genesys_cloud_adapter::model::frame::{Frame, Notification};
use genesys_cloud_adapter::model::order::{
    Failure, FailureKind, Order, OrderId, Reply, Request, SocketEvent, SocketId, WireNo,
};
use genesys_cloud_adapter::model::role::Role;
use genesys_cloud_adapter::model::succession::SuccessionReason;
use genesys_cloud_adapter::model::time::{Now, UtcMicros};
use genesys_cloud_adapter::session::{Config, DailyRestart, GapChange, Notice, Session};
use genesys_cloud_adapter::settings::{Region, RetryRules};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::told::{Gap, Told};
use crate::transcript::Transcript;

/// Bytes for last snapshots: small enough that some are dropped, and read whole again.
const SNAPSHOT_CACHE: usize = 1 << 20;

/// The shell looks after the machines this often, whatever they asked for.
const ROUND: Duration = Duration::from_secs(60);

/// What an adapter is made with.
#[derive(Debug, Clone)]
pub(crate) struct Birth {
    /// 0: the primary, 1: the secondary.
    pub(crate) index: usize,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// Milliseconds since 1970 UTC at the zero of virtual time, by the platform's clock.
    pub(crate) start_ms: i64,
    /// How much the clock of its machine is ahead.
    pub(crate) skew_ms: i64,
    /// Another adapter uses the same client id.
    pub(crate) is_sharing: bool,
    pub(crate) roster_interval: Duration,
    /// Users and queues that it follows on one channel.
    pub(crate) topics_per_channel: usize,
    pub(crate) seed: u64,
}

/// What is to be done on the network.
#[derive(Debug)]
pub(crate) enum Send {
    /// A request; its answer comes back under the same number.
    Ask {
        /// To be handed back with the answer.
        ticket: Ticket,
        ask: Ask,
    },
    /// A websocket to this path.
    Open { socket: SocketId, path: String },
    /// A text on it.
    Text { socket: SocketId, text: String },
    /// Its end.
    Close { socket: SocketId },
}

/// Which request an answer is for.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    id: OrderId,
    what: Request,
    wire: WireNo,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Came {
    /// This answer.
    Answer(Response),
    /// None in the time that a request has.
    Nothing,
}

/// An adapter.
pub(crate) struct Adapter {
    name: String,
    start_ms: i64,
    skew_ms: i64,
    birth: Birth,
    config: Config,
    session: Session,
    calls: Calls,
    wires: BTreeMap<WireNo, Exchange>,
    sockets: BTreeSet<SocketId>,
    sends: VecDeque<Send>,
    told: VecDeque<Told>,
    /// Where events go beside that: the real way to a host.
    way: Option<Intake>,
    gaps: VecDeque<Gap>,
    /// Since when, by the platform's clock, the machine's is how far ahead.
    clock: Vec<(i64, i64)>,
    /// When calls of which nothing was heard are looked for next.
    quiet_due: Duration,
    feed: Feed,
    next_round: Duration,
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.name, self.session)
    }
}

impl Adapter {
    pub(crate) fn new(birth: &Birth, at: Duration) -> Self {
        let now = now(birth.start_ms, birth.skew_ms, at);
        let role = [Role::Primary, Role::Secondary][birth.index % 2];
        let config = Config {
            roster_interval: birth.roster_interval,
            topics_per_channel: birth.topics_per_channel,
            role: birth.is_sharing.then_some(role),
            retry: repetitions(birth.seed),
            restart: Some(DailyRestart {
                time: Time::midnight(),
                zone: TimeZone::UTC,
                role: Some(role),
            }),
            seed: birth.seed,
            ..Config::default()
        };
        let mut wires = BTreeMap::new();
        wires.insert(WireNo::default(), exchange(birth));
        Self {
            name: ["primary", "secondary"][birth.index % 2].to_owned(),
            start_ms: birth.start_ms,
            skew_ms: birth.skew_ms,
            session: Session::new(config.clone(), now),
            config,
            birth: birth.clone(),
            calls: Calls::new(SNAPSHOT_CACHE),
            wires,
            sockets: BTreeSet::new(),
            sends: VecDeque::new(),
            told: VecDeque::new(),
            way: None,
            gaps: VecDeque::new(),
            clock: vec![(i64::MIN, birth.skew_ms)],
            quiet_due: Duration::ZERO,
            feed: Feed::Down,
            next_round: at,
        }
    }

    // Input

    /// The time that [`Self::poll_timeout`] named.
    pub(crate) fn handle_timeout(&mut self, at: Duration, transcript: &mut Transcript) {
        let now = self.now(at);
        self.next_round = at + ROUND;
        if self
            .session
            .poll_timeout()
            .is_some_and(|due| due <= now.elapsed)
        {
            self.session.handle_timeout(now);
        }
        self.calls.handle_timeout(now);
        if self.calls.poll_unknown_station() {
            self.session.handle_unknown_station(now);
        }
        if self.quiet_due <= now.elapsed {
            self.quiet_due = now.elapsed + ROUND;
            let quiet_for = self.config.quiet_call_read;
            let quiet = self.calls.quiet_conversations(quiet_for, now);
            self.session.handle_quiet(quiet, now);
        }
        self.pass_on(now, transcript);
    }

    /// What came of a request.
    pub(crate) fn handle_answer(
        &mut self,
        ticket: &Ticket,
        came: Came,
        at: Duration,
        transcript: &mut Transcript,
    ) {
        let reply = match (came, self.wires.get(&ticket.wire)) {
            (Came::Answer(response), Some(wire)) => {
                let headers = response.headers.iter();
                let headers = headers.map(|(name, value)| (*name, value.as_str()));
                let answer = Answer::new(response.status, headers, response.body);
                wire.incoming(&ticket.what, answer)
            }
            (Came::Nothing, _) => Reply::Failed(failure(FailureKind::Link, None)),
            (_, None) => return,
        };
        let brief = match &reply {
            Reply::Failed(failure) => format!("{:?} {:?}", failure.kind, failure.status),
            _ => "done".to_owned(),
        };
        transcript.say(
            at,
            &self.name,
            format_args!("answer {} {brief}", ticket.id.0),
        );
        let now = self.now(at);
        self.session.handle_reply(ticket.id, reply, now);
        self.pass_on(now, transcript);
    }

    /// The handshake of a socket is done, was refused with this status, or had no answer.
    pub(crate) fn handle_opening(
        &mut self,
        socket: SocketId,
        opened: Result<(), Option<u16>>,
        at: Duration,
        transcript: &mut Transcript,
    ) {
        let event = match opened {
            Ok(()) => SocketEvent::Opened,
            Err(None) => SocketEvent::Ended(failure(FailureKind::Link, None)),
            Err(Some(status)) => {
                let kind = match status {
                    401 => FailureKind::TokenRefused,
                    403 => FailureKind::Forbidden,
                    404 => FailureKind::NotFound,
                    429 => FailureKind::RateLimited,
                    500..=599 => FailureKind::Server,
                    _ => FailureKind::Refused,
                };
                SocketEvent::Ended(failure(kind, Some(status)))
            }
        };
        self.handle_event(socket, event, at, transcript);
    }

    /// A socket ended from the other side.
    pub(crate) fn handle_end(
        &mut self,
        socket: SocketId,
        at: Duration,
        transcript: &mut Transcript,
    ) {
        let event = SocketEvent::Ended(failure(FailureKind::Link, None));
        self.handle_event(socket, event, at, transcript);
    }

    /// A text came on a socket.
    pub(crate) fn handle_text(
        &mut self,
        socket: SocketId,
        text: &str,
        at: Duration,
        transcript: &mut Transcript,
    ) {
        if !self.sockets.contains(&socket) {
            return;
        }
        let now = self.now(at);
        let frame = cut(text);
        let about_socket = frame.as_ref().ok().and_then(socket_event);
        if !self
            .session
            .handle_socket(socket, SocketEvent::Activity, now)
        {
            return;
        }
        if let Some(event) = about_socket {
            return self.handle_event(socket, event, at, transcript);
        }
        if let Ok(Frame::Notification(notification)) = frame {
            let heard = reading::hear(&mut self.calls, socket, text, &notification, now);
            if heard == Heard::Unreadable {
                transcript.say(at, &self.name, format_args!("unreadable {text}"));
            }
            self.take_events(at, transcript);
        }
    }

    fn handle_event(
        &mut self,
        socket: SocketId,
        event: SocketEvent,
        at: Duration,
        transcript: &mut Transcript,
    ) {
        if !self.sockets.contains(&socket) {
            return;
        }
        transcript.say(
            at,
            &self.name,
            format_args!("socket {} {event:?}", socket.0),
        );
        if matches!(event, SocketEvent::Ended(_)) {
            self.sockets.remove(&socket);
        }
        let now = self.now(at);
        self.session.handle_socket(socket, event, now);
        self.pass_on(now, transcript);
    }

    /// The host asks for a restart.
    pub(crate) fn restart(&mut self, at: Duration, transcript: &mut Transcript) {
        let now = self.now(at);
        self.session.restart(SuccessionReason::Asked, now);
        self.pass_on(now, transcript);
    }

    /// The settings are others: so much so that everything moves to another wire, or not.
    pub(crate) fn set(&mut self, moves: bool, at: Duration, transcript: &mut Transcript) {
        let now = self.now(at);
        let number = self
            .session
            .handle_settings(self.config.clone(), !moves, now);
        if moves {
            self.wires.insert(number, exchange(&self.birth));
        }
        self.pass_on(now, transcript);
    }

    /// The clock of the machine is set.
    pub(crate) fn set_clock(&mut self, by_ms: i64, at: Duration) {
        self.skew_ms = by_ms;
        self.clock.push((self.start_ms + millis(at), self.skew_ms));
    }

    // Output

    pub(crate) fn poll_send(&mut self) -> Option<Send> {
        self.sends.pop_front()
    }

    pub(crate) fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// A gap that was opened, or (again, with its end) closed.
    pub(crate) fn poll_gap(&mut self) -> Option<Gap> {
        self.gaps.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Duration {
        let due = self.session.poll_timeout();
        due.map_or(self.next_round, |due| due.min(self.next_round))
    }

    /// Whether it says that everything flows.
    pub(crate) fn is_up(&self) -> bool {
        self.feed == Feed::Up
    }

    /// Sockets that it holds, open or being opened.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Conversations that it takes for not over, and bytes of texts that it keeps.
    pub(crate) fn holds(&self) -> (usize, usize) {
        (self.calls.open_conversations(), self.calls.snapshot_bytes())
    }

    // The loop

    fn now(&self, at: Duration) -> Now {
        now(self.start_ms, self.skew_ms, at)
    }

    /// Passes on what the machines tell and takes what they want done, in the shell's order.
    fn pass_on(&mut self, now: Now, transcript: &mut Transcript) {
        loop {
            self.take_notices(now, transcript);
            let Some(order) = self.session.poll_order() else {
                break;
            };
            self.carry_out(order, now.elapsed, transcript);
        }
    }

    fn take_notices(&mut self, now: Now, transcript: &mut Transcript) {
        let at = now.elapsed;
        while let Some(notice) = self.session.poll_notice() {
            match notice {
                Notice::Users(users) => self.calls.handle_users(&users, now),
                Notice::Queues(queues) => self.calls.handle_queues(&queues),
                Notice::Stations(stations) => self.calls.handle_stations(&stations),
                Notice::UsersRemoved(users) => self.calls.handle_users_removed(&users),
                Notice::QueuesRemoved(queues) => self.calls.handle_queues_removed(&queues),
                Notice::TopicsFlowing {
                    socket,
                    users,
                    queues,
                } => {
                    self.calls.handle_flowing(socket, &users, &queues);
                    transcript.say(
                        at,
                        &self.name,
                        format_args!("{} flow on {}", users.len() + queues.len(), socket.0),
                    );
                }
                Notice::TopicsInterrupted {
                    socket,
                    users,
                    queues,
                    since,
                } => {
                    self.calls.handle_interruption(socket, &users, &queues, now);
                    transcript.say(
                        at,
                        &self.name,
                        format_args!(
                            "{} are cut on {} since {:?}",
                            users.len() + queues.len(),
                            socket.0,
                            since.elapsed
                        ),
                    );
                }
                Notice::Gap(change) => {
                    self.calls.handle_gap(change.record());
                    self.take_gap(&change, at, transcript);
                }
                Notice::Read { gaps, what, source } => {
                    let unreadable = reading::read(&mut self.calls, &what, source, now);
                    if unreadable > 0 {
                        transcript.say(at, &self.name, format_args!("{unreadable} unreadable"));
                    }
                    let events: Vec<Event> =
                        std::iter::from_fn(|| self.calls.poll_event()).collect();
                    let counted: Vec<_> = events
                        .iter()
                        .map(|event| reading::told(&what, event))
                        .collect();
                    for event in &events {
                        self.tell(event, at, transcript);
                    }
                    self.session.handle_told(&gaps, &counted, now);
                }
                Notice::CallGone { conversation } => {
                    self.calls.handle_gone(&conversation, now);
                }
                Notice::AskLive { gaps } => {
                    let live = reading::live(&self.calls);
                    self.session.handle_live(&gaps, live, now);
                }
                Notice::Feed {
                    feed, why, message, ..
                } => {
                    self.feed = feed;
                    transcript.say(at, &self.name, format_args!("{feed:?} {why:?} {message}"));
                }
                Notice::Log { level, message } => {
                    transcript.say(at, &self.name, format_args!("{level:?} {message}"));
                }
                Notice::Succeeded { from, to, reason } => {
                    transcript.say(
                        at,
                        &self.name,
                        format_args!("{} succeeds {}: {reason:?}", to.0, from.0),
                    );
                    self.calls.handle_succession(from, to, now);
                }
                Notice::Withdrawn { socket, leads } => {
                    transcript.say(
                        at,
                        &self.name,
                        format_args!("{} gives way to {}", socket.0, leads.0),
                    );
                    self.calls.handle_succession(socket, leads, now);
                }
                Notice::WireLeft(wire) => {
                    transcript.say(at, &self.name, format_args!("wire {} is left", wire.0));
                    self.wires.remove(&wire);
                }
                other => transcript.say(at, &self.name, format_args!("{other:?}")),
            }
            self.take_events(at, transcript);
        }
        self.take_events(at, transcript);
    }

    fn take_gap(&mut self, change: &GapChange, at: Duration, transcript: &mut Transcript) {
        let record = change.record();
        let users = record.users.iter().map(ToString::to_string);
        let queues = record.queues.iter().map(ToString::to_string);
        let gap = Gap {
            id: record.id.0,
            cause: record.cause.name(),
            from_ms: self.true_ms(record.from),
            to_ms: record.to.map(|to| self.true_ms(to)),
            is_closed: record.closed.is_some(),
            subjects: users.chain(queues).collect(),
        };
        transcript.say(
            at,
            &self.name,
            format_args!(
                "gap {} {} {:?} {}..{:?}, {} subjects, {} reads, {} recovered, {:?}",
                gap.id,
                gap.cause,
                std::mem::discriminant(change),
                gap.from_ms,
                gap.to_ms,
                gap.subjects.len(),
                record.reads,
                record.recovered_events(),
                record.shortfalls,
            ),
        );
        self.gaps.push_back(gap);
    }

    /// The platform's time of a time of the machine's clock, which was set now and then.
    fn true_ms(&self, utc: UtcMicros) -> i64 {
        let ms = utc.0.div_euclid(1_000);
        let set = self.clock.iter().rev();
        let mut told = set.map(|(since, skew)| (since, ms - skew));
        let first = self.clock.first().map_or(0, |(_, skew)| ms - skew);
        told.find(|(since, ms)| *ms >= **since)
            .map_or(first, |(_, ms)| ms)
    }

    fn carry_out(&mut self, order: Order, at: Duration, transcript: &mut Transcript) {
        match order {
            Order::Request { id, what, wire } => {
                let Some(exchange) = self.wires.get(&wire) else {
                    return;
                };
                match exchange.outgoing(&what) {
                    Ok(outgoing) => {
                        transcript.say(
                            at,
                            &self.name,
                            format_args!("ask {} {}", id.0, outgoing.act()),
                        );
                        let url = outgoing.url();
                        let query = url.query_pairs();
                        let ask = Ask {
                            method: outgoing.method().as_str().to_owned(),
                            path: url.path().to_owned(),
                            query: query.map(|(n, v)| (n.into(), v.into())).collect(),
                            authorization: Some(
                                outgoing.authorization().expose_secret().to_owned(),
                            ),
                            content_type: outgoing.content_type().map(str::to_owned),
                            body: outgoing.body().to_vec(),
                            program: 0,
                        };
                        let ticket = Ticket { id, what, wire };
                        self.sends.push_back(Send::Ask { ticket, ask });
                    }
                    Err(refused) => {
                        let now = self.now(at);
                        self.session.handle_reply(id, Reply::Failed(refused), now);
                    }
                }
            }
            Order::OpenSocket {
                socket,
                channel,
                wire,
            } => {
                transcript.say(at, &self.name, format_args!("open {}", socket.0));
                self.sockets.insert(socket);
                let address = self
                    .wires
                    .get(&wire)
                    .map(|wire| wire.socket_address(&channel));
                match address {
                    Some(Ok(address)) => {
                        let path = Url::parse(address.expose_secret());
                        let path = path.map_or_else(|_| String::new(), |url| url.path().to_owned());
                        self.sends.push_back(Send::Open { socket, path });
                    }
                    Some(Err(unknown)) => {
                        self.handle_event(socket, SocketEvent::Ended(unknown), at, transcript);
                    }
                    None => {}
                }
            }
            Order::Ping { socket } => {
                transcript.say(at, &self.name, format_args!("ping {}", socket.0));
                let text = PING.to_owned();
                self.sends.push_back(Send::Text { socket, text });
            }
            Order::Unfollow { socket, topics } => {
                transcript.say(
                    at,
                    &self.name,
                    format_args!("unfollow {} on {}", topics.len(), socket.0),
                );
                for text in unfollow(&topics) {
                    self.sends.push_back(Send::Text { socket, text });
                }
            }
            Order::CloseSocket { socket } => {
                transcript.say(at, &self.name, format_args!("close {}", socket.0));
                self.sockets.remove(&socket);
                self.sends.push_back(Send::Close { socket });
            }
        }
    }

    /// From now on events go to a host, too.
    pub(crate) fn hand_over(&mut self, intake: Intake) {
        self.way = Some(intake);
    }

    fn tell(&mut self, event: &Event, at: Duration, transcript: &mut Transcript) {
        if let Some(way) = &self.way {
            way.offer(event.clone());
        }
        let told = told(event);
        transcript.say(at, &self.name, format_args!("{told:?}"));
        self.told.push_back(told);
    }

    fn take_events(&mut self, at: Duration, transcript: &mut Transcript) {
        while let Some(event) = self.calls.poll_event() {
            self.tell(&event, at, transcript);
        }
        while let Some(finding) = self.calls.poll_finding() {
            transcript.say(at, &self.name, format_args!("new to us: {finding}"));
        }
    }
}

/// Calls that hear everything that is shown, at once and in order: what a feed is like that nothing disturbs.
#[derive(Debug)]
pub(crate) struct Undisturbed {
    calls: Calls,
}

impl Undisturbed {
    pub(crate) fn new() -> Self {
        Self {
            calls: Calls::new(SNAPSHOT_CACHE),
        }
    }

    /// Reads a list of users: that of the beginning, or of somebody who came. Tells how they are found.
    pub(crate) fn read_users(&mut self, birth: &Birth, list: Vec<u8>, at: Duration) -> Vec<Told> {
        let answer = Answer::new(200, [], list);
        let reply = exchange(birth).incoming(&Request::Users { page: 1 }, answer);
        if let Reply::Users(page) = reply {
            self.calls
                .handle_users(&page.rows, now(birth.start_ms, 0, at));
        }
        self.take()
    }

    fn take(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.calls.poll_event())
            .map(|event| told(&event))
            .collect()
    }

    /// Hears one body that is shown at `ms`, the platform's time, and tells what is new.
    pub(crate) fn hear(
        &mut self,
        topic: &str,
        body: &str,
        action: Option<&str>,
        (at, ms): (Duration, i64),
    ) -> Vec<Told> {
        let metadata =
            action.map(|action| format!(r#"{{"CorrelationId":"c","action":"{action}"}}"#));
        let notification = Notification {
            topic,
            body,
            metadata: metadata.as_deref(),
        };
        let now = Now {
            elapsed: at,
            utc: UtcMicros(ms * 1_000),
        };
        self.calls
            .handle_notification(SocketId(0), &notification, now);
        self.calls.handle_timeout(now);
        while self.calls.poll_finding().is_some() {}
        self.take()
    }
}

/// Half of the adapters repeat requests by the operator's keys, half leave them as they are by default.
fn repetitions(seed: u64) -> RetryRules {
    if seed.is_multiple_of(2) {
        return RetryRules::default();
    }
    RetryRules {
        max_retry: 5,
        max_retries_before_backoff: 2,
        max_retry_time: Duration::from_secs(60),
        default_retry_after: Duration::from_millis(500),
        backoff_interval: Some(Duration::from_secs(10)),
    }
}

fn exchange(birth: &Birth) -> Exchange {
    let url = |host: &str| Url::parse(&format!("https://{host}.region.invalid"));
    // These two are addresses; the other branch is for the compiler.
    let (Ok(api), Ok(login)) = (url("api"), url("login")) else {
        std::process::abort();
    };
    Exchange::new(
        Region { api, login },
        &birth.client_id,
        SecretString::from(birth.client_secret.clone()),
    )
}

fn now(start_ms: i64, skew_ms: i64, at: Duration) -> Now {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    Now {
        elapsed: at,
        utc: UtcMicros((start_ms + skew_ms) * 1_000 + micros),
    }
}

fn millis(at: Duration) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn failure(kind: FailureKind, status: Option<u16>) -> Failure {
    Failure {
        kind,
        status,
        retry_after: None,
        message: "the network of the soak says so.".to_owned(),
    }
}

/// An event in plain words.
fn told(event: &Event) -> Told {
    let mut told = Told {
        kind: event.kind.name(),
        id: event.id.0,
        exact: event.id_exact,
        source: event.source.name(),
        platform_ms: event.platform_time.map(|at| at.0.div_euclid(1_000)),
        conversation: String::new(),
        participant: String::new(),
        user: String::new(),
        user_name: String::new(),
        raw: event.raw.to_string(),
        station: String::new(),
        key: String::new(),
    };
    match &event.subject {
        Subject::Connection(facts) => {
            told.conversation = facts.conversation.to_string();
            let participant = facts.participant.as_ref();
            told.participant = participant.map(ToString::to_string).unwrap_or_default();
            if let Some(user) = &facts.user {
                told.user = user.id.to_string();
                told.user_name = user.name.to_string();
            }
        }
        Subject::Agent { user, station } => {
            told.user = user.id.to_string();
            told.user_name = user.name.to_string();
            let station = station.as_ref();
            told.station = station.map(|one| one.id.to_string()).unwrap_or_default();
        }
        _ => {}
    }
    if let Some(Detail::Attribute { key, .. }) = event.detail.as_deref() {
        told.key = key.to_string();
    }
    told
}
