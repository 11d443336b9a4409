//! Plays scripts: casts users and queues, and lets one step follow the other. What the platform does by itself to make
//! a step happen is in [`legs`](super::legs).

use std::sync::Arc;

use super::{Due, Place, World};
use crate::chance::{Chance, Id};
use crate::conversation::{
    Cause, Conversation, Direction, Leg, Observing, Participant, Purpose, State, Touched,
};
use crate::script::{Call, Line, Party, Script, Step};
use crate::time::Millis;
use crate::truth::Kind;

use super::floor::RoutingStatus;
use super::legs::Arrival;

/// One performance of a script.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) script: &'static Script,
    /// The next step.
    pub(super) at: usize,
    /// How much of that step was done, where it takes several goes.
    pub(super) phase: u8,
    /// Its conversations, in the order in which the story comes to them.
    pub(super) calls: Vec<StagedCall>,
    /// The one that the story is about.
    pub(super) call: usize,
    /// Which user plays whom, in whatever conversation.
    pub(super) users: Vec<(Party, usize)>,
    pub(super) lines: Vec<(Line, usize)>,
    /// The participants whose after-call work has an end in the agenda.
    pub(super) works: Vec<Place>,
    /// Since which step it waits for an agent.
    pub(super) waits_at: Option<usize>,
    pub(super) over: bool,
    pub(super) chance: Chance,
}

/// One conversation of a play.
#[derive(Debug)]
pub(super) struct StagedCall {
    pub(super) id: Id,
    /// Once begun.
    pub(super) conversation: Option<usize>,
    /// The newest participant that is this party.
    cast: Vec<(Party, usize)>,
    /// The queue that it is in or came through.
    pub(super) line: Option<Line>,
}

/// When the next step comes.
pub(super) enum Next {
    /// After this.
    Step(Millis),
    /// This step again, after this.
    Again(Millis),
    /// When an agent is free: the same step.
    Wait,
    /// Never.
    End,
}

/// Places that customers call from; a caller's name is often only that.
const PLACES: &[(&str, &str)] = &[
    ("Omaha NE", "402"),
    ("Austin TX", "512"),
    ("Portland OR", "503"),
    ("Tampa FL", "813"),
    ("Denver CO", "303"),
    ("Newark NJ", "973"),
    ("Fresno CA", "559"),
    ("Dayton OH", "937"),
    ("Boise ID", "208"),
    ("Savannah GA", "912"),
];

impl StagedCall {
    fn new(id: Id) -> Self {
        Self {
            id,
            conversation: None,
            cast: Vec::new(),
            line: None,
        }
    }

    fn participant(&self, party: Party) -> Option<usize> {
        let of = self.cast.iter().find(|(who, _)| *who == party);
        of.map(|(_, participant)| *participant)
    }
}

impl Play {
    /// The conversation that the story is about.
    pub(super) fn call(&self) -> Option<&StagedCall> {
        self.calls.get(self.call)
    }

    pub(super) fn call_mut(&mut self) -> Option<&mut StagedCall> {
        self.calls.get_mut(self.call)
    }

    pub(super) fn user(&self, party: Party) -> Option<usize> {
        let of = self.users.iter().find(|(who, _)| *who == party);
        of.map(|(_, user)| *user)
    }

    /// Which party a participant is.
    fn party(&self, place: Place) -> Option<Party> {
        let at = |call: &&StagedCall| call.conversation == Some(place.conversation);
        let call = self.calls.iter().find(at)?;
        let of = |(_, participant): &&(Party, usize)| *participant == place.participant;
        call.cast.iter().find(of).map(|(who, _)| *who)
    }
}

