//! What becomes of participants and their legs: they come, are answered, change, end and are put away; agents work on
//! after them. All that the platform does by itself when a story says who does what.

use super::stage::Next;
use super::{Due, Place, World};
use crate::chance::Id;
use crate::conversation::{
    AfterCallWork, Cause, Conversation, Direction, Leg, Participant, Purpose, Recording, State,
    Touched, Transfer, TransferState, Wrapup,
};
use crate::script::Party;
use crate::time::{Millis, Time};
use crate::truth::Kind;

/// What a new participant is.
pub(super) struct Arrival {
    pub(super) purpose: Purpose,
    pub(super) user: Option<usize>,
    pub(super) queue: Option<usize>,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) ani: String,
    pub(super) dnis: String,
    pub(super) state: State,
    pub(super) direction: Direction,
    /// The leg at the other side; that of the party outside, if none is named.
    pub(super) peer: Option<Id>,
    /// What it touches.
    pub(super) touched: Option<Touched>,
}

/// What the end of a leg is that nobody ever answered, beside its end.
fn unanswered(purpose: Purpose, initial: State, cause: Cause) -> Option<Kind> {
    let offer = purpose == Purpose::Agent && initial == State::Alerting;
    match cause {
        Cause::TransferForward | Cause::TransferNoAnswer => Some(Kind::Diverted),
        Cause::Client | Cause::Timeout if offer => Some(Kind::Diverted),
        Cause::Client if initial == State::Alerting => Some(Kind::Failed),
        Cause::Timeout | Cause::System | Cause::Error | Cause::TransportFailure => {
            Some(Kind::Failed)
        }
        _ => None,
    }
}

impl World {
    /// A participant comes with a call, to the conversation that the play is at; the first one begins it.
    pub(super) fn arrive(&mut self, at: usize, arrival: Arrival) -> Option<Place> {
        let (state, direction, peer) = (arrival.state, arrival.direction, arrival.peer);
        let place = self.appear(at, arrival)?;
        self.set_up(place, state, direction, peer);
        Some(place)
    }

    /// A participant comes, without a call.
    pub(super) fn appear(&mut self, at: usize, arrival: Arrival) -> Option<Place> {
        let now = self.now;
        let conversation = match self.conversation_at(at) {
            Some(conversation) => conversation,
            None => self.begin_conversation(at, arrival.dnis.clone())?,
        };
        let id = self.ids.id();
        let place = self.conversations.get_mut(conversation)?;
        if place.ended.is_some() {
            return None;
        }
        let touched = arrival.touched;
        let known = |known: &Touched| touched.as_ref().is_some_and(|new| new.id == known.id);
        if !place.touched.iter().any(known) {
            place.touched.extend(touched);
        }
        place.participants.push(Participant {
            id,
            purpose: arrival.purpose,
            name: arrival.name,
            started: now,
            user: arrival.user,
            queue: arrival.queue,
            address: arrival.address,
            ani: arrival.ani,
            dnis: arrival.dnis,
            attributes: Vec::new(),
            wrapup: None,
            legs: Vec::new(),
            callbacks: Vec::new(),
            consult: None,
            observes: None,
            told: false,
        });
        let participant = place.participants.len() - 1;
        Some(Place {
            conversation,
            participant,
        })
    }

    fn begin_conversation(&mut self, at: usize, address: String) -> Option<usize> {
        let play = self.plays.get_mut(at)?;
        let begun = self.conversations.next_number();
        let call = play.call_mut()?;
        call.conversation = Some(begun);
        let (id, script) = (call.id, play.script.name);
        self.conversations.push(Conversation {
            id,
            play: at,
            started: self.now,
            ended: None,
            address,
            participants: Vec::new(),
            transfers: Vec::new(),
            consultations: Vec::new(),
            associated: None,
            touched: Vec::new(),
            recording: Recording::None,
            script,
            conference: Vec::new(),
            conferenced: Vec::new(),
        });
        self.conversation_by_id.insert(id, begun);
        self.publications
            .push(super::publication::Publication::default());
        self.truth.conversations += 1;
        self.act_of_all(begun, Kind::ConversationStarted);
        Some(begun)
    }

