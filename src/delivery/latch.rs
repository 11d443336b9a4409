//! A latch: something that happens once and that others wait for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

#[derive(Default)]
pub(super) struct Latch {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Latch {
    pub(super) fn set(&self) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until it is set or the time is up; returns whether it is set.
    pub(super) fn wait(&self, deadline: Instant) -> bool {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let (set, _) = self
            .changed
            .wait_timeout_while(set, left, |set| !*set)
            .unwrap_or_else(PoisonError::into_inner);
        *set
    }
}

/// Sets the latch when it goes out of scope, also by a panic.
pub(super) struct SetOnDrop(pub(super) Arc<Latch>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
