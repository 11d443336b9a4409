//! Keeping a line connected: its channel, its socket, and what follows when one of them ends.
//!
//! A socket that ended says little by its close code, so the platform is asked whether the channel is still there: if it
//! is, the same channel's socket is opened again and no subscription is lost; if not, another line is begun. Whatever did
//! not last is tried again with back-off. All this is for the line that leads; a successor to which any of it happens
//! has failed, and is let go of (`succession`).

use std::time::Duration;

use super::Session;
use super::channel::{Channel, OPENING, STABLE, SUSPECT, Socket};
use super::errand::Trouble;
use super::line::{Line, LineId};
use super::liveness::{ANSWER, Pulse, SILENCE, Watch};
use super::request::What;
use crate::model::feed::Why;
use crate::model::id::ChannelId;
use crate::model::log::LogLevel;
use crate::model::order::{Order, Request, SocketEvent, SocketId};
use crate::model::succession::SuccessionEnd;
use crate::model::time::{Now, UtcMicros};

/// So long after a channel was taken away the next such loss is no part of the same quarrel over channels.
const UNDISTURBED: Duration = Duration::from_secs(600);

/// What ended a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The platform says that it is gone, or that it took it away.
    Taken,
    /// It may exist, but is of no use.
    Useless,
}

impl Session {
    /// The pass over one line: from its socket to its channel.
    pub(super) fn keep_connected(&mut self, id: LineId, now: Now) {
        self.watch_socket(id, now);
        self.open_socket(id, now);
        self.make_channel(id, now);
    }

