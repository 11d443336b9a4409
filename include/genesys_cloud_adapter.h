/**
 * @file genesys_cloud_adapter.h
 * @brief The telephony of a Genesys Cloud CX region, as one ordered feed of events.
 *
 * Generated from the library's sources; version 0.1.0. Works as C99, C11 and C++17, with GCC, Clang and MSVC.
 *
 * A host loads the library, looks up gca_get_api, and lives through these steps:
 *
 *     gca_create      tell where events, states and log lines are to go; get a handle
 *     gca_configure   hand over the settings, one JSON object
 *     gca_start       callbacks come from now on
 *     gca_stop        after GCA_OK none runs and none will come; start again, or
 *     gca_destroy     on_drop comes, and the handle is dead
 *
 * CONVENTIONS
 *
 * Status. A function that can fail returns a gca_status; 0 is success. Numbers are fixed and only ever appended. What
 * was wrong is told by gca_last_error on the same thread. What a function writes for you it writes only on success;
 * the one exception is `needed`, see the next paragraph. docs/ERRORS.md says what to do about each.
 *
 * Text and memory. Text is UTF-8 with a length, without a NUL at its end, unless said otherwise. Text for you goes into
 * your buffer: pass `buf` and its size `cap`, get the length in `needed`. A buffer that is too small is left untouched
 * (GCA_ERR_BUFFER). Nothing that one side allocated is ever freed by the other. What a callback is handed is the
 * library's, and valid until the callback returns: copy what you keep.
 *
 * Sizes. A struct that crosses the interface begins with its size. Fields are only ever appended. Before you read a
 * field that is newer than the oldest library you load, ask GCA_HAS.
 *
 * Callbacks. Three sentences say all about their life. No callback starts after on_drop has started. on_drop comes
 * once, after the last callback of any kind has returned. `user` must stay valid until on_drop.
 *
 *   - A callback MUST NOT throw and MUST NOT longjmp out: its caller is Rust, which cannot let either pass, and the
 *     process would end. Include the .hpp, whose callbacks are guarded.
 *   - It MUST NOT wait for a thread that is inside gca_stop or gca_destroy: that thread is waiting for the callback.
 *     The wait ends with GCA_ERR_TIMEOUT.
 *   - It may block: events then wait in the queue (QueueMaxEvents), and the connection to the region goes on. If the
 *     queue is full, the oldest give way, and one GCA_EVENT_LOST tells how many; with a journal they wait on disk.
 *
 * Threads. Any function may be called from any thread at any time; what cannot be done now is refused, not undefined.
 * on_event and on_state come from one dispatcher thread, never two at once. on_log comes from one logger thread.
 * on_drop comes from whichever thread of the library leaves last. None of them does network I/O, and no callback comes
 * from inside a call of yours. The library makes no thread before gca_start (gca_check makes its own, which end with
 * it), sets no signal handler, registers nothing with atexit, and is never unloaded, dlclose or not. A forked child
 * cannot use it (GCA_ERR_FORK). docs/THREADS.md and docs/TERMINATION.md say more.
 *
 * WHICH CALL, FROM WHERE, WHEN
 *
 *                          | from inside | created | configured | starting, | stopping | destroyed
 *                          | a callback  |         | (stopped)  | running,  |          |
 *                          |             |         |            | failed    |          |
 *     ---------------------+-------------+---------+------------+-----------+----------+----------
 *     gca_configure        | STATE       | yes     | yes        | yes       | STATE    | HANDLE
 *     gca_start            | STATE       | STATE   | yes (1)    | STATE     | STATE    | HANDLE
 *     gca_stop             | STATE       | yes (2) | yes (2)    | yes       | yes (3)  | HANDLE
 *     gca_restart          | STATE       | STATE   | STATE      | yes (5)   | STATE    | HANDLE
 *     gca_destroy          | STATE       | yes     | yes        | yes       | yes      | HANDLE
 *     gca_status_json      | yes         | yes     | yes        | yes       | yes      | HANDLE
 *     gca_metrics          | yes         | yes     | yes        | yes       | yes      | HANDLE
 *     gca_check            | STATE       | STATE   | yes        | yes       | yes      | HANDLE
 *     gca_erase            | STATE       | STATE   | yes        | yes       | STATE    | HANDLE
 *     gca_set_log_level    | yes         | yes     | yes        | yes       | yes      | HANDLE
 *     gca_event_json       | on_event    | STATE   | STATE      | STATE     | STATE    | STATE
 *                          | only (4)    |         |            |           |          |
 *     gca_last_error       | yes         | yes     | yes        | yes       | yes      | yes
 *     gca_create, gca_get_api, gca_abi_version, gca_version, gca_status_name, gca_settings_schema: always
 *
 *   yes: done.  STATE, HANDLE: refused with GCA_ERR_STATE, GCA_ERR_HANDLE.
 *   (1) GCA_ERR_DISABLED if StartupType is Disabled.    (2) Nothing to do: GCA_OK.
 *   (3) Waits for the callback that is still inside.    (4) For the event that is being delivered on this thread.
 *   (5) STATE if it failed: stop it and start it again.
 */
#ifndef GENESYS_CLOUD_ADAPTER_H
#define GENESYS_CLOUD_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

/**
 * @def GCA_API
 * Stands before each function. On Windows it imports them, for a program that links with the import library; one that looks
 * up `gca_get_api` at run time needs no import. Who stands in for the library (a test) defines it before, as nothing.
 */
#ifndef GCA_API
#    ifdef _WIN32
#        define GCA_API __declspec(dllimport)
#    else
#        define GCA_API
#    endif
#endif

/**
 * @def GCA_CALL
 * The calling convention of every function and every callback: the one of C, whatever the compiler is told to take for
 * functions without one (`/Gz`, `/Gr`, `/Gv`). Write it before the name of a callback of yours.
 */
#ifdef _WIN32
#    define GCA_CALL __cdecl
#else
#    define GCA_CALL
#endif

