//! The gate to the host: who is inside one of its callbacks right now, and that nobody enters any more.
//!
//! A flag would not do. Between a thread's look at the flag and its call the flag may fall, and the host would free
//! what the call is about to use. So the threads inside are counted, in one atomic together with the flag: to enter is
//! to add oneself if the gate is open; closed and empty is a state that cannot be left but by opening.
//!
//! The last call (`on_drop`) belongs to whoever leaves last: [`Gate::retire`] deposits it, and the thread that finds
//! the gate closed, empty and retired runs it, once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A callback that threads enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Callback {
    /// `on_event`
    Event = 0,
    /// `on_state`
    State = 1,
    /// `on_log`
    Log = 2,
}

impl Callback {
    const ALL: [Self; 3] = [Self::Event, Self::State, Self::Log];

    const fn shift(self) -> u32 {
        16 * self as u32
    }

    const fn one(self) -> u64 {
        1 << self.shift()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Event => "on_event",
            Self::State => "on_state",
            Self::Log => "on_log",
        }
    }
}

const CLOSED: u64 = 1 << 63;
const INSIDE: u64 = (1 << 48) - 1;

/// The gate. Cloning it is a reference count.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    /// `CLOSED`, and 16 bits of threads inside for each callback.
    word: AtomicU64,
    slow: Mutex<Slow>,
    changed: Condvar,
}

#[derive(Default)]
struct Slow {
    retired: bool,
    last_call: Option<Box<dyn FnOnce() + Send>>,
    last_call_returned: bool,
}

impl Slow {
    fn is_in_last_call(&self) -> bool {
        self.retired && self.last_call.is_none() && !self.last_call_returned
    }
}

/// Leave to be inside one callback. Whoever drops it has left.
#[must_use = "dropping it is leaving"]
pub struct Pass<'a> {
    gate: &'a Gate,
    callback: Callback,
}

impl Gate {
    /// A gate that is closed.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(Shared {
            word: AtomicU64::new(CLOSED),
            slow: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Opens it. Returns false, and leaves it closed, if somebody is still inside or it was retired.
    pub fn open(&self) -> bool {
        let slow = self.slow();
        !slow.retired
            && self
                .0
                .word
                .compare_exchange(CLOSED, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    /// Enters, if the gate is open.
    #[must_use]
    pub fn enter(&self, callback: Callback) -> Option<Pass<'_>> {
        self.0
            .word
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |word| {
                (word & CLOSED == 0).then_some(word + callback.one())
            })
            .ok()
            .map(|_| Pass {
                gate: self,
                callback,
            })
    }

    /// From now on nobody enters. Does not wait for who is inside, and never makes the last call: who closes is a
    /// thread of the host, inside a call of its own.
    pub fn close(&self) {
        self.0.word.fetch_or(CLOSED, Ordering::SeqCst);
        // Under the lock, so that who is about to wait does not miss it.
        let _slow = self.slow();
        self.0.changed.notify_all();
    }

