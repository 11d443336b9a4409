//! Pages of users, queues, members and stations, and the organization, as REST lists them.

use serde_json::Value;

use super::Object;
use crate::chance::Id;
use crate::organization::{Organization, Station, StationKind, User};
use crate::world::{Agent, RoutingStatus, World};

/// The largest page: what is asked for beyond is cut to it.
const LARGEST_PAGE: usize = 500;

/// `Organization`.
#[must_use]
pub fn organization(organization: &Organization) -> Value {
    super::value(|object| {
        object
            .has("id", organization.id)
            .has("name", organization.name)
            .has("defaultLanguage", "en-US")
            .has("defaultCountryCode", "US")
            .has("thirdPartyOrgName", organization.domain)
            .has("domain", organization.domain)
            .has("version", 7)
            .has("state", "active")
            .has("defaultSiteId", organization.site)
            .has("voicemailEnabled", false)
            .has("productPlatform", "GenesysCloud")
            .has("selfUri", "/api/v2/organizations/me")
            .object("features", |object| {
                for feature in [
                    "realtimeCIC",
                    "purecloudVoice",
                    "chat",
                    "directory",
                    "contactCenter",
                ] {
                    object.has(feature, true);
                }
            });
    })
}

/// One page of `all`, with the members that every listing has.
fn page<T>(
    path: &str,
    all: &[T],
    (page_size, page_number): (usize, usize),
    entity: impl Fn(&mut Object<'_>, &T),
) -> Value {
    let page_size = page_size.clamp(1, LARGEST_PAGE);
    let page_number = page_number.max(1);
    let pages = all.len().div_ceil(page_size);
    let uri = |number: usize| format!("{path}?pageSize={page_size}&pageNumber={number}");
    let first = page_size.saturating_mul(page_number - 1);
    super::value(|object| {
        object
            .list(
                "entities",
                all.iter().skip(first).take(page_size),
                |object, item| entity(object, item),
            )
            .has("pageSize", page_size)
            .has("pageNumber", page_number)
            .has("total", all.len())
            .has("firstUri", uri(1))
            .has("selfUri", uri(page_number))
            .may(
                "nextUri",
                (page_number < pages).then(|| uri(page_number + 1)),
            )
            .may(
                "previousUri",
                (page_number > 1).then(|| uri(page_number - 1)),
            )
            .has("lastUri", uri(pages.max(1)))
            .has("pageCount", pages);
    })
}

/// The indices of the named ones, or of all where none is named.
fn chosen(ids: &[&str], all: usize, find: impl Fn(Id) -> Option<usize>) -> Vec<usize> {
    if ids.is_empty() {
        return (0..all).collect();
    }
    ids.iter()
        .filter_map(|id| Id::parse(id))
        .filter_map(find)
        .collect()
}

/// `UserEntityListing`.
#[must_use]
pub fn users(
    world: &World,
    page_size: usize,
    page_number: usize,
    expand: &[&str],
    ids: &[&str],
) -> Value {
    let all = world.inventory();
    let mut chosen = chosen(ids, all.users.len(), |id| all.user(id));
    chosen.retain(|at| all.users.get(*at).is_some_and(|user| !user.gone));
    page(
        "/api/v2/users",
        &chosen,
        (page_size, page_number),
        |object, at| user(object, world, *at, expand),
    )
}

fn user(object: &mut Object<'_>, world: &World, at: usize, expand: &[&str]) {
    let organization = world.inventory();
    let Some(user) = organization.users.get(at) else {
        return;
    };
    object.has("id", user.id).has("name", &user.name);
    division(object, organization, user.division);
    object
        .object("chat", |object| {
            object.has(
                "jabberId",
                format!("{}@{}.orgspan.com", user.jid, organization.domain),
            );
        })
        .has("department", user.department)
        .has("email", &user.email)
        .list("primaryContactInfo", [()], |object, ()| {
            object
                .has("address", &user.email)
                .has("mediaType", "EMAIL")
                .has("type", "PRIMARY");
        })
        .list("addresses", [()], |object, ()| {
            object
                .has("mediaType", "PHONE")
                .has("type", "WORK")
                .has("extension", &user.extension);
        })
        .has("state", "active")
        .has("title", user.title)
        .has("username", &user.email)
        .has("version", 12);
    let Some(agent) = world.agent(at) else { return };
    if expand.contains(&"routingStatus") {
        routing_status(object, user.id, agent);
    }
    if expand.contains(&"presence") {
        object.object("presence", |object| {
            object
                .has("id", user.id)
                .has("name", "")
                .has("source", "PURECLOUD")
                .has("primary", true)
                .object("presenceDefinition", |object| {
                    let definition = organization.presence_definitions.get(agent.presence);
                    let uri = definition.map(|id| format!("/api/v2/presencedefinitions/{id}"));
                    object
                        .may("id", definition)
                        .has("systemPresence", agent.presence_in_rest())
                        .may("selfUri", uri);
                })
                .has("message", "")
                .has("modifiedDate", agent.presence_since)
                .has(
                    "selfUri",
                    format!("/api/v2/users/{}/presences/PURECLOUD", user.id),
                );
        });
    }
    if expand.contains(&"station") {
        object.object("station", |object| {
            stations_of(object, organization, user, agent)
        });
    }
    object
        .has("acdAutoAnswer", false)
        .has("selfUri", format!("/api/v2/users/{}", user.id));
}

/// `UserStations`: where the user is, where calls go, where they usually are if somebody gave them that for good (a
/// telephone on a desk is), and where they were last.
fn stations_of(object: &mut Object<'_>, all: &Organization, user: &User, agent: &Agent) {
    let last = all.stations.get(agent.station);
    let associated = last.filter(|_| agent.station_since.is_some());
    let usual = user.stations.first().and_then(|at| all.stations.get(*at));
    let default = usual.filter(|usual| usual.kind == StationKind::Phone);
    for (member, station) in [
        ("associatedStation", associated),
        ("effectiveStation", associated.or(default)),
        ("defaultStation", default),
        ("lastAssociatedStation", last),
    ] {
        let Some(station) = station else { continue };
        let is = |other: Option<&Station>| other.is_some_and(|other| other.id == station.id);
        let reference = |object: &mut Object<'_>| {
            object
                .has("id", user.id)
                .has("selfUri", format!("/api/v2/users/{}", user.id));
        };
        object.object(member, |object| {
            object
                .has("id", station.id)
                .has("name", &station.name)
                .has("type", station.kind.word());
            if is(associated) && member != "lastAssociatedStation" {
                object
                    .object("associatedUser", reference)
                    .may("associatedDate", agent.station_since);
            }
            if is(default) {
                object.object("defaultUser", reference);
            }
        });
    }
}

