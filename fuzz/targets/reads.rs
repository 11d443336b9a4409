//! Answers to reads: any texts, as the REST conversation, as analytics details of a conversation and of a user. What is told
//! keeps to the order of a leg's life, and what an answer says to have ended is closed.
//!
//! Input: bodies, split by a byte 0xFF; the first byte of each says what it is an answer to.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

use genesys_cloud_adapter_fuzz::calls::Calls;
use genesys_cloud_adapter_fuzz::model::event::Source;
use genesys_cloud_adapter_fuzz::model::time::{Now, UtcMicros};
use genesys_cloud_adapter_fuzz::{Ledger, told};

fuzz_target!(|data: &[u8]| {
    let mut calls = Calls::new(0);
    let mut ledger = Ledger::default();
    for (second, step) in (0..).zip(data.split(|byte| *byte == 0xff)) {
        let Some((kind, body)) = step.split_first() else {
            continue;
        };
        let Ok(body) = std::str::from_utf8(body) else {
            return;
        };
        let now = Now {
            elapsed: Duration::from_secs(second),
            utc: UtcMicros(1_800_000_000_000_000 + second as i64 * 1_000_000),
        };
        match kind % 4 {
            0 | 2 => calls.handle_conversation_read(body, Source::Recovered, now.elapsed, now),
            1 => calls.handle_analytics_details(body, Source::Snapshot, now),
            _ => calls.handle_user_details(body, Source::Recovered, now),
        };
        for event in told(&mut calls) {
            ledger.take(&event);
        }
    }
});
