//! `/_sim/`: what a test asks of the region itself, with no token, no budget and no faults. The crate's documentation
//! lists the requests.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Region, Request, Response, Transmit};
use crate::channel::ChannelNo;
use crate::fault::{FaultNo, FaultOrder};
use crate::problem::Problem;
use crate::time::{Millis, Time};

/// Frames that `/_sim/frames` sends.
#[derive(Debug)]
pub(super) struct Injection {
    pub(super) channel: ChannelNo,
    frames: Vec<Transmit>,
    sent: u64,
    count: u64,
    started: Time,
    /// Frames a second; `None`: all at once.
    rate: Option<f64>,
}

impl Injection {
    pub(super) fn next(&self) -> Time {
        match self.rate {
            Some(rate) => self.started + Millis((self.sent as f64 * 1_000.0 / rate) as i64),
            None => self.started,
        }
    }
}

impl Region {
    /// `/_sim/…`: no token, no budget, no faults.
    pub(super) fn handle_sim(&mut self, request: &Request, path: &str, now: Time) -> Response {
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let answer = match (request.method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", ["truth"]) => Ok(self.truth()),
            ("GET" | "HEAD", ["requests"]) => Ok(self.log.listing(self.authority.issued())),
            ("GET" | "HEAD", ["scripts"]) => Ok(self
                .world
                .scripts()
                .iter()
                .map(|script| script.name)
                .collect()),
            ("GET" | "HEAD", ["channels"]) => Ok(self.sim_channels()),
            ("GET" | "HEAD", ["faults"]) => Ok(self.faults.listing()),
            ("POST", ["faults"]) => self.sim_fault(request, now),
            ("DELETE", ["faults"]) => {
                self.faults.clear_all(now);
                Ok(self.faults.listing())
            }
            ("DELETE", ["faults", number]) => match number.parse() {
                Ok(number) if self.faults.clear(FaultNo(number), now) => Ok(self.faults.listing()),
                _ => Err("there is no such fault that is planned or active".to_owned()),
            },
            ("GET" | "HEAD", ["switches"]) => Ok(json!(self.switches)),
            ("POST", ["switches"]) => self.sim_switches(request),
            ("POST", ["calls"]) => self.sim_calls(request, now),
            ("POST", ["frames"]) => self.sim_frames(request, now),
            _ => return self.problem(&Problem::not_found()),
        };
        self.handle_timeout(now);
        self.show(now);
        match answer {
            Ok(value) => Response::json(200, &value),
            Err(wrong) => self.problem(&Problem::bad_request(wrong)),
        }
    }

    fn sim_channels(&self) -> Value {
        self.channels
            .iter()
            .map(|(number, channel)| {
                json!({
                    "number": number.0,
                    "id": channel.id,
                    "client": channel.client.0,
                    "token": channel.token.0,
                    "topics": channel.subscriptions().len(),
                    "connected": channel.socket.is_some(),
                    "created": channel.created.iso(),
                    "expires": channel.expires.iso(),
                })
            })
            .collect()
    }

    fn sim_fault(&mut self, request: &Request, now: Time) -> Result<Value, String> {
        let value: Value =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let orders = match value {
            Value::Array(orders) => orders,
            order => vec![order],
        };
        let orders = orders
            .into_iter()
            .map(FaultOrder::from_json)
            .collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<u64> = orders
            .into_iter()
            .map(|order| self.faults.plan(order, now).0)
            .collect();
        Ok(json!({ "ids": ids }))
    }

    fn sim_switches(&mut self, request: &Request) -> Result<Value, String> {
        let changes: Map<String, Value> =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let mut value = json!(self.switches);
        if let Some(members) = value.as_object_mut() {
            members.extend(changes);
        }
        self.switches = serde_json::from_value(value).map_err(|error| error.to_string())?;
        self.budgets.limit = self.switches.requests_per_minute;
        Ok(json!(self.switches))
    }

    fn sim_calls(&mut self, request: &Request, now: Time) -> Result<Value, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Order {
            script: String,
            #[serde(default = "one")]
            count: u32,
        }
        fn one() -> u32 {
            1
        }
        let order: Order =
            serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        let mut conversations = Vec::new();
        for _ in 0..order.count {
            conversations.push(
                self.play(&order.script, now)
                    .map_err(|unknown| unknown.to_string())?,
            );
        }
        Ok(json!({ "conversations": conversations }))
    }

    /// `POST /_sim/frames?channel=ID|all&count=N&rate=R&lines=true&kind=text|binary`: sends the body, as it is, to
    /// the sockets; with `lines` each of its lines is a frame of its own, sent in turn.
    fn sim_frames(&mut self, request: &Request, now: Time) -> Result<Value, String> {
        let number = |name: &str| match request.param(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && *number > 0.0)
                .map(Some)
                .ok_or_else(|| format!("{name} is not a number above 0")),
        };
        let rate = number("rate")?;
        let count = number("count")?.unwrap_or(1.0) as u64;
        let frames: Vec<Transmit> = if request.param("kind") == Some("binary") {
            vec![Transmit::Binary(Arc::from(request.body.as_slice()))]
        } else {
            let text = std::str::from_utf8(&request.body)
                .map_err(|_| "the body is not UTF-8".to_owned())?;
            if request.flag("lines") {
                text.lines()
                    .map(|line| Transmit::Text(Arc::from(line)))
                    .collect()
            } else {
                vec![Transmit::Text(Arc::from(text))]
            }
        };
        if frames.is_empty() {
            return Err("there is no frame in the body".to_owned());
        }
        let channels: Vec<ChannelNo> = match request.param("channel") {
            None | Some("all") => self
                .channels
                .iter()
                .filter(|(_, channel)| channel.socket.is_some())
                .map(|(n, _)| n)
                .collect(),
            Some(id) => self.channels.find(id).into_iter().collect(),
        };
        if channels.is_empty() {
            return Err("there is no such channel, or none with a socket".to_owned());
        }
        let queued = channels.len() as u64 * count;
        for channel in channels {
            let frames = frames.clone();
            self.injections.push(Injection {
                channel,
                frames,
                sent: 0,
                count,
                started: now,
                rate,
            });
        }
        Ok(json!({ "queued": queued }))
    }

    pub(super) fn inject(&mut self, now: Time) {
        let mut injections = std::mem::take(&mut self.injections);
        for injection in &mut injections {
            let socket = self
                .channels
                .get(injection.channel)
                .and_then(|channel| channel.socket);
            while injection.sent < injection.count && injection.next() <= now {
                let which =
                    usize::try_from(injection.sent).unwrap_or(0) % injection.frames.len().max(1);
                if let (Some(socket), Some(frame)) = (socket, injection.frames.get(which)) {
                    self.send(socket, frame.clone());
                }
                injection.sent += 1;
            }
        }
        injections.retain(|injection| injection.sent < injection.count);
        self.injections = injections;
    }
}
