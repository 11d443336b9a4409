//! While one connection takes over from another, the same topics come on two sockets, one behind the other.
//!
//! The socket that was there first leads: what it shows is told. What the second one shows is kept aside, and told when it
//! takes over, from where the first one stopped. So what is told is what one undisturbed socket would have shown, in its
//! order, and nothing depends on how far one lags behind the other: not even what the platform neither dates nor counts.
//!
//! Where the first one stopped is found by comparing texts: both show the same bodies of a topic and conversation in the
//! same order. The second may be ahead: then what the first had not shown is told. Or behind: then what it shows is passed
//! over until it has caught up. If the two cannot be laid side by side, since one of them lost or swapped bodies, the last
//! body that both have shown decides.
//!
//! Knows: sockets, and texts as they come. Does not know: what a body means.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::model::frame::Notification;
use crate::model::id::{QueueId, UserId};
use crate::model::order::SocketId;
use crate::model::time::Now;

/// How long a socket that took over may be behind. It is as long as the platform takes to close one.
const CATCHES_UP: Duration = Duration::from_secs(60);

/// How long what the second socket shows may wait for the first one to show it too, or to be left. Longer than any overlap
/// that may be set: then the first one does not show it, whatever was told of it, and the second takes over.
const PATIENCE: Duration = Duration::from_secs(45);

/// How many bodies of one topic and conversation are remembered while two sockets show them; of more, the first are
/// forgotten.
const REMEMBERED: usize = 256;

/// A user or a queue, by the hash of what it is.
type Subject = u64;

/// A topic, and of those of conversations one conversation.
type Strand = u64;

/// A body, by the hash of its text.
type Mark = u64;

/// Which sockets show which topics.
#[derive(Debug, Default)]
pub(crate) struct Overlaps {
    leads: HashMap<Subject, SocketId>,
    /// Sockets that someone's topics are known to flow on.
    known: Vec<SocketId>,
    pairs: Vec<Pair>,
    /// Sockets that took over.
    heirs: Vec<Heir>,
    /// How many notifications were kept.
    kept: u64,
}

/// Two sockets that show the same topics.
#[derive(Debug)]
struct Pair {
    lead: SocketId,
    second: SocketId,
    subjects: HashSet<Subject>,
    strands: HashMap<Strand, Braid>,
}

/// What both have shown of a strand since the second one began.
#[derive(Debug)]
struct Braid {
    subject: Subject,
    by_lead: VecDeque<Mark>,
    by_second: VecDeque<Kept>,
}

#[derive(Debug)]
struct Kept {
    mark: Mark,
    /// `None` once the lead has shown it too.
    notification: Option<Box<Waiting>>,
}

/// A notification that waits to be told.
pub(crate) struct Waiting {
    topic: Box<str>,
    body: Box<str>,
    metadata: Option<Box<str>>,
    pub(crate) arrived: Now,
    number: u64,
}

/// Of the texts nothing: they are full of what nobody may read in a log.
impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("arrived", &self.arrived)
            .finish_non_exhaustive()
    }
}

impl Waiting {
    pub(crate) fn notification(&self) -> Notification<'_> {
        Notification {
            topic: &self.topic,
            body: &self.body,
            metadata: self.metadata.as_deref(),
        }
    }
}

/// A socket that took over: of each strand that it is behind with, what it has still to show of what was told.
#[derive(Debug)]
struct Heir {
    socket: SocketId,
    behind: HashMap<Strand, VecDeque<Mark>>,
    until: Duration,
}

/// What to do with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is to be told.
    Tell,
    /// It was kept, until its socket takes over.
    Kept,
    /// It was told before, by the socket that led then.
    Told,
}

/// A notification, as far as it is looked at here.
pub(crate) struct Seen<'a> {
    /// The id of the user or queue.
    pub(crate) subject: &'a str,
    pub(crate) on_queue: bool,
    /// What tells the strands of a subject from each other: the kind of topic, the conversation.
    pub(crate) strand: (u8, &'a str),
    /// What tells bodies of the same text from each other.
    pub(crate) apart: u8,
    pub(crate) notification: &'a Notification<'a>,
}

