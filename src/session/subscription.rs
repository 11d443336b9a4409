//! Subscriptions: which topics are asked for on a line's channel and when, what the platform's verdicts mean for the feed, and
//! taking topics off again. How far each subject has come stands in `following`.

use super::Session;
use super::following::Lessened;
use super::line::LineId;
use super::request::What;
use super::shard::Shard;
use crate::model::log::LogLevel;
use crate::model::order::{Order, Request, TopicVerdict};
use crate::model::time::Now;

/// While the roster is still being read, a shard's topics are subscribed in portions of at least this many: early, but
/// not in a request for each page.
const PORTION: usize = 300;
/// So many topics are taken off a channel with one message.
const UNFOLLOWED_AT_ONCE: usize = 100;
impl Session {
    /// Subscribes what is to be subscribed on a line's channel. `flush`: also a small portion. While the roster is read
    /// for the first time, such a one waits for the page that is on its way and may add to it.
    pub(super) fn subscribe(&mut self, id: LineId, flush: bool, now: Now) {
        let more_comes = !(self.users.was_read() && self.queues.was_read())
            && (self.users.errand.pending().is_some() || self.queues.errand.pending().is_some());
        let Some(line) = self.line(id) else {
            return;
        };
        let Some(channel) = &line.channel else {
            return;
        };
        let channel = channel.id.clone();
        let wanted = line.following.counts().wanted;
        let is_full = !self.shards[id.shard].has_room(self.topics_per_channel);
        let worth_it = wanted >= PORTION || is_full || (flush && !more_comes);
        if wanted == 0 || !worth_it || !line.subscribe.is_idle() {
            return;
        }
        let not_before = line.subscribe.not_before();
        if self.is_due(not_before, now)
            && self.may_ask(What::Subscribe(id), now)
            && let Some(line) = self.line_mut(id)
        {
            let topics = line.following.ask();
            self.ask(
                What::Subscribe(id),
                Request::Subscribe { channel, topics },
                now,
            );
        }
    }

    /// Takes the topics of those who left the roster off the channels, where a socket is open to say so.
    pub(super) fn unfollow(&mut self, now: Now) {
        let mut freed = Vec::new();
        for line in self.shards.iter_mut().flat_map(Shard::lines_mut) {
            let Some(socket) = line.open_socket() else {
                continue;
            };
            let gone = line.following.take_gone();
            line.taken_off += gone.len();
            for portion in gone.chunks(UNFOLLOWED_AT_ONCE) {
                self.orders.push_back(Order::Unfollow {
                    socket,
                    topics: portion.iter().map(|(_, topic)| topic.clone()).collect(),
                });
            }
            freed.extend(
                gone.into_iter()
                    .map(|(subject, _)| (line.id.shard, subject)),
            );
        }
        for (shard, subject) in freed {
            self.free(shard, &subject);
        }
        for shard in 0..self.shards.len() {
            self.leave_empty(shard, now);
        }
    }

    pub(super) fn take_verdicts(&mut self, id: LineId, verdicts: &[TopicVerdict], now: Now) {
        let Some(line) = self.line_mut(id) else {
            return;
        };
        line.subscribe.succeeded(now.elapsed);
        let before = line.following.counts().refused;
        let lessened = line.following.settle(verdicts);
        let refused = line.following.counts().refused;
        let first = line.following.refusals().next();
        if let Some(reason) = first.map(|(_, refusal)| refusal.reason.clone())
            && refused != before
        {
            // A successor's are news only if they are others.
            let is_known =
                self.is_successor(id) && self.shards[id.shard].counts().refused == refused;
            let level = if is_known {
                LogLevel::Debug
            } else {
                LogLevel::Warn
            };
            self.log(
                level,
                format!(
                    "Channel {}: topics of {refused} users and queues are refused, the first with: {reason}",
                    id.shard + 1
                ),
            );
        }
        self.tell_lessened(id.shard, lessened);
        self.tell_flowing(id, now);
    }

    /// Tells whose persistent connections the platform refuses to show: the first time so that it is not overlooked.
    pub(super) fn tell_lessened(&mut self, index: usize, lessened: Option<Lessened>) {
        let Some(Lessened { users, reason }) = lessened else {
            return;
        };
        let level = if std::mem::replace(&mut self.was_lessened, true) {
            LogLevel::Info
        } else {
            LogLevel::Warn
        };
        self.log(
            level,
            format!(
                "Channel {}: the persistent connections of {users} users are refused, with: {reason}. Everything else \
                 of them is followed; the refused topics are not asked for again before the next start",
                index + 1
            ),
        );
    }
}
