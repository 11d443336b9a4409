//! Things that keep their number: they are numbered from 0 as they come, and what is forgotten leaves its number to
//! nobody. So a number that is noted anywhere means the same thing for ever, or nothing.

use std::collections::{BTreeMap, btree_map};

/// Things by their number.
#[derive(Debug, Clone)]
pub struct Numbered<T> {
    kept: BTreeMap<usize, T>,
    next: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> Numbered<T> {
    /// The number of the one that comes next.
    #[must_use]
    pub fn next_number(&self) -> usize {
        self.next
    }

    /// Takes in the next one.
    pub fn push(&mut self, thing: T) {
        self.kept.insert(self.next, thing);
        self.next += 1;
    }

    /// The one with this number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&T> {
        self.kept.get(&number)
    }

    /// The one with this number, to change it.
    #[must_use]
    pub fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.kept.get_mut(&number)
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Those that are kept, in the order of their numbers.
    pub fn iter(&self) -> btree_map::Values<'_, usize, T> {
        self.kept.values()
    }

    /// The same, with their numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (usize, &T)> {
        self.kept.iter().map(|(number, thing)| (*number, thing))
    }

    /// Drops one.
    pub(crate) fn forget(&mut self, number: usize) -> Option<T> {
        self.kept.remove(&number)
    }
}

impl<'a, T> IntoIterator for &'a Numbered<T> {
    type Item = &'a T;
    type IntoIter = btree_map::Values<'a, usize, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_once() {
        let mut things = Numbered::default();
        for thing in ["a", "b", "c"] {
            things.push(thing);
        }
        assert_eq!(things.forget(2), Some("c"));
        assert_eq!(things.forget(0), Some("a"));
        assert_eq!(things.forget(0), None);
        assert_eq!((things.len(), things.next_number()), (1, 3));
        things.push("d");
        assert_eq!(things.get(3), Some(&"d"));
        assert_eq!((things.get(0), things.get(2)), (None, None));
        assert_eq!(things.iter().copied().collect::<String>(), "bd");
        assert_eq!(
            things.numbers().map(|(at, _)| at).collect::<Vec<_>>(),
            [1, 3]
        );
    }
}
