//! The reference page of the settings, `docs/SETTINGS.md`.

use std::fmt::Write as _;

use super::table::{Kind, Place, Row, TABLE};
use super::{ADVANCED, asked, later, region};

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
- `gca_settings_schema` gives the same table as a JSON Schema (draft 2020-12), for a form.

When a new value applies: **live**, at once; **by succession**, by a new connection that takes over from the old one
without a gap; **at start**, when the adapter is started next. This version takes new settings only while the adapter
is stopped (`GCA_ERR_STATE` otherwise), so all of them apply at the next start; the log level can be changed at any time
with `gca_set_log_level`.
";

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
    page += ATTRIBUTES;
    page += "\n## Regions\n\n| AWS region | domain |\n|---|---|\n";
    for (aws, domain) in region::KNOWN {
        let _ = writeln!(page, "| {aws} | {domain} |");
    }
    page += "\n## Known, without effect in this version\n\n";
    let listed = |keys: &[&str]| {
        keys.iter()
            .map(|key| format!("`{key}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = writeln!(
        page,
        "At the top, set aside in silence while `UseClientProxy` is false: {}.\n",
        listed(&later::SET_ASIDE)
    );
    let _ = writeln!(
        page,
        "In `{ADVANCED}`, with a warning each: {}.",
        listed(&later::WITHOUT_EFFECT)
    );
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
    if row.secret {
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
