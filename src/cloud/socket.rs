//! The websocket of a channel: opened, read, pinged, closed; each within its time.
//!
//! Knows: frames of the websocket. Does not know: what a text says (that is [`cut`](super::cut)), or how long silence
//! may last (that is `session`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{HeaderValue, USER_AGENT};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::failure::{Seconds, Trouble, refused, unreadable};
use super::reach::{Link, reach};
use super::vault::Vault;
use super::wire::Limits;
use crate::model::order::{Failure, FailureKind};

/// What a read takes from the system at once. More serves no one: a snapshot of a call has 5 to 11 KB.
const READ_BUFFER: usize = 16 << 10;

/// Frames that go out are pings of a few bytes and farewells; a peer that takes none of them is gone.
const WRITE_BUFFER: usize = 4 << 10;
const WRITE_BUFFER_MAX: usize = 64 << 10;

/// For a farewell and the answer to it: good manners, not worth a wait.
const FAREWELL: Duration = Duration::from_millis(500);

/// The platform's JSON ping.
const PING: &str = r#"{"message":"ping"}"#;

/// What came on a websocket. Each of them is a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A text frame, for [`cut`](super::cut).
    Text(Utf8Bytes),
    /// A binary frame, which the platform never sends: its length. To be counted and left.
    Binary(usize),
    /// A ping or pong of the websocket itself; a ping is answered without the caller's doing.
    Control,
}

/// An open websocket.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Link>>,
    host: String,
    limits: Limits,
    /// Why it ended, once it did.
    ended: Option<Failure>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.ended.is_some() {
            "ended"
        } else {
            "open"
        };
        write!(f, "Socket to {} ({state})", self.host)
    }
}

impl Socket {
    pub(super) async fn open(
        act: &str,
        address: &Url,
        tls: &Arc<ClientConfig>,
        user_agent: &str,
        limits: &Limits,
        vault: &Vault,
    ) -> Result<Self, Failure> {
        let host = address.host_str().unwrap_or_default().to_owned();
        let mut request = address
            .as_str()
            .into_client_request()
            .map_err(|_| unreadable(act, &host, None, "connectUri is no address of a websocket"))?;
        if let Ok(agent) = HeaderValue::from_str(user_agent) {
            request.headers_mut().insert(USER_AGENT, agent);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(WRITE_BUFFER_MAX)
            .max_message_size(Some(limits.message))
            .max_frame_size(Some(limits.message));
        let link = reach(address, tls, limits)
            .await
            .map_err(|trouble| trouble.failure(act, &host))?;
        match timeout(
            limits.handshake,
            client_async_with_config(request, link, Some(config)),
        )
        .await
        {
            Ok(Ok((stream, _))) => Ok(Self {
                stream,
                host,
                limits: *limits,
                ended: None,
            }),
            Ok(Err(Error::Http(answer))) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err(refused(
                    act,
                    &host,
                    answer.status(),
                    answer.headers(),
                    body,
                    vault,
                ))
            }
            Ok(Err(Error::Io(error))) => Err(Trouble::Broken(Some(error)).failure(act, &host)),
            Ok(Err(Error::Protocol(ProtocolError::HandshakeIncomplete))) => {
                Err(Trouble::Broken(None).failure(act, &host))
            }
            // The texts of the others may hold the address.
            Ok(Err(_)) => Err(unreadable(
                act,
                &host,
                None,
                "it does not agree to a websocket",
            )),
            Err(_) => Err(Trouble::AnswerTimedOut(limits.handshake).failure(act, &host)),
        }
    }

    /// The next frame. Loses nothing when it is dropped before it ends, so it can stand in a `select!`; waits for
    /// ever, as only the session knows how long silence may last.
    ///
    /// # Errors
    /// When the socket ended: closed by the platform, or broken. It is of no use after that.
    pub async fn next(&mut self) -> Result<Inbound, Failure> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let failure = match self.stream.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Inbound::Text(text)),
            Some(Ok(Message::Binary(bytes))) => return Ok(Inbound::Binary(bytes.len())),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                return Ok(Inbound::Control);
            }
            Some(Ok(Message::Close(frame))) => {
                let failure = self.closed(frame.as_ref());
                self.ended = Some(failure.clone());
                // Lets the answer to the farewell out. Nothing more is to come, and nothing is lost if this is dropped.
                let _ = timeout(FAREWELL, self.stream.next()).await;
                return Err(failure);
            }
            Some(Err(error)) => self.broken(&error),
            None => self.broken(&Error::ConnectionClosed),
        };
        self.ended = Some(failure.clone());
        Err(failure)
    }

    /// Sends `{"message":"ping"}`, which the platform answers with a text frame.
    ///
    /// # Errors
    /// When the socket ended or takes nothing more.
    pub async fn ping(&mut self) -> Result<(), Failure> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let limit = self.limits.send;
        let failure = match timeout(limit, self.stream.send(Message::text(PING))).await {
            Ok(Ok(())) => return Ok(()),
            // The platform's farewell is on its way in; next() will tell it better.
            Ok(Err(
                Error::ConnectionClosed
                | Error::AlreadyClosed
                | Error::Protocol(ProtocolError::SendAfterClosing),
            )) => {
                return Err(self.broken(&Error::ConnectionClosed));
            }
            Ok(Err(error)) => self.broken(&error),
            Err(_) => self.ending(
                FailureKind::Link,
                &format!("{} took no ping within {}", self.host, Seconds(limit)),
            ),
        };
        self.ended = Some(failure.clone());
        Err(failure)
    }

    /// Says farewell and closes, within half a second.
    pub async fn close(mut self) {
        if self.ended.is_some() {
            return;
        }
        let farewell = async {
            if self.stream.close(None).await.is_ok() {
                // Until the platform's own farewell, so that the connection ends in order on both sides.
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        let _ = timeout(FAREWELL, farewell).await;
    }

    fn closed(&self, frame: Option<&CloseFrame>) -> Failure {
        // The platform's reason is free text, and not shown: the code tells as much.
        match frame {
            Some(frame) => self.ending(
                FailureKind::Link,
                &format!("{} closed it (code {})", self.host, u16::from(frame.code)),
            ),
            None => self.ending(
                FailureKind::Link,
                &format!("{} closed it (without a code)", self.host),
            ),
        }
    }

    fn broken(&self, error: &Error) -> Failure {
        let host = &self.host;
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => self.ending(
                FailureKind::Unreadable,
                &format!(
                    "{host} sent a message of {size} bytes, and {max_size} are taken at the most"
                ),
            ),
            Error::Io(error) => self.ending(
                FailureKind::Link,
                &format!("the connection to {host} broke ({error})"),
            ),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => self.ending(
                FailureKind::Link,
                &format!("{host} ended the connection without a farewell"),
            ),
            Error::Utf8(_) => self.ending(
                FailureKind::Unreadable,
                &format!("{host} sent a text that is not UTF-8"),
            ),
            Error::WriteBufferFull(_) => {
                self.ending(FailureKind::Link, &format!("{host} takes nothing more"))
            }
            // Names a rule of the websocket, no content.
            Error::Protocol(rule) => self.ending(
                FailureKind::Unreadable,
                &format!("{host} broke a rule of the websocket ({rule})"),
            ),
            _ => self.ending(
                FailureKind::Unreadable,
                &format!("{host} sent what is no websocket frame"),
            ),
        }
    }

    fn ending(&self, kind: FailureKind, why: &str) -> Failure {
        Failure {
            kind,
            status: None,
            retry_after: None,
            message: format!("The websocket of a channel ended: {why}."),
        }
    }
}
