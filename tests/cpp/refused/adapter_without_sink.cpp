// An adapter with nobody to receive its feed.
// refused: no matching function for call to 'gca::Adapter::Adapter(const gca::Library&)'
#include <genesys_cloud_adapter.hpp>

void make(const gca::Library& library, std::shared_ptr<gca::Sink> sink) {
#ifdef MUST_NOT_COMPILE
    static_cast<void>(sink);
    gca::Adapter adapter(library);
#else
    gca::Adapter adapter(library, std::move(sink));
#endif
}
