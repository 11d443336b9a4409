// What the host has taken, in a file that survives its crash: a line is on disk before the host says Taken, and the next
// process knows from the file what this one took.
//
// A recorder has a database for this, with the event's id as a unique key; the order of things is what to copy.
#ifndef RECORDER_HOST_RECORD_HPP
#define RECORDER_HOST_RECORD_HPP

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>

#include "files.hpp"

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace record {

class Record {
public:
    // Opens the file or makes it, and learns the ids in it. A last line that a crash tore was never answered with Taken:
    // it is cut off. Throws std::runtime_error.
    explicit Record(const std::filesystem::path& path) : path_(path) {
        learn();
        file_.reset(files::open(path, "ab"));
        if (!file_) throw std::runtime_error("cannot write " + files::shown(path) + ": " + std::strerror(errno));
        std::setvbuf(file_.get(), nullptr, _IONBF, 0);
    }

    // Whether this or an earlier process has taken an event of this id.
    bool has(std::string_view id) const { return ids_.count(std::string(id)) != 0; }

    // Puts the event's line on the disk. False: it is not there, and the event was not taken.
    bool take(std::string_view id, std::string_view line) {
        if (!append(line)) return false;
        if (!synced()) return cut_off();
        size_ += line.size();
        ids_.emplace(id);
        return true;
    }

    // A line that may be missing after a power cut. False: it is not there.
    bool note(std::string_view line) {
        if (!append(line)) return false;
        size_ += line.size();
        return true;
    }

private:
    // The line of an event begins with its kind; of its texts none can hold `","id":"`, for quotes are escaped in them.
    void learn() {
        std::error_code none;
        if (!std::filesystem::exists(path_, none)) return;
        std::ifstream in(path_, std::ios::binary);
        for (std::string line; std::getline(in, line) && !in.eof();) {
            size_ += line.size() + 1;
            const std::size_t id = line.find(",\"id\":\"");
            if (line.rfind("{\"type\":\"event\"", 0) == 0 && id != std::string::npos) {
                ids_.insert(line.substr(id + 7, line.find('"', id + 7) - id - 7));
            }
        }
        in.close();
        std::error_code failed;
        std::filesystem::resize_file(path_, size_, failed);
        if (failed) throw std::runtime_error("cannot read " + files::shown(path_) + ": " + failed.message());
    }

    bool append(std::string_view line) {
        return std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() || cut_off();
    }

    bool synced() {
#ifdef _WIN32
        return ::_commit(::_fileno(file_.get())) == 0;
#elif defined(__linux__)
        return ::fdatasync(::fileno(file_.get())) == 0;
#else
        return ::fsync(::fileno(file_.get())) == 0;
#endif
    }

    // Of a line that the disk did not take whole nothing stays, or the next one would begin within it.
    bool cut_off() {
        std::clearerr(file_.get());
        std::error_code failed;
        std::filesystem::resize_file(path_, size_, failed);
        return false;
    }

    std::filesystem::path path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, &std::fclose};
    std::uintmax_t size_ = 0;
    std::unordered_set<std::string> ids_;
};

}  // namespace record

#endif
