// The settings with the plugin's journal turned on: the host's `--journal DIR` is the plugin's `JournalDirectory`.
//
// Changes the text where it must and reads no more JSON than that takes. A host that has a JSON library uses that.
#ifndef RECORDER_HOST_SETTINGS_HPP
#define RECORDER_HOST_SETTINGS_HPP

#include <string>
#include <string_view>

#include "jsonl.hpp"

namespace settings {

// Where the value of a member of the outermost object begins; npos if there is none of that name.
inline std::size_t value_of(std::string_view text, std::string_view member) {
    int depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '{' || text[at] == '[') ++depth;
        if (text[at] == '}' || text[at] == ']') --depth;
        if (text[at] != '"') continue;
        const std::size_t from = ++at;
        while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
        if (at >= text.size()) break;
        const std::size_t next = text.find_first_not_of(" \t\r\n", at + 1);
        const bool is_name = next != std::string_view::npos && text[next] == ':';
        if (is_name && depth == 1 && text.substr(from, at - from) == member) {
            return text.find_first_not_of(" \t\r\n", next + 1);
        }
    }
    return std::string_view::npos;
}

// Puts a member first into the object that begins at `brace`.
inline void insert(std::string& text, std::size_t brace, const std::string& member) {
    const std::size_t next = text.find_first_not_of(" \t\r\n", brace + 1);
    const bool is_empty = next == std::string::npos || text[next] == '}';
    text.insert(brace + 1, member + (is_empty ? "" : ","));
}

// A JournalDirectory that the settings name already stays. What is no object stays as it is: the plugin says what is wrong.
inline std::string with_journal(std::string text, std::string_view directory) {
    constexpr std::string_view KEY = "\"JournalDirectory\"";
    if (text.find(KEY) != std::string::npos) return text;
    std::string member;
    jsonl::add(member, "JournalDirectory", directory);
    member.erase(0, 1);  // the comma before it
    const std::size_t advanced = value_of(text, "AdvancedSettings");
    if (advanced != std::string::npos && text[advanced] == '{') {
        insert(text, advanced, member);
    } else if (const std::size_t brace = text.find('{'); advanced == std::string::npos && brace != std::string::npos) {
        insert(text, brace, "\"AdvancedSettings\":{" + member + "}");
    }
    return text;
}

}  // namespace settings

#endif
