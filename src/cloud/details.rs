//! Queries of the analytics interface for details, and their pages.
//!
//! Members and words from the platform's published .NET SDK 270.0.0 (`ConversationQuery`, `UserDetailsQuery` and their
//! filters). A page's rows stay texts: what they say is for `calls` to read. A page that has none lacks its member.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::model::id::{ConversationId, UserId};
use crate::model::order::{BodyText, DetailsHead, DetailsPage};
use crate::model::time::UtcMicros;

/// Rows of a page. The platform's own texts use 100 and 200 for conversations.
const PAGE_SIZE: u32 = 100;

/// The body of a query for conversations: calls and callbacks. Those that ended last come first, so that a gap is read
/// without the rest of its day; what ends meanwhile only shifts rows to later pages. Of those that have not ended the
/// earliest come first, so that what begins meanwhile moves no page.
pub(super) fn conversations(from: UtcMicros, to: UtcMicros, only_open: bool, page: u32) -> Vec<u8> {
    let mut query = json!({
        "interval": interval(from, to),
        "order": if only_open { "asc" } else { "desc" },
        "orderBy": if only_open { "conversationStart" } else { "conversationEnd" },
        "segmentFilters": [any_of("mediaType", ["voice", "callback"])],
        "paging": { "pageSize": PAGE_SIZE, "pageNumber": page },
    });
    if only_open {
        query["conversationFilters"] = json!([{
            "type": "and",
            "predicates": [{ "type": "dimension", "dimension": "conversationEnd", "operator": "notExists" }],
        }]);
    }
    query.to_string().into_bytes()
}

/// The body of a query for presences and routing statuses.
pub(super) fn users(users: &[UserId], from: UtcMicros, to: UtcMicros, page: u32) -> Vec<u8> {
    json!({
        "interval": interval(from, to),
        "order": "asc",
        "userFilters": [any_of("userId", users.iter().map(UserId::as_str))],
        "paging": { "pageSize": PAGE_SIZE, "pageNumber": page },
    })
    .to_string()
    .into_bytes()
}

fn any_of<'a>(dimension: &str, values: impl IntoIterator<Item = &'a str>) -> Value {
    let predicates: Vec<Value> = values
        .into_iter()
        .map(|value| {
            json!({ "type": "dimension", "dimension": dimension, "operator": "matches", "value": value })
        })
        .collect();
    json!({ "type": "or", "predicates": predicates })
}

/// `start/end` in milliseconds, with the fractions of one that the platform does not know inside.
fn interval(from: UtcMicros, to: UtcMicros) -> String {
    let ceiling = to.0.saturating_add(999);
    format!("{:.3}/{:.3}", timestamp(from.0), timestamp(ceiling))
}

/// Rounded down to a millisecond.
fn timestamp(micros: i64) -> Timestamp {
    let last = if micros < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_millisecond(micros.div_euclid(1_000)).unwrap_or(last)
}

/// A page of conversations; `None` if the answer is none.
pub(super) fn conversations_page(body: &[u8]) -> Option<DetailsPage> {
    let page = answer(body)?;
    let mut page = details(page.conversations, page.total_hits)?;
    page.heads = page.bodies.iter().map(|body| head(body)).collect();
    Some(page)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowBody<'a> {
    #[serde(borrow)]
    conversation_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    conversation_end: Option<Cow<'a, str>>,
}

/// Of a row that cannot be read, nothing: `calls` says so when it reads it.
fn head(row: &str) -> DetailsHead {
    let Ok(row) = serde_json::from_str::<RowBody<'_>>(row) else {
        return DetailsHead::default();
    };
    DetailsHead {
        id: row.conversation_id.map(|id| ConversationId::from(&*id)),
        ended: (row.conversation_end).and_then(|end| UtcMicros::from_iso(&end)),
    }
}

/// A page of users; `None` if the answer is none.
pub(super) fn users_page(body: &[u8]) -> Option<DetailsPage> {
    let page = answer(body)?;
    details(page.user_details, page.total_hits)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageBody<'a> {
    #[serde(borrow)]
    conversations: Option<&'a RawValue>,
    #[serde(borrow)]
    user_details: Option<&'a RawValue>,
    #[serde(borrow)]
    total_hits: Option<&'a RawValue>,
}

fn answer(body: &[u8]) -> Option<PageBody<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    // A struct can be read from an array too, and no array is meant here.
    text.trim_ascii_start()
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())?
}

