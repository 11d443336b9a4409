//! The judge: compares what a host wrote down with what really happened in the region.
//!
//! Knows: the host's JSON lines, the region's ground truth, and which act must have become which event. Does not know:
//! the plugin, whose types it does not share, so that one mistake cannot hide on both sides. Input: two lists. Output:
//! a [`Verdict`], and a sentence for each defect.
//!
//! Facts are matched by what they are about (party, call or agent) and by kind, the n-th by the n-th. A fact that
//! happened while the feed was up and that the region sent must have come; one that it could not send (nobody followed
//! it) may have come. The truth is read twice: what was sent by the first reading, a moment before the end of the run,
//! had the time to arrive; the second, after the end, says what may have come beside that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

/// What acts become, the one table of it: the tests over `calls` read it too.
const ACTS: &str = include_str!("../../tests/acts.txt");

/// Events that are about the feed itself, not about the region.
const OF_THE_FEED: &[&str] = &["feed_state", "lost"];

/// A leg that ended this long before the end of the run must have been cleared.
const CLEAR_WITHIN_US: i64 = 5_000_000;

/// How much longer than the real outage a recorded gap may be.
const GAP_TOLERANCE_S: f64 = 45.0;

/// What really happened, as `/_sim/truth` tells it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Truth {
    /// The acts, in order.
    pub(crate) acts: Vec<Act>,
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
    /// The topics on which somebody was sent it. Empty: nobody followed it.
    pub(crate) sent: Vec<serde_json::Value>,
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

/// One line of the host's record.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Line {
    Event(Box<Event>),
    State(State),
    End,
    #[serde(other)]
    Other,
}

/// An event that the host took.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    pub(crate) at_us: i64,
    pub(crate) kind: String,
    pub(crate) feed_id: String,
    pub(crate) sequence: u64,
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) received_time_us: i64,
    pub(crate) platform_time_us: Option<i64>,
    pub(crate) conversation_id: String,
    pub(crate) participant_id: String,
    pub(crate) user_id: String,
    pub(crate) raw: String,
    pub(crate) station_id: String,
    pub(crate) lost_first: u64,
    pub(crate) lost_last: u64,
    /// The library's own document, which the host puts beside the fields of kinds that tell more than those.
    pub(crate) json: Document,
}

/// What of that document is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Document {
    pub(crate) attribute: Attribute,
}

/// What an event tells of an attribute. Its value is nobody's business.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Attribute {
    pub(crate) key: String,
}

/// A state report that the host got.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) at_us: i64,
    pub(crate) feed: String,
    pub(crate) why: String,
}

/// What really was interrupted, as whoever made the interruptions knows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outages {
    /// How many.
    pub(crate) count: u32,
    /// How long in all.
    pub(crate) seconds: f64,
}

/// The line of JSON that a run ends with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// Whether missing, invented, duplicates and unclosed are 0 and the gaps are no longer than the outages explain.
    pub(crate) pass: bool,
    /// Calls of which the region sent something during the run.
    pub(crate) calls: usize,
    /// Events that the host took.
    pub(crate) events: usize,
    /// Facts that were sent but not delivered, and numbers that the sequence skips without a word.
    pub(crate) missing: usize,
    /// Facts in a recorded gap that no answer of the region tells. Gaps are not recorded in this version: always 0.
    pub(crate) unrecoverable: usize,
    /// Events that were read after a gap.
    pub(crate) recovered: usize,
    /// Events of which the region knows nothing.
    pub(crate) invented: usize,
    /// Ids that came again, and facts that came again under another id.
    pub(crate) duplicates: usize,
    /// Legs that ended at least 5 s before the end of the run and were not cleared.
    pub(crate) unclosed: usize,
    /// Seconds for which the feed was said not to be up, after it first was.
    pub(crate) gap_s: f64,
    /// Seconds for which it really was interrupted.
    pub(crate) outage_s: f64,
    /// Median time from arrival to callback.
    pub(crate) p50_us: i64,
    /// 99th percentile of it.
    pub(crate) p99_us: i64,
    /// Call scripts of which something was sent.
    pub(crate) scripts: usize,
}

