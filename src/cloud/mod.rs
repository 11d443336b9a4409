//! Genesys Cloud on the wire: hosts, TLS, OAuth, REST, websocket.
//!
//! Knows: how to reach the region, how to ask, how a frame is cut into topic and body. Does not know: what to ask next
//! (that is `session`), what a body means (that is `calls`). Input: orders. Output: replies, socket events, frames.
