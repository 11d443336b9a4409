//! `/api/v2/analytics/…/details…`: what the platform still tells of conversations and agents when it is over, and already
//! while it goes on. Conversations are found by their ids, or by the days on which they began and by what they are; how
//! agents were, by the users and the interval.
//!
//! A query for conversations matches those that **began on a day** that its interval touches, not those that began
//! within it (SDK documentation of `interval`). A page that has none lacks the member `conversations` (`userDetails`).
//! When the region knows of what happened, how exact `totalHits` is and whether pages shift is a matter of
//! [`Switches`](super::Switches); reads by id tell everything at once.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Region, Request, Response};
use crate::body;
use crate::body::agent_details::Window;
use crate::chance::Id;
use crate::conversation::Conversation;
use crate::problem::Problem;
use crate::time::{Millis, Time};

const DAY: i64 = 86_400_000;

/// The longest interval of a query.
const MOST_DAYS: i64 = 31;

/// The largest page: the platform's own texts use 100 and 200.
const LARGEST_PAGE: usize = 200;

/// `ConversationQuery`, as much of it as the region knows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    interval: Option<String>,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    order_by: OrderBy,
    #[serde(default)]
    conversation_filters: Vec<Filter>,
    #[serde(default)]
    segment_filters: Vec<Filter>,
    #[serde(default)]
    paging: Paging,
}

/// `UserDetailsQuery`, as much of it as the region knows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserQuery {
    interval: Option<String>,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    user_filters: Vec<Filter>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Order {
    #[default]
    Asc,
    Desc,
    Unordered,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OrderBy {
    #[default]
    ConversationStart,
    ConversationEnd,
    SegmentStart,
    SegmentEnd,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Paging {
    page_size: usize,
    page_number: usize,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            page_size: 25,
            page_number: 1,
        }
    }
}

/// A filter, and a clause of one: the platform nests no deeper.
#[derive(Debug, Deserialize)]
struct Filter {
    #[serde(rename = "type")]
    joint: Joint,
    #[serde(default)]
    clauses: Vec<Filter>,
    #[serde(default)]
    predicates: Vec<Predicate>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Joint {
    And,
    Or,
}

#[derive(Debug, Deserialize)]
struct Predicate {
    dimension: Option<String>,
    #[serde(default)]
    operator: Operator,
    value: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    #[default]
    Matches,
    Exists,
    NotExists,
}

/// What the interface tells of a conversation to which nothing happened since, as text: a day's conversations are asked
/// for again and again.
#[derive(Debug)]
pub(super) struct Finished {
    /// When the last thing happened to it.
    last: Time,
    text: Arc<str>,
}

/// A conversation that a query finds.
struct Hit<'a> {
    conversation: &'a Conversation,
    /// Until when it is known what happened to it.
    known: Time,
    /// When it ended, as far as that is known.
    ended: Option<Time>,
}

impl Filter {
    /// Whether it asks of one dimension only whether it has one of several values.
    fn is_about(&self, dimension: &str) -> bool {
        let matches = |one: &Predicate| {
            one.dimension.as_deref() == Some(dimension) && matches!(one.operator, Operator::Matches)
        };
        let any = matches!(self.joint, Joint::Or) || self.predicates.len() == 1;
        any && self.clauses.is_empty() && self.predicates.iter().all(matches)
    }

    /// Whether it holds where a dimension has these values. An unknown dimension is an error.
    fn holds(&self, values: &impl Fn(&str) -> Option<Vec<String>>) -> Result<bool, Problem> {
        let clauses = self.clauses.iter().map(|clause| clause.holds(values));
        let predicates = self.predicates.iter().map(|one| one.holds(values));
        let all: Vec<bool> = clauses.chain(predicates).collect::<Result<_, _>>()?;
        Ok(match self.joint {
            Joint::And => all.iter().all(|holds| *holds),
            Joint::Or => all.iter().any(|holds| *holds),
        })
    }
}

impl Paging {
    fn check(&self) -> Result<(), Problem> {
        if (1..=LARGEST_PAGE).contains(&self.page_size) && self.page_number > 0 {
            return Ok(());
        }
        Err(Problem::bad_request(format!(
            "pageSize is not a number from 1 to {LARGEST_PAGE}, or pageNumber is 0"
        )))
    }

