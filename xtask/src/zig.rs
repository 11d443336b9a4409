//! The C compiler and linker that makes what runs on older systems: zig, which brings the symbols of every glibc, and
//! cargo-zigbuild, which tells cargo to use it.
//!
//! Knows: where both are installed (a directory of their own in the build tree, by Python's installer, in the versions
//! and with the checksums of `xtask/requirements.txt`) and how they are called. Does not know what is built with them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failed;
use crate::artefact::{House, run};
use crate::machine::patiently;

/// The oldest glibc that the released files run with: that of RHEL 8 and Debian 10.
pub(crate) const GLIBC: &str = "2.28";

/// Both tools, installed.
#[derive(Debug, Clone)]
pub(crate) struct Zig {
    place: PathBuf,
    program: PathBuf,
    /// What its C compiler is told each time, besides what it is asked for.
    always: String,
}

/// What is installed, and the checksums of it.
const WANTED: &str = include_str!("../requirements.txt");

impl Zig {
    /// Installs them, unless these very versions are there.
    pub(crate) fn provide(house: &House) -> Result<Self, Failed> {
        let place = house.target.join("zig");
        let python = place.join("venv/bin/python");
        let mark = place.join("installed.txt");
        if std::fs::read_to_string(&mark).ok().as_deref() != Some(WANTED) {
            eprintln!("installing the linker for older systems");
            let _ = std::fs::remove_file(&mark);
            let requirements = house.root.join("xtask/requirements.txt");
            run(Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(place.join("venv")))?;
            patiently(|| {
                run(Command::new(&python)
                    .args(["-m", "pip", "install", "--quiet"])
                    .args([
                        "--disable-pip-version-check",
                        "--only-binary",
                        ":all:",
                        "--require-hashes",
                        "-r",
                    ])
                    .arg(&requirements))
            })?;
            std::fs::write(&mark, WANTED).map_err(|error| {
                Failed::new(format!("cannot write {}: {error}", mark.display()))
            })?;
        }
        let asked = Command::new(&python)
            .args([
                "-c",
                "import os, ziglang; print(os.path.dirname(ziglang.__file__))",
            ])
            .output()
            .map_err(|error| Failed::new(format!("cannot run {}: {error}", python.display())))?;
        let package = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        let program = Path::new(&package).join("zig");
        if !program.is_file() {
            return Err(Failed::new(format!(
                "zig is not in {}; remove that directory and run this again",
                place.display()
            )));
        }
        // It compiles what it links in by itself, with the paths of this machine in it; only the environment reaches that.
        let mut always = "#".to_owned();
        for flag in house.mapped_in_c() {
            always += &format!(" +{flag}");
        }
        always += &format!(" +-ffile-prefix-map={package}=/zig");
        Ok(Self {
            place,
            program,
            always,
        })
    }

    /// `cargo-zigbuild`, which takes cargo's own arguments: `rustc` or `zigbuild` first, then [`Zig::target`].
    pub(crate) fn cargo(&self, house: &House) -> Command {
        let mut cargo = house.cargo_as(self.place.join("venv/bin/cargo-zigbuild").into_os_string());
        self.tell(&mut cargo);
        cargo
    }

    /// A C++ compiler for the oldest system; its standard library is linked in.
    pub(crate) fn cpp(&self) -> Command {
        let mut cpp = Command::new(&self.program);
        cpp.args(["c++", "-target", &format!("x86_64-linux-gnu.{GLIBC}")]);
        self.tell(&mut cpp);
        cpp
    }

    /// The platform with its oldest glibc, as cargo-zigbuild wants to be told.
    pub(crate) fn target() -> String {
        format!("{}.{GLIBC}", crate::artefact::LINUX)
    }

    /// A file that comes with zig: the licences of what it links in.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.program.with_file_name(name)
    }

    /// What both are, for whoever asks what a release was made with.
    pub(crate) fn versions() -> Vec<(String, String)> {
        WANTED
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.split_once("=="))
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .collect()
    }

    /// Where they find each other, and where they keep what they made: in the build tree, not in the user's home.
    fn tell(&self, command: &mut Command) {
        let places: [(&str, OsString); 4] = [
            ("CARGO_ZIGBUILD_ZIG_PATH", self.program.clone().into()),
            (
                "CARGO_ZIGBUILD_CACHE_DIR",
                self.place.join("wrappers").into(),
            ),
            ("ZIG_GLOBAL_CACHE_DIR", self.place.join("cache").into()),
            ("ZIG_LOCAL_CACHE_DIR", self.place.join("cache").into()),
        ];
        command.envs(places);
        command.env("CCC_OVERRIDE_OPTIONS", &self.always);
    }
}
