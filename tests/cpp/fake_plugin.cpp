// A plugin without a region: plays a fixed feed to the one host that it knows, to test what stands on the host's side of
// the boundary (the C++ header, recorder-host) with texts and sizes that no region sends. Not an example of anything.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#define GCA_API  // it stands in for the library, and imports nothing
#include <genesys_cloud_adapter.h>

namespace {

gca_host host;
std::thread dispatcher;
std::atomic<bool> stopping;
std::string problems;
bool journals;  // the settings name a JournalDirectory: each event has an id of its own then

gca_str text(const char* literal) { return gca_str{literal, std::strlen(literal)}; }

gca_status copy(const std::string& text, char* buf, size_t cap, size_t* needed) {
    *needed = text.size();
    if (cap < text.size()) return GCA_ERR_BUFFER;
    std::memcpy(buf, text.data(), text.size());
    return GCA_OK;
}

gca_event empty_event(gca_event_kind kind, uint64_t sequence) {
    gca_event event = {};
    event.size = sizeof event;
    event.kind = kind;
    event.feed_id = text("feed");
    event.id = text("0123456789abcdef0123456789abcdef");
    event.sequence = sequence;
    event.held = event.muted = event.confined = event.secure_pause = GCA_FLAG_UNKNOWN;
    event.platform_time_us = GCA_TIME_UNKNOWN;
    event.received_time_us = 1700000000123456;
    return event;
}

void offer(gca_event event) {
    char id[33];
    std::snprintf(id, sizeof id, "%032llu", static_cast<unsigned long long>(event.sequence));
    if (journals) event.id = text(id);
    while (!stopping && host.on_event(host.user, &event) != GCA_TAKEN) std::this_thread::yield();
}

void play() {
    const gca_str users[] = {text("user-1"), text("user-2")};
    gca_state state = {};
    state.size = sizeof state;
    state.life = GCA_LIFE_RUNNING;
    state.feed = GCA_FEED_DEGRADED;
    state.why = GCA_WHY_PERMISSION_MISSING;
    state.time_us = 1700000000000001;
    state.message = text("the role lacks a \"permission\"\n(see the manual)");
    state.users = users;
    state.user_count = 2;
    if (host.on_state != nullptr) host.on_state(host.user, &state);
    if (host.on_log != nullptr) {
        gca_log line = {};
        line.size = sizeof line;
        line.level = GCA_LOG_WARN;
        line.target = text("session");
        line.message = text("a line");
        line.dropped = 3;
        host.on_log(host.user, &line);
    }

    gca_event full = empty_event(GCA_EVENT_ESTABLISHED, 1);
    gca_str* const texts[] = {
        &full.data_source, &full.conversation_id, &full.root_contact_id, &full.related_conversation_id,
        &full.participant_id, &full.communication_id, &full.peer_id, &full.old_connection_id, &full.new_connection_id,
        &full.user_id, &full.user_name, &full.user_email, &full.station_id, &full.station_name, &full.station_kind,
        &full.station_extension, &full.queue_id, &full.queue_name, &full.purpose, &full.ani, &full.dnis, &full.provider,
        &full.raw, &full.reason,
    };
    static std::string values[sizeof texts / sizeof texts[0]];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
        values[i] = "text " + std::to_string(i);
        *texts[i] = gca_str{values[i].data(), values[i].size()};
    }
    full.user_name = text("J\xC3\xBCrgen \"Jo\\J\x1B[31m\" \xE4\xB8\xAD\xE6\x96\x87\xE5\xA7\x93\xE5\x90\x8D of the long name");
    full.ani = text("tel:+13175550100");
    full.dnis = text("sip:queue@example.com");
    full.id_exact = 1;
    full.held = 0;
    full.muted = 1;
    full.source = GCA_SOURCE_RECOVERED;
    full.direction = GCA_DIRECTION_INBOUND;
    full.platform_time_us = 1700000000000000;
    full.state = GCA_STATE_CONNECTED;
    full.previous_state = GCA_STATE_ALERTING;
    full.cause = GCA_CAUSE_CALL_FORWARD_NO_ANSWER;
    offer(full);

    offer(empty_event(GCA_EVENT_CALL_CLEARED, 2));

    gca_event unknown = empty_event(static_cast<gca_event_kind>(99), 3);  // of a version to come
    unknown.cause = static_cast<gca_cause>(99);
    offer(unknown);

    gca_event lost = empty_event(GCA_EVENT_LOST, 4);
    lost.lost_first = 5;
    lost.lost_last = 9;
    lost.lost_from_us = 1700000000000005;
    lost.lost_to_us = 1700000000000009;
    offer(lost);

