//! The way through a proxy: a tunnel by CONNECT or SOCKS5, and what a proxy that makes none has against it.
//!
//! The handshakes are those of `hyper-util`. It does not tell with which status a proxy refused, nor what a SOCKS proxy
//! answered: [`Tap`] keeps the first bytes of the answer, and [`AtProxy`] is read from them.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;
use url::Host;
use zeroize::Zeroizing;

use super::failure::{Seconds, Trouble, distrust, is_old};
use super::reach::{Link, Target};
use super::vault::{basic, strike};
use crate::settings::{Proxy, ProxyProtocol};

/// As much of a proxy's answer as is kept to explain a refusal: its status line and first headers.
const HEARD: usize = 2 << 10;

/// As many bytes of user name, password and host together as the handshake of `SocksV5` has room for: 262, less what
/// stands around them.
const SOCKS_ROOM: usize = 249;

/// As many characters of a proxy's own words as are shown.
const QUOTED: usize = 80;

/// A proxy that connections go through.
pub(super) struct Gateway {
    protocol: ProxyProtocol,
    at: Target,
    shown: String,
    credentials: Option<Credentials>,
    carries: Matcher,
}

/// What a proxy is told that asks who one is.
struct Credentials {
    name: String,
    password: SecretString,
    /// Both, as HTTP's Basic authentication writes them.
    pair: SecretString,
}

impl Credentials {
    fn new((name, password): (String, SecretString)) -> Self {
        Self {
            pair: basic(&name, &password),
            name,
            password,
        }
    }

    /// The header of Basic authentication.
    fn header(&self) -> Option<HeaderValue> {
        let header = Zeroizing::new(format!("Basic {}", self.pair.expose_secret()));
        let mut header = HeaderValue::from_str(&header).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl Gateway {
    pub(super) fn new(proxy: Proxy) -> Self {
        let host = match proxy.host.parse() {
            Ok(address) => match address {
                std::net::IpAddr::V4(ip) => Host::Ipv4(ip),
                std::net::IpAddr::V6(ip) => Host::Ipv6(ip),
            },
            Err(_) => Host::Domain(proxy.host),
        };
        let at = Target::new(host, proxy.port, proxy.protocol == ProxyProtocol::Https);
        Self {
            protocol: proxy.protocol,
            shown: at.shown(),
            at,
            credentials: proxy.credentials.map(Credentials::new),
            // The address stands for any: only the list of what goes without it is of interest.
            carries: Matcher::builder()
                .all("http://proxy.invalid")
                .no(proxy.bypass.join(","))
                .build(),
        }
    }

    /// Host and port.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Where the proxy is.
    pub(super) fn at(&self) -> &Target {
        &self.at
    }

    /// Whether a connection goes through this proxy; the others are on its bypass list.
    pub(super) fn carries(&self, target: &Target) -> bool {
        // What is no address cannot be on the list.
        destination(target).is_none_or(|uri| self.carries.intercept(&uri).is_some())
    }

    /// Asks the proxy, to which `link` leads, for a tunnel. Names are looked up by the proxy.
    pub(super) async fn tunnel(
        &self,
        link: Box<dyn Link>,
        target: &Target,
    ) -> Result<Box<dyn Link>, AtProxy> {
        let destination = destination(target).ok_or(AtProxy::NoName)?;
        let heard = Heard::default();
        let opened = Opened(Some(TokioIo::new(Tap {
            link,
            heard: heard.clone(),
        })));
        let proxy = Uri::from_static("http://proxy.invalid");
        let credentials = self.credentials.as_ref();
        let (link, verdict) = match self.protocol {
            ProxyProtocol::Http | ProxyProtocol::Https => {
                let mut tunnel = Tunnel::new(proxy, opened);
                if let Some(credentials) = credentials {
                    tunnel = tunnel.with_auth(credentials.header().ok_or(AtProxy::NoHeader)?);
                }
                let made = tunnel.call(destination).await.ok();
                (
                    made,
                    http_verdict as fn(&[u8], Option<&Credentials>) -> AtProxy,
                )
            }
            ProxyProtocol::Socks5 => {
                let mut tunnel = SocksV5::new(proxy, opened);
                if let Some(Credentials { name, password, .. }) = credentials {
                    let password = password.expose_secret();
                    let host = destination.host().unwrap_or_default();
                    if name.len() + password.len() + host.len() > SOCKS_ROOM {
                        return Err(AtProxy::TooLong);
                    }
                    tunnel = tunnel.with_auth(name.clone(), password.to_owned());
                }
                let made = tunnel.call(destination).await.ok();
                (
                    made,
                    socks_verdict as fn(&[u8], Option<&Credentials>) -> AtProxy,
                )
            }
        };
        match link {
            Some(link) => Ok(link.into_inner().link),
            None => Err(verdict(&heard.taken(), credentials)),
        }
    }
}

/// The target as both handshakes want it, with its port.
fn destination(target: &Target) -> Option<Uri> {
    Uri::builder()
        .scheme("https")
        .authority(target.shown())
        .path_and_query("/")
        .build()
        .ok()
}

/// A connector whose connection is open already: the handshakes want one that opens.
struct Opened<T>(Option<T>);

impl<T> Service<Uri> for Opened<T> {
    type Response = T;
    type Error = io::Error;
    type Future = Ready<io::Result<T>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(
            self.0
                .take()
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)),
        )
    }
}

