//! What the fuzz targets test, and how they judge it. Run by `cargo xtask fuzz` and, in short, by `cargo xtask test`.
//!
//! Knows: the rooms that read texts from outside, compiled here by themselves, and what must hold whatever they read.
//! Does not know: the network, of which `cloud` is taken apart. A room imports nothing but plain values of others (`tests/house.rs` checks that), so none
//! of TLS, HTTP and sockets is needed to test one; without them the instrumented build takes a fifth of the time.
//!
//! - [`Ledger`] takes events and panics on one that breaks a promise.
//! - [`Scene`] plays calls of which a fuzzer chooses every step, and shows them as the platform would.

#[path = "../../src"]
mod rooms {
    pub mod calls;
    pub mod model;
    pub mod observe;
    pub mod settings;

    /// Of this room what is said and read: the rest of it is the network.
    #[allow(dead_code, reason = "what carries it is not here")]
    pub mod cloud {
        mod channel;
        mod details;
        mod exchange;
        mod frame;
        mod oauth;
        mod refusal;
        mod roster;
        mod vault;
        pub use exchange::{Answer, Exchange};
        pub use frame::{Uncut, cut, cut_whole, socket_event, system_event};
    }
}

mod ledger;
mod scene;

pub use ledger::Ledger;
pub use rooms::{calls, cloud, model, observe, settings};
pub use scene::Scene;

use crate::calls::Calls;
use crate::model::event::Event;

/// Everything that is new, oldest first.
pub fn told(calls: &mut Calls) -> Vec<Event> {
    std::iter::from_fn(|| calls.poll_event()).collect()
}
