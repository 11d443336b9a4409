//! One region, one OAuth client: carries out requests and opens websockets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::failure::{refused, unreadable};
use super::rest::{Answer, As, Ask, Body, Rest};
use super::socket::Socket;
use super::vault::Vault;
use super::{channel, oauth, roster, tls};
use crate::model::id::{ChannelId, Topic};
use crate::model::order::{Failure, FailureKind, Reply, Request};
use crate::settings::{Region, Trust};

/// What a [`Wire`] is made of.
#[derive(Debug, Clone)]
pub struct WireConfig {
    /// Where the region is.
    pub region: Region,
    /// Id of the OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// What the adapter calls itself in requests.
    pub user_agent: String,
    /// How long and how much at the most.
    pub limits: Limits,
}

/// How long the wire waits and how much it takes at the most. The defaults suit every platform; tests use shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the lookup of a name, and for the connection to an address: each.
    pub connect: Duration,
    /// For the TLS handshake. More than the 10 s for which the verifier of Windows may wait for a revocation list.
    pub tls: Duration,
    /// For the websocket's handshake.
    pub handshake: Duration,
    /// For a whole request, from name lookup to the last byte of the answer.
    pub request: Duration,
    /// For sending a ping.
    pub send: Duration,
    /// Bytes of an answer, after decompression.
    pub answer: usize,
    /// Bytes of a websocket message.
    pub message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(15),
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(30),
            send: Duration::from_secs(10),
            answer: 16 << 20,
            message: 16 << 20,
        }
    }
}

/// One region, one OAuth client. A clone is another handle to the same wire: token and channel addresses are shared.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Shared>,
}

struct Shared {
    region: Region,
    client_id: String,
    user_agent: String,
    limits: Limits,
    rest: Rest,
    tls: Arc<ClientConfig>,
    vault: Vault,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Wire to {}",
            self.shared.region.api.host_str().unwrap_or_default()
        )
    }
}

impl Wire {
    /// Reads the trusted certificates; connects to nothing yet.
    ///
    /// # Errors
    /// If the trusted certificates cannot be read.
    pub fn new(config: WireConfig) -> Result<Self, Failure> {
        let needed = [&config.region.api, &config.region.login]
            .iter()
            .any(|url| url.scheme() == "https");
        let tls = tls::client_config(&config.trust, needed)?;
        Ok(Self {
            shared: Arc::new(Shared {
                rest: Rest::new(tls.clone(), &config.user_agent, config.limits)?,
                tls: Arc::new(tls),
                vault: Vault::new(config.client_secret),
                region: config.region,
                client_id: config.client_id,
                user_agent: config.user_agent,
                limits: config.limits,
            }),
        })
    }

    /// Carries out one request. Ends within [`Limits::request`], always with a reply: what went wrong is
    /// [`Reply::Failed`].
    pub async fn request(&self, what: Request) -> Reply {
        let reply = match what {
            Request::Token => self.token().await,
            Request::Users { page } => self.users(page).await,
            Request::Queues { page } => self.queues(page).await,
            Request::Stations { page } => self.stations(page).await,
            Request::CreateChannel => self.create_channel().await,
            Request::ProbeChannel { channel } => self.probe_channel(&channel).await,
            Request::Subscribe { channel, topics } => self.subscribe(&channel, &topics).await,
            Request::Unsubscribe { channel } => self.unsubscribe(&channel).await,
        };
        reply.unwrap_or_else(Reply::Failed)
    }

    /// Opens the websocket of a channel that this wire made.
    ///
    /// # Errors
    /// If it cannot be reached, or refuses, or its channel is not known here.
    pub async fn open_socket(&self, channel: &ChannelId) -> Result<Socket, Failure> {
        const ACT: &str = "Opening the websocket of a channel";
        let Some(address) = self.shared.vault.address(channel) else {
            return Err(Failure {
                kind: FailureKind::NotFound,
                status: None,
                retry_after: None,
                message: format!("{ACT}: its address is not known here. Make a new channel."),
            });
        };
        // It was checked when it came; this is no place to fail, but also none to panic.
        let address = Url::parse(address.expose_secret())
            .map_err(|_| unreadable(ACT, "the region", None, "connectUri is no address"))?;
        let shared = &self.shared;
        Socket::open(
            ACT,
            &address,
            &shared.tls,
            &shared.user_agent,
            &shared.limits,
            &shared.vault,
        )
        .await
    }

    async fn token(&self) -> Result<Reply, Failure> {
        const ACT: &str = "Asking for a token";
        let shared = &self.shared;
        let mut url = shared.region.login.clone();
        url.set_path("/oauth/token");
        let host = url.host_str().unwrap_or_default().to_owned();
        let by = As::Client {
            id: &shared.client_id,
            secret: shared.vault.client_secret(),
        };
        let ask = Ask {
            act: ACT,
            method: Method::POST,
            url,
            by,
            body: Body::Form(oauth::GRANT),
        };
        let Answer {
            status,
            headers,
            body,
        } = shared.rest.ask(ask).await?;
        if !status.is_success() {
            return Err(oauth::denied(
                ACT,
                &host,
                status,
                &headers,
                &body,
                &shared.vault,
            ));
        }
        let granted = oauth::granted(ACT, &host, status, &body)?;
        shared.vault.set_token(granted.token);
        Ok(Reply::Token { life: granted.life })
    }

