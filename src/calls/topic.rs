//! Which topic a notification came on, for the topics that this room follows.
//!
//! Topics are compared without regard to case: the platform's own clients do so, and its spelling is not promised.

/// The shape of a conversation body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// `.conversations`: participants hold `calls[]` with ids of their own.
    Nested,
    /// `.conversations.calls`: one flat record a participant.
    Flat,
}

/// What a topic brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicKind {
    Conversation(Shape),
    Presence,
    RoutingStatus,
    Station,
    PersistentConnection,
}

/// A topic, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic<'a> {
    /// The user's or queue's id.
    pub(crate) subject: &'a str,
    /// Whether `subject` is a queue.
    pub(crate) on_queue: bool,
    pub(crate) kind: TopicKind,
}

/// Takes a topic apart; `None` for one that this room does not follow.
pub(crate) fn parse(topic: &str) -> Option<Topic<'_>> {
    let (rest, on_queue) = match strip_prefix_ignoring_case(topic, "v2.users.") {
        Some(rest) => (rest, false),
        None => (
            strip_prefix_ignoring_case(topic, "v2.routing.queues.")?,
            true,
        ),
    };
    let (subject, leaf) = rest.split_once('.')?;
    let is = |word: &str| leaf.eq_ignore_ascii_case(word);
    let kind = if is("conversations") {
        TopicKind::Conversation(Shape::Nested)
    } else if is("conversations.calls") {
        TopicKind::Conversation(Shape::Flat)
    } else if on_queue {
        return None;
    } else if is("presence") {
        TopicKind::Presence
    } else if is("routingStatus") {
        TopicKind::RoutingStatus
    } else if is("station") {
        TopicKind::Station
    } else if is("persistentconnection") {
        TopicKind::PersistentConnection
    } else {
        return None;
    };
    (!subject.is_empty()).then_some(Topic {
        subject,
        on_queue,
        kind,
    })
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_taken_apart_in_any_case() {
        let topic = parse("v2.users.U-1.conversations.calls").unwrap();
        assert_eq!(
            (topic.subject, topic.on_queue, topic.kind),
            ("U-1", false, TopicKind::Conversation(Shape::Flat))
        );
        let topic = parse("V2.ROUTING.QUEUES.q.Conversations").unwrap();
        assert_eq!(
            (topic.subject, topic.on_queue, topic.kind),
            ("q", true, TopicKind::Conversation(Shape::Nested))
        );
        assert_eq!(
            parse("v2.users.u.routingstatus").unwrap().kind,
            TopicKind::RoutingStatus
        );
        assert_eq!(
            parse("v2.users.u.ROUTINGSTATUS").unwrap().kind,
            TopicKind::RoutingStatus
        );
        assert_eq!(
            parse("v2.users.u.persistentConnection").unwrap().kind,
            TopicKind::PersistentConnection
        );
    }

    #[test]
    fn other_topics_are_not_followed() {
        for topic in [
            "",
            "v2",
            "v2.users.",
            "v2.users.u",
            "v2.users..presence",
            "v2.users.u.tokens",
            "v2.routing.queues.q.users",
            "v2.routing.queues.q.presence",
            "v2.routing.queues.q.persistentconnection",
            "channel.metadata",
            "v2.üsers.u.presence",
        ] {
            assert_eq!(parse(topic), None, "{topic}");
        }
    }
}
