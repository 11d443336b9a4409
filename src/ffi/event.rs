//! The event as the host sees it: a flat struct that borrows from the event in hand, and its JSON when asked for.

use std::cell::RefCell;
use std::ffi::c_char;
use std::mem::size_of;
use std::ptr::NonNull;

use super::abi::{
    GCA_FLAG_UNKNOWN, GCA_TIME_UNKNOWN, gca_cause, gca_connection_state, gca_direction, gca_event,
    gca_event_kind, gca_feed, gca_life, gca_source, gca_state, gca_status, gca_str, gca_why,
};
use super::error::Refused;
use super::{boundary, event_json, text};
use crate::delivery::Offer;
use crate::model::event::{
    Cause, Connection, ConnectionRef, ConnectionState, Detail, Direction, EventKind, Flag, Source,
    Subject,
};
use crate::model::feed::{Feed, Life, StateReport, Why};
use crate::model::roster::{Station, User};

/// The event that is being delivered on this thread.
struct Current {
    event: *const gca_event,
    offer: NonNull<Offer<'static>>,
    /// Made when it is first asked for: a caller asks for the length first, then for the text.
    json: Option<String>,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Takes away what `CURRENT` points to before it dies, also if a panic passes.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| {
            if let Ok(mut current) = current.try_borrow_mut() {
                *current = None;
            }
        });
    }
}

/// The complete event as one JSON object in UTF-8, without a terminating NUL: all fields of `gca_event`, and what does
/// not fit into a flat struct. `docs/EVENTS.md` lists the paths; they are stable.
///
/// Only inside `on_event`, on its thread, and for the event that it was handed: else `GCA_ERR_STATE`. The text is made
/// only when it is asked for, and once for each event.
///
/// `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
/// `GCA_ERR_BUFFER`. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gca_event_json(
    event: *const gca_event,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> gca_status {
    boundary::call("gca_event_json", 0, || {
        if event.is_null() {
            return Err(Refused::argument("event is NULL"));
        }
        CURRENT
            .try_with(|current| {
                let mut current = current.borrow_mut();
                let current = current
                    .as_mut()
                    .filter(|current| std::ptr::eq(current.event, event))
                    .ok_or_else(|| {
                        Refused::new(
                            gca_status::GCA_ERR_STATE,
                            "event is not the one that is being delivered on this thread; ask from inside \
                             on_event, for the event that it was handed",
                        )
                    })?;
                if current.json.is_none() {
                    // SAFETY: set by `with_event`, whose offer outlives the callback that this call comes from, and
                    // which takes it away (`Forget`) before it returns.
                    let offer = unsafe { current.offer.as_ref() };
                    current.json = Some(event_json::text(offer));
                }
                let json = current.json.as_deref().unwrap_or_default();
                // SAFETY: the caller's promise, as the header states it.
                unsafe { text::copy_out(json, buf, cap, needed) }
            })
            .unwrap_or_else(|_| {
                Err(Refused::new(
                    gca_status::GCA_ERR_STATE,
                    "this thread is ending",
                ))
            })
    })
}

