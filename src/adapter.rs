//! One running adapter: joins the rooms and owns the threads.
//!
//! Knows: where the adapter stands in its life, and which order of the host is possible there. Does not know: C.
//! Input: the host's orders. Output: a running feed, through `delivery`.
//!
//! | file       | concept                                                                            |
//! |------------|------------------------------------------------------------------------------------|
//! | `provoke`  | panics on demand, in test builds only                                               |
//! | `standing` | where the adapter stands, as orders, network and status see it                       |
//! | `shell`    | the loop around `session` and `calls`: carries out orders, passes on what they tell  |

mod provoke;
mod shell;
mod standing;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cloud::{Limits, Wire, WireConfig};
use crate::delivery::{Delivery, Host, Intake, Terms};
use crate::model::feed::{Life, Why};
use crate::model::log::LogLevel;
use crate::observe::status::RegionFigures;
use crate::observe::{Counters, Log, Status};
use crate::settings::{self, Settings, StartupType};

use provoke::Provoke;
use shell::{Shell, Surroundings};
use standing::Standing;

pub use crate::delivery::Stopped;
pub use crate::observe::panics;
pub use crate::settings::Problem;

/// How long a start that failed waits for what it had begun.
const GIVE_UP: Duration = Duration::from_secs(1);

/// Why an order was not carried out. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The adapter is in a state in which this cannot be; says which and what to do.
    State(String),
    /// The settings have problems: all of them.
    Settings(Vec<Problem>),
    /// `StartupType` is Disabled.
    Disabled,
    /// The operating system refused something; says what.
    System(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(text) | Self::System(text) => f.write_str(text),
            Self::Settings(problems) => f.write_str(&settings::report(problems)),
            Self::Disabled => f.write_str(
                "StartupType is Disabled: set it to Automatic or Manual to start this adapter",
            ),
        }
    }
}

/// One adapter. Orders may come from any thread; those that cannot go together are refused, not queued.
pub struct Adapter {
    log: Log,
    counters: Arc<Counters>,
    delivery: Delivery,
    standing: Arc<Standing>,
    control: Mutex<Control>,
    /// A stop has left.
    stop_left: Condvar,
    #[cfg(feature = "provoke")]
    host: Arc<provoke::ProvokedHost>,
    /// The zero of the machines' time.
    born: Instant,
}

struct Control {
    name: Option<Name>,
    settings: Option<Arc<Settings>>,
    running: Option<Running>,
    /// Stops that are under way. The adapter can be started again when the last of them has left: it would end the new
    /// run too.
    stops: u32,
    is_destroyed: bool,
}

/// What runs between a start and a stop.
struct Running {
    intake: Intake,
    shell: Shell,
}

