//! `docs/DEPENDENCIES.md` names every package that the library is compiled from, on each platform, and no other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::collections::BTreeSet;
use std::process::Command;

const PAGE: &str = include_str!("../docs/DEPENDENCIES.md");

const LINUX: &str = "x86_64-unknown-linux-gnu";
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// What cargo compiles for the library, with or without what only writes code for the compiler.
fn compiled(platform: &str, edges: &str) -> BTreeSet<String> {
    let answer = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--target", platform])
        .args(["--package", "genesys-cloud-adapter", "--edges", edges])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        answer.status.success(),
        "{}\nOnce, with a network: cargo fetch --locked --target {platform}",
        String::from_utf8_lossy(&answer.stderr)
    );
    String::from_utf8(answer.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next().filter(|name| !name.is_empty()))
        .filter(|name| *name != "genesys-cloud-adapter")
        .map(str::to_owned)
        .collect()
}

/// The packages that the page names: for every platform, for Linux only, for Windows only, while it is compiled. Each of
/// them once, with a reason.
fn page() -> [BTreeSet<String>; 4] {
    let mut named: [BTreeSet<String>; 4] = Default::default();
    let mut all = BTreeSet::new();
    let mut of = 0;
    for line in PAGE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            of = match heading {
                "On Linux only" => 1,
                "On Windows only" => 2,
                "While it is compiled" => 3,
                _ => 0,
            };
        }
        let Some(row) = line
            .strip_prefix("| ")
            .and_then(|row| row.strip_suffix(" |"))
        else {
            continue;
        };
        let (name, why) = row.split_once(" | ").unwrap();
        if name == "package" {
            continue;
        }
        assert!(why.split(' ').count() > 1, "{name} is there for \"{why}\"?");
        assert!(all.insert(name), "{name} stands on the page twice");
        named[of].insert(name.to_owned());
    }
    named
}

fn same(what: &str, named: &BTreeSet<String>, compiled: &BTreeSet<String>) {
    let missing: Vec<_> = compiled.difference(named).collect();
    let gone: Vec<_> = named.difference(compiled).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/DEPENDENCIES.md, {what}: say why these are there: {missing:?}; these are not: {gone:?}"
    );
}

#[test]
fn the_page_names_what_the_library_is_compiled_from() {
    let [everywhere, linux_only, windows_only, macros] = page();
    let linked = "normal,no-proc-macro";
    let (linux, windows) = (compiled(LINUX, linked), compiled(WINDOWS, linked));
    same("for both", &everywhere, &(&linux & &windows));
    same("Linux only", &linux_only, &(&linux - &windows));
    same("Windows only", &windows_only, &(&windows - &linux));
    let with_macros = &compiled(LINUX, "normal") | &compiled(WINDOWS, "normal");
    same(
        "while it is compiled",
        &macros,
        &(&(&with_macros - &linux) - &windows),
    );

    let counted = format!(
        "{} packages on Linux, {} on Windows",
        linux.len(),
        windows.len()
    );
    assert!(PAGE.contains(&counted), "the page should say: {counted}");
}
