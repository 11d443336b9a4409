//! Whom the feed follows, and by which topic.
//!
//! A subject (a user, a queue) is followed by one combined topic. A user's topic ends with a form that calls can do
//! without (`DISPENSABLE`). Where it may be what is refused, the user is asked for once more without it, and stays
//! without it.

use crate::model::id::{QueueId, Topic, UserId};

/// The platform's limit on a combined topic.
const LONGEST_TOPIC: usize = 200;
/// The form that a user is followed without where the platform refuses it.
pub(super) const DISPENSABLE: &str = "persistentconnection";

/// Whom a topic is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    User(UserId),
    Queue(QueueId),
}

impl Subject {
    /// The forms that its combined topic joins: the nested conversations lead, the flat ones add what only they have.
    const fn forms(&self, form: Form) -> &'static [&'static str] {
        match (self, form) {
            (Self::User(_), Form::Whole) => &[
                "presence",
                "routingStatus",
                "station",
                "conversations",
                "conversations.calls",
                DISPENSABLE,
            ],
            (Self::User(_), Form::Trial | Form::Calls | Form::Lessened) => &[
                "presence",
                "routingStatus",
                "station",
                "conversations",
                "conversations.calls",
            ],
            (Self::Queue(_), _) => &["conversations", "conversations.calls"],
        }
    }

    /// What all its topics start with.
    pub(super) fn stem(&self) -> String {
        match self {
            Self::User(id) => format!("v2.users.{id}"),
            Self::Queue(id) => format!("v2.routing.queues.{id}"),
        }
    }

    /// Its combined topic, unless the id is so long that the platform would not take it.
    pub(super) fn topic(&self) -> Option<Topic> {
        self.topic_in(Form::Whole)
    }

    pub(super) fn topic_in(&self, form: Form) -> Option<Topic> {
        let topic = format!("{}?{}", self.stem(), self.forms(form).join("&"));
        (topic.len() <= LONGEST_TOPIC).then(|| Topic::from(topic))
    }
}

/// How much of a subject is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Whole,
    /// All but what is dispensable, to find out whether that is what the platform refuses.
    Trial,
    /// All but what is dispensable, until the next channel: the platform refuses the rest as well, or did.
    Calls,
    /// All but what is dispensable, which the platform refuses.
    Lessened,
}

/// The stem of a topic as the platform spells it: what is before the forms, in lower case.
pub(super) fn stem_of(topic: &str) -> Option<String> {
    let lower = topic.to_ascii_lowercase();
    let id = ["v2.users.", "v2.routing.queues."]
        .iter()
        .find_map(|family| {
            let rest = lower.strip_prefix(family)?;
            Some(family.len() + rest.find(['.', '?']).unwrap_or(rest.len()))
        })?;
    Some(lower[..id].to_owned())
}
