//! The gaps of an adapter since it was created: the last ones and the totals, for the status document and the metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::model::gap::{GapId, GapRecord, Shortfall};
use crate::model::time::UtcMicros;

/// Gaps that the status shows.
const SHOWN: usize = 100;

/// Why a gap was left before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The adapter was stopped.
    Stopped,
    /// A defect in this library ended the feed; another one began.
    Defect,
    /// The process ended without a stop; the next start found the gap open in the ledger file.
    Killed,
}

impl Left {
    /// The word for it in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Defect => "defect",
            Self::Killed => "killed",
        }
    }
}

/// What was counted of gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GapTotals {
    /// Gaps that are not closed.
    pub open: u64,
    /// Gaps that were opened.
    pub opened: u64,
    /// Gaps of which everything was read.
    pub closed: u64,
    /// Gaps that were left before that, because the feed ended.
    pub left: u64,
    /// How long those lasted whose end is known, together, in microseconds.
    pub lasted_us: u64,
    /// Answers of the platform that were read for gaps.
    pub reads: u64,
    /// Events that these told and no notification had.
    pub recovered: u64,
    /// Lines of the ledger file that could not be written yet.
    pub ledger_waiting: u64,
}

#[derive(Debug)]
struct Shown {
    record: Arc<GapRecord>,
    left: Option<Left>,
}

impl Shown {
    fn is_open(&self) -> bool {
        self.record.closed.is_none() && self.left.is_none()
    }
}

#[derive(Debug, Default)]
struct Inner {
    shown: BTreeMap<GapId, Shown>,
    totals: GapTotals,
    last: u64,
}

/// All gaps of one adapter.
#[derive(Debug, Default)]
pub struct Gaps(Mutex<Inner>);

impl Gaps {
    /// A gap was opened, ended or closed. What is already known of it is replaced.
    pub fn note(&self, record: &Arc<GapRecord>) {
        let mut inner = self.inner();
        inner.last = inner.last.max(record.id.0);
        let before = inner.shown.insert(
            record.id,
            Shown {
                record: Arc::clone(record),
                left: None,
            },
        );
        let totals = &mut inner.totals;
        totals.opened += u64::from(before.is_none());
        let had_end = before.is_some_and(|before| before.record.to.is_some());
        if let (Some(to), false) = (record.to, had_end) {
            totals.lasted_us += u64::try_from(record.length_us(to)).unwrap_or_default();
        }
        if record.closed.is_some() {
            totals.closed += 1;
            totals.reads += record.reads;
            totals.recovered += record.recovered_events();
        }
        inner.trim();
    }

    /// The feed ends: gaps that are not closed never will be. Returns them.
    pub fn leave(&self, why: Left) -> Vec<GapId> {
        let mut inner = self.inner();
        let mut left = Vec::new();
        for (id, shown) in &mut inner.shown {
            if shown.is_open() {
                shown.left = Some(why);
                left.push(*id);
            }
        }
        inner.totals.left += left.len() as u64;
        left
    }

    /// An earlier life gave this number last.
    pub fn go_on_from(&self, last: GapId) {
        let mut inner = self.inner();
        inner.last = inner.last.max(last.0);
    }

    /// The number that was given last.
    #[must_use]
    pub fn last_id(&self) -> GapId {
        GapId(self.inner().last)
    }

    /// The totals.
    #[must_use]
    pub fn totals(&self) -> GapTotals {
        let inner = self.inner();
        let open = inner.shown.values().filter(|shown| shown.is_open()).count();
        GapTotals {
            open: open as u64,
            ..inner.totals
        }
    }

    /// So many lines of the ledger file wait to be written.
    pub fn set_ledger_waiting(&self, lines: usize) {
        self.inner().totals.ledger_waiting = lines as u64;
    }

