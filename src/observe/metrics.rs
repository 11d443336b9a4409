//! The metrics: the figures of the status and the counters in the text format of Prometheus (exposition format 0.0.4).
//!
//! One table says what there is. The text is written from it, and so is the page that explains it, `docs/METRICS.md`.
//! Every sample has the adapter's name as a label, since a process may hold several. All samples of a metric are always
//! there, at 0 if nothing happened yet: so a rate or an alarm never has to ask whether they exist.

use std::fmt::{Display, Write as _};

use super::latency::Histogram;
use super::status::Status;
use crate::model::event::EventKind;
use crate::model::feed::{Feed, Life, Why};
use crate::model::name::Word;
use crate::model::order::{FailureKind, RequestKind};
use crate::model::succession::{SuccessionEnd, SuccessionReason};

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

/// One metric.
struct Metric {
    name: &'static str,
    kind: Kind,
    /// Its labels beside the adapter's name.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the page and the tests read it")
    )]
    labels: &'static [Label],
    /// What it counts or shows: the HELP line.
    help: &'static str,
    read: fn(&Status<'_>, &mut Samples<'_>),
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A label and what it can say.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the page and the tests read it")
)]
struct Label {
    name: &'static str,
    values: fn() -> Vec<String>,
}

/// Every metric, in the order of text and page: whether the feed stands, what came, what was told, what was asked.
const METRICS: &[Metric] = &[
    Metric {
        name: "gca_build_info",
        kind: Kind::Gauge,
        labels: &[Label {
            name: "version",
            values: || vec![env!("CARGO_PKG_VERSION").to_owned()],
        }],
        help: "Always 1; the label tells the version of the library.",
        read: |_, out| out.with(&[("version", env!("CARGO_PKG_VERSION"))], 1),
    },
    Metric {
        name: "gca_life",
        kind: Kind::Gauge,
        labels: &[Label {
            name: "life",
            values: words::<Life>,
        }],
        help: "1 for where the adapter stands in its life, 0 for the others.",
        read: |of, out| out.which("life", of.life),
    },
    Metric {
        name: "gca_feed",
        kind: Kind::Gauge,
        labels: &[Label {
            name: "feed",
            values: words::<Feed>,
        }],
        help: "1 for how much of the region the feed covers, 0 for the others.",
        read: |of, out| out.which("feed", of.report.map_or(Feed::Down, |report| report.feed)),
    },
    Metric {
        name: "gca_why",
        kind: Kind::Gauge,
        labels: &[Label {
            name: "why",
            values: words::<Why>,
        }],
        help: "1 for why the feed does not cover more, 0 for the others.",
        read: |of, out| out.which("why", of.report.map_or(Why::None, |report| report.why)),
    },
    Metric {
        name: "gca_state_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "When the state was last reported, in seconds since 1970 UTC; 0 before the first start.",
        read: |of, out| out.one(Seconds::of(of.report.map_or(0, |report| report.at.0))),
    },
    Metric {
        name: "gca_users",
        kind: Kind::Gauge,
        labels: &[],
        help: "Users of the roster.",
        read: |of, out| out.one(of.region.users),
    },
    Metric {
        name: "gca_queues",
        kind: Kind::Gauge,
        labels: &[],
        help: "Queues of the roster.",
        read: |of, out| out.one(of.region.queues),
    },
    Metric {
        name: "gca_users_not_followed",
        kind: Kind::Gauge,
        labels: &[],
        help: "Users that the feed does not cover: as the last report of the state says.",
        read: |of, out| out.one(of.report.map_or(0, |report| report.scope.users.len())),
    },
    Metric {
        name: "gca_roster_rows_unread",
        kind: Kind::Gauge,
        labels: &[],
        help: "Rows of the last lists of users and queues that could not be read; those whom they are about are not followed.",
        read: |of, out| out.one(of.region.rows_unread),
    },
    Metric {
        name: "gca_topics_not_followed",
        kind: Kind::Gauge,
        labels: &[],
        help: "Topics that the feed does not cover: as the last report of the state says.",
        read: |of, out| out.one(of.report.map_or(0, |report| report.scope.topics.len())),
    },
    Metric {
        name: "gca_channels",
        kind: Kind::Gauge,
        labels: &[],
        help: "Notification channels in use; the platform allows 20 for a client id.",
        read: |of, out| out.one(of.region.channels),
    },
    Metric {
        name: "gca_sockets",
        kind: Kind::Gauge,
        labels: &[],
        help: "Websockets open.",
        read: |of, out| out.one(of.region.sockets),
    },
    Metric {
        name: "gca_topics",
        kind: Kind::Gauge,
        labels: &[],
        help: "Topics subscribed; a combined one counts once.",
        read: |of, out| out.one(of.region.topics),
    },
    Metric {
        name: "gca_sockets_opened_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Websockets opened.",
        read: |of, out| out.one(of.counters.sockets_opened.get()),
    },
    Metric {
        name: "gca_reconnects_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Connections that were lost, and made again or being made.",
        read: |of, out| out.one(of.counters.reconnects.get()),
    },
    Metric {
        name: "gca_successions_total",
        kind: Kind::Counter,
        labels: &[
            Label {
                name: "reason",
                values: words::<SuccessionReason>,
            },
            Label {
                name: "end",
                values: words::<SuccessionEnd>,
            },
        ],
        help: "Attempts to let another connection take over: succeeded without a gap, failed (tried again while the \
               predecessor lives), inherited (the predecessor died meanwhile).",
        read: |of, out| {
            for (reason, end) in <(SuccessionReason, SuccessionEnd)>::words() {
                let count = of.counters.successions.get((reason, end));
                out.with(&[("reason", reason.name()), ("end", end.name())], count);
            }
        },
    },
    Metric {
        name: "gca_gaps_open",
        kind: Kind::Gauge,
        labels: &[],
        help: "Gaps that are not closed: something does not flow, or what was missed has not all been read.",
        read: |of, out| out.one(of.gaps.totals().open),
    },
    Metric {
        name: "gca_gaps_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Gaps that were opened.",
        read: |of, out| out.one(of.gaps.totals().opened),
    },
    Metric {
        name: "gca_gaps_closed_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Gaps of which everything was read.",
        read: |of, out| out.one(of.gaps.totals().closed),
    },
    Metric {
        name: "gca_gaps_left_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Gaps that were left before everything of them was read, because the feed ended.",
        read: |of, out| out.one(of.gaps.totals().left),
    },
    Metric {
        name: "gca_gap_seconds_total",
        kind: Kind::Counter,
        labels: &[],
        help: "How long gaps lasted whose end is known, together.",
        read: |of, out| out.one(Seconds(of.gaps.totals().lasted_us)),
    },
    Metric {
        name: "gca_gap_reads_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Answers of the platform that were read for gaps that are closed.",
        read: |of, out| out.one(of.gaps.totals().reads),
    },
    Metric {
        name: "gca_gap_events_recovered_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Events that these answers told and no notification had.",
        read: |of, out| out.one(of.gaps.totals().recovered),
    },
    Metric {
        name: "gca_ledger_lines_waiting",
        kind: Kind::Gauge,
        labels: &[],
        help: "Lines of the ledger file that could not be written yet.",
        read: |of, out| out.one(of.gaps.totals().ledger_waiting),
    },
    Metric {
        name: "gca_frames_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Text frames that came on websockets.",
        read: |of, out| out.one(of.counters.frames.get()),
    },
    Metric {
        name: "gca_frame_bytes_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Bytes of the text frames that came.",
        read: |of, out| out.one(of.counters.frame_bytes.get()),
    },
    Metric {
        name: "gca_heartbeats_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Heartbeats of the platform among the frames.",
        read: |of, out| out.one(of.counters.heartbeats.get()),
    },
    Metric {
        name: "gca_frames_rejected_total",
        kind: Kind::Counter,
        labels: &[Label {
            name: "why",
            values: || FRAME_DEFECTS.map(str::to_owned).to_vec(),
        }],
        help: "Frames that could not be read and were left out.",
        read: |of, out| {
            let counters = of.counters;
            let counts = [
                &counters.frames_not_json,
                &counters.frames_without_topic,
                &counters.frames_wrong_type,
                &counters.frames_too_large,
                &counters.frames_binary,
            ];
            for (why, count) in FRAME_DEFECTS.iter().zip(counts) {
                out.with(&[("why", why)], count.get());
            }
        },
    },
    Metric {
        name: "gca_bodies_unreadable_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Notifications whose body could not be read.",
        read: |of, out| out.one(of.counters.bodies_unreadable.get()),
    },
    Metric {
        name: "gca_topics_unknown_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Notifications on topics that this version does not read.",
        read: |of, out| out.one(of.counters.topics_unknown.get()),
    },
    Metric {
        name: "gca_members_unknown_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Members of bodies that are new to this version, each once.",
        read: |of, out| out.one(of.counters.members_unknown.get()),
    },
    Metric {
        name: "gca_words_unknown_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Words of the platform that are new to this version, each once in its place.",
        read: |of, out| out.one(of.counters.words_unknown.get()),
    },
    Metric {
        name: "gca_conversations_open",
        kind: Kind::Gauge,
        labels: &[],
        help: "Conversations that are not over.",
        read: |of, out| out.one(of.region.open_conversations),
    },
    Metric {
        name: "gca_connections_open",
        kind: Kind::Gauge,
        labels: &[],
        help: "Connections established and not cleared.",
        read: |of, out| out.one(of.region.open_connections),
    },
    Metric {
        name: "gca_snapshot_cache_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Memory of the snapshot cache: bodies kept to read the next ones faster.",
        read: |of, out| out.one(of.region.snapshot_bytes),
    },
    Metric {
        name: "gca_snapshot_cache_limit_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "What the snapshot cache may use (SnapshotCacheMiB); 0 while the adapter does not run.",
        read: |of, out| out.one(of.region.snapshot_bytes_limit),
    },
    Metric {
        name: "gca_events_total",
        kind: Kind::Counter,
        labels: &[Label {
            name: "kind",
            values: words::<EventKind>,
        }],
        help: "Events that the host took.",
        read: |of, out| {
            for kind in EventKind::words() {
                out.with(&[("kind", kind.name())], of.counters.events.get(kind));
            }
        },
    },
    Metric {
        name: "gca_event_latency_seconds",
        kind: Kind::Histogram,
        labels: &[],
        help: "From the arrival of a notification to the first offer of an event that it tells, by the machine's clock; \
               without the pauses and resumptions of recordings.",
        read: |of, out| out.histogram(&[], &of.counters.latency),
    },
    Metric {
        name: "gca_pause_latency_seconds",
        kind: Kind::Histogram,
        labels: &[Label {
            name: "kind",
            values: || PAUSES.map(|kind| kind.name().to_owned()).to_vec(),
        }],
        help: "The same of the pauses and resumptions of recordings: how late a secure pause is.",
        read: |of, out| {
            let ways = [&of.counters.pause_latency, &of.counters.resume_latency];
            for (kind, way) in PAUSES.iter().zip(ways) {
                out.histogram(&[("kind", kind.name())], way);
            }
        },
    },
    Metric {
        name: "gca_backlog_events",
        kind: Kind::Gauge,
        labels: &[],
        help: "Events that wait for the host, the offered one included.",
        read: |of, out| out.one(of.delivery.queued),
    },
    Metric {
        name: "gca_backlog_peak_events",
        kind: Kind::Gauge,
        labels: &[],
        help: "The most events that waited since the start.",
        read: |of, out| out.one(of.delivery.queued_most),
    },
    Metric {
        name: "gca_backlog_limit_events",
        kind: Kind::Gauge,
        labels: &[],
        help: "How many events may wait in memory (QueueMaxEvents). Without a journal the oldest then give way.",
        read: |of, out| out.one(of.delivery.queue_limit),
    },
    Metric {
        name: "gca_refusals_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Times that the host did not take an event.",
        read: |of, out| out.one(of.counters.refusals.get()),
    },
    Metric {
        name: "gca_answers_unknown_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Times that the host answered neither GCA_TAKEN nor GCA_LATER.",
        read: |of, out| out.one(of.counters.answers_unknown.get()),
    },
    Metric {
        name: "gca_events_lost_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Events lost: the queue was full, the host refused too often, or the adapter stopped.",
        read: |of, out| out.one(of.counters.events_lost.get()),
    },
    Metric {
        name: "gca_requests_total",
        kind: Kind::Counter,
        labels: &[Label {
            name: "request",
            values: words::<RequestKind>,
        }],
        help: "HTTP requests made.",
        read: |of, out| {
            for kind in RequestKind::words() {
                out.with(&[("request", kind.name())], of.counters.requests.get(kind));
            }
        },
    },
    Metric {
        name: "gca_request_failures_total",
        kind: Kind::Counter,
        labels: &[Label {
            name: "failure",
            values: words::<FailureKind>,
        }],
        help: "HTTP requests that did not succeed; rate_limited: answered 429.",
        read: |of, out| {
            for kind in FailureKind::words() {
                out.with(
                    &[("failure", kind.name())],
                    of.counters.request_failures.get(kind),
                );
            }
        },
    },
    Metric {
        name: "gca_request_duration_seconds",
        kind: Kind::Histogram,
        labels: &[],
        help: "From the start of an HTTP request to its answer or failure.",
        read: |of, out| out.histogram(&[], &of.counters.request_time),
    },
    Metric {
        name: "gca_requests_last_minute",
        kind: Kind::Gauge,
        labels: &[],
        help: "Requests of the last 60 seconds: how much of the budget is used.",
        read: |of, out| out.one(of.region.requests_last_minute),
    },
    Metric {
        name: "gca_requests_budget",
        kind: Kind::Gauge,
        labels: &[],
        help: "Requests that may be made in 60 seconds (RequestsPerMinute); 0 while the adapter does not run.",
        read: |of, out| out.one(of.region.requests_per_minute),
    },
    Metric {
        name: "gca_log_lines_dropped_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Log lines that gave way because the host took them too slowly.",
        read: |of, out| out.one(of.log_lines_dropped),
    },
    Metric {
        name: "gca_defects_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Defects of the library that were contained.",
        read: |of, out| out.one(of.counters.panics.get()),
    },
];

