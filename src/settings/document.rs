//! The document as it was written: JSON with its order and its duplicates, which a map would hide.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::Problem;

/// A value of the document. It may hold a secret, so it has no `Debug`.
pub(super) enum Node {
    /// `null`: as if the key were not there.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that is not negative, however it was written (`300`, `300.0`, `3e2`).
    Whole(u64),
    /// Any other number, as text.
    Number(String),
    /// A string, which may be a secret: nothing of it stays when it was read.
    Text(Zeroizing<String>),
    /// A list; none is expected anywhere.
    List,
    /// An object, in its order and with its duplicates.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What it is, for a sentence that begins with its key.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Null => "is null",
            Self::Bool(_) => "is true or false",
            Self::Whole(_) | Self::Number(_) => "is a number",
            Self::Text(_) => "is text",
            Self::List => "is a list",
            Self::Object(_) => "is an object",
        }
    }

    /// Whether it says nothing: hosts store empty text for a field that was left empty.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

/// Reads a document. What is not one JSON object is one problem, with line and column.
pub(super) fn parse(document: &str) -> Result<Vec<(String, Node)>, Problem> {
    let refused = |wrong: String| Problem {
        key: "The document".to_owned(),
        wrong,
        right: "Write one JSON object: {\"AdapterName\": \"…\", …}".to_owned(),
    };
    // Editors on Windows may put a byte order mark first.
    let document = document.trim_start_matches('\u{feff}');
    if document.trim().is_empty() {
        return Err(refused("is empty".to_owned()));
    }
    match serde_json::from_str::<Node>(document) {
        Ok(Node::Object(entries)) => Ok(entries),
        Ok(other) => Err(refused(format!("{}, not an object", other.what()))),
        // Errors of syntax quote nothing of the document; errors of type would, but every type is taken.
        Err(error) => Err(refused(format!("is not JSON: {error}"))),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or_else(|_| Node::Number(value.to_string()), Node::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // Whole below 2^53, where a float is still exact; every range of the table ends long before.
        if value.fract() == 0.0 && (0.0..9e15).contains(&value) {
            Ok(Node::Whole(value as u64))
        } else {
            Ok(Node::Number(value.to_string()))
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, Node>()? {
            entries.push(entry);
        }
        Ok(Node::Object(entries))
    }
}
