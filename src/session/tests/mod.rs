//! The session against a small region in virtual time.

mod gaps;
mod platform;
mod rules;
mod scenarios;
mod seeds;
mod successions;
