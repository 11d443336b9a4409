//! What the settings promise to operators and hosts.

use std::io::Write as _;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::table::TABLE;
use super::*;

const CANARY: &str = "canary-7f3a9c41";

const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUDeLZ3m1rKoFDOrkWcWJBhyPSy4EwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTIyMTUzNjIxWhgPMjEy
NjEwMjkxNTM2MjFaMBkxFzAVBgNVBAMMDlRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEAW5DsRZSiXbGKWgylY1jFOpTTcZhxSdx1Or1Q6Pq
YCsqwtnjWjHdNnWkQhMFuIPXr1BWfTVaGrHarfYgH0WTe6NTMFEwHQYDVR0OBBYE
FORnAgZdbDK5yhQzA2/zJpnrtdwqMB8GA1UdIwQYMBaAFORnAgZdbDK5yhQzA2/z
JpnrtdwqMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAJFKCD4I
Yfpyu2bkgzdpMeDnyBsAgL4XPpFSvIQL2+gbAiBEyXzHYDSuNPeoKc/EeJ2wcYJu
g4Xd+jIASklG1eI1Jw==
-----END CERTIFICATE-----
";

/// A document with what is required, and `key` set to `value` where the table wants it.
fn with(key: &str, value: Value) -> String {
    let mut top: Map<String, Value> = serde_json::from_value(json!({
        "AdapterName": "Genesys EU",
        "DataSource": "Genesys Cloud",
        "ClientId": "1b2c",
        "ClientSecret": CANARY,
        "RegionHost": "eu-central-1",
    }))
    .unwrap();
    match TABLE.iter().find(|row| row.key == key).map(|row| row.place) {
        Some(Place::Advanced) => top.insert(ADVANCED.to_owned(), json!({ key: value })),
        _ => top.insert(key.to_owned(), value),
    };
    Value::from(top).to_string()
}

fn plainest() -> String {
    with("Description", json!(""))
}

fn accepted(document: &str) -> Accepted {
    read(document).unwrap_or_else(|problems| panic!("{document}\n{}", report(&problems)))
}

fn refused(document: &str) -> Vec<String> {
    let problems = read(document)
        .err()
        .unwrap_or_else(|| panic!("accepted: {document}"));
    problems.iter().map(Problem::to_string).collect()
}

fn warned(document: &str) -> Vec<String> {
    accepted(document)
        .warnings
        .iter()
        .map(Problem::to_string)
        .collect()
}