impl World {
    pub(super) fn begin_play(&mut self, script: &'static Script) -> usize {
        let conversation_id = self.ids.id();
        let play = self.plays.next_number();
        let mut chance = Chance::new(self.config.seed, &format!("play {play}"));
        // Which queues it will be about, if it is about any.
        let queues = self.organization.queues.iter().enumerate();
        let open: Vec<usize> = (queues.filter(|(_, queue)| !queue.gone))
            .map(|(at, _)| at)
            .collect();
        let mut lines = Vec::new();
        if !open.is_empty() {
            let first = chance.below(open.len());
            let second = if open.len() > 1 {
                (first + 1 + chance.below(open.len() - 1)) % open.len()
            } else {
                first
            };
            lines.extend([
                (Line::FirstQueue, open[first]),
                (Line::SecondQueue, open[second]),
            ]);
        }
        self.plays.push(Play {
            script,
            at: 0,
            phase: 0,
            calls: vec![StagedCall::new(conversation_id)],
            call: 0,
            users: Vec::new(),
            lines,
            works: Vec::new(),
            waits_at: None,
            over: false,
            chance,
        });
        *self.truth.scripts_played.entry(script.name).or_default() += 1;
        self.go_on(play);
        play
    }

    pub(super) fn conversation_of_play(&self, play: usize) -> Id {
        self.plays
            .get(play)
            .and_then(|play| play.calls.first())
            .map_or_else(|| Chance::new(0, "none").id(), |call| call.id)
    }

    /// Plays the next step.
    pub(super) fn go_on(&mut self, at: usize) {
        let Some(play) = self.plays.get(at).filter(|play| !play.over) else {
            return;
        };
        let Some(step) = play.script.step(play.at) else {
            return self.end_play(at);
        };
        let (step_at, phase, waited) = (play.at, play.phase, play.waits_at == Some(play.at));
        let next = self.perform(at, step, phase).unwrap_or(Next::End);
        let patience = self.paced(Millis(i64::from(self.config.patience) * 1_000));
        let Some(play) = self.plays.get_mut(at) else {
            return;
        };
        match next {
            Next::Step(after) => {
                (play.at, play.phase, play.waits_at) = (step_at + 1, 0, None);
                self.expect(after, Due::Step { play: at });
            }
            Next::Again(after) => {
                (play.phase, play.waits_at) = (phase + 1, None);
                self.expect(after, Due::Step { play: at });
            }
            Next::Wait => {
                play.waits_at = Some(step_at);
                self.waiting.push(at);
                if !waited {
                    self.expect(
                        patience,
                        Due::PatienceEnds {
                            play: at,
                            at: step_at,
                        },
                    );
                }
            }
            Next::End => self.end_play(at),
        }
    }

    /// The caller has waited long enough, if the play still waits at that step.
    pub(super) fn give_up(&mut self, at: usize, step: usize) {
        let waits = |play: &&Play| play.waits_at == Some(step) && !play.over;
        if self.plays.get(at).filter(waits).is_none() {
            return;
        }
        self.waiting.retain(|waiting| *waiting != at);
        let outside = self.place(at, Party::Customer);
        let ended = outside.map(|outside| self.hang_up(outside, Cause::Endpoint));
        if ended.is_none() {
            self.end_play(at);
        } else if let Some(play) = self.plays.get_mut(at) {
            // The rest of the story does not happen; the end of the legs is on its way.
            (play.at, play.phase, play.waits_at) = (usize::MAX, 0, None);
            let after = self.moment(100, 150);
            self.expect(after, Due::Step { play: at });
        }
    }

    /// The story is told: whoever it still has is free again, and no leg stays open.
    fn end_play(&mut self, at: usize) {
        let Some(play) = self.plays.get_mut(at) else {
            return;
        };
        play.over = true;
        let users: Vec<usize> = play.users.iter().map(|(_, user)| *user).collect();
        // The newest first: what was asked in it is over before the call that it was about.
        let conversations: Vec<usize> = (play.calls.iter().rev())
            .filter_map(|call| call.conversation)
            .collect();
        self.waiting.retain(|waiting| *waiting != at);
        for conversation in conversations {
            let open = self.open(conversation, |_| true);
            self.end_legs(&open, Cause::System);
            self.end_forgotten_work(conversation);
        }
        for user in users {
            if !self.works(at, user) {
                self.release(user, at);
            }
        }
    }

