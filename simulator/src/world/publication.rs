//! Who is shown a conversation, and which acts a body shows them for the first time. Works on the conversation as it
//! is and on the acts that were written; never looks at a body. The rules are told in [`world`](super) (who, how long)
//! and in [`truth`](crate::truth) (which acts).

use std::sync::Arc;

use super::{Place, Shown, World};
use crate::body;
use crate::conversation::{Conversation, Purpose, State};
use crate::time::Time;
use crate::truth::{Act, Kind};

/// What was published of one conversation.
#[derive(Debug, Default)]
pub(super) struct Publication {
    acts: Vec<Noted>,
    watchers: Vec<Watcher>,
}

/// An act of the conversation, and what it takes to read it from a snapshot.
#[derive(Debug)]
struct Noted {
    act: u64,
    kind: Kind,
    participant: Option<usize>,
    time: Time,
    /// For an attribute: key and value.
    attribute: Option<(&'static str, Arc<str>)>,
}

/// Somebody whose topics show the conversation.
#[derive(Debug)]
struct Watcher {
    audience: Audience,
    nested: Arc<str>,
    flat: Arc<str>,
    /// For every act so far: whether it was shown to them.
    shown: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    User(usize),
    Queue(usize),
}

impl Publication {
    /// When the last act was.
    pub(super) fn last_act(&self) -> Option<Time> {
        self.acts.last().map(|act| act.time)
    }
}

impl Noted {
    /// Whether a snapshot of the conversation as it is now shows the act to somebody who has seen the acts `seen`.
    fn is_readable(&self, conversation: &Conversation, acts: &[Self], seen: &[bool]) -> bool {
        let participant = self
            .participant
            .and_then(|at| conversation.participants.get(at));
        let leg = participant.and_then(|participant| participant.leg());
        let in_state = |state| leg.is_some_and(|leg| leg.state == state);
        // The end of a hold says nothing to somebody who was not shown its beginning.
        let beginning_seen = |kind| {
            let began = |noted: &Self| {
                noted.kind == kind && noted.participant == self.participant && noted.act < self.act
            };
            acts.iter()
                .rposition(began)
                .is_some_and(|at| seen.get(at) == Some(&true))
        };
        match self.kind {
            Kind::Alerting => in_state(State::Alerting),
            Kind::Dialing => in_state(State::Dialing),
            Kind::Contacting => in_state(State::Contacting),
            Kind::Held => leg.is_some_and(|leg| leg.held == Some(self.time)),
            Kind::Muted => leg.is_some_and(|leg| leg.muted),
            Kind::SecurePauseStarted => leg.is_some_and(|leg| leg.secure_pause),
            Kind::Retrieved => {
                leg.is_some_and(|leg| leg.held.is_none()) && beginning_seen(Kind::Held)
            }
            Kind::Unmuted => leg.is_some_and(|leg| !leg.muted) && beginning_seen(Kind::Muted),
            Kind::SecurePauseEnded => {
                leg.is_some_and(|leg| !leg.secure_pause) && beginning_seen(Kind::SecurePauseStarted)
            }
            Kind::Attributes => participant
                .zip(self.attribute.as_ref())
                .is_some_and(|(participant, attribute)| participant.attributes.contains(attribute)),
            _ => true,
        }
    }
}

impl World {
    /// Writes down an act of a participant.
    pub(super) fn act(&mut self, place: Place, kind: Kind, detail: Option<String>) {
        self.act_about(
            place.conversation,
            Some(place.participant),
            kind,
            detail,
            None,
        );
    }

    /// Writes down an act of a whole conversation.
    pub(super) fn act_of_all(&mut self, conversation: usize, kind: Kind) {
        self.act_about(conversation, None, kind, None, None);
    }

    /// Writes down that an attribute was set. Its value is nobody's business.
    pub(super) fn act_of_attribute(&mut self, place: Place, key: &'static str, value: Arc<str>) {
        self.act_about(
            place.conversation,
            Some(place.participant),
            Kind::Attributes,
            Some(key.to_owned()),
            Some((key, value)),
        );
    }

