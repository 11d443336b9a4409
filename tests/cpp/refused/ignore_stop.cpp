// Whether stop came to its end decides whether what the sink uses may go. (Warnings are errors here.)
// refused: ignoring return value of 'bool gca::Adapter::stop(
#include <genesys_cloud_adapter.hpp>

void end(gca::Adapter& adapter) {
#ifdef MUST_NOT_COMPILE
    adapter.stop(std::chrono::seconds(1));
#else
    if (!adapter.stop(std::chrono::seconds(1))) std::terminate();
#endif
}
