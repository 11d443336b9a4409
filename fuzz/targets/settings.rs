//! The document of settings: any text. It is refused with problems that can be read and tell no secret, or taken; what is
//! taken is taken again as the status shows it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use genesys_cloud_adapter_fuzz::settings::{Settings, read, report, schema, shown};

/// Shorter ones may stand in a text by chance.
const SHORTEST_SECRET: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let document = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'));
    if names_a_file(text, document.as_ref().ok()) {
        return;
    }
    match read(text) {
        Ok(accepted) => {
            says_nothing_secret(text, document.as_ref().ok(), &report(&accepted.warnings));
            comes_again(&accepted.settings);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                assert!(
                    !problem.key.is_empty()
                        && !problem.wrong.is_empty()
                        && !problem.right.is_empty()
                );
            }
            says_nothing_secret(text, document.as_ref().ok(), &report(&problems));
        }
    }
});

/// A document may name a file, which is read. What lies on this machine is no input of a test.
fn names_a_file(text: &str, document: Option<&Value>) -> bool {
    fn names(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains("file:"),
            Value::Array(list) => list.iter().any(names),
            Value::Object(members) => members.values().any(names),
            _ => false,
        }
    }
    // Of a member that is written twice the value tree shows one.
    text.contains("file:") || text.contains('\\') || document.is_some_and(names)
}

/// The secrets of the document stand in no problem.
fn says_nothing_secret(text: &str, document: Option<&Value>, said: &str) {
    for key in ["ClientSecret", "ProxyPassword"] {
        let secret = document.and_then(|document| document.get(key)?.as_str());
        says_not(secret, text, said);
    }
}

fn says_not(secret: Option<&str>, text: &str, said: &str) {
    if let Some(secret) = secret
        && secret.len() >= SHORTEST_SECRET
        && !secret.starts_with("env:")
        && text.matches(secret).count() == 1
        && !schema().contains(secret)
    {
        assert!(!said.contains(secret), "told: {said}");
    }
}

/// What the status shows is a document that says the same.
fn comes_again(settings: &Settings) {
    let secret = settings.client_secret.expose_secret();
    if secret == "***" || secret.starts_with("env:") || secret.starts_with("file:") {
        return;
    }
    let mut document = shown(settings);
    document["ClientSecret"] = secret.into();
    if let Some((_, password)) = settings
        .proxy
        .as_ref()
        .and_then(|proxy| proxy.credentials.as_ref())
    {
        let password = password.expose_secret();
        if password.starts_with("env:") || password.starts_with("file:") {
            return;
        }
        document["ProxyPassword"] = password.into();
    }
    match read(&document.to_string()) {
        Ok(again) => assert_eq!(shown(&again.settings), shown(settings)),
        Err(problems) => panic!("{document} was taken and is refused: {}", report(&problems)),
    }
}