/// The first bytes that a proxy answered.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn add(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEARD.saturating_sub(heard.len());
        heard.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection to a proxy, during the handshake.
struct Tap {
    link: Box<dyn Link>,
    heard: Heard,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.link).poll_read(cx, buffer);
        self.heard
            .add(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}

/// Why a proxy made no tunnel.
#[derive(Debug)]
pub(super) enum AtProxy {
    /// The proxy itself was not reached.
    Unreached(Box<Trouble>),
    /// It wants a user name, and there is none. With the ways of authentication that it names.
    WantsCredentials(String),
    /// It does not want these. With the ways of authentication that it names.
    RefusedCredentials(String),
    /// It may not make this tunnel. With its status, in its own terms.
    Forbidden(String),
    /// It did not reach the target. With its status, in its own terms.
    TargetUnreached(String),
    /// It refused for another reason. With its status, in its own terms.
    Refused(String),
    /// It ended the connection.
    Closed,
    /// What it answered is of another protocol; which one, if that can be seen.
    Garbled(Option<&'static str>),
    /// It did not answer in time.
    TimedOut(Duration),
    /// The target's host is none that can be asked for.
    NoName,
    /// User name and password cannot stand in a header.
    NoHeader,
    /// User name, password and target are more than can be sent.
    TooLong,
}

impl AtProxy {
    pub(super) fn trouble(self, gateway: &Gateway, target: &Target) -> Trouble {
        Trouble::Proxy {
            proxy: gateway.shown.clone(),
            target: target.shown(),
            what: self,
        }
    }

