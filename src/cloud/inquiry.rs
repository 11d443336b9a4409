//! What only a check of the connection asks: the organization, the topics that there are, the way to a host, and the end
//! of the token that was asked for.
//!
//! Like [`Exchange`] it knows what to send and what the answer means; [`Wire`](super::Wire) carries it.

use http::header::DATE;
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::exchange::{Answer, Exchange, Outgoing};
use super::refusal::{refused, unreadable};
use crate::model::order::Failure;

/// As many permissions of a topic as are kept, and as many bytes of one. The platform names one or two, of 40.
const PERMISSIONS: usize = 8;
const LONGEST_PERMISSION: usize = 100;

/// One thing to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inquiry {
    /// `GET /api/v2/organizations/me`.
    Organization,
    /// `GET /api/v2/notifications/availabletopics?expand=requiresPermissions,transports`.
    Topics,
    /// `DELETE /api/v2/tokens/me`: the token of this wire ends.
    EndToken,
}

impl Inquiry {
    const fn act(self) -> &'static str {
        match self {
            Self::Organization => "Reading the organization",
            Self::Topics => "Listing the topics that there are",
            Self::EndToken => "Ending the token of the check",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The organization that the client belongs to.
    Organization {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// The topics that there are.
    Topics(Vec<TopicRule>),
    /// It is done.
    Ended,
}

/// A topic that the platform offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRule {
    /// The template: `v2.users.{id}.presence`.
    pub template: String,
    /// What a client needs for it.
    pub permissions: Vec<String>,
    /// Whether a websocket can have it.
    pub by_websocket: bool,
}

/// An answer and when the platform's clock says that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What was found.
    pub found: Found,
    /// The answer's `Date`.
    pub date: Option<Timestamp>,
}

impl Exchange {
    pub(super) fn inquiry(&self, what: Inquiry) -> Result<Outgoing, Failure> {
        let act = what.act().to_owned();
        match what {
            Inquiry::Organization => {
                self.bearing_as(act, Method::GET, self.url(&["organizations", "me"]))
            }
            Inquiry::Topics => {
                let mut url = self.url(&["notifications", "availabletopics"]);
                url.set_query(Some("expand=requiresPermissions,transports"));
                self.bearing_as(act, Method::GET, url)
            }
            Inquiry::EndToken => self.bearing_as(act, Method::DELETE, self.url(&["tokens", "me"])),
        }
    }

    pub(super) fn told(&self, what: Inquiry, answer: &Answer) -> Result<Told, Failure> {
        let Answer {
            status,
            headers,
            body,
        } = answer;
        if !status.is_success() {
            return Err(refused(
                what.act(),
                self.host(),
                *status,
                headers,
                body,
                self.vault(),
            ));
        }
        let found = match what {
            Inquiry::Organization => organization(body),
            Inquiry::Topics => topics(body).map(Found::Topics),
            Inquiry::EndToken => Some(Found::Ended),
        };
        let mut found = found.ok_or_else(|| self.not_told(what, *status))?;
        self.clean(&mut found);
        let date = headers
            .get(DATE)
            .and_then(|date| date.to_str().ok())
            .and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        Ok(Told { found, date })
    }

    /// What is found is shown to people, as failures are: cleaned, cut and with every secret struck out.
    fn clean(&self, found: &mut Found) {
        let clean = |text: &mut String| *text = self.vault().quote(text);
        match found {
            Found::Organization { name, id } => {
                clean(name);
                clean(id);
            }
            Found::Topics(rules) => {
                for TopicRule { permissions, .. } in rules {
                    permissions.retain(|permission| permission.len() <= LONGEST_PERMISSION);
                    permissions.truncate(PERMISSIONS);
                    permissions.iter_mut().for_each(clean);
                }
            }
            Found::Ended => {}
        }
    }

    fn not_told(&self, what: Inquiry, status: StatusCode) -> Failure {
        let why = match what {
            Inquiry::Topics => "it is no list",
            _ => "it is no object with id and name",
        };
        unreadable(what.act(), self.host(), Some(status), why)
    }
}

