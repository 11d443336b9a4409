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

/// The page's text.
pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    page += "\n## At the top\n\n";
    block(&mut page, Place::Top);
    let _ = write!(page, "\n## In `{ADVANCED}`\n\n");
    block(&mut page, Place::Advanced);
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
