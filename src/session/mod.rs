//! What to do next: tokens, channels, subscriptions, reconnects.
//!
//! Knows: the state of the conversation with the platform, and time as it is told. Does not know: sockets, HTTP, the
//! machine's clock, what a call is. Input: replies and socket events. Output: orders, the roster, the state of the feed.
//!
//! | file         | concept                                                                                  |
//! |--------------|------------------------------------------------------------------------------------------|
//! | `token`      | when to fetch one                                                                        |
//! | `roster`     | reading the lists of users, queues and stations, page by page                            |
//! | `shard`      | topics to channels: who is followed where, and what the platform refused                 |
//! | `channel`    | a channel, its end, its only socket                                                      |
//! | `connection` | keeping each shard connected: probe, open, replace                                       |
//! | `liveness`   | whether a socket's link is alive                                                         |
//! | `errand`     | a request that has to succeed sooner or later                                            |
//! | `backoff`    | how long to wait before the next try                                                     |
//! | `budget`     | how many requests may go out                                                             |
//! | `coverage`   | what the feed covers, and why it is not more                                             |
//!
//! The machine is driven by its state, not by a script: every input changes what is known, then one pass
//! (`Session::advance`) looks at all that is known and orders whatever is due and not under way. A lost, late or
//! doubled answer can therefore delay it, but not derail it.

mod backoff;
mod budget;
mod channel;
mod connection;
mod coverage;
mod errand;
mod liveness;
mod roster;
mod shard;
#[cfg(test)]
mod tests;
mod token;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backoff::Jitter;
use budget::{Budget, Purpose};
use channel::Socket;
use coverage::Coverage;
use errand::{Errand, said};
use roster::Listing;
use shard::{Lessened, MOST_CHANNELS, Narrowed, Shard, Subject};
use token::Token;

use crate::model::feed::{Feed, Scope, Why};
use crate::model::id::{ChannelId, QueueId, StationId, Topic, UserId};
use crate::model::log::LogLevel;
use crate::model::order::{
    Failure, FailureKind, Order, OrderId, Page, Reply, Request, SocketEvent, SocketId,
};
use crate::model::roster::{Queue, QueueRecord, Station, UserRecord};
use crate::model::time::Now;

/// An order that has no answer by then is taken for failed. The wire always answers, and much sooner: this is for the
/// day on which it does not.
const NO_ANSWER: Duration = Duration::from_secs(300);
/// A longer `Retry-After` is not about the rate of requests but about a limit of that one resource.
const LONGEST_SILENCE: Duration = Duration::from_secs(180);
/// While the roster is still being read, a shard's topics are subscribed in portions of at least this many: early, but
/// not in a request for each page.
const PORTION: usize = 300;
/// How often refused topics are asked for again: a permission may have been granted.
const REFUSED_AGAIN: Duration = Duration::from_secs(3600);

/// What a [`Session`] is given at its birth.
#[derive(Debug, Clone)]
pub struct Config {
    /// No more requests than this are ordered in any 60 seconds.
    pub requests_per_minute: u32,
    /// Users and queues are listed again this long after the last complete listing.
    pub roster_interval: Duration,
    /// What the jitter of the back-off is drawn from: the same seed and inputs give the same outputs.
    pub seed: u64,
}

/// What a [`Session`] tells the other rooms.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Users as a page of the roster shows them; every listing tells all of them again.
    Users(Vec<UserRecord>),
    /// Queues as a page of the roster shows them; every listing tells all of them again.
    Queues(Vec<Arc<Queue>>),
    /// Stations as a page of their list shows them.
    Stations(Vec<Arc<Station>>),
    /// Users that were missing from two complete listings in a row.
    UsersRemoved(Vec<UserId>),
    /// The topics of these users and queues flow from now on.
    TopicsFlowing {
        /// The socket that they arrive on.
        socket: SocketId,
        /// Whose topics.
        users: Arc<[UserId]>,
        /// Whose topics.
        queues: Arc<[QueueId]>,
    },
    /// The topics of these users and queues ceased to flow.
    TopicsInterrupted {
        /// The socket that they arrived on.
        socket: SocketId,
        /// Whose topics.
        users: Arc<[UserId]>,
        /// Whose topics.
        queues: Arc<[QueueId]>,
        /// When the last frame came on that socket: what happened after it was not seen.
        since: Now,
    },
    /// The feed's state is another one; never told twice in a row.
    Feed {
        /// What the feed covers.
        feed: Feed,
        /// Why it is not more.
        why: Why,
        /// Which users and topics are not followed; empty lists mean all of it.
        scope: Scope,
        /// For people: what happened and what to check.
        message: Arc<str>,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line. Holds no secret and no person's data.
        message: String,
    },
}

