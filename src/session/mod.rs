//! What to do next: tokens, channels, subscriptions, reconnects.
//!
//! Knows: the state of the conversation with the platform, and time as it is told. Does not know: sockets, HTTP, the
//! machine's clock, what a call is. Input: replies and socket events. Output: orders, the roster, the state of the feed.
