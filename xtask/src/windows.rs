//! `cargo xtask windows`: the library for Windows, built on this machine, and tested on it under wine.
//!
//! Knows: where a standard library for that platform comes from, what lies beside the DLL (import library, `.def`, a host),
//! and how wine is started. Does not know what is promised: that is for the tests (`tests/windows.rs`) and for the judge of
//! the demonstration, who are the same as on Linux.
//!
//! All of it lies in one directory, the kit:
//!
//! | file                                     | what it is                                                    | ships |
//! |------------------------------------------|---------------------------------------------------------------|-------|
//! | `genesys_cloud_adapter.dll`              | the library, stripped                                         | yes   |
//! | `genesys_cloud_adapter.dll.debug`        | what was stripped from it, for gdb                            | yes   |
//! | `genesys_cloud_adapter.lib`, `.def`      | for hosts that link instead of loading                        | yes   |
//! | `recorder-host.exe`                      | the example host                                              | yes   |
//! | `provoke/genesys_cloud_adapter.dll`      | the library that panics on demand                             | no    |
//! | `bcryptprimitives.dll`                   | what Windows has and an old wine has not                      | no    |
//! | `wine`, `prefix/`                        | starts a program of Windows; the Windows that it sees         | no    |

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::artefact::{House, SMALLER_CRYPTO, WINDOWS, existing, run, run_quietly};
use crate::crash::Crash;
use crate::demo::{Demo, Stage};
use crate::dist::packages::{Runtime, said};
use crate::{Arguments, Failed, machine};

/// What is built for Windows, and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// The kit.
    pub(crate) directory: PathBuf,
    /// The library as it ships.
    pub(crate) library: PathBuf,
    /// What was stripped from it.
    pub(crate) debug: PathBuf,
    /// For hosts that are linked with it.
    pub(crate) import_library: PathBuf,
    /// The list of its functions, for hosts that make an import library of their own.
    pub(crate) definition: PathBuf,
    /// The example host.
    pub(crate) host: PathBuf,
}

/// The name of the library, without an ending.
const NAME: &str = "genesys_cloud_adapter";

/// What mingw's programs begin with.
pub(crate) const MINGW: &str = "x86_64-w64-mingw32-";

/// For mingw's linker: the same sources make the same bytes.
const NO_TIME: &str = "-Wl,--no-insert-timestamp";

/// What Windows has and an old wine has not.
const SHIM: &str = "bcryptprimitives.dll";

/// Where Debian's sources of the standard library lie.
const STANDARD_SOURCES: &str = "/usr/lib/rustlib/src/rust";

/// The command: builds the kit, tests it, and runs the demonstration on it; with `--kills`, the crashes of its host too.
/// With `--debian` it builds as on a machine whose Rust has no standard library for Windows.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    let mut kills: u32 = 0;
    let mut is_debian = false;
    while let Some(name) = arguments.next_name()? {
        match name.as_str() {
            "--kills" => kills = arguments.value(&name)?,
            "--debian" => is_debian = true,
            _ => return Err(arguments.unknown(&name, &["--kills", "--debian"])),
        }
    }
    machine::provide(machine::Purpose::Test)?;
    let house = House::find()?;
    let region = house.native_region()?;
    let standard = if is_debian {
        Standard::of_debian()?
    } else {
        Standard::find()?
    };
    let mut windows = Windows::around(&house, build_with(&house, standard)?)?;
    windows.add_provoke(&house, standard)?;
    run(&mut windows.tests(&house, &region))?;
    windows.demonstration(&house, &region)?;
    if kills == 0 {
        return Ok(());
    }
    windows.crashes(&house, &region, kills)
}

/// What is built for Windows, and what runs it.
#[derive(Debug)]
pub(crate) struct Windows {
    built: Built,
    wine: Arc<Wine>,
    /// Whether the library that panics is there.
    panics: bool,
}

impl Windows {
    /// Builds the kit without the library that panics, which takes minutes: the suite has not the time, and what it shows
    /// there of panics it shows on Linux.
    pub(crate) fn prepare(house: &House) -> Result<Self, Failed> {
        Self::around(house, build(house)?)
    }

