// A call recorder reduced to what it shares with the plugin: loads it, gives it the settings, receives the feed.
//
// The one idea to copy: a callback only formats into memory, the main thread writes. A slow disk or a stopped terminal
// holds up nothing; when too much is unwritten, on_event answers Later, and the plugin keeps the event and offers it
// again. (A recorder that must survive its own crash stores the event before it answers Taken.)
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

#include <genesys_cloud_adapter.hpp>

#include "jsonl.hpp"
#include "table.hpp"

#ifdef _WIN32
static bool is_terminal(std::FILE*) { return false; }  // consoles of old Windows versions would show the colour codes
#else
#include <unistd.h>
static bool is_terminal(std::FILE* file) { return ::isatty(::fileno(file)) == 1; }
#endif

namespace {

using namespace std::chrono_literals;

enum Exit { DONE = 0, FAILED = 1, USAGE = 2, NO_PLUGIN = 3, BAD_SETTINGS = 4 };

// Text on its way to a file. Callbacks append to `pending`; the main thread swaps it out and writes without the lock.
// Both strings keep their memory: in the long run nothing is allocated.
class Outlet {
public:
    std::string pending;  // guarded by the recorder's mutex

    // False: the file does not take it now; what is left is tried again with the next call.
    bool write(std::FILE* file, std::mutex& mutex) {
        if (written_ == writing_.size()) {
            writing_.clear();
            written_ = 0;
            const std::lock_guard<std::mutex> lock(mutex);
            writing_.swap(pending);
        }
        if (writing_.empty()) return true;
        written_ += std::fwrite(writing_.data() + written_, 1, writing_.size() - written_, file);
        return std::fflush(file) == 0 && written_ == writing_.size();
    }

private:
    std::string writing_;
    std::size_t written_ = 0;
};

class Recorder final : public gca::Sink {
public:
    Recorder(std::FILE* jsonl, bool coloured) : jsonl_(jsonl), coloured_(coloured) { table::heading(rows_.pending); }

    gca::Answer on_event(const gca::Event& event) override {
        const gca::Time at = now();
        const std::lock_guard<std::mutex> lock(mutex_);
        if (lines_.pending.size() > MOST_UNWRITTEN || rows_.pending.size() > MOST_UNWRITTEN) {
            ++refused_;
            return gca::Answer::Later;
        }
        if (jsonl_ != nullptr) jsonl::event_line(lines_.pending, event, at, document_);
        if (table::is_worth_a_row(event.kind())) table::row(rows_.pending, event, coloured_);
        ++events_;
        return gca::Answer::Taken;
    }

    // A recorder switches its fallback recording here: on when the feed is not up, off when it is.
    void on_state(const gca::State& state) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (jsonl_ != nullptr) jsonl::state_line(lines_.pending, state, now());
        std::string& out = notes_.pending;
        out.append("state  ").append(name(state.life())).append(", feed ").append(name(state.feed()));
        if (state.why() != gca::Why::None) out.append(" (").append(name(state.why())).append(")");
        out.append(state.message().empty() ? "" : ": ").append(state.message()).append("\n");
    }

    void on_log(const gca::LogLine& line) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::string& out = notes_.pending;
        if (line.dropped() != 0) out.append("log    ").append(std::to_string(line.dropped())).append(" lines dropped\n");
        table::cell(out, name(line.level()), 5);
        out.append(line.target()).append(": ").append(line.message()).append("\n");
    }

    void on_exception(gca::Callback, std::exception_ptr) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        notes_.pending.append("a callback threw; an event that it was given is offered again\n");
    }

    // Writes what the callbacks have left. Main thread only. False: the JSON file does not take it now.
    bool write() {
        notes_.write(stderr, mutex_);
        rows_.write(stdout, mutex_);
        return jsonl_ == nullptr || lines_.write(jsonl_, mutex_);
    }

    // Writes the rest and the last line, after the adapter is gone. False: the JSON file is incomplete.
    bool finish() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            std::string& out = lines_.pending.append("{\"type\":\"end\"");
            jsonl::add(out, "at_us", jsonl::micros(now()));
            jsonl::add(out, "events", events_);
            jsonl::add(out, "refused", refused_);
            out.append("}\n");
        }
        for (int tries = 0; tries < 50; ++tries) {
            if (write() && write()) return true;  // the first may have been the rest of an earlier one
            std::this_thread::sleep_for(100ms);
        }
        return false;
    }

