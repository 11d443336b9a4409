//! Everything that happens in the region. No I/O, no clock: [`World::poll_timeout`] says when something happens next,
//! [`World::handle_timeout`] lets it happen, [`World::poll_shown`] hands out what the platform would publish, in order.
//! The rest is what REST answers from, and the truth.
//!
//! Whose topics show a conversation, and how long. A **user's** topics show it from the moment that the user is offered
//! it (or dials out) until their part is over: all their legs terminated and their after-call work done; the body that
//! shows this is the last, unless they come back. A **queue's** topics show it as long as a participant that *is* the
//! queue (`acd`, or its `voicemail` box) or that the queue brought (`agent`) is not over in that sense: so it sees the
//! talk and the after-call work of its own agents, and not those of the next queue. What happens while no user and no queue takes part (a
//! caller in the menu) is on no topic, as on the platform; it stays readable in later bodies and by REST.
//!
//! | file          | what it is                                                                       |
//! |---------------|----------------------------------------------------------------------------------|
//! | `stage`       | plays scripts: casts users and queues, one step after the other                  |
//! | `legs`        | what becomes of participants and legs; what the platform does by itself          |
//! | `outbound`    | calls to the outside: dialed, promised, placed by a dialer                       |
//! | `together`    | consults, conferences, supervisors                                               |
//! | `floor`       | the agents: how each is, who is free                                             |
//! | `history`     | how each agent was, and when                                                     |
//! | `days`        | what agents do between calls                                                     |
//! | `connection`  | the connections that their stations keep open between calls                      |
//! | `oblivion`    | what is long over is forgotten                                                   |
//! | `roster`      | users and queues that come, go and are called otherwise                          |
//! | `publication` | who is shown a conversation, and which acts a body shows for the first time      |
//!
//! Acts and bodies: whatever one act changes is in one body per topic, published at once; acts never wait to be merged.

mod connection;
mod days;
mod floor;
mod history;
mod legs;
mod oblivion;
mod outbound;
mod publication;
mod roster;
mod stage;
mod together;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::body;
use crate::chance::{Chance, Id};
use crate::conversation::{Cause, Conversation};
use crate::numbered::Numbered;
use crate::organization::Organization;
use crate::repertoire::REPERTOIRE;
use crate::script::Script;
use crate::time::{Millis, Time};
use crate::truth::{Act, Kind, Truth};

pub use connection::Connection;
pub use floor::{Agent, RoutingStatus, presence_word};
pub use history::{History, Spell};
pub use roster::{RosterChange, RosterChanged};

/// What world there is.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// How many users the organization has.
    pub users: usize,
    /// How many queues.
    pub queues: usize,
    /// How many calls begin in a minute (of the world's clock, whatever the pace). 0: only those that are asked for.
    pub calls_per_minute: f64,
    /// The same seed and configuration give the same world.
    pub seed: u64,
    /// When it begins.
    pub start: Time,
    /// How many times faster than in life calls and agents' days go by. 1 is life; 10 makes a call of a minute last
    /// six seconds.
    pub pace: f64,
    /// How long an agent stays in one presence, on average, in minutes of life. 0: nobody ever changes theirs.
    pub minutes_per_presence: f64,
    /// How long a caller waits for an agent, in seconds of life, before giving up.
    pub patience: u32,
    /// The share of agents' legs that keep the state `connected` during after-call work, as the platform's do at times.
    pub connected_during_after_call_work: f64,
    /// The scripts, instead of the whole repertoire.
    pub scripts: &'static [Script],
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            users: 200,
            queues: 8,
            calls_per_minute: 240.0,
            seed: 7,
            // 2026-11-22T10:00:00Z
            start: Time(1_795_341_600_000),
            pace: 10.0,
            minutes_per_presence: 25.0,
            patience: 180,
            connected_during_after_call_work: 0.35,
            scripts: REPERTOIRE,
        }
    }
}

/// One notification body that the platform publishes.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The expanded topic: `v2.users.{id}.conversations.calls`.
    pub topic: Arc<str>,
    /// The `eventBody`, as JSON text.
    pub body: Arc<str>,
    /// What `metadata.action` says, where it says something.
    pub metadata_action: Option<&'static str>,
    /// The acts that this topic shows for the first time with this body.
    pub acts: Vec<u64>,
    /// When it is published.
    pub at: Time,
}

