//! Successions: the one road for every change of connection.
//!
//! A token or a channel near its end, a socket that the platform is about to close, a restart, new settings: the line
//! that leads a shard is followed by another one. The successor makes its channel, has all topics subscribed, opens its
//! socket and proves itself: every topic that flows on the lead has its verdict, and a JSON ping was answered on its
//! socket. From then on both are read for a while (`OverlapS`), in which the predecessor must be heard too; then it is
//! left, and nothing was missed.
//!
//! A successor that fails on the way is let go of whole, and another one tried after a back-off while the lead lives. If
//! the lead dies meanwhile the successor leads, however far it has come; one that has no channel yet gives way to a
//! lead that still has its own.
//!
//! One succession runs at a time, so that the platform sees one channel more than the feed needs and no fan-out of
//! sockets. Only what cannot wait (a socket that will be closed, an end that is near) runs beside another, within the
//! limit of channels.

use std::time::Duration;

use super::errand::Trouble;
use super::following::Subjects;
use super::line::{Line, LineId};
use super::liveness::ANSWER;
use super::request::What;
use super::shard::{SPARE, Shard};
use super::subject::Subject;
use super::token::Token;
use super::{Notice, Session};
use crate::model::feed::Why;
use crate::model::log::LogLevel;
use crate::model::succession::{SuccessionEnd, SuccessionReason};
use crate::model::time::Now;

/// A successor that has not proved itself by then is let go of: something on its way hangs.
const PROOF: Duration = Duration::from_secs(180);
/// What ends sooner than this does not wait for the successions of others.
const URGENT: Duration = Duration::from_secs(30);

/// A line that is to take the place of another.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) line: Line,
    reason: SuccessionReason,
    /// When it must have proved itself.
    limit: Duration,
    /// A ping was answered on its socket.
    is_answered: bool,
    /// Since when it has proved itself.
    proven: Option<Duration>,
}

/// A restart of everything that was asked for, until the last line was made with a newer token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restart {
    reason: SuccessionReason,
    /// Channels that this or an older generation of the token made are to be succeeded.
    generation: u64,
}

/// What is due for a line.
#[derive(Debug, Clone, Copy)]
struct Due {
    reason: SuccessionReason,
    is_urgent: bool,
}

impl Session {
    /// Renews everything without a gap: the token, then each line, and reads the whole roster and the stations anew.
    /// Asked for again before the last line was renewed, it is one restart.
    pub fn restart(&mut self, reason: SuccessionReason, now: Now) {
        self.begin_restart(reason, now);
        self.advance(now);
    }

    /// The next pass carries it out.
    pub(super) fn begin_restart(&mut self, reason: SuccessionReason, now: Now) {
        if self.restart.is_some() {
            self.log(
                LogLevel::Info,
                "A restart was asked for while one runs: it is one".to_owned(),
            );
        } else {
            self.log(
                LogLevel::Info,
                format!(
                    "Restart ({}): token, channels and roster are renewed",
                    reason.name()
                ),
            );
            let token = self.tokens.entry(self.target).or_default();
            token.renew(now.elapsed);
            let generation = token.generation();
            self.restart = Some(Restart { reason, generation });
            self.read_all_again(now);
        }
    }

    /// The pass over all successions.
    pub(super) fn succeed(&mut self, now: Now) {
        for shard in 0..self.shards.len() {
            self.drive_successor(shard, now);
        }
        self.note_restarted();
        self.begin_successions(now);
    }

    /// Whether an answer on the line's socket may be what its succession waits for.
    pub(super) fn is_in_succession(&self, id: LineId) -> bool {
        let shard = self.shards.get(id.shard);
        shard.is_some_and(|shard| shard.successor.is_some())
    }

    /// Whether the line is one that is to take the place of another.
    pub(super) fn is_successor(&self, id: LineId) -> bool {
        let shard = self.shards.get(id.shard);
        shard
            .and_then(|shard| shard.successor.as_ref())
            .is_some_and(|successor| successor.line.id == id)
    }

    /// A ping was answered on a line's socket.
    pub(super) fn take_pong(&mut self, id: LineId) {
        if let Some(successor) = &mut self.shards[id.shard].successor
            && successor.line.id == id
        {
            successor.is_answered = true;
        }
    }

