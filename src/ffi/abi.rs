//! The types of the C ABI, version 1. Fields and numbers are only ever appended.
//!
//! What is written here is what the C header says: cbindgen copies these texts.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};

/// The version of this interface. Pass it to `gca_get_api`.
pub const GCA_ABI_VERSION: u32 = 1;

/// What a host's `on_event` returns for an event that it has taken: stored, or otherwise safe. It is not offered again.
pub const GCA_TAKEN: u32 = 0;

/// What a host's `on_event` returns for an event that it cannot take now. The same event is offered again, in order,
/// after a pause. Any other value counts as this one and raises an alarm.
pub const GCA_LATER: u32 = 1;

/// A platform time that is not known.
pub const GCA_TIME_UNKNOWN: i64 = i64::MIN;

/// A flag (`held`, `muted`, `confined`, `secure_pause`) that no source has told.
pub const GCA_FLAG_UNKNOWN: u8 = 255;

/// An adapter. 0 is never one. A handle that was destroyed, or never was one, is refused with `GCA_ERR_HANDLE`.
pub type gca_handle = u64;

/// What a call came to. The numbers never change; new ones may be added.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum gca_status {
    /// Done.
    GCA_OK = 0,
    /// A pointer is NULL, a size is not a known one, or a value is outside its range.
    GCA_ERR_ARGUMENT = 1,
    /// The handle is not, or no longer, an adapter of this library.
    GCA_ERR_HANDLE = 2,
    /// Not possible now: the adapter is in another state, or the call was made from inside a callback.
    GCA_ERR_STATE = 3,
    /// The settings have problems; `gca_last_error` lists all of them. Nothing was changed.
    GCA_ERR_SETTINGS = 4,
    /// The time was up. For `gca_stop`: a callback is still inside the host; call it again or destroy. For
    /// `gca_destroy`: the handle is dead, `on_drop` is still to come. For `gca_erase`: call it again.
    GCA_ERR_TIMEOUT = 5,
    /// The buffer is too small and was left untouched; the needed length was returned.
    GCA_ERR_BUFFER = 6,
    /// A defect in this library, contained: the call had no effect that can be relied on. Destroy the adapter.
    GCA_ERR_PANIC = 7,
    /// The operating system refused something, for example a thread; `gca_last_error` says what.
    GCA_ERR_SYSTEM = 8,
    /// The process is a fork of the one that created the adapter; its threads do not exist here.
    GCA_ERR_FORK = 9,
    /// `StartupType` is Disabled: the adapter is not to be started.
    GCA_ERR_DISABLED = 10,
}

