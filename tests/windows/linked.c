/* A host that is linked with the library by its import library instead of loading it. Prints the version. */
#include <stdio.h>

#include <genesys_cloud_adapter.h>

int main(void) {
    const gca_api *api = gca_get_api(GCA_ABI_VERSION);
    if (api == NULL || gca_abi_version() != GCA_ABI_VERSION || api->abi_version() != gca_abi_version()) return 1;
    puts(gca_version());
    return 0;
}
