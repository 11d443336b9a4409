//! Processes that end at any moment and are followed by others, against a region in virtual time: `session` and `calls` of
//! each go on from what the journal kept of those before. All feeds together are that of one process that was never
//! disturbed, as far as reads can tell what nobody heard: each connection has one clear, nothing is told twice, and each time
//! without a process stands in the ledger.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use day::kept::{Ended, clears, kept};
use day::{arrival, facts};
use gca_region::chance::Chance;
use gca_region::channel::SocketId as RegionSocket;
use gca_region::region::{Region, RegionConfig, Request as Ask, SocketInput, Transmit};
use gca_region::time::{Millis, Time};
use gca_region::world::{Shown, WorldConfig};
use genesys_cloud_adapter::adapter::reading;
use genesys_cloud_adapter::calls::Calls;
use genesys_cloud_adapter::cloud::{Answer, Exchange, PING, cut, socket_event};
use genesys_cloud_adapter::model::event::{Event, EventKind, Subject};
use genesys_cloud_adapter::model::frame::Frame;
use genesys_cloud_adapter::model::gap::{GapCause, GapId, GapRecord};
use genesys_cloud_adapter::model::order::{Failure, FailureKind, Order, SocketEvent, SocketId};
use genesys_cloud_adapter::model::time::{Now, UtcMicros};
use genesys_cloud_adapter::session::{Config, Notice, Session};
use genesys_cloud_adapter::settings;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// What reads still tell of a call when it is over.
const READABLE: [EventKind; 7] = [
    EventKind::Queued,
    EventKind::Held,
    EventKind::CallCreated,
    EventKind::FlowEntered,
    EventKind::Established,
    EventKind::ConnectionCleared,
    EventKind::CallCleared,
];

/// One process: the machines, and a network that takes no time.
struct Life {
    born: Time,
    session: Session,
    calls: Calls,
    exchange: Exchange,
    sockets: BTreeMap<SocketId, RegionSocket>,
    told: Vec<Event>,
    gaps: Vec<GapRecord>,
    covered_until: Option<UtcMicros>,
    next_round: Time,
}

impl Life {
    /// One that goes on from what the lives before told, and up to when they heard everything.
    fn after(
        region: &Region,
        at: Time,
        last_gap: GapId,
        (kept, covered_until): (&[Event], Option<UtcMicros>),
        seed: u64,
    ) -> Self {
        let now = Now {
            elapsed: Duration::ZERO,
            utc: UtcMicros(at.0 * 1_000),
        };
        let config = Config {
            seed,
            last_gap,
            covered_until,
            ..Config::default()
        };
        let url = |host: &str| Url::parse(&format!("https://{host}.region.invalid")).unwrap();
        let client = &region.clients()[0];
        let mut calls = Calls::new(1 << 20);
        calls.handle_kept(kept, now);
        assert!(calls.poll_event().is_none(), "what was told is not news");
        Self {
            born: at,
            session: Session::new(config, now),
            calls,
            exchange: Exchange::new(
                settings::Region {
                    api: url("api"),
                    login: url("login"),
                },
                &client.id,
                SecretString::from(client.secret.clone()),
            ),
            sockets: BTreeMap::new(),
            told: Vec::new(),
            gaps: Vec::new(),
            covered_until,
            next_round: at,
        }
    }

    fn now(&self, at: Time) -> Now {
        Now {
            elapsed: Duration::from_millis(u64::try_from(at.0 - self.born.0).unwrap()),
            utc: UtcMicros(at.0 * 1_000),
        }
    }

    fn due(&self) -> Time {
        let due = self.session.poll_timeout().map_or(self.next_round, |due| {
            self.born + Millis(i64::try_from(due.as_millis()).unwrap() + 1)
        });
        due.min(self.next_round)
    }

