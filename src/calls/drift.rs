//! What the platform tells that this version does not know: it goes on developing while an adapter runs for years.
//!
//! Nothing of it is an error. A member that is new is left out, a word that is new is passed on as it is or says nothing,
//! a topic that is not followed is not read. But whoever runs the adapter should learn of it, once each:
//!
//! - **Words** (of `state`, `purpose`, `disconnectType`, …) are noticed wherever one is read and means nothing. The words
//!   that are known are those that the reader knows (`Phase::from_state`, `Role::of`, `cause::known`, …).
//! - **Members** are not worth a look at every body: most of a body is skipped, or not even parsed. So the first body of
//!   each kind is looked through whole, and of those that show something new every 256th, at whatever point of a call that
//!   falls. The names that are known stand in `published.rs`.
//! - **Topics** are told without the ids in them.
//!
//! A finding names what is new and where it stood, and nothing else of the body. Since the platform might put somebody's
//! text where a word is expected, only what looks like a word is repeated.

mod published;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::tolerant::Text;
use super::topic::{Shape, TopicKind};
use published::{Member, Model};

/// Findings of one sort that are told apart; what comes beyond is not told.
const MOST: usize = 64;

/// Of the bodies of a kind, one of so many is looked through whole. That takes as long as two or three changed participants
/// of a large body: at this number it costs less than one in a hundred of what a change costs.
const ONE_IN: u32 = 256;

/// A longer text is no word.
const LONGEST_WORD: usize = 40;

/// A text with more digits is a number, or has one in it.
const MOST_DIGITS: usize = 4;

/// Something that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub novelty: Novelty,
    /// The name or word, or how long it is if it does not look like one. Of a topic the name with `{id}` for each id.
    pub name: String,
    /// Where it stood: an object (`call`), or the member of one (`call.state`). Empty for a topic.
    pub place: &'static str,
}

/// What can be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// A member of a body.
    Member,
    /// A word where the platform publishes which ones there are.
    Word,
    /// A topic.
    Topic,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, .. } = self;
        match self.novelty {
            Novelty::Member => write!(f, "a member of {place} is new to this version: {name}"),
            Novelty::Word => write!(f, "a word of {place} is new to this version: {name}"),
            Novelty::Topic => write!(f, "a topic is not read by this version: {name}"),
        }
    }
}

/// A kind of body that may be looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Nested,
    Flat,
    Analytics,
    Presence,
    RoutingStatus,
    Station,
    PersistentConnection,
}

impl Body {
    const COUNT: usize = 7;

    pub(crate) fn of(topic: TopicKind) -> Self {
        match topic {
            TopicKind::Conversation(Shape::Nested) => Self::Nested,
            TopicKind::Conversation(Shape::Flat) => Self::Flat,
            TopicKind::Presence => Self::Presence,
            TopicKind::RoutingStatus => Self::RoutingStatus,
            TopicKind::Station => Self::Station,
            TopicKind::PersistentConnection => Self::PersistentConnection,
        }
    }

    fn model(self) -> &'static Model {
        match self {
            Self::Nested => &published::NESTED,
            Self::Flat => &published::FLAT,
            Self::Analytics => &published::ANALYTICS,
            Self::Presence => &published::PRESENCE,
            Self::RoutingStatus => &published::ROUTING_STATUS,
            Self::Station => &published::STATIONS,
            Self::PersistentConnection => &published::PERSISTENT_CONNECTION,
        }
    }
}

/// What was found, and what is still to be told of it.
#[derive(Debug, Default)]
pub(crate) struct Radar {
    found: Vec<Finding>,
    untold: VecDeque<Finding>,
    /// Bodies of each kind that came by.
    came_by: [u32; Body::COUNT],
}

impl Radar {
    /// What was found and is not yet told, oldest first.
    pub(crate) fn poll(&mut self) -> Option<Finding> {
        self.untold.pop_front()
    }

    /// Reads a word of `place`. One that says nothing to `read` and is there is new.
    pub(crate) fn word<T>(
        &mut self,
        place: &'static str,
        word: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let meaning = read(word);
        if meaning.is_none() && !word.is_empty() {
            self.new_word(place, word);
        }
        meaning
    }

    /// A word of `place` is new.
    #[cold]
    pub(crate) fn new_word(&mut self, place: &'static str, word: &str) {
        self.note(Novelty::Word, place, &presentable(word));
    }

    /// A body came whose text is another than the last one's. Now and then one is looked through.
    pub(crate) fn body(&mut self, kind: Body, text: &str) {
        let came_by = &mut self.came_by[kind as usize];
        let is_looked_through = came_by.is_multiple_of(ONE_IN);
        *came_by = came_by.wrapping_add(1);
        if is_looked_through {
            self.look_through(kind.model(), text);
        }
    }

    #[cold]
    fn look_through(&mut self, model: &'static Model, text: &str) {
        let walk = Walk { model, radar: self };
        // What cannot be read to its end is told as unreadable by whoever reads it.
        let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(text));
    }

    /// A notification came on a topic that is not read.
    #[cold]
    pub(crate) fn topic(&mut self, topic: &str) {
        let name = if topic.len() <= 3 * LONGEST_WORD {
            let parts = topic
                .split('.')
                .map(|part| if is_word(part) { part } else { "{id}" });
            Cow::Owned(parts.collect::<Vec<_>>().join("."))
        } else {
            presentable(topic)
        };
        self.note(Novelty::Topic, "", &name);
    }

    #[cold]
    fn note(&mut self, novelty: Novelty, place: &'static str, name: &str) {
        let alike = self.found.iter().filter(|found| found.novelty == novelty);
        if alike.clone().count() >= MOST
            || alike
                .clone()
                .any(|found| found.place == place && found.name == name)
        {
            return;
        }
        let finding = Finding {
            novelty,
            name: name.to_owned(),
            place,
        };
        self.found.push(finding.clone());
        self.untold.push_back(finding);
    }
}

/// Whether it can be repeated: it looks like a word of a program, and not like a number or a text.
fn is_word(text: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty()
        && text.len() <= LONGEST_WORD
        && text.bytes().all(is_usual)
        && text.bytes().filter(u8::is_ascii_digit).count() <= MOST_DIGITS
}

fn presentable(text: &str) -> Cow<'_, str> {
    if is_word(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("(a text of {} characters)", text.chars().count()))
    }
}

/// A look at an object, or at each of a list, for members that its model does not have.
struct Walk<'r> {
    model: &'static Model,
    radar: &'r mut Radar,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { model, radar } = self;
        while let Some(name) = object.next_key::<Text<'_>>()? {
            match model.member(name.as_str()) {
                Some(Member::Part(model)) => {
                    let radar = &mut *radar;
                    object.next_value_seed(Walk { model, radar })?;
                    continue;
                }
                Some(Member::Value) => {}
                None => radar.note(Novelty::Member, model.name, &presentable(name.as_str())),
            }
            object.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { model, radar } = self;
        loop {
            let radar = &mut *radar;
            if list.next_element_seed(Walk { model, radar })?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
