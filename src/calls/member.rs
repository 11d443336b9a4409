//! One participant, apart from its calls: work after the call, wrap-up, attributes, callbacks, whom it observes.

mod restore;

use std::sync::Arc;

use super::attribute::Attributes;
use super::cause;
use super::counted::Newcomer;
use super::identity::{Fact, Occurrence};
use super::leg;
use super::party::{CallbackView, Party, Phase, ShownAttributes, Wrapup};
use super::telling::{Told, Voice};
use crate::model::event::{
    Cause, Connection, ConnectionState, Detail, Event, EventId, EventKind, Flag, Private, Remark,
    Source, Subject,
};
use crate::model::id::{CommunicationId, ParticipantId};
use crate::model::time::UtcMicros;

/// A participant as merged and told so far.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: ParticipantId,
    told: Told,
    wrapup: Option<Arc<Wrapup>>,
    wrapups: u32,
    callbacks: Vec<CallbackTold>,
    attributes: Vec<History>,
}

/// The values that an attribute of the participant had, after masking.
struct History {
    /// Which one of the conversation's attributes.
    attribute: usize,
    /// None while it has had one value, the first that the conversation had: most never have another.
    values: Option<Box<Values>>,
}

/// Values, in order: an attribute that changes all day must not fill the memory with its texts, so there are their hashes.
struct Values {
    marks: Vec<u64>,
    last: Arc<str>,
}

impl History {
    /// One with its first value; `first` is the conversation's.
    fn begin(attribute: usize, value: &Arc<str>, first: &Arc<str>) -> Self {
        let values = (value != first).then(|| Box::new(Values::one(value)));
        Self { attribute, values }
    }

    fn len(&self) -> usize {
        self.values.as_ref().map_or(1, |values| values.marks.len())
    }

    /// The numbers of this value after the first `after`, counted from 1; `first` is the conversation's.
    fn numbers(
        &self,
        value: &str,
        first: &str,
        after: usize,
    ) -> impl DoubleEndedIterator<Item = usize> {
        let mark = self.values.as_ref().map(|_| mark_of(value));
        (after..self.len())
            .filter(move |at| match (&self.values, mark) {
                (Some(values), Some(mark)) => values.marks[*at] == mark,
                _ => value == first,
            })
            .map(|at| at + 1)
    }

    /// It has this value now. Returns the one before.
    fn push(&mut self, value: &Arc<str>, first: &Arc<str>) -> Arc<str> {
        let values = (self.values).get_or_insert_with(|| Box::new(Values::one(first)));
        values.marks.push(mark_of(value));
        std::mem::replace(&mut values.last, Arc::clone(value))
    }
}

impl Values {
    fn one(value: &Arc<str>) -> Self {
        Self {
            marks: vec![mark_of(value)],
            last: Arc::clone(value),
        }
    }
}

impl std::fmt::Debug for History {
    /// No value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} values)", self.attribute, self.len())
    }
}

/// What was told of a callback.
#[derive(Debug, Default)]
struct CallbackTold {
    told: Told,
    is_over: bool,
}

/// Which value of each attribute of a member a topic has shown last: by the number of the attribute, the number of the
/// value, counted from 1. 0: none yet.
pub(crate) type Heard = Vec<u16>;

/// A wrap-up or attribute event's subject and source: the facts of the participant's call.
pub(crate) struct Speaker<'a> {
    pub(crate) facts: &'a Arc<Connection>,
    pub(crate) source: Source,
}