    /// A participant gets a call.
    pub(super) fn set_up(
        &mut self,
        place: Place,
        state: State,
        direction: Direction,
        peer: Option<Id>,
    ) {
        let (id, now) = (self.ids.id(), self.now);
        let Some(conversation) = self.conversations.get_mut(place.conversation) else {
            return;
        };
        let outside = conversation
            .outside()
            .filter(|outside| *outside != place.participant)
            .and_then(|outside| conversation.participants.get(outside)?.leg())
            .map(|leg| leg.id);
        let Some(party) = conversation.participants.get_mut(place.participant) else {
            return;
        };
        let purpose = party.purpose;
        let leg = Leg::new(id, peer.or(outside), direction, state, now);
        party.legs.push(leg);
        self.truth.legs += 1;
        let kind = match state {
            State::Alerting => Some(Kind::Alerting),
            State::Dialing => Some(Kind::Dialing),
            State::Contacting => Some(Kind::Contacting),
            State::Offering => Some(Kind::Offering),
            _ => None,
        };
        if let Some(kind) = kind {
            self.act(place, kind, None);
        }
        if purpose == Purpose::Acd {
            self.act(place, Kind::Queued, None);
        }
    }

    /// A system party answers within a moment.
    pub(super) fn connect_soon(&mut self, place: Place) -> Next {
        let after = self.moment(20, 150);
        self.expect(after, Due::Connects(place));
        let then = self.moment(20, 50);
        Next::Step(Millis(after.0 + then.0))
    }

    /// A leg is answered.
    pub(super) fn connect(&mut self, place: Place) {
        let now = self.now;
        let Some(party) = self.party_mut(place) else {
            return;
        };
        let purpose = party.purpose;
        let Some(leg) = (party.leg_mut()).filter(|leg| leg.is_open() && leg.connected.is_none())
        else {
            return;
        };
        leg.connected = Some(now);
        leg.state = State::Connected;
        leg.segment(
            if purpose == Purpose::Ivr {
                "IVR"
            } else {
                "Interact"
            },
            now,
        );
        self.act(place, Kind::Connected, None);
        if purpose == Purpose::Ivr {
            self.act(place, Kind::FlowEntered, None);
        }
        self.talk_changed(place.conversation);
    }

    /// Something changes on a connected leg.
    pub(super) fn change(
        &mut self,
        at: usize,
        party: Party,
        kind: Kind,
        change: impl FnOnce(&mut Leg, Time),
    ) -> Option<Next> {
        let now = self.now;
        let place = self.speaking(at, party)?;
        let leg = self.party_mut(place)?.leg_mut()?;
        // What is so already cannot become so.
        let can = match kind {
            Kind::Muted => !leg.muted,
            Kind::Unmuted => leg.muted,
            Kind::Confined => !leg.confined,
            Kind::Unconfined => leg.confined,
            Kind::Parked => !leg.is_parked(),
            Kind::Unparked => leg.is_parked(),
            _ => true,
        };
        if !can {
            return None;
        }
        change(leg, now);
        self.act(place, kind, None);
        self.talk_changed(place.conversation);
        self.publish(place.conversation);
        Some(Next::Step(self.moment(5, 20)))
    }

    /// Two people talk: from now on they are recorded, unless the recording pauses for a secret.
    pub(super) fn begin_recording(&mut self, conversation: usize) {
        let (speaking, secret) = self.speaking_in(conversation);
        if speaking.len() < 2 {
            return;
        }
        if let Some(conversation) = self.conversations.get_mut(conversation)
            && conversation.recording == Recording::None
        {
            conversation.recording = Recording::Active;
        }
        for place in speaking {
            let leg = self.party_mut(place).and_then(Participant::leg_mut);
            let Some(leg) = leg.filter(|leg| leg.recording == Recording::None) else {
                continue;
            };
            leg.recording = Recording::Active;
            if secret {
                leg.recording = Recording::Paused;
                self.act(place, Kind::RecordingPaused, Some("secure".to_owned()));
            }
        }
    }

    /// The recording of all who speak pauses, for a secret that `place` is to keep.
    pub(super) fn pause_securely(&mut self, place: Place) {
        let (speaking, secret) = self.speaking_in(place.conversation);
        if secret || speaking.len() < 2 || !speaking.contains(&place) {
            return;
        }
        if let Some(leg) = self.party_mut(place).and_then(Participant::leg_mut) {
            leg.secure_pause = true;
        }
        for place in speaking {
            self.pause_recording(place, "secure");
        }
    }

    /// The recording of a leg pauses.
    pub(super) fn pause_recording(&mut self, place: Place, reason: &str) {
        let leg = self.party_mut(place).and_then(Participant::leg_mut);
        if let Some(leg) = leg.filter(|leg| leg.recording == Recording::Active) {
            leg.recording = Recording::Paused;
            self.act(place, Kind::RecordingPaused, Some(reason.to_owned()));
            if let Some(conversation) = self.conversations.get_mut(place.conversation) {
                conversation.recording = Recording::Paused;
            }
        }
    }

