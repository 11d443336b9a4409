//! Faults: what can be made to go wrong, as data.
//!
//! Knows which faults exist, when each is in force, and what stands of them in the truth. Does not know how the region
//! carries them out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::time::{Millis, Time};

/// Which fault, counted from 1 in the order in which they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FaultNo(pub u64);

/// What goes wrong. `share` is the part (0 to 1) of sockets, frames or requests that it hits, drawn from the seeded
/// generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Sockets end: at once, and with `every_s` again and again as long as the fault is in force.
    CutSockets {
        /// Of the open sockets.
        #[serde(default = "all")]
        share: f64,
        /// Mean seconds until the next cut; absent: one cut.
        #[serde(default)]
        every_s: Option<f64>,
        /// A close frame with this code first; absent: the connection just breaks.
        #[serde(default)]
        close_code: Option<u16>,
    },
    /// Sockets stay open and say nothing any more, heartbeats and replies included, as a dead link does: those that
    /// are open when it starts, until they are closed.
    MuteSockets {
        /// Of the open sockets.
        #[serde(default = "all")]
        share: f64,
    },
    /// Nothing passes any more, either way, on the sockets that are open when it starts, though their connections stand:
    /// the region does not hear the client, not even its farewell, and takes two minutes to give the sockets up.
    BlackHole {
        /// Of the open sockets.
        #[serde(default = "all")]
        share: f64,
        /// Whether, as long as the fault is in force, requests and upgrades vanish too: they do nothing and get no answer.
        #[serde(default)]
        requests: bool,
    },
    /// Somebody else connects to the channels of open sockets, which disconnects those: at once, and with `every_s` again
    /// and again as long as the fault is in force. Whoever connects to such a channel disconnects the other one.
    SecondSocket {
        /// Of the open sockets.
        #[serde(default = "all")]
        share: f64,
        /// Mean seconds until the next time; absent: once.
        #[serde(default)]
        every_s: Option<f64>,
    },
    /// Another program with the same client id makes a channel again and again, and connects to it, so that others are
    /// evicted. When the fault is over it is gone: its channels are evicted before any that is connected.
    RivalChannels {
        /// Mean seconds until the next channel.
        #[serde(default = "one")]
        every_s: f64,
    },
    /// Upgrades to a websocket are refused.
    RefuseConnects {
        /// With this status.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// Notifications come late; the order within a channel stays.
    Delay {
        /// At least.
        min_ms: i64,
        /// At most.
        max_ms: i64,
    },
    /// Notifications come late, and others overtake them.
    Reorder {
        /// Of the notifications.
        #[serde(default = "all")]
        share: f64,
        /// At least.
        min_ms: i64,
        /// At most.
        max_ms: i64,
        /// Who overtakes.
        #[serde(default)]
        among: Among,
    },
    /// Notifications come twice.
    Duplicate {
        /// Of the notifications.
        #[serde(default = "all")]
        share: f64,
    },
    /// Notifications are lost although the socket lives; the platform promises no delivery.
    Lose {
        /// Of the notifications.
        #[serde(default = "all")]
        share: f64,
    },
    /// Tokens end at once, and with them their channels.
    RevokeToken {
        /// Which.
        #[serde(default)]
        which: WhichToken,
    },
    /// Channels end at once, as they do at the end of their life.
    ExpireChannels {},
    /// Token requests are refused with `invalid_client`, as if the client had been disabled.
    RefuseClient {},
    /// Requests are answered 429.
    #[serde(rename = "storm_429")]
    Storm429 {
        /// Of the requests.
        #[serde(default = "all")]
        share: f64,
        /// The Retry-After of the answer.
        #[serde(default = "one_second")]
        retry_after_s: u32,
        /// Only requests whose path starts so.
        #[serde(default)]
        path: String,
    },
    /// Requests are answered 5xx.
    #[serde(rename = "storm_5xx")]
    Storm5xx {
        /// Of the requests.
        #[serde(default = "all")]
        share: f64,
        /// 500, 502, 503 or 504.
        #[serde(default = "unavailable")]
        status: u16,
        /// The Retry-After of the answer; absent: none.
        #[serde(default)]
        retry_after_s: Option<u32>,
        /// Only requests whose path starts so.
        #[serde(default)]
        path: String,
    },
    /// Requests are answered late.
    SlowRequests {
        /// At least.
        min_ms: i64,
        /// At most.
        max_ms: i64,
        /// Only requests whose path starts so.
        #[serde(default)]
        path: String,
    },
    /// The region's clock tells another time than it is: in the Date header of answers, and in the time at which a channel
    /// expires. Times of what happened stay true: they are what it is known by. (A region whose clock is off altogether
    /// is one that is told another time than its client.)
    ClockSkew {
        /// By how much the told time is ahead; negative: behind.
        skew_ms: i64,
    },
    /// Requests are answered 403, as if the client's roles had lost a permission.
    ForbidRequests {
        /// Only requests whose path starts so.
        path: String,
        /// Which.
        permission: String,
    },
    /// `v2.system.socket_closing` on every socket; those that are still there after the grace are closed.
    SocketClosing {
        /// Seconds between announcement and close. The platform gives up to one minute.
        #[serde(default = "one_minute")]
        grace_s: f64,
    },
    /// Subscriptions to these topics are refused; what is subscribed already stays.
    ForbidTopics {
        /// Expanded topics; `*` stands for any characters.
        topics: Vec<String>,
    },
}

