//! Notification channels: what the platform says when one is made or takes topics, and which address is believed.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::{Host, Url};

use crate::model::id::{ChannelId, Topic};
use crate::model::order::TopicVerdict;
use crate::model::time::UtcMicros;

/// `request.bytes.max` of the platform's limits: a body must stay under it.
pub(super) const BODY_LIMIT: usize = 512_000;

/// No topic is longer, by far: the platform takes 200 characters.
const LONGEST_TOPIC: usize = 1_000;

/// The parent domains of the platform's regions. A region may name its streaming host under another than its own.
const PLATFORM: [&str; 8] = [
    "mypurecloud.com",
    "mypurecloud.com.au",
    "mypurecloud.de",
    "mypurecloud.ie",
    "mypurecloud.jp",
    "pure.cloud",
    "us-gov-pure.cloud",
    "eusc-pure.cloud",
];

/// A channel that was made.
pub(super) struct Made {
    pub(super) channel: ChannelId,
    pub(super) address: SecretString,
    pub(super) expires: Option<UtcMicros>,
}

/// Reads the answer to `POST /api/v2/notifications/channels`.
///
/// # Errors
/// What is wrong with it, without its content.
pub(super) fn made(body: &[u8], api: &Url) -> Result<Made, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Channel {
        id: String,
        connect_uri: String,
        // Its loss costs no more than an early renewal.
        #[serde(default)]
        expires: serde_json::Value,
    }
    let channel: Channel = serde_json::from_slice(body)
        .map_err(|_| "it is no channel with id and connectUri".to_owned())?;
    if channel.id.is_empty() {
        return Err("the channel's id is empty".to_owned());
    }
    check_address(&channel.connect_uri, api)?;
    Ok(Made {
        channel: ChannelId::from(channel.id.as_str()),
        address: SecretString::from(channel.connect_uri),
        expires: channel.expires.as_str().and_then(UtcMicros::from_iso),
    })
}

/// Whoever has a channel's address reads the feed, and whoever answers there writes it: only the platform's own hosts
/// are believed, and only with TLS. A region on loopback has loopback addresses, with or without TLS.
fn check_address(address: &str, api: &Url) -> Result<(), String> {
    let address = Url::parse(address).map_err(|_| "connectUri is no address".to_owned())?;
    let Some(host) = address.host() else {
        return Err("connectUri has no host".to_owned());
    };
    if !address.username().is_empty() || address.password().is_some() {
        return Err("connectUri has a user name in it".to_owned());
    }
    if api.host().is_some_and(|api| is_loopback(&api)) {
        return match address.scheme() {
            _ if !is_loopback(&host) => Err(format!(
                "connectUri leads to {host}, away from the loopback region"
            )),
            "ws" | "wss" => Ok(()),
            _ => Err("connectUri is neither ws nor wss".to_owned()),
        };
    }
    if address.scheme() != "wss" {
        return Err("connectUri is not wss".to_owned());
    }
    let own = api.host();
    if own.as_ref() == Some(&host) {
        return Ok(());
    }
    let (Host::Domain(name), Some(Host::Domain(api))) = (&host, own) else {
        return Err(format!("connectUri leads to the bare address {host}"));
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let region = api.strip_prefix("api.").unwrap_or(api);
    let ours = std::iter::once(region).chain(PLATFORM).any(|domain| {
        name.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if ours {
        Ok(())
    } else {
        Err(format!(
            "connectUri leads to {host}, which is no host of the platform or region"
        ))
    }
}

/// Where a region has its websockets, as far as that can be told before a channel is made: so far it has always been
/// there. `None` for a gateway. A region on loopback has them where it has the rest.
pub(super) fn expected_host(api: &Url) -> Option<Url> {
    let port = api
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let host = api.host_str()?;
    if is_loopback(&api.host()?) {
        let scheme = if api.scheme() == "http" { "ws" } else { "wss" };
        return Url::parse(&format!("{scheme}://{host}{port}/")).ok();
    }
    Url::parse(&format!(
        "wss://streaming.{}{port}/",
        host.strip_prefix("api.")?
    ))
    .ok()
}

fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().trim_end_matches('.') == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
    }
}

/// Reads the census: the channels in `{"entities":[Channel]}`; `None` if it is no list. The platform tells the ids of
/// those only that the asking token made (NET 270.0.0, NotificationsApi, `getNotificationsChannels`).
pub(super) fn listed(body: &[u8]) -> Option<Vec<Option<ChannelId>>> {
    #[derive(Deserialize)]
    struct Listing<'a> {
        #[serde(borrow)]
        entities: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let list: Listing<'_> = serde_json::from_slice(body).ok()?;
    let id = |row: &&RawValue| {
        let row: Row<'_> = serde_json::from_str(row.get()).ok()?;
        (!row.id.is_empty()).then(|| ChannelId::from(&*row.id))
    };
    Some(list.entities.iter().map(id).collect())
}

/// The body of a subscription: a bare array of `{"id": topic}`.
pub(super) fn subscription(topics: &[Topic]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a str,
    }
    let rows: Vec<Row<'_>> = topics
        .iter()
        .map(|topic| Row { id: topic.as_str() })
        .collect();
    // Strings in structs in a list cannot fail to become JSON.
    serde_json::to_vec(&rows).unwrap_or_default()
}

