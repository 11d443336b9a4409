//! One row of the journal: an event, or what stands in its place, as bytes.
//!
//! A head of fixed length says what a reader must know of every row; behind it stands JSON, so that a later version can
//! add members and read what an earlier one wrote.

use serde::{Deserialize, Serialize};

use super::super::feed_id::FeedId;
use super::super::slot::{LostRun, LostWhy, Slot};
use crate::model::event::{Event, EventKind, Subject};
use crate::model::time::UtcMicros;

/// What a row means for what must stay after it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearing {
    /// Nothing: it may go. Told anew under this id by a later run, it would be told twice.
    Once(u128),
    /// Of a conversation that goes on.
    Conversation(u128),
    /// The last of a conversation.
    Terminated(u128),
    /// Where a user's station stands: the last one counts.
    Station(u128),
    /// Stands in the place of lost events.
    Lost,
}

/// What every reader must know of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) bearing: Bearing,
    /// When it was written.
    pub(super) at: UtcMicros,
}

const HEAD: usize = 1 + 8 + 16;

impl Head {
    pub(super) fn read(row: &[u8]) -> Option<Self> {
        let (head, _) = row.split_at_checked(HEAD)?;
        let key = u128::from_le_bytes(head.get(9..)?.try_into().ok()?);
        Some(Self {
            bearing: match head.first()? {
                0 => Bearing::Once(key),
                1 => Bearing::Conversation(key),
                2 => Bearing::Terminated(key),
                3 => Bearing::Station(key),
                4 => Bearing::Lost,
                _ => return None,
            },
            at: UtcMicros(i64::from_le_bytes(head.get(1..9)?.try_into().ok()?)),
        })
    }

    fn write(self, row: &mut Vec<u8>) {
        let (number, key) = match self.bearing {
            Bearing::Once(id) => (0, id),
            Bearing::Conversation(key) => (1, key),
            Bearing::Terminated(key) => (2, key),
            Bearing::Station(key) => (3, key),
            Bearing::Lost => (4, 0),
        };
        row.push(number);
        row.extend_from_slice(&self.at.0.to_le_bytes());
        row.extend_from_slice(&key.to_le_bytes());
    }
}

fn key(id: &str) -> u128 {
    twox_hash::XxHash3_128::oneshot(id.as_bytes())
}

impl Bearing {
    pub(super) fn of(event: &Event) -> Self {
        match (&event.subject, event.kind) {
            (Subject::Connection(connection), EventKind::CallTerminated) => {
                Self::Terminated(key(connection.conversation.as_str()))
            }
            (Subject::Connection(connection), _) => {
                Self::Conversation(key(connection.conversation.as_str()))
            }
            (
                Subject::Agent { user, .. },
                EventKind::StationAssociated | EventKind::StationLeft,
            ) => Self::Station(key(user.id.as_str())),
            _ => Self::Once(event.id.0),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    Event(&'a Event),
    Lost(LostRun),
    Begin(&'a str),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    Event(Box<Event>),
    Lost(LostRun),
    Begin(String),
}

/// A slot as a row. Fails only for want of memory; then it is told as lost to who reads it.
pub(super) fn write(slot: &Slot, at: UtcMicros) -> Vec<u8> {
    let (bearing, written) = match slot {
        Slot::Event(event) => (Bearing::of(event), Written::Event(event)),
        Slot::Lost(run) => (Bearing::Lost, Written::Lost(*run)),
        Slot::Begin(feed) => (Bearing::Once(0), Written::Begin(feed.as_str())),
    };
    let mut row = Vec::with_capacity(1_024);
    Head { bearing, at }.write(&mut row);
    // Texts, numbers and lists: there is nothing in it that JSON cannot hold.
    let _ = serde_json::to_writer(&mut row, &written);
    row
}

/// The slot that a row holds. One that cannot be read stands for a lost event.
pub(super) fn read(row: &[u8]) -> Slot {
    let body = row.get(HEAD..).unwrap_or_default();
    match serde_json::from_slice(body) {
        Ok(Read::Event(event)) => return Slot::Event(*event),
        Ok(Read::Lost(run)) => return Slot::Lost(run),
        Ok(Read::Begin(feed)) => {
            if let Some(feed) = FeedId::from_name(&feed) {
                return Slot::Begin(feed.into());
            }
        }
        Err(_) => {}
    }
    let at = Head::read(row).map_or(UtcMicros(0), |head| head.at);
    Slot::Lost(LostRun {
        count: 1,
        from: at,
        to: at,
        why: LostWhy::JOURNAL_DAMAGED,
    })
}
