//! One HTTP request and its answer, bounded in time and size; nothing is repeated and no redirect followed.
//!
//! Connections are those of [`Roads`], as for websockets, so that both fail in the same words and no proxy is missed by
//! one of them. A connection that serves several requests is kept for a while.

use std::fmt;
use std::future::Future;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT,
};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tower_service::Service;
use url::Url;

use super::exchange::{Answer, Outgoing};
use super::failure::{Trouble, causes, copy};
use super::reach::{Link, Roads};
use super::wire::Limits;
use crate::model::order::{Failure, FailureKind};

/// How long an idle connection is kept: less than what load balancers commonly allow, so that it is ours to close.
const IDLE: Duration = Duration::from_secs(45);

/// The platform answers with about 20 headers and 2 KB of them.
const HEADERS: usize = 100;
const HEADER_BYTES: usize = 64 << 10;

/// The HTTP client of one region.
pub(super) struct Rest {
    client: Client<Connector, Full<Bytes>>,
    roads: Arc<Roads>,
    user_agent: HeaderValue,
    limits: Limits,
}

impl Rest {
    pub(super) fn new(
        roads: Arc<Roads>,
        user_agent: &str,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_headers(HEADERS)
            .http1_max_buf_size(HEADER_BYTES)
            // Of a request of which not a byte was written, because the connection that was kept for it had just ended: it
            // goes to another one. That is no repeat.
            .retry_canceled_requests(true)
            .build(Connector(Arc::clone(&roads)));
        let user_agent = HeaderValue::from_str(user_agent).map_err(|_| Failure {
            kind: FailureKind::Link,
            status: None,
            retry_after: None,
            message: format!("Preparing the HTTP client: {user_agent:?} cannot be a User-Agent."),
        })?;
        Ok(Self {
            client,
            roads,
            user_agent,
            limits,
        })
    }

    /// Asks once.
    pub(super) async fn ask(&self, ask: Outgoing) -> Result<Answer, Failure> {
        let act = ask.act().to_owned();
        let url = ask.url().clone();
        let trouble = match timeout(self.limits.request, self.ask_unbounded(ask)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(trouble)) => trouble,
            Err(_) => Arc::new(Trouble::AnswerTimedOut(self.limits.request)),
        };
        Err(self.roads.failure(&trouble, &act, &url))
    }

    async fn ask_unbounded(&self, ask: Outgoing) -> Result<Answer, Arc<Trouble>> {
        let mut request = Request::builder()
            .method(ask.method().clone())
            .uri(ask.url().as_str())
            .header(USER_AGENT, self.user_agent.clone())
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "gzip");
        // What is no header was refused when it came; a client id that cannot be in one is refused by the platform.
        if let Ok(mut authorization) = HeaderValue::from_str(ask.authorization().expose_secret()) {
            authorization.set_sensitive(true);
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(content_type) = ask.content_type() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request
            .body(Full::from(ask.into_body()))
            .map_err(|_| Arc::new(Trouble::Garbled))?;
        let response = self.client.request(request).await.map_err(unanswered)?;
        let (mut head, body) = response.into_parts();
        let body = self
            .whole(body, head.headers.get(CONTENT_ENCODING))
            .await
            .map_err(Arc::new)?;
        Ok(Answer {
            status: head.status,
            headers: std::mem::take(&mut head.headers),
            body,
        })
    }

    /// Reads a body to its end, unpacked as it comes.
    async fn whole(
        &self,
        mut body: Incoming,
        encoding: Option<&HeaderValue>,
    ) -> Result<Vec<u8>, Trouble> {
        let limit = self.limits.answer;
        // Its words are the same in capitals (RFC 9110, 8.4.1).
        let encoding =
            encoding.map(|encoding| encoding.as_bytes().trim_ascii().to_ascii_lowercase());
        let mut unpacked = match encoding.as_deref() {
            None | Some(b"identity" | b"") => Unpacking::Plain(Bounded::new(limit)),
            Some(b"gzip" | b"x-gzip") => {
                Unpacking::Gzip(Box::new(MultiGzDecoder::new(Bounded::new(limit))), false)
            }
            // It was not asked for.
            Some(_) => return Err(Trouble::Garbled),
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            if let Some(chunk) = frame.data_ref() {
                unpacked.take(chunk)?;
            }
        }
        unpacked.end()
    }
}

