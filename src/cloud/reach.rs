//! Reaching a host: name lookup, TCP, the proxy if there is one, TLS; each within its time.
//!
//! Every connection of the adapter is opened by [`Roads::reach`], for requests and for websockets: with a proxy nothing
//! goes to the region, not even the lookup of its name, but through it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::failure::{LookupFailed, Trouble};
use super::proxy::{AtProxy, Gateway};
use super::wire::Limits;
use crate::model::order::Failure;
use crate::settings::Proxy;

/// As many addresses of a name as are shown.
const ADDRESSES: usize = 8;

/// A byte stream to the platform, with TLS or (on loopback) without.
pub(super) trait Link: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}

/// Where a connection is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    /// Whether the host is spoken to over TLS.
    is_secure: bool,
}

impl Target {
    pub(super) fn new(host: Host<String>, port: u16, is_secure: bool) -> Self {
        Self {
            host,
            port,
            is_secure,
        }
    }

    /// The host of an address with the scheme `https`, `wss`, `http` or `ws`.
    pub(super) fn of(url: &Url) -> Option<Self> {
        Some(Self {
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
            is_secure: !matches!(url.scheme(), "ws" | "http"),
        })
    }

    /// Host and port, as an operator reads them.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A stretch of the way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// Looking up a name: the host's, or the proxy's.
    Name,
    /// Connecting to the host.
    Connection,
    /// Connecting to the proxy, and the tunnel that it makes.
    Proxy,
    /// The TLS handshake with the host, its certificate included.
    Tls,
    /// The handshake of a websocket.
    Websocket,
}

/// A hop that was gone.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which one.
    pub hop: Hop,
    /// How long it took.
    pub took: Duration,
    /// What was seen, for people; or why it failed.
    pub outcome: Result<String, Failure>,
}

/// How hosts are reached: directly, or through a proxy.
pub(super) struct Roads {
    tls: Arc<ClientConfig>,
    limits: Limits,
    gateway: Option<Gateway>,
}

impl Roads {
    pub(super) fn new(tls: ClientConfig, limits: Limits, proxy: Option<Proxy>) -> Self {
        Self {
            tls: Arc::new(tls),
            limits,
            gateway: proxy.map(Gateway::new),
        }
    }

    /// The proxy that a connection to the host of `url` goes through.
    pub(super) fn proxy_to(&self, url: &Url) -> Option<&str> {
        let gateway = self.gateway_to(&Target::of(url)?)?;
        Some(gateway.shown())
    }

    fn gateway_to(&self, target: &Target) -> Option<&Gateway> {
        self.gateway
            .as_ref()
            .filter(|gateway| gateway.carries(target))
    }

    /// Opens a connection to the host of `url`, with TLS if its scheme is `wss` or `https`.
    pub(super) async fn reach(&self, url: &Url) -> Result<Box<dyn Link>, Trouble> {
        let target = Target::of(url).ok_or(Trouble::Lookup(LookupFailed::NoAddress))?;
        let Some(gateway) = self.gateway_to(&target) else {
            let stream = connect(&target, &self.limits).await?;
            return self.secured(stream, &target).await;
        };
        let link = self
            .to_proxy(gateway)
            .await
            .map_err(|trouble| AtProxy::Unreached(Box::new(trouble)).trouble(gateway, &target))?;
        let tunnel = match timeout(self.limits.tunnel, gateway.tunnel(link, &target)).await {
            Ok(tunnel) => tunnel.map_err(|what| what.trouble(gateway, &target))?,
            Err(_) => return Err(AtProxy::TimedOut(self.limits.tunnel).trouble(gateway, &target)),
        };
        self.secured(tunnel, &target).await
    }

    async fn to_proxy(&self, gateway: &Gateway) -> Result<Box<dyn Link>, Trouble> {
        let stream = connect(gateway.at(), &self.limits).await?;
        self.secured(stream, gateway.at()).await
    }

    /// Shakes hands with the target, if it wants TLS.
    async fn secured(
        &self,
        stream: impl Link + 'static,
        target: &Target,
    ) -> Result<Box<dyn Link>, Trouble> {
        if !target.is_secure {
            return Ok(Box::new(stream));
        }
        Ok(Box::new(self.shake_hands(stream, target).await?))
    }

