//! Placement: in which shard each subject of the roster is, and for whom there is no room.
//!
//! A subject goes where there is room first and stays there; what becomes sparse is not merged. A shard that no one is in
//! any more needs no channel, but keeps its place.

use super::Session;
use super::errand::Trouble;
use super::following::Following;
use super::line::Line;
use super::shard::Shard;
use super::subject::Subject;
use crate::model::feed::Why;
use crate::model::log::LogLevel;
use crate::model::role::Role;
use crate::model::time::Now;

/// The platform keeps 20 channels for a client id; one is left free for a successor.
const MOST_LINES: usize = 19;
/// Of two adapters that share a client id each may use half of them, its successor included.
const MOST_LINES_OF_TWO: usize = 9;
impl Session {
    /// How many lines may lead.
    pub(super) const fn most_lines(&self) -> usize {
        match self.role {
            None => MOST_LINES,
            Some(Role::Primary | Role::Secondary) => MOST_LINES_OF_TWO,
        }
    }

    /// Finds a shard for a subject: the one that it is in, the first with room, a new one while channels are left.
    pub(super) fn place(&mut self, subject: &Subject) {
        if let Some(&index) = self.placed.get(subject) {
            return self.shards[index].follow(subject);
        }
        let most = self.most_lines();
        let room = self
            .shards
            .iter()
            .take(most)
            .position(|shard| shard.has_room(self.topics_per_channel));
        let index = match room {
            Some(index) => index,
            None if self.shards.len() < most => {
                let lead = self.new_line(self.shards.len(), Following::default());
                self.shards.push(Shard::new(lead));
                self.shards.len() - 1
            }
            None => self.shards.len(),
        };
        if index < self.shards.len() && subject.topic().is_some() {
            self.unplaced_revision += u64::from(self.unplaced.remove(subject));
            self.placed.insert(subject.clone(), index);
            self.shards[index].follow(subject);
        } else {
            self.leave_out(subject);
        }
    }

    /// There is no room for a subject.
    pub(super) fn leave_out(&mut self, subject: &Subject) {
        if self.unplaced.insert(subject.clone()) {
            self.unplaced_revision += 1;
            if self.unplaced.len() > 1 {
                return;
            }
            self.log(
                LogLevel::Error,
                "There are more users and queues than the notification channels of one client id can carry".to_owned(),
            );
        }
    }

    pub(super) fn displace(&mut self, subject: &Subject) {
        self.unplaced_revision += u64::from(self.unplaced.remove(subject));
        if let Some(&index) = self.placed.get(subject) {
            self.shards[index].leave(subject);
            self.free(index, subject);
        }
    }

    /// Forgets where a subject was that left the roster, once none of the shard's lines holds it.
    pub(super) fn free(&mut self, shard: usize, subject: &Subject) {
        if !self.shards[shard].holds(subject) {
            self.placed.remove(subject);
        }
    }

    /// A role that was given while running leaves fewer channels than there may be: those beyond are let go of, and
    /// their subjects placed where there is room.
    pub(super) fn keep_within_lines(&mut self, now: Now) {
        for index in self.most_lines()..self.shards.len() {
            let lead = &self.shards[index].lead;
            let (id, heard) = (lead.id, lead.last_heard());
            let subjects: Vec<Subject> = lead.following.members().cloned().collect();
            let trouble = Trouble::of(Why::Limit, "the channel is left".to_owned());
            self.fail_successor(index, &trouble, true, now);
            self.tell_ceased(id, heard);
            for subject in &subjects {
                self.placed.remove(subject);
            }
            self.vacate(index, now);
            for subject in &subjects {
                self.place(subject);
            }
        }
    }

    /// A shard that no one is in any more needs no channel.
    pub(super) fn leave_empty(&mut self, index: usize, now: Now) {
        let shard = &self.shards[index];
        let has_any = shard.lines().any(Line::counts_as_channel);
        if has_any && shard.is_empty() {
            let trouble = Trouble::of(Why::None, "no one is left to be followed".to_owned());
            self.fail_successor(index, &trouble, true, now);
            self.vacate(index, now);
        }
    }

    /// Lets go of a shard's lead; the one in its place has nothing, and no one to follow.
    pub(super) fn vacate(&mut self, index: usize, now: Now) {
        let empty = self.new_line(index, Following::default());
        let shard = &mut self.shards[index];
        shard.was_open = false;
        shard.trouble = None;
        let old = std::mem::replace(&mut shard.lead, empty);
        self.let_go(old, true, now);
    }
}
