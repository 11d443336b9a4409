//! Attributes: which may be told, what of their values is hidden, and what became of each in one conversation.
//!
//! Knows: the rules that settings give, and first and last value of each key. Does not know: which participant has an
//! attribute, or how its change is told. A value passes [`AttributeRules::apply`] before it goes anywhere, into
//! [`Attributes`] too, so nothing here keeps what was hidden. No `Debug` shows a value.

mod card;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use regex::Regex;

use crate::settings::{AllowedKey, AttributeMask, MaskPattern};

/// What may be told, and how: the settings' `AttributeAllow` and `AttributeMask`, ready for use.
#[derive(Debug, Clone)]
pub struct AttributeRules {
    /// Empty: every key.
    allow: Vec<AllowedKey>,
    cards: bool,
    patterns: Vec<Regex>,
}

impl Default for AttributeRules {
    /// Every key is told; card numbers are masked.
    fn default() -> Self {
        Self::new(&[], &AttributeMask::default())
    }
}

impl AttributeRules {
    /// The rules as settings give them.
    #[must_use]
    pub fn new(allow: &[AllowedKey], mask: &AttributeMask) -> Self {
        let patterns = mask.patterns.iter().map(MaskPattern::regex);
        Self {
            allow: allow.to_vec(),
            cards: mask.cards,
            patterns: patterns.cloned().collect(),
        }
    }

    /// The value as it may be told; `None`: neither the key nor the value may be.
    #[must_use]
    pub fn apply<'v>(&self, key: &str, value: &'v str) -> Option<Cow<'v, str>> {
        self.allows(key).then(|| self.mask(value))
    }

    /// Text that people write and that has no key, as it may be told: the notes of a wrap-up.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut hidden = Vec::new();
        for pattern in &self.patterns {
            hidden.extend(pattern.find_iter(text).map(|found| found.range()));
        }
        let by_patterns = !hidden.is_empty();
        if self.cards {
            card::find(text, &mut hidden);
        }
        if hidden.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = with_stars(text, hidden);
        if self.cards && by_patterns {
            // A pattern that hides a part of a longer number may leave one that looks like a card's.
            let mut rest = Vec::new();
            card::find(&masked, &mut rest);
            if !rest.is_empty() {
                masked = with_stars(&masked, rest);
            }
        }
        Cow::Owned(masked)
    }

    fn allows(&self, key: &str) -> bool {
        let one = |allowed: &AllowedKey| match allowed {
            AllowedKey::Whole(whole) => key == whole,
            AllowedKey::Beginning(beginning) => key.starts_with(beginning.as_str()),
        };
        self.allow.is_empty() || self.allow.iter().any(one)
    }
}

/// A star for each character of the hidden ranges, which may overlap; each begins and ends between characters.
fn with_stars(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.sort_unstable_by_key(|range| range.start);
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for Range { start, end } in hidden {
        if end <= at {
            continue;
        }
        let start = start.max(at);
        masked.push_str(&text[at..start]);
        masked.extend(text[start..end].chars().map(|_| '*'));
        at = end;
    }
    masked.push_str(&text[at..]);
    masked
}

/// The attributes of one conversation: first and last value of each key, in the order in which keys appeared.
#[derive(Clone, Default)]
pub(crate) struct Attributes {
    entries: Vec<Attribute>,
    /// Where the next key is looked for first: the platform names keys in the same order each time.
    next: usize,
}

/// One attribute; its values as the rules let them be told.
#[derive(Clone)]
pub(crate) struct Attribute {
    /// Its key.
    pub(crate) key: Arc<str>,
    /// The value that it had first.
    pub(crate) first: Arc<str>,
    /// The value that it has.
    pub(crate) last: Arc<str>,
}

impl Attributes {
    /// So many keys are to come, as far as they are new.
    pub(crate) fn expect(&mut self, keys: usize) {
        let more = keys.saturating_sub(self.entries.len());
        self.entries.reserve_exact(more);
    }

    /// The key has this value now. Returns its number.
    pub(crate) fn give(&mut self, key: &Arc<str>, value: &Arc<str>) -> usize {
        let (before, after) = self.entries.split_at(self.next.min(self.entries.len()));
        let found = after.iter().position(|known| known.key == *key);
        let place = found
            .map(|place| before.len() + place)
            .or_else(|| before.iter().position(|known| known.key == *key))
            .unwrap_or(self.entries.len());
        self.next = place + 1;
        if let Some(known) = self.entries.get_mut(place) {
            known.last = Arc::clone(value);
        } else {
            self.entries.push(Attribute {
                key: Arc::clone(key),
                first: Arc::clone(value),
                last: Arc::clone(value),
            });
        }
        place
    }

    /// The one of this number.
    pub(crate) fn get(&self, number: usize) -> &Attribute {
        &self.entries[number]
    }

    /// All of them, in the order in which their keys appeared.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.entries.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.entries).finish()
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.key)
    }
}

#[cfg(test)]
mod tests;