    /// Builds the library that panics, for the tests.
    fn add_provoke(&mut self, house: &House, standard: Standard) -> Result<(), Failed> {
        let provoke = self.built.directory.join("provoke");
        make_directory(&provoke)?;
        strip(
            &standard.library(house, Flavour::Provoke)?,
            &provoke.join(NAME).with_extension("dll"),
        )?;
        self.panics = true;
        Ok(())
    }

    /// What was built, and what runs it.
    pub(crate) fn around(house: &House, built: Built) -> Result<Self, Failed> {
        shim(house, &built.directory)?;
        let wine = Arc::new(Wine::prepare(&built.directory)?);
        Ok(Self {
            built,
            wine,
            panics: false,
        })
    }

    /// What was built.
    pub(crate) fn built(&self) -> &Built {
        &self.built
    }

    /// What runs programs of Windows.
    pub(crate) fn wine(&self) -> Arc<Wine> {
        Arc::clone(&self.wine)
    }

    /// What has to lie beside a program that loads the library under an old wine, and is never shipped.
    pub(crate) fn shim(&self) -> PathBuf {
        self.built.directory.join(SHIM)
    }

    /// The tests of what was built, which have a region to talk to.
    pub(crate) fn tests(&self, house: &House, region: &Path) -> Command {
        let mut cargo = house.cargo();
        cargo
            // All packages, as in the other tests: with those of one, other features of them would be chosen and compiled.
            .args(["test", "--workspace", "--test", "windows", "--no-fail-fast"])
            .env("GCA_WINDOWS", &self.built.directory)
            .env("GCA_REGION", region);
        if !self.panics {
            cargo.args(["--", "--skip", "panic", "--skip", "provoke"]);
        }
        cargo
    }

    /// The main job: who judges it on Linux judges it here.
    pub(crate) fn demonstration(&self, house: &House, region: &Path) -> Result<(), Failed> {
        Demo::default().run(&self.stage(house, region, "demo-windows"))
    }

    /// The host is killed and started again, with a journal.
    pub(crate) fn crashes(&self, house: &House, region: &Path, kills: u32) -> Result<(), Failed> {
        Crash::slow_to_start(kills).run(&self.stage(house, region, "crash-windows"))
    }

    fn stage(&self, house: &House, region: &Path, records: &str) -> Stage {
        Stage {
            library: self.built.library.clone(),
            host: self.built.host.clone(),
            region: region.to_owned(),
            records: house.target.join(records),
            shown: false,
            wine: Some(self.wine()),
        }
    }
}

/// Builds what ships.
pub(crate) fn build(house: &House) -> Result<Built, Failed> {
    build_with(house, Standard::find()?)
}

fn build_with(house: &House, standard: Standard) -> Result<Built, Failed> {
    machine::provide(machine::Purpose::Windows)?;
    let base = house.target.join("windows");
    let kit = base.join("kit");
    make_directory(&kit)?;
    let library = kit.join(NAME).with_extension("dll");
    strip(&standard.library(house, Flavour::Shipped)?, &library)?;
    for_linkers(house, &kit)?;
    let host = host(house, &base, &kit)?;
    Ok(Built {
        debug: library.with_extension("dll.debug"),
        import_library: library.with_extension("lib"),
        definition: library.with_extension("def"),
        directory: kit,
        library,
        host,
    })
}

/// Builds the simulated region for Windows. No test here needs it: the region is a server, and serves from Linux as well.
pub(crate) fn region(house: &House) -> Result<PathBuf, Failed> {
    let standard = Standard::find()?;
    let mut cargo = standard.cargo(house, "build")?;
    run(cargo.args(["--package", "gca-region", "--bin", "gca-region"]))?;
    existing(standard.made(house).join("gca-region.exe"))
}

