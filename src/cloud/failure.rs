//! What goes wrong on the wire, in words that an operator can act on.
//!
//! Knows: at which hop something failed and what to check there, before the platform could say anything; what it says is
//! [`refusal`](super::refusal)'s. Does not know: whether to try again. The texts of other libraries that may hold an address
//! with a channel id (an HTTP client's) are never shown.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

use super::proxy::AtProxy;
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
    /// What came is no HTTP, or its headers are more than are taken.
    NotHttp,
    /// What came is not what its headers say (compression).
    Garbled,
    /// The proxy on the way made no tunnel.
    Proxy {
        proxy: String,
        target: String,
        what: AtProxy,
    },
}

/// A name that could not be looked up.
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
    /// An error of a TLS handshake.
    pub(super) fn of_tls(error: io::Error) -> Self {
        let tls = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>().cloned());
        tls.map_or_else(|| Self::TlsBroken(error), Self::Tls)
    }

    /// The failure to report. `act` says what was being done ("Listing users (page 3)"), `host` where.
    pub(super) fn failure(&self, act: &str, host: &str) -> Failure {
        let kind = match self {
            Self::TooLarge(_) | Self::NotHttp | Self::Garbled => FailureKind::Unreadable,
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
                Seconds(*limit)
            ),
            Self::Tls(rustls::Error::InvalidCertificate(error)) => {
                distrust(error, host, "RegionHost")
            }
            Self::Tls(error) if is_old(error) => format!(
                "{host} offers no TLS that is secure: TLS 1.2 and 1.3 are spoken here, with today's ciphers ({error}). \
                 Check what on the way handles TLS, and let it be updated"
            ),
            Self::Tls(error) => format!(
                "the TLS handshake with {host} failed ({error}). Check that RegionHost is a host of the platform, and \
                 what on the way handles TLS"
            ),
            Self::TlsTimedOut(limit) => format!(
                "the TLS handshake with {host} did not end within {}. Check what on the way handles TLS",
                Seconds(*limit)
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
                Seconds(*limit)
            ),
            Self::TooLarge(limit) => format!(
                "the answer of {host} is larger than the {limit} bytes that are taken. Check that RegionHost is a \
                 host of the platform"
            ),
            Self::NotHttp => format!(
                "what {host} answered is no HTTP, or has more headers than are taken. Check that RegionHost is a host \
                 of the platform, and what on the way changes answers"
            ),
            Self::Proxy {
                proxy,
                target,
                what,
            } => what.why(proxy, target),
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

/// Why a certificate is not trusted, and what to do. `who` is whose it is, `key` the setting that names the host.
pub(super) fn distrust(error: &CertificateError, who: &str, key: &str) -> String {
    use CertificateError as E;
    let (why, mend) = match error {
        E::Expired => ("it has expired".to_owned(), clock_or_owner()),
        E::ExpiredContext { time, not_after } => (
            format!(
                "it has expired: it was valid until {}, and this machine's clock says {}",
                date(*not_after),
                date(*time)
            ),
            clock_or_owner(),
        ),
        E::NotValidYet => ("it is not valid yet".to_owned(), clock_or_owner()),
        E::NotValidYetContext { time, not_before } => (
            format!(
                "it is not valid yet: it will be from {}, and this machine's clock says {}",
                date(*not_before),
                date(*time)
            ),
            clock_or_owner(),
        ),
        E::NotValidForName => (
            "it is for another host".to_owned(),
            other_host(key),
        ),
        E::NotValidForNameContext { presented, .. } => {
            let names: Vec<String> = presented.iter().take(NAMES).map(|name| plain(name)).collect();
            let why = if names.is_empty() {
                "it is for another host".to_owned()
            } else {
                format!("it is for another host ({})", names.join(", "))
            };
            (why, other_host(key))
        }
        E::UnknownIssuer => (
            "no authority that is trusted here vouches for it".to_owned(),
            "If something on the way inspects TLS with certificates of its own, name a file with its root in \
             AdvancedSettings.Trust (file:PATH); else check that the host sends its whole chain, and this machine's \
             package of CA certificates"
                .to_owned(),
        ),
        // The platform's verifier has an error of its own for this, of a type that it does not show.
        E::Other(other) if other.0.to_string() == WRONG_USAGE => wrong_usage(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => wrong_usage(),
        E::Revoked => (
            "it has been revoked".to_owned(),
            "Whoever runs the host needs a new one".to_owned(),
        ),
        E::BadSignature
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "a signature is wrong, or of a kind or a key too weak to be taken (RSA under 2048 bits, SHA-1)".to_owned(),
            "If its authority was renewed under the same name, AdvancedSettings.Trust needs the new root; else whoever \
             runs the host, or inspects TLS on the way, needs a certificate with a stronger key"
                .to_owned(),
        ),
        other => (
            // Names a rule, and no content of the certificate.
            plain(&other.to_string()),
            "Check AdvancedSettings.Trust, and whether something on the way inspects TLS with a certificate of its own"
                .to_owned(),
        ),
    };
    format!("the certificate of {who} is not trusted: {why}. {mend}")
}

/// What `rustls-platform-verifier` says of a certificate whose extended key usage is not that of a server.
const WRONG_USAGE: &str = "certificate had invalid extensions";

fn wrong_usage() -> (String, String) {
    (
        "it was not issued for a server".to_owned(),
        "Whoever runs the host needs one for server authentication".to_owned(),
    )
}

fn clock_or_owner() -> String {
    "Check the clock of this machine; if it is right, whoever runs the host needs a new certificate"
        .to_owned()
}

fn other_host(key: &str) -> String {
    format!("Check {key}, and whether something on the way answers in the host's place")
}

/// As many names of a certificate as are shown.
const NAMES: usize = 5;

/// What a stranger wrote, on one line and not long.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// A time of a certificate, in UTC.
fn date(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| "an impossible time".to_owned(), |time| time.to_string())
}

/// Whether the other end offers only what is no longer secure.
pub(super) fn is_old(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(
                AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity
            )
    )
}

/// An error and its causes. The error inside an `io::Error` is not among that one's causes by itself.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
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
pub(super) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