/// A verdict and the reasons for it.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// One sentence for each defect.
    pub(crate) findings: Vec<String>,
}

impl Judgement {
    /// Adds a defect that lies outside of the comparison.
    pub(crate) fn against(&mut self, finding: String) {
        self.verdict.pass = false;
        self.findings.push(finding);
    }
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About<'a> {
    Leg(&'a str, &'a str),
    Call(&'a str),
    Agent(&'a str),
    /// Conversation, participant and key.
    Attribute(&'a str, &'a str, &'a str),
}

impl std::fmt::Display for About<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Leg(conversation, participant) => {
                write!(f, "conversation {conversation}, participant {participant}")
            }
            Self::Call(conversation) => write!(f, "conversation {conversation}"),
            Self::Agent(user) => write!(f, "user {user}"),
            Self::Attribute(conversation, participant, key) => write!(
                f,
                "conversation {conversation}, participant {participant}, key {key}"
            ),
        }
    }
}

type Key<'a> = (About<'a>, &'static str);

/// A line of the table `tests/acts.txt`.
#[derive(Debug, Clone, Copy)]
struct Entry {
    act: &'static str,
    /// `*`: any.
    detail: &'static str,
    /// `-`: none.
    event: &'static str,
    about: &'static str,
}

/// The lines of `tests/acts.txt`; one that cannot be read is left out, and its act is then unknown.
fn table() -> Vec<Entry> {
    let lines = ACTS.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with('#'));
    let entry = |line: &'static str| {
        let mut words = line.split_whitespace();
        let mut word = || words.next();
        Some(Entry {
            act: word()?,
            detail: word()?,
            event: word()?,
            about: word()?,
        })
    };
    lines.filter_map(entry).collect()
}

/// Compares a host's record with the truth.
pub(crate) fn judge(lines: &[Line], truth: &Truth, outages: Outages) -> Judgement {
    let run = Run::read(lines);
    let mut court = Court::new(table());
    let (facts, calls) = court.facts(&run, &truth.acts);
    let seen = court.seen(&run);
    court.ids(&run);
    court.sequence(&run);
    court.compare(&run, &facts, &seen);
    court.unclosed(&run, &facts, &seen);
    if run.up_us.is_none() {
        court.findings.push("the feed never came up".to_owned());
    }
    if !run.ended {
        court
            .findings
            .push("the host's record has no last line: it did not end by itself".to_owned());
    }
    let gap_s = run.gap_us() as f64 / 1e6;
    let gap_allowed_s = outages.seconds + GAP_TOLERANCE_S * f64::from(outages.count);
    if gap_s > gap_allowed_s {
        court.findings.push(format!(
            "the feed was said to be interrupted for {gap_s:.1} s; {gap_allowed_s:.1} s are explained"
        ));
    }
    let (p50_us, p99_us) = run.latency();
    let verdict = Verdict {
        pass: court.findings.is_empty(),
        calls,
        events: run.events.len(),
        missing: court.missing,
        unrecoverable: 0,
        recovered: run
            .events
            .iter()
            .filter(|e| e.source == "recovered")
            .count(),
        invented: court.invented,
        duplicates: court.duplicates,
        unclosed: court.unclosed,
        gap_s,
        outage_s: outages.seconds,
        p50_us,
        p99_us,
        scripts: truth.scripts_shown().len(),
    };
    Judgement {
        verdict,
        findings: court.findings,
    }
}

/// A host's record, sorted into its parts.
struct Run<'a> {
    events: Vec<&'a Event>,
    states: Vec<&'a State>,
    up_us: Option<i64>,
    /// When the adapter was told to stop.
    stopped_us: Option<i64>,
    ended: bool,
}

impl<'a> Run<'a> {
    fn read(lines: &'a [Line]) -> Self {
        let mut run = Self {
            events: Vec::new(),
            states: Vec::new(),
            up_us: None,
            stopped_us: None,
            ended: false,
        };
        for line in lines {
            match line {
                Line::Event(event) => run.events.push(event),
                Line::State(state) => {
                    if state.feed == "up" && run.up_us.is_none() {
                        run.up_us = Some(state.at_us);
                    }
                    if state.why == "stopped" && run.stopped_us.is_none() {
                        run.stopped_us = Some(state.at_us);
                    }
                    run.states.push(state);
                }
                Line::End => run.ended = true,
                Line::Other => {}
            }
        }
        run
    }

