//! How each agent was, and when: presences and routing statuses with their times, as the analytics interface keeps them.
//! Written when one of them changes, by whoever changes it.

use std::collections::VecDeque;

use super::{RoutingStatus, World};
use crate::time::Time;

/// A time in which something stayed as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell<T> {
    /// What it was.
    pub what: T,
    /// Since when.
    pub from: Time,
    /// Until when; `None`: it still is.
    pub to: Option<Time>,
}

/// How one agent was, the oldest spells first.
#[derive(Debug, Clone, Default)]
pub struct History {
    presences: VecDeque<Spell<usize>>,
    routing: VecDeque<Spell<RoutingStatus>>,
}

impl History {
    /// The presences, by their index in the organization's definitions.
    #[must_use]
    pub const fn presences(&self) -> &VecDeque<Spell<usize>> {
        &self.presences
    }

    /// The routing statuses.
    #[must_use]
    pub const fn routing(&self) -> &VecDeque<Spell<RoutingStatus>> {
        &self.routing
    }
}

fn change<T>(spells: &mut VecDeque<Spell<T>>, what: T, from: Time) {
    if let Some(last) = spells.back_mut() {
        last.to = Some(from);
    }
    spells.push_back(Spell {
        what,
        from,
        to: None,
    });
}

fn forget<T>(spells: &mut VecDeque<Spell<T>>, before: Time) {
    spells.retain(|spell| spell.to.is_none_or(|to| to >= before));
}

impl World {
    /// How a user was, by the user's index.
    #[must_use]
    pub fn history(&self, user: usize) -> Option<&History> {
        self.histories.get(user)
    }

    pub(super) fn note_presence(&mut self, user: usize) {
        if let (Some(agent), Some(history)) = (self.agents.get(user), self.histories.get_mut(user))
        {
            change(&mut history.presences, agent.presence, agent.presence_since);
        }
    }

    pub(super) fn note_routing(&mut self, user: usize) {
        if let (Some(agent), Some(history)) = (self.agents.get(user), self.histories.get_mut(user))
        {
            change(&mut history.routing, agent.routing, agent.routing_since);
        }
    }

    pub(super) fn forget_histories(&mut self, before: Time) {
        for history in &mut self.histories {
            forget(&mut history.presences, before);
            forget(&mut history.routing, before);
        }
    }
}
