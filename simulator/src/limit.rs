//! The request budget of each token.
//!
//! The platform allows 300 requests per token and minute (`client.credentials.token.rate.per.minute`). The minute
//! starts with the first request after the last one ended, as the platform's `inin-ratelimit-reset` header shows.

use std::collections::HashMap;

use crate::oauth::TokenNo;
use crate::time::Time;

const WINDOW_MS: i64 = 60_000;

/// What the budget says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Whether the request is let through.
    pub allowed: bool,
    /// Requests in this minute, this one included.
    pub count: u32,
    /// The most in a minute.
    pub limit: u32,
    /// Seconds until the minute ends, rounded up.
    pub reset_s: u32,
}

/// The budgets of all tokens.
#[derive(Debug)]
pub struct Budgets {
    /// The most requests in a minute; settable while running.
    pub limit: u32,
    windows: HashMap<TokenNo, (Time, u32)>,
}

impl Budgets {
    /// Nothing asked yet.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            windows: HashMap::new(),
        }
    }

    /// Counts a request.
    pub fn take(&mut self, token: TokenNo, now: Time) -> Budget {
        let window = self.windows.entry(token).or_insert((now, 0));
        if now.0 - window.0.0 >= WINDOW_MS {
            *window = (now, 0);
        }
        let left_ms = WINDOW_MS - (now.0 - window.0.0);
        let reset_s = u32::try_from((left_ms + 999) / 1_000).unwrap_or(1).max(1);
        let allowed = window.1 < self.limit;
        if allowed {
            window.1 += 1;
        }
        Budget {
            allowed,
            count: window.1,
            limit: self.limit,
            reset_s,
        }
    }

    /// Forgets a token that ended.
    pub fn forget(&mut self, token: TokenNo) {
        self.windows.remove(&token);
    }
}