    gca_event report = empty_event(GCA_EVENT_FEED_STATE, 10);
    report.state_report = &state;
    offer(report);

    // Of an older version, whose struct ended after `provider`: what follows it in memory is none of its fields.
    gca_event older = full;
    older.kind = GCA_EVENT_HELD;
    older.sequence = 11;
    older.size = static_cast<uint32_t>(offsetof(gca_event, state));
    older.state_report = reinterpret_cast<const gca_state*>(8);
    offer(older);

    while (!stopping) std::this_thread::yield();
}

uint32_t abi_version() { return GCA_ABI_VERSION; }
const char* version() { return "0.0.0-fake"; }
gca_status create(const gca_host* given, gca_handle* handle) {
    host = *given;
    *handle = 1;
    return GCA_OK;
}
gca_status configure(gca_handle, const char* json, size_t length) {
    const std::string settings(json, length);
    journals = settings.find("\"AdvancedSettings\":{\"JournalDirectory\":\"") != std::string::npos;
    if (settings.find("AdapterName") != std::string::npos) return GCA_OK;
    problems = "AdapterName is missing. Write a name.\nDataSource is missing. Write a name.";
    return GCA_ERR_SETTINGS;
}
gca_status start(gca_handle) {
    stopping = false;
    dispatcher = std::thread(play);
    return GCA_OK;
}
gca_status stop(gca_handle, uint32_t) {
    stopping = true;
    if (dispatcher.joinable()) dispatcher.join();
    return GCA_OK;
}
gca_status restart(gca_handle) { return GCA_OK; }
gca_status destroy(gca_handle) {
    stop(1, 0);
    if (host.on_drop != nullptr) host.on_drop(host.user);
    return GCA_OK;
}
// Longer at every call: a caller that measures first and then copies must cope.
gca_status status_json(gca_handle, char* buf, size_t cap, size_t* needed) {
    static size_t grows = 1000;
    return copy("{" + std::string(grows += 100, ' ') + "}", buf, cap, needed);
}
gca_status check(gca_handle, uint32_t timeout_ms, char* buf, size_t cap, size_t* needed) {
    // Longer than any first buffer; the report is told again for a time of 0, and only then.
    static std::string report;
    if (timeout_ms != 0) {
        report = R"({"region":"r","proxy":"p:1","took_ms":)" + std::to_string(timeout_ms) + R"(,"result":"warning",)" +
                 R"("checks":[{"check":"tls","host":"h","result":"ok","seen":"a \"b\"\u001b","todo":"","took_ms":1},)" +
                 R"({"check":"clock","result":"warning","seen":"late","todo":"set it","took_ms":20}]})" +
                 std::string(100000, ' ');
    }
    return copy(report, buf, cap, needed);
}

gca_status metrics(gca_handle, char* buf, size_t cap, size_t* needed) {
    static size_t grows = 1000;
    return copy("#" + std::string(grows += 100, ' ') + "\n", buf, cap, needed);
}
gca_status erase(gca_handle, uint32_t what, const char* id, size_t length) {
    const std::string named(id, length);
    const bool is_known = (what == GCA_ERASE_CONVERSATION && named == "c-1") || (what == GCA_ERASE_USER && named == "u-1");
    problems = is_known ? "" : "something else was to be erased";
    return is_known ? GCA_OK : GCA_ERR_ARGUMENT;
}
gca_status settings_schema(char* buf, size_t cap, size_t* needed) { return copy("{}", buf, cap, needed); }
gca_status last_error(gca_handle, char* buf, size_t cap, size_t* needed) { return copy(problems, buf, cap, needed); }
gca_status set_log_level(gca_handle, uint32_t) { return GCA_OK; }
const char* status_name(int32_t) { return "GCA_ERR_SETTINGS"; }
gca_status event_json(const gca_event*, char* buf, size_t cap, size_t* needed) {
    return copy("{\"all\":\"" + std::string(5000, 'x') + "\"}", buf, cap, needed);
}

gca_api table() {
    gca_api api = {};
    api.size = sizeof api;
    api.abi_version = abi_version;
    api.version = version;
    api.create = create;
    api.configure = configure;
    api.start = start;
    api.stop = stop;
    api.restart = restart;
    api.destroy = destroy;
    api.status_json = status_json;
    api.settings_schema = settings_schema;
    api.last_error = last_error;
    api.set_log_level = set_log_level;
    api.status_name = status_name;
    api.event_json = event_json;
    api.metrics = metrics;
    api.check = check;
    api.erase = erase;
    return api;
}

}  // namespace

extern "C" const gca_api* gca_get_api(uint32_t version) {
    static const gca_api api = table();
    return version == GCA_ABI_VERSION ? &api : nullptr;
}
