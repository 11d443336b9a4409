//! A host that does everything wrong, through the exported functions: it gets a status, never a crash or a hang.
//!
//! No region is needed: an adapter that cannot reach one says so by a state, and by an event in its feed.

#![allow(unsafe_code, clippy::unwrap_used, clippy::panic)]

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use genesys_cloud_adapter::ffi::abi::*;
use genesys_cloud_adapter::ffi::adapter::*;
use genesys_cloud_adapter::ffi::api::*;
use genesys_cloud_adapter::ffi::event::gca_event_json;

const LONG: Duration = Duration::from_secs(30);

/// Calls that a host makes from inside a callback, and what they were answered.
type Meddle = fn(&Host) -> Vec<gca_status>;

/// What a host's `user` points to. Freed by nobody but the test, so that a late callback would be seen, not crash.
#[derive(Default)]
struct Host {
    handle: AtomicU64,
    events: AtomicUsize,
    states: AtomicUsize,
    lines: AtomicUsize,
    drops: AtomicUsize,
    after_drop: AtomicUsize,
    answer: AtomicU32,
    /// While set, `on_event` stays inside.
    block: AtomicBool,
    gate: Mutex<Gate>,
    changed: Condvar,
    /// Called once from inside the first callback of each kind.
    inside: Mutex<Option<Meddle>>,
    answers: Mutex<Vec<(&'static str, Vec<gca_status>)>>,
    /// The other adapter, for hosts that meddle.
    other: AtomicU64,
}

#[derive(Default)]
struct Gate {
    inside: usize,
    let_go: bool,
}

impl Host {
    fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LONG;
        while !condition(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn called(&self, name: &'static str) {
        if self.drops.load(Ordering::SeqCst) > 0 {
            self.after_drop.fetch_add(1, Ordering::SeqCst);
        }
        let inside = *self.inside.lock().unwrap();
        if let Some(inside) = inside {
            let mut answers = self.answers.lock().unwrap();
            if !answers.iter().any(|(told, _)| *told == name) {
                let told = inside(self);
                answers.push((name, told));
            }
        }
    }

    fn is_inside(&self) -> bool {
        self.gate.lock().unwrap().inside > 0
    }

    fn let_go(&self) {
        self.gate.lock().unwrap().let_go = true;
        self.changed.notify_all();
    }
}

unsafe extern "C" fn on_event(user: *mut c_void, event: *const gca_event) -> u32 {
    // SAFETY: `user` is a leaked Host.
    let host = unsafe { &*user.cast::<Host>() };
    host.called("on_event");
    // SAFETY: the event in hand.
    assert_eq!(unsafe { (*event).size } as usize, size_of::<gca_event>());
    if host.block.load(Ordering::SeqCst) {
        let mut gate = host.gate.lock().unwrap();
        gate.inside += 1;
        while !gate.let_go {
            gate = host.changed.wait(gate).unwrap();
        }
        gate.inside -= 1;
    }
    host.events.fetch_add(1, Ordering::SeqCst);
    host.answer.load(Ordering::SeqCst)
}

unsafe extern "C" fn on_state(user: *mut c_void, _: *const gca_state) {
    // SAFETY: `user` is a leaked Host.
    let host = unsafe { &*user.cast::<Host>() };
    host.called("on_state");
    host.states.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn on_log(user: *mut c_void, _: *const gca_log) {
    // SAFETY: `user` is a leaked Host.
    let host = unsafe { &*user.cast::<Host>() };
    host.called("on_log");
    host.lines.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn on_drop(user: *mut c_void) {
    // SAFETY: `user` is a leaked Host.
    let host = unsafe { &*user.cast::<Host>() };
    host.called("on_drop");
    assert!(!host.is_inside(), "on_drop while a callback is inside");
    host.drops.fetch_add(1, Ordering::SeqCst);
}

fn gca_host_of(host: &'static Host) -> gca_host {
    gca_host {
        size: size_of::<gca_host>() as u32,
        reserved: 0,
        user: std::ptr::from_ref(host).cast_mut().cast(),
        on_event: Some(on_event),
        on_state: Some(on_state),
        on_log: Some(on_log),
        on_drop: Some(on_drop),
    }
}

/// Settings that are good, for a region on a port where nobody listens.
fn settings(name: &str) -> String {
    format!(
        r#"{{"AdapterName":"{name}","DataSource":"d","ClientId":"i","ClientSecret":"s",
            "RegionHost":"http://127.0.0.1:9","AdvancedSettings":{{"LogLevel":"Trace"}}}}"#
    )
}

fn create() -> (&'static Host, gca_handle) {
    let host: &'static Host = Box::leak(Box::default());
    let table = gca_host_of(host);
    let mut handle = 0;
    // SAFETY: a host and a place for the handle.
    let made = unsafe { gca_create(&raw const table, &raw mut handle) };
    assert_eq!(made, gca_status::GCA_OK);
    assert_ne!(handle, 0);
    host.handle.store(handle, Ordering::SeqCst);
    (host, handle)
}

fn configure(handle: gca_handle, document: &str) -> gca_status {
    // SAFETY: a text and its length.
    unsafe { gca_configure(handle, document.as_ptr().cast(), document.len()) }
}

fn started(name: &str) -> (&'static Host, gca_handle) {
    let (host, handle) = create();
    assert_eq!(
        configure(handle, &settings(name)),
        gca_status::GCA_OK,
        "{}",
        last_error(handle)
    );
    assert_eq!(
        gca_start(handle),
        gca_status::GCA_OK,
        "{}",
        last_error(handle)
    );
    (host, handle)
}

fn copied(
    call: impl Fn(*mut c_char, usize, *mut usize) -> gca_status,
) -> Result<String, gca_status> {
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let mut needed = 0;
        let pointer = if buffer.is_empty() {
            std::ptr::null_mut()
        } else {
            buffer.as_mut_ptr()
        };
        match call(pointer.cast(), buffer.len(), &raw mut needed) {
            gca_status::GCA_OK => {
                buffer.truncate(needed);
                return Ok(String::from_utf8(buffer).unwrap());
            }
            gca_status::GCA_ERR_BUFFER if needed > buffer.len() => buffer.resize(needed, 0),
            other => return Err(other),
        }
    }
}

fn last_error(handle: gca_handle) -> String {
    // SAFETY: a buffer and its length.
    copied(|buf, cap, needed| unsafe { gca_last_error(handle, buf, cap, needed) }).unwrap()
}

fn status(handle: gca_handle) -> Result<serde_json::Value, gca_status> {
    // SAFETY: a buffer and its length.
    copied(|buf, cap, needed| unsafe { gca_status_json(handle, buf, cap, needed) })
        .map(|text| serde_json::from_str(&text).unwrap())
}

fn erase(handle: gca_handle, what: u32, id: &str) -> gca_status {
    // SAFETY: a text and its length.
    unsafe { gca_erase(handle, what, id.as_ptr().cast(), id.len()) }
}

/// The report of a check; the text is asked for twice, the network once.
fn check(handle: gca_handle, timeout_ms: u32) -> Result<serde_json::Value, gca_status> {
    let mut timeout = timeout_ms;
    let mut buffer = vec![0_u8; 64];
    loop {
        let mut needed = 0;
        let (pointer, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: a buffer and its length.
        let answer = unsafe { gca_check(handle, timeout, pointer, room, &raw mut needed) };
        match answer {
            gca_status::GCA_OK => return Ok(serde_json::from_slice(&buffer[..needed]).unwrap()),
            gca_status::GCA_ERR_BUFFER => buffer.resize(needed, 0),
            other => return Err(other),
        }
        timeout = 0;
    }
}

fn metrics(handle: gca_handle) -> Result<String, gca_status> {
    // SAFETY: a buffer and its length.
    copied(|buf, cap, needed| unsafe { gca_metrics(handle, buf, cap, needed) })
}

#[test]
fn null_is_refused_everywhere() {
    let (host, handle) = create();
    let table = gca_host_of(host);
    // SAFETY: NULL is what is tested; what is not NULL is good.
    unsafe {
        let mut out = 7;
        assert_eq!(
            gca_create(std::ptr::null(), &raw mut out),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(out, 7, "written only on success");
        assert_eq!(
            gca_create(&raw const table, std::ptr::null_mut()),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(
            gca_configure(handle, std::ptr::null(), 0),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(
            gca_configure(handle, std::ptr::null(), 5),
            gca_status::GCA_ERR_ARGUMENT
        );
        let null: *mut c_char = std::ptr::null_mut();
        let nowhere = std::ptr::null_mut();
        assert_eq!(
            gca_status_json(handle, null, 10, nowhere),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(
            gca_status_json(handle, null, 0, nowhere),
            gca_status::GCA_ERR_BUFFER
        );
        assert_eq!(
            gca_metrics(handle, null, 10, nowhere),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(
            gca_metrics(handle, null, 0, nowhere),
            gca_status::GCA_ERR_BUFFER
        );
        assert_eq!(
            gca_settings_schema(null, 10, nowhere),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(
            gca_last_error(0, null, 10, nowhere),
            gca_status::GCA_ERR_ARGUMENT
        );
        assert_eq!(
            gca_event_json(std::ptr::null(), null, 0, nowhere),
            gca_status::GCA_ERR_ARGUMENT
        );
    }
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
    assert_eq!(
        host.drops.load(Ordering::SeqCst),
        1,
        "one adapter was made, one host is dropped"
    );
}

#[test]
fn a_handle_that_is_none_is_refused_everywhere() {
    let (_, dead) = create();
    assert_eq!(gca_destroy(dead), gca_status::GCA_OK);
    for handle in [0, 1, 2, u64::MAX, dead, dead ^ 1, dead ^ (1 << 32)] {
        let refused = gca_status::GCA_ERR_HANDLE;
        assert_eq!(configure(handle, &settings("nobody")), refused);
        assert_eq!(gca_start(handle), refused);
        assert_eq!(gca_stop(handle, 0), refused);
        assert_eq!(gca_restart(handle), refused);
        assert_eq!(gca_destroy(handle), refused);
        assert_eq!(gca_set_log_level(handle, 3), refused);
        assert_eq!(metrics(handle).unwrap_err(), refused);
        assert_eq!(check(handle, 1_000).unwrap_err(), refused);
        assert_eq!(erase(handle, 1, "c"), refused);
        assert_eq!(status(handle).unwrap_err(), refused);
        assert!(last_error(handle).starts_with("gca_status_json: the handle"));
    }
}

#[test]
fn what_is_to_be_erased_is_looked_at_before_the_journal_is() {
    let (_, handle) = create();
    assert_eq!(erase(handle, 1, "c"), gca_status::GCA_ERR_STATE);
    assert!(
        last_error(handle).contains("configure it first"),
        "{}",
        last_error(handle)
    );
    assert_eq!(configure(handle, &settings("erases")), gca_status::GCA_OK);
    for what in [0, 3, u32::MAX] {
        assert_eq!(erase(handle, what, "c"), gca_status::GCA_ERR_ARGUMENT);
        assert!(last_error(handle).contains("GCA_ERASE_USER (2)"));
    }
    assert_eq!(erase(handle, 1, ""), gca_status::GCA_ERR_ARGUMENT);
    // SAFETY: both are what the call must refuse without a look.
    unsafe {
        let none = std::ptr::null();
        assert_eq!(gca_erase(handle, 1, none, 1), gca_status::GCA_ERR_ARGUMENT);
        let no_text = b"\xff\xfe".as_ptr().cast();
        assert_eq!(
            gca_erase(handle, 1, no_text, 2),
            gca_status::GCA_ERR_ARGUMENT
        );
    }
    // There is no journal, and so nothing in it.
    assert_eq!(erase(handle, 1, "c"), gca_status::GCA_OK);
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    assert_eq!(erase(handle, 2, "u"), gca_status::GCA_OK);
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn a_call_in_the_wrong_state_says_so_and_changes_nothing() {
    let (host, handle) = create();
    assert_eq!(gca_start(handle), gca_status::GCA_ERR_STATE);
    assert!(
        last_error(handle).contains("configure it first"),
        "{}",
        last_error(handle)
    );
    assert_eq!(gca_stop(handle, 0), gca_status::GCA_OK, "stopped already");
    assert_eq!(gca_restart(handle), gca_status::GCA_ERR_STATE);
    assert!(
        last_error(handle).contains("start it"),
        "{}",
        last_error(handle)
    );
    assert_eq!(configure(handle, &settings("states")), gca_status::GCA_OK);
    assert_eq!(gca_restart(handle), gca_status::GCA_ERR_STATE);
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    assert_eq!(gca_start(handle), gca_status::GCA_ERR_STATE);
    assert_eq!(
        configure(handle, &settings("states")),
        gca_status::GCA_OK,
        "it goes on"
    );
    assert_eq!(configure(handle, "{}"), gca_status::GCA_ERR_SETTINGS);
    assert_eq!(gca_restart(handle), gca_status::GCA_OK);
    assert_eq!(status(handle).unwrap()["adapter"], "states");
    host.until("an event", |host| host.events.load(Ordering::SeqCst) > 0);
    assert_eq!(
        gca_stop(handle, 30_000),
        gca_status::GCA_OK,
        "{}",
        last_error(handle)
    );
    assert_eq!(gca_restart(handle), gca_status::GCA_ERR_STATE);
    assert_eq!(configure(handle, &settings("states")), gca_status::GCA_OK);
    let first = status(handle).unwrap()["delivery"]["feed_id"].clone();
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    assert_ne!(
        status(handle).unwrap()["delivery"]["feed_id"],
        first,
        "a new feed"
    );
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK, "stops by itself");
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
    assert_eq!(host.after_drop.load(Ordering::SeqCst), 0);
}

#[test]
fn bad_settings_are_told_all_at_once_and_change_nothing() {
    let (_, handle) = create();
    assert_eq!(configure(handle, &settings("good")), gca_status::GCA_OK);
    assert_eq!(
        configure(handle, r#"{"AdapterName":"","Wrong":1}"#),
        gca_status::GCA_ERR_SETTINGS
    );
    let told = last_error(handle);
    for key in [
        "AdapterName",
        "Wrong",
        "ClientId",
        "ClientSecret",
        "RegionHost",
        "DataSource",
    ] {
        assert!(told.contains(key), "{key} is missing in {told}");
    }
    assert_eq!(status(handle).unwrap()["adapter"], "good");
    for junk in ["", "{", "null", "[1]", "\u{0}", "{\"a\":"] {
        assert_eq!(
            configure(handle, junk),
            gca_status::GCA_ERR_SETTINGS,
            "{junk:?}"
        );
    }
    // SAFETY: bytes and their length; that they are no UTF-8 is what is tested.
    let latin = unsafe { gca_configure(handle, b"{\"\xe4\":1}".as_ptr().cast(), 7) };
    assert_eq!(latin, gca_status::GCA_ERR_ARGUMENT);
    // SAFETY: not read: the length is refused before.
    let endless = unsafe { gca_configure(handle, b"{}".as_ptr().cast(), usize::MAX) };
    assert_eq!(endless, gca_status::GCA_ERR_ARGUMENT);
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn a_name_belongs_to_one_adapter_whatever_its_case() {
    let (_, first) = create();
    let (_, second) = create();
    assert_eq!(configure(first, &settings("Ostend")), gca_status::GCA_OK);
    assert_eq!(
        configure(first, &settings("Ostend")),
        gca_status::GCA_OK,
        "its own name"
    );
    assert_eq!(
        configure(second, &settings("OSTEND")),
        gca_status::GCA_ERR_SETTINGS
    );
    assert!(
        last_error(second).contains("AdapterName"),
        "{}",
        last_error(second)
    );
    assert_eq!(gca_destroy(first), gca_status::GCA_OK);
    assert_eq!(configure(second, &settings("OSTEND")), gca_status::GCA_OK);
    assert_eq!(gca_destroy(second), gca_status::GCA_OK);
}

#[test]
fn a_disabled_adapter_is_not_started() {
    let (_, handle) = create();
    let document = settings("disabled").replace(
        r#""DataSource""#,
        r#""StartupType":"Disabled","DataSource""#,
    );
    assert_eq!(configure(handle, &document), gca_status::GCA_OK);
    assert_eq!(gca_start(handle), gca_status::GCA_ERR_DISABLED);
    assert!(last_error(handle).contains("StartupType"));
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn a_log_level_is_a_number_from_1_to_5() {
    let (_, handle) = create();
    for level in 1..=5 {
        assert_eq!(gca_set_log_level(handle, level), gca_status::GCA_OK);
    }
    for level in [0, 6, u32::MAX] {
        assert_eq!(
            gca_set_log_level(handle, level),
            gca_status::GCA_ERR_ARGUMENT
        );
    }
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn a_last_error_belongs_to_its_thread_and_its_handle() {
    let (_, one) = create();
    let (_, two) = create();
    assert_eq!(gca_start(one), gca_status::GCA_ERR_STATE);
    assert_eq!(gca_set_log_level(two, 9), gca_status::GCA_ERR_ARGUMENT);
    assert!(last_error(one).starts_with("gca_start: "));
    assert!(last_error(two).starts_with("gca_set_log_level: "));
    assert_eq!(last_error(0), last_error(two), "the last of any");
    assert_eq!(gca_set_log_level(two, 3), gca_status::GCA_OK);
    assert!(!last_error(two).is_empty(), "success does not wipe it");
    std::thread::spawn(move || assert_eq!(last_error(one), ""))
        .join()
        .unwrap();
    let mut byte = [b'?'];
    let mut needed = 0;
    // SAFETY: a buffer of one byte.
    let short = unsafe { gca_last_error(one, byte.as_mut_ptr().cast(), 1, &raw mut needed) };
    assert_eq!((short, byte), (gca_status::GCA_ERR_BUFFER, *b"?"));
    assert!(
        last_error(one).starts_with("gca_start: "),
        "asking is not failing"
    );
    assert_eq!(gca_destroy(one), gca_status::GCA_OK);
    assert_eq!(gca_destroy(two), gca_status::GCA_OK);
}

#[test]
fn asking_for_a_length_does_not_displace_the_last_error() {
    let (_, handle) = create();
    assert_eq!(configure(handle, "{}"), gca_status::GCA_ERR_SETTINGS);
    let (short, mut needed) = (std::ptr::null_mut(), 0);
    // SAFETY: no buffer, and a length to write to.
    let asked = unsafe { gca_status_json(handle, short, 0, &raw mut needed) };
    assert_eq!(asked, gca_status::GCA_ERR_BUFFER);
    // SAFETY: as above.
    let asked = unsafe { gca_settings_schema(short, 0, &raw mut needed) };
    assert_eq!(asked, gca_status::GCA_ERR_BUFFER);
    for of in [handle, 0] {
        let text = last_error(of);
        assert!(text.starts_with("gca_configure: "), "{text}");
    }
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn metrics_are_told_in_every_life_and_a_buffer_that_is_too_small_is_left_alone() {
    let (host, handle) = create();
    let has = |line: &str| {
        let text = metrics(handle).unwrap();
        assert!(
            text.lines().any(|told| told == line),
            "lacks {line}:\n{text}"
        );
    };
    has(r#"gca_life{adapter="",life="created"} 1"#);
    assert_eq!(
        configure(handle, &settings("counted\\\\here")),
        gca_status::GCA_OK
    );
    has(r#"gca_life{adapter="counted\\here",life="configured"} 1"#);
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    host.until("an event", |host| host.events.load(Ordering::SeqCst) > 0);
    has(r#"gca_feed{adapter="counted\\here",feed="up"} 0"#);
    assert_eq!(gca_stop(handle, 30_000), gca_status::GCA_OK);
    let length = metrics(handle).unwrap().len();
    let mut short = vec![b'#'; length];
    let mut needed = 0;
    // SAFETY: one byte less than is needed is offered, of a buffer that has them all.
    let asked = unsafe {
        gca_metrics(
            handle,
            short.as_mut_ptr().cast(),
            length - 1,
            &raw mut needed,
        )
    };
    assert_eq!((asked, needed), (gca_status::GCA_ERR_BUFFER, length));
    assert!(short.iter().all(|byte| *byte == b'#'), "left untouched");
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn a_check_reports_in_any_life_and_again_without_another_check() {
    let (_, handle) = create();
    assert_eq!(check(handle, 1_000).unwrap_err(), gca_status::GCA_ERR_STATE);
    assert!(last_error(handle).contains("configure it first"));
    assert_eq!(configure(handle, &settings("checked")), gca_status::GCA_OK);
    assert_eq!(check(handle, 0).unwrap_err(), gca_status::GCA_ERR_STATE);
    let report = check(handle, 20_000).unwrap();
    assert_eq!(
        (&report["result"], &report["adapter"]),
        (&"failed".into(), &"checked".into()),
        "{report}"
    );
    let first = &report["checks"][0];
    assert_eq!(
        (&first["check"], &first["host"]),
        (&"connection".into(), &"127.0.0.1".into())
    );
    assert!(
        first["seen"].as_str().unwrap().contains("refused"),
        "{first}"
    );
    assert!(
        first["todo"].as_str().unwrap().contains("RegionHost"),
        "{first}"
    );
    assert_eq!(check(handle, 0).unwrap(), report, "the same report");
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    assert_eq!(check(handle, 20_000).unwrap()["result"], "failed");
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn from_inside_any_callback_orders_are_refused_and_questions_answered() {
    let (host, handle) = create();
    assert_eq!(configure(handle, &settings("inside")), gca_status::GCA_OK);
    *host.inside.lock().unwrap() = Some(|host| {
        let handle = host.handle.load(Ordering::SeqCst);
        vec![
            gca_start(handle),
            gca_stop(handle, 1_000),
            configure(handle, "{}"),
            gca_destroy(handle),
            check(handle, 1_000).unwrap_err(),
            // Also for a handle that is none: the place is wrong before the handle is.
            gca_stop(0, 0),
            gca_restart(handle),
            erase(handle, 1, "c"),
            gca_set_log_level(handle, 5),
            metrics(handle).map_or_else(|refused| refused, |_| gca_status::GCA_OK),
        ]
    });
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    host.until("an event, a state and a line", |host| {
        host.answers.lock().unwrap().len() == 3
    });
    assert!(status(handle).is_ok());
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
    let answers = host.answers.lock().unwrap();
    assert_eq!(answers.len(), 4);
    for (callback, answers) in answers.iter() {
        assert_eq!(&answers[..8], [gca_status::GCA_ERR_STATE; 8], "{callback}");
        let question = if *callback == "on_drop" {
            gca_status::GCA_ERR_HANDLE
        } else {
            gca_status::GCA_OK
        };
        assert_eq!(&answers[8..], [question; 2], "{callback}");
    }
}

#[test]
fn two_adapters_that_stop_each_other_from_their_callbacks_are_both_refused() {
    let (one, first) = create();
    let (two, second) = create();
    one.other.store(second, Ordering::SeqCst);
    two.other.store(first, Ordering::SeqCst);
    for (host, handle, name) in [(one, first, "mutual 1"), (two, second, "mutual 2")] {
        *host.inside.lock().unwrap() = Some(|host| {
            let other = host.other.load(Ordering::SeqCst);
            vec![gca_stop(other, 60_000), gca_destroy(other)]
        });
        assert_eq!(configure(handle, &settings(name)), gca_status::GCA_OK);
    }
    let began = Instant::now();
    assert_eq!(gca_start(first), gca_status::GCA_OK);
    assert_eq!(gca_start(second), gca_status::GCA_OK);
    for host in [one, two] {
        host.until("all its callbacks", |host| {
            host.answers.lock().unwrap().len() == 3
        });
    }
    assert_eq!(gca_destroy(first), gca_status::GCA_OK);
    assert_eq!(gca_destroy(second), gca_status::GCA_OK);
    // Each of the stops that they ask for would wait for a minute.
    assert!(began.elapsed() < Duration::from_secs(60));
    for host in [one, two] {
        for (callback, answers) in host.answers.lock().unwrap().iter().take(3) {
            assert_eq!(answers[..], [gca_status::GCA_ERR_STATE; 2], "{callback}");
        }
    }
}

#[test]
fn an_answer_that_is_none_is_later_and_the_feed_stays_in_order() {
    let (host, handle) = create();
    host.answer.store(0xdead_beef, Ordering::SeqCst);
    assert_eq!(configure(handle, &settings("garbage")), gca_status::GCA_OK);
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    host.until("offered again", |host| {
        host.events.load(Ordering::SeqCst) > 3
    });
    let now = status(handle).unwrap();
    assert_eq!(now["delivery"]["sequence"], 1);
    assert!(now["counters"]["answers_unknown"].as_u64().unwrap() >= 3);
    host.answer.store(GCA_TAKEN, Ordering::SeqCst);
    host.until("taken", |_| {
        status(handle).unwrap()["counters"]["events"]["feed_state"].as_u64() > Some(0)
    });
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn a_stop_that_ran_out_of_time_is_finished_by_a_later_one() {
    let (host, handle) = create();
    host.block.store(true, Ordering::SeqCst);
    assert_eq!(
        configure(handle, &settings("slow stop")),
        gca_status::GCA_OK
    );
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    host.until("inside", Host::is_inside);
    let asked = Instant::now();
    assert_eq!(gca_stop(handle, 200), gca_status::GCA_ERR_TIMEOUT);
    assert!(asked.elapsed() < LONG, "{:?}", asked.elapsed());
    assert!(
        last_error(handle).contains("on_event has not returned"),
        "{}",
        last_error(handle)
    );
    assert_eq!(status(handle).unwrap()["life"], "stopping");
    assert_eq!(gca_start(handle), gca_status::GCA_ERR_STATE);
    let (events, states) = (
        host.events.load(Ordering::SeqCst),
        host.states.load(Ordering::SeqCst),
    );
    host.let_go();
    assert_eq!(gca_stop(handle, 30_000), gca_status::GCA_OK);
    assert_eq!(
        host.events.load(Ordering::SeqCst),
        events + 1,
        "the one that was inside"
    );
    assert_eq!(
        host.states.load(Ordering::SeqCst),
        states,
        "none started after it"
    );
    assert_eq!(status(handle).unwrap()["life"], "configured");
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_destroy_that_ran_out_of_time_leaves_on_drop_to_the_thread_that_is_inside() {
    let (host, handle) = create();
    host.block.store(true, Ordering::SeqCst);
    assert_eq!(
        configure(handle, &settings("slow destroy")),
        gca_status::GCA_OK
    );
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    host.until("inside", Host::is_inside);
    let asked = Instant::now();
    assert_eq!(gca_destroy(handle), gca_status::GCA_ERR_TIMEOUT);
    let took = asked.elapsed();
    // It waits for 5 s; on a busy machine it may come back later than that, but not when the callback does.
    assert!(took < LONG, "{took:?}");
    assert_eq!(
        gca_stop(handle, 0),
        gca_status::GCA_ERR_HANDLE,
        "dead either way"
    );
    assert_eq!(host.drops.load(Ordering::SeqCst), 0);
    host.let_go();
    host.until("on_drop", |host| host.drops.load(Ordering::SeqCst) > 0);
    assert_eq!(host.drops.load(Ordering::SeqCst), 1);
    assert_eq!(host.after_drop.load(Ordering::SeqCst), 0);
}

#[test]
fn orders_from_many_threads_at_once_leave_one_dead_adapter_and_one_on_drop() {
    for round in 0..5 {
        let (host, handle) = started(&format!("crowd {round}"));
        std::thread::scope(|scope| {
            for thread in 0..6 {
                scope.spawn(move || {
                    for _ in 0..20 {
                        let answer = match thread {
                            0 => gca_start(handle),
                            1 => gca_stop(handle, 50),
                            2 => configure(handle, &settings(&format!("crowd {round}"))),
                            3 => gca_set_log_level(handle, 5),
                            4 => {
                                status(handle).map_or_else(|answer| answer, |_| gca_status::GCA_OK)
                            }
                            _ => {
                                std::thread::sleep(Duration::from_millis(30));
                                gca_destroy(handle)
                            }
                        };
                        assert_ne!(answer, gca_status::GCA_ERR_PANIC, "{}", last_error(handle));
                    }
                });
            }
        });
        assert_eq!(gca_destroy(handle), gca_status::GCA_ERR_HANDLE);
        host.until("on_drop", |host| host.drops.load(Ordering::SeqCst) == 1);
        assert_eq!(host.after_drop.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn a_host_with_nothing_but_on_event_is_served() {
    let host: &'static Host = Box::leak(Box::default());
    let mut table = gca_host_of(host);
    (table.on_state, table.on_log, table.on_drop) = (None, None, None);
    let mut handle = 0;
    // SAFETY: a host and a place for the handle.
    let made = unsafe { gca_create(&raw const table, &raw mut handle) };
    assert_eq!(made, gca_status::GCA_OK);
    assert_eq!(configure(handle, &settings("modest")), gca_status::GCA_OK);
    assert_eq!(gca_start(handle), gca_status::GCA_OK);
    host.until("an event", |host| host.events.load(Ordering::SeqCst) > 0);
    assert_eq!(gca_destroy(handle), gca_status::GCA_OK);
}

#[test]
fn the_schema_is_json() {
    // SAFETY: a buffer and its length.
    let schema =
        copied(|buf, cap, needed| unsafe { gca_settings_schema(buf, cap, needed) }).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(schema["properties"]["AdapterName"].is_object());
}
