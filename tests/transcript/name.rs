//! Readable names instead of ids: `customer`, `agent1`, `queue1`; and times as seconds since the beginning.

use std::collections::BTreeMap;

use gca_region::time::Time;
use gca_region::world::Shown;
use genesys_cloud_adapter::model::time::UtcMicros;
use serde_json::Value;

/// The names of all ids that the frames of a script have.
pub(crate) struct Names {
    names: BTreeMap<String, String>,
    counts: BTreeMap<String, usize>,
    start: Time,
}

impl Names {
    /// Gives names in the order in which the ids appear.
    pub(crate) fn of(shown: &[Shown], start: Time) -> Self {
        let mut names = Self {
            names: BTreeMap::new(),
            counts: BTreeMap::new(),
            start,
        };
        // Users and queues first, by their topics: bodies of calls name some of them only in passing.
        for shown in shown {
            let mut parts = shown.topic.split('.').skip(1);
            let (kind, id) = match (parts.next(), parts.next(), parts.next()) {
                (Some("routing"), Some("queues"), Some(id)) => ("queue", id),
                (Some("users"), Some(id), _) => ("person", id),
                _ => panic!("topic {}", shown.topic),
            };
            names.give(id, kind);
        }
        for shown in shown {
            let body: Value = serde_json::from_str(&shown.body).unwrap();
            if shown.topic.contains(".conversations") {
                names.learn_conversation(&body);
            }
            let stations = [&body["associatedStation"]["id"], &body["stationId"]];
            for id in stations.into_iter().filter_map(Value::as_str) {
                names.give(id, "station");
            }
            names.learn_rest(&body);
        }
        names
    }

    fn learn_conversation(&mut self, body: &Value) {
        self.give(body["id"].as_str().unwrap(), "conversation");
        for party in body["participants"].as_array().unwrap() {
            let purpose = party["purpose"].as_str().unwrap_or("party");
            let id = party["id"].as_str().unwrap();
            self.give(id, purpose);
            let party_name = self.names[id].clone();
            for (member, kind) in [("calls", "call"), ("callbacks", "callback")] {
                for leg in party[member].as_array().into_iter().flatten() {
                    self.give(leg["id"].as_str().unwrap(), &format!("{party_name}.{kind}"));
                }
            }
            for (path, kind) in [
                ("/userId", "person"),
                ("/user/id", "person"),
                ("/queueId", "queue"),
                ("/queue/id", "queue"),
            ] {
                if let Some(id) = party.pointer(path).and_then(Value::as_str) {
                    self.give(id, kind);
                }
            }
        }
    }

    /// Whatever else is an id.
    fn learn_rest(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                for id in ids_in(text) {
                    self.give(id, "id");
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn_rest(item)),
            Value::Object(members) => members.values().for_each(|member| self.learn_rest(member)),
            _ => {}
        }
    }

    fn give(&mut self, id: &str, kind: &str) {
        if self.names.contains_key(id) {
            return;
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        // There is one customer and mostly one call a party; of the others there may well be a second.
        let alone = *count == 1 && (kind == "customer" || kind.contains('.'));
        let name = if alone {
            kind.to_owned()
        } else {
            format!("{kind}{count}")
        };
        self.names.insert(id.to_owned(), name);
    }

    /// The text with names instead of ids, and with a time since the beginning if it is a time.
    pub(crate) fn say(&self, text: &str) -> String {
        if let Some(time) = UtcMicros::from_iso(text) {
            return self.time(time);
        }
        // Of an address, the parameters say nothing more.
        let mut said = match text.split_once(';') {
            Some((address, _)) if text.starts_with("sip:") => address.to_owned(),
            _ => text.to_owned(),
        };
        for id in ids_in(text) {
            if let Some(name) = self.names.get(id) {
                said = said.replace(id, name);
            }
        }
        said
    }

    /// Seconds since the beginning.
    pub(crate) fn time(&self, time: UtcMicros) -> String {
        format!("{:.3}", (time.0 / 1000 - self.start.0) as f64 / 1000.0)
    }

    /// Whose topic it is.
    pub(crate) fn subject(&self, topic: &str) -> String {
        let id = ids_in(topic);
        id.first()
            .map_or_else(|| topic.to_owned(), |id| self.say(id))
    }
}

/// The UUIDs in a text.
fn ids_in(text: &str) -> Vec<&str> {
    const LENGTH: usize = 36;
    let is_id = |candidate: &&str| {
        candidate.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let candidates = (0..text.len()).filter_map(|at| text.get(at..at + LENGTH));
    candidates.filter(is_id).collect()
}
