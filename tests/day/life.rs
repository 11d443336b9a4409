//! What every feed must keep to, whatever it missed and in whatever order it heard the rest: the order in the life of a
//! leg and of a call, and no id twice.

use std::collections::{BTreeMap, BTreeSet};

use genesys_cloud_adapter::model::event::{
    ConnectionState, Event, EventKind, IdClass, Source, Subject,
};

use super::facts;

/// On one leg, the first never comes after the second.
const BEFORE: &[(&str, &str)] = &[
    ("offered", "established"),
    ("delivered", "established"),
    ("originated", "established"),
    ("established", "flow_entered"),
    ("queued", "dequeued"),
    ("established", "transferred"),
    ("established", "connection_cleared"),
    ("diverted", "connection_cleared"),
    ("failed", "connection_cleared"),
    ("after_call_work_started", "after_call_work_ended"),
    ("callback_scheduled", "callback_delivered"),
    ("callback_delivered", "callback_established"),
    ("callback_established", "callback_cleared"),
];

/// What begins a leg.
const SET_UP: &[&str] = &["offered", "originated", "delivered", "established"];

/// On one leg these come in turns, the first first, and only while it is connected. What the first began is over with the
/// leg, if the second did not say so.
const IN_TURNS: &[(&str, &str)] = &[
    ("held", "retrieved"),
    ("muted", "unmuted"),
    ("confined", "unconfined"),
    ("parked", "unparked"),
    ("recording_paused", "recording_resumed"),
];

/// These say that the first of a pair of [`IN_TURNS`] was not told, if they come without it: only exact kinds can be
/// relied upon when bodies come again.
const EXACT: &[&str] = &["held"];

/// What may still come of a leg that was cleared.
const AFTER_A_LEG: &[&str] = &[
    "transferred",
    "after_call_work_started",
    "after_call_work_ended",
    "wrap_up",
    "attribute_changed",
    "voicemail_deposited",
    "dequeued",
    "consult_completed",
    "consult_cancelled",
    "party_left",
    "callback_cleared",
];

/// What a read may still tell of a leg that was cleared: the platform tells when each began and ended, which says where it
/// belongs, and the leg stays over.
const READ_LATE: &[&str] = &["held", "retrieved", "parked", "unparked"];

/// The same of what need not have a time: analytics does not tell it, and may have told the end.
const SET_UP_LATE: &[&str] = &["offered", "originated", "delivered"];

/// The same of what has neither a time nor a state.
const OBSERVED_LATE: &[&str] = &["monitoring_started", "coaching_started", "barged_in"];

/// What may still come of a call that was cleared.
const AFTER_A_CALL: &[&str] = &[
    "after_call_work_started",
    "after_call_work_ended",
    "wrap_up",
    "attribute_changed",
    "voicemail_deposited",
    "call_terminated",
];

/// How far a feed can be relied upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Everything, as it was published.
    All,
    /// Everything, each topic in its order, but some late: what only one shape tells may come when the other one has told
    /// the end.
    Late,
    /// Old bodies came again or bodies overtook each other: nothing can be said of changes that the platform does not
    /// date.
    OldOnesToo,
}

/// What a feed does that none may do.
pub(crate) fn defects(events: &[Event], heard: Heard) -> Vec<String> {
    let mut calls: BTreeMap<String, Life> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for event in events {
        if !ids.insert(event.id) {
            wrong.push(format!(
                "told again under its id: {:?}",
                facts::of_event(event)
            ));
        }
        let Subject::Connection(facts) = &event.subject else {
            continue;
        };
        let kind = event.kind.name();
        let call = calls.entry(facts.conversation.to_string()).or_default();
        let what = facts.participant.as_ref().map(ToString::to_string);
        let mut say = |what: String| {
            wrong.push(format!(
                "{kind} of {} {}: {what}",
                facts.conversation,
                facts.participant.as_ref().map_or("", |id| id.as_str())
            ));
        };
        let is_read = [Source::Recovered, Source::Snapshot].contains(&event.source);
        if is_read && call.has_cleared(what.as_ref()) {
            let is_over = event.state == ConnectionState::Null;
            let is_dated = event.platform_time.is_some() && is_over;
            match kind {
                kind if READ_LATE.contains(&kind) && is_dated => continue,
                kind if SET_UP_LATE.contains(&kind) && is_over => continue,
                kind if OBSERVED_LATE.contains(&kind) => continue,
                _ => {}
            }
        }
        call.hear(kind, what, heard, &mut say);
    }
    wrong
}

#[derive(Default)]
struct Life {
    /// Of the call itself.
    told: Vec<&'static str>,
    legs: BTreeMap<String, Vec<&'static str>>,
    cleared: BTreeSet<String>,
    /// How many consults go on.
    consults: usize,
}

impl Life {
    /// Whether the leg is over.
    fn has_cleared(&self, leg: Option<&String>) -> bool {
        leg.is_some_and(|leg| self.cleared.contains(leg))
    }

    fn hear(
        &mut self,
        kind: &'static str,
        leg: Option<String>,
        heard: Heard,
        say: &mut impl FnMut(String),
    ) {
        let is_late = heard != Heard::All && facts::is_of_one_shape(kind);
        match kind {
            "consult_started" => self.consults += 1,
            "consult_completed" | "consult_cancelled" => match self.consults {
                0 => say("before any consult began".to_owned()),
                _ => self.consults -= 1,
            },
            _ => {}
        }
        // What the platform gives no order to (an attribute of an overtaken body), and a wrap-up that is corrected, may
        // still come.
        if self.told.contains(&"call_terminated") && happens_once(kind) && !is_late {
            say("after the call was terminated".to_owned());
        }
        if self.told.contains(&"call_cleared") && !AFTER_A_CALL.contains(&kind) && !is_late {
            say("after the call was cleared".to_owned());
        }
        let Some(leg) = leg else {
            self.told.push(kind);
            // Somebody who has only a callback is no leg.
            let set_up = |kinds: &Vec<&str>| kinds.iter().any(|kind| SET_UP.contains(kind));
            let open =
                |(leg, kinds): (&String, &Vec<&str>)| set_up(kinds) && !self.cleared.contains(leg);
            if kind == "call_cleared" && self.legs.iter().any(open) {
                say("a leg is not cleared".to_owned());
            }
            return;
        };
        let told = self.legs.entry(leg.clone()).or_default();
        if self.cleared.contains(&leg) && !AFTER_A_LEG.contains(&kind) && !is_late {
            say("after the leg was cleared".to_owned());
        }
        let later = BEFORE.iter().filter(|(first, _)| *first == kind);
        for (_, then) in later {
            if told.contains(then) {
                say(format!("after {then}"));
            }
        }
        for (begin, end) in IN_TURNS {
            if heard == Heard::OldOnesToo && !EXACT.contains(begin) {
                continue;
            }
            let last = told
                .iter()
                .rev()
                .find(|told| *told == begin || *told == end);
            let lasts = last == Some(begin);
            if kind == *begin && lasts || kind == *end && !lasts {
                say(format!("told after {last:?}"));
            }
            if kind == *begin && *begin == "held" && !told.contains(&"established") {
                say("before the leg was established".to_owned());
            }
        }
        told.push(kind);
        if kind == "connection_cleared" {
            self.cleared.insert(leg);
        }
    }
}

fn happens_once(kind: &str) -> bool {
    let known = EventKind::ALL.iter().find(|known| known.name() == kind);
    known.is_some_and(|known| known.id_class() == IdClass::Once)
}
