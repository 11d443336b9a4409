//! A journal that is open, or would be if the disk let it: opens, opens again, renews, sets aside.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, DatabaseError, StorageError};

use super::super::feed_id;
use super::place::{Locked, Place, Watched, Which};
use super::store::{FORMAT, Fault, OpenFault, Store};
use super::{JournalOptions, JournalProblem};
use crate::observe::{Log, panics};

/// Memory for pages of the file.
const CACHE_BYTES: usize = 4 << 20;
/// A file up to this size is checked whole when it is opened; a larger one only after a crash.
const CHECKED_WHOLE: u64 = 256 << 20;
/// This part of the disk stays free.
const STAYS_FREE: u64 = 10;

pub(in super::super) struct Opened {
    place: Arc<dyn Place>,
    options: JournalOptions,
    log: Log,
    /// Held as long as this is.
    lock: Option<Option<File>>,
    store: Option<Store>,
    sync_failed: Arc<AtomicBool>,
    /// Whether this process has had it open: nobody else has written since.
    is_ours: bool,
    /// How much it may hold while the disk is nearly full.
    cap: Option<u64>,
}

/// What was found when the journal was opened anew.
pub(super) enum Reopened {
    /// What this process has written, up to the last step or the one before.
    Ours(Box<Store>),
    /// A new one: what was in the old one is not in it.
    Empty(Box<Store>),
    /// What an earlier process left, and so many events that it had not handed over.
    Foreign(u64),
}

impl Opened {
    pub(super) fn open(
        place: Arc<dyn Place>,
        options: JournalOptions,
        log: Log,
    ) -> Result<Self, JournalProblem> {
        let mut opened = Self {
            place,
            options,
            log,
            lock: None,
            store: None,
            sync_failed: Arc::default(),
            is_ours: false,
            cap: None,
        };
        let in_use = |file| JournalProblem::InUse { file };
        match opened.lock() {
            Ok(true) => {}
            Ok(false) => return Err(in_use(opened.name())),
            Err(fault) => {
                opened.say_failing(&fault);
                return Ok(opened);
            }
        }
        match opened.open_or_make() {
            Ok((store, _)) => {
                opened.store = Some(store);
                opened.is_ours = true;
            }
            Err(OpenFault::Newer(found)) => {
                return Err(JournalProblem::Newer {
                    file: opened.name(),
                    found,
                    known: FORMAT,
                });
            }
            Err(OpenFault::Disk(why) | OpenFault::Damaged(why)) => opened.say_failing(&why),
        }
        Ok(opened)
    }

    fn say_failing(&self, why: &str) {
        self.log.error(
            "journal",
            format_args!(
                "the journal {} cannot be used ({why}): events go to the host from memory, and would be lost in a crash. \
                 Check the disk and that the service may write there; the adapter tries again by itself",
                self.name().display()
            ),
        );
    }

