//! The log: a bounded ring of lines that rooms write to and one logger thread reads from.
//!
//! Writing never waits for the reader. When the ring is full the oldest line gives way, and the next line that is read
//! says how many did. Lines that were written before a logger runs wait in the ring.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::log::LogLevel;
use crate::model::time::UtcMicros;

/// Lines that wait for the logger at the most.
const CAPACITY: usize = 1_024;

/// A line longer than this is cut: a log is no place for payloads.
const LONGEST_LINE: usize = 4_096;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// When it was written.
    pub at: UtcMicros,
    /// The part of the adapter that speaks.
    pub target: &'static str,
    /// What it says.
    pub message: String,
    /// Lines before this one that gave way because the ring was full.
    pub dropped: u64,
}

/// A handle to the log of one adapter. Cloning it is a reference count.
///
/// Writers: [`error`](Self::error), [`warn`](Self::warn), [`info`](Self::info), [`debug`](Self::debug),
/// [`trace`](Self::trace), [`counted`](Self::counted). The reader: [`next`](Self::next), [`put_back`](Self::put_back),
/// [`finish`](Self::finish), [`reopen`](Self::reopen).
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    level: AtomicU8,
    ring: Mutex<Ring>,
    wake: Condvar,
    lost: AtomicU64,
    seen: Mutex<HashMap<&'static str, u64>>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    dropped: u64,
    reader_waits: bool,
    finishing: bool,
}

impl Log {
    /// An empty log at the level.
    #[must_use]
    pub fn new(level: LogLevel) -> Self {
        Self(Arc::new(Shared {
            level: AtomicU8::new(level as u8),
            ring: Mutex::default(),
            wake: Condvar::new(),
            lost: AtomicU64::new(0),
            seen: Mutex::default(),
        }))
    }

    /// Changes the level; the next line obeys it.
    pub fn set_level(&self, level: LogLevel) {
        self.0.level.store(level as u8, Ordering::Relaxed);
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        LogLevel::from_number(self.0.level.load(Ordering::Relaxed).into()).unwrap_or_default()
    }

    /// Whether a line of this level would be kept. Ask before preparing an expensive one.
    #[must_use]
    pub fn takes(&self, level: LogLevel) -> bool {
        level as u8 <= self.0.level.load(Ordering::Relaxed)
    }

