//! Log, counters, status, metrics, the ledger of gaps: what the adapter tells about itself.
//!
//! Knows: levels, figures, and how the status document and the metrics are written. Does not know: who reads it (the logger thread is
//! `delivery`'s), what a call is, what to do about anything. Input: lines and counts from every room. Output: lines in
//! their order, a JSON document, and the same figures in the Prometheus text format.

pub mod counters;
pub mod gaps;
pub mod latency;
pub mod ledger;
pub mod log;
mod metrics;
pub mod owner_only;
pub mod panics;
pub mod status;

pub use counters::Counters;
pub use gaps::{Gaps, Left};
pub use ledger::{LedgerFile, Loss, Unwritten};
pub use log::{Log, LogLine};
pub use status::{DeliveryFigures, Status};
