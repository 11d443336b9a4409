//! The frames: real bodies of the simulated region, cut into templates, so that thousands of different ones can be made
//! without a parse.

use std::fmt::Write;

use gca_region::script::Party::{Agent, Customer};
use gca_region::script::Step::{
    Answers, Attaches, CallsIn, DialsOut, HangsUp, JoinsQueue, OfferedTo, Refuses,
};
use gca_region::script::{Line, Script, lasts};
use gca_region::world::{World, WorldConfig};
use serde_json::Value;

/// Stands in a template where the time of a hold goes.
const HOLD: &str = "@hold@";

/// The same for what is a call's own: its number.
const CALL: &str = "@@@@call@@@@";

/// The one queue of the organization.
pub(crate) const QUEUE: &str = "6a0f5b52-7c1d-4e0a-8a39-0d5d2c7b9f11";

/// The id of a user of the organization.
pub(crate) fn user(number: u64) -> String {
    format!("{number:08x}-3a56-4a1b-9d0e-5b1f7e2c4d10")
}

/// Notifications of a call: while its agent talks, while its agent holds it, and when it is over.
pub(crate) struct Call {
    talking: Shapes,
    holding: Template,
    over: Shapes,
    parts: (usize, usize),
}

/// The same moment in both shapes.
struct Shapes {
    nested: Template,
    flat: Template,
}

/// A text with places for ids and a time.
struct Template {
    pieces: Vec<Piece>,
    length: usize,
}

#[derive(Clone)]
enum Piece {
    Text(String),
    Id(usize),
    User,
    /// What stands before the `+` in the address of the user's station.
    Station,
    /// The caller's number.
    Caller,
    Call,
    HoldTime,
}

impl Call {
    /// A call that an agent has answered, its nested notification as near to `bytes` as the region makes them. It is
    /// short if an agent dialed it, and longer with every offer that was refused before, each of which is a participant
    /// that stays; data attached to the customer fill it up.
    pub(crate) fn of_about(bytes: usize) -> Self {
        let offers = std::iter::once(None).chain((0..=8).map(Some));
        let (refusals, bare) = offers
            .filter_map(|refusals| Some((refusals, Played::with(refusals, 0)?.length())))
            .filter(|(_, length)| *length <= bytes)
            .max_by_key(|(_, length)| *length)
            .expect("a call that short");
        let attribute = ATTRIBUTE.0.len() + ATTRIBUTE.1.len() + r#""00":"","#.len();
        let played = Played::with(refusals, (bytes - bare) / attribute);
        Self::of(played.expect("the same call"))
    }

    fn of(mut played: Played) -> Self {
        let mut ids = vec![text_of(&played.over.nested["id"])];
        for participant in participants(&played.over.nested) {
            ids.push(text_of(&participant["id"]));
            ids.extend(calls(participant).iter().map(|call| text_of(&call["id"])));
        }
        let talking = &mut played.talking.nested;
        let attributes = |party: &Value| party["attributes"].as_object().map_or(0, |all| all.len());
        let parties = participants(talking);
        let parts = (parties.len(), parties.iter().map(attributes).sum());
        let agent = parties.iter().rfind(|party| is_talking_agent(party));
        let agent = agent.expect("an agent");
        let between = |address: &Value, begin: &str, end: char| {
            let (_, rest) = address.as_str()?.split_once(begin)?;
            rest.split(end).next().map(str::to_owned)
        };
        let caller = parties
            .iter()
            .find(|party| party["purpose"] == "customer")
            .and_then(|party| between(&party["address"], "tel:", ';'));
        let mut own: Vec<(String, Piece)> = (ids.into_iter().enumerate())
            .map(|(number, id)| (id, Piece::Id(number)))
            .collect();
        own.push((text_of(&agent["userId"]), Piece::User));
        own.push((HOLD.to_owned(), Piece::HoldTime));
        own.push((CALL.to_owned(), Piece::Call));
        own.extend(between(&agent["address"], "sip:", '+').map(|text| (text, Piece::Station)));
        own.extend(caller.map(|text| (text, Piece::Caller)));
        let queue = parties.iter().find_map(|party| party["queueId"].as_str());
        let queue = queue.unwrap_or(QUEUE).to_owned();
        let cut = |body: &Value| Template::cut(&body.to_string().replace(&queue, QUEUE), &own);
        let shapes = |bodies: &Bodies| Shapes {
            nested: cut(&bodies.nested),
            flat: cut(&bodies.flat),
        };
        let (talking, over) = (shapes(&played.talking), shapes(&played.over));
        let held = played.talking.nested["participants"]
            .as_array_mut()
            .and_then(|parties| parties.iter_mut().rfind(|party| is_talking_agent(party)))
            .expect("an agent");
        held["calls"][0]["held"] = true.into();
        held["calls"][0]["startHoldTime"] = HOLD.into();
        Self {
            talking,
            holding: cut(&played.talking.nested),
            over,
            parts,
        }
    }

