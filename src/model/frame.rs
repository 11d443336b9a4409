//! A frame of the notification websocket, cut and not read further.

/// One text frame, cut into its parts. All parts borrow from the frame's text.
///
/// The envelope is `{"topicName", "version", "eventBody", "metadata"}`; replies to requests on the socket have no
/// topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A notification on a topic that was subscribed, or that the platform sends unasked (`v2.system.*`).
    Notification(Notification<'a>),
    /// `channel.metadata`: the platform's heartbeat, every 30 s.
    Heartbeat,
    /// `channel.metadata`: the answer to a ping.
    Pong,
    /// A message on `channel.metadata` that is neither, or the reply to a request on the socket
    /// (`{"result":"200","status":"subscribed"}`): the text of it.
    Reply(&'a str),
}

/// A notification: its topic as the platform spelt it, and the untouched JSON text of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification<'a> {
    /// `topicName`, in the platform's spelling: compare without regard to case.
    pub topic: &'a str,
    /// The JSON text of `eventBody`; `null` if there was none. The cut checked its place, not its inside.
    pub body: &'a str,
    /// The JSON text of `metadata`, if any (`action` on station topics says `Associated` or `Disassociated`).
    pub metadata: Option<&'a str>,
}
