//! The reads by REST: organization, users, queues, stations, conversations, available topics, and the token itself.
//! What they tell is the world's; here is how they are asked.

use serde_json::{Value, json};

use super::admission::Caller;
use super::{Region, Request, Response};
use crate::problem::Problem;
use crate::time::Time;

impl Region {
    pub(super) fn read(
        &mut self,
        request: &Request,
        segments: &[&str],
        caller: Caller,
        now: Time,
    ) -> Result<Response, Problem> {
        let method = request.method.as_str();
        let reads = method == "GET" || method == "HEAD";
        match segments {
            ["notifications", "availabletopics"] if reads => Ok(Response::json(
                200,
                &self.catalogue.listing(&request.list("expand")),
            )),
            // Its holder ends it (TokensApi.deleteTokensMe of the official clients).
            ["tokens", "me"] if method == "DELETE" => {
                self.end_token(caller.token, "its holder ended the token", now);
                Ok(Response::json(200, &json!({})))
            }
            ["tokens", "me"] if reads => Ok(Response::json(200, &self.token_info(caller))),
            ["organizations", "me"] if reads => Ok(Response::json(200, &self.world.organization())),
            ["users"] if reads => {
                let (size, number) = paging(request)?;
                let (expand, ids) = (request.list("expand"), request.list("id"));
                Ok(Response::json(
                    200,
                    &self.world.users_page(size, number, &expand, &ids),
                ))
            }
            ["routing", "queues"] if reads => {
                let (size, number) = paging(request)?;
                Ok(Response::json(
                    200,
                    &self.world.queues_page(size, number, &request.list("id")),
                ))
            }
            ["routing", "queues", id, "members"] if reads => {
                let (size, number) = paging(request)?;
                let page = self.world.queue_members_page(id, size, number);
                Ok(Response::json(200, &page.ok_or_else(Problem::not_found)?))
            }
            ["stations"] if reads => {
                let (size, number) = paging(request)?;
                Ok(Response::json(
                    200,
                    &self.world.stations_page(size, number, &request.list("id")),
                ))
            }
            ["stations", id] if reads => Ok(Response::json(
                200,
                &self.world.station(id).ok_or_else(Problem::not_found)?,
            )),
            // A client has no user, so it has no active conversations of its own.
            ["conversations"] | ["conversations", "calls"] if reads => Ok(Response::json(
                200,
                &json!({ "entities": [], "pageSize": 25, "pageNumber": 1, "total": 0, "pageCount": 0 }),
            )),
            ["conversations", "calls", id] if reads => Ok(Response::json(
                200,
                &self
                    .world
                    .call_conversation(id)
                    .ok_or_else(Problem::not_found)?,
            )),
            ["conversations", id] if reads => Ok(Response::json(
                200,
                &self.world.conversation(id).ok_or_else(Problem::not_found)?,
            )),
            ["analytics", "conversations", "details"] if reads => Ok(self.details(request)),
            ["analytics", "conversations", id, "details"] if reads => Ok(Response::json(
                200,
                &self
                    .world
                    .conversation_details(id)
                    .ok_or_else(Problem::not_found)?,
            )),
            ["analytics", "conversations", "details", "query"] if method == "POST" => {
                self.details_query(request, now)
            }
            ["analytics", "users", "details", "query"] if method == "POST" => {
                self.user_details_query(request, now)
            }
            ["notifications", "availabletopics"]
            | ["analytics", "conversations", "details"]
            | ["analytics", "conversations" | "users", "details", "query"]
            | ["analytics", "conversations", _, "details"]
            | ["tokens" | "organizations", "me"]
            | ["users"]
            | ["stations", ..]
            | ["routing", "queues"]
            | ["routing", "queues", _, "members"]
            | ["conversations", ..] => Err(Problem::method_not_allowed()),
            _ => Err(Problem::not_found()),
        }
    }

    fn token_info(&self, caller: Caller) -> Value {
        let organization = self.world.organization();
        let named = json!({ "id": organization["id"], "name": organization["name"] });
        let client = self
            .authority
            .clients()
            .get(caller.client.0)
            .map(|client| client.id.as_str());
        json!({
            "organization": named,
            "homeOrganization": named,
            "authorizedScope": [],
            "OAuthClient": {
                "id": client,
                "name": "Recorder",
                "authorizedGrantType": "CLIENT-CREDENTIALS",
                "state": "active",
                "organization": named,
            },
        })
    }
}

fn paging(request: &Request) -> Result<(usize, usize), Problem> {
    let number = |name: &str, default: usize, most: usize| match request.param(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| {
                Problem::bad_request(format!("{name} is not a number from 1 to {most}"))
            }),
    };
    // The platform's largest page is not documented; its own samples use 100.
    Ok((
        number("pageSize", 25, 500)?,
        number("pageNumber", 1, 1_000_000)?,
    ))
}
