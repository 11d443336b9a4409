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
    let text = match info.payload().downcast_ref::<&'static str>() {
        Some(literal) => literal,
        None => info
            .payload_as_str()
            .map_or("a panic whose payload is not text", without_content),
    };
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

/// A message that was put together, without the values that the standard library puts into some: a text that was cut in
/// the middle of a character, an error that was taken for none. They may be a person's, or a secret. Texts stand in quotation
/// marks there.
fn without_content(text: &str) -> &str {
    const BEFORE: [&str; 7] = [
        "\"",
        "'",
        " of `",
        "in `",
        "slicing `",
        "` value: ",
        "left: ",
    ];
    let first = BEFORE.iter().filter_map(|before| text.find(before)).min();
    first.and_then(|at| text.get(..at)).unwrap_or(text)
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

    #[test]
    fn no_content_stands_in_a_message() {
        install();
        let text = String::from("\u{e4}CANARY");
        let told = |work: &dyn Fn()| {
            let work = std::panic::AssertUnwindSafe(|| watch(work));
            assert!(std::panic::catch_unwind(work).is_err());
            take_message().unwrap()
        };
        let wrong = || Err::<(), _>(text.clone());
        let part = |from, to| drop(text[from..to].to_owned());
        for work in [
            (&|| part(1, 3)) as &dyn Fn(),
            &|| part(0, 99),
            &|| part(3, 2),
            &|| wrong().unwrap(),
            &|| wrong().expect("a wheel"),
            &|| assert_eq!(text, "x"),
        ] {
            let told = told(work);
            assert!(told.contains("panics.rs:"), "{told}");
            assert!(!told.contains("CANARY"), "{told}");
        }
        // What tells only figures is told.
        let told = told(&|| assert!([0_u8; 3][std::hint::black_box(5)] == 0));
        assert!(told.contains("the len is 3 but the index is 5"), "{told}");
    }
}
