//! Which conversations belong to one customer contact: a consult in a conversation of its own names the one that it was
//! begun for, or is listed by it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::tombstone::REMEMBERED;
use crate::model::id::ConversationId;
use crate::model::time::Now;

/// Conversations that were begun for others.
#[derive(Debug, Default)]
pub(crate) struct Kin {
    parents: HashMap<ConversationId, ConversationId>,
    by_age: VecDeque<(Duration, ConversationId)>,
}

impl Kin {
    /// `child` was begun for `parent`. Whether that is news.
    pub(crate) fn learn(
        &mut self,
        child: &ConversationId,
        parent: &ConversationId,
        now: Now,
    ) -> bool {
        if child == parent || self.parents.contains_key(child) || self.root(parent) == *child {
            return false;
        }
        self.parents.insert(child.clone(), parent.clone());
        self.by_age.push_back((now.elapsed, child.clone()));
        true
    }

    /// The conversation that this one was begun for.
    pub(crate) fn parent(&self, child: &ConversationId) -> Option<&ConversationId> {
        self.parents.get(child)
    }

    /// The conversation that the customer contact began with.
    pub(crate) fn root(&self, of: &ConversationId) -> ConversationId {
        let mut root = of;
        // `learn` lets no circle in.
        while let Some(parent) = self.parents.get(root) {
            root = parent;
        }
        root.clone()
    }

    /// Forgets what is a day old.
    pub(crate) fn expire(&mut self, now: Now) {
        while let Some((learnt, child)) = self.by_age.front() {
            if now.elapsed.saturating_sub(*learnt) < REMEMBERED {
                return;
            }
            self.parents.remove(child);
            self.by_age.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::UtcMicros;

    #[test]
    fn a_consult_of_a_consult_belongs_to_the_first_contact() {
        let (mut kin, now) = (
            Kin::default(),
            Now {
                elapsed: Duration::ZERO,
                utc: UtcMicros(0),
            },
        );
        let [a, b, c] = ["a", "b", "c"].map(ConversationId::from);
        assert!(kin.learn(&c, &b, now));
        assert!(kin.learn(&b, &a, now));
        assert_eq!(kin.root(&c), a);
        assert!(!kin.learn(&a, &c, now), "no circles");
        assert_eq!(kin.root(&a), a);
        kin.expire(Now {
            elapsed: REMEMBERED,
            ..now
        });
        assert_eq!(kin.root(&c), c);
    }
}
