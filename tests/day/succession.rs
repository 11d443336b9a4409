//! Days on which one connection takes over from another.

use gca_region::chance::Chance;
use gca_region::time::{Millis, Time};
use genesys_cloud_adapter::calls::Calls;
use genesys_cloud_adapter::model::event::Event;
use genesys_cloud_adapter::model::order::SocketId;

use super::{Day, SNAPSHOT_CACHE, now, tell_on};

/// One connection takes over from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Succession {
    /// From then on the platform shows everything on the second one too.
    begins: Time,
    /// The first one is left, or dies: nothing of it comes any more.
    ends: Time,
}

impl Succession {
    /// Some of a day, one after another. All that was published before one begins has come on the first connection when
    /// that ends, or else it would be lost; one that dies does so as early as that allows.
    pub(crate) fn some(day: &Day, late: Millis, dies: bool, chance: &mut Chance) -> Vec<Self> {
        let (first, last) = (day.shown[0].at, day.shown[day.shown.len() - 1].at);
        let mut successions = Vec::new();
        let mut free = first;
        while free < last {
            let begins = free + chance.between(0, 12_000);
            let least = begins + late;
            let ends = least + chance.between(0, if dies { 300 } else { 5_000 });
            successions.push(Self { begins, ends });
            free = ends + Millis(1);
        }
        successions
    }
}

/// What happens, in order: what comes at one moment comes before a connection is left, and after one was opened.
enum Happening<'a> {
    Flows(SocketId),
    Comes(SocketId, &'a gca_region::world::Shown),
    Succeeds(SocketId, SocketId),
}

/// What is told of a day by connections that each show what they show in its order, each body up to `late` later than it
/// was published.
pub(crate) fn hear(
    day: &Day,
    successions: &[Succession],
    late: Millis,
    chance: &mut Chance,
) -> Vec<Event> {
    let socket = |index: usize| SocketId(u64::try_from(index).unwrap() + 1);
    let mut happenings: Vec<(Time, u8, Happening<'_>)> = Vec::new();
    for index in 0..=successions.len() {
        let begins = index
            .checked_sub(1)
            .map(|before| successions[before].begins);
        let ends = successions.get(index).map(|next| next.ends);
        let begins_at = begins.unwrap_or_default();
        happenings.push((begins_at, 0, Happening::Flows(socket(index))));
        // Some are always behind, some hardly ever.
        let late = Millis(chance.between(0, late.0).0);
        let mut last = Time::default();
        for shown in day.shown.iter().filter(|shown| shown.at >= begins_at) {
            last = last.max(shown.at + chance.between(0, late.0));
            if ends.is_none_or(|ends| last <= ends) {
                happenings.push((last, 1, Happening::Comes(socket(index), shown)));
            }
        }
        if let Some(ends) = ends {
            let succeeds = Happening::Succeeds(socket(index), socket(index + 1));
            happenings.push((ends, 2, succeeds));
        }
    }
    happenings.sort_by_key(|(at, rank, _)| (*at, *rank));
    let (users, queues) = day.subjects();
    let mut calls = Calls::new(SNAPSHOT_CACHE);
    let mut events = Vec::new();
    for (at, _, happening) in happenings {
        match happening {
            Happening::Flows(socket) => calls.handle_flowing(socket, &users, &queues),
            Happening::Comes(socket, shown) => {
                tell_on(socket, &mut calls, shown, at);
            }
            Happening::Succeeds(from, to) => calls.handle_succession(from, to, now(at)),
        }
        calls.handle_timeout(now(at));
        events.extend(std::iter::from_fn(|| calls.poll_event()));
    }
    events
}
