//! What really happened. An entry is written when an act happens, by whoever makes it happen; nothing here looks at a
//! body. Afterwards it is only added which topics' bodies showed the act, and on which of them it was really sent.
//!
//! `topics` follows these rules. An act is on a topic if a body published there shows it:
//! * how a call began where it is told for ever (`offering`, a callback that is `scheduled`), a leg's answer and end, a
//!   flow, a queue's beginning and end, a diversion, a failure, a transfer, a wrap-up, after-call work, a voicemail, and
//!   beginning and end of the conversation stay readable in every later snapshot, so a topic that joins late shows them
//!   too;
//! * alerting, contacting, dialing, hold, mute, confinement, a pause of the recording, a consult, what a supervisor
//!   does, a conference, a party added to it and an attribute's value are on a topic only if a body was published there
//!   while they lasted;
//! * the end of a hold, a mute, a confinement, a pause, a consult that led to no transfer, only if the topic had shown
//!   its beginning; that somebody left a conference, only if it had shown the conference;
//! * the two forms differ: flat bodies show nobody who has no call, no callback, and no consult in a conversation of
//!   its own; nested ones show no parking.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::chance::Id;
use crate::time::Time;

/// What kind of act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A leg rings.
    Alerting,
    /// A leg dials.
    Dialing,
    /// A user's station is being called.
    Contacting,
    /// A leg was answered.
    Connected,
    /// A leg was put on hold.
    Held,
    /// A leg was taken back from hold.
    Retrieved,
    /// A leg was muted.
    Muted,
    /// A leg was unmuted.
    Unmuted,
    /// A leg is over for media.
    Disconnected,
    /// The last leg of a conversation is over.
    ConversationEnded,
    /// A call joined a queue.
    Queued,
    /// It left the queue; the detail is how: `answered`, `abandoned` or `flow_out`.
    Dequeued,
    /// A conversation began.
    ConversationStarted,
    /// All legs of it are put away, and nobody works on after it: nothing more can become of it.
    ConversationTerminated,
    /// A leg was offered to its party, who answers by itself or is the caller.
    Offering,
    /// A flow answered.
    FlowEntered,
    /// A leg that rang and was not answered ended, and the call goes elsewhere.
    Diverted,
    /// A leg could not be set up, or its party refused it.
    Failed,
    /// A party was set apart, with music.
    Confined,
    /// It is back.
    Unconfined,
    /// A call was parked.
    Parked,
    /// It was taken back.
    Unparked,
    /// A party asked another one about the call; the detail is the participant or the conversation with whom.
    ConsultStarted,
    /// That led to something: the detail is `transfer` or `conference`.
    ConsultCompleted,
    /// It did not.
    ConsultCancelled,
    /// Three people talk to one another, for the first time in the conversation.
    Conferenced,
    /// Somebody came to that.
    PartyAdded,
    /// Somebody left it, and at least two go on.
    PartyLeft,
    /// The recording of a person's leg pauses; the detail is why: `secure` or `hold_suppression`.
    RecordingPaused,
    /// It goes on, or (the detail is `ended`) the leg ended in the pause.
    RecordingResumed,
    /// Somebody spoke into a voicemail box, and it is over.
    VoicemailDeposited,
    /// A callback was promised.
    CallbackScheduled,
    /// It rings.
    CallbackAlerting,
    /// Its party took it.
    CallbackConnected,
    /// It is over.
    CallbackDisconnected,
    /// A supervisor hears the call.
    MonitoringStarted,
    /// A supervisor speaks to the agent only.
    CoachingStarted,
    /// A supervisor speaks to all.
    BargedIn,
    /// An agent's after-call work began.
    AfterCallWorkStarted,
    /// It ended.
    AfterCallWorkEnded,
    /// A wrap-up code was given.
    Wrapup,
    /// An attribute was set; the detail is its key.
    Attributes,
    /// A party handed the call on; the detail is how: `blind` or `attended`.
    Transferred,
    /// A user's presence changed; the detail is the system presence.
    Presence,
    /// A user's routing status changed; the detail is the status.
    RoutingStatus,
    /// A user took a station; the detail is the station's id.
    StationAssociated,
    /// A user left it.
    StationLeft,
    /// A user's presence left `OFFLINE`; the detail is the presence that it became.
    LoggedOn,
    /// A user's presence became `OFFLINE`.
    LoggedOff,
    /// The persistent connection of a user's station was opened, or carries no call any more; the detail is its state.
    PersistentConnectionUp,
    /// It carries a call.
    PersistentConnectionActive,
    /// It was closed, or broke.
    PersistentConnectionDown,
}