/// The conversation with one region.
///
/// It has four kinds of methods:
///
/// - getters, which take `&self` and may be called whenever desired;
/// - handlers of what comes in, named `handle_*`;
/// - `poll_*`, for what goes out.
///
/// After each call of a handler poll everything that goes out, in this order: [`Self::poll_notice`] until it is empty,
/// [`Self::poll_order`] until it is empty, then [`Self::poll_timeout`]. (Notices come first so that the other rooms know
/// of a user before a frame about that user can arrive.) Only [`SocketEvent::Activity`] needs no polling after it: it
/// produces nothing and at most postpones the timeout. Times must not go backwards from call to call; answers and
/// events of different orders and sockets may come in any order, late, doubled or not at all.
pub struct Session {
    roster_interval: Duration,
    jitter: Jitter,
    budget: Budget,
    token: Token,
    users: Listing<UserId>,
    queues: Listing<QueueId>,
    /// Which stations there are is not kept: only calls needs to know.
    stations: Listing<StationId>,
    /// There may be stations that no list has named, and no reading for them has begun.
    are_stations_wanted: bool,
    /// The platform refused the topic of persistent connections to someone.
    was_lessened: bool,
    /// Only ever appended.
    shards: Vec<Shard>,
    /// In which shard each followed subject is.
    placed: BTreeMap<Subject, usize>,
    /// For whom there was no room.
    unplaced: BTreeSet<Subject>,
    /// Grows with every change of `unplaced`.
    unplaced_revision: u64,
    /// Which shard a socket that is opening or open belongs to; one for each at the most.
    sockets: BTreeMap<SocketId, usize>,
    /// What is under way.
    asked: BTreeMap<OrderId, Asked>,
    /// Channels that were left and still have subscriptions.
    left: VecDeque<ChannelId>,
    last_order: u64,
    last_socket: u64,
    orders: VecDeque<Order>,
    notices: VecDeque<Notice>,
    wake: Option<Duration>,
    coverage: Option<Coverage>,
    reconnects: u64,
    ignored: u64,
}

/// Its counts only: what it holds names people.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("feed", &self.feed())
            .field("channels", &self.channels())
            .field("sockets", &self.sockets())
            .field("topics", &self.topics())
            .finish_non_exhaustive()
    }
}

/// An order that was given and not answered yet.
#[derive(Debug, Clone, Copy)]
struct Asked {
    what: What,
    /// Of the token it was sent with.
    generation: u64,
    limit: Duration,
}

/// What an order was for. Numbers are those of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Token,
    Users,
    Queues,
    Stations,
    Create(usize),
    Probe(usize),
    Subscribe(usize),
    Unsubscribe,
}

impl Session {
    /// A session that knows nothing yet; its first orders can be polled at once.
    #[must_use]
    pub fn new(config: Config, now: Now) -> Self {
        let mut session = Self {
            roster_interval: config.roster_interval,
            jitter: Jitter::new(config.seed),
            budget: Budget::new(config.requests_per_minute),
            token: Token::default(),
            users: Listing::default(),
            queues: Listing::default(),
            stations: Listing::default(),
            are_stations_wanted: true,
            was_lessened: false,
            shards: Vec::new(),
            placed: BTreeMap::new(),
            unplaced: BTreeSet::new(),
            unplaced_revision: 0,
            sockets: BTreeMap::new(),
            asked: BTreeMap::new(),
            left: VecDeque::new(),
            last_order: 0,
            last_socket: 0,
            orders: VecDeque::new(),
            notices: VecDeque::new(),
            wake: None,
            coverage: None,
            reconnects: 0,
            ignored: 0,
        };
        session.advance(now);
        session
    }

    // Input

    /// The answer to an order. One that was answered before, has become pointless or was never given is ignored.
    pub fn handle_reply(&mut self, id: OrderId, reply: Reply, now: Now) {
        match self.asked.remove(&id) {
            Some(asked) => self.take_reply(asked, reply, now),
            None => self.ignored += 1,
        }
        self.advance(now);
    }

