//! One connection: a call of a participant, merged from all bodies that show it.
//!
//! It only goes forward: set up, connected, over. Each step is told once, by the first body that shows it; a body that
//! shows a later step tells the earlier ones with it, as far as it knows them.

mod restore;

use std::sync::Arc;
use std::time::Duration;

use super::cause;
use super::counted::{self, Counted, Newcomer};
use super::identity::Occurrence;
use super::party::{LegView, Parking, Party, PastSpell, Phase, Recording, Role};
use super::spell::{Begun, News, Spell};
use super::telling::{Showing, Told, Voice};
use super::tombstone::{Remembered, Tombstone};
use super::topic::Shape;
use crate::model::event::{
    Campaign, Cause, Connection, ConnectionRef, ConnectionState, Detail, Direction, Event,
    EventKind, Flag, Remark, Source, Subject,
};
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::UtcMicros;

/// A connection as merged and told so far.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) participant: ParticipantId,
    pub(crate) ordinal: usize,
    pub(crate) role: Role,
    facts: Arc<Connection>,
    /// Whether the nested shape, which leads, has told the facts.
    nested_told: bool,
    rank: u8,
    told: Told,
    state: ConnectionState,
    /// Most connections are neither held nor parked.
    spells: Option<Box<Spells>>,
    muted: Counted<bool>,
    confined: Counted<bool>,
    pause: Counted<Pause>,
    flags: Flags,
    pub(crate) ended: Option<UtcMicros>,
    pub(crate) end: End,
    /// Whether it took part in a conference.
    pub(crate) conferred: bool,
    /// Its end was told by a read, which may not have told all that was before.
    was_read_over: bool,
}

/// What was told of holds and of parkings.
#[derive(Debug, Default)]
struct Spells {
    hold: Spell,
    park: Spell,
}

/// How a connection ended, as far as others depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// It has not, or in a way that nothing depends on.
    #[default]
    Plain,
    /// `transfer`.
    Transfer,
    /// `transfer.consult`.
    ConsultTransfer,
    /// `transfer.conference`.
    Conference,
}

impl End {
    /// Reads the platform's `disconnectType`.
    fn of(word: &str) -> Self {
        match word {
            "transfer" => Self::Transfer,
            "transfer.consult" => Self::ConsultTransfer,
            "transfer.conference" => Self::Conference,
            _ => Self::Plain,
        }
    }

    /// Whether another connection takes over.
    pub(crate) fn is_transfer(self) -> bool {
        matches!(self, Self::Transfer | Self::ConsultTransfer)
    }
}

/// Why the platform's recording of a party pauses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It does not.
    #[default]
    No,
    /// A secret is being told.
    Secure,
    /// The party is on hold, and holds are not recorded.
    Hold,
    /// The platform does not say.
    Unknown,
}

impl Pause {
    /// What a body says of a leg.
    fn of(view: &LegView, showing: &Showing<'_>) -> Self {
        if view.secure_pause == Some(true) || showing.head.secure_pause == Some(true) {
            return Self::Secure;
        }
        match view.recording {
            Some(Recording::Paused) if view.secure_pause.is_some() && view.held == Some(true) => {
                Self::Hold
            }
            Some(Recording::Paused) => Self::Unknown,
            _ => Self::No,
        }
    }

    /// Reads what [`Self::reason`] says.
    fn of_reason(reason: &str) -> Self {
        let all = [Self::Secure, Self::Hold, Self::Unknown];
        let named = all.into_iter().find(|pause| pause.reason() == reason);
        named.unwrap_or(Self::Unknown)
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Secure => "secure",
            Self::Hold => "hold_suppression",
            Self::Unknown => "unknown",
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
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The hold and the parking that it shows; most show none.
    spells: Option<Box<SeenSpells>>,
    muted: Option<counted::View<bool>>,
    confined: Option<counted::View<bool>>,
    pause: Option<counted::View<Pause>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct SeenSpells {
    hold: Option<Begun>,
    park: Option<Begun>,
}

impl Seen {
    fn hold(&self) -> Option<Begun> {
        self.spells.as_ref().and_then(|spells| spells.hold)
    }

    fn park(&self) -> Option<Begun> {
        self.spells.as_ref().and_then(|spells| spells.park)
    }

    fn keep_spells(&mut self, hold: Option<Begun>, park: Option<Begun>) {
        match &mut self.spells {
            Some(spells) => **spells = SeenSpells { hold, park },
            None if hold.is_none() && park.is_none() => {}
            None => self.spells = Some(Box::new(SeenSpells { hold, park })),
        }
    }

    /// Bodies may have been missed: how many changes the topic has shown is not known any more. Which hold it showed last
    /// still is.
    pub(crate) fn interrupt(&mut self) {
        self.muted = None;
        self.confined = None;
        self.pause = None;
    }

    /// Whether it shows how often the leg was muted.
    pub(crate) fn counts(&self) -> bool {
        self.muted.is_some()
    }
}

/// A body's part about one leg.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) party: &'a Party,
    pub(crate) view: &'a LegView,
    /// What the topic is to the leg, if it shows it for the first time.
    pub(crate) newcomer: Newcomer,
    /// The connection that takes over, if this one is handed on.
    pub(crate) successor: Option<&'a ConnectionRef>,
    /// Of a queue: an agent of it answered before its leg was over.
    pub(crate) answered: bool,
}

/// An event that a leg tells: what differs from one to the next.
struct Draft {
    kind: EventKind,
    source: Source,
    time: Option<UtcMicros>,
    occurrence: Occurrence,
    /// The state before it; `None`: it changes none.
    previous: Option<ConnectionState>,
}

impl Draft {
    fn once(kind: EventKind, source: Source, time: Option<UtcMicros>) -> Self {
        Self::of(kind, source, time, Occurrence::Once)
    }

