//! One running adapter: joins the rooms and owns the threads.
//!
//! Knows: where the adapter stands in its life, and which order of the host is possible there. Does not know: C.
//! Input: the host's orders. Output: a running feed, through `delivery`.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::delivery::{Delivery, Host, Intake, Terms};
use crate::model::feed::{Feed, Life, Scope, StateReport, Why};
use crate::model::log::LogLevel;
use crate::model::time::UtcMicros;
use crate::observe::{Counters, Log, Status};
use crate::settings::{self, Settings, StartupType};

pub use crate::delivery::Stopped;
pub use crate::observe::panics;
pub use crate::settings::Problem;

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
    control: Mutex<Control>,
}

struct Control {
    life: Life,
    name: Option<Name>,
    settings: Option<Arc<Settings>>,
    intake: Option<Intake>,
    report: Option<StateReport>,
}

impl Adapter {
    /// An adapter without settings. Makes no thread.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        let log = Log::new(LogLevel::default());
        let counters = Arc::new(Counters::default());
        Self {
            delivery: Delivery::new(host, log.clone(), Arc::clone(&counters)),
            log,
            counters,
            control: Mutex::new(Control {
                life: Life::Created,
                name: None,
                settings: None,
                intake: None,
                report: None,
            }),
        }
    }

    /// Takes settings, or reports all their problems and changes nothing. Returns what an operator should know all
    /// the same.
    ///
    /// # Errors
    ///
    /// [`Refusal::Settings`]; [`Refusal::State`] while the adapter runs.
    pub fn configure(&self, document: &str) -> Result<Vec<Problem>, Refusal> {
        let mut control = self.control();
        if !matches!(control.life, Life::Created | Life::Configured) {
            return Err(Refusal::State(format!(
                "the adapter is {}; stop it before it is given other settings",
                control.life.name()
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
        control.life = Life::Configured;
        Ok(accepted.warnings)
    }

    /// Starts the threads and the feed; does not wait for the region.
    ///
    /// # Errors
    ///
    /// [`Refusal::State`] without settings or while it runs, [`Refusal::Disabled`], [`Refusal::System`].
    pub fn start(&self) -> Result<(), Refusal> {
        let mut control = self.control();
        let settings = match (control.life, &control.settings) {
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
        let intake = self.delivery.start(terms).map_err(|error| {
            Refusal::System(format!(
                "the threads of the feed could not be started: {error}"
            ))
        })?;
        control.life = Life::Starting;
        let report = StateReport {
            life: Life::Starting,
            feed: Feed::Down,
            why: Why::Connecting,
            scope: Scope::default(),
            message: Arc::from("starting"),
            at: UtcMicros::read_clock(),
        };
        control.report = Some(report.clone());
        intake.report(report);
        control.intake = Some(intake);
        Ok(())
    }

    /// Ends the feed. An adapter that does not run is stopped already.
    pub fn stop(&self, timeout: Duration) -> Stopped {
        {
            let mut control = self.control();
            match control.life {
                Life::Created | Life::Configured => return Stopped::Done,
                Life::Stopping => {}
                Life::Starting | Life::Running | Life::Failed => {
                    control.life = Life::Stopping;
                    let report = StateReport {
                        life: Life::Stopping,
                        feed: Feed::Down,
                        why: Why::Stopped,
                        scope: Scope::default(),
                        message: Arc::from("the adapter was asked to stop"),
                        at: UtcMicros::read_clock(),
                    };
                    control.report = Some(report.clone());
                    if let Some(intake) = control.intake.take() {
                        intake.report(report);
                    }
                }
            }
        }
        let stopped = self.delivery.stop(timeout);
        if stopped == Stopped::Done {
            let mut control = self.control();
            if control.life == Life::Stopping {
                control.life = Life::Configured;
            }
        }
        stopped
    }

    /// Stops, and says good-bye to the host. Returns whether its last callback has returned; if not, it is still to
    /// come. The adapter is of no use after it.
    pub fn destroy(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.stop(timeout);
        self.control().name = None;
        self.delivery.retire(deadline)
    }

    /// The status document (`docs/STATUS.md`).
    #[must_use]
    pub fn status(&self) -> String {
        let figures = self.delivery.figures();
        let control = self.control();
        Status {
            name: control
                .settings
                .as_ref()
                .map_or("", |settings| &settings.adapter_name),
            life: control.life,
            report: control.report.as_ref(),
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
