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

/// A document with what is required, and `key` set to `value` where the table wants it. What is about a proxy comes with
/// one that is used.
fn with(key: &str, value: Value) -> String {
    let mut document: Map<String, Value> = serde_json::from_str(&alone(key, value)).unwrap();
    if key == "UseClientProxy" || key.starts_with("Proxy") {
        for (needed, value) in [
            ("UseClientProxy", json!(true)),
            ("ProxyHostname", json!("proxy.example.com")),
            ("ProxyPort", json!(3128)),
            ("ProxyUsername", json!("recorder")),
        ] {
            document.entry(needed).or_insert(value);
        }
    }
    Value::from(document).to_string()
}

/// A document with what is required, and `key` set to `value`, and nothing else.
fn alone(key: &str, value: Value) -> String {
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
                (json!(true), json!(true)),
                (json!(" True "), json!(true)),
            ],
            bad: vec![
                (json!("no"), "UseClientProxy is `no`. Write true or false."),
                (json!(0), "UseClientProxy is a number. Write true or false."),
            ],
        },
        Promise {
            key: "ProxyProtocol",
            default: Some(json!("http")),
            good: vec![
                same("http"),
                same("https"),
                (json!("SOCKS5"), json!("socks5")),
                (json!(""), json!("http")),
            ],
            bad: vec![(
                json!("socks4"),
                "ProxyProtocol is `socks4`, which is none of its values. Write http, https or socks5.",
            )],
        },
        Promise {
            key: "ProxyHostname",
            default: Some(json!("")),
            good: vec![
                (json!(" Proxy.Example.com "), json!("proxy.example.com")),
                (json!("[::1]"), json!("::1")),
                same("192.0.2.8"),
            ],
            bad: vec![
                (
                    json!(""),
                    "ProxyHostname is missing, and UseClientProxy is true. \
                     Write the proxy's name or address alone: `proxy.example.com`, `192.0.2.8`.",
                ),
                (
                    json!("http://proxy:3128"),
                    "ProxyHostname is `http://proxy:3128`, which has a scheme. \
                     Write the host alone, and its scheme in ProxyProtocol.",
                ),
                (
                    json!("proxy:3128"),
                    "ProxyHostname is `proxy:3128`, which has a port. \
                     Write the host alone, and its port in ProxyPort.",
                ),
                (
                    json!("user:canary@proxy"),
                    "ProxyHostname holds an `@`, as if it had a user name and a password. \
                     Write those in ProxyUsername and ProxyPassword.",
                ),
            ],
        },
        Promise {
            key: "ProxyPort",
            default: Some(Value::Null),
            good: vec![(json!(1), json!(1)), (json!("65535"), json!(65_535))],
            bad: vec![
                (
                    json!(""),
                    "ProxyPort is missing, and UseClientProxy is true. Write the proxy's TCP port, 1 to 65535.",
                ),
                (
                    json!(0),
                    "ProxyPort is 0. Write a whole number from 1 to 65535.",
                ),
                (
                    json!("http"),
                    "ProxyPort is `http`. Write a whole number from 1 to 65535.",
                ),
            ],
        },
        Promise {
            key: "ProxyUsername",
            default: Some(json!("")),
            good: vec![same("EXAMPLE\\recorder"), (json!(""), json!(""))],
            bad: vec![
                (
                    json!("a:b"),
                    "ProxyUsername holds a colon, which Basic authentication cannot carry. Use a name without one.",
                ),
                (
                    json!("a\nb"),
                    "ProxyUsername holds a control character. Write it on one line.",
                ),
            ],
        },
        Promise {
            key: "ProxyPassword",
            default: Some(json!("")),
            good: vec![(json!("pass word"), json!("***"))],
            bad: vec![
                (
                    json!("***"),
                    "ProxyPassword is `***`, which stands for a secret where settings are shown. \
                     Write the secret itself, `env:NAME` or `file:PATH`.",
                ),
                (
                    json!("a\tb"),
                    "ProxyPassword holds a control character. \
                     Write the password, or name it: `env:NAME`, `file:PATH`.",
                ),
                (
                    json!("env:GCA_NOT_SET_IN_ANY_TEST"),
                    "ProxyPassword names the variable `GCA_NOT_SET_IN_ANY_TEST`, which is not set in this process. \
                     Set it for the process of the recorder and start that again, or name another.",
                ),
            ],
        },
        Promise {
            key: "RestartTime",
            default: Some(json!("00:00")),
            good: vec![
                same("00:00"),
                same("23:59"),
                same("09:05"),
                (json!(" 02:30\n"), json!("02:30")),
                (Value::Null, json!("00:00")),
            ],
            bad: vec![
                (
                    json!("24:00"),
                    "AdvancedSettings.RestartTime is `24:00`, which is no time of day. \
                     Write hours and minutes with two digits each, from 00:00 to 23:59.",
                ),
                (
                    json!("7:30"),
                    "AdvancedSettings.RestartTime is `7:30`, which is no time of day. \
                     Write hours and minutes with two digits each, from 00:00 to 23:59.",
                ),
                (
                    json!("07:60"),
                    "AdvancedSettings.RestartTime is `07:60`, which is no time of day. \
                     Write hours and minutes with two digits each, from 00:00 to 23:59.",
                ),
                (
                    json!("+7:00"),
                    "AdvancedSettings.RestartTime is `+7:00`, which is no time of day. \
                     Write hours and minutes with two digits each, from 00:00 to 23:59.",
                ),
                (
                    json!("07:30:00"),
                    "AdvancedSettings.RestartTime is `07:30:00`, which is no time of day. \
                     Write hours and minutes with two digits each, from 00:00 to 23:59.",
                ),
                (
                    json!("0730"),
                    "AdvancedSettings.RestartTime is `0730`, which is no time of day. \
                     Write hours and minutes with two digits each, from 00:00 to 23:59.",
                ),
                (
                    json!(730),
                    "AdvancedSettings.RestartTime is a number. Write text in quotation marks.",
                ),
            ],
        },
        whole(
            "MaxRetry",
            0,
            0,
            10_000,
            vec![(
                json!(-1),
                "AdvancedSettings.MaxRetry is -1. Write a whole number of retries from 0 to 10000.",
            )],
        ),
        whole(
            "MaxRetriesBeforeBackoff",
            0,
            0,
            10_000,
            vec![(
                json!("five"),
                "AdvancedSettings.MaxRetriesBeforeBackoff is `five`. \
                 Write a whole number of retries from 0 to 10000.",
            )],
        ),
        whole(
            "MaxRetryTimeS",
            1,
            0,
            86_400,
            vec![(
                json!(1.5),
                "AdvancedSettings.MaxRetryTimeS is 1.5. Write a whole number of seconds from 0 to 86400.",
            )],
        ),
        whole(
            "DefaultRetryAfterMs",
            0,
            0,
            180_000,
            vec![(
                json!(180_001),
                "AdvancedSettings.DefaultRetryAfterMs is 180001. \
                 Write a whole number of milliseconds from 0 to 180000.",
            )],
        ),
        whole(
            "BackoffIntervalMs",
            0,
            0,
            86_400_000,
            vec![(
                json!("5 min"),
                "AdvancedSettings.BackoffIntervalMs is `5 min`. \
                 Write a whole number of milliseconds from 0 to 86400000.",
            )],
        ),
        Promise {
            key: "Role",
            default: Some(json!("single")),
            good: vec![
                same("single"),
                same("primary"),
                same("secondary"),
                (json!(" Secondary"), json!("secondary")),
            ],
            bad: vec![(
                json!("backup"),
                "AdvancedSettings.Role is `backup`, which is none of its values. Write single, primary or secondary.",
            )],
        },
        Promise {
            key: "TimeZone",
            default: Some(json!("")),
            good: vec![
                same("Europe/Berlin"),
                same("America/Sao_Paulo"),
                same("UTC"),
                (json!(" africa/cairo"), json!("Africa/Cairo")),
                (Value::Null, json!("")),
            ],
            bad: vec![
                (
                    json!("Europe/Berlyn"),
                    "AdvancedSettings.TimeZone is `Europe/Berlyn`, which is no time zone of the IANA database. \
                     Did you mean `Europe/Berlin`.",
                ),
                (
                    json!("Sao Paulo"),
                    "AdvancedSettings.TimeZone is `Sao Paulo`, which is no time zone of the IANA database. \
                     Did you mean `America/Sao_Paulo`.",
                ),
                (
                    json!("W. Europe Standard Time"),
                    "AdvancedSettings.TimeZone is `W. Europe Standard Time`, which is no time zone of the IANA \
                     database. Write a name such as `Europe/Berlin`, or leave it empty for the machine's own zone.",
                ),
                (
                    json!("+01:00"),
                    "AdvancedSettings.TimeZone is `+01:00`, which is no time zone of the IANA database. \
                     Write a name such as `Europe/Berlin`, or leave it empty for the machine's own zone.",
                ),
            ],
        },
        whole(
            "OverlapS",
            5,
            1,
            30,
            vec![(
                json!(0),
                "AdvancedSettings.OverlapS is 0. Write a whole number of seconds from 1 to 30.",
            )],
        ),
        whole(
            "QuietCallReadMinutes",
            10,
            1,
            1_440,
            vec![(
                json!(0),
                "AdvancedSettings.QuietCallReadMinutes is 0. Write a whole number of minutes from 1 to 1440.",
            )],
        ),
        Promise {
            key: "GapLedgerFile",
            default: Some(json!("")),
            good: vec![
                same("gaps.jsonl"),
                same("/gaps.jsonl"),
                (json!(" /a b/gaps.jsonl "), json!("/a b/gaps.jsonl")),
                (Value::Null, json!("")),
            ],
            bad: vec![
                (
                    json!("/"),
                    "AdvancedSettings.GapLedgerFile is `/`, which is a directory. Write the path of a file in it.",
                ),
                (
                    json!("/no/such/directory/"),
                    "AdvancedSettings.GapLedgerFile is `/no/such/directory/`, which is a directory. \
                     Write the path of a file in it.",
                ),
                (
                    json!("C:\temp"),
                    "AdvancedSettings.GapLedgerFile holds a control character. Write it on one line, and in JSON write \
                     each backslash of a path twice: `C:\\\\Recorder\\\\gaps.jsonl`.",
                ),
                (
                    json!(true),
                    "AdvancedSettings.GapLedgerFile is true or false. Write text in quotation marks.",
                ),
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
        Promise {
            key: "JournalDirectory",
            default: Some(json!("")),
            good: vec![
                same("journal"),
                same("/no/such/directory/"),
                (json!(" /a b/journal "), json!("/a b/journal")),
                (Value::Null, json!("")),
            ],
            bad: vec![
                (
                    json!("C:\temp"),
                    "AdvancedSettings.JournalDirectory holds a control character. Write it on one line, and in JSON write \
                     each backslash of a path twice: `C:\\\\Recorder\\\\journal`.",
                ),
                (
                    json!("Cargo.toml"),
                    "AdvancedSettings.JournalDirectory is `Cargo.toml`, which is no directory. \
                     Write the path of a directory; the adapter makes the file in it.",
                ),
                (
                    json!(true),
                    "AdvancedSettings.JournalDirectory is true or false. Write text in quotation marks.",
                ),
            ],
        },
        whole(
            "JournalMaxAgeH",
            72,
            1,
            8_760,
            vec![(
                json!(0),
                "AdvancedSettings.JournalMaxAgeH is 0. Write a whole number of hours from 1 to 8760.",
            )],
        ),
        whole(
            "JournalMaxMiB",
            10_240,
            16,
            1_048_576,
            vec![(
                json!(15),
                "AdvancedSettings.JournalMaxMiB is 15. Write a whole number of MiB from 16 to 1048576.",
            )],
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
            key: "ProxyBypass",
            default: Some(json!("")),
            good: vec![
                (
                    json!("*.example.com,10.0.0.0/8 "),
                    json!("example.com, 10.0.0.0/8"),
                ),
                (json!(""), json!("")),
            ],
            bad: vec![
                (
                    json!("*"),
                    "AdvancedSettings.ProxyBypass holds `*`, which leaves nothing to the proxy. \
                     Write false for UseClientProxy if no connection is to go through it.",
                ),
                (
                    json!("a, b:80"),
                    "AdvancedSettings.ProxyBypass holds `b:80`, which is no host. Write hosts, domains, addresses or \
                     networks with commas between them: `api.example.com, .example.net, 192.0.2.0/24`.",
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
        "RegionHost": "mypurecloud.ie", "UseClientProxy": "true", "ProxyProtocol": "https",
        "ProxyHostname": "proxy.example.com", "ProxyPort": "8443", "ProxyUsername": "U", "ProxyPassword": "P",
        "AdvancedSettings": {
            "RestartTime": "02:30", "TimeZone": "Europe/Berlin", "Role": "secondary", "MaxRetry": 3,
            "MaxRetriesBeforeBackoff": 2, "MaxRetryTimeS": 60, "DefaultRetryAfterMs": 250, "BackoffIntervalMs": 11000,
            "OverlapS": 7, "QuietCallReadMinutes": 2, "GapLedgerFile": "gaps.jsonl",
            "RosterIntervalS": "60", "RequestsPerMinute": 100, "QueueMaxEvents": "2000", "RefusalsBeforeLost": 7,
            "JournalDirectory": "journal", "JournalMaxAgeH": 1, "JournalMaxMiB": 16,
            "SnapshotCacheMiB": "2", "AttributeAllow": "Language, crm.*", "AttributeMask": "cards, /x+/",
            "Trust": "system-roots", "LogLevel": "debug",
            "ProxyBypass": "a.example, 10.0.0.0/8",
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
    assert_eq!(settings.restart_time, jiff::civil::time(2, 30, 0, 0));
    assert_eq!(
        settings.time_zone.resolve().unwrap().iana_name(),
        Some("Europe/Berlin")
    );
    assert_eq!(settings.role, Some(Role::Secondary));
    assert_eq!(
        settings.retry,
        RetryRules {
            max_retry: 3,
            max_retries_before_backoff: 2,
            max_retry_time: Duration::from_secs(60),
            default_retry_after: Duration::from_millis(250),
            backoff_interval: Some(Duration::from_secs(11)),
        }
    );
    assert_eq!(settings.overlap, Duration::from_secs(7));
    assert_eq!(settings.quiet_call_read, Duration::from_secs(120));
    assert_eq!(settings.gap_ledger_file, Some(PathBuf::from("gaps.jsonl")));
    assert_eq!(settings.roster_interval, Duration::from_secs(60));
    assert_eq!(settings.requests_per_minute, 100);
    assert_eq!(settings.journal_directory, Some(PathBuf::from("journal")));
    assert_eq!(settings.journal_max_age, Duration::from_secs(3_600));
    assert_eq!(settings.journal_max_bytes, 16 << 20);
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
    let proxy = settings.proxy.unwrap();
    assert_eq!(proxy.protocol, ProxyProtocol::Https);
    assert_eq!(
        (proxy.host.as_str(), proxy.port),
        ("proxy.example.com", 8443)
    );
    let (username, password) = proxy.credentials.unwrap();
    assert_eq!((username.as_str(), password.expose_secret()), ("U", "P"));
    assert_eq!(proxy.bypass, ["a.example", "10.0.0.0/8"]);
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
    let settings = accepted(&with("ProxyPassword", json!("old"))).settings;
    let mut again = shown(&settings);
    assert_eq!(again["ProxyPassword"], "***");
    again["ClientSecret"] = json!("other");
    again["ProxyPassword"] = json!("other");
    assert_eq!(
        shown(&accepted(&again.to_string()).settings),
        shown(&settings)
    );
}

#[test]
fn keys_of_a_proxy_are_checked_against_each_other() {
    let told = |changes: &[(&str, Value)]| {
        let mut document: Map<String, Value> =
            serde_json::from_str(&with("UseClientProxy", json!(true))).unwrap();
        for (key, value) in changes {
            document.insert((*key).to_owned(), value.clone());
        }
        refused(&Value::from(document).to_string())
    };
    let missing = told(&[("ProxyHostname", json!("")), ("ProxyPort", Value::Null)]);
    assert_eq!(missing.len(), 2, "{missing:?}");
    // What is wrong is not told to be missing too.
    let wrong = told(&[("ProxyHostname", json!("a b")), ("ProxyPort", json!(0))]);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(
        wrong.iter().all(|problem| !problem.contains("missing")),
        "{wrong:?}"
    );
    assert_eq!(
        told(&[
            ("ProxyUsername", json!("")),
            ("ProxyPassword", json!(CANARY))
        ]),
        ["ProxyPassword is written, but ProxyUsername is not. \
          Write both, or neither for a proxy that asks for none."]
    );
    let long = "x".repeat(256);
    let socks = [
        ("ProxyProtocol", json!("socks5")),
        ("ProxyUsername", json!(long)),
        ("ProxyPassword", json!(long)),
    ];
    let long = told(&socks);
    assert_eq!(long.len(), 2, "{long:?}");
    // SOCKS5 carries a colon.
    let mut document: Map<String, Value> =
        serde_json::from_str(&with("ProxyProtocol", json!("socks5"))).unwrap();
    document.insert("ProxyUsername".to_owned(), json!("a:b"));
    accepted(&Value::from(document).to_string());
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
        "ClientId": "x", "JournalDirectorie": "/x", "Logleve": 1, "ProxyPort": 1, "Zebra": 2
    },"#;
    let document = plainest().replacen('{', advanced, 1);
    assert_eq!(
        warned(&document),
        [
            "AdvancedSettings.ClientId has no effect in AdvancedSettings. Write it in the document itself.",
            "AdvancedSettings.JournalDirectorie is not a known key and has no effect; case matters in keys. \
             Did you mean JournalDirectory.",
            "AdvancedSettings.Logleve is not a known key and has no effect; case matters in keys. \
             Did you mean LogLevel.",
            "AdvancedSettings.ProxyPort has no effect in AdvancedSettings. Write it in the document itself.",
            "AdvancedSettings.Zebra is not a known key and has no effect; case matters in keys. Leave it out.",
        ]
    );
    let misplaced = plainest().replacen('{', r#"{ "JournalDirectory": "","#, 1);
    assert_eq!(
        refused(&misplaced),
        ["JournalDirectory is not a key of the document itself. Write it in AdvancedSettings."]
    );
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
    document.remove("ProxyHostname");
    let problems = refused(&Value::from(document).to_string());
    assert_eq!(problems.len(), 3, "{problems:?}");
    let password = problems
        .iter()
        .find(|told| told.starts_with("ProxyPassword"));
    assert_eq!(password, None, "any text is a password");
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
    // The work ends where the bound is passed: what is larger by any factor costs no more.
    let (large, deep) = ("too large once it is compiled", "nested parentheses");
    for (trap, why) in [
        ("a{1000}{1000}{1000}".to_owned(), large),
        ("(?:a{1,1000}){1,1000}".to_owned(), large),
        (r"\pL{500}".to_owned(), large),
        (format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000)), deep),
        ("a?".repeat(20_000) + "b", large),
        ("[^a]|".repeat(50_000) + "b", large),
    ] {
        let problem = refused(&with("AttributeMask", json!(format!("/{trap}/")))).remove(0);
        assert!(problem.contains(why), "{problem}");
        assert!(problem.len() < 600, "{problem}");
    }
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
fn http_leaves_this_machine_through_no_proxy_either() {
    let document = |region: &str, proxy: &str, protocol: &str| {
        let mut document: Value =
            serde_json::from_str(&with("UseClientProxy", json!(true))).unwrap();
        document["RegionHost"] = json!(region);
        document["ProxyHostname"] = json!(proxy);
        document["ProxyProtocol"] = json!(protocol);
        document.to_string()
    };
    for region in [
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:9",
    ] {
        for near in ["127.0.0.1", "127.0.0.9", "[::1]", "localhost"] {
            accepted(&document(region, near, "http"));
        }
        for far in [
            "proxy.example.com",
            "192.0.2.8",
            "2001:db8::1",
            "localhost.example.com",
        ] {
            // From a proxy over TLS on it would be plain all the same, to the proxy's own loopback.
            for protocol in ["http", "https", "socks5"] {
                assert_eq!(
                    refused(&document(region, far, protocol)),
                    [
                        "RegionHost asks over http, and UseClientProxy is true: the client secret would be readable on the \
                      way to the proxy. Write false for UseClientProxy: a region on this machine needs no proxy."
                    ]
                );
            }
        }
    }
    accepted(&document(
        "https://localhost:9",
        "proxy.example.com",
        "http",
    ));
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
            row.secret.map(|_| true),
            "{key}"
        );
        assert_eq!(
            property.get("default").is_some(),
            row.default.is_some() && key != "ProxyPort",
            "{key}"
        );
        // The schema's own default is a value that the parser takes, and means the default.
        if let Some(default) = property.get("default") {
            let written = shown(&accepted(&alone(key, default.clone())).settings);
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

#[test]
fn a_ledger_in_a_directory_that_is_not_there_is_taken_with_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let written =
        |path: &std::path::Path| warned(&with("GapLedgerFile", json!(path.display().to_string())));
    assert_eq!(written(&directory.path().join("gaps.jsonl")), [""; 0]);
    assert_eq!(written("gaps.jsonl".as_ref()), [""; 0]);
    let missing = directory.path().join("missing");
    assert_eq!(
        written(&missing.join("gaps.jsonl")),
        [format!(
            "AdvancedSettings.GapLedgerFile names a file in the directory `{}`, which is not there or cannot be read. \
             Make it, and let the account that the recorder runs under write to it.",
            missing.display()
        )]
    );
    let problem = refused(&with(
        "GapLedgerFile",
        json!(directory.path().display().to_string()),
    ))
    .remove(0);
    assert!(problem.contains("which is a directory."), "{problem}");
    #[cfg(unix)]
    assert_eq!(
        refused(&with("GapLedgerFile", json!("/dev/null"))),
        [
            "AdvancedSettings.GapLedgerFile is `/dev/null`, which is no regular file. Write the path of a file; the adapter \
             makes it. A pipe or a device keeps no evidence."
        ]
    );
}

#[test]
fn without_a_zone_of_its_own_the_machine_keeps_utc_and_says_so() {
    let zone = accepted(&plainest()).settings.time_zone;
    assert_eq!(zone, Zone::Machine);
    // Whatever this machine says: either its zone, or UTC with a line that names the key.
    if let Err((zone, line)) = zone.resolve() {
        assert_eq!(zone, jiff::tz::TimeZone::UTC);
        assert!(line.contains("AdvancedSettings.TimeZone"), "{line}");
    }
}

/// Two values of each key, both accepted and not the same.
fn pairs() -> Vec<(&'static str, Value, Value)> {
    let promises = promises();
    let of = |promise: &Promise| {
        let shown = |value: &Value| shown(&accepted(&with(promise.key, value.clone())).settings);
        let values: Vec<&Value> = promise.good.iter().map(|(written, _)| written).collect();
        let different = values
            .iter()
            .skip(1)
            .find(|value| shown(value) != shown(values[0]));
        different.map(|other| (promise.key, values[0].clone(), (*other).clone()))
    };
    let mut pairs: Vec<_> = promises.iter().filter_map(of).collect();
    pairs.push(("ClientSecret", json!("one"), json!("another")));
    pairs.push(("DataSource", json!("one"), json!("another")));
    pairs
}

#[test]
fn every_key_applies_when_its_row_says() {
    let mut seen: Vec<&str> = vec!["AdapterType"];
    for (key, old, new) in pairs() {
        let row = TABLE.iter().find(|row| row.key == key).unwrap();
        let [old, new] = [old, new].map(|value| accepted(&with(key, value)).settings);
        let change = Change::between(&old, &new);
        let waits = row.applies == table::Applies::Start;
        let expected: Vec<String> = waits.then(|| path(row.place, key)).into_iter().collect();
        assert_eq!(change.waiting, expected, "{key}");
        let holds = if waits { &old } else { &new };
        assert_eq!(shown(&change.settings), shown(holds), "{key}");
        let moves = row.applies == table::Applies::Succession;
        assert_eq!(change.moves, moves, "{key}");
        seen.push(key);
    }
    let without: Vec<&str> = TABLE
        .iter()
        .map(|row| row.key)
        .filter(|key| !seen.contains(key) && !key.contains("Proxy"))
        .collect();
    assert_eq!(without, [""; 0], "keys that were not tried");
}

#[test]
fn connections_move_for_credentials_and_the_way_and_for_nothing_else() {
    let proxy = |changes: Value| {
        let mut document: Value = serde_json::from_str(&plainest()).unwrap();
        let written = json!({
            "UseClientProxy": true, "ProxyProtocol": "http", "ProxyHostname": "proxy.example", "ProxyPort": 3128,
            "ProxyUsername": "user", "ProxyPassword": "one", "AdvancedSettings": {},
        });
        for block in [written, changes] {
            for (key, value) in block.as_object().unwrap() {
                document[key] = value.clone();
            }
        }
        accepted(&document.to_string()).settings
    };
    let plain = proxy(json!({}));
    let moves = |changes: Value| Change::between(&plain, &proxy(changes)).moves;
    for changes in [
        json!({"ProxyHostname": "other.example"}),
        json!({"ProxyPort": 3129}),
        json!({"ProxyProtocol": "socks5"}),
        json!({"ProxyUsername": "other"}),
        json!({"ProxyPassword": "another"}),
        json!({"UseClientProxy": false}),
        json!({"AdvancedSettings": {"ProxyBypass": "10.0.0.0/8"}}),
        json!({"ClientSecret": "another"}),
        json!({"ClientId": "another"}),
        json!({"AdvancedSettings": {"Trust": "system-roots"}}),
    ] {
        assert!(moves(changes.clone()), "{changes}");
    }
    for changes in [
        json!({}),
        json!({"ClientSecret": CANARY}),
        json!({"RegionHost": "us-east-1"}),
        json!({"AdvancedSettings": {"LogLevel": "trace", "OverlapS": 7, "RosterIntervalS": 60}}),
    ] {
        assert!(!moves(changes.clone()), "{changes}");
    }
}

#[test]
fn what_waits_for_the_next_start_is_named_key_by_key() {
    let running = accepted(&plainest()).settings;
    let mut document: Value = serde_json::from_str(&plainest()).unwrap();
    document["RegionHost"] = json!("us-east-1");
    document["AdvancedSettings"] =
        json!({"QueueMaxEvents": 2000, "LogLevel": "debug", "OverlapS": 9});
    let wanted = accepted(&document.to_string()).settings;
    let change = Change::between(&running, &wanted);
    let warnings: Vec<String> = change.warnings().iter().map(Problem::to_string).collect();
    let waits = "was changed, which applies when the adapter is started next; until then the old value holds. \
                 To have it now, stop the adapter and start it again.";
    assert_eq!(
        warnings,
        [
            format!("RegionHost {waits}"),
            format!("AdvancedSettings.QueueMaxEvents {waits}")
        ]
    );
    assert_eq!(change.settings.region, running.region);
    assert_eq!(change.settings.queue_max_events, running.queue_max_events);
    assert_eq!(change.settings.overlap, Duration::from_secs(9));
    // Handed over again, it still waits.
    assert_eq!(
        Change::between(&change.settings, &wanted).waiting,
        change.waiting
    );
}

#[test]
fn with_another_region_its_credentials_and_its_way_wait_as_it_does() {
    let of = |changes: Value| {
        let mut document: Value = serde_json::from_str(&plainest()).unwrap();
        for (key, value) in changes.as_object().unwrap() {
            document[key] = value.clone();
        }
        accepted(&document.to_string()).settings
    };
    let running = of(json!({}));
    let wanted = of(json!({
        "RegionHost": "us-east-1", "ClientId": "another", "ClientSecret": "another-secret", "UseClientProxy": true,
        "ProxyHostname": "proxy.example", "ProxyPort": 3128, "ProxyUsername": "user", "ProxyPassword": "one",
        "AdvancedSettings": {"Trust": "system-roots", "OverlapS": 9},
    }));
    let change = Change::between(&running, &wanted);
    assert_eq!(
        change.waiting,
        [
            "ClientId",
            "ClientSecret",
            "RegionHost",
            "UseClientProxy",
            "ProxyHostname",
            "ProxyPort",
            "ProxyUsername",
            "ProxyPassword",
            "AdvancedSettings.Trust"
        ]
    );
    assert!(!change.moves);
    let held = change.settings;
    assert_eq!(held.region, running.region);
    assert_eq!(held.client_id, running.client_id);
    assert_eq!(
        held.client_secret.expose_secret(),
        running.client_secret.expose_secret()
    );
    assert_eq!((held.trust, held.proxy.is_none()), (running.trust, true));
    assert_eq!(held.overlap, Duration::from_secs(9));
}
