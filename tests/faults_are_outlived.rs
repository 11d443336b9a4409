//! One test per fault of the region, on real sockets: the feed comes back by itself, and what happened meanwhile was told
//! or stands in the ledger.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;
mod recording;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use day::facts;
use gca_region::fault::FaultOrder;
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::{RegionConfig, Request};
use gca_region::time::Time;
use gca_region::truth::Act;
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::Adapter;
use genesys_cloud_adapter::delivery::Host;
use genesys_cloud_adapter::model::event::{Event, EventKind, Subject};
use genesys_cloud_adapter::model::feed::{Feed, StateReport, Why};
use genesys_cloud_adapter::model::gap::GapRecord;
use recording::{PATIENCE, Recorder, Seen};
use serde_json::{Value, json};

/// How far the region's clock and the adapter's may be apart: they read the same one, in milliseconds and microseconds.
const CLOCKS: i64 = 1_000;

/// Whether a time, in milliseconds, lies in the gap.
fn holds(gap: &GapRecord, ms: i64) -> bool {
    let from = gap.from.0 / 1_000 - CLOCKS;
    let to = gap.to.map_or(i64::MAX, |to| to.0 / 1_000 + CLOCKS);
    (from..=to).contains(&ms)
}

/// Whether a part of a time, in milliseconds, lies in the gap.
fn meets(gap: &GapRecord, from: i64, to: i64) -> bool {
    let ends = gap.to.map_or(i64::MAX, |end| end.0 / 1_000 + CLOCKS);
    gap.from.0 / 1_000 - CLOCKS <= to && ends >= from
}

/// What every later body still tells.
const STAYS: &[&str] = &[
    "established",
    "connection_cleared",
    "queued",
    "call_cleared",
];

const CONSULT_ENDS: &[&str] = &["consult_completed", "consult_cancelled"];

/// What a test wants to see between the strike and the return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Feels {
    /// The feed is not up for a while.
    Interruption,
    /// Nothing: the feed stays up.
    Nothing,
    /// Nothing, but bodies overtake each other: what passes may be overtaken, and then is hidden.
    Overtaking,
    /// The feed is degraded until it is asked to restart: what is refused is asked for again only now and then.
    Refusal,
    /// One or the other.
    Anything,
}

struct Trial {
    region: Running,
    adapter: Adapter,
    recorder: Arc<Recorder>,
    start: Time,
    up: Time,
}

impl Trial {
    fn new(name: &str) -> Self {
        let world = WorldConfig {
            users: 16,
            queues: 2,
            calls_per_minute: 200.0,
            seed: 5,
            ..WorldConfig::default()
        };
        let region = serve(FrontConfig::new(RegionConfig::new(world))).unwrap();
        let start = region.with_region(|_, now| now);
        let settings = json!({
            "AdapterName": name, "DataSource": "Genesys", "ClientId": region.client_id,
            "ClientSecret": region.client_secret, "RegionHost": region.base_url,
            "AdvancedSettings": { "LogLevel": "debug", "OverlapS": 1 },
        });
        let recorder = Arc::new(Recorder::default());
        let adapter = Adapter::new(Arc::clone(&recorder) as Arc<dyn Host>);
        adapter.configure(&settings.to_string()).unwrap();
        adapter.start().unwrap();
        recorder.wait("a feed that is up", Seen::is_up);
        let up = region.with_region(|_, now| now);
        let trial = Self {
            region,
            adapter,
            recorder,
            start,
            up,
        };
        trial.recorder.wait_for_events(60);
        trial
    }

