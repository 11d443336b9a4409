//! Consults: a party asks another one while the call waits.
//!
//! In one conversation the asking participant names the asked one (`consultParticipantId`). In a conversation of its own,
//! the first one lists it (`consultationConversations`) and the second one names the first (`associatedConversation`);
//! only the nested shape tells of these.
//!
//! A consult ends once, as a transfer, as a conference, or cancelled: one id for the end of a consult, whichever it is.

use std::sync::Arc;

use super::conversation::Conversation;
use super::identity::{Fact, Occurrence};
use super::leg::{End, Leg};
use super::snapshot::Snapshot;
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
                self.end_consult_at(at, outcome, time, voice);
                if let Some(time) = time {
                    // A consult that is learned with its end began before that.
                    voice.telling.date_back(first, time);
                }
            }
        }
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
            // Whoever of the conversation hands the call on by consulting has asked.
            None => leg.end == End::ConsultTransfer,
        };
        let asker = self.legs.iter().rev().find(asker);
        if let Some(asker) = asker.filter(|asker| asker.is_cleared()) {
            let outcome = if asker.end == End::ConsultTransfer {
                Outcome::Transfer
            } else {
                Outcome::Cancelled
            };
            return Some((outcome, asker.ended));
        }
        let Asked::Party(asked) = &consult.asked else {
            // It is not told who asks: at the latest the consult is over with the call.
            let is_over = !self.legs.is_empty() && self.legs.iter().all(Leg::is_cleared);
            let ended = self.legs.iter().filter_map(|leg| leg.ended).max();
            return is_over.then_some((Outcome::Cancelled, ended));
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

    /// The conversation that was asked has ended.
    pub(super) fn end_consult(
        &mut self,
        other: &ConversationId,
        outcome: Outcome,
        voice: &mut Voice<'_>,
    ) {
        let is_it = |consult: &Consult| {
            !consult.is_over && consult.asked == Asked::Conversation(other.clone())
        };
        if let Some(at) = self.consults.0.iter().position(is_it) {
            self.end_consult_at(at, outcome, None, voice);
        }
    }

    /// The call is over: nobody can be asked for it any more, even if the conversation that was asked goes on.
    pub(super) fn end_consults(&mut self, ended: Option<UtcMicros>, voice: &mut Voice<'_>) {
        for at in 0..self.consults.0.len() {
            if !self.consults.0[at].is_over {
                self.end_consult_at(at, Outcome::Cancelled, ended, voice);
            }
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
            event.reason = Arc::from(reason);
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