/// What an event tells. The numbers never change; new ones may be added: a host takes a kind that it does not know as
/// news that it does not need, and returns `GCA_TAKEN`.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_event_kind {
    /// Events were lost. It stands in their place; `lost_first` to `lost_last` are the sequence numbers that are
    /// skipped.
    GCA_EVENT_LOST = 1,
    /// The state of the feed changed, at this place of the feed. `state_report` tells it.
    GCA_EVENT_FEED_STATE = 2,
    /// A connection alerts: a device rings (CSTA Delivered).
    GCA_EVENT_DELIVERED = 10,
    /// A connection dials out (CSTA Originated).
    GCA_EVENT_ORIGINATED = 11,
    /// A connection was answered: media flows (CSTA Established). One `GCA_EVENT_CONNECTION_CLEARED` follows, unless
    /// that was lost (`GCA_EVENT_LOST`) or another feed began. If its end was missed, it comes when that was read
    /// (`GCA_EVENT_GAP_CLOSED`).
    GCA_EVENT_ESTABLISHED = 12,
    /// A connection was put on hold (CSTA Held).
    GCA_EVENT_HELD = 13,
    /// A connection was taken off hold (CSTA Retrieved).
    GCA_EVENT_RETRIEVED = 14,
    /// A party's microphone was muted.
    GCA_EVENT_MUTED = 15,
    /// A party's microphone is open again.
    GCA_EVENT_UNMUTED = 16,
    /// A connection is over for media (CSTA ConnectionCleared). Each gets exactly one, answered or not:
    /// `previous_state` tells how far it was.
    GCA_EVENT_CONNECTION_CLEARED = 17,
    /// The last connection of a call is over (CSTA CallCleared). Work after the call may still be pending.
    GCA_EVENT_CALL_CLEARED = 18,
    /// A conversation is seen for the first time; before everything else of it.
    GCA_EVENT_CALL_CREATED = 19,
    /// A connection is offered to its party, and nothing rings yet (CSTA Offered).
    GCA_EVENT_OFFERED = 20,
    /// The call joined a queue (CSTA Queued), `queue_id`.
    GCA_EVENT_QUEUED = 21,
    /// The call left the queue; `reason` is the outcome: `answered`, `abandoned`, `flow_out`.
    GCA_EVENT_DEQUEUED = 22,
    /// The call entered a flow: an IVR, a bot, a workflow or a survey answered it.
    GCA_EVENT_FLOW_ENTERED = 23,
    /// A connection that rang was not answered, and the call goes elsewhere (CSTA Diverted). Its
    /// `GCA_EVENT_CONNECTION_CLEARED` follows.
    GCA_EVENT_DIVERTED = 24,
    /// A connection could not be set up, for a failure (CSTA Failed). Its `GCA_EVENT_CONNECTION_CLEARED` follows.
    GCA_EVENT_FAILED = 25,
    /// A party was isolated from the others.
    GCA_EVENT_CONFINED = 26,
    /// A party is no longer isolated.
    GCA_EVENT_UNCONFINED = 27,
    /// A party parked the call: no media with it until the call is taken back.
    GCA_EVENT_PARKED = 28,
    /// The call was taken back from where it was parked.
    GCA_EVENT_UNPARKED = 29,
    /// A party asks another one while the call waits (CSTA Consultation Call): `new_connection_id`, or
    /// `related_conversation_id` if in a call of its own.
    GCA_EVENT_CONSULT_STARTED = 30,
    /// The consult became what `reason` says: `transfer` or `conference`.
    GCA_EVENT_CONSULT_COMPLETED = 31,
    /// The consult ended and became nothing: the call goes on as before, or has ended too.
    GCA_EVENT_CONSULT_CANCELLED = 32,
    /// A party handed the call on (CSTA Transferred): `old_connection_id` ends, `new_connection_id` takes its place;
    /// `reason` is `blind` or `attended`.
    GCA_EVENT_TRANSFERRED = 33,
    /// Three people talk (CSTA Conferenced); told once for a conversation.
    GCA_EVENT_CONFERENCED = 34,
    /// One more party joined the conference.
    GCA_EVENT_PARTY_ADDED = 35,
    /// A party left the conference, which goes on. Its `GCA_EVENT_CONNECTION_CLEARED` follows.
    GCA_EVENT_PARTY_LEFT = 36,
    /// The platform's recording of the party pauses; `reason` says why: `secure`, `hold_suppression`, `unknown`. Told
    /// in order and at once: pause before you return.
    GCA_EVENT_RECORDING_PAUSED = 37,
    /// The platform's recording of the party goes on, or its connection ended while it paused (`reason` is `ended`).
    GCA_EVENT_RECORDING_RESUMED = 38,
    /// An attribute was set or changed (CSTA Call Information). `gca_event_json` tells key and values, masked.
    GCA_EVENT_ATTRIBUTE_CHANGED = 39,
    /// An agent's presence changed: `raw` is the system presence, `reason` the id of the organization's definition.
    GCA_EVENT_AGENT_PRESENCE = 40,
    /// An agent's routing status became one that this version does not know: `raw` is the status.
    GCA_EVENT_AGENT_ROUTING_STATUS = 41,
    /// A user is associated with a station: `station_id`.
    GCA_EVENT_STATION_ASSOCIATED = 42,
    /// A user is no longer associated with the station that the event names.
    GCA_EVENT_STATION_LEFT = 43,
    /// An agent's presence is no longer offline (CSTA Agent Logged On); after its `GCA_EVENT_AGENT_PRESENCE`.
    GCA_EVENT_AGENT_LOGGED_ON = 44,
    /// An agent's presence became offline (CSTA Agent Logged Off); after its `GCA_EVENT_AGENT_PRESENCE`.
    GCA_EVENT_AGENT_LOGGED_OFF = 45,
    /// An agent waits for work of a queue (CSTA Agent Ready): routing status `IDLE`, in `raw`.
    GCA_EVENT_AGENT_READY = 46,
    /// An agent takes no work of queues (CSTA Agent Not Ready): `OFF_QUEUE` or `NOT_RESPONDING`, in `raw`.
    GCA_EVENT_AGENT_NOT_READY = 47,
    /// An agent has work (CSTA Agent Busy): `INTERACTING` (of a queue) or `COMMUNICATING` (apart from queues), in
    /// `raw`.
    GCA_EVENT_AGENT_BUSY = 48,
    /// The persistent connection of a user's station stands: the next call needs no ringing.
    GCA_EVENT_PERSISTENT_CONNECTION_UP = 49,
    /// A call uses the persistent connection: audio may flow before `GCA_EVENT_ESTABLISHED`.
    GCA_EVENT_PERSISTENT_CONNECTION_ACTIVE = 50,
    /// The persistent connection is gone; `raw` is `DISCONNECTED` or `FAILED`.
    GCA_EVENT_PERSISTENT_CONNECTION_DOWN = 51,
    /// An agent's work after the call began (CSTA Agent Working After Call). Its connection is over for media.
    GCA_EVENT_AFTER_CALL_WORK_STARTED = 60,
    /// An agent's work after the call ended.
    GCA_EVENT_AFTER_CALL_WORK_ENDED = 61,
    /// A wrap-up was given (CSTA Call Information). `gca_event_json` tells it.
    GCA_EVENT_WRAP_UP = 62,
    /// A voicemail took a caller's message.
    GCA_EVENT_VOICEMAIL_DEPOSITED = 63,
    /// A callback was scheduled. `gca_event_json` tells numbers and time.
    GCA_EVENT_CALLBACK_SCHEDULED = 64,
    /// A callback is offered to its party.
    GCA_EVENT_CALLBACK_DELIVERED = 65,
    /// A callback was taken by its party. The call that follows is a connection of its own.
    GCA_EVENT_CALLBACK_ESTABLISHED = 66,
    /// A callback is over.
    GCA_EVENT_CALLBACK_CLEARED = 67,
    /// A supervisor listens: `old_connection_id` is the party observed. Ends with the supervisor's connection.
    GCA_EVENT_MONITORING_STARTED = 68,
    /// A supervisor speaks to the party observed, unheard by the others.
    GCA_EVENT_COACHING_STARTED = 69,
    /// A supervisor broke into the call, and is heard by all.
    GCA_EVENT_BARGED_IN = 70,
    /// The call is done with: all connections are put away, and work after it is done.
    GCA_EVENT_CALL_TERMINATED = 71,
    /// Something of the region has no channel on which it flows: what happens there from `gap_from_us` on may be missing.
    /// `gap_id` numbers the gap, `reason` says why; `gca_event_json` lists the users and queues.
    GCA_EVENT_GAP_OPENED = 72,
    /// Everything that gap `gap_id` covers was read: what the platform still tells of the time from `gap_from_us` to
    /// `gap_to_us` has been told. `gca_event_json` says what came of it, and what could not be read.
    GCA_EVENT_GAP_CLOSED = 73,
    /// A connection was followed by another one without a gap: nothing is missing. `reason` says why.
    GCA_EVENT_FEED_RENEWED = 74,
}