    /// The rows before the page, if so many come in while each page is read. Each page brings something new all the same.
    fn before(&self, shift: usize) -> usize {
        let step = self.page_size.saturating_sub(shift).max(1);
        step.saturating_mul(self.page_number - 1)
    }
}

impl Predicate {
    fn holds(&self, values: &impl Fn(&str) -> Option<Vec<String>>) -> Result<bool, Problem> {
        let dimension = self.dimension.as_deref().unwrap_or_default();
        let Some(values) = values(dimension) else {
            return Err(Problem::bad_request(format!(
                "the region does not filter by the dimension {dimension:?}"
            )));
        };
        Ok(match (self.operator, &self.value) {
            (Operator::Exists, _) => !values.is_empty(),
            (Operator::NotExists, _) => values.is_empty(),
            (Operator::Matches, Some(value)) => {
                values.iter().any(|known| known.eq_ignore_ascii_case(value))
            }
            (Operator::Matches, None) => {
                return Err(Problem::bad_request(
                    "a predicate that matches needs a value",
                ));
            }
        })
    }
}

impl Region {
    /// `GET …/details?id=…`: `AnalyticsConversationWithoutAttributesMultiGetResponse`. Unknown ids are passed over.
    pub(super) fn details(&self, request: &Request) -> Response {
        let ids = request.list("id");
        let found = ids
            .iter()
            .filter_map(|id| self.world.conversation_details(id));
        Response::json(200, &json!({ "conversations": found.collect::<Vec<_>>() }))
    }

    /// `POST …/details/query`: `AnalyticsConversationQueryResponse`.
    pub(super) fn details_query(
        &mut self,
        request: &Request,
        now: Time,
    ) -> Result<Response, Problem> {
        let query: Query = read(request)?;
        let (from, to) = interval(query.interval.as_deref())?;
        let days = from.0.div_euclid(DAY)..=(to.0 - 1).div_euclid(DAY);
        query.paging.check()?;
        let off = self.inexactness();
        let shift = self.switches.analytics_pages_shift as usize;
        let mut hits: Vec<Hit<'_>> = Vec::new();
        for conversation in self.world.conversations() {
            let known = self.known_of(conversation, now);
            let hit = Hit {
                conversation,
                known,
                ended: conversation.ended.filter(|end| *end <= known),
            };
            if days.contains(&conversation.started.0.div_euclid(DAY))
                && conversation.started <= known
                && self.fits(&query, &hit)?
            {
                hits.push(hit);
            }
        }
        // What goes on comes after everything that is over.
        let end = |hit: &Hit<'_>| (hit.ended.unwrap_or(Time(i64::MAX)), hit.conversation.id);
        match query.order_by {
            OrderBy::ConversationStart | OrderBy::SegmentStart => {
                hits.sort_by_key(|hit| (hit.conversation.started, hit.conversation.id));
            }
            OrderBy::ConversationEnd | OrderBy::SegmentEnd => hits.sort_by_key(end),
        }
        if query.order == Order::Desc {
            hits.reverse();
        }
        let total = hits.len();
        let rows = hits.into_iter().skip(query.paging.before(shift));
        let rows: Vec<Hit<'_>> = rows.take(query.paging.page_size).collect();
        let mut page: Vec<Arc<str>> = Vec::with_capacity(rows.len());
        let mut learnt: Vec<(Id, Finished)> = Vec::new();
        for hit in &rows {
            let id = hit.conversation.id;
            let last = self.world.last_act(id).filter(|last| {
                *last <= hit.known && hit.conversation.ended.is_some_and(|end| end <= hit.known)
            });
            let known = self.finished.get(&id);
            if let Some(finished) = known.filter(|finished| last == Some(finished.last)) {
                page.push(Arc::clone(&finished.text));
                continue;
            }
            let text: Arc<str> = Arc::from(self.details_of(hit).to_string());
            page.push(Arc::clone(&text));
            if let Some(last) = last {
                learnt.push((id, Finished { last, text }));
            }
        }
        drop(rows);
        self.finished.extend(learnt);
        let mut body = format!("{{\"totalHits\":{}", told_total(total, off));
        if !page.is_empty() {
            _ = write!(body, ",\"conversations\":[{}]", page.join(","));
        }
        body.push('}');
        Ok(Response::text(200, body))
    }