    /// Plans faults, and waits until the last of those that end by themselves is over.
    fn strike(&self, faults: Value) {
        let orders: Vec<FaultOrder> = (faults.as_array().unwrap().iter())
            .map(|order| FaultOrder::from_json(order.clone()).unwrap())
            .collect();
        self.region.with_region(|region, now| {
            for order in orders {
                region.plan_fault(order, now);
            }
            region.handle_timeout(now);
        });
        let end = Instant::now() + PATIENCE;
        while self.faults_last() {
            assert!(Instant::now() < end, "the faults do not end");
            // The region is asked, not awaited: it has nobody to tell.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn faults_last(&self) -> bool {
        let list = self.region.with_region(|region, now| {
            region.handle_request(&Request::new("GET", "/_sim/faults"), now)
        });
        (list.value().as_array().unwrap().iter()).any(|fault| fault["state"] != "over")
    }

    /// What happened was told or stands in the ledger; nothing else was told, and nothing twice.
    fn judge(self, feels: Feels) {
        self.recorder.wait_for_events(60);
        // Whatever happened by then is on its way, in front of what happens later.
        let until = self.region.with_region(|_, now| now);
        let later = |event: &Event| event.platform_time.is_some_and(|at| at.0 / 1_000 > until.0);
        self.recorder
            .wait("what happened later", |seen| seen.events.iter().any(later));
        self.recorder.wait_for_events(60);
        let outages = (self.region).with_region(|region, _| region.truth()["outages"].clone());
        assert!(self.adapter.destroy(PATIENCE));
        // After the last event, so that nothing was told that is not in it.
        let acts = (self.region).with_region(|region, _| region.world().truth().acts.clone());
        let seen = self.recorder.seen();
        let gaps = seen.gaps();

        let mut all = facts::of_acts(&acts);
        // How agents were when the world began is no act of it.
        let of_the_run = |event: &&Event| {
            let time = event.platform_time.unwrap_or(event.received);
            time.0 / 1_000 >= self.start.0
        };
        let events: Vec<Event> = seen.events.iter().filter(of_the_run).cloned().collect();
        let mut told = facts::told(&events);
        // A read tells that a consult is over, and not always what it came to: its end has one id, whichever it is.
        let is_judged = |kind: &str| facts::is_exact(kind) && !CONSULT_ENDS.contains(&kind);
        all.retain(|(_, kind), _| is_judged(kind));
        told.retain(|(_, kind), _| is_judged(kind));
        let begun: HashMap<_, i64> = (acts.iter().rev())
            .filter_map(|act| Some((act.conversation?, act.time.0)))
            .collect();
        let required = |once: &facts::Happened<'_>| {
            let at = once.act.time;
            let was_sent = (once.act.sent.iter()).any(|topic| day::arrival::is_followed(topic));
            // What was on its way when a gap began may have ended in it, and so have no end to tell.
            let since = match once.act.conversation {
                Some(conversation) if !STAYS.contains(&once.line.event) => begun[&conversation],
                _ => at.0,
            };
            let is_excused = gaps.iter().any(|gap| meets(gap, since, at.0));
            let is_hidden = feels == Feels::Overtaking && !STAYS.contains(&once.line.event);
            at > self.up && at < until && was_sent && !is_excused && !is_hidden
        };
        let wrong = facts::differences(&all, &told, required);
        assert!(
            wrong.is_empty(),
            "{}\n{:#?}\n{}",
            wrong.join("\n"),
            seen.log,
            story(&wrong, &acts, &seen.events)
        );

        seen.assert_each_id_once();

        // Whatever was really out stands in the ledger.
        let ms = |time: &Value| {
            let text = time.as_str()?;
            Some(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
        };
        for outage in outages.as_array().unwrap() {
            let from = ms(&outage["from"]).unwrap();
            let to = ms(&outage["to"]).unwrap_or(until.0);
            if from < self.up.0 || to - from < 5 {
                continue;
            }
            let covered = gaps.iter().any(|gap| holds(gap, from) && holds(gap, to));
            assert!(covered, "{outage} is in no gap: {gaps:#?}");
        }
    }
}

/// What happened and what was told, of everybody and everything that went wrong.
fn story(wrong: &[String], acts: &[Act], events: &[Event]) -> String {
    let mut lines = Vec::new();
    for act in acts {
        let text = json!(act).to_string();
        let id = act.conversation.or(act.user).map(|id| id.to_string());
        if id.is_some_and(|id| wrong.iter().any(|line| line.contains(&id))) {
            lines.push((act.time.0, format!("happened {text}")));
        }
    }
    for event in events
        .iter()
        .filter(|event| !matches!(event.subject, Subject::Gap(_)))
    {
        let text = format!("{event:?}");
        let is_meant = |line: &&String| {
            let id = line
                .split(" of ")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            id.is_some_and(|id| text.contains(id))
        };
        if wrong.iter().any(|line| is_meant(&line)) {
            lines.push((event.received.0 / 1_000, format!("told {text}")));
        }
    }
    lines.sort();
    lines
        .into_iter()
        .map(|(at, line)| format!("{at} {line}\n"))
        .collect()
}

/// The feed goes through these faults.
fn outlives(name: &str, faults: Value, feels: Feels) {
    let trial = Trial::new(name);
    let states = trial.recorder.seen().states.len();
    trial.strike(faults);
    if feels == Feels::Interruption {
        let is_down = |seen: &Seen| seen.states[states..].iter().any(|s| s.feed != Feed::Up);
        trial.recorder.wait("a feed that is not up", is_down);
    }
    if feels == Feels::Refusal {
        let is_degraded = |seen: &Seen| {
            let since = &seen.states[states..];
            since
                .iter()
                .any(|state| state.feed == Feed::Degraded && state.why == Why::PermissionMissing)
        };
        trial.recorder.wait("a feed that is degraded", is_degraded);
        trial.recorder.wait_for_events(60);
        trial.adapter.restart().unwrap();
    }
    trial.recorder.wait("a feed that is up again", Seen::is_up);
    if matches!(feels, Feels::Nothing | Feels::Overtaking) {
        let seen = trial.recorder.seen();
        let lost: Vec<&StateReport> = (seen.states[states..].iter())
            .filter(|state| state.feed != Feed::Up)
            .collect();
        assert!(lost.is_empty(), "{lost:#?}");
        assert!(
            seen.of(EventKind::GapOpened).count() <= 1,
            "{:#?}",
            seen.gaps()
        );
    }
    trial.judge(feels);
}

macro_rules! outlived {
    ($($name:ident: $feels:ident, [$($fault:tt),+ $(,)?];)+) => {
        $(
            #[test]
            fn $name() {
                outlives(stringify!($name), json!([$($fault),+]), Feels::$feels);
            }
        )+

        /// Every test, and its faults.
        fn trials() -> Vec<(&'static str, Value)> {
            vec![$((stringify!($name), json!([$($fault),+]))),+]
        }
    };
}

/// The region itself names its faults, when it is asked for one that there is not.
fn kinds() -> Vec<String> {
    let wrong = FaultOrder::from_json(json!({ "fault": "" })).unwrap_err();
    let names = wrong.split_once("expected one of").unwrap().1;
    let names = names.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// A fault that the region learns needs a test here: it has to be the first of one, what follows only makes it felt.
#[test]
fn every_fault_of_the_region_is_outlived() {
    let trials = trials();
    let firsts = trials
        .iter()
        .map(|(name, faults)| (faults[0]["fault"].as_str().unwrap(), *name));
    let tested: BTreeMap<&str, &str> = firsts.collect();
    let kinds = kinds();
    assert!(kinds.len() >= 20, "{kinds:?}");
    for kind in &kinds {
        assert!(
            tested.contains_key(kind.as_str()),
            "no test strikes with {kind} first: {tested:#?}"
        );
    }
    assert_eq!(tested.len(), kinds.len(), "{kinds:?}\n{tested:#?}");
}

outlived! {
    connections_that_break: Interruption, [{ "fault": "cut_sockets" }];
    a_closing_that_nobody_announced: Interruption, [{ "fault": "cut_sockets", "close_code": 1011 }];
    a_closing_that_was_announced: Nothing, [{ "fault": "socket_closing", "grace_s": 8 }];
    sockets_that_say_nothing: Interruption, [{ "fault": "mute_sockets" }];
    a_black_hole: Interruption, [{ "fault": "black_hole", "requests": true, "for_s": 20 }];
    somebody_else_on_the_channel: Interruption, [{ "fault": "second_socket", "every_s": 1, "for_s": 4 }];
    a_program_that_makes_channels_in_a_loop: Anything, [{ "fault": "rival_channels", "every_s": 0.1, "for_s": 6 }];
    upgrades_that_are_refused: Interruption, [
        { "fault": "refuse_connects", "for_s": 4 }, { "fault": "cut_sockets" },
    ];
    notifications_that_come_late: Nothing, [{ "fault": "delay", "min_ms": 50, "max_ms": 900, "for_s": 3 }];
    notifications_that_overtake_those_of_other_channels: Nothing, [
        { "fault": "reorder", "min_ms": 50, "max_ms": 900, "share": 0.5, "among": "channels", "for_s": 3 },
    ];
    notifications_that_overtake_those_of_their_own_channel: Overtaking, [
        { "fault": "reorder", "min_ms": 50, "max_ms": 900, "share": 0.5, "among": "all", "for_s": 3 },
    ];
    notifications_that_are_lost: Nothing, [{ "fault": "lose", "share": 0.5, "for_s": 3 }];
    notifications_that_come_twice: Nothing, [{ "fault": "duplicate", "for_s": 3 }];
    tokens_that_are_revoked: Interruption, [{ "fault": "revoke_token" }];
    a_client_that_is_refused: Interruption, [
        { "fault": "refuse_client", "for_s": 4 }, { "fault": "revoke_token", "after_s": 0.1 },
    ];
    topics_that_are_forbidden: Refusal, [
        { "fault": "forbid_topics", "topics": ["v2.users.*.presence"], "for_s": 12 }, { "fault": "expire_channels" },
    ];
    channels_that_expire: Interruption, [{ "fault": "expire_channels" }];
    too_many_requests: Interruption, [
        { "fault": "storm_429", "share": 0.6, "for_s": 4 }, { "fault": "expire_channels" },
    ];
    servers_that_fail: Interruption, [
        { "fault": "storm_5xx", "share": 0.6, "for_s": 4 }, { "fault": "expire_channels" },
    ];
    answers_that_come_late: Interruption, [
        { "fault": "slow_requests", "min_ms": 200, "max_ms": 1500, "for_s": 4 }, { "fault": "expire_channels" },
    ];
    a_clock_that_is_wrong: Interruption, [
        { "fault": "clock_skew", "skew_ms": -3_600_000, "for_s": 4 }, { "fault": "expire_channels" },
    ];
    reads_that_are_forbidden: Interruption, [
        { "fault": "forbid_requests", "path": "/api/v2/analytics", "permission": "analytics:userDetail:view",
          "for_s": 6 },
        { "fault": "cut_sockets" },
    ];
}