/// Where the knowledge of an event came from.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_source {
    /// A notification of the change itself.
    GCA_SOURCE_LIVE = 0,
    /// The first sight of something that was already in progress.
    GCA_SOURCE_SNAPSHOT = 1,
    /// A read of the platform after a gap.
    GCA_SOURCE_RECOVERED = 2,
    /// Concluded, not seen; `reason` says from what.
    GCA_SOURCE_SYNTHETIC = 3,
}

/// The state of a connection: CSTA's connection states.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_connection_state {
    /// Not known, or the event is not about a connection.
    GCA_STATE_UNKNOWN = 0,
    /// Being set up: dialing or contacting.
    GCA_STATE_INITIATED = 1,
    /// Ringing.
    GCA_STATE_ALERTING = 2,
    /// Media flows.
    GCA_STATE_CONNECTED = 3,
    /// On hold.
    GCA_STATE_HOLD = 4,
    /// In a queue.
    GCA_STATE_QUEUED = 5,
    /// Over.
    GCA_STATE_NULL = 6,
    /// Parked: no media until somebody takes it back.
    GCA_STATE_PARKED = 7,
}

/// Why a connection ended or moved, after CSTA's event causes. `raw` holds the platform's own word.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_cause {
    /// None was told.
    GCA_CAUSE_NONE = 0,
    /// Ended by a party in the ordinary way (`client`, `endpoint`, `peer`).
    GCA_CAUSE_NORMAL_CLEARING = 1,
    /// Blind transfer (`transfer`).
    GCA_CAUSE_SINGLE_STEP_TRANSFER = 2,
    /// Attended transfer (`transfer.consult`).
    GCA_CAUSE_TRANSFER = 3,
    /// `transfer.conference`.
    GCA_CAUSE_CONFERENCE = 4,
    /// `transfer.forward`.
    GCA_CAUSE_CALL_FORWARD = 5,
    /// `transfer.noanswer`.
    GCA_CAUSE_CALL_FORWARD_NO_ANSWER = 6,
    /// `transfer.notavailable`.
    GCA_CAUSE_OVERFLOW = 7,
    /// `endpoint.dnd`, `transfer.dnd`.
    GCA_CAUSE_DO_NOT_DISTURB = 8,
    /// Not answered in time (`timeout`).
    GCA_CAUSE_NO_ANSWER = 9,
    /// `error`, `transport.failure`: the recording may be incomplete.
    GCA_CAUSE_NETWORK_SIGNAL_LOST = 10,
    /// `system`.
    GCA_CAUSE_SYSTEM_CLEARED = 11,
    /// `spam`, `uncallable`.
    GCA_CAUSE_BLOCKED = 12,
    /// `other`, or a word that is new to this version.
    GCA_CAUSE_UNKNOWN = 13,
    /// Set up by a dialer for a campaign.
    GCA_CAUSE_MAKE_PREDICTIVE_CALL = 14,
}