    /// `POST …/users/details/query`: `AnalyticsUserDetailsQueryResponse`.
    pub(super) fn user_details_query(
        &mut self,
        request: &Request,
        now: Time,
    ) -> Result<Response, Problem> {
        let query: UserQuery = read(request)?;
        let (from, to) = interval(query.interval.as_deref())?;
        query.paging.check()?;
        let off = self.inexactness();
        let shift = self.switches.analytics_pages_shift as usize;
        let known = now + Millis(-self.switches.analytics_delay_ms);
        let window = Window { from, to, known };
        let organization = self.world.inventory();
        let mut hits: Vec<Value> = Vec::new();
        for (at, user) in organization.users.iter().enumerate() {
            let of_user = |dimension: &str| match dimension {
                "userId" => Some(vec![user.id.to_string()]),
                _ => None,
            };
            let mut all = true;
            for filter in &query.user_filters {
                all &= filter.holds(&of_user)?;
            }
            if let (true, Some(history)) = (all, self.world.history(at)) {
                let told = body::agent_details::details(organization, at, history, window);
                let spells = |member| !items(&told, member).is_empty();
                if spells("primaryPresence") || spells("routingStatus") {
                    hits.push(told);
                }
            }
        }
        if query.order == Order::Desc {
            hits.reverse();
        }
        let total = hits.len();
        let page: Vec<Value> = hits
            .into_iter()
            .skip(query.paging.before(shift))
            .take(query.paging.page_size)
            .collect();
        Ok(page_of("userDetails", page, total, off))
    }

    /// How far a total is off this time, as a factor.
    fn inexactness(&mut self) -> f64 {
        let off = self.switches.analytics_totals_off;
        if off > 0.0 {
            1.0 + off * (2.0 * self.chance.unit() - 1.0)
        } else {
            1.0
        }
    }

    /// Until when a query knows what happened to a conversation: it takes one conversation longer than another, so that
    /// an older one may come in before a younger.
    fn known_of(&self, conversation: &Conversation, now: Time) -> Time {
        let delay = self.switches.analytics_delay_ms;
        if delay <= 0 {
            return now;
        }
        let share = conversation.id.thousandth();
        now + Millis(-(delay / 2 + delay / 2 * share / 999))
    }

    /// A conversation, as far as it is known.
    fn details_of(&self, hit: &Hit<'_>) -> Value {
        let mut details = body::analytics::details(self.world.inventory(), hit.conversation);
        if self.switches.analytics_delay_ms > 0 {
            as_known(&mut details, &hit.known.iso());
        }
        details
    }

