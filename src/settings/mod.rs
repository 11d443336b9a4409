//! One table of settings: name, type, default, check, help, when it applies. Schema and reference page come from it.
//!
//! Knows: what an operator may write and what it means. Does not know: who uses a value. Input: a JSON document.
//! Output: [`Settings`], or every problem of the document at once. The one thing read beside the document is what it
//! names: the variable or file of a secret, and the file of trusted roots.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::model::log::LogLevel;

/// What an adapter is told, checked and complete. Its [`Debug`](fmt::Debug) shows no secret.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The adapter's name; unique in the process without regard to case.
    pub adapter_name: String,
    /// For people; may be empty.
    pub description: String,
    /// When the host starts it.
    pub startup: StartupType,
    /// The recorder's data source: goes into every event.
    pub data_source: Arc<str>,
    /// Id of the OAuth client.
    pub client_id: String,
    /// Its secret, already read from the variable or file that the document named.
    pub client_secret: SecretString,
    /// Where the region is.
    pub region: Region,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// How often users and queues are listed again.
    pub roster_interval: Duration,
    /// The budget of REST requests.
    pub requests_per_minute: u32,
    /// How many events wait for the host before they are lost.
    pub queue_max_events: usize,
    /// How often the host may refuse one event before it is given up; 0 = as often as it likes.
    pub refusals_before_lost: u32,
    /// Room for the last snapshots of conversations.
    pub snapshot_cache_bytes: usize,
    /// The gravest level is always logged, this one and those between too.
    pub log_level: LogLevel,
    /// Test builds only: the place where the adapter shall panic.
    #[cfg(feature = "provoke")]
    pub provoke: Option<String>,
}

/// When the host starts an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartupType {
    /// With the host.
    Automatic,
    /// When someone asks for it.
    Manual,
    /// Never: a start is refused.
    Disabled,
}

/// The two origins of a region, each with `/` as its path. The websocket's address comes from the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Where REST requests go.
    pub api: Url,
    /// Where tokens are granted. The same origin as `api` for a host that is no region of Genesys Cloud.
    pub login: Url,
}

/// Which certificate authorities are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The operating system's own verifier.
    Platform,
    /// The operating system's store of roots, read once; checked by the library.
    SystemRoots,
    /// As [`Trust::Platform`], and the roots of this PEM file too.
    File(PathBuf),
}

/// One thing that is wrong with a document, or worth a warning. Names keys, variables and paths; never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key as it is written in the document, with its `AdvancedSettings.` if it is there; or `The document`.
    pub key: String,
    /// What is wrong: continues the key to a sentence, without its full stop.
    pub wrong: String,
    /// What would be right: a sentence without its full stop.
    pub right: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}. {}.", self.key, self.wrong, self.right)
    }
}

/// The problems as text, one a line.
#[must_use]
pub fn report(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// A document that was taken.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// What it says.
    pub settings: Settings,
    /// What an operator should know about it all the same.
    pub warnings: Vec<Problem>,
}
