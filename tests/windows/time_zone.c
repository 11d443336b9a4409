/* A host on a machine that says its time zone as Windows does, and by no variable. `program LIBRARY SETTINGS`. Prints the
 * system's name of the zone, and what the library says of RestartTime. */
#include "../cpp/trial.h"

static char said[256];

static uint32_t on_event(void *user, const gca_event *event) {
    (void)user, (void)event;
    return GCA_TAKEN;
}
static void on_log(void *user, const gca_log *line) {
    (void)user;
    if (holds(line->message.ptr, line->message.len, "by the clock of") && line->message.len < sizeof said) {
        memcpy(said, line->message.ptr, line->message.len);
    }
}

int main(int count, char **words) {
    DYNAMIC_TIME_ZONE_INFORMATION zone;
    gca_host host;
    gca_handle handle = 0;
    EXPECT(count == 3);
    EXPECT(SetEnvironmentVariableA("TZ", NULL));
    EXPECT(GetDynamicTimeZoneInformation(&zone) != TIME_ZONE_ID_INVALID);
    printf("%ls\n", zone.TimeZoneKeyName);
    const gca_api *api = load(words[1]);
    const char *settings = read_file(words[2]);
    memset(&host, 0, sizeof host);
    host.size = sizeof host;
    host.on_event = on_event;
    host.on_log = on_log;
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_OK, api->destroy(handle)); /* after the last line of the log */
    puts(said);
    return 0;
}
