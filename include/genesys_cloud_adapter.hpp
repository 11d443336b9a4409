/**
 * @file genesys_cloud_adapter.hpp
 * @brief The C++ face of genesys_cloud_adapter.h: C++17, header-only, nothing but the standard library.
 *
 *     auto library = gca::Library::load("libgenesys_cloud_adapter.so");   // on Windows genesys_cloud_adapter.dll
 *     gca::Adapter adapter(library, std::make_shared<MySink>());          // MySink is a gca::Sink
 *     adapter.configure(settings_json);
 *     adapter.start();
 *     ...
 *     if (!adapter.stop(10s)) { } // a callback of yours still runs
 *
 * What it adds to the C interface, and nothing more:
 *
 * - Life. An Adapter can be moved, not copied, and is destroyed with its object. Your sink is owned by the library until
 *   `on_drop`, the moment after which no callback can come: it outlives the Adapter where a callback is still inside.
 * - Errors. What fails throws gca::Error, with the status, the call and the library's text. Three things are no errors:
 *   `stop` and `destroy` that ran out of time (they return false), and whatever happens in a destructor.
 * - Exceptions of yours. None leaves a callback (it would end the process). Thrown from on_event it counts as
 *   Answer::Later: the same event comes again. Thrown from on_state or on_log it is swallowed. All are counted
 *   (Adapter::exceptions) and told to Sink::on_exception.
 * - Types. Enums are scoped, text is std::string_view, what is unknown is std::nullopt. Events cannot be copied, because
 *   they are gone when the callback returns; copy the texts that you keep.
 *
 * Which call may be made from which thread in which state stands in genesys_cloud_adapter.h; it holds here too.
 */
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "genesys_cloud_adapter.h"

