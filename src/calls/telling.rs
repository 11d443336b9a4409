//! Telling: how what a body shows becomes events, and in which order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::agent::Agents;
use super::identity::Scribe;
use super::snapshot::Head;
use super::topic::Shape;
use crate::model::event::{Event, EventKind, IdClass, Source};
use crate::model::time::{Now, UtcMicros};

/// What a body is to the conversation that it shows.
pub(crate) struct Showing<'a> {
    pub(crate) shape: Shape,
    /// What the body tells of the conversation itself.
    pub(crate) head: &'a Head,
    /// The conversation was not known before: what is already connected or over has happened before.
    pub(crate) first_sight: bool,
    /// The body is an answer to a read, and this is what its news are called.
    pub(crate) read_as: Option<Source>,
    /// A dialer set the conversation up.
    pub(crate) dialed: bool,
    pub(crate) received: UtcMicros,
    /// The same, by the clock that only goes forward.
    pub(crate) elapsed: Duration,
    pub(crate) agents: &'a Agents,
}

impl<'a> Showing<'a> {
    /// Something that another conversation's body shows of this one.
    pub(crate) fn apart(head: &'a Head, now: Now, agents: &'a Agents) -> Self {
        Self {
            shape: Shape::Nested,
            head,
            first_sight: false,
            read_as: None,
            dialed: false,
            received: now.utc,
            elapsed: now.elapsed,
            agents,
        }
    }

    /// Where the knowledge of something that the body shows as new comes from.
    pub(crate) fn news(&self) -> Source {
        match self.read_as {
            Some(source) => source,
            None if self.first_sight => Source::Snapshot,
            None => Source::Live,
        }
    }

    /// The same, for something that had happened before the body was made.
    pub(crate) fn past(&self) -> Source {
        self.read_as.unwrap_or(Source::Snapshot)
    }
}

/// What a conversation tells with: the body's part in it, the scribe, and where to.
pub(crate) struct Voice<'a> {
    pub(crate) showing: &'a Showing<'a>,
    pub(crate) scribe: &'a mut Scribe,
    pub(crate) telling: &'a mut Telling,
}

impl Voice<'_> {
    /// The empty text, shared.
    pub(crate) fn nothing(&self) -> Arc<str> {
        Arc::clone(&self.showing.agents.nothing)
    }
}

/// Events of one body, to be put in the order in which they happened.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// All are there until they are handed on.
    events: Vec<Option<Event>>,
    /// What each is put in order by.
    dates: Vec<Date>,
}

/// When an event happened, as far as it says something about its order. What is equal otherwise keeps the order in which it
/// was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Date {
    time: UtcMicros,
    precedence: u8,
    /// Its place among the events.
    place: usize,
}

impl Telling {
    pub(crate) fn push(&mut self, event: Event) {
        let time = event.platform_time.unwrap_or(event.received);
        self.push_dated(time, event);
    }

    /// An event that comes before all others.
    pub(crate) fn push_first(&mut self, event: Event) {
        self.push_dated(UtcMicros(i64::MIN), event);
    }

    fn push_dated(&mut self, time: UtcMicros, event: Event) {
        self.dates.push(Date {
            time,
            precedence: precedence(event.kind),
            place: self.events.len(),
        });
        self.events.push(Some(event));
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The events from `first` on are those of one leg, in order. One without a time happened before the next of its leg
    /// that has one; without such a next, just now.
    pub(crate) fn date_leg(&mut self, first: usize) {
        let mut next = None;
        let dates = self.dates[first..].iter_mut();
        for (date, event) in dates.zip(&self.events[first..]).rev() {
            let Some(event) = event else { continue };
            let own = event.platform_time.or(next).unwrap_or(event.received);
            date.time = next.map_or(own, |next| own.min(next));
            next = Some(date.time);
        }
    }

    /// The events from `first` on happened at `date`, or before they are told if that is later.
    pub(crate) fn date_back(&mut self, first: usize, date: UtcMicros) {
        for known in &mut self.dates[first..] {
            known.time = known.time.min(date);
        }
    }

    /// Hands the events on in order; of those of one moment, a leg's stay together. There are none then.
    pub(crate) fn hand_on(&mut self, events: &mut VecDeque<Event>) {
        // Events are large: what is put in order is their dates.
        self.dates.sort_unstable();
        let told = &mut self.events;
        events.extend(self.dates.iter().filter_map(|date| told[date.place].take()));
        self.events.clear();
        self.dates.clear();
    }
}

/// What comes first of what happened at one moment.
fn precedence(kind: EventKind) -> u8 {
    match kind {
        EventKind::CallCreated => 0,
        EventKind::ConsultStarted
        | EventKind::ConsultCompleted
        | EventKind::ConsultCancelled
        | EventKind::PartyLeft => 1,
        EventKind::Conferenced | EventKind::PartyAdded => 3,
        EventKind::CallCleared => 4,
        EventKind::CallTerminated => 5,
        _ => 2,
    }
}

/// Which of the kinds that happen once were told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told(u64);

impl Told {
    pub(crate) fn has(self, kind: EventKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Whether none was.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it was not told yet; from now on it was.
    pub(crate) fn first(&mut self, kind: EventKind) -> bool {
        let is_first = !self.has(kind);
        self.0 |= Self::bit(kind);
        is_first
    }

    /// What is told of a conversation has numbers from that of `Delivered` on.
    const fn bit(kind: EventKind) -> u64 {
        1 << (kind as u32 - EventKind::Delivered as u32)
    }
}

// Every kind that is told of a conversation has a bit.
const _: () = {
    let mut at = 0;
    while at < EventKind::ALL.len() {
        let kind = EventKind::ALL[at];
        if !matches!(kind.id_class(), IdClass::Feed) {
            assert!((kind as u32 - EventKind::Delivered as u32) < u64::BITS);
        }
        at += 1;
    }
};
