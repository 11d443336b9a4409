//! One table of settings: name, type, default, check, help, when it applies. Schema and reference page come from it.
//!
//! Knows: what an operator may write and what it means. Does not know: who uses a value. Input: a JSON document.
//! Output: [`Settings`], or every problem of the document at once. The one thing read beside the document is what it
//! names: the variable or file of a secret, and the file of trusted roots.

mod attribute;
mod change;
mod document;
mod path;
mod proxy;
mod reference;
mod region;
mod restart;
mod schema;
mod secret;
mod table;
mod trust;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use secrecy::SecretString;
use url::Url;

pub use self::attribute::{AllowedKey, AttributeMask, MaskPattern};
pub use self::change::Change;
use self::document::Node;
pub use self::restart::Zone;
use self::table::{Draft, Kind, Place, Row, TABLE};
use crate::model::log::LogLevel;
use crate::model::role::Role;

/// The key of the object that holds the other keys.
const ADVANCED: &str = "AdvancedSettings";

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
    /// Through what every connection goes; `None`: directly.
    pub proxy: Option<Proxy>,
    /// When the adapter renews everything, by the clock of `time_zone`; a secondary an hour after that instant.
    pub restart_time: Time,
    /// By which clock.
    pub time_zone: Zone,
    /// Which of two adapters on the same client this is; `None`: the only one.
    pub role: Option<Role>,
    /// How a single request is repeated.
    pub retry: RetryRules,
    /// For how long the predecessor and its successor are both read.
    pub overlap: Duration,
    /// A live call that nothing was heard of for so long is read.
    pub quiet_call_read: Duration,
    /// Where gaps are written down; `None`: they stand in the status only.
    pub gap_ledger_file: Option<PathBuf>,
    /// How often users and queues are listed again.
    pub roster_interval: Duration,
    /// The budget of REST requests.
    pub requests_per_minute: u32,
    /// Where the journal is; `None`: there is none.
    pub journal_directory: Option<PathBuf>,
    /// How long an event that was not taken stays in it.
    pub journal_max_age: Duration,
    /// How many bytes it may hold.
    pub journal_max_bytes: u64,
    /// How many events wait for the host before they are lost.
    pub queue_max_events: usize,
    /// How often the host may refuse one event before it is given up; 0 = as often as it likes.
    pub refusals_before_lost: u32,
    /// Room for the last snapshots of conversations.
    pub snapshot_cache_bytes: usize,
    /// Which attributes may be told; empty: all.
    pub attribute_allow: Vec<AllowedKey>,
    /// What is hidden in them, and in other texts that people write.
    pub attribute_mask: AttributeMask,
    /// The gravest level is always logged, this one and those between too.
    pub log_level: LogLevel,
    /// Test builds only: the place where the adapter shall panic.
    #[cfg(feature = "provoke")]
    pub provoke: Option<String>,
}

/// How a single request is repeated. It never decides whether the adapter lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryRules {
    /// The most repetitions of one request.
    pub max_retry: u32,
    /// So many repetitions after a 5xx or a broken connection come after the plain delay; the others back off.
    pub max_retries_before_backoff: u32,
    /// No repetition starts later than this after the request.
    pub max_retry_time: Duration,
    /// The plain delay where the answer names none.
    pub default_retry_after: Duration,
    /// The steps of the back-off follow each other after this; `None`: there is no back-off, the plain delay goes on.
    pub backoff_interval: Option<Duration>,
}

