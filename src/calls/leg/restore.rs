//! A connection that an earlier process knew: made again from the events that were told of it.

use std::sync::Arc;

use super::{End, Leg, Pause};
use crate::calls::identity::Occurrence;
use crate::calls::party::{Phase, Role};
use crate::calls::spell::Begun;
use crate::model::event::{Connection, ConnectionState, Event, EventKind, Source};
use crate::model::id::ParticipantId;
use crate::model::time::UtcMicros;

impl Leg {
    /// One of which something was told; [`restore`](Self::restore) says what.
    pub(in super::super) fn restored(
        facts: &Arc<Connection>,
        participant: &ParticipantId,
        ordinal: usize,
    ) -> Self {
        Self {
            role: Role::of(&facts.purpose).unwrap_or_default(),
            ..Self::unseen(Arc::clone(facts), participant, ordinal)
        }
    }

    /// This event of it was told; `occurrence`: which of its kind, if that is known.
    pub(in super::super) fn restore(
        &mut self,
        event: &Event,
        facts: &Arc<Connection>,
        occurrence: Option<Occurrence>,
    ) {
        use EventKind as Kind;
        self.told.first(event.kind);
        if self.facts != *facts {
            self.facts = Arc::clone(facts);
            self.role = Role::of(&facts.purpose).unwrap_or_default();
        }
        // No other shape tells it.
        self.nested_told |= facts.communication.is_some();
        let begun = match occurrence {
            Some(Occurrence::At(start)) => Some(Begun::Since(start)),
            Some(Occurrence::Nth(number)) => Some(Begun::Nth(number)),
            Some(Occurrence::Once) | None => None,
        };
        let number = match occurrence {
            Some(Occurrence::Nth(number)) => Some(number),
            _ => None,
        };
        let mut is_past = false;
        match event.kind {
            Kind::Held => is_past = !begin(&mut self.spells.get_or_insert_default().hold, begun),
            Kind::Parked => is_past = !begin(&mut self.spells.get_or_insert_default().park, begun),
            Kind::Retrieved => end(&mut self.spells.get_or_insert_default().hold, begun),
            Kind::Unparked => end(&mut self.spells.get_or_insert_default().park, begun),
            Kind::Muted | Kind::Unmuted => {
                self.muted.restore(event.kind == Kind::Muted, number);
            }
            Kind::Confined | Kind::Unconfined => {
                self.confined.restore(event.kind == Kind::Confined, number);
            }
            Kind::RecordingPaused => self.pause.restore(Pause::of_reason(&event.reason), number),
            Kind::RecordingResumed => self.pause.restore(Pause::No, number),
            Kind::PartyAdded => self.conferred = true,
            Kind::ConnectionCleared => {
                if let Some(spells) = &mut self.spells {
                    spells.hold.cut();
                    spells.park.cut();
                }
                self.was_read_over = matches!(event.source, Source::Recovered | Source::Synthetic);
                self.ended = event.platform_time;
                self.end = End::of(&event.raw);
            }
            _ => {}
        }
        // One that tells of a hold which a later one had followed says nothing of the present.
        if event.state != ConnectionState::Unknown && !is_past {
            self.state = event.state;
            self.flags.held = event.held;
            self.flags.muted = event.muted;
            self.flags.confined = event.confined;
            self.flags.secure_pause = event.secure_pause;
        }
        let phase = match event.state {
            ConnectionState::Unknown => Phase::Untold,
            ConnectionState::Initiated | ConnectionState::Alerting => Phase::Alerting,
            ConnectionState::Queued if !self.told.has(Kind::Established) => Phase::Offered,
            ConnectionState::Null => Phase::Over,
            _ => Phase::Connected,
        };
        self.rank = self.rank.max(phase.rank());
        if phase == Phase::Connected {
            // Where the event itself was not kept.
            self.told.first(Kind::Established);
        }
    }

    /// When its holds and parkings began.
    pub(in super::super) fn known_starts(&self) -> impl Iterator<Item = UtcMicros> {
        let spells = self.spells.iter();
        let starts =
            spells.flat_map(|spells| spells.hold.starts().iter().chain(spells.park.starts()));
        starts.rev().copied()
    }

    /// How many changes of what the kind tells are known.
    pub(in super::super) fn changes(&self, kind: EventKind) -> u32 {
        match kind {
            EventKind::Muted | EventKind::Unmuted => self.muted.changes(),
            EventKind::Confined | EventKind::Unconfined => self.confined.changes(),
            EventKind::RecordingPaused | EventKind::RecordingResumed => self.pause.changes(),
            _ => 0,
        }
    }
}

/// Whether it is the latest.
fn begin(spell: &mut super::Spell, begun: Option<Begun>) -> bool {
    match begun {
        Some(Begun::Since(start)) if spell.was_missed(start) => false,
        Some(begun) => {
            let is_latest = spell.begin(begun).began.is_some();
            spell.mark_restored();
            is_latest
        }
        None => true,
    }
}

fn end(spell: &mut super::Spell, begun: Option<Begun>) {
    match begun {
        Some(Begun::Since(start)) => spell.end_of(start),
        Some(Begun::Nth(_)) | None => spell.end(),
    };
}
