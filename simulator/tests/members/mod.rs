//! Checks bodies against the platform's member lists: no unknown member, no wrong type, no unknown enum value. For
//! every test that has a body in its hands: `mod members;`, then `Members::notifications().check(class, &body)`.

// Each test program uses its part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;

use serde_json::Value;

/// The classes of one list.
pub(crate) struct Members {
    classes: BTreeMap<String, BTreeMap<String, Type>>,
}

#[derive(Debug)]
enum Type {
    String,
    Bool,
    Int32,
    Int64,
    Double,
    DateTime,
    Anything,
    Enum(Vec<String>),
    List(Box<Type>),
    Map(Box<Type>),
    Class(String),
}

impl Members {
    /// The bodies of notifications.
    pub(crate) fn notifications() -> Self {
        Self::read(include_str!("notifications.txt"))
    }

    /// The answers of REST.
    pub(crate) fn rest() -> Self {
        Self::read(include_str!("rest.txt"))
    }

    fn read(list: &str) -> Self {
        let mut classes: BTreeMap<String, BTreeMap<String, Type>> = BTreeMap::new();
        let mut class = String::new();
        for line in list
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            match line.strip_prefix("  ") {
                None => {
                    class = line.to_owned();
                    classes.insert(class.clone(), BTreeMap::new());
                }
                Some(member) => {
                    let (name, of) = member
                        .split_once(' ')
                        .expect("a member has a name and a type");
                    classes
                        .get_mut(&class)
                        .expect("a member has a class")
                        .insert(name.to_owned(), Type::read(of));
                }
            }
        }
        assert!(classes.len() > 20, "the list is not empty");
        Self { classes }
    }

    /// What is wrong with this body of this class; empty if nothing is. Each problem names its place.
    pub(crate) fn check(&self, class: &str, body: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        self.check_class(class, body, class, &mut problems);
        problems
    }

    fn check_class(&self, class: &str, value: &Value, place: &str, problems: &mut Vec<String>) {
        let Some(object) = value.as_object() else {
            return problems.push(format!("{place}: not an object"));
        };
        let Some(members) = self.classes.get(class) else {
            return problems.push(format!("{place}: the members of {class} are not listed"));
        };
        for (name, value) in object {
            let place = format!("{place}.{name}");
            match members.get(name) {
                None => problems.push(format!("{place}: {class} has no such member")),
                Some(of) => self.check_type(of, value, &place, problems),
            }
        }
    }

    fn check_type(&self, of: &Type, value: &Value, place: &str, problems: &mut Vec<String>) {
        let right = match of {
            Type::Class(class) => return self.check_class(class, value, place, problems),
            Type::List(of) => {
                let Some(items) = value.as_array() else {
                    return problems.push(format!("{place}: not an array"));
                };
                for (at, item) in items.iter().enumerate() {
                    self.check_type(of, item, &format!("{place}[{at}]"), problems);
                }
                return;
            }
            Type::Map(of) => {
                let Some(items) = value.as_object() else {
                    return problems.push(format!("{place}: not an object"));
                };
                for (key, item) in items {
                    self.check_type(of, item, &format!("{place}.{key}"), problems);
                }
                return;
            }
            Type::Anything => true,
            Type::String => value.is_string(),
            Type::Bool => value.is_boolean(),
            Type::Int32 => value
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_ok()),
            Type::Int64 => value.is_i64(),
            Type::Double => value.is_number(),
            Type::DateTime => value.as_str().is_some_and(is_datetime),
            Type::Enum(words) => value
                .as_str()
                .is_some_and(|word| words.iter().any(|known| known == word)),
        };
        if !right {
            problems.push(format!("{place}: {value} is no {of:?}"));
        }
    }
}

impl Type {
    fn read(text: &str) -> Self {
        let inside = |open: &str, close: &str| {
            text.strip_prefix(open)
                .and_then(|rest| rest.strip_suffix(close))
        };
        if let Some(words) = inside("enum(", ")") {
            return Self::Enum(words.split('|').map(str::to_owned).collect());
        }
        if let Some(of) = inside("[", "]") {
            return Self::List(Box::new(Self::read(of)));
        }
        if let Some(of) = inside("map<string,", ">") {
            return Self::Map(Box::new(Self::read(of)));
        }
        match text {
            "string" => Self::String,
            "bool" => Self::Bool,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "datetime" => Self::DateTime,
            "object" => Self::Anything,
            class => Self::Class(class.to_owned()),
        }
    }
}

/// ISO 8601 in UTC with milliseconds, as every recorded body has it.
fn is_datetime(text: &str) -> bool {
    text.len() == 24
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            19 => byte == b'.',
            23 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

/// The class of the body of a topic.
pub(crate) fn class_of(topic: &str) -> &'static str {
    let classes = [
        (".conversations", "ConversationEventTopicConversation"),
        (".presence", "PresenceEventUserPresence"),
        (".routingStatus", "UserRoutingStatusUserRoutingStatus"),
        (".station", "UserStationChangeTopicUserStations"),
        (".activity", "AgentActivityChangedTopicAgentActivity"),
        (
            ".persistentconnection",
            "PersistentConnectionChangeTopicPersistentConnectionChangeEvent",
        ),
        (
            ".conversations.calls",
            "ConversationCallEventTopicCallConversation",
        ),
    ];
    match classes.iter().find(|(suffix, _)| topic.ends_with(suffix)) {
        Some((".conversations.calls", _)) if topic.starts_with("v2.routing.queues.") => {
            "QueueConversationCallEventTopicCallConversation"
        }
        Some((_, class)) => class,
        None => "SystemMessageSystemMessage",
    }
}
