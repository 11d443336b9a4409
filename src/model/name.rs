//! The words that documents for people and programs (status, event JSON, logs) use for the values of the model.
//!
//! They are a stable catalogue: never changed, only added to.

use super::event::{Cause, ConnectionState, Direction, EventKind, Flag, Source};
use super::feed::{Feed, Life, Why};
use super::gap::{GapCause, ShortfallKind};
use super::order::{FailureKind, RequestKind};
use super::succession::{SuccessionEnd, SuccessionReason};

/// A kind of value that has a word, so that its values can be counted and shown each for itself.
pub trait Word: Copy + 'static {
    /// All values.
    fn words() -> impl Iterator<Item = Self>;

    /// The word for it in documents.
    fn word(self) -> String;

    /// Its number, small and its own.
    fn number(self) -> usize;
}

/// Two values that are counted together, such as a reason and an end.
impl<A: Word, B: Word> Word for (A, B) {
    fn words() -> impl Iterator<Item = Self> {
        A::words().flat_map(|a| B::words().map(move |b| (a, b)))
    }

    fn word(self) -> String {
        format!("{}.{}", self.0.word(), self.1.word())
    }

    fn number(self) -> usize {
        let width = B::words().map(B::number).max().map_or(1, |most| most + 1);
        self.0.number() * width + self.1.number()
    }
}

macro_rules! names {
    ($($type:ident { $($variant:ident => $name:literal,)+ })+) => {$(
        impl $type {
            /// All values, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word for it in documents.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl Word for $type {
            fn words() -> impl Iterator<Item = Self> {
                Self::ALL.iter().copied()
            }

            fn word(self) -> String {
                self.name().to_owned()
            }

            fn number(self) -> usize {
                self as usize
            }
        }
    )+};
}

names! {
    EventKind {
        Lost => "lost",
        FeedState => "feed_state",
        Delivered => "delivered",
        Originated => "originated",
        Established => "established",
        Held => "held",
        Retrieved => "retrieved",
        Muted => "muted",
        Unmuted => "unmuted",
        ConnectionCleared => "connection_cleared",
        CallCleared => "call_cleared",
        CallCreated => "call_created",
        Offered => "offered",
        Queued => "queued",
        Dequeued => "dequeued",
        FlowEntered => "flow_entered",
        Diverted => "diverted",
        Failed => "failed",
        Confined => "confined",
        Unconfined => "unconfined",
        Parked => "parked",
        Unparked => "unparked",
        ConsultStarted => "consult_started",
        ConsultCompleted => "consult_completed",
        ConsultCancelled => "consult_cancelled",
        Transferred => "transferred",
        Conferenced => "conferenced",
        PartyAdded => "party_added",
        PartyLeft => "party_left",
        RecordingPaused => "recording_paused",
        RecordingResumed => "recording_resumed",
        AttributeChanged => "attribute_changed",
        AgentPresence => "agent_presence",
        AgentRoutingStatus => "agent_routing_status",
        StationAssociated => "station_associated",
        StationLeft => "station_left",
        AgentLoggedOn => "agent_logged_on",
        AgentLoggedOff => "agent_logged_off",
        AgentReady => "agent_ready",
        AgentNotReady => "agent_not_ready",
        AgentBusy => "agent_busy",
        PersistentConnectionUp => "persistent_connection_up",
        PersistentConnectionActive => "persistent_connection_active",
        PersistentConnectionDown => "persistent_connection_down",
        AfterCallWorkStarted => "after_call_work_started",
        AfterCallWorkEnded => "after_call_work_ended",
        WrapUp => "wrap_up",
        VoicemailDeposited => "voicemail_deposited",
        CallbackScheduled => "callback_scheduled",
        CallbackDelivered => "callback_delivered",
        CallbackEstablished => "callback_established",
        CallbackCleared => "callback_cleared",
        MonitoringStarted => "monitoring_started",
        CoachingStarted => "coaching_started",
        BargedIn => "barged_in",
        CallTerminated => "call_terminated",
        GapOpened => "gap_opened",
        GapClosed => "gap_closed",
        FeedRenewed => "feed_renewed",
    }
    Source {
        Live => "live",
        Snapshot => "snapshot",
        Recovered => "recovered",
        Synthetic => "synthetic",
    }
    ConnectionState {
        Unknown => "unknown",
        Initiated => "initiated",
        Alerting => "alerting",
        Connected => "connected",
        Hold => "hold",
        Queued => "queued",
        Null => "null",
        Parked => "parked",
    }
    Cause {
        None => "none",
        NormalClearing => "normal_clearing",
        SingleStepTransfer => "single_step_transfer",
        Transfer => "transfer",
        Conference => "conference",
        CallForward => "call_forward",
        CallForwardNoAnswer => "call_forward_no_answer",
        Overflow => "overflow",
        DoNotDisturb => "do_not_disturb",
        NoAnswer => "no_answer",
        NetworkSignalLost => "network_signal_lost",
        SystemCleared => "system_cleared",
        Blocked => "blocked",
        Unknown => "unknown",
        MakePredictiveCall => "make_predictive_call",
    }
    Direction {
        Unknown => "unknown",
        Inbound => "inbound",
        Outbound => "outbound",
    }
    Flag {
        Unknown => "unknown",
        No => "no",
        Yes => "yes",
    }
    Life {
        Created => "created",
        Configured => "configured",
        Starting => "starting",
        Running => "running",
        Stopping => "stopping",
        Failed => "failed",
    }
    Feed {
        Down => "down",
        Recovering => "recovering",
        Degraded => "degraded",
        Up => "up",
    }
    Why {
        None => "none",
        Connecting => "connecting",
        CredentialsRefused => "credentials_refused",
        PermissionMissing => "permission_missing",
        Link => "link",
        Limit => "limit",
        ChannelTaken => "channel_taken",
        Backlog => "backlog",
        Internal => "internal",
        Stopped => "stopped",
        Journal => "journal",
    }
    GapCause {
        Start => "start",
        Lost => "lost",
        Refused => "refused",
        NoRoom => "no_room",
        Joined => "joined",
        Downtime => "downtime",
    }
    ShortfallKind {
        Untold => "untold",
        PermissionMissing => "permission_missing",
        Refused => "refused",
        Unknown => "unknown",
        Unreadable => "unreadable",
        Unread => "unread",
    }
    FailureKind {
        CredentialsRefused => "credentials_refused",
        TokenRefused => "token_refused",
        Forbidden => "forbidden",
        NotFound => "not_found",
        RateLimited => "rate_limited",
        Server => "server",
        Refused => "refused",
        Link => "link",
        Unreadable => "unreadable",
    }
    RequestKind {
        Token => "token",
        Users => "users",
        Queues => "queues",
        Stations => "stations",
        CreateChannel => "create_channel",
        ProbeChannel => "probe_channel",
        Subscribe => "subscribe",
        Unsubscribe => "unsubscribe",
        Channels => "channels",
        UsersById => "users_by_id",
        UserDetails => "user_details",
        Conversation => "conversation",
        ConversationDetails => "conversation_details",
    }
    SuccessionReason {
        TokenEnds => "token_ends",
        ChannelEnds => "channel_ends",
        SocketClosing => "socket_closing",
        Scheduled => "scheduled",
        Asked => "asked",
        Settings => "settings",
        TopicsMoved => "topics_moved",
    }
    SuccessionEnd {
        Succeeded => "succeeded",
        Failed => "failed",
        Inherited => "inherited",
    }
}