    /// Every recording that pauses goes on.
    pub(super) fn resume_recording(&mut self, conversation: usize) {
        let (speaking, _) = self.speaking_in(conversation);
        for place in speaking {
            let Some(leg) = self.party_mut(place).and_then(Participant::leg_mut) else {
                continue;
            };
            leg.secure_pause = false;
            if leg.recording == Recording::Paused {
                leg.recording = Recording::Active;
                self.act(place, Kind::RecordingResumed, None);
                if let Some(conversation) = self.conversations.get_mut(conversation) {
                    conversation.recording = Recording::Active;
                }
            }
        }
    }

    /// The people who are on the line and no mere observers, and whether the recording pauses for a secret.
    fn speaking_in(&self, conversation: usize) -> (Vec<Place>, bool) {
        let secret = self.conversations.get(conversation);
        let speaking = self.open(conversation, |party| {
            party.purpose.is_person() && party.is_connected() && !party.is_observer()
        });
        (speaking, secret.is_some_and(Conversation::secure_pause))
    }

    /// A party hands the call on without speaking to whoever gets it.
    pub(super) fn hand_over(&mut self, from: Place, to: Option<usize>, address: String) {
        self.note_transfer(from, to, address, false);
        self.act(from, Kind::Transferred, Some("blind".to_owned()));
    }

    /// Notes among the conversation's transfers that somebody asked for one.
    pub(super) fn note_transfer(
        &mut self,
        from: Place,
        to: Option<usize>,
        address: String,
        attended: bool,
    ) {
        let (id, now) = (self.ids.id(), self.now);
        let by = self.party(from).and_then(|party| party.user);
        if let Some(conversation) = self.conversations.get_mut(from.conversation) {
            conversation.transfers.push(Transfer {
                id,
                attended,
                state: if attended {
                    TransferState::Pending
                } else {
                    TransferState::Complete
                },
                at: now,
                by,
                to,
                address,
            });
        }
    }

    /// A call goes on hold; and with `unrecorded`, the trunk records nothing of it until it is back.
    pub(super) fn hold(&mut self, at: usize, party: Party, unrecorded: bool) -> Option<Next> {
        let place = self.speaking(at, party)?;
        if !self.put_on_hold(place) {
            return None;
        }
        if unrecorded {
            self.pause_recording(place, "hold_suppression");
        }
        self.publish(place.conversation);
        Some(Next::Step(self.moment(5, 20)))
    }

    /// Whether the leg is on hold now and was not.
    pub(super) fn put_on_hold(&mut self, place: Place) -> bool {
        let now = self.now;
        let leg = self.party_mut(place).and_then(Participant::leg_mut);
        let Some(leg) = leg.filter(|leg| leg.is_connected() && leg.held.is_none()) else {
            return false;
        };
        leg.held = Some(now);
        leg.segment("Hold", now);
        self.act(place, Kind::Held, None);
        true
    }

    /// A call comes back from hold. Not while its party consults somebody about it: that has to end first.
    pub(super) fn retrieve(&mut self, at: usize, party: Party) -> Option<Next> {
        let place = self.speaking(at, party)?;
        let who = self.party(place)?;
        let consults = who.consult.is_some_and(|consult| consult.is_open);
        if consults || who.leg()?.held.is_none() {
            return None;
        }
        self.take_back(place);
        self.talk_changed(place.conversation);
        self.publish(place.conversation);
        Some(Next::Step(self.moment(5, 20)))
    }

    /// A leg comes back from hold, if it is on hold; its recording goes on, if it paused for that.
    pub(super) fn take_back(&mut self, place: Place) {
        let (_, secret) = self.speaking_in(place.conversation);
        let now = self.now;
        let leg = self.party_mut(place).and_then(Participant::leg_mut);
        let Some(leg) = leg.filter(|leg| leg.is_open() && leg.held.is_some()) else {
            return;
        };
        leg.held = None;
        leg.segment("Interact", now);
        let resumes = leg.recording == Recording::Paused && !secret;
        if resumes {
            leg.recording = Recording::Active;
        }
        self.act(place, Kind::Retrieved, None);
        if resumes {
            if let Some(conversation) = self.conversations.get_mut(place.conversation) {
                conversation.recording = Recording::Active;
            }
            self.act(place, Kind::RecordingResumed, None);
        }
    }

