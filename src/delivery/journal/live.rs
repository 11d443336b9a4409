//! The live set: which rows stay although they were taken, because what they tell of goes on.
//!
//! Of a conversation that has not ended all events stay, since the ids of changes that the platform does not date hold a
//! number that only these events know; of one that has ended the event that says so, and what came after it, stay until nothing
//! was heard of it for a quarter of an hour, so that late echoes of it are known. Of each user the last event about a station stays.

use std::collections::{HashMap, HashSet, VecDeque};

use super::row::Bearing;
use crate::model::time::UtcMicros;

/// So long the end of a conversation stays.
const LINGERS_US: i64 = 15 * 60 * 1_000_000;

#[derive(Debug, Default)]
pub(super) struct LiveSet {
    conversations: HashMap<u128, Rows>,
    ended: VecDeque<(UtcMicros, u128)>,
    stations: HashMap<u128, u64>,
    /// All rows of the set.
    rows: HashSet<u64>,
}

#[derive(Debug)]
struct Rows {
    rows: Vec<u64>,
    last: UtcMicros,
    has_ended: bool,
}

impl LiveSet {
    /// A row was written, or found. Returns rows that are no longer of the set because of it.
    pub(super) fn note(&mut self, row: u64, bearing: Bearing, at: UtcMicros) -> Vec<u64> {
        match bearing {
            Bearing::Once(_) | Bearing::Lost => Vec::new(),
            Bearing::Conversation(key) | Bearing::Terminated(key) => {
                let conversation = self.conversations.entry(key).or_insert_with(|| Rows {
                    rows: Vec::new(),
                    last: at,
                    has_ended: false,
                });
                let mut gone = Vec::new();
                if matches!(bearing, Bearing::Terminated(_)) {
                    gone = std::mem::take(&mut conversation.rows);
                    // The same row may be written again.
                    gone.retain(|before| *before != row && self.rows.remove(before));
                    if !std::mem::replace(&mut conversation.has_ended, true) {
                        self.ended.push_back((at, key));
                    }
                }
                conversation.rows.push(row);
                conversation.last = at;
                self.rows.insert(row);
                gone
            }
            Bearing::Station(key) => {
                self.rows.insert(row);
                let before = self.stations.insert(key, row);
                let before = before.filter(|before| *before != row);
                before
                    .into_iter()
                    .filter(|before| self.rows.remove(before))
                    .collect()
            }
        }
    }

    /// What is no longer of the set because its time is over.
    pub(super) fn expire(&mut self, now: UtcMicros) -> Vec<u64> {
        let mut gone = Vec::new();
        while let Some((at, key)) = self.ended.front().copied()
            && at.0.saturating_add(LINGERS_US) <= now.0
        {
            self.ended.pop_front();
            // It went on after its end: it is known for as long after that.
            let last = (self.conversations.get(&key)).map(|conversation| conversation.last);
            match last.filter(|last| *last > at) {
                Some(last) => self.ended.push_back((last, key)),
                None => gone.extend(self.forget(key)),
            }
        }
        gone
    }

    /// Conversations of which nothing was heard since then: their end was never told, and will not be.
    pub(super) fn forget_quiet_since(&mut self, since: UtcMicros) -> Vec<u64> {
        let quiet = self.conversations.iter();
        let quiet: Vec<u128> = quiet
            .filter(|(_, conversation)| conversation.last < since)
            .map(|(key, _)| *key)
            .collect();
        quiet.into_iter().flat_map(|key| self.forget(key)).collect()
    }

    fn forget(&mut self, conversation: u128) -> Vec<u64> {
        let rows = self.conversations.remove(&conversation);
        let rows = rows.map(|conversation| conversation.rows);
        let mut rows = rows.unwrap_or_default();
        rows.retain(|row| self.rows.remove(row));
        rows
    }

    /// A row was erased.
    pub(super) fn erase(&mut self, row: u64) {
        // The lists that name it are looked up in this set when they are used.
        self.rows.remove(&row);
    }

    pub(super) fn has(&self, row: u64) -> bool {
        self.rows.contains(&row)
    }

    /// All rows, in the order of the feed.
    pub(super) fn rows(&self) -> Vec<u64> {
        let mut rows: Vec<u64> = self.rows.iter().copied().collect();
        rows.sort_unstable();
        rows
    }
}
