//! One connection: a call of a participant, merged from all bodies that show it.
//!
//! It only goes forward: set up, connected, over. Each step is told once, by the first body that shows it; a body that
//! shows a later step tells the earlier ones with it, as far as it knows them.

use std::sync::Arc;

use super::agent::Agents;
use super::cause;
use super::identity::{Occurrence, Scribe};
use super::party::{LegView, Party, Phase};
use super::toggle::{Newcomer, Toggle, View};
use super::topic::Shape;
use crate::model::event::{
    Cause, Connection, ConnectionState, Direction, Event, EventKind, Flag, Source, Subject,
};
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::UtcMicros;

/// A connection as merged and told so far.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) participant: ParticipantId,
    pub(crate) ordinal: usize,
    facts: Arc<Connection>,
    /// Whether the nested shape, which leads, has told the facts.
    nested_told: bool,
    rank: u8,
    told: Told,
    state: ConnectionState,
    hold: Option<Hold>,
    hold_count: u32,
    last_hold_start: Option<UtcMicros>,
    muted: Toggle,
    confined: Toggle,
    flags: Flags,
    pub(crate) ended: Option<UtcMicros>,
}

/// Which of the steps that happen once were told.
#[derive(Debug, Default)]
struct Told {
    originated: bool,
    delivered: bool,
    established: bool,
    cleared: bool,
}

/// A hold that lasts: when it began, or its number where no time was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Since(UtcMicros),
    Nth(u32),
}

impl Hold {
    fn occurrence(self) -> Occurrence {
        match self {
            Self::Since(time) => Occurrence::At(time),
            Self::Nth(count) => Occurrence::Nth(count),
        }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Flags {
    held: Flag,
    muted: Flag,
    confined: Flag,
    secure_pause: Flag,
}

/// What one topic has shown of a leg.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    /// The hold that it shows.
    hold: Option<Hold>,
    muted: Option<View>,
    confined: Option<View>,
}

impl Seen {
    /// Bodies may have been missed: how many changes the topic has shown is not known any more. Which hold it showed last
    /// still is.
    pub(crate) fn interrupt(&mut self) {
        self.muted = None;
        self.confined = None;
    }

    /// Whether it shows how often the leg was muted.
    pub(crate) fn counts(&self) -> bool {
        self.muted.is_some()
    }
}

/// What a body is to the conversation that it shows.
pub(crate) struct Showing<'a> {
    pub(crate) shape: Shape,
    /// The conversation was not known before: what is already connected or over has happened before.
    pub(crate) first_sight: bool,
    pub(crate) received: UtcMicros,
    pub(crate) agents: &'a Agents,
}

/// Events of one body, to be put in the order in which they happened.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    events: Vec<(UtcMicros, Event)>,
}

impl Telling {
    fn push(&mut self, event: Event) {
        self.events.push((event.received, event));
    }

    /// The events from `first` on are those of one leg, in order. One without a time happened before the next of its leg
    /// that has one; without such a next, just now.
    fn date_leg(&mut self, first: usize) {
        let mut next = None;
        for (date, event) in self.events[first..].iter_mut().rev() {
            let own = event.platform_time.or(next).unwrap_or(event.received);
            *date = next.map_or(own, |next| own.min(next));
            next = Some(*date);
        }
    }

    /// The events in order; of those of one moment, a leg's stay together.
    pub(crate) fn into_events(mut self) -> impl Iterator<Item = Event> {
        self.events.sort_by_key(|(date, _)| *date);
        self.events.into_iter().map(|(_, event)| event)
    }
}

