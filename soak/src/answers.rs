//! What the region's REST answers still tell of an act: whether an adapter that saw nothing of it could have told it.
//!
//! Judged by the answers alone. An act that the platform dates can be told if its moment stands in an answer at the place
//! of who it is about. Of what it does not date, an answer shows at best how it is now.

use gca_region::body::agent_details::{Window, details};
use gca_region::region::Region;
use gca_region::time::Millis;
use gca_region::truth::{Act, Kind};
use serde_json::Value;

/// The answers about one conversation.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// `GET /api/v2/conversations/{id}`.
    pub(crate) rest: Value,
    /// Its analytics details.
    pub(crate) details: Value,
}

/// Whether recovery is told of the act: by analytics, or by the read of the conversation, which follows if that goes on, or
/// if analytics told its end first. `is_last`: nothing of the kind came after it.
pub(crate) fn tell(answers: &Answers, act: &Act, is_last: bool) -> bool {
    // That somebody was offered a call stands in no segment.
    let by_details =
        act.kind != Kind::Offering && tells(&answers.details, "participantId", act, is_last);
    by_details || tells(&answers.rest, "id", act, is_last)
}

fn tells(answer: &Value, id: &str, act: &Act, is_last: bool) -> bool {
    match act.kind {
        // Neither dated nor kept.
        Kind::Muted
        | Kind::Unmuted
        | Kind::Confined
        | Kind::Unconfined
        | Kind::RecordingPaused
        | Kind::RecordingResumed
        | Kind::ConsultStarted
        | Kind::ConsultCompleted
        | Kind::ConsultCancelled
        | Kind::Conferenced
        | Kind::PartyAdded
        | Kind::PartyLeft => false,
        // A segment is called by what the supervisor does last.
        Kind::MonitoringStarted => observes(answer, id, act, "monitoring"),
        Kind::CoachingStarted => observes(answer, id, act, "coaching"),
        Kind::BargedIn => observes(answer, id, act, "barging"),
        // Kept until another value takes its place.
        Kind::Attributes => {
            let party = party(answer, id, act);
            let key = act.detail.as_deref().unwrap_or_default();
            is_last && party.is_some_and(|party| party["attributes"].get(key).is_some())
        }
        _ => {
            let place = match act.participant {
                None => Some(answer),
                Some(_) => party(answer, id, act),
            };
            place.is_some_and(|place| holds(place, &act.time.iso()))
        }
    }
}

/// What the history of an agent tells of the moment of an act: the answer of analytics user details.
pub(crate) fn of_agent(region: &Region, act: &Act) -> Option<Value> {
    let organization = region.world().inventory();
    let user = organization.user(act.user?)?;
    let window = Window {
        from: act.time,
        to: act.time + Millis(1),
        known: region.world().now(),
    };
    let history = region.world().history(user)?;
    Some(details(organization, user, history, window))
}

/// Whether a party has a segment of this type that begins with the act.
fn observes(answer: &Value, id: &str, act: &Act, how: &str) -> bool {
    let sessions = party(answer, id, act).map(|party| &party["sessions"]);
    let sessions = sessions.and_then(Value::as_array).map(Vec::as_slice);
    let mut segments = sessions
        .unwrap_or_default()
        .iter()
        .filter_map(|session| session["segments"].as_array())
        .flatten();
    let moment = act.time.iso();
    segments.any(|one| one["segmentType"] == how && one["segmentStart"] == moment.as_str())
}

fn party<'a>(answer: &'a Value, member: &str, act: &Act) -> Option<&'a Value> {
    let id = act.participant?.to_string();
    let parties = answer["participants"].as_array()?;
    parties.iter().find(|party| party[member] == id.as_str())
}

/// Whether a text stands somewhere in a value.
pub(crate) fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own == text,
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.values().any(|member| holds(member, text)),
        _ => false,
    }
}
