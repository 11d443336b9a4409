//! `cargo xtask fuzz`: the fuzz targets for as long as one likes, with a corpus that grows by what they find; and their
//! short run within `cargo xtask test`, which is the same on every machine and every time.
//!
//! cargo calls the compiler with the flags below and no other program is needed: what cargo-fuzz adds to them is a
//! nightly toolchain, and one more thing to install.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::artefact::{House, LINUX, existing, run};
use crate::started::Started;
use crate::suite::Count;
use crate::{Arguments, Failed, machine};

/// A fuzz target, `fuzz/targets/<name>.rs`.
#[derive(Debug, Clone, Copy)]
struct Target {
    name: &'static str,
    /// Words of what it reads, `fuzz/<name>.dict`.
    words: Option<&'static str>,
    /// No longer inputs are tried.
    longest: u32,
    /// How many inputs the short run tries, those of the corpus included.
    runs: u32,
}

const TARGETS: &[Target] = &[
    Target {
        name: "frame",
        words: Some("platform"),
        longest: 8192,
        runs: 100_000,
    },
    Target {
        name: "snapshot",
        words: Some("platform"),
        longest: 16_384,
        runs: 10_000,
    },
    Target {
        name: "calls",
        words: None,
        longest: 300,
        runs: 2_000,
    },
    Target {
        name: "agents",
        words: Some("platform"),
        longest: 2048,
        runs: 50_000,
    },
    Target {
        name: "reads",
        words: Some("platform"),
        longest: 8192,
        runs: 10_000,
    },
    Target {
        name: "answers",
        words: Some("platform"),
        longest: 4096,
        runs: 50_000,
    },
    Target {
        name: "settings",
        words: Some("settings"),
        longest: 2048,
        runs: 50_000,
    },
];

/// What libFuzzer needs to see where an input goes. With AddressSanitizer, which has its runtime in every toolchain.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
     -Ccodegen-units=1 -Zsanitizer=address";

/// No single input may take longer, even on a machine that has other things to do.
const LONGEST_INPUT_S: u32 = 60;

/// A run whose end is in its nature takes no longer, even there.
const AT_LONGEST: Duration = Duration::from_secs(1800);

/// No target may take more memory.
const MOST_MIB: u32 = 1024;

/// The command.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    let (mut minutes, mut short, mut chosen, mut input) = (5_u64, false, TARGETS, None::<PathBuf>);
    while let Some(name) = arguments.next_name()? {
        match name.as_str() {
            "--minutes" => minutes = arguments.value(&name)?,
            "--target" => chosen = of_name(&arguments.value::<String>(&name)?)?,
            "--input" => input = Some(arguments.value(&name)?),
            "--short" => short = true,
            _ => {
                let known = ["--minutes", "--short", "--target", "--input"];
                return Err(arguments.unknown(&name, &known));
            }
        }
    }
    machine::provide(machine::Purpose::Fuzz)?;
    if short {
        return match in_short(&House::find()?)?.failed {
            0 => Ok(()),
            _ => Err(Failed::said()),
        };
    }
    let yard = Yard::build(&House::find()?)?;
    match (input, chosen) {
        (None, _) => {
            let share =
                Duration::from_secs(minutes * 60) / u32::try_from(chosen.len()).unwrap_or(1);
            for target in chosen {
                yard.search(target, share)?;
            }
            Ok(())
        }
        (Some(input), [target]) => {
            let input = std::path::absolute(&input)
                .map_err(|error| Failed::new(format!("{}: {error}", input.display())))?;
            run(yard.program(target).arg(input))
        }
        (Some(_), _) => Err(Failed::new(
            "--input needs the --target that it is for".to_owned(),
        )),
    }
}

fn of_name(name: &str) -> Result<&'static [Target], Failed> {
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>();
    TARGETS
        .chunks(1)
        .find(|target| target[0].name == name)
        .ok_or_else(|| {
            Failed::new(format!(
                "{name} is no fuzz target; there are {}",
                known().join(", ")
            ))
        })
}

