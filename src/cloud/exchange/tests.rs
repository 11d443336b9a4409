use super::*;
use crate::model::id::ConversationId;
use crate::model::time::UtcMicros;

const SECRET: &str = "CANARY-secret";
/// Client id and secret in Base64, without how that fills its end.
const PAIR: &str = "Y2xpZW50OkNBTkFSWS1zZWNyZXQ";
const TOKEN: &str = "CANARY-token";
const CHANNEL: &str = "CANARY-channel";

fn exchange() -> Exchange {
    let region = Region {
        api: Url::parse("https://api.mypurecloud.de/").unwrap(),
        login: Url::parse("https://login.mypurecloud.de/").unwrap(),
    };
    Exchange::new(region, "client", SecretString::from(SECRET))
}

fn says(status: u16, body: &str) -> Answer {
    Answer::new(status, [], body.into())
}

/// With a token.
fn granted() -> Exchange {
    let exchange = exchange();
    let grant = format!(r#"{{"access_token":"{TOKEN}","expires_in":300}}"#);
    let reply = exchange.incoming(&Request::Token, says(200, &grant));
    assert!(matches!(reply, Reply::Token { .. }), "{reply:?}");
    exchange
}

fn make_channel(exchange: &Exchange, id: &str) {
    let made =
        format!(r#"{{"id":"{id}","connectUri":"wss://streaming.mypurecloud.de/channels/{id}"}}"#);
    let reply = exchange.incoming(&Request::CreateChannel, says(200, &made));
    assert!(matches!(reply, Reply::Channel { .. }), "{reply:?}");
}

fn at(text: &str) -> UtcMicros {
    UtcMicros::from_iso(text).unwrap()
}

fn channel() -> ChannelId {
    ChannelId::from(CHANNEL)
}

fn every_request() -> Vec<Request> {
    let (from, to) = (at("2026-11-22T10:00:00Z"), at("2026-11-22T11:00:00Z"));
    vec![
        Request::Token,
        Request::Users { page: 2 },
        Request::Queues { page: 3 },
        Request::Stations { page: 4 },
        Request::UsersById {
            ids: vec![UserId::from("u1"), UserId::from("a&b=c d")],
        },
        Request::Conversation {
            id: ConversationId::from("c/1"),
        },
        Request::ConversationDetails {
            from,
            to,
            only_open: true,
            page: 5,
        },
        Request::UserDetails {
            users: vec![UserId::from("u1")],
            from,
            to,
            page: 6,
        },
        Request::Channels,
        Request::CreateChannel,
        Request::ProbeChannel { channel: channel() },
        Request::Subscribe {
            channel: channel(),
            topics: vec![Topic::from("t")],
        },
        Request::Unsubscribe { channel: channel() },
    ]
}

#[test]
fn every_request_has_its_method_path_and_kind_of_body() {
    let exchange = granted();
    let lines: Vec<String> = every_request()
        .iter()
        .map(|what| {
            let out = exchange.outgoing(what).unwrap();
            assert_eq!(out.content_type().is_some(), !out.body().is_empty());
            let kind = out
                .content_type()
                .unwrap_or("-")
                .replace("application/", "");
            let (path, query) = (out.url().path(), out.url().query().unwrap_or_default());
            format!("{} {path}?{query} {kind}", out.method())
        })
        .collect();
    assert_eq!(
        lines,
        [
            "POST /oauth/token? x-www-form-urlencoded",
            "GET /api/v2/users?pageSize=100&pageNumber=2&expand=presence,routingStatus,station&state=active -",
            "GET /api/v2/routing/queues?pageSize=100&pageNumber=3 -",
            "GET /api/v2/stations?pageSize=100&pageNumber=4 -",
            "GET /api/v2/users?pageSize=100&id=u1&id=a%26b%3Dc+d&expand=presence,routingStatus,station&state=any -",
            "GET /api/v2/conversations/c%2F1? -",
            "POST /api/v2/analytics/conversations/details/query? json",
            "POST /api/v2/analytics/users/details/query? json",
            "GET /api/v2/notifications/channels?includechannels=oauthclient -",
            "POST /api/v2/notifications/channels? json",
            "HEAD /api/v2/notifications/channels/CANARY-channel? -",
            "POST /api/v2/notifications/channels/CANARY-channel/subscriptions?ignoreErrors=true json",
            "DELETE /api/v2/notifications/channels/CANARY-channel/subscriptions? -",
        ]
    );
}

#[test]
fn the_client_shows_its_secret_once_and_its_token_ever_after() {
    let exchange = granted();
    for what in every_request() {
        let out = exchange.outgoing(&what).unwrap();
        let expected = match what {
            Request::Token => format!("Basic {PAIR}="),
            _ => format!("Bearer {TOKEN}"),
        };
        assert_eq!(out.authorization().expose_secret(), expected);
    }
}

#[test]
fn nothing_that_can_be_shown_holds_a_secret_or_what_was_read() {
    let exchange = granted();
    make_channel(&exchange, CHANNEL);
    let mut shown = vec![format!("{exchange:?}")];
    let echo = format!(
        r#"{{"message":"{SECRET} {TOKEN} {CHANNEL}","code":"{TOKEN}","error":"Basic {PAIR}",
            "error_description":"not {PAIR}"}}"#
    );
    for what in every_request() {
        shown.push(format!("{:?}", exchange.outgoing(&what).unwrap()));
        for status in [400, 401, 403, 404, 429, 500] {
            shown.push(format!("{:?}", says(status, &echo)));
            shown.push(format!(
                "{:?}",
                exchange.incoming(&what, says(status, &echo))
            ));
        }
    }
    for (what, body) in [
        (every_request().remove(5), r#"{"name":"CANARY-person"}"#),
        (
            every_request().remove(6),
            r#"{"conversations":[{"name":"CANARY-person"}]}"#,
        ),
    ] {
        let reply = exchange.incoming(&what, says(200, body));
        assert!(!matches!(reply, Reply::Failed(_)), "{reply:?}");
        shown.push(format!("{reply:?}"));
    }
    for shown in shown {
        assert!(!shown.contains("CANARY-"), "{shown}");
        assert!(!shown.contains(PAIR), "{shown}");
    }
}

#[test]
fn without_a_token_only_a_token_is_asked_for() {
    let exchange = exchange();
    for what in every_request() {
        match (exchange.outgoing(&what), what) {
            (Ok(_), Request::Token) => {}
            (Err(failure), _) => assert_eq!(failure.kind, FailureKind::TokenRefused),
            (Ok(out), _) => panic!("it goes out: {out:?}"),
        }
    }
}

#[test]
fn a_request_for_nobody_or_too_many_is_not_sent() {
    let exchange = granted();
    let (from, to) = (UtcMicros(0), UtcMicros(1));
    for n in [0, USERS_AT_ONCE + 1] {
        let users = vec![UserId::from("u"); n];
        for what in [
            Request::UsersById { ids: users.clone() },
            Request::UserDetails {
                users,
                from,
                to,
                page: 1,
            },
        ] {
            let failure = exchange.outgoing(&what).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Refused);
            assert!(failure.message.contains("not sent"), "{}", failure.message);
        }
    }
}

