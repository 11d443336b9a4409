//! The websocket of a channel.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::model::order::Failure;

/// What came on a websocket. Each of them is a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A text frame, for [`cut`](super::cut).
    Text(Utf8Bytes),
    /// A binary frame, which the platform never sends: its length. To be counted and left.
    Binary(usize),
    /// A ping or pong of the websocket itself; a ping is answered without the caller's doing.
    Control,
}

/// An open websocket.
#[derive(Debug)]
pub struct Socket {}

impl Socket {
    /// The next frame. Loses nothing when it is dropped before it ends, so it can stand in a `select!`; waits for
    /// ever, as only the session knows how long silence may last.
    ///
    /// # Errors
    /// When the socket ended: closed by the platform, or broken. It is of no use after that.
    pub async fn next(&mut self) -> Result<Inbound, Failure> {
        std::future::pending().await
    }

    /// Sends `{"message":"ping"}`, which the platform answers with a text frame.
    ///
    /// # Errors
    /// When the socket ended or takes nothing more.
    pub async fn ping(&mut self) -> Result<(), Failure> {
        std::future::pending().await
    }

    /// Says farewell and closes, within [`Limits::send`](super::Limits::send).
    pub async fn close(self) {}
}
