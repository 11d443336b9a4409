//! What stands at each path of an event's JSON, and which member of the platform's bodies it comes from. That a path is
//! there, and what type it has, comes from the types in `event_json.rs`.

use super::Form::{self, Both, Nested, Ours, Topic};

/// Of one path.
pub(super) struct Row {
    pub(super) path: &'static str,
    pub(super) form: Form,
    /// Where it comes from: in the nested form; in the flat one, if that differs.
    pub(super) nested: &'static str,
    pub(super) flat: &'static str,
    pub(super) meaning: &'static str,
}

const fn ours(path: &'static str, meaning: &'static str) -> Row {
    Row {
        path,
        form: Ours,
        nested: "",
        flat: "",
        meaning,
    }
}

const fn both(
    path: &'static str,
    nested: &'static str,
    flat: &'static str,
    meaning: &'static str,
) -> Row {
    Row {
        path,
        form: Both,
        nested,
        flat,
        meaning,
    }
}

const fn nested(path: &'static str, nested: &'static str, meaning: &'static str) -> Row {
    Row {
        path,
        form: Nested,
        nested,
        flat: "",
        meaning,
    }
}

const fn topic(path: &'static str, member: &'static str, meaning: &'static str) -> Row {
    Row {
        path,
        form: Topic,
        nested: member,
        flat: "",
        meaning,
    }
}

