//! Notification channels and their subscriptions: made, listed, changed and ended, over HTTP and (subscriptions) over
//! the socket. What a channel is, is in [`crate::channel`]; who gets a notification is in `delivery`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::admission::Caller;
use super::{Region, Request, Response, Transmit};
use crate::channel::{ChannelNo, Subscription};
use crate::fault::{Fault, seconds};
use crate::oauth::{TokenNo, opaque};
use crate::problem::Problem;
use crate::time::Time;
use crate::topic::{self, TopicProblem};

impl Region {
    pub(super) fn channel_request(
        &mut self,
        request: &Request,
        segments: &[&str],
        caller: Caller,
        now: Time,
    ) -> Result<Response, Problem> {
        let method = request.method.as_str();
        match (method, segments) {
            ("POST", []) => Ok(self.create_channel(caller, request.program, now)),
            ("GET" | "HEAD", []) => {
                let by_client = request
                    .param("includechannels")
                    .is_some_and(|given| given == "oauthclient");
                let entities: Vec<Value> = self
                    .channels
                    .iter()
                    .filter(|(_, channel)| {
                        if by_client {
                            channel.client == caller.client
                        } else {
                            channel.token == caller.token
                        }
                    })
                    .map(|(number, channel)| {
                        // Channels of other tokens are listed so that the client can count them; their ids, which are
                        // secrets, are not told (NET 270.0.0, NotificationsApi, getNotificationsChannels).
                        if channel.token == caller.token {
                            self.channel_body(number)
                        } else {
                            json!({ "expires": self.told(channel.expires).iso() })
                        }
                    })
                    .collect();
                Ok(Response::json(200, &json!({ "entities": entities })))
            }
            // The platform tells whether a channel is there by HEAD only.
            ("HEAD", [id]) => {
                self.own_channel(id, caller, now)?;
                Ok(Response::empty(200))
            }
            (_, [id, "subscriptions"]) => {
                let channel = self.own_channel(id, caller, now)?;
                match method {
                    "GET" | "HEAD" => Ok(Response::json(200, &self.subscription_listing(channel))),
                    "POST" | "PUT" => {
                        let topics = topic_ids(&request.body)?;
                        let replace = method == "PUT";
                        let listing = self.subscribe(
                            channel,
                            &topics,
                            replace,
                            request.flag("ignoreErrors"),
                            now,
                        )?;
                        Ok(Response::json(200, &listing))
                    }
                    "DELETE" => {
                        self.set_subscriptions(channel, Vec::new(), now);
                        Ok(Response::empty(204))
                    }
                    _ => Err(Problem::method_not_allowed()),
                }
            }
            (_, [] | [_]) => Err(Problem::method_not_allowed()),
            _ => Err(Problem::not_found()),
        }
    }

    fn own_channel(&mut self, id: &str, caller: Caller, now: Time) -> Result<ChannelNo, Problem> {
        let number = self.channels.find(id).ok_or_else(Problem::not_found)?;
        let channel = self
            .channels
            .get_mut(number)
            .ok_or_else(Problem::not_found)?;
        if channel.client != caller.client {
            return Err(Problem::not_found());
        }
        channel.last_used = now;
        Ok(number)
    }

    fn create_channel(&mut self, caller: Caller, program: u32, now: Time) -> Response {
        let number = self.make_channel(caller, program, now);
        Response::json(200, &self.channel_body(number))
    }

    pub(super) fn make_channel(&mut self, caller: Caller, program: u32, now: Time) -> ChannelNo {
        if let Some(evicted) = self.channels.evicted_by_one_more(caller.client) {
            let id = self
                .channels
                .get(evicted)
                .map(|channel| channel.id.clone())
                .unwrap_or_default();
            self.announce(
                evicted,
                &format!("v2.system.no_longer_subscribed.{id}"),
                Some(("no_longer_subscribed", "another_channel_subscribed")),
                "This channel was replaced by another one.",
            );
            self.end_channel(evicted, "replaced by another channel", now);
        }
        let id = format!(
            "streaming-{}-{}",
            self.chance.below(10),
            opaque(&mut self.chance, 26).to_ascii_lowercase()
        );
        let expires = now + seconds(f64::from(self.switches.channel_life_s));
        self.channels
            .create(id, caller.client, caller.token, program, now, expires)
    }

    fn channel_body(&self, number: ChannelNo) -> Value {
        match self.channels.get(number) {
            None => Value::Null,
            Some(channel) => json!({
                "connectUri": format!("{}/channels/{}", self.stream_url, channel.id),
                "id": channel.id,
                "expires": self.told(channel.expires).iso(),
            }),
        }
    }

    fn subscription_listing(&self, number: ChannelNo) -> Value {
        let subscriptions = self
            .channels
            .get(number)
            .map(|channel| channel.subscriptions())
            .unwrap_or_default();
        let entities: Vec<Value> = subscriptions
            .iter()
            .map(|one| json!({ "id": one.id, "state": "Permitted" }))
            .collect();
        json!({ "entities": entities })
    }

