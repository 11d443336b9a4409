//! The judge: compares what two adapters told with what really happened.
//!
//! Knows: the region's truth, its REST answers, which act must become which event (`tests/acts.txt`), and what was told in
//! plain words. Does not know: the plugin, whose types and code it does not share. It looks at calls when they are long
//! over and then lets go of them, so that a run of months needs no more memory than one of days.
//!
//! What must have been told: every act that a followed topic showed, from the moment at which the adapter was first up,
//! with these exceptions. What was shown in a gap that the adapter has in its ledger, and that no answer of REST tells,
//! is unrecoverable. What the platform itself lost (a fault: the socket lives and says nothing) leaves no trace by which
//! to look for it. What the adapter was forbidden to follow it need not tell.
//!
//! Users and queues that come while a run goes on are due from their coming, though nobody tells the adapter of it: until
//! it has read the list again and follows them it must have a gap, called `joined`, in its ledger, and what happened
//! before is judged as everything in a gap is. Such gaps count neither as gap nor as outage, for nothing ceased to flow;
//! they may be of nobody else, and have an end. Of those who leave nothing is shown after it; what was before is due as
//! if they had stayed. Who got another name must be called by it before long.

use std::collections::{BTreeMap, BTreeSet};

use gca_region::chance::Id;
use gca_region::fault::{Among, Fault, FaultOrder, seconds};
use gca_region::region::Region;
use gca_region::time::{Millis, Time};
use gca_region::topic;
use gca_region::truth::{Act, Kind};
use gca_region::world::RosterChange;
use serde_json::{Value, json};

use crate::acts::{self, Line};
use crate::answers::{self, Answers};
use crate::told::{Gap, Told};

/// So long after its last act a call is judged: by then whatever was missed of it has been read.
const RIPE: Millis = Millis(6 * 3_600_000);

/// At the end of a run, what happened this long before must have been told.
const SETTLED: Millis = Millis(60_000);

/// A leg that ended this long before the end of the run must have been cleared.
const CLEAR_WITHIN: Millis = Millis(5_000);

/// How much longer than the real outage a recorded gap may be.
const GAP_TOLERANCE_S: f64 = 45.0;

/// Topics that were refused are asked for again this often; until then they are not followed.
const ASKED_AGAIN: Millis = Millis(130 * 60_000);

/// What a gap hides is read within this time after it, if nothing forbids.
const READ_WITHIN: Millis = Millis(40 * 60_000);

/// The longest that a call is in a menu, where nobody is shown it.
const MENU: Millis = Millis(120_000);

/// Sockets of an adapter for each of its channels: one, and one successor.
const MOST_SOCKETS: usize = 2;

/// Who came is followed within this time: the list is read soon, but their topics may be refused for a while.
const FOLLOWED_WITHIN: Millis = Millis(3 * 3_600_000);

/// Who got another name is called by it within this time.
const RENAMED_WITHIN: Millis = Millis(60 * 60_000);

/// The cause of the gaps of those who came.
const JOINED: &str = "joined";

/// How many defects are told one by one.
const TOLD: usize = 2000;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The numbers.
    pub verdict: Verdict,
    /// One sentence for each defect; the first of them.
    pub findings: Vec<String>,
}

/// The numbers of a run, or of several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Conversations that were shown.
    pub calls: u64,
    /// Acts that must become events.
    pub transitions: u64,
    /// How often each kind of trouble struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// Not told, though shown outside of any ledgered gap, or told by REST.
    pub missing: u64,
    /// In a ledgered gap, and absent from every answer of REST.
    pub unrecoverable: u64,
    /// In a ledgered gap, not told, and absent from what recovery reads, or read too late; the read of a single conversation
    /// that is over would tell it.
    pub unread: u64,
    /// Lost by the platform on a socket that lived.
    pub lost: u64,
    /// Told after a read.
    pub recovered: u64,
    /// Told, and did not happen.
    pub invented: u64,
    /// Told twice.
    pub duplicates: u64,
    /// Legs that ended and were not cleared.
    pub unclosed: u64,
    /// Entries of the ledgers.
    pub gaps: u64,
    /// Real interruptions.
    pub outages: u64,
    /// Seconds that stand in the ledgers.
    pub gap_s: f64,
    /// Seconds that were really suffered.
    pub outage_s: f64,
    /// Anything else that must not be: over the rate, too many sockets, gaps too long.
    pub other: u64,
    /// Exact ids of both adapters' merged streams; each is one of the undisturbed stream's.
    pub exact_ids: u64,
    /// Exact ids of the undisturbed stream that the merged ones do not have, for what neither adapter told.
    pub exact_ids_untold: u64,
    /// How often users and queues came, left and got another name.
    pub roster_changes: BTreeMap<&'static str, u64>,
    /// How many runs there were of each sort.
    pub runs: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// Whether all is as it must be.
    #[must_use]
    pub fn passes(&self) -> bool {
        let wrong = self.missing + self.invented + self.duplicates + self.unclosed + self.other;
        let mut often = self.faults.values().chain(self.roster_changes.values());
        wrong == 0 && often.all(|times| *times > 0)
    }

    /// The sum of two.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        self.calls += more.calls;
        self.transitions += more.transitions;
        for (sum, more) in [
            (&mut self.faults, &more.faults),
            (&mut self.roster_changes, &more.roster_changes),
            (&mut self.runs, &more.runs),
        ] {
            for (kind, times) in more {
                *sum.entry(kind).or_default() += times;
            }
        }
        self.exact_ids += more.exact_ids;
        self.exact_ids_untold += more.exact_ids_untold;
        self.missing += more.missing;
        self.unrecoverable += more.unrecoverable;
        self.unread += more.unread;
        self.lost += more.lost;
        self.recovered += more.recovered;
        self.invented += more.invented;
        self.duplicates += more.duplicates;
        self.unclosed += more.unclosed;
        self.gaps += more.gaps;
        self.outages += more.outages;
        self.gap_s += more.gap_s;
        self.outage_s += more.outage_s;
        self.other += more.other;
        self
    }

    /// As members of the line of JSON that a soak ends with.
    #[must_use]
    pub fn members(&self) -> Value {
        let tenths = |seconds: f64| (seconds * 10.0).round() / 10.0;
        json!({
            "calls": self.calls,
            "transitions": self.transitions,
            "faults": self.faults,
            "missing": self.missing,
            "unrecoverable": self.unrecoverable,
            "unread": self.unread,
            "lost_by_platform": self.lost,
            "recovered": self.recovered,
            "invented": self.invented,
            "duplicates": self.duplicates,
            "unclosed": self.unclosed,
            "gaps": self.gaps,
            "outages": self.outages,
            "gap_s": tenths(self.gap_s),
            "outage_s": tenths(self.outage_s),
            "other": self.other,
            "exact_ids": self.exact_ids,
            "exact_ids_untold": self.exact_ids_untold,
            "roster_changes": self.roster_changes,
            "runs": self.runs,
        })
    }
}

