//! What the feed covers, why it is not more, and what an operator reads about it.

use std::sync::Arc;

use super::errand::{Cause, Trouble};
use super::line::LineId;
use super::shard::Shard;
use super::subject::Subject;
use super::{Notice, Session};
use crate::model::feed::{Feed, Scope, Why};
use crate::model::id::{Topic, UserId};
use crate::model::time::UtcMicros;

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
    shards: Vec<((LineId, u64), bool)>,
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
    pub(super) fn tell_coverage(&mut self) {
        if self.users.was_read() && self.queues.was_read() {
            self.shards.iter_mut().for_each(Shard::note_complete);
        }
        let coverage = self.coverage();
        let news = !self
            .coverage
            .as_ref()
            .is_some_and(|told| told.says_the_same(&coverage));
        if news {
            self.notices.push_back(Notice::Feed {
                feed: coverage.feed,
                why: coverage.why,
                scope: coverage.scope.clone(),
                message: Arc::clone(&coverage.message),
            });
        }
        self.coverage = Some(coverage);
    }

    pub(super) fn coverage(&self) -> Coverage {
        let flows = self.lines().any(|line| line.following.counts().flowing > 0);
        let roster_read = self.users.was_read() && self.queues.was_read();
        let whole = self.shards.iter().all(Shard::is_whole);
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
        let is_reading = feed == Feed::Up && self.recovery.is_reading();
        let (feed, message) = if is_reading {
            let message = format!("{message}; what was missed before is being read");
            (Feed::Recovering, message)
        } else {
            (feed, message)
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

    /// Up to when everything of the region was heard that this feed may follow: the last frame of the line that has been
    /// silent for longest. `None` while something does not flow that did or should, or what was missed has not been read:
    /// a later life must begin where the feed was whole last.
    #[must_use]
    pub fn covered_until(&self) -> Option<UtcMicros> {
        let roster_read = self.users.was_read() && self.queues.was_read();
        if !roster_read || self.recovery.is_reading() || !self.shards.iter().all(Shard::is_whole) {
            return None;
        }
        let leads = self.shards.iter().map(|shard| &shard.lead);
        let heard = leads.filter(|lead| lead.following.counts().flowing > 0);
        let heard: Option<Vec<UtcMicros>> = heard
            .map(|lead| lead.last_heard().map(|last| last.utc))
            .collect();
        heard?.into_iter().min()
    }

    fn up(&self) -> (Why, String) {
        match self.token_trouble() {
            // Nothing is missed as long as the sockets stay, but no operator wants to learn it when they do not.
            Some(trouble) if trouble.why == Why::CredentialsRefused => (
                trouble.why,
                format!(
                    "{}. The feed goes on for as long as its connections last",
                    trouble.message
                ),
            ),
            Some(_) | None => self.well(),
        }
    }

    /// Everything flows, and there is a token.
    fn well(&self) -> (Why, String) {
        match self.shards.iter().find_map(Shard::lasting_trouble) {
            Some(trouble) => (
                trouble.why,
                format!(
                    "No connection can be renewed: {}. The feed goes on for as long as its connections last",
                    trouble.message
                ),
            ),
            None => (
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
                     {} of the 20 notification channels that the platform gives a client id. Divide the users among \
                     several adapters with a client id of their own",
                    self.unplaced.len() - users,
                    self.placed.len(),
                    self.most_lines(),
                ),
            );
        }
        let mut refusals = self.shards.iter().flat_map(Shard::refusals).peekable();
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
        let token = self.token_trouble();
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
                    shard.lead.create.trouble(),
                    shard.lead.probe.trouble(),
                    shard.lead.subscribe.trouble(),
                    shard.trouble.as_ref(),
                ]
                .into_iter()
                .flatten()
                .next()
            });
        token.or(shards).or(roster)
    }

    /// The trouble with the token of the wire that everything is to be on.
    fn token_trouble(&self) -> Option<&Trouble> {
        self.token(self.target)?.errand.trouble()
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
