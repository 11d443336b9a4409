//! What the adapter is measured against: the same frames, read by the same websocket library, and then not looked at,
//! parsed into types, or parsed into a tree of values.

use std::borrow::Cow;
use std::hint::black_box;

use futures_util::StreamExt;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};

/// What is done with each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floor {
    /// Nothing.
    Framing,
    /// A parse into types that hold what the adapter reads.
    Typed,
    /// A parse into `serde_json::Value`.
    Tree,
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
                        let parsed: Result<Envelope<'_>, _> = serde_json::from_str(text);
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

/// A notification, as far as the adapter reads it. Ids, times and words of the platform hold no escapes and are
/// borrowed; texts of people are copied only if they do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Envelope<'a> {
    topic_name: &'a str,
    #[serde(borrow)]
    event_body: Conversation<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
#[allow(dead_code)]
struct Conversation<'a> {
    id: &'a str,
    #[serde(borrow)]
    participants: Vec<Participant<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)]
struct Participant<'a> {
    id: &'a str,
    purpose: Option<&'a str>,
    user_id: Option<&'a str>,
    queue_id: Option<&'a str>,
    connected_time: Option<&'a str>,
    end_time: Option<&'a str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    calls: Vec<Call<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)]
struct Call<'a> {
    id: &'a str,
    state: Option<&'a str>,
    direction: Option<&'a str>,
    disconnect_type: Option<&'a str>,
    peer_id: Option<&'a str>,
    provider: Option<&'a str>,
    connected_time: Option<&'a str>,
    disconnected_time: Option<&'a str>,
    start_hold_time: Option<&'a str>,
    held: Option<bool>,
    muted: Option<bool>,
    confined: Option<bool>,
    secure_pause: Option<bool>,
    #[serde(rename = "self", borrow)]
    own: Option<Address<'a>>,
    #[serde(borrow)]
    other: Option<Address<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)]
struct Address<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    address_normalized: Cow<'a, str>,
    #[serde(borrow)]
    address_raw: Cow<'a, str>,
}
