//! What a lean parse reads: of a notification, only what the adapter reads (`src/calls/nested.rs`).

use serde::Deserialize;

use crate::model::{Attributes, Media, Text, structs};

structs! {
    Notification {
        words: topic_name;
        parts: event_body: Conversation<'a>;
    }
    Conversation {
        words: id, recording_state;
        values: secure_pause: bool;
        parts:
            participants: Vec<Participant<'a>>,
            associated_conversation: Reference<'a>,
            consultation_conversations: Vec<Reference<'a>>;
    }
    Participant {
        words: id, purpose, user_id, queue_id, team_id, group_id, external_contact_id, external_organization_id,
            consult_participant_id, monitored_participant_id, coached_participant_id, barged_participant_id, end_time,
            start_acw_time, end_acw_time;
        texts: name, address;
        values: callbacks: Media, chats: Media, cobrowsesessions: Media, emails: Media, messages: Media,
            internal_messages: Media, screenshares: Media, social_expressions: Media, videos: Media;
        parts:
            conversation_routing_data: RoutingData<'a>,
            wrapup: Wrapup<'a>,
            attributes: Attributes<'a>,
            calls: Vec<Call<'a>>;
    }
    Call {
        words: id, state, initial_state, recording_state, direction, disconnect_type, peer_id, provider, connected_time,
            disconnected_time, start_hold_time, barged_time;
        texts: uui_data;
        values: held: bool, muted: bool, confined: bool, secure_pause: bool;
        parts:
            #[serde(rename = "self")]
            own: Address<'a>,
            other: Address<'a>,
            wrapup: Wrapup<'a>,
            after_call_work: AfterCallWork<'a>,
            disposition: Disposition<'a>;
    }
    Address { texts: address_normalized; }
    AfterCallWork { words: state, start_time, end_time; }
    Disposition { words: name, analyzer; }
    Reference { words: id; texts: name; }
    RoutingData {
        values: priority: i64;
        parts: skills: Vec<Reference<'a>>, language: Reference<'a>;
    }
    Wrapup {
        words: code, end_time;
        texts: notes;
        values: duration_seconds: i64;
        parts: tags: Vec<Text<'a>>;
    }
}
