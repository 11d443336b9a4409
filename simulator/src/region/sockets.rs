//! The sockets of channels: what comes in and goes out on them, their heartbeats, and how they end. It does not know
//! what notifications tell, and no connection: a socket is a number.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Region, Response, path_without_prefix};
use crate::channel::{ChannelNo, SocketId};
use crate::fault::Fault;
use crate::problem::Problem;
use crate::time::{Millis, Time};

/// What comes in on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketInput {
    /// A text frame.
    Text(String),
    /// A binary frame, or a ping or pong of the websocket protocol; the caller answers pings itself.
    Other,
    /// The connection ended.
    Closed,
}

/// What goes out on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transmit {
    /// A text frame.
    Text(Arc<str>),
    /// A binary frame (only injected ones).
    Binary(Arc<[u8]>),
    /// A close frame; the region has forgotten the socket.
    Close {
        /// The code.
        code: u16,
        /// The reason, for people.
        reason: &'static str,
    },
    /// The connection breaks without a close frame; the region has forgotten the socket.
    Cut,
    /// The connection stands, and nothing passes on it any more, either way.
    Silence,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) channel: ChannelNo,
    pub(super) muted: bool,
    /// The region hears nothing of the client any more, and the client nothing of the region.
    pub(super) lost: bool,
    heartbeat_ms: i64,
    pub(super) next_heartbeat: Time,
    /// When it will be closed after `v2.system.socket_closing`.
    pub(super) closes: Option<Time>,
}