    /// Looks whether a successor has proved itself, and for long enough, or has had its time.
    fn drive_successor(&mut self, shard: usize, now: Now) {
        let Self {
            shards, overlap, ..
        } = self;
        let Shard {
            lead, successor, ..
        } = &mut shards[shard];
        let Some(successor) = successor else {
            return;
        };
        let id = successor.line.id;
        let is_open = successor.line.open_socket().is_some();
        // A lead that loses its socket is inherited from, or its successor fails, at once.
        debug_assert!(lead.open_socket().is_some(), "a successor beside nothing");
        if successor.proven.is_none()
            && is_open
            && successor.is_answered
            && successor.line.following.is_settled_as(&lead.following)
        {
            successor.proven = Some(now.elapsed);
            // A lead that has fallen silent looks like one that has nothing to say. It must be heard once more, or what it
            // did not show before its successor came is a gap: if it does not answer, it is lost like any other.
            let lead = lead.id;
            self.ping(lead, now);
            return self.drive_successor(shard, now);
        }
        let overlap = *overlap;
        let heard = lead.last_heard().map(|heard| heard.elapsed);
        match successor.proven {
            Some(since) => {
                let is_heard = heard.is_some_and(|heard| heard > since);
                if self.is_due(since + overlap, now) && is_heard {
                    self.complete_succession(shard, now);
                }
            }
            None => {
                let limit = successor.limit;
                let asked = match &successor.line.channel {
                    Some(channel) if !successor.is_answered => channel.open_since(),
                    Some(_) | None => None,
                };
                if let Some(opened) = asked
                    && self.is_due(opened + ANSWER, now)
                {
                    let message = format!(
                        "the successor of connection {} did not answer a ping within {} s",
                        shard + 1,
                        ANSWER.as_secs()
                    );
                    let trouble = Trouble::of(Why::Link, message);
                    return self.fail_successor(shard, &trouble, true, now);
                }
                if self.is_due(limit, now) {
                    let message = format!(
                        "the successor of connection {} did not prove itself within {} s",
                        id.shard + 1,
                        PROOF.as_secs()
                    );
                    self.fail_successor(shard, &Trouble::of(Why::Link, message), true, now);
                }
            }
        }
    }

    /// Begins those successions that are due and may begin now.
    fn begin_successions(&mut self, now: Now) {
        // Which succession comes first: what cannot wait, then by reason, then by the shard's number.
        let mut due: Vec<(bool, SuccessionReason, usize)> = Vec::new();
        for shard in 0..self.shards.len() {
            if let Some(Due { reason, is_urgent }) = self.due(shard, now) {
                due.push((!is_urgent, reason, shard));
            }
        }
        due.sort_unstable();
        for (can_wait, reason, shard) in due {
            if self.shards[shard].lead.open_socket().is_none() {
                // What does not flow needs no successor.
                self.log(
                    LogLevel::Info,
                    format!(
                        "Notification channel {} is made anew ({})",
                        shard + 1,
                        reason.name()
                    ),
                );
                self.begin_anew(shard, true, SuccessionEnd::Inherited, now);
                self.keep_connected(self.shards[shard].lead.id, now);
                continue;
            }
            let running = self
                .shards
                .iter()
                .filter(|other| other.successor.is_some())
                .count();
            let orphans = self
                .asked
                .values()
                .filter(|asked| asked.what == What::Orphan)
                .count();
            let most = self.most_lines() + 1;
            if self.channels_in_use() + orphans >= most || (can_wait && running > 0) {
                continue;
            }
            if self.is_due(self.shards[shard].succeed_not_before, now) {
                self.begin_succession(shard, reason, now);
            }
        }
    }

    fn begin_succession(&mut self, shard: usize, reason: SuccessionReason, now: Now) {
        let heir = self.shards[shard].lead.following.heir();
        let line = self.new_line(shard, heir);
        let id = line.id;
        let limit = now.elapsed + PROOF;
        self.shards[shard].successor = Some(Successor {
            line,
            reason,
            limit,
            is_answered: false,
            proven: None,
        });
        self.is_due(limit, now);
        self.log(
            LogLevel::Info,
            format!(
                "Connection {} is to be succeeded ({})",
                shard + 1,
                reason.name()
            ),
        );
        self.keep_connected(id, now);
    }

