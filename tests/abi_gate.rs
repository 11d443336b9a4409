//! The C interface is frozen: what a released header says stays true. The header of this tree is compared with the
//! committed description of version 1 (`tests/abi/version-1.abi`) by libabigail, and whatever is not an addition is
//! named. That the library does what the header says is proved in `abi.rs` and `abi_library.rs`.
//!
//! After a release that added something, `GCA_FREEZE=1 cargo test --test abi_gate` adds it to the description.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use workshop::{Lane, Workshop, compiler, here};

const HEADER: &str = include_str!("../include/genesys_cloud_adapter.h");
const NAME: &str = "genesys_cloud_adapter.h";
const FROZEN: &str = "tests/abi/version-1.abi";

/// They begin with their size, so a field may be appended to them.
const SIZED: [&str; 5] = [
    "struct gca_api",
    "struct gca_event",
    "struct gca_host",
    "struct gca_log",
    "struct gca_state",
];

/// Compiles a library of empty functions as the header declares them, and lets libabigail describe it.
fn described(header: &str, place: &TempDir) -> PathBuf {
    let mut functions = String::new();
    let (_, declared) = header.split_once("extern \"C\" {").unwrap();
    let mut declaration = String::new();
    for line in declared.lines() {
        if declaration.is_empty() && !line.starts_with("GCA_API ") {
            continue;
        }
        declaration += line;
        if let Some(whole) = declaration.strip_suffix(';') {
            functions += &format!("{whole} {{ return {{}}; }}\n");
            declaration.clear();
        }
    }
    std::fs::write(place.path().join(NAME), without_sizes(header)).unwrap();
    let source = format!("#include \"{NAME}\"\nextern \"C\" {{\n{functions}}}\n");
    std::fs::write(place.path().join("interface.cpp"), source).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let done = Command::new(program)
            .args(arguments)
            .current_dir(place.path())
            .output();
        let done = done.unwrap_or_else(|error| {
            panic!("{program} could not be run ({error}); `cargo xtask test` installs what the tests need")
        });
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program}: {said}");
        done.stdout
    };
    run(
        "g++",
        &[
            "-std=c++17",
            "-gdwarf-4",
            "-fno-eliminate-unused-debug-types",
            "-w",
            "-shared",
            "-fPIC",
            "-Wl,-soname,libgenesys_cloud_adapter.so",
            "interface.cpp",
            "-o",
            "interface.so",
        ],
    );
    let told = run(
        "abidw",
        &[
            "--no-corpus-path",
            "--no-comp-dir-path",
            "--no-show-locs",
            "--load-all-types",
            "interface.so",
        ],
    );
    let description = place.path().join("interface.abi");
    std::fs::write(&description, told).unwrap();
    description
}

/// The header without the sizes that it holds a compiler to, which are those of this version.
fn without_sizes(header: &str) -> String {
    let lines = header.lines().filter(|line| !line.starts_with("GCA_SAME("));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What an interface that was described so would take from a host that was built for the one before.
fn taken(before: &Path, now: &Path) -> Vec<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("abidiff")
        .args(["--leaf-changes-only", "--harmless", "--non-reachable-types"])
        .args([before, now])
        .output()
        .unwrap();
    // 1: it failed; 2: it was called wrongly; others tell of differences.
    let code = status.code().unwrap();
    assert_eq!(code & 3, 0, "abidiff: {}", String::from_utf8_lossy(&stderr));
    let report = String::from_utf8_lossy(&stdout);
    assert_eq!(code == 0, report.is_empty(), "{report}");
    incompatible(&report)
}

/// Of abidiff's report, all but additions: functions, values of enums, and fields behind the end of structs that begin
/// with their size.
fn incompatible(report: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut subject = "";
    let mut size_before = u64::MAX;
    // Values that came and values that went are listed in the same words, under another heading.
    let mut came = false;
    for line in report.lines() {
        let text = line.trim();
        let is_heading = !line.starts_with([' ', '\'']);
        let name = text.split('\'').nth(1);
        if is_heading || text.starts_with("[A]") || text.ends_with("reported earlier") {
            continue;
        }
        if text.ends_with("changed:") && (line.starts_with('\'') || text.starts_with("[C]")) {
            (subject, size_before, came) = (name.unwrap_or(text), u64::MAX, false);
        } else if let Some(sizes) = text.strip_prefix("type size changed from ") {
            size_before = sizes.split(' ').next().unwrap().parse().unwrap();
        } else if let Some((_, offset)) = text.split_once(", at offset ") {
            let offset: u64 = offset.split(' ').next().unwrap().parse().unwrap();
            if offset < size_before || !SIZED.contains(&subject) {
                wrong.push(format!("{subject}: not behind its end: {text}"));
            }
        } else if text.contains(" data member insertion") || text.contains(" enumerator insertion")
        {
            came = true;
        } else if text != "type size hasn't changed" && !(came && is_value(text)) {
            came = false;
            wrong.push(format!("{subject}: {text}"));
        }
    }
    wrong
}

/// As in `'gca_status::GCA_ERR_NEW' value '11'`.
fn is_value(text: &str) -> bool {
    text.starts_with('\'') && text.contains("' value '")
}

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FROZEN)
}

#[test]
fn the_interface_of_version_1_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let now = described(HEADER, &place);
    let is_new = std::env::var_os("GCA_FREEZE").is_some();
    let wrong = if is_new && !frozen().exists() {
        Vec::new()
    } else {
        taken(&frozen(), &now)
    };
    assert!(
        wrong.is_empty(),
        "hosts that were built for version 1 of the interface would not work with this header:\n{}",
        wrong.join("\n")
    );
    if is_new {
        std::fs::copy(now, frozen()).unwrap();
    }
}

