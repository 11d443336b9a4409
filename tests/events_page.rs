//! `docs/EVENTS.md` against what is told: the region's scripts, heard in the nested form, the flat one and both. Every event
//! is about what the page says, has no field that the page does not name for its kind, and comes only in the forms that the
//! page names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

mod day;

use std::collections::{BTreeMap, BTreeSet};

use day::Day;
use day::arrival::{Form, form};
use genesys_cloud_adapter::model::event::{Detail, Event, EventKind, Source, Subject};

/// What the page says of a kind.
#[derive(Debug, Default)]
struct Entry {
    about: String,
    class: String,
    nested: String,
    flat: String,
    time: String,
    fills: BTreeSet<String>,
}

/// The entries of *Each kind*, by the kind's name.
fn entries() -> BTreeMap<String, Entry> {
    let page = include_str!("../docs/EVENTS.md").replace("\r\n", "\n");
    let kinds = page
        .split("\n## ")
        .find(|part| part.starts_with("Each kind"))
        .unwrap();
    let mut entries = BTreeMap::new();
    for section in kinds.split("\n### `").skip(1) {
        let (name, text) = section.split_once('`').unwrap();
        let line = |start: &str| {
            (text.lines().find_map(|line| line.strip_prefix(start))).unwrap_or_default()
        };
        let (about, class) = line("- About ").split_once("; id ").unwrap();
        let (nested, flat) = line("- Nested: ")
            .split_once(". Flat: ")
            .unwrap_or_default();
        let fills = line("- Fills: ").split('`').skip(1).step_by(2);
        let entry = Entry {
            about: about.to_owned(),
            class: class.trim_end_matches('.').to_owned(),
            nested: nested.to_owned(),
            flat: flat.trim_end_matches('.').to_owned(),
            time: line("- Time: ").to_owned(),
            fills: fills.map(str::to_owned).collect(),
        };
        entries.insert(name.to_owned(), entry);
    }
    entries
}

impl Entry {
    /// Whether it fills a path, or something of an object.
    fn fills(&self, path: &str) -> bool {
        let within = |fill: &String| fill.split('.').next() == Some(path);
        self.fills.contains(path) || self.fills.iter().any(within)
    }

    /// What is wrong with an event that was told in one form only, or in both.
    fn refutes(&self, event: &Event, only: Option<Form>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut claim = |holds: bool, what: &str| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        let about = match &event.subject {
            Subject::Connection(connection) if connection.participant.is_none() => ["the call"; 2],
            Subject::Connection(_) => ["a connection", "a participant"],
            Subject::Agent { .. } => ["an agent"; 2],
            Subject::Feed(_) | Subject::Lost(_) | Subject::Gap(_) | Subject::Renewal(_) => {
                ["the feed"; 2]
            }
        };
        // A consult in a conversation of its own is told on the call.
        let is_consult = event.kind.name().starts_with("consult_");
        claim(
            about.contains(&&*self.about) || is_consult,
            "is about something else",
        );
        let may_be_exact = matches!(&*self.class, "once" | "timed");
        claim(!event.id_exact || may_be_exact, "has an exact id");
        claim(
            event.platform_time.is_none() || self.time != "none.",
            "has a time",
        );
        claim(event.raw.is_empty() || self.fills("raw"), "has a raw word");
        let has_reason = !event.reason.is_empty() && event.source != Source::Synthetic;
        claim(!has_reason || self.fills("reason"), "has a reason");
        let of_detail: &[&str] = match event.detail.as_deref() {
            None => &[],
            Some(Detail::Related {
                conversation,
                old,
                new,
            }) => {
                let told = [conversation.is_some(), old.is_some(), new.is_some()];
                let fields = [
                    "related_conversation_id",
                    "old_connection_id",
                    "new_connection_id",
                ];
                for (field, _) in fields.iter().zip(told).filter(|(_, told)| *told) {
                    claim(self.fills(field), field);
                }
                &[]
            }
            Some(Detail::Conference { .. }) => &["parties[]"],
            Some(Detail::Routing { .. }) => &["routing"],
            Some(Detail::Attribute { .. }) => &["attribute"],
            Some(Detail::Attributes(_)) => &["attributes"],
            Some(Detail::WrapUp { .. }) => &["wrap_up"],
            Some(Detail::Callback { .. }) => &["callback"],
            Some(Detail::Dialer { .. }) => &["dialer"],
        };
        for object in of_detail {
            claim(self.fills(object), object);
        }
        let of_conversation = matches!(event.subject, Subject::Connection(_));
        match only.filter(|_| of_conversation) {
            Some(Form::Flat) => {
                claim(self.flat != "none", "is told by the flat form");
                let communication = match &event.subject {
                    Subject::Connection(connection) => connection.communication.as_ref(),
                    _ => None,
                };
                claim(
                    communication.is_none(),
                    "has a call leg's id from the flat form",
                );
            }
            Some(_) => {
                claim(self.nested != "none", "is told by the nested form");
                // Of what only the flat form and reads date.
                let is_flats = self.time.starts_with("flat ");
                claim(
                    !is_flats || event.platform_time.is_none(),
                    "has a time from the nested form",
                );
            }
            None => {}
        }
        wrong
    }
}

#[test]
fn what_is_told_is_what_the_page_says() {
    let entries = entries();
    let kinds: BTreeSet<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(
        entries.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        kinds
    );
    let mut wrong: BTreeMap<String, Event> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for seed in [1, 2] {
        let day = Day::live(seed);
        for only in [None, Some(Form::Nested), Some(Form::Flat)] {
            let heard = day.shown.iter().filter(|shown| match only {
                None => true,
                Some(only) => [only, Form::OfAgents].contains(&form(&shown.topic)),
            });
            for event in day::hear(heard.map(|shown| (shown.at, shown))) {
                let name = event.kind.name();
                told.insert(name);
                for what in entries[name].refutes(&event, only) {
                    wrong
                        .entry(format!("{name} {what}"))
                        .or_insert(event.clone());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the page does not say so: {wrong:#?}");
    assert!(told.len() > 10, "only {told:?} were told");
}
