//! That the text is what the table says, and the page too.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::observe::status::{DeliveryFigures, RegionFigures};
use crate::observe::{Counters, Gaps};

fn text(name: &str, counters: &Counters) -> String {
    Status {
        name,
        settings: &serde_json::Value::Null,
        life: Life::Running,
        report: None,
        region: &RegionFigures::default(),
        delivery: &DeliveryFigures::default(),
        counters,
        gaps: &Gaps::default(),
        log_lines_dropped: 4,
    }
    .to_prometheus()
}

/// A sample: its name, its labels, its value.
type Sample = (String, BTreeMap<String, String>, String);

fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_once('{').unwrap();
    let (labels, value) = rest.rsplit_once("} ").unwrap();
    let labels = labels.trim_end_matches('"').split("\",").map(|label| {
        let (name, value) = label.split_once("=\"").unwrap();
        (name.to_owned(), value.to_owned())
    });
    (name.to_owned(), labels.collect(), value.to_owned())
}

#[test]
fn every_sample_stands_under_its_metric_and_has_the_labels_of_the_table() {
    let text = text("a", &Counters::default());
    let mut lines = text.lines().peekable();
    for metric in METRICS {
        assert_eq!(
            lines.next().unwrap(),
            format!("# HELP {} {}", metric.name, metric.help)
        );
        assert_eq!(
            lines.next().unwrap(),
            format!("# TYPE {} {}", metric.name, metric.kind.word())
        );
        let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (name, mut labels, value) = sample(line);
            assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
            assert_eq!(labels.remove("adapter").as_deref(), Some("a"), "{line}");
            match metric.kind {
                Kind::Histogram => {
                    let part = name.strip_prefix(metric.name).unwrap();
                    assert!(["_bucket", "_sum", "_count"].contains(&part), "{line}");
                    assert_eq!(labels.remove("le").is_some(), part == "_bucket", "{line}");
                }
                Kind::Counter | Kind::Gauge => assert_eq!(name, metric.name),
            }
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let declared: BTreeSet<_> = metric.labels.iter().map(|label| label.name).collect();
            assert_eq!(
                labels.keys().map(String::as_str).collect::<BTreeSet<_>>(),
                declared,
                "{line}"
            );
            for label in metric.labels {
                told.entry(label.name)
                    .or_default()
                    .insert(labels[label.name].clone());
            }
        }
        assert!(!seen.is_empty(), "{} has no sample", metric.name);
        for label in metric.labels {
            let declared: BTreeSet<_> = (label.values)().into_iter().collect();
            assert_eq!(
                told.get(label.name),
                Some(&declared),
                "{}: {}",
                metric.name,
                label.name
            );
        }
    }
    assert_eq!(lines.next(), None);
    assert!(text.ends_with('\n'));
}

#[test]
fn names_and_helps_are_as_prometheus_wants_them() {
    let mut names = BTreeSet::new();
    for metric in METRICS {
        let name = metric.name;
        assert!(names.insert(name), "{name} stands twice");
        let rest = name.strip_prefix("gca_").unwrap();
        assert!(
            rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
        assert_eq!(
            matches!(metric.kind, Kind::Counter),
            name.ends_with("_total"),
            "{name}"
        );
        assert_eq!(
            matches!(metric.kind, Kind::Histogram),
            name.ends_with("_seconds") && name != "gca_state_timestamp_seconds",
            "{name}"
        );
        assert!(
            metric.help.ends_with('.') && !metric.help.contains(['\\', '\n', '|']),
            "{name}"
        );
        for label in metric.labels {
            assert!(
                !["adapter", "le", "quantile"].contains(&label.name),
                "{name}"
            );
            assert!(
                label
                    .name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
        }
    }
}

#[test]
fn what_was_counted_is_what_is_shown() {
    let counters = Counters::default();
    counters.frames.add(7);
    counters.events.one(EventKind::Held);
    counters.requests.one(RequestKind::CreateChannel);
    counters.request_failures.one(FailureKind::RateLimited);
    counters
        .successions
        .one((SuccessionReason::Asked, SuccessionEnd::Succeeded));
    counters.frames_binary.one();
    counters.latency.record_us(140);
    counters.latency.record_us(2_000_000);
    counters.resume_latency.record_us(26);
    let text = text("a", &counters);
    for line in [
        r#"gca_frames_total{adapter="a"} 7"#,
        r#"gca_events_total{adapter="a",kind="held"} 1"#,
        r#"gca_events_total{adapter="a",kind="retrieved"} 0"#,
        r#"gca_requests_total{adapter="a",request="create_channel"} 1"#,
        r#"gca_request_failures_total{adapter="a",failure="rate_limited"} 1"#,
        r#"gca_successions_total{adapter="a",reason="asked",end="succeeded"} 1"#,
        r#"gca_successions_total{adapter="a",reason="asked",end="failed"} 0"#,
        r#"gca_frames_rejected_total{adapter="a",why="binary"} 1"#,
        r#"gca_life{adapter="a",life="running"} 1"#,
        r#"gca_life{adapter="a",life="stopping"} 0"#,
        r#"gca_feed{adapter="a",feed="down"} 1"#,
        r#"gca_log_lines_dropped_total{adapter="a"} 4"#,
        r#"gca_event_latency_seconds_bucket{adapter="a",le="0.0001"} 0"#,
        r#"gca_event_latency_seconds_bucket{adapter="a",le="0.00015"} 1"#,
        r#"gca_event_latency_seconds_bucket{adapter="a",le="1"} 1"#,
        r#"gca_event_latency_seconds_bucket{adapter="a",le="2.5"} 2"#,
        r#"gca_event_latency_seconds_bucket{adapter="a",le="+Inf"} 2"#,
        r#"gca_event_latency_seconds_sum{adapter="a"} 2.000140"#,
        r#"gca_event_latency_seconds_count{adapter="a"} 2"#,
        r#"gca_pause_latency_seconds_count{adapter="a",kind="recording_paused"} 0"#,
        r#"gca_pause_latency_seconds_count{adapter="a",kind="recording_resumed"} 1"#,
    ] {
        assert!(
            text.lines().any(|told| told == line),
            "lacks {line}:\n{text}"
        );
    }
}

#[test]
fn a_name_cannot_end_its_label() {
    let text = text("north\\south\" \n é", &Counters::default());
    let expected = r#"gca_frames_total{adapter="north\\south\" \n é"} 0"#;
    assert!(text.lines().any(|line| line == expected), "{text}");
}

#[test]
fn the_page_is_that_of_the_table() {
    let page = page::page();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/METRICS.md");
    if std::env::var_os("GCA_BLESS").is_some() {
        std::fs::write(file, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(file).unwrap_or_default() == page,
        "docs/METRICS.md is not what src/observe/metrics.rs says. Look at the difference after\n         \
         GCA_BLESS=1 cargo test -p genesys-cloud-adapter --lib observe::metrics"
    );
}
