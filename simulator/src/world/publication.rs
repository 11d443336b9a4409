//! Who is shown a conversation, and which acts a body shows them for the first time. Works on the conversation as it
//! is and on the acts that were written; never looks at a body. The rules are told in [`world`](super) (who, how long)
//! and in [`truth`](crate::truth) (which acts).

use std::sync::Arc;

use super::{Place, Shown, World};
use crate::body;
use crate::conversation::{
    Cause, Consulted, Conversation, Observing, Participant, Purpose, Recording, State,
};
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
    nested: Feed,
    flat: Feed,
}

/// One of their topics.
#[derive(Debug)]
struct Feed {
    topic: Arc<str>,
    form: Form,
    /// For every act so far: whether it was shown there.
    shown: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Nested,
    Flat,
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

impl Feed {
    fn new(topic: String, form: Form) -> Self {
        Self {
            topic: topic.into(),
            form,
            shown: Vec::new(),
        }
    }

    /// The acts that a snapshot of the conversation as it is now shows there for the first time.
    fn news(&mut self, conversation: &Conversation, acts: &[Noted]) -> Vec<u64> {
        let mut new = Vec::new();
        for noted in acts.iter().skip(self.shown.len()) {
            let readable = noted.is_readable(conversation, self.form, acts, &self.shown);
            self.shown.push(readable);
            if readable {
                new.push(noted.act);
            }
        }
        new
    }
}

impl Noted {
    /// Whether a snapshot of the conversation as it is now, in this form, shows the act to somebody who has seen the
    /// acts `seen`.
    fn is_readable(
        &self,
        conversation: &Conversation,
        form: Form,
        acts: &[Self],
        seen: &[bool],
    ) -> bool {
        let party = (self.participant).and_then(|at| conversation.participants.get(at));
        let leg = party.and_then(Participant::leg);
        if form == Form::Flat && party.is_some() && leg.is_none() {
            return false;
        }
        let in_state = |state| leg.is_some_and(|leg| leg.state == state);
        let was_seen = |is: &dyn Fn(&Self) -> bool| {
            (acts.iter().zip(seen)).any(|(noted, seen)| *seen && is(noted))
        };
        // The end of a hold says nothing to somebody who was not shown its beginning.
        let beginning_seen = |kind| {
            let began = |noted: &Self| {
                noted.kind == kind && noted.participant == self.participant && noted.act < self.act
            };
            acts.iter()
                .rposition(began)
                .is_some_and(|at| seen.get(at) == Some(&true))
        };
        let consult = party.and_then(|party| party.consult);
        let observes = |how| {
            party
                .and_then(|party| party.observes)
                .is_some_and(|now| now.how == how)
        };
        match self.kind {
            Kind::Alerting => in_state(State::Alerting),
            Kind::Dialing => in_state(State::Dialing),
            Kind::Contacting => in_state(State::Contacting),
            Kind::Held => leg.is_some_and(|leg| leg.held == Some(self.time)),
            Kind::Muted => leg.is_some_and(|leg| leg.muted),
            Kind::Confined => leg.is_some_and(|leg| leg.confined),
            Kind::Parked => {
                form == Form::Flat && leg.is_some_and(|leg| leg.parked == Some(self.time))
            }
            Kind::RecordingPaused => leg.is_some_and(|leg| leg.recording == Recording::Paused),
            Kind::Retrieved => {
                leg.is_some_and(|leg| leg.held.is_none()) && beginning_seen(Kind::Held)
            }
            Kind::Unmuted => leg.is_some_and(|leg| !leg.muted) && beginning_seen(Kind::Muted),
            Kind::Unconfined => {
                leg.is_some_and(|leg| !leg.confined) && beginning_seen(Kind::Confined)
            }
            Kind::Unparked => form == Form::Flat && beginning_seen(Kind::Parked),
            Kind::RecordingResumed => {
                leg.is_some_and(|leg| leg.recording != Recording::Paused)
                    && beginning_seen(Kind::RecordingPaused)
            }
            Kind::Attributes => party
                .zip(self.attribute.as_ref())
                .is_some_and(|(party, attribute)| party.attributes.contains(attribute)),
            Kind::ConsultStarted => match consult.map(|consult| consult.with) {
                Some(Consulted::Participant(_)) => true,
                Some(Consulted::Conversation(_)) => form == Form::Nested,
                None => false,
            },
            Kind::ConsultCompleted | Kind::ConsultCancelled => beginning_seen(Kind::ConsultStarted),
            Kind::Conferenced => conversation.talkers() >= 3,
            Kind::PartyAdded => {
                conversation.talkers() >= 3 && party.is_some_and(Participant::talks)
            }
            Kind::PartyLeft => was_seen(&|noted| noted.kind == Kind::Conferenced),
            Kind::MonitoringStarted => observes(Observing::Monitors),
            Kind::CoachingStarted => observes(Observing::Coaches),
            Kind::BargedIn => observes(Observing::Barges),
            Kind::CallbackAlerting => {
                let callback = party.and_then(Participant::callback);
                form == Form::Nested && callback.is_some_and(|of| of.state == State::Alerting)
            }
            Kind::CallbackScheduled | Kind::CallbackConnected | Kind::CallbackDisconnected => {
                form == Form::Nested
            }
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
        let cause = match kind {
            Kind::CallbackDisconnected => party.and_then(|party| party.callback()?.cause),
            Kind::Disconnected => party.and_then(|party| party.leg()?.cause),
            _ => None,
        };
        let act = self.truth.write(Act {
            act: 0,
            time: self.now,
            kind,
            conversation: Some(conversation.id),
            participant: party.map(|party| party.id),
            communication: party.and_then(|party| {
                if kind.is_of_callback() {
                    Some(party.callback()?.id)
                } else {
                    Some(party.leg()?.id)
                }
            }),
            user: user.map(|user| user.id),
            queue: queue.map(|queue| queue.id),
            purpose: party.map(|party| party.purpose.word()),
            cause: cause.map(Cause::word),
            detail,
            topics: Vec::new(),
            sent: Vec::new(),
            sent_to: 0,
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
        // Who has no call is not in the flat form; of a conversation without any there is none.
        let flat = (conversation.has_calls())
            .then(|| body::flat::conversation(&self.organization, conversation, self.config.pace));
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
                publication.watchers.push(Watcher {
                    audience,
                    flat: Feed::new(format!("{base}.calls"), Form::Flat),
                    nested: Feed::new(base, Form::Nested),
                });
                publication.watchers.len() - 1
            });
            let Some(watcher) = publication.watchers.get_mut(known) else {
                continue;
            };
            for (feed, body) in [
                (&mut watcher.nested, Some(&nested)),
                (&mut watcher.flat, flat.as_ref()),
            ] {
                let Some(body) = body else {
                    continue;
                };
                let acts = feed.news(conversation, &publication.acts);
                for act in &acts {
                    self.truth.shown(*act, &feed.topic);
                }
                self.shown.push_back(Shown {
                    topic: Arc::clone(&feed.topic),
                    body: Arc::clone(body),
                    metadata_action: None,
                    acts,
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
    let of_queue = |participant: &&Participant| {
        matches!(
            participant.purpose,
            Purpose::Acd | Purpose::Agent | Purpose::Voicemail
        )
    };
    for queue in parts().filter(of_queue) {
        if let Some(queue) = queue.queue {
            add(Audience::Queue(queue));
        }
    }
    audiences
}