    /// Lives up to `end`; whatever came until then was heard.
    fn live_until(&mut self, region: &mut Region, end: Time, mut at: Time) {
        self.look(region, at);
        loop {
            let next = region
                .poll_timeout()
                .map_or(self.due(), |due| due.min(self.due()));
            if next > end {
                return;
            }
            at = at.max(next);
            region.handle_timeout(at);
            if self.due() <= at {
                self.look(region, at);
            }
            self.settle(region, at);
        }
    }

    fn look(&mut self, region: &mut Region, at: Time) {
        let now = self.now(at);
        self.next_round = at + Millis(60_000);
        self.session.handle_timeout(now);
        self.calls.handle_timeout(now);
        if self.calls.poll_unknown_station() {
            self.session.handle_unknown_station(now);
        }
        let quiet = self
            .calls
            .quiet_conversations(Duration::from_secs(600), now);
        self.session.handle_quiet(quiet, now);
        self.settle(region, at);
    }

    /// Everything that follows from what is known happens at once.
    fn settle(&mut self, region: &mut Region, at: Time) {
        loop {
            self.take_notices(at);
            if let Some(order) = self.session.poll_order() {
                self.carry_out(order, region, at);
            } else if let Some((there, transmit)) = region.poll_transmit() {
                self.hear(there, &transmit, at);
            } else {
                return;
            }
        }
    }

    fn take_notices(&mut self, at: Time) {
        let now = self.now(at);
        while let Some(notice) = self.session.poll_notice() {
            match notice {
                Notice::Users(users) => self.calls.handle_users(&users, now),
                Notice::Queues(queues) => self.calls.handle_queues(&queues),
                Notice::Stations(stations) => self.calls.handle_stations(&stations),
                Notice::UsersRemoved(users) => self.calls.handle_users_removed(&users),
                Notice::TopicsFlowing {
                    socket,
                    users,
                    queues,
                } => self.calls.handle_flowing(socket, &users, &queues),
                Notice::TopicsInterrupted {
                    socket,
                    users,
                    queues,
                    ..
                } => self.calls.handle_interruption(socket, &users, &queues, now),
                Notice::Succeeded { from, to, .. } => self.calls.handle_succession(from, to, now),
                Notice::Gap(change) => {
                    let record = change.record();
                    self.calls.handle_gap(record);
                    if record.to.is_some() {
                        self.gaps.retain(|known| known.id != record.id);
                        self.gaps.push((**record).clone());
                    }
                }
                Notice::Read { gaps, what, source } => {
                    assert_eq!(reading::read(&mut self.calls, &what, source, now), 0);
                    let events: Vec<Event> =
                        std::iter::from_fn(|| self.calls.poll_event()).collect();
                    let told = events.iter().map(|event| reading::told(&what, event));
                    let told: Vec<_> = told.collect();
                    self.told.extend(events);
                    self.session.handle_told(&gaps, &told, now);
                }
                Notice::AskLive { gaps } => {
                    let live = reading::live(&self.calls);
                    self.session.handle_live(&gaps, live, now);
                }
                Notice::CallGone { conversation } => self.calls.handle_gone(&conversation, now),
                _ => {}
            }
            self.take_events();
        }
        self.take_events();
        self.covered_until = self.session.covered_until().or(self.covered_until);
    }

    fn take_events(&mut self) {
        self.told
            .extend(std::iter::from_fn(|| self.calls.poll_event()));
    }

