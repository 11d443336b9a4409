//! The language in which the story of a call is written. A script is data; the world interprets it.
//!
//! ```
//! use gca_region::script::{Line::*, Party::*, Script, Step::*, lasts};
//!
//! const INBOUND: Script = Script {
//!     name: "inbound",
//!     story: "A customer passes the menu, waits in a queue and talks to an agent.",
//!     weight: 30,
//!     steps: &[
//!         CallsIn(Customer),
//!         EntersMenu,
//!         lasts(3, 8),
//!         JoinsQueue(FirstQueue),
//!         OfferedTo(Agent),
//!         lasts(1, 4),
//!         Answers(Agent),
//!         lasts(20, 90),
//!         HangsUp(Customer),
//!     ],
//! };
//! ```
//!
//! A story may be about two conversations: [`Step::TurnsTo`] says which one the following steps are about, and a party
//! means that user in that conversation.
//!
//! Times are seconds of a real call; the world's `pace` shortens them all. Steps follow one another; only
//! [`Step::WorksAfterCall`] goes on beside what follows it, since the rest of a call does not wait for it.
//! What the platform does by itself is not written: a queue's leg ends when an agent answers, the last party that is
//! left alone is disconnected, routing status follows the call, an agent is taken by the call and given back.
//! A step that cannot happen (who is not on the line answers) ends the story there: the platform disconnects everybody.

/// The story of a call.
#[derive(Debug)]
pub struct Script {
    /// By what it is asked for and counted.
    pub name: &'static str,
    /// The story in one line.
    pub story: &'static str,
    /// How often it is played, beside the weights of the others.
    pub weight: u32,
    /// What happens, in order.
    pub steps: &'static [Step],
}

/// Somebody with a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The party outside.
    Customer,
    /// The user who is cast first. The same word later means the same user.
    Agent,
    /// Another user.
    SecondAgent,
    /// Yet another one.
    ThirdAgent,
    /// A user who takes part in the calls of others.
    Supervisor,
}

/// A conversation of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// The one that the story begins with.
    FirstCall,
    /// Another one.
    SecondCall,
}

/// Why somebody cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// They speak already.
    Busy,
    /// Nothing answers there.
    Unreachable,
}

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// The queue that is cast first.
    FirstQueue,
    /// Another queue, where the organization has two.
    SecondQueue,
}