    fn fits(&self, query: &Query, hit: &Hit<'_>) -> Result<bool, Problem> {
        let conversation = hit.conversation;
        let organization = self.world.inventory();
        let of_conversation = |dimension: &str| {
            Some(match dimension {
                "conversationId" => vec![conversation.id.to_string()],
                "conversationStart" => vec![conversation.started.iso()],
                "conversationEnd" => hit.ended.iter().map(|end| end.iso()).collect(),
                "conversationInitiator" => (conversation.participants.first())
                    .map(|first| first.purpose.word().to_owned())
                    .into_iter()
                    .collect(),
                "originatingDirection" => {
                    vec![body::analytics::originating_direction(conversation).to_owned()]
                }
                "divisionId" => body::analytics::divisions(organization, conversation)
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                _ => return None,
            })
        };
        for filter in &query.conversation_filters {
            if !filter.holds(&of_conversation)? {
                return Ok(false);
            }
        }
        if query.segment_filters.is_empty() {
            return Ok(true);
        }
        // What is asked of most often needs no segments.
        if let [filter] = query.segment_filters.as_slice()
            && filter.is_about("mediaType")
        {
            return filter.holds(&|_: &str| Some(body::analytics::media(conversation)));
        }
        // One segment must meet all of them.
        let details = self.details_of(hit);
        for party in items(&details, "participants") {
            for session in items(party, "sessions") {
                for segment in items(session, "segments") {
                    let of_segment = |dimension: &str| values(dimension, [segment, session, party]);
                    let mut all = true;
                    for filter in &query.segment_filters {
                        all &= filter.holds(&of_segment)?;
                    }
                    if all {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

fn items<'a>(object: &'a Value, member: &str) -> &'a [Value] {
    object[member].as_array().map_or(&[], Vec::as_slice)
}

/// The values of a dimension of a segment; `None` if the region does not know it. Dimensions are called like the members
/// of the segment, its session and its participant.
fn values(dimension: &str, of: [&Value; 3]) -> Option<Vec<String>> {
    let known = [
        "ani",
        "conference",
        "direction",
        "disconnectType",
        "dnis",
        "mediaType",
        "peerId",
        "provider",
        "purpose",
        "queueId",
        "remote",
        "segmentEnd",
        "segmentType",
        "usedRouting",
        "userId",
        "wrapUpCode",
    ];
    if !known.contains(&dimension) {
        return None;
    }
    let found = of.iter().filter_map(|object| object.get(dimension));
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(found.map(text).collect())
}

fn read<T: for<'a> Deserialize<'a>>(request: &Request) -> Result<T, Problem> {
    serde_json::from_slice(&request.body)
        .map_err(|wrong| Problem::bad_request(format!("the query cannot be read: {wrong}")))
}

fn told_total(total: usize, off: f64) -> u64 {
    (total as f64 * off).round() as u64
}

fn page_of(member: &str, page: Vec<Value>, total: usize, off: f64) -> Response {
    let mut answer = json!({ "totalHits": told_total(total, off) });
    if !page.is_empty() {
        answer[member] = page.into();
    }
    Response::json(200, &answer)
}

/// Leaves of a conversation what happened until then. Times of the platform's spelling compare as texts.
fn as_known(details: &mut Value, known: &str) {
    let later = |object: &Value, member: &str| object[member].as_str().is_some_and(|at| at > known);
    for member in ["conversationEnd", "conferenceStart"] {
        if later(details, member) {
            drop_members(details, &[member]);
        }
    }
    let list = |object: &mut Value, member: &str| -> Vec<Value> {
        (object.get_mut(member).and_then(Value::as_array_mut))
            .map(std::mem::take)
            .unwrap_or_default()
    };
    let mut parties = list(details, "participants");
    for party in &mut parties {
        let mut sessions = list(party, "sessions");
        for session in &mut sessions {
            let mut segments = list(session, "segments");
            segments.retain(|segment| !later(segment, "segmentStart"));
            for segment in &mut segments {
                if later(segment, "segmentEnd") {
                    drop_members(segment, &["segmentEnd", "disconnectType", "wrapUpCode"]);
                }
            }
            session["segments"] = segments.into();
        }
        sessions.retain(|session| !items(session, "segments").is_empty());
        party["sessions"] = sessions.into();
    }
    parties.retain(|party| !items(party, "sessions").is_empty());
    details["participants"] = parties.into();
}

fn drop_members(object: &mut Value, members: &[&str]) {
    if let Some(object) = object.as_object_mut() {
        for member in members {
            object.shift_remove(*member);
        }
    }
}

/// An interval `start/end`; the end does not belong to it.
fn interval(interval: Option<&str>) -> Result<(Time, Time), Problem> {
    let read = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let (from, to) = interval
        .and_then(|interval| interval.split_once('/'))
        .and_then(|(from, to)| Some((read(from)?, read(to)?)))
        .ok_or_else(|| {
            Problem::bad_request("interval is not two ISO-8601 times in UTC with a slash between")
        })?;
    let (from, to) = (from.as_millisecond(), to.as_millisecond());
    if to <= from || to - from > MOST_DAYS * DAY {
        return Err(Problem::bad_request(format!(
            "interval does not end after its start and within {MOST_DAYS} days of it"
        )));
    }
    Ok((Time(from), Time(to)))
}
