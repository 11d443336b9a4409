//! A small region for the tests: it answers a session's orders in virtual time, breaks things when told to, and checks
//! at every step what must always hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::model::event::EventKind;
use crate::model::feed::{Feed, Scope, Why};
use crate::model::id::{ChannelId, ConversationId, QueueId, StationId, Topic, UserId};
use crate::model::log::LogLevel;
use crate::model::order::{
    BodyText, DetailsHead, DetailsPage, Failure, FailureKind, Order, OrderId, Page, Reply, Request,
    SocketEvent, SocketId, TopicVerdict, WireNo,
};
use crate::model::roster::{Queue, QueueRecord, Station, User, UserRecord};
use crate::model::succession::{SuccessionEnd, SuccessionReason};
use crate::model::time::{Now, UtcMicros};
use crate::session::backoff::Jitter;
use crate::session::{Config, GapChange, LiveCall, Notice, ReadBody, Session, Told};

pub(super) const S: Duration = Duration::from_secs(1);
pub(super) const MIN: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
const EPOCH: i64 = 1_795_000_000_000_000;

/// How often things go wrong, each out of 1,000.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// An order fails: link, 5xx, 429, 401, unreadable.
    pub(super) failure: u64,
    /// An order is carried out, and its answer is lost.
    pub(super) lost_answer: u64,
    /// An answer comes twice, or long after the session has given up waiting.
    pub(super) odd_answer: u64,
    /// A handshake fails or never ends.
    pub(super) handshake: u64,
    /// At each heartbeat: the socket is cut, black-holed, announced to close, or loses its channel.
    pub(super) socket: u64,
    /// At each heartbeat: a channel is evicted, or all tokens are revoked.
    pub(super) platform: u64,
}

/// What is on its way to the session, or due at the platform.
#[derive(Debug)]
enum Coming {
    Answer(OrderId, Reply),
    Event(SocketId, SocketEvent),
    Heartbeat(SocketId),
    Pong(SocketId),
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) wire: WireNo,
    pub(super) topics: BTreeSet<String>,
    pub(super) ends: Duration,
    pub(super) used: u64,
}

#[derive(Debug)]
struct Socket {
    channel: String,
    open: bool,
    /// Nothing comes out of it any more, and nobody says so.
    deaf: bool,
}

type Refuses = Box<dyn Fn(&[Topic]) -> Option<FailureKind>>;
type Rejects = Box<dyn Fn(&str) -> Vec<TopicVerdict>>;

