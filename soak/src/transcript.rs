//! What happened between the machines and the region, line by line: the same seed gives the same lines. Long runs keep
//! only what the lines come to; `--transcript` writes them down.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Duration;

/// Where lines go.
#[derive(Debug)]
pub struct Transcript {
    line: String,
    /// FNV-1a over all lines.
    digest: u64,
    lines: u64,
    file: Option<BufWriter<File>>,
    kept: Option<String>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self {
            line: String::new(),
            digest: 0xcbf2_9ce4_8422_2325,
            lines: 0,
            file: None,
            kept: None,
        }
    }
}

impl Transcript {
    /// One that keeps its lines.
    #[must_use]
    pub fn kept() -> Self {
        Self {
            kept: Some(String::new()),
            ..Self::default()
        }
    }

    /// One that writes its lines to a file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn to_file(path: &std::path::Path) -> std::io::Result<Self> {
        Ok(Self {
            file: Some(BufWriter::new(File::create(path)?)),
            ..Self::default()
        })
    }

    /// Adds a line: when, who, what.
    pub(crate) fn say(&mut self, at: Duration, who: &str, what: fmt::Arguments<'_>) {
        self.line.clear();
        let (seconds, micros) = (at.as_secs(), at.subsec_micros());
        // Writing into a string cannot fail.
        let _ = writeln!(self.line, "{seconds}.{micros:06} {who} {what}");
        for byte in self.line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if let Some(kept) = &mut self.kept {
            kept.push_str(&self.line);
        }
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(self.line.as_bytes())
        {
            eprintln!("the transcript cannot be written any further: {error}");
            self.file = None;
        }
    }

    /// What all lines come to.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many lines there were.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.kept.as_deref()
    }
}
