//! `cargo xtask dist`: the archives that a recorder team downloads, in `target/dist/`.
//!
//! Knows: what lies where in an archive, what it is made of, and that the same commit makes the same bytes with the same
//! tools. Does not know how files are built (`artefact`, `zig`, `crate::windows`) nor how bytes become an archive (`archive`).

pub(crate) mod archive;
pub(crate) mod consumer;
pub(crate) mod linux;
pub(crate) mod packages;
pub(crate) mod windows;

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;

use archive::{Contents, Form, SUMS, below};
use consumer::{Consumer, Way};
use packages::{Packages, Runtime, said};

use crate::artefact::{Flavour, House, LINUX, WINDOWS, run};
use crate::demo::Demo;
use crate::windows::{Built, Windows};
use crate::zig::Zig;
use crate::{Arguments, Failed, machine};

/// What the library may weigh on each platform, as it ships.
const HEAVIEST: usize = 9_000_000;

/// A part of every archive's name, and of the project's.
const NAME: &str = "genesys-cloud-adapter";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Asks for the archives alone, as a second build does.
const UNTRIED: &str = "--untried";

/// The command. What it has made it tries as who downloads it would.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    let (mut is_twice, mut is_tried) = (false, true);
    while let Some(name) = arguments.next_name()? {
        match name.as_str() {
            "--twice" => is_twice = true,
            UNTRIED => is_tried = false,
            _ => return Err(arguments.unknown(&name, &["--twice", UNTRIED])),
        }
    }
    machine::provide(machine::Purpose::Release)?;
    let house = House::find()?;
    let built = crate::windows::build(&house)?;
    let made = make(&house, Some(&built))?;
    if is_tried {
        let linux = Consumer::unpack(archive_for(&made, LINUX)?)?;
        for way in Way::ALL {
            let records = house.target.join("demo-released");
            Demo::default().run(&linux.stage(linux.host(way)?, records)?)?;
        }
        let records = house.target.join("demo-windows");
        let windows = Windows::around(&house, built)?;
        let consumer = Consumer::unpack(archive_for(&made, WINDOWS)?)?;
        Demo::default().run(&consumer.stage_on_windows(&windows, records)?)?;
    }
    for archive in &made {
        println!("{}", archive.display());
    }
    if is_twice {
        once_more(&house, &made)?;
        println!("a copy of this commit at another place made the same bytes");
    }
    Ok(())
}

/// Makes the archives and the list of their checksums; tells where the archives are. What is for Windows was built before; if
/// that failed, the rest is made all the same.
pub(crate) fn make(house: &House, windows: Option<&Built>) -> Result<Vec<PathBuf>, Failed> {
    let mut releases = vec![Release::linux(house)?];
    if let Some(built) = windows {
        releases.push(Release::windows(house, built)?);
    }
    let directory = house.target.join("dist");
    // What lies there may be of another version.
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).map_err(|error| cannot_write(&directory, &error))?;
    let mut packed = Vec::new();
    for release in &releases {
        packed.push((release.file_name(), release.pack()?));
    }
    let sums = archive::sums(
        packed
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
    let mut made = Vec::new();
    for (name, bytes) in &packed {
        let path = directory.join(name);
        std::fs::write(&path, bytes).map_err(|error| cannot_write(&path, &error))?;
        made.push(path);
    }
    let path = directory.join(SUMS);
    std::fs::write(&path, sums).map_err(|error| cannot_write(&path, &error))?;
    Ok(made)
}

/// Of the archives, the one for that platform.
pub(crate) fn archive_for<'a>(made: &'a [PathBuf], target: &str) -> Result<&'a Path, Failed> {
    let platform = platform(target);
    let is_for = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().contains(platform)
    };
    made.iter()
        .find(is_for)
        .map(PathBuf::as_path)
        .ok_or_else(|| Failed::new(format!("there is no archive for {platform}")))
}

/// A platform, as it stands in the names of archives.
fn platform(target: &str) -> &'static str {
    if target == LINUX {
        "linux-x86_64"
    } else {
        "windows-x86_64"
    }
}

/// A release for one platform, ready to be packed.
#[derive(Debug)]
pub(crate) struct Release {
    /// As it stands in names: `linux-x86_64`.
    platform: &'static str,
    form: Form,
    contents: Contents,
    time: Timestamp,
}

impl Release {
    fn empty(house: &House, target: &str, form: Form) -> Result<Self, Failed> {
        Ok(Self {
            platform: platform(target),
            form,
            contents: Contents::default(),
            time: time(house)?,
        })
    }

