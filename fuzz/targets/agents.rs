//! The bodies of presence, routing status and station: any texts. What is told is about the topic's user and told once.
//!
//! Input: bodies, split by a byte 0xFF; the first byte of each says on which topic it comes.

#![no_main]

use std::collections::HashMap;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;

use genesys_cloud_adapter_fuzz::calls::Calls;
use genesys_cloud_adapter_fuzz::model::event::{EventKind, Subject};
use genesys_cloud_adapter_fuzz::model::frame::Notification;
use genesys_cloud_adapter_fuzz::model::order::SocketId;
use genesys_cloud_adapter_fuzz::model::time::{Now, UtcMicros};
use genesys_cloud_adapter_fuzz::{Ledger, told};

const USERS: [&str; 2] = ["ann", "ben"];
const LEAVES: [&str; 3] = ["presence", "routingStatus", "station"];
const METADATA: [Option<&str>; 4] = [
    None,
    Some(r#"{"action":"Associated"}"#),
    Some(r#"{"action":"Disassociated"}"#),
    Some(r#"{"action":["Disassociated"]"#),
];

fuzz_target!(|data: &[u8]| {
    let mut calls = Calls::new(0);
    let mut ledger = Ledger::default();
    let mut presences = HashMap::new();
    for (second, step) in (0..).zip(data.split(|byte| *byte == 0xff)) {
        let Some((topic, body)) = step.split_first() else {
            continue;
        };
        let Ok(body) = std::str::from_utf8(body) else {
            return;
        };
        let topic = usize::from(*topic);
        let user = USERS[topic % 2];
        let notification = Notification {
            topic: &format!("v2.users.{user}.{}", LEAVES[topic / 2 % 3]),
            body,
            metadata: METADATA[topic / 6 % 4],
        };
        let now = Now {
            elapsed: Duration::from_secs(second),
            utc: UtcMicros(1_800_000_000_000_000 + second as i64 * 1_000_000),
        };
        calls.handle_notification(SocketId(1), &notification, now);
        for event in told(&mut calls) {
            ledger.take(&event);
            let Subject::Agent { user: about, .. } = &event.subject else {
                panic!("not about an agent: {event:?}");
            };
            assert_eq!(about.id.as_str(), user, "{event:?}");
            if event.kind == EventKind::AgentPresence
                && let Some(time) = event.platform_time
            {
                let before = presences.insert(user, time);
                assert!(
                    before.is_none_or(|before| before <= time),
                    "{event:?} after {before:?}"
                );
            }
        }
    }
});
