//! What bodies of several shapes tell alike, and how it is kept: what is the same as before shares what was kept then.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::party::{
    CallAnalysis, LegView, Observation, Party, Role, Routing, ShownAttributes, Wrapup, kept_list,
};
use super::snapshot::Reading;
use super::texts::Texts;
use super::tolerant::{List, Object, Pairs, Reference, Text, Time, Whole};
use crate::model::event::PartyFacts;
use crate::model::time::UtcMicros;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoutingData<'a> {
    priority: Whole,
    #[serde(borrow)]
    skills: List<Object<Reference<'a>>>,
    #[serde(borrow)]
    language: Object<Reference<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WrapupBody<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    notes: Text<'a>,
    #[serde(borrow)]
    tags: List<Text<'a>>,
    duration_seconds: Whole,
    end_time: Time,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Disposition<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    analyzer: Text<'a>,
}

/// What a body tells of a party apart from its call.
pub(crate) struct Facts<'t, 'a> {
    pub(crate) name: &'t Text<'a>,
    pub(crate) address: &'t Text<'a>,
    pub(crate) team: &'t Text<'a>,
    pub(crate) group: &'t Text<'a>,
    pub(crate) external_contact: &'t Text<'a>,
    pub(crate) external_organization: &'t Text<'a>,
    pub(crate) uui: Option<&'t Text<'a>>,
}

impl Facts<'_, '_> {
    /// As kept: what was kept before if it is the same.
    pub(crate) fn kept(&self, before: Option<&Party>, texts: &mut Texts) -> Arc<PartyFacts> {
        let before = before.map(|before| &before.facts);
        let nothing = Text::default();
        let uui = self.uui.unwrap_or(&nothing);
        if let Some(known) = before {
            let is_same = [
                (&known.name, self.name),
                (&known.address, self.address),
                (&known.team, self.team),
                (&known.group, self.group),
                (&known.external_contact, self.external_contact),
                (&known.external_organization, self.external_organization),
                (&known.uui, uui),
            ]
            .into_iter()
            .all(|(known, shown)| **known == *shown.as_str());
            if is_same {
                return Arc::clone(known);
            }
        }
        Arc::new(PartyFacts {
            name: self.name.kept(before.map(|known| &known.name), texts),
            address: self.address.kept(before.map(|known| &known.address), texts),
            team: self.team.kept(before.map(|known| &known.team), texts),
            group: self.group.kept(before.map(|known| &known.group), texts),
            external_contact: (self.external_contact)
                .kept(before.map(|known| &known.external_contact), texts),
            external_organization: (self.external_organization)
                .kept(before.map(|known| &known.external_organization), texts),
            uui: uui.kept(before.map(|known| &known.uui), texts),
        })
    }
}

/// Whom the participant listens or speaks to: the ids of those whom it monitors, coaches, has barged in on.
pub(crate) fn observation(
    [monitors, coaches, barged_into]: [&Text<'_>; 3],
    barged: Option<UtcMicros>,
) -> Option<Box<Observation>> {
    if monitors.is_empty() && coaches.is_empty() && barged_into.is_empty() {
        return None;
    }
    Some(Box::new(Observation {
        monitors: monitors.kept_id(None),
        coaches: coaches.kept_id(None),
        barged_into: barged_into.kept_id(None),
        barged,
    }))
}

impl RoutingData<'_> {
    /// What a queue was asked for; nothing of other parties.
    pub(crate) fn kept(
        &self,
        role: Role,
        before: Option<&Party>,
        texts: &mut Texts,
    ) -> Option<Arc<Routing>> {
        let asked = self.priority.0.is_some()
            || !self.skills.0.is_empty()
            || !self.language.0.id.is_empty();
        if role != Role::Queue || !asked {
            return None;
        }
        fn name<'t>(of: &'t Reference<'_>) -> &'t str {
            if of.name.is_empty() {
                of.id.as_str()
            } else {
                of.name.as_str()
            }
        }
        let known = before.and_then(|before| before.routing.as_ref());
        let is_same = known.is_some_and(|known| {
            known.priority == self.priority.0
                && *known.language == *name(&self.language.0)
                && known.skills.len() == self.skills.0.len()
                && known
                    .skills
                    .iter()
                    .zip(&self.skills.0)
                    .all(|(known, shown)| **known == *name(&shown.0))
        });
        if is_same {
            return known.cloned();
        }
        Some(Arc::new(Routing {
            priority: self.priority.0,
            skills: (self.skills.0.iter())
                .map(|skill| texts.keep(name(&skill.0)))
                .collect(),
            language: texts.keep(name(&self.language.0)),
        }))
    }
}

