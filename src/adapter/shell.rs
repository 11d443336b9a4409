//! The loop around the machines: carries out what `session` orders, feeds it and `calls` with what comes, and passes on
//! what they tell.
//!
//! One lock holds both machines. A frame goes from its socket through the cut and `calls` into the queue of `delivery`
//! on the thread that read it: no hand-over between tasks, no copy. The lock is held for microseconds and never over an
//! await. Orders of the session become tasks, each with an end of its own in time.
//!
//! A panic in any task ends the machines of that run, and only them: the supervisor reports it, waits, and begins anew;
//! with a journal from what that holds, else in a new feed, because what was open in the old one can no longer be told.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use url::Url;

use super::provoke::Provoke;
use super::reading;
use super::standing::Standing;
use crate::calls::{AttributeRules, Calls, Heard, Novelty};
use crate::cloud::{Inbound, Uncut, Wire, cut, socket_event};
use crate::delivery::Intake;
use crate::delivery::journal::{Journal, Kept};
use crate::model::event::{Event, EventKind, Subject};
use crate::model::feed::{Feed, Scope, Why};
use crate::model::frame::Frame;
use crate::model::id::{ChannelId, Topic};
use crate::model::log::LogLevel;
use crate::model::order::{Order, OrderId, Reply, Request, SocketEvent, SocketId, WireNo};
use crate::model::succession::{SuccessionEnd, SuccessionReason};
use crate::model::time::{Now, UtcMicros};
use crate::observe::status::RegionFigures;
use crate::observe::{Counters, Gaps, LedgerFile, Left, Log, panics};
use crate::session::{Config, DailyRestart, GapChange, Notice, Session, Spent, Told};
use crate::settings::Settings;

/// Threads that do network I/O. With a second one the runtime wakes it for every frame, to see whether there is something
/// to share, which costs as much as reading the frame. What could hold up the one (a certificate check by the system, a
/// name lookup) is done aside by `cloud`.
const THREADS: usize = 1;

/// The pause before the machines begin anew after a panic doubles from the first to the last of these.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// So long without a panic, and the next pause is the first again.
const STABLE: Duration = Duration::from_secs(600);

/// The driver looks after the machines this often, whatever they asked for.
const ROUND: Duration = Duration::from_secs(60);

/// The journal is told this often up to when the feed is covered.
const COVER: Duration = Duration::from_secs(1);

/// The most that a farewell to the platform may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The running network side of an adapter.
pub(super) struct Shell {
    runtime: Runtime,
    around: Arc<Surroundings>,
    stop: watch::Sender<bool>,
    current: Arc<Mutex<Option<Arc<Run>>>>,
}

/// What a run of the machines needs from outside.
pub(super) struct Surroundings {
    pub(super) terms: Mutex<Terms>,
    pub(super) intake: Intake,
    pub(super) standing: Arc<Standing>,
    pub(super) log: Log,
    pub(super) counters: Arc<Counters>,
    pub(super) gaps: Arc<Gaps>,
    pub(super) ledger: Option<Arc<LedgerFile>>,
    pub(super) journal: Option<Journal>,
    /// What an earlier process left in the journal, for the first run.
    pub(super) kept: Mutex<Option<Kept>>,
    /// What of it holds after that: up to when the feed was covered.
    pub(super) covered_until: Mutex<Option<UtcMicros>>,
    /// So long after its end a gap is read once more.
    pub(super) second_pass: Duration,
    pub(super) provoke: Arc<Provoke>,
    /// The zero of [`Now::elapsed`].
    pub(super) born: Instant,
}

/// The settings that are valid now, and the way to the region that follows from them.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) settings: Arc<Settings>,
    pub(super) wire: Wire,
}

/// What an earlier run, or process, has told and heard.
struct Past {
    /// Of conversations that it has not told to the end.
    legs: Vec<Event>,
    covered_until: Option<UtcMicros>,
}

impl Past {
    /// From then on something may have been missed: at the latest since the last that was told.
    fn covered_until(&self) -> Option<UtcMicros> {
        let last = || self.legs.iter().map(|event| event.received).max();
        self.covered_until.or_else(last)
    }
}

impl Surroundings {
    /// The feed ends: nobody will read the gaps that it has.
    fn leave_gaps(&self, why: Left) {
        let left = self.gaps.leave(why);
        if let Some(ledger) = &self.ledger {
            ledger.leave(&left, why);
        }
    }