/// What a fact is about, and what it becomes.
type Key = (String, &'static str);

/// An act that becomes an event.
#[derive(Debug, Clone, Copy)]
struct Fact<'a> {
    act: &'a Act,
    /// Nothing of its kind came after it.
    is_last: bool,
}

/// What one adapter told and noted.
#[derive(Debug, Default)]
struct Feed {
    name: &'static str,
    up: Option<Time>,
    calls: BTreeMap<String, Vec<Told>>,
    /// When it told that a call became a conference.
    conferenced: BTreeMap<String, Time>,
    agents: BTreeMap<String, Vec<Told>>,
    /// Those of `agents` that are to be judged now.
    ripe: Vec<Told>,
    /// Of stations, which carry no time of the platform: judged at the end.
    stations: Vec<Told>,
    /// Ids of events about agents.
    ids: BTreeSet<u128>,
    /// The times of those that have exact ids; of the undisturbed feed.
    times: BTreeMap<u128, i64>,
    gaps: BTreeMap<u64, Gap>,
    /// Since when some topic does not flow.
    cut_since: Option<Time>,
    outages: u64,
    outage_ms: i64,
}

/// A user or queue that came.
#[derive(Debug, Clone)]
struct Newcomer {
    id: String,
    topics: Vec<topic::TopicKey>,
    /// Followed by then.
    until: Time,
}

/// A fault of which the judge must know when it was in force.
#[derive(Debug)]
struct Excuse {
    from: Time,
    to: Time,
    what: Excused,
}

#[derive(Debug)]
enum Excused {
    /// Notifications were lost.
    Lost,
    /// Notifications overtook each other within a topic.
    Reordered,
    /// These topics were refused: patterns.
    Topics(Vec<String>),
    /// Requests were refused.
    Requests,
}

/// Of these the platform tells neither time nor number, or a time that only lasts as long as they do: what overtakes them
/// hides them.
const PASSING: &[&str] = &[
    "held",
    "retrieved",
    "muted",
    "unmuted",
    "confined",
    "unconfined",
    "parked",
    "unparked",
    "recording_paused",
    "recording_resumed",
    "attribute_changed",
    "station_associated",
    "station_left",
    "agent_presence",
    "agent_logged_on",
    "agent_logged_off",
    "agent_ready",
    "agent_not_ready",
    "agent_busy",
    "persistent_connection_up",
    "persistent_connection_active",
    "persistent_connection_down",
    // What is judged within one body is not seen if that body never was the newest.
    "consult_started",
    "consult_completed",
    "consult_cancelled",
    "conferenced",
    "party_added",
    "party_left",
    "monitoring_started",
    "coaching_started",
    "barged_in",
];

/// Of these the platform tells nothing at all but that they are so now. If of two topics one loses the beginning and the other
/// the end, no body that came differs from the one before it.
const COUNTED: &[&str] = &[
    "muted",
    "unmuted",
    "confined",
    "unconfined",
    "recording_paused",
    "recording_resumed",
];

/// Of these analytics tells begin and end: they are told whenever that is read.
const TOLD_LATE: &[&str] = &["held", "retrieved", "parked", "unparked"];

/// The judge.
#[derive(Debug)]
pub(crate) struct Court {
    table: Vec<Line>,
    feeds: [Feed; 2],
    reference: Feed,
    start: Time,
    /// Users and queues that an adapter follows on one channel.
    per_channel: usize,
    /// Users and queues that there ever were.
    subjects: usize,
    /// Every topic that must be heard, in lower case, by each of the two.
    expected: [BTreeSet<topic::TopicKey>; 2],
    /// Who came and was not followed yet, by each of the two.
    coming: [Vec<Newcomer>; 2],
    /// Who came, and when.
    came: BTreeMap<String, Time>,
    /// What users are and were called, since when.
    names: BTreeMap<String, Vec<(Time, String)>>,
    excuses: Vec<Excuse>,
    judged: BTreeSet<Id>,
    /// What happened with stations.
    stations: Vec<Act>,
    /// Acts of agents up to this number are judged.
    agents_judged: Option<u64>,
    said: BTreeSet<(usize, &'static str)>,
    verdict: Verdict,
    findings: Vec<String>,
}

impl Court {
    /// Before anything happened.
    pub(crate) fn new(region: &Region, per_channel: usize) -> Self {
        let inventory = region.world().inventory();
        let users = inventory.users.iter();
        let users = users.flat_map(|user| topics_of_user(&user.id.to_string()));
        let queues = inventory
            .queues
            .iter()
            .filter(|queue| !queue.members.is_empty());
        let queues = queues.flat_map(|queue| topics_of_queue(&queue.id.to_string()));
        let expected: BTreeSet<topic::TopicKey> = users.chain(queues).collect();
        let called = |name: &String| vec![(Time(i64::MIN), name.clone())];
        let named = inventory.users.iter();
        let named = named.map(|user| (user.id.to_string(), called(&user.name)));
        let start = region.world().now();
        let feed = |name| Feed {
            name,
            cut_since: Some(start),
            outages: 1,
            ..Feed::default()
        };
        Self {
            table: acts::table(),
            feeds: [feed("primary"), feed("secondary")],
            reference: feed("undisturbed"),
            start,
            per_channel,
            subjects: inventory.users.len() + inventory.queues.len(),
            expected: [expected.clone(), expected],
            coming: Default::default(),
            came: BTreeMap::new(),
            names: named.collect(),
            excuses: Vec::new(),
            judged: BTreeSet::new(),
            stations: Vec::new(),
            agents_judged: None,
            said: BTreeSet::new(),
            verdict: Verdict::default(),
            findings: Vec::new(),
        }
    }

    // What is heard

    pub(crate) fn told(&mut self, index: usize, told: Told, now: Time) {
        self.check_name(index, &told, now);
        if told.source == "recovered" {
            self.verdict.recovered += 1;
        }
        // A log-on that was missed is told with the next presence, under its own id.
        let mut told = told;
        if let Some(at) = self.reference.times.get(&told.id) {
            told.platform_ms = Some(*at);
        }
        let feed = &mut self.feeds[index];
        if told.kind == "conferenced" {
            let call = told.conversation.clone();
            feed.conferenced.entry(call).or_insert(now);
        }
        if feed.take(&told) {
            return;
        }
        self.verdict.duplicates += 1;
        let name = self.feeds[index].name;
        self.finding(format!(
            "duplicate: the {name} told the same id again: {told:?}"
        ));
    }

