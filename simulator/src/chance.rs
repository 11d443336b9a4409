//! The seeded generator, and the ids that come from it. The same seed gives the same world on every machine and with
//! every version of every crate, which is why the generator is written out here (SplitMix64, by Sebastiano Vigna,
//! public domain) and not taken from a crate that may change its stream.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::time::Millis;

/// A stream of chance. Streams with different names do not disturb each other: an agent's coffee break does not
/// change who calls next.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream called `name` of the world `seed`.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a over the name keeps the streams of one seed apart.
        let name = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut chance = Self(seed ^ name);
        chance.draw();
        chance
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// A number from 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True `share` of the time.
    pub fn share(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A length of time from `from` to `to` milliseconds, both included.
    pub fn between(&mut self, from: i64, to: i64) -> Millis {
        Millis(from + self.below((to - from).max(0) as usize + 1) as i64)
    }

    /// The wait for the next of many independent events that come every `mean` milliseconds.
    pub fn exponential(&mut self, mean: f64) -> Millis {
        Millis((-(1.0 - self.unit()).ln() * mean) as i64 + 1)
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Puts `items` in an order of chance.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }

    /// A new id.
    pub fn id(&mut self) -> Id {
        let bits = (u128::from(self.draw()) << 64) | u128::from(self.draw());
        // Version 4, variant 1: the shape of the platform's ids.
        Id((bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
    }
}

/// A UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

impl Id {
    /// A number from 0 to 999 that the id has for good, evenly spread over all ids.
    pub(crate) const fn thousandth(self) -> i64 {
        (self.0 % 1_000) as i64
    }

    /// Reads the platform's spelling, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        if !shape {
            return None;
        }
        u128::from_str_radix(&text.replace('-', ""), 16)
            .ok()
            .map(Self)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            id >> 96,
            (id >> 80) & 0xffff,
            (id >> 64) & 0xffff,
            (id >> 48) & 0xffff,
            id & 0xffff_ffff_ffff
        )
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_world_and_streams_are_apart() {
        let draw = |seed, name| Chance::new(seed, name).draw();
        assert_eq!(draw(7, "calls"), draw(7, "calls"));
        assert_ne!(draw(7, "calls"), draw(8, "calls"));
        assert_ne!(draw(7, "calls"), draw(7, "days"));
    }

    #[test]
    fn ids_are_version_4_uuids() {
        let mut chance = Chance::new(1, "ids");
        for _ in 0..1_000 {
            let text = chance.id().to_string();
            assert_eq!(text.len(), 36);
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
            assert_eq!(
                Id::parse(&text).map(|id| id.to_string()).as_deref(),
                Some(&*text)
            );
            assert_eq!(Id::parse(&text.to_uppercase()), Id::parse(&text));
        }
        assert_eq!(Id::parse("not-an-id"), None);
        assert_eq!(Id::parse(&"+".repeat(36)), None);
    }

    #[test]
    fn ranges_are_met_at_both_ends() {
        let mut chance = Chance::new(3, "ranges");
        let drawn: std::collections::BTreeSet<_> =
            (0..200).map(|_| chance.between(2, 4).0).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(chance.below(0), 0);
        assert_eq!(chance.pick::<u8>(&[]), None);
    }
}
