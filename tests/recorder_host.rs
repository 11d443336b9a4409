//! The example host: what it writes, what it shows, and how it ends.

#![allow(clippy::panic, reason = "a test says what went wrong by failing")]

mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workshop::{Ended, Lane, Region, Workshop, built, finish, shown, wait};

const LIMIT: Duration = Duration::from_secs(60);

/// A workshop whose library is the fake plugin.
fn with_fake_plugin() -> Workshop {
    let shop = Workshop::with(Lane::Plain, "".into());
    let plugin = shop.plugin("fake_plugin.cpp");
    shop.loading(plugin)
}

fn host(shop: &Workshop, settings: &str, more: &[&str]) -> Command {
    let mut command = Command::new(built("GCA_HOST"));
    command.args(["--plugin", &shop.library(), "--settings", settings]);
    command.args(more);
    command
}

fn run(shop: &Workshop, settings: &str, more: &[&str]) -> Ended {
    finish(&mut host(shop, settings, more), LIMIT)
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // The last line may be half written while the host still runs.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn of_type<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == name).collect()
}

#[test]
fn every_field_is_written_under_its_name_and_nothing_else() {
    let shop = with_fake_plugin();
    let (settings, file) = (shop.settings("one", ""), shop.path("out.jsonl"));
    let ended = run(
        &shop,
        &settings,
        &["--seconds", "1", "--jsonl", &shown(&file)],
    );
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let mut lines = lines(&file);
    for line in &mut lines {
        let at = line
            .as_object_mut()
            .and_then(|line| line.remove("at_us"))
            .and_then(|at| at.as_i64());
        assert!(at.is_some_and(|at| at > 1_700_000_000_000_000), "{line}");
    }
    let message = "the role lacks a \"permission\"\n(see the manual)";
    let state = json!({"type":"state","life":"running","feed":"degraded","why":"permission_missing",
                       "message":message,"time_us":1_700_000_000_000_001_u64,"users":2,"topics":0});
    let nothing = |kind: &str, sequence: u64, cause: &str| {
        json!({"type":"event","kind":kind,"feed_id":"feed","sequence":sequence,"id":"0123456789abcdef0123456789abcdef",
               "id_exact":0,"source":"live","received_time_us":1_700_000_000_123_456_u64,"direction":"unknown",
               "state":"unknown","previous_state":"unknown","cause":cause})
    };
    let texts = json!({
        "data_source":"text 0","conversation_id":"text 1","root_contact_id":"text 2",
        "related_conversation_id":"text 3","participant_id":"text 4","communication_id":"text 5","peer_id":"text 6",
        "old_connection_id":"text 7","new_connection_id":"text 8","user_id":"text 9",
        "user_name":"Jürgen \"Jo\\J\u{1b}[31m\" 中文姓名 of the long name","user_email":"text 11",
        "station_id":"text 12","station_name":"text 13","station_kind":"text 14","station_extension":"text 15",
        "queue_id":"text 16","queue_name":"text 17","purpose":"text 18","ani":"tel:+13175550100",
        "dnis":"sip:queue@example.com","provider":"text 21","direction":"inbound","source":"recovered","id_exact":1,
        "held":0,"muted":1,"platform_time_us":1_700_000_000_000_000_u64
    });
    let extended = |mut line: Value, more: Value| {
        for (key, value) in more.as_object().unwrap() {
            line[key] = value.clone();
        }
        line
    };
    let full = extended(
        nothing("established", 1, "call_forward_no_answer"),
        texts.clone(),
    );
    let full = extended(
        full,
        json!({"raw":"text 22","reason":"text 23","state":"connected","previous_state":"alerting"}),
    );
    let lost = json!({"lost_first":5,"lost_last":9,"lost_from_us":1_700_000_000_000_005_u64,
                      "lost_to_us":1_700_000_000_000_009_u64});
    assert_eq!(
        lines,
        [
            state.clone(),
            full,
            extended(
                nothing("call_cleared", 2, "none"),
                json!({ "json": { "all": "x".repeat(5000) } }),
            ),
            nothing("unknown", 3, "unknown"),
            extended(nothing("lost", 4, "none"), lost),
            extended(
                nothing("feed_state", 10, "none"),
                json!({ "state_report": state })
            ),
            extended(nothing("held", 11, "none"), texts),
            json!({"type":"end","events":6,"refused":0}),
        ]
    );
}

