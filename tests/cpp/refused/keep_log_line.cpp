// Nor can log lines be kept.
// refused: use of deleted function 'gca::LogLine::LogLine(const gca::LogLine&)'
#include <genesys_cloud_adapter.hpp>

void keep(const gca::LogLine& line) {
#ifdef MUST_NOT_COMPILE
    const gca::LogLine kept(line);
#else
    const std::string kept(line.message());
#endif
    static_cast<void>(kept);
}
