//! Memory: a host in a process of its own, with nothing in it but the library, is looked at before an adapter exists,
//! with a roster, with calls, and when they are over. Notifications are made elsewhere, so that they take none of it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::adapter::{Adapter, Library};
use crate::case::Maker;
use crate::frames::Call;
use crate::pump::Pump;

/// The least `SnapshotCacheMiB`, and what it is by default.
const SNAPSHOT_CACHES_MIB: [u32; 2] = [1, 24];

/// Prints a table.
pub(crate) fn measure(library: &Path, users: u64, calls: u64, call: &Call) {
    println!(
        "| SnapshotCacheMiB | bare host | roster | calls | of it snapshot cache | calls without cache | of it the library's file | calls over | most at any time |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for snapshot_cache_mib in SNAPSHOT_CACHES_MIB {
        let mut pump = Pump::start(users);
        let mut host = HostProcess::start(library, pump.port, snapshot_cache_mib);
        let bare = host.hear();
        host.order("start");
        let roster = host.hear();
        assert_eq!(roster.status["region"]["users"], users);
        let mut maker = Maker::new();
        let mut told = |live: u64, notifications: Vec<String>| {
            let frames = maker.frames(notifications);
            pump.send("adapter", &frames.path, 0);
            host.order(&format!("hear {} {live}", frames.presence_ms));
            let figures = host.hear();
            pump.sent();
            figures
        };
        // Calls end as they began, one after the other, while others go on.
        let every = |told: fn(&Call, u64, u64) -> [String; 4]| -> Vec<String> {
            (0..calls)
                .flat_map(|number| told(call, number, number % users))
                .collect()
        };
        let live = told(calls, every(Call::talking_everywhere));
        let over = told(0, every(Call::over_everywhere));
        let above = |figures: &Figures| mib(figures.resident - bare.resident);
        let cache = live.status["region"]["snapshot_bytes"]
            .as_u64()
            .expect("a number");
        println!(
            "| {snapshot_cache_mib} | {:.1} | {:.1} | {:.1} | {:.1} | **{:.1}** | {:.1} | {:.1} | {:.1} |",
            mib(bare.resident),
            above(&roster),
            above(&live),
            mib(cache),
            above(&live) - mib(cache),
            mib(live.of_files - bare.of_files),
            above(&over),
            mib(over.most - bare.resident),
        );
    }
}

/// What a host process says of itself, in bytes.
struct Figures {
    resident: u64,
    /// Of it what is read from files: code and constants, which processes share and the system can drop.
    of_files: u64,
    most: u64,
    /// The adapter's status; null before there is one.
    status: Value,
}

struct HostProcess {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl HostProcess {
    fn start(library: &Path, port: u16, snapshot_cache_mib: u32) -> Self {
        let this = std::env::current_exe().expect("a path of this program");
        let mut process = Command::new(this)
            .args(["host", &port.to_string(), &snapshot_cache_mib.to_string()])
            .env("GCA_LIBRARY", library)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process for the host");
        let orders = process.stdin.take().expect("its standard input");
        let answers = process.stdout.take().expect("its standard output");
        Self {
            process,
            orders,
            answers: BufReader::new(answers).lines(),
        }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("an order");
        self.orders.flush().expect("an order");
    }

    fn hear(&mut self) -> Figures {
        let answer = self.answers.next().expect("an answer").expect("text");
        let answer: Value = serde_json::from_str(&answer).expect("an answer");
        let bytes = |name: &str| answer[name].as_u64().expect("a number");
        Figures {
            resident: bytes("resident"),
            of_files: bytes("of_files"),
            most: bytes("most"),
            status: answer["status"].clone(),
        }
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The host itself. Its orders: `start`, and `hear <presence> <open conversations>`, which waits for these.
pub(crate) fn be_host(library: &Path, port: u16, snapshot_cache_mib: u32) {
    let library = Library::load(library);
    say(&Value::Null);
    let mut adapter = None;
    for order in std::io::stdin().lines().map_while(Result::ok) {
        let adapter =
            adapter.get_or_insert_with(|| Adapter::start(library, port, snapshot_cache_mib));
        let words: Vec<&str> = order.split(' ').collect();
        if let ["hear", presence_ms, _] = words[..] {
            adapter.wait_for_presence(presence_ms.parse().expect("a time"));
        }
        let live = match words[..] {
            ["hear", _, live] => live.parse().expect("a number"),
            _ => 0_u64,
        };
        say(&adapter.wait_until(|status| status["region"]["open_conversations"] == live));
    }
}

fn say(status: &Value) {
    let process = std::fs::read_to_string("/proc/self/status").expect("Linux, with /proc mounted");
    let bytes = |name: &str| -> u64 {
        let line = process.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse().ok())
            .map_or(0, |kib: u64| kib << 10)
    };
    let answer = json!({
        "resident": bytes("VmRSS:"),
        "of_files": bytes("RssFile:"),
        "most": bytes("VmHWM:"),
        "status": status,
    });
    println!("{answer}");
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