    /// A party leaves. If nobody is left for somebody to talk to, everybody else is disconnected a moment later.
    pub(super) fn hang_up(&mut self, place: Place, cause: Cause) {
        self.end_legs(&[place], cause);
        let (talk, _) = self.speaking_in(place.conversation);
        if talk.len() < 2 {
            for place in self.open(place.conversation, |_| true) {
                let after = self.moment(5, 40);
                let cause = Cause::Peer;
                self.expect(after, Due::Ends { place, cause });
            }
        }
    }

    /// Calls and callbacks of participants end. Their users are given back unless they are on another line of the play,
    /// have to work on or are offered the call again.
    pub(super) fn end_legs(&mut self, who: &[Place], cause: Cause) {
        let mut free = Vec::new();
        let mut ended = None;
        for place in who.iter().copied() {
            let again = self.is_offered_again(place);
            let Some(party) = self.party(place).filter(|party| party.is_open()) else {
                continue;
            };
            ended = Some(place.conversation);
            let user = party.user.filter(|_| !again);
            self.end_consults(place);
            self.end_leg(place, cause);
            self.end_callback(place, cause);
            free.extend(user);
        }
        let Some(conversation) = ended else {
            return;
        };
        self.leave_conference(conversation, who);
        self.talk_changed(conversation);
        let play = self.conversations.get(conversation).map(|of| of.play);
        let over = self
            .conversations
            .get_mut(conversation)
            .filter(|conversation| !conversation.is_open());
        if let Some(over) = over {
            over.ended = Some(self.now);
            over.recording = Recording::None;
            self.act_of_all(conversation, Kind::ConversationEnded);
            self.end_consult_apart(conversation);
        }
        self.publish(conversation);
        let after = self.moment(60, 250);
        self.expect(after, Due::PutAway { conversation });
        if let Some(play) = play {
            for user in free {
                if !self.is_busy(play, user) {
                    self.release(user, play);
                }
            }
        }
    }

    fn end_leg(&mut self, place: Place, cause: Cause) {
        let now = self.now;
        let keeps = self.ids.share(self.config.connected_during_after_call_work);
        let answered = self.is_answered(place);
        let Some(party) = self.party_mut(place) else {
            return;
        };
        let purpose = party.purpose;
        let Some(leg) = party.leg_mut().filter(|leg| leg.is_open()) else {
            return;
        };
        leg.end_segment("Disconnect", now);
        (leg.disconnected, leg.cause) = (Some(now), Some(cause));
        (leg.held, leg.muted, leg.confined) = (None, false, false);
        let paused = leg.recording == Recording::Paused;
        leg.recording = Recording::None;
        leg.secure_pause = false;
        leg.state = State::Disconnected;
        if purpose == Purpose::Acd {
            leg.reason = Some(("sip", 410, "Gone"));
        }
        let connected = leg.connected.is_some();
        let works = leg.after_call_work_required && connected;
        if works {
            leg.after_call_work = AfterCallWork::Pending(now);
            if keeps {
                leg.state = State::Connected;
            }
        } else if purpose == Purpose::Agent && connected {
            leg.after_call_work = AfterCallWork::Skipped(now);
        }
        let unanswered = (!connected)
            .then(|| unanswered(purpose, leg.initial, cause))
            .flatten();
        if paused {
            self.act(place, Kind::RecordingResumed, Some("ended".to_owned()));
        }
        if let Some(kind) = unanswered {
            self.act(place, kind, None);
        }
        if purpose == Purpose::Voicemail && connected {
            self.act(place, Kind::VoicemailDeposited, None);
        }
        self.act(place, Kind::Disconnected, None);
        if purpose == Purpose::Acd {
            let outcome = match cause {
                Cause::Transfer if answered => "answered",
                Cause::Transfer => "flow_out",
                _ => "abandoned",
            };
            self.act(place, Kind::Dequeued, Some(outcome.to_owned()));
        }
        if works {
            self.act(place, Kind::AfterCallWorkStarted, None);
        }
    }

    /// Whether an agent of the queue that a participant is talks to the caller.
    fn is_answered(&self, place: Place) -> bool {
        let queue = self.party(place).and_then(|party| party.queue);
        let agents = self.open(place.conversation, |party| {
            party.purpose == Purpose::Agent && party.queue == queue && party.is_connected()
        });
        !agents.is_empty()
    }