impl Leg {
    pub(crate) fn new(
        conversation: &ConversationId,
        participant: &ParticipantId,
        ordinal: usize,
    ) -> Self {
        let nothing: Arc<str> = Arc::from("");
        Self {
            participant: participant.clone(),
            ordinal,
            facts: Arc::new(Connection {
                conversation: conversation.clone(),
                root_contact: conversation.clone(),
                participant: Some(participant.clone()),
                communication: None,
                peer: None,
                user: None,
                station: None,
                queue: None,
                direction: Direction::Unknown,
                purpose: Arc::clone(&nothing),
                ani: Arc::clone(&nothing),
                dnis: Arc::clone(&nothing),
                provider: nothing,
                party: Arc::default(),
            }),
            nested_told: false,
            rank: 0,
            told: Told::default(),
            state: ConnectionState::Unknown,
            hold: None,
            hold_count: 0,
            last_hold_start: None,
            muted: Toggle::default(),
            confined: Toggle::default(),
            flags: Flags::default(),
            ended: None,
        }
    }

    /// How far it is.
    pub(crate) fn rank(&self) -> u8 {
        self.rank
    }

    /// Whether it was told to be over.
    pub(crate) fn is_cleared(&self) -> bool {
        self.told.cleared
    }

    /// Whether media flows, as told.
    pub(crate) fn is_open(&self) -> bool {
        self.told.established && !self.told.cleared
    }

    /// What is known of it.
    pub(crate) fn facts(&self) -> &Arc<Connection> {
        &self.facts
    }

