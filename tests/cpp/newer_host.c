/* A host that was built against a later header, in which gca_host and gca_event have one more field (tests/abi_gate.rs
 * makes that header): the library follows the region for it as long as what it does not know is zero, and refuses it
 * otherwise. The host sees that its new field is not there. */
#include "trial.h"

#include <stdatomic.h>

static atomic_int events, drops;

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user;
    EXPECT(event->size < sizeof *event);
    EXPECT(!GCA_HAS(event, newer));
    EXPECT(GCA_HAS(event, gap_to_us) && GCA_HAS(event, kind));
    atomic_fetch_add(&events, 1);
    return GCA_TAKEN;
}

static void on_drop(void *user) {
    (void)user;
    atomic_fetch_add(&drops, 1);
}

static void on_newer(void *user) { (void)user; }

int main(int count, char **arguments) {
    gca_handle handle = 0;
    gca_host host;
    size_t needed = 0;
    char text[512];
    EXPECT(count == 3);
    const gca_api *api = load(arguments[1]);
    const char *settings = read_file(arguments[2]);

    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.on_event = on_event;
    host.on_drop = on_drop;
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    WAIT_UNTIL(atomic_load(&events) > 0);
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    EXPECT(atomic_load(&drops) == 1);

    host.newer = on_newer;
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->last_error(0, text, sizeof text, &needed));
    printf("%.*s\n", (int)needed, text);
    return 0;
}