    fn lock(&mut self) -> Result<bool, String> {
        if self.lock.is_some() {
            return Ok(true);
        }
        match self.place.lock() {
            Ok(Locked::Yes(file)) => {
                self.lock = Some(file);
                Ok(true)
            }
            Ok(Locked::ByAnother) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn name(&self) -> PathBuf {
        self.place.name()
    }

    pub(super) const fn options(&self) -> &JournalOptions {
        &self.options
    }

    pub(super) const fn store(&mut self) -> Option<&mut Store> {
        self.store.as_mut()
    }

    pub(super) const fn take_store(&mut self) -> Option<Store> {
        self.store.take()
    }

    /// Opens what is there; what cannot be read is set aside, and a new one made. Says whether it is a new one.
    fn open_or_make(&mut self) -> Result<(Store, bool), OpenFault> {
        let was_there = self.place.length() > 0;
        match self.open_file(Which::Journal) {
            Err(OpenFault::Damaged(why)) => {
                let aside = self.place.set_aside();
                let aside = aside.map_err(|error| OpenFault::Disk(error.to_string()))?;
                self.log.error(
                    "journal",
                    format_args!(
                        "the journal {} is damaged ({why}): it was set aside as {}, and a new one begun. Events in it that \
                         the host had not taken are not offered; what the platform still tells of that time is read. \
                         Look for what damaged it: the disk, or a copy that was put back",
                        self.name().display(),
                        aside.display()
                    ),
                );
                self.open_file(Which::Journal).map(|store| (store, true))
            }
            opened => opened.map(|store| (store, !was_there)),
        }
    }

    fn open_file(&self, which: Which) -> Result<Store, OpenFault> {
        let storage = self.place.storage(which);
        let storage = storage.map_err(|error| OpenFault::Disk(error.to_string()))?;
        let storage = Watched::new(storage, Arc::clone(&self.sync_failed));
        let is_checked = self.place.length() <= CHECKED_WHOLE;
        // A file that was altered by others can make the store panic.
        let open = || {
            let mut builder = Database::builder();
            builder
                .set_cache_size(CACHE_BYTES)
                .set_check_integrity_on_open(is_checked);
            let db = builder.create_with_backend(storage).map_err(fault)?;
            Store::open(db, feed_id::new())
        };
        panics::watch(|| catch_unwind(AssertUnwindSafe(open)))
            .unwrap_or_else(|_| Err(OpenFault::Damaged("it makes no sense".to_owned())))
    }

    /// Opens it again after a failure, when its [`Store`] is closed.
    pub(super) fn reopen(&mut self) -> Result<Reopened, String> {
        match self.lock() {
            Ok(true) => {}
            Ok(false) => return Err("another process uses it".to_owned()),
            Err(why) => return Err(why),
        }
        let text = |fault| match fault {
            OpenFault::Newer(format) => format!("it has format {format}"),
            OpenFault::Damaged(why) | OpenFault::Disk(why) => why,
        };
        if self.sync_failed.load(Ordering::SeqCst) && self.is_ours {
            self.renew().map_err(text)?;
        }
        let (store, is_new) = self.open_or_make().map_err(text)?;
        if is_new {
            self.is_ours = true;
            return Ok(Reopened::Empty(Box::new(store)));
        }
        if self.is_ours {
            return Ok(Reopened::Ours(Box::new(store)));
        }
        if store.pending > 0 {
            return Ok(Reopened::Foreign(store.pending));
        }
        self.is_ours = true;
        Ok(Reopened::Empty(Box::new(store)))
    }

    /// Copies the journal into a new file: of the old one nobody knows what is on the disk.
    fn renew(&self) -> Result<(), OpenFault> {
        let disk = |error: std::io::Error| OpenFault::Disk(error.to_string());
        let old = match self.open_file(Which::Journal) {
            Ok(old) => old,
            // It is set aside when it is opened.
            Err(OpenFault::Damaged(_)) => {
                self.sync_failed.store(false, Ordering::SeqCst);
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        self.place.remove_next().map_err(disk)?;
        self.sync_failed.store(false, Ordering::SeqCst);
        let copied = self.open_file(Which::Next).and_then(|mut next| {
            next.take_over(&old)
                .map_err(|Fault(why)| OpenFault::Disk(why))
        });
        drop(old);
        let copied = copied.and_then(|()| self.place.promote().map_err(disk));
        if copied.is_err() {
            self.sync_failed.store(true, Ordering::SeqCst);
        }
        copied
    }

    /// How many bytes it may hold, if it holds so many now.
    pub(super) fn room_for(&mut self, bytes: u64, smallest: u64) -> u64 {
        let most = self.options.max_bytes;
        let is_tight = self
            .place
            .room()
            .is_ok_and(|room| room.free < room.total / STAYS_FREE);
        if !is_tight {
            self.cap = None;
            return most;
        }
        let cap = *self.cap.get_or_insert_with(|| bytes.max(smallest));
        cap.min(most)
    }
}

fn fault(error: DatabaseError) -> OpenFault {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    let text = error.to_string();
    match error {
        DatabaseError::Storage(StorageError::Corrupted(_))
        | DatabaseError::UpgradeRequired(_)
        | DatabaseError::RepairAborted => OpenFault::Damaged(text),
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(error.kind(), InvalidData | UnexpectedEof) =>
        {
            OpenFault::Damaged(text)
        }
        _ => OpenFault::Disk(text),
    }
}
