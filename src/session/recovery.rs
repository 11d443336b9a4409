//! Recovery: reads what the platform still tells of the time of a gap.
//!
//! Knows: which gaps have ended, what was read for each, what comes next. Does not know: what an answer says, beyond how
//! many rows a page has, which conversation each is about and when that ended. Input: gaps that ended, answers, the live
//! conversations. Output: requests, answers for `calls`, gaps of which all was read.
//!
//! Each gap is read twice: when it has ended, and once more when the platform's analytics have had their time to catch up.
//! What is read goes in four lanes, one request at a time in each, shared by all gaps that need the same:
//!
//! | lane      | reads                                                                   | first | second |
//! |-----------|-------------------------------------------------------------------------|-------|--------|
//! | `Details` | conversations that ended in the gap or go on, by analytics details       | yes   | yes    |
//! | `Users`   | presence, routing status and station of the gap's users                  | yes*  | start  |
//! | `Live`    | each conversation that `calls` then knows to go on, the newest first     | yes   | no     |
//! |           | each whose end the details told first, the last to end first (`single`)  | yes   | yes    |
//! | `History` | presences and routing statuses that the users had in the gap             | yes*  | yes    |
//!
//! (* not at the start, when the roster has just told them; of a downtime, which ends with the start, the history alone.)
//!
//! A lane that fails for want of a link or a token is asked again for as long as it takes. One that the platform refuses is
//! noted with its permission, and the gap goes without it. So it does when the platform fails at a read for hours (`patience`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::errand::{Errand, said};
use super::patience::{PATIENCE, Patience, TRIES};
use super::single::{PutOff, Single, Singles};
use super::sweep::{MOST_PAGES, Sweep, too_many_pages};
use crate::model::event::Source;
use crate::model::gap::{GapCause, GapId, GapRecord, Shortfall, ShortfallKind};
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::order::{
    BodyText, DetailsPage, Failure, FailureKind, Reply, Request, USERS_AT_ONCE,
};
use crate::model::roster::UserRecord;
use crate::model::time::{Now, UtcMicros};

/// Losses of several connections at once end one after the other: they are read together.
const SETTLE: Duration = Duration::from_secs(1);
/// How far the clock of this machine may be off that of the platform: what is read beyond a gap was told, and is told no
/// second time.
const CLOCKS_US: i64 = 5 * 60_000_000;
/// What was told of a call is known for a day after its end. Where others flowed meanwhile, what ended longer ago than this
/// is not read: it would be told a second time.
const KNOWN_FOR_US: i64 = 22 * 3_600_000_000;
/// What no read of the platform tells; EVENTS.md says so kind by kind.
const UNTOLD: &str = "No read tells when a party was muted, isolated or taken off a hold or a pause of the recording, which \
                      values an attribute had in between, and what became of persistent connections: of these, only how \
                      things stood when they were read";

/// Of a gap of which others flowed.
const UNKNOWN_BY_NOW: &str = "Calls that ended more than 22 hours before the end of the gap were not read: what was told of \
                              calls, as others showed them, is known for a day";

/// An answer for `calls`.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadBody {
    /// Users with their state, now.
    Users(Vec<UserRecord>),
    /// A conversation, as `GET /api/v2/conversations/{id}` tells it.
    Conversation {
        /// The answer.
        body: BodyText,
        /// When it was asked for: what a notification showed since may be newer.
        asked: Duration,
    },
    /// Conversations, as analytics details tell them.
    ConversationDetails(Vec<BodyText>),
    /// Presences and routing statuses that users had, as analytics details tell them.
    UserDetails(Vec<BodyText>),
}

/// A conversation that goes on, and whose topics show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCall {
    /// Which one.
    pub id: ConversationId,
    /// The users who take part in it.
    pub users: Vec<UserId>,
    /// Its queues.
    pub queues: Vec<QueueId>,
}

/// What recovery tells the session.
#[derive(Debug, PartialEq)]
pub(super) enum Output {
    /// An answer came, for these gaps.
    Read {
        gaps: BTreeSet<GapId>,
        what: ReadBody,
        source: Source,
    },
    /// An answer came that has nothing to tell.
    Nothing(BTreeSet<GapId>),
    /// The conversations that go on are to be named, for these gaps.
    AskLive(BTreeSet<GapId>),
    /// All of it was read, but for these.
    Done(GapId, Vec<Shortfall>),
    /// The platform does not know this conversation any more, and no topic has shown it for long.
    Gone(ConversationId),
    /// For the log.
    Refused(String),
}

