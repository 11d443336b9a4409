//! How an agent was, as the analytics interface tells it (`AnalyticsUserDetail`): presences and routing statuses with
//! their times. What still goes on has no end.

use serde_json::Value;

use crate::organization::Organization;
use crate::time::Time;
use crate::world::{History, Spell, presence_word};

/// The part of a day that is told: what lies in an interval, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The start of the interval.
    pub from: Time,
    /// Its end, which does not belong to it.
    pub to: Time,
    /// What happened after this is not known yet.
    pub known: Time,
}

impl Window {
    /// A spell as far as it is known; `None` if it lies outside. It is told with its own times, also where the interval
    /// cuts it.
    fn told<T: Copy>(&self, spell: &Spell<T>) -> Option<Spell<T>> {
        let to = spell.to.filter(|to| *to <= self.known);
        let inside = spell.from < self.to && to.is_none_or(|to| to > self.from);
        (inside && spell.from <= self.known).then_some(Spell { to, ..*spell })
    }
}

/// `AnalyticsUserDetail`.
#[must_use]
pub fn details(
    organization: &Organization,
    user: usize,
    history: &History,
    window: Window,
) -> Value {
    let presences = history.presences().iter();
    let routing = history.routing().iter();
    super::value(|object| {
        object
            .may("userId", organization.users.get(user).map(|user| user.id))
            .list(
                "primaryPresence",
                presences.filter_map(|spell| window.told(spell)),
                |object, spell| {
                    let definition = organization.presence_definitions.get(spell.what);
                    object
                        .has("startTime", spell.from)
                        .may("endTime", spell.to)
                        .has("systemPresence", presence_word(spell.what))
                        .may("organizationPresenceId", definition);
                },
            )
            .list(
                "routingStatus",
                routing.filter_map(|spell| window.told(spell)),
                |object, spell| {
                    object
                        .has("startTime", spell.from)
                        .may("endTime", spell.to)
                        .has("routingStatus", spell.what.word());
                },
            );
    })
}
