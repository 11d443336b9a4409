//! Numbers for adapters, so that a wrong one is an error and not a wild pointer.
//!
//! A handle is a place in a table and how often that place was used before, disguised by a number that each copy of
//! the library draws for itself: a handle that was destroyed, one of another copy of the library, and a small integer
//! are all refused.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::abi::{gca_handle, gca_status};
use super::error::Refused;

/// A table of `T` behind handles.
pub(super) struct Table<T> {
    places: Mutex<Places<T>>,
    disguise: OnceLock<u64>,
}

struct Places<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

struct Place<T> {
    /// Counts the uses of this place.
    generation: u32,
    what: Option<Arc<T>>,
}

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self {
            places: Mutex::new(Places {
                places: Vec::new(),
                free: Vec::new(),
            }),
            disguise: OnceLock::new(),
        }
    }

    pub(super) fn insert(&self, what: T) -> Result<gca_handle, Refused> {
        let mut places = self.places();
        loop {
            let at = match places.free.pop() {
                Some(at) => at,
                None => {
                    let at = u32::try_from(places.places.len()).map_err(|_| {
                        Refused::new(gca_status::GCA_ERR_SYSTEM, "there are too many adapters")
                    })?;
                    places.places.push(Place {
                        generation: 0,
                        what: None,
                    });
                    at
                }
            };
            let handle = self.encode(at, places.places[at as usize].generation);
            if handle == 0 {
                // One use in 2^64 of a place: 0 is nobody's handle.
                places.vacate(at);
                continue;
            }
            places.places[at as usize].what = Some(Arc::new(what));
            return Ok(handle);
        }
    }

    pub(super) fn get(&self, handle: gca_handle) -> Result<Arc<T>, Refused> {
        let (at, generation) = self.decode(handle);
        self.places()
            .places
            .get(at as usize)
            .filter(|place| handle != 0 && place.generation == generation)
            .and_then(|place| place.what.clone())
            .ok_or_else(unknown)
    }

    /// Takes it out; the handle is dead from then on.
    pub(super) fn remove(&self, handle: gca_handle) -> Result<Arc<T>, Refused> {
        let (at, generation) = self.decode(handle);
        let mut places = self.places();
        let what = places
            .places
            .get_mut(at as usize)
            .filter(|place| handle != 0 && place.generation == generation)
            .and_then(|place| place.what.take())
            .ok_or_else(unknown)?;
        places.vacate(at);
        Ok(what)
    }

    fn encode(&self, at: u32, generation: u32) -> gca_handle {
        ((u64::from(generation) << 32) | u64::from(at)) ^ self.disguise()
    }

    fn decode(&self, handle: gca_handle) -> (u32, u32) {
        let plain = handle ^ self.disguise();
        (plain as u32, (plain >> 32) as u32)
    }

    fn disguise(&self) -> u64 {
        *self
            .disguise
            .get_or_init(|| RandomState::new().hash_one(std::process::id()))
    }

    fn places(&self) -> MutexGuard<'_, Places<T>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Places<T> {
    /// Makes the place ready for its next use; one that was used 2^32 times is not used again.
    fn vacate(&mut self, at: u32) {
        let place = &mut self.places[at as usize];
        if let Some(next) = place.generation.checked_add(1) {
            place.generation = next;
            self.free.push(at);
        }
    }
}

fn unknown() -> Refused {
    Refused::new(
        gca_status::GCA_ERR_HANDLE,
        "the handle is not an adapter of this library; it was destroyed, or never was one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_until_it_is_removed_and_never_again() {
        let table = Table::new();
        let mut dead = Vec::new();
        for round in 0..1_000 {
            let handle = table.insert(round).unwrap();
            assert_ne!(handle, 0);
            assert_eq!(*table.get(handle).unwrap(), round);
            assert_eq!(*table.remove(handle).unwrap(), round);
            dead.push(handle);
        }
        for handle in dead {
            assert_eq!(
                table.get(handle).unwrap_err().status,
                gca_status::GCA_ERR_HANDLE
            );
            assert!(table.remove(handle).is_err());
        }
        assert_eq!(table.places().places.len(), 1, "places are used again");
    }

    #[test]
    fn neither_small_integers_nor_handles_of_another_table_are_handles() {
        let (ours, theirs) = (Table::new(), Table::new());
        for _ in 0..10 {
            ours.insert(()).unwrap();
            let handle = theirs.insert(()).unwrap();
            assert!(ours.get(handle).is_err());
        }
        for handle in (0..10_000).chain(u64::MAX - 10_000..=u64::MAX) {
            assert!(ours.get(handle).is_err());
        }
    }

    #[test]
    fn a_place_that_is_worn_out_is_not_used_again() {
        let table = Table::new();
        table.insert(1).unwrap();
        table.places().places[0].generation = u32::MAX;
        table.remove(table.encode(0, u32::MAX)).unwrap();
        let next = table.insert(2).unwrap();
        assert_eq!(table.decode(next), (1, 0));
    }
}
