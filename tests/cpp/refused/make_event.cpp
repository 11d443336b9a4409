// Events come from the library only.
// refused: 'gca::Event::Event(const gca_event*, const gca_api*)' is private
#include <genesys_cloud_adapter.hpp>

std::size_t read(const gca_event& raw, const gca_api& api) {
#ifdef MUST_NOT_COMPILE
    return gca::Event(&raw, &api).id().size();
#else
    return raw.size + api.size;
#endif
}
