//! Plays scripts: casts users and queues, and lets one step follow the other. What the platform does by itself to make
//! a step happen is in [`legs`](super::legs).

use std::sync::Arc;

use super::{Due, Place, World};
use crate::chance::{Chance, Id};
use crate::conversation::{Cause, Conversation, Direction, Participant, Purpose, State, Touched};
use crate::script::{Line, Party, Script, Step};
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
    line: Option<Line>,
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
        let queues = self.organization.queues.len();
        let mut lines = Vec::new();
        if queues > 0 {
            let first = chance.below(queues);
            let second = if queues > 1 {
                (first + 1 + chance.below(queues - 1)) % queues
            } else {
                first
            };
            lines.extend([(Line::FirstQueue, first), (Line::SecondQueue, second)]);
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
        let conversations: Vec<usize> = (play.calls.iter())
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
                let left = self.open_at(at, |party| {
                    matches!(party.purpose, Purpose::Ivr | Purpose::Acd)
                });
                self.join_queue(at, line, &left)
            }
            Step::TransfersToQueue(party, line) => {
                let from = self.speaking(at, party)?;
                let queue = self.queue(at, line)?;
                let address = self.queue_address(queue);
                self.transfer(from, None, address);
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
                self.transfer(from, Some(user), address);
                self.alert(at, to, user, Purpose::User, None)?;
                self.end_legs(&[from], Cause::Transfer);
                Some(Next::Step(self.moment(100, 200)))
            }
            Step::Answers(party) => self.answer(at, party),
            Step::Refuses(party) => self.decline(at, party, Cause::Client),
            Step::DoesNotAnswer(party) => self.decline(at, party, Cause::Timeout),
            Step::DialsOut(party, line) => self.dial_out(at, party, line, phase),
            Step::Holds(party) => self.change(at, party, Kind::Held, |leg, now| {
                leg.held = Some(now);
                leg.segment("Hold", now);
            }),
            Step::Retrieves(party) => self.change(at, party, Kind::Retrieved, |leg, now| {
                leg.held = None;
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

    pub(super) fn open_at(&self, at: usize, is: impl Fn(&Participant) -> bool) -> Vec<Place> {
        self.conversation_at(at)
            .map(|conversation| self.open(conversation, is))
            .unwrap_or_default()
    }

    fn queue(&self, at: usize, line: Line) -> Option<usize> {
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

    fn user_address(&self, user: usize) -> String {
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

    fn queue_address(&self, queue: usize) -> String {
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

    fn touched_user(&self, user: usize) -> Option<Touched> {
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
    fn arrive_outside(&mut self, at: usize, purpose: Purpose) -> Option<Place> {
        let inbound = purpose == Purpose::Customer && self.conversation_at(at).is_none();
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
        let arrival = Arrival {
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
        };
        self.arrive(at, arrival)
    }

    fn system_party(
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

    fn join_queue(&mut self, at: usize, line: Line, left: &[Place]) -> Option<Next> {
        let queue = self.queue(at, line)?;
        let facts = self.organization.queues.get(queue)?;
        let touched = Touched {
            division: facts.division,
            path: "routing/queues",
            id: facts.id,
            at: self.now,
        };
        let name = facts.name.clone();
        let address = self.queue_address(queue);
        let mut arrival = self.system_party(at, Purpose::Acd, Some(queue), name, address);
        arrival.touched = Some(touched);
        let acd = self.arrive(at, arrival)?;
        self.plays.get_mut(at)?.call_mut()?.line = Some(line);
        self.end_legs(left, Cause::Transfer);
        Some(self.connect_soon(acd))
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

    /// Whether `party` is a user who is not on the line already.
    fn can_be_called(&self, at: usize, party: Party) -> bool {
        let place = self.place(at, party);
        let there = place.and_then(|place| self.party(place));
        party != Party::Customer && !there.is_some_and(Participant::is_open)
    }

    /// Whether a user works on after a call of this play.
    pub(super) fn works(&self, at: usize, user: usize) -> bool {
        self.conversations_of(at).any(|conversation| {
            (conversation.participants.iter())
                .any(|party| party.user == Some(user) && party.works())
        })
    }

    /// The user who plays `party`: the one who was cast, or the one of the queue who has been free for longest.
    fn take_user(&mut self, at: usize, party: Party, queue: Option<usize>) -> Option<usize> {
        let play = self.plays.get(at)?;
        let user = match play.user(party) {
            Some(user) => {
                // Theirs from before, unless somebody else has them by now.
                self.agents.get(user).filter(|agent| {
                    agent.is_free() || agent.engaged == Some(at) && !self.works(at, user)
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

    fn alert(
        &mut self,
        at: usize,
        party: Party,
        user: usize,
        purpose: Purpose,
        queue: Option<usize>,
    ) -> Option<Place> {
        let address = self.user_address(user);
        let name = self.organization.users.get(user)?.name.clone();
        let mut arrival = self.system_party(at, purpose, queue, name, address);
        arrival.user = Some(user);
        arrival.touched = self.touched_user(user);
        arrival.state = State::Alerting;
        if let Some(number) = arrival.ani.strip_prefix("tel:") {
            arrival.ani = format!("sip:{number}@10.87.26.159;user=phone");
        }
        let place = self.arrive(at, arrival)?;
        self.cast(at, party, place);
        self.require_after_call_work(at, party);
        Some(place)
    }

    /// Whether an agent will have to work on is known from the beginning.
    fn require_after_call_work(&mut self, at: usize, party: Party) {
        let required = self
            .plays
            .get(at)
            .is_some_and(|play| play.script.works_after_call(play.at, party));
        let place = self.place(at, party);
        let party = place.and_then(|place| self.party_mut(place));
        if let Some(leg) = party.and_then(Participant::leg_mut) {
            leg.after_call_work_required = required;
        }
    }

    fn answer(&mut self, at: usize, party: Party) -> Option<Next> {
        let place = self.place(at, party)?;
        let who = self.party(place).filter(|party| party.is_open())?;
        let (user, purpose) = (who.user, who.purpose);
        self.connect(place);
        self.begin_recording(place.conversation);
        self.publish(place.conversation);
        if let Some(user) = user {
            self.set_routing(
                user,
                if purpose == Purpose::Agent {
                    RoutingStatus::Interacting
                } else {
                    RoutingStatus::Communicating
                },
            );
        }
        for place in self.open(place.conversation, |party| party.purpose == Purpose::Acd) {
            let after = self.moment(10, 40);
            let cause = Cause::Transfer;
            self.expect(after, Due::Ends { place, cause });
        }
        Some(Next::Step(self.moment(60, 100)))
    }

    /// An alerting user does not take the call.
    fn decline(&mut self, at: usize, party: Party, cause: Cause) -> Option<Next> {
        let place = self.place(at, party)?;
        let who = self.party(place)?;
        if !who.is_open() || who.is_connected() {
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

    fn dial_out(&mut self, at: usize, party: Party, line: Option<Line>, phase: u8) -> Option<Next> {
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
            let facts = self.party(called)?;
            let (leg, dnis) = (facts.leg()?.id, facts.dnis.clone());
            let caller = self.party_mut(who)?;
            caller.dnis = dnis.clone();
            caller.leg_mut()?.peer = Some(leg);
            self.conversations.get_mut(who.conversation)?.address = dnis;
            self.connect(who);
            self.publish(who.conversation);
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
        let name = self.organization.users.get(user)?.name.clone();
        let address = self.user_address(user);
        let arrival = Arrival {
            purpose,
            user: Some(user),
            queue,
            name,
            ani: address.clone(),
            dnis: String::new(),
            address,
            state: State::Contacting,
            direction: Direction::Outbound,
            peer: None,
            touched: self.touched_user(user),
        };
        let who = self.arrive(at, arrival)?;
        self.cast(at, party, who);
        self.require_after_call_work(at, party);
        self.publish(who.conversation);
        let status = if queue.is_some() {
            RoutingStatus::Interacting
        } else {
            RoutingStatus::Communicating
        };
        self.set_routing(user, status);
        Some(Next::Again(self.moment(300, 800)))
    }
}
