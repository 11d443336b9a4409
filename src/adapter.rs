//! One running adapter: joins the rooms and owns the threads.
//!
//! Knows: where the adapter stands in its life, and which order of the host is possible there. Does not know: C.
//! Input: the host's orders. Output: a running feed, through `delivery`.
//!
//! | file       | concept                                                                            |
//! |------------|------------------------------------------------------------------------------------|
//! | `check`    | "Test connection": the way to the region, hop by hop                                  |
//! | `provoke`  | panics on demand, in test builds only                                               |
//! | `reading`  | answers to reads: what of `calls` reads each, and what the session is told of it     |
//! | `standing` | where the adapter stands, as orders, network and status see it                       |
//! | `shell`    | the loop around `session` and `calls`: carries out orders, passes on what they tell  |

mod check;
mod provoke;
pub mod reading;
mod shell;
mod standing;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cloud::{Limits, Wire, WireConfig};
use crate::delivery::journal::{EraseProblem, Journal, JournalOptions, Kept};
use crate::delivery::{Delivery, Host, Intake, Terms};
use crate::model::feed::{Life, Why};
use crate::model::log::LogLevel;
use crate::model::succession::SuccessionReason;
use crate::observe::status::RegionFigures;
use crate::observe::{Counters, Gaps, LedgerFile, Log, Status, Unwritten};
use crate::settings::{self, Change, Settings, StartupType};

use provoke::Provoke;
use shell::{Shell, Surroundings};
use standing::Standing;

pub use crate::delivery::Stopped;
pub use crate::delivery::journal::What as Erased;
#[cfg(windows)]
pub use crate::observe::owner_only::on_windows as files_on_windows;
pub use crate::observe::panics;
pub use crate::settings::Problem;

/// How long a start that failed waits for what it had begun.
const GIVE_UP: Duration = Duration::from_secs(1);

/// So long after its end a gap is read once more: the platform's analytics take a while to tell what happened, and how
/// long is not documented.
const SECOND_PASS: Duration = Duration::from_secs(120);

/// The most that a stop waits for the ledger file.
const LEDGER_ENDS_WITHIN: Duration = Duration::from_secs(1);

/// The threads of a check have so long to end before it returns; what keeps one in the system longer is not waited for.
const LAST_MOMENT: Duration = Duration::from_millis(100);

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
    /// The time was up; says for what.
    Busy(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(text) | Self::System(text) | Self::Busy(text) => f.write_str(text),
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
    gaps: Arc<Gaps>,
    delivery: Delivery,
    standing: Arc<Standing>,
    control: Mutex<Control>,
    /// The last report of a check, for a host whose buffer was too small.
    last_check: Mutex<Option<String>>,
    /// A stop has left.
    stop_left: Condvar,
    #[cfg(feature = "provoke")]
    host: Arc<provoke::ProvokedHost>,
    /// The zero of the machines' time.
    born: Instant,
    second_pass: Duration,
}

struct Control {
    /// The name in the settings, and that of the run if it is still another.
    names: Vec<Name>,
    /// Those of the next start.
    settings: Option<Arc<Settings>>,
    running: Option<Running>,
    /// Stops that are under way. The adapter can be started again when the last of them has left: it would end the new
    /// run too.
    stops: u32,
    is_destroyed: bool,
    /// Lines of the ledger file that the last run could not write.
    unwritten: Unwritten,
    /// The ledger file of a run that could not be ended yet.
    late_ledger: Option<Arc<LedgerFile>>,
}

impl Control {
    /// A start failed that had taken the lines for its ledger file: what it could not write waits for the next one.
    fn keep_lines(&mut self, ledger: Option<&LedgerFile>) {
        if let Some(ledger) = ledger {
            self.unwritten = ledger.finish(LEDGER_ENDS_WITHIN);
        }
    }
}

