// The same, into a queue of events for later.
// refused: use of deleted function 'gca::Event::Event(const gca::Event&)'
#include <genesys_cloud_adapter.hpp>

#include <deque>

#ifdef MUST_NOT_COMPILE
void keep(std::deque<gca::Event>& queue, const gca::Event& event) { queue.push_back(event); }
#else
void keep(std::deque<std::string>& queue, const gca::Event& event) { queue.push_back(event.json()); }
#endif
