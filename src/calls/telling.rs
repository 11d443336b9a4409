//! Telling: how what a body shows becomes events, and in which order.

use std::sync::Arc;

use super::agent::Agents;
use super::identity::Scribe;
use super::snapshot::Head;
use super::topic::Shape;
use crate::model::event::{Event, EventKind, Source};
use crate::model::time::UtcMicros;

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
    pub(crate) agents: &'a Agents,
}

impl<'a> Showing<'a> {
    /// Something that another conversation's body shows of this one.
    pub(crate) fn apart(head: &'a Head, received: UtcMicros, agents: &'a Agents) -> Self {
        Self {
            shape: Shape::Nested,
            head,
            first_sight: false,
            read_as: None,
            dialed: false,
            received,
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
    events: Vec<(UtcMicros, Event)>,
}

impl Telling {
    pub(crate) fn push(&mut self, event: Event) {
        let date = event.platform_time.unwrap_or(event.received);
        self.events.push((date, event));
    }

    /// An event that comes before all others.
    pub(crate) fn push_first(&mut self, event: Event) {
        self.events.push((UtcMicros(i64::MIN), event));
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The events from `first` on are those of one leg, in order. One without a time happened before the next of its leg
    /// that has one; without such a next, just now.
    pub(crate) fn date_leg(&mut self, first: usize) {
        let mut next = None;
        for (date, event) in self.events[first..].iter_mut().rev() {
            let own = event.platform_time.or(next).unwrap_or(event.received);
            *date = next.map_or(own, |next| own.min(next));
            next = Some(*date);
        }
    }

    /// The events from `first` on happened at `date`, or before they are told if that is later.
    pub(crate) fn date_back(&mut self, first: usize, date: UtcMicros) {
        for (known, _) in &mut self.events[first..] {
            *known = (*known).min(date);
        }
    }

    /// The events in order; of those of one moment, a leg's stay together.
    pub(crate) fn into_events(mut self) -> impl Iterator<Item = Event> {
        if self.events.len() > 1 {
            self.events
                .sort_by_key(|(date, event)| (*date, precedence(event.kind)));
        }
        self.events.into_iter().map(|(_, event)| event)
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
pub(crate) struct Told(u128);

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

    const fn bit(kind: EventKind) -> u128 {
        1 << (kind as u32)
    }
}

// Every kind has a bit.
const _: () = {
    let mut at = 0;
    while at < EventKind::ALL.len() {
        assert!((EventKind::ALL[at] as u32) < u128::BITS);
        at += 1;
    }
};
