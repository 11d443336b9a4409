//! The way to the host: sequence, queue, dispatcher thread, callback gate; defines what a host is.
//!
//! Knows: order, back-pressure, who may call the host and when. Does not know: C, JSON, Genesys Cloud. Input: events
//! and state reports. Output: calls of the [`Host`] trait.