/** Version of the library that this header came with. The running one is told by `gca_version`. */
#define GCA_VERSION_MAJOR 0
/** See `GCA_VERSION_MAJOR`. */
#define GCA_VERSION_MINOR 1
/** See `GCA_VERSION_MAJOR`. */
#define GCA_VERSION_PATCH 0
/** The three as one number, to compare: 1.4.2 is 0x01040200. The last eight bits are zero. */
#define GCA_VERSION_NUMBER ((GCA_VERSION_MAJOR << 24) | (GCA_VERSION_MINOR << 16) | (GCA_VERSION_PATCH << 8))
/** The three as text. */
#define GCA_VERSION_STRING "0.1.0"

/**
 * Whether the running library's events have the field: `if (GCA_HAS(event, state_report)) ...`. For any pointer to a
 * struct of this interface that begins with its size.
 */
#define GCA_HAS(event, field)                                                        \
    ((size_t)((const char *)&(event)->field - (const char *)(event)) + sizeof((event)->field) <= (event)->size)

/* The library's layout, whatever the compiler is told (`/Zp`, `-fpack-struct`, a `#pragma pack` of yours). */
#pragma pack(push, 8)


/**
 * The version of this interface. Pass it to `gca_get_api`.
 */
#define GCA_ABI_VERSION 1

/**
 * What a host's `on_event` returns for an event that it has taken: stored, or otherwise safe. It is not offered again.
 */
#define GCA_TAKEN 0

/**
 * What a host's `on_event` returns for an event that it cannot take now. The same event is offered again, in order,
 * after a pause. Any other value counts as this one and raises an alarm.
 */
#define GCA_LATER 1

/**
 * A platform time that is not known.
 */
#define GCA_TIME_UNKNOWN INT64_MIN

/**
 * A flag (`held`, `muted`, `confined`, `secure_pause`) that no source has told.
 */
#define GCA_FLAG_UNKNOWN 255

/**
 * What a call came to. The numbers never change; new ones may be added.
 */
enum gca_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    GCA_OK = 0,
    /**
     * A pointer is NULL, a size is not a known one, or a value is outside its range.
     */
    GCA_ERR_ARGUMENT = 1,
    /**
     * The handle is not, or no longer, an adapter of this library.
     */
    GCA_ERR_HANDLE = 2,
    /**
     * Not possible now: the adapter is in another state, or the call was made from inside a callback.
     */
    GCA_ERR_STATE = 3,
    /**
     * The settings have problems; `gca_last_error` lists all of them. Nothing was changed.
     */
    GCA_ERR_SETTINGS = 4,
    /**
     * The time was up. For `gca_stop`: a callback is still inside the host; call it again or destroy. For
     * `gca_destroy`: the handle is dead, `on_drop` is still to come. For `gca_erase`: call it again.
     */
    GCA_ERR_TIMEOUT = 5,
    /**
     * The buffer is too small and was left untouched; the needed length was returned.
     */
    GCA_ERR_BUFFER = 6,
    /**
     * A defect in this library, contained: the call had no effect that can be relied on. Destroy the adapter.
     */
    GCA_ERR_PANIC = 7,
    /**
     * The operating system refused something, for example a thread; `gca_last_error` says what.
     */
    GCA_ERR_SYSTEM = 8,
    /**
     * The process is a fork of the one that created the adapter; its threads do not exist here.
     */
    GCA_ERR_FORK = 9,
    /**
     * `StartupType` is Disabled: the adapter is not to be started.
     */
    GCA_ERR_DISABLED = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_status gca_status;
#else
typedef int32_t gca_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an event tells. The numbers never change; new ones may be added: a host takes a kind that it does not know as
 * news that it does not need, and returns `GCA_TAKEN`.
 */