fn organization(body: &[u8]) -> Option<Found> {
    #[derive(Deserialize)]
    struct Organization {
        id: String,
        name: String,
    }
    let Organization { id, name } = serde_json::from_slice(body).ok()?;
    Some(Found::Organization { name, id })
}

fn topics(body: &[u8]) -> Option<Vec<TopicRule>> {
    #[derive(Deserialize)]
    struct Listing<'a> {
        #[serde(borrow)]
        entities: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct AvailableTopic {
        id: String,
        requires_permissions: Option<Vec<String>>,
        transports: Option<Vec<String>>,
    }
    let list: Listing<'_> = serde_json::from_slice(body).ok()?;
    let rule = |row: &&RawValue| {
        // A row that cannot be read is a topic that is not known.
        let topic: AvailableTopic = serde_json::from_str(row.get()).ok()?;
        let by_websocket = topic.transports.is_none_or(|transports| {
            transports.iter().any(|transport| {
                transport.eq_ignore_ascii_case("All") || transport.eq_ignore_ascii_case("Websocket")
            })
        });
        Some(TopicRule {
            template: topic.id,
            permissions: topic.requires_permissions.unwrap_or_default(),
            by_websocket,
        })
    };
    Some(list.entities.iter().filter_map(rule).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_with_what_they_need() {
        let body = br#"{"entities":[
            {"id":"v2.users.{id}.presence","requiresPermissions":["a:b:c"],"transports":["All"]},
            {"id":"v2.x","transports":["EventBridge"]}, {"id":"v2.y"}, 5, {"id":7}
        ]}"#;
        let read: Vec<_> = topics(body)
            .unwrap()
            .into_iter()
            .map(|rule| (rule.template, rule.permissions.join(","), rule.by_websocket))
            .collect();
        let expected = [
            ("v2.users.{id}.presence", "a:b:c", true),
            ("v2.x", "", false),
            ("v2.y", "", true),
        ];
        let expected = expected.map(|(id, needs, by)| (id.to_owned(), needs.to_owned(), by));
        assert_eq!(read, expected);
        assert_eq!(topics(b"[]"), None);
    }

    #[test]
    fn an_organization_has_a_name_and_an_id() {
        assert!(organization(br#"{"id":"o","name":"Acme","x":1}"#).is_some());
        for body in ["{}", "[]", "", r#"{"id":1,"name":"x"}"#] {
            assert_eq!(organization(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_found_is_cleaned_cut_and_struck_as_failures_are() {
        let url = url::Url::parse("https://api.mypurecloud.de/").unwrap();
        let region = crate::settings::Region {
            api: url.clone(),
            login: url,
        };
        let exchange = Exchange::new(region, "client", "CANARY-secret".into());
        let long = "x".repeat(1 << 20);
        let body = format!(r#"{{"id":"{long}","name":"Acme CANARY-secret\u001b[31m"}}"#);
        let told = exchange.told(Inquiry::Organization, &Answer::new(200, [], body.into()));
        let Found::Organization { name, id } = told.unwrap().found else {
            panic!("an organization")
        };
        assert_eq!(name, "Acme *** [31m");
        assert!(id.len() < 400, "{}", id.len());
        let many = vec![r#""a:b:c""#; 1_000].join(",");
        let body = format!(
            r#"{{"entities":[{{"id":"v2.x","requiresPermissions":["{long}","CANARY-secret\n",{many}]}}]}}"#
        );
        let told = exchange.told(Inquiry::Topics, &Answer::new(200, [], body.into()));
        let Found::Topics(rules) = told.unwrap().found else {
            panic!("topics")
        };
        let permissions = &rules[0].permissions;
        assert_eq!(
            (permissions.len(), &*permissions[0], &*permissions[1]),
            (8, "*** ", "a:b:c")
        );
    }
}