    fn of(
        kind: EventKind,
        source: Source,
        time: Option<UtcMicros>,
        occurrence: Occurrence,
    ) -> Self {
        Self {
            kind,
            source,
            time,
            occurrence,
            previous: None,
        }
    }
}

impl Leg {
    pub(crate) fn new(
        conversation: &ConversationId,
        root: &ConversationId,
        party: &Party,
        ordinal: usize,
    ) -> Self {
        let facts = Arc::new(unknown(conversation, root, &party.id));
        Self {
            role: party.role,
            ..Self::unseen(facts, &party.id, ordinal)
        }
    }

    /// One of which nothing was told.
    fn unseen(facts: Arc<Connection>, participant: &ParticipantId, ordinal: usize) -> Self {
        Self {
            participant: participant.clone(),
            ordinal,
            role: Role::default(),
            facts,
            nested_told: false,
            rank: 0,
            told: Told::default(),
            state: ConnectionState::Unknown,
            spells: None,
            muted: Counted::default(),
            confined: Counted::default(),
            pause: Counted::default(),
            flags: Flags::default(),
            ended: None,
            end: End::default(),
            conferred: false,
            was_read_over: false,
        }
    }

    /// How far it is.
    pub(crate) fn rank(&self) -> u8 {
        self.rank
    }

    /// Whether it was told to be over.
    pub(crate) fn is_cleared(&self) -> bool {
        self.told.has(EventKind::ConnectionCleared)
    }

    /// Whether the platform has put it away: nothing more comes of it.
    pub(crate) fn is_put_away(&self) -> bool {
        self.rank >= Phase::PutAway.rank()
    }

    /// Whether it was answered, as told.
    pub(crate) fn was_established(&self) -> bool {
        self.told.has(EventKind::Established)
    }

    /// Whether media flows, as told.
    pub(crate) fn is_open(&self) -> bool {
        self.told.has(EventKind::Established) && !self.is_cleared()
    }

    /// What is known of it.
    pub(crate) fn facts(&self) -> &Arc<Connection> {
        &self.facts
    }

    /// As other events name it.
    pub(crate) fn reference(&self) -> ConnectionRef {
        ConnectionRef {
            participant: self.participant.clone(),
            communication: self.facts.communication.clone(),
            user: self.facts.user.clone(),
        }
    }

    /// The customer contact that its conversation belongs to turned out to be another one's.
    pub(crate) fn set_root(&mut self, root: &ConversationId) {
        if self.facts.root_contact != *root {
            Arc::make_mut(&mut self.facts).root_contact = root.clone();
        }
    }

    /// A body shows it. What is new is told.
    pub(crate) fn show(&mut self, shown: Shown<'_>, seen: &mut Seen, voice: &mut Voice<'_>) {
        let Shown {
            party,
            view,
            newcomer,
            ..
        } = shown;
        self.learn(party, view, voice.showing);
        let first = voice.telling.len();
        // Analytics may have told the end first, and nobody to whom the call was offered.
        let is_late = voice.showing.read_as.is_some() || self.was_read_over;
        if !self.is_cleared() || is_late {
            self.tell_setting_up(party, view, voice);
        }
        if !self.is_cleared() {
            self.tell_established(view, voice);
            self.tell_spells(view, seen, voice);
            if !view.is_over() {
                self.tell_counted(view, seen, newcomer, voice);
            }
            if view.is_over() {
                self.tell_cleared(shown, voice);
            }
        } else if voice.showing.read_as.is_some() {
            self.tell_late(view, voice);
        }
        voice.telling.date_leg(first);
        self.rank = self.rank.max(view.rank());
    }

