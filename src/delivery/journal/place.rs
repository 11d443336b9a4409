//! Where the journal lies: a directory with a file for each adapter, which only their owner may read, and a lock beside it.
//!
//! | file                             | what it is                                                              |
//! |----------------------------------|-------------------------------------------------------------------------|
//! | `NAME.journal`                   | the journal                                                             |
//! | `NAME.lock`                      | held while a process uses it; empty                                     |
//! | `NAME.journal.new`               | the next journal while it is copied; removed if it is found              |
//! | `NAME.journal.damaged-TIME`      | one that could not be read, kept for who wants to look at it             |

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::model::time::UtcMicros;
use crate::observe::owner_only;

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Journal,
    Next,
}

/// How much of the disk is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) free: u64,
    pub(super) total: u64,
}

/// Whether the journal is one's own.
#[derive(Debug)]
pub(super) enum Locked {
    Yes(Option<File>),
    ByAnother,
}

/// What the journal needs of a disk. The tests have one of their own.
pub(super) trait Place: Send + Sync {
    fn name(&self) -> PathBuf;
    /// Makes what must be there, and takes the lock.
    fn lock(&self) -> io::Result<Locked>;
    fn storage(&self, which: Which) -> io::Result<Box<dyn StorageBackend>>;
    /// How long the file is; 0 if it is not there.
    fn length(&self) -> u64;
    /// Gives the journal another name, which it returns.
    fn set_aside(&self) -> io::Result<PathBuf>;
    /// The next journal, which must be closed, becomes the journal.
    fn promote(&self) -> io::Result<()>;
    fn remove_next(&self) -> io::Result<()>;
    fn room(&self) -> io::Result<Room>;
}

/// A directory of this machine.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    directory: PathBuf,
    name: String,
}

impl Directory {
    pub(super) fn new(directory: PathBuf, adapter: &str) -> Self {
        Self {
            directory,
            name: file_name(adapter),
        }
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.name))
    }
}

/// Readable, and no two adapters have the same: case does not count in their names, and all characters may be in them.
fn file_name(adapter: &str) -> String {
    let folded = adapter.to_lowercase();
    let readable: String = folded
        .chars()
        .take(40)
        .map(|sign| {
            if sign.is_ascii_alphanumeric() {
                sign
            } else {
                '-'
            }
        })
        .collect();
    let hash = twox_hash::XxHash3_128::oneshot(folded.as_bytes());
    format!("{readable}-{:08x}", hash >> 96)
}

impl Place for Directory {
    fn name(&self) -> PathBuf {
        self.path("journal")
    }

    fn lock(&self) -> io::Result<Locked> {
        owner_only::make_directory(&self.directory)?;
        let file = open_private(&self.path("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Locked::Yes(Some(file))),
            Err(TryLockError::WouldBlock) => Ok(Locked::ByAnother),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn storage(&self, which: Which) -> io::Result<Box<dyn StorageBackend>> {
        let path = match which {
            Which::Journal => self.path("journal"),
            Which::Next => self.path("journal.new"),
        };
        let is_new = !path.exists();
        let file = open_private(&path)?;
        if is_new {
            sync_directory(&self.directory);
        }
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Box::new(Filled(backend)))
    }

    fn length(&self) -> u64 {
        fs::metadata(self.path("journal")).map_or(0, |data| data.len())
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        let now = UtcMicros::read_clock().to_iso();
        // Colons cannot stand in a name everywhere.
        let now: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
        let aside = self.path(&format!("journal.damaged-{now}"));
        fs::rename(self.path("journal"), &aside)?;
        sync_directory(&self.directory);
        Ok(aside)
    }

    fn promote(&self) -> io::Result<()> {
        fs::rename(self.path("journal.new"), self.path("journal"))?;
        sync_directory(&self.directory);
        Ok(())
    }

    fn remove_next(&self) -> io::Result<()> {
        match fs::remove_file(self.path("journal.new")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn room(&self) -> io::Result<Room> {
        Ok(Room {
            free: fs4::available_space(&self.directory)?,
            total: fs4::total_space(&self.directory)?,
        })
    }
}

/// For its owner only, whatever it was before.
fn open_private(path: &Path) -> io::Result<File> {
    owner_only::take(path, OpenOptions::new().read(true).write(true))
}

/// The name of a new file is on the disk when its directory is. Where a directory cannot be opened (Windows) the system
/// sees to it.
fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        let _ = directory.sync_all();
    }
}

/// So much of a file that grows is written at once.
const FILLED: u64 = 64 << 20;

/// A file that is written when it grows. Where a file has no blocks yet a sync must wait for the file system's own journal,
/// and with that for what others write.
#[derive(Debug)]
struct Filled(FileBackend);

impl StorageBackend for Filled {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let before = self.0.len()?;
        self.0.set_len(len)?;
        let zeros = vec![0; 1 << 20];
        let mut at = before;
        let end = len.min(before.saturating_add(FILLED));
        while at < end {
            let more = (end - at).min(zeros.len() as u64);
            let more = zeros.get(..usize::try_from(more).unwrap_or_default());
            let more = more.unwrap_or(&zeros);
            self.0.write(at, more)?;
            at += more.len() as u64;
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

/// A storage that remembers whether a sync failed. What was written before a failed sync may never reach the disk, though
/// it can still be read and later syncs succeed: systems drop what they could not write. Such a file is not trusted again.
pub(super) struct Watched {
    storage: Box<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
}

impl Watched {
    pub(super) fn new(storage: Box<dyn StorageBackend>, sync_failed: Arc<AtomicBool>) -> Self {
        Self {
            storage,
            sync_failed,
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.storage.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.storage.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.storage.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.storage.sync_data();
        if synced.is_err() {
            self.sync_failed.store(true, Ordering::SeqCst);
        }
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.storage.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.storage.close()
    }
}
