//! Months of two adapters' machines against a faulty region, in virtual time: the main proof that nothing is lost.
//!
//! The session and calls machines of the plugin and the sans-I/O region talk to each other without a socket and without a
//! clock, so that a day takes a second and the same seed gives the same day, byte for byte. `cargo xtask soak` runs it; a
//! failure names the seed and the command that repeats it.
//!
//! ```text
//!   adapter  ◀── what comes ──  run: the network, in virtual time  ◀── answers, frames ──  the region
//!      │                                        ▲                                              │
//!      │ what it told                           │ what goes wrong                              │ truth, REST answers
//!      ▼                                     weather                                           ▼
//!    court: what happened must have been told, once, and nothing else
//! ```
//!
//! | file         | what it is                                                              | knows the plugin |
//! |--------------|-------------------------------------------------------------------------|------------------|
//! | `adapter`    | the plugin's machines and the loop around them                          | yes              |
//! | `run`        | who sends what to whom, and how long it takes                           | socket numbers   |
//! | `weather`    | what goes wrong, and when                                               | no               |
//! | `comings`    | who comes, leaves and gets another name, and when                       | no               |
//! | `told`       | what an adapter told, in plain words                                    | no               |
//! | `court`      | what must have been told, compared with what was                        | no               |
//! | `acts`       | what acts become in the feed: the tests' own file                       | no               |
//! | `answers`    | what REST answers still tell of an act                                  | no               |
//! | `transcript` | all of it, line by line                                                 | no               |
//! | `spoiling`   | proof that the judge can fail                                           | no               |
//!
//! It is a program of its own and no part of `xtask`, which has to be built before it can do anything: `xtask` would have
//! to compile the plugin with all that it imports first. And it is no test target of the plugin's package, since it is
//! built with a profile of its own: as fast as a release, with every check that costs only time.

#[path = "../../tests/day/acts.rs"]
mod acts;
mod adapter;
mod answers;
mod comings;
mod court;
mod run;
mod spoiling;
mod told;
mod transcript;
mod weather;

pub use court::{Outcome, Verdict};
pub use run::{Climate, Plan, Run};
pub use spoiling::Spoiling;
pub use transcript::Transcript;