enum gca_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Events were lost. It stands in their place; `lost_first` to `lost_last` are the sequence numbers that are
     * skipped.
     */
    GCA_EVENT_LOST = 1,
    /**
     * The state of the feed changed, at this place of the feed. `state_report` tells it.
     */
    GCA_EVENT_FEED_STATE = 2,
    /**
     * A connection alerts: a device rings (CSTA Delivered).
     */
    GCA_EVENT_DELIVERED = 10,
    /**
     * A connection dials out (CSTA Originated).
     */
    GCA_EVENT_ORIGINATED = 11,
    /**
     * A connection was answered: media flows (CSTA Established). One `GCA_EVENT_CONNECTION_CLEARED` follows, unless
     * that was lost (`GCA_EVENT_LOST`) or another feed began. If its end was missed, it comes when that was read
     * (`GCA_EVENT_GAP_CLOSED`).
     */
    GCA_EVENT_ESTABLISHED = 12,
    /**
     * A connection was put on hold (CSTA Held).
     */
    GCA_EVENT_HELD = 13,
    /**
     * A connection was taken off hold (CSTA Retrieved).
     */
    GCA_EVENT_RETRIEVED = 14,
    /**
     * A party's microphone was muted.
     */
    GCA_EVENT_MUTED = 15,
    /**
     * A party's microphone is open again.
     */
    GCA_EVENT_UNMUTED = 16,
    /**
     * A connection is over for media (CSTA ConnectionCleared). Each gets exactly one, answered or not:
     * `previous_state` tells how far it was.
     */
    GCA_EVENT_CONNECTION_CLEARED = 17,
    /**
     * The last connection of a call is over (CSTA CallCleared). Work after the call may still be pending.
     */
    GCA_EVENT_CALL_CLEARED = 18,
    /**
     * A conversation is seen for the first time; before everything else of it.
     */
    GCA_EVENT_CALL_CREATED = 19,
    /**
     * A connection is offered to its party, and nothing rings yet (CSTA Offered).
     */
    GCA_EVENT_OFFERED = 20,
    /**
     * The call joined a queue (CSTA Queued), `queue_id`.
     */
    GCA_EVENT_QUEUED = 21,
    /**
     * The call left the queue; `reason` is the outcome: `answered`, `abandoned`, `flow_out`.
     */
    GCA_EVENT_DEQUEUED = 22,
    /**
     * The call entered a flow: an IVR, a bot, a workflow or a survey answered it.
     */
    GCA_EVENT_FLOW_ENTERED = 23,
    /**
     * A connection that rang was not answered, and the call goes elsewhere (CSTA Diverted). Its
     * `GCA_EVENT_CONNECTION_CLEARED` follows.
     */
    GCA_EVENT_DIVERTED = 24,
    /**
     * A connection could not be set up, for a failure (CSTA Failed). Its `GCA_EVENT_CONNECTION_CLEARED` follows.
     */
    GCA_EVENT_FAILED = 25,
    /**
     * A party was isolated from the others.
     */
    GCA_EVENT_CONFINED = 26,
    /**
     * A party is no longer isolated.
     */
    GCA_EVENT_UNCONFINED = 27,
    /**
     * A party parked the call: no media with it until the call is taken back.
     */
    GCA_EVENT_PARKED = 28,
    /**
     * The call was taken back from where it was parked.
     */
    GCA_EVENT_UNPARKED = 29,
    /**
     * A party asks another one while the call waits (CSTA Consultation Call): `new_connection_id`, or
     * `related_conversation_id` if in a call of its own.
     */
    GCA_EVENT_CONSULT_STARTED = 30,
    /**
     * The consult became what `reason` says: `transfer` or `conference`.
     */
    GCA_EVENT_CONSULT_COMPLETED = 31,
    /**
     * The consult ended and became nothing: the call goes on as before, or has ended too.
     */
    GCA_EVENT_CONSULT_CANCELLED = 32,
    /**
     * A party handed the call on (CSTA Transferred): `old_connection_id` ends, `new_connection_id` takes its place;
     * `reason` is `blind` or `attended`.
     */
    GCA_EVENT_TRANSFERRED = 33,
    /**
     * Three people talk (CSTA Conferenced); told once for a conversation.
     */
    GCA_EVENT_CONFERENCED = 34,
    /**
     * One more party joined the conference.
     */
    GCA_EVENT_PARTY_ADDED = 35,
    /**
     * A party left the conference, which goes on. Its `GCA_EVENT_CONNECTION_CLEARED` follows.
     */
    GCA_EVENT_PARTY_LEFT = 36,
    /**
     * The platform's recording of the party pauses; `reason` says why: `secure`, `hold_suppression`, `unknown`. Told
     * in order and at once: pause before you return.
     */
    GCA_EVENT_RECORDING_PAUSED = 37,
    /**
     * The platform's recording of the party goes on, or its connection ended while it paused (`reason` is `ended`).
     */
    GCA_EVENT_RECORDING_RESUMED = 38,
    /**
     * An attribute was set or changed (CSTA Call Information). `gca_event_json` tells key and values, masked.
     */
    GCA_EVENT_ATTRIBUTE_CHANGED = 39,
    /**
     * An agent's presence changed: `raw` is the system presence, `reason` the id of the organization's definition.
     */
    GCA_EVENT_AGENT_PRESENCE = 40,
    /**
     * An agent's routing status became one that this version does not know: `raw` is the status.
     */
    GCA_EVENT_AGENT_ROUTING_STATUS = 41,
    /**
     * A user is associated with a station: `station_id`.
     */
    GCA_EVENT_STATION_ASSOCIATED = 42,
    /**
     * A user is no longer associated with the station that the event names.
     */
    GCA_EVENT_STATION_LEFT = 43,
    /**
     * An agent's presence is no longer offline (CSTA Agent Logged On); after its `GCA_EVENT_AGENT_PRESENCE`.
     */
    GCA_EVENT_AGENT_LOGGED_ON = 44,
    /**
     * An agent's presence became offline (CSTA Agent Logged Off); after its `GCA_EVENT_AGENT_PRESENCE`.
     */
    GCA_EVENT_AGENT_LOGGED_OFF = 45,
    /**
     * An agent waits for work of a queue (CSTA Agent Ready): routing status `IDLE`, in `raw`.
     */
    GCA_EVENT_AGENT_READY = 46,
    /**
     * An agent takes no work of queues (CSTA Agent Not Ready): `OFF_QUEUE` or `NOT_RESPONDING`, in `raw`.
     */
    GCA_EVENT_AGENT_NOT_READY = 47,
    /**
     * An agent has work (CSTA Agent Busy): `INTERACTING` (of a queue) or `COMMUNICATING` (apart from queues), in
     * `raw`.
     */
    GCA_EVENT_AGENT_BUSY = 48,
    /**
     * The persistent connection of a user's station stands: the next call needs no ringing.
     */
    GCA_EVENT_PERSISTENT_CONNECTION_UP = 49,
    /**
     * A call uses the persistent connection: audio may flow before `GCA_EVENT_ESTABLISHED`.
     */
    GCA_EVENT_PERSISTENT_CONNECTION_ACTIVE = 50,
    /**
     * The persistent connection is gone; `raw` is `DISCONNECTED` or `FAILED`.
     */
    GCA_EVENT_PERSISTENT_CONNECTION_DOWN = 51,
    /**
     * An agent's work after the call began (CSTA Agent Working After Call). Its connection is over for media.
     */
    GCA_EVENT_AFTER_CALL_WORK_STARTED = 60,
    /**
     * An agent's work after the call ended.
     */
    GCA_EVENT_AFTER_CALL_WORK_ENDED = 61,
    /**
     * A wrap-up was given (CSTA Call Information). `gca_event_json` tells it.
     */
    GCA_EVENT_WRAP_UP = 62,
    /**
     * A voicemail took a caller's message.
     */
    GCA_EVENT_VOICEMAIL_DEPOSITED = 63,
    /**
     * A callback was scheduled. `gca_event_json` tells numbers and time.
     */
    GCA_EVENT_CALLBACK_SCHEDULED = 64,
    /**
     * A callback is offered to its party.
     */
    GCA_EVENT_CALLBACK_DELIVERED = 65,
    /**
     * A callback was taken by its party. The call that follows is a connection of its own.
     */
    GCA_EVENT_CALLBACK_ESTABLISHED = 66,
    /**
     * A callback is over.
     */
    GCA_EVENT_CALLBACK_CLEARED = 67,
    /**
     * A supervisor listens: `old_connection_id` is the party observed. Ends with the supervisor's connection.
     */
    GCA_EVENT_MONITORING_STARTED = 68,
    /**
     * A supervisor speaks to the party observed, unheard by the others.
     */
    GCA_EVENT_COACHING_STARTED = 69,
    /**
     * A supervisor broke into the call, and is heard by all.
     */
    GCA_EVENT_BARGED_IN = 70,
    /**
     * The call is done with: all connections are put away, and work after it is done.
     */
    GCA_EVENT_CALL_TERMINATED = 71,
    /**
     * Something of the region has no channel on which it flows: what happens there from `gap_from_us` on may be missing.
     * `gap_id` numbers the gap, `reason` says why; `gca_event_json` lists the users and queues.
     */
    GCA_EVENT_GAP_OPENED = 72,
    /**
     * Everything that gap `gap_id` covers was read: what the platform still tells of the time from `gap_from_us` to
     * `gap_to_us` has been told. `gca_event_json` says what came of it, and what could not be read.
     */
    GCA_EVENT_GAP_CLOSED = 73,
    /**
     * A connection was followed by another one without a gap: nothing is missing. `reason` says why.
     */
    GCA_EVENT_FEED_RENEWED = 74,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_event_kind gca_event_kind;
