//! More than two: consults, conferences and supervisors.
//!
//! What the platform does here is documented only by its models (NET 270.0.0) and the descriptions of their members.
//! Where those are silent this region does the simplest that they allow, and a comment says so.

use super::stage::Next;
use super::{Place, World};
use crate::conversation::{
    Cause, Consult, Consulted, Observation, Observing, Participant, Purpose, State, TransferState,
};
use crate::script::{Call, Party};
use crate::truth::Kind;

impl World {
    /// Somebody came, was held, taken back or set apart: whether people are now in conference, and who.
    pub(super) fn talk_changed(&mut self, at: usize) {
        let Some(conversation) = self.conversations.get_mut(at) else {
            return;
        };
        let talkers: Vec<usize> = (0..)
            .zip(&conversation.participants)
            .filter(|(_, party)| party.talks())
            .map(|(participant, _)| participant)
            .collect();
        if talkers.len() < 3 {
            return;
        }
        let first = conversation.conferenced.is_empty();
        let known = conversation.conferenced.as_slice();
        let new: Vec<usize> = (talkers.iter().copied())
            .filter(|talker| !known.contains(talker))
            .collect();
        conversation.conferenced.extend(&new);
        for talker in talkers {
            if !conversation.conference.contains(&talker) {
                conversation.conference.push(talker);
            }
        }
        if first {
            self.act_of_all(at, Kind::Conferenced);
        } else {
            for participant in new {
                let conversation = at;
                let place = Place {
                    conversation,
                    participant,
                };
                self.act(place, Kind::PartyAdded, None);
            }
        }
    }

    /// Whoever leaves a conference that goes on without them is a party that left; else it is over.
    pub(super) fn leave_conference(&mut self, at: usize, who: &[Place]) {
        let Some(conversation) = self.conversations.get_mut(at) else {
            return;
        };
        let leaves =
            |participant: &usize| who.iter().any(|place| place.participant == *participant);
        let (left, stay): (Vec<usize>, Vec<usize>) =
            (conversation.conference.iter()).partition(|participant| leaves(participant));
        if left.is_empty() {
            return;
        }
        if stay.len() < 2 {
            conversation.conference.clear();
            return;
        }
        conversation.conference = stay;
        for participant in left {
            let conversation = at;
            let place = Place {
                conversation,
                participant,
            };
            self.act(place, Kind::PartyLeft, None);
        }
    }

    /// The consults that end since a participant's part does: those that they asked for, and those with them. Whoever
    /// asked goes back to the call.
    pub(super) fn end_consults(&mut self, place: Place) {
        let Some(id) = self.party(place).map(|party| party.id) else {
            return;
        };
        let asked = |party: &Participant| {
            let open = party.consult.filter(|consult| consult.is_open);
            open.is_some_and(|consult| party.id == id || consult.with == Consulted::Participant(id))
        };
        for asking in self.open(place.conversation, asked) {
            self.cancel_consult(asking, asking != place);
        }
    }

    /// A consult leads to nothing. The platform takes the member away [not documented; who reads only the flat form
    /// could not tell otherwise that it is over].
    pub(super) fn cancel_consult(&mut self, asking: Place, goes_back: bool) {
        let Some(party) = self.party_mut(asking) else {
            return;
        };
        party.consult = None;
        self.settle_transfer(asking.conversation, TransferState::Canceled);
        self.act(asking, Kind::ConsultCancelled, None);
        if goes_back {
            self.take_back(asking);
        }
    }

    /// The newest transfer of a conversation that is still open comes to this.
    pub(super) fn settle_transfer(&mut self, conversation: usize, state: TransferState) {
        let open = |state| matches!(state, TransferState::Pending | TransferState::Active);
        let transfers = self
            .conversations
            .get_mut(conversation)
            .map(|conversation| conversation.transfers.as_mut_slice());
        if let Some(transfer) = (transfers.unwrap_or_default().iter_mut())
            .rev()
            .find(|transfer| open(transfer.state))
        {
            transfer.state = state;
        }
    }

