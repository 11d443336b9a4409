//! `v2.users.{id}.conversations.calls` (`ConversationCallEventTopicCallConversation`) and the queues' form of it (equal,
//! member for member): one flat participant per party and attempt. No communication id and no station; but when a
//! participant came, who called and whom.

use std::sync::Arc;

use super::Object;
use crate::conversation::{Conversation, Leg, Participant, Purpose};
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
            .list(
                "participants",
                super::callers(conversation),
                |object, (party, leg)| {
                    participant(object, organization, party, leg, pace);
                },
            )
            .empty(&["otherMediaUris"])
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
            .empty(&["accessAttributes"]);
        super::divisions(object, organization, conversation);
        object
            .has("securePause", conversation.secure_pause())
            .has("maxParticipants", 20);
    })
}

fn participant(
    object: &mut Object<'_>,
    organization: &Organization,
    party: &Participant,
    leg: &Leg,
    pace: f64,
) {
    let user = party.user.and_then(|user| organization.users.get(user));
    let queue = party.queue.and_then(|queue| organization.queues.get(queue));
    object
        .has("id", party.id)
        .has("name", &party.name)
        .has("address", &party.address)
        .has("startTime", party.started)
        .may("connectedTime", leg.connected)
        .may("endTime", leg.disconnected)
        .may("startHoldTime", leg.held)
        .has("purpose", party.purpose.word())
        .has("state", leg.flat_state())
        .has("initialState", leg.initial.word())
        .has("direction", leg.direction.word())
        .may("disconnectType", leg.cause.map(|cause| cause.word()))
        .has("held", leg.held.is_some());
    super::wrapup_rules(object, party);
    object.has("wrapupSkipped", false);
    if let Some(user) = user {
        object.object("user", |object| {
            object.has("id", user.id).has("name", &user.name);
        });
    }
    if let Some(queue) = queue {
        object.object("queue", |object| {
            object.has("id", queue.id).has("name", &queue.name);
        });
    }
    object.nothing("team");
    super::attributes(object, &party.attributes);
    if party.purpose == Purpose::Agent {
        object
            .object("script", |object| {
                object.has("id", organization.screen_script);
            })
            .has("alertingTimeoutMs", super::alerting_ms(pace));
    }
    object
        .has("provider", "Edge")
        .nothing("externalContact")
        .nothing("externalOrganization");
    if let Some(wrapup) = &party.wrapup {
        let code = organization
            .wrapup_codes
            .get(wrapup.code)
            .map(|code| code.id);
        object.object("wrapup", |object| {
            object
                .may("code", code)
                .has("notes", "")
                .empty(&["tags"])
                .has("durationSeconds", wrapup.seconds)
                .has("endTime", wrapup.at);
        });
    }
    if let (Some(queue), Purpose::Acd) = (queue, party.purpose) {
        object.object("conversationRoutingData", |object| {
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
        });
    }
    object.may("peer", leg.peer);
    super::after_call_times(object, Some(leg));
    object
        .may("parkTime", leg.parked)
        .may("resumeTime", leg.resumed)
        .has("mediaRoles", [super::media_role(party)]);
    if party.purpose == Purpose::Agent {
        object.object("queueMediaSettings", |object| {
            object.has("alertingTimeoutSeconds", 8);
        });
    }
    object
        .has("muted", leg.muted)
        .has("confined", leg.confined)
        .has("recording", super::is_recorded(leg))
        .has("recordingState", leg.recording.word());
    super::recorders(object, leg);
    object
        .has("securePause", leg.secure_pause)
        .has("ani", &party.ani)
        .has("dnis", &party.dnis)
        .may("consultParticipantId", super::consulted(party))
        .may("bargedTime", super::barged(party));
    super::observes(object, party);
    super::disposition(object, leg);
}
