// Two objects would destroy one adapter.
// refused: use of deleted function 'gca::Adapter::Adapter(const gca::Adapter&)'
#include <genesys_cloud_adapter.hpp>

gca::Adapter keep(gca::Adapter& adapter) {
#ifdef MUST_NOT_COMPILE
    return adapter;
#else
    return std::move(adapter);
#endif
}