    /// A colleague alerts, called by a party of the conversation that the story is at.
    fn ring(&mut self, at: usize, from: Place, to: Party, user: usize) -> Option<Place> {
        let caller = self.party(from)?;
        let (ani, peer) = (caller.address.clone(), caller.leg()?.id);
        let mut arrival = self.called_user(at, user, Purpose::User, None)?;
        (arrival.ani, arrival.peer) = (ani, Some(peer));
        let called = self.arrive(at, arrival)?;
        self.cast(at, to, called);
        Some(called)
    }

    /// A consult in the conversation itself. The member that tells it is `consultParticipantId`; the asking leg is held
    /// [a recorder's rule; the platform's models have no word on it], so that no three people talk.
    pub(super) fn consult(&mut self, at: usize, from: Party, to: Party) -> Option<Next> {
        let asking = self.speaking(at, from)?;
        if self.consults(asking) || !self.can_be_called(at, to) {
            return None;
        }
        let Some(user) = self.take_user(at, to, None) else {
            return Some(Next::Wait);
        };
        let called = self.ring(at, asking, to, user)?;
        let with = Consulted::Participant(self.party(called)?.id);
        self.begin_asking(asking, with, user)?;
        Some(Next::Step(self.moment(100, 200)))
    }

    /// A consult in a conversation of its own: `consultationConversations` of the first names it, its
    /// `associatedConversation` the first [what becomes of the legs of the second one when the consult is completed is
    /// not documented: they end, and the colleague becomes a new participant of the first].
    pub(super) fn consult_apart(
        &mut self,
        at: usize,
        from: Party,
        to: Party,
        phase: u8,
    ) -> Option<Next> {
        if phase == 0 {
            let asking = self.speaking(at, from)?;
            let open = self.plays.get(at)?.calls.len() == 1;
            if !open || self.consults(asking) || !self.can_be_called(at, to) {
                return None;
            }
            let Some(user) = self.take_user(at, to, None) else {
                return Some(Next::Wait);
            };
            self.turn_to(at, Call::SecondCall)?;
            let next = self.call_colleague(at, from, to, 0)?;
            let second = self.conversation_at(at)?;
            let first = self.conversations.get(asking.conversation)?.id;
            self.conversations.get_mut(second)?.associated = Some(first);
            let second_id = self.conversations.get(second)?.id;
            self.conversations
                .get_mut(asking.conversation)?
                .consultations
                .push(second_id);
            self.begin_asking(asking, Consulted::Conversation(second_id), user)?;
            self.publish(second);
            return Some(next);
        }
        self.call_colleague(at, from, to, phase)
    }

    fn begin_asking(&mut self, asking: Place, with: Consulted, user: usize) -> Option<()> {
        let is_open = true;
        self.party_mut(asking)?.consult = Some(Consult { with, is_open });
        let address = self.user_address(user);
        self.note_transfer(asking, Some(user), address, true);
        let (Consulted::Participant(id) | Consulted::Conversation(id)) = with;
        self.act(asking, Kind::ConsultStarted, Some(id.to_string()));
        self.put_on_hold(asking);
        self.publish(asking.conversation);
        Some(())
    }

    fn consults(&self, place: Place) -> bool {
        let consult = self.party(place).and_then(|party| party.consult);
        consult.is_some_and(|consult| consult.is_open)
    }

    /// Somebody answered: if they were asked for a consult, it is active now.
    pub(super) fn begin_consult(&mut self, place: Place) {
        let Some(conversation) = self.conversations.get(place.conversation) else {
            return;
        };
        let with = (self.party(place)).map(|party| Consulted::Participant(party.id));
        let asked = |party: &Participant| {
            let consult = party.consult.filter(|consult| consult.is_open);
            consult.is_some_and(|consult| Some(consult.with) == with)
        };
        let first = conversation.associated;
        if conversation.participants.iter().any(asked) {
            self.settle_transfer(place.conversation, TransferState::Active);
        } else if let Some(first) = first.and_then(|id| self.conversation_by_id.get(&id).copied()) {
            self.settle_transfer(first, TransferState::Active);
            self.publish(first);
        }
    }