/// Which way a connection went, in the platform's sense: every party of a customer's call has the customer's direction,
/// the parties of a call between users each their own.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_direction {
    /// Not told.
    GCA_DIRECTION_UNKNOWN = 0,
    /// Into the organization; of a call between users, to the party.
    GCA_DIRECTION_INBOUND = 1,
    /// Out of the organization; of a call between users, from the party.
    GCA_DIRECTION_OUTBOUND = 2,
}

/// Where an adapter stands in its life.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_life {
    /// Made, without settings.
    GCA_LIFE_CREATED = 0,
    /// Has settings, not started, or stopped again.
    GCA_LIFE_CONFIGURED = 1,
    /// Started; no feed yet.
    GCA_LIFE_STARTING = 2,
    /// Started, and the feed has been up at least once.
    GCA_LIFE_RUNNING = 3,
    /// Told to stop; a callback may still be inside the host.
    GCA_LIFE_STOPPING = 4,
    /// Cannot go on by itself; stop it and start it again.
    GCA_LIFE_FAILED = 5,
}

/// How much of the region the feed covers. A recorder's fallback recording hangs on it.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_feed {
    /// Nothing flows.
    GCA_FEED_DOWN = 0,
    /// Flows, and what was missed before is being read.
    GCA_FEED_RECOVERING = 1,
    /// Flows for a part; the lists of users and topics say which part does not.
    GCA_FEED_DEGRADED = 2,
    /// Flows for every user and queue.
    GCA_FEED_UP = 3,
}

/// Why the feed is not up.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_why {
    /// Nothing is wrong.
    GCA_WHY_NONE = 0,
    /// Starting, or connecting again in the ordinary course.
    GCA_WHY_CONNECTING = 1,
    /// The platform refused the client id or secret: check `ClientId`, `ClientSecret`, `RegionHost`.
    GCA_WHY_CREDENTIALS_REFUSED = 2,
    /// The OAuth client's role lacks a permission; the message names what was refused.
    GCA_WHY_PERMISSION_MISSING = 3,
    /// The region cannot be reached; the message names the hop.
    GCA_WHY_LINK = 4,
    /// A limit of the platform: requests, topics or channels.
    GCA_WHY_LIMIT = 5,
    /// Another program that uses the same client id took the channel.
    GCA_WHY_CHANNEL_TAKEN = 6,
    /// The host takes events more slowly than they come.
    GCA_WHY_BACKLOG = 7,
    /// A defect in this library, contained; it starts again by itself.
    GCA_WHY_INTERNAL = 8,
    /// The adapter was asked to stop.
    GCA_WHY_STOPPED = 9,
    /// The journal cannot be written, or old events gave way in it: look at the disk. Told out of band; the feed is as it was.
    GCA_WHY_JOURNAL = 10,
}