/// A body on its way.
enum Unpacking {
    Plain(Bounded),
    /// And whether anything came: the answer to HEAD has the header and no body.
    Gzip(Box<MultiGzDecoder<Bounded>>, bool),
}

impl Unpacking {
    fn take(&mut self, chunk: &[u8]) -> Result<(), Trouble> {
        match self {
            Self::Plain(bytes) => bytes.write_all(chunk).map_err(|_| bytes.too_large()),
            Self::Gzip(decoder, any) => {
                *any = true;
                decoder.write_all(chunk).map_err(|_| {
                    let bytes = decoder.get_ref();
                    if bytes.is_full {
                        bytes.too_large()
                    } else {
                        Trouble::Garbled
                    }
                })
            }
        }
    }

    fn end(self) -> Result<Vec<u8>, Trouble> {
        match self {
            Self::Plain(bytes) => Ok(bytes.taken),
            Self::Gzip(_, false) => Ok(Vec::new()),
            Self::Gzip(mut decoder, true) => {
                // What was unpacked last may be written only now.
                if decoder.try_finish().is_err() {
                    let bytes = decoder.get_ref();
                    return Err(if bytes.is_full {
                        bytes.too_large()
                    } else {
                        Trouble::Garbled
                    });
                }
                Ok(std::mem::take(&mut decoder.get_mut().taken))
            }
        }
    }
}

/// Takes no more than so many bytes.
struct Bounded {
    taken: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl Bounded {
    fn new(limit: usize) -> Self {
        Self {
            taken: Vec::new(),
            limit,
            is_full: false,
        }
    }

    fn too_large(&self) -> Trouble {
        Trouble::TooLarge(self.limit)
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.taken.len() + bytes.len() > self.limit {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the HTTP client's connections.
#[derive(Clone)]
struct Connector(Arc<Roads>);

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Link>>;
    type Error = Unreached;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unreached>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unreached>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let roads = Arc::clone(&self.0);
        Box::pin(async move {
            let url =
                Url::parse(&to.to_string()).map_err(|_| Unreached(Arc::new(Trouble::Garbled)))?;
            let link = roads
                .reach(&url)
                .await
                .map_err(|trouble| Unreached(Arc::new(trouble)))?;
            Ok(TokioIo::new(link))
        })
    }
}

impl Connection for Box<dyn Link> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// A connection that was not opened, on its way through the HTTP client.
#[derive(Debug)]
struct Unreached(Arc<Trouble>);

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection")
    }
}

impl std::error::Error for Unreached {}

/// Reads an HTTP client's error by the types of its causes, never by its text.
fn unanswered(error: legacy::Error) -> Arc<Trouble> {
    if let Some(unreached) = causes(&error).find_map(|cause| cause.downcast_ref::<Unreached>()) {
        return Arc::clone(&unreached.0);
    }
    Arc::new(
        causes(&error)
            .find_map(|cause| cause.downcast_ref::<hyper::Error>())
            .map_or(Trouble::Broken(None), broken),
    )
}

/// A connection that did not carry an answer to its end.
fn broken(error: &hyper::Error) -> Trouble {
    if error.is_parse() {
        return Trouble::NotHttp;
    }
    let mut inner = causes(error);
    if let Some(tls) = inner.find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Trouble::Tls(tls.clone());
    }
    let io = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    match io {
        // The rules of chunks and lengths, not the connection.
        Some(io) if io.kind() == io::ErrorKind::InvalidData => Trouble::NotHttp,
        Some(io) if io.kind() == io::ErrorKind::InvalidInput => Trouble::NotHttp,
        io => Trouble::Broken(io.map(copy)),
    }
}