impl WrapupBody<'_> {
    pub(crate) fn is_given(&self) -> bool {
        !self.code.is_empty() || !self.notes.is_empty()
    }

    /// The wrap-up, its notes masked; the one that was kept before if it is the same.
    pub(crate) fn kept(
        &self,
        before: Option<&Party>,
        reading: &mut Reading<'_>,
    ) -> Option<Arc<Wrapup>> {
        if !self.is_given() {
            return None;
        }
        let known = before.and_then(|before| before.wrapup.as_ref());
        let notes = Text(reading.rules.mask(self.notes.as_str()));
        let texts = &mut *reading.texts;
        let shown = Wrapup {
            code: self.code.kept(known.map(|known| &known.code), texts),
            notes: notes.kept(known.map(|known| &known.notes), texts),
            tags: kept_list(self.tags.0.iter(), known.map(|known| &known.tags), texts),
            duration_s: self.duration_seconds.0,
            given: self.end_time.0,
        };
        match known {
            Some(known) if **known == shown => Some(Arc::clone(known)),
            _ => Some(Arc::new(shown)),
        }
    }
}

impl Disposition<'_> {
    pub(crate) fn kept(
        &self,
        before: Option<&LegView>,
        texts: &mut Texts,
    ) -> Option<Arc<CallAnalysis>> {
        if self.name.is_empty() && self.analyzer.is_empty() {
            return None;
        }
        let known = before.and_then(|before| before.analysis.as_ref());
        match known {
            Some(known)
                if *known.name == *self.name.as_str()
                    && *known.analyzer == *self.analyzer.as_str() =>
            {
                Some(Arc::clone(known))
            }
            _ => Some(Arc::new(CallAnalysis {
                name: self.name.kept(None, texts),
                analyzer: self.analyzer.kept(None, texts),
            })),
        }
    }
}

/// The attributes that may be told, masked; read again only if their text is another.
pub(crate) fn kept_attributes(
    text: Option<&RawValue>,
    before: Option<&Party>,
    reading: &mut Reading<'_>,
) -> Arc<ShownAttributes> {
    let text = text.map_or("{}", RawValue::get);
    let read_from = twox_hash::XxHash3_128::oneshot(text.as_bytes());
    if let Some(before) = before
        && before.attributes.read_from == read_from
    {
        return Arc::clone(&before.attributes);
    }
    let pairs: Pairs<'_> = serde_json::from_str(text).unwrap_or_default();
    let mut values = Vec::with_capacity(pairs.0.len());
    for (key, value) in &pairs.0 {
        let key = key.as_str();
        let Some(value) = reading.rules.apply(key, value.as_str()) else {
            continue;
        };
        let known = before.and_then(|before| {
            // Nearly always at the same place.
            let known = before.attributes.values.split_at_checked(values.len());
            let (first, rest) = known.unwrap_or((&before.attributes.values, &[]));
            (rest.iter().chain(first)).find(|(known, _)| **known == *key)
        });
        let value = Text(value).kept(known.map(|(_, value)| value), reading.texts);
        let key = known.map_or_else(|| reading.texts.keep(key), |(key, _)| Arc::clone(key));
        values.push((key, value));
    }
    Arc::new(ShownAttributes { read_from, values })
}
