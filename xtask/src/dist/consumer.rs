//! Who downloads a release: unpacks the archive in an empty directory, builds the example in each way that is promised,
//! and lets it follow the region that is in the archive. Nothing else of this project is used.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::Form;
use super::packages::said;
use crate::Failed;
use crate::artefact::existing;
use crate::demo::Stage;
use crate::windows::{MINGW, Windows};

/// An archive that was unpacked, and the hosts that were built with it. Is removed with this value.
#[derive(Debug)]
pub(crate) struct Consumer {
    place: tempfile::TempDir,
    /// The directory that the archive brought.
    top: PathBuf,
}

/// The ways to build the example.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// CMake, which finds the package beside the example.
    FindPackage,
    /// A compiler, with what pkg-config tells.
    PkgConfig,
    /// Not at all: the program that the archive brings.
    AsItComes,
}

impl Way {
    /// Each of them.
    pub(crate) const ALL: [Self; 3] = [Self::FindPackage, Self::PkgConfig, Self::AsItComes];
}

impl Consumer {
    /// Unpacks an archive and compares every file with its checksum.
    pub(crate) fn unpack(archive: &Path) -> Result<Self, Failed> {
        let place = tempfile::tempdir()
            .map_err(|error| Failed::new(format!("cannot make a directory: {error}")))?;
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        let top = if let Some(top) = name.strip_suffix(Form::Zip.ending()) {
            let mut python = alone("python3", place.path());
            said(python.args(["-m", "zipfile", "-e"]).arg(archive).arg("."))?;
            top
        } else {
            said(alone("tar", place.path()).arg("-xzf").arg(archive))?;
            name.trim_end_matches(Form::TarGz.ending())
        };
        let top = place.path().join(top);
        let sums = alone("sha256sum", &top)
            .args(["--check", "--strict", "SHA256SUMS"])
            .output();
        let sums = sums.map_err(|error| Failed::new(format!("cannot run sha256sum: {error}")))?;
        let checked = String::from_utf8_lossy(&sums.stdout);
        let files = super::archive::below(&top)?.len();
        // Every file but the list itself.
        if !sums.status.success() || checked.lines().count() + 1 != files {
            return Err(Failed::new(format!(
                "{files} files were unpacked, but of their checksums:\n{checked}{}",
                String::from_utf8_lossy(&sums.stderr)
            )));
        }
        Ok(Self { place, top })
    }

    /// The example host, built in one way.
    pub(crate) fn host(&self, way: Way) -> Result<PathBuf, Failed> {
        let to = self.room(&format!("{way:?}"))?;
        match way {
            Way::FindPackage => {
                self.by_cmake(&to, &[])?;
                // The path of the library is in the program, as CMake does it for a build tree.
                runs_with_this_version(&mut alone(to.join("linked"), &to))?;
                existing(to.join("recorder-host"))
            }
            Way::PkgConfig => {
                self.by_pkg_config(&to, "gcc", "g++", &["-ldl", "-pthread"])?;
                let mut linked = alone(to.join("linked"), &to);
                runs_with_this_version(linked.env("LD_LIBRARY_PATH", self.file("lib")))?;
                existing(to.join("recorder-host"))
            }
            Way::AsItComes => existing(self.file("bin/recorder-host")),
        }
    }

    /// What a demonstration on Windows needs, all of it from the archive, its host built with it. That a host which is linked
    /// with the library runs is seen before. Wine lacks a part of Windows, which is put beside the programs.
    pub(crate) fn stage_on_windows(
        &self,
        windows: &Windows,
        records: PathBuf,
    ) -> Result<Stage, Failed> {
        let (found, told, bin) = (self.room("found")?, self.room("told")?, self.file("bin"));
        let (wine, lacking) = (windows.wine(), windows.shim());
        let library = bin.join("genesys_cloud_adapter.dll");
        beside(&lacking, &bin)?;
        let settings = [
            "-DCMAKE_SYSTEM_NAME=Windows".to_owned(),
            "-DCMAKE_EXE_LINKER_FLAGS=-static".to_owned(),
            format!("-DCMAKE_C_COMPILER={MINGW}gcc-posix"),
            format!("-DCMAKE_CXX_COMPILER={MINGW}g++-posix"),
            format!("-DCMAKE_RC_COMPILER={MINGW}windres"),
        ];
        self.by_cmake(&found, &settings)?;
        let compilers = ["gcc-posix", "g++-posix"].map(|name| format!("{MINGW}{name}"));
        let [c, cpp] = &compilers;
        self.by_pkg_config(&told, c, cpp, &["-static"])?;
        for built in [&found, &told] {
            beside(&lacking, built)?;
            beside(&library, built)?;
            runs_with_this_version(alone(&wine.launcher, built).arg("linked.exe"))?;
            existing(built.join("recorder-host.exe"))?;
        }
        Ok(Stage {
            library: existing(library)?,
            host: existing(found.join("recorder-host.exe"))?,
            region: existing(bin.join("gca-region.exe"))?,
            records,
            shown: false,
            wine: Some(wine),
        })
    }