    /// One step of a story. `None`: it cannot happen.
    fn perform(&mut self, at: usize, step: Step, phase: u8) -> Option<Next> {
        match step {
            Step::Lasts(span) => Some(Next::Step(self.draw_span(at, span.from, span.to))),
            Step::CallsIn(_) if self.conversation_at(at).is_some() => None,
            Step::CallsIn(party) => {
                let caller = self.arrive_outside(at, Purpose::Customer)?;
                self.cast(at, party, caller);
                Some(self.connect_soon(caller))
            }
            Step::EntersMenu => {
                let flows = self.organization.flows.len();
                let flow = self.plays.get_mut(at)?.chance.below(flows);
                let flow = self.organization.flows.get(flow)?;
                let address = format!("sip:{}@127.0.0.1;language=en-US;user=ivr", flow.id);
                let touched = Touched {
                    division: flow.division,
                    path: "flows",
                    id: flow.id,
                    at: self.now,
                };
                let name = flow.name.to_owned();
                let mut arrival = self.system_party(at, Purpose::Ivr, None, name, address);
                arrival.touched = Some(touched);
                let menu = self.arrive(at, arrival)?;
                self.publish(menu.conversation);
                Some(self.connect_soon(menu))
            }
            Step::JoinsQueue(line) => {
                let left = self.before_a_person(at);
                self.join_queue(at, line, &left)
            }
            Step::TransfersToQueue(party, line) => {
                let from = self.speaking(at, party)?;
                let queue = self.queue(at, line)?;
                let address = self.queue_address(queue);
                self.hand_over(from, None, address);
                self.join_queue(at, line, &[from])
            }
            Step::OfferedTo(party) => self.offer(at, party),
            Step::TransfersTo(from, to) => {
                let from = self.speaking(at, from)?;
                if !self.can_be_called(at, to) {
                    return None;
                }
                let Some(user) = self.take_user(at, to, None) else {
                    return Some(Next::Wait);
                };
                let address = self.user_address(user);
                self.hand_over(from, Some(user), address);
                self.alert(at, to, user, Purpose::User, None)?;
                self.end_legs(&[from], Cause::Transfer);
                Some(Next::Step(self.moment(100, 200)))
            }
            Step::Answers(party) => self.answer(at, party),
            Step::Refuses(party) => self.decline(at, party, Cause::Client),
            Step::DoesNotAnswer(party) => self.decline(at, party, Cause::Timeout),
            Step::DialsOut(party, line) => self.dial_out(at, party, line, phase),
            Step::CannotBeReached(party, trouble) => self.fail(at, party, trouble),
            Step::RingsAt(party) => self.ring_at(at, party),
            Step::RollsOverTo(from, to) => self.divert(at, from, to, Cause::TransferNoAnswer),
            Step::ForwardsTo(from, to) => self.divert(at, from, to, Cause::TransferForward),
            Step::JoinsVoicemail(line) => self.join_voicemail(at, line),
            Step::Holds(party) => self.hold(at, party, false),
            Step::HoldsUnrecorded(party) => self.hold(at, party, true),
            Step::Retrieves(party) => self.retrieve(at, party),
            Step::IsConfined(party) => {
                self.change(at, party, Kind::Confined, |leg, _| leg.confined = true)
            }
            Step::IsReleased(party) => {
                self.change(at, party, Kind::Unconfined, |leg, _| leg.confined = false)
            }
            Step::Parks(party) => self.change(at, party, Kind::Parked, |leg, now| {
                (leg.parked, leg.resumed) = (Some(now), None);
                leg.segment("Parked", now);
            }),
            Step::Unparks(party) => self.change(at, party, Kind::Unparked, |leg, now| {
                leg.resumed = Some(now);
                leg.segment("Interact", now);
            }),
            Step::Mutes(party) => self.change(at, party, Kind::Muted, |leg, _| leg.muted = true),
            Step::Unmutes(party) => {
                self.change(at, party, Kind::Unmuted, |leg, _| leg.muted = false)
            }
            Step::PausesSecurely(party) => {
                let place = self.speaking(at, party)?;
                self.pause_securely(place);
                self.publish(place.conversation);
                Some(Next::Step(self.moment(5, 20)))
            }
            Step::ResumesRecording(party) => {
                let place = self.speaking(at, party)?;
                self.resume_recording(place.conversation);
                self.publish(place.conversation);
                Some(Next::Step(self.moment(5, 20)))
            }
            Step::Attaches(key, value) => {
                let place = self.outside(at)?;
                self.attach(place, key, value.into());
                self.publish(place.conversation);
                Some(Next::Step(self.moment(5, 20)))
            }
            Step::Consults(from, to) => self.consult(at, from, to),
            Step::ConsultsApart(from, to) => self.consult_apart(at, from, to, phase),
            Step::CompletesConsult(party) => self.complete_consult(at, party),
            Step::CancelsConsult(party) => self.give_up_consult(at, party),
            Step::JoinsConsult(party) => self.join_consult(at, party),
            Step::AddsParty(from, to) => self.add_party(at, from, to),
            Step::Calls(from, to) => self.call_colleague(at, from, to, phase),
            Step::TurnsTo(call) => self.turn_to(at, call),
            Step::Monitors(who, of) => self.observe(at, who, of, Observing::Monitors, phase),
            Step::Coaches(who, of) => self.observe(at, who, of, Observing::Coaches, phase),
            Step::BargesIn(who, of) => self.observe(at, who, of, Observing::Barges, phase),
            Step::AsksForCallback(party) => self.promise_call(at, party, false),
            Step::IsPreviewed(party) => self.promise_call(at, party, true),
            Step::CallbackJoinsQueue(line) => self.queue_callback(at, line),
            Step::CallbackOfferedTo(party) => self.offer_callback(at, party),
            Step::TakesCallback(party) => self.take_callback(at, party),
            Step::CallsBack(from, to) => self.call_back(at, from, to, phase),
            Step::DialerCalls(party) => self.dial_for_campaign(at, party, Purpose::Dialer),
            Step::CampaignCalls(party) => self.dial_for_campaign(at, party, Purpose::Campaign),
            Step::Classifies(what) => self.classify(at, what),
            Step::HangsUp(party) => {
                let who = self.place(at, party)?;
                let cause = if party == Party::Customer {
                    Cause::Endpoint
                } else {
                    Cause::Client
                };
                self.hang_up(who, cause);
                Some(Next::Step(self.moment(100, 150)))
            }
            Step::WrapsUp(party, code) => {
                let who = self.place(at, party)?;
                self.wrap_up(who, self.wrapup_code(code), 0);
                self.publish(who.conversation);
                Some(Next::Step(self.moment(5, 20)))
            }
            Step::WorksAfterCall(party, span, code) => {
                let place = self.place(at, party)?;
                if self.party(place).is_some_and(Participant::works) {
                    let code = self.wrapup_code(code);
                    let after = self.draw_span(at, span.from, span.to);
                    self.plays.get_mut(at)?.works.push(place);
                    self.expect(after, Due::AfterCallWorkEnds { place, code });
                }
                Some(Next::Step(Millis(1)))
            }
        }
    }

