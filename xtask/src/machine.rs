//! What a command needs of the machine besides Rust, and how it gets there.
//!
//! Knows: which program comes in which Debian package. As root on a Debian-like machine, what is missing is installed;
//! otherwise the one line to run is told.

use std::process::{Command, Stdio};

use crate::Failed;

/// A program that a command calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// What shows that it is there: a program and its arguments, which must succeed.
    probe: &'static [&'static str],
    /// The Debian package that brings it.
    package: &'static str,
}

const CMAKE: Need = Need {
    probe: &["cmake", "--version"],
    package: "cmake",
};
const MAKE: Need = Need {
    probe: &["make", "--version"],
    package: "make",
};
const CC: Need = Need {
    probe: &["gcc", "--version"],
    package: "gcc",
};
const CPP: Need = Need {
    probe: &["g++", "--version"],
    package: "g++",
};
const PYTHON: Need = Need {
    probe: &["python3", "--version"],
    package: "python3",
};
const PYTHON_VENV: Need = Need {
    probe: &["python3", "-c", "import ensurepip, venv"],
    package: "python3-venv",
};
const NODE: Need = Need {
    probe: &["node", "--version"],
    package: "nodejs",
};
const NPM: Need = Need {
    probe: &["npm", "--version"],
    package: "npm",
};
const VALGRIND: Need = Need {
    probe: &["valgrind", "--version"],
    package: "valgrind",
};

/// What the demonstration needs: a C++ compiler and CMake.
pub(crate) const TO_BUILD: &[Need] = &[CC, CPP, MAKE, CMAKE];

/// What the fuzz targets need: libFuzzer is built from its sources.
pub(crate) const TO_FUZZ: &[Need] = &[CC, CPP];

/// What the tests need beside that: the platform's official clients run in Python and Node, the C++ tests in valgrind.
pub(crate) const TO_TEST: &[Need] = &[
    CC,
    CPP,
    MAKE,
    CMAKE,
    PYTHON,
    PYTHON_VENV,
    NODE,
    NPM,
    VALGRIND,
];

/// Makes sure that all of it is there.
pub(crate) fn provide(needs: &[Need]) -> Result<(), Failed> {
    let missing: Vec<&str> = needs
        .iter()
        .filter(|need| !answers(need.probe))
        .map(|need| need.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let by_hand =
        format!("apt-get update && apt-get install -y --no-install-recommends {packages}");
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
    let done = Command::new("sh")
        .args(["-c", &by_hand])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let still: Vec<&str> = needs
        .iter()
        .filter(|need| !answers(need.probe))
        .map(|need| need.package)
        .collect();
    match done {
        Ok(status) if status.success() && still.is_empty() => Ok(()),
        _ => Err(Failed::new(format!(
            "could not install {}; run: {by_hand}",
            still.join(" ")
        ))),
    }
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
    fn a_program_that_is_not_there_is_noticed() {
        assert!(answers(&["true"]));
        assert!(!answers(&["false"]));
        assert!(!answers(&["no-program-of-this-name"]));
    }
}
