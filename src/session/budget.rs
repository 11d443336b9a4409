//! How many requests may go out: never more than so many in any minute, and none before the platform's `Retry-After`.
//!
//! The platform counts 300 a minute for each token. All requests of a session share one budget, each class up to a part
//! of it: what keeps the feed alive may use all, and what is less urgent leaves the more free. So whoever waits is served
//! in the order of the classes, and none of them can bring the feed down.

use std::collections::VecDeque;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(60);
/// What holds nothing up waits so long for the reads of calls, of which there may be more than there is room for all day;
/// then one request of it goes before them.
const PATIENCE: Duration = Duration::from_secs(30);

/// What of a budget is spent, for a session that goes on with it.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    sent: VecDeque<Duration>,
    closed_until: Duration,
}

/// What a request is for: the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Tokens, channels, subscriptions: the feed hangs on it.
    Feed,
    /// Reading what a gap may hide, for many at once.
    Recovery,
    /// Listing users and queues.
    Roster,
    /// Reading one call. There may be thousands to read, so they are spread over the minute.
    Call,
    /// What is good to know and holds nothing up.
    Aside,
}

impl Purpose {
    /// How many of ten requests it leaves to the others.
    const fn leaves(self) -> usize {
        match self {
            Self::Feed => 0,
            Self::Recovery => 1,
            Self::Roster => 2,
            Self::Call => 3,
            Self::Aside => 4,
        }
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    per_minute: usize,
    /// When the requests of the last minute went out, oldest first: at most `per_minute` of them.
    sent: VecDeque<Duration>,
    /// When the next call may be read.
    next_call: Duration,
    /// Since when something waits that holds nothing up.
    aside_since: Option<Duration>,
    closed_until: Duration,
}

impl Budget {
    pub(super) fn new(requests_per_minute: u32, spent: Spent) -> Self {
        let per_minute = usize::try_from(requests_per_minute.max(1)).unwrap_or(usize::MAX);
        Self {
            per_minute,
            sent: spent.sent,
            next_call: Duration::ZERO,
            aside_since: None,
            closed_until: spent.closed_until,
        }
    }

    /// What is spent of it.
    pub(super) fn spent(&self) -> Spent {
        Spent {
            sent: self.sent.clone(),
            closed_until: self.closed_until,
        }
    }

    /// Another limit from now on.
    pub(super) fn set_per_minute(&mut self, requests_per_minute: u32) {
        self.per_minute = usize::try_from(requests_per_minute.max(1)).unwrap_or(usize::MAX);
    }

