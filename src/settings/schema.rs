//! The settings as a JSON Schema (draft 2020-12), for hosts that make a form of it.

use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::ADVANCED;
use super::table::{Applies, Kind, Place, Row, TABLE};

/// The schema's text.
pub(super) fn text() -> String {
    let schema = InOrder(vec![
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema").into(),
        ),
        (
            "title",
            json!("Settings of the Genesys Cloud adapter").into(),
        ),
        ("type", json!("object").into()),
        ("required", required(Place::Top).into()),
        ("properties", Part::Block(properties(Place::Top))),
        ("additionalProperties", json!(false).into()),
    ]);
    // Writing text and maps to a string cannot fail; an empty schema would be seen by every test.
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// An object that keeps the order of the table: forms show it so.
struct InOrder(Vec<(&'static str, Part)>);

enum Part {
    Plain(Value),
    Block(InOrder),
}

impl From<Value> for Part {
    fn from(value: Value) -> Self {
        Self::Plain(value)
    }
}

impl Serialize for InOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, part)| (key, part)))
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => value.serialize(serializer),
            Self::Block(block) => block.serialize(serializer),
        }
    }
}

fn required(place: Place) -> Value {
    let rows = TABLE
        .iter()
        .filter(|row| row.place == place && row.default.is_none());
    rows.map(|row| row.key).collect()
}

fn properties(place: Place) -> InOrder {
    let rows = TABLE.iter().filter(|row| row.place == place);
    let mut all: Vec<(&'static str, Part)> =
        rows.map(|row| (row.key, property(row).into())).collect();
    match place {
        Place::Top => {
            let advanced = InOrder(vec![
                ("title", json!("Advanced settings").into()),
                ("type", json!("object").into()),
                ("default", json!({}).into()),
                ("properties", Part::Block(properties(Place::Advanced))),
                // An unknown one is a warning, so that settings of a newer version can be carried back.
                ("additionalProperties", json!(true).into()),
            ]);
            all.push((ADVANCED, Part::Block(advanced)));
        }
        Place::Advanced => {}
    }
    InOrder(all)
}

fn property(row: &Row) -> Value {
    let mut property = Map::new();
    let mut say = |key: &str, value: Value| property.insert(key.to_owned(), value);
    say("title", row.title.into());
    say("description", row.help.into());
    say(
        "x-applies",
        match row.applies {
            Applies::Live => "live".into(),
            Applies::Succession => "succession".into(),
            Applies::Start => "start".into(),
        },
    );
    if row.secret.is_some() {
        say("writeOnly", true.into());
        say("format", "password".into());
    }
    let default = row.default.unwrap_or_default();
    let default = match &row.kind {
        Kind::Text { pattern, .. } => {
            say("type", "string".into());
            if row.default.is_none() {
                say("minLength", 1.into());
            }
            if let Some(pattern) = pattern {
                say("pattern", (*pattern).into());
            }
            json!(default)
        }
        Kind::Choice { words, .. } => {
            say("type", "string".into());
            say("enum", words.iter().map(|(word, _)| *word).collect());
            json!(default)
        }
        Kind::Whole { min, max, unit, .. } => {
            // A number, or text that is one: minimum and maximum speak of the first, the pattern of the second.
            say("type", json!(["integer", "string"]));
            say("minimum", (*min).into());
            say("maximum", (*max).into());
            say("pattern", "^[0-9]+$".into());
            say("x-unit", (*unit).into());
            default.parse::<u64>().map_or(Value::Null, Value::from)
        }
        Kind::Fixed(value) => {
            say("type", "string".into());
            say("const", (*value).into());
            say("readOnly", true.into());
            json!(default)
        }
        Kind::Switch { .. } => {
            say("type", json!(["boolean", "string"]));
            say("enum", json!([true, false, "true", "false"]));
            json!(default == "true")
        }
    };
    if row.default.is_some() && !default.is_null() {
        say("default", default);
    }
    property.into()
}
