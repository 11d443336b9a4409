//! `cargo xtask test`: every test, in the order in which a mistake shows soonest. All steps run, whatever fails. At the
//! end stand what failed and why, the steps with their times, and on the last line the sum: who has only the end of the
//! output still knows what to look at.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::artefact::{Flavour, House, LINUX, WINDOWS, run, show};
use crate::crash::Crash;
use crate::demo::Demo;
use crate::dist::consumer::{Consumer, Way};
use crate::windows::Windows;
use crate::{Arguments, Failed, chaos, dist, fuzz, machine, soak};

/// The command.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    if let Some(name) = arguments.next_name()? {
        return Err(arguments.unknown(&name, &[]));
    }
    machine::provide(machine::Purpose::Test)?;
    let house = House::find()?;
    let mut suite = Suite::default();

    suite.step("format", || formatted(&house));
    suite.step("lints", || {
        let mut cargo = house.cargo();
        cargo.args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]);
        run(&mut cargo)?;
        // It is none of all targets, as nothing but its own step runs it.
        run(house
            .cargo()
            .args(["clippy", "--test", "windows", "--", "-D", "warnings"]))?;
        // What only they build is not looked at otherwise.
        run(house.cargo().args([
            "clippy",
            "--lib",
            "--features",
            "provoke,rust-host",
            "--",
            "-D",
            "warnings",
        ]))
    });
    suite.step("pages of the headers", || house.pages());
    // Their licences are read too, of packages that no build on this machine needs.
    suite.step("sources for Windows", || {
        run(house
            .cargo()
            .args(["fetch", "--locked", "--target", WINDOWS]))
    });
    let library = suite.step("shipped library", || house.library(Flavour::Shipped));
    let provoke = suite.step("library that panics on demand", || {
        house.library(Flavour::Provoke)
    });
    let asan = suite.step("library under AddressSanitizer", || {
        house.library(Flavour::Asan)
    });
    let region = suite.step("region", || house.region());
    let host = suite.step("C++ host", || house.host());
    let windows = suite.step("library for Windows", || Windows::prepare(&house));
    let clients = suite.step("official clients", || official_clients(&house));
    suite.step_of_many("tests", || {
        let mut cargo = house.cargo();
        cargo.args(["test", "--workspace", "--no-fail-fast"]);
        cargo.env("GCA_HEADER", "check");
        for (name, value) in [
            ("GCA_LIBRARY", &library),
            ("GCA_LIBRARY_PROVOKE", &provoke),
            ("GCA_LIBRARY_ASAN", &asan),
            ("GCA_REGION", &region),
            ("GCA_HOST", &host),
            ("GCA_CLIENTS", &clients),
        ] {
            if let Some(value) = value {
                cargo.env(name, value);
            }
        }
        counted(&mut cargo)
    });
    if let (Some(windows), Some(region)) = (&windows, &region) {
        suite.step_of_many("tests on Windows", || {
            counted(&mut windows.tests(&house, region))
        });
    } else {
        suite.skipped("tests on Windows", "what they need was not built");
    }
    suite.step("days in virtual time", || soak::in_short(&house));
    suite.step_of_many("fuzz targets", || fuzz::in_short(&house));
    released(&house, &mut suite, windows.as_ref());
    suite.close()
}