    /// The end of the run: when the adapter was told to stop, else the last event.
    fn end(&self) -> i64 {
        let last = self.events.iter().map(|e| e.at_us).max();
        self.stopped_us.or(last).unwrap_or(i64::MIN)
    }

    /// Microseconds for which the feed was said not to be up, after it first was and before it was told to stop.
    fn gap_us(&self) -> i64 {
        let mut total = 0;
        let mut since = None;
        for state in self.states.iter().filter(|s| Some(s.at_us) >= self.up_us) {
            if state.why == "stopped" {
                break;
            }
            match (state.feed.as_str(), since) {
                ("up", Some(start)) => {
                    total += state.at_us - start;
                    since = None;
                }
                ("up", None) | (_, Some(_)) => {}
                (_, None) => since = Some(state.at_us),
            }
        }
        total + since.map_or(0, |start| (self.end() - start).max(0))
    }

    /// Median and 99th percentile of the time from arrival to callback, over events of changes themselves.
    fn latency(&self) -> (i64, i64) {
        let mut times: Vec<i64> = self
            .events
            .iter()
            .filter(|e| e.source == "live" && e.received_time_us > 0)
            .map(|e| e.at_us - e.received_time_us)
            .collect();
        times.sort_unstable();
        let at = |share: f64| {
            let last = times.len().saturating_sub(1);
            times
                .get((last as f64 * share).round() as usize)
                .copied()
                .unwrap_or(0)
        };
        (at(0.50), at(0.99))
    }
}

/// What is held against the plugin so far.
struct Court {
    table: Vec<Entry>,
    missing: usize,
    invented: usize,
    duplicates: usize,
    unclosed: usize,
    findings: Vec<String>,
}

/// An act of the region that has become, or must become, an event.
#[derive(Clone, Copy)]
struct Fact<'a> {
    act: &'a Act,
    /// Happened while the feed was up, and was sent long enough before the end: it must have come.
    required: bool,
}

type Facts<'a> = BTreeMap<Key<'a>, Vec<Fact<'a>>>;
type Seen<'a> = BTreeMap<Key<'a>, Vec<&'a Event>>;

impl Court {
    fn new(table: Vec<Entry>) -> Self {
        Self {
            table,
            missing: 0,
            invented: 0,
            duplicates: 0,
            unclosed: 0,
            findings: Vec::new(),
        }
    }

