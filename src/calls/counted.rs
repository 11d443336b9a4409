//! Something of a leg that changes and for which the platform tells neither time nor version: mute, confine, the pause of
//! a recording.
//!
//! Several topics show it, each in its own order, one perhaps behind another. The n-th change that any topic shows is
//! the leg's n-th change: it is told when the first topic shows it, and never again. So the number of a change, which is
//! what its id is made from, is the same whatever the interleaving of topics that are each in order.
//!
//! A topic that shows the leg only from some moment on has no count of its own: what it is to the others decides
//! ([`Newcomer`]).

/// What was told of it: as it is by default at first, and then as many changes as `told`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted<T> {
    value: T,
    told: u32,
}

/// What one topic has shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View<T> {
    value: T,
    changes: u32,
}

/// A topic that shows a leg for the first time, or again after bodies may have been missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newcomer {
    /// Nothing says that it is behind: with the value that was told it is level, with another one change ahead.
    Level,
    /// The rest of its body is older than what is known: with another value it is one change behind.
    Older,
    /// A topic of the leg's own user shows the leg already, and does so to the leg's end. This one is counted from the
    /// leg's beginning: however far it lags, it tells nothing that the other one has shown.
    Follower,
}

impl<T: Copy + PartialEq + Default> Counted<T> {
    /// How many changes were told.
    pub(crate) fn changes(self) -> u32 {
        self.told
    }

    /// Another process told that it became `value`, by this number of change; `None`: by one that is not known.
    pub(crate) fn restore(&mut self, value: T, number: Option<u32>) {
        self.told = number.unwrap_or(self.told + 1).max(self.told);
        self.value = value;
    }

    /// What it is, as last told.
    pub(crate) fn value(self) -> T {
        self.value
    }

    /// A topic shows `value`; `newcomer` says what it is if it has not done so before (`view` is `None`). Returns the
    /// number of the change if it is to be told.
    pub(crate) fn show(
        &mut self,
        view: &mut Option<View<T>>,
        value: T,
        newcomer: Newcomer,
    ) -> Option<u32> {
        let changes = match view {
            Some(seen) if seen.value == value => return None,
            Some(seen) => seen.changes + 1,
            None if newcomer == Newcomer::Follower => u32::from(value != T::default()),
            None if value == self.value => self.told,
            None if newcomer == Newcomer::Older => self.told.saturating_sub(1),
            None => self.told + 1,
        };
        *view = Some(View { value, changes });
        if changes > self.told {
            self.told = changes;
            self.value = value;
            return Some(changes);
        }
        None
    }

    /// A topic shows the leg when it could not have changed yet: what it shows next is counted from there, however far it
    /// lags.
    pub(crate) fn begin(view: &mut Option<View<T>>) {
        view.get_or_insert(View {
            value: T::default(),
            changes: 0,
        });
    }

    /// It is over: back to what it is by default, if it is not. Returns the number of that change.
    pub(crate) fn end(&mut self) -> Option<u32> {
        (self.value != T::default()).then(|| {
            self.value = T::default();
            self.told += 1;
            self.told
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two topics that show a leg from its beginning, each in order, in every interleaving: each change is told once.
    #[test]
    fn every_interleaving_tells_each_change_once() {
        let shown = [true, false, true];
        for pattern in (0u32..1 << 6).filter(|pattern| pattern.count_ones() == 3) {
            let (mut counted, mut told) = (Counted::<bool>::default(), Vec::new());
            let mut views = [None, None];
            for view in &mut views {
                assert_eq!(counted.show(view, false, Newcomer::Level), None);
            }
            let mut at = [0, 0];
            for step in 0..6 {
                let topic = usize::from(pattern >> step & 1 == 1);
                told.extend(counted.show(&mut views[topic], shown[at[topic]], Newcomer::Level));
                at[topic] += 1;
            }
            assert_eq!(told, [1, 2, 3], "pattern {pattern:06b}");
            assert!(counted.value());
        }
    }

    #[test]
    fn first_sight_of_one_that_is_on_tells_it() {
        let (mut counted, mut view) = (Counted::default(), None);
        assert_eq!(counted.show(&mut view, true, Newcomer::Level), Some(1));
        assert_eq!(counted.show(&mut view, true, Newcomer::Level), None);
        assert_eq!(counted.show(&mut view, false, Newcomer::Level), Some(2));
    }

    #[test]
    fn a_topic_that_lags_from_the_beginning_tells_nothing_old() {
        let (mut counted, mut ahead, mut behind) = (Counted::default(), None, None);
        assert_eq!(counted.show(&mut ahead, true, Newcomer::Level), Some(1));
        Counted::begin(&mut behind);
        assert_eq!(counted.show(&mut behind, false, Newcomer::Level), None);
        assert_eq!(counted.show(&mut behind, true, Newcomer::Level), None);
        assert_eq!(counted.show(&mut behind, false, Newcomer::Level), Some(2));
    }

    #[test]
    fn a_topic_that_begins_behind_tells_nothing_old() {
        let (mut counted, mut ahead, mut behind) = (Counted::default(), None, None);
        assert_eq!(counted.show(&mut ahead, false, Newcomer::Level), None);
        assert_eq!(counted.show(&mut ahead, true, Newcomer::Level), Some(1));
        assert_eq!(counted.show(&mut behind, false, Newcomer::Older), None);
        assert_eq!(counted.show(&mut behind, true, Newcomer::Level), None);
        assert_eq!(counted.show(&mut behind, false, Newcomer::Level), Some(2));
    }
}