impl Seen<'_> {
    fn subject(&self) -> Subject {
        subject(self.subject, self.on_queue)
    }

    fn strand(&self) -> Strand {
        let (kind, conversation) = self.strand;
        hash(&[&[kind], self.subject.as_bytes(), conversation.as_bytes()])
    }

    fn mark(&self) -> Mark {
        hash(&[&[self.apart], self.notification.body.as_bytes()])
    }
}

fn subject(id: &str, on_queue: bool) -> Subject {
    hash(&[&[u8::from(on_queue)], id.as_bytes()])
}

/// Only ever compared within this process.
fn hash(parts: &[&[u8]]) -> u64 {
    let hashes = parts
        .iter()
        .map(|part| twox_hash::XxHash3_128::oneshot(part));
    hashes.fold(0, |all, part| {
        all.rotate_left(21).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ part as u64
    })
}

impl Overlaps {
    /// Whether no two sockets show the same, and none did until a short time ago: what the socket shows is to be told.
    pub(crate) fn is_quiet(&self, socket: SocketId) -> bool {
        // What a socket shows before it is known whose topics flow on it may flow on another one too.
        let is_known = self.known.is_empty() || self.known.contains(&socket);
        is_known && self.pairs.is_empty() && self.heirs.is_empty()
    }

    /// The topics of these users and queues flow on the socket. If they do on another one too, that one leads.
    pub(crate) fn flow(&mut self, socket: SocketId, users: &[UserId], queues: &[QueueId]) {
        if !self.known.contains(&socket) {
            self.known.push(socket);
        }
        for subject in subjects(users, queues) {
            let lead = *self.leads.entry(subject).or_insert(socket);
            if lead != socket {
                self.pair(lead, socket, subject);
            }
        }
    }

    /// The subject's topics flow on both sockets.
    fn pair(&mut self, lead: SocketId, second: SocketId, subject: Subject) -> &mut Pair {
        for pair in &mut self.pairs {
            // One that was to take over and was given up.
            if pair.lead == lead && pair.second != second {
                pair.part_with(&|of| of == subject);
            }
        }
        self.pairs.retain(|pair| !pair.subjects.is_empty());
        let is_it = |pair: &Pair| pair.lead == lead && pair.second == second;
        let at = self.pairs.iter().position(is_it).unwrap_or_else(|| {
            self.pairs.push(Pair {
                lead,
                second,
                subjects: HashSet::new(),
                strands: HashMap::new(),
            });
            self.pairs.len() - 1
        });
        let pair = &mut self.pairs[at];
        pair.subjects.insert(subject);
        pair
    }

    /// Sockets on which nobody's topics flow are known no more.
    fn forget_sockets(&mut self) {
        let Self {
            known,
            leads,
            pairs,
            ..
        } = self;
        known.retain(|socket| {
            leads.values().any(|lead| lead == socket)
                || pairs.iter().any(|pair| pair.second == *socket)
        });
    }

    /// A notification came on the socket.
    pub(crate) fn take(&mut self, socket: SocketId, seen: &Seen<'_>, now: Now) -> Part {
        let (subject, strand, mark) = (seen.subject(), seen.strand(), seen.mark());
        if let Some(heir) = self.heirs.iter_mut().find(|heir| heir.socket == socket)
            && heir.passes_over(strand, mark)
        {
            return Part::Told;
        }
        let is_of = |pair: &Pair| {
            (pair.lead == socket || pair.second == socket) && pair.subjects.contains(&subject)
        };
        let kept = self.kept + 1;
        let pair = match self.pairs.iter().position(is_of) {
            Some(at) => &mut self.pairs[at],
            // It is not known yet that the topics flow on this one too: the answer to the request for them is slower.
            None => match self.leads.get(&subject) {
                Some(lead) if *lead != socket => {
                    let lead = *lead;
                    self.pair(lead, socket, subject)
                }
                Some(_) | None => return Part::Tell,
            },
        };
        let braid = pair.strands.entry(strand).or_insert_with(|| Braid {
            subject,
            by_lead: VecDeque::new(),
            by_second: VecDeque::new(),
        });
        if pair.lead == socket {
            braid.lead_shows(mark);
            return Part::Tell;
        }
        let waiting = || Waiting {
            topic: seen.notification.topic.into(),
            body: seen.notification.body.into(),
            metadata: seen.notification.metadata.map(Into::into),
            arrived: now,
            number: kept,
        };
        braid.second_shows(mark, waiting);
        self.kept = kept;
        Part::Kept
    }

