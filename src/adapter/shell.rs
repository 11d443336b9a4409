//! The loop around the machines: carries out what `session` orders, feeds it and `calls` with what comes, and passes on
//! what they tell.
//!
//! One lock holds both machines. A frame goes from its socket through the cut and `calls` into the queue of `delivery`
//! on the thread that read it: no hand-over between tasks, no copy. The lock is held for microseconds and never over an
//! await. Orders of the session become tasks, each with an end of its own in time.
//!
//! A panic in any task ends the machines of that run, and only them: the supervisor reports it, waits, and begins anew
//! in a new feed, because what was open in the old one can no longer be told.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::provoke::Provoke;
use super::standing::Standing;
use crate::calls::{AttributeRules, Calls, Heard, Novelty};
use crate::cloud::{Inbound, Uncut, Wire, cut, cut_whole, socket_event};
use crate::delivery::Intake;
use crate::model::event::Event;
use crate::model::feed::{Feed, Scope, Why};
use crate::model::frame::{Frame, Notification};
use crate::model::id::ChannelId;
use crate::model::log::LogLevel;
use crate::model::order::{FailureKind, Order, OrderId, Reply, Request, SocketEvent, SocketId};
use crate::model::time::{Now, UtcMicros};
use crate::observe::status::RegionFigures;
use crate::observe::{Counters, Log, panics};
use crate::session::{Config, Notice, Session};
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

/// The most that a farewell to the platform may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The running network side of an adapter.
pub(super) struct Shell {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    current: Arc<Mutex<Option<Arc<Run>>>>,
}

/// What a run of the machines needs from outside.
pub(super) struct Surroundings {
    pub(super) settings: Arc<Settings>,
    pub(super) wire: Wire,
    pub(super) intake: Intake,
    pub(super) standing: Arc<Standing>,
    pub(super) log: Log,
    pub(super) counters: Arc<Counters>,
    pub(super) provoke: Arc<Provoke>,
    /// The zero of [`Now::elapsed`].
    pub(super) born: Instant,
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
        let (around, runs) = (Arc::new(surroundings), Arc::clone(&current));
        runtime.spawn(async move {
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
            stop,
            current,
        })
    }

    /// How the region looks from here.
    pub(super) fn figures(&self) -> RegionFigures {
        let current = self
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        current.map_or_else(RegionFigures::default, |run| run.figures())
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
        // What is still under way is cut off; a name lookup that hangs in the system keeps its thread until it returns.
        self.runtime
            .shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

/// Runs the machines, and anew after a panic, until the adapter is stopped.
async fn supervise(
    surroundings: Arc<Surroundings>,
    current: Arc<Mutex<Option<Arc<Run>>>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let run = Arc::new(Run::new(Arc::clone(&surroundings)));
        *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&run));
        surroundings.provoke.at("supervisor");
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = run.drive(&mut tasks) => {}
            // An error says that the shell itself is gone.
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        tasks.shutdown().await;
        surroundings.counters.panics.one();
        if began.elapsed() > STABLE {
            pause = FIRST_PAUSE;
        }
        surroundings.standing.tell(
            &surroundings.intake,
            Feed::Down,
            Why::Internal,
            Scope::default(),
            "a defect in this library was contained (the log names its place); connecting anew in a new feed".into(),
        );
        surroundings.intake.begin_feed();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
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
    sockets: HashMap<SocketId, OpenSocket>,
    /// Those that nothing is heard of any more, because the adapter stops.
    left: Vec<OpenSocket>,
    /// A panic went through: nothing here is to be used any more.
    is_broken: bool,
}