/// Makes the release, and shows everything that is shown with what comes out of its archives.
fn released(house: &House, suite: &mut Suite, windows: Option<&Windows>) {
    let built = windows.map(Windows::built);
    let Some(made) = suite.step("release archives", || dist::make(house, built)) else {
        suite.skipped("demonstration", "what it needs was not released");
        return;
    };
    let linux = suite.step("release for Linux, unpacked", || {
        let consumer = Consumer::unpack(dist::archive_for(&made, LINUX)?)?;
        let [found, told, brought] = Way::ALL.map(|way| consumer.host(way));
        Ok((found?, told?, brought?, consumer))
    });
    if let Some((found, told, brought, consumer)) = &linux {
        let on = |host: &Path, records: &str| {
            consumer.stage(host.to_owned(), house.target.join(records))
        };
        suite.step("demonstration", || Demo::default().run(&on(found, "demo")?));
        suite.step("demonstration with repeats", || {
            let twice = Demo {
                duplicates: 20,
                ..Demo::default()
            };
            twice.run(&on(told, "demo-duplicates")?)
        });
        suite.step("demonstration with restarts", || {
            let restarts = Demo {
                seconds: 40,
                users: 1_000,
                restart_every: 10,
                ..Demo::default()
            };
            restarts.run(&on(brought, "demo-restarts")?)
        });
        suite.step("crashes of the host", || {
            Crash::OFTEN.run(&on(found, "crash")?)
        });
        suite.step("demonstration in chaos", || {
            let chaos = Demo {
                seconds: chaos::SECONDS,
                chaos: true,
                ..Demo::default()
            };
            chaos.run(&on(brought, "demo-chaos")?)
        });
    }
    let Some(windows) = windows else {
        suite.skipped("demonstration on Windows", "what it needs was not built");
        return;
    };
    let other = suite.step("release for Windows, unpacked", || {
        let consumer = Consumer::unpack(dist::archive_for(&made, WINDOWS)?)?;
        let stage = consumer.stage_on_windows(windows, house.target.join("demo-windows"))?;
        Ok((stage, consumer))
    });
    if let Some((stage, _)) = &other {
        suite.step("demonstration on Windows", || Demo::default().run(stage));
    }
    suite.step("crashes of the host on Windows", || {
        windows.crashes(house, &house.region()?, 4)
    });
}

/// What has passed and failed so far.
#[derive(Default)]
struct Suite {
    passed: u64,
    failed: u64,
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    /// Why it failed, if it did.
    failure: Option<String>,
}

/// How many tests of a run passed and failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// What was said of those that failed, line by line.
    pub(crate) said: Vec<String>,
}

/// How many lines of one failed step, or of one program's failed tests, are told again at the end.
const TOLD_AGAIN: usize = 120;

impl Suite {
    /// A step that counts as one test.
    fn step<T>(&mut self, name: &'static str, f: impl FnOnce() -> Result<T, Failed>) -> Option<T> {
        let (took, done) = timed(name, f);
        match done {
            Ok(value) => {
                self.passed += 1;
                self.steps.push(Step {
                    name,
                    took,
                    failure: None,
                });
                Some(value)
            }
            Err(failed) => {
                eprintln!("{name} failed: {failed}");
                self.failed += 1;
                self.steps.push(Step {
                    name,
                    took,
                    failure: Some(failed.to_string()),
                });
                None
            }
        }
    }

    /// A step that counts as many tests as it ran.
    fn step_of_many(&mut self, name: &'static str, f: impl FnOnce() -> Result<Count, Failed>) {
        let (took, done) = timed(name, f);
        let failure = match done {
            Ok(count) => {
                self.passed += count.passed;
                self.failed += count.failed;
                (count.failed > 0).then(|| {
                    let mut why = vec![format!("{} failed", count.failed)];
                    why.extend(count.said);
                    why.join("\n")
                })
            }
            Err(failed) => {
                self.failed += 1;
                Some(failed.to_string())
            }
        };
        self.steps.push(Step {
            name,
            took,
            failure,
        });
    }

    /// A step that could not be run, which is a failure.
    fn skipped(&mut self, name: &'static str, why: &str) {
        self.failed += 1;
        let failure = Some(why.to_owned());
        self.steps.push(Step {
            name,
            took: Duration::ZERO,
            failure,
        });
    }

