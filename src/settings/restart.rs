//! When the adapter restarts, as an operator says it: a time of day, by the clock of a time zone.

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::{Fault, quoted};

/// By which clock.
#[derive(Clone, PartialEq, Eq)]
pub enum Zone {
    /// That of the machine, read when it is asked for.
    Machine,
    /// That of a place.
    Named(TimeZone),
}

impl Zone {
    /// The zone itself. `Err` with UTC in its place, and a line for the operator, if the machine's cannot be read.
    ///
    /// # Errors
    ///
    /// The machine says of no zone that it is its own.
    pub fn resolve(&self) -> Result<TimeZone, (TimeZone, String)> {
        match self {
            Self::Named(zone) => Ok(zone.clone()),
            Self::Machine => TimeZone::try_system()
                .ok()
                .filter(|zone| !zone.is_unknown())
                .ok_or_else(|| {
                    let line = "The time zone of this machine cannot be read, so RestartTime is taken as UTC. Set the \
                                machine's time zone, or write AdvancedSettings.TimeZone (`Europe/Berlin`)";
                    (TimeZone::UTC, line.to_owned())
                }),
        }
    }

    /// Its name as an operator would write it; empty for the machine's own.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Machine => "",
            Self::Named(zone) => zone.iana_name().unwrap_or("UTC"),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("Machine"),
            Self::Named(_) => write!(f, "Named({})", self.name()),
        }
    }
}

/// Reads `hh:mm`.
pub(super) fn read_time(text: &str) -> Result<Time, Fault> {
    let digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i8>().ok())
            .flatten()
    };
    text.split_once(':')
        .and_then(|(hour, minute)| Time::new(digits(hour)?, digits(minute)?, 0, 0).ok())
        .ok_or_else(|| {
            Fault::new(
                format!("is {}, which is no time of day", quoted(text)),
                "Write hours and minutes with two digits each, from 00:00 to 23:59",
            )
        })
}

/// As an operator would write it.
pub(super) fn time_written(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// Reads the name of a zone; nothing written is the machine's.
pub(super) fn read_zone(text: &str) -> Result<Zone, Fault> {
    if text.is_empty() {
        return Ok(Zone::Machine);
    }
    match TimeZone::get(text) {
        Ok(zone) if !zone.is_unknown() => Ok(Zone::Named(zone)),
        _ => Err(Fault::new(
            format!("is {}, which is no time zone of the IANA database", quoted(text)),
            nearest(text).map_or_else(
                || "Write a name such as `Europe/Berlin`, or leave it empty for the machine's own zone".to_owned(),
                |near| format!("Did you mean `{near}`"),
            ),
        )),
    }
}

/// The zone that was most likely meant: but for a third of its letters, or the place without its continent.
fn nearest(written: &str) -> Option<String> {
    let lower = written.to_lowercase().replace(' ', "_");
    let names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    let place = names.iter().find(|name| {
        name.rsplit('/')
            .next()
            .is_some_and(|place| place.to_lowercase() == lower)
    });
    let near = || {
        let distance = |name: &&String| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
        names
            .iter()
            .min_by_key(distance)
            .filter(|name| distance(name) <= (name.len() / 4).max(1))
    };
    place.or_else(near).cloned()
}