/// The adapter, for C++.
namespace gca {

// ---------------------------------------------------------------------------------------------------------------- words

/// What a call came to (gca_status).
enum class Status : std::int32_t {
    Ok = GCA_OK,
    Argument = GCA_ERR_ARGUMENT,
    Handle = GCA_ERR_HANDLE,
    State = GCA_ERR_STATE,
    Settings = GCA_ERR_SETTINGS,
    Timeout = GCA_ERR_TIMEOUT,
    Buffer = GCA_ERR_BUFFER,
    Panic = GCA_ERR_PANIC,
    System = GCA_ERR_SYSTEM,
    Fork = GCA_ERR_FORK,
    Disabled = GCA_ERR_DISABLED,
};

/// What an event tells (gca_event_kind; docs/EVENTS.md has each in full). A newer library may bring a kind that has no name
/// here: answer Taken.
enum class EventKind : std::uint32_t {
    Lost = GCA_EVENT_LOST,
    FeedState = GCA_EVENT_FEED_STATE,
    Delivered = GCA_EVENT_DELIVERED,
    Originated = GCA_EVENT_ORIGINATED,
    Established = GCA_EVENT_ESTABLISHED,
    Held = GCA_EVENT_HELD,
    Retrieved = GCA_EVENT_RETRIEVED,
    Muted = GCA_EVENT_MUTED,
    Unmuted = GCA_EVENT_UNMUTED,
    ConnectionCleared = GCA_EVENT_CONNECTION_CLEARED,
    CallCleared = GCA_EVENT_CALL_CLEARED,
    CallCreated = GCA_EVENT_CALL_CREATED,
    Offered = GCA_EVENT_OFFERED,
    Queued = GCA_EVENT_QUEUED,
    Dequeued = GCA_EVENT_DEQUEUED,
    FlowEntered = GCA_EVENT_FLOW_ENTERED,
    Diverted = GCA_EVENT_DIVERTED,
    Failed = GCA_EVENT_FAILED,
    Confined = GCA_EVENT_CONFINED,
    Unconfined = GCA_EVENT_UNCONFINED,
    Parked = GCA_EVENT_PARKED,
    Unparked = GCA_EVENT_UNPARKED,
    ConsultStarted = GCA_EVENT_CONSULT_STARTED,
    ConsultCompleted = GCA_EVENT_CONSULT_COMPLETED,
    ConsultCancelled = GCA_EVENT_CONSULT_CANCELLED,
    Transferred = GCA_EVENT_TRANSFERRED,
    Conferenced = GCA_EVENT_CONFERENCED,
    PartyAdded = GCA_EVENT_PARTY_ADDED,
    PartyLeft = GCA_EVENT_PARTY_LEFT,
    RecordingPaused = GCA_EVENT_RECORDING_PAUSED,
    RecordingResumed = GCA_EVENT_RECORDING_RESUMED,
    AttributeChanged = GCA_EVENT_ATTRIBUTE_CHANGED,
    AgentPresence = GCA_EVENT_AGENT_PRESENCE,
    AgentRoutingStatus = GCA_EVENT_AGENT_ROUTING_STATUS,
    StationAssociated = GCA_EVENT_STATION_ASSOCIATED,
    StationLeft = GCA_EVENT_STATION_LEFT,
    AgentLoggedOn = GCA_EVENT_AGENT_LOGGED_ON,
    AgentLoggedOff = GCA_EVENT_AGENT_LOGGED_OFF,
    AgentReady = GCA_EVENT_AGENT_READY,
    AgentNotReady = GCA_EVENT_AGENT_NOT_READY,
    AgentBusy = GCA_EVENT_AGENT_BUSY,
    PersistentConnectionUp = GCA_EVENT_PERSISTENT_CONNECTION_UP,
    PersistentConnectionActive = GCA_EVENT_PERSISTENT_CONNECTION_ACTIVE,
    PersistentConnectionDown = GCA_EVENT_PERSISTENT_CONNECTION_DOWN,
    AfterCallWorkStarted = GCA_EVENT_AFTER_CALL_WORK_STARTED,
    AfterCallWorkEnded = GCA_EVENT_AFTER_CALL_WORK_ENDED,
    WrapUp = GCA_EVENT_WRAP_UP,
    VoicemailDeposited = GCA_EVENT_VOICEMAIL_DEPOSITED,
    CallbackScheduled = GCA_EVENT_CALLBACK_SCHEDULED,
    CallbackDelivered = GCA_EVENT_CALLBACK_DELIVERED,
    CallbackEstablished = GCA_EVENT_CALLBACK_ESTABLISHED,
    CallbackCleared = GCA_EVENT_CALLBACK_CLEARED,
    MonitoringStarted = GCA_EVENT_MONITORING_STARTED,
    CoachingStarted = GCA_EVENT_COACHING_STARTED,
    BargedIn = GCA_EVENT_BARGED_IN,
    CallTerminated = GCA_EVENT_CALL_TERMINATED,
    GapOpened = GCA_EVENT_GAP_OPENED,
    GapClosed = GCA_EVENT_GAP_CLOSED,
    FeedRenewed = GCA_EVENT_FEED_RENEWED,
};

/// Where the knowledge of an event came from (gca_source).
enum class Source : std::uint32_t {
    Live = GCA_SOURCE_LIVE,
    Snapshot = GCA_SOURCE_SNAPSHOT,
    Recovered = GCA_SOURCE_RECOVERED,
    Synthetic = GCA_SOURCE_SYNTHETIC,
};

/// The state of a connection (gca_connection_state).
enum class ConnectionState : std::uint32_t {
    Unknown = GCA_STATE_UNKNOWN,
    Initiated = GCA_STATE_INITIATED,
    Alerting = GCA_STATE_ALERTING,
    Connected = GCA_STATE_CONNECTED,
    Hold = GCA_STATE_HOLD,
    Queued = GCA_STATE_QUEUED,
    Null = GCA_STATE_NULL,
    Parked = GCA_STATE_PARKED,
};

/// Why a connection ended or moved (gca_cause).
enum class Cause : std::uint32_t {
    None = GCA_CAUSE_NONE,
    NormalClearing = GCA_CAUSE_NORMAL_CLEARING,
    SingleStepTransfer = GCA_CAUSE_SINGLE_STEP_TRANSFER,
    Transfer = GCA_CAUSE_TRANSFER,
    Conference = GCA_CAUSE_CONFERENCE,
    CallForward = GCA_CAUSE_CALL_FORWARD,
    CallForwardNoAnswer = GCA_CAUSE_CALL_FORWARD_NO_ANSWER,
    Overflow = GCA_CAUSE_OVERFLOW,
    DoNotDisturb = GCA_CAUSE_DO_NOT_DISTURB,
    NoAnswer = GCA_CAUSE_NO_ANSWER,
    NetworkSignalLost = GCA_CAUSE_NETWORK_SIGNAL_LOST,
    SystemCleared = GCA_CAUSE_SYSTEM_CLEARED,
    Blocked = GCA_CAUSE_BLOCKED,
    Unknown = GCA_CAUSE_UNKNOWN,
    MakePredictiveCall = GCA_CAUSE_MAKE_PREDICTIVE_CALL,
};

/// Which way a connection went (gca_direction).
enum class Direction : std::uint32_t {
    Unknown = GCA_DIRECTION_UNKNOWN,
    Inbound = GCA_DIRECTION_INBOUND,
    Outbound = GCA_DIRECTION_OUTBOUND,
};

/// Where an adapter stands (gca_life).
enum class Life : std::uint32_t {
    Created = GCA_LIFE_CREATED,
    Configured = GCA_LIFE_CONFIGURED,
    Starting = GCA_LIFE_STARTING,
    Running = GCA_LIFE_RUNNING,
    Stopping = GCA_LIFE_STOPPING,
    Failed = GCA_LIFE_FAILED,
};

/// How much of the region the feed covers (gca_feed).
enum class Feed : std::uint32_t {
    Down = GCA_FEED_DOWN,
    Recovering = GCA_FEED_RECOVERING,
    Degraded = GCA_FEED_DEGRADED,
    Up = GCA_FEED_UP,
};

/// Why the feed is not up (gca_why).
enum class Why : std::uint32_t {
    None = GCA_WHY_NONE,
    Connecting = GCA_WHY_CONNECTING,
    CredentialsRefused = GCA_WHY_CREDENTIALS_REFUSED,
    PermissionMissing = GCA_WHY_PERMISSION_MISSING,
    Link = GCA_WHY_LINK,
    Limit = GCA_WHY_LIMIT,
    ChannelTaken = GCA_WHY_CHANNEL_TAKEN,
    Backlog = GCA_WHY_BACKLOG,
    Internal = GCA_WHY_INTERNAL,
    Stopped = GCA_WHY_STOPPED,
    Journal = GCA_WHY_JOURNAL,
};

/// How much a log line matters (gca_log_level).
enum class LogLevel : std::uint32_t {
    Error = GCA_LOG_ERROR,
    Warn = GCA_LOG_WARN,
    Info = GCA_LOG_INFO,
    Debug = GCA_LOG_DEBUG,
    Trace = GCA_LOG_TRACE,
};

/// Whose events Adapter::erase removes (gca_erase_what).
enum class Erase : std::uint32_t {
    Conversation = GCA_ERASE_CONVERSATION,
    User = GCA_ERASE_USER,
};

/// What on_event answers.
enum class Answer : std::uint32_t {
    Taken = GCA_TAKEN,  ///< Stored, or otherwise safe: not offered again.
    Later = GCA_LATER,  ///< Not now: the same event comes again, in order, after a pause.
};

/// @name Names of values
/// In lower case and without the C prefix. A value of a newer library that is not known here is "unknown".
///@{

/// The name of the value: "established".
inline std::string_view name(EventKind kind) noexcept {
    switch (kind) {
        case EventKind::Lost: return "lost";
        case EventKind::FeedState: return "feed_state";
        case EventKind::Delivered: return "delivered";
        case EventKind::Originated: return "originated";
        case EventKind::Established: return "established";
        case EventKind::Held: return "held";
        case EventKind::Retrieved: return "retrieved";
        case EventKind::Muted: return "muted";
        case EventKind::Unmuted: return "unmuted";
        case EventKind::ConnectionCleared: return "connection_cleared";
        case EventKind::CallCleared: return "call_cleared";
        case EventKind::CallCreated: return "call_created";
        case EventKind::Offered: return "offered";
        case EventKind::Queued: return "queued";
        case EventKind::Dequeued: return "dequeued";
        case EventKind::FlowEntered: return "flow_entered";
        case EventKind::Diverted: return "diverted";
        case EventKind::Failed: return "failed";
        case EventKind::Confined: return "confined";
        case EventKind::Unconfined: return "unconfined";
        case EventKind::Parked: return "parked";
        case EventKind::Unparked: return "unparked";
        case EventKind::ConsultStarted: return "consult_started";
        case EventKind::ConsultCompleted: return "consult_completed";
        case EventKind::ConsultCancelled: return "consult_cancelled";
        case EventKind::Transferred: return "transferred";
        case EventKind::Conferenced: return "conferenced";
        case EventKind::PartyAdded: return "party_added";
        case EventKind::PartyLeft: return "party_left";
        case EventKind::RecordingPaused: return "recording_paused";
        case EventKind::RecordingResumed: return "recording_resumed";
        case EventKind::AttributeChanged: return "attribute_changed";
        case EventKind::AgentPresence: return "agent_presence";
        case EventKind::AgentRoutingStatus: return "agent_routing_status";
        case EventKind::StationAssociated: return "station_associated";
        case EventKind::StationLeft: return "station_left";
        case EventKind::AgentLoggedOn: return "agent_logged_on";
        case EventKind::AgentLoggedOff: return "agent_logged_off";
        case EventKind::AgentReady: return "agent_ready";
        case EventKind::AgentNotReady: return "agent_not_ready";
        case EventKind::AgentBusy: return "agent_busy";
        case EventKind::PersistentConnectionUp: return "persistent_connection_up";
        case EventKind::PersistentConnectionActive: return "persistent_connection_active";
        case EventKind::PersistentConnectionDown: return "persistent_connection_down";
        case EventKind::AfterCallWorkStarted: return "after_call_work_started";
        case EventKind::AfterCallWorkEnded: return "after_call_work_ended";
        case EventKind::WrapUp: return "wrap_up";
        case EventKind::VoicemailDeposited: return "voicemail_deposited";
        case EventKind::CallbackScheduled: return "callback_scheduled";
        case EventKind::CallbackDelivered: return "callback_delivered";
        case EventKind::CallbackEstablished: return "callback_established";
        case EventKind::CallbackCleared: return "callback_cleared";
        case EventKind::MonitoringStarted: return "monitoring_started";
        case EventKind::CoachingStarted: return "coaching_started";
        case EventKind::BargedIn: return "barged_in";
        case EventKind::CallTerminated: return "call_terminated";
        case EventKind::GapOpened: return "gap_opened";
        case EventKind::GapClosed: return "gap_closed";
        case EventKind::FeedRenewed: return "feed_renewed";
    }
    return "unknown";
}

/// The name of the value: "live".
inline std::string_view name(Source source) noexcept {
    switch (source) {
        case Source::Live: return "live";
        case Source::Snapshot: return "snapshot";
        case Source::Recovered: return "recovered";
        case Source::Synthetic: return "synthetic";
    }
    return "unknown";
}

/// The name of the value: "connected".
inline std::string_view name(ConnectionState state) noexcept {
    switch (state) {
        case ConnectionState::Unknown: return "unknown";
        case ConnectionState::Initiated: return "initiated";
        case ConnectionState::Alerting: return "alerting";
        case ConnectionState::Connected: return "connected";
        case ConnectionState::Hold: return "hold";
        case ConnectionState::Queued: return "queued";
        case ConnectionState::Null: return "null";
        case ConnectionState::Parked: return "parked";
    }
    return "unknown";
}

/// The name of the value: "transfer".
inline std::string_view name(Cause cause) noexcept {
    switch (cause) {
        case Cause::None: return "none";
        case Cause::NormalClearing: return "normal_clearing";
        case Cause::SingleStepTransfer: return "single_step_transfer";
        case Cause::Transfer: return "transfer";
        case Cause::Conference: return "conference";
        case Cause::CallForward: return "call_forward";
        case Cause::CallForwardNoAnswer: return "call_forward_no_answer";
        case Cause::Overflow: return "overflow";
        case Cause::DoNotDisturb: return "do_not_disturb";
        case Cause::NoAnswer: return "no_answer";
        case Cause::NetworkSignalLost: return "network_signal_lost";
        case Cause::SystemCleared: return "system_cleared";
        case Cause::Blocked: return "blocked";
        case Cause::Unknown: return "unknown";
        case Cause::MakePredictiveCall: return "make_predictive_call";
    }
    return "unknown";
}

/// The name of the value: "inbound".
inline std::string_view name(Direction direction) noexcept {
    switch (direction) {
        case Direction::Unknown: return "unknown";
        case Direction::Inbound: return "inbound";
        case Direction::Outbound: return "outbound";
    }
    return "unknown";
}

/// The name of the value: "running".
inline std::string_view name(Life life) noexcept {
    switch (life) {
        case Life::Created: return "created";
        case Life::Configured: return "configured";
        case Life::Starting: return "starting";
        case Life::Running: return "running";
        case Life::Stopping: return "stopping";
        case Life::Failed: return "failed";
    }
    return "unknown";
}

/// The name of the value: "up".
inline std::string_view name(Feed feed) noexcept {
    switch (feed) {
        case Feed::Down: return "down";
        case Feed::Recovering: return "recovering";
        case Feed::Degraded: return "degraded";
        case Feed::Up: return "up";
    }
    return "unknown";
}

/// The name of the value: "link".
inline std::string_view name(Why why) noexcept {
    switch (why) {
        case Why::None: return "none";
        case Why::Connecting: return "connecting";
        case Why::CredentialsRefused: return "credentials_refused";
        case Why::PermissionMissing: return "permission_missing";
        case Why::Link: return "link";
        case Why::Limit: return "limit";
        case Why::ChannelTaken: return "channel_taken";
        case Why::Backlog: return "backlog";
        case Why::Internal: return "internal";
        case Why::Stopped: return "stopped";
        case Why::Journal: return "journal";
    }
    return "unknown";
}

/// The name of the value: "warn".
inline std::string_view name(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::Error: return "error";
        case LogLevel::Warn: return "warn";
        case LogLevel::Info: return "info";
        case LogLevel::Debug: return "debug";
        case LogLevel::Trace: return "trace";
    }
    return "unknown";
}
///@}

