// A connection state is no feed state, whatever their numbers.
// refused: no match for 'operator==' (operand types are 'gca::ConnectionState' and 'gca::Feed')
#include <genesys_cloud_adapter.hpp>

bool up(const gca::Event& event, const gca::State& state) {
#ifdef MUST_NOT_COMPILE
    return event.state() == gca::Feed::Up;
#else
    static_cast<void>(event);
    return state.feed() == gca::Feed::Up;
#endif
}
