//! Who may ask: tokens are issued for a client's credentials, and each request is charged to its token's budget.
//! It does not know what is asked.

use serde_json::json;

use super::{Region, Request, Response};
use crate::fault::Fault;
use crate::limit::Budget;
use crate::oauth::{ClientNo, Token, TokenNo, TokenRefused, Unauthenticated};
use crate::problem::Problem;
use crate::time::Time;

/// Who asks, once the token is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) token: TokenNo,
    pub(super) client: ClientNo,
}

impl Region {
    pub(super) fn token(&mut self, request: &Request, now: Time) -> Response {
        if request.method != "POST" {
            return self.problem(&Problem::method_not_allowed());
        }
        let form = "application/x-www-form-urlencoded";
        if !request
            .content_type
            .as_deref()
            .is_some_and(|given| given.to_ascii_lowercase().starts_with(form))
        {
            return self.problem(&Problem::unsupported_media_type(form));
        }
        let disabled = self
            .faults
            .in_force(now)
            .any(|fault| matches!(fault, Fault::RefuseClient {}));
        let checked = self
            .authority
            .check_client(request.authorization.as_deref(), &request.body);
        match checked {
            Ok(client) if !disabled => {
                let life_s = self.switches.token_life_s;
                let (_, value) = self.authority.issue(client, life_s, &mut self.chance, now);
                Response::json(
                    200,
                    &json!({ "access_token": value, "token_type": "bearer", "expires_in": life_s }),
                )
            }
            Ok(_) => Response::json(
                self.switches.refused_client_status,
                &TokenRefused::CLIENT.body(),
            ),
            Err(refused) => {
                let status = if refused == TokenRefused::CLIENT {
                    self.switches.refused_client_status
                } else {
                    400
                };
                Response::json(status, &refused.body())
            }
        }
    }

    pub(super) fn admit(
        &mut self,
        request: &Request,
        now: Time,
    ) -> Result<(Caller, Budget), Problem> {
        let (token, Token { client, .. }) = self
            .authority
            .authenticate(request.authorization.as_deref(), now)
            .map_err(|refused| match refused {
                Unauthenticated::NoToken => Problem::authentication_required(),
                Unauthenticated::BadToken => Problem::bad_credentials(),
            })?;
        Ok((Caller { token, client }, self.budgets.take(token, now)))
    }

    pub(super) fn end_token(&mut self, token: TokenNo, reason: &'static str, now: Time) {
        self.authority.end(token);
        self.budgets.forget(token);
        if self.switches.channels_end_with_token {
            for channel in self.channels_of(token) {
                self.end_channel(channel, reason, now);
            }
        }
    }
}
