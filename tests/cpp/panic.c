/* A library that panics at a chosen place, beside an adapter that is well. Needs a library that was built with the
 * feature `provoke`. `program LIBRARY WELL_SETTINGS PANIC_SETTINGS HOW`. Promises: the process lives, the panic is told
 * as HOW says (`call`: start answers GCA_ERR_PANIC; `state`, `failed`: a state with GCA_WHY_INTERNAL comes; `log`: a line
 * of the log), the panicking adapter goes on unless it has failed, can be stopped, started again and destroyed, and is
 * dropped once; the other one goes on. */
#include "trial.h"

#include <stdatomic.h>

struct guest {
    atomic_int events, internal, failed, logged, drops;
};

static uint32_t on_event(void *user, const gca_event *event) {
    (void)event;
    atomic_fetch_add(&((struct guest *)user)->events, 1);
    return GCA_TAKEN;
}
static void on_state(void *user, const gca_state *state) {
    if (state->why != GCA_WHY_INTERNAL) return;
    atomic_fetch_add(&((struct guest *)user)->internal, 1);
    if (state->life == GCA_LIFE_FAILED) atomic_fetch_add(&((struct guest *)user)->failed, 1);
}
static void on_log(void *user, const gca_log *line) {
    if (holds(line->message.ptr, line->message.len, "provoked")) atomic_fetch_add(&((struct guest *)user)->logged, 1);
}
static void on_drop(void *user) { atomic_fetch_add(&((struct guest *)user)->drops, 1); }

static gca_handle make(const gca_api *api, struct guest *guest) {
    gca_host host;
    gca_handle handle = 0;
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.user = guest;
    host.on_event = on_event;
    host.on_state = on_state;
    host.on_log = on_log;
    host.on_drop = on_drop;
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    return handle;
}

int main(int count, char **words) {
    static struct guest well, ill;
    EXPECT(count == 5);
    const gca_api *api = load(words[1]);
    const char *good = read_file(words[2]), *bad = read_file(words[3]);
    const char *how = words[4];
    const int by_call = strcmp(how, "call") == 0, failed = strcmp(how, "failed") == 0;

    const gca_handle healthy = make(api, &well);
    EXPECT_STATUS(GCA_OK, api->configure(healthy, good, strlen(good)));
    EXPECT_STATUS(GCA_OK, api->start(healthy));
    WAIT_UNTIL(atomic_load(&well.events) > 0);

    const gca_handle sick = make(api, &ill);
    EXPECT_STATUS(GCA_OK, api->configure(sick, bad, strlen(bad)));
    for (int round = 1; round <= 2; round++) { /* a start after a panic is like any other */
        EXPECT_STATUS(by_call ? GCA_ERR_PANIC : GCA_OK, api->start(sick));
        if (!by_call && strcmp(how, "log") != 0) WAIT_UNTIL(atomic_load(&ill.internal) >= round);
        WAIT_UNTIL(by_call || atomic_load(&ill.logged) >= round);
        EXPECT(failed == (atomic_load(&ill.failed) > 0));
        const int before = atomic_load(&ill.events);
        WAIT_UNTIL(by_call || failed || atomic_load(&ill.events) > before);
        EXPECT_STATUS(GCA_OK, api->stop(sick, 10000));
    }
    EXPECT_STATUS(GCA_OK, api->destroy(sick));
    EXPECT(atomic_load(&ill.drops) == 1);
    EXPECT_STATUS(GCA_ERR_HANDLE, api->destroy(sick));

    const int events = atomic_load(&well.events);
    EXPECT_STATUS(GCA_OK, api->stop(healthy, 10000));
    EXPECT_STATUS(GCA_OK, api->start(healthy));
    WAIT_UNTIL(atomic_load(&well.events) > events);
    EXPECT_STATUS(GCA_OK, api->stop(healthy, 10000));
    EXPECT_STATUS(GCA_OK, api->destroy(healthy));
    EXPECT(atomic_load(&well.drops) == 1 && atomic_load(&well.internal) == 0);
    WAIT_UNTIL(threads() == 1); /* none was left behind by the panic */
    printf("contained, told by: %s\n", how);
    return 0;
}