#[test]
fn the_table_is_aligned_and_plain_where_nobody_looks_at_it() {
    let shop = with_fake_plugin();
    let ended = run(&shop, &shop.settings("one", ""), &["--seconds", "1"]);
    let rows: Vec<Vec<char>> = ended
        .stdout
        .lines()
        .map(|row| row.chars().collect())
        .collect();
    assert_eq!(rows.len(), 7, "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
    let column = |row: &[char], from: usize, to: usize| {
        row.iter()
            .take(to)
            .skip(from)
            .collect::<String>()
            .trim_end()
            .to_owned()
    };
    let start = |title: &str| {
        let heading: String = rows[0].iter().collect();
        heading
            .find(title)
            .unwrap_or_else(|| panic!("no column {title}"))
    };
    let (agent, event, parties, cause) = (
        start("agent"),
        start("event"),
        start("parties"),
        start("cause"),
    );
    let kinds: Vec<String> = rows[1..]
        .iter()
        .map(|row| column(row, event, parties))
        .collect();
    assert_eq!(
        kinds,
        [
            "established",
            "call_cleared",
            "unknown",
            "lost",
            "feed_state",
            "held"
        ]
    );
    assert_eq!(column(&rows[1], 0, 12), "22:13:20.000");
    assert_eq!(column(&rows[1], agent, event), "Jürgen \"Jo\\J?[31m\" …");
    assert_eq!(
        column(&rows[1], parties, cause),
        "+13175550100 > queue@example.com"
    );
    assert_eq!(
        column(&rows[1], cause, 200),
        "call_forward_no_answer text 22  text 23"
    );
    assert!(
        ended
            .stderr
            .contains("state  running, feed degraded (permission_missing): "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("3 lines dropped"), "{}", ended.stderr);
    assert!(ended.stderr.contains("session: a line"), "{}", ended.stderr);
}

/// `script` (of Debian's essential package bsdutils) gives the host a terminal.
#[test]
fn a_terminal_gets_colours_unless_it_asks_for_none() {
    let shop = with_fake_plugin();
    let settings = shop.settings("one", "");
    let line = format!(
        "'{}' --plugin '{}' --settings '{settings}' --seconds 1",
        shown(&built("GCA_HOST")),
        shop.library()
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let coloured = finish(script.env_remove("NO_COLOR"), LIMIT);
    assert!(
        coloured.stdout.contains("\u{1b}[32m22:13:20.000"),
        "{}",
        coloured.stdout
    );
    let plain = finish(script.env("NO_COLOR", "1"), LIMIT);
    assert!(plain.stdout.contains("22:13:20.000"), "{}", plain.stdout);
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
}

#[test]
fn what_is_wrong_is_told_by_text_and_exit_status() {
    let shop = with_fake_plugin();
    let good = shop.settings("one", "");
    let bad = shop.path("bad.json");
    std::fs::write(&bad, "{}").unwrap();
    let refused = run(&shop, &shown(&bad), &[]);
    assert_eq!(refused.status.code(), Some(4));
    for problem in [
        "AdapterName is missing. Write a name.",
        "DataSource is missing. Write a name.",
    ] {
        assert!(
            refused.stderr.lines().any(|line| line == problem),
            "{}",
            refused.stderr
        );
    }
    for unreadable in ["no such file", "."] {
        let ended = run(&shop, &shown(&shop.path(unreadable)), &[]);
        assert_eq!(ended.status.code(), Some(4), "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot read"), "{}", ended.stderr);
    }
    let nowhere = Workshop::with(Lane::Plain, "/nowhere/plugin.so".into());
    let missing = run(&nowhere, &good, &[]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(
        missing.stderr.contains("/nowhere/plugin.so"),
        "{}",
        missing.stderr
    );
    for wrong in [
        &["--seconds", "-1"][..],
        &["--seconds", "1x"],
        &["--second", "1"],
        &["--jsonl"],
        &["--slow", "x"],
        &["--later", "101"],
        &["--journal"],
    ] {
        let ended = run(&shop, &good, wrong);
        assert_eq!(ended.status.code(), Some(2), "{wrong:?}");
        assert!(ended.stderr.starts_with("usage: "), "{wrong:?}");
    }
    let full = run(&shop, &good, &["--seconds", "1", "--jsonl", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1));
    assert!(
        full.stderr.contains("the disk does not take"),
        "{}",
        full.stderr
    );
}

#[test]
fn it_writes_as_it_goes_and_ends_cleanly_when_it_is_told_to() {
    for signal in ["-INT", "-TERM"] {
        let shop = with_fake_plugin();
        let file = shop.path("out.jsonl");
        let mut command = host(
            &shop,
            &shop.settings("one", ""),
            &["--jsonl", &shown(&file)],
        );
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while of_type(&lines(&file), "event").len() < 6 && begin.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(10));
        }
        let told = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        let status = wait(&mut child, LIMIT).unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
        let lines = lines(&file);
        assert_eq!(lines.last().unwrap()["type"], "end", "{signal}");
        assert_eq!(lines.last().unwrap()["events"], 6, "{signal}");
    }
}

/// Waits until the file holds what is asked for.
fn until(file: &Path, condition: impl Fn(&[Value]) -> bool) {
    let begin = Instant::now();
    while !condition(&lines(file)) {
        assert!(begin.elapsed() < LIMIT, "{:?}", lines(file));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the lines say, without the times.
fn types(lines: &[Value]) -> Vec<String> {
    let of = |line: &Value| match line["sequence"].as_u64() {
        Some(number) => format!("{} {number}", line["type"].as_str().unwrap_or_default()),
        None => line["type"].as_str().unwrap_or_default().to_owned(),
    };
    lines.iter().map(of).collect()
}

/// The numbers of the fake feed.
const FEED: [u64; 6] = [1, 2, 3, 4, 10, 11];

#[test]
fn what_was_taken_is_known_to_the_next_process_after_a_kill_that_tore_a_line() {
    for more in [
        "",
        r#","AdvancedSettings":{}"#,
        r#","AdvancedSettings":{"LogLevel":"info"}"#,
    ] {
        let shop = with_fake_plugin();
        let settings = shop.settings("one", more);
        let directory = shop.path("kept");
        let file = directory.join("taken.jsonl");
        let mut command = host(&shop, &settings, &["--journal", &shown(&directory)]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(&file, |lines| of_type(lines, "event").len() == 6);
        child.kill().unwrap();
        child.wait().unwrap();
        let before = types(&lines(&file));
        let mut expected = vec!["start".to_owned(), "state".to_owned()];
        expected.extend(FEED.map(|number| format!("event {number}")));
        assert_eq!(before, expected);
        // The sixth was torn: it was never answered, and comes as if for the first time.
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &text[..text.len() - 10]).unwrap();
        let ended = finish(command_for(&mut command, "--seconds", "1"), LIMIT);
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        expected.pop();
        expected.extend(["start".to_owned(), "state".to_owned()]);
        expected.extend(FEED[..5].iter().map(|number| format!("again {number}")));
        expected.extend(["event 11".to_owned(), "end".to_owned()]);
        assert_eq!(types(&lines(&file)), expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }
}

fn command_for<'a>(command: &'a mut Command, name: &str, value: &str) -> &'a mut Command {
    command.args([name, value])
}

#[test]
fn a_slow_host_says_what_it_looks_at_and_one_that_refuses_gets_it_again() {
    let shop = with_fake_plugin();
    let settings = shop.settings("one", "");
    let directory = shown(&shop.path("kept"));
    let kept = ["--journal", &directory, "--jsonl"];
    let slow = shop.path("slow.jsonl");
    let name = shown(&slow);
    let begin = Instant::now();
    let more = [
        kept[0],
        kept[1],
        kept[2],
        &name,
        "--slow",
        "100",
        "--seconds",
        "2",
    ];
    let ended = run(&shop, &settings, &more);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(begin.elapsed() > Duration::from_millis(600));
    let expected: Vec<_> = FEED
        .iter()
        .flat_map(|number| [format!("offered {number}"), format!("event {number}")])
        .collect();
    assert_eq!(types(&lines(&slow))[2..14], expected);

    let refusing = shop.path("refusing.jsonl");
    let name = shown(&refusing);
    let more = [
        kept[0],
        kept[1],
        kept[2],
        &name,
        "--later",
        "90",
        "--seconds",
        "2",
    ];
    let ended = run(&shop, &settings, &more);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let lines = lines(&refusing);
    let refused = of_type(&lines, "refused");
    assert_eq!(lines.last().unwrap()["refused"], refused.len());
    assert!(!refused.is_empty(), "of six at least once, as good as sure");
    // Whatever is refused comes next.
    let offers: Vec<_> = lines
        .iter()
        .filter(|line| line["sequence"].is_u64())
        .collect();
    for pair in offers.windows(2) {
        let is_same = pair[0]["sequence"] == pair[1]["sequence"];
        assert_eq!(is_same, pair[0]["type"] == "refused", "{pair:?}");
    }
    assert_eq!(of_type(&lines, "event").len(), 6);
}

#[test]
fn the_calls_of_a_region_arrive_in_order_and_all_of_them() {
    let shop = Workshop::new(Lane::Plain);
    let region = Region::start();
    let settings = shop.settings_for(
        "one",
        &region.base_url,
        &region.client_id,
        &region.client_secret,
        "",
    );
    let file = shop.path("out.jsonl");
    let ended = run(
        &shop,
        &settings,
        &["--seconds", "10", "--jsonl", &shown(&file)],
    );
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let lines = lines(&file);
    let events = of_type(&lines, "event");
    assert!(
        events.len() > 20,
        "{} events\n{}",
        events.len(),
        ended.stderr
    );
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["sequence"], place + 1, "{event}");
        assert!(
            event["at_us"].as_i64() >= event["received_time_us"].as_i64(),
            "{event}"
        );
    }
    for kind in ["established", "connection_cleared"] {
        assert!(
            events.iter().any(|event| event["kind"] == kind),
            "no {kind}"
        );
    }
    assert!(
        of_type(&lines, "state")
            .iter()
            .any(|state| state["feed"] == "up"),
        "{}",
        ended.stderr
    );
    assert_eq!(of_type(&lines, "end")[0]["events"], events.len());
}

