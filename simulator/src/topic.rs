//! Topics: which exist, how a combined one expands, and how a name is compared.
//!
//! Knows the public list of topics and the spelling of combined ones. Does not know who subscribed, nor what any topic
//! shows.

use std::collections::HashMap;

use serde_json::{Value, json};

/// The longest id that a subscription may have; only combined topics come near (Genesys Cloud developer center,
/// notifications, "combined topics").
pub const LONGEST_ID: usize = 200;

/// The most topics that one channel takes; a combined one counts as one.
pub const MOST_PER_CHANNEL: usize = 1_000;

/// The name of one topic as it is compared: expanded, in lower case. The official .NET client lower-cases every name,
/// so the platform's spelling is not to be relied on.
pub type TopicKey = Box<str>;

/// The key of an expanded topic.
#[must_use]
pub fn key(topic: &str) -> TopicKey {
    topic.to_ascii_lowercase().into_boxed_str()
}

/// Why an id cannot be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicProblem {
    /// Longer than [`LONGEST_ID`].
    TooLong,
    /// Not one of the public topics, or a combination of which one part is none.
    Unknown,
}

impl TopicProblem {
    /// The sentence that the region answers.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::TooLong => "the topic id is longer than 200 characters",
            Self::Unknown => "the topic id is not a known topic",
        }
    }
}

/// The topics that the region knows.
#[derive(Debug)]
pub struct Catalogue {
    templates: Vec<&'static str>,
    /// Templates as lower-case segments, by their number.
    by_length: HashMap<usize, Vec<Vec<String>>>,
}

impl Catalogue {
    /// The public topics of the platform.
    #[must_use]
    pub fn public() -> Self {
        let templates: Vec<&'static str> = include_str!("topics.txt")
            .lines()
            .filter(|line| line.starts_with("v2."))
            .collect();
        let mut by_length: HashMap<usize, Vec<Vec<String>>> = HashMap::new();
        for template in &templates {
            let segments: Vec<String> = template.split('.').map(str::to_ascii_lowercase).collect();
            by_length.entry(segments.len()).or_default().push(segments);
        }
        Self {
            templates,
            by_length,
        }
    }

    /// The expanded topics behind an id: itself, or for `prefix?a&b` the topics `prefix.a` and `prefix.b`, in the
    /// spelling of the request.
    ///
    /// # Errors
    /// The id is too long, or a topic in it is not known.
    pub fn expand(&self, id: &str) -> Result<Vec<String>, TopicProblem> {
        if id.len() > LONGEST_ID {
            return Err(TopicProblem::TooLong);
        }
        let expanded: Vec<String> = match id.split_once('?') {
            None => vec![id.to_owned()],
            Some((prefix, suffixes)) => suffixes
                .split('&')
                .map(|suffix| format!("{prefix}.{suffix}"))
                .collect(),
        };
        if expanded.iter().all(|topic| self.knows(topic)) {
            Ok(expanded)
        } else {
            Err(TopicProblem::Unknown)
        }
    }

    fn knows(&self, topic: &str) -> bool {
        let segments: Vec<&str> = topic.split('.').collect();
        let Some(templates) = self.by_length.get(&segments.len()) else {
            return false;
        };
        templates.iter().any(|template| {
            template.iter().zip(&segments).all(|(wanted, segment)| {
                if wanted == "{id}" {
                    !segment.is_empty()
                } else {
                    wanted.eq_ignore_ascii_case(segment)
                }
            })
        })
    }

