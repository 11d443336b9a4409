//! `cargo xtask test`: every test, in the order in which a mistake shows soonest. All steps run, whatever fails; the
//! last line is the sum.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::artefact::{Flavour, House, run, show};
use crate::demo::{Demo, Stage};
use crate::{Arguments, Failed, fuzz, machine};

/// The command.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    if let Some(name) = arguments.next_name()? {
        return Err(arguments.unknown(&name, &[]));
    }
    machine::provide(machine::TO_TEST)?;
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
        run(&mut cargo)
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
    suite.step_of_many("fuzz targets", || fuzz::in_short(&house));
    if let (Some(library), Some(region), Some(host)) = (library, region, host) {
        let records = house.target.join("demo");
        let stage = Stage {
            library,
            host,
            region,
            records,
        };
        suite.step("demonstration", || Demo::default().run(&stage));
        suite.step("demonstration with repeats", || {
            let twice = Demo {
                duplicates: 20,
                ..Demo::default()
            };
            let records = house.target.join("demo-duplicates");
            twice.run(&Stage { records, ..stage })
        });
    } else {
        suite.skipped("demonstration", "what it needs was not built");
    }
    suite.close()
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

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
                (count.failed > 0).then(|| format!("{} failed", count.failed))
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
        let failed: Vec<&Step> = self.steps.iter().filter(|s| s.failure.is_some()).collect();
        for step in &failed {
            let why = step.failure.as_deref().unwrap_or_default();
            println!("{}: {}", step.name, why.lines().next().unwrap_or_default());
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
    run(Command::new("bash").arg(script).arg(&directory))?;
    Ok(directory)
}

/// Runs `cargo test`, shows what it says, and adds up its summaries.
fn counted(cargo: &mut Command) -> Result<Count, Failed> {
    let shown = show(cargo);
    let cannot = |error: std::io::Error| Failed::new(format!("cannot run {shown}: {error}"));
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let mut count = Count::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            count.add(&line);
        }
    }
    let status = child.wait().map_err(cannot)?;
    if status.success() && count == Count::default() {
        return Err(Failed::new(format!("{shown} ran no test")));
    }
    if !status.success() && count.failed == 0 {
        return Err(Failed::new(format!("{shown}: {status}")));
    }
    Ok(count)
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
                failed: 1
            }
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
