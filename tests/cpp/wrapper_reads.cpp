// The C++ header against a feed with texts, sizes and numbers that no region sends. Linked with fake_plugin.cpp.
// Promises: every field arrives under its name, what an older library lacks reads as absent, numbers of a newer one do
// no harm, texts of any length are fetched, a table of another version is refused.

#define GCA_API  // the plugin is a part of this program, and not imported
#include "trial.h"

#include <genesys_cloud_adapter.hpp>

#include <map>
#include <vector>

int main() {
    const gca::Library library(gca_get_api(GCA_ABI_VERSION));
    std::map<std::uint64_t, int> seen;
    std::atomic<int> count{0};
    int states = 0, logs = 0;
    const auto on_event = [&](const gca::Event& event) {
        ++seen[event.sequence()];
        switch (event.sequence()) {
            case 1:
                EXPECT(event.kind() == gca::EventKind::Established && name(event.kind()) == "established");
                EXPECT(event.feed_id() == "feed" && event.id().size() == 32 && event.id_exact());
                EXPECT(event.data_source() == "text 0" && event.conversation_id() == "text 1");
                EXPECT(event.root_contact_id() == "text 2" && event.related_conversation_id() == "text 3");
                EXPECT(event.participant_id() == "text 4" && event.communication_id() == "text 5");
                EXPECT(event.peer_id() == "text 6" && event.old_connection_id() == "text 7");
                EXPECT(event.new_connection_id() == "text 8" && event.user_id() == "text 9");
                EXPECT(event.user_email() == "text 11" && event.station_id() == "text 12");
                EXPECT(event.station_name() == "text 13" && event.station_kind() == "text 14");
                EXPECT(event.station_extension() == "text 15" && event.queue_id() == "text 16");
                EXPECT(event.queue_name() == "text 17" && event.purpose() == "text 18");
                EXPECT(event.ani() == "tel:+13175550100" && event.dnis() == "sip:queue@example.com");
                EXPECT(event.provider() == "text 21" && event.raw_word() == "text 22" && event.reason() == "text 23");
                EXPECT(event.held() == false && event.muted() == true && !event.confined() && !event.secure_pause());
                EXPECT(event.source() == gca::Source::Recovered && event.direction() == gca::Direction::Inbound);
                EXPECT(event.platform_time()->time_since_epoch().count() == 1700000000000000);
                EXPECT(event.received_time().time_since_epoch().count() == 1700000000123456);
                EXPECT(event.state() == gca::ConnectionState::Connected);
                EXPECT(event.previous_state() == gca::ConnectionState::Alerting);
                EXPECT(event.cause() == gca::Cause::CallForwardNoAnswer);
                EXPECT(event.json().size() == 5000 + 10 && event.json().back() == '}');
                event.state_report([](const gca::State&) { EXPECT(!"no report here"); });
                if (seen[1] < 3) return gca::Answer::Later;
                break;
            case 2:
                EXPECT(event.user_name().empty() && event.user_name().data() == nullptr && !event.platform_time());
                EXPECT(!event.held() && !event.id_exact() && event.cause() == gca::Cause::None);
                break;
            case 3: EXPECT(name(event.kind()) == "unknown" && name(event.cause()) == "unknown"); break;
            case 4:
                EXPECT(event.lost_first() == 5 && event.lost_last() == 9);
                EXPECT(event.lost_to() - event.lost_from() == std::chrono::microseconds(4));
                break;
            case 10: {
                bool told = false;
                event.state_report([&](const gca::State& state) { told = state.feed() == gca::Feed::Degraded; });
                EXPECT(told);
                break;
            }
            case 11:
                EXPECT(event.provider() == "text 21"); /* the last that it has */
                EXPECT(event.reason().empty() && event.raw_word().empty());
                EXPECT(event.state() == gca::ConnectionState::Unknown && event.cause() == gca::Cause::None);
                event.state_report([](const gca::State&) { EXPECT(!"an older library has none"); });
                break;
            default: EXPECT(!"another event");
        }
        ++count;
        return gca::Answer::Taken;
    };
    const auto on_state = [&](const gca::State& state) {
        std::vector<std::string> users;
        for (const std::string_view user : state.users()) users.emplace_back(user);
        EXPECT((users == std::vector<std::string>{"user-1", "user-2"}));
        EXPECT(state.topics().empty() && state.topics().begin() == state.topics().end());
        EXPECT(state.why() == gca::Why::PermissionMissing && name(state.why()) == "permission_missing");
        EXPECT(state.life() == gca::Life::Running && state.time().time_since_epoch().count() == 1700000000000001);
        ++states;
    };
    const auto on_log = [&](const gca::LogLine& line) {
        EXPECT(line.level() == gca::LogLevel::Warn && line.dropped() == 3);
        EXPECT(line.target() == "session" && line.message() == "a line");
        ++logs;
    };
    {
        gca::Adapter adapter(library, std::make_shared<gca::FunctionSink>(on_event, on_state, on_log));
        adapter.configure("{\"AdapterName\":\"a\"}");
        adapter.start();
        WAIT_UNTIL(count == 6);
        adapter.restart();
        EXPECT(adapter.status_json().size() > 1000);
        EXPECT(adapter.check_connection(std::chrono::milliseconds(1500)).find("\"took_ms\":1500,") != std::string::npos);
        EXPECT(adapter.metrics().size() > 1000 && adapter.metrics().front() == '#');
        adapter.erase(gca::Erase::Conversation, "c-1");
        adapter.erase(gca::Erase::User, std::string_view("u-1 and more", 3));
        EXPECT(adapter.stop(std::chrono::hours(24 * 365)));
        EXPECT(adapter.exceptions() == 0 && adapter.last_exception() == nullptr);
    }
    EXPECT(seen[1] == 3 && seen[2] == 1 && seen.size() == 6 && states == 1 && logs == 1);

    int refused = 0;
    gca_api older = *gca_get_api(GCA_ABI_VERSION);
    older.size -= static_cast<std::uint32_t>(sizeof(void (*)()));
    try { gca::Library too_old(&older); } catch (const gca::LoadError&) { ++refused; }
    try { gca::Library none(nullptr); } catch (const gca::LoadError&) { ++refused; }
    try { gca::FunctionSink empty(nullptr); } catch (const gca::Error&) { ++refused; }
    EXPECT(refused == 3);
    std::puts("read");
}
