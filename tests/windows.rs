//! The library for Windows, as its hosts get it, under wine: what the file is made of, hosts that treat it badly, its files,
//! and the way to a region through TLS and proxies. `cargo xtask windows` builds it and says where it is (`GCA_WINDOWS`);
//! docs/WINDOWS.md says what runs here and what does not.
//!
//! The region and the proxies are Linux's: they are the other side of a socket. The demonstration and the crashes of the host are
//! `cargo xtask`'s own, with the judge of Linux.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

#[path = "proxies/company.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod company;
#[path = "cpp/lanes.rs"]
mod lanes;
#[path = "cpp/panics.rs"]
mod panics;
mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use company::{PASSWORD, Squid, USER, microsocks, squid, tinyproxy};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use serde_json::json;
use workshop::{Ended, Lane, Region, Workshop, finish, kit};

const LANE: Lane = Lane::Wine;
const CYCLES: lanes::Cycles = lanes::Cycles {
    without_region: 200,
    with_region: 10,
    warm_up: 20,
    seconds_of_calls: "12",
};

const LIBRARY: &str = "genesys_cloud_adapter.dll";

/// Stripped, in bytes.
const LARGEST: u64 = 9_000_000;

const LIMIT: Duration = Duration::from_secs(120);

fn provoked_library() -> PathBuf {
    kit("provoke").join(LIBRARY)
}

// ---- the file

