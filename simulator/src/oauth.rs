//! OAuth clients and their tokens.
//!
//! Knows which client credentials are good, which token belongs to which client and how long it lives. Does not know
//! what a token is used for; channels, which die with their token, are told by the region.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::time::Time;

/// An OAuth client (grant type client credentials).
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Which of the region's clients, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNo(pub usize);

/// Which token, counted from 1 in the order of issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenNo(pub u64);

/// A token that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Who asked for it.
    pub client: ClientNo,
    /// When it was issued.
    pub issued: Time,
    /// From when on it is refused.
    pub expires: Time,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// No `Authorization: Bearer` header.
    NoToken,
    /// A token that the region never issued, revoked, or that expired.
    BadToken,
}

/// Why a token was not issued; the members of the platform's answer, which is not its standard error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRefused {
    /// `invalid_client`, `invalid_request`, `unsupported_grant_type`.
    pub error: &'static str,
    /// One sentence.
    pub description: &'static str,
}

impl TokenRefused {
    /// Unknown client, wrong secret or no credentials at all: the platform does not tell which.
    pub const CLIENT: Self = Self {
        error: "invalid_client",
        description: "client not found",
    };

    /// The body. The platform sends `description` as well as the standard's `error_description`.
    #[must_use]
    pub fn body(self) -> Value {
        json!({ "error": self.error, "description": self.description, "error_description": self.description })
    }
}

/// All clients and live tokens.
#[derive(Debug)]
pub struct Authority {
    clients: Vec<Client>,
    live: BTreeMap<TokenNo, Token>,
    by_value: HashMap<String, TokenNo>,
    issued: u64,
}

impl Authority {
    /// No token yet.
    #[must_use]
    pub fn new(clients: Vec<Client>) -> Self {
        Self {
            clients,
            live: BTreeMap::new(),
            by_value: HashMap::new(),
            issued: 0,
        }
    }

    /// The clients, in the order of their numbers.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// How many tokens were issued so far.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// Checks a token request: its Authorization header and its form.
    ///
    /// # Errors
    /// What the token endpoint answers.
    pub fn check_client(
        &self,
        authorization: Option<&str>,
        form: &[u8],
    ) -> Result<ClientNo, TokenRefused> {
        let grant = String::from_utf8_lossy(form)
            .split('&')
            .find_map(|pair| pair.strip_prefix("grant_type=").map(str::to_owned))
            .ok_or(TokenRefused {
                error: "invalid_request",
                description: "grant_type is missing",
            })?;
        if grant != "client_credentials" {
            return Err(TokenRefused {
                error: "unsupported_grant_type",
                description: "only client_credentials is served",
            });
        }
        let given = authorization
            .and_then(|value| strip_scheme(value, "basic"))
            .and_then(|encoded| {
                base64::engine::general_purpose::STANDARD
                    .decode(encoded)
                    .ok()
            })
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(TokenRefused::CLIENT)?;
        let (id, secret) = given.split_once(':').ok_or(TokenRefused::CLIENT)?;
        self.clients
            .iter()
            .position(|client| client.id == id && client.secret == secret)
            .map(ClientNo)
            .ok_or(TokenRefused::CLIENT)
    }

    /// Issues a token; returns its value.
    pub fn issue(
        &mut self,
        client: ClientNo,
        life_s: u32,
        chance: &mut Chance,
        now: Time,
    ) -> (TokenNo, String) {
        self.issued += 1;
        let number = TokenNo(self.issued);
        let value = opaque(chance, 86);
        self.live.insert(
            number,
            Token {
                client,
                issued: now,
                expires: Time(now.0 + i64::from(life_s) * 1_000),
            },
        );
        self.by_value.insert(value.clone(), number);
        (number, value)
    }

    /// The token of an Authorization header, if it is good now.
    ///
    /// # Errors
    /// Missing, unknown, revoked or expired.
    pub fn authenticate(
        &self,
        authorization: Option<&str>,
        now: Time,
    ) -> Result<(TokenNo, Token), Unauthenticated> {
        let value = authorization
            .and_then(|value| strip_scheme(value, "bearer"))
            .ok_or(Unauthenticated::NoToken)?;
        let number = self
            .by_value
            .get(value)
            .copied()
            .ok_or(Unauthenticated::BadToken)?;
        match self.live.get(&number) {
            Some(token) if now < token.expires => Ok((number, *token)),
            _ => Err(Unauthenticated::BadToken),
        }
    }

    /// The live tokens, oldest first.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = (TokenNo, Token)> + '_ {
        self.live.iter().map(|(number, token)| (*number, *token))
    }

    /// When the next token expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Time> {
        self.live.values().map(|token| token.expires).min()
    }

    /// Ends a token. Its value stays unknown for ever.
    pub fn end(&mut self, token: TokenNo) {
        self.live.remove(&token);
        self.by_value.retain(|_, number| *number != token);
    }
}

/// A secret of the platform's look: letters and digits.
pub fn opaque(chance: &mut Chance, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..length)
        .map(|_| char::from(LETTERS[chance.below(LETTERS.len())]))
        .collect()
}

fn strip_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (given, rest) = value.split_once(' ')?;
    given
        .eq_ignore_ascii_case(scheme)
        .then(|| rest.trim())
        .filter(|rest| !rest.is_empty())
}
