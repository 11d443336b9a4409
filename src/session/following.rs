//! How far the following of each subject has come on one line: wanted, asked for, settled, flowing, refused.
//!
//! Knows: verdicts, and what to ask for after them. Does not know: channels, sockets, other lines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::shard::PER_CHANNEL;
use super::subject::{DISPENSABLE, Form, Subject, stem_of};
use crate::model::id::{QueueId, Topic, UserId};
use crate::model::order::TopicVerdict;

/// So many subjects in a row that were refused alone: what is dispensable is not asked for any more before what is not
/// is taken.
const RULE: u32 = 3;

/// Verdicts on the parts of one combined topic that are looked at: it has six.
const MOST_PARTS: usize = 32;

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
    /// Whether the whole request was refused in which it was asked for alone.
    pub(super) alone: bool,
}

#[derive(Debug)]
struct Followed {
    standing: Standing,
    form: Form,
    /// The form that it was asked for in last, which is what the channel has.
    asked_as: Form,
    /// It left the roster. Its topic stays on the channel until it is taken off.
    gone: bool,
    /// Since when it is announced as flowing.
    flowing: Option<Duration>,
    refusal: Option<Box<Refusal>>,
}

impl Followed {
    const fn wanted(form: Form) -> Self {
        Self {
            standing: Standing::Wanted,
            form,
            asked_as: form,
            gone: false,
            flowing: None,
            refusal: None,
        }
    }

    /// The same for another line, on which it is to be subscribed anew. But one that has whole requests refused would
    /// take the others along: it is asked for with those that are refused, when these are asked for again.
    fn heir(&self) -> Self {
        let form = match self.form {
            Form::Lessened => Form::Lessened,
            Form::Whole | Form::Trial | Form::Calls => Form::Whole,
        };
        let refusal = self.refusal.clone().filter(|refusal| refusal.alone);
        Self {
            standing: if refusal.is_some() {
                Standing::Settled
            } else {
                Standing::Wanted
            },
            refusal,
            ..Self::wanted(form)
        }
    }
}

/// Users and queues, as notices name them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subjects {
    pub(super) users: Vec<UserId>,
    pub(super) queues: Vec<QueueId>,
}

impl<'a> FromIterator<&'a Subject> for Subjects {
    fn from_iter<I: IntoIterator<Item = &'a Subject>>(subjects: I) -> Self {
        let mut these = Self::default();
        subjects.into_iter().for_each(|subject| these.push(subject));
        these
    }
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

/// What is counted, kept up with the subjects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) wanted: usize,
    pub(super) asked: usize,
    pub(super) flowing: usize,
    /// Subjects of which something was refused.
    pub(super) refused: usize,
}

/// The subjects of one line.
#[derive(Debug, Default)]
pub(super) struct Following {
    subjects: BTreeMap<Subject, Followed>,
    counts: Counts,
    /// Grows with every change of whom it holds and how they stand.
    revision: u64,
    /// Asking for more at once was refused as a whole.
    portion: Option<usize>,
    /// Nothing was taken since the portions became smaller: it may be none of the topics that is refused.
    nothing_taken: bool,
    /// Subjects in a row that were refused alone.
    refused_alone: u32,
    /// Why what is dispensable was refused last.
    lessened_for: String,
}

impl Following {
    /// The same subjects for another line: everyone is to be subscribed anew, but for those who left the roster.
    pub(super) fn heir(&self) -> Self {
        let subjects = self.subjects.iter().filter(|(_, followed)| !followed.gone);
        let mut heir = Self {
            subjects: subjects
                .map(|(subject, followed)| (subject.clone(), followed.heir()))
                .collect(),
            refused_alone: self.refused_alone,
            lessened_for: self.lessened_for.clone(),
            ..Self::default()
        };
        heir.recount();
        heir
    }

