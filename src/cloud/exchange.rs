//! What to send for a request, and what the answer means: HTTP and websocket texts as values, without a network.
//!
//! Knows: paths, queries, bodies, and the secrets that go with them. Does not know: connections, time, whether to try
//! again. [`Wire`](super::Wire) is an [`Exchange`] with a network; virtual-time tests carry an [`Outgoing`] to a simulated
//! region by hand, and its [`Answer`] back.

use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use serde_json::value::RawValue;
use url::Url;
use zeroize::Zeroize as _;

use super::refusal::{refused, unreadable};
use super::vault::Vault;
use super::{channel, details, oauth, roster};
use crate::model::id::{ChannelId, Topic, UserId};
use crate::model::order::{BodyText, Failure, FailureKind, Page, Reply, Request, USERS_AT_ONCE};
use crate::settings::Region;

/// The platform's JSON ping.
pub const PING: &str = r#"{"message":"ping"}"#;

/// Topics that one unsubscribing text takes off: it stays far below what any websocket takes at once.
const TOPICS_A_TEXT: usize = 100;

/// The texts that take topics off a channel over its websocket.
pub fn unfollow(topics: &[Topic]) -> impl Iterator<Item = String> {
    topics.chunks(TOPICS_A_TEXT).map(|topics| {
        let topics: Vec<&str> = topics.iter().map(Topic::as_str).collect();
        json!({ "message": "unsubscribe", "topics": topics }).to_string()
    })
}

/// What is said to one region for one OAuth client, and what was learnt there: the newest tokens, the channels' addresses.
pub struct Exchange {
    region: Region,
    vault: Vault,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange with {}", self.host())
    }
}

/// One HTTP request. Its [`fmt::Debug`] shows what it does, and nothing of what goes with it.
pub struct Outgoing {
    act: String,
    method: Method,
    url: Url,
    authorization: SecretString,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.act, self.method)
    }
}

impl Outgoing {
    /// What it does, for people ("Listing users (page 3)").
    #[must_use]
    pub fn act(&self) -> &str {
        &self.act
    }

    /// The HTTP method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes. Not for a log: the id of a channel may stand in it.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The Authorization header.
    #[must_use]
    pub const fn authorization(&self) -> &SecretString {
        &self.authorization
    }

    /// The Content-Type header, if there is a body.
    #[must_use]
    pub const fn content_type(&self) -> Option<&'static str> {
        self.content_type
    }

    /// The body; may be empty.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    fn json(mut self, body: Vec<u8>) -> Self {
        self.content_type = Some("application/json");
        self.body = body;
        self
    }
}

/// One HTTP answer. Its [`fmt::Debug`] shows no content, which may be a token or a channel's address.
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// An answer that came by another way than a network. Headers that HTTP cannot carry are left out, and a status that
    /// it does not have is trouble on the platform's side.
    pub fn new<'a>(
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Vec<u8>,
    ) -> Self {
        let header = |(name, value): (&str, &str)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::from_str(value).ok()?,
            ))
        };
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: headers.into_iter().filter_map(header).collect(),
            body,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an answer with {} and {} bytes",
            self.status,
            self.body.len()
        )
    }
}

/// It may have held a token, or the address of a channel.
impl Drop for Answer {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

/// What is being done, for people.
fn act(what: &Request) -> String {
    match what {
        Request::Token => "Asking for a token".to_owned(),
        Request::Users { page } => format!("Listing users (page {page})"),
        Request::Queues { page } => format!("Listing queues (page {page})"),
        Request::Stations { page } => format!("Listing stations (page {page})"),
        Request::UsersById { ids } => format!("Reading {} users", ids.len()),
        Request::Conversation { .. } => "Reading a conversation".to_owned(),
        Request::ConversationDetails { page, .. } => {
            format!("Reading the details of conversations (page {page})")
        }
        Request::UserDetails { page, .. } => {
            format!("Reading presences and routing statuses (page {page})")
        }
        Request::Channels => "Listing the client's channels".to_owned(),
        Request::CreateChannel => "Making a channel".to_owned(),
        Request::ProbeChannel { .. } => "Asking whether a channel is there".to_owned(),
        Request::Subscribe { topics, .. } => format!("Subscribing {} topics", topics.len()),
        Request::Unsubscribe { .. } => "Taking the topics off a channel".to_owned(),
    }
}

impl Exchange {
    /// With nothing learnt yet.
    #[must_use]
    pub fn new(region: Region, client_id: &str, client_secret: SecretString) -> Self {
        Self {
            region,
            vault: Vault::new(client_id, client_secret),
        }
    }