/// What a row takes and refuses.
struct Promise {
    key: &'static str,
    /// What the status shows if the key is not written; `None`: it must be.
    default: Option<Value>,
    /// Written value, and what the status shows then.
    good: Vec<(Value, Value)>,
    /// Written value, and the whole text of the problem.
    bad: Vec<(Value, &'static str)>,
}

fn promises() -> Vec<Promise> {
    let same = |value: &str| (json!(value), json!(value));
    let whole = |key, default: u64, min: u64, max: u64, bad| Promise {
        key,
        default: Some(json!(default)),
        good: vec![
            (json!(min), json!(min)),
            (json!(max), json!(max)),
            (json!(max.to_string()), json!(max)),
            (json!(format!(" {min}\n")), json!(min)),
            (json!(max as f64), json!(max)),
            (json!(""), json!(default)),
            (json!(" "), json!(default)),
            (Value::Null, json!(default)),
        ],
        bad,
    };
    vec![
        Promise {
            key: "AdapterName",
            default: None,
            good: vec![
                same("Genesys Cloud (EU) #1"),
                same("日本"),
                (json!("  a b "), json!("a b")),
            ],
            bad: vec![
                (
                    json!(""),
                    "AdapterName is empty. Write it: text without `< > & ' \" $` and control characters.",
                ),
                (
                    json!(" "),
                    "AdapterName is empty. Write it: text without `< > & ' \" $` and control characters.",
                ),
                (
                    Value::Null,
                    "AdapterName is empty. Write it: text without `< > & ' \" $` and control characters.",
                ),
                (
                    json!("a<b"),
                    "AdapterName holds the character `<`. Write a name without any of < > & ' \" $.",
                ),
                (
                    json!("a>b"),
                    "AdapterName holds the character `>`. Write a name without any of < > & ' \" $.",
                ),
                (
                    json!("a&b"),
                    "AdapterName holds the character `&`. Write a name without any of < > & ' \" $.",
                ),
                (
                    json!("a'b"),
                    "AdapterName holds the character `'`. Write a name without any of < > & ' \" $.",
                ),
                (
                    json!("a\"b"),
                    "AdapterName holds the character `\"`. Write a name without any of < > & ' \" $.",
                ),
                (
                    json!("a$b"),
                    "AdapterName holds the character `$`. Write a name without any of < > & ' \" $.",
                ),
                (
                    json!("a\u{7}b"),
                    "AdapterName holds a control character, perhaps a line break or a tab. Write it on one line.",
                ),
                (
                    json!(7),
                    "AdapterName is a number. Write text in quotation marks.",
                ),
            ],
        },
        Promise {
            key: "Description",
            default: Some(json!("")),
            good: vec![same("Site A\nbuilding <3>"), (Value::Null, json!(""))],
            bad: vec![(
                json!({}),
                "Description is an object. Write text in quotation marks.",
            )],
        },
        Promise {
            key: "AdapterType",
            default: Some(json!("Genesys Cloud CX API Adapter")),
            good: vec![
                same("Genesys Cloud CX API Adapter"),
                (json!(""), json!("Genesys Cloud CX API Adapter")),
            ],
            bad: vec![(
                json!("SIP Adapter"),
                "AdapterType cannot be changed. Leave it out, or write \"Genesys Cloud CX API Adapter\".",
            )],
        },
        Promise {
            key: "StartupType",
            default: Some(json!("Automatic")),
            good: vec![
                same("Automatic"),
                same("Manual"),
                same("Disabled"),
                (json!("disabled "), json!("Disabled")),
                (json!(""), json!("Automatic")),
            ],
            bad: vec![
                (
                    json!("Auto"),
                    "StartupType is `Auto`, which is none of its values. Write Automatic, Manual or Disabled.",
                ),
                (
                    json!(true),
                    "StartupType is true or false. Write Automatic, Manual or Disabled.",
                ),
            ],
        },
        Promise {
            key: "DataSource",
            default: None,
            good: vec![same("Genesys <Cloud> & more")],
            bad: vec![
                (
                    json!(""),
                    "DataSource is empty. Write it: text without control characters.",
                ),
                (
                    json!("a\tb"),
                    "DataSource holds a control character, perhaps a line break or a tab. Write it on one line.",
                ),
                (
                    json!([]),
                    "DataSource is a list. Write text in quotation marks.",
                ),
            ],
        },
        Promise {
            key: "ClientId",
            default: None,
            good: vec![
                same("0b6b1b1e-93d4-4f11-9b1c-0d7a5b0f3c55"),
                (json!(" x\n"), json!("x")),
            ],
            bad: vec![
                (
                    json!(""),
                    "ClientId is empty. Write it: text without blanks and colons.",
                ),
                (
                    json!("a:b"),
                    "ClientId holds a blank, a colon or a control character, which no client id does. \
                     Copy the client id again from the OAuth client in Genesys Cloud.",
                ),
                (
                    json!("a b"),
                    "ClientId holds a blank, a colon or a control character, which no client id does. \
                     Copy the client id again from the OAuth client in Genesys Cloud.",
                ),
            ],
        },
        Promise {
            key: "ClientSecret",
            default: None,
            good: vec![
                (json!("abc-DEF_123"), json!("***")),
                (json!("abc\r\n"), json!("***")),
            ],
            bad: vec![
                (
                    json!(""),
                    "ClientSecret is empty. Write it: the secret itself, `env:NAME` or `file:PATH`.",
                ),
                (
                    json!("***"),
                    "ClientSecret is `***`, which stands for a secret where settings are shown. \
                     Write the secret itself, `env:NAME` or `file:PATH`.",
                ),
                (
                    json!("two words"),
                    "ClientSecret holds a blank or a control character, which no client secret does. \
                     Copy the secret again from the OAuth client in Genesys Cloud, or name it: `env:NAME`, `file:PATH`.",
                ),
                (
                    json!(123456),
                    "ClientSecret is a number. Write text in quotation marks.",
                ),
            ],
        },
        Promise {
            key: "RegionHost",
            default: None,
            good: vec![
                (json!("eu-central-1"), json!("https://api.mypurecloud.de")),
                (json!(" EU_Central_1 "), json!("https://api.mypurecloud.de")),
                (
                    json!("http://127.0.0.1:8080/"),
                    json!("http://127.0.0.1:8080"),
                ),
            ],
            bad: vec![
                (
                    json!(""),
                    "RegionHost is empty. Write it: AWS region, domain or host.",
                ),
                (
                    json!("eu-centrel-1"),
                    "RegionHost is `eu-centrel-1`, which is no AWS region that this version knows. \
                     Did you mean `eu-central-1`.",
                ),
            ],
        },
        Promise {
            key: "UseClientProxy",
            default: Some(json!(false)),
            good: vec![
                (json!(false), json!(false)),
                (json!("false"), json!(false)),
                (json!("False"), json!(false)),
            ],
            bad: vec![
                (
                    json!(true),
                    "UseClientProxy is true, but this version connects directly and knows no proxy. \
                     Write false, and let the recorder's machine reach the region directly (TCP port 443).",
                ),
                (
                    json!("True"),
                    "UseClientProxy is true, but this version connects directly and knows no proxy. \
                     Write false, and let the recorder's machine reach the region directly (TCP port 443).",
                ),
                (json!("no"), "UseClientProxy is `no`. Write true or false."),
                (json!(0), "UseClientProxy is a number. Write true or false."),
            ],
        },
        whole(
            "RosterIntervalS",
            300,
            30,
            86_400,
            vec![
                (
                    json!(29),
                    "AdvancedSettings.RosterIntervalS is 29. Write a whole number of seconds from 30 to 86400.",
                ),
                (
                    json!("5 min"),
                    "AdvancedSettings.RosterIntervalS is `5 min`. Write a whole number of seconds from 30 to 86400.",
                ),
            ],
        ),
        whole(
            "RequestsPerMinute",
            270,
            10,
            300,
            vec![
                (
                    json!("301"),
                    "AdvancedSettings.RequestsPerMinute is `301`. Write a whole number of requests from 10 to 300.",
                ),
                (
                    json!(99.5),
                    "AdvancedSettings.RequestsPerMinute is 99.5. Write a whole number of requests from 10 to 300.",
                ),
            ],
        ),
        whole(
            "QueueMaxEvents",
            100_000,
            1_000,
            10_000_000,
            vec![
                (
                    json!(0),
                    "AdvancedSettings.QueueMaxEvents is 0. Write a whole number of events from 1000 to 10000000.",
                ),
                (
                    json!("99999999999999999999999"),
                    "AdvancedSettings.QueueMaxEvents is `99999999999999999999999`. \
                 Write a whole number of events from 1000 to 10000000.",
                ),
            ],
        ),
        whole(
            "RefusalsBeforeLost",
            0,
            0,
            1_000_000,
            vec![
                (
                    json!(-1),
                    "AdvancedSettings.RefusalsBeforeLost is -1. Write a whole number of refusals from 0 to 1000000.",
                ),
                (
                    json!(false),
                    "AdvancedSettings.RefusalsBeforeLost is true or false. \
                 Write a whole number of refusals from 0 to 1000000.",
                ),
            ],
        ),
        whole(
            "SnapshotCacheMiB",
            24,
            1,
            1_024,
            vec![(
                json!(1025),
                "AdvancedSettings.SnapshotCacheMiB is 1025. Write a whole number of MiB from 1 to 1024.",
            )],
        ),
        Promise {
            key: "AttributeAllow",
            default: Some(json!("")),
            good: vec![
                same("Language"),
                same("crm.*, Kundennummer Größe, a/b"),
                same("*"),
                (json!(" a,b ,c* "), json!("a, b, c*")),
                (Value::Null, json!("")),
            ],
            bad: vec![
                (
                    json!(","),
                    "AdvancedSettings.AttributeAllow has a comma with no key beside it. \
                     Write keys with commas between them; a `*` at the end of one stands for any ending.",
                ),
                (
                    json!("a, b,"),
                    "AdvancedSettings.AttributeAllow has a comma with no key beside it. \
                     Write keys with commas between them; a `*` at the end of one stands for any ending.",
                ),
                (
                    json!("a, b*c"),
                    "AdvancedSettings.AttributeAllow has a `*` before the end of `b*c`. \
                     Write keys with commas between them; a `*` at the end of one stands for any ending.",
                ),
                (
                    json!("a\nb"),
                    "AdvancedSettings.AttributeAllow holds a control character. Write it on one line.",
                ),
                (
                    json!(["a", "b"]),
                    "AdvancedSettings.AttributeAllow is a list. Write text in quotation marks.",
                ),
            ],
        },
        Promise {
            key: "AttributeMask",
            default: Some(json!("cards")),
            good: vec![
                same("cards"),
                same("none"),
                same(r"cards, /DE[0-9]{20}/"),
                same(r"cards, /a,b/, /c \/ d/, /e\\/, / f /"),
                same(r"cards, /[0-9]{3,4}/"),
                same(r"cards, /\bDE\d{20}\b/, /(?i)[\w.+-]+@[\w-]+\.\w{2,}/, /größe:? \p{Lu}+/"),
                (json!(" /a/,CARDS,cards "), json!("cards, /a/")),
                (json!("NONE"), json!("none")),
                (json!(" "), json!("cards")),
            ],
            bad: vec![
                (
                    json!("card"),
                    "AdvancedSettings.AttributeMask has `card`, which is neither a word nor a pattern. Write `none`, or `cards` and \
                     patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!("DE[0-9]{2,20}"),
                    "AdvancedSettings.AttributeMask has `DE[0-9]{2`, which is neither a word nor a pattern. Write `none`, or `cards` \
                     and patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!("cards /a/"),
                    "AdvancedSettings.AttributeMask has `cards /a/`, which is neither a word nor a pattern. Write `none`, or `cards` \
                     and patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!("cards,, /a/"),
                    "AdvancedSettings.AttributeMask has a comma with nothing beside it. Write `none`, or `cards` and \
                     patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!("cards, /a/,"),
                    "AdvancedSettings.AttributeMask has a comma with nothing beside it. Write `none`, or `cards` and \
                     patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!("cards, /a"),
                    "AdvancedSettings.AttributeMask has a pattern without its closing slash: `/a`. Write `none`, or `cards` and \
                     patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!(r"/a\/"),
                    "AdvancedSettings.AttributeMask has a pattern without its closing slash: `/a\\/`. Write `none`, or `cards` and \
                     patterns between slashes, with commas between them: `cards, /DE[0-9]{20}/`.",
                ),
                (
                    json!("/a/i, cards"),
                    "AdvancedSettings.AttributeMask has `i, cards` after the closing slash of `/a/`. Write `\\/` for a slash inside a \
                     pattern, `(?i)` at its beginning if case shall not matter, and a comma between patterns.",
                ),
                (
                    json!("/1[/]2/"),
                    "AdvancedSettings.AttributeMask has the pattern `/1[/`, which is wrong at its character 2: unclosed character \
                     class. Write a regular expression as the Rust crate `regex` knows it: without look-around and \
                     back-references, and with a backslash before a character that is meant as itself.",
                ),
                (
                    json!("cards, /ä(?=b)/"),
                    "AdvancedSettings.AttributeMask has the pattern `/ä(?=b)/`, which is wrong at its character 2: look-around, \
                     including look-ahead and look-behind, is not supported. Write a regular expression as the Rust \
                     crate `regex` knows it: without look-around and back-references, and with a backslash before a \
                     character that is meant as itself.",
                ),
                (
                    json!(r"/\p{Klingon}/"),
                    "AdvancedSettings.AttributeMask has the pattern `/\\p{Klingon}/`, which is wrong at its character 1: Unicode \
                     property not found. Write a regular expression as the Rust crate `regex` knows it: without \
                     look-around and back-references, and with a backslash before a character that is meant as itself.",
                ),
                (
                    json!("//"),
                    "AdvancedSettings.AttributeMask has the pattern `//`, which matches the empty text too. \
                     Write one that needs at least one character: `+` instead of `*` or `?`.",
                ),
                (
                    json!(r"/\b|a/"),
                    "AdvancedSettings.AttributeMask has the pattern `/\\b|a/`, which matches the empty text too. \
                     Write one that needs at least one character: `+` instead of `*` or `?`.",
                ),
                (
                    json!("/[a&&b]/"),
                    "AdvancedSettings.AttributeMask has the pattern `/[a&&b]/`, which can match no text at all. \
                     Correct it, or leave it out.",
                ),
                (
                    json!(r"/\w{1000}/"),
                    "AdvancedSettings.AttributeMask has the pattern `/\\w{1000}/`, which is too large once it is compiled. Write \
                     smaller numbers in `{}`, and `[0-9]` and `[A-Za-z]` instead of `\\d` and `\\w`, which stand for \
                     the digits and letters of all scripts.",
                ),
                (
                    json!("none, cards"),
                    "AdvancedSettings.AttributeMask has `none` beside other words or patterns. Write `none` alone, or leave it out.",
                ),
                (
                    json!("/\u{8}DE/"),
                    "AdvancedSettings.AttributeMask holds a control character. Write it on one line, and in JSON write each backslash \
                     of a pattern twice: `/\\\\bDE/`.",
                ),
                (
                    json!(true),
                    "AdvancedSettings.AttributeMask is true or false. Write text in quotation marks.",
                ),
            ],
        },
        Promise {
            key: "Trust",
            default: Some(json!("platform")),
            good: vec![
                same("platform"),
                same("system-roots"),
                (json!("Platform"), json!("platform")),
            ],
            bad: vec![
                (
                    json!("none"),
                    "AdvancedSettings.Trust is `none`, which is none of its values. \
                     Write `platform`, `system-roots` or `file:PATH`.",
                ),
                (
                    json!("file:/no/such/roots.pem"),
                    "AdvancedSettings.Trust names the file `/no/such/roots.pem`, which cannot be read \
                     (No such file or directory (os error 2)). \
                     Name a file of certificates in PEM that the account of the recorder can read.",
                ),
            ],
        },
        Promise {
            key: "LogLevel",
            default: Some(json!("info")),
            good: vec![
                same("error"),
                same("warn"),
                same("info"),
                same("debug"),
                same("trace"),
                (json!("INFO"), json!("info")),
            ],
            bad: vec![(
                json!("verbose"),
                "AdvancedSettings.LogLevel is `verbose`, which is none of its values. \
                 Write error, warn, info, debug or trace.",
            )],
        },
        #[cfg(feature = "provoke")]
        Promise {
            key: "Provoke",
            default: Some(Value::Null),
            good: vec![same("calls")],
            bad: vec![(
                json!(1),
                "AdvancedSettings.Provoke is a number. Write text in quotation marks.",
            )],
        },
    ]
}

#[test]
fn every_row_keeps_its_promise() {
    let promises = promises();
    let promised: Vec<&str> = promises.iter().map(|promise| promise.key).collect();
    assert_eq!(
        promised,
        TABLE.iter().map(|row| row.key).collect::<Vec<_>>(),
        "a row without a promise"
    );
    for promise in promises {
        let key = promise.key;
        let row = TABLE.iter().find(|row| row.key == key).unwrap();
        let seen = |document: &str| {
            let shown = shown(&accepted(document).settings);
            match row.place {
                Place::Top => shown[key].clone(),
                Place::Advanced => shown[ADVANCED][key].clone(),
            }
        };
        match &promise.default {
            Some(default) => assert_eq!(seen(&plainest()), *default, "default of {key}"),
            None => {
                let mut document: Map<String, Value> = serde_json::from_str(&plainest()).unwrap();
                document.remove(key);
                let problems = refused(&Value::from(document).to_string());
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(
                    problems[0].starts_with(&format!("{key} is missing. Write it: ")),
                    "{problems:?}"
                );
            }
        }
        for (written, shown) in promise.good {
            assert_eq!(
                seen(&with(key, written.clone())),
                shown,
                "{key} = {written}"
            );
        }
        for (written, problem) in promise.bad {
            assert_eq!(
                refused(&with(key, written.clone())),
                [problem],
                "{key} = {written}"
            );
        }
    }
}

#[test]
fn a_document_fills_every_field() {
    let document = json!({
        "AdapterName": "N", "Description": "D", "AdapterType": "Genesys Cloud CX API Adapter",
        "StartupType": "Manual", "DataSource": "S", "ClientId": "I", "ClientSecret": "X",
        "RegionHost": "mypurecloud.ie", "UseClientProxy": "false",
        "AdvancedSettings": {
            "RosterIntervalS": "60", "RequestsPerMinute": 100, "QueueMaxEvents": "2000", "RefusalsBeforeLost": 7,
            "SnapshotCacheMiB": "2", "AttributeAllow": "Language, crm.*", "AttributeMask": "cards, /x+/",
            "Trust": "system-roots", "LogLevel": "debug",
        },
    });
    let Accepted { settings, warnings } = accepted(&document.to_string());
    assert_eq!(warnings, []);
    assert_eq!(settings.adapter_name, "N");
    assert_eq!(settings.description, "D");
    assert_eq!(settings.startup, StartupType::Manual);
    assert_eq!(&*settings.data_source, "S");
    assert_eq!(settings.client_id, "I");
    assert_eq!(settings.client_secret.expose_secret(), "X");
    assert_eq!(settings.region.api.as_str(), "https://api.mypurecloud.ie/");
    assert_eq!(
        settings.region.login.as_str(),
        "https://login.mypurecloud.ie/"
    );
    assert_eq!(settings.roster_interval, Duration::from_secs(60));
    assert_eq!(settings.requests_per_minute, 100);
    assert_eq!(settings.queue_max_events, 2000);
    assert_eq!(settings.refusals_before_lost, 7);
    assert_eq!(settings.snapshot_cache_bytes, 2 * 1024 * 1024);
    assert_eq!(
        settings.attribute_allow,
        [
            AllowedKey::Whole("Language".to_owned()),
            AllowedKey::Beginning("crm.".to_owned())
        ]
    );
    assert!(settings.attribute_mask.cards);
    assert_eq!(settings.attribute_mask.patterns[0].regex().as_str(), "x+");
    assert_eq!(settings.trust, Trust::SystemRoots);
    assert_eq!(settings.log_level, LogLevel::Debug);
}

#[test]
fn what_the_status_shows_can_be_read_back_but_for_the_secret() {
    for region in ["us_east_2", "http://localhost:4711", "https://[::1]"] {
        let settings = accepted(&with("RegionHost", json!(region))).settings;
        let mut again = shown(&settings);
        assert_eq!(again["ClientSecret"], "***");
        again["ClientSecret"] = json!("other");
        let again = accepted(&again.to_string()).settings;
        assert_eq!(shown(&again), shown(&settings));
        assert_eq!(again.region, settings.region);
    }
}

#[test]
fn all_problems_are_told_at_once_in_a_defined_order() {
    let document = r#"{
        "adaptername": "x", "Colour": "red", "LogLevel": "info", "DataSource": "a", "DataSource": "b",
        "StartupType": "never", "ClientSecret": "env:GCA_NOT_SET_IN_ANY_TEST", "RegionHost": "ftp://example.com",
        "UseClientProxy": "yes",
        "AdvancedSettings": { "RosterIntervalS": 1, "Trust": "x", "Trust": "y", "NoSuchKey": 1 }
    }"#;
    assert_eq!(
        refused(document),
        [
            "adaptername is not a known key; case matters in keys. Did you mean AdapterName.",
            "Colour is not a known key; case matters in keys. Leave it out.",
            "LogLevel is not a key of the document itself. Write it in AdvancedSettings.",
            "DataSource is written more than once. Leave one of them, so that it is clear which value holds.",
            "AdvancedSettings.Trust is written more than once. \
             Leave one of them, so that it is clear which value holds.",
            "AdapterName is missing. Write it: text without `< > & ' \" $` and control characters.",
            "StartupType is `never`, which is none of its values. Write Automatic, Manual or Disabled.",
            "ClientId is missing. Write it: text without blanks and colons.",
            "ClientSecret names the variable `GCA_NOT_SET_IN_ANY_TEST`, which is not set in this process. \
             Set it for the process of the recorder and start that again, or name another.",
            "RegionHost has the scheme `ftp`. Write `https://` or no scheme at all.",
            "UseClientProxy is `yes`. Write true or false.",
            "AdvancedSettings.RosterIntervalS is 1. Write a whole number of seconds from 30 to 86400.",
            "AdvancedSettings.Trust is `y`, which is none of its values. \
             Write `platform`, `system-roots` or `file:PATH`.",
        ]
    );
    let problems = read(document).unwrap_err();
    assert_eq!(report(&problems).lines().count(), problems.len());
}

