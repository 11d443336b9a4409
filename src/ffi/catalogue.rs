//! The page `docs/EVENTS.md`, made from what the rest of the house says: the kinds and id classes of the model, the texts of
//! the C header (`abi.rs`), the types of the JSON (`event_json.rs`), and two tables of its own ([`kinds`], [`paths`]).
//!
//! Only tests use it: they compare the page with what it makes.

mod kinds;
mod paths;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::event_json;
use crate::model::event::{Cause, ConnectionState, Direction, EventKind, IdClass, Source};
use crate::model::feed::{Feed, Life, Why};
use crate::model::{gap::GapCause, succession::SuccessionReason};
use kinds::{About, Group, Told};

/// What tells a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Either form of a conversation body alone.
    Both,
    /// Only the nested form.
    Nested,
    /// A user's own topics, and what the region lists.
    Topic,
    /// The adapter itself.
    Ours,
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Nested => "nested",
            Self::Topic => "user",
            Self::Ours => "adapter",
        }
    }
}

const OPENING: &str = "\
# Events

<!-- Made by src/ffi/catalogue.rs; a test compares them. Change the tables there or the texts of src/ffi/abi.rs, then run:
     GCA_BLESS=1 cargo test -p genesys-cloud-adapter --lib ffi::catalogue -->

