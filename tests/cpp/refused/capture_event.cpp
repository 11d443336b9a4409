// The same, by value into a function that runs later.
// refused: use of deleted function 'gca::Event::Event(const gca::Event&)'
#include <genesys_cloud_adapter.hpp>

std::function<void()> later(const gca::Event& event) {
#ifdef MUST_NOT_COMPILE
    return [event] { static_cast<void>(event.id()); };
#else
    return [id = std::string(event.id())] { static_cast<void>(id); };
#endif
}
