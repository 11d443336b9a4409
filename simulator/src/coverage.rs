//! Who was listening when: the intervals in which a topic that a client follows had no live socket.
//!
//! The judge of a run compares these outages, which really happened, with the gaps that the client noted. A topic is
//! followed from the first time that a live socket covers it until its last subscription is taken off by the client;
//! a channel that ends by itself (eviction, expiry, token) leaves its topics followed and uncovered.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::time::Time;
use crate::topic::TopicKey;

/// The record of all topics.
#[derive(Debug, Default)]
pub struct Coverage {
    live: HashMap<TopicKey, u32>,
    uncovered: BTreeMap<TopicKey, Time>,
    past: BTreeMap<(Time, Time), Vec<TopicKey>>,
}

impl Coverage {
    /// A live socket covers these topics from now on.
    pub fn gained<'a>(&mut self, keys: impl IntoIterator<Item = &'a TopicKey>, now: Time) {
        for key in keys {
            *self.live.entry(key.clone()).or_insert(0) += 1;
            if let Some(since) = self.uncovered.remove(key)
                && since < now
            {
                self.past.entry((since, now)).or_default().push(key.clone());
            }
        }
    }

    /// A live socket no longer covers these topics, though the client still wants them.
    pub fn lost<'a>(&mut self, keys: impl IntoIterator<Item = &'a TopicKey>, now: Time) {
        for key in keys {
            if self.release(key) {
                self.uncovered.insert(key.clone(), now);
            }
        }
    }

    /// A live socket no longer covers these topics because the client took them off.
    pub fn released<'a>(&mut self, keys: impl IntoIterator<Item = &'a TopicKey>) {
        for key in keys {
            self.release(key);
        }
    }

    /// The client took these topics off a channel without a live socket, and no channel has them any more.
    pub fn unfollowed<'a>(&mut self, keys: impl IntoIterator<Item = &'a TopicKey>, now: Time) {
        for key in keys {
            if let Some(since) = self.uncovered.remove(key)
                && since < now
            {
                self.past.entry((since, now)).or_default().push(key.clone());
            }
        }
    }

    /// Counts one socket less; true if it was the last.
    fn release(&mut self, key: &TopicKey) -> bool {
        match self.live.get_mut(key) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            Some(_) => {
                self.live.remove(key);
                true
            }
            None => false,
        }
    }

    /// Drops the outages that ended before a time.
    pub fn forget(&mut self, before: Time) {
        self.past.retain(|(_, to), _| *to >= before);
    }

    /// The outages in the order of their start: `from`, `to` (null: still going on) and the `topics` in lower case.
    #[must_use]
    pub fn outages(&self) -> Value {
        let mut open: BTreeMap<Time, Vec<&TopicKey>> = BTreeMap::new();
        for (key, since) in &self.uncovered {
            open.entry(*since).or_default().push(key);
        }
        let mut rows: Vec<(Time, Value)> = Vec::new();
        for ((from, to), topics) in &self.past {
            rows.push((
                *from,
                json!({ "from": from.iso(), "to": to.iso(), "topics": topics }),
            ));
        }
        for (from, topics) in open {
            rows.push((
                from,
                json!({ "from": from.iso(), "to": null, "topics": topics }),
            ));
        }
        rows.sort_by_key(|(from, _)| *from);
        Value::Array(rows.into_iter().map(|(_, row)| row).collect())
    }
}
