//! What a read still tells of connections whose end was told: holds and parkings of a gap.
//!
//! Topics flow again before everything of a gap is read. So the end of a connection, or of the whole conversation, may be told
//! first, by a notification or by a read that knew less. What a later read then shows to have happened before is told all
//! the same, once, with the platform's time, under the id that it would have had. It opens nothing again.

use std::collections::VecDeque;

use super::agent::Agents;
use super::conversation::Conversation;
use super::identity::Scribe;
use super::leg::Leg;
use super::party::{LegView, Party};
use super::snapshot::Snapshot;
use super::telling::{Showing, Telling, Voice};
use super::tombstone::{Remembered, Tombstone};
use crate::model::event::{Event, Source};
use crate::model::time::Now;

impl Conversation {
    /// A read shows the conversation, of which only a grave is left. Returns the grave with what is told now, if anything is.
    pub(crate) fn tell_of_buried(
        mut self,
        snapshot: &Snapshot,
        source: Source,
        now: Now,
        agents: &Agents,
        scribe: &mut Scribe,
        events: &mut VecDeque<Event>,
    ) -> Option<Tombstone> {
        let showing = Showing {
            read_as: Some(source),
            ..Showing::apart(snapshot.head(), now, agents)
        };
        let mut telling = Telling::default();
        let mut voice = Voice {
            showing: &showing,
            scribe,
            telling: &mut telling,
        };
        for party in snapshot.parties() {
            for (ordinal, view) in party.legs.iter().enumerate() {
                if self.was_told(&Remembered::Leg(&party.id, ordinal)) {
                    self.tell_of_before(party, ordinal, view, &mut voice);
                }
            }
        }
        let is_any = telling.len() > 0;
        telling.hand_on(events);
        self.into_grave().filter(|_| is_any)
    }

    /// A read shows a connection that was told to its end before the conversation ended.
    pub(super) fn tell_of_before(
        &mut self,
        party: &Party,
        ordinal: usize,
        view: &LegView,
        voice: &mut Voice<'_>,
    ) {
        let mut leg = Leg::new(&self.id, &self.root, party, ordinal);
        let Some(grave) = self.grave_mut() else {
            return;
        };
        leg.recall(view, grave);
        leg.show_again(party, view, voice);
        leg.remember_spells(|what| grave.add(&what));
    }
}
