//! A conversation as the analytics interface tells it (`AnalyticsConversationWithoutAttributes`): every leg and callback
//! is a session, and a session is told by its segments. Afterwards it tells what happened and when, while notifications
//! only tell how it is. It is told while the conversation goes on, too: what goes on has no end yet.
//!
//! Where the published facts leave it open, it does as the recorded bodies of the blueprint conversation-model-to-sql do:
//! users have no name there; the last segment of a session carries the cause of its end. Attributes are not in it.

use serde_json::Value;

use super::Object;
use crate::chance::Id;
use crate::conversation::{
    AfterCallWork, Callback, Conversation, Direction, Leg, Observing, Participant, Purpose,
    Segment, State,
};
use crate::organization::Organization;
use crate::time::Time;

/// `AnalyticsConversationWithoutAttributes`.
#[must_use]
pub fn details(organization: &Organization, conversation: &Conversation) -> Value {
    super::value(|object| {
        let first = conversation.participants.first();
        let conferences = conferences(organization, conversation);
        let outside = conversation
            .outside()
            .and_then(|at| conversation.participants.get(at));
        object
            .has("conversationId", conversation.id)
            .has("conversationStart", conversation.started)
            .may("conversationEnd", conversation.ended)
            .may("conferenceStart", conferences.first().map(|(from, _)| from))
            .may(
                "conversationInitiator",
                first.map(|party| party.purpose.word()),
            )
            .has("originatingDirection", originating_direction(conversation))
            .has("customerParticipation", outside.is_some())
            .has("divisionIds", divisions(organization, conversation))
            .may("associatedConversationId", conversation.associated);
        if !conversation.consultations.is_empty() {
            object.has("consultationConversationIds", &conversation.consultations);
        }
        object.list(
            "participants",
            &conversation.participants,
            |object, party| participant(object, organization, conversation, party, &conferences),
        );
    })
}

/// Which way the conversation began, as the organization sees it.
pub(crate) fn originating_direction(conversation: &Conversation) -> &'static str {
    let first = conversation.participants.first();
    let direction = first.and_then(|party| match (party.leg(), party.callback()) {
        (Some(leg), _) => Some(leg.direction),
        (None, callback) => callback.map(|callback| callback.direction),
    });
    direction.unwrap_or(Direction::Outbound).word()
}

/// The media types of its sessions.
pub(crate) fn media(conversation: &Conversation) -> Vec<String> {
    let parties = || conversation.participants.iter();
    let voice = parties().any(|party| !party.legs.is_empty());
    let callback = parties().any(|party| !party.callbacks.is_empty());
    [(voice, "voice"), (callback, "callback")]
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, media)| media.to_owned())
        .collect()
}

/// The ids of the divisions that the conversation belongs to.
pub(crate) fn divisions(organization: &Organization, conversation: &Conversation) -> Vec<Id> {
    let touched = |at: usize| {
        conversation
            .touched
            .iter()
            .any(move |touched| touched.division == at)
    };
    (0..)
        .zip(&organization.divisions)
        .filter(|(at, _)| touched(*at))
        .map(|(_, division)| division.id)
        .collect()
}

fn participant(
    object: &mut Object<'_>,
    organization: &Organization,
    conversation: &Conversation,
    party: &Participant,
    conferences: &[(Time, Option<Time>)],
) {
    let user = party.user.and_then(|user| organization.users.get(user));
    object
        .has("participantId", party.id)
        .may("participantName", user.is_none().then_some(&party.name))
        .may("userId", user.map(|user| user.id))
        .has("purpose", party.purpose.word());
    let callbacks = party.callbacks.iter().map(Session::Callback);
    let legs = party.legs.iter().map(Session::Leg);
    object.list("sessions", callbacks.chain(legs), |object, of| {
        let told = session(object, organization, conversation, party, &of);
        segments(object, organization, party, &told, conferences);
    });
}

