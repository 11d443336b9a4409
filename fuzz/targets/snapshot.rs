//! The reading of conversation bodies, of which only what changed is parsed: any texts, one after another. A body read
//! after others tells what it tells when every body is read whole.
//!
//! Input: the topic's number, then the first body and, each behind a byte 0xFF, what follows it: another body, if it
//! begins with `{`, else an edit of the last (two bytes: where; one: how many bytes go; the rest: what comes).

#![no_main]

use std::collections::HashSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;

use genesys_cloud_adapter_fuzz::calls::{Calls, Heard};
use genesys_cloud_adapter_fuzz::model::frame::Notification;
use genesys_cloud_adapter_fuzz::model::order::SocketId;
use genesys_cloud_adapter_fuzz::model::time::{Now, UtcMicros};
use genesys_cloud_adapter_fuzz::told;

const TOPICS: [&str; 4] = [
    "v2.users.ann.conversations",
    "v2.users.ann.conversations.calls",
    "v2.routing.queues.sales.conversations",
    "v2.routing.queues.sales.conversations.calls",
];

/// A conversation without calls: in a cache without room it takes the place of any other.
const FILLER: &str = r#"{"id":"a conversation that nobody else has","participants":[]}"#;

fuzz_target!(|data: &[u8]| {
    let Some((topic, data)) = data.split_first() else {
        return;
    };
    let topic = TOPICS[usize::from(*topic) % TOPICS.len()];
    let (mut keeping, mut forgetting) = (Calls::new(1 << 20), Calls::new(0));
    let mut ids = HashSet::new();
    let mut body = Vec::new();
    for (second, step) in (0..).zip(data.split(|byte| *byte == 0xff).take(8)) {
        next(&mut body, step);
        let Ok(text) = std::str::from_utf8(&body) else {
            return;
        };
        let now = Now {
            elapsed: Duration::from_secs(second),
            utc: UtcMicros(1_800_000_000_000_000 + second as i64 * 1_000_000),
        };
        let shown = |body| Notification {
            topic,
            body,
            metadata: None,
        };
        let heard = keeping.handle_notification(SocketId(1), &shown(text), now);
        forgetting.handle_notification(SocketId(1), &shown(FILLER), now);
        let heard_whole = forgetting.handle_notification(SocketId(1), &shown(text), now);
        assert_eq!(
            heard == Heard::Unreadable,
            heard_whole == Heard::Unreadable,
            "{text}"
        );
        let events = told(&mut keeping);
        assert_eq!(events, told(&mut forgetting), "{text}");
        for event in events {
            assert!(ids.insert(event.id), "an id twice: {event:?}");
        }
    }
});

/// The next body.
fn next(body: &mut Vec<u8>, step: &[u8]) {
    match step {
        [b'{', ..] => *body = step.to_vec(),
        [high, low, gone, come @ ..] if !body.is_empty() => {
            let from = usize::from(u16::from_be_bytes([*high, *low])) % body.len();
            let until = (from + usize::from(*gone)).min(body.len());
            body.splice(from..until, come.iter().copied());
        }
        _ => {}
    }
}
