//! Calls of which every step is chosen by a fuzzer, and the bodies that show them.
//!
//! Knows: the two shapes of a conversation body, and which words and members the platform uses. Does not know: what may
//! follow what. A step is three bytes (what, of which, how), so that what a fuzzer does to the bytes (leave out, repeat,
//! put elsewhere) are steps left out, repeated and put elsewhere.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::Ledger;
use crate::calls::{Calls, Heard};
use crate::model::event::Event;
use crate::model::frame::Notification;
use crate::model::id::{QueueId, UserId};
use crate::model::order::SocketId;
use crate::model::roster::{PresenceRecord, Queue, RoutingStatusRecord, Station, User, UserRecord};
use crate::model::time::{Now, UtcMicros};

const USERS: [&str; 2] = ["ann", "ben"];
const QUEUE: &str = "sales";
const STATES: [&str; 12] = [
    "alerting",
    "connected",
    "terminated",
    "dialing",
    "disconnected",
    "contacting",
    "offering",
    "none",
    "parked",
    "scheduled",
    "uploading",
    "a new word",
];
const PURPOSES: [&str; 9] = [
    "customer",
    "agent",
    "user",
    "acd",
    "ivr",
    "voicemail",
    "external",
    "dialer",
    "a new word",
];
const ENDINGS: [&str; 13] = [
    "client",
    "peer",
    "endpoint",
    "transfer",
    "transfer.consult",
    "transfer.noanswer",
    "transfer.conference",
    "timeout",
    "error",
    "endpoint.dnd",
    "system",
    "spam",
    "a new word",
];
const PRESENCES: [&str; 5] = ["AVAILABLE", "OFFLINE", "ON_QUEUE", "On Queue", "A_NEW_WORD"];
const STATUSES: [&str; 6] = [
    "OFF_QUEUE",
    "IDLE",
    "INTERACTING",
    "NOT_RESPONDING",
    "COMMUNICATING",
    "A_NEW_WORD",
];

/// Members of a participant in either shape that a step turns on and off.
const OF_PARTICIPANT: [&str; 12] = [
    r#""attributes":{"account":"1","card":"4111 1111 1111 1111"}"#,
    r#""attributes":{"account":"2","say":"\",\"participants\":[{}]"}"#,
    r#""wrapup":{"code":"sold","notes":"","tags":[],"durationSeconds":7,"endTime":"2027-01-15T08:30:00Z"}"#,
    r#""wrapupRequired":true,"wrapupSkipped":false"#,
    r#""startAcwTime":"2027-01-15T08:20:00.5Z""#,
    r#""endAcwTime":"2027-01-15T08:21:00.5Z""#,
    r#""conversationRoutingData":{"queue":{"id":"sales"},"priority":3,"skills":[{"id":"s"}],"language":{"id":"l"}}"#,
    r#""monitoredParticipantId":"c0p1""#,
    r#""coachedParticipantId":"c0p1""#,
    r#""bargedParticipantId":"c0p1","bargedTime":"2027-01-15T08:10:00Z""#,
    r#""consultParticipantId":"c0p2""#,
    r#""aMemberThatIsNew":[{"id":"x"},"\\\"",null,1e3,true]"#,
];

/// Members of a call; the flat shape has them in the participant.
const OF_CALL: [&str; 6] = [
    r#""recordingState":"active","recording":true"#,
    r#""recordingState":"paused","recording":true"#,
    r#""parkTime":"2027-01-15T08:05:00Z""#,
    r#""afterCallWork":{"state":"pending","startTime":"2027-01-15T08:20:00Z"},"afterCallWorkRequired":true"#,
    r#""errorInfo":{"code":"e","message":"m"}"#,
    r#""disposition":{"name":"machine","analyzer":"edge"}"#,
];

