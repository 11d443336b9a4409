//! A body as what changed in it since the last of its conversation and shape, whoever's topic that came on.

use std::collections::BTreeMap;

use gca_region::world::Shown;
use serde_json::Value;

use super::name::Names;
use crate::day::arrival::{Form, form};

/// Members that say nothing of what happens to a call, or say again what another one says.
const DULL: &[&str] = &[
    "address",
    "addressRaw",
    "alertingTimeoutMs",
    "divisions",
    "maxParticipants",
    "mediaRoles",
    "otherMediaUris",
    "provider",
    "recording",
    "queueMediaSettings",
    "recorders",
    "recordersState",
    "script",
    "scriptId",
    "source",
    "utilizationLabelId",
    "wrapupExpected",
    "wrapupPrompt",
    "wrapupRequired",
    "wrapupTimeoutMs",
];

/// What was shown last.
#[derive(Default)]
pub(crate) struct Frames {
    /// By conversation (or topic) and shape; of it, by participant; of it, by path of the member.
    shown: BTreeMap<(String, bool), BTreeMap<String, Members>>,
}

type Members = BTreeMap<String, String>;

impl Frames {
    /// What the body says that the last one did not, a line a participant.
    pub(crate) fn changes(&mut self, shown: &Shown, names: &Names) -> Vec<String> {
        let body: Value = serde_json::from_str(&shown.body).unwrap();
        let form = form(&shown.topic);
        let key = match form {
            Form::OfAgents => (shown.topic.to_string(), false),
            _ => (body["id"].as_str().unwrap().to_owned(), form == Form::Flat),
        };
        let mut parts: Vec<(String, Members)> = Vec::new();
        let mut whole = Members::new();
        for (member, value) in body.as_object().unwrap() {
            if member != "participants" {
                flatten(member, value, names, &mut whole);
            }
        }
        parts.push((names.say(body["id"].as_str().unwrap_or_default()), whole));
        for party in body["participants"].as_array().into_iter().flatten() {
            let mut members = Members::new();
            for (member, value) in party.as_object().unwrap() {
                flatten(member, value, names, &mut members);
            }
            parts.push((names.say(party["id"].as_str().unwrap()), members));
        }
        let before = self.shown.entry(key).or_default();
        let mut changes = Vec::new();
        for (who, members) in &parts {
            let change = change(before.get(who), members);
            if !change.is_empty() {
                let who = if who.is_empty() {
                    ""
                } else {
                    &format!("{who}: ")
                };
                changes.push(format!("{who}{change}"));
            }
        }
        let gone = before
            .keys()
            .filter(|who| parts.iter().all(|(now, _)| now != *who));
        changes.extend(gone.map(|who| format!("{who} is gone")));
        *before = parts.into_iter().collect();
        if changes.is_empty() {
            changes.push("nothing of interest changed".to_owned());
        }
        changes
    }
}

fn flatten(path: &str, value: &Value, names: &Names, members: &mut Members) {
    let member = path.rsplit('.').next().unwrap_or(path);
    let member = member.split('[').next().unwrap_or(member);
    // An id is the name of whom it is the id of.
    if DULL.contains(&member) || path == "id" || path.ends_with("].id") {
        return;
    }
    match value {
        Value::Object(inner) => {
            for (member, value) in inner {
                flatten(&format!("{path}.{member}"), value, names, members);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{at}]"), item, names, members);
            }
        }
        _ => {
            let said = match value {
                Value::String(text) => names.say(text),
                Value::Null => return,
                other => other.to_string(),
            };
            // Most participants have one call: its members are theirs.
            let path = path
                .replace("calls[0].", "call.")
                .replace("disconnectReasons[0].", "reason.");
            members.insert(path, said);
        }
    }
}

fn change(before: Option<&Members>, now: &Members) -> String {
    let mut said = Vec::new();
    for (path, value) in now {
        match before.and_then(|before| before.get(path)) {
            Some(was) if was == value => {}
            Some(was) => said.push(format!("{path} {was} -> {value}")),
            // What is not so goes without saying, if it never was.
            None if value == "false" || value.is_empty() => {}
            None => said.push(format!("{path} {value}")),
        }
    }
    for path in before.into_iter().flat_map(BTreeMap::keys) {
        if !now.contains_key(path) {
            said.push(format!("no {path}"));
        }
    }
    said.join(", ")
}
