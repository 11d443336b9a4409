/* A host that gets everything wrong. `program LIBRARY SETTINGS DISABLED_SETTINGS`. Promises: NULL pointers, stale and
 * foreign handles, wrong sizes, wrong states, buffers that are too small: a status each, never a crash; outputs are
 * written only on success. */
#include "trial.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static const gca_api *api;
static atomic_int events, drops;
static atomic_int json_checked;

static uint32_t on_event(void *user, const gca_event *event) {
    char small[4] = "abc", *text;
    size_t needed = 0;
    (void)user;
    /* Inside the callback the whole event can be had as JSON, into a buffer that is large enough. */
    EXPECT_STATUS(GCA_ERR_BUFFER, api->event_json(event, small, sizeof small, &needed));
    EXPECT(needed > sizeof small && memcmp(small, "abc", 4) == 0);
    text = (char *)malloc(needed + 1);
    text[needed] = '#';
    EXPECT_STATUS(GCA_OK, api->event_json(event, text, needed, &needed));
    EXPECT(text[0] == '{' && text[needed - 1] == '}' && text[needed] == '#');
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->event_json(NULL, text, needed, &needed));
    gca_event copy = *event; /* a copy is not the event */
    EXPECT(api->event_json(&copy, text, needed, &needed) == GCA_ERR_STATE);
    free(text);
    atomic_store(&json_checked, 1);
    atomic_fetch_add(&events, 1);
    return GCA_TAKEN;
}
static void on_drop(void *user) {
    (void)user;
    atomic_fetch_add(&drops, 1);
}

static gca_host good_host(void) {
    gca_host host;
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.on_event = on_event;
    host.on_drop = on_drop;
    return host;
}

static void tables(void *library) {
    const get_api_fn get_api = find_get_api(library);
    EXPECT(get_api(0) == NULL);
    EXPECT(get_api(GCA_ABI_VERSION + 1) == NULL);
    EXPECT(get_api(UINT32_MAX) == NULL);
    EXPECT(get_api(GCA_ABI_VERSION)->size == sizeof(gca_api));
}

static void hosts(void) {
    struct {
        gca_host known;
        char unknown[32];
    } larger;
    gca_handle handle = 77;
    gca_host host = good_host();
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(NULL, &handle));
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&host, NULL));
    host.on_event = NULL;
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&host, &handle));
    host = good_host();
    host.size = 0;
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&host, &handle));
    host.size = offsetof(gca_host, on_event); /* too small to hold what is required */
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&host, &handle));
    host.size = UINT32_MAX;
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&host, &handle));
    EXPECT(handle == 77);

    /* Compiled against an older header that ends after on_event: what follows it must not be read. */
    const int drops_before = atomic_load(&drops);
    host = good_host();
    host.size = offsetof(gca_host, on_state);
    memset((char *)&host + host.size, 0x5A, sizeof host - host.size);
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT(handle != 77 && handle != 0);
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    EXPECT(atomic_load(&drops) == drops_before);

    /* Compiled against a newer one: taken if what we do not know of it is zero. */
    memset(&larger, 0, sizeof larger);
    larger.known = good_host();
    larger.known.size = sizeof larger;
    EXPECT_STATUS(GCA_OK, api->create(&larger.known, &handle));
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    EXPECT(atomic_load(&drops) == drops_before + 1);
    larger.unknown[sizeof larger.unknown - 1] = 1;
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->create(&larger.known, &handle));
    EXPECT(atomic_load(&drops) == drops_before + 1); /* no drop where create failed */
}

/* Every function that takes a handle, with one that is none. */
static void no_handle(gca_handle handle) {
    char text[64];
    size_t needed = 0;
    EXPECT_STATUS(GCA_ERR_HANDLE, api->configure(handle, "{}", 2));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->start(handle));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->stop(handle, 0));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->restart(handle));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->status_json(handle, text, sizeof text, &needed));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->metrics(handle, text, sizeof text, &needed));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->check(handle, 1000, text, sizeof text, &needed));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->set_log_level(handle, GCA_LOG_INFO));
    EXPECT_STATUS(GCA_ERR_HANDLE, api->destroy(handle));
}

