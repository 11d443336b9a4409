//! The guard around every call of the host: no panic leaves the library, no call waits for itself, no forked child
//! uses threads that it does not have.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use super::abi::{gca_handle, gca_status};
use super::error::{self, Refused};
use crate::adapter::panics;

/// Runs a call: its refusal becomes a status and this thread's last error, and so does a panic. A buffer that is too
/// small is only a status.
pub(super) fn call(
    name: &str,
    handle: gca_handle,
    work: impl FnOnce() -> Result<(), Refused>,
) -> gca_status {
    match contained(work) {
        Ok(Ok(())) => gca_status::GCA_OK,
        // The usual way to ask for a length. It must not displace what the host is about to ask for.
        Ok(Err(refused)) if refused.status == gca_status::GCA_ERR_BUFFER => refused.status,
        Ok(Err(refused)) => {
            error::keep(handle, format!("{name}: {}", refused.text));
            refused.status
        }
        Err(message) => {
            error::keep(
                handle,
                format!(
                    "{name}: a defect in this library, contained ({message}). Destroy the adapter and report it"
                ),
            );
            gca_status::GCA_ERR_PANIC
        }
    }
}

/// Runs `work`; a panic in it becomes its message.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(|| panics::watch(work))).map_err(|payload| {
        // Dropping a payload may panic in its turn; that one is not worth more than silence.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        panics::take_message().unwrap_or_else(|| "a panic without a message".to_owned())
    })
}

thread_local! {
    static CALLBACKS: Cell<u32> = const { Cell::new(0) };
}

/// Marks the thread as being inside a callback of the host until it is dropped.
pub(super) struct InCallback(());

impl InCallback {
    pub(super) fn enter() -> Self {
        let _ = CALLBACKS.try_with(|depth| depth.set(depth.get() + 1));
        Self(())
    }
}

impl Drop for InCallback {
    fn drop(&mut self) {
        let _ = CALLBACKS.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

/// Refuses a call that is made from inside a callback, of whatever adapter.
pub(super) fn outside_callbacks() -> Result<(), Refused> {
    if CALLBACKS.try_with(Cell::get).unwrap_or(0) == 0 {
        return Ok(());
    }
    Err(Refused::new(
        gca_status::GCA_ERR_STATE,
        "called from inside a callback, for whose end it would wait; leave the callback first and call from a \
         thread of your own",
    ))
}

/// The process that created the first adapter; 0 before.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Remembers this process as the one that adapters live in, and refuses the call in a fork of it.
pub(super) fn claim_process() -> Result<(), Refused> {
    let own = std::process::id();
    match PROCESS.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(first) if first == own => Ok(()),
        Err(_) => Err(forked()),
    }
}

/// Refuses the call in a fork of the process that created the first adapter. Looked at before any lock is taken: in
/// the child a lock may be held for ever by a thread that is not there.
pub(super) fn same_process() -> Result<(), Refused> {
    let first = PROCESS.load(Ordering::Relaxed);
    if first == 0 || first == std::process::id() {
        Ok(())
    } else {
        Err(forked())
    }
}

fn forked() -> Refused {
    Refused::new(
        gca_status::GCA_ERR_FORK,
        "this process is a fork of the one that created the first adapter, and the threads are not here; use the \
         library in one of them, or start the child with exec",
    )
}