    // What the steps are made of.

    fn draw_span(&mut self, at: usize, from: u32, to: u32) -> Millis {
        let drawn = self.plays.get_mut(at).map(|play| {
            play.chance
                .between(i64::from(from) * 1_000, i64::from(to) * 1_000)
        });
        self.paced(drawn.unwrap_or_default())
    }

    /// The conversation that a story is about, once begun.
    pub(super) fn conversation_at(&self, at: usize) -> Option<usize> {
        self.plays.get(at)?.call()?.conversation
    }

    /// All the conversations of a play.
    pub(super) fn conversations_of(&self, at: usize) -> impl Iterator<Item = &Conversation> {
        let calls = self.plays.get(at).map_or(&[][..], |play| &play.calls);
        (calls.iter())
            .filter_map(|call| call.conversation)
            .filter_map(|conversation| self.conversations.get(conversation))
    }

    /// Where `party` is in the conversation that the story is about.
    pub(super) fn place(&self, at: usize, party: Party) -> Option<Place> {
        let call = self.plays.get(at)?.call()?;
        Some(Place {
            conversation: call.conversation?,
            participant: call.participant(party)?,
        })
    }

    /// Where `party` is, if on the line.
    pub(super) fn speaking(&self, at: usize, party: Party) -> Option<Place> {
        let place = self.place(at, party)?;
        let speaks = self.party(place).is_some_and(Participant::is_connected);
        speaks.then_some(place)
    }

