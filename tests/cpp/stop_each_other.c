/* Two adapters that stop and destroy each other, and themselves, from inside their callbacks: allowed, it would be a
 * deadlock. `program LIBRARY SETTINGS OTHER_SETTINGS`. Promises: every such call answers GCA_ERR_STATE and changes
 * nothing, reading calls work; afterwards both stop. Prints how many callbacks of each kind tried. */
#include "trial.h"

#include <stdatomic.h>

static const gca_api *api;
static const char *settings[2];
static _Atomic gca_handle handles[2];
static atomic_int ready;
static atomic_int tried_events[2], tried_states[2], tried_logs[2], drops[2];

/* What must not wait for a callback answers STATE; what only reads answers. */
static void meddle(void) {
    char text[65536];
    size_t needed = 0;
    WAIT_UNTIL(atomic_load(&ready));
    for (int i = 0; i < 2; ++i) {
        const gca_handle handle = atomic_load(&handles[i]);
        EXPECT_STATUS(GCA_ERR_STATE, api->stop(handle, 60000));
        EXPECT_STATUS(GCA_ERR_STATE, api->restart(handle));
        EXPECT_STATUS(GCA_ERR_STATE, api->destroy(handle));
        EXPECT_STATUS(GCA_ERR_STATE, api->start(handle));
        EXPECT_STATUS(GCA_ERR_STATE, api->configure(handle, settings[i], strlen(settings[i])));
        EXPECT_STATUS(GCA_OK, api->last_error(handle, text, sizeof text, &needed));
        EXPECT(needed > 0);
        EXPECT_STATUS(GCA_OK, api->status_json(handle, text, sizeof text, &needed));
        EXPECT_STATUS(GCA_OK, api->metrics(handle, text, sizeof text, &needed));
        EXPECT_STATUS(GCA_OK, api->set_log_level(handle, GCA_LOG_DEBUG));
    }
}

static uint32_t on_event(void *user, const gca_event *event) {
    (void)event;
    meddle();
    atomic_fetch_add(&tried_events[*(int *)user], 1);
    return GCA_TAKEN;
}
static void on_state(void *user, const gca_state *state) {
    (void)state;
    meddle();
    atomic_fetch_add(&tried_states[*(int *)user], 1);
}
static void on_log(void *user, const gca_log *line) {
    (void)line;
    meddle();
    atomic_fetch_add(&tried_logs[*(int *)user], 1);
}
static void on_drop(void *user) { atomic_fetch_add(&drops[*(int *)user], 1); }

int main(int count, char **words) {
    static int names[2] = {0, 1};
    EXPECT(count == 4);
    api = load(words[1]);
    for (int i = 0; i < 2; ++i) {
        gca_host host;
        gca_handle handle = 0;
        memset(&host, 0, sizeof host);
        host.size = sizeof host;
        host.user = &names[i];
        host.on_event = on_event;
        host.on_state = on_state;
        host.on_log = on_log;
        host.on_drop = on_drop;
        settings[i] = read_file(words[2 + i]);
        EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
        atomic_store(&handles[i], handle);
        EXPECT_STATUS(GCA_OK, api->configure(handle, settings[i], strlen(settings[i])));
    }
    for (int i = 0; i < 2; ++i) EXPECT_STATUS(GCA_OK, api->start(atomic_load(&handles[i])));
    atomic_store(&ready, 1);
    for (int i = 0; i < 2; ++i) {
        WAIT_UNTIL(atomic_load(&tried_events[i]) > 0);
        WAIT_UNTIL(atomic_load(&tried_states[i]) > 0);
        WAIT_UNTIL(atomic_load(&tried_logs[i]) > 0);
    }
    for (int i = 0; i < 2; ++i) EXPECT_STATUS(GCA_OK, api->stop(atomic_load(&handles[i]), 10000));
    for (int i = 0; i < 2; ++i) {
        EXPECT(atomic_load(&drops[i]) == 0);
        EXPECT_STATUS(GCA_OK, api->destroy(atomic_load(&handles[i])));
        EXPECT(atomic_load(&drops[i]) == 1);
    }
    puts("both stopped");
    return 0;
}
