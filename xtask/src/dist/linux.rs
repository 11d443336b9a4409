//! The files of the release for Linux: split from their debug information, and checked for what would keep them from
//! running on the systems they are made for.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{Runtime, said};
use crate::Failed;
use crate::artefact::{House, existing, run};
use crate::zig::{GLIBC, Zig};

/// What is built for Linux, and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// As it ships: without debug information, with the name of the file that has it.
    pub(crate) library: PathBuf,
    /// The library's debug information.
    pub(crate) debug: PathBuf,
    /// The example host.
    pub(crate) host: PathBuf,
    /// The simulated region.
    pub(crate) region: PathBuf,
}

/// The system's own libraries that the files may ask for; all of them belong to glibc.
const SYSTEM: [&str; 6] = [
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// What one is given to link with, besides packages: what the licences page tells of it.
pub(crate) fn runtimes(house: &House, zig: &Zig) -> Result<Vec<Runtime>, Failed> {
    let version = |name: &str| {
        let found = Zig::versions().into_iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, version)| version)
    };
    let llvm = "Apache-2.0 WITH LLVM-exception";
    let of_zig = |name: &str, licence: &str, text: &str| Runtime {
        name: name.to_owned(),
        version: format!("of zig {}", version("ziglang")),
        licence: licence.to_owned(),
        texts: vec![zig.file(text)],
    };
    Ok(vec![
        house.standard_library()?,
        of_zig("zig compiler runtime", "MIT", "LICENSE"),
        of_zig("libunwind", llvm, "lib/libunwind/LICENSE.TXT"),
        // In the example host.
        of_zig("libc++", llvm, "lib/libcxx/LICENSE.TXT"),
        of_zig("libc++abi", llvm, "lib/libcxxabi/LICENSE.TXT"),
    ])
}

/// The example host as it ships: with C++'s standard library linked in.
pub(crate) fn host(house: &House, zig: &Zig) -> Result<PathBuf, Failed> {
    let to = house.kit()?.join("recorder-host");
    let mut cpp = zig.cpp();
    cpp.args(["-std=c++17", "-O2", "-s", "-pthread", "-I"])
        .arg(house.root.join("include"))
        .arg(house.root.join("host-example/main.cpp"))
        .arg("-o")
        .arg(&to)
        .arg("-ldl");
    run(&mut cpp)?;
    existing(to)
}

/// Copies what was built to `to` without its debug information; that goes beside it, under the same name and `.debug`.
pub(crate) fn split(built: &Path, to: &Path) -> Result<PathBuf, Failed> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".debug");
    let debug = to.with_file_name(&name);
    run(Command::new("objcopy")
        .arg("--only-keep-debug")
        .arg(built)
        .arg(&debug))?;
    // The link holds the name alone, so it is made where the file is.
    let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
    link.push(&name);
    // A new file: one that a process has mapped must not change under it.
    let _ = std::fs::remove_file(to);
    run(Command::new("objcopy")
        .current_dir(to.parent().unwrap_or(Path::new(".")))
        .arg("--strip-all")
        .arg(link)
        .arg(built)
        .arg(to))?;
    Ok(debug)
}

/// Checks that a file runs on the oldest system, and asks for no library but the system's.
pub(crate) fn runs_on_old_systems(file: &Path) -> Result<(), Failed> {
    let symbols = said(Command::new("objdump").arg("-T").arg(file))?;
    let headers = said(Command::new("objdump").arg("-p").arg(file))?;
    let wrong = too_new(&symbols, &headers);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failed::new(format!(
        "{} would not run with glibc {GLIBC}:\n{}",
        file.display(),
        wrong.join("\n")
    )))
}

/// What `objdump` tells that an older system lacks.
fn too_new(symbols: &str, headers: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut versions = 0;
    for line in symbols.lines() {
        let Some(at) = line.find("GLIBC_") else {
            continue;
        };
        versions += 1;
        let version: String = line
            .get(at + "GLIBC_".len()..)
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        if version.is_empty() || numbers(&version) > numbers(GLIBC) {
            let name = line.split_whitespace().next_back().unwrap_or_default();
            wrong.push(format!("{name} is of glibc {version}"));
        }
    }
    let needed: Vec<&str> = headers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("NEEDED").map(str::trim))
        .collect();
    for name in needed.iter().filter(|name| !SYSTEM.contains(name)) {
        wrong.push(format!("{name} is not part of the system"));
    }
    if versions == 0 || needed.is_empty() {
        wrong.push("objdump shows no symbol of glibc".to_owned());
    }
    wrong
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMBOLS: &str = "\
0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.2.5) write
0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.28) statx
0000000000000000  w   DF *UND*\t0000000000000000  Base        __gmon_start__
00000000000a1b20 g    DF .text\t0000000000000021  Base        gca_start";
    const HEADERS: &str =
        "  NEEDED               libc.so.6\n  NEEDED               ld-linux-x86-64.so.2\n";

    #[test]
    fn what_the_oldest_system_has_is_taken() {
        assert_eq!(too_new(SYMBOLS, HEADERS), Vec::<String>::new());
    }

    #[test]
    fn what_it_lacks_is_named() {
        let newer = SYMBOLS.replace("(GLIBC_2.28) statx", "(GLIBC_2.34) dlopen");
        assert_eq!(too_new(&newer, HEADERS), ["dlopen is of glibc 2.34"]);
        let more = format!("{HEADERS}  NEEDED               libgcc_s.so.1\n");
        assert_eq!(
            too_new(SYMBOLS, &more),
            ["libgcc_s.so.1 is not part of the system"]
        );
        assert_eq!(too_new("", "").len(), 1, "what was not read is not good");
    }
}
