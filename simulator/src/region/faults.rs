//! What faults do to the region: those that strike once end or mute sockets, channels and tokens; storms and slowness
//! are asked for with each request. Which faults there are and when is in [`crate::fault`].

use super::admission::Caller;
use super::{Region, Transmit};
use crate::channel::{ChannelNo, SocketId};
use crate::fault::{Fault, FaultNo, WhichToken, seconds};
use crate::oauth::{ClientNo, TokenNo};
use crate::problem::Problem;
use crate::time::{Millis, Time};

/// How long the region holds a socket of which nothing comes any more.
const GIVES_UP_AFTER: Millis = Millis(120_000);

/// The program of [`Fault::RivalChannels`], as [`crate::region::Request::program`] tells programs apart.
const RIVAL: u32 = u32::MAX;

impl Region {
    pub(super) fn begin_fault(&mut self, number: FaultNo, fault: &Fault, now: Time) {
        match fault {
            Fault::CutSockets {
                share,
                every_s,
                close_code,
            } => {
                for socket in self.drawn_sockets(*share) {
                    let how = close_code.map_or(Transmit::Cut, |code| Transmit::Close {
                        code,
                        reason: "closed by a fault",
                    });
                    self.end_socket(socket, how, now);
                }
                if let Some(mean) = every_s {
                    let wait = self.chance.exponential(*mean * 1_000.0);
                    self.faults.again(number, now + wait);
                }
            }
            Fault::MuteSockets { share } => {
                for id in self.drawn_sockets(*share) {
                    if let Some(socket) = self.sockets.get_mut(&id).filter(|socket| !socket.muted) {
                        socket.muted = true;
                        self.revision += 1;
                        if let Some(channel) = self.channels.get(socket.channel) {
                            self.coverage.lost(channel.keys(), now);
                        }
                    }
                }
            }
            Fault::BlackHole { share, .. } => {
                for id in self.drawn_sockets(*share) {
                    let Some(socket) = self.sockets.get_mut(&id).filter(|socket| !socket.lost)
                    else {
                        continue;
                    };
                    let was_muted = std::mem::replace(&mut socket.muted, true);
                    socket.lost = true;
                    socket.closes = Some(now + GIVES_UP_AFTER);
                    self.revision += 1;
                    self.out.push_back((id, Transmit::Silence));
                    if let (false, Some(channel)) = (was_muted, self.channels.get(socket.channel)) {
                        self.coverage.lost(channel.keys(), now);
                    }
                }
            }
            Fault::SecondSocket { share, every_s } => {
                for socket in self.drawn_sockets(*share) {
                    self.displace(socket, now);
                }
                if let Some(mean) = every_s {
                    let wait = self.chance.exponential(*mean * 1_000.0);
                    self.faults.again(number, now + wait);
                }
            }
            Fault::RivalChannels { every_s } => {
                for client in 0..self.authority.clients().len() {
                    self.rival_connects(ClientNo(client), now);
                }
                let wait = self.chance.exponential(*every_s * 1_000.0);
                self.faults.again(number, now + wait);
            }
            Fault::RevokeToken { which } => {
                let live: Vec<TokenNo> = self.authority.live().map(|(number, _)| number).collect();
                let ended = match which {
                    WhichToken::All => live.as_slice(),
                    WhichToken::Newest => live.split_at(live.len().saturating_sub(1)).1,
                    WhichToken::Oldest => live.split_at(live.len().min(1)).0,
                };
                for token in ended {
                    for channel in self.channels_of(*token) {
                        let id = self
                            .channels
                            .get(channel)
                            .map(|channel| channel.id.clone())
                            .unwrap_or_default();
                        self.announce(
                            channel,
                            &format!("v2.system.token_revoked.{id}"),
                            Some(("token_revoked", "user_tokens_revoked")),
                            "The token of this channel was revoked.",
                        );
                    }
                    self.end_token(*token, "the token of the channel was revoked", now);
                }
            }
            Fault::ExpireChannels {} => {
                let channels: Vec<ChannelNo> =
                    self.channels.iter().map(|(number, _)| number).collect();
                for channel in channels {
                    self.end_channel(channel, "the channel expired", now);
                }
            }
            Fault::SocketClosing { grace_s } => {
                let sockets: Vec<(SocketId, ChannelNo)> = self
                    .sockets
                    .iter()
                    .map(|(id, socket)| (*id, socket.channel))
                    .collect();
                for (id, channel) in sockets {
                    let text = "This websocket will be closed for maintenance. Connect a new one.";
                    self.announce(channel, "v2.system.socket_closing", None, text);
                    if let Some(socket) = self.sockets.get_mut(&id) {
                        socket.closes = Some(now + seconds(*grace_s));
                    }
                }
            }
            // These are looked up where they matter, as long as they are in force.
            Fault::RefuseConnects { .. }
            | Fault::Delay { .. }
            | Fault::Reorder { .. }
            | Fault::ClockSkew { .. }
            | Fault::ForbidRequests { .. }
            | Fault::Duplicate { .. }
            | Fault::Lose { .. }
            | Fault::RefuseClient {}
            | Fault::Storm429 { .. }
            | Fault::Storm5xx { .. }
            | Fault::SlowRequests { .. }
            | Fault::ForbidTopics { .. } => {}
        }
    }

