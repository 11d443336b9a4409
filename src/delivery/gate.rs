//! The gate to the host: who is inside one of its callbacks right now, and that nobody enters any more.
//!
//! A flag would not do. Between a thread's look at the flag and its call the flag may fall, and the host would free
//! what the call is about to use. So the threads inside are counted, in one atomic together with the flag: to enter is
//! to add oneself if the gate is open; closed and empty is a state that cannot be left but by opening.
//!
//! The last call (`on_drop`) belongs to whoever leaves last: [`Gate::retire`] deposits it, and the thread that finds
//! the gate closed, empty and retired runs it, once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::sync::{Arc, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, PoisonError};

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
    pub(super) const ALL: [Self; 3] = [Self::Event, Self::State, Self::Log];

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