    async fn shake_hands<S: Link + 'static>(
        &self,
        stream: S,
        target: &Target,
    ) -> Result<TlsStream<S>, Trouble> {
        let name = match &target.host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| Trouble::Lookup(LookupFailed::NoAddress))?,
            Host::Ipv4(ip) => ServerName::from(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => ServerName::from(IpAddr::V6(*ip)),
        };
        let handshake = TlsConnector::from(self.tls.clone()).connect(name, stream);
        timeout(self.limits.tls, apart(handshake))
            .await
            .map_err(|_| Trouble::TlsTimedOut(self.limits.tls))?
            .and_then(|shaken| shaken)
            .map_err(Trouble::of_tls)
    }

    /// Goes the way of [`Roads::reach`], and tells of each hop as soon as it is gone; gives the connection, if it came
    /// that far.
    pub(super) async fn walk(&self, url: &Url, steps: &mut Vec<Step>) -> Option<Box<dyn Link>> {
        match self.walk_until(url, steps).await {
            Ok(link) => Some(link),
            Err((hop, took, trouble)) => {
                let act = match hop {
                    Hop::Name => "Looking up the name",
                    Hop::Connection => "Connecting",
                    Hop::Proxy => "Going through the proxy",
                    Hop::Tls | Hop::Websocket => "Shaking hands",
                };
                steps.push(Step {
                    hop,
                    took,
                    outcome: Err(self.failure(&trouble, act, url)),
                });
                None
            }
        }
    }

    async fn walk_until(
        &self,
        url: &Url,
        steps: &mut Vec<Step>,
    ) -> Result<Box<dyn Link>, (Hop, Duration, Trouble)> {
        let mut began = Instant::now();
        let mut step = |hop, seen: String| {
            let took = began.elapsed();
            began = Instant::now();
            steps.push(Step {
                hop,
                took,
                outcome: Ok(seen),
            });
        };
        let since = Instant::now();
        let at = |hop| move |trouble| (hop, since.elapsed(), trouble);
        let target = Target::of(url)
            .ok_or(Trouble::Lookup(LookupFailed::NoAddress))
            .map_err(at(Hop::Name))?;
        let gateway = self.gateway_to(&target);
        let first = gateway.map_or(&target, Gateway::at);
        // What is wrong with a proxy is told as such, whatever hop to it that was.
        let of = |trouble| match gateway {
            Some(gateway) => AtProxy::Unreached(Box::new(trouble)).trouble(gateway, &target),
            None => trouble,
        };
        let found = addresses(first, self.limits.connect)
            .await
            .map_err(|trouble| at(Hop::Name)(of(trouble)))?;
        if let Host::Domain(name) = &first.host {
            let mut shown: Vec<String> = (found.iter().take(ADDRESSES))
                .map(|address| address.ip().to_string())
                .collect();
            if found.len() > ADDRESSES {
                shown.push(format!("and {} more", found.len() - ADDRESSES));
            }
            step(Hop::Name, format!("{name} is {}", shown.join(", ")));
        }
        let stream = connect_any(&found, &self.limits).await;
        let link: Box<dyn Link> = match gateway {
            None => {
                let stream = stream.map_err(at(Hop::Connection))?;
                let peer = stream.stream.peer_addr().map(|peer| peer.to_string());
                step(
                    Hop::Connection,
                    format!("connected to {}", peer.unwrap_or_else(|_| target.shown())),
                );
                Box::new(stream)
            }
            Some(gateway) => {
                let at = at(Hop::Proxy);
                let stream = stream.map_err(|trouble| at(of(trouble)))?;
                let link = self
                    .secured(stream, gateway.at())
                    .await
                    .map_err(|trouble| at(of(trouble)))?;
                let limit = self.limits.tunnel;
                let tunnel = timeout(limit, gateway.tunnel(link, &target))
                    .await
                    .unwrap_or(Err(AtProxy::TimedOut(limit)))
                    .map_err(|what| at(what.trouble(gateway, &target)))?;
                step(
                    Hop::Proxy,
                    format!(
                        "the proxy {} made a tunnel to {}",
                        gateway.shown(),
                        target.shown()
                    ),
                );
                tunnel
            }
        };
        if !target.is_secure {
            return Ok(link);
        }
        let stream = self
            .shake_hands(link, &target)
            .await
            .map_err(at(Hop::Tls))?;
        let version = match stream.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        };
        step(
            Hop::Tls,
            format!("{version}, and its certificate is trusted"),
        );
        Ok(Box::new(stream))
    }

    /// The failure to report for the host of `url`: with the proxy in it, if one stands between.
    pub(super) fn failure(&self, trouble: &Trouble, act: &str, url: &Url) -> Failure {
        let mut failure = trouble.failure(act, url.host_str().unwrap_or_default());
        match (trouble, self.proxy_to(url)) {
            // It names the proxy.
            (Trouble::Proxy { .. }, _) | (_, None) => failure,
            (Trouble::Tls(rustls::Error::InvalidCertificate(_)), Some(proxy)) => {
                failure.message.push_str(&format!(
                    " The connection goes through the proxy {proxy}: if that inspects TLS, name a file with its root \
                     in AdvancedSettings.Trust (file:PATH)."
                ));
                failure
            }
            _ => self.remark(failure, url),
        }
    }

    /// Adds that a proxy stands on the way to the host of `url`, if one does.
    pub(super) fn remark(&self, mut failure: Failure, url: &Url) -> Failure {
        if let Some(proxy) = self.proxy_to(url) {
            failure
                .message
                .push_str(&format!(" The connection goes through the proxy {proxy}."));
        }
        failure
    }
}