    /// A body shows it. What is new goes into `telling`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the machine's parts are lent one by one"
    )]
    pub(crate) fn show(
        &mut self,
        party: &Party,
        view: &LegView,
        seen: &mut Seen,
        newcomer: Newcomer,
        showing: &Showing<'_>,
        scribe: &mut Scribe,
        telling: &mut Telling,
    ) {
        self.learn(party, view, showing);
        if let Some(secure_pause) = view.secure_pause {
            self.flags.secure_pause = secure_pause.into();
        }
        let first = telling.events.len();
        let mut voice = Voice {
            showing,
            scribe,
            telling,
        };
        self.tell_setting_up(view, &mut voice);
        self.tell_established(view, &mut voice);
        if !view.is_over() {
            self.tell_held(view, seen, &mut voice);
            self.tell_muted(view, seen, newcomer, &mut voice);
        }
        self.tell_cleared(view, &mut voice);
        telling.date_leg(first);
        self.rank = self.rank.max(view.rank());
    }

    fn tell_setting_up(&mut self, view: &LegView, voice: &mut Voice<'_>) {
        if self.told.cleared {
            return;
        }
        for (phase, kind, state) in [
            (
                Phase::Initiated,
                EventKind::Originated,
                ConnectionState::Initiated,
            ),
            (
                Phase::Alerting,
                EventKind::Delivered,
                ConnectionState::Alerting,
            ),
        ] {
            let told = match phase {
                Phase::Initiated => &mut self.told.originated,
                _ => &mut self.told.delivered,
            };
            if *told || (view.phase != phase && view.opening != phase) {
                continue;
            }
            *told = true;
            let is_now = view.phase == phase && !view.is_over() && self.rank <= 1;
            let source = if is_now {
                Source::Live
            } else {
                Source::Snapshot
            };
            let previous = self.state;
            if self.rank <= 1 {
                self.state = state;
            }
            self.tell(voice, kind, source, None, Occurrence::Once, state, previous);
        }
    }

    fn tell_established(&mut self, view: &LegView, voice: &mut Voice<'_>) {
        let answered =
            view.phase == Phase::Connected || (view.is_over() && view.connected.is_some());
        if !answered || self.told.established || self.told.cleared {
            return;
        }
        self.told.established = true;
        let is_now = !view.is_over() && !voice.showing.first_sight;
        let source = if is_now {
            Source::Live
        } else {
            Source::Snapshot
        };
        let previous = std::mem::replace(&mut self.state, ConnectionState::Connected);
        self.tell(
            voice,
            EventKind::Established,
            source,
            view.connected,
            Occurrence::Once,
            self.state,
            previous,
        );
    }

    fn tell_held(&mut self, view: &LegView, seen: &mut Seen, voice: &mut Voice<'_>) {
        let Some(held) = view.held else { return };
        let shown = held.then(|| match view.hold_start {
            Some(start) => Hold::Since(start),
            None => (seen.hold.or(self.hold)).unwrap_or(Hold::Nth(self.hold_count + 1)),
        });
        let before = std::mem::replace(&mut seen.hold, shown);
        if self.told.cleared {
            return;
        }
        if let Some(hold) = shown {
            let is_news = match hold {
                Hold::Since(start) => self.last_hold_start.is_none_or(|last| start > last),
                Hold::Nth(count) => count > self.hold_count,
            };
            if !is_news {
                // Told already, and perhaps its end.
                return;
            }
            if let Hold::Since(start) = hold {
                self.last_hold_start = Some(start);
            }
            if self.hold.is_some() {
                // The end of the former hold was not shown; it ended before this one began.
                self.tell_retrieved(Source::Snapshot, voice);
            }
            self.hold_count += 1;
            self.hold = Some(hold);
            self.flags.held = Flag::Yes;
            let source = if voice.showing.first_sight {
                Source::Snapshot
            } else {
                Source::Live
            };
            let previous = std::mem::replace(&mut self.state, ConnectionState::Hold);
            self.tell(
                voice,
                EventKind::Held,
                source,
                view.hold_start,
                hold.occurrence(),
                self.state,
                previous,
            );
        } else if self.hold.is_some() && before == self.hold {
            self.tell_retrieved(Source::Live, voice);
        } else if self.hold.is_none() {
            self.flags.held = Flag::No;
        }
    }

    /// The platform gives no time for the end of a hold: its id is made from the hold that it ends.
    fn tell_retrieved(&mut self, source: Source, voice: &mut Voice<'_>) {
        let Some(hold) = self.hold.take() else { return };
        self.flags.held = Flag::No;
        let previous = std::mem::replace(&mut self.state, ConnectionState::Connected);
        self.tell(
            voice,
            EventKind::Retrieved,
            source,
            None,
            hold.occurrence(),
            self.state,
            previous,
        );
    }

    fn tell_muted(
        &mut self,
        view: &LegView,
        seen: &mut Seen,
        newcomer: Newcomer,
        voice: &mut Voice<'_>,
    ) {
        if let Some(confined) = view.confined {
            self.confined.show(&mut seen.confined, confined, newcomer);
            self.flags.confined = self.confined.is_on().into();
        }
        let Some(muted) = view.muted else { return };
        let change = self.muted.show(&mut seen.muted, muted, newcomer);
        self.flags.muted = self.muted.is_on().into();
        if let Some(change) = change.filter(|_| !self.told.cleared) {
            let kind = if self.muted.is_on() {
                EventKind::Muted
            } else {
                EventKind::Unmuted
            };
            let source = if voice.showing.first_sight {
                Source::Snapshot
            } else {
                Source::Live
            };
            self.tell(
                voice,
                kind,
                source,
                None,
                Occurrence::Nth(change),
                self.state,
                self.state,
            );
        }
    }

    fn tell_cleared(&mut self, view: &LegView, voice: &mut Voice<'_>) {
        if !view.is_over() || self.told.cleared {
            return;
        }
        self.told.cleared = true;
        self.ended = view.ended;
        self.hold = None;
        let source = if voice.showing.first_sight {
            Source::Snapshot
        } else {
            Source::Live
        };
        let previous = std::mem::replace(&mut self.state, ConnectionState::Null);
        let mut event = self.event(
            voice,
            EventKind::ConnectionCleared,
            source,
            view.ended,
            Occurrence::Once,
            (ConnectionState::Null, previous),
        );
        event.cause = cause::of(&view.disconnect_type);
        event.raw = Arc::clone(&view.disconnect_type);
        voice.telling.push(event);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what makes an event is listed once, here"
    )]
    fn tell(
        &self,
        voice: &mut Voice<'_>,
        kind: EventKind,
        source: Source,
        time: Option<UtcMicros>,
        occurrence: Occurrence,
        state: ConnectionState,
        previous: ConnectionState,
    ) {
        let event = self.event(voice, kind, source, time, occurrence, (state, previous));
        voice.telling.push(event);
    }

    fn event(
        &self,
        voice: &mut Voice<'_>,
        kind: EventKind,
        source: Source,
        time: Option<UtcMicros>,
        occurrence: Occurrence,
        (state, previous): (ConnectionState, ConnectionState),
    ) -> Event {
        let ordinal = u32::try_from(self.ordinal).unwrap_or(u32::MAX);
        let conversation = self.facts.conversation.as_str();
        Event {
            kind,
            id: voice.scribe.id(
                kind,
                conversation,
                self.participant.as_str(),
                ordinal,
                occurrence,
            ),
            // A retrieve is known by the hold that it ends, but told by the order of one topic: see the header's classes.
            id_exact: !matches!(occurrence, Occurrence::Nth(_)) && kind != EventKind::Retrieved,
            source,
            platform_time: time,
            received: voice.showing.received,
            subject: Subject::Connection(Arc::clone(&self.facts)),
            state,
            previous,
            cause: Cause::None,
            raw: Arc::clone(&voice.showing.agents.nothing),
            reason: Arc::clone(&voice.showing.agents.nothing),
            held: self.flags.held,
            muted: self.flags.muted,
            confined: self.flags.confined,
            secure_pause: self.flags.secure_pause,
            detail: None,
        }
    }

    /// Takes over what the body tells of the connection's facts. The nested shape leads; the flat one fills what it left.
    fn learn(&mut self, party: &Party, view: &LegView, showing: &Showing<'_>) {
        let leads = showing.shape == Shape::Nested;
        self.nested_told |= leads;
        let overrides = leads || !self.nested_told;
        let known = &self.facts;
        let text = |known: &Arc<str>, shown: &Arc<str>| -> Option<Arc<str>> {
            let takes = !shown.is_empty() && known != shown && (overrides || known.is_empty());
            takes.then(|| Arc::clone(shown))
        };
        let purpose = text(&known.purpose, &party.purpose);
        let ani = text(&known.ani, &view.ani);
        let dnis = text(&known.dnis, &view.dnis);
        let provider = text(&known.provider, &view.provider);
        let communication = view
            .communication
            .as_ref()
            .filter(|shown| known.communication.as_ref() != Some(shown));
        let peer = (view.peer.as_ref()).filter(|shown| {
            known.peer.as_ref() != Some(shown) && (overrides || known.peer.is_none())
        });
        let user = (party.user.as_ref())
            .filter(|shown| known.user.as_ref().is_none_or(|known| known.id != **shown));
        let queue = (party.queue.as_ref())
            .filter(|shown| known.queue.as_ref().is_none_or(|known| known.id != **shown));
        let direction = (view.direction != Direction::Unknown
            && view.direction != known.direction
            && overrides)
            .then_some(view.direction);
        let is_same = purpose.is_none()
            && ani.is_none()
            && dnis.is_none()
            && provider.is_none()
            && communication.is_none()
            && peer.is_none()
            && user.is_none()
            && queue.is_none()
            && direction.is_none();
        if is_same {
            return;
        }
        let facts = Arc::make_mut(&mut self.facts);
        facts.purpose = purpose.unwrap_or_else(|| Arc::clone(&facts.purpose));
        facts.ani = ani.unwrap_or_else(|| Arc::clone(&facts.ani));
        facts.dnis = dnis.unwrap_or_else(|| Arc::clone(&facts.dnis));
        facts.provider = provider.unwrap_or_else(|| Arc::clone(&facts.provider));
        facts.direction = direction.unwrap_or(facts.direction);
        if let Some(communication) = communication {
            facts.communication = Some(communication.clone());
        }
        if let Some(peer) = peer {
            facts.peer = Some(peer.clone());
        }
        if let Some(user) = user {
            facts.user = Some(showing.agents.user(user, &party.name));
            facts.station = showing.agents.station_of(user);
        }
        if let Some(queue) = queue {
            facts.queue = Some(showing.agents.queue(queue, party.queue_name.as_ref()));
        }
    }
}

/// What a leg tells with: the body's part in it, the scribe, and where to.
struct Voice<'a> {
    showing: &'a Showing<'a>,
    scribe: &'a mut Scribe,
    telling: &'a mut Telling,
}
