/* A host that ends its process without stopping the adapter. `program LIBRARY SETTINGS MODE`, MODE:
 *   return    returns from main
 *   exit      calls exit from main
 *   inside    returns from main while a callback is inside the host
 *   callback  calls exit from inside a callback
 * Promises: it ends with status 0, at once. */
#include "trial.h"

#include <stdatomic.h>

static atomic_int called;
static atomic_int blocks;
static atomic_int exits;

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user, (void)event;
    atomic_fetch_add(&called, 1);
    if (atomic_load(&exits)) exit(0);
    while (atomic_load(&blocks)) rest_ms(5);
    return GCA_TAKEN;
}

int main(int count, char **words) {
    EXPECT(count == 4);
    const gca_api *api = load(words[1]);
    const char *settings = read_file(words[2]);
    atomic_store(&blocks, strcmp(words[3], "inside") == 0);
    atomic_store(&exits, strcmp(words[3], "callback") == 0);
    gca_host host;
    gca_handle handle = 0;
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.on_event = on_event;
    puts("leaving");
    fflush(stdout);
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    WAIT_UNTIL(atomic_load(&called) > 0);
    while (atomic_load(&exits)) rest_ms(5); /* the callback ends the process */
    if (strcmp(words[3], "exit") == 0) exit(0);
    return 0;
}
