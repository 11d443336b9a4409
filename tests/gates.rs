//! What the library is made of: licences that may be shipped, one crypto provider, no OpenSSL. Read from cargo's own
//! answers, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Licences that ask for no more than their text and the names of the authors.
const LICENCES: [&str; 12] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
];

/// Whether an SPDX expression can be met by licences of the list: all parts of an AND, one of an OR.
fn may_be_shipped(expression: &str) -> bool {
    let expression = expression.trim();
    // Old manifests write a slash for OR.
    let expression = expression.replace('/', " OR ");
    parts(&expression, " OR ").iter().any(|choice| {
        parts(choice, " AND ").iter().all(|part| {
            let part = part.trim();
            match part
                .strip_prefix('(')
                .and_then(|part| part.strip_suffix(')'))
            {
                Some(inner) => may_be_shipped(inner),
                None => LICENCES.contains(&part),
            }
        })
    })
}

/// The parts of an expression outside of parentheses.
fn parts(expression: &str, between: &str) -> Vec<String> {
    let (mut found, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, c) in expression.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= from && expression[at..].starts_with(between) => {
                found.push(expression[from..at].to_owned());
                from = at + between.len();
            }
            _ => {}
        }
    }
    found.push(expression[from..].to_owned());
    found
}

/// The platforms that the library ships for.
const PLATFORMS: [&str; 2] = ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-gnu"];

/// The packages that are compiled into the library on a platform, each with its licence.
fn shipped(platform: &str) -> BTreeMap<String, String> {
    let answer = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            "genesys-cloud-adapter",
        ])
        .args([
            "--target", platform, "--edges", "normal", "--prefix", "none", "--format", "{p}|{l}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&answer.stdout);
    assert!(
        answer.status.success(),
        "{}\nOnce, with a network: cargo fetch --locked --target {platform}",
        String::from_utf8_lossy(&answer.stderr)
    );
    told.lines()
        .filter_map(|line| {
            let (package, licence) = line.split_once('|')?;
            let name = package.split(' ').next()?;
            Some((name.to_owned(), licence.trim_end_matches(" (*)").to_owned()))
        })
        .collect()
}

/// Every package of the workspace, its tests and its tools included, on every platform.
fn locked() -> BTreeSet<String> {
    include_str!("../Cargo.lock")
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_package_has_a_licence_that_may_be_shipped() {
    let mut all = BTreeMap::new();
    for platform in PLATFORMS {
        let there = shipped(platform);
        assert!(there.contains_key("rustls"), "the tree is read: {there:?}");
        all.extend(there);
    }
    assert!(all.contains_key("windows-sys"), "of Windows too: {all:?}");
    let wrong: Vec<_> = all
        .into_iter()
        .filter(|(_, licence)| !may_be_shipped(licence))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn there_is_one_crypto_provider_and_no_other_tls() {
    const OTHERS: [&str; 11] = [
        "rustls-graviola",
        "rustls-rustcrypto",
        "rustls-openssl",
        "rustls-symcrypt",
        "rustls-mbedcrypto-provider",
        "boring",
        "boring-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
        "webpki-roots",
    ];
    for platform in PLATFORMS {
        let shipped = shipped(platform);
        assert!(shipped.contains_key("aws-lc-rs"), "{platform}");
        // The lock file names it for builds of others that choose it; no build of this workspace does.
        assert!(!shipped.contains_key("ring"), "{platform}");
    }
    let locked = locked();
    assert!(locked.contains("rustls"), "the lock file is read");
    // Not even in a test: two providers in one process are one surprise too many.
    let there: Vec<_> = OTHERS
        .iter()
        .filter(|name| locked.contains(**name))
        .collect();
    assert!(there.is_empty(), "{there:?}");
}

/// What is not the library's own verifier is called dangerous; there is one such place, and it hands the question to the
/// operating system's.
#[test]
fn no_source_turns_verification_off() {
    let mut seen = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .contains(".dangerous()")
            {
                seen.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(seen, ["tls.rs"]);
    let tls = include_str!("../src/cloud/tls.rs");
    assert_eq!(tls.matches("ServerCertVerified::assertion").count(), 0);
    assert_eq!(tls.matches("HandshakeSignatureValid::assertion").count(), 0);
}

#[test]
fn expressions_of_licences_are_read() {
    for good in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        "ISC AND (Apache-2.0 OR ISC)",
    ] {
        assert!(may_be_shipped(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-2.0 OR LGPL-3.0) AND MIT",
        "MIT AND (GPL-3.0)",
    ] {
        assert!(!may_be_shipped(bad), "{bad}");
    }
}
