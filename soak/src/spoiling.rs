//! Proof that the judge can fail: a run in which something that must not be is done to what the adapters told, before the
//! judge sees it.

use crate::told::Told;

/// What is done, once, to what the secondary told; or said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiling {
    /// An event is kept back.
    Lost,
    /// The end of a connection is kept back.
    Unclosed,
    /// An event is told twice.
    Doubled,
    /// An event is told under another id.
    OtherId,
    /// An event is told of somebody whom it did not happen to.
    Invented,
    /// An event names its user by a name that they never had.
    OtherName,
    /// More sockets are held than are allowed.
    TooManySockets,
    /// A topic is carried by a lead and two successors.
    TwoSuccessors,
    /// More requests in a minute than are allowed.
    OverTheRate,
}

impl Spoiling {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Lost,
        Self::Unclosed,
        Self::Doubled,
        Self::OtherId,
        Self::Invented,
        Self::OtherName,
        Self::TooManySockets,
        Self::TwoSuccessors,
        Self::OverTheRate,
    ];
}

/// Whose events are spoiled.
const WHOSE: usize = 1;

/// Not the first one, which a start may explain.
const WHICH: usize = 10;

/// What is to be done, and how often it could have been.
#[derive(Debug)]
pub(crate) struct Spoiler {
    how: Option<Spoiling>,
    seen: usize,
}

impl Spoiler {
    pub(crate) const fn new(how: Option<Spoiling>) -> Self {
        Self { how, seen: 0 }
    }

    /// What the judge is told instead of an event.
    pub(crate) fn pass(&mut self, index: usize, told: Told) -> Vec<Told> {
        let kind = match self.how {
            Some(Spoiling::Unclosed) => "connection_cleared",
            Some(_) => "established",
            None => return vec![told],
        };
        // Who has no user has no name either.
        let is_nameless = self.how == Some(Spoiling::OtherName) && told.user.is_empty();
        if index != WHOSE || told.kind != kind || is_nameless {
            return vec![told];
        }
        self.seen += 1;
        if self.seen != WHICH {
            return vec![told];
        }
        let mut spoiled = told.clone();
        match self.how {
            Some(Spoiling::Lost | Spoiling::Unclosed) => return Vec::new(),
            Some(Spoiling::Doubled) => return vec![told, spoiled],
            Some(Spoiling::OtherId) => spoiled.id ^= 1,
            Some(Spoiling::Invented) => {
                spoiled.id ^= 1;
                spoiled.participant = spoiled.conversation.clone();
                return vec![told, spoiled];
            }
            Some(Spoiling::OtherName) => spoiled.user_name = "Somebody Else".to_owned(),
            _ => {}
        }
        vec![spoiled]
    }

    /// How many sockets more than there are the judge is told of.
    pub(crate) fn more_sockets(&self, index: usize) -> usize {
        self.more(index, Spoiling::TooManySockets, 100)
    }

    /// How many more carriers of a topic.
    pub(crate) fn more_carriers(&self, index: usize) -> usize {
        self.more(index, Spoiling::TwoSuccessors, 2)
    }

    /// How many more requests.
    pub(crate) fn more_requests(&self, index: usize) -> usize {
        self.more(index, Spoiling::OverTheRate, 300)
    }

    fn more(&self, index: usize, how: Spoiling, more: usize) -> usize {
        if index == WHOSE && self.how == Some(how) {
            more
        } else {
            0
        }
    }
}