    /// Legs and callbacks that are disconnected become terminated.
    pub(super) fn put_away(&mut self, conversation: usize) {
        let parties = self
            .conversations
            .get_mut(conversation)
            .map(|c| c.participants.as_mut_slice())
            .unwrap_or_default();
        let mut changed = false;
        for state in parties.iter_mut().flat_map(Participant::states_mut) {
            if *state == State::Disconnected {
                *state = State::Terminated;
                changed = true;
            }
        }
        if changed {
            self.look_for_the_end(conversation);
            self.publish(conversation);
        }
    }

    /// Writes down that nothing more can become of a conversation, if so.
    fn look_for_the_end(&mut self, conversation: usize) {
        let of = self.conversations.get(conversation);
        let over = of.is_some_and(|of| {
            of.ended.is_some() && of.participants.iter().all(Participant::is_over)
        });
        if over {
            self.act_of_all(conversation, Kind::ConversationTerminated);
        }
    }

    /// After-call work that the story did not come to: it is over in a moment.
    pub(super) fn end_forgotten_work(&mut self, conversation: usize) {
        let Some(of) = self.conversations.get(conversation) else {
            return;
        };
        let known = (self.plays.get(of.play)).map_or(&[][..], |play| play.works.as_slice());
        let places = (0..of.participants.len()).map(|participant| Place {
            conversation,
            participant,
        });
        let pending: Vec<Place> = places
            .filter(|place| self.party(*place).is_some_and(Participant::works))
            .filter(|place| !known.contains(place))
            .collect();
        for place in pending {
            let after = self.moment(1_000, 3_000);
            self.expect(after, Due::AfterCallWorkEnds { place, code: 0 });
        }
    }

    pub(super) fn end_after_call_work(&mut self, place: Place, code: usize) {
        let now = self.now;
        let Some(party) = self.party_mut(place) else {
            return;
        };
        let user = party.user;
        let pending = |leg: &&mut Leg| matches!(leg.after_call_work, AfterCallWork::Pending(_));
        let Some(leg) = party.legs.iter_mut().find(pending) else {
            return;
        };
        let AfterCallWork::Pending(since) = leg.after_call_work else {
            return;
        };
        leg.after_call_work = AfterCallWork::Complete(since, now);
        let kept = leg.state == State::Connected;
        if kept {
            leg.state = State::Disconnected;
        }
        self.wrap_up(place, code, (now - since).0 / 1_000);
        self.act(place, Kind::AfterCallWorkEnded, None);
        let conversation = place.conversation;
        self.look_for_the_end(conversation);
        self.publish(conversation);
        if kept {
            let after = self.moment(60, 250);
            self.expect(after, Due::PutAway { conversation });
        }
        let play = self.conversations.get(conversation).map(|of| of.play);
        if let (Some(user), Some(play)) = (user, play)
            && !self.is_busy(play, user)
        {
            self.release(user, play);
        }
    }

    pub(super) fn wrap_up(&mut self, place: Place, code: usize, seconds: i64) {
        let now = self.now;
        let name = self
            .organization
            .wrapup_codes
            .get(code)
            .map(|code| code.name.to_owned());
        if let Some(party) = self.party_mut(place) {
            party.wrapup = Some(Wrapup {
                code,
                seconds,
                at: now,
            });
            self.act(place, Kind::Wrapup, name);
        }
    }

    // Who is where.

    pub(super) fn party(&self, place: Place) -> Option<&Participant> {
        self.conversations
            .get(place.conversation)?
            .participants
            .get(place.participant)
    }

    pub(super) fn party_mut(&mut self, place: Place) -> Option<&mut Participant> {
        self.conversations
            .get_mut(place.conversation)?
            .participants
            .get_mut(place.participant)
    }

    /// The participants with an open leg or callback of whom `is` holds.
    pub(super) fn open(
        &self,
        conversation: usize,
        is: impl Fn(&Participant) -> bool,
    ) -> Vec<Place> {
        let parties = self
            .conversations
            .get(conversation)
            .map(|conversation| conversation.participants.as_slice());
        (0..)
            .zip(parties.unwrap_or_default())
            .filter(|(_, party)| party.is_open() && is(party))
            .map(|(participant, _)| Place {
                conversation,
                participant,
            })
            .collect()
    }

    /// Whether a user is on a line of this play.
    pub(super) fn is_on_a_line(&self, play: usize, user: usize) -> bool {
        self.conversations_of(play).any(|conversation| {
            (conversation.participants.iter())
                .any(|party| party.user == Some(user) && party.is_open())
        })
    }

    /// Whether a user is still on a line of this play, or works on after one.
    fn is_busy(&self, play: usize, user: usize) -> bool {
        self.is_on_a_line(play, user) || self.works(play, user)
    }
}
