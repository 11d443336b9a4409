//! "Test connection": goes to the region hop by hop, as a start would, and says at each what was seen and what to do.
//!
//! Knows: what a feed needs of a network and of an organization, and of a running adapter, beside which it may run, what
//! that has ([`Own`]). It has a wire and a token of its own. It makes no channel, as channels cannot be deleted and are
//! few: it asks for the websocket of one that does not exist. The token is ended when it is done. Nothing of it is left
//! behind.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::cloud::{Found, Hop, Inquiry, Limits, Step, Told, TopicRule, Wire, WireConfig};
use crate::model::order::{Failure, FailureKind, Reply, Request};
use crate::model::time::UtcMicros;
use crate::settings::Settings;

/// What an adapter puts on a channel at the most, and how many channels a client has (`session` keeps to both).
const TOPICS_PER_CHANNEL: u64 = 900;
const CHANNELS_PER_CLIENT: u64 = 20;

/// A clock that is further from the platform's than this is worth a warning. The header tells whole seconds.
const CLOCK_OFF: i64 = 5;

/// What is kept of the time for ending the token.
const FAREWELL: Duration = Duration::from_secs(1);

/// The topics of a user and of a queue (`session` subscribes them).
const TOPICS: [&str; 7] = [
    "v2.users.{id}.conversations",
    "v2.users.{id}.conversations.calls",
    "v2.users.{id}.presence",
    "v2.users.{id}.routingStatus",
    "v2.users.{id}.station",
    "v2.routing.queues.{id}.conversations",
    "v2.routing.queues.{id}.conversations.calls",
];

/// How a check went. The worst of all is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// Not tried, because something before it failed.
    Skipped,
    Warning,
    Failed,
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    result: Verdict,
    seen: String,
    todo: String,
    took_ms: u64,
}

/// The document; `docs/CHECK.md` lists its members.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'static str,
    adapter: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<String>,
    at_us: i64,
    took_ms: u64,
    result: Verdict,
    checks: &'a [Check],
}

/// What the running adapter has at the region that is checked.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) channels: u64,
    /// How many of them have an open websocket.
    pub(super) sockets: u64,
    /// The hosts of their websockets.
    pub(super) hosts: Vec<Url>,
}

/// Checks the way to the region, within `limit`. `own`: if the adapter runs.
pub(super) async fn check(settings: &Settings, limit: Duration, own: Option<Own>) -> String {
    let at = UtcMicros::read_clock();
    let began = Instant::now();
    let mut round = Round {
        checks: Vec::new(),
        deadline: began + limit.saturating_sub(FAREWELL.min(limit / 5)),
        since: began,
    };
    let wire = Wire::new(WireConfig {
        region: settings.region.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
        trust: settings.trust.clone(),
        proxy: settings.proxy.clone(),
        user_agent: concat!("genesys-cloud-adapter/", env!("CARGO_PKG_VERSION")).to_owned(),
        limits: Limits::default(),
    });
    match wire {
        Ok(wire) => {
            round
                .all(&wire, settings, own.as_ref(), began + limit)
                .await
        }
        Err(failure) => round.failed("trust", Verdict::Failed, &failure),
    }
    let worst = round.checks.iter().map(|check| check.result).max();
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        adapter: &settings.adapter_name,
        region: settings.region.api.host_str().unwrap_or_default(),
        proxy: settings
            .proxy
            .as_ref()
            .map(|proxy| format!("{}:{}", proxy.host, proxy.port)),
        at_us: at.0,
        took_ms: millis(began.elapsed()),
        result: worst.unwrap_or(Verdict::Failed),
        checks: &round.checks,
    };
    // Texts and numbers: there is nothing in it that JSON cannot hold.
    serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned())
}

/// The checks so far.
struct Round {
    checks: Vec<Check>,
    deadline: Instant,
    /// When the check under way began.
    since: Instant,
}

/// The time of the whole check was up before the answer came.
struct TimeIsUp;

impl Round {
    fn add(&mut self, check: &'static str, result: Verdict, seen: String, todo: &str) {
        let took_ms = millis(self.since.elapsed());
        self.since = Instant::now();
        self.checks.push(Check {
            check,
            host: None,
            result,
            seen,
            todo: todo.to_owned(),
            took_ms,
        });
    }

    fn ok(&mut self, check: &'static str, seen: String) {
        self.add(check, Verdict::Ok, seen, "");
    }