/// Microseconds since 1970 UTC.
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// The library could not be loaded, or is none that this header can use.
class LoadError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A call that failed. `what()` names the call and the status and holds the library's own text; for Status::Settings
/// that text lists every problem of the document.
class Error : public std::runtime_error {
public:
    /// For what this header throws itself.
    Error(Status status, const std::string& text) : std::runtime_error(text), status_(status) {}
    /// What the call came to; never Status::Ok.
    Status status() const noexcept { return status_; }

private:
    Status status_;
};

/// @cond
namespace detail {

inline std::string_view view(const gca_str& text) noexcept {
    return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}

inline Time time(std::int64_t micros) noexcept { return Time(std::chrono::microseconds(micros)); }

// Fills `out` through a function of the C interface that copies text into a buffer of the caller. The text may grow
// between two calls (a status does), hence the loop and the room to spare. Returns Ok, or the status that came last.
template <class Call>
Status fill(std::string& out, Call call) {
    if (out.capacity() < 256) out.reserve(256);
    out.resize(out.capacity());
    Status status = Status::Buffer;
    std::size_t needed = 0;
    for (int tries = 0; tries < 8 && status == Status::Buffer; ++tries) {
        if (needed > out.size()) out.resize(needed + needed / 4);
        status = static_cast<Status>(call(&out[0], out.size(), &needed));
    }
    out.resize(status == Status::Ok ? needed : 0);
    return status;
}

// A path for a message; from C++20 on its UTF-8 form is of another type than std::string.
inline std::string shown(const std::filesystem::path& path) {
    const auto text = path.u8string();
    return std::string(text.begin(), text.end());
}

struct Callbacks;

}  // namespace detail
/// @endcond

