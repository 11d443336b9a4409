/**
 * @file genesys_cloud_adapter.h
 * @brief The telephony of a Genesys Cloud CX region, as one ordered feed of events.
 *
 * Generated from the library's sources; version @VERSION@. Works as C99, C11 and C++17, with GCC, Clang and MSVC.
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
#define GCA_VERSION_MAJOR @MAJOR@
/** See `GCA_VERSION_MAJOR`. */
#define GCA_VERSION_MINOR @MINOR@
/** See `GCA_VERSION_MAJOR`. */
#define GCA_VERSION_PATCH @PATCH@
/** The three as one number, to compare: 1.4.2 is 0x01040200. The last eight bits are zero. */
#define GCA_VERSION_NUMBER ((GCA_VERSION_MAJOR << 24) | (GCA_VERSION_MINOR << 16) | (GCA_VERSION_PATCH << 8))
/** The three as text. */
#define GCA_VERSION_STRING "@VERSION@"

/**
 * Whether the running library's events have the field: `if (GCA_HAS(event, state_report)) ...`. For any pointer to a
 * struct of this interface that begins with its size.
 */
#define GCA_HAS(event, field)                                                        \
    ((size_t)((const char *)&(event)->field - (const char *)(event)) + sizeof((event)->field) <= (event)->size)

/* The library's layout, whatever the compiler is told (`/Zp`, `-fpack-struct`, a `#pragma pack` of yours). */
#pragma pack(push, 8)