    /// As the status shows them.
    #[must_use]
    pub fn document(&self) -> GapsDocument {
        let totals = self.totals();
        let inner = self.inner();
        let newest = inner.shown.values().rev().take(SHOWN);
        GapsDocument {
            totals,
            last: newest.map(GapDocument::of).collect(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Open ones stay, whatever their number.
    fn trim(&mut self) {
        let too_many = self.shown.len().saturating_sub(SHOWN);
        let over: Vec<GapId> = (self.shown.iter())
            .filter(|(_, shown)| !shown.is_open())
            .map(|(id, _)| *id)
            .take(too_many)
            .collect();
        for id in over {
            self.shown.remove(&id);
        }
    }
}

/// `gaps` of the status document.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GapsDocument {
    #[serde(flatten)]
    totals: GapTotals,
    last: Vec<GapDocument>,
}

/// One gap, in the status document: whom it concerns by their number only.
#[derive(Debug, Clone, Serialize)]
struct GapDocument {
    gap: u64,
    state: &'static str,
    cause: &'static str,
    detail: String,
    from_us: i64,
    to_us: Option<i64>,
    opened_us: i64,
    closed_us: Option<i64>,
    users: usize,
    queues: usize,
    reads: u64,
    recovered: BTreeMap<&'static str, u64>,
    shortfalls: Vec<ShortfallDocument>,
}

/// What could not be read.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShortfallDocument {
    kind: &'static str,
    text: String,
}

impl ShortfallDocument {
    pub(super) fn all(shortfalls: &[Shortfall]) -> Vec<Self> {
        let document = |shortfall: &Shortfall| Self {
            kind: shortfall.kind.name(),
            text: shortfall.text.to_string(),
        };
        shortfalls.iter().map(document).collect()
    }
}

/// How many events of each kind were recovered.
pub(super) fn recovered(record: &GapRecord) -> BTreeMap<&'static str, u64> {
    let kinds = record.recovered.iter();
    kinds.map(|(kind, events)| (kind.name(), *events)).collect()
}

impl GapDocument {
    fn of(shown: &Shown) -> Self {
        let record = &shown.record;
        let state = match (shown.left, record.closed, record.to) {
            (Some(left), _, _) => left.name(),
            (None, Some(_), _) => "closed",
            (None, None, Some(_)) => "ended",
            (None, None, None) => "open",
        };
        let us = |at: UtcMicros| at.0;
        Self {
            gap: record.id.0,
            state,
            cause: record.cause.name(),
            detail: record.detail.to_string(),
            from_us: record.from.0,
            to_us: record.to.map(us),
            opened_us: record.opened.0,
            closed_us: record.closed.map(us),
            users: record.users.len(),
            queues: record.queues.len(),
            reads: record.reads,
            recovered: recovered(record),
            shortfalls: ShortfallDocument::all(&record.shortfalls),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::event::EventKind;
    use crate::model::gap::{GapCause, ShortfallKind};

    pub(in crate::observe) fn record(id: u64) -> GapRecord {
        GapRecord {
            id: GapId(id),
            cause: GapCause::Lost,
            detail: "cut".into(),
            from: UtcMicros(1_000_000),
            to: None,
            opened: UtcMicros(7_000_000),
            closed: None,
            users: ["u1".into(), "u2".into()].into(),
            queues: ["q1".into()].into(),
            reads: 0,
            recovered: BTreeMap::new(),
            shortfalls: vec![],
        }
    }

    pub(in crate::observe) fn closed(id: u64) -> GapRecord {
        GapRecord {
            to: Some(UtcMicros(9_000_000)),
            closed: Some(UtcMicros(10_000_000)),
            reads: 5,
            recovered: [(EventKind::Held, 2), (EventKind::Established, 1)].into(),
            shortfalls: vec![Shortfall {
                kind: ShortfallKind::Untold,
                text: "mute".into(),
            }],
            ..record(id)
        }
    }

    #[test]
    fn a_gap_is_counted_once_in_each_of_its_states() {
        let gaps = Gaps::default();
        gaps.note(&Arc::new(record(1)));
        gaps.note(&Arc::new(record(2)));
        assert_eq!((gaps.totals().open, gaps.totals().opened), (2, 2));
        let ended = GapRecord {
            to: Some(UtcMicros(9_000_000)),
            ..record(1)
        };
        gaps.note(&Arc::new(ended));
        gaps.note(&Arc::new(closed(1)));
        let totals = gaps.totals();
        assert_eq!(
            (totals.open, totals.closed, totals.lasted_us),
            (1, 1, 8_000_000)
        );
        assert_eq!((totals.reads, totals.recovered), (5, 3));
        assert_eq!(gaps.leave(Left::Stopped), [GapId(2)]);
        assert_eq!(gaps.leave(Left::Stopped), []);
        assert_eq!((gaps.totals().open, gaps.totals().left), (0, 1));
        let document = serde_json::to_value(gaps.document()).unwrap();
        assert_eq!(document["last"][0]["state"], "stopped");
        assert_eq!(document["last"][1]["recovered"]["held"], 2);
    }

    #[test]
    fn the_last_hundred_are_shown_and_those_that_are_open() {
        let gaps = Gaps::default();
        gaps.note(&Arc::new(record(1)));
        for id in 2..=300 {
            gaps.note(&Arc::new(record(id)));
            gaps.note(&Arc::new(closed(id)));
        }
        let document = gaps.document();
        assert_eq!(document.last.len(), SHOWN);
        assert_eq!(document.last[0].gap, 300);
        assert_eq!(gaps.totals().open, 1);
        assert_eq!(gaps.last_id(), GapId(300));
    }
}
