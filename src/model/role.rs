//! The part that an adapter plays where two follow the same region.

/// Which of two adapters it is. Two adapters with roles share the 20 channels of one client id: each keeps to a half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The first.
    Primary,
    /// The second; its restart of the day comes an hour after the first one's.
    Secondary,
}