impl Kind {
    /// Whether it is about a callback of a participant, not about a call.
    #[must_use]
    pub const fn is_of_callback(self) -> bool {
        matches!(
            self,
            Self::CallbackScheduled
                | Self::CallbackAlerting
                | Self::CallbackConnected
                | Self::CallbackDisconnected
        )
    }
}

/// One act.
#[derive(Debug, Clone, Serialize)]
pub struct Act {
    /// Its number, counted from 0 in order of time.
    pub act: u64,
    /// When it happened.
    pub time: Time,
    /// What happened.
    pub kind: Kind,
    /// In which conversation.
    pub conversation: Option<Id>,
    /// To which participant.
    pub participant: Option<Id>,
    /// To which leg of theirs.
    pub communication: Option<Id>,
    /// Which user.
    pub user: Option<Id>,
    /// Through which queue.
    pub queue: Option<Id>,
    /// The participant's purpose.
    pub purpose: Option<&'static str>,
    /// The platform's `disconnectType`, for the end of a leg or a callback.
    pub cause: Option<&'static str>,
    /// See [`Kind`].
    pub detail: Option<String>,
    /// The topics with a body that shows it.
    #[serde(serialize_with = "names")]
    pub topics: Vec<Arc<str>>,
    /// Those of them on which such a body was sent to somebody.
    #[serde(serialize_with = "names")]
    pub sent: Vec<Arc<str>>,
    /// To which programs, one bit each ([`crate::region::Request::program`]).
    #[serde(skip)]
    pub sent_to: u64,
    /// The script that was played.
    pub script: Option<&'static str>,
}

fn names<S: Serializer>(topics: &[Arc<str>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(topics.iter().map(|topic| &**topic))
}

/// Everything that happened.
#[derive(Debug, Default, Serialize)]
pub struct Truth {
    /// How often each script was begun.
    pub scripts_played: BTreeMap<&'static str, u64>,
    /// How many conversations there were.
    pub conversations: u64,
    /// How many legs they had.
    pub legs: u64,
    /// The acts, in order; without those that were forgotten.
    pub acts: Vec<Act>,
    /// How many there were.
    #[serde(skip)]
    written: u64,
}

impl Truth {
    /// Writes an act down; its number is given here.
    pub(crate) fn write(&mut self, mut act: Act) -> u64 {
        let number = self.written;
        act.act = number;
        self.acts.push(act);
        self.written += 1;
        number
    }

    /// Drops the acts of whom `is_past` holds. The others keep their numbers.
    pub(crate) fn forget(&mut self, is_past: impl Fn(&Act) -> bool) {
        self.acts.retain(|act| !is_past(act));
    }

    fn act_mut(&mut self, act: u64) -> Option<&mut Act> {
        let at = self.acts.binary_search_by_key(&act, |act| act.act).ok()?;
        self.acts.get_mut(at)
    }

    /// A body on `topic` shows the act.
    pub(crate) fn shown(&mut self, act: u64, topic: &Arc<str>) {
        if let Some(act) = self.act_mut(act) {
            act.topics.push(Arc::clone(topic));
        }
    }

    /// A frame that shows these acts on `topic` went to at least one live, subscribed socket.
    pub(crate) fn sent(&mut self, acts: &[u64], topic: &str, program: u32) {
        for act in acts {
            let Some(act) = self.act_mut(*act) else {
                continue;
            };
            let known = act.topics.iter().find(|known| ***known == *topic);
            if let Some(known) = known {
                act.sent_to |= 1_u64.checked_shl(program).unwrap_or_default();
                if !act.sent.contains(known) {
                    act.sent.push(Arc::clone(known));
                }
            }
        }
    }
}
