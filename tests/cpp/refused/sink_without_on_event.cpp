// A sink that does not say what becomes of an event.
// refused: invalid new-expression of abstract class type 'Recorder'
#include <genesys_cloud_adapter.hpp>

struct Recorder final : gca::Sink {
    void on_state(const gca::State&) override {}
#ifndef MUST_NOT_COMPILE
    gca::Answer on_event(const gca::Event&) override { return gca::Answer::Taken; }
#endif
};
std::shared_ptr<gca::Sink> make() { return std::shared_ptr<gca::Sink>(new Recorder); }
