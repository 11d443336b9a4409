//! From what the world shows to the sockets of those who subscribed to it: who gets a notification, when (faults lose,
//! double and delay), and the envelope around it. The system's own messages go the same way without being subscribed.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Region, Transmit};
use crate::channel::ChannelNo;
use crate::fault::{Among, Fault};
use crate::time::Time;
use crate::world::Shown;

/// A notification on its way to a channel.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) due: Time,
    /// Whether those after it must wait for it.
    leads: bool,
    frame: Arc<str>,
    acts: Arc<[u64]>,
    topic: Arc<str>,
}

impl Region {
    /// Hands what the world shows to the channels that subscribed to it.
    pub(super) fn show(&mut self, now: Time) {
        while let Some(shown) = self.world.poll_shown() {
            if let Some(record) = &mut self.record {
                record.push_back(shown.clone());
            }
            let receivers = self.channels.receivers(&shown.topic);
            let listening = receivers
                .into_iter()
                .filter(|channel| self.live_socket(*channel).is_some());
            let listening: Vec<ChannelNo> = listening.collect();
            if !listening.is_empty() {
                self.notify(&shown, &listening, now);
            }
        }
    }

    fn notify(&mut self, shown: &Shown, channels: &[ChannelNo], now: Time) {
        let correlation = self.chance.id().to_string();
        let frame = notification(
            &shown.topic,
            &shown.body,
            shown.metadata_action,
            &correlation,
        );
        let topic: Arc<str> = Arc::clone(&shown.topic);
        let acts: Arc<[u64]> = Arc::from(shown.acts.as_slice());
        let (mut lose, mut duplicate, mut delay, mut reorder) = (0.0_f64, 0.0_f64, None, None);
        for fault in self.faults.in_force(now) {
            match fault {
                Fault::Lose { share } => lose = lose.max(*share),
                Fault::Duplicate { share } => duplicate = duplicate.max(*share),
                Fault::Delay { min_ms, max_ms } => delay = Some((*min_ms, *max_ms)),
                Fault::Reorder {
                    share,
                    min_ms,
                    max_ms,
                    among,
                } => reorder = Some((*share, *min_ms, *max_ms, *among)),
                _ => {}
            }
        }
        for channel in channels {
            if lose > 0.0 && self.chance.share(lose) {
                continue;
            }
            let times = if duplicate > 0.0 && self.chance.share(duplicate) {
                2
            } else {
                1
            };
            let mut wait = delay.map_or(0, |(min, max)| self.chance.between(min, max).0);
            let mut leads = true;
            if let Some((share, min, max, among)) = reorder
                && self.chance.share(share)
            {
                wait += self.chance.between(min, max).0;
                leads = among == Among::Channels;
            }
            let queue = self.late.entry(*channel).or_default();
            let ahead = queue.iter().rev().find(|late| late.leads);
            let due = ahead.map_or(now, |ahead| ahead.due).max(Time(now.0 + wait));
            // In the order of their times; those that are held up are overtaken.
            let place = queue.iter().rposition(|late| late.due <= due);
            let place = place.map_or(0, |at| at + 1);
            for _ in 0..times {
                let late = Late {
                    due,
                    leads,
                    frame: Arc::clone(&frame),
                    acts: Arc::clone(&acts),
                    topic: Arc::clone(&topic),
                };
                queue.insert(place, late);
            }
        }
        self.hand_over_late(now);
    }

    pub(super) fn hand_over_late(&mut self, now: Time) {
        let mut late = std::mem::take(&mut self.late);
        for (channel, queue) in &mut late {
            while queue.front().is_some_and(|next| next.due <= now) {
                let Some(next) = queue.pop_front() else { break };
                if let Some(socket) = self.live_socket(*channel) {
                    self.send(socket, Transmit::Text(next.frame));
                    let program = self.channels.get(*channel).map_or(0, |of| of.program);
                    self.world.mark_sent(&next.acts, &next.topic, program);
                }
            }
        }
        late.retain(|_, queue| !queue.is_empty());
        self.late = late;
    }

    /// A message of the system itself: it arrives without being subscribed.
    pub(super) fn announce(
        &mut self,
        channel: ChannelNo,
        topic: &str,
        kind: Option<(&str, &str)>,
        text: &str,
    ) {
        let Some(channel) = self.channels.get(channel) else {
            return;
        };
        let Some(socket) = channel.socket else { return };
        let mut body = json!({});
        if let Some((kind, reason)) = kind {
            body["systemTopicType"] = json!(kind);
            body["reason"] = json!(reason);
            body["channelId"] = json!(channel.id);
            if let Some(client) = self.authority.clients().get(channel.client.0) {
                body["oauthClientId"] = json!(client.id);
            }
        }
        body["message"] = json!(text);
        let correlation = self.chance.id().to_string();
        let frame = notification(topic, &body.to_string(), None, &correlation);
        self.send(socket, Transmit::Text(frame));
    }
}

/// The envelope, with its members in the platform's order.
fn notification(topic: &str, body: &str, action: Option<&str>, correlation: &str) -> Arc<str> {
    let mut frame = String::with_capacity(topic.len() + body.len() + 128);
    let topic = Value::from(topic);
    _ = write!(
        frame,
        "{{\"topicName\":{topic},\"version\":\"2\",\"eventBody\":{body},\"metadata\":{{"
    );
    _ = write!(frame, "\"CorrelationId\":\"{correlation}\"");
    if let Some(action) = action {
        _ = write!(frame, ",\"action\":{}", Value::from(action));
    }
    frame.push_str("}}");
    Arc::from(frame)
}
