// The same by assignment.
// refused: use of deleted function 'gca::Adapter& gca::Adapter::operator=(const gca::Adapter&)'
#include <genesys_cloud_adapter.hpp>

void replace(gca::Adapter& one, gca::Adapter& other) {
#ifdef MUST_NOT_COMPILE
    one = other;
#else
    one = std::move(other);
#endif
}
