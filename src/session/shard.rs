//! Topics to channels: whom the feed follows, in shards of one channel each.
//!
//! A subject (a user, a queue) is followed by one combined topic. The platform takes 1,000 topics on a channel; a shard
//! holds 900, so that there is room for what a verdict or a later need adds. A subject stays in its shard.
//!
//! A user's topic ends with a form that calls can do without (`DISPENSABLE`). Where it may be what is refused, the
//! user is asked for once more without it, and stays without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::Backoff;
use super::channel::Channel;
use super::errand::{Errand, Trouble};
use crate::model::id::{QueueId, Topic, UserId};
use crate::model::order::TopicVerdict;

/// Subjects of one channel.
pub(super) const PER_CHANNEL: usize = 900;
/// The platform keeps 20 channels for a client id; one is left free for the replacement of another.
pub(super) const MOST_CHANNELS: usize = 19;
/// The platform's limit on a combined topic.
const LONGEST_TOPIC: usize = 200;
/// So many subjects in a row that were refused alone: what is dispensable is not asked for any more before what is not
/// is taken.
const RULE: u32 = 3;
/// The form that a user is followed without where the platform refuses it.
const DISPENSABLE: &str = "persistentconnection";

/// Whom a topic is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    User(UserId),
    Queue(QueueId),
}

impl Subject {
    /// The forms that its combined topic joins: the nested conversations lead, the flat ones add what only they have.
    const fn forms(&self, form: Form) -> &'static [&'static str] {
        match (self, form) {
            (Self::User(_), Form::Whole) => &[
                "presence",
                "routingStatus",
                "station",
                "conversations",
                "conversations.calls",
                DISPENSABLE,
            ],
            (Self::User(_), Form::Trial | Form::Calls | Form::Lessened) => &[
                "presence",
                "routingStatus",
                "station",
                "conversations",
                "conversations.calls",
            ],
            (Self::Queue(_), _) => &["conversations", "conversations.calls"],
        }
    }

    /// What all its topics start with.
    fn stem(&self) -> String {
        match self {
            Self::User(id) => format!("v2.users.{id}"),
            Self::Queue(id) => format!("v2.routing.queues.{id}"),
        }
    }

    /// Its combined topic, unless the id is so long that the platform would not take it.
    pub(super) fn topic(&self) -> Option<Topic> {
        self.topic_in(Form::Whole)
    }

    fn topic_in(&self, form: Form) -> Option<Topic> {
        let topic = format!("{}?{}", self.stem(), self.forms(form).join("&"));
        (topic.len() <= LONGEST_TOPIC).then(|| Topic::from(topic))
    }
}

/// How much of a subject is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All of it.
    Whole,
    /// All but what is dispensable, to find out whether that is what the platform refuses.
    Trial,
    /// All but what is dispensable, until the next channel: the platform refuses the rest as well, or did.
    Calls,
    /// All but what is dispensable, which the platform refuses.
    Lessened,
}

/// The users that turned out to have to do without what is dispensable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lessened {
    pub(super) users: usize,
    pub(super) reason: String,
}

/// How to go on after a refusal of all that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrowed {
    /// Ask for the same subjects without what is dispensable.
    Lessened,
    /// Ask for fewer.
    Divided,
    /// There is nothing less to ask for.
    No,
}

/// The stem of a topic as the platform spells it: what is before the forms, in lower case.
fn stem_of(topic: &str) -> Option<String> {
    let lower = topic.to_ascii_lowercase();
    let id = ["v2.users.", "v2.routing.queues."]
        .iter()
        .find_map(|family| {
            let rest = lower.strip_prefix(family)?;
            Some(family.len() + rest.find(['.', '?']).unwrap_or(rest.len()))
        })?;
    Some(lower[..id].to_owned())
}

/// The reason of a verdict, for a sentence that goes on after it.
fn said_of(verdict: &TopicVerdict) -> String {
    verdict.reason.trim_end_matches('.').to_owned()
}

/// How far the following of a subject has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// To be subscribed.
    Wanted,
    /// Subscribed, no verdict yet.
    Asked,
    /// The platform gave its verdict.
    Settled,
}

/// What the platform refused of a subject's topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The topics, as the platform or we spelt them.
    pub(super) topics: Vec<Topic>,
    /// The platform's reason for the first of them.
    pub(super) reason: String,
    /// Whether nothing is left that tells of the subject's calls.
    pub(super) total: bool,
}