// ------------------------------------------------------------------------------------------- what a callback is handed

/// A list of texts in the library's memory, valid during the callback.
class Texts {
public:
    /// @cond
    class iterator {
    public:
        explicit iterator(const gca_str* at) noexcept : at_(at) {}
        std::string_view operator*() const noexcept { return detail::view(*at_); }
        iterator& operator++() noexcept { ++at_; return *this; }
        bool operator!=(const iterator& other) const noexcept { return at_ != other.at_; }
        bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }

    private:
        const gca_str* at_;
    };
    /// @endcond
    /// Of a field of gca_state.
    Texts(const gca_str* first, std::size_t count) noexcept : first_(first), count_(first == nullptr ? 0 : count) {}
    iterator begin() const noexcept { return iterator(first_); }           ///< Of std::string_view.
    iterator end() const noexcept { return iterator(first_ + count_); }    ///< Behind the last one.
    std::size_t size() const noexcept { return count_; }                   ///< How many there are.
    bool empty() const noexcept { return count_ == 0; }                    ///< Whether there is none.

private:
    const gca_str* first_;
    std::size_t count_;
};

/// @cond
// A field that the running library does not have yet reads as absent. `FIELD` is the name in the C struct.
#define GCA_HPP_HAS(type, field) (offsetof(type, field) + sizeof(type::field) <= raw_->size)
#define GCA_HPP_TEXT(type, field)                                                              \
    std::string_view field() const noexcept {                                                  \
        return GCA_HPP_HAS(type, field) ? detail::view(raw_->field) : std::string_view();      \
    }
#define GCA_HPP_READ(type, field, absent) \
    (GCA_HPP_HAS(gca_event, field) ? static_cast<type>(raw_->field) : static_cast<type>(absent))
#define GCA_HPP_FLAG(field)                                                                            \
    std::optional<bool> field() const noexcept {                                                       \
        if (!GCA_HPP_HAS(gca_event, field) || raw_->field > 1) return std::nullopt;                    \
        return raw_->field == 1;                                                                       \
    }
/// @endcond

/// The state of an adapter and its feed, valid during the callback. Fields as in gca_state.
class State {
public:
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Life life() const noexcept { return static_cast<Life>(raw_->life); }    ///< Where the adapter stands.
    Feed feed() const noexcept { return static_cast<Feed>(raw_->feed); }    ///< How much the feed covers.
    Why why() const noexcept { return static_cast<Why>(raw_->why); }        ///< Why it is not more.
    Time time() const noexcept { return detail::time(raw_->time_us); }      ///< When.
    /// For people: what happened, and what to check.
    GCA_HPP_TEXT(gca_state, message)
    /// Ids of the users that are not followed.
    Texts users() const noexcept { return Texts(raw_->users, raw_->user_count); }
    /// Topics that are not followed.
    Texts topics() const noexcept { return Texts(raw_->topics, raw_->topic_count); }
    /// The struct of the C interface.
    const gca_state& raw() const noexcept { return *raw_; }

private:
    friend class Event;
    friend struct detail::Callbacks;
    explicit State(const gca_state* raw) noexcept : raw_(raw) {}
    const gca_state* raw_;
};

