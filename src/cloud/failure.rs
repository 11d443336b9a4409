//! What goes wrong on the wire, in words that an operator can act on.
//!
//! Knows: at which hop something failed and what to check there. Does not know: whether to try again. The texts of
//! other libraries that may hold an address with a channel id (an HTTP client's) are never shown; what the platform
//! says is shown cleaned, cut short and with every secret struck out ([`Vault::quote`]).

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::vault::Vault;
use crate::model::order::{Failure, FailureKind};

/// Why no answer came: what went wrong before the platform could say anything.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The name of the host is not known, or the name service is not reached.
    Lookup(LookupFailed),
    /// No connection to the host.
    Connect(io::Error),
    /// No address answered in time.
    ConnectTimedOut(Duration),
    /// The certificate was not accepted, or TLS failed otherwise.
    Tls(rustls::Error),
    /// The TLS handshake did not end in time.
    TlsTimedOut(Duration),
    /// The connection ended during the TLS handshake.
    TlsBroken(io::Error),
    /// The connection ended before the answer was complete.
    Broken(Option<io::Error>),
    /// No complete answer in time.
    AnswerTimedOut(Duration),
    /// More than this many bytes.
    TooLarge(usize),
    /// What came is no HTTP, or not what its headers say (compression).
    Garbled,
}

/// A name that could not be looked up. A type of its own, so that it can be found again among the causes of an HTTP
/// client's error.
#[derive(Debug)]
pub(super) enum LookupFailed {
    /// The system's own words.
    System(io::Error),
    /// It knows the name, but no address for it.
    NoAddress,
    /// The name service did not answer.
    TimedOut(Duration),
}

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(f, "{error}"),
            Self::NoAddress => f.write_str("it has no address"),
            Self::TimedOut(limit) => write!(
                f,
                "the name service did not answer within {}",
                Seconds(*limit)
            ),
        }
    }
}

impl Error for LookupFailed {}

/// A time limit as people write it.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}

impl Trouble {
    /// Reads an HTTP client's error by the types of its causes, never by its text.
    pub(super) fn of_http(error: &reqwest::Error, connect: Duration) -> Self {
        let mut io = None;
        for cause in causes(error) {
            if let Some(LookupFailed::System(error)) = cause.downcast_ref() {
                return Self::Lookup(LookupFailed::System(copy(error)));
            } else if let Some(LookupFailed::TimedOut(limit)) = cause.downcast_ref() {
                return Self::Lookup(LookupFailed::TimedOut(*limit));
            } else if cause.is::<LookupFailed>() {
                return Self::Lookup(LookupFailed::NoAddress);
            } else if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Self::Tls(error.clone());
            } else if let Some(error) = cause.downcast_ref::<io::Error>() {
                io = Some(copy(error));
            }
        }
        match io {
            _ if error.is_connect() && error.is_timeout() => Self::ConnectTimedOut(connect),
            Some(io) if error.is_connect() && io.kind() == io::ErrorKind::UnexpectedEof => {
                Self::TlsBroken(io)
            }
            Some(io) if error.is_connect() => Self::Connect(io),
            // The client calls each failure of a body a failure to decode it, a broken connection too; the
            // decompressor's own complaint is of this kind.
            Some(io)
                if matches!(
                    io.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
                ) =>
            {
                Self::Garbled
            }
            io => Self::Broken(io),
        }
    }

    /// An error of a TLS handshake.
    pub(super) fn of_tls(error: io::Error) -> Self {
        let tls = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>().cloned());
        tls.map_or_else(|| Self::TlsBroken(error), Self::Tls)
    }

    /// The failure to report. `act` says what was being done ("Listing users (page 3)"), `host` where.
    pub(super) fn failure(self, act: &str, host: &str) -> Failure {
        let kind = match self {
            Self::TooLarge(_) | Self::Garbled => FailureKind::Unreadable,
            _ => FailureKind::Link,
        };
        let why = match self {
            Self::Lookup(error) => format!(
                "the name {host} could not be looked up ({error}). Check RegionHost and the name service of this machine"
            ),
            Self::Connect(error) => format!(
                "no connection to {host} ({error}). Check RegionHost, and that the network and its firewalls let \
                 this machine reach it"
            ),
            Self::ConnectTimedOut(limit) => format!(
                "no connection to {host} within {}. Check RegionHost, and that the network and its firewalls let \
                 this machine reach it",
                Seconds(limit)
            ),
            Self::Tls(rustls::Error::InvalidCertificate(error)) => format!(
                "the certificate of {host} is not trusted ({error}). Check AdvancedSettings.Trust, the clock of this \
                 machine, and whether something on the way inspects TLS with a certificate of its own"
            ),
            Self::Tls(error) => format!(
                "the TLS handshake with {host} failed ({error}). Check that RegionHost is a host of the platform, and \
                 what on the way handles TLS"
            ),
            Self::TlsTimedOut(limit) => format!(
                "the TLS handshake with {host} did not end within {}. Check what on the way handles TLS",
                Seconds(limit)
            ),
            Self::TlsBroken(error) => format!(
                "{host} ended the connection during the TLS handshake ({error}). Check that RegionHost is a host of \
                 the platform, and what on the way handles TLS"
            ),
            Self::Broken(Some(error)) => format!(
                "the connection to {host} broke before its answer was complete ({error}). It may pass; if it stays, \
                 check what on the way ends connections"
            ),
            Self::Broken(None) => format!(
                "the connection to {host} broke before its answer was complete. It may pass; if it stays, check what \
                 on the way ends connections"
            ),
            Self::AnswerTimedOut(limit) => format!(
                "no complete answer from {host} within {}. It may pass; if it stays, check the network and the \
                 status of the region",
                Seconds(limit)
            ),
            Self::TooLarge(limit) => format!(
                "the answer of {host} is larger than the {limit} bytes that are taken. Check that RegionHost is a \
                 host of the platform"
            ),
            Self::Garbled => format!(
                "the answer of {host} is not what its headers say. Check that RegionHost is a host of the platform, \
                 and what on the way changes answers"
            ),
        };
        Failure {
            kind,
            status: None,
            retry_after: None,
            message: format!("{act}: {why}."),
        }
    }
}