    /// What happened to a websocket. Events of one that was closed are ignored.
    ///
    /// [`SocketEvent::Activity`] comes with every frame and costs a look-up among at most 20 sockets, no allocation.
    pub fn handle_socket(&mut self, socket: SocketId, event: SocketEvent, now: Now) {
        let Some(&index) = self.sockets.get(&socket) else {
            self.ignored += 1;
            return;
        };
        if matches!(event, SocketEvent::Activity | SocketEvent::Pong) {
            if let Some(channel) = &mut self.shards[index].channel
                && let Socket::Open { watch, .. } = &mut channel.socket
            {
                watch.heard(now);
            }
            // The timeout that stands comes early at the worst, and then finds that it has nothing to do.
            return;
        }
        self.take_socket_event(index, event, now);
        self.advance(now);
    }

    /// A station was named that no list has named: the stations are listed again, once the roster interval has passed
    /// since they last were.
    pub fn handle_unknown_station(&mut self, now: Now) {
        self.are_stations_wanted = true;
        self.advance(now);
    }

    /// The time that [`Self::poll_timeout`] named has come. Earlier and superfluous calls do no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance(now);
    }

    // Output

    /// The next thing to do on the wire.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// The next thing to tell the other rooms.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// When to call [`Self::handle_timeout`], as a value of [`Now::elapsed`].
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Duration> {
        self.wake
    }

    // Getters

    /// What the feed covers now.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.coverage
            .as_ref()
            .map_or(Feed::Down, |coverage| coverage.feed)
    }

    /// Why it is not more.
    #[must_use]
    pub fn why(&self) -> Why {
        self.coverage
            .as_ref()
            .map_or(Why::Connecting, |coverage| coverage.why)
    }

    /// Notification channels that it has.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.shards
            .iter()
            .filter(|shard| shard.channel.is_some())
            .count()
    }

    /// Websockets that are open.
    #[must_use]
    pub fn sockets(&self) -> usize {
        let channels = self
            .shards
            .iter()
            .filter_map(|shard| shard.channel.as_ref());
        channels
            .filter(|channel| channel.open_socket().is_some())
            .count()
    }

    /// Combined topics that flow.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.shards.iter().map(|shard| shard.counts().flowing).sum()
    }

    /// Users of the roster, as far as it was read.
    #[must_use]
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// Queues of the roster that have members, as far as it was read.
    #[must_use]
    pub fn queues(&self) -> usize {
        self.queues.len()
    }

    /// Users and queues for which the channels have no room.
    #[must_use]
    pub fn unfollowed(&self) -> usize {
        self.unplaced.len()
    }

    /// Topics that the platform refused, each with its reason.
    pub fn rejected(&self) -> impl Iterator<Item = (&Topic, &str)> {
        let refusals = self.shards.iter().flat_map(Shard::refusals);
        refusals.flat_map(|(_, refusal)| {
            refusal
                .topics
                .iter()
                .map(|topic| (topic, refusal.reason.as_str()))
        })
    }

    /// Requests that were ordered in the 60 s before `now`.
    #[must_use]
    pub fn requests_last_minute(&self, now: Now) -> usize {
        self.budget.in_last_minute(now.elapsed)
    }

    /// Sockets that were opened in the place of one that had been open before.
    #[must_use]
    pub const fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// Answers and socket events that came late, twice or for nothing known.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    // The pass over all that is known

    /// Orders whatever is due and not under way, in the order of its importance, and notes when to look again.
    fn advance(&mut self, now: Now) {
        self.wake = None;
        self.give_up_waiting(now);
        self.fetch_token(now);
        for index in 0..self.shards.len() {
            self.keep_connected(index, now);
        }
        for index in 0..self.shards.len() {
            self.subscribe(index, false, now);
        }
        self.clean_up(now);
        self.read_roster(now);
        for index in 0..self.shards.len() {
            self.subscribe(index, true, now);
        }
        self.read_stations(now);
        self.tell_coverage();
    }

    /// Whether a time has come; if not, notes that it will.
    fn is_due(&mut self, at: Duration, now: Now) -> bool {
        if at <= now.elapsed {
            return true;
        }
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        false
    }

    /// Takes a request out of the budget, if there is a token for it and room. If not, the token or the passing of time
    /// leads to another pass.
    fn may_ask(&mut self, what: What, now: Now) -> bool {
        if what != What::Token && self.token.usable().is_none() {
            return false;
        }
        let purpose = match what {
            What::Users | What::Queues | What::Unsubscribe => Purpose::Roster,
            What::Stations => Purpose::Aside,
            What::Token | What::Create(_) | What::Probe(_) | What::Subscribe(_) => Purpose::Feed,
        };
        match self.budget.take(purpose, now.elapsed) {
            Ok(()) => true,
            Err(at) => {
                self.is_due(at, now);
                false
            }
        }
    }

    fn ask(&mut self, what: What, request: Request, now: Now) {
        self.last_order += 1;
        let id = OrderId(self.last_order);
        let limit = now.elapsed + NO_ANSWER;
        self.is_due(limit, now);
        let generation = self.token.usable().unwrap_or_default();
        self.asked.insert(
            id,
            Asked {
                what,
                generation,
                limit,
            },
        );
        if let Some(errand) = self.errand(what) {
            errand.sent(id);
        }
        self.orders.push_back(Order::Request { id, what: request });
    }

    fn errand(&mut self, what: What) -> Option<&mut Errand> {
        Some(match what {
            What::Token => &mut self.token.errand,
            What::Users => &mut self.users.errand,
            What::Queues => &mut self.queues.errand,
            What::Stations => &mut self.stations.errand,
            What::Create(index) => &mut self.shards[index].create,
            What::Probe(index) => &mut self.shards[index].probe,
            What::Subscribe(index) => &mut self.shards[index].subscribe,
            What::Unsubscribe => return None,
        })
    }

    /// What an order was to do, for people.
    fn doing(&self, what: What) -> String {
        match what {
            What::Token => "Fetching a token".to_owned(),
            What::Users => format!("Listing the users ({})", self.users.place()),
            What::Queues => format!("Listing the queues ({})", self.queues.place()),
            What::Stations => format!("Listing the stations ({})", self.stations.place()),
            What::Create(index) => format!("Making notification channel {}", index + 1),
            What::Probe(index) => format!("Asking for notification channel {}", index + 1),
            What::Subscribe(index) => format!("Subscribing to topics on channel {}", index + 1),
            What::Unsubscribe => "Taking the topics off a channel that was left".to_owned(),
        }
    }

    fn give_up_waiting(&mut self, now: Now) {
        let over: Vec<OrderId> = self
            .asked
            .iter()
            .filter(|(_, asked)| asked.limit <= now.elapsed)
            .map(|(&id, _)| id)
            .collect();
        for id in over {
            if let Some(asked) = self.asked.remove(&id) {
                let failure = Failure {
                    kind: FailureKind::Link,
                    status: None,
                    retry_after: None,
                    message: format!("no answer within {} s", NO_ANSWER.as_secs()),
                };
                self.take_failure(asked, &failure, now);
            }
        }
        if let Some(next) = self.asked.values().map(|asked| asked.limit).min() {
            self.is_due(next, now);
        }
    }

    fn fetch_token(&mut self, now: Now) {
        if let Some(end) = self.token.expire(now.elapsed) {
            self.is_due(end, now);
        }
        if let Some(at) = self.token.fetch_at()
            && self.is_due(at, now)
            && self.may_ask(What::Token, now)
        {
            self.ask(What::Token, Request::Token, now);
        }
    }

    fn read_roster(&mut self, now: Now) {
        if self.users.errand.is_idle()
            && self.is_due(self.users.errand.not_before(), now)
            && self.may_ask(What::Users, now)
        {
            let page = self.users.page();
            self.ask(What::Users, Request::Users { page }, now);
        }
        if self.queues.errand.is_idle()
            && self.is_due(self.queues.errand.not_before(), now)
            && self.may_ask(What::Queues, now)
        {
            let page = self.queues.page();
            self.ask(What::Queues, Request::Queues { page }, now);
        }
    }

    /// Lists the stations, when everybody who is to be followed is: no call waits for the kind of a station. Again only
    /// if there may be new ones.
    fn read_stations(&mut self, now: Now) {
        let waiting = |shard: &Shard| shard.counts().wanted + shard.counts().asked > 0;
        if (self.are_stations_wanted || self.stations.page() > 1)
            && self.users.was_read()
            && self.queues.was_read()
            && !self.shards.iter().any(waiting)
            && self.stations.errand.is_idle()
            && self.is_due(self.stations.errand.not_before(), now)
            && self.may_ask(What::Stations, now)
        {
            let page = self.stations.page();
            self.ask(What::Stations, Request::Stations { page }, now);
        }
    }

    /// Subscribes what is to be subscribed on a shard's channel. `flush`: also a small portion, unless a page of the
    /// roster is on its way that may add to it.
    fn subscribe(&mut self, index: usize, flush: bool, now: Now) {
        let more_comes =
            self.users.errand.pending().is_some() || self.queues.errand.pending().is_some();
        let shard = &self.shards[index];
        let Some(channel) = &shard.channel else {
            return;
        };
        let channel = channel.id.clone();
        let wanted = shard.counts().wanted;
        let worth_it = wanted >= PORTION || !shard.has_room() || (flush && !more_comes);
        if wanted == 0 || !worth_it || !shard.subscribe.is_idle() {
            return;
        }
        if self.is_due(self.shards[index].subscribe.not_before(), now)
            && self.may_ask(What::Subscribe(index), now)
        {
            let shard = &mut self.shards[index];
            shard.asked_at = now.elapsed;
            let topics = shard.ask();
            self.ask(
                What::Subscribe(index),
                Request::Subscribe { channel, topics },
                now,
            );
        }
    }

    /// Takes the topics off channels that were left. Tried once: such a channel ends by itself.
    fn clean_up(&mut self, now: Now) {
        while let Some(channel) = self.left.front().cloned() {
            if !self.may_ask(What::Unsubscribe, now) {
                return;
            }
            self.left.pop_front();
            self.ask(What::Unsubscribe, Request::Unsubscribe { channel }, now);
        }
    }

    fn tell_coverage(&mut self) {
        if self.users.was_read() && self.queues.was_read() {
            self.shards.iter_mut().for_each(Shard::note_complete);
        }
        let coverage = self.coverage();
        let news = !self
            .coverage
            .as_ref()
            .is_some_and(|told| told.says_the_same(&coverage));
        if news {
            self.notices.push_back(Notice::Feed {
                feed: coverage.feed,
                why: coverage.why,
                scope: coverage.scope.clone(),
                message: Arc::clone(&coverage.message),
            });
        }
        self.coverage = Some(coverage);
    }

    fn log(&mut self, level: LogLevel, message: String) {
        self.notices.push_back(Notice::Log { level, message });
    }

    // What answers mean

    fn take_reply(&mut self, asked: Asked, reply: Reply, now: Now) {
        if !matches!(reply, Reply::Failed(_)) && asked.what != What::Token {
            self.token.proved(asked.generation);
        }
        match (asked.what, reply) {
            (_, Reply::Failed(failure)) => self.take_failure(asked, &failure, now),
            (What::Token, Reply::Token { life }) => {
                self.token.granted(life, now.elapsed);
                self.log(
                    LogLevel::Info,
                    format!("A token was granted; it lives for {} s", life.as_secs()),
                );
            }
            // The list became shorter under the reading, or something on the way keeps answers.
            (What::Users, Reply::Users(Page { number, .. })) if number != self.users.page() => {
                self.take_failure(asked, &another_page(number), now);
                self.users.start_over();
            }
            (What::Queues, Reply::Queues(Page { number, .. })) if number != self.queues.page() => {
                self.take_failure(asked, &another_page(number), now);
                self.queues.start_over();
            }
            (What::Stations, Reply::Stations(Page { number, .. }))
                if number != self.stations.page() =>
            {
                self.take_failure(asked, &another_page(number), now);
                self.stations.start_over();
                self.are_stations_wanted = true;
            }
            (What::Stations, Reply::Stations(page)) => self.take_stations(page, now),
            (What::Users, Reply::Users(page)) => self.take_users(page, now),
            (What::Queues, Reply::Queues(page)) => self.take_queues(page, now),
            (What::Create(index), Reply::Channel { channel, expires }) => {
                self.shards[index].create.succeeded(now.elapsed);
                self.take_channel(index, channel, expires, asked.generation, now);
            }
            (What::Probe(index), Reply::ChannelExists(exists)) => {
                self.shards[index].probe.succeeded(now.elapsed);
                self.take_probe(index, exists, now);
            }
            (What::Subscribe(index), Reply::Subscribed(verdicts)) => {
                let shard = &mut self.shards[index];
                shard.subscribe.succeeded(now.elapsed);
                let before = shard.counts().refused;
                let lessened = shard.settle(&verdicts);
                let refused = shard.counts().refused;
                let first = shard
                    .refusals()
                    .next()
                    .map(|(_, refusal)| refusal.reason.clone());
                if let Some(reason) = first
                    && refused != before
                {
                    self.log(
                        LogLevel::Warn,
                        format!(
                            "Channel {}: topics of {refused} users and queues are refused, the first with: {reason}",
                            index + 1
                        ),
                    );
                }
                self.tell_lessened(index, lessened);
                self.tell_flowing(index);
            }
            (What::Unsubscribe, Reply::Unsubscribed) => {}
            (_, _) => {
                let failure = unfitting("the answer is one to another question".to_owned());
                self.take_failure(asked, &failure, now);
            }
        }
    }

    /// Tells whose persistent connections the platform refuses to show: the first time so that it is not overlooked.
    fn tell_lessened(&mut self, index: usize, lessened: Option<Lessened>) {
        let Some(Lessened { users, reason }) = lessened else {
            return;
        };
        let level = if std::mem::replace(&mut self.was_lessened, true) {
            LogLevel::Info
        } else {
            LogLevel::Warn
        };
        self.log(
            level,
            format!(
                "Channel {}: the persistent connections of {users} users are refused, with: {reason}. Everything else \
                 of them is followed; the refused topics are not asked for again before the next start",
                index + 1
            ),
        );
    }

    fn take_failure(&mut self, asked: Asked, failure: &Failure, now: Now) {
        let doing = self.doing(asked.what);
        if let What::Subscribe(index) = asked.what {
            let of_topics = matches!(failure.kind, FailureKind::Refused | FailureKind::Forbidden);
            let narrowed = if of_topics {
                self.shards[index].narrow(said(failure))
            } else {
                Narrowed::No
            };
            let how = match narrowed {
                Narrowed::Lessened => {
                    Some("They are asked for without those of persistent connections")
                }
                Narrowed::Divided => {
                    Some("They are asked for in smaller portions, to find those that are refused")
                }
                Narrowed::No => None,
            };
            if let Some(how) = how {
                self.shards[index].subscribe.failed_in_this_way();
                return self.log(
                    LogLevel::Warn,
                    format!("{doing} failed: {}. {how}", said(failure)),
                );
            }
            self.shards[index].unask();
        }
        match failure.kind {
            FailureKind::RateLimited => {
                if let Some(wait) = failure.retry_after.filter(|&wait| wait <= LONGEST_SILENCE) {
                    self.budget.close_until(now.elapsed + wait);
                }
            }
            FailureKind::TokenRefused if asked.what != What::Token => {
                if self.token.usable() == Some(asked.generation) {
                    self.log(
                        LogLevel::Warn,
                        format!("{doing}: the token is refused; a new one is fetched"),
                    );
                }
                self.token
                    .refused(asked.generation, now.elapsed, &mut self.jitter);
                if self
                    .errand(asked.what)
                    .is_some_and(Errand::token_was_refused)
                {
                    return;
                }
            }
            // The platform says that the channel does not exist.
            FailureKind::NotFound => {
                if let What::Probe(index) | What::Subscribe(index) = asked.what {
                    return self.channel_is_gone(index, now);
                }
            }
            _ => {}
        }
        if let What::Probe(index) = asked.what
            && self.shards[index].probe.is_hopeless(failure)
        {
            self.log(
                LogLevel::Warn,
                format!("{doing} failed: {}. A new channel is made", said(failure)),
            );
            return self.leave_channel(index, now);
        }
        let Self {
            token,
            users,
            queues,
            stations,
            shards,
            jitter,
            ..
        } = self;
        let errand = match asked.what {
            What::Token => &mut token.errand,
            What::Users => &mut users.errand,
            What::Queues => &mut queues.errand,
            What::Stations => &mut stations.errand,
            What::Create(index) => &mut shards[index].create,
            What::Probe(index) => &mut shards[index].probe,
            What::Subscribe(index) => &mut shards[index].subscribe,
            What::Unsubscribe => return,
        };
        let is_news = errand.failed(&doing, failure, now.elapsed, jitter);
        let is_refused = matches!(
            failure.kind,
            FailureKind::Forbidden | FailureKind::NotFound | FailureKind::Refused
        );
        let is_aside = asked.what == What::Stations;
        if is_aside && is_refused {
            errand.postpone(now.elapsed + REFUSED_AGAIN);
        }
        let wait = errand.not_before().saturating_sub(now.elapsed).as_secs();
        let level = match (is_news, failure.kind) {
            (true, FailureKind::CredentialsRefused | FailureKind::Forbidden) if !is_aside => {
                LogLevel::Error
            }
            (true, _) => LogLevel::Warn,
            (false, _) => LogLevel::Debug,
        };
        self.log(
            level,
            format!("{doing} failed: {}. Next try in {wait} s", said(failure)),
        );
    }

    fn take_users(&mut self, page: Page<UserRecord>, now: Now) {
        let Page {
            rows, unread, of, ..
        } = page;
        for row in &rows {
            self.place(&Subject::User(row.user.id.clone()));
        }
        let ids = rows.iter().map(|row| row.user.id.clone());
        let gone = self
            .users
            .take_page(ids, unread, of, now.elapsed, self.roster_interval);
        self.notices.push_back(Notice::Users(rows));
        let Some(gone) = gone else {
            return;
        };
        self.log(
            LogLevel::Debug,
            format!("The roster was read: {} users", self.users.len()),
        );
        for shard in &mut self.shards {
            if shard.counts().refused > 0 && shard.asked_at + REFUSED_AGAIN <= now.elapsed {
                shard.ask_refused_again();
            }
        }
        for id in &gone {
            self.displace(&Subject::User(id.clone()));
        }
        if !gone.is_empty() {
            self.log(
                LogLevel::Info,
                format!("{} users left the roster", gone.len()),
            );
            self.notices.push_back(Notice::UsersRemoved(gone));
        }
    }

    fn take_queues(&mut self, page: Page<QueueRecord>, now: Now) {
        let Page {
            rows, unread, of, ..
        } = page;
        // What happens in a queue without members reaches no agent of its own.
        let followed: Vec<QueueId> = rows
            .iter()
            .filter(|row| row.members != Some(0))
            .map(|row| row.queue.id.clone())
            .collect();
        for id in &followed {
            self.place(&Subject::Queue(id.clone()));
        }
        let gone = self.queues.take_page(
            followed.into_iter(),
            unread,
            of,
            now.elapsed,
            self.roster_interval,
        );
        self.notices.push_back(Notice::Queues(
            rows.into_iter().map(|row| row.queue).collect(),
        ));
        for id in gone.into_iter().flatten() {
            self.displace(&Subject::Queue(id));
        }
    }

    fn take_stations(&mut self, page: Page<Arc<Station>>, now: Now) {
        let Page {
            rows, unread, of, ..
        } = page;
        if self.stations.page() == 1 {
            self.are_stations_wanted = false;
        }
        let nobody = std::iter::empty();
        self.stations
            .take_page(nobody, unread, of, now.elapsed, self.roster_interval);
        self.notices.push_back(Notice::Stations(rows));
    }

    /// Finds a shard for a subject: the one that it is in, the first with room, a new one while channels are left.
    fn place(&mut self, subject: &Subject) {
        if let Some(&index) = self.placed.get(subject) {
            return self.shards[index].follow(subject);
        }
        let index = match self.shards.iter().position(Shard::has_room) {
            Some(index) => index,
            None if self.shards.len() < MOST_CHANNELS => {
                self.shards.push(Shard::default());
                self.shards.len() - 1
            }
            None => self.shards.len(),
        };
        if index < self.shards.len() && subject.topic().is_some() {
            self.unplaced_revision += u64::from(self.unplaced.remove(subject));
            self.placed.insert(subject.clone(), index);
            self.shards[index].follow(subject);
        } else if self.unplaced.insert(subject.clone()) {
            self.unplaced_revision += 1;
            if self.unplaced.len() > 1 {
                return;
            }
            self.log(
                LogLevel::Error,
                "There are more users and queues than the notification channels of one client id can carry".to_owned(),
            );
        }
    }

    fn displace(&mut self, subject: &Subject) {
        self.unplaced_revision += u64::from(self.unplaced.remove(subject));
        if let Some(&index) = self.placed.get(subject)
            && self.shards[index].leave(subject)
        {
            self.placed.remove(subject);
        }
    }
}

/// An answer that came and is not what was asked for.
fn unfitting(message: String) -> Failure {
    Failure {
        kind: FailureKind::Unreadable,
        status: None,
        retry_after: None,
        message,
    }
}

fn another_page(number: u32) -> Failure {
    unfitting(format!(
        "page {number} came in the place of the one that was asked for. The list is read anew; if this stays, check \
         what on the way to the region keeps answers"
    ))
}