/// One line of the adapter's log, valid during the callback. Fields as in gca_log.
class LogLine {
public:
    LogLine(const LogLine&) = delete;
    LogLine& operator=(const LogLine&) = delete;

    LogLevel level() const noexcept { return static_cast<LogLevel>(raw_->level); }    ///< How much it matters.
    Time time() const noexcept { return detail::time(raw_->time_us); }                ///< When.
    /// The part of the adapter that speaks.
    GCA_HPP_TEXT(gca_log, target)
    /// What it says.
    GCA_HPP_TEXT(gca_log, message)
    /// Lines that were dropped before this one.
    std::uint64_t dropped() const noexcept { return raw_->dropped; }
    /// The struct of the C interface.
    const gca_log& raw() const noexcept { return *raw_; }

private:
    friend struct detail::Callbacks;
    explicit LogLine(const gca_log* raw) noexcept : raw_(raw) {}
    const gca_log* raw_;
};

/// One event of the feed, valid during the callback: it cannot be copied; copy the texts that you keep. Fields as in
/// gca_event, under the same names. Which kind fills which stands in docs/EVENTS.md; what a kind does not fill is empty.
class Event {
public:
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// What happened.
    EventKind kind() const noexcept { return static_cast<EventKind>(raw_->kind); }
    /// @name The feed
    ///@{

    /// Changes whenever the sequence starts again at 1.
    GCA_HPP_TEXT(gca_event, feed_id)
    /// Number of this event in its feed.
    std::uint64_t sequence() const noexcept { return raw_->sequence; }
    /// 32 hexadecimal digits: equal for the same fact.
    GCA_HPP_TEXT(gca_event, id)
    /// Whether the id is the same under any interleaving, duplication, source and node.
    bool id_exact() const noexcept { return raw_->id_exact == 1; }
    /// Where the knowledge came from.
    Source source() const noexcept { return static_cast<Source>(raw_->source); }
    /// When it happened by the platform's clock.
    std::optional<Time> platform_time() const noexcept {
        if (raw_->platform_time_us == GCA_TIME_UNKNOWN) return std::nullopt;
        return detail::time(raw_->platform_time_us);
    }
    /// When its notification arrived here.
    Time received_time() const noexcept { return detail::time(raw_->received_time_us); }
    /// `DataSource` of the settings.
    GCA_HPP_TEXT(gca_event, data_source)
    ///@}

    /// @name What it is about
    ///@{

    /// The conversation.
    GCA_HPP_TEXT(gca_event, conversation_id)
    /// The conversation that the customer contact began with.
    GCA_HPP_TEXT(gca_event, root_contact_id)
    /// Of a consult: the other conversation, if it is in one of its own.
    GCA_HPP_TEXT(gca_event, related_conversation_id)
    /// The party.
    GCA_HPP_TEXT(gca_event, participant_id)
    /// The party's call leg, the id that recordings and media carry.
    GCA_HPP_TEXT(gca_event, communication_id)
    /// The leg at the other side.
    GCA_HPP_TEXT(gca_event, peer_id)
    /// Of a consult, transfer or observation: the communication id of the connection that asks, ends or is observed; the
    /// participant's where no form told the call leg's.
    GCA_HPP_TEXT(gca_event, old_connection_id)
    /// The same of the one that is asked or takes its place.
    GCA_HPP_TEXT(gca_event, new_connection_id)
    ///@}

    /// @name Who
    ///@{

    /// The user who is the party, or whose state changed.
    GCA_HPP_TEXT(gca_event, user_id)
    /// The user's display name.
    GCA_HPP_TEXT(gca_event, user_name)
    /// The user's e-mail address.
    GCA_HPP_TEXT(gca_event, user_email)
    /// The user's station.
    GCA_HPP_TEXT(gca_event, station_id)
    /// Its name.
    GCA_HPP_TEXT(gca_event, station_name)
    /// The platform's word for its kind.
    GCA_HPP_TEXT(gca_event, station_kind)
    /// Its extension or line.
    GCA_HPP_TEXT(gca_event, station_extension)
    /// The queue that the connection came through.
    GCA_HPP_TEXT(gca_event, queue_id)
    /// Its name.
    GCA_HPP_TEXT(gca_event, queue_name)
    /// The party's role: `customer`, `agent`, `user`, `acd`, `ivr`, ...
    GCA_HPP_TEXT(gca_event, purpose)
    /// Calling address.
    GCA_HPP_TEXT(gca_event, ani)
    /// Called address.
    GCA_HPP_TEXT(gca_event, dnis)
    /// The platform's telephony provider.
    GCA_HPP_TEXT(gca_event, provider)
    /// Which way the connection went.
    Direction direction() const noexcept { return static_cast<Direction>(raw_->direction); }
    ///@}

    /// @name How the connection stands
    ///@{

    /// On hold after this event.
    GCA_HPP_FLAG(held)
    /// Muted after this event.
    GCA_HPP_FLAG(muted)
    /// Isolated from the other parties after this event.
    GCA_HPP_FLAG(confined)
    /// In a secure pause after this event.
    GCA_HPP_FLAG(secure_pause)
    /// State of the connection after the event.
    ConnectionState state() const noexcept { return GCA_HPP_READ(ConnectionState, state, GCA_STATE_UNKNOWN); }
    /// State of the connection before it.
    ConnectionState previous_state() const noexcept {
        return GCA_HPP_READ(ConnectionState, previous_state, GCA_STATE_UNKNOWN);
    }
    /// Why it ended or moved.
    Cause cause() const noexcept { return GCA_HPP_READ(Cause, cause, GCA_CAUSE_NONE); }
    /// The platform's own word behind the cause or the new state (`raw` in gca_event).
    std::string_view raw_word() const noexcept {
        return GCA_HPP_HAS(gca_event, raw) ? detail::view(raw_->raw) : std::string_view();
    }
    /// More about why; for a synthetic event, from what it was concluded.
    GCA_HPP_TEXT(gca_event, reason)
    ///@}

