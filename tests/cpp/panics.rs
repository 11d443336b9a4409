//! Panics inside the library stay inside, wherever they happen. Included by the test binaries, which define `LANE` and
//! `provoked_library` (built like the shipped one, with the feature `provoke`).

use crate::workshop::{Region, Workshop};

fn provoked(place: &str, region: Option<&Region>, told_by: &str) {
    let shop = Workshop::with(crate::LANE, crate::provoked_library());
    let program = shop.program("panic.c", &[]);
    let provoke = format!(r#","AdvancedSettings":{{"Provoke":"{place}"}}"#);
    let settings = |name: &str, more: &str| match region {
        Some(region) => shop.settings_for(
            name,
            &region.base_url,
            &region.client_id,
            &region.client_secret,
            more,
        ),
        None => shop.settings(name, more),
    };
    let (well, ill) = (settings("well", ""), settings("ill", &provoke));
    let said = shop.run(&program, &[&shop.library(), &well, &ill, told_by]);
    assert_eq!(said, format!("contained, told by: {told_by}\n"));
}

/// In the middle of a call of the host: with the lock held, the callbacks' threads running and no network yet.
#[test]
fn a_panic_in_a_call_is_contained() {
    provoked("start", None, "call");
}

#[test]
fn a_panic_in_the_session_is_contained() {
    provoked("session", None, "state");
}

#[test]
fn a_panic_in_the_calls_is_contained() {
    provoked("calls", Some(&Region::start()), "state");
}

/// On a network thread, with no lock held.
#[test]
fn a_panic_at_a_socket_is_contained() {
    provoked("socket", Some(&Region::start()), "state");
}

#[test]
fn a_panic_of_the_thread_that_hands_events_over_is_contained() {
    provoked("dispatcher", Some(&Region::start()), "state");
}

#[test]
fn a_panic_of_the_thread_that_hands_the_log_over_is_contained() {
    provoked("logger", Some(&Region::start()), "log");
}

/// In what starts everything else anew: the adapter says that it has failed, and can be started again.
#[test]
fn a_panic_of_the_supervisor_is_told_as_a_failure() {
    provoked("supervisor", None, "failed");
}
