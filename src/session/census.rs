//! The census of channels: how many of the client id's channels this adapter did not make.
//!
//! The platform keeps 20 channels for a client id and gives the oldest away when one more is made, so a second program
//! on the same client id takes channels from the first. The platform shows ids only of the channels of the token that
//! asks; the others it counts. What of those an earlier token of this adapter made is known here and not counted as
//! foreign; what an earlier start of it made cannot be told from another program's, and is a matter of alarm only when
//! it grows.

use std::collections::VecDeque;
use std::time::Duration;

use super::Session;
use super::errand::Errand;
use super::request::What;
use super::shard::Shard;
use crate::model::id::ChannelId;
use crate::model::log::LogLevel;
use crate::model::order::Request;
use crate::model::time::Now;

/// How often the channels are counted when nothing is lost.
const INTERVAL: Duration = Duration::from_secs(3600);
/// How often at the most.
const NOT_SOONER: Duration = Duration::from_secs(120);
/// The platform keeps no more for a client id.
const MOST: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) errand: Errand,
    /// When it is due; it may have to wait for the errand.
    due: Option<Duration>,
    /// When the channels were counted last.
    counted: Option<Duration>,
    /// Whether a channel was asked for while the channels were being counted: nobody knows whether it was among them.
    blurred: bool,
    /// Channels that were left, and when they end: newest last.
    left: VecDeque<(ChannelId, Duration)>,
    foreign: usize,
    /// The fewest foreign channels since the start: what was there before it, or is less than that by now.
    fewest: Option<usize>,
}

/// What a census found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No channel that need be told of.
    Nothing,
    /// So many that were there before the first census.
    Before(usize),
    /// So many, and more than there were.
    More(usize),
}

impl Census {
    /// When the next one is due, if none is under way.
    pub(super) fn due(&self) -> Option<Duration> {
        self.errand
            .is_idle()
            .then(|| self.due.unwrap_or_default().max(self.errand.not_before()))
    }

    /// A channel was taken away: someone may have made one.
    pub(super) fn want(&mut self, now: Duration) {
        let soonest = self.counted.map_or(now, |at| at + NOT_SOONER);
        self.due = self.due.map(|due| due.min(soonest.max(now)));
    }

    /// A channel is being made: a count that is under way says nothing.
    pub(super) const fn blur(&mut self) {
        self.blurred = !self.errand.is_idle();
    }

    /// A channel of ours was left; it stays until its end, or until another needs its place.
    pub(super) fn left(&mut self, channel: ChannelId, ends_at: Duration, now: Duration) {
        self.left.retain(|(_, end)| *end > now);
        self.left.push_back((channel, ends_at));
        if self.left.len() > MOST {
            self.left.pop_front();
        }
    }

    /// Takes the platform's answer. `ours`: the channels that are used.
    pub(super) fn count<'a>(
        &mut self,
        own: &[ChannelId],
        others: usize,
        ours: impl Iterator<Item = &'a ChannelId>,
        now: Duration,
    ) -> Found {
        self.errand.succeeded(now);
        self.counted = Some(now);
        if std::mem::take(&mut self.blurred) {
            self.due = Some(now + NOT_SOONER);
            return Found::Nothing;
        }
        self.due = Some(now + INTERVAL);
        self.left.retain(|(_, end)| *end > now);
        let is_hidden = |channel: &&ChannelId| !own.contains(*channel);
        let left = self.left.iter().map(|(channel, _)| channel);
        let hidden = ours.filter(is_hidden).count() + left.filter(is_hidden).count();
        let before = self.foreign;
        self.foreign = others.saturating_sub(hidden);
        let fewest = self.fewest;
        self.fewest = Some(fewest.unwrap_or(self.foreign).min(self.foreign));
        match fewest {
            None if self.foreign > 0 => Found::Before(self.foreign),
            Some(fewest) if self.foreign > fewest && self.foreign > before => {
                Found::More(self.foreign)
            }
            None | Some(_) => Found::Nothing,
        }
    }

    /// Channels of the client id that this adapter did not make, as the last census counted them.
    pub(super) const fn foreign(&self) -> usize {
        self.foreign
    }
}

impl Session {
    pub(super) fn count_channels(&mut self, now: Now) {
        if self.users.was_read()
            && self.queues.was_read()
            && let Some(due) = self.census.due()
            && self.is_due(due, now)
            && !self.is_making_a_channel()
            && self.may_ask(What::Census, now)
        {
            self.ask(What::Census, Request::Channels, now);
        }
    }

