//! What to do next: tokens, channels, subscriptions, successions, and the reading of what was missed.
//!
//! Knows: the state of the conversation with the platform, and time as it is told. Does not know: sockets, HTTP, the
//! machine's clock, what a call is. Input: replies and socket events. Output: orders, the roster, the state of the feed.
//!
//! | file         | concept                                                                                  |
//! |--------------|------------------------------------------------------------------------------------------|
//! | `notice`     | what the other rooms are told                                                            |
//! | `wire`       | which way to the region is used, and the token of each                                   |
//! | `token`      | when to fetch one                                                                        |
//! | `roster`     | reading the lists of users, queues and stations, page by page                            |
//! | `subject`    | whom the feed follows, and by which topic                                                |
//! | `placement`  | in which shard each subject is, and for whom there is no room                            |
//! | `subscription` | asking for topics on a line's channel, and taking them off                             |
//! | `following`  | how far the following of each subject has come on one line                               |
//! | `line`       | one channel with its one socket, and all that was opened for it                          |
//! | `shard`      | the subjects of one channel: a line that leads, at times its successor                   |
//! | `channel`    | a channel, its end, its only socket                                                      |
//! | `connection` | keeping a line connected: probe, open, begin anew                                        |
//! | `succession` | the one road for every change of connection: a successor proves itself, then leads       |
//! | `liveness`   | whether a socket's link is alive                                                         |
//! | `left`       | channels that were left: taking their topics off                                         |
//! | `census`     | channels of the client id that others made                                               |
//! | `request`    | what each request under way is for, what its answer means, and its failure               |
//! | `errand`     | a request that has to succeed sooner or later                                            |
//! | `backoff`    | how long to wait before the next try                                                     |
//! | `retry`      | whether a single request is repeated                                                     |
//! | `budget`     | how many requests may go out                                                             |
//! | `schedule`   | when the daily restart is due                                                            |
//! | `coverage`   | what the feed covers, and why it is not more                                             |
//! | `gap`        | the ledger: whose topics did not flow, since when, and what became of it                 |
//! | `ledger`     | the pass over gaps: between what flows, the ledger and recovery                          |
//! | `recovery`   | reading what the platform still tells of the time of a gap                               |
//! | `patience`   | for how long the platform may fail at a read                                             |
//! | `sweep`      | one reading of all conversations of a time, page by page                                 |
//! | `single`     | which conversations are read one by one, and in which order                              |
//!
//! **Lines.** A line is a channel with its one socket, and owns what it opened: however it ends, its socket is closed,
//! its topics are taken off, and what was asked for it is forgotten. Each shard of 900 subjects has a line that leads.
//!
//! **Successions.** No line that flows is ever cut to make room for a newer one. Whatever calls for another connection
//! (a token or channel near its end, a socket that will be closed, a restart, new settings) brings up a successor beside
//! the lead, one at a time; only when it has proved itself and both were read for a while is the predecessor left.
//!
//! **Wires.** Settings that change the way to the region (credentials, certificates, proxy) make a new wire with a token
//! of its own. The lines move to it by succession; the old wire is left when nothing uses it any more.
//!
//! The machine is driven by its state, not by a script: every input changes what is known, then one pass
//! (`Session::advance`) looks at all that is known and orders whatever is due and not under way. A lost, late or
//! doubled answer can therefore delay it, but not derail it.

mod backoff;
mod budget;
mod census;
mod channel;
mod connection;
mod coverage;
mod errand;
mod following;
mod gap;
mod ledger;
mod left;
mod line;
mod liveness;
mod notice;
mod patience;
mod placement;
mod recovery;
mod request;
mod retry;
mod roster;
mod schedule;
mod shard;
mod single;
mod subject;
mod subscription;
mod succession;
mod sweep;
#[cfg(test)]
mod tests;
mod token;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use backoff::Jitter;
use budget::Budget;
use census::Census;
use channel::Socket;
use coverage::Coverage;
use following::Following;
use gap::Ledger;
use left::Left;
use line::{Line, LineId};
use recovery::Recovery;
use request::Asked;
use roster::Listing;
use schedule::Schedule;
use shard::{PER_CHANNEL, Shard};
use subject::Subject;
use succession::Restart;
use token::Token;

