//! What an agent did while nobody listened, as analytics tells it afterwards (`AnalyticsUserDetail`,
//! `AnalyticsUserPresenceRecord`, `AnalyticsUserRoutingStatusRecord`; member names from the platform's published .NET SDK
//! 270.0.0), and which of an agent's changes were told, so that only the others are.

use serde::Deserialize;

use crate::calls::tolerant::{List, Text, Time};
use crate::model::time::UtcMicros;

/// How many of the last changes are known one by one. Of what is older than these, everything counts as told, unless it may
/// have been missed and is still to be read.
const KNOWN: usize = 16;
/// Never more than so many.
const MOST_KNOWN: usize = 1_024;

/// One user of the answer.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UserDetail<'a> {
    #[serde(borrow)]
    pub(super) user_id: Text<'a>,
    #[serde(borrow)]
    pub(super) primary_presence: List<PresenceRecord<'a>>,
    #[serde(borrow)]
    pub(super) routing_status: List<RoutingStatusRecord<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PresenceRecord<'a> {
    pub(super) start_time: Time,
    #[serde(borrow)]
    pub(super) system_presence: Text<'a>,
    #[serde(borrow)]
    pub(super) organization_presence_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RoutingStatusRecord<'a> {
    pub(super) start_time: Time,
    #[serde(borrow)]
    pub(super) routing_status: Text<'a>,
}

/// Which changes of one kind were told.
#[derive(Debug, Default)]
pub(super) struct ToldChanges {
    /// Up to then all were told, or are as good as told.
    complete_to: Option<UtcMicros>,
    /// The later ones that were told, in order.
    later: Vec<ToldChange>,
}

#[derive(Debug, Clone, Copy)]
struct ToldChange {
    since: UtcMicros,
    /// The log-on or log-off that it begins with was told.
    begun: bool,
    /// The log-on that it ends with was told.
    ended: bool,
}

impl ToldChanges {
    /// One was told as it happened, or as it was found.
    pub(super) fn note(&mut self, since: UtcMicros) {
        self.add(since);
    }

    /// Whether there is something to let go of.
    pub(super) const fn is_full(&self) -> bool {
        self.later.len() > KNOWN
    }

    /// Lets go of what is long past. `unread`: from then on something may have been missed that is still to be read.
    pub(super) fn let_go(&mut self, unread: Option<UtcMicros>) {
        let surplus = self.later.len().saturating_sub(KNOWN);
        let is_past = |told: &&ToldChange| unread.is_none_or(|unread| told.since < unread);
        let past = self.later.iter().take(surplus).take_while(is_past).count();
        let past = past.max(self.later.len().saturating_sub(MOST_KNOWN));
        if let Some(last) = self.later.drain(..past).next_back() {
            self.complete_to = Some(last.since);
        }
        if past > KNOWN {
            self.later.shrink_to_fit();
        }
    }

    /// One is told afterwards; whether it was not told before.
    pub(super) fn add(&mut self, since: UtcMicros) -> bool {
        if self.complete_to.is_some_and(|to| since <= to) {
            return false;
        }
        match self.place(since) {
            Ok(_) => false,
            Err(at) => {
                let told = ToldChange {
                    since,
                    begun: false,
                    ended: false,
                };
                // There are thousands of agents, and most change seldom.
                self.later.reserve_exact(1);
                self.later.insert(at, told);
                true
            }
        }
    }

    /// The log-on or log-off that it begins with is told; whether it was not told before.
    pub(super) fn begin(&mut self, since: UtcMicros) -> bool {
        let told = self.place(since).ok().map(|at| &mut self.later[at].begun);
        told.is_some_and(|told| !std::mem::replace(told, true))
    }

    /// The log-on that it ends with is told; whether it was not told before.
    pub(super) fn end(&mut self, since: UtcMicros) -> bool {
        let told = self.place(since).ok().map(|at| &mut self.later[at].ended);
        told.is_some_and(|told| !std::mem::replace(told, true))
    }

    /// Whether the log-on or log-off that it begins with was told.
    pub(super) fn has_begun(&self, since: UtcMicros) -> bool {
        self.place(since).is_ok_and(|at| self.later[at].begun)
    }

    fn place(&self, since: UtcMicros) -> Result<usize, usize> {
        self.later.binary_search_by_key(&since, |told| told.since)
    }
}