/// What runs between a start and a stop.
struct Running {
    /// Those that hold: new ones but for what waits for the next start.
    settings: Arc<Settings>,
    intake: Intake,
    shell: Shell,
    ledger: Option<Arc<LedgerFile>>,
    journal: Option<Journal>,
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
            gaps: Arc::default(),
            standing: Arc::new(Standing::new()),
            control: Mutex::new(Control {
                names: Vec::new(),
                settings: None,
                running: None,
                stops: 0,
                is_destroyed: false,
                unwritten: Unwritten::default(),
                late_ledger: None,
            }),
            last_check: Mutex::default(),
            stop_left: Condvar::new(),
            #[cfg(feature = "provoke")]
            host: provoked,
            born: Instant::now(),
            second_pass: SECOND_PASS,
        }
    }

    /// Reads gaps once more so long after their end, instead of two minutes: for a region whose analytics are known not to
    /// be late.
    pub const fn read_gaps_again_after(&mut self, second_pass: Duration) {
        self.second_pass = second_pass;
    }

    /// Takes settings, or reports all their problems and changes nothing. Returns what an operator should know all
    /// the same. An adapter that runs goes on without a gap: some keys apply at once, some by succession, the rest waits
    /// for the next start, with a warning each.
    ///
    /// # Errors
    ///
    /// [`Refusal::Settings`]; [`Refusal::State`] while the adapter stops; [`Refusal::System`].
    pub fn configure(&self, document: &str) -> Result<Vec<Problem>, Refusal> {
        let mut control = self.living()?;
        let life = self.standing.life();
        if life == Life::Stopping {
            return Err(Refusal::State(
                "the adapter is stopping; give it other settings when it is stopped".to_owned(),
            ));
        }
        let accepted = settings::read(document).map_err(Refusal::Settings)?;
        let wanted = Arc::new(accepted.settings);
        let mut warnings = accepted.warnings;
        let change = control
            .running
            .as_ref()
            .map(|running| Change::between(&running.settings, &wanted));
        // What can fail comes first: after it everything is changed, before it nothing.
        let wire = match &change {
            Some(change) if change.moves => Some(wire(&change.settings)?),
            Some(_) | None => None,
        };
        let name = &wanted.adapter_name;
        if !control.names.iter().any(|own| own.is(name)) {
            let taken = Name::take(name).map_err(|problem| Refusal::Settings(vec![problem]))?;
            control.names.push(taken);
        }
        let running = control.running.as_ref().map(|running| &running.settings);
        let running = running.map(|settings| settings.adapter_name.clone());
        control
            .names
            .retain(|own| own.is(name) || running.as_ref().is_some_and(|running| own.is(running)));
        if let Some(change) = &change {
            warnings.extend(change.warnings());
        }
        self.log.set_level(wanted.log_level);
        for warning in &warnings {
            self.log.warn("settings", format_args!("{warning}"));
        }
        control.settings = Some(wanted);
        match (change, &mut control.running) {
            (Some(change), Some(running)) => {
                self.log.write(
                    LogLevel::Info,
                    "settings",
                    format_args!(
                        "New settings apply{}",
                        if change.moves {
                            "; connections follow, one after the other"
                        } else {
                            ""
                        }
                    ),
                );
                let settings = Arc::new(change.settings);
                running.settings = Arc::clone(&settings);
                running
                    .intake
                    .set_refusals_before_lost(settings.refusals_before_lost);
                running.shell.apply(settings, wire);
            }
            // A start that broke off in a panic is left to a stop.
            _ if life == Life::Created => self.standing.set_life(Life::Configured),
            _ => {}
        }
        Ok(warnings)
    }

    /// Renews token, connections and roster without a gap. Asked for again while it does so, it is one restart.
    ///
    /// # Errors
    ///
    /// [`Refusal::State`] if the adapter does not run.
    pub fn restart(&self) -> Result<(), Refusal> {
        let control = self.living()?;
        match (self.standing.life(), &control.running) {
            (Life::Starting | Life::Running, Some(running)) => {
                running.shell.restart(SuccessionReason::Asked);
                Ok(())
            }
            (life, _) => Err(Refusal::State(format!(
                "the adapter is {}; it can be restarted while it runs{}",
                life.name(),
                if matches!(life, Life::Failed | Life::Stopping) {
                    "; stop it and start it again"
                } else {
                    "; start it"
                }
            ))),
        }
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
        control.names.retain(|own| own.is(&settings.adapter_name));
        let wire = wire(&settings)?;
        let provoke = Arc::new(Provoke::new(&settings));
        #[cfg(feature = "provoke")]
        self.host.arm(&provoke);
        let (journal, kept) = self.open_journal(&settings)?.unzip();
        let ledger = self.open_ledger(&mut control, &settings)?;
        let terms = Terms {
            data_source: Arc::clone(&settings.data_source),
            queue_max_events: settings.queue_max_events,
            refusals_before_lost: settings.refusals_before_lost,
            ledger: ledger.clone(),
        };
        let intake = self
            .delivery
            .start(terms, journal.clone())
            .map_err(|error| {
                control.keep_lines(ledger.as_deref());
                Refusal::System(format!(
                    "the threads of the feed could not be started: {error}"
                ))
            })?;
        self.standing
            .enter(&intake, Life::Starting, Why::Connecting, "starting");
        provoke.at("start");
        let shell = Shell::start(Surroundings {
            terms: Mutex::new(shell::Terms {
                settings: Arc::clone(&settings),
                wire,
            }),
            intake: intake.clone(),
            standing: Arc::clone(&self.standing),
            log: self.log.clone(),
            counters: Arc::clone(&self.counters),
            gaps: Arc::clone(&self.gaps),
            ledger: ledger.clone(),
            journal: journal.clone(),
            kept: Mutex::new(kept),
            covered_until: Mutex::default(),
            second_pass: self.second_pass,
            provoke,
            born: self.born,
        });
        match shell {
            Ok(shell) => {
                control.running = Some(Running {
                    settings,
                    intake,
                    shell,
                    ledger,
                    journal,
                });
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
                control.keep_lines(ledger.as_deref());
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

    /// The ledger file, if the settings name one; gaps are numbered on from what it holds.
    fn open_ledger(
        &self,
        control: &mut Control,
        settings: &Settings,
    ) -> Result<Option<Arc<LedgerFile>>, Refusal> {
        let Some(path) = settings.gap_ledger_file.clone() else {
            return Ok(None);
        };
        let unwritten = std::mem::take(&mut control.unwritten);
        let (gaps, log) = (Arc::clone(&self.gaps), self.log.clone());
        let (file, last) = LedgerFile::open(path, &settings.adapter_name, unwritten, gaps, log)
            .map_err(|error| {
                Refusal::System(format!(
                    "the thread of the ledger file could not be started: {error}"
                ))
            })?;
        self.gaps.go_on_from(last);
        Ok(Some(Arc::new(file)))
    }

    /// The journal, if the settings name a directory for it, and what an earlier process left in it.
    fn open_journal(&self, settings: &Settings) -> Result<Option<(Journal, Kept)>, Refusal> {
        let Some(directory) = settings.journal_directory.clone() else {
            return Ok(None);
        };
        let options = JournalOptions {
            directory,
            adapter_name: Arc::from(&*settings.adapter_name),
            max_age: settings.journal_max_age,
            max_bytes: settings.journal_max_bytes,
        };
        Journal::open(options, &self.log)
            .map(Some)
            .map_err(|problem| Refusal::System(problem.to_string()))
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
        self.control().names.clear();
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
        // First nothing new comes, then what waits is handed over, then it is written down what was not.
        let ledger = match running {
            Some(Running { shell, ledger, .. }) => {
                shell.stop(timeout / 2);
                ledger
            }
            None => self.control().late_ledger.take(),
        };
        let reserve = ledger
            .as_ref()
            .map_or(Duration::ZERO, |_| LEDGER_ENDS_WITHIN.min(timeout / 4));
        let left = deadline.saturating_duration_since(Instant::now());
        let stopped = self.delivery.stop(left.saturating_sub(reserve));
        if stopped == Stopped::Done {
            if let Some(ledger) = ledger {
                let unwritten = ledger.finish(reserve);
                self.control().unwritten = unwritten;
            }
        } else {
            // What is dropped is known when the callback has returned.
            self.control().late_ledger = ledger;
        }
        self.control().stops -= 1;
        self.stop_left.notify_all();
        stopped
    }

    /// Erases events from the journal, of an adapter that runs or of one that is stopped. Returns how many there were: none
    /// without a journal. Waits for the disk, ten seconds at the most.
    ///
    /// # Errors
    ///
    /// [`Refusal::State`] without settings or while it stops; [`Refusal::Busy`]; [`Refusal::System`].
    pub fn erase(&self, what: &Erased) -> Result<u64, Refusal> {
        let control = self.living()?;
        let erased = match (&control.running, &control.settings, self.standing.life()) {
            (Some(running), ..) => {
                let journal = running.journal.clone();
                // Other orders need not wait for the disk.
                drop(control);
                journal.map_or(Ok(0), |journal| journal.erase(what))
            }
            (None, None, _) => {
                return Err(Refusal::State(
                    "the adapter has no settings yet; configure it first".to_owned(),
                ));
            }
            (None, Some(settings), Life::Configured) => match self.open_journal(settings)? {
                // Nobody may start meanwhile.
                Some((journal, _)) => journal.erase(what),
                None => Ok(0),
            },
            (None, Some(_), life) => {
                return Err(Refusal::State(format!(
                    "the adapter is {}; erase while it runs, or when it is stopped",
                    life.name()
                )));
            }
        };
        let count = erased.map_err(|problem| match problem {
            EraseProblem::Busy => Refusal::Busy(problem.to_string()),
            EraseProblem::Disk(_) => Refusal::System(problem.to_string()),
        })?;
        let (of, id) = match what {
            Erased::Conversation(id) => ("conversation", id.as_str()),
            Erased::User(id) => ("user", id.as_str()),
        };
        self.log.write(
            LogLevel::Info,
            "delivery",
            format_args!("{count} events of {of} {id} were erased from the journal"),
        );
        Ok(count)
    }

    /// The status document (`docs/STATUS.md`).
    #[must_use]
    pub fn status(&self) -> String {
        self.look(|status| status.to_json())
    }

    /// Checks the way to the region, within `limit` and on this thread, also beside a run: the document of
    /// `docs/CHECK.md`. No limit at all: the last one again, without a check.
    ///
    /// # Errors
    ///
    /// [`Refusal::State`] without settings, or if there is no last one; [`Refusal::System`].
    pub fn check(&self, limit: Duration) -> Result<String, Refusal> {
        let (settings, own) = {
            let control = self.living()?;
            let Some(settings) = control.settings.as_ref().map(Arc::clone) else {
                return Err(Refusal::State(
                    "the adapter has no settings yet; configure it first".to_owned(),
                ));
            };
            // One that runs on in another region until the next start has nothing where the check goes.
            let running = control.running.as_ref();
            let own = running.filter(|running| running.settings.region == settings.region);
            let own = own.map(|running| {
                let RegionFigures {
                    channels, sockets, ..
                } = running.shell.figures();
                check::Own {
                    channels,
                    sockets,
                    hosts: running.shell.socket_hosts(),
                }
            });
            (settings, own)
        };
        if limit.is_zero() {
            return self.last_check().clone().ok_or_else(|| {
                Refusal::State(
                    "there is no report of an earlier check; allow some time for one".to_owned(),
                )
            });
        }
        let log = self.log.clone();
        // One that can go on while the system takes its time to judge a certificate.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("gca-check")
            .on_thread_start(move || panics::adopt(&log))
            .enable_all()
            .build()
            .map_err(|error| Refusal::System(format!("the check could not be started: {error}")))?;
        let report = runtime.block_on(check::check(&settings, limit, own));
        // What hangs in the system (a name lookup, the judgement of a certificate) keeps its thread until it returns.
        runtime.shutdown_timeout(LAST_MOMENT);
        *self.last_check() = Some(report.clone());
        Ok(report)
    }

    fn last_check(&self) -> MutexGuard<'_, Option<String>> {
        self.last_check
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics in the text format of Prometheus (`docs/METRICS.md`).
    #[must_use]
    pub fn metrics(&self) -> String {
        self.look(|status| status.to_prometheus())
    }

    fn look(&self, show: impl FnOnce(&Status<'_>) -> String) -> String {
        let figures = self.delivery.figures();
        let report = self.standing.report();
        let control = self.control();
        let region = control
            .running
            .as_ref()
            .map_or_else(RegionFigures::default, |running| running.shell.figures());
        // Those that hold: what waits for the next start shows when it has begun.
        let settings = control
            .running
            .as_ref()
            .map(|running| &running.settings)
            .or(control.settings.as_ref());
        let shown = settings.map_or(serde_json::Value::Null, |settings| {
            settings::shown(settings)
        });
        show(&Status {
            settings: &shown,
            name: settings.map_or("", |settings| &settings.adapter_name),
            life: self.standing.life(),
            report: report.as_ref(),
            region: &region,
            delivery: &figures,
            counters: &self.counters,
            gaps: &self.gaps,
            log_lines_dropped: self.log.dropped(),
        })
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

/// The way to the region.
fn wire(settings: &Settings) -> Result<Wire, Refusal> {
    let config = WireConfig {
        region: settings.region.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
        trust: settings.trust.clone(),
        proxy: settings.proxy.clone(),
        user_agent: concat!("genesys-cloud-adapter/", env!("CARGO_PKG_VERSION")).to_owned(),
        limits: Limits::default(),
    };
    Wire::new(config).map_err(|failure| Refusal::System(failure.message))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{LogLine, Offer, Verdict};
    use crate::model::feed::StateReport;

    struct Nobody;

    impl Host for Nobody {
        fn on_event(&self, _: &Offer<'_>) -> Verdict {
            Verdict::Taken
        }
        fn on_state(&self, _: &StateReport) {}
        fn on_log(&self, _: &LogLine) {}
        fn on_drop(&self) {}
    }

    #[test]
    fn a_start_that_fails_keeps_the_lines_of_the_ledger_for_the_next() {
        let place = tempfile::tempdir().unwrap();
        let journal = place.path().join("journal");
        let adapter = Adapter::new(Arc::new(Nobody));
        let document = serde_json::json!({
            "AdapterName": "evidence",
            "DataSource": "Genesys Cloud",
            "RegionHost": "eu-central-1",
            "ClientId": "1b2c",
            "ClientSecret": "secret",
            "AdvancedSettings": {
                "GapLedgerFile": place.path().join("missing").join("gaps"),
                "JournalDirectory": journal,
            },
        });
        adapter.configure(&document.to_string()).unwrap();
        let settings = adapter.control().settings.clone().unwrap();
        let other_process = adapter.open_journal(&settings).unwrap();
        adapter.control().unwritten = Unwritten::of("evidence");
        assert!(matches!(adapter.start(), Err(Refusal::System(_))));
        drop(other_process);
        let kept = format!("{:?}", adapter.control().unwritten);
        assert!(kept.contains("evidence"), "{kept}");

        // The same if it fails when the file was opened already.
        let mut control = adapter.control();
        let ledger = adapter.open_ledger(&mut control, &settings).unwrap();
        control.keep_lines(ledger.as_deref());
        let kept = format!("{:?}", control.unwritten);
        assert!(kept.contains("evidence"), "{kept}");
    }
}