    /// A user is called by the name that they have, or had a short while ago.
    fn check_name(&mut self, index: usize, told: &Told, now: Time) {
        let Some(names) = self.names.get(&told.user) else {
            return;
        };
        let since_then = names.iter().rev();
        let mut recent = Vec::new();
        for (since, name) in since_then {
            recent.push(name.as_str());
            if *since <= now + Millis(-RENAMED_WITHIN.0) {
                break;
            }
        }
        if !told.user_name.is_empty() && !recent.contains(&told.user_name.as_str()) {
            let name = self.feeds[index].name;
            let what = format!("the {name} calls a user not by their name {recent:?}: {told:?}");
            self.once(index, "name", what);
        }
    }

    /// The lists changed: of a user or queue, who is called so now.
    pub(crate) fn roster(&mut self, change: RosterChange, id: &str, name: String, now: Time) {
        let topics = match change {
            RosterChange::Hire | RosterChange::Dismiss => topics_of_user(id).to_vec(),
            RosterChange::OpenQueue | RosterChange::CloseQueue => topics_of_queue(id).to_vec(),
            RosterChange::RenameUser => {
                self.names
                    .entry(id.to_owned())
                    .or_default()
                    .push((now, name));
                return;
            }
            RosterChange::RenameQueue => return,
        };
        match change {
            RosterChange::Hire | RosterChange::OpenQueue => {
                if change == RosterChange::Hire {
                    self.names
                        .insert(id.to_owned(), vec![(Time(i64::MIN), name)]);
                }
                self.subjects += 1;
                self.came.insert(id.to_owned(), now);
                let newcomer = Newcomer {
                    id: id.to_owned(),
                    topics,
                    until: now + FOLLOWED_WITHIN,
                };
                for coming in &mut self.coming {
                    coming.push(newcomer.clone());
                }
            }
            _ => {
                for (expected, coming) in self.expected.iter_mut().zip(&mut self.coming) {
                    expected.retain(|key| !topics.contains(key));
                    coming.retain(|newcomer| newcomer.id != id);
                }
            }
        }
    }

    /// Who came and is followed by now is followed from now on.
    fn welcome(&mut self, index: usize, heard: &BTreeSet<&topic::TopicKey>, now: Time) {
        let is_heard = |newcomer: &Newcomer| newcomer.topics.iter().all(|key| heard.contains(key));
        let (here, coming): (Vec<_>, Vec<_>) = std::mem::take(&mut self.coming[index])
            .into_iter()
            .partition(|newcomer| is_heard(newcomer) || newcomer.until <= now);
        self.coming[index] = coming;
        for newcomer in here {
            if !is_heard(&newcomer) {
                let name = self.feeds[index].name;
                let what = format!(
                    "the {name} does not follow {} who came at {}",
                    newcomer.id, self.came[&newcomer.id]
                );
                self.once(index, "newcomer", what);
            }
            self.expected[index].extend(newcomer.topics);
        }
    }

    /// What the feed tells that nothing disturbs.
    pub(crate) fn undisturbed(&mut self, told: Told) {
        if told.conversation.is_empty()
            && let Some(at) = told.platform_ms.filter(|_| told.exact)
        {
            self.reference.times.insert(told.id, at);
        }
        self.reference.take(&told);
    }

    pub(crate) fn gap(&mut self, index: usize, gap: Gap) {
        let gaps = &mut self.feeds[index].gaps;
        match gaps.get_mut(&gap.id) {
            Some(known) => {
                // Who leaves meanwhile stands in what was told of the gap before.
                let mut subjects = std::mem::take(&mut known.subjects);
                subjects.retain(|subject| !gap.subjects.contains(subject));
                *known = gap;
                known.subjects.extend(subjects);
            }
            None => {
                self.verdict.gaps += 1;
                gaps.insert(gap.id, gap);
            }
        }
    }

    pub(crate) fn up(&mut self, index: usize, now: Time) {
        self.feeds[index].up.get_or_insert(now);
    }

    /// Who listens to what has changed.
    pub(crate) fn heard(&mut self, index: usize, region: &Region, now: Time) {
        let heard = region.heard_by(index as u32);
        self.welcome(index, &heard, now);
        let mut expected = self.expected[index].iter();
        let is_cut = expected.any(|key| !heard.contains(key));
        let feed = &mut self.feeds[index];
        match (feed.cut_since, is_cut) {
            (None, true) => {
                feed.cut_since = Some(now);
                feed.outages += 1;
            }
            (Some(since), false) => {
                feed.outage_ms += (now - since).0;
                feed.cut_since = None;
            }
            _ => {}
        }
    }

    pub(crate) fn fault(&mut self, order: &FaultOrder, now: Time) {
        let from = now + seconds(order.after_s);
        let to = from + seconds(order.for_s.unwrap_or_default());
        let (to, what) = match &order.fault {
            Fault::Lose { .. } => (to, Excused::Lost),
            Fault::Reorder {
                among: Among::All,
                max_ms,
                ..
            } => (to + Millis(*max_ms), Excused::Reordered),
            Fault::ForbidTopics { topics } => (to + ASKED_AGAIN, Excused::Topics(topics.clone())),
            Fault::ForbidRequests { .. } => (to, Excused::Requests),
            _ => return,
        };
        self.excuses.push(Excuse { from, to, what });
    }

    /// So many requests in a minute, where so many are allowed.
    pub(crate) fn rate(&mut self, index: usize, requests: usize, most: usize, now: Time) {
        if requests > most {
            let name = self.feeds[index].name;
            let what = format!("{requests} requests of the {name} in a minute, at {now}");
            self.once(index, "rate", what);
        }
    }

    /// A topic is carried by so many sockets that were not left.
    pub(crate) fn carriers(&mut self, index: usize, carriers: usize, now: Time) {
        if carriers > MOST_SOCKETS {
            let name = self.feeds[index].name;
            let what = format!("{carriers} sockets of the {name} carry the same topic, at {now}");
            self.once(index, "carriers", what);
        }
    }

    /// So many sockets are held.
    pub(crate) fn sockets(&mut self, index: usize, sockets: usize, now: Time) {
        if sockets > MOST_SOCKETS * self.subjects.div_ceil(self.per_channel) {
            let name = self.feeds[index].name;
            let what = format!("the {name} holds {sockets} sockets, at {now}");
            self.once(index, "sockets", what);
        }
    }

