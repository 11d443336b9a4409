//! What one topic has shown of a conversation: as much of it as tells what is the same in its next body, what is older, and
//! which changes are its own. What a body says itself stays with the last snapshots, and goes with them.

use std::sync::Arc;

use super::agent::Agents;
use super::leg::Seen;
use super::member::Heard;
use super::party::{AfterCallWork, LegView, Party};
use super::snapshot::{Origin, Snapshot, Stamp};
use super::topic::Shape;
use crate::model::id::{ParticipantId, QueueId, UserId};
use crate::model::time::UtcMicros;

/// What one topic has shown of a conversation.
#[derive(Debug)]
pub(super) struct TopicView {
    pub(super) subject: Subject,
    shape: Shape,
    /// Whether none of its bodies can have been missed.
    pub(super) is_level: bool,
    /// Of its last body. Topics of one shape show the same, so they share it.
    last: Arc<LastBody>,
    /// By the index of the leg in the conversation. Topics that have shown the same share it, and so with the next.
    seen: Arc<Vec<Seen>>,
    /// By the index of the member in the conversation.
    heard: Arc<Vec<Heard>>,
}

/// A body, as far as the next one is compared with it.
#[derive(Debug, Clone, Default)]
pub(super) struct LastBody {
    secure_pause: Option<bool>,
    /// How many conversations it listed as begun for this one.
    consultations: u32,
    parties: Vec<SeenParty>,
    /// The legs of all parties, one after the other.
    legs: Vec<SeenLeg>,
}

/// A participant, as far as the next body is compared with it.
#[derive(Debug, Clone)]
struct SeenParty {
    id: ParticipantId,
    stamp: Stamp,
    legs: u32,
    /// Work after the call, and when a wrap-up was given: most have none.
    work: Option<Box<SeenWork>>,
}

/// A call of a participant.
#[derive(Debug, Clone)]
struct SeenLeg {
    hold_start: Option<UtcMicros>,
    rank: u8,
}

#[derive(Debug, Clone)]
struct SeenWork {
    given: Option<UtcMicros>,
    after_call_work: AfterCallWork,
}

/// Whose topic it is.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    User(UserId),
    Queue(QueueId),
}

impl Subject {
    pub(super) fn is_user(&self, id: &UserId) -> bool {
        matches!(self, Self::User(user) if user == id)
    }

    fn is_of(&self, origin: Origin<'_>) -> bool {
        match self {
            Self::User(user) => !origin.on_queue && user.as_str() == origin.subject,
            Self::Queue(queue) => origin.on_queue && queue.as_str() == origin.subject,
        }
    }
}

impl TopicView {
    pub(super) fn of(origin: Origin<'_>, agents: &Agents) -> Self {
        let subject = if origin.on_queue {
            Subject::Queue(agents.queue_id(origin.subject))
        } else {
            Subject::User(agents.user_id(origin.subject))
        };
        Self::new(subject, origin.shape)
    }

    /// What answers to reads are compared with: nothing.
    pub(super) fn of_read() -> Self {
        Self::new(Subject::User(UserId::from("")), Shape::Nested)
    }

    fn new(subject: Subject, shape: Shape) -> Self {
        Self {
            subject,
            shape,
            is_level: true,
            last: Arc::default(),
            seen: Arc::default(),
            heard: Arc::default(),
        }
    }

    pub(super) fn is_of(&self, origin: Origin<'_>) -> bool {
        self.shape == origin.shape && self.subject.is_of(origin)
    }

    /// So many legs are to come.
    pub(super) fn expect(&mut self, legs: usize) {
        Arc::make_mut(&mut self.seen).reserve_exact(legs);
    }

    /// What it has shown of the leg that has this index in the conversation.
    pub(super) fn seen(&mut self, leg: usize) -> &mut Seen {
        let seen = Arc::make_mut(&mut self.seen);
        if seen.len() <= leg {
            seen.reserve_exact(leg + 1 - seen.len());
            seen.resize_with(leg + 1, Seen::default);
        }
        &mut seen[leg]
    }

    /// Whether it shows how often this leg was muted.
    pub(super) fn counts(&self, leg: usize) -> bool {
        self.seen.get(leg).is_some_and(Seen::counts)
    }

    /// What it has shown of the attributes of the member that has this index in the conversation.
    pub(super) fn heard(&mut self, member: usize) -> &mut Heard {
        let heard = Arc::make_mut(&mut self.heard);
        if heard.len() <= member {
            heard.reserve_exact(member + 1 - heard.len());
            heard.resize_with(member + 1, Heard::default);
        }
        &mut heard[member]
    }

    /// Whether it has shown nothing yet.
    pub(super) fn is_new(&self) -> bool {
        self.last.parties.is_empty()
    }

    /// Whether the body tells the same of the conversation itself, as far as participants depend on it.
    pub(super) fn has_same_head(&self, snapshot: &Snapshot) -> bool {
        self.last.secure_pause == snapshot.head().secure_pause
    }

    /// Whether what stands at this place was shown there before.
    pub(super) fn has_shown(&self, place: usize, stamp: Stamp) -> bool {
        self.last.has_at(place, stamp)
    }

    pub(super) fn shows_the_same(&self, snapshot: &Snapshot) -> bool {
        self.last.is_of(snapshot)
    }