/// A length given in seconds.
#[must_use]
pub fn seconds(seconds: f64) -> Millis {
    Millis((seconds * 1_000.0) as i64)
}

fn all() -> f64 {
    1.0
}
fn unavailable() -> u16 {
    503
}
fn one() -> f64 {
    1.0
}
fn one_second() -> u32 {
    1
}
fn one_minute() -> f64 {
    60.0
}

/// Who overtakes a notification that a [`Fault::Reorder`] holds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Among {
    /// Any other, those of its own channel too.
    #[default]
    All,
    /// Those of other channels; the order within a channel stays.
    Channels,
}

/// Which tokens a [`Fault::RevokeToken`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichToken {
    /// Every live token.
    #[default]
    All,
    /// The one issued last.
    Newest,
    /// The one issued first of those that live.
    Oldest,
}

impl Fault {
    /// Whether it happens once, so that it has a moment and no duration.
    #[must_use]
    pub fn is_momentary(&self) -> bool {
        matches!(
            self,
            Self::CutSockets { every_s: None, .. }
                | Self::SecondSocket { every_s: None, .. }
                | Self::MuteSockets { .. }
                | Self::BlackHole {
                    requests: false,
                    ..
                }
                | Self::RevokeToken { .. }
                | Self::ExpireChannels {}
                | Self::SocketClosing { .. }
        )
    }
}

/// A fault as a client asks for it: `{"fault":"delay","min_ms":100,"max_ms":900,"for_s":30,"after_s":5}`.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultOrder {
    /// What.
    pub fault: Fault,
    /// Seconds until it starts; default 0.
    pub after_s: f64,
    /// Seconds that it lasts; absent: until it is cleared. Without meaning for momentary faults.
    pub for_s: Option<f64>,
}

impl FaultOrder {
    /// From now on until cleared, or once.
    #[must_use]
    pub fn now(fault: Fault) -> Self {
        Self {
            fault,
            after_s: 0.0,
            for_s: None,
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// A sentence that names the member that is wrong.
    pub fn from_json(mut value: Value) -> Result<Self, String> {
        let Some(members) = value.as_object_mut() else {
            return Err("a fault is a JSON object".to_owned());
        };
        let mut seconds = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_f64()
                .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
                .map(Some)
                .ok_or_else(|| format!("{name} is not a number of seconds")),
        };
        let after_s = seconds("after_s")?.unwrap_or(0.0);
        let for_s = seconds("for_s")?;
        let fault: Fault = serde_json::from_value(value).map_err(|error| error.to_string())?;
        match &fault {
            Fault::Delay { min_ms, max_ms }
            | Fault::Reorder { min_ms, max_ms, .. }
            | Fault::SlowRequests { min_ms, max_ms, .. }
                if *min_ms < 0 || max_ms < min_ms =>
            {
                Err("min_ms and max_ms are not an interval".to_owned())
            }
            Fault::CutSockets {
                every_s: Some(every),
                ..
            }
            | Fault::SecondSocket {
                every_s: Some(every),
                ..
            }
            | Fault::RivalChannels { every_s: every }
                if *every <= 0.0 =>
            {
                Err("every_s is not above 0".to_owned())
            }
            Fault::RefuseConnects { status } if !(400..=599).contains(status) => {
                Err("status is not from 400 to 599".to_owned())
            }
            Fault::Storm5xx { status, .. } if !(500..=599).contains(status) => {
                Err("status is not from 500 to 599".to_owned())
            }
            Fault::CutSockets { share, .. }
            | Fault::MuteSockets { share }
            | Fault::BlackHole { share, .. }
            | Fault::SecondSocket { share, .. }
            | Fault::Reorder { share, .. }
            | Fault::Duplicate { share }
            | Fault::Lose { share }
            | Fault::Storm429 { share, .. }
            | Fault::Storm5xx { share, .. }
                if !(0.0..=1.0).contains(share) =>
            {
                Err("share is not from 0 to 1".to_owned())
            }
            _ => Ok(Self {
                fault,
                after_s,
                for_s,
            }),
        }
    }
}

/// A fault with its times.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What.
    pub fault: Fault,
    /// From when on.
    pub from: Time,
    /// Until when; `None`: until cleared.
    pub to: Option<Time>,
    /// When the region has to act next; `None`: it only has to look.
    pub next: Option<Time>,
    /// Whether it has begun.
    pub begun: bool,
    /// Whether it is over.
    pub over: bool,
}

