//! Golden transcripts: each script of the repertoire, played alone, as frames in and events out. One file a script under
//! `tests/transcripts/`, to be read in review: what changed in it is what changed for a recorder.
//!
//! `GCA_TRANSCRIPTS=write cargo test --test transcripts` writes them anew. Read the difference before you commit it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;
mod transcript;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gca_region::repertoire::REPERTOIRE;

#[test]
fn every_script_reads_as_it_was_reviewed() {
    let writes = std::env::var("GCA_TRANSCRIPTS").is_ok_and(|how| how == "write");
    let mut wrong = Vec::new();
    for script in REPERTOIRE {
        let file = directory().join(format!("{}.txt", script.name));
        let played = transcript::of(script);
        if writes {
            std::fs::write(&file, &played).unwrap();
            continue;
        }
        let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
        if reviewed != played {
            wrong.push(format!(
                "--- {}\n+++ as it is played now\n{}",
                file.display(),
                transcript::difference::unified(&reviewed, &played)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} transcripts differ. If that is meant: GCA_TRANSCRIPTS=write cargo test --test transcripts, read what git \
         shows, and commit it.\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn there_is_no_transcript_without_its_script() {
    let scripts: BTreeSet<&str> = REPERTOIRE.iter().map(|script| script.name).collect();
    for entry in std::fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            scripts.contains(name),
            "{}: no script is called so; remove it",
            path.display()
        );
    }
}

/// Where somebody talks to somebody, the transcript says so: a script whose cast did not come proves nothing.
#[test]
fn every_script_is_played_to_its_end() {
    for script in REPERTOIRE {
        let played = transcript::of(script);
        for section in ["nested", "flat", "both"] {
            let text = transcript::section(&played, section);
            assert!(
                text.contains("> call_cleared"),
                "{}, {section}:\n{text}",
                script.name
            );
        }
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

#[test]
fn a_difference_is_told_with_what_is_around_it() {
    let was = "a\nb\nc\nd\ne\nf\ng\nh\ni\n";
    let is = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\n";
    assert_eq!(
        transcript::difference::unified(was, is),
        "@@ line 2\n b\n c\n d\n-e\n+E\n f\n g\n h\n i\n+j\n"
    );
    assert_eq!(transcript::difference::unified(was, was), "");
}
