//! What other settings mean for an adapter that runs: what applies now, what moves connections, what waits.

use super::table::{Applies, TABLE};
use super::{Fault, Problem, Settings, path};

/// Other settings for an adapter that runs.
#[derive(Debug, Clone)]
pub struct Change {
    /// The settings that hold from now on: the new ones, but for those that wait.
    pub settings: Settings,
    /// Whether the region is to be reached in another way, or as another client: connections follow by succession.
    pub moves: bool,
    /// The keys that wait for the next start, as operators find them in their document.
    pub waiting: Vec<String>,
}

impl Change {
    /// From the settings that hold, and those that were handed over. Credentials, proxy and trust are those of a region:
    /// with another region they wait as it does, so that the one hears nothing of the secrets of the other.
    #[must_use]
    pub fn between(running: &Settings, wanted: &Settings) -> Self {
        let is_same_region = running.region == wanted.region;
        let waits = |applies| match applies {
            Applies::Live => false,
            Applies::Succession => !is_same_region,
            Applies::Start => true,
        };
        let others = || {
            TABLE
                .iter()
                .filter(move |row| !row.is_same(running, wanted))
        };
        let way = if is_same_region { wanted } else { running };
        Self {
            settings: Settings {
                adapter_name: running.adapter_name.clone(),
                startup: running.startup,
                data_source: running.data_source.clone(),
                region: running.region.clone(),
                client_id: way.client_id.clone(),
                client_secret: way.client_secret.clone(),
                trust: way.trust.clone(),
                proxy: way.proxy.clone(),
                gap_ledger_file: running.gap_ledger_file.clone(),
                journal_directory: running.journal_directory.clone(),
                journal_max_age: running.journal_max_age,
                journal_max_bytes: running.journal_max_bytes,
                queue_max_events: running.queue_max_events,
                snapshot_cache_bytes: running.snapshot_cache_bytes,
                #[cfg(feature = "provoke")]
                provoke: running.provoke.clone(),
                ..wanted.clone()
            },
            moves: is_same_region && others().any(|row| row.applies == Applies::Succession),
            waiting: others()
                .filter(|row| waits(row.applies))
                .map(|row| path(row.place, row.key))
                .collect(),
        }
    }

    /// What an operator should know of each key that waits.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let warning = |key: &String| {
            let fault = Fault::new(
                "was changed, which applies when the adapter is started next; until then the old value holds",
                "To have it now, stop the adapter and start it again",
            );
            fault.of(key.clone())
        };
        self.waiting.iter().map(warning).collect()
    }
}
