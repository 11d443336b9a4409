//! The name of a feed.

use std::hash::{BuildHasher, RandomState};

use crate::model::time::UtcMicros;

/// A feed's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FeedId {
    /// As the host sees it.
    pub(super) id: String,
    /// The same as a number.
    pub(super) number: u128,
}

impl FeedId {
    /// As the host sees it: a UUID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// The feed that a host knows under this name; `None` if it is no name of a feed.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let number = u128::from_str_radix(&name.replace('-', ""), 16).ok()?;
        let feed = Self::of_number(number);
        (feed.id == name).then_some(feed)
    }

    fn of_number(number: u128) -> Self {
        let hex = format!("{number:032x}");
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        Self {
            id: parts.join("-"),
            number,
        }
    }
}

/// A new name in the form of a random UUID (RFC 9562, version 4). It must never come again, not in another process
/// either; it need not be unguessable. The standard library's hash keys come from the operating system's random source.
pub(super) fn new() -> FeedId {
    let salt = (UtcMicros::read_clock().0, std::process::id());
    let high = RandomState::new().hash_one(salt);
    let low = RandomState::new().hash_one((salt, high));
    let mut bits = (u128::from(high) << 64) | u128::from(low);
    bits = (bits & !(0xf << 76)) | (4 << 76);
    bits = (bits & !(0b11 << 62)) | (0b10 << 62);
    FeedId::of_number(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_feed_id_looks_like_a_random_uuid_and_does_not_come_again() {
        let ids: HashSet<_> = (0..10_000).map(|_| new().id).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(id.len(), 36);
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
            assert_eq!(FeedId::from_name(&id).unwrap().id, id);
        }
        for no_name in ["", "x", "0f", "0000000000000000000000000000000000"] {
            assert_eq!(FeedId::from_name(no_name), None);
        }
    }
}