    /// Says how it went, on the last line in numbers.
    fn close(self) -> Result<(), Failed> {
        println!();
        let failed: Vec<&Step> = self.steps.iter().filter(|s| s.failure.is_some()).collect();
        for step in &failed {
            println!("== {} failed:", step.name);
            for line in step.failure.iter().flat_map(|why| why.lines()) {
                println!("{line}");
            }
            println!();
        }
        for step in &self.steps {
            let verdict = if step.failure.is_none() {
                "ok"
            } else {
                "FAILED"
            };
            println!(
                "{:>7.1} s  {:<32} {verdict}",
                step.took.as_secs_f64(),
                step.name
            );
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 {
            Ok(())
        } else {
            Err(Failed::said())
        }
    }
}

fn timed<T>(name: &str, f: impl FnOnce() -> T) -> (Duration, T) {
    println!("== {name}");
    let start = Instant::now();
    let done = f();
    (start.elapsed(), done)
}

fn formatted(house: &House) -> Result<(), Failed> {
    let there = house.cargo().args(["fmt", "--version"]).output();
    if !there.is_ok_and(|answer| answer.status.success()) {
        return Err(Failed::new(
            "cargo fmt is not installed; run: rustup component add rustfmt clippy".to_owned(),
        ));
    }
    run(house.cargo().args(["fmt", "--all", "--check"]))
}

/// Installs the platform's official client libraries into the build tree and tells where they are.
fn official_clients(house: &House) -> Result<PathBuf, Failed> {
    let script = house.root.join("simulator/tests/clients/install.sh");
    let directory = house.target.join("clients");
    machine::patiently(|| run(Command::new("bash").arg(&script).arg(&directory)))?;
    Ok(directory)
}

/// Runs `cargo test`, shows what it says, and adds up its summaries.
fn counted(cargo: &mut Command) -> Result<Count, Failed> {
    let shown = show(cargo);
    let cannot = |error: std::io::Error| Failed::new(format!("cannot run {shown}: {error}"));
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let mut runner = Runner::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            runner.read(&line);
        }
    }
    let count = runner.count;
    let status = child.wait().map_err(cannot)?;
    if status.success() && count == Count::default() {
        return Err(Failed::new(format!("{shown} ran no test")));
    }
    if !status.success() && count.failed == 0 {
        return Err(Failed::new(format!("{shown}: {status}")));
    }
    Ok(count)
}

/// Reads what Rust's test runner says, program by program.
#[derive(Debug, Default)]
struct Runner {
    count: Count,
    /// What is said of the failed tests of the program that speaks, from its first `failures:` to its summary.
    failures: Option<Vec<String>>,
}

impl Runner {
    fn read(&mut self, line: &str) {
        if line.starts_with("test result: ") {
            self.count.add(line);
            let said = self.failures.take().unwrap_or_default();
            let left_out = said.len().saturating_sub(TOLD_AGAIN);
            if left_out > 0 {
                self.count
                    .said
                    .push(format!("({left_out} lines stand above)"));
            }
            // The names come last.
            self.count.said.extend(said.into_iter().skip(left_out));
        } else if let Some(said) = &mut self.failures {
            said.push(line.to_owned());
        } else if line == "failures:" {
            self.failures = Some(Vec::new());
        }
    }
}

impl Count {
    /// Adds a line of the form `test result: ok. 5 passed; 0 failed; …`; any other is of no interest.
    fn add(&mut self, line: &str) {
        let Some(summary) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        let summary = summary
            .split_once(". ")
            .map_or(summary, |(_, numbers)| numbers);
        for part in summary.split(';') {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_summaries_are_added_up() {
        let mut count = Count::default();
        for line in [
            "running 3 tests",
            "test result: ok. 18 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.20s",
            "7 passed; 7 failed",
        ] {
            count.add(line);
        }
        assert_eq!(
            count,
            Count {
                passed: 20,
                failed: 1,
                said: Vec::new(),
            }
        );
    }

    #[test]
    fn what_the_runner_says_of_failed_tests_is_kept_for_the_end() {
        let mut runner = Runner::default();
        let said = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\nassertion failed\n\n\
                    failures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored";
        for line in said
            .lines()
            .chain(["test c ... ok", "test result: ok. 1 passed; 0 failed"])
        {
            runner.read(line);
        }
        let Count {
            passed,
            failed,
            said,
        } = runner.count;
        assert_eq!((passed, failed), (2, 1));
        assert_eq!(
            said.join("|"),
            "|---- b stdout ----|assertion failed||failures:|    b|"
        );
    }

    #[test]
    fn a_step_that_fails_makes_the_whole_fail() {
        let mut suite = Suite::default();
        assert_eq!(suite.step("a", || Ok(1)), Some(1));
        assert_eq!(
            suite.step("b", || Err::<(), _>(Failed::new("no".to_owned()))),
            None
        );
        assert_eq!((suite.passed, suite.failed), (1, 1));
        assert!(suite.close().is_err());
    }

    #[test]
    fn a_test_run_that_does_not_compile_makes_the_whole_fail() {
        let mut suite = Suite::default();
        suite.step_of_many("tests", || {
            counted(Command::new("sh").args(["-c", "exit 101"]))
        });
        assert!(suite.close().is_err());
    }

    #[test]
    fn a_test_run_without_tests_makes_the_whole_fail() {
        let mut suite = Suite::default();
        suite.step_of_many("tests", || counted(&mut Command::new("true")));
        assert!(suite.close().is_err());
    }
}
