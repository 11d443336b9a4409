//! What a journal keeps of what was told, and what holds of feeds that go on from it.

use std::collections::{BTreeMap, BTreeSet};

use genesys_cloud_adapter::model::event::{Event, EventKind, Subject};

/// What a journal keeps of what was told: all of each conversation that was not told to be terminated, each user's last
/// change of station, and of those conversations that were told to the end all or that alone.
pub(crate) fn kept(told: &[Event], ended: Ended) -> Vec<Event> {
    let over: BTreeSet<String> = (told.iter())
        .filter(|event| event.kind == EventKind::CallTerminated)
        .filter_map(conversation)
        .collect();
    let mut stations: BTreeMap<String, usize> = BTreeMap::new();
    for (at, event) in told.iter().enumerate() {
        if let Subject::Agent { user, .. } = &event.subject
            && matches!(
                event.kind,
                EventKind::StationAssociated | EventKind::StationLeft
            )
        {
            stations.insert(user.id.to_string(), at);
        }
    }
    let is_kept = |(at, event): &(usize, &Event)| match conversation(event) {
        Some(id) if over.contains(&id) && ended == Ended::Named => {
            event.kind == EventKind::CallTerminated
        }
        Some(_) => true,
        None => stations.values().any(|last| last == at),
    };
    (told.iter().enumerate().filter(is_kept))
        .map(|(_, event)| event.clone())
        .collect()
}

/// What is kept of conversations that were told to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Whole,
    Named,
}

pub(crate) fn conversation(event: &Event) -> Option<String> {
    match &event.subject {
        Subject::Connection(facts) => Some(facts.conversation.to_string()),
        _ => None,
    }
}

/// Connections without exactly one clear.
pub(crate) fn clears(events: &[Event]) -> Vec<String> {
    let mut legs: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for event in events {
        let Subject::Connection(facts) = &event.subject else {
            continue;
        };
        let place = match event.kind {
            EventKind::Established => 0,
            EventKind::ConnectionCleared => 1,
            _ => continue,
        };
        let leg = facts.participant.as_ref().unwrap();
        legs.entry(format!("{} {leg}", facts.conversation))
            .or_default()[place] += 1;
    }
    (legs.iter())
        .filter(|(_, [established, cleared])| established > cleared || *cleared == 0)
        .map(|(leg, counts)| format!("{leg}: established and cleared {counts:?} times"))
        .collect()
}
