//! Users and queues that come, go and are called otherwise while the world goes on, as an administrator makes it happen.
//! No notification tells of it: only the lists do. Nobody leaves in the middle of a call, and no queue is deleted that one
//! is in.

use super::floor::presence;
use super::{RoutingStatus, World};
use crate::chance::Id;
use crate::conversation::Participant;
use crate::time::Time;

/// What an administrator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RosterChange {
    /// Makes a user, who comes to work some time later.
    Hire,
    /// Deletes a user, who logs off and is no longer in any list.
    Dismiss,
    /// Gives a user another name.
    RenameUser,
    /// Makes a queue with members.
    OpenQueue,
    /// Deletes a queue.
    CloseQueue,
    /// Gives a queue another name.
    RenameQueue,
}

impl RosterChange {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Hire,
        Self::Dismiss,
        Self::RenameUser,
        Self::OpenQueue,
        Self::CloseQueue,
        Self::RenameQueue,
    ];
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterChanged {
    /// Of the user or queue.
    pub id: Id,
    /// What they are called now.
    pub name: String,
}

/// So many users and queues stay: somebody must be there to answer.
const STAY: usize = 2;

impl World {
    /// Changes who and what there is. `None`: there is nobody of whom that can be done now.
    pub fn change_roster(&mut self, change: RosterChange, now: Time) -> Option<RosterChanged> {
        self.handle_timeout(now);
        let changed = match change {
            RosterChange::Hire => {
                let user = self.organization.hire(&mut self.roster);
                self.begin_first_day(user);
                self.user_changed(user)
            }
            RosterChange::Dismiss => {
                let free: Vec<usize> = (STAY..self.agents.len())
                    .filter(|user| self.can_leave(*user))
                    .collect();
                let user = *self.roster.pick(&free)?;
                self.set_routing(user, RoutingStatus::OffQueue);
                self.set_presence(user, presence("OFFLINE"));
                self.leave_station(user);
                self.organization.dismiss(user);
                self.user_changed(user)
            }
            RosterChange::RenameUser => {
                let here: Vec<usize> = (0..self.agents.len())
                    .filter(|user| self.is_here(*user))
                    .collect();
                let user = *self.roster.pick(&here)?;
                self.organization.rename_user(user, &mut self.roster);
                self.user_changed(user)
            }
            RosterChange::OpenQueue => {
                let queue = self.organization.open_queue(&mut self.roster);
                self.queue_changed(queue)
            }
            RosterChange::CloseQueue => {
                let idle: Vec<usize> = (STAY..self.organization.queues.len())
                    .filter(|queue| self.is_open(*queue) && !self.is_in_use(*queue))
                    .collect();
                let queue = *self.roster.pick(&idle)?;
                self.organization.close_queue(queue);
                self.queue_changed(queue)
            }
            RosterChange::RenameQueue => {
                let open: Vec<usize> = (0..self.organization.queues.len())
                    .filter(|queue| self.is_open(*queue))
                    .collect();
                let queue = *self.roster.pick(&open)?;
                self.organization.rename_queue(queue, &mut self.roster);
                self.queue_changed(queue)
            }
        };
        self.settle();
        changed
    }

    /// Whether a user is (still) of the organization.
    pub(super) fn is_here(&self, user: usize) -> bool {
        self.organization
            .users
            .get(user)
            .is_some_and(|user| !user.gone)
    }

    fn is_open(&self, queue: usize) -> bool {
        let queue = self.organization.queues.get(queue);
        queue.is_some_and(|queue| !queue.gone)
    }

    /// Nobody has them, and no story counts on them.
    fn can_leave(&self, user: usize) -> bool {
        let is_free = self.agents.get(user).is_some_and(|agent| {
            agent.engaged.is_none() && agent.routing != RoutingStatus::NotResponding
        });
        let mut plays = self.plays.iter().filter(|play| !play.over);
        let is_cast = plays.any(|play| play.users.iter().any(|(_, cast)| *cast == user));
        let is_theirs = |party: &Participant| party.user == Some(user);
        self.is_here(user) && is_free && !is_cast && !self.has_part(is_theirs)
    }

    fn is_in_use(&self, queue: usize) -> bool {
        let mut plays = self.plays.iter().filter(|play| !play.over);
        let is_meant = plays.any(|play| play.lines.iter().any(|(_, line)| *line == queue));
        is_meant || self.has_part(|party| party.queue == Some(queue))
    }

    /// Whether such a participant has still to do with a conversation.
    fn has_part(&self, is: impl Fn(&Participant) -> bool) -> bool {
        let mut parties = self.conversations.iter().flat_map(|of| &of.participants);
        parties.any(|party| is(party) && !(party.is_over() && party.told))
    }

    fn user_changed(&self, user: usize) -> Option<RosterChanged> {
        let user = self.organization.users.get(user)?;
        Some(RosterChanged {
            id: user.id,
            name: user.name.clone(),
        })
    }

    fn queue_changed(&self, queue: usize) -> Option<RosterChanged> {
        let queue = self.organization.queues.get(queue)?;
        Some(RosterChanged {
            id: queue.id,
            name: queue.name.clone(),
        })
    }
}