    fn failed(&mut self, check: &'static str, result: Verdict, failure: &Failure) {
        let (seen, todo) = told(failure);
        self.add(check, result, seen, &todo);
    }

    fn time_is_up(&mut self, check: &'static str) {
        self.add(
            check,
            Verdict::Failed,
            "the time for the check was up before this was done".to_owned(),
            "Allow more time; if it stays, what comes before this is slow",
        );
    }

    fn skipped(&mut self, checks: &[&'static str], why: &str) {
        for check in checks {
            self.add(check, Verdict::Skipped, format!("not tried: {why}"), "");
        }
    }

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, TimeIsUp> {
        timeout_at(self.deadline, work).await.map_err(|_| TimeIsUp)
    }

    /// Every check in turn.
    async fn all(&mut self, wire: &Wire, settings: &Settings, own: Option<&Own>, end: Instant) {
        const NEED_TOKEN: [&str; 11] = [
            "organization",
            "clock",
            "topics",
            "users",
            "queues",
            "stations",
            "conversations",
            "agents",
            "channels",
            "capacity",
            "requests",
        ];
        let region = &settings.region;
        self.way(wire, &region.login, Verdict::Failed).await;
        if region.api != region.login {
            self.way(wire, &region.api, Verdict::Failed).await;
        }
        self.websockets(wire, own).await;
        match self.within(wire.request(Request::Token)).await {
            Ok(Reply::Token { life }) => self.ok(
                "token",
                format!("granted, for {} h", life.as_secs().div_ceil(3_600)),
            ),
            Ok(Reply::Failed(failure)) => {
                self.failed("token", Verdict::Failed, &failure);
                return self.skipped(&NEED_TOKEN, "there is no token");
            }
            Ok(_) | Err(TimeIsUp) => {
                self.time_is_up("token");
                return self.skipped(&NEED_TOKEN, "there is no token");
            }
        }
        self.organization(wire).await;
        self.topics(wire).await;
        let users = self.users(wire).await;
        let queues = self.queues(wire).await;
        let stations = self.stations(wire).await;
        self.analytics(wire).await;
        self.channels(wire, own.map_or(0, |own| own.channels)).await;
        self.sums(users, queues, stations, settings.requests_per_minute);
        let ended = timeout_at(end, wire.inquire(Inquiry::EndToken)).await;
        match ended {
            Ok(Ok(_)) => self.ok("farewell", "the token of the check was ended".to_owned()),
            Ok(Err(failure)) => self.failed("farewell", Verdict::Warning, &failure),
            Err(_) => self.time_is_up("farewell"),
        }
    }

    /// The way to the hosts of the websockets: those of the running adapter's channels, or else the one at which they
    /// are expected. The platform names the real one when a channel is made; so far it has always been that.
    async fn websockets(&mut self, wire: &Wire, own: Option<&Own>) {
        let known = own.map_or(&[][..], |own| &own.hosts);
        for host in known {
            self.knock(wire, host, Verdict::Failed).await;
        }
        if known.is_empty() {
            match wire.expected_socket_host() {
                Some(host) => self.knock(wire, &host, Verdict::Warning).await,
                None => self.add(
                    "websocket",
                    Verdict::Skipped,
                    "not tried: behind a gateway, the host of the websockets is told only when a channel is made"
                        .to_owned(),
                    "Start the adapter, and check again: then its own are known",
                ),
            }
        }
        if let Some(own) = own.filter(|own| own.channels > 0) {
            self.own_sockets(own);
        }
    }

    /// What the running adapter has open shows what nothing else can: that frames pass, and that nothing on the way ends
    /// the connections.
    fn own_sockets(&mut self, own: &Own) {
        let Own {
            channels, sockets, ..
        } = own;
        let seen = format!(
            "{sockets} of the running adapter's {channels} channels have their websocket open"
        );
        if sockets == channels {
            return self.ok("sockets", seen);
        }
        let todo = "Check again in a minute. If it stays, and the handshake is answered: see the adapter's state, and \
                    whether something on the way that inspects TLS takes websockets away or ends them";
        self.add("sockets", Verdict::Warning, seen, todo);
    }

    /// Name, connection, proxy and TLS to one host.
    async fn way(&mut self, wire: &Wire, url: &Url, worst: Verdict) {
        let mut steps = Vec::new();
        let done = self.within(wire.walk(url, &mut steps)).await;
        self.steps(url, steps, done, "connection", worst);
    }

    /// The same, and the handshake of a websocket.
    async fn knock(&mut self, wire: &Wire, url: &Url, worst: Verdict) {
        let mut steps = Vec::new();
        let done = self.within(wire.knock(url, &mut steps)).await;
        self.steps(url, steps, done, "websocket", worst);
    }

    /// A row for each step; and if the time was up before all were `done`, one for the way as a whole.
    fn steps(
        &mut self,
        url: &Url,
        steps: Vec<Step>,
        done: Result<(), TimeIsUp>,
        whole: &'static str,
        worst: Verdict,
    ) {
        let host = url.host_str().unwrap_or_default().to_owned();
        for Step { hop, took, outcome } in steps {
            let check = match hop {
                Hop::Name => "name",
                Hop::Connection => "connection",
                Hop::Proxy => "proxy",
                Hop::Tls => "tls",
                Hop::Websocket => "websocket",
            };
            match outcome {
                Ok(seen) => self.ok(check, seen),
                Err(failure) => self.failed(check, worst, &failure),
            }
            self.at(host.clone());
            if let Some(last) = self.checks.last_mut() {
                last.took_ms = millis(took);
            }
        }
        if done.is_err() {
            self.time_is_up(whole);
            self.at(host);
        }
    }

    /// The last check was of this host.
    fn at(&mut self, host: String) {
        if let Some(last) = self.checks.last_mut() {
            last.host = Some(host);
        }
    }

    async fn organization(&mut self, wire: &Wire) {
        match self.within(wire.inquire(Inquiry::Organization)).await {
            Ok(Ok(Told {
                found: Found::Organization { name, id },
                date,
            })) => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
                self.ok("organization", format!("{name} ({id})"));
                self.clock(date);
            }
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => {
                self.failed("organization", Verdict::Warning, &failure);
                self.skipped(&["clock"], "the organization was not read");
            }
            Err(TimeIsUp) => self.time_is_up("organization"),
        }
    }