/// The settings' defaults: no request is repeated.
impl Default for RetryRules {
    fn default() -> Self {
        Self {
            max_retry: 0,
            max_retries_before_backoff: 0,
            max_retry_time: Duration::from_secs(1),
            default_retry_after: Duration::ZERO,
            backoff_interval: None,
        }
    }
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

/// A proxy that every connection goes through: for tokens, requests and websockets.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// How it is spoken to.
    pub protocol: ProxyProtocol,
    /// Its name or address, without brackets.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// User name and password, for a proxy that asks for them.
    pub credentials: Option<(String, SecretString)>,
    /// What is reached without it: names (with all that end in `.name`), addresses, networks.
    pub bypass: Vec<String>,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    /// CONNECT.
    Http,
    /// CONNECT, over TLS to the proxy.
    Https,
    /// SOCKS, version 5; the proxy looks names up.
    Socks5,
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

/// Reads a document: settings, or all its problems at once.
pub fn read(document: &str) -> Result<Accepted, Vec<Problem>> {
    let top = document::parse(document).map_err(|problem| vec![problem])?;
    let mut reading = Reading::default();
    reading.look_over(Place::Top, &top);
    let advanced: &[(String, Node)] = match value(&top, ADVANCED) {
        Some(Node::Object(entries)) => entries,
        Some(node) if !node.is_blank() => {
            let right = "Write an object: {\"LogLevel\": \"info\", …}, or leave it out";
            reading.problem(ADVANCED.to_owned(), Fault::new(node.what(), right));
            &[]
        }
        _ => &[],
    };
    reading.look_over(Place::Advanced, advanced);
    for row in TABLE {
        let block = match row.place {
            Place::Top => &top,
            Place::Advanced => advanced,
        };
        reading.row(row, value(block, row.key));
    }
    let proxy = std::mem::take(&mut reading.draft.proxy);
    let proxy = match proxy.finish() {
        Ok(proxy) => proxy,
        Err(problems) => {
            // What a key holds wrong was told already; that it is missing would tell it twice.
            let told = |key: &str| reading.problems.iter().any(|told| told.key == key);
            let mut new: Vec<Problem> = problems;
            new.retain(|problem| !told(&problem.key));
            reading.problems.extend(new);
            None
        }
    };
    if let (Some(region), Some(proxy)) = (reading.draft.region(), &proxy)
        && let Err(fault) = proxy::check_way(region, proxy)
    {
        reading.problem("RegionHost".to_owned(), fault);
    }
    if !reading.problems.is_empty() {
        return Err(reading.problems);
    }
    match reading.draft.finish(proxy) {
        Some(settings) => Ok(Accepted {
            settings,
            warnings: reading.warnings,
        }),
        None => Err(vec![Problem {
            key: "The document".to_owned(),
            wrong: "was read, but a row of the table gave no value: a defect in this library"
                .to_owned(),
            right: "Report it with the version of the library".to_owned(),
        }]),
    }
}

/// The settings as a JSON Schema (draft 2020-12). It describes how values are best written; [`read`] takes a little
/// more, for example numbers between blanks.
#[must_use]
pub fn schema() -> String {
    schema::text()
}

/// The reference page, `docs/SETTINGS.md`.
#[must_use]
pub fn reference_page() -> String {
    reference::page()
}

/// The settings for the status, shaped like the document: every key of the table, secrets as `***`.
#[must_use]
pub fn shown(settings: &Settings) -> serde_json::Value {
    let block = |place| -> serde_json::Map<String, serde_json::Value> {
        let rows = TABLE.iter().filter(|row| row.place == place);
        rows.map(|row| (row.key.to_owned(), (row.show)(settings)))
            .collect()
    };
    let mut top = block(Place::Top);
    top.insert(ADVANCED.to_owned(), block(Place::Advanced).into());
    top.into()
}

/// What is wrong with a value, and what would be right; its key is known where it is caught.
struct Fault {
    wrong: String,
    right: String,
}

impl Fault {
    fn new(wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self {
            wrong: wrong.into(),
            right: right.into(),
        }
    }