/// All paths, in the document's order.
pub(super) const ROWS: &[Row] = &[
    ours("kind", "What happened"),
    ours(
        "feed_id",
        "The feed; changes whenever the sequence starts again at 1",
    ),
    ours("sequence", "Number of the event in its feed"),
    ours("id", "32 hexadecimal digits, equal for the same fact"),
    ours(
        "id_exact",
        "Whether the id is the same under any interleaving, duplication, source and node",
    ),
    ours("source", "How it is known"),
    ours("data_source", "`DataSource` of the settings"),
    both(
        "platform_time_us",
        "as each kind says",
        "as each kind says",
        "When it happened, by the platform's clock",
    ),
    ours(
        "received_time_us",
        "When the notification or answer that told it arrived",
    ),
    both(
        "held",
        "`calls[].held`",
        "`held`",
        "The party is on hold, after the event",
    ),
    both(
        "muted",
        "`calls[].muted`",
        "`muted`",
        "The party is muted, after the event",
    ),
    both(
        "confined",
        "`calls[].confined`",
        "`confined`",
        "The party is isolated from the others, after the event",
    ),
    both(
        "secure_pause",
        "`calls[].securePause`, `conversation.securePause`",
        "`securePause`, `conversation.securePause`",
        "The party is in a secure pause, after the event",
    ),
    both(
        "conversation_id",
        "`conversation.id`",
        "`conversation.id`",
        "The conversation",
    ),
    both(
        "root_contact_id",
        "`conversation.associatedConversation.id`, `conversation.consultationConversations[].id` of the other",
        "of the conversation, as the nested form told it",
        "The conversation that the customer contact began with: its own id, but for a consult in a second \
         conversation",
    ),
    nested(
        "related_conversation_id",
        "`conversation.consultationConversations[].id`",
        "The other conversation of a consult, if it is in one of its own",
    ),
    both("participant_id", "`id`", "`id`", "The party"),
    nested(
        "communication_id",
        "`calls[].id`",
        "The party's call leg, the id that recordings and media carry",
    ),
    both(
        "peer_id",
        "`calls[].peerId`",
        "`peer`",
        "The leg at the other side",
    ),
    both(
        "old_connection_id",
        "`calls[].id`",
        "`id`",
        "The connection that ends or waits; of an observation, the one observed. The participant's id where no form \
         told the call leg's",
    ),
    both(
        "new_connection_id",
        "`calls[].id`",
        "`id`",
        "The connection that takes its place or is asked. As `old_connection_id`",
    ),
    both(
        "user_id",
        "`userId`",
        "`user.id`",
        "The user who is the party, or whose state changed",
    ),
    both(
        "user_name",
        "the list of users",
        "the list of users, else `user.name`",
        "The user's display name",
    ),
    both(
        "user_email",
        "the list of users",
        "the list of users",
        "The user's e-mail address",
    ),
    topic(
        "station_id",
        "`associatedStation.id` of `v2.users.{id}.station`, the list of users",
        "The user's station",
    ),
    topic(
        "station_name",
        "`associatedStation.name`, the list of stations",
        "Its name",
    ),
    topic(
        "station_kind",
        "the list of stations",
        "The platform's word for its kind, for example `inin_webrtc_softphone`",
    ),
    topic(
        "station_extension",
        "the list of stations",
        "Its extension or line",
    ),
    both(
        "queue_id",
        "`queueId`",
        "`queue.id`",
        "The queue that the connection came through",
    ),
    both(
        "queue_name",
        "the list of queues",
        "the list of queues, else `queue.name`",
        "Its name",
    ),
    both(
        "direction",
        "`calls[].direction`",
        "`direction`",
        "`inbound` (into the organization; of a call between users, to this party) or `outbound`",
    ),
    both(
        "purpose",
        "`purpose`",
        "`purpose`",
        "The party's role in the platform's word: `customer`, `agent`, `user`, `acd`, `ivr`, …",
    ),
    both(
        "ani",
        "`calls[].self.addressNormalized` of who called, `calls[].other.addressNormalized` of who was called",
        "`ani`",
        "Calling address of the party's leg: of an agent who is called, the caller's",
    ),
    both(
        "dnis",
        "the other one of the two",
        "`dnis`",
        "Called address of the party's leg: of an agent who is called, the agent's own",
    ),
    both(
        "provider",
        "`calls[].provider`",
        "`provider`",
        "The platform's telephony provider, for example `Edge`",
    ),
    ours("state", "State of the connection after the event"),
    ours("previous_state", "State of the connection before it"),
    ours("cause", "Why"),
    both(
        "raw",
        "`calls[].disconnectType`, `calls[].state`",
        "`disconnectType`, `state`",
        "The platform's own word behind the cause or the new state; of agents the presence or routing status",
    ),
    both(
        "reason",
        "as each kind says",
        "as each kind says",
        "More about why, as each kind says; of a synthetic event, from what it was concluded",
    ),
    ours(
        "lost_first",
        "Of `lost`: the first sequence number that is missing",
    ),
    ours("lost_last", "Of `lost`: the last one"),
    ours("lost_from_us", "Of `lost`: received time of the first"),
    ours("lost_to_us", "Of `lost`: received time of the last"),
    ours(
        "gap_id",
        "Number of the gap; the same in the status document and in the ledger file",
    ),
    ours("gap_from_us", "What happened from then on may be missing"),
    ours(
        "gap_to_us",
        "What happened from then on was heard; absent while the gap lasts",
    ),
    both("user.id", "", "", "As `user_id`"),
    both("user.name", "", "", "As `user_name`"),
    both("user.email", "", "", "As `user_email`"),
    topic("station.id", "", "As `station_id`"),
    topic("station.name", "", "As `station_name`"),
    topic("station.kind", "", "As `station_kind`"),
    topic("station.extension", "", "As `station_extension`"),
    both("queue.id", "", "", "As `queue_id`"),
    both("queue.name", "", "", "As `queue_name`"),
    both(
        "party.name",
        "`name`",
        "`name`",
        "The party's name as the platform shows it: of a caller often only a place",
    ),
    both(
        "party.address",
        "`address`",
        "`address`",
        "The party's own address",
    ),
    both("party.team_id", "`teamId`", "`team.id`", "The user's team"),
    both(
        "party.group_id",
        "`groupId`",
        "`group.id`",
        "The group that rang",
    ),
    both(
        "party.external_contact_id",
        "`externalContactId`",
        "`externalContact.id`",
        "The external contact",
    ),
    both(
        "party.external_organization_id",
        "`externalOrganizationId`",
        "`externalOrganization.id`",
        "The external organization",
    ),
    nested(
        "party.uui",
        "`calls[].uuiData`",
        "User-to-user information of the call leg (SIP UUI)",
    ),
    both(
        "old_connection.participant_id",
        "`id`",
        "`id`",
        "Of `old_connection_id`: the party",
    ),
    nested(
        "old_connection.communication_id",
        "`calls[].id`",
        "Its call leg",
    ),
    both(
        "old_connection.user_id",
        "`userId`",
        "`user.id`",
        "The user who is the party",
    ),
    both(
        "old_connection.user_name",
        "the list of users",
        "the list of users, else `user.name`",
        "The user's display name",
    ),
    both(
        "new_connection.participant_id",
        "`id`",
        "`id`",
        "Of `new_connection_id`: the party",
    ),
    nested(
        "new_connection.communication_id",
        "`calls[].id`",
        "Its call leg",
    ),
    both(
        "new_connection.user_id",
        "`userId`",
        "`user.id`",
        "The user who is the party",
    ),
    both(
        "new_connection.user_name",
        "the list of users",
        "the list of users, else `user.name`",
        "The user's display name",
    ),
    both(
        "parties[].participant_id",
        "`id`",
        "`id`",
        "Of a conference: who talks, in the order in which they were connected; the party",
    ),
    nested("parties[].communication_id", "`calls[].id`", "Its call leg"),
    both(
        "parties[].user_id",
        "`userId`",
        "`user.id`",
        "The user who is the party",
    ),
    both(
        "parties[].user_name",
        "the list of users",
        "the list of users, else `user.name`",
        "The user's display name",
    ),
    both(
        "routing.priority",
        "`conversationRoutingData.priority`",
        "`conversationRoutingData.priority`",
        "What the queue was asked for: higher is sooner",
    ),
    both(
        "routing.skills",
        "`conversationRoutingData.skills[]`",
        "`conversationRoutingData.skills[]`",
        "Names of the requested skills; ids where no name was told",
    ),
    both(
        "routing.language",
        "`conversationRoutingData.language`",
        "`conversationRoutingData.language`",
        "Name of the requested language; its id where no name was told",
    ),
    both(
        "attribute.key",
        "`attributes`",
        "`attributes`",
        "The attribute's key",
    ),
    both(
        "attribute.value",
        "`attributes`",
        "`attributes`",
        "Its value now, masked",
    ),
    both(
        "attribute.previous",
        "`attributes`",
        "`attributes`",
        "Its value before, masked; absent: it had none",
    ),
    both(
        "attribute.first",
        "`attributes`",
        "`attributes`",
        "The first value that the conversation had under this key, masked",
    ),
    both(
        "attributes.KEY.first",
        "`attributes`",
        "`attributes`",
        "Of `call_cleared`: the first value of the attribute whose key is KEY, masked",
    ),
    both(
        "attributes.KEY.last",
        "`attributes`",
        "`attributes`",
        "Its last value, masked",
    ),
    both(
        "wrap_up.code",
        "`wrapup.code`",
        "`wrapup.code`",
        "Id of the code",
    ),
    both(
        "wrap_up.notes",
        "`wrapup.notes`",
        "`wrapup.notes`",
        "Notes, masked like attributes",
    ),
    both("wrap_up.tags", "`wrapup.tags[]`", "`wrapup.tags[]`", "Tags"),
    both(
        "wrap_up.duration_s",
        "`wrapup.durationSeconds`",
        "`wrapup.durationSeconds`",
        "How long it took, in seconds",
    ),
    nested(
        "callback.id",
        "`callbacks[].id`",
        "Id of the callback object",
    ),
    nested(
        "callback.numbers",
        "`callbacks[].callbackNumbers[]`",
        "The numbers to call",
    ),
    nested(
        "callback.user_name",
        "`callbacks[].callbackUserName`",
        "Whom to call",
    ),
    nested(
        "callback.scheduled_time_us",
        "`callbacks[].callbackScheduledTime`",
        "When it is due",
    ),
    nested(
        "callback.campaign_id",
        "`callbacks[].dialerPreview.campaignId`",
        "Of a dialer's preview: the campaign",
    ),
    nested(
        "callback.contact_id",
        "`callbacks[].dialerPreview.contactId`",
        "The contact",
    ),
    nested(
        "callback.contact_list_id",
        "`callbacks[].dialerPreview.contactListId`",
        "The contact list",
    ),
    both(
        "dialer.campaign_id",
        "`attributes.dialerCampaignId`",
        "`attributes.dialerCampaignId`",
        "The campaign, where `AttributeAllow` lets the attribute through",
    ),
    both(
        "dialer.contact_id",
        "`attributes.dialerContactId`",
        "`attributes.dialerContactId`",
        "The contact, where `AttributeAllow` lets the attribute through",
    ),
    both(
        "dialer.contact_list_id",
        "`attributes.dialerContactListId`",
        "`attributes.dialerContactListId`",
        "The contact list, where `AttributeAllow` lets the attribute through",
    ),
    both(
        "dialer.disposition",
        "`calls[].disposition.name`",
        "`disposition.name`",
        "Result of the call analysis",
    ),
    both(
        "dialer.analyzer",
        "`calls[].disposition.analyzer`",
        "`disposition.analyzer`",
        "Who analysed",
    ),
    ours("state_report.life", "Where the adapter stands"),
    ours(
        "state_report.feed",
        "How much of the region the feed covers",
    ),
    ours("state_report.why", "Why it is not more"),
    ours("state_report.time_us", "Since when"),
    ours("state_report.message", "For people"),
    ours(
        "state_report.users",
        "Ids of the users that are not followed",
    ),
    ours("state_report.topics", "Topics that are not followed"),
    ours(
        "gap.detail",
        "For people: what ended the connection; of a refusal the platform's words",
    ),
    ours("gap.opened_us", "When it was noticed"),
    ours(
        "gap.closed_us",
        "When everything that it covers had been read",
    ),
    ours("gap.users", "Ids of the users whose topics did not flow"),
    ours("gap.queues", "Ids of the queues whose topics did not flow"),
    ours("gap.reads", "Answers of the platform that were read for it"),
    ours(
        "gap.recovered.KIND",
        "Events of this kind that these answers told and no notification had",
    ),
    ours(
        "gap.shortfalls[].kind",
        "Why something could not be read: `untold`, `permission_missing`, `refused`, `unknown`, `unreadable`, `unread`",
    ),
    ours(
        "gap.shortfalls[].text",
        "For people: what it is, and what to do about it",
    ),
];