    fn clock(&mut self, date: Option<jiff::Timestamp>) {
        let Some(date) = date else {
            return self.add(
                "clock",
                Verdict::Warning,
                "the platform told no time".to_owned(),
                "See what on the way takes the header Date from its answers",
            );
        };
        let ahead = jiff::Timestamp::now().as_second() - date.as_second();
        let seen = match ahead {
            0 => "as the platform's".to_owned(),
            1.. => format!("{ahead} s ahead of the platform's"),
            _ => format!("{} s behind the platform's", -ahead),
        };
        if ahead.abs() <= CLOCK_OFF {
            return self.ok("clock", seen);
        }
        let todo = "Let this machine's clock follow a time server: times of gaps and of calls are compared with the \
                    platform's";
        self.add("clock", Verdict::Warning, seen, todo);
    }

    async fn topics(&mut self, wire: &Wire) {
        let rules = match self.within(wire.inquire(Inquiry::Topics)).await {
            Ok(Ok(Told {
                found: Found::Topics(rules),
                ..
            })) => rules,
            Ok(Ok(_)) => return,
            Ok(Err(failure)) => return self.failed("topics", Verdict::Warning, &failure),
            Err(TimeIsUp) => return self.time_is_up("topics"),
        };
        let rule = |topic: &&str| -> Option<&TopicRule> {
            rules
                .iter()
                .find(|rule| rule.template.eq_ignore_ascii_case(topic))
        };
        let missing: Vec<&str> = TOPICS
            .iter()
            .filter(|topic| rule(topic).is_none_or(|rule| !rule.by_websocket))
            .copied()
            .collect();
        let mut permissions: Vec<&str> = TOPICS
            .iter()
            .filter_map(rule)
            .flat_map(|rule| rule.permissions.iter().map(String::as_str))
            .collect();
        permissions.sort_unstable();
        permissions.dedup();
        let needs = if permissions.is_empty() {
            "no permission is named for them".to_owned()
        } else {
            format!("they need {}", permissions.join(", "))
        };
        if missing.is_empty() {
            return self.ok(
                "topics",
                format!("all {} topics are offered; {needs}", TOPICS.len()),
            );
        }
        self.add(
            "topics",
            Verdict::Warning,
            format!("not offered to this client: {}; {needs}", missing.join(", ")),
            "Give a role of the OAuth client the permissions, in all divisions whose users and queues are to be followed",
        );
    }

