//! What a lean parse reads: of a notification, only what the adapter reads (`src/calls/nested.rs`), borrowed.

use std::borrow::Cow;

use serde::Deserialize;

/// A notification, as far as the adapter reads it. Ids, times and words of the platform hold no escapes and are
/// borrowed; texts of people are copied only if they do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "to read it is all that is measured")]
pub(crate) struct Notification<'a> {
    topic_name: &'a str,
    #[serde(borrow)]
    event_body: Conversation<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Conversation<'a> {
    id: &'a str,
    #[serde(borrow)]
    participants: Vec<Participant<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Participant<'a> {
    id: &'a str,
    purpose: Option<&'a str>,
    user_id: Option<&'a str>,
    queue_id: Option<&'a str>,
    connected_time: Option<&'a str>,
    end_time: Option<&'a str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    calls: Vec<Call<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Call<'a> {
    id: &'a str,
    state: Option<&'a str>,
    direction: Option<&'a str>,
    disconnect_type: Option<&'a str>,
    peer_id: Option<&'a str>,
    provider: Option<&'a str>,
    connected_time: Option<&'a str>,
    disconnected_time: Option<&'a str>,
    start_hold_time: Option<&'a str>,
    held: Option<bool>,
    muted: Option<bool>,
    confined: Option<bool>,
    secure_pause: Option<bool>,
    #[serde(rename = "self", borrow)]
    own: Option<Address<'a>>,
    #[serde(borrow)]
    other: Option<Address<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Address<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    address_normalized: Cow<'a, str>,
    #[serde(borrow)]
    address_raw: Cow<'a, str>,
}
