//! What goes wrong, and when: every fault that the region knows, and what other people do to two adapters.
//!
//! Drawn from decks, so that each kind comes once before any comes again, and comes at least once in a run. A fault that
//! only matters to whoever connects or asks is often followed by one that makes them do so.

use std::collections::BTreeMap;
use std::time::Duration;

use gca_region::chance::Chance;
use gca_region::fault::{Among, Fault, FaultOrder, WhichToken};

use crate::run::Climate;

/// The mean time between two troubles, where the run is long enough for it.
const BETWEEN: Duration = Duration::from_secs(25 * 60);

/// Nothing goes wrong in the first minutes, so that there is something to disturb.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// In the region.
    Fault(FaultOrder),
    /// The host asks an adapter to restart.
    Restart(usize),
    /// An adapter gets settings.
    Settings {
        /// Which.
        adapter: usize,
        /// They are such that everything moves to another wire.
        moves: bool,
    },
    /// Another program on the client id of this adapter makes channels, one a second.
    Evictions {
        /// Whose client id.
        adapter: usize,
        /// How many.
        channels: u32,
    },
    /// The clock of an adapter's machine is set.
    ClockStep {
        /// Whose.
        adapter: usize,
        /// So many milliseconds ahead.
        by_ms: i64,
    },
}

/// The kinds of trouble. A fault that the region learns has no name in [`name`], so that this file does not compile
/// until it is drawn too.
const KINDS: &[&str] = &[
    "cut_sockets",
    "cut_sockets_again_and_again",
    "mute_sockets",
    "black_hole",
    "black_hole_for_requests",
    "second_socket",
    "rival_channels",
    "reorder",
    "reorder_channels",
    "forbid_requests",
    "clock_skew",
    "refuse_connects",
    "delay",
    "duplicate",
    "lose",
    "revoke_token",
    "expire_channels",
    "refuse_client",
    "storm_429",
    "storm_5xx",
    "slow_requests",
    "socket_closing",
    "forbid_topics",
    "restart",
    "settings",
    "evictions",
    "clock_step",
];

fn name(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Restart(_) => "restart",
        Trouble::Settings { .. } => "settings",
        Trouble::Evictions { .. } => "evictions",
        Trouble::ClockStep { .. } => "clock_step",
        Trouble::Fault(order) => match order.fault {
            Fault::CutSockets { every_s: None, .. } => "cut_sockets",
            Fault::CutSockets { .. } => "cut_sockets_again_and_again",
            Fault::MuteSockets { .. } => "mute_sockets",
            Fault::BlackHole {
                requests: false, ..
            } => "black_hole",
            Fault::BlackHole { .. } => "black_hole_for_requests",
            Fault::SecondSocket { .. } => "second_socket",
            Fault::RivalChannels { .. } => "rival_channels",
            Fault::Reorder {
                among: Among::All, ..
            } => "reorder",
            Fault::Reorder { .. } => "reorder_channels",
            Fault::ForbidRequests { .. } => "forbid_requests",
            Fault::ClockSkew { .. } => "clock_skew",
            Fault::RefuseConnects { .. } => "refuse_connects",
            Fault::Delay { .. } => "delay",
            Fault::Duplicate { .. } => "duplicate",
            Fault::Lose { .. } => "lose",
            Fault::RevokeToken { .. } => "revoke_token",
            Fault::ExpireChannels {} => "expire_channels",
            Fault::RefuseClient {} => "refuse_client",
            Fault::Storm429 { .. } => "storm_429",
            Fault::Storm5xx { .. } => "storm_5xx",
            Fault::SlowRequests { .. } => "slow_requests",
            Fault::SocketClosing { .. } => "socket_closing",
            Fault::ForbidTopics { .. } => "forbid_topics",
        },
    }
}

/// What is still to go wrong.
#[derive(Debug)]
pub(crate) struct Weather {
    chance: Chance,
    deck: Vec<&'static str>,
    /// The kinds that are drawn at all.
    drawn: Vec<&'static str>,
    between: Duration,
    next: Duration,
    until: Duration,
    struck: BTreeMap<&'static str, u64>,
}

