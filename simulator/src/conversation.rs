//! A conversation as it is: its participants, their legs and what became of them. How it is told is
//! [`body`](crate::body)'s, what makes it change is the [`world`](crate::world)'s.

use std::sync::Arc;

use crate::chance::Id;
use crate::time::Time;

/// A conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Its id.
    pub id: Id,
    /// The performance of a script that it belongs to.
    pub(crate) play: usize,
    /// When its first participant came.
    pub started: Time,
    /// When its last leg was over.
    pub ended: Option<Time>,
    /// The number that was dialed.
    pub address: String,
    /// Everybody who ever took part, in order of coming. Nobody is ever removed.
    pub participants: Vec<Participant>,
    /// Its transfers and consults, newest last.
    pub transfers: Vec<Transfer>,
    /// The conversations in which its agents consult somebody about it.
    pub consultations: Vec<Id>,
    /// The conversation about which this one consults.
    pub associated: Option<Id>,
    /// Objects that it touched, with the index of their division.
    pub touched: Vec<Touched>,
    /// Whether the recording runs.
    pub recording: Recording,
    /// The script that is played.
    pub script: &'static str,
    /// The participants who are in conference, while there is one.
    pub(crate) conference: Vec<usize>,
    /// Everybody who ever was.
    pub(crate) conferenced: Vec<usize>,
}

/// Something that a conversation touched, and so shares a division with.
#[derive(Debug, Clone)]
pub struct Touched {
    /// Index of the division.
    pub division: usize,
    /// Path of its kind in REST: `users`, `flows`, `routing/queues`.
    pub path: &'static str,
    /// What.
    pub id: Id,
    /// When.
    pub at: Time,
}

/// A party, or one attempt to make somebody a party.
#[derive(Debug, Clone)]
pub struct Participant {
    /// Its id.
    pub id: Id,
    /// What it is here for.
    pub purpose: Purpose,
    /// Its name.
    pub name: String,
    /// When it came.
    pub started: Time,
    /// Index of the user who it is.
    pub user: Option<usize>,
    /// Index of the queue that it is, or that brought it.
    pub queue: Option<usize>,
    /// Its own address.
    pub address: String,
    /// Who calls, as it sees it.
    pub ani: String,
    /// Who is called, as it sees it.
    pub dnis: String,
    /// Data attached to it, in order of first setting.
    pub attributes: Vec<(&'static str, Arc<str>)>,
    /// The wrap-up that was given.
    pub wrapup: Option<Wrapup>,
    /// Its calls, newest last. Who only has a callback has none.
    pub legs: Vec<Leg>,
    /// Its callbacks, newest last.
    pub callbacks: Vec<Callback>,
    /// The consult that it asked for: until it is over, and after that if the call went to whom it asked.
    pub consult: Option<Consult>,
    /// Whom it observes.
    pub observes: Option<Observation>,
    /// Whether the last body with it has been shown.
    pub told: bool,
}

/// A party asks another one about the call.
#[derive(Debug, Clone, Copy)]
pub struct Consult {
    /// Whom.
    pub with: Consulted,
    /// Whether it goes on.
    pub is_open: bool,
}

/// Whom a party consults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consulted {
    /// This participant of the same conversation.
    Participant(Id),
    /// Whoever is in this other conversation.
    Conversation(Id),
}

/// What a supervisor does about another participant.
#[derive(Debug, Clone, Copy)]
pub struct Observation {
    /// What.
    pub how: Observing,
    /// Whose call it is about.
    pub participant: Id,
    /// Since when.
    pub since: Time,
}

/// The ways to take part in somebody else's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observing {
    /// Hears all, is heard by nobody.
    Monitors,
    /// Is heard by the agent only.
    Coaches,
    /// Is heard by all.
    Barges,
}

/// A promise to call somebody, or a preview of somebody to be called.
#[derive(Debug, Clone)]
pub struct Callback {
    /// The communication id.
    pub id: Id,
    /// How it is.
    pub state: State,
    /// How it began.
    pub initial: State,
    /// Which way the call will go, as its party sees it.
    pub direction: Direction,
    /// For when it was promised.
    pub scheduled: Option<Time>,
    /// When its party took it.
    pub connected: Option<Time>,
    /// When it was over.
    pub disconnected: Option<Time>,
    /// Why.
    pub cause: Option<Cause>,
    /// The number to call.
    pub number: String,
    /// The name of whom to call.
    pub name: String,
    /// Where it comes from, if a dialer shows it to an agent before the call.
    pub preview: Option<Preview>,
}