    /// Participants and attributes of the nested notification.
    pub(crate) fn parts(&self) -> (usize, usize) {
        self.parts
    }

    /// Length of the nested notification.
    pub(crate) fn length(&self) -> usize {
        self.talking(0).len()
    }

    /// Conversation number `call`, its agent talking.
    pub(crate) fn talking(&self, call: u64) -> String {
        on_user_topic(0, "conversations", &self.talking.nested.fill(call, 0, 0))
    }

    /// Conversation number `call`, on hold since `hold_ms`.
    pub(crate) fn holding(&self, call: u64, hold_ms: i64) -> String {
        let body = self.holding.fill(call, 0, hold_ms);
        on_user_topic(0, "conversations", &body)
    }

    /// Conversation number `call`, over.
    pub(crate) fn over(&self, call: u64) -> String {
        on_user_topic(0, "conversations", &self.over.nested.fill(call, 0, 0))
    }

    /// Conversation number `call` of user number `user`, as the platform tells it on all topics that an adapter
    /// subscribes: its agent talking.
    pub(crate) fn talking_everywhere(&self, call: u64, user: u64) -> [String; 4] {
        self.talking.everywhere(call, user)
    }

    /// The same, over.
    pub(crate) fn over_everywhere(&self, call: u64, user: u64) -> [String; 4] {
        self.over.everywhere(call, user)
    }
}

impl Shapes {
    fn everywhere(&self, call: u64, user: u64) -> [String; 4] {
        let nested = self.nested.fill(call, user, 0);
        let flat = self.flat.fill(call, user, 0);
        [
            on_user_topic(user, "conversations", &nested),
            on_user_topic(user, "conversations.calls", &flat),
            on_queue_topic("conversations", &nested),
            on_queue_topic("conversations.calls", &flat),
        ]
    }
}

impl Template {
    /// `own` is what differs from call to call.
    fn cut(text: &str, own: &[(String, Piece)]) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while let Some(next) = rest.chars().next() {
            let Some((text, piece)) = own.iter().find(|(text, _)| rest.starts_with(text)) else {
                plain.push(next);
                rest = &rest[next.len_utf8()..];
                continue;
            };
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(piece.clone());
            rest = &rest[text.len()..];
        }
        pieces.push(Piece::Text(plain));
        Self {
            pieces,
            length: text.len(),
        }
    }

    fn fill(&self, call: u64, user: u64, hold_ms: i64) -> String {
        let mut text = String::with_capacity(self.length + 64);
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Id(number) => {
                    let _ = write!(text, "{number:08x}-0000-4000-8000-{call:012x}");
                }
                Piece::User => text.push_str(&self::user(user)),
                Piece::Station => {
                    let _ = write!(text, "{user:024x}");
                }
                Piece::Caller => {
                    let _ = write!(text, "+1{call:010}");
                }
                Piece::Call => {
                    let _ = write!(text, "{call:012}");
                }
                Piece::HoldTime => text.push_str(&iso(hold_ms)),
            }
        }
        text
    }
}

/// A notification of the presence of user 0: the adapter makes an event of each, which shows that it has read everything
/// before it.
pub(crate) fn presence(modified_ms: i64) -> String {
    let word = if modified_ms % 2 == 0 {
        "AVAILABLE"
    } else {
        "BUSY"
    };
    let body = format!(
        r#"{{"source":"PURECLOUD","presenceDefinition":{{"id":"{}","systemPresence":"{word}"}},"primary":true,"message":"","modifiedDate":"{}"}}"#,
        user(0),
        iso(modified_ms)
    );
    on_user_topic(0, "presence", &body)
}

fn on_user_topic(number: u64, topic: &str, body: &str) -> String {
    notification(&format!("v2.users.{}.{topic}", user(number)), body)
}

fn on_queue_topic(topic: &str, body: &str) -> String {
    notification(&format!("v2.routing.queues.{QUEUE}.{topic}"), body)
}

fn notification(topic: &str, body: &str) -> String {
    format!(
        r#"{{"topicName":"{topic}","version":"2","eventBody":{body},"metadata":{{"CorrelationId":"{}"}}}}"#,
        user(0)
    )
}

/// The websocket frame of a text, as a server sends it (RFC 6455, section 5.2: not masked).
pub(crate) fn text(payload: impl AsRef<str>) -> Vec<u8> {
    let payload = payload.as_ref().as_bytes();
    let mut frame = Vec::with_capacity(payload.len() + 10);
    frame.push(0x81);
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(length as u8),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// Cuts a run of such frames.
pub(crate) fn cut(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = match *frames.get(1)? {
            127 => 10 + u64::from_be_bytes(frames[2..10].try_into().ok()?) as usize,
            126 => 4 + usize::from(u16::from_be_bytes([frames[2], frames[3]])),
            short => 2 + usize::from(short),
        };
        let (frame, rest) = frames.split_at(length);
        frames = rest;
        Some(frame)
    })
}