impl Weather {
    /// From a seed, up to a time.
    pub(crate) fn new(seed: u64, until: Duration, climate: &Climate) -> Self {
        let drawn = |kind: &&str| match climate {
            Climate::Stormy => true,
            Climate::Calm => false,
            Climate::Only(only) => kind == only,
        };
        let drawn: Vec<&'static str> = KINDS.iter().copied().filter(drawn).collect();
        let kinds = u32::try_from(drawn.len()).unwrap_or(u32::MAX);
        let room = until.saturating_sub(FIRST) / (kinds + kinds / 8 + 1);
        Self {
            chance: Chance::new(seed, "weather"),
            deck: Vec::new(),
            drawn,
            between: BETWEEN.min(room),
            next: FIRST,
            until,
            struck: BTreeMap::new(),
        }
    }

    /// When something goes wrong next.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        (self.next < self.until).then_some(self.next)
    }

    /// What goes wrong now.
    pub(crate) fn strike(&mut self) -> Vec<Trouble> {
        // Never longer than the mean: so much fits into the time that a deck is drawn to its end.
        let wait = self.between.as_secs_f64() * (0.3 + 0.7 * self.chance.unit());
        self.next += Duration::from_secs_f64(wait);
        if self.deck.is_empty() {
            self.deck.clone_from(&self.drawn);
            self.chance.shuffle(&mut self.deck);
        }
        let Some(kind) = self.deck.pop() else {
            return Vec::new();
        };
        let troubles = self.draw(kind);
        for trouble in &troubles {
            *self.struck.entry(name(trouble)).or_default() += 1;
        }
        troubles
    }

    /// How often each kind struck, kinds that never did included.
    pub(crate) fn struck(&self) -> BTreeMap<&'static str, u64> {
        let mut struck: BTreeMap<_, _> = self.drawn.iter().map(|kind| (*kind, 0)).collect();
        struck.extend(&self.struck);
        struck
    }

    fn draw(&mut self, kind: &str) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let fault = match kind {
            "cut_sockets" => self.cut(None),
            "cut_sockets_again_and_again" => {
                let every = self.seconds(5.0, 60.0);
                self.cut(Some(every))
            }
            "mute_sockets" => Fault::MuteSockets {
                share: self.share(),
            },
            "black_hole" | "black_hole_for_requests" => Fault::BlackHole {
                share: self.share(),
                requests: kind != "black_hole",
            },
            "second_socket" => Fault::SecondSocket {
                share: self.share(),
                every_s: self.one_of(&[None, Some(10.0), Some(60.0)]),
            },
            "rival_channels" => Fault::RivalChannels {
                every_s: self.seconds(0.5, 5.0),
            },
            "reorder" | "reorder_channels" => {
                let min_ms = self.chance.between(0, 100).0;
                let max_ms = min_ms + self.chance.between(50, 1_500).0;
                Fault::Reorder {
                    share: self.share(),
                    min_ms,
                    max_ms,
                    among: if kind == "reorder" {
                        Among::All
                    } else {
                        Among::Channels
                    },
                }
            }
            "forbid_requests" => {
                troubles.push(self.push());
                let (path, permission) = self.one_of(&[
                    ("/api/v2/conversations", "conversation:communication:view"),
                    (
                        "/api/v2/analytics/conversations",
                        "analytics:conversationDetail:view",
                    ),
                    ("/api/v2/analytics/users", "analytics:userDetail:view"),
                    ("/api/v2/stations", "telephony:plugin:all"),
                ]);
                Fault::ForbidRequests {
                    path: path.to_owned(),
                    permission: permission.to_owned(),
                }
            }
            "clock_skew" => {
                troubles.extend(self.maybe_push());
                Fault::ClockSkew {
                    skew_ms: self.chance.between(-120_000, 120_000).0,
                }
            }
            "refuse_connects" => {
                troubles.push(self.push());
                Fault::RefuseConnects {
                    status: self.one_of(&[503, 503, 429, 500]),
                }
            }
            "delay" => {
                let min_ms = self.chance.between(20, 500).0;
                let max_ms = min_ms + self.chance.between(0, 3_000).0;
                Fault::Delay { min_ms, max_ms }
            }
            "duplicate" => Fault::Duplicate {
                share: self.share(),
            },
            "lose" => Fault::Lose {
                share: self.seconds(0.05, 0.5),
            },
            "revoke_token" => Fault::RevokeToken {
                which: self.one_of(&[WhichToken::All, WhichToken::Newest, WhichToken::Oldest]),
            },
            "expire_channels" => Fault::ExpireChannels {},
            "refuse_client" => {
                let which = WhichToken::All;
                troubles.push(later(5.0, Fault::RevokeToken { which }));
                Fault::RefuseClient {}
            }
            "storm_429" => {
                troubles.extend(self.maybe_push());
                Fault::Storm429 {
                    share: self.seconds(0.2, 1.0),
                    retry_after_s: self.one_of(&[1, 3, 10, 30]),
                    path: self.path(),
                }
            }
            "storm_5xx" => {
                troubles.extend(self.maybe_push());
                Fault::Storm5xx {
                    share: self.seconds(0.2, 1.0),
                    status: self.one_of(&[500, 502, 503, 504]),
                    retry_after_s: self.one_of(&[None, None, Some(5)]),
                    path: self.path(),
                }
            }
            "slow_requests" => {
                troubles.extend(self.maybe_push());
                let min_ms = self.chance.between(100, 5_000).0;
                let max_ms = min_ms + self.chance.between(0, 30_000).0;
                let path = self.path();
                Fault::SlowRequests {
                    min_ms,
                    max_ms,
                    path,
                }
            }
            "socket_closing" => Fault::SocketClosing {
                grace_s: self.seconds(5.0, 60.0),
            },
            "forbid_topics" => {
                troubles.extend(self.maybe_push());
                let topics = self.one_of(&[
                    "v2.users.*.persistentconnection",
                    "v2.users.*.station",
                    "v2.users.*.presence",
                    "v2.users.*0.*",
                    "v2.routing.queues.*",
                ]);
                Fault::ForbidTopics {
                    topics: vec![topics.to_owned()],
                }
            }
            "restart" => return vec![Trouble::Restart(self.chance.below(2))],
            "settings" => {
                return vec![Trouble::Settings {
                    adapter: self.chance.below(2),
                    moves: self.chance.share(0.7),
                }];
            }
            "evictions" => {
                return vec![Trouble::Evictions {
                    adapter: self.chance.below(2),
                    channels: self.one_of(&[10, 25, 60]),
                }];
            }
            _ => {
                return vec![Trouble::ClockStep {
                    adapter: self.chance.below(2),
                    by_ms: self.chance.between(-90_000, 90_000).0,
                }];
            }
        };
        let lasts = match &fault {
            fault if fault.is_momentary() => None,
            Fault::Lose { .. } => Some(self.seconds(5.0, 60.0)),
            Fault::BlackHole { .. } | Fault::RivalChannels { .. } => Some(self.seconds(5.0, 120.0)),
            Fault::RefuseConnects { .. } => Some(self.seconds(5.0, 120.0)),
            Fault::ForbidTopics { .. } => Some(self.seconds(60.0, 1_200.0)),
            _ => Some(self.seconds(10.0, 400.0)),
        };
        troubles.push(Trouble::Fault(FaultOrder {
            fault,
            after_s: 0.0,
            for_s: lasts,
        }));
        troubles
    }

    fn cut(&mut self, every_s: Option<f64>) -> Fault {
        Fault::CutSockets {
            share: self.share(),
            every_s,
            close_code: self.one_of(&[None, None, Some(1000), Some(1001), Some(1011)]),
        }
    }

    /// Something that makes adapters connect or ask.
    fn push(&mut self) -> Trouble {
        let after = self.seconds(0.5, 20.0);
        let fault = match self.chance.below(4) {
            0 => Fault::ExpireChannels {},
            1 => Fault::RevokeToken {
                which: WhichToken::All,
            },
            2 => Fault::SocketClosing { grace_s: 10.0 },
            _ => self.cut(None),
        };
        later(after, fault)
    }

    fn maybe_push(&mut self) -> Option<Trouble> {
        self.chance.share(0.7).then(|| self.push())
    }

    /// Half of the time all.
    fn share(&mut self) -> f64 {
        if self.chance.share(0.5) {
            1.0
        } else {
            self.seconds(0.2, 0.9)
        }
    }

    /// A path that storms hit: often all.
    fn path(&mut self) -> String {
        self.one_of(&[
            "",
            "",
            "/oauth",
            "/api/v2/notifications",
            "/api/v2/users",
            "/api/v2/analytics",
            "/api/v2/conversations",
        ])
        .to_owned()
    }

    fn seconds(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.chance.unit()
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.below(of.len())]
    }
}

fn later(after_s: f64, fault: Fault) -> Trouble {
    Trouble::Fault(FaultOrder {
        fault,
        after_s,
        for_s: None,
    })
}
