//! Answers to reads: what of `calls` reads each, and what the session is told of it; and notifications, as far as they
//! have to be read once more. Public for the soak, whose loop around the machines is the shell's without threads.

use crate::calls::{Calls, Heard};
use crate::cloud::cut_whole;
use crate::model::event::{Event, EventKind, Source, Subject};
use crate::model::frame::{Frame, Notification};
use crate::model::order::SocketId;
use crate::model::time::Now;
use crate::session::{LiveCall, ReadBody, Told};

/// Gives an answer to `calls`. Returns how many of its bodies could not be read.
pub fn read(calls: &mut Calls, what: &ReadBody, source: Source, now: Now) -> usize {
    let mut heard = Vec::new();
    match what {
        ReadBody::Users(users) => calls.handle_users_read(users, now),
        ReadBody::Conversation { body, asked } => {
            heard.push(calls.handle_conversation_read(body, source, *asked, now));
        }
        ReadBody::ConversationDetails(bodies) => {
            let bodies = bodies.iter();
            heard.extend(bodies.map(|body| calls.handle_analytics_details(body, source, now)));
        }
        ReadBody::UserDetails(bodies) => {
            let bodies = bodies.iter();
            heard.extend(bodies.map(|body| calls.handle_user_details(body, source, now)));
        }
    }
    heard
        .iter()
        .filter(|heard| **heard == Heard::Unreadable)
        .count()
}

/// Gives a notification to `calls`. The cut takes a body's place from the envelope's usual shape; one of another shape is
/// read whole.
pub fn hear(
    calls: &mut Calls,
    socket: SocketId,
    text: &str,
    notification: &Notification<'_>,
    now: Now,
) -> Heard {
    let heard = calls.handle_notification(socket, notification, now);
    if heard != Heard::Unreadable {
        return heard;
    }
    match cut_whole(text) {
        Ok(Frame::Notification(whole)) if whole.body != notification.body => {
            calls.handle_notification(socket, &whole, now)
        }
        _ => Heard::Unreadable,
    }
}

/// What the ledger counts of an event that the answer told.
#[must_use]
pub fn told(what: &ReadBody, event: &Event) -> Told {
    let (user, queue) = match &event.subject {
        Subject::Connection(connection) => (
            connection.user.as_ref().map(|user| user.id.clone()),
            connection.queue.as_ref().map(|queue| queue.id.clone()),
        ),
        Subject::Agent { user, .. } => (Some(user.id.clone()), None),
        Subject::Feed(_) | Subject::Lost(_) | Subject::Gap(_) | Subject::Renewal(_) => (None, None),
    };
    Told {
        kind: event.kind,
        user,
        queue,
        at: event.platform_time,
        ends: match (&event.subject, what, event.kind) {
            (
                Subject::Connection(connection),
                ReadBody::ConversationDetails(_),
                EventKind::CallCleared,
            ) => Some(connection.conversation.clone()),
            _ => None,
        },
    }
}

/// The conversations that go on, the newest first.
#[must_use]
pub fn live(calls: &Calls) -> Vec<LiveCall> {
    let live = calls.live_conversations().into_iter();
    live.map(|live| LiveCall {
        id: live.id,
        users: live.users,
        queues: live.queues,
    })
    .collect()
}
