//! The life of an adapter: create, configure, start, stop, destroy, and what it tells about itself.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use super::abi::{gca_erase_what, gca_handle, gca_host, gca_status};
use super::api;
use super::boundary;
use super::error::Refused;
use super::handle::Table;
use super::host::CHost;
use super::text;
use crate::adapter::{Adapter, Erased, Refusal, Stopped, panics};
use crate::model::log::LogLevel;

/// What a call that needs a handle works on.
static ADAPTERS: Table<Adapter> = Table::new();

/// How long `gca_destroy` waits for callbacks to return.
const DESTROY_WAITS: Duration = Duration::from_secs(5);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::State(_) => gca_status::GCA_ERR_STATE,
            Refusal::Settings(_) => gca_status::GCA_ERR_SETTINGS,
            Refusal::Disabled => gca_status::GCA_ERR_DISABLED,
            Refusal::Busy(_) => gca_status::GCA_ERR_TIMEOUT,
            Refusal::System(_) => gca_status::GCA_ERR_SYSTEM,
        };
        Self::new(status, refusal.to_string())
    }
}

/// Makes an adapter that calls back to `host`, and writes its handle.
///
/// `host` is copied: the struct itself may go after the call, what `user` points to must live until `on_drop`. If this
/// fails, `handle` is left untouched and there is no `on_drop`. No thread is made before `gca_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_create(host: *const gca_host, handle: *mut gca_handle) -> gca_status {
    boundary::call("gca_create", 0, || {
        boundary::claim_process()?;
        if handle.is_null() {
            return Err(Refused::argument("handle is NULL"));
        }
        // SAFETY: the caller's promise: `host` is NULL or points to as many bytes as its size says.
        let host = Arc::new(unsafe { CHost::read(host) }?);
        panics::install();
        api::stay_loaded();
        #[cfg(windows)]
        crate::adapter::files_on_windows(super::owner_only::file, super::owner_only::directory);
        let adapter = Adapter::new(Arc::clone(&host) as Arc<dyn crate::delivery::Host>);
        let made = ADAPTERS.insert(adapter)?;
        host.keep();
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { handle.write_unaligned(made) };
        Ok(())
    })
}

/// Gives the adapter its settings: one JSON object in UTF-8, as `gca_settings_schema` describes it and
/// `docs/SETTINGS.md` explains it.
///
/// All problems of the document are found at once: `gca_last_error` lists them, one a line, the answer is
/// `GCA_ERR_SETTINGS`, and nothing is changed. `AdapterName` must be unique in the process, whatever the case of its
/// letters.
///
/// An adapter that runs goes on without a gap: each key applies at once, by new connections that take over from the old
/// ones, or at the next start, as `docs/SETTINGS.md` says of it; the log warns of each that was changed and waits for the
/// next start. It does not wait for the region. While the adapter stops the answer is `GCA_ERR_STATE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_configure(
    handle: gca_handle,
    json: *const c_char,
    len: usize,
) -> gca_status {
    with(
        "gca_configure",
        handle,
        Where::OutsideCallbacks,
        |adapter| {
            // SAFETY: the caller's promise: `json` is NULL or can be read for `len` bytes.
            let document = unsafe { text::read_in(json, len, "json") }?;
            adapter.configure(document)?;
            Ok(())
        },
    )
}

/// Starts the adapter: its threads are made, callbacks may come from now on, the region is connected to.
///
/// Does not wait for the region: whether it is reached comes as a state. Needs settings, and an adapter that is
/// stopped; `GCA_ERR_DISABLED` if `StartupType` is Disabled.
#[unsafe(no_mangle)]
pub extern "C" fn gca_start(handle: gca_handle) -> gca_status {
    with("gca_start", handle, Where::OutsideCallbacks, |adapter| {
        adapter.start()?;
        Ok(())
    })
}