    /// The party outside, of the conversation that the story is about.
    pub(super) fn outside(&self, at: usize) -> Option<Place> {
        let conversation = self.conversation_at(at)?;
        let participant = self.conversations.get(conversation)?.outside()?;
        Some(Place {
            conversation,
            participant,
        })
    }

    /// The flow, queue or dialer that has the call before a person does.
    pub(super) fn before_a_person(&self, at: usize) -> Vec<Place> {
        self.open_at(at, |party| {
            matches!(
                party.purpose,
                Purpose::Ivr | Purpose::Acd | Purpose::Dialer | Purpose::Campaign
            )
        })
    }

    /// The story goes on in another of its conversations.
    pub(super) fn turn_to(&mut self, at: usize, call: Call) -> Option<Next> {
        let call = match call {
            Call::FirstCall => 0,
            Call::SecondCall => 1,
        };
        if self.plays.get(at)?.calls.len() <= call {
            let id = self.ids.id();
            self.plays.get_mut(at)?.calls.push(StagedCall::new(id));
        }
        self.plays.get_mut(at)?.call = call;
        Some(Next::Step(Millis(1)))
    }

    pub(super) fn open_at(&self, at: usize, is: impl Fn(&Participant) -> bool) -> Vec<Place> {
        self.conversation_at(at)
            .map(|conversation| self.open(conversation, is))
            .unwrap_or_default()
    }

    pub(super) fn queue(&self, at: usize, line: Line) -> Option<usize> {
        let lines = &self.plays.get(at)?.lines;
        let of = lines.iter().find(|(known, _)| *known == line);
        of.map(|(_, queue)| *queue)
    }

    /// From now on `party` is this participant.
    pub(super) fn cast(&mut self, at: usize, party: Party, place: Place) {
        if let Some(call) = self.plays.get_mut(at).and_then(Play::call_mut) {
            call.cast.retain(|(who, _)| *who != party);
            call.cast.push((party, place.participant));
        }
    }

    /// Whether the story offers a call again to whoever is this participant.
    pub(super) fn is_offered_again(&self, place: Place) -> bool {
        let conversation = self.conversations.get(place.conversation);
        let play = conversation.and_then(|conversation| self.plays.get(conversation.play));
        play.is_some_and(|play| {
            let party = play.party(place);
            party.is_some_and(|party| play.script.offers_again(play.at, party))
        })
    }

    pub(super) fn user_address(&self, user: usize) -> String {
        let (users, stations) = (&self.organization.users, &self.organization.stations);
        let station = self
            .agents
            .get(user)
            .and_then(|agent| stations.get(agent.station));
        let (Some(user), Some(station)) = (users.get(user), station) else {
            return String::new();
        };
        let domain = self.organization.domain;
        format!(
            "sip:{}+{domain}.orgspan.com;tgrp={};trunk-context={domain}@localhost",
            user.jid, station.line_appearance
        )
    }