/// In the order of their counters.
const FRAME_DEFECTS: [&str; 5] = [
    "not_json",
    "without_topic",
    "wrong_type",
    "too_large",
    "binary",
];

/// In the order of their histograms.
const PAUSES: [EventKind; 2] = [EventKind::RecordingPaused, EventKind::RecordingResumed];

fn words<T: Word>() -> Vec<String> {
    T::words().map(T::word).collect()
}

impl Status<'_> {
    /// The metrics.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let mut text = String::with_capacity(32 << 10);
        let adapter = escaped(self.name);
        for metric in METRICS {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {} {}", metric.name, metric.help);
            let _ = writeln!(text, "# TYPE {} {}", metric.name, metric.kind.word());
            let mut samples = Samples {
                text: &mut text,
                name: metric.name,
                adapter: &adapter,
            };
            (metric.read)(self, &mut samples);
        }
        text
    }
}

/// Writes the samples of one metric.
struct Samples<'a> {
    text: &'a mut String,
    name: &'static str,
    adapter: &'a str,
}

impl Samples<'_> {
    /// The only one.
    fn one(&mut self, value: impl Display) {
        self.with(&[], value);
    }

    /// The one with these labels.
    fn with(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.sample("", labels, value);
    }

    /// One for each value that there is: 1 for the one that holds.
    fn which<T: Word + PartialEq>(&mut self, label: &str, holds: T) {
        for value in T::words() {
            self.with(&[(label, &value.word())], u8::from(value == holds));
        }
    }

    fn histogram(&mut self, labels: &[(&str, &str)], of: &Histogram) {
        let mut count = 0;
        for (bound, no_longer) in of.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |us| Seconds(us).shortest());
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample("_bucket", &labels, no_longer);
            count = no_longer;
        }
        self.sample("_sum", labels, Seconds(of.sum_us()));
        self.sample("_count", labels, count);
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.text,
            "{}{suffix}{{adapter=\"{}\"",
            self.name, self.adapter
        );
        for (name, value) in labels {
            let _ = write!(self.text, ",{name}=\"{}\"", escaped(value));
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

/// The value of a label as it stands between quotes.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            c => text.push(c),
        }
    }
    text
}

/// Microseconds, shown as seconds: exact, not by way of a binary fraction.
#[derive(Clone, Copy)]
struct Seconds(u64);

impl Seconds {
    fn of(us: i64) -> Self {
        Self(us.try_into().unwrap_or(0))
    }

    /// Without zeros at its end.
    fn shortest(self) -> String {
        let text = self.to_string();
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
