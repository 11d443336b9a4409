//! The websocket of a channel: opened, read, pinged, closed; each within its time.
//!
//! Knows: frames of the websocket. Does not know: what a text says (that is [`cut`](super::cut)), or how long silence
//! may last (that is `session`).

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, StatusCode};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::exchange::{PING, unfollow};
use super::failure::{Seconds, Trouble};
use super::reach::{Link, Roads};
use super::refusal::{is_of_the_platform, refused, unreadable};
use super::vault::Vault;
use super::wire::Limits;
use crate::model::id::Topic;
use crate::model::order::{Failure, FailureKind};

/// What a read takes from the system at once. More serves no one: a snapshot of a call has 5 to 11 KB.
const READ_BUFFER: usize = 16 << 10;

/// What is gathered before the system is asked to take it.
const WRITE_BUFFER: usize = 4 << 10;

/// For a farewell and the answer to it: good manners, not worth a wait.
const FAREWELL: Duration = Duration::from_millis(500);

/// What came on a websocket. Each of them is a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A text frame, for [`cut`](super::cut).
    Text(Utf8Bytes),
    /// A binary frame, which the platform never sends. To be counted and left.
    Binary(Bytes),
    /// A ping or pong of the websocket itself; a ping is answered without the caller's doing.
    Control,
}

/// The request that asks for a websocket.
fn asking(address: &Url, user_agent: &str) -> Option<Request<()>> {
    let mut request = address.as_str().into_client_request().ok()?;
    if let Ok(agent) = HeaderValue::from_str(user_agent) {
        request.headers_mut().insert(USER_AGENT, agent);
    }
    Some(request)
}

fn config(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(limits.unsent)
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message))
}

/// A channel that does not exist: ids of channels end in what cannot be guessed, and this one in words.
const NO_CHANNEL: &str = "/channels/streaming-0-connection-check";

/// Asks `host`, to which `link` leads, for the websocket of a channel that does not exist. To make one for this would cost
/// somebody else's: they cannot be deleted, and a client has 20. What the platform answers to such a wish is not
/// documented; its own clients know 401 and 404. Any refusal that can only be about the channel shows that the wish came
/// through; tells what was seen.
pub(super) async fn knock(
    link: Box<dyn Link>,
    host: &Url,
    roads: &Roads,
    user_agent: &str,
    limits: &Limits,
) -> Result<String, Failure> {
    const ACT: &str = "Asking for a websocket";
    let mut address = host.clone();
    address.set_path(NO_CHANNEL);
    let name = host.host_str().unwrap_or_default();
    let request = asking(&address, user_agent)
        .ok_or_else(|| unreadable(ACT, name, None, "it is no address of a websocket"))?;
    let failed = |trouble: &Trouble| roads.failure(trouble, ACT, host);
    let handshake = client_async_with_config(request, link, Some(config(limits)));
    match timeout(limits.handshake, handshake).await {
        Ok(Ok((mut stream, _))) => {
            let _ = timeout(FAREWELL, stream.close(None)).await;
            Ok("a websocket was opened, and closed again".to_owned())
        }
        Ok(Err(Error::Http(answer))) => {
            let status = answer.status();
            let body = answer.body().as_deref().unwrap_or_default();
            if is_about_the_channel(status, answer.headers(), body) {
                return Ok(format!(
                    "asked for the websocket of a channel that does not exist, it answered {}: websockets reach it",
                    status.as_u16()
                ));
            }
            Err(roads.remark(no_websocket(ACT, name, status), host))
        }
        Ok(Err(Error::Io(error))) => Err(failed(&Trouble::Broken(Some(error)))),
        Ok(Err(Error::Protocol(ProtocolError::HandshakeIncomplete))) => {
            Err(failed(&Trouble::Broken(None)))
        }
        Ok(Err(_)) => Err(roads.remark(
            unreadable(ACT, name, None, "it does not agree to a websocket"),
            host,
        )),
        Err(_) => Err(failed(&Trouble::AnswerTimedOut(limits.handshake))),
    }
}

/// Whether a refusal of a websocket is the platform's, about the channel. Statuses that anything on the way may answer
/// with are believed only in the platform's own form.
fn is_about_the_channel(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    match status.as_u16() {
        401 | 404 | 410 => true,
        400 | 403 => is_of_the_platform(headers, body),
        _ => false,
    }
}

