// A report inside an event cannot be carried out of it.
// refused: use of deleted function 'gca::State::State(const gca::State&)'
#include <genesys_cloud_adapter.hpp>

gca::Feed feed(const gca::Event& event) {
    gca::Feed found = gca::Feed::Down;
#ifdef MUST_NOT_COMPILE
    event.state_report([&](const gca::State& state) {
        const auto kept = state;
        found = kept.feed();
    });
#else
    event.state_report([&](const gca::State& state) { found = state.feed(); });
#endif
    return found;
}