/// Stops the adapter within `timeout_ms` milliseconds.
///
/// Events that wait are handed over for up to half of that time, two seconds at the most, as long as you take them; the
/// number of what is left is told to `on_state` and `on_log`, then it is dropped. With a journal (`JournalDirectory`) it stays
/// there instead. `GCA_OK`: no callback of any kind runs, none will start, the threads are gone; the adapter can be started
/// again, with a new feed (with a journal the feed goes on). `GCA_ERR_TIMEOUT`: a callback, or another `gca_stop` of the
/// adapter, has not returned; none will start. Call it again, or destroy the adapter. Of several stops at once the one with
/// the shortest time ends the feed.
///
/// An adapter that does not run is stopped already: `GCA_OK`. A time under 20 ms counts as 20 ms.
#[unsafe(no_mangle)]
pub extern "C" fn gca_stop(handle: gca_handle, timeout_ms: u32) -> gca_status {
    with(
        "gca_stop",
        handle,
        Where::OutsideCallbacks,
        |adapter| match adapter.stop(Duration::from_millis(timeout_ms.into())) {
            Stopped::Done => Ok(()),
            Stopped::CallbackInside { callback } => Err(Refused::new(
                gca_status::GCA_ERR_TIMEOUT,
                format!(
                    "{callback} has not returned within {timeout_ms} ms; no other callback will start. Stop again \
                     when it has returned, or destroy the adapter"
                ),
            )),
        },
    )
}

/// Renews token, connections and roster of an adapter that runs, without a gap, as `RestartTime` does once a day.
///
/// Returns at once; `GCA_EVENT_FEED_RENEWED` tells in the feed of each connection that was renewed. Asked for again
/// before the last one was, it is one restart. `GCA_ERR_STATE` if the adapter does not run.
#[unsafe(no_mangle)]
pub extern "C" fn gca_restart(handle: gca_handle) -> gca_status {
    with("gca_restart", handle, Where::OutsideCallbacks, |adapter| {
        adapter.restart()?;
        Ok(())
    })
}

/// Ends the adapter: stops it if it runs, and calls `on_drop` after the last callback has returned. Waits 5 seconds at
/// the most.
///
/// The handle is dead either way, except where the answer is `GCA_ERR_STATE`, `GCA_ERR_FORK` or `GCA_ERR_HANDLE`.
/// `GCA_OK`: `on_drop` has returned. `GCA_ERR_TIMEOUT`: a callback has not returned, and `on_drop` is still to come,
/// from the library's thread that leaves last: `user` must live until then.
#[unsafe(no_mangle)]
pub extern "C" fn gca_destroy(handle: gca_handle) -> gca_status {
    boundary::call("gca_destroy", handle, || {
        boundary::same_process()?;
        boundary::outside_callbacks()?;
        let adapter = ADAPTERS.remove(handle)?;
        if adapter.destroy(DESTROY_WAITS) {
            return Ok(());
        }
        Err(Refused::new(
            gca_status::GCA_ERR_TIMEOUT,
            format!(
                "a callback has not returned within {} s; the handle is dead, on_drop comes when it has returned",
                DESTROY_WAITS.as_secs()
            ),
        ))
    })
}

/// Where the adapter stands, as one JSON object in UTF-8, without a terminating NUL. `docs/STATUS.md` lists its
/// members. Also from inside callbacks.
///
/// `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
/// `GCA_ERR_BUFFER`; the text may have grown when you ask again. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_status_json(
    handle: gca_handle,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> gca_status {
    with("gca_status_json", handle, Where::Anywhere, |adapter| {
        // SAFETY: the caller's promise, as the header states it.
        unsafe { text::copy_out(&adapter.status(), buf, cap, needed) }
    })
}

/// The counters and gauges of the adapter in the text format of Prometheus (exposition format 0.0.4), in UTF-8, without a
/// terminating NUL. `docs/METRICS.md` lists them. Also from inside callbacks.
///
/// `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
/// `GCA_ERR_BUFFER`; the text may have grown when you ask again. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_metrics(
    handle: gca_handle,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> gca_status {
    with("gca_metrics", handle, Where::Anywhere, |adapter| {
        // SAFETY: the caller's promise, as the header states it.
        unsafe { text::copy_out(&adapter.metrics(), buf, cap, needed) }
    })
}