    /// The socket `from` was left or is lost, and `to` leads: what it has shown beyond is returned, in the order in which it
    /// came, to be told now.
    pub(crate) fn succeed(&mut self, from: SocketId, to: SocketId, now: Now) -> Vec<Waiting> {
        for lead in self.leads.values_mut().filter(|lead| **lead == from) {
            *lead = to;
        }
        self.heirs.retain(|heir| heir.socket != from);
        self.pairs.retain(|pair| pair.second != from);
        let waiting = self.hand_over(from, &|_| true, now);
        self.forget_sockets();
        waiting
    }

    /// The topics of these users and queues ceased to flow on the socket. If they flow on another one too, it leads from now
    /// on, and what it has shown beyond is returned.
    pub(crate) fn cease(
        &mut self,
        socket: SocketId,
        users: &[UserId],
        queues: &[QueueId],
        now: Now,
    ) -> Vec<Waiting> {
        let ceased: HashSet<Subject> = subjects(users, queues).collect();
        for subject in &ceased {
            if self.leads.get(subject) == Some(&socket) {
                let is_next = |pair: &&Pair| pair.lead == socket && pair.subjects.contains(subject);
                match self.pairs.iter().find(is_next) {
                    Some(pair) => self.leads.insert(*subject, pair.second),
                    None => self.leads.remove(subject),
                };
            }
        }
        let waiting = self.hand_over(socket, &|subject| ceased.contains(&subject), now);
        for pair in self.pairs.iter_mut().filter(|pair| pair.second == socket) {
            pair.part_with(&|subject| ceased.contains(&subject));
        }
        self.pairs.retain(|pair| !pair.subjects.is_empty());
        self.forget_sockets();
        waiting
    }

    /// The topics of these users and queues are taken off all sockets. Should they flow again, no socket of before leads.
    pub(crate) fn forget(&mut self, users: &[UserId], queues: &[QueueId]) {
        for subject in subjects(users, queues) {
            self.leads.remove(&subject);
            for pair in &mut self.pairs {
                pair.part_with(&|of| of == subject);
            }
        }
        self.pairs.retain(|pair| !pair.subjects.is_empty());
    }

    /// Whether the topics of a subject are known to flow on another socket than this one.
    pub(crate) fn flows_beside(&self, socket: SocketId, id: &str, on_queue: bool) -> bool {
        let lead = self.leads.get(&subject(id, on_queue));
        lead.is_some_and(|lead| *lead != socket)
    }

    fn hand_over(
        &mut self,
        from: SocketId,
        is_handed: &dyn Fn(Subject) -> bool,
        now: Now,
    ) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for pair in self.pairs.iter_mut().filter(|pair| pair.lead == from) {
            let mut behind = HashMap::new();
            for (strand, braid) in pair.part_with(is_handed) {
                let (ahead, left) = braid.part();
                waiting.extend(ahead);
                if !left.is_empty() {
                    behind.insert(strand, left);
                }
            }
            if !behind.is_empty() {
                self.heirs.push(Heir {
                    socket: pair.second,
                    behind,
                    until: now.elapsed + CATCHES_UP,
                });
            }
        }
        self.pairs.retain(|pair| !pair.subjects.is_empty());
        waiting.sort_unstable_by_key(|waiting: &Waiting| waiting.number);
        waiting
    }

    /// Forgets what is no longer of use, and returns what has waited for too long.
    pub(crate) fn expire(&mut self, now: Now) -> Vec<Waiting> {
        (self.heirs).retain(|heir| !heir.behind.is_empty() && now.elapsed < heir.until);
        let is_overdue = |pair: &&Pair| {
            let mut since = pair.strands.values().filter_map(Braid::waits_since);
            since.any(|since| now.elapsed.saturating_sub(since) > PATIENCE)
        };
        let Some(at) = self.pairs.iter().position(|pair| is_overdue(&pair)) else {
            return Vec::new();
        };
        let Pair { lead, second, .. } = self.pairs[at];
        let subjects = self.pairs[at].subjects.clone();
        for subject in &subjects {
            self.leads.insert(*subject, second);
        }
        let waiting = self.hand_over(lead, &|subject| subjects.contains(&subject), now);
        // Should the first one show them yet, it waits in its turn.
        self.pairs.push(Pair {
            lead: second,
            second: lead,
            subjects,
            strands: HashMap::new(),
        });
        waiting
    }
}