enum Session<'a> {
    Leg(&'a Leg),
    Callback(&'a Callback),
}

fn session(
    object: &mut Object<'_>,
    organization: &Organization,
    conversation: &Conversation,
    party: &Participant,
    of: &Session<'_>,
) -> Vec<Told> {
    let (media, id, direction) = match of {
        Session::Leg(leg) => ("voice", leg.id, leg.direction),
        Session::Callback(callback) => ("callback", callback.id, callback.direction),
    };
    object
        .has("mediaType", media)
        .has("sessionId", id)
        .has("direction", direction.word())
        .has("provider", "Edge")
        .has("ani", &party.ani)
        .has("dnis", &party.dnis);
    if !party.purpose.is_outside() {
        let outside = conversation
            .outside()
            .and_then(|at| conversation.participants.get(at));
        object.may("remote", outside.map(|party| &party.name));
    }
    if matches!(party.purpose, Purpose::Acd | Purpose::Agent) && party.queue.is_some() {
        let user = party.user.and_then(|user| organization.users.get(user));
        object
            .has("requestedRoutings", ["Standard"])
            .may("selectedAgentId", user.map(|user| user.id));
        let answered = user.is_some() && party.connected().is_some();
        object.may("usedRouting", answered.then_some("Standard"));
    }
    let segments = match of {
        Session::Leg(leg) => {
            object.may("peerId", leg.peer);
            let segments = segments_of_leg(organization, party, leg);
            if let Some(observation) = party.observes {
                for (kind, member) in [
                    ("monitoring", "monitoredParticipantId"),
                    ("coaching", "coachedParticipantId"),
                    ("barging", "bargedParticipantId"),
                ] {
                    let does = segments.iter().any(|segment| segment.kind == kind);
                    object.may(member, does.then_some(observation.participant));
                }
            }
            object.may("dispositionName", leg.disposition);
            let is_flow = party.purpose == Purpose::Ivr;
            let mut flows = organization.flows.iter().filter(|_| is_flow);
            if let Some(flow) = flows.find(|flow| flow.name == party.name) {
                object.object("flow", |object| {
                    object
                        .has("flowId", flow.id)
                        .has("flowName", flow.name)
                        .has("flowType", "INBOUNDCALL")
                        .has("entryType", "dnis");
                });
            }
            segments
        }
        Session::Callback(callback) => {
            object
                .has("callbackNumbers", [&callback.number])
                .has("callbackUserName", &callback.name)
                .may("callbackScheduledTime", callback.scheduled);
            if let Some(preview) = callback.preview {
                object
                    .has("outboundCampaignId", preview.campaign)
                    .has("outboundContactId", preview.contact)
                    .has("outboundContactListId", preview.contact_list);
            }
            segments_of_callback(party, callback)
        }
    };
    metrics(object, party, &segments);
    segments
}

fn segments(
    object: &mut Object<'_>,
    organization: &Organization,
    party: &Participant,
    segments: &[Told],
    conferences: &[(Time, Option<Time>)],
) {
    let queue = party.queue.and_then(|queue| organization.queues.get(queue));
    object.list("segments", segments, |object, segment| {
        let together = |(from, to): &(Time, Option<Time>)| {
            segment.talks(party)
                && segment.to.is_none_or(|end| *from < end)
                && to.is_none_or(|to| segment.from < to)
        };
        object
            .has("segmentType", segment.kind)
            .has("segmentStart", segment.from)
            .may("segmentEnd", segment.to)
            .may("queueId", queue.map(|queue| queue.id))
            .may("disconnectType", segment.cause)
            .may("wrapUpCode", segment.wrapup)
            .has("conference", conferences.iter().any(together));
    });
}

/// When three people or more talked together: from when, and to when if it is over.
fn conferences(
    organization: &Organization,
    conversation: &Conversation,
) -> Vec<(Time, Option<Time>)> {
    let mut changes = Vec::new();
    for party in &conversation.participants {
        let segments =
            (party.legs.iter()).flat_map(|leg| segments_of_leg(organization, party, leg));
        let lasts = |segment: &Told| segment.to != Some(segment.from);
        for segment in segments.filter(|segment| segment.talks(party) && lasts(segment)) {
            changes.push((segment.from, 1));
            changes.extend(segment.to.map(|to| (to, -1)));
        }
    }
    // Who goes at the moment at which another one comes was not together with them.
    changes.sort_unstable();
    let mut conferences: Vec<(Time, Option<Time>)> = Vec::new();
    let mut talk = 0;
    for (at, change) in changes {
        let before = talk;
        talk += change;
        match (before, talk) {
            (2, 3) => conferences.push((at, None)),
            (3, 2) => {
                if let Some(last) = conferences.last_mut() {
                    last.1 = Some(at);
                }
            }
            _ => {}
        }
    }
    conferences
}

/// A segment, in the words of analytics.
#[derive(Debug)]
struct Told {
    kind: &'static str,
    from: Time,
    to: Option<Time>,
    cause: Option<&'static str>,
    wrapup: Option<Id>,
}

impl Told {
    fn new(kind: &'static str, from: Time, to: Option<Time>) -> Self {
        Self {
            kind,
            from,
            to,
            cause: None,
            wrapup: None,
        }
    }

    /// Whether a person talked and was heard by the others.
    fn talks(&self, party: &Participant) -> bool {
        party.purpose.is_person() && matches!(self.kind, "interact" | "barging")
    }
}

fn segments_of_leg(organization: &Organization, party: &Participant, leg: &Leg) -> Vec<Told> {
    let mut segments = Vec::new();
    // A state that was left at once is none.
    let stays =
        |segment: &&Segment| segment.to != Some(segment.from) || segment.how == Some("Disconnect");
    for segment in leg.segments.iter().filter(stays) {
        let mut told = Told::new(segment_type(party, segment.kind), segment.from, segment.to);
        // Who is heard now, but came before, only listened at first.
        if segment.kind == "Interact"
            && let Some(since) = party.observes.map(|observation| observation.since)
            && since > told.from
            && told.to.is_none_or(|to| since < to)
        {
            segments.push(Told::new("monitoring", told.from, Some(since)));
            told.from = since;
        }
        let cause = leg.cause.filter(|_| segment.how == Some("Disconnect"));
        told.cause = cause.map(|cause| disconnect_type(cause.word()));
        segments.push(told);
    }
    let code = party
        .wrapup
        .and_then(|wrapup| organization.wrapup_codes.get(wrapup.code));
    let worked = match (leg.after_call_work, leg.disconnected) {
        (AfterCallWork::Pending(since), _) => Some((since, None)),
        (AfterCallWork::Complete(from, to), _) => Some((from, Some(to))),
        // A code that was given during the call stands at its end.
        (_, Some(end)) if code.is_some() => Some((end, Some(end))),
        _ => None,
    };
    if let Some((from, to)) = worked {
        let mut told = Told::new("wrapup", from, to);
        told.wrapup = code.filter(|_| to.is_some()).map(|code| code.id);
        segments.push(told);
    }
    segments
}

fn segments_of_callback(party: &Participant, callback: &Callback) -> Vec<Told> {
    let mut segments = Vec::new();
    let begun = callback.connected.or(callback.disconnected);
    let before = match callback.initial {
        State::Alerting => "alert",
        State::Scheduled => "scheduled",
        _ => "system",
    };
    if begun != Some(party.started) {
        segments.push(Told::new(before, party.started, begun));
    }
    if let Some(connected) = callback.connected {
        segments.push(Told::new("callback", connected, callback.disconnected));
    }
    if let Some(last) = segments.last_mut() {
        last.cause = callback.cause.map(|cause| disconnect_type(cause.word()));
    }
    segments
}

/// REST's name of a segment in the words of analytics, which say what a connected leg is connected for.
fn segment_type(party: &Participant, kind: &str) -> &'static str {
    match (kind, party.observes.map(|observation| observation.how)) {
        ("Interact", Some(Observing::Monitors)) => "monitoring",
        ("Interact", Some(Observing::Coaches)) => "coaching",
        ("Interact", Some(Observing::Barges)) => "barging",
        ("Interact", None) if party.purpose == Purpose::Voicemail => "voicemail",
        ("Interact", None) => "interact",
        ("Alert", _) => "alert",
        ("Dialing", _) => "dialing",
        ("Contacting", _) => "contacting",
        ("Hold", _) => "hold",
        ("IVR", _) => "ivr",
        ("Parked" | "Park", _) => "parked",
        _ => "system",
    }
}

