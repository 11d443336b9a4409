//! "Test connection" against regions that are well and regions that are not: each check says what it saw and what to do,
//! the whole ends in time, and nothing of it is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use gca_region::fault::{Fault, FaultOrder};
use gca_region::front::{FrontConfig, Running, serve};
use gca_region::region::{RegionConfig, Request};
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Refusal, Stopped};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::feed::{Life, StateReport};
use genesys_cloud_adapter::observe::LogLine;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

struct Nobody;

impl Host for Nobody {
    fn on_event(&self, _: &Offer<'_>) -> Verdict {
        Verdict::Taken
    }
    fn on_state(&self, _: &StateReport) {}
    fn on_log(&self, _: &LogLine) {}
    fn on_drop(&self) {}
}

fn region() -> Running {
    let world = WorldConfig {
        users: 140,
        queues: 3,
        ..WorldConfig::default()
    };
    serve(FrontConfig::new(RegionConfig::new(world))).unwrap()
}

fn adapter_to(name: &str, region: &Running, change: impl FnOnce(&mut Value)) -> Adapter {
    let mut document = json!({"AdapterName": name, "DataSource": "Genesys", "ClientId": region.client_id,
        "ClientSecret": region.client_secret, "RegionHost": region.base_url});
    change(&mut document);
    let adapter = Adapter::new(Arc::new(Nobody) as Arc<dyn Host>);
    adapter.configure(&document.to_string()).unwrap();
    adapter
}

fn check(adapter: &Adapter) -> Value {
    serde_json::from_str(&adapter.check(PATIENCE).unwrap()).unwrap()
}

fn fault(region: &Running, fault: Fault) {
    let order = FaultOrder::now(fault);
    region.with_region(|region, now| region.plan_fault(order.clone(), now));
}

fn of<'a>(report: &'a Value, check: &str) -> &'a Value {
    let all = report["checks"].as_array().unwrap();
    let found = all.iter().find(|row| row["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {report:#}"))
}

fn results(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = report["checks"].as_array().unwrap();
    rows.iter()
        .map(|row| (text(&row["check"]), text(&row["result"])))
        .collect()
}

/// What clients asked of the region, as the region saw it.
fn asked(region: &Running) -> String {
    let request = Request::new("GET", "/_sim/requests");
    let answer = region.with_region(|region, now| region.handle_request(&request, now));
    answer.value().to_string()
}

