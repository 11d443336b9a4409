//! How much a log line matters.

use std::fmt;

/// The level of a log line. The numbers are the C ABI's: a level lets through itself and every smaller number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u32)]
pub enum LogLevel {
    /// A defect, or something that an operator must mend.
    Error = 1,
    /// Went wrong, and the adapter deals with it.
    Warn = 2,
    /// What an operator wants to see in an ordinary day.
    #[default]
    Info = 3,
    /// For support.
    Debug = 4,
    /// Everything. Never secrets or people's data, at this level neither.
    Trace = 5,
}

impl LogLevel {
    /// All levels, the gravest first.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The level with this number of the C ABI.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level as u32 == number)
    }

    /// The word for it in settings and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