    pub(super) fn queue_address(&self, queue: usize) -> String {
        let id = self
            .organization
            .queues
            .get(queue)
            .map(|queue| queue.id.to_string())
            .unwrap_or_default();
        format!("sip:{id}@127.0.0.1;language=en-US;user=acd")
    }

    fn wrapup_code(&self, name: &str) -> usize {
        self.organization
            .wrapup_codes
            .iter()
            .position(|code| code.name == name)
            .unwrap_or(0)
    }

    pub(super) fn touched_user(&self, user: usize) -> Option<Touched> {
        let facts = self.organization.users.get(user)?;
        Some(Touched {
            division: facts.division,
            path: "users",
            id: facts.id,
            at: self.now,
        })
    }

    /// Data is attached to a participant.
    pub(super) fn attach(&mut self, place: Place, key: &'static str, value: Arc<str>) {
        if let Some(party) = self.party_mut(place) {
            match party.attributes.iter_mut().find(|(known, _)| *known == key) {
                // It has that value: nothing happens.
                Some(attribute) if attribute.1 == value => return,
                Some(attribute) => attribute.1 = Arc::clone(&value),
                None => party.attributes.push((key, Arc::clone(&value))),
            }
            self.act_of_attribute(place, key, value);
        }
    }

    /// The party outside comes: dials in, or is dialed.
    pub(super) fn arrive_outside(&mut self, at: usize, purpose: Purpose) -> Option<Place> {
        let inbound = purpose == Purpose::Customer && self.conversation_at(at).is_none();
        let arrival = self.party_outside(at, purpose, inbound)?;
        self.arrive(at, arrival)
    }