#[derive(Debug)]
struct Followed {
    standing: Standing,
    form: Form,
    /// It left the roster. Its topic stays on the channel until the next channel.
    gone: bool,
    /// Announced as flowing.
    flowing: bool,
    refusal: Option<Box<Refusal>>,
}

/// Users and queues, as notices name them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subjects {
    pub(super) users: Vec<UserId>,
    pub(super) queues: Vec<QueueId>,
}

impl Subjects {
    fn push(&mut self, subject: &Subject) {
        match subject {
            Subject::User(id) => self.users.push(id.clone()),
            Subject::Queue(id) => self.queues.push(id.clone()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.queues.is_empty()
    }

    pub(super) fn into_arcs(self) -> (Arc<[UserId]>, Arc<[QueueId]>) {
        (self.users.into(), self.queues.into())
    }
}

/// What a shard counts, kept up with its subjects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) wanted: usize,
    pub(super) asked: usize,
    pub(super) flowing: usize,
    /// Subjects of which something was refused.
    pub(super) refused: usize,
}

#[derive(Debug, Default)]
pub(super) struct Shard {
    subjects: BTreeMap<Subject, Followed>,
    counts: Counts,
    /// Grows with every change of whom it holds and how they stand.
    revision: u64,
    pub(super) channel: Option<Channel>,
    /// Whether it has ever had an open socket.
    pub(super) was_open: bool,
    pub(super) create: Errand,
    pub(super) probe: Errand,
    pub(super) subscribe: Errand,
    /// Asking for more at once was refused as a whole.
    portion: Option<usize>,
    /// Nothing was taken since the portions became smaller: it may be none of the topics that is refused.
    nothing_taken: bool,
    /// Subjects in a row that were refused alone.
    refused_alone: u32,
    /// Why what is dispensable was refused last.
    lessened_for: String,
    /// When topics were asked for last.
    pub(super) asked_at: Duration,
    /// Of sockets and channels that did not last.
    pub(super) backoff: Backoff,
    pub(super) not_before: Duration,
    /// What ended the last socket or channel, until the next socket is open.
    pub(super) trouble: Option<Trouble>,
}

impl Shard {
    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.subjects.len() < PER_CHANNEL
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    fn recount(&mut self) {
        self.revision += 1;
        let mut counts = Counts::default();
        for followed in self.subjects.values() {
            match followed.standing {
                Standing::Wanted => counts.wanted += 1,
                Standing::Asked => counts.asked += 1,
                Standing::Settled => {}
            }
            counts.flowing += usize::from(followed.flowing && !followed.gone);
            counts.refused += usize::from(followed.refusal.is_some() && !followed.gone);
        }
        self.counts = counts;
    }

    /// Whether everyone in it is followed as far as the platform permits. Who joined a shard that already was whole
    /// does not count until asking for them has failed: the roster grows without the feed being any the worse.
    pub(super) fn is_whole(&self) -> bool {
        self.is_empty()
            || self.channel.as_ref().is_some_and(|channel| {
                let settled = self.counts.wanted + self.counts.asked == 0;
                channel.open_socket().is_some()
                    && (settled || (channel.complete && self.subscribe.failures() == 0))
            })
    }

    /// Follows a subject that it does not hold yet, or that had left the roster.
    pub(super) fn follow(&mut self, subject: &Subject) {
        if let Some(followed) = self.subjects.get_mut(subject) {
            if std::mem::replace(&mut followed.gone, false) {
                self.recount();
            }
            return;
        }
        let followed = Followed {
            standing: Standing::Wanted,
            form: Form::Whole,
            gone: false,
            flowing: false,
            refusal: None,
        };
        self.subjects.insert(subject.clone(), followed);
        self.counts.wanted += 1;
        self.revision += 1;
    }

    /// A subject left the roster. Says whether that freed its place at once.
    pub(super) fn leave(&mut self, subject: &Subject) -> bool {
        let freed = match self.subjects.get_mut(subject) {
            Some(followed) if followed.standing == Standing::Wanted => {
                self.subjects.remove(subject);
                true
            }
            Some(followed) => {
                followed.gone = true;
                false
            }
            None => false,
        };
        self.recount();
        freed
    }

    /// The channel is another one, or none: everyone is to be subscribed anew. Returns who left the roster meanwhile
    /// and is here no more.
    pub(super) fn start_over(&mut self) -> Vec<Subject> {
        self.portion = None;
        self.nothing_taken = false;
        let mut freed = Vec::new();
        self.subjects.retain(|subject, followed| {
            followed.standing = Standing::Wanted;
            followed.flowing = false;
            if followed.form != Form::Lessened {
                followed.form = Form::Whole;
            }
            if followed.gone {
                freed.push(subject.clone());
            }
            !followed.gone
        });
        self.recount();
        freed
    }

