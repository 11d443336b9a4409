//! The kinds of events: when each comes, what tells it, what it tells beside what all of its subject tell, what may follow.
//!
//! Members are those of the platform's published .NET SDK 270.0.0. Nested: `ConversationEventTopicParticipant`, with its
//! `calls[]` and `callbacks[]`; flat: `ConversationCallEventTopicCallMediaParticipant`. `conversation.` stands before
//! members of the conversation itself.

use crate::model::event::EventKind::{self, *};

/// What the page shows together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Call,
    Connection,
    Joining,
    Recording,
    Contact,
    Agent,
    Station,
    Feed,
}

impl Group {
    pub(super) const ALL: [Self; 8] = [
        Self::Call,
        Self::Connection,
        Self::Joining,
        Self::Recording,
        Self::Contact,
        Self::Agent,
        Self::Station,
        Self::Feed,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Call => "The call, its queues and flows",
            Self::Connection => "A connection",
            Self::Joining => "Consult, transfer, conference, observation",
            Self::Recording => "The platform's recording",
            Self::Contact => "Around the call: attributes, callbacks, voicemail, work after it",
            Self::Agent => "Agents",
            Self::Station => "Stations",
            Self::Feed => "The feed",
        }
    }
}

/// What an event of the kind is about, and with that, which fields it fills beside its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// One connection: all fields of a party.
    Connection,
    /// The call: the fields of a connection without those of one party.
    Call,
    /// A participant: the fields of its connection, but neither state nor flags.
    Participant,
    /// A user, apart from calls.
    Agent,
    /// The feed.
    Feed,
}

/// What a source can still tell afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing.
    No,
    /// How things stand when it is read: neither what came and went between two reads, nor when.
    Stands,
    /// That it happened, and when.
    Whole,
}

/// Of one kind.
pub(super) struct Row {
    pub(super) kind: EventKind,
    pub(super) group: Group,
    pub(super) about: About,
    /// Whole sentences.
    pub(super) when: &'static str,
    /// What tells it in the nested form, in the flat one. Empty: that form does not tell it.
    pub(super) nested: &'static str,
    pub(super) flat: &'static str,
    /// What gives `platform_time_us`; empty: nothing does.
    pub(super) time: &'static str,
    /// The paths that it fills beside those of what it is about; `object.*` for all of an object.
    pub(super) fills: &'static [&'static str],
    pub(super) then: &'static [EventKind],
    /// From a REST conversation, analytics details, the list of users.
    pub(super) recovery: [Told; 3],
}

const WHOLE: [Told; 3] = [Told::Whole, Told::Whole, Told::No];
const NOTHING: [Told; 3] = [Told::No, Told::No, Told::No];
const USERS: [Told; 3] = [Told::No, Told::No, Told::Stands];
const AGENT: [Told; 3] = [Told::No, Told::Whole, Told::Stands];