    pub(super) const fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) const fn api(&self) -> &Url {
        &self.region.api
    }

    /// Where requests other than for tokens go.
    pub(super) fn host(&self) -> &str {
        self.region.api.host_str().unwrap_or_default()
    }

    /// What to send.
    ///
    /// # Errors
    /// If there is no token yet, or the platform would not take the request: nothing is to be sent.
    pub fn outgoing(&self, what: &Request) -> Result<Outgoing, Failure> {
        let get = |url| self.bearing(what, Method::GET, url);
        match what {
            Request::Token => Ok(self.grant(what)),
            Request::Users { page } => {
                let mut url = self.url(&["users"]);
                // Spelt out, as a comma in a pair would be escaped, which not every gateway takes back.
                url.set_query(Some(&format!(
                    "pageSize=100&pageNumber={page}&expand={EXPAND}&state=active"
                )));
                get(url)
            }
            Request::Queues { page } => get(self.listing(&["routing", "queues"], *page)),
            Request::Stations { page } => get(self.listing(&["stations"], *page)),
            Request::UsersById { ids } => {
                at_once(what, ids)?;
                let mut url = self.url(&["users"]);
                url.query_pairs_mut()
                    .extend_pairs(ids.iter().map(|id| ("id", id.as_str())));
                let ids = url.query().unwrap_or_default();
                // One who was made inactive meanwhile still tells what became of him.
                let query = format!("pageSize=100&{ids}&expand={EXPAND}&state=any");
                url.set_query(Some(&query));
                get(url)
            }
            Request::Conversation { id } => get(self.url(&["conversations", id.as_str()])),
            Request::ConversationDetails {
                from,
                to,
                only_open,
                page,
            } => {
                let query = details::conversations(*from, *to, *only_open, *page);
                let url = self.url(&["analytics", "conversations", "details", "query"]);
                Ok(self.bearing(what, Method::POST, url)?.json(query))
            }
            Request::UserDetails {
                users,
                from,
                to,
                page,
            } => {
                at_once(what, users)?;
                let query = details::users(users, *from, *to, *page);
                let url = self.url(&["analytics", "users", "details", "query"]);
                Ok(self.bearing(what, Method::POST, url)?.json(query))
            }
            Request::Channels => {
                let mut url = self.url(&["notifications", "channels"]);
                url.set_query(Some("includechannels=oauthclient"));
                get(url)
            }
            Request::CreateChannel => {
                let url = self.url(&["notifications", "channels"]);
                let ask = self.bearing(what, Method::POST, url)?;
                Ok(ask.json(b"{}".to_vec()))
            }
            Request::ProbeChannel { channel } => {
                self.bearing(what, Method::HEAD, self.channel_url(channel, &[]))
            }
            Request::Subscribe { channel, topics } => {
                let body = channel::subscription(topics);
                if body.len() >= channel::BODY_LIMIT {
                    return Err(unsent(
                        what,
                        &format!(
                            "the request would have {} bytes, and the platform takes less than {}",
                            body.len(),
                            channel::BODY_LIMIT
                        ),
                    ));
                }
                let mut url = self.channel_url(channel, &["subscriptions"]);
                url.set_query(Some("ignoreErrors=true"));
                Ok(self.bearing(what, Method::POST, url)?.json(body))
            }
            Request::Unsubscribe { channel } => {
                self.vault.leave_channel(channel);
                let url = self.channel_url(channel, &["subscriptions"]);
                self.bearing(what, Method::DELETE, url)
            }
        }
    }