    /// The party who asked leaves the call to the colleague, who must have answered.
    pub(super) fn complete_consult(&mut self, at: usize, party: Party) -> Option<Next> {
        let asking = self.speaking(at, party)?;
        let consult = self.party(asking)?.consult.filter(|of| of.is_open)?;
        let apart = match consult.with {
            Consulted::Participant(id) => {
                let talks = self.open(asking.conversation, |party| {
                    party.id == id && party.is_connected()
                });
                // From now on they are the customer's other side.
                let customer = self.outside(at).and_then(|place| self.party(place));
                let customer = customer.and_then(|party| Some(party.leg()?.id));
                self.party_mut(*talks.first()?)?.leg_mut()?.peer = customer;
                Vec::new()
            }
            Consulted::Conversation(id) => {
                let second = *self.conversation_by_id.get(&id)?;
                let own = self.party(asking)?.user;
                let talks = self.open(second, |party| party.user != own && party.is_connected());
                let user = self.party(*talks.first()?)?.user?;
                let mut arrival = self.called_user(at, user, Purpose::User, None)?;
                arrival.state = State::Connected;
                let colleague = self.arrive(at, arrival)?;
                let users = self.plays.get(at)?.users.iter();
                let role = users.copied().find(|(_, known)| *known == user);
                if let Some((role, _)) = role {
                    self.cast(at, role, colleague);
                }
                self.connect(colleague);
                self.begin_recording(asking.conversation);
                self.open(second, |_| true)
            }
        };
        self.party_mut(asking)?.consult = Some(Consult {
            is_open: false,
            ..consult
        });
        self.settle_transfer(asking.conversation, TransferState::Complete);
        self.act(asking, Kind::ConsultCompleted, Some("transfer".to_owned()));
        self.act(asking, Kind::Transferred, Some("attended".to_owned()));
        let own = self.party(asking)?.user;
        self.end_legs(&[asking], Cause::TransferConsult);
        self.end_apart(&apart, own);
        Some(Next::Step(self.moment(100, 200)))
    }

    /// The conversation of a consult ends: whoever asked hangs up.
    fn end_apart(&mut self, legs: &[Place], asking: Option<usize>) {
        for place in legs {
            let asked = self.party(*place).is_some_and(|party| party.user == asking);
            let cause = if asked { Cause::Client } else { Cause::Peer };
            self.end_legs(&[*place], cause);
        }
    }

    /// The party who asked goes back to the call.
    pub(super) fn give_up_consult(&mut self, at: usize, party: Party) -> Option<Next> {
        let asking = self.speaking(at, party)?;
        let consult = self.party(asking)?.consult.filter(|of| of.is_open)?;
        self.cancel_consult(asking, true);
        match consult.with {
            Consulted::Participant(id) => {
                let called = self.open(asking.conversation, |party| party.id == id);
                self.end_legs(&called, Cause::Peer);
            }
            Consulted::Conversation(id) => {
                self.publish(asking.conversation);
                let second = *self.conversation_by_id.get(&id)?;
                let own = self.party(asking)?.user;
                let open = self.open(second, |_| true);
                self.end_apart(&open, own);
            }
        }
        Some(Next::Step(self.moment(100, 200)))
    }

    /// The conversation of a consult is over: if the consult is not, it led to nothing.
    pub(super) fn end_consult_apart(&mut self, second: usize) {
        let Some(over) = self.conversations.get(second) else {
            return;
        };
        let with = Consulted::Conversation(over.id);
        let first = over
            .associated
            .and_then(|id| self.conversation_by_id.get(&id));
        let Some(first) = first.copied() else {
            return;
        };
        let asked = |party: &Participant| {
            let consult = party.consult.filter(|consult| consult.is_open);
            consult.is_some_and(|consult| consult.with == with)
        };
        for asking in self.open(first, asked) {
            self.cancel_consult(asking, true);
            self.publish(first);
        }
    }

    /// The party who asked brings all together. The consult is over by that, and its member goes
    /// [not documented; who reads only the flat form could not tell otherwise that it is over].
    pub(super) fn join_consult(&mut self, at: usize, party: Party) -> Option<Next> {
        let asking = self.speaking(at, party)?;
        let consult = self.party(asking)?.consult.filter(|of| of.is_open)?;
        let talks = self.open(asking.conversation, |party| {
            consult.with == Consulted::Participant(party.id) && party.is_connected()
        });
        talks.first()?;
        self.party_mut(asking)?.consult = None;
        self.settle_transfer(asking.conversation, TransferState::Complete);
        self.act(
            asking,
            Kind::ConsultCompleted,
            Some("conference".to_owned()),
        );
        self.take_back(asking);
        self.talk_changed(asking.conversation);
        self.publish(asking.conversation);
        Some(Next::Step(self.moment(100, 200)))
    }