    /// What the next run goes on from, if there is a journal: what an earlier process left in it; after that, what the run
    /// before did. If that cannot be read, a new feed begins.
    fn past(&self) -> Option<Past> {
        let kept = self.kept.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner).take();
        let past = match kept {
            Some(kept) => Past {
                legs: kept.legs,
                covered_until: kept.covered_until,
            },
            None => Past {
                legs: self.journal.as_ref()?.legs().unwrap_or_else(|| {
                    self.log.write(
                        LogLevel::Error,
                        "calls",
                        format_args!(
                            "After a defect in this library the journal could not tell what was open; a new feed begins, \
                             which voids what was open in the last one"
                        ),
                    );
                    let message = "a defect in this library was contained (the log names its place); the journal could not \
                                   tell what was open, and a new feed begins";
                    self.standing.begin_anew(&self.intake, message.into());
                    Vec::new()
                }),
                covered_until: *self.covered(),
            },
        };
        *self.covered() = past.covered_until;
        Some(past)
    }

    fn covered(&self) -> MutexGuard<'_, Option<UtcMicros>> {
        let covered = self.covered_until.lock();
        covered.unwrap_or_else(PoisonError::into_inner)
    }

    fn terms(&self) -> MutexGuard<'_, Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shell {
    /// Starts the threads and the first run.
    ///
    /// # Errors
    /// The system refused a thread.
    pub(super) fn start(surroundings: Surroundings) -> std::io::Result<Self> {
        let log = surroundings.log.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("gca-io")
            .on_thread_start(move || panics::adopt(&log))
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let current = Arc::new(Mutex::new(None));
        let around = Arc::new(surroundings);
        let (supervised, runs) = (Arc::clone(&around), Arc::clone(&current));
        runtime.spawn(async move {
            let around = supervised;
            let supervised = contained(supervise(Arc::clone(&around), runs, stopped)).await;
            if supervised.is_err() {
                around.counters.panics.one();
                around.standing.fail(
                    &around.intake,
                    "a defect in this library ended the adapter (the log names its place): stop it and start it again",
                );
            }
        });
        Ok(Self {
            runtime,
            around,
            stop,
            current,
        })
    }

    /// How the region looks from here.
    pub(super) fn figures(&self) -> RegionFigures {
        self.run()
            .map_or_else(RegionFigures::default, |run| run.figures())
    }

    /// The hosts of its websockets.
    pub(super) fn socket_hosts(&self) -> Vec<Url> {
        self.around.terms().wire.socket_hosts()
    }

    /// Renews everything without a gap.
    pub(super) fn restart(&self, reason: SuccessionReason) {
        if let Some(run) = self.run() {
            run.restart(reason);
        }
    }

    /// Applies other settings without a gap. `wire`: if the way to the region or the credentials are others.
    pub(super) fn apply(&self, settings: Arc<Settings>, wire: Option<Wire>) {
        let same_wire = wire.is_none();
        // Under this lock, so that no run begins on the old terms meanwhile.
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut terms = self.around.terms();
            terms.settings = settings;
            if let Some(wire) = wire {
                terms.wire = wire;
            }
        }
        if let Some(run) = current.as_ref() {
            run.apply(same_wire);
        }
    }

    fn run(&self) -> Option<Arc<Run>> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From now on nothing is heard any more.
    pub(super) fn hang_up(&self) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = current.as_ref() {
            run.hang_up();
        }
    }

    /// Takes leave of the platform and ends the threads, within `limit`. Not to be called on a thread of the shell.
    pub(super) fn stop(self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let run = self
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(run) = run {
            let farewell = FAREWELL.min(limit / 2);
            self.runtime.block_on(async {
                let _ = tokio::time::timeout(farewell, run.take_leave()).await;
            });
        }
        // Nobody listens if the supervisor has ended already.
        let _ = self.stop.send(true);
        end(
            self.runtime,
            deadline.saturating_duration_since(Instant::now()),
        );
        self.around.leave_gaps(Left::Stopped);
    }
}

/// Cuts off what is still under way. A name lookup that hangs in the system keeps its thread until it returns, so to wait
/// longer than the other threads need serves nobody.
fn end(runtime: Runtime, limit: Duration) {
    runtime.shutdown_timeout(limit.min(FAREWELL));
}

