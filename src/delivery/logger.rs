//! The logger thread: hands lines over to the host, one at a time, until the log is finished or the gate is closed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Shared;
use super::gate::Callback;
use crate::observe::panics;

pub(super) fn run(shared: &Shared) {
    panics::adopt(&shared.log);
    while let Some(line) = shared.log.next() {
        let Some(_pass) = shared.gate.enter(Callback::Log) else {
            // It waits for the next run's logger.
            shared.log.put_back(line);
            return;
        };
        // A line that the host cannot take is gone; the panic hook wrote why, into the line after it.
        if catch_unwind(AssertUnwindSafe(|| shared.host.on_log(&line))).is_err() {
            shared.counters.panics.one();
        }
    }
}
