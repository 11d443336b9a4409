//! One HTTP request and its answer, bounded in time and size; nothing is repeated and no redirect followed.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, StatusCode, redirect, retry};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use super::failure::Trouble;
use super::reach::Lookup;
use super::wire::Limits;
use crate::model::order::{Failure, FailureKind};

/// How long an idle connection is kept: less than what load balancers commonly allow, so that it is ours to close.
const IDLE: Duration = Duration::from_secs(45);

/// Who asks.
pub(super) enum As<'a> {
    /// The OAuth client itself.
    Client {
        id: &'a str,
        secret: &'a SecretString,
    },
    /// The holder of a token.
    Bearer(&'a SecretString),
}

/// What goes with a request.
pub(super) enum Body {
    None,
    Form(&'static str),
    Json(Vec<u8>),
}

/// One request.
pub(super) struct Ask<'a> {
    /// For failures: what is being done.
    pub(super) act: &'a str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) by: As<'a>,
    pub(super) body: Body,
}

/// One answer. Without [`Debug`], as it may hold a token or a channel's address.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The HTTP client of one region.
pub(super) struct Rest {
    client: Client,
    limits: Limits,
}

impl Rest {
    pub(super) fn new(
        tls: ClientConfig,
        user_agent: &str,
        limits: Limits,
    ) -> Result<Self, Failure> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .user_agent(user_agent)
            .dns_resolver(Lookup {
                limit: limits.connect,
            })
            .connect_timeout(limits.connect + limits.tls)
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|_| Failure {
                kind: FailureKind::Link,
                status: None,
                retry_after: None,
                // The only thing given to it that can be wrong.
                message: format!(
                    "Preparing the HTTP client: {user_agent:?} cannot be a User-Agent."
                ),
            })?;
        Ok(Self { client, limits })
    }

    /// Asks once.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let act = ask.act;
        let host = ask.url.host_str().unwrap_or_default().to_owned();
        match timeout(self.limits.request, self.ask_unbounded(ask)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(trouble)) => Err(trouble.failure(act, &host)),
            Err(_) => Err(Trouble::AnswerTimedOut(self.limits.request).failure(act, &host)),
        }
    }

    async fn ask_unbounded(&self, ask: Ask<'_>) -> Result<Answer, Trouble> {
        let request = self
            .client
            .request(ask.method, ask.url)
            .header(ACCEPT, "application/json");
        let request = match ask.by {
            As::Client { id, secret } => request.basic_auth(id, Some(secret.expose_secret())),
            As::Bearer(token) => request.bearer_auth(token.expose_secret()),
        };
        let request = match ask.body {
            Body::None => request,
            Body::Form(form) => request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form),
            Body::Json(json) => request.header(CONTENT_TYPE, "application/json").body(json),
        };
        let trouble =
            |error: reqwest::Error| Trouble::of_http(&error, self.limits.connect + self.limits.tls);
        let mut response = request.send().await.map_err(trouble)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(trouble)? {
            if body.len() + chunk.len() > self.limits.answer {
                return Err(Trouble::TooLarge(self.limits.answer));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer {
            status: response.status(),
            headers,
            body,
        })
    }
}
