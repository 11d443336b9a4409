//! What a command needs of the machine besides Rust, and how it gets there.
//!
//! Knows: which program comes in which Debian package. As root on a Debian-like machine, what is missing is installed;
//! otherwise the one line to run is told.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Failed;

/// What programs are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The demonstration: a C++ host is built.
    Build,
    /// The release archives: the library is linked for older systems and built for Windows, and the archives are tried.
    Release,
    /// The fuzz targets: libFuzzer is built from its sources.
    Fuzz,
    /// The tests: also the platform's official clients in Python and Node, the C++ tests in valgrind, the proxies that
    /// companies use, an OpenSSL that serves what is no longer secure, the pages of the headers, and a release.
    Test,
    /// The library for Windows, and a wine to run it.
    Windows,
    /// The standard library for Windows, where the compiler has none: its sources, and a compiler of the same version.
    WindowsStandardLibrary,
}

/// A program that a command calls.
struct Need {
    /// The Debian package that brings it.
    package: &'static str,
    /// What shows that it is there: a program and its arguments, which must succeed.
    probe: &'static [&'static str],
    purposes: &'static [Purpose],
}

const fn need(
    package: &'static str,
    probe: &'static [&'static str],
    purposes: &'static [Purpose],
) -> Need {
    Need {
        package,
        probe,
        purposes,
    }
}

const ALL: &[Purpose] = &[
    Purpose::Build,
    Purpose::Fuzz,
    Purpose::Release,
    Purpose::Test,
    Purpose::Windows,
];
const HOST: &[Purpose] = &[
    Purpose::Build,
    Purpose::Release,
    Purpose::Test,
    Purpose::Windows,
];
const RELEASE: &[Purpose] = &[Purpose::Release, Purpose::Test];
const TEST: &[Purpose] = &[Purpose::Test];
const WINDOWS: &[Purpose] = &[Purpose::Release, Purpose::Test, Purpose::Windows];
const WINDOWS_STD: &[Purpose] = &[Purpose::WindowsStandardLibrary];

/// Every program, by its package.
const NEEDS: [Need; 25] = [
    need("gcc", &["gcc", "--version"], ALL),
    need("g++", &["g++", "--version"], ALL),
    need("make", &["make", "--version"], HOST),
    need("cmake", &["cmake", "--version"], HOST),
    // Objcopy and objdump.
    need("binutils", &["objcopy", "--version"], RELEASE),
    need("pkg-config", &["pkg-config", "--version"], RELEASE),
    // Python's installer brings the linker for older systems (zig.rs).
    need("python3", &["python3", "--version"], RELEASE),
    need(
        "python3-venv",
        &["python3", "-c", "import ensurepip, venv"],
        RELEASE,
    ),
    need("abigail-tools", &["abidiff", "--version"], TEST),
    need("nodejs", &["node", "--version"], TEST),
    need("npm", &["npm", "--version"], TEST),
    need("valgrind", &["valgrind", "--version"], TEST),
    // Tests end what they started, with its helpers. The shell's own `kill` is not for programs.
    need("procps", &["kill", "-l"], TEST),
    // An administrator's program, which is not in everyone's path.
    need(
        "squid",
        &["sh", "-c", "PATH=$PATH:/usr/sbin squid -v"],
        TEST,
    ),
    need("tinyproxy", &["tinyproxy", "-v"], TEST),
    need("mitmproxy", &["mitmdump", "--version"], TEST),
    // It has no option that does nothing.
    need("microsocks", &["sh", "-c", "command -v microsocks"], TEST),
    need("openssl", &["openssl", "version"], TEST),
    // It brings libclang, by which a test reads the headers as other compilers do.
    need("doxygen", &["doxygen", "--version"], TEST),
    need(
        "gcc-mingw-w64-x86-64",
        &["x86_64-w64-mingw32-gcc-posix", "--version"],
        WINDOWS,
    ),
    need(
        "g++-mingw-w64-x86-64",
        &["x86_64-w64-mingw32-g++-posix", "--version"],
        WINDOWS,
    ),
    need("wine64", &["/usr/lib/wine/wine64", "--version"], WINDOWS),
    // Other versions of Debian's compiler have the same names for their programs.
    need("rustc-web", &["dpkg", "-s", "rustc-web"], WINDOWS_STD),
    need("cargo-web", &["dpkg", "-s", "cargo-web"], WINDOWS_STD),
    need("rust-web-src", &["dpkg", "-s", "rust-web-src"], WINDOWS_STD),
];