pub use budget::Spent;
pub use schedule::DailyRestart;

pub use gap::{GapChange, Told};
pub use notice::Notice;
pub use recovery::{LiveCall, ReadBody};

use crate::model::feed::{Feed, Why};
use crate::model::gap::{GapId, Shortfall};
use crate::model::id::{ChannelId, QueueId, StationId, Topic, UserId};
use crate::model::log::LogLevel;
use crate::model::order::{Order, OrderId, Reply, SocketEvent, SocketId, WireNo};
use crate::model::role::Role;
use crate::model::succession::SuccessionReason;
use crate::model::time::{Now, UtcMicros};
use crate::settings::RetryRules;

/// How often refused topics are asked for again: a permission may have been granted.
const REFUSED_AGAIN: Duration = Duration::from_secs(3600);

/// What a [`Session`] is given at its birth, and again when the settings change.
#[derive(Debug, Clone)]
pub struct Config {
    /// No more requests than this are ordered in any 60 seconds.
    pub requests_per_minute: u32,
    /// Users and queues are listed again this long after the last complete listing.
    pub roster_interval: Duration,
    /// Users and queues that are followed on one channel. No setting of the operator's: a trial of many channels needs
    /// fewer people so. Not changed by other settings.
    pub topics_per_channel: usize,
    /// For how long predecessor and successor are both read.
    pub overlap: Duration,
    /// With a role, the client id's channels are shared with another adapter.
    pub role: Option<Role>,
    /// How a single request is repeated.
    pub retry: RetryRules,
    /// When the restart of the day is; `None`: never.
    pub restart: Option<DailyRestart>,
    /// What the jitter of the back-off is drawn from: the same seed and inputs give the same outputs.
    pub seed: u64,
    /// A live call that nothing was heard of for so long is read.
    pub quiet_call_read: Duration,
    /// So long after its end a gap is read once more: the platform's analytics take a while to tell what happened.
    pub second_pass: Duration,
    /// The number that was given to a gap last, in an earlier life. Not changed by other settings.
    pub last_gap: GapId,
    /// Up to then an earlier life heard everything ([`Session::covered_until`]): from then to the start is a gap of its
    /// own. Not changed by other settings.
    pub covered_until: Option<UtcMicros>,
    /// Until when an earlier session of the same start heard everything: the first gap begins there. `None`: this is the
    /// first. Not changed by other settings.
    pub heard_until: Option<UtcMicros>,
    /// What an earlier session of the same start has spent of the budget. Not changed by other settings.
    pub spent: Spent,
}