impl Region {
    /// A client asks to upgrade `/channels/{id}` to a websocket.
    ///
    /// # Errors
    /// The answer instead of the upgrade: the channel is unknown or ended, or a fault refuses.
    pub fn open_socket(&mut self, path: &str, now: Time) -> Result<SocketId, Response> {
        self.handle_timeout(now);
        if self.swallows_requests(now) {
            return Err(Response::never());
        }
        let refused = self.faults.in_force(now).find_map(|fault| match fault {
            Fault::RefuseConnects { status } => Some(Problem::server_error(*status, None)),
            _ => None,
        });
        let path = path_without_prefix(path);
        let id = path
            .strip_prefix("/channels/")
            .unwrap_or_default()
            .trim_end_matches('/');
        let channel = self.channels.find(id);
        let problem = refused.or_else(|| channel.is_none().then(Problem::not_found));
        let logged = channel.map_or("/channels/?".to_owned(), |channel| {
            format!("/channels/{}", channel.0)
        });
        let (Some(channel), None) = (channel, &problem) else {
            let response = self.problem(&problem.unwrap_or_else(Problem::not_found));
            self.log.add("GET", &logged, response.status, None, now);
            return Err(response);
        };
        self.log.add("GET", &logged, 101, None, now);
        // A second connection disconnects the first.
        if let Some(first) = self
            .channels
            .get(channel)
            .and_then(|channel| channel.socket)
        {
            self.end_socket(
                first,
                Transmit::Close {
                    code: 1000,
                    reason: "another connection was made",
                },
                now,
            );
        }
        self.opened += 1;
        self.revision += 1;
        let socket = SocketId(self.opened);
        let heartbeat_ms = self.switches.heartbeat_ms.max(1);
        self.sockets.insert(
            socket,
            Socket {
                channel,
                muted: false,
                lost: false,
                heartbeat_ms,
                next_heartbeat: now + Millis(heartbeat_ms),
                closes: None,
            },
        );
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.socket = Some(socket);
            channel.last_used = now;
            self.coverage.gained(channel.keys(), now);
        }
        Ok(socket)
    }

    /// Something came in on a socket. Inputs of sockets that the region has closed are ignored.
    pub fn handle_socket(&mut self, socket: SocketId, input: SocketInput, now: Time) {
        self.handle_timeout(now);
        let Some(Socket { channel, lost, .. }) = self.sockets.get(&socket) else {
            return;
        };
        if *lost {
            return;
        }
        let channel = *channel;
        match input {
            SocketInput::Closed => self.forget_socket(socket, now),
            SocketInput::Other => {}
            SocketInput::Text(text) => {
                // Junk is tolerated: the platform's own command line tool sends bare timestamps as keep-alive.
                if let Ok(Value::Object(message)) = serde_json::from_str(&text) {
                    self.handle_message(socket, channel, &message, now);
                }
            }
        }
    }

    fn handle_message(
        &mut self,
        socket: SocketId,
        channel: ChannelNo,
        message: &Map<String, Value>,
        now: Time,
    ) {
        let reply = |result: &str, status: &str, text: Option<&str>| {
            let mut reply = json!({ "result": result, "status": status });
            if let Some(text) = text {
                reply["message"] = json!(text);
            }
            if let Some(correlation) = message.get("correlationId") {
                reply["correlationId"] = correlation.clone();
            }
            Transmit::Text(Arc::from(reply.to_string()))
        };
        let topics = || -> Option<Vec<String>> {
            let topics = message.get("topics")?.as_array()?;
            topics
                .iter()
                .map(|topic| topic.as_str().map(str::to_owned))
                .collect()
        };
        let answer = match message.get("message").and_then(Value::as_str) {
            Some("ping") => channel_metadata("pong"),
            Some("subscribe") => match topics() {
                None => reply("400", "failure", Some("topics is not a list of strings")),
                Some(topics) => match self.subscribe(channel, &topics, false, false, now) {
                    Ok(_) => reply("200", "subscribed", None),
                    Err(problem) => reply(
                        &problem.status.to_string(),
                        "failure",
                        Some(&problem.message),
                    ),
                },
            },
            Some("unsubscribe") => match topics() {
                None => reply("400", "failure", Some("topics is not a list of strings")),
                Some(topics) => {
                    self.unsubscribe(channel, &topics, now);
                    reply("200", "unsubscribed", None)
                }
            },
            _ => reply("400", "error", Some("the message is not known")),
        };
        self.send(socket, answer);
    }

    pub(super) fn beat(&mut self, now: Time) {
        let due: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.next_heartbeat <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.next_heartbeat = socket.next_heartbeat + Millis(socket.heartbeat_ms);
            }
            self.send(id, channel_metadata("WebSocket Heartbeat"));
        }
    }

    pub(super) fn close_announced(&mut self, now: Time) {
        let due: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.closes.is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            // One that is lost ends without a word.
            self.end_socket(
                id,
                Transmit::Close {
                    code: 1001,
                    reason: "maintenance",
                },
                now,
            );
        }
    }

    pub(super) fn send(&mut self, socket: SocketId, what: Transmit) {
        if self
            .sockets
            .get(&socket)
            .is_some_and(|socket| !socket.muted)
        {
            self.out.push_back((socket, what));
        }
    }

    /// The channel's socket, unless it is mute.
    pub(super) fn live_socket(&self, channel: ChannelNo) -> Option<SocketId> {
        let id = self.channels.get(channel)?.socket?;
        self.sockets
            .get(&id)
            .is_some_and(|socket| !socket.muted)
            .then_some(id)
    }

    /// Ends a socket from this side.
    pub(super) fn end_socket(&mut self, socket: SocketId, how: Transmit, now: Time) {
        // Who is on a socket that the region has not opened is somebody else; one that is lost is told nothing.
        if self.sockets.get(&socket).is_some_and(|socket| !socket.lost) {
            self.out.push_back((socket, how));
        }
        self.forget_socket(socket, now);
    }

    pub(super) fn forget_socket(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        self.revision += 1;
        let Some(channel) = self.channels.get_mut(socket.channel) else {
            return;
        };
        channel.last_used = now;
        if channel.socket == Some(id) {
            channel.socket = None;
        }
        if !socket.muted {
            self.coverage.lost(channel.keys(), now);
        }
    }
}

fn channel_metadata(message: &str) -> Transmit {
    Transmit::Text(Arc::from(format!(
        "{{\"topicName\":\"channel.metadata\",\"eventBody\":{{\"message\":\"{message}\"}}}}"
    )))
}
