//! Calls to the outside: dialed by a user, promised for later, or placed by a dialer.

use super::legs::Arrival;
use super::stage::Next;
use super::{Place, World};
use crate::conversation::{Callback, Cause, Direction, Participant, Preview, Purpose, State};
use crate::script::{Line, Party, Trouble};
use crate::time::{Millis, Time};
use crate::truth::Kind;

impl World {
    /// A user dials out, on behalf of a queue or for nobody.
    pub(super) fn dial_out(
        &mut self,
        at: usize,
        party: Party,
        line: Option<Line>,
        phase: u8,
    ) -> Option<Next> {
        let queue = match line {
            Some(line) => Some(self.queue(at, line)?),
            None => None,
        };
        if phase > 0 {
            let who = self.place(at, party)?;
            let purpose = if queue.is_some() {
                Purpose::Customer
            } else {
                Purpose::External
            };
            let called = self.arrive_outside(at, purpose)?;
            self.cast(at, Party::Customer, called);
            let dnis = self.party(called)?.dnis.clone();
            self.party_mut(who)?.dnis = dnis.clone();
            self.conversations.get_mut(who.conversation)?.address = dnis;
            self.reach(who, called)?;
            return Some(Next::Step(self.moment(20, 50)));
        }
        if self.conversation_at(at).is_some() || !self.can_be_called(at, party) {
            return None;
        }
        let Some(user) = self.take_user(at, party, queue) else {
            return Some(Next::Wait);
        };
        self.plays.get_mut(at)?.call_mut()?.line = line;
        let purpose = if queue.is_some() {
            Purpose::Agent
        } else {
            Purpose::User
        };
        let arrival = self.calling_user(user, purpose, queue, String::new())?;
        let who = self.arrive(at, arrival)?;
        self.cast(at, party, who);
        self.require_after_call_work(at, party);
        self.publish(who.conversation);
        self.occupy(user, purpose);
        Some(Next::Again(self.moment(300, 800)))
    }

    /// The caller's station answered, and the other side is being dialed.
    fn reach(&mut self, caller: Place, called: Place) -> Option<()> {
        let peer = self.party(called)?.leg()?.id;
        self.party_mut(caller)?.leg_mut()?.peer = Some(peer);
        self.connect(caller);
        self.publish(caller.conversation);
        Some(())
    }

    /// The dialed party cannot be called. Which `disconnectType` the platform gives is not documented; the words of SIP
    /// (RFC 3261) are.
    pub(super) fn fail(&mut self, at: usize, party: Party, trouble: Trouble) -> Option<Next> {
        let place = self.place(at, party)?;
        let leg = self.party_mut(place)?.leg_mut()?;
        if leg.state != State::Dialing {
            return None;
        }
        let (cause, code, phrase) = match trouble {
            Trouble::Busy => (Cause::Error, 486, "Busy Here"),
            Trouble::Unreachable => (Cause::TransportFailure, 503, "Service Unavailable"),
        };
        leg.reason = Some(("sip", code, phrase));
        self.hang_up(place, cause);
        Some(Next::Step(self.moment(100, 150)))
    }

    fn call_for_later(
        &mut self,
        place: Place,
        state: State,
        preview: Option<Preview>,
        scheduled: Option<Time>,
    ) -> Option<()> {
        let id = self.ids.id();
        let outside = self.conversations.get(place.conversation)?;
        let outside = outside.participants.get(outside.outside()?)?;
        let (number, name) = (outside.dnis.clone(), outside.name.clone());
        self.party_mut(place)?.callbacks.push(Callback {
            id,
            state,
            initial: state,
            direction: Direction::Outbound,
            scheduled,
            connected: None,
            disconnected: None,
            cause: None,
            number: number.trim_start_matches("tel:").to_owned(),
            name,
            preview,
        });
        let kind = match state {
            State::Scheduled => Kind::CallbackScheduled,
            State::Alerting => Kind::CallbackAlerting,
            _ => return Some(()),
        };
        self.act(place, kind, None);
        Some(())
    }