/// Calls back with the offer in the shape of the C ABI.
pub(super) fn with_event<T>(offer: &Offer<'_>, call: impl FnOnce(*const gca_event) -> T) -> T {
    let event = offer.event;
    let id = hex(event.id.0);
    let mut flat = gca_event {
        size: size_of::<gca_event>() as u32,
        kind: kind(event.kind),
        feed_id: gca_str::of(offer.feed_id),
        sequence: offer.sequence,
        // The digits are ASCII.
        id: gca_str {
            ptr: id.as_ptr().cast(),
            len: id.len(),
        },
        id_exact: event.id_exact.into(),
        held: flag(event.held),
        muted: flag(event.muted),
        confined: flag(event.confined),
        secure_pause: flag(event.secure_pause),
        reserved: [0; 3],
        source: source(event.source),
        direction: gca_direction::GCA_DIRECTION_UNKNOWN,
        platform_time_us: event.platform_time.map_or(GCA_TIME_UNKNOWN, |time| time.0),
        received_time_us: event.received.0,
        data_source: gca_str::of(offer.data_source),
        conversation_id: gca_str::NONE,
        root_contact_id: gca_str::NONE,
        related_conversation_id: gca_str::NONE,
        participant_id: gca_str::NONE,
        communication_id: gca_str::NONE,
        peer_id: gca_str::NONE,
        old_connection_id: gca_str::NONE,
        new_connection_id: gca_str::NONE,
        user_id: gca_str::NONE,
        user_name: gca_str::NONE,
        user_email: gca_str::NONE,
        station_id: gca_str::NONE,
        station_name: gca_str::NONE,
        station_kind: gca_str::NONE,
        station_extension: gca_str::NONE,
        queue_id: gca_str::NONE,
        queue_name: gca_str::NONE,
        purpose: gca_str::NONE,
        ani: gca_str::NONE,
        dnis: gca_str::NONE,
        provider: gca_str::NONE,
        state: connection_state(event.state),
        previous_state: connection_state(event.previous),
        cause: cause(event.cause),
        reserved2: 0,
        raw: gca_str::of(&event.raw),
        reason: gca_str::of(&event.reason),
        lost_first: 0,
        lost_last: 0,
        lost_from_us: 0,
        lost_to_us: 0,
        state_report: std::ptr::null(),
        gap_id: 0,
        gap_from_us: 0,
        gap_to_us: 0,
    };
    if let Some(detail) = event.detail.as_deref() {
        put_detail(&mut flat, detail);
    }
    match &event.subject {
        Subject::Connection(connection) => put_connection(&mut flat, connection),
        Subject::Agent { user, station } => {
            put_user(&mut flat, user);
            if let Some(station) = station {
                put_station(&mut flat, station);
            }
        }
        Subject::Lost(lost) => {
            flat.lost_first = lost.first;
            flat.lost_last = lost.last;
            flat.lost_from_us = lost.from.0;
            flat.lost_to_us = lost.to.0;
        }
        Subject::Gap(gap) => {
            flat.gap_id = gap.id.0;
            flat.gap_from_us = gap.from.0;
            flat.gap_to_us = gap.to.map_or(GCA_TIME_UNKNOWN, |to| to.0);
        }
        Subject::Renewal(_) => {}
        Subject::Feed(report) => {
            return with_state(report, |state| {
                flat.state_report = state;
                with_current(offer, &flat, call)
            });
        }
    }
    with_current(offer, &flat, call)
}

fn with_current<T>(
    offer: &Offer<'_>,
    flat: &gca_event,
    call: impl FnOnce(*const gca_event) -> T,
) -> T {
    let _forget = Forget;
    let _ = CURRENT.try_with(|current| {
        *current.borrow_mut() = Some(Current {
            event: flat,
            // The lifetime is given up here and kept by `Forget`: the pointer is gone before the offer is.
            offer: NonNull::from(offer).cast(),
            json: None,
        });
    });
    call(flat)
}

/// Calls back with the report in the shape of the C ABI.
pub(super) fn with_state<T>(report: &StateReport, call: impl FnOnce(&gca_state) -> T) -> T {
    let users: Vec<gca_str> = texts(report.scope.users.iter().map(|user| user.as_str()));
    let topics: Vec<gca_str> = texts(report.scope.topics.iter().map(|topic| topic.as_str()));
    call(&gca_state {
        size: size_of::<gca_state>() as u32,
        life: life(report.life),
        feed: feed(report.feed),
        why: why(report.why),
        time_us: report.at.0,
        message: gca_str::of(&report.message),
        users: list(&users),
        user_count: users.len(),
        topics: list(&topics),
        topic_count: topics.len(),
    })
}

fn texts<'a>(list: impl Iterator<Item = &'a str>) -> Vec<gca_str> {
    list.map(gca_str::of).collect()
}

fn list(texts: &[gca_str]) -> *const gca_str {
    if texts.is_empty() {
        std::ptr::null()
    } else {
        texts.as_ptr()
    }
}

