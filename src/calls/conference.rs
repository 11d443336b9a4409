//! Conferences: when three people talk, who joined later, and who left.
//!
//! Judged within one body, and by the platform's times, so that it does not matter which body comes first.

use std::sync::Arc;

use super::conversation::Conversation;
use super::identity::Occurrence;
use super::leg::Leg;
use super::party::{LegView, Party};
use super::snapshot::Snapshot;
use super::telling::Voice;
use crate::model::event::{Detail, EventKind};
use crate::model::time::UtcMicros;

/// How many people make a conference.
const CONFERENCE: usize = 3;

/// Tells what the body shows of a conference.
pub(super) fn tell(conversation: &mut Conversation, snapshot: &Snapshot, voice: &mut Voice<'_>) {
    let talks = |party: &Party, leg: &LegView| {
        party.role.is_person()
            && leg.is_connected()
            && leg.held != Some(true)
            && !party.only_observes()
    };
    // Most bodies show two people.
    let talking = |party: &&Party| party.legs.iter().any(|leg| talks(party, leg));
    if snapshot.parties().filter(talking).count() >= CONFERENCE {
        let mut talkers: Vec<(Option<UtcMicros>, usize)> = snapshot
            .parties()
            .flat_map(|party| {
                let legs = party.legs.iter().enumerate();
                let legs = legs.filter(|(_, leg)| talks(party, leg));
                legs.map(move |(ordinal, leg)| (leg.connected, &party.id, ordinal))
            })
            .filter_map(|(connected, id, ordinal)| {
                let known = (conversation.legs.iter())
                    .position(|known| known.participant == *id && known.ordinal == ordinal);
                known.map(|leg| (connected, leg))
            })
            .collect();
        // Without a time: in the order in which they came.
        talkers.sort_by_key(|(connected, leg)| (connected.unwrap_or(UtcMicros(i64::MAX)), *leg));
        joined(conversation, &talkers, voice);
    }
    left(conversation, voice);
}

fn joined(
    conversation: &mut Conversation,
    talkers: &[(Option<UtcMicros>, usize)],
    voice: &mut Voice<'_>,
) {
    let source = voice.showing.news();
    let kind = EventKind::Conferenced;
    let first = voice.telling.len();
    if conversation.first_time(kind) {
        let mut event = conversation.call_event(kind, Occurrence::Once, source, None, voice);
        let parties = talkers.iter().take(CONFERENCE);
        event.detail = Some(Arc::new(Detail::Conference {
            parties: parties
                .map(|(_, leg)| conversation.legs[*leg].reference())
                .collect(),
        }));
        voice.telling.push(event);
    }
    // Who has left or is held was one of those who came before.
    let is_talking = |at: usize| talkers.iter().any(|(_, talker)| *talker == at);
    let silent = (conversation.legs.iter().enumerate())
        .filter(|(at, leg)| leg.conferred && !is_talking(*at))
        .count();
    for (place, (connected, leg)) in talkers.iter().enumerate() {
        let leg = &mut conversation.legs[*leg];
        let is_new = !std::mem::replace(&mut leg.conferred, true);
        if is_new && place + silent >= CONFERENCE {
            leg.tell_once(EventKind::PartyAdded, source, *connected, None, voice);
            if let Some(connected) = connected {
                // A conference that is learned with who joined it began before that.
                voice.telling.date_back(first, *connected);
            }
        }
    }
}

/// Who is over, and leaves two or more to go on.
fn left(conversation: &mut Conversation, voice: &mut Voice<'_>) {
    for at in 0..conversation.legs.len() {
        let leg = &conversation.legs[at];
        if !(leg.conferred && leg.is_cleared()) {
            continue;
        }
        let ended = leg.ended;
        let goes_on = |other: &&Leg| {
            other.conferred
                && (!other.is_cleared() || other.ended.zip(ended).is_some_and(|(o, e)| o > e))
        };
        if conversation.legs.iter().filter(goes_on).count() >= 2 {
            let source = voice.showing.news();
            conversation.legs[at].tell_once(EventKind::PartyLeft, source, ended, None, voice);
        }
    }
}
