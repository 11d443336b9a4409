"""The official Python client against a region: what it reads must be what the region sent.

The client drops members that it does not know without a word and replaces enum values that it does not know by
"outdated_sdk_version". So every REST answer and every notification is deserialised into the client's own model,
serialised again and compared with the JSON that came over the wire.

Usage: official_client.py BASE_URL CLIENT_ID CLIENT_SECRET NOTIFICATIONS
"""

import json
import re
import sys
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import PureCloudPlatformClientV2 as platform
import websocket

# The class that the platform publishes on each topic (its notificationMappings).
BODIES = [
    (r"v2\.users\.[^.]+\.presence", "PresenceEventUserPresence"),
    (r"v2\.users\.[^.]+\.routingStatus", "UserRoutingStatusUserRoutingStatus"),
    (r"v2\.users\.[^.]+\.station", "UserStationChangeTopicUserStations"),
    (r"v2\.users\.[^.]+\.activity", "AgentActivityChangedTopicAgentActivity"),
    (r"v2\.users\.[^.]+\.persistentconnection", "PersistentConnectionChangeTopicPersistentConnectionChangeEvent"),
    (r"v2\.users\.[^.]+\.conversationsummary", "UserConversationsEventUserConversationSummary"),
    (r"v2\.users\.[^.]+\.conversations\.calls", "ConversationCallEventTopicCallConversation"),
    (r"v2\.users\.[^.]+\.conversations", "ConversationEventTopicConversation"),
    (r"v2\.routing\.queues\.[^.]+\.conversations\.calls", "QueueConversationCallEventTopicCallConversation"),
    (r"v2\.routing\.queues\.[^.]+\.conversations", "QueueConversationEventTopicConversation"),
    (r"v2\.routing\.queues\.[^.]+\.users", "QueueUserEventTopicQueueMember"),
]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
TIME_LIMIT_S = 90


class Wrong(Exception):
    """The client read something else than the region sent."""


def plain(value):
    """JSON with moments as numbers and without nulls, which the client cannot tell from absent members."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, str) and MOMENT.fullmatch(value):
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    return value


def difference(sent, read, path=""):
    """The first place where two JSON values differ, or None."""
    # Here the official clients disagree: a string in this one, a reference in those for .NET and JavaScript, as which
    # an absent one is {}. This client reads it as the text "{}".
    if path.endswith(".conversationRoutingData.skillExpressionId") and (sent, read) == ({}, "{}"):
        return None
    if isinstance(sent, dict) and isinstance(read, dict):
        for name in sorted(set(sent) | set(read)):
            if name not in read:
                return f"{path}.{name}: sent {json.dumps(sent[name])[:200]}, which the client's model does not have"
            if name not in sent:
                return f"{path}.{name}: read {json.dumps(read[name])[:200]}, which was not sent"
            found = difference(sent[name], read[name], f"{path}.{name}")
            if found:
                return found
        return None
    if isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        for index, (one, other) in enumerate(zip(sent, read)):
            found = difference(one, other, f"{path}[{index}]")
            if found:
                return found
        return None
    # 1 and 1.0 are the same JSON number; True and 1 are not the same value.
    if sent == read and isinstance(sent, bool) == isinstance(read, bool):
        return None
    return f"{path}: sent {json.dumps(sent)[:200]}, read {json.dumps(read)[:200]}"


class CheckedClient(platform.api_client.ApiClient):
    """The official client, with every answer compared."""

    def __init__(self):
        super().__init__()
        self.compared = Counter()

    def deserialize(self, response, response_type):
        model = super().deserialize(response, response_type)
        if response_type != "object" and response.data:
            self.compare(response_type, json.loads(response.data), model)
        return model

    def compare(self, response_type, sent, model):
        read = self.sanitize_for_serialization(model)
        found = difference(plain(sent), plain(read))
        if found:
            raise Wrong(f"{response_type}{found}")
        if "outdated_sdk_version" in json.dumps(read):
            raise Wrong(f"{response_type}: the region itself sent outdated_sdk_version")
        self.compared[response_type] += 1


class Text:
    """A notification's body in the place of an HTTP answer."""

    def __init__(self, data):
        self.data = data

    def getheader(self, _name):
        return "application/json"


def body_class(topic):
    for pattern, name in BODIES:
        if re.fullmatch(pattern, topic, re.IGNORECASE):
            return name
    raise Wrong(f"a notification on a topic that was not subscribed: {topic}")


def every_page(read):
    entities, page = [], 1
    while True:
        listing = read(page)
        entities.extend(listing.entities)
        if page >= (listing.page_count or 1):
            if len(entities) != listing.total:
                raise Wrong(f"{len(entities)} entities on {page} pages, but the total is {listing.total}")
            return entities
        page += 1