#else
typedef uint32_t gca_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where the knowledge of an event came from.
 */
enum gca_source
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A notification of the change itself.
     */
    GCA_SOURCE_LIVE = 0,
    /**
     * The first sight of something that was already in progress.
     */
    GCA_SOURCE_SNAPSHOT = 1,
    /**
     * A read of the platform after a gap.
     */
    GCA_SOURCE_RECOVERED = 2,
    /**
     * Concluded, not seen; `reason` says from what.
     */
    GCA_SOURCE_SYNTHETIC = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_source gca_source;
#else
typedef uint32_t gca_source;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which way a connection went, in the platform's sense: every party of a customer's call has the customer's direction,
 * the parties of a call between users each their own.
 */
enum gca_direction
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not told.
     */
    GCA_DIRECTION_UNKNOWN = 0,
    /**
     * Into the organization; of a call between users, to the party.
     */
    GCA_DIRECTION_INBOUND = 1,
    /**
     * Out of the organization; of a call between users, from the party.
     */
    GCA_DIRECTION_OUTBOUND = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_direction gca_direction;
#else
typedef uint32_t gca_direction;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The state of a connection: CSTA's connection states.
 */
enum gca_connection_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not known, or the event is not about a connection.
     */
    GCA_STATE_UNKNOWN = 0,
    /**
     * Being set up: dialing or contacting.
     */
    GCA_STATE_INITIATED = 1,
    /**
     * Ringing.
     */
    GCA_STATE_ALERTING = 2,
    /**
     * Media flows.
     */
    GCA_STATE_CONNECTED = 3,
    /**
     * On hold.
     */
    GCA_STATE_HOLD = 4,
    /**
     * In a queue.
     */
    GCA_STATE_QUEUED = 5,
    /**
     * Over.
     */
    GCA_STATE_NULL = 6,
    /**
     * Parked: no media until somebody takes it back.
     */
    GCA_STATE_PARKED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_connection_state gca_connection_state;
#else
typedef uint32_t gca_connection_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a connection ended or moved, after CSTA's event causes. `raw` holds the platform's own word.
 */
enum gca_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * None was told.
     */
    GCA_CAUSE_NONE = 0,
    /**
     * Ended by a party in the ordinary way (`client`, `endpoint`, `peer`).
     */
    GCA_CAUSE_NORMAL_CLEARING = 1,
    /**
     * Blind transfer (`transfer`).
     */
    GCA_CAUSE_SINGLE_STEP_TRANSFER = 2,
    /**
     * Attended transfer (`transfer.consult`).
     */
    GCA_CAUSE_TRANSFER = 3,
    /**
     * `transfer.conference`.
     */
    GCA_CAUSE_CONFERENCE = 4,
    /**
     * `transfer.forward`.
     */
    GCA_CAUSE_CALL_FORWARD = 5,
    /**
     * `transfer.noanswer`.
     */
    GCA_CAUSE_CALL_FORWARD_NO_ANSWER = 6,
    /**
     * `transfer.notavailable`.
     */
    GCA_CAUSE_OVERFLOW = 7,
    /**
     * `endpoint.dnd`, `transfer.dnd`.
     */
    GCA_CAUSE_DO_NOT_DISTURB = 8,
    /**
     * Not answered in time (`timeout`).
     */
    GCA_CAUSE_NO_ANSWER = 9,
    /**
     * `error`, `transport.failure`: the recording may be incomplete.
     */
    GCA_CAUSE_NETWORK_SIGNAL_LOST = 10,
    /**
     * `system`.
     */
    GCA_CAUSE_SYSTEM_CLEARED = 11,
    /**
     * `spam`, `uncallable`.
     */
    GCA_CAUSE_BLOCKED = 12,
    /**
     * `other`, or a word that is new to this version.
     */
    GCA_CAUSE_UNKNOWN = 13,
    /**
     * Set up by a dialer for a campaign.
     */
    GCA_CAUSE_MAKE_PREDICTIVE_CALL = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_cause gca_cause;
#else
typedef uint32_t gca_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where an adapter stands in its life.
 */
enum gca_life
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Made, without settings.
     */
    GCA_LIFE_CREATED = 0,
    /**
     * Has settings, not started, or stopped again.
     */
    GCA_LIFE_CONFIGURED = 1,
    /**
     * Started; no feed yet.
     */
    GCA_LIFE_STARTING = 2,
    /**
     * Started, and the feed has been up at least once.
     */
    GCA_LIFE_RUNNING = 3,
    /**
     * Told to stop; a callback may still be inside the host.
     */
    GCA_LIFE_STOPPING = 4,
    /**
     * Cannot go on by itself; stop it and start it again.
     */
    GCA_LIFE_FAILED = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_life gca_life;
#else
typedef uint32_t gca_life;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much of the region the feed covers. A recorder's fallback recording hangs on it.
 */
enum gca_feed
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing flows.
     */
    GCA_FEED_DOWN = 0,
    /**
     * Flows, and what was missed before is being read.
     */
    GCA_FEED_RECOVERING = 1,
    /**
     * Flows for a part; the lists of users and topics say which part does not.
     */
    GCA_FEED_DEGRADED = 2,
    /**
     * Flows for every user and queue.
     */
    GCA_FEED_UP = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_feed gca_feed;
#else
typedef uint32_t gca_feed;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why the feed is not up.
 */
