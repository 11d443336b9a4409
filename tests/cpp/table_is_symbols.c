/* The table of gca_get_api and the exported symbols are the same functions, whichever a host uses. `program LIBRARY`. */
#include "trial.h"

#define SAME(name)                                                                          \
    do {                                                                                    \
        void *symbol = symbol_of(library, "gca_" #name);                                        \
        EXPECT(symbol != NULL);                                                             \
        EXPECT(memcmp(&symbol, &api->name, sizeof symbol) == 0);                            \
        functions += 1;                                                                     \
    } while (0)

int main(int count, char **words) {
    size_t functions = 0;
    EXPECT(count == 2);
    void *library = open_library(words[1]);
    const gca_api *api = find_get_api(library)(GCA_ABI_VERSION);
    EXPECT(api != NULL);
    EXPECT(api->size == sizeof(gca_api));
    SAME(abi_version);
    SAME(version);
    SAME(create);
    SAME(configure);
    SAME(start);
    SAME(stop);
    SAME(restart);
    SAME(destroy);
    SAME(status_json);
    SAME(metrics);
    SAME(check);
    SAME(settings_schema);
    SAME(last_error);
    SAME(set_log_level);
    SAME(status_name);
    SAME(event_json);
    SAME(erase);
    /* Whoever appends a function to the table appends it here. */
    EXPECT(sizeof(gca_api) == sizeof(uint64_t) + functions * sizeof(void (*)(void)));
    puts("the same functions");
    return 0;
}
