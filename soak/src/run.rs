//! One run: a region, two adapters, a judge, and the network between them, in virtual time.
//!
//! Everything that happens has its moment; what falls on the same moment happens in a defined order. So a run is a
//! function of its seed and length.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gca_region::chance::Chance;
use gca_region::channel::SocketId as RegionSocket;
use gca_region::oauth::Client;
use gca_region::region::{
    NEVER, Region, RegionConfig, Request as Ask, SocketInput, Switches, Transmit,
};
use gca_region::time::Time;
use gca_region::world::{RosterChange, WorldConfig};
use genesys_cloud_adapter::delivery::Intake;
use genesys_cloud_adapter::model::order::SocketId;

use crate::adapter::{Adapter, Birth, Came, Send, Ticket, Undisturbed};
use crate::comings::Comings;
use crate::court::{Court, Outcome};
use crate::spoiling::{Spoiler, Spoiling};
use crate::transcript::Transcript;
use crate::weather::{Trouble, Weather};

/// A request has an answer by then, or none: as the wire's own limit.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// A handshake ends by then, too.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(10);

/// The last part of a run, in which nothing goes wrong any more: what was missed is read, what ended is closed.
const CALM: Duration = Duration::from_secs(75 * 60);

/// How often the judge looks.
const SESSION: Duration = Duration::from_secs(3_600);

/// What is over for longer is forgotten by the region: its answers then tell of it no more.
const REMEMBERED: Duration = Duration::from_secs(26 * 3_600);

/// The most requests of an adapter in any 60 seconds: the settings' default, and what the platform takes.
const ORDERED_A_MINUTE: usize = 270;
const TAKEN_A_MINUTE: usize = 300;

/// What a list of users tells beside their names.
const EXPAND: [&str; 3] = ["presence", "routingStatus", "station"];

/// What a run is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// From which all chances follow.
    pub seed: u64,
    /// How long it is, in virtual time.
    pub length: Duration,
    /// What may go wrong.
    pub weather: Climate,
    /// What is done to what the adapters told: only to prove that the judge can fail.
    pub spoiling: Option<Spoiling>,
}

impl Plan {
    /// Every third run has so many channels that a successor is one of several things that go on, and users and queues
    /// that come and go.
    const fn is_of_many(&self) -> bool {
        self.seed.is_multiple_of(3)
    }

    /// In half of the runs both adapters share a client id.
    const fn shares_client(&self) -> bool {
        self.seed.is_multiple_of(2)
    }

    /// Users and queues on one channel.
    const fn per_channel(&self) -> usize {
        if self.is_of_many() { 20 } else { 900 }
    }

    /// Which sorts of run this is.
    fn sorts(&self) -> BTreeMap<&'static str, u64> {
        let sorts = [
            ("one_client_id", self.shares_client()),
            ("two_client_ids", !self.shares_client()),
            ("several_channels", self.is_of_many()),
            ("one_channel", !self.is_of_many()),
        ];
        sorts
            .into_iter()
            .map(|(sort, is)| (sort, u64::from(is)))
            .collect()
    }
}

/// What may go wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Climate {
    /// Everything.
    Stormy,
    /// Nothing: what happens in the ordinary course is all.
    Calm,
    /// Only what is called so, to find out about a defect.
    Only(String),
}

/// On its way.
#[derive(Debug)]
enum Coming {
    /// A request, to the region.
    Ask(usize, Ticket, Ask),
    /// Its answer, to an adapter.
    Answer(usize, Ticket, Came),
    /// A handshake, to the region.
    Open(usize, SocketId, String),
    /// What came of it, to an adapter: open, refused with a status, or without an answer.
    Opened(usize, SocketId, Result<(), Option<u16>>),
    /// What comes on a socket, to the region; `None`: its end.
    Up(usize, SocketId, Option<String>),
    /// To an adapter.
    Down(usize, SocketId, Transmit),
    /// The other program makes a channel.
    Foreign { client: usize, left: u32 },
}