fn put_connection(flat: &mut gca_event, connection: &Connection) {
    flat.conversation_id = gca_str::of(connection.conversation.as_str());
    flat.root_contact_id = gca_str::of(connection.root_contact.as_str());
    if let Some(participant) = &connection.participant {
        flat.participant_id = gca_str::of(participant.as_str());
    }
    if let Some(communication) = &connection.communication {
        flat.communication_id = gca_str::of(communication.as_str());
    }
    if let Some(peer) = &connection.peer {
        flat.peer_id = gca_str::of(peer.as_str());
    }
    if let Some(user) = &connection.user {
        put_user(flat, user);
    }
    if let Some(station) = &connection.station {
        put_station(flat, station);
    }
    if let Some(queue) = &connection.queue {
        flat.queue_id = gca_str::of(queue.id.as_str());
        flat.queue_name = gca_str::of(&queue.name);
    }
    flat.direction = match connection.direction {
        Direction::Unknown => gca_direction::GCA_DIRECTION_UNKNOWN,
        Direction::Inbound => gca_direction::GCA_DIRECTION_INBOUND,
        Direction::Outbound => gca_direction::GCA_DIRECTION_OUTBOUND,
    };
    flat.purpose = gca_str::of(&connection.purpose);
    flat.ani = gca_str::of(&connection.ani);
    flat.dnis = gca_str::of(&connection.dnis);
    flat.provider = gca_str::of(&connection.provider);
}

/// What a flat struct can hold of it; the JSON has the rest.
fn put_detail(flat: &mut gca_event, detail: &Detail) {
    if let Detail::Related {
        conversation,
        old,
        new,
    } = detail
    {
        let id_of = |connection: &Option<ConnectionRef>| match connection {
            Some(connection) => gca_str::of(connection.id()),
            None => gca_str::NONE,
        };
        if let Some(conversation) = conversation {
            flat.related_conversation_id = gca_str::of(conversation.as_str());
        }
        flat.old_connection_id = id_of(old);
        flat.new_connection_id = id_of(new);
    }
}

fn put_user(flat: &mut gca_event, user: &User) {
    flat.user_id = gca_str::of(user.id.as_str());
    flat.user_name = gca_str::of(&user.name);
    flat.user_email = gca_str::of(&user.email);
}

fn put_station(flat: &mut gca_event, station: &Station) {
    flat.station_id = gca_str::of(station.id.as_str());
    flat.station_name = gca_str::of(&station.name);
    flat.station_kind = gca_str::of(&station.kind);
    flat.station_extension = gca_str::of(&station.extension);
}

/// 32 hexadecimal digits.
pub(super) fn hex(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 0xf)];
    }
    digits
}

const fn flag(flag: Flag) -> u8 {
    match flag {
        Flag::Unknown => GCA_FLAG_UNKNOWN,
        Flag::No => 0,
        Flag::Yes => 1,
    }
}