/// A script with this name is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScript {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<&'static str>,
}

impl std::fmt::Display for UnknownScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "no script is called {:?}; use one of: {}",
            self.name,
            self.known.join(", ")
        )
    }
}

impl std::error::Error for UnknownScript {}

/// The world of a region. Methods come in four kinds: `poll_timeout`, `handle_timeout`, `play` and `change_roster` make
/// it go on;
/// `poll_shown` takes out what is published; `…_page`, `organization`, `station`, `conversation`, `call_conversation`
/// and `conversation_details` answer REST reads; `truth`, `mark_sent` and `forget` keep the books. After
/// `handle_timeout`, `play` or `change_roster`, take out everything shown.
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    now: Time,
    organization: Organization,
    agents: Vec<Agent>,
    histories: Vec<History>,
    /// Agents to whom something happened that may concern the connection of their station.
    stirred: Vec<usize>,
    conversations: Numbered<Conversation>,
    conversation_by_id: HashMap<Id, usize>,
    publications: Numbered<publication::Publication>,
    plays: Numbered<stage::Play>,
    /// Plays that wait for an agent, in the order in which they began to.
    waiting: Vec<usize>,
    /// Somebody became free since the waiting plays were last looked at.
    freed: bool,
    agenda: BinaryHeap<Reverse<(Time, u64, Due)>>,
    agenda_count: u64,
    deck: Vec<usize>,
    decks: u64,
    shown: VecDeque<Shown>,
    truth: Truth,
    arrivals: Chance,
    days: Chance,
    /// Who sits down where, and whose connection breaks.
    moves: Chance,
    ids: Chance,
    /// Who comes and goes.
    roster: Chance,
}

/// A participant, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    conversation: usize,
    participant: usize,
}

/// Something that is going to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The next call begins.
    Call,
    /// A play goes on with its next step.
    Step { play: usize },
    /// The caller of a play that still waits at this step gives up.
    PatienceEnds { play: usize, at: usize },
    /// A leg is answered by a system party.
    Connects(Place),
    /// A leg ends.
    Ends { place: Place, cause: Cause },
    /// The legs that are disconnected are put away: `terminated`.
    PutAway { conversation: usize },
    /// After-call work ends with a wrap-up code.
    AfterCallWorkEnds { place: Place, code: usize },
    /// An agent does something else.
    Day { user: usize },
    /// An agent who did not respond is back.
    Responds { user: usize },
    /// The connection of an agent's station breaks, if it is still the one that was opened then.
    ConnectionFails { user: usize, since: Time },
}

impl World {
    /// A world at its beginning: users at work, no calls.
    #[must_use]
    pub fn new(config: WorldConfig) -> Self {
        let organization = Organization::new(config.seed, config.users, config.queues);
        let mut world = Self {
            now: config.start,
            histories: vec![History::default(); organization.users.len()],
            organization,
            agents: Vec::with_capacity(config.users),
            stirred: Vec::new(),
            conversations: Numbered::default(),
            conversation_by_id: HashMap::new(),
            publications: Numbered::default(),
            plays: Numbered::default(),
            waiting: Vec::new(),
            freed: false,
            agenda: BinaryHeap::new(),
            agenda_count: 0,
            deck: Vec::new(),
            decks: 0,
            shown: VecDeque::new(),
            truth: Truth::default(),
            arrivals: Chance::new(config.seed, "arrivals"),
            days: Chance::new(config.seed, "days"),
            moves: Chance::new(config.seed, "moves"),
            ids: Chance::new(config.seed, "ids"),
            roster: Chance::new(config.seed, "roster"),
            config,
        };
        world.begin_days();
        world.expect_call();
        world
    }