    /// What the answer means. Learns from it: the token of a grant, the address of a channel that was made.
    pub fn incoming(&self, what: &Request, mut answer: Answer) -> Reply {
        self.read(what, &mut answer).unwrap_or_else(Reply::Failed)
    }

    /// Where the websocket of a channel is. Whoever knows it reads the feed.
    ///
    /// # Errors
    /// If the channel was not made here.
    pub fn socket_address(&self, channel: &ChannelId) -> Result<SecretString, Failure> {
        self.vault.address(channel).ok_or_else(|| Failure {
            kind: FailureKind::NotFound,
            status: None,
            retry_after: None,
            message: format!("{OPENING}: its address is not known here. Make a new channel."),
        })
    }

    fn read(&self, what: &Request, answer: &mut Answer) -> Result<Reply, Failure> {
        let status = answer.status;
        if !status.is_success() {
            return self.refusal(what, answer);
        }
        let unread = |why: &str| unreadable(&act(what), self.host(), Some(status), why);
        let body = &answer.body;
        match what {
            Request::Token => {
                let granted = oauth::granted(&act(what), self.login_host(), status, body)?;
                self.vault.set_token(granted.token);
                Ok(Reply::Token { life: granted.life })
            }
            Request::Users { page } => bounded(roster::users(body, *page))
                .map(Reply::Users)
                .map_err(|why| unread(&why)),
            Request::UsersById { .. } => bounded(roster::users(body, 1))
                .map(Reply::Users)
                .map_err(|why| unread(&why)),
            Request::Queues { page } => bounded(roster::queues(body, *page))
                .map(Reply::Queues)
                .map_err(|why| unread(&why)),
            Request::Stations { page } => bounded(roster::stations(body, *page))
                .map(Reply::Stations)
                .map_err(|why| unread(&why)),
            Request::Conversation { .. } => object(std::mem::take(&mut answer.body))
                .map(Reply::Conversation)
                .ok_or_else(|| unread("it is no object")),
            Request::ConversationDetails { .. } => details::conversations_page(body)
                .map(Reply::ConversationDetails)
                .ok_or_else(|| unread("it is no page of conversations")),
            Request::UserDetails { .. } => details::users_page(body)
                .map(Reply::UserDetails)
                .ok_or_else(|| unread("it is no page of users")),
            Request::Channels => {
                let listed = channel::listed(body).ok_or_else(|| unread("it is no list"))?;
                let all = listed.len();
                let own: Vec<ChannelId> = listed
                    .into_iter()
                    .flatten()
                    .filter(|channel| self.vault.has_made(channel))
                    .collect();
                let others = all - own.len();
                Ok(Reply::Channels { own, others })
            }
            Request::CreateChannel => {
                let made = channel::made(body, &self.region.api)
                    .map_err(|why| unread(&self.vault.quote(&why)))?;
                self.vault.set_channel(&made.channel, made.address);
                Ok(Reply::Channel {
                    channel: made.channel,
                    expires: made.expires,
                })
            }
            Request::ProbeChannel { .. } => Ok(Reply::ChannelExists(true)),
            Request::Subscribe { .. } => {
                let mut verdicts =
                    channel::verdicts(body).ok_or_else(|| unread("it is no list of topics"))?;
                for verdict in &mut verdicts {
                    verdict.reason = self.vault.quote(&verdict.reason);
                }
                Ok(Reply::Subscribed(verdicts))
            }
            Request::Unsubscribe { .. } => Ok(Reply::Unsubscribed),
        }
    }

    /// Anything but a 2xx is a failure, but for the 404 that a probe asks for.
    fn refusal(&self, what: &Request, answer: &Answer) -> Result<Reply, Failure> {
        let (denied, host): (fn(&_, &_, _, &_, &_, &_) -> _, _) = match what {
            Request::Token => (oauth::denied, self.login_host()),
            _ => (refused, self.host()),
        };
        let failure: Failure = denied(
            &act(what),
            host,
            answer.status,
            &answer.headers,
            &answer.body,
            &self.vault,
        );
        match what {
            Request::ProbeChannel { .. } if failure.kind == FailureKind::NotFound => {
                Ok(Reply::ChannelExists(false))
            }
            _ => Err(failure),
        }
    }