    /// A colleague is called into the call.
    pub(super) fn add_party(&mut self, at: usize, from: Party, to: Party) -> Option<Next> {
        let from = self.speaking(at, from)?;
        if !self.can_be_called(at, to) {
            return None;
        }
        let Some(user) = self.take_user(at, to, None) else {
            return Some(Next::Wait);
        };
        let called = self.ring(at, from, to, user)?;
        self.publish(called.conversation);
        Some(Next::Step(self.moment(100, 200)))
    }

    /// A user calls a colleague: a conversation without anybody outside.
    pub(super) fn call_colleague(
        &mut self,
        at: usize,
        from: Party,
        to: Party,
        phase: u8,
    ) -> Option<Next> {
        if phase > 0 {
            let caller = self.place(at, from)?;
            let user = self.plays.get(at)?.user(to)?;
            self.connect(caller);
            let called = self.ring(at, caller, to, user)?;
            let peer = self.party(called)?.leg()?.id;
            self.party_mut(caller)?.leg_mut()?.peer = Some(peer);
            self.publish(caller.conversation);
            return Some(Next::Step(self.moment(20, 50)));
        }
        let caller_can = from != Party::Customer && from != to;
        if !caller_can || self.conversation_at(at).is_some() || !self.can_be_called(at, to) {
            return None;
        }
        let Some(called) = self.take_user(at, to, None) else {
            return Some(Next::Wait);
        };
        let Some(user) = self.take_user(at, from, None) else {
            return Some(Next::Wait);
        };
        let arrival = self.calling_user(user, Purpose::User, None, self.user_address(called))?;
        let caller = self.arrive(at, arrival)?;
        self.cast(at, from, caller);
        self.publish(caller.conversation);
        self.occupy(user, Purpose::User);
        Some(Next::Again(self.moment(300, 800)))
    }

    /// A supervisor takes part in the call of a user. Their station is called first; the members that say of whom they
    /// take part come when it answers [when exactly is not documented].
    pub(super) fn observe(
        &mut self,
        at: usize,
        who: Party,
        of: Party,
        how: Observing,
        phase: u8,
    ) -> Option<Next> {
        let of = self.speaking(at, of)?;
        let there = self.place(at, who).filter(|place| *place != of);
        let there = there.filter(|place| self.party(*place).is_some_and(Participant::is_open));
        let Some(there) = there else {
            if phase > 0 || !self.can_be_called(at, who) {
                return None;
            }
            let Some(user) = self.take_user(at, who, None) else {
                return Some(Next::Wait);
            };
            let dnis = self.party(of)?.address.clone();
            let peer = self.party(of)?.leg()?.id;
            let mut arrival = self.calling_user(user, Purpose::User, None, dnis)?;
            arrival.peer = Some(peer);
            let supervisor = self.arrive(at, arrival)?;
            self.cast(at, who, supervisor);
            self.publish(supervisor.conversation);
            self.occupy(user, Purpose::User);
            return Some(Next::Again(self.moment(300, 800)));
        };
        let participant = self.party(of)?.id;
        let known = self.party(there)?.observes;
        // Only a supervisor observes, and who barged in is no observer any more.
        let starts = phase > 0 && known.is_none();
        let goes_on = known.is_some_and(|now| now.how != how && now.how != Observing::Barges);
        if !starts && !goes_on {
            return None;
        }
        let since = self.now;
        self.party_mut(there)?.observes = Some(Observation {
            how,
            participant,
            since,
        });
        self.connect(there);
        let kind = match how {
            Observing::Monitors => Kind::MonitoringStarted,
            Observing::Coaches => Kind::CoachingStarted,
            Observing::Barges => Kind::BargedIn,
        };
        self.act(there, kind, None);
        self.begin_recording(there.conversation);
        if goes_on {
            self.talk_changed(there.conversation);
        }
        self.publish(there.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }
}
