//! What becomes of participants and their legs: they come, are answered, change, end and are put away; agents work on
//! after them. All that the platform does by itself when a story says who does what.

use super::stage::Next;
use super::{Due, World};
use crate::conversation::{
    AfterCallWork, Cause, Conversation, Direction, Leg, Participant, Purpose, Recording, State,
    Touched, Transfer, Wrapup,
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
}

impl World {
    /// A participant comes; the first one begins the conversation.
    pub(super) fn arrive(
        &mut self,
        at: usize,
        arrival: Arrival,
        touched: Option<Touched>,
    ) -> Option<usize> {
        let now = self.now;
        let play = self.plays.get(at)?;
        let conversation = match play.conversation {
            Some(conversation) => conversation,
            None => {
                let begun = self.conversations.len();
                self.conversations.push(Conversation {
                    id: play.conversation_id,
                    started: now,
                    ended: None,
                    address: arrival.dnis.clone(),
                    participants: Vec::new(),
                    transfers: Vec::new(),
                    touched: Vec::new(),
                    recording: Recording::None,
                    script: play.script.name,
                });
                self.conversation_by_id.insert(play.conversation_id, begun);
                self.publications
                    .push(super::publication::Publication::default());
                self.truth.conversations += 1;
                begun
            }
        };
        self.plays.get_mut(at)?.conversation = Some(conversation);
        let (participant_id, leg_id) = (self.ids.id(), self.ids.id());
        let conversation_at = conversation;
        let conversation = self.conversations.get_mut(conversation_at)?;
        let peer = conversation
            .outside()
            .and_then(|outside| conversation.participants.get(outside));
        let peer = peer.map(|party| party.leg.id);
        let known = |known: &Touched| touched.as_ref().is_some_and(|new| new.id == known.id);
        if !conversation.touched.iter().any(known) {
            conversation.touched.extend(touched);
        }
        let state = arrival.state;
        conversation.participants.push(Participant {
            id: participant_id,
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
            leg: Leg::new(leg_id, peer, arrival.direction, state, now),
        });
        let participant = conversation.participants.len() - 1;
        self.truth.legs += 1;
        let kind = match state {
            State::Alerting => Some(Kind::Alerting),
            State::Dialing => Some(Kind::Dialing),
            State::Contacting => Some(Kind::Contacting),
            _ => None,
        };
        if let Some(kind) = kind {
            self.act(conversation_at, Some(participant), kind, None);
        }
        if arrival.purpose == Purpose::Acd {
            self.act(conversation_at, Some(participant), Kind::Queued, None);
        }
        Some(participant)
    }

    /// A system party answers within a moment.
    pub(super) fn connect_soon(&mut self, at: usize, participant: usize) -> Next {
        let Some(conversation) = self.conversation_at(at) else {
            return Next::End;
        };
        let after = self.moment(20, 150);
        self.expect(
            after,
            Due::Connects {
                conversation,
                participant,
            },
        );
        let then = self.moment(20, 50);
        Next::Step(Millis(after.0 + then.0))
    }

    /// A leg is answered.
    pub(super) fn connect(&mut self, conversation: usize, participant: usize) {
        let now = self.now;
        let party = self
            .conversations
            .get_mut(conversation)
            .and_then(|c| c.participants.get_mut(participant));
        let Some(party) =
            party.filter(|party| party.leg.is_open() && party.leg.connected.is_none())
        else {
            return;
        };
        party.leg.connected = Some(now);
        party.leg.state = State::Connected;
        party.leg.segment(
            if party.purpose == Purpose::Ivr {
                "IVR"
            } else {
                "Interact"
            },
            now,
        );
        self.act(conversation, Some(participant), Kind::Connected, None);
    }

