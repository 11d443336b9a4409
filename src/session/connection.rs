//! Keeping each shard connected: a channel, its socket, and what follows when one of them ends.
//!
//! A socket that ended says little by its close code, so the platform is asked whether the channel is still there: if it
//! is, the same channel's socket is opened again and no subscription is lost; if not, a new channel is made. A channel
//! near its end, or its token's, is replaced when its replacement exists. Whatever did not last is tried again with
//! back-off.

use super::channel::{Channel, OPENING, SETTLING, STABLE, SUSPECT, Socket};
use super::errand::Trouble;
use super::liveness::{ANSWER, Pulse, SILENCE, Watch};
use super::{Notice, Session, What};
use crate::model::feed::Why;
use crate::model::id::ChannelId;
use crate::model::log::LogLevel;
use crate::model::order::{Order, Request, SocketEvent, SocketId};
use crate::model::time::{Now, UtcMicros};

impl Session {
    /// The pass over one shard: from its socket to its channel.
    pub(super) fn keep_connected(&mut self, index: usize, now: Now) {
        self.watch_socket(index, now);
        self.open_socket(index, now);
        self.make_channel(index, now);
    }

    fn watch_socket(&mut self, index: usize, now: Now) {
        let Some(channel) = &self.shards[index].channel else {
            return;
        };
        match &channel.socket {
            Socket::Closed { .. } => {}
            Socket::Opening { limit, .. } => {
                let limit = *limit;
                if self.is_due(limit, now) {
                    let message = format!(
                        "Opening a websocket took longer than {} s",
                        OPENING.as_secs()
                    );
                    self.lose_socket(index, true, Trouble::of(Why::Link, message), now);
                }
            }
            Socket::Open { id, watch, .. } => {
                let socket = *id;
                match watch.pulse(now) {
                    Pulse::Until(at) => {
                        self.is_due(at, now);
                    }
                    Pulse::Ask => {
                        if let Some(channel) = &mut self.shards[index].channel
                            && let Socket::Open { watch, .. } = &mut channel.socket
                        {
                            watch.asked(now);
                        }
                        self.orders.push_back(Order::Ping { socket });
                        self.is_due(now.elapsed + ANSWER, now);
                    }
                    Pulse::Dead => {
                        let message = format!(
                            "A connection was silent for {} s and did not answer a ping within {} s more",
                            SILENCE.as_secs(),
                            ANSWER.as_secs()
                        );
                        self.lose_socket(index, true, Trouble::of(Why::Link, message), now);
                    }
                }
            }
        }
    }

    fn open_socket(&mut self, index: usize, now: Now) {
        let shard = &self.shards[index];
        let Some(channel) = &shard.channel else {
            return;
        };
        let Socket::Closed { probed } = channel.socket else {
            return;
        };
        let id = channel.id.clone();
        let (idle, not_before) = (
            shard.probe.is_idle(),
            shard.not_before.max(shard.probe.not_before()),
        );
        if !self.is_due(not_before, now) {
            return;
        }
        if !probed {
            if idle && self.may_ask(What::Probe(index), now) {
                self.ask(
                    What::Probe(index),
                    Request::ProbeChannel { channel: id },
                    now,
                );
            }
            return;
        }
        self.last_socket += 1;
        let socket = SocketId(self.last_socket);
        let limit = now.elapsed + OPENING;
        self.is_due(limit, now);
        if let Some(channel) = &mut self.shards[index].channel {
            channel.socket = Socket::Opening { id: socket, limit };
        }
        self.sockets.insert(socket, index);
        self.orders.push_back(Order::OpenSocket {
            socket,
            channel: id,
        });
    }