/// What is linked in besides packages. The compiler's own runtime is under an exception that asks for nothing.
pub(crate) fn runtimes(house: &House) -> Result<Vec<Runtime>, Failed> {
    let of_debian = |name: &str, licence: &str, package: &str| {
        Ok(Runtime {
            name: name.to_owned(),
            version: version(package)?,
            licence: licence.to_owned(),
            texts: vec![Path::new("/usr/share/doc").join(package).join("copyright")],
        })
    };
    let gcc = |name: &str| {
        let licence = "GPL-3.0-or-later WITH GCC-exception-3.1";
        of_debian(name, licence, "gcc-mingw-w64-x86-64-posix-runtime")
    };
    Ok(vec![
        match Standard::find()? {
            Standard::Installed => house.standard_library()?,
            Standard::Debian => {
                of_debian("Rust standard library", "MIT OR Apache-2.0", "rust-web-src")?
            }
        },
        of_debian("mingw-w64 runtime", "ZPL-2.1", "mingw-w64-x86-64-dev")?,
        gcc("libgcc")?,
        // In the example host.
        gcc("libstdc++")?,
    ])
}

/// The tools that all of it is made with, and their versions.
pub(crate) fn tools(house: &House) -> Result<Vec<(String, String)>, Failed> {
    let rustc = match Standard::find()? {
        Standard::Installed => house.standard_library()?.version,
        Standard::Debian => version("rustc-web")?,
    };
    let of_debian = |package: &str| Ok((package.to_owned(), version(package)?));
    Ok(vec![
        ("rustc".to_owned(), rustc),
        of_debian("gcc-mingw-w64-x86-64-posix")?,
        of_debian("binutils-mingw-w64-x86-64")?,
    ])
}

/// The version of one of Debian's packages.
fn version(package: &str) -> Result<String, Failed> {
    said(Command::new("dpkg-query").args(["--show", "--showformat=${Version}", package]))
}

/// Of the flavours of the library, those that are built for Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    /// As a recorder gets it.
    Shipped,
    /// As shipped, and with the settings key that makes it panic at a chosen place.
    Provoke,
}

/// Where the standard library for Windows comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standard {
    /// The compiler has it.
    Installed,
    /// It is compiled from its sources, by Debian's compiler: both come in Debian's packages.
    Debian,
}

impl Standard {
    fn find() -> Result<Self, Failed> {
        if is_installed() {
            Ok(Self::Installed)
        } else {
            Self::of_debian()
        }
    }

    fn of_debian() -> Result<Self, Failed> {
        machine::provide(machine::Purpose::WindowsStandardLibrary).map_err(|failed| {
            Failed::new(format!(
                "{failed}. They are needed because this Rust has no standard library for Windows; where there is a \
                 rustup, this brings it instead: rustup target add {WINDOWS}"
            ))
        })?;
        Ok(Self::Debian)
    }

    /// Where cargo builds: each compiler has a place of its own, as for [`House::library`]'s reason.
    fn base(self, house: &House) -> PathBuf {
        let name = match self {
            Self::Installed => "installed",
            Self::Debian => "debian",
        };
        house.target.join("windows").join(name)
    }

    /// Where cargo puts what it has made.
    fn made(self, house: &House) -> PathBuf {
        self.base(house).join(WINDOWS).join("release")
    }

    fn cargo(self, house: &House, what: &str) -> Result<Command, Failed> {
        let base = self.base(house);
        let mut cargo = match self {
            Self::Installed => house.cargo(),
            Self::Debian => house.cargo_as("/usr/bin/cargo".into()),
        };
        cargo.args([what, "--release", "--locked", "--target", WINDOWS]);
        cargo.arg("--target-dir").arg(&base);
        let target = WINDOWS.replace('-', "_");
        let variable = target.to_uppercase();
        cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), linker(&base)?);
        // What a build script would find by itself; with it, what was compiled by another is compiled again.
        cargo.env(format!("CC_{target}"), format!("{MINGW}gcc"));
        cargo.env(format!("AR_{target}"), format!("{MINGW}ar"));
        let mut flags = house.remapped();
        flags.push(format!("-Clink-arg={NO_TIME}"));
        if self == Self::Debian {
            // Sources of the standard library are no stable part of the compiler; this is its own switch for such parts.
            cargo
                .arg("-Zbuild-std=std,panic_unwind")
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1");
            flags.push(format!("--remap-path-prefix={STANDARD_SOURCES}=/rust"));
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        let mut flags = house.mapped_in_c();
        flags.push(SMALLER_CRYPTO.to_owned());
        cargo.env(format!("CFLAGS_{target}"), flags.join(" "));
        Ok(cargo)
    }

    /// Builds the library in one flavour. On Windows the compiler gives both the same file, and cargo, which looks at the
    /// packages and the features only, would take the one for the other: each gets back what was made of it the last time, or
    /// nothing, before cargo looks whether that is still up to date.
    fn library(self, house: &House, flavour: Flavour) -> Result<PathBuf, Failed> {
        let name = PathBuf::from(NAME).with_extension("dll");
        let kept = self
            .base(house)
            .join(format!("{flavour:?}").to_lowercase())
            .join(&name);
        make_directory(kept.parent().unwrap_or(&kept))?;
        let place = self.made(house).join("deps").join(&name);
        match std::fs::rename(&kept, &place) {
            Ok(()) => {}
            Err(_) if !place.exists() => {}
            Err(_) => {
                std::fs::remove_file(&place).map_err(|error| cannot_write(&place, &error))?;
            }
        }
        let mut cargo = self.cargo(house, "rustc")?;
        cargo.args(["--lib", "--crate-type", "cdylib"]);
        if flavour == Flavour::Provoke {
            cargo.args(["--features", "provoke"]);
        }
        run(&mut cargo)?;
        let made = existing(place)?;
        std::fs::copy(&made, &kept).map_err(|error| cannot_write(&kept, &error))?;
        Ok(kept)
    }
}