fn subjects(users: &[UserId], queues: &[QueueId]) -> impl Iterator<Item = Subject> {
    let users = users.iter().map(|user| subject(user.as_str(), false));
    users.chain(queues.iter().map(|queue| subject(queue.as_str(), true)))
}

impl Pair {
    /// Lets go of the subjects.
    fn part_with(&mut self, is_it: &dyn Fn(Subject) -> bool) -> Vec<(Strand, Braid)> {
        self.subjects.retain(|subject| !is_it(*subject));
        self.strands
            .extract_if(|_, braid| is_it(braid.subject))
            .collect()
    }
}

impl Braid {
    fn lead_shows(&mut self, mark: Mark) {
        // The same body again is no other one.
        if self.by_lead.back() != Some(&mark) {
            push(&mut self.by_lead, mark);
            self.forget_texts();
        }
    }

    fn second_shows(&mut self, mark: Mark, waiting: impl FnOnce() -> Waiting) {
        if self.by_second.back().is_none_or(|last| last.mark != mark) {
            let notification = Some(Box::new(waiting()));
            push(&mut self.by_second, Kept { mark, notification });
            self.forget_texts();
        }
    }

    /// When the first arrived that waits.
    fn waits_since(&self) -> Option<Duration> {
        let mut waiting = self
            .by_second
            .iter()
            .filter_map(|kept| kept.notification.as_ref());
        waiting.next().map(|waiting| waiting.arrived.elapsed)
    }

    /// Of what both have shown only the marks are needed.
    fn forget_texts(&mut self) {
        if let Some(place) = self.place() {
            for at in 0..self.by_second.len().min(place.ahead_from) {
                self.by_second[at].notification = None;
            }
        }
    }

    /// How what both have shown lies side by side; `None`: they have nothing in common.
    fn place(&self) -> Option<Place> {
        let (lead, second) = (self.by_lead.len(), self.by_second.len());
        let is_same = |of_lead: usize, of_second: usize| {
            self.by_lead[of_lead] == self.by_second[of_second].mark
        };
        // The second one's first body stands at `at`. It began no earlier than both were watched, and so did what the lead
        // has shown: the earliest place is the likeliest.
        let later = (0..lead).find(|at| {
            let both = (lead - at).min(second);
            both > 0 && (0..both).all(|next| is_same(at + next, next))
        });
        if let Some(at) = later {
            return Some(Place {
                ahead_from: lead - at,
                behind_from: at + second,
            });
        }
        // The second one began with what the lead had shown before.
        let earlier = (1..second).find(|before| {
            let both = (second - before).min(lead);
            both > 0 && (0..both).all(|next| is_same(next, before + next))
        });
        if let Some(before) = earlier {
            return Some(Place {
                ahead_from: before + lead,
                behind_from: second - before,
            });
        }
        // One of them lost a body or swapped two: the last that both have shown, as the second one has it last.
        let (of_lead, of_second) = (0..second).rev().find_map(|of_second| {
            let of_lead = (0..lead)
                .rev()
                .find(|of_lead| is_same(*of_lead, of_second))?;
            Some((of_lead, of_second))
        })?;
        Some(Place {
            ahead_from: of_second + 1,
            behind_from: if of_second + 1 == second {
                of_lead + 1
            } else {
                lead
            },
        })
    }

    /// What only the second one has shown, and what only the lead has.
    fn part(self) -> (impl Iterator<Item = Waiting>, VecDeque<Mark>) {
        let place = self.place().unwrap_or(Place {
            ahead_from: 0,
            // Who has shown nothing yet has everything to show.
            behind_from: if self.by_second.is_empty() {
                0
            } else {
                self.by_lead.len()
            },
        });
        let ahead = self.by_second.into_iter().skip(place.ahead_from);
        let ahead = ahead.filter_map(|kept| Some(*kept.notification?));
        let behind = self.by_lead.into_iter().skip(place.behind_from).collect();
        (ahead, behind)
    }
}