enum gca_why
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing is wrong.
     */
    GCA_WHY_NONE = 0,
    /**
     * Starting, or connecting again in the ordinary course.
     */
    GCA_WHY_CONNECTING = 1,
    /**
     * The platform refused the client id or secret: check `ClientId`, `ClientSecret`, `RegionHost`.
     */
    GCA_WHY_CREDENTIALS_REFUSED = 2,
    /**
     * The OAuth client's role lacks a permission; the message names what was refused.
     */
    GCA_WHY_PERMISSION_MISSING = 3,
    /**
     * The region cannot be reached; the message names the hop.
     */
    GCA_WHY_LINK = 4,
    /**
     * A limit of the platform: requests, topics or channels.
     */
    GCA_WHY_LIMIT = 5,
    /**
     * Another program that uses the same client id took the channel.
     */
    GCA_WHY_CHANNEL_TAKEN = 6,
    /**
     * The host takes events more slowly than they come.
     */
    GCA_WHY_BACKLOG = 7,
    /**
     * A defect in this library, contained; it starts again by itself.
     */
    GCA_WHY_INTERNAL = 8,
    /**
     * The adapter was asked to stop.
     */
    GCA_WHY_STOPPED = 9,
    /**
     * The journal cannot be written, or old events gave way in it: look at the disk. Told out of band; the feed is as it was.
     */
    GCA_WHY_JOURNAL = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_why gca_why;
#else
typedef uint32_t gca_why;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much a log line matters.
 */
enum gca_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A defect, or something that an operator must mend.
     */
    GCA_LOG_ERROR = 1,
    /**
     * Went wrong, and the adapter deals with it.
     */
    GCA_LOG_WARN = 2,
    /**
     * What an operator wants to see in an ordinary day.
     */
    GCA_LOG_INFO = 3,
    /**
     * For support.
     */
    GCA_LOG_DEBUG = 4,
    /**
     * Everything. Never secrets or people's data, at this level neither.
     */
    GCA_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_log_level gca_log_level;
#else
typedef uint32_t gca_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whose events `gca_erase` removes from the journal. The numbers never change; new ones may be added.
 */
enum gca_erase_what
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Those of a conversation, and those that name it as a related one.
     */
    GCA_ERASE_CONVERSATION = 1,
    /**
     * Those of a user.
     */
    GCA_ERASE_USER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gca_erase_what gca_erase_what;
#else
typedef uint32_t gca_erase_what;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * An adapter. 0 is never one. A handle that was destroyed, or never was one, is refused with `GCA_ERR_HANDLE`.
 */
typedef uint64_t gca_handle;

/**
 * Text in UTF-8, **not** terminated by a NUL. Absent text has length 0 (and `ptr` may be NULL). Valid only during the
 * callback that brought it: copy what you keep.
 */
typedef struct gca_str {
    /**
     * First byte.
     */
    const char *ptr;
    /**
     * Number of bytes.
     */
    size_t len;
} gca_str;

/**
 * The state of an adapter and its feed.
 */
typedef struct gca_state {
    /**
     * Bytes of this struct in the running version.
     */
    uint32_t size;
    /**
     * Where the adapter stands.
     */
    gca_life life;
    /**
     * How much the feed covers.
     */
    gca_feed feed;
    /**
     * Why it is not more.
     */
    gca_why why;
    /**
     * When, in microseconds since 1970 UTC.
     */
    int64_t time_us;
    /**
     * For people: what happened, and what to check.
     */
    struct gca_str message;
    /**
     * Ids of the users that are not followed; none listed and feed down: nobody is.
     */
    const struct gca_str *users;
    /**
     * Number of entries in `users`.
     */
    size_t user_count;
    /**
     * Topics that are not followed.
     */
    const struct gca_str *topics;
    /**
     * Number of entries in `topics`.
     */
    size_t topic_count;
} gca_state;

/**
 * One event of the feed. Flat, and valid only during the callback: copy what you keep. Fields are only ever appended;
 * ask with `GCA_HAS` before you read one that is newer than the oldest library you load. What a kind does not tell is
 * absent text, zero, `GCA_TIME_UNKNOWN` or `GCA_FLAG_UNKNOWN`.
 */
