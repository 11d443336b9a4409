//! Who comes, leaves and gets another name while a run goes on, and when.
//!
//! Drawn from decks, as the weather is: each kind of change comes once before any comes again. What cannot be done at the
//! moment (everybody is in a call) is tried again soon. Nothing of the kind happens in the last part of a run, so that
//! whoever came is followed by its end.

use std::collections::BTreeMap;
use std::time::Duration;

use gca_region::chance::Chance;
use gca_region::world::RosterChange;

/// The mean time between two changes, where the run is long enough for it.
const BETWEEN: Duration = Duration::from_secs(50 * 60);

/// What could not be done is tried again after this.
const AGAIN: Duration = Duration::from_secs(90);

/// What is still to change.
#[derive(Debug)]
pub(crate) struct Comings {
    chance: Chance,
    deck: Vec<RosterChange>,
    between: Duration,
    next: Duration,
    until: Duration,
    made: BTreeMap<&'static str, u64>,
}

impl Comings {
    /// Up to a time; zero: nothing changes.
    pub(crate) fn new(seed: u64, until: Duration) -> Self {
        let kinds = u32::try_from(RosterChange::ALL.len()).unwrap_or(u32::MAX);
        let made = RosterChange::ALL.iter().map(|change| (name(*change), 0));
        Self {
            chance: Chance::new(seed, "comings"),
            deck: Vec::new(),
            between: BETWEEN.min(until / (kinds + 2)),
            next: until / (kinds + 2),
            until,
            made: if until.is_zero() {
                BTreeMap::new()
            } else {
                made.collect()
            },
        }
    }

    /// When something changes next.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        (self.next < self.until).then_some(self.next)
    }

    /// What changes now.
    pub(crate) fn draw(&mut self) -> RosterChange {
        let wait = self.between.as_secs_f64() * (0.4 + 0.6 * self.chance.unit());
        self.next += Duration::from_secs_f64(wait);
        if self.deck.is_empty() {
            self.deck = RosterChange::ALL.to_vec();
            self.chance.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or(RosterChange::RenameUser)
    }

    /// It was done.
    pub(crate) fn done(&mut self, change: RosterChange) {
        *self.made.entry(name(change)).or_default() += 1;
    }

    /// It could not be done.
    pub(crate) fn not_done(&mut self, change: RosterChange, now: Duration) {
        self.deck.push(change);
        self.next = now + AGAIN.min(self.between);
    }

    /// How often each kind was done, kinds that never were included.
    pub(crate) fn made(&self) -> BTreeMap<&'static str, u64> {
        self.made.clone()
    }
}

fn name(change: RosterChange) -> &'static str {
    match change {
        RosterChange::Hire => "user_added",
        RosterChange::Dismiss => "user_removed",
        RosterChange::RenameUser => "user_renamed",
        RosterChange::OpenQueue => "queue_added",
        RosterChange::CloseQueue => "queue_removed",
        RosterChange::RenameQueue => "queue_renamed",
    }
}
