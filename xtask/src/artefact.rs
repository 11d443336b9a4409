//! What the commands build, and where it lies.
//!
//! Cargo gives a cdylib the same file name whatever its features, so in one target directory a test build could pass for the
//! shipped library: flavours have either target directories of their own, or what is made of them is kept apart.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failed;
use crate::dist::linux;
use crate::dist::packages::{Runtime, said};
use crate::zig::Zig;

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
    /// What a recorder gets: the file that the release holds.
    Shipped,
    /// As shipped, and with the settings key that makes it panic at a chosen place.
    Provoke,
    /// For this machine alone, with this machine's own linker: quickly made, for a look at it.
    Native,
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
        self.cargo_as(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// A program that is called as `cargo` is.
    pub(crate) fn cargo_as(&self, program: OsString) -> Command {
        let mut cargo = Command::new(program);
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

    /// Builds the library in one flavour and tells where it is. The shipped one lies where the files for the archive are
    /// collected, its debug information beside it.
    pub(crate) fn library(&self, flavour: Flavour) -> Result<PathBuf, Failed> {
        let name = format!(
            "{}genesys_cloud_adapter{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        );
        const ONLY: [&str; 3] = ["--lib", "--crate-type", "cdylib"];
        match flavour {
            Flavour::Shipped => {
                let (mut cargo, made) = self.release("rustc")?;
                let built = self.kept_apart(cargo.args(ONLY), &made, &name, "shipped")?;
                let library = self.kit()?.join(name);
                linux::split(&built, &library)?;
                existing(library)
            }
            Flavour::Provoke => {
                let (mut cargo, made) = self.release("rustc")?;
                cargo.args(ONLY).args(["--features", "provoke"]);
                self.kept_apart(&mut cargo, &made, &name, "provoke")
            }
            Flavour::Native => {
                let base = self.target.join(NATIVE);
                let mut cargo = self.cargo();
                cargo.arg("rustc").args(ONLY).arg("--release");
                run(cargo.arg("--target-dir").arg(&base))?;
                existing(base.join("release").join(name))
            }
            Flavour::Asan => {
                // The sanitizer is not a stable part of the compiler; this is the compiler's own switch for such parts.
                // With `--target`, build scripts and macros are compiled without it.
                let base = self.target.join("asan");
                let mut cargo = self.cargo();
                cargo.arg("rustc").args(ONLY).args(["--target", LINUX]);
                cargo.arg("--target-dir").arg(&base);
                cargo
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", "-Zsanitizer=address");
                run(&mut cargo)?;
                existing(base.join(LINUX).join("debug").join(name))
            }
        }
    }

    /// Runs a build of the library in a build tree that several flavours share, and keeps what it has made apart. The
    /// compiler gives all flavours the same file, and cargo, which looks at packages and features only, would take one for
    /// the other: each gets back what was made of it the last time, or nothing, before cargo looks whether that is still up to
    /// date.
    pub(crate) fn kept_apart(
        &self,
        cargo: &mut Command,
        made: &Path,
        name: &str,
        flavour: &str,
    ) -> Result<PathBuf, Failed> {
        let cannot = |path: &Path, error: std::io::Error| {
            Failed::new(format!("cannot write {}: {error}", path.display()))
        };
        let (place, apart) = (made.join("deps").join(name), made.join(flavour));
        let kept = apart.join(name);
        std::fs::create_dir_all(&apart).map_err(|error| cannot(&apart, error))?;
        match std::fs::rename(&kept, &place) {
            Ok(()) => {}
            Err(_) if !place.exists() => {}
            Err(_) => std::fs::remove_file(&place).map_err(|error| cannot(&place, error))?,
        }
        run(cargo)?;
        let place = existing(place)?;
        std::fs::copy(&place, &kept).map_err(|error| cannot(&kept, error))?;
        Ok(kept)
    }

    /// Builds the simulated region for this machine and tells where it is.
    pub(crate) fn native_region(&self) -> Result<PathBuf, Failed> {
        let base = self.target.join(NATIVE);
        let mut cargo = self.cargo();
        cargo.args(["build", "--release"]).args(REGION);
        run(cargo.arg("--target-dir").arg(&base))?;
        let name = format!("gca-region{}", std::env::consts::EXE_SUFFIX);
        existing(base.join("release").join(name))
    }

    /// Builds the simulated region as it ships and tells where it is.
    pub(crate) fn region(&self) -> Result<PathBuf, Failed> {
        let (mut cargo, made) = self.release("zigbuild")?;
        run(cargo.args(REGION))?;
        let region = self.kit()?.join("gca-region");
        linux::split(&existing(made.join("gca-region"))?, &region)?;
        existing(region)
    }

    /// `cargo rustc` or `cargo zigbuild` for the oldest system that a release is for, and where it will put what it makes.
    fn release(&self, what: &str) -> Result<(Command, PathBuf), Failed> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(Failed::new(format!("a release is made on {LINUX}")));
        }
        let base = self.target.join(SHIPPED);
        let mut cargo = Zig::provide(self)?.cargo(self);
        cargo.args([what, "--target", &Zig::target()]);
        cargo.env("CARGO_ENCODED_RUSTFLAGS", self.remapped().join("\x1f"));
        cargo.env(
            format!("CFLAGS_{}", LINUX.replace('-', "_")),
            format!("{SMALLER_CRYPTO} {NOT_UNWOUND}"),
        );
        cargo
            .args(["--release", "--locked", "--target-dir"])
            .arg(&base);
        Ok((cargo, base.join(LINUX).join("release")))
    }

    /// The compiler's arguments that keep the paths of this machine out of what it makes: the same commit makes the same
    /// bytes wherever it lies.
    pub(crate) fn remapped(&self) -> Vec<String> {
        self.places()
            .iter()
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .collect()
    }

    /// The same for C, of which all sources lie in packages. Compilers differ in which of two that fit they take.
    pub(crate) fn mapped_in_c(&self) -> Vec<String> {
        self.places()
            .iter()
            .filter(|(_, to)| *to != CARGO)
            .map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()))
            .collect()
    }

    /// The places of this machine whose paths a build sees, and what stands for them. What lies inside another comes
    /// after it, since the last that fits is taken.
    pub(crate) fn places(&self) -> Vec<(PathBuf, &'static str)> {
        let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let cargo = home("CARGO_HOME").or_else(|| Some(home("HOME")?.join(".cargo")));
        let mut places = vec![
            (self.root.clone(), "/genesys-cloud-adapter"),
            (self.target.clone(), "/target"),
        ];
        if let Some(cargo) = cargo {
            // Packages are unpacked in a directory that is named after where they came from.
            let sources = std::fs::read_dir(cargo.join("registry/src"));
            let mut sources: Vec<_> = sources.into_iter().flatten().flatten().collect();
            sources.sort_by_key(std::fs::DirEntry::path);
            places.push((cargo, CARGO));
            places.extend(sources.into_iter().map(|place| (place.path(), "/packages")));
        }
        places
    }

    /// Rust's standard library, which is a part of every released file.
    pub(crate) fn standard_library(&self) -> Result<Runtime, Failed> {
        let version = said(&mut self.rustc("--version"))?;
        let version = version.split(' ').nth(1).unwrap_or_default().to_owned();
        let sysroot = PathBuf::from(said(self.rustc("--print").arg("sysroot"))?.trim());
        // With the licences of what it is made of; some distributions keep only the two that it is under itself.
        let whole = sysroot.join("share/doc/rust/COPYRIGHT-library.html");
        let texts = if whole.is_file() {
            vec![whole]
        } else {
            vec![
                self.root.join("LICENSE-APACHE"),
                self.root.join("LICENSE-MIT"),
            ]
        };
        Ok(Runtime {
            name: "Rust standard library".to_owned(),
            version,
            licence: "MIT OR Apache-2.0".to_owned(),
            texts,
        })
    }

    /// The tools that a release for Linux is made with, and their versions.
    pub(crate) fn tools(&self) -> Result<Vec<(String, String)>, Failed> {
        let version = said(&mut self.rustc("--version"))?;
        let version = version.trim().trim_start_matches("rustc ").to_owned();
        let mut tools = vec![("rustc".to_owned(), version)];
        tools.extend(Zig::versions());
        Ok(tools)
    }

    fn rustc(&self, argument: &str) -> Command {
        let mut rustc = self.cargo_as(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.arg(argument);
        rustc
    }

    /// Where the files that ship for Linux are collected.
    pub(crate) fn kit(&self) -> Result<PathBuf, Failed> {
        let kit = self.target.join(SHIPPED).join("kit");
        std::fs::create_dir_all(&kit)
            .map_err(|error| Failed::new(format!("cannot make {}: {error}", kit.display())))?;
        Ok(kit)
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
        // With the headers of this tree, not those of a release that is installed on this machine.
        configure.arg("-DCMAKE_DISABLE_FIND_PACKAGE_genesys_cloud_adapter=ON");
        run_quietly(&mut configure)?;
        run_quietly(Command::new("cmake").arg("--build").arg(&build))?;
        existing(build.join(format!("recorder-host{}", std::env::consts::EXE_SUFFIX)))
    }

    /// Makes the reference of the headers, as `doxygen docs/Doxyfile` does, and tells where its pages are. A warning fails it.
    pub(crate) fn pages(&self) -> Result<PathBuf, Failed> {
        let mut doxygen = Command::new("sh");
        doxygen.current_dir(&self.root).args([
            "-c",
            "printf '@INCLUDE = docs/Doxyfile\nOUTPUT_DIRECTORY = \"%s\"\n' \"$0\" | doxygen -",
        ]);
        run(doxygen.arg(&self.target))?;
        existing(self.target.join("doxygen/index.html"))
    }
}

/// The platform that the library ships for, and that the sanitizer builds are for.
pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";

/// Leaves the encryption by 512-bit registers out of the crypto library: it is nearly half of it, and no websocket needs
/// it. The name is the library's own.
pub(crate) const SMALLER_CRYPTO: &str = "-DMY_ASSEMBLER_IS_TOO_OLD_FOR_512AVX";

/// Leaves the tables for unwinding out of what is compiled from C: no panic passes there. A debugger has them in the debug
/// information.
const NOT_UNWOUND: &str = "-fno-unwind-tables -fno-asynchronous-unwind-tables";

/// What stands for cargo's own directory.
const CARGO: &str = "/cargo";

/// The build trees below the target directory: of what ships, and of what is for this machine alone.
const SHIPPED: &str = "shipped";
const NATIVE: &str = "native";

const REGION: [&str; 4] = ["--package", "gca-region", "--bin", "gca-region"];

/// The other platform that the library ships for.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";

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
pub(crate) fn run_quietly(command: &mut Command) -> Result<(), Failed> {
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