pub(super) struct World {
    pub(super) session: Session,
    pub(super) config: Config,
    pub(super) now: Duration,
    pub(super) faults: Faults,
    pub(super) users: BTreeSet<u32>,
    pub(super) queues: BTreeMap<u32, Option<u32>>,
    pub(super) token_life: Duration,
    pub(super) channel_life: Duration,
    pub(super) channels_end_with_token: bool,
    /// Answers to give instead of the right ones: to the first request that begins with the word, once.
    pub(super) instead: VecDeque<(&'static str, Reply)>,
    /// Requests that begin with the word fail so.
    pub(super) fails: BTreeMap<&'static str, FailureKind>,
    /// Requests that begin with the word are not answered.
    pub(super) unanswered: Option<&'static str>,
    pub(super) credentials_refused: bool,
    /// Handshakes fail with a broken link, and so do all requests.
    pub(super) link_down: bool,
    pub(super) link_trouble: String,
    /// No pongs and no heartbeats.
    pub(super) silent: bool,
    pub(super) no_pongs: bool,
    /// Extra verdicts for a topic; a verdict on the topic itself takes the place of "permitted".
    pub(super) rejects: Rejects,
    /// Whether a subscription is refused as a whole.
    pub(super) refuses: Refuses,
    /// Users who are followed without their persistent connections.
    pub(super) lessened: BTreeSet<u32>,
    pub(super) stations: u32,
    /// Stations that were told of, one for each time.
    pub(super) stations_told: Vec<StationId>,
    pub(super) channels: BTreeMap<String, Channel>,
    /// When which request was ordered, by its first word.
    pub(super) requests: Vec<(Duration, String)>,
    pub(super) pings: Vec<Duration>,
    pub(super) opened: Vec<(Duration, String)>,
    pub(super) closed: Vec<Duration>,
    pub(super) feeds: Vec<(Duration, Feed, Why, Scope)>,
    pub(super) notices: Vec<(Duration, String)>,
    pub(super) warnings: usize,
    /// The message of the last state of the feed.
    pub(super) told: String,
    pub(super) removed: Vec<UserId>,
    /// Whose topics flow, and on which sockets.
    pub(super) flowing: BTreeMap<String, BTreeSet<SocketId>>,
    /// When whose topics ceased to flow anywhere, before they flowed again.
    pub(super) interrupted: Vec<(Duration, usize)>,
    pub(super) succeeded: Vec<(Duration, SuccessionReason)>,
    pub(super) ended: Vec<(Duration, SuccessionReason, SuccessionEnd)>,
    /// What became of gaps.
    pub(super) gaps: Vec<(Duration, GapChange)>,
    /// Calls that go on.
    pub(super) live: Vec<LiveCall>,
    /// What each read of a conversation tells.
    pub(super) tells: Told,
    /// Conversations that analytics details show to have ended, the last to end first.
    pub(super) endings: Vec<(ConversationId, UtcMicros)>,
    endings_told: BTreeSet<ConversationId>,
    /// Conversations that the platform does not know.
    pub(super) unknown: BTreeSet<ConversationId>,
    /// Those that were told to be gone.
    pub(super) gone: Vec<(Duration, ConversationId)>,
    pub(super) wires_left: Vec<WireNo>,
    /// Channels of other programs on the client id.
    pub(super) foreign: BTreeMap<String, u64>,
    pub(super) most_channels: usize,
    pub(super) most_successors: usize,
    /// A socket is gone, or what flows is told anew.
    changed: bool,
    pub(super) last_since: Option<Now>,
    pub(super) transcript: Option<String>,
    /// Of each wire: when its token ends.
    tokens: BTreeMap<WireNo, Duration>,
    /// Wires whose credentials are refused.
    pub(super) refused_wires: BTreeSet<WireNo>,
    sockets: BTreeMap<SocketId, Socket>,
    coming: BTreeMap<(Duration, u64), Coming>,
    per_minute: usize,
    recent: VecDeque<Duration>,
    tokens_in_flight: BTreeMap<OrderId, Duration>,
    token_wires: BTreeMap<OrderId, WireNo>,
    creates_in_flight: BTreeMap<OrderId, Duration>,
    seen_users: BTreeSet<UserId>,
    dice: Jitter,
    serial: u64,
    steps_at_this_time: u32,
}

pub(super) fn user_id(n: u32) -> String {
    format!("{n:08x}-0000-4000-8000-000000000001")
}

pub(super) fn queue_id(n: u32) -> String {
    format!("{n:08x}-0000-4000-8000-000000000002")
}

pub(super) fn failure(kind: FailureKind) -> Failure {
    Failure {
        kind,
        status: None,
        retry_after: None,
        message: format!("{kind:?} (test)."),
    }
}

pub(super) fn rate_limited(seconds: u64) -> Reply {
    Reply::Failed(Failure {
        retry_after: Some(S * u32::try_from(seconds).unwrap()),
        ..failure(FailureKind::RateLimited)
    })
}

pub(super) fn verdict(topic: &str, permitted: bool) -> TopicVerdict {
    TopicVerdict {
        topic: topic.into(),
        permitted,
        reason: if permitted {
            String::new()
        } else {
            "missing permission x:y:view".to_owned()
        },
    }
}

fn word(request: &Request) -> &'static str {
    match request {
        Request::Token => "token",
        Request::Users { .. } => "users",
        Request::Queues { .. } => "queues",
        Request::Stations { .. } => "stations",
        Request::UsersById { .. } => "read users",
        Request::Conversation { .. } => "read conversation",
        Request::ConversationDetails { .. } => "read details",
        Request::UserDetails { .. } => "read history",
        Request::CreateChannel => "create",
        Request::ProbeChannel { .. } => "probe",
        Request::Subscribe { .. } => "subscribe",
        Request::Unsubscribe { .. } => "unsubscribe",
        Request::Channels => "channels",
    }
}

/// A request as the world notes it: its word, and a page or how many topics.
fn text_of(request: &Request) -> String {
    let word = word(request);
    match request {
        Request::Users { page } | Request::Queues { page } | Request::Stations { page } => {
            format!("{word} {page}")
        }
        Request::Subscribe { topics, .. } => format!("{word} {}", topics.len()),
        _ => word.to_owned(),
    }
}

impl World {
    pub(super) fn new(users: u32, queues: u32, seed: u64) -> Self {
        Self::with_config(
            users,
            queues,
            Config {
                seed,
                ..Config::default()
            },
        )
    }

    pub(super) fn with_config(users: u32, queues: u32, config: Config) -> Self {
        let now = Duration::from_secs(1_000);
        let per_minute = usize::try_from(config.requests_per_minute).unwrap();
        let dice = Jitter::new(config.seed ^ 0xD1CE);
        Self {
            session: Session::new(config.clone(), at(now)),
            config,
            now,
            faults: Faults::default(),
            users: (1..=users).collect(),
            queues: (1..=queues).map(|n| (n, Some(5))).collect(),
            token_life: DAY,
            channel_life: DAY,
            channels_end_with_token: true,
            instead: VecDeque::new(),
            fails: BTreeMap::new(),
            unanswered: None,
            credentials_refused: false,
            link_down: false,
            link_trouble: "no name (test)".to_owned(),
            silent: false,
            no_pongs: false,
            rejects: Box::new(|_| Vec::new()),
            refuses: Box::new(|_| None),
            lessened: BTreeSet::new(),
            stations: users,
            stations_told: Vec::new(),
            channels: BTreeMap::new(),
            requests: Vec::new(),
            pings: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            feeds: Vec::new(),
            notices: Vec::new(),
            warnings: 0,
            told: String::new(),
            removed: Vec::new(),
            flowing: BTreeMap::new(),
            interrupted: Vec::new(),
            succeeded: Vec::new(),
            ended: Vec::new(),
            gaps: Vec::new(),
            live: Vec::new(),
            tells: Told {
                kind: EventKind::ConnectionCleared,
                user: None,
                queue: None,
                at: None,
                ends: None,
            },
            endings: Vec::new(),
            endings_told: BTreeSet::new(),
            unknown: BTreeSet::new(),
            gone: Vec::new(),
            wires_left: Vec::new(),
            foreign: BTreeMap::new(),
            most_channels: 20,
            most_successors: 1,
            changed: false,
            last_since: None,
            transcript: None,
            tokens: BTreeMap::new(),
            refused_wires: BTreeSet::new(),
            sockets: BTreeMap::new(),
            coming: BTreeMap::new(),
            per_minute,
            recent: VecDeque::new(),
            tokens_in_flight: BTreeMap::new(),
            token_wires: BTreeMap::new(),
            creates_in_flight: BTreeMap::new(),
            seen_users: BTreeSet::new(),
            dice,
            serial: 0,
            steps_at_this_time: 0,
        }
    }

