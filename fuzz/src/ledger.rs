//! What must hold of the events of `calls`, whatever the bodies were and in whatever order they came.
//!
//! Judges only what every sequence of bodies must keep to, and of a kind that it does not know only the id: new kinds
//! need no change here.

use std::collections::{BTreeMap, HashSet};

use crate::model::event::{Connection, Event, EventId, EventKind, Subject};

/// A participant has no more calls than this in any scene.
const MOST_CALLS: u32 = 8;

/// The events so far.
#[derive(Debug, Default)]
pub struct Ledger {
    ids: HashSet<EventId>,
    legs: BTreeMap<LegKey, Leg>,
}

/// A conversation, a participant, and the ordinal of the call within it.
type LegKey = (String, String, u32);

#[derive(Debug, Default, Clone, Copy)]
struct Leg {
    is_established: bool,
    is_cleared: bool,
}

impl Ledger {
    /// Takes the next event.
    ///
    /// # Panics
    /// If it breaks a promise.
    pub fn take(&mut self, event: &Event) {
        assert!(self.ids.insert(event.id), "an id twice: {event:?}");
        let Subject::Connection(connection) = &event.subject else {
            return;
        };
        if event.kind == EventKind::CallCleared {
            let of_call =
                (self.legs.iter()).filter(|((id, ..), _)| id == connection.conversation.as_str());
            for (key, leg) in of_call {
                assert!(leg.is_cleared, "{event:?} before the clear of {key:?}");
            }
        }
        let Some(key) = leg_of(event, connection) else {
            return;
        };
        let shown = format!("{key:?}");
        let leg = self.legs.entry(key).or_default();
        assert!(!leg.is_cleared, "{event:?} after the clear of {shown}");
        match event.kind {
            EventKind::Established => leg.is_established = true,
            EventKind::Held => assert!(
                leg.is_established,
                "{event:?}, but {shown} was never established"
            ),
            EventKind::ConnectionCleared => leg.is_cleared = true,
            _ => {}
        }
    }

    /// Every call is over.
    ///
    /// # Panics
    /// If a leg was never cleared.
    pub fn close(&self) {
        for (key, leg) in &self.legs {
            assert!(leg.is_cleared, "{key:?} was never cleared");
        }
    }
}

/// The leg that an event is about, for the kinds by which legs are judged. Events do not name the ordinal of a leg, so it
/// is found by the id, which is made from it.
fn leg_of(event: &Event, connection: &Connection) -> Option<LegKey> {
    let (tag, value) = match event.kind {
        EventKind::Originated
        | EventKind::Delivered
        | EventKind::Established
        | EventKind::ConnectionCleared => (0, 0),
        EventKind::Held => (1, event.platform_time?.0),
        _ => return None,
    };
    let conversation = connection.conversation.as_str();
    let participant = connection.participant.as_ref()?.as_str();
    let ordinal = (0..MOST_CALLS).find(|ordinal| {
        id(event.kind, conversation, participant, *ordinal, tag, value) == event.id
    });
    // The ids of these kinds are promised to every version, so they are computed here a second time.
    let ordinal = ordinal.unwrap_or_else(|| panic!("the id of no leg: {event:?}"));
    Some((conversation.to_owned(), participant.to_owned(), ordinal))
}

fn id(
    kind: EventKind,
    conversation: &str,
    participant: &str,
    ordinal: u32,
    tag: u8,
    value: i64,
) -> EventId {
    let mut fact = (kind as u32).to_le_bytes().to_vec();
    for text in [conversation, participant] {
        fact.extend((text.len() as u64).to_le_bytes());
        fact.extend(text.as_bytes());
    }
    fact.extend(ordinal.to_le_bytes());
    fact.push(tag);
    fact.extend(value.to_le_bytes());
    EventId(twox_hash::XxHash3_128::oneshot(&fact))
}
