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
//!
//! Where something did not flow, the host must have been told of a gap: whatever the region knows as an outage has to lie
//! within the gaps of the same users and queues, and all gaps together may only be a little longer than the outages. What
//! happened within a gap may be missing; where another topic showed it, it must have come all the same.
//!
//! A host that crashed and began again has one record over all its processes. What it took in one it may be offered again
//! in the next, under the same id; the gaps that were open when a process ended are over with it, and the time until the
//! next one heard something must lie in that one's gaps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::acts::{self, Line as Entry};

mod record;
mod truth;

use record::{Became, Event, Offered, Run};
pub(crate) use record::{Gap, Line, Noted};
pub(crate) use truth::Truth;
use truth::{Act, subject};

/// Events that are about the feed itself, not about the region.
const OF_THE_FEED: &[&str] = &[
    "feed_state",
    "lost",
    "gap_opened",
    "gap_closed",
    "feed_renewed",
];

/// A leg that ended this long before the end of the run must have been cleared.
const CLEAR_WITHIN_US: i64 = 5_000_000;

/// How much longer than the real outage a recorded gap may be.
const GAP_TOLERANCE_S: f64 = 45.0;

/// A link that is dead without a word is noticed within this time.
const NOTICED_WITHIN_US: i64 = 45_000_000;

/// The region writes whole milliseconds, cut off, of a clock that it set once, at its start: a socket that the adapter closes
/// because it is told to stop may seem to have ended a little before that.
const STOP_WITHIN_US: i64 = 10_000;

/// By as much may the region's clock, which goes its own way from its start, and the host's differ in the end.
const CLOCKS_DIFFER_US: i64 = 1_000_000;

/// Why a gap is there that an outage explains: the connection was lost, or nothing ran. The others are the adapter's own
/// business.
const LOST: &[&str] = &["lost", "downtime"];

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
    /// Facts in a gap that the host was told of, but not of them.
    pub(crate) unrecoverable: usize,
    /// Events that were read after a gap.
    pub(crate) recovered: usize,
    /// Events of which the region knows nothing.
    pub(crate) invented: usize,
    /// Ids that came again, and facts that came again under another id.
    pub(crate) duplicates: usize,
    /// Legs that ended at least 5 s before the end of the run and were not cleared.
    pub(crate) unclosed: usize,
    /// Seconds that lie in gaps which the host was told of, after the feed was first up.
    pub(crate) gap_s: f64,
    /// Seconds for which something that was followed really had no live socket.
    pub(crate) outage_s: f64,
    /// Median time from arrival to callback.
    pub(crate) p50_us: i64,
    /// 99th percentile of it.
    pub(crate) p99_us: i64,
    /// Call scripts of which something was sent.
    pub(crate) scripts: usize,
    /// Processes of the host that ended without a word, and began again.
    pub(crate) crashes: usize,
    /// Those of them that ended inside a callback for an event, as far as the record shows it.
    pub(crate) in_callback: usize,
    /// Events that were offered again under their ids to a later process, which had them already.
    pub(crate) offered_again: usize,
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

/// Compares a host's record with the truth.
pub(crate) fn judge(lines: &[Line], truth: &Truth, ledger: Option<&[Gap]>) -> Judgement {
    let mut run = Run::read(lines);
    run.began_us = truth
        .acts
        .iter()
        .map(|act| act.time)
        .min()
        .unwrap_or(i64::MIN);
    let mut court = Court::new(acts::table());
    if let Some(ledger) = ledger {
        court.ledger(&mut run, ledger);
    }
    let (facts, calls) = court.facts(&run, &truth.acts);
    let mut seen = court.seen(&run);
    unsettle_consults(&facts, &mut seen);
    court.ids(&run);
    court.offers(&run);
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
    let (gap_s, outage_s) = court.gaps(&run, truth);
    let (p50_us, p99_us) = run.latency();
    let verdict = Verdict {
        pass: court.findings.is_empty(),
        calls,
        events: run.events.len(),
        missing: court.missing,
        unrecoverable: court.unrecoverable,
        recovered: run
            .events
            .iter()
            .filter(|e| e.source == "recovered")
            .count(),
        invented: court.invented,
        duplicates: court.duplicates,
        unclosed: court.unclosed,
        gap_s,
        outage_s,
        p50_us,
        p99_us,
        scripts: truth.scripts_shown().len(),
        crashes: run.starts.len().saturating_sub(1),
        in_callback: run.crashes_in_callback(),
        offered_again: court.offered_again,
    };
    Judgement {
        verdict,
        findings: court.findings,
    }
}