#[test]
fn what_is_not_an_object_is_one_problem_with_its_place() {
    let right = "Write one JSON object: {\"AdapterName\": \"…\", …}.";
    for (document, wrong) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[1, 2]", "is a list, not an object"),
        ("\"x\"", "is text, not an object"),
        ("17", "is a number, not an object"),
        ("null", "is null, not an object"),
        (
            "{\n  \"AdapterName\": \"x\"\n  \"DataSource\": 1\n}",
            "is not JSON: expected `,` or `}` at line 3 column 3",
        ),
        (
            "{\"AdapterName\": \"x\",}",
            "is not JSON: trailing comma at line 1 column 21",
        ),
        (
            "{} {}",
            "is not JSON: trailing characters at line 1 column 4",
        ),
        (
            "{\"ClientSecret\": \"canary",
            "is not JSON: EOF while parsing a string at line 1 column 24",
        ),
    ] {
        assert_eq!(
            refused(document),
            [format!("The document {wrong}. {right}")],
            "{document}"
        );
    }
    // A deep document is refused, not followed to the end of the stack.
    let deep = |open: &str, close: &str| {
        let value = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        refused(&plainest().replacen('{', &format!("{{\"{ADVANCED}\": {value},"), 1)).remove(0)
    };
    assert!(deep("{\"a\":", "}").contains("recursion limit exceeded at line 1 column"));
    assert!(deep("[", "]").starts_with("AdvancedSettings is a list."));
    let settings = accepted(&format!("\u{feff}{}", plainest())).settings;
    assert_eq!(
        settings.adapter_name, "Genesys EU",
        "a byte order mark is no part of the document"
    );
}

