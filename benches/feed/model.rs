//! What a typed parse reads: the published model of the nested body, `ConversationEventTopicConversation`, with every
//! member of the conversation, of its participants and of their calls (names from the platform's .NET SDK 270.0.0).
//!
//! Words and times of the platform hold no escapes and are borrowed as they are; texts of people are copied only if they
//! do. No word is turned into an enum and no time into a number, so it is the least that a typed parse can cost. Other
//! media than calls are no more than counted: the bodies of the benchmark have none.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A text that may hold escapes.
#[derive(Deserialize, PartialEq, Eq, Hash)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Members of other media.
pub(crate) type Media = Vec<IgnoredAny>;

/// Data attached to a participant.
pub(crate) type Attributes<'a> = HashMap<Text<'a>, Text<'a>>;

/// Structs of bodies: `words` are written without escapes, `texts` are people's, `values` are numbers and truths,
/// `parts` borrow in their turn.
macro_rules! structs {
    ($($name:ident {
        $(words: $($word:ident),+;)?
        $(texts: $($text:ident),+;)?
        $(values: $($value:ident: $value_type:ty),+;)?
        $(parts: $($(#[$attribute:meta])* $part:ident: $part_type:ty),+;)?
    })+) => {$(
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        pub(crate) struct $name<'a> {
            $($($word: Option<&'a str>,)+)?
            $($(#[serde(borrow)] $text: Option<Text<'a>>,)+)?
            $($($value: Option<$value_type>,)+)?
            $($($(#[$attribute])* #[serde(borrow)] $part: Option<$part_type>,)+)?
        }
    )+};
}

pub(crate) use structs;

structs! {
    Notification {
        words: topic_name, version;
        parts: event_body: Conversation<'a>, metadata: Metadata<'a>;
    }
    Conversation {
        words: id, recording_state, utilization_label_id, inactivity_timeout;
        texts: address, external_tag;
        values: max_participants: i64, secure_pause: bool;
        parts:
            participants: Vec<Participant<'a>>,
            recent_transfers: Vec<Transfer<'a>>,
            access_attributes: Vec<&'a str>,
            associated_conversation: Reference<'a>,
            consultation_conversations: Vec<Reference<'a>>,
            divisions: Vec<DivisionMembership<'a>>;
    }
    Participant {
        words: id, screen_recording_state, connected_time, end_time, user_id, external_contact_id,
            external_contact_initial_division_id, external_organization_id, queue_id, group_id, team_id, purpose,
            consult_participant_id, wrapup_prompt, start_acw_time, end_acw_time, monitored_participant_id,
            screen_monitored_participant_id, coached_participant_id, barged_participant_id, flagged_reason;
        texts: name, address;
        values: wrapup_required: bool, wrapup_expected: bool, wrapup_timeout_ms: i64, alerting_timeout_ms: i64,
            callbacks: Media, chats: Media, cobrowsesessions: Media, emails: Media, messages: Media,
            internal_messages: Media, screen_monitorings: Media, screenshares: Media, social_expressions: Media,
            videos: Media, workflow: IgnoredAny;
        parts:
            wrapup: Wrapup<'a>,
            conversation_routing_data: RoutingData<'a>,
            media_roles: Vec<&'a str>,
            attributes: Attributes<'a>,
            calls: Vec<Call<'a>>;
    }
    Call {
        words: state, initial_state, recording_state, disconnect_type, direction, id, start_hold_time, document_id,
            provider, script_id, peer_id, connected_time, disconnected_time, barged_time, agent_assistant_id,
            transfer_source, public_ip_address;
        texts: uui_data;
        values: recording: bool, muted: bool, confined: bool, held: bool, secure_pause: bool,
            after_call_work_required: bool, queue_media_settings: QueueMediaSettings, fax_status: IgnoredAny;
        parts:
            recorders_state: RecordersState<'a>,
            error_info: ErrorDetails<'a>,
            #[serde(rename = "self")]
            own: Address<'a>,
            other: Address<'a>,
            disconnect_reasons: Vec<DisconnectReason<'a>>,
            wrapup: Wrapup<'a>,
            after_call_work: AfterCallWork<'a>,
            disposition: Disposition<'a>;
    }
    Address { texts: name, name_raw, address_normalized, address_raw, address_displayable; }
    AfterCallWork { words: state, start_time, end_time; }
    DisconnectReason { words: r#type, reason; texts: phrase; values: code: i64; }
    Disposition {
        words: name, analyzer;
        values: amd_timeout: IgnoredAny, silent_call_timeout: IgnoredAny;
    }
    DivisionMembership { parts: division: Reference<'a>, entities: Vec<DivisionEntity<'a>>; }
    DivisionEntity { words: id, self_uri, date_division_updated; }
    ErrorDetails {
        words: code, context_id, uri;
        texts: message, message_with_params;
        values: status: i64;
        parts: message_params: HashMap<Text<'a>, Text<'a>>;
    }
    Metadata {
        parts:
            #[serde(rename = "CorrelationId")]
            correlation_id: &'a str;
    }
    RecordersState { words: adhoc_state, customer_experience_state, agent_experience_state, snippet_state; }
    Reference { words: id, self_uri; texts: name; }
    RoutingData {
        values: priority: i64;
        parts:
            queue: Reference<'a>,
            language: Reference<'a>,
            skills: Vec<Reference<'a>>,
            scored_agents: Vec<ScoredAgent<'a>>,
            skill_expression_id: Reference<'a>;
    }
    ScoredAgent { values: score: i64; parts: agent: Reference<'a>; }
    Transfer {
        words: state, id, date_issued, transfer_type;
        parts: initiator: TransferParty<'a>, modified_by: TransferParty<'a>, destination: TransferParty<'a>;
    }
    TransferParty { words: user_id, queue_id; texts: address; }
    Wrapup {
        words: code, end_time;
        texts: notes;
        values: duration_seconds: i64;
        parts: tags: Vec<Text<'a>>;
    }
}

/// As the model has it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct QueueMediaSettings {
    alerting_timeout_seconds: Option<i64>,
    auto_answer_alert_tone_seconds: Option<f64>,
    manual_answer_alert_tone_seconds: Option<f64>,
    enable_auto_answer: Option<bool>,
}