/// What a dialer knows of somebody to be called.
#[derive(Debug, Clone, Copy)]
pub struct Preview {
    /// Its own id.
    pub id: Id,
    /// Whom to call.
    pub contact: Id,
    /// The list that they are on.
    pub contact_list: Id,
    /// The campaign.
    pub campaign: Id,
}

/// What a participant is here for: the platform's `purpose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The party outside, who called.
    Customer,
    /// The party outside, who was called.
    External,
    /// A flow.
    Ivr,
    /// A queue.
    Acd,
    /// A voicemail box.
    Voicemail,
    /// A dialer that calls by itself.
    Dialer,
    /// A campaign for which a dialer calls.
    Campaign,
    /// A user, for a queue.
    Agent,
    /// A user, for nobody.
    User,
}

/// A call leg of a participant.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The communication id.
    pub id: Id,
    /// The leg at the other side.
    pub peer: Option<Id>,
    /// Which way it was set up, as its party sees it.
    pub direction: Direction,
    /// How it is.
    pub state: State,
    /// How it began.
    pub initial: State,
    /// When it was answered.
    pub connected: Option<Time>,
    /// When it was over for media.
    pub disconnected: Option<Time>,
    /// Why.
    pub cause: Option<Cause>,
    /// Since when it is on hold.
    pub held: Option<Time>,
    /// Whether its party cannot be heard.
    pub muted: bool,
    /// Whether its party is apart and hears music.
    pub confined: bool,
    /// When it was last parked.
    pub parked: Option<Time>,
    /// When it was taken back after that.
    pub resumed: Option<Time>,
    /// Whether it is recorded.
    pub recording: Recording,
    /// Whether its recording pauses for a secret.
    pub secure_pause: bool,
    /// Whether its party has to work on after it.
    pub after_call_work_required: bool,
    /// That work.
    pub after_call_work: AfterCallWork,
    /// What it did, from when to when.
    pub segments: Vec<Segment>,
    /// What the network said of its end.
    pub reason: Option<(&'static str, u16, &'static str)>,
    /// What a dialer heard of whoever answered.
    pub disposition: Option<&'static str>,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To this party.
    Inbound,
    /// From it.
    Outbound,
}

/// The state of a leg, in the platform's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its party's device rings.
    Alerting,
    /// It is being dialed.
    Dialing,
    /// Its user's station is being called.
    Contacting,
    /// It is offered to a system party.
    Offering,
    /// A callback is to come.
    Scheduled,
    /// Answered.
    Connected,
    /// Over.
    Disconnected,
    /// Over, and put away.
    Terminated,
}

/// Why a leg ended: the platform's `disconnectType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its party outside hung up.
    Endpoint,
    /// Its user hung up.
    Client,
    /// The other side hung up.
    Peer,
    /// It was transferred.
    Transfer,
    /// It was transferred after a consult.
    TransferConsult,
    /// It was forwarded before anyone answered.
    TransferForward,
    /// It went elsewhere since nobody answered.
    TransferNoAnswer,
    /// It rang too long.
    Timeout,
    /// The platform ended it.
    System,
    /// It could not be set up.
    Error,
    /// Nothing could be reached there.
    TransportFailure,
}

/// Whether something is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// No.
    None,
    /// Yes.
    Active,
    /// Not for the moment.
    Paused,
}

/// The work of an agent after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterCallWork {
    /// There is none yet, or never will be.
    None,
    /// There was none to do.
    Skipped(Time),
    /// Since then.
    Pending(Time),
    /// From when to when.
    Complete(Time, Time),
}

/// A code that an agent gave to a call.
#[derive(Debug, Clone, Copy)]
pub struct Wrapup {
    /// Index of the code.
    pub code: usize,
    /// How long it took, in seconds.
    pub seconds: i64,
    /// When it was given.
    pub at: Time,
}

/// A transfer, or a consult that may become one.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Its id.
    pub id: Id,
    /// Whether the party who asked for it speaks to the other one first.
    pub attended: bool,
    /// How far it is.
    pub state: TransferState,
    /// When it was asked for.
    pub at: Time,
    /// Index of the user who asked for it.
    pub by: Option<usize>,
    /// Index of the user to whom it goes.
    pub to: Option<usize>,
    /// The address to which it goes.
    pub address: String,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferState {
    /// The other party has not answered.
    Pending,
    /// They speak about it.
    Active,
    /// Done.
    Complete,
    /// It did not happen.
    Canceled,
}

