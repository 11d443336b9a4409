//! The metrics of an adapter that follows a region, as Prometheus' own parser reads them, beside what the host saw and
//! what the status says.
//!
//! The parser lies in `target/clients`, where `simulator/tests/clients/install.sh target/clients` puts it in a pinned
//! version; without it this test fails and says so.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use gca_region::front::{FrontConfig, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use genesys_cloud_adapter::adapter::{Adapter, Stopped};
use genesys_cloud_adapter::delivery::{Host, Offer, Verdict};
use genesys_cloud_adapter::model::event::{EventKind, Source};
use genesys_cloud_adapter::model::feed::StateReport;
use genesys_cloud_adapter::observe::LogLine;
use serde::Deserialize;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Reads the text from standard input, and writes what it understood as JSON.
const PARSE: &str = r#"
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([
    {"name": family.name, "kind": family.type, "help": family.documentation,
     "samples": [{"name": s.name, "labels": s.labels, "value": s.value} for s in family.samples]}
    for family in text_string_to_metric_families(sys.stdin.read())]))
"#;

/// A metric as the parser sees it.
#[derive(Debug, Deserialize)]
struct Family {
    name: String,
    kind: String,
    help: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// What a host was offered of changes themselves, by whether it is to pause or go on.
#[derive(Default)]
struct Counting {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    kinds: BTreeMap<&'static str, u64>,
    live: u64,
    pauses: u64,
    resumptions: u64,
    /// The first offer of every seventh event is refused.
    refused: u64,
    last: (String, u64),
}

impl Host for Counting {
    fn on_event(&self, offer: &Offer<'_>) -> Verdict {
        let mut seen = self.seen.lock().unwrap();
        let place = (offer.feed_id.to_owned(), offer.sequence);
        if offer.sequence.is_multiple_of(7) && seen.last != place {
            seen.refused += 1;
            seen.last = place;
            return Verdict::Later;
        }
        *seen.kinds.entry(offer.event.kind.name()).or_default() += 1;
        if offer.event.source == Source::Live {
            match offer.event.kind {
                EventKind::RecordingPaused => seen.pauses += 1,
                EventKind::RecordingResumed => seen.resumptions += 1,
                _ => seen.live += 1,
            }
        }
        drop(seen);
        self.changed.notify_all();
        Verdict::Taken
    }

    fn on_state(&self, _: &StateReport) {}
    fn on_log(&self, _: &LogLine) {}
    fn on_drop(&self) {}
}

fn parser() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let clients =
        std::env::var_os("GCA_CLIENTS").map_or_else(|| target.join("clients"), PathBuf::from);
    let python = clients.join("venv/bin/python");
    assert!(
        python.exists(),
        "the parser is not installed; run: simulator/tests/clients/install.sh {}",
        clients.display()
    );
    python
}

fn parsed(text: &str) -> Vec<Family> {
    let mut child = Command::new(parser())
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "not understood:\n{text}");
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn prometheus_reads_what_the_host_saw_and_the_status_says() {
    let world = WorldConfig {
        users: 40,
        queues: 3,
        calls_per_minute: 600.0,
        seed: 3,
        ..WorldConfig::default()
    };
    let region = serve(FrontConfig::new(RegionConfig::new(world))).unwrap();
    let name = r"Nord\Süd {a=b}";
    let settings = json!({"AdapterName": name, "DataSource": "d", "ClientId": region.client_id,
        "ClientSecret": region.client_secret, "RegionHost": region.base_url});
    let host = Arc::new(Counting::default());
    let adapter = Adapter::new(Arc::clone(&host) as Arc<dyn Host>);
    adapter.configure(&settings.to_string()).unwrap();
    adapter.start().unwrap();
    {
        let end = Instant::now() + PATIENCE;
        let mut seen = host.seen.lock().unwrap();
        while seen.pauses == 0 || seen.resumptions == 0 || seen.live < 300 {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no pause, or too little: {:?}", seen.kinds);
            seen = host.changed.wait_timeout(seen, left).unwrap().0;
        }
    }
    // While it runs: gauges of the region.
    let running = parsed(&adapter.metrics());
    let gauge = |name: &str| {
        let family = running.iter().find(|family| family.name == name).unwrap();
        assert_eq!(family.samples.len(), 1, "{name}");
        family.samples[0].value
    };
    assert_eq!((gauge("gca_users"), gauge("gca_queues")), (40.0, 3.0));
    assert!(gauge("gca_channels") >= 1.0 && gauge("gca_sockets") >= 1.0);
    assert!(gauge("gca_requests_last_minute") > 3.0);
    assert_eq!(gauge("gca_requests_budget"), 270.0);
    assert!(gauge("gca_snapshot_cache_bytes") > 0.0);
    assert_eq!(gauge("gca_snapshot_cache_limit_bytes"), f64::from(24 << 20));

    // When it stands still: everything that was counted.
    assert_eq!(adapter.stop(PATIENCE), Stopped::Done);
    let text = adapter.metrics();
    let status: Value = serde_json::from_str(&adapter.status()).unwrap();
    let families = parsed(&text);
    assert_eq!(families.len(), text.matches("# TYPE ").count());
    for family in &families {
        assert!(
            ["counter", "gauge", "histogram"].contains(&family.kind.as_str()),
            "{family:?}"
        );
        assert!(
            !family.help.is_empty() && !family.samples.is_empty(),
            "{family:?}"
        );
        for sample in &family.samples {
            assert_eq!(sample.labels["adapter"], name, "{sample:?}");
            assert!(sample.value >= 0.0, "{sample:?}");
        }
    }
    let value = |name: &str, label: Option<(&str, &str)>| {
        let samples = families.iter().flat_map(|family| &family.samples);
        let has = |sample: &&Sample| {
            label.is_none_or(|(label, value)| sample.labels.get(label).is_some_and(|v| v == value))
        };
        let found: Vec<_> = samples
            .filter(|sample| sample.name == name)
            .filter(has)
            .collect();
        assert_eq!(found.len(), 1, "{name} {label:?}");
        found[0].value as u64
    };
    let seen = host.seen.lock().unwrap();
    for kind in EventKind::ALL {
        let offered = seen.kinds.get(kind.name()).copied().unwrap_or(0);
        let told = value("gca_events_total", Some(("kind", kind.name())));
        assert_eq!(told, offered, "{}", kind.name());
    }
    assert_eq!(
        value("gca_event_latency_seconds_count", None),
        seen.live,
        "once, refused or not"
    );
    for (kind, count) in [
        ("recording_paused", seen.pauses),
        ("recording_resumed", seen.resumptions),
    ] {
        assert_eq!(
            value("gca_pause_latency_seconds_count", Some(("kind", kind))),
            count,
            "{kind}"
        );
    }
    assert_eq!(value("gca_refusals_total", None), seen.refused);
    let counters = &status["counters"];
    for (metric, member) in [
        ("gca_frames_total", &counters["frames"]),
        ("gca_frame_bytes_total", &counters["frame_bytes"]),
        ("gca_sockets_opened_total", &counters["sockets_opened"]),
        ("gca_events_lost_total", &counters["events_lost"]),
        ("gca_defects_total", &counters["panics"]),
    ] {
        assert_eq!(Some(value(metric, None)), member.as_u64(), "{metric}");
    }
    assert_eq!(value("gca_requests_total", Some(("request", "token"))), 1);
    assert_eq!(value("gca_life", Some(("life", "configured"))), 1);
    assert!(adapter.destroy(PATIENCE));
}