    /// The facts of the truth in order, and what was played.
    fn facts<'a>(&mut self, run: &Run<'_>, acts: &'a [Act]) -> (Facts<'a>, usize) {
        let mut facts = Facts::new();
        let mut calls = BTreeSet::new();
        let mut strange = BTreeSet::new();
        for act in acts.iter().filter(|act| act.time <= run.end()) {
            if !act.sent.is_empty() && !act.conversation.is_empty() {
                calls.insert(act.conversation.as_str());
            }
            if !self.table.iter().any(|entry| entry.act == act.kind) && strange.insert(&act.kind) {
                self.findings.push(format!(
                    "the region tells of \"{}\", which tests/acts.txt does not know",
                    act.kind
                ));
            }
            let required = act.settled && run.up_us.is_some_and(|up| act.time >= up);
            for entry in self.table.iter().filter(|entry| entry.is_of(act)) {
                facts
                    .entry((entry.about(act), entry.event))
                    .or_default()
                    .push(Fact { act, required });
            }
        }
        for of_one in facts.values_mut() {
            of_one.sort_by_key(|fact| fact.act.time);
        }
        (facts, calls.len())
    }

    /// The events in order, by what they are about.
    fn seen<'a>(&mut self, run: &Run<'a>) -> Seen<'a> {
        let mut seen = Seen::new();
        let mut ids = BTreeSet::new();
        for event in &run.events {
            // The same id again is the same event again: it is counted by `ids`, once.
            if !event.id.is_empty() && !ids.insert(&event.id) {
                continue;
            }
            if OF_THE_FEED.contains(&event.kind.as_str()) {
                continue;
            }
            let mut entries = self.table.iter();
            let Some(entry) = entries.find(|entry| entry.event == event.kind) else {
                self.invented += 1;
                self.findings.push(format!(
                    "event {} is of the kind \"{}\", which tests/acts.txt does not know",
                    event.sequence, event.kind
                ));
                continue;
            };
            let about = entry.about_event(event);
            seen.entry((about, entry.event)).or_default().push(event);
        }
        seen
    }

    /// An id that was taken must not come again.
    fn ids(&mut self, run: &Run<'_>) {
        let mut taken = BTreeMap::new();
        for event in &run.events {
            if event.id.is_empty() {
                self.duplicates += 1;
                self.findings.push(format!(
                    "event {} ({}) has no id",
                    event.sequence, event.kind
                ));
            } else if let Some(first) = taken.insert(&event.id, event.sequence) {
                self.duplicates += 1;
                self.findings.push(format!(
                    "event {} ({}) has the id of event {first}: {}",
                    event.sequence, event.kind, event.id
                ));
            }
        }
    }

    /// Numbers follow each other within a feed; only a `lost` event may stand for a run of them.
    fn sequence(&mut self, run: &Run<'_>) {
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for event in &run.events {
            let last = last.entry(&event.feed_id).or_insert(0);
            let expected = *last + 1;
            let (first, end) = if event.kind == "lost" && event.lost_first == expected {
                (event.lost_first, event.lost_last.max(event.sequence))
            } else {
                (event.sequence, event.sequence)
            };
            if first != expected {
                self.missing += 1;
                self.findings.push(format!(
                    "event {first} ({}) stands where {expected} was due",
                    event.kind
                ));
            }
            *last = end;
        }
    }

    /// Every fact has its event, and every event its fact.
    fn compare(&mut self, run: &Run<'_>, facts: &Facts<'_>, seen: &Seen<'_>) {
        for (key, facts) in facts {
            let events = seen.get(key).map_or(&[][..], Vec::as_slice);
            let (missing, surplus) = match key.0 {
                About::Agent(_) => match_by_value(facts, events),
                _ => match_by_count(facts, events),
            };
            for fact in missing {
                self.missing += 1;
                self.findings.push(format!(
                    "missing: {} of {}, {:.3} s into the run ({}{}{})",
                    key.1,
                    key.0,
                    (fact.act.time - run.up_us.unwrap_or_default()) as f64 / 1e6,
                    fact.act.script,
                    if fact.act.script.is_empty() { "" } else { ", " },
                    fact.act.detail,
                ));
            }
            for event in surplus {
                self.duplicates += 1;
                self.findings.push(format!(
                    "duplicate: event {}, {} of {} again, under another id",
                    event.sequence, key.1, key.0
                ));
            }
        }
        for (key, events) in seen {
            if facts.contains_key(key) {
                continue;
            }
            for event in events {
                // What was so before the region's record began can only be told as a state that was found.
                if matches!(key.0, About::Agent(_)) && event.source == "snapshot" {
                    continue;
                }
                self.invented += 1;
                self.findings.push(format!(
                    "invented: event {}, {} of {}, of which the region knows nothing",
                    event.sequence, key.1, key.0
                ));
            }
        }
    }

    /// A leg that was shown and has ended must have been cleared.
    fn unclosed(&mut self, run: &Run<'_>, facts: &Facts<'_>, seen: &Seen<'_>) {
        let until = run.end().saturating_sub(CLEAR_WITHIN_US);
        for (key, facts) in facts {
            if key.1 != "connection_cleared" {
                continue;
            }
            let count = |kind| seen.get(&(key.0.clone(), kind)).map_or(0, Vec::len);
            let opened = count("established")
                .max(count("delivered"))
                .max(count("originated"));
            let ended = facts.iter().filter(|fact| fact.act.time <= until).count();
            let open = opened
                .min(ended)
                .saturating_sub(count("connection_cleared"));
            if open > 0 {
                self.unclosed += open;
                self.findings.push(format!("unclosed: {}", key.0));
            }
        }
    }
}