/// The settings' defaults.
impl Default for Config {
    fn default() -> Self {
        Self {
            requests_per_minute: 270,
            roster_interval: Duration::from_secs(300),
            topics_per_channel: PER_CHANNEL,
            overlap: Duration::from_secs(5),
            role: None,
            retry: RetryRules::default(),
            restart: None,
            seed: 0,
            quiet_call_read: Duration::from_secs(600),
            second_pass: Duration::from_secs(120),
            last_gap: GapId(0),
            covered_until: None,
            heard_until: None,
            spent: Spent::default(),
        }
    }
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
    topics_per_channel: usize,
    overlap: Duration,
    role: Option<Role>,
    retry: RetryRules,
    schedule: Option<Schedule>,
    jitter: Jitter,
    budget: Budget,
    /// A token for each wire that is used.
    tokens: BTreeMap<WireNo, Token>,
    /// The wire that everything is to be on; it is always among those with a token.
    target: WireNo,
    /// A restart of everything that is not complete yet.
    restart: Option<Restart>,
    census: Census,
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
    /// Which line a socket that is opening or open belongs to; one for each at the most.
    sockets: BTreeMap<SocketId, LineId>,
    /// What is under way.
    asked: BTreeMap<OrderId, Asked>,
    /// Channels that were left and still have subscriptions.
    left: VecDeque<Left>,
    last_order: u64,
    last_socket: u64,
    last_line: u64,
    orders: VecDeque<Order>,
    notices: VecDeque<Notice>,
    wake: Option<Duration>,
    coverage: Option<Coverage>,
    ledger: Ledger,
    recovery: Recovery,
    /// Of the notices that wait, how many the ledger has seen.
    noted: usize,
    /// Gaps that were read; they are closed when what the last answers told is counted.
    read_gaps: Vec<(GapId, Vec<Shortfall>)>,
    /// As of when it is known who is left out: revisions of the shards, and of who has no room.
    left_out: Option<(Vec<(LineId, u64)>, u64)>,
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

impl Session {
    /// A session that knows nothing yet; its first orders can be polled at once.
    #[must_use]
    pub fn new(config: Config, now: Now) -> Self {
        let mut session = Self {
            roster_interval: config.roster_interval,
            topics_per_channel: config.topics_per_channel,
            overlap: config.overlap,
            role: config.role,
            retry: config.retry,
            schedule: config.restart.map(|restart| Schedule::new(restart, now)),
            jitter: Jitter::new(config.seed),
            budget: Budget::new(config.requests_per_minute, config.spent),
            tokens: BTreeMap::from([(WireNo::default(), Token::default())]),
            target: WireNo::default(),
            restart: None,
            census: Census::default(),
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
            last_line: 0,
            orders: VecDeque::new(),
            notices: VecDeque::new(),
            wake: None,
            coverage: None,
            ledger: Ledger::new(config.last_gap, config.heard_until, config.overlap, now),
            recovery: Recovery::new(config.second_pass, config.quiet_call_read),
            noted: 0,
            read_gaps: Vec::new(),
            left_out: None,
            reconnects: 0,
            ignored: 0,
        };
        if let Some(covered_until) = config.covered_until {
            session.ledger.was_down(covered_until, now);
        }
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

    /// What happened to a websocket. Says whether that socket is read: events of one that was closed are ignored, and
    /// so is to be every frame of it.
    ///
    /// [`SocketEvent::Activity`] comes with every frame and costs a look-up among at most 20 sockets, no allocation.
    pub fn handle_socket(&mut self, socket: SocketId, event: SocketEvent, now: Now) -> bool {
        let Some(&id) = self.sockets.get(&socket) else {
            self.ignored += 1;
            return false;
        };
        if matches!(event, SocketEvent::Activity | SocketEvent::Pong)
            && let Some(channel) = self.line_mut(id).and_then(|line| line.channel.as_mut())
            && let Socket::Open { watch, .. } = &mut channel.socket
        {
            watch.heard(now);
        }
        // The timeout that stands comes early at the worst, and then finds that it has nothing to do. A pong is news
        // only while there is a successor.
        let is_news = match event {
            SocketEvent::Activity => false,
            SocketEvent::Pong => self.is_in_succession(id),
            _ => true,
        };
        if is_news {
            self.take_socket_event(id, event, now);
            self.advance(now);
        }
        true
    }

    /// The settings are others. `same_wire`: the region is reached as before, with the same credentials; if not, the
    /// shell makes a new wire, under the number that this returns, and everything moves to it without a gap.
    pub fn handle_settings(&mut self, config: Config, same_wire: bool, now: Now) -> WireNo {
        self.roster_interval = config.roster_interval;
        self.overlap = config.overlap;
        self.ledger.set_overlap(config.overlap);
        self.recovery.set_quiet_after(config.quiet_call_read, now);
        let next_listing = now.elapsed + config.roster_interval;
        self.users.errand.hasten(next_listing);
        self.queues.errand.hasten(next_listing);
        self.budget.set_per_minute(config.requests_per_minute);
        self.role = config.role;
        self.retry = config.retry;
        match (&mut self.schedule, config.restart) {
            (Some(schedule), Some(restart)) => schedule.set(restart, now),
            (schedule, restart) => {
                *schedule = restart.map(|restart| Schedule::new(restart, now));
            }
        }
        self.keep_within_lines(now);
        if !same_wire {
            self.target = WireNo(self.target.0 + 1);
            self.tokens.insert(self.target, Token::default());
            // All lines are made anew anyway.
            self.restart = None;
        }
        self.advance(now);
        self.target
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
        self.noted = self.noted.saturating_sub(1);
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

    /// Notification channels that it has, those of successors included.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.lines().filter(|line| line.channel.is_some()).count()
    }

    /// Websockets that are open, those of successors included.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.lines()
            .filter(|line| line.open_socket().is_some())
            .count()
    }