    /// So many calls are taken for open, and so many bytes of texts kept.
    pub(crate) fn holds(&mut self, index: usize, (open, bytes): (usize, usize)) {
        if open > 200 || bytes > 3 << 20 {
            let name = self.feeds[index].name;
            let what = format!("the {name} holds {open} open calls and {bytes} bytes of texts");
            self.once(index, "memory", what);
        }
    }

    /// Something that must not be, told the first time.
    fn once(&mut self, index: usize, kind: &'static str, what: String) {
        self.verdict.other += 1;
        if self.said.insert((index, kind)) {
            self.finding(what);
        }
    }

    pub(crate) fn finding(&mut self, finding: String) {
        if self.findings.len() < TOLD {
            self.findings.push(finding);
        }
    }

    // What is judged

    /// Judges what is long over.
    pub(crate) fn look(&mut self, region: &Region, now: Time) {
        let ripe = now + Millis(-RIPE.0);
        // (Excuses are kept to the end: changes of stations are judged then.)
        self.judge(region, ripe, ripe, ripe);
    }

    /// Judges the rest.
    pub(crate) fn close(
        mut self,
        region: &Region,
        now: Time,
        faults: BTreeMap<&'static str, u64>,
    ) -> Outcome {
        for index in 0..2 {
            if let Some(since) = self.feeds[index].cut_since.take() {
                self.feeds[index].outage_ms += (now - since).0;
            }
            if self.feeds[index].up.is_none() {
                let what = format!("the {} never came up", self.feeds[index].name);
                self.once(index, "up", what);
            }
        }
        self.judge(
            region,
            now,
            now + Millis(-SETTLED.0),
            now + Millis(-CLEAR_WITHIN.0),
        );
        let stations = std::mem::take(&mut self.stations);
        for feed in &mut self.feeds {
            feed.ripe = std::mem::take(&mut feed.stations);
        }
        let stations: Vec<&Act> = stations.iter().collect();
        self.judge_agents(region, &stations, now + Millis(-SETTLED.0));
        // What is left is about calls that the region does not know.
        for index in 0..2 {
            let left = std::mem::take(&mut self.feeds[index].calls);
            let name = self.feeds[index].name;
            for told in left.into_values().flatten() {
                self.verdict.invented += 1;
                self.finding(format!(
                    "invented: the {name} told of an unknown or long-ended call: {told:?}"
                ));
            }
        }
        for index in 0..2 {
            let feed = &self.feeds[index];
            let late = now + Millis(-READ_WITHIN.0);
            let open = feed
                .gaps
                .values()
                .filter(|gap| !gap.is_closed && gap.to_ms.is_some_and(|to| to < late.0));
            let open: Vec<String> = open.map(|gap| format!("{gap:?}")).collect();
            let joined = feed.gaps.values().filter(|gap| gap.cause == JOINED);
            let is_new = |gap: &&Gap| gap.subjects.iter().all(|of| self.came.contains_key(of));
            let late = now + Millis(-FOLLOWED_WITHIN.0);
            let lasts = |gap: &&Gap| gap.to_ms.is_none() && gap.from_ms < late.0;
            let wrong: Vec<String> = joined
                .filter(|gap| !is_new(gap) || lasts(gap))
                .map(|gap| format!("{gap:?}"))
                .collect();
            let gap_s = union_ms(&feed.gaps, self.start, now) as f64 / 1e3;
            let (outage_s, outages) = (feed.outage_ms as f64 / 1e3, feed.outages);
            let allowed = outage_s + GAP_TOLERANCE_S * outages as f64;
            let name = feed.name;
            self.verdict.gap_s += gap_s;
            self.verdict.outage_s += outage_s;
            self.verdict.outages += outages;
            if let Some(first) = open.first() {
                let first: String = first.chars().take(200).collect();
                let what = format!(
                    "the {name} has not read {} gaps of long ago: {first}",
                    open.len()
                );
                self.once(index, "unread", what);
            }
            if let Some(first) = wrong.first() {
                let what = format!(
                    "the {name} has {} gaps of newcomers that are of others or do not end: {first}",
                    wrong.len()
                );
                self.once(index, "joined", what);
            }
            if gap_s > allowed {
                let what = format!(
                    "the {name} has {gap_s:.1} s of gaps in its ledger; {outages} outages of {outage_s:.1} s explain {allowed:.1} s"
                );
                self.once(index, "gap_s", what);
            }
        }
        self.verdict.faults = faults;
        Outcome {
            verdict: self.verdict,
            findings: self.findings,
        }
    }

    /// Judges calls whose last act was before `ripe`; of these, what happened before `settled` must have been told, and
    /// legs that ended before `closed` must have been cleared.
    fn judge(&mut self, region: &Region, ripe: Time, settled: Time, closed: Time) {
        let truth = region.world().truth();
        let mut calls: BTreeMap<Id, Vec<&Act>> = BTreeMap::new();
        let mut agents: Vec<&Act> = Vec::new();
        for act in &truth.acts {
            match act.conversation {
                Some(id) => calls.entry(id).or_default().push(act),
                None if act.time <= ripe
                    && self.agents_judged.is_none_or(|last| act.act > last) =>
                {
                    agents.push(act);
                }
                None => {}
            }
        }
        self.judged.retain(|id| calls.contains_key(id));
        for (id, acts) in calls {
            if acts.iter().all(|act| act.time <= ripe) && self.judged.insert(id) {
                self.judge_call(region, id, &acts, settled, closed);
            }
        }
        if let Some(last) = agents.last() {
            self.agents_judged = Some(last.act);
        }
        let is_station =
            |act: &&&Act| matches!(act.kind, Kind::StationAssociated | Kind::StationLeft);
        self.stations
            .extend(agents.iter().filter(is_station).map(|act| (*act).clone()));
        agents.retain(|act| !is_station(&act));
        for feed in &mut self.feeds {
            feed.ripe.clear();
            for events in feed.agents.values_mut() {
                // Those of later acts wait for the next time.
                let is_ripe = |one: &mut Told| one.platform_ms.is_none_or(|at| at <= ripe.0);
                feed.ripe.extend(events.extract_if(.., is_ripe));
            }
        }
        self.judge_agents(region, &agents, settled);
    }