#[test]
fn a_key_without_a_name_is_told_as_it_is_written() {
    let problems = refused(r#"{"":1,"AdvancedSettings":{" ":2}}"#);
    let unknown = "\"\" is not a known key; case matters in keys. Leave it out.";
    assert!(
        problems.iter().any(|problem| problem == unknown),
        "{problems:?}"
    );
}

#[test]
fn unknown_keys_are_refused_at_the_top_and_warned_of_below() {
    for (key, right) in [
        ("RegionHosts", "Did you mean RegionHost."),
        ("clientid", "Did you mean ClientId."),
        ("CleintSecret", "Did you mean ClientSecret."),
        ("AdvancedSetting", "Did you mean AdvancedSettings."),
        ("Zebra", "Leave it out."),
    ] {
        let problem = format!("{key} is not a known key; case matters in keys. {right}");
        assert_eq!(refused(&with(key, json!(1))), [problem]);
    }
    let noisy = refused(&with(&format!("a\nb{}", "x".repeat(5_000)), json!(1))).remove(0);
    assert!(
        noisy.starts_with("a\\nbxxx") && !noisy.contains('\n') && noisy.len() < 200,
        "{noisy}"
    );

    let advanced = r#"{ "AdvancedSettings": {
        "ClientId": "x", "JournalDirectory": "/x", "Logleve": 1, "MaxRetry": 3, "ProxyPort": 1, "Zebra": 2
    },"#;
    let document = plainest().replacen('{', advanced, 1);
    assert_eq!(
        warned(&document),
        [
            "AdvancedSettings.ClientId has no effect in AdvancedSettings. Write it in the document itself.",
            "AdvancedSettings.JournalDirectory is known, but has no effect in this version. \
             It may stay; do not rely on it.",
            "AdvancedSettings.Logleve is not a known key and has no effect; case matters in keys. \
             Did you mean LogLevel.",
            "AdvancedSettings.MaxRetry is known, but has no effect in this version. It may stay; do not rely on it.",
            "AdvancedSettings.ProxyPort has no effect in AdvancedSettings. Write it in the document itself.",
            "AdvancedSettings.Zebra is not a known key and has no effect; case matters in keys. Leave it out.",
        ]
    );
    for key in later::WITHOUT_EFFECT {
        let problem =
            format!("{key} is not a key of the document itself. Write it in AdvancedSettings.");
        assert_eq!(refused(&with(key, json!(""))), [problem]);
    }
}

