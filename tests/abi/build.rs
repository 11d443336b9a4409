//! Builds the shared library for a test, in the target directory that the tests were built in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// All variants are built to the same file, one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Builds it with further arguments for cargo, and returns a copy of the file that belongs to this variant.
pub fn library(more: &[&str], variant: &str) -> PathBuf {
    let _one = ONE_AT_A_TIME.lock().unwrap();
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = temporary.parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "rustc",
            "--quiet",
            "--lib",
            "--crate-type",
            "cdylib",
            "--target-dir",
        ])
        .arg(target)
        .args(more)
        .status()
        .unwrap();
    assert!(done.success(), "the library could not be built");
    let place = temporary.join(variant);
    std::fs::create_dir_all(&place).unwrap();
    let copy = place.join("libgenesys_cloud_adapter.so");
    // A new file each time: one that a process has mapped must not change under it.
    let _ = std::fs::remove_file(&copy);
    std::fs::copy(
        target.join("debug").join("libgenesys_cloud_adapter.so"),
        &copy,
    )
    .unwrap();
    copy
}
