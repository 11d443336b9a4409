/* A thread calls into the library, the host closes the library, the thread ends after that. With a library that is
 * really unloaded this is a crash at the end of the thread, in clean-up code that is not there any more.
 * `program LIBRARY SETTINGS`. Promises: the library is still there after dlclose (FreeLibrary); prints `mapped` and ends with 0. */
#include "trial.h"

#include <pthread.h>
#include <stdatomic.h>

static const gca_api *api;
static const char *settings;
static atomic_int called_in;
static atomic_int closed;

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user, (void)event;
    return GCA_TAKEN;
}

static void *visitor(void *nothing) {
    char text[4096];
    size_t needed = 0;
    gca_host host;
    gca_handle handle = 0;
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.on_event = on_event;
    /* A whole life of an adapter and a failed call, so that whatever the library keeps for a thread is made. */
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->start(handle));
    EXPECT_STATUS(GCA_OK, api->last_error(0, text, sizeof text, &needed));
    EXPECT(needed > 0);
    atomic_store(&called_in, 1);
    WAIT_UNTIL(atomic_load(&closed));
    return nothing;
}

int main(int count, char **words) {
    pthread_t thread;
    EXPECT(count == 3);
    void *library = open_library(words[1]);
    api = find_get_api(library)(GCA_ABI_VERSION);
    EXPECT(api != NULL);
    settings = read_file(words[2]);
    EXPECT(pthread_create(&thread, NULL, visitor, NULL) == 0);
    WAIT_UNTIL(atomic_load(&called_in));
    close_library(library);
    EXPECT(is_loaded(words[1]));
    atomic_store(&closed, 1);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(api->abi_version() == GCA_ABI_VERSION);
    puts("mapped");
    return 0;
}