/// Makes what the compiler links with: mingw's, told of what lies in `base` by paths from there. Its linker puts imports in the
/// order of the paths of their archives, and a library made at another place would have them in another order.
fn linker(base: &Path) -> Result<PathBuf, Failed> {
    let script = format!(
        "#!/bin/sh\n\
         # Links a program of Windows, wherever it is made. Made by cargo xtask windows.\n\
         base='{base}'\n\
         cd \"$base\" || exit\n\
         for argument do\n\
         \tshift\n\
         \tset -- \"$@\" \"${{argument#\"$base\"/}}\"\n\
         done\n\
         exec {MINGW}gcc \"$@\"\n",
        base = base.display().to_string().replace('\'', r"'\''")
    );
    // Cargo links anew if the linker has another path; what it holds it does not look at. The compiler sees by the name that
    // it is called as gcc is. It is not mingw's whole name: the build script of a C library, which is told of the linker,
    // would then take it for one of a set of tools of that place, and compile with it.
    let mut hasher = DefaultHasher::new();
    script.hash(&mut hasher);
    let directory = base
        .join("linker")
        .join(format!("{:016x}", hasher.finish()));
    let linker = directory.join("gcc");
    if !linker.is_file() {
        make_directory(&directory)?;
        // It is there as soon as it can be started.
        let coming = directory.join(format!("gcc.{}", std::process::id()));
        write(&coming, script.as_bytes())?;
        run_quietly(Command::new("chmod").arg("755").arg(&coming))?;
        std::fs::rename(&coming, &linker).map_err(|error| cannot_write(&linker, &error))?;
    }
    Ok(linker)
}

/// Whether the compiler has a standard library for Windows.
fn is_installed() -> bool {
    let answer = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WINDOWS])
        .stderr(Stdio::null())
        .output();
    answer.is_ok_and(|answer| {
        let directory = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        std::fs::read_dir(directory).is_ok_and(|mut files| files.next().is_some())
    })
}

/// Puts the library into the kit as it ships, and beside it what was stripped. Imports that the compiler makes itself are named
/// after a directory of the build with a random name, so these names go.
fn strip(whole: &Path, stripped: &Path) -> Result<(), Failed> {
    let debug = stripped.with_extension("dll.debug");
    run_quietly(
        mingw("objcopy")
            .arg("--only-keep-debug")
            .args(["--wildcard", "--strip-symbol=_head_*"])
            .arg("--strip-symbol=*_imports_lib_iname")
            .arg(whole)
            .arg(&debug),
    )?;
    run_quietly(
        mingw("strip")
            .arg("--strip-all")
            .arg("-o")
            .arg(stripped)
            .arg(whole),
    )?;
    // Named without a directory: a debugger looks beside the library.
    let directory = debug.parent().unwrap_or(Path::new("."));
    let mut link = String::from("--add-gnu-debuglink=");
    link.push_str(&file_name(&debug));
    run_quietly(
        mingw("objcopy")
            .current_dir(directory)
            .arg(link)
            .arg(file_name(stripped)),
    )
}

