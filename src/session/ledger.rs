//! The pass over gaps: what the session's notices mean for the ledger (`gap`), what is read of each gap (`recovery`), and what
//! of that goes to the other rooms.

use std::collections::{BTreeMap, BTreeSet};

use super::gap::{Aside, GapChange, Told};
use super::recovery::{Lane, LiveCall, Output};
use super::request::What;
use super::shard::Shard;
use super::subject::Subject;
use super::{Notice, Session};
use crate::model::gap::{GapCause, GapId, Shortfall, ShortfallKind};
use crate::model::id::{ConversationId, QueueId, UserId};
use crate::model::log::LogLevel;
use crate::model::time::Now;

impl Session {
    /// The pass over gaps: notes who flows and who does not, begins what is to be read, tells what came of it.
    pub(super) fn keep_ledger(&mut self, now: Now) {
        self.note_flows(now);
        if self.users.is_named() && self.queues.is_named() {
            self.ledger.all_are_named(now);
            self.note_left_out(now);
        }
        self.ledger.settle();
        self.tell_gaps(now);
        if let Some(due) = self.recovery.advance(now) {
            self.is_due(due, now);
        }
        while let Some(output) = self.recovery.poll() {
            match output {
                Output::Read { gaps, what, source } => {
                    self.ledger.count_read(&gaps);
                    self.notices.push_back(Notice::Read { gaps, what, source });
                }
                Output::Nothing(gaps) => self.ledger.count_read(&gaps),
                Output::AskLive(gaps) => self.notices.push_back(Notice::AskLive { gaps }),
                Output::Done(id, shortfalls) => self.read_gaps.push((id, shortfalls)),
                Output::Gone(conversation) => {
                    self.log(
                        LogLevel::Warn,
                        format!(
                            "The platform does not know conversation {conversation} any more (404, asked twice), and no \
                             topic has shown it for long: what is open of it is closed"
                        ),
                    );
                    self.notices.push_back(Notice::CallGone { conversation });
                }
                Output::Refused(text) => self.log(
                    LogLevel::Warn,
                    format!("{text}. What it would tell of gaps stays unread"),
                ),
            }
        }
        self.close_gaps(now);
    }

    /// Closes what was read, once what the last answers told is counted.
    fn close_gaps(&mut self, now: Now) {
        if !self.awaits_told() {
            for (id, mut shortfalls) in std::mem::take(&mut self.read_gaps) {
                shortfalls.extend(self.unfollowed_connections(id));
                self.ledger.close(id, shortfalls, now);
            }
            self.tell_gaps(now);
        }
        self.noted = self.notices.len();
    }

    /// Of users whose persistent connections the platform refuses to show, nothing was read of these.
    fn unfollowed_connections(&self, gap: GapId) -> Vec<Shortfall> {
        let mut users: BTreeMap<&str, usize> = BTreeMap::new();
        for shard in &self.shards {
            let (less, reason) = shard.lead.following.lessened();
            let less = less.filter(|subject| self.ledger.concerns(gap, subject));
            *users.entry(reason).or_default() += less.count();
        }
        users.retain(|_, users| *users > 0);
        let shortfalls = users.into_iter().map(|(reason, users)| Shortfall {
            kind: ShortfallKind::PermissionMissing,
            text: format!(
                "The persistent connections of {users} users are not followed, in this gap and apart from it: {reason}. \
                 They are asked for again at the next start"
            )
            .into(),
        });
        shortfalls.collect()
    }

    /// Whether an answer is on its way to `calls`.
    fn awaits_told(&self) -> bool {
        let is_read = |notice: &Notice| matches!(notice, Notice::Read { .. });
        self.notices.iter().any(is_read)
    }

    /// The notices since the last pass say who flows.
    fn note_flows(&mut self, now: Now) {
        let Self {
            notices,
            noted,
            ledger,
            shards,
            placed,
            ..
        } = self;
        for notice in notices.iter().skip(*noted) {
            match notice {
                Notice::TopicsFlowing { users, queues, .. } => {
                    ledger.flow(subjects(users, queues), now);
                }
                Notice::TopicsInterrupted {
                    users,
                    queues,
                    since,
                    ..
                } => {
                    let shard = subjects(users, queues)
                        .find_map(|subject| shards.get(*placed.get(&subject)?));
                    let trouble = shard.and_then(|shard| shard.trouble.as_ref());
                    let detail = trouble.map_or("The connection ended", |t| &t.message);
                    ledger.interrupt(subjects(users, queues), *since, detail.into(), now);
                }
                _ => {}
            }
        }
    }