    /// Adds topics to a channel, or replaces its list. The answer lists what was asked, in its order; with
    /// `ignore_errors` it also tells which topics are rejected, and a combined one of which only some parts are is
    /// listed as permitted, followed by the rejected parts.
    pub(super) fn subscribe(
        &mut self,
        number: ChannelNo,
        ids: &[String],
        replace: bool,
        ignore_errors: bool,
        now: Time,
    ) -> Result<Value, Problem> {
        let forbidden: Vec<String> = self
            .faults
            .in_force(now)
            .filter_map(|fault| {
                if let Fault::ForbidTopics { topics } = fault {
                    Some(topics)
                } else {
                    None
                }
            })
            .flatten()
            .cloned()
            .collect();
        let mut entities = Vec::with_capacity(ids.len());
        let mut added = Vec::with_capacity(ids.len());
        let mut lacking: Vec<&'static str> = Vec::new();
        let mut invalid: Option<(TopicProblem, &str)> = None;
        for id in ids {
            let expanded = match self.catalogue.expand(id) {
                Ok(expanded) => expanded,
                Err(problem) => {
                    invalid.get_or_insert((problem, id));
                    entities.push(
                        json!({ "id": id, "state": "Rejected", "rejectionReason": problem.text() }),
                    );
                    continue;
                }
            };
            let combined = id.contains('?');
            let (refused, topics): (Vec<String>, Vec<String>) = expanded
                .into_iter()
                .partition(|topic| forbidden.iter().any(|p| topic::fits(p, topic)));
            let needs =
                |topic: &str| topic::permission(topic).unwrap_or("notifications:topic:view");
            for permission in refused.iter().map(|topic| needs(topic)) {
                if !lacking.contains(&permission) {
                    lacking.push(permission);
                }
            }
            let rejection = |id: &str, missing: Vec<&str>| {
                json!({
                    "id": id,
                    "state": "Rejected",
                    "rejectionReason": format!("Missing the following permission(s): {}", missing.join(", ")),
                    "missingPermissions": missing,
                })
            };
            if topics.is_empty() {
                let mut missing: Vec<&str> = refused.iter().map(|topic| needs(topic)).collect();
                missing.dedup();
                entities.push(rejection(id, missing));
                continue;
            }
            entities.push(json!({ "id": id, "state": "Permitted" }));
            if combined {
                entities.extend(
                    refused
                        .iter()
                        .map(|topic| rejection(topic, vec![needs(topic)])),
                );
            }
            added.push(Subscription {
                id: id.clone(),
                topics,
            });
        }
        if !ignore_errors {
            if let Some((problem, id)) = invalid {
                return Err(Problem::bad_request(format!(
                    "Topic {id}: {}",
                    problem.text()
                )));
            }
            if !lacking.is_empty() {
                return Err(Problem::missing_permissions(&lacking));
            }
        }
        let channel = self.channels.get(number).ok_or_else(Problem::not_found)?;
        let list = if replace {
            deduplicated(added)
        } else {
            channel.with_added(&added)
        };
        if list.len() > topic::MOST_PER_CHANNEL {
            return Err(Problem::bad_request(format!(
                "The channel would have {} topics; the most is {}.",
                list.len(),
                topic::MOST_PER_CHANNEL
            )));
        }
        self.set_subscriptions(number, list, now);
        if self.switches.subscribing_prolongs {
            let expires = now + seconds(f64::from(self.switches.channel_life_s));
            if let Some(channel) = self.channels.get_mut(number) {
                channel.expires = expires;
            }
        }
        Ok(json!({ "entities": entities }))
    }

    pub(super) fn unsubscribe(&mut self, number: ChannelNo, ids: &[String], now: Time) {
        let gone: Vec<topic::TopicKey> = ids.iter().map(|id| topic::key(id)).collect();
        let Some(channel) = self.channels.get(number) else {
            return;
        };
        let kept: Vec<Subscription> = channel
            .subscriptions()
            .iter()
            .filter(|one| !gone.contains(&topic::key(&one.id)))
            .cloned()
            .collect();
        self.set_subscriptions(number, kept, now);
    }

    fn set_subscriptions(&mut self, number: ChannelNo, list: Vec<Subscription>, now: Time) {
        let live = self.live_socket(number).is_some();
        self.revision += 1;
        let (came, went) = self.channels.set_subscriptions(number, list);
        if live {
            self.coverage.gained(&came, now);
            self.coverage.released(&went);
        } else {
            let unfollowed: Vec<_> = went
                .into_iter()
                .filter(|key| self.channels.receivers(key).is_empty())
                .collect();
            self.coverage.unfollowed(&unfollowed, now);
        }
    }

    pub(super) fn channels_of(&self, token: TokenNo) -> Vec<ChannelNo> {
        self.channels
            .iter()
            .filter(|(_, channel)| channel.token == token)
            .map(|(number, _)| number)
            .collect()
    }

    pub(super) fn end_channel(&mut self, number: ChannelNo, reason: &'static str, now: Time) {
        if let Some(socket) = self.channels.get(number).and_then(|channel| channel.socket) {
            self.end_socket(socket, Transmit::Close { code: 1000, reason }, now);
        }
        self.revision += 1;
        self.late.remove(&number);
        self.injections
            .retain(|injection| injection.channel != number);
        self.channels.remove(number);
    }
}

fn topic_ids(body: &[u8]) -> Result<Vec<String>, Problem> {
    #[derive(Deserialize)]
    struct ChannelTopic {
        id: String,
    }
    let topics: Vec<ChannelTopic> = serde_json::from_slice(body).map_err(|_| {
        Problem::bad_request("The request body is not a list of topics with an id each.")
    })?;
    Ok(topics.into_iter().map(|topic| topic.id).collect())
}

fn deduplicated(list: Vec<Subscription>) -> Vec<Subscription> {
    let mut seen = std::collections::HashSet::new();
    list.into_iter()
        .filter(|one| seen.insert(topic::key(&one.id)))
        .collect()
}
