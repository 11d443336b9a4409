//! What is long over is forgotten, so that a world that runs for days does not grow. Nothing that goes on depends on it:
//! a world that forgets does the same as one that does not.

use std::collections::HashSet;

use super::World;
use crate::time::Time;

impl World {
    /// Drops what was over before a time: plays with all their conversations, and acts, and
    /// how agents were. REST and analytics know those conversations no more. A conversation is over when nothing can become of it and of those that belong to the same
    /// story, after-call work included. The sums of [`Truth`](crate::truth::Truth) stay, and so do the numbers of acts.
    pub fn forget(&mut self, before: Time) {
        let long_over = |conversation: &usize| {
            let over = self.conversations.get(*conversation).is_none_or(|of| {
                let parties = of.participants.iter();
                of.ended.is_some() && parties.into_iter().all(|party| party.is_over())
            });
            let last = (self.publications.get(*conversation)).and_then(|of| of.last_act());
            over && last.is_none_or(|last| last < before)
        };
        let mut plays = Vec::new();
        let mut conversations = Vec::new();
        for (at, play) in self.plays.numbers().filter(|(_, play)| play.over) {
            let own: Vec<usize> = (play.calls.iter())
                .filter_map(|call| call.conversation)
                .collect();
            if own.iter().all(long_over) {
                plays.push(at);
                conversations.extend(own);
            }
        }
        for play in plays {
            self.plays.forget(play);
        }
        let mut forgotten = HashSet::new();
        for at in conversations {
            self.publications.forget(at);
            if let Some(conversation) = self.conversations.forget(at) {
                self.conversation_by_id.remove(&conversation.id);
                forgotten.insert(conversation.id);
            }
        }
        self.forget_histories(before);
        self.truth.forget(|act| match act.conversation {
            Some(conversation) => forgotten.contains(&conversation),
            None => act.time < before,
        });
    }
}
