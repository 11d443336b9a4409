/* A host whose on_event answers nonsense. `program LIBRARY SETTINGS`. Promises: whatever is neither TAKEN nor LATER
 * counts as LATER: the same event, with its id and number, is offered again until it is taken; the next one has the next
 * number; the log tells of the nonsense. */
#include "trial.h"

#include <stdatomic.h>

static const uint32_t ANSWERS[] = {7, UINT32_MAX, 0x80000000u, 2, GCA_LATER, GCA_TAKEN};
enum { COUNT = sizeof ANSWERS / sizeof ANSWERS[0] };

static atomic_int offers;
static atomic_int complaints;
static char first_id[64];
static size_t first_length;
static uint64_t first_sequence;

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user;
    const int offer = atomic_load(&offers);
    if (offer == 0) {
        EXPECT(event->id.len <= sizeof first_id);
        memcpy(first_id, event->id.ptr, event->id.len);
        first_length = event->id.len;
        first_sequence = event->sequence;
    }
    if (offer < COUNT) {
        EXPECT(event->sequence == first_sequence);
        EXPECT(event->id.len == first_length && memcmp(event->id.ptr, first_id, first_length) == 0);
    } else {
        EXPECT(event->sequence == first_sequence + (uint64_t)(offer - COUNT) + 1);
    }
    atomic_store(&offers, offer + 1);
    return offer < COUNT ? ANSWERS[offer] : GCA_TAKEN;
}
static void on_log(void *user, const gca_log *line) {
    (void)user;
    if (line->level <= GCA_LOG_WARN && holds(line->message.ptr, line->message.len, "on_event")) {
        atomic_fetch_add(&complaints, 1);
    }
}

int main(int count, char **words) {
    EXPECT(count == 3);
    const gca_api *api = load(words[1]);
    const char *settings = read_file(words[2]);
    gca_host host;
    gca_handle handle = 0;
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.on_event = on_event;
    host.on_log = on_log;
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    WAIT_UNTIL(atomic_load(&offers) >= COUNT);
    WAIT_UNTIL(atomic_load(&complaints) > 0);
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    puts("offered again until taken");
    return 0;
}
