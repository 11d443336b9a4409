//! docs/INSTALL.md: that its list of hosts is where the adapter goes, that its loaders are whole and work, and that links
//! between the pages lead somewhere.

#![allow(clippy::unwrap_used, clippy::panic)]

mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use genesys_cloud_adapter::cloud::{Limits, Wire, WireConfig};
use genesys_cloud_adapter::settings;
use serde_json::Value;
use workshop::{Lane, Region, Workshop, compiler, finish};

const PAGE: &str = "docs/INSTALL.md";
const HOSTS: &str = "<!-- hosts: ";
const END_OF_HOSTS: &str = "<!-- end of hosts -->";

#[test]
fn the_list_of_hosts_is_where_the_adapter_goes() {
    let page = read(PAGE);
    let (before, rest) = page.split_once(HOSTS).unwrap();
    let (how, rest) = rest.split_once('\n').unwrap();
    let (_, after) = rest.split_once(END_OF_HOSTS).unwrap();
    let made = format!("{before}{HOSTS}{how}\n{}{END_OF_HOSTS}{after}", hosts());
    if std::env::var_os("GCA_BLESS").is_some() {
        std::fs::write(root().join(PAGE), &made).unwrap();
    }
    assert!(
        read(PAGE) == made,
        "{PAGE} does not list the hosts that the adapter goes to. Review the change of the regions, then run:\n\
         GCA_BLESS=1 cargo test --test install_page"
    );
}

/// The hosts of each region that the settings know, as the settings and the network make them of it.
fn hosts() -> String {
    let reference = read("docs/SETTINGS.md");
    let (_, regions) = reference.split_once("## Regions\n").unwrap();
    let names: Vec<&str> = regions
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .filter(|name| *name != "AWS region")
        .collect();
    assert!(names.len() > 15, "{names:?}");
    let mut table =
        String::from("\n| region | requests | tokens | websockets |\n|---|---|---|---|\n");
    for name in names {
        let document = format!(
            r#"{{"AdapterName":"a","DataSource":"d","ClientId":"c","ClientSecret":"s","RegionHost":"{name}"}}"#
        );
        let accepted = settings::read(&document).unwrap();
        assert!(accepted.warnings.is_empty(), "{name}");
        let settings = accepted.settings;
        let (api, login) = (settings.region.api.clone(), settings.region.login.clone());
        let wire = Wire::new(WireConfig {
            region: settings.region,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
            trust: settings.trust,
            proxy: settings.proxy,
            user_agent: "test".to_owned(),
            limits: Limits::default(),
        })
        .unwrap();
        let sockets = wire.expected_socket_host().unwrap();
        for url in [&api, &login, &sockets] {
            assert_eq!(url.port_or_known_default(), Some(443), "{url}");
        }
        let host = |url: &url::Url| url.host_str().unwrap().to_owned();
        writeln!(
            table,
            "| {name} | `{}` | `{}` | `{}` |",
            host(&api),
            host(&login),
            host(&sockets)
        )
        .unwrap();
    }
    table + "\n"
}

#[test]
fn the_loaders_follow_a_region() {
    let shop = Workshop::new(Lane::Plain);
    let region = Region::start();
    let settings = shop.settings_for(
        "loader",
        &region.base_url,
        &region.client_id,
        &region.client_secret,
        "",
    );
    let page = read(PAGE);
    let main = "\nint main(int, char** words) {\n    std::ostringstream text;\n    \
                text << std::ifstream(words[2]).rdbuf();\n    follow(words[1], text.str());\n}\n";
    let cpp = format!(
        "#include <fstream>\n#include <sstream>\n{}{main}",
        block(&page, "cpp")
    );
    for (name, source) in [
        ("loader.c", block(&page, "c").to_owned()),
        ("loader.cpp", cpp),
    ] {
        let (file, program) = (shop.path(name), shop.path(&format!("{name}.out")));
        std::fs::write(&file, source).unwrap();
        let built = compiler(name)
            .arg("-o")
            .arg(&program)
            .arg(&file)
            .args(["-pthread", "-ldl"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{name}: {said}");

        // Nobody is at the keyboard: it starts, and stops at once; what the start told is handed over.
        let mut command = std::process::Command::new(&program);
        command.args([shop.library(), settings.clone()]);
        let ended = finish(&mut command, Duration::from_secs(60));
        assert_eq!(ended.status.code(), Some(0), "{name}: {}", ended.stderr);
        let first = ended.stdout.lines().next().unwrap_or_default().to_owned();
        if name == "loader.c" {
            let event: Value = serde_json::from_str(&first).unwrap();
            assert_eq!(event["kind"], "feed_state", "{first}");
            assert!(
                ended.stderr.contains("fallback recording on"),
                "{}",
                ended.stderr
            );
        } else {
            assert!(ended.stdout.contains("feed_state"), "{}", ended.stdout);
        }

        std::fs::write(shop.path("wrong.json"), "{}").unwrap();
        let mut command = std::process::Command::new(&program);
        command.args([shop.library(), workshop::shown(&shop.path("wrong.json"))]);
        let ended = finish(&mut command, Duration::from_secs(60));
        assert_ne!(ended.status.code(), Some(0), "{name} with no settings");
        assert!(
            ended.stderr.contains("RegionHost"),
            "{name}: {}",
            ended.stderr
        );
    }
}

/// The first block of the page in that language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```\n").unwrap().0
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut pages: Vec<PathBuf> = ["", "docs", "fuzz", "tests/cpp"]
        .iter()
        .flat_map(|place| std::fs::read_dir(root().join(place)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    assert!(pages.len() > 15, "{pages:?}");
    let (mut followed, mut broken) = (0, Vec::new());
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.contains("://") {
                continue;
            }
            followed += 1;
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            let is_there = target.exists()
                && (place.is_empty()
                    || anchors(&std::fs::read_to_string(&target).unwrap())
                        .any(|anchor| anchor == place));
            if !is_there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(followed > 100, "only {followed} links");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The places of a page, as hosting sites name them: by their headings.
fn anchors(page: &str) -> impl Iterator<Item = String> {
    page.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim())
        .map(|heading| {
            heading
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                })
                .collect()
        })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page))
        .unwrap()
        .replace("\r\n", "\n")
}