#[test]
fn a_region_that_is_well_is_told_so_and_nothing_is_left_there() {
    let region = region();
    let adapter = adapter_to("well", &region, |_| {});
    let report = check(&adapter);
    let expected = [
        "connection",
        "connection",
        "websocket",
        "token",
        "organization",
        "clock",
        "topics",
        "users",
        "queues",
        "stations",
        "conversations",
        "agents",
        "channels",
        "capacity",
        "requests",
        "farewell",
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|check| ((*check).to_owned(), "ok".to_owned()))
        .collect();
    assert_eq!(results(&report), expected, "{report:#}");
    assert_eq!(report["result"], "ok");
    assert_eq!(of(&report, "users")["seen"], "140 users can be listed");
    assert_eq!(of(&report, "queues")["seen"], "3 queues can be listed");
    let channels = of(&report, "channels")["seen"].as_str().unwrap();
    assert!(channels.starts_with("0 of 20 are in use"), "{channels}");
    let capacity = of(&report, "capacity")["seen"].as_str().unwrap();
    assert!(
        capacity.contains("140 users and 3 queues need 1 channels"),
        "{capacity}"
    );
    let clock = of(&report, "clock")["seen"].as_str().unwrap();
    assert!(clock.contains("the platform's"), "{clock}");
    let websocket = of(&report, "websocket");
    assert_eq!(websocket["host"], "127.0.0.1");
    let seen = websocket["seen"].as_str().unwrap();
    assert!(seen.contains("it answered 404"), "{seen}");
    // The token is gone, and no channel was made.
    let asked = asked(&region);
    assert!(asked.contains(r#""path":"/channels/?""#), "{asked}");
    assert!(asked.contains("/api/v2/tokens/me"), "{asked}");
    assert!(
        !asked.contains(r#""method":"POST","path":"/api/v2/notifications/channels""#),
        "{asked}"
    );
    // A second one finds the region as the first did.
    let again = check(&adapter);
    assert_eq!(
        of(&again, "channels")["seen"],
        of(&report, "channels")["seen"]
    );
}

#[test]
fn a_running_adapter_is_told_apart_from_others_and_not_disturbed() {
    let region = region();
    let (one, other) = (
        adapter_to("one", &region, |_| {}),
        adapter_to("other", &region, |_| {}),
    );
    for adapter in [&one, &other] {
        adapter.start().unwrap();
    }
    let end = Instant::now() + PATIENCE;
    let running = |adapter: &Adapter| {
        let status: Value = serde_json::from_str(&adapter.status()).unwrap();
        status["life"] == Life::Running.name() && status["feed"] == "up"
    };
    while !running(&one) || !running(&other) {
        assert!(Instant::now() < end, "{}", one.status());
        std::thread::sleep(Duration::from_millis(10));
    }
    let report = check(&one);
    assert_eq!(report["result"], "ok", "{report:#}");
    let channels = of(&report, "channels")["seen"].as_str().unwrap();
    assert!(
        channels.contains("2 of 20") && channels.contains("1 by this adapter, 1 by others"),
        "{channels}"
    );
    let sockets = of(&report, "sockets")["seen"].as_str().unwrap();
    assert!(
        sockets.contains("1 of the running adapter's 1 channels"),
        "{sockets}"
    );
    assert!(running(&one) && running(&other), "{}", one.status());
    for adapter in [&one, &other] {
        assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    }
}

#[test]
fn refused_credentials_end_what_needs_them() {
    let region = region();
    let adapter = adapter_to("refused", &region, |document| {
        document["ClientSecret"] = json!("CANARY")
    });
    let report = check(&adapter);
    assert_eq!(report["result"], "failed");
    let token = of(&report, "token");
    assert_eq!(token["result"], "failed");
    assert!(
        token["seen"]
            .as_str()
            .unwrap()
            .contains("the OAuth client was refused"),
        "{token}"
    );
    assert!(
        token["todo"]
            .as_str()
            .unwrap()
            .contains("ClientId and ClientSecret"),
        "{token}"
    );
    let (before, after): (Vec<_>, Vec<_>) = results(&report)
        .into_iter()
        .partition(|(check, _)| ["connection", "websocket"].contains(&check.as_str()));
    assert!(before.iter().all(|(_, result)| result == "ok"));
    assert_eq!(after[0], ("token".to_owned(), "failed".to_owned()));
    for (check, result) in after.into_iter().skip(1) {
        assert_eq!(result, "skipped", "{check}");
    }
    assert!(!report.to_string().contains("CANARY"), "{report:#}");
}

#[test]
fn a_missing_permission_is_named_where_it_is_missing() {
    let region = region();
    let adapter = adapter_to("forbidden", &region, |_| {});
    fault(
        &region,
        Fault::ForbidRequests {
            path: "/api/v2/routing/queues".to_owned(),
            permission: "routing:queue:view".to_owned(),
        },
    );
    let report = check(&adapter);
    let queues = of(&report, "queues");
    assert_eq!(queues["result"], "failed", "{report:#}");
    assert!(
        queues["seen"]
            .as_str()
            .unwrap()
            .contains("routing:queue:view"),
        "{queues}"
    );
    assert!(
        queues["todo"]
            .as_str()
            .unwrap()
            .contains("role of the OAuth client"),
        "{queues}"
    );
    assert_eq!(of(&report, "users")["result"], "ok");
    assert_eq!(of(&report, "capacity")["result"], "skipped");
    assert_eq!(
        of(&report, "farewell")["result"],
        "ok",
        "the token is ended all the same"
    );
}

#[test]
fn a_region_that_does_not_answer_costs_the_time_that_was_allowed() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let region = region();
    let adapter = adapter_to("silent", &region, |document| {
        document["RegionHost"] = json!(format!("http://{}", silent.local_addr().unwrap()));
    });
    let began = Instant::now();
    let report = adapter.check(Duration::from_secs(2)).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    let report: Value = serde_json::from_str(&report).unwrap();
    let token = of(&report, "token");
    assert_eq!(token["result"], "failed");
    assert!(
        token["seen"]
            .as_str()
            .unwrap()
            .contains("the time for the check was up"),
        "{token}"
    );
    let again: Value = serde_json::from_str(&adapter.check(Duration::ZERO).unwrap()).unwrap();
    assert_eq!(again, report, "the same report, without another check");
}

/// What stands in front of a region and does this to wishes for a websocket, and nothing to anything else.
#[derive(Clone)]
enum Guard {
    Answers(&'static str),
    Opens,
    Cuts,
    Holds,
}

/// Puts the guard on a port of its own. The connections of a check end when the region does.
fn guarded(region: &Running, guard: Guard) -> String {
    use std::io::{Read as _, Write as _};
    let (far, listener) = (
        region.address,
        std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let guard = guard.clone();
            std::thread::spawn(move || {
                let mut near = near;
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    match near.read(&mut byte) {
                        Ok(1..) => head.extend_from_slice(&byte),
                        _ => return,
                    }
                }
                if head
                    .windows(19)
                    .any(|part| part.eq_ignore_ascii_case(b"upgrade: websocket\r"))
                {
                    match guard {
                        Guard::Answers(answer) => drop(near.write_all(answer.as_bytes())),
                        Guard::Cuts => {}
                        Guard::Holds => drop(near.read(&mut byte)),
                        Guard::Opens => {
                            let text = String::from_utf8(head).unwrap();
                            let key = text
                                .lines()
                                .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
                                .unwrap();
                            let accept =
                                tokio_tungstenite::tungstenite::handshake::derive_accept_key(
                                    key.as_bytes(),
                                );
                            let answer = format!(
                                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
                            );
                            near.write_all(answer.as_bytes()).unwrap();
                            // The farewell, and the end.
                            let mut rest = Vec::new();
                            let _ = near.read_to_end(&mut rest);
                            assert_eq!(rest.first(), Some(&0x88), "a close frame and no other");
                        }
                    }
                    return;
                }
                let mut onward = std::net::TcpStream::connect(far).unwrap();
                onward.write_all(&head).unwrap();
                let (mut back, mut out) = (onward.try_clone().unwrap(), near.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut back, &mut out);
                    let _ = out.shutdown(std::net::Shutdown::Both);
                });
                let _ = std::io::copy(&mut near, &mut onward);
                let _ = onward.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn what_is_answered_to_the_wish_for_a_websocket_tells_whether_websockets_pass() {
    let region = region();
    let ok = "websockets reach it";
    for (guard, result, words) in [
        (
            Guard::Answers("HTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n"),
            "ok",
            ok,
        ),
        (
            Guard::Answers("HTTP/1.1 410 x\r\nContent-Length: 0\r\n\r\n"),
            "ok",
            ok,
        ),
        (
            Guard::Answers("HTTP/1.1 400 x\r\nContent-Length: 0\r\ninin-correlation-id: c\r\n\r\n"),
            "ok",
            ok,
        ),
        (
            Guard::Answers("HTTP/1.1 403 x\r\nContent-Length: 20\r\n\r\n{\"code\":\"not.found\"}"),
            "ok",
            ok,
        ),
        (Guard::Opens, "ok", "opened, and closed again"),
        (
            Guard::Answers("HTTP/1.1 403 x\r\nContent-Length: 13\r\n\r\n<h1>CANARY</h"),
            "warning",
            "Something on the way forbids websockets",
        ),
        (
            Guard::Answers("HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n"),
            "warning",
            "takes that wish away",
        ),
        (
            Guard::Answers("HTTP/1.1 426 x\r\nContent-Length: 0\r\n\r\n"),
            "warning",
            "takes that wish away",
        ),
        (
            Guard::Answers("HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\nok"),
            "warning",
            "takes that wish away",
        ),
        (
            Guard::Answers(
                "HTTP/1.1 302 x\r\nLocation: http://CANARY/\r\nContent-Length: 0\r\n\r\n",
            ),
            "warning",
            "points to another address",
        ),
        (
            Guard::Answers("HTTP/1.1 502 x\r\nContent-Length: 0\r\n\r\n"),
            "warning",
            "allow websockets",
        ),
        (
            Guard::Answers("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
            "warning",
            "does not agree to a websocket",
        ),
        (
            Guard::Answers("SSH-2.0-CANARY\r\n\r\n"),
            "warning",
            "does not agree to a websocket",
        ),
        (Guard::Cuts, "warning", "broke before its answer"),
    ] {
        let adapter = adapter_to("guarded", &region, |document| {
            document["RegionHost"] = json!(guarded(&region, guard));
        });
        let report = check(&adapter);
        let websocket = of(&report, "websocket");
        let told = format!("{} {}", websocket["seen"], websocket["todo"]);
        assert_eq!(websocket["result"], result, "{words}: {report:#}");
        assert!(told.contains(words), "{words}: {told}");
        assert_eq!(
            report["result"], result,
            "no other row is touched: {report:#}"
        );
        assert!(!report.to_string().contains("CANARY"), "{report:#}");
    }
}

#[test]
fn a_handshake_that_is_not_answered_costs_the_time_that_was_allowed() {
    let region = region();
    let adapter = adapter_to("held", &region, |document| {
        document["RegionHost"] = json!(guarded(&region, Guard::Holds));
    });
    let began = Instant::now();
    let report = adapter.check(Duration::from_secs(2)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(25));
    let report: Value = serde_json::from_str(&report).unwrap();
    let websocket = of(&report, "websocket");
    assert_eq!(websocket["result"], "failed", "{report:#}");
    assert_eq!(websocket["host"], "127.0.0.1");
    // What was gone until then is told.
    let first: Vec<_> = results(&report).into_iter().take(2).collect();
    let gone = ("connection".to_owned(), "ok".to_owned());
    assert_eq!(first, [gone.clone(), gone], "{report:#}");
}

#[test]
fn an_adapter_without_settings_cannot_be_checked() {
    let adapter = Adapter::new(Arc::new(Nobody) as Arc<dyn Host>);
    assert!(matches!(adapter.check(PATIENCE), Err(Refusal::State(_))));
}