    /// What failed and what to do: a sentence without its full stop.
    pub(super) fn why(&self, proxy: &str, target: &str) -> String {
        match self {
            Self::Unreached(trouble) => unreached(trouble, proxy),
            Self::WantsCredentials(ways) if !offers_basic(ways) => other_ways(proxy, ways),
            Self::RefusedCredentials(ways) if !offers_basic(ways) => other_ways(proxy, ways),
            Self::WantsCredentials(_) => format!(
                "the proxy {proxy} asks for a user name and a password, and none are written. Write ProxyUsername \
                 and ProxyPassword"
            ),
            Self::RefusedCredentials(_) => format!(
                "the proxy {proxy} refused the user name and the password. Check ProxyUsername and ProxyPassword, and \
                 that the user may use the proxy"
            ),
            Self::Forbidden(said) => format!(
                "the proxy {proxy} does not allow a tunnel to {target} ({said}). Let the proxy's administrator allow \
                 CONNECT to that host and port for this machine and user"
            ),
            Self::TargetUnreached(said) => format!(
                "the proxy {proxy} could not reach {target} ({said}). Check RegionHost, and that the proxy itself can \
                 look up and reach that host"
            ),
            Self::Refused(said) => format!(
                "the proxy {proxy} made no tunnel to {target} ({said}). Check ProxyHostname, ProxyPort and \
                 ProxyProtocol, and ask the proxy's administrator"
            ),
            Self::Closed => format!(
                "the proxy {proxy} ended the connection without an answer when it was asked for a tunnel to {target}. \
                 Check ProxyPort and ProxyProtocol, and whether the proxy lets this machine use it"
            ),
            Self::Garbled(None) => format!(
                "what answered at {proxy} is no proxy of the kind that ProxyProtocol names. Check ProxyHostname, \
                 ProxyPort and ProxyProtocol"
            ),
            Self::Garbled(Some(spoken)) => format!(
                "what answered at {proxy} speaks {spoken}, which is not what ProxyProtocol names. Check ProxyPort and \
                 ProxyProtocol"
            ),
            Self::TimedOut(limit) => format!(
                "the proxy {proxy} made no tunnel to {target} within {}. Check that the proxy can look up and reach \
                 that host, and ProxyPort and ProxyProtocol",
                Seconds(*limit)
            ),
            Self::NoName => format!(
                "the proxy {proxy} cannot be asked for {target}, which is no host. Check RegionHost"
            ),
            Self::NoHeader => format!(
                "the user name and the password for the proxy {proxy} cannot be sent. Check ProxyUsername and \
                 ProxyPassword"
            ),
            Self::TooLong => format!(
                "the user name and the password for the proxy {proxy} are too long to be sent with the name of {target}: \
                 together they may have {SOCKS_ROOM} bytes. Let the proxy's administrator give this machine a shorter \
                 password"
            ),
        }
    }
}

fn unreached(trouble: &Trouble, proxy: &str) -> String {
    const FIREWALL: &str = "Check ProxyHostname and ProxyPort, that the proxy runs, and that the network and its \
                            firewalls let this machine reach it";
    const TLS: &str =
        "Check that the proxy speaks TLS on ProxyPort; most do not, and then ProxyProtocol is http";
    match trouble {
        Trouble::Lookup(error) => format!(
            "the name of the proxy {proxy} could not be looked up ({error}). Check ProxyHostname and the name service \
             of this machine"
        ),
        Trouble::Connect(error) => {
            format!("no connection to the proxy {proxy} ({error}). {FIREWALL}")
        }
        Trouble::ConnectTimedOut(limit) => format!(
            "no connection to the proxy {proxy} within {}. {FIREWALL}",
            Seconds(*limit)
        ),
        Trouble::Tls(rustls::Error::InvalidCertificate(error)) => {
            distrust(error, &format!("the proxy {proxy}"), "ProxyHostname")
        }
        Trouble::Tls(error) if is_old(error) => format!(
            "the proxy {proxy} offers no TLS that is secure: TLS 1.2 and 1.3 are spoken here ({error}). Let the \
             proxy's administrator update it"
        ),
        Trouble::Tls(error) => {
            format!("the TLS handshake with the proxy {proxy} failed ({error}). {TLS}")
        }
        Trouble::TlsTimedOut(limit) => format!(
            "the TLS handshake with the proxy {proxy} did not end within {}. {TLS}",
            Seconds(*limit)
        ),
        Trouble::TlsBroken(error) => format!(
            "the proxy {proxy} ended the connection during the TLS handshake ({error}). {TLS}"
        ),
        _ => format!("no connection to the proxy {proxy}. {FIREWALL}"),
    }
}

/// Whether Basic is among the ways of authentication that a proxy named; one that named none may still take it.
fn offers_basic(ways: &str) -> bool {
    ways.is_empty() || ways.to_ascii_lowercase().contains("basic")
}

fn other_ways(proxy: &str, ways: &str) -> String {
    format!(
        "the proxy {proxy} asks for authentication by {ways}, and this adapter knows Basic only. Let the proxy's \
         administrator allow Basic, or allow this machine to pass without"
    )
}

/// What an HTTP proxy's answer to CONNECT means, other than a tunnel.
fn http_verdict(heard: &[u8], credentials: Option<&Credentials>) -> AtProxy {
    let Some(status) = status(heard) else {
        return match heard {
            [] => AtProxy::Closed,
            [0x05, ..] => AtProxy::Garbled(Some("SOCKS5")),
            [0x15 | 0x16, 0x03, ..] => AtProxy::Garbled(Some("TLS")),
            _ => AtProxy::Garbled(None),
        };
    };
    let said = said(heard, status, credentials);
    match status {
        407 => {
            let ways: Vec<String> = headers(heard, "proxy-authenticate")
                .filter_map(|challenge| challenge.split_ascii_whitespace().next())
                .map(|way| plain(way, credentials))
                .collect();
            let ways = ways.join(", ");
            if credentials.is_some() {
                AtProxy::RefusedCredentials(ways)
            } else {
                AtProxy::WantsCredentials(ways)
            }
        }
        // Squid says so too when it may not make a tunnel to this port.
        403 => AtProxy::Forbidden(said),
        // Tinyproxy says 500.
        500 | 502..=504 => AtProxy::TargetUnreached(said),
        // An answer to another question: a web server, or a proxy without CONNECT.
        200..=299 => AtProxy::Garbled(None),
        _ => AtProxy::Refused(said),
    }
}

/// The status of an HTTP answer.
fn status(heard: &[u8]) -> Option<u16> {
    let line = heard
        .split(|byte| *byte == b'\r' || *byte == b'\n')
        .next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    let digits = rest.get(2..5)?;
    digits
        .parse()
        .ok()
        .filter(|status| (100..600).contains(status))
}

/// The values of a header.
fn headers<'a>(heard: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a str> {
    // Of what was cut, the last line may hold half of what is to be struck out.
    let whole = match heard.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if heard.len() >= HEARD => heard.get(..end).unwrap_or_default(),
        _ => heard,
    };
    whole
        .split(|byte| *byte == b'\n')
        .skip(1)
        .map_while(|line| std::str::from_utf8(line).ok())
        .map(str::trim_end)
        .take_while(|line| !line.is_empty())
        .filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
}