    /// When something happens next; `None` if nothing ever will.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.agenda.peek().map(|Reverse((time, ..))| *time)
    }

    /// Lets everything happen that is due by `now`, each act at its own time.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(Reverse((due, ..))) = self.agenda.peek()
            && *due <= now
        {
            let Some(Reverse((time, _, due))) = self.agenda.pop() else {
                break;
            };
            self.now = time.max(self.now);
            self.happen(due);
        }
        self.now = now.max(self.now);
    }

    /// The next body that the platform publishes.
    pub fn poll_shown(&mut self) -> Option<Shown> {
        self.shown.pop_front()
    }

    /// Plays a script now. The conversation with the returned id begins at once, or when an agent is free where an
    /// agent begins it.
    ///
    /// # Errors
    ///
    /// No script has this name.
    pub fn play(&mut self, script: &str, now: Time) -> Result<Id, UnknownScript> {
        let found = self
            .config
            .scripts
            .iter()
            .find(|known| known.name == script);
        let Some(found) = found else {
            let known = self.config.scripts.iter().map(|known| known.name).collect();
            return Err(UnknownScript {
                name: script.to_owned(),
                known,
            });
        };
        self.handle_timeout(now);
        let play = self.begin_play(found);
        self.settle();
        Ok(self.conversation_of_play(play))
    }

    /// The scripts that can be played.
    #[must_use]
    pub fn scripts(&self) -> &'static [Script] {
        self.config.scripts
    }

    /// Everything that happened so far.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// A frame that shows these acts on `topic` went to a live, subscribed socket of the program.
    pub fn mark_sent(&mut self, acts: &[u64], topic: &str, program: u32) {
        self.truth.sent(acts, topic, program);
    }

    /// What time it is in the world: the latest that it was told, or something happened.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Who and what there is.
    #[must_use]
    pub fn inventory(&self) -> &Organization {
        &self.organization
    }

    /// A user's agent state, by the user's index.
    #[must_use]
    pub fn agent(&self, user: usize) -> Option<&Agent> {
        self.agents.get(user)
    }

    /// Every conversation there ever was and that is not forgotten.
    #[must_use]
    pub fn conversations(&self) -> &Numbered<Conversation> {
        &self.conversations
    }

    /// `GET /api/v2/organizations/me`: `Organization`.
    #[must_use]
    pub fn organization(&self) -> Value {
        body::listing::organization(&self.organization)
    }

    /// `GET /api/v2/users`: `UserEntityListing`. `ids`: only these, where some are named.
    #[must_use]
    pub fn users_page(
        &self,
        page_size: usize,
        page_number: usize,
        expand: &[&str],
        ids: &[&str],
    ) -> Value {
        body::listing::users(self, page_size, page_number, expand, ids)
    }

    /// `GET /api/v2/routing/queues`: `QueueEntityListing`. `ids`: only these, where some are named.
    #[must_use]
    pub fn queues_page(&self, page_size: usize, page_number: usize, ids: &[&str]) -> Value {
        body::listing::queues(self, page_size, page_number, ids)
    }

    /// `GET /api/v2/routing/queues/{id}/members`: `QueueMemberEntityListing`; `None` if there is no such queue.
    #[must_use]
    pub fn queue_members_page(
        &self,
        queue: &str,
        page_size: usize,
        page_number: usize,
    ) -> Option<Value> {
        let queue = self.organization.queue(Id::parse(queue)?)?;
        body::listing::queue_members(self, queue, page_size, page_number)
    }

    /// `GET /api/v2/stations`: `StationEntityListing`. `ids`: only these, where some are named.
    #[must_use]
    pub fn stations_page(&self, page_size: usize, page_number: usize, ids: &[&str]) -> Value {
        body::listing::stations(self, page_size, page_number, ids)
    }

    /// `GET /api/v2/stations/{id}`: `Station`; `None` if there is no such station.
    #[must_use]
    pub fn station(&self, id: &str) -> Option<Value> {
        body::listing::one_station(self, Id::parse(id)?)
    }

    /// `GET /api/v2/conversations/{id}`: `Conversation`; `None` if there is no such conversation.
    #[must_use]
    pub fn conversation(&self, id: &str) -> Option<Value> {
        self.find(id).map(|conversation| {
            body::rest::nested(&self.organization, conversation, self.alerting())
        })
    }

    /// `GET /api/v2/conversations/calls/{id}`: `CallConversation`; `None` if there is no such conversation.
    #[must_use]
    pub fn call_conversation(&self, id: &str) -> Option<Value> {
        self.find(id)
            .map(|conversation| body::rest::flat(&self.organization, conversation, self.alerting()))
    }

    /// `AnalyticsConversationWithoutAttributes`, one of those that `GET /api/v2/analytics/conversations/details` answers;
    /// `None` if there is no such conversation.
    #[must_use]
    pub fn conversation_details(&self, id: &str) -> Option<Value> {
        self.find(id)
            .map(|conversation| body::analytics::details(&self.organization, conversation))
    }

    /// When something happened last to a conversation that is not forgotten.
    pub(crate) fn last_act(&self, id: Id) -> Option<Time> {
        self.publications
            .get(*self.conversation_by_id.get(&id)?)?
            .last_act()
    }

    fn find(&self, id: &str) -> Option<&Conversation> {
        self.conversations
            .get(*self.conversation_by_id.get(&Id::parse(id)?)?)
    }

    /// How long a device alerts at most, at this world's pace.
    fn alerting(&self) -> Millis {
        self.paced(Millis(8_000))
    }

    fn expect(&mut self, after: Millis, due: Due) {
        self.agenda_count += 1;
        self.agenda
            .push(Reverse((self.now + after, self.agenda_count, due)));
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Call => {
                if let Some(script) = self.draw_script() {
                    self.begin_play(script);
                }
                self.expect_call();
            }
            Due::Step { play } => self.go_on(play),
            Due::PatienceEnds { play, at } => self.give_up(play, at),
            Due::Connects(place) => {
                self.connect(place);
                self.publish(place.conversation);
            }
            Due::Ends { place, cause } => self.end_legs(&[place], cause),
            Due::PutAway { conversation } => self.put_away(conversation),
            Due::AfterCallWorkEnds { place, code } => self.end_after_call_work(place, code),
            Due::Day { user } => self.live(user),
            Due::Responds { user } => self.respond_again(user),
            Due::ConnectionFails { user, since } => self.fail_connection(user, since),
        }
        self.settle();
    }

    /// Lets the calls that wait look for agents in a moment, if some became free, and looks after the connections of all who did something.
    fn settle(&mut self) {
        if std::mem::take(&mut self.freed) && !self.waiting.is_empty() {
            let after = self.moment(10, 50);
            for play in std::mem::take(&mut self.waiting) {
                self.expect(after, Due::Step { play });
            }
        }
        self.tend_connections();
    }

    fn expect_call(&mut self) {
        let rate = self.config.calls_per_minute;
        if rate > 0.0 && !self.config.scripts.is_empty() {
            let mean = 60_000.0 / rate;
            let after = Millis(((0.5 + self.arrivals.unit()) * mean) as i64);
            self.expect(after, Due::Call);
        }
    }

    /// The next script: first each once; then from decks in which each is as often as its weight says, and at least
    /// once, so that a run of a few dozen calls has seen them all.
    fn draw_script(&mut self) -> Option<&'static Script> {
        if self.deck.is_empty() {
            let scripts = self.config.scripts;
            let weights: u32 = scripts.iter().map(|script| script.weight).sum();
            for (at, script) in scripts.iter().enumerate() {
                let cards = if self.decks == 0 {
                    1
                } else {
                    (script.weight * 40 / weights.max(1)).max(1)
                };
                self.deck.extend((0..cards).map(|_| at));
            }
            self.decks += 1;
            self.arrivals.shuffle(&mut self.deck);
        }
        self.deck.pop().and_then(|at| self.config.scripts.get(at))
    }

    /// A length of life, at this world's pace.
    fn paced(&self, length: Millis) -> Millis {
        let pace = if self.config.pace > 0.0 {
            self.config.pace
        } else {
            1.0
        };
        Millis(((length.0 as f64 / pace) as i64).max(1))
    }

    /// Writes down an act that has to do with no conversation, but with a user.
    fn write_of_user(&mut self, kind: Kind, user: usize, detail: &str) -> u64 {
        let user = self.organization.users.get(user).map(|user| user.id);
        self.truth.write(Act {
            act: 0,
            time: self.now,
            kind,
            conversation: None,
            participant: None,
            communication: None,
            user,
            queue: None,
            purpose: None,
            cause: None,
            detail: Some(detail.to_owned()),
            topics: Vec::new(),
            sent: Vec::new(),
            sent_to: 0,
            script: None,
        })
    }
}
