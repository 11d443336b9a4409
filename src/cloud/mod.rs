//! Genesys Cloud on the wire: hosts, TLS, OAuth, REST, websocket.
//!
//! Knows: how to reach the region, how to ask, how a frame is cut into topic and body. Does not know: what to ask next
//! (that is `session`), what a body means (that is `calls`). Input: orders. Output: replies, socket events, frames.
//!
//! An [`Exchange`] knows what to send for a request and what the answer means, and does neither: virtual-time tests use it
//! without a network. [`Wire`] carries out requests and opens websockets; a [`Socket`] gives texts; [`cut`] finds topic and body of a text
//! without reading the body, [`cut_whole`] does so for every valid envelope at the cost of reading it. [`socket_event`]
//! tells which frames are about the socket itself.
//!
//! Tokens and the addresses of channels live here and nowhere else. Every wait has a time limit ([`Limits`]); nothing
//! is repeated, and no redirect is followed: whether to try again is the session's to decide.

mod channel;
mod details;
mod exchange;
mod failure;
mod frame;
mod inquiry;
mod oauth;
mod proxy;
mod reach;
mod refusal;
mod rest;
mod roster;
mod socket;
mod tls;
mod vault;
mod wire;

pub use exchange::{Answer, Exchange, Outgoing, PING, unfollow};
pub use frame::{Uncut, cut, cut_whole, socket_event, system_event};
pub use inquiry::{Found, Inquiry, Told, TopicRule};
pub use reach::{Hop, Step};
pub use socket::{Inbound, Socket};
pub use wire::{Limits, Wire, WireConfig};
