//! The walls of the house: each room imports only what it may, and unsafe code stays in one room.
//!
//! Read from the sources' tokens, so that a path counts wherever it stands (in a `use`, in a type, in an expression, in
//! a macro's arguments), and what comments and texts say does not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Which rooms a room may name. `adapter` joins them all; `ffi` sees the rooms through it, and the host trait.
fn allowed(room: &str) -> Option<&'static [&'static str]> {
    Some(match room {
        "model" => &[],
        "settings" => &["model"],
        "observe" => &["model"],
        "session" | "calls" | "cloud" | "delivery" => &["model", "settings", "observe"],
        "adapter" => &[
            "model", "settings", "observe", "session", "calls", "cloud", "delivery",
        ],
        "ffi" => &["model", "adapter", "delivery"],
        _ => return None,
    })
}

const ROOMS: [&str; 9] = [
    "model", "settings", "observe", "session", "calls", "cloud", "delivery", "adapter", "ffi",
];

#[test]
fn each_room_imports_only_what_it_may() {
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::<String, usize>::new();
    for file in sources() {
        let Some(room) = room_of(&file) else { continue };
        let may = allowed(&room)
            .unwrap_or_else(|| panic!("{room} is a room that the design does not have"));
        for named in rooms_named(read(&file)) {
            *seen.entry(room.clone()).or_default() += 1;
            if named != room && !may.contains(&named.as_str()) {
                wrong.push(format!("{}: {room} imports {named}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        seen.get("adapter").is_some_and(|count| *count > 3),
        "the scan sees paths: {seen:?}"
    );
}

#[test]
fn unsafe_code_stays_in_ffi() {
    let mut there = 0;
    for file in sources() {
        let found = unsafe_words(read(&file));
        let is_ffi = room_of(&file).as_deref() == Some("ffi");
        there += if is_ffi { found } else { 0 };
        assert!(
            is_ffi || found == 0,
            "{}: unsafe code, or leave for it",
            file.display()
        );
    }
    assert!(there > 10, "the scan sees unsafe code");
}

#[test]
fn what_is_looked_for_is_found_wherever_it_stands() {
    let tokens: TokenStream = r##"
        use crate::cloud::{self, Wire};
        use crate::{calls, model::{event, id}};
        fn f(_: crate::session::Session) { vec![crate::observe::Log::new()]; }
        use super::super::settings::Settings;
        // crate::delivery
        const TEXT: &str = "crate::ffi";
        use super::delivery;
        "##
    .parse()
    .unwrap();
    let expected = ["calls", "cloud", "model", "observe", "session", "settings"];
    assert_eq!(rooms_named(tokens), expected);
    for text in [
        "f(|| unsafe { g() })",
        "m!(unsafe fn)",
        "#![allow(unsafe_code)]",
    ] {
        assert_eq!(unsafe_words(text.parse().unwrap()), 1, "{text}");
    }
    assert_eq!(
        unsafe_words("/* unsafe */ f(\"unsafe\")".parse().unwrap()),
        0
    );
}

fn read(file: &Path) -> TokenStream {
    let text = std::fs::read_to_string(file).unwrap();
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All sources of the library.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut places = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20);
    found
}

/// The room that a file belongs to; none for the map, `lib.rs`.
fn room_of(file: &Path) -> Option<String> {
    let inside = file
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    let first = inside.iter().next().unwrap().to_str().unwrap();
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "lib").then(|| room.to_owned())
}

/// The rooms that are named by a path from the root, or by one that climbs up to it.
///
/// One step up (`super::adapter`) may be a neighbour of a room's name; from a room's own file it is the room.
fn rooms_named(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    name_rooms(tokens, &mut names);
    names.sort();
    names.dedup();
    names
}

fn name_rooms(tokens: TokenStream, names: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => name_rooms(group.stream(), names),
            TokenTree::Ident(ident) => {
                let from_root = if ident == "crate" {
                    Some(at + 1)
                } else if ident == "super"
                    && tokens.get(at + 3).is_some_and(|next| is(next, "super"))
                {
                    Some(at + 4)
                } else {
                    None
                };
                // Behind the two colons: a name, or a group of paths that begin with one.
                match from_root.and_then(|at| tokens.get(at + 2)) {
                    Some(TokenTree::Ident(named)) => keep(&named.to_string(), names),
                    Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                        let mut begins = true;
                        for token in group.stream() {
                            if begins {
                                keep(&token.to_string(), names);
                            }
                            begins = token.to_string() == ",";
                        }
                    }
                    _ => {}
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn is(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn keep(named: &str, names: &mut Vec<String>) {
    if ROOMS.contains(&named) {
        names.push(named.to_owned());
    }
}

/// How often a file says `unsafe`, or gives leave for it.
fn unsafe_words(tokens: TokenStream) -> usize {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => unsafe_words(group.stream()),
            TokenTree::Ident(ident) => usize::from(ident == "unsafe" || ident == "unsafe_code"),
            TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
        })
        .sum()
}