    async fn users(&self, page: u32) -> Result<Reply, Failure> {
        let act = format!("Listing users (page {page})");
        let mut url = self.url(&["users"]);
        url.query_pairs_mut()
            .append_pair("pageSize", "100")
            .append_pair("pageNumber", &page.to_string());
        // Spelt out, as a comma in a pair would be escaped, which not every gateway takes back.
        let query = format!(
            "{}&expand=presence,routingStatus,station&state=active",
            url.query().unwrap_or_default()
        );
        url.set_query(Some(&query));
        let answer = self.ask(&act, Method::GET, url, Body::None).await?;
        roster::users(&answer.body, page)
            .map(Reply::Users)
            .ok_or_else(|| self.unread(&act, &answer, "it is no list"))
    }

    async fn queues(&self, page: u32) -> Result<Reply, Failure> {
        let act = format!("Listing queues (page {page})");
        let mut url = self.url(&["routing", "queues"]);
        url.set_query(Some(&format!("pageSize=100&pageNumber={page}")));
        let answer = self.ask(&act, Method::GET, url, Body::None).await?;
        roster::queues(&answer.body, page)
            .map(Reply::Queues)
            .ok_or_else(|| self.unread(&act, &answer, "it is no list"))
    }

    async fn stations(&self, page: u32) -> Result<Reply, Failure> {
        let act = format!("Listing stations (page {page})");
        let mut url = self.url(&["stations"]);
        url.set_query(Some(&format!("pageSize=100&pageNumber={page}")));
        let answer = self.ask(&act, Method::GET, url, Body::None).await?;
        roster::stations(&answer.body, page)
            .map(Reply::Stations)
            .ok_or_else(|| self.unread(&act, &answer, "it is no list"))
    }

    async fn create_channel(&self) -> Result<Reply, Failure> {
        const ACT: &str = "Making a channel";
        let url = self.url(&["notifications", "channels"]);
        let answer = self
            .ask(ACT, Method::POST, url, Body::Json(b"{}".to_vec()))
            .await?;
        let made = channel::made(&answer.body, &self.shared.region.api)
            .map_err(|what| self.unread(ACT, &answer, &what))?;
        self.shared.vault.set_channel(&made.channel, made.address);
        Ok(Reply::Channel {
            channel: made.channel,
            expires: made.expires,
        })
    }

    async fn probe_channel(&self, channel: &ChannelId) -> Result<Reply, Failure> {
        let url = self.channel_url(channel, &[]);
        match self
            .ask(
                "Asking whether a channel is there",
                Method::HEAD,
                url,
                Body::None,
            )
            .await
        {
            Ok(_) => Ok(Reply::ChannelExists(true)),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                Ok(Reply::ChannelExists(false))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn subscribe(&self, channel: &ChannelId, topics: &[Topic]) -> Result<Reply, Failure> {
        let act = format!("Subscribing {} topics", topics.len());
        let body = channel::subscription(topics);
        if body.len() >= channel::BODY_LIMIT {
            return Err(Failure {
                kind: FailureKind::Refused,
                status: None,
                retry_after: None,
                message: format!(
                    "{act}: the request would have {} bytes, and the platform takes less than {}. It was not sent.",
                    body.len(),
                    channel::BODY_LIMIT
                ),
            });
        }
        let mut url = self.channel_url(channel, &["subscriptions"]);
        url.set_query(Some("ignoreErrors=true"));
        let answer = self.ask(&act, Method::POST, url, Body::Json(body)).await?;
        let mut verdicts = channel::verdicts(&answer.body)
            .ok_or_else(|| self.unread(&act, &answer, "it is no list of topics"))?;
        for verdict in &mut verdicts {
            verdict.reason = self.shared.vault.quote(&verdict.reason);
        }
        Ok(Reply::Subscribed(verdicts))
    }

    async fn unsubscribe(&self, channel: &ChannelId) -> Result<Reply, Failure> {
        let url = self.channel_url(channel, &["subscriptions"]);
        self.ask(
            "Taking the topics off a channel",
            Method::DELETE,
            url,
            Body::None,
        )
        .await?;
        Ok(Reply::Unsubscribed)
    }

    /// Asks with the newest token; anything but a 2xx is a failure.
    async fn ask(
        &self,
        act: &str,
        method: Method,
        url: Url,
        body: Body,
    ) -> Result<Answer, Failure> {
        let shared = &self.shared;
        let Some(token) = shared.vault.token() else {
            return Err(Failure {
                kind: FailureKind::TokenRefused,
                status: None,
                retry_after: None,
                message: format!("{act}: there is no token yet. Nothing was sent."),
            });
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let answer = shared
            .rest
            .ask(Ask {
                act,
                method,
                url,
                by: As::Bearer(&token),
                body,
            })
            .await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refused(
                act,
                &host,
                answer.status,
                &answer.headers,
                &answer.body,
                &shared.vault,
            ))
        }
    }

    fn unread(&self, act: &str, answer: &Answer, what: &str) -> Failure {
        unreadable(
            act,
            self.shared.region.api.host_str().unwrap_or_default(),
            Some(answer.status),
            what,
        )
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.shared.region.api.clone();
        // Only an address that cannot have a path has no segments, and a region's is http or https.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["api", "v2"]).extend(path);
        }
        url
    }

    fn channel_url(&self, channel: &ChannelId, below: &[&str]) -> Url {
        self.shared.vault.name_channel(channel);
        let mut path = vec!["notifications", "channels", channel.expose()];
        path.extend(below);
        self.url(&path)
    }
}