    /// Makes a channel where there is none, or where the one that is there nears its end: those one at a time, since
    /// for a moment both exist, and since their users are not followed until the new one flows.
    fn make_channel(&mut self, index: usize, now: Now) {
        let shard = &self.shards[index];
        if shard.is_empty() || !shard.create.is_idle() {
            return;
        }
        let mut not_before = shard.create.not_before();
        if let Some(channel) = &shard.channel {
            let has_newer = self
                .token
                .usable()
                .is_some_and(|newest| newest != channel.generation);
            let renew_at = if has_newer {
                channel.renew_at.min(channel.leave_token_at)
            } else {
                channel.renew_at
            };
            if !self.is_due(renew_at, now) {
                return;
            }
            let another_is_renewed = self
                .shards
                .iter()
                .any(|other| other.channel.is_some() && !other.create.is_idle());
            if another_is_renewed {
                return;
            }
            let settled_at = self
                .shards
                .iter()
                .filter(|other| !other.is_whole())
                .filter_map(|other| Some(other.channel.as_ref()?.made_at + SETTLING))
                .max()
                .unwrap_or_default();
            if !self.is_due(settled_at, now) {
                return;
            }
        } else {
            not_before = not_before.max(shard.not_before);
        }
        if self.is_due(not_before, now) && self.may_ask(What::Create(index), now) {
            self.ask(What::Create(index), Request::CreateChannel, now);
        }
    }

    pub(super) fn take_channel(
        &mut self,
        index: usize,
        id: ChannelId,
        expires: Option<UtcMicros>,
        generation: u64,
        now: Now,
    ) {
        let renewed = self.shards[index].channel.is_some();
        if renewed {
            self.drop_channel(index, true, now);
            self.shards[index].not_before = now.elapsed;
        }
        let token = (generation, self.token.leave_at(generation, now.elapsed));
        self.shards[index].channel = Some(Channel::new(id, expires, token, now));
        let how = if renewed {
            "was replaced, since its life or its token's nears its end"
        } else {
            "was made"
        };
        self.log(
            LogLevel::Info,
            format!("Notification channel {} {how}", index + 1),
        );
    }

    pub(super) fn take_probe(&mut self, index: usize, exists: bool, now: Now) {
        if !exists {
            return self.channel_is_gone(index, now);
        }
        if let Some(channel) = &mut self.shards[index].channel
            && let Socket::Closed { probed } = &mut channel.socket
        {
            *probed = true;
        }
    }

    pub(super) fn take_socket_event(&mut self, index: usize, event: SocketEvent, now: Now) {
        match event {
            SocketEvent::Activity | SocketEvent::Pong => {}
            SocketEvent::Opened => self.take_opened(index, now),
            SocketEvent::Closing => {
                self.log(
                    LogLevel::Info,
                    format!(
                        "The platform will close connection {}; it is opened anew",
                        index + 1
                    ),
                );
                let stable = self.close_socket(index, true, now);
                if let Some(channel) = &mut self.shards[index].channel {
                    // It was the platform that spoke of the socket just now: the channel is there.
                    channel.socket = Socket::Closed { probed: true };
                }
                self.back_off(index, stable, now);
            }
            SocketEvent::ChannelLost(reason) => {
                let why = if reason.contains("token") {
                    Why::Link
                } else {
                    Why::ChannelTaken
                };
                let message = format!(
                    "The platform took notification channel {} away: {reason}",
                    index + 1
                );
                self.lose_channel(index, Trouble::of(why, message), now);
            }
            SocketEvent::Ended(failure) => {
                let trouble = Trouble::new(&format!("Connection {}", index + 1), &failure);
                self.lose_socket(index, false, trouble, now);
            }
        }
    }

    fn take_opened(&mut self, index: usize, now: Now) {
        let shard = &mut self.shards[index];
        let Some(channel) = &mut shard.channel else {
            return;
        };
        let Socket::Opening { id, .. } = channel.socket else {
            self.ignored += 1;
            return;
        };
        channel.socket = Socket::Open {
            id,
            since: now.elapsed,
            watch: Watch::new(now),
        };
        shard.trouble = None;
        if std::mem::replace(&mut shard.was_open, true) {
            self.reconnects += 1;
        }
        self.log(LogLevel::Info, format!("Connection {} is open", index + 1));
        self.tell_flowing(index);
    }

    /// Tells whose topics flow from now on, if anyone's do.
    pub(super) fn tell_flowing(&mut self, index: usize) {
        let shard = &mut self.shards[index];
        let Some(socket) = shard.channel.as_ref().and_then(Channel::open_socket) else {
            return;
        };
        let begun = shard.begin_to_flow();
        if !begun.is_empty() {
            let (users, queues) = begun.into_arcs();
            self.notices.push_back(Notice::TopicsFlowing {
                socket,
                users,
                queues,
            });
        }
    }

