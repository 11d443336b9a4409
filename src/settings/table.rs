//! The table: one row for each setting. Parser, defaults, schema and reference page read it; nothing else knows a key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::proxy::{self, ProxyDraft};
use super::{
    AllowedKey, AttributeMask, Fault, Proxy, ProxyProtocol, Region, RetryRules, Settings,
    StartupType, Trust, Zone, attribute, path, quoted, region, restart, secret, trust,
};
use crate::model::log::LogLevel;
use crate::model::role::Role;

/// One setting.
pub(super) struct Row {
    /// As it is written; case matters.
    pub(super) key: &'static str,
    /// A short name for a form.
    pub(super) title: &'static str,
    /// Where it is written.
    pub(super) place: Place,
    /// What may be written, and where it goes.
    pub(super) kind: Kind,
    /// What stands where nothing is written, spelt as an operator would; `None`: it must be written.
    pub(super) default: Option<&'static str>,
    /// What it means, in whole sentences.
    pub(super) help: &'static str,
    /// When a new value takes hold.
    pub(super) applies: Applies,
    /// Of a value that is never shown: where it is.
    pub(super) secret: Option<fn(&Settings) -> Option<&SecretString>>,
    /// Its value for the status.
    pub(super) show: fn(&Settings) -> Value,
}

impl Row {
    /// Whether it means something only with `UseClientProxy`.
    pub(super) fn is_of_proxy(&self) -> bool {
        self.key.starts_with("Proxy")
    }

    /// Whether the two say the same here.
    pub(super) fn is_same(&self, one: &Settings, other: &Settings) -> bool {
        let hidden = |settings| {
            let secret = self.secret.and_then(|secret| secret(settings));
            secret.map(|secret| secret.expose_secret())
        };
        (self.show)(one) == (self.show)(other) && hidden(one) == hidden(other)
    }
}

/// Where a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the document itself.
    Top,
    /// In its object `AdvancedSettings`.
    Advanced,
}

/// When a new value takes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// At once.
    Live,
    /// By a new connection that takes over from the old one without a gap.
    Succession,
    /// At the next start.
    Start,
}

impl Applies {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Succession => "by succession",
            Self::Start => "at start",
        }
    }
}