#[test]
fn keys_without_effect_never_hide_a_row() {
    for key in later::WITHOUT_EFFECT.iter().chain(&later::SET_ASIDE) {
        assert!(
            TABLE.iter().all(|row| row.key != *key),
            "{key} has an effect now: take it off the list"
        );
    }
}

#[test]
fn proxy_fields_are_set_aside_without_a_word_while_no_proxy_is_used() {
    let mut document: Map<String, Value> = serde_json::from_str(&plainest()).unwrap();
    for key in [
        "ProxyProtocol",
        "ProxyHostname",
        "ProxyPort",
        "ProxyUsername",
        "ProxyPassword",
    ] {
        document.insert(key.to_owned(), json!(CANARY));
    }
    document.insert("UseClientProxy".to_owned(), json!("false"));
    let taken = accepted(&Value::from(document.clone()).to_string());
    assert_eq!(taken.warnings, []);
    assert!(!format!("{} {taken:?}", shown(&taken.settings)).contains(CANARY));
    document.insert("UseClientProxy".to_owned(), json!(true));
    let problems = refused(&Value::from(document).to_string());
    assert_eq!(problems.len(), 1);
    assert!(!problems[0].contains(CANARY));
}

#[test]
fn advanced_settings_may_be_missing_empty_or_an_object() {
    for nothing in [Value::Null, json!(""), json!({})] {
        assert_eq!(
            accepted(&with(ADVANCED, nothing)).settings.log_level,
            LogLevel::Info
        );
    }
    assert_eq!(
        refused(&with(ADVANCED, json!([]))),
        [
            "AdvancedSettings is a list. Write an object: {\"LogLevel\": \"info\", …}, or leave it out."
        ]
    );
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn a_secret_comes_from_the_text_a_variable_or_a_file() {
    let secret = |written: &str| {
        let settings = accepted(&with("ClientSecret", json!(written))).settings;
        settings.client_secret.expose_secret().to_owned()
    };
    assert_eq!(secret("plain"), "plain");
    // Cargo sets it for every test.
    assert_eq!(secret("env:CARGO_PKG_NAME"), "genesys-cloud-adapter");
    for content in ["of-file", "of-file\n", "of-file\r\n"] {
        let file = file(content.as_bytes());
        assert_eq!(
            secret(&format!("file:{}", file.path().display())),
            "of-file"
        );
    }
}

#[test]
fn a_secret_that_cannot_be_had_is_told_by_its_place_only() {
    let told = |written: &str| refused(&with("ClientSecret", json!(written))).remove(0);
    for name in ["", "a=b", "a\0b"] {
        assert!(
            told(&format!("env:{name}")).contains("which no variable can have as its name"),
            "{name:?}"
        );
    }
    assert!(told("file:").starts_with("ClientSecret names the file ``, which cannot be read ("));
    assert!(told("file:/").starts_with("ClientSecret names the file `/`, which is not a file."));
    for (content, wrong) in [
        (&b""[..], "is empty"),
        (b"\n", "is empty"),
        (
            b"canary-7f3a9c41 \n",
            "holds a blank or a control character, which no client secret does",
        ),
        (
            b"canary-7f3a9c41\nmore",
            "holds a blank or a control character, which no client secret does",
        ),
        (b"canary-7f3a9c41\xff", "does not hold text in UTF-8"),
    ] {
        let file = file(content);
        let path = file.path().display().to_string();
        let expected = format!(
            "ClientSecret names the file `{path}`, which {wrong}. The account that the recorder runs under must be \
             able to read it; it holds the secret and nothing else."
        );
        assert_eq!(told(&format!("file:{path}")), expected);
    }
    let large = file(&vec![b'x'; (4 << 20) + 1]);
    assert!(
        told(&format!("file:{}", large.path().display())).contains("which is larger than 4 MiB")
    );
}

#[test]
fn secrets_are_never_shown() {
    let taken = accepted(&plainest());
    assert_eq!(taken.settings.client_secret.expose_secret(), CANARY);
    let file = file(format!("{CANARY} ").as_bytes());
    let mut texts = vec![
        format!("{taken:?} {taken:#?}"),
        shown(&taken.settings).to_string(),
    ];
    for value in [
        json!(format!("{CANARY} ")),
        json!(format!("{CANARY} x")),
        json!([CANARY]),
        json!({ CANARY: CANARY }),
        json!(format!("file:{}", file.path().display())),
    ] {
        match read(&with("ClientSecret", value)) {
            Ok(taken) => texts.push(format!("{taken:?} {}", shown(&taken.settings))),
            Err(problems) => texts.push(format!("{problems:?} {}", report(&problems))),
        }
    }
    // Wrong elsewhere, secret and all.
    texts.push(
        refused(&with(
            "RegionHost",
            json!(format!("https://user:{CANARY}@api.mypurecloud.de")),
        ))
        .join("\n"),
    );
    texts.push(refused(&with("ClientSecert", json!(CANARY))).join("\n"));
    let whole = plainest();
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        texts.push(refused(&whole[..end]).join("\n"));
    }
    for text in texts {
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn roots_are_read_before_they_are_trusted() {
    let told = |content: &[u8]| {
        let file = file(content);
        let mut problems = refused(&with(
            "Trust",
            json!(format!("file:{}", file.path().display())),
        ));
        problems.remove(0)
    };
    let good = file(AUTHORITY.as_bytes());
    let written = format!("file:{}", good.path().display());
    let settings = accepted(&with("Trust", json!(written))).settings;
    assert_eq!(settings.trust, Trust::File(good.path().to_owned()));
    assert_eq!(shown(&settings)[ADVANCED]["Trust"], json!(written));
    assert!(told(b"").contains("which holds no certificate (`-----BEGIN CERTIFICATE-----`)."));
    assert!(told(b"\xff\xfe not PEM").contains("which holds no certificate"));
    let no_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(told(no_der).contains("which holds a certificate that cannot be read."));
    let cut = &AUTHORITY.as_bytes()[..AUTHORITY.len() / 2];
    assert!(
        told(cut).contains("which holds a certificate that cannot be read."),
        "{}",
        told(cut)
    );
}

#[test]
fn patterns_without_the_word_cards_are_taken_with_a_warning() {
    assert_eq!(
        warned(&with("AttributeMask", json!("/a/"))),
        [
            "AdvancedSettings.AttributeMask has patterns, but not the word `cards`: card numbers are not masked. \
             If that is not what you meant, write `cards` before the patterns."
        ]
    );
    for written in ["", "cards", "none", "/a/, cards"] {
        assert_eq!(warned(&with("AttributeMask", json!(written))), [""; 0]);
    }
}

#[test]
fn patterns_are_bounded_in_number_and_in_what_they_take() {
    let many = |count: usize| {
        with(
            "AttributeMask",
            json!(format!("cards{}", ", /a/".repeat(count))),
        )
    };
    assert_eq!(
        accepted(&many(32)).settings.attribute_mask.patterns.len(),
        32
    );
    assert_eq!(
        refused(&many(33)),
        ["AdvancedSettings.AttributeMask has 33 patterns. \
             Write 32 at the most; `(?:A|B)` makes one of two."]
    );
    let began = std::time::Instant::now();
    for trap in [
        "a{1000}{1000}{1000}".to_owned(),
        "(?:a{1,1000}){1,1000}".to_owned(),
        r"\pL{500}".to_owned(),
        format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000)),
        "a?".repeat(20_000) + "b",
        "[^a]|".repeat(50_000) + "b",
    ] {
        let problem = refused(&with("AttributeMask", json!(format!("/{trap}/")))).remove(0);
        assert!(problem.len() < 600, "{problem}");
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// In the page's table each mask stands as it is typed, and as a JSON document has it.
#[test]
fn the_masks_of_the_reference_page_are_accepted() {
    let page = reference_page();
    let rows = page
        .lines()
        .skip_while(|line| !line.contains("| in JSON |"))
        .skip(2);
    let mut seen = 0;
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ', '`']))
            .collect();
        let typed: Value = serde_json::from_str(cells[1]).unwrap();
        assert_eq!(typed, cells[0]);
        let taken = accepted(&with("AttributeMask", typed.clone()));
        assert_eq!(taken.warnings, []);
        assert_eq!(shown(&taken.settings)[ADVANCED]["AttributeMask"], typed);
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn every_region_is_known_in_every_spelling() {
    assert_eq!(region::KNOWN.len(), 18);
    for (aws, domain) in region::KNOWN {
        for spelling in [
            aws.to_owned(),
            aws.replace('-', "_"),
            aws.to_uppercase(),
            domain.to_owned(),
            domain.to_uppercase(),
            format!("{domain}."),
            format!("api.{domain}"),
            format!("login.{domain}"),
            format!("apps.{domain}"),
            format!("https://{domain}"),
            format!("https://api.{domain}/"),
            format!("https://login.{domain}"),
            format!("https://apps.{domain}:443/"),
        ] {
            let taken = accepted(&with("RegionHost", json!(spelling)));
            assert_eq!(taken.warnings, [], "{spelling}");
            assert_eq!(
                taken.settings.region.api.as_str(),
                format!("https://api.{domain}/"),
                "{spelling}"
            );
            assert_eq!(
                taken.settings.region.login.as_str(),
                format!("https://login.{domain}/"),
                "{spelling}"
            );
        }
    }
}

#[test]
fn other_hosts_are_taken_with_a_warning() {
    let region = |written: &str| {
        let taken = accepted(&with("RegionHost", json!(written)));
        let warnings: Vec<String> = taken.warnings.iter().map(Problem::to_string).collect();
        assert_eq!(warnings.len(), 1, "{written}: {warnings:?}");
        let Region { api, login } = taken.settings.region;
        (api.to_string(), login.to_string(), warnings[0].clone())
    };
    let warning = "RegionHost is no region of Genesys Cloud; tokens and requests go to `https://gateway.example.com`. \
        That is right for a simulated region or a gateway only. Else write the AWS region or the region's domain.";
    for written in [
        "gateway.example.com",
        "https://gateway.example.com/",
        "GATEWAY.example.com:443",
    ] {
        let origin = "https://gateway.example.com/".to_owned();
        assert_eq!(
            region(written),
            (origin.clone(), origin, warning.to_owned())
        );
    }
    assert_eq!(region("https://gateway:8443").0, "https://gateway:8443/");
    assert_eq!(
        region("api.mypurecloud.de:8443").1,
        "https://api.mypurecloud.de:8443/",
        "a port makes it another host"
    );
    let (api, login, warning) = region("api.xyz9.pure.cloud");
    assert_eq!(
        (&*api, &*login),
        (
            "https://api.xyz9.pure.cloud/",
            "https://login.xyz9.pure.cloud/"
        )
    );
    assert_eq!(
        warning,
        "RegionHost names the region `xyz9.pure.cloud`, which this version does not know. If that is what you meant, \
         nothing is to be done: `api.xyz9.pure.cloud` and `login.xyz9.pure.cloud` are asked."
    );
}

#[test]
fn http_is_for_loopback_only() {
    for (written, origin) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("http://127.8.9.10:1/", "http://127.8.9.10:1/"),
        ("http://[::1]:8080", "http://[::1]:8080/"),
        ("http://localhost", "http://localhost/"),
        ("HTTP://LOCALHOST:9", "http://localhost:9/"),
        ("https://localhost:9", "https://localhost:9/"),
        ("localhost:9", "https://localhost:9/"),
        ("127.0.0.1:9", "https://127.0.0.1:9/"),
    ] {
        let taken = accepted(&with("RegionHost", json!(written)));
        assert_eq!(taken.settings.region.api.as_str(), origin);
        assert_eq!(taken.settings.region.login.as_str(), origin);
        assert_eq!(taken.warnings.len(), 1, "{written}");
    }
    for (written, host) in [
        ("http://api.mypurecloud.de", "api.mypurecloud.de"),
        ("http://mypurecloud.de:8080", "mypurecloud.de"),
        ("http://128.0.0.1", "128.0.0.1"),
        ("http://0.0.0.0:80", "0.0.0.0"),
        ("http://[::2]", "[::2]"),
        ("http://localhost.example.com", "localhost.example.com"),
        ("http://127.0.0.1.example.com", "127.0.0.1.example.com"),
    ] {
        let problem = format!(
            "RegionHost asks `{host}` over http, where the client secret would be readable on the way. \
             Write `https://`; `http://` is for loopback addresses only."
        );
        assert_eq!(refused(&with("RegionHost", json!(written))), [problem]);
    }
}

#[test]
fn a_host_with_more_than_a_host_is_refused() {
    for (written, starts) in [
        (
            "https://apps.mypurecloud.de/directory/#/",
            "RegionHost has more than a host: ",
        ),
        (
            "https://api.mypurecloud.de?x=1",
            "RegionHost has more than a host: ",
        ),
        (
            "https://api.mypurecloud.de/#x",
            "RegionHost has more than a host: ",
        ),
        ("me@mypurecloud.de", "RegionHost holds an `@`"),
        (
            "wss://streaming.mypurecloud.de",
            "RegionHost has the scheme `wss`.",
        ),
        (
            "https://",
            "RegionHost is `https://`, which is neither a region nor a host.",
        ),
        (
            "Frankfurt (eu)",
            "RegionHost is `Frankfurt (eu)`, which is neither a region nor a host.",
        ),
        (
            "frankfurt",
            "RegionHost is `frankfurt`, which is no AWS region that this version knows. Write the AWS region",
        ),
    ] {
        let problem = refused(&with("RegionHost", json!(written))).remove(0);
        assert!(problem.starts_with(starts), "{written}: {problem}");
    }
}

#[test]
fn the_schema_names_every_key_and_says_what_the_table_says() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(
        schema["required"],
        json!([
            "AdapterName",
            "DataSource",
            "ClientId",
            "ClientSecret",
            "RegionHost"
        ])
    );
    assert_eq!(schema["additionalProperties"], false);
    let advanced = &schema["properties"][ADVANCED];
    assert_eq!(advanced["type"], "object");
    for row in TABLE {
        let key = row.key;
        let property = match row.place {
            Place::Top => &schema["properties"][key],
            Place::Advanced => &advanced["properties"][key],
        };
        assert_eq!(property["title"], row.title, "{key}");
        assert_eq!(property["description"], row.help, "{key}");
        assert!(
            matches!(
                property["x-applies"].as_str(),
                Some("live" | "succession" | "start")
            ),
            "{key}"
        );
        assert_eq!(
            property["writeOnly"].as_bool(),
            row.secret.then_some(true),
            "{key}"
        );
        assert_eq!(
            property.get("default").is_some(),
            row.default.is_some(),
            "{key}"
        );
        // The schema's own default is a value that the parser takes, and means the default.
        if let Some(default) = property.get("default") {
            let written = shown(&accepted(&with(key, default.clone())).settings);
            assert_eq!(written, shown(&accepted(&plainest()).settings), "{key}");
        }
        for word in property["enum"].as_array().into_iter().flatten() {
            accepted(&with(key, word.clone()));
        }
        if let (Some(min), Some(max)) = (property["minimum"].as_u64(), property["maximum"].as_u64())
        {
            accepted(&with(key, json!(min)));
            accepted(&with(key, json!(max)));
            refused(&with(key, json!(max + 1)));
        }
    }
    for key in later::SET_ASIDE {
        assert!(
            schema["properties"][key].is_object(),
            "{key}: a host that stores every field passes the schema"
        );
    }
    for key in later::WITHOUT_EFFECT {
        assert!(advanced["properties"][key].is_object(), "{key}");
    }
    assert_eq!(schema["properties"]["ProxyPassword"]["writeOnly"], true);
    assert_eq!(
        schema["properties"]["LogLevel"],
        Value::Null,
        "a key has one place"
    );
    assert_eq!(
        advanced["properties"]["LogLevel"]["enum"],
        json!(["error", "warn", "info", "debug", "trace"])
    );
    assert_eq!(
        advanced["properties"].get("Provoke").is_some(),
        cfg!(feature = "provoke")
    );
}

