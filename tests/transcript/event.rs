//! An event in one line; and in a second one what is known of its connection, where that is new.

use std::collections::BTreeMap;
use std::sync::Arc;

use genesys_cloud_adapter::model::event::{
    Campaign, Cause, Connection, ConnectionRef, ConnectionState, Detail, Direction, Event, Flag,
    Subject,
};
use genesys_cloud_adapter::model::time::UtcMicros;

use super::name::Names;

/// Writes events; remembers what was written of each connection.
#[derive(Default)]
pub(crate) struct Writer {
    known: BTreeMap<String, BTreeMap<&'static str, String>>,
}

impl Writer {
    pub(crate) fn write(&mut self, event: &Event, names: &Names) -> Vec<String> {
        let Event {
            kind,
            id,
            id_exact,
            source,
            platform_time,
            received: _,
            subject,
            state,
            previous,
            cause,
            raw,
            reason,
            held,
            muted,
            confined,
            secure_pause,
            detail,
        } = event;
        let mut said = vec![kind.name().to_owned()];
        let mut facts = Vec::new();
        match subject {
            Subject::Connection(connection) => {
                said.push(names.say(who(connection)));
                facts = self.news(connection, names);
            }
            Subject::Agent { user, station } => {
                said.push(names.say(user.id.as_str()));
                if let Some(station) = station {
                    said.push(names.say(station.id.as_str()));
                    let words = [&station.kind, &station.name, &station.extension];
                    let words = words.into_iter().filter(|word| !word.is_empty());
                    said.extend(words.map(ToString::to_string));
                }
            }
            other => panic!("calls told {other:?}"),
        }
        if let Some(time) = platform_time {
            said.push(format!("at {}", names.time(*time)));
        }
        if *state != ConnectionState::Unknown || *previous != ConnectionState::Unknown {
            said.push(format!("{} -> {}", previous.name(), state.name()));
        }
        if *cause != Cause::None {
            said.push(format!("cause {}", cause.name()));
        }
        for (title, text) in [("raw", raw), ("reason", reason)] {
            if !text.is_empty() {
                said.push(format!("{title} {}", names.say(text)));
            }
        }
        for (title, flag) in [
            ("held", held),
            ("muted", muted),
            ("confined", confined),
            ("secure pause", secure_pause),
        ] {
            if *flag == Flag::Yes {
                said.push(title.to_owned());
            }
        }
        said.extend(detail.iter().map(|detail| write_detail(detail, names)));
        let exact = if *id_exact { "exact" } else { "counted" };
        said.push(format!("[{} {exact} {:08x}]", source.name(), id.0 >> 96));
        let mut lines = vec![format!("  > {}", said.join(", "))];
        if !facts.is_empty() {
            lines.push(format!("      {}", facts.join(", ")));
        }
        lines
    }

    /// What is known of the connection and was not written yet.
    fn news(&mut self, connection: &Connection, names: &Names) -> Vec<String> {
        let Connection {
            conversation,
            root_contact,
            participant: _,
            communication,
            peer,
            user,
            station,
            queue,
            direction,
            purpose,
            ani,
            dnis,
            provider: _,
            party: _,
        } = connection;
        let mut facts: BTreeMap<&'static str, String> = BTreeMap::new();
        let mut add = |title, text: &str| {
            if !text.is_empty() {
                facts.insert(title, names.say(text));
            }
        };
        add("of", conversation.as_str());
        if root_contact != conversation {
            add("root contact", root_contact.as_str());
        }
        add("leg", communication.as_ref().map_or("", |id| id.as_str()));
        add("peer", peer.as_ref().map_or("", |id| id.as_str()));
        add("user", user.as_ref().map_or("", |user| user.id.as_str()));
        add(
            "station",
            station.as_ref().map_or("", |station| station.id.as_str()),
        );
        add(
            "queue",
            queue.as_ref().map_or("", |queue| queue.id.as_str()),
        );
        if *direction != Direction::Unknown {
            add("direction", direction.name());
        }
        add("purpose", purpose);
        add("ani", ani);
        add("dnis", dnis);
        let known = self.known.entry(who(connection).to_owned()).or_default();
        let mut news: Vec<String> = (facts.iter())
            .filter(|(title, text)| known.get(*title) != Some(text))
            .map(|(title, text)| format!("{title} {text}"))
            .collect();
        let gone = known.keys().filter(|title| !facts.contains_key(*title));
        news.extend(gone.map(|title| format!("no {title}")));
        *known = facts;
        news
    }
}

fn who(connection: &Connection) -> &str {
    match &connection.participant {
        Some(participant) => participant.as_str(),
        None => connection.conversation.as_str(),
    }
}

fn write_detail(detail: &Detail, names: &Names) -> String {
    let connection = |connection: &ConnectionRef| {
        let user = connection.user.as_ref().map_or(String::new(), |user| {
            format!(" ({})", names.say(user.id.as_str()))
        });
        format!("{}{user}", names.say(connection.id()))
    };
    let texts = |texts: &[Arc<str>]| {
        let texts: Vec<String> = texts.iter().map(|text| names.say(text)).collect();
        texts.join(" ")
    };
    let campaign = |campaign: &Option<Campaign>| match campaign {
        None => String::new(),
        Some(campaign) => names.say(&format!(
            " campaign {} contact {} list {}",
            campaign.campaign, campaign.contact, campaign.contact_list
        )),
    };
    let time = |time: &Option<UtcMicros>| time.map_or_else(String::new, |time| names.time(time));
    match detail {
        Detail::Related {
            conversation,
            old,
            new,
        } => {
            let mut said = Vec::new();
            said.extend(
                conversation
                    .as_ref()
                    .map(|id| format!("related {}", names.say(id.as_str()))),
            );
            said.extend(old.as_ref().map(|old| format!("old {}", connection(old))));
            said.extend(new.as_ref().map(|new| format!("new {}", connection(new))));
            said.join(", ")
        }
        Detail::Conference { parties } => {
            let parties: Vec<String> = parties.iter().map(connection).collect();
            format!("parties {}", parties.join(" "))
        }
        Detail::Routing {
            priority,
            skills,
            language,
        } => format!(
            "priority {}, skills [{}], language {language:?}",
            priority.map_or_else(|| "-".to_owned(), |priority| priority.to_string()),
            texts(skills)
        ),
        Detail::Attribute {
            key,
            value,
            previous,
            first,
        } => format!("{key} {previous:?} -> {value:?} (first {first:?})"),
        Detail::Attributes(all) => {
            let all: Vec<String> = (all.iter())
                .map(|one| format!("{} {:?} .. {:?}", one.key, one.first, one.last))
                .collect();
            format!("attributes {}", all.join("; "))
        }
        Detail::WrapUp {
            code,
            notes,
            tags,
            duration_s,
        } => format!(
            "code {}, notes {notes:?}, tags [{}], {duration_s:?} s",
            names.say(code),
            texts(tags)
        ),
        Detail::Callback {
            id,
            numbers,
            user_name,
            scheduled,
            preview,
        } => format!(
            "{} to {} {user_name:?} due {}{}",
            names.say(id),
            texts(numbers),
            time(scheduled),
            campaign(preview)
        ),
        Detail::Dialer {
            campaign: of,
            disposition,
            analyzer,
        } => format!(
            "disposition {disposition:?} by {analyzer:?}{}",
            campaign(of)
        ),
    }
}