/// An error and its causes. The error inside an `io::Error` is not among that one's causes by itself.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&this| {
        match this
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inside) => Some(inside),
            None => this.source(),
        }
    })
}

/// An `io::Error` cannot be cloned; this keeps its kind and its words.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// An answer that came and could not be read.
pub(super) fn unreadable(act: &str, host: &str, status: Option<StatusCode>, what: &str) -> Failure {
    Failure {
        kind: FailureKind::Unreadable,
        status: status.map(|status| status.as_u16()),
        retry_after: None,
        message: format!(
            "{act}: the answer of {host} could not be read ({what}). Check that RegionHost is a host of the platform, \
             and what on the way changes answers."
        ),
    }
}

/// The platform's standard error body, as far as it is used. A member of a wrong type makes all of it unreadable,
/// which costs no more than its words.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    context_id: Option<String>,
}

/// A refusal of the platform, as an HTTP status with the standard error body.
pub(super) fn refused(
    act: &str,
    host: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    vault: &Vault,
) -> Failure {
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let code = body.code.as_deref().map(|code| vault.quote(code));
    let said = body.message.as_deref().map(|message| vault.quote(message));
    let correlation = headers
        .get("inin-correlation-id")
        .and_then(|id| id.to_str().ok())
        .or(body.context_id.as_deref())
        .map(|id| vault.quote(id));

    let kind = match status.as_u16() {
        401 => FailureKind::TokenRefused,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        429 => FailureKind::RateLimited,
        408 | 500..=599 => FailureKind::Server,
        _ => FailureKind::Refused,
    };
    let retry_after = retry_after(headers).or_else(|| {
        // Every 429 has the header, says its announcement; the figure stands in the text too.
        (kind == FailureKind::RateLimited)
            .then(|| figure(body.message.as_deref()?))
            .flatten()
    });

    let mut message = format!("{act}: {host} answered {}", status.as_u16());
    let words: Vec<String> = [
        code,
        // Of a token, a missing thing or the platform's own trouble its message tells no more than the code.
        said.filter(|_| matches!(kind, FailureKind::Forbidden | FailureKind::Refused)),
        correlation.map(|id| format!("correlation id {id}")),
    ]
    .into_iter()
    .flatten()
    .filter(|words| !words.is_empty())
    .collect();
    if !words.is_empty() {
        message.push_str(" (");
        message.push_str(&words.join("; "));
        message.push(')');
    }
    message.push_str(match kind {
        FailureKind::TokenRefused => {
            ": the token is expired or revoked, or its OAuth client was disabled. A new token shows which"
        }
        FailureKind::Forbidden => {
            ": a permission is missing. Give a role of the OAuth client the permission that is named, in all divisions \
             whose users and queues are to be followed"
        }
        FailureKind::NotFound => ": there is no such thing, or no longer",
        FailureKind::RateLimited => {
            ": the limit of requests is used up. Check whether other programs use the same OAuth client"
        }
        FailureKind::Server => {
            ": trouble on the platform's side. It may pass; if it stays, look at the status of the region"
        }
        _ if status.is_redirection() => {
            ": it points to another address, which is not followed. Check that RegionHost is a host of the platform"
        }
        _ => ": the request was refused",
    });
    message.push('.');
    Failure {
        kind,
        status: Some(status.as_u16()),
        retry_after,
        message,
    }
}

/// `Retry-After`, as seconds or as an HTTP date. A date is compared with the answer's own `Date`, so that a wrong clock
/// of this machine does not matter; without one, with the clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let until = date(value)?;
    let now = headers
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(date)
        .unwrap_or_else(jiff::Timestamp::now);
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The figure in `… Retry the request in [42] seconds`.
fn figure(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once('[')?;
    let (figure, _) = rest.split_once(']')?;
    figure.trim().parse().ok().map(Duration::from_secs)
}
