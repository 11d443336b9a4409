//! A request that has to succeed sooner or later: one at a time, repeated as the operator's retry keys say, and then tried
//! again with a back-off of its own for as long as it takes.

use std::time::Duration;

use super::backoff::{Backoff, Jitter};
use super::channel::SUSPECT;
use super::request::LONGEST_SILENCE;
use super::retry::{Effect, Retry};
use crate::model::feed::Why;
use crate::model::order::{Failure, FailureKind, OrderId};
use crate::settings::RetryRules;

/// The wait after a refusal that only a person can mend (credentials, permissions): no stop, and no hammering.
pub(super) const AFTER_REFUSAL: Duration = Duration::from_secs(60);
/// No wait that the platform asks for is kept for longer: its longest limits are of a day, but a feed that is down asks
/// once an hour whether they still hold.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What a failure says, for a sentence that goes on after it.
pub(super) fn said(failure: &Failure) -> &str {
    failure.message.trim_end_matches('.')
}

/// What went wrong last, for the state of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: Why,
    pub(super) message: String,
    cause: Cause,
}

/// What tells one trouble from another. Not the words of the platform's answers, which differ each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Status(u16),
    Words(String),
}

impl Trouble {
    /// Trouble that no failed request told.
    pub(super) fn of(why: Why, message: String) -> Self {
        Self {
            why,
            cause: Cause::Words(message.clone()),
            message,
        }
    }

    pub(super) const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// `doing` says what failed, as in "Listing the users".
    pub(super) fn new(doing: &str, failure: &Failure) -> Self {
        let why = match failure.kind {
            FailureKind::CredentialsRefused | FailureKind::TokenRefused => Why::CredentialsRefused,
            FailureKind::Forbidden => Why::PermissionMissing,
            FailureKind::RateLimited => Why::Limit,
            FailureKind::NotFound
            | FailureKind::Server
            | FailureKind::Refused
            | FailureKind::Link
            | FailureKind::Unreadable => Why::Link,
        };
        Self {
            why,
            message: format!("{doing} failed: {}", said(failure)),
            cause: failure
                .status
                .map_or_else(|| Cause::Words(failure.message.clone()), Cause::Status),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Errand {
    pending: Option<OrderId>,
    /// When the last one was sent.
    sent: Duration,
    not_before: Duration,
    /// The request that is repeated while its keys allow it.
    retry: Option<Retry>,
    backoff: Backoff,
    token_refused: bool,
    trouble: Option<Trouble>,
    /// Why the last request was given up that was not repeated any more.
    given_up: Option<Cause>,
}

impl Errand {
    /// Whether it may be sent, as far as an earlier one is concerned; [`Self::not_before`] says when.
    pub(super) const fn is_idle(&self) -> bool {
        self.pending.is_none()
    }

    pub(super) const fn pending(&self) -> Option<OrderId> {
        self.pending
    }

    /// When what is pending, or was answered last, was sent.
    pub(super) const fn sent_at(&self) -> Duration {
        self.sent
    }

    pub(super) const fn not_before(&self) -> Duration {
        self.not_before
    }

    pub(super) const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Failures in a row.
    pub(super) const fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    pub(super) fn sent(&mut self, id: OrderId, rules: &RetryRules, now: Duration) {
        self.pending = Some(id);
        self.sent = now;
        if self.retry.is_none_or(|retry| retry.is_over(rules, now)) {
            self.retry = Some(Retry::new(now));
        }
    }

    /// It failed. If the request is to be repeated by the operator's keys, it may go again once [`Self::not_before`] has
    /// come. Says whether it is, and if so whether the failure is news, as [`Self::failed`] does.
    pub(super) fn repeat(
        &mut self,
        rules: &RetryRules,
        effect: Effect,
        doing: &str,
        failure: &Failure,
        now: Duration,
    ) -> Option<bool> {
        let mut retry = self.retry.take()?;
        let next = retry.failed(rules, effect, failure, now)?;
        self.retry = Some(retry);
        self.pending = None;
        self.not_before = next;
        Some(self.note(Trouble::new(doing, failure)))
    }

    /// It succeeded; the next one may go from `next` on.
    pub(super) fn succeeded(&mut self, next: Duration) {
        *self = Self {
            not_before: next,
            ..Self::default()
        };
    }

    /// What it asked for has become pointless: returns the order whose answer is not to be heard any more.
    pub(super) fn cancel(&mut self) -> Option<OrderId> {
        std::mem::take(self).pending
    }

    /// It must wait until then, whatever else holds.
    pub(super) fn postpone(&mut self, until: Duration) {
        self.not_before = self.not_before.max(until);
    }

    /// It is wanted by then, unless something went wrong and it waits for that.
    pub(super) fn hasten(&mut self, until: Duration) {
        if self.trouble.is_none() {
            self.not_before = self.not_before.min(until);
        }
    }

    /// The answer was a 401. The first one costs nothing but a new token; says whether it was the first.
    pub(super) fn token_was_refused(&mut self) -> bool {
        if self.token_refused {
            return false;
        }
        self.pending = None;
        self.retry = None;
        self.token_refused = true;
        true
    }

    /// It failed, and is to be asked in another way at once.
    pub(super) fn failed_in_this_way(&mut self) {
        self.pending = None;
        self.retry = None;
    }

    /// Whether, after this failure, no answer is to be expected before long. (A broken link is none of its own.)
    pub(super) fn is_hopeless(&self, failure: &Failure) -> bool {
        match failure.kind {
            FailureKind::Refused | FailureKind::Forbidden => true,
            FailureKind::RateLimited => failure
                .retry_after
                .is_some_and(|asked| asked > LONGEST_SILENCE),
            FailureKind::Server | FailureKind::Unreadable => self.failures() + 1 >= SUSPECT,
            FailureKind::CredentialsRefused
            | FailureKind::TokenRefused
            | FailureKind::NotFound
            | FailureKind::Link => false,
        }
    }

    /// It failed; it is tried again after a wait. Says whether that is news: the first of a row, or of another cause.
    pub(super) fn failed(
        &mut self,
        doing: &str,
        failure: &Failure,
        now: Duration,
        jitter: &mut Jitter,
    ) -> bool {
        self.pending = None;
        self.retry = None;
        self.token_refused = false;
        let wait = self.backoff.delay(jitter);
        let wait = match failure.kind {
            FailureKind::CredentialsRefused | FailureKind::Forbidden | FailureKind::Refused => {
                AFTER_REFUSAL
            }
            FailureKind::RateLimited | FailureKind::Server => {
                let asked = failure.retry_after.unwrap_or_default();
                asked.clamp(wait, LONGEST_WAIT)
            }
            FailureKind::TokenRefused
            | FailureKind::NotFound
            | FailureKind::Link
            | FailureKind::Unreadable => wait,
        };
        self.not_before = now + wait;
        self.note(Trouble::new(doing, failure));
        let cause = self.trouble.as_ref().map(|trouble| trouble.cause().clone());
        std::mem::replace(&mut self.given_up, cause.clone()) != cause
    }

    /// Notes what went wrong last. Says whether it is news.
    fn note(&mut self, trouble: Trouble) -> bool {
        let is_news = self.trouble.as_ref().map(Trouble::cause) != Some(trouble.cause());
        self.trouble = Some(trouble);
        is_news
    }
}