    /// Who is refused or has no room; judged when everyone has a verdict, and only if something changed.
    fn note_left_out(&mut self, now: Now) {
        let is_settled = |shard: &Shard| shard.lead.following.is_settled();
        let basis = (
            self.shards.iter().map(Shard::revision).collect(),
            self.unplaced_revision,
        );
        if self.left_out.as_ref() == Some(&basis) || !self.shards.iter().all(is_settled) {
            return;
        }
        self.left_out = Some(basis);
        let mut aside: BTreeMap<Aside, BTreeSet<Subject>> = BTreeMap::new();
        for (subject, refusal) in self.shards.iter().flat_map(Shard::refusals) {
            let forms = refusal.topics.iter().filter_map(|topic| {
                let form = topic.as_str().get(subject.stem().len() + 1..)?;
                Some(form.replace('&', ", "))
            });
            let forms: Vec<String> = forms.collect();
            let detail = format!("{}: {}", forms.join(", "), refusal.reason);
            let of_reason = aside.entry((GapCause::Refused, detail.into())).or_default();
            of_reason.insert(subject.clone());
        }
        if !self.unplaced.is_empty() {
            let detail = "The notification channels of one client id carry no more";
            aside.insert((GapCause::NoRoom, detail.into()), self.unplaced.clone());
        }
        self.ledger.leave_out(&aside, now);
    }

    fn tell_gaps(&mut self, now: Now) {
        while let Some(change) = self.ledger.poll() {
            if let GapChange::Ended(record) = &change {
                self.recovery.begin(record, now);
            }
            self.notices.push_back(Notice::Gap(change));
        }
    }

    /// Orders what is to be read, as far as the budget lets it.
    pub(super) fn recover(&mut self, now: Now) {
        for lane in Lane::ALL {
            let what = What::Recover(lane);
            let errand = self.recovery.errand(lane);
            let (is_idle, not_before) = (errand.is_idle(), errand.not_before());
            if is_idle
                && self.recovery.wants(lane)
                && self.is_due(not_before, now)
                && self.may_ask(what, now)
                && let Some(request) = self.recovery.request(lane)
            {
                self.ask(what, request, now);
            }
        }
    }

    /// The answer of a [`Notice::Read`] told these events, if any: they count for its gaps.
    pub fn handle_told(&mut self, gaps: &BTreeSet<GapId>, told: &[Told], now: Now) {
        for told in told {
            self.ledger.count_told(gaps, told);
        }
        let ended = told
            .iter()
            .filter_map(|told| Some((told.ends.as_ref()?, told.at)));
        self.recovery.ended(gaps, ended, now);
        self.close_gaps(now);
    }

    /// These conversations go on, the newest first: the answer to [`Notice::AskLive`].
    pub fn handle_live(&mut self, gaps: &BTreeSet<GapId>, calls: Vec<LiveCall>, now: Now) {
        self.recovery.live(gaps, calls, now);
        self.advance(now);
    }

    /// Nothing was heard of these conversations for [`Config::quiet_call_read`](super::Config::quiet_call_read): they are
    /// read. To be called every minute or so, with all of them; each is read once in that time.
    pub fn handle_quiet(&mut self, ids: Vec<ConversationId>, now: Now) {
        if ids.is_empty() && !self.recovery.remembers_quiet() {
            return;
        }
        self.recovery.quiet(ids, now);
        self.advance(now);
    }

    /// Gaps that are not closed.
    #[must_use]
    pub fn open_gaps(&self) -> usize {
        self.ledger.open_entries()
    }

    /// Reads for gaps and of quiet calls that wait or are under way.
    #[must_use]
    pub fn reads_waiting(&self) -> usize {
        self.recovery.backlog()
    }
}

fn subjects<'a>(users: &'a [UserId], queues: &'a [QueueId]) -> impl Iterator<Item = Subject> + 'a {
    let users = users.iter().cloned().map(Subject::User);
    users.chain(queues.iter().cloned().map(Subject::Queue))
}
