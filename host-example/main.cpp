// A call recorder reduced to what it shares with the plugin: loads it, gives it the settings, receives the feed.
//
// The one idea to copy: a callback only formats into memory, the main thread writes. A slow disk or a stopped terminal
// holds up nothing; when too much is unwritten, on_event answers Later, and the plugin keeps the event and offers it
// again.
//
// A recorder that must survive its own crash does it as with `--journal`: on_event stores the event, with its id, before it
// answers Taken, and the plugin has a journal. After a crash, what was not answered comes again under its id: an id that
// is stored already is answered with Taken, and that is all.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <genesys_cloud_adapter.hpp>

#include "check.hpp"
#include "files.hpp"
#include "jsonl.hpp"
#include "record.hpp"
#include "settings.hpp"
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

// How well the host takes what it is offered.
struct Manners {
    std::chrono::milliseconds slow{0};  // on_event takes so long
    unsigned later = 0;                 // so many offers of a hundred are answered with Later
};

class Recorder final : public gca::Sink {
public:
    // `jsonl`: lines for whoever wants them, written when there is time. `record`: of what was taken, written before it is.
    Recorder(std::FILE* jsonl, std::unique_ptr<record::Record> record, Manners manners, bool coloured, bool follows)
        : jsonl_(jsonl), record_(std::move(record)), manners_(manners), coloured_(coloured) {
        if (follows) table::heading(rows_.pending);
        if (record_ == nullptr) return;
        line_.assign("{\"type\":\"start\"");
        jsonl::add(line_, "at_us", jsonl::micros(now()));
        record_->note(line_.append("}\n"));
    }

    gca::Answer on_event(const gca::Event& event) override {
        const gca::Time at = now();
        if (manners_.slow.count() > 0) {
            note("offered", event, at);
            std::this_thread::sleep_for(manners_.slow);
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        if (dice_(chance_) < manners_.later || lines_.pending.size() > MOST_UNWRITTEN ||
            rows_.pending.size() > MOST_UNWRITTEN) {
            return refuse(event, at);
        }
        if (record_ != nullptr) {
            if (record_->has(event.id())) {
                note_locked("again", event, at);
                return gca::Answer::Taken;
            }
            line_.clear();
            jsonl::event_line(line_, event, at, document_);
            if (!record_->take(event.id(), line_)) return refuse(event, at);
        } else if (jsonl_ != nullptr) {
            jsonl::event_line(lines_.pending, event, at, document_);
        }
        if (table::is_worth_a_row(event.kind())) table::row(rows_.pending, event, coloured_);
        ++events_;
        return gca::Answer::Taken;
    }

    // A recorder switches its fallback recording here: on when the feed is not up, off when it is.
    void on_state(const gca::State& state) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (record_ != nullptr) {
            line_.clear();
            jsonl::state_line(line_, state, now());
            record_->note(line_);
        } else if (jsonl_ != nullptr) {
            jsonl::state_line(lines_.pending, state, now());
        }
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
            line_.assign("{\"type\":\"end\"");
            jsonl::add(line_, "at_us", jsonl::micros(now()));
            jsonl::add(line_, "events", events_);
            jsonl::add(line_, "refused", refused_);
            line_.append("}\n");
            if (record_ != nullptr && !record_->note(line_)) return false;
            if (record_ == nullptr) lines_.pending.append(line_);
        }
        for (int tries = 0; tries < 50; ++tries) {
            if (write() && write()) return true;  // the first may have been the rest of an earlier one
            std::this_thread::sleep_for(100ms);
        }
        return false;
    }

private:
    // An offer that is no event of the record: it is being looked at, was refused, or was taken before.
    void note(std::string_view type, const gca::Event& event, gca::Time at) {
        const std::lock_guard<std::mutex> lock(mutex_);
        note_locked(type, event, at);
    }

    void note_locked(std::string_view type, const gca::Event& event, gca::Time at) {
        if (record_ == nullptr) return;
        line_.assign("{\"type\":\"").append(type).append("\"");
        jsonl::add(line_, "at_us", jsonl::micros(at));
        jsonl::add(line_, "kind", name(event.kind()));
        jsonl::add(line_, "feed_id", event.feed_id());
        jsonl::add(line_, "sequence", event.sequence());
        jsonl::add(line_, "id", event.id());
        record_->note(line_.append("}\n"));
    }

    gca::Answer refuse(const gca::Event& event, gca::Time at) {
        note_locked("refused", event, at);
        ++refused_;
        return gca::Answer::Later;
    }

    static constexpr std::size_t MOST_UNWRITTEN = 8u << 20;

    static gca::Time now() {
        return std::chrono::time_point_cast<gca::Time::duration>(std::chrono::system_clock::now());
    }

    std::mutex mutex_;
    std::FILE* const jsonl_;
    const std::unique_ptr<record::Record> record_;
    const Manners manners_;
    const bool coloured_;
    Outlet rows_, lines_, notes_;
    std::string line_, document_;
    std::minstd_rand chance_{std::random_device{}()};
    std::uniform_int_distribution<unsigned> dice_{0, 99};
    std::uint64_t events_ = 0, refused_ = 0;
};

volatile std::sig_atomic_t interrupted = 0;

struct Options {
    std::string plugin, settings, jsonl, journal;
    Manners manners;
    double seconds = 0;        // 0: until Ctrl-C
    double restart_every = 0;  // seconds; 0: never
    bool check = false;        // only "Test connection"
};

bool is_whole(const char* text) {
    const std::string_view digits = text;
    return !digits.empty() && digits.size() < 8 && digits.find_first_not_of("0123456789") == digits.npos;
}