impl Planned {
    fn in_force(&self, now: Time) -> bool {
        self.begun && !self.over && self.from <= now && self.to.is_none_or(|to| now < to)
    }
}

/// All faults of a run, past ones included.
#[derive(Debug, Default)]
pub struct Faults {
    planned: BTreeMap<FaultNo, Planned>,
    /// Those that are not over: in a run of days few of many.
    pending: BTreeSet<FaultNo>,
    /// How many there ever were.
    asked: u64,
}

impl Faults {
    /// Plans a fault.
    pub fn plan(&mut self, order: FaultOrder, now: Time) -> FaultNo {
        self.asked += 1;
        let number = FaultNo(self.asked);
        self.pending.insert(number);
        let from = now + seconds(order.after_s);
        let to = if order.fault.is_momentary() {
            Some(from)
        } else {
            order.for_s.map(|s| from + seconds(s))
        };
        self.planned.insert(
            number,
            Planned {
                fault: order.fault,
                from,
                to,
                next: Some(from),
                begun: false,
                over: false,
            },
        );
        number
    }

    /// Drops those that were over before a time; the others keep their numbers.
    pub fn forget(&mut self, before: Time) {
        let is_past = |planned: &Planned| planned.over && planned.to.is_some_and(|to| to < before);
        self.planned.retain(|_, planned| !is_past(planned));
    }

    /// Ends one fault now. False: there is none of this number, or it is over.
    pub fn clear(&mut self, number: FaultNo, now: Time) -> bool {
        match self.planned.get_mut(&number) {
            Some(planned) if !planned.over => {
                planned.over = true;
                planned.next = None;
                planned.to = Some(if planned.begun { now } else { planned.from });
                self.pending.remove(&number);
                true
            }
            _ => false,
        }
    }

    /// Ends all faults now.
    pub fn clear_all(&mut self, now: Time) {
        let numbers: Vec<FaultNo> = self.planned.keys().copied().collect();
        for number in numbers {
            self.clear(number, now);
        }
    }

    /// Every fault that is in force.
    pub fn in_force(&self, now: Time) -> impl Iterator<Item = &Fault> {
        self.pending()
            .filter(move |planned| planned.in_force(now))
            .map(|planned| &planned.fault)
    }

    fn pending(&self) -> impl Iterator<Item = &Planned> {
        (self.pending.iter()).filter_map(|number| self.planned.get(number))
    }

    /// When the region has to act next.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        let ends = self
            .pending()
            .filter(|planned| planned.begun)
            .filter_map(|planned| planned.to);
        self.pending()
            .filter_map(|planned| planned.next)
            .chain(ends)
            .min()
    }

    /// Takes one fault that has to act now; its `next` is cleared and it has begun. Those whose time is up end.
    pub fn take_due(&mut self, now: Time) -> Option<(FaultNo, Fault)> {
        let mut due = None;
        for number in &self.pending {
            let Some(planned) = self.planned.get_mut(number) else {
                continue;
            };
            if planned.next.is_some_and(|next| next <= now) {
                planned.next = None;
                planned.begun = true;
                planned.over = planned.fault.is_momentary();
                due = Some((*number, planned.fault.clone()));
                break;
            }
            if planned.begun && planned.to.is_some_and(|to| to <= now) {
                planned.over = true;
                planned.next = None;
            }
        }
        let planned = &self.planned;
        let is_over = |number: &FaultNo| planned.get(number).is_none_or(|planned| planned.over);
        self.pending.retain(|number| !is_over(number));
        due
    }

    /// A fault that acts again and again wants to act at this time, if it is still in force then.
    pub fn again(&mut self, number: FaultNo, at: Time) {
        if let Some(planned) = self.planned.get_mut(&number)
            && !planned.over
            && planned.to.is_none_or(|to| at < to)
        {
            planned.next = Some(at);
        }
    }

    /// The list as clients see it; `state` is planned, active or over.
    #[must_use]
    pub fn listing(&self) -> Value {
        self.planned
            .iter()
            .map(|(number, planned)| {
                let state = match (planned.begun, planned.over) {
                    (_, true) => "over",
                    (true, false) => "active",
                    (false, false) => "planned",
                };
                let mut row = json!({ "id": number.0, "state": state });
                extend(&mut row, planned);
                row
            })
            .collect()
    }

    /// What really happened, for the truth: faults that began, with `from` and `to` (null: still going on).
    #[must_use]
    pub fn truth(&self) -> Value {
        self.planned
            .iter()
            .filter(|(_, planned)| planned.begun)
            .map(|(number, planned)| {
                let mut row = json!({ "id": number.0 });
                extend(&mut row, planned);
                row
            })
            .collect()
    }
}

fn extend(row: &mut Value, planned: &Planned) {
    if let (Some(row), Ok(Value::Object(members))) =
        (row.as_object_mut(), serde_json::to_value(&planned.fault))
    {
        row.extend(members);
    }
    row["from"] = json!(planned.from.iso());
    row["to"] = json!(planned.to.map(|to| to.iso()));
}
