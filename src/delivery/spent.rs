//! Events that the host has taken, on their way back to the thread that made them.
//!
//! Memory is best freed where it was allocated: the allocator keeps a heap for each thread, and two threads that allocate
//! and free in the same one wait for each other. The network thread makes the events and the dispatcher is the last to need
//! them, so it hands them back, and the network thread forgets them when it comes by with new ones.

use std::sync::{Mutex, PoisonError};

use crate::model::event::Event;

/// So many stay here while the network has nothing to bring; of more the dispatcher disposes itself.
const MOST: usize = 256;

/// What was taken and is not forgotten yet.
#[derive(Default)]
pub(super) struct Spent(Mutex<Vec<Event>>);

impl Spent {
    /// Takes over what the dispatcher no longer needs.
    pub(super) fn hand_back(&self, taken: &mut Vec<Event>) {
        if taken.is_empty() {
            return;
        }
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() < MOST {
            spent.append(taken);
        } else {
            drop(spent);
            taken.clear();
        }
    }

    /// Forgets what was handed back; the dispatcher need not wait meanwhile.
    pub(super) fn forget(&self) {
        let mut spent = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if spent.capacity() == 0 {
            return;
        }
        spent.clear();
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Its room is used again.
        if place.capacity() == 0 {
            *place = spent;
        }
    }
}