/// What a leg did for a while. Only REST tells it.
#[derive(Debug, Clone)]
pub struct Segment {
    /// `Alert`, `Interact`, `Hold`, …
    pub kind: &'static str,
    /// From.
    pub from: Time,
    /// To.
    pub to: Option<Time>,
    /// How it ended: the kind of the next, or `Disconnect`.
    pub how: Option<&'static str>,
}

impl Purpose {
    /// The platform's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::External => "external",
            Self::Ivr => "ivr",
            Self::Acd => "acd",
            Self::Voicemail => "voicemail",
            Self::Dialer => "dialer",
            Self::Campaign => "campaign",
            Self::Agent => "agent",
            Self::User => "user",
        }
    }

    /// Whether a person speaks there.
    #[must_use]
    pub const fn is_person(self) -> bool {
        matches!(
            self,
            Self::Customer | Self::External | Self::Agent | Self::User
        )
    }

    /// Whether it is the party outside.
    #[must_use]
    pub const fn is_outside(self) -> bool {
        matches!(self, Self::Customer | Self::External)
    }
}

impl Direction {
    /// The platform's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl State {
    /// The platform's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alerting => "alerting",
            Self::Dialing => "dialing",
            Self::Contacting => "contacting",
            Self::Offering => "offering",
            Self::Scheduled => "scheduled",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Terminated => "terminated",
        }
    }

    /// What a segment in this state is called.
    const fn segment(self) -> &'static str {
        match self {
            Self::Alerting => "Alert",
            Self::Dialing => "Dialing",
            Self::Contacting => "Contacting",
            _ => "System",
        }
    }
}

impl Cause {
    /// The word in notifications, and on the legs of REST conversations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Client => "client",
            Self::Peer => "peer",
            Self::Transfer => "transfer",
            Self::TransferConsult => "transfer.consult",
            Self::TransferForward => "transfer.forward",
            Self::TransferNoAnswer => "transfer.noanswer",
            Self::Timeout => "timeout",
            Self::System => "system",
            Self::Error => "error",
            Self::TransportFailure => "transport.failure",
        }
    }

    /// The word on the participants of flat REST answers, whose list lacks some.
    #[must_use]
    pub const fn flat_in_rest(self) -> &'static str {
        match self {
            Self::Timeout => "other",
            known => known.word(),
        }
    }
}

impl Recording {
    /// The word in notifications, on legs and in flat REST answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }

    /// The word on REST conversations and of recorders.
    #[must_use]
    pub const fn capitals(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Active => "ACTIVE",
            Self::Paused => "PAUSED",
        }
    }
}

impl TransferState {
    /// The word in notifications.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Complete => "complete",
            Self::Canceled => "canceled",
        }
    }

    /// The word in REST.
    #[must_use]
    pub const fn in_rest(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Complete => "Complete",
            Self::Canceled => "Canceled",
        }
    }
}

impl Callback {
    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.disconnected.is_none()
    }
}

impl Participant {
    /// Its newest call.
    #[must_use]
    pub fn leg(&self) -> Option<&Leg> {
        self.legs.last()
    }

    /// Its newest call, to change it.
    #[must_use]
    pub fn leg_mut(&mut self) -> Option<&mut Leg> {
        self.legs.last_mut()
    }

    /// Its newest callback.
    #[must_use]
    pub fn callback(&self) -> Option<&Callback> {
        self.callbacks.last()
    }

