//! What the feed covers, why it is not more, and what an operator reads about it.

use std::sync::Arc;

use super::Session;
use super::errand::{Cause, Trouble};
use super::shard::{MOST_CHANNELS, Subject};
use crate::model::feed::{Feed, Scope, Why};
use crate::model::id::{Topic, UserId};

/// What is told about the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coverage {
    pub(super) feed: Feed,
    pub(super) why: Why,
    pub(super) scope: Scope,
    pub(super) message: Arc<str>,
    /// Of the trouble that the message tells.
    cause: Option<Cause>,
    basis: ScopeBasis,
}

/// What a scope follows from: while it stays the same, so does the scope, which is long to make with many users.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ScopeBasis {
    feed: Feed,
    roster_read: bool,
    /// Of each shard: its revision, and whether it is whole.
    shards: Vec<(u64, bool)>,
    unplaced: u64,
}

impl Coverage {
    /// Whether it says the same; the message may differ in numbers and attempts, but not in its cause.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        (self.feed, self.why, &self.scope, &self.cause)
            == (other.feed, other.why, &other.scope, &other.cause)
    }
}

impl Session {
    pub(super) fn coverage(&self) -> Coverage {
        let flows = self.shards.iter().any(|shard| shard.counts().flowing > 0);
        let roster_read = self.users.was_read() && self.queues.was_read();
        let whole = self.shards.iter().all(super::shard::Shard::is_whole);
        let refused: usize = self.shards.iter().map(|shard| shard.counts().refused).sum();
        let feed = match (
            flows,
            roster_read && whole && refused == 0 && self.unplaced.is_empty(),
        ) {
            (true, true) => Feed::Up,
            (true, false) => Feed::Degraded,
            (false, _) => Feed::Down,
        };
        let trouble = self
            .trouble(roster_read, whole)
            .filter(|_| feed != Feed::Up);
        let (why, message) = match trouble {
            Some(trouble) => (trouble.why, trouble.message.clone()),
            None if feed == Feed::Up => self.up(),
            None => self.not_up(roster_read, whole),
        };
        let basis = ScopeBasis {
            feed,
            roster_read,
            shards: self
                .shards
                .iter()
                .map(|shard| (shard.revision(), shard.is_whole()))
                .collect(),
            unplaced: self.unplaced_revision,
        };
        let scope = match &self.coverage {
            Some(told) if told.basis == basis => told.scope.clone(),
            Some(_) | None if feed == Feed::Degraded && roster_read => self.scope(),
            Some(_) | None => Scope::default(),
        };
        Coverage {
            feed,
            why,
            scope,
            message: message.into(),
            cause: trouble.map(|trouble| trouble.cause().clone()),
            basis,
        }
    }

    fn up(&self) -> (Why, String) {
        match self.token.errand.trouble() {
            // Nothing is missed as long as the sockets stay, but no operator wants to learn it when they do not.
            Some(trouble) if trouble.why == Why::CredentialsRefused => (
                trouble.why,
                format!(
                    "{}. The feed goes on for as long as its connections last",
                    trouble.message
                ),
            ),
            Some(_) | None => (
                Why::None,
                format!(
                    "{} users and {} queues are followed",
                    self.users.len(),
                    self.queues.len()
                ),
            ),
        }
    }

    /// Without any trouble.
    fn not_up(&self, roster_read: bool, whole: bool) -> (Why, String) {
        if !whole {
            return (Why::Connecting, "Channels are being connected".to_owned());
        }
        if !self.unplaced.is_empty() {
            let users = self
                .unplaced
                .iter()
                .filter(|subject| matches!(subject, Subject::User(_)))
                .count();
            return (
                Why::Limit,
                format!(
                    "{users} users and {} queues are not followed: together with the {} that are they need more than \
                     {MOST_CHANNELS} of the 20 notification channels that the platform gives a client id. Divide the \
                     users among several adapters with a client id of their own",
                    self.unplaced.len() - users,
                    self.placed.len(),
                ),
            );
        }
        let mut refusals = self
            .shards
            .iter()
            .flat_map(super::shard::Shard::refusals)
            .peekable();
        if let Some(first) = refusals.peek().map(|(_, refusal)| refusal.reason.clone()) {
            let topics: usize = refusals.map(|(_, refusal)| refusal.topics.len()).sum();
            return (
                Why::PermissionMissing,
                format!(
                    "The platform refused {topics} topics, the first with: {first}. Check the roles and divisions of \
                     the OAuth client; refused topics are asked for again every hour"
                ),
            );
        }
        if !roster_read {
            return (Why::Connecting, "The roster is being read".to_owned());
        }
        (
            Why::PermissionMissing,
            "The region lists no user and no queue with members: check the roles and divisions of the OAuth client"
                .to_owned(),
        )
    }

    /// The trouble that stands in the way of the rest: without a token there is no roster, without a roster no topic.
    fn trouble(&self, roster_read: bool, whole: bool) -> Option<&Trouble> {
        let token = self.token.errand.trouble();
        let roster = [self.users.errand.trouble(), self.queues.errand.trouble()]
            .into_iter()
            .flatten()
            .next()
            .filter(|_| !roster_read);
        let shards = self
            .shards
            .iter()
            .filter(|shard| !whole && !shard.is_whole())
            .find_map(|shard| {
                [
                    shard.create.trouble(),
                    shard.probe.trouble(),
                    shard.subscribe.trouble(),
                    shard.trouble.as_ref(),
                ]
                .into_iter()
                .flatten()
                .next()
            });
        token.or(shards).or(roster)
    }

    fn scope(&self) -> Scope {
        let mut users: Vec<UserId> = Vec::new();
        let mut topics: Vec<Topic> = Vec::new();
        let mut add = |subject: &Subject| match subject {
            Subject::User(id) => users.push(id.clone()),
            Subject::Queue(_) => topics.extend(subject.topic()),
        };
        for shard in &self.shards {
            if shard.is_whole() {
                shard
                    .refusals()
                    .filter(|(_, refusal)| refusal.total)
                    .for_each(|(subject, _)| add(subject));
            } else {
                shard.silent().for_each(&mut add);
            }
        }
        self.unplaced.iter().for_each(&mut add);
        topics.extend(self.shards.iter().flat_map(|shard| {
            shard
                .refusals()
                .flat_map(|(_, refusal)| refusal.topics.clone())
        }));
        users.sort_unstable();
        users.dedup();
        topics.sort_unstable();
        topics.dedup();
        Scope {
            users: users.into(),
            topics: topics.into(),
        }
    }
}
