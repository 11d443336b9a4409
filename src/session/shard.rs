//! The subjects of one channel: one line that leads, and at times its successor.
//!
//! The platform takes 1,000 topics on a channel; a shard holds 900 unless it is told otherwise, so that there is room for
//! what a verdict or a later need adds. A subject stays in its shard.

use std::time::Duration;

use super::backoff::Backoff;
use super::errand::Trouble;
use super::following::{Counts, Refusal};
use super::line::{Line, LineId};
use super::subject::Subject;
use super::succession::Successor;

/// Subjects of one channel.
pub(super) const PER_CHANNEL: usize = 900;
/// So many more the platform would take.
pub(super) const SPARE: usize = 100;
/// So many successors in a row that came to nothing are told to the operator.
const TROUBLED: u32 = 5;

#[derive(Debug)]
pub(super) struct Shard {
    /// The line that its subjects are followed on; it may still be coming up.
    pub(super) lead: Line,
    /// The one that is to take its place.
    pub(super) successor: Option<Successor>,
    /// Whether it has ever had an open socket.
    pub(super) was_open: bool,
    /// Of sockets and channels that did not last.
    pub(super) backoff: Backoff,
    /// Of channels that the platform took away, and when it did last.
    pub(super) losses: Backoff,
    pub(super) lost_at: Duration,
    pub(super) not_before: Duration,
    /// Of successors that came to nothing.
    pub(super) failed_successors: Backoff,
    pub(super) succeed_not_before: Duration,
    /// What the last of them failed by.
    pub(super) succession_trouble: Option<Trouble>,
    /// What ended the last socket or channel, until the next socket is open.
    pub(super) trouble: Option<Trouble>,
}

impl Shard {
    pub(super) fn new(lead: Line) -> Self {
        Self {
            lead,
            successor: None,
            was_open: false,
            backoff: Backoff::default(),
            losses: Backoff::default(),
            lost_at: Duration::ZERO,
            not_before: Duration::ZERO,
            failed_successors: Backoff::default(),
            succeed_not_before: Duration::ZERO,
            succession_trouble: None,
            trouble: None,
        }
    }

    /// Its lines: the lead, then the successor.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        let successor = self.successor.as_ref().map(|successor| &successor.line);
        std::iter::once(&self.lead).chain(successor)
    }

    pub(super) fn lines_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        let successor = self.successor.as_mut().map(|successor| &mut successor.line);
        std::iter::once(&mut self.lead).chain(successor)
    }

    pub(super) fn line(&self, id: LineId) -> Option<&Line> {
        self.lines().find(|line| line.id == id)
    }

    pub(super) fn line_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines_mut().find(|line| line.id == id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines().all(|line| line.following.is_empty())
    }

    pub(super) fn has_room(&self, most: usize) -> bool {
        self.lines().all(|line| line.following.len() < most)
    }

    /// Of the line that leads.
    pub(super) const fn counts(&self) -> Counts {
        self.lead.following.counts()
    }

    /// Another number whenever another line leads, or someone stands otherwise on it.
    pub(super) const fn revision(&self) -> (LineId, u64) {
        (self.lead.id, self.lead.following.revision())
    }

    /// What keeps it from being succeeded, if that has failed so often that it is no accident.
    pub(super) fn lasting_trouble(&self) -> Option<&Trouble> {
        self.succession_trouble
            .as_ref()
            .filter(|_| self.failed_successors.failures() >= TROUBLED)
    }

    /// Subjects that flow on one of its lines.
    pub(super) fn flowing(&self) -> usize {
        let beside = self.successor.as_ref().map_or(0, |successor| {
            successor
                .line
                .following
                .flowing_beside(&self.lead.following)
        });
        self.counts().flowing + beside
    }

    /// Whether everyone in it is followed as far as the platform permits. Who joined a shard that already was whole
    /// does not count until asking for them has failed: the roster grows without the feed being any the worse.
    pub(super) fn is_whole(&self) -> bool {
        let line = &self.lead;
        line.following.is_empty()
            || line.channel.as_ref().is_some_and(|channel| {
                channel.open_socket().is_some()
                    && (line.following.is_settled()
                        || (channel.complete && line.subscribe.failures() == 0))
            })
    }

    /// Follows a subject that it does not hold yet, or that had left the roster.
    pub(super) fn follow(&mut self, subject: &Subject) {
        self.lines_mut()
            .for_each(|line| line.following.follow(subject));
    }

    /// A subject left the roster.
    pub(super) fn leave(&mut self, subject: &Subject) {
        self.lines_mut()
            .for_each(|line| line.following.leave(subject));
    }

    pub(super) fn holds(&self, subject: &Subject) -> bool {
        self.lines().any(|line| line.following.holds(subject))
    }

    /// The roster is known to its end: if everyone has a verdict, the shard is complete.
    pub(super) fn note_complete(&mut self) {
        for line in self.lines_mut() {
            let settled = line.following.is_settled();
            if let Some(channel) = line.channel.as_mut().filter(|_| settled) {
                channel.complete = true;
            }
        }
    }

    /// What is refused, in the order of the subjects.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (&Subject, &Refusal)> {
        self.lead.following.refusals()
    }

    /// Who belongs to the roster and does not flow.
    pub(super) fn silent(&self) -> impl Iterator<Item = &Subject> {
        self.lead.following.silent()
    }
}
