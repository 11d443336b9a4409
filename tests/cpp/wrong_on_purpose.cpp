// A host with a defect, to show that the tools see it. `program LIBRARY SETTINGS MODE`, MODE:
//   use     the sink reads memory that was freed, in a callback
//   leak    memory is lost in a callback
//   inside  the library is told to write beyond the end of a buffer of the host
#include "trial.h"

#include <genesys_cloud_adapter.hpp>

int main(int count, char** words) {
    EXPECT(count == 4);
    const std::string mode = words[3];
    const auto library = gca::Library::load(words[1]);
    if (mode == "inside") {
        const auto small = std::make_unique<char[]>(10);
        std::size_t needed = 0;
        static_cast<void>(library.api().settings_schema(small.get(), 1 << 20, &needed));
        return 0;
    }
    std::atomic<bool> done{false};
    std::atomic<char> seen{0};
    std::unique_ptr<std::string> text = std::make_unique<std::string>(1000, 'x');
    gca::Adapter adapter(library, std::make_shared<gca::FunctionSink>([&](const gca::Event&) {
        if (done) return gca::Answer::Taken;  // once is enough
        if (mode == "use") {
            const volatile char* const first = text->data();
            text.reset();
            seen = *first;  // kept: valgrind leaves out loads whose value nobody uses
        } else {
            volatile char* lost = new char[12345];
            lost[0] = 'x';
            lost = nullptr;
        }
        done = true;
        return gca::Answer::Taken;
    }));
    adapter.configure(read_file(words[2]));
    adapter.start();
    WAIT_UNTIL(done);
}
