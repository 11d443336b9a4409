// A copied sink would get nothing.
// refused: use of deleted function 'gca::Sink::Sink(const gca::Sink&)'
#include <genesys_cloud_adapter.hpp>

struct Recorder final : gca::Sink {
    gca::Answer on_event(const gca::Event&) override { return gca::Answer::Taken; }
};
#ifdef MUST_NOT_COMPILE
Recorder copy(const Recorder& recorder) { return recorder; }
#else
const Recorder& copy(const Recorder& recorder) { return recorder; }
#endif
