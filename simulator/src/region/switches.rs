//! What can be set while the region runs. It knows the names and the platform's values; where each matters is elsewhere.

use serde::{Deserialize, Serialize};

/// What can be set while the region runs (`POST /_sim/switches`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// HTTP status of `invalid_client`. The platform's is not documented: 400 or 401.
    pub refused_client_status: u16,
    /// Life of the tokens issued from now on. The platform allows 300 to 172,800 s; tests may go below.
    pub token_life_s: u32,
    /// Requests per token and minute.
    pub requests_per_minute: u32,
    /// Time between heartbeats of sockets opened from now on.
    pub heartbeat_ms: i64,
    /// Life of channels made (or resubscribed) from now on.
    pub channel_life_s: u32,
    /// Whether subscribing again prolongs a channel's life.
    pub subscribing_prolongs: bool,
    /// Whether channels end with the token that made them.
    pub channels_end_with_token: bool,
    /// How long the analytics queries do not know of something that happened; of a conversation, from half of it on. The
    /// platform gives no figure.
    pub analytics_delay_ms: i64,
    /// How far `totalHits` of the analytics queries may be off: a share of the true number, 0 to 1.
    pub analytics_totals_off: f64,
    /// How many rows come in before each page of the analytics queries while the one before it is read, so that the last
    /// rows of that one come again.
    pub analytics_pages_shift: u32,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            refused_client_status: 400,
            token_life_s: 86_400,
            requests_per_minute: 300,
            heartbeat_ms: 30_000,
            channel_life_s: 86_400,
            subscribing_prolongs: true,
            channels_end_with_token: true,
            analytics_delay_ms: 0,
            analytics_totals_off: 0.0,
            analytics_pages_shift: 0,
        }
    }
}
