//! What must not leave this room: the client's secret, tokens, channel ids and their addresses.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use crate::model::id::ChannelId;

/// How many channels are remembered. The platform keeps 20 per client; what was left is forgotten first.
const CHANNELS: usize = 64;

/// How many characters of the platform's own words are shown.
const QUOTED: usize = 300;

/// Keeps the secrets, and strikes them out of what others said.
pub(super) struct Vault {
    client_secret: SecretString,
    /// Client id and secret as they go out: the secret to whoever can read Base64.
    pair: SecretString,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The newest first. The one before it may still be on its way in a request.
    tokens: VecDeque<SecretString>,
    /// The newest first.
    channels: VecDeque<KnownChannel>,
}

struct KnownChannel {
    id: ChannelId,
    /// `connectUri`, of one that this wire made.
    address: Option<SecretString>,
    /// Its topics were taken off: nobody opens it again.
    is_left: bool,
}

impl Vault {
    pub(super) fn new(client_id: &str, client_secret: SecretString) -> Self {
        Self {
            pair: basic(client_id, &client_secret),
            client_secret,
            kept: Mutex::default(),
        }
    }

    /// Nothing that holds the lock can panic half-way, so a poisoned one is as good.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands behind `Basic` when the client names itself.
    pub(super) fn pair(&self) -> &SecretString {
        &self.pair
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

    /// The channel is left. It is still struck out of what others say, for as long as there is room to remember it.
    pub(super) fn leave_channel(&self, channel: &ChannelId) {
        self.remember(channel, None);
        let mut kept = self.kept();
        if let Some(known) = kept.channels.iter_mut().find(|known| known.id == *channel) {
            known.is_left = true;
        }
    }

    fn remember(&self, channel: &ChannelId, address: Option<SecretString>) {
        let channels = &mut self.kept().channels;
        if let Some(known) = channels.iter_mut().find(|known| known.id == *channel) {
            if address.is_some() {
                known.address = address;
            }
            return;
        }
        if channels.len() >= CHANNELS {
            let left = channels.iter().rposition(|known| known.is_left);
            channels.remove(left.unwrap_or(channels.len() - 1));
        }
        channels.push_front(KnownChannel {
            id: channel.clone(),
            address,
            is_left: false,
        });
    }

    /// The address of a channel that this wire made.
    pub(super) fn address(&self, channel: &ChannelId) -> Option<SecretString> {
        let kept = self.kept();
        let known = kept.channels.iter().find(|known| known.id == *channel)?;
        known.address.clone()
    }

    /// Where the channels that this wire made have their websockets: scheme, host and port, each once.
    pub(super) fn hosts(&self) -> Vec<Url> {
        let mut hosts = Vec::new();
        for known in &self.kept().channels {
            let Some(mut host) = (known.address.as_ref())
                .and_then(|address| Url::parse(address.expose_secret()).ok())
            else {
                continue;
            };
            host.set_path("/");
            host.set_query(None);
            host.set_fragment(None);
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// Whether this wire made the channel.
    pub(super) fn has_made(&self, channel: &ChannelId) -> bool {
        let kept = self.kept();
        (kept.channels.iter()).any(|known| known.id == *channel && known.address.is_some())
    }

    /// What the platform said, fit for a log: without secrets, on one line, not long.
    pub(super) fn quote(&self, said: &str) -> String {
        let mut said = said.to_owned();
        let mut strike = |secret: &str| strike(&mut said, secret);
        let kept = self.kept();
        for token in &kept.tokens {
            strike(token.expose_secret());
        }
        for known in &kept.channels {
            if let Some(address) = &known.address {
                strike(address.expose_secret());
            }
            strike(known.id.expose());
        }
        strike(self.pair.expose_secret());
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

/// Puts `***` in the place of a secret.
pub(super) fn strike(said: &mut String, secret: &str) {
    // Whoever says a pair again may leave out how Base64 fills its end.
    let secret = secret.trim_end_matches('=');
    if !secret.is_empty() && said.contains(secret) {
        *said = said.replace(secret, "***");
    }
}

/// A name and its secret as HTTP's Basic authentication writes them.
pub(super) fn basic(name: &str, secret: &SecretString) -> SecretString {
    let plain = Zeroizing::new(format!("{name}:{}", secret.expose_secret()));
    SecretString::from(BASE64_STANDARD.encode(plain.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> ChannelId {
        ChannelId::from(format!("channel-{n:04}").as_str())
    }

    /// Successors that fail over and over each make a channel, while the lead stays as it is.
    #[test]
    fn what_was_left_is_forgotten_before_what_is_read() {
        let vault = Vault::new("id", "secret".into());
        let make = |n| vault.set_channel(&id(n), "wss://region.example/channel".into());
        make(0);
        for n in 1..=10 * CHANNELS {
            make(n);
            vault.leave_channel(&id(n));
        }
        assert!(vault.has_made(&id(0)) && vault.address(&id(0)).is_some());
        assert_eq!(vault.quote("channel-0000 is gone"), "*** is gone");
        assert!(!vault.has_made(&id(1)), "not all are remembered");
        // None was left: the oldest goes.
        let vault = Vault::new("id", "secret".into());
        for n in 0..=CHANNELS {
            vault.set_channel(&id(n), "wss://region.example/channel".into());
        }
        assert_eq!([0, 1].map(|n| vault.has_made(&id(n))), [false, true]);
    }
}