/// What may be written.
pub(super) enum Kind {
    /// Text with a check of its own. A value may be taken with a warning.
    Text {
        /// Its form, for the reference page; empty if any text will do.
        form: &'static str,
        /// The same as a pattern of JSON Schema, where that can say it.
        pattern: Option<&'static str>,
        /// Checks it and writes it down.
        read: fn(&mut Draft, &str) -> Result<Option<Fault>, Fault>,
    },
    /// One word of several, in any case of letters.
    Choice {
        /// Each word with its meaning.
        words: &'static [(&'static str, &'static str)],
        /// Writes down the word's place in the list.
        put: fn(&mut Draft, usize),
    },
    /// A whole number.
    Whole {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
        /// Of what; empty if it is a number of its own.
        unit: &'static str,
        /// Writes it down.
        put: fn(&mut Draft, u64),
    },
    /// Text that is what it is.
    Fixed(&'static str),
    /// On or off.
    Switch {
        /// Writes it down.
        put: fn(&mut Draft, bool),
    },
}

/// Settings on their way: each row writes its own.
#[derive(Default)]
pub(super) struct Draft {
    adapter_name: Option<String>,
    description: Option<String>,
    startup: Option<StartupType>,
    data_source: Option<Arc<str>>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    region: Option<Region>,
    trust: Option<Trust>,
    pub(super) proxy: ProxyDraft,
    restart_time: Option<Time>,
    time_zone: Option<Zone>,
    role: Option<Option<Role>>,
    max_retry: Option<u32>,
    max_retries_before_backoff: Option<u32>,
    max_retry_time: Option<Duration>,
    default_retry_after: Option<Duration>,
    backoff_interval: Option<Duration>,
    overlap: Option<Duration>,
    quiet_call_read: Option<Duration>,
    gap_ledger_file: Option<Option<PathBuf>>,
    roster_interval: Option<Duration>,
    requests_per_minute: Option<u32>,
    journal_directory: Option<Option<PathBuf>>,
    journal_max_age: Option<Duration>,
    journal_max_bytes: Option<u64>,
    queue_max_events: Option<usize>,
    refusals_before_lost: Option<u32>,
    snapshot_cache_bytes: Option<usize>,
    attribute_allow: Option<Vec<AllowedKey>>,
    attribute_mask: Option<AttributeMask>,
    log_level: Option<LogLevel>,
    #[cfg(feature = "provoke")]
    provoke: Option<String>,
}

impl Draft {
    /// Where the region is, if that was written and can be read.
    pub(super) fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// The settings, if every row has written its own.
    pub(super) fn finish(self, proxy: Option<Proxy>) -> Option<Settings> {
        Some(Settings {
            adapter_name: self.adapter_name?,
            description: self.description?,
            startup: self.startup?,
            data_source: self.data_source?,
            client_id: self.client_id?,
            client_secret: self.client_secret?,
            region: self.region?,
            trust: self.trust?,
            proxy,
            restart_time: self.restart_time?,
            time_zone: self.time_zone?,
            role: self.role?,
            retry: RetryRules {
                max_retry: self.max_retry?,
                max_retries_before_backoff: self.max_retries_before_backoff?,
                max_retry_time: self.max_retry_time?,
                default_retry_after: self.default_retry_after?,
                backoff_interval: Some(self.backoff_interval?)
                    .filter(|interval| !interval.is_zero()),
            },
            overlap: self.overlap?,
            quiet_call_read: self.quiet_call_read?,
            gap_ledger_file: self.gap_ledger_file?,
            roster_interval: self.roster_interval?,
            requests_per_minute: self.requests_per_minute?,
            journal_directory: self.journal_directory?,
            journal_max_age: self.journal_max_age?,
            journal_max_bytes: self.journal_max_bytes?,
            queue_max_events: self.queue_max_events?,
            refusals_before_lost: self.refusals_before_lost?,
            snapshot_cache_bytes: self.snapshot_cache_bytes?,
            attribute_allow: self.attribute_allow?,
            attribute_mask: self.attribute_mask?,
            log_level: self.log_level?,
            #[cfg(feature = "provoke")]
            provoke: self.provoke,
        })
    }
}

const STARTUP: [StartupType; 3] = [
    StartupType::Automatic,
    StartupType::Manual,
    StartupType::Disabled,
];

const STARTUP_WORDS: [(&str, &str); 3] = [
    ("Automatic", "with the host"),
    ("Manual", "when someone starts it"),
    ("Disabled", "never: a start is refused"),
];

const ROLES: [Option<Role>; 3] = [None, Some(Role::Primary), Some(Role::Secondary)];

const ROLE_WORDS: [(&str, &str); 3] = [
    ("single", "the only one"),
    ("primary", "the first of two"),
    (
        "secondary",
        "the second of two: its daily restart comes an hour after the first one's",
    ),
];

const LOG_WORDS: [(&str, &str); 5] = [
    (LogLevel::Error.name(), "what an operator must mend"),
    (LogLevel::Warn.name(), "what went wrong and is dealt with"),
    (
        LogLevel::Info.name(),
        "what an operator wants to see in an ordinary day",
    ),
    (LogLevel::Debug.name(), "for support"),
    (
        LogLevel::Trace.name(),
        "everything but secrets and people's data",
    ),
];

/// All settings, in the order of the reference page.
pub(super) static TABLE: &[Row] = &[
    Row {
        key: "AdapterName",
        title: "Name",
        place: Place::Top,
        kind: Kind::Text {
            form: "text without `< > & ' \" $` and control characters",
            pattern: Some(r#"^[^<>&'"$\u0000-\u001F\u007F-\u009F]+$"#),
            read: |draft, text| {
                if let Some(bad) = text.chars().find(|c| "<>&'\"$".contains(*c)) {
                    return Err(Fault::new(
                        format!("holds the character {}", quoted(&bad.to_string())),
                        "Write a name without any of < > & ' \" $",
                    ));
                }
                draft.adapter_name = Some(line(text)?);
                Ok(None)
            },
        },
        default: None,
        help: "The name of the adapter. No other adapter in the process may have it; case makes no difference there.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.adapter_name),
    },
    Row {
        key: "Description",
        title: "Description",
        place: Place::Top,
        kind: Kind::Text {
            form: "",
            pattern: None,
            read: |draft, text| {
                draft.description = Some(text.to_owned());
                Ok(None)
            },
        },
        default: Some(""),
        help: "For people.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.description),
    },
    Row {
        key: "AdapterType",
        title: "Type",
        place: Place::Top,
        kind: Kind::Fixed(ADAPTER_TYPE),
        default: Some(ADAPTER_TYPE),
        help: "What kind of adapter this is. It cannot be changed.",
        applies: Applies::Start,
        secret: None,
        show: |_| json!(ADAPTER_TYPE),
    },
    Row {
        key: "StartupType",
        title: "Startup type",
        place: Place::Top,
        kind: Kind::Choice {
            words: &STARTUP_WORDS,
            put: |draft, place| draft.startup = STARTUP.get(place).copied(),
        },
        default: Some("Automatic"),
        help: "When the host starts the adapter.",
        applies: Applies::Start,
        secret: None,
        show: |s| {
            let word = STARTUP
                .iter()
                .position(|known| *known == s.startup)
                .and_then(|at| STARTUP_WORDS.get(at));
            json!(word.map(|(word, _)| word))
        },
    },
    Row {
        key: "DataSource",
        title: "Data source",
        place: Place::Top,
        kind: Kind::Text {
            form: "text without control characters",
            pattern: Some(r"^[^\u0000-\u001F\u007F-\u009F]+$"),
            read: |draft, text| {
                draft.data_source = Some(Arc::from(line(text)?));
                Ok(None)
            },
        },
        default: None,
        help: "The name of the recorder's data source. It stands in every event.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(&*s.data_source),
    },
    Row {
        key: "ClientId",
        title: "Client id",
        place: Place::Top,
        kind: Kind::Text {
            form: "text without blanks and colons",
            pattern: Some(r"^\s*[^\s:]+\s*$"),
            read: |draft, text| {
                // HTTP's Basic scheme ends the name at the first colon.
                if text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control()) {
                    return Err(Fault::new(
                        "holds a blank, a colon or a control character, which no client id does",
                        "Copy the client id again from the OAuth client in Genesys Cloud",
                    ));
                }
                draft.client_id = Some(text.to_owned());
                Ok(None)
            },
        },
        default: None,
        help: "The id of an OAuth client of the grant type Client Credentials, made in the same region.",
        applies: Applies::Succession,
        secret: None,
        show: |s| json!(s.client_id),
    },
    Row {
        key: "ClientSecret",
        title: "Client secret",
        place: Place::Top,
        kind: Kind::Text {
            form: "the secret itself, `env:NAME` or `file:PATH`",
            pattern: None,
            read: |draft, text| {
                draft.client_secret = Some(secret::read(text)?);
                Ok(None)
            },
        },
        default: None,
        help: "The secret of that client: itself, or the name of a variable of the recorder's process, or of a file that \
               holds it and nothing else (a line break at the end is dropped; relative paths start where the \
               process does, so write absolute ones). Variable and file are read when the settings are.",
        applies: Applies::Succession,
        secret: Some(|s| Some(&s.client_secret)),
        show: |_| json!(secret::MASK),
    },
    Row {
        key: "RegionHost",
        title: "Region",
        place: Place::Top,
        kind: Kind::Text {
            form: "AWS region, domain or host",
            pattern: None,
            read: |draft, text| {
                let (region, warning) = region::read(text)?;
                draft.region = Some(region);
                Ok(warning)
            },
        },
        default: None,
        help: "Where the organization is: the AWS region (`eu-central-1`, with dashes or underscores), the region's \
               domain (`mypurecloud.de`), or its api, login or apps host, with or without `https://`. Another host is \
               taken with a warning, and then tokens and requests both go there. `http://` is for loopback addresses \
               only, and not through a proxy on another machine.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.region.api.as_str().trim_end_matches('/')),
    },
    Row {
        key: "UseClientProxy",
        title: "Use a proxy",
        place: Place::Top,
        kind: Kind::Switch {
            put: |draft, value| draft.proxy.is_used = value,
        },
        default: Some("false"),
        help: "Whether every connection goes through a proxy: for tokens, requests and websockets, each by a tunnel of \
               its own. The proxy looks the region's names up. No variable of the process and no setting of the \
               system names a proxy in place of these keys.",
        applies: Applies::Succession,
        secret: None,
        show: |s| json!(s.proxy.is_some()),
    },
    Row {
        key: "ProxyProtocol",
        title: "Proxy protocol",
        place: Place::Top,
        kind: Kind::Choice {
            words: &proxy::PROTOCOL_WORDS,
            put: |draft, place| draft.proxy.protocol = proxy::PROTOCOLS.get(place).copied(),
        },
        default: Some("http"),
        help: "How the proxy is spoken to.",
        applies: Applies::Succession,
        secret: None,
        show: |s| {
            let protocol = s.proxy.as_ref().map_or(ProxyProtocol::Http, |p| p.protocol);
            let word = proxy::PROTOCOLS
                .iter()
                .position(|known| *known == protocol)
                .and_then(|at| proxy::PROTOCOL_WORDS.get(at));
            json!(word.map(|(word, _)| word))
        },
    },
    Row {
        key: "ProxyHostname",
        title: "Proxy host",
        place: Place::Top,
        kind: Kind::Text {
            form: "a name or an address",
            pattern: None,
            read: |draft, text| {
                if !text.is_empty() {
                    draft.proxy.host = Some(proxy::host(text)?);
                }
                Ok(None)
            },
        },
        default: Some(""),
        help: "The proxy's name or address alone. Required with `UseClientProxy`.",
        applies: Applies::Succession,
        secret: None,
        show: |s| json!(s.proxy.as_ref().map_or("", |p| &p.host)),
    },
    Row {
        key: "ProxyPort",
        title: "Proxy port",
        place: Place::Top,
        kind: Kind::Whole {
            min: 1,
            max: 65_535,
            unit: "",
            put: |draft, value| draft.proxy.port = u16::try_from(value).ok(),
        },
        default: Some(""),
        help: "The proxy's TCP port. Required with `UseClientProxy`.",
        applies: Applies::Succession,
        secret: None,
        show: |s| json!(s.proxy.as_ref().map(|p| p.port)),
    },
    Row {
        key: "ProxyUsername",
        title: "Proxy user",
        place: Place::Top,
        kind: Kind::Text {
            form: "",
            pattern: None,
            read: |draft, text| {
                draft.proxy.username = proxy::username(text)?;
                Ok(None)
            },
        },
        default: Some(""),
        help: "The user name for a proxy that asks for one (Basic authentication, or that of SOCKS5, RFC 1929).",
        applies: Applies::Succession,
        secret: None,
        show: |s| {
            let credentials = s.proxy.as_ref().and_then(|p| p.credentials.as_ref());
            json!(credentials.map_or("", |(name, _)| name))
        },
    },
    Row {
        key: "ProxyPassword",
        title: "Proxy password",
        place: Place::Top,
        kind: Kind::Text {
            form: "the password itself, `env:NAME` or `file:PATH`",
            pattern: None,
            read: |draft, text| {
                if !text.is_empty() {
                    draft.proxy.password = Some(secret::read_password(text)?);
                }
                Ok(None)
            },
        },
        default: Some(""),
        help: "The password of that user: itself, or the name of a variable of the recorder's process, or of a file, as \
               with `ClientSecret`. Blanks around what is written here are no part of it: a password that begins or ends \
               with one is given by `env:` or `file:`.",
        applies: Applies::Succession,
        secret: Some(|s| {
            let credentials = s.proxy.as_ref()?.credentials.as_ref()?;
            Some(&credentials.1)
        }),
        show: |s| {
            let credentials = s.proxy.as_ref().and_then(|p| p.credentials.as_ref());
            json!(credentials.map_or("", |_| secret::MASK))
        },
    },
    Row {
        key: "RestartTime",
        title: "Daily restart",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "hh:mm, 00:00 to 23:59",
            pattern: Some(r"^\s*([01][0-9]|2[0-3]):[0-5][0-9]\s*$"),
            read: |draft, text| {
                draft.restart_time = Some(restart::read_time(text)?);
                Ok(None)
            },
        },
        default: Some("00:00"),
        help: "When the adapter renews token, connections and roster, once a day, by the clock of `TimeZone`: by new connections \
               that take over from the old ones, without a gap. A secondary does so 3,600 s after that instant. Where the \
               clock is set forward over the time, it is when the clock is set; where the clock shows the time twice, it \
               is the first.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(restart::time_written(s.restart_time)),
    },
    Row {
        key: "MaxRetry",
        title: "Retries of a request",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 0,
            max: 10_000,
            unit: "retries",
            put: |draft, value| draft.max_retry = u32::try_from(value).ok(),
        },
        default: Some("0"),
        help: "How often one request is repeated at the most, whatever went wrong. It never decides whether the adapter lives: it \
               goes on connecting for ever.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.retry.max_retry),
    },
    Row {
        key: "MaxRetriesBeforeBackoff",
        title: "Retries before the back-off",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 0,
            max: 10_000,
            unit: "retries",
            put: |draft, value| draft.max_retries_before_backoff = u32::try_from(value).ok(),
        },
        default: Some("0"),
        help: "So many repetitions after a 502, 503, 504 or a broken connection come after the plain delay, before the back-off \
               begins. Those after a 429 are not counted here: they never back off.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.retry.max_retries_before_backoff),
    },
    Row {
        key: "MaxRetryTimeS",
        title: "Time for retries",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 0,
            max: 86_400,
            unit: "seconds",
            put: |draft, value| draft.max_retry_time = Some(Duration::from_secs(value)),
        },
        default: Some("1"),
        help: "No repetition starts later than this after the request was first sent. 0: none is repeated.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.retry.max_retry_time.as_secs()),
    },
    Row {
        key: "DefaultRetryAfterMs",
        title: "Plain delay",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 0,
            max: 180_000,
            unit: "milliseconds",
            put: |draft, value| draft.default_retry_after = Some(Duration::from_millis(value)),
        },
        default: Some("0"),
        help: "The plain delay before a repetition, where the answer has no `Retry-After`. It is never under 100 ms.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(millis(s.retry.default_retry_after)),
    },
    Row {
        key: "BackoffIntervalMs",
        title: "Back-off interval",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 0,
            max: 86_400_000,
            unit: "milliseconds",
            put: |draft, value| draft.backoff_interval = Some(Duration::from_millis(value)),
        },
        default: Some("0"),
        help: "The back-off waits 3 s, once this time has passed since the request was first sent 9 s, and once it has passed twice \
               27 s. 0: there is no back-off, the plain delay goes on.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.retry.backoff_interval.map_or(0, millis)),
    },
    Row {
        key: "Role",
        title: "Role",
        place: Place::Advanced,
        kind: Kind::Choice {
            words: &ROLE_WORDS,
            put: |draft, place| draft.role = ROLES.get(place).copied(),
        },
        default: Some("single"),
        help: "Whether a second adapter uses the same OAuth client, and which of the two this is. Two adapters with roles \
               share the 20 channels that the platform allows a client: each follows half as many users.",
        applies: Applies::Live,
        secret: None,
        show: |s| {
            let place = ROLES.iter().position(|known| *known == s.role);
            json!(
                place
                    .and_then(|at| ROLE_WORDS.get(at))
                    .map(|(word, _)| word)
            )
        },
    },
    Row {
        key: "TimeZone",
        title: "Time zone",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "name of a time zone",
            pattern: None,
            read: |draft, text| {
                draft.time_zone = Some(restart::read_zone(text)?);
                Ok(None)
            },
        },
        default: Some(""),
        help: "The time zone of `RestartTime`, by its name in the IANA database (`Europe/Berlin`, `America/Sao_Paulo`, `UTC`); \
               empty: that of the machine, which is read at each start. If the machine has none, UTC holds, with a \
               warning.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.time_zone.name()),
    },
    Row {
        key: "OverlapS",
        title: "Overlap",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 1,
            max: 30,
            unit: "seconds",
            put: |draft, value| draft.overlap = Some(Duration::from_secs(value)),
        },
        default: Some("5"),
        help: "For how long an old connection and the one that takes over are both read, so that nothing falls between them. A gap \
               is taken to begin so much before the last that was heard.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.overlap.as_secs()),
    },
    Row {
        key: "QuietCallReadMinutes",
        title: "Quiet calls",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 1,
            max: 1_440,
            unit: "minutes",
            put: |draft, value| draft.quiet_call_read = Some(Duration::from_secs(value * 60)),
        },
        default: Some("10"),
        help: "A live call that nothing was heard of for so long is read from the platform, and closed if it has ended.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.quiet_call_read.as_secs() / 60),
    },
    Row {
        key: "GapLedgerFile",
        title: "Ledger of gaps",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "path of a file",
            pattern: None,
            read: |draft, text| {
                let (path, warning) = path::read_file(text)?;
                draft.gap_ledger_file = Some(path);
                Ok(warning)
            },
        },
        default: Some(""),
        help: "The file that every gap in the feed is written down in, one line of JSON each: when, why, whom it concerns, what was \
               recovered. It is only ever appended to. Empty: gaps stand in the status only. Put it on a local disk: a start \
               reads all of it, and waits for a share that hangs. Relative paths start where the process does, so write an \
               absolute one.",
        applies: Applies::Start,
        secret: None,
        show: |s| {
            json!(
                s.gap_ledger_file
                    .as_deref()
                    .map(path::written)
                    .unwrap_or_default()
            )
        },
    },
    Row {
        key: "RosterIntervalS",
        title: "Roster interval",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 30,
            max: 86_400,
            unit: "seconds",
            put: |draft, value| draft.roster_interval = Some(Duration::from_secs(value)),
        },
        default: Some("300"),
        help: "How often users and queues are listed again. A new user or queue is followed after this time at the latest.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.roster_interval.as_secs()),
    },
    Row {
        key: "RequestsPerMinute",
        title: "Requests per minute",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 10,
            max: 300,
            unit: "requests",
            put: |draft, value| draft.requests_per_minute = u32::try_from(value).ok(),
        },
        default: Some("270"),
        help: "The budget of REST requests in a minute. The platform allows 300 for a token; leave the difference to \
               others who use the same client.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.requests_per_minute),
    },
    Row {
        key: "JournalDirectory",
        title: "Directory of the journal",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "path of a directory",
            pattern: None,
            read: |draft, text| {
                let (path, warning) = path::read_directory(text)?;
                draft.journal_directory = Some(path);
                Ok(warning)
            },
        },
        default: Some(""),
        help: "The directory in which this adapter keeps its journal: each event is on disk before the host is offered it, and \
               leaves when the host has taken it, so that a crash or a power cut loses none. Empty: no journal. It must be on a \
               local disk. It is made if it is not there; only its owner may read it, since it holds what events hold. Relative \
               paths start where the process does, so write an absolute one.",
        applies: Applies::Start,
        secret: None,
        show: |s| {
            json!(
                s.journal_directory
                    .as_deref()
                    .map(path::written)
                    .unwrap_or_default()
            )
        },
    },
    Row {
        key: "JournalMaxAgeH",
        title: "Longest time in the journal",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 1,
            max: 8_760,
            unit: "hours",
            put: |draft, value| draft.journal_max_age = Some(Duration::from_secs(value * 3_600)),
        },
        default: Some("72"),
        help: "An event that the host has not taken for so long is given up: a `GCA_EVENT_LOST` takes its place.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.journal_max_age.as_secs() / 3_600),
    },
    Row {
        key: "JournalMaxMiB",
        title: "Largest size of the journal",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 16,
            max: 1_048_576,
            unit: "MiB",
            put: |draft, value| draft.journal_max_bytes = Some(value << 20),
        },
        default: Some("10240"),
        help: "How much the journal may hold. Beyond it the oldest events are given up, as they are when less than a tenth of \
               the disk is free: a `GCA_EVENT_LOST` takes their place.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.journal_max_bytes >> 20),
    },
    Row {
        key: "QueueMaxEvents",
        title: "Longest queue to the host",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 1_000,
            max: 10_000_000,
            unit: "events",
            put: |draft, value| draft.queue_max_events = usize::try_from(value).ok(),
        },
        default: Some("100000"),
        help: "How many events wait in memory for a host that takes them slowly or not at all. When it is full, a \
               `GCA_EVENT_LOST` stands in the place of those that did not fit. With a journal they wait there, and none is \
               lost.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.queue_max_events),
    },
    Row {
        key: "RefusalsBeforeLost",
        title: "Refusals before an event is lost",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 0,
            max: 1_000_000,
            unit: "refusals",
            put: |draft, value| draft.refusals_before_lost = u32::try_from(value).ok(),
        },
        default: Some("0"),
        help: "How often the host may answer `GCA_LATER` to one event before a `GCA_EVENT_LOST` takes its place. \
               0: as often as it likes; then only a full queue loses events.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.refusals_before_lost),
    },
    Row {
        key: "SnapshotCacheMiB",
        title: "Cache of snapshots",
        place: Place::Advanced,
        kind: Kind::Whole {
            min: 1,
            max: 1_024,
            unit: "MiB",
            put: |draft, value| draft.snapshot_cache_bytes = usize::try_from(value << 20).ok(),
        },
        default: Some("24"),
        help: "Memory for the last snapshots of conversations, and for what was read of them, which make the next \
               ones cheap to read. What does not fit is read in full: slower, never wrong.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.snapshot_cache_bytes >> 20),
    },
    Row {
        key: "AttributeAllow",
        title: "Attributes that are told",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "keys with commas between them",
            pattern: None,
            read: |draft, text| {
                draft.attribute_allow = Some(attribute::read_allow(text)?);
                Ok(None)
            },
        },
        default: Some(""),
        help: "Which attributes (participant data) may be told, by their keys; empty: all. A `*` at the end of a key \
               stands for any ending. Case matters, as it does in Genesys Cloud. Of an attribute that is not allowed \
               neither key nor value leaves the adapter.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(attribute::allow_written(&s.attribute_allow)),
    },
    Row {
        key: "AttributeMask",
        title: "What is masked in attributes",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "`none`, or `cards` and `/PATTERN/`, with commas between them",
            pattern: None,
            read: |draft, text| {
                let (mask, warning) = attribute::read_mask(text)?;
                draft.attribute_mask = Some(mask);
                Ok(warning)
            },
        },
        default: Some("cards"),
        help: "What is replaced by `*` in the values of attributes and in the notes of wrap-ups, before anything else \
               sees them. `cards`: card numbers but for their last four digits. `/PATTERN/`: what the regular \
               expression matches, wholly. `none`: nothing. Only what is written is masked: patterns without the \
               word `cards` leave card numbers readable, with a warning.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(attribute::mask_written(&s.attribute_mask)),
    },
    Row {
        key: "Trust",
        title: "Trusted certificates",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "`platform`, `system-roots` or `file:PATH`",
            pattern: None,
            read: |draft, text| {
                draft.trust = Some(trust::read(text)?);
                Ok(None)
            },
        },
        default: Some("platform"),
        help: "Who may vouch for the region's certificate. `platform`: whom the operating system trusts, by its own \
               verifier. `system-roots`: the authorities in the operating system's store, checked by the library. \
               `file:PATH`: as `platform`, and the authorities in that PEM file too. On Linux the variables \
               `SSL_CERT_FILE` and `SSL_CERT_DIR` of the recorder's process, where they are set, name another store in \
               the place of the system's; on Windows so they do with `system-roots`.",
        applies: Applies::Succession,
        secret: None,
        show: |s| json!(trust::written(&s.trust)),
    },
    Row {
        key: "ProxyBypass",
        title: "Not through the proxy",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "hosts, domains, addresses or networks, with commas between them",
            pattern: None,
            read: |draft, text| {
                draft.proxy.bypass = proxy::bypass(text)?;
                Ok(None)
            },
        },
        default: Some(""),
        help: "What is reached without the proxy. A name stands for itself and for every host below it, with or \
               without `.` or `*.` before it; addresses (`192.0.2.7`) and networks (`192.0.2.0/24`) are compared with \
               addresses that are written, not with those that names have.",
        applies: Applies::Succession,
        secret: None,
        show: |s| {
            json!(
                s.proxy
                    .as_ref()
                    .map_or(String::new(), |p| p.bypass.join(", "))
            )
        },
    },
    Row {
        key: "LogLevel",
        title: "Log level",
        place: Place::Advanced,
        kind: Kind::Choice {
            words: &LOG_WORDS,
            put: |draft, place| draft.log_level = LogLevel::ALL.get(place).copied(),
        },
        default: Some("info"),
        help: "How much is logged: lines of this level and of the graver ones.",
        applies: Applies::Live,
        secret: None,
        show: |s| json!(s.log_level.name()),
    },
    #[cfg(feature = "provoke")]
    Row {
        key: "Provoke",
        title: "Provoke a panic",
        place: Place::Advanced,
        kind: Kind::Text {
            form: "the name of a place",
            pattern: None,
            read: |draft, text| {
                draft.provoke = Some(text.to_owned()).filter(|place| !place.is_empty());
                Ok(None)
            },
        },
        default: Some(""),
        help: "Test builds only: where the adapter shall panic, once a start: start, supervisor, session, calls, socket, dispatcher or logger.",
        applies: Applies::Start,
        secret: None,
        show: |s| json!(s.provoke),
    },
];

/// The one value of `AdapterType`.
pub(super) const ADAPTER_TYPE: &str = "Genesys Cloud CX API Adapter";

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Text on one line.
fn line(text: &str) -> Result<String, Fault> {
    if text.contains(char::is_control) {
        return Err(Fault::new(
            "holds a control character, perhaps a line break or a tab",
            "Write it on one line",
        ));
    }
    Ok(text.to_owned())
}
