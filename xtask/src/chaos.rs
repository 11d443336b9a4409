//! What goes wrong during a demonstration with `--chaos`, and when: a plan in seconds, told to the region as it is due.
//!
//! A link that dies without a word is noticed 45 s later at the latest, so that comes first. After each loss in a row the
//! adapter waits longer before it connects again, so the last strike leaves time before the end. Each waits until there is
//! something to strike.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Failed;
use crate::region::Region;

/// How long a demonstration with chaos must be at least.
pub(crate) const SECONDS: u32 = 160;

/// How often it is looked whether there is something to strike.
const POLL: Duration = Duration::from_millis(200);

/// One thing that goes wrong.
struct Strike {
    at_s: u64,
    fault: fn() -> Value,
    says: &'static str,
}

const PLAN: &[Strike] = &[
    Strike {
        at_s: 6,
        fault: || json!({ "fault": "black_hole" }),
        says: "nothing passes any more on any socket, and all stay open",
    },
    Strike {
        at_s: 60,
        fault: || json!({ "fault": "cut_sockets" }),
        says: "every socket is cut",
    },
    Strike {
        at_s: 68,
        fault: || json!({ "fault": "revoke_token" }),
        says: "every token is revoked",
    },
    Strike {
        at_s: 76,
        // A client may have 20; one more takes the place of the oldest.
        fault: || json!({ "fault": "rival_channels", "every_s": 0.1, "for_s": 4.0 }),
        says: "another program with the same client id makes ten channels a second for 4 s",
    },
    Strike {
        at_s: 90,
        fault: || json!({ "fault": "socket_closing", "grace_s": 10.0 }),
        says: "the platform announces that it closes every socket in 10 s",
    },
    Strike {
        at_s: 104,
        fault: || {
            json!([{ "fault": "cut_sockets", "close_code": 1001 },
                { "fault": "refuse_connects", "for_s": 3.0 },
                { "fault": "storm_5xx", "share": 0.5, "for_s": 3.0 }])
        },
        says: "every socket is closed, and for 3 s none is taken and every second request fails",
    },
];

/// Carries the plan out, until it is done or `stop` closes. Tells each strike on standard error.
pub(crate) fn strike(region: &Region, stop: &Receiver<()>) -> Result<(), Failed> {
    let begin = Instant::now();
    for strike in PLAN {
        let due = begin + Duration::from_secs(strike.at_s);
        match stop.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                return Err(Failed::new(format!(
                    "the run was over before {} s, when this was due: {}",
                    strike.at_s, strike.says
                )));
            }
        }
        if !wait_until_followed(region, stop)? {
            return Err(Failed::new(format!(
                "nothing was followed in time for what was due {} s into the run: {}",
                strike.at_s, strike.says
            )));
        }
        eprintln!("chaos  {}", strike.says);
        region.post("/_sim/faults", &(strike.fault)().to_string())?;
    }
    Ok(())
}

/// Waits until a channel with topics has a socket: what strikes nobody shows nothing. False: the run is over.
fn wait_until_followed(region: &Region, stop: &Receiver<()>) -> Result<bool, Failed> {
    #[derive(Deserialize)]
    struct Channel {
        topics: usize,
        connected: bool,
    }
    loop {
        let answer = region.get("/_sim/channels")?;
        let channels: Vec<Channel> = serde_json::from_slice(&answer)
            .map_err(|error| Failed::new(format!("cannot read the region's channels: {error}")))?;
        let mut channels = channels.iter();
        if channels.any(|channel| channel.connected && channel.topics > 0) {
            return Ok(true);
        }
        if stop.recv_timeout(POLL) != Err(RecvTimeoutError::Timeout) {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_in_order_and_leaves_time_to_mend_the_last() {
        assert!(PLAN.is_sorted_by_key(|strike| strike.at_s));
        let last = PLAN.last().map_or(0, |strike| strike.at_s);
        assert!(last + 50 <= u64::from(SECONDS));
    }
}