def main(base_url, client_id, client_secret, wanted):
    url = urlsplit(base_url)
    client = CheckedClient()
    client.set_gateway(url.hostname, url.scheme, url.port, "login", "api-root")
    client.get_client_credentials_token(client_id, client_secret)

    platform.TokensApi(client).get_tokens_me()
    platform.OrganizationApi(client).get_organizations_me()
    users = every_page(lambda page: platform.UsersApi(client).get_users(
        page_size=100, page_number=page, expand=["presence", "routingStatus", "station"]))
    routing = platform.RoutingApi(client)
    queues = every_page(lambda page: routing.get_routing_queues(page_size=100, page_number=page))
    stations = every_page(lambda page: platform.StationsApi(client).get_stations(page_size=100, page_number=page))
    platform.StationsApi(client).get_station(stations[0].id)
    routing.get_routing_queue_members(queues[0].id, page_size=100)

    notifications = platform.NotificationsApi(client)
    notifications.get_notifications_availabletopics(
        expand=["description", "enforced", "visibility", "transports", "requiresPermissions", "permissionDetails",
                "topicParameters"], include_preview=True)
    channel = notifications.post_notifications_channels()
    suffixes = "presence&routingStatus&station&activity&persistentconnection&conversations&conversations.calls"
    topics = [{"id": f"v2.users.{user.id}?{suffixes}"} for user in users[:800]]
    topics += [{"id": f"v2.routing.queues.{queue.id}?conversations&conversations.calls"} for queue in queues[:100]]
    answer = notifications.post_notifications_channel_subscriptions(channel.id, topics, ignore_errors=True)
    refused = [entity.id for entity in answer.entities if entity.state != "Permitted"]
    if refused or len(answer.entities) != len(topics):
        raise Wrong(f"{len(answer.entities)} of {len(topics)} subscriptions answered, refused: {refused[:3]}")
    if len(notifications.get_notifications_channel_subscriptions(channel.id).entities) != len(topics):
        raise Wrong("the list of subscriptions is not what was subscribed")
    if [entity.id for entity in notifications.get_notifications_channels().entities] != [channel.id]:
        raise Wrong("the list of channels is not what was made")
    notifications.head_notifications_channel(channel.id)

    seen, received, conversations = Counter(), 0, {}
    socket = websocket.create_connection(channel.connect_uri, timeout=35)
    try:
        socket.send(json.dumps({"message": "ping"}))
        pong = False
        deadline = time.monotonic() + TIME_LIMIT_S
        while received < wanted or not pong:
            if time.monotonic() > deadline:
                raise Wrong(f"{received} of {wanted} notifications within {TIME_LIMIT_S} s: {dict(seen)}")
            frame = json.loads(socket.recv())
            if frame["topicName"] == "channel.metadata":
                pong = pong or frame["eventBody"]["message"] == "pong"
                continue
            if list(frame) != ["topicName", "version", "eventBody", "metadata"] or frame["version"] != "2":
                raise Wrong(f"an envelope that the platform does not send: {list(frame)}, {frame.get('version')!r}")
            name = body_class(frame["topicName"])
            client.deserialize(Text(json.dumps(frame["eventBody"])), name)
            seen[name] += 1
            received += 1
            if "onversation" in name:
                conversations[frame["eventBody"]["id"]] = True
    finally:
        socket.close()

    # The same calls by REST, in both forms, and as analytics tells them.
    analytics = platform.AnalyticsApi(client)
    for conversation in list(conversations)[:20]:
        platform.ConversationsApi(client).get_conversation(conversation)
        platform.ConversationsApi(client).get_conversations_call(conversation)
        analytics.get_analytics_conversation_details(conversation)
    found = analytics.get_analytics_conversations_details(id=list(conversations)[:20]).conversations
    if {one.conversation_id for one in found} != set(list(conversations)[:20]):
        raise Wrong("analytics does not know the conversations that were asked for")
    start = min(one.conversation_start for one in found)
    interval = "/".join((start + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ") for day in (0, 1))
    query = {"interval": interval, "order": "asc", "orderBy": "conversationStart",
             "paging": {"pageSize": 100, "pageNumber": 1}}
    listed = analytics.post_analytics_conversations_details_query(query)
    if len(listed.conversations) != min(100, listed.total_hits) or listed.total_hits < len(conversations):
        raise Wrong(f"{len(listed.conversations)} of {listed.total_hits} conversations on the first page of analytics")
    notifications.delete_notifications_channel_subscriptions(channel.id)
    if notifications.get_notifications_channel_subscriptions(channel.id).entities:
        raise Wrong("there are subscriptions left after all were deleted")
    try:
        notifications.head_notifications_channel("streaming-0-nosuchchannel")
        raise Wrong("a channel that never was is there")
    except platform.rest.ApiException as error:
        if error.status != 404:
            raise

    print(json.dumps({"notifications": received, "users": len(users), "queues": len(queues),
                      "compared": dict(client.compared)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
