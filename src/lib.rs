//! A Genesys Cloud CX region's telephony, as one ordered feed of events for a call recorder.
//!
//! A recorder service loads this library through its C ABI (`include/genesys_cloud_adapter.h`). An adapter in it
//! connects to one region, follows every call, agent and station, and hands the recorder events that it can trust:
//! nothing missing without a record of it, nothing twice under different ids. (`CHANGELOG.md` lists the known limits.)
//!
//! # The house
//!
//! ```text
//!   orders    ffi ──▶ adapter ──▶ session ──▶ cloud          what to do next, done
//!   events    cloud ──▶ calls ──▶ delivery ──▶ ffi           what happened, handed over
//! ```
//!
//! | room         | what it does                                                                       |
//! |--------------|------------------------------------------------------------------------------------|
//! | [`ffi`]      | the C ABI: handles, the host's callbacks, the panic boundary. All `unsafe` code       |
//! | [`adapter`]  | one running adapter: joins the rooms below and owns the threads                     |
//! | [`settings`] | one table of settings; checks, schema and reference page come from it               |
//! | [`session`]  | what to do next: tokens, channels, successions, gaps and their reading. No I/O, no clock |
//! | [`cloud`]    | Genesys Cloud on the wire: TLS, OAuth, REST, websocket; cuts frames, reads no further |
//! | [`calls`]    | what happened: notification bodies in, events out. No I/O, no clock                  |
//! | [`delivery`] | the way to the host: sequence, queue, dispatcher thread, callback gate               |
//! | [`observe`]  | log, counters, status, metrics, the ledger file                                     |
//! | [`model`]    | the words that all rooms share; imports no other room                               |
//!
//! A room below `adapter` imports `model` (and `settings`' plain values and `observe`), never a sibling:
//! `tests/house.rs` checks that. `session` and `calls` are state machines in the sans-I/O style: they take inputs and
//! the time, return outputs, and so run in tests for simulated years without a socket.

pub mod adapter;
pub mod calls;
pub mod cloud;
pub mod delivery;
pub mod ffi;
pub mod model;
pub mod observe;
pub mod session;
pub mod settings;
