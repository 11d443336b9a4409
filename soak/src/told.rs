//! What an adapter told, in plain words: what the judge sees of it. Nothing here is a type of the plugin.

/// One event that an adapter would have handed to its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The kind's name: `established`.
    pub(crate) kind: &'static str,
    /// Its id.
    pub(crate) id: u128,
    /// Whether the adapter promises that the id is the same for whoever saw it and how.
    pub(crate) exact: bool,
    /// `live`, `snapshot`, `recovered` or `synthetic`.
    pub(crate) source: &'static str,
    /// When it happened, by the platform's clock, in milliseconds since 1970 UTC.
    pub(crate) platform_ms: Option<i64>,
    /// Of which conversation; empty for agents.
    pub(crate) conversation: String,
    /// Of which party of it.
    pub(crate) participant: String,
    /// Of which user.
    pub(crate) user: String,
    /// What they are called, as far as the adapter knows.
    pub(crate) user_name: String,
    /// The platform's own word behind it.
    pub(crate) raw: String,
    /// Which station was taken or left.
    pub(crate) station: String,
    /// Which attribute changed.
    pub(crate) key: String,
}

/// An interval that an adapter noted as a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Its number, unique for the adapter.
    pub(crate) id: u64,
    /// Why: `lost`, `refused`, …
    pub(crate) cause: &'static str,
    /// Its begin, in milliseconds since 1970 UTC.
    pub(crate) from_ms: i64,
    /// Its end, once known.
    pub(crate) to_ms: Option<i64>,
    /// Everything that it covers was read.
    pub(crate) is_closed: bool,
    /// Whose topics did not flow: ids of users and queues.
    pub(crate) subjects: Vec<String>,
}