typedef struct gca_event {
    /**
     * Bytes of this struct in the running version.
     */
    uint32_t size;
    /**
     * What happened.
     */
    gca_event_kind kind;
    /**
     * Changes whenever the sequence starts again at 1. Without a journal, what was open in the former feed is void then.
     * With one it is void only if a start begins with a feed that you have not seen, or if the `GCA_EVENT_FEED_STATE` that
     * came last says `GCA_WHY_INTERNAL`; any other change (the journal's disk failed) voids nothing.
     */
    struct gca_str feed_id;
    /**
     * Number of this event in its feed. A number is skipped only where a `GCA_EVENT_LOST` names it.
     */
    uint64_t sequence;
    /**
     * 32 hexadecimal digits: equal for the same fact.
     */
    struct gca_str id;
    /**
     * 1: the id is the same under any interleaving, duplication, source and node. 0: it is the same only where the bodies
     * of each topic came in order and none was missed.
     */
    uint8_t id_exact;
    /**
     * On hold after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
     */
    uint8_t held;
    /**
     * Muted after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
     */
    uint8_t muted;
    /**
     * Isolated from the other parties after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
     */
    uint8_t confined;
    /**
     * In a secure pause after this event: 0, 1 or `GCA_FLAG_UNKNOWN`.
     */
    uint8_t secure_pause;
    /**
     * Zero.
     */
    uint8_t reserved[3];
    /**
     * Where the knowledge came from.
     */
    gca_source source;
    /**
     * Which way the connection went.
     */
    gca_direction direction;
    /**
     * When it happened by the platform's clock, in microseconds since 1970 UTC, or `GCA_TIME_UNKNOWN`.
     */
    int64_t platform_time_us;
    /**
     * When its notification arrived here, in microseconds since 1970 UTC.
     */
    int64_t received_time_us;
    /**
     * `DataSource` of the settings.
     */
    struct gca_str data_source;
    /**
     * The conversation.
     */
    struct gca_str conversation_id;
    /**
     * The conversation that the customer contact began with, as far as it is known by now: of a consult in a
     * conversation of its own, the first events may still name that one.
     */
    struct gca_str root_contact_id;
    /**
     * Of a consult: the other conversation, if it is in one of its own.
     */
    struct gca_str related_conversation_id;
    /**
     * The party.
     */
    struct gca_str participant_id;
    /**
     * The party's call leg, the id that recordings and media carry.
     */
    struct gca_str communication_id;
    /**
     * The leg at the other side.
     */
    struct gca_str peer_id;
    /**
     * Of a transfer: the connection that ends. Of a consult: the one that asks. Of an observation: the one observed. Where
     * no form told the call leg's id, the participant's.
     */
    struct gca_str old_connection_id;
    /**
     * Of a transfer: the connection that takes its place. Of a consult: the one asked. As `old_connection_id`.
     */
    struct gca_str new_connection_id;
    /**
     * The user who is the party, or whose state changed.
     */
    struct gca_str user_id;
    /**
     * The user's display name.
     */
    struct gca_str user_name;
    /**
     * The user's e-mail address.
     */
    struct gca_str user_email;
    /**
     * The user's station.
     */
    struct gca_str station_id;
    /**
     * Its name.
     */
    struct gca_str station_name;
    /**
     * The platform's word for its kind.
     */
    struct gca_str station_kind;
    /**
     * Its extension or line.
     */
    struct gca_str station_extension;
    /**
     * The queue that the connection came through.
     */
    struct gca_str queue_id;
    /**
     * Its name.
     */
    struct gca_str queue_name;
    /**
     * The party's role: `customer`, `agent`, `user`, `acd`, `ivr`, ...
     */
    struct gca_str purpose;
    /**
     * Calling address.
     */
    struct gca_str ani;
    /**
     * Called address.
     */
    struct gca_str dnis;
    /**
     * The platform's telephony provider.
     */
    struct gca_str provider;
    /**
     * State of the connection after the event.
     */
    gca_connection_state state;
    /**
     * State of the connection before it.
     */
    gca_connection_state previous_state;
    /**
     * Why.
     */
    gca_cause cause;
    /**
     * Zero.
     */
    uint32_t reserved2;
    /**
     * The platform's own word behind `cause` or behind the new state.
     */
    struct gca_str raw;
    /**
     * More about why; for a synthetic event, from what it was concluded.
     */
    struct gca_str reason;
    /**
     * Of `GCA_EVENT_LOST`: the first sequence number that is missing.
     */
    uint64_t lost_first;
    /**
     * Of `GCA_EVENT_LOST`: the last one.
     */
    uint64_t lost_last;
    /**
     * Of `GCA_EVENT_LOST`: received time of the first.
     */
    int64_t lost_from_us;
    /**
     * Of `GCA_EVENT_LOST`: received time of the last.
     */
    int64_t lost_to_us;
    /**
     * Of `GCA_EVENT_FEED_STATE`: the state; else NULL.
     */
    const struct gca_state *state_report;
    /**
     * Of `GCA_EVENT_GAP_OPENED` and `GCA_EVENT_GAP_CLOSED`: the number of the gap; else 0.
     */
    uint64_t gap_id;
    /**
     * Of the same: what happened from then on may be missing; else 0.
     */
    int64_t gap_from_us;
    /**
     * Of the same: what happened from then on was heard; `GCA_TIME_UNKNOWN` while the gap lasts. Of other kinds 0.
     */
    int64_t gap_to_us;
} gca_event;

/**
 * One line of the adapter's log. Ids, never people's data or secrets.
 */
typedef struct gca_log {
    /**
     * Bytes of this struct in the running version.
     */
    uint32_t size;
    /**
     * How much it matters.
     */
    gca_log_level level;
    /**
     * When, in microseconds since 1970 UTC.
     */
    int64_t time_us;
    /**
     * The part of the adapter that speaks, for example `session`.
     */
    struct gca_str target;
    /**
     * What it says.
     */
    struct gca_str message;
    /**
     * Lines that were dropped before this one because they came faster than the host took them.
     */
    uint64_t dropped;
} gca_log;

/**
 * What the host gives: its callbacks.
 *
 * Three sentences say all about their life. No callback starts after `on_drop` has started. `on_drop` comes once,
 * after the last callback of any kind has returned. `user` must stay valid until `on_drop`.
 *
 * No callback runs on a thread that does network I/O, or inside a call of yours. From inside any callback, of any
 * adapter, `start`, `stop`, `restart`, `configure`, `check`, `erase` and `destroy` answer `GCA_ERR_STATE` for every handle:
 * some would wait for the callback that is waiting for them. A callback must not throw (the process would end) and must not `longjmp`;
 * the C++ header guards against the first.
 */
typedef struct gca_host {
    /**
     * `sizeof(gca_host)` as you compiled it. A smaller one than the library's is filled up with zeros; a larger one
     * is accepted if what the library does not know of it is zero.
     */
    uint32_t size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Handed to every callback, never looked at.
     */
    void *user;
    /**
     * An event: return `GCA_TAKEN` or `GCA_LATER`. From one dispatcher thread, in order, never two at once. While it
     * blocks, events wait in the queue; the connection to the region does not. Required.
     */
    uint32_t (GCA_CALL *on_event)(void *user, const struct gca_event *event);
    /**
     * The state changed. On the dispatcher thread, out of band: also while an event is being refused. Optional.
     */
    void (GCA_CALL *on_state)(void *user, const struct gca_state *state);
    /**
     * A log line. From one logger thread, which is another than the dispatcher's. Optional.
     */
    void (GCA_CALL *on_log)(void *user, const struct gca_log *line);
    /**
     * The last callback: `user` may be freed in it. Optional.
     */
    void (GCA_CALL *on_drop)(void *user);
} gca_host;

/**
 * All functions of version 1 behind one symbol: look up `gca_get_api`, and call through its table. Functions are only
 * ever appended; one that is newer than the oldest library you load is there if `size` reaches behind it.
 */
