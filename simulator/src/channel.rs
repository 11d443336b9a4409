//! Notification channels: who owns them, what they subscribe to, and which socket serves them.
//!
//! Knows the limits (20 channels a client, 1,000 topics a channel, one socket a channel) and who is evicted. Does not
//! know permissions, faults or frames.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::oauth::{ClientNo, TokenNo};
use crate::time::Time;
use crate::topic::{self, TopicKey};

/// The most channels of one client (NET 270.0.0, NotificationsApi, postNotificationsChannels).
pub const MOST_PER_CLIENT: usize = 20;

/// Which channel, counted from 1 in the order of creation. The public id is a secret; this is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelNo(pub u64);

/// Which websocket connection, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// One id on a channel's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// As the client spelt it.
    pub id: String,
    /// The expanded topics behind it that are permitted.
    pub topics: Vec<String>,
}

/// A channel.
#[derive(Debug)]
pub struct Channel {
    /// The public id, part of the connect URI.
    pub id: String,
    /// Whose it is.
    pub client: ClientNo,
    /// With which token it was made; it dies with that token.
    pub token: TokenNo,
    /// Which program made it ([`crate::region::Request::program`]).
    pub program: u32,
    /// When it was made.
    pub created: Time,
    /// When it ends.
    pub expires: Time,
    /// The last request or connection that named it.
    pub last_used: Time,
    /// The open socket.
    pub socket: Option<SocketId>,
    /// In the order in which they were subscribed.
    subscriptions: Vec<Subscription>,
    /// Every permitted expanded topic.
    keys: BTreeSet<TopicKey>,
}

impl Channel {
    /// The list, in the order of subscription.
    #[must_use]
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Every expanded topic that it receives.
    #[must_use]
    pub fn keys(&self) -> &BTreeSet<TopicKey> {
        &self.keys
    }

    /// What the list would be after adding: ids compare without case, the later spelling wins.
    #[must_use]
    pub fn with_added(&self, added: &[Subscription]) -> Vec<Subscription> {
        let mut at: HashMap<TopicKey, usize> = HashMap::new();
        let mut list: Vec<Subscription> =
            Vec::with_capacity(self.subscriptions.len() + added.len());
        for subscription in self.subscriptions.iter().chain(added) {
            match at.entry(topic::key(&subscription.id)) {
                std::collections::hash_map::Entry::Occupied(seen) => {
                    list[*seen.get()] = subscription.clone()
                }
                std::collections::hash_map::Entry::Vacant(new) => {
                    new.insert(list.len());
                    list.push(subscription.clone());
                }
            }
        }
        list
    }
}

/// All channels.
#[derive(Debug, Default)]
pub struct Channels {
    channels: BTreeMap<ChannelNo, Channel>,
    by_id: HashMap<String, ChannelNo>,
    by_topic: HashMap<TopicKey, BTreeSet<ChannelNo>>,
    made: u64,
}

impl Channels {
    /// Makes a channel. The caller has made room first ([`Channels::evicted_by_one_more`]).
    pub fn create(
        &mut self,
        id: String,
        client: ClientNo,
        token: TokenNo,
        program: u32,
        now: Time,
        expires: Time,
    ) -> ChannelNo {
        self.made += 1;
        let number = ChannelNo(self.made);
        self.by_id.insert(id.clone(), number);
        self.channels.insert(
            number,
            Channel {
                id,
                client,
                token,
                program,
                created: now,
                expires,
                last_used: now,
                socket: None,
                subscriptions: Vec::new(),
                keys: BTreeSet::new(),
            },
        );
        number
    }

    /// Which channel has to go so that the client may have one more: the one that was used longest ago, those without
    /// a socket first.
    #[must_use]
    pub fn evicted_by_one_more(&self, client: ClientNo) -> Option<ChannelNo> {
        let own = || {
            self.channels
                .iter()
                .filter(move |(_, channel)| channel.client == client)
        };
        if own().count() < MOST_PER_CLIENT {
            return None;
        }
        own()
            .min_by_key(|(number, channel)| (channel.socket.is_some(), channel.last_used, **number))
            .map(|(n, _)| *n)
    }

    /// The channel with a public id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<ChannelNo> {
        self.by_id.get(id).copied()
    }

    /// One channel.
    #[must_use]
    pub fn get(&self, number: ChannelNo) -> Option<&Channel> {
        self.channels.get(&number)
    }

    /// One channel, to change what stands in its public fields.
    pub fn get_mut(&mut self, number: ChannelNo) -> Option<&mut Channel> {
        self.channels.get_mut(&number)
    }

    /// All, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (ChannelNo, &Channel)> {
        self.channels
            .iter()
            .map(|(number, channel)| (*number, channel))
    }

    /// The channels that receive an expanded topic, oldest first.
    #[must_use]
    pub fn receivers(&self, topic: &str) -> Vec<ChannelNo> {
        self.by_topic
            .get(&topic::key(topic))
            .map(|set| set.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Replaces a channel's list. Returns the expanded topics that came and those that went.
    pub fn set_subscriptions(
        &mut self,
        number: ChannelNo,
        subscriptions: Vec<Subscription>,
    ) -> (Vec<TopicKey>, Vec<TopicKey>) {
        let Some(channel) = self.channels.get_mut(&number) else {
            return (Vec::new(), Vec::new());
        };
        let keys: BTreeSet<TopicKey> = subscriptions
            .iter()
            .flat_map(|subscription| &subscription.topics)
            .map(|topic| topic::key(topic))
            .collect();
        let came: Vec<TopicKey> = keys.difference(&channel.keys).cloned().collect();
        let went: Vec<TopicKey> = channel.keys.difference(&keys).cloned().collect();
        channel.subscriptions = subscriptions;
        channel.keys = keys;
        for key in &came {
            self.by_topic.entry(key.clone()).or_default().insert(number);
        }
        for key in &went {
            self.leave(key, number);
        }
        (came, went)
    }

    /// Ends a channel and returns what it was.
    pub fn remove(&mut self, number: ChannelNo) -> Option<Channel> {
        let channel = self.channels.remove(&number)?;
        self.by_id.remove(&channel.id);
        for key in &channel.keys {
            self.leave(key, number);
        }
        Some(channel)
    }

    fn leave(&mut self, key: &TopicKey, number: ChannelNo) {
        if let Some(set) = self.by_topic.get_mut(key) {
            set.remove(&number);
            if set.is_empty() {
                self.by_topic.remove(key);
            }
        }
    }
}
