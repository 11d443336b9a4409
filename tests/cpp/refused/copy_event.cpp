// An event is gone when the callback returns; a copy would point to what was.
// refused: use of deleted function 'gca::Event::Event(const gca::Event&)'
#include <genesys_cloud_adapter.hpp>

void keep(const gca::Event& event) {
#ifdef MUST_NOT_COMPILE
    const auto kept = event;
#else
    const auto kept = std::string(event.id());
#endif
    static_cast<void>(kept);
}
