//! A secret as an operator may give it: its text, the variable that holds it, or the file that does.
//!
//! What goes wrong is told by the variable's or file's name. The content is never shown, nor how long it is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use super::{Fault, quoted};

/// What the status shows in place of a secret.
pub(super) const MASK: &str = "***";

/// No secret or file of roots is longer: keeps a mistyped path from reading a disk.
const LONGEST_FILE: u64 = 4 << 20;

/// Reads a secret.
pub(super) fn read(text: &str) -> Result<SecretString, Fault> {
    if text == MASK {
        return Err(Fault::new(
            "is `***`, which stands for a secret where settings are shown",
            "Write the secret itself, `env:NAME` or `file:PATH`",
        ));
    }
    if let Some(name) = text.strip_prefix("env:") {
        let right = "Set it for the process of the recorder and start that again, or name another";
        let of = |wrong: &str| {
            Fault::new(
                format!("names the variable {}, which {wrong}", quoted(name)),
                right,
            )
        };
        // The standard library gives no variable for such names; on some systems it panics.
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(of("no variable can have as its name"));
        }
        let found = std::env::var_os(name).ok_or_else(|| of("is not set in this process"))?;
        let value = found.into_string().map_err(|_| of("does not hold text"))?;
        return checked(&value).map_err(of);
    }
    if let Some(path) = text.strip_prefix("file:") {
        let right = "The account that the recorder runs under must be able to read it; it holds the secret and nothing else";
        let of = |wrong: &str| {
            Fault::new(
                format!("names the file {}, which {wrong}", quoted(path)),
                right,
            )
        };
        let bytes = content(path).map_err(|wrong| of(&wrong))?;
        let value = String::from_utf8(bytes).map_err(|_| of("does not hold text in UTF-8"))?;
        return checked(value.trim_end_matches(['\r', '\n'])).map_err(of);
    }
    checked(text).map_err(|wrong| {
        Fault::new(wrong, "Copy the secret again from the OAuth client in Genesys Cloud, or name it: `env:NAME`, `file:PATH`")
    })
}

fn checked(secret: &str) -> Result<SecretString, &'static str> {
    if secret.is_empty() {
        Err("is empty")
    } else if secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Err("holds a blank or a control character, which no client secret does")
    } else {
        Ok(SecretString::from(secret))
    }
}

/// The bytes of a file, or why there are none.
pub(super) fn content(path: &str) -> Result<Vec<u8>, String> {
    let path = Path::new(path);
    let cannot = |why: std::io::Error| format!("cannot be read ({why})");
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err("is larger than 4 MiB".to_owned());
    }
    Ok(bytes)
}
