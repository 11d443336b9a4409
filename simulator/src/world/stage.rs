//! Plays scripts: casts users and queues, and lets one step follow the other. What the platform does by itself to make
//! a step happen is in [`legs`](super::legs).

use super::{Due, World};
use crate::chance::{Chance, Id};
use crate::conversation::{
    AfterCallWork, Cause, Direction, Participant, Purpose, Recording, State, Touched,
};
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
    pub(super) conversation_id: Id,
    /// Its conversation, once begun.
    pub(super) conversation: Option<usize>,
    /// Who plays whom: the user, and the newest participant.
    pub(super) cast: Vec<(Party, Option<usize>, Option<usize>)>,
    pub(super) lines: Vec<(Line, usize)>,
    /// The queue that the call is in or came through.
    pub(super) line: Option<Line>,
    /// The participants whose after-call work has an end in the agenda.
    pub(super) works: Vec<usize>,
    /// Since which step it waits for an agent.
    pub(super) waits_at: Option<usize>,
    pub(super) over: bool,
    pub(super) chance: Chance,
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

impl Play {
    pub(super) fn user(&self, party: Party) -> Option<usize> {
        self.cast
            .iter()
            .find(|(who, ..)| *who == party)
            .and_then(|(_, user, _)| *user)
    }

    pub(super) fn participant(&self, party: Party) -> Option<usize> {
        self.cast
            .iter()
            .find(|(who, ..)| *who == party)
            .and_then(|(.., participant)| *participant)
    }

    fn cast(&mut self, party: Party, user: Option<usize>, participant: Option<usize>) {
        match self.cast.iter_mut().find(|(who, ..)| *who == party) {
            Some(role) => (role.1, role.2) = (user, participant),
            None => self.cast.push((party, user, participant)),
        }
    }

    /// Which party a participant is.
    pub(super) fn party(&self, participant: usize) -> Option<Party> {
        self.cast
            .iter()
            .find(|(.., at)| *at == Some(participant))
            .map(|(who, ..)| *who)
    }

    fn users(&self) -> Vec<usize> {
        self.cast.iter().filter_map(|(_, user, _)| *user).collect()
    }
}

impl World {
    pub(super) fn begin_play(&mut self, script: &'static Script) -> usize {
        let conversation_id = self.ids.id();
        let play = self.plays.len();
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
            conversation_id,
            conversation: None,
            cast: Vec::new(),
            lines,
            line: None,
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
            .map_or_else(|| Chance::new(0, "none").id(), |play| play.conversation_id)
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
        let next = self.perform(at, step, phase);
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
        let Some(play) = self
            .plays
            .get(at)
            .filter(|play| play.waits_at == Some(step) && !play.over)
        else {
            return;
        };
        self.waiting.retain(|waiting| *waiting != at);
        let outside = play.participant(Party::Customer);
        let ended = outside.map(|outside| self.hang_up(at, outside, Cause::Endpoint));
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
        let (users, conversation) = (play.users(), play.conversation);
        self.waiting.retain(|waiting| *waiting != at);
        if conversation.is_some() {
            let open = self.open(at, |_| true);
            self.end_legs(at, &open, Cause::System);
            self.end_forgotten_work(at);
        }
        for user in users {
            if !self.works(at, user) {
                self.release(user, at);
            }
        }
    }

