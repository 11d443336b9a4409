//! `GET /api/v2/conversations/{id}` (`Conversation`) and `GET /api/v2/conversations/calls/{id}` (`CallConversation`).
//! They tell what the notifications tell, in REST's spelling, and more: segments, when a leg alerted.

use serde_json::Value;

use super::{Object, Wire};
use crate::conversation::{Conversation, Leg, Participant, Purpose, Transfer, Wrapup};
use crate::organization::Organization;
use crate::time::Millis;

/// `Conversation`: calls nested under their participants.
#[must_use]
pub fn nested(organization: &Organization, conversation: &Conversation, alerting: Millis) -> Value {
    super::value(|object| {
        let paused = conversation.secure_pause();
        object
            .has("id", conversation.id)
            .has("startTime", conversation.started)
            .may("endTime", conversation.ended)
            .has("address", &conversation.address)
            .list(
                "participants",
                &conversation.participants,
                |object, party| {
                    nested_participant(object, organization, conversation, party, alerting);
                },
            )
            .has(
                "recordingState",
                if paused {
                    "PAUSED"
                } else {
                    conversation.recording.capitals()
                },
            );
        super::divisions(object, organization, conversation);
        object
            .list("recentTransfers", &conversation.transfers, |object, of| {
                transfer(object, organization, of)
            })
            .has("securePause", paused)
            .has("utilizationLabelId", organization.utilization_label)
            .has(
                "selfUri",
                format!("/api/v2/conversations/{}", conversation.id),
            );
    })
}

/// `CallConversation`: flat participants.
#[must_use]
pub fn flat(organization: &Organization, conversation: &Conversation, alerting: Millis) -> Value {
    super::value(|object| {
        let paused = conversation.secure_pause();
        object
            .has("id", conversation.id)
            .list(
                "participants",
                super::callers(conversation),
                |object, (party, leg)| {
                    flat_participant(object, organization, party, leg, alerting);
                },
            )
            .empty(&["otherMediaUris"])
            .has(
                "recordingState",
                if paused {
                    "paused"
                } else {
                    conversation.recording.word()
                },
            )
            .list("recentTransfers", &conversation.transfers, |object, of| {
                transfer(object, organization, of)
            })
            .has("utilizationLabelId", organization.utilization_label)
            .has("securePause", paused);
        super::divisions(object, organization, conversation);
        object.has(
            "selfUri",
            format!("/api/v2/conversations/calls/{}", conversation.id),
        );
    })
}

fn nested_participant(
    object: &mut Object<'_>,
    organization: &Organization,
    conversation: &Conversation,
    party: &Participant,
    alerting: Millis,
) {
    let user = party.user.and_then(|user| organization.users.get(user));
    let queue = party.queue.and_then(|queue| organization.queues.get(queue));
    object
        .has("id", party.id)
        .has("startTime", party.started)
        .may("endTime", party.disconnected())
        .may("connectedTime", party.connected())
        .has("name", &party.name)
        .may(
            "userUri",
            user.map(|user| format!("/api/v2/users/{}", user.id)),
        )
        .may("userId", user.map(|user| user.id))
        .may("queueId", queue.map(|queue| queue.id))
        .may("queueName", queue.map(|queue| &queue.name))
        .has("purpose", party.purpose.word())
        .may("consultParticipantId", super::consulted(party))
        .has("participantType", participant_type(party.purpose))
        .has("address", &party.address)
        .has("ani", &party.ani)
        .has("aniName", &party.name)
        .has("dnis", &party.dnis);
    super::wrapup_rules(object, party);
    if let Some(of) = &party.wrapup {
        object.object("wrapup", |object| wrapup(object, organization, of));
    }
    super::observes(object, party);
    object.has("mediaRoles", [super::media_role(party)]);
    routing_data(object, organization, party);
    object.may(
        "alertingTimeoutMs",
        (party.purpose == Purpose::Agent).then_some(alerting.0),
    );
    super::attributes(object, &party.attributes);
    object
        .list("calls", &party.legs, |object, leg| {
            object
                .has("state", leg.state.word())
                .has("initialState", leg.initial.word())
                .has("id", leg.id)
                .has("direction", leg.direction.word())
                .has("recording", super::is_recorded(leg))
                .has("recordingState", leg.recording.word());
            super::recorders(object, leg);
            object
                .has("muted", leg.muted)
                .has("confined", leg.confined)
                .has("held", leg.held.is_some())
                .has("securePause", leg.secure_pause)
                .list("segments", &leg.segments, |object, segment| {
                    let last = segment.how == Some("Disconnect");
                    object
                        .has("startTime", segment.from)
                        .may("endTime", segment.to)
                        .has("type", segment.kind)
                        .may("howEnded", segment.how)
                        .may(
                            "disconnectType",
                            leg.cause.filter(|_| last).map(|cause| cause.word()),
                        );
                })
                .may("startHoldTime", leg.held)
                .may("disconnectType", leg.cause.map(|cause| cause.word()))
                .may("startAlertingTime", super::alerted(leg))
                .may("connectedTime", leg.connected)
                .may("disconnectedTime", leg.disconnected)
                .list(
                    "disconnectReasons",
                    leg.reason,
                    |object, (kind, code, phrase)| {
                        object
                            .has("type", kind)
                            .has("code", code)
                            .has("phrase", phrase);
                    },
                )
                .has("provider", "Edge")
                .may(
                    "scriptId",
                    (party.purpose == Purpose::Agent).then_some(organization.screen_script),
                )
                .may("peerId", leg.peer);
            super::ends(object, conversation, party, leg, Wire::Shown);
            super::after_call_work(object, leg);
            object.has("afterCallWorkRequired", leg.after_call_work_required);
            if party.purpose == Purpose::Agent {
                object.object("queueMediaSettings", |object| {
                    object.has("alertingTimeoutSeconds", 8);
                });
            }
            super::disposition(object, leg);
        })
        .list("callbacks", &party.callbacks, |object, of| {
            super::callback(object, organization, party, of);
        })
        .empty(&[
            "chats",
            "cobrowsesessions",
            "emails",
            "messages",
            "internalMessages",
            "screenshares",
            "socialExpressions",
            "videos",
        ]);
    super::after_call_times(object, party.leg());
}