    fn carry_out(&mut self, order: Order, region: &mut Region, at: Time) {
        let (now, there) = (self.now(at), at);
        match order {
            Order::Request { id, what, .. } => {
                let outgoing = self.exchange.outgoing(&what).unwrap();
                let url = outgoing.url();
                let query = url.query_pairs();
                let ask = Ask {
                    method: outgoing.method().as_str().to_owned(),
                    path: url.path().to_owned(),
                    query: query.map(|(n, v)| (n.into(), v.into())).collect(),
                    authorization: Some(outgoing.authorization().expose_secret().to_owned()),
                    content_type: outgoing.content_type().map(str::to_owned),
                    body: outgoing.body().to_vec(),
                    program: 0,
                };
                let response = region.handle_request(&ask, there);
                let headers = response.headers.iter();
                let headers = headers.map(|(name, value)| (*name, value.as_str()));
                let answer = Answer::new(response.status, headers, response.body.clone());
                let reply = self.exchange.incoming(&what, answer);
                self.session.handle_reply(id, reply, now);
            }
            Order::OpenSocket {
                socket, channel, ..
            } => {
                let address = self.exchange.socket_address(&channel).unwrap();
                let url = Url::parse(address.expose_secret()).unwrap();
                let opened = region.open_socket(url.path(), there).unwrap();
                self.sockets.insert(socket, opened);
                self.session.handle_socket(socket, SocketEvent::Opened, now);
            }
            Order::Ping { socket } => {
                let input = SocketInput::Text(PING.to_owned());
                region.handle_socket(self.sockets[&socket], input, there);
            }
            Order::Unfollow { .. } => panic!("nobody leaves the organization"),
            Order::CloseSocket { socket } => {
                if let Some(open) = self.sockets.remove(&socket) {
                    region.handle_socket(open, SocketInput::Closed, there);
                }
            }
        }
    }

    fn hear(&mut self, there: RegionSocket, transmit: &Transmit, at: Time) {
        let now = self.now(at);
        let Some((&socket, _)) = self.sockets.iter().find(|(_, open)| **open == there) else {
            return;
        };
        let text = match transmit {
            Transmit::Text(text) => text,
            Transmit::Close { .. } | Transmit::Cut => {
                self.sockets.remove(&socket);
                let failure = Failure {
                    kind: FailureKind::Link,
                    status: None,
                    retry_after: None,
                    message: "the region ended it.".to_owned(),
                };
                self.session
                    .handle_socket(socket, SocketEvent::Ended(failure), now);
                return;
            }
            Transmit::Binary(_) | Transmit::Silence => return,
        };
        let frame = cut(text).unwrap();
        self.session
            .handle_socket(socket, SocketEvent::Activity, now);
        if let Some(event) = socket_event(&frame) {
            self.session.handle_socket(socket, event, now);
        } else if let Frame::Notification(notification) = frame {
            self.calls.handle_notification(socket, &notification, now);
        }
    }

    /// The process is gone; the region notices that its sockets are.
    fn die(self, region: &mut Region, at: Time) -> Self {
        for open in self.sockets.values() {
            region.handle_socket(*open, SocketInput::Closed, at);
        }
        while region.poll_transmit().is_some() {}
        self
    }
}

fn is_of_call(event: &Event) -> bool {
    matches!(event.subject, Subject::Connection(_))
}

fn exact(events: &[Event]) -> BTreeMap<u128, &Event> {
    let exact = events.iter().filter(|event| event.id_exact);
    exact
        .filter(|event| is_of_call(event))
        .map(|event| (event.id.0, event))
        .collect()
}