    fn tell_setting_up(&mut self, party: &Party, view: &LegView, voice: &mut Voice<'_>) {
        use ConnectionState::{Alerting, Initiated};
        let steps = [
            (EventKind::Offered, Initiated, [Phase::Offered; 2]),
            (
                EventKind::Originated,
                Initiated,
                [Phase::Contacting, Phase::Dialing],
            ),
            (EventKind::Delivered, Alerting, [Phase::Alerting; 2]),
        ];
        for (kind, state, phases) in steps {
            let opened = phases.contains(&view.opening);
            let is_phase = phases.contains(&view.phase);
            let rang = kind == EventKind::Delivered && view.alerted.is_some();
            if !(opened || is_phase || rang) || !self.told.first(kind) {
                continue;
            }
            let is_now = is_phase && !view.is_over() && self.rank <= 1;
            let source = match voice.showing.read_as {
                None if is_now => Source::Live,
                _ => voice.showing.past(),
            };
            let time = if rang {
                view.alerted
            } else {
                // A party that calls out may have come before, for a callback: only nested bodies tell.
                (party.started).filter(|_| opened && kind != EventKind::Originated)
            };
            let previous = self.state;
            if self.rank <= 1 {
                self.state = state;
            }
            let mut event = self.event(
                voice,
                Draft {
                    previous: Some(previous),
                    ..Draft::once(kind, source, time)
                },
            );
            if !self.is_cleared() {
                event.state = state;
            }
            if kind == EventKind::Originated {
                let phase = if opened { view.opening } else { view.phase };
                event.raw = Remark::from(if phase == Phase::Dialing {
                    "dialing"
                } else {
                    "contacting"
                });
                if voice.showing.dialed && view.direction == Direction::Outbound {
                    event.cause = Cause::MakePredictiveCall;
                    event.detail = dialer(party, view);
                }
            }
            voice.telling.push(event);
        }
        let enters_queue = self.role == Role::Queue && view.rank() > 0 && !self.is_cleared();
        if enters_queue && self.told.first(EventKind::Queued) {
            let time = party.started;
            let source = match voice.showing.read_as {
                None if view.rank() == 1 => Source::Live,
                None if !view.is_over() => voice.showing.news(),
                _ => voice.showing.past(),
            };
            let previous = std::mem::replace(&mut self.state, ConnectionState::Queued);
            let mut event = self.event(
                voice,
                Draft {
                    previous: Some(previous),
                    ..Draft::once(EventKind::Queued, source, time)
                },
            );
            event.detail = party.routing.as_ref().map(|routing| {
                Arc::new(Detail::Routing {
                    priority: routing.priority,
                    skills: Arc::clone(&routing.skills),
                    language: Arc::clone(&routing.language),
                })
            });
            voice.telling.push(event);
        }
    }

    fn tell_established(&mut self, view: &LegView, voice: &mut Voice<'_>) {
        let answered = view.was_answered() && (view.phase == Phase::Connected || view.is_over());
        if !answered || !self.told.first(EventKind::Established) {
            return;
        }
        let source = if view.is_over() || voice.showing.first_sight {
            voice.showing.past()
        } else {
            voice.showing.news()
        };
        let state = if self.role == Role::Queue {
            ConnectionState::Queued
        } else {
            ConnectionState::Connected
        };
        let previous = std::mem::replace(&mut self.state, state);
        self.tell(
            voice,
            Draft {
                previous: Some(previous),
                ..Draft::once(EventKind::Established, source, view.connected)
            },
        );
        if self.role == Role::Flow && self.told.first(EventKind::FlowEntered) {
            self.tell(
                voice,
                Draft::once(EventKind::FlowEntered, source, view.connected),
            );
        }
    }

