//! A sweep: one reading of the conversations that ended in a time, and then of those that go on, by analytics details.
//!
//! Knows: which page is next, and where to stop. Does not know: for what it is read. Pages shift while they are read, and the
//! platform's count of them is approximate: what comes twice is told once, and a sweep goes on until a page is empty, until
//! what comes ended before the time, or until the platform turns in a circle.

use std::collections::BTreeMap;

use crate::model::id::ConversationId;
use crate::model::order::{BodyText, DetailsPage, Request};
use crate::model::time::UtcMicros;

/// A conversation that ended in the gap began at most so long before it.
pub(super) const LONGEST_CALL_US: i64 = 2 * 86_400_000_000;
/// One that goes on, so long: a callback can be scheduled for days.
const LONGEST_WAIT_US: i64 = 7 * 86_400_000_000;
/// A query reaches so far beyond the end of the gap.
pub(super) const MARGIN_US: i64 = 60_000_000;
/// Pages in a row without anything new: the platform turns in a circle.
const CIRCLE: u32 = 3;
/// No query has more pages.
pub(super) const MOST_PAGES: u32 = 2_000;

/// How far a sweep has come with a page.
#[derive(Debug)]
pub(super) struct Step {
    /// It is at its end.
    pub(super) is_read: bool,
    /// Why it stopped reading what ended, or what goes on, before all of that was read.
    pub(super) cut_short: Option<String>,
}

#[derive(Debug)]
pub(super) struct Sweep {
    from: UtcMicros,
    to: UtcMicros,
    only_open: bool,
    page: u32,
    /// What was told, and whether it came last among those that go on.
    seen: BTreeMap<ConversationId, bool>,
    nothing_new: u32,
}

impl Sweep {
    pub(super) fn new(from: UtcMicros, to: UtcMicros) -> Self {
        Self {
            from,
            to,
            only_open: false,
            page: 1,
            seen: BTreeMap::new(),
            nothing_new: 0,
        }
    }

    /// For the page that is next.
    pub(super) fn request(&self) -> Request {
        let before = if self.only_open {
            LONGEST_WAIT_US
        } else {
            LONGEST_CALL_US
        };
        Request::ConversationDetails {
            from: UtcMicros(self.from.0.saturating_sub(before)),
            to: UtcMicros(self.to.0.saturating_add(MARGIN_US)),
            only_open: self.only_open,
            page: self.page,
        }
    }

    /// That page. Returns what is new and of the time, and how far the sweep is now.
    pub(super) fn take(&mut self, page: DetailsPage) -> (Vec<BodyText>, Step) {
        let is_last = page.bodies.is_empty();
        let mut fresh = 0;
        let mut is_past = false;
        let mut bodies = Vec::new();
        for (body, head) in page.bodies.into_iter().zip(page.heads) {
            let is_over = head.ended.is_some_and(|ended| ended < self.from);
            is_past |= is_over;
            // Without an id it is not to be told from others; who reads it says that it cannot be read.
            let before = head.id.and_then(|id| self.seen.insert(id, self.only_open));
            let is_new = before.is_none();
            fresh += u32::from(before != Some(self.only_open));
            if is_new && !is_over {
                bodies.push(body);
            }
        }
        self.nothing_new = if fresh > 0 { 0 } else { self.nothing_new + 1 };
        // What ended comes before what ended earlier.
        let is_whole = is_last || (is_past && !self.only_open);
        let cut_short = if is_whole {
            None
        } else if self.nothing_new >= CIRCLE {
            Some(format!(
                "The platform repeats itself: page {} and the {} before it named no conversation that earlier ones had not. \
                 Of those that {} some may be missing",
                self.page,
                CIRCLE - 1,
                self.which()
            ))
        } else if self.page >= MOST_PAGES {
            Some(format!(
                "{}. Of the conversations that {} some were not read",
                too_many_pages(),
                self.which()
            ))
        } else {
            None
        };
        let mut is_read = is_whole || cut_short.is_some();
        self.page += 1;
        if is_read && !self.only_open {
            self.only_open = true;
            self.page = 1;
            self.nothing_new = 0;
            is_read = false;
        }
        (bodies, Step { is_read, cut_short })
    }

    const fn which(&self) -> &'static str {
        if self.only_open { "go on" } else { "ended" }
    }
}

/// Why a query that has more pages is left.
pub(super) fn too_many_pages() -> String {
    format!("The platform has more than {MOST_PAGES} pages of it, and no more are read")
}