    pub(super) fn count(&self, word: &str) -> usize {
        self.requests
            .iter()
            .filter(|(_, request)| request.starts_with(word))
            .count()
    }

    /// Times of requests that begin with the word.
    pub(super) fn times(&self, word: &str) -> Vec<Duration> {
        self.requests
            .iter()
            .filter(|(_, r)| r.starts_with(word))
            .map(|&(at, _)| at)
            .collect()
    }

    pub(super) fn feed(&self) -> (Feed, Why) {
        (self.session.feed(), self.session.why())
    }

    pub(super) fn is_up(&self) -> bool {
        self.session.feed() == Feed::Up
    }

    /// Runs until something holds; says how long that took.
    pub(super) fn run_until(&mut self, limit: Duration, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        self.drain();
        while !holds(self) {
            assert!(
                self.now - start < limit,
                "not within {limit:?}: {:?} {:?}",
                self.feed(),
                self.session
            );
            let next = self.next_time().unwrap_or(start + limit).min(start + limit);
            self.step(next);
        }
        self.now - start
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while let Some(next) = self.next_time().filter(|&next| next <= end) {
            self.step(next);
        }
        self.now = end;
    }

    fn next_time(&self) -> Option<Duration> {
        let coming = self.coming.keys().next().map(|&(at, _)| at);
        coming.into_iter().chain(self.session.poll_timeout()).min()
    }

    fn step(&mut self, time: Duration) {
        let time = time.max(self.now);
        self.steps_at_this_time = if time == self.now {
            self.steps_at_this_time + 1
        } else {
            0
        };
        assert!(
            self.steps_at_this_time < 2_000,
            "time stands still at {time:?}: {:?}",
            self.session
        );
        self.now = time;
        match self.coming.first_key_value() {
            Some((&key, _)) if key.0 <= time => {
                let coming = self.coming.remove(&key).unwrap();
                self.come(coming);
            }
            _ => {
                if self.session.poll_timeout().is_some_and(|at| at <= time) {
                    self.session.handle_timeout(at(time));
                    assert!(
                        self.session.poll_timeout().is_none_or(|next| next > time),
                        "a timeout that was handled must not remain"
                    );
                }
            }
        }
        self.drain();
    }

    fn come(&mut self, coming: Coming) {
        match coming {
            Coming::Answer(id, reply) => {
                self.tokens_in_flight.remove(&id);
                self.creates_in_flight.remove(&id);
                self.session.handle_reply(id, reply, at(self.now));
            }
            Coming::Event(socket, event) => self.event(socket, event),
            Coming::Pong(socket) => {
                if self.sockets.get(&socket).is_some_and(|s| s.open && !s.deaf)
                    && !self.no_pongs
                    && !self.silent
                {
                    self.event(socket, SocketEvent::Pong);
                }
            }
            Coming::Heartbeat(socket) => self.heartbeat(socket),
        }
    }

    fn event(&mut self, socket: SocketId, event: SocketEvent) {
        let Some(known) = self.sockets.get_mut(&socket) else {
            return; // The session closed it: its wire tells nothing more.
        };
        match event {
            SocketEvent::Opened => {
                known.open = true;
                let next = self.now + S * 30;
                self.schedule(next, Coming::Heartbeat(socket));
            }
            SocketEvent::Ended(_) => {
                self.sockets.remove(&socket);
            }
            _ => {}
        }
        self.session.handle_socket(socket, event, at(self.now));
    }

    fn heartbeat(&mut self, socket: SocketId) {
        let Some(Socket {
            channel,
            open: true,
            deaf,
        }) = self.sockets.get(&socket)
        else {
            return;
        };
        let (channel, deaf) = (channel.clone(), *deaf);
        self.schedule(self.now + S * 30, Coming::Heartbeat(socket));
        if deaf || self.silent {
            return;
        }
        if self
            .channels
            .get(&channel)
            .is_none_or(|channel| channel.ends <= self.now)
        {
            self.channels.remove(&channel);
            return self.event(socket, SocketEvent::Ended(failure(FailureKind::Link)));
        }
        self.serial += 1;
        if let Some(known) = self.channels.get_mut(&channel) {
            known.used = self.serial;
        }
        self.session
            .handle_socket(socket, SocketEvent::Activity, at(self.now));
        if self.chance(self.faults.socket) {
            match self.roll(5) {
                0 => self.event(socket, SocketEvent::Ended(failure(FailureKind::Link))),
                1 => {
                    if let Some(known) = self.sockets.get_mut(&socket) {
                        known.deaf = true;
                    }
                }
                2 => self.event(socket, SocketEvent::Closing),
                3 => {
                    self.channels.remove(&channel);
                    self.event(
                        socket,
                        SocketEvent::ChannelLost("no_longer_subscribed".to_owned()),
                    );
                }
                _ => {
                    let wait = self.within(S * 100);
                    self.schedule(self.now + wait, Coming::Event(socket, SocketEvent::Closing));
                }
            }
        }
        if self.chance(self.faults.platform) {
            match self.roll(3) {
                0 => self.revoke_token(),
                1 => {
                    self.channels.remove(&channel);
                }
                _ => {
                    let late = Reply::Unsubscribed;
                    let id = OrderId(self.roll(self.serial));
                    self.session.handle_reply(id, late, at(self.now));
                }
            }
        }
    }

