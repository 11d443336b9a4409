//! The reference page of the settings, `docs/SETTINGS.md`.

use std::fmt::Write as _;

use super::table::{Kind, Place, Row, TABLE};
use super::{ADVANCED, asked, region};

const OPENING: &str = "\
# Settings

<!-- Made from the table in src/settings/table.rs; a test compares them. Change the table, then run:
     GCA_BLESS=1 cargo test -p genesys-cloud-adapter --lib settings -->

The settings of an adapter are one JSON object, which the host hands over with `gca_configure`. For example:

```json
{
  \"AdapterName\": \"Genesys Cloud EU\",
  \"DataSource\": \"Genesys Cloud\",
  \"ClientId\": \"00000000-0000-0000-0000-000000000000\",
  \"ClientSecret\": \"env:GENESYS_CLIENT_SECRET\",
  \"RegionHost\": \"eu-central-1\",
  \"AdvancedSettings\": { \"LogLevel\": \"info\" }
}
```

- Keys are case-sensitive; words such as `Automatic` or `info` are not.
- Numbers and booleans may be written as text (`\"300\"`, `\"false\"`). Blanks around a value are dropped.
- `null` and empty text count as not written: the default holds.
- All problems of a document are reported at once, one a line: the key, what is wrong, what would be right. A document
  with a problem changes nothing.
- An unknown key at the top, or a key that is written twice, is a problem. An unknown key in `AdvancedSettings` is a
  warning.
- The `Proxy…` keys are set aside, whatever they hold, while `UseClientProxy` is false: hosts store every field of
  their form.
- `gca_settings_schema` gives the same table as a JSON Schema (draft 2020-12), for a form.

When a new value applies: **live**, at once; **by succession**, by a new connection that takes over from the old one
without a gap; **at start**, when the adapter is started next.

## While the adapter runs

`gca_configure` takes a whole document at any time but while the adapter stops. What is not written in it is at its
default again.

- A document with a problem is refused (`GCA_ERR_SETTINGS`) and changes nothing: the adapter runs on as it was.
- Keys that apply live hold for what comes from then on. Attributes that were told under other rules are not told anew
  for that; one whose value looks different under the new rules is told when its call is heard of next.
- If a key that applies by succession is another, secrets included, connections are moved one at a time: the new one is
  brought up with the new settings and both are read for `OverlapS` before the old one is left. If the new settings turn
  out wrong (refused credentials, a proxy that is not there), the old connections go on, and the log says what fails.
- If a key that applies at start is another, the document is taken, the rest of it applies now, and a warning in the log
  names each key that waits. Such keys void what the feed rests on (its region, its queue, the names in its events), so
  that no succession can change them: stop the adapter and start it when it suits you. With another `RegionHost` the keys
  that apply by succession wait too, so that the old region hears nothing of the credentials of the new one.
- A file that `Trust` names is read when the settings apply, not again when only its content is another: give it another
  name, or start the adapter again.

`gca_restart` does what `RestartTime` does, now. `gca_set_log_level` changes the level until the next settings.
";

const RETRIES: &str = r#"
## Retries of a request

Five keys say how often a single request is repeated: `MaxRetry`, `MaxRetriesBeforeBackoff`, `MaxRetryTimeS`,
`DefaultRetryAfterMs`, `BackoffIntervalMs`. They never decide whether the adapter lives. When a request has used up its
repetitions, or with the defaults at once, what it was for is tried again with a wait of the adapter's own (drawn from 0 to
1 s, then to 2 s, up to 60 s), for ever.

A request is repeated after a 429, 502, 503 or 504, and where the connection broke before its answer was complete. One
that makes something (a notification channel) is repeated only where nothing was made for certain: after a 429 or 503. Any
other answer is final. Each repetition counts in `RequestsPerMinute`, and none starts before the platform's `Retry-After`.

| after | the repetition starts |
|---|---|
| a 429 | after its `Retry-After`, else after `DefaultRetryAfterMs`; it never backs off |
| one of the first `MaxRetriesBeforeBackoff` others | the same |
| a later one, with a `BackoffIntervalMs` | after 3 s; after 9 s if one interval has passed since the request was first sent; after 27 s if two have; later if its `Retry-After` is longer |
| a later one, with `BackoffIntervalMs` 0 | as one of the first: there is no back-off |

No delay is shorter than 100 ms. If the repetition would start later than `MaxRetryTimeS` after the request was first sent, or
if `Retry-After` is longer than 180 s, there is none.

The keys are those of the platform's official clients, which do not all keep them in the same way. What differs here:

| | official clients | this adapter |
|---|---|---|
| `MaxRetry` n | Java: n + 1 repetitions, and the back-off is not counted. .NET: the back-off is counted. Kotlin: no such limit | n, both stages together; 0 is none |
| `MaxRetriesBeforeBackoff` | .NET: always 5 | as it is set; 0 begins with the back-off |
| `MaxRetryTimeS` | compared before the wait, so that a repetition may start up to 180 s too late | no repetition starts later |
| `DefaultRetryAfterMs` 0 | repeats at once | repeats after 100 ms |
| `BackoffIntervalMs` 0 | Java, .NET: an error when the back-off begins. Kotlin: always 27 s | no back-off, the plain delay goes on |
| `Retry-After` | seconds only; Java fails on a date, .NET passes over it. Not looked at in the back-off | seconds or a date; in the back-off the longer wait holds |
| a broken connection | Java, .NET, Kotlin: never repeated. Go, Python: repeated for every request | repeated, but for what makes something |
| 500, 408 | Go repeats all 5xx but 501, the JavaScript client for notifications 408 and 500 too | final |

(Read in `purecloudlabs/platform-client-sdk-common` ef8c86fd675a, from which the clients are generated, and in
`purecloudlabs/genesys-cloud-streaming-client` 19.8.0.)
"#;

const ATTRIBUTES: &str = r#"
## Attributes: what is told, what is masked

`AttributeAllow` and `AttributeMask` are one line of text each, as it is typed into a form. In a JSON document each
backslash is written twice.

| `AttributeAllow` | tells |
|---|---|
| *(empty)* | every attribute |
| `CustomerNumber, Language` | these two |
| `crm.*, Language` | those whose keys begin with `crm.`, and `Language` |

Blanks around a key mean nothing. A key that itself holds a comma or a `*` is named by how it begins: `Account*`.

| `AttributeMask` | in JSON | masks |
|---|---|---|
| `cards` | `"cards"` | card numbers |
| `cards, /DE[0-9]{20}/` | `"cards, /DE[0-9]{20}/"` | card numbers, and German IBANs without blanks |
| `cards, /(?i)password: \S+/` | `"cards, /(?i)password: \\S+/"` | card numbers, and `password:` in any case with the word behind it |
| `cards, /[0-9]{3,4}\/[0-9]{2}/, /\bPIN [0-9]+/` | `"cards, /[0-9]{3,4}\\/[0-9]{2}/, /\\bPIN [0-9]+/"` | card numbers, and what two patterns match |
| `none` | `"none"` | nothing |

- **Card numbers** are 13 to 19 digits (0 to 9) whose last one is right by Luhn's formula, in one piece or in groups with
  one blank or dash between them. A piece of more than 19 digits is none, and the digits of a UUID are none. The last four
  digits stay readable, and so do blanks and dashes: `4111 1111 1111 1111` becomes `**** **** **** 1111`. One of ten
  other numbers of that length looks like a card number too and is masked as one.
- **A pattern** stands between slashes, so commas and blanks in it are its own; a slash in it is written `\/`. It is a
  [regular expression](https://docs.rs/regex/latest/regex/#syntax) without look-around and back-references, and case
  matters unless it begins with `(?i)`. Every character that it matches becomes a `*`. One that cannot be read, that is
  too large (256 KiB compiled), or that matches the empty text is refused; there may be 32 of them.
- All masks look at the value as it came, so their order makes no difference.
"#;

/// The page's text.
pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    page += "\n## At the top\n\n";
    block(&mut page, Place::Top);
    let _ = write!(page, "\n## In `{ADVANCED}`\n\n");
    block(&mut page, Place::Advanced);
    page += RETRIES;
    page += ATTRIBUTES;
    page += "\n## Regions\n\n| AWS region | domain |\n|---|---|\n";
    for (aws, domain) in region::KNOWN {
        let _ = writeln!(page, "| {aws} | {domain} |");
    }
    page
}

fn block(page: &mut String, place: Place) {
    *page += "| key | value | default | applies | meaning |\n|---|---|---|---|---|\n";
    for row in TABLE.iter().filter(|row| row.place == place) {
        let default = match row.default {
            None => "**required**".to_owned(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let applies = row.applies.word();
        let cells = [
            format!("`{}`", row.key),
            value(row),
            default,
            applies.to_owned(),
            meaning(row),
        ];
        let _ = writeln!(
            page,
            "| {} |",
            cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
        );
    }
}

fn value(row: &Row) -> String {
    let asked = match &row.kind {
        Kind::Choice { words, .. } => words
            .iter()
            .map(|(word, _)| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
        _ => asked(row),
    };
    let asked = if asked.is_empty() {
        "text".to_owned()
    } else {
        asked
    };
    if row.secret.is_some() {
        format!("{asked}; never shown")
    } else {
        asked
    }
}

fn meaning(row: &Row) -> String {
    let mut meaning = row.help.to_owned();
    if let Kind::Choice { words, .. } = &row.kind {
        for (word, says) in *words {
            let _ = write!(meaning, " `{word}`: {says}.");
        }
    }
    meaning
}