/// Runs the machines, and anew after a panic, until the adapter is stopped.
async fn supervise(
    surroundings: Arc<Surroundings>,
    current: Arc<Mutex<Option<Arc<Run>>>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut pause = FIRST_PAUSE;
    let mut before = None;
    loop {
        let run = {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            let run = Arc::new(Run::new(Arc::clone(&surroundings), before.take()));
            *current = Some(Arc::clone(&run));
            run
        };
        surroundings.provoke.at("supervisor");
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = run.drive(&mut tasks) => {}
            // An error says that the shell itself is gone.
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tasks.shutdown().await;
        // What comes from here to the next run's sockets is in its first gap.
        before = Some(run.end());
        surroundings.counters.panics.one();
        surroundings.leave_gaps(Left::Defect);
        if began.elapsed() > STABLE {
            pause = FIRST_PAUSE;
        }
        let goes_on = surroundings.journal.is_some();
        let message = if goes_on {
            "a defect in this library was contained (the log names its place); connecting anew, and going on from the \
             journal"
        } else {
            "a defect in this library was contained (the log names its place); connecting anew in a new feed"
        };
        let (standing, intake) = (&surroundings.standing, &surroundings.intake);
        if goes_on {
            standing.tell(
                intake,
                Feed::Down,
                Why::Internal,
                Scope::default(),
                message.into(),
            );
        } else {
            standing.begin_anew(intake, message.into());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// What of a run goes on in the next one.
struct Ended {
    /// Until when it heard everything.
    heard_until: UtcMicros,
    /// The platform counts the requests of a minute, whichever run asks.
    spent: Spent,
}

/// One life of the machines.
struct Run {
    around: Arc<Surroundings>,
    machines: Mutex<Machines>,
    /// The session may want another timeout, or has orders.
    attention: Notify,
}

struct Machines {
    session: Session,
    calls: Calls,
    /// The ways to the region that are used: more than one while new settings take effect.
    wires: BTreeMap<WireNo, Wire>,
    /// The last of them.
    newest: Wire,
    sockets: HashMap<SocketId, OpenSocket>,
    /// Those that nothing is heard of any more, because the adapter stops.
    left: Vec<OpenSocket>,
    /// It stops: no more are opened.
    has_hung_up: bool,
    /// When to look for calls of which nothing was heard for long.
    quiet_due: Duration,
    /// When to tell the journal up to when the feed is covered; `None`: there is no journal.
    cover_due: Option<Duration>,
    /// A panic went through: nothing here is to be used any more.
    is_broken: bool,
}

struct OpenSocket {
    channel: ChannelId,
    wire: Wire,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the session wants of a socket that is open.
enum Command {
    Ping,
    Unfollow(Vec<Topic>),
    Close,
}

/// Work that the driver starts.
enum Task {
    Request {
        id: OrderId,
        what: Request,
        wire: Wire,
    },
    Socket {
        socket: SocketId,
        channel: ChannelId,
        wire: Wire,
        commands: mpsc::UnboundedReceiver<Command>,
    },
}

impl Machines {
    /// The session names no wire before it was given one, and none that it has left.
    fn wire(&self, number: WireNo) -> Wire {
        self.wires.get(&number).unwrap_or(&self.newest).clone()
    }

    /// Channels that may have topics and that none of these sockets reads: one that a succession has just made, or whose
    /// connection is being opened again.
    fn unread_channels(&self, read: &[OpenSocket]) -> Vec<(ChannelId, Wire)> {
        if self.is_broken {
            return Vec::new();
        }
        let is_read = |channel: &ChannelId| read.iter().any(|open| open.channel == *channel);
        let all = self.session.channels_with_topics();
        all.filter(|(channel, _)| !is_read(channel))
            .map(|(channel, wire)| (channel.clone(), self.wire(wire)))
            .collect()
    }
}

impl Run {
    /// `before`: the run before it ended in a panic.
    fn new(around: Arc<Surroundings>, before: Option<Ended>) -> Self {
        let Terms { settings, wire } = around.terms().clone();
        // Two adapters that lost the same link must not come back in step.
        let seed = std::hash::BuildHasher::hash_one(
            &std::hash::RandomState::new(),
            &settings.adapter_name,
        );
        let past = around.past();
        let (heard_until, spent) = before.map_or_else(Default::default, |before| {
            (Some(before.heard_until), before.spent)
        });
        let config = Config {
            seed,
            last_gap: around.gaps.last_id(),
            covered_until: past.as_ref().and_then(Past::covered_until),
            // With a journal that time is a gap of its own.
            heard_until: heard_until.filter(|_| past.is_none()),
            spent,
            second_pass: around.second_pass,
            ..session_config(&settings, &around.log)
        };
        let now = now(around.born);
        let machines = Machines {
            session: Session::new(config, now),
            calls: calls(&around, &settings, past.as_ref(), now),
            wires: BTreeMap::from([(WireNo::default(), wire.clone())]),
            newest: wire,
            sockets: HashMap::new(),
            left: Vec::new(),
            has_hung_up: false,
            quiet_due: now.elapsed + ROUND,
            cover_due: around.journal.is_some().then_some(now.elapsed),
            is_broken: false,
        };
        Self {
            around,
            machines: Mutex::new(machines),
            attention: Notify::new(),
        }
    }

    fn machines(&self) -> MutexGuard<'_, Machines> {
        // A poisoned lock is one whose holder panicked; `is_broken` says so to everyone.
        self.machines.lock().unwrap_or_else(|poisoned| {
            let mut machines = PoisonError::into_inner(poisoned);
            machines.is_broken = true;
            machines
        })
    }

    /// Looks after the machines until one of the tasks panics.
    async fn drive(self: &Arc<Self>, tasks: &mut JoinSet<Result<(), Panicked>>) {
        loop {
            let (work, deadline) = self.advance();
            let Some(deadline) = deadline else { return };
            for task in work {
                tasks.spawn(contained(Arc::clone(self).carry_out(task)));
            }
            tokio::select! {
                () = self.attention.notified() => {}
                () = tokio::time::sleep_until((self.around.born + deadline).into()) => {}
                Some(ended) = tasks.join_next() => {
                    if !matches!(ended, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }

    /// Gives the machines the time, and takes what they want done. No deadline: a panic went through them.
    fn advance(&self) -> (Vec<Task>, Option<Duration>) {
        let guarded = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut machines = self.machines();
            if machines.is_broken {
                return (Vec::new(), None);
            }
            let now = now(self.around.born);
            self.around.provoke.at("session");
            if machines
                .session
                .poll_timeout()
                .is_some_and(|timeout| timeout <= now.elapsed)
            {
                machines.session.handle_timeout(now);
            }
            machines.calls.handle_timeout(now);
            if machines.calls.poll_unknown_station() {
                machines.session.handle_unknown_station(now);
            }
            self.look_for_quiet_calls(&mut machines, now);
            let mut work = self.take_orders(&mut machines);
            self.pass_on(&mut machines, now);
            // What was told may have been answered with a question.
            work.extend(self.take_orders(&mut machines));
            let round = now.elapsed + ROUND;
            (
                work,
                Some(
                    machines
                        .session
                        .poll_timeout()
                        .map_or(round, |timeout| timeout.min(round)),
                ),
            )
        }));
        guarded.unwrap_or_default()
    }

    /// Once in a round: calls of which nothing was heard for long are read.
    fn look_for_quiet_calls(&self, machines: &mut Machines, now: Now) {
        if now.elapsed < machines.quiet_due {
            return;
        }
        machines.quiet_due = now.elapsed + ROUND;
        let quiet_for = self.around.terms().settings.quiet_call_read;
        let quiet = machines.calls.quiet_conversations(quiet_for, now);
        machines.session.handle_quiet(quiet, now);
    }

    /// A frame was heard: now and then the journal is told up to when the feed is covered. (What the frame itself tells is
    /// not on the disk yet; a gap begins earlier than the last frame for more than that.)
    fn cover(&self, machines: &mut Machines, now: Now) {
        if machines.cover_due.is_some_and(|due| due <= now.elapsed) {
            machines.cover_due = Some(now.elapsed + COVER);
            self.tell_covered(machines);
        }
    }

    fn tell_covered(&self, machines: &Machines) {
        if let Some(until) = machines.session.covered_until() {
            *self.around.covered() = Some(until);
            self.around.intake.covered_until(until);
        }
    }

    fn take_orders(&self, machines: &mut Machines) -> Vec<Task> {
        let mut work = Vec::new();
        while let Some(order) = machines.session.poll_order() {
            match order {
                // The farewell takes off what was subscribed until then.
                Order::Request {
                    what: Request::CreateChannel | Request::Subscribe { .. },
                    ..
                }
                | Order::OpenSocket { .. }
                    if machines.has_hung_up => {}
                Order::Request { id, what, wire } => {
                    let wire = machines.wire(wire);
                    work.push(Task::Request { id, what, wire });
                }
                Order::OpenSocket {
                    socket,
                    channel,
                    wire,
                } => {
                    let wire = machines.wire(wire);
                    let (sender, commands) = mpsc::unbounded_channel();
                    machines.sockets.insert(
                        socket,
                        OpenSocket {
                            channel: channel.clone(),
                            wire: wire.clone(),
                            commands: sender,
                        },
                    );
                    work.push(Task::Socket {
                        socket,
                        channel,
                        wire,
                        commands,
                    });
                }
                Order::Ping { socket } => {
                    if let Some(open) = machines.sockets.get(&socket) {
                        // A task that has ended has told so.
                        let _ = open.commands.send(Command::Ping);
                    }
                }
                Order::Unfollow { socket, topics } => {
                    if let Some(open) = machines.sockets.get(&socket) {
                        let _ = open.commands.send(Command::Unfollow(topics));
                    }
                }
                Order::CloseSocket { socket } => {
                    if let Some(open) = machines.sockets.remove(&socket) {
                        let _ = open.commands.send(Command::Close);
                    }
                }
            }
        }
        work
    }

    /// Passes on what the machines tell, in its order: under the same lock as the input that made them tell it, so that
    /// no frame is heard before `calls` knows of its user, or that frames before it were lost.
    fn pass_on(&self, machines: &mut Machines, now: Now) {
        let Machines {
            session,
            calls,
            wires,
            ..
        } = machines;
        while let Some(notice) = session.poll_notice() {
            match notice {
                Notice::Users(users) => calls.handle_users(&users, now),
                Notice::Queues(queues) => calls.handle_queues(&queues),
                Notice::Stations(stations) => calls.handle_stations(&stations),
                Notice::UsersRemoved(users) => calls.handle_users_removed(&users),
                Notice::QueuesRemoved(queues) => calls.handle_queues_removed(&queues),
                Notice::TopicsFlowing {
                    socket,
                    users,
                    queues,
                } => calls.handle_flowing(socket, &users, &queues),
                Notice::TopicsInterrupted {
                    socket,
                    users,
                    queues,
                    ..
                } => {
                    self.around.counters.reconnects.one();
                    calls.handle_interruption(socket, &users, &queues, now);
                }
                Notice::SuccessionEnded { reason, end } => {
                    self.around.counters.successions.one((reason, end));
                    if end == SuccessionEnd::Succeeded {
                        self.around.intake.tell_of_feed(
                            EventKind::FeedRenewed,
                            Subject::Renewal(reason),
                            reason.name(),
                        );
                    }
                }
                Notice::Succeeded { from, to, .. } => calls.handle_succession(from, to, now),
                Notice::Withdrawn { socket, leads } => calls.handle_succession(socket, leads, now),
                Notice::WireLeft(wire) => {
                    wires.remove(&wire);
                }
                Notice::Gap(change) => {
                    calls.handle_gap(change.record());
                    self.tell_gap(&change);
                }
                Notice::Read { gaps, what, source } => {
                    let unreadable = reading::read(calls, &what, source, now);
                    for _ in 0..unreadable {
                        self.count(Heard::Unreadable);
                    }
                    let events: Vec<Event> = std::iter::from_fn(|| calls.poll_event()).collect();
                    let told: Vec<Told> = events
                        .iter()
                        .map(|event| reading::told(&what, event))
                        .collect();
                    for event in events {
                        self.around.intake.offer(event);
                    }
                    session.handle_told(&gaps, &told, now);
                }
                Notice::CallGone { conversation } => calls.handle_gone(&conversation, now),
                Notice::AskLive { gaps } => session.handle_live(&gaps, reading::live(calls), now),
                Notice::Feed {
                    feed,
                    why,
                    scope,
                    message,
                } => {
                    self.around
                        .standing
                        .tell(&self.around.intake, feed, why, scope, message);
                }
                Notice::Log { level, message } => {
                    self.around
                        .log
                        .write(level, "session", format_args!("{message}"));
                }
            }
            self.offer_events(calls);
        }
    }

    /// A gap stands in the feed, in the status and in the ledger file.
    fn tell_gap(&self, change: &GapChange) {
        let kind = match change {
            GapChange::Opened(_) => Some(EventKind::GapOpened),
            GapChange::Ended(_) => None,
            GapChange::Closed(_) => Some(EventKind::GapClosed),
        };
        let record = change.record();
        if let Some(ledger) = &self.around.ledger {
            ledger.note(record);
        }
        self.around.gaps.note(record);
        if let Some(kind) = kind {
            let subject = Subject::Gap(Arc::clone(record));
            (self.around.intake).tell_of_feed(kind, subject, record.cause.name());
        }
    }

    fn offer_events(&self, calls: &mut Calls) {
        while let Some(event) = calls.poll_event() {
            self.around.intake.offer(event);
        }
        self.tell_findings(calls);
    }

    /// What the platform told that this version does not know is counted, and logged once: the feed goes on.
    fn tell_findings(&self, calls: &mut Calls) {
        let counters = &self.around.counters;
        while let Some(finding) = calls.poll_finding() {
            match finding.novelty {
                Novelty::Member => counters.members_unknown.one(),
                Novelty::Word => counters.words_unknown.one(),
                // Each notification on one is counted.
                Novelty::Topic => {}
            }
            self.around
                .log
                .write(LogLevel::Info, "calls", format_args!("{finding}"));
        }
    }

    async fn carry_out(self: Arc<Self>, task: Task) {
        match task {
            Task::Request { id, what, wire } => {
                let counters = &self.around.counters;
                counters.requests.one(what.kind());
                let asked = Instant::now();
                let reply = wire.request(what).await;
                counters.request_time.record(asked.elapsed());
                if let Reply::Failed(failure) = &reply {
                    counters.request_failures.one(failure.kind);
                }
                {
                    let mut machines = self.machines();
                    if !machines.is_broken {
                        let now = now(self.around.born);
                        machines.session.handle_reply(id, reply, now);
                        self.pass_on(&mut machines, now);
                    }
                }
                self.attention.notify_one();
            }
            Task::Socket {
                socket,
                channel,
                wire,
                commands,
            } => self.listen(socket, &channel, &wire, commands).await,
        }
    }

    /// Opens a socket and reads it to its end.
    async fn listen(
        &self,
        id: SocketId,
        channel: &ChannelId,
        wire: &Wire,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let opened = tokio::select! {
            opened = wire.open_socket(channel) => opened,
            () = closed(&mut commands) => return,
        };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(failure) => return self.tell_socket(id, SocketEvent::Ended(failure)),
        };
        self.around.counters.sockets_opened.one();
        self.tell_socket(id, SocketEvent::Opened);
        let mut burst = Burst::new(&self.around.intake);
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Ping) => {
                        if let Err(failure) = socket.ping().await {
                            return self.tell_socket(id, SocketEvent::Ended(failure));
                        }
                    }
                    Some(Command::Unfollow(topics)) => {
                        if let Err(failure) = socket.unfollow(&topics).await {
                            return self.tell_socket(id, SocketEvent::Ended(failure));
                        }
                    }
                    Some(Command::Close) | None => return socket.close().await,
                },
                inbound = socket.next() => match inbound {
                    Ok(Inbound::Text(text)) => {
                        self.around.provoke.at("socket");
                        self.hear(id, &text, &mut burst);
                    }
                    Ok(Inbound::Binary(_)) => {
                        self.around.counters.frames_binary.one();
                        self.junk("a binary frame");
                        self.tell_socket(id, SocketEvent::Activity);
                    }
                    Ok(Inbound::Control) => self.tell_socket(id, SocketEvent::Activity),
                    Err(failure) => return self.tell_socket(id, SocketEvent::Ended(failure)),
                },
                // Nothing more has arrived.
                () = std::future::ready(()), if burst.events > 0 => burst.end(),
            }
        }
    }

    /// Something happened to a socket. Of one that the session has closed nothing is told any more.
    fn tell_socket(&self, id: SocketId, event: SocketEvent) {
        let is_news = event != SocketEvent::Activity;
        {
            let mut machines = self.machines();
            if machines.is_broken || !machines.sockets.contains_key(&id) {
                return;
            }
            if matches!(event, SocketEvent::Ended(_)) {
                machines.sockets.remove(&id);
            }
            let now = now(self.around.born);
            machines.session.handle_socket(id, event, now);
            self.cover(&mut machines, now);
            self.pass_on(&mut machines, now);
        }
        if is_news {
            self.attention.notify_one();
        }
    }

    /// A text frame came: the hot path.
    fn hear(&self, id: SocketId, text: &str, burst: &mut Burst<'_>) {
        let now = now(self.around.born);
        let counters = &self.around.counters;
        counters.frames.one();
        counters.frame_bytes.add(text.len() as u64);
        let frame = cut(text);
        let about_socket = frame.as_ref().ok().and_then(socket_event);
        let mut machines = self.machines();
        if machines.is_broken || !machines.sockets.contains_key(&id) {
            return;
        }
        // One that was left, and whose close is on its way: what it shows is shown by another, or is in a gap.
        if !machines
            .session
            .handle_socket(id, SocketEvent::Activity, now)
        {
            return;
        }
        self.cover(&mut machines, now);
        if let Some(event) = about_socket {
            machines.session.handle_socket(id, event, now);
            self.pass_on(&mut machines, now);
            drop(machines);
            return self.attention.notify_one();
        }
        match frame {
            Ok(Frame::Notification(notification)) => {
                self.around.provoke.at("calls");
                let calls = &mut machines.calls;
                let heard = reading::hear(calls, id, text, &notification, now);
                // Under the lock, so that what two sockets tell keeps its order.
                burst.offer_all(std::iter::from_fn(|| calls.poll_event()), now.elapsed);
                self.tell_findings(calls);
                drop(machines);
                burst.end_if_long(now.elapsed);
                self.count(heard);
            }
            Ok(Frame::Heartbeat) => counters.heartbeats.one(),
            Ok(Frame::Pong | Frame::Reply(_)) => {}
            Err(uncut) => {
                drop(machines);
                let counter = match uncut {
                    Uncut::NotJson => &counters.frames_not_json,
                    Uncut::NoTopic | Uncut::NotAnObject => &counters.frames_without_topic,
                    Uncut::WrongType | Uncut::Duplicate | Uncut::EscapedTopic => {
                        &counters.frames_wrong_type
                    }
                };
                counter.one();
                self.junk(match uncut {
                    Uncut::NotJson => "a frame that is not JSON",
                    Uncut::NotAnObject => "a frame that is JSON but no object",
                    Uncut::NoTopic => "a frame without a topic",
                    Uncut::WrongType => "a frame whose topicName is no text",
                    Uncut::Duplicate => "a frame with a member twice",
                    Uncut::EscapedTopic => "a frame whose topicName is written with escapes",
                });
            }
        }
    }

    fn count(&self, heard: Heard) {
        match heard {
            Heard::Read | Heard::Unchanged | Heard::Kept | Heard::Stale | Heard::Irrelevant => {}
            Heard::NotFollowed => self.around.counters.topics_unknown.one(),
            Heard::Unreadable => {
                self.around.counters.bodies_unreadable.one();
                self.junk("a notification whose body cannot be read");
            }
        }
    }

    /// Junk is counted, and logged once per kind without its content; the feed goes on.
    fn junk(&self, kind: &'static str) {
        self.around.log.counted(
            kind,
            LogLevel::Warn,
            "cloud",
            format_args!("{kind} came; it was left out"),
        );
    }

    fn restart(&self, reason: SuccessionReason) {
        {
            let mut machines = self.machines();
            if machines.is_broken {
                return; // The next run makes everything new.
            }
            let now = now(self.around.born);
            machines.session.restart(reason, now);
            self.pass_on(&mut machines, now);
        }
        self.attention.notify_one();
    }

    /// The terms are others.
    fn apply(&self, same_wire: bool) {
        {
            let mut machines = self.machines();
            if machines.is_broken {
                return;
            }
            let now = now(self.around.born);
            let Terms { settings, wire } = self.around.terms().clone();
            let config = session_config(&settings, &self.around.log);
            machines.calls.handle_rules(AttributeRules::new(
                &settings.attribute_allow,
                &settings.attribute_mask,
            ));
            let number = machines.session.handle_settings(config, same_wire, now);
            machines.wires.insert(number, wire.clone());
            machines.newest = wire;
            self.pass_on(&mut machines, now);
        }
        self.attention.notify_one();
    }

    /// What is left of a run that has ended in a panic.
    fn end(&self) -> Ended {
        // Whatever the machines say, they must say it without another.
        let told = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let session = &self.machines().session;
            (session.heard_until(), session.spent())
        }));
        let (heard, spent) = told.unwrap_or_default();
        Ended {
            heard_until: heard.unwrap_or_else(UtcMicros::read_clock),
            spent,
        }
    }

    fn hang_up(&self) {
        let machines = &mut *self.machines();
        if machines.cover_due.is_some() && !machines.is_broken {
            self.tell_covered(machines);
        }
        machines.has_hung_up = true;
        machines
            .left
            .extend(machines.sockets.drain().map(|(_, open)| open));
    }

    /// Closes the sockets and takes the topics off their channels: there is no way to delete a channel.
    async fn take_leave(&self) {
        self.hang_up();
        let (left, unread) = {
            let machines = &mut *self.machines();
            let left = std::mem::take(&mut machines.left);
            let unread = machines.unread_channels(&left);
            (left, unread)
        };
        let unread = unread.into_iter().map(|(channel, wire)| async move {
            wire.request(Request::Unsubscribe { channel }).await;
        });
        let farewells = left.into_iter().map(|open| async move {
            let OpenSocket {
                channel,
                wire,
                commands,
            } = open;
            // One that has ended needs no farewell.
            let _ = commands.send(Command::Close);
            let unsubscribed = wire.request(Request::Unsubscribe { channel });
            tokio::join!(unsubscribed, commands.closed());
        });
        let farewells = futures_util::future::join_all(farewells);
        tokio::join!(farewells, futures_util::future::join_all(unread));
    }

    fn figures(&self) -> RegionFigures {
        let settings = Arc::clone(&self.around.terms().settings);
        let machines = self.machines();
        let (session, calls) = (&machines.session, &machines.calls);
        RegionFigures {
            channels: session.channels() as u64,
            sockets: session.sockets() as u64,
            topics: session.topics() as u64,
            users: session.users() as u64,
            queues: session.queues() as u64,
            users_not_followed: session.unfollowed() as u64,
            rows_unread: session.unread_rows().into(),
            rejected: session
                .rejected()
                .map(|(topic, reason)| (topic.to_string(), reason.to_owned()))
                .collect(),
            requests_last_minute: session.requests_last_minute(now(self.around.born)) as u64,
            requests_per_minute: settings.requests_per_minute.into(),
            open_conversations: calls.open_conversations() as u64,
            open_connections: calls.open_connections() as u64,
            snapshot_bytes: calls.snapshot_bytes() as u64,
            snapshot_bytes_limit: settings.snapshot_cache_bytes as u64,
        }
    }
}