/// One seed: what is wrong.
fn lives(seed: u64) -> Vec<String> {
    let world = WorldConfig {
        users: 24,
        queues: 3,
        calls_per_minute: 0.0,
        minutes_per_presence: 6.0,
        seed,
        ..WorldConfig::default()
    };
    let start = world.start;
    let mut region = Region::new(RegionConfig::new(world));
    region.record();
    let names: Vec<&'static str> = (region.world().scripts().iter())
        .map(|script| script.name)
        .collect();
    let mut chance = Chance::new(seed, "lives");
    // Each script once, somewhere in ten minutes; what is under way when a process ends is what matters.
    let mut plan: Vec<(Time, &str)> = (names.iter())
        .map(|name| (start + chance.between(60_000, 600_000), *name))
        .collect();
    plan.sort();
    let mut plan = plan.into_iter().peekable();
    let mut deaths: Vec<Time> = (0..4)
        .map(|_| start + chance.between(70_000, 640_000))
        .collect();
    deaths.sort();
    deaths.push(start + Millis(30 * 60_000));

    let mut all: Vec<Event> = Vec::new();
    let mut wrong = Vec::new();
    let mut downtimes: Vec<GapRecord> = Vec::new();
    let mut life = Life::after(&region, start, GapId(0), (&[], None), seed);
    let mut at = start;
    let mut outages: Vec<(Time, Time)> = Vec::new();
    for (number, death) in deaths.iter().copied().enumerate() {
        while at < death {
            let next = plan.peek().map_or(death, |(at, _)| *at).clamp(at, death);
            life.live_until(&mut region, next, at);
            at = next;
            while let Some((_, name)) = plan.next_if(|(due, _)| *due <= at) {
                region.play(name, at).unwrap();
                life.settle(&mut region, at);
            }
        }
        let dead = life.die(&mut region, at);
        downtimes.extend(
            (dead.gaps.iter())
                .filter(|gap| gap.cause == GapCause::Downtime)
                .cloned(),
        );
        all.extend(dead.told.iter().cloned());
        let open = dead.calls.open_connections();
        if number + 1 == deaths.len() {
            if open > 0 {
                wrong.push(format!("{open} connections are open at the end"));
            }
            break;
        }
        let last = dead.gaps.iter().map(|gap| gap.id.0).max().unwrap_or(0) + 100;
        let down = at;
        let up = at + chance.between(500, 45_000);
        while at < up {
            let next = plan.peek().map_or(up, |(at, _)| *at).clamp(at, up);
            at = next;
            region.handle_timeout(at);
            while let Some((_, name)) = plan.next_if(|(due, _)| *due <= at) {
                region.play(name, at).unwrap();
            }
            while region.poll_transmit().is_some() {}
        }
        outages.push((down, at));
        let ended = [Ended::Whole, Ended::Named][chance.below(2)];
        let kept = kept(&all, ended);
        let past = (&kept[..], dead.covered_until);
        life = Life::after(&region, at, GapId(last), past, seed + number as u64);
    }

    let shown: Vec<Shown> = std::iter::from_fn(|| region.poll_recorded()).collect();
    let followed = shown
        .iter()
        .filter(|shown| arrival::is_followed(&shown.topic));
    let twin = day::hear(followed.map(|shown| (shown.at, shown)));
    let (own, twins) = (exact(&all), exact(&twin));
    for event in twins.values() {
        if READABLE.contains(&event.kind) && !own.contains_key(&event.id.0) {
            wrong.push(format!(
                "missing, of {:?}: {:?}",
                event.platform_time,
                facts::of_event(event)
            ));
        }
    }
    let known: BTreeSet<facts::Fact> = twins.values().map(|event| facts::of_event(event)).collect();
    let strange = own
        .values()
        .filter(|event| !twins.contains_key(&event.id.0));
    // What only reads tell has no twin.
    let strange = strange.filter(|event| known.contains(&facts::of_event(event)));
    wrong.extend(strange.map(|event| format!("another id: {:?}", facts::of_event(event))));
    wrong.extend(clears(&all));
    let mut seen = BTreeSet::new();
    let again = all
        .iter()
        .filter(|event| is_of_call(event) && !seen.insert(event.id));
    wrong.extend(again.map(|event| format!("told again: {:?}", facts::of_event(event))));

    for (down, up) in outages {
        let (down, up) = (down.0 * 1_000, up.0 * 1_000);
        // One that begins earlier, if the life before did not come so far as to be whole.
        let covers = |gap: &&GapRecord| gap.from.0 <= down && gap.to.is_some_and(|to| to.0 >= up);
        if !downtimes.iter().any(|gap| covers(&gap)) {
            wrong.push(format!("no gap covers {down}..{up}"));
        }
    }
    wrong
}

#[test]
fn processes_that_follow_each_other_tell_what_one_would_have() {
    for seed in 1..=3 {
        let wrong = lives(seed);
        assert!(
            wrong.is_empty(),
            "seed {seed}, {} defects: {:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(20)]
        );
    }
}