#[test]
fn wrong_settings_are_all_told_by_the_real_library_too() {
    let shop = Workshop::new(Lane::Plain);
    let bad = shop.path("bad.json");
    std::fs::write(
        &bad,
        r#"{"AdapterName":"","RegionHost":"http://example.com","Surplus":1}"#,
    )
    .unwrap();
    let refused = run(&shop, &shown(&bad), &[]);
    assert_eq!(refused.status.code(), Some(4));
    for key in [
        "AdapterName",
        "RegionHost",
        "Surplus",
        "DataSource",
        "ClientId",
        "ClientSecret",
    ] {
        let told = refused.stderr.lines().any(|line| line.starts_with(key));
        assert!(told, "{key} is not told: {}", refused.stderr);
    }
}

#[test]
fn a_report_of_the_connection_is_printed_for_people() {
    let shop = with_fake_plugin();
    let settings = shop.settings("one", "");
    let ended = run(&shop, &settings, &["--check", "--seconds", "1.5"]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    // Behind the heading of the table.
    let from = ended.stdout.find("region r").unwrap_or_default();
    let expected = "region r, through the proxy p:1\n\n\
        ok      tls           1 ms     h: a \"b\" \n\
        warning clock         20 ms    late\n                               -> set it\n\n\
        warning, in 1500 ms\n";
    assert!(ended.stdout.contains(expected), "{}", &ended.stdout[from..]);
}

#[test]
fn a_region_that_cannot_be_reached_fails_the_check_and_says_where() {
    let shop = Workshop::new(Lane::Plain);
    let settings = shop.settings(
        "one",
        r#","UseClientProxy":true,"ProxyHostname":"127.0.0.1","ProxyPort":9"#,
    );
    let ended = run(&shop, &settings, &["--check"]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    for words in [
        "failed  proxy",
        "no connection to the proxy 127.0.0.1:9",
        "-> Check ProxyHostname and ProxyPort",
        "skipped users",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
}