    /// Why the lead of a shard is to be succeeded now, if it is and nothing is under way.
    fn due(&mut self, shard: usize, now: Now) -> Option<Due> {
        let Shard {
            lead, successor, ..
        } = &self.shards[shard];
        if successor.is_some() || lead.following.is_empty() {
            return None;
        }
        let channel = lead.channel.as_ref()?;
        let (wire, term, is_closing) = (lead.wire, channel.term, lead.is_closing);
        // If they are still on it, the channel may have no room for as many others.
        let is_moved = lead.taken_off >= SPARE;
        let (renew_at, ends_at) = (channel.renew_at, channel.ends_at);
        let because = |reason, end: Duration| {
            Some(Due {
                reason,
                is_urgent: end.saturating_sub(now.elapsed) < URGENT,
            })
        };
        if is_closing {
            return because(SuccessionReason::SocketClosing, now.elapsed);
        }
        let newest = self.token(wire).and_then(Token::usable);
        let is_newer = newest.is_some_and(|newest| newest > term.generation);
        if is_newer && self.is_due(term.leave_at, now) {
            return because(SuccessionReason::TokenEnds, term.ends_at);
        }
        if self.is_due(renew_at, now) {
            return because(SuccessionReason::ChannelEnds, ends_at);
        }
        if wire != self.target {
            // The old wire carries the feed until the new one has a token.
            self.token(self.target)?.usable()?;
            return because(SuccessionReason::Settings, Duration::MAX);
        }
        if is_moved {
            return because(SuccessionReason::TopicsMoved, Duration::MAX);
        }
        let restart = self.restart?;
        let is_old = term.generation <= restart.generation;
        if is_old && newest.is_some_and(|newest| newest > restart.generation) {
            return because(restart.reason, Duration::MAX);
        }
        None
    }

    /// The restart is over when each line that has a channel has one of a newer token.
    fn note_restarted(&mut self) {
        let Some(restart) = self.restart else {
            return;
        };
        let renewed = self
            .token(self.target)
            .is_some_and(|token| token.generation() > restart.generation);
        let is_old = |line: &Line| {
            line.wire != self.target
                || line
                    .channel
                    .as_ref()
                    .is_some_and(|channel| channel.term.generation <= restart.generation)
        };
        if renewed
            && !self
                .shards
                .iter()
                .any(|shard| shard.successor.is_some() || is_old(&shard.lead))
        {
            self.restart = None;
            self.log(
                LogLevel::Info,
                "The restart is complete: all channels are new".to_owned(),
            );
        }
    }

    /// The successor has proved itself and both were read for long enough: the predecessor is left.
    fn complete_succession(&mut self, shard: usize, now: Now) {
        let lead = self.shards[shard].lead.id;
        self.tell_ceased(lead, Some(now));
        self.inherit(shard, true, SuccessionEnd::Succeeded, now);
    }

    /// The successor leads from now on; the line that led is let go of. Says whether there was a successor.
    pub(super) fn inherit(
        &mut self,
        shard: usize,
        exists: bool,
        end: SuccessionEnd,
        now: Now,
    ) -> bool {
        let Some(Successor { line, reason, .. }) = self.shards[shard].successor.take() else {
            return false;
        };
        let at = &mut self.shards[shard];
        if line.open_socket().is_some() {
            at.was_open = true;
            at.trouble = None;
        }
        at.not_before = now.elapsed;
        at.failed_successors.reset();
        at.succession_trouble = None;
        let old = std::mem::replace(&mut at.lead, line);
        if matches!(
            reason,
            SuccessionReason::Scheduled | SuccessionReason::Asked
        ) {
            // A restart asks for everything that is refused: with the next reading of the roster.
            at.lead.asked_at = Duration::ZERO;
        }
        self.let_go(old, exists, now);
        self.notices
            .push_back(Notice::SuccessionEnded { reason, end });
        let how = match end {
            SuccessionEnd::Succeeded => "was succeeded without a gap",
            SuccessionEnd::Inherited | SuccessionEnd::Failed => {
                "was lost while its successor came up, which leads now"
            }
        };
        self.log(
            LogLevel::Info,
            format!("Connection {} {how} ({})", shard + 1, reason.name()),
        );
        true
    }

    /// The lead lost its socket. A successor that has a channel leads from now on; one without gives way, since the lead
    /// has one still. Says whether the lead is another.
    pub(super) fn inherit_with_channel(
        &mut self,
        shard: usize,
        end: SuccessionEnd,
        now: Now,
    ) -> bool {
        match &self.shards[shard].successor {
            None => false,
            Some(successor) if successor.line.channel.is_some() => {
                self.inherit(shard, true, end, now)
            }
            Some(_) => {
                let message = "the lead lost its socket before there was another channel";
                let trouble = Trouble::of(Why::Link, message.to_owned());
                self.fail_successor(shard, &trouble, true, now);
                false
            }
        }
    }

    /// A successor came to nothing: it is let go of whole. The next one is tried after a back-off, if the lead lives.
    pub(super) fn fail_successor(
        &mut self,
        shard: usize,
        trouble: &Trouble,
        exists: bool,
        now: Now,
    ) {
        self.fail_successor_until(shard, trouble, exists, now.elapsed, now);
    }

