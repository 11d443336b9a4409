//! The files of the release for Windows: checked for what would keep them from running there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::packages::said;
use crate::Failed;
use crate::artefact::House;
use crate::windows::mingw;

/// The parts of Windows that the files may ask for.
const SYSTEM: &str = include_str!("../../../tests/windows/imports.txt");

/// By which a program reads its command line. The library has none.
const OF_PROGRAMS: &str = "shell32.dll";

/// The simulated region as it ships: stripped.
pub(crate) fn region(house: &House) -> Result<PathBuf, Failed> {
    let whole = crate::windows::region(house)?;
    let region = whole.with_file_name("gca-region.stripped.exe");
    said(mingw("strip").arg("-o").arg(&region).arg(whole))?;
    Ok(region)
}

/// Checks that a file asks for nothing but parts of Windows.
pub(crate) fn runs_without_more(file: &Path) -> Result<(), Failed> {
    let others = others(&said(mingw("objdump").arg("-p").arg(file))?);
    if others.is_empty() {
        return Ok(());
    }
    Err(Failed::new(format!(
        "{} would not run on a bare Windows: it asks for {}",
        file.display(),
        others.join(", ")
    )))
}

/// What `objdump` tells that Windows does not bring.
fn others(headers: &str) -> Vec<String> {
    let asked: BTreeSet<String> = headers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("DLL Name: "))
        .map(str::to_lowercase)
        .collect();
    if asked.is_empty() {
        return vec!["what objdump does not show".to_owned()];
    }
    asked
        .into_iter()
        .filter(|name| name != OF_PROGRAMS && !SYSTEM.lines().any(|line| line == name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_does_not_bring_is_named() {
        let bare = "\tDLL Name: KERNEL32.dll\n\tvma:  Hint/Ord\n\tDLL Name: msvcrt.dll\n";
        assert_eq!(others(bare), Vec::<String>::new());
        let more = format!("{bare}\tDLL Name: libwinpthread-1.dll\n");
        assert_eq!(others(&more), ["libwinpthread-1.dll"]);
        assert_eq!(others("").len(), 1, "what was not read is not good");
    }
}