/// The files for hosts that are linked with the library: the list of its functions, and an import library in the form of
/// Microsoft's tools, which mingw's linker reads as well.
fn for_linkers(house: &House, kit: &Path) -> Result<(), Failed> {
    let header = house.root.join("include").join(NAME).with_extension("h");
    let text = std::fs::read_to_string(&header)
        .map_err(|error| Failed::new(format!("cannot read {}: {error}", header.display())))?;
    let definition = definition(&functions(&text));
    write(&kit.join(NAME).with_extension("def"), definition.as_bytes())?;
    let wrong = |error| Failed::new(format!("cannot make the import library: {error}"));
    let library = implib::ImportLibrary::new(
        &definition,
        implib::MachineType::AMD64,
        implib::Flavor::Msvc,
    )
    .map_err(wrong)?;
    let mut bytes = Cursor::new(Vec::new());
    library.write_to(&mut bytes).map_err(wrong)?;
    write(&kit.join(NAME).with_extension("lib"), bytes.get_ref())
}

/// The functions that the header declares.
fn functions(header: &str) -> Vec<&str> {
    let mut found: Vec<&str> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#', '*', '}']) && line.contains('('))
        .filter_map(|line| line.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("gca_"))
        .collect();
    found.sort_unstable();
    found
}

fn definition(functions: &[&str]) -> String {
    let mut text = format!("LIBRARY {NAME}.dll\r\nEXPORTS\r\n");
    for function in functions {
        text.push_str("    ");
        text.push_str(function);
        text.push_str("\r\n");
    }
    text
}

/// Debian's wine has no `ProcessPrng`, by which Rust's standard library asks for randomness.
fn shim(house: &House, kit: &Path) -> Result<(), Failed> {
    run_quietly(
        mingw("gcc")
            .args(["-shared", "-O1", "-Wall", "-Werror", "-o"])
            .arg(kit.join(SHIM))
            .arg(house.root.join("tests/windows/process_prng.c"))
            .arg("-ladvapi32"),
    )
}

/// The example host, by CMake as on Linux.
fn host(house: &House, base: &Path, kit: &Path) -> Result<PathBuf, Failed> {
    let build = base.join("host");
    run_quietly(
        Command::new("cmake")
            .arg("--fresh")
            .arg("-S")
            .arg(house.root.join("host-example"))
            .arg("-B")
            .arg(&build)
            .args(["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_SYSTEM_NAME=Windows"])
            .arg(format!("-DCMAKE_C_COMPILER={MINGW}gcc-posix"))
            // Of mingw's two the one that has the threads of the standard library.
            .arg(format!("-DCMAKE_CXX_COMPILER={MINGW}g++-posix"))
            .arg(format!("-DCMAKE_RC_COMPILER={MINGW}windres"))
            .arg(format!("-DCMAKE_EXE_LINKER_FLAGS=-static -s {NO_TIME}")),
    )?;
    run_quietly(Command::new("cmake").arg("--build").arg(&build))?;
    let made = existing(build.join("recorder-host.exe"))?;
    let host = kit.join("recorder-host.exe");
    std::fs::copy(&made, &host).map_err(|error| cannot_write(&host, &error))?;
    Ok(host)
}

/// One of mingw's programs. Where they write a time into what they make, they write none.
pub(crate) fn mingw(name: &str) -> Command {
    let mut command = Command::new(format!("{MINGW}{name}"));
    command.env("SOURCE_DATE_EPOCH", "0");
    command
}

/// A Windows of its own, in the kit, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Wine {
    /// Starts the program that its first argument names, and has that program's process id.
    pub(crate) launcher: PathBuf,
    prefix: PathBuf,
}

/// Where Debian's package has it.
const WINE: &str = "/usr/lib/wine/wine64";
const WINE_SERVER: &str = "/usr/lib/wine/wineserver64";

