//! `cargo xtask bench`: the benchmarks, on the library as it is shipped.

use crate::artefact::{Flavour, House, run};
use crate::{Arguments, Failed, machine};

/// What can be asked for alone.
const PARTS: [&str; 4] = ["saturated", "paced", "memory", "journal"];

/// The command.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    let mut parts = Vec::new();
    while let Some(name) = arguments.next_name()? {
        match PARTS
            .iter()
            .find(|part| name.strip_prefix("--") == Some(part))
        {
            Some(part) => parts.push(*part),
            None => {
                let known = ["--saturated", "--paced", "--memory", "--journal"];
                return Err(arguments.unknown(&name, &known));
            }
        }
    }
    machine::provide(machine::Purpose::Build)?;
    let house = House::find()?;
    let library = house.library(Flavour::Shipped)?;
    // In another target directory than the shipped library, which this build would replace by one of its own.
    let mut cargo = house.cargo();
    cargo.args([
        "bench",
        "--package",
        "genesys-cloud-adapter",
        "--bench",
        "feed",
    ]);
    cargo.arg("--target-dir").arg(house.target.join("bench"));
    cargo.arg("--").args(parts);
    run(cargo.env("GCA_LIBRARY", library))
}
