//! The gate's promises on real threads; `tests/gate_model.rs` goes through every order of steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::delivery::gate::{Callback, Gate};

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
