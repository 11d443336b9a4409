//! The built library, as a host gets it: its symbols, its table, and that it stays loaded.
//!
//! `GCA_LIBRARY` names the file; without it the library is built here, once.
#![cfg(unix)]
#![allow(
    unsafe_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::missing_safety_doc
)]

// The types once more, with the layouts that abi_stable checks: the library that a test is linked with has none.
#[path = "../src/ffi/abi.rs"]
#[allow(dead_code)]
mod abi;
#[path = "abi/build.rs"]
mod build;
#[path = "../src/ffi/rust_host.rs"]
#[allow(dead_code)]
mod rust_host;

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use abi::{GCA_ABI_VERSION, gca_api};

const HEADER: &str = include_str!("../include/genesys_cloud_adapter.h");

fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os("GCA_LIBRARY") {
        Some(file) => PathBuf::from(file),
        None => build::library(&[], "plain"),
    })
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    HEADER
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '*', '}']) && line.contains('('))
        .filter_map(|line| line.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("gca_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_library_exports_the_functions_of_the_header_and_nothing_else() {
    let done = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(library())
        .output()
        .unwrap();
    assert!(done.status.success());
    let exported: BTreeSet<_> = String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert_eq!(exported, declared());
}

#[test]
fn the_table_holds_the_functions_of_their_names() {
    // SAFETY: our own library, whose loading runs no code but the standard library's.
    let loaded = unsafe { libloading::Library::new(library()) }.unwrap();
    // SAFETY: the symbol's type is the header's.
    let get_api: libloading::Symbol<'_, extern "C" fn(u32) -> *const gca_api> =
        unsafe { loaded.get(b"gca_get_api") }.unwrap();
    // SAFETY: a static table of the library that is loaded.
    let api = unsafe { &*get_api(GCA_ABI_VERSION) };
    assert_eq!(api.size as usize, size_of::<gca_api>());
    assert_eq!((api.abi_version)(), GCA_ABI_VERSION);
    // SAFETY: a static text, terminated by a NUL.
    let version = unsafe { CStr::from_ptr((api.version)()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    let table: [(&str, usize); 17] = [
        ("abi_version", api.abi_version as usize),
        ("version", api.version as usize),
        ("status_name", api.status_name as usize),
        ("last_error", api.last_error as usize),
        ("settings_schema", api.settings_schema as usize),
        ("create", api.create as usize),
        ("configure", api.configure as usize),
        ("start", api.start as usize),
        ("stop", api.stop as usize),
        ("restart", api.restart as usize),
        ("destroy", api.destroy as usize),
        ("status_json", api.status_json as usize),
        ("set_log_level", api.set_log_level as usize),
        ("event_json", api.event_json as usize),
        ("metrics", api.metrics as usize),
        ("check", api.check as usize),
        ("erase", api.erase as usize),
    ];
    for (name, entry) in table {
        // SAFETY: only the address is looked at.
        let symbol: libloading::Symbol<'_, *const ()> =
            unsafe { loaded.get(format!("gca_{name}").as_bytes()) }.unwrap();
        assert_eq!(*symbol as usize, entry, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_library_is_still_there_after_it_was_closed() {
    let file = library().canonicalize().unwrap();
    // SAFETY: as above.
    let loaded = unsafe { libloading::Library::new(&file) }.unwrap();
    loaded.close().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        maps.contains(file.to_str().unwrap()),
        "unloaded: -z nodelete is missing"
    );
    let done = Command::new("readelf")
        .arg("-d")
        .arg(&file)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&done.stdout).contains("NODELETE"));
}

/// The root module for hosts written in Rust: there with the feature `rust-host`, and its layouts are checked when it
/// is loaded.
#[test]
fn a_host_written_in_rust_loads_the_root_module() {
    use abi_stable::library::lib_header_from_path;

    let file = build::library(&["--features", "rust-host"], "rust-host");
    let header = lib_header_from_path(&file).unwrap();
    let module = header
        .init_root_module::<rust_host::GcaModule_Ref>()
        .unwrap();
    // SAFETY: the layout was checked, the table is static and the library is never unloaded.
    let api = unsafe { &*(module.get_api()(GCA_ABI_VERSION)) };
    assert_eq!(api.size as usize, size_of::<gca_api>());
    assert_eq!((api.abi_version)(), GCA_ABI_VERSION);
    // The library as it ships has none of it.
    assert!(lib_header_from_path(library()).is_err());
}