impl Member {
    pub(crate) fn new(id: &ParticipantId) -> Self {
        Self {
            id: id.clone(),
            told: Told::default(),
            wrapup: None,
            wrapups: 0,
            callbacks: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// Whether it works on after the call.
    pub(crate) fn works(&self) -> bool {
        self.told.has(EventKind::AfterCallWorkStarted)
            && !self.told.has(EventKind::AfterCallWorkEnded)
    }

    /// Whether it is, or was, to be called back.
    pub(crate) fn has_callbacks(&self) -> bool {
        !self.callbacks.is_empty()
    }

    /// Whether a callback of it is not over.
    pub(crate) fn awaits_callback(&self) -> bool {
        self.callbacks.iter().any(|callback| !callback.is_over)
    }

    /// The conversation is proved to have ended: what is open of it is over, but for work that the proof shows to go on.
    pub(crate) fn close(
        &mut self,
        ended: Option<UtcMicros>,
        works_on: bool,
        facts: &Arc<Connection>,
        voice: &mut Voice<'_>,
    ) {
        let speaker = Speaker {
            facts,
            source: Source::Synthetic,
        };
        for ordinal in 0..self.callbacks.len() {
            if std::mem::replace(&mut self.callbacks[ordinal].is_over, true) {
                continue;
            }
            let kind = EventKind::CallbackCleared;
            self.callbacks[ordinal].told.first(kind);
            let mut event = self.event(kind, ended, Occurrence::Once, &[], &speaker, voice);
            event.id = self.callback_id(kind, ordinal, facts, voice);
            event.state = ConnectionState::Null;
            voice.telling.push(event);
        }
        if self.works() && !works_on {
            let kind = EventKind::AfterCallWorkEnded;
            self.told.first(kind);
            let event = self.event(kind, ended, Occurrence::Once, &[], &speaker, voice);
            voice.telling.push(event);
        }
    }

    fn callback_id(
        &self,
        kind: EventKind,
        ordinal: usize,
        facts: &Connection,
        voice: &mut Voice<'_>,
    ) -> EventId {
        let number = u32::try_from(ordinal).unwrap_or(u32::MAX);
        let conversation = facts.conversation.as_str();
        voice.scribe.id(
            kind,
            conversation,
            self.id.as_str(),
            number,
            Occurrence::Once,
        )
    }

    /// A body shows it: work after the call and wrap-up.
    pub(crate) fn show_work(
        &mut self,
        party: &Party,
        speaker: &Speaker<'_>,
        voice: &mut Voice<'_>,
    ) {
        let work = party.after_call_work;
        let steps = [
            (EventKind::AfterCallWorkStarted, work.started),
            (EventKind::AfterCallWorkEnded, work.started.and(work.ended)),
        ];
        for (kind, time) in steps {
            if time.is_some() && self.told.first(kind) {
                let event = self.event(kind, time, Occurrence::Once, &[], speaker, voice);
                voice.telling.push(event);
            }
        }
        let Some(wrapup) = &party.wrapup else { return };
        let is_same = |known: &Arc<Wrapup>| Arc::ptr_eq(known, wrapup) || known == wrapup;
        if self.wrapup.as_ref().is_some_and(is_same) {
            return;
        }
        let last = self.wrapup.as_ref().and_then(|known| known.given);
        if let Some(known) = &mut self.wrapup
            && known.given.is_none()
            && known.code == wrapup.code
        {
            // Told from a source that does not know when it was given.
            *known = Arc::clone(wrapup);
            return;
        }
        let occurrence = match wrapup.given {
            Some(given) if last.is_some_and(|last| given <= last) => return,
            Some(given) => Occurrence::At(given),
            None if last.is_some() => return,
            None => {
                self.wrapups += 1;
                Occurrence::Nth(self.wrapups)
            }
        };
        self.wrapup = Some(Arc::clone(wrapup));
        let mut event = self.event(
            EventKind::WrapUp,
            wrapup.given,
            occurrence,
            &[],
            speaker,
            voice,
        );
        event.detail = Some(Arc::new(Detail::WrapUp {
            code: Arc::clone(&wrapup.code),
            notes: Private(Arc::clone(&wrapup.notes)),
            tags: Arc::clone(&wrapup.tags),
            duration_s: wrapup.duration_s,
        }));
        voice.telling.push(event);
    }

    /// A body shows its attributes. `heard` is what the body's topic has shown of them; `all` are the conversation's.
    ///
    /// Each topic shows the values of a key in their order, some later than others: a value that follows the one that a
    /// topic showed last, and that was told, is not news. So each value is told once for each time it was given.
    pub(crate) fn show_attributes(
        &mut self,
        shown: &ShownAttributes,
        heard: &mut Heard,
        newcomer: Newcomer,
        all: &mut Attributes,
        speaker: &Speaker<'_>,
        voice: &mut Voice<'_>,
    ) {
        all.expect(shown.values.len());
        let more = shown.values.len().saturating_sub(heard.len());
        heard.reserve_exact(more);
        self.attributes
            .reserve_exact(shown.values.len().saturating_sub(self.attributes.len()));
        for (at, (key, value)) in shown.values.iter().enumerate() {
            let known = self.attribute(key, at, all);
            let place = known.unwrap_or(self.attributes.len());
            if heard.len() <= place {
                heard.resize(place + 1, 0);
            }
            let (number, times, previous) = match known {
                None => {
                    let attribute = all.give(key, value);
                    let first = &all.get(attribute).first;
                    (self.attributes).push(History::begin(attribute, value, first));
                    (1, 1, None)
                }
                Some(_) => {
                    let history = &mut self.attributes[place];
                    let first = Arc::clone(&all.get(history.attribute).first);
                    let last_heard = usize::from(heard[place]);
                    let known = {
                        let heard_before = last_heard.saturating_sub(1);
                        let mut numbers = history.numbers(value, &first, heard_before);
                        if last_heard > 0 {
                            numbers.next()
                        } else {
                            // A topic that shows it for the first time: it may be behind, but not if the rest of its body is not.
                            (numbers.next_back()).filter(|last| {
                                newcomer != Newcomer::Level || *last == history.len()
                            })
                        }
                    };
                    if let Some(number) = known {
                        heard[place] = u16::try_from(number).unwrap_or(u16::MAX);
                        continue;
                    }
                    let previous = history.push(value, &first);
                    all.give(key, value);
                    let times = history.numbers(value, &first, 0).count();
                    (history.len(), times, Some(previous))
                }
            };
            heard[place] = u16::try_from(number).unwrap_or(u16::MAX);
            let first = Arc::clone(&all.get(self.attributes[place].attribute).first);
            let occurrence = Occurrence::Nth(u32::try_from(times).unwrap_or(u32::MAX));
            let apart: [&str; 2] = [key, value];
            let mut event = self.event(
                EventKind::AttributeChanged,
                None,
                occurrence,
                &apart,
                speaker,
                voice,
            );
            event.detail = Some(Arc::new(Detail::Attribute {
                key: Arc::clone(key),
                value: Private(Arc::clone(value)),
                previous: previous.map(Private),
                first: Private(first),
            }));
            voice.telling.push(event);
        }
    }

    /// The place of an attribute; most are named in the same order each time, so it is looked for at `likely` first.
    fn attribute(&self, key: &Arc<str>, likely: usize, all: &Attributes) -> Option<usize> {
        let is_it = |known: &History| all.get(known.attribute).key == *key;
        if self.attributes.get(likely).is_some_and(is_it) {
            return Some(likely);
        }
        self.attributes.iter().position(is_it)
    }

    /// A body shows its callbacks.
    pub(crate) fn show_callbacks(
        &mut self,
        party: &Party,
        facts: &Connection,
        voice: &mut Voice<'_>,
    ) {
        for (ordinal, view) in party.callbacks.iter().enumerate() {
            if self.callbacks.len() <= ordinal {
                self.callbacks
                    .resize_with(ordinal + 1, CallbackTold::default);
            }
            let facts = Connection {
                communication: (!view.id.is_empty()).then(|| CommunicationId::from(&*view.id)),
                ..facts.clone()
            };
            let ended = if view.is_over() {
                Some(view.ended)
            } else {
                party.ended.map(Some)
            };
            self.show_callback(ordinal, view, ended, &Arc::new(facts), voice);
        }
    }

    /// `ended` is there if it is over, and holds the time where that is told.
    fn show_callback(
        &mut self,
        ordinal: usize,
        view: &CallbackView,
        ended: Option<Option<UtcMicros>>,
        facts: &Arc<Connection>,
        voice: &mut Voice<'_>,
    ) {
        use ConnectionState::{Alerting, Connected, Initiated, Null, Unknown};
        let rings = |phase| phase == Phase::Alerting;
        let rang = rings(view.phase) || rings(view.opening);
        let taken = view.phase == Phase::Connected || view.connected.is_some();
        let steps = [
            (
                EventKind::CallbackScheduled,
                view.is_scheduled,
                None,
                Initiated,
            ),
            (EventKind::CallbackDelivered, rang, None, Alerting),
            (
                EventKind::CallbackEstablished,
                taken,
                view.connected,
                Connected,
            ),
            (
                EventKind::CallbackCleared,
                ended.is_some(),
                ended.flatten(),
                Null,
            ),
        ];
        let mut previous = Unknown;
        for (kind, happened, time, state) in steps {
            let callback = &mut self.callbacks[ordinal];
            if !happened || callback.is_over {
                continue;
            }
            if kind == EventKind::CallbackCleared {
                callback.is_over = true;
                if callback.told.is_empty() {
                    // Nothing was ever told of it.
                    continue;
                }
            }
            if !callback.told.first(kind) {
                previous = state;
                continue;
            }
            let source = if ended.is_some() && kind != EventKind::CallbackCleared {
                voice.showing.past()
            } else {
                voice.showing.news()
            };
            let speaker = Speaker { facts, source };
            let mut event = self.event(kind, time, Occurrence::Once, &[], &speaker, voice);
            event.id = self.callback_id(kind, ordinal, facts, voice);
            event.state = state;
            event.previous = std::mem::replace(&mut previous, state);
            if kind == EventKind::CallbackCleared {
                event.cause = cause::of(&view.disconnect_type);
                event.raw = Arc::clone(&view.disconnect_type).into();
            }
            event.detail = Some(Arc::new(Detail::Callback {
                id: Arc::clone(&view.id),
                numbers: Arc::clone(&view.numbers),
                user_name: Arc::clone(&view.user_name),
                scheduled: view.due,
                preview: view.preview.clone(),
            }));
            voice.telling.push(event);
        }
    }

    fn event(
        &self,
        kind: EventKind,
        time: Option<UtcMicros>,
        occurrence: Occurrence,
        apart: &[&str],
        speaker: &Speaker<'_>,
        voice: &mut Voice<'_>,
    ) -> Event {
        Event {
            kind,
            id: voice.scribe.id_of(Fact {
                kind,
                subject: speaker.facts.conversation.as_str(),
                part: self.id.as_str(),
                ordinal: 0,
                occurrence,
                apart,
            }),
            id_exact: occurrence.is_exact_for(kind),
            source: speaker.source,
            platform_time: time,
            received: voice.showing.received,
            subject: Subject::Connection(Arc::clone(speaker.facts)),
            state: ConnectionState::Unknown,
            previous: ConnectionState::Unknown,
            cause: Cause::None,
            raw: Remark::default(),
            reason: Remark::default(),
            held: Flag::Unknown,
            muted: Flag::Unknown,
            confined: Flag::Unknown,
            secure_pause: Flag::Unknown,
            detail: None,
        }
    }
}

/// A value in eight bytes, only ever compared with others of the same attribute.
fn mark_of(value: &str) -> u64 {
    let hash = twox_hash::XxHash3_128::oneshot(value.as_bytes());
    hash as u64
}

/// What is known of a participant that has no call.
pub(crate) fn without_call(
    conversation: &crate::model::id::ConversationId,
    root: &crate::model::id::ConversationId,
    party: &Party,
    voice: &Voice<'_>,
) -> Connection {
    let agents = voice.showing.agents;
    Connection {
        user: (party.user.as_ref()).map(|user| agents.user(user, &party.facts.name)),
        station: (party.user.as_ref()).and_then(|user| agents.station_of(user)),
        queue: (party.queue.as_ref()).map(|queue| agents.queue(queue, party.queue_name.as_ref())),
        purpose: Arc::clone(&party.purpose),
        party: Arc::clone(&party.facts),
        ..leg::unknown(conversation, root, &party.id)
    }
}
