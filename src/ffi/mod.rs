//! The C ABI: what a recorder's C or C++ host sees. The only room with unsafe code.
//!
//! Knows: pointers, sizes, handles, which thread may call what, and that no panic may cross the boundary. Does not
//! know: Genesys Cloud. Input: calls of the host, and events, states and log lines from `delivery`. Output: statuses,
//! and the host's callbacks.
//!
//! Mechanics, each in a file of its own: `boundary` (the guard around every call), `handle` (numbers for adapters),
//! `text` (copying out and in), `error` (the last error of a thread). Then one file for each thing that the host sees:
//! [`api`] (the library and its table), [`adapter`], [`event`], `host` (its callbacks). [`abi`] holds the types,
//! declarations only. The header is generated from [`abi`], [`api`], [`adapter`] and [`event`]; `event_json` writes the
//! document of an event, and `catalogue` makes docs/EVENTS.md from its types and from the texts of [`abi`]. `layout` lists
//! sizes and offsets for the test that keeps them; `rust_host` is the feature for hosts in Rust; `owner_only` makes the
//! files of Windows private, for rooms that may not call Windows.
#![allow(unsafe_code)]
// The header states what a caller owes, in its own words and once for all functions; the headings that this lint asks
// for would leak into it.
#![allow(clippy::missing_safety_doc)]

pub mod abi;
pub mod adapter;
pub mod api;
mod boundary;
mod error;
pub mod event;
mod event_json;
mod handle;
mod host;
#[cfg(windows)]
mod owner_only;
#[cfg(any(test, feature = "rust-host"))]
pub mod rust_host;
mod text;

#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod tests;
