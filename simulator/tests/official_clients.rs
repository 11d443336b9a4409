//! The official Python and JavaScript clients against a running region, and the TypeScript compiler against what it sent.
//! The compiler finds wrong members and types; enums are plain strings in the client's types, so wrong words of an enum are
//! found by the Python client and by the member lists (`fidelity.rs`).
//!
//! The clients lie in `target/clients`, where `simulator/tests/clients/install.sh target/clients` puts them in pinned
//! versions; without them these tests fail and say so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use serde_json::Value;

const NOTIFICATIONS: &str = "200";
const TIME_LIMIT: Duration = Duration::from_secs(180);

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where the clients were installed, if a file is there: `GCA_CLIENTS`, else `target/clients`.
fn installed(file: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let clients = std::env::var_os("GCA_CLIENTS").map_or_else(
        || target.expect("the target directory").join("clients"),
        PathBuf::from,
    );
    assert!(
        clients.join(file).exists(),
        "the official clients are not installed; run: {} {}",
        scripts().join("install.sh").display(),
        clients.display()
    );
    clients
}

fn region(seed: u64) -> Running {
    let world = WorldConfig {
        users: 120,
        queues: 8,
        calls_per_minute: 240.0,
        seed,
        ..WorldConfig::default()
    };
    serve(FrontConfig::new(RegionConfig::new(world))).expect("a region")
}

/// Runs a command and returns what it printed; fails with its output if it fails or takes too long.
fn run(command: &mut Command) -> String {
    // The clients look for settings in the home directory; they shall find none.
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nobody");
    std::fs::create_dir_all(&home).expect("a directory");
    let mut child = command
        .env("HOME", &home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let out = child.stdout.take().expect("piped");
    let err = child.stderr.take().expect("piped");
    let read = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            _ = pipe.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a status") {
            break Some(status);
        }
        if began.elapsed() > TIME_LIMIT {
            _ = child.kill();
            _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let (out, err) = (out.join().expect("output"), err.join().expect("errors"));
    assert!(
        status.is_some_and(|status| status.success()),
        "{command:?} ended with {status:?} (None: after {TIME_LIMIT:?})\n{out}\n{err}"
    );
    out
}

fn last_line(output: &str) -> Value {
    serde_json::from_str(output.lines().last().unwrap_or_default())
        .expect("a line of JSON at the end")
}

#[test]
fn the_python_client_reads_what_the_region_sent() {
    let clients = installed("venv.installed");
    let region = region(7);
    let output = run(Command::new(clients.join("venv/bin/python"))
        .arg(scripts().join("official_client.py"))
        .args([&region.base_url, &region.client_id, &region.client_secret])
        .arg(NOTIFICATIONS));
    let told = last_line(&output);
    assert_eq!(told["notifications"], 200);
    assert_eq!((&told["users"], &told["queues"]), (&120.into(), &8.into()));
    let compared = |class: &str| told["compared"][class].as_u64().unwrap_or_default();
    for class in [
        "ConversationCallEventTopicCallConversation",
        "ConversationEventTopicConversation",
        "QueueConversationCallEventTopicCallConversation",
        "QueueConversationEventTopicConversation",
        "UserEntityListing",
        "QueueEntityListing",
        "StationEntityListing",
        "Station",
        "AnalyticsConversationQueryResponse",
        "AnalyticsConversationWithoutAttributes",
        "AnalyticsConversationWithoutAttributesMultiGetResponse",
        "Channel",
        "ChannelTopicEntityListing",
        "TokenInfo",
        "CallConversation",
        "Conversation",
    ] {
        assert!(compared(class) > 0, "no {class} was compared: {told}");
    }
    // The region saw nothing refused but the channel that the script asks for although it never was.
    let requests = region.with_region(|region, now| {
        region
            .handle_request(
                &gca_region::region::Request::new("GET", "/_sim/requests"),
                now,
            )
            .value()
    });
    let refused: Vec<&Value> = requests["requests"]
        .as_array()
        .expect("requests")
        .iter()
        .filter(|one| one["status"].as_u64().is_none_or(|status| status >= 400))
        .collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
}

#[test]
fn the_javascript_client_receives_it_live_and_its_types_hold() {
    let clients = installed("node.installed");
    let region = region(11);
    let captured = clients.join("captured");
    let output = run(Command::new("node")
        .env("NODE_PATH", clients.join("node_modules"))
        .arg(scripts().join("official_client.js"))
        .args([&region.base_url, &region.client_id, &region.client_secret])
        .arg(NOTIFICATIONS)
        .arg(&captured));
    assert_eq!(last_line(&output)["notifications"], 200);
    let compiler = clients.join("node_modules/typescript/bin/tsc");
    run(Command::new("node")
        .arg(&compiler)
        .arg("--project")
        .arg(&captured));

    // The compiler really looks: a member that the type does not have, deep inside, is found.
    let broken = clients.join("captured-broken");
    std::fs::create_dir_all(&broken).expect("a directory");
    let good = std::fs::read_to_string(captured.join("captured.ts")).expect("what was captured");
    let bad = good.replacen("\"purpose\":", "\"purposse\":", 1);
    assert_ne!(good, bad);
    std::fs::write(broken.join("captured.ts"), bad).expect("a file");
    std::fs::copy(captured.join("tsconfig.json"), broken.join("tsconfig.json")).expect("a copy");
    let refused = Command::new("node")
        .arg(&compiler)
        .arg("--project")
        .arg(&broken)
        .stdin(Stdio::null())
        .output()
        .expect("the compiler runs");
    let text = String::from_utf8_lossy(&refused.stdout);
    assert!(
        !refused.status.success() && text.contains("purposse"),
        "{text}"
    );
}
