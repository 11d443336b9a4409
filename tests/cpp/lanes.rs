//! The hostile hosts as tests: the same programs in every lane (plain, AddressSanitizer, valgrind, wine).
//!
//! Included by the test binaries, which define `LANE` and `CYCLES` (how much the lane has time for).

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::path::PathBuf;

use crate::workshop::{Lane, Region, Workshop};

/// How many cycles of each kind the lane runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cycles {
    pub(crate) without_region: u32,
    pub(crate) with_region: u32,
    pub(crate) warm_up: u32,
    /// How long the example host follows a region. It has to start, and the lane may be slow.
    pub(crate) seconds_of_calls: &'static str,
}

fn trial(source: &str, arguments: &[&str], promise: &str) {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program(source, &[]);
    let (library, settings) = (shop.library(), shop.settings("one", ""));
    let mut all = vec![library.as_str(), settings.as_str()];
    all.extend(arguments);
    let said = shop.run(&program, &all);
    assert_eq!(said.lines().last(), Some(promise), "{said}");
}

#[test]
fn a_library_that_is_loaded_and_hardly_used_does_no_harm() {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program("load_and_leave.c", &[]);
    for mode in ["never", "version", "close", "version_close", "create"] {
        let said = shop.run(&program, &[&shop.library(), mode]);
        assert_eq!(said, "left\n", "{mode}");
    }
}

#[test]
fn a_process_may_end_while_an_adapter_runs() {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program("exit_while_running.c", &[]);
    let settings = shop.settings("one", "");
    for mode in ["return", "exit", "inside", "callback"] {
        let said = shop.run(&program, &[&shop.library(), &settings, mode]);
        assert_eq!(said, "leaving\n", "{mode}");
    }
}

#[test]
fn the_table_and_the_symbols_are_the_same_functions() {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program("table_is_symbols.c", &[]);
    let said = shop.run(&program, &[&shop.library()]);
    assert_eq!(said, "the same functions\n");
}

#[test]
fn whatever_is_wrong_with_a_call_is_a_status() {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program("misuse.c", &[]);
    let disabled = shop.settings("disabled", r#","StartupType":"Disabled""#);
    let settings = shop.settings("one", "");
    let said = shop.run(&program, &[&shop.library(), &settings, &disabled]);
    assert_eq!(said, "refused everything\n");
}

#[test]
fn two_adapters_cannot_stop_each_other_from_callbacks() {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program("stop_each_other.c", &[]);
    let (one, two) = (shop.settings("one", ""), shop.settings("two", ""));
    let said = shop.run(&program, &[&shop.library(), &one, &two]);
    assert_eq!(said, "both stopped\n");
}

#[test]
fn stop_and_destroy_outlast_a_blocked_event() {
    trial(
        "blocking_callback.c",
        &["event"],
        "dropped after the callback",
    );
}

#[test]
fn stop_and_destroy_outlast_a_blocked_state() {
    trial(
        "blocking_callback.c",
        &["state"],
        "dropped after the callback",
    );
}

#[test]
fn stop_and_destroy_outlast_a_blocked_log_line() {
    trial(
        "blocking_callback.c",
        &["log"],
        "dropped after the callback",
    );
}

#[test]
fn an_event_that_was_answered_with_nonsense_comes_again() {
    trial("garbage_answers.c", &[], "offered again until taken");
}

#[test]
fn a_thread_may_outlive_dlclose() {
    trial("thread_outlives_dlclose.c", &[], "mapped");
}

#[test]
fn no_exception_leaves_a_callback() {
    trial("throwing_sink.cpp", &[], "caught");
}

#[test]
fn the_sink_lives_until_on_drop_and_no_longer() {
    trial("sink_life.cpp", &[], "owned");
}

#[test]
fn the_wrapper_reads_every_field_and_copes_with_other_versions() {
    let shop = Workshop::with(crate::LANE, PathBuf::new());
    let program = shop.program("wrapper_reads.cpp", &["fake_plugin.cpp", "second_unit.cpp"]);
    assert_eq!(shop.run(&program, &[]), "read\n");
}

/// All that a recorder does in a day, in a few seconds: it follows calls, writes every field and the JSON of every event,
/// reads status and metrics, and tests the connection.
#[test]
fn the_example_host_follows_a_region_and_tests_the_connection() {
    let shop = Workshop::new(crate::LANE);
    let program = shop.program("../../host-example/main.cpp", &[]);
    let region = Region::start();
    let settings = shop.settings_for(
        "one",
        &region.base_url,
        &region.client_id,
        &region.client_secret,
        "",
    );
    let file = shop.path("out.jsonl");
    let library = shop.library();
    let host = ["--plugin", &library, "--settings", &settings];
    let follow = [
        "--seconds",
        crate::CYCLES.seconds_of_calls,
        "--jsonl",
        &shop.argument(&file),
    ];
    shop.run(&program, &[&host[..], &follow[..]].concat());
    let lines = std::fs::read_to_string(&file).unwrap();
    let events = lines.matches(r#""type":"event""#).count();
    assert!(events > 20, "{events} events: {lines}");
    let said = shop.run(
        &program,
        &[&host[..], &["--check", "--seconds", "60"]].concat(),
    );
    assert!(said.contains("ok      websocket"), "{said}");
}

fn cycles(shop: &Workshop, settings: &str, cycles: u32, wait: &str) {
    let program = shop.program("cycles.c", &[]);
    let (cycles, warm_up) = (cycles.to_string(), crate::CYCLES.warm_up.to_string());
    let arguments = [shop.library(), settings.to_owned(), cycles, warm_up];
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push(wait);
    let said = shop.run(&program, &arguments);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    let number = |key: &str| told[key].as_i64().unwrap();
    assert_eq!(number("threads_after"), number("threads_before"), "{said}");
    assert!(number("longest_stop_ms") < 5_000, "{said}");
    // The tools keep books about freed memory: there they find leaks, and the sizes mean nothing.
    if crate::LANE == Lane::Plain {
        assert!(number("resident_grown") < 1_000_000, "{said}");
    }
    if matches!(crate::LANE, Lane::Plain | Lane::Wine) {
        assert!(number("heap_grown") < 200_000, "{said}");
    }
}

#[test]
fn an_adapter_that_comes_and_goes_leaves_nothing() {
    let shop = Workshop::new(crate::LANE);
    let settings = shop.settings("one", "");
    cycles(&shop, &settings, crate::CYCLES.without_region, "event");
    cycles(&shop, &settings, crate::CYCLES.without_region, "none");
}

#[test]
fn an_adapter_that_comes_and_goes_at_a_region_leaves_nothing() {
    let shop = Workshop::new(crate::LANE);
    let region = Region::start();
    let settings = shop.settings_for(
        "one",
        &region.base_url,
        &region.client_id,
        &region.client_secret,
        "",
    );
    cycles(&shop, &settings, crate::CYCLES.with_region, "call");
}