    fn judge_call(&mut self, region: &Region, id: Id, acts: &[&Act], settled: Time, closed: Time) {
        let facts = self.facts(acts);
        let was_shown = acts.iter().any(|act| is_shown(act));
        self.verdict.calls += u64::from(was_shown);
        self.verdict.transitions += facts.values().map(|facts| facts.len() as u64).sum::<u64>();
        let name = id.to_string();
        let read = |value: Option<Value>| value.unwrap_or_default();
        let mut answers: Option<Answers> = None;
        let mut answers = |act: &Act, is_last| {
            let answers = answers.get_or_insert_with(|| Answers {
                rest: read(region.world().conversation(&name)),
                details: read(region.world().conversation_details(&name)),
            });
            answers::tell(answers, act, is_last)
        };
        let reference = self.reference.calls.remove(&name).unwrap_or_default();
        let reference_ids: BTreeSet<u128> = exact_ids(&reference);
        let mut merged: BTreeSet<u128> = BTreeSet::new();
        for index in 0..2 {
            let told = self.feeds[index].calls.remove(&name).unwrap_or_default();
            let conferenced = self.feeds[index].conferenced.remove(&name);
            let mut by_key = self.by_key(&told);
            let own_ids = exact_ids(&told);
            merged.extend(&own_ids);
            let is_end =
                |told: &&Told| told.kind == "connection_cleared" && told.source != "recovered";
            let ended_live: BTreeSet<String> = told
                .iter()
                .filter(is_end)
                .map(|told| self.about(told))
                .collect();
            let mut whole: BTreeSet<&Key> = BTreeSet::new();
            let mut left: Vec<(&Key, Vec<Fact<'_>>)> = Vec::new();
            let ends = ends_of_the_untold(&facts, &by_key, index);
            for (key, facts) in &facts {
                let events = by_key.remove(key).unwrap_or_default();
                let opened = ["established", "delivered", "originated"];
                if key.1 == "connection_cleared" {
                    let ended = facts.iter().filter(|fact| fact.act.time <= closed).count();
                    let is_of =
                        |told: &&Told| opened.contains(&told.kind) && key.0 == self.about(told);
                    let begun = told.iter().filter(is_of).count().min(1);
                    if begun.min(ended) > events.len() {
                        self.verdict.unclosed += 1;
                        let name = self.feeds[index].name;
                        let at = facts[0].act.time;
                        self.finding(format!("unclosed: {} by the {name}, ended {at}", key.0));
                    }
                }
                let (untold, surplus) = matched(facts, &events, index, &ends);
                if untold.is_empty() {
                    whole.insert(key);
                }
                left.push((key, untold));
                for event in surplus {
                    if !event.exact && self.was_reordered(acts) {
                        continue;
                    }
                    self.verdict.duplicates += 1;
                    let name = self.feeds[index].name;
                    self.finding(format!(
                        "duplicate: the {name} told {} of {} once more: {event:?}",
                        key.1, key.0
                    ));
                }
            }
            for (key, untold) in &left {
                for fact in untold {
                    if begun_unseen(key, fact, &left, &facts)
                        || ended_unseen(key, fact, &left, &facts)
                        || joined_unseen(key, fact, &facts, acts, (index, conferenced))
                    {
                        self.verdict.unrecoverable += 1;
                        continue;
                    }
                    // Of a leg that has ended only these are told late; a body may have shown its end before the gap was read.
                    let was_sent = fact.act.sent_to & (1 << index) != 0;
                    let is_passing = PASSING.contains(&key.1) && !TOLD_LATE.contains(&key.1);
                    let is_late = !was_sent && is_passing && ended_live.contains(&key.0);
                    self.untold(index, key, fact, settled, is_late, &mut answers);
                }
            }
            for (key, events) in by_key {
                for event in events {
                    if !event.exact && self.was_reordered(acts) {
                        continue;
                    }
                    self.verdict.invented += 1;
                    let name = self.feeds[index].name;
                    self.finding(format!(
                        "invented: the {name} told {} of {}: {event:?}",
                        key.1, key.0
                    ));
                }
            }
            self.compare(index, &told, &reference_ids, &facts);
            // Where everything was told, it was told under the ids of the undisturbed feed.
            for event in &reference {
                let key = (self.about(event), event.kind);
                // (Where the platform told the time. Of what analytics tells, it does not always.)
                let inexact = || {
                    let mut told = told.iter();
                    told.any(|own| !own.exact && own.kind == event.kind && self.about(own) == key.0)
                };
                if event.exact && whole.contains(&key) && !own_ids.contains(&event.id) && !inexact()
                {
                    self.verdict.invented += 1;
                    let name = self.feeds[index].name;
                    self.finding(format!(
                        "under another id: the {name} told {} of {} not under {:032x}",
                        key.1, key.0, event.id
                    ));
                }
            }
        }
        self.verdict.exact_ids += merged.len() as u64;
        self.verdict.exact_ids_untold += reference_ids.difference(&merged).count() as u64;
    }

    /// No exact id that the undisturbed feed does not have, but for what no topic showed.
    fn compare(
        &mut self,
        index: usize,
        told: &[Told],
        reference: &BTreeSet<u128>,
        facts: &BTreeMap<Key, Vec<Fact<'_>>>,
    ) {
        for event in told.iter().filter(|event| event.exact) {
            if reference.contains(&event.id) {
                continue;
            }
            let key = (self.about(event), event.kind);
            let unseen = facts.get(&key).is_some_and(|facts| {
                let mut facts = facts.iter();
                facts.any(|fact| !is_shown(fact.act))
            });
            if !unseen && facts.contains_key(&key) {
                self.verdict.invented += 1;
                let name = self.feeds[index].name;
                self.finding(format!(
                    "an id that the undisturbed feed does not have: the {name} told {event:?}"
                ));
            }
        }
    }

    /// A fact that was not told. `is_late`: its leg was over when the gap was read.
    fn untold(
        &mut self,
        index: usize,
        key: &Key,
        fact: &Fact<'_>,
        settled: Time,
        is_late: bool,
        answers: &mut impl FnMut(&Act, bool) -> bool,
    ) {
        let act = fact.act;
        let feed = &self.feeds[index];
        let since = feed.up.unwrap_or(Time(i64::MAX));
        if act.time < since || act.time > settled || !is_shown(act) {
            return;
        }
        let was_sent = act.sent_to & (1 << index) != 0;
        let subjects: Vec<&str> = act
            .topics
            .iter()
            .filter_map(|topic| subject(topic))
            .collect();
        // What no user does is shown when a queue or a user comes to it, which takes a while.
        let shown_by = match act.user {
            Some(_) => act.time,
            None => act.time + MENU,
        };
        // Of everybody whose topics showed it; of several gaps the one that was read last.
        let covered = |subject: &&str| {
            let covers = |gap: &&Gap| {
                gap.from_ms <= shown_by.0
                    && gap.to_ms.is_none_or(|to| act.time.0 <= to)
                    && gap.subjects.iter().any(|of| of == subject)
            };
            feed.gaps.values().find(covers)
        };
        let gaps: Option<Vec<&Gap>> = subjects.iter().map(covered).collect();
        let gap = gaps
            .unwrap_or_default()
            .into_iter()
            .max_by_key(|gap| gap.to_ms.unwrap_or(i64::MAX));
        let in_gap = gap.is_some();
        let name = feed.name;
        let is_excused = self.excuses.iter().any(|excuse| {
            // What is lost or overtaken may be late too.
            let then = excuse.from <= shown_by + Millis(10_000) && act.time <= excuse.to;
            match &excuse.what {
                Excused::Lost => then && !in_gap && (!was_sent || COUNTED.contains(&key.1)),
                Excused::Topics(_) => {
                    let mut topics = act.topics.iter();
                    let is_of = |topic: &std::sync::Arc<str>| {
                        excuse.what.forbids(&topic.to_ascii_lowercase())
                    };
                    then && !was_sent && topics.any(is_of)
                }
                Excused::Reordered => then && PASSING.contains(&key.1),
                // While it was to be read, that was forbidden.
                Excused::Requests => gap.is_some_and(|gap| {
                    let read = gap.to_ms.unwrap_or(i64::MAX).saturating_add(READ_WITHIN.0);
                    excuse.from.0 <= read && gap.from_ms <= excuse.to.0
                }),
            }
        });
        if is_excused {
            self.verdict.lost += 1;
            return;
        }
        // Persistent connections can be done without; once refused they stay so.
        if !was_sent && key.1.starts_with("persistent_connection") {
            return;
        }
        if gap.is_some() && is_late {
            self.verdict.unread += 1;
            return;
        }
        if gap.is_some() && !answers(act, fact.is_last) {
            self.verdict.unrecoverable += 1;
            return;
        }
        self.verdict.missing += 1;
        let why = match (in_gap, was_sent) {
            (true, _) => "in a gap of its ledger, though REST tells it",
            (false, true) => "though it was sent",
            (false, false) => "in no gap of its ledger",
        };
        let detail = act.detail.as_deref().unwrap_or_default();
        let script = act.script.unwrap_or_default();
        self.finding(format!(
            "missing: the {name} did not tell {} of {} ({:?} {detail} at {}; {script}), {why}",
            key.1, key.0, act.kind, act.time
        ));
    }

    fn judge_agents(&mut self, region: &Region, acts: &[&Act], settled: Time) {
        let facts = self.facts(acts);
        self.verdict.transitions += facts.values().map(|facts| facts.len() as u64).sum::<u64>();
        let history = |act: &Act, _| {
            // Stations and their connections have none.
            let is_kept = matches!(
                act.kind,
                Kind::Presence | Kind::RoutingStatus | Kind::LoggedOn | Kind::LoggedOff
            );
            let told = answers::of_agent(region, act).filter(|_| is_kept);
            told.is_some_and(|told| answers::holds(&told, &act.time.iso()))
        };
        let mut history = history;
        for index in 0..2 {
            let told = std::mem::take(&mut self.feeds[index].ripe);
            for event in told.iter().filter(|event| event.exact) {
                let is_of_before = event.platform_ms.is_none_or(|at| at <= self.start.0);
                if !is_of_before && !self.reference.times.contains_key(&event.id) {
                    self.verdict.invented += 1;
                    let name = self.feeds[index].name;
                    self.finding(format!(
                        "an id that the undisturbed feed does not have: the {name} told {event:?}"
                    ));
                }
            }
            let mut by_key = self.by_key(&told);
            let mut left: Vec<(&Key, Vec<Fact<'_>>)> = Vec::new();
            let ends = ends_of_the_untold(&facts, &by_key, index);
            for (key, facts) in &facts {
                let events = by_key.remove(key).unwrap_or_default();
                let (untold, surplus) = matched(facts, &events, index, &ends);
                left.push((key, untold));
                for event in surplus {
                    self.beyond(index, key, event);
                }
            }
            for (key, untold) in &left {
                for fact in untold {
                    if begun_unseen(key, fact, &left, &facts) {
                        self.verdict.unrecoverable += 1;
                        continue;
                    }
                    self.untold(index, key, fact, settled, false, &mut history);
                }
            }
            for (key, events) in by_key {
                for event in events {
                    self.beyond(index, &key, event);
                }
            }
        }
    }

    /// An event about an agent that no act explains.
    fn beyond(&mut self, index: usize, key: &Key, event: &Told) {
        // How somebody is found, since when nobody says, or since before the beginning.
        let since = self.came.get(&event.user).unwrap_or(&self.start);
        let is_found = !event.exact || event.platform_ms.is_some_and(|at| at <= since.0);
        if is_found {
            return;
        }
        self.verdict.invented += 1;
        let name = self.feeds[index].name;
        self.finding(format!(
            "invented: the {name} told {} of {}: {event:?}",
            key.1, key.0
        ));
    }

    /// Whether bodies of a call may have overtaken each other: of what the platform neither dates nor counts, an old body
    /// then cannot be told from a new one.
    fn was_reordered(&self, acts: &[&Act]) -> bool {
        let mut excuses = self.excuses.iter();
        excuses.any(|excuse| {
            let then = |act: &&Act| excuse.from <= act.time && act.time <= excuse.to;
            matches!(excuse.what, Excused::Reordered) && acts.iter().any(then)
        })
    }

    fn facts<'a>(&self, acts: &[&'a Act]) -> BTreeMap<Key, Vec<Fact<'a>>> {
        let mut facts: BTreeMap<Key, Vec<Fact<'a>>> = BTreeMap::new();
        for act in acts {
            let word = serde_json::to_value(act.kind).unwrap_or_default();
            let word = word.as_str().unwrap_or_default();
            let detail = act.detail.as_deref().unwrap_or_default();
            let entries = self.table.iter();
            let entries = entries.filter(|entry| entry.makes_event_of(word, detail));
            for entry in entries {
                let key = (about_act(entry.about, act), entry.event);
                facts.entry(key).or_default().push(Fact {
                    act,
                    is_last: false,
                });
            }
        }
        for of_one in facts.values_mut() {
            if let Some(last) = of_one.last_mut() {
                last.is_last = true;
            }
        }
        facts
    }

