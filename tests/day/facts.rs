//! What happened and what was told, in words in which the two can be compared. The table of it is `tests/acts.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use gca_region::truth::Act;
use genesys_cloud_adapter::model::event::{Detail, Event, EventKind, IdClass, Subject};

use super::Day;
use super::acts::{self, Line};
use super::arrival::{Form, form, is_followed};

/// What a fact is about, and the event that it becomes.
pub(crate) type Fact = (String, &'static str);

impl Line {
    /// Whether bodies of the form can tell it.
    pub(crate) fn is_in(&self, form: Form) -> bool {
        match self.shape {
            "nested" => form == Form::Nested,
            "flat" => form == Form::Flat,
            _ => true,
        }
    }
}

/// The table.
pub(crate) fn table() -> &'static [Line] {
    static TABLE: OnceLock<Vec<Line>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let table = acts::table();
        assert_eq!(
            table.len(),
            acts::lines().count(),
            "tests/acts.txt: not five words"
        );
        for line in &table {
            assert!(
                ["leg", "call", "agent", "attribute", "-"].contains(&line.about)
                    && ["both", "nested", "flat", "any", "-"].contains(&line.shape),
                "tests/acts.txt: {line:?}"
            );
        }
        table
    })
}

/// The truth's word for what an act is.
pub(crate) fn word(act: &Act) -> String {
    let word = serde_json::to_value(act.kind).unwrap();
    word.as_str().unwrap().to_owned()
}

/// The lines of the table that an act falls under.
fn lines_of(act: &Act) -> impl Iterator<Item = &'static Line> {
    let word = word(act);
    let detail = act.detail.clone().unwrap_or_default();
    let known = table().iter().any(|line| line.act == word);
    assert!(known, "tests/acts.txt does not know the act {word:?}");
    table()
        .iter()
        .filter(move |line| line.is_of(&word, &detail))
}

/// One time that a fact happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happened<'a> {
    pub(crate) act: &'a Act,
    pub(crate) line: &'static Line,
}

impl Happened<'_> {
    /// Whether some body of the form showed it.
    pub(crate) fn was_shown_by(&self, is: impl Fn(Form) -> bool) -> bool {
        let topics = self.act.topics.iter().filter(|topic| is_followed(topic));
        let mut forms = topics.map(|topic| form(topic));
        forms.any(|form| is(form) && self.line.is_in(form))
    }
}

/// The facts of a day that this version tells, each as often as it happened, in order.
pub(crate) fn of_day(day: &Day) -> BTreeMap<Fact, Vec<Happened<'_>>> {
    of_acts(&day.acts)
}

/// The facts that acts are, each as often as it happened, in order.
pub(crate) fn of_acts(acts: &[Act]) -> BTreeMap<Fact, Vec<Happened<'_>>> {
    let mut facts: BTreeMap<Fact, Vec<Happened<'_>>> = BTreeMap::new();
    for act in acts {
        for line in lines_of(act).filter(|line| line.event != "-") {
            let facts = facts.entry((about(act, line), line.event)).or_default();
            facts.push(Happened { act, line });
        }
    }
    facts
}

fn about(act: &Act, line: &Line) -> String {
    let text = |id: &Option<gca_region::chance::Id>| {
        id.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let (conversation, participant) = (text(&act.conversation), text(&act.participant));
    match line.about {
        "agent" => text(&act.user),
        "call" => conversation,
        "attribute" => {
            let key = act.detail.as_deref().unwrap_or_default();
            format!("{conversation} {participant} {key}")
        }
        _ => format!("{conversation} {participant}"),
    }
}

/// What an event is about.
pub(crate) fn of_event(event: &Event) -> Fact {
    let about = match &event.subject {
        Subject::Agent { user, .. } => user.id.to_string(),
        Subject::Connection(facts) => match (&facts.participant, event.detail.as_deref()) {
            (Some(participant), Some(Detail::Attribute { key, .. })) => {
                format!("{} {participant} {key}", facts.conversation)
            }
            (Some(_), _) if is_about_call(event.kind) => facts.conversation.to_string(),
            (Some(participant), _) => format!("{} {participant}", facts.conversation),
            (None, _) => facts.conversation.to_string(),
        },
        other => panic!("calls told {other:?}"),
    };
    (about, event.kind.name())
}

/// Whether the table says so. A consult is about the call: who asks is not always told.
fn is_about_call(kind: EventKind) -> bool {
    let mut lines = table().iter().filter(|line| line.event == kind.name());
    lines.any(|line| line.about == "call")
}

/// Events whose kind the table says to be told, by what they are about.
pub(crate) fn told(events: &[Event]) -> BTreeMap<Fact, Vec<&Event>> {
    let mut facts: BTreeMap<Fact, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| is_judged(event.kind)) {
        facts.entry(of_event(event)).or_default().push(event);
    }
    facts
}

/// Whether events of the kind have the same id whatever was heard.
pub(crate) fn is_exact(kind: &str) -> bool {
    let kind = EventKind::ALL.iter().find(|known| known.name() == kind);
    kind.is_some_and(|kind| matches!(kind.id_class(), IdClass::Once | IdClass::Timed))
}

/// Whether only nested or only flat bodies tell the kind.
pub(crate) fn is_of_one_shape(kind: &str) -> bool {
    let mut lines = table().iter().filter(|line| line.event == kind);
    lines.any(|line| ["nested", "flat"].contains(&line.shape))
}

/// Whether the table has the kind.
fn is_judged(kind: EventKind) -> bool {
    table().iter().any(|line| line.event == kind.name())
}