/// Where two strands part.
struct Place {
    /// From which on the second one's are its own.
    ahead_from: usize,
    /// From which on the lead's are its own.
    behind_from: usize,
}

impl Heir {
    /// Whether the body is one that was told; what comes before it was passed over.
    fn passes_over(&mut self, strand: Strand, mark: Mark) -> bool {
        let Some(behind) = self.behind.get_mut(&strand) else {
            return false;
        };
        let at = behind.iter().position(|told| *told == mark);
        match at {
            Some(at) => {
                behind.drain(..=at);
            }
            None => behind.clear(),
        }
        if behind.is_empty() {
            self.behind.remove(&strand);
        }
        at.is_some()
    }
}

fn push<T>(to: &mut VecDeque<T>, item: T) {
    if to.len() == REMEMBERED {
        to.pop_front();
    }
    to.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::UtcMicros;

    const FIRST: SocketId = SocketId(1);
    const SECOND: SocketId = SocketId(2);

    struct Ear {
        overlaps: Overlaps,
        now: Now,
    }

    impl Ear {
        /// Both sockets show what is to show of one user.
        fn new() -> Self {
            let mut ear = Self {
                overlaps: Overlaps::default(),
                now: Now {
                    elapsed: Duration::ZERO,
                    utc: UtcMicros(0),
                },
            };
            ear.flow(FIRST);
            assert!(ear.overlaps.is_quiet(FIRST));
            ear.flow(SECOND);
            ear
        }

        fn flow(&mut self, socket: SocketId) {
            self.overlaps.flow(socket, &["ann".into()], &[]);
        }

        fn hear(&mut self, socket: SocketId, body: &str) -> Part {
            let notification = Notification {
                topic: "v2.users.ann.station",
                body,
                metadata: None,
            };
            let seen = Seen {
                subject: "ann",
                on_queue: false,
                strand: (4, ""),
                apart: 0,
                notification: &notification,
            };
            self.overlaps.take(socket, &seen, self.now)
        }

        /// Each letter is a body; capitals come on the second socket. What is told.
        fn hear_all(&mut self, bodies: &str) -> String {
            let mut told = String::new();
            for body in bodies.chars() {
                let socket = if body.is_uppercase() { SECOND } else { FIRST };
                let body = body.to_lowercase().to_string();
                if self.hear(socket, &body) == Part::Tell {
                    told.push_str(&body);
                }
            }
            told
        }

        fn succeed(&mut self) -> String {
            texts(&self.overlaps.succeed(FIRST, SECOND, self.now))
        }
    }

    fn texts(waiting: &[Waiting]) -> String {
        waiting.iter().map(|waiting| &*waiting.body).collect()
    }

    /// Bodies before and after the first socket is left; what is told in all.
    #[track_caller]
    fn assert_told(before: &str, after: &str, told: &str) {
        let mut ear = Ear::new();
        let mut heard = ear.hear_all(before);
        heard += &ear.succeed();
        heard += &ear.hear_all(after);
        assert_eq!(heard, told, "{before}|{after}");
    }

    #[test]
    fn whichever_is_ahead_each_body_is_told_once_and_in_order() {
        assert_told("aAbB", "CD", "abcd");
        assert_told("AaBb", "CD", "abcd");
        assert_told("abcA", "BCD", "abcd");
        assert_told("abc", "ABCD", "abcd");
        assert_told("ABCa", "D", "abcd");
        assert_told("ABC", "D", "abcd");
        // The first one had come as far as the second one's beginning, or not.
        assert_told("abBcC", "D", "abcd");
        assert_told("BabcC", "D", "abcd");
        // The second one began with what both had shown before.
        assert_told("ABbc", "CD", "bcd");
    }

    #[test]
    fn bodies_that_look_alike_are_told_apart_by_their_order() {
        assert_told("abababA", "BABABC", "abababc");
        assert_told("ababABAB", "AB", "ababab");
        assert_told("aABAB", "AB", "ababab");
        assert_told("aabAAB", "A", "aaba");
    }

    #[test]
    fn bodies_that_one_of_them_lost_do_not_hide_the_rest() {
        assert_told("abcdABD", "EF", "abcdef");
        assert_told("abdABCD", "EF", "abdef");
        assert_told("abcdX", "EF", "abcdxef");
    }

    #[test]
    fn one_that_was_given_up_leaves_nothing() {
        let mut ear = Ear::new();
        assert_eq!(ear.hear_all("aABC"), "a");
        let third = SocketId(3);
        ear.flow(third);
        assert_eq!(ear.hear(third, "b"), Part::Kept);
        assert_eq!(texts(&ear.overlaps.succeed(FIRST, third, ear.now)), "b");
        assert!(ear.overlaps.is_quiet(third));
    }

    #[test]
    fn topics_that_cease_are_told_by_the_one_that_is_left() {
        let mut ear = Ear::new();
        assert_eq!(ear.hear_all("aAB"), "a");
        let ann = ["ann".into()];
        assert!(ear.overlaps.flows_beside(SECOND, "ann", false));
        assert_eq!(texts(&ear.overlaps.cease(FIRST, &ann, &[], ear.now)), "b");
        assert!(!ear.overlaps.flows_beside(SECOND, "ann", false));
        assert_eq!(ear.hear_all("C"), "c");
        // And the second one may cease while the first leads.
        let mut ear = Ear::new();
        assert_eq!(ear.hear_all("aAB"), "a");
        assert!(ear.overlaps.cease(SECOND, &ann, &[], ear.now).is_empty());
        assert!(ear.overlaps.is_quiet(FIRST));
        assert_eq!(ear.hear_all("b"), "b");
    }

    #[test]
    fn nothing_waits_for_ever_for_a_socket_that_does_not_show_it() {
        let mut ear = Ear::new();
        assert_eq!(ear.hear_all("aAB"), "a");
        ear.now.elapsed += PATIENCE;
        assert!(ear.overlaps.expire(ear.now).is_empty());
        ear.now.elapsed += Duration::from_secs(1);
        assert_eq!(texts(&ear.overlaps.expire(ear.now)), "b");
        assert_eq!(ear.hear_all("bC"), "c");
        assert_eq!(ear.succeed(), "");
        assert_eq!(ear.hear_all("D"), "d");
        assert!(ear.overlaps.is_quiet(SECOND));
    }

    /// The websocket may show a topic before the request that asked for it is answered.
    #[test]
    fn what_a_second_socket_shows_before_it_is_named_waits_too() {
        let mut ear = Ear {
            overlaps: Overlaps::default(),
            ..Ear::new()
        };
        ear.flow(FIRST);
        assert_eq!(ear.hear_all("ab"), "ab");
        assert!(!ear.overlaps.is_quiet(SECOND));
        assert_eq!(ear.hear_all("ABCc"), "c");
        ear.flow(SECOND);
        assert_eq!(ear.hear_all("CD"), "");
        assert_eq!(ear.succeed(), "d");
        assert_eq!(ear.hear_all("E"), "e");
        assert!(ear.overlaps.is_quiet(SECOND) && !ear.overlaps.is_quiet(FIRST));
        // Of whom nobody leads nothing waits.
        let mut ear = Ear {
            overlaps: Overlaps::default(),
            ..ear
        };
        assert_eq!(ear.hear_all("AB"), "ab");
    }

    #[test]
    fn who_left_the_roster_and_comes_back_elsewhere_is_told_at_once() {
        let ann = [UserId::from("ann")];
        let mut ear = Ear::new();
        assert_eq!(ear.hear_all("aAB"), "a");
        ear.overlaps.forget(&ann, &[]);
        assert!(ear.overlaps.is_quiet(FIRST));
        ear.overlaps.flow(SECOND, &ann, &[]);
        assert_eq!(ear.hear_all("C"), "c");
        assert!(!ear.overlaps.flows_beside(SECOND, "ann", false));
    }

    #[test]
    fn one_that_took_over_is_behind_for_a_minute_at_the_most() {
        let mut ear = Ear::new();
        assert_eq!(ear.hear_all("ab"), "ab");
        assert_eq!(ear.succeed(), "");
        ear.now.elapsed += CATCHES_UP;
        ear.overlaps.expire(ear.now);
        assert!(ear.overlaps.is_quiet(SECOND));
        assert_eq!(ear.hear_all("A"), "a");
    }
}