    /// Builds the example by CMake, which has to find the package of the archive.
    fn by_cmake(&self, to: &Path, settings: &[String]) -> Result<(), Failed> {
        let mut configure = alone("cmake", to);
        configure.arg("-S").arg(self.file("host-example"));
        let told = said(configure.args(["-B", "."]).args(settings))?;
        let found = format!("genesys_cloud_adapter {}: ", env!("CARGO_PKG_VERSION"));
        if !told.contains(&found) {
            return Err(Failed::new(format!(
                "CMake did not find the package:\n{told}"
            )));
        }
        said(alone("cmake", to).args(["--build", "."])).map(drop)
    }

    /// Builds the example by two compilers, with what pkg-config tells of the archive.
    fn by_pkg_config(&self, to: &Path, c: &str, cpp: &str, more: &[&str]) -> Result<(), Failed> {
        let flags = |what: &str| -> Result<Vec<String>, Failed> {
            let mut ask = alone("pkg-config", to);
            ask.env("PKG_CONFIG_PATH", self.file("lib/pkgconfig"));
            let told = said(ask.args([what, "genesys_cloud_adapter >= 0.1"]))?;
            Ok(told.split_whitespace().map(str::to_owned).collect())
        };
        let mut loading = alone(cpp, to);
        loading.args(["-std=c++17", "-O2"]).args(flags("--cflags")?);
        loading.arg(self.file("host-example/main.cpp"));
        said(loading.args(["-o", "recorder-host"]).args(more))?;
        let mut linking = alone(c, to);
        linking.arg("-std=c11").args(flags("--cflags")?);
        linking.arg(self.file("host-example/linked.c"));
        said(linking.args(["-o", "linked"]).args(flags("--libs")?)).map(drop)
    }

    /// A directory of its own beside the archive's.
    fn room(&self, name: &str) -> Result<PathBuf, Failed> {
        let room = self.place.path().join(name);
        std::fs::create_dir_all(&room)
            .map_err(|error| Failed::new(format!("cannot make {}: {error}", room.display())))?;
        Ok(room)
    }

    /// What a demonstration needs, all of it from the archive or built with it.
    pub(crate) fn stage(&self, host: PathBuf, records: PathBuf) -> Result<Stage, Failed> {
        Ok(Stage {
            library: existing(self.file("lib/libgenesys_cloud_adapter.so"))?,
            host,
            region: existing(self.file("bin/gca-region"))?,
            records,
            shown: false,
            wine: None,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.top.join(name)
    }
}

/// Copies a file into a directory: Windows looks for libraries beside the program.
fn beside(file: &Path, directory: &Path) -> Result<(), Failed> {
    let to = directory.join(file.file_name().unwrap_or_default());
    std::fs::copy(file, &to)
        .map(drop)
        .map_err(|error| Failed::new(format!("cannot write {}: {error}", to.display())))
}

/// A program in a directory, which is told nothing of this project by its environment.
fn alone(program: impl AsRef<OsStr>, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

fn runs_with_this_version(linked: &mut Command) -> Result<(), Failed> {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("built for {version}, runs with {version}, interface 1\n");
    let told = said(linked)?;
    // Windows ends a line in its own way.
    if told.replace("\r\n", "\n") == expected {
        Ok(())
    } else {
        Err(Failed::new(format!(
            "the program that links the library says: {told}"
        )))
    }
}
