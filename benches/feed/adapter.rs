//! The shipped library, loaded as a recorder loads it, and a host that does nothing but count.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use genesys_cloud_adapter::ffi::abi::{
    GCA_ABI_VERSION, GCA_TAKEN, gca_api, gca_event, gca_event_kind, gca_handle, gca_host,
    gca_status,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The library, loaded; no adapter exists yet.
#[derive(Clone, Copy)]
pub(crate) struct Library(&'static gca_api);

impl Library {
    pub(crate) fn load(path: &Path) -> Self {
        // SAFETY: the library is this project's own, built by `cargo xtask bench`; its initialisers do nothing else
        // than those of Rust's standard library. It is never unloaded, so what it hands out stays valid.
        let library = Box::leak(Box::new(
            unsafe { libloading::Library::new(path) }.expect("the library"),
        ));
        // SAFETY: `gca_get_api` has this signature in every version of the interface.
        let api = unsafe {
            let get = library
                .get::<unsafe extern "C" fn(u32) -> *const gca_api>(b"gca_get_api\0")
                .expect("gca_get_api");
            get(GCA_ABI_VERSION).as_ref()
        };
        Self(api.expect("version 1 of the interface"))
    }
}

/// A running adapter.
pub(crate) struct Adapter {
    api: &'static gca_api,
    handle: gca_handle,
    host: &'static Host,
}

/// What the callback keeps.
#[derive(Default)]
struct Host {
    seen: Mutex<Seen>,
    more: Condvar,
}

#[derive(Default)]
struct Seen {
    events: usize,
    lost: usize,
    /// Since when the last presence that was told has been one, by the platform's clock.
    presence_ms: i64,
    is_timing: bool,
    /// Microseconds from arrival to callback.
    times: Vec<i64>,
}

impl Adapter {
    /// Starts an adapter on the pump at `port`, and waits until its feed is up.
    pub(crate) fn start(library: Library, port: u16, snapshot_cache_mib: u32) -> Self {
        Self::started(library, port, snapshot_cache_mib, "")
    }

    /// The same, with a journal in the directory.
    pub(crate) fn start_with_journal(
        library: Library,
        port: u16,
        snapshot_cache_mib: u32,
        directory: &Path,
    ) -> Self {
        let directory = directory.to_str().expect("a name in UTF-8");
        Self::started(library, port, snapshot_cache_mib, directory)
    }

    fn started(library: Library, port: u16, snapshot_cache_mib: u32, journal: &str) -> Self {
        let api = library.0;
        let host: &'static Host = Box::leak(Box::default());
        let callbacks = gca_host {
            size: size_of::<gca_host>() as u32,
            reserved: 0,
            user: std::ptr::from_ref(host).cast_mut().cast(),
            on_event: Some(on_event),
            on_state: None,
            on_log: None,
            on_drop: None,
        };
        let mut handle = 0;
        // SAFETY: both pointers are valid for the call; `user` is never freed.
        done(unsafe { (api.create)(&raw const callbacks, &raw mut handle) });
        let settings = serde_json::json!({
            "AdapterName": "benchmark",
            "DataSource": "benchmark",
            "RegionHost": format!("http://127.0.0.1:{port}"),
            "ClientId": "benchmark",
            "ClientSecret": "benchmark",
            "AdvancedSettings": {
                "SnapshotCacheMiB": snapshot_cache_mib,
                "JournalDirectory": journal,
            },
        })
        .to_string();
        // SAFETY: pointer and length are those of a text that lives through the call.
        done(unsafe { (api.configure)(handle, settings.as_ptr().cast(), settings.len()) });
        done((api.start)(handle));
        let adapter = Self { api, handle, host };
        adapter.wait_until(|status| status["feed"] == "up");
        adapter
    }

    /// Events that came so far.
    pub(crate) fn events(&self) -> usize {
        self.host.seen().events
    }

    /// Waits for the event of a presence: all notifications before its own were read then, and their events taken.
    pub(crate) fn wait_for_presence(&self, modified_ms: i64) {
        let (seen, _) = self
            .host
            .more
            .wait_timeout_while(self.host.seen(), PATIENCE, |seen| {
                seen.presence_ms != modified_ms
            })
            .expect("no panic elsewhere");
        assert_eq!(
            seen.presence_ms, modified_ms,
            "the adapter did not tell of the last notification"
        );
        assert_eq!(seen.lost, 0, "the adapter lost events");
    }

    /// From now on times from arrival to callback are kept.
    pub(crate) fn begin_timing(&self) {
        self.host.seen().is_timing = true;
    }

    /// The times since then, in microseconds.
    pub(crate) fn end_timing(&self) -> Vec<i64> {
        let mut seen = self.host.seen();
        seen.is_timing = false;
        std::mem::take(&mut seen.times)
    }

    /// Waits until the status document says so, and returns it.
    pub(crate) fn wait_until(&self, is: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if is(&status) {
                return status;
            }
            assert!(
                std::time::Instant::now() < until,
                "it did not come to what was waited for: {status}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn status(&self) -> serde_json::Value {
        let mut text = vec![0_u8; 64 * 1024];
        let mut needed = 0;
        // SAFETY: pointer and length are those of a buffer that lives through the call.
        done(unsafe {
            (self.api.status_json)(
                self.handle,
                text.as_mut_ptr().cast(),
                text.len(),
                &raw mut needed,
            )
        });
        serde_json::from_slice(&text[..needed]).expect("the status document")
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        (self.api.destroy)(self.handle);
    }
}

impl Host {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic elsewhere")
    }
}

fn done(status: gca_status) {
    assert_eq!(status, gca_status::GCA_OK);
}

unsafe extern "C" fn on_event(user: *mut c_void, event: *const gca_event) -> u32 {
    // SAFETY: `user` is the leaked `Host`, and the event lives through the callback.
    let (host, event) = unsafe { (&*user.cast::<Host>(), &*event) };
    let mut seen = host.seen();
    seen.events += 1;
    match event.kind {
        gca_event_kind::GCA_EVENT_AGENT_PRESENCE => {
            seen.presence_ms = event.platform_time_us / 1_000;
            host.more.notify_all();
        }
        gca_event_kind::GCA_EVENT_LOST => seen.lost += 1,
        _ if seen.is_timing => {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_micros());
            seen.times.push(now as i64 - event.received_time_us);
        }
        _ => {}
    }
    GCA_TAKEN
}
