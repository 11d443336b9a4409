//! The platform's standard error body (ErrorBody) and the errors that the region answers.
//!
//! Codes and statuses as the official clients document them; where the platform's code is not public, the nearest
//! documented one stands here.

use serde_json::{Value, json};

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// The stable code that clients switch on.
    pub code: &'static str,
    /// The sentence for people.
    pub message: String,
    /// `Retry-After`, seconds.
    pub retry_after_s: Option<u32>,
    /// Permissions that the client lacks (403).
    pub missing: Vec<String>,
}

impl Problem {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_s: None,
            missing: Vec::new(),
        }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "bad.request", message)
    }

    /// 401, no token in the request.
    #[must_use]
    pub fn authentication_required() -> Self {
        Self::new(
            401,
            "authentication.required",
            "No authentication bearer token specified in authorization header.",
        )
    }

    /// 401, the token is bad, expired or revoked.
    #[must_use]
    pub fn bad_credentials() -> Self {
        Self::new(401, "bad.credentials", "Invalid login credentials.")
    }

    /// 403, a topic needs permissions that the client lacks. The platform's code for it is not public.
    #[must_use]
    pub fn missing_permissions(missing: &[&str]) -> Self {
        let message = format!(
            "Unable to perform the requested action. You are missing the following permission(s): {}",
            missing.join(", ")
        );
        Self {
            missing: missing.iter().map(ToString::to_string).collect(),
            ..Self::new(403, "missing.any.permissions", message)
        }
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "not.found", "The requested resource was not found.")
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "method.not.allowed",
            "The requested method is not served at this path.",
        )
    }

    /// 413.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            413,
            "request.entity.too.large",
            format!("The request is over the size limit. Maximum bytes: {limit}"),
        )
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type(wanted: &str) -> Self {
        Self::new(
            415,
            "unsupported.media.type",
            format!("The content type of the request is not {wanted}."),
        )
    }

    /// 429, in the form that the platform has used since November 2021.
    #[must_use]
    pub fn too_many_requests(retry_after_s: u32) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(
                429,
                "too.many.requests.retry.after",
                format!(
                    "Rate limit exceeded the maximum. Retry the request in [{retry_after_s}] seconds"
                ),
            )
        }
    }

    /// 5xx, from a fault.
    #[must_use]
    pub fn server_error(status: u16, retry_after_s: Option<u32>) -> Self {
        let (code, message) = match status {
            503 => ("service.unavailable", "The service is unavailable."),
            504 => ("request.timeout", "The request timed out."),
            502 => ("bad.gateway", "The service could not be reached."),
            _ => (
                "internal.server.error",
                "The service failed while it processed the request.",
            ),
        };
        Self {
            retry_after_s,
            ..Self::new(status, code, message)
        }
    }

    /// The body; `context` is the correlation id of the request.
    #[must_use]
    pub fn body(&self, context: &str) -> Value {
        let mut body = json!({ "message": self.message, "code": self.code, "status": self.status });
        if !self.missing.is_empty() {
            body["messageParams"] = json!({ "permissions": self.missing.join(", ") });
        }
        body["contextId"] = json!(context);
        body["details"] = json!([]);
        body["errors"] = json!([]);
        body
    }
}