    fn by_key<'a>(&self, told: &'a [Told]) -> BTreeMap<Key, Vec<&'a Told>> {
        let mut by_key: BTreeMap<Key, Vec<&Told>> = BTreeMap::new();
        for event in told {
            if self.table.iter().any(|entry| entry.event == event.kind) {
                by_key
                    .entry((self.about(event), event.kind))
                    .or_default()
                    .push(event);
            }
        }
        by_key
    }

    fn about(&self, event: &Told) -> String {
        let entry = self.table.iter().find(|entry| entry.event == event.kind);
        let (conversation, participant) = (&event.conversation, &event.participant);
        match entry.map_or("-", |entry| entry.about) {
            "agent" => event.user.clone(),
            "call" => conversation.clone(),
            "attribute" => format!("{conversation} {participant} {}", event.key),
            _ => format!("{conversation} {participant}"),
        }
    }
}

impl Excused {
    fn forbids(&self, key: &str) -> bool {
        match self {
            Self::Topics(patterns) => patterns.iter().any(|of| forbids(of, key)),
            _ => false,
        }
    }
}

impl Feed {
    /// Takes an event; false if its id was taken before.
    fn take(&mut self, told: &Told) -> bool {
        if told.conversation.is_empty() {
            if !self.ids.insert(told.id) {
                return false;
            }
            if told.kind.starts_with("station_") {
                // Where somebody is found at the start is no act, and carries no time by which it could be told from one.
                if told.source != "snapshot" {
                    self.stations.push(told.clone());
                }
            } else {
                let of_user = self.agents.entry(told.user.clone()).or_default();
                of_user.push(told.clone());
            }
            return true;
        }
        let of_call = self.calls.entry(told.conversation.clone()).or_default();
        if of_call.iter().any(|known| known.id == told.id) {
            return false;
        }
        of_call.push(told.clone());
        true
    }
}