    fn of(self, key: String) -> Problem {
        Problem {
            key,
            wrong: self.wrong,
            right: self.right,
        }
    }
}

/// A document while it is read.
#[derive(Default)]
struct Reading {
    draft: Draft,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Reading {
    fn problem(&mut self, key: String, fault: Fault) {
        self.problems.push(fault.of(key));
    }

    fn warning(&mut self, key: String, fault: Fault) {
        self.warnings.push(fault.of(key));
    }

    /// Keys that are written twice, that nobody knows, or that do nothing.
    fn look_over(&mut self, place: Place, entries: &[(String, Node)]) {
        let mut seen = std::collections::HashMap::new();
        for (key, _) in entries {
            let times = seen.entry(key.as_str()).or_insert(0_u32);
            *times += 1;
            match *times {
                1 => self.look_at(place, key),
                2 => {
                    let right = "Leave one of them, so that it is clear which value holds";
                    self.problem(
                        path(place, key),
                        Fault::new("is written more than once", right),
                    );
                }
                _ => {}
            }
        }
    }

    fn look_at(&mut self, place: Place, key: &str) {
        if known(place).any(|known| known == key) {
            return;
        }
        let elsewhere = match place {
            Place::Top => known(Place::Advanced).any(|known| known == key),
            Place::Advanced => known(Place::Top).any(|known| known == key),
        };
        match place {
            Place::Top if elsewhere => self.problem(
                path(place, key),
                Fault::new(
                    "is not a key of the document itself",
                    format!("Write it in {ADVANCED}"),
                ),
            ),
            Place::Top => {
                let right = nearest(key, known(Place::Top)).map_or_else(
                    || "Leave it out".to_owned(),
                    |near| format!("Did you mean {near}"),
                );
                self.problem(
                    path(place, key),
                    Fault::new("is not a known key; case matters in keys", right),
                );
            }
            Place::Advanced if elsewhere => self.warning(
                path(place, key),
                Fault::new(
                    format!("has no effect in {ADVANCED}"),
                    "Write it in the document itself",
                ),
            ),
            Place::Advanced => {
                let right = nearest(key, known(Place::Advanced)).map_or_else(
                    || "Leave it out".to_owned(),
                    |near| format!("Did you mean {near}"),
                );
                let wrong = "is not a known key and has no effect; case matters in keys";
                self.warning(path(place, key), Fault::new(wrong, right));
            }
        }
    }

    /// One row of the table and what the document says to it.
    fn row(&mut self, row: &Row, node: Option<&Node>) {
        // Hosts store every field of their form: without a proxy its fields are set aside, whatever they hold.
        if row.is_of_proxy() && !self.draft.proxy.is_used {
            return;
        }
        let read = match (node.filter(|node| !node.is_blank()), row.default) {
            (Some(node), _) => take(row, node, &mut self.draft),
            // A number that has no default: whether it may be missing is seen when all is read.
            (None, Some("")) if matches!(row.kind, Kind::Whole { .. }) => Ok(None),
            (None, Some(default)) => {
                take(row, &Node::Text(default.to_owned().into()), &mut self.draft)
            }
            (None, None) => {
                let wrong = if node.is_some() {
                    "is empty"
                } else {
                    "is missing"
                };
                Err(Fault::new(wrong, format!("Write it: {}", asked(row))))
            }
        };
        match read {
            Ok(None) => {}
            Ok(Some(warning)) => self.warning(path(row.place, row.key), warning),
            Err(fault) => self.problem(path(row.place, row.key), fault),
        }
    }
}

/// Reads one value as its row says. Blanks around text mean nothing.
fn take(row: &Row, node: &Node, draft: &mut Draft) -> Result<Option<Fault>, Fault> {
    let of_type = |right: &str| Err(Fault::new(node.what(), right));
    match &row.kind {
        Kind::Text { read, .. } => match node {
            Node::Text(text) => read(draft, text.trim()),
            _ => of_type("Write text in quotation marks"),
        },
        Kind::Choice { words, put } => {
            let right = format!("Write {}", one_of(words));
            let Node::Text(text) = node else {
                return of_type(&right);
            };
            let place = words
                .iter()
                .position(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
            let wrong = || {
                Fault::new(
                    format!("is {}, which is none of its values", quoted(text)),
                    right,
                )
            };
            put(draft, place.ok_or_else(wrong)?);
            Ok(None)
        }
        Kind::Whole {
            min,
            max,
            unit,
            put,
        } => {
            let of = if unit.is_empty() { "" } else { " of " };
            let right = format!("Write a whole number{of}{unit} from {min} to {max}");
            let value = match node {
                Node::Whole(value) => Some(*value),
                Node::Text(text) => text.trim().parse().ok(),
                Node::Number(_) => None,
                _ => return of_type(&right),
            };
            let Some(value) = value.filter(|value| (min..=max).contains(&value)) else {
                let written = match node {
                    Node::Whole(value) => value.to_string(),
                    Node::Number(text) => text.clone(),
                    Node::Text(text) => quoted(text),
                    _ => String::new(),
                };
                return Err(Fault::new(format!("is {written}"), right));
            };
            put(draft, value);
            Ok(None)
        }
        Kind::Fixed(value) => match node {
            Node::Text(text) if text.trim() == *value => Ok(None),
            _ => Err(Fault::new(
                "cannot be changed",
                format!("Leave it out, or write \"{value}\""),
            )),
        },
        Kind::Switch { put } => {
            let value = match node {
                Node::Bool(value) => *value,
                Node::Text(text) if text.trim().eq_ignore_ascii_case("false") => false,
                Node::Text(text) if text.trim().eq_ignore_ascii_case("true") => true,
                Node::Text(text) => {
                    return Err(Fault::new(
                        format!("is {}", quoted(text)),
                        "Write true or false",
                    ));
                }
                _ => return of_type("Write true or false"),
            };
            put(draft, value);
            Ok(None)
        }
    }
}

/// What a row asks for, in a few words.
fn asked(row: &Row) -> String {
    match &row.kind {
        Kind::Text { form, .. } => (*form).to_owned(),
        Kind::Choice { words, .. } => one_of(words),
        Kind::Whole { min, max, unit, .. } => {
            format!("{min} to {max} {unit}").trim_end().to_owned()
        }
        Kind::Fixed(value) => format!("`{value}`"),
        Kind::Switch { .. } => "`true` or `false`".to_owned(),
    }
}

fn one_of(words: &[(&str, &str)]) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The keys that belong to a place.
fn known(place: Place) -> impl Iterator<Item = &'static str> {
    let rows = TABLE
        .iter()
        .filter(move |row| row.place == place)
        .map(|row| row.key);
    rows.chain((place == Place::Top).then_some(ADVANCED))
}

/// The value of a key. Where it is written twice, the last holds in JSON; the document is refused all the same.
fn value<'a>(entries: &'a [(String, Node)], key: &str) -> Option<&'a Node> {
    entries
        .iter()
        .rev()
        .find(|(written, _)| written == key)
        .map(|(_, node)| node)
}