fn flat_participant(
    object: &mut Object<'_>,
    organization: &Organization,
    party: &Participant,
    leg: &Leg,
    alerting: Millis,
) {
    let user = party.user.and_then(|user| organization.users.get(user));
    let queue = party.queue.and_then(|queue| organization.queues.get(queue));
    object
        .has("id", party.id)
        .has("name", &party.name)
        .has("address", &party.address)
        .has("startTime", party.started)
        .may("startAlertingTime", super::alerted(leg))
        .may("connectedTime", leg.connected)
        .may("endTime", leg.disconnected)
        .may("startHoldTime", leg.held)
        .has("purpose", party.purpose.word())
        .has("state", leg.flat_state())
        .has("direction", leg.direction.word())
        .may(
            "disconnectType",
            leg.cause.map(|cause| cause.flat_in_rest()),
        )
        .has("held", leg.held.is_some());
    super::wrapup_rules(object, party);
    object
        .has("wrapupSkipped", false)
        .has("mediaRoles", [super::media_role(party)]);
    if let Some(user) = user {
        reference(object, "user", "users", user.id);
    }
    if let Some(queue) = queue {
        reference(object, "queue", "routing/queues", queue.id);
    }
    super::attributes(object, &party.attributes);
    if party.purpose == Purpose::Agent {
        reference(object, "script", "scripts", organization.screen_script);
        object.has("alertingTimeoutMs", alerting.0);
    }
    object.has("provider", "Edge");
    if let Some(of) = &party.wrapup {
        object.object("wrapup", |object| wrapup(object, organization, of));
    }
    object.may("peer", leg.peer);
    routing_data(object, organization, party);
    super::after_call_times(object, Some(leg));
    object
        .has("muted", leg.muted)
        .has("confined", leg.confined)
        .has("recording", super::is_recorded(leg))
        .has("recordingState", leg.recording.word());
    super::recorders(object, leg);
    object
        .has("ani", &party.ani)
        .has("dnis", &party.dnis)
        .has("securePause", leg.secure_pause)
        .may("parkTime", leg.parked)
        .may("resumeTime", leg.resumed)
        .may("consultParticipantId", super::consulted(party))
        .may("bargedTime", super::barged(party));
    super::observes(object, party);
    super::disposition(object, leg);
}

const fn participant_type(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Customer | Purpose::External => "External",
        Purpose::Ivr => "IVR",
        Purpose::Acd => "ACD",
        Purpose::Agent | Purpose::User => "Internal",
        // Not documented: the platform's documentation of the member names no value at all.
        Purpose::Voicemail | Purpose::Dialer | Purpose::Campaign => "Internal",
    }
}

fn reference(object: &mut Object<'_>, member: &str, path: &str, id: crate::chance::Id) {
    object.object(member, |object| {
        object
            .has("id", id)
            .has("selfUri", format!("/api/v2/{path}/{id}"));
    });
}

fn routing_data(object: &mut Object<'_>, organization: &Organization, party: &Participant) {
    let queue = party.queue.and_then(|queue| organization.queues.get(queue));
    if let (Some(queue), Purpose::Acd) = (queue, party.purpose) {
        object.object("conversationRoutingData", |object| {
            reference(object, "queue", "routing/queues", queue.id);
            object
                .has("priority", 0)
                .list(
                    "skills",
                    organization.skills.get(queue.skill),
                    |object, skill| {
                        object
                            .has("id", skill.id)
                            .has("selfUri", format!("/api/v2/routing/skills/{}", skill.id));
                    },
                )
                .empty(&["scoredAgents"])
                .has("label", organization.utilization_label);
        });
    }
}

fn wrapup(object: &mut Object<'_>, organization: &Organization, wrapup: &Wrapup) {
    let code = organization.wrapup_codes.get(wrapup.code);
    object
        .may("code", code.map(|code| code.id))
        .may("name", code.map(|code| code.name))
        .has("notes", "")
        .empty(&["tags"])
        .has("durationSeconds", wrapup.seconds)
        .has("endTime", wrapup.at);
}

fn transfer(object: &mut Object<'_>, organization: &Organization, transfer: &Transfer) {
    let user = |user: Option<usize>| {
        user.and_then(|user| organization.users.get(user))
            .map(|user| user.id)
    };
    object
        .has("id", transfer.id)
        .has("state", transfer.state.in_rest())
        .has("dateIssued", transfer.at)
        .object("initiator", |object| {
            object.may("userId", user(transfer.by));
        })
        .nothing("modifiedBy")
        .object("destination", |object| {
            object
                .may("userId", user(transfer.to))
                .has("address", &transfer.address);
        })
        .has(
            "transferType",
            if transfer.attended {
                "Attended"
            } else {
                "Unattended"
            },
        );
}
