//! The agents on the floor: how each is, who is free, what changes when a call takes one and gives them back.

use std::sync::Arc;

use super::{Connection, Due, Shown, World};
use crate::body;
use crate::chance::Id;
use crate::organization::PRESENCES;
use crate::time::{Millis, Time};
use crate::truth::Kind;

/// How a user is, as an agent.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Index into [`PRESENCES`].
    pub presence: usize,
    /// Since when.
    pub presence_since: Time,
    /// Whether they take calls of their queues.
    pub routing: RoutingStatus,
    /// Since when.
    pub routing_since: Time,
    /// Index of the station that they are at, or were last.
    pub station: usize,
    /// Since when they have been at it, if they are.
    pub station_since: Option<Time>,
    /// The connection that the station keeps open between calls, if it is one that does.
    pub connection: Connection,
    /// Since when it is like that.
    pub connection_since: Time,
    /// Their legs that are connected.
    pub(super) talks: Vec<Id>,
    /// The play that has them.
    pub(super) engaged: Option<usize>,
    /// Since when nobody has.
    pub(super) free_since: Time,
}

/// The platform's routing status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutingStatus {
    /// Takes no calls of queues.
    OffQueue,
    /// Waits for one.
    Idle,
    /// Has one.
    Interacting,
    /// Did not answer one.
    NotResponding,
    /// Has a call of no queue.
    Communicating,
}

impl RoutingStatus {
    /// The platform's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OffQueue => "OFF_QUEUE",
            Self::Idle => "IDLE",
            Self::Interacting => "INTERACTING",
            Self::NotResponding => "NOT_RESPONDING",
            Self::Communicating => "COMMUNICATING",
        }
    }
}

impl Agent {
    /// The presence, as notifications spell it.
    #[must_use]
    pub fn presence_word(&self) -> &'static str {
        presence_word(self.presence)
    }

    /// The presence, as REST spells it.
    #[must_use]
    pub fn presence_in_rest(&self) -> &'static str {
        PRESENCES
            .get(self.presence)
            .map_or("Offline", |(_, word)| word)
    }

    /// Whether a queue may offer them a call. Not in the very moment in which they became idle: two statuses of one user
    /// never have the same time.
    pub(super) fn is_free(&self, now: Time) -> bool {
        self.engaged.is_none()
            && self.routing == RoutingStatus::Idle
            && self.routing_since < now
            && self.presence_word() == "ON_QUEUE"
            && self.station_since.is_some()
    }
}

/// A presence by its index, as notifications and analytics spell it.
#[must_use]
pub fn presence_word(index: usize) -> &'static str {
    PRESENCES.get(index).map_or("OFFLINE", |(word, _)| word)
}

/// The index of a presence.
pub(super) fn presence(word: &str) -> usize {
    PRESENCES
        .iter()
        .position(|(known, _)| *known == word)
        .unwrap_or(0)
}

impl World {
    /// The user who has been free for longest, of `queue` or of the whole organization, and is none of `not`.
    pub(super) fn longest_free(&self, queue: Option<usize>, not: &[usize]) -> Option<usize> {
        let free = |user: &usize| {
            !not.contains(user)
                && self
                    .agents
                    .get(*user)
                    .is_some_and(|agent| agent.is_free(self.now))
        };
        let since = |user: &usize| (self.agents.get(*user).map(|agent| agent.free_since), *user);
        match queue {
            Some(queue) => self
                .organization
                .queues
                .get(queue)?
                .members
                .iter()
                .copied()
                .filter(free)
                .min_by_key(since),
            None => (0..self.agents.len()).filter(free).min_by_key(since),
        }
    }

    /// A play takes a user.
    pub(super) fn engage(&mut self, user: usize, play: usize) {
        if let Some(agent) = self.agents.get_mut(user) {
            agent.engaged = Some(play);
        }
    }

    /// The play gives the user back.
    pub(super) fn release(&mut self, user: usize, play: usize) {
        let Some(agent) = self.agents.get_mut(user) else {
            return;
        };
        if agent.engaged != Some(play) {
            return;
        }
        agent.engaged = None;
        agent.free_since = self.now;
        self.freed = true;
        let status = match (agent.presence_word(), agent.routing) {
            (_, RoutingStatus::NotResponding) => return,
            ("ON_QUEUE", _) => RoutingStatus::Idle,
            _ => RoutingStatus::OffQueue,
        };
        self.set_routing(user, status);
    }

