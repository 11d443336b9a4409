//! A day of the region, lived in virtual time and without a socket, and how its bodies are told to `calls`.
//!
//! | file      | what it is                                                                        |
//! |-----------|-----------------------------------------------------------------------------------|
//! | `acts`    | what the region's acts become in the feed: the table of it                        |
//! | `facts`   | what happened and what was told, in words in which the two can be compared        |
//! | `story`   | stories that nobody wrote: the repertoire's, cut and joined at random             |
//! | `arrival` | the orders in which bodies may arrive: late, twice, again, not from the beginning |
//! | `succession` | one connection takes over from another                                        |
//! | `kept`    | what a journal keeps of what was told                                             |
//! | `life`    | what every feed must keep to, whatever it missed: the order of a leg's life       |

#![allow(dead_code, reason = "each test binary takes what it needs of it")]

pub(crate) mod acts;
pub(crate) mod arrival;
pub(crate) mod facts;
pub(crate) mod kept;
pub(crate) mod life;
pub(crate) mod story;
pub(crate) mod succession;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gca_region::chance::{Chance, Id};
use gca_region::script::Script;
use gca_region::time::{Millis, Time};
use gca_region::truth::{Act, Kind};
use gca_region::world::{Shown, World, WorldConfig};
use genesys_cloud_adapter::calls::{Calls, Finding, Heard};
use genesys_cloud_adapter::model::event::Event;
use genesys_cloud_adapter::model::frame::Notification;
use genesys_cloud_adapter::model::id::{QueueId, UserId};
use genesys_cloud_adapter::model::order::SocketId;
use genesys_cloud_adapter::model::time::{Now, UtcMicros};

/// Bytes for last snapshots: small enough that some are dropped in a day, and read whole again.
const SNAPSHOT_CACHE: usize = 1 << 20;

/// All plays begin within this.
const BEGINNINGS: Millis = Millis(40_000);

/// By then the last story is told: nobody waits longer for an agent than the world's patience allows.
const REST: Millis = Millis(90_000);

/// What was published, and what really happened.
pub(crate) struct Day {
    /// From which everything about it follows.
    pub(crate) seed: u64,
    pub(crate) shown: Vec<Shown>,
    pub(crate) acts: Vec<Act>,
    /// What reads of each conversation answer after the day, in the order in which they began.
    pub(crate) reads: Vec<Reads>,
    /// The stories that were played, by the name that acts know them by.
    pub(crate) stories: BTreeMap<&'static str, &'static Script>,
}

/// The answers to reads of one conversation.
pub(crate) struct Reads {
    pub(crate) conversation: String,
    /// `GET /api/v2/conversations/{id}`
    pub(crate) rest: String,
    /// Of analytics conversation details.
    pub(crate) details: String,
}

