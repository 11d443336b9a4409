//! Topics of a user apart from calls: presence, routing status, station and its connection, activity. Presence and
//! station bodies carry no user id; only the topic's name tells whose they are.

use std::sync::Arc;

use crate::organization::{Organization, Station};
use crate::time::Time;
use crate::world::{Agent, Connection};

/// `v2.users.{id}.presence`: `PresenceEventUserPresence`. The system presence is in capitals here.
#[must_use]
pub fn presence(organization: &Organization, agent: &Agent) -> Arc<str> {
    super::text(|object| {
        object.has("source", "PURECLOUD");
        definition(object, organization, agent);
        object
            .has("primary", true)
            .has("message", "")
            .has("modifiedDate", agent.presence_since);
    })
}

/// `v2.users.{id}.routingStatus`: `UserRoutingStatusUserRoutingStatus`.
#[must_use]
pub fn routing_status(organization: &Organization, user: usize, agent: &Agent) -> Arc<str> {
    super::text(|object| {
        object.may("id", organization.users.get(user).map(|user| user.id));
        routing(object, agent);
    })
}

/// `v2.users.{id}.activity`: `AgentActivityChangedTopicAgentActivity`.
#[must_use]
pub fn activity(organization: &Organization, user: usize, agent: &Agent) -> Arc<str> {
    super::text(|object| {
        let user = organization.users.get(user);
        object.may("id", user.map(|user| user.id));
        routing(object, agent);
        object
            .object("presence", |object| {
                definition(object, organization, agent);
                object
                    .has("presenceMessage", "")
                    .has("modifiedDate", agent.presence_since);
            })
            .object("outOfOffice", |object| {
                object.has("active", false);
            });
        let queues = user.map(|user| user.queues.as_slice()).unwrap_or_default();
        let queues = queues
            .iter()
            .filter_map(|queue| organization.queues.get(*queue))
            .map(|queue| queue.id);
        object.has("activeQueueIds", queues.collect::<Vec<_>>());
    })
}

/// `v2.users.{id}.station`: `UserStationChangeTopicUserStations`. When the station was left the reference is empty; the
/// metadata's action tells it.
#[must_use]
pub fn station(organization: &Organization, user: usize, taken: Option<&Station>) -> Arc<str> {
    super::text(|object| {
        object.object("associatedStation", |object| {
            if let (Some(user), Some(station)) = (organization.users.get(user), taken) {
                object
                    .has("id", station.id)
                    .has("name", &station.name)
                    .object("associatedUser", |object| {
                        object.has("id", user.id);
                    });
            }
        });
    })
}

/// `v2.users.{id}.persistentconnection`: `PersistentConnectionChangeTopicPersistentConnectionChangeEvent`. The platform
/// publishes no list of the errors; text and code are the region's own.
#[must_use]
pub fn persistent_connection(
    organization: &Organization,
    user: usize,
    station: usize,
    connection: Connection,
    at: Time,
) -> Arc<str> {
    super::text(|object| {
        object.has("persistentState", connection.word());
        if connection == Connection::Failed {
            object.object("errorInfo", |object| {
                object
                    .has("text", "The station did not answer")
                    .has("code", "error.station.unreachable")
                    .has("userMessage", "The station did not answer");
            });
        }
        let station = organization.stations.get(station);
        object
            .may("stationId", station.map(|station| station.id))
            .may("userId", organization.users.get(user).map(|user| user.id))
            .has("eventTime", at);
    })
}

fn definition(object: &mut super::Object<'_>, organization: &Organization, agent: &Agent) {
    object.object("presenceDefinition", |object| {
        object
            .may("id", organization.presence_definitions.get(agent.presence))
            .has("systemPresence", agent.presence_word());
    });
}

fn routing(object: &mut super::Object<'_>, agent: &Agent) {
    object.object("routingStatus", |object| {
        object
            .has("status", agent.routing.word())
            .has("startTime", agent.routing_since);
    });
}
