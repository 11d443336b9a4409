//! One region, one OAuth client: carries out requests and opens websockets.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::socket::Socket;
use crate::model::id::ChannelId;
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
    /// For sending a ping, and for the farewell when a socket is closed.
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
#[derive(Debug, Clone)]
pub struct Wire {
    _config: Arc<WireConfig>,
}

impl Wire {
    /// Reads the trusted certificates; connects to nothing yet.
    ///
    /// # Errors
    /// If the trusted certificates cannot be read.
    pub fn new(config: WireConfig) -> Result<Self, Failure> {
        Ok(Self {
            _config: Arc::new(config),
        })
    }

    /// Carries out one request. Ends within [`Limits::request`], always with a reply: what went wrong is
    /// [`Reply::Failed`].
    pub async fn request(&self, what: Request) -> Reply {
        let _ = what;
        Reply::Failed(unbuilt())
    }

    /// Opens the websocket of a channel that this wire made.
    ///
    /// # Errors
    /// If it cannot be reached, or refuses, or its channel is not known here.
    pub async fn open_socket(&self, channel: &ChannelId) -> Result<Socket, Failure> {
        let _ = channel;
        Err(unbuilt())
    }
}

fn unbuilt() -> Failure {
    Failure {
        kind: FailureKind::Link,
        status: None,
        retry_after: None,
        message: "the wire is not built yet".to_owned(),
    }
}