/// What is held against the plugin so far.
struct Court {
    table: Vec<Entry>,
    missing: usize,
    invented: usize,
    duplicates: usize,
    unclosed: usize,
    unrecoverable: usize,
    offered_again: usize,
    findings: Vec<String>,
}

/// An act of the region that has become, or must become, an event.
#[derive(Clone, Copy)]
struct Fact<'a> {
    act: &'a Act,
    /// Happened while the feed was up, was sent long enough before the end, and not only to where there was a gap: it must
    /// have come.
    required: bool,
    /// Happened where there was a gap.
    in_gap: bool,
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
            unrecoverable: 0,
            offered_again: 0,
            findings: Vec::new(),
        }
    }

    /// What the ledger says of the gaps: the same as the host was told, and more of those that were not closed in time.
    fn ledger(&mut self, run: &mut Run<'_>, ledger: &[Gap]) {
        for told in run.gaps.values() {
            if !ledger.iter().any(|noted| noted.id == told.id) {
                self.findings.push(format!(
                    "the host was told of gap {}, of which the ledger knows nothing",
                    told.id
                ));
            }
        }
        for noted in ledger {
            match run.gaps.get_mut(&noted.id) {
                Some(told) if told.from_us == noted.from_us && told.cause == noted.cause => {
                    told.to_us = if told.is_left {
                        noted.to_us.or(told.to_us)
                    } else {
                        told.to_us.or(noted.to_us)
                    };
                    // Whom the gap of a start concerns is known at its end.
                    if told.subjects.is_empty() {
                        told.subjects.clone_from(&noted.subjects);
                    }
                }
                // The process ended before it could tell.
                None if noted.is_left => {
                    let mut starts = run.starts.iter().copied();
                    let next = starts.find(|at| *at > noted.from_us);
                    let to_us = noted.to_us.or(next);
                    let gap = Gap {
                        to_us,
                        ..noted.clone()
                    };
                    run.gaps.insert(noted.id, gap);
                }
                told => self.findings.push(format!(
                    "the ledger has {noted:?}, and the host was told {told:?}"
                )),
            }
        }
    }

    /// Compares gaps and outages; tells how long both were.
    fn gaps(&mut self, run: &Run<'_>, truth: &Truth) -> (f64, f64) {
        let (up, end) = (run.up_us.unwrap_or(i64::MAX), run.end());
        let lost = run.gaps.values();
        let lost = lost.filter(|gap| LOST.contains(&&*gap.cause));
        let told = joined(lost.map(|gap| (gap.from_us.max(up), gap.to_us.unwrap_or(end).min(end))));
        let stop = end.saturating_sub(STOP_WITHIN_US);
        let outages = truth.outages.iter();
        let outages = outages.filter(|outage| outage.from >= up && outage.from < stop);
        let suffered = joined(
            outages
                .clone()
                .map(|outage| (outage.from, outage.to.unwrap_or(end).min(end))),
        );
        for outage in outages {
            // What had no time to be noticed need not have been told.
            let to = outage.to.unwrap_or(end - NOTICED_WITHIN_US);
            let mut unheard = BTreeSet::new();
            let gaps = run.gaps.values();
            let gaps =
                gaps.filter(|gap| gap.from_us <= to && gap.to_us.unwrap_or(end) >= outage.from);
            let near: Vec<&Gap> = gaps.collect();
            for topic in &outage.topics {
                let Some(subject) = subject(topic) else {
                    continue;
                };
                let of_subject = near.iter().filter(|gap| gap.concerns(&subject));
                let of_subject =
                    joined(of_subject.map(|gap| (gap.from_us, gap.to_us.unwrap_or(end))));
                if to > outage.from
                    && to <= end
                    && !of_subject
                        .iter()
                        .any(|(a, b)| *a <= outage.from && *b >= to)
                {
                    unheard.insert(subject);
                }
            }
            if let Some(one) = unheard.first() {
                self.findings.push(format!(
                    "{} users and queues ({one}) had no socket from {:.3} s to {:.3} s into the run, and no gap of theirs says so",
                    unheard.len(),
                    (outage.from - up) as f64 / 1e6,
                    (to - up) as f64 / 1e6,
                ));
            }
        }
        for state in run.states.iter().take_while(|state| state.why != "stopped") {
            let is_told = |gap: &Gap| {
                gap.from_us <= state.time_us && gap.to_us.is_none_or(|to| state.time_us <= to)
            };
            if state.time_us >= up && state.feed == "down" && !run.gaps.values().any(is_told) {
                self.findings.push(format!(
                    "the feed was said to be down ({}) {:.3} s into the run, and no gap says so",
                    state.why,
                    (state.time_us - up) as f64 / 1e6
                ));
            }
        }
        let (gap_s, outage_s) = (seconds(&told), seconds(&suffered));
        let allowed_s = outage_s + GAP_TOLERANCE_S * suffered.len() as f64;
        if gap_s > allowed_s {
            self.findings.push(format!(
                "{gap_s:.1} s lie in gaps; {allowed_s:.1} s are explained"
            ));
        }
        (gap_s, outage_s)
    }

    /// The facts of the truth in order, and what was played.
    fn facts<'a>(&mut self, run: &Run<'_>, acts: &'a [Act]) -> (Facts<'a>, usize) {
        let mut facts = Facts::new();
        let mut calls = BTreeSet::new();
        let mut strange = BTreeSet::new();
        let end = run.end();
        for act in acts.iter().filter(|act| act.time <= end) {
            if !act.sent.is_empty() && !act.conversation.is_empty() {
                calls.insert(act.conversation.as_str());
            }
            if !self.table.iter().any(|entry| entry.act == act.kind) && strange.insert(&act.kind) {
                self.findings.push(format!(
                    "the region tells of \"{}\", which tests/acts.txt does not know",
                    act.kind
                ));
            }
            let is_up = run.up_us.is_some_and(|up| act.time >= up);
            let required = act.settled && is_up && !run.is_excused(act);
            let in_gap = is_up && run.fell_into_gap(act);
            for entry in self
                .table
                .iter()
                .filter(|entry| entry.makes_event_of(&act.kind, &act.detail))
            {
                facts
                    .entry((entry.about(act), entry.event))
                    .or_default()
                    .push(Fact {
                        act,
                        required,
                        in_gap,
                    });
            }
        }
        for of_one in facts.values_mut() {
            of_one.sort_by_key(|fact| fact.act.time);
        }
        excuse_ends(&mut facts);
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

    /// What was offered, and in which order.
    fn offers(&mut self, run: &Run<'_>) {
        let mut feeds: BTreeMap<&str, u64> = BTreeMap::new();
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut places: BTreeMap<(&str, u64), &str> = BTreeMap::new();
        for life in &run.lives {
            let mut taken = BTreeSet::new();
            let mut refused: Option<&Offered<'_>> = None;
            for offer in life {
                if let Some(refused) = refused.take() {
                    self.after_refusal(refused, offer);
                }
                let (number, kind) = (offer.sequence, offer.kind);
                match offer.became {
                    Became::LookedAt => continue,
                    Became::Refused => {
                        refused = Some(offer);
                        continue;
                    }
                    Became::Taken => {}
                    Became::TakenBefore if !taken.insert(offer.id) => {
                        self.duplicates += 1;
                        self.findings.push(format!(
                            "event {number} ({kind}) was taken by this process and offered again: {}",
                            offer.id
                        ));
                    }
                    Became::TakenBefore => self.offered_again += 1,
                }
                taken.insert(offer.id);
                if *kinds.entry(offer.id).or_insert(kind) != kind {
                    self.invented += 1;
                    self.findings.push(format!(
                        "event {number} ({kind}) has the id of another kind: {}",
                        offer.id
                    ));
                }
                let last = feeds.entry(offer.feed).or_insert(0);
                let had = *places.entry(offer.place()).or_insert(offer.id);
                if number <= *last && had != offer.id {
                    self.missing += 1;
                    self.findings.push(format!(
                        "two events have the number {number}: {had} and {}",
                        offer.id
                    ));
                } else if number > *last && offer.first != *last + 1 {
                    self.missing += 1;
                    self.findings.push(format!(
                        "event {} ({kind}) stands where {} was due",
                        offer.first,
                        *last + 1
                    ));
                }
                *last = number.max(*last);
            }
        }
    }

    /// What was refused comes next, or a record of its loss in its place.
    fn after_refusal(&mut self, refused: &Offered<'_>, next: &Offered<'_>) {
        let is_same = refused.place() == next.place() && refused.id == next.id;
        let gave_way = next.kind == "lost" && next.feed == refused.feed;
        if !(is_same || gave_way && next.sequence > refused.sequence) {
            self.missing += 1;
            self.findings.push(format!(
                "event {} ({}) was refused, and {} ({}) came after it",
                refused.sequence, refused.kind, next.sequence, next.kind
            ));
        }
    }

    /// Every fact has its event, and every event its fact.
    fn compare(&mut self, run: &Run<'_>, facts: &Facts<'_>, seen: &Seen<'_>) {
        for (key, facts) in facts {
            let events = seen.get(key).map_or(&[][..], Vec::as_slice);
            let (untold, surplus) = match key.0 {
                About::Agent(_) => match_by_value(facts, events, run.began_us),
                _ => match_by_count(facts, events),
            };
            for fact in untold {
                if !fact.required {
                    self.unrecoverable += usize::from(fact.in_gap);
                    continue;
                }
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
                if matches!(key.0, About::Agent(_)) && is_found(event, run.began_us) {
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
            // While a gap lasts, what ended in it cannot have been read.
            let lasting = run
                .gaps
                .values()
                .filter(|gap| gap.to_us.is_none_or(|to| to > until));
            let from = lasting.map(|gap| gap.from_us).min().unwrap_or(i64::MAX);
            let until = |fact: &Fact<'_>| if fact.in_gap { from.min(until) } else { until };
            let ended = facts
                .iter()
                .filter(|fact| fact.act.time <= until(fact))
                .count();
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

/// The end of something that began within a gap need not have come: who did not see the one cannot see the other.
fn excuse_ends(facts: &mut Facts<'_>) {
    let mut excused = Vec::new();
    for (key, ends) in facts.iter() {
        let Some((_, begins)) = acts::ENDS.iter().find(|(end, _)| *end == key.1) else {
            continue;
        };
        for (place, end) in ends.iter().enumerate().filter(|(_, end)| end.required) {
            let began_in_gap = begins.iter().any(|begin| {
                // A conference is one of the call; the others are of the same party or user.
                let about = match (&key.0, *begin) {
                    (About::Leg(conversation, _), "conferenced") => About::Call(conversation),
                    (about, _) => about.clone(),
                };
                let all = facts.get(&(about, *begin)).map_or(&[][..], Vec::as_slice);
                let place = |fact: &Fact<'_>| (fact.act.time, fact.act.act);
                let last = all.iter().rfind(|begin| place(begin) < place(end));
                last.is_some_and(|begin| begin.in_gap)
            });
            if began_in_gap {
                excused.push((key.clone(), place));
            }
        }
    }
    for (key, place) in excused {
        if let Some(end) = facts.get_mut(&key).and_then(|ends| ends.get_mut(place)) {
            end.required = false;
        }
    }
}

/// What a consult came to that ended within a gap, no body after it tells for certain: an end is an end, and has one id.
fn unsettle_consults<'a>(facts: &Facts<'a>, seen: &mut Seen<'a>) {
    const CAME_TO: [&str; 2] = ["consult_completed", "consult_cancelled"];
    for (from, to) in [(CAME_TO[0], CAME_TO[1]), (CAME_TO[1], CAME_TO[0])] {
        let in_gap = facts
            .iter()
            .filter(|((_, kind), facts)| *kind == to && facts.iter().any(|fact| fact.in_gap));
        for ((about, _), facts_to) in in_gap {
            let facts_from = facts.get(&(about.clone(), from)).map_or(0, Vec::len);
            let seen_to = seen.get(&(about.clone(), to)).map_or(0, Vec::len);
            let Some(events) = seen.get_mut(&(about.clone(), from)) else {
                continue;
            };
            if events.len() > facts_from
                && seen_to < facts_to.len()
                && let Some(event) = events.pop()
            {
                seen.entry((about.clone(), to)).or_default().push(event);
            }
        }
    }
    seen.retain(|_, events| !events.is_empty());
}

type Unmatched<'f, 'a> = (Vec<Fact<'f>>, Vec<&'a Event>);

/// The n-th event is the n-th fact; a fact that need not have come takes an event only if enough are left for those
/// that must.
fn match_by_count<'f, 'a>(facts: &[Fact<'f>], events: &[&'a Event]) -> Unmatched<'f, 'a> {
    let mut required = facts.iter().filter(|fact| fact.required).count();
    let mut left = events.iter();
    let mut untold = Vec::new();
    for fact in facts {
        if fact.required {
            required -= 1;
        } else if left.len() <= required {
            untold.push(*fact);
            continue;
        }
        if left.next().is_none() {
            untold.push(*fact);
        }
    }
    (untold, left.copied().collect())
}

/// States of agents carry their value and their time: an event is the fact that has the same. Those of stations carry no time:
/// such an event is of a fact that had happened when it was received, first of one that must have come, then of the newest.
/// Who took the same station twice, the first time unseen, is told of once.
fn match_by_value<'f, 'a>(
    facts: &[Fact<'f>],
    events: &[&'a Event],
    began_us: i64,
) -> Unmatched<'f, 'a> {
    let mut left: Vec<&Event> = events.to_vec();
    let mut untold = Vec::new();
    let same = |fact: &Fact<'_>, event: &Event| {
        let word = if event.raw.is_empty() {
            &event.station_id
        } else {
            &event.raw
        };
        let value =
            fact.act.detail.is_empty() || word.is_empty() || plain(&fact.act.detail) == plain(word);
        let time = match event.platform_time_us {
            None | Some(i64::MIN) => fact.act.time <= event.received_time_us + CLOCKS_DIFFER_US,
            Some(at) => at / 1000 == fact.act.time / 1000,
        };
        value && time
    };
    let (required, others): (Vec<_>, Vec<_>) = facts.iter().partition(|fact| fact.required);
    // What is not too new for one fact is not too new for an older one: the newest has the smallest choice.
    for fact in required.into_iter().rev().chain(others.into_iter().rev()) {
        // A state that was found at the start carries no time if it is a station's: what was told live comes first.
        let live = left
            .iter()
            .position(|event| event.source != "snapshot" && same(fact, event));
        if let Some(found) = live.or_else(|| left.iter().position(|event| same(fact, event))) {
            left.remove(found);
        } else {
            untold.push(*fact);
        }
    }
    // Who logged on in a gap is known to have by what came later, with that one's time.
    left.retain(|event| {
        let may_be_late = ["agent_logged_on", "agent_logged_off"].contains(&event.kind.as_str());
        let before = |fact: &Fact<'_>| {
            may_be_late && fact.in_gap && Some(fact.act.time) <= event.platform_time_us
        };
        match untold.iter().position(before) {
            Some(found) => {
                untold.remove(found);
                false
            }
            None => true,
        }
    });
    left.retain(|event| !is_found(event, began_us));
    (untold, left)
}

/// A state that was found at the start may have been set before the region's record began; one that was read after a gap,
/// and has a time before that, was.
fn is_found(event: &Event, began_us: i64) -> bool {
    let is_older = || event.platform_time_us.is_some_and(|at| at < began_us);
    event.source == "snapshot" || event.source == "recovered" && is_older()
}

/// Intervals in order, those that touch as one; empty ones are none.
fn joined(intervals: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
    let mut all: Vec<_> = intervals.filter(|(from, to)| from < to).collect();
    all.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in all {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn seconds(intervals: &[(i64, i64)]) -> f64 {
    intervals.iter().map(|(from, to)| to - from).sum::<i64>() as f64 / 1e6
}

/// REST and topics spell a presence differently: "On Queue", `ON_QUEUE`.
fn plain(word: &str) -> String {
    word.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests;
