//! A Genesys Cloud region on loopback: the test bed of the adapter, and what its demonstration talks to.
//!
//! The region has no sockets, no threads and no clock. It is told the time and what clients ask, and answers with what
//! the platform would answer and publish; the same seed gives the same transcript, byte for byte. A thin front (axum)
//! puts it on a port. Virtual-time tests use the region without the front. Nothing here is shared with the plugin: the
//! two know each other only by the platform's protocol, so that a misunderstanding cannot hide on both sides.
//!
//! # The house
//!
//! ```text
//!   the world      agents and callers act: conversations change, truth is written, bodies are shown
//!        │ Shown
//!   the region     tokens, channels, subscriptions, limits and faults decide who gets to see them
//!        │ frames, answers
//!   the front      HTTP and websockets
//! ```
//!
//! | file             | what it is                                                                          |
//! |------------------|-------------------------------------------------------------------------------------|
//! | [`time`]         | a moment, in the platform's spelling                                                |
//! | [`chance`]       | the seeded generator and the ids that come from it                                  |
//! | [`organization`] | who and what there is: users, queues, stations, divisions                           |
//! | [`numbered`]     | what keeps its number, however much is forgotten                                    |
//! | [`conversation`] | a conversation as it is: participants, legs, what became of them                    |
//! | [`script`]       | the language in which the story of a call is written                                |
//! | [`repertoire`]   | the scripts                                                                         |
//! | [`world`]        | everything that happens: interprets scripts, routes calls, lives the agents' days   |
//! | [`truth`]        | what really happened, written when it happens                                       |
//! | [`body`]         | how it is told: notification bodies and REST answers                                |
//! | [`region`]       | what clients ask and what they get: the platform's interface around the world       |
//! | [`oauth`]        | clients and tokens                                                                  |
//! | [`limit`]        | the budget of requests of each token                                                |
//! | [`channel`]      | notification channels, their subscriptions and sockets                              |
//! | [`topic`]        | the topics there are, and how combined ones expand                                  |
//! | [`problem`]      | the platform's error bodies                                                         |
//! | [`fault`]        | what can be made to go wrong, as data                                               |
//! | [`coverage`]     | the outages that a client suffered, topic by topic                                  |
//! | [`request_log`]  | what clients asked                                                                  |
//! | [`front`]        | the region on a port                                                                |
//!
//! [`world`] and [`region`] are several files each; the map of them is at the top of each.
//!
//! # Beside the platform's paths: `/_sim/`
//!
//! What a test asks of the region itself; no token, no budget, no faults.
//!
//! | request                    | does                                                                              |
//! |----------------------------|-----------------------------------------------------------------------------------|
//! | `GET truth`                | every act, the topics that showed it and were sent; `faults`; `outages` of topics |
//! | `GET scripts`              | the names of the scripts                                                          |
//! | `POST calls`               | `{"script":name,"count":n}` plays it: `{"conversations":[id]}`                    |
//! | `POST faults`              | one [`fault::Fault`] or a list, with `after_s` and `for_s`: `{"ids":[n]}`         |
//! | `GET faults`               | all with their state; `DELETE faults` and `DELETE faults/{id}` end them           |
//! | `GET requests`             | what clients asked, and how much of it in each minute                             |
//! | `GET channels`             | the channels, with id, number of topics and whether they are connected            |
//! | `POST frames`              | the body, as it is, as a frame: `?channel=ID`, `count`, `rate`, `lines`, `kind`   |
//! | `GET switches`, `POST`     | [`region::Switches`], as a whole or in part                                       |
//!
//! # Faults
//!
//! What a test makes go wrong: `POST /_sim/faults` with one of these (the members are those of [`fault::Fault`]) and, for
//! all, `after_s` and `for_s`; in virtual time [`region::Region::plan_fault`]. Each stands in the truth under `faults` with
//! `from` and `to`; what a client missed by it stands under `outages`, topic by topic.
//!
//! | `fault`           | what goes wrong                                                        | members               |
//! |-------------------|------------------------------------------------------------------------|-----------------------|
//! | `cut_sockets`     | connections break; with `close_code` they are closed unannounced       | `share`, `every_s`    |
//! | `socket_closing`  | announced closing: `v2.system.socket_closing`, and closed a while later | `grace_s`            |
//! | `mute_sockets`    | sockets stay open and say nothing, but still hear                      | `share`               |
//! | `black_hole`      | nothing passes either way, connections stand; requests too, if wanted  | `share`, `requests`   |
//! | `second_socket`   | somebody else connects to the channel of a socket and disconnects it   | `share`, `every_s`    |
//! | `rival_channels`  | another program of the client makes channels in a loop: evictions      | `every_s`             |
//! | `refuse_connects` | upgrades are refused                                                   | `status`              |
//! | `delay`           | notifications come late, in order                                      | `min_ms`, `max_ms`    |
//! | `reorder`         | notifications come late and are overtaken: by `all`, or by other `channels` only | `share`, `min_ms`, `max_ms`, `among` |
//! | `duplicate`       | notifications come twice                                               | `share`               |
//! | `lose`            | notifications do not come                                              | `share`               |
//! | `revoke_token`    | tokens end, and with them their channels                               | `which`               |
//! | `expire_channels` | channels end                                                           |                       |
//! | `refuse_client`   | no token is issued                                                     |                       |
//! | `storm_429`       | requests are answered 429                                              | `share`, `retry_after_s`, `path` |
//! | `storm_5xx`       | requests are answered 5xx                                              | `share`, `status`, `retry_after_s`, `path` |
//! | `slow_requests`   | requests are done at once and answered late                            | `min_ms`, `max_ms`, `path` |
//! | `forbid_requests` | requests are answered 403                                              | `path`, `permission`  |
//! | `forbid_topics`   | subscriptions to topics are refused; what is subscribed stays          | `topics`              |
//! | `clock_skew`      | the Date header and the expiry of channels tell another time           | `skew_ms`             |
//!
//! # Driving the world
//!
//! ```
//! use gca_region::world::{World, WorldConfig};
//!
//! let mut world = World::new(WorldConfig::default());
//! for _ in 0..100 {
//!     let Some(due) = world.poll_timeout() else { break };
//!     world.handle_timeout(due);
//!     while let Some(shown) = world.poll_shown() {
//!         assert!(shown.topic.starts_with("v2."));
//!     }
//! }
//! ```

pub mod body;
mod certificate;
pub mod chance;
pub mod channel;
pub mod conversation;
pub mod coverage;
pub mod fault;
pub mod front;
pub mod limit;
pub mod numbered;
pub mod oauth;
pub mod organization;
pub mod problem;
pub mod region;
pub mod repertoire;
pub mod request_log;
pub mod script;
pub mod time;
pub mod topic;
pub mod truth;
pub mod world;
