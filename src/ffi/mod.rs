//! The C ABI: what a recorder's C or C++ host sees. The only room with unsafe code.
//!
//! Knows: pointers, sizes, handles, which thread may call what, and that no panic may cross the boundary. Does not
//! know: Genesys Cloud. Input: calls of the host, and events, states and log lines from `delivery`. Output: statuses,
//! and the host's callbacks.
//!
//! [`abi`] is what the generated header shows, declarations only.
#![allow(unsafe_code)]

pub mod abi;
