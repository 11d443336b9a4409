// A status is not a truth value: Ok is 0.
// refused: could not convert 'status' from 'gca::Status' to 'bool'
#include <genesys_cloud_adapter.hpp>

bool good(gca::Status status) {
#ifdef MUST_NOT_COMPILE
    if (status) return true;
    return false;
#else
    return status == gca::Status::Ok;
#endif
}