/// Reads the answer to a subscription; `None` if it is no list of topics. Rows without an id are passed over: the
/// session misses their topics.
pub(super) fn verdicts(body: &[u8]) -> Option<Vec<TopicVerdict>> {
    #[derive(Deserialize)]
    struct Listing<'a> {
        #[serde(borrow)]
        entities: Vec<&'a RawValue>,
    }
    let list: Listing<'_> = serde_json::from_slice(body).ok()?;
    Some(
        list.entities
            .iter()
            .filter_map(|row| verdict(row))
            .collect(),
    )
}

fn verdict(row: &RawValue) -> Option<TopicVerdict> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ChannelTopic {
        id: String,
        state: Option<String>,
        // `rejectReason` is how older platforms spelt it.
        #[serde(alias = "rejectReason")]
        rejection_reason: Option<String>,
        missing_permissions: Option<Vec<String>>,
    }
    let row: ChannelTopic = serde_json::from_str(row.get()).ok()?;
    if row.id.len() > LONGEST_TOPIC {
        return None;
    }
    // Without ignoreErrors the answer used to have no state: a topic that stood in it was permitted.
    let state = row.state.unwrap_or_else(|| "Permitted".to_owned());
    let permitted = state.eq_ignore_ascii_case("Permitted");
    let mut reason = String::new();
    if !permitted {
        reason = row
            .rejection_reason
            .filter(|reason| !reason.is_empty())
            .unwrap_or(state);
        let missing = row.missing_permissions.unwrap_or_default();
        if !missing.is_empty() {
            reason.push_str("; missing permissions: ");
            reason.push_str(&missing.join(", "));
        }
    }
    Some(TopicVerdict {
        topic: Topic::from(row.id),
        permitted,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, api: &str) -> Result<(), String> {
        check_address(address, &Url::parse(api).unwrap())
    }

    #[test]
    fn only_the_platforms_own_hosts_are_believed() {
        let api = "https://api.mypurecloud.de/";
        check(
            "wss://streaming.mypurecloud.de/channels/streaming-1-abc",
            api,
        )
        .unwrap();
        check("wss://streaming.euw2.pure.cloud/channels/c", api).unwrap();
        check(
            "wss://stream.gateway.example/channels/c",
            "https://gateway.example/",
        )
        .unwrap();
        check(
            "wss://streaming.mypurecloud.ie/channels/c",
            "https://gateway.example/",
        )
        .unwrap();
        for (address, api) in [
            ("ws://streaming.mypurecloud.de/channels/c", api),
            ("https://streaming.mypurecloud.de/channels/c", api),
            ("wss://evilmypurecloud.de/channels/c", api),
            ("wss://mypurecloud.de.evil.example/channels/c", api),
            (
                "wss://streaming.mypurecloud.de@evil.example/channels/c",
                api,
            ),
            ("wss://user:pw@streaming.mypurecloud.de/channels/c", api),
            ("wss://203.0.113.7/channels/c", api),
            ("wss://127.0.0.1/channels/c", api),
            ("wss://localhost/channels/c", api),
            ("/channels/c", api),
            ("", api),
            (
                "wss://streaming.mypurecloud.de/channels/c",
                "http://127.0.0.1:8080/",
            ),
            ("http://127.0.0.1:8080/channels/c", "http://127.0.0.1:8080/"),
        ] {
            let why = check(address, api).unwrap_err();
            assert!(!why.contains("channels"), "an address was shown: {why}");
        }
    }

    #[test]
    fn every_region_has_its_own_streaming_host_and_so_has_one_that_nobody_knows_yet() {
        for domain in [
            "mypurecloud.com",
            "use2.us-gov-pure.cloud",
            "usw2.pure.cloud",
            "cac1.pure.cloud",
            "mxc1.pure.cloud",
            "sae1.pure.cloud",
            "mypurecloud.ie",
            "euw2.pure.cloud",
            "mypurecloud.de",
            "euc2.pure.cloud",
            "edee1.eusc-pure.cloud",
            "mec1.pure.cloud",
            "aps1.pure.cloud",
            "apse1.pure.cloud",
            "mypurecloud.com.au",
            "mypurecloud.jp",
            "apne2.pure.cloud",
            "apne3.pure.cloud",
            "new1.pure.cloud",
            "region.cloud-of-2030.example",
        ] {
            let api = format!("https://api.{domain}/");
            check(&format!("wss://streaming.{domain}/channels/c"), &api).unwrap();
            check(&format!("wss://streaming.{domain}:443/channels/c"), &api).unwrap();
            check(&format!("wss://STREAMING.{domain}./channels/c"), &api).unwrap();
        }
        // A lab without names: the region's own address, and no other.
        check("wss://192.0.2.7:8443/channels/c", "https://192.0.2.7:8443/").unwrap();
        check("wss://192.0.2.8/channels/c", "https://192.0.2.7/").unwrap_err();
    }

    #[test]
    fn websockets_are_expected_where_the_platform_has_them() {
        for (api, expected) in [
            (
                "https://api.mypurecloud.de/",
                Some("wss://streaming.mypurecloud.de/"),
            ),
            (
                "https://api.usw2.pure.cloud/",
                Some("wss://streaming.usw2.pure.cloud/"),
            ),
            ("https://gateway.example/", None),
            ("https://192.0.2.7:8443/", None),
            ("http://127.0.0.1:8080/", Some("ws://127.0.0.1:8080/")),
            ("https://localhost/", Some("wss://localhost/")),
            ("http://[::1]:80/", Some("ws://[::1]/")),
        ] {
            let found = expected_host(&Url::parse(api).unwrap());
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{api}");
        }
    }

    #[test]
    fn a_loopback_region_has_loopback_addresses() {
        for address in [
            "ws://127.0.0.1:8080/channels/c",
            "wss://localhost:1/c",
            "ws://[::1]:9/c",
            "ws://127.8.8.8:1/c",
            "ws://[::ffff:127.0.0.1]:9/c",
        ] {
            check(address, "http://127.0.0.1:8080/").unwrap();
            check(address, "https://localhost:8080/").unwrap();
            check(address, "http://[::ffff:127.0.0.1]:8080/").unwrap();
            check(address, "http://localhost.:8080/").unwrap();
        }
    }

    #[test]
    fn a_channel_needs_its_id_and_address() {
        let api = Url::parse("https://api.mypurecloud.de/").unwrap();
        let body = br#"{"connectUri":"wss://streaming.mypurecloud.de/channels/c1","id":"c1","expires":"2026-11-23T10:00:00.000Z","new":1}"#;
        let channel = made(body, &api).ok().unwrap();
        assert_eq!(channel.channel.expose(), "c1");
        assert_eq!(channel.expires, UtcMicros::from_iso("2026-11-23T10:00:00Z"));
        for body in [
            r#"{"connectUri":"wss://streaming.mypurecloud.de/channels/c1"}"#,
            r#"{"id":"c1"}"#,
            r#"{"id":"","connectUri":"wss://streaming.mypurecloud.de/channels/c1"}"#,
            r#"{"id":5,"connectUri":"wss://streaming.mypurecloud.de/channels/c1"}"#,
            "",
        ] {
            assert!(made(body.as_bytes(), &api).is_err(), "{body}");
        }
        let odd = br#"{"connectUri":"wss://streaming.mypurecloud.de/channels/c1","id":"c1","expires":17}"#;
        assert_eq!(made(odd, &api).ok().unwrap().expires, None);
    }

    #[test]
    fn a_thousand_of_the_longest_topics_stay_under_the_limit() {
        let topics = vec![Topic::from("x".repeat(200)); 1_000];
        assert!(subscription(&topics).len() < BODY_LIMIT);
        assert_eq!(
            subscription(&[Topic::from("v2.users.u?presence&station"), Topic::from("b")]),
            br#"[{"id":"v2.users.u?presence&station"},{"id":"b"}]"#
        );
    }

    #[test]
    fn verdicts_name_what_is_missing() {
        let body = br#"{"entities":[
            {"id":"a","state":"Permitted","selfUri":"/x"},
            {"id":"b","state":"Rejected","rejectionReason":"no access","missingPermissions":["p:q:r","s:t:u"]},
            {"id":"c","state":"Rejected"},
            {"id":"d","state":"Rejected","rejectReason":"old spelling","missingPermissions":[]},
            {"id":"e"},
            {"id":"f","state":"Postponed"},
            {"state":"Permitted"}, 5
        ]}"#;
        let long = format!(
            r#"{{"entities":[{{"id":"{}"}}]}}"#,
            "x".repeat(LONGEST_TOPIC + 1)
        );
        assert_eq!(verdicts(long.as_bytes()), Some(Vec::new()));
        let read: Vec<_> = verdicts(body)
            .unwrap()
            .into_iter()
            .map(|verdict| (verdict.topic.to_string(), verdict.permitted, verdict.reason))
            .collect();
        let expected = [
            ("a", true, ""),
            ("b", false, "no access; missing permissions: p:q:r, s:t:u"),
            ("c", false, "Rejected"),
            ("d", false, "old spelling"),
            ("e", true, ""),
            ("f", false, "Postponed"),
        ];
        let expected = expected
            .map(|(topic, permitted, reason)| (topic.to_owned(), permitted, reason.to_owned()));
        assert_eq!(read, expected);
        assert_eq!(verdicts(b"{}"), None);
        assert_eq!(verdicts(b"[]"), None);
    }
}
