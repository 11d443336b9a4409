//! One region, one OAuth client: carries out requests and opens websockets.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::channel;
use super::exchange::{Exchange, OPENING};
use super::inquiry::{Inquiry, Told};
use super::reach::{Hop, Roads, Step};
use super::refusal::unreadable;
use super::rest::Rest;
use super::socket::{Socket, knock};
use super::tls;
use crate::model::id::ChannelId;
use crate::model::order::{Failure, Reply, Request};
use crate::settings::{Proxy, ProxyProtocol, Region, Trust};

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
    /// Through what every connection goes; `None`: directly.
    pub proxy: Option<Proxy>,
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
    /// For a proxy's answer to the wish for a tunnel: it looks the host up and connects to it meanwhile.
    pub tunnel: Duration,
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
    /// Bytes that may wait to go out on a websocket: pings of a few bytes and farewells, so that a peer that takes none of
    /// them is gone.
    pub unsent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(15),
            tunnel: Duration::from_secs(15),
            handshake: Duration::from_secs(10),
            request: Duration::from_secs(30),
            send: Duration::from_secs(10),
            answer: 16 << 20,
            message: 16 << 20,
            unsent: 64 << 10,
        }
    }
}

/// One region, one OAuth client. A clone is another handle to the same wire: token and channel addresses are shared.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Shared>,
}

struct Shared {
    exchange: Exchange,
    user_agent: String,
    limits: Limits,
    rest: Rest,
    roads: Arc<Roads>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire to {}", self.shared.exchange.host())
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
            .any(|url| url.scheme() == "https")
            || config
                .proxy
                .as_ref()
                .is_some_and(|proxy| proxy.protocol == ProxyProtocol::Https);
        let tls = tls::client_config(&config.trust, needed)?;
        let roads = Arc::new(Roads::new(tls, config.limits, config.proxy));
        Ok(Self {
            shared: Arc::new(Shared {
                rest: Rest::new(Arc::clone(&roads), &config.user_agent, config.limits)?,
                roads,
                exchange: Exchange::new(config.region, &config.client_id, config.client_secret),
                user_agent: config.user_agent,
                limits: config.limits,
            }),
        })
    }

    /// Carries out one request. Ends within [`Limits::request`], always with a reply: what went wrong is
    /// [`Reply::Failed`].
    pub async fn request(&self, what: Request) -> Reply {
        let Shared { exchange, rest, .. } = &*self.shared;
        let outgoing = match exchange.outgoing(&what) {
            Ok(outgoing) => outgoing,
            Err(failure) => return Reply::Failed(failure),
        };
        match rest.ask(outgoing).await {
            Ok(answer) => exchange.incoming(&what, answer),
            Err(failure) => Reply::Failed(failure),
        }
    }

    /// Asks what only a check asks. Ends within [`Limits::request`].
    ///
    /// # Errors
    /// If it was not answered, or refused.
    pub async fn inquire(&self, what: Inquiry) -> Result<Told, Failure> {
        let Shared { exchange, rest, .. } = &*self.shared;
        let answer = rest.ask(exchange.inquiry(what)?).await?;
        exchange.told(what, &answer)
    }

    /// Goes to a host hop by hop, and no further than TLS: nothing is said to it. The last step is the one that failed,
    /// if one did. Steps that were gone stay, if this is dropped before it ends.
    pub async fn walk(&self, url: &Url, steps: &mut Vec<Step>) {
        self.shared.roads.walk(url, steps).await;
    }

    /// Goes to a host of websockets hop by hop, and asks there for the websocket of a channel that does not exist: what
    /// is answered shows whether websockets pass, and nothing was made. The last step is the one that failed, if one did.
    pub async fn knock(&self, host: &Url, steps: &mut Vec<Step>) {
        let Shared {
            roads,
            user_agent,
            limits,
            ..
        } = &*self.shared;
        if let Some(link) = roads.walk(host, steps).await {
            let began = Instant::now();
            let outcome = knock(link, host, roads, user_agent, limits).await;
            steps.push(Step {
                hop: Hop::Websocket,
                took: began.elapsed(),
                outcome,
            });
        }
    }

    /// Where the region is expected to have its websockets; `None` for a gateway, of which that is not known before a
    /// channel is made.
    #[must_use]
    pub fn expected_socket_host(&self) -> Option<Url> {
        channel::expected_host(self.shared.exchange.api())
    }

    /// The hosts at which the channels that this wire made have their websockets, without anything of the channels.
    #[must_use]
    pub fn socket_hosts(&self) -> Vec<Url> {
        self.shared.exchange.vault().hosts()
    }

    /// Opens the websocket of a channel that this wire made.
    ///
    /// # Errors
    /// If it cannot be reached, or refuses, or its channel is not known here.
    pub async fn open_socket(&self, channel: &ChannelId) -> Result<Socket, Failure> {
        let shared = &self.shared;
        let address = shared.exchange.socket_address(channel)?;
        // It was checked when it came; this is no place to fail, but also none to panic.
        let address = Url::parse(address.expose_secret())
            .map_err(|_| unreadable(OPENING, "the region", None, "connectUri is no address"))?;
        Socket::open(
            OPENING,
            &address,
            &shared.roads,
            &shared.user_agent,
            &shared.limits,
            shared.exchange.vault(),
        )
        .await
    }
}
