//! Consults: a party asks another one while the call waits.
//!
//! In one conversation the asking participant names the asked one (`consultParticipantId`). In a conversation of its own,
//! the first one lists it (`consultationConversations`) and the second one names the first (`associatedConversation`);
//! only the nested shape tells of these.
//!
//! A consult ends once, as a transfer, as a conference, or cancelled: one id for the end of a consult, whichever it is.

mod restore;

use std::sync::Arc;
use std::time::Duration;

use super::conversation::Conversation;
use super::identity::{Fact, Occurrence};
use super::leg::{End, Leg};
use super::party::LegView;
use super::snapshot::Snapshot;
use super::spell::LAGS;
use super::telling::Voice;
use super::tombstone::Remembered;
use crate::model::event::{Detail, Event, EventKind};
use crate::model::id::{ConversationId, ParticipantId};
use crate::model::time::UtcMicros;

/// The consults of a conversation.
#[derive(Debug, Default)]
pub(super) struct Consults(Vec<Consult>);

#[derive(Debug)]
struct Consult {
    /// Who asks, where that is told.
    asker: Option<ParticipantId>,
    asked: Asked,
    is_over: bool,
    /// A read showed that it is over, and not whether it was cancelled or became a conference.
    is_undecided: bool,
    /// Nothing was heard of the conversation for a while, and no read has shown since that it goes on.
    is_unheard: bool,
    /// The conversation that is asked has ended, as if it came to nothing: by then this one has shown if it was a transfer.
    gone_until: Option<Duration>,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Party(ParticipantId),
    Conversation(ConversationId),
}

impl Asked {
    fn as_str(&self) -> &str {
        match self {
            Self::Party(participant) => participant.as_str(),
            Self::Conversation(conversation) => conversation.as_str(),
        }
    }
}

/// How a consult ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Transfer,
    Conference,
    Cancelled,
}

impl Consults {
    /// Whom they asked.
    pub(super) fn asked(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|consult| consult.asked.as_str())
    }

    /// The conversations that are asked, and still are.
    pub(super) fn conversations(&self) -> impl Iterator<Item = &ConversationId> {
        self.0.iter().filter_map(|consult| match &consult.asked {
            Asked::Conversation(conversation) if !consult.is_over => Some(conversation),
            _ => None,
        })
    }
}

impl Conversation {
    /// Tells what the body shows of consults.
    pub(super) fn tell_consults(&mut self, snapshot: &Snapshot, voice: &mut Voice<'_>) {
        let first = voice.telling.len();
        for party in snapshot.parties() {
            if let Some(asked) = &party.consults
                && self.legs.iter().any(|leg| leg.participant == party.id)
            {
                let asked_party = snapshot.parties().find(|other| other.id == *asked);
                let begun = asked_party.and_then(|asked| asked.started);
                let asked = Asked::Party(asked.clone());
                self.begin_consult(Some(&party.id), asked, begun, voice);
            }
        }
        for other in &snapshot.head().consultations {
            self.begin_consult(None, Asked::Conversation(other.clone()), None, voice);
        }
        for at in 0..self.consults.0.len() {
            if let Some((outcome, time)) = self.outcome(at) {
                let Some(outcome) = self.read_outcome(at, outcome, snapshot, voice) else {
                    self.consults.0[at].is_undecided |= voice.showing.read_as.is_some();
                    continue;
                };
                // When people began to talk together is not told live either.
                let told = time.filter(|_| outcome != Outcome::Conference);
                self.end_consult_at(at, outcome, told, voice);
                if let Some(time) = time {
                    // A consult that is learned with its end began before that.
                    voice.telling.date_back(first, time);
                }
            } else if voice.showing.read_as.is_some() {
                self.consults.0[at].is_unheard = false;
            }
        }
        self.tell_gone_consults(voice);
        if self.is_cleared() {
            // The flat shape, which tells of no consult in a conversation of its own, was ahead.
            let ended = self.legs.iter().filter_map(|leg| leg.ended).max();
            self.end_consults(ended, voice);
        }
    }

    fn begin_consult(
        &mut self,
        asker: Option<&ParticipantId>,
        asked: Asked,
        begun: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) {
        let is_it = |known: &Consult| {
            known.asker.as_ref() == asker && known.asked.as_str() == asked.as_str()
        };
        if self.consults.0.iter().any(is_it) || self.was_told(&Remembered::Asked(asked.as_str())) {
            return;
        }
        self.consults.0.push(Consult {
            asker: asker.cloned(),
            asked,
            is_over: false,
            is_undecided: false,
            is_unheard: false,
            gone_until: None,
        });
        let at = self.consults.0.len() - 1;
        let event = self.consult_event(EventKind::ConsultStarted, at, begun, voice);
        voice.telling.push(event);
    }

