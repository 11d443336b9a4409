//! Where the adapter stands: its life and the last report of its feed, one truth for the host's orders, the shell and
//! the status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::delivery::Intake;
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::time::UtcMicros;

/// Shared by the adapter and its shell.
pub(super) struct Standing(Mutex<Inner>);

struct Inner {
    life: Life,
    report: Option<StateReport>,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner {
            life: Life::Created,
            report: None,
        }))
    }

    pub(super) fn life(&self) -> Life {
        self.inner().life
    }

    pub(super) fn set_life(&self, life: Life) {
        self.inner().life = life;
    }

    pub(super) fn report(&self) -> Option<StateReport> {
        self.inner().report.clone()
    }

    /// The adapter enters a life, and says so.
    pub(super) fn enter(&self, intake: &Intake, life: Life, why: Why, message: &str) {
        let mut inner = self.inner();
        inner.life = life;
        inner.say(
            intake,
            Feed::Down,
            why,
            Scope::default(),
            Arc::from(message),
        );
    }

    /// The adapter is beyond its own help, and says so, unless it is stopping anyway.
    pub(super) fn fail(&self, intake: &Intake, message: &str) {
        let mut inner = self.inner();
        if matches!(inner.life, Life::Starting | Life::Running) {
            inner.life = Life::Failed;
            inner.say(
                intake,
                Feed::Down,
                Why::Internal,
                Scope::default(),
                Arc::from(message),
            );
        }
    }

    /// The feed is in another state. An adapter whose feed has once been up runs; one that stops says nothing more.
    pub(super) fn tell(
        &self,
        intake: &Intake,
        feed: Feed,
        why: Why,
        scope: Scope,
        message: Arc<str>,
    ) {
        let mut inner = self.inner();
        match inner.life {
            Life::Starting if feed != Feed::Down => inner.life = Life::Running,
            Life::Starting | Life::Running => {}
            Life::Created | Life::Configured | Life::Stopping | Life::Failed => return,
        }
        inner.say(intake, feed, why, scope, message);
    }

    /// What was open in the feed can no longer be told: says so as its last word, and begins another one. The host tells by
    /// that word whether a new feed voids what is open.
    pub(super) fn begin_anew(&self, intake: &Intake, message: Arc<str>) {
        self.tell(intake, Feed::Down, Why::Internal, Scope::default(), message);
        intake.begin_feed();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Reports under the lock, so that reports reach the host in the order in which they became true.
    fn say(&mut self, intake: &Intake, feed: Feed, why: Why, scope: Scope, message: Arc<str>) {
        let report = StateReport {
            life: self.life,
            feed,
            why,
            scope,
            message,
            at: UtcMicros::read_clock(),
        };
        self.report = Some(report.clone());
        intake.report(report);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;
    use crate::delivery::{Delivery, Host, LogLine, Offer, Stopped, Terms, Verdict};
    use crate::model::log::LogLevel;
    use crate::observe::{Counters, Log};

    struct Takes(Mutex<Sender<(String, String)>>);

    impl Host for Takes {
        fn on_event(&self, offer: &Offer<'_>) -> Verdict {
            let told = (offer.feed_id.to_owned(), offer.event.reason.to_string());
            let _ = self.0.lock().unwrap().send(told);
            Verdict::Taken
        }
        fn on_state(&self, _: &StateReport) {}
        fn on_log(&self, _: &LogLine) {}
        fn on_drop(&self) {}
    }

    #[test]
    fn a_feed_that_voids_what_was_open_comes_after_the_word_internal() {
        let (told, heard) = channel();
        let host = Arc::new(Takes(Mutex::new(told)));
        let delivery = Delivery::new(
            host,
            Log::new(LogLevel::Info),
            Arc::new(Counters::default()),
        );
        let terms = Terms {
            data_source: Arc::from("region"),
            queue_max_events: 100,
            refusals_before_lost: 0,
            ledger: None,
        };
        let intake = delivery.start(terms, None).unwrap();
        let standing = Standing::new();
        standing.enter(&intake, Life::Starting, Why::Connecting, "starting");
        standing.begin_anew(&intake, Arc::from("what was open cannot be told"));
        standing.tell(
            &intake,
            Feed::Up,
            Why::None,
            Scope::default(),
            Arc::from("all flows"),
        );
        let next = || heard.recv_timeout(Duration::from_secs(20)).unwrap();
        let (starting, internal, up) = (next(), next(), next());
        assert_eq!(delivery.stop(Duration::from_secs(20)), Stopped::Done);
        let reasons = [&*starting.1, &*internal.1, &*up.1];
        assert_eq!(reasons, ["connecting", "internal", "none"]);
        assert_eq!(starting.0, internal.0, "it is the former feed's last word");
        assert_ne!(internal.0, up.0);
    }
}
