//! A disk for tests: loses what was not synced when the power is cut, in whole and in part, fails when it is told to, and
//! hangs.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use redb::StorageBackend;

use super::super::place::{Locked, Place, Room, Which};

/// A file as it is on the disk, as it is read, and what stands between the two.
#[derive(Debug, Clone, Default)]
struct Image {
    durable: Vec<u8>,
    read: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(bytes);
            }
            Self::Length(length) => to.resize(*length, 0),
        }
    }
}

/// What the disk can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Open,
    Read,
    Write,
    Length,
    Sync,
}

#[derive(Debug, Default)]
pub(super) struct State {
    files: Mutex<HashMap<bool, Image>>,
    /// Operations so far, reads apart.
    pub(super) operations: AtomicU64,
    /// The operation that fails, once.
    pub(super) fails: AtomicU64,
    pub(super) failed: Mutex<Option<Operation>>,
    /// All writes and syncs fail: there is no room.
    pub(super) is_full: AtomicBool,
    /// Everything fails.
    pub(super) is_dead: AtomicBool,
    hangs: Mutex<bool>,
    wake: Condvar,
    pub(super) aside: AtomicU64,
    pub(super) free: AtomicU64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Disk(pub(super) Arc<State>);

impl Disk {
    pub(super) fn new() -> Self {
        let disk = Self::default();
        disk.0.fails.store(u64::MAX, Ordering::SeqCst);
        disk.0.free.store(90, Ordering::SeqCst);
        disk
    }

    /// The disk after a power cut at this moment: of what was not synced some is there, some is not, some in part.
    pub(super) fn after_power_cut(&self, random: &mut Random) -> Self {
        let mut files = self.0.files.lock().unwrap().clone();
        for image in files.values_mut() {
            for change in image.unsynced.drain(..) {
                match (random.below(4), change) {
                    (0, _) => {}
                    // Sectors are written whole or not at all.
                    (1, Change::Write(at, bytes)) => {
                        for (nth, sector) in bytes.chunks(512).enumerate() {
                            if random.below(2) == 0 {
                                let change = Change::Write(at + nth * 512, sector.to_vec());
                                change.apply(&mut image.durable);
                            }
                        }
                    }
                    (_, change) => change.apply(&mut image.durable),
                }
            }
            image.read = image.durable.clone();
        }
        let disk = Self::new();
        *disk.0.files.lock().unwrap() = files;
        disk
    }

    pub(super) fn hang(&self, hangs: bool) {
        *self.0.hangs.lock().unwrap() = hangs;
        self.0.wake.notify_all();
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let files = self.0.files.lock().unwrap();
        files
            .get(&false)
            .map(|image| image.read.clone())
            .unwrap_or_default()
    }

    pub(super) fn overwrite(&self, bytes: Vec<u8>) {
        let image = Image {
            durable: bytes.clone(),
            read: bytes,
            unsynced: Vec::new(),
        };
        self.0.files.lock().unwrap().insert(false, image);
    }

    fn do_one(&self, operation: Operation) -> io::Result<()> {
        let hangs = self.0.hangs.lock().unwrap();
        drop(self.0.wake.wait_while(hangs, |hangs| *hangs).unwrap());
        if self.0.is_dead.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is dead"));
        }
        let is_growth = matches!(operation, Operation::Write | Operation::Length);
        if is_growth && self.0.is_full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if operation == Operation::Read {
            return Ok(());
        }
        let nth = self.0.operations.fetch_add(1, Ordering::SeqCst);
        if nth == self.0.fails.load(Ordering::SeqCst) {
            *self.0.failed.lock().unwrap() = Some(operation);
            return Err(io::Error::other("this operation was told to fail"));
        }
        Ok(())
    }
}

impl Place for Disk {
    fn name(&self) -> PathBuf {
        "the.journal".into()
    }

    fn lock(&self) -> io::Result<Locked> {
        self.do_one(Operation::Open)?;
        Ok(Locked::Yes(None))
    }

    fn storage(&self, which: Which) -> io::Result<Box<dyn StorageBackend>> {
        self.do_one(Operation::Open)?;
        let key = which == Which::Next;
        self.0.files.lock().unwrap().entry(key).or_default();
        Ok(Box::new(OpenFile {
            disk: self.clone(),
            key,
        }))
    }

    fn length(&self) -> u64 {
        self.bytes().len() as u64
    }

    fn set_aside(&self) -> io::Result<PathBuf> {
        self.do_one(Operation::Open)?;
        self.0.files.lock().unwrap().remove(&false);
        self.0.aside.fetch_add(1, Ordering::SeqCst);
        Ok("the.journal.damaged".into())
    }

    fn promote(&self) -> io::Result<()> {
        self.do_one(Operation::Open)?;
        let mut files = self.0.files.lock().unwrap();
        let next = files.remove(&true).unwrap();
        files.insert(false, next);
        Ok(())
    }

    fn remove_next(&self) -> io::Result<()> {
        self.0.files.lock().unwrap().remove(&true);
        Ok(())
    }

    fn room(&self) -> io::Result<Room> {
        Ok(Room {
            free: self.0.free.load(Ordering::SeqCst),
            total: 100,
        })
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    key: bool,
}

impl OpenFile {
    fn image<T>(&self, with: impl FnOnce(&mut Image) -> T) -> T {
        let mut files = self.disk.0.files.lock().unwrap();
        with(files.entry(self.key).or_default())
    }
}

impl StorageBackend for OpenFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.image(|image| image.read.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.do_one(Operation::Read)?;
        self.image(|image| {
            let at = usize::try_from(offset).unwrap();
            let bytes = image.read.get(at..at + out.len());
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.do_one(Operation::Length)?;
        self.image(|image| {
            let change = Change::Length(usize::try_from(length).unwrap());
            change.apply(&mut image.read);
            image.unsynced.push(change);
        });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.disk.do_one(Operation::Sync);
        self.image(|image| {
            let changes = std::mem::take(&mut image.unsynced);
            // What a failed sync could not write never comes to the disk, though it can be read.
            if synced.is_ok() {
                for change in changes {
                    change.apply(&mut image.durable);
                }
            }
        });
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.do_one(Operation::Write)?;
        self.image(|image| {
            let change = Change::Write(usize::try_from(offset).unwrap(), data.to_vec());
            change.apply(&mut image.read);
            image.unsynced.push(change);
        });
        Ok(())
    }
}

/// Numbers that look random and come again with their seed (SplitMix64).
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
