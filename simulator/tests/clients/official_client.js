// The official JavaScript client against a region. What it receives is written as TypeScript literals of the client's own
// types, so that the compiler finds every member that its index.d.ts does not know and every value of a wrong type.
//
// Usage: node official_client.js BASE_URL CLIENT_ID CLIENT_SECRET NOTIFICATIONS OUTPUT_DIRECTORY
// Packages are found through NODE_PATH.
'use strict';

const fs = require('fs');
const path = require('path');
const platform = require('purecloud-platform-client-v2');
const WebSocket = require('ws');

const [, , baseUrl, clientId, clientSecret, wantedText, output] = process.argv;
const wanted = Number(wantedText);
const TIME_LIMIT_MS = 90000;

// The class that the platform publishes on each topic (its notificationMappings).
const BODIES = [
	[/^v2\.users\.[^.]+\.presence$/i, 'PresenceEventUserPresence'],
	[/^v2\.users\.[^.]+\.routingStatus$/i, 'UserRoutingStatusUserRoutingStatus'],
	[/^v2\.users\.[^.]+\.station$/i, 'UserStationChangeTopicUserStations'],
	[/^v2\.users\.[^.]+\.activity$/i, 'AgentActivityChangedTopicAgentActivity'],
	[/^v2\.users\.[^.]+\.persistentconnection$/i, 'PersistentConnectionChangeTopicPersistentConnectionChangeEvent'],
	[/^v2\.users\.[^.]+\.conversationsummary$/i, 'UserConversationsEventUserConversationSummary'],
	[/^v2\.users\.[^.]+\.conversations\.calls$/i, 'ConversationCallEventTopicCallConversation'],
	[/^v2\.users\.[^.]+\.conversations$/i, 'ConversationEventTopicConversation'],
	[/^v2\.routing\.queues\.[^.]+\.conversations\.calls$/i, 'QueueConversationCallEventTopicCallConversation'],
	[/^v2\.routing\.queues\.[^.]+\.conversations$/i, 'QueueConversationEventTopicConversation'],
	[/^v2\.routing\.queues\.[^.]+\.users$/i, 'QueueUserEventTopicQueueMember'],
];

const captured = [];

function check(holds, what) {
	if (!holds) throw new Error(what);
}

async function read(type, promise) {
	const value = await promise;
	captured.push([type, value]);
	return value;
}

async function everyPage(type, get) {
	const entities = [];
	for (let page = 1; ; page++) {
		const listing = await read(type, get(page));
		entities.push(...listing.entities);
		if (page >= (listing.pageCount || 1)) {
			check(entities.length === listing.total, `${type}: ${entities.length} entities, total ${listing.total}`);
			return entities;
		}
	}
}

function receive(connectUri) {
	return new Promise((resolve, reject) => {
		const seen = {};
		const conversations = new Set();
		let received = 0;
		let pong = false;
		const socket = new WebSocket(connectUri);
		const fail = (error) => {
			clearTimeout(timer);
			socket.terminate();
			reject(error instanceof Error ? error : new Error(error));
		};
		const timer = setTimeout(
			() => fail(`${received} of ${wanted} notifications in ${TIME_LIMIT_MS} ms: ${JSON.stringify(seen)}`),
			TIME_LIMIT_MS
		);
		socket.on('open', () => socket.send(JSON.stringify({ message: 'ping' })));
		socket.on('error', fail);
		socket.on('close', (code) => fail(`the region closed the socket: ${code}`));
		socket.on('message', (data) => {
			const frame = JSON.parse(data.toString());
			if (frame.topicName === 'channel.metadata') {
				pong = pong || frame.eventBody.message === 'pong';
			} else {
				const body = BODIES.find(([pattern]) => pattern.test(frame.topicName));
				if (!body) return fail(`a notification on a topic that was not subscribed: ${frame.topicName}`);
				if (Object.keys(frame).join() !== 'topicName,version,eventBody,metadata' || frame.version !== '2') {
					return fail(`an envelope that the platform does not send: ${Object.keys(frame)}, ${frame.version}`);
				}
				captured.push([body[1], frame.eventBody]);
				seen[body[1]] = (seen[body[1]] || 0) + 1;
				if (body[1].includes('onversation') && frame.eventBody.id) conversations.add(frame.eventBody.id);
				received++;
			}
			if (received >= wanted && pong) {
				clearTimeout(timer);
				socket.removeAllListeners('close');
				socket.close();
				resolve({ received, seen, conversations: [...conversations] });
			}
		});
	});
}