    pub(super) fn cut_all(&mut self) {
        let sockets: Vec<SocketId> = self.sockets.keys().copied().collect();
        for socket in sockets {
            self.event(socket, SocketEvent::Ended(failure(FailureKind::Link)));
            self.drain();
        }
    }

    /// Sockets that are open now.
    pub(super) fn open_sockets(&self) -> Vec<SocketId> {
        let open = self.sockets.iter().filter(|(_, socket)| socket.open);
        open.map(|(id, _)| *id).collect()
    }

    /// Closes those of these sockets that are still there. Says how many.
    pub(super) fn cut(&mut self, sockets: &[SocketId]) -> usize {
        let there: Vec<SocketId> = (sockets.iter())
            .copied()
            .filter(|socket| self.sockets.contains_key(socket))
            .collect();
        for socket in &there {
            self.event(*socket, SocketEvent::Ended(failure(FailureKind::Link)));
            self.drain();
        }
        there.len()
    }

    pub(super) fn tell_all(&mut self, event: &SocketEvent) {
        let sockets: Vec<SocketId> = self.sockets.keys().copied().collect();
        for socket in sockets {
            self.event(socket, event.clone());
            self.drain();
        }
    }

    /// The oldest socket stays open, and nothing comes out of it any more.
    pub(super) fn deafen_oldest(&mut self) {
        if let Some(oldest) = self.sockets.values_mut().next() {
            oldest.deaf = true;
        }
    }

    /// Ends the socket that was opened first, with or without its channel.
    pub(super) fn cut_oldest(&mut self, with_channel: bool) {
        let (&socket, known) = self.sockets.first_key_value().unwrap();
        if with_channel {
            let channel = known.channel.clone();
            self.channels.remove(&channel);
            let lost = SocketEvent::ChannelLost("no_longer_subscribed".to_owned());
            self.event(socket, lost);
        } else {
            self.event(socket, SocketEvent::Ended(failure(FailureKind::Link)));
        }
        self.drain();
    }

    pub(super) fn tell_oldest(&mut self, event: SocketEvent) {
        let &socket = self.sockets.first_key_value().unwrap().0;
        self.event(socket, event);
        self.drain();
    }

    pub(super) fn tell_newest(&mut self, event: SocketEvent) {
        let &socket = self.sockets.last_key_value().unwrap().0;
        self.event(socket, event);
        self.drain();
    }

    pub(super) fn restart(&mut self) {
        self.session.restart(SuccessionReason::Asked, at(self.now));
        self.drain();
    }

    pub(super) fn set(&mut self, config: Config, same_wire: bool) -> WireNo {
        let wire = self
            .session
            .handle_settings(config, same_wire, at(self.now));
        self.drain();
        wire
    }

    /// Users and queues that flow on two sockets.
    pub(super) fn doubled(&self) -> usize {
        let sockets = self.flowing.values();
        sockets.filter(|sockets| sockets.len() > 1).count()
    }

    /// What is open at the platform belongs to a line, one to each.
    pub(super) fn check_sockets(&self) {
        assert_eq!(self.sockets.len(), self.session.sockets());
        assert_eq!(self.session.channels(), self.session.sockets());
    }

    /// What is open at the platform belongs to a line, and what was left has no topics any more.
    pub(super) fn check_nothing_left(&self) {
        assert_eq!(self.session.successions(), 0);
        self.check_sockets();
        let read: BTreeSet<&str> = self.sockets.values().map(|s| s.channel.as_str()).collect();
        for (id, channel) in &self.channels {
            assert!(
                channel.topics.is_empty() || channel.ends <= self.now || read.contains(id.as_str()),
                "a channel was left with {} topics",
                channel.topics.len()
            );
        }
    }

    pub(super) fn revoke_token(&mut self) {
        self.tokens.clear();
        if self.channels_end_with_token {
            let now = self.now;
            self.channels
                .values_mut()
                .for_each(|channel| channel.ends = now);
        }
    }

    /// Frames on all open sockets, now.
    pub(super) fn frames(&mut self) {
        self.tell_all(&SocketEvent::Activity);
    }

    fn schedule(&mut self, time: Duration, coming: Coming) {
        self.serial += 1;
        self.coming.insert((time, self.serial), coming);
    }

    fn roll(&mut self, sides: u64) -> u64 {
        u64::try_from(
            self.dice
                .up_to(Duration::from_millis(sides.max(1) - 1))
                .as_millis(),
        )
        .unwrap()
    }