std::optional<Options> parse(const std::vector<std::string>& words) {
    Options found;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string_view word = words[i];
        if (word == "--check") {
            found.check = true;
            --i;  // it has no value
            continue;
        }
        if (i + 1 == words.size()) return std::nullopt;
        const char* const value = words[i + 1].c_str();
        char* rest = nullptr;
        if (word == "--plugin") found.plugin = value;
        else if (word == "--settings") found.settings = value;
        else if (word == "--jsonl") found.jsonl = value;
        else if (word == "--journal") found.journal = value;
        else if (word == "--slow" && is_whole(value)) found.manners.slow = std::chrono::milliseconds(std::atol(value));
        else if (word == "--later" && is_whole(value) && std::atol(value) <= 100)
            found.manners.later = static_cast<unsigned>(std::atol(value));
        else if (word == "--seconds" && (found.seconds = std::strtod(value, &rest)) > 0 && *rest == '\0') continue;
        else if (word == "--restart-every" && (found.restart_every = std::strtod(value, &rest)) > 0 && *rest == '\0')
            continue;
        else return std::nullopt;
    }
    if (found.plugin.empty() || found.settings.empty()) return std::nullopt;
    return found;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Runs the adapter until the time is up or somebody interrupts. Throws what the plugin refuses.
Exit follow(const Options& options, const std::string& settings, const std::shared_ptr<Recorder>& recorder) {
    const gca::Library library = gca::Library::load(files::path(options.plugin));
    gca::Adapter adapter(library, recorder);
    adapter.configure(settings);
    adapter.start();
    const auto begin = std::chrono::steady_clock::now();
    const std::chrono::duration<double> length(options.seconds), between_restarts(options.restart_every);
    auto last_restart = begin;
    while (interrupted == 0 && (options.seconds == 0 || std::chrono::steady_clock::now() - begin < length)) {
        std::this_thread::sleep_for(20ms);
        recorder->write();
        const auto now = std::chrono::steady_clock::now();
        if (options.restart_every > 0 && now - last_restart >= between_restarts) {
            last_restart = now;
            adapter.restart();  // an operator's button: everything is renewed, and the feed goes on
        }
    }
    const bool stopped = adapter.stop(10s);
    const bool dropped = adapter.destroy();  // the destructor would do it too; we want to know
    if (stopped && dropped) return DONE;
    std::fputs("a callback did not come back in time\n", stderr);
    return FAILED;
}

// "Test connection" instead of a feed. Throws what the plugin refuses.
Exit test(const Options& options, const std::string& settings, const std::shared_ptr<Recorder>& recorder) {
    const gca::Library library = gca::Library::load(files::path(options.plugin));
    gca::Adapter adapter(library, recorder);
    adapter.configure(settings);
    const double seconds = options.seconds > 0 ? options.seconds : 60;
    const std::string report =
        adapter.check_connection(std::chrono::milliseconds(static_cast<long long>(seconds * 1000)));
    const check::Report read = check::read(report);
    // One that cannot be read is shown as it is: it still says something.
    std::fputs((read.is_whole ? check::shown(read) : report + "\n").c_str(), stdout);
    const auto result = read.head.find("result");
    return read.is_whole && result != read.head.end() && result->second != "failed" ? DONE : FAILED;
}

// What was taken, beside the plugin's journal if it has no place of its own; for its owner's eyes only.
std::unique_ptr<record::Record> opened_record(const Options& options) {
    namespace fs = std::filesystem;
    const fs::path directory = files::path(options.journal);
    if (fs::create_directories(directory)) fs::permissions(directory, fs::perms::owner_all);
    const fs::path file = options.jsonl.empty() ? directory / "taken.jsonl" : files::path(options.jsonl);
    return std::make_unique<record::Record>(file);
}

Exit run(const Options& options) {
    std::ifstream file(files::path(options.settings), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();  // a directory can be opened; this is where it fails
    std::string settings = text.str();
    if (!file || !text) {
        std::fprintf(stderr, "cannot read the settings from %s\n", options.settings.c_str());
        return BAD_SETTINGS;
    }
    const bool keeps = !options.journal.empty() && !options.check;
    std::unique_ptr<record::Record> record;
    const File jsonl(keeps || options.jsonl.empty() ? nullptr : files::open(files::path(options.jsonl), "wb"),
                     &std::fclose);
    if (keeps) {
        try {
            record = opened_record(options);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            return FAILED;
        }
        settings = settings::with_journal(settings, options.journal);
    } else if (!jsonl && !options.jsonl.empty()) {
        std::fprintf(stderr, "cannot write %s: %s\n", options.jsonl.c_str(), std::strerror(errno));
        return FAILED;
    }
    if (jsonl) std::setvbuf(jsonl.get(), nullptr, _IONBF, 0);  // an Outlet is a buffer, and knows what was written

    const bool coloured = is_terminal(stdout) && std::getenv("NO_COLOR") == nullptr;
    const auto recorder = std::make_shared<Recorder>(jsonl.get(), std::move(record), options.manners, coloured,
                                                     !options.check);
    Exit result = DONE;
    try {
        result = options.check ? test(options, settings, recorder) : follow(options, settings, recorder);
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
    const auto options = parse(files::arguments(count, words));
    if (!options) {
        std::fputs("usage: recorder-host --plugin FILE --settings FILE [--jsonl FILE] [--seconds N] [--check]\n"
                   "                     [--restart-every SECONDS] [--journal DIR] [--slow MS] [--later PERCENT]\n"
                   "--journal: survives its own crash. The plugin keeps its journal in DIR; what is taken is on disk\n"
                   "           before it is answered, in FILE or in DIR/taken.jsonl, which a restart continues\n"
                   "--slow, --later: takes so long over each event; refuses so many offers of a hundred for now\n"
                   "--check: tests the connection, in N seconds at the most (60), and follows nothing\n"
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
