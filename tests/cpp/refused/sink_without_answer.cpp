// A function for events that does not answer.
// refused: no matching function for call to 'gca::FunctionSink::FunctionSink(
#include <genesys_cloud_adapter.hpp>

gca::FunctionSink make() {
#ifdef MUST_NOT_COMPILE
    return gca::FunctionSink([](const gca::Event&) {});
#else
    return gca::FunctionSink([](const gca::Event&) { return gca::Answer::Taken; });
#endif
}