/// "Test connection": goes to the region hop by hop, as a start would, within `timeout_ms` milliseconds, and reports
/// what was seen at each and what to do, as one JSON object in UTF-8, without a terminating NUL. `docs/CHECK.md` lists
/// its members. Needs settings; may run beside a started adapter, which it does not disturb.
///
/// It does not return before it is done or the time is up. What it found wrong is in the report: `GCA_OK` says only
/// that there is one. It has a token of its own, which it ends, and makes no channel: nothing is left behind. It makes
/// threads of its own for looking up names, which end by themselves.
///
/// `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
/// `GCA_ERR_BUFFER`; call again with a larger one and a `timeout_ms` of 0 for the same report, without another check.
/// 64 KiB are enough for any. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_check(
    handle: gca_handle,
    timeout_ms: u32,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> gca_status {
    with("gca_check", handle, Where::OutsideCallbacks, |adapter| {
        let report = adapter.check(Duration::from_millis(timeout_ms.into()))?;
        // SAFETY: the caller's promise, as the header states it.
        unsafe { text::copy_out(&report, buf, cap, needed) }
    })
}

/// Removes from the journal (`JournalDirectory`) all events of one conversation or of one user, whose id is the `len` bytes
/// of UTF-8 at `id`: `what` is a value of `gca_erase_what`. For a privacy law that asks for it; `JournalMaxAgeH` does it by
/// itself when events are old.
///
/// `GCA_OK`: the disk holds none of them any more, and a `GCA_EVENT_LOST` (reason `erased`) comes in the place of each that
/// you have not taken; the log says how many there were, perhaps none. An event that is being offered to you is yours already.
/// What was open of a conversation that is erased is not known after a crash: nothing clears it then.
///
/// Needs settings; also while the adapter is stopped. Waits for the disk, 10 seconds at the most (`GCA_ERR_TIMEOUT`: call it
/// again). `GCA_ERR_SYSTEM`: the disk refuses; nothing was erased. Without a `JournalDirectory` there is nothing to erase.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_erase(
    handle: gca_handle,
    what: u32,
    id: *const c_char,
    len: usize,
) -> gca_status {
    with("gca_erase", handle, Where::OutsideCallbacks, |adapter| {
        // SAFETY: the caller's promise: `id` is NULL or can be read for `len` bytes.
        let id = unsafe { text::read_in(id, len, "id") }?;
        if id.is_empty() {
            return Err(Refused::argument("id is empty"));
        }
        let what = if what == gca_erase_what::GCA_ERASE_CONVERSATION as u32 {
            Erased::Conversation(id.into())
        } else if what == gca_erase_what::GCA_ERASE_USER as u32 {
            Erased::User(id.into())
        } else {
            return Err(Refused::argument(format!(
                "{what} is nothing that can be erased; that is GCA_ERASE_CONVERSATION (1) or GCA_ERASE_USER (2)"
            )));
        };
        adapter.erase(&what)?;
        Ok(())
    })
}

/// Changes how much is logged, a value of `gca_log_level`, at once and until the next settings. Also from inside
/// callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn gca_set_log_level(handle: gca_handle, level: u32) -> gca_status {
    with("gca_set_log_level", handle, Where::Anywhere, |adapter| {
        let level = LogLevel::from_number(level).ok_or_else(|| {
            Refused::argument(format!(
                "{level} is no log level; they go from GCA_LOG_ERROR (1) to GCA_LOG_TRACE (5)"
            ))
        })?;
        adapter.set_log_level(level);
        Ok(())
    })
}

/// Where a call may come from.
#[derive(PartialEq, Eq)]
enum Where {
    Anywhere,
    OutsideCallbacks,
}

fn with(
    name: &str,
    handle: gca_handle,
    from: Where,
    work: impl FnOnce(&Adapter) -> Result<(), Refused>,
) -> gca_status {
    boundary::call(name, handle, || {
        boundary::same_process()?;
        if from == Where::OutsideCallbacks {
            boundary::outside_callbacks()?;
        }
        let adapter = ADAPTERS.get(handle)?;
        work(&adapter)
    })
}
