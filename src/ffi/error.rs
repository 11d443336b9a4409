//! The last error of a thread, one for each handle that it used lately, and one for any.

use std::cell::RefCell;

use super::abi::{gca_handle, gca_status};

/// A call that is not carried out: what the host is answered, and the text that it can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: gca_status,
    pub(super) text: String,
}

impl Refused {
    pub(super) fn new(status: gca_status, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    pub(super) fn argument(text: impl Into<String>) -> Self {
        Self::new(gca_status::GCA_ERR_ARGUMENT, text)
    }
}

/// Errors that are kept for one thread; of more handles the ones that failed longest ago are forgotten.
const KEPT: usize = 16;

thread_local! {
    /// Oldest first.
    static ERRORS: RefCell<Vec<(gca_handle, String)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the text as the last error of this thread. A thread that is ending keeps none.
pub(super) fn keep(handle: gca_handle, text: String) {
    let _ = ERRORS.try_with(|errors| {
        let mut errors = errors.borrow_mut();
        errors.retain(|(of, _)| *of != handle);
        if errors.len() >= KEPT {
            errors.remove(0);
        }
        errors.push((handle, text));
    });
}

/// The last error of this thread: of the handle, or of any for 0. Empty if there was none.
pub(super) fn last(handle: gca_handle) -> String {
    ERRORS
        .try_with(|errors| {
            errors
                .borrow()
                .iter()
                .rev()
                .find(|(of, _)| handle == 0 || *of == handle)
                .map(|(_, text)| text.clone())
        })
        .ok()
        .flatten()
        .unwrap_or_default()
}