    /// Somebody else connects to the channel of a socket. Whoever that is, nothing of it goes out.
    fn displace(&mut self, socket: SocketId, now: Time) {
        let Some(channel) = self.sockets.get(&socket).map(|socket| socket.channel) else {
            return;
        };
        let how = Transmit::Close {
            code: 1000,
            reason: "another connection was made",
        };
        self.end_socket(socket, how, now);
        self.occupy(channel, now);
    }

    /// Somebody is connected to a channel of whom the region tells nobody.
    fn occupy(&mut self, number: ChannelNo, now: Time) {
        self.opened += 1;
        let stranger = SocketId(self.opened);
        if let Some(channel) = self.channels.get_mut(number) {
            channel.socket = Some(stranger);
            channel.last_used = now;
        }
    }

    /// The rival makes a channel of a client's and connects to it.
    fn rival_connects(&mut self, client: ClientNo, now: Time) {
        let live = |token: &TokenNo| self.authority.live().any(|(number, _)| number == *token);
        let token = match self.rivals.get(&client).copied().filter(live) {
            Some(token) => token,
            None => {
                let life_s = self.switches.token_life_s;
                let (token, _) = self.authority.issue(client, life_s, &mut self.chance, now);
                self.rivals.insert(client, token);
                token
            }
        };
        let channel = self.make_channel(Caller { token, client }, RIVAL, now);
        self.occupy(channel, now);
    }

    /// Ends the rival's connections once no fault wants it any more.
    pub(super) fn dismiss_rivals(&mut self, now: Time) {
        let wanted = || {
            let mut faults = self.faults.in_force(now);
            faults.any(|fault| matches!(fault, Fault::RivalChannels { .. }))
        };
        if self.rivals.is_empty() || wanted() {
            return;
        }
        self.rivals.clear();
        let channels: Vec<ChannelNo> = self.channels.iter().map(|(number, _)| number).collect();
        for number in channels {
            if let Some(channel) = self.channels.get_mut(number)
                && channel.program == RIVAL
            {
                channel.socket = None;
            }
        }
    }

    /// Whether requests vanish.
    pub(super) fn swallows_requests(&self, now: Time) -> bool {
        let mut faults = self.faults.in_force(now);
        faults.any(|fault| matches!(fault, Fault::BlackHole { requests: true, .. }))
    }

    /// A time of the region's own clock, as it is told.
    pub(super) fn told(&self, time: Time) -> Time {
        let faults = self.faults.in_force(self.world.now());
        let skews = faults.filter_map(|fault| match fault {
            Fault::ClockSkew { skew_ms } => Some(*skew_ms),
            _ => None,
        });
        time + Millis(skews.sum())
    }

    /// The refusal of a request for which a permission is missing.
    pub(super) fn forbidden(&self, path: &str, now: Time) -> Option<Problem> {
        self.faults.in_force(now).find_map(|fault| match fault {
            Fault::ForbidRequests {
                path: hit,
                permission,
            } if path.starts_with(hit.as_str()) => {
                Some(Problem::missing_permissions(&[permission]))
            }
            _ => None,
        })
    }

    fn drawn_sockets(&mut self, share: f64) -> Vec<SocketId> {
        let sockets: Vec<SocketId> = self.sockets.keys().copied().collect();
        sockets
            .into_iter()
            .filter(|_| self.chance.share(share))
            .collect()
    }

    /// The answer that a storm gives to a request, if one is in force and hits it.
    pub(super) fn storm(&mut self, path: &str, now: Time) -> Option<Problem> {
        let storms: Vec<(f64, Problem)> = self
            .faults
            .in_force(now)
            .filter_map(|fault| match fault {
                Fault::Storm429 {
                    share,
                    retry_after_s,
                    path: hit,
                } if path.starts_with(hit.as_str()) => {
                    Some((*share, Problem::too_many_requests(*retry_after_s)))
                }
                Fault::Storm5xx {
                    share,
                    status,
                    retry_after_s,
                    path: hit,
                } if path.starts_with(hit.as_str()) => {
                    Some((*share, Problem::server_error(*status, *retry_after_s)))
                }
                _ => None,
            })
            .collect();
        storms
            .into_iter()
            .find(|(share, _)| self.chance.share(*share))
            .map(|(_, problem)| problem)
    }

    pub(super) fn slowness(&mut self, path: &str, now: Time) -> i64 {
        let slow = self.faults.in_force(now).find_map(|fault| match fault {
            Fault::SlowRequests {
                min_ms,
                max_ms,
                path: hit,
            } if path.starts_with(hit.as_str()) => Some((*min_ms, *max_ms)),
            _ => None,
        });
        slow.map_or(0, |(min, max)| self.chance.between(min, max).0)
    }
}
