//! The agents' days: they log on and off, take breaks and come back. Never while a call has them.

use super::floor::{Agent, RoutingStatus, presence};
use super::{Connection, Due, History, World};
use crate::time::{Millis, Time};

/// How agents are when the world begins, in percent: on queue first.
const MORNING: &[(&str, usize)] = &[
    ("ON_QUEUE", 72),
    ("AVAILABLE", 8),
    ("BREAK", 5),
    ("MEETING", 4),
    ("TRAINING", 2),
    ("OFFLINE", 9),
];

/// What an agent who is on queue does next, in percent.
const FROM_QUEUE: &[(&str, usize)] = &[
    ("BREAK", 40),
    ("MEAL", 15),
    ("MEETING", 15),
    ("AVAILABLE", 12),
    ("BUSY", 3),
    ("OFFLINE", 15),
];

/// What one who is logged on but not on queue does next.
const FROM_ELSEWHERE: &[(&str, usize)] = &[("ON_QUEUE", 85), ("AVAILABLE", 10), ("OFFLINE", 5)];

/// What one who is not logged on does next.
const FROM_HOME: &[(&str, usize)] = &[("ON_QUEUE", 80), ("AVAILABLE", 20)];

impl World {
    pub(super) fn begin_days(&mut self) {
        for user in 0..self.organization.users.len() {
            // Somebody must be there to answer, however small the organization.
            let word = if user < 2 {
                "ON_QUEUE"
            } else {
                self.draw(MORNING)
            };
            // They have been like that for a while.
            let since = self.days.between(1_000, 3_600_000);
            self.begin_day(user, word, self.now + Millis(-since.0));
            self.expect_day(user, 1.0);
        }
    }

    /// Somebody who came to the organization begins at home, and comes to work some time later.
    pub(super) fn begin_first_day(&mut self, user: usize) {
        self.histories.push(History::default());
        self.begin_day(user, "OFFLINE", self.now);
        self.expect_day(user, 0.3);
    }

    fn begin_day(&mut self, user: usize, word: &str, since: Time) {
        let station = self.choose_station(user).unwrap_or(user);
        let connected = word == "ON_QUEUE" && self.keeps_connection(station);
        self.agents.push(Agent {
            presence: presence(word),
            presence_since: since,
            routing: if word == "ON_QUEUE" {
                RoutingStatus::Idle
            } else {
                RoutingStatus::OffQueue
            },
            routing_since: since,
            station,
            station_since: (word != "OFFLINE").then_some(since),
            connection: if connected {
                Connection::Up
            } else {
                Connection::Down
            },
            connection_since: since,
            talks: Vec::new(),
            engaged: None,
            free_since: since,
        });
        self.note_presence(user);
        self.note_routing(user);
    }

    fn draw(&mut self, table: &[(&'static str, usize)]) -> &'static str {
        let mut ticket = self.days.below(table.iter().map(|(_, share)| share).sum());
        for (word, share) in table {
            match ticket.checked_sub(*share) {
                Some(left) => ticket = left,
                None => return word,
            }
        }
        "AVAILABLE"
    }

    fn expect_day(&mut self, user: usize, share: f64) {
        let mean = self.config.minutes_per_presence * 60_000.0 * share;
        if mean > 0.0 {
            let after = self.days.exponential(mean);
            let after = self.paced(after);
            self.expect(after, Due::Day { user });
        }
    }

    /// Where a user sits down.
    fn choose_station(&mut self, user: usize) -> Option<usize> {
        let stations = self.organization.users.get(user)?.stations.as_slice();
        self.moves.pick(stations).copied()
    }

    /// A user does something else than before, if no call has them.
    pub(super) fn live(&mut self, user: usize) {
        let Some(agent) = self.agents.get(user).filter(|_| self.is_here(user)) else {
            return;
        };
        if agent.engaged.is_some() || agent.routing == RoutingStatus::NotResponding {
            self.expect_day(user, 0.05);
            return;
        }
        let was = agent.presence_word();
        let next = self.draw(match was {
            "ON_QUEUE" => FROM_QUEUE,
            "OFFLINE" => FROM_HOME,
            _ => FROM_ELSEWHERE,
        });
        if next == "OFFLINE" {
            self.set_routing(user, RoutingStatus::OffQueue);
            self.set_presence(user, presence(next));
            self.leave_station(user);
        } else {
            // Who comes to work sits down anywhere; who is there moves only now and then.
            if (was == "OFFLINE" || self.moves.share(0.3))
                && let Some(station) = self.choose_station(user)
            {
                self.take_station(user, station);
            }
            self.set_presence(user, presence(next));
            let on_queue = next == "ON_QUEUE";
            self.set_routing(
                user,
                if on_queue {
                    RoutingStatus::Idle
                } else {
                    RoutingStatus::OffQueue
                },
            );
            if on_queue {
                self.freed = true;
                if let Some(agent) = self.agents.get_mut(user) {
                    agent.free_since = self.now;
                }
            }
        }
        // Being on queue lasts; the rest is shorter.
        self.expect_day(user, if next == "ON_QUEUE" { 1.0 } else { 0.3 });
    }
}
