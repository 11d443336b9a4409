//! The table `tests/acts.txt` (what the region's acts become in the feed), and what of it is the end of what. Three judges
//! that share no crate read it: the tests, the soak and the demonstration; each takes this file in by its path.
//!
//! Knows words only: neither the region's types nor the plugin's.

#![allow(dead_code, reason = "each judge takes what it needs of it")]

const ACTS: &str = include_str!("../acts.txt");

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) act: &'static str,
    /// `*`: any.
    pub(crate) detail: &'static str,
    /// `-`: none.
    pub(crate) event: &'static str,
    /// What the event is about.
    pub(crate) about: &'static str,
    /// Which shape of conversation bodies tells it.
    pub(crate) shape: &'static str,
}

impl Line {
    /// Whether an act of this kind, with this detail, falls under the line.
    pub(crate) fn is_of(&self, act: &str, detail: &str) -> bool {
        self.act == act && (self.detail == "*" || self.detail == detail)
    }

    /// Whether it says that such an act becomes an event.
    pub(crate) fn makes_event_of(&self, act: &str, detail: &str) -> bool {
        self.event != "-" && self.is_of(act, detail)
    }
}

/// All lines; one that has not five words is left out, and its act is then unknown.
pub(crate) fn table() -> Vec<Line> {
    let line = |line: &'static str| match *line.split_whitespace().collect::<Vec<_>>() {
        [act, detail, event, about, shape] => Some(Line {
            act,
            detail,
            event,
            about,
            shape,
        }),
        _ => None,
    };
    lines().filter_map(line).collect()
}

/// The lines of the file that are neither empty nor for people.
pub(crate) fn lines() -> impl Iterator<Item = &'static str> {
    let lines = ACTS.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// What ends something, and the begins of which one must have been seen to see the end.
pub(crate) const ENDS: &[(&str, &[&str])] = &[
    ("retrieved", &["held"]),
    ("unmuted", &["muted"]),
    ("unconfined", &["confined"]),
    ("unparked", &["parked"]),
    ("recording_resumed", &["recording_paused"]),
    ("consult_completed", &["consult_started"]),
    ("consult_cancelled", &["consult_started"]),
    ("party_added", &["conferenced"]),
    ("party_left", &["conferenced", "party_added"]),
    ("agent_logged_on", &["agent_logged_off"]),
    ("agent_logged_off", &["agent_logged_on"]),
    // A body that says that somebody left a station does not say which.
    ("station_left", &["station_associated"]),
    // Nor does one that says that somebody is where they were last known to be.
    ("station_associated", &["station_left"]),
];