    /// Builds what ships for Linux, and checks it.
    fn linux(house: &House) -> Result<Self, Failed> {
        let zig = Zig::provide(house)?;
        let library = house.library(Flavour::Shipped)?;
        let built = linux::Built {
            debug: library.with_extension("so.debug"),
            library,
            host: linux::host(house, &zig)?,
            region: house.region()?,
        };
        for file in [&built.library, &built.host, &built.region] {
            linux::runs_on_old_systems(file)?;
        }
        let mut release = Self::empty(house, LINUX, Form::TarGz)?;
        let contents = &mut release.contents;
        contents.add_program("lib/libgenesys_cloud_adapter.so", &built.library)?;
        contents.add_file("lib/libgenesys_cloud_adapter.so.debug", &built.debug)?;
        contents.add_program("bin/recorder-host", &built.host)?;
        contents.add_program("bin/gca-region", &built.region)?;
        let linked = linux::runtimes(house, &zig)?;
        release.complete(house, LINUX, &linked, &house.tools()?, &built.library)?;
        Ok(release)
    }

    /// Collects what was built for Windows, and checks it.
    fn windows(house: &House, built: &Built) -> Result<Self, Failed> {
        let region = windows::region(house)?;
        for file in [&built.library, &built.host, &region] {
            windows::runs_without_more(file)?;
        }
        let mut release = Self::empty(house, WINDOWS, Form::Zip)?;
        let contents = &mut release.contents;
        contents.add_program("bin/genesys_cloud_adapter.dll", &built.library)?;
        contents.add_file("bin/genesys_cloud_adapter.dll.debug", &built.debug)?;
        contents.add_program("bin/recorder-host.exe", &built.host)?;
        contents.add_program("bin/gca-region.exe", &region)?;
        contents.add_file("lib/genesys_cloud_adapter.lib", &built.import_library)?;
        contents.add_file("lib/genesys_cloud_adapter.def", &built.definition)?;
        let linked = crate::windows::runtimes(house)?;
        let tools = crate::windows::tools(house)?;
        release.complete(house, WINDOWS, &linked, &tools, &built.library)?;
        Ok(release)
    }

    /// Adds what is the same for every platform, checks the whole, and lists the checksums.
    fn complete(
        &mut self,
        house: &House,
        target: &str,
        runtimes: &[Runtime],
        tools: &[(String, String)],
        library: &Path,
    ) -> Result<(), Failed> {
        let weight = archive::read(library)?.len();
        if weight > HEAVIEST {
            return Err(Failed::new(format!(
                "the library for {} has {weight} bytes; {HEAVIEST} are allowed",
                self.platform
            )));
        }
        let contents = &mut self.contents;
        for header in ["genesys_cloud_adapter.h", "genesys_cloud_adapter.hpp"] {
            let name = format!("include/{header}");
            contents.add_file(&name, &house.root.join(&name))?;
        }
        contents.add(
            "lib/pkgconfig/genesys_cloud_adapter.pc",
            filled(include_str!("dist/pkgconfig.pc")),
        )?;
        let cmake = "lib/cmake/genesys_cloud_adapter/genesys_cloud_adapter-config";
        contents.add(&format!("{cmake}.cmake"), include_str!("dist/config.cmake"))?;
        contents.add(
            &format!("{cmake}-version.cmake"),
            filled(include_str!("dist/config-version.cmake")),
        )?;
        for directory in ["docs", "host-example"] {
            for (name, path) in below(&house.root.join(directory))? {
                contents.add_file(&format!("{directory}/{name}"), &path)?;
            }
        }
        for name in [
            "ARCHITECTURE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "LICENSE-APACHE",
            "LICENSE-MIT",
        ] {
            contents.add_file(name, &house.root.join(name))?;
        }
        contents.add("README.md", readme(target))?;
        let packages = Packages::of(house, target)?;
        packages.licences(runtimes, contents)?;
        let bill = packages.bill(runtimes, tools, self.platform, self.time)?;
        contents.add("sbom.cdx.json", bill)?;
        without_paths(house, &self.contents)?;
        self.contents.seal()
    }

    /// The directory that everything in the archive lies in.
    pub(crate) fn top(&self) -> String {
        format!("{NAME}-{VERSION}-{}", self.platform)
    }

    /// The archive's name.
    pub(crate) fn file_name(&self) -> String {
        self.top() + self.form.ending()
    }

    /// The archive.
    pub(crate) fn pack(&self) -> Result<Vec<u8>, Failed> {
        self.contents.pack(self.form, &self.top(), self.time)
    }
}