    /// Takes the topics that are to be subscribed now.
    pub(super) fn ask(&mut self) -> Vec<Topic> {
        let most = self.portion.unwrap_or(PER_CHANNEL);
        let mut topics = Vec::with_capacity(self.counts.wanted.min(most));
        for (subject, followed) in &mut self.subjects {
            if topics.len() < most
                && followed.standing == Standing::Wanted
                && let Some(topic) = subject.topic_in(followed.form)
            {
                followed.standing = Standing::Asked;
                topics.push(topic);
            }
        }
        self.recount();
        topics
    }

    /// What was asked for was refused as a whole. It may be the dispensable form that is refused to everybody, so they
    /// are asked for without it first. Else one bad topic is enough, so the next portion is half as large, until the one
    /// that is refused stands alone.
    pub(super) fn narrow(&mut self, reason: &str) -> Narrowed {
        let asked = self.counts.asked;
        if self.try_less(reason) {
            return Narrowed::Lessened;
        }
        // It was not that.
        if asked > 1 {
            for followed in self.subjects.values_mut() {
                if followed.standing == Standing::Asked && followed.form == Form::Trial {
                    followed.form = Form::Whole;
                }
            }
            self.nothing_taken |= self.portion.is_none();
            self.portion = Some(asked / 2);
            self.unask();
            return Narrowed::Divided;
        }
        self.refused_alone += 1;
        let is_rule = self.refused_alone >= RULE;
        for (subject, followed) in &mut self.subjects {
            if followed.standing == Standing::Asked {
                followed.standing = Standing::Settled;
                followed.refusal = Some(Box::new(Refusal {
                    topics: subject.topic_in(followed.form).into_iter().collect(),
                    reason: reason.to_owned(),
                    total: true,
                }));
                followed.form = Form::Calls;
            } else if is_rule
                && followed.standing == Standing::Wanted
                && followed.form == Form::Whole
            {
                followed.form = Form::Calls;
            }
        }
        self.recount();
        Narrowed::No
    }

    /// Those that were asked for whole are to be asked for without what is dispensable. Says whether there were any.
    fn try_less(&mut self, reason: &str) -> bool {
        let mut any = false;
        for (subject, followed) in &mut self.subjects {
            let is_asked = followed.standing == Standing::Asked;
            if is_asked && followed.form == Form::Whole && matches!(subject, Subject::User(_)) {
                followed.form = Form::Trial;
                any = true;
            }
        }
        if any {
            reason.clone_into(&mut self.lessened_for);
            self.unask();
        }
        any
    }

    /// A portion was taken: the next may be larger. If it is the first since all were refused, then so may those be
    /// that were taken for the reason.
    fn widen(&mut self) {
        self.refused_alone = 0;
        self.portion = self
            .portion
            .map(|most| most * 2)
            .filter(|&most| most < PER_CHANNEL);
        if std::mem::take(&mut self.nothing_taken) {
            self.ask_refused_again();
        }
    }

    /// The asking failed: they are to be asked for again.
    pub(super) fn unask(&mut self) {
        for followed in self.subjects.values_mut() {
            if followed.standing == Standing::Asked {
                followed.standing = Standing::Wanted;
            }
        }
        self.recount();
    }

    /// The refused ones are to be asked for again: someone may have granted the permission.
    pub(super) fn ask_refused_again(&mut self) {
        for followed in self.subjects.values_mut() {
            if followed.refusal.is_some()
                && followed.standing == Standing::Settled
                && !followed.gone
            {
                followed.standing = Standing::Wanted;
            }
        }
        self.recount();
    }

