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

/// The user whose calls the frames tell.
pub(crate) const USER: &str = "8f6c1c1e-3a56-4a1b-9d0e-5b1f7e2c4d10";

/// Stands in a template where the time of a hold goes.
const HOLD: &str = "@hold@";

/// Texts of one conversation's snapshot, before and after its agent puts the call on hold.
pub(crate) struct Snapshot {
    talking: Template,
    holding: Template,
}

/// A text with places for ids and a time.
struct Template {
    pieces: Vec<Piece>,
    length: usize,
}

enum Piece {
    Text(String),
    Id(usize),
    HoldTime,
}

impl Snapshot {
    /// A nested snapshot of a call that an agent has answered, as near to `bytes` as the region makes them. A call is
    /// short if an agent dialed it, and longer with every offer that was refused before, each of which is a participant
    /// that stays; data attached to the customer fill it up.
    pub(crate) fn of_about(bytes: usize) -> Self {
        let length = |body: &Value| notification(body).len();
        let offers = [None, Some(0), Some(1), Some(2)].into_iter();
        let (refusals, bare) = offers
            .filter_map(|refusals| Some((refusals, answered(refusals, 0)?)))
            .filter(|(_, body)| length(body) <= bytes)
            .max_by_key(|(_, body)| length(body))
            .expect("a call that short");
        let attribute = ATTRIBUTE.0.len() + ATTRIBUTE.1.len() + r#""00":"","#.len();
        Self::of(answered(refusals, (bytes - length(&bare)) / attribute).expect("the same call"))
    }

    fn of(mut body: Value) -> Self {
        let mut ids = vec![text_of(&body["id"])];
        let participants = body["participants"].as_array_mut().expect("participants");
        for participant in participants.iter() {
            ids.push(text_of(&participant["id"]));
            ids.extend(calls(participant).iter().map(|call| text_of(&call["id"])));
        }
        let agent = participants
            .iter_mut()
            .rfind(|p| is_talking_agent(p))
            .expect("an agent");
        agent["userId"] = USER.into();
        let talking = notification(&body);
        let agent = body["participants"].as_array_mut().expect("participants");
        let agent = agent
            .iter_mut()
            .rfind(|p| is_talking_agent(p))
            .expect("an agent");
        agent["calls"][0]["held"] = true.into();
        agent["calls"][0]["startHoldTime"] = HOLD.into();
        let holding = notification(&body);
        Self {
            talking: Template::cut(&talking, &ids),
            holding: Template::cut(&holding, &ids),
        }
    }

    /// Length of the notification.
    pub(crate) fn length(&self) -> usize {
        self.talking.length
    }

    /// Conversation number `call`, its agent talking.
    pub(crate) fn talking(&self, call: u64) -> String {
        self.talking.fill(call, 0)
    }

    /// Conversation number `call`, on hold since `hold_ms`.
    pub(crate) fn holding(&self, call: u64, hold_ms: i64) -> String {
        self.holding.fill(call, hold_ms)
    }
}

impl Template {
    fn cut(text: &str, ids: &[String]) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while let Some(next) = rest.chars().next() {
            let (piece, length) =
                if let Some(number) = ids.iter().position(|id| rest.starts_with(id.as_str())) {
                    (Piece::Id(number), ids[number].len())
                } else if rest.starts_with(HOLD) {
                    (Piece::HoldTime, HOLD.len())
                } else {
                    plain.push(next);
                    rest = &rest[next.len_utf8()..];
                    continue;
                };
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(piece);
            rest = &rest[length..];
        }
        pieces.push(Piece::Text(plain));
        Self {
            pieces,
            length: text.len(),
        }
    }

    fn fill(&self, call: u64, hold_ms: i64) -> String {
        let mut text = String::with_capacity(self.length + 32);
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Id(number) => {
                    let _ = write!(text, "{number:08x}-0000-4000-8000-{call:012x}");
                }
                Piece::HoldTime => text.push_str(&iso(hold_ms)),
            }
        }
        text
    }
}

/// A notification of the user's presence: the adapter makes an event of each, which shows that it has read everything
/// before it.
pub(crate) fn presence(modified_ms: i64) -> String {
    let word = if modified_ms % 2 == 0 {
        "AVAILABLE"
    } else {
        "BUSY"
    };
    format!(
        r#"{{"topicName":"v2.users.{USER}.presence","version":"2","eventBody":{{"source":"PURECLOUD","presenceDefinition":{{"id":"{USER}","systemPresence":"{word}"}},"primary":true,"message":"","modifiedDate":"{}"}},"metadata":{{"CorrelationId":"{USER}"}}}}"#,
        iso(modified_ms)
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

/// The snapshot of a call at the moment after it was answered: dialed by an agent, or offered and refused so many times
/// before; with so many attributes.
fn answered(refusals: Option<usize>, attributes: usize) -> Option<Value> {
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
        steps.push(Attaches(
            format!("{}{number:02}", ATTRIBUTE.0).leak(),
            ATTRIBUTE.1,
        ));
    }
    let answers = if refusals.is_some() { Agent } else { Customer };
    steps.extend([
        lasts(1, 2),
        Answers(answers),
        lasts(30, 60),
        HangsUp(Customer),
    ]);
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
        scripts: script,
        ..WorldConfig::default()
    });
    world.play("benchmark", world.now()).ok()?;
    for _ in 0..10_000 {
        world.handle_timeout(world.poll_timeout()?);
        while let Some(shown) = world.poll_shown() {
            if !shown.topic.starts_with("v2.users.") || !shown.topic.ends_with(".conversations") {
                continue;
            }
            let body: Value = serde_json::from_str(&shown.body).ok()?;
            let parties = body["participants"].as_array()?;
            if parties.iter().any(is_talking_agent) && parties.iter().all(is_past_ringing) {
                return Some(body);
            }
        }
    }
    None
}

fn is_talking_agent(participant: &Value) -> bool {
    matches!(participant["purpose"].as_str(), Some("agent" | "user"))
        && calls(participant)
            .first()
            .is_some_and(|call| call["state"] == "connected")
}

fn is_past_ringing(participant: &Value) -> bool {
    calls(participant)
        .iter()
        .all(|call| call["state"] == "connected" || call["state"] == "terminated")
}

fn calls(participant: &Value) -> &[Value] {
    participant["calls"].as_array().map_or(&[], Vec::as_slice)
}

fn notification(body: &Value) -> String {
    format!(
        r#"{{"topicName":"v2.users.{USER}.conversations","version":"2","eventBody":{body},"metadata":{{"CorrelationId":"{USER}"}}}}"#
    )
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