    /// @name Of EventKind::Lost
    ///@{

    /// The first sequence number that is missing.
    std::uint64_t lost_first() const noexcept { return GCA_HPP_READ(std::uint64_t, lost_first, 0); }
    /// The last one.
    std::uint64_t lost_last() const noexcept { return GCA_HPP_READ(std::uint64_t, lost_last, 0); }
    /// Received time of the first.
    Time lost_from() const noexcept { return detail::time(GCA_HPP_READ(std::int64_t, lost_from_us, 0)); }
    /// Received time of the last.
    Time lost_to() const noexcept { return detail::time(GCA_HPP_READ(std::int64_t, lost_to_us, 0)); }
    ///@}

    /// @name Of EventKind::GapOpened and EventKind::GapClosed
    ///@{

    /// The number of the gap.
    std::uint64_t gap_id() const noexcept { return GCA_HPP_READ(std::uint64_t, gap_id, 0); }
    /// What happened from then on may be missing.
    Time gap_from() const noexcept { return detail::time(GCA_HPP_READ(std::int64_t, gap_from_us, 0)); }
    /// What happened from then on was heard; nothing while the gap lasts.
    std::optional<Time> gap_to() const noexcept {
        const std::int64_t to = GCA_HPP_READ(std::int64_t, gap_to_us, GCA_TIME_UNKNOWN);
        if (to == GCA_TIME_UNKNOWN) return std::nullopt;
        return detail::time(to);
    }
    ///@}

    /// Of EventKind::FeedState: calls `use(const State&)`. Of other kinds: does nothing.
    template <class Use>
    void state_report(Use&& use) const {
        if (GCA_HPP_HAS(gca_event, state_report) && raw_->state_report != nullptr) use(State(raw_->state_report));
    }

    /// Everything that is known of the event as one JSON object: the fields, and what does not fit into them (attributes,
    /// skills, wrap-up, callback, campaign, facts of the party). docs/EVENTS.md lists its paths. Made when asked for: it
    /// costs more than the rest of a callback. Throws Error.
    std::string json() const {
        std::string out;
        json(out);
        return out;
    }
    /// The same into a string that you keep, to save the allocation.
    void json(std::string& out) const {
        const Status status = detail::fill(out, [this](char* buf, std::size_t cap, std::size_t* needed) {
            return api_->event_json(raw_, buf, cap, needed);
        });
        if (status != Status::Ok) throw Error(status, "gca_event_json failed");
    }

    /// The struct of the C interface.
    const gca_event& raw() const noexcept { return *raw_; }

private:
    friend struct detail::Callbacks;
    Event(const gca_event* raw, const gca_api* api) noexcept : raw_(raw), api_(api) {}
    const gca_event* raw_;
    const gca_api* api_;
};

#undef GCA_HPP_HAS
#undef GCA_HPP_TEXT
#undef GCA_HPP_READ
#undef GCA_HPP_FLAG

// ------------------------------------------------------------------------------------------------------ what you write

/// The callback in which an exception was caught.
enum class Callback { OnEvent, OnState, OnLog };

/// What you write: the receiver of the feed. From inside any of these functions, of any adapter, `start`, `stop`,
/// `restart`, `configure`, `check_connection`, `erase` and `destroy` throw Error with Status::State: some would wait for the
/// function that waits for them.
class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    /// Runs when the library has let go of the sink (after the last callback) and you hold it no more.
    virtual ~Sink() = default;

    /// An event. One thread, in order, never two at once. While it blocks, events wait; the connection does not.
    [[nodiscard]] virtual Answer on_event(const Event& event) = 0;
    /// The state changed; on the thread of on_event, also while an event is being answered Later.
    virtual void on_state(const State&) {}
    /// A log line; on a thread of its own.
    virtual void on_log(const LogLine&) {}
    /// One of the functions above threw. On its thread. What this one throws is swallowed.
    virtual void on_exception(Callback, std::exception_ptr) {}
};

/// A Sink out of functions. The first is required; an empty one is refused with Status::Argument.
class FunctionSink final : public Sink {
public:
    /// What is called for events, for states and for log lines.
    explicit FunctionSink(std::function<Answer(const Event&)> event, std::function<void(const State&)> state = nullptr,
                          std::function<void(const LogLine&)> log = nullptr)
        : event_(std::move(event)), state_(std::move(state)), log_(std::move(log)) {
        if (!event_) throw Error(Status::Argument, "a FunctionSink needs a function for events");
    }
    Answer on_event(const Event& event) override { return event_(event); }
    void on_state(const State& state) override {
        if (state_) state_(state);
    }
    void on_log(const LogLine& line) override {
        if (log_) log_(line);
    }

private:
    std::function<Answer(const Event&)> event_;
    std::function<void(const State&)> state_;
    std::function<void(const LogLine&)> log_;
};

/// @cond
namespace detail {

// Exceptions that were caught: shared by the Adapter, which tells of them, and the callbacks, which outlive it.
struct Caught {
    std::atomic<std::uint64_t> count{0};
    std::mutex mutex;
    std::exception_ptr last;
};

// What `user` of gca_host points to: made with the adapter, freed in on_drop.
struct Callbacks {
    std::shared_ptr<Sink> sink;
    std::shared_ptr<Caught> caught;
    const gca_api* api;

