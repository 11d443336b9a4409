//! `cargo xtask bench`: the benchmarks, on the library as it is shipped.

use crate::artefact::{Flavour, House, run};
use crate::{Arguments, Failed, machine};

/// The command.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    if let Some(name) = arguments.next_name()? {
        return Err(arguments.unknown(&name, &[]));
    }
    machine::provide(machine::TO_BUILD)?;
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
    run(cargo.env("GCA_LIBRARY", library))
}