typedef struct gca_api {
    /**
     * Bytes of this table in the running version.
     */
    uint32_t size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * `gca_abi_version`
     */
    uint32_t (GCA_CALL *abi_version)(void);
    /**
     * `gca_version`
     */
    const char *(GCA_CALL *version)(void);
    /**
     * `gca_status_name`
     */
    const char *(GCA_CALL *status_name)(int32_t status);
    /**
     * `gca_last_error`
     */
    gca_status (GCA_CALL *last_error)(gca_handle handle, char *buf, size_t cap, size_t *needed);
    /**
     * `gca_settings_schema`
     */
    gca_status (GCA_CALL *settings_schema)(char *buf, size_t cap, size_t *needed);
    /**
     * `gca_create`
     */
    gca_status (GCA_CALL *create)(const struct gca_host *host, gca_handle *handle);
    /**
     * `gca_configure`
     */
    gca_status (GCA_CALL *configure)(gca_handle handle, const char *json, size_t len);
    /**
     * `gca_start`
     */
    gca_status (GCA_CALL *start)(gca_handle handle);
    /**
     * `gca_stop`
     */
    gca_status (GCA_CALL *stop)(gca_handle handle, uint32_t timeout_ms);
    /**
     * `gca_restart`
     */
    gca_status (GCA_CALL *restart)(gca_handle handle);
    /**
     * `gca_destroy`
     */
    gca_status (GCA_CALL *destroy)(gca_handle handle);
    /**
     * `gca_status_json`
     */
    gca_status (GCA_CALL *status_json)(gca_handle handle, char *buf, size_t cap, size_t *needed);
    /**
     * `gca_set_log_level`
     */
    gca_status (GCA_CALL *set_log_level)(gca_handle handle, uint32_t level);
    /**
     * `gca_event_json`
     */
    gca_status (GCA_CALL *event_json)(const struct gca_event *event, char *buf, size_t cap, size_t *needed);
    /**
     * `gca_metrics`
     */
    gca_status (GCA_CALL *metrics)(gca_handle handle, char *buf, size_t cap, size_t *needed);
    /**
     * `gca_check`
     */
    gca_status (GCA_CALL *check)(gca_handle handle, uint32_t timeout_ms, char *buf, size_t cap, size_t *needed);
    /**
     * `gca_erase`
     */
    gca_status (GCA_CALL *erase)(gca_handle handle, uint32_t what, const char *id, size_t len);
} gca_api;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the interface that the library was built with (`GCA_ABI_VERSION`). Check it before anything else.
 */
GCA_API uint32_t GCA_CALL gca_abi_version(void);

/**
 * The version of the library, for example `1.4.2`. Terminated by a NUL, valid for ever.
 */
GCA_API const char *GCA_CALL gca_version(void);

/**
 * All functions of the interface in one table, valid for ever, or NULL if the library does not have that version of
 * the interface. The only symbol that a host needs to look up.
 */
GCA_API const struct gca_api *GCA_CALL gca_get_api(uint32_t version);

/**
 * The name of a `gca_status`, for example `GCA_ERR_HANDLE`; `GCA_ERR_UNKNOWN` for a number that this version does not
 * have. Terminated by a NUL, valid for ever.
 */
GCA_API const char *GCA_CALL gca_status_name(int32_t status);

/**
 * What was wrong with the last call on this thread that failed: of this handle, or of any for 0. In UTF-8, without a
 * terminating NUL; empty if none failed. For people: its words may change.
 *
 * A handle need not live: after a failed `gca_destroy` it still tells. A call that only found the buffer too small, of
 * this function or another, does not count as failed. `needed` receives the length. A buffer of `cap` bytes that is too
 * small is left untouched, and the answer is `GCA_ERR_BUFFER`. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
 */
GCA_API gca_status GCA_CALL gca_last_error(gca_handle handle,
                                           char *buf,
                                           size_t cap,
                                           size_t *needed);

/**
 * The JSON Schema (draft 2020-12) of the settings that `gca_configure` takes, in UTF-8, without a terminating NUL.
 *
 * `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
 * `GCA_ERR_BUFFER`. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
 */
GCA_API gca_status GCA_CALL gca_settings_schema(char *buf,
                                                size_t cap,
                                                size_t *needed);

/**
 * Makes an adapter that calls back to `host`, and writes its handle.
 *
 * `host` is copied: the struct itself may go after the call, what `user` points to must live until `on_drop`. If this
 * fails, `handle` is left untouched and there is no `on_drop`. No thread is made before `gca_start`.
 */
GCA_API gca_status GCA_CALL gca_create(const struct gca_host *host,
                                       gca_handle *handle);

/**
 * Gives the adapter its settings: one JSON object in UTF-8, as `gca_settings_schema` describes it and
 * `docs/SETTINGS.md` explains it.
 *
 * All problems of the document are found at once: `gca_last_error` lists them, one a line, the answer is
 * `GCA_ERR_SETTINGS`, and nothing is changed. `AdapterName` must be unique in the process, whatever the case of its
 * letters.
 *
 * An adapter that runs goes on without a gap: each key applies at once, by new connections that take over from the old
 * ones, or at the next start, as `docs/SETTINGS.md` says of it; the log warns of each that was changed and waits for the
 * next start. It does not wait for the region. While the adapter stops the answer is `GCA_ERR_STATE`.
 */
GCA_API gca_status GCA_CALL gca_configure(gca_handle handle,
                                          const char *json,
                                          size_t len);

/**
 * Starts the adapter: its threads are made, callbacks may come from now on, the region is connected to.
 *
 * Does not wait for the region: whether it is reached comes as a state. Needs settings, and an adapter that is
 * stopped; `GCA_ERR_DISABLED` if `StartupType` is Disabled.
 */
GCA_API gca_status GCA_CALL gca_start(gca_handle handle);

/**
 * Stops the adapter within `timeout_ms` milliseconds.
 *
 * Events that wait are handed over for up to half of that time, two seconds at the most, as long as you take them; the
 * number of what is left is told to `on_state` and `on_log`, then it is dropped. With a journal (`JournalDirectory`) it stays
 * there instead. `GCA_OK`: no callback of any kind runs, none will start, the threads are gone; the adapter can be started
 * again, with a new feed (with a journal the feed goes on). `GCA_ERR_TIMEOUT`: a callback, or another `gca_stop` of the
 * adapter, has not returned; none will start. Call it again, or destroy the adapter. Of several stops at once the one with
 * the shortest time ends the feed.
 *
 * An adapter that does not run is stopped already: `GCA_OK`. A time under 20 ms counts as 20 ms.
 */
GCA_API gca_status GCA_CALL gca_stop(gca_handle handle,
                                     uint32_t timeout_ms);