    /// The grant of a token, by the OAuth client itself.
    fn grant(&self, what: &Request) -> Outgoing {
        let mut url = self.region.login.clone();
        url.set_path("/oauth/token");
        let pair = self.vault.pair().expose_secret();
        Outgoing {
            act: act(what),
            method: Method::POST,
            url,
            authorization: SecretString::from(format!("Basic {pair}")),
            content_type: Some("application/x-www-form-urlencoded"),
            body: oauth::GRANT.into(),
        }
    }

    /// With the newest token.
    fn bearing(&self, what: &Request, method: Method, url: Url) -> Result<Outgoing, Failure> {
        self.bearing_as(act(what), method, url)
    }

    /// With the newest token, for what `act` says.
    pub(super) fn bearing_as(
        &self,
        act: String,
        method: Method,
        url: Url,
    ) -> Result<Outgoing, Failure> {
        let Some(token) = self.vault.token() else {
            return Err(Failure {
                kind: FailureKind::TokenRefused,
                status: None,
                retry_after: None,
                message: format!("{act}: there is no token yet. Nothing was sent."),
            });
        };
        Ok(Outgoing {
            act,
            method,
            url,
            authorization: SecretString::from(format!("Bearer {}", token.expose_secret())),
            content_type: None,
            body: Vec::new(),
        })
    }

    fn login_host(&self) -> &str {
        self.region.login.host_str().unwrap_or_default()
    }

    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.region.api.clone();
        // Only an address that cannot have a path has no segments, and a region's is http or https.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["api", "v2"]).extend(path);
        }
        url
    }

    fn listing(&self, path: &[&str], page: u32) -> Url {
        let mut url = self.url(path);
        url.set_query(Some(&format!("pageSize=100&pageNumber={page}")));
        url
    }

    fn channel_url(&self, channel: &ChannelId, below: &[&str]) -> Url {
        self.vault.name_channel(channel);
        let mut path = vec!["notifications", "channels", channel.expose()];
        path.extend(below);
        self.url(&path)
    }
}

/// What is asked of users beyond their names.
const EXPAND: &str = "presence,routingStatus,station";

/// What opening a websocket is called in failures.
pub(super) const OPENING: &str = "Opening the websocket of a channel";

/// Pages of a list that are read at the most: 200,000 users are ten times what the channels of a client can follow.
const MOST_PAGES: u32 = 2_000;

/// Rows of a page that are asked for: what this adapter needs of a user or queue is bounded, so a list is too.
const ROWS: usize = 100;

/// A list that ends. One that says it has more pages than any organization would be read for ever.
fn bounded<T>(page: Option<Page<T>>) -> Result<Page<T>, String> {
    let page = page.ok_or("it is no list")?;
    let rows = page.rows.len() + usize::try_from(page.unread).unwrap_or(usize::MAX);
    if rows > ROWS {
        return Err(format!("it has {rows} rows, and {ROWS} were asked for"));
    }
    if page.of > MOST_PAGES {
        return Err(format!(
            "it says that it has {} pages, and {MOST_PAGES} are taken at the most",
            page.of
        ));
    }
    Ok(page)
}

/// Refuses what has more users than fit into a request.
fn at_once(what: &Request, users: &[UserId]) -> Result<(), Failure> {
    match users.len() {
        1..=USERS_AT_ONCE => Ok(()),
        n => Err(unsent(
            what,
            &format!("a request is for 1 to {USERS_AT_ONCE} users, not for {n}"),
        )),
    }
}

fn unsent(what: &Request, why: &str) -> Failure {
    Failure {
        kind: FailureKind::Refused,
        status: None,
        retry_after: None,
        message: format!("{}: {why}. It was not sent.", act(what)),
    }
}

/// A body that is one JSON object, and nothing else.
fn object(body: Vec<u8>) -> Option<BodyText> {
    let text = String::from_utf8(body).ok()?;
    let is_object = text.trim_ascii_start().starts_with('{')
        && serde_json::from_str::<&RawValue>(&text).is_ok();
    is_object.then(|| BodyText::from(text))
}

#[cfg(test)]
mod tests;