fn routing_status(object: &mut Object<'_>, user: Id, agent: &Agent) {
    object.object("routingStatus", |object| {
        object
            .has("userId", user)
            .has("status", agent.routing.word())
            .has("startTime", agent.routing_since);
    });
}

fn division(object: &mut Object<'_>, organization: &Organization, at: usize) {
    if let Some(division) = organization.divisions.get(at) {
        object.object("division", |object| {
            let uri = format!("/api/v2/authorization/divisions/{}", division.id);
            object
                .has("id", division.id)
                .has("name", division.name)
                .has("selfUri", uri);
        });
    }
}

/// `QueueEntityListing`.
#[must_use]
pub fn queues(world: &World, page_size: usize, page_number: usize, ids: &[&str]) -> Value {
    let all = world.inventory();
    let mut chosen = chosen(ids, all.queues.len(), |id| all.queue(id));
    chosen.retain(|at| all.queues.get(*at).is_some_and(|queue| !queue.gone));
    page(
        "/api/v2/routing/queues",
        &chosen,
        (page_size, page_number),
        |object, at| {
            let Some(queue) = all.queues.get(*at) else {
                return;
            };
            let joined = |user: &&usize| {
                world
                    .agent(**user)
                    .is_some_and(|agent| agent.routing != RoutingStatus::OffQueue)
            };
            object.has("id", queue.id).has("name", &queue.name);
            division(object, all, queue.division);
            object
                .has("description", "")
                .has("memberCount", queue.members.len())
                .has("userMemberCount", queue.members.len())
                .has(
                    "joinedMemberCount",
                    queue.members.iter().filter(joined).count(),
                )
                .has("skillEvaluationMethod", "BEST")
                .has("autoAnswerOnly", false)
                .has("enableTranscription", false)
                .has("enableManualAssignment", false)
                .has("callingPartyName", all.name)
                .has("callingPartyNumber", &queue.number)
                .has("suppressInQueueCallRecording", true)
                .has("selfUri", format!("/api/v2/routing/queues/{}", queue.id));
        },
    )
}

