//! How many requests may go out: never more than so many in any minute, and none before the platform's `Retry-After`.
//!
//! The platform counts 300 a minute for each token. All requests of a session share one budget; what keeps the feed
//! alive may use all of it, listing the roster leaves a tenth free for that, and what can wait leaves a quarter.

use std::collections::VecDeque;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Tokens, channels, subscriptions: the feed hangs on it.
    Feed,
    /// Listing users and queues.
    Roster,
    /// What is good to know and holds nothing up.
    Aside,
}

#[derive(Debug)]
pub(super) struct Budget {
    per_minute: usize,
    /// When the requests of the last minute went out, oldest first: at most `per_minute` of them.
    sent: VecDeque<Duration>,
    closed_until: Duration,
}

impl Budget {
    pub(super) fn new(requests_per_minute: u32) -> Self {
        let per_minute = usize::try_from(requests_per_minute.max(1)).unwrap_or(usize::MAX);
        Self {
            per_minute,
            sent: VecDeque::new(),
            closed_until: Duration::ZERO,
        }
    }

    /// Takes one request out of the budget, or says when to ask again.
    pub(super) fn take(&mut self, purpose: Purpose, now: Duration) -> Result<(), Duration> {
        if now < self.closed_until {
            return Err(self.closed_until);
        }
        while self.sent.front().is_some_and(|&at| at + WINDOW <= now) {
            self.sent.pop_front();
        }
        let most = match purpose {
            Purpose::Feed => self.per_minute,
            Purpose::Roster => self.per_minute - self.per_minute / 10,
            Purpose::Aside => self.per_minute - self.per_minute / 4,
        };
        match self.sent.len().checked_sub(most) {
            // The one that must leave the window first for this one to have room.
            Some(index) => Err(self.sent.get(index).map_or(now + WINDOW, |&at| at + WINDOW)),
            None => {
                self.sent.push_back(now);
                Ok(())
            }
        }
    }

    /// The platform asked for silence until then.
    pub(super) fn close_until(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(until);
    }

    /// Requests that went out in the 60 s before `now`.
    pub(super) fn in_last_minute(&self, now: Duration) -> usize {
        self.sent.iter().filter(|&&at| at + WINDOW > now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn no_window_of_a_minute_holds_more_than_the_budget() {
        let mut budget = Budget::new(30);
        let mut sent = Vec::new();
        let mut now = Duration::ZERO;
        while now < S * 600 {
            match budget.take(Purpose::Feed, now) {
                Ok(()) => {
                    sent.push(now);
                    now += Duration::from_millis(137);
                }
                Err(until) => {
                    assert!(until > now);
                    now = until;
                }
            }
        }
        assert!(sent.windows(31).all(|w| w[30] - w[0] >= WINDOW));
        assert!(sent.len() >= 30 * 9, "and it is used: {}", sent.len());
    }

    #[test]
    fn listing_leaves_a_tenth_to_what_keeps_the_feed_alive() {
        let mut budget = Budget::new(20);
        let taken = |budget: &mut Budget, purpose| {
            (0..40).filter(|_| budget.take(purpose, S).is_ok()).count()
        };
        assert_eq!(taken(&mut budget, Purpose::Aside), 15);
        assert_eq!(taken(&mut budget, Purpose::Roster), 3);
        assert_eq!(budget.take(Purpose::Roster, S), Err(S * 61));
        assert!(budget.take(Purpose::Feed, S).is_ok());
        assert!(budget.take(Purpose::Feed, S).is_ok());
        assert_eq!(budget.take(Purpose::Feed, S), Err(S * 61));
        assert_eq!(budget.in_last_minute(S * 2), 20);
        assert_eq!(budget.in_last_minute(S * 61), 0);
    }

    #[test]
    fn retry_after_closes_it_for_all() {
        let mut budget = Budget::new(300);
        budget.close_until(S * 42);
        budget.close_until(S * 10);
        assert_eq!(budget.take(Purpose::Feed, S), Err(S * 42));
        assert!(budget.take(Purpose::Roster, S * 42).is_ok());
    }

    #[test]
    fn a_budget_of_one_still_lets_one_through() {
        let mut budget = Budget::new(0);
        assert!(budget.take(Purpose::Roster, S).is_ok());
        assert_eq!(budget.take(Purpose::Feed, S), Err(S * 61));
    }
}