    /// A user did not answer; after a while they are back.
    pub(super) fn stop_responding(&mut self, user: usize) {
        self.set_routing(user, RoutingStatus::NotResponding);
        let after = self.days.between(20_000, 60_000);
        let after = self.paced(after);
        self.expect(after, Due::Responds { user });
    }

    /// A user who did not answer is back.
    pub(super) fn respond_again(&mut self, user: usize) {
        if self
            .agents
            .get(user)
            .is_some_and(|agent| agent.routing == RoutingStatus::NotResponding)
        {
            self.set_routing(user, RoutingStatus::Idle);
            self.freed = true;
        }
    }

    pub(super) fn set_routing(&mut self, user: usize, status: RoutingStatus) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(user) else {
            return;
        };
        if agent.routing == status {
            return;
        }
        agent.routing = status;
        agent.routing_since = now;
        self.note_routing(user);
        let act = self.write_of_user(Kind::RoutingStatus, user, status.word());
        let body = self
            .agents
            .get(user)
            .map(|agent| body::agent::routing_status(&self.organization, user, agent));
        self.show_of_user(user, "routingStatus", body, None, &[act]);
        self.show_activity(user, &[act]);
    }

    pub(super) fn set_presence(&mut self, user: usize, presence: usize) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(user) else {
            return;
        };
        if agent.presence == presence {
            return;
        }
        let was = agent.presence_word();
        agent.presence = presence;
        agent.presence_since = now;
        let word = agent.presence_word();
        self.note_presence(user);
        let mut acts = vec![self.write_of_user(Kind::Presence, user, word)];
        if was == "OFFLINE" {
            acts.push(self.write_of_user(Kind::LoggedOn, user, word));
        } else if word == "OFFLINE" {
            acts.push(self.write_of_user(Kind::LoggedOff, user, word));
        }
        self.stirred.push(user);
        let body = self
            .agents
            .get(user)
            .map(|agent| body::agent::presence(&self.organization, agent));
        self.show_of_user(user, "presence", body, None, &acts);
        self.show_activity(user, &acts);
    }

    /// A user leaves the station that they are at.
    pub(super) fn leave_station(&mut self, user: usize) {
        self.set_connection(user, Connection::Down);
        let Some(agent) = self.agents.get_mut(user) else {
            return;
        };
        if agent.station_since.take().is_some() {
            let at = agent.station;
            self.show_station(user, at, Kind::StationLeft, "Disassociated");
        }
    }

    /// A user takes a station, and leaves the one where they are for it.
    pub(super) fn take_station(&mut self, user: usize, at: usize) {
        let there = |agent: &Agent| agent.station_since.is_some() && agent.station == at;
        if self.agents.get(user).is_none_or(there) {
            return;
        }
        self.leave_station(user);
        if let Some(agent) = self.agents.get_mut(user) {
            (agent.station, agent.station_since) = (at, Some(self.now));
            self.stirred.push(user);
            self.show_station(user, at, Kind::StationAssociated, "Associated");
        }
    }

    fn show_station(&mut self, user: usize, at: usize, kind: Kind, action: &'static str) {
        let station = self.organization.stations.get(at);
        let id = station.map(|station| station.id.to_string());
        let act = self.write_of_user(kind, user, &id.unwrap_or_default());
        let station = self.organization.stations.get(at);
        let taken = station.filter(|_| kind == Kind::StationAssociated);
        let body = body::agent::station(&self.organization, user, taken);
        self.show_of_user(user, "station", Some(body), Some(action), &[act]);
    }

    fn show_activity(&mut self, user: usize, acts: &[u64]) {
        let body = self
            .agents
            .get(user)
            .map(|agent| body::agent::activity(&self.organization, user, agent));
        self.show_of_user(user, "activity", body, None, acts);
    }

    pub(super) fn show_of_user(
        &mut self,
        user: usize,
        suffix: &str,
        body: Option<Arc<str>>,
        metadata_action: Option<&'static str>,
        acts: &[u64],
    ) {
        let (Some(user), Some(body)) = (self.organization.users.get(user), body) else {
            return;
        };
        let topic: Arc<str> = format!("v2.users.{}.{suffix}", user.id).into();
        for act in acts {
            self.truth.shown(*act, &topic);
        }
        self.shown.push_back(Shown {
            topic,
            body,
            metadata_action,
            acts: acts.to_vec(),
            at: self.now,
        });
    }

    /// A short moment of a machine, at this world's pace.
    pub(super) fn moment(&mut self, from: i64, to: i64) -> Millis {
        let moment = self.ids.between(from, to);
        self.paced(moment)
    }
}
