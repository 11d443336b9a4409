//! Text across the boundary: copied out into the caller's buffer, borrowed in for the duration of a call.

use std::ffi::c_char;

use super::abi::{gca_status, gca_str};
use super::error::Refused;

/// Longer text than this is no settings document but a wrong length.
const LONGEST_IN: usize = 16 << 20;

impl gca_str {
    /// Absent text.
    pub(super) const NONE: Self = Self {
        ptr: std::ptr::null(),
        len: 0,
    };

    pub(super) fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self::NONE;
        }
        Self {
            ptr: text.as_ptr().cast(),
            len: text.len(),
        }
    }
}

/// Copies the text into the buffer and its length to `needed`, or only the length if the buffer is too small.
///
/// # Safety
///
/// `buf` is NULL or can be written for `cap` bytes, `needed` is NULL or can be written.
pub(super) unsafe fn copy_out(
    text: &str,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> Result<(), Refused> {
    if buf.is_null() && cap != 0 {
        return Err(Refused::argument(
            "the buffer is NULL, but its size is not 0",
        ));
    }
    if !needed.is_null() {
        // SAFETY: the caller's promise. Written unaligned, because nothing is gained by trusting that too.
        unsafe { needed.write_unaligned(text.len()) };
    }
    if text.len() > cap {
        return Err(Refused::new(
            gca_status::GCA_ERR_BUFFER,
            "the buffer is too small",
        ));
    }
    if !text.is_empty() {
        // SAFETY: `buf` is not NULL (else `cap` is 0 and the text does not fit), has room for the text by the caller's
        // promise, and is not part of it: the text is the library's own memory.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buf.cast(), text.len()) };
    }
    Ok(())
}

/// The text that the caller points to.
///
/// # Safety
///
/// `ptr` is NULL, or can be read for `len` bytes, which nobody changes as long as the result is used.
pub(super) unsafe fn read_in<'a>(
    ptr: *const c_char,
    len: usize,
    what: &str,
) -> Result<&'a str, Refused> {
    if ptr.is_null() {
        return Err(Refused::argument(format!("{what} is NULL")));
    }
    if len > LONGEST_IN {
        return Err(Refused::argument(format!(
            "{what} has {len} bytes; more than {LONGEST_IN} are not taken"
        )));
    }
    // SAFETY: not NULL, and readable by the caller's promise; the length is far from overflowing.
    let bytes = unsafe { std::slice::from_raw_parts(ptr.cast::<u8>(), len) };
    std::str::from_utf8(bytes).map_err(|error| {
        Refused::argument(format!(
            "{what} is not UTF-8: byte {} is wrong",
            error.valid_up_to()
        ))
    })
}
