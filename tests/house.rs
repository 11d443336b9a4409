//! Which room imports which (ARCHITECTURE.md, "Who imports whom"). Reads the sources as text: a room that names another
//! one in any way imports it. Tests inside of a room may name what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may name.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("settings", &["model"]),
    ("observe", &["model", "settings"]),
    ("session", &["model", "settings", "observe"]),
    ("calls", &["model", "settings", "observe"]),
    ("cloud", &["model", "settings", "observe"]),
    ("delivery", &["model", "settings", "observe"]),
    (
        "adapter",
        &[
            "model", "settings", "observe", "session", "calls", "cloud", "delivery",
        ],
    ),
    ("ffi", &["model", "adapter", "delivery"]),
];

/// What `ffi` may name of `delivery`: what a host is.
const OF_A_HOST: &[&str] = &["Host", "LogLine", "Offer", "Verdict"];

#[test]
fn a_room_names_only_the_rooms_that_it_may() {
    let may_name: BTreeMap<_, _> = MAY_NAME.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut rooms = BTreeSet::new();
    for (file, text) in sources("src") {
        let room = room_of(&file);
        if room == "lib" {
            continue;
        }
        let Some(allowed) = may_name.get(room.as_str()) else {
            wrong.push(format!(
                "{}: room {room} is not in the table",
                file.display()
            ));
            continue;
        };
        for path in named(&text) {
            let other = path.split("::").next().unwrap_or_default();
            if other != room && may_name.contains_key(other) && !allowed.contains(&other) {
                wrong.push(format!("{}: names {path}", file.display()));
            }
            if room == "ffi"
                && let Some(of_delivery) = path.strip_prefix("delivery::")
                && !OF_A_HOST.contains(&of_delivery)
            {
                wrong.push(format!(
                    "{}: names {path}, which is not about hosts",
                    file.display()
                ));
            }
        }
        rooms.insert(room);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let table: BTreeSet<String> = may_name.keys().map(|room| (*room).to_owned()).collect();
    assert_eq!(rooms, table, "the table and the rooms of src/");
}

#[test]
fn the_region_and_the_plugin_share_no_crate() {
    for (manifest, other) in [
        ("simulator/Cargo.toml", "genesys-cloud-adapter"),
        ("xtask/Cargo.toml", "genesys-cloud-adapter"),
    ] {
        let text = std::fs::read_to_string(root().join(manifest)).expect(manifest);
        assert!(!text.contains(other), "{manifest} names {other}");
    }
    let plugin = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let shipped = plugin
        .split("[dev-dependencies]")
        .next()
        .unwrap_or_default();
    assert!(
        !shipped.contains("gca-region"),
        "the shipped library depends on the region"
    );
}

#[test]
fn unsafe_code_is_only_in_ffi() {
    for (file, text) in sources("src") {
        if room_of(&file) != "ffi" {
            let found =
                text.contains("allow(unsafe_code)") || words(&text).any(|word| word == "unsafe");
            assert!(!found, "{} has unsafe code", file.display());
        }
    }
}

#[test]
fn a_room_that_is_named_is_found() {
    let text = "use crate::cloud::{Wire, wire::Limits};\nuse crate::{session, model::id::UserId};\n\
                // crate::ffi in a comment\nfn f() { crate::calls::x(); super::super::delivery::y() }\n\
                #[cfg(test)]\nmod tests {\n use crate::settings::Settings; }\n";
    let found = named(text);
    for path in [
        "cloud::Wire",
        "cloud::wire",
        "session",
        "model::id",
        "calls::x",
        "delivery::y",
    ] {
        assert!(found.iter().any(|name| name == path), "{path} in {found:?}");
    }
    assert!(
        !found
            .iter()
            .any(|name| name.starts_with("ffi") || name.starts_with("settings")),
        "{found:?}"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below a directory, tests left out.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory of the project") {
            let path = entry.expect("an entry").path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            if is_test {
                continue;
            } else if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                found.push((
                    path.strip_prefix(root())
                        .expect("below the root")
                        .to_owned(),
                    text,
                ));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {directory}");
    found
}

fn room_of(file: &Path) -> String {
    let first = file
        .iter()
        .nth(1)
        .expect("a file below src")
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// What a source names of the crate, as `room::item`; its own tests and comments left out.
fn named(text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut found = Vec::new();
    for root in ["crate::", "super::super::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let path: String = code[at + root.len()..]
                .chars()
                .filter(|c| !c.is_whitespace())
                .collect();
            if let Some(group) = path.strip_prefix('{') {
                found.extend(members(group).map(|member| first_two(&member)));
            } else if let Some((room, group)) = path.split_once("::{")
                && room.chars().all(|c| c.is_alphanumeric() || c == '_')
            {
                found.extend(members(group).map(|member| {
                    format!(
                        "{room}::{}",
                        first_two(&member).split("::").next().unwrap_or_default()
                    )
                }));
            } else {
                found.push(first_two(&path));
            }
        }
    }
    found
}

/// The members of a `{a, b::c, d::{e, f}}` that begins after its brace.
fn members(group: &str) -> impl Iterator<Item = String> {
    let mut members = vec![String::new()];
    let mut depth = 0;
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => members.push(String::new()),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                members.last_mut().expect("at least one").push(c);
            }
        }
    }
    members.into_iter().filter(|member| !member.is_empty())
}

/// `a::b` of `a::b::c(…`.
fn first_two(path: &str) -> String {
    let end = path
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(path.len());
    path[..end]
        .split("::")
        .filter(|part| !part.is_empty())
        .take(2)
        .collect::<Vec<_>>()
        .join("::")
}

/// The code of a source, without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            match lines.peek() {
                // The tests of a file are its end; a declaration is one line.
                Some(next)
                    if next.trim_start().starts_with("mod ") && next.trim_end().ends_with('{') =>
                {
                    break;
                }
                _ => {
                    lines.next();
                }
            }
            continue;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

fn words(text: &str) -> impl Iterator<Item = String> {
    code_of(text)
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}
