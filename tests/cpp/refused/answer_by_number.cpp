// true, 1 and 0 are no answers: which of them would be "taken"?
// refused: cannot convert 'bool' to 'gca::Answer'
#include <genesys_cloud_adapter.hpp>

struct Recorder final : gca::Sink {
    gca::Answer on_event(const gca::Event&) override {
#ifdef MUST_NOT_COMPILE
        return true;
#else
        return gca::Answer::Taken;
#endif
    }
};
Recorder recorder;
