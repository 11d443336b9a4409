//! The page of the metrics, `docs/METRICS.md`.

use std::fmt::Write as _;

use super::{Kind, METRICS, Metric};

const OPENING: &str = "\
# Metrics

<!-- Made from the table in src/observe/metrics.rs; a test compares them. Change the table, then run:
     GCA_BLESS=1 cargo test -p genesys-cloud-adapter --lib observe::metrics -->

`gca_metrics` (`Adapter::metrics` in C++) returns the counters and gauges of one adapter in the text format of Prometheus
(exposition format 0.0.4, `text/plain; version=0.0.4`). The library opens no port: the host serves the text where it serves
its own, or writes it to a file for a node exporter. Measuring costs each event about 40 nanoseconds: a look at the clock,
and two additions.

- Every sample has the label `adapter`: `AdapterName`, empty before the first settings.
- Counters count since the adapter was created, over stops and starts. Gauges of the region are 0 while it does not run.
- Times are in seconds, sizes in bytes.
- All samples are always there, at 0 if nothing happened yet. Metrics, labels and values of labels are only ever added.
- There is no secret, token, channel id, attribute or person's data in it.
- A host with several adapters serves each text at a path of its own, or joins them so that each `# HELP` and `# TYPE` line
  stands once, with all samples of that metric behind it.

";

const ALARMS: &str = r#"
## What to watch

| alarm | expression | means |
|---|---|---|
| the feed is not up | `gca_feed{feed="up"} == 0 and on(adapter) gca_life{life=~"starting\|running\|failed"} == 1` for 1 minute | [what to do](OPERATIONS.md) stands under the `why` that is 1 |
| the adapter gave up | `gca_life{life="failed"} == 1` | stop it and start it again; report it |
| events were lost | `increase(gca_events_lost_total[5m]) > 0` | the host did not take events; each loss stands in the feed as `lost`, but for those of a stop |
| the host is too slow | `gca_backlog_events / gca_backlog_limit_events > 0.5` | without a journal the oldest give way at 1; with one the rest waits on disk |
| a secure pause is late | `histogram_quantile(0.99, sum by (adapter, le) (rate(gca_pause_latency_seconds_bucket[1h]))) > 0.5` | the host is slow, or the machine is |
| requests near their limit | `gca_requests_last_minute / gca_requests_budget > 0.9` for 5 minutes | reading takes longer; nothing is lost |
| the platform turns requests away | `increase(gca_request_failures_total{failure="rate_limited"}[10m]) > 10` | another program uses the same client id |
| a defect | `increase(gca_defects_total[1h]) > 0` | the log names its place; report it |
"#;

/// The page's text.
pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    page += "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    for metric in METRICS {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            metric.name,
            metric.kind.word(),
            names(metric),
            metric.help
        );
    }
    page += "\nA histogram has `_bucket` samples with the label `le` (25 microseconds to 30 seconds), `_sum` and `_count`.\n";
    page += "\n## Values of labels\n\n| metric | label | values |\n|---|---|---|\n";
    for metric in METRICS {
        for label in metric.labels {
            let values: Vec<String> = (label.values)()
                .iter()
                .map(|value| format!("`{value}`"))
                .collect();
            let values = if label.name == "version" {
                "the version of the library".to_owned()
            } else {
                values.join(", ")
            };
            let _ = writeln!(page, "| `{}` | `{}` | {values} |", metric.name, label.name);
        }
    }
    page + ALARMS
}

fn names(metric: &Metric) -> String {
    let own = metric.labels.iter().map(|label| label.name);
    let le = matches!(metric.kind, Kind::Histogram).then_some("le");
    let names: Vec<String> = own.chain(le).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