impl Adapter {
    /// An adapter without settings. Makes no thread.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        let log = Log::new(LogLevel::default());
        #[cfg(feature = "provoke")]
        let provoked = Arc::new(provoke::ProvokedHost::new(host));
        #[cfg(feature = "provoke")]
        let host: Arc<dyn Host> = Arc::clone(&provoked) as _;
        let counters = Arc::new(Counters::default());
        Self {
            delivery: Delivery::new(host, log.clone(), Arc::clone(&counters)),
            log,
            counters,
            standing: Arc::new(Standing::new()),
            control: Mutex::new(Control {
                name: None,
                settings: None,
                running: None,
                stops: 0,
                is_destroyed: false,
            }),
            stop_left: Condvar::new(),
            #[cfg(feature = "provoke")]
            host: provoked,
            born: Instant::now(),
        }
    }

    /// Takes settings, or reports all their problems and changes nothing. Returns what an operator should know all
    /// the same.
    ///
    /// # Errors
    ///
    /// [`Refusal::Settings`]; [`Refusal::State`] while the adapter runs.
    pub fn configure(&self, document: &str) -> Result<Vec<Problem>, Refusal> {
        let mut control = self.living()?;
        let life = self.standing.life();
        if !matches!(life, Life::Created | Life::Configured) {
            return Err(Refusal::State(format!(
                "the adapter is {}; stop it before it is given other settings",
                life.name()
            )));
        }
        let accepted = settings::read(document).map_err(Refusal::Settings)?;
        let name = &accepted.settings.adapter_name;
        if !control.name.as_ref().is_some_and(|own| own.is(name)) {
            control.name =
                Some(Name::take(name).map_err(|problem| Refusal::Settings(vec![problem]))?);
        }
        self.log.set_level(accepted.settings.log_level);
        for warning in &accepted.warnings {
            self.log.warn("settings", format_args!("{warning}"));
        }
        control.settings = Some(Arc::new(accepted.settings));
        self.standing.set_life(Life::Configured);
        Ok(accepted.warnings)
    }

    /// Starts the threads and the feed; does not wait for the region.
    ///
    /// # Errors
    ///
    /// [`Refusal::State`] without settings or while it runs, [`Refusal::Disabled`], [`Refusal::System`].
    pub fn start(&self) -> Result<(), Refusal> {
        let mut control = self.living()?;
        let settings = match (self.standing.life(), &control.settings) {
            (Life::Configured, Some(settings)) => Arc::clone(settings),
            (Life::Created | Life::Configured, _) => {
                return Err(Refusal::State(
                    "the adapter has no settings yet; configure it first".to_owned(),
                ));
            }
            (life, _) => {
                return Err(Refusal::State(format!(
                    "the adapter is {}; it can be started when it is stopped",
                    life.name()
                )));
            }
        };
        if settings.startup == StartupType::Disabled {
            return Err(Refusal::Disabled);
        }
        let terms = Terms {
            data_source: Arc::clone(&settings.data_source),
            queue_max_events: settings.queue_max_events,
            refusals_before_lost: settings.refusals_before_lost,
        };
        let wire = Wire::new(WireConfig {
            region: settings.region.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            trust: settings.trust.clone(),
            user_agent: concat!("genesys-cloud-adapter/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
        })
        .map_err(|failure| Refusal::System(failure.message))?;
        let provoke = Arc::new(Provoke::new(&settings));
        #[cfg(feature = "provoke")]
        self.host.arm(&provoke);
        let intake = self.delivery.start(terms).map_err(|error| {
            Refusal::System(format!(
                "the threads of the feed could not be started: {error}"
            ))
        })?;
        self.standing
            .enter(&intake, Life::Starting, Why::Connecting, "starting");
        provoke.at("start");
        let shell = Shell::start(Surroundings {
            settings,
            wire,
            intake: intake.clone(),
            standing: Arc::clone(&self.standing),
            log: self.log.clone(),
            counters: Arc::clone(&self.counters),
            provoke,
            born: self.born,
        });
        match shell {
            Ok(shell) => {
                control.running = Some(Running { intake, shell });
                Ok(())
            }
            Err(error) => {
                self.standing.enter(
                    &intake,
                    Life::Stopping,
                    Why::Stopped,
                    "the network threads could not be started",
                );
                // No callback can be inside for long: nothing but the state was told.
                let stopped = self.delivery.stop(GIVE_UP);
                self.standing.set_life(if stopped == Stopped::Done {
                    Life::Configured
                } else {
                    Life::Stopping
                });
                Err(Refusal::System(format!(
                    "the network threads could not be started: {error}"
                )))
            }
        }
    }

    /// Ends the feed. An adapter that does not run is stopped already.
    pub fn stop(&self, timeout: Duration) -> Stopped {
        let deadline = Instant::now() + timeout;
        let stopped = self.end_run(timeout);
        let mut control = self.control();
        while stopped == Stopped::Done && self.standing.life() == Life::Stopping {
            if control.stops == 0 {
                self.standing.set_life(Life::Configured);
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Stopped::CallbackInside {
                    callback: "another gca_stop of this adapter",
                };
            }
            (control, _) = self
                .stop_left
                .wait_timeout(control, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        stopped
    }

    /// Stops, and says good-bye to the host. Returns whether its last callback has returned; if not, it is still to
    /// come. The adapter is of no use after it.
    pub fn destroy(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.control().is_destroyed = true;
        self.end_run(timeout);
        self.control().name = None;
        self.delivery.retire(deadline)
    }

    /// Ends network and feed, if they run. Several may be under way.
    fn end_run(&self, timeout: Duration) -> Stopped {
        let deadline = Instant::now() + timeout;
        let running = {
            let mut control = self.control();
            match self.standing.life() {
                Life::Created | Life::Configured => return Stopped::Done,
                Life::Starting | Life::Running | Life::Failed | Life::Stopping => {}
            }
            control.stops += 1;
            let running = control.running.take();
            // Also where a start broke off in a panic.
            self.standing.set_life(Life::Stopping);
            if let Some(running) = &running {
                running.shell.hang_up();
                let message = "the adapter was asked to stop";
                self.standing
                    .enter(&running.intake, Life::Stopping, Why::Stopped, message);
            }
            running
        };
        // First nothing new comes, then what waits is handed over.
        if let Some(running) = running {
            running.shell.stop(timeout / 2);
        }
        let stopped = self
            .delivery
            .stop(deadline.saturating_duration_since(Instant::now()));
        self.control().stops -= 1;
        self.stop_left.notify_all();
        stopped
    }

    /// The status document (`docs/STATUS.md`).
    #[must_use]
    pub fn status(&self) -> String {
        let figures = self.delivery.figures();
        let report = self.standing.report();
        let control = self.control();
        let region = control
            .running
            .as_ref()
            .map_or_else(RegionFigures::default, |running| running.shell.figures());
        Status {
            name: control
                .settings
                .as_ref()
                .map_or("", |settings| &settings.adapter_name),
            life: self.standing.life(),
            report: report.as_ref(),
            region: &region,
            delivery: &figures,
            counters: &self.counters,
            log_lines_dropped: self.log.dropped(),
        }
        .to_json()
    }

    /// Changes the level of the log at once, until the next settings.
    pub fn set_log_level(&self, level: LogLevel) {
        self.log.set_level(level);
    }

    /// For orders that a destroyed adapter, which a call may still hold, must not begin.
    fn living(&self) -> Result<MutexGuard<'_, Control>, Refusal> {
        let control = self.control();
        if control.is_destroyed {
            return Err(Refusal::State("the adapter was destroyed".to_owned()));
        }
        Ok(control)
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The settings' JSON Schema.
#[must_use]
pub fn settings_schema() -> String {
    settings::schema()
}

/// `AdapterName`, held by one adapter of the process.
struct Name(String);

static NAMES: Mutex<Option<HashSet<String>>> = Mutex::new(None);

impl Name {
    fn take(name: &str) -> Result<Self, Problem> {
        let folded = name.to_lowercase();
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if names.get_or_insert_default().insert(folded.clone()) {
            Ok(Self(folded))
        } else {
            Err(Problem {
                key: "AdapterName".to_owned(),
                wrong: "is the name of another adapter in this process; case does not count"
                    .to_owned(),
                right: "Give each adapter a name of its own, or destroy the other one first"
                    .to_owned(),
            })
        }
    }

    fn is(&self, name: &str) -> bool {
        self.0 == name.to_lowercase()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = names.as_mut() {
            names.remove(&self.0);
        }
    }
}