    /// The party outside is promised a call; or a dialer has them for an agent to look at, who is then to call at once.
    pub(super) fn promise_call(
        &mut self,
        at: usize,
        party: Party,
        previewed: bool,
    ) -> Option<Next> {
        if self.conversation_at(at).is_some() {
            return None;
        }
        let arrival = self.party_outside(at, Purpose::Customer, false)?;
        let outside = self.appear(at, arrival)?;
        self.cast(at, party, outside);
        let mut preview = None;
        let mut scheduled = None;
        if previewed {
            preview = Some(self.enlist(outside));
        } else {
            // Without this time the callback is to be placed at once (description of `callbackScheduledTime`).
            scheduled = Some(self.now + self.paced(Millis(60_000)));
        }
        self.call_for_later(outside, State::Scheduled, preview, scheduled)?;
        self.publish(outside.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }

    /// A contact of a campaign. Its ids are attached to the participant under these names.
    fn enlist(&mut self, place: Place) -> Preview {
        let mut id = || self.ids.id();
        let preview = Preview {
            id: id(),
            contact: id(),
            contact_list: id(),
            campaign: id(),
        };
        for (key, id) in [
            ("dialerCampaignId", preview.campaign),
            ("dialerContactId", preview.contact),
            ("dialerContactListId", preview.contact_list),
        ] {
            self.attach(place, key, id.to_string().into());
        }
        preview
    }

    /// The callback is in a queue. No call is queued there, so this is no act of its own.
    pub(super) fn queue_callback(&mut self, at: usize, line: Line) -> Option<Next> {
        let outside = self.outside(at)?;
        let preview = self
            .party(outside)?
            .callback()
            .filter(|of| of.is_open())?
            .preview;
        let arrival = self.queue_party(at, line)?;
        let acd = self.appear(at, arrival)?;
        self.plays.get_mut(at)?.call_mut()?.line = Some(line);
        self.call_for_later(acd, State::Offering, preview, None)?;
        self.connect_callback(acd);
        self.publish(acd.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }

    fn connect_callback(&mut self, place: Place) {
        let now = self.now;
        let callback = (self.party_mut(place)).and_then(|party| party.callbacks.last_mut());
        let waits = |of: &&mut Callback| of.is_open() && of.connected.is_none();
        if let Some(callback) = callback.filter(waits) {
            (callback.state, callback.connected) = (State::Connected, Some(now));
            self.act(place, Kind::CallbackConnected, None);
        }
    }

    /// The queue offers the callback to a user.
    pub(super) fn offer_callback(&mut self, at: usize, party: Party) -> Option<Next> {
        let line = self.plays.get(at)?.call()?.line?;
        let queue = self.queue(at, line)?;
        let outside = self.party(self.outside(at)?)?;
        let preview = outside.callback().filter(|of| of.is_open())?.preview;
        let dnis = outside.address.clone();
        if !self.can_be_called(at, party) {
            return None;
        }
        let Some(user) = self.take_user(at, party, Some(queue)) else {
            return Some(Next::Wait);
        };
        let arrival = self.calling_user(user, Purpose::Agent, Some(queue), dnis)?;
        let agent = self.appear(at, arrival)?;
        self.cast(at, party, agent);
        self.call_for_later(agent, State::Alerting, preview, None)?;
        self.publish(agent.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }

    /// The user takes it; the queue has done its part.
    pub(super) fn take_callback(&mut self, at: usize, party: Party) -> Option<Next> {
        let agent = self.place(at, party)?;
        let who = self.party(agent)?;
        let user = who.user?;
        let callback = who.callback().filter(|of| of.is_open())?;
        if callback.connected.is_some() {
            return None;
        }
        self.connect_callback(agent);
        if let Some(outside) = self.outside(at) {
            self.connect_callback(outside);
        }
        let queue = self.open_at(at, |party| party.purpose == Purpose::Acd);
        if queue.is_empty() {
            self.publish(agent.conversation);
        }
        self.end_legs(&queue, Cause::Transfer);
        self.occupy(user, Purpose::Agent);
        Some(Next::Step(self.moment(60, 100)))
    }

    /// The user calls whoever was promised it: both participants get a call beside their callback.
    pub(super) fn call_back(
        &mut self,
        at: usize,
        from: Party,
        to: Party,
        phase: u8,
    ) -> Option<Next> {
        let (caller, called) = (self.place(at, from)?, self.place(at, to)?);
        if phase > 0 {
            self.set_up(called, State::Dialing, Direction::Outbound, None);
            let peer = self.party(caller)?.leg()?.id;
            self.party_mut(called)?.leg_mut()?.peer = Some(peer);
            self.reach(caller, called)?;
            return Some(Next::Step(self.moment(20, 50)));
        }
        let taken = |party: &Participant| {
            let callback = party.callback().filter(|of| of.is_open());
            party.legs.is_empty() && callback.is_some_and(|of| of.connected.is_some())
        };
        if caller == called || !taken(self.party(caller)?) || !taken(self.party(called)?) {
            return None;
        }
        self.set_up(caller, State::Contacting, Direction::Outbound, None);
        self.require_after_call_work(at, from);
        self.publish(caller.conversation);
        Some(Next::Again(self.moment(300, 800)))
    }

    /// The callback of a participant is over.
    pub(super) fn end_callback(&mut self, place: Place, cause: Cause) {
        let now = self.now;
        let callback = (self.party_mut(place)).and_then(|party| party.callbacks.last_mut());
        if let Some(callback) = callback.filter(|callback| callback.is_open()) {
            (callback.disconnected, callback.cause) = (Some(now), Some(cause));
            callback.state = State::Disconnected;
            self.act(place, Kind::CallbackDisconnected, None);
        }
    }

    /// A dialer calls somebody of a campaign. Its own participant talks from the beginning; what its leg is like is not
    /// documented.
    pub(super) fn dial_for_campaign(
        &mut self,
        at: usize,
        party: Party,
        purpose: Purpose,
    ) -> Option<Next> {
        if self.conversation_at(at).is_some() {
            return None;
        }
        let mut outside = self.party_outside(at, Purpose::Customer, false)?;
        let address = format!("sip:{}@127.0.0.1;user=dialer", self.ids.id());
        let dialer = Arrival {
            purpose,
            user: None,
            queue: None,
            name: "Spring campaign".to_owned(),
            ani: address.clone(),
            dnis: outside.dnis.clone(),
            address,
            state: State::Connected,
            direction: Direction::Outbound,
            peer: None,
            touched: None,
        };
        let dialer = self.arrive(at, dialer)?;
        self.connect(dialer);
        outside.peer = Some(self.party(dialer)?.leg()?.id);
        let outside = self.arrive(at, outside)?;
        let peer = self.party(outside)?.leg()?.id;
        self.party_mut(dialer)?.leg_mut()?.peer = Some(peer);
        self.cast(at, party, outside);
        self.enlist(outside);
        self.publish(outside.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }

    /// The dialer heard what answered.
    pub(super) fn classify(&mut self, at: usize, what: &'static str) -> Option<Next> {
        let outside = self.outside(at)?;
        let leg = self.party_mut(outside)?.leg_mut()?;
        if !leg.is_connected() {
            return None;
        }
        leg.disposition = Some(what);
        self.publish(outside.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }
}
