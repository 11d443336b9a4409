//! The words that documents for people and programs (status, event JSON, logs) use for the values of the model.
//!
//! They are a stable catalogue: never changed, only added to.

use super::event::{Cause, ConnectionState, Direction, EventKind, Flag, Source};
use super::feed::{Feed, Life, Why};

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
    }
}