/// What is attached to the customer, under a number.
const ATTRIBUTE: (&str, &str) = (
    "customer.segment.",
    "a value of ordinary length, as flows write them",
);

/// Every second value is the call's own.
const OWN_VALUE: &str = "@@@@call@@@@ and some more of the ordinary kind";

/// A call as the region played it: how it was when it had just been answered, and how when all was over.
struct Played {
    talking: Bodies,
    over: Bodies,
}

#[derive(Default)]
struct Bodies {
    nested: Value,
    flat: Value,
}

impl Played {
    /// Dialed by an agent, or offered and refused so many times before it was answered; with so many attributes.
    fn with(refusals: Option<usize>, attributes: usize) -> Option<Self> {
        let mut steps = Vec::new();
        if let Some(refusals) = refusals {
            steps.extend([CallsIn(Customer), JoinsQueue(Line::FirstQueue)]);
            for _ in 0..refusals {
                steps.extend([OfferedTo(Agent), lasts(1, 2), Refuses(Agent), lasts(1, 2)]);
            }
            steps.push(OfferedTo(Agent));
        } else {
            steps.push(DialsOut(Agent, None));
        }
        for number in 0..attributes {
            let key = format!("{}{number:02}", ATTRIBUTE.0);
            let value = if number % 2 == 0 {
                ATTRIBUTE.1
            } else {
                OWN_VALUE
            };
            steps.push(Attaches(key.leak(), value));
        }
        let answers = if refusals.is_some() { Agent } else { Customer };
        let talk = lasts(30, 60);
        steps.extend([lasts(1, 2), Answers(answers), talk, HangsUp(Customer)]);
        // The world keeps its scripts for the life of the program; so few are made that they may stay.
        let script: &'static [Script] = Vec::leak(vec![Script {
            name: "benchmark",
            story: "A call is offered or dialed, and at last answered.",
            weight: 1,
            steps: steps.leak(),
        }]);
        let mut world = World::new(WorldConfig {
            users: 4,
            queues: 2,
            calls_per_minute: 0.0,
            minutes_per_presence: 0.0,
            connected_during_after_call_work: 0.0,
            scripts: script,
            ..WorldConfig::default()
        });
        world.play("benchmark", world.now()).ok()?;
        let (mut talking, mut last) = (None, Bodies::default());
        for _ in 0..10_000 {
            world.handle_timeout(world.poll_timeout()?);
            while let Some(shown) = world.poll_shown() {
                let topic = shown.topic.strip_prefix("v2.users.");
                match topic.and_then(|topic| topic.split_once('.')) {
                    Some((_, "conversations")) => last.nested = read(&shown.body)?,
                    Some((_, "conversations.calls")) => last.flat = read(&shown.body)?,
                    _ => continue,
                }
                if talking.is_none() && last.is_talk() {
                    talking = Some(std::mem::take(&mut last));
                } else if talking.is_some() && last.is_over() {
                    let over = last;
                    return talking.map(|talking| Self { talking, over });
                }
            }
        }
        None
    }

    /// Of the nested notification while the agent talks.
    fn length(&self) -> usize {
        on_user_topic(0, "conversations", &self.talking.nested.to_string()).len()
    }
}

impl Bodies {
    fn is_talk(&self) -> bool {
        let settled = |leg: &Value| leg["state"] == "connected" || leg["state"] == "terminated";
        participants(&self.nested).iter().any(is_talking_agent) && self.all_legs(settled)
    }

    fn is_over(&self) -> bool {
        self.all_legs(|leg| leg["state"] == "terminated")
    }

    /// A leg is a call in the nested shape, and the participant itself in the flat one.
    fn all_legs(&self, are: impl Fn(&Value) -> bool) -> bool {
        let (nested, flat) = (participants(&self.nested), participants(&self.flat));
        nested.len() == flat.len()
            && !flat.is_empty()
            && nested.iter().flat_map(calls).all(&are)
            && flat.iter().all(&are)
    }
}

fn is_talking_agent(participant: &Value) -> bool {
    matches!(participant["purpose"].as_str(), Some("agent" | "user"))
        && calls(participant)
            .first()
            .is_some_and(|call| call["state"] == "connected")
}

fn participants(body: &Value) -> &[Value] {
    body["participants"].as_array().map_or(&[], Vec::as_slice)
}

fn calls(participant: &Value) -> &[Value] {
    participant["calls"].as_array().map_or(&[], Vec::as_slice)
}

fn read(body: &str) -> Option<Value> {
    serde_json::from_str(body).ok()
}

fn text_of(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

fn iso(ms: i64) -> String {
    format!(
        "{:.3}",
        jiff::Timestamp::from_millisecond(ms).expect("a time of our century")
    )
}