/// How much a log line matters.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_log_level {
    /// A defect, or something that an operator must mend.
    GCA_LOG_ERROR = 1,
    /// Went wrong, and the adapter deals with it.
    GCA_LOG_WARN = 2,
    /// What an operator wants to see in an ordinary day.
    GCA_LOG_INFO = 3,
    /// For support.
    GCA_LOG_DEBUG = 4,
    /// Everything. Never secrets or people's data, at this level neither.
    GCA_LOG_TRACE = 5,
}

/// Whose events `gca_erase` removes from the journal. The numbers never change; new ones may be added.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum gca_erase_what {
    /// Those of a conversation, and those that name it as a related one.
    GCA_ERASE_CONVERSATION = 1,
    /// Those of a user.
    GCA_ERASE_USER = 2,
}

/// Text in UTF-8, **not** terminated by a NUL. Absent text has length 0 (and `ptr` may be NULL). Valid only during the
/// callback that brought it: copy what you keep.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct gca_str {
    /// First byte.
    pub ptr: *const c_char,
    /// Number of bytes.
    pub len: usize,
}

/// The state of an adapter and its feed.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct gca_state {
    /// Bytes of this struct in the running version.
    pub size: u32,
    /// Where the adapter stands.
    pub life: gca_life,
    /// How much the feed covers.
    pub feed: gca_feed,
    /// Why it is not more.
    pub why: gca_why,
    /// When, in microseconds since 1970 UTC.
    pub time_us: i64,
    /// For people: what happened, and what to check.
    pub message: gca_str,
    /// Ids of the users that are not followed; none listed and feed down: nobody is.
    pub users: *const gca_str,
    /// Number of entries in `users`.
    pub user_count: usize,
    /// Topics that are not followed.
    pub topics: *const gca_str,
    /// Number of entries in `topics`.
    pub topic_count: usize,
}

/// One line of the adapter's log. Ids, never people's data or secrets.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct gca_log {
    /// Bytes of this struct in the running version.
    pub size: u32,
    /// How much it matters.
    pub level: gca_log_level,
    /// When, in microseconds since 1970 UTC.
    pub time_us: i64,
    /// The part of the adapter that speaks, for example `session`.
    pub target: gca_str,
    /// What it says.
    pub message: gca_str,
    /// Lines that were dropped before this one because they came faster than the host took them.
    pub dropped: u64,
}