    void note(Callback where) noexcept {
        caught->count.fetch_add(1, std::memory_order_relaxed);
        try {
            const std::exception_ptr exception = std::current_exception();
            {
                const std::lock_guard<std::mutex> lock(caught->mutex);
                caught->last = exception;
            }
            sink->on_exception(where, exception);
        } catch (...) {
            // The hook for exceptions threw as well: the first one is noted, and there is nobody left to tell.
        }
    }

    static std::uint32_t GCA_CALL on_event(void* user, const gca_event* raw) noexcept {
        auto& self = *static_cast<Callbacks*>(user);
        try {
            const Event event(raw, self.api);
            return static_cast<std::uint32_t>(self.sink->on_event(event));
        } catch (...) {
            self.note(Callback::OnEvent);
            return GCA_LATER;
        }
    }
    static void GCA_CALL on_state(void* user, const gca_state* raw) noexcept {
        auto& self = *static_cast<Callbacks*>(user);
        try {
            const State state(raw);
            self.sink->on_state(state);
        } catch (...) {
            self.note(Callback::OnState);
        }
    }
    static void GCA_CALL on_log(void* user, const gca_log* raw) noexcept {
        auto& self = *static_cast<Callbacks*>(user);
        try {
            const LogLine line(raw);
            self.sink->on_log(line);
        } catch (...) {
            self.note(Callback::OnLog);
        }
    }
    static void GCA_CALL on_drop(void* user) noexcept { delete static_cast<Callbacks*>(user); }
};

}  // namespace detail
/// @endcond

// --------------------------------------------------------------------------------------------------------- the library

/// The loaded library. It is never unloaded: threads that once called into it may run clean-up code of it when they
/// end. Cheap to copy; must be usable for as long as an Adapter is, which it is, because it is never unloaded.
class Library {
public:
    /// Loads the library at run time. A path with a directory is taken as it is; a bare name is searched for by the
    /// system. Throws LoadError.
    static Library load(const std::filesystem::path& file) {
#ifdef _WIN32
        const HMODULE module = ::LoadLibraryW(file.c_str());
        if (module == nullptr) {
            throw LoadError("cannot load " + detail::shown(file) + ": Windows error " + std::to_string(::GetLastError()));
        }
        const auto symbol = reinterpret_cast<void (*)()>(::GetProcAddress(module, "gca_get_api"));
#else
        void* const module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (module == nullptr) {
            const char* const why = ::dlerror();
            throw LoadError("cannot load " + detail::shown(file) + ": " + (why != nullptr ? why : "no reason given"));
        }
        void* const symbol = ::dlsym(module, "gca_get_api");
#endif
        if (symbol == nullptr) {
            throw LoadError(detail::shown(file) + " is no Genesys Cloud adapter: it lacks gca_get_api");
        }
        return Library(reinterpret_cast<const gca_api*(GCA_CALL*)(std::uint32_t)>(symbol)(GCA_ABI_VERSION));
    }

    /// Takes a table that you got yourself, for example from `gca_get_api(GCA_ABI_VERSION)` of a library that your
    /// program links with. It must stay valid for ever. Throws LoadError.
    explicit Library(const gca_api* api) : api_(api) {
        if (api == nullptr) {
            const std::string version = std::to_string(GCA_ABI_VERSION);
            throw LoadError("the library does not speak version " + version + " of the interface");
        }
        if (api->size < sizeof(gca_api)) {
            throw LoadError("the library is older than genesys_cloud_adapter.hpp; update it");
        }
    }

    /// The version of the interface.
    std::uint32_t abi_version() const noexcept { return api_->abi_version(); }
    /// The version of the library.
    std::string_view version() const noexcept { return api_->version(); }
    /// The JSON Schema of the settings.
    std::string settings_schema() const {
        std::string out;
        const Status status = detail::fill(out, [this](char* buf, std::size_t cap, std::size_t* needed) {
            return api_->settings_schema(buf, cap, needed);
        });
        if (status != Status::Ok) throw Error(status, "gca_settings_schema: " + last_error(0));
        return out;
    }
    /// The functions of the C interface.
    const gca_api& api() const noexcept { return *api_; }

private:
    friend class Adapter;
    std::string last_error(gca_handle handle) const {
        std::string out;
        detail::fill(out, [&](char* buf, std::size_t cap, std::size_t* needed) {
            return api_->last_error(handle, buf, cap, needed);
        });
        return out;
    }
    const gca_api* api_;
};

// --------------------------------------------------------------------------------------------------------- the adapter

/// One adapter. Calls of one Adapter may come from different threads; moving and destroying it may not run beside them.
class Adapter {
public:
    /// Makes an adapter that hands its feed to `sink`. Starts no thread. Throws Error.
    Adapter(const Library& library, std::shared_ptr<Sink> sink)
        : library_(library), caught_(std::make_shared<detail::Caught>()) {
        if (!sink) throw Error(Status::Argument, "an Adapter needs a Sink");
        auto callbacks = std::make_unique<detail::Callbacks>();
        callbacks->sink = std::move(sink);
        callbacks->caught = caught_;
        callbacks->api = &library_.api();
        gca_host host = {};
        host.size = sizeof host;
        host.user = callbacks.get();
        host.on_event = &detail::Callbacks::on_event;
        host.on_state = &detail::Callbacks::on_state;
        host.on_log = &detail::Callbacks::on_log;
        host.on_drop = &detail::Callbacks::on_drop;
        check("gca_create", library_.api().create(&host, &handle_));
        static_cast<void>(callbacks.release());  // on_drop frees it from here on
    }

