// What holds for events holds for states.
// refused: use of deleted function 'gca::State::State(const gca::State&)'
#include <genesys_cloud_adapter.hpp>

void keep(const gca::State& state) {
#ifdef MUST_NOT_COMPILE
    const gca::State kept(state);
#else
    const gca::Feed kept(state.feed());
#endif
    static_cast<void>(kept);
}
