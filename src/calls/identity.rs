//! The ids of events: equal for the same fact, whoever saw it and how (ARCHITECTURE.md, "Ids").
//!
//! An id is the 128-bit XXH3 hash of what makes the fact one: its kind, the conversation and leg (or the user), and for
//! kinds that happen more than once what tells them apart: the platform's time, or else the count of changes on the
//! leg. XXH3 is a published, frozen algorithm; ids of one version are those of every other.

use super::telling::Telling;
use crate::model::event::{EventId, EventKind, IdClass};
use crate::model::time::UtcMicros;

/// What tells one occurrence of a kind from another on the same leg or user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurrence {
    /// It happens once.
    Once,
    /// The platform's time of it.
    At(UtcMicros),
    /// No time is told: its number on this leg or user.
    Nth(u32),
}

impl Occurrence {
    /// Whether the id of such an event is exact: the same under any interleaving, duplication, source and node.
    pub(crate) fn is_exact_for(self, kind: EventKind) -> bool {
        match kind.id_class() {
            IdClass::Once => self == Self::Once,
            IdClass::Timed => matches!(self, Self::At(_)),
            IdClass::Untimed | IdClass::Feed => false,
        }
    }
}

/// What an id is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact<'a> {
    pub(crate) kind: EventKind,
    /// A conversation, or a user.
    pub(crate) subject: &'a str,
    /// A participant, or nothing.
    pub(crate) part: &'a str,
    /// Which call of the participant.
    pub(crate) ordinal: u32,
    pub(crate) occurrence: Occurrence,
    /// What else tells it from others: whom a consult asks, which attribute has which value.
    pub(crate) apart: &'a [&'a str],
}

/// Writes ids; keeps what they and events are written in, so that it is made once.
#[derive(Debug, Default)]
pub(crate) struct Scribe {
    buffer: Vec<u8>,
    /// Empty while nothing is told.
    pub(crate) telling: Telling,
}

impl Scribe {
    /// The id of a fact about `subject` (a conversation, or a user) and one part of it (a participant and the ordinal of
    /// its call; or nothing).
    pub(crate) fn id(
        &mut self,
        kind: EventKind,
        subject: &str,
        part: &str,
        ordinal: u32,
        occurrence: Occurrence,
    ) -> EventId {
        self.id_of(Fact {
            kind,
            subject,
            part,
            ordinal,
            occurrence,
            apart: &[],
        })
    }

    /// The id of a fact.
    pub(crate) fn id_of(&mut self, fact: Fact<'_>) -> EventId {
        // Lengths stand before texts, so that no two different facts give the same bytes.
        self.buffer.clear();
        self.buffer
            .extend_from_slice(&(fact.kind as u32).to_le_bytes());
        self.text(fact.subject);
        self.text(fact.part);
        self.buffer.extend_from_slice(&fact.ordinal.to_le_bytes());
        let (tag, value) = match fact.occurrence {
            Occurrence::Once => (0u8, 0i64),
            Occurrence::At(time) => (1, time.0),
            Occurrence::Nth(count) => (2, i64::from(count)),
        };
        self.buffer.push(tag);
        self.buffer.extend_from_slice(&value.to_le_bytes());
        for text in fact.apart {
            self.text(text);
        }
        EventId(twox_hash::XxHash3_128::oneshot(&self.buffer))
    }

    fn text(&mut self, text: &str) {
        self.buffer
            .extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_every_version() {
        // Golden: a changed number here means that a recorder could no longer match what it stored.
        let id = Scribe::default().id(EventKind::Established, "c", "p", 0, Occurrence::Once);
        assert_eq!(format!("{:032x}", id.0), "610e36dc3c6eb3fb10e77b977d25406b");
    }

    #[test]
    fn different_facts_have_different_ids() {
        let mut scribe = Scribe::default();
        let mut seen = std::collections::BTreeSet::new();
        for (subject, part) in [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")] {
            for ordinal in [0, 1] {
                for occurrence in [
                    Occurrence::Once,
                    Occurrence::At(UtcMicros(1)),
                    Occurrence::Nth(1),
                    Occurrence::Nth(0),
                ] {
                    for kind in [EventKind::Held, EventKind::Retrieved] {
                        assert!(seen.insert(scribe.id(kind, subject, part, ordinal, occurrence)));
                    }
                }
            }
        }
    }
}