impl Entry {
    /// Whether the act must become this entry's event.
    fn is_of(&self, act: &Act) -> bool {
        let detail = self.detail == "*" || self.detail == act.detail;
        self.event != "-" && self.act == act.kind && detail
    }

    fn about<'a>(&self, act: &'a Act) -> About<'a> {
        match self.about {
            "agent" => About::Agent(&act.user),
            "call" => About::Call(&act.conversation),
            "attribute" => About::Attribute(&act.conversation, &act.participant, &act.detail),
            _ => About::Leg(&act.conversation, &act.participant),
        }
    }

    fn about_event<'a>(&self, event: &'a Event) -> About<'a> {
        let (conversation, participant) = (&event.conversation_id, &event.participant_id);
        match self.about {
            "agent" => About::Agent(&event.user_id),
            "call" => About::Call(conversation),
            "attribute" => About::Attribute(conversation, participant, &event.json.attribute.key),
            _ => About::Leg(conversation, participant),
        }
    }
}

type Unmatched<'f, 'a> = (Vec<Fact<'f>>, Vec<&'a Event>);

/// The n-th event is the n-th fact; a fact that need not have come takes an event only if enough are left for those
/// that must.
fn match_by_count<'f, 'a>(facts: &[Fact<'f>], events: &[&'a Event]) -> Unmatched<'f, 'a> {
    let mut required = facts.iter().filter(|fact| fact.required).count();
    let mut left = events.iter();
    let mut missing = Vec::new();
    for fact in facts {
        if fact.required {
            required -= 1;
            if left.next().is_none() {
                missing.push(*fact);
            }
        } else if left.len() > required {
            left.next();
        }
    }
    (missing, left.copied().collect())
}

/// States of agents carry their value and their time: an event is the fact that has the same.
fn match_by_value<'f, 'a>(facts: &[Fact<'f>], events: &[&'a Event]) -> Unmatched<'f, 'a> {
    let mut left: Vec<&Event> = events.to_vec();
    let mut missing = Vec::new();
    let same = |fact: &Fact<'_>, event: &Event| {
        let word = if event.raw.is_empty() {
            &event.station_id
        } else {
            &event.raw
        };
        let value =
            fact.act.detail.is_empty() || word.is_empty() || plain(&fact.act.detail) == plain(word);
        let time = event
            .platform_time_us
            .is_none_or(|at| at == i64::MIN || at / 1000 == fact.act.time / 1000);
        value && time
    };
    for fact in facts {
        // A state that was found at the start carries no time if it is a station's: what was told live comes first.
        let live = left
            .iter()
            .position(|event| event.source != "snapshot" && same(fact, event));
        if let Some(found) = live.or_else(|| left.iter().position(|event| same(fact, event))) {
            left.remove(found);
        } else if fact.required {
            missing.push(*fact);
        }
    }
    // A state that was found at the start may have been set before the region's record began.
    left.retain(|event| event.source != "snapshot");
    (missing, left)
}

