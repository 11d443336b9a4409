//! Whether a socket's link is alive: 35 s without a frame and we ask; 8 s without an answer and it is dead.
//!
//! The platform sends a heartbeat every 30 s, and its own clients take 35 s of silence for a dead link. A broken link
//! is so found within 43 s of its last frame.

use std::time::Duration;

use crate::model::time::Now;

/// Silence after which we ask.
pub(super) const SILENCE: Duration = Duration::from_secs(35);
/// How long the answer may take.
pub(super) const ANSWER: Duration = Duration::from_secs(8);

/// The watch over one open socket.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    last: Now,
    asked: Option<Duration>,
}

/// What the watch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    /// Nothing to do before then.
    Until(Duration),
    /// Send a ping, and tell [`Watch::asked`].
    Ask,
    /// The link is dead.
    Dead,
}

impl Watch {
    /// The handshake counts as the first sign of life.
    pub(super) const fn new(now: Now) -> Self {
        Self {
            last: now,
            asked: None,
        }
    }

    /// A frame came, whichever: the link lives.
    pub(super) fn heard(&mut self, now: Now) {
        self.last = now;
        self.asked = None;
    }

    /// A ping was sent. What is not answered yet is asked for no longer by that.
    pub(super) fn asked(&mut self, now: Now) {
        self.asked.get_or_insert(now.elapsed);
    }

    /// When the last frame came.
    pub(super) const fn last(&self) -> Now {
        self.last
    }

    pub(super) fn pulse(&self, now: Now) -> Pulse {
        let (limit, over) = match self.asked {
            Some(at) => (at + ANSWER, Pulse::Dead),
            None => (self.last.elapsed + SILENCE, Pulse::Ask),
        };
        if limit <= now.elapsed {
            over
        } else {
            Pulse::Until(limit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::UtcMicros;

    fn at(seconds: u64) -> Now {
        Now {
            elapsed: Duration::from_secs(seconds),
            utc: UtcMicros(0),
        }
    }

    #[test]
    fn silence_is_asked_about_and_no_answer_is_death_in_under_45_s() {
        let mut watch = Watch::new(at(100));
        assert_eq!(watch.pulse(at(134)), Pulse::Until(Duration::from_secs(135)));
        assert_eq!(watch.pulse(at(135)), Pulse::Ask);
        watch.asked(at(135));
        assert_eq!(watch.pulse(at(142)), Pulse::Until(Duration::from_secs(143)));
        assert_eq!(watch.pulse(at(143)), Pulse::Dead);
        assert!(SILENCE + ANSWER < Duration::from_secs(45));
    }

    #[test]
    fn asking_once_more_puts_death_off_no_further() {
        let mut watch = Watch::new(at(0));
        watch.asked(at(35));
        watch.asked(at(42));
        assert_eq!(watch.pulse(at(43)), Pulse::Dead);
    }

    #[test]
    fn any_frame_is_an_answer() {
        let mut watch = Watch::new(at(0));
        watch.asked(at(35));
        watch.heard(at(40));
        assert_eq!(watch.pulse(at(74)), Pulse::Until(Duration::from_secs(75)));
        assert_eq!(watch.last(), at(40));
    }

    #[test]
    fn a_machine_that_slept_asks_before_it_gives_up() {
        let watch = Watch::new(at(0));
        assert_eq!(watch.pulse(at(36_000)), Pulse::Ask);
    }
}
