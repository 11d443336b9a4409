//! Identifiers of the platform, each a type of its own.
//!
//! Genesys Cloud's ids are UUIDs in all that was ever seen, but its schemas say `string`, so an id is kept as the text
//! that came. Cloning one is a reference count, not a copy.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text that the platform uses for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_id! {
    /// A conversation: one customer contact, or one internal call (Genesys Cloud `conversation.id`).
    ConversationId;
    /// A participant of a conversation: one party, or one attempt to reach one (`participants[].id`).
    ParticipantId;
    /// A call leg of a participant, which recording and media interfaces name (`participants[].calls[].id`).
    CommunicationId;
    /// A user of the organization, agents and supervisors among them.
    UserId;
    /// A routing queue.
    QueueId;
    /// A station: the device or softphone that a user is associated with.
    StationId;
    /// A notification topic, for example `v2.users.{id}.conversations`, or several combined into one
    /// (`v2.users.{id}?presence&station`, at most 200 characters).
    Topic;
}

/// A notification channel. Its id is the channel's only secret (whoever knows it can open its websocket), so it has no
/// [`fmt::Display`], and its [`fmt::Debug`] shows no more than the first four characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChannelId(Arc<str>);

impl ChannelId {
    /// The id itself, for a request to the platform. Never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ChannelId {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().take(4).collect();
        write!(f, "channel {shown}…")
    }
}
