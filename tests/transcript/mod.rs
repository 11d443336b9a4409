//! A script, played alone and written down for a reader: frames in, events out.
//!
//! | file         | what it is                                                                    |
//! |--------------|-------------------------------------------------------------------------------|
//! | `name`       | readable names instead of ids, in the order in which they appear              |
//! | `frame`      | a body as what changed in it since the last of its conversation and shape     |
//! | `event`      | an event in one line, and what is known of its connection where that is new   |
//! | `difference` | two texts as one with marks                                                   |

pub(crate) mod difference;
mod event;
mod frame;
mod name;

use std::fmt::Write as _;

use gca_region::script::Script;
use gca_region::time::Time;
use gca_region::world::{Shown, World, WorldConfig};
use genesys_cloud_adapter::calls::Calls;

use crate::day::arrival::{Form, form, is_followed};
use crate::day::tell;

/// The organization of the transcripts: small, its agents at their desks all day, at the pace of life.
fn stage() -> WorldConfig {
    WorldConfig {
        users: 12,
        queues: 2,
        calls_per_minute: 0.0,
        minutes_per_presence: 0.0,
        pace: 1.0,
        seed: 3,
        ..WorldConfig::default()
    }
}

/// Frames that come at one moment with the same body, and what came of them.
struct Entry<'a> {
    shown: &'a Shown,
    subjects: Vec<String>,
    changes: Vec<String>,
    events: Vec<String>,
}

/// Plays a script and writes it down.
pub(crate) fn of(script: &'static Script) -> String {
    let config = stage();
    let start = config.start;
    let mut world = World::new(config);
    world.play(script.name, start).unwrap();
    let mut shown: Vec<Shown> = std::iter::from_fn(|| world.poll_shown()).collect();
    while let Some(due) = world.poll_timeout() {
        world.handle_timeout(due);
        shown.extend(std::iter::from_fn(|| world.poll_shown()));
    }
    shown.retain(|shown| is_followed(&shown.topic));
    let names = name::Names::of(&shown, start);
    let mut text = format!("{}: {}\n", script.name, script.story);
    for (title, other) in [
        ("nested", Some(Form::Flat)),
        ("flat", Some(Form::Nested)),
        ("both", None),
    ] {
        let heard = shown
            .iter()
            .filter(|shown| Some(form(&shown.topic)) != other);
        write_section(&mut text, title, heard, &names, start);
    }
    text
}

fn write_section<'a>(
    text: &mut String,
    title: &str,
    heard: impl Iterator<Item = &'a Shown>,
    names: &name::Names,
    start: Time,
) {
    let mut calls = Calls::new(1 << 20);
    let mut frames = frame::Frames::default();
    let mut writer = event::Writer::default();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for shown in heard {
        tell(&mut calls, shown, shown.at);
        let events: Vec<String> = std::iter::from_fn(|| calls.poll_event())
            .flat_map(|event| writer.write(&event, names))
            .collect();
        let subject = names.subject(&shown.topic);
        let same = (entries.iter_mut().rev())
            .take_while(|entry| entry.shown.at == shown.at)
            .find(|entry| {
                entry.shown.body == shown.body && form(&entry.shown.topic) == form(&shown.topic)
            });
        match same {
            Some(same) if events.is_empty() => same.subjects.push(subject),
            Some(_) => entries.push(Entry {
                shown,
                subjects: vec![subject],
                changes: vec!["the same body".to_owned()],
                events,
            }),
            None => entries.push(Entry {
                shown,
                subjects: vec![subject],
                changes: frames.changes(shown, names),
                events,
            }),
        }
    }
    _ = writeln!(text, "\n== {title}");
    for entry in entries {
        let seconds = (entry.shown.at - start).0 as f64 / 1000.0;
        let what = match form(&entry.shown.topic) {
            Form::Nested => "conversations",
            Form::Flat => "conversations.calls",
            Form::OfAgents => entry.shown.topic.rsplit('.').next().unwrap(),
        };
        let of = entry.subjects.join(", ");
        let metadata = entry
            .shown
            .metadata_action
            .map_or(String::new(), |action| format!(" ({action})"));
        _ = writeln!(text, "\n{seconds:.3} {what} of {of}{metadata}");
        for change in entry.changes {
            _ = writeln!(text, "    {change}");
        }
        for event in entry.events {
            _ = writeln!(text, "{event}");
        }
    }
    let open = (calls.open_conversations(), calls.open_connections());
    if open != (0, 0) {
        _ = writeln!(
            text,
            "\nopen at the end: {} conversations, {} connections",
            open.0, open.1
        );
    }
}

/// One section of a transcript.
pub(crate) fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let from = text.find(&format!("\n== {title}\n")).unwrap();
    let rest = &text[from + 1..];
    rest.find("\n== ").map_or(rest, |to| &rest[..to])
}