/// The short run: each target replays its corpus and then tries a fixed number of inputs from a fixed seed.
pub(crate) fn in_short(house: &House) -> Result<Count, Failed> {
    let mut format = house.cargo();
    format.args(["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]);
    run(&mut format)?;
    let yard = Yard::build(house)?;
    let (waiting, count) = (
        Mutex::new(TARGETS.iter().collect::<VecDeque<_>>()),
        Mutex::new(Count::default()),
    );
    let take = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    std::thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                while let Some(target) = take() {
                    let done = yard.try_out(target);
                    let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                    match done {
                        Ok(said) => {
                            println!("{said}");
                            count.passed += 1;
                        }
                        Err(failed) => {
                            eprintln!("{failed}");
                            count.failed += 1;
                            count.said.push(failed.to_string());
                        }
                    }
                }
            });
        }
    });
    Ok(count.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The targets as built, and where their inputs are.
struct Yard {
    /// `fuzz/` of the project.
    place: PathBuf,
    /// Where the programs are.
    programs: PathBuf,
    /// For what need not be kept.
    scratch: PathBuf,
}

impl Yard {
    fn build(house: &House) -> Result<Self, Failed> {
        let target = house.target.join("fuzz");
        let mut cargo = house.cargo();
        cargo.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
        // With `--target`, build scripts and macros are compiled without the flags.
        cargo.args(["--locked", "--target", LINUX]);
        cargo.arg("--target-dir").arg(&target);
        // Neither part of the compiler is stable; this is the compiler's own switch for such parts.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS);
        run(&mut cargo)?;
        let programs = target.join(LINUX).join("release");
        for target in TARGETS {
            existing(programs.join(target.name))?;
        }
        Ok(Self {
            place: house.root.join("fuzz"),
            programs,
            scratch: target.join("scratch"),
        })
    }

    fn corpus(&self, target: &Target) -> PathBuf {
        self.place.join("corpus").join(target.name)
    }

    /// A target's program, which writes what breaks it into `fuzz/artifacts/`.
    fn program(&self, target: &Target) -> Command {
        let mut program = Command::new(self.programs.join(target.name));
        program.current_dir(&self.place);
        let mut option = |name: &str, value: &dyn std::fmt::Display| {
            program.arg(format!("-{name}={value}"));
        };
        option("max_len", &target.longest);
        option("timeout", &LONGEST_INPUT_S);
        option("rss_limit_mb", &MOST_MIB);
        // To look for leaks, a program must trace itself, which containers forbid.
        option("detect_leaks", &0);
        option("print_final_stats", &1);
        option("artifact_prefix", &format!("artifacts/{}/", target.name));
        if let Some(words) = target.words {
            option("dict", &format!("{words}.dict"));
        }
        program.env("ASAN_OPTIONS", "detect_leaks=0");
        program.env("RUST_BACKTRACE", "1");
        program
    }

    /// An empty directory for inputs that are found.
    fn nest(&self, target: &Target) -> Result<PathBuf, Failed> {
        let nest = self.scratch.join(target.name);
        let _ = fs::remove_dir_all(&nest);
        for place in [
            &nest,
            &self.corpus(target),
            &self.place.join("artifacts").join(target.name),
        ] {
            fs::create_dir_all(place).map_err(|error| {
                Failed::new(format!("cannot make {}: {error}", place.display()))
            })?;
        }
        Ok(nest)
    }

    /// The short run of one target. Says how many inputs it tried.
    fn try_out(&self, target: &Target) -> Result<String, Failed> {
        let began = Instant::now();
        let nest = self.nest(target)?;
        let mut program = self.program(target);
        program.arg("-seed=1").arg(format!("-runs={}", target.runs));
        program.arg(nest).arg(self.corpus(target));
        let log = self.logged(target, 0, program)?.end(AT_LONGEST)?;
        enough(target, &log)?;
        Ok(summary(target, &[log], began.elapsed()))
    }

    /// Searches for as long as `share`, with one process for each core, and adds to the corpus what leads to new places.
    fn search(&self, target: &Target, share: Duration) -> Result<(), Failed> {
        let began = Instant::now();
        let nest = self.nest(target)?;
        let searchers = (0..cores())
            .map(|number| {
                let mut program = self.program(target);
                program.arg(format!("-max_total_time={}", share.as_secs().max(1)));
                program.arg(&nest).arg(self.corpus(target));
                self.logged(target, number, program)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut logs = Vec::new();
        for searcher in searchers {
            logs.push(searcher.end(share * 2 + Duration::from_secs(120))?);
        }
        println!("{}", summary(target, &logs, began.elapsed()));

        let before = files(&self.corpus(target));
        let mut merge = self.program(target);
        // Places are what counts, not how often each is passed: the corpus shall stay small enough to be read.
        merge.args(["-merge=1", "-use_counters=0"]);
        merge.arg(self.corpus(target)).arg(&nest);
        self.logged(target, 0, merge)?.end(AT_LONGEST)?;
        let after = files(&self.corpus(target));
        println!(
            "{}: fuzz/corpus/{} has {after} inputs, {} of them new",
            target.name,
            target.name,
            after.saturating_sub(before)
        );
        Ok(())
    }

    /// Starts a program whose words go into a file.
    fn logged(
        &self,
        target: &Target,
        number: usize,
        mut program: Command,
    ) -> Result<Searcher, Failed> {
        let log = self.scratch.join(format!("{}-{number}.log", target.name));
        let cannot = |error| Failed::new(format!("cannot write {}: {error}", log.display()));
        let file = fs::File::create(&log).map_err(cannot)?;
        program.stdout(Stdio::null()).stderr(file);
        let (started, ()) = Started::new(&mut program, |_| ())?;
        Ok(Searcher {
            target: target.name,
            started,
            log,
        })
    }
}

/// A program at work.
struct Searcher {
    target: &'static str,
    started: Started,
    log: PathBuf,
}

impl Searcher {
    /// What it said, once it has ended well. Else why it did not, and how to see that again.
    fn end(self, limit: Duration) -> Result<String, Failed> {
        let status = self.started.wait(limit)?;
        let said = fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        if status.success() {
            return Ok(said);
        }
        let target = self.target;
        let why = said
            .find(" panicked at ")
            .map_or_else(|| tail(&said), |at| said[at..].lines().take(12).collect());
        let again = said
            .lines()
            .find_map(|line| line.split_once("Test unit written to "))
            .map_or_else(
                || format!("see {}", self.log.display()),
                |(_, input)| {
                    format!("to repeat it: cargo xtask fuzz --target {target} --input fuzz/{input}")
                },
            );
        let why: Vec<&str> = why;
        Err(Failed::new(format!(
            "{target}: {status}\n{}\n{again}",
            why.join("\n")
        )))
    }
}

fn tail(said: &str) -> Vec<&str> {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(20)..].to_vec()
}

/// How many inputs a target took, by what its programs said at their ends.
fn summary(target: &Target, logs: &[String], took: Duration) -> String {
    let tried: u64 = logs.iter().map(|log| tried(log)).sum();
    let rate = tried as f64 / took.as_secs_f64().max(0.001);
    format!(
        "{}: {tried} inputs in {:.0} s, {rate:.0} a second",
        target.name,
        took.as_secs_f64()
    )
}

/// A short run that tried less than it was to proves nothing.
fn enough(target: &Target, log: &str) -> Result<(), Failed> {
    let (tried, due) = (tried(log), u64::from(target.runs));
    if tried < due {
        let name = target.name;
        return Err(Failed::new(format!(
            "{name}: {tried} inputs were tried; {due} are due"
        )));
    }
    Ok(())
}

fn tried(log: &str) -> u64 {
    let number = |line: &str| {
        line.strip_prefix("stat::number_of_executed_units:")?
            .trim()
            .parse()
            .ok()
    };
    log.lines().find_map(number).unwrap_or(0)
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_tried_is_read_from_its_last_words() {
        let log =
            "Done 7 runs in 1 second(s)\nstat::number_of_executed_units: 7\nstat::average: 9\n";
        assert_eq!(tried(log), 7);
        assert_eq!(tried("stat::"), 0);
        assert!(enough(&TARGETS[0], log).is_err());
        let runs = TARGETS[0].runs;
        let log = format!("stat::number_of_executed_units: {runs}\n");
        assert!(enough(&TARGETS[0], &log).is_ok());
    }

    #[test]
    fn a_program_that_breaks_is_told_with_the_way_to_repeat_it() {
        let place = std::env::temp_dir().join(format!("xtask-fuzz-{}", std::process::id()));
        fs::create_dir_all(&place).expect("a directory");
        let yard = Yard {
            place: place.clone(),
            programs: place.clone(),
            scratch: place.clone(),
        };
        let mut program = Command::new("sh");
        program.args([
            "-c",
            "echo 'artifact_prefix=x; Test unit written to artifacts/frame/crash-1' >&2; exit 77",
        ]);
        let failed = yard
            .logged(&TARGETS[0], 0, program)
            .and_then(|searcher| searcher.end(Duration::from_secs(60)))
            .expect_err("it broke");
        let shown = failed.to_string();
        let again = "cargo xtask fuzz --target frame --input fuzz/artifacts/frame/crash-1";
        assert!(shown.contains(again), "{shown}");
        let _ = fs::remove_dir_all(place);
    }

    #[test]
    fn each_target_is_known_by_its_name() {
        for target in TARGETS {
            assert_eq!(of_name(target.name).expect("known")[0].name, target.name);
        }
        assert!(of_name("nothing").is_err());
    }
}
