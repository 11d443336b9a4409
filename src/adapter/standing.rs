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