    /// As [`Self::fail_successor`]; no other one is tried before then.
    pub(super) fn fail_successor_until(
        &mut self,
        shard: usize,
        trouble: &Trouble,
        exists: bool,
        not_before: Duration,
        now: Now,
    ) {
        let Some(successor) = &self.shards[shard].successor else {
            return;
        };
        self.tell_withdrawn(successor.line.id);
        let Some(Successor { line, reason, .. }) = self.shards[shard].successor.take() else {
            return;
        };
        self.let_go(line, exists, now);
        let at = &mut self.shards[shard];
        let level = match at.failed_successors.failures() {
            0 => LogLevel::Warn,
            _ => LogLevel::Debug,
        };
        at.succession_trouble = Some(trouble.clone());
        let wait = at.failed_successors.delay(&mut self.jitter);
        at.succeed_not_before = not_before.max(now.elapsed + wait);
        let wait = at.succeed_not_before - now.elapsed;
        self.notices.push_back(Notice::SuccessionEnded {
            reason,
            end: SuccessionEnd::Failed,
        });
        self.log(
            level,
            format!(
                "The succession of connection {} ({}) failed: {}. The connection is kept; next try in {} s",
                shard + 1,
                reason.name(),
                trouble.message,
                wait.as_secs()
            ),
        );
    }

    /// Tells whose topics flow from now on, if anyone's do.
    pub(super) fn tell_flowing(&mut self, id: LineId, now: Now) {
        let Some(line) = self.line_mut(id) else {
            return;
        };
        let Some(socket) = line.open_socket() else {
            return;
        };
        let begun = line.following.begin_to_flow(now.elapsed);
        if !begun.is_empty() {
            let (users, queues) = begun.into_arcs();
            self.notices.push_back(Notice::TopicsFlowing {
                socket,
                users,
                queues,
            });
        }
    }

    /// A lead's socket shows nothing any more after `heard`. What its successor's shows since before that goes on there;
    /// the rest is interrupted, and some of it flows again at once. Says what that makes of a succession.
    pub(super) fn tell_ceased(&mut self, id: LineId, heard: Option<Now>) -> SuccessionEnd {
        let Shard {
            lead, successor, ..
        } = &mut self.shards[id.shard];
        let (Some(from), Some(heard)) = (lead.open_socket(), heard) else {
            return SuccessionEnd::Inherited;
        };
        let ceased = lead.following.cease_to_flow();
        let heir = successor
            .as_ref()
            .and_then(|successor| Some((successor, successor.line.open_socket()?)));
        let since = |subject: &Subject| {
            let (successor, _) = heir?;
            successor.line.following.flows_since(subject)
        };
        let lost: Vec<&Subject> = ceased
            .iter()
            .filter(|&subject| since(subject).is_none_or(|since| since > heard.elapsed))
            .collect();
        let again: Subjects = lost
            .iter()
            .copied()
            .filter(|&subject| since(subject).is_some())
            .collect();
        let end = if lost.is_empty() {
            SuccessionEnd::Succeeded
        } else {
            SuccessionEnd::Inherited
        };
        let lost: Subjects = lost.into_iter().collect();
        if !lost.is_empty() {
            let (users, queues) = lost.into_arcs();
            self.notices.push_back(Notice::TopicsInterrupted {
                socket: from,
                users,
                queues,
                since: heard,
            });
        }
        if let Some((successor, to)) = heir {
            let reason = successor.reason;
            self.notices
                .push_back(Notice::Succeeded { from, to, reason });
            if !again.is_empty() {
                let (users, queues) = again.into_arcs();
                self.notices.push_back(Notice::TopicsFlowing {
                    socket: to,
                    users,
                    queues,
                });
            }
        }
        end
    }

    /// A successor's socket is given up: what flowed on it goes on on its lead's.
    pub(super) fn tell_withdrawn(&mut self, id: LineId) {
        let Shard {
            lead, successor, ..
        } = &mut self.shards[id.shard];
        let Some(successor) = successor else {
            return;
        };
        let (Some(socket), Some(heard)) =
            (successor.line.open_socket(), successor.line.last_heard())
        else {
            return;
        };
        let ceased = successor.line.following.cease_to_flow();
        let lost: Subjects = ceased
            .iter()
            .filter(|subject| lead.following.flows_since(subject).is_none())
            .collect();
        if !lost.is_empty() {
            let (users, queues) = lost.into_arcs();
            self.notices.push_back(Notice::TopicsInterrupted {
                socket,
                users,
                queues,
                since: heard,
            });
        }
        if let Some(leads) = lead.open_socket() {
            self.notices.push_back(Notice::Withdrawn { socket, leads });
        }
    }
}