    /// Takes one request out of the budget, or says when to ask again.
    pub(super) fn take(&mut self, purpose: Purpose, now: Duration) -> Result<(), Duration> {
        if now < self.closed_until {
            return Err(self.closed_until);
        }
        if purpose == Purpose::Call && now < self.next_call {
            return Err(self.next_call);
        }
        while self.sent.front().is_some_and(|&at| at + WINDOW <= now) {
            self.sent.pop_front();
        }
        let is_aside = purpose == Purpose::Aside;
        let overdue = self.aside_since.map(|since| since + PATIENCE);
        let is_overdue = is_aside && overdue.is_some_and(|overdue| overdue <= now);
        let part = |purpose: Purpose| self.per_minute - self.per_minute * purpose.leaves() / 10;
        let most = if is_overdue {
            (part(Purpose::Call) + 1).min(self.per_minute)
        } else {
            part(purpose)
        };
        match self.sent.len().checked_sub(most) {
            Some(index) => {
                // The one that must leave the window first for this one to have room.
                let room = self.sent.get(index).map_or(now + WINDOW, |&at| at + WINDOW);
                if !is_aside || is_overdue {
                    return Err(room);
                }
                let since = *self.aside_since.get_or_insert(now);
                Err(room.min(since + PATIENCE))
            }
            None => {
                self.sent.push_back(now);
                if is_aside {
                    self.aside_since = None;
                }
                if purpose == Purpose::Call {
                    self.next_call = now + WINDOW / u32::try_from(most).unwrap_or(u32::MAX);
                }
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
        let mut budget = Budget::new(30, Spent::default());
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
    fn each_class_leaves_room_to_the_more_urgent_ones() {
        let mut budget = Budget::new(20, Spent::default());
        let taken = |budget: &mut Budget, purpose| {
            (0..40).filter(|_| budget.take(purpose, S).is_ok()).count()
        };
        assert_eq!(taken(&mut budget, Purpose::Aside), 12);
        assert_eq!(
            taken(&mut budget, Purpose::Call),
            1,
            "and the next in a while"
        );
        assert_eq!(taken(&mut budget, Purpose::Roster), 3);
        assert_eq!(budget.take(Purpose::Roster, S), Err(S * 61));
        assert_eq!(taken(&mut budget, Purpose::Recovery), 2);
        assert_eq!(taken(&mut budget, Purpose::Feed), 2);
        assert_eq!(budget.take(Purpose::Feed, S), Err(S * 61));
        assert_eq!(budget.in_last_minute(S * 2), 20);
        assert_eq!(budget.in_last_minute(S * 61), 0);
    }

    /// All want more than there is, from the first moment on, the least urgent first; whoever is told to wait comes
    /// again then.
    #[test]
    fn whoever_waits_is_served_in_the_order_of_the_classes() {
        let classes = [
            Purpose::Aside,
            Purpose::Call,
            Purpose::Roster,
            Purpose::Recovery,
        ];
        let mut budget = Budget::new(100, Spent::default());
        let (mut now, mut served) = (Duration::ZERO, [0_u32; 4]);
        while now < S * 600 {
            let mut next = now + S;
            for (class, served) in classes.iter().zip(&mut served) {
                match budget.take(*class, now) {
                    Ok(()) => *served += 1,
                    Err(at) => next = next.min(at),
                }
            }
            assert!(budget.in_last_minute(now) <= 90, "the feed has its part");
            now = next.max(now + Duration::from_millis(1));
        }
        let [aside, call, roster, recovery] = served;
        assert!(
            recovery > 2 * roster && roster > 2 * call && call > 2 * aside && aside > 0,
            "{served:?}"
        );
    }

    /// Thousands of calls may be quiet for hours.
    #[test]
    fn what_holds_nothing_up_has_a_turn_though_calls_are_read_without_an_end() {
        for aside_first in [false, true] {
            let mut budget = Budget::new(270, Spent::default());
            let (mut now, mut served) = (Duration::ZERO, [0_u32; 2]);
            let mut classes = [(0, Purpose::Call), (1, Purpose::Aside)];
            if aside_first {
                classes.reverse();
            }
            // The calls were there before.
            while now < S * 3_600 {
                let mut next = now + S * 60;
                for (at, class) in classes {
                    if class == Purpose::Aside && now < S * 120 {
                        continue;
                    }
                    match budget.take(class, now) {
                        Ok(()) => {
                            served[at] += 1;
                            next = now;
                        }
                        Err(at) => next = next.min(at),
                    }
                }
                assert!(
                    budget.in_last_minute(now) <= 216,
                    "the others have their part"
                );
                now = next.max(now + Duration::from_millis(1));
            }
            let [calls, aside] = served;
            assert!((100..=120).contains(&aside), "{aside}");
            assert!(calls > 60 * 180, "{calls}");
        }
    }

    #[test]
    fn reads_of_calls_are_spread_over_the_minute() {
        let mut budget = Budget::new(270, Spent::default());
        let (mut now, mut sent) = (Duration::ZERO, Vec::new());
        while sent.len() < 1_000 {
            match budget.take(Purpose::Call, now) {
                Ok(()) => sent.push(now),
                Err(at) => now = at,
            }
        }
        let apart: Vec<Duration> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = Duration::from_millis(300)..=Duration::from_millis(400);
        assert!(apart.iter().all(|apart| even.contains(apart)), "{apart:?}");
        // Nobody else waits for that.
        assert!(budget.take(Purpose::Recovery, now).is_ok());
        assert!(
            budget.take(Purpose::Aside, now).is_err(),
            "but who leaves more"
        );
    }

    #[test]
    fn another_limit_holds_at_once() {
        let mut budget = Budget::new(10, Spent::default());
        let taken = |budget: &mut Budget, now| {
            (0..20)
                .filter(|_| budget.take(Purpose::Feed, now).is_ok())
                .count()
        };
        assert_eq!(taken(&mut budget, S), 10);
        budget.set_per_minute(12);
        assert_eq!(taken(&mut budget, S), 2);
        budget.set_per_minute(5);
        assert_eq!(budget.take(Purpose::Feed, S * 2), Err(S * 61));
        assert_eq!(taken(&mut budget, S * 61), 5);
    }

    #[test]
    fn retry_after_closes_it_for_all() {
        let mut budget = Budget::new(300, Spent::default());
        budget.close_until(S * 42);
        budget.close_until(S * 10);
        assert_eq!(budget.take(Purpose::Feed, S), Err(S * 42));
        assert!(budget.take(Purpose::Roster, S * 42).is_ok());
    }

    #[test]
    fn a_budget_of_one_still_lets_one_through() {
        let mut budget = Budget::new(0, Spent::default());
        assert!(budget.take(Purpose::Roster, S).is_ok());
        assert_eq!(budget.take(Purpose::Feed, S), Err(S * 61));
    }
}
