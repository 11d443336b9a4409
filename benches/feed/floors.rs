//! What the adapter is measured against: the same frames, read by the same websocket library, and then not looked at,
//! parsed into types, or parsed into a tree of values. A parse keeps no state, compares nothing, makes no event; one of the
//! floors hands on as many as the adapter does, with nothing in them.

use std::hint::black_box;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use futures_util::StreamExt;
use genesys_cloud_adapter::ffi::abi::gca_event;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{lean, model};

/// What is done with each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floor {
    /// Nothing.
    Framing,
    /// A parse into types that hold the whole published model of a conversation.
    Typed,
    /// A parse into types that hold only what the adapter reads.
    Lean,
    /// A parse into `serde_json::Value`.
    Tree,
    /// The parse into types, and then as many events as the adapter tells of the same frames: empty ones, handed to
    /// another thread, which calls a C function with each.
    Told,
}

impl Floor {
    pub(crate) const ALL: [Self; 5] = [
        Self::Framing,
        Self::Typed,
        Self::Lean,
        Self::Tree,
        Self::Told,
    ];
}

/// What the other thread is handed.
enum Handed {
    /// An empty event of the size of the library's own, and when its frame was read.
    Event { read: Instant, _event: [u64; 18] },
    /// All are there: it is asked for the microseconds that each was on its way.
    All(Sender<Vec<i64>>),
}

/// Calls a C function with each event.
fn call_back(handed: &Receiver<Handed>) {
    extern "C" fn host(event: *const gca_event) -> u32 {
        black_box(event);
        0
    }
    let host: extern "C" fn(*const gca_event) -> u32 = black_box(host);
    let flat = [0_u64; size_of::<gca_event>() / size_of::<u64>()];
    let mut times = Vec::new();
    for handed in handed {
        match handed {
            Handed::Event { read, .. } => {
                times.push(i64::try_from(read.elapsed().as_micros()).unwrap_or(i64::MAX));
                // As the library does: a flat struct of its own for each.
                let event = black_box(flat);
                host(event.as_ptr().cast());
            }
            Handed::All(asker) => asker.send(std::mem::take(&mut times)).expect("the asker"),
        }
    }
}

/// A websocket that only reads, on a runtime of one thread.
pub(crate) struct Reader {
    runtime: tokio::runtime::Runtime,
    socket: WebSocketStream<TcpStream>,
    events: Sender<Handed>,
}

impl Reader {
    pub(crate) fn connect(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let socket = runtime.block_on(async {
            let stream = TcpStream::connect(("127.0.0.1", port))
                .await
                .expect("the pump");
            stream.set_nodelay(true).expect("an option of TCP");
            let (socket, _) = client_async(format!("ws://127.0.0.1:{port}/floor"), stream)
                .await
                .expect("a websocket");
            socket
        });
        let (events, handed) = channel();
        std::thread::spawn(move || call_back(&handed));
        Self {
            runtime,
            socket,
            events,
        }
    }

    /// Reads so many frames. Of each so many events are told, if the floor tells any; returns the microseconds that each was
    /// on its way.
    pub(crate) fn read(&mut self, floor: Floor, frames: usize, events: usize) -> Vec<i64> {
        let Self {
            runtime,
            socket,
            events: to,
        } = self;
        runtime.block_on(async {
            for _ in 0..frames {
                let message = socket.next().await.expect("a frame").expect("no error");
                let text = message.to_text().expect("text");
                match floor {
                    Floor::Framing => {
                        black_box(text);
                    }
                    Floor::Typed => {
                        let parsed: Result<model::Notification<'_>, _> = serde_json::from_str(text);
                        black_box(parsed.expect("a notification"));
                    }
                    Floor::Lean => {
                        let parsed: Result<lean::Notification<'_>, _> = serde_json::from_str(text);
                        black_box(parsed.expect("a notification"));
                    }
                    Floor::Tree => {
                        let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
                        black_box(parsed.expect("JSON"));
                    }
                    Floor::Told => {
                        let read = Instant::now();
                        let parsed: Result<model::Notification<'_>, _> = serde_json::from_str(text);
                        black_box(parsed.expect("a notification"));
                        for _ in 0..events {
                            let _event = [0; 18];
                            to.send(Handed::Event { read, _event }).expect("a thread");
                        }
                    }
                }
            }
        });
        let (asker, answer) = channel();
        to.send(Handed::All(asker)).expect("a thread");
        answer.recv().expect("its times")
    }
}