    /// The answer of `GET /api/v2/notifications/availabletopics`: an AvailableTopic for each template, with the
    /// members that `expand` names. No topic of this list is in preview, so `includePreview` adds none.
    #[must_use]
    pub fn listing(&self, expand: &[&str]) -> Value {
        let wants = |member: &str| expand.contains(&member);
        let entities: Vec<Value> = self
            .templates
            .iter()
            .map(|template| {
                let mut entity = serde_json::Map::new();
                entity.insert("id".into(), json!(template));
                if wants("description") {
                    entity.insert("description".into(), json!(description(template)));
                }
                if wants("visibility") {
                    entity.insert("visibility".into(), json!("Public"));
                }
                if wants("transports") {
                    entity.insert("transports".into(), json!(["All"]));
                }
                if wants("enforced") {
                    entity.insert("enforced".into(), json!(permission(template).is_some()));
                }
                if wants("topicParameters") {
                    let parameters = template.matches("{id}").count();
                    entity.insert("topicParameters".into(), json!(vec!["id"; parameters]));
                }
                if wants("requiresPermissions") {
                    let permissions: Vec<&str> = permission(template).into_iter().collect();
                    entity.insert("requiresPermissions".into(), json!(permissions));
                }
                if wants("permissionDetails") {
                    let details: Vec<Value> = permission(template)
                        .into_iter()
                        .map(|permission| {
                            json!({
                                "type": "requiresDivisionPermissions",
                                "permissions": [permission],
                                "allowsCurrentUser": template.starts_with("v2.users."),
                                "enforced": true,
                            })
                        })
                        .collect();
                    entity.insert("permissionDetails".into(), json!(details));
                }
                Value::Object(entity)
            })
            .collect();
        json!({ "entities": entities })
    }
}

/// A permission that a client plausibly needs for a topic, expanded or template. The platform publishes no list of
/// them: a client must not rely on these strings, only on their being there.
#[must_use]
pub fn permission(topic: &str) -> Option<&'static str> {
    let topic = topic.to_ascii_lowercase();
    if topic.contains(".conversations") || topic.starts_with("v2.detail.events.conversation.") {
        Some("conversation:communication:view")
    } else if topic.starts_with("v2.users.") {
        Some("directory:user:view")
    } else if topic.starts_with("v2.routing.queues.") {
        Some("routing:queue:view")
    } else if topic.starts_with("v2.telephony.") {
        Some("telephony:plugin:all")
    } else {
        None
    }
}

fn description(template: &str) -> String {
    let words: Vec<&str> = template
        .split('.')
        .skip(1)
        .filter(|segment| *segment != "{id}")
        .collect();
    format!("Changes of {}", words.join(" "))
}

/// Whether a topic fits a pattern in which `*` stands for any characters; case does not matter.
#[must_use]
pub fn fits(pattern: &str, topic: &str) -> bool {
    let topic = topic.to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return false;
    };
    let Some(mut rest) = topic.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combined_topic_expands_to_its_parts() {
        let catalogue = Catalogue::public();
        let expanded = catalogue.expand("v2.users.7d1f?presence&routingStatus&conversations.calls");
        assert_eq!(
            expanded,
            Ok(vec![
                "v2.users.7d1f.presence".to_owned(),
                "v2.users.7d1f.routingStatus".to_owned(),
                "v2.users.7d1f.conversations.calls".to_owned(),
            ])
        );
    }

    #[test]
    fn unknown_and_overlong_ids_are_told_apart() {
        let catalogue = Catalogue::public();
        assert_eq!(
            catalogue.expand("v2.stations.7d1f"),
            Err(TopicProblem::Unknown)
        );
        assert_eq!(
            catalogue.expand("v2.users.7d1f?presence&nonsense"),
            Err(TopicProblem::Unknown)
        );
        assert_eq!(
            catalogue.expand("v2.users..presence"),
            Err(TopicProblem::Unknown)
        );
        let fits = format!("v2.users.{}.presence", "x".repeat(LONGEST_ID - 18));
        assert_eq!(fits.len(), LONGEST_ID);
        assert!(catalogue.expand(&fits).is_ok());
        assert_eq!(
            catalogue.expand(&format!("{fits}x")),
            Err(TopicProblem::TooLong)
        );
    }

    #[test]
    fn patterns_take_stars() {
        assert!(fits("v2.users.*.presence", "v2.users.1.Presence"));
        assert!(!fits("v2.users.*.presence", "v2.users.1.presences"));
        assert!(fits("*conversations*", "v2.users.1.conversations.calls"));
        assert!(fits("v2.users.1.station", "v2.users.1.station"));
        assert!(!fits("v2.users.1", "v2.users.1.station"));
        assert!(fits("*", "anything"));
    }
}
