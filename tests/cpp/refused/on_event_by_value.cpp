// An event taken by value is another function, and would never be called.
// refused: 'gca::Answer Recorder::on_event(gca::Event)' marked 'override', but does not override
#include <genesys_cloud_adapter.hpp>

struct Recorder final : gca::Sink {
#ifdef MUST_NOT_COMPILE
    gca::Answer on_event(gca::Event) override { return gca::Answer::Taken; }
#else
    gca::Answer on_event(const gca::Event&) override { return gca::Answer::Taken; }
#endif
};
Recorder recorder;
