// Paths are UTF-8 in this program, as they are in the plugin's settings. On Windows narrow texts are of an old code page
// instead, for the arguments of main as for the standard library; there everything goes through UTF-16.
#ifndef RECORDER_HOST_FILES_HPP
#define RECORDER_HOST_FILES_HPP

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <shellapi.h>
#endif

namespace files {

inline std::filesystem::path path(std::string_view utf8) { return std::filesystem::u8path(utf8.begin(), utf8.end()); }

inline std::string shown(const std::filesystem::path& path) { return path.u8string(); }

inline std::FILE* open(const std::filesystem::path& path, const char* mode) {
#ifdef _WIN32
    return ::_wfopen(path.c_str(), std::filesystem::path(mode).c_str());
#else
    return std::fopen(path.c_str(), mode);
#endif
}

// What the program was started with, without its own name.
inline std::vector<std::string> arguments([[maybe_unused]] int count, [[maybe_unused]] char** words) {
    std::vector<std::string> found;
#ifdef _WIN32
    wchar_t** const wide = ::CommandLineToArgvW(::GetCommandLineW(), &count);
    for (int i = 1; wide != nullptr && i < count; ++i) found.push_back(shown(std::filesystem::path(wide[i])));
    ::LocalFree(wide);
#else
    for (int i = 1; i < count; ++i) found.emplace_back(words[i]);
#endif
    return found;
}

}  // namespace files

#endif
