//! The project's commands, the same for people and for CI: `cargo xtask <command>`.
//!
//! Each command sets up what it needs on a Debian-like machine that has only Rust, ends what it has started, and exits
//! with another status than 0 if it failed.

#[path = "../../tests/day/acts.rs"]
mod acts;
mod artefact;
mod bench;
mod chaos;
mod crash;
mod demo;
mod dist;
mod fuzz;
mod judge;
mod machine;
mod region;
mod soak;
mod started;
mod suite;
mod windows;
mod zig;

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

/// A command: its name, what it does, and what does it.
type Entry = (
    &'static str,
    &'static str,
    fn(Arguments) -> Result<(), Failed>,
);

const COMMANDS: &[Entry] = &[
    (
        "demo",
        "the main job: a C++ host follows a simulated region [--seconds N] [--users N] [--seed N] [--duplicates PERCENT] [--chaos] [--crash] [--restart-every S]",
        demo::command,
    ),
    ("test", "every test", suite::command),
    (
        "windows",
        "the library for Windows: builds it, tests it under wine, and runs the demonstration on it [--kills N] [--debian]",
        windows::command,
    ),
    (
        "bench",
        "the benchmarks, beside their floors [--saturated] [--paced] [--memory]",
        bench::command,
    ),
    (
        "soak",
        "the machines for months against a faulty region, in virtual time [--days N] [--seeds N] [--seed FIRST] [--transcript FILE]",
        soak::command,
    ),
    (
        "crash",
        "kills the host at random points, starts it again, and judges the whole [--kills N] [--seed N]",
        crash::command,
    ),
    (
        "dist",
        "the release archives, in target/dist [--twice]",
        dist::command,
    ),
    (
        "fuzz",
        "the fuzz targets [--minutes N] [--target NAME] [--input FILE] [--short]",
        fuzz::command,
    ),
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let Some((_, _, command)) = COMMANDS.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<String> = COMMANDS
            .iter()
            .map(|(name, does, _)| format!("  {name:<7} {does}"))
            .collect();
        eprintln!(
            "cargo xtask <command>, where the command is one of\n{}",
            known.join("\n")
        );
        return ExitCode::from(2);
    };
    let arguments = Arguments {
        words: words.collect::<Vec<_>>().into_iter(),
    };
    match started::end_with_this_program().and_then(|()| command(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            if !failed.message.is_empty() {
                eprintln!("{failed}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failed {
    message: String,
}

impl Failed {
    /// For the reason given.
    pub(crate) fn new(message: String) -> Self {
        Self { message }
    }

    /// For reasons that were told already.
    pub(crate) fn said() -> Self {
        Self {
            message: String::new(),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What stands behind the command's name: `--name value` or `--name=value`.
#[derive(Debug)]
pub(crate) struct Arguments {
    words: std::vec::IntoIter<String>,
}

impl Arguments {
    /// The name of the next argument.
    fn next_name(&mut self) -> Result<Option<String>, Failed> {
        let Some(word) = self.words.next() else {
            return Ok(None);
        };
        if !word.starts_with("--") {
            return Err(Failed::new(format!(
                "\"{word}\" is not an argument; they begin with --"
            )));
        }
        Ok(Some(match word.split_once('=') {
            Some((name, value)) => {
                let rest = std::iter::once(value.to_owned()).chain(self.words.by_ref());
                self.words = rest.collect::<Vec<_>>().into_iter();
                name.to_owned()
            }
            None => word,
        }))
    }

    /// The value of the argument just named.
    fn value<T: FromStr>(&mut self, name: &str) -> Result<T, Failed> {
        let word = self
            .words
            .next()
            .ok_or_else(|| Failed::new(format!("{name} needs a value")))?;
        word.parse()
            .map_err(|_| Failed::new(format!("{name} cannot be \"{word}\"")))
    }

    fn unknown(&self, name: &str, known: &[&str]) -> Failed {
        Failed::new(if known.is_empty() {
            format!("{name} is not known; this command takes no arguments")
        } else {
            format!("{name} is not known; known are {}", known.join(", "))
        })
    }
}
