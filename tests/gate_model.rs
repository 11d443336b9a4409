//! The gate in every order of steps that matters, tried one by one by a model checker (loom).
//!
//! This compiles the gate's own file, `src/delivery/gate.rs`, with loom's atomics and locks in place of the standard
//! library's. In a model no wait times out, so a wake-up that is lost is a deadlock, which loom reports. "Freed" is what a
//! host does with its memory as soon as it may; whoever is in a callback then has used freed memory.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../src/delivery/gate.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is public in its own house")]
mod gate;

/// What the gate is made of here.
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
}

use std::time::{Duration, Instant};

use gate::{Callback, Gate};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread::{self, JoinHandle};

/// Runs the model in every order in which threads are interrupted three times at the most where they could go on: no
/// mistake in so few steps needs more, and without a bound it would take hours.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Later than any model ends.
fn never() -> Instant {
    Instant::now() + Duration::from_secs(24 * 3600)
}

/// The host's memory, as those who use it see it. Relaxed, so that only the gate makes an order.
#[derive(Clone)]
struct Memory(Arc<AtomicBool>);

impl Memory {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    fn used(&self) {
        assert!(
            !self.0.load(Ordering::Relaxed),
            "a callback ran in freed memory"
        );
    }

    fn free(&self) {
        assert!(
            !self.0.swap(true, Ordering::Relaxed),
            "the memory was freed twice"
        );
    }
}

/// A thread that makes so many callbacks, or fewer if the gate is closed; tells how many it made.
fn caller(gate: &Gate, memory: &Memory, callback: Callback, calls: usize) -> JoinHandle<usize> {
    let (gate, memory) = (gate.clone(), memory.clone());
    thread::spawn(move || {
        (0..calls)
            .take_while(|_| {
                let pass = gate.enter(callback);
                if pass.is_some() {
                    memory.used();
                    memory.used();
                }
                pass.is_some()
            })
            .count()
    })
}

fn opened() -> Gate {
    let gate = Gate::closed();
    assert!(gate.open());
    gate
}

/// As `Delivery::retire` does it.
fn retire(gate: &Gate, memory: &Memory) {
    let freed = memory.clone();
    if gate.retire(Box::new(move || freed.free())) {
        gate.run_last_call();
    }
}

#[test]
fn a_stop_returns_and_then_nobody_is_inside_and_nobody_enters() {
    model(|| {
        let (gate, memory) = (opened(), Memory::new());
        let dispatcher = caller(&gate, &memory, Callback::Event, 2);
        let logger = caller(&gate, &memory, Callback::Log, 1);
        gate.close();
        assert!(gate.wait_empty(never()));
        memory.free();
        assert!(gate.enter(Callback::State).is_none());
        dispatcher.join().unwrap();
        logger.join().unwrap();
    });
}

#[test]
fn the_last_call_is_made_once_and_after_every_callback() {
    model(|| {
        let (gate, memory) = (opened(), Memory::new());
        let dispatcher = caller(&gate, &memory, Callback::Event, 1);
        let logger = caller(&gate, &memory, Callback::Log, 1);
        retire(&gate, &memory);
        assert!(gate.wait_retired(never()));
        assert!(memory.0.load(Ordering::Relaxed), "it was made");
        dispatcher.join().unwrap();
        logger.join().unwrap();
    });
}

#[test]
fn a_stop_beside_a_farewell_returns_and_the_last_call_is_still_one() {
    model(|| {
        let (gate, memory) = (opened(), Memory::new());
        let dispatcher = caller(&gate, &memory, Callback::Event, 1);
        let stopping = gate.clone();
        let stop = thread::spawn(move || {
            stopping.close();
            assert!(stopping.wait_empty(never()));
        });
        retire(&gate, &memory);
        assert!(gate.wait_retired(never()));
        stop.join().unwrap();
        dispatcher.join().unwrap();
    });
}

#[test]
fn two_farewells_at_once_make_one_last_call() {
    model(|| {
        let (gate, memory) = (opened(), Memory::new());
        let dispatcher = caller(&gate, &memory, Callback::State, 1);
        let (other_gate, other_memory) = (gate.clone(), memory.clone());
        let other = thread::spawn(move || {
            retire(&other_gate, &other_memory);
            assert!(other_gate.wait_retired(never()));
        });
        retire(&gate, &memory);
        assert!(gate.wait_retired(never()));
        other.join().unwrap();
        dispatcher.join().unwrap();
    });
}

#[test]
fn who_gave_up_waiting_can_wait_again_and_start_again_when_it_is_empty() {
    model(|| {
        let (gate, memory) = (opened(), Memory::new());
        let dispatcher = caller(&gate, &memory, Callback::Event, 1);
        gate.close();
        let was_empty = gate.wait_empty(Instant::now());
        assert!(!was_empty || gate.inside() == "a callback");
        assert!(gate.wait_empty(never()));
        assert!(gate.open(), "closed and empty can be opened");
        let pass = gate.enter(Callback::Event);
        assert!(pass.is_some());
        drop(pass);
        dispatcher.join().unwrap();
    });
}

#[test]
fn a_gate_does_not_open_under_somebody_inside() {
    model(|| {
        let (gate, memory) = (opened(), Memory::new());
        let closing = gate.clone();
        let stop = thread::spawn(move || closing.close());
        let pass = gate.enter(Callback::Event);
        stop.join().unwrap();
        assert_eq!(gate.open(), pass.is_none());
        if pass.is_some() {
            memory.used();
        }
    });
}

#[test]
fn who_waits_already_hears_of_a_close_by_another() {
    model(|| {
        let gate = opened();
        let waiting = gate.clone();
        let waiter = thread::spawn(move || assert!(waiting.wait_empty(never())));
        gate.close();
        waiter.join().unwrap();
    });
}

/// What the gate's file says would not do, and the proof that these models see it: a flag beside a count.
#[test]
#[should_panic(expected = "a callback ran in freed memory")]
fn a_flag_and_a_count_apart_are_refuted() {
    model(|| {
        let is_closed = Arc::new(AtomicBool::new(false));
        let inside = Arc::new(AtomicUsize::new(0));
        let memory = Memory::new();
        let (flag, count, used) = (is_closed.clone(), inside.clone(), memory.clone());
        let dispatcher = thread::spawn(move || {
            if !flag.load(Ordering::SeqCst) {
                count.fetch_add(1, Ordering::SeqCst);
                used.used();
                count.fetch_sub(1, Ordering::SeqCst);
            }
        });
        is_closed.store(true, Ordering::SeqCst);
        while inside.load(Ordering::SeqCst) != 0 {
            thread::yield_now();
        }
        memory.free();
        dispatcher.join().unwrap();
    });
}
