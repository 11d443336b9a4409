//! What must not leave this room: the client's secret, tokens, channel ids and their addresses.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use crate::model::id::ChannelId;

/// How many channels are remembered. The platform keeps 20 per client.
const CHANNELS: usize = 64;

/// How many characters of the platform's own words are shown.
const QUOTED: usize = 300;

/// Keeps the secrets, and strikes them out of what others said.
pub(super) struct Vault {
    client_secret: SecretString,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The newest first. The one before it may still be on its way in a request.
    tokens: VecDeque<SecretString>,
    /// The newest first; the address is `connectUri`.
    channels: VecDeque<(ChannelId, Option<SecretString>)>,
}

impl Vault {
    pub(super) fn new(client_secret: SecretString) -> Self {
        Self {
            client_secret,
            kept: Mutex::default(),
        }
    }

    /// Nothing that holds the lock can panic half-way, so a poisoned one is as good.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn client_secret(&self) -> &SecretString {
        &self.client_secret
    }

    /// Takes the newest token.
    pub(super) fn set_token(&self, token: SecretString) {
        let mut kept = self.kept();
        kept.tokens.push_front(token);
        kept.tokens.truncate(2);
    }

    /// The newest token.
    pub(super) fn token(&self) -> Option<SecretString> {
        self.kept().tokens.front().cloned()
    }

    /// Takes a channel and its address.
    pub(super) fn set_channel(&self, channel: &ChannelId, address: SecretString) {
        self.remember(channel, Some(address));
    }

    /// Takes the name of a channel that is asked about, so that it is struck out of the answer.
    pub(super) fn name_channel(&self, channel: &ChannelId) {
        self.remember(channel, None);
    }

    fn remember(&self, channel: &ChannelId, address: Option<SecretString>) {
        let mut kept = self.kept();
        if let Some((_, known)) = kept.channels.iter_mut().find(|(id, _)| id == channel) {
            if address.is_some() {
                *known = address;
            }
            return;
        }
        kept.channels.push_front((channel.clone(), address));
        kept.channels.truncate(CHANNELS);
    }

    /// The address of a channel that this wire made.
    pub(super) fn address(&self, channel: &ChannelId) -> Option<SecretString> {
        let kept = self.kept();
        let (_, address) = kept.channels.iter().find(|(id, _)| id == channel)?;
        address.clone()
    }

    /// What the platform said, fit for a log: without secrets, on one line, not long.
    pub(super) fn quote(&self, said: &str) -> String {
        let mut said = said.to_owned();
        let mut strike = |secret: &str| {
            if !secret.is_empty() && said.contains(secret) {
                said = said.replace(secret, "***");
            }
        };
        let kept = self.kept();
        for token in &kept.tokens {
            strike(token.expose_secret());
        }
        for (channel, address) in &kept.channels {
            if let Some(address) = address {
                strike(address.expose_secret());
            }
            strike(channel.expose());
        }
        strike(self.client_secret.expose_secret());
        drop(kept);
        let mut shown: String = said
            .chars()
            .take(QUOTED)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if shown.len() < said.len() {
            shown.push('…');
        }
        shown
    }
}