private:
    static constexpr std::size_t MOST_UNWRITTEN = 8u << 20;

    static gca::Time now() {
        return std::chrono::time_point_cast<gca::Time::duration>(std::chrono::system_clock::now());
    }

    std::mutex mutex_;
    std::FILE* const jsonl_;
    const bool coloured_;
    Outlet rows_, lines_, notes_;
    std::string document_;
    std::uint64_t events_ = 0, refused_ = 0;
};

volatile std::sig_atomic_t interrupted = 0;

struct Options {
    std::string plugin, settings, jsonl;
    double seconds = 0;  // 0: until Ctrl-C
};

std::optional<Options> parse(int count, char** words) {
    Options found;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view word = words[i];
        const char* const value = words[i + 1];
        char* rest = nullptr;
        if (word == "--plugin") found.plugin = value;
        else if (word == "--settings") found.settings = value;
        else if (word == "--jsonl") found.jsonl = value;
        else if (word == "--seconds" && (found.seconds = std::strtod(value, &rest)) > 0 && *rest == '\0') continue;
        else return std::nullopt;
    }
    if (count % 2 == 0 || found.plugin.empty() || found.settings.empty()) return std::nullopt;
    return found;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Runs the adapter until the time is up or somebody interrupts. Throws what the plugin refuses.
Exit follow(const Options& options, const std::string& settings, const std::shared_ptr<Recorder>& recorder) {
    const gca::Library library = gca::Library::load(options.plugin);
    gca::Adapter adapter(library, recorder);
    adapter.configure(settings);
    adapter.start();
    const auto begin = std::chrono::steady_clock::now();
    const std::chrono::duration<double> length(options.seconds);
    while (interrupted == 0 && (options.seconds == 0 || std::chrono::steady_clock::now() - begin < length)) {
        std::this_thread::sleep_for(20ms);
        recorder->write();
    }
    const bool stopped = adapter.stop(10s);
    const bool dropped = adapter.destroy();  // the destructor would do it too; we want to know
    if (stopped && dropped) return DONE;
    std::fputs("a callback did not come back in time\n", stderr);
    return FAILED;
}

Exit run(const Options& options) {
    std::ifstream file(options.settings, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();  // a directory can be opened; this is where it fails
    const std::string settings = text.str();
    if (!file || !text) {
        std::fprintf(stderr, "cannot read the settings from %s\n", options.settings.c_str());
        return BAD_SETTINGS;
    }
    const File jsonl(options.jsonl.empty() ? nullptr : std::fopen(options.jsonl.c_str(), "wb"), &std::fclose);
    if (!jsonl && !options.jsonl.empty()) {
        std::fprintf(stderr, "cannot write %s: %s\n", options.jsonl.c_str(), std::strerror(errno));
        return FAILED;
    }
    if (jsonl) std::setvbuf(jsonl.get(), nullptr, _IONBF, 0);  // an Outlet is a buffer, and knows what was written

    const bool coloured = is_terminal(stdout) && std::getenv("NO_COLOR") == nullptr;
    const auto recorder = std::make_shared<Recorder>(jsonl.get(), coloured);
    Exit result = DONE;
    try {
        result = follow(options, settings, recorder);
    } catch (const gca::LoadError& error) {
        std::fprintf(stderr, "%s\n", error.what());
        result = NO_PLUGIN;
    } catch (const gca::Error& error) {  // of settings: all problems, one a line
        std::fprintf(stderr, "%s\n", error.what());
        result = error.status() == gca::Status::Settings ? BAD_SETTINGS : FAILED;
    }
    if (!recorder->finish()) {
        std::fputs("the disk does not take the rest of the JSON lines\n", stderr);
        return FAILED;
    }
    return result;
}

}  // namespace

int main(int count, char** words) {
    const auto options = parse(count, words);
    if (!options) {
        std::fputs("usage: recorder-host --plugin FILE --settings FILE [--jsonl FILE] [--seconds N]\n"
                   "exit status: 0 done, 1 failed while running, 2 usage, 3 plugin not loaded, 4 settings refused\n",
                   stderr);
        return USAGE;
    }
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { interrupted = 1; });
#ifdef SIGPIPE
    std::signal(SIGPIPE, [](int) { interrupted = 1; });  // nobody reads the table any more: end as with Ctrl-C
#endif
    return run(*options);
}