/// The cause of an end in the words of analytics, from that of notifications.
fn disconnect_type(cause: &'static str) -> &'static str {
    match cause {
        "endpoint.dnd" => "dndEndpoint",
        "session.expired" => "sessionExpired",
        "transfer.conference" => "conferenceTransfer",
        "transfer.consult" => "consultTransfer",
        "transfer.dnd" => "dndTransfer",
        "transfer.forward" => "forwardTransfer",
        "transfer.noanswer" => "noAnswerTransfer",
        "transfer.notavailable" => "notAvailableTransfer",
        "transport.failure" => "transportFailure",
        same => same,
    }
}

/// What can be counted of a session: each thing when it ends, as the platform does.
fn metrics(object: &mut Object<'_>, party: &Participant, segments: &[Told]) {
    let mut metrics: Vec<(&str, i64, Time)> = Vec::new();
    if let (Purpose::Acd, Some(first)) = (party.purpose, segments.first()) {
        metrics.push(("nOffered", 1, first.from));
    }
    if let (Purpose::Customer, Some(connected)) = (party.purpose, party.connected()) {
        metrics.push(("nConnected", 1, connected));
    }
    for segment in segments {
        let Some(end) = segment.to else { continue };
        let person = matches!(party.purpose, Purpose::Agent | Purpose::User);
        let name = match (segment.kind, party.purpose) {
            ("alert", _) => "tAlert",
            ("contacting", _) => "tContacting",
            ("dialing", _) => "tDialing",
            ("ivr", _) => "tIvr",
            ("voicemail", _) => "tVoicemail",
            ("interact", Purpose::Acd) => "tAcd",
            ("interact", _) if person => "tTalk",
            ("hold", _) if person => "tHeld",
            ("parked", _) if person => "tPark",
            ("monitoring", _) => "tMonitoring",
            ("coaching", _) => "tCoaching",
            ("barging", _) => "tBarging",
            ("wrapup", _) => "tAcw",
            _ => continue,
        };
        metrics.push((name, (end - segment.from).0, end));
    }
    object.list("metrics", metrics, |object, (name, value, at)| {
        object
            .has("name", name)
            .has("value", value)
            .has("emitDate", at);
    });
}
