//! Texts that come again and again, kept once: words of the platform, names of queues, keys of attributes and many of their
//! values, the addresses of a party.

use std::fmt;
use std::sync::Arc;

/// How many texts are remembered.
const PLACES: usize = 1 << 11;

/// The texts that were kept lately. Each has one place, by its hash, until another one takes it: what comes often is
/// nearly always found, and what comes once is soon forgotten. So its size does not depend on what bodies hold.
pub(crate) struct Texts {
    lately: Box<[Option<Arc<str>>]>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            lately: vec![None; PLACES].into(),
        }
    }
}

/// No text: there may be anything in it.
impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.lately.iter().flatten().count();
        f.debug_struct("Texts")
            .field("kept", &kept)
            .finish_non_exhaustive()
    }
}

impl Texts {
    /// The text to keep: the same one as last time, if it is remembered.
    pub(crate) fn keep(&mut self, text: &str) -> Arc<str> {
        if text.is_empty() {
            // Shared by all, not allocated.
            return Arc::default();
        }
        let hash = twox_hash::XxHash3_128::oneshot(text.as_bytes()) as usize;
        let place = &mut self.lately[hash % PLACES];
        match place {
            Some(known) if **known == *text => Arc::clone(known),
            _ => Arc::clone(place.insert(Arc::from(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_kept_once() {
        let mut texts = Texts::default();
        let [first, again] = [(); 2].map(|()| texts.keep("customer"));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(&*texts.keep("agent"), "agent");
        assert_eq!(&*texts.keep(""), "");
    }

    #[test]
    fn whatever_comes_it_stays_as_large_as_it_is() {
        let mut texts = Texts::default();
        for number in 0..10 * PLACES {
            let text = number.to_string();
            assert_eq!(*texts.keep(&text), *text);
        }
        assert_eq!(texts.lately.len(), PLACES);
    }
}
