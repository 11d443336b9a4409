/* A callback that does not come back for a while. `program LIBRARY SETTINGS WHICH`, WHICH: event, state or log.
 * Promises: stop answers TIMEOUT in the time that it was given, while the callback is inside; a later stop answers OK;
 * a second adapter is destroyed while its callback is inside: TIMEOUT within 5 s and a bit, the handle is dead, on_drop
 * comes once, after the callback returned. */
#include "trial.h"

#include <stdatomic.h>

struct guest {
    atomic_int inside, blocks, returned, drops, called_after_drop;
};

static const char *which;

static void block(struct guest *guest, const char *here) {
    if (atomic_load(&guest->drops) != 0) atomic_fetch_add(&guest->called_after_drop, 1);
    if (strcmp(here, which) != 0) return;
    atomic_fetch_add(&guest->inside, 1);
    while (atomic_load(&guest->blocks)) rest_ms(2);
    EXPECT(atomic_load(&guest->drops) == 0); /* not dropped under our feet */
    atomic_fetch_add(&guest->returned, 1);
}

static uint32_t on_event(void *user, const gca_event *event) {
    /* What the event points to must stay valid for as long as we are inside: read it again after the wait. */
    char id[64] = "";
    EXPECT(event->id.len < sizeof id);
    memcpy(id, event->id.ptr, event->id.len);
    block((struct guest *)user, "event");
    EXPECT(memcmp(id, event->id.ptr, event->id.len) == 0);
    return GCA_TAKEN;
}
static void on_state(void *user, const gca_state *state) {
    (void)state;
    block((struct guest *)user, "state");
}
static void on_log(void *user, const gca_log *line) {
    (void)line;
    block((struct guest *)user, "log");
}
static void on_drop(void *user) { atomic_fetch_add(&((struct guest *)user)->drops, 1); }

static gca_handle begin(const gca_api *api, struct guest *guest, const char *settings) {
    gca_host host;
    gca_handle handle = 0;
    memset(guest, 0, sizeof *guest);
    atomic_store(&guest->blocks, 1);
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.user = guest;
    host.on_event = on_event;
    host.on_state = on_state;
    host.on_log = on_log;
    host.on_drop = on_drop;
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    WAIT_UNTIL(atomic_load(&guest->inside) == 1);
    return handle;
}

int main(int count, char **words) {
    static struct guest stopped, destroyed;
    EXPECT(count == 4);
    const gca_api *api = load(words[1]);
    const char *settings = read_file(words[2]);
    which = words[3];

    gca_handle handle = begin(api, &stopped, settings);
    /* The callback returns only when it is told to: a stop that waited for it would never come back. The upper bounds leave
       room for a machine with much to do, and for valgrind. */
    long start = now_ms();
    EXPECT_STATUS(GCA_ERR_TIMEOUT, api->stop(handle, 300));
    EXPECT(now_ms() - start >= 250 && now_ms() - start < 30000);
    EXPECT_STATUS(GCA_ERR_TIMEOUT, api->stop(handle, 0));
    EXPECT(atomic_load(&stopped.returned) == 0);
    atomic_store(&stopped.blocks, 0);
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT(atomic_load(&stopped.returned) >= 1);
    const int inside = atomic_load(&stopped.inside);
    EXPECT(atomic_load(&stopped.drops) == 0);
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    EXPECT(atomic_load(&stopped.inside) == inside); /* no callback between stop and drop */
    EXPECT(atomic_load(&stopped.drops) == 1);
    puts("stopped");

    handle = begin(api, &destroyed, settings);
    start = now_ms();
    EXPECT_STATUS(GCA_ERR_TIMEOUT, api->destroy(handle));
    EXPECT(now_ms() - start >= 4500 && now_ms() - start < 30000);
    EXPECT_STATUS(GCA_ERR_HANDLE, api->destroy(handle));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->stop(handle, 0));
    EXPECT(atomic_load(&destroyed.drops) == 0);
    atomic_store(&destroyed.blocks, 0);
    WAIT_UNTIL(atomic_load(&destroyed.drops) == 1);
    EXPECT(atomic_load(&destroyed.returned) == 1);
    WAIT_UNTIL(threads() == 1);
    EXPECT(atomic_load(&destroyed.drops) == 1 && atomic_load(&destroyed.called_after_drop) == 0);
    puts("dropped after the callback");
    return 0;
}
