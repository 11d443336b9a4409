//! What the platform has against a request, in words that an operator can act on: a status with the standard error body,
//! or an answer that cannot be read.
//!
//! Knows: the platform's errors. Does not know: the network, whether to try again. What the platform says is shown
//! cleaned, cut short and with every secret struck out ([`Vault::quote`]).

use std::time::Duration;

use http::StatusCode;
use http::header::{DATE, HeaderMap, RETRY_AFTER};
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;

use super::vault::Vault;
use crate::model::order::{Failure, FailureKind};

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

/// The header that names a request in the platform's own logs.
const CORRELATION: &str = "inin-correlation-id";

/// The platform's standard error body, as far as it is used. A member of a wrong type makes all of it unreadable,
/// which costs no more than its words.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
    context_id: Option<String>,
}

/// Whether a refusal has the platform's form, and not that of something on the way.
pub(super) fn is_of_the_platform(headers: &HeaderMap, body: &[u8]) -> bool {
    let has_code =
        || serde_json::from_slice::<ErrorBody>(body).is_ok_and(|body| body.code.is_some());
    headers.contains_key(CORRELATION) || has_code()
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
        .get(CORRELATION)
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
