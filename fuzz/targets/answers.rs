//! Answers of the platform to any request: any status, headers and body. What comes is a reply or a failure; no failure
//! tells a secret that the platform says back.
//!
//! The first byte chooses the request, the second the status, the text up to the first line break is `Retry-After`; the
//! rest is the body, in which `$S`, `$T` and `$C` stand for the client's secret, a token and a channel.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use url::Url;

use genesys_cloud_adapter_fuzz::cloud::{Answer, Exchange};
use genesys_cloud_adapter_fuzz::model::id::{ChannelId, Topic};
use genesys_cloud_adapter_fuzz::model::order::{Failure, Reply, Request};
use genesys_cloud_adapter_fuzz::model::time::UtcMicros;
use genesys_cloud_adapter_fuzz::settings::Region;

const SECRET: &str = "CANARY-Secret-of-the-client";
const TOKEN: &str = "CANARY-Token-that-was-granted";
const CHANNEL: &str = "CANARY-Channel-that-was-made";

const STATUSES: [u16; 16] = [
    200, 201, 202, 204, 302, 400, 401, 403, 404, 408, 409, 413, 429, 500, 503, 504,
];

fuzz_target!(|data: &[u8]| {
    let [which, status, rest @ ..] = data else {
        return;
    };
    let what = request(*which);
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let text = String::from_utf8_lossy(rest);
    let (wait, body) = text.split_once('\n').unwrap_or(("", &text));
    let body = body
        .replace("$S", SECRET)
        .replace("$T", TOKEN)
        .replace("$C", CHANNEL);
    let headers = [("Retry-After", wait), ("ININ-Correlation-Id", CHANNEL)];
    let exchange = exchange();
    let answer = Answer::new(status, headers, body.into_bytes());
    match exchange.incoming(&what, answer) {
        Reply::Failed(failure) => can_be_shown(&failure),
        Reply::Subscribed(verdicts) => {
            for verdict in verdicts {
                tells_nothing(&verdict.reason);
            }
        }
        Reply::Token { life } => assert!(!life.is_zero()),
        Reply::ChannelExists(false) => assert_eq!(status, 404),
        other => {
            assert!((200..300).contains(&status), "{status} is {other:?}");
            if let Reply::Channel { channel, .. } = other {
                assert!(exchange.socket_address(&channel).is_ok());
            }
        }
    }
});

/// One that has a token and a channel.
fn exchange() -> Exchange {
    let url = Url::parse("https://api.mypurecloud.de/").expect("an address");
    let region = Region {
        api: url.clone(),
        login: url,
    };
    let exchange = Exchange::new(region, "client", SecretString::from(SECRET));
    let token = format!(r#"{{"access_token":"{TOKEN}","expires_in":300}}"#);
    let granted = exchange.incoming(&Request::Token, Answer::new(200, [], token.into_bytes()));
    assert!(matches!(granted, Reply::Token { .. }));
    let made = format!(
        r#"{{"id":"{CHANNEL}","connectUri":"wss://streaming.mypurecloud.de/channels/{CHANNEL}"}}"#
    );
    let made = exchange.incoming(
        &Request::CreateChannel,
        Answer::new(200, [], made.into_bytes()),
    );
    assert!(matches!(made, Reply::Channel { .. }));
    exchange
}

fn request(which: u8) -> Request {
    let channel = ChannelId::from(CHANNEL);
    let (from, to) = (UtcMicros(0), UtcMicros(60_000_000));
    match which % 13 {
        0 => Request::Token,
        1 => Request::Users { page: 1 },
        2 => Request::Queues { page: 2 },
        3 => Request::Stations { page: 1 },
        4 => Request::CreateChannel,
        5 => Request::ProbeChannel { channel },
        6 => Request::Subscribe {
            channel,
            topics: vec![Topic::from("v2.users.u.presence")],
        },
        7 => Request::Unsubscribe { channel },
        8 => Request::Channels,
        9 => Request::Conversation { id: "c".into() },
        10 => Request::ConversationDetails {
            from,
            to,
            only_open: false,
            page: 1,
        },
        11 => Request::UserDetails {
            users: vec!["u".into()],
            from,
            to,
            page: 1,
        },
        _ => Request::UsersById {
            ids: vec!["u".into()],
        },
    }
}

fn can_be_shown(failure: &Failure) {
    assert!(failure.message.ends_with('.'), "{}", failure.message);
    assert!(
        !failure.message.contains(char::is_control),
        "{:?}",
        failure.message
    );
    tells_nothing(&failure.message);
}

fn tells_nothing(text: &str) {
    for secret in [SECRET, TOKEN, CHANNEL] {
        assert!(!text.contains(secret), "told: {text}");
    }
}