What a host is told, for who writes the host and for who maps fields to those of a recording. First what all events have in
common, then [the kinds](#the-kinds), [each kind](#each-kind), [the words](#the-words), and [every path of the
JSON](#paths), which stay as they are: new ones may be added, none is changed or removed.

An event is a `gca_event` (gca::Event in C++), a flat struct that is valid during the callback. `gca_event_json`, called from
inside `on_event`, gives the same and more as one JSON object: every field of the struct under its name, and nested objects.
What an event does not tell is absent: an empty text, `GCA_TIME_UNKNOWN`, `GCA_FLAG_UNKNOWN`; left out of the JSON.

**Connections.** A conversation has participants, and a participant has calls: each is a *connection*, with its own
`delivered`, `established`, `connection_cleared`. The same person who is offered a call three times is three connections. A
user can have several at once; none of them ends another. A connection only goes forward: set up, connected, over.

**Two forms.** The platform shows a conversation as a *nested* body (`v2.users.{id}.conversations`, its queue twin,
and the REST conversation: call legs with ids of their own) and as a *flat* one (`v2.users.{id}.conversations.calls`:
one record a participant). The adapter follows both; either alone gives what this page says of it, and what only one
told stays known for the events after it. The flat form has no id of a call leg, and shows one call of a participant.
Members below are those of the platform's published .NET SDK 270.0.0: nested relative to a participant
(`calls[].held`), flat relative to a participant too (`held`), and `conversation.` before those of the whole.

**Ids.** Equal for the same fact, whoever saw it and how: store it, and what comes again after a crash or from a second
node is recognised. How an id is made depends on the kind:

| class | the id is made from | `id_exact` |
|---|---|---|
| once | conversation, participant, which of its calls, kind | 1: the same under any interleaving, duplication, source and node |
| timed | these, and the platform's time of it | 1; 0 where the platform told no time |
| untimed | these (of attributes also key and value), and its number: the first mute, the second | 0: equal for streams that are each in order, since the platform tells neither a time nor a version |
| feed | the feed and its sequence | 0: no other feed has it |

Of an agent's events the user takes the place of conversation and participant.

**Times.** Microseconds since 1970 UTC. `platform_time_us` is the platform's, where it told one; `received_time_us` is when
the notification or answer arrived here. Events come in the order in which they happened, as far as one body tells it.

**After a gap.** Topics flow again before everything of the gap is read, and the platform's analytics take their time. So an event
that was read (`source` `recovered`, or `snapshot` after a start) may come after events of later times, and after the
`connection_cleared` or `call_cleared` of what it is about: holds, who was called, who observed whom. It comes once, under the id that it
always has, and before the gap is closed; `platform_time_us` says where it belongs. Nothing is opened by it: of a connection that is
over `state` and `previous_state` are `null` (or not told).

**Flags.** `held`, `muted`, `confined`, `secure_pause` are the connection's after the event, in every event about it. One
that ends muted or confined keeps that to its last event; hold and secure pause end with it. Events of consults, of who joins
or leaves a conference and of observers come beside a connection's own, and say nothing of its flags and its state.

**Root contact.** `root_contact_id` is the conversation that a customer contact began with: its own `conversation_id`, but
for a consult in a conversation of its own. Transfers, conferences and the other consults stay in their conversation. The
second conversation may be seen before the platform says for which one it was begun: its events up to then have its own id
there, those after that the first one's. So store the latest of a conversation, and regroup what is stored of it when it
changes. It is known for a day.

**Proofs.** A conversation whose end was not shown is closed when an answer of the platform says that it has ended: each
connection that is open gets its `connection_cleared` with `source` `synthetic` and `cause` `none`, and `reason` names what
said so: `conversation.endTime` (the REST conversation) or `analytics.conversationEnd`. `platform_time_us` is then the end of
the conversation, at the latest. Such answers are read after a [gap](GAPS.md), and of a call of which nothing was heard for
`QuietCallReadMinutes`. A call that the platform does not know then (404), and still does not know as long after while no
topic has shown it, is closed in the same way: `reason` is `conversation.unknown`, and no time is known. It stays closed,
whatever is shown of it later.

**What cannot be known.** A body older than what its topic had already shown changes nothing where connections or the
platform's times (holds, wrap-up, work after the call) show that it is. One that differs only in mute, confine, the pause
of a recording or attributes cannot be told from a real change.

## For a recorder

- **What to record.** A connection with a user from its `established` to its `connection_cleared`; `communication_id` is the
  id that media and the platform's recordings carry. Connections of the customer, of queues and of flows tell what surrounds
  it. Take `platform_time_us` where there is one: with `source` `snapshot` or `recovered` it lies in the past, perhaps before
  the end of a segment that is closed already. Add such a hold to the segment; do not open one.
- **Who follows whom.** `transferred` names the connection that ends (`old_connection_id`) and the one that takes its place
  (`new_connection_id`); each has its own `connection_cleared` and `established` beside it. These ids are those in
  `communication_id`, or `participant_id` where only the flat form was seen: compare with both. No new connection, or a
  queue's, means that nobody has taken over yet: who does has the same `conversation_id`.
- **When to pause.** `recording_paused` and `recording_resumed` are about the connection that they name, the customer's too:
  a secure pause of the whole conversation comes once for each person in it. `reason` `secure` is a must; whether the others
  pause you is your choice. Keep pausing until `recording_resumed` of that connection, which comes at the latest with the
  connection's end (`reason` `ended`). Somebody who joins during the pause gets a `recording_paused` after `established`.
- **What is missing.** `feed_state` other than `up` means that events may be missing: of the users and topics that it lists,
  or of all while it is `down`. A recorder records everything of them then. A link that dies without a word is noticed 43
  seconds after its last frame at the latest, so its last events before that may be missing too: `gap_opened` says since when.
  What can still be read of that time comes afterwards, and `gap_closed` says what could not ([GAPS.md](GAPS.md)). `lost` means
  that events were there and you did not get them.
- **What a new `feed_id` voids.** Without a journal: what was open in the old feed. With one: the same if a start begins with a
  feed that you have not seen, or if the `feed_state` that came last has `why` `internal`; any other change voids nothing. It
  comes from the journal's disk, and the calls go on ([DELIVERY.md](DELIVERY.md#when-a-feed-is-new)).
- **What is new.** Answer `GCA_TAKEN` to a kind that you do not know, and pass over words and paths that you do not know.
";

const FIELDS: &str = "
### Fields that every kind fills

- All kinds: `kind`, `feed_id`, `sequence`, `id`, `id_exact`, `source`, `data_source`, `received_time_us`, `state`,
  `previous_state`, `cause` (words that say *unknown* or *none* where there is nothing to tell).
- Those about a *connection*: `conversation_id`, `root_contact_id`, `participant_id`, `communication_id`, `peer_id`, `user`,
  `station`, `queue`, `direction`, `purpose`, `ani`, `dnis`, `provider`, `party`, and the flags, as far as they were told by
  then. Which form tells which stands [at the end](#paths).
- Those about a *participant*: the same, but `state`, `previous_state` (but for callbacks) and the flags.
- Those about the *call*: of these, `conversation_id`, `root_contact_id`, `queue`, `direction`, `ani`, `dnis`, `provider`.
- Those about an *agent*: `user`, and `station` where that is what changed.

What a kind fills beside these stands with it, with the form that tells it: *both* (either alone), *nested*, *flat*, *user*
(the user's own topics and what the region lists), *adapter* (no body).
";

const RECOVERY: &str = "
*Recovered from* says what can still be read of it after a gap: from a conversation by REST, from the analytics details of conversations
and users, from the list of users. `yes`: that it happened, and when, if its entry below names a time; `state`: how things stand when it is read, but not when that began,
or what came and went meanwhile. When this is read stands in [GAPS.md](GAPS.md). What only the REST conversation tells of a call
that ended in the gap may come after the `connection_cleared` that analytics told; its `platform_time_us` says where it belongs.
";

/// The page's text.
pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    page += "\n## The kinds\n";
    page += RECOVERY;
    for group in Group::ALL {
        overview(&mut page, group);
    }
    page += FIELDS;
    page += "\n## Each kind\n";
    for row in kinds::ROWS {
        describe(&mut page, row);
    }
    words(&mut page);
    catalogue(&mut page);
    page
}

fn overview(page: &mut String, group: Group) {
    let _ = writeln!(page, "\n### {}\n", group.title());
    *page += "| kind | number | what | id | told by | recovered from REST | analytics | users |\n";
    *page += "|---|---|---|---|---|---|---|---|\n";
    for row in kinds::ROWS.iter().filter(|row| row.group == group) {
        let told = match (row.nested.is_empty(), row.flat.is_empty()) {
            (false, false) => "both",
            (false, true) => "nested",
            (true, false) => "flat",
            (true, true) if row.about == About::Feed => "adapter",
            (true, true) => "user",
        };
        let [rest, analytics, users] = row.recovery.map(|told| match told {
            Told::No => "–",
            Told::Stands => "state",
            Told::Whole => "yes",
        });
        let cells = [
            link(row.kind),
            (row.kind as u32).to_string(),
            cell(first_sentence(&constant("GCA_EVENT", row.kind.name()))),
            class(row.kind).to_owned(),
            told.to_owned(),
            rest.to_owned(),
            analytics.to_owned(),
            users.to_owned(),
        ];
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

fn describe(page: &mut String, row: &kinds::Row) {
    let name = row.kind.name();
    let about = match row.about {
        About::Connection => "a connection",
        About::Participant => "a participant",
        About::Call => "the call",
        About::Agent => "an agent",
        About::Feed => "the feed",
    };
    let class = class(row.kind);
    let _ = writeln!(
        page,
        "\n### `{name}`\n\n{}\n\n- About {about}; id {class}.",
        row.when
    );
    match (row.nested, row.flat) {
        ("", "") => {}
        (nested, flat) => {
            let _ = writeln!(page, "- Nested: {}. Flat: {}.", or_no(nested), or_no(flat));
        }
    }
    let _ = writeln!(page, "- Time: {}.", or_no(row.time));
    if !row.fills.is_empty() {
        let fills: Vec<_> = row.fills.iter().map(|fill| filled(row, fill)).collect();
        let _ = writeln!(page, "- Fills: {}.", fills.join(", "));
    }
    if !row.then.is_empty() {
        let then: Vec<_> = row.then.iter().map(|kind| link(*kind)).collect();
        let _ = writeln!(page, "- May be followed by: {}.", then.join(", "));
    }
}

/// A path, or all of an object, and what tells it.
fn filled(row: &kinds::Row, fill: &str) -> String {
    let forms: BTreeSet<Form> = match row.about {
        About::Agent => [Form::Topic].into(),
        About::Feed => [Form::Ours].into(),
        About::Connection | About::Participant | About::Call => {
            matching(fill).map(|path| path.form).collect()
        }
    };
    let but: Vec<_> = matching(fill)
        .filter(|path| forms.len() > 1 && path.form != Form::Both)
        .filter_map(|path| path.path.rsplit('.').next())
        .map(|member| format!("`{member}`"))
        .collect();
    match forms.first() {
        Some(form) if but.is_empty() => format!("`{fill}` ({})", form.word()),
        _ => format!("`{fill}` (both; {} nested)", but.join(", ")),
    }
}

/// The paths that an entry of a kind's list stands for.
fn matching(fill: &str) -> impl Iterator<Item = &'static paths::Row> {
    let object = fill.strip_suffix('*').map(str::to_owned);
    let fill = fill.to_owned();
    paths::ROWS.iter().filter(move |row| match &object {
        Some(object) => row.path.starts_with(object.as_str()),
        None => row.path == fill,
    })
}

fn words(page: &mut String) {
    *page += "\n## The words\n\nOf fields that are a number in C and a word in JSON.\n";
    macro_rules! table {
        ($title:literal, $prefix:literal, $type:ty) => {
            let _ = writeln!(page, "\n{}:\n\n| word | meaning |\n|---|---|", $title);
            for word in <$type>::ALL {
                let name = word.name();
                let _ = writeln!(page, "| `{name}` | {} |", cell(&constant($prefix, name)));
            }
        };
    }
    table!("`source`", "GCA_SOURCE", Source);
    table!("`state`, `previous_state`", "GCA_STATE", ConnectionState);
    table!("`cause`", "GCA_CAUSE", Cause);
    table!(
        "`direction` (`unknown` is left out of the JSON)",
        "GCA_DIRECTION",
        Direction
    );
    table!("`state_report.life`", "GCA_LIFE", Life);
    table!("`state_report.feed`", "GCA_FEED", Feed);
    table!("`state_report.why`", "GCA_WHY", Why);
}

fn catalogue(page: &mut String) {
    *page += "\n## Paths\n\n\
        *Always*: the path is there whenever the object that holds it is. A list without entries is there, and empty.\n\n\
        KEY stands for an attribute's key as the platform spells it, whole: in `attributes.customer.number.last` the key is \
        `customer.number`. Keys are members of `attributes`, in the order in which they appeared.\n\n\
        | path | type | told by | from | meaning |\n|---|---|---|---|---|\n";
    for path in event_json::paths() {
        let row = paths::ROWS.iter().find(|row| row.path == path.path);
        let (told, from, meaning) = row.map_or(("", String::new(), ""), |row| {
            (row.form.word(), from(row), row.meaning)
        });
        let holds = if path.always {
            format!("{}, always", path.holds)
        } else {
            path.holds.to_owned()
        };
        let _ = writeln!(
            page,
            "| `{}` | {holds} | {told} | {from} | {meaning} |",
            path.path
        );
    }
}

fn from(row: &paths::Row) -> String {
    match (row.nested, row.flat) {
        (nested, flat) if flat.is_empty() || nested == flat => nested.to_owned(),
        (nested, flat) => format!("nested: {nested}; flat: {flat}"),
    }
}

fn class(kind: EventKind) -> &'static str {
    match kind.id_class() {
        IdClass::Once => "once",
        IdClass::Timed => "timed",
        IdClass::Untimed => "untimed",
        IdClass::Feed => "feed",
    }
}

fn link(kind: EventKind) -> String {
    format!("[`{0}`](#{0})", kind.name())
}

fn first_sentence(text: &str) -> &str {
    let first = text.split_once(". ").map_or(text, |(first, _)| first);
    first.trim_end_matches('.')
}

fn or_no(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// What the C header says of a value.
fn constant(prefix: &str, name: &str) -> String {
    let wanted = format!("{prefix}_{} = ", name.to_uppercase());
    let mut said = Vec::new();
    for line in include_str!("abi.rs").lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            said.push(text);
        } else if line.starts_with(&wanted) {
            return said.join(" ");
        } else {
            said.clear();
        }
    }
    panic!("src/ffi/abi.rs has no {wanted}");
}

#[test]
fn the_page_is_what_the_tables_and_types_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/EVENTS.md");
    let made = page();
    if std::env::var_os("GCA_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let written = std::fs::read_to_string(path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    let differs =
        (written.lines().zip(made.lines()).enumerate()).find(|(_, (is, should))| is != should);
    let (line, (is, should)) = differs
        .map_or(("its length".to_owned(), ("", "")), |(at, lines)| {
            (format!("line {}", at + 1), lines)
        });
    assert!(
        written == made,
        "docs/EVENTS.md is not what the tables and types say; {line}:\n- {is}\n+ {should}\nReview the change, then run:\n\
         GCA_BLESS=1 cargo test -p genesys-cloud-adapter --lib ffi::catalogue"
    );
}

#[test]
fn every_kind_stands_once_and_its_texts_name_what_exists() {
    let listed: Vec<EventKind> = kinds::ROWS.iter().map(|row| row.kind).collect();
    let kinds: BTreeSet<EventKind> = EventKind::ALL.iter().copied().collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), kinds);
    assert_eq!(listed.len(), kinds.len());

    let paths: BTreeSet<String> = event_json::paths()
        .into_iter()
        .map(|path| path.path)
        .collect();
    let objects: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.split_once('.'))
        .map(|(at, _)| at)
        .collect();
    for row in kinds::ROWS {
        let name = row.kind.name();
        for fill in row.fills {
            assert!(matching(fill).count() > 0, "{name} fills {fill}");
        }
        assert!(row.when.ends_with('.'), "{name}: whole sentences");
        // A word of ours, told by its underscore, is a kind, a path, an object, or a word of a reason.
        let of_reasons = [
            "flow_out",
            "hold_suppression",
            "queue_full",
            "journal_age",
            "journal_full",
            "journal_damaged",
        ];
        for word in row
            .when
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| word.contains('_'))
        {
            let is_known = EventKind::ALL.iter().any(|kind| kind.name() == word)
                || Cause::ALL.iter().any(|cause| cause.name() == word)
                || GapCause::ALL.iter().any(|cause| cause.name() == word)
                || (SuccessionReason::ALL.iter()).any(|reason| reason.name() == word)
                || paths.contains(word)
                || objects.contains(word)
                || of_reasons.contains(&word)
                || word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                || word == "on_state";
            assert!(is_known, "{name} speaks of `{word}`");
        }
    }
}

#[test]
fn every_path_of_the_types_is_described_and_no_other() {
    let made: Vec<String> = event_json::paths()
        .into_iter()
        .map(|path| path.path)
        .collect();
    let described: Vec<&str> = paths::ROWS.iter().map(|row| row.path).collect();
    assert_eq!(described, made, "in the order of the document");
    // What only some kinds tell is claimed by one of them.
    let common = ["user", "station", "queue", "party"];
    for row in paths::ROWS {
        let is_common =
            (row.path.split_once('.')).is_none_or(|(object, _)| common.contains(&object));
        let is_claimed = kinds::ROWS
            .iter()
            .flat_map(|kind| kind.fills)
            .any(|fill| matching(fill).any(|path| path.path == row.path));
        assert!(is_common || is_claimed, "no kind fills {}", row.path);
    }
}
