//! `cargo xtask soak`: months of the adapter's machines against a faulty region, in virtual time. The program that does
//! it is a package of its own (`soak/`, which says why); here it is built, with the profile made for it, and run.

use crate::artefact::{House, run};
use crate::{Arguments, Failed, machine};

/// How long and how often.
#[derive(Debug, Clone)]
pub(crate) struct Soak {
    /// Of each seed; may be a part of one.
    pub(crate) days: f64,
    /// How many seeds.
    pub(crate) seeds: u64,
    /// The first of them.
    pub(crate) seed: u64,
    /// What may go wrong: one kind of trouble only, or nothing (`calm`).
    pub(crate) weather: Option<String>,
    /// Where every line of what happened goes.
    pub(crate) transcript: Option<String>,
}

impl Default for Soak {
    fn default() -> Self {
        Self {
            days: 30.0,
            seeds: 20,
            seed: 1,
            weather: None,
            transcript: None,
        }
    }
}

/// The command.
pub(crate) fn command(arguments: Arguments) -> Result<(), Failed> {
    let soak = Soak::parse(arguments)?;
    machine::provide(machine::Purpose::Build)?;
    soak.run(&House::find()?)
}

/// As much as a test run has time for: a day of each sort of run (one client id or two, short tokens or long).
pub(crate) fn in_short(house: &House) -> Result<(), Failed> {
    let short = Soak {
        days: 1.0,
        seeds: 8,
        ..Soak::default()
    };
    short.run(house)
}

impl Soak {
    fn parse(mut arguments: Arguments) -> Result<Self, Failed> {
        let mut soak = Self::default();
        while let Some(name) = arguments.next_name()? {
            match name.as_str() {
                "--days" => soak.days = arguments.value(&name)?,
                "--seeds" => soak.seeds = arguments.value(&name)?,
                "--seed" => soak.seed = arguments.value(&name)?,
                "--weather" => soak.weather = Some(arguments.value(&name)?),
                "--transcript" => soak.transcript = Some(arguments.value(&name)?),
                _ => {
                    let known = ["--days", "--seeds", "--seed", "--transcript", "--weather"];
                    return Err(arguments.unknown(&name, &known));
                }
            }
        }
        Ok(soak)
    }

    /// Builds it and runs it; it prints the line of JSON itself.
    fn run(&self, house: &House) -> Result<(), Failed> {
        let mut cargo = house.cargo();
        cargo.args([
            "run",
            "--quiet",
            "--profile",
            "soak",
            "--package",
            "gca-soak",
            "--",
        ]);
        cargo.args(["--days", &self.days.to_string()]);
        cargo.args(["--seeds", &self.seeds.to_string()]);
        cargo.args(["--seed", &self.seed.to_string()]);
        if let Some(weather) = &self.weather {
            cargo.args(["--weather", weather]);
        }
        if let Some(transcript) = &self.transcript {
            cargo.args(["--transcript", transcript]);
        }
        run(&mut cargo)
    }
}