    pub(super) fn party_outside(
        &mut self,
        at: usize,
        purpose: Purpose,
        inbound: bool,
    ) -> Option<Arrival> {
        let line = self
            .queue(at, Line::FirstQueue)
            .and_then(|queue| self.organization.queues.get(queue));
        let own = line.map_or_else(|| "+12025550100".to_owned(), |queue| queue.number.clone());
        let play = self.plays.get_mut(at)?;
        let (place, area) = play.chance.pick(PLACES).copied()?;
        // 555-0100 to 555-0199 is kept free for fiction, in every area.
        let theirs = format!("tel:+1{area}55501{:02}", play.chance.below(100));
        let own = format!("tel:{own}");
        let (ani, dnis) = if inbound {
            (theirs.clone(), own)
        } else {
            (own, theirs.clone())
        };
        Some(Arrival {
            purpose,
            user: None,
            queue: None,
            name: place.to_owned(),
            address: theirs,
            ani,
            dnis,
            state: if inbound {
                State::Offering
            } else {
                State::Dialing
            },
            direction: if inbound {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            peer: None,
            touched: None,
        })
    }

    pub(super) fn system_party(
        &self,
        at: usize,
        purpose: Purpose,
        queue: Option<usize>,
        name: String,
        address: String,
    ) -> Arrival {
        let outside = self.outside(at).and_then(|place| self.party(place));
        Arrival {
            purpose,
            user: None,
            queue,
            name,
            ani: outside
                .map(|party| party.address.clone())
                .unwrap_or_default(),
            dnis: address.clone(),
            address,
            state: State::Offering,
            direction: Direction::Inbound,
            peer: None,
            touched: None,
        }
    }

    pub(super) fn queue_party(&self, at: usize, line: Line) -> Option<Arrival> {
        let queue = self.queue(at, line)?;
        let facts = self.organization.queues.get(queue)?;
        let touched = Touched {
            division: facts.division,
            path: "routing/queues",
            id: facts.id,
            at: self.now,
        };
        let (name, address) = (facts.name.clone(), self.queue_address(queue));
        let mut arrival = self.system_party(at, Purpose::Acd, Some(queue), name, address);
        arrival.touched = Some(touched);
        Some(arrival)
    }

    fn join_queue(&mut self, at: usize, line: Line, left: &[Place]) -> Option<Next> {
        let arrival = self.queue_party(at, line)?;
        let acd = self.arrive(at, arrival)?;
        self.plays.get_mut(at)?.call_mut()?.line = Some(line);
        self.end_legs(left, Cause::Transfer);
        Some(self.connect_soon(acd))
    }

    fn join_voicemail(&mut self, at: usize, line: Line) -> Option<Next> {
        let left = self.before_a_person(at);
        let mut arrival = self.queue_party(at, line)?;
        arrival.purpose = Purpose::Voicemail;
        let address = arrival.address.replace("user=acd", "user=voicemail");
        (arrival.dnis, arrival.address) = (address.clone(), address);
        let voicemail = self.arrive(at, arrival)?;
        self.end_legs(&left, Cause::Transfer);
        Some(self.connect_soon(voicemail))
    }

    fn ring_at(&mut self, at: usize, party: Party) -> Option<Next> {
        let left = self.before_a_person(at);
        if left.is_empty() || !self.can_be_called(at, party) {
            return None;
        }
        let Some(user) = self.take_user(at, party, None) else {
            return Some(Next::Wait);
        };
        self.alert(at, party, user, Purpose::User, None)?;
        self.end_legs(&left, Cause::Transfer);
        Some(Next::Step(self.moment(20, 50)))
    }

    /// The alerting user does not take the call, and it goes on to another one.
    fn divert(&mut self, at: usize, from: Party, to: Party, cause: Cause) -> Option<Next> {
        let from = self.place(at, from)?;
        let rings = |leg: &&Leg| leg.state == State::Alerting;
        self.party(from)?.leg().filter(rings)?;
        if !self.can_be_called(at, to) {
            return None;
        }
        let Some(user) = self.take_user(at, to, None) else {
            return Some(Next::Wait);
        };
        self.alert(at, to, user, Purpose::User, None)?;
        self.end_legs(&[from], cause);
        Some(Next::Step(self.moment(100, 200)))
    }

    fn offer(&mut self, at: usize, party: Party) -> Option<Next> {
        let line = self.plays.get(at)?.call()?.line?;
        let queue = self.queue(at, line)?;
        if !self.can_be_called(at, party) {
            return None;
        }
        let Some(user) = self.take_user(at, party, Some(queue)) else {
            return Some(Next::Wait);
        };
        let place = self.alert(at, party, user, Purpose::Agent, Some(queue))?;
        self.publish(place.conversation);
        Some(Next::Step(self.moment(20, 50)))
    }

    /// Whether `party` is a user who is on no line already.
    pub(super) fn can_be_called(&self, at: usize, party: Party) -> bool {
        let user = self.plays.get(at).and_then(|play| play.user(party));
        party != Party::Customer && !user.is_some_and(|user| self.is_on_a_line(at, user))
    }

    /// Whether a user works on after a call of this play.
    pub(super) fn works(&self, at: usize, user: usize) -> bool {
        self.conversations_of(at).any(|conversation| {
            (conversation.participants.iter())
                .any(|party| party.user == Some(user) && party.works())
        })
    }

    /// The user who plays `party`: the one who was cast, or the one of the queue who has been free for longest.
    pub(super) fn take_user(
        &mut self,
        at: usize,
        party: Party,
        queue: Option<usize>,
    ) -> Option<usize> {
        let play = self.plays.get(at)?;
        let user = match play.user(party) {
            Some(user) => {
                // Theirs from before, unless somebody else has them by now.
                self.agents.get(user).filter(|agent| {
                    agent.is_free(self.now) || agent.engaged == Some(at) && !self.works(at, user)
                })?;
                user
            }
            None => {
                let taken: Vec<usize> = play.users.iter().map(|(_, user)| *user).collect();
                self.longest_free(queue, &taken)?
            }
        };
        self.engage(user, at);
        let play = self.plays.get_mut(at)?;
        play.users.retain(|(who, _)| *who != party);
        play.users.push((party, user));
        Some(user)
    }

    /// A user as a party who is called.
    pub(super) fn called_user(
        &self,
        at: usize,
        user: usize,
        purpose: Purpose,
        queue: Option<usize>,
    ) -> Option<Arrival> {
        let address = self.user_address(user);
        let name = self.organization.users.get(user)?.name.clone();
        let mut arrival = self.system_party(at, purpose, queue, name, address);
        arrival.user = Some(user);
        arrival.touched = self.touched_user(user);
        arrival.state = State::Alerting;
        if let Some(number) = arrival.ani.strip_prefix("tel:") {
            arrival.ani = format!("sip:{number}@10.87.26.159;user=phone");
        }
        Some(arrival)
    }

    /// A user as a party who calls this address.
    pub(super) fn calling_user(
        &self,
        user: usize,
        purpose: Purpose,
        queue: Option<usize>,
        dnis: String,
    ) -> Option<Arrival> {
        let address = self.user_address(user);
        Some(Arrival {
            purpose,
            user: Some(user),
            queue,
            name: self.organization.users.get(user)?.name.clone(),
            ani: address.clone(),
            dnis,
            address,
            state: State::Contacting,
            direction: Direction::Outbound,
            peer: None,
            touched: self.touched_user(user),
        })
    }

    pub(super) fn alert(
        &mut self,
        at: usize,
        party: Party,
        user: usize,
        purpose: Purpose,
        queue: Option<usize>,
    ) -> Option<Place> {
        let arrival = self.called_user(at, user, purpose, queue)?;
        let place = self.arrive(at, arrival)?;
        self.cast(at, party, place);
        self.require_after_call_work(at, party);
        Some(place)
    }

    /// Whether an agent will have to work on is known from the beginning.
    pub(super) fn require_after_call_work(&mut self, at: usize, party: Party) {
        let required = self
            .plays
            .get(at)
            .is_some_and(|play| play.script.works_after_call(play.at, party));
        let place = self.place(at, party);
        let party = place.and_then(|place| self.party_mut(place));
        // Who takes a call for no queue has no such work.
        let agent = party.filter(|party| party.purpose == Purpose::Agent);
        if let Some(leg) = agent.and_then(Participant::leg_mut) {
            leg.after_call_work_required = required;
        }
    }

    fn answer(&mut self, at: usize, party: Party) -> Option<Next> {
        let place = self.place(at, party)?;
        let who = self.party(place)?;
        who.leg()
            .filter(|leg| leg.is_open() && leg.connected.is_none())?;
        let (user, purpose) = (who.user, who.purpose);
        self.connect(place);
        self.begin_recording(place.conversation);
        self.begin_consult(place);
        self.publish(place.conversation);
        if let Some(user) = user {
            self.occupy(user, purpose);
        }
        for place in self.open(place.conversation, |party| party.purpose == Purpose::Acd) {
            let after = self.moment(10, 40);
            let cause = Cause::Transfer;
            self.expect(after, Due::Ends { place, cause });
        }
        Some(Next::Step(self.moment(60, 100)))
    }

    /// The routing status of a user who has a call.
    pub(super) fn occupy(&mut self, user: usize, purpose: Purpose) {
        let interacts = |agent: &super::Agent| agent.routing == RoutingStatus::Interacting;
        if purpose == Purpose::Agent {
            self.set_routing(user, RoutingStatus::Interacting);
        } else if !self.agents.get(user).is_some_and(interacts) {
            self.set_routing(user, RoutingStatus::Communicating);
        }
    }

    /// An alerting user does not take the call.
    fn decline(&mut self, at: usize, party: Party, cause: Cause) -> Option<Next> {
        let place = self.place(at, party)?;
        let who = self.party(place)?;
        if !who.is_open() || who.connected().is_some() {
            return None;
        }
        let user = who.user;
        self.end_legs(&[place], cause);
        if let Some(user) = user
            && cause == Cause::Timeout
        {
            self.stop_responding(user);
        }
        Some(Next::Step(self.moment(100, 200)))
    }
}
