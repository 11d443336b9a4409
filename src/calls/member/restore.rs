//! A participant that an earlier process knew, apart from its calls: made again from the events that were told of it.

use std::sync::Arc;

use super::{CallbackTold, History, Member};
use crate::calls::attribute::Attributes;
use crate::calls::identity::{Occurrence, Scribe};
use crate::calls::party::Wrapup;
use crate::model::event::{Connection, Detail, Event, EventKind};

/// No participant has more callbacks in one conversation, or wrap-ups without a time.
const MOST: u32 = 64;

impl Member {
    /// This event of it was told; `all` are the conversation's attributes.
    pub(in super::super) fn restore(
        &mut self,
        event: &Event,
        facts: &Connection,
        all: &mut Attributes,
        scribe: &mut Scribe,
    ) {
        let (conversation, own) = (facts.conversation.as_str(), self.id.clone());
        let kind = event.kind;
        match (kind, event.detail.as_deref()) {
            (EventKind::AfterCallWorkStarted | EventKind::AfterCallWorkEnded, _) => {
                self.told.first(kind);
            }
            (EventKind::WrapUp, detail) => {
                let mut is_it = |n| {
                    let occurrence = Occurrence::Nth(n);
                    event.id == scribe.id(kind, conversation, own.as_str(), 0, occurrence)
                };
                let number = (1..=MOST).find(|n| is_it(*n)).filter(|_| !event.id_exact);
                self.wrapups = number.unwrap_or(self.wrapups);
                if let Some(Detail::WrapUp {
                    code,
                    notes,
                    tags,
                    duration_s,
                }) = detail
                {
                    self.wrapup = Some(Arc::new(Wrapup {
                        code: Arc::clone(code),
                        notes: Arc::clone(&notes.0),
                        tags: Arc::clone(tags),
                        duration_s: *duration_s,
                        given: event.platform_time.filter(|_| event.id_exact),
                    }));
                }
            }
            (
                EventKind::AttributeChanged,
                Some(Detail::Attribute {
                    key,
                    value,
                    previous,
                    first,
                }),
            ) => {
                if !all.iter().any(|known| known.key == *key) {
                    all.give(key, &first.0);
                }
                let attribute = all.give(key, &value.0);
                let first = Arc::clone(&all.get(attribute).first);
                let known = (self.attributes.iter_mut()).find(|known| known.attribute == attribute);
                match (known, previous) {
                    (Some(known), _) => {
                        known.push(&value.0, &first);
                    }
                    (None, Some(previous)) => {
                        let mut history = History::begin(attribute, &previous.0, &first);
                        history.push(&value.0, &first);
                        self.attributes.push(history);
                    }
                    (None, None) => {
                        (self.attributes).push(History::begin(attribute, &value.0, &first));
                    }
                }
            }
            (
                EventKind::CallbackScheduled
                | EventKind::CallbackDelivered
                | EventKind::CallbackEstablished
                | EventKind::CallbackCleared,
                _,
            ) => {
                let mut is_it = |n| {
                    event.id == scribe.id(kind, conversation, own.as_str(), n, Occurrence::Once)
                };
                let ordinal = (0..MOST).find(|n| is_it(*n)).unwrap_or(0) as usize;
                if self.callbacks.len() <= ordinal {
                    self.callbacks
                        .resize_with(ordinal + 1, CallbackTold::default);
                }
                let callback = &mut self.callbacks[ordinal];
                callback.told.first(kind);
                callback.is_over |= kind == EventKind::CallbackCleared;
            }
            _ => {}
        }
    }
}