const fn kind(kind: EventKind) -> gca_event_kind {
    match kind {
        EventKind::Lost => gca_event_kind::GCA_EVENT_LOST,
        EventKind::FeedState => gca_event_kind::GCA_EVENT_FEED_STATE,
        EventKind::Delivered => gca_event_kind::GCA_EVENT_DELIVERED,
        EventKind::Originated => gca_event_kind::GCA_EVENT_ORIGINATED,
        EventKind::Established => gca_event_kind::GCA_EVENT_ESTABLISHED,
        EventKind::Held => gca_event_kind::GCA_EVENT_HELD,
        EventKind::Retrieved => gca_event_kind::GCA_EVENT_RETRIEVED,
        EventKind::Muted => gca_event_kind::GCA_EVENT_MUTED,
        EventKind::Unmuted => gca_event_kind::GCA_EVENT_UNMUTED,
        EventKind::ConnectionCleared => gca_event_kind::GCA_EVENT_CONNECTION_CLEARED,
        EventKind::CallCleared => gca_event_kind::GCA_EVENT_CALL_CLEARED,
        EventKind::CallCreated => gca_event_kind::GCA_EVENT_CALL_CREATED,
        EventKind::Offered => gca_event_kind::GCA_EVENT_OFFERED,
        EventKind::Queued => gca_event_kind::GCA_EVENT_QUEUED,
        EventKind::Dequeued => gca_event_kind::GCA_EVENT_DEQUEUED,
        EventKind::FlowEntered => gca_event_kind::GCA_EVENT_FLOW_ENTERED,
        EventKind::Diverted => gca_event_kind::GCA_EVENT_DIVERTED,
        EventKind::Failed => gca_event_kind::GCA_EVENT_FAILED,
        EventKind::Confined => gca_event_kind::GCA_EVENT_CONFINED,
        EventKind::Unconfined => gca_event_kind::GCA_EVENT_UNCONFINED,
        EventKind::Parked => gca_event_kind::GCA_EVENT_PARKED,
        EventKind::Unparked => gca_event_kind::GCA_EVENT_UNPARKED,
        EventKind::ConsultStarted => gca_event_kind::GCA_EVENT_CONSULT_STARTED,
        EventKind::ConsultCompleted => gca_event_kind::GCA_EVENT_CONSULT_COMPLETED,
        EventKind::ConsultCancelled => gca_event_kind::GCA_EVENT_CONSULT_CANCELLED,
        EventKind::Transferred => gca_event_kind::GCA_EVENT_TRANSFERRED,
        EventKind::Conferenced => gca_event_kind::GCA_EVENT_CONFERENCED,
        EventKind::PartyAdded => gca_event_kind::GCA_EVENT_PARTY_ADDED,
        EventKind::PartyLeft => gca_event_kind::GCA_EVENT_PARTY_LEFT,
        EventKind::RecordingPaused => gca_event_kind::GCA_EVENT_RECORDING_PAUSED,
        EventKind::RecordingResumed => gca_event_kind::GCA_EVENT_RECORDING_RESUMED,
        EventKind::AttributeChanged => gca_event_kind::GCA_EVENT_ATTRIBUTE_CHANGED,
        EventKind::AgentLoggedOn => gca_event_kind::GCA_EVENT_AGENT_LOGGED_ON,
        EventKind::AgentLoggedOff => gca_event_kind::GCA_EVENT_AGENT_LOGGED_OFF,
        EventKind::AgentReady => gca_event_kind::GCA_EVENT_AGENT_READY,
        EventKind::AgentNotReady => gca_event_kind::GCA_EVENT_AGENT_NOT_READY,
        EventKind::AgentBusy => gca_event_kind::GCA_EVENT_AGENT_BUSY,
        EventKind::PersistentConnectionUp => gca_event_kind::GCA_EVENT_PERSISTENT_CONNECTION_UP,
        EventKind::PersistentConnectionActive => {
            gca_event_kind::GCA_EVENT_PERSISTENT_CONNECTION_ACTIVE
        }
        EventKind::PersistentConnectionDown => gca_event_kind::GCA_EVENT_PERSISTENT_CONNECTION_DOWN,
        EventKind::AfterCallWorkStarted => gca_event_kind::GCA_EVENT_AFTER_CALL_WORK_STARTED,
        EventKind::AfterCallWorkEnded => gca_event_kind::GCA_EVENT_AFTER_CALL_WORK_ENDED,
        EventKind::WrapUp => gca_event_kind::GCA_EVENT_WRAP_UP,
        EventKind::VoicemailDeposited => gca_event_kind::GCA_EVENT_VOICEMAIL_DEPOSITED,
        EventKind::CallbackScheduled => gca_event_kind::GCA_EVENT_CALLBACK_SCHEDULED,
        EventKind::CallbackDelivered => gca_event_kind::GCA_EVENT_CALLBACK_DELIVERED,
        EventKind::CallbackEstablished => gca_event_kind::GCA_EVENT_CALLBACK_ESTABLISHED,
        EventKind::CallbackCleared => gca_event_kind::GCA_EVENT_CALLBACK_CLEARED,
        EventKind::MonitoringStarted => gca_event_kind::GCA_EVENT_MONITORING_STARTED,
        EventKind::CoachingStarted => gca_event_kind::GCA_EVENT_COACHING_STARTED,
        EventKind::BargedIn => gca_event_kind::GCA_EVENT_BARGED_IN,
        EventKind::CallTerminated => gca_event_kind::GCA_EVENT_CALL_TERMINATED,
        EventKind::GapOpened => gca_event_kind::GCA_EVENT_GAP_OPENED,
        EventKind::GapClosed => gca_event_kind::GCA_EVENT_GAP_CLOSED,
        EventKind::FeedRenewed => gca_event_kind::GCA_EVENT_FEED_RENEWED,
        EventKind::AgentPresence => gca_event_kind::GCA_EVENT_AGENT_PRESENCE,
        EventKind::AgentRoutingStatus => gca_event_kind::GCA_EVENT_AGENT_ROUTING_STATUS,
        EventKind::StationAssociated => gca_event_kind::GCA_EVENT_STATION_ASSOCIATED,
        EventKind::StationLeft => gca_event_kind::GCA_EVENT_STATION_LEFT,
    }
}

const fn source(source: Source) -> gca_source {
    match source {
        Source::Live => gca_source::GCA_SOURCE_LIVE,
        Source::Snapshot => gca_source::GCA_SOURCE_SNAPSHOT,
        Source::Recovered => gca_source::GCA_SOURCE_RECOVERED,
        Source::Synthetic => gca_source::GCA_SOURCE_SYNTHETIC,
    }
}

