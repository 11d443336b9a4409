// A C++ sink whose functions throw. `program LIBRARY SETTINGS`. Promises: no exception leaves a callback; the event whose
// callback threw is offered again with the same number and id; exceptions are counted, the last is kept, the hook is told
// which function threw, and a hook that throws itself does no harm.

#include "trial.h"

#include <genesys_cloud_adapter.hpp>

namespace {

struct Thrower final : gca::Sink {
    std::atomic<int> offers{0}, taken{0}, hooked{0}, states{0}, logs{0};
    std::string id;
    std::uint64_t sequence = 0;

    gca::Answer on_event(const gca::Event& event) override {
        const int offer = offers++;
        if (offer == 0) {
            id = event.id();
            sequence = event.sequence();
            throw std::runtime_error("the disk is full");
        }
        if (offer <= 2) {
            EXPECT(event.id() == id && event.sequence() == sequence);
            if (offer == 1) throw 42;  // not even an exception
        }
        ++taken;
        return gca::Answer::Taken;
    }
    void on_state(const gca::State&) override {
        ++states;
        throw std::logic_error("state");
    }
    void on_log(const gca::LogLine&) override {
        ++logs;
        throw std::bad_alloc();
    }
    void on_exception(gca::Callback, std::exception_ptr exception) override {
        EXPECT(exception != nullptr);
        ++hooked;
        std::rethrow_exception(exception);
    }
};

}  // namespace

int main(int count, char** words) {
    EXPECT(count == 3);
    const auto sink = std::make_shared<Thrower>();
    {
        gca::Adapter adapter(gca::Library::load(words[1]), sink);
        adapter.set_log_level(gca::LogLevel::Trace);
        adapter.configure(read_file(words[2]));
        adapter.start();
        WAIT_UNTIL(sink->taken > 0 && sink->states > 0 && sink->logs > 0);
        EXPECT(adapter.stop(std::chrono::seconds(10)));
        EXPECT(adapter.exceptions() == static_cast<std::uint64_t>(sink->hooked));
        EXPECT(adapter.exceptions() == static_cast<std::uint64_t>(2 + sink->states + sink->logs));
        EXPECT(adapter.last_exception() != nullptr);
    }
    EXPECT(sink.use_count() == 1);
    std::puts("caught");
}
