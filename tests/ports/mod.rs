//! Ports for programs that take a number and choose none themselves, and ports where nobody listens.
//!
//! Knows which ports the system hands out by itself. Does not know who is to listen.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below it are the well-known services.
const FIRST: u16 = 10_000;

/// A port that nobody listens on, and that nobody is given who leaves the choice to the system: it lies below those.
/// Everyone else in a test leaves it, so it is free still when a program that was told of it has started.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);

    let handed_out = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let end: u16 = handed_out
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let ports = end.saturating_sub(FIRST);
    assert!(ports > 0, "the system hands out every port above {FIRST}");
    // Each test binary begins elsewhere, should two run at once.
    let begin = u32::from(ports) * (std::process::id() % 256) / 256;
    for _ in 0..ports {
        let place = begin + u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(place % u32::from(ports)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} to {end} is free");
}