async function main() {
	const url = new URL(baseUrl);
	const client = platform.ApiClient.instance;
	client.setGateway({
		host: url.hostname,
		protocol: url.protocol.replace(':', ''),
		port: Number(url.port),
		path_params_login: 'login',
		path_params_api: 'api-root',
	});
	await client.loginClientCredentialsGrant(clientId, clientSecret);

	await read('TokenInfo', new platform.TokensApi().getTokensMe());
	await read('Organization', new platform.OrganizationApi().getOrganizationsMe());
	const users = await everyPage('UserEntityListing', (pageNumber) =>
		new platform.UsersApi().getUsers({
			pageSize: 100,
			pageNumber,
			expand: ['presence', 'routingStatus', 'station'],
		})
	);
	const routing = new platform.RoutingApi();
	const queues = await everyPage('QueueEntityListing', (pageNumber) =>
		routing.getRoutingQueues({ pageSize: 100, pageNumber })
	);
	const stations = await everyPage('StationEntityListing', (pageNumber) =>
		new platform.StationsApi().getStations({ pageSize: 100, pageNumber })
	);
	await read('Station', new platform.StationsApi().getStation(stations[0].id));
	await read('QueueMemberEntityListing', routing.getRoutingQueueMembers(queues[0].id, { pageSize: 100 }));

	const notifications = new platform.NotificationsApi();
	await read(
		'AvailableTopicEntityListing',
		notifications.getNotificationsAvailabletopics({
			expand: ['description', 'visibility', 'transports', 'permissionDetails', 'topicParameters'],
			includePreview: true,
		})
	);
	const channel = await read('Channel', notifications.postNotificationsChannels());
	const suffixes = 'presence&routingStatus&station&activity&persistentconnection&conversations&conversations.calls';
	const topics = [
		...users.slice(0, 800).map((user) => ({ id: `v2.users.${user.id}?${suffixes}` })),
		...queues.slice(0, 100).map((queue) => ({
			id: `v2.routing.queues.${queue.id}?conversations&conversations.calls`,
		})),
	];
	const answer = await read(
		'ChannelTopicEntityListing',
		notifications.putNotificationsChannelSubscriptions(channel.id, topics, { ignoreErrors: true })
	);
	check(
		answer.entities.length === topics.length && answer.entities.every((topic) => topic.state === 'Permitted'),
		`not all ${topics.length} topics were permitted`
	);
	const { received, seen, conversations } = await receive(channel.connectUri);
	for (const id of conversations.slice(0, 20)) {
		await read('Conversation', new platform.ConversationsApi().getConversation(id));
		await read('CallConversation', new platform.ConversationsApi().getConversationsCall(id));
	}
	const analytics = new platform.AnalyticsApi();
	const found = await read(
		'AnalyticsConversationWithoutAttributesMultiGetResponse',
		analytics.getAnalyticsConversationsDetails({ id: conversations.slice(0, 20) })
	);
	check(found.conversations.length === Math.min(20, conversations.length), 'analytics does not know all that were told');
	const starts = found.conversations.map((conversation) => Date.parse(conversation.conversationStart));
	const [from, to] = [0, 86400000].map((after) => new Date(Math.min(...starts) + after).toISOString());
	const listed = await read(
		'AnalyticsConversationQueryResponse',
		analytics.postAnalyticsConversationsDetailsQuery({ interval: `${from}/${to}`, paging: { pageSize: 100, pageNumber: 1 } })
	);
	check(listed.totalHits >= conversations.length, `analytics has ${listed.totalHits} of ${conversations.length} conversations`);

	// What the client requires of what it sends (a User's version), the platform leaves out of references.
	const loose =
		'type Sent<T> = T extends (infer One)[] ? Sent<One>[] : T extends object ? { [M in keyof T]?: Sent<T[M]> } : T;';
	const lines = captured.map(
		([type, value], index) => `export const captured${index}: Sent<Models.${type}> = ${JSON.stringify(value)};`
	);
	fs.mkdirSync(output, { recursive: true });
	fs.copyFileSync(path.join(__dirname, 'tsconfig.json'), path.join(output, 'tsconfig.json'));
	fs.writeFileSync(
		path.join(output, 'captured.ts'),
		`import { Models } from 'purecloud-platform-client-v2';\n${loose}\n${lines.join('\n')}\n`
	);
	console.log(JSON.stringify({ notifications: received, users: users.length, queues: queues.length, seen }));
}

main().then(
	// The client watches its configuration file for ever.
	() => process.exit(0),
	(error) => {
		console.error(error && error.error ? `${error.status}: ${JSON.stringify(error.error)}` : error);
		process.exit(1);
	}
);
