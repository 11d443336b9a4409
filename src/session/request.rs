//! Requests that are under way: what each is for, what its answer means, and what follows when it fails.
//!
//! Knows: which errand each order belongs to. Does not know: when anything is due. An order is answered once; what comes
//! late, twice or for nothing known is not looked at.

use std::time::Duration;

use super::budget::Purpose;
use super::connection::Loss;
use super::errand::{Errand, Trouble, said};
use super::following::Narrowed;
use super::line::LineId;
use super::recovery::Lane;
use super::retry::Effect;
use super::token::Token;
use super::{REFUSED_AGAIN, Session, channel};
use crate::model::log::LogLevel;
use crate::model::order::{Failure, FailureKind, Order, OrderId, Page, Reply, Request, WireNo};
use crate::model::time::Now;

/// An order that has no answer by then is taken for failed. The wire always answers, and much sooner: this is for the
/// day on which it does not.
const NO_ANSWER: Duration = Duration::from_secs(300);
/// A longer `Retry-After` is not about the rate of requests but about a limit of that one resource.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(180);
/// An order that was given and not answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) id: OrderId,
    pub(super) what: What,
    pub(super) wire: WireNo,
    /// Of the token it was sent with.
    pub(super) generation: u64,
    pub(super) limit: Duration,
}

/// What an order was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Token(WireNo),
    Users,
    Queues,
    Stations,
    Create(LineId),
    Probe(LineId),
    Subscribe(LineId),
    /// A channel is being made for a line that is gone.
    Orphan,
    Unsubscribe(WireNo),
    Census,
    Recover(Lane),
}

impl Session {
    pub(super) fn wire_of(&self, what: What) -> WireNo {
        match what {
            What::Token(wire) | What::Unsubscribe(wire) => wire,
            What::Create(id) | What::Probe(id) | What::Subscribe(id) => {
                self.line(id).map_or(self.target, |line| line.wire)
            }
            What::Users
            | What::Queues
            | What::Stations
            | What::Orphan
            | What::Census
            | What::Recover(_) => self.best_wire(),
        }
    }

    /// Takes a request out of the budget, if there is a token for it and room. If not, the token or the passing of time
    /// leads to another pass.
    pub(super) fn may_ask(&mut self, what: What, now: Now) -> bool {
        let token = self.token(self.wire_of(what)).and_then(Token::usable);
        if token.is_none() && !matches!(what, What::Token(_)) {
            return false;
        }
        let purpose = match what {
            What::Users | What::Queues | What::Unsubscribe(_) => Purpose::Roster,
            What::Stations | What::Census => Purpose::Aside,
            What::Recover(Lane::Live) => Purpose::Call,
            What::Recover(_) => Purpose::Recovery,
            What::Token(_)
            | What::Create(_)
            | What::Probe(_)
            | What::Subscribe(_)
            | What::Orphan => Purpose::Feed,
        };
        match self.budget.take(purpose, now.elapsed) {
            Ok(()) => true,
            Err(at) => {
                self.is_due(at, now);
                false
            }
        }
    }

    pub(super) fn ask(&mut self, what: What, request: Request, now: Now) -> OrderId {
        self.last_order += 1;
        let id = OrderId(self.last_order);
        let limit = now.elapsed + NO_ANSWER;
        self.is_due(limit, now);
        let wire = self.wire_of(what);
        let generation = self.token(wire).and_then(Token::usable);
        self.asked.insert(
            id,
            Asked {
                id,
                what,
                wire,
                generation: generation.unwrap_or_default(),
                limit,
            },
        );
        let rules = self.retry;
        if let Some(errand) = self.errand(what) {
            errand.sent(id, &rules, now.elapsed);
        }
        self.orders.push_back(Order::Request {
            id,
            what: request,
            wire,
        });
        id
    }