    /// When the last frame came on that of the open leads which has been silent for longest: what was before was heard.
    #[must_use]
    pub fn heard_until(&self) -> Option<UtcMicros> {
        let leads = self
            .shards
            .iter()
            .filter_map(|shard| shard.lead.last_heard());
        leads.map(|heard| heard.utc).min()
    }

    /// Successions that are under way.
    #[must_use]
    pub fn successions(&self) -> usize {
        self.shards
            .iter()
            .filter(|shard| shard.successor.is_some())
            .count()
    }

    /// Channels of the client id that this adapter did not make, as the last census counted them.
    #[must_use]
    pub const fn foreign_channels(&self) -> usize {
        self.census.foreign()
    }

    /// Combined topics that flow.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.shards.iter().map(Shard::flowing).sum()
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

    /// Rows of the last lists of users and queues that could not be read.
    #[must_use]
    pub const fn unread_rows(&self) -> u32 {
        let [users, queues] = [self.users.unread_rows(), self.queues.unread_rows()];
        users.saturating_add(queues)
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

    /// What is spent of the budget, for a session that follows this one: times are those of the same clock.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.budget.spent()
    }

    /// Channels that have or may have topics, each with its wire: those of all lines, and those that were left and whose topics
    /// were not taken off yet.
    pub fn channels_with_topics(&self) -> impl Iterator<Item = (&ChannelId, WireNo)> {
        let of_lines = self.lines().filter_map(|line| {
            let channel = line.channel.as_ref()?;
            Some((&channel.id, line.wire))
        });
        of_lines.chain(self.left.iter().map(|left| (&left.channel, left.wire)))
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
        self.keep_schedule(now);
        self.give_up_waiting(now);
        self.fetch_tokens(now);
        for id in self.line_ids() {
            self.keep_connected(id, now);
        }
        self.succeed(now);
        for id in self.line_ids() {
            self.subscribe(id, false, now);
        }
        self.unfollow(now);
        self.clean_up(now);
        self.read_roster(now);
        for id in self.line_ids() {
            self.subscribe(id, true, now);
        }
        self.read_stations(now);
        self.count_channels(now);
        self.leave_wires();
        self.keep_ledger(now);
        self.recover(now);
        self.tell_coverage();
        self.noted = self.notices.len();
    }

    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.shards.iter().flat_map(Shard::lines)
    }

    fn line_ids(&self) -> Vec<LineId> {
        self.lines().map(|line| line.id).collect()
    }

    fn line(&self, id: LineId) -> Option<&Line> {
        self.shards.get(id.shard)?.line(id)
    }

    fn line_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.shards.get_mut(id.shard)?.line_mut(id)
    }

    fn new_line(&mut self, shard: usize, following: Following) -> Line {
        self.last_line += 1;
        let id = LineId {
            shard,
            number: self.last_line,
        };
        Line::new(id, self.target, following)
    }

    /// Channels that there are or that are being made for a line.
    fn channels_in_use(&self) -> usize {
        self.lines().filter(|line| line.counts_as_channel()).count()
    }

    /// Begins the restart of the day when it is due.
    fn keep_schedule(&mut self, now: Now) {
        let Some(schedule) = &mut self.schedule else {
            return;
        };
        let is_due = schedule.is_due(now);
        let look_at = schedule.look_at(now);
        self.is_due(look_at, now);
        if is_due {
            self.begin_restart(SuccessionReason::Scheduled, now);
        }
    }

    /// Whether a time has come; if not, notes that it will.
    fn is_due(&mut self, at: Duration, now: Now) -> bool {
        if at <= now.elapsed {
            return true;
        }
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
        false
    }

    fn log(&mut self, level: LogLevel, message: String) {
        self.notices.push_back(Notice::Log { level, message });
    }
}
