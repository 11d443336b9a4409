//! A conversation that an earlier process knew: made again from the events that were told of it.

use std::sync::Arc;

use super::Conversation;
use crate::calls::identity::{Occurrence, Scribe};
use crate::calls::leg::Leg;
use crate::calls::restore;
use crate::model::event::{Connection, Detail, Event, EventKind};
use crate::model::id::ParticipantId;
use crate::model::time::UtcMicros;

impl Conversation {
    /// This event of it was told.
    pub(in super::super) fn restore(
        &mut self,
        event: &Event,
        facts: &Arc<Connection>,
        scribe: &mut Scribe,
    ) {
        use EventKind as Kind;
        // Whatever else was told came after that.
        self.told.first(Kind::CallCreated);
        match (event.kind, &facts.participant) {
            (Kind::ConsultStarted | Kind::ConsultCompleted | Kind::ConsultCancelled, asker) => {
                let legs = self.legs.iter().map(|leg| &leg.participant);
                let members = self.members.iter().map(|member| &member.id);
                let known: Vec<ParticipantId> = legs.chain(members).cloned().collect();
                let asker = asker.as_ref();
                (self.consults).restore(event, &self.id, asker, &known, scribe);
            }
            (Kind::CallCleared, _) => self.restore_cleared(event, scribe),
            (Kind::CallTerminated, _) => {
                self.told.first(Kind::CallTerminated);
                self.is_cleared = true;
                // Bodies that show so are not awaited.
                self.legs.iter_mut().for_each(Leg::put_away);
            }
            (Kind::Conferenced, _) => {
                self.told.first(Kind::Conferenced);
                self.restore_conference(event);
            }
            (
                Kind::AttributeChanged
                | Kind::WrapUp
                | Kind::AfterCallWorkStarted
                | Kind::AfterCallWorkEnded
                | Kind::CallbackScheduled
                | Kind::CallbackDelivered
                | Kind::CallbackEstablished
                | Kind::CallbackCleared,
                Some(participant),
            ) => {
                let member = self.member(participant);
                self.members[member].restore(event, facts, &mut self.attributes, scribe);
            }
            (_, Some(participant)) => self.restore_leg(event, participant, facts, scribe),
            (_, None) => {}
        }
    }

    fn restore_cleared(&mut self, event: &Event, scribe: &mut Scribe) {
        let id = self.id.as_str();
        let mut number = |n: u32| scribe.id(event.kind, id, "", 0, Occurrence::Nth(n)) == event.id;
        let earlier = if event.id_exact {
            Some(0)
        } else {
            (1..=64).find(|n| number(*n))
        };
        self.clearings = earlier.unwrap_or(self.clearings) + 1;
        self.is_cleared = true;
    }

    fn restore_conference(&mut self, event: &Event) {
        let Some(Detail::Conference { parties }) = event.detail.as_deref() else {
            return;
        };
        for party in parties.iter() {
            let is_it = |leg: &&mut Leg| {
                leg.participant == party.participant
                    && leg.facts().communication == party.communication
            };
            if let Some(leg) = self.legs.iter_mut().rev().find(is_it) {
                leg.conferred = true;
            }
        }
    }

    fn restore_leg(
        &mut self,
        event: &Event,
        participant: &ParticipantId,
        facts: &Arc<Connection>,
        scribe: &mut Scribe,
    ) {
        let own = || (self.legs.iter()).filter(|leg| leg.participant == *participant);
        let starts: Vec<UtcMicros> = own().flat_map(Leg::known_starts).collect();
        let counted = own().next_back().map_or(0, |leg| leg.changes(event.kind));
        let whose = (self.id.as_str(), participant.as_str());
        let place = restore::place(event, whose, &starts, counted, scribe);
        // The participant's last call, if its id is of a kind that this version does not make.
        let last = || own().map(|leg| leg.ordinal).max();
        let ordinal = place.map_or_else(|| last().unwrap_or(0), |(ordinal, _)| ordinal);
        let is_it = |leg: &Leg| leg.ordinal == ordinal && leg.participant == *participant;
        let at = self.legs.iter().position(is_it).unwrap_or_else(|| {
            self.legs.push(Leg::restored(facts, participant, ordinal));
            self.legs.len() - 1
        });
        self.legs[at].restore(event, facts, place.map(|(_, occurrence)| occurrence));
    }

    /// All of it that was kept is restored.
    pub(in super::super) fn settle_restored(&mut self) {
        // The call may have gone on after it was cleared.
        self.is_cleared &= self.legs.iter().all(Leg::is_cleared);
    }
}