    pub(super) fn errand(&mut self, what: What) -> Option<&mut Errand> {
        match what {
            What::Token(wire) => self.tokens.get_mut(&wire).map(|token| &mut token.errand),
            What::Users => Some(&mut self.users.errand),
            What::Queues => Some(&mut self.queues.errand),
            What::Stations => Some(&mut self.stations.errand),
            What::Create(id) => self.line_mut(id).map(|line| &mut line.create),
            What::Probe(id) => self.line_mut(id).map(|line| &mut line.probe),
            What::Subscribe(id) => self.line_mut(id).map(|line| &mut line.subscribe),
            What::Census => Some(&mut self.census.errand),
            What::Recover(lane) => Some(self.recovery.errand(lane)),
            What::Orphan | What::Unsubscribe(_) => None,
        }
    }

    /// What an order was to do, for people.
    pub(super) fn doing(&self, what: What) -> String {
        let channel = |id: LineId| {
            let which = if self.is_successor(id) {
                "the successor of notification channel"
            } else {
                "notification channel"
            };
            format!("{which} {}", id.shard + 1)
        };
        match what {
            What::Token(_) => "Fetching a token".to_owned(),
            What::Users => format!("Listing the users ({})", self.users.place()),
            What::Queues => format!("Listing the queues ({})", self.queues.place()),
            What::Stations => format!("Listing the stations ({})", self.stations.place()),
            What::Create(id) => format!("Making {}", channel(id)),
            What::Probe(id) => format!("Asking for {}", channel(id)),
            What::Subscribe(id) => format!("Subscribing to topics on {}", channel(id)),
            What::Orphan => "Making a notification channel".to_owned(),
            What::Unsubscribe(_) => "Taking the topics off a channel that was left".to_owned(),
            What::Census => "Counting the notification channels".to_owned(),
            What::Recover(lane) => lane.doing().to_owned(),
        }
    }

    pub(super) fn give_up_waiting(&mut self, now: Now) {
        let over: Vec<OrderId> = self
            .asked
            .iter()
            .filter(|(_, asked)| asked.limit <= now.elapsed)
            .map(|(&id, _)| id)
            .collect();
        for id in over {
            if let Some(asked) = self.asked.remove(&id) {
                let failure = Failure {
                    kind: FailureKind::Link,
                    status: None,
                    retry_after: None,
                    message: format!("no answer within {} s", NO_ANSWER.as_secs()),
                };
                self.take_failure(asked, &failure, now);
            }
        }
        if let Some(next) = self.asked.values().map(|asked| asked.limit).min() {
            self.is_due(next, now);
        }
    }

    pub(super) fn take_reply(&mut self, asked: Asked, reply: Reply, now: Now) {
        if !matches!(reply, Reply::Failed(_))
            && !matches!(asked.what, What::Token(_))
            && let Some(token) = self.tokens.get_mut(&asked.wire)
        {
            token.proved(asked.generation);
        }
        match (asked.what, reply) {
            (_, Reply::Failed(failure)) => self.take_failure(asked, &failure, now),
            (What::Token(wire), Reply::Token { life }) => self.take_token(wire, life, now),
            // The list became shorter under the reading, or something on the way keeps answers.
            (What::Users, Reply::Users(Page { number, .. })) if number != self.users.page() => {
                self.take_failure(asked, &another_page(number), now);
                self.users.start_over();
            }
            (What::Queues, Reply::Queues(Page { number, .. })) if number != self.queues.page() => {
                self.take_failure(asked, &another_page(number), now);
                self.queues.start_over();
            }
            (What::Stations, Reply::Stations(Page { number, .. }))
                if number != self.stations.page() =>
            {
                self.take_failure(asked, &another_page(number), now);
                self.stations.start_over();
                self.are_stations_wanted = true;
            }
            (What::Stations, Reply::Stations(page)) => self.take_stations(page, now),
            (What::Users, Reply::Users(page)) => self.take_users(page, now),
            (What::Queues, Reply::Queues(page)) => self.take_queues(page, now),
            (What::Create(id), Reply::Channel { channel, expires }) => {
                self.take_channel(id, channel, expires, asked.generation, now);
            }
            (What::Orphan, Reply::Channel { channel, .. }) => {
                let ends_at = now.elapsed + channel::LIFE;
                self.census.left(channel, ends_at, now.elapsed);
            }
            (What::Probe(id), Reply::ChannelExists(exists)) => {
                if let Some(line) = self.line_mut(id) {
                    line.probe.succeeded(now.elapsed);
                }
                self.take_probe(id, exists, now);
            }
            (What::Subscribe(id), Reply::Subscribed(verdicts)) => {
                self.take_verdicts(id, &verdicts, now);
            }
            (What::Unsubscribe(_), Reply::Unsubscribed) => self.take_left(asked.id, None, now),
            (What::Census, Reply::Channels { own, others }) => self.take_census(&own, others, now),
            (What::Recover(lane), reply) => {
                if !self.recovery.take(lane, reply, now) {
                    let failure = unfitting("the answer is one to another question".to_owned());
                    self.take_failure(asked, &failure, now);
                }
            }
            (_, _) => {
                let failure = unfitting("the answer is one to another question".to_owned());
                self.take_failure(asked, &failure, now);
            }
        }
    }