    /// Whether a call or a callback of it is not over for media.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.legs.iter().any(Leg::is_open) || self.callbacks.iter().any(Callback::is_open)
    }

    /// Whether media flows on its newest call.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.leg().is_some_and(Leg::is_connected)
    }

    /// Whether nothing more can become of its calls and callbacks.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.legs.iter().all(Leg::is_over)
            && (self.callbacks.iter()).all(|callback| callback.state == State::Terminated)
    }

    /// Whether it works on after a call.
    #[must_use]
    pub fn works(&self) -> bool {
        (self.legs.iter()).any(|leg| matches!(leg.after_call_work, AfterCallWork::Pending(_)))
    }

    /// The states of its calls and callbacks, to change them.
    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        let legs = self.legs.iter_mut().map(|leg| &mut leg.state);
        legs.chain(
            self.callbacks
                .iter_mut()
                .map(|callback| &mut callback.state),
        )
    }

    /// When its newest call was answered; of whom has none, its callback.
    #[must_use]
    pub fn connected(&self) -> Option<Time> {
        match self.leg() {
            Some(leg) => leg.connected,
            None => self.callback()?.connected,
        }
    }

    /// When its newest call was over; of whom has none, its callback.
    #[must_use]
    pub fn disconnected(&self) -> Option<Time> {
        match self.leg() {
            Some(leg) => leg.disconnected,
            None => self.callback()?.disconnected,
        }
    }

    /// Whether it hears the call without being a party to it.
    #[must_use]
    pub fn is_observer(&self) -> bool {
        (self.observes).is_some_and(|observation| observation.how != Observing::Barges)
    }

    /// Whether a person speaks there and is heard by the others.
    #[must_use]
    pub fn talks(&self) -> bool {
        self.purpose.is_person()
            && !self.is_observer()
            && (self.leg()).is_some_and(|leg| {
                leg.is_connected() && leg.held.is_none() && !leg.confined && !leg.is_parked()
            })
    }
}

impl Leg {
    /// A leg that begins.
    #[must_use]
    pub fn new(id: Id, peer: Option<Id>, direction: Direction, initial: State, now: Time) -> Self {
        Self {
            id,
            peer,
            direction,
            state: initial,
            initial,
            connected: None,
            disconnected: None,
            cause: None,
            held: None,
            muted: false,
            confined: false,
            parked: None,
            resumed: None,
            recording: Recording::None,
            secure_pause: false,
            after_call_work_required: false,
            after_call_work: AfterCallWork::None,
            segments: vec![Segment {
                kind: initial.segment(),
                from: now,
                to: None,
                how: None,
            }],
            reason: None,
            disposition: None,
        }
    }

    /// Whether media may still flow or begin to.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.disconnected.is_none()
    }

    /// Whether media flows.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.is_open() && self.connected.is_some()
    }

    /// Whether it is parked.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.is_open() && self.parked.is_some() && self.resumed.is_none()
    }

    /// The state in the forms that know of parking.
    #[must_use]
    pub fn flat_state(&self) -> &'static str {
        if self.is_parked() {
            "parked"
        } else {
            self.state.word()
        }
    }

    /// Whether nothing more can become of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Terminated
            && !matches!(self.after_call_work, AfterCallWork::Pending(_))
    }

    /// Begins a segment; the one before it ends with it.
    pub fn segment(&mut self, kind: &'static str, now: Time) {
        self.end_segment(kind, now);
        self.segments.push(Segment {
            kind,
            from: now,
            to: None,
            how: None,
        });
    }

    /// Ends the segment that runs.
    pub fn end_segment(&mut self, how: &'static str, now: Time) {
        if let Some(last) = self.segments.last_mut()
            && last.to.is_none()
        {
            last.to = Some(now);
            last.how = Some(how);
        }
    }
}

impl Conversation {
    /// Whether a call or a callback is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.participants.iter().any(Participant::is_open)
    }

    /// Whether there is a call in it, or was.
    #[must_use]
    pub fn has_calls(&self) -> bool {
        (self.participants.iter()).any(|participant| !participant.legs.is_empty())
    }

    /// Whether the recording pauses for a secret.
    #[must_use]
    pub fn secure_pause(&self) -> bool {
        (self.participants.iter())
            .flat_map(|participant| &participant.legs)
            .any(|leg| leg.secure_pause)
    }

    /// The party outside, the newest if there are several.
    #[must_use]
    pub fn outside(&self) -> Option<usize> {
        self.participants
            .iter()
            .rposition(|participant| participant.purpose.is_outside())
    }

    /// The participant with this leg.
    #[must_use]
    pub fn participant_of_leg(&self, leg: Id) -> Option<&Participant> {
        (self.participants.iter())
            .find(|participant| participant.legs.iter().any(|of| of.id == leg))
    }

    /// How many people talk to one another.
    #[must_use]
    pub fn talkers(&self) -> usize {
        (self.participants.iter())
            .filter(|participant| participant.talks())
            .count()
    }
}