impl Wine {
    /// Makes the launcher and, once, the Windows that it shows.
    pub(crate) fn prepare(kit: &Path) -> Result<Self, Failed> {
        const PATIENCE: Duration = Duration::from_secs(180);

        let prefix = kit.join("prefix");
        let launcher = kit.join("wine");
        // No home, no menus, no windows, no mono or gecko: what wine asks about and leaves behind elsewhere. And no roots of
        // this machine in place of Windows'.
        let script = format!(
            "#!/bin/sh\n\
             # Starts a program of Windows: wine PROGRAM [ARGUMENTS]. Made by cargo xtask windows.\n\
             export WINEPREFIX='{prefix}' HOME='{prefix}' WINEARCH=win64 WINEDEBUG=-all\n\
             export WINEDLLOVERRIDES='mscoree=;mshtml=;winemenubuilder.exe='\n\
             unset DISPLAY WAYLAND_DISPLAY SSL_CERT_FILE SSL_CERT_DIR\n\
             # By itself its server ends with the last program, and turns away who begins at that moment.\n\
             {WINE_SERVER} -p3 </dev/null >/dev/null 2>&1\n\
             exec {WINE} \"$@\"\n",
            prefix = prefix.display()
        );
        write(&launcher, script.as_bytes())?;
        run_quietly(Command::new("chmod").arg("755").arg(&launcher))?;
        let wine = Self { launcher, prefix };
        let is_made = wine.prefix.join("system.reg").is_file();
        if !is_made {
            make_directory(&wine.prefix)?;
            let (booting, ()) = crate::started::Started::new(
                Command::new(&wine.launcher)
                    .args(["wineboot.exe", "--init"])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null()),
                |_| (),
            )?;
            let status = booting.wait(PATIENCE)?;
            // What it has made is on the disk when its server has ended.
            wine.ask_server("-w")?;
            if !status.success() {
                return Err(Failed::new(format!(
                    "wine could not make its Windows in {}: {status}",
                    wine.prefix.display()
                )));
            }
        }
        Ok(wine)
    }

    /// Ends everything that runs in it, its server too. Sockets are the server's, and now and then it keeps one of a program
    /// that was killed, which Windows never does: the other side would not hear of the end.
    pub(crate) fn end(&self) -> Result<(), Failed> {
        self.ask_server("-k")?;
        self.ask_server("-w")
    }

    fn ask_server(&self, how: &str) -> Result<(), Failed> {
        const PATIENCE: Duration = Duration::from_secs(60);

        let begin = Instant::now();
        let (server, ()) = crate::started::Started::new(
            Command::new(WINE_SERVER)
                .arg(how)
                .env("WINEPREFIX", &self.prefix)
                .stdin(Stdio::null())
                .stderr(Stdio::null()),
            |_| (),
        )?;
        server
            .wait(PATIENCE.saturating_sub(begin.elapsed()))
            .map(drop)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Fails if the server does not end in time, or cannot be asked; nobody is left who would do something about it.
        let _ = self.end();
    }
}

/// A path of this machine as a program under wine names it: the whole file system is its drive Z.
pub(crate) fn seen_under_wine(path: &Path) -> PathBuf {
    PathBuf::from(format!("Z:{}", path.display()).replace('/', "\\"))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn make_directory(path: &Path) -> Result<(), Failed> {
    std::fs::create_dir_all(path).map_err(|error| cannot_write(path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    std::fs::write(path, bytes).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_a_header_are_found_and_nothing_else() {
        let header = "/** Of `gca_create(host)`. */\ngca_status gca_stop(gca_handle handle, uint32_t timeout_ms);\n\
                      const char *gca_version(void);\ntypedef struct gca_api {\n    gca_status (*stop)(gca_handle);\n} gca_api;\n\
                      #define GCA_HAS(event, field) 1\ntypedef void (*gca_x)(void);\n";
        assert_eq!(functions(header), ["gca_stop", "gca_version"]);
        assert_eq!(
            definition(&["gca_stop"]),
            "LIBRARY genesys_cloud_adapter.dll\r\nEXPORTS\r\n    gca_stop\r\n"
        );
    }

    #[test]
    fn a_path_is_named_as_windows_does() {
        assert_eq!(
            seen_under_wine(Path::new("/tmp/a b/c.jsonl")),
            Path::new("Z:\\tmp\\a b\\c.jsonl")
        );
    }
}