    /// The answer to a census would not say whether it counts a channel that is being made.
    pub(super) fn is_making_a_channel(&self) -> bool {
        let mut lines = self.shards.iter().flat_map(Shard::lines);
        lines.any(|line| !line.create.is_idle())
            || self.asked.values().any(|asked| asked.what == What::Orphan)
    }

    pub(super) fn take_census(&mut self, own: &[ChannelId], others: usize, now: Now) {
        let Self { census, shards, .. } = self;
        let lines = shards.iter().flat_map(Shard::lines);
        let ours = lines.filter_map(|line| line.channel.as_ref().map(|channel| &channel.id));
        match census.count(own, others, ours, now.elapsed) {
            Found::Nothing => {}
            Found::Before(foreign) => self.log(
                LogLevel::Info,
                format!(
                    "The client id has {foreign} notification channels that were there before: of a peer, of an \
                     earlier start, or of another program that uses this client id"
                ),
            ),
            // A peer makes channels too.
            Found::More(_) if self.role.is_some() => {}
            Found::More(foreign) => self.log(
                LogLevel::Error,
                format!(
                    "Another program uses this client id: {foreign} of its notification channels were not made here. \
                     The platform keeps 20 and gives the oldest away, so the two take channels from each other. Give \
                     each program an OAuth client of its own"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::order::OrderId;
    use crate::settings::RetryRules;

    const S: Duration = Duration::from_secs(1);

    fn id(n: u32) -> ChannelId {
        ChannelId::from(format!("c{n}").as_str())
    }

    #[test]
    fn what_we_made_is_not_foreign_whether_its_token_is_the_newest_or_not() {
        let mut census = Census::default();
        census.left(id(9), S * 5000, S);
        let ours = [id(1), id(2)];
        // The newest token made the second; the first and the one that was left are counted without their ids.
        assert_eq!(census.count(&[id(2)], 2, ours.iter(), S), Found::Nothing);
        assert_eq!(census.count(&[id(2)], 3, ours.iter(), S), Found::More(1));
        assert_eq!(census.count(&[id(2)], 3, ours.iter(), S), Found::Nothing);
        assert_eq!(census.count(&[id(2)], 5, ours.iter(), S), Found::More(3));
        assert_eq!(census.foreign(), 3);
        // The one that was left has ended by itself.
        assert_eq!(
            census.count(&[id(2)], 4, ours.iter(), S * 5000),
            Found::Nothing
        );
        assert_eq!(census.foreign(), 3);
    }

    #[test]
    fn what_was_there_before_the_start_is_told_apart_from_what_comes() {
        let mut census = Census::default();
        assert_eq!(
            census.count(&[id(1)], 4, [id(1)].iter(), S),
            Found::Before(4)
        );
        assert_eq!(census.count(&[id(1)], 2, [id(1)].iter(), S), Found::Nothing);
        assert_eq!(census.count(&[id(1)], 3, [id(1)].iter(), S), Found::More(3));
    }

    #[test]
    fn a_count_during_which_a_channel_was_made_says_nothing_and_is_repeated() {
        let mut census = Census::default();
        census.blur();
        assert_eq!(census.count(&[], 0, [].iter(), S), Found::Nothing);
        assert_eq!(census.due(), Some(S * 3601), "nothing was being counted");
        census.errand.sent(OrderId(1), &RetryRules::default(), S);
        census.blur();
        assert_eq!(census.count(&[], 1, [].iter(), S * 10), Found::Nothing);
        assert_eq!((census.foreign(), census.due()), (0, Some(S * 130)));
        census.errand.sent(OrderId(2), &RetryRules::default(), S);
        assert_eq!(
            census.count(&[id(1)], 0, [id(1)].iter(), S * 130),
            Found::Nothing
        );
        assert_eq!(census.due(), Some(S * 3730));
    }

    #[test]
    fn counted_every_hour_and_soon_after_a_loss_but_not_in_a_storm() {
        let mut census = Census::default();
        assert_eq!(census.due(), Some(Duration::ZERO));
        census.count(&[], 0, [].iter(), S * 100);
        assert_eq!(census.due(), Some(S * 3700));
        for n in 0..50 {
            census.want(S * (130 + n));
        }
        assert_eq!(census.due(), Some(S * 220));
        census.want(S * 1000);
        assert_eq!(census.due(), Some(S * 220), "it was due already");
    }
}