/// Shakes hands in a task of its own, which ends with the wait for it: the operating system's judgement of a certificate may
/// hold that task up for seconds, and whoever waits for it can then leave in time.
async fn apart<T: Send + 'static>(
    handshake: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn(handshake);
    match tasks.join_next().await {
        Some(Ok(shaken)) => Ok(shaken),
        Some(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        // The runtime ends.
        Some(Err(_)) | None => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// Looks the host up, if it is a name, and connects.
async fn connect(target: &Target, limits: &Limits) -> Result<Impatient, Trouble> {
    connect_any(&addresses(target, limits.connect).await?, limits).await
}

/// Where the host is.
async fn addresses(target: &Target, limit: Duration) -> Result<Vec<SocketAddr>, Trouble> {
    match &target.host {
        Host::Domain(name) => lookup(name, target.port, limit)
            .await
            .map_err(Trouble::Lookup),
        Host::Ipv4(ip) => Ok(vec![SocketAddr::from((*ip, target.port))]),
        Host::Ipv6(ip) => Ok(vec![SocketAddr::from((*ip, target.port))]),
    }
}

/// Looks a name up, within its time.
async fn lookup(name: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, LookupFailed> {
    let found = timeout(limit, tokio::net::lookup_host((name, port)))
        .await
        .map_err(|_| LookupFailed::TimedOut(limit))?
        .map_err(LookupFailed::System)?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(LookupFailed::NoAddress);
    }
    Ok(addresses)
}

/// Tries the addresses in turn. One that does not answer gets no more than its share of the time, so that it does not
/// hide the next.
async fn connect_any(addresses: &[SocketAddr], limits: &Limits) -> Result<Impatient, Trouble> {
    let limit = limits.connect;
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = Trouble::ConnectTimedOut(limit);
    for address in addresses {
        match timeout(share, connect_one(*address)).await {
            Ok(Ok(stream)) => return Ok(Impatient::new(stream, limits.request)),
            Ok(Err(error)) => last = Trouble::Connect(error),
            Err(_) => {}
        }
    }
    Err(last)
}

async fn connect_one(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // The watchdog over the platform's heartbeats finds a dead link first; this is for a host that stopped watching.
    socket.set_keepalive(true)?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection that breaks when the other end has taken nothing for so long. Whoever waits for an answer leaves in time; what
/// is still to be sent then, a farewell of TLS behind it, would wait as long as the other end likes, and keep the connection.
struct Impatient {
    stream: TcpStream,
    limit: Duration,
    /// Since something is to be sent and nothing was taken.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    const fn new(stream: TcpStream, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stalled: None,
        }
    }

    /// What came of a try to send, or that there were enough of them.
    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_handshake_that_is_held_up_by_the_system_holds_up_nobody_who_waits_for_it() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let judgement = async move {
            tokio::task::block_in_place(|| held.recv_timeout(Duration::from_secs(60)))
        };
        let waits = async { timeout(Duration::from_millis(10), apart(judgement)).await };
        assert!(runtime.block_on(waits).is_err(), "it waited to the end");
        drop(release);
    }

    #[tokio::test]
    async fn a_panic_in_a_handshake_is_one_of_who_waits_for_it() {
        let shaken = tokio::spawn(apart(async { panic!("as a test") }));
        assert!(shaken.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn who_takes_nothing_more_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = Limits {
            request: Duration::from_millis(300),
            ..Limits::default()
        };
        let addresses = [listener.local_addr().unwrap()];
        let mut stream = connect_any(&addresses, &limits).await.ok().unwrap();
        let (_deaf, _) = listener.accept().await.unwrap();
        // More than the system keeps for both sides.
        let much = vec![0; 64 << 20];
        let ended = timeout(Duration::from_secs(60), stream.write_all(&much)).await;
        let error = ended.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
