//! The way from the socket to the host's callback, through the library as it is shipped: CPU time per notification,
//! beside bare websocket framing, two typed parses, a value tree, and a typed parse that hands on empty events, of the same
//! frames in the same run, as fast as they are read and at a steady pace; the time from arrival to callback; and memory.
//!
//! Run it by `cargo xtask bench`, which builds the shipped library and names it in `GCA_LIBRARY`. What the figures mean,
//! and what they were, is in `docs/PERFORMANCE.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adapter;
mod case;
mod cpu;
mod floors;
mod frames;
mod journal;
mod lean;
mod memory;
mod model;
mod pump;
mod rounds;

use std::path::{Path, PathBuf};

use case::Case;
use floors::Floor;
use frames::Call;
use rounds::{Figures, Pace, Rounds};

/// Lengths of a notification that are measured.
const SIZES: [usize; 2] = [5_500, 11_000];

/// As fast as they are read.
const SATURATED: Pace = Pace {
    rounds: 9,
    frames: 4_000,
    per_second: 0,
};

/// As a region with 2,000 busy agents might send them.
const PACED: Pace = Pace {
    rounds: 5,
    frames: 1_000,
    per_second: 1_000,
};

/// Of the measurement of memory.
const USERS: u64 = 5_000;
const LIVE_CALLS: u64 = 2_000;

fn main() {
    // Cargo adds a word of its own, which is none of these.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["pump", users] = words[..] {
        return pump::run(users.parse().expect("a number of users"));
    }
    let Some(library) = std::env::var_os("GCA_LIBRARY").map(PathBuf::from) else {
        eprintln!("name the shipped library in GCA_LIBRARY, or run: cargo xtask bench");
        std::process::exit(1);
    };
    if let ["host", port, snapshot_cache_mib] = words[..] {
        let number = |word: &str| word.parse().expect("a number");
        let port = u16::try_from(number(port)).expect("a port");
        return memory::be_host(&library, port, number(snapshot_cache_mib));
    }
    let asked = |part| words.contains(&part);
    let all = !["saturated", "paced", "memory", "journal"]
        .into_iter()
        .any(asked);
    if all || asked("saturated") {
        println!(
            "CPU per notification in microseconds, as fast as they are read: median (least to most) of {} rounds of {}\n",
            SATURATED.rounds, SATURATED.frames
        );
        measure(&library, SATURATED);
    }
    if all || asked("paced") {
        println!(
            "\nCPU per notification in microseconds, at {} a second: median (least to most) of {} rounds of {}\n",
            PACED.per_second, PACED.rounds, PACED.frames
        );
        measure(&library, PACED);
    }
    if all || asked("memory") {
        println!(
            "\nResident memory above the bare host in MiB: {USERS} users; {LIVE_CALLS} calls, each told in both shapes on a user's and a queue's topic\n"
        );
        memory::measure(&library, USERS, LIVE_CALLS, &Call::of_about(SIZES[0]));
    }
    if all || asked("journal") {
        println!(
            "\nWith a journal, in microseconds: changed notifications of 5.5 KB at 1,000 a second, and by turns with them \
             bare writes\n"
        );
        through_the_journal(&library);
    }
}

/// Prints what events take with the journal, beside bare writes to the same disk.
fn through_the_journal(library: &Path) {
    // Beside the program: on the disk that is built on, not in memory.
    let program = std::env::current_exe().expect("a path of this program");
    let directory = tempfile::tempdir_in(program.parent().expect("its directory"));
    let directory = directory.expect("a directory for the journal");
    let call = Call::of_about(SIZES[0]);
    let figures = journal::measure(library, directory.path(), &call);
    println!("| what | number | median | 99 % within | longest |");
    println!("|---|--:|--:|--:|--:|");
    for (words, times) in [
        ("arrival to callback, with the journal", &figures.times),
        ("bare write and fdatasync, at the same pace", &figures.paced),
        (
            "bare write and fdatasync, one after the other",
            &figures.syncs,
        ),
    ] {
        println!(
            "| {words} | {} | {:.0} | {:.0} | {:.0} |",
            times.len(),
            at(times, 0.5),
            at(times, 0.99),
            at(times, 1.0)
        );
    }
    let ratio = |bare| at(&figures.times, 0.99) / at(bare, 0.99);
    println!(
        "\n99 % with the journal ÷ 99 % of bare writes at the same pace: {:.2}; one after the other: {:.2}",
        ratio(&figures.paced),
        ratio(&figures.syncs)
    );
    let (seconds, events) = figures.over;
    println!(
        "Sustained: {:.0} events a second ({events} in {seconds:.1} s)",
        figures.sustained
    );
}

/// Prints a table of CPU, and one of times from arrival to callback if notifications keep a pace.
fn measure(library: &Path, pace: Pace) {
    for size in SIZES {
        let call = Call::of_about(size);
        let (participants, attributes) = call.parts();
        println!(
            "{} bytes: {participants} participants, {attributes} attributes",
            call.length()
        );
    }
    println!();
    let mut rounds = Rounds::new(library);
    println!(
        "| bytes | notification | framing | typed parse | lean parse | value tree | typed and told | adapter | ÷ framing | ÷ typed | ÷ told | events |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut of_time = Vec::new();
    for size in SIZES {
        let call = Call::of_about(size);
        for (case, figures) in rounds.measure(&call, pace) {
            println!("{}", row(call.length(), case, &figures));
            if pace.per_second > 0 && !figures.times.is_empty() {
                of_time.push(time_row(call.length(), case, figures));
            }
        }
    }
    if !of_time.is_empty() {
        println!("\nArrival to callback in microseconds, in the same rounds\n");
        println!(
            "| bytes | notification | events | median | 99 % within | longest | floor's median | 99 % within | longest |"
        );
        println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|");
        for row in of_time {
            println!("{row}");
        }
    }
}

fn row(bytes: usize, case: Case, figures: &Figures) -> String {
    let mut row = format!("| {bytes} | {} |", case.words());
    for cpu in figures.floors.iter().chain([&figures.adapter]) {
        row += &format!(
            " {:.1} ({:.1} to {:.1}) |",
            at(cpu, 0.5) / 1e3,
            at(cpu, 0.0) / 1e3,
            at(cpu, 1.0) / 1e3
        );
    }
    for floor in [Floor::Framing, Floor::Typed, Floor::Told] {
        let floor = at(&figures.floors[floor as usize], 0.5);
        row += &format!(" {:.2} |", at(&figures.adapter, 0.5) / floor);
    }
    row + &format!(" {:.2} |", figures.events_per_frame)
}

fn time_row(bytes: usize, case: Case, figures: Figures) -> String {
    let mut row = format!("| {bytes} | {} | {} |", case.words(), figures.times.len());
    for times in [figures.times, figures.floor_times] {
        let times: Vec<f64> = times.into_iter().map(|time| time as f64).collect();
        for share in [0.5, 0.99, 1.0] {
            row += &format!(" {:.0} |", at(&times, share));
        }
    }
    row
}

/// The figure that this share of the others does not exceed.
fn at(figures: &[f64], share: f64) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let place = (figures.len() as f64 * share) as usize;
    figures[place.min(figures.len() - 1)]
}
