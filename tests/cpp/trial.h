/* What the hostile hosts share: an assertion that says where, loading, waiting for a condition, counting threads and
 * memory; of these what differs between Linux and Windows.
 *
 * Every program is called as `program LIBRARY SETTINGS [more]`, prints what it promises in its first comment, and ends
 * with status 0. SETTINGS is a file: a document whose region is a port of this machine where nobody listens, unless the
 * program says otherwise. Included first: it asks the system for more than ISO C. */
#ifndef TRIAL_H
#define TRIAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef _WIN32
#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>
#else
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <unistd.h>
#endif

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

static inline long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

#ifdef _WIN32
static inline void *symbol_of(void *library, const char *name) {
    const FARPROC found = GetProcAddress((HMODULE)library, name);
    void *symbol;
    memcpy(&symbol, &found, sizeof symbol);
    return symbol;
}

static inline void *open_library(const char *path) {
    void *library = LoadLibraryA(path);
    if (library == NULL) fprintf(stderr, "Windows error %lu\n", GetLastError());
    EXPECT(library != NULL);
    return library;
}

static inline void close_library(void *library) { EXPECT(FreeLibrary((HMODULE)library)); }

static inline int is_loaded(const char *path) { return GetModuleHandleA(path) != NULL; }
#else
static inline void *symbol_of(void *library, const char *name) { return dlsym(library, name); }

static inline void *open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    EXPECT(library != NULL);
    return library;
}

static inline void close_library(void *library) { EXPECT(dlclose(library) == 0); }

static inline int is_loaded(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    return library != NULL && dlclose(library) == 0;
}
#endif

typedef const gca_api *(*get_api_fn)(uint32_t version);

/* A symbol of the library as a function. ISO C has no cast between the two kinds of pointer; POSIX asks for this. */
static inline get_api_fn find_get_api(void *library) {
    get_api_fn found;
    void *symbol = symbol_of(library, "gca_get_api");
    EXPECT(symbol != NULL);
    memcpy(&found, &symbol, sizeof found);
    return found;
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

/* Whether a text of `length` bytes holds `word`. */
static inline int holds(const char *text, size_t length, const char *word) {
    const size_t size = strlen(word);
    for (size_t at = 0; at + size <= length; ++at) {
        if (memcmp(text + at, word, size) == 0) return 1;
    }
    return 0;
}

#ifdef _WIN32
/* Threads of this process. */
static inline int threads(void) {
    int count = 0;
    THREADENTRY32 entry;
    const HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    EXPECT(all != INVALID_HANDLE_VALUE);
    entry.dwSize = sizeof entry;
    for (BOOL more = Thread32First(all, &entry); more; more = Thread32Next(all, &entry)) {
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    }
    CloseHandle(all);
    return count;
}

/* Memory of this process that is not only promised. */
static inline long resident_bytes(void) {
    PROCESS_MEMORY_COUNTERS counters;
    EXPECT(GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
    return (long)counters.WorkingSetSize;
}

/* What is in use of the heap that the library takes from. */
static inline long heap_bytes(void) {
    const HANDLE heap = GetProcessHeap();
    PROCESS_HEAP_ENTRY entry;
    long used = 0;
    entry.lpData = NULL;
    EXPECT(HeapLock(heap));
    while (HeapWalk(heap, &entry)) {
        if (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) used += (long)entry.cbData;
    }
    EXPECT(HeapUnlock(heap));
    return used;
}
#else
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

/* Memory of this process that is not only promised. */
static inline long resident_bytes(void) {
    long pages = 0, resident = 0;
    malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "r");
    EXPECT(file != NULL);
    EXPECT(fscanf(file, "%ld %ld", &pages, &resident) == 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

/* What is in use of the heap that the library takes from. */
static inline long heap_bytes(void) { return (long)mallinfo2().uordblks; }
#endif

#endif
