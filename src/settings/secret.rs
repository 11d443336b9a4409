//! A secret as an operator may give it: its text, the variable that holds it, or the file that does.
//!
//! What goes wrong is told by the variable's or file's name. The content is never shown, nor how long it is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{Fault, quoted};

/// What the status shows in place of a secret.
pub(super) const MASK: &str = "***";

/// No secret or file of roots is longer: keeps a mistyped path from reading a disk.
const LONGEST_FILE: u64 = 4 << 20;

/// A file is read to its end without a larger buffer if there is so much left then (`Read::read_to_end`).
const ROOM_AT_THE_END: usize = 64;

/// What a secret may hold, and where an operator finds it.
struct Rule {
    check: fn(&str) -> Result<(), &'static str>,
    right: &'static str,
}

/// Reads the secret of an OAuth client.
pub(super) fn read(text: &str) -> Result<SecretString, Fault> {
    let check = |secret: &str| {
        if secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("holds a blank or a control character, which no client secret does");
        }
        Ok(())
    };
    let right = "Copy the secret again from the OAuth client in Genesys Cloud, or name it: `env:NAME`, `file:PATH`";
    by_rule(text, &Rule { check, right })
}

/// Reads a password, which may hold blanks.
pub(super) fn read_password(text: &str) -> Result<SecretString, Fault> {
    let check = |password: &str| {
        if password.contains(char::is_control) {
            return Err("holds a control character");
        }
        Ok(())
    };
    let right = "Write the password, or name it: `env:NAME`, `file:PATH`";
    by_rule(text, &Rule { check, right })
}

fn by_rule(text: &str, rule: &Rule) -> Result<SecretString, Fault> {
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
        let value = Zeroizing::new(value);
        return checked(&value, rule).map_err(of);
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
        let value = std::str::from_utf8(&bytes).map_err(|_| of("does not hold text in UTF-8"))?;
        return checked(value.trim_end_matches(['\r', '\n']), rule).map_err(of);
    }
    checked(text, rule).map_err(|wrong| Fault::new(wrong, rule.right))
}

fn checked(secret: &str, rule: &Rule) -> Result<SecretString, &'static str> {
    if secret.is_empty() {
        return Err("is empty");
    }
    (rule.check)(secret)?;
    Ok(SecretString::from(secret))
}

/// The bytes of a file, or why there are none.
pub(super) fn content(path: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let path = Path::new(path);
    let cannot = |why: std::io::Error| format!("cannot be read ({why})");
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let file = File::open(path).map_err(cannot)?;
    // With room for all of it: what grows leaves copies behind.
    let length = file.metadata().map_err(cannot)?.len().min(LONGEST_FILE);
    let room = usize::try_from(length).unwrap_or_default() + ROOM_AT_THE_END;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err("is larger than 4 MiB".to_owned());
    }
    Ok(bytes)
}
