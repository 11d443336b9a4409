// An event or a state as one line of JSON, every field under the name that it has in the C header. What is absent or
// unknown is left out. Kinds that tell more than the struct holds have the library's own document beside it, under "json".
// The texts are appended to a string of the caller, which keeps its memory from event to event.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include <genesys_cloud_adapter.hpp>

namespace jsonl {

inline std::int64_t micros(gca::Time time) { return time.time_since_epoch().count(); }

inline void add(std::string& out, std::string_view key, std::int64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(",\"").append(key).append("\":").append(digits, end);
}
inline void add(std::string& out, std::string_view key, std::uint64_t value) {
    add(out, key, static_cast<std::int64_t>(value));
}

inline void add(std::string& out, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    out.append(",\"").append(key).append("\":\"");
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.append({'\\', c});
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
            out.append(code);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

inline void add(std::string& out, std::string_view key, std::optional<bool> flag) {
    if (flag) add(out, key, std::int64_t{*flag});
}

// Every text of an event that may be absent, under the name it has in gca_event.
struct TextField {
    std::string_view key;
    std::string_view (gca::Event::*get)() const noexcept;
};
inline constexpr TextField TEXTS[] = {
    {"data_source", &gca::Event::data_source},
    {"conversation_id", &gca::Event::conversation_id},
    {"root_contact_id", &gca::Event::root_contact_id},
    {"related_conversation_id", &gca::Event::related_conversation_id},
    {"participant_id", &gca::Event::participant_id},
    {"communication_id", &gca::Event::communication_id},
    {"peer_id", &gca::Event::peer_id},
    {"old_connection_id", &gca::Event::old_connection_id},
    {"new_connection_id", &gca::Event::new_connection_id},
    {"user_id", &gca::Event::user_id},
    {"user_name", &gca::Event::user_name},
    {"user_email", &gca::Event::user_email},
    {"station_id", &gca::Event::station_id},
    {"station_name", &gca::Event::station_name},
    {"station_kind", &gca::Event::station_kind},
    {"station_extension", &gca::Event::station_extension},
    {"queue_id", &gca::Event::queue_id},
    {"queue_name", &gca::Event::queue_name},
    {"purpose", &gca::Event::purpose},
    {"ani", &gca::Event::ani},
    {"dnis", &gca::Event::dnis},
    {"provider", &gca::Event::provider},
    {"raw", &gca::Event::raw_word},
    {"reason", &gca::Event::reason},
};

// The fields that a state line and an event of kind feed_state share.
inline void add_state(std::string& out, const gca::State& state) {
    add(out, "life", name(state.life()));
    add(out, "feed", name(state.feed()));
    add(out, "why", name(state.why()));
    add(out, "message", state.message());
    add(out, "time_us", micros(state.time()));
    add(out, "users", std::uint64_t{state.users().size()});
    add(out, "topics", std::uint64_t{state.topics().size()});
}

inline void state_line(std::string& out, const gca::State& state, gca::Time at) {
    out.append("{\"type\":\"state\"");
    add(out, "at_us", micros(at));
    add_state(out, state);
    out.append("}\n");
}

// Kinds whose point is not in the struct: values of attributes, a queue's skills, a wrap-up, a callback, a campaign, whom a
// gap concerns and what came of it. Of the
// others the document tells nothing that a recorder has to have, and it costs more than the rest of a callback.
inline bool tells_more(gca::EventKind kind) {
    switch (kind) {
        case gca::EventKind::Originated:
        case gca::EventKind::CallCleared:
        case gca::EventKind::Queued:
        case gca::EventKind::AttributeChanged:
        case gca::EventKind::WrapUp:
        case gca::EventKind::CallbackScheduled:
        case gca::EventKind::CallbackDelivered:
        case gca::EventKind::CallbackEstablished:
        case gca::EventKind::CallbackCleared:
        case gca::EventKind::GapOpened:
        case gca::EventKind::GapClosed: return true;
        default: return false;
    }
}

// `document` keeps its memory too.
inline void event_line(std::string& out, const gca::Event& event, gca::Time at, std::string& document) {
    document.clear();
    if (tells_more(event.kind())) event.json(document);  // may throw: before anything is written
    out.append("{\"type\":\"event\"");
    add(out, "at_us", micros(at));
    add(out, "kind", name(event.kind()));
    add(out, "feed_id", event.feed_id());
    add(out, "sequence", event.sequence());
    add(out, "id", event.id());
    add(out, "id_exact", std::int64_t{event.id_exact()});
    add(out, "source", name(event.source()));
    if (const auto time = event.platform_time()) add(out, "platform_time_us", micros(*time));
    add(out, "received_time_us", micros(event.received_time()));
    for (const TextField& field : TEXTS) add(out, field.key, (event.*field.get)());
    add(out, "direction", name(event.direction()));
    add(out, "state", name(event.state()));
    add(out, "previous_state", name(event.previous_state()));
    add(out, "cause", name(event.cause()));
    add(out, "held", event.held());
    add(out, "muted", event.muted());
    add(out, "confined", event.confined());
    add(out, "secure_pause", event.secure_pause());
    if (event.kind() == gca::EventKind::Lost) {
        add(out, "lost_first", event.lost_first());
        add(out, "lost_last", event.lost_last());
        add(out, "lost_from_us", micros(event.lost_from()));
        add(out, "lost_to_us", micros(event.lost_to()));
    }
    if (event.kind() == gca::EventKind::GapOpened || event.kind() == gca::EventKind::GapClosed) {
        add(out, "gap_id", event.gap_id());
        add(out, "gap_from_us", micros(event.gap_from()));
        if (const auto to = event.gap_to()) add(out, "gap_to_us", micros(*to));
    }
    event.state_report([&out](const gca::State& state) {
        out.append(",\"state_report\":{\"type\":\"state\"");
        add_state(out, state);
        out.append("}");
    });
    if (!document.empty()) out.append(",\"json\":").append(document);
    out.append("}\n");
}

}  // namespace jsonl
