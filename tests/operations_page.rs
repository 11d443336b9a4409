//! The operators' pages: that they know every state and every alarm, and every read that may want a permission.
//!
//! Alarms are what is written at the level of errors. Their texts are taken from the sources' tokens, so that a new one
//! without a line on the page fails here.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use genesys_cloud_adapter::model::feed::{Feed, Life, Why};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

const PAGE: &str = include_str!("../docs/OPERATIONS.md");
/// The journal's alarms have a page of their own, to which the operators' page leads.
const JOURNAL: &str = include_str!("../docs/DELIVERY.md");
const PERMISSIONS: &str = include_str!("../docs/INSTALL.md");

/// A shorter piece of a text says too little to be looked for.
const TELLING: usize = 12;

#[test]
fn every_state_has_its_line() {
    let words = Feed::ALL.iter().map(|feed| feed.name());
    let words = words.chain(Why::ALL.iter().map(|why| why.name()));
    for word in words.chain(Life::ALL.iter().map(|life| life.name())) {
        let cell = format!("`{word}`");
        let has_line = PAGE
            .lines()
            .filter(|line| line.starts_with('|'))
            .any(|line| {
                line.split('|')
                    .nth(1)
                    .is_some_and(|first| first.contains(&cell))
            });
        assert!(has_line, "docs/OPERATIONS.md has no line for {cell}");
        let status = include_str!("../docs/STATUS.md");
        assert!(
            status.contains(&cell),
            "docs/STATUS.md does not name {cell}"
        );
    }
}

#[test]
fn every_alarm_has_its_line() {
    assert!(PAGE.contains("](DELIVERY.md#at-three-in-the-morning)"));
    let page = plain(PAGE) + &plain(JOURNAL);
    let mut alarms = BTreeMap::new();
    for file in sources("src") {
        for text in alarms_in(read(&file)) {
            alarms.insert(text, file.clone());
        }
    }
    assert!(alarms.len() > 4, "the scan sees alarms: {alarms:?}");
    alarms.retain(|text, _| !pieces(text).iter().any(|piece| page.contains(piece)));
    assert!(
        alarms.is_empty(),
        "docs/OPERATIONS.md and docs/DELIVERY.md do not know these alarms, none of the pieces of their texts: {alarms:#?}"
    );
}

#[test]
fn every_path_that_is_asked_for_stands_beside_its_permission() {
    let page = plain(PERMISSIONS);
    let mut paths = Vec::new();
    for body in bodies(read(&sources("src/cloud/exchange.rs")[0])) {
        collect(body, &mut |name, inside| {
            let is_address = ["url", "listing"].contains(&name);
            if is_address {
                paths.push(texts(inside).join("/"));
            }
            is_address
        });
    }
    paths.retain(|path| !path.is_empty());
    assert!(paths.len() > 6, "the scan sees paths: {paths:?}");
    for path in paths {
        assert!(
            page.contains(&format!("/api/v2/{path}")),
            "docs/INSTALL.md does not name /api/v2/{path}"
        );
    }
}

#[test]
fn alarms_are_found_however_they_are_written() {
    let tokens: TokenStream = r##"
        impl A {
            fn one(&self) { self.log.error("room", format_args!("the {} broke down here", 1)); }
            fn two(&self) { self.alarm(Why::Backlog, format!("too slow by {n} of them")); }
            fn three(&self) {
                let level = if new { LogLevel::Error } else { LogLevel::Warn };
                self.log(level, format!("{doing} could not be done at all"));
            }
            fn four(&self) { self.log(LogLevel::Warn, "no alarm, only a warning".into()); }
        }
        #[cfg(test)]
        mod tests { fn five(log: &Log) { log.error("a", format_args!("said by a test only")); } }
        "##
    .parse()
    .unwrap();
    assert_eq!(
        alarms_in(tokens),
        [
            "the {} broke down here",
            "too slow by {n} of them",
            "{doing} could not be done at all"
        ]
    );
    assert_eq!(
        pieces("{doing} could not be done {at} all"),
        ["could not be done"]
    );
}

