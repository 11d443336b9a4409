//! Panics on demand, so that their containment can be proved on a library that is otherwise the shipped one. Without
//! the feature `provoke` nothing of it is in the library.

#[cfg(feature = "provoke")]
pub(super) use armed::{Provoke, ProvokedHost};

#[cfg(feature = "provoke")]
mod armed {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    use crate::delivery::{Host, LogLine, Offer, Verdict};
    use crate::model::feed::StateReport;
    use crate::settings::Settings;

    /// Panics at the place that the settings name, once a start.
    #[derive(Default)]
    pub(in crate::adapter) struct Provoke {
        place: Option<String>,
        done: AtomicBool,
    }

    impl Provoke {
        pub(in crate::adapter) fn new(settings: &Settings) -> Self {
            Self {
                place: settings.provoke.clone(),
                done: AtomicBool::new(false),
            }
        }

        #[expect(clippy::panic, reason = "that is what it is for; never shipped")]
        pub(in crate::adapter) fn at(&self, place: &str) {
            if self.place.as_deref() == Some(place) && !self.done.swap(true, Ordering::Relaxed) {
                panic!("provoked in {place}");
            }
        }
    }

    /// The host, behind a panic on the thread that calls it.
    pub(in crate::adapter) struct ProvokedHost {
        host: Arc<dyn Host>,
        provoke: Mutex<Arc<Provoke>>,
    }

    impl ProvokedHost {
        pub(in crate::adapter) fn new(host: Arc<dyn Host>) -> Self {
            Self {
                host,
                provoke: Mutex::default(),
            }
        }

        pub(in crate::adapter) fn arm(&self, provoke: &Arc<Provoke>) {
            *self.provoke.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(provoke);
        }

        fn at(&self, place: &str) {
            let lock = self.provoke.lock().unwrap_or_else(PoisonError::into_inner);
            let provoke = Arc::clone(&lock);
            drop(lock);
            provoke.at(place);
        }
    }

    impl Host for ProvokedHost {
        fn on_event(&self, offer: &Offer<'_>) -> Verdict {
            self.at("dispatcher");
            self.host.on_event(offer)
        }

        fn on_state(&self, report: &StateReport) {
            self.host.on_state(report);
        }

        fn on_log(&self, line: &LogLine) {
            self.at("logger");
            self.host.on_log(line);
        }

        fn on_drop(&self) {
            self.host.on_drop();
        }
    }
}

/// Does nothing.
#[cfg(not(feature = "provoke"))]
pub(super) struct Provoke;

#[cfg(not(feature = "provoke"))]
impl Provoke {
    pub(super) fn new(_settings: &crate::settings::Settings) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the same call in both builds")]
    pub(super) fn at(&self, _place: &str) {}
}
