/* A host that loads the library and hardly uses it. `program LIBRARY MODE`, MODE:
 *   never          loads, and returns from main
 *   version        asks the version, and returns from main
 *   close          loads, closes, returns
 *   version_close  asks the version, closes, returns
 *   create         makes an adapter that is never started or destroyed, returns
 * Promises: it starts no thread, and ends with status 0. */
#include "trial.h"

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user, (void)event;
    return GCA_TAKEN;
}

int main(int count, char **words) {
    EXPECT(count == 3);
    void *library = open_library(words[1]);
    const gca_api *api = find_get_api(library)(GCA_ABI_VERSION);
    EXPECT(api != NULL);
    if (strstr(words[2], "version") != NULL) {
        EXPECT(api->abi_version() == GCA_ABI_VERSION);
        EXPECT(strlen(api->version()) >= 5);
    }
    if (strstr(words[2], "close") != NULL) close_library(library);
    if (strcmp(words[2], "create") == 0) {
        gca_host host;
        gca_handle handle = 0;
        memset(&host, 0, sizeof host);
        host.size = sizeof host;
        host.on_event = on_event;
        EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
        EXPECT(handle != 0);
    }
    EXPECT(threads() == 1);
    puts("left");
    return 0;
}