/// A socket of an adapter.
#[derive(Debug)]
struct Line {
    there: Option<RegionSocket>,
    latency: Duration,
    /// The adapter has closed it, perhaps before it was open.
    is_left: bool,
    /// Nothing passes on it any more, either way.
    is_silent: bool,
    /// Nothing arrives earlier than what was sent before it.
    last_up: Duration,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    plan: Plan,
    start_ms: i64,
    now: Duration,
    region: Region,
    adapters: [Adapter; 2],
    /// Two if both adapters are on client ids of their own.
    clients: Vec<Client>,
    undisturbed: Undisturbed,
    court: Court,
    weather: Weather,
    comings: Comings,
    spoiler: Spoiler,
    births: [Birth; 2],
    /// Latencies and other people's doings.
    chance: Chance,
    coming: BTreeMap<(Duration, u64), Coming>,
    sent: u64,
    lines: BTreeMap<(usize, SocketId), Line>,
    owners: BTreeMap<RegionSocket, (usize, SocketId)>,
    ordered: [VecDeque<Duration>; 2],
    taken: [VecDeque<Duration>; 2],
    foreign_token: Option<String>,
    revision: u64,
    next_session: Duration,
    transcript: Transcript,
}

impl Run {
    /// A run at its beginning.
    #[must_use]
    pub fn new(plan: Plan, transcript: Transcript) -> Self {
        let mut chance = Chance::new(plan.seed, "soak");
        let world = WorldConfig {
            users: if plan.is_of_many() { 52 } else { 40 },
            queues: if plan.is_of_many() { 8 } else { 4 },
            // Four hundred calls a day, and agents who change their presence every one or two hours.
            calls_per_minute: 0.28,
            minutes_per_presence: 90.0,
            pace: 1.0,
            seed: plan.seed,
            ..WorldConfig::default()
        };
        let start_ms = world.start.0;
        let mut config = RegionConfig::new(world);
        config.switches = Switches {
            refused_client_status: *chance.pick(&[400, 401]).unwrap_or(&400),
            // One in four each.
            token_life_s: [300, 900, 3_600, 86_400][(plan.seed / 2 % 4) as usize],
            channel_life_s: *chance.pick(&[86_400, 86_400, 7_200]).unwrap_or(&86_400),
            subscribing_prolongs: chance.share(0.5),
            channels_end_with_token: chance.share(0.75),
            analytics_delay_ms: chance.between(0, 100_000).0,
            analytics_totals_off: 0.3,
            analytics_pages_shift: chance.below(4) as u32,
            ..Switches::default()
        };
        config.clients = (0..2)
            .map(|_| Client {
                id: chance.id().to_string(),
                secret: chance.id().to_string(),
            })
            .collect();
        let clients: Vec<Client> = if plan.shares_client() {
            config.clients.iter().take(1).cloned().collect()
        } else {
            config.clients.clone()
        };
        let mut birth = |index: usize| {
            let client = &clients[index % clients.len()];
            Birth {
                index,
                client_id: client.id.clone(),
                client_secret: client.secret.clone(),
                start_ms,
                skew_ms: chance.between(-3_000, 3_000).0,
                is_sharing: clients.len() == 1,
                roster_interval: Duration::from_secs(300),
                topics_per_channel: plan.per_channel(),
                seed: chance.draw(),
            }
        };
        let births = [birth(0), birth(1)];
        let mut region = Region::new(config);
        region.record();
        let mut undisturbed = Undisturbed::new();
        let users = region.world().users_page(100, 1, &EXPAND, &[]);
        let users = users.to_string().into_bytes();
        undisturbed.read_users(&births[0], users, Duration::ZERO);
        let adapters = births
            .clone()
            .map(|birth| Adapter::new(&birth, Duration::ZERO));
        let court = Court::new(&region, plan.per_channel());
        let calm_from = plan.length.saturating_sub(CALM);
        let comings_until = if plan.is_of_many() {
            calm_from
        } else {
            Duration::ZERO
        };
        let mut run = Self {
            weather: Weather::new(plan.seed, calm_from, &plan.weather),
            comings: Comings::new(plan.seed, comings_until),
            spoiler: Spoiler::new(plan.spoiling),
            births,
            start_ms,
            now: Duration::ZERO,
            region,
            adapters,
            clients,
            undisturbed,
            court,
            chance: Chance::new(plan.seed, "network"),
            plan,
            coming: BTreeMap::new(),
            sent: 0,
            lines: BTreeMap::new(),
            owners: BTreeMap::new(),
            ordered: Default::default(),
            taken: Default::default(),
            foreign_token: None,
            revision: u64::MAX,
            next_session: SESSION,
            transcript,
        };
        for index in 0..2 {
            run.adapters[index].handle_timeout(Duration::ZERO, &mut run.transcript);
            run.collect(index);
        }
        run
    }

    /// Puts a real way to a host behind the first adapter: the events that it tells from now on go there, too.
    pub fn hand_over(&mut self, intake: Intake) {
        self.adapters[0].hand_over(intake);
    }