/// Members of a participant in the nested shape only: other media while they last, and when they are over.
const NESTED_ONLY: [&str; 4] = [
    r#""callbacks":[{"id":"b","state":"scheduled","callbackNumbers":["+1"],"callbackScheduledTime":"2027-01-15T09:00:00Z"}]"#,
    r#""callbacks":[{"id":"b","state":"terminated","callbackNumbers":["+1"],"disconnectedTime":"2027-01-15T09:00:00Z"}]"#,
    r#""chats":[{"id":"h","state":"connected"}],"videos":[],"emails":null"#,
    r#""chats":[{"id":"h","state":"terminated"}]"#,
];

/// Members of a conversation.
const OF_CONVERSATION: [&str; 4] = [
    r#""securePause":true"#,
    r#""consultationConversations":[{"id":"c1"}]"#,
    r#""associatedConversation":{"id":"c0"}"#,
    r#""recentTransfers":[{"id":"t","state":"DONE"}]"#,
];

/// No scene has more steps: what takes longer than that is found by more scenes sooner than by longer ones.
const MOST_STEPS: usize = 100;

/// 2027-01-15T08:00:00Z.
const BEGIN: i64 = 1_800_000_000_000_000;

#[derive(Debug, Default, Clone)]
struct Conversation {
    parties: Vec<Party>,
    extras: u8,
}

#[derive(Debug, Default, Clone)]
struct Party {
    /// Its id, whatever its place in the list is.
    number: usize,
    purpose: u8,
    is_hidden: bool,
    ended: Option<i64>,
    calls: Vec<Call>,
    extras: u16,
    nested_extras: u8,
}

#[derive(Debug, Default, Clone)]
struct Call {
    opening: u8,
    state: u8,
    ending: u8,
    is_outbound: bool,
    connected: Option<i64>,
    ended: Option<i64>,
    hold_start: Option<i64>,
    held: Option<bool>,
    muted: Option<bool>,
    confined: Option<bool>,
    secure_pause: Option<bool>,
    extras: u8,
}

/// A scene as it is played to two rooms, of which one keeps snapshots and one has no place for them.
#[derive(Debug)]
pub struct Scene {
    calls: Calls,
    without_cache: Calls,
    ledger: Ledger,
    conversations: [Conversation; 3],
    /// Topics and bodies that were shown, the last in front.
    shown: VecDeque<(usize, String)>,
    longest_body: usize,
    /// Seconds since the beginning.
    second: i64,
}

impl Scene {
    const CACHE: usize = 1 << 20;

    /// Plays a scene to its end and closes it: every call is over then.
    ///
    /// # Panics
    /// If a promise of `calls` is broken.
    pub fn play(steps: &[u8]) {
        let mut scene = Self {
            calls: Calls::new(Self::CACHE),
            without_cache: Calls::new(0),
            ledger: Ledger::default(),
            conversations: Default::default(),
            shown: VecDeque::new(),
            longest_body: 0,
            second: 0,
        };
        for step in steps.as_chunks::<3>().0.iter().take(MOST_STEPS) {
            scene.second += 1;
            scene.step(*step);
        }
        scene.close();
    }