#[test]
fn a_conversation_is_one_object_and_kept_to_the_letter() {
    let exchange = granted();
    let what = Request::Conversation {
        id: ConversationId::from("c"),
    };
    let body = r#" {"id": "c", "participants": [ ] }"#;
    let Reply::Conversation(kept) = exchange.incoming(&what, says(200, body)) else {
        panic!("it was read")
    };
    assert_eq!(&*kept, body);
    for body in ["", "[]", "null", "{", "{} {}", "<html>"] {
        let Reply::Failed(failure) = exchange.incoming(&what, says(200, body)) else {
            panic!("it was not read: {body}")
        };
        assert_eq!(failure.kind, FailureKind::Unreadable);
    }
    let Reply::Failed(gone) = exchange.incoming(&what, says(404, "")) else {
        panic!("it is gone")
    };
    assert_eq!(gone.kind, FailureKind::NotFound);
}

/// 2,000 pages of 100 rows: what a list costs is bounded.
#[test]
fn a_page_with_more_rows_than_were_asked_for_is_no_answer() {
    let exchange = granted();
    let page = |rows: usize| {
        let rows = vec![r#"{"id":"one"}"#; rows].join(",");
        says(200, &format!(r#"{{"entities":[{rows}],"pageCount":1}}"#))
    };
    for what in [
        Request::Users { page: 1 },
        Request::Queues { page: 1 },
        Request::Stations { page: 1 },
        Request::UsersById {
            ids: vec!["one".into()],
        },
    ] {
        assert!(!matches!(
            exchange.incoming(&what, page(100)),
            Reply::Failed(_)
        ));
        let Reply::Failed(failure) = exchange.incoming(&what, page(101)) else {
            panic!("{what:?}");
        };
        assert_eq!(failure.kind, FailureKind::Unreadable);
        assert!(failure.message.contains("101 rows"), "{}", failure.message);
    }
}

#[test]
fn the_census_tells_own_channels_from_others() {
    let exchange = granted();
    make_channel(&exchange, CHANNEL);
    // Asked about, but not made here.
    let foreign = Request::ProbeChannel {
        channel: ChannelId::from("foreign"),
    };
    exchange.outgoing(&foreign).unwrap();
    let list = format!(
        r#"{{"entities":[{{"id":"foreign","connectUri":"x"}},{{"id":"{CHANNEL}"}},{{"id":null}},{{"expires":"x"}}]}}"#
    );
    assert_eq!(
        exchange.incoming(&Request::Channels, says(200, &list)),
        Reply::Channels {
            own: vec![channel()],
            others: 3
        }
    );
    assert_eq!(
        exchange.incoming(&Request::Channels, says(200, r#"{"entities":[]}"#)),
        Reply::Channels {
            own: vec![],
            others: 0
        }
    );
    for body in ["{}", "[]", ""] {
        let reply = exchange.incoming(&Request::Channels, says(200, body));
        assert!(
            matches!(&reply, Reply::Failed(failure) if failure.kind == FailureKind::Unreadable),
            "{body}: {reply:?}"
        );
    }
}

#[test]
fn only_a_channel_that_was_made_here_has_an_address() {
    let exchange = granted();
    assert_eq!(
        exchange.socket_address(&channel()).unwrap_err().kind,
        FailureKind::NotFound
    );
    make_channel(&exchange, CHANNEL);
    assert_eq!(
        exchange.socket_address(&channel()).unwrap().expose_secret(),
        "wss://streaming.mypurecloud.de/channels/CANARY-channel"
    );
}

#[test]
fn headers_of_an_answer_are_read_however_it_came() {
    let exchange = granted();
    let answer = Answer::new(
        429,
        [("retry-after", "42"), ("bad header", "x"), ("x", "a\nb")],
        Vec::new(),
    );
    let Reply::Failed(failure) = exchange.incoming(&Request::Users { page: 1 }, answer) else {
        panic!("it was refused")
    };
    assert_eq!(
        (failure.kind, failure.retry_after),
        (
            FailureKind::RateLimited,
            Some(std::time::Duration::from_secs(42))
        )
    );
    let Reply::Failed(failure) = exchange.incoming(&Request::Channels, says(7, "")) else {
        panic!("no such status")
    };
    assert_eq!(failure.kind, FailureKind::Server);
}

#[test]
fn topics_are_taken_off_in_texts_that_any_websocket_takes() {
    let topics: Vec<Topic> = (0..250)
        .map(|n| Topic::from(format!("v2.users.{n}?presence&{}", "x".repeat(180))))
        .collect();
    let texts: Vec<serde_json::Value> = unfollow(&topics)
        .inspect(|text| assert!(text.len() < 32 << 10))
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect();
    assert_eq!(texts.len(), 3);
    assert!(texts.iter().all(|text| text["message"] == "unsubscribe"));
    let named: Vec<&str> = (texts.iter())
        .flat_map(|text| text["topics"].as_array().unwrap())
        .map(|topic| topic.as_str().unwrap())
        .collect();
    assert!(
        named.iter().copied().eq(topics.iter().map(Topic::as_str)),
        "{named:?}"
    );
    assert_eq!(unfollow(&[]).count(), 0);
}