/// The page in one line, without the marks of code.
fn plain(page: &str) -> String {
    let words: Vec<&str> = page.split_whitespace().collect();
    words.join(" ").replace(['`', '*'], "")
}

/// What stands between the placeholders and stops of a format text: what is long enough to be looked for, or else the
/// longest.
fn pieces(text: &str) -> Vec<String> {
    let outside = text.split('{').flat_map(|part| part.rsplit('}').next());
    let outside = outside.flat_map(|part| part.split([';', '.', ':']));
    let words = outside.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut pieces: Vec<String> = words
        .map(|part| part.trim_matches([' ', ',', '(', ')']).to_owned())
        .collect();
    let longest = pieces.iter().map(String::len).max().unwrap_or(0);
    pieces.retain(|part| part.len() >= longest.min(TELLING));
    pieces
}

/// The texts that the functions of a file may write at the level of errors.
fn alarms_in(tokens: TokenStream) -> Vec<String> {
    let mut alarms = Vec::new();
    for body in bodies(tokens) {
        let knows_errors = body.to_string().contains("LogLevel :: Error");
        // Of `error` and `alarm` always, of the others if the function knows the level.
        collect(body, &mut |name, inside| {
            let writes = match name {
                "error" | "alarm" => true,
                "log" | "write" | "counted" => knows_errors,
                _ => false,
            };
            if writes {
                // The first text of `counted` names what is counted, and is shown to nobody.
                let written = texts(inside)
                    .into_iter()
                    .skip(usize::from(name == "counted"));
                alarms.extend(written.filter(|text| text.contains(' ')));
            }
            writes
        });
    }
    alarms
}

/// The bodies of all functions, but for those of tests.
fn bodies(tokens: TokenStream) -> Vec<TokenStream> {
    let mut found = Vec::new();
    let (mut in_function, mut is_test) = (false, false);
    for token in tokens {
        match token {
            TokenTree::Ident(word) if word == "fn" => in_function = true,
            TokenTree::Punct(mark) if mark.as_char() == ';' => {
                (in_function, is_test) = (false, false)
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let attribute = group.stream().to_string();
                is_test |= attribute == "test" || attribute == "cfg (test)";
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                if is_test {
                } else if in_function {
                    found.push(group.stream());
                } else {
                    found.extend(bodies(group.stream()));
                }
                (in_function, is_test) = (false, false);
            }
            _ => {}
        }
    }
    found
}

/// Looks at all calls and macros in a body: name and arguments. What `look` takes is not looked into.
fn collect(body: TokenStream, look: &mut impl FnMut(&str, TokenStream) -> bool) {
    let mut before = String::new();
    for token in body {
        match token {
            TokenTree::Group(group) => {
                let is_call = group.delimiter() == Delimiter::Parenthesis;
                if !is_call || !look(&before, group.stream()) {
                    collect(group.stream(), look);
                }
                before.clear();
            }
            other => before = other.to_string(),
        }
    }
}

/// All literal texts.
fn texts(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => found.extend(texts(group.stream())),
            TokenTree::Literal(literal) => {
                let written = literal.to_string();
                if let Some(text) = written
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'))
                {
                    // A line that goes on in the next one begins there without its blanks.
                    let parts = text.split("\\\n").map(str::trim_start);
                    let first = text.len() - text.trim_start().len();
                    found.push(format!(
                        "{}{}",
                        " ".repeat(first),
                        parts.collect::<String>()
                    ));
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
    found
}

fn read(file: &Path) -> TokenStream {
    let text = std::fs::read_to_string(file).unwrap();
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The sources under a place, without those that are tests.
fn sources(place: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut places = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(place)];
    while let Some(place) = places.pop() {
        if place.is_file() {
            found.push(place);
            continue;
        }
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if name == "tests" {
                continue;
            } else if path.is_dir() {
                places.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    found
}