/// What events say of what happened that is not so: who took part, how and why it happened, with whom. Of days that were
/// heard whole and in order, so that the n-th event is the n-th fact.
pub(crate) fn contradictions(
    facts: &BTreeMap<Fact, Vec<Happened<'_>>>,
    told: &BTreeMap<Fact, Vec<&Event>>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (fact, happened) in facts {
        let told = told.get(fact).map(Vec::as_slice).unwrap_or_default();
        // Of another number of events the differences speak.
        for (once, event) in happened
            .iter()
            .zip(told)
            .filter(|_| happened.len() == told.len())
        {
            let script = once.act.script.unwrap_or("-");
            let of = format!("{} of {} ({script})", fact.1, fact.0);
            let differ = said(once.act, event).into_iter();
            let differ = differ.filter(|(_, is, told)| is != told);
            wrong
                .extend(differ.map(|(what, is, told)| format!("{of}: {what} {told:?} for {is:?}")));
        }
    }
    wrong
}

/// What the act and its event both tell: what it is, as it was, as it was told.
fn said(act: &Act, event: &Event) -> Vec<(&'static str, String, String)> {
    let id = |id: Option<gca_region::chance::Id>| id.map(|id| id.to_string()).unwrap_or_default();
    let detail = act.detail.clone().unwrap_or_default();
    let (raw, reason) = (event.raw.to_string(), event.reason.to_string());
    let mut said = match event.kind.name() {
        "connection_cleared" | "callback_cleared" => {
            vec![("raw", act.cause.unwrap_or_default().to_owned(), raw)]
        }
        "originated" => vec![("raw", word(act), raw)],
        "dequeued" | "transferred" | "recording_paused" | "recording_resumed"
        | "consult_completed" => vec![("reason", detail, reason)],
        "consult_started" => {
            let Some(Detail::Related {
                conversation, new, ..
            }) = event.detail.as_deref()
            else {
                return vec![("detail", detail, "nothing".to_owned())];
            };
            let asked = match (conversation, new) {
                (Some(conversation), _) => conversation.to_string(),
                (None, Some(new)) => new.participant.to_string(),
                (None, None) => String::new(),
            };
            vec![("asked", detail, asked)]
        }
        "agent_presence" => vec![("raw", detail.to_uppercase().replace(' ', "_"), raw)],
        _ => Vec::new(),
    };
    if let Subject::Connection(facts) = &event.subject
        && facts.participant.is_some()
    {
        let user = facts.user.as_ref().map(|user| user.id.to_string());
        said.push(("user", id(act.user), user.unwrap_or_default()));
        let purpose = act.purpose.unwrap_or_default().to_owned();
        said.push(("purpose", purpose, facts.purpose.to_string()));
        if let Some(queue) = &facts.queue {
            said.push(("queue", id(act.queue), queue.id.to_string()));
        }
        // The flat shape has none.
        if let Some(communication) = &facts.communication {
            said.push((
                "communication",
                id(act.communication),
                communication.to_string(),
            ));
        }
    }
    said
}

/// Who logs on or off is known by the presence before, if that was shown.
const LOGGED: [&str; 2] = ["agent_logged_on", "agent_logged_off"];

/// What must not be: `required` says of what happened whether it must have been told. What happened and was not shown
/// may be told, if a later body still says it (`initialState` tells that a leg rang).
pub(crate) fn differences(
    facts: &BTreeMap<Fact, Vec<Happened<'_>>>,
    told: &BTreeMap<Fact, Vec<&Event>>,
    required: impl Fn(&Happened<'_>) -> bool,
) -> Vec<String> {
    let all: BTreeSet<&Fact> = facts.keys().chain(told.keys()).collect();
    let mut wrong = Vec::new();
    for fact in all {
        let happened = facts.get(fact).map(Vec::as_slice).unwrap_or_default();
        let told = told.get(fact).map(Vec::as_slice).unwrap_or_default();
        let presences = (facts.get(&(fact.0.clone(), EventKind::AgentPresence.name())))
            .filter(|_| LOGGED.contains(&fact.1));
        let is_seen = |once: &&Happened<'_>| {
            let before =
                presences.map(|all| all.iter().rfind(|one| one.act.act + 1 < once.act.act));
            required(once) && before.is_none_or(|before| before.is_some_and(&required))
        };
        let needed = happened.iter().filter(is_seen).count();
        let script = happened.first().and_then(|once| once.act.script);
        let of = format!("{} of {} ({})", fact.1, fact.0, script.unwrap_or("-"));
        // Who is there at first sight is told as logged on: nobody says since when.
        let is_found = |event: &&&Event| event.kind == EventKind::AgentLoggedOn && !event.id_exact;
        let found = told.iter().filter(is_found).count();
        if told.len() < needed || told.len() > happened.len() + found {
            wrong.push(format!(
                "{of}: happened {}, to be told {needed}, told {}",
                happened.len(),
                told.len()
            ));
            continue;
        }
        // What the platform's clock said is when it happened.
        for event in told.iter().filter(|event| !is_found(event)) {
            let Some(time) = event.platform_time else {
                continue;
            };
            // A log-on that was missed is told with the next presence.
            let is_late = event.kind == EventKind::AgentLoggedOn;
            let is_its = |at: i64| at == time.0 / 1000 || is_late && at < time.0 / 1000;
            if !happened.iter().any(|once| is_its(once.act.time.0)) {
                let times: Vec<i64> = happened.iter().map(|once| once.act.time.0).collect();
                wrong.push(format!(
                    "{of}: told for {}, happened {times:?}",
                    time.0 / 1000
                ));
            }
        }
    }
    wrong
}
