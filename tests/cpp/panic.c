/* A library that panics at a chosen place, beside an adapter that is well. Needs a library that was built with the
 * feature `provoke`. `program LIBRARY WELL_SETTINGS PANIC_SETTINGS`. Promises: the process lives, the panic is told (a
 * call answers GCA_ERR_PANIC, or a state with GCA_WHY_INTERNAL comes), the panicking adapter can be stopped or at least
 * destroyed and is dropped once, the other one goes on. Prints how the panic was told. */
#include "trial.h"

#include <stdatomic.h>

struct guest {
    atomic_int events, internal, drops;
};

static uint32_t on_event(void *user, const gca_event *event) {
    (void)event;
    atomic_fetch_add(&((struct guest *)user)->events, 1);
    return GCA_TAKEN;
}
static void on_state(void *user, const gca_state *state) {
    if (state->why == GCA_WHY_INTERNAL) atomic_fetch_add(&((struct guest *)user)->internal, 1);
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
    host.on_drop = on_drop;
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    return handle;
}

int main(int count, char **words) {
    static struct guest well, ill;
    EXPECT(count == 4);
    const gca_api *api = load(words[1]);
    const char *good = read_file(words[2]), *bad = read_file(words[3]);
    const char *told = "call";

    const gca_handle healthy = make(api, &well);
    EXPECT_STATUS(GCA_OK, api->configure(healthy, good, strlen(good)));
    EXPECT_STATUS(GCA_OK, api->start(healthy));
    WAIT_UNTIL(atomic_load(&well.events) > 0);

    const gca_handle sick = make(api, &ill);
    gca_status status = api->configure(sick, bad, strlen(bad));
    if (status == GCA_OK) status = api->start(sick);
    if (status == GCA_OK) {
        WAIT_UNTIL(atomic_load(&ill.internal) > 0);
        told = "state";
    } else {
        EXPECT_STATUS(GCA_ERR_PANIC, status);
    }
    status = api->stop(sick, 10000);
    EXPECT(status == GCA_OK || status == GCA_ERR_PANIC || status == GCA_ERR_STATE);
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
    printf("contained, told by a %s\n", told);
    return 0;
}
