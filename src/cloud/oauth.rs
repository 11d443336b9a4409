//! The OAuth client-credentials grant: what the token endpoint says, which has bodies of its own.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;

use super::refusal::{refused, unreadable};
use super::vault::Vault;
use crate::model::order::{Failure, FailureKind};

/// The body of the request, to the letter. Scopes do not apply to client credentials; roles do.
pub(super) const GRANT: &str = "grant_type=client_credentials";

/// What a token lives if the answer does not tell: the platform's default. A token that ends earlier shows itself by a
/// 401.
const DEFAULT_LIFE: Duration = Duration::from_secs(86_400);

/// A token that was granted.
pub(super) struct Granted {
    pub(super) token: SecretString,
    pub(super) life: Duration,
}

/// Reads a 200 of the token endpoint.
pub(super) fn granted(
    act: &str,
    host: &str,
    status: StatusCode,
    body: &[u8],
) -> Result<Granted, Failure> {
    #[derive(Deserialize)]
    struct Body {
        access_token: String,
        #[serde(default)]
        expires_in: serde_json::Value,
    }
    let wrong = |what| unreadable(act, host, Some(status), what);
    let body: Body = serde_json::from_slice(body).map_err(|_| wrong("it has no access_token"))?;
    if body.access_token.is_empty() || HeaderValue::from_str(&body.access_token).is_err() {
        return Err(wrong("its access_token cannot be used in a request"));
    }
    let life = match &body.expires_in {
        serde_json::Value::Null => DEFAULT_LIFE,
        serde_json::Value::Number(seconds) => {
            Duration::try_from_secs_f64(seconds.as_f64().unwrap_or(0.0)).unwrap_or_default()
        }
        serde_json::Value::String(seconds) => {
            Duration::from_secs(seconds.parse().unwrap_or_default())
        }
        _ => Duration::ZERO,
    };
    if life < Duration::from_secs(1) {
        return Err(wrong("its expires_in is no life for a token"));
    }
    Ok(Granted {
        token: SecretString::from(body.access_token),
        life,
    })
}

/// A refusal of the token endpoint: `{"error", "description", "error_description"}`. Any other body is read as the
/// platform's standard one.
pub(super) fn denied(
    act: &str,
    host: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    vault: &Vault,
) -> Failure {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Body {
        error: Option<String>,
        error_description: Option<String>,
        description: Option<String>,
    }
    let answer: Body = serde_json::from_slice(body).unwrap_or_default();
    let of_client = matches!(
        answer.error.as_deref(),
        Some("invalid_client" | "unauthorized_client")
    );
    // Whether a refused client is answered with 400 or 401 is not documented: its word decides, and a 401 here can be
    // about nothing else.
    if !of_client && status != StatusCode::UNAUTHORIZED {
        let mut failure = refused(act, host, status, headers, body, vault);
        if failure.kind == FailureKind::Refused
            && let Some(error) = &answer.error
        {
            failure.message = format!(
                "{} The token endpoint calls it {}.",
                failure.message,
                vault.quote(error)
            );
        }
        return failure;
    }
    let words: Vec<String> = [
        answer.error,
        answer.error_description.or(answer.description),
    ]
    .into_iter()
    .flatten()
    .map(|words| vault.quote(&words))
    .collect();
    let said = if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(": "))
    };
    Failure {
        kind: FailureKind::CredentialsRefused,
        status: Some(status.as_u16()),
        retry_after: None,
        message: format!(
            "{act}: {host} answered {}{said}: the OAuth client was refused. Check ClientId and ClientSecret, that \
             RegionHost is the region in which the client was made, and that the client is active and of the grant \
             type Client Credentials.",
            status.as_u16()
        ),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn life(expires_in: &str) -> Result<u64, Failure> {
        let body = format!(r#"{{"access_token":"t0ken","token_type":"bearer"{expires_in}}}"#);
        let granted = granted("act", "host", StatusCode::OK, body.as_bytes())?;
        assert_eq!(granted.token.expose_secret(), "t0ken");
        Ok(granted.life.as_secs())
    }

    #[test]
    fn the_life_of_a_token_is_read_or_the_platforms_default() {
        assert_eq!(life(r#","expires_in":86399"#), Ok(86_399));
        assert_eq!(life(r#","expires_in":"300""#), Ok(300));
        assert_eq!(life(r#","expires_in":null"#), Ok(86_400));
        assert_eq!(life(""), Ok(86_400));
        for none in ["0", "-5", "1e400", "[]", r#""soon""#, "true"] {
            let failure = life(&format!(r#","expires_in":{none}"#)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unreadable, "{none}");
        }
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_unreadable() {
        for body in [
            r#"{"access_token":"a\nb"}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            "{}",
            "<html>",
            "",
        ] {
            let failure = granted("act", "host", StatusCode::OK, body.as_bytes())
                .err()
                .unwrap();
            assert_eq!(failure.kind, FailureKind::Unreadable, "{body}");
        }
    }
}