    /// A defect, or something that an operator must mend.
    pub fn error(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Error, target, message);
    }

    /// Went wrong, and the adapter deals with it.
    pub fn warn(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Warn, target, message);
    }

    /// What an operator wants to see in an ordinary day.
    pub fn info(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Info, target, message);
    }

    /// For support.
    pub fn debug(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Debug, target, message);
    }

    /// Everything else.
    pub fn trace(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.write(LogLevel::Trace, target, message);
    }

    /// Writes a line of the level.
    pub fn write(&self, level: LogLevel, target: &'static str, message: fmt::Arguments<'_>) {
        if !self.takes(level) {
            return;
        }
        let mut text = match message.as_str() {
            Some(text) => text.to_owned(),
            None => message.to_string(),
        };
        if text.len() > LONGEST_LINE {
            text.truncate(text.floor_char_boundary(LONGEST_LINE));
            text.push('…');
        }
        let line = LogLine {
            level,
            at: UtcMicros::read_clock(),
            target,
            message: text,
            dropped: 0,
        };
        let mut ring = self.ring();
        if ring.lines.len() >= CAPACITY {
            if let Some(oldest) = ring.lines.pop_front() {
                ring.dropped += oldest.dropped + 1;
            }
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
        ring.lines.push_back(line);
        if ring.reader_waits {
            ring.reader_waits = false;
            self.0.wake.notify_one();
        }
    }

    /// Something that may come in any number, junk from outside above all: the first of its `kind` is written, then
    /// the 10th, the 100th and so on, each with the count. Returns how many there were.
    pub fn counted(
        &self,
        kind: &'static str,
        level: LogLevel,
        target: &'static str,
        message: fmt::Arguments<'_>,
    ) -> u64 {
        let count = {
            let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let count = seen.entry(kind).or_default();
            *count += 1;
            *count
        };
        if count == 1 {
            self.write(level, target, message);
        } else if is_power_of_ten(count) {
            self.write(
                level,
                target,
                format_args!("{message} ({count} of this kind so far)"),
            );
        }
        count
    }

    /// How many lines gave way since the log was made.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// The oldest line. Waits until there is one; `None` after [`finish`](Self::finish), when the ring is empty. One
    /// reader at a time.
    #[must_use]
    pub fn next(&self) -> Option<LogLine> {
        let mut ring = self.ring();
        loop {
            if let Some(mut line) = ring.lines.pop_front() {
                ring.reader_waits = false;
                line.dropped += std::mem::take(&mut ring.dropped);
                return Some(line);
            }
            if ring.finishing {
                return None;
            }
            ring.reader_waits = true;
            ring = self
                .0
                .wake
                .wait(ring)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Returns a line that could not be handed over; it is the next one again.
    pub fn put_back(&self, line: LogLine) {
        self.ring().lines.push_front(line);
    }

    /// Lets the reader end when it has read what is there. Lines that come later wait for the next reader.
    pub fn finish(&self) {
        self.ring().finishing = true;
        self.0.wake.notify_all();
    }

    /// Makes ready for a new reader after [`finish`](Self::finish).
    pub fn reopen(&self) {
        self.ring().finishing = false;
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log at {}", self.level().name())
    }
}

/// 1, 10, 100, …: the counts at which something that repeats itself is told again.
#[must_use]
pub fn is_power_of_ten(mut count: u64) -> bool {
    while count >= 10 && count.is_multiple_of(10) {
        count /= 10;
    }
    count == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &Log) -> Vec<LogLine> {
        log.finish();
        std::iter::from_fn(|| log.next()).collect()
    }

    #[test]
    fn a_line_below_the_level_is_not_kept_and_the_level_changes_at_once() {
        let log = Log::new(LogLevel::Warn);
        log.info("a", format_args!("no"));
        log.set_level(LogLevel::Trace);
        log.trace("a", format_args!("yes"));
        let lines = lines(&log);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].message, "yes");
        assert_eq!(lines[0].level, LogLevel::Trace);
    }

    #[test]
    fn a_full_ring_drops_the_oldest_and_the_next_line_counts_them() {
        let log = Log::new(LogLevel::Info);
        for i in 0..CAPACITY + 7 {
            log.info("a", format_args!("line {i}"));
        }
        let lines = lines(&log);
        assert_eq!(lines.len(), CAPACITY);
        assert_eq!(lines[0].message, "line 7");
        assert_eq!(lines[0].dropped, 7);
        assert!(lines[1..].iter().all(|line| line.dropped == 0));
        assert_eq!(log.dropped(), 7);
    }

    #[test]
    fn what_repeats_itself_is_told_once_and_then_counted() {
        let log = Log::new(LogLevel::Info);
        for _ in 0..1_234 {
            log.counted("junk", LogLevel::Warn, "cloud", format_args!("not JSON"));
        }
        log.counted("other", LogLevel::Warn, "cloud", format_args!("too long"));
        let told: Vec<_> = lines(&log).into_iter().map(|line| line.message).collect();
        assert_eq!(
            told,
            [
                "not JSON",
                "not JSON (10 of this kind so far)",
                "not JSON (100 of this kind so far)",
                "not JSON (1000 of this kind so far)",
                "too long",
            ]
        );
    }

    #[test]
    fn a_payload_does_not_fit_into_a_line() {
        let log = Log::new(LogLevel::Info);
        log.info("a", format_args!("{}", "ä".repeat(LONGEST_LINE)));
        assert!(lines(&log)[0].message.len() <= LONGEST_LINE + '…'.len_utf8());
    }

    #[test]
    fn a_waiting_reader_is_woken_by_a_line_and_by_the_end() {
        let log = Log::new(LogLevel::Info);
        let reader = {
            let log = log.clone();
            std::thread::spawn(move || std::iter::from_fn(|| log.next()).count())
        };
        for _ in 0..100 {
            log.info("a", format_args!("x"));
        }
        log.finish();
        assert_eq!(reader.join().unwrap(), 100);
    }
}
