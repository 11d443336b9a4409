//! Log, counters, status: what the adapter tells about itself.
//!
//! Knows: levels, figures, and how the status document is written. Does not know: who reads it (the logger thread is
//! `delivery`'s), what a call is, what to do about anything. Input: lines and counts from every room. Output: lines in
//! their order, and a JSON document.

pub mod counters;
pub mod log;
pub mod panics;
pub mod status;

pub use counters::Counters;
pub use log::{Log, LogLine};
pub use status::{DeliveryFigures, Status};