    /// Holds and parking: known by when they began.
    fn tell_spells(&mut self, view: &LegView, seen: &mut Seen, voice: &mut Voice<'_>) {
        if !self.told.has(EventKind::Established) {
            return;
        }
        for past in &view.past_spells {
            self.tell_past(past, view.ended, voice);
        }
        if view.is_over() {
            return;
        }
        let (mut hold, mut park) = (seen.hold(), seen.park());
        let is_read = voice.showing.read_as.is_some();
        let heard = (!is_read).then_some(voice.showing.elapsed);
        if let Some(held) = view.held {
            // Of one that was never held there is nothing to say.
            if held || self.spells.is_some() {
                let spell = self.spell(HOLD);
                let news = spell.show(held, view.hold_start, &mut hold, heard);
                seen.keep_spells(hold, park);
                let began = news.began.is_some();
                self.tell_spell(news, HOLD, None, voice);
                if began && heard.is_none() {
                    self.spell(HOLD).mark_read(voice.showing.elapsed);
                }
            }
            self.flags.held = self.lasts(HOLD).into();
        }
        let (parked, since, back) = match view.parking {
            Parking::Untold => return,
            Parking::Yes(since) => (true, since, None),
            Parking::No(back) => (false, None, back),
        };
        if !parked && self.spells.is_none() {
            return;
        }
        let news = self.spell(PARK).show(parked, since, &mut park, heard);
        seen.keep_spells(hold, park);
        let began = news.began.is_some();
        self.tell_spell(news, PARK, back, voice);
        if began && heard.is_none() {
            self.spell(PARK).mark_read(voice.showing.elapsed);
        }
    }

    /// By when it is known whether something that a read told has ended.
    pub(crate) fn doubted_until(&self) -> Option<Duration> {
        let spells = self.spells.as_ref()?;
        let until = [&spells.hold, &spells.park].map(Spell::doubted_until);
        until.into_iter().flatten().min()
    }

    /// Tells what is known to have ended, since no notification has shown it for so long.
    pub(crate) fn tell_doubted(&mut self, voice: &mut Voice<'_>) {
        if self.spells.is_none() {
            return;
        }
        for of in [HOLD, PARK] {
            let spell = self.spell(of);
            let is_due = |until: Duration| until <= voice.showing.elapsed;
            if spell.doubted_until().is_some_and(is_due) {
                let news = News {
                    ended: spell.end(),
                    ..News::default()
                };
                self.tell_spell(news, of, None, voice);
            }
        }
    }

    /// Notifications may be missed.
    pub(crate) fn interrupt(&mut self) {
        if let Some(spells) = &mut self.spells {
            spells.hold.interrupt();
            spells.park.interrupt();
        }
    }

    /// A read shows it, which is over.
    pub(crate) fn show_again(&mut self, party: &Party, view: &LegView, voice: &mut Voice<'_>) {
        self.learn(party, view, voice.showing);
        let first = voice.telling.len();
        self.tell_late(view, voice);
        voice.telling.date_leg(first);
    }

    /// A read shows holds and parkings that nothing had told when the connection ended: its end may be heard before the gap
    /// is read in which they were. Such an event says where it belongs by its time, and changes no state: the connection is
    /// over.
    fn tell_late(&mut self, view: &LegView, voice: &mut Voice<'_>) {
        let source = voice.showing.past();
        let ended = [self.ended, view.ended].into_iter().flatten().min();
        for PastSpell {
            is_parking,
            from,
            to,
        } in &view.past_spells
        {
            let of = SpellKind::of(*is_parking);
            let late = self
                .spell(of)
                .show_late(*from, ended.is_none_or(|ended| *to < ended));
            let told = [(late.began, of.begins, *from), (late.ended, of.ends, *to)];
            for (_, kind, time) in told.into_iter().filter(|(is_told, ..)| *is_told) {
                let draft = Draft::of(kind, source, Some(time), Occurrence::At(*from));
                self.tell(voice, draft);
            }
        }
    }

    fn spell(&mut self, of: SpellKind) -> &mut Spell {
        let spells = self.spells.get_or_insert_default();
        if of.begins == EventKind::Parked {
            &mut spells.park
        } else {
            &mut spells.hold
        }
    }

    /// Whether such a one lasts.
    fn lasts(&self, of: SpellKind) -> bool {
        (self.spells.as_ref()).is_some_and(|spells| {
            if of.begins == EventKind::Parked {
                spells.park.lasts()
            } else {
                spells.hold.lasts()
            }
        })
    }