/// One event of the feed. Flat, and valid only during the callback: copy what you keep. Fields are only ever appended;
/// ask with `GCA_HAS` before you read one that is newer than the oldest library you load. What a kind does not tell is
/// absent text, zero, `GCA_TIME_UNKNOWN` or `GCA_FLAG_UNKNOWN`.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct gca_event {
    /// Bytes of this struct in the running version.
    pub size: u32,
    /// What happened.
    pub kind: gca_event_kind,
    /// Changes whenever the sequence starts again at 1. Without a journal, what was open in the former feed is void then.
    /// With one it is void only if a start begins with a feed that you have not seen, or if the `GCA_EVENT_FEED_STATE` that
    /// came last says `GCA_WHY_INTERNAL`; any other change (the journal's disk failed) voids nothing.
    pub feed_id: gca_str,
    /// Number of this event in its feed. A number is skipped only where a `GCA_EVENT_LOST` names it.
    pub sequence: u64,
    /// 32 hexadecimal digits: equal for the same fact.
    pub id: gca_str,
    /// 1: the id is the same under any interleaving, duplication, source and node. 0: it is the same only where the bodies
    /// of each topic came in order and none was missed.
    pub id_exact: u8,
    /// On hold after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
    pub held: u8,
    /// Muted after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
    pub muted: u8,
    /// Isolated from the other parties after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
    pub confined: u8,
    /// In a secure pause after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
    pub secure_pause: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Where the knowledge came from.
    pub source: gca_source,
    /// Which way the connection went.
    pub direction: gca_direction,
    /// When it happened by the platform's clock, in microseconds since 1970 UTC, or `GCA_TIME_UNKNOWN`.
    pub platform_time_us: i64,
    /// When its notification arrived here, in microseconds since 1970 UTC.
    pub received_time_us: i64,
    /// `DataSource` of the settings.
    pub data_source: gca_str,
    /// The conversation.
    pub conversation_id: gca_str,
    /// The conversation that the customer contact began with, as far as it is known by now: of a consult in a
    /// conversation of its own, the first events may still name that one.
    pub root_contact_id: gca_str,
    /// Of a consult: the other conversation, if it is in one of its own.
    pub related_conversation_id: gca_str,
    /// The party.
    pub participant_id: gca_str,
    /// The party's call leg, the id that recordings and media carry.
    pub communication_id: gca_str,
    /// The leg at the other side.
    pub peer_id: gca_str,
    /// Of a transfer: the connection that ends. Of a consult: the one that asks. Of an observation: the one observed. Where
    /// no form told the call leg's id, the participant's.
    pub old_connection_id: gca_str,
    /// Of a transfer: the connection that takes its place. Of a consult: the one asked. As `old_connection_id`.
    pub new_connection_id: gca_str,
    /// The user who is the party, or whose state changed.
    pub user_id: gca_str,
    /// The user's display name.
    pub user_name: gca_str,
    /// The user's e-mail address.
    pub user_email: gca_str,
    /// The user's station.
    pub station_id: gca_str,
    /// Its name.
    pub station_name: gca_str,
    /// The platform's word for its kind.
    pub station_kind: gca_str,
    /// Its extension or line.
    pub station_extension: gca_str,
    /// The queue that the connection came through.
    pub queue_id: gca_str,
    /// Its name.
    pub queue_name: gca_str,
    /// The party's role: `customer`, `agent`, `user`, `acd`, `ivr`, ...
    pub purpose: gca_str,
    /// Calling address.
    pub ani: gca_str,
    /// Called address.
    pub dnis: gca_str,
    /// The platform's telephony provider.
    pub provider: gca_str,
    /// State of the connection after the event.
    pub state: gca_connection_state,
    /// State of the connection before it.
    pub previous_state: gca_connection_state,
    /// Why.
    pub cause: gca_cause,
    /// Zero.
    pub reserved2: u32,
    /// The platform's own word behind `cause` or behind the new state.
    pub raw: gca_str,
    /// More about why; for a synthetic event, from what it was concluded.
    pub reason: gca_str,
    /// Of `GCA_EVENT_LOST`: the first sequence number that is missing.
    pub lost_first: u64,
    /// Of `GCA_EVENT_LOST`: the last one.
    pub lost_last: u64,
    /// Of `GCA_EVENT_LOST`: received time of the first.
    pub lost_from_us: i64,
    /// Of `GCA_EVENT_LOST`: received time of the last.
    pub lost_to_us: i64,
    /// Of `GCA_EVENT_FEED_STATE`: the state; else NULL.
    pub state_report: *const gca_state,
    /// Of `GCA_EVENT_GAP_OPENED` and `GCA_EVENT_GAP_CLOSED`: the number of the gap; else 0.
    pub gap_id: u64,
    /// Of the same: what happened from then on may be missing; else 0.
    pub gap_from_us: i64,
    /// Of the same: what happened from then on was heard; `GCA_TIME_UNKNOWN` while the gap lasts. Of other kinds 0.
    pub gap_to_us: i64,
}