    fn chance(&mut self, of_1000: u64) -> bool {
        of_1000 > 0 && self.roll(1000) < of_1000
    }

    fn within(&mut self, time: Duration) -> Duration {
        self.dice.up_to(time)
    }

    /// Takes everything that the session gives, checks it, and carries it out.
    fn drain(&mut self) {
        self.forget_given_up();
        while let Some(notice) = self.session.poll_notice() {
            self.notice(notice);
        }
        while let Some(order) = self.session.poll_order() {
            if let Some(transcript) = &mut self.transcript {
                writeln!(transcript, "{:?} {order:?}", self.now).unwrap();
            }
            self.order(order);
        }
        if let Some(transcript) = &mut self.transcript {
            writeln!(
                transcript,
                "{:?} next {:?}",
                self.now,
                self.session.poll_timeout()
            )
            .unwrap();
        }
        let channels = self.session.channels() + self.creates_in_flight.len();
        assert!(channels <= self.most_channels, "{channels} channels");
        assert!(self.session.sockets() <= self.session.channels());
        assert!(self.session.successions() <= self.most_successors);
        // With many it is looked at now and then: it takes a while.
        let is_looked_at = self.flowing.len() < 100 || self.serial.is_multiple_of(8);
        if is_looked_at && std::mem::take(&mut self.changed) {
            self.flowing.retain(|_, sockets| !sockets.is_empty());
            self.check_flowing();
        }
    }

    /// What is told to flow does: on each socket that was named the platform shows the topic, as far as it stands by its
    /// own word.
    fn check_flowing(&self) {
        for (name, sockets) in &self.flowing {
            let stems = ["v2.users", "v2.routing.queues"].map(|family| format!("{family}.{name}"));
            for socket in sockets {
                let known = self
                    .sockets
                    .get(socket)
                    .unwrap_or_else(|| panic!("{name} flows on a socket that is gone"));
                assert!(known.open, "flows on a socket that is not open");
                let Some(channel) = self.channels.get(&known.channel) else {
                    continue; // It was taken away, and the session will hear of it.
                };
                let is_there = stems.iter().any(|stem| {
                    let mut from = channel.topics.range(stem.clone()..);
                    from.next().is_some_and(|topic| topic.starts_with(stem))
                });
                assert!(is_there, "{name} is told to flow on a channel without it");
            }
        }
    }