    /// What a grave has to remember of the holds and parkings that were told.
    pub(crate) fn remember_spells(&self, mut remember: impl FnMut(Remembered<'_>)) {
        let (id, ordinal) = (&self.participant, self.ordinal);
        let Some(spells) = &self.spells else { return };
        for (of, spell) in [(HOLD, &spells.hold), (PARK, &spells.park)] {
            if !spell.is_dated() {
                remember(Remembered::Undated(of.begins, id, ordinal));
            }
            for (from, is_ended) in spell.told() {
                remember(Remembered::Spell(of.begins, id, ordinal, from));
                if is_ended {
                    remember(Remembered::Spell(of.ends, id, ordinal, from));
                }
            }
        }
    }

    /// One that is over and was told before its conversation ended: what its grave remembers of what a read shows of it.
    pub(crate) fn recall(&mut self, view: &LegView, grave: &Tombstone) {
        self.told.first(EventKind::ConnectionCleared);
        self.state = ConnectionState::Null;
        self.rank = Phase::PutAway.rank();
        let (id, ordinal) = (self.participant.clone(), self.ordinal);
        for is_parking in [false, true] {
            let of = SpellKind::of(is_parking);
            if grave.holds(&Remembered::Undated(of.begins, &id, ordinal)) {
                self.spell(of).recall_undated();
            }
        }
        for past in &view.past_spells {
            let of = SpellKind::of(past.is_parking);
            if grave.holds(&Remembered::Spell(of.begins, &id, ordinal, past.from)) {
                let end = Remembered::Spell(of.ends, &id, ordinal, past.from);
                self.spell(of).recall(past.from, grave.holds(&end));
            }
        }
    }

    /// One that is over, as an answer to a read tells it: whatever of it was not told is.
    fn tell_past(&mut self, past: &PastSpell, leg_ended: Option<UtcMicros>, voice: &mut Voice<'_>) {
        let of = SpellKind::of(past.is_parking);
        let spell = self.spell(of);
        // One that lasted until the connection ended was not taken back.
        let taken_back = leg_ended
            .is_none_or(|ended| past.to < ended)
            .then_some(past.to);
        if spell.was_missed(past.from) {
            return self.tell_missed(of, past.from, taken_back, voice);
        }
        let began = spell.begin(Begun::Since(past.from));
        let ended = taken_back.and_then(|_| spell.end_of(past.from));
        self.tell_spell(began, of, None, voice);
        let ended = News {
            ended,
            ..News::default()
        };
        self.tell_spell(ended, of, taken_back, voice);
    }

    /// A later one was told already, and may last: what the connection is now stays.
    fn tell_missed(
        &mut self,
        of: SpellKind,
        from: UtcMicros,
        to: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) {
        let (source, occurrence) = (voice.showing.past(), Occurrence::At(from));
        let now = (self.state, self.flags.held);
        self.state = of.state;
        if of.begins == EventKind::Held {
            self.flags.held = Flag::Yes;
        }
        let began = Draft::of(of.begins, source, Some(from), occurrence);
        self.tell(
            voice,
            Draft {
                previous: Some(ConnectionState::Connected),
                ..began
            },
        );
        (self.state, self.flags.held) = now;
        if to.is_none() {
            return;
        }
        let ended = Draft::of(of.ends, source, to, occurrence);
        self.tell(
            voice,
            Draft {
                previous: Some(of.state),
                ..ended
            },
        );
    }

    fn tell_spell(
        &mut self,
        news: News,
        of: SpellKind,
        ended_at: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) {
        let is_hold = of.begins == EventKind::Held;
        let ends = [
            (news.ended_unseen, voice.showing.past()),
            (news.ended, voice.showing.news()),
        ];
        let mut end = |leg: &mut Self, begun: Begun, source| {
            if is_hold {
                leg.flags.held = Flag::No;
            }
            let state = leg.state_without(of);
            let previous = std::mem::replace(&mut leg.state, state);
            let draft = Draft {
                previous: Some(previous),
                ..Draft::of(of.ends, source, ended_at, begun.occurrence())
            };
            leg.tell(voice, draft);
        };
        for (begun, source) in ends {
            if let Some(begun) = begun {
                end(self, begun, source);
            }
        }
        if let Some(begun) = news.began {
            if is_hold {
                self.flags.held = Flag::Yes;
            }
            let source = voice.showing.news();
            let previous = std::mem::replace(&mut self.state, of.state);
            let draft = Draft {
                previous: Some(previous),
                ..Draft::of(of.begins, source, begun.time(), begun.occurrence())
            };
            self.tell(voice, draft);
        }
    }

    /// The state once a hold or a parking has ended: the other one may last.
    fn state_without(&self, ended: SpellKind) -> ConnectionState {
        if ended.begins == EventKind::Held && self.lasts(PARK) {
            ConnectionState::Parked
        } else if ended.begins == EventKind::Parked && self.lasts(HOLD) {
            ConnectionState::Hold
        } else {
            ConnectionState::Connected
        }
    }

    fn tell_counted(
        &mut self,
        view: &LegView,
        seen: &mut Seen,
        newcomer: Newcomer,
        voice: &mut Voice<'_>,
    ) {
        if let Some(muted) = view.muted {
            let change = self.muted.show(&mut seen.muted, muted, newcomer);
            self.flags.muted = self.muted.value().into();
            let kind = if self.muted.value() {
                EventKind::Muted
            } else {
                EventKind::Unmuted
            };
            self.tell_change(kind, change, "", voice);
        }
        if let Some(confined) = view.confined {
            let change = self.confined.show(&mut seen.confined, confined, newcomer);
            self.flags.confined = self.confined.value().into();
            let kind = if self.confined.value() {
                EventKind::Confined
            } else {
                EventKind::Unconfined
            };
            self.tell_change(kind, change, "", voice);
        }
        let tells_recording = view.recording.is_some()
            || view.secure_pause.is_some()
            || voice.showing.head.secure_pause.is_some();
        if !view.is_connected() {
            // Nothing is recorded before somebody answers.
            Counted::begin(&mut seen.pause);
        } else if self.role.is_person() && tells_recording {
            let shown = Pause::of(view, voice.showing);
            let change = self.pause.show(&mut seen.pause, shown, newcomer);
            let pause = self.pause.value();
            if view.secure_pause.is_some() || voice.showing.head.secure_pause.is_some() {
                // A body that does not say why may have told the pause first.
                let is_secure = pause != Pause::No && [pause, shown].contains(&Pause::Secure);
                self.flags.secure_pause = is_secure.into();
            }
            let kind = if pause == Pause::No {
                EventKind::RecordingResumed
            } else {
                EventKind::RecordingPaused
            };
            self.tell_change(kind, change, pause.reason(), voice);
        }
    }

    fn tell_change(
        &mut self,
        kind: EventKind,
        change: Option<u32>,
        reason: &str,
        voice: &mut Voice<'_>,
    ) {
        let Some(change) = change else { return };
        let draft = Draft::of(kind, voice.showing.news(), None, Occurrence::Nth(change));
        let mut event = self.event(voice, draft);
        if !reason.is_empty() {
            event.reason = reason.into();
        }
        voice.telling.push(event);
    }

    fn tell_cleared(&mut self, shown: Shown<'_>, voice: &mut Voice<'_>) {
        let Shown { party, view, .. } = shown;
        let source = if view.is_over() && voice.showing.first_sight {
            voice.showing.past()
        } else {
            voice.showing.news()
        };
        self.was_read_over = voice.showing.read_as.is_some();
        let word = &*view.disconnect_type;
        self.end = End::of(word);
        if !self.told.has(EventKind::Established)
            && let Some(kind) = self.unanswered(party, word)
        {
            let mut event = self.event(voice, Draft::once(kind, source, view.ended));
            self.told.first(kind);
            event.cause = cause::of(word);
            event.raw = Arc::clone(&view.disconnect_type).into();
            if word == "client" {
                event.reason = "rejected".into();
            }
            voice.telling.push(event);
        }
        if self.is_open() && self.role.is_person() && self.end.is_transfer() {
            self.tell_transferred(shown, source, voice);
        }
        let detail = dialer_result(voice.showing, view);
        self.clear(
            Clearing {
                source,
                at: view.ended,
                disconnect_type: &view.disconnect_type,
                outcome: outcome(word, shown.answered),
                detail,
            },
            voice,
        );
    }

    /// What it means that a leg which was set up ends without an answer.
    fn unanswered(&self, party: &Party, disconnect_type: &str) -> Option<EventKind> {
        if self.rank == 0 && !self.told.has(EventKind::Delivered) && !self.was_set_up() {
            return None;
        }
        let rang = self.told.has(EventKind::Delivered);
        let is_offer = rang && self.role == Role::Person && party.queue.is_some();
        match disconnect_type {
            "transfer.forward"
            | "transfer.noanswer"
            | "transfer.notavailable"
            | "transfer.dnd"
            | "transfer.donotdisturb" => Some(EventKind::Diverted),
            "client"
            | "timeout"
            | "endpoint.dnd"
            | "endpoint.donotdisturb"
            | "error"
            | "transport.failure"
                if is_offer =>
            {
                Some(EventKind::Diverted)
            }
            "client" if rang => Some(EventKind::Failed),
            "timeout"
            | "endpoint.dnd"
            | "endpoint.donotdisturb"
            | "error"
            | "transport.failure"
            | "system"
            | "spam"
            | "uncallable" => Some(EventKind::Failed),
            _ => None,
        }
    }

    fn was_set_up(&self) -> bool {
        [
            EventKind::Offered,
            EventKind::Originated,
            EventKind::Delivered,
        ]
        .into_iter()
        .any(|kind| self.told.has(kind))
    }

    fn tell_transferred(&mut self, shown: Shown<'_>, source: Source, voice: &mut Voice<'_>) {
        let view = shown.view;
        let draft = Draft::once(EventKind::Transferred, source, view.ended);
        let mut event = self.event(voice, draft);
        event.cause = cause::of(&view.disconnect_type);
        event.raw = Arc::clone(&view.disconnect_type).into();
        event.reason = Remark::from(if self.end == End::ConsultTransfer {
            "attended"
        } else {
            "blind"
        });
        event.detail = Some(Arc::new(Detail::Related {
            conversation: None,
            old: Some(self.reference()),
            new: shown.successor.cloned(),
        }));
        self.told.first(EventKind::Transferred);
        voice.telling.push(event);
    }

    /// The connection is over: its last events.
    pub(crate) fn clear(&mut self, clearing: Clearing<'_>, voice: &mut Voice<'_>) {
        let Clearing { source, at, .. } = clearing;
        if let Some(change) = self.pause.end() {
            self.flags.secure_pause = match self.flags.secure_pause {
                Flag::Unknown => Flag::Unknown,
                _ => Flag::No,
            };
            let draft = Draft::of(
                EventKind::RecordingResumed,
                source,
                at,
                Occurrence::Nth(change),
            );
            let mut event = self.event(voice, draft);
            event.reason = "ended".into();
            voice.telling.push(event);
        }
        if self.told.has(EventKind::Queued) && self.told.first(EventKind::Dequeued) {
            let mut event = self.event(voice, Draft::once(EventKind::Dequeued, source, at));
            event.reason = clearing.outcome.into();
            event.raw = Arc::clone(clearing.disconnect_type).into();
            voice.telling.push(event);
        }
        if self.role == Role::Voicemail
            && self.is_open()
            && self.told.first(EventKind::VoicemailDeposited)
        {
            self.tell(
                voice,
                Draft::once(EventKind::VoicemailDeposited, source, at),
            );
        }
        if let Some(spells) = &mut self.spells {
            spells.hold.cut();
            spells.park.cut();
        }
        // Nothing is on hold in a connection that is over.
        if self.flags.held == Flag::Yes {
            self.flags.held = Flag::No;
        }
        self.ended = at;
        let previous = std::mem::replace(&mut self.state, ConnectionState::Null);
        let draft = Draft {
            previous: Some(previous),
            ..Draft::once(EventKind::ConnectionCleared, source, at)
        };
        let mut event = self.event(voice, draft);
        event.cause = cause::of(clearing.disconnect_type);
        event.raw = Arc::clone(clearing.disconnect_type).into();
        event.detail = clearing.detail;
        self.told.first(EventKind::ConnectionCleared);
        self.rank = self.rank.max(Phase::Over.rank());
        voice.telling.push(event);
    }

    /// The platform says nothing more of it.
    pub(crate) fn put_away(&mut self) {
        self.rank = Phase::PutAway.rank();
    }

    /// Tells something that happens once to the connection, if it was not told yet.
    pub(crate) fn tell_once(
        &mut self,
        kind: EventKind,
        source: Source,
        time: Option<UtcMicros>,
        detail: Option<Arc<Detail>>,
        voice: &mut Voice<'_>,
    ) {
        if self.told.first(kind) {
            let mut event = self.event_about(kind, source, time, voice);
            event.detail = detail;
            voice.telling.push(event);
        }
    }

    /// An event about the connection that is not one of its own steps: it may come beside one that the same body shows, so
    /// it says nothing of the state and of what goes with it.
    pub(crate) fn event_about(
        &self,
        kind: EventKind,
        source: Source,
        time: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) -> Event {
        Event {
            state: ConnectionState::Unknown,
            previous: ConnectionState::Unknown,
            held: Flag::Unknown,
            muted: Flag::Unknown,
            confined: Flag::Unknown,
            secure_pause: Flag::Unknown,
            ..self.event(voice, Draft::once(kind, source, time))
        }
    }

    fn tell(&self, voice: &mut Voice<'_>, draft: Draft) {
        let event = self.event(voice, draft);
        voice.telling.push(event);
    }

    fn event(&self, voice: &mut Voice<'_>, draft: Draft) -> Event {
        let ordinal = u32::try_from(self.ordinal).unwrap_or(u32::MAX);
        Event {
            kind: draft.kind,
            id: voice.scribe.id(
                draft.kind,
                self.facts.conversation.as_str(),
                self.participant.as_str(),
                ordinal,
                draft.occurrence,
            ),
            id_exact: draft.occurrence.is_exact_for(draft.kind),
            source: draft.source,
            platform_time: draft.time,
            received: voice.showing.received,
            subject: Subject::Connection(Arc::clone(&self.facts)),
            state: self.state,
            previous: draft.previous.unwrap_or(self.state),
            cause: Cause::None,
            raw: Remark::default(),
            reason: Remark::default(),
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
        let facts_shown = (!Arc::ptr_eq(&known.party, &party.facts)
            && (overrides || known.party.name.is_empty())
            && known.party != party.facts)
            .then(|| Arc::clone(&party.facts));
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
            && direction.is_none()
            && facts_shown.is_none();
        if is_same {
            return;
        }
        let facts = Arc::make_mut(&mut self.facts);
        facts.purpose = purpose.unwrap_or_else(|| Arc::clone(&facts.purpose));
        facts.ani = ani.unwrap_or_else(|| Arc::clone(&facts.ani));
        facts.dnis = dnis.unwrap_or_else(|| Arc::clone(&facts.dnis));
        facts.provider = provider.unwrap_or_else(|| Arc::clone(&facts.provider));
        facts.direction = direction.unwrap_or(facts.direction);
        if let Some(shown) = facts_shown {
            facts.party = shown;
        }
        if let Some(communication) = communication {
            facts.communication = Some(communication.clone());
        }
        if let Some(peer) = peer {
            facts.peer = Some(peer.clone());
        }
        if let Some(user) = user {
            facts.user = Some(showing.agents.user(user, &party.facts.name));
            facts.station = showing.agents.station_of(user);
        }
        if let Some(queue) = queue {
            facts.queue = Some(showing.agents.queue(queue, party.queue_name.as_ref()));
        }
    }
}

/// How a connection is cleared.
pub(crate) struct Clearing<'a> {
    pub(crate) source: Source,
    pub(crate) at: Option<UtcMicros>,
    pub(crate) disconnect_type: &'a Arc<str>,
    /// Of a queue: what became of the call; empty if nobody says.
    pub(crate) outcome: &'a str,
    pub(crate) detail: Option<Arc<Detail>>,
}

/// What became of a call that left a queue.
fn outcome(disconnect_type: &str, answered: bool) -> &'static str {
    match disconnect_type {
        _ if answered => "answered",
        "" => "",
        word if word.starts_with("transfer") => "flow_out",
        // Nobody took it, and it was given to nobody: the caller gave up, or the platform ended the call.
        _ => "abandoned",
    }
}

/// A hold or a parking, in the words of events.
#[derive(Clone, Copy)]
struct SpellKind {
    begins: EventKind,
    ends: EventKind,
    state: ConnectionState,
}

impl SpellKind {
    fn of(is_parking: bool) -> Self {
        if is_parking { PARK } else { HOLD }
    }
}

const HOLD: SpellKind = SpellKind {
    begins: EventKind::Held,
    ends: EventKind::Retrieved,
    state: ConnectionState::Hold,
};

const PARK: SpellKind = SpellKind {
    begins: EventKind::Parked,
    ends: EventKind::Unparked,
    state: ConnectionState::Parked,
};

/// A connection of which nothing is known but whose it is.
pub(crate) fn unknown(
    conversation: &ConversationId,
    root: &ConversationId,
    participant: &ParticipantId,
) -> Connection {
    let nothing: Arc<str> = Arc::default();
    Connection {
        conversation: conversation.clone(),
        root_contact: root.clone(),
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
    }
}

/// What a dialer told of the call that it made, from the attributes that it sets.
fn dialer(party: &Party, view: &LegView) -> Option<Arc<Detail>> {
    let attribute = |key: &str| {
        let values = &party.attributes.values;
        (values.iter().find(|(known, _)| **known == *key))
            .map(|(_, value)| Arc::clone(value))
            .unwrap_or_default()
    };
    let campaign = Campaign {
        campaign: attribute("dialerCampaignId"),
        contact: attribute("dialerContactId"),
        contact_list: attribute("dialerContactListId"),
    };
    let known = campaign != Campaign::default();
    let (disposition, analyzer) = analysis(view);
    (known || !disposition.is_empty()).then(|| {
        Arc::new(Detail::Dialer {
            campaign: known.then_some(campaign),
            disposition,
            analyzer,
        })
    })
}

fn dialer_result(showing: &Showing<'_>, view: &LegView) -> Option<Arc<Detail>> {
    let (disposition, analyzer) = analysis(view);
    (showing.dialed && !disposition.is_empty()).then(|| {
        Arc::new(Detail::Dialer {
            campaign: None,
            disposition,
            analyzer,
        })
    })
}

fn analysis(view: &LegView) -> (Arc<str>, Arc<str>) {
    view.analysis
        .as_ref()
        .map(|found| (Arc::clone(&found.name), Arc::clone(&found.analyzer)))
        .unwrap_or_default()
}
