//! The orders in which the bodies of a day may arrive.

use std::collections::HashMap;

use gca_region::chance::Chance;
use gca_region::time::{Millis, Time};
use gca_region::world::Shown;

use super::Day;

/// Bodies with the time of their arrival, in the order in which they arrive.
pub(crate) type Arrivals<'a> = Vec<(Time, &'a Shown)>;

/// As they were published.
pub(crate) fn at_once(day: &Day) -> Arrivals<'_> {
    day.shown.iter().map(|shown| (shown.at, shown)).collect()
}

/// Each topic in its order, each body up to `late` later than published.
pub(crate) fn each_topic_in_order<'a>(
    day: &'a Day,
    late: Millis,
    chance: &mut Chance,
) -> Arrivals<'a> {
    let mut last: HashMap<&str, Time> = HashMap::new();
    let mut arrivals: Vec<(Time, usize)> = Vec::new();
    for (index, shown) in day.shown.iter().enumerate() {
        let last = last.entry(&shown.topic).or_default();
        *last = (*last).max(shown.at + chance.between(0, late.0));
        arrivals.push((*last, index));
    }
    arrivals.sort_unstable();
    let shown = |(at, index): (Time, usize)| (at, &day.shown[index]);
    arrivals.into_iter().map(shown).collect()
}

/// Bodies overtake each other within their topics too.
pub(crate) fn in_no_order<'a>(day: &'a Day, late: Millis, chance: &mut Chance) -> Arrivals<'a> {
    let mut arrivals: Vec<(Time, usize)> = (day.shown.iter().enumerate())
        .map(|(index, shown)| (shown.at + chance.between(0, late.0), index))
        .collect();
    arrivals.sort_unstable();
    let shown = |(at, index): (Time, usize)| (at, &day.shown[index]);
    arrivals.into_iter().map(shown).collect()
}

/// A `share` of them twice, the second right behind the first.
pub(crate) fn twice<'a>(
    arrivals: &[(Time, &'a Shown)],
    share: f64,
    chance: &mut Chance,
) -> Arrivals<'a> {
    let mut doubled = Vec::new();
    for arrival in arrivals {
        doubled.push(*arrival);
        if chance.share(share) {
            doubled.push(*arrival);
        }
    }
    doubled
}

/// All of them on a second channel too, which is up to `late` later than the first; each has its bodies in order.
pub(crate) fn on_two_channels<'a>(
    arrivals: &[(Time, &'a Shown)],
    late: Millis,
    chance: &mut Chance,
) -> Arrivals<'a> {
    let mut both: Vec<(Time, usize)> = (arrivals.iter().enumerate())
        .map(|(index, (at, _))| (*at, index))
        .collect();
    let mut last = Time::default();
    for (index, (at, _)) in arrivals.iter().enumerate() {
        last = last.max(*at + chance.between(0, late.0));
        both.push((last, index));
    }
    // Of two at one moment, the first channel's is first.
    both.sort_by_key(|(at, _)| *at);
    let shown = |(at, index): (Time, usize)| (at, arrivals[index].1);
    both.into_iter().map(shown).collect()
}

/// After a `share` of them, an earlier body of the same topic and conversation comes again, if `may` says so of it and of
/// the one before.
pub(crate) fn with_stale<'a>(
    arrivals: &[(Time, &'a Shown)],
    share: f64,
    may: impl Fn(&Shown, &Shown) -> bool,
    chance: &mut Chance,
) -> Arrivals<'a> {
    let mut before: HashMap<(&str, &str), Vec<&'a Shown>> = HashMap::new();
    let mut repeated = Vec::new();
    for (at, shown) in arrivals {
        repeated.push((*at, *shown));
        // A body of a conversation begins with its id.
        let of = shown.body.get(..44).unwrap_or_default();
        let before = before.entry((&shown.topic, of)).or_default();
        if chance.share(share)
            && let Some(stale) = before.get(chance.below(before.len()))
            && may(stale, shown)
        {
            repeated.push((*at, *stale));
        }
        before.push(*shown);
    }
    repeated
}

/// Only those of which `keep` holds.
pub(crate) fn only<'a>(
    arrivals: &[(Time, &'a Shown)],
    keep: impl Fn(&Shown) -> bool,
) -> Arrivals<'a> {
    let kept = arrivals.iter().filter(|(_, shown)| keep(shown));
    kept.copied().collect()
}

/// A shape of conversation bodies, or the topics of agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Nested,
    Flat,
    OfAgents,
}

/// Whether an adapter subscribes to the topic. Of an agent's activity it is told by presence and routing status.
pub(crate) fn is_followed(topic: &str) -> bool {
    !topic.ends_with(".activity")
}

/// What comes on a topic.
pub(crate) fn form(topic: &str) -> Form {
    if topic.ends_with(".conversations") {
        Form::Nested
    } else if topic.ends_with(".conversations.calls") {
        Form::Flat
    } else {
        Form::OfAgents
    }
}
