//! What a host wrote down, line by line, and the same sorted: events, states, gaps, processes, offers; and the lines of the
//! ledger file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::truth::{Act, moment_or_none, subject};

/// A gap, as the host was told of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Gap {
    pub(crate) id: u64,
    /// Why there was nothing.
    pub(crate) cause: String,
    pub(crate) from_us: i64,
    /// `None`: it lasts, or its end was not told yet.
    pub(crate) to_us: Option<i64>,
    /// Ids of the users and queues whose topics did not flow.
    pub(crate) subjects: BTreeSet<String>,
    /// The process ended while it was open.
    pub(crate) is_left: bool,
}

impl Gap {
    /// Whom the gap of a start concerns is told at its end; if there was none, it concerned all.
    pub(super) fn concerns(&self, subject: &str) -> bool {
        self.subjects.contains(subject) || self.is_left && self.subjects.is_empty()
    }
}

/// A line of the ledger file.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct Noted {
    /// Which step of a gap it tells.
    pub(crate) line: String,
    pub(crate) gap: Gap,
}

/// As it stands there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    line: String,
    gap: u64,
    cause: String,
    #[serde(deserialize_with = "moment_or_none")]
    from: Option<i64>,
    #[serde(deserialize_with = "moment_or_none")]
    to: Option<i64>,
    users: Vec<String>,
    queues: Vec<String>,
}

impl From<Written> for Noted {
    fn from(written: Written) -> Self {
        let subjects = written.users.iter().chain(&written.queues);
        Self {
            line: written.line,
            gap: Gap {
                id: written.gap,
                cause: written.cause,
                from_us: written.from.unwrap_or_default(),
                to_us: written.to,
                subjects: subjects.map(|id| id.to_ascii_lowercase()).collect(),
                is_left: false,
            },
        }
    }
}

/// One line of the host's record.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Line {
    Event(Box<Event>),
    State(State),
    /// A process begins.
    Start(Start),
    /// An event that a slow host is looking at.
    Offered(Offer),
    /// An event that the host did not take now.
    Refused(Offer),
    /// An event that the host has taken before.
    Again(Offer),
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
    pub(crate) reason: String,
    pub(crate) lost_first: u64,
    pub(crate) lost_last: u64,
    pub(crate) gap_id: u64,
    pub(crate) gap_from_us: i64,
    pub(crate) gap_to_us: Option<i64>,
    /// The library's own document, which the host puts beside the fields of kinds that tell more than those.
    pub(crate) json: Document,
}

/// When a process began.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Start {
    pub(crate) at_us: i64,
}

/// An offer that became no event of the record.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Offer {
    pub(crate) kind: String,
    pub(crate) feed_id: String,
    pub(crate) sequence: u64,
    pub(crate) id: String,
}

/// What of that document is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Document {
    pub(crate) attribute: Attribute,
    pub(crate) gap: Scope,
}

/// Whom a gap concerns.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Scope {
    pub(crate) users: Vec<String>,
    pub(crate) queues: Vec<String>,
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
    /// When it became true. The host may hear of it later, as of everything.
    pub(crate) time_us: i64,
    pub(crate) feed: String,
    pub(crate) why: String,
}

/// A host's record, sorted into its parts.
pub(super) struct Run<'a> {
    pub(super) events: Vec<&'a Event>,
    pub(super) states: Vec<&'a State>,
    /// By their number.
    pub(super) gaps: BTreeMap<u64, Gap>,
    /// Everything that was offered, in order, process by process; a host that does not say when it starts is one.
    pub(super) lives: Vec<Vec<Offered<'a>>>,
    /// When each process began.
    pub(super) starts: Vec<i64>,
    /// When the first act of the region's record happened.
    pub(super) began_us: i64,
    pub(super) up_us: Option<i64>,
    /// When the adapter was told to stop: no socket was closed for it yet, and nothing was heard after it.
    pub(super) stopped_us: Option<i64>,
    pub(super) ended: bool,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Taken,
    TakenBefore,
    Refused,
    /// Not known yet.
    LookedAt,
}

/// An offer, whatever became of it.
#[derive(Clone, Copy)]
pub(super) struct Offered<'a> {
    pub(super) became: Became,
    pub(super) kind: &'a str,
    pub(super) feed: &'a str,
    /// The first number that it stands for, and its own.
    pub(super) first: u64,
    pub(super) sequence: u64,
    pub(super) id: &'a str,
}

impl<'a> Offered<'a> {
    pub(super) fn taken(event: &'a Event) -> Self {
        Self {
            became: Became::Taken,
            kind: &event.kind,
            feed: &event.feed_id,
            first: if event.kind == "lost" {
                event.lost_first
            } else {
                event.sequence
            },
            sequence: event.sequence,
            id: &event.id,
        }
    }

    pub(super) fn other(offer: &'a Offer, became: Became) -> Self {
        Self {
            became,
            kind: &offer.kind,
            feed: &offer.feed_id,
            first: offer.sequence,
            sequence: offer.sequence,
            id: &offer.id,
        }
    }

