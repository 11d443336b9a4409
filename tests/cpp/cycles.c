/* A host whose operator adds and removes an adapter again and again: create, configure, start, stop, destroy.
 * `program LIBRARY SETTINGS CYCLES WARM_UP WAIT`. WAIT `call`: every cycle waits for its first event of a call; `event`:
 * for its first event; `none`: stops at once. Prints one line of JSON: threads before and after, how much the resident memory and the heap in use grew after
 * the warm-up, the longest stop, and the drops. */
#include "trial.h"

#include <stdatomic.h>

static atomic_int events;
static atomic_int calls;
static atomic_int drops;

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user;
    atomic_fetch_add(&events, 1);
    if (event->kind >= GCA_EVENT_DELIVERED && event->kind <= GCA_EVENT_CALL_CLEARED) atomic_fetch_add(&calls, 1);
    return GCA_TAKEN;
}
static void on_state(void *user, const gca_state *state) { (void)user, (void)state; }
static void on_log(void *user, const gca_log *line) { (void)user, (void)line; }
static void on_drop(void *user) {
    (void)user;
    atomic_fetch_add(&drops, 1);
}

int main(int count, char **words) {
    EXPECT(count == 6);
    const gca_api *api = load(words[1]);
    const char *settings = read_file(words[2]);
    const long cycles = atol(words[3]), warm_up = atol(words[4]);
    const int wait = strcmp(words[5], "none") != 0;
    atomic_int *const awaited = strcmp(words[5], "call") == 0 ? &calls : &events;
    const int threads_before = threads();
    long resident = 0, heap = 0, longest_stop = 0;
    for (long cycle = 0; cycle < warm_up + cycles; ++cycle) {
        if (cycle == warm_up) {
            resident = resident_bytes();
            heap = heap_bytes();
        }
        gca_host host;
        gca_handle handle = 0;
        memset(&host, 0, sizeof host);
        host.size = sizeof host;
        host.on_event = on_event;
        host.on_state = on_state;
        host.on_log = on_log;
        host.on_drop = on_drop;
        const int seen = atomic_load(awaited);
        EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
        EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
        EXPECT_STATUS(GCA_OK, api->start(handle));
        if (wait) WAIT_UNTIL(atomic_load(awaited) > seen);
        const long begin = now_ms();
        EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
        const long took = now_ms() - begin;
        if (took > longest_stop) longest_stop = took;
        const int last = atomic_load(&events);
        EXPECT_STATUS(GCA_OK, api->destroy(handle));
        EXPECT(atomic_load(&events) == last); /* nothing comes after stop */
        EXPECT(atomic_load(&drops) == (int)cycle + 1);
    }
    const long resident_grown = resident_bytes() - resident;
    const long heap_grown = heap_bytes() - heap;
    for (int tries = 0; threads() > threads_before && tries < 400; ++tries) rest_ms(5);
    printf("{\"cycles\":%ld,\"threads_before\":%d,\"threads_after\":%d,\"resident_grown\":%ld,\"heap_grown\":%ld,"
           "\"longest_stop_ms\":%ld,\"events\":%d,\"drops\":%d}\n",
           cycles, threads_before, threads(), resident_grown, heap_grown, longest_stop, atomic_load(&events),
           atomic_load(&drops));
    return 0;
}