fn told(program: &str, arguments: &[&str], file: &Path) -> String {
    let done = Command::new(format!("x86_64-w64-mingw32-{program}"))
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    assert!(done.status.success(), "{program}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// The libraries that a DLL is bound to, in small letters.
fn imports(listing: &str) -> BTreeSet<String> {
    listing
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DLL Name: "))
        .map(str::to_lowercase)
        .collect()
}

/// The functions that a DLL offers.
fn exports(listing: &str) -> Vec<&str> {
    listing
        .lines()
        .skip_while(|line| !line.starts_with("[Ordinal/Name Pointer] Table"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().last())
        .collect()
}

/// The functions that the header declares.
fn declared() -> Vec<&'static str> {
    let mut names: Vec<_> = include_str!("../include/genesys_cloud_adapter.h")
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '*', '}']) && line.contains('('))
        .filter_map(|line| line.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("gca_"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn it_asks_for_nothing_but_parts_of_windows() {
    let allowed: BTreeSet<String> = include_str!("windows/imports.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let listing = told("objdump", &["-p"], &kit(LIBRARY));
    let asked = imports(&listing);
    assert!(
        asked.contains("kernel32.dll"),
        "the list is read: {asked:?}"
    );
    let others: Vec<_> = asked.difference(&allowed).collect();
    assert!(others.is_empty(), "{others:?}");
    // The linker puts them in the order of paths: those that mingw's own libraries name (Windows' libraries in capitals) stand
    // before those that the compiler names, wherever the library was made.
    let first = listing
        .lines()
        .find_map(|line| line.trim().strip_prefix("DLL Name: "));
    assert_eq!(first, Some("KERNEL32.dll"));
    // A file that does ask for a library of its compiler is noticed.
    let shop = Workshop::new(LANE);
    let other = shop.path("other.dll");
    let source = shop.path("other.cpp");
    fs::write(
        &source,
        "#include <thread>\nvoid f() { std::thread([] {}).join(); }\n",
    )
    .unwrap();
    let made = Command::new("x86_64-w64-mingw32-g++-posix")
        .args(["-shared", "-o"])
        .args([&other, &source])
        .status()
        .unwrap();
    assert!(made.success());
    let asked = imports(&told("objdump", &["-p"], &other));
    let others: Vec<_> = asked.difference(&allowed).collect();
    assert!(!others.is_empty(), "{asked:?}");
}

#[test]
fn it_offers_the_functions_of_the_header_and_nothing_else() {
    let declared = declared();
    assert!(declared.contains(&"gca_get_api"), "the header is read");
    let listing = told("objdump", &["-p"], &kit(LIBRARY));
    assert_eq!(exports(&listing), declared);
    let definition = fs::read_to_string(kit("genesys_cloud_adapter.def")).unwrap();
    let defined: Vec<_> = definition.lines().skip(2).map(str::trim).collect();
    assert_eq!(defined, declared);
    assert!(definition.starts_with("LIBRARY genesys_cloud_adapter.dll\r\nEXPORTS\r\n"));
}

#[test]
fn it_is_small_and_its_lines_are_beside_it() {
    let size = fs::metadata(kit(LIBRARY)).unwrap().len();
    assert!(size <= LARGEST, "{size} bytes");
    let sections = |file: PathBuf| told("objdump", &["-h"], &file);
    assert!(!sections(kit(LIBRARY)).contains(".debug_line"));
    let debug = kit("genesys_cloud_adapter.dll.debug");
    assert!(sections(debug).contains(".debug_line"));
    assert!(sections(kit(LIBRARY)).contains(".gnu_debuglink"));
}

/// It is nobody's business where it was built, and the bytes would depend on it.
#[test]
fn no_path_of_the_machine_that_made_it_stands_in_it() {
    let holds = |bytes: &[u8], path: &str| {
        bytes
            .windows(path.len())
            .any(|part| part == path.as_bytes())
    };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let home = std::env::var_os("HOME").unwrap();
    let cargo = std::env::var_os("CARGO_HOME")
        .map_or_else(|| Path::new(&home).join(".cargo"), PathBuf::from);
    let debug = "genesys_cloud_adapter.dll.debug";
    let places = [
        env!("CARGO_MANIFEST_DIR"),
        target.to_str().unwrap(),
        cargo.to_str().unwrap(),
        // Where Debian's compiler is.
        "/usr/lib/rustlib/",
        // What stands for the place of the build: C is compiled where its sources lie, and not by the linker's script.
        "/target/windows/",
    ];
    for name in [
        LIBRARY,
        debug,
        "genesys_cloud_adapter.lib",
        "genesys_cloud_adapter.def",
        "recorder-host.exe",
    ] {
        let bytes = fs::read(kit(name)).unwrap();
        for place in places {
            assert!(!holds(&bytes, place), "{name}: {place}");
        }
        // What stands for them is there, so it was looked for in the right files.
        if [LIBRARY, debug].contains(&name) {
            assert!(holds(&bytes, "/packages/"), "{name}");
        }
    }
}

/// The same sources make the same bytes: no time stands in it.
#[test]
fn no_time_stands_in_it() {
    // A list of exports has a stamp of its own.
    let (made, exports) = ("Thu Jan 1 00:00:00 1970", "stamp 0");
    for (file, expected) in [
        (LIBRARY, &[made, exports][..]),
        ("recorder-host.exe", &[made]),
    ] {
        let listing = told("objdump", &["-p"], &kit(file));
        let stamps: Vec<_> = listing
            .lines()
            .filter(|line| line.starts_with("Time/Date"))
            .map(|line| {
                line.split_whitespace()
                    .skip(1)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        assert_eq!(stamps, expected, "{file}");
    }
}

#[test]
fn windows_shows_who_it_is() {
    let shop = Workshop::new(LANE);
    let program = shop.program("../windows/version_info.c", &[]);
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "{version}.0 type 2\nCompanyName: The genesys-cloud-adapter developers\n\
         FileDescription: Telephony of a Genesys Cloud CX region for call recorders\n\
         FileVersion: {version}\nInternalName: genesys_cloud_adapter\n\
         LegalCopyright: Copyright 2026 The genesys-cloud-adapter developers; MIT OR Apache-2.0\n\
         OriginalFilename: {LIBRARY}\nProductName: genesys-cloud-adapter\nProductVersion: {version}\n"
    );
    assert_eq!(shop.run(&program, &[&shop.library()]), expected);
}

/// The import library has the form of Microsoft's linker, which mingw's reads as well.
#[test]
fn a_host_can_be_linked_with_it() {
    let shop = Workshop::new(LANE);
    let library = kit("genesys_cloud_adapter.lib");
    let program = shop.linked_program("../windows/linked.c", &[], Some(&library));
    fs::copy(kit(LIBRARY), shop.path(LIBRARY)).unwrap();
    let said = shop.run(&program, &[]);
    assert_eq!(said.trim_end(), env!("CARGO_PKG_VERSION"));
    // Bound by its name, not by a path or a number.
    let listing = told("objdump", &["-p"], &program);
    assert!(imports(&listing).contains(LIBRARY), "{listing}");
}

#[test]
fn the_shipped_library_cannot_be_provoked() {
    let holds = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        let mark = b"Provoke a panic";
        bytes.windows(mark.len()).any(|window| window == mark)
    };
    assert!(holds(&provoked_library()));
    assert!(!holds(&kit(LIBRARY)));
}

// ---- its files

/// The example host, for so many seconds.
fn host(shop: &Workshop, settings: &str, more: &[&str]) -> Ended {
    let mut command = Command::new(kit("wine"));
    command.arg(kit("recorder-host.exe"));
    command.args(["--plugin", &shop.library(), "--settings", settings]);
    command.args(more);
    finish(&mut command, LIMIT)
}

/// What is made is for the account that made it, whatever its directory says; names may have any letters.
#[test]
fn files_are_their_owners_only_and_paths_are_utf_8() {
    let shop = Workshop::new(LANE);
    let region = Region::start();
    let place = shop.path("Gespräche – 録音");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).unwrap();
    let library = place.join(LIBRARY);
    fs::copy(kit(LIBRARY), &library).unwrap();
    let shop = shop.loading(library);
    let secret = place.join("Schlüssel.txt");
    fs::write(&secret, &region.client_secret).unwrap();
    let (gaps, journal, lines) = (
        place.join("Lücken.jsonl"),
        place.join("Tagebuch ☎"),
        place.join("Zeilen.jsonl"),
    );
    let advanced = json!({
        "GapLedgerFile": shop.argument(&gaps),
        "JournalDirectory": shop.argument(&journal),
    });
    let secret = format!("file:{}", shop.argument(&secret).replace('\\', "\\\\"));
    let settings = shop.settings_for(
        "Zentrale Ü",
        &region.base_url,
        &region.client_id,
        &secret,
        &format!(r#","AdvancedSettings":{advanced}"#),
    );
    // From its start: the feed has to come up in it under wine, and a call to be established.
    let more = ["--seconds", "10", "--jsonl", &shop.argument(&lines)];
    let ended = host(&shop, &settings, &more);
    assert!(ended.status.success(), "{}", ended.stderr);
    let told = fs::read_to_string(&lines).unwrap();
    assert!(told.contains(r#""kind":"established""#), "{told}");

    let mut made: Vec<PathBuf> = fs::read_dir(&journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    made.sort();
    let endings: Vec<_> = made.iter().map(|path| path.extension().unwrap()).collect();
    assert_eq!(endings, ["journal", "lock"]);
    made.extend([journal, gaps]);
    // wine keeps an access list as a mode: what everyone may do stands in the last three bits. (That the account's own entry
    // reaches the group as well is wine's translation: it has no other account.)
    let everyones = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o007;
    for path in &made {
        assert_eq!(everyones(path), 0, "{}", path.display());
    }
    // A file that the host made without asking for anything is everyone's.
    assert_ne!(everyones(&lines), 0);
}

/// What somebody has opened to others stays open if it is the ledger, and is taken back if it is the journal.
#[test]
fn the_journal_is_taken_back_and_the_ledger_is_left() {
    let shop = Workshop::new(LANE);
    let (gaps, journal) = (shop.path("gaps.jsonl"), shop.path("journal"));
    let advanced = json!({
        "GapLedgerFile": shop.argument(&gaps),
        "JournalDirectory": shop.argument(&journal),
    });
    let region = Region::start();
    let settings = shop.settings_for(
        "one",
        &region.base_url,
        &region.client_id,
        &region.client_secret,
        &format!(r#","AdvancedSettings":{advanced}"#),
    );
    let run = || {
        let ended = host(&shop, &settings, &["--seconds", "2"]);
        assert!(ended.status.success(), "{}", ended.stderr);
    };
    run();
    let mut files: Vec<PathBuf> = fs::read_dir(&journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(gaps.clone());
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    }
    run();
    for file in &files {
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(
            mode & 0o007 == 0,
            *file != gaps,
            "{}: {mode:o}",
            file.display()
        );
    }
}

#[test]
fn the_time_zone_is_that_of_windows() {
    let shop = Workshop::new(LANE);
    let program = shop.program("../windows/time_zone.c", &[]);
    let settings = shop.settings("one", "");
    for (zone, name, said) in [
        (
            "Europe/Berlin",
            "Central Europe Standard Time",
            "Europe/Budapest",
        ),
        ("Asia/Tokyo", "Tokyo Standard Time", "Asia/Tokyo"),
    ] {
        let mut command = Command::new(kit("wine"));
        command
            .env("TZ", zone)
            .arg(&program)
            .args([&shop.library(), &settings]);
        let ended = finish(&mut command, LIMIT);
        assert!(ended.status.success(), "{}", ended.stderr);
        let lines: Vec<_> = ended.stdout.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                name,
                &format!("RestartTime is taken by the clock of {said}")
            ]
        );
    }
}

// ---- the way to a region

/// A region with TLS that only the proxies reach, unless it is open to all.
fn region(is_open: bool) -> Running {
    let world = WorldConfig {
        users: 30,
        queues: 2,
        ..WorldConfig::default()
    };
    serve(FrontConfig {
        tls: true,
        only_from: (!is_open).then(|| company::OUTSIDE.parse().unwrap()),
        ..FrontConfig::new(RegionConfig::new(world))
    })
    .unwrap()
}

/// What the connection test of the example host says, and its end.
fn checked(shop: &Workshop, region: &Running, name: &str, more: &serde_json::Value) -> Ended {
    let mut more = more.to_string();
    more.replace_range(..1, ",");
    more.truncate(more.len() - 1);
    let settings = shop.settings_for(
        name,
        &region.base_url,
        &region.client_id,
        &region.client_secret,
        &more,
    );
    let ended = host(shop, &settings, &["--check", "--seconds", "60"]);
    assert!(!ended.stdout.contains("CANARY") && !ended.stderr.contains("CANARY"));
    ended
}

/// How each row of a report went, in its order: the result and the name of the check.
fn rows(report: &str) -> Vec<(&str, &str)> {
    report
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let result = words.next()?;
            ["ok", "warning", "failed", "skipped"]
                .contains(&result)
                .then(|| (result, words.next().unwrap_or_default()))
        })
        .collect()
}

/// An authority that Windows trusts for as long as this value lives.
struct Trusted<'a> {
    shop: &'a Workshop,
    program: PathBuf,
    file: String,
}

impl<'a> Trusted<'a> {
    fn new(shop: &'a Workshop, region: &Running) -> Self {
        let file = shop.path("root.pem");
        fs::write(&file, region.tls_ca.as_ref().unwrap()).unwrap();
        let trusted = Self {
            shop,
            program: shop.program("../windows/roots.c", &[]),
            file: shop.argument(&file),
        };
        shop.run(&trusted.program, &["add", &trusted.file]);
        trusted
    }
}

impl Drop for Trusted<'_> {
    fn drop(&mut self) {
        let _ = self.shop.attempt(&self.program, &["remove", &self.file]);
    }
}

#[test]
fn a_certificate_is_good_if_windows_trusts_its_authority_and_only_then() {
    let shop = Workshop::new(LANE);
    let region = region(true);
    let trusting = |trust: &str| {
        let more = json!({ "AdvancedSettings": { "Trust": trust } });
        checked(&shop, &region, trust, &more)
    };
    for trust in ["platform", "system-roots"] {
        let refused = trusting(trust);
        assert!(!refused.status.success(), "{trust}: {}", refused.stdout);
        assert!(refused.stdout.contains("trusted"), "{}", refused.stdout);
    }
    // With `platform` wine refuses this one as well: it insists on a revocation list.
    let trusted = Trusted::new(&shop, &region);
    let good = trusting("system-roots");
    assert!(good.status.success(), "{}", good.stdout);
    assert!(
        rows(&good.stdout).contains(&("ok", "tls")),
        "{}",
        good.stdout
    );
    drop(trusted);
    assert!(!trusting("system-roots").status.success());
}

#[test]
fn every_request_goes_through_the_proxies_and_only_through_them() {
    let shop = Workshop::new(LANE);
    let region = region(false);
    let _trusted = Trusted::new(&shop, &region);
    for wants_user in [false, true] {
        let squid = squid(&Squid {
            wants_user,
            ..Squid::default()
        });
        let tiny = tinyproxy(wants_user, 600, region.address.port());
        let socks = microsocks(wants_user);
        for (protocol, proxy) in [("http", squid), ("http", tiny), ("socks5", socks)] {
            let with = |password: &str| {
                json!({
                    "UseClientProxy": true, "ProxyProtocol": protocol, "ProxyHostname": "127.0.0.1",
                    "ProxyPort": proxy.port, "ProxyUsername": if wants_user { USER } else { "" },
                    "ProxyPassword": if wants_user { password } else { "" },
                    "AdvancedSettings": { "Trust": "system-roots" },
                })
            };
            let ended = checked(&shop, &region, "proxied", &with(PASSWORD));
            assert!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
            let rows = rows(&ended.stdout);
            for check in ["proxy", "tls", "token", "websocket"] {
                assert!(rows.contains(&("ok", check)), "{check}: {}", ended.stdout);
            }
            if wants_user {
                let refused = checked(&shop, &region, "refused", &with("CANARY-wrong"));
                assert!(!refused.status.success(), "{}", refused.stdout);
            }
        }
    }
    assert_eq!(region.strangers(), 0, "a connection past the proxy");
}

#[test]
fn a_library_that_is_not_there_is_told_with_the_systems_number() {
    let shop = Workshop::new(LANE);
    let settings = shop.settings("one", "");
    let nowhere = shop.loading(PathBuf::from("/nowhere/plugin.dll"));
    let ended = host(&nowhere, &settings, &["--seconds", "1"]);
    assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("plugin.dll: Windows error"),
        "{}",
        ended.stderr
    );
}
