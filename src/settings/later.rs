//! Keys that operators carry over from other adapters or releases, and that do nothing in this one.
//!
//! Not part of the table: a key moves there when its work lands.

/// Keys at the top that matter only with `UseClientProxy`, which this version refuses: set aside in silence, because
/// hosts store every field of their form.
pub(super) const SET_ASIDE: [&str; 5] = [
    "ProxyProtocol",
    "ProxyHostname",
    "ProxyPort",
    "ProxyUsername",
    "ProxyPassword",
];

/// Keys in `AdvancedSettings` that are known and have no effect yet: a warning each, so that nobody relies on them.
pub(super) const WITHOUT_EFFECT: [&str; 15] = [
    "RestartTime",
    "MaxRetry",
    "MaxRetriesBeforeBackoff",
    "MaxRetryTimeS",
    "DefaultRetryAfterMs",
    "BackoffIntervalMs",
    "Role",
    "TimeZone",
    "JournalDirectory",
    "JournalMaxAgeH",
    "JournalMaxMiB",
    "ProxyBypass",
    "OverlapS",
    "QuietCallReadMinutes",
    "GapLedgerFile",
];