    /// Waits until the gate is closed and empty, or the time is up; returns whether it is.
    #[must_use]
    pub fn wait_empty(&self, deadline: Instant) -> bool {
        let mut slow = self.slow();
        while self.0.word.load(Ordering::SeqCst) != CLOSED {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (slow, _) = self
                .0
                .changed
                .wait_timeout(slow, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// The name of a callback that somebody is inside of; `a callback` if nobody is any more.
    #[must_use]
    pub fn inside(&self) -> &'static str {
        let word = self.0.word.load(Ordering::SeqCst);
        let entered = Callback::ALL
            .into_iter()
            .find(|callback| (word >> callback.shift()) & 0xffff != 0);
        match entered {
            Some(callback) => callback.name(),
            None if self.slow().is_in_last_call() => "on_drop",
            None => "a callback",
        }
    }

    /// Closes the gate for good and deposits the last call. Returns true if nobody is inside: the caller then sees to
    /// [`run_last_call`](Self::run_last_call). Else the last one to leave does. Only the first deposit counts.
    #[must_use]
    pub fn retire(&self, last_call: Box<dyn FnOnce() + Send>) -> bool {
        let before = self.0.word.fetch_or(CLOSED, Ordering::SeqCst);
        let mut slow = self.slow();
        if slow.retired {
            return false;
        }
        slow.retired = true;
        slow.last_call = Some(last_call);
        self.0.changed.notify_all();
        // Who leaves after this look finds the deposit, because it looks for it under the same lock. Who left before
        // the lock was taken found none: then the word says so here.
        before & INSIDE == 0 || self.0.word.load(Ordering::SeqCst) & INSIDE == 0
    }

    /// Makes the last call, unless it was made. A panic in it is contained.
    pub fn run_last_call(&self) {
        let Some(last_call) = self.slow().last_call.take() else {
            return;
        };
        // The panic hook has its message; there is nobody left to tell more.
        let _ = catch_unwind(AssertUnwindSafe(last_call));
        self.slow().last_call_returned = true;
        self.0.changed.notify_all();
    }

    /// Waits until the last call has returned, or the time is up; returns whether it has.
    #[must_use]
    pub fn wait_retired(&self, deadline: Instant) -> bool {
        let mut slow = self.slow();
        while !slow.last_call_returned {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (slow, _) = self
                .0
                .changed
                .wait_timeout(slow, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    fn left_last(&self) {
        let retired = {
            let slow = self.slow();
            self.0.changed.notify_all();
            slow.retired
        };
        if retired {
            self.run_last_call();
        }
    }

    fn slow(&self) -> MutexGuard<'_, Slow> {
        self.0.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let before = self
            .gate
            .0
            .word
            .fetch_sub(self.callback.one(), Ordering::SeqCst);
        if before == CLOSED + self.callback.one() {
            self.gate.left_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn nobody_enters_a_closed_gate() {
        let gate = Gate::closed();
        assert!(gate.enter(Callback::Event).is_none());
        assert!(gate.open());
        let pass = gate.enter(Callback::Log).unwrap();
        gate.close();
        assert!(gate.enter(Callback::Event).is_none());
        assert_eq!(gate.inside(), "on_log");
        assert!(!gate.wait_empty(Instant::now()));
        assert!(!gate.open(), "somebody is inside");
        drop(pass);
        assert!(gate.wait_empty(soon()));
        assert!(gate.open());
    }

    #[test]
    fn an_open_gate_is_not_empty_even_if_nobody_is_inside() {
        let gate = Gate::closed();
        assert!(gate.open());
        assert!(!gate.wait_empty(Instant::now() + Duration::from_millis(5)));
    }

    #[test]
    fn the_last_one_out_makes_the_last_call_once() {
        let gate = Gate::closed();
        assert!(gate.open());
        let first = gate.enter(Callback::Event).unwrap();
        let second = gate.enter(Callback::Log).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        assert!(!gate.retire(Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        })));
        drop(second);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert!(!gate.wait_retired(Instant::now()));
        drop(first);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(gate.wait_retired(soon()));
        gate.run_last_call();
        assert!(!gate.retire(Box::new(|| unreachable!())));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(!gate.open(), "retired is for good");
    }

    /// Who closes is a thread of the host: the last call must not come from inside its call.
    #[test]
    fn who_closes_an_empty_gate_does_not_make_the_last_call() {
        let gate = Gate::closed();
        assert!(gate.open());
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        assert!(gate.retire(Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        })));
        gate.close();
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        gate.run_last_call();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_last_call_that_panics_has_returned() {
        crate::observe::panics::install();
        let gate = Gate::closed();
        assert!(gate.retire(Box::new(|| panic!("in on_drop"))));
        crate::observe::panics::watch(|| gate.run_last_call());
        assert!(gate.wait_retired(soon()));
    }

    /// Threads enter and leave as fast as they can while the gate is closed, and after a wait nobody may be inside;
    /// at the end it is retired under their feet.
    #[test]
    fn under_stress_nobody_is_inside_after_the_wait_and_the_last_call_is_one() {
        for round in 0..300 {
            let gate = Gate::closed();
            assert!(gate.open());
            let freed = AtomicBool::new(false);
            let last_calls = Arc::new(AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (gate, freed) = (&gate, &freed);
                    scope.spawn(move || {
                        let callback = Callback::ALL[thread % 3];
                        while let Some(_pass) = gate.enter(callback) {
                            assert!(!freed.load(Ordering::SeqCst), "inside after the wait");
                            if round % 3 == 0 {
                                std::thread::yield_now();
                            }
                            assert!(!freed.load(Ordering::SeqCst), "inside after the wait");
                        }
                    });
                }
                for _ in 0..round % 50 {
                    std::hint::spin_loop();
                }
                if round % 2 == 0 {
                    gate.close();
                    assert!(gate.wait_empty(soon()));
                    freed.store(true, Ordering::SeqCst);
                }
                let count = Arc::clone(&last_calls);
                if gate.retire(Box::new(move || {
                    count.fetch_add(1, Ordering::SeqCst);
                })) {
                    gate.run_last_call();
                }
                assert!(gate.wait_retired(soon()));
                freed.store(true, Ordering::SeqCst);
            });
            assert_eq!(last_calls.load(Ordering::SeqCst), 1);
        }
    }
}