/// `QueueMemberEntityListing`: of all listings the only one without `total`, `pageCount` and `lastUri` (both official
/// clients; their `QueueMemberEntityListingV1` has them). A client reads on while there is a `nextUri`.
#[must_use]
pub fn queue_members(
    world: &World,
    queue: usize,
    page_size: usize,
    page_number: usize,
) -> Option<Value> {
    let all = world.inventory();
    let queue = all.queues.get(queue).filter(|queue| !queue.gone)?;
    let path = format!("/api/v2/routing/queues/{}/members", queue.id);
    let mut listing = page(
        &path,
        &queue.members,
        (page_size, page_number),
        |object, at| {
            let (Some(user), Some(agent)) = (all.users.get(*at), world.agent(*at)) else {
                return;
            };
            object
                .has("id", user.id)
                .has("name", &user.name)
                .object("user", |object| {
                    object
                        .has("id", user.id)
                        .has("name", &user.name)
                        .has("email", &user.email)
                        .has("selfUri", format!("/api/v2/users/{}", user.id));
                })
                .has("ringNumber", 1)
                .has("joined", true)
                .has("memberBy", "user");
            routing_status(object, user.id, agent);
            object.has("selfUri", format!("{path}/{}", user.id));
        },
    );
    if let Some(listing) = listing.as_object_mut() {
        for member in ["total", "lastUri", "pageCount"] {
            listing.shift_remove(member);
        }
    }
    Some(listing)
}

/// `StationEntityListing`.
#[must_use]
pub fn stations(world: &World, page_size: usize, page_number: usize, ids: &[&str]) -> Value {
    let all = world.inventory();
    let find = |id| all.stations.iter().position(|station| station.id == id);
    let chosen = chosen(ids, all.stations.len(), find);
    let mut listing = page(
        "/api/v2/stations",
        &chosen,
        (page_size, page_number),
        |object, at| {
            if let Some(of) = all.stations.get(*at) {
                station(object, world, *at, of);
            }
        },
    );
    if let Some(listing) = listing.as_object_mut() {
        listing.insert("totalNumberOfEntities".to_owned(), chosen.len().into());
    }
    listing
}

/// `Station`; `None` if there is no such station.
#[must_use]
pub fn one_station(world: &World, id: Id) -> Option<Value> {
    let mut all = world.inventory().stations.iter().enumerate();
    let (at, of) = all.find(|(_, station)| station.id == id)?;
    Some(super::value(|object| station(object, world, at, of)))
}

fn station(object: &mut Object<'_>, world: &World, at: usize, of: &Station) {
    let user = world.inventory().users.get(of.user).map(|user| user.id);
    let there = |agent: &Agent| agent.station_since.is_some() && agent.station == at;
    let associated = world.agent(of.user).is_some_and(there);
    let web = of.kind == StationKind::Softphone;
    object
        .has("id", of.id)
        .has("name", &of.name)
        .has(
            "status",
            if associated {
                "ASSOCIATED"
            } else {
                "AVAILABLE"
            },
        )
        .may("userId", user.filter(|_| associated))
        .may("webRtcUserId", user.filter(|_| web))
        .has("type", of.kind.word())
        .has("lineAppearanceId", of.line_appearance)
        .has("webRtcPersistentEnabled", web && of.persistent)
        .has("webRtcForceTurn", false)
        .may("webRtcCallAppearances", web.then_some(2))
        .has("selfUri", format!("/api/v2/stations/{}", of.id));
}