    fn watch_socket(&mut self, id: LineId, now: Now) {
        let Some(channel) = self.line(id).and_then(|line| line.channel.as_ref()) else {
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
                    self.lose_socket(id, true, Trouble::of(Why::Link, message), now);
                }
            }
            Socket::Open { watch, .. } => match watch.pulse(now) {
                Pulse::Until(at) => {
                    self.is_due(at, now);
                }
                Pulse::Ask => self.ping(id, now),
                Pulse::Dead => {
                    let message = format!(
                        "A connection was silent for {} s and did not answer a ping within {} s more",
                        SILENCE.as_secs(),
                        ANSWER.as_secs()
                    );
                    self.lose_socket(id, true, Trouble::of(Why::Link, message), now);
                }
            },
        }
    }

    /// Sends a ping on a line's open socket.
    pub(super) fn ping(&mut self, id: LineId, now: Now) {
        let Some(channel) = self.line_mut(id).and_then(|line| line.channel.as_mut()) else {
            return;
        };
        if let Socket::Open {
            id: socket, watch, ..
        } = &mut channel.socket
        {
            watch.asked(now);
            let socket = *socket;
            self.orders.push_back(Order::Ping { socket });
            self.is_due(now.elapsed + ANSWER, now);
        }
    }

    fn open_socket(&mut self, id: LineId, now: Now) {
        let Some(line) = self.line(id) else {
            return;
        };
        let Some(channel) = &line.channel else {
            return;
        };
        let Socket::Closed { probed } = channel.socket else {
            return;
        };
        let (channel, wire) = (channel.id.clone(), line.wire);
        let (idle, not_before) = (line.probe.is_idle(), line.probe.not_before());
        let not_before = match self.is_successor(id) {
            true => not_before,
            false => not_before.max(self.shards[id.shard].not_before),
        };
        if !self.is_due(not_before, now) {
            return;
        }
        if !probed {
            if idle && self.may_ask(What::Probe(id), now) {
                self.ask(What::Probe(id), Request::ProbeChannel { channel }, now);
            }
            return;
        }
        self.last_socket += 1;
        let socket = SocketId(self.last_socket);
        let limit = now.elapsed + OPENING;
        self.is_due(limit, now);
        if let Some(channel) = self.line_mut(id).and_then(|line| line.channel.as_mut()) {
            channel.socket = Socket::Opening { id: socket, limit };
        }
        self.sockets.insert(socket, id);
        self.orders.push_back(Order::OpenSocket {
            socket,
            channel,
            wire,
        });
    }

    /// Makes a channel for a line that has none.
    fn make_channel(&mut self, id: LineId, now: Now) {
        let Some(line) = self.line(id) else {
            return;
        };
        if line.channel.is_some() || line.following.is_empty() || !line.create.is_idle() {
            return;
        }
        let not_before = match self.is_successor(id) {
            true => line.create.not_before(),
            false => line
                .create
                .not_before()
                .max(self.shards[id.shard].not_before),
        };
        if !self.is_due(not_before, now) {
            return;
        }
        let wire = self.best_wire();
        if let Some(line) = self.line_mut(id) {
            line.wire = wire;
        }
        if self.may_ask(What::Create(id), now) {
            self.census.blur();
            self.ask(What::Create(id), Request::CreateChannel, now);
        }
    }

    pub(super) fn take_channel(
        &mut self,
        id: LineId,
        channel: ChannelId,
        expires: Option<UtcMicros>,
        generation: u64,
        now: Now,
    ) {
        let is_successor = self.is_successor(id);
        let Some(wire) = self.line(id).map(|line| line.wire) else {
            return;
        };
        let Some(term) = self
            .token(wire)
            .map(|token| token.term(generation, now.elapsed))
        else {
            return;
        };
        if let Some(line) = self.line_mut(id) {
            line.create.succeeded(now.elapsed);
            line.asked_at = now.elapsed;
            line.channel = Some(Channel::new(channel, expires, term, now));
        }
        let (level, how) = if is_successor {
            (LogLevel::Debug, "A successor of notification channel")
        } else {
            (LogLevel::Info, "Notification channel")
        };
        self.log(level, format!("{how} {} was made", id.shard + 1));
    }

    pub(super) fn take_probe(&mut self, id: LineId, exists: bool, now: Now) {
        if !exists {
            return self.channel_is_gone(id, now);
        }
        if let Some(channel) = self.line_mut(id).and_then(|line| line.channel.as_mut())
            && let Socket::Closed { probed } = &mut channel.socket
        {
            *probed = true;
        }
    }

    pub(super) fn take_socket_event(&mut self, id: LineId, event: SocketEvent, now: Now) {
        match event {
            SocketEvent::Activity => {}
            SocketEvent::Pong => self.take_pong(id),
            SocketEvent::Opened => self.take_opened(id, now),
            SocketEvent::Closing => self.take_closing(id, now),
            SocketEvent::ChannelLost(reason) => {
                let of_token = reason.contains("token");
                let why = if of_token {
                    Why::Link
                } else {
                    Why::ChannelTaken
                };
                let message = format!(
                    "The platform took notification channel {} away: {reason}",
                    id.shard + 1
                );
                let made_by = self
                    .line(id)
                    .and_then(|line| Some((line.wire, line.channel.as_ref()?.term.generation)));
                match made_by.filter(|_| of_token) {
                    Some((wire, generation)) => self.refuse_token(wire, generation, now),
                    None => self.census.want(now.elapsed),
                }
                self.lose_channel(id, Loss::Taken, Trouble::of(why, message), now);
            }
            SocketEvent::Ended(failure) => {
                let trouble = Trouble::new(&format!("Connection {}", id.shard + 1), &failure);
                self.lose_socket(id, false, trouble, now);
            }
        }
    }

    /// The platform will close the socket within a minute: time enough for a successor, if none is on its way already.
    fn take_closing(&mut self, id: LineId, now: Now) {
        if self.is_successor(id) {
            let message = "the platform will close its connection".to_owned();
            return self.fail_successor(id.shard, &Trouble::of(Why::Link, message), true, now);
        }
        if let Some(line) = self.line_mut(id) {
            line.is_closing = true;
        }
        self.log(
            LogLevel::Info,
            format!("The platform will close connection {}", id.shard + 1),
        );
    }

    fn take_opened(&mut self, id: LineId, now: Now) {
        let is_successor = self.is_successor(id);
        let Some(channel) = self.line_mut(id).and_then(|line| line.channel.as_mut()) else {
            return;
        };
        let Socket::Opening { id: socket, .. } = channel.socket else {
            self.ignored += 1;
            return;
        };
        channel.socket = Socket::Open {
            id: socket,
            since: now.elapsed,
            watch: Watch::new(now),
        };
        if is_successor {
            self.ping(id, now);
        } else {
            let shard = &mut self.shards[id.shard];
            shard.trouble = None;
            if std::mem::replace(&mut shard.was_open, true) {
                self.reconnects += 1;
            }
            self.log(
                LogLevel::Info,
                format!("Connection {} is open", id.shard + 1),
            );
        }
        self.tell_flowing(id, now);
    }

    /// Forgets a line's socket and says since when it was open, if it was. What flowed on it is not told of here.
    pub(super) fn close_socket(&mut self, id: LineId, close: bool) -> Option<Duration> {
        let line = self.line_mut(id)?;
        line.is_closing = false;
        let channel = line.channel.as_mut()?;
        let (socket, since) =
            match std::mem::replace(&mut channel.socket, Socket::Closed { probed: false }) {
                Socket::Closed { .. } => return None,
                Socket::Opening { id, .. } => (id, None),
                Socket::Open { id, since, .. } => (id, Some(since)),
            };
        self.sockets.remove(&socket);
        if close {
            self.orders.push_back(Order::CloseSocket { socket });
        }
        since
    }

    /// A socket ended or is dead; what is next is to ask whether its channel is still there.
    fn lose_socket(&mut self, id: LineId, close: bool, trouble: Trouble, now: Now) {
        if self.is_successor(id) {
            if !close {
                self.tell_withdrawn(id);
                self.close_socket(id, false);
            }
            return self.fail_successor(id.shard, &trouble, true, now);
        }
        let heard = self.line(id).and_then(Line::last_heard);
        let end = self.tell_ceased(id, heard);
        let stable = is_stable(self.close_socket(id, close), now);
        self.note_trouble(id.shard, trouble, stable);
        self.back_off(id.shard, stable, now);
        if self.inherit_with_channel(id.shard, end, now) {
            return;
        }
        let suspect = self.line_mut(id).and_then(|line| line.channel.as_mut());
        let suspect = suspect.is_some_and(|channel| {
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
                    id.shard + 1
                ),
            );
            self.begin_anew(id.shard, true, end, now);
        }
    }

    /// The platform says that a channel does not exist.
    pub(super) fn channel_is_gone(&mut self, id: LineId, now: Now) {
        let message = format!(
            "Notification channel {} is gone: it came to its end, or another program with the same client id took \
             its place",
            id.shard + 1
        );
        self.census.want(now.elapsed);
        self.lose_channel(
            id,
            Loss::Taken,
            Trouble::of(Why::ChannelTaken, message),
            now,
        );
    }

    pub(super) fn lose_channel(&mut self, id: LineId, loss: Loss, trouble: Trouble, now: Now) {
        if self.is_successor(id) {
            return self.fail_successor(id.shard, &trouble, loss == Loss::Useless, now);
        }
        let heard = self.line(id).and_then(Line::last_heard);
        let end = self.tell_ceased(id, heard);
        let stable = is_stable(self.close_socket(id, true), now);
        self.note_trouble(id.shard, trouble, stable);
        self.back_off(id.shard, stable, now);
        if loss == Loss::Taken {
            self.damp(id.shard, now);
        }
        self.begin_anew(id.shard, loss == Loss::Useless, end, now);
    }

    /// A channel was taken away. If the one before it was too, and not long ago, another program with the same client id
    /// may be making channels in a loop: each that is made here takes one of its, and the other way round. The next one
    /// waits, longer each time.
    fn damp(&mut self, shard: usize, now: Now) {
        let shard = &mut self.shards[shard];
        if now.elapsed.saturating_sub(shard.lost_at) >= UNDISTURBED {
            shard.losses.reset();
        }
        shard.lost_at = now.elapsed;
        let wait = shard.losses.delay(&mut self.jitter);
        shard.not_before = shard.not_before.max(now.elapsed + wait);
    }

    /// The lead is of no use any more. Its successor leads, if there is one, however far it has come; else a line is
    /// begun that has nothing yet.
    pub(super) fn begin_anew(&mut self, shard: usize, exists: bool, end: SuccessionEnd, now: Now) {
        if self.inherit(shard, exists, end, now) {
            return;
        }
        let heir = self.shards[shard].lead.following.heir();
        let lead = self.new_line(shard, heir);
        let old = std::mem::replace(&mut self.shards[shard].lead, lead);
        self.let_go(old, exists, now);
    }

    /// Lets go of a line: closes its socket, has its topics taken off the channel (if that `exists`), and forgets what
    /// was asked for its sake.
    pub(super) fn let_go(&mut self, line: Line, exists: bool, now: Now) {
        let Line {
            id,
            wire,
            channel,
            following,
            mut create,
            mut probe,
            mut subscribe,
            ..
        } = line;
        for pointless in [probe.cancel(), subscribe.cancel()].into_iter().flatten() {
            self.asked.remove(&pointless);
        }
        // A channel that is being made will have no owner.
        if let Some(asked) = create.cancel().and_then(|order| self.asked.get_mut(&order)) {
            asked.what = What::Orphan;
        }
        if let Some(channel) = channel {
            match channel.socket {
                Socket::Closed { .. } => {}
                Socket::Opening { id: socket, .. } | Socket::Open { id: socket, .. } => {
                    self.sockets.remove(&socket);
                    self.orders.push_back(Order::CloseSocket { socket });
                }
            }
            if exists {
                self.leave(channel.id, wire, channel.ends_at, now);
            }
        }
        for subject in following.gone() {
            if !self.shards[id.shard].holds(subject) {
                self.placed.remove(subject);
            }
        }
    }

    /// When the next socket or channel may be tried: at once after one that lasted.
    pub(super) fn back_off(&mut self, shard: usize, stable: bool, now: Now) {
        let shard = &mut self.shards[shard];
        shard.not_before = now.elapsed;
        if stable {
            shard.backoff.reset();
        } else {
            shard.not_before += shard.backoff.delay(&mut self.jitter);
        }
    }

    fn note_trouble(&mut self, shard: usize, trouble: Trouble, stable: bool) {
        let shard = &mut self.shards[shard];
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
        let message = trouble.message.clone();
        shard.trouble = Some(trouble);
        self.log(level, message);
    }
}

/// Whether a socket was open for so long that its end does not count as a failure.
fn is_stable(since: Option<Duration>, now: Now) -> bool {
    since.is_some_and(|since| now.elapsed.saturating_sub(since) >= STABLE)
}