    /// The session gives up on an answer after 300 s; so do the books.
    fn forget_given_up(&mut self) {
        for in_flight in [&mut self.tokens_in_flight, &mut self.creates_in_flight] {
            in_flight.retain(|_, &mut since| self.now - since < S * 300);
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.changed |= !matches!(notice, Notice::Log { .. } | Notice::Feed { .. });
        if let Some(transcript) = &mut self.transcript {
            writeln!(transcript, "{:?} {notice:?}", self.now).unwrap();
        }
        if let Notice::Feed { message, .. } = &notice {
            assert!(!message.contains(".."), "{message}");
        }
        if let Notice::Log { message, .. } = &notice {
            assert!(
                !message.contains("..") && !message.contains("  "),
                "{message}"
            );
        }
        match notice {
            Notice::Users(rows) => self
                .seen_users
                .extend(rows.into_iter().map(|row| row.user.id.clone())),
            Notice::Queues(_) => {}
            Notice::Stations(rows) => {
                let ids = rows.into_iter().map(|row| row.id.clone());
                self.stations_told.extend(ids);
            }
            Notice::UsersRemoved(users) => {
                for id in &users {
                    self.flowing.remove(id.as_str());
                }
                self.removed.extend(users);
            }
            Notice::QueuesRemoved(queues) => {
                for id in &queues {
                    self.flowing.remove(id.as_str());
                }
            }
            Notice::TopicsFlowing {
                socket,
                users,
                queues,
            } => {
                let known = self.sockets.get(&socket).expect("a socket that is there");
                assert!(known.open, "flowing on a socket that is not open");
                assert!(
                    users.iter().all(|id| self.seen_users.contains(id)),
                    "calls must know them before"
                );
                for name in names(&users, &queues) {
                    let sockets = self.flowing.entry(name).or_default();
                    assert!(sockets.insert(socket), "flows there already");
                    assert!(sockets.len() <= 2, "flows on three");
                }
            }
            Notice::TopicsInterrupted {
                socket,
                users,
                queues,
                since,
            } => {
                assert!(since.elapsed <= self.now);
                self.last_since = Some(since);
                self.interrupted
                    .push((self.now, users.len() + queues.len()));
                for name in names(&users, &queues) {
                    let sockets = self.flowing.remove(&name).expect("flowed");
                    assert!(sockets.contains(&socket), "did not flow there");
                }
            }
            Notice::Succeeded { from, to, reason } => {
                assert!(self.sockets[&to].open, "the one that leads is open");
                self.succeeded.push((self.now, reason));
                self.forget_socket(from);
            }
            Notice::Withdrawn { socket, leads } => {
                assert!(self.sockets[&leads].open, "the one that leads is open");
                self.forget_socket(socket);
            }
            Notice::SuccessionEnded { reason, end } => self.ended.push((self.now, reason, end)),
            Notice::WireLeft(wire) => self.wires_left.push(wire),
            Notice::Gap(change) => self.gaps.push((self.now, change)),
            Notice::Read { gaps, what, .. } => {
                let told: Vec<Told> = match what {
                    ReadBody::Conversation { .. } => vec![self.tells.clone()],
                    ReadBody::ConversationDetails(_) => self.tell_endings(),
                    _ => Vec::new(),
                };
                self.session.handle_told(&gaps, &told, at(self.now));
            }
            Notice::CallGone { conversation } => self.gone.push((self.now, conversation)),
            Notice::AskLive { gaps } => {
                let live = self.live.clone();
                self.session.handle_live(&gaps, live, at(self.now));
            }
            Notice::Feed {
                feed,
                why,
                scope,
                message,
            } => {
                assert!(!message.is_empty());
                if let Some((_, last_feed, last_why, last_scope)) = self.feeds.last() {
                    assert!(
                        (*last_feed, *last_why, last_scope) != (feed, why, &scope)
                            || self.told != *message,
                        "told twice"
                    );
                }
                self.told = message.to_string();
                self.feeds.push((self.now, feed, why, scope));
                self.notices.push((self.now, message.to_string()));
            }
            Notice::Log { level, message } => {
                self.warnings += usize::from(level == LogLevel::Warn);
                self.notices.push((self.now, message));
            }
        }
    }

    /// Each end is told by the first answer that names it.
    fn tell_endings(&mut self) -> Vec<Told> {
        let told = &mut self.endings_told;
        let news = (self.endings.iter()).filter(|(id, _)| told.insert(id.clone()));
        news.map(|(id, at)| Told {
            kind: EventKind::CallCleared,
            at: Some(*at),
            ends: Some(id.clone()),
            ..self.tells.clone()
        })
        .collect()
    }

    /// What flowed on it must flow on another.
    fn forget_socket(&mut self, socket: SocketId) {
        for (name, sockets) in &mut self.flowing {
            if sockets.remove(&socket) {
                assert!(!sockets.is_empty(), "a gap that was not told of: {name}");
            }
        }
    }

    fn order(&mut self, order: Order) {
        self.changed |= !matches!(order, Order::Request { .. } | Order::Ping { .. });
        match order {
            Order::Request { id, what, wire } => self.request(id, &what, wire),
            Order::OpenSocket {
                socket, channel, ..
            } => {
                let channel = channel.expose().to_owned();
                assert!(
                    self.sockets.values().all(|other| other.channel != channel),
                    "a second socket on a channel"
                );
                self.opened.push((self.now, channel.clone()));
                self.sockets.insert(
                    socket,
                    Socket {
                        channel: channel.clone(),
                        open: false,
                        deaf: false,
                    },
                );
                let wait = Duration::from_millis(20) + self.within(S);
                let outcome = if self.link_down {
                    SocketEvent::Ended(failure(FailureKind::Link))
                } else if self.chance(self.faults.handshake) {
                    if self.chance(300) {
                        return; // Never ends.
                    }
                    SocketEvent::Ended(failure(FailureKind::Server))
                } else if self
                    .channels
                    .get(&channel)
                    .is_some_and(|channel| channel.ends > self.now)
                {
                    SocketEvent::Opened
                } else {
                    SocketEvent::Ended(failure(FailureKind::NotFound))
                };
                self.schedule(self.now + wait, Coming::Event(socket, outcome));
            }
            Order::Ping { socket } => {
                assert!(
                    self.sockets.get(&socket).is_some_and(|s| s.open),
                    "a ping on a socket that is not open"
                );
                self.pings.push(self.now);
                let wait = self.within(S);
                self.schedule(self.now + wait, Coming::Pong(socket));
            }
            Order::Unfollow { socket, topics } => {
                let known = &self.sockets[&socket];
                assert!(known.open, "said on a socket that is not open");
                for topic in topics {
                    let is_of = |name: &str| topic.as_str().contains(name);
                    for (_, sockets) in self.flowing.iter_mut().filter(|(name, _)| is_of(name)) {
                        sockets.remove(&socket);
                    }
                    if let Some(channel) = self.channels.get_mut(&known.channel) {
                        let was_there = channel.topics.remove(topic.as_str());
                        assert!(was_there, "taken off, but not subscribed: {topic}");
                    }
                }
            }
            Order::CloseSocket { socket } => {
                assert!(
                    self.sockets.remove(&socket).is_some(),
                    "closed twice, or after its end"
                );
                self.closed.push(self.now);
            }
        }
    }

    fn request(&mut self, id: OrderId, request: &Request, wire: WireNo) {
        let word = word(request);
        let text = text_of(request);
        self.requests.push((self.now, text.clone()));
        while self.recent.front().is_some_and(|&at| at + MIN <= self.now) {
            self.recent.pop_front();
        }
        self.recent.push_back(self.now);
        assert!(
            self.recent.len() <= self.per_minute,
            "over the rate: {}",
            self.recent.len()
        );
        match request {
            Request::Token => {
                // One for each wire.
                let wires = &self.token_wires;
                let others = self.tokens_in_flight.keys();
                assert!(
                    others.clone().all(|other| wires[other] != wire),
                    "two tokens are fetched at once"
                );
                self.token_wires.insert(id, wire);
                self.tokens_in_flight.insert(id, self.now);
            }
            Request::CreateChannel => {
                self.creates_in_flight.insert(id, self.now);
            }
            Request::Subscribe { topics, channel } => {
                if let Some(known) = self.channels.get(channel.expose()) {
                    assert_eq!(known.wire, wire, "over the wire that made it");
                }
                assert!((1..=1000).contains(&topics.len()));
                assert!(topics.iter().all(|topic| topic.as_str().len() <= 200));
            }
            _ => {}
        }
        if self.unanswered == Some(word) {
            return;
        }
        let reply = self.answer(&text, word, request, wire);
        if self.chance(self.faults.lost_answer) {
            self.schedule(
                self.now + S * 299,
                Coming::Answer(OrderId(0), Reply::Unsubscribed),
            );
            let given_up = Reply::Failed(failure(FailureKind::Link));
            self.schedule(
                self.now + S * 300 + Duration::from_millis(1),
                Coming::Answer(id, given_up),
            );
            return;
        }
        let mut wait = Duration::from_millis(20) + self.within(Duration::from_millis(180));
        if self.chance(self.faults.odd_answer) {
            wait += self.within(S * 40);
        }
        if self.chance(self.faults.odd_answer) {
            let late = wait + self.within(S * 400);
            self.schedule(self.now + late, Coming::Answer(id, reply.clone()));
        }
        self.schedule(self.now + wait, Coming::Answer(id, reply));
    }

    fn answer(&mut self, text: &str, word: &str, request: &Request, wire: WireNo) -> Reply {
        if self.link_down {
            let mut down = failure(FailureKind::Link);
            down.message.clone_from(&self.link_trouble);
            return Reply::Failed(down);
        }
        if let Some(index) = self
            .instead
            .iter()
            .position(|(which, _)| text.starts_with(which))
        {
            return self.instead.remove(index).unwrap().1;
        }
        if let Some(kind) = self.fails.get(word) {
            return Reply::Failed(failure(*kind));
        }
        if word == "token" && (self.credentials_refused || self.refused_wires.contains(&wire)) {
            return Reply::Failed(failure(FailureKind::CredentialsRefused));
        }
        if self.chance(self.faults.failure) {
            return match self.roll(6) {
                0 | 1 => Reply::Failed(failure(FailureKind::Link)),
                2 => Reply::Failed(failure(FailureKind::Server)),
                3 => rate_limited(1 + self.roll(60)),
                4 => Reply::Failed(failure(FailureKind::Unreadable)),
                _ => Reply::Failed(failure(FailureKind::TokenRefused)),
            };
        }
        if word != "token" && self.tokens.get(&wire).is_none_or(|&end| end <= self.now) {
            return Reply::Failed(failure(FailureKind::TokenRefused));
        }
        self.carry_out(request, wire)
    }

    pub(super) fn users_page(&self, page: u32) -> Reply {
        let all: Vec<u32> = self.users.iter().copied().collect();
        Reply::Users(page_of(&all, page, |&n| user(&user_id(n))))
    }

    fn carry_out(&mut self, request: &Request, wire: WireNo) -> Reply {
        match request {
            Request::Token => {
                let end = self.now.saturating_add(self.token_life);
                self.tokens.insert(wire, end);
                Reply::Token {
                    life: self.token_life,
                }
            }
            Request::Users { page } => self.users_page(*page),
            Request::Queues { page } => {
                let all: Vec<(u32, Option<u32>)> =
                    self.queues.iter().map(|(&n, &m)| (n, m)).collect();
                Reply::Queues(page_of(&all, *page, |&(n, members)| QueueRecord {
                    queue: Arc::new(Queue {
                        id: QueueId::from(queue_id(n)),
                        name: format!("Queue {n}").into(),
                    }),
                    members,
                }))
            }
            Request::Stations { page } => {
                let all: Vec<u32> = (1..=self.stations).collect();
                Reply::Stations(page_of(&all, *page, |&n| {
                    Arc::new(Station {
                        id: StationId::from(format!("station-{n}")),
                        name: format!("Desk {n}").into(),
                        kind: "inin_remote".into(),
                        extension: "".into(),
                    })
                }))
            }
            Request::UsersById { ids } => {
                assert!((1..=100).contains(&ids.len()));
                Reply::Users(Page {
                    rows: ids.iter().map(|id| user(id.as_str())).collect(),
                    unread: 0,
                    number: 1,
                    of: 1,
                })
            }
            Request::Conversation { id } if self.unknown.contains(id) => {
                Reply::Failed(failure(FailureKind::NotFound))
            }
            Request::Conversation { .. } => Reply::Conversation("{}".into()),
            Request::ConversationDetails {
                only_open, page, ..
            } => {
                let mut answer = DetailsPage::default();
                if !only_open && *page == 1 {
                    for (id, at) in &self.endings {
                        answer.bodies.push(BodyText::from(id.as_str()));
                        answer.heads.push(DetailsHead {
                            id: Some(id.clone()),
                            ended: Some(*at),
                        });
                    }
                }
                Reply::ConversationDetails(answer)
            }
            Request::UserDetails { users, .. } => {
                assert!((1..=100).contains(&users.len()));
                Reply::UserDetails(DetailsPage::default())
            }
            Request::CreateChannel => {
                self.serial += 1;
                let id = format!("channel-{:06}", self.serial);
                if self.channels.len() == 20 {
                    // The oldest last-used, those without a connection first.
                    let used: BTreeSet<&str> =
                        self.sockets.values().map(|s| s.channel.as_str()).collect();
                    let oldest = self
                        .channels
                        .iter()
                        .min_by_key(|(id, channel)| (used.contains(id.as_str()), channel.used))
                        .map(|(id, _)| id.clone())
                        .unwrap();
                    self.channels.remove(&oldest);
                }
                let expires = self.now + self.channel_life;
                let ends = self
                    .tokens
                    .get(&wire)
                    .filter(|_| self.channels_end_with_token)
                    .map_or(expires, |&end| end.min(expires));
                let channel = Channel {
                    wire,
                    topics: BTreeSet::new(),
                    ends,
                    used: self.serial,
                };
                self.channels.insert(id.clone(), channel);
                Reply::Channel {
                    channel: ChannelId::from(id.as_str()),
                    expires: Some(at(expires).utc),
                }
            }
            Request::ProbeChannel { channel } => {
                let ends = self
                    .channels
                    .get(channel.expose())
                    .map(|channel| channel.ends);
                Reply::ChannelExists(ends.is_some_and(|ends| ends > self.now))
            }
            Request::Subscribe { channel, topics } => {
                let now = self.now;
                let Some(channel) = self
                    .channels
                    .get_mut(channel.expose())
                    .filter(|channel| channel.ends > now)
                else {
                    return Reply::Failed(failure(FailureKind::NotFound));
                };
                if let Some(kind) = (self.refuses)(topics) {
                    return Reply::Failed(failure(kind));
                }
                let mut verdicts = Vec::new();
                for topic in topics {
                    let said = (self.rejects)(topic.as_str());
                    let own = said.iter().find(|verdict| verdict.topic == *topic);
                    if own.is_none_or(|own| own.permitted) {
                        channel.topics.insert(topic.as_str().to_owned());
                    }
                    if own.is_none() {
                        verdicts.push(verdict(topic.as_str(), true));
                    }
                    verdicts.extend(said);
                }
                assert!(channel.topics.len() <= 1000);
                Reply::Subscribed(verdicts)
            }
            Request::Unsubscribe { channel } => {
                if let Some(channel) = self.channels.get_mut(channel.expose()) {
                    channel.topics.clear();
                }
                Reply::Unsubscribed
            }
            Request::Channels => Reply::Channels {
                own: self.channels.keys().map(|id| id.as_str().into()).collect(),
                others: self.foreign.len(),
            },
        }
    }

    /// What must hold whenever the feed is up and the platform is quiet: every user and queue of the roster is
    /// subscribed on exactly one channel with an open socket, and announced as flowing.
    pub(super) fn check_up(&self) {
        assert_eq!(self.session.feed(), Feed::Up);
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for socket in self.sockets.values().filter(|socket| socket.open) {
            for topic in &self.channels[&socket.channel].topics {
                *times.entry(topic).or_default() += 1;
            }
        }
        assert!(times.values().all(|&n| n == 1), "a topic on two channels");
        for n in &self.users {
            let topic = format!(
                "v2.users.{}?presence&routingStatus&station&conversations&conversations.calls",
                user_id(*n)
            );
            let whole = format!("{topic}&persistentconnection");
            let less = self.lessened.contains(n);
            let expected = [less.then_some(&1), (!less).then_some(&1)];
            let found = [topic, whole].map(|topic| times.get(topic.as_str()).copied());
            assert_eq!(found.each_ref().map(Option::as_ref), expected, "user {n}");
            assert!(self.flowing.contains_key(&user_id(*n)));
        }
        for (n, members) in &self.queues {
            let topic = format!(
                "v2.routing.queues.{}?conversations&conversations.calls",
                queue_id(*n)
            );
            let expected = (*members != Some(0)).then_some(&1);
            assert_eq!(times.get(topic.as_str()), expected, "{topic}");
        }
        assert!(self.tokens_in_flight.len() <= 1);
    }
}

pub(super) fn at(elapsed: Duration) -> Now {
    Now {
        elapsed,
        utc: UtcMicros(EPOCH + i64::try_from(elapsed.as_micros()).unwrap()),
    }
}

fn user(id: &str) -> UserRecord {
    UserRecord {
        user: Arc::new(User {
            id: UserId::from(id),
            name: "A user".into(),
            email: "".into(),
        }),
        presence: None,
        routing_status: None,
        station: None,
    }
}

fn names(users: &[UserId], queues: &[QueueId]) -> Vec<String> {
    let users = users.iter().map(|id| id.as_str().to_owned());
    users
        .chain(queues.iter().map(|id| id.as_str().to_owned()))
        .collect()
}

fn page_of<T, R>(all: &[T], number: u32, row: impl Fn(&T) -> R) -> Page<R> {
    let pages: Vec<&[T]> = all.chunks(100).collect();
    let rows = pages
        .get(usize::try_from(number).unwrap() - 1)
        .copied()
        .unwrap_or_default();
    Page {
        rows: rows.iter().map(row).collect(),
        unread: 0,
        number,
        of: u32::try_from(pages.len()).unwrap(),
    }
}