static void buffers(gca_handle handle) {
    char small[2] = {'x', 'y'};
    size_t needed = 0, length = 0;
    EXPECT_STATUS(GCA_ERR_BUFFER, api->settings_schema(NULL, 0, &needed));
    EXPECT(needed > 100);
    EXPECT_STATUS(GCA_ERR_BUFFER, api->settings_schema(small, sizeof small, &length));
    EXPECT(length == needed && small[0] == 'x' && small[1] == 'y');
    char *text = (char *)malloc(needed + 1);
    text[needed] = '#';
    EXPECT_STATUS(GCA_ERR_BUFFER, api->settings_schema(text, needed - 1, &length));
    EXPECT_STATUS(GCA_OK, api->settings_schema(text, needed, &length));
    EXPECT(length == needed && text[0] == '{' && text[needed] == '#');
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->settings_schema(NULL, needed, &length)); /* no buffer, but a size */
    free(text);
    EXPECT_STATUS(GCA_ERR_BUFFER, api->status_json(handle, small, sizeof small, &length));
    EXPECT_STATUS(GCA_ERR_BUFFER, api->metrics(handle, small, sizeof small, &length));
    EXPECT(small[0] == 'x' && small[1] == 'y');
}

static void states(const char *settings, const char *disabled) {
    char text[4096];
    size_t needed = 0;
    gca_handle handle = 0;
    gca_host host = good_host();
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->stop(handle, 0)); /* nothing to do */
    EXPECT_STATUS(GCA_ERR_STATE, api->restart(handle)); /* it does not run */
    EXPECT_STATUS(GCA_ERR_STATE, api->start(handle)); /* no settings yet */
    EXPECT_STATUS(GCA_OK, api->last_error(handle, text, sizeof text, &needed));
    EXPECT(needed > 10);
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->configure(handle, NULL, 3));
    EXPECT_STATUS(GCA_ERR_SETTINGS, api->configure(handle, "{", 1));
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->configure(handle, "\xFF\xFE", 2)); /* not UTF-8 */
    EXPECT_STATUS(GCA_ERR_SETTINGS, api->configure(handle, "{\"AdapterType\":\"x\",\"Surplus\":1}", 31));
    EXPECT_STATUS(GCA_OK, api->last_error(handle, text, sizeof text - 1, &needed));
    text[needed] = '\0'; /* all problems at once */
    EXPECT(strstr(text, "AdapterType") && strstr(text, "Surplus") && strstr(text, "AdapterName") && strstr(text, "ClientId"));
    EXPECT_STATUS(GCA_ERR_STATE, api->start(handle)); /* a bad document changes nothing */
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->set_log_level(handle, 0));
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->set_log_level(handle, GCA_LOG_TRACE + 1));
    EXPECT_STATUS(GCA_ERR_ARGUMENT, api->set_log_level(handle, UINT32_MAX));
    buffers(handle);

    EXPECT_STATUS(GCA_OK, api->configure(handle, disabled, strlen(disabled)));
    EXPECT_STATUS(GCA_ERR_DISABLED, api->start(handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    EXPECT_STATUS(GCA_ERR_STATE, api->start(handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings))); /* while it runs */
    EXPECT_STATUS(GCA_ERR_SETTINGS, api->configure(handle, "{}", 2));
    for (int i = 0; i < 100; ++i) EXPECT_STATUS(GCA_OK, api->restart(handle));
    WAIT_UNTIL(atomic_load(&json_checked));
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_ERR_STATE, api->restart(handle)); /* stopped is not running */
    EXPECT_STATUS(GCA_OK, api->start(handle)); /* stopped is not destroyed */
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    no_handle(handle);
    /* A new adapter does not come to life under an old handle. */
    gca_handle next = 0;
    host = good_host();
    EXPECT_STATUS(GCA_OK, api->create(&host, &next));
    EXPECT(next != handle);
    no_handle(handle);
    EXPECT_STATUS(GCA_OK, api->destroy(next));
}

static void *other_thread(void *handle) {
    char text[256];
    size_t needed = 1;
    EXPECT_STATUS(GCA_OK, api->last_error(*(gca_handle *)handle, text, sizeof text, &needed));
    EXPECT(needed == 0); /* errors are told to the thread that made them */
    return NULL;
}

int main(int count, char **words) {
    pthread_t thread;
    gca_handle handle = 0;
    EXPECT(count == 4);
    api = load(words[1]);
    tables(open_library(words[1]));
    hosts();
    no_handle(0);
    no_handle(1);
    no_handle(0xDEADBEEFu);
    no_handle(UINT64_MAX);
    states(read_file(words[2]), read_file(words[3]));
    gca_host host = good_host();
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_ERR_STATE, api->start(handle));
    EXPECT(pthread_create(&thread, NULL, other_thread, &handle) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    EXPECT(strcmp(api->status_name(GCA_ERR_FORK), "GCA_ERR_FORK") == 0);
    EXPECT(strcmp(api->status_name(9999), "GCA_ERR_UNKNOWN") == 0);
    EXPECT(strcmp(api->status_name(-1), "GCA_ERR_UNKNOWN") == 0);
    puts("refused everything");
    return 0;
}
