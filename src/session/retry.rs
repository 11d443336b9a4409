//! Whether a single request is repeated, and when: the operator's five retry keys.
//!
//! Knows: the keys, when the request was first sent, what each try came to. Does not know: which request it is, the
//! budget, or what is done when it gives up: then the errand's own back-off begins, which never ends.
//!
//! The keys are those of the platform's official clients, with the rules that those share. Where the clients differ
//! from each other, count one too many or stop with an error, `docs/SETTINGS.md` says what holds here.

use std::time::Duration;

use super::request::LONGEST_SILENCE;
use crate::model::order::{Failure, FailureKind};
use crate::settings::RetryRules;

/// No repetition follows sooner, whatever the keys or the platform say.
const SHORTEST: Duration = Duration::from_millis(100);
/// The steps of the back-off, one after each interval; the last stays.
const STEPS: [Duration; 3] = [
    Duration::from_secs(3),
    Duration::from_secs(9),
    Duration::from_secs(27),
];

/// What a request does, as far as doing it twice is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Twice is as good as once.
    Same,
    /// Each makes another thing. Not repeated where the first one may have been done: only after answers that say that
    /// it was not (429, 503).
    Makes,
}

/// One request, from its first try to its last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    first: Duration,
    repeated: u32,
    /// Repetitions of those that were not for a 429.
    repeated_for_trouble: u32,
}

impl Retry {
    /// A request that is sent now for the first time.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            first: now,
            repeated: 0,
            repeated_for_trouble: 0,
        }
    }

    /// Whether its time is over, so that what is sent now is another request.
    pub(super) fn is_over(&self, rules: &RetryRules, now: Duration) -> bool {
        self.first + rules.max_retry_time < now
    }

    /// A try failed: when the next one is to start, or none if this was the last.
    pub(super) fn failed(
        &mut self,
        rules: &RetryRules,
        effect: Effect,
        failure: &Failure,
        now: Duration,
    ) -> Option<Duration> {
        let asked = failure.retry_after.unwrap_or_default();
        if !is_repeatable(effect, failure)
            || self.repeated >= rules.max_retry
            || asked > LONGEST_SILENCE
        {
            return None;
        }
        let plain = failure.retry_after.unwrap_or(rules.default_retry_after);
        let is_rate = failure.kind == FailureKind::RateLimited;
        let wait = match rules.backoff_interval {
            Some(interval)
                if !is_rate && self.repeated_for_trouble >= rules.max_retries_before_backoff =>
            {
                step(now.saturating_sub(self.first), interval).max(asked)
            }
            _ => plain.max(SHORTEST),
        };
        let next = now + wait;
        if self.is_over(rules, next) {
            return None;
        }
        self.repeated += 1;
        self.repeated_for_trouble += u32::from(!is_rate);
        Some(next)
    }
}

fn is_repeatable(effect: Effect, failure: &Failure) -> bool {
    match (failure.kind, failure.status) {
        (FailureKind::RateLimited, _) | (FailureKind::Server, Some(503)) => true,
        (FailureKind::Server, Some(502 | 504)) | (FailureKind::Link, _) => effect == Effect::Same,
        _ => false,
    }
}