/// The status with what the proxy adds for its administrator: `Proxy-Status` (RFC 9209), or Squid's own header.
fn said(heard: &[u8], status: u16, credentials: Option<&Credentials>) -> String {
    let added = headers(heard, "proxy-status")
        .chain(headers(heard, "x-squid-error"))
        .next()
        .map(|added| plain(added, credentials))
        .filter(|added| !added.is_empty());
    match added {
        Some(added) => format!("it answered {status}, {added}"),
        None => format!("it answered {status}"),
    }
}

/// A proxy's word, as far as it is plain and short, and without what it was told in confidence.
fn plain(text: &str, credentials: Option<&Credentials>) -> String {
    let mut text = text.to_owned();
    if let Some(Credentials { password, pair, .. }) = credentials {
        strike(&mut text, pair.expose_secret());
        strike(&mut text, password.expose_secret());
    }
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || " _-.;=\"*".contains(*c))
        .take(QUOTED)
        .collect()
}

/// What a SOCKS5 proxy's answers mean, other than a tunnel (RFC 1928, RFC 1929).
fn socks_verdict(heard: &[u8], credentials: Option<&Credentials>) -> AtProxy {
    let has_credentials = credentials.is_some();
    let rest = match heard {
        [] | [0x05] => return AtProxy::Closed,
        [0x05, 0xff, ..] if has_credentials => {
            // It takes no user names at all, or no connections from here.
            return AtProxy::Refused(
                "it does not take a user name and a password: it may want none".to_owned(),
            );
        }
        [0x05, 0xff, ..] => return AtProxy::WantsCredentials(String::new()),
        [0x05, _, rest @ ..] => rest,
        [0x00, ..] => return AtProxy::Garbled(Some("SOCKS4")),
        [b'H', b'T', ..] => return AtProxy::Garbled(Some("HTTP")),
        _ => return AtProxy::Garbled(None),
    };
    let rest = match (has_credentials, rest) {
        (false, rest) => rest,
        (true, [] | [_]) => return AtProxy::Closed,
        (true, [_, 0x00, rest @ ..]) => rest,
        (true, _) => return AtProxy::RefusedCredentials(String::new()),
    };
    let Some(reply) = rest.get(1) else {
        return AtProxy::Closed;
    };
    let said = |words: &str| format!("it answered {reply}, {words}");
    match reply {
        1 => AtProxy::TargetUnreached(said("a general failure")),
        2 => AtProxy::Forbidden(said("not allowed by its rules")),
        3 => AtProxy::TargetUnreached(said("network unreachable")),
        4 => AtProxy::TargetUnreached(said("host unreachable")),
        5 => AtProxy::TargetUnreached(said("connection refused")),
        6 => AtProxy::TargetUnreached(said("time to live expired")),
        7 => AtProxy::Refused(said("it does not know CONNECT")),
        8 => AtProxy::Refused(said("it does not know this kind of address")),
        _ => AtProxy::Garbled(None),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use url::Url;

    use super::*;

    fn gateway(bypass: &[&str]) -> Gateway {
        Gateway::new(Proxy {
            protocol: ProxyProtocol::Http,
            host: "2001:db8::1".to_owned(),
            port: 3128,
            credentials: None,
            bypass: bypass.iter().map(ToString::to_string).collect(),
        })
    }

    fn target(url: &str) -> Target {
        Target::of(&Url::parse(url).unwrap()).unwrap()
    }

    fn credentials(password: &str) -> Credentials {
        Credentials::new(("recorder".to_owned(), SecretString::from(password)))
    }

    #[test]
    fn what_is_on_the_bypass_list_goes_without_the_proxy() {
        let gateway = gateway(&[
            "example.com",
            "192.0.2.0/24",
            "2001:db8:7::/48",
            "127.0.0.1",
        ]);
        assert_eq!(gateway.shown(), "[2001:db8::1]:3128");
        for without in [
            "https://example.com/",
            "wss://a.b.example.com:8443/",
            "https://192.0.2.9/",
            "https://[2001:db8:7::1]/",
            "http://127.0.0.1:1/",
            "https://EXAMPLE.com/",
        ] {
            assert!(!gateway.carries(&target(without)), "{without}");
        }
        for through in [
            "https://notexample.com/",
            "https://example.com.evil.test/",
            "https://192.0.3.9/",
            "https://[2001:db8:8::1]/",
            "ws://localhost:1/",
        ] {
            assert!(gateway.carries(&target(through)), "{through}");
        }
    }

    #[test]
    fn a_target_is_asked_for_with_its_port() {
        for (url, asked) in [
            ("https://api.example.com/", "api.example.com:443"),
            ("ws://[::1]:80/", "[::1]:80"),
            ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ] {
            let uri = destination(&target(url)).unwrap();
            assert_eq!(uri.authority().unwrap().as_str(), asked);
        }
    }

    #[test]
    fn answers_to_connect_are_told_apart() {
        let known = credentials("CANARY+word");
        let verdict = |answer: &str, given: bool| {
            http_verdict(answer.as_bytes(), given.then_some(&known)).why("P", "T")
        };
        let squid = "HTTP/1.1 503 Service Unavailable\r\nServer: squid\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n";
        for (answer, given, words) in [
            (
                "HTTP/1.1 407 Authentication Required\r\n\r\n",
                false,
                "none are written",
            ),
            (
                "HTTP/1.0 407 x\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
                true,
                "refused the user name",
            ),
            (
                "HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM TlRM\r\n\r\n",
                true,
                "by Negotiate, NTLM, and",
            ),
            (
                "HTTP/1.1 403 Forbidden\r\n\r\n",
                true,
                "does not allow a tunnel to T (it answered 403)",
            ),
            (
                squid,
                false,
                "could not reach T (it answered 503, ERR_DNS_FAIL 0)",
            ),
            ("HTTP/1.1 502 Bad Gateway\r\n", false, "could not reach T"),
            (
                "HTTP/1.1 501 Not Implemented\r\n\r\n",
                false,
                "made no tunnel to T (it answered 501)",
            ),
            (
                "HTTP/1.1 301 Moved\r\nX: y\r\n\r\n",
                false,
                "made no tunnel",
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", false, "is no proxy"),
            ("SSH-2.0-OpenSSH", false, "is no proxy"),
            ("\u{5}\u{0}", false, "speaks SOCKS5"),
            ("\u{15}\u{3}\u{3}", false, "speaks TLS"),
            ("", false, "without an answer"),
        ] {
            let told = verdict(answer, given);
            assert!(told.contains(words), "{answer}: {told}");
        }
        // What a proxy adds is shown only as far as it is plain.
        let odd = verdict(
            "HTTP/1.1 503 x\r\nProxy-Status: a; error=x\u{1b}[31m<b>\r\n\r\n",
            false,
        );
        assert!(odd.contains("a; error=x)"), "{odd}");
        // And without what it was told in confidence, however that is written.
        let pair = known.pair.expose_secret();
        for word in ["CANARY+word", pair, pair.trim_end_matches('=')] {
            for status in [403, 407, 502, 501] {
                for header in [
                    "Proxy-Status: p; details=",
                    "X-Squid-Error: ERR ",
                    "Proxy-Authenticate: ",
                ] {
                    let answer = format!("HTTP/1.1 {status} x\r\n{header}{word}\r\n\r\n");
                    let told = verdict(&answer, true);
                    assert!(!told.contains("CANARY"), "{told}");
                    assert!(!told.contains(&pair[..8]), "{told}");
                }
            }
        }
        // Nor half of it, where the answer is cut.
        for filled in HEARD - 60..HEARD {
            let mut answer = format!("HTTP/1.1 502 x\r\nX: {}", "y".repeat(filled - 19));
            answer.push_str(&format!("\r\nProxy-Status: {pair}\r\n\r\n"));
            answer.truncate(HEARD);
            let told = verdict(&answer, true);
            assert!(!told.contains(&pair[..8]), "{filled}: {told}");
        }
    }

    #[test]
    fn answers_of_a_socks_proxy_are_told_apart() {
        for (answer, given, words) in [
            (&[][..], false, "without an answer"),
            (&[5, 0xff], false, "none are written"),
            (&[5, 0xff], true, "it may want none"),
            (&[5, 2, 1, 1], true, "refused the user name"),
            (
                &[5, 2, 1, 0, 5, 2, 0, 1],
                true,
                "does not allow a tunnel to T",
            ),
            (
                &[5, 0, 5, 1, 0, 1],
                false,
                "could not reach T (it answered 1, a general failure)",
            ),
            (&[5, 0, 5, 4, 0, 1], false, "host unreachable"),
            (&[5, 0, 5, 5, 0, 1], false, "connection refused"),
            (&[5, 0, 5, 7, 0, 1], false, "does not know CONNECT"),
            (&[5, 0], false, "without an answer"),
            (&[5, 0, 5, 99], false, "is no proxy of the kind"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", false, "speaks HTTP"),
            (&[0, 0x5b], false, "speaks SOCKS4"),
        ] {
            let known = credentials("x");
            let told = socks_verdict(answer, given.then_some(&known)).why("P", "T");
            assert!(told.contains(words), "{answer:?}: {told}");
        }
    }

    #[test]
    fn any_answer_has_a_verdict() {
        let answers = [
            "HTTP/1.",
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1 4é7",
            "\n\n",
            "HTTP/1.1 407\n:\n",
        ];
        for answer in answers {
            for end in 0..=answer.len() {
                let bytes = answer.as_bytes().get(..end).unwrap();
                let known = credentials("x");
                for given in [None, Some(&known)] {
                    assert!(!http_verdict(bytes, given).why("P", "T").is_empty());
                    assert!(!socks_verdict(bytes, given).why("P", "T").is_empty());
                }
            }
        }
    }

    /// A SOCKS proxy that takes everyone, and what it heard.
    async fn socks(password: &str, url: &str) -> (Result<(), AtProxy>, Vec<u8>) {
        let gateway = Gateway::new(Proxy {
            protocol: ProxyProtocol::Socks5,
            host: "proxy.example".to_owned(),
            port: 1080,
            credentials: Some(("recorder".to_owned(), SecretString::from(password))),
            bypass: Vec::new(),
        });
        let (near, mut far) = tokio::io::duplex(1024);
        let proxy = tokio::spawn(async move {
            let mut heard = Vec::new();
            for answer in [&[5, 2][..], &[1, 0], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]] {
                let mut buffer = [0; 1024];
                match far.read(&mut buffer).await {
                    Ok(n @ 1..) => heard.extend_from_slice(&buffer[..n]),
                    _ => break,
                }
                far.write_all(answer).await.unwrap();
            }
            heard
        });
        let made = gateway.tunnel(Box::new(near), &target(url)).await;
        (made.map(drop), proxy.await.unwrap())
    }

    #[tokio::test]
    async fn a_socks_proxy_is_asked_for_names_and_looks_them_up_itself() {
        let (made, heard) = socks("word", "https://api.example.com/").await;
        assert!(made.is_ok(), "{made:?}");
        // CONNECT, to a name of 15 letters, on port 443.
        let asked = b"\x05\x01\x00\x03\x0fapi.example.com\x01\xbb";
        assert!(heard.ends_with(asked), "{heard:?}");
        let (made, heard) = socks("word", "https://[2001:db8::1]/").await;
        assert!(made.is_ok(), "{made:?}");
        let asked = b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb";
        assert!(heard.ends_with(asked), "{heard:?}");
    }

    #[tokio::test]
    async fn a_password_that_is_too_long_for_socks_is_told_as_such_and_not_sent() {
        let url = "https://api.example.com/";
        let longest = SOCKS_ROOM - "recorder".len() - "api.example.com".len();
        let (made, _) = socks(&"p".repeat(longest), url).await;
        assert!(made.is_ok(), "{made:?}");
        let (made, heard) = socks(&"p".repeat(longest + 1), url).await;
        let told = made.unwrap_err().why("P", "T");
        assert!(told.contains("too long"), "{told}");
        assert!(heard.is_empty(), "{heard:?}");
    }
}