    /// Whether a request that failed is repeated by the operator's keys. It stays what it was for, so nothing else comes
    /// of the failure.
    pub(super) fn repeat(&mut self, what: What, doing: &str, failure: &Failure, now: Now) -> bool {
        let effect = match what {
            What::Create(_) | What::Orphan => Effect::Makes,
            _ => Effect::Same,
        };
        let rules = self.retry;
        let Some(errand) = self.errand(what) else {
            return false;
        };
        let Some(is_news) = errand.repeat(&rules, effect, doing, failure, now.elapsed) else {
            return false;
        };
        let wait = errand.not_before().saturating_sub(now.elapsed).as_millis();
        self.log(
            if is_news {
                LogLevel::Info
            } else {
                LogLevel::Debug
            },
            format!(
                "{doing} failed: {}. It is repeated in {wait} ms",
                said(failure)
            ),
        );
        true
    }

    pub(super) fn take_failure(&mut self, asked: Asked, failure: &Failure, now: Now) {
        let doing = self.doing(asked.what);
        if let What::Unsubscribe(_) = asked.what {
            self.take_left(asked.id, Some(failure), now);
        }
        if let What::Subscribe(id) = asked.what
            && let Some(line) = self.line_mut(id)
        {
            let of_topics = matches!(failure.kind, FailureKind::Refused | FailureKind::Forbidden);
            let narrowed = if of_topics {
                line.following.narrow(said(failure))
            } else {
                Narrowed::No
            };
            let how = match narrowed {
                Narrowed::Lessened => {
                    Some("They are asked for without those of persistent connections")
                }
                Narrowed::Divided => {
                    Some("They are asked for in smaller portions, to find those that are refused")
                }
                Narrowed::No => None,
            };
            if let Some(how) = how {
                line.subscribe.failed_in_this_way();
                return self.log(
                    LogLevel::Warn,
                    format!("{doing} failed: {}. {how}", said(failure)),
                );
            }
            line.following.unask();
        }
        match failure.kind {
            FailureKind::RateLimited => {
                if let Some(wait) = failure.retry_after.filter(|&wait| wait <= LONGEST_SILENCE) {
                    self.budget.close_until(now.elapsed + wait);
                }
            }
            FailureKind::TokenRefused if !matches!(asked.what, What::Token(_)) => {
                if self.token(asked.wire).and_then(Token::usable) == Some(asked.generation) {
                    self.log(
                        LogLevel::Warn,
                        format!("{doing}: the token is refused; a new one is fetched"),
                    );
                }
                self.refuse_token(asked.wire, asked.generation, now);
                if self
                    .errand(asked.what)
                    .is_some_and(Errand::token_was_refused)
                {
                    return;
                }
            }
            // The platform says that the channel does not exist.
            FailureKind::NotFound => {
                if let What::Probe(id) | What::Subscribe(id) = asked.what {
                    return self.channel_is_gone(id, now);
                }
            }
            _ => {}
        }
        if self.repeat(asked.what, &doing, failure, now) {
            return;
        }
        if let What::Probe(id) = asked.what
            && let Some(line) = self.line(id)
            && line.probe.is_hopeless(failure)
        {
            let trouble = Trouble::new(&doing, failure);
            self.log(
                LogLevel::Warn,
                format!("{}. A new channel is made", trouble.message),
            );
            return self.lose_channel(id, Loss::Useless, trouble, now);
        }
        if let What::Recover(lane) = asked.what
            && self.recovery.fail(lane, failure, self.sockets() > 0, now)
        {
            return;
        }
        let Self {
            tokens,
            users,
            queues,
            stations,
            shards,
            jitter,
            census,
            recovery,
            ..
        } = self;
        let line = match asked.what {
            What::Create(id) | What::Probe(id) | What::Subscribe(id) => shards
                .get_mut(id.shard)
                .and_then(|shard| shard.line_mut(id)),
            _ => None,
        };
        let errand = match (asked.what, line) {
            (What::Token(wire), _) => tokens.get_mut(&wire).map(|token| &mut token.errand),
            (What::Users, _) => Some(&mut users.errand),
            (What::Queues, _) => Some(&mut queues.errand),
            (What::Stations, _) => Some(&mut stations.errand),
            (What::Census, _) => Some(&mut census.errand),
            (What::Recover(lane), _) => Some(recovery.errand(lane)),
            (What::Create(_), Some(line)) => Some(&mut line.create),
            (What::Probe(_), Some(line)) => Some(&mut line.probe),
            (What::Subscribe(_), Some(line)) => Some(&mut line.subscribe),
            (_, _) => None,
        };
        let Some(errand) = errand else {
            return;
        };
        let is_news = errand.failed(&doing, failure, now.elapsed, jitter);
        if let What::Create(id) | What::Probe(id) | What::Subscribe(id) = asked.what
            && self.is_successor(id)
        {
            let trouble = Trouble::new(&doing, failure);
            let not_before = self.errand(asked.what).map(|errand| errand.not_before());
            let not_before = not_before.unwrap_or_default();
            return self.fail_successor_until(id.shard, &trouble, true, not_before, now);
        }
        let is_refused = matches!(
            failure.kind,
            FailureKind::Forbidden | FailureKind::NotFound | FailureKind::Refused
        );
        let is_aside = matches!(asked.what, What::Stations | What::Census);
        match asked.what {
            What::Users if is_refused => self.users.note_refused(),
            What::Queues if is_refused => self.queues.note_refused(),
            _ => {}
        }
        let Some(errand) = self.errand(asked.what) else {
            return;
        };
        if is_aside && is_refused {
            errand.postpone(now.elapsed + REFUSED_AGAIN);
        }
        let wait = errand.not_before().saturating_sub(now.elapsed).as_secs();
        let level = match (is_news, failure.kind) {
            (true, FailureKind::CredentialsRefused | FailureKind::Forbidden) if !is_aside => {
                LogLevel::Error
            }
            (true, _) => LogLevel::Warn,
            (false, _) => LogLevel::Debug,
        };
        self.log(
            level,
            format!("{doing} failed: {}. Next try in {wait} s", said(failure)),
        );
    }
}

/// An answer that came and is not what was asked for.
fn unfitting(message: String) -> Failure {
    Failure {
        kind: FailureKind::Unreadable,
        status: None,
        retry_after: None,
        message,
    }
}

fn another_page(number: u32) -> Failure {
    unfitting(format!(
        "page {number} came in the place of the one that was asked for. The list is read anew; if this stays, check \
         what on the way to the region keeps answers"
    ))
}
