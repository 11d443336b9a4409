//! How the world is told: bodies of notifications and answers to REST reads, in the platform's members and spelling
//! (NET 270.0.0: `tests/members/` has the lists that every body is checked against). Pure projections: what they show
//! is all in their arguments.
//!
//! Where the published facts leave it open, these bodies do as recorded ones do: references that are absent are `{}` in
//! the nested form; arrays of other media are there and empty; a member without a value is left out.

pub mod agent;
pub mod agent_details;
pub mod analytics;
pub mod flat;
pub mod listing;
pub mod nested;
pub mod rest;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::chance::Id;
use crate::conversation::{
    AfterCallWork, Callback, Consulted, Conversation, Direction, Leg, Observation, Observing,
    Participant, Purpose, Recording, State,
};
use crate::organization::Organization;
use crate::time::Time;

/// A JSON object that is being written. Members come in the order of the calls.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        scalar(self.out, &name);
        self.out.push(b':');
    }

    /// A member with this value.
    pub(crate) fn has(&mut self, name: &str, value: impl Serialize) -> &mut Self {
        self.name(name);
        scalar(self.out, &value);
        self
    }

    /// A member, if there is a value.
    pub(crate) fn may(&mut self, name: &str, value: Option<impl Serialize>) -> &mut Self {
        if let Some(value) = value {
            self.has(name, value);
        }
        self
    }

    /// A member that is an object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        self.name(name);
        write_object(self.out, fill);
        self
    }

    /// A member that is an empty object.
    pub(crate) fn nothing(&mut self, name: &str) -> &mut Self {
        self.object(name, |_| {})
    }

    /// A member that is an array of objects.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) -> &mut Self {
        self.name(name);
        self.out.push(b'[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            write_object(self.out, |object| fill(object, item));
        }
        self.out.push(b']');
        self
    }

    /// Members that are empty arrays.
    pub(crate) fn empty(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            self.name(name);
            self.out.extend_from_slice(b"[]");
        }
        self
    }
}

fn scalar(out: &mut Vec<u8>, value: &impl Serialize) {
    // Writing into memory cannot fail, and no value here refuses to be written.
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

fn write_object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, first: true });
    out.push(b'}');
}

