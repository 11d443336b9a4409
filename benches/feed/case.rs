//! What is measured: kinds of notifications, in batches that leave nothing behind.

use std::path::{Path, PathBuf};

use crate::frames::{self, Call};

/// What the notifications of a batch have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// Each is the same as the last of its conversation.
    Unchanged,
    /// In each, one participant has changed: puts the call on hold, or takes it back.
    OneChanged,
    /// Each is the first of its conversation.
    New,
}

impl Case {
    pub(crate) const ALL: [Self; 3] = [Self::Unchanged, Self::OneChanged, Self::New];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::OneChanged => "one participant changed",
            Self::New => "new conversation",
        }
    }

    /// Conversations of a batch. New ones are so few that the last snapshots of all fit into the adapter's cache: what is
    /// measured is what a conversation costs, not what it costs to have very many.
    fn calls(self) -> u64 {
        match self {
            Self::Unchanged | Self::OneChanged => 100,
            Self::New => 1_000,
        }
    }
}

/// Notifications in a file, with one of a presence after them, which shows that all were read.
pub(crate) struct Frames {
    pub(crate) path: PathBuf,
    /// With the presence.
    pub(crate) count: usize,
    pub(crate) presence_ms: i64,
}

impl Drop for Frames {
    fn drop(&mut self) {
        // What stays goes with its directory.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Notifications to measure, and what an adapter must be told before and after them, so that their conversations are
/// known, and leave.
pub(crate) struct Batch {
    pub(crate) before: Option<Frames>,
    pub(crate) measured: Frames,
    pub(crate) after: Frames,
}

/// Makes batches. No conversation and no time is used twice.
pub(crate) struct Maker {
    files: tempfile::TempDir,
    made: u64,
    calls: u64,
    ms: i64,
}

impl Maker {
    pub(crate) fn new() -> Self {
        Self {
            files: tempfile::tempdir().expect("a directory for frames"),
            made: 0,
            calls: 0,
            // 2026-11-22T10:00:00Z
            ms: 1_795_341_600_000,
        }
    }

    /// Batches of a case with so many notifications to measure in all.
    pub(crate) fn batches(&mut self, call: &Call, case: Case, frames: u64) -> Vec<Batch> {
        let batch = match case {
            Case::Unchanged | Case::OneChanged => frames,
            Case::New => frames.min(case.calls()),
        };
        (0..frames / batch)
            .map(|_| self.batch(call, case, batch))
            .collect()
    }

    fn batch(&mut self, call: &Call, case: Case, frames: u64) -> Batch {
        let calls = self.calls..self.calls + case.calls().min(frames);
        self.calls = calls.end;
        let talking: Vec<String> = calls.clone().map(|number| call.talking(number)).collect();
        let over: Vec<String> = calls.clone().map(|number| call.over(number)).collect();
        let (before, measured) = match case {
            Case::New => (None, talking),
            Case::Unchanged | Case::OneChanged => {
                let turns = calls.clone().cycle().zip(0..frames);
                let measured = turns.map(|(number, turn)| {
                    let is_even = (turn / case.calls()).is_multiple_of(2);
                    if case == Case::OneChanged && is_even {
                        self.ms += 1;
                        call.holding(number, self.ms)
                    } else {
                        call.talking(number)
                    }
                });
                let measured = measured.collect();
                (Some(self.frames(talking)), measured)
            }
        };
        Batch {
            before,
            measured: self.frames(measured),
            after: self.frames(over),
        }
    }

    /// Writes the frames of these notifications to a file, in this order.
    pub(crate) fn frames(&mut self, notifications: Vec<String>) -> Frames {
        self.ms += 1;
        self.made += 1;
        let path = self.files.path().join(self.made.to_string());
        let count = notifications.len() + 1;
        write(&path, notifications, frames::presence(self.ms));
        Frames {
            path,
            count,
            presence_ms: self.ms,
        }
    }
}

fn write(path: &Path, notifications: Vec<String>, last: String) {
    let mut bytes = Vec::new();
    for notification in notifications.into_iter().chain([last]) {
        bytes.extend(frames::text(notification));
    }
    std::fs::write(path, bytes).expect("a file of frames");
}