fn details(rows: Option<&RawValue>, total: Option<&RawValue>) -> Option<DetailsPage> {
    let rows: Option<Vec<&RawValue>> = match rows {
        Some(rows) => serde_json::from_str(rows.get()).ok()?,
        None => None,
    };
    Some(DetailsPage {
        bodies: (rows.unwrap_or_default().iter())
            .map(|row| BodyText::from(row.get()))
            .collect(),
        heads: Vec::new(),
        total: total.and_then(|total| serde_json::from_str(total.get()).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: &DetailsPage) -> Vec<&str> {
        page.bodies.iter().map(|body| &**body).collect()
    }

    #[test]
    fn each_row_is_a_text_of_its_own() {
        let body = r#" {"conversations":[{"conversationId":"a","n":[1, {}]}, {"conversationId":"ä\n"},7],"totalHits":203,"new":{}}"#;
        let page = conversations_page(body.as_bytes()).unwrap();
        assert_eq!(
            rows(&page),
            [
                r#"{"conversationId":"a","n":[1, {}]}"#,
                r#"{"conversationId":"ä\n"}"#,
                "7"
            ]
        );
        assert_eq!(page.total, Some(203));
        let page = users_page(br#"{"userDetails":[{"userId":"u"}]}"#).unwrap();
        assert_eq!((rows(&page), page.total), (vec![r#"{"userId":"u"}"#], None));
        assert!(!format!("{page:?}").contains("userId"), "{page:?}");
    }

    #[test]
    fn a_row_says_which_conversation_it_is_and_when_that_ended() {
        let body = r#"{"conversations":[{"participants":[{"conversationId":"x"}],"conversationId":"a\u0062",
            "conversationEnd":"2026-11-22T10:00:00.000Z"},{"conversationId":"c"},{"conversationId":7},"d"]}"#;
        let page = conversations_page(body.as_bytes()).unwrap();
        let heads: Vec<_> = (page.heads.iter())
            .map(|head| (head.id.as_ref().map(ConversationId::as_str), head.ended))
            .collect();
        let end = UtcMicros::from_iso("2026-11-22T10:00:00Z");
        assert_eq!(
            heads,
            [
                (Some("ab"), end),
                (Some("c"), None),
                (None, None),
                (None, None)
            ]
        );
        assert_eq!(page.bodies.len(), heads.len());
    }

    #[test]
    fn a_page_without_rows_lacks_them_in_many_ways() {
        for body in [
            "{}",
            r#"{"totalHits":0}"#,
            r#"{"conversations":null,"userDetails":null}"#,
            r#"{"conversations":[],"userDetails":[],"totalHits":"many"}"#,
        ] {
            for page in [conversations_page, users_page] {
                let page = page(body.as_bytes()).unwrap();
                assert!(
                    page.bodies.is_empty() && page.total.unwrap_or(0) == 0,
                    "{body}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_page_is_none() {
        for body in [
            "",
            "[]",
            "null",
            "<html>",
            r#"[[],[],3]"#,
            r#"{"conversations":{},"userDetails":"x"}"#,
            r#"{"conversations":[,"userDetails":[}"#,
        ] {
            assert_eq!(conversations_page(body.as_bytes()), None, "{body}");
            assert_eq!(users_page(body.as_bytes()), None, "{body}");
        }
        assert_eq!(conversations_page(b"{\"conversations\":[\"\xff\"]}"), None);
    }

    #[test]
    fn an_interval_never_leaves_out_what_was_asked_for() {
        let at = |text| UtcMicros::from_iso(text).unwrap();
        assert_eq!(
            interval(
                at("2026-11-22T10:00:00.000999Z"),
                at("2026-11-22T10:00:01.000001Z")
            ),
            "2026-11-22T10:00:00.000Z/2026-11-22T10:00:01.001Z"
        );
        assert_eq!(
            interval(at("2026-11-22T10:00:00Z"), at("2026-11-22T11:00:00Z")),
            "2026-11-22T10:00:00.000Z/2026-11-22T11:00:00.000Z"
        );
        assert_eq!(
            interval(UtcMicros(-1), UtcMicros(0)),
            "1969-12-31T23:59:59.999Z/1970-01-01T00:00:00.000Z"
        );
        // Nonsense is not worth a panic.
        interval(UtcMicros(i64::MIN), UtcMicros(i64::MAX));
    }

    #[test]
    fn queries_ask_for_what_the_request_says() {
        let at = |text| UtcMicros::from_iso(text).unwrap();
        let (from, to) = (at("2026-11-22T10:00:00Z"), at("2026-11-22T11:00:00Z"));
        let read = |body: Vec<u8>| serde_json::from_slice::<Value>(&body).unwrap();
        let all = read(conversations(from, to, false, 3));
        assert_eq!(
            all["interval"],
            "2026-11-22T10:00:00.000Z/2026-11-22T11:00:00.000Z"
        );
        assert_eq!(all["paging"], json!({ "pageSize": 100, "pageNumber": 3 }));
        assert_eq!(all.get("conversationFilters"), None);
        assert_eq!(
            [&all["orderBy"], &all["order"]],
            ["conversationEnd", "desc"]
        );
        let open = read(conversations(from, to, true, 1));
        assert_eq!(
            open["conversationFilters"][0]["predicates"][0],
            json!({ "type": "dimension", "dimension": "conversationEnd", "operator": "notExists" })
        );
        let query = read(users(
            &[UserId::from("u1"), UserId::from("u\"2")],
            from,
            to,
            2,
        ));
        assert_eq!(query["userFilters"][0]["type"], "or");
        assert_eq!(
            query["userFilters"][0]["predicates"][1],
            json!({ "type": "dimension", "dimension": "userId", "operator": "matches", "value": "u\"2" })
        );
    }
}