    /// Whether it holds no one, not even of those who left the roster.
    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.subjects.len()
    }

    pub(super) fn holds(&self, subject: &Subject) -> bool {
        self.subjects.contains_key(subject)
    }

    /// Everyone who belongs to the roster.
    pub(super) fn members(&self) -> impl Iterator<Item = &Subject> {
        let here = self.subjects.iter().filter(|(_, followed)| !followed.gone);
        here.map(|(subject, _)| subject)
    }

    /// Those that left the roster and are held still.
    pub(super) fn gone(&self) -> impl Iterator<Item = &Subject> {
        let gone = self.subjects.iter().filter(|(_, followed)| followed.gone);
        gone.map(|(subject, _)| subject)
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
            counts.flowing += usize::from(followed.flowing.is_some() && !followed.gone);
            counts.refused += usize::from(followed.refusal.is_some() && !followed.gone);
        }
        self.counts = counts;
    }

    /// Whether everyone has a verdict.
    pub(super) const fn is_settled(&self) -> bool {
        self.counts.wanted + self.counts.asked == 0
    }

    /// Whether everyone has a verdict who flows on the other.
    pub(super) fn is_settled_as(&self, other: &Self) -> bool {
        let waits = |subject: &Subject| {
            let followed = self.subjects.get(subject);
            followed.is_some_and(|followed| followed.standing != Standing::Settled)
        };
        self.is_settled()
            || !other
                .subjects
                .iter()
                .any(|(subject, followed)| followed.flowing.is_some() && waits(subject))
    }

    /// Follows a subject that it does not hold yet, or that had left the roster.
    pub(super) fn follow(&mut self, subject: &Subject) {
        if let Some(followed) = self.subjects.get_mut(subject) {
            if std::mem::replace(&mut followed.gone, false) {
                // Who was let go of is to be announced again.
                followed.flowing = None;
                self.recount();
            }
            return;
        }
        self.subjects
            .insert(subject.clone(), Followed::wanted(Form::Whole));
        self.counts.wanted += 1;
        self.revision += 1;
    }

    /// A subject left the roster: forgotten at once if nothing was asked for it, else when its topic is taken off.
    pub(super) fn leave(&mut self, subject: &Subject) {
        match self.subjects.get_mut(subject) {
            Some(followed) if followed.standing == Standing::Wanted => {
                self.subjects.remove(subject);
            }
            Some(followed) => followed.gone = true,
            None => return,
        }
        self.recount();
    }

    /// Takes the topics of those who left the roster, to be taken off the channel, and forgets them. What has no
    /// verdict yet waits for it.
    pub(super) fn take_gone(&mut self) -> Vec<(Subject, Topic)> {
        let leaves = |followed: &Followed| followed.gone && followed.standing == Standing::Settled;
        let taken: Vec<(Subject, Topic)> = self
            .subjects
            .iter()
            .filter(|(_, followed)| leaves(followed))
            .filter_map(|(subject, followed)| {
                Some((subject.clone(), subject.topic_in(followed.asked_as)?))
            })
            .collect();
        if !taken.is_empty() {
            self.subjects.retain(|_, followed| !leaves(followed));
            self.recount();
        }
        taken
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
                followed.asked_as = followed.form;
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
                    alone: true,
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
            } else if said.parts.len() < MOST_PARTS {
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
                        alone: false,
                    })
                }
                None if said.parts.is_empty() => Some(Refusal {
                    topics: subject.topic_in(followed.form).into_iter().collect(),
                    reason: "the platform's answer does not name the topic".to_owned(),
                    total: true,
                    alone: false,
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
                        alone: false,
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

    /// Who flows now and was not announced yet. Only to be asked while the socket is open.
    pub(super) fn begin_to_flow(&mut self, now: Duration) -> Subjects {
        let mut begun = Subjects::default();
        for (subject, followed) in &mut self.subjects {
            let total = followed
                .refusal
                .as_ref()
                .is_some_and(|refusal| refusal.total);
            if followed.standing == Standing::Settled
                && followed.flowing.is_none()
                && !followed.gone
                && !total
            {
                followed.flowing = Some(now);
                begun.push(subject);
            }
        }
        self.recount();
        begun
    }

    /// Takes those that were announced as flowing: they do not any more, now that the socket is closed.
    pub(super) fn cease_to_flow(&mut self) -> Vec<Subject> {
        let mut ceased = Vec::new();
        for (subject, followed) in &mut self.subjects {
            if followed.flowing.take().is_some() && !followed.gone {
                ceased.push(subject.clone());
            }
        }
        self.recount();
        ceased
    }

    /// Since when a subject flows here.
    pub(super) fn flows_since(&self, subject: &Subject) -> Option<Duration> {
        self.subjects.get(subject)?.flowing
    }

    /// How many flow here and not on the other.
    pub(super) fn flowing_beside(&self, other: &Self) -> usize {
        let flows = self
            .subjects
            .iter()
            .filter(|(_, followed)| followed.flowing.is_some() && !followed.gone);
        flows
            .filter(|(subject, _)| other.flows_since(subject).is_none())
            .count()
    }

    /// What is refused, in the order of the subjects.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (&Subject, &Refusal)> {
        self.subjects
            .iter()
            .filter(|(_, followed)| !followed.gone)
            .filter_map(|(subject, followed)| Some((subject, followed.refusal.as_deref()?)))
    }

    /// Who is followed without what is dispensable, and with which words the platform refused that.
    pub(super) fn lessened(&self) -> (impl Iterator<Item = &Subject>, &str) {
        let is_less = |followed: &Followed| {
            matches!(followed.form, Form::Calls | Form::Lessened) && followed.flowing.is_some()
        };
        let less = (self.subjects.iter()).filter(move |(_, followed)| is_less(followed));
        (less.map(|(subject, _)| subject), &self.lessened_for)
    }

    /// Who belongs to the roster and does not flow.
    pub(super) fn silent(&self) -> impl Iterator<Item = &Subject> {
        self.subjects
            .iter()
            .filter(|(_, followed)| !followed.gone && followed.flowing.is_none())
            .map(|(subject, _)| subject)
    }
}