struct OpenSocket {
    channel: ChannelId,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the session wants of a socket that is open.
enum Command {
    Ping,
    Close,
}

/// Work that the driver starts.
enum Task {
    Request {
        id: OrderId,
        what: Request,
    },
    Socket {
        socket: SocketId,
        channel: ChannelId,
        commands: mpsc::UnboundedReceiver<Command>,
    },
}

impl Run {
    fn new(around: Arc<Surroundings>) -> Self {
        let settings = &around.settings;
        let config = Config {
            requests_per_minute: settings.requests_per_minute,
            roster_interval: settings.roster_interval,
            // Two adapters that lost the same link must not come back in step.
            seed: std::hash::BuildHasher::hash_one(
                &std::hash::RandomState::new(),
                &settings.adapter_name,
            ),
        };
        let now = now(around.born);
        let machines = Machines {
            session: Session::new(config, now),
            calls: Calls::with_rules(
                settings.snapshot_cache_bytes,
                AttributeRules::new(&settings.attribute_allow, &settings.attribute_mask),
            ),
            sockets: HashMap::new(),
            left: Vec::new(),
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
            let work = self.take_orders(&mut machines);
            self.pass_on(&mut machines, now);
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

    fn take_orders(&self, machines: &mut Machines) -> Vec<Task> {
        let mut work = Vec::new();
        while let Some(order) = machines.session.poll_order() {
            match order {
                Order::Request { id, what } => work.push(Task::Request { id, what }),
                Order::OpenSocket { socket, channel } => {
                    let (sender, commands) = mpsc::unbounded_channel();
                    machines.sockets.insert(
                        socket,
                        OpenSocket {
                            channel: channel.clone(),
                            commands: sender,
                        },
                    );
                    work.push(Task::Socket {
                        socket,
                        channel,
                        commands,
                    });
                }
                Order::Ping { socket } => {
                    if let Some(open) = machines.sockets.get(&socket) {
                        // A task that has ended has told so.
                        let _ = open.commands.send(Command::Ping);
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
        let Machines { session, calls, .. } = machines;
        while let Some(notice) = session.poll_notice() {
            match notice {
                Notice::Users(users) => calls.handle_users(&users, now),
                Notice::Queues(queues) => calls.handle_queues(&queues),
                Notice::Stations(stations) => calls.handle_stations(&stations),
                Notice::UsersRemoved(users) => calls.handle_users_removed(&users),
                Notice::TopicsFlowing { .. } => {}
                Notice::TopicsInterrupted { users, queues, .. } => {
                    self.around.counters.reconnects.one();
                    calls.handle_interruption(&users, &queues);
                }
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
            Task::Request { id, what } => {
                self.around.counters.requests.one();
                let reply = self.around.wire.request(what).await;
                if matches!(&reply, Reply::Failed(failure) if failure.kind == FailureKind::RateLimited)
                {
                    self.around.counters.rate_limited.one();
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
                commands,
            } => self.listen(socket, &channel, commands).await,
        }
    }

    /// Opens a socket and reads it to its end.
    async fn listen(
        &self,
        id: SocketId,
        channel: &ChannelId,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let opened = tokio::select! {
            opened = self.around.wire.open_socket(channel) => opened,
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
        machines
            .session
            .handle_socket(id, SocketEvent::Activity, now);
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
                let mut heard = calls.handle_notification(&notification, now);
                if heard == Heard::Unreadable {
                    heard = reread(calls, text, &notification, now);
                }
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
            Heard::Read | Heard::Unchanged | Heard::Stale | Heard::Irrelevant => {}
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

    fn hang_up(&self) {
        let machines = &mut *self.machines();
        machines
            .left
            .extend(machines.sockets.drain().map(|(_, open)| open));
    }

    /// Closes the sockets and takes the topics off their channels: there is no way to delete a channel.
    async fn take_leave(&self) {
        self.hang_up();
        let left = std::mem::take(&mut self.machines().left);
        let farewells = left
            .into_iter()
            .map(|OpenSocket { channel, commands }| async move {
                // One that has ended needs no farewell.
                let _ = commands.send(Command::Close);
                let unsubscribed = self.around.wire.request(Request::Unsubscribe { channel });
                tokio::join!(unsubscribed, commands.closed());
            });
        futures_util::future::join_all(farewells).await;
    }

    fn figures(&self) -> RegionFigures {
        let machines = self.machines();
        let (session, calls) = (&machines.session, &machines.calls);
        RegionFigures {
            channels: session.channels() as u64,
            sockets: session.sockets() as u64,
            topics: session.topics() as u64,
            users: session.users() as u64,
            queues: session.queues() as u64,
            users_not_followed: session.unfollowed() as u64,
            rejected: session
                .rejected()
                .map(|(topic, reason)| (topic.to_string(), reason.to_owned()))
                .collect(),
            requests_last_minute: session.requests_last_minute(now(self.around.born)) as u64,
            open_conversations: calls.open_conversations() as u64,
            open_connections: calls.open_connections() as u64,
            snapshot_bytes: calls.snapshot_bytes() as u64,
        }
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

/// The cut takes a body's place from the envelope's usual shape; one of another shape is read whole.
fn reread(calls: &mut Calls, text: &str, first: &Notification<'_>, now: Now) -> Heard {
    match cut_whole(text) {
        Ok(Frame::Notification(notification)) if notification.body != first.body => {
            calls.handle_notification(&notification, now)
        }
        _ => Heard::Unreadable,
    }
}

/// Resolves when the session wants the socket closed.
async fn closed(commands: &mut mpsc::UnboundedReceiver<Command>) {
    while let Some(Command::Ping) = commands.recv().await {}
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