    /// How the consult ended, if it did, and when.
    fn outcome(&self, at: usize) -> Option<(Outcome, Option<UtcMicros>)> {
        let consult = &self.consults.0[at];
        if consult.is_over {
            return None;
        }
        let asker = |leg: &&Leg| match &consult.asker {
            Some(asker) => leg.participant == *asker,
            // Whoever of the conversation hands the call on by consulting, or joins the calls, has asked.
            None => matches!(leg.end, End::ConsultTransfer | End::Conference),
        };
        let asker = self.legs.iter().rev().find(asker);
        if let Some(asker) = asker.filter(|asker| asker.is_cleared()) {
            let outcome = match asker.end {
                End::ConsultTransfer => Outcome::Transfer,
                End::Conference => Outcome::Conference,
                End::Plain | End::Transfer => Outcome::Cancelled,
            };
            return Some((outcome, asker.ended));
        }
        let Asked::Party(asked) = &consult.asked else {
            // It is not told who asks: at the latest the consult is over with the call.
            let is_over = !self.legs.is_empty() && self.legs.iter().all(Leg::is_cleared);
            let ended = || self.legs.iter().filter_map(|leg| leg.ended).max();
            return is_over.then(|| (Outcome::Cancelled, ended()));
        };
        let of_asked = || self.legs.iter().filter(|leg| leg.participant == *asked);
        if asker.is_some_and(|asker| asker.conferred) && of_asked().any(|leg| leg.conferred) {
            return Some((Outcome::Conference, None));
        }
        let is_gone = of_asked().next().is_some() && of_asked().all(Leg::is_cleared);
        is_gone.then(|| {
            (
                Outcome::Cancelled,
                of_asked().filter_map(|leg| leg.ended).max(),
            )
        })
    }