    /// Lists the users, the last page for its length, and tells how many there are.
    async fn users(&mut self, wire: &Wire) -> Option<u64> {
        let mut number = 1;
        loop {
            match self
                .within(wire.request(Request::Users { page: number }))
                .await
            {
                Ok(Reply::Users(page)) if page.of > number => number = page.of,
                Ok(Reply::Users(page)) => {
                    let users = u64::from(page.of.max(1) - 1) * 100 + page.rows.len() as u64;
                    self.counted("users", "users", users);
                    return Some(users);
                }
                other => {
                    self.unlisted("users", Verdict::Failed, other);
                    return None;
                }
            }
        }
    }

    async fn queues(&mut self, wire: &Wire) -> Option<u64> {
        let mut number = 1;
        loop {
            let page = Request::Queues { page: number };
            match self.within(wire.request(page)).await {
                Ok(Reply::Queues(page)) if page.of > number => number = page.of,
                Ok(Reply::Queues(page)) => {
                    let queues = u64::from(page.of.max(1) - 1) * 100 + page.rows.len() as u64;
                    self.counted("queues", "queues", queues);
                    return Some(queues);
                }
                other => {
                    self.unlisted("queues", Verdict::Failed, other);
                    return None;
                }
            }
        }
    }

    /// The pages of stations.
    async fn stations(&mut self, wire: &Wire) -> Option<u64> {
        match self
            .within(wire.request(Request::Stations { page: 1 }))
            .await
        {
            Ok(Reply::Stations(page)) => {
                self.ok(
                    "stations",
                    format!("can be listed, on {} pages", page.of.max(1)),
                );
                Some(u64::from(page.of.max(1)))
            }
            other => {
                self.unlisted("stations", Verdict::Warning, other);
                None
            }
        }
    }

    fn counted(&mut self, check: &'static str, what: &str, count: u64) {
        if count > 0 {
            return self.ok(check, format!("{count} {what} can be listed"));
        }
        self.add(
            check,
            Verdict::Warning,
            format!("no {what} can be listed"),
            "If there are some, the role of the OAuth client does not cover their divisions",
        );
    }

    fn unlisted(&mut self, check: &'static str, worst: Verdict, other: Result<Reply, TimeIsUp>) {
        match other {
            Ok(Reply::Failed(failure)) => self.failed(check, worst, &failure),
            _ => self.time_is_up(check),
        }
    }

    /// What a gap is recovered by.
    async fn analytics(&mut self, wire: &Wire) {
        let to = UtcMicros::read_clock();
        let from = UtcMicros(to.0 - 60_000_000);
        let conversations = Request::ConversationDetails {
            from,
            to,
            only_open: false,
            page: 1,
        };
        match self.within(wire.request(conversations)).await {
            Ok(Reply::ConversationDetails(_)) => {
                self.ok("conversations", "details of calls can be read".to_owned());
            }
            other => self.unlisted("conversations", Verdict::Warning, other),
        }
        // Of nobody: what counts is whether it is allowed. An organization has no user of this id.
        let nobody = "00000000-0000-0000-0000-000000000000".into();
        let agents = Request::UserDetails {
            users: vec![nobody],
            from,
            to,
            page: 1,
        };
        match self.within(wire.request(agents)).await {
            Ok(Reply::UserDetails(_)) => {
                self.ok("agents", "details of agents can be read".to_owned());
            }
            Ok(Reply::Failed(failure))
                if matches!(failure.kind, FailureKind::NotFound | FailureKind::Refused) =>
            {
                self.ok("agents", "details of agents may be asked for".to_owned());
            }
            other => self.unlisted("agents", Verdict::Warning, other),
        }
    }

    async fn channels(&mut self, wire: &Wire, own: u64) {
        match self.within(wire.request(Request::Channels)).await {
            Ok(Reply::Channels { own: made, others }) => {
                let all = (made.len() + others) as u64;
                let foreign = all.saturating_sub(own);
                let seen = format!(
                    "{all} of {CHANNELS_PER_CLIENT} are in use by this OAuth client: {} by this adapter, {foreign} by \
                     others (its peer, an earlier process, another program)",
                    all.min(own)
                );
                let free = CHANNELS_PER_CLIENT.saturating_sub(all);
                if free > 0 || own > 0 {
                    return self.ok("channels", seen);
                }
                let todo = "The platform takes the channel that was used longest ago for a new one: whoever has it \
                            loses it. Give other programs an OAuth client of their own";
                self.add("channels", Verdict::Warning, seen, todo);
            }
            other => self.unlisted("channels", Verdict::Warning, other),
        }
    }

