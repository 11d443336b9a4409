// The report of gca_check for people: one line for each check, and below it what to do.
//
// Reads no more JSON than the report has (docs/CHECK.md): an object whose member `checks` is a list of flat objects. A
// host that has a JSON library of its own uses that.
#ifndef RECORDER_HOST_CHECK_HPP
#define RECORDER_HOST_CHECK_HPP

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace check {

using Row = std::map<std::string, std::string>;

// Walks over JSON text. What it does not expect ends it: `ok` is false from then on.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool ok = true;

    bool take(char c) {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    void want(char c) {
        if (!take(c)) ok = false;
    }

    std::string string() {
        std::string out;
        want('"');
        while (ok && at_ < text_.size() && text_[at_] != '"') {
            char c = text_[at_++];
            if (c == '\\' && at_ < text_.size()) {
                c = text_[at_++];
                if (c == 'u') at_ += 4;  // control characters only: the report is UTF-8
                if (c == 'n' || c == 't' || c == 'r' || c == 'u') c = ' ';
            }
            out.push_back(c);
        }
        want('"');
        return out;
    }

    // Text, or a number as it is written.
    std::string scalar() {
        if (take('"')) {
            --at_;
            return string();
        }
        const std::size_t from = at_;
        while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']') ++at_;
        if (from == at_) ok = false;
        return std::string(text_.substr(from, at_ - from));
    }

    // Members until the end of the object. `list` is called for one that is a list.
    template <class List>
    Row object(List list) {
        Row row;
        want('{');
        while (ok && !take('}')) {
            std::string key = string();
            want(':');
            if (take('[')) list(key);
            else row[std::move(key)] = scalar();
            take(',');
        }
        return row;
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

struct Report {
    Row head;
    std::vector<Row> checks;
    bool is_whole = false;
};

inline Report read(std::string_view text) {
    Report report;
    Reader reader(text);
    report.head = reader.object([&](const std::string& key) {
        while (reader.ok && !reader.take(']')) {
            Row row = reader.object([&](const std::string&) { reader.ok = false; });
            if (key == "checks") report.checks.push_back(std::move(row));
            reader.take(',');
        }
    });
    report.is_whole = reader.ok;
    return report;
}

// The report as lines.
inline std::string shown(const Report& report) {
    const auto of = [](const Row& row, const char* key) {
        const auto found = row.find(key);
        return found == row.end() ? std::string() : found->second;
    };
    const auto padded = [](std::string text, std::size_t width) {
        if (text.size() < width) text.resize(width, ' ');
        return text;
    };
    std::string out = "region " + of(report.head, "region");
    if (report.head.count("proxy") != 0) out += ", through the proxy " + of(report.head, "proxy");
    out += "\n\n";
    for (const Row& row : report.checks) {
        out += padded(of(row, "result"), 8) + padded(of(row, "check"), 14) + padded(of(row, "took_ms") + " ms", 9);
        if (row.count("host") != 0) out += of(row, "host") + ": ";
        out += of(row, "seen") + "\n";
        if (!of(row, "todo").empty()) out += padded("", 31) + "-> " + of(row, "todo") + "\n";
    }
    return out + "\n" + of(report.head, "result") + ", in " + of(report.head, "took_ms") + " ms\n";
}

}  // namespace check

#endif
