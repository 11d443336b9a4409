//! Files and directories that the adapter writes, as an operator names them.

use std::path::{Path, PathBuf};

use super::{Fault, quoted};

/// Reads a path; nothing written: no file. A directory that is not there is a warning: a share may be mounted later,
/// and for that nobody should be without a feed.
pub(super) fn read_file(text: &str) -> Result<(Option<PathBuf>, Option<Fault>), Fault> {
    if text.is_empty() {
        return Ok((None, None));
    }
    if text.contains(char::is_control) {
        let right = "Write it on one line, and in JSON write each backslash of a path twice: `C:\\\\Recorder\\\\gaps.jsonl`";
        return Err(Fault::new("holds a control character", right));
    }
    let path = PathBuf::from(text);
    if path.is_dir() || path.file_name().is_none() || text.ends_with(std::path::is_separator) {
        return Err(Fault::new(
            format!("is {}, which is a directory", quoted(text)),
            "Write the path of a file in it",
        ));
    }
    if path.exists() && !path.is_file() {
        return Err(Fault::new(
            format!("is {}, which is no regular file", quoted(text)),
            "Write the path of a file; the adapter makes it. A pipe or a device keeps no evidence",
        ));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let warning = (!directory.is_dir()).then(|| {
        Fault::new(
            format!(
                "names a file in the directory {}, which is not there or cannot be read",
                quoted(&directory.display().to_string())
            ),
            "Make it, and let the account that the recorder runs under write to it",
        )
    });
    Ok((Some(path), warning))
}

/// Reads the path of a directory; nothing written: none. One that is not there is made when it is needed.
pub(super) fn read_directory(text: &str) -> Result<(Option<PathBuf>, Option<Fault>), Fault> {
    if text.is_empty() {
        return Ok((None, None));
    }
    if text.contains(char::is_control) {
        let right = "Write it on one line, and in JSON write each backslash of a path twice: `C:\\\\Recorder\\\\journal`";
        return Err(Fault::new("holds a control character", right));
    }
    let path = PathBuf::from(text);
    if path.exists() && !path.is_dir() {
        return Err(Fault::new(
            format!("is {}, which is no directory", quoted(text)),
            "Write the path of a directory; the adapter makes the file in it",
        ));
    }
    Ok((Some(path), None))
}

/// As an operator would write it.
pub(super) fn written(path: &Path) -> String {
    path.display().to_string()
}
