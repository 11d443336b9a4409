//! Wires: ways to the region, each with a token of its own.
//!
//! Knows: which token is usable, which wire is to be used, and which one nothing uses any more. Does not know: what a wire is
//! made of; the shell makes one when the settings call for it.

use std::time::Duration;

use super::request::{Asked, What};
use super::token::Token;
use super::{Notice, Session};
use crate::model::log::LogLevel;
use crate::model::order::{Request, WireNo};
use crate::model::time::Now;

impl Session {
    pub(super) fn token(&self, wire: WireNo) -> Option<&Token> {
        self.tokens.get(&wire)
    }

    /// The newest wire that has a token; the newest of all if none has.
    pub(super) fn best_wire(&self) -> WireNo {
        let usable = |(&wire, token): (&WireNo, &Token)| token.usable().map(|_| wire);
        self.tokens
            .iter()
            .rev()
            .find_map(usable)
            .unwrap_or(self.target)
    }

    pub(super) fn fetch_tokens(&mut self, now: Now) {
        let wires: Vec<WireNo> = self.tokens.keys().rev().copied().collect();
        for wire in wires {
            let Some(token) = self.tokens.get_mut(&wire) else {
                continue;
            };
            let (end, fetch) = (token.expire(now.elapsed), token.fetch_at());
            if let Some(end) = end {
                self.is_due(end, now);
            }
            if let Some(at) = fetch
                && self.is_due(at, now)
                && self.may_ask(What::Token(wire), now)
            {
                self.ask(What::Token(wire), Request::Token, now);
            }
        }
    }

    /// A request with this token was refused for its sake, or the platform told that it was revoked.
    pub(super) fn refuse_token(&mut self, wire: WireNo, generation: u64, now: Now) {
        let Self { tokens, jitter, .. } = self;
        if let Some(token) = tokens.get_mut(&wire) {
            token.refused(generation, now.elapsed, jitter);
        }
    }

    /// Wires that nothing uses any more are left.
    pub(super) fn leave_wires(&mut self) {
        let unused: Vec<WireNo> = self
            .tokens
            .keys()
            .copied()
            .filter(|&wire| wire != self.target && !self.uses(wire))
            .collect();
        for wire in unused {
            self.tokens.remove(&wire);
            self.asked
                .retain(|_, asked| asked.what != What::Token(wire));
            self.notices.push_back(Notice::WireLeft(wire));
        }
    }

    pub(super) fn uses(&self, wire: WireNo) -> bool {
        let is_token = |asked: &Asked| matches!(asked.what, What::Token(_));
        self.lines()
            .any(|line| line.wire == wire && line.counts_as_channel())
            || self.left.iter().any(|left| left.wire == wire)
            || self
                .asked
                .values()
                .any(|asked| asked.wire == wire && !is_token(asked))
            // Until the newest has a token, the feed is carried by the one before it.
            || self.best_wire() == wire
    }

    pub(super) fn take_token(&mut self, wire: WireNo, life: Duration, now: Now) {
        let is_first = self.tokens.get_mut(&wire).is_some_and(|token| {
            token.granted(life, now.elapsed);
            token.generation() == 1
        });
        self.log(
            LogLevel::Info,
            format!("A token was granted; it lives for {} s", life.as_secs()),
        );
        // What new credentials show may be more than the old ones did.
        if is_first && wire == self.target && self.tokens.len() > 1 {
            self.read_all_again(now);
        }
    }
}