    fn step(&mut self, [what, which, how]: [u8; 3]) {
        let now = self.second;
        match what % 24 {
            // Twice as often as the rest: only what is shown can be told.
            0 | 1 => self.show(usize::from(which) % 3, usize::from(how) % 6),
            2 => self.shift(which, how),
            3 => self.on_call(which, |call| call.state = how),
            4 => self.on_call(which, |call| {
                call.held = Some(call.held != Some(true));
                call.hold_start = Some(now);
            }),
            5 => self.on_call(which, |call| call.muted = Some(call.muted != Some(true))),
            6 => self.on_call(which, |call| {
                call.confined = Some(call.confined != Some(true))
            }),
            7 => self.on_call(which, |call| {
                call.secure_pause = Some(call.secure_pause != Some(true))
            }),
            8 => self.on_call(which, |call| call.set_time(how, now)),
            9 => self.on_call(which, |call| call.forget(how)),
            10 => self.on_call(which, |call| call.extras ^= 1 << (how % 6)),
            11 => self.join(which, how),
            12 => self.ring_again(which, how),
            13 => {
                if let Some(party) = self.party(which) {
                    match how % 18 {
                        at @ 0..12 => party.extras ^= 1 << at,
                        // Another medium may come; what has come stays to be seen, also when it is over.
                        at @ 12..15 => party.nested_extras |= [1, 4, 5][usize::from(at) - 12],
                        15 => party.is_hidden ^= true,
                        16 => party.ended = Some(now),
                        _ => party.purpose = how / 18,
                    }
                }
            }
            14 => self.conversation(which).extras ^= 1 << (how % 4),
            15 => self.conversation(which).parties.reverse(),
            16 => {
                let conversation = self.conversation(which);
                conversation.end(now);
                self.show(usize::from(which) % 3, usize::from(how) % 6);
            }
            17 => self.show_again(which, how),
            18 => self.show_broken(which, how),
            19 => self.interrupt(how),
            20 => {
                self.second += i64::from(how);
                let now = self.now();
                self.calls.handle_timeout(now);
                self.without_cache.handle_timeout(now);
            }
            21 => self.show_agent(which, how),
            22 => self.list_users(which, how),
            _ => {
                let users = [UserId::from(USERS[usize::from(which) % 2])];
                self.calls.handle_users_removed(&users);
                self.without_cache.handle_users_removed(&users);
            }
        }
    }

    fn now(&self) -> Now {
        Now {
            elapsed: Duration::from_secs(self.second.unsigned_abs()),
            utc: UtcMicros(BEGIN + self.second * 1_000_000),
        }
    }

    fn conversation(&mut self, which: u8) -> &mut Conversation {
        &mut self.conversations[usize::from(which) % 3]
    }

    fn party(&mut self, which: u8) -> Option<&mut Party> {
        let parties = &mut self.conversation(which).parties;
        let count = parties.len().max(1);
        parties.get_mut(usize::from(which / 3) % count)
    }

    fn on_call(&mut self, which: u8, act: impl FnOnce(&mut Call)) {
        let Some(party) = self.party(which) else {
            return;
        };
        let count = party.calls.len().max(1);
        if let Some(call) = party.calls.get_mut(usize::from(which / 15) % count) {
            act(call);
        }
    }

    /// A call goes into a state as it does on the platform, with the times that belong to it.
    fn shift(&mut self, which: u8, how: u8) {
        let now = self.second;
        self.on_call(which, |call| {
            call.state = how;
            call.ending = how / 12;
            match word(&STATES, how) {
                "connected" => {
                    call.connected.get_or_insert(now);
                    call.muted.get_or_insert(false);
                    call.held.get_or_insert(false);
                }
                "terminated" | "disconnected" => {
                    call.ended.get_or_insert(now);
                }
                _ => {}
            }
        });
    }

    /// A party joins with one call.
    fn join(&mut self, which: u8, how: u8) {
        let parties = &mut self.conversation(which).parties;
        if parties.len() < 5 {
            let state = how / 9;
            let call = Call {
                opening: state,
                state,
                is_outbound: how >= 128,
                ..Call::default()
            };
            parties.push(Party {
                number: parties.len(),
                purpose: how % 9,
                calls: vec![call],
                ..Party::default()
            });
        }
    }

    /// A party gets one call more.
    fn ring_again(&mut self, which: u8, how: u8) {
        if let Some(party) = self.party(which).filter(|party| party.calls.len() < 3) {
            party.calls.push(Call {
                opening: how,
                state: how,
                ..Call::default()
            });
        }
    }

    fn show(&mut self, which: usize, topic: usize) {
        let body = body(which, &self.conversations[which], topic % 2 == 1);
        self.tell(topic, &body);
        self.shown.push_front((topic, body));
        self.shown.truncate(16);
    }

    /// A body that was shown comes once more, late or on another topic of its shape; and at once again.
    fn show_again(&mut self, which: u8, how: u8) {
        let Some((topic, body)) = self.shown.get(usize::from(which)).cloned() else {
            return;
        };
        let topic = (topic + 2 * usize::from(how)) % 6;
        self.tell(topic, &body);
        let events = self.tell(topic, &body);
        assert!(events.is_empty(), "a repeat told {events:?}");
    }