    /// The socket is of no use any more: forgets it, tells what does not flow any more, and says whether it was open
    /// long enough for its end not to count as a failure.
    fn close_socket(&mut self, index: usize, close: bool, now: Now) -> bool {
        let shard = &mut self.shards[index];
        let Some(channel) = &mut shard.channel else {
            return false;
        };
        let (socket, open) =
            match std::mem::replace(&mut channel.socket, Socket::Closed { probed: false }) {
                Socket::Closed { .. } => return false,
                Socket::Opening { id, .. } => (id, None),
                Socket::Open { id, since, watch } => (id, Some((since, watch.last()))),
            };
        self.sockets.remove(&socket);
        if close {
            self.orders.push_back(Order::CloseSocket { socket });
        }
        let Some((since, last)) = open else {
            return false;
        };
        let ceased = shard.cease_to_flow();
        if !ceased.is_empty() {
            let (users, queues) = ceased.into_arcs();
            self.notices.push_back(Notice::TopicsInterrupted {
                socket,
                users,
                queues,
                since: last,
            });
        }
        now.elapsed.saturating_sub(since) >= STABLE
    }

    /// A socket ended or is dead; what is next is to ask whether its channel is still there.
    fn lose_socket(&mut self, index: usize, close: bool, trouble: Trouble, now: Now) {
        let stable = self.close_socket(index, close, now);
        self.note_trouble(index, trouble, stable);
        self.back_off(index, stable, now);
        let suspect = self.shards[index].channel.as_mut().is_some_and(|channel| {
            channel.failed_sockets = if stable {
                0
            } else {
                channel.failed_sockets + 1
            };
            channel.failed_sockets >= SUSPECT
        });
        if suspect {
            self.log(
                LogLevel::Warn,
                format!(
                    "Notification channel {} keeps no connection; a new one is made",
                    index + 1
                ),
            );
            self.drop_channel(index, true, now);
        }
    }

    /// The platform says that a channel does not exist.
    pub(super) fn channel_is_gone(&mut self, index: usize, now: Now) {
        let message = format!(
            "Notification channel {} is gone: it came to its end, or another program with the same client id took \
             its place",
            index + 1
        );
        self.lose_channel(index, Trouble::of(Why::ChannelTaken, message), now);
    }

    fn lose_channel(&mut self, index: usize, trouble: Trouble, now: Now) {
        let stable = self.close_socket(index, true, now);
        self.note_trouble(index, trouble, stable);
        self.back_off(index, stable, now);
        self.drop_channel(index, false, now);
    }

    /// The channel may exist, but is of no use.
    pub(super) fn leave_channel(&mut self, index: usize, now: Now) {
        let stable = self.close_socket(index, true, now);
        self.back_off(index, stable, now);
        self.drop_channel(index, true, now);
    }

    /// Forgets a shard's channel with all that is under way for it.
    fn drop_channel(&mut self, index: usize, exists: bool, now: Now) {
        self.close_socket(index, true, now);
        let shard = &mut self.shards[index];
        let pointless = [shard.probe.cancel(), shard.subscribe.cancel()];
        pointless.iter().flatten().for_each(|id| {
            self.asked.remove(id);
        });
        for subject in shard.start_over() {
            self.placed.remove(&subject);
        }
        if let Some(channel) = shard.channel.take()
            && exists
        {
            self.left.push_back(channel.id);
        }
    }

    /// When the next socket or channel may be tried: at once after one that lasted.
    fn back_off(&mut self, index: usize, stable: bool, now: Now) {
        let shard = &mut self.shards[index];
        shard.not_before = now.elapsed;
        if stable {
            shard.backoff.reset();
        } else {
            shard.not_before += shard.backoff.delay(&mut self.jitter);
        }
    }

    fn note_trouble(&mut self, index: usize, trouble: Trouble, stable: bool) {
        let shard = &self.shards[index];
        // Others of a row are news only if their cause is.
        let is_news = stable
            || shard.backoff.failures() == 0
            || shard
                .trouble
                .as_ref()
                .is_some_and(|last| last.cause() != trouble.cause());
        let level = if is_news {
            LogLevel::Warn
        } else {
            LogLevel::Debug
        };
        self.log(level, trouble.message.clone());
        self.shards[index].trouble = Some(trouble);
    }
}
