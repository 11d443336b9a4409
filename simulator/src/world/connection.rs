//! The connections that stations keep open between calls: they come up when their agent goes on queue, carry the calls,
//! and go down with the agent. Now and then one fails, and the next call opens it again. The platform shows them on a
//! topic of their own; no read tells of them.

use super::floor::Agent;
use super::{Due, World};
use crate::body;
use crate::time::Time;
use crate::truth::Kind;

/// How the connection of an agent's station is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// There is none.
    Down,
    /// It is open and waits for a call.
    Up,
    /// It carries a call.
    Active,
    /// It broke, and nothing has opened it again.
    Failed,
}

impl Connection {
    /// The platform's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "DISCONNECTED",
            Self::Up => "PERSISTED",
            Self::Active => "ACTIVE_CALL",
            Self::Failed => "FAILED",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Down | Self::Failed => Kind::PersistentConnectionDown,
            Self::Up => Kind::PersistentConnectionUp,
            Self::Active => Kind::PersistentConnectionActive,
        }
    }
}

impl Agent {
    /// How the connection of their station should be, if the station keeps one.
    fn wants(&self) -> Connection {
        match (self.talks.is_empty(), self.presence_word()) {
            (false, _) => Connection::Active,
            (true, "ON_QUEUE") => Connection::Up,
            (true, _) => Connection::Down,
        }
    }
}

impl World {
    /// Brings the connections of all agents to whom something happened to where they belong.
    pub(super) fn tend_connections(&mut self) {
        for user in std::mem::take(&mut self.stirred) {
            let Some(agent) = self.agents.get(user) else {
                continue;
            };
            let there = agent.station_since.is_some() && self.keeps_connection(agent.station);
            let wanted = if there {
                agent.wants()
            } else {
                Connection::Down
            };
            // Only a call opens again what broke.
            if (agent.connection, wanted) != (Connection::Failed, Connection::Up) {
                self.set_connection(user, wanted);
            }
        }
    }

    /// Whether a station keeps its connection open between calls.
    pub(super) fn keeps_connection(&self, station: usize) -> bool {
        let station = self.organization.stations.get(station);
        station.is_some_and(|station| station.persistent)
    }

    pub(super) fn set_connection(&mut self, user: usize, connection: Connection) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(user) else {
            return;
        };
        let was = std::mem::replace(&mut agent.connection, connection);
        if was == connection {
            return;
        }
        agent.connection_since = now;
        // What broke does not go down once more.
        if (was, connection) == (Connection::Failed, Connection::Down) {
            return;
        }
        let station = agent.station;
        if connection == Connection::Up && self.moves.share(0.1) {
            let after = self.moves.between(5_000, 90_000);
            let after = self.paced(after);
            self.expect(after, Due::ConnectionFails { user, since: now });
        }
        let act = self.write_of_user(connection.kind(), user, connection.word());
        let all = &self.organization;
        let body = body::agent::persistent_connection(all, user, station, connection, now);
        self.show_of_user(user, "persistentconnection", Some(body), None, &[act]);
    }

    /// A connection breaks, if it is still the one that was opened then and carries no call.
    pub(super) fn fail_connection(&mut self, user: usize, since: Time) {
        let waits =
            |agent: &Agent| agent.connection == Connection::Up && agent.connection_since == since;
        if self.agents.get(user).is_some_and(waits) {
            self.set_connection(user, Connection::Failed);
        }
    }
}
