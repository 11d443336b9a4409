//! The table: one row for each setting. Parser, defaults, schema and reference page read it; nothing else knows a key.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    AllowedKey, AttributeMask, Fault, Region, Settings, StartupType, Trust, attribute, quoted,
    region, secret, trust,
};
use crate::model::log::LogLevel;

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
    /// Whether its value is never shown.
    pub(super) secret: bool,
    /// Its value for the status.
    pub(super) show: fn(&Settings) -> Value,
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
        /// Of what.
        unit: &'static str,
        /// Writes it down.
        put: fn(&mut Draft, u64),
    },
    /// Text that is what it is.
    Fixed(&'static str),
    /// A switch that this version takes only when it is off.
    StaysOff {
        /// What is wrong when it is on.
        wrong: &'static str,
        /// What would be right.
        right: &'static str,
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
    roster_interval: Option<Duration>,
    requests_per_minute: Option<u32>,
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
    /// The settings, if every row has written its own.
    pub(super) fn finish(self) -> Option<Settings> {
        Some(Settings {
            adapter_name: self.adapter_name?,
            description: self.description?,
            startup: self.startup?,
            data_source: self.data_source?,
            client_id: self.client_id?,
            client_secret: self.client_secret?,
            region: self.region?,
            trust: self.trust?,
            roster_interval: self.roster_interval?,
            requests_per_minute: self.requests_per_minute?,
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
        secret: false,
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
        secret: false,
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
        secret: false,
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
        secret: false,
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
        secret: false,
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
        secret: false,
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
        secret: true,
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
               only.",
        applies: Applies::Start,
        secret: false,
        show: |s| json!(s.region.api.as_str().trim_end_matches('/')),
    },
    Row {
        key: "UseClientProxy",
        title: "Use a proxy",
        place: Place::Top,
        kind: Kind::StaysOff {
            wrong: "is true, but this version connects directly and knows no proxy",
            right: "Write false, and let the recorder's machine reach the region directly (TCP port 443)",
        },
        default: Some("false"),
        help: "Whether connections go through a proxy. This version connects directly: only `false` is taken.",
        applies: Applies::Succession,
        secret: false,
        show: |_| json!(false),
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
        secret: false,
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
        secret: false,
        show: |s| json!(s.requests_per_minute),
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
               `GCA_EVENT_LOST` stands in the place of those that did not fit.",
        applies: Applies::Start,
        secret: false,
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
        secret: false,
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
        help: "Memory for the last snapshots of conversations, which make the next ones cheap to read. What does not \
               fit is read in full: slower, never wrong.",
        applies: Applies::Start,
        secret: false,
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
        secret: false,
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
        secret: false,
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
               `file:PATH`: as `platform`, and the authorities in that PEM file too.",
        applies: Applies::Succession,
        secret: false,
        show: |s| json!(trust::written(&s.trust)),
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
        secret: false,
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
        secret: false,
        show: |s| json!(s.provoke),
    },
];

/// The one value of `AdapterType`.
pub(super) const ADAPTER_TYPE: &str = "Genesys Cloud CX API Adapter";

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
