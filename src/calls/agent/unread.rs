//! Gaps that are not closed: what users did in them may still be read, so nothing of it may be taken for told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::gap::{GapId, GapRecord};
use crate::model::id::UserId;
use crate::model::time::UtcMicros;

/// Gaps are timed by the clock of this machine, changes by the platform's.
const CLOCKS_US: i64 = 5 * 60_000_000;

/// Since when, and of whom.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<GapId, (UtcMicros, Arc<[UserId]>)>);

impl Unread {
    /// Something became of a gap.
    pub(super) fn note(&mut self, gap: &GapRecord) {
        if gap.closed.is_some() {
            self.0.remove(&gap.id);
        } else {
            let from = UtcMicros(gap.from.0.saturating_sub(CLOCKS_US));
            self.0.insert(gap.id, (from, Arc::clone(&gap.users)));
        }
    }

    /// From then on something of the user's may have been missed that is still to be read.
    pub(super) fn since(&self, user: &UserId) -> Option<UtcMicros> {
        // The lists are sorted.
        let concerns = |users: &[UserId]| users.binary_search(user).is_ok();
        let of_user = self.0.values().filter(|(_, users)| concerns(users));
        of_user.map(|(from, _)| *from).min()
    }
}
