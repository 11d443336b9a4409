//! How much a line of the log matters.

/// The level of a log line, or of the log: a log at a level takes the lines of that level and of those before it.
/// The numbers are the C ABI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
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
    /// All levels, in their order.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The word that settings and status use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level with the C ABI's number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level as u32 == number)
    }
}
