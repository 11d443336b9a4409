//! The status document: one JSON object that says where the adapter stands. Member by member: `docs/STATUS.md`.

use serde::{Serialize, Serializer};

use super::counters::{Counter, Counters, Tally};
use super::gaps::{Gaps, GapsDocument};
use crate::model::feed::{Life, StateReport};
use crate::model::name::Word;

/// What the way to the host looks like at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryFigures {
    /// The feed id; empty before the first start.
    pub feed_id: String,
    /// The number of the last event that was offered in this feed; 0 before the first.
    pub sequence: u64,
    /// Events that wait for the host.
    pub queued: u64,
    /// The most that ever waited since the start.
    pub queued_most: u64,
    /// Events that may wait before the oldest give way.
    pub queue_limit: u64,
    /// How often the event that is being offered has been refused.
    pub refusals_of_current: u64,
    /// Events dropped at the last stop because they had not been taken.
    pub dropped_at_stop: u64,
}

/// What the network side looks like at one moment; all zero while the adapter does not run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RegionFigures {
    /// Notification channels in use.
    pub channels: u64,
    /// Websockets open.
    pub sockets: u64,
    /// Topics subscribed, a combined one counted once.
    pub topics: u64,
    /// Users of the roster.
    pub users: u64,
    /// Queues of the roster.
    pub queues: u64,
    /// Users and queues for whose topics the channels have no room.
    pub users_not_followed: u64,
    /// Rows of the last lists of users and queues that could not be read: those whom they are about are not followed.
    pub rows_unread: u64,
    /// Topics that the platform rejected, each with its reason.
    pub rejected: Vec<(String, String)>,
    /// Requests of the last 60 seconds.
    pub requests_last_minute: u64,
    /// How many there may be (`RequestsPerMinute`).
    pub requests_per_minute: u64,
    /// Conversations that are not over.
    pub open_conversations: u64,
    /// Connections established and not cleared.
    pub open_connections: u64,
    /// Bytes of conversation bodies kept to read the next ones faster.
    pub snapshot_bytes: u64,
    /// How many there may be (`SnapshotCacheMiB`).
    pub snapshot_bytes_limit: u64,
}

/// What the document is made from, and the metrics.
#[derive(Debug, Clone, Copy)]
pub struct Status<'a> {
    /// `AdapterName`; empty before the first settings.
    pub name: &'a str,
    /// The settings, with `***` for secrets; null before the first.
    pub settings: &'a serde_json::Value,
    /// Where the adapter stands.
    pub life: Life,
    /// The last report of its state, if there was one.
    pub report: Option<&'a StateReport>,
    /// The network side.
    pub region: &'a RegionFigures,
    /// The way to the host.
    pub delivery: &'a DeliveryFigures,
    /// What was counted since the adapter was created.
    pub counters: &'a Counters,
    /// The gaps since then.
    pub gaps: &'a Gaps,
    /// Log lines that gave way.
    pub log_lines_dropped: u64,
}

impl Status<'_> {
    /// The document.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = Document {
            version: env!("CARGO_PKG_VERSION"),
            adapter: self.name,
            life: self.life.name(),
            feed: self.report.map_or("down", |report| report.feed.name()),
            why: self.report.map_or("none", |report| report.why.name()),
            message: self.report.map_or("", |report| &report.message),
            since_us: self.report.map(|report| report.at.0),
            users_not_followed: self.report.map_or(0, |report| report.scope.users.len()),
            topics_not_followed: self
                .report
                .map(|report| {
                    report
                        .scope
                        .topics
                        .iter()
                        .map(|topic| topic.as_str())
                        .collect()
                })
                .unwrap_or_default(),
            region: self.region,
            delivery: self.delivery,
            counters: self.counters,
            gaps: self.gaps.document(),
            log_lines_dropped: self.log_lines_dropped,
            settings: self.settings,
        };
        // Strings, numbers and maps with text keys only: there is nothing in it that JSON cannot hold.
        serde_json::to_string(&document).unwrap_or_else(|_| "{}".to_owned())
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    adapter: &'a str,
    life: &'static str,
    feed: &'static str,
    why: &'static str,
    message: &'a str,
    since_us: Option<i64>,
    users_not_followed: usize,
    topics_not_followed: Vec<&'a str>,
    region: &'a RegionFigures,
    delivery: &'a DeliveryFigures,
    counters: &'a Counters,
    gaps: GapsDocument,
    log_lines_dropped: u64,
    settings: &'a serde_json::Value,
}

impl Serialize for Counter {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(self.get())
    }
}

impl<T: Word> Serialize for Tally<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(T::words().map(|value| (value.word(), self.get(value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_the_status_is_documented() {
        let counters = Counters::default();
        let document = Status {
            settings: &serde_json::Value::Null,
            name: "a",
            life: Life::Created,
            report: None,
            region: &RegionFigures::default(),
            delivery: &DeliveryFigures::default(),
            counters: &counters,
            gaps: &Gaps::default(),
            log_lines_dropped: 0,
        }
        .to_json();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let page = include_str!("../../docs/STATUS.md");
        let mut undocumented = Vec::new();
        for (name, value) in document.as_object().unwrap() {
            let members = value
                .as_object()
                .filter(|_| name != "events")
                .map(|members| {
                    members
                        .keys()
                        .map(|key| format!("`{name}.{key}`"))
                        .collect()
                })
                .unwrap_or_else(|| vec![format!("`{name}`")]);
            undocumented.extend(members.into_iter().filter(|member| !page.contains(member)));
        }
        assert!(
            undocumented.is_empty(),
            "docs/STATUS.md lacks {undocumented:?}"
        );
    }
}
