//! Consults that an earlier process told of: made again from these events.

use super::{Asked, Consult, Consults};
use crate::calls::identity::{Fact, Occurrence, Scribe};
use crate::model::event::{Detail, Event, EventKind};
use crate::model::id::{ConversationId, ParticipantId};

impl Consults {
    /// This event of a consult was told; `known` are all who take part in the conversation.
    pub(in super::super) fn restore(
        &mut self,
        event: &Event,
        conversation: &ConversationId,
        asker: Option<&ParticipantId>,
        known: &[ParticipantId],
        scribe: &mut Scribe,
    ) {
        let is_start = event.kind == EventKind::ConsultStarted;
        let asked = match event.detail.as_deref() {
            Some(Detail::Related {
                conversation: Some(other),
                ..
            }) => Some(Asked::Conversation(other.clone())),
            Some(Detail::Related { new: Some(new), .. }) => {
                Some(Asked::Party(new.participant.clone()))
            }
            // Nothing was known of whom it asks when that was told. The id knows.
            _ => {
                let mut is_asked = |asked: &&ParticipantId| {
                    let fact = Fact {
                        kind: if is_start {
                            EventKind::ConsultStarted
                        } else {
                            EventKind::ConsultCompleted
                        },
                        subject: conversation.as_str(),
                        part: asker.map_or("", |asker| asker.as_str()),
                        ordinal: 0,
                        occurrence: Occurrence::Once,
                        apart: &[asked.as_str()],
                    };
                    scribe.id_of(fact) == event.id
                };
                let asked = known.iter().find(|asked| is_asked(asked));
                asked.map(|asked| Asked::Party(asked.clone()))
            }
        };
        let Some(asked) = asked else { return };
        let is_it = |known: &Consult| known.asker.as_ref() == asker && known.asked == asked;
        let at = self.0.iter().position(is_it).unwrap_or_else(|| {
            self.0.push(Consult {
                asker: asker.cloned(),
                asked,
                is_over: false,
                is_undecided: false,
                // Between that process and this one.
                is_unheard: true,
                gone_until: None,
            });
            self.0.len() - 1
        });
        self.0[at].is_over |= !is_start;
    }
}