    /// Users and queues against the channels, and requests against the budget.
    fn sums(
        &mut self,
        users: Option<u64>,
        queues: Option<u64>,
        stations: Option<u64>,
        per_minute: u32,
    ) {
        let (Some(users), Some(queues)) = (users, queues) else {
            return self.skipped(
                &["capacity", "requests"],
                "users or queues cannot be listed",
            );
        };
        let channels = (users + queues).div_ceil(TOPICS_PER_CHANNEL).max(1);
        let alone = channels + 1;
        let seen = format!(
            "{users} users and {queues} queues need {channels} channels and one for their successor: {alone} of \
             {CHANNELS_PER_CLIENT}, {} with a peer on the same OAuth client",
            2 * alone
        );
        if 2 * alone <= CHANNELS_PER_CLIENT {
            self.ok("capacity", seen);
        } else {
            let todo = if alone <= CHANNELS_PER_CLIENT {
                "Give a peer an OAuth client of its own"
            } else {
                "Follow fewer users and queues with one OAuth client: divide them by divisions among several adapters"
            };
            self.add("capacity", Verdict::Warning, seen, todo);
        }
        let pages = |rows: u64| rows.div_ceil(100).max(1);
        let requests = 1 + pages(users) + pages(queues) + stations.unwrap_or(1) + 2 * channels;
        let minutes = requests.div_ceil(u64::from(per_minute.max(1)));
        self.ok(
            "requests",
            format!(
                "a start needs about {requests}, at {per_minute} a minute: {minutes} min at the most; reads of calls \
                 come on top and are spread"
            ),
        );
    }
}

/// What went wrong, and what to do: the first sentence, and the others.
fn told(failure: &Failure) -> (String, String) {
    let message = failure.message.trim_end_matches('.');
    let mut depth = 0_u32;
    for (at, c) in message.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            // What the platform said stands in parentheses, with full stops of its own.
            '.' if depth == 0 => {
                if let Some((seen, todo)) = message
                    .split_at_checked(at)
                    .and_then(|(seen, rest)| Some((seen, rest.strip_prefix(". ")?)))
                {
                    return (seen.to_owned(), todo.to_owned());
                }
            }
            _ => {}
        }
    }
    (message.to_owned(), String::new())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round() -> Round {
        let now = Instant::now();
        Round {
            checks: Vec::new(),
            deadline: now,
            since: now,
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_with_its_direction() {
        let told = |ahead_s: i64| {
            let mut round = round();
            let now = jiff::Timestamp::now();
            round.clock(jiff::Timestamp::from_second(now.as_second() - ahead_s).ok());
            let check = round.checks.remove(0);
            (check.result, check.seen, check.todo)
        };
        assert_eq!(told(0).0, Verdict::Ok);
        assert_eq!(told(-4).0, Verdict::Ok);
        let (result, seen, todo) = told(120);
        assert_eq!(result, Verdict::Warning);
        assert!(seen.ends_with(" s ahead of the platform's"), "{seen}");
        assert!(todo.contains("time server"), "{todo}");
        let (result, seen, _) = told(-3_600);
        assert_eq!(result, Verdict::Warning);
        assert!(seen.ends_with(" s behind the platform's"), "{seen}");
    }

    #[test]
    fn more_users_than_channels_hold_are_told_before_a_start() {
        let told = |users| {
            let mut round = round();
            round.sums(Some(users), Some(10), Some(1), 270);
            let capacity = round.checks.remove(0);
            (capacity.result, capacity.todo)
        };
        // 9 channels and their successor, twice, are 20.
        assert_eq!(told(8_000).0, Verdict::Ok);
        let (result, todo) = told(8_100);
        assert_eq!(result, Verdict::Warning);
        assert!(todo.contains("peer"), "{todo}");
        let (result, todo) = told(17_200);
        assert_eq!(result, Verdict::Warning);
        assert!(todo.contains("divide them by divisions"), "{todo}");
    }

    #[test]
    fn a_failure_is_told_apart_into_what_was_seen_and_what_to_do() {
        let failure = Failure {
            kind: FailureKind::Link,
            status: None,
            retry_after: None,
            message: "Connecting: no connection to 192.0.2.7 (No. Never.). Check this. And that."
                .to_owned(),
        };
        let (seen, todo) = told(&failure);
        assert_eq!(seen, "Connecting: no connection to 192.0.2.7 (No. Never.)");
        assert_eq!(todo, "Check this. And that");
    }
}