    /// A body with a member of another type than the platform's, or cut off.
    fn show_broken(&mut self, which: u8, how: u8) {
        let topic = usize::from(how) % 6;
        let index = usize::from(which) % 3;
        let whole = body(index, &self.conversations[index], topic % 2 == 1);
        let broken = match how / 6 % 6 {
            0 => whole.replacen(r#""purpose":"#, r#""purpose":5,"x":"#, 1),
            1 => whole.replacen(r#""state":"#, r#""state":{},"x":"#, 1),
            2 => whole.replacen(r#"Time":"#, r#"Time":"no time","x":"#, 1),
            3 => whole.replacen(r#""id":"#, r#""id":null,"x":"#, usize::from(how / 36)),
            4 => whole[..whole.len() - usize::from(which).min(whole.len())].to_owned(),
            _ => whole.replacen("[{", "[null,{", 1),
        };
        self.tell(topic, &broken);
    }

    fn interrupt(&mut self, how: u8) {
        let users: Vec<UserId> = (USERS.iter().enumerate())
            .filter(|(at, _)| how >> at & 1 == 1)
            .map(|(_, user)| UserId::from(*user))
            .collect();
        let queues: &[QueueId] = if how & 4 == 4 {
            &[QueueId::from(QUEUE)]
        } else {
            &[]
        };
        let now = self.now();
        self.calls
            .handle_interruption(SocketId(1), &users, queues, now);
        self.without_cache
            .handle_interruption(SocketId(1), &users, queues, now);
    }

    fn show_agent(&mut self, which: u8, how: u8) {
        let user = USERS[usize::from(which) % 2];
        let at = time(self.second - i64::from(which / 2 % 16));
        let time = if which >= 128 {
            String::new()
        } else {
            format!(r#","modifiedDate":"{at}","startTime":"{at}""#)
        };
        let (leaf, body, action) = match how % 3 {
            0 => {
                let presence = word(&PRESENCES, how / 3);
                let body = format!(
                    r#"{{"source":"PURECLOUD","presenceDefinition":{{"id":"d","systemPresence":"{presence}"}}{time}}}"#
                );
                ("presence", body, None)
            }
            1 => {
                let status = word(&STATUSES, how / 3);
                (
                    "routingStatus",
                    format!(
                        r#"{{"id":"{user}","routingStatus":{{"userId":"{user}","status":"{status}"{time}}}}}"#
                    ),
                    None,
                )
            }
            _ => {
                let station = [
                    "null",
                    r#"{"id":"desk","name":"Desk","type":"inin_remote"}"#,
                    r#"{"id":"soft"}"#,
                ];
                let action = ["Associated", "Disassociated"][usize::from(how / 3 % 2)];
                let body = format!(
                    r#"{{"associatedStation":{}}}"#,
                    station[usize::from(how / 6 % 3)]
                );
                (
                    "station",
                    body,
                    Some(format!(r#"{{"CorrelationId":"x","action":"{action}"}}"#)),
                )
            }
        };
        let topic = format!("v2.users.{user}.{leaf}");
        self.tell_notification(&Notification {
            topic: &topic,
            body: &body,
            metadata: action.as_deref(),
        });
    }

    fn list_users(&mut self, which: u8, how: u8) {
        let id = USERS[usize::from(which) % 2];
        let since = (which < 128)
            .then(|| UtcMicros(BEGIN + (self.second - i64::from(which / 2)) * 1_000_000));
        let station = Station {
            id: "desk".into(),
            name: "Desk".into(),
            kind: "inin_remote".into(),
            extension: "100".into(),
        };
        let record = UserRecord {
            user: Arc::new(User {
                id: id.into(),
                name: id.into(),
                email: "".into(),
            }),
            presence: (how & 1 == 1).then(|| PresenceRecord {
                system_presence: word(&PRESENCES, how >> 4).into(),
                definition_id: "d".into(),
                modified: since,
            }),
            routing_status: (how & 2 == 2).then(|| RoutingStatusRecord {
                status: word(&STATUSES, how >> 4).into(),
                start: since,
            }),
            station: (how & 4 == 4).then(|| (how & 8 == 8).then(|| Arc::new(station))),
        };
        let queue = Arc::new(Queue {
            id: QUEUE.into(),
            name: "Sales".into(),
        });
        let now = self.now();
        for calls in [&mut self.calls, &mut self.without_cache] {
            calls.handle_queues(&[Arc::clone(&queue)]);
            calls.handle_users(std::slice::from_ref(&record), now);
        }
        self.collect();
    }

    fn tell(&mut self, topic: usize, body: &str) -> Vec<Event> {
        self.longest_body = self.longest_body.max(body.len());
        let of = match topic / 2 {
            2 => format!("v2.routing.queues.{QUEUE}"),
            user => format!("v2.users.{}", USERS[user]),
        };
        let shape = if topic % 2 == 1 {
            "conversations.calls"
        } else {
            "conversations"
        };
        self.tell_notification(&Notification {
            topic: &format!("{of}.{shape}"),
            body,
            metadata: None,
        })
    }

    fn tell_notification(&mut self, notification: &Notification<'_>) -> Vec<Event> {
        let now = self.now();
        let heard = self
            .calls
            .handle_notification(SocketId(1), notification, now);
        let other = self
            .without_cache
            .handle_notification(SocketId(1), notification, now);
        assert_eq!(
            heard == Heard::Unreadable,
            other == Heard::Unreadable,
            "{notification:?}"
        );
        self.collect()
    }

    fn collect(&mut self) -> Vec<Event> {
        let events = crate::told(&mut self.calls);
        assert_eq!(
            events,
            crate::told(&mut self.without_cache),
            "what is cached is told otherwise"
        );
        for event in &events {
            self.ledger.take(event);
        }
        events
    }

    /// Every call ends, and every topic shows it.
    fn close(mut self) {
        self.second += 1;
        for index in 0..self.conversations.len() {
            if self.conversations[index].parties.is_empty() {
                continue;
            }
            self.conversations[index].end(self.second);
            for topic in 0..6 {
                self.show(index, topic);
            }
        }
        self.ledger.close();
        assert_eq!(self.calls.open_connections(), 0, "connections are open");
        assert_eq!(self.calls.open_conversations(), 0, "conversations are open");
        assert!(self.calls.snapshot_bytes() <= Self::CACHE);
        // One is kept, with what was read of it, which takes more than a short text.
        assert!(self.without_cache.snapshot_bytes() <= 64 * self.longest_body.max(64));
    }
}

impl Conversation {
    /// All of it is over, as far as anyone can say.
    fn end(&mut self, now: i64) {
        for party in &mut self.parties {
            party.is_hidden = false;
            party.ended.get_or_insert(now);
            // Work after the call ends with it, and so do other media.
            party.extras |= party.extras << 1 & 1 << 5;
            party.nested_extras = (party.nested_extras | party.nested_extras << 1) & 0b1010;
            for call in &mut party.calls {
                call.state = 2;
                call.ended.get_or_insert(now);
                call.extras &= !(1 << 3);
            }
        }
    }
}

impl Call {
    fn set_time(&mut self, how: u8, now: i64) {
        let time = Some(now - i64::from(how / 3));
        match how % 3 {
            0 => self.connected = time,
            1 => self.ended = time,
            _ => self.hold_start = time,
        }
    }

    fn forget(&mut self, how: u8) {
        match how % 7 {
            0 => self.connected = None,
            1 => self.ended = None,
            2 => self.hold_start = None,
            3 => self.held = None,
            4 => self.muted = None,
            5 => self.confined = None,
            _ => self.secure_pause = None,
        }
    }

    /// The members that both shapes have under one name.
    fn members(&self, text: &mut String) {
        member(text, "state", word(&STATES, self.state));
        member(text, "initialState", word(&STATES, self.opening));
        member(
            text,
            "direction",
            if self.is_outbound {
                "outbound"
            } else {
                "inbound"
            },
        );
        for (name, at) in [
            ("connectedTime", self.connected),
            ("startHoldTime", self.hold_start),
        ] {
            if let Some(at) = at {
                member(text, name, &time(at));
            }
        }
        if self.ended.is_some() {
            member(text, "disconnectType", word(&ENDINGS, self.ending));
        }
        for (name, flag) in [
            ("held", self.held),
            ("muted", self.muted),
            ("confined", self.confined),
            ("securePause", self.secure_pause),
        ] {
            if let Some(flag) = flag {
                let _ = write!(text, r#","{name}":{flag}"#);
            }
        }
        extras(text, &OF_CALL, self.extras.into());
    }
}

/// A conversation as a topic shows it.
fn body(which: usize, conversation: &Conversation, is_flat: bool) -> String {
    let mut text = format!(r#"{{"id":"c{which}","participants":["#);
    for (at, party) in conversation
        .parties
        .iter()
        .filter(|party| !party.is_hidden)
        .enumerate()
    {
        if at > 0 {
            text.push(',');
        }
        party.write(which, is_flat, &mut text);
    }
    text.push_str(r#"],"recordingState":"none""#);
    extras(&mut text, &OF_CONVERSATION, conversation.extras.into());
    text.push('}');
    text
}

impl Party {
    fn write(&self, which: usize, is_flat: bool, text: &mut String) {
        let id = format!("c{which}p{}", self.number);
        let purpose = word(&PURPOSES, self.purpose);
        let _ = write!(text, r#"{{"id":"{id}""#);
        member(text, "purpose", purpose);
        let user = matches!(purpose, "agent" | "user").then(|| USERS[self.number % 2]);
        let queue = matches!(purpose, "agent" | "acd" | "customer").then_some(QUEUE);
        for (name, flat_name, value) in [("userId", "user", user), ("queueId", "queue", queue)] {
            match value {
                Some(value) if is_flat => {
                    let _ = write!(text, r#","{flat_name}":{{"id":"{value}","name":"N"}}"#);
                }
                Some(value) => member(text, name, value),
                None => {}
            }
        }
        if let Some(at) = self.ended {
            member(text, "endTime", &time(at));
        }
        extras(text, &OF_PARTICIPANT, self.extras.into());
        if is_flat {
            if let Some(call) = self.calls.first() {
                call.members(text);
                member(text, "ani", "tel:+13175550100");
            }
            text.push('}');
            return;
        }
        extras(text, &NESTED_ONLY, self.nested_extras.into());
        text.push_str(r#","calls":["#);
        for (ordinal, call) in self.calls.iter().enumerate() {
            let comma = if ordinal == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}{{"id":"{id}l{ordinal}","self":{{"addressNormalized":"tel:+1"}}"#
            );
            call.members(text);
            if let Some(at) = call.ended {
                member(text, "disconnectedTime", &time(at));
            }
            text.push('}');
        }
        text.push_str("]}");
    }
}

fn word<'a>(words: &[&'a str], at: u8) -> &'a str {
    words[usize::from(at) % words.len()]
}

fn member(text: &mut String, name: &str, value: &str) {
    let _ = write!(text, r#","{name}":"{value}""#);
}

fn extras(text: &mut String, members: &[&str], on: u32) {
    // A member twice would make the body unreadable: of two with one name the first counts.
    let name = |member: &str| member.split(':').next().map(str::to_owned);
    let mut written = Vec::new();
    for member in members
        .iter()
        .enumerate()
        .filter(|(at, _)| on >> at & 1 == 1)
        .map(|(_, member)| member)
    {
        if !written.contains(&name(member)) {
            written.push(name(member));
            text.push(',');
            text.push_str(member);
        }
    }
}

/// The time of a second of the scene, as the platform writes it.
fn time(second: i64) -> String {
    let second = second.max(0);
    format!(
        "2027-01-15T{:02}:{:02}:{:02}.{:03}Z",
        8 + second / 3600,
        second / 60 % 60,
        second % 60,
        0
    )
}