    /// Whether the body is older than what this topic has already shown: a participant or call is gone, went back, or
    /// shows a time that is earlier than the one before.
    pub(super) fn is_past(&self, snapshot: &Snapshot) -> bool {
        let mut legs = &self.last.legs[..];
        self.last.parties.iter().enumerate().any(|(place, seen)| {
            let (own, rest) = legs.split_at(seen.legs as usize);
            legs = rest;
            if snapshot.stamp(place) == Some(seen.stamp) {
                return false;
            }
            let shown = snapshot
                .parties()
                .nth(place)
                .filter(|shown| shown.id == seen.id);
            let shown = shown.or_else(|| snapshot.parties().find(|shown| shown.id == seen.id));
            shown.is_none_or(|shown| seen.is_newer_than(shown, own))
        })
    }

    /// The body was told. One of `others` may have shown it already.
    pub(super) fn take(&mut self, snapshot: &Snapshot, others: &[Self]) {
        for other in others {
            if self.seen == other.seen {
                self.seen = Arc::clone(&other.seen);
            }
            if self.heard == other.heard {
                self.heard = Arc::clone(&other.heard);
            }
        }
        match others.iter().find(|other| other.shows_the_same(snapshot)) {
            Some(other) => self.last = Arc::clone(&other.last),
            None => Arc::make_mut(&mut self.last).become_like(snapshot),
        }
    }

    /// Bodies may have been missed.
    pub(super) fn interrupt(&mut self) {
        Arc::make_mut(&mut self.seen)
            .iter_mut()
            .for_each(Seen::interrupt);
        self.heard = Arc::default();
        self.is_level = true;
    }
}

impl LastBody {
    fn has_at(&self, place: usize, stamp: Stamp) -> bool {
        self.parties
            .get(place)
            .is_some_and(|seen| seen.stamp == stamp)
    }

    fn is_of(&self, snapshot: &Snapshot) -> bool {
        self.secure_pause == snapshot.head().secure_pause
            && self.consultations == count(snapshot.head().consultations.len())
            && self.parties.len() == snapshot.parties().len()
            && (snapshot.stamps().enumerate()).all(|(place, stamp)| self.has_at(place, stamp))
    }

    fn become_like(&mut self, snapshot: &Snapshot) {
        self.secure_pause = snapshot.head().secure_pause;
        self.consultations = count(snapshot.head().consultations.len());
        let shown = || snapshot.parties().zip(snapshot.stamps());
        self.parties.truncate(shown().len());
        self.parties
            .reserve_exact(shown().len() - self.parties.len());
        for (place, (party, stamp)) in shown().enumerate() {
            match self.parties.get_mut(place) {
                Some(seen) if seen.stamp == stamp => {}
                Some(seen) => seen.become_like(party, stamp),
                None => self.parties.push(SeenParty::of(party, stamp)),
            }
        }
        let legs = || snapshot.parties().flat_map(|party| &party.legs);
        self.legs.clear();
        self.legs
            .reserve_exact(snapshot.parties().map(|party| party.legs.len()).sum());
        self.legs.extend(legs().map(SeenLeg::of));
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

impl SeenParty {
    fn of(party: &Party, stamp: Stamp) -> Self {
        Self {
            id: party.id.clone(),
            stamp,
            legs: count(party.legs.len()),
            work: SeenWork::of(party),
        }
    }

    fn become_like(&mut self, party: &Party, stamp: Stamp) {
        if self.id == party.id {
            self.stamp = stamp;
            self.legs = count(party.legs.len());
            self.work = SeenWork::of(party);
        } else {
            *self = Self::of(party, stamp);
        }
    }

    /// Whether the participant is shown as it was before, as far as steps and the platform's times can tell.
    fn is_newer_than(&self, shown: &Party, legs: &[SeenLeg]) -> bool {
        let went_back = |(ordinal, seen): (usize, &SeenLeg)| {
            shown
                .legs
                .get(ordinal)
                .is_none_or(|shown| seen.is_newer_than(shown))
        };
        legs.iter().enumerate().any(went_back)
            || (self.work.as_ref()).is_some_and(|work| work.is_newer_than(shown))
    }
}

impl SeenLeg {
    fn of(view: &LegView) -> Self {
        Self {
            hold_start: view.hold_start,
            rank: view.rank(),
        }
    }

    fn is_newer_than(&self, shown: &LegView) -> bool {
        let earlier_hold = shown.hold_start.zip(self.hold_start);
        shown.rank() != 0 && shown.rank() < self.rank
            || earlier_hold.is_some_and(|(shown, seen)| shown < seen)
    }
}

impl SeenWork {
    fn of(party: &Party) -> Option<Box<Self>> {
        let given = party.wrapup.as_ref().and_then(|wrapup| wrapup.given);
        let after_call_work = party.after_call_work;
        let is_any = given.is_some() || after_call_work != AfterCallWork::default();
        is_any.then(|| {
            Box::new(Self {
                given,
                after_call_work,
            })
        })
    }

    fn is_newer_than(&self, shown: &Party) -> bool {
        let given = shown.wrapup.as_ref().and_then(|wrapup| wrapup.given);
        let (work, seen) = (shown.after_call_work, self.after_call_work);
        // Work that began later is that after another call.
        self.given
            .is_some_and(|seen| given.is_none_or(|shown| shown < seen))
            || seen.ended.is_some() && work.ended.is_none() && work.started <= seen.started
    }
}