const fn connection_state(state: ConnectionState) -> gca_connection_state {
    match state {
        ConnectionState::Unknown => gca_connection_state::GCA_STATE_UNKNOWN,
        ConnectionState::Initiated => gca_connection_state::GCA_STATE_INITIATED,
        ConnectionState::Alerting => gca_connection_state::GCA_STATE_ALERTING,
        ConnectionState::Connected => gca_connection_state::GCA_STATE_CONNECTED,
        ConnectionState::Hold => gca_connection_state::GCA_STATE_HOLD,
        ConnectionState::Queued => gca_connection_state::GCA_STATE_QUEUED,
        ConnectionState::Null => gca_connection_state::GCA_STATE_NULL,
        ConnectionState::Parked => gca_connection_state::GCA_STATE_PARKED,
    }
}

const fn cause(cause: Cause) -> gca_cause {
    match cause {
        Cause::None => gca_cause::GCA_CAUSE_NONE,
        Cause::NormalClearing => gca_cause::GCA_CAUSE_NORMAL_CLEARING,
        Cause::SingleStepTransfer => gca_cause::GCA_CAUSE_SINGLE_STEP_TRANSFER,
        Cause::Transfer => gca_cause::GCA_CAUSE_TRANSFER,
        Cause::Conference => gca_cause::GCA_CAUSE_CONFERENCE,
        Cause::CallForward => gca_cause::GCA_CAUSE_CALL_FORWARD,
        Cause::CallForwardNoAnswer => gca_cause::GCA_CAUSE_CALL_FORWARD_NO_ANSWER,
        Cause::Overflow => gca_cause::GCA_CAUSE_OVERFLOW,
        Cause::DoNotDisturb => gca_cause::GCA_CAUSE_DO_NOT_DISTURB,
        Cause::NoAnswer => gca_cause::GCA_CAUSE_NO_ANSWER,
        Cause::NetworkSignalLost => gca_cause::GCA_CAUSE_NETWORK_SIGNAL_LOST,
        Cause::SystemCleared => gca_cause::GCA_CAUSE_SYSTEM_CLEARED,
        Cause::Blocked => gca_cause::GCA_CAUSE_BLOCKED,
        Cause::Unknown => gca_cause::GCA_CAUSE_UNKNOWN,
        Cause::MakePredictiveCall => gca_cause::GCA_CAUSE_MAKE_PREDICTIVE_CALL,
    }
}

const fn life(life: Life) -> gca_life {
    match life {
        Life::Created => gca_life::GCA_LIFE_CREATED,
        Life::Configured => gca_life::GCA_LIFE_CONFIGURED,
        Life::Starting => gca_life::GCA_LIFE_STARTING,
        Life::Running => gca_life::GCA_LIFE_RUNNING,
        Life::Stopping => gca_life::GCA_LIFE_STOPPING,
        Life::Failed => gca_life::GCA_LIFE_FAILED,
    }
}

const fn feed(feed: Feed) -> gca_feed {
    match feed {
        Feed::Down => gca_feed::GCA_FEED_DOWN,
        Feed::Recovering => gca_feed::GCA_FEED_RECOVERING,
        Feed::Degraded => gca_feed::GCA_FEED_DEGRADED,
        Feed::Up => gca_feed::GCA_FEED_UP,
    }
}

const fn why(why: Why) -> gca_why {
    match why {
        Why::None => gca_why::GCA_WHY_NONE,
        Why::Connecting => gca_why::GCA_WHY_CONNECTING,
        Why::CredentialsRefused => gca_why::GCA_WHY_CREDENTIALS_REFUSED,
        Why::PermissionMissing => gca_why::GCA_WHY_PERMISSION_MISSING,
        Why::Link => gca_why::GCA_WHY_LINK,
        Why::Limit => gca_why::GCA_WHY_LIMIT,
        Why::ChannelTaken => gca_why::GCA_WHY_CHANNEL_TAKEN,
        Why::Backlog => gca_why::GCA_WHY_BACKLOG,
        Why::Internal => gca_why::GCA_WHY_INTERNAL,
        Why::Stopped => gca_why::GCA_WHY_STOPPED,
        Why::Journal => gca_why::GCA_WHY_JOURNAL,
    }
}