/// The header with one change, compared with the frozen one.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert_eq!(HEADER.matches(from).count(), 1, "{from:?}");
    let place = tempfile::tempdir().unwrap();
    taken(&frozen(), &described(&HEADER.replacen(from, to, 1), &place))
}

#[test]
fn what_is_added_is_no_break() {
    for (from, to) in [
        ("} gca_event;", "uint64_t newer; } gca_event;"),
        ("} gca_host;", "void (*newer)(void *user); } gca_host;"),
        (
            "} gca_api;",
            "gca_status (*newer)(gca_handle handle); } gca_api;",
        ),
        (
            "    GCA_ERR_DISABLED = 10,",
            "    GCA_ERR_DISABLED = 10, GCA_ERR_NEWER = 11,",
        ),
        (
            "    GCA_EVENT_HELD = 13,",
            "    GCA_EVENT_HELD = 13, GCA_EVENT_NEWER = 213,",
        ),
        (
            "\nGCA_API gca_status GCA_CALL gca_restart(",
            "\nGCA_API gca_status GCA_CALL gca_newer(gca_handle handle);\n\
             GCA_API gca_status GCA_CALL gca_restart(",
        ),
    ] {
        assert_eq!(changed(from, to), Vec::<String>::new(), "{to}");
    }
}

#[test]
fn what_would_break_a_host_is_named() {
    for (from, to, named) in [
        (
            "\nGCA_API gca_status GCA_CALL gca_restart(gca_handle handle);",
            "",
            "gca_restart",
        ),
        (
            "\nGCA_API gca_status GCA_CALL gca_restart(gca_handle handle);",
            "\nGCA_API gca_status GCA_CALL gca_restart(uint32_t handle);",
            "gca_restart",
        ),
        (
            "*restart)(gca_handle handle);",
            "*restart)(uint32_t handle);",
            "gca_api::restart",
        ),
        (
            "    uint8_t id_exact;",
            "    uint16_t id_exact;",
            "gca_event::id_exact",
        ),
        (
            "    uint8_t id_exact;",
            "    uint8_t is_exact;",
            "gca_event::is_exact",
        ),
        (
            "    uint8_t id_exact;",
            "    uint8_t newer; uint8_t id_exact;",
            "newer",
        ),
        ("    int64_t gap_to_us;", "", "gap_to_us"),
        ("} gca_str;", "uint64_t newer; } gca_str;", "gca_str"),
        // It would lie where hosts of today have padding, and GCA_HAS could not tell.
        (
            "    gca_log_level level;\n    /**\n     * When",
            "    uint16_t level;\n    /**\n     * When",
            "gca_log::level",
        ),
        (
            "    GCA_ERR_DISABLED = 10,",
            "    GCA_ERR_DISABLED = 12,",
            "GCA_ERR_DISABLED",
        ),
        ("    GCA_ERR_DISABLED = 10,", "", "GCA_ERR_DISABLED"),
        // Of enums that no function mentions.
        (
            "    GCA_EVENT_HELD = 13,",
            "    GCA_EVENT_HELD = 113,",
            "GCA_EVENT_HELD",
        ),
        ("    GCA_EVENT_HELD = 13,", "", "GCA_EVENT_HELD"),
    ] {
        let wrong = changed(from, to).join("\n");
        assert!(wrong.contains(named), "{from:?} -> {to:?}: {wrong}");
    }
}

/// The other way round: a baseline that says something else than what was released fails too.
#[test]
fn a_spoiled_description_is_noticed() {
    let place = tempfile::tempdir().unwrap();
    let now = described(HEADER, &place);
    let text = std::fs::read_to_string(frozen()).unwrap();
    for (from, to, named) in [
        ("name='gca_restart'", "name='gca_resume'", "gca_resume"),
        (
            "name='GCA_ERR_DISABLED' value='10'",
            "name='GCA_ERR_DISABLED' value='12'",
            "GCA_ERR_DISABLED",
        ),
        ("name='id_exact'", "name='exact'", "exact"),
    ] {
        assert!(text.contains(from), "{from}");
        let spoiled = place.path().join("spoiled.abi");
        // A function is named by its symbol too.
        std::fs::write(
            &spoiled,
            text.replace(from, to)
                .replace("'gca_restart'", "'gca_resume'"),
        )
        .unwrap();
        let wrong = taken(&spoiled, &now).join("\n");
        assert!(wrong.contains(named), "{from}: {wrong}");
    }
}

#[test]
fn a_host_that_was_built_for_a_later_interface_is_served() {
    let mut later = HEADER.to_owned();
    for (from, to) in [
        ("} gca_event;", "    uint64_t newer;\n} gca_event;"),
        ("} gca_host;", "    void (*newer)(void *user);\n} gca_host;"),
    ] {
        assert_eq!(later.matches(from).count(), 1, "{from}");
        later = later.replace(from, to);
    }
    let shop = Workshop::new(Lane::Plain);
    let (header, program) = (shop.path("later.h"), shop.path("newer_host"));
    std::fs::write(&header, without_sizes(&later)).unwrap();
    let mut gcc = compiler("newer_host.c");
    // It comes first, and keeps the committed one out; what else must come first, comes before it.
    gcc.arg("-D_GNU_SOURCE").arg("-include").arg(&header);
    gcc.arg(here().join("newer_host.c"))
        .arg("-o")
        .arg(&program)
        .arg("-ldl");
    let done = gcc.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let said = shop.run(&program, &[&shop.library(), &shop.settings("later", "")]);
    assert!(
        said.contains("gca_host"),
        "why the unknown field was refused: {said}"
    );
}