/// The text of one object.
pub(crate) fn text(fill: impl FnOnce(&mut Object<'_>)) -> Arc<str> {
    let mut out = Vec::with_capacity(8_192);
    write_object(&mut out, fill);
    String::from_utf8(out).unwrap_or_default().into()
}

/// One object as a value.
pub(crate) fn value(fill: impl FnOnce(&mut Object<'_>)) -> Value {
    serde_json::from_str(&text(fill)).unwrap_or_default()
}

// What several forms say alike.

/// The divisions that the conversation belongs to, with what made it so.
pub(crate) fn divisions(
    object: &mut Object<'_>,
    organization: &Organization,
    conversation: &Conversation,
) {
    let touched = |at: usize| {
        conversation
            .touched
            .iter()
            .filter(move |touched| touched.division == at)
    };
    let divisions = organization
        .divisions
        .iter()
        .enumerate()
        .filter(|(at, _)| touched(*at).next().is_some());
    object.list("divisions", divisions, |object, (at, division)| {
        object
            .object("division", |object| {
                let uri = format!("/api/v2/authorization/divisions/{}", division.id);
                object.has("id", division.id).has("selfUri", uri);
            })
            .list("entities", touched(at), |object, touched| {
                let uri = format!("/api/v2/{}/{}", touched.path, touched.id);
                object
                    .has("id", touched.id)
                    .has("selfUri", uri)
                    .has("dateDivisionUpdated", touched.at);
            });
    });
}

/// Whether addresses come with what came over the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Yes, as in REST.
    Shown,
    /// Of numbers only: notifications repeat no address that is the same raw.
    NumbersOnly,
}

/// The addresses of both ends of a leg: `self` is the party's own, whoever called. So it stands in a recorded REST answer
/// that has ani and dnis beside both (go-gcloudcx, test data). The platform's tutorial on calls reads `self` as the ani of
/// every leg; for a party inside that is called the recording says the opposite, and this region does as the recording.
pub(crate) fn ends(
    object: &mut Object<'_>,
    conversation: &Conversation,
    party: &Participant,
    leg: &Leg,
    wire: Wire,
) {
    let inbound = leg.direction == Direction::Inbound;
    let far = match (party.purpose.is_outside(), inbound) {
        // The far end of the party outside is the number that it called, or that calls it.
        (true, true) => &party.dnis,
        (true, false) => &party.ani,
        (false, true) => &party.ani,
        (false, false) => &party.dnis,
    };
    let peer = (leg.peer).and_then(|peer| conversation.participant_of_leg(peer));
    let outside = || conversation.participants.get(conversation.outside()?);
    let far_name = if party.purpose.is_outside() {
        None
    } else {
        peer.or_else(outside).map(|party| party.name.as_str())
    };
    address(object, "self", Some(&party.name), &party.address, wire);
    address(object, "other", far_name, far, wire);
}

fn address(
    object: &mut Object<'_>,
    member: &str,
    name: Option<&str>,
    normalized: &str,
    wire: Wire,
) {
    object.object(member, |object| {
        object.may("name", name);
        if wire == Wire::Shown {
            object.may("nameRaw", name);
        }
        object.has("addressNormalized", normalized);
        let raw = match (normalized.strip_prefix("tel:"), normalized.split_once(';')) {
            (Some(number), _) => Some(format!("sip:{number}@10.87.214.180;user=phone")),
            _ if wire == Wire::NumbersOnly => None,
            (None, Some((device, _))) if normalized.contains(";tgrp=") => {
                Some(format!("{device}@10.87.214.180;user=station"))
            }
            _ => Some(normalized.to_owned()),
        };
        object.may("addressRaw", raw);
        if wire == Wire::Shown {
            object.has("addressDisplayable", "unavailable");
        }
    });
}

/// After-call work of a leg, as nested forms tell it: an empty object where there is none.
pub(crate) fn after_call_work(object: &mut Object<'_>, leg: &Leg) {
    object.object("afterCallWork", |object| match leg.after_call_work {
        AfterCallWork::None => {}
        AfterCallWork::Skipped(at) => {
            object
                .has("state", "skipped")
                .has("startTime", at)
                .has("endTime", at);
        }
        AfterCallWork::Pending(since) => {
            object.has("state", "pending").has("startTime", since);
        }
        AfterCallWork::Complete(from, to) => {
            object
                .has("state", "complete")
                .has("startTime", from)
                .has("endTime", to);
        }
    });
}

/// When after-call work began and ended, as participants tell it.
pub(crate) fn after_call_times(object: &mut Object<'_>, leg: Option<&Leg>) {
    match leg.map_or(AfterCallWork::None, |leg| leg.after_call_work) {
        AfterCallWork::None => {}
        AfterCallWork::Pending(since) => {
            object.has("startAcwTime", since);
        }
        AfterCallWork::Skipped(at) => {
            object.has("startAcwTime", at).has("endAcwTime", at);
        }
        AfterCallWork::Complete(from, to) => {
            object.has("startAcwTime", from).has("endAcwTime", to);
        }
    }
}

/// Whether the agent has to work on after the newest call.
pub(crate) fn works_after_call(party: &Participant) -> bool {
    party.leg().is_some_and(|leg| leg.after_call_work_required)
}

/// What the agent has to do about the wrap-up, as participants tell it.
pub(crate) fn wrapup_rules(object: &mut Object<'_>, party: &Participant) {
    let required = works_after_call(party);
    object.has("wrapupRequired", required);
    if party.purpose == Purpose::Agent {
        let prompt = if required { "mandatory" } else { "optional" };
        object
            .has("wrapupPrompt", prompt)
            .has("wrapupTimeoutMs", 20_000);
    }
}

/// The participants with a call, each with its newest one. Flat forms have one call per participant, and callbacks
/// do not exist there.
pub(crate) fn callers(conversation: &Conversation) -> impl Iterator<Item = (&Participant, &Leg)> {
    let parties = conversation.participants.iter();
    parties.filter_map(|party| Some((party, party.leg()?)))
}

/// The participant whom somebody consults in the same conversation.
pub(crate) fn consulted(party: &Participant) -> Option<Id> {
    match party.consult?.with {
        Consulted::Participant(id) => Some(id),
        Consulted::Conversation(_) => None,
    }
}

/// Whom a supervisor observes, and how. One member at a time [not documented].
pub(crate) fn observes(object: &mut Object<'_>, party: &Participant) {
    if let Some(observation) = party.observes {
        let member = match observation.how {
            Observing::Monitors => "monitoredParticipantId",
            Observing::Coaches => "coachedParticipantId",
            Observing::Barges => "bargedParticipantId",
        };
        object.has(member, observation.participant);
    }
}

/// When a supervisor began to speak to all.
pub(crate) fn barged(party: &Participant) -> Option<Time> {
    let barges = |observation: &Observation| observation.how == Observing::Barges;
    (party.observes.filter(barges)).map(|observation| observation.since)
}

/// What a participant's media does. `full` is in every recorded body; `monitor` and `coach` are named in the member's
/// description (NET 270.0.0). Who barges in does what everybody does [not documented].
pub(crate) fn media_role(party: &Participant) -> &'static str {
    match party.observes.map(|observation| observation.how) {
        Some(Observing::Monitors) => "monitor",
        Some(Observing::Coaches) => "coach",
        Some(Observing::Barges) | None => "full",
    }
}