    /// Lives it to its end.
    #[must_use]
    pub fn live(mut self) -> (Outcome, Transcript) {
        while let Some(next) = self.next().filter(|next| *next <= self.plan.length) {
            self.step(next);
        }
        self.now = self.plan.length;
        let now = self.time();
        self.region.handle_timeout(now);
        self.collect_region();
        let struck = self.weather.struck();
        let mut outcome = self.court.close(&self.region, now, struck);
        outcome.verdict.roster_changes = self.comings.made();
        outcome.verdict.runs = self.plan.sorts();
        (outcome, self.transcript)
    }

    fn time(&self) -> Time {
        Time(self.start_ms + i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX))
    }

    fn next(&self) -> Option<Duration> {
        let coming = self.coming.keys().next().map(|(at, _)| *at);
        let region = self.region.poll_timeout().map(|due| {
            let ms = u64::try_from(due.0 - self.start_ms).unwrap_or(0);
            Duration::from_millis(ms).max(self.now)
        });
        let adapters = self.adapters.iter().map(Adapter::poll_timeout);
        [
            coming,
            region,
            self.weather.poll_timeout(),
            self.comings.poll_timeout(),
            Some(self.next_session),
        ]
        .into_iter()
        .flatten()
        .chain(adapters)
        .min()
    }

    fn step(&mut self, at: Duration) {
        self.now = at.max(self.now);
        let now = self.time();
        if self.region.poll_timeout().is_some_and(|due| due <= now) {
            self.region.handle_timeout(now);
            self.collect_region();
        }
        while let Some(entry) = self.coming.first_entry()
            && entry.key().0 <= self.now
        {
            let coming = entry.remove();
            self.come(coming);
        }
        for index in 0..2 {
            if self.adapters[index].poll_timeout() <= self.now {
                self.adapters[index].handle_timeout(self.now, &mut self.transcript);
                self.collect(index);
            }
        }
        if self
            .weather
            .poll_timeout()
            .is_some_and(|due| due <= self.now)
        {
            for trouble in self.weather.strike() {
                self.strike(trouble);
            }
        }
        if (self.comings.poll_timeout()).is_some_and(|due| due <= self.now) {
            self.change_roster();
        }
        if self.next_session <= self.now {
            self.next_session += SESSION;
            self.look();
        }
    }

    /// The judge looks at what is long over, and the region forgets what is longer over still.
    fn look(&mut self) {
        let now = self.time();
        self.court.look(&self.region, now);
        for (index, adapter) in self.adapters.iter().enumerate() {
            self.court.holds(index, adapter.holds());
        }
        self.region.forget(Time(
            now.0 - i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX),
        ));
    }

    // What goes wrong

    fn strike(&mut self, trouble: Trouble) {
        self.transcript
            .say(self.now, "weather", format_args!("{trouble:?}"));
        let now = self.time();
        match trouble {
            Trouble::Fault(order) => {
                self.court.fault(&order, now);
                self.region.plan_fault(order, now);
            }
            Trouble::Restart(adapter) => {
                self.adapters[adapter].restart(self.now, &mut self.transcript);
                self.collect(adapter);
            }
            Trouble::Settings { adapter, moves } => {
                self.adapters[adapter].set(moves, self.now, &mut self.transcript);
                self.collect(adapter);
            }
            Trouble::Evictions { adapter, channels } => {
                let client = adapter % self.clients.len();
                let left = channels;
                self.foreign_token = None;
                self.later(Duration::ZERO, Coming::Foreign { client, left });
            }
            Trouble::ClockStep { adapter, by_ms } => {
                self.adapters[adapter].set_clock(by_ms, self.now);
            }
        }
    }

    /// Somebody comes, leaves or is called otherwise.
    fn change_roster(&mut self) {
        let change = self.comings.draw();
        let now = self.time();
        let Some(changed) = self.region.change_roster(change, now) else {
            return self.comings.not_done(change, self.now);
        };
        self.comings.done(change);
        let id = changed.id.to_string();
        self.transcript.say(
            self.now,
            "roster",
            format_args!("{change:?} {id} {}", changed.name),
        );
        if change == RosterChange::Hire {
            let list = self.region.world().users_page(1, 1, &EXPAND, &[&id]);
            let list = list.to_string().into_bytes();
            for told in (self.undisturbed).read_users(&self.births[0], list, self.now) {
                self.court.undisturbed(told);
            }
        }
        self.court.roster(change, &id, changed.name, now);
        self.revision = u64::MAX;
        self.collect_region();
    }

    /// The other program asks for a token where it has none, and makes a channel where it has.
    fn make_foreign_channel(&mut self, client: usize, left: u32) {
        let now = self.time();
        let mut ask = match &self.foreign_token {
            Some(token) => Ask::new("POST", "/api/v2/notifications/channels").bearer(token),
            None => {
                let client = &self.clients[client];
                let mut ask = Ask::new("POST", "/oauth/token");
                ask.content_type = Some("application/x-www-form-urlencoded".to_owned());
                let form = format!(
                    "grant_type=client_credentials&client_id={}&client_secret={}",
                    client.id, client.secret
                );
                ask.body = form.into_bytes();
                ask
            }
        };
        ask.program = 2;
        let answer = self.region.handle_request(&ask, now);
        if self.foreign_token.is_none() {
            let token = answer.value()["access_token"].as_str().map(str::to_owned);
            self.foreign_token = token;
        }
        self.collect_region();
        if left > 1 {
            let left = left - 1;
            self.later(Duration::from_secs(1), Coming::Foreign { client, left });
        }
    }

    // The network

    fn later(&mut self, after: Duration, coming: Coming) {
        self.sent += 1;
        self.coming.insert((self.now + after, self.sent), coming);
    }

    fn latency(&mut self) -> Duration {
        let ms = self.chance.between(5, 60).0;
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    fn come(&mut self, coming: Coming) {
        let (now, at) = (self.time(), self.now);
        match coming {
            Coming::Ask(index, ticket, mut ask) => {
                ask.program = index as u32;
                let taken = within_a_minute(&mut self.taken[index], at);
                self.court.rate(index, taken, TAKEN_A_MINUTE, now);
                let response = self.region.handle_request(&ask, now);
                self.collect_region();
                let slow = Duration::from_millis(u64::try_from(response.after_ms).unwrap_or(0));
                let (after, came) = if slow < LONGEST_REQUEST {
                    (slow + self.latency(), Came::Answer(response))
                } else {
                    (LONGEST_REQUEST, Came::Nothing)
                };
                self.later(after, Coming::Answer(index, ticket, came));
            }
            Coming::Answer(index, ticket, came) => {
                self.adapters[index].handle_answer(&ticket, came, at, &mut self.transcript);
                self.collect(index);
            }
            Coming::Open(index, socket, path) => {
                let opened = self.region.open_socket(&path, now);
                if let (Ok(there), Some(line)) = (&opened, self.lines.get_mut(&(index, socket))) {
                    line.there = Some(*there);
                    self.owners.insert(*there, (index, socket));
                    if line.is_left {
                        self.region.handle_socket(*there, SocketInput::Closed, now);
                    }
                }
                let (after, opened) = match opened {
                    Ok(_) => (self.latency_of(index, socket), Ok(())),
                    Err(response) if response.after_ms == NEVER => (LONGEST_HANDSHAKE, Err(None)),
                    Err(response) => (self.latency_of(index, socket), Err(Some(response.status))),
                };
                self.later(after, Coming::Opened(index, socket, opened));
                self.collect_region();
            }
            Coming::Opened(index, socket, opened) => {
                if opened.is_err() {
                    self.lines.remove(&(index, socket));
                }
                self.adapters[index].handle_opening(socket, opened, at, &mut self.transcript);
                self.collect(index);
            }
            Coming::Up(index, socket, text) => {
                let line = self.lines.get(&(index, socket));
                if let Some(there) = line.and_then(|line| line.there) {
                    let is_silent = line.is_some_and(|line| line.is_silent);
                    let input = match text {
                        Some(text) => SocketInput::Text(text),
                        None => {
                            self.lines.remove(&(index, socket));
                            self.owners.remove(&there);
                            SocketInput::Closed
                        }
                    };
                    if !is_silent {
                        self.region.handle_socket(there, input, now);
                        self.collect_region();
                    }
                }
            }
            Coming::Down(index, socket, transmit) => {
                match transmit {
                    Transmit::Text(text) => {
                        self.adapters[index].handle_text(socket, &text, at, &mut self.transcript);
                    }
                    Transmit::Binary(_) | Transmit::Silence => {}
                    Transmit::Close { .. } | Transmit::Cut => {
                        self.lines.remove(&(index, socket));
                        self.adapters[index].handle_end(socket, at, &mut self.transcript);
                    }
                }
                self.collect(index);
            }
            Coming::Foreign { client, left } => self.make_foreign_channel(client, left),
        }
    }

    /// By how many sockets, of those that an adapter has not left, a topic is carried at the most.
    fn carriers(&self, index: usize) -> usize {
        let lines = self.lines.iter();
        let held = lines.filter(|((of, _), line)| *of == index && !line.is_left);
        let channels = held.filter_map(|(_, line)| self.region.topics_on(line.there?));
        let mut carriers: BTreeMap<&str, usize> = BTreeMap::new();
        for key in channels.flatten() {
            *carriers.entry(key).or_default() += 1;
        }
        carriers.into_values().max().unwrap_or_default()
    }

    fn latency_of(&self, index: usize, socket: SocketId) -> Duration {
        let line = self.lines.get(&(index, socket));
        line.map_or(Duration::from_millis(20), |line| line.latency)
    }

    /// Takes what an adapter wants sent and what it told.
    fn collect(&mut self, index: usize) {
        while let Some(send) = self.adapters[index].poll_send() {
            match send {
                Send::Ask { ticket, ask } => {
                    let ordered = within_a_minute(&mut self.ordered[index], self.now);
                    let now = self.time();
                    let ordered = ordered + self.spoiler.more_requests(index);
                    self.court.rate(index, ordered, ORDERED_A_MINUTE, now);
                    let after = self.latency();
                    self.later(after, Coming::Ask(index, ticket, ask));
                }
                Send::Open { socket, path } => {
                    let latency = self.latency();
                    let line = Line {
                        there: None,
                        latency,
                        is_left: false,
                        is_silent: false,
                        last_up: Duration::ZERO,
                    };
                    self.lines.insert((index, socket), line);
                    self.later(latency, Coming::Open(index, socket, path));
                }
                Send::Text { socket, text } => self.send_up(index, socket, Some(text)),
                Send::Close { socket } => self.send_up(index, socket, None),
            }
        }
        let now = self.time();
        while let Some(told) = self.adapters[index].poll_told() {
            for told in self.spoiler.pass(index, told) {
                self.court.told(index, told, now);
            }
        }
        while let Some(gap) = self.adapters[index].poll_gap() {
            self.court.gap(index, gap);
        }
        if self.adapters[index].is_up() {
            self.court.up(index, now);
        }
        let sockets = self.adapters[index].sockets() + self.spoiler.more_sockets(index);
        self.court.sockets(index, sockets, now);
    }

    fn send_up(&mut self, index: usize, socket: SocketId, text: Option<String>) {
        let now = self.now;
        let Some(line) = self.lines.get_mut(&(index, socket)) else {
            return;
        };
        line.is_left |= text.is_none();
        line.last_up = line.last_up.max(now + line.latency);
        let after = line.last_up - now;
        self.later(after, Coming::Up(index, socket, text));
    }

    /// Takes what the region sends and shows.
    fn collect_region(&mut self) {
        let now = self.time();
        while let Some((there, transmit)) = self.region.poll_transmit() {
            let Some(&(index, socket)) = self.owners.get(&there) else {
                continue;
            };
            if matches!(transmit, Transmit::Close { .. } | Transmit::Cut) {
                self.owners.remove(&there);
            }
            if let Some(line) = self.lines.get_mut(&(index, socket)) {
                line.is_silent |= matches!(transmit, Transmit::Silence);
                if line.is_silent {
                    continue;
                }
            }
            let after = self.latency_of(index, socket);
            self.later(after, Coming::Down(index, socket, transmit));
        }
        while let Some(shown) = self.region.poll_recorded() {
            // Of no interest to recorders.
            if shown.topic.ends_with(".activity") {
                continue;
            }
            let at = (self.now, now.0);
            let action = shown.metadata_action;
            for told in self.undisturbed.hear(&shown.topic, &shown.body, action, at) {
                self.court.undisturbed(told);
            }
        }
        if self.region.revision() != self.revision {
            self.revision = self.region.revision();
            for index in 0..2 {
                self.court.heard(index, &self.region, now);
                let carriers = self.carriers(index) + self.spoiler.more_carriers(index);
                self.court.carriers(index, carriers, now);
            }
        }
    }
}

/// How many there were in the last minute, this one included.
fn within_a_minute(times: &mut VecDeque<Duration>, now: Duration) -> usize {
    while times
        .front()
        .is_some_and(|at| *at + Duration::from_secs(60) <= now)
    {
        times.pop_front();
    }
    times.push_back(now);
    times.len()
}
