//! `v2.users.{id}.conversations` and `v2.routing.queues.{id}.conversations`: `ConversationEventTopicConversation`, with
//! calls nested under their participants.

use std::sync::Arc;

use super::{Object, Wire};
use crate::conversation::{Conversation, Participant, Purpose, Recording, Transfer, Wrapup};
use crate::organization::Organization;

/// The body.
#[must_use]
pub fn conversation(
    organization: &Organization,
    conversation: &Conversation,
    pace: f64,
) -> Arc<str> {
    super::text(|object| {
        object
            .has("id", conversation.id)
            .has("maxParticipants", 20)
            .list(
                "participants",
                &conversation.participants,
                |object, party| {
                    participant(object, organization, conversation, party, pace);
                },
            )
            .list("recentTransfers", &conversation.transfers, |object, of| {
                transfer(object, organization, of)
            })
            .has(
                "recordingState",
                if conversation.secure_pause() {
                    "paused"
                } else {
                    conversation.recording.word()
                },
            )
            .has("address", &conversation.address)
            .has("utilizationLabelId", organization.utilization_label)
            .has("securePause", conversation.secure_pause())
            .object("associatedConversation", |object| {
                object.may("id", conversation.associated);
            })
            .empty(&["accessAttributes"])
            .list(
                "consultationConversations",
                &conversation.consultations,
                |object, id| {
                    object.has("id", id);
                },
            );
        super::divisions(object, organization, conversation);
    })
}

fn participant(
    object: &mut Object<'_>,
    organization: &Organization,
    conversation: &Conversation,
    party: &Participant,
    pace: f64,
) {
    let newest = party.leg();
    let user = party.user.and_then(|user| organization.users.get(user));
    let queue = party.queue.and_then(|queue| organization.queues.get(queue));
    object
        .has("id", party.id)
        .may("connectedTime", party.connected())
        .may("endTime", party.disconnected())
        .may("userId", user.map(|user| user.id))
        .has("name", &party.name)
        .may("queueId", queue.map(|queue| queue.id))
        .has("purpose", party.purpose.word())
        .may("consultParticipantId", super::consulted(party))
        .has("address", &party.address);
    super::wrapup_rules(object, party);
    object.has("wrapupExpected", super::works_after_call(party));
    wrapup(object, organization, party.wrapup.as_ref());
    super::after_call_times(object, newest);
    object.object("conversationRoutingData", |object| {
        if let (Some(queue), Purpose::Acd) = (queue, party.purpose) {
            object
                .object("queue", |object| {
                    object.has("id", queue.id).has("name", &queue.name);
                })
                .nothing("language")
                .has("priority", 0)
                .list(
                    "skills",
                    organization.skills.get(queue.skill),
                    |object, skill| {
                        object.has("id", skill.id).has("name", skill.name);
                    },
                )
                .empty(&["scoredAgents"]);
        }
    });
    object.may(
        "alertingTimeoutMs",
        (party.purpose == Purpose::Agent).then(|| super::alerting_ms(pace)),
    );
    super::observes(object, party);
    object.has("mediaRoles", [super::media_role(party)]);
    super::attributes(object, &party.attributes);
    object
        .list("calls", &party.legs, |object, leg| {
            object
                .has("state", leg.state.word())
                .has("initialState", leg.initial.word())
                .has("recordingState", leg.recording.word())
                .may("disconnectType", leg.cause.map(|cause| cause.word()))
                .has("direction", leg.direction.word())
                .has("id", leg.id)
                .has("recording", super::is_recorded(leg));
            if party.user.is_some() && leg.recording != Recording::None {
                super::recorders(object, leg);
            }
            object
                .has("muted", leg.muted)
                .has("confined", leg.confined)
                .has("held", leg.held.is_some())
                .has("securePause", leg.secure_pause)
                .may("startHoldTime", leg.held);
            super::ends(object, conversation, party, leg, Wire::NumbersOnly);
            object
                .has("provider", "Edge")
                .may(
                    "scriptId",
                    (party.purpose == Purpose::Agent).then_some(organization.screen_script),
                )
                .may("peerId", leg.peer)
                .may("connectedTime", leg.connected)
                .may("disconnectedTime", leg.disconnected)
                .may("bargedTime", super::barged(party))
                .list(
                    "disconnectReasons",
                    leg.reason,
                    |object, (kind, code, phrase)| {
                        object
                            .has("type", kind)
                            .has("code", code)
                            .has("phrase", phrase);
                    },
                );
            if party.wrapup.is_some() {
                wrapup(object, organization, party.wrapup.as_ref());
            }
            super::after_call_work(object, leg);
            object
                .has("afterCallWorkRequired", leg.after_call_work_required)
                .object("queueMediaSettings", |object| {
                    if party.purpose == Purpose::Agent {
                        object.has("alertingTimeoutSeconds", 8);
                    }
                });
            super::disposition(object, leg);
        })
        .list("callbacks", &party.callbacks, |object, of| {
            super::callback(object, organization, party, of);
        })
        .empty(&["chats"]);
}

/// A wrap-up; an empty object where there is none.
fn wrapup(object: &mut Object<'_>, organization: &Organization, wrapup: Option<&Wrapup>) {
    object.object("wrapup", |object| {
        if let Some(wrapup) = wrapup {
            let code = organization
                .wrapup_codes
                .get(wrapup.code)
                .map(|code| code.id);
            object
                .may("code", code)
                .has("notes", "")
                .empty(&["tags"])
                .has("durationSeconds", wrapup.seconds)
                .has("endTime", wrapup.at);
        }
    });
}

fn transfer(object: &mut Object<'_>, organization: &Organization, transfer: &Transfer) {
    let user = |user: Option<usize>| {
        user.and_then(|user| organization.users.get(user))
            .map(|user| user.id)
    };
    object
        .has("state", transfer.state.word())
        .has(
            "transferType",
            if transfer.attended {
                "attended"
            } else {
                "unattended"
            },
        )
        .has("id", transfer.id)
        .has("dateIssued", transfer.at)
        .object("initiator", |object| {
            object.may("userId", user(transfer.by));
        })
        .nothing("modifiedBy")
        .object("destination", |object| {
            object
                .may("userId", user(transfer.to))
                .has("address", &transfer.address);
        });
}