/// Some packages bring a service, which Debian starts unless this says no. A machine that says so itself is left alone.
const NO_SERVICES: &str = "test -e /usr/sbin/policy-rc.d || { trap 'rm -f /usr/sbin/policy-rc.d' EXIT; \
     printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d; }";

/// What fetches something from a server that has a bad minute is tried three times.
pub(crate) fn patiently<T>(mut fetch: impl FnMut() -> Result<T, Failed>) -> Result<T, Failed> {
    for pause_s in [5, 30] {
        match fetch() {
            Ok(fetched) => return Ok(fetched),
            Err(failed) => eprintln!("{failed}\nonce more in {pause_s} s"),
        }
        std::thread::sleep(Duration::from_secs(pause_s));
    }
    fetch()
}

/// Makes sure that everything for this purpose is there.
pub(crate) fn provide(purpose: Purpose) -> Result<(), Failed> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let by_hand = by_hand(&missing);
    if !answers(&["apt-get", "--version"]) {
        return Err(Failed::new(format!(
            "needs these programs, by their Debian package names: {packages}"
        )));
    }
    if !is_root() {
        return Err(Failed::new(format!(
            "needs {packages}; run: sudo sh -c '{by_hand}'"
        )));
    }
    eprintln!("installing {packages}");
    patiently(|| {
        // What it has against it, apt says by itself.
        let done = Command::new("sh")
            .args(["-c", &format!("{NO_SERVICES}; {by_hand}")])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        let still = self::missing(purpose);
        if still.is_empty() {
            return Ok(());
        }
        let ended = match done {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Err(Failed::new(format!(
            "could not install {} ({ended}; apt's own words stand above). Check that this machine reaches the servers in \
             /etc/apt, that they have these packages (Debian 12 does), and that no other installation runs; then run this \
             command again, or: {}",
            still.join(" "),
            self::by_hand(&still)
        )))
    })
}

/// The packages whose programs do not answer.
fn missing(purpose: Purpose) -> Vec<&'static str> {
    NEEDS
        .iter()
        .filter(|need| need.purposes.contains(&purpose) && !answers(need.probe))
        .map(|need| need.package)
        .collect()
}

/// What installs them. A machine may have no lists yet, or old ones; one server that fails is no reason not to try the
/// others. Another installation is waited for.
fn by_hand(packages: &[&str]) -> String {
    format!(
        "apt-get update; apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 {}",
        packages.join(" ")
    )
}

fn answers(probe: &[&str]) -> bool {
    let Some((program, arguments)) = probe.split_first() else {
        return false;
    };
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_named_once_and_every_command_needs_a_compiler() {
        for (at, need) in NEEDS.iter().enumerate() {
            assert!(
                NEEDS
                    .iter()
                    .skip(at + 1)
                    .all(|other| other.package != need.package)
            );
            assert!(!need.purposes.is_empty(), "{}", need.package);
        }
        for purpose in ALL {
            let has = |package| {
                NEEDS
                    .iter()
                    .any(|need| need.package == package && need.purposes.contains(purpose))
            };
            assert!(has("gcc") && has("g++"), "{purpose:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_noticed() {
        assert!(answers(&["true"]));
        assert!(!answers(&["false"]));
        assert!(!answers(&["no-program-of-this-name"]));
    }
}