    fn perform(&mut self, at: usize, step: Step, phase: u8) -> Next {
        let now = self.now;
        match step {
            Step::Lasts(span) => Next::Step(self.draw_span(at, span.from, span.to)),
            Step::CallsIn(_) if self.conversation_at(at).is_some() => Next::End,
            Step::CallsIn(party) => {
                let Some(caller) = self.arrive_outside(at, Purpose::Customer) else {
                    return Next::End;
                };
                self.cast(at, party, None, Some(caller));
                self.connect_soon(at, caller)
            }
            Step::EntersMenu => {
                let flows = self.organization.flows.len();
                let Some(play) = self.plays.get_mut(at) else {
                    return Next::End;
                };
                let flow = play.chance.below(flows);
                let Some(flow) = self.organization.flows.get(flow) else {
                    return Next::End;
                };
                let address = format!("sip:{}@127.0.0.1;language=en-US;user=ivr", flow.id);
                let touched = Touched {
                    division: flow.division,
                    path: "flows",
                    id: flow.id,
                    at: now,
                };
                let name = flow.name.to_owned();
                let arrival = self.system_party(at, Purpose::Ivr, None, name, address);
                let Some(menu) = self.arrive(at, arrival, Some(touched)) else {
                    return Next::End;
                };
                self.publish_play(at);
                self.connect_soon(at, menu)
            }
            Step::JoinsQueue(line) => {
                let left = self.open(at, |party| {
                    matches!(party.purpose, Purpose::Ivr | Purpose::Acd)
                });
                self.join_queue(at, line, &left)
            }
            Step::TransfersToQueue(party, line) => {
                let Some(from) = self.participant(at, party) else {
                    return Next::End;
                };
                if !self.speaks(at, party) {
                    return Next::End;
                }
                let Some(queue) = self.queue(at, line) else {
                    return Next::End;
                };
                let address = self.queue_address(queue);
                self.transfer(at, from, None, address);
                self.join_queue(at, line, &[from])
            }
            Step::OfferedTo(party) => self.offer(at, party),
            Step::TransfersTo(from, to) => {
                if !self.can_be_called(at, to) || !self.speaks(at, from) {
                    return Next::End;
                }
                let Some(user) = self.take_user(at, to, None) else {
                    return Next::Wait;
                };
                let Some(from) = self.participant(at, from) else {
                    return Next::End;
                };
                let address = self.user_address(user);
                self.transfer(at, from, Some(user), address);
                self.alert(at, to, user, Purpose::User, None);
                self.end_legs(at, &[from], Cause::Transfer);
                Next::Step(self.moment(100, 200))
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
                self.record(at, Recording::Paused);
                self.change(at, party, Kind::SecurePauseStarted, |leg, _| {
                    leg.secure_pause = true
                })
            }
            Step::ResumesRecording(party) => {
                self.record(at, Recording::Active);
                self.change(at, party, Kind::SecurePauseEnded, |leg, _| {
                    leg.secure_pause = false
                })
            }
            Step::Attaches(key, value) => {
                let (Some(conversation), Some(outside)) =
                    (self.conversation_at(at), self.outside(at))
                else {
                    return Next::End;
                };
                if let Some(party) = self.party_mut(at, outside) {
                    match party.attributes.iter_mut().find(|(known, _)| *known == key) {
                        Some(attribute) => attribute.1 = value,
                        None => party.attributes.push((key, value)),
                    }
                }
                self.act_of_attribute(conversation, outside, key, value);
                self.publish(conversation);
                Next::Step(self.moment(5, 20))
            }
            Step::HangsUp(party) => {
                let Some(who) = self.participant(at, party) else {
                    return Next::End;
                };
                let cause = if party == Party::Customer {
                    Cause::Endpoint
                } else {
                    Cause::Client
                };
                self.hang_up(at, who, cause);
                Next::Step(self.moment(100, 150))
            }
            Step::WrapsUp(party, code) => {
                let (Some(conversation), Some(who)) =
                    (self.conversation_at(at), self.participant(at, party))
                else {
                    return Next::End;
                };
                self.wrap_up(at, who, self.wrapup_code(code), 0);
                self.publish(conversation);
                Next::Step(self.moment(5, 20))
            }
            Step::WorksAfterCall(party, span, code) => {
                let Some(participant) = self.participant(at, party) else {
                    return Next::End;
                };
                let user = self.party_mut(at, participant).and_then(|party| party.user);
                if !user.is_some_and(|user| self.works(at, user)) {
                    return Next::Step(Millis(1));
                }
                let code = self.wrapup_code(code);
                let after = self.draw_span(at, span.from, span.to);
                if let Some(play) = self.plays.get_mut(at) {
                    play.works.push(participant);
                }
                self.expect(
                    after,
                    Due::AfterCallWorkEnds {
                        play: at,
                        participant,
                        code,
                    },
                );
                Next::Step(Millis(1))
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

    pub(super) fn conversation_at(&self, at: usize) -> Option<usize> {
        self.plays.get(at)?.conversation
    }

    pub(super) fn participant(&self, at: usize, party: Party) -> Option<usize> {
        self.plays.get(at)?.participant(party)
    }

    pub(super) fn outside(&self, at: usize) -> Option<usize> {
        self.conversations.get(self.conversation_at(at)?)?.outside()
    }

    pub(super) fn party_mut(&mut self, at: usize, participant: usize) -> Option<&mut Participant> {
        let conversation = self.conversation_at(at)?;
        self.conversations
            .get_mut(conversation)?
            .participants
            .get_mut(participant)
    }

    fn queue(&self, at: usize, line: Line) -> Option<usize> {
        self.plays
            .get(at)?
            .lines
            .iter()
            .find(|(known, _)| *known == line)
            .map(|(_, queue)| *queue)
    }

    fn cast(&mut self, at: usize, party: Party, user: Option<usize>, participant: Option<usize>) {
        if let Some(play) = self.plays.get_mut(at) {
            play.cast(party, user, participant);
        }
    }

    fn publish_play(&mut self, at: usize) {
        if let Some(conversation) = self.conversation_at(at) {
            self.publish(conversation);
        }
    }

    /// The participants with an open leg of whom `is` holds.
    pub(super) fn open(&self, at: usize, is: impl Fn(&Participant) -> bool) -> Vec<usize> {
        let conversation = self
            .conversation_at(at)
            .and_then(|at| self.conversations.get(at));
        let parties = conversation
            .map(|conversation| conversation.participants.as_slice())
            .unwrap_or_default();
        parties
            .iter()
            .enumerate()
            .filter(|(_, party)| party.leg.is_open() && is(party))
            .map(|(at, _)| at)
            .collect()
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

    /// The party outside comes: dials in, or is dialed.
    fn arrive_outside(&mut self, at: usize, purpose: Purpose) -> Option<usize> {
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
        };
        self.arrive(at, arrival, None)
    }

    fn system_party(
        &self,
        at: usize,
        purpose: Purpose,
        queue: Option<usize>,
        name: String,
        address: String,
    ) -> Arrival {
        let outside = self.outside(at);
        let conversation = self
            .conversation_at(at)
            .and_then(|at| self.conversations.get(at));
        let outside = conversation
            .zip(outside)
            .and_then(|(conversation, at)| conversation.participants.get(at));
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
        }
    }

    fn join_queue(&mut self, at: usize, line: Line, left: &[usize]) -> Next {
        let Some(queue) = self.queue(at, line) else {
            return Next::End;
        };
        let Some(facts) = self.organization.queues.get(queue) else {
            return Next::End;
        };
        let (name, division, id) = (facts.name.clone(), facts.division, facts.id);
        let touched = Touched {
            division,
            path: "routing/queues",
            id,
            at: self.now,
        };
        let arrival = self.system_party(
            at,
            Purpose::Acd,
            Some(queue),
            name,
            self.queue_address(queue),
        );
        let Some(acd) = self.arrive(at, arrival, Some(touched)) else {
            return Next::End;
        };
        if let Some(play) = self.plays.get_mut(at) {
            play.line = Some(line);
        }
        self.end_legs(at, left, Cause::Transfer);
        self.connect_soon(at, acd)
    }

    fn offer(&mut self, at: usize, party: Party) -> Next {
        let line = self.plays.get(at).and_then(|play| play.line);
        let Some(queue) = line.and_then(|line| self.queue(at, line)) else {
            return Next::End;
        };
        if !self.can_be_called(at, party) {
            return Next::End;
        }
        let Some(user) = self.take_user(at, party, Some(queue)) else {
            return Next::Wait;
        };
        self.alert(at, party, user, Purpose::Agent, Some(queue));
        self.publish_play(at);
        Next::Step(self.moment(20, 50))
    }

    /// Whether `party` is a user who is not on the line already.
    fn can_be_called(&self, at: usize, party: Party) -> bool {
        party != Party::Customer
            && self
                .plays
                .get(at)
                .and_then(|play| play.participant(party))
                .is_none_or(|who| !self.open(at, |_| true).contains(&who))
    }

    /// Whether `party` is on the line.
    fn speaks(&self, at: usize, party: Party) -> bool {
        let who = self.participant(at, party);
        who.is_some_and(|who| {
            self.open(at, |party| party.leg.is_connected())
                .contains(&who)
        })
    }

    /// Whether a user works on after their part in the call of this play.
    pub(super) fn works(&self, at: usize, user: usize) -> bool {
        let conversation = self
            .conversation_at(at)
            .and_then(|at| self.conversations.get(at));
        conversation.is_some_and(|conversation| {
            conversation.participants.iter().any(|party| {
                party.user == Some(user)
                    && matches!(party.leg.after_call_work, AfterCallWork::Pending(_))
            })
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
            None => self.longest_free(queue, &play.users())?,
        };
        self.engage(user, at);
        self.cast(at, party, Some(user), None);
        Some(user)
    }

    fn alert(
        &mut self,
        at: usize,
        party: Party,
        user: usize,
        purpose: Purpose,
        queue: Option<usize>,
    ) {
        let address = self.user_address(user);
        let Some(facts) = self.organization.users.get(user) else {
            return;
        };
        let touched = Touched {
            division: facts.division,
            path: "users",
            id: facts.id,
            at: self.now,
        };
        let name = facts.name.clone();
        let mut arrival = self.system_party(at, purpose, queue, name, address);
        arrival.user = Some(user);
        arrival.state = State::Alerting;
        if let Some(number) = arrival.ani.strip_prefix("tel:") {
            arrival.ani = format!("sip:{number}@10.87.26.159;user=phone");
        }
        let participant = self.arrive(at, arrival, Some(touched));
        self.cast(at, party, Some(user), participant);
        self.require_after_call_work(at, party);
    }

    /// Whether an agent will have to work on is known from the beginning.
    fn require_after_call_work(&mut self, at: usize, party: Party) {
        let required = self
            .plays
            .get(at)
            .is_some_and(|play| play.script.works_after_call(play.at, party));
        let participant = self.participant(at, party);
        if let Some(who) = participant.and_then(|participant| self.party_mut(at, participant)) {
            who.leg.after_call_work_required = required;
        }
    }

    fn answer(&mut self, at: usize, party: Party) -> Next {
        let (Some(conversation), Some(who)) =
            (self.conversation_at(at), self.participant(at, party))
        else {
            return Next::End;
        };
        if self.open(at, |_| true).iter().all(|open| *open != who) {
            return Next::End;
        }
        self.connect(conversation, who);
        self.record(at, Recording::Active);
        self.publish(conversation);
        let purpose = self.party_mut(at, who).map(|party| party.purpose);
        if let Some(user) = self.plays.get(at).and_then(|play| play.user(party)) {
            let acd = purpose == Some(Purpose::Agent);
            self.set_routing(
                user,
                if acd {
                    RoutingStatus::Interacting
                } else {
                    RoutingStatus::Communicating
                },
            );
        }
        for participant in self.open(at, |party| party.purpose == Purpose::Acd) {
            let after = self.moment(10, 40);
            self.expect(
                after,
                Due::Ends {
                    play: at,
                    participant,
                    cause: Cause::Transfer,
                },
            );
        }
        Next::Step(self.moment(60, 100))
    }

    /// An alerting user does not take the call.
    fn decline(&mut self, at: usize, party: Party, cause: Cause) -> Next {
        let Some(who) = self.participant(at, party) else {
            return Next::End;
        };
        let user = self.plays.get(at).and_then(|play| play.user(party));
        self.end_legs(at, &[who], cause);
        if let Some(user) = user
            && cause == Cause::Timeout
        {
            self.stop_responding(user);
        }
        Next::Step(self.moment(100, 200))
    }

    fn dial_out(&mut self, at: usize, party: Party, line: Option<Line>, phase: u8) -> Next {
        let queue = line.and_then(|line| self.queue(at, line));
        if line.is_some() && queue.is_none() {
            return Next::End;
        }
        if phase > 0 {
            let (Some(conversation), Some(who)) =
                (self.conversation_at(at), self.participant(at, party))
            else {
                return Next::End;
            };
            let purpose = if queue.is_some() {
                Purpose::Customer
            } else {
                Purpose::External
            };
            let Some(called) = self.arrive_outside(at, purpose) else {
                return Next::End;
            };
            self.cast(at, Party::Customer, None, Some(called));
            let facts = self
                .party_mut(at, called)
                .map(|party| (party.leg.id, party.dnis.clone()));
            if let (Some((leg, dnis)), Some(who)) = (facts, self.party_mut(at, who)) {
                (who.leg.peer, who.dnis) = (Some(leg), dnis.clone());
                if let Some(conversation) = self.conversations.get_mut(conversation) {
                    conversation.address = dnis;
                }
            }
            self.connect(conversation, who);
            self.publish(conversation);
            return Next::Step(self.moment(20, 50));
        }
        if self.conversation_at(at).is_some() || !self.can_be_called(at, party) {
            return Next::End;
        }
        let Some(user) = self.take_user(at, party, queue) else {
            return Next::Wait;
        };
        if let Some(play) = self.plays.get_mut(at) {
            play.line = line;
        }
        let purpose = if queue.is_some() {
            Purpose::Agent
        } else {
            Purpose::User
        };
        let Some(facts) = self.organization.users.get(user) else {
            return Next::End;
        };
        let touched = Touched {
            division: facts.division,
            path: "users",
            id: facts.id,
            at: self.now,
        };
        let address = self.user_address(user);
        let arrival = Arrival {
            purpose,
            user: Some(user),
            queue,
            name: facts.name.clone(),
            ani: address.clone(),
            dnis: String::new(),
            address,
            state: State::Contacting,
            direction: Direction::Outbound,
        };
        let Some(who) = self.arrive(at, arrival, Some(touched)) else {
            return Next::End;
        };
        self.cast(at, party, Some(user), Some(who));
        self.require_after_call_work(at, party);
        self.publish_play(at);
        let status = if queue.is_some() {
            RoutingStatus::Interacting
        } else {
            RoutingStatus::Communicating
        };
        self.set_routing(user, status);
        Next::Again(self.moment(300, 800))
    }
}