    /// Something changes on a connected leg.
    pub(super) fn change(
        &mut self,
        at: usize,
        party: Party,
        kind: Kind,
        change: impl FnOnce(&mut Leg, Time),
    ) -> Next {
        let now = self.now;
        let (Some(conversation), Some(who)) =
            (self.conversation_at(at), self.participant(at, party))
        else {
            return Next::End;
        };
        let Some(participant) = self
            .party_mut(at, who)
            .filter(|party| party.leg.is_connected())
        else {
            return Next::End;
        };
        change(&mut participant.leg, now);
        self.act(conversation, Some(who), kind, None);
        self.publish(conversation);
        Next::Step(self.moment(5, 20))
    }

    /// The recording of the conversation, on the legs of the people who speak.
    pub(super) fn record(&mut self, at: usize, recording: Recording) {
        let Some(conversation) = self
            .conversation_at(at)
            .and_then(|at| self.conversations.get_mut(at))
        else {
            return;
        };
        let speaks = |party: &Participant| party.purpose.is_person() && party.leg.is_connected();
        if conversation
            .participants
            .iter()
            .filter(|party| speaks(party))
            .count()
            < 2
        {
            return;
        }
        conversation.recording = recording;
        for party in conversation
            .participants
            .iter_mut()
            .filter(|party| speaks(party))
        {
            party.leg.recording = recording;
        }
    }

    pub(super) fn transfer(&mut self, at: usize, from: usize, to: Option<usize>, address: String) {
        let (id, now) = (self.ids.id(), self.now);
        let by = self.party_mut(at, from).and_then(|party| party.user);
        let Some(at) = self.conversation_at(at) else {
            return;
        };
        let detail = Some(address.clone());
        if let Some(conversation) = self.conversations.get_mut(at) {
            conversation.transfers.push(Transfer {
                id,
                at: now,
                by,
                to,
                address,
            });
        }
        self.act(at, Some(from), Kind::Transferred, detail);
    }

    /// A party leaves. If nobody is left for somebody to talk to, everybody else is disconnected a moment later.
    pub(super) fn hang_up(&mut self, at: usize, who: usize, cause: Cause) {
        self.end_legs(at, &[who], cause);
        let talk = self.open(at, |party| {
            party.purpose.is_person() && party.leg.connected.is_some()
        });
        if talk.len() < 2 {
            for participant in self.open(at, |_| true) {
                let after = self.moment(5, 40);
                self.expect(
                    after,
                    Due::Ends {
                        play: at,
                        participant,
                        cause: Cause::Peer,
                    },
                );
            }
        }
    }

    /// Legs end, for media. Their users are given back unless they have to work on or are offered the call again.
    pub(super) fn end_legs(&mut self, at: usize, who: &[usize], cause: Cause) {
        let now = self.now;
        let Some(conversation) = self.conversation_at(at) else {
            return;
        };
        let mut free = Vec::new();
        let mut ended = false;
        for participant in who.iter().copied() {
            let keeps = self.ids.share(self.config.connected_during_after_call_work);
            let play = self.plays.get(at);
            let party_cast = play.and_then(|play| play.party(participant));
            let again = play
                .zip(party_cast)
                .is_some_and(|(play, party)| play.script.offers_again(play.at, party));
            let Some(party) = self
                .party_mut(at, participant)
                .filter(|party| party.leg.is_open())
            else {
                continue;
            };
            ended = true;
            let (purpose, user) = (party.purpose, party.user);
            let leg = &mut party.leg;
            leg.end_segment("Disconnect", now);
            (leg.disconnected, leg.cause) = (Some(now), Some(cause));
            (leg.held, leg.muted) = (None, false);
            leg.recording = Recording::None;
            let paused = std::mem::take(&mut leg.secure_pause);
            leg.state = State::Disconnected;
            if purpose == Purpose::Acd {
                leg.reason = Some(("sip", 410, "Gone"));
            }
            let works = leg.after_call_work_required && leg.connected.is_some();
            if works {
                leg.after_call_work = AfterCallWork::Pending(now);
                if keeps {
                    leg.state = State::Connected;
                }
            } else if purpose == Purpose::Agent && leg.connected.is_some() {
                leg.after_call_work = AfterCallWork::Skipped(now);
            }
            if paused {
                self.act(
                    conversation,
                    Some(participant),
                    Kind::SecurePauseEnded,
                    None,
                );
            }
            self.act(conversation, Some(participant), Kind::Disconnected, None);
            if purpose == Purpose::Acd {
                self.act(conversation, Some(participant), Kind::Dequeued, None);
            }
            if works {
                self.act(
                    conversation,
                    Some(participant),
                    Kind::AfterCallWorkStarted,
                    None,
                );
            } else if !again {
                free.extend(user);
            }
        }
        if !ended {
            return;
        }
        let over = self
            .conversations
            .get_mut(conversation)
            .filter(|conversation| !conversation.is_open());
        if let Some(over) = over {
            over.ended = Some(now);
            over.recording = Recording::None;
            self.act(conversation, None, Kind::ConversationEnded, None);
        }
        self.publish(conversation);
        let after = self.moment(60, 250);
        self.expect(after, Due::PutAway { conversation });
        for user in free {
            self.release(user, at);
        }
    }