/// What is known of calls at the beginning of a run: what the one before told of those that have not ended.
fn calls(around: &Surroundings, settings: &Settings, past: Option<&Past>, now: Now) -> Calls {
    let new = || {
        let rules = AttributeRules::new(&settings.attribute_allow, &settings.attribute_mask);
        Calls::with_rules(settings.snapshot_cache_bytes, rules)
    };
    let mut calls = new();
    let Some(past) = past.filter(|past| !past.legs.is_empty()) else {
        return calls;
    };
    // What is restored may be what led to a defect: it must not end every run that follows.
    let restored = std::panic::catch_unwind(AssertUnwindSafe(|| {
        around.provoke.at("restore");
        calls.handle_kept(&past.legs, now);
    }));
    if restored.is_ok() {
        around.log.write(
            LogLevel::Info,
            "calls",
            format_args!(
                "Going on with {} open calls from the journal",
                calls.open_conversations()
            ),
        );
        return calls;
    }
    around.counters.panics.one();
    around.log.write(
        LogLevel::Error,
        "calls",
        format_args!(
            "A defect in this library kept it from going on with the open calls of the journal; a new feed begins, which \
             voids what was open in the last one"
        ),
    );
    let message = "a defect in this library was contained (the log names its place); the open calls of the journal could \
                   not be gone on with, and a new feed begins";
    around.standing.begin_anew(&around.intake, message.into());
    new()
}

