//! Panics inside the library stay inside: proved by a C program on a library that was built like the shipped one, with
//! the feature `provoke`; and the shipped one was not built so.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "cpp/panics.rs"]
mod panics;
mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

use std::path::{Path, PathBuf};

use workshop::{Lane, built, library};

const LANE: Lane = Lane::Plain;

fn provoked_library() -> PathBuf {
    built("GCA_LIBRARY_PROVOKE")
}

/// The text that only the settings table of a library with `provoke` holds.
const MARK: &[u8] = b"Provoke a panic";

fn holds_the_mark(file: &Path) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

#[test]
fn the_shipped_library_cannot_be_provoked() {
    assert!(holds_the_mark(&provoked_library()));
    assert!(!holds_the_mark(&library()));
}
