//! What the commands build, and where it lies.
//!
//! Every flavour of the library has a target directory of its own under `target/`: cargo gives a cdylib the same file
//! name whatever its features, so in a shared one a test build could pass for the shipped library.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failed;

/// The directories of the project.
#[derive(Debug, Clone)]
pub(crate) struct House {
    /// Where `Cargo.toml` is.
    pub(crate) root: PathBuf,
    /// Where everything that is built goes.
    pub(crate) target: PathBuf,
}

/// The flavours of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// What a recorder gets.
    Shipped,
    /// As shipped, and with the settings key that makes it panic at a chosen place.
    Provoke,
    /// With AddressSanitizer, for the C++ tests.
    Asan,
}

impl House {
    /// The house that this program was built in.
    pub(crate) fn find() -> Result<Self, Failed> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsStr::new(env!("CARGO_MANIFEST_DIR")).to_owned());
        let root = Path::new(&here)
            .parent()
            .map(Path::to_owned)
            .ok_or_else(|| Failed::new("run this through cargo, in the project".to_owned()))?;
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// `cargo` in this house.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        // What cargo tells the programs that it runs is about this program, not about what is built next.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            }) {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    /// Builds the library in one flavour and tells where it is.
    pub(crate) fn library(&self, flavour: Flavour) -> Result<PathBuf, Failed> {
        let mut cargo = self.cargo();
        cargo.args(["rustc", "--lib", "--crate-type", "cdylib"]);
        let directory = match flavour {
            Flavour::Shipped => {
                cargo.arg("--release");
                "shipped/release"
            }
            Flavour::Provoke => {
                cargo.args(["--release", "--features", "provoke"]);
                "provoke/release"
            }
            Flavour::Asan => {
                // The sanitizer is not a stable part of the compiler; this is the compiler's own switch for such parts.
                // With `--target`, build scripts and macros are compiled without it.
                cargo.args(["--target", LINUX]);
                cargo
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", "-Zsanitizer=address");
                "asan/x86_64-unknown-linux-gnu/debug"
            }
        };
        let base = directory.split('/').next().unwrap_or(directory);
        cargo.arg("--target-dir").arg(self.target.join(base));
        run(&mut cargo)?;
        let name = format!(
            "{}genesys_cloud_adapter{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        );
        existing(self.target.join(directory).join(name))
    }

    /// Builds the simulated region and tells where it is.
    pub(crate) fn region(&self) -> Result<PathBuf, Failed> {
        let mut cargo = self.cargo();
        cargo.args([
            "build",
            "--release",
            "--package",
            "gca-region",
            "--bin",
            "gca-region",
        ]);
        cargo.arg("--target-dir").arg(self.target.join("shipped"));
        run(&mut cargo)?;
        let name = format!("gca-region{}", std::env::consts::EXE_SUFFIX);
        existing(self.target.join("shipped/release").join(name))
    }

    /// Builds the C++ host by CMake and tells where it is.
    pub(crate) fn host(&self) -> Result<PathBuf, Failed> {
        let build = self.target.join("host");
        let mut configure = Command::new("cmake");
        configure
            // A build tree that was moved or copied is begun anew, not refused.
            .arg("--fresh")
            .arg("-S")
            .arg(self.root.join("host-example"))
            .arg("-B")
            .arg(&build);
        configure.arg("-DCMAKE_BUILD_TYPE=Release");
        run_quietly(&mut configure)?;
        run_quietly(Command::new("cmake").arg("--build").arg(&build))?;
        existing(build.join(format!("recorder-host{}", std::env::consts::EXE_SUFFIX)))
    }
}

/// The platform that the sanitizer builds are for.
pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    let shown = show(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failed::new(format!("{shown}: {status}"))),
        Err(error) => Err(Failed::new(format!("cannot run {shown}: {error}"))),
    }
}

/// As [`run`], and shows what the program says only if it fails.
fn run_quietly(command: &mut Command) -> Result<(), Failed> {
    let shown = show(command);
    match command.output() {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(Failed::new(format!(
            "{shown}: {}\n{}{}",
            done.status,
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        ))),
        Err(error) => Err(Failed::new(format!("cannot run {shown}: {error}"))),
    }
}

/// A command line as one would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    command.get_args().fold(program, |line, argument| {
        line + " " + &argument.to_string_lossy()
    })
}

/// The file, which a build has just made.
pub(crate) fn existing(path: PathBuf) -> Result<PathBuf, Failed> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(Failed::new(format!(
            "{} was not made by its build",
            path.display()
        )))
    }
}