impl Day {
    /// Lives a day: every script of the repertoire once, and as many stories again that nobody wrote.
    pub(crate) fn live(seed: u64) -> Self {
        let scripts = story::repertoire_and_more(seed);
        let config = WorldConfig {
            users: 24,
            queues: 3,
            calls_per_minute: 0.0,
            minutes_per_presence: 6.0,
            seed,
            scripts,
            ..WorldConfig::default()
        };
        let start = config.start;
        let mut chance = Chance::new(seed, "beginnings");
        let mut plan: Vec<(Time, &'static str)> = (scripts.iter())
            .map(|script| (start + chance.between(0, BEGINNINGS.0), script.name))
            .collect();
        plan.sort();
        let mut world = World::new(config);
        let mut shown = Vec::new();
        for (at, script) in plan {
            live_until(&mut world, at, &mut shown);
            world.play(script, at).unwrap();
            shown.extend(std::iter::from_fn(|| world.poll_shown()));
        }
        live_until(&mut world, start + BEGINNINGS + REST, &mut shown);
        let mut day = Self {
            seed,
            shown,
            acts: world.truth().acts.clone(),
            reads: reads(&world),
            stories: scripts.iter().map(|script| (script.name, script)).collect(),
        };
        day.shown.retain(|shown| arrival::is_followed(&shown.topic));
        day.forget_calls_that_rise_again();
        day
    }

    /// The users and queues whose topics show something.
    pub(crate) fn subjects(&self) -> (Vec<UserId>, Vec<QueueId>) {
        let (mut users, mut queues) = (BTreeSet::new(), BTreeSet::new());
        for shown in &self.shown {
            let parts: Vec<&str> = shown.topic.split('.').collect();
            match parts.as_slice() {
                ["v2", "users", id, ..] => users.insert(*id),
                ["v2", "routing", "queues", id, ..] => queues.insert(*id),
                _ => false,
            };
        }
        let users = users.into_iter().map(UserId::from);
        (
            users.collect(),
            queues.into_iter().map(QueueId::from).collect(),
        )
    }

    /// A story that nobody wrote may offer a call to somebody after everybody has left it. The platform never does.
    fn forget_calls_that_rise_again(&mut self) {
        let mut ends: BTreeMap<Id, usize> = BTreeMap::new();
        for act in self
            .acts
            .iter()
            .filter(|act| act.kind == Kind::ConversationEnded)
        {
            *ends.entry(act.conversation.unwrap()).or_default() += 1;
        }
        ends.retain(|_, times| *times > 1);
        let risen = |act: &Act| act.conversation.is_some_and(|id| ends.contains_key(&id));
        let script = self.acts.iter().filter(|act| risen(act)).find_map(|act| {
            let script = act.script?;
            (!script.starts_with(story::INVENTED)).then_some(script)
        });
        assert_eq!(script, None, "a script goes on after its call was over");
        let of: Vec<String> = ends.keys().map(|id| format!("{{\"id\":\"{id}\"")).collect();
        self.shown
            .retain(|shown| !of.iter().any(|of| shown.body.starts_with(of)));
        self.acts.retain(|act| !risen(act));
        let risen: Vec<String> = ends.keys().map(Id::to_string).collect();
        self.reads
            .retain(|read| !risen.contains(&read.conversation));
    }
}

fn reads(world: &World) -> Vec<Reads> {
    let mut ids = Vec::new();
    for id in world.truth().acts.iter().filter_map(|act| act.conversation) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let read = |id: Id| {
        let conversation = id.to_string();
        Some(Reads {
            rest: world.conversation(&conversation)?.to_string(),
            details: world.conversation_details(&conversation)?.to_string(),
            conversation,
        })
    };
    ids.into_iter().filter_map(read).collect()
}

fn live_until(world: &mut World, end: Time, shown: &mut Vec<Shown>) {
    while let Some(due) = world.poll_timeout().filter(|due| *due <= end) {
        world.handle_timeout(due);
        shown.extend(std::iter::from_fn(|| world.poll_shown()));
    }
}

/// Tells one body that arrives at `at`.
pub(crate) fn tell(calls: &mut Calls, shown: &Shown, at: Time) -> Heard {
    tell_on(SocketId(1), calls, shown, at)
}

/// Tells one body that arrives on the socket at `at`.
pub(crate) fn tell_on(socket: SocketId, calls: &mut Calls, shown: &Shown, at: Time) -> Heard {
    let metadata = shown
        .metadata_action
        .map(|action| format!(r#"{{"CorrelationId":"c","action":"{action}"}}"#));
    let notification = Notification {
        topic: &shown.topic,
        body: &shown.body,
        metadata: metadata.as_deref(),
    };
    let heard = calls.handle_notification(socket, &notification, now(at));
    assert_ne!(heard, Heard::Unreadable, "{} {}", shown.topic, shown.body);
    heard
}

pub(crate) fn now(at: Time) -> Now {
    Now {
        elapsed: Duration::from_millis(u64::try_from(at.0).unwrap()),
        utc: UtcMicros(at.0 * 1000),
    }
}

/// What is told of bodies that arrive in the given order.
pub(crate) fn hear<'a>(arrivals: impl IntoIterator<Item = (Time, &'a Shown)>) -> Vec<Event> {
    hear_with(Calls::new(SNAPSHOT_CACHE), arrivals)
}

/// What is found, in bodies that arrive in the given order, that this version does not know.
pub(crate) fn find<'a>(arrivals: impl IntoIterator<Item = (Time, &'a Shown)>) -> Vec<Finding> {
    let mut calls = Calls::new(SNAPSHOT_CACHE);
    let mut findings = Vec::new();
    for (at, shown) in arrivals {
        tell(&mut calls, shown, at);
        findings.extend(std::iter::from_fn(|| calls.poll_finding()));
    }
    findings
}

/// As [`hear`], by the one given.
pub(crate) fn hear_with<'a>(
    mut calls: Calls,
    arrivals: impl IntoIterator<Item = (Time, &'a Shown)>,
) -> Vec<Event> {
    let mut events = Vec::new();
    let mut tick = 0;
    for (at, shown) in arrivals {
        tell(&mut calls, shown, at);
        // As the shell does, now and then.
        if at.0 / 1_000 != tick {
            tick = at.0 / 1_000;
            calls.handle_timeout(now(at));
        }
        events.extend(std::iter::from_fn(|| calls.poll_event()));
    }
    events
}
