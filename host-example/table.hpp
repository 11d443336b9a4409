// The live table: a row for each event that is news to somebody who watches, columns aligned by characters, coloured if
// the caller asks for it.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include <genesys_cloud_adapter.hpp>

namespace table {

// One cell of `width` characters (not bytes), cut with an ellipsis; control characters do not reach the terminal.
inline void cell(std::string& out, std::string_view text, std::size_t width) {
    std::size_t shown = 0, length = 0;
    for (const char c : text) length += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) != 0x80 && ++shown == width && length > width) {
            out.append("…");
            break;
        }
        out.push_back(byte < 0x20 || byte == 0x7F ? '?' : c);
    }
    out.append(length < width ? width - length : 0, ' ').append("  ");
}

inline void clock(std::string& out, gca::Time time) {
    const auto ms = (time.time_since_epoch().count() / 1000) % (24 * 3600 * 1000);
    char text[32];
    const auto part = [ms](std::int64_t unit, std::int64_t count) { return static_cast<int>(ms / unit % count); };
    std::snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", part(3600000, 24), part(60000, 60), part(1000, 60),
                  part(1, 1000));
    cell(out, text, 12);
}

// Not what the rows beside it say already (a call begins with its first connection), and no customer's data: a terminal is
// no place for the values of attributes.
inline bool is_worth_a_row(gca::EventKind kind) {
    switch (kind) {
        case gca::EventKind::CallCreated:
        case gca::EventKind::CallTerminated:
        case gca::EventKind::Offered:
        case gca::EventKind::AttributeChanged: return false;
        default: return true;
    }
}

inline const char* colour(gca::EventKind kind) {
    switch (kind) {
        case gca::EventKind::Established: return "\x1b[32m";
        case gca::EventKind::Delivered:
        case gca::EventKind::Originated:
        case gca::EventKind::Queued: return "\x1b[33m";
        case gca::EventKind::Held:
        case gca::EventKind::Parked: return "\x1b[34m";
        case gca::EventKind::ConsultStarted:
        case gca::EventKind::Transferred:
        case gca::EventKind::Conferenced:
        case gca::EventKind::MonitoringStarted:
        case gca::EventKind::CoachingStarted:
        case gca::EventKind::BargedIn: return "\x1b[36m";
        case gca::EventKind::RecordingPaused:
        case gca::EventKind::RecordingResumed: return "\x1b[1;33m";
        case gca::EventKind::Failed: return "\x1b[31m";
        case gca::EventKind::Lost: return "\x1b[1;31m";
        case gca::EventKind::GapOpened:
        case gca::EventKind::GapClosed:
        case gca::EventKind::FeedRenewed:
        case gca::EventKind::FeedState: return "\x1b[35m";
        case gca::EventKind::ConnectionCleared:
        case gca::EventKind::CallCleared:
        case gca::EventKind::CallbackCleared: return "\x1b[2m";
        default: return "";
    }
}

inline std::string_view without_scheme(std::string_view address) {
    return address.substr(0, 4) == "tel:" || address.substr(0, 4) == "sip:" ? address.substr(4) : address;
}

inline void heading(std::string& out) {
    cell(out, "time (UTC)", 12), cell(out, "call", 8), cell(out, "agent", 20), cell(out, "event", 24);
    cell(out, "parties", 34), out.append("cause\n");
}

inline void row(std::string& out, const gca::Event& event, bool coloured) {
    if (coloured) out.append(colour(event.kind()));
    clock(out, event.platform_time().value_or(event.received_time()));
    cell(out, event.conversation_id().substr(0, 8), 8);
    cell(out, event.user_name().empty() ? event.purpose() : event.user_name(), 20);
    cell(out, name(event.kind()), 24);
    std::string parties;
    if (event.kind() == gca::EventKind::Queued || event.kind() == gca::EventKind::Dequeued) {
        parties.append(event.queue_name());
    } else if (event.kind() == gca::EventKind::ConsultStarted && !event.related_conversation_id().empty()) {
        parties.append("in call ").append(event.related_conversation_id().substr(0, 8));
    } else if (!event.ani().empty() || !event.dnis().empty()) {
        parties.append(without_scheme(event.ani())).append(" > ").append(without_scheme(event.dnis()));
    } else {
        parties.append(event.station_name());
    }
    cell(out, parties, 34);
    if (event.cause() != gca::Cause::None) out.append(name(event.cause())).append(" ");
    if (!event.raw_word().empty()) cell(out, event.raw_word(), event.raw_word().size());
    // Of a call it is a word; of an agent the id of a definition, which says nothing to somebody who watches.
    const bool of_agent = !event.user_id().empty() && event.conversation_id().empty();
    if (!of_agent && event.kind() != gca::EventKind::FeedState) cell(out, event.reason(), event.reason().size());
    event.state_report([&out](const gca::State& state) {
        out.append(name(state.feed())).append(" ").append(name(state.why()));
    });
    while (out.back() == ' ') out.pop_back();
    out.append(coloured ? "\x1b[0m\n" : "\n");
}

}  // namespace table