/// What the session is to know of the settings.
fn session_config(settings: &Settings, log: &Log) -> Config {
    let zone = settings.time_zone.resolve().unwrap_or_else(|(utc, line)| {
        log.warn("settings", format_args!("{line}"));
        utc
    });
    log.info(
        "settings",
        format_args!(
            "RestartTime is taken by the clock of {}",
            zone.iana_name().unwrap_or("this machine")
        ),
    );
    Config {
        requests_per_minute: settings.requests_per_minute,
        roster_interval: settings.roster_interval,
        overlap: settings.overlap,
        role: settings.role,
        quiet_call_read: settings.quiet_call_read,
        retry: settings.retry,
        restart: Some(DailyRestart {
            time: settings.restart_time,
            zone,
            role: settings.role,
        }),
        ..Config::default()
    }
}

/// Notifications that arrive together wake the host's thread once.
struct Burst<'a> {
    intake: &'a Intake,
    events: usize,
    /// When the first of the notifications that the events are from arrived.
    since: Duration,
}

impl<'a> Burst<'a> {
    /// A burst is ended by the first notification that arrives so long after its first one.
    const LONG: Duration = Duration::from_micros(100);

    const fn new(intake: &'a Intake) -> Self {
        Self {
            intake,
            events: 0,
            since: Duration::ZERO,
        }
    }