/// A stream of reads, one at a time. In the order of their importance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Details,
    Users,
    Live,
    History,
}

impl Lane {
    pub(super) const ALL: [Self; 4] = [Self::Details, Self::Users, Self::Live, Self::History];

    /// What it does, for people.
    pub(super) const fn doing(self) -> &'static str {
        match self {
            Self::Details => "Reading the details of conversations",
            Self::Users => "Reading the state of users",
            Self::Live => "Reading a conversation",
            Self::History => "Reading the history of users",
        }
    }

    /// What the platform's documentation asks for it.
    const fn permission(self) -> &'static str {
        match self {
            Self::Details => "analytics:conversationDetail:view",
            Self::Users => "directory:user:view",
            Self::Live => "conversation:communication:view",
            Self::History => "analytics:userDetail:view",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// From then on it is read for the first time.
    Settling(Duration),
    First,
    /// From then on it is read for the second time.
    Waiting(Duration),
    Second,
    /// It was read twice, but for single conversations that ended in it.
    Late,
}

/// How far the reading of a gap has come.
#[derive(Debug)]
struct Progress {
    cause: GapCause,
    from: UtcMicros,
    /// From then on calls are read that ended in it.
    calls_from: UtcMicros,
    to: UtcMicros,
    ended: Duration,
    users: Arc<[UserId]>,
    queues: Arc<[QueueId]>,
    stage: Stage,
    /// When this pass began.
    begun: Duration,
    /// What is still to be read in this pass, for each lane.
    pending: [usize; 4],
    /// Conversations that ended in it and are still to be read one by one, in whichever pass.
    late: usize,
    shortfalls: Vec<Shortfall>,
    /// Conversations that the platform does not know, does not let us read, or told so that it could not be read.
    unknown: u64,
    forbidden: Option<(u64, String)>,
    unreadable: u64,
    /// Conversations that ended in it, and for which there was no time.
    unread: u64,
}

#[derive(Debug, Default)]
struct Details {
    errand: Errand,
    waiting: BTreeSet<GapId>,
    sweep: Option<(BTreeSet<GapId>, Sweep)>,
}

/// Users that are to be read, and for which gaps.
type Wanted = BTreeMap<UserId, BTreeSet<GapId>>;

#[derive(Debug, Default)]
struct Users {
    errand: Errand,
    wanted: Wanted,
    asked: Wanted,
}

#[derive(Debug, Default)]
struct History {
    errand: Errand,
    wanted: Wanted,
    asked: Wanted,
    page: u32,
    rows: usize,
}

/// The reading of all gaps.
#[derive(Debug)]
pub(super) struct Recovery {
    second_pass: Duration,
    gaps: BTreeMap<GapId, Progress>,
    details: Details,
    users: Users,
    singles: Singles,
    history: History,
    /// With each lane.
    patience: [Patience; 4],
    /// It was told that conversations may not be read.
    was_forbidden: bool,
    out: VecDeque<Output>,
}

impl Recovery {
    pub(super) fn new(second_pass: Duration, quiet_after: Duration) -> Self {
        Self {
            second_pass,
            gaps: BTreeMap::new(),
            details: Details::default(),
            users: Users::default(),
            singles: Singles::new(quiet_after),
            history: History::default(),
            patience: Default::default(),
            was_forbidden: false,
            out: VecDeque::new(),
        }
    }

