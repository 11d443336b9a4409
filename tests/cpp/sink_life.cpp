// Who owns the sink. `program LIBRARY SETTINGS`. Promises: the library holds it until on_drop and no longer: after an
// ordinary destruction it is gone; after a destruction that ran out of time it is gone as soon as the callback that was
// inside has returned, and not before; moved adapters keep it; a constructor that fails lets go of it; what goes wrong is
// told as gca::Error with all problems.
#include "trial.h"

#include <cstring>
#include <thread>

#include <genesys_cloud_adapter.hpp>

namespace {

using namespace std::chrono_literals;

struct Counts {
    std::atomic<int> alive{0}, inside{0}, returned{0};
    std::atomic<bool> blocks{false};
};

struct Counted final : gca::Sink {
    explicit Counted(Counts& all) : counts(all) { ++counts.alive; }
    ~Counted() override { --counts.alive; }
    gca::Answer on_event(const gca::Event&) override {
        ++counts.inside;
        while (counts.blocks) std::this_thread::sleep_for(2ms);
        EXPECT(counts.alive == 1);
        ++counts.returned;
        return gca::Answer::Taken;
    }
    Counts& counts;
};

gca::Status refused(const std::function<void()>& call) {
    try {
        call();
    } catch (const gca::Error& error) {
        EXPECT(std::strlen(error.what()) > 10);
        return error.status();
    }
    return gca::Status::Ok;
}

}  // namespace

int main(int count, char** words) {
    EXPECT(count == 3);
    const auto library = gca::Library::load(words[1]);
    const std::string settings = read_file(words[2]);
    EXPECT(library.abi_version() == GCA_ABI_VERSION && !library.version().empty());
    EXPECT(library.settings_schema().find("RegionHost") != std::string::npos);

    Counts never;  // never started
    { gca::Adapter adapter(library, std::make_shared<Counted>(never)); EXPECT(never.alive == 1); }
    EXPECT(never.alive == 0);

    EXPECT(refused([&] { gca::Adapter adapter(library, nullptr); }) == gca::Status::Argument);

    Counts moved;
    {
        gca::Adapter first(library, std::make_shared<Counted>(moved));
        gca::Adapter second = std::move(first);
        EXPECT(first.handle() == 0 && second.handle() != 0);
        EXPECT(refused([&] { first.start(); }) == gca::Status::Handle);
        EXPECT(refused([&] { second.start(); }) == gca::Status::State);
        try {
            second.configure(R"({"AdapterType":"x","Surplus":1})");
            EXPECT(!"a bad document was taken");
        } catch (const gca::Error& error) {
            const std::string text = error.what();
            EXPECT(error.status() == gca::Status::Settings);
            EXPECT(text.find("AdapterType") != text.npos && text.find("Surplus") != text.npos);
            EXPECT(text.find("GCA_ERR_SETTINGS") != text.npos && text.find("gca_configure") != text.npos);
        }
        second.configure(settings);
        second.start();
        WAIT_UNTIL(moved.returned > 0);
        EXPECT(second.status_json().front() == '{');
        gca::Adapter third(library, std::make_shared<Counted>(never));
        third = std::move(second);  // destroys what third was
        EXPECT(never.alive == 0 && moved.alive == 1);
    }
    EXPECT(moved.alive == 0);

    Counts slow;
    slow.blocks = true;
    {
        gca::Adapter adapter(library, std::make_shared<Counted>(slow));
        adapter.configure(settings);
        adapter.start();
        WAIT_UNTIL(slow.inside == 1);
        EXPECT(!adapter.stop(50ms));
    }  // waits 5 s, in vain
    EXPECT(slow.alive == 1 && slow.returned == 0);
    slow.blocks = false;
    WAIT_UNTIL(slow.alive == 0);
    EXPECT(slow.returned == 1);

    bool told = false;
    try {
        gca::Library::load("/nowhere/libgenesys_cloud_adapter.so");
    } catch (const gca::LoadError&) {
        told = true;
    }
    EXPECT(told);
    std::puts("owned");
}