/// Every kind, in the order of the page.
pub(super) const ROWS: &[Row] = &[
    Row {
        kind: CallCreated,
        group: Group::Call,
        about: About::Call,
        when: "The first body that shows a conversation with a call or a callback; before everything else of it. If \
               somebody had answered by then, or hung up, `source` is `snapshot`.",
        nested: "`conversation.id`",
        flat: "`conversation.id`",
        time: "flat or REST: `startTime` of the first party, if it is outside and called",
        fills: &[],
        then: &[
            Offered,
            Originated,
            Delivered,
            Queued,
            FlowEntered,
            Established,
            CallbackScheduled,
        ],
        recovery: WHOLE,
    },
    Row {
        kind: Queued,
        group: Group::Call,
        about: About::Connection,
        when: "A connection of purpose `acd` is shown: the call waits in the queue that `queue_id` names. As a \
               connection it has its own `established` and `connection_cleared`; its state is `queued`.",
        nested: "`purpose` = `acd`, `queueId`, `conversationRoutingData`",
        flat: "`purpose` = `acd`, `queue`, `conversationRoutingData`",
        time: "flat or REST `startTime`",
        fills: &["routing.*"],
        then: &[Established, Dequeued, Delivered],
        recovery: WHOLE,
    },
    Row {
        kind: Dequeued,
        group: Group::Call,
        about: About::Connection,
        when: "The connection of purpose `acd` ends. `reason` is `answered` (an agent of the queue took the call), \
               `abandoned` (it ended there: the other side gave up, or, as `raw` then says, the platform ended it) or `flow_out` (the queue gave it to a flow, another queue or a \
               voicemail). Its `connection_cleared` follows.",
        nested: "`calls[].disconnectType`, `calls[].disconnectedTime`; `calls[].connectedTime` of agents with the \
                 same `queueId`",
        flat: "as nested",
        time: "nested `calls[].disconnectedTime`, flat `endTime`",
        fills: &["reason", "raw"],
        then: &[
            ConnectionCleared,
            Established,
            Queued,
            FlowEntered,
            VoicemailDeposited,
            CallCleared,
        ],
        recovery: WHOLE,
    },
    Row {
        kind: FlowEntered,
        group: Group::Call,
        about: About::Connection,
        when: "A connection of purpose `ivr`, `botflow`, `workflow` or `voicesurveyflow` is connected: a flow speaks \
               with the caller. Right after the connection's `established`; it ends with its `connection_cleared`.",
        nested: "`purpose`, `calls[].connectedTime`",
        flat: "`purpose`, `connectedTime`",
        time: "nested `calls[].connectedTime`, flat `connectedTime`",
        fills: &[],
        then: &[ConnectionCleared, Queued],
        recovery: WHOLE,
    },
    Row {
        kind: CallCleared,
        group: Group::Call,
        about: About::Call,
        when: "The last connection of the conversation is over for media, even if work after the call is pending, \
               and no callback waits. Every connection has had its `connection_cleared`. A conversation that goes on \
               with a new connection is cleared again, under another id with `id_exact` = 0. Without \
               `call_terminated`, the call is remembered for half an hour then, or up to a day while work after it \
               goes on; what comes later is not told.",
        nested: "`calls[].state`, `calls[].disconnectedTime` of all",
        flat: "`state`, `endTime` of all",
        time: "the latest end of a connection",
        fills: &["attributes.*"],
        then: &[
            AfterCallWorkStarted,
            AfterCallWorkEnded,
            WrapUp,
            AttributeChanged,
            CallTerminated,
        ],
        recovery: WHOLE,
    },
    Row {
        kind: CallTerminated,
        group: Group::Call,
        about: About::Call,
        when: "After `call_cleared`: every connection is `terminated`, and nobody works after the call any more. \
               What is stored of it can be closed: what may still come is a wrap-up that is corrected within a \
               minute, or, rarely, a new connection with which the conversation goes on. That one is told and \
               cleared like any other, but the call is not terminated a second time.",
        nested: "`calls[].state` = `terminated` of all; `endAcwTime`, `calls[].afterCallWork.endTime`",
        flat: "`state` = `terminated` of all; `endAcwTime`",
        time: "",
        fills: &[],
        then: &[WrapUp, Delivered, Originated],
        recovery: WHOLE,
    },
    Row {
        kind: Offered,
        group: Group::Connection,
        about: About::Connection,
        when: "A connection is offered to its party, and nothing rings yet: a caller's connection before a flow or \
               queue takes it, or a flow's or queue's before it answers.",
        nested: "`calls[].state` or `calls[].initialState` = `offering`",
        flat: "`state` or `initialState` = `offering`",
        time: "flat or REST `startTime` of one that began so",
        fills: &[],
        then: &[Delivered, Established, Failed, ConnectionCleared],
        recovery: [Told::Whole, Told::No, Told::No],
    },
    Row {
        kind: Originated,
        group: Group::Connection,
        about: About::Connection,
        when: "A connection dials out: `raw` is `dialing`, or `contacting` while the platform calls the party's own \
               station first. In a conversation with a dialer (purpose `dialer`, `campaign`, `outbound`) an outbound \
               connection has `cause` `make_predictive_call`, and `dialer` where something is known of the campaign.",
        nested: "`calls[].state` or `calls[].initialState` = `dialing`, `contacting`; `attributes`, \
                 `calls[].disposition`",
        flat: "`state` or `initialState` = `dialing`, `contacting`; `attributes`, `disposition`",
        time: "",
        fills: &["raw", "dialer.*"],
        then: &[Delivered, Established, Failed, ConnectionCleared],
        recovery: WHOLE,
    },
    Row {
        kind: Delivered,
        group: Group::Connection,
        about: About::Connection,
        when: "A device of the party rings. A person who is offered the same call three times is three connections.",
        nested: "`calls[].state` or `calls[].initialState` = `alerting`",
        flat: "`state` or `initialState` = `alerting`",
        time: "flat or REST `startTime` of one that began so; REST `calls[].startAlertingTime`",
        fills: &[],
        then: &[Established, Diverted, Failed, ConnectionCleared],
        recovery: WHOLE,
    },
    Row {
        kind: Established,
        group: Group::Connection,
        about: About::Connection,
        when: "The connection was answered and media flows. One `connection_cleared` follows. A recorder opens a \
               segment here if the connection has a user.",
        nested: "`calls[].state` = `connected` or `calls[].connectedTime`",
        flat: "`state` = `connected` or `connectedTime`",
        time: "nested `calls[].connectedTime`, flat `connectedTime`",
        fills: &[],
        then: &[
            Held,
            Muted,
            Confined,
            Parked,
            ConsultStarted,
            Transferred,
            Conferenced,
            RecordingPaused,
            MonitoringStarted,
            CoachingStarted,
            BargedIn,
            ConnectionCleared,
        ],
        recovery: WHOLE,
    },
    Row {
        kind: Held,
        group: Group::Connection,
        about: About::Connection,
        when: "The party put the call on hold. A hold is known by the time at which it began: each hold is one \
               event, however often it is shown. One of a gap may be read when the connection's end was already told: \
               then it comes late, with `source` `recovered`; its time says where it belongs, `state` stays `null`.",
        nested: "`calls[].held` = true, `calls[].startHoldTime`",
        flat: "`held` = true, `startHoldTime`",
        time: "nested `calls[].startHoldTime`, flat `startHoldTime`",
        fills: &[],
        then: &[
            Retrieved,
            ConsultStarted,
            RecordingPaused,
            Transferred,
            ConnectionCleared,
        ],
        recovery: WHOLE,
    },
    Row {
        kind: Retrieved,
        group: Group::Connection,
        about: About::Connection,
        when: "The party took the call off hold. It is known by the hold that it ends. A hold that ends with its \
               connection need not have one. As `held`, it may come late after a gap.",
        nested: "`calls[].held` = false",
        flat: "`held` = false",
        time: "none by notification; from REST the end of the `calls[].segments[]` of type `hold`, from analytics of \
               the `hold` segment",
        fills: &[],
        then: &[Held, ConsultCompleted, RecordingResumed, ConnectionCleared],
        recovery: WHOLE,
    },
    Row {
        kind: Muted,
        group: Group::Connection,
        about: About::Connection,
        when: "The party's microphone was muted.",
        nested: "`calls[].muted` = true",
        flat: "`muted` = true",
        time: "",
        fills: &[],
        then: &[Unmuted, ConnectionCleared],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: Unmuted,
        group: Group::Connection,
        about: About::Connection,
        when: "The party's microphone is open again. One that ends with its connection is not told.",
        nested: "`calls[].muted` = false",
        flat: "`muted` = false",
        time: "",
        fills: &[],
        then: &[Muted, ConnectionCleared],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: Confined,
        group: Group::Connection,
        about: About::Connection,
        when: "The party was isolated from the others: it hears none of them, and none hears it.",
        nested: "`calls[].confined` = true",
        flat: "`confined` = true",
        time: "",
        fills: &[],
        then: &[Unconfined, ConnectionCleared],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: Unconfined,
        group: Group::Connection,
        about: About::Connection,
        when: "The party is with the others again. One that ends with its connection is not told.",
        nested: "`calls[].confined` = false",
        flat: "`confined` = false",
        time: "",
        fills: &[],
        then: &[Confined, ConnectionCleared],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: Parked,
        group: Group::Connection,
        about: About::Connection,
        when: "The party parked the call: it has no media with it until the call is taken back. A park is known by \
               the time at which it began.",
        nested: "",
        flat: "`state` = `parked`, `parkTime`",
        time: "flat `parkTime`; after a gap the begin of the `parked` segment",
        fills: &[],
        then: &[Unparked, Held, ConnectionCleared],
        recovery: WHOLE,
    },
    Row {
        kind: Unparked,
        group: Group::Connection,
        about: About::Connection,
        when: "The call was taken back. It is known by the park that it ends. A park that ends with its connection \
               has none.",
        nested: "",
        flat: "`state` no longer `parked`, `resumeTime`",
        time: "flat `resumeTime`; after a gap the end of the `parked` segment",
        fills: &[],
        then: &[Parked, Held, ConnectionCleared],
        recovery: WHOLE,
    },
    Row {
        kind: Diverted,
        group: Group::Connection,
        about: About::Connection,
        when: "A connection that was being set up ends unanswered, and the call goes elsewhere: it was forwarded, or \
               an agent refused or did not answer what a queue offered (`reason` is `rejected` if the party refused \
               it). Its `connection_cleared` follows; the call goes on.",
        nested: "`calls[].disconnectType` = `transfer.forward`, `transfer.noanswer`, `transfer.notavailable`, \
                 `transfer.dnd`; of a queue's offer also `client`, `timeout`, `endpoint.dnd`, `error`, \
                 `transport.failure`",
        flat: "`disconnectType`, as nested",
        time: "nested `calls[].disconnectedTime`, flat `endTime`",
        fills: &["reason", "raw"],
        then: &[ConnectionCleared, Delivered, Queued, VoicemailDeposited],
        recovery: WHOLE,
    },
    Row {
        kind: Failed,
        group: Group::Connection,
        about: About::Connection,
        when: "A connection that was being set up ends unanswered for a failure, or because the party refused \
               (`reason` is then `rejected`). Not where the other side gave up (`peer`, `endpoint`), and not where \
               it was `diverted`. Its `connection_cleared` follows.",
        nested: "`calls[].disconnectType` = `error`, `transport.failure`, `timeout`, `endpoint.dnd`, `system`, \
                 `spam`, `uncallable`; `client` of one that rang",
        flat: "`disconnectType`, as nested",
        time: "nested `calls[].disconnectedTime`, flat `endTime`",
        fills: &["reason", "raw"],
        then: &[ConnectionCleared],
        recovery: WHOLE,
    },
    Row {
        kind: ConnectionCleared,
        group: Group::Connection,
        about: About::Connection,
        when: "The connection is over for media; a party in work after the call is. Every connection gets exactly \
               one, answered or not, also after `diverted` and `failed`: `previous_state` says how far it had come. \
               `cause` and `raw` say why, `dialer` what a dialer's analysis found. A recorder closes the segment \
               here. A synthetic one names its proof in `reason`.",
        nested: "`calls[].state` = `disconnected`, `terminated`, or `calls[].disconnectedTime`; \
                 `calls[].disconnectType`",
        flat: "`state` = `disconnected`, `terminated`, or `endTime`, `startAcwTime`; `disconnectType`",
        time: "nested `calls[].disconnectedTime`, flat `endTime`, `startAcwTime`",
        fills: &["raw", "reason", "dialer.disposition", "dialer.analyzer"],
        then: &[AfterCallWorkStarted, WrapUp, CallCleared, Held, Retrieved],
        recovery: WHOLE,
    },
    Row {
        kind: ConsultStarted,
        group: Group::Joining,
        about: About::Connection,
        when: "A party asks another one while the call waits; once for each party or conversation asked. In one \
               conversation it is told on the asking connection, `old_connection`, and `new_connection` is the one \
               asked. In a second one it is told on the call, since the platform does not say who asks; \
               `related_conversation_id` names the second, whose events from then on have the first one's \
               `root_contact_id`. The hold of the call that waits is shown with it, and comes right after it. From \
               analytics only a consult in a conversation of its own can be read.",
        nested: "`consultParticipantId`; `conversation.consultationConversations[]`",
        flat: "`consultParticipantId`",
        time: "flat or REST `startTime` of the party asked",
        fills: &[
            "related_conversation_id",
            "old_connection_id",
            "new_connection_id",
            "old_connection.*",
            "new_connection.*",
        ],
        then: &[
            Held,
            Delivered,
            Originated,
            Established,
            ConsultCompleted,
            ConsultCancelled,
        ],
        recovery: [Told::Whole, Told::Stands, Told::No],
    },
    Row {
        kind: ConsultCompleted,
        group: Group::Joining,
        about: About::Connection,
        when: "The consult became a transfer (`reason` `transfer`) or a conference (`reason` `conference`). It has \
               the id that `consult_cancelled` of the same consult would have: a consult ends once.",
        nested: "`calls[].disconnectType` = `transfer.consult` of who asks, or a transfer in the conversation that is \
                 asked, or `transfer.conference`; or both are in the conference",
        flat: "as nested. Analytics, of a consult that was told to have begun: both have segments of a `conference` at \
               the same time",
        time: "of a transfer, the end of who asks",
        fills: &[
            "reason",
            "related_conversation_id",
            "old_connection_id",
            "old_connection.*",
            "new_connection_id",
            "new_connection.*",
        ],
        then: &[Transferred, Conferenced, ConnectionCleared],
        recovery: [Told::Whole, Told::Stands, Told::No],
    },
    Row {
        kind: ConsultCancelled,
        group: Group::Joining,
        about: About::Connection,
        when: "The consult ended and became neither: the party asked is gone and the call goes on as it was, or the \
               call itself has ended. If a conversation of its own was asked it comes five seconds after that one's \
               end, which may be shown before the call is shown to be handed on. If the end comes after a gap, what \
               is read of the gap decides: there may have been a conference.",
        nested: "who is asked, who asks, or the conversation that is asked, is over, and nobody was handed on",
        flat: "who is asked, or who asks, is over. A read that does not tell of conferences, and shows that who asks \
               came back while who is asked talked on, tells neither end",
        time: "the end of who is asked, or of who asks",
        fills: &[
            "related_conversation_id",
            "old_connection_id",
            "old_connection.*",
            "new_connection_id",
            "new_connection.*",
        ],
        then: &[Retrieved, ConsultStarted, ConnectionCleared, CallCleared],
        recovery: [Told::Whole, Told::Stands, Told::No],
    },
    Row {
        kind: Transferred,
        group: Group::Joining,
        about: About::Connection,
        when: "A connected person handed the call on: `reason` is `blind` or `attended`. `old_connection` is the one \
               that ends, `new_connection` the one that takes its place, where it is known by then: who was \
               consulted, else who comes next, which may be a queue. Its `connection_cleared` follows.",
        nested: "`calls[].disconnectType` = `transfer` (blind), `transfer.consult` (attended); \
                 `consultParticipantId`",
        flat: "`disconnectType`, as nested",
        time: "nested `calls[].disconnectedTime`, flat `endTime`",
        fills: &[
            "reason",
            "raw",
            "old_connection_id",
            "old_connection.*",
            "new_connection_id",
            "new_connection.*",
        ],
        then: &[
            ConnectionCleared,
            ConsultCompleted,
            Delivered,
            Queued,
            Established,
        ],
        recovery: WHOLE,
    },
    Row {
        kind: Conferenced,
        group: Group::Joining,
        about: About::Call,
        when: "One body shows three people who talk, none of them held, and none who only observes. Once a \
               conversation; `parties` are the first three, in the order in which they were connected.",
        nested: "`calls[].state`, `calls[].held`, `calls[].connectedTime`, `monitoredParticipantId`, \
                 `coachedParticipantId`, `bargedParticipantId` of all",
        flat: "`state`, `held`, `connectedTime`, and the same three ids, of all",
        time: "",
        fills: &["parties[].*"],
        then: &[
            ConsultCompleted,
            PartyAdded,
            PartyLeft,
            ConnectionCleared,
            CallCleared,
        ],
        recovery: [Told::Stands, Told::Stands, Told::No],
    },
    Row {
        kind: PartyAdded,
        group: Group::Joining,
        about: About::Connection,
        when: "One more person talks, beyond the first three of `conferenced`. Told on the new connection.",
        nested: "as `conferenced`",
        flat: "as `conferenced`",
        time: "nested `calls[].connectedTime`, flat `connectedTime`",
        fills: &[],
        then: &[PartyAdded, PartyLeft, ConnectionCleared],
        recovery: [Told::Stands, Told::Stands, Told::No],
    },
    Row {
        kind: PartyLeft,
        group: Group::Joining,
        about: About::Connection,
        when: "A connection of the conference ends, and two or more of it go on. Its `connection_cleared` comes with \
               it.",
        nested: "`calls[].disconnectedTime`",
        flat: "`endTime`",
        time: "nested `calls[].disconnectedTime`, flat `endTime`",
        fills: &[],
        then: &[ConnectionCleared, PartyAdded, PartyLeft, CallCleared],
        recovery: WHOLE,
    },
    Row {
        kind: MonitoringStarted,
        group: Group::Joining,
        about: About::Connection,
        when: "A supervisor listens. Told on the supervisor's connection, which is `new_connection` too; \
               `old_connection` is the one observed. It ends with the supervisor's `connection_cleared`.",
        nested: "`monitoredParticipantId`",
        flat: "`monitoredParticipantId`",
        time: "",
        fills: &[
            "old_connection_id",
            "old_connection.*",
            "new_connection_id",
            "new_connection.*",
        ],
        then: &[CoachingStarted, BargedIn, ConnectionCleared],
        recovery: [Told::Stands, Told::Stands, Told::No],
    },
    Row {
        kind: CoachingStarted,
        group: Group::Joining,
        about: About::Connection,
        when: "A supervisor speaks to the party observed, unheard by the others. As `monitoring_started`.",
        nested: "`coachedParticipantId`",
        flat: "`coachedParticipantId`",
        time: "",
        fills: &[
            "old_connection_id",
            "old_connection.*",
            "new_connection_id",
            "new_connection.*",
        ],
        then: &[MonitoringStarted, BargedIn, ConnectionCleared],
        recovery: [Told::Stands, Told::Stands, Told::No],
    },
    Row {
        kind: BargedIn,
        group: Group::Joining,
        about: About::Connection,
        when: "A supervisor broke into the call, and is heard by all. As `monitoring_started`.",
        nested: "`bargedParticipantId`, `calls[].bargedTime`",
        flat: "`bargedParticipantId`, `bargedTime`",
        time: "nested `calls[].bargedTime`, flat `bargedTime`",
        fills: &[
            "old_connection_id",
            "old_connection.*",
            "new_connection_id",
            "new_connection.*",
        ],
        then: &[Conferenced, PartyAdded, ConnectionCleared],
        recovery: [Told::Stands, Told::Whole, Told::No],
    },
    Row {
        kind: RecordingPaused,
        group: Group::Recording,
        about: About::Connection,
        when: "The platform's recording of a connected person pauses. `reason` is `secure` (a secure pause, of the \
               connection or of the whole conversation), `hold_suppression` (on hold, and it is said to be no secure \
               pause), or `unknown`; a pause whose reason changes is told again. It is told in its place among the \
               other events, and at once: as soon as its notification is read, and nothing is waited for. What to do \
               with `unknown` is the recorder's choice; to pause is the safe one.",
        nested: "`calls[].securePause` or `conversation.securePause` = true; else `calls[].recordingState` = \
                 `paused`, `calls[].held`",
        flat: "`securePause` or `conversation.securePause` = true; else `recordingState` = `paused`, `held`",
        time: "",
        fills: &["reason"],
        then: &[RecordingPaused, RecordingResumed],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: RecordingResumed,
        group: Group::Recording,
        about: About::Connection,
        when: "It goes on. Also when the connection ends while its recording is paused: then with `reason` `ended` \
               (if that end is synthetic, with its proof), before its `connection_cleared`, so that every pause has \
               an end.",
        nested: "neither of these any more, or the connection is over",
        flat: "as nested",
        time: "where the connection ended, its end",
        fills: &["reason"],
        then: &[RecordingPaused, ConnectionCleared],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: AttributeChanged,
        group: Group::Contact,
        about: About::Participant,
        when: "A participant's attribute was set or changed: one event for each key and change; `previous` is the \
               participant's value before, `first` the conversation's first one. Only keys that the setting \
               `AttributeAllow` lets through are told, after the masks of `AttributeMask`; what a mask makes equal \
               is no change.",
        nested: "`attributes`",
        flat: "`attributes`",
        time: "",
        fills: &["attribute.*"],
        then: &[AttributeChanged, CallCleared],
        recovery: [Told::Stands, Told::No, Told::No],
    },
    Row {
        kind: VoicemailDeposited,
        group: Group::Contact,
        about: About::Connection,
        when: "A connected connection of purpose `voicemail` ends: the caller left a message.",
        nested: "`purpose` = `voicemail`, `calls[].disconnectedTime`",
        flat: "`purpose` = `voicemail`, `endTime`",
        time: "nested `calls[].disconnectedTime`, flat `endTime`",
        fills: &[],
        then: &[ConnectionCleared, CallCleared],
        recovery: WHOLE,
    },
    Row {
        kind: CallbackScheduled,
        group: Group::Contact,
        about: About::Participant,
        when: "A callback waits for its time. A callback is no connection of the call: `communication_id` is its own \
               id, and `state` is the callback's. The customer, the queue that it waits in and the agent who is \
               offered it each have one: `purpose` says whose an event is about.",
        nested: "`callbacks[].state` or `callbacks[].initialState` = `scheduled`",
        flat: "",
        time: "",
        fills: &["callback.*"],
        then: &[CallbackDelivered, CallbackCleared],
        recovery: [Told::Stands, Told::Stands, Told::No],
    },
    Row {
        kind: CallbackDelivered,
        group: Group::Contact,
        about: About::Participant,
        when: "A callback rings at its party, for example an agent. One that waits in a queue does not.",
        nested: "`callbacks[].state` or `callbacks[].initialState` = `alerting`",
        flat: "",
        time: "",
        fills: &["callback.*"],
        then: &[CallbackEstablished, CallbackCleared],
        recovery: [Told::Stands, Told::Stands, Told::No],
    },
    Row {
        kind: CallbackEstablished,
        group: Group::Contact,
        about: About::Participant,
        when: "A callback was taken. The call that the party then makes is a connection of its own, in the same \
               conversation.",
        nested: "`callbacks[].state` = `connected`, `callbacks[].connectedTime`",
        flat: "",
        time: "nested `callbacks[].connectedTime`",
        fills: &["callback.*"],
        then: &[Originated, CallbackCleared],
        recovery: WHOLE,
    },
    Row {
        kind: CallbackCleared,
        group: Group::Contact,
        about: About::Participant,
        when: "A callback of one party is over; `cause` and `raw` say why.",
        nested: "`callbacks[].state` = `disconnected`, `terminated`, or `callbacks[].disconnectedTime`; \
                 `callbacks[].disconnectType`",
        flat: "",
        time: "nested `callbacks[].disconnectedTime`",
        fills: &["raw", "callback.*"],
        then: &[CallCleared],
        recovery: WHOLE,
    },
    Row {
        kind: AfterCallWorkStarted,
        group: Group::Contact,
        about: About::Participant,
        when: "The party works after the call: its connection is over for media. Work that was skipped, so that it \
               ends when it begins, is not told.",
        nested: "`startAcwTime`; else `calls[].afterCallWork` with `state` = `pending`, `complete`",
        flat: "`startAcwTime`",
        time: "`startAcwTime`; nested also `calls[].afterCallWork.startTime`",
        fills: &[],
        then: &[WrapUp, AfterCallWorkEnded],
        recovery: WHOLE,
    },
    Row {
        kind: AfterCallWorkEnded,
        group: Group::Contact,
        about: About::Participant,
        when: "The work after the call is done, or its time is up.",
        nested: "`endAcwTime`; else `calls[].afterCallWork.endTime`",
        flat: "`endAcwTime`",
        time: "as nested and flat say",
        fills: &[],
        then: &[WrapUp, CallTerminated],
        recovery: WHOLE,
    },
    Row {
        kind: WrapUp,
        group: Group::Contact,
        about: About::Participant,
        when: "The party gave a wrap-up, or changed it: each is known by its time. Notes are masked like attributes. Analytics does not tell that time: one \
               that was first read there has none, and `id_exact` is 0.",
        nested: "`wrapup` of `calls[]` or of the participant",
        flat: "`wrapup`",
        time: "`wrapup.endTime`",
        fills: &["wrap_up.*"],
        then: &[AfterCallWorkEnded, WrapUp, CallTerminated],
        recovery: [Told::Whole, Told::Stands, Told::No],
    },
    Row {
        kind: AgentPresence,
        group: Group::Agent,
        about: About::Agent,
        when: "A user's presence changed: `raw` is the system presence (`AVAILABLE`, `ON_QUEUE`, `OFFLINE`, …), \
               `reason` the id of the organization's definition.",
        nested: "",
        flat: "",
        time: "`modifiedDate` of `v2.users.{id}.presence`",
        fills: &["raw", "reason"],
        then: &[AgentLoggedOn, AgentLoggedOff],
        recovery: AGENT,
    },
    Row {
        kind: AgentLoggedOn,
        group: Group::Agent,
        about: About::Agent,
        when: "The presence is no longer `OFFLINE`; right after the `agent_presence` that shows it. Who is not \
               offline when first seen is told as logged on too: then `platform_time_us` is that of the presence \
               found, and `id_exact` is 0. A station that is left logs nobody off.",
        nested: "",
        flat: "",
        time: "`modifiedDate` of `v2.users.{id}.presence`",
        fills: &["raw", "reason"],
        then: &[AgentReady, AgentNotReady, AgentLoggedOff],
        recovery: AGENT,
    },
    Row {
        kind: AgentLoggedOff,
        group: Group::Agent,
        about: About::Agent,
        when: "The presence became `OFFLINE`; right after the `agent_presence` that shows it.",
        nested: "",
        flat: "",
        time: "`modifiedDate` of `v2.users.{id}.presence`",
        fills: &["raw", "reason"],
        then: &[AgentLoggedOn],
        recovery: AGENT,
    },
    Row {
        kind: AgentReady,
        group: Group::Agent,
        about: About::Agent,
        when: "The agent waits for work of a queue: `raw` is `IDLE`. `reason` is the id of the last presence's \
               definition.",
        nested: "",
        flat: "",
        time: "`routingStatus.startTime` of `v2.users.{id}.routingStatus`",
        fills: &["raw", "reason"],
        then: &[AgentBusy, AgentNotReady],
        recovery: AGENT,
    },
    Row {
        kind: AgentNotReady,
        group: Group::Agent,
        about: About::Agent,
        when: "The agent takes no work of queues: `raw` is `OFF_QUEUE`, or `NOT_RESPONDING` after an offer that was \
               not answered.",
        nested: "",
        flat: "",
        time: "`routingStatus.startTime` of `v2.users.{id}.routingStatus`",
        fills: &["raw", "reason"],
        then: &[AgentReady, AgentBusy],
        recovery: AGENT,
    },
    Row {
        kind: AgentBusy,
        group: Group::Agent,
        about: About::Agent,
        when: "The agent has work: `raw` is `INTERACTING` (of a queue) or `COMMUNICATING` (apart from queues).",
        nested: "",
        flat: "",
        time: "`routingStatus.startTime` of `v2.users.{id}.routingStatus`",
        fills: &["raw", "reason"],
        then: &[AgentReady, AgentNotReady],
        recovery: AGENT,
    },
    Row {
        kind: AgentRoutingStatus,
        group: Group::Agent,
        about: About::Agent,
        when: "The routing status became a word that this version does not know; the three kinds above stand for the \
               known ones.",
        nested: "",
        flat: "",
        time: "`routingStatus.startTime` of `v2.users.{id}.routingStatus`",
        fills: &["raw", "reason"],
        then: &[AgentReady, AgentBusy, AgentNotReady],
        recovery: AGENT,
    },
    Row {
        kind: StationAssociated,
        group: Group::Station,
        about: About::Agent,
        when: "A user is associated with a station. Who goes from one to another leaves the first. Since a station \
               has no time, the list of users tells only the first one of a user, and the first after an outage: a \
               change that falls into one shows with the next list.",
        nested: "",
        flat: "",
        time: "",
        fills: &["station.*"],
        then: &[StationLeft, PersistentConnectionUp],
        recovery: USERS,
    },
    Row {
        kind: StationLeft,
        group: Group::Station,
        about: About::Agent,
        when: "The user is no longer associated with the station, which the event still names.",
        nested: "",
        flat: "",
        time: "",
        fills: &["station.*"],
        then: &[StationAssociated],
        recovery: USERS,
    },
    Row {
        kind: PersistentConnectionUp,
        group: Group::Station,
        about: About::Agent,
        when: "The user's station keeps its connection between calls: the next call needs no ringing.",
        nested: "",
        flat: "",
        time: "`eventTime` of `v2.users.{id}.persistentconnection`",
        fills: &["raw", "station.*"],
        then: &[PersistentConnectionActive, PersistentConnectionDown],
        recovery: NOTHING,
    },
    Row {
        kind: PersistentConnectionActive,
        group: Group::Station,
        about: About::Agent,
        when: "A call uses it. Audio may flow before the call's `established`.",
        nested: "",
        flat: "",
        time: "`eventTime` of `v2.users.{id}.persistentconnection`",
        fills: &["raw", "station.*"],
        then: &[PersistentConnectionUp, PersistentConnectionDown],
        recovery: NOTHING,
    },
    Row {
        kind: PersistentConnectionDown,
        group: Group::Station,
        about: About::Agent,
        when: "It is gone: `raw` is `DISCONNECTED` or `FAILED`, `reason` the platform's error code if it told one.",
        nested: "",
        flat: "",
        time: "`eventTime` of `v2.users.{id}.persistentconnection`",
        fills: &["raw", "reason", "station.*"],
        then: &[PersistentConnectionUp],
        recovery: NOTHING,
    },
    Row {
        kind: FeedState,
        group: Group::Feed,
        about: About::Feed,
        when: "The state of the feed changed, at this place of the feed: what comes after was heard in the new \
               state. A host hears of it out of band too (`on_state`).",
        nested: "",
        flat: "",
        time: "",
        fills: &["state_report.*"],
        then: &[],
        recovery: NOTHING,
    },
    Row {
        kind: Lost,
        group: Group::Feed,
        about: About::Feed,
        when: "Events were lost on the way to the host, at this place. Its own `sequence` is the number after the \
               last that is missing. `reason` is `queue_full`, `refused`, `defect`, with a journal \
               `journal_age`, `journal_full`, `journal_damaged`, `erased`, or several of them, joined by commas.",
        nested: "",
        flat: "",
        time: "",
        fills: &[
            "lost_first",
            "lost_last",
            "lost_from_us",
            "lost_to_us",
            "reason",
        ],
        then: &[],
        recovery: NOTHING,
    },
    Row {
        kind: GapOpened,
        group: Group::Feed,
        about: About::Feed,
        when: "Something of the region has no channel on which it flows: what happens there from `gap_from_us` on may be \
               missing. `reason` says why: `start` (the feed begins), `lost` (a connection ended), `refused` (the platform \
               refuses the topics, for as long as it does), `no_room` (the channels cannot carry any more), `joined` (a user \
               or queue is new in the roster), `downtime` (with a journal: no process ran). `gap_to_us` is unknown.",
        nested: "",
        flat: "",
        time: "",
        fills: &[
            "gap_id",
            "gap_from_us",
            "gap_to_us",
            "reason",
            "gap.detail",
            "gap.opened_us",
            "gap.users",
            "gap.queues",
        ],
        then: &[GapClosed],
        recovery: NOTHING,
    },
    Row {
        kind: GapClosed,
        group: Group::Feed,
        about: About::Feed,
        when: "Everything that the gap covers was read, once when it flowed again and once more when the platform's \
               analytics had had their time; its events came before, with `source` `recovered` (`snapshot` after a start). \
               `gap` says how many, and what could not be read.",
        nested: "",
        flat: "",
        time: "",
        fills: &["gap_id", "gap_from_us", "gap_to_us", "reason", "gap.*"],
        then: &[],
        recovery: NOTHING,
    },
    Row {
        kind: FeedRenewed,
        group: Group::Feed,
        about: About::Feed,
        when: "A connection was followed by another one: both were read for a while, nothing is missing. `reason` says why: \
               `token_ends`, `channel_ends`, `socket_closing`, `scheduled`, `asked`, `settings`, `topics_moved`.",
        nested: "",
        flat: "",
        time: "",
        fills: &["reason"],
        then: &[],
        recovery: NOTHING,
    },
];
