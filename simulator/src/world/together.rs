//! More than two: consults, conferences and supervisors.
//!
//! What the platform does here is documented only by its models (NET 270.0.0) and the descriptions of their members.
//! Where those are silent this region does the simplest that they allow, and a comment says so.

use super::{Place, World};
use crate::conversation::{Consulted, Participant, State, TransferState};
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
        conversation.conference = talkers;
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

    /// A leg comes back from hold, if it is on hold.
    pub(super) fn take_back(&mut self, place: Place) {
        let now = self.now;
        let leg = self.party_mut(place).and_then(Participant::leg_mut);
        if let Some(leg) = leg.filter(|leg| leg.is_open() && leg.held.is_some()) {
            leg.held = None;
            leg.segment("Interact", now);
            self.act(place, Kind::Retrieved, None);
            self.talk_changed(place.conversation);
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

    /// The callback of a participant is over.
    pub(super) fn end_callback(&mut self, place: Place, cause: crate::conversation::Cause) {
        let now = self.now;
        let callback = self
            .party_mut(place)
            .and_then(|party| party.callbacks.last_mut());
        if let Some(callback) = callback.filter(|callback| callback.is_open()) {
            (callback.disconnected, callback.cause) = (Some(now), Some(cause));
            callback.state = State::Disconnected;
            self.act(place, Kind::CallbackDisconnected, None);
        }
    }
}