/// One sentence of a story.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The party outside dials in: the conversation begins.
    CallsIn(Party),
    /// The call is answered by a flow (IVR).
    EntersMenu,
    /// The call leaves flow or queue for this queue.
    JoinsQueue(Line),
    /// The queue offers the call to a user, who alerts. The call waits for one who is free, and its caller gives up
    /// after a while. A user who was offered the call before is offered it again, as a new participant.
    OfferedTo(Party),
    /// The alerting or dialed party answers.
    Answers(Party),
    /// The alerting user refuses.
    Refuses(Party),
    /// The alerting user does nothing until the time to alert is over, and is then not responding.
    DoesNotAnswer(Party),
    /// A user dials out, on behalf of a queue or for nobody. The called party dials until it answers.
    DialsOut(Party, Option<Line>),
    /// The dialed party cannot be called; the call is over.
    CannotBeReached(Party, Trouble),
    /// The flow transfers the call to a user, for no queue; they alert.
    RingsAt(Party),
    /// The alerting user does not answer, and the call goes on to another one.
    RollsOverTo(Party, Party),
    /// The alerting user has their calls forwarded to another one, where it goes on.
    ForwardsTo(Party, Party),
    /// The call leaves flow or queue for the voicemail box of this queue.
    JoinsVoicemail(Line),
    /// Puts the call on hold.
    Holds(Party),
    /// Puts the call on hold where nothing is recorded on hold, until it is taken back.
    HoldsUnrecorded(Party),
    /// Takes it back.
    Retrieves(Party),
    /// Is set apart, and hears music.
    IsConfined(Party),
    /// Is back.
    IsReleased(Party),
    /// Parks the call.
    Parks(Party),
    /// Takes it back from there.
    Unparks(Party),
    /// Closes the microphone.
    Mutes(Party),
    /// Opens it again.
    Unmutes(Party),
    /// Stops the recording for a secret of the customer (secure pause).
    PausesSecurely(Party),
    /// Lets it go on.
    ResumesRecording(Party),
    /// Data is attached to the customer's participant.
    Attaches(&'static str, &'static str),
    /// Transfers the call to a user without speaking to them; they alert.
    TransfersTo(Party, Party),
    /// Transfers the call to a queue.
    TransfersToQueue(Party, Line),
    /// Asks a colleague about the call, in the same conversation: the call is on hold for the asking party, the colleague
    /// alerts.
    Consults(Party, Party),
    /// Asks a colleague about the call, in a conversation of its own, which the story turns to: the call is on hold for the
    /// asking party, the colleague alerts.
    ConsultsApart(Party, Party),
    /// The party who asked leaves the call to the colleague.
    CompletesConsult(Party),
    /// The party who asked goes back to the call without the colleague.
    CancelsConsult(Party),
    /// The party who asked brings all together.
    JoinsConsult(Party),
    /// Calls a colleague into the call, who alerts.
    AddsParty(Party, Party),
    /// Calls a colleague, who alerts, in the conversation that the story is about.
    Calls(Party, Party),
    /// What follows is about this conversation.
    TurnsTo(Call),
    /// A supervisor hears the call of a user.
    Monitors(Party, Party),
    /// A supervisor speaks to that user alone.
    Coaches(Party, Party),
    /// A supervisor speaks to all.
    BargesIn(Party, Party),
    /// The party outside is promised a call: the conversation begins.
    AsksForCallback(Party),
    /// A dialer has somebody whom an agent is to look at before the call: the conversation begins.
    IsPreviewed(Party),
    /// The time has come: the callback joins this queue.
    CallbackJoinsQueue(Line),
    /// The queue offers the callback to a user.
    CallbackOfferedTo(Party),
    /// The user takes it.
    TakesCallback(Party),
    /// The user calls whoever was promised it. The called party dials until it answers.
    CallsBack(Party, Party),
    /// A dialer calls the party outside by itself: the conversation begins.
    DialerCalls(Party),
    /// The same, for a campaign that runs without agents at first.
    CampaignCalls(Party),
    /// The dialer heard what answered.
    Classifies(&'static str),
    /// Leaves the call. Whoever is left alone is disconnected.
    HangsUp(Party),
    /// After-call work, from the moment that the party's leg is over; ends with this wrap-up code.
    WorksAfterCall(Party, Span, &'static str),
    /// Gives a wrap-up code at once.
    WrapsUp(Party, &'static str),
    /// Time passes.
    Lasts(Span),
}

/// A length of time is drawn from this range, in seconds of a real call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// At least.
    pub from: u32,
    /// At most.
    pub to: u32,
}

/// From so many to so many seconds.
#[must_use]
pub const fn seconds(from: u32, to: u32) -> Span {
    Span { from, to }
}

/// Time passes: from so many to so many seconds.
#[must_use]
pub const fn lasts(from: u32, to: u32) -> Step {
    Step::Lasts(seconds(from, to))
}

impl Script {
    /// The step at `at`, if the story has not ended.
    pub(crate) fn step(&self, at: usize) -> Option<Step> {
        self.steps.get(at).copied()
    }

    /// Whether the story, from `at` on, has after-call work for `party`.
    pub(crate) fn works_after_call(&self, at: usize, party: Party) -> bool {
        self.steps
            .iter()
            .skip(at)
            .any(|step| matches!(step, Step::WorksAfterCall(who, ..) if *who == party))
    }

    /// Whether the story, from `at` on, offers the call to `party` again.
    pub(crate) fn offers_again(&self, at: usize, party: Party) -> bool {
        self.steps
            .iter()
            .skip(at)
            .any(|step| matches!(step, Step::OfferedTo(who) | Step::CallbackOfferedTo(who) if *who == party))
    }
}