fn exact_ids(told: &[Told]) -> BTreeSet<u128> {
    let exact = told.iter().filter(|event| event.exact);
    exact.map(|event| event.id).collect()
}

fn about_act(about: &str, act: &Act) -> String {
    let text = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
    let (conversation, participant) = (text(act.conversation), text(act.participant));
    match about {
        "agent" => text(act.user),
        "call" => conversation,
        "attribute" => {
            let key = act.detail.as_deref().unwrap_or_default();
            format!("{conversation} {participant} {key}")
        }
        _ => format!("{conversation} {participant}"),
    }
}

type Unmatched<'f, 'a> = (Vec<Fact<'f>>, Vec<&'a Told>);

/// Whether the begin of what a fact ends was not told: that it was told or not is judged there.
fn begun_unseen(
    key: &Key,
    fact: &Fact<'_>,
    left: &[(&Key, Vec<Fact<'_>>)],
    facts: &BTreeMap<Key, Vec<Fact<'_>>>,
) -> bool {
    begin_of(key, fact, facts).is_some_and(|begin| {
        let mut untold = left.iter().flat_map(|(_, untold)| untold);
        untold.any(|one| one.act.act == begin)
    })
}

/// Whether it is so again what a fact begins, and that it was not so meanwhile was not told: who missed that sees no change.
fn ended_unseen(
    key: &Key,
    fact: &Fact<'_>,
    left: &[(&Key, Vec<Fact<'_>>)],
    facts: &BTreeMap<Key, Vec<Fact<'_>>>,
) -> bool {
    let mut ends = acts::ENDS.iter();
    let end = ends.find(|(end, begins)| COUNTED.contains(end) && begins.contains(&key.1));
    let all = end.and_then(|(end, _)| facts.get(&(key.0.clone(), *end)));
    let last = all.and_then(|all| all.iter().rfind(|end| end.act.act < fact.act.act));
    last.is_some_and(|end| {
        let mut untold = left.iter().flat_map(|(_, untold)| untold);
        untold.any(|one| one.act.act == end.act.act)
    })
}

/// Whether nothing showed who left in the conference that they left: from their joining on nothing was sent to the adapter
/// until their leaving was. A conference that others go on with is seen then, and told, and not who was in it before.
///
/// `adapter`: which one, and when it told that the call became a conference.
fn joined_unseen(
    key: &Key,
    fact: &Fact<'_>,
    facts: &BTreeMap<Key, Vec<Fact<'_>>>,
    acts: &[&Act],
    adapter: (usize, Option<Time>),
) -> bool {
    let (index, conferenced) = adapter;
    let left = fact.act.time;
    let is_told_since = conferenced.is_some_and(|told| told >= left);
    let Some(joined) = begin_of(key, fact, facts).filter(|_| key.1 == "party_left") else {
        return false;
    };
    let mut meanwhile = (acts.iter()).filter(|act| act.act >= joined && act.time < left);
    is_told_since && meanwhile.all(|act| act.sent_to & (1 << index) == 0)
}

/// The act that began what a fact ends: the last one before it.
fn begin_of(key: &Key, fact: &Fact<'_>, facts: &BTreeMap<Key, Vec<Fact<'_>>>) -> Option<u64> {
    let (_, begins) = acts::ENDS.iter().find(|(end, _)| *end == key.1)?;
    let last = |begin: &&'static str| {
        // A conference is one of the call; the others are of the same leg or user.
        let call = key.0.split(' ').next().unwrap_or_default();
        let about = if *begin == "conferenced" {
            call
        } else {
            &key.0
        };
        let all = facts.get(&(about.to_owned(), *begin))?;
        let last = all.iter().rfind(|begin| begin.act.act < fact.act.act)?;
        Some(last.act.act)
    };
    begins.iter().filter_map(last).max()
}

/// The acts that end something whose begin was not told.
fn ends_of_the_untold(
    facts: &BTreeMap<Key, Vec<Fact<'_>>>,
    by_key: &BTreeMap<Key, Vec<&Told>>,
    index: usize,
) -> BTreeSet<u64> {
    let none = BTreeSet::new();
    let untold = |key: &Key, facts: &[Fact<'_>]| -> Vec<u64> {
        let events = by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        let (untold, _) = matched(facts, events, index, &none);
        untold.iter().map(|fact| fact.act.act).collect()
    };
    let begins = facts.iter().filter(|(key, _)| {
        let mut ends = acts::ENDS.iter();
        ends.any(|(_, begins)| begins.contains(&key.1))
    });
    let untold: BTreeSet<u64> = begins.flat_map(|(key, facts)| untold(key, facts)).collect();
    let is_end = |(key, fact): &(&Key, &Fact<'_>)| {
        begin_of(key, fact, facts).is_some_and(|begin| untold.contains(&begin))
    };
    let all = facts
        .iter()
        .flat_map(|(key, facts)| facts.iter().map(move |fact| (key, fact)));
    all.filter(is_end).map(|(_, fact)| fact.act.act).collect()
}

/// An event of a moment is the fact of that moment. The others are those that were sent to the adapter, in their order,
/// before any that were not, of which a read tells the last.
///
/// `ends`: acts that end something whose begin was not told; such an end was hardly told either.
fn matched<'f, 'a>(
    facts: &[Fact<'f>],
    events: &[&'a Told],
    index: usize,
    ends: &BTreeSet<u64>,
) -> Unmatched<'f, 'a> {
    let mut facts: Vec<Fact<'f>> = facts.to_vec();
    let mut left: Vec<&Told> = Vec::new();
    for &event in events {
        let at = event.platform_ms;
        match facts.iter().position(|fact| at == Some(fact.act.time.0)) {
            Some(found) => {
                facts.remove(found);
            }
            None => left.push(event),
        }
    }
    let mut surplus = Vec::new();
    for event in left {
        // A station has a name; of other things the order says which is which.
        let is_of = |fact: &Fact<'_>| {
            event.station.is_empty() || fact.act.detail.as_deref() == Some(&event.station)
        };
        let was_sent = |fact: &Fact<'_>| is_of(fact) && fact.act.sent_to & (1 << index) != 0;
        let was_begun = |fact: &Fact<'_>| was_sent(fact) && !ends.contains(&fact.act.act);
        let found = facts.iter().position(was_begun);
        let found = found.or_else(|| facts.iter().position(was_sent));
        // A read shows what was last: of an attribute that got two values in a gap, the second.
        let unsent = || match event.source {
            "live" => facts.iter().position(is_of),
            _ => facts.iter().rposition(is_of),
        };
        match found.or_else(unsent) {
            Some(found) => {
                facts.remove(found);
            }
            None => surplus.push(event),
        }
    }
    (facts, surplus)
}

/// Whether a topic that recorders follow showed it.
fn is_shown(act: &Act) -> bool {
    act.topics.iter().any(|topic| !topic.ends_with(".activity"))
}

/// The user or queue that a topic is about.
fn subject(topic: &str) -> Option<&str> {
    let rest =
        (topic.strip_prefix("v2.users.")).or_else(|| topic.strip_prefix("v2.routing.queues."))?;
    rest.split('.').next()
}

/// Whether a pattern of forbidden topics is about what a followed topic is about. A combined topic of which some parts
/// are refused is followed in the rest, or not at all where none is left.
fn forbids(pattern: &str, key: &str) -> bool {
    topic::fits(&pattern.to_ascii_lowercase(), key)
}

fn topics_of_user(id: &str) -> [topic::TopicKey; 5] {
    let forms = [
        "presence",
        "routingstatus",
        "station",
        "conversations",
        "conversations.calls",
    ];
    forms.map(|form| topic::key(&format!("v2.users.{id}.{form}")))
}

fn topics_of_queue(id: &str) -> [topic::TopicKey; 2] {
    let forms = ["conversations", "conversations.calls"];
    forms.map(|form| topic::key(&format!("v2.routing.queues.{id}.{form}")))
}

/// The length of a union of intervals, those of newcomers apart.
fn union_ms(gaps: &BTreeMap<u64, Gap>, from: Time, to: Time) -> i64 {
    let mut intervals: Vec<(i64, i64)> = gaps
        .values()
        .filter(|gap| gap.cause != JOINED)
        .map(|gap| (gap.from_ms.max(from.0), gap.to_ms.unwrap_or(to.0).min(to.0)))
        .collect();
    intervals.sort_unstable();
    let (mut sum, mut end) = (0, i64::MIN);
    for (from, to) in intervals {
        sum += (to - from.max(end)).max(0);
        end = end.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOINED: Time = Time(1_000);
    const LEFT: Time = Time(9_000);

    fn act(number: u64, time: Time, kind: Kind, sent_to: u64) -> Act {
        Act {
            act: number,
            time,
            kind,
            conversation: None,
            participant: None,
            communication: None,
            user: None,
            queue: None,
            purpose: None,
            cause: None,
            detail: None,
            topics: Vec::new(),
            sent: Vec::new(),
            sent_to,
            script: None,
        }
    }

    /// Three talk, a fourth comes, and one of the three leaves, which is sent; told is the conference at this time.
    fn is_excused(sent_to: [u64; 3], what: &'static str, told: Option<Time>) -> bool {
        let [conferenced, connected, added] = sent_to;
        let acts = [
            act(1, JOINED, Kind::Conferenced, conferenced),
            act(2, Time(5_000), Kind::Connected, connected),
            act(3, Time(5_000), Kind::PartyAdded, added),
            act(4, LEFT, Kind::Disconnected, 0b01),
            act(5, LEFT, Kind::PartyLeft, 0b01),
        ];
        let fact = |at: usize| Fact {
            act: &acts[at],
            is_last: true,
        };
        let key = |about: &str, event| (about.to_owned(), event);
        let facts = BTreeMap::from([
            (key("call", "conferenced"), vec![fact(0)]),
            (key("call fourth", "party_added"), vec![fact(2)]),
            (key("call third", "connection_cleared"), vec![fact(3)]),
            (key("call third", what), vec![fact(4)]),
        ]);
        let all: Vec<&Act> = acts.iter().collect();
        joined_unseen(&key("call third", what), &fact(4), &facts, &all, (0, told))
    }

    #[test]
    fn who_left_a_conference_that_nothing_showed_them_in_need_not_be_told() {
        // What the other adapter was sent is no matter.
        for sent_to in [[0; 3], [0b10; 3]] {
            assert!(is_excused(sent_to, "party_left", Some(LEFT)));
        }
    }

    #[test]
    fn who_left_a_conference_that_something_showed_them_in_is_missing() {
        for sent_to in [[0b01, 0, 0], [0, 0b01, 0], [0, 0, 0b11]] {
            let is_excused = is_excused(sent_to, "party_left", Some(LEFT));
            assert!(!is_excused, "{sent_to:?}");
        }
        // A read showed it, or a body that showed nothing else that is new.
        let before = Time(LEFT.0 - 1);
        assert!(!is_excused([0; 3], "party_left", Some(before)));
        // Of what was not told nothing is known.
        assert!(!is_excused([0; 3], "party_left", None));
        // Nor is anything else that they did.
        assert!(!is_excused([0; 3], "party_added", Some(LEFT)));
    }
}