/// The archive's own first page. That of the sources begins with what cannot be done here.
fn readme(target: &str) -> String {
    let (system, library, region, host) = if target == LINUX {
        let library = "lib/libgenesys_cloud_adapter.so";
        ("Linux", library, "bin/gca-region", "bin/recorder-host")
    } else {
        let library = r"bin\genesys_cloud_adapter.dll";
        (
            "Windows",
            library,
            r"bin\gca-region.exe",
            r"bin\recorder-host.exe",
        )
    };
    filled(include_str!("dist/readme.md"))
        .replace("@SYSTEM@", system)
        .replace("@LIBRARY@", library)
        .replace("@REGION@", region)
        .replace("@HOST@", host)
}

/// A template with the version in it.
fn filled(template: &str) -> String {
    template
        .replace("@VERSION@", VERSION)
        .replace("@MAJOR@", env!("CARGO_PKG_VERSION_MAJOR"))
}

/// The time of all files: that of the commit, unless `SOURCE_DATE_EPOCH` says another. Where there is neither, as in
/// sources without their history, the first day that both forms of archive can tell.
fn time(house: &House) -> Result<Timestamp, Failed> {
    let mut git = Command::new("git");
    git.current_dir(&house.root)
        .args(["log", "-1", "--format=%ct"]);
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => Some(seconds),
        Err(_) => said(&mut git).ok(),
    };
    let time = match seconds {
        Some(seconds) => {
            let seconds = seconds.trim();
            let number = seconds.parse().ok();
            number
                .and_then(|number| Timestamp::from_second(number).ok())
                .ok_or_else(|| {
                    Failed::new(format!("\"{seconds}\" is no time in seconds since 1970"))
                })?
        }
        None => Timestamp::UNIX_EPOCH,
    };
    // 1980-01-01: a zip knows none before it.
    Ok(time.max(Timestamp::from_second(315_532_800).unwrap_or(time)))
}

/// No file may hold a path of the machine that made it: the bytes would depend on it, and it is nobody's business.
fn without_paths(house: &House, contents: &Contents) -> Result<(), Failed> {
    for (path, other) in house.places() {
        let path = path.to_string_lossy().into_owned();
        for (name, bytes) in contents.files() {
            if path != other && holds(bytes, path.as_bytes()) {
                return Err(Failed::new(format!(
                    "{name} holds the path {path} of this machine"
                )));
            }
        }
    }
    Ok(())
}

/// Whether a path stands in a text or in a program: as a whole, not as the end or the beginning of another name.
fn holds(bytes: &[u8], path: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let Some(first) = path.first() else {
        return false;
    };
    let mut rest = bytes;
    let mut before = None;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        let (passed, here) = rest.split_at(at);
        let before_it = passed.last().or(before);
        if let Some(behind) = here.strip_prefix(path)
            && !before_it.is_some_and(is_of_name)
            && !behind.first().is_some_and(is_of_name)
        {
            return true;
        }
        before = Some(first);
        rest = here.get(1..).unwrap_or_default();
    }
    false
}

/// Makes everything a second time, of a copy of this commit at another place and from nothing, and compares.
fn once_more(house: &House, made: &[PathBuf]) -> Result<(), Failed> {
    let mut git = Command::new("git");
    git.current_dir(&house.root);
    let changed = said(git.args(["status", "--porcelain"]))?;
    if !changed.is_empty() {
        return Err(Failed::new(format!(
            "a second build is made of the commit, which these files differ from:\n{changed}"
        )));
    }
    let place = tempfile::tempdir()
        .map_err(|error| Failed::new(format!("cannot make a directory: {error}")))?;
    let copy = place.path().join("another-place");
    run(Command::new("git")
        .args(["clone", "--quiet"])
        .arg(&house.root)
        .arg(&copy))?;
    let mut again = house.cargo();
    again.current_dir(&copy).env_remove("CARGO_TARGET_DIR");
    run(again.args(["xtask", "dist", UNTRIED]))?;
    for path in made {
        let name = path.file_name().unwrap_or_default();
        let other = copy.join("target/dist").join(name);
        if archive::read(path)? != archive::read(&other)? {
            let kept = path.with_file_name(format!("other-{}", name.to_string_lossy()));
            std::fs::copy(&other, &kept).map_err(|error| cannot_write(&kept, &error))?;
            return Err(Failed::new(format!(
                "{} and {} differ",
                path.display(),
                kept.display()
            )));
        }
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_as_a_whole_only() {
        for text in [
            "/home/a",
            "x /home/a/src",
            "\0/home/a\0",
            "\"//home/a/b\"",
            "(/home/a)",
        ] {
            assert!(holds(text.as_bytes(), b"/home/a"), "{text}");
        }
        for text in [
            "",
            "/home/",
            "/home/ab",
            "/srv/home/a",
            "/home/a-b/c",
            "home/a",
        ] {
            assert!(!holds(text.as_bytes(), b"/home/a"), "{text}");
        }
    }
}