/**
 * Renews token, connections and roster of an adapter that runs, without a gap, as `RestartTime` does once a day.
 *
 * Returns at once; `GCA_EVENT_FEED_RENEWED` tells in the feed of each connection that was renewed. Asked for again
 * before the last one was, it is one restart. `GCA_ERR_STATE` if the adapter does not run.
 */
GCA_API gca_status GCA_CALL gca_restart(gca_handle handle);

/**
 * Ends the adapter: stops it if it runs, and calls `on_drop` after the last callback has returned. Waits 5 seconds at
 * the most.
 *
 * The handle is dead either way, except where the answer is `GCA_ERR_STATE`, `GCA_ERR_FORK` or `GCA_ERR_HANDLE`.
 * `GCA_OK`: `on_drop` has returned. `GCA_ERR_TIMEOUT`: a callback has not returned, and `on_drop` is still to come,
 * from the library's thread that leaves last: `user` must live until then.
 */
GCA_API gca_status GCA_CALL gca_destroy(gca_handle handle);

/**
 * Where the adapter stands, as one JSON object in UTF-8, without a terminating NUL. `docs/STATUS.md` lists its
 * members. Also from inside callbacks.
 *
 * `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
 * `GCA_ERR_BUFFER`; the text may have grown when you ask again. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
 */
GCA_API gca_status GCA_CALL gca_status_json(gca_handle handle,
                                            char *buf,
                                            size_t cap,
                                            size_t *needed);

/**
 * The counters and gauges of the adapter in the text format of Prometheus (exposition format 0.0.4), in UTF-8, without a
 * terminating NUL. `docs/METRICS.md` lists them. Also from inside callbacks.
 *
 * `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
 * `GCA_ERR_BUFFER`; the text may have grown when you ask again. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
 */
GCA_API gca_status GCA_CALL gca_metrics(gca_handle handle,
                                        char *buf,
                                        size_t cap,
                                        size_t *needed);

/**
 * "Test connection": goes to the region hop by hop, as a start would, within `timeout_ms` milliseconds, and reports
 * what was seen at each and what to do, as one JSON object in UTF-8, without a terminating NUL. `docs/CHECK.md` lists
 * its members. Needs settings; may run beside a started adapter, which it does not disturb.
 *
 * It does not return before it is done or the time is up. What it found wrong is in the report: `GCA_OK` says only
 * that there is one. It has a token of its own, which it ends, and makes no channel: nothing is left behind. It makes
 * threads of its own for looking up names, which end by themselves.
 *
 * `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
 * `GCA_ERR_BUFFER`; call again with a larger one and a `timeout_ms` of 0 for the same report, without another check.
 * 64 KiB are enough for any. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
 */
GCA_API gca_status GCA_CALL gca_check(gca_handle handle,
                                      uint32_t timeout_ms,
                                      char *buf,
                                      size_t cap,
                                      size_t *needed);

/**
 * Removes from the journal (`JournalDirectory`) all events of one conversation or of one user, whose id is the `len` bytes
 * of UTF-8 at `id`: `what` is a value of `gca_erase_what`. For a privacy law that asks for it; `JournalMaxAgeH` does it by
 * itself when events are old.
 *
 * `GCA_OK`: the disk holds none of them any more, and a `GCA_EVENT_LOST` (reason `erased`) comes in the place of each that
 * you have not taken; the log says how many there were, perhaps none. An event that is being offered to you is yours already.
 * What was open of a conversation that is erased is not known after a crash: nothing clears it then.
 *
 * Needs settings; also while the adapter is stopped. Waits for the disk, 10 seconds at the most (`GCA_ERR_TIMEOUT`: call it
 * again). `GCA_ERR_SYSTEM`: the disk refuses; nothing was erased. Without a `JournalDirectory` there is nothing to erase.
 */
GCA_API gca_status GCA_CALL gca_erase(gca_handle handle,
                                      uint32_t what,
                                      const char *id,
                                      size_t len);

/**
 * Changes how much is logged, a value of `gca_log_level`, at once and until the next settings. Also from inside
 * callbacks.
 */
GCA_API gca_status GCA_CALL gca_set_log_level(gca_handle handle,
                                              uint32_t level);

/**
 * The complete event as one JSON object in UTF-8, without a terminating NUL: all fields of `gca_event`, and what does
 * not fit into a flat struct. `docs/EVENTS.md` lists the paths; they are stable.
 *
 * Only inside `on_event`, on its thread, and for the event that it was handed: else `GCA_ERR_STATE`. The text is made
 * only when it is asked for, and once for each event.
 *
 * `needed` receives the length. A buffer of `cap` bytes that is too small is left untouched, and the answer is
 * `GCA_ERR_BUFFER`. `buf` may be NULL if `cap` is 0; `needed` may be NULL.
 */
GCA_API gca_status GCA_CALL gca_event_json(const struct gca_event *event,
                                           char *buf,
                                           size_t cap,
                                           size_t *needed);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#pragma pack(pop)

/* What a host's compiler must agree on; checked when it reads this. Version 1 is built for 64 bits. */
/** @cond */
#if defined(__cplusplus)
#    define GCA_SAME(name, is) static_assert(is, "another layout of " #name " than the library's")
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#    define GCA_SAME(name, is) _Static_assert(is, "another layout of " #name " than the library's")
#else
#    define GCA_SAME(name, is) typedef char gca_same_##name[(is) ? 1 : -1]
#endif
GCA_SAME(gca_status, sizeof(gca_status) == 4);
GCA_SAME(gca_event_kind, sizeof(gca_event_kind) == 4);
GCA_SAME(gca_handle, sizeof(gca_handle) == 8);
GCA_SAME(pointer, sizeof(void *) == 8);
GCA_SAME(gca_str, sizeof(gca_str) == 16);
GCA_SAME(gca_state, sizeof(gca_state) == 72);
GCA_SAME(gca_event, sizeof(gca_event) == 544);
GCA_SAME(gca_log, sizeof(gca_log) == 56);
GCA_SAME(gca_host, sizeof(gca_host) == 48);
GCA_SAME(gca_api, sizeof(gca_api) == 144);
#undef GCA_SAME
/** @endcond */

#endif /* GENESYS_CLOUD_ADAPTER_H */
