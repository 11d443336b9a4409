/* What the hostile hosts share: an assertion that says where, loading, waiting for a condition, counting threads.
 *
 * Every program is called as `program LIBRARY SETTINGS [more]`, prints what it promises in its first comment, and ends
 * with status 0. SETTINGS is a file: a document whose region is a port of this machine where nobody listens, unless the
 * program says otherwise. Included first: it asks the system for more than ISO C. */
#ifndef TRIAL_H
#define TRIAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <genesys_cloud_adapter.h>

/* Ends the program with status 1 and the place, unless `condition` holds. */
#define EXPECT(condition)                                                                       \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);      \
            fflush(NULL);                                                                       \
            _Exit(1);                                                                           \
        }                                                                                       \
    } while (0)

/* The same for a status, and tells which one came. */
#define EXPECT_STATUS(expected, call)                                                                          \
    do {                                                                                                       \
        const int expected_ = (int)(expected);                                                                 \
        const int status_ = (int)(call);                                                                       \
        if (status_ != expected_) {                                                                            \
            fprintf(stderr, "%s:%d: %d instead of %d: %s\n", __FILE__, __LINE__, status_, expected_, #call);   \
            fflush(NULL);                                                                                      \
            _Exit(1);                                                                                          \
        }                                                                                                      \
    } while (0)

/* Waits until `condition` holds, 30 s at the most (valgrind is slow). */
#define WAIT_UNTIL(condition)                                                   \
    do {                                                                        \
        int tries_ = 0;                                                         \
        while (!(condition)) {                                                  \
            if (++tries_ == 6000) {                                             \
                fprintf(stderr, "%s:%d: waited in vain\n", __FILE__, __LINE__); \
            }                                                                   \
            EXPECT(tries_ < 6000);                                              \
            rest_ms(5);                                                         \
        }                                                                       \
    } while (0)

static inline void rest_ms(long ms) {
    struct timespec length;
    length.tv_sec = ms / 1000;
    length.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&length, NULL);
}

typedef const gca_api *(*get_api_fn)(uint32_t version);

/* A symbol of the library as a function. ISO C has no cast between the two kinds of pointer; POSIX asks for this. */
static inline get_api_fn find_get_api(void *library) {
    get_api_fn found;
    void *symbol = dlsym(library, "gca_get_api");
    EXPECT(symbol != NULL);
    memcpy(&found, &symbol, sizeof found);
    return found;
}

static inline void *open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    EXPECT(library != NULL);
    return library;
}

static inline const gca_api *load(const char *path) {
    const gca_api *api = find_get_api(open_library(path))(GCA_ABI_VERSION);
    EXPECT(api != NULL);
    return api;
}

/* A small file as text. */
static inline char *read_file(const char *path) {
    static char text[4][8192];
    static int next = 0;
    char *into = text[next++ % 4];
    FILE *file = fopen(path, "rb");
    EXPECT(file != NULL);
    into[fread(into, 1, sizeof text[0] - 1, file)] = '\0';
    fclose(file);
    return into;
}

/* Threads of this process. */
static inline int threads(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    EXPECT(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

#endif