/// The back-off follows the time since the first try, not the number of tries.
fn step(elapsed: Duration, interval: Duration) -> Duration {
    let passed = elapsed.as_nanos() / interval.as_nanos().max(1);
    let last = STEPS.len() - 1;
    STEPS[usize::try_from(passed).map_or(last, |passed| passed.min(last))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: &[u64] = &[];

    fn rules(max: u32, before: u32, time_s: u64, plain_ms: u64, interval_ms: u64) -> RetryRules {
        RetryRules {
            max_retry: max,
            max_retries_before_backoff: before,
            max_retry_time: Duration::from_secs(time_s),
            default_retry_after: Duration::from_millis(plain_ms),
            backoff_interval: Some(Duration::from_millis(interval_ms)).filter(|i| !i.is_zero()),
        }
    }

    fn failure(kind: FailureKind, status: impl Into<Option<u16>>, after_s: Option<u64>) -> Failure {
        Failure {
            kind,
            status: status.into(),
            retry_after: after_s.map(Duration::from_secs),
            message: String::new(),
        }
    }

    fn answer(status: u16) -> Failure {
        let kind = match status {
            401 => FailureKind::TokenRefused,
            403 => FailureKind::Forbidden,
            404 => FailureKind::NotFound,
            408 | 500.. => FailureKind::Server,
            429 => FailureKind::RateLimited,
            _ => FailureKind::Refused,
        };
        failure(kind, status, None)
    }

    fn link() -> Failure {
        failure(FailureKind::Link, None, None)
    }

    /// When the repetitions of a request start, in milliseconds after the first try: each try is answered after `took_ms`
    /// with the next of `answers`, the last of which goes on.
    fn starts(rules: &RetryRules, effect: Effect, took_ms: u64, answers: &[Failure]) -> Vec<u64> {
        // Not zero, so that nothing passes that measures from the beginning of all time.
        let first = Duration::from_secs(1_000);
        let (mut now, mut retry) = (first, Retry::new(first));
        let (mut starts, mut answers) = (Vec::new(), answers.iter().peekable());
        while starts.len() < 20 {
            let answer = *answers.peek().unwrap();
            if answers.len() > 1 {
                answers.next();
            }
            now += Duration::from_millis(took_ms);
            let Some(next) = retry.failed(rules, effect, answer, now) else {
                break;
            };
            assert!(next > now);
            now = next;
            starts.push(u64::try_from((now - first).as_millis()).unwrap());
        }
        starts
    }

    #[test]
    fn some_answers_are_repeated_and_broken_links() {
        let rules = rules(1, 1, 60, 500, 0);
        for (answer, is_repeated) in [
            (answer(429), true),
            (answer(502), true),
            (answer(503), true),
            (answer(504), true),
            (link(), true),
            (answer(400), false),
            (answer(401), false),
            (answer(403), false),
            (answer(404), false),
            (answer(408), false),
            (answer(500), false),
            (answer(501), false),
            (answer(505), false),
            (failure(FailureKind::CredentialsRefused, 400, None), false),
            (failure(FailureKind::Unreadable, 200, None), false),
        ] {
            let expected = if is_repeated { &[500][..] } else { NEVER };
            assert_eq!(
                starts(&rules, Effect::Same, 0, std::slice::from_ref(&answer)),
                expected,
                "{answer:?}"
            );
        }
    }

    #[test]
    fn what_makes_something_is_repeated_only_if_nothing_was_made() {
        let rules = rules(1, 1, 60, 500, 0);
        for (answer, is_repeated) in [
            (answer(429), true),
            (answer(503), true),
            (answer(502), false),
            (answer(504), false),
            (link(), false),
        ] {
            let expected = if is_repeated { &[500][..] } else { NEVER };
            assert_eq!(
                starts(&rules, Effect::Makes, 0, std::slice::from_ref(&answer)),
                expected,
                "{answer:?}"
            );
        }
    }

    #[test]
    fn max_retry_bounds_both_stages_together_and_429_too() {
        let at = |max, answers: &[Failure]| {
            starts(
                &rules(max, 2, 3_600, 1_000, 10_000),
                Effect::Same,
                0,
                answers,
            )
            .len()
        };
        for max in [0, 1, 2, 3, 5, 9] {
            for answers in [
                &[answer(503)][..],
                &[answer(429)],
                &[link()],
                &[
                    answer(429),
                    answer(503),
                    answer(503),
                    answer(503),
                    answer(429),
                ],
            ] {
                assert_eq!(at(max, answers), max as usize, "{max}: {answers:?}");
            }
        }
    }

    #[test]
    fn max_retries_before_backoff_counts_those_that_were_not_for_a_429() {
        let of = |before, answers: &[Failure]| {
            starts(
                &rules(4, before, 3_600, 200, 60_000),
                Effect::Same,
                0,
                answers,
            )
        };
        for (before, answers, expected) in [
            (0, vec![answer(503)], [3_000, 6_000, 9_000, 12_000]),
            (1, vec![answer(503)], [200, 3_200, 6_200, 9_200]),
            (3, vec![answer(502)], [200, 400, 600, 3_600]),
            (4, vec![link()], [200, 400, 600, 800]),
            (1, vec![answer(504), link()], [200, 3_200, 6_200, 9_200]),
            // A 429 neither counts nor backs off.
            (
                1,
                vec![answer(429), answer(429), answer(503)],
                [200, 400, 600, 3_600],
            ),
            (
                0,
                vec![answer(503), answer(429)],
                [3_000, 3_200, 3_400, 3_600],
            ),
        ] {
            assert_eq!(of(before, &answers), expected, "{before}: {answers:?}");
        }
    }

    #[test]
    fn max_retry_time_bounds_the_start_of_the_last_repetition() {
        let of = |time_s, plain_ms, took_ms| {
            starts(
                &rules(9, 9, time_s, plain_ms, 0),
                Effect::Same,
                took_ms,
                &[answer(503)],
            )
        };
        for (time_s, plain_ms, took_ms, expected) in [
            (0, 0, 0, NEVER),
            (1, 0, 0, &[100, 200, 300, 400, 500, 600, 700, 800, 900]),
            (1, 400, 0, &[400, 800]),
            (1, 500, 0, &[500, 1_000]),
            (1, 501, 0, &[501]),
            (1, 1_001, 0, NEVER),
            // The time that the answers take counts.
            (1, 400, 200, &[600]),
            (1, 400, 601, NEVER),
        ] {
            assert_eq!(
                of(time_s, plain_ms, took_ms),
                expected,
                "{time_s} s, {plain_ms} ms, took {took_ms} ms"
            );
        }
        // A wait that the platform asks for is not cut short: what does not fit is not tried.
        let rules = rules(9, 9, 10, 0, 0);
        let asks = |after_s| {
            starts(
                &rules,
                Effect::Same,
                0,
                &[failure(FailureKind::RateLimited, 429, Some(after_s))],
            )
        };
        assert_eq!(asks(10), [10_000]);
        assert_eq!(asks(11), NEVER);
        // Nor is the back-off.
        assert_eq!(starts(&rules, Effect::Same, 0, &[answer(503)])[8], 900);
        let backs_off = super::tests::rules(9, 0, 7, 0, 60_000);
        assert_eq!(
            starts(&backs_off, Effect::Same, 0, &[answer(503)]),
            [3_000, 6_000]
        );
    }

    #[test]
    fn retry_after_comes_first_and_no_delay_is_under_100_ms() {
        let of = |plain_ms, answer: Failure| {
            starts(
                &rules(1, 1, 3_600, plain_ms, 60_000),
                Effect::Same,
                0,
                &[answer],
            )
        };
        let asking = |status: u16, after_s| Failure {
            retry_after: Some(Duration::from_secs(after_s)),
            ..answer(status)
        };
        for (plain_ms, answer, expected) in [
            (0, answer(429), &[100][..]),
            (99, answer(503), &[100]),
            (100, link(), &[100]),
            (101, answer(503), &[101]),
            (2_500, answer(429), &[2_500]),
            (2_500, asking(429, 1), &[1_000]),
            (2_500, asking(503, 7), &[7_000]),
            (2_500, asking(429, 0), &[100]),
            (0, asking(429, 180), &[180_000]),
            // That is not about the rate of requests any more.
            (0, asking(429, 181), NEVER),
            (0, asking(503, 181), NEVER),
        ] {
            assert_eq!(
                of(plain_ms, answer.clone()),
                expected,
                "{plain_ms} ms, {answer:?}"
            );
        }
        // In the back-off too nobody asks sooner than the platform wants.
        for (after_s, expected) in [(1, 3_000), (3, 3_000), (20, 20_000)] {
            let rules = rules(1, 0, 3_600, 0, 60_000);
            assert_eq!(
                starts(&rules, Effect::Same, 0, &[asking(503, after_s)]),
                [expected]
            );
        }
    }

    #[test]
    fn the_backoff_grows_with_the_time_since_the_first_try() {
        let of = |time_s, interval_ms, took_ms| {
            starts(
                &rules(20, 0, time_s, 0, interval_ms),
                Effect::Same,
                took_ms,
                &[answer(503)],
            )
        };
        // The n-th try begins where the one before it ended, 3, 9 or 27 s later.
        assert_eq!(of(60, 5_000, 0), [3_000, 6_000, 15_000, 42_000]);
        assert_eq!(
            of(100, 10_000, 0),
            [3_000, 6_000, 9_000, 12_000, 21_000, 48_000, 75_000]
        );
        assert_eq!(
            of(20, 1_000, 0),
            [3_000],
            "two intervals have passed: the next would be at 30 s"
        );
        assert_eq!(of(30, 1_000, 0), [3_000, 30_000]);
        // An answer that took an interval is followed by the second step, and at its border the later one holds.
        assert_eq!(of(20, 10_000, 9_999)[0], 12_999);
        assert_eq!(of(20, 10_000, 10_000)[0], 19_000);
        // The cap holds for ever.
        assert_eq!(
            step(Duration::from_secs(86_400 * 365), Duration::from_millis(1)),
            STEPS[2]
        );
    }

    #[test]
    fn an_interval_of_zero_means_no_backoff() {
        let without = rules(4, 0, 60, 700, 0);
        for answer in [answer(502), answer(503), answer(504), link(), answer(429)] {
            assert_eq!(
                starts(&without, Effect::Same, 0, &[answer]),
                [700, 1_400, 2_100, 2_800]
            );
        }
    }

    #[test]
    fn the_defaults_repeat_nothing() {
        let defaults = rules(0, 0, 1, 0, 0);
        for answer in [answer(429), answer(503), link()] {
            assert_eq!(starts(&defaults, Effect::Same, 0, &[answer]), NEVER);
        }
    }

    #[test]
    fn the_figures_of_the_official_tests_hold_up_to_their_overshoot() {
        // "ApiClientRetryTest" of the Java client: 502, 2 s, interval 11 s, 13 s: five waits of 2 s and one of 3 s.
        let first = rules(20, 5, 13, 2_000, 11_000);
        assert_eq!(
            starts(&first, Effect::Same, 0, &[answer(502)]),
            [2_000, 4_000, 6_000, 8_000, 10_000, 13_000]
        );
        // 503, 200 ms, interval 3 s, 40 s: five waits of 200 ms, then 3, 9 and 27 s.
        let second = rules(20, 5, 40, 200, 3_000);
        assert_eq!(
            starts(&second, Effect::Same, 0, &[answer(503)]),
            [200, 400, 600, 800, 1_000, 4_000, 13_000, 40_000]
        );
    }

    #[test]
    fn what_is_sent_after_its_time_is_another_request() {
        let rules = rules(3, 0, 10, 0, 0);
        let retry = Retry::new(Duration::from_secs(5));
        assert!(!retry.is_over(&rules, Duration::from_secs(15)));
        assert!(retry.is_over(&rules, Duration::from_millis(15_001)));
    }
}