    /// Legs that are disconnected become terminated.
    pub(super) fn put_away(&mut self, conversation: usize) {
        let parties = self
            .conversations
            .get_mut(conversation)
            .map(|c| c.participants.as_mut_slice())
            .unwrap_or_default();
        let mut changed = false;
        for party in parties
            .iter_mut()
            .filter(|party| party.leg.state == State::Disconnected)
        {
            party.leg.state = State::Terminated;
            changed = true;
        }
        if changed {
            self.publish(conversation);
        }
    }

    /// After-call work that the story did not come to: it is over in a moment.
    pub(super) fn end_forgotten_work(&mut self, at: usize) {
        let known = self
            .plays
            .get(at)
            .map(|play| play.works.clone())
            .unwrap_or_default();
        let conversation = self
            .conversation_at(at)
            .and_then(|at| self.conversations.get(at));
        let parties = conversation.map(|conversation| conversation.participants.as_slice());
        let pending: Vec<usize> = (0..)
            .zip(parties.unwrap_or_default())
            .filter(|(_, party)| matches!(party.leg.after_call_work, AfterCallWork::Pending(_)))
            .map(|(participant, _)| participant)
            .filter(|participant| !known.contains(participant))
            .collect();
        for participant in pending {
            let after = self.moment(1_000, 3_000);
            self.expect(
                after,
                Due::AfterCallWorkEnds {
                    play: at,
                    participant,
                    code: 0,
                },
            );
        }
    }

    pub(super) fn end_after_call_work(&mut self, at: usize, participant: usize, code: usize) {
        let now = self.now;
        let Some(conversation) = self.conversation_at(at) else {
            return;
        };
        let Some(party) = self.party_mut(at, participant) else {
            return;
        };
        let AfterCallWork::Pending(since) = party.leg.after_call_work else {
            return;
        };
        party.leg.after_call_work = AfterCallWork::Complete(since, now);
        let kept = party.leg.state == State::Connected;
        if kept {
            party.leg.state = State::Disconnected;
        }
        let user = party.user;
        self.wrap_up(at, participant, code, (now - since).0 / 1_000);
        self.act(
            conversation,
            Some(participant),
            Kind::AfterCallWorkEnded,
            None,
        );
        self.publish(conversation);
        if kept {
            let after = self.moment(60, 250);
            self.expect(after, Due::PutAway { conversation });
        }
        if let Some(user) = user {
            self.release(user, at);
        }
    }

    pub(super) fn wrap_up(&mut self, at: usize, participant: usize, code: usize, seconds: i64) {
        let now = self.now;
        let name = self
            .organization
            .wrapup_codes
            .get(code)
            .map(|code| code.name.to_owned());
        if let Some(party) = self.party_mut(at, participant) {
            party.wrapup = Some(Wrapup {
                code,
                seconds,
                at: now,
            });
        }
        if let Some(conversation) = self.conversation_at(at) {
            self.act(conversation, Some(participant), Kind::Wrapup, name);
        }
    }
}
