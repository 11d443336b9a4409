//! The way from the socket to the host's callback, through the library as it is shipped: CPU time per notification,
//! beside bare websocket framing, a typed parse and a value tree of the same frames in the same run; and the time from
//! arrival to callback at 1,000 notifications a second.
//!
//! Run it by `cargo xtask bench`, which builds the shipped library and names it in `GCA_LIBRARY`. What the figures mean,
//! and what they were, is in `docs/PERFORMANCE.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adapter;
mod cpu;
mod floors;
mod frames;
mod pump;

use std::path::{Path, PathBuf};
use std::time::Duration;

use adapter::Adapter;
use floors::{Floor, Reader};
use frames::Snapshot;
use pump::Pump;

/// Lengths of a notification that are measured.
const SIZES: [usize; 2] = [5_500, 11_000];

/// Rounds; in each, every case is measured once on every reader.
const ROUNDS: usize = 7;

/// Notifications of a case in a round.
const FRAMES: usize = 4_000;

/// Conversations that are told about by turns.
const CALLS: u64 = 100;

/// Of the measurement of time.
const PER_SECOND: u32 = 1_000;
const TIMED_FRAMES: usize = 10_000;

/// What the notifications of a case have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Each is the same as the last of its conversation.
    Unchanged,
    /// In each, one participant has changed: puts the call on hold, or takes it back.
    OneChanged,
    /// Each is the first of its conversation.
    New,
}

impl Case {
    fn words(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::OneChanged => "one participant changed",
            Self::New => "new conversation",
        }
    }
}

/// Nanoseconds of CPU per notification, one entry per round.
#[derive(Default)]
struct Figures {
    framing: Vec<f64>,
    typed: Vec<f64>,
    tree: Vec<f64>,
    adapter: Vec<f64>,
    events: usize,
}

fn main() {
    if std::env::args().any(|word| word == "pump") {
        return pump::run();
    }
    let Some(library) = std::env::var_os("GCA_LIBRARY") else {
        eprintln!("name the shipped library in GCA_LIBRARY, or run: cargo xtask bench");
        std::process::exit(1);
    };
    let mut bench = Bench::new(Path::new(&library));
    println!("CPU per notification, median of {ROUNDS} rounds of {FRAMES}, in microseconds\n");
    println!(
        "| bytes | notification | framing | typed parse | value tree | adapter | ÷ framing | ÷ typed parse | events |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|");
    for size in SIZES {
        let snapshot = Snapshot::of_about(size);
        for (case, figures) in bench.cpu(&snapshot) {
            println!("{}", figures.row(snapshot.length(), case));
        }
    }
    let times = bench.times(&Snapshot::of_about(SIZES[0]));
    let at = |share: f64| {
        times
            .get((times.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    println!(
        "\nArrival to callback at {PER_SECOND} notifications a second, {} events: median {} us, 99 % within {} us, longest {} us",
        times.len(),
        at(0.50),
        at(0.99),
        times.last().copied().unwrap_or(0)
    );
}

/// The readers, and what they read.
struct Bench {
    adapter: Adapter,
    reader: Reader,
    pump: Pump,
    files: tempfile::TempDir,
    /// Conversations that were told about so far.
    calls: u64,
    /// The last time that was used for a hold or a presence: each is used once.
    ms: i64,
}

impl Bench {
    fn new(library: &Path) -> Self {
        let pump = Pump::start();
        Self {
            adapter: Adapter::start(library, pump.port),
            reader: Reader::connect(pump.port),
            pump,
            files: tempfile::tempdir().expect("a directory for frames"),
            calls: 0,
            // 2026-11-22T10:00:00Z
            ms: 1_795_341_600_000,
        }
    }

    /// CPU per notification. The readers take turns within a round, so that what else the machine does meets all.
    fn cpu(&mut self, snapshot: &Snapshot) -> [(Case, Figures); 3] {
        let mut of_cases =
            [Case::Unchanged, Case::OneChanged, Case::New].map(|case| (case, Figures::default()));
        for _ in 0..ROUNDS {
            for (case, figures) in &mut of_cases {
                let notifications = self.notifications(snapshot, *case, FRAMES);
                let file = self.file(&notifications);
                figures.framing.push(self.floor(Floor::Framing, &file));
                figures.typed.push(self.floor(Floor::Typed, &file));
                figures.tree.push(self.floor(Floor::Tree, &file));
                let events = self.adapter.events();
                let before = cpu::used();
                self.through_the_adapter(&file, 0);
                figures.adapter.push(per_frame(cpu::used() - before));
                // The last event only shows that all came through.
                figures.events = self.adapter.events() - events - 1;
            }
        }
        of_cases
    }

    /// Times from arrival to callback, in microseconds, in order of length.
    fn times(&mut self, snapshot: &Snapshot) -> Vec<i64> {
        let notifications = self.notifications(snapshot, Case::OneChanged, TIMED_FRAMES);
        let file = self.file(&notifications);
        self.adapter.forget_times();
        self.through_the_adapter(&file, PER_SECOND);
        let mut times = self.adapter.times();
        times.sort_unstable();
        times
    }

    fn floor(&mut self, floor: Floor, file: &Path) -> f64 {
        let before = cpu::used();
        self.pump.send("floor", file, 0);
        self.reader.read(floor, FRAMES + 1);
        let used = cpu::used() - before;
        self.pump.sent();
        per_frame(used)
    }

    /// Sends a file of frames and waits for the event of its last one.
    fn through_the_adapter(&mut self, file: &Path, per_second: u32) {
        let presences = self.adapter.presences();
        self.pump.send("adapter", file, per_second);
        self.adapter.wait_for_presences(presences + 1);
        self.pump.sent();
    }

    /// Notifications of a case. What the adapter must have seen before, it is shown here.
    fn notifications(&mut self, snapshot: &Snapshot, case: Case, count: usize) -> Vec<String> {
        let first = self.calls;
        if case == Case::New {
            self.calls += count as u64;
            return (0..count as u64)
                .map(|n| snapshot.talking(first + n))
                .collect();
        }
        self.calls += CALLS;
        let before: Vec<String> = (0..CALLS).map(|n| snapshot.talking(first + n)).collect();
        let file = self.file(&before);
        self.through_the_adapter(&file, 0);
        (0..count as u64)
            .map(|n| {
                let call = first + n % CALLS;
                if case == Case::OneChanged && (n / CALLS).is_multiple_of(2) {
                    self.ms += 1;
                    snapshot.holding(call, self.ms)
                } else {
                    snapshot.talking(call)
                }
            })
            .collect()
    }

    /// Writes the frames of these notifications, and one of a presence after them, to a file.
    fn file(&mut self, notifications: &[String]) -> PathBuf {
        self.ms += 1;
        let mut bytes = Vec::new();
        for notification in notifications {
            bytes.extend(frames::text(notification));
        }
        bytes.extend(frames::text(frames::presence(self.ms)));
        let path = self.files.path().join("frames");
        std::fs::write(&path, bytes).expect("a file of frames");
        path
    }
}

impl Figures {
    fn row(&self, bytes: usize, case: Case) -> String {
        let [framing, typed, tree, adapter] =
            [&self.framing, &self.typed, &self.tree, &self.adapter].map(|times| median(times));
        format!(
            "| {bytes} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} |",
            case.words(),
            framing / 1e3,
            typed / 1e3,
            tree / 1e3,
            adapter / 1e3,
            adapter / framing,
            adapter / typed,
            self.events as f64 / FRAMES as f64
        )
    }
}

fn per_frame(cpu: Duration) -> f64 {
    cpu.as_nanos() as f64 / FRAMES as f64
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
