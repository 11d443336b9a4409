//! Channels that were left. None can be deleted: the topics are taken off, and the platform gives away first what nobody
//! reads.

use std::time::Duration;

use super::request::What;
use super::{Session, backoff};
use crate::model::id::ChannelId;
use crate::model::order::{Failure, FailureKind, OrderId, Request, WireNo};
use crate::model::time::Now;

/// How often it is tried to take the topics off a channel that was left: it ends by itself, too.
const LEAVING: u32 = 3;
/// For how long.
const LEAVING_FOR: Duration = Duration::from_secs(600);

/// A channel that was left, and whose topics are to be taken off.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) channel: ChannelId,
    pub(super) wire: WireNo,
    /// How often it was tried.
    pub(super) tries: u32,
    pub(super) not_before: Duration,
    /// Without a token until then, there will be none.
    pub(super) give_up_at: Duration,
    /// The request that is under way.
    pub(super) order: Option<OrderId>,
}

impl Session {
    /// A channel is left: it stays at the platform until its end or until another one needs its place.
    pub(super) fn leave(&mut self, channel: ChannelId, wire: WireNo, ends_at: Duration, now: Now) {
        self.census.left(channel.clone(), ends_at, now.elapsed);
        self.left.push_back(Left {
            channel,
            wire,
            tries: 0,
            not_before: now.elapsed,
            give_up_at: now.elapsed + LEAVING_FOR,
            order: None,
        });
    }

    /// Takes the topics off channels that were left.
    pub(super) fn clean_up(&mut self, now: Now) {
        self.left
            .retain(|left| left.order.is_some() || left.give_up_at > now.elapsed);
        if let Some(next) = self.left.iter().map(|left| left.give_up_at).min() {
            self.is_due(next, now);
        }
        for index in 0..self.left.len() {
            let left = &self.left[index];
            let (wire, not_before) = (left.wire, left.not_before);
            if left.order.is_some() || !self.is_due(not_before, now) {
                continue;
            }
            if !self.may_ask(What::Unsubscribe(wire), now) {
                continue;
            }
            let channel = self.left[index].channel.clone();
            let order = self.ask(
                What::Unsubscribe(wire),
                Request::Unsubscribe { channel },
                now,
            );
            let left = &mut self.left[index];
            left.tries += 1;
            left.order = Some(order);
        }
    }

    /// The request to take the topics off a channel was answered. Only what may get better is tried again.
    pub(super) fn take_left(&mut self, order: OrderId, failure: Option<&Failure>, now: Now) {
        let may_get_better = failure.is_some_and(|failure| {
            matches!(
                failure.kind,
                FailureKind::Link
                    | FailureKind::Server
                    | FailureKind::RateLimited
                    | FailureKind::TokenRefused
            )
        });
        let wait = self.jitter.up_to(backoff::CAP);
        self.left.retain_mut(|left| {
            if left.order != Some(order) {
                return true;
            }
            left.order = None;
            left.not_before = now.elapsed + wait;
            may_get_better && left.tries < LEAVING
        });
    }
}
