//! Reaching a host: name lookup, TCP, TLS, each within its time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::failure::{LookupFailed, Trouble};
use super::wire::Limits;

/// A byte stream to the platform, with TLS or (on loopback) without.
pub(super) trait Link: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}

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

/// The name lookup for the HTTP client: ours, so that it is bounded and its failure can be told from others.
pub(super) struct Lookup {
    pub(super) limit: Duration,
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let limit = self.limit;
        Box::pin(async move {
            let addresses = lookup(name.as_str(), 0, limit).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Opens a connection to the host of `url`, with TLS if its scheme is `wss` or `https`.
pub(super) async fn reach(
    url: &Url,
    tls: &Arc<ClientConfig>,
    limits: &Limits,
) -> Result<Box<dyn Link>, Trouble> {
    let (host, port) = match (url.host(), url.port_or_known_default()) {
        (Some(host), Some(port)) => (host, port),
        _ => return Err(Trouble::Lookup(LookupFailed::NoAddress)),
    };
    let (addresses, name) = match host {
        Host::Domain(name) => (
            lookup(name, port, limits.connect)
                .await
                .map_err(Trouble::Lookup)?,
            ServerName::try_from(name.to_owned())
                .map_err(|_| Trouble::Lookup(LookupFailed::NoAddress))?,
        ),
        Host::Ipv4(ip) => (
            vec![SocketAddr::from((ip, port))],
            ServerName::from(IpAddr::V4(ip)),
        ),
        Host::Ipv6(ip) => (
            vec![SocketAddr::from((ip, port))],
            ServerName::from(IpAddr::V6(ip)),
        ),
    };
    let stream = connect(&addresses, limits.connect).await?;
    if matches!(url.scheme(), "ws" | "http") {
        return Ok(Box::new(stream));
    }
    let stream = timeout(
        limits.tls,
        TlsConnector::from(tls.clone()).connect(name, stream),
    )
    .await
    .map_err(|_| Trouble::TlsTimedOut(limits.tls))?
    .map_err(Trouble::of_tls)?;
    Ok(Box::new(stream))
}

/// Tries the addresses in turn. One that does not answer gets no more than its share of the time, so that it does not
/// hide the next.
async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Trouble> {
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut last = Trouble::ConnectTimedOut(limit);
    for address in addresses {
        match timeout(share, connect_one(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
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
