//! `/api/v2/analytics/conversations/…details…`: what the platform still tells of conversations when they are over, and
//! already while they go on. They are found by their ids, or by the days on which they began and by what they are.
//!
//! A query matches the conversations that **began on a day** that its interval touches, not those that began within it
//! (SDK documentation of `interval`). A page that has none lacks the member `conversations`. The region tells of a
//! conversation at once; the platform takes seconds, and gives no figure.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Region, Request, Response};
use crate::body;
use crate::conversation::Conversation;
use crate::problem::Problem;
use crate::time::Time;

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

impl Filter {
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
    pub(super) fn details_query(&self, request: &Request) -> Result<Response, Problem> {
        let query: Query = serde_json::from_slice(&request.body)
            .map_err(|wrong| Problem::bad_request(format!("the query cannot be read: {wrong}")))?;
        let days = days(query.interval.as_deref())?;
        let Paging {
            page_size,
            page_number,
        } = query.paging;
        if !(1..=LARGEST_PAGE).contains(&page_size) || page_number == 0 {
            return Err(Problem::bad_request(format!(
                "pageSize is not a number from 1 to {LARGEST_PAGE}, or pageNumber is 0"
            )));
        }
        let mut hits: Vec<&Conversation> = Vec::new();
        for conversation in self.world.conversations() {
            if days.contains(&conversation.started.0.div_euclid(DAY))
                && self.fits(&query, conversation)?
            {
                hits.push(conversation);
            }
        }
        // What goes on comes after everything that is over.
        let end = |hit: &&Conversation| (hit.ended.unwrap_or(Time(i64::MAX)), hit.id);
        match query.order_by {
            OrderBy::ConversationStart | OrderBy::SegmentStart => {
                hits.sort_by_key(|hit| (hit.started, hit.id));
            }
            OrderBy::ConversationEnd | OrderBy::SegmentEnd => hits.sort_by_key(end),
        }
        if query.order == Order::Desc {
            hits.reverse();
        }
        let page: Vec<Value> = hits
            .iter()
            .skip(page_size.saturating_mul(page_number - 1))
            .take(page_size)
            .map(|hit| body::analytics::details(self.world.inventory(), hit))
            .collect();
        let mut answer = json!({ "totalHits": hits.len() });
        if !page.is_empty() {
            answer["conversations"] = page.into();
        }
        Ok(Response::json(200, &answer))
    }

    fn fits(&self, query: &Query, conversation: &Conversation) -> Result<bool, Problem> {
        let organization = self.world.inventory();
        let of_conversation = |dimension: &str| {
            Some(match dimension {
                "conversationId" => vec![conversation.id.to_string()],
                "conversationStart" => vec![conversation.started.iso()],
                "conversationEnd" => conversation.ended.iter().map(|end| end.iso()).collect(),
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
        // One segment must meet all of them.
        let details = body::analytics::details(organization, conversation);
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

/// The days, counted from 1970, that an interval `start/end` touches. The end does not belong to it.
fn days(interval: Option<&str>) -> Result<std::ops::RangeInclusive<i64>, Problem> {
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
    Ok(from.div_euclid(DAY)..=(to - 1).div_euclid(DAY))
}