    fn act_about(
        &mut self,
        at: usize,
        participant: Option<usize>,
        kind: Kind,
        detail: Option<String>,
        attribute: Option<(&'static str, Arc<str>)>,
    ) {
        let Some(conversation) = self.conversations.get(at) else {
            return;
        };
        let party = participant.and_then(|at| conversation.participants.get(at));
        let user = party
            .and_then(|party| party.user)
            .and_then(|user| self.organization.users.get(user));
        let queue = party
            .and_then(|party| party.queue)
            .and_then(|queue| self.organization.queues.get(queue));
        let talk = party.and_then(|party| Some((party.user?, party.leg()?.id)));
        let cause = party.and_then(|party| party.leg()?.cause);
        let act = self.truth.write(Act {
            act: 0,
            time: self.now,
            kind,
            conversation: Some(conversation.id),
            participant: party.map(|party| party.id),
            communication: party.and_then(|party| Some(party.leg()?.id)),
            user: user.map(|user| user.id),
            queue: queue.map(|queue| queue.id),
            purpose: party.map(|party| party.purpose.word()),
            cause: cause
                .filter(|_| kind == Kind::Disconnected)
                .map(|cause| cause.word()),
            detail,
            topics: Vec::new(),
            sent: Vec::new(),
            script: Some(conversation.script),
        });
        if let Some((user, leg)) = talk
            && matches!(kind, Kind::Connected | Kind::Disconnected)
            && let Some(agent) = self.agents.get_mut(user)
        {
            agent.talks.retain(|talk| *talk != leg);
            if kind == Kind::Connected {
                agent.talks.push(leg);
            }
            self.stirred.push(user);
        }
        if let Some(publication) = self.publications.get_mut(at) {
            publication.acts.push(Noted {
                act,
                kind,
                participant,
                time: self.now,
                attribute,
            });
        }
    }

    /// Publishes a snapshot of the conversation on the topics of everybody who takes part.
    pub(super) fn publish(&mut self, at: usize) {
        let (Some(conversation), Some(publication)) = (
            self.conversations.get_mut(at),
            self.publications.get_mut(at),
        ) else {
            return;
        };
        let audiences = audiences(conversation);
        if audiences.is_empty() {
            return;
        }
        let nested = body::nested::conversation(&self.organization, conversation, self.config.pace);
        let flat = body::flat::conversation(&self.organization, conversation, self.config.pace);
        for audience in audiences {
            let known = publication
                .watchers
                .iter()
                .position(|watcher| watcher.audience == audience);
            let known = known.unwrap_or_else(|| {
                let base = match audience {
                    Audience::User(user) => self
                        .organization
                        .users
                        .get(user)
                        .map(|user| ("v2.users", user.id)),
                    Audience::Queue(queue) => self
                        .organization
                        .queues
                        .get(queue)
                        .map(|queue| ("v2.routing.queues", queue.id)),
                };
                let base = base
                    .map(|(path, id)| format!("{path}.{id}.conversations"))
                    .unwrap_or_default();
                let flat = format!("{base}.calls").into();
                publication.watchers.push(Watcher {
                    audience,
                    nested: base.into(),
                    flat,
                    shown: Vec::new(),
                });
                publication.watchers.len() - 1
            });
            let Some(watcher) = publication.watchers.get_mut(known) else {
                continue;
            };
            let mut new = Vec::new();
            for noted in publication.acts.iter().skip(watcher.shown.len()) {
                let readable = noted.is_readable(conversation, &publication.acts, &watcher.shown);
                watcher.shown.push(readable);
                if readable {
                    new.push(noted.act);
                }
            }
            for (topic, body) in [(&watcher.nested, &nested), (&watcher.flat, &flat)] {
                for act in &new {
                    self.truth.shown(*act, topic);
                }
                self.shown.push_back(Shown {
                    topic: Arc::clone(topic),
                    body: Arc::clone(body),
                    metadata_action: None,
                    acts: new.clone(),
                    at: self.now,
                });
            }
        }
        for participant in &mut conversation.participants {
            participant.told = participant.is_over();
        }
    }
}

/// Users, then queues, whose part of the conversation is not over, or was over only after the last body.
fn audiences(conversation: &Conversation) -> Vec<Audience> {
    let mut audiences = Vec::new();
    let mut add = |audience| {
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    };
    let parts = || {
        conversation
            .participants
            .iter()
            .filter(|participant| !participant.told)
    };
    for user in parts().filter_map(|participant| participant.user) {
        add(Audience::User(user));
    }
    for queue in
        parts().filter(|participant| matches!(participant.purpose, Purpose::Acd | Purpose::Agent))
    {
        if let Some(queue) = queue.queue {
            add(Audience::Queue(queue));
        }
    }
    audiences
}