#[test]
fn the_schema_keeps_the_order_of_the_table() {
    let text = schema();
    let places: Vec<usize> = TABLE
        .iter()
        .map(|row| text.find(&format!("\"{}\": {{", row.key)).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[cfg(not(feature = "provoke"))]
#[test]
fn the_reference_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SETTINGS.md");
    let made = reference_page();
    assert!(
        TABLE
            .iter()
            .all(|row| made.contains(&format!("| `{}` |", row.key)))
    );
    if std::env::var_os("GCA_BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &made).unwrap();
    }
    let written = std::fs::read_to_string(path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        written == made,
        "docs/SETTINGS.md is not what the table says. Review the change of the table, then run:\n\
         GCA_BLESS=1 cargo test -p genesys-cloud-adapter --lib settings"
    );
}

#[test]
fn the_example_of_the_reference_page_is_accepted() {
    let page = reference_page();
    let example = page
        .split("```json")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    // The variable of the example is not set here; the rest must be right.
    let example = example.replace("env:GENESYS_CLIENT_SECRET", "env:CARGO_PKG_NAME");
    assert_eq!(accepted(&example).warnings, []);
}

/// A small generator of numbers (splitmix64): the same seed, the same documents.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}

#[test]
fn reading_never_panics_and_every_problem_stays_on_one_line() {
    let keys: Vec<&str> = TABLE
        .iter()
        .map(|row| row.key)
        .chain(later::SET_ASIDE)
        .chain([ADVANCED, "", "\\u0000x"])
        .collect();
    let values = [
        "null",
        "true",
        "-0",
        "1e400",
        "1e15",
        "-1.5",
        "18446744073709551616",
        "[]",
        "[[{}]]",
        "{}",
        "\"\"",
        "\"\\n\"",
        "\"env:\"",
        "\"file:\"",
        "\"file:\\u0000\"",
        "\"env:\\u0000\"",
        "\"http://[\"",
        "\"://\"",
        "\"https://%00\"",
        "\"xn--a.b\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"eu-west-1\"",
        "\"300\"",
        "\"http://127.1\"",
        "\"a.\"",
        "\".\"",
        "\"::1\"",
        "\"cards, /(/\"",
        "\"/\\\\d+/\"",
        "\"a*,\"",
    ];
    let noise = [
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        ',',
        '\\',
        '\0',
        '\n',
        '\u{feff}',
        '\u{1f600}',
        'e',
        '9',
        '-',
        '@',
        '.',
    ];
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..4_000 {
        let mut dice = Dice(seed);
        let mut members = Vec::new();
        for _ in 0..dice.roll(8) {
            members.push(format!(
                "\"{}\": {}",
                keys[dice.roll(keys.len())],
                values[dice.roll(values.len())]
            ));
        }
        let mut document = match dice.roll(4) {
            0 => format!("{{{}}}", members.join(",")),
            1 => format!("{{\"AdvancedSettings\": {{{}}}}}", members.join(",")),
            2 => plainest().replacen(
                '{',
                &format!("{{\"AdvancedSettings\": {{{}}},", members.join(",")),
                1,
            ),
            _ => plainest(),
        };
        if dice.roll(2) == 0 {
            let mut letters: Vec<char> = document.chars().collect();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(letters.len());
                match dice.roll(3) {
                    0 => drop(letters.remove(at)),
                    1 => letters[at] = noise[dice.roll(noise.len())],
                    _ => letters.insert(at, noise[dice.roll(noise.len())]),
                }
                if letters.is_empty() {
                    break;
                }
            }
            document = letters.into_iter().collect();
        }
        let problems = match read(&document) {
            Ok(accepted) => {
                taken += 1;
                accepted.warnings
            }
            Err(problems) => {
                refused += 1;
                assert!(
                    !problems.is_empty(),
                    "seed {seed}: refused without a reason"
                );
                problems
            }
        };
        assert_eq!(
            report(&problems).lines().count(),
            problems.len(),
            "seed {seed}: {problems:?}"
        );
    }
    assert!(
        taken > 200 && refused > 200,
        "the loop must see both: {taken} taken, {refused} refused"
    );
}
