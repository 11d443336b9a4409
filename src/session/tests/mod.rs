//! The session against a small region in virtual time.

mod platform;
mod scenarios;
mod seeds;