    pub(super) fn set_quiet_after(&mut self, quiet_after: Duration, now: Now) {
        self.singles.set_quiet_after(quiet_after, now.elapsed);
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Whether something that was missed has not been read once. Who joined the roster was not missed; and single calls,
    /// which are read after all of them were, are spread over minutes and tell little more.
    pub(super) fn is_reading(&self) -> bool {
        let lanes = [Lane::Details, Lane::Users, Lane::History];
        self.gaps.values().any(|gap| {
            let is_first = match gap.stage {
                Stage::Settling(_) => true,
                Stage::First => lanes.iter().any(|lane| gap.pending[*lane as usize] > 0),
                Stage::Waiting(_) | Stage::Second | Stage::Late => false,
            };
            is_first && gap.cause != GapCause::Joined
        })
    }

    /// Reads that wait or are under way.
    pub(super) fn backlog(&self) -> usize {
        self.gaps
            .values()
            .flat_map(|gap| gap.pending)
            .sum::<usize>()
            .max(self.singles.len())
    }

    pub(super) fn errand(&mut self, lane: Lane) -> &mut Errand {
        match lane {
            Lane::Details => &mut self.details.errand,
            Lane::Users => &mut self.users.errand,
            Lane::Live => &mut self.singles.errand,
            Lane::History => &mut self.history.errand,
        }
    }

    /// A gap has ended.
    pub(super) fn begin(&mut self, record: &GapRecord, now: Now) {
        let to = record.to.unwrap_or(now.utc);
        let calls_from = match record.cause {
            GapCause::Start | GapCause::Lost | GapCause::Downtime => record.from,
            GapCause::Refused | GapCause::NoRoom | GapCause::Joined => {
                UtcMicros(to.0.saturating_sub(KNOWN_FOR_US)).max(record.from)
            }
        };
        let shortfalls = if calls_from > record.from {
            vec![Shortfall {
                kind: ShortfallKind::Unread,
                text: UNKNOWN_BY_NOW.into(),
            }]
        } else {
            Vec::new()
        };
        let progress = Progress {
            cause: record.cause,
            from: record.from,
            calls_from,
            to,
            ended: now.elapsed,
            users: Arc::clone(&record.users),
            queues: Arc::clone(&record.queues),
            stage: Stage::Settling(now.elapsed + SETTLE),
            begun: now.elapsed,
            pending: [0; 4],
            late: 0,
            shortfalls,
            unknown: 0,
            forbidden: None,
            unreadable: 0,
            unread: 0,
        };
        self.gaps.insert(record.id, progress);
    }

    /// Begins the passes whose time has come. Returns when the next one begins.
    pub(super) fn advance(&mut self, now: Now) -> Option<Duration> {
        let (expired, mut next) = self.singles.expire(now.elapsed);
        for single in expired {
            self.miss(&single, |gap| gap.unread += 1, now);
        }
        let ids: Vec<GapId> = self.gaps.keys().copied().collect();
        for id in ids {
            let Some(gap) = self.gaps.get_mut(&id) else {
                continue;
            };
            let (due, is_first) = match gap.stage {
                Stage::Settling(due) => (due, true),
                Stage::Waiting(due) => (due, false),
                Stage::First | Stage::Second | Stage::Late => continue,
            };
            if due > now.elapsed {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            // At the start the roster has just told how its users are; of the time before it their history is read.
            let of_users = !is_first || gap.cause != GapCause::Start;
            let once_more = match gap.cause {
                GapCause::Start => true,
                GapCause::Downtime => false,
                _ => is_first,
            };
            let count = gap.users.len();
            gap.stage = if is_first {
                Stage::First
            } else {
                Stage::Second
            };
            gap.begun = now.elapsed;
            gap.pending[Lane::Details as usize] = 1;
            // The question itself, which is asked after what the details tell.
            gap.pending[Lane::Live as usize] = 1;
            gap.pending[Lane::Users as usize] = if of_users && once_more { count } else { 0 };
            gap.pending[Lane::History as usize] = if of_users { count } else { 0 };
            self.details.waiting.insert(id);
            for user in gap.users.iter().filter(|_| of_users) {
                if once_more {
                    let wanted = self.users.wanted.entry(user.clone()).or_default();
                    wanted.insert(id);
                }
                let wanted = self.history.wanted.entry(user.clone()).or_default();
                wanted.insert(id);
            }
        }
        next
    }

    /// Whether the lane has something to ask, as far as its errand lets it.
    pub(super) fn wants(&self, lane: Lane) -> bool {
        match lane {
            Lane::Details => self.details.sweep.is_some() || !self.details.waiting.is_empty(),
            Lane::Users => !self.users.wanted.is_empty() || !self.users.asked.is_empty(),
            Lane::Live => self.singles.wants(),
            Lane::History => !self.history.wanted.is_empty() || !self.history.asked.is_empty(),
        }
    }

    /// What the lane asks next: the same again, if it failed.
    pub(super) fn request(&mut self, lane: Lane) -> Option<Request> {
        match lane {
            Lane::Details => self.details_request(),
            Lane::Users => {
                if self.users.asked.is_empty() {
                    self.users.asked = take_some(&mut self.users.wanted);
                }
                let ids: Vec<UserId> = self.users.asked.keys().cloned().collect();
                (!ids.is_empty()).then_some(Request::UsersById { ids })
            }
            Lane::Live => {
                let id = self.singles.next()?.clone();
                Some(Request::Conversation { id })
            }
            Lane::History => {
                if self.history.asked.is_empty() {
                    self.history.asked = take_some(&mut self.history.wanted);
                    self.history.page = 1;
                    self.history.rows = 0;
                }
                let (from, to) = self.interval(&union(&self.history.asked), |gap| gap.from)?;
                Some(Request::UserDetails {
                    users: self.history.asked.keys().cloned().collect(),
                    from,
                    to,
                    page: self.history.page,
                })
            }
        }
    }

    fn details_request(&mut self) -> Option<Request> {
        if self.details.sweep.is_none() {
            let gaps = std::mem::take(&mut self.details.waiting);
            let (from, to) = self.interval(&gaps, |gap| gap.calls_from)?;
            self.details.sweep = Some((gaps, Sweep::new(from, to)));
        }
        let (_, sweep) = self.details.sweep.as_ref()?;
        Some(sweep.request())
    }

    /// From the first beginning to the last end, and more on both sides: gaps are timed by the clock of this machine, what
    /// is asked for by the platform's.
    fn interval(
        &self,
        gaps: &BTreeSet<GapId>,
        from: fn(&Progress) -> UtcMicros,
    ) -> Option<(UtcMicros, UtcMicros)> {
        let known = || gaps.iter().filter_map(|id| self.gaps.get(id));
        let from = known().map(from).min()?;
        let to = known().map(|gap| gap.to).max()?;
        Some((
            UtcMicros(from.0.saturating_sub(CLOCKS_US)),
            UtcMicros(to.0.saturating_add(CLOCKS_US)),
        ))
    }

    /// The lane's answer came. Says whether it fits.
    pub(super) fn take(&mut self, lane: Lane, reply: Reply, now: Now) -> bool {
        match (lane, reply) {
            (Lane::Details, Reply::ConversationDetails(page)) => self.take_details(page, now),
            (Lane::Users, Reply::Users(page)) => {
                let asked = std::mem::take(&mut self.users.asked);
                self.tell(&union(&asked), ReadBody::Users(page.rows));
                self.discharge_all(Lane::Users, &asked, now);
            }
            (Lane::Live, Reply::Conversation(body)) => {
                let asked = self.singles.errand.sent_at();
                if let Some(single) = self.singles.answered() {
                    self.tell(&single.gaps(), ReadBody::Conversation { body, asked });
                    self.discharge_single(&single, now);
                }
            }
            (Lane::History, Reply::UserDetails(page)) => self.take_history(page, now),
            _ => return false,
        }
        self.patience[lane as usize].answered();
        self.errand(lane).succeeded(now.elapsed);
        true
    }

    fn take_details(&mut self, page: DetailsPage, now: Now) {
        let Some((gaps, mut sweep)) = self.details.sweep.take() else {
            return;
        };
        let (bodies, step) = sweep.take(page);
        if let Some(why) = step.cut_short {
            let text = format!("{}: {why}", Lane::Details.doing());
            self.fall_short(&gaps, ShortfallKind::Unread, &text);
            self.out.push_back(Output::Refused(text));
        }
        if bodies.is_empty() {
            self.out.push_back(Output::Nothing(gaps.clone()));
        } else {
            self.tell(&gaps, ReadBody::ConversationDetails(bodies));
        }
        if step.is_read {
            self.details_were_read(&gaps, now);
        } else {
            self.details.sweep = Some((gaps, sweep));
        }
    }

    /// What the details named is known to `calls` now: it can say what goes on.
    fn details_were_read(&mut self, gaps: &BTreeSet<GapId>, now: Now) {
        let asks = |id: &&GapId| {
            let gap = self.gaps.get(id);
            gap.is_some_and(|gap| gap.pending[Lane::Live as usize] > 0)
        };
        let live: BTreeSet<GapId> = gaps.iter().filter(asks).copied().collect();
        if !live.is_empty() {
            self.out.push_back(Output::AskLive(live));
        }
        self.discharge(Lane::Details, gaps, now);
    }

    fn take_history(&mut self, page: DetailsPage, now: Now) {
        self.history.page += 1;
        self.history.rows += page.bodies.len();
        let is_whole = page.bodies.is_empty() || self.history.rows >= self.history.asked.len();
        let is_last = is_whole || self.history.page > MOST_PAGES;
        let gaps = union(&self.history.asked);
        if is_last && !is_whole {
            let text = format!("{}: {}", Lane::History.doing(), too_many_pages());
            self.fall_short(&gaps, ShortfallKind::Unread, &text);
            self.out.push_back(Output::Refused(text));
        }
        if page.bodies.is_empty() {
            self.out.push_back(Output::Nothing(gaps));
        } else {
            self.tell(&gaps, ReadBody::UserDetails(page.bodies));
        }
        if is_last {
            let asked = std::mem::take(&mut self.history.asked);
            self.discharge_all(Lane::History, &asked, now);
        }
    }

    /// The lane's request failed. `is_reached`: the region was reached otherwise. Says whether recovery goes on without it; if
    /// not, it is to be asked again.
    pub(super) fn fail(
        &mut self,
        lane: Lane,
        failure: &Failure,
        is_reached: bool,
        now: Now,
    ) -> bool {
        let kind = match failure.kind {
            FailureKind::Forbidden => ShortfallKind::PermissionMissing,
            FailureKind::Refused => ShortfallKind::Refused,
            FailureKind::NotFound if lane == Lane::Live => ShortfallKind::Unknown,
            FailureKind::NotFound => ShortfallKind::Refused,
            // Others may fare better than this one.
            FailureKind::Unreadable | FailureKind::Server if lane == Lane::Live => {
                return self.put_off(now);
            }
            FailureKind::Unreadable if self.errand(lane).failures() + 1 >= TRIES => {
                ShortfallKind::Unreadable
            }
            FailureKind::Unreadable | FailureKind::Server | FailureKind::RateLimited => {
                return self.lose_patience(lane, failure, now);
            }
            // It is for this read that no answer comes in time.
            FailureKind::Link if is_reached => return self.lose_patience(lane, failure, now),
            FailureKind::Link | FailureKind::CredentialsRefused | FailureKind::TokenRefused => {
                self.patience[lane as usize].interrupted();
                return false;
            }
        };
        self.patience[lane as usize].answered();
        if lane == Lane::Live {
            self.miss_conversation(kind, failure, now);
        } else {
            self.miss_lane(lane, kind, failure, now);
        }
        self.errand(lane).succeeded(now.elapsed);
        true
    }

    /// Others may fare better than the conversation in hand.
    fn put_off(&mut self, now: Now) -> bool {
        match self.singles.put_off() {
            Some(PutOff::GivenUp(single)) => self.miss(&single, |gap| gap.unreadable += 1, now),
            Some(PutOff::Waits { twice }) => self.discharge_single(&twice, now),
            None => {}
        }
        // It counts for the lane's back-off all the same.
        false
    }

    fn miss_conversation(&mut self, kind: ShortfallKind, failure: &Failure, now: Now) {
        if kind == ShortfallKind::Unknown {
            let Some(unknown) = self.singles.not_found(now.elapsed) else {
                return;
            };
            self.miss(&unknown.single, |gap| gap.unknown += 1, now);
            if unknown.is_gone {
                self.out.push_back(Output::Gone(unknown.id));
            }
            return;
        }
        let is_forbidden = kind == ShortfallKind::PermissionMissing;
        if is_forbidden && !std::mem::replace(&mut self.was_forbidden, true) {
            // A quiet one stands in no gap that could say so.
            self.out.push_back(Output::Refused(format!(
                "{}: {}. Grant the OAuth client's role the permission {} for the divisions of all calls: a call that may \
                 not be read, and whose end was missed, stays open",
                Lane::Live.doing(),
                said(failure),
                Lane::Live.permission()
            )));
        }
        let note = |gap: &mut Progress| {
            if is_forbidden {
                let words = || (0, said(failure).to_owned());
                gap.forbidden.get_or_insert_with(words).0 += 1;
            } else {
                gap.unreadable += 1;
            }
        };
        for single in self.singles.refused(is_forbidden, now.elapsed) {
            self.miss(&single, note, now);
        }
    }

    /// A conversation is not read for its gaps.
    fn miss(&mut self, single: &Single, note: impl Fn(&mut Progress), now: Now) {
        for id in single.gaps() {
            if let Some(gap) = self.gaps.get_mut(&id) {
                note(gap);
            }
        }
        self.discharge_single(single, now);
    }

    /// The platform fails at what the lane has in hand. Says whether something of that is given up.
    fn lose_patience(&mut self, lane: Lane, failure: &Failure, now: Now) -> bool {
        if !self.patience[lane as usize].failed(now.elapsed) {
            return false;
        }
        if lane == Lane::Live {
            self.miss_conversation(ShortfallKind::Unreadable, failure, now);
        } else if !self.give_up(lane, failure, now) {
            return false;
        }
        self.patience[lane as usize].begin_next();
        self.errand(lane).succeeded(now.elapsed);
        true
    }

    /// What the lane has in hand is not read for the gaps that have waited for it for long enough. Says whether there are any.
    fn give_up(&mut self, lane: Lane, failure: &Failure, now: Now) -> bool {
        let waited = |id: &GapId| {
            let gap = self.gaps.get(id);
            gap.is_none_or(|gap| gap.begun + PATIENCE <= now.elapsed)
        };
        let in_hand = match lane {
            Lane::Details => self.details.sweep.as_ref().map(|(gaps, _)| gaps.clone()),
            Lane::Users => Some(union(&self.users.asked)),
            Lane::History => Some(union(&self.history.asked)),
            Lane::Live => None,
        };
        let gaps: BTreeSet<GapId> = (in_hand.into_iter().flatten())
            .filter(|id| waited(id))
            .collect();
        if gaps.is_empty() {
            return false;
        }
        let text = format!(
            "{} failed for {} hours: {}. It was given up",
            lane.doing(),
            PATIENCE.as_secs() / 3600,
            said(failure)
        );
        self.fall_short(&gaps, ShortfallKind::Unreadable, &text);
        match lane {
            Lane::Details => {
                if let Some((mut of, sweep)) = self.details.sweep.take() {
                    of.retain(|id| !gaps.contains(id));
                    self.details.sweep = (!of.is_empty()).then_some((of, sweep));
                }
                self.details_were_read(&gaps, now);
            }
            Lane::Users | Lane::History => {
                let asked = match lane {
                    Lane::Users => &mut self.users.asked,
                    _ => &mut self.history.asked,
                };
                let mut missed = Wanted::new();
                asked.retain(|user, of| {
                    let (left, kept) = of.iter().copied().partition(|id| gaps.contains(id));
                    *of = kept;
                    missed.insert(user.clone(), left);
                    !of.is_empty()
                });
                self.discharge_all(lane, &missed, now);
            }
            Lane::Live => {}
        }
        self.out.push_back(Output::Refused(text));
        true
    }

    /// These gaps go without something.
    fn fall_short(&mut self, gaps: &BTreeSet<GapId>, kind: ShortfallKind, text: &str) {
        for id in gaps {
            if let Some(gap) = self.gaps.get_mut(id)
                && !gap.shortfalls.iter().any(|known| *known.text == *text)
            {
                let text = text.into();
                gap.shortfalls.push(Shortfall { kind, text });
            }
        }
    }

    /// What the lane was to read is not to be had: not for those in hand, and not for those that wait.
    fn miss_lane(&mut self, lane: Lane, kind: ShortfallKind, failure: &Failure, now: Now) {
        let words = said(failure);
        let text = match kind {
            ShortfallKind::PermissionMissing => format!(
                "{}: {words}. Grant the OAuth client's role the permission {}",
                lane.doing(),
                lane.permission()
            ),
            _ => format!("{}: {words}", lane.doing()),
        };
        match lane {
            Lane::Details => {
                let mut gaps = std::mem::take(&mut self.details.waiting);
                gaps.extend(self.details.sweep.take().into_iter().flat_map(|(of, _)| of));
                self.fall_short(&gaps, kind, &text);
                self.details_were_read(&gaps, now);
            }
            Lane::Users | Lane::History => {
                let (asked, wanted) = match lane {
                    Lane::Users => (&mut self.users.asked, &mut self.users.wanted),
                    _ => (&mut self.history.asked, &mut self.history.wanted),
                };
                for missed in [std::mem::take(asked), std::mem::take(wanted)] {
                    self.fall_short(&union(&missed), kind, &text);
                    self.discharge_all(lane, &missed, now);
                }
            }
            Lane::Live => {}
        }
        self.out.push_back(Output::Refused(text));
    }

    /// These conversations go on, the newest first. Those are read that a gap concerns, or nobody known.
    pub(super) fn live(&mut self, gaps: &BTreeSet<GapId>, calls: Vec<LiveCall>, now: Now) {
        let asks = |id: &&GapId| {
            let gap = self.gaps.get(id);
            gap.is_some_and(|gap| gap.pending[Lane::Live as usize] > 0)
        };
        let asking: BTreeSet<GapId> = gaps.iter().filter(asks).copied().collect();
        for call in calls {
            let concerned = |id: &&GapId| {
                let gap = self.gaps.get(id);
                gap.is_some_and(|gap| gap.stage == Stage::First && gap.concerns(&call))
            };
            let concerned: BTreeSet<GapId> = asking.iter().filter(concerned).copied().collect();
            if concerned.is_empty() {
                continue;
            }
            for gap in self.singles.want_live(call.id, concerned) {
                if let Some(gap) = self.gaps.get_mut(&gap) {
                    gap.pending[Lane::Live as usize] += 1;
                }
            }
        }
        // That was the question itself.
        self.discharge(Lane::Live, &asking, now);
    }

    /// Details showed these conversations to have ended, which nothing had told: a read of each tells more.
    pub(super) fn ended<'a>(
        &mut self,
        gaps: &BTreeSet<GapId>,
        calls: impl Iterator<Item = (&'a ConversationId, Option<UtcMicros>)>,
        now: Now,
    ) {
        for (id, at) in calls {
            let at = at.unwrap_or(now.utc);
            let hides = |id: &&GapId| self.gaps.get(id).is_some_and(|gap| gap.may_hide(at));
            let hiding: BTreeSet<GapId> = gaps.iter().filter(hides).copied().collect();
            if hiding.is_empty() {
                continue;
            }
            let (new, dropped) = (self.singles).want_ended(id.clone(), at, &hiding, now.elapsed);
            for gap in new {
                if let Some(gap) = self.gaps.get_mut(&gap) {
                    gap.late += 1;
                }
            }
            if let Some(single) = dropped {
                self.miss(&single, |gap| gap.unread += 1, now);
            }
        }
    }

    /// Nothing was heard of these conversations for a while: their end may have been missed. For no gap.
    pub(super) fn quiet(&mut self, ids: Vec<ConversationId>, now: Now) {
        self.singles.want_quiet(ids, now.elapsed);
    }

    pub(super) fn remembers_quiet(&self) -> bool {
        self.singles.remembers_quiet()
    }

    fn tell(&mut self, gaps: &BTreeSet<GapId>, what: ReadBody) {
        let of_start = |id: &GapId| {
            let gap = self.gaps.get(id);
            gap.is_some_and(|gap| gap.cause == GapCause::Start)
        };
        let source = if !gaps.is_empty() && gaps.iter().all(of_start) {
            Source::Snapshot
        } else {
            Source::Recovered
        };
        self.out.push_back(Output::Read {
            gaps: gaps.clone(),
            what,
            source,
        });
    }

    fn discharge_all(&mut self, lane: Lane, read: &Wanted, now: Now) {
        for gaps in read.values() {
            self.discharge(lane, gaps, now);
        }
    }

    fn discharge_single(&mut self, single: &Single, now: Now) {
        for id in &single.ended {
            if let Some(gap) = self.gaps.get_mut(id) {
                gap.late = gap.late.saturating_sub(1);
                self.go_on(*id, now);
            }
        }
        self.discharge(Lane::Live, &single.live, now);
    }

    /// One read less to do for these; what that completes goes on.
    fn discharge(&mut self, lane: Lane, gaps: &BTreeSet<GapId>, now: Now) {
        for id in gaps {
            if let Some(gap) = self.gaps.get_mut(id) {
                let pending = &mut gap.pending[lane as usize];
                *pending = pending.saturating_sub(1);
                self.go_on(*id, now);
            }
        }
    }

    /// What is complete goes on.
    fn go_on(&mut self, id: GapId, now: Now) {
        let Some(gap) = self.gaps.get_mut(&id) else {
            return;
        };
        if gap.pending.iter().any(|&pending| pending > 0) {
            return;
        }
        match gap.stage {
            // Single conversations that are over do not keep analytics waiting.
            Stage::First => {
                let due = (gap.ended + self.second_pass).max(now.elapsed);
                gap.stage = Stage::Waiting(due);
            }
            Stage::Second | Stage::Late if gap.late > 0 => gap.stage = Stage::Late,
            Stage::Second | Stage::Late => {
                if let Some(gap) = self.gaps.remove(&id) {
                    self.out.push_back(Output::Done(id, gap.into_shortfalls()));
                }
            }
            Stage::Settling(_) | Stage::Waiting(_) => {}
        }
    }
}

impl Progress {
    /// At the start, all of them.
    fn concerns(&self, call: &LiveCall) -> bool {
        let nobody = call.users.is_empty() && call.queues.is_empty();
        // The lists are sorted.
        let is_user = |id: &UserId| self.users.binary_search(id).is_ok();
        let is_queue = |id: &QueueId| self.queues.binary_search(id).is_ok();
        matches!(self.cause, GapCause::Start | GapCause::Downtime)
            || nobody
            || call.users.iter().any(is_user)
            || call.queues.iter().any(is_queue)
    }

    /// Whether a conversation that ended then may have ended in it. What was before the start is not missed.
    fn may_hide(&self, ended: UtcMicros) -> bool {
        let off = match self.cause {
            GapCause::Start => 0,
            _ => CLOCKS_US,
        };
        ended.0.saturating_add(off) >= self.calls_from.0
    }

    fn into_shortfalls(self) -> Vec<Shortfall> {
        let mut all = self.shortfalls;
        let mut add = |kind, text: String| {
            all.push(Shortfall {
                kind,
                text: text.into(),
            });
        };
        add(ShortfallKind::Untold, UNTOLD.to_owned());
        if let Some((count, words)) = self.forbidden {
            add(
                ShortfallKind::PermissionMissing,
                format!(
                    "{count} conversations: {words}. Grant the OAuth client's role the permission {} for the divisions \
                     of these conversations",
                    Lane::Live.permission()
                ),
            );
        }
        if self.unknown > 0 {
            add(
                ShortfallKind::Unknown,
                format!(
                    "{} conversations are not known to the platform any more (404)",
                    self.unknown
                ),
            );
        }
        if self.unread > 0 {
            add(
                ShortfallKind::Unread,
                format!(
                    "{} conversations that ended in the gap were not read one by one: too many waited. What analytics \
                     tells of them was told; the attributes, and to whom they were offered, were not",
                    self.unread
                ),
            );
        }
        if self.unreadable > 0 {
            add(
                ShortfallKind::Unreadable,
                format!(
                    "{} conversations were answered with what could not be read",
                    self.unreadable
                ),
            );
        }
        all
    }
}

/// As many users as one request may ask about.
fn take_some(wanted: &mut Wanted) -> Wanted {
    let rest = wanted.keys().nth(USERS_AT_ONCE).cloned();
    let rest = rest
        .map(|first| wanted.split_off(&first))
        .unwrap_or_default();
    std::mem::replace(wanted, rest)
}

fn union(wanted: &Wanted) -> BTreeSet<GapId> {
    wanted.values().flatten().copied().collect()
}

#[cfg(test)]
mod tests;
