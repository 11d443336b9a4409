//! What really happened, as the region tells it: acts, and when nobody could be told.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

/// What really happened, as `/_sim/truth` tells it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Truth {
    /// The acts, in order.
    pub(crate) acts: Vec<Act>,
    /// When topics that are followed had no live socket.
    #[serde(default)]
    pub(crate) outages: Vec<Outage>,
}

/// A time at which topics had no live socket.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Outage {
    #[serde(deserialize_with = "moment")]
    pub(crate) from: i64,
    /// `None`: it goes on.
    #[serde(default, deserialize_with = "moment_or_none")]
    pub(crate) to: Option<i64>,
    pub(crate) topics: Vec<String>,
}

/// The id of the user or queue that a topic is about.
pub(super) fn subject(topic: &str) -> Option<String> {
    let mut parts = topic.split('.').skip(1);
    let id = match parts.next()? {
        "users" => parts.next()?,
        "routing" => parts.nth(1)?,
        _ => return None,
    };
    Some(id.to_ascii_lowercase())
}

/// One act of the region.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Act {
    /// Its number.
    pub(crate) act: u64,
    /// When it happened, in microseconds since 1970 UTC.
    #[serde(deserialize_with = "moment")]
    pub(crate) time: i64,
    pub(crate) kind: String,
    #[serde(deserialize_with = "text")]
    pub(crate) conversation: String,
    #[serde(deserialize_with = "text")]
    pub(crate) participant: String,
    #[serde(deserialize_with = "text")]
    pub(crate) user: String,
    #[serde(deserialize_with = "text")]
    pub(crate) detail: String,
    /// The topics with a body that shows it.
    pub(crate) topics: Vec<String>,
    /// The topics on which somebody was sent it. Empty: nobody followed it.
    pub(crate) sent: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) script: String,
    /// It was sent early enough to have arrived before the end of the run.
    #[serde(skip)]
    pub(crate) settled: bool,
}

impl Truth {
    /// The scripts of which something was sent.
    pub(crate) fn scripts_shown(&self) -> BTreeSet<&str> {
        let sent = self.acts.iter().filter(|act| !act.sent.is_empty());
        sent.map(|act| act.script.as_str())
            .filter(|script| !script.is_empty())
            .collect()
    }

    /// Joins two readings: what was sent by the first had the time to arrive.
    pub(crate) fn settle(mut self, earlier: &Self) -> Self {
        let sent: BTreeSet<u64> = earlier
            .acts
            .iter()
            .filter(|act| !act.sent.is_empty())
            .map(|act| act.act)
            .collect();
        for act in &mut self.acts {
            act.settled = sent.contains(&act.act);
        }
        self
    }
}

pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A time as ISO-8601 text or in microseconds.
pub(super) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Moment {
        Micros(i64),
        Iso(String),
    }
    match Moment::deserialize(from)? {
        Moment::Micros(us) => Ok(us),
        Moment::Iso(text) => text
            .parse::<jiff::Timestamp>()
            .map(jiff::Timestamp::as_microsecond)
            .map_err(serde::de::Error::custom),
    }
}

pub(super) fn moment_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Wrapped(#[serde(deserialize_with = "moment")] i64);
    Ok(Option::<Wrapped>::deserialize(from)?.map(|Wrapped(at)| at))
}
