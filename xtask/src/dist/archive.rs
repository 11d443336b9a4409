//! An archive whose bytes follow from its files alone: names in order, one time for all, nobody's name, two modes.
//!
//! Knows: `.tar.gz` and `.zip`, and the list of checksums that every archive holds. Does not know what is in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::Failed;

/// The list of checksums, in every archive and beside them.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// The files of one archive.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    is_program: bool,
}

/// The two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For Linux.
    TarGz,
    /// For Windows.
    Zip,
}

impl Contents {
    /// Adds a text or other bytes under a name with slashes.
    pub(crate) fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Result<(), Failed> {
        self.insert(name, bytes.into(), false)
    }

    /// Adds a file as it is.
    pub(crate) fn add_file(&mut self, name: &str, from: &Path) -> Result<(), Failed> {
        self.insert(name, read(from)?, false)
    }

    /// Adds a program or a library: a file that may be run.
    pub(crate) fn add_program(&mut self, name: &str, from: &Path) -> Result<(), Failed> {
        self.insert(name, read(from)?, true)
    }

    fn insert(&mut self, name: &str, bytes: Vec<u8>, is_program: bool) -> Result<(), Failed> {
        match self
            .files
            .insert(name.to_owned(), File { bytes, is_program })
        {
            None => Ok(()),
            Some(_) => Err(Failed::new(format!("{name} would be in the archive twice"))),
        }
    }

    /// The names of the files, and what is in them.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(name, file)| (name.as_str(), file.bytes.as_slice()))
    }

    /// Adds the checksums of all files, in the form that `sha256sum --check` reads. Comes last.
    pub(crate) fn seal(&mut self) -> Result<(), Failed> {
        let sums = sums(self.files());
        self.add(SUMS, sums)
    }

    /// The archive, with everything in one directory `top`, at that time.
    pub(crate) fn pack(&self, form: Form, top: &str, time: Timestamp) -> Result<Vec<u8>, Failed> {
        match form {
            Form::TarGz => self.tar_gz(top, time),
            Form::Zip => self.zip(top, time),
        }
    }

    fn tar_gz(&self, top: &str, time: Timestamp) -> Result<Vec<u8>, Failed> {
        let packed = || -> std::io::Result<Vec<u8>> {
            // Of itself, the compressor's head holds neither a name nor a time.
            let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            let mut tar = tar::Builder::new(gzip);
            for (name, file) in &self.files {
                let mut header = tar::Header::new_ustar();
                header.set_size(file.bytes.len() as u64);
                header.set_mode(file.mode());
                header.set_mtime(u64::try_from(time.as_second()).unwrap_or(0));
                header.set_uid(0);
                header.set_gid(0);
                tar.append_data(&mut header, format!("{top}/{name}"), &*file.bytes)?;
            }
            tar.into_inner()?.finish()
        };
        packed().map_err(|error| Failed::new(format!("cannot pack {top}.tar.gz: {error}")))
    }

    fn zip(&self, top: &str, time: Timestamp) -> Result<Vec<u8>, Failed> {
        let packed = || -> zip::result::ZipResult<Vec<u8>> {
            let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for (name, file) in &self.files {
                let options = zip::write::SimpleFileOptions::default()
                    .compression_method(zip::CompressionMethod::Deflated)
                    .compression_level(Some(9))
                    .last_modified_time(dos_time(time))
                    .unix_permissions(file.mode());
                zip.start_file(format!("{top}/{name}"), options)?;
                zip.write_all(&file.bytes)?;
            }
            Ok(zip.finish()?.into_inner())
        };
        packed().map_err(|error| Failed::new(format!("cannot pack {top}.zip: {error}")))
    }
}

impl File {
    fn mode(&self) -> u32 {
        if self.is_program { 0o755 } else { 0o644 }
    }
}

impl Form {
    /// What the archive's name ends with.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::TarGz => ".tar.gz",
            Self::Zip => ".zip",
        }
    }
}

/// A line for each file: its checksum, two spaces, its name.
pub(crate) fn sums<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    files.fold(String::new(), |mut text, (name, bytes)| {
        let sum = Sha256::digest(bytes);
        for byte in sum {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = writeln!(text, "  {name}");
        text
    })
}