    /// The platform's verdicts on what was asked for. A combined topic has its own verdict; besides, each topic that
    /// it expands to can have one, and a refused one there takes that form away even if the whole was permitted.
    /// Returns who is followed without what is dispensable from now on.
    pub(super) fn settle(&mut self, verdicts: &[TopicVerdict]) -> Option<Lessened> {
        #[derive(Default)]
        struct Said<'a> {
            whole: Option<&'a TopicVerdict>,
            parts: Vec<&'a TopicVerdict>,
        }
        let mut said: BTreeMap<String, Said<'_>> = BTreeMap::new();
        for verdict in verdicts {
            let Some(stem) = stem_of(verdict.topic.as_str()) else {
                continue;
            };
            let said = said.entry(stem).or_default();
            if verdict.topic.as_str().contains('?') {
                said.whole = Some(verdict);
            } else {
                said.parts.push(verdict);
            }
        }
        let mut lessened = 0;
        for (subject, followed) in &mut self.subjects {
            if followed.standing != Standing::Asked {
                continue;
            }
            followed.standing = Standing::Settled;
            let said = said
                .remove(&subject.stem().to_ascii_lowercase())
                .unwrap_or_default();
            let is_user = matches!(subject, Subject::User(_));
            followed.refusal = match said.whole {
                Some(whole) if !whole.permitted && is_user && followed.form == Form::Whole => {
                    // It may be refused for what is dispensable: what is left of it is the question that counts.
                    followed.standing = Standing::Wanted;
                    followed.form = Form::Trial;
                    self.lessened_for = said_of(whole);
                    None
                }
                Some(whole) if !whole.permitted => {
                    if followed.form == Form::Trial {
                        followed.form = Form::Calls;
                    }
                    Some(Refusal {
                        topics: vec![whole.topic.clone()],
                        reason: said_of(whole),
                        total: true,
                    })
                }
                None if said.parts.is_empty() => Some(Refusal {
                    topics: subject.topic_in(followed.form).into_iter().collect(),
                    reason: "the platform's answer does not name the topic".to_owned(),
                    total: true,
                }),
                Some(_) | None => {
                    let ends_with = |part: &TopicVerdict, form: &str| {
                        part.topic.as_str().to_ascii_lowercase().ends_with(form)
                    };
                    let (dispensable, refused): (Vec<_>, Vec<_>) = said
                        .parts
                        .iter()
                        .copied()
                        .filter(|part| !part.permitted)
                        .partition(|part| ends_with(part, DISPENSABLE));
                    if let Some(part) = dispensable.first() {
                        self.lessened_for = said_of(part);
                    }
                    if followed.form == Form::Trial || !dispensable.is_empty() {
                        lessened += usize::from(followed.form != Form::Lessened);
                        followed.form = Form::Lessened;
                    }
                    let is_refused = |form: &str| refused.iter().any(|part| ends_with(part, form));
                    refused.first().map(|first| Refusal {
                        topics: refused.iter().map(|part| part.topic.clone()).collect(),
                        reason: said_of(first),
                        total: is_refused(".conversations") && is_refused(".conversations.calls"),
                    })
                }
            }
            .map(Box::new);
        }
        self.recount();
        self.widen();
        (lessened > 0).then(|| Lessened {
            users: lessened,
            reason: self.lessened_for.clone(),
        })
    }

    /// The roster is known to its end: if everyone has a verdict, the shard is complete.
    pub(super) fn note_complete(&mut self) {
        if self.counts.wanted + self.counts.asked == 0
            && let Some(channel) = &mut self.channel
        {
            channel.complete = true;
        }
    }

    /// Who flows now and was not announced yet. Only to be asked while the socket is open.
    pub(super) fn begin_to_flow(&mut self) -> Subjects {
        let mut begun = Subjects::default();
        for (subject, followed) in &mut self.subjects {
            let total = followed
                .refusal
                .as_ref()
                .is_some_and(|refusal| refusal.total);
            if followed.standing == Standing::Settled
                && !followed.flowing
                && !followed.gone
                && !total
            {
                followed.flowing = true;
                begun.push(subject);
            }
        }
        self.recount();
        begun
    }

    /// Who was announced as flowing and does not flow any more, now that the socket is closed.
    pub(super) fn cease_to_flow(&mut self) -> Subjects {
        let mut ceased = Subjects::default();
        for (subject, followed) in &mut self.subjects {
            if std::mem::replace(&mut followed.flowing, false) && !followed.gone {
                ceased.push(subject);
            }
        }
        self.recount();
        ceased
    }

    /// What is refused, in the order of the subjects.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (&Subject, &Refusal)> {
        self.subjects
            .iter()
            .filter(|(_, followed)| !followed.gone)
            .filter_map(|(subject, followed)| Some((subject, followed.refusal.as_deref()?)))
    }

    /// Who belongs to the roster and does not flow.
    pub(super) fn silent(&self) -> impl Iterator<Item = &Subject> {
        self.subjects
            .iter()
            .filter(|(_, followed)| !followed.gone && !followed.flowing)
            .map(|(subject, _)| subject)
    }
}