/// What the host gives: its callbacks.
///
/// Three sentences say all about their life. No callback starts after `on_drop` has started. `on_drop` comes once,
/// after the last callback of any kind has returned. `user` must stay valid until `on_drop`.
///
/// No callback runs on a thread that does network I/O, or inside a call of yours. From inside any callback, of any
/// adapter, `start`, `stop`, `restart`, `configure`, `check`, `erase` and `destroy` answer `GCA_ERR_STATE` for every handle:
/// some would wait for the callback that is waiting for them. A callback must not throw (the process would end) and must not `longjmp`;
/// the C++ header guards against the first.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct gca_host {
    /// `sizeof(gca_host)` as you compiled it. A smaller one than the library's is filled up with zeros; a larger one
    /// is accepted if what the library does not know of it is zero.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// Handed to every callback, never looked at.
    pub user: *mut c_void,
    /// An event: return `GCA_TAKEN` or `GCA_LATER`. From one dispatcher thread, in order, never two at once. While it
    /// blocks, events wait in the queue; the connection to the region does not. Required.
    pub on_event: Option<unsafe extern "C" fn(user: *mut c_void, event: *const gca_event) -> u32>,
    /// The state changed. On the dispatcher thread, out of band: also while an event is being refused. Optional.
    pub on_state: Option<unsafe extern "C" fn(user: *mut c_void, state: *const gca_state)>,
    /// A log line. From one logger thread, which is another than the dispatcher's. Optional.
    pub on_log: Option<unsafe extern "C" fn(user: *mut c_void, line: *const gca_log)>,
    /// The last callback: `user` may be freed in it. Optional.
    pub on_drop: Option<unsafe extern "C" fn(user: *mut c_void)>,
}

/// All functions of version 1 behind one symbol: look up `gca_get_api`, and call through its table. Functions are only
/// ever appended; one that is newer than the oldest library you load is there if `size` reaches behind it.
#[cfg_attr(any(test, feature = "rust-host"), derive(abi_stable::StableAbi))]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct gca_api {
    /// Bytes of this table in the running version.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// `gca_abi_version`
    pub abi_version: extern "C" fn() -> u32,
    /// `gca_version`
    pub version: extern "C" fn() -> *const c_char,
    /// `gca_status_name`
    pub status_name: extern "C" fn(status: i32) -> *const c_char,
    /// `gca_last_error`
    pub last_error: unsafe extern "C" fn(
        handle: gca_handle,
        buf: *mut c_char,
        cap: usize,
        needed: *mut usize,
    ) -> gca_status,
    /// `gca_settings_schema`
    pub settings_schema:
        unsafe extern "C" fn(buf: *mut c_char, cap: usize, needed: *mut usize) -> gca_status,
    /// `gca_create`
    pub create: unsafe extern "C" fn(host: *const gca_host, handle: *mut gca_handle) -> gca_status,
    /// `gca_configure`
    pub configure:
        unsafe extern "C" fn(handle: gca_handle, json: *const c_char, len: usize) -> gca_status,
    /// `gca_start`
    pub start: extern "C" fn(handle: gca_handle) -> gca_status,
    /// `gca_stop`
    pub stop: extern "C" fn(handle: gca_handle, timeout_ms: u32) -> gca_status,
    /// `gca_restart`
    pub restart: extern "C" fn(handle: gca_handle) -> gca_status,
    /// `gca_destroy`
    pub destroy: extern "C" fn(handle: gca_handle) -> gca_status,
    /// `gca_status_json`
    pub status_json: unsafe extern "C" fn(
        handle: gca_handle,
        buf: *mut c_char,
        cap: usize,
        needed: *mut usize,
    ) -> gca_status,
    /// `gca_set_log_level`
    pub set_log_level: extern "C" fn(handle: gca_handle, level: u32) -> gca_status,
    /// `gca_event_json`
    pub event_json: unsafe extern "C" fn(
        event: *const gca_event,
        buf: *mut c_char,
        cap: usize,
        needed: *mut usize,
    ) -> gca_status,
    /// `gca_metrics`
    pub metrics: unsafe extern "C" fn(
        handle: gca_handle,
        buf: *mut c_char,
        cap: usize,
        needed: *mut usize,
    ) -> gca_status,
    /// `gca_check`
    pub check: unsafe extern "C" fn(
        handle: gca_handle,
        timeout_ms: u32,
        buf: *mut c_char,
        cap: usize,
        needed: *mut usize,
    ) -> gca_status,
    /// `gca_erase`
    pub erase: unsafe extern "C" fn(
        handle: gca_handle,
        what: u32,
        id: *const c_char,
        len: usize,
    ) -> gca_status,
}
