//! The words that all rooms share: ids, times, events, orders and replies, the state of the feed.
//!
//! Knows: what things are called and which belong together. Does not know: where they come from or what to do with
//! them. Plain data without behaviour beyond construction and display; it imports no other room.

pub mod event;
pub mod feed;
pub mod frame;
pub mod gap;
pub mod id;
pub mod log;
pub mod name;
pub mod order;
pub mod role;
pub mod roster;
pub mod succession;
pub mod time;