    Adapter(const Adapter&) = delete;
    Adapter& operator=(const Adapter&) = delete;
    /// Takes the adapter over; the other one is empty then.
    Adapter(Adapter&& other) noexcept
        : library_(other.library_), handle_(std::exchange(other.handle_, 0)), caught_(other.caught_) {}
    /// Destroys its own adapter, and takes the other one's over.
    Adapter& operator=(Adapter&& other) noexcept {
        if (this != &other) {
            drop();
            library_ = other.library_;
            handle_ = std::exchange(other.handle_, 0);
            caught_ = other.caught_;
        }
        return *this;
    }
    /// Stops and destroys; waits 5 s at the most for a callback that is still inside your sink. Inside a callback an
    /// adapter cannot be destroyed: there it runs on until the process ends (call `destroy` to hear of it).
    ~Adapter() { drop(); }

    /// Hands over the settings, one JSON object; also while it runs, without a gap. Throws Error; with Status::Settings its
    /// text lists all problems, and nothing is changed.
    void configure(std::string_view json) {
        check("gca_configure", library_.api().configure(handle_, json.data(), json.size()));
    }
    /// Starts. Returns at once; Sink::on_state tells how it goes. Throws Error.
    void start() { check("gca_start", library_.api().start(handle_)); }

    /// Stops. True: no callback runs or will come until the next start. False: a callback is still inside your sink;
    /// call it again, or destroy. Throws Error.
    [[nodiscard]] bool stop(std::chrono::milliseconds timeout) {
        constexpr std::chrono::milliseconds longest(UINT32_MAX);
        const auto bounded = timeout.count() < 0 ? std::chrono::milliseconds(0) : timeout > longest ? longest : timeout;
        const auto status = library_.api().stop(handle_, static_cast<std::uint32_t>(bounded.count()));
        if (static_cast<Status>(status) == Status::Timeout) return false;
        check("gca_stop", status);
        return true;
    }

    /// Renews token, connections and roster without a gap; returns at once. Asked for again before that is done, it is one
    /// restart. Throws Error (Status::State if it does not run).
    void restart() { check("gca_restart", library_.api().restart(handle_)); }

    /// Destroys now, as the destructor does. True: the library has let go of your sink. False: it will, when the
    /// callback that is still inside returns. Throws Error (Status::State inside a callback: the adapter lives on).
    bool destroy() {
        const auto status = library_.api().destroy(handle_);
        if (static_cast<Status>(status) != Status::Timeout) check("gca_destroy", status);
        handle_ = 0;
        return static_cast<Status>(status) == Status::Ok;
    }

    /// Life, feed, counters as one JSON object. Throws Error.
    std::string status_json() const {
        std::string out;
        const Status status = detail::fill(out, [this](char* buf, std::size_t cap, std::size_t* needed) {
            return library_.api().status_json(handle_, buf, cap, needed);
        });
        if (status != Status::Ok) fail("gca_status_json", status);
        return out;
    }
    /// "Test connection": the report of docs/CHECK.md, within `limit`; what it found wrong is in it. Throws Error.
    std::string check_connection(std::chrono::milliseconds limit) const {
        constexpr std::chrono::milliseconds least(1), most(UINT32_MAX);  // 0 asks for the last report
        auto timeout = static_cast<std::uint32_t>((limit < least ? least : limit > most ? most : limit).count());
        std::string out;
        const Status status = detail::fill(out, [this, &timeout](char* buf, std::size_t cap, std::size_t* needed) {
            // A buffer that was too small is no reason for another check.
            return library_.api().check(handle_, std::exchange(timeout, 0), buf, cap, needed);
        });
        if (status != Status::Ok) fail("gca_check", status);
        return out;
    }
    /// Counters and gauges in the text format of Prometheus, docs/METRICS.md. Throws Error.
    std::string metrics() const {
        std::string out;
        const Status status = detail::fill(out, [this](char* buf, std::size_t cap, std::size_t* needed) {
            return library_.api().metrics(handle_, buf, cap, needed);
        });
        if (status != Status::Ok) fail("gca_metrics", status);
        return out;
    }
    /// Removes from the journal all events of one conversation or user; waits for the disk, 10 s at the most. Also while
    /// the adapter is stopped. Throws Error (Status::Timeout: call it again).
    void erase(Erase what, std::string_view id) {
        check("gca_erase", library_.api().erase(handle_, static_cast<std::uint32_t>(what), id.data(), id.size()));
    }
    /// Which log lines come; can be changed at any time. Throws Error.
    void set_log_level(LogLevel level) {
        check("gca_set_log_level", library_.api().set_log_level(handle_, static_cast<std::uint32_t>(level)));
    }

    /// How many exceptions were caught in the sink's functions.
    std::uint64_t exceptions() const noexcept { return caught_->count.load(std::memory_order_relaxed); }
    /// The last of them; null if there was none.
    std::exception_ptr last_exception() const {
        const std::lock_guard<std::mutex> lock(caught_->mutex);
        return caught_->last;
    }

    /// The handle of the C interface; 0 once it was moved from or destroyed.
    gca_handle handle() const noexcept { return handle_; }

private:
    void drop() noexcept {
        if (handle_ != 0) static_cast<void>(library_.api().destroy(handle_));
        handle_ = 0;
    }
    void check(const char* call, gca_status status) const {
        if (static_cast<Status>(status) != Status::Ok) fail(call, static_cast<Status>(status));
    }
    [[noreturn]] void fail(const char* call, Status status) const {
        std::string text = std::string(call) + ": " + library_.api().status_name(static_cast<std::int32_t>(status));
        std::string more = library_.last_error(handle_);
        if (more.rfind(std::string(call) + ": ", 0) == 0) more.erase(0, std::string_view(call).size() + 2);
        if (!more.empty()) text += (more.find('\n') == std::string::npos ? ": " : ":\n") + more;  // several lines: a list
        throw Error(status, text);
    }

    Library library_;
    gca_handle handle_ = 0;
    std::shared_ptr<detail::Caught> caught_;
};

}  // namespace gca
