//! The library as a whole: its versions, its table of functions, and texts that belong to no adapter.

use std::ffi::{CStr, c_char};
use std::mem::size_of;

use super::abi::{GCA_ABI_VERSION, gca_api, gca_handle, gca_status};
use super::{adapter, boundary, error, event, text};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of the interface that the library was built with (`GCA_ABI_VERSION`). Check it before anything else.
#[unsafe(no_mangle)]
pub extern "C" fn gca_abi_version() -> u32 {
    GCA_ABI_VERSION
}

/// The version of the library, for example `1.4.2`. Terminated by a NUL, valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn gca_version() -> *const c_char {
    VERSION.as_ptr()
}

/// All functions of the interface in one table, valid for ever, or NULL if the library does not have that version of
/// the interface. The only symbol that a host needs to look up.
#[unsafe(no_mangle)]
pub extern "C" fn gca_get_api(version: u32) -> *const gca_api {
    static API: gca_api = gca_api {
        size: size_of::<gca_api>() as u32,
        reserved: 0,
        abi_version: gca_abi_version,
        version: gca_version,
        status_name: gca_status_name,
        last_error: gca_last_error,
        settings_schema: gca_settings_schema,
        create: adapter::gca_create,
        configure: adapter::gca_configure,
        start: adapter::gca_start,
        stop: adapter::gca_stop,
        restart: adapter::gca_restart,
        destroy: adapter::gca_destroy,
        status_json: adapter::gca_status_json,
        set_log_level: adapter::gca_set_log_level,
        event_json: event::gca_event_json,
        metrics: adapter::gca_metrics,
        check: adapter::gca_check,
        erase: adapter::gca_erase,
    };
    if version == GCA_ABI_VERSION {
        &raw const API
    } else {
        std::ptr::null()
    }
}

/// The name of a `gca_status`, for example `GCA_ERR_HANDLE`; `GCA_ERR_UNKNOWN` for a number that this version does not
/// have. Terminated by a NUL, valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn gca_status_name(status: i32) -> *const c_char {
    const NAMES: [(gca_status, &CStr); 11] = [
        (gca_status::GCA_OK, c"GCA_OK"),
        (gca_status::GCA_ERR_ARGUMENT, c"GCA_ERR_ARGUMENT"),
        (gca_status::GCA_ERR_HANDLE, c"GCA_ERR_HANDLE"),
        (gca_status::GCA_ERR_STATE, c"GCA_ERR_STATE"),
        (gca_status::GCA_ERR_SETTINGS, c"GCA_ERR_SETTINGS"),
        (gca_status::GCA_ERR_TIMEOUT, c"GCA_ERR_TIMEOUT"),
        (gca_status::GCA_ERR_BUFFER, c"GCA_ERR_BUFFER"),
        (gca_status::GCA_ERR_PANIC, c"GCA_ERR_PANIC"),
        (gca_status::GCA_ERR_SYSTEM, c"GCA_ERR_SYSTEM"),
        (gca_status::GCA_ERR_FORK, c"GCA_ERR_FORK"),
        (gca_status::GCA_ERR_DISABLED, c"GCA_ERR_DISABLED"),
    ];
    NAMES
        .iter()
        .find(|(known, _)| *known as i32 == status)
        .map_or(c"GCA_ERR_UNKNOWN", |(_, name)| name)
        .as_ptr()
}

/// What was wrong with the last call on this thread that failed: of this handle, or of any for 0. In UTF-8, without a
/// terminating NUL; empty if none failed. For people: its words may change.
///
/// A handle need not live: after a failed `gca_destroy` it still tells. A call that only found the buffer too small, of
/// this function or another, does not count as failed. `needed` receives the length. A buffer of `cap` bytes that is too
/// small is left untouched, and the answer is `GCA_ERR_BUFFER`. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_last_error(
    handle: gca_handle,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> gca_status {
    // SAFETY: the caller's promise, as the header states it.
    let copied =
        boundary::contained(|| unsafe { text::copy_out(&error::last(handle), buf, cap, needed) });
    match copied {
        Ok(Ok(())) => gca_status::GCA_OK,
        Ok(Err(refused)) => refused.status,
        Err(_) => gca_status::GCA_ERR_PANIC,
    }
}

/// The JSON Schema (draft 2020-12) of the settings that `gca_configure` takes, in UTF-8, without a terminating NUL.
///
/// `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
/// `GCA_ERR_BUFFER`. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_settings_schema(
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> gca_status {
    boundary::call("gca_settings_schema", 0, || {
        // SAFETY: the caller's promise, as the header states it.
        unsafe { text::copy_out(&crate::adapter::settings_schema(), buf, cap, needed) }
    })
}

/// Makes sure that the library is never unloaded: its threads and the ends of the host's threads run its code. On
/// Linux the linker's flag does it (`build.rs`).
#[cfg(not(windows))]
pub(super) const fn stay_loaded() {}

/// Makes sure that the library is never unloaded: its threads and the ends of the host's threads run its code.
#[cfg(windows)]
pub(super) fn stay_loaded() {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };

    let mut module = std::ptr::null_mut();
    // SAFETY: the address is one inside this module, as the flag asks, and `module` can be written. Whether it works
    // cannot matter to anyone here: a host that does not unload the library loses nothing.
    unsafe {
        GetModuleHandleExW(
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
            stay_loaded as *const u16,
            &raw mut module,
        );
    }
}