/// A refusal that is not about the channel.
fn no_websocket(act: &str, host: &str, status: StatusCode) -> Failure {
    let why = match status.as_u16() {
        200..=299 | 400 | 426 => {
            "as if no websocket had been asked for. Something on the way takes that wish away: let whoever runs it \
             allow websockets (the headers Upgrade and Connection) to this host"
        }
        300..=399 => {
            "it points to another address, which is not followed. Check RegionHost, and what on the way answers in the \
             host's place"
        }
        403 | 405 | 451 => {
            "not in the platform's words. Something on the way forbids websockets: let whoever runs it allow them to \
             this host"
        }
        429 => "too many were asked for. Check again in a minute",
        500..=599 => {
            "trouble on the platform's side, or of something on the way that does not pass websockets on. It may pass; \
             if it stays, look at the status of the region, and let whoever runs what is on the way allow websockets"
        }
        _ => {
            "the wish for a websocket was refused. Check what on the way answers in the host's place"
        }
    };
    Failure {
        kind: FailureKind::Link,
        status: Some(status.as_u16()),
        retry_after: None,
        message: format!("{act}: {host} answered {}, {why}.", status.as_u16()),
    }
}

/// An open websocket.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Link>>,
    host: String,
    limits: Limits,
    /// The proxy that it goes through, and when a frame came last: proxies cut connections that are quiet.
    proxy: Option<(String, Instant)>,
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
        roads: &Roads,
        user_agent: &str,
        limits: &Limits,
        vault: &Vault,
    ) -> Result<Self, Failure> {
        let host = address.host_str().unwrap_or_default().to_owned();
        let request = asking(address, user_agent).ok_or_else(|| {
            unreadable(act, &host, None, "connectUri is no address of a websocket")
        })?;
        let failed = |trouble: &Trouble| roads.failure(trouble, act, address);
        let link = roads
            .reach(address)
            .await
            .map_err(|trouble| failed(&trouble))?;
        match timeout(
            limits.handshake,
            client_async_with_config(request, link, Some(config(limits))),
        )
        .await
        {
            Ok(Ok((stream, _))) => Ok(Self {
                stream,
                host,
                limits: *limits,
                proxy: roads
                    .proxy_to(address)
                    .map(|proxy| (proxy.to_owned(), Instant::now())),
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
            Ok(Err(Error::Io(error))) => Err(failed(&Trouble::Broken(Some(error)))),
            Ok(Err(Error::Protocol(ProtocolError::HandshakeIncomplete))) => {
                Err(failed(&Trouble::Broken(None)))
            }
            // The texts of the others may hold the address.
            Ok(Err(_)) => Err(unreadable(
                act,
                &host,
                None,
                "it does not agree to a websocket",
            )),
            Err(_) => Err(failed(&Trouble::AnswerTimedOut(limits.handshake))),
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
        let next = self.stream.next().await;
        if let (Some((_, last)), Some(Ok(_))) = (&mut self.proxy, &next) {
            *last = Instant::now();
        }
        let failure = match next {
            Some(Ok(Message::Text(text))) => return Ok(Inbound::Text(text)),
            Some(Ok(Message::Binary(bytes))) => return Ok(Inbound::Binary(bytes)),
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
        self.say(Message::text(PING), "ping").await
    }

    /// Takes topics off the channel.
    ///
    /// # Errors
    /// When the socket ended or takes nothing more.
    pub async fn unfollow(&mut self, topics: &[Topic]) -> Result<(), Failure> {
        for text in unfollow(topics) {
            self.say(Message::text(text), "unsubscription").await?;
        }
        Ok(())
    }

    /// Sends back what came. The adapter never does; the Autobahn test suite wants it of a websocket under test
    /// (`docs/AUTOBAHN.md`).
    ///
    /// # Errors
    /// When the socket ended or takes nothing more.
    pub async fn echo(&mut self, inbound: Inbound) -> Result<(), Failure> {
        match inbound {
            Inbound::Text(text) => self.say(Message::Text(text), "text").await,
            Inbound::Binary(bytes) => self.say(Message::Binary(bytes), "binary frame").await,
            Inbound::Control => Ok(()),
        }
    }

    async fn say(&mut self, message: Message, what: &str) -> Result<(), Failure> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let limit = self.limits.send;
        let failure = match timeout(limit, self.stream.send(message)).await {
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
                &format!("{} took no {what} within {}", self.host, Seconds(limit)),
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
            Error::Io(error) => self.cut(&format!("the connection to {host} broke ({error})")),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                self.cut(&format!("{host} ended the connection without a farewell"))
            }
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

    /// The connection ended, not the websocket: by the network, or by the proxy on the way.
    fn cut(&self, why: &str) -> Failure {
        let Some((proxy, last)) = &self.proxy else {
            return self.ending(FailureKind::Link, why);
        };
        let quiet = last.elapsed().as_secs();
        self.ending(
            FailureKind::Link,
            &format!(
                "{why}, {quiet} s after the last frame. It goes through the proxy {proxy}: if this comes back, check \
                 that the proxy leaves a connection open that is quiet for a minute (the platform sends something \
                 every 30 s), and for how long at the most"
            ),
        )
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
