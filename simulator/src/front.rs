//! The front: puts a region on a port, with HTTP, websockets and, if wanted, TLS.
//!
//! Thin on purpose: it carries requests and frames between sockets and the [`Region`], tells it the time, and knows
//! nothing of what they mean. Each running region has threads of its own, so that it can be started from any test.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Query, State};
use axum::http::{HeaderMap, StatusCode, header, request};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use axum::serve::Listener;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::Certificate;
use crate::channel::SocketId;
use crate::region::{NEVER, Region, RegionConfig, Request, Response, SocketInput, Transmit};
use crate::time::Time;

/// The largest body that is read at all; injected frames may be large, the platform's own limit is the region's.
const MOST_BODY_BYTES: usize = 64 << 20;
/// A client that lets so many frames wait is cut off.
const MOST_WAITING_FRAMES: usize = 1 << 20;
/// How long a client may take to answer a close frame, or to finish a TLS handshake.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection on which nothing passes is held: longer than any client waits.
const SILENCE: Duration = Duration::from_secs(600);

/// How a region is put on a port.
#[derive(Debug, Clone)]
pub struct FrontConfig {
    /// The region. Its connect URIs and the start of its world are set by the front.
    pub region: RegionConfig,
    /// 0: a free one.
    pub port: u16,
    /// With a certificate made for this run.
    pub tls: bool,
    /// The name under which clients reach it, in its certificate too; `None`: its address.
    pub name: Option<String>,
    /// The only address that may connect; others are cut off and counted ([`Running::strangers`]).
    pub only_from: Option<IpAddr>,
}

impl FrontConfig {
    /// On a free port, without TLS.
    #[must_use]
    pub fn new(region: RegionConfig) -> Self {
        Self {
            region,
            port: 0,
            tls: false,
            name: None,
            only_from: None,
        }
    }
}

/// A region that runs. Dropped, it stops: the port is closed and every connection breaks.
#[derive(Debug)]
pub struct Running {
    /// `http://127.0.0.1:PORT`, or https.
    pub base_url: String,
    /// The first OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The certificate authority that a client has to trust (PEM), with TLS.
    pub tls_ca: Option<String>,
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    door: Arc<Door>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Running {
    /// The line that the program prints when it is ready.
    #[must_use]
    pub fn ready(&self) -> Value {
        let mut ready = json!({
            "base_url": self.base_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "port": self.address.port(),
        });
        if let Some(ca) = &self.tls_ca {
            ready["tls_ca"] = json!(ca);
        }
        ready
    }

    /// Looks at, or changes, the running region from within the process: the truth, a fault, a script.
    pub fn with_region<T>(&self, act: impl FnOnce(&mut Region, Time) -> T) -> T {
        self.shared.input(act)
    }

    /// How many connections came from where none may come from.
    #[must_use]
    pub fn strangers(&self) -> u64 {
        self.door.strangers.load(Ordering::Relaxed)
    }

    /// How many connections were let in.
    #[must_use]
    pub fn guests(&self) -> u64 {
        self.door.guests.load(Ordering::Relaxed)
    }

    /// Stops it. Connections break, as they do when a region's front dies.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not a blocking shutdown: this may run on a thread of somebody else's runtime.
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a region and returns when it listens.
///
/// # Errors
/// The port is taken, or the system refuses threads or a certificate cannot be made.
pub fn serve(mut config: FrontConfig) -> io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("gca-region")
        .enable_all()
        .build()?;
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let certificate = config
        .tls
        .then(|| Certificate::for_loopback(config.name.as_deref()))
        .transpose()?;
    let door = Arc::new(Door {
        only_from: config.only_from,
        ..Door::default()
    });
    let origin = match &config.name {
        Some(name) => format!("{name}:{}", address.port()),
        None => address.to_string(),
    };
    let secure = if config.tls { "s" } else { "" };

    let clock = Clock::starting_now();
    config.region.world.start = clock.start;
    config.region.stream_url = format!("ws{secure}://{origin}");
    let region = Region::new(config.region);
    let client = region
        .clients()
        .first()
        .cloned()
        .ok_or_else(|| io::Error::other("the region has no client"))?;

    let shared = Arc::new(Shared {
        inside: Mutex::new(Inside {
            region,
            outlets: HashMap::new(),
        }),
        clock,
        changed: Notify::new(),
    });
    let app = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&shared));
    let acceptor = certificate
        .as_ref()
        .map(|certificate| certificate.acceptor.clone());
    runtime.spawn(drive(Arc::clone(&shared)));
    let at_door = Arc::clone(&door);
    runtime.spawn(async move {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tell("the region cannot listen", &error),
        };
        let served = match acceptor {
            None => axum::serve(Plain(listener, at_door), app).await,
            Some(acceptor) => axum::serve(Secure::new(listener, at_door, acceptor), app).await,
        };
        if let Err(error) = served {
            tell("the region stopped listening", &error);
        }
    });
    Ok(Running {
        base_url: format!("http{secure}://{origin}"),
        client_id: client.id,
        client_secret: client.secret,
        tls_ca: certificate.map(|certificate| certificate.authority_pem),
        address,
        shared,
        door,
        runtime: Some(runtime),
    })
}