/// The time as a zip can hold it: whole two seconds, not before 1980.
fn dos_time(time: Timestamp) -> zip::DateTime {
    let at = time.to_zoned(TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    zip::DateTime::from_date_and_time(
        u16::try_from(at.year()).unwrap_or(0),
        part(at.month()),
        part(at.day()),
        part(at.hour()),
        part(at.minute()),
        part(at.second()),
    )
    .unwrap_or_default()
}

/// The whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    std::fs::read(path)
        .map_err(|error| Failed::new(format!("cannot read {}: {error}", path.display())))
}

/// All files below a directory, as names with slashes and paths.
pub(crate) fn below(directory: &Path) -> Result<Vec<(String, PathBuf)>, Failed> {
    let cannot = |error| Failed::new(format!("cannot read {}: {error}", directory.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if path.is_dir() {
            for (below, path) in below(&path)? {
                found.push((format!("{name}/{below}"), path));
            }
        } else {
            found.push((name, path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(directory: &Path, order: &[&str]) -> Contents {
        let mut contents = Contents::default();
        for name in order {
            let path = directory.join(name);
            std::fs::write(&path, format!("the text of {name}\n").repeat(500)).expect("written");
            if name.starts_with("lib") {
                contents.add_program(name, &path).expect("added");
            } else {
                contents.add_file(name, &path).expect("added");
            }
        }
        contents.seal().expect("sealed");
        contents
    }

    #[test]
    fn the_same_files_make_the_same_bytes_whatever_their_order_place_and_age() {
        let (one, other) = (
            tempfile::tempdir().expect("a"),
            tempfile::tempdir().expect("b"),
        );
        let first = contents(one.path(), &["README.md", "libx.so", "a.h"]);
        // The files of the second are younger and come in another order.
        std::thread::sleep(std::time::Duration::from_millis(5));
        let second = contents(other.path(), &["libx.so", "a.h", "README.md"]);
        for form in [Form::TarGz, Form::Zip] {
            let time: Timestamp = "2026-11-23T04:45:10Z".parse().expect("a time");
            let pack =
                |contents: &Contents, time| contents.pack(form, "x-1", time).expect("packed");
            assert_eq!(pack(&first, time), pack(&second, time), "{form:?}");
            let later: Timestamp = "2026-11-23T04:46:10Z".parse().expect("a time");
            assert_ne!(pack(&first, time), pack(&first, later), "{form:?}");
        }
    }

    #[test]
    fn an_archive_holds_every_file_once_with_its_mode_and_its_sum() {
        let place = tempfile::tempdir().expect("a directory");
        let contents = contents(place.path(), &["README.md", "libx.so"]);
        let time: Timestamp = "2026-11-23T04:45:10Z".parse().expect("a time");
        let packed = contents.pack(Form::TarGz, "x-1", time).expect("packed");
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&*packed));
        let listed: Vec<_> = tar
            .entries()
            .expect("entries")
            .map(|entry| {
                let entry = entry.expect("an entry");
                let header = entry.header();
                let name = entry.path().expect("a name").to_string_lossy().into_owned();
                (
                    name,
                    header.mode().expect("a mode"),
                    header.mtime().expect("a time"),
                )
            })
            .collect();
        let at = 1_795_409_110;
        assert_eq!(
            listed,
            [
                ("x-1/README.md".to_owned(), 0o644, at),
                ("x-1/SHA256SUMS".to_owned(), 0o644, at),
                ("x-1/libx.so".to_owned(), 0o755, at),
            ]
        );
        let sums: BTreeMap<_, _> = contents.files().collect();
        let sums = String::from_utf8_lossy(sums["SHA256SUMS"]).into_owned();
        assert_eq!(sums.lines().count(), 2, "{sums}");
        assert!(sums.ends_with("  libx.so\n"), "{sums}");

        let packed = contents.pack(Form::Zip, "x-1", time).expect("packed");
        let mut zip = zip::ZipArchive::new(Cursor::new(packed)).expect("a zip");
        let file = zip.by_name("x-1/libx.so").expect("the library");
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        assert_eq!(file.last_modified().map(|time| time.year()), Some(2026));
    }

    #[test]
    fn a_sum_is_that_of_sha256sum() {
        let text = sums([("empty", &b""[..])].into_iter());
        assert_eq!(
            text,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n"
        );
    }

    #[test]
    fn a_name_stands_for_one_file() {
        let mut contents = Contents::default();
        contents.add("a", "1").expect("the first");
        assert!(contents.add("a", "2").is_err());
    }
}
