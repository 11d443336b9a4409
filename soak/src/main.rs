//! `gca-soak`: what `cargo xtask soak` runs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gca_soak::{Climate, Plan, Run, Transcript, Verdict};

/// What a run of any length may take: a region remembers a day, and so does the judge.
const MOST_MIB: u64 = 400;

/// What a day brings at least.
const CALLS_A_DAY: u64 = 300;
const TRANSITIONS_A_DAY: u64 = 2_000;

const HELP: &str = "gca-soak [--days N] [--seeds N] [--seed FIRST] [--threads N] [--transcript FILE] [--weather KIND|calm]";

struct Arguments {
    days: f64,
    seeds: u64,
    first: u64,
    threads: usize,
    transcript: Option<PathBuf>,
    weather: Climate,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("{wrong}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let next = AtomicU64::new(arguments.first);
    let end = arguments.first + arguments.seeds;
    let sum = Mutex::new((Verdict::default(), true));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let (verdict, passes) = soak(&arguments, seed);
                    if let Ok(mut sum) = sum.lock() {
                        sum.0 = std::mem::take(&mut sum.0).and(&verdict);
                        sum.1 &= passes;
                    }
                }
            });
        }
    });
    let Ok((verdict, passes)) = sum.into_inner() else {
        return ExitCode::FAILURE;
    };
    let mut line = verdict.members();
    line["days"] = (arguments.days * arguments.seeds as f64).into();
    line["seeds"] = arguments.seeds.into();
    let peak = peak_mib();
    line["peak_mib"] = peak.into();
    let passes = passes
        && within_memory(peak, arguments.threads)
        && has_all_sorts(&arguments, &verdict)
        && has_enough(&arguments, &verdict);
    line["pass"] = passes.into();
    println!("{line}");
    if passes {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One seed. A panic is a defect of that seed, and the others go on.
fn soak(arguments: &Arguments, seed: u64) -> (Verdict, bool) {
    let began = Instant::now();
    let plan = Plan {
        seed,
        length: Duration::from_secs_f64(arguments.days * 86_400.0),
        weather: arguments.weather.clone(),
        spoiling: None,
    };
    let plan = &plan;
    let lived = std::panic::catch_unwind(|| {
        let transcript = match &arguments.transcript {
            Some(path) => Transcript::to_file(path).unwrap_or_else(|error| {
                eprintln!("cannot write {}: {error}", path.display());
                Transcript::default()
            }),
            None => Transcript::default(),
        };
        Run::new(plan.clone(), transcript).live()
    });
    let again = format!(
        "cargo xtask soak --days {} --seeds 1 --seed {seed}",
        arguments.days
    );
    let Ok((outcome, transcript)) = lived else {
        eprintln!("seed {seed}: a panic; repeat it with {again}");
        return (Verdict::default(), false);
    };
    let passes = outcome.verdict.passes();
    let took = began.elapsed().as_secs_f64();
    eprintln!(
        "seed {seed}: {} in {took:.1} s ({:.2} days a second), {} lines of transcript, digest {:016x}",
        if passes { "passed" } else { "FAILED" },
        arguments.days / took,
        transcript.lines(),
        transcript.digest(),
    );
    for finding in &outcome.findings {
        eprintln!("seed {seed}: {finding}");
    }
    if !passes {
        eprintln!("seed {seed}: {}", outcome.verdict.members());
        eprintln!("seed {seed}: repeat it with {again}");
    }
    (outcome.verdict, passes)
}

/// A day is as busy as it is meant to be; a part of one need not be.
fn has_enough(arguments: &Arguments, verdict: &Verdict) -> bool {
    let days = (arguments.days.floor() * arguments.seeds as f64) as u64;
    let has =
        verdict.calls >= CALLS_A_DAY * days && verdict.transitions >= TRANSITIONS_A_DAY * days;
    if !has {
        eprintln!(
            "{} calls and {} transitions are too few for {days} days",
            verdict.calls, verdict.transitions
        );
    }
    has
}

/// Every sort of run comes in any six seeds.
fn has_all_sorts(arguments: &Arguments, verdict: &Verdict) -> bool {
    let has = arguments.seeds < 6 || verdict.runs.values().all(|runs| *runs > 0);
    if !has {
        eprintln!("not every sort of run came: {:?}", verdict.runs);
    }
    has
}

/// The most memory that this program had, as far as the system tells.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

/// Whether two machines, a region and a judge kept to what they need, however long the run.
fn within_memory(peak_mib: Option<u64>, threads: usize) -> bool {
    let most = MOST_MIB * threads as u64;
    let is_within = peak_mib.is_none_or(|peak| peak <= most);
    if !is_within {
        eprintln!("{peak_mib:?} MiB at the most, where {most} are allowed");
    }
    is_within
}

fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        days: 1.0,
        seeds: 2,
        first: 1,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        transcript: None,
        weather: Climate::Stormy,
    };
    let mut words = words.peekable();
    while let Some(name) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        let wrong = || format!("{name} cannot be {value:?}");
        match name.as_str() {
            "--days" => {
                arguments.days = value
                    .parse()
                    .ok()
                    .filter(|days| *days > 0.0)
                    .ok_or_else(wrong)?;
            }
            "--seeds" => arguments.seeds = value.parse().map_err(|_| wrong())?,
            "--seed" => arguments.first = value.parse().map_err(|_| wrong())?,
            "--threads" => arguments.threads = value.parse().map_err(|_| wrong())?,
            "--weather" if value == "calm" => arguments.weather = Climate::Calm,
            "--weather" => arguments.weather = Climate::Only(value),
            "--transcript" => arguments.transcript = Some(value.into()),
            _ => return Err(format!("{name} is not known")),
        }
    }
    if arguments.transcript.is_some() {
        arguments.threads = 1;
    }
    Ok(arguments)
}