    /// What a read shows to have become of a consult that seems cancelled once it is over: where nobody showed it as it
    /// happened, it may have been a conference. `None` if that cannot be known.
    fn read_outcome(
        &self,
        at: usize,
        outcome: Outcome,
        snapshot: &Snapshot,
        voice: &Voice<'_>,
    ) -> Option<Outcome> {
        let consult = &self.consults.0[at];
        let is_read = voice.showing.read_as.is_some();
        let (Some(asker), Asked::Party(asked)) = (&consult.asker, &consult.asked) else {
            return Some(outcome);
        };
        if outcome != Outcome::Cancelled || !(is_read || consult.is_undecided || consult.is_unheard)
        {
            return Some(outcome);
        }
        let mut of_asked = self.legs.iter().filter(|leg| leg.participant == *asked);
        if !of_asked.any(Leg::was_established) {
            // Who never answered has talked to nobody.
            return Some(outcome);
        }
        if !is_read {
            // Only what is read of that time says what it came to.
            return None;
        }
        let of = |id: &ParticipantId| {
            let party = snapshot.parties().find(|party| party.id == *id);
            party.map_or(&[][..], |party| &party.legs)
        };
        let (asker, asked) = (of(asker), of(asked));
        let told = |legs: &[LegView]| legs.iter().any(|leg| leg.conferences.is_some());
        if told(asker) && told(asked) {
            let conferences = |legs: &'_ [LegView]| -> Vec<(UtcMicros, UtcMicros)> {
                let told = legs.iter().filter_map(|leg| leg.conferences.as_deref());
                told.flatten().copied().collect()
            };
            let with = conferences(asked);
            let is_together = |(from, to): &(UtcMicros, UtcMicros)| {
                (with.iter()).any(|(other_from, other_to)| from < other_to && other_from < to)
            };
            return Some(if conferences(asker).iter().any(is_together) {
                Outcome::Conference
            } else {
                Outcome::Cancelled
            });
        }
        // Whoever takes the call back while the one asked talks on has perhaps joined both.
        let talks_on = |leg: &LegView, at: UtcMicros| {
            leg.connected.is_some_and(|connected| connected < at)
                && leg.ended.is_none_or(|ended| ended > at)
        };
        let may_have_joined = asker.iter().any(|asker| {
            let holds = || asker.past_spells.iter().filter(|past| !past.is_parking);
            holds().any(|hold| {
                talks_on(asker, hold.to) && asked.iter().any(|asked| talks_on(asked, hold.to))
            })
        });
        (!may_have_joined && !consult.is_undecided).then_some(Outcome::Cancelled)
    }

    /// Nothing was heard for a while: what became of consults may not be seen by how they end.
    pub(super) fn interrupt_consults(&mut self) {
        for consult in self
            .consults
            .0
            .iter_mut()
            .filter(|consult| !consult.is_over)
        {
            consult.is_unheard = true;
            consult.gone_until = None;
        }
    }

    /// By when it is known what became of a consult.
    pub(super) fn consults_gone_until(&self) -> Option<Duration> {
        let going = self.consults.0.iter().filter(|consult| !consult.is_over);
        going.filter_map(|consult| consult.gone_until).min()
    }

    /// Tells consults that came to nothing: a transfer would have been shown by now.
    pub(super) fn tell_gone_consults(&mut self, voice: &mut Voice<'_>) {
        for at in 0..self.consults.0.len() {
            let consult = &self.consults.0[at];
            let is_due = |until: Duration| until <= voice.showing.elapsed;
            if !consult.is_over && consult.gone_until.is_some_and(is_due) {
                self.end_consult_at(at, Outcome::Cancelled, None, voice);
            }
        }
    }

    /// The conversation that was asked has ended. That the call was handed on by it may be shown by this one alone, a moment
    /// later.
    pub(super) fn end_consult(
        &mut self,
        other: &ConversationId,
        outcome: Outcome,
        voice: &mut Voice<'_>,
    ) {
        let is_it = |consult: &Consult| {
            !consult.is_over && consult.asked == Asked::Conversation(other.clone())
        };
        let Some(at) = self.consults.0.iter().position(is_it) else {
            return;
        };
        if outcome == Outcome::Cancelled {
            let until = voice.showing.elapsed + LAGS;
            self.consults.0[at].gone_until.get_or_insert(until);
        } else {
            self.end_consult_at(at, outcome, None, voice);
        }
    }

    /// The call is over: nobody can be asked for it any more, even if the conversation that was asked goes on.
    pub(super) fn end_consults(&mut self, ended: Option<UtcMicros>, voice: &mut Voice<'_>) {
        for at in 0..self.consults.0.len() {
            let consult = &self.consults.0[at];
            if consult.is_over || consult.is_undecided || consult.is_unheard {
                continue;
            }
            self.end_consult_at(at, Outcome::Cancelled, ended, voice);
        }
    }

    fn end_consult_at(
        &mut self,
        at: usize,
        outcome: Outcome,
        time: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) {
        self.consults.0[at].is_over = true;
        let (kind, reason) = match outcome {
            Outcome::Transfer => (EventKind::ConsultCompleted, "transfer"),
            Outcome::Conference => (EventKind::ConsultCompleted, "conference"),
            Outcome::Cancelled => (EventKind::ConsultCancelled, ""),
        };
        let mut event = self.consult_event(kind, at, time, voice);
        if !reason.is_empty() {
            event.reason = reason.into();
        }
        voice.telling.push(event);
    }

    fn consult_event(
        &self,
        kind: EventKind,
        at: usize,
        time: Option<UtcMicros>,
        voice: &mut Voice<'_>,
    ) -> Event {
        let consult = &self.consults.0[at];
        let source = voice.showing.news();
        let asker = (consult.asker.as_ref())
            .and_then(|asker| self.legs.iter().rev().find(|leg| leg.participant == *asker));
        let mut event = match asker {
            Some(leg) => leg.event_about(kind, source, time, voice),
            None => self.call_event(kind, Occurrence::Once, source, time, voice),
        };
        event.id = voice.scribe.id_of(Fact {
            // The end of a consult is one fact, whatever it ends in.
            kind: if kind == EventKind::ConsultStarted {
                kind
            } else {
                EventKind::ConsultCompleted
            },
            subject: self.id.as_str(),
            part: consult.asker.as_ref().map_or("", |asker| asker.as_str()),
            ordinal: 0,
            occurrence: Occurrence::Once,
            apart: &[consult.asked.as_str()],
        });
        let (conversation, new) = match &consult.asked {
            Asked::Party(participant) => (None, self.reference(participant)),
            Asked::Conversation(conversation) => (Some(conversation.clone()), None),
        };
        event.detail = Some(Arc::new(Detail::Related {
            conversation,
            old: asker.map(Leg::reference),
            new,
        }));
        event
    }
}
