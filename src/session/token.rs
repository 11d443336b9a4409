//! When to fetch a token: at the start, at 80 % of the old one's life, and once for each that the platform refuses. One
//! request at a time, whoever needs it.
//!
//! The token itself stays with the wire. Here it has a generation, so that a 401 to a request of the last generation
//! does not cost the new token.

use std::time::Duration;

use super::backoff::{Backoff, Jitter};
use super::errand::Errand;

/// Shorter lives are taken for this: the platform's own minimum is 300 s, and a nonsense must not become a storm.
const SHORTEST_LIFE: Duration = Duration::from_secs(30);
/// Longer lives are taken for this: it is the platform's own maximum.
const LONGEST_LIFE: Duration = Duration::from_secs(48 * 3600);

#[derive(Debug, Clone, Copy)]
struct Grant {
    renew_at: Duration,
    ends_at: Duration,
    /// Some request succeeded with it. A token that is refused unproven is not replaced at once: that could go on
    /// for ever.
    proven: bool,
}

/// What a channel has from the token that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    /// Of the token.
    pub(super) generation: u64,
    /// When the channel is to be left if there is a newer token by then.
    pub(super) leave_at: Duration,
    /// When the token ends, and may take the channel along.
    pub(super) ends_at: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Token {
    /// The one request that may be out.
    pub(super) errand: Errand,
    grant: Option<Grant>,
    generation: u64,
    refusals: Backoff,
}

impl Token {
    /// The generation of the token that requests use now, if there is one.
    pub(super) fn usable(&self) -> Option<u64> {
        self.grant.map(|_| self.generation)
    }

    /// Forgets a token whose life is over. Returns when that will be.
    pub(super) fn expire(&mut self, now: Duration) -> Option<Duration> {
        self.grant = self.grant.filter(|grant| now < grant.ends_at);
        self.grant.map(|grant| grant.ends_at)
    }

    /// The term that a channel has from the token of this generation: none at all if that one is no longer the newest.
    pub(super) fn term(&self, generation: u64, now: Duration) -> Term {
        let grant = self.grant.filter(|_| generation == self.generation);
        Term {
            generation,
            leave_at: grant.map_or(now, |grant| grant.renew_at),
            ends_at: grant.map_or(now, |grant| grant.ends_at),
        }
    }

    /// When the next one is to be fetched, unless one is being fetched already.
    pub(super) fn fetch_at(&self) -> Option<Duration> {
        self.errand.is_idle().then(|| {
            let renewal = self.grant.map_or(Duration::ZERO, |grant| grant.renew_at);
            renewal.max(self.errand.not_before())
        })
    }

    pub(super) fn granted(&mut self, life: Duration, now: Duration) {
        let life = life.clamp(SHORTEST_LIFE, LONGEST_LIFE);
        self.errand.succeeded(now);
        self.generation += 1;
        self.grant = Some(Grant {
            renew_at: now + life * 4 / 5,
            ends_at: now + life,
            proven: false,
        });
    }

    /// A newer one is wanted, although this one's time has not come. It is used until that is there.
    pub(super) fn renew(&mut self, now: Duration) {
        if let Some(grant) = &mut self.grant {
            grant.renew_at = grant.renew_at.min(now);
        }
    }

    /// The generation of the last one, whatever became of it.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// A request of this generation succeeded.
    pub(super) fn proved(&mut self, generation: u64) {
        if generation == self.generation
            && let Some(grant) = &mut self.grant
        {
            grant.proven = true;
            self.refusals.reset();
        }
    }

    /// A request of this generation was answered with 401.
    pub(super) fn refused(&mut self, generation: u64, now: Duration, jitter: &mut Jitter) {
        if generation == self.generation
            && let Some(grant) = self.grant.take()
            && !grant.proven
        {
            self.errand.postpone(now + self.refusals.delay(jitter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::order::OrderId;
    use crate::settings::RetryRules;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn renewed_at_four_fifths_of_its_life_and_used_until_its_end() {
        let mut token = Token::default();
        assert_eq!(token.fetch_at(), Some(Duration::ZERO));
        token.granted(S * 86_400, S * 10);
        assert_eq!(token.fetch_at(), Some(S * (10 + 69_120)));
        token.errand.sent(OrderId(1), &RetryRules::default(), S);
        assert_eq!(token.fetch_at(), None, "one at a time");
        assert_eq!(token.expire(S * 86_409), Some(S * 86_410));
        assert_eq!(token.usable(), Some(1));
        assert_eq!(token.expire(S * 86_410), None);
        assert_eq!(token.usable(), None);
    }

    #[test]
    fn a_refusal_of_the_last_generation_leaves_the_new_token() {
        let mut jitter = Jitter::new(1);
        let mut token = Token::default();
        token.granted(S * 300, S);
        token.granted(S * 300, S * 2);
        token.refused(1, S * 3, &mut jitter);
        assert_eq!(token.usable(), Some(2));
        token.refused(2, S * 3, &mut jitter);
        assert_eq!(token.usable(), None);
    }

    #[test]
    fn tokens_that_never_work_are_fetched_ever_more_slowly() {
        let mut jitter = Jitter::new(1);
        let mut token = Token::default();
        let mut now = S;
        for _ in 0..100 {
            token.granted(S * 300, now);
            token.refused(token.generation, now, &mut jitter);
            now = now.max(token.fetch_at().unwrap());
        }
        assert!(now > S * 60 * 20, "{now:?}");
        // One that works ends that.
        token.granted(S * 300, now);
        token.proved(token.generation);
        token.refused(token.generation, now, &mut jitter);
        assert!(token.fetch_at().unwrap() <= now);
    }
}