fn tell(what: &str, error: &io::Error) {
    eprintln!("gca-region: {what}: {error}");
}

/// The wall's time when the region started, and a clock that never goes back.
#[derive(Debug)]
struct Clock {
    start: Time,
    began: Instant,
}

impl Clock {
    fn starting_now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let start = Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Self {
            start,
            began: Instant::now(),
        }
    }

    fn now(&self) -> Time {
        Time(self.start.0 + i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// How long until the region's time is `due`.
    fn until(&self, due: Time) -> Duration {
        let since_start = u64::try_from(due.0 - self.start.0).unwrap_or_default();
        Duration::from_millis(since_start).saturating_sub(self.began.elapsed())
    }
}

#[derive(Debug)]
struct Shared {
    inside: Mutex<Inside>,
    clock: Clock,
    /// The region got an input, so that its next timeout may have changed.
    changed: Notify,
}

#[derive(Debug)]
struct Inside {
    region: Region,
    outlets: HashMap<SocketId, mpsc::Sender<Transmit>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        // A panic inside the region fails the test that caused it; the others may still read the truth.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the region an input and carries its outputs away.
    fn input<T>(&self, act: impl FnOnce(&mut Region, Time) -> T) -> T {
        let mut inside = self.lock();
        // What is due goes out first: an answer may take long to be made, and be about what was sent.
        inside.region.handle_timeout(self.clock.now());
        self.carry(&mut inside);
        let answer = act(&mut inside.region, self.clock.now());
        self.carry(&mut inside);
        drop(inside);
        self.changed.notify_one();
        answer
    }

    fn carry(&self, inside: &mut Inside) {
        while let Some((socket, what)) = inside.region.poll_transmit() {
            let last = matches!(what, Transmit::Close { .. } | Transmit::Cut);
            let kept = inside
                .outlets
                .get(&socket)
                .is_some_and(|outlet| outlet.try_send(what).is_ok());
            if last {
                inside.outlets.remove(&socket);
            } else if !kept && inside.outlets.remove(&socket).is_some() {
                inside
                    .region
                    .handle_socket(socket, SocketInput::Closed, self.clock.now());
            }
        }
    }
}

/// Lets the region's time pass.
async fn drive(shared: Arc<Shared>) {
    loop {
        let wait = {
            let mut inside = shared.lock();
            inside.region.handle_timeout(shared.clock.now());
            shared.carry(&mut inside);
            inside
                .region
                .poll_timeout()
                .map(|due| shared.clock.until(due))
        };
        // A millisecond is the region's unit of time; without it a due time that is not quite reached would spin.
        let wait = wait
            .unwrap_or(Duration::from_secs(3_600))
            .max(Duration::from_millis(1));
        // No time limit but the next timeout itself: a new input may only bring it nearer.
        _ = timeout(wait, shared.changed.notified()).await;
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    request: axum::extract::Request,
) -> HttpResponse {
    let (mut parts, body) = request.into_parts();
    let upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection> =
        WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    if let Ok(upgrade) = upgrade {
        return match open(shared, &parts, upgrade) {
            Ok(upgraded) => upgraded,
            Err(refused) => in_time(refused).await,
        };
    }
    let body = match timeout(
        Duration::from_secs(60),
        axum::body::to_bytes(body, MOST_BODY_BYTES),
    )
    .await
    {
        Ok(Ok(body)) => body.to_vec(),
        _ => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map(|query| query.0)
        .unwrap_or_default();
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query,
        authorization: text_of(&parts.headers, header::AUTHORIZATION),
        content_type: text_of(&parts.headers, header::CONTENT_TYPE),
        body,
        program: 0,
    };
    let response = shared.input(|region, now| region.handle_request(&request, now));
    in_time(response).await
}

/// Keeps an answer back as long as the region says. One that never comes waits until the client has left.
async fn in_time(response: Response) -> HttpResponse {
    if response.after_ms == NEVER {
        std::future::pending::<()>().await;
    }
    if let Ok(wait @ 1..) = u64::try_from(response.after_ms) {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    http(response)
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn http(response: Response) -> HttpResponse {
    let mut built = axum::http::Response::builder().status(response.status);
    if !response.body.is_empty() {
        built = built.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in response.headers {
        built = built.header(name, value);
    }
    built
        .body(Body::from(response.body))
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn open(
    shared: Arc<Shared>,
    parts: &request::Parts,
    upgrade: WebSocketUpgrade,
) -> Result<HttpResponse, Response> {
    let (outlet, frames) = mpsc::channel(MOST_WAITING_FRAMES);
    let opened = {
        let mut inside = shared.lock();
        let opened = inside
            .region
            .open_socket(parts.uri.path(), shared.clock.now());
        if let Ok(socket) = opened {
            inside.outlets.insert(socket, outlet);
        }
        shared.carry(&mut inside);
        opened
    };
    shared.changed.notify_one();
    let socket = opened?;
    let failed = Arc::clone(&shared);
    Ok(upgrade
        .on_failed_upgrade(move |_| {
            failed.input(|region, now| region.handle_socket(socket, SocketInput::Closed, now))
        })
        .on_upgrade(move |websocket| async move {
            converse(&shared, socket, websocket, frames).await;
            shared.lock().outlets.remove(&socket);
            shared.input(|region, now| region.handle_socket(socket, SocketInput::Closed, now));
        }))
}

/// Carries frames both ways until one side ends it.
async fn converse(
    shared: &Shared,
    socket: SocketId,
    websocket: WebSocket,
    mut frames: mpsc::Receiver<Transmit>,
) {
    let (mut sink, mut stream) = websocket.split();
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            count = frames.recv_many(&mut waiting, 256) => {
                if count == 0 {
                    return;
                }
                for frame in waiting.drain(..) {
                    let message = match frame {
                        Transmit::Text(text) => Message::Text((&*text).into()),
                        Transmit::Binary(bytes) => Message::Binary(bytes.to_vec().into()),
                        Transmit::Cut => {
                            // What was handed over before counts as sent.
                            _ = timeout(PATIENCE, sink.flush()).await;
                            return;
                        }
                        Transmit::Silence => {
                            _ = timeout(PATIENCE, sink.flush()).await;
                            // Neither read nor written, nor closed: no byte passes.
                            tokio::time::sleep(SILENCE).await;
                            return;
                        }
                        Transmit::Close { code, reason } => {
                            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
                            if let Ok(Ok(())) = timeout(PATIENCE, sink.send(close)).await {
                                let rest = async { while let Some(Ok(_)) = stream.next().await {} };
                                _ = timeout(PATIENCE, rest).await;
                            }
                            return;
                        }
                    };
                    if sink.feed(message).await.is_err() {
                        return;
                    }
                }
                if sink.flush().await.is_err() {
                    return;
                }
            }
            message = stream.next() => {
                let input = match message {
                    Some(Ok(Message::Text(text))) => SocketInput::Text(text.as_str().to_owned()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => SocketInput::Other,
                };
                shared.input(|region, now| region.handle_socket(socket, input, now));
            }
        }
    }
}

/// Connections without TLS.
struct Plain(TcpListener, Arc<Door>);

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        accept(&self.0, &self.1).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Who may come in, and who came.
#[derive(Debug, Default)]
struct Door {
    only_from: Option<IpAddr>,
    strangers: AtomicU64,
    guests: AtomicU64,
}

impl Door {
    fn lets_in(&self, address: SocketAddr) -> bool {
        let is_guest = self.only_from.is_none_or(|only| only == address.ip());
        let counter = if is_guest {
            &self.guests
        } else {
            &self.strangers
        };
        counter.fetch_add(1, Ordering::Relaxed);
        is_guest
    }
}

async fn accept(listener: &TcpListener, door: &Door) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((_, address)) if !door.lets_in(address) => {}
            Ok((stream, address)) => {
                // Notifications are small and must not wait for each other.
                _ = stream.set_nodelay(true);
                return (stream, address);
            }
            // Out of file descriptors, or the client was gone already: try again a little later.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Connections with TLS; handshakes do not wait for each other.
struct Secure {
    address: io::Result<SocketAddr>,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Secure {
    fn new(listener: TcpListener, door: Arc<Door>, acceptor: TlsAcceptor) -> Self {
        let (done, ready) = mpsc::channel(64);
        let address = listener.local_addr();
        tokio::spawn(async move {
            loop {
                let (stream, address) = accept(&listener, &door).await;
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await {
                        _ = done.send((stream, address)).await;
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task ends only with the runtime.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address
            .as_ref()
            .copied()
            .map_err(|error| error.kind().into())
    }
}
