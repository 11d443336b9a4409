//! Where the message of a contained panic goes: to the log of the adapter whose thread it was, not to the host's
//! stderr.
//!
//! A thread of the adapter says once which log is its own ([`adopt`]). A call of the host is watched for its duration
//! ([`watch`]). Panics of all other threads stay with whatever hook was there before: in the shipped library there are
//! none, because its standard library is its own.

use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;
use std::sync::Once;

use super::log::Log;

thread_local! {
    static LOG: RefCell<Option<Log>> = const { RefCell::new(None) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

static INSTALL: Once = Once::new();

/// Makes the routing take effect. Later calls do nothing.
pub fn install() {
    INSTALL.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !route(info) {
                before(info);
            }
        }));
    });
}

/// From now on a panic on this thread is written to this log.
pub fn adopt(log: &Log) {
    // A thread that is ending has no place for it any more, and panics no more.
    let _ = LOG.try_with(|own| *own.borrow_mut() = Some(log.clone()));
}

/// Runs `work`; a panic in it leaves its message for [`take_message`] instead of stderr. Does not catch it.
pub fn watch<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = WATCHED.try_with(|watched| watched.set(self.0));
        }
    }
    let before = WATCHED
        .try_with(|watched| watched.replace(true))
        .unwrap_or(false);
    let _restore = Restore(before);
    work()
}

/// The place and message of the last panic on this thread that was routed, once.
#[must_use]
pub fn take_message() -> Option<String> {
    LAST.try_with(|last| last.borrow_mut().take()).ok()?
}

fn route(info: &PanicHookInfo<'_>) -> bool {
    let text = info
        .payload_as_str()
        .unwrap_or("a panic whose payload is not text");
    let place = info.location().map_or_else(
        || "?".to_owned(),
        |at| format!("{}:{}", at.file(), at.line()),
    );
    let log = LOG
        .try_with(|own| own.try_borrow().ok().and_then(|own| own.clone()))
        .ok()
        .flatten();
    let watched = WATCHED.try_with(Cell::get).unwrap_or(false);
    if log.is_none() && !watched {
        return false;
    }
    let message = format!("panic at {place}: {text}");
    if let Some(log) = log {
        log.error("panic", format_args!("{message}"));
    }
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(message);
        }
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log::LogLevel;

    #[test]
    fn a_panic_of_an_adopted_thread_is_a_line_of_its_log() {
        install();
        let log = Log::new(LogLevel::Info);
        let thread = {
            let log = log.clone();
            std::thread::spawn(move || {
                adopt(&log);
                panic!("the {} broke", "wheel");
            })
        };
        assert!(thread.join().is_err());
        log.finish();
        let line = log.next().unwrap();
        assert_eq!(line.level, LogLevel::Error);
        assert!(line.message.contains("the wheel broke"), "{}", line.message);
        assert!(line.message.contains("panics.rs:"), "{}", line.message);
    }

    #[test]
    fn a_watched_panic_leaves_its_message() {
        install();
        let caught = std::panic::catch_unwind(|| watch(|| panic!("inside")));
        assert!(caught.is_err());
        assert!(take_message().unwrap().contains("inside"));
        assert!(take_message().is_none());
    }
}