    fn offer_all(&mut self, events: impl Iterator<Item = Event>, arrived: Duration) {
        if self.events == 0 {
            self.since = arrived;
        }
        self.events += self.intake.offer_in_burst(events);
    }

    fn end_if_long(&mut self, now: Duration) {
        if self.events > 0 && now.saturating_sub(self.since) >= Self::LONG {
            self.end();
        }
    }

    fn end(&mut self) {
        self.intake.flush();
        self.events = 0;
    }
}

impl Drop for Burst<'_> {
    fn drop(&mut self) {
        if self.events > 0 {
            self.end();
        }
    }
}

/// Resolves when the session wants the socket closed.
async fn closed(commands: &mut mpsc::UnboundedReceiver<Command>) {
    while let Some(Command::Ping | Command::Unfollow(_)) = commands.recv().await {}
}

fn now(born: Instant) -> Now {
    Now {
        elapsed: born.elapsed(),
        utc: UtcMicros::read_clock(),
    }
}

/// A task panicked; what it said is in the log.
#[derive(Debug)]
struct Panicked;

/// Keeps a panic within its task.
async fn contained(task: impl Future<Output = ()>) -> Result<(), Panicked> {
    AssertUnwindSafe(task)
        .catch_unwind()
        .await
        .map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_lookup_that_hangs_does_not_use_up_the_time_of_a_stop() {
        let (release, held) = channel::<()>();
        let (entered, inside) = channel();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.spawn_blocking(move || {
            entered.send(()).unwrap();
            let _ = held.recv();
        });
        inside.recv().unwrap();
        let began = Instant::now();
        end(runtime, Duration::from_secs(30));
        assert!(began.elapsed() < Duration::from_secs(15));
        drop(release);
    }
}
