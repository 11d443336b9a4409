//! What the adapter is measured against: the same frames, read by the same websocket library, and then not looked at,
//! parsed into types, or parsed into a tree of values. A parse keeps no state, compares nothing, makes no event.

use std::hint::black_box;

use futures_util::StreamExt;
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
}

impl Floor {
    pub(crate) const ALL: [Self; 4] = [Self::Framing, Self::Typed, Self::Lean, Self::Tree];
}

/// A websocket that only reads, on a runtime of one thread.
pub(crate) struct Reader {
    runtime: tokio::runtime::Runtime,
    socket: WebSocketStream<TcpStream>,
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
        Self { runtime, socket }
    }

    /// Reads so many frames.
    pub(crate) fn read(&mut self, floor: Floor, frames: usize) {
        let socket = &mut self.socket;
        self.runtime.block_on(async {
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
                }
            }
        });
    }
}