/// No known word is nearly as long, in bytes.
const LONGEST_NAMED: usize = 128;

/// The known word that was most likely meant: but for case, or but for a third of its letters.
fn nearest(written: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    // Much longer than any: nothing is near, and a comparison costs as much as it is long.
    if written.len() > LONGEST_NAMED {
        return None;
    }
    let lower = written.to_lowercase();
    let near = known
        .map(|word| {
            (
                strsim::damerau_levenshtein(&lower, &word.to_lowercase()),
                word,
            )
        })
        .min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, word)| *distance <= (word.len() / 3).max(1))
        .map(|(_, word)| word)
}

/// A key as operators find it in their document. An unknown one is cut, and stays on one line.
fn path(place: Place, key: &str) -> String {
    // A key without a name is still to be found by what stands there.
    let key = match plain(key) {
        key if key.trim().is_empty() => format!("\"{key}\""),
        key => key,
    };
    match place {
        Place::Top => key,
        Place::Advanced => format!("{ADVANCED}.{key}"),
    }
}

/// What was written, between backticks: cut, and on one line. Never for a secret.
fn quoted(text: &str) -> String {
    format!("`{}`", plain(text))
}

fn plain(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(|c| {
            let control = c.is_control();
            c.escape_default()
                .take_while(move |_| control)
                .chain((!control).then_some(c))
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