/// REST and topics spell a presence differently: "On Queue", `ON_QUEUE`.
fn plain(word: &str) -> String {
    word.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A time as ISO-8601 text or in microseconds.
fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A run of 20 s in which one call is offered, answered, held, retrieved and ended, and an agent goes to a break;
    /// the host saw all of it.
    struct Record {
        truth: Truth,
        lines: Vec<Line>,
    }

    impl Record {
        fn new() -> Self {
            let mut record = Self {
                truth: Truth::default(),
                lines: Vec::new(),
            };
            record.state(0, "up", "none");
            for (at_s, act, event) in [
                (1, "alerting", "delivered"),
                (2, "connected", "established"),
                (4, "held", "held"),
                (5, "retrieved", "retrieved"),
                (6, "held", "held"),
                (7, "retrieved", "retrieved"),
                (9, "disconnected", "connection_cleared"),
            ] {
                record.act(at_s, act, "call-1", "agent-1");
                record.event(at_s, event, "call-1", "agent-1");
            }
            record.act(9, "conversation_ended", "call-1", "");
            record.event(9, "call_cleared", "call-1", "");
            record.agent(10, "Break");
            record.state(20, "down", "stopped");
            record.lines.push(Line::End);
            record
        }

        fn act(&mut self, at_s: i64, kind: &str, conversation: &str, participant: &str) {
            self.truth.acts.push(Act {
                time: at_s * SECOND,
                kind: kind.to_owned(),
                conversation: conversation.to_owned(),
                participant: participant.to_owned(),
                sent: vec!["v2.users.u.conversations".into()],
                script: "an inbound call".to_owned(),
                settled: true,
                ..Act::default()
            });
        }

        fn event(&mut self, at_s: i64, kind: &str, conversation: &str, participant: &str) {
            let sequence = self.events().count() as u64 + 1;
            self.lines.push(Line::Event(Box::new(Event {
                at_us: at_s * SECOND + 100,
                received_time_us: at_s * SECOND,
                kind: kind.to_owned(),
                feed_id: "f".to_owned(),
                sequence,
                id: format!("{sequence:032x}"),
                source: "live".to_owned(),
                conversation_id: conversation.to_owned(),
                participant_id: participant.to_owned(),
                ..Event::default()
            })));
        }

        fn agent(&mut self, at_s: i64, presence: &str) {
            self.act(at_s, "presence", "", "");
            self.event(at_s, "agent_presence", "", "");
            if let Some(act) = self.truth.acts.last_mut() {
                act.user = "u".to_owned();
                act.detail = presence.to_owned();
            }
            if let Some(event) = self.events_mut().last() {
                event.user_id = "u".to_owned();
                event.raw = presence.to_uppercase();
                event.platform_time_us = Some(at_s * SECOND);
            }
        }

        fn state(&mut self, at_s: i64, feed: &str, why: &str) {
            self.lines.push(Line::State(State {
                at_us: at_s * SECOND,
                feed: feed.to_owned(),
                why: why.to_owned(),
            }));
        }

        fn events(&self) -> impl Iterator<Item = &Event> {
            self.lines.iter().filter_map(|line| match line {
                Line::Event(event) => Some(&**event),
                _ => None,
            })
        }

        fn events_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Event> {
            self.lines.iter_mut().filter_map(|line| match line {
                Line::Event(event) => Some(&mut **event),
                _ => None,
            })
        }

        /// Takes the n-th event of a kind out of the host's record and closes the gap in the numbers.
        fn without(mut self, kind: &str, n: usize) -> Self {
            let place = self
                .lines
                .iter()
                .enumerate()
                .filter(|(_, line)| matches!(line, Line::Event(e) if e.kind == kind))
                .nth(n)
                .map(|(place, _)| place);
            self.lines
                .remove(place.expect("the record holds such an event"));
            for (number, event) in self.events_mut().enumerate() {
                event.sequence = number as u64 + 1;
            }
            self
        }

        fn judge(&self) -> Verdict {
            judge(&self.lines, &self.truth, Outages::default()).verdict
        }
    }

    #[test]
    fn a_complete_record_passes() {
        let verdict = Record::new().judge();
        assert!(verdict.pass, "{verdict:?}");
        assert_eq!((verdict.calls, verdict.events, verdict.scripts), (1, 9, 1));
        assert_eq!((verdict.p50_us, verdict.p99_us), (100, 100));
    }

    #[test]
    fn any_event_that_is_missing_is_found() {
        for (kind, n) in [
            ("delivered", 0),
            ("established", 0),
            ("held", 0),
            ("held", 1),
            ("retrieved", 1),
            ("connection_cleared", 0),
            ("call_cleared", 0),
            ("agent_presence", 0),
        ] {
            let verdict = Record::new().without(kind, n).judge();
            assert!(!verdict.pass, "{kind}");
            assert_eq!((verdict.missing, verdict.invented), (1, 0), "{kind}");
        }
    }

    #[test]
    fn a_number_that_is_skipped_without_a_word_is_missing() {
        let mut record = Record::new();
        if let Some(event) = record.events_mut().last() {
            event.sequence += 1;
        }
        let verdict = record.judge();
        assert!(!verdict.pass);
        assert_eq!(verdict.missing, 1);
    }

    #[test]
    fn an_event_without_an_act_is_invented() {
        for (kind, conversation, participant) in [
            ("established", "call-2", "x"),
            ("muted", "call-1", "agent-1"),
        ] {
            let mut record = Record::new();
            record.event(11, kind, conversation, participant);
            let verdict = record.judge();
            assert!(!verdict.pass, "{kind}");
            assert_eq!((verdict.invented, verdict.duplicates), (1, 0), "{kind}");
        }
    }

    #[test]
    fn an_event_of_an_unheard_of_kind_is_invented() {
        let mut record = Record::new();
        record.event(11, "teleported", "call-1", "agent-1");
        assert_eq!(record.judge().invented, 1);
    }

    #[test]
    fn an_id_that_comes_again_is_a_duplicate() {
        let mut record = Record::new();
        record.event(9, "call_cleared", "call-1", "");
        let id = record
            .events()
            .find(|e| e.kind == "call_cleared")
            .map(|e| e.id.clone());
        if let (Some(event), Some(id)) = (record.events_mut().last(), id) {
            event.id = id;
        }
        let verdict = record.judge();
        assert!(!verdict.pass);
        assert_eq!((verdict.duplicates, verdict.invented), (1, 0));
    }

    #[test]
    fn the_same_fact_under_two_ids_is_a_duplicate() {
        for kind in ["established", "call_cleared", "held"] {
            let mut record = Record::new();
            let party = if kind == "call_cleared" {
                ""
            } else {
                "agent-1"
            };
            record.event(11, kind, "call-1", party);
            let verdict = record.judge();
            assert!(!verdict.pass, "{kind}");
            assert_eq!((verdict.duplicates, verdict.invented), (1, 0), "{kind}");
        }
    }

    #[test]
    fn an_agent_state_that_comes_again_under_another_id_is_a_duplicate() {
        let mut record = Record::new();
        record.agent(10, "Break");
        record.truth.acts.pop();
        let verdict = record.judge();
        assert!(!verdict.pass);
        assert_eq!(verdict.duplicates, 1);
    }

    #[test]
    fn a_station_found_at_the_start_is_not_the_one_taken_later() {
        let mut record = Record::new();
        for (at_s, source) in [(0, "snapshot"), (11, "live")] {
            record.event(at_s, "station_associated", "", "");
            if let Some(event) = record.events_mut().last() {
                event.user_id = "u".to_owned();
                event.station_id = "desk".to_owned();
                event.source = source.to_owned();
            }
        }
        record.act(11, "station_associated", "", "");
        if let Some(act) = record.truth.acts.last_mut() {
            act.user = "u".to_owned();
            act.detail = "desk".to_owned();
        }
        let verdict = record.judge();
        assert!(verdict.pass, "{verdict:?}");
    }

    #[test]
    fn an_agent_state_with_the_wrong_value_does_not_count() {
        let mut record = Record::new();
        if let Some(event) = record.events_mut().last() {
            event.raw = "MEAL".to_owned();
        }
        assert_eq!(record.judge().missing, 1);
    }

    #[test]
    fn a_leg_that_ended_and_was_not_cleared_is_unclosed() {
        let record = Record::new().without("connection_cleared", 0);
        assert_eq!(record.judge().unclosed, 1);
    }

    #[test]
    fn a_leg_that_ended_just_before_the_end_may_be_open() {
        let mut record = Record::new().without("connection_cleared", 0);
        for act in &mut record.truth.acts {
            if act.kind == "disconnected" {
                act.time = 19 * SECOND + SECOND / 2;
                act.settled = false;
            }
        }
        let verdict = record.judge();
        assert_eq!((verdict.unclosed, verdict.missing), (0, 0));
    }

    #[test]
    fn what_was_never_sent_need_not_have_come_but_may_have() {
        for came in [true, false] {
            let mut record = if came {
                Record::new()
            } else {
                Record::new().without("held", 0)
            };
            for act in &mut record.truth.acts {
                if act.kind == "held" && act.time == 4 * SECOND {
                    act.sent.clear();
                    act.settled = false;
                }
            }
            let verdict = record.judge();
            assert!(verdict.pass, "{came}: {verdict:?}");
        }
    }

    #[test]
    fn the_key_of_an_attribute_stands_in_the_document_that_the_host_puts_beside_the_fields() {
        let line = r#"{"type":"event","kind":"attribute_changed","conversation_id":"c","participant_id":"p",
            "json":{"kind":"attribute_changed","attribute":{"key":"caseId","value":"1","first":"1"}}}"#;
        let Ok(Line::Event(event)) = serde_json::from_str(line) else {
            panic!("no event: {line}");
        };
        assert_eq!(event.json.attribute.key, "caseId");
    }

    #[test]
    fn an_interruption_that_nothing_explains_fails() {
        let mut record = Record::new();
        let end = record.lines.split_off(record.lines.len() - 2);
        record.state(12, "down", "link");
        record.state(15, "up", "none");
        record.lines.extend(end);
        let verdict = record.judge();
        assert!(!verdict.pass);
        assert_eq!(verdict.gap_s, 3.0);
        let explained = judge(
            &record.lines,
            &record.truth,
            Outages {
                count: 1,
                seconds: 2.0,
            },
        )
        .verdict;
        assert!(explained.pass);
    }

    #[test]
    fn being_told_to_stop_is_no_interruption() {
        assert_eq!(Record::new().judge().gap_s, 0.0);
    }

    #[test]
    fn what_was_sent_after_the_first_reading_may_still_be_on_its_way() {
        let mut record = Record::new();
        for act in &mut record.truth.acts {
            act.act = u64::from(act.kind == "presence");
            act.settled = false;
        }
        let mut earlier = record.truth.clone();
        earlier.acts.retain(|act| act.act == 1);
        let settled = record.truth.settle(&earlier);
        let must: Vec<&str> = settled
            .acts
            .iter()
            .filter(|act| act.settled)
            .map(|act| act.kind.as_str())
            .collect();
        assert_eq!(must, ["presence"]);
    }

    #[test]
    fn a_feed_that_never_came_up_fails() {
        let mut record = Record::new();
        record.lines.remove(0);
        assert!(!record.judge().pass);
    }

    #[test]
    fn a_host_that_did_not_end_by_itself_fails() {
        let mut record = Record::new();
        record.lines.pop();
        assert!(!record.judge().pass);
    }

    #[test]
    fn an_act_that_the_judge_does_not_know_fails() {
        let mut record = Record::new();
        record.act(11, "teleported", "call-1", "agent-1");
        assert!(!record.judge().pass);
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = ACTS.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(table().len(), lines.count());
        let about = ["leg", "call", "agent", "attribute", "-"];
        assert!(table().iter().all(|entry| about.contains(&entry.about)));
    }

    #[test]
    fn an_act_becomes_what_its_detail_says() {
        let of = |detail: &str| -> Vec<&str> {
            let act = Act {
                kind: "routing_status".to_owned(),
                detail: detail.to_owned(),
                ..Act::default()
            };
            let table = [("IDLE", "agent_ready"), ("OFF_QUEUE", "agent_not_ready")];
            let entries = table.map(|(detail, event)| Entry {
                act: "routing_status",
                detail,
                event,
                about: "agent",
            });
            let entries = entries.iter().filter(|entry| entry.is_of(&act));
            entries.map(|entry| entry.event).collect()
        };
        assert_eq!(of("IDLE"), ["agent_ready"]);
        assert_eq!(of("OFF_QUEUE"), ["agent_not_ready"]);
        assert!(of("ELSEWHERE").is_empty());
    }

    #[test]
    fn times_are_read_as_iso_text_and_as_microseconds() {
        for text in [
            r#"{"time":"2026-11-22T10:00:00.123Z","kind":"held","user":null}"#,
            r#"{"time":1795341600123000,"kind":"held"}"#,
        ] {
            let act: Act = serde_json::from_str(text).expect("an act");
            assert_eq!(act.time, 1_795_341_600_123_000);
        }
    }
}