/// What a dialer heard.
pub(crate) fn disposition(object: &mut Object<'_>, leg: &Leg) {
    if let Some(name) = leg.disposition {
        object.object("disposition", |object| {
            object.has("name", name).has("analyzer", "");
        });
    }
}

/// A callback, in the members that notifications and REST share.
pub(crate) fn callback(
    object: &mut Object<'_>,
    organization: &Organization,
    party: &Participant,
    callback: &Callback,
) {
    object
        .has("state", callback.state.word())
        .has("initialState", callback.initial.word())
        .has("direction", callback.direction.word())
        .may("disconnectType", callback.cause.map(|cause| cause.word()))
        .has("id", callback.id)
        .has("held", false);
    if let Some(preview) = callback.preview {
        object.object("dialerPreview", |object| {
            object
                .has("id", preview.id)
                .has("contactId", preview.contact)
                .has("contactListId", preview.contact_list)
                .has("campaignId", preview.campaign)
                .list("phoneNumberColumns", [()], |object, ()| {
                    object.has("columnName", "Mobile").has("type", "Cell");
                });
        });
    }
    object
        .has("callbackNumbers", [&callback.number])
        .has("callbackUserName", &callback.name)
        .may(
            "scriptId",
            (party.purpose == Purpose::Agent).then_some(organization.screen_script),
        )
        .has("externalCampaign", false)
        .has("skipEnabled", callback.preview.is_some())
        .has("provider", "PureCloud Callback")
        .has("timeoutSeconds", 0)
        .may("connectedTime", callback.connected)
        .may("disconnectedTime", callback.disconnected)
        .may("callbackScheduledTime", callback.scheduled)
        .has("afterCallWorkRequired", false);
}

/// Whether the leg is recorded.
pub(crate) fn is_recorded(leg: &Leg) -> bool {
    leg.recording == Recording::Active
}

/// Attached data.
pub(crate) fn attributes(object: &mut Object<'_>, attributes: &[(&'static str, Arc<str>)]) {
    object.object("attributes", |object| {
        for (key, value) in attributes {
            object.has(key, &**value);
        }
    });
}

/// What the recorders of the platform do about a leg.
pub(crate) fn recorders(object: &mut Object<'_>, leg: &Leg) {
    object.object("recordersState", |object| {
        object
            .has("adhocState", "NONE")
            .has("customerExperienceState", leg.recording.capitals())
            .has("agentExperienceState", "NONE")
            .has("snippetState", "NONE");
    });
}

/// When the leg began to alert, if it ever did.
pub(crate) fn alerted(leg: &Leg) -> Option<Time> {
    let began = leg.segments.first().map(|segment| segment.from);
    began.filter(|_| leg.initial == State::Alerting)
}

/// How long a device alerts at most, in milliseconds, at this pace.
pub(crate) fn alerting_ms(pace: f64) -> i64 {
    if pace > 0.0 {
        (8_000.0 / pace) as i64
    } else {
        8_000
    }
}