    pub(super) fn place(&self) -> (&'a str, u64) {
        (self.feed, self.sequence)
    }
}

impl<'a> Run<'a> {
    pub(super) fn read(lines: &'a [Line]) -> Self {
        let mut run = Self {
            events: Vec::new(),
            states: Vec::new(),
            gaps: BTreeMap::new(),
            lives: vec![Vec::new()],
            starts: Vec::new(),
            began_us: i64::MIN,
            up_us: None,
            stopped_us: None,
            ended: false,
        };
        for line in lines {
            let offered = match line {
                Line::Event(event) => Some(Offered::taken(event)),
                Line::Again(offer) => Some(Offered::other(offer, Became::TakenBefore)),
                Line::Refused(offer) => Some(Offered::other(offer, Became::Refused)),
                Line::Offered(offer) => Some(Offered::other(offer, Became::LookedAt)),
                _ => None,
            };
            if let (Some(offered), Some(life)) = (offered, run.lives.last_mut()) {
                life.push(offered);
            }
            match line {
                Line::Event(event) => {
                    run.note_gap(event);
                    run.events.push(event);
                }
                Line::Start(start) => run.begin_life(start.at_us),
                Line::State(state) => {
                    if state.feed == "up" && run.up_us.is_none() {
                        run.up_us = Some(state.at_us);
                    }
                    if state.why == "stopped" && run.stopped_us.is_none() {
                        run.stopped_us = Some(state.time_us);
                    }
                    run.states.push(state);
                }
                Line::End => run.ended = true,
                Line::Again(_) | Line::Refused(_) | Line::Offered(_) | Line::Other => {}
            }
        }
        run
    }

    /// With a process its gaps are over, whether it knew their end or not.
    pub(super) fn begin_life(&mut self, at: i64) {
        if !self.starts.is_empty() {
            self.lives.push(Vec::new());
        }
        for gap in self.gaps.values_mut().filter(|gap| gap.to_us.is_none()) {
            gap.to_us = Some(at);
            gap.is_left = true;
        }
        self.starts.push(at);
    }

    /// Processes but the last that were inside a callback when they ended: the event was being looked at, or it was
    /// taken and is offered to the next one as if it was not.
    pub(super) fn crashes_in_callback(&self) -> usize {
        let pairs = self.lives.windows(2);
        pairs
            .filter(|pair| {
                let Some(last) = pair[0].last() else {
                    return false;
                };
                let next = pair[1].iter().find(|o| o.became != Became::LookedAt);
                last.became == Became::LookedAt
                    || next.is_some_and(|next| {
                        next.became == Became::TakenBefore && next.place() == last.place()
                    })
            })
            .count()
    }

    /// The end of the run: when the adapter was told to stop, else the last event.
    pub(super) fn end(&self) -> i64 {
        let last = || self.events.iter().map(|e| e.at_us).max();
        self.stopped_us.or_else(last).unwrap_or(i64::MIN)
    }

    pub(super) fn note_gap(&mut self, event: &Event) {
        if !matches!(event.kind.as_str(), "gap_opened" | "gap_closed") {
            return;
        }
        let Scope { users, queues } = &event.json.gap;
        // What an earlier process received is about a gap of its, which is over.
        let start = self.starts.last().copied();
        let left = start.filter(|at| event.gap_to_us.is_none() && event.received_time_us < *at);
        self.gaps.insert(
            event.gap_id,
            Gap {
                id: event.gap_id,
                cause: event.reason.clone(),
                from_us: event.gap_from_us,
                to_us: event.gap_to_us.or(left),
                subjects: users
                    .iter()
                    .chain(queues)
                    .map(|id| id.to_ascii_lowercase())
                    .collect(),
                is_left: left.is_some(),
            },
        );
    }

    /// Whether a topic was in a gap at that time.
    pub(super) fn is_in_gap(&self, topic: &str, at: i64) -> bool {
        let Some(subject) = subject(topic) else {
            return false;
        };
        let mut gaps = self.gaps.values();
        gaps.any(|gap| {
            gap.from_us <= at && gap.to_us.is_none_or(|to| at <= to) && gap.concerns(&subject)
        })
    }

    /// Whether the act was on no topic that was outside of a gap.
    pub(super) fn is_excused(&self, act: &Act) -> bool {
        let mut topics = act.sent.iter();
        topics.all(|topic| self.is_in_gap(topic, act.time))
    }

    /// Whether a topic that could have shown the act was in a gap.
    pub(super) fn fell_into_gap(&self, act: &Act) -> bool {
        let mut topics = act.topics.iter();
        topics.any(|topic| self.is_in_gap(topic, act.time))
    }

    /// Median and 99th percentile of the time from arrival to callback, over events of changes themselves.
    pub(super) fn latency(&self) -> (i64, i64) {
        let mut times: Vec<i64> = self
            .events
            .iter()
            // What an earlier process received waited for this one.
            .filter(|e| {
                e.source == "live"
                    && e.received_time_us > 0
                    && !(self.starts.iter()).any(|at| (e.received_time_us..e.at_us).contains(at))
            })
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
