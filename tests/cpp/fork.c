/* A host that forks. The child has none of the library's threads: whatever would need them answers GCA_ERR_FORK instead
 * of hanging. `program LIBRARY SETTINGS`. Promises: so it is, and the parent goes on. */
#include "trial.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int events;
static uint32_t on_event(void *user, const gca_event *event) {
    (void)user, (void)event;
    atomic_fetch_add(&events, 1);
    return GCA_TAKEN;
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
    EXPECT_STATUS(GCA_OK, api->create(&host, &handle));
    EXPECT_STATUS(GCA_OK, api->configure(handle, settings, strlen(settings)));
    EXPECT_STATUS(GCA_OK, api->start(handle));
    WAIT_UNTIL(atomic_load(&events) > 0);
    fflush(NULL);
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        alarm(20); /* a child that hangs is ended, and the parent sees it */
        EXPECT_STATUS(GCA_ERR_FORK, api->stop(handle, 1000));
        EXPECT_STATUS(GCA_ERR_FORK, api->start(handle));
        EXPECT_STATUS(GCA_ERR_FORK, api->configure(handle, settings, strlen(settings)));
        EXPECT_STATUS(GCA_ERR_FORK, api->destroy(handle));
        _exit(0);
    }
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_STATUS(GCA_OK, api->stop(handle, 10000));
    EXPECT_STATUS(GCA_OK, api->destroy(handle));
    puts("refused in the child");
    return 0;
}
