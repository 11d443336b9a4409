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
        }
    }
}
