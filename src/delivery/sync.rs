//! What the gate is made of. `tests/gate_model.rs` compiles the gate's own file with a model checker's in its place.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};
pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
