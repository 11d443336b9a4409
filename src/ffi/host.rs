//! The host's callbacks, as `delivery` calls them.

use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicBool, Ordering};

use super::abi::{GCA_LATER, GCA_TAKEN, gca_host, gca_log, gca_log_level, gca_state, gca_str};
use super::boundary::InCallback;
use super::error::Refused;
use super::event;
use crate::delivery::{Host, LogLine, Offer, Verdict};
use crate::model::feed::StateReport;
use crate::model::log::LogLevel;

/// A `gca_host` larger than this is a wrong size, not a future version.
const LARGEST: u32 = 4_096;

/// A C host: its callbacks and what it wants to be handed back.
pub(super) struct CHost {
    host: gca_host,
    /// Set when `gca_create` succeeded. If it does not, the host gets no `on_drop`.
    is_kept: AtomicBool,
}

// SAFETY: the host's own contract (the header's three sentences and "Threads"): its callbacks may be called from the
// library's threads, `user` is valid until `on_drop`, and is only handed back, never looked at.
unsafe impl Send for CHost {}
// SAFETY: as above; nothing in it changes but an atomic.
unsafe impl Sync for CHost {}

impl CHost {
    /// Copies what the caller points to, if it is a `gca_host` of a version that can be worked with.
    ///
    /// # Safety
    ///
    /// `host` is NULL, or points to a `size` and to as many bytes as it says.
    pub(super) unsafe fn read(host: *const gca_host) -> Result<Self, Refused> {
        if host.is_null() {
            return Err(Refused::argument("host is NULL"));
        }
        let known = size_of::<gca_host>();
        // SAFETY: not NULL, and starts with its size by the caller's promise.
        let size = unsafe { host.cast::<u32>().read_unaligned() };
        let least = offset_of!(gca_host, on_event) + size_of::<usize>();
        if size > LARGEST
            || (size as usize) < least
            || !(size as usize).is_multiple_of(align_of::<gca_host>())
        {
            return Err(Refused::argument(format!(
                "host.size is {size}, which is no size of a gca_host; set it to sizeof(gca_host)"
            )));
        }
        let size = size as usize;
        let mut copy = gca_host {
            size: 0,
            reserved: 0,
            user: std::ptr::null_mut(),
            on_event: None,
            on_state: None,
            on_log: None,
            on_drop: None,
        };
        // SAFETY: `host` can be read for `size` bytes by the caller's promise, `copy` can be written for its own size,
        // and every pattern of bits is a value of its fields (numbers, a pointer, optional function pointers).
        unsafe {
            std::ptr::copy_nonoverlapping(
                host.cast::<u8>(),
                (&raw mut copy).cast::<u8>(),
                size.min(known),
            );
        }
        for at in known..size {
            // SAFETY: below `size`.
            if unsafe { host.cast::<u8>().add(at).read() } != 0 {
                return Err(Refused::argument(
                    "the host asks for something that is newer than this library: gca_host is larger, and what is \
                     new in it is not zero. Update the library, or leave the new fields zero",
                ));
            }
        }
        if copy.reserved != 0 {
            return Err(Refused::argument("host.reserved is not zero"));
        }
        if copy.on_event.is_none() {
            return Err(Refused::argument("host.on_event is NULL; it is required"));
        }
        Ok(Self {
            host: copy,
            is_kept: AtomicBool::new(false),
        })
    }

    /// From now on the host is owed an `on_drop`.
    pub(super) fn keep(&self) {
        self.is_kept.store(true, Ordering::SeqCst);
    }

    fn user(&self) -> *mut c_void {
        self.host.user
    }
}

impl Host for CHost {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        let Some(on_event) = self.host.on_event else {
            return Verdict::Later;
        };
        let answer = event::with_event(offer, |event| {
            let _inside = InCallback::enter();
            // SAFETY: the host's function, with its own `user` and an event that lives until it returns. The gate
            // keeps `on_drop` away meanwhile.
            unsafe { on_event(self.user(), event) }
        });
        match answer {
            GCA_TAKEN => Verdict::Taken,
            GCA_LATER => Verdict::Later,
            other => Verdict::Other(other),
        }
    }

    fn on_state(&self, report: &StateReport) {
        let Some(on_state) = self.host.on_state else {
            return;
        };
        event::with_state(report, |state: &gca_state| {
            let _inside = InCallback::enter();
            // SAFETY: as for on_event.
            unsafe { on_state(self.user(), state) }
        });
    }

    fn on_log(&self, line: &LogLine) {
        let Some(on_log) = self.host.on_log else {
            return;
        };
        let log = gca_log {
            size: size_of::<gca_log>() as u32,
            level: match line.level {
                LogLevel::Error => gca_log_level::GCA_LOG_ERROR,
                LogLevel::Warn => gca_log_level::GCA_LOG_WARN,
                LogLevel::Info => gca_log_level::GCA_LOG_INFO,
                LogLevel::Debug => gca_log_level::GCA_LOG_DEBUG,
                LogLevel::Trace => gca_log_level::GCA_LOG_TRACE,
            },
            time_us: line.at.0,
            target: gca_str::of(line.target),
            message: gca_str::of(&line.message),
            dropped: line.dropped,
        };
        let _inside = InCallback::enter();
        // SAFETY: as for on_event; the texts belong to `line`.
        unsafe { on_log(self.user(), &raw const log) }
    }

    fn on_drop(&self) {
        let Some(on_drop) = self.host.on_drop else {
            return;
        };
        if self.is_kept.swap(false, Ordering::SeqCst) {
            let _inside = InCallback::enter();
            // SAFETY: as for on_event, and the gate makes it the last one.
            unsafe { on_drop(self.user()) }
        }
    }
}
