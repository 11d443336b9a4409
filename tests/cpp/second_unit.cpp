// The header in a second unit of the same program: it must not define anything twice.
#include <genesys_cloud_adapter.hpp>

std::string_view second_unit() { return name(gca::Feed::Up); }
