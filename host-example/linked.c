/* The smallest host, and one that links the library instead of loading it: prints which version it runs with. What is
 * read from the header and what comes from the library can differ, since the interface is append-only; the version of the
 * interface cannot. */
#include <stdio.h>

#include <genesys_cloud_adapter.h>

int main(void) {
    if (gca_abi_version() != GCA_ABI_VERSION || gca_get_api(GCA_ABI_VERSION) == NULL) {
        fputs("the library has another interface than the header\n", stderr);
        return 1;
    }
    printf("built for %s, runs with %s, interface %u\n", GCA_VERSION_STRING, gca_version(), (unsigned)gca_abi_version());
    return 0;
}
