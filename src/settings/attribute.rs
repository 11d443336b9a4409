//! Which attributes of a conversation may be told, and what of their values is hidden, as an operator says it.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::{Fault, quoted};

/// The key of an attribute, or how keys begin. Case matters, as it does on the platform ("Set Participant Data action",
/// Genesys Cloud Resource Center).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedKey {
    /// This key.
    Whole(String),
    /// Every key that begins so.
    Beginning(String),
}

/// What is hidden in the values of attributes and in other texts that people write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMask {
    /// Numbers of payment cards.
    pub cards: bool,
    /// What the operator's own patterns match.
    pub patterns: Vec<MaskPattern>,
}

impl Default for AttributeMask {
    /// Card numbers, and nothing else.
    fn default() -> Self {
        Self {
            cards: true,
            patterns: Vec::new(),
        }
    }
}

/// A pattern that was checked: it compiles to something small, and what it matches is never empty.
#[derive(Clone)]
pub struct MaskPattern(Regex);

impl MaskPattern {
    /// The pattern, ready for use.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

impl fmt::Debug for MaskPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.0.as_str())
    }
}

impl PartialEq for MaskPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for MaskPattern {}

/// Reads `Key, Beginning*`. Nothing written: no names, which allow every key.
pub(super) fn read_allow(text: &str) -> Result<Vec<AllowedKey>, Fault> {
    const RIGHT: &str =
        "Write keys with commas between them; a `*` at the end of one stands for any ending";
    if text.is_empty() {
        return Ok(Vec::new());
    }
    no_control(text, "Write it on one line")?;
    let one = |name: &str| {
        let name = name.trim();
        if name.is_empty() {
            // Passing over it would make `,` mean every key.
            return Err(Fault::new("has a comma with no key beside it", RIGHT));
        }
        let (name, is_beginning) = match name.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (name, false),
        };
        if name.contains('*') {
            let wrong = format!("has a `*` before the end of {}", quoted(name));
            return Err(Fault::new(wrong, RIGHT));
        }
        Ok(if is_beginning {
            AllowedKey::Beginning(name.to_owned())
        } else {
            AllowedKey::Whole(name.to_owned())
        })
    };
    text.split(',').map(one).collect()
}

/// As an operator would write it.
pub(super) fn allow_written(allow: &[AllowedKey]) -> String {
    let one = |key: &AllowedKey| match key {
        AllowedKey::Whole(key) => key.clone(),
        AllowedKey::Beginning(beginning) => format!("{beginning}*"),
    };
    allow.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What would be right where the parts cannot be told from each other.
const PARTS: &str = "Write `none`, or `cards` and patterns between slashes, with commas between them: \
                     `cards, /DE[0-9]{20}/`";

/// The most patterns: each is tried on each value.
const MOST_PATTERNS: usize = 32;

/// What a compiled pattern may take, in bytes; a search takes as much again for what it remembers.
const LARGEST_PATTERN: usize = 256 << 10;

/// Reads `cards, /PATTERN/, /PATTERN/` or `none`; a warning if card numbers stay readable without `none`.
pub(super) fn read_mask(text: &str) -> Result<(AttributeMask, Option<Fault>), Fault> {
    // `\b` with one backslash is a backspace in JSON: a pattern that would silently match nothing.
    no_control(
        text,
        "Write it on one line, and in JSON write each backslash of a pattern twice: `/\\\\bDE/`",
    )?;
    let (mut cards, mut none, mut patterns) = (false, false, Vec::new());
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(opened) = rest.strip_prefix('/') {
            let Some((pattern, after)) = up_to_slash(opened) else {
                let wrong = format!("has a pattern without its closing slash: {}", quoted(rest));
                return Err(Fault::new(wrong, PARTS));
            };
            patterns.push(compile(pattern)?);
            rest = after.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                let wrong = format!(
                    "has {} after the closing slash of {}",
                    quoted(rest),
                    quoted(&format!("/{pattern}/"))
                );
                let right = "Write `\\/` for a slash inside a pattern, `(?i)` at its beginning if case shall not \
                             matter, and a comma between patterns";
                return Err(Fault::new(wrong, right));
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            match word.trim_end() {
                "" => return Err(Fault::new("has a comma with nothing beside it", PARTS)),
                word if word.eq_ignore_ascii_case("cards") => cards = true,
                word if word.eq_ignore_ascii_case("none") => none = true,
                word => {
                    let wrong = format!(
                        "has {}, which is neither a word nor a pattern",
                        quoted(word)
                    );
                    return Err(Fault::new(wrong, PARTS));
                }
            }
        }
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    if none && (cards || !patterns.is_empty()) {
        return Err(Fault::new(
            "has `none` beside other words or patterns",
            "Write `none` alone, or leave it out",
        ));
    }
    if patterns.len() > MOST_PATTERNS {
        return Err(Fault::new(
            format!("has {} patterns", patterns.len()),
            format!("Write {MOST_PATTERNS} at the most; `(?:A|B)` makes one of two"),
        ));
    }
    let warning = (!cards && !none).then(|| {
        Fault::new(
            "has patterns, but not the word `cards`: card numbers are not masked",
            "If that is not what you meant, write `cards` before the patterns",
        )
    });
    Ok((AttributeMask { cards, patterns }, warning))
}

/// As an operator would write it.
pub(super) fn mask_written(mask: &AttributeMask) -> String {
    let cards = mask.cards.then(|| "cards".to_owned());
    let patterns = mask.patterns.iter().map(|pattern| format!("{pattern:?}"));
    let parts: Vec<String> = cards.into_iter().chain(patterns).collect();
    if parts.is_empty() {
        return "none".to_owned();
    }
    parts.join(", ")
}

/// What stands before the next slash, and what behind it. A slash after a backslash belongs to the pattern.
fn up_to_slash(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '/' => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn compile(pattern: &str) -> Result<MaskPattern, Fault> {
    let shown = quoted(&format!("/{pattern}/"));
    let parsed = regex_syntax::parse(pattern).map_err(|error| {
        let (place, wrong) = match &error {
            regex_syntax::Error::Parse(error) => {
                (Some(error.span().start.column), error.kind().to_string())
            }
            regex_syntax::Error::Translate(error) => {
                (Some(error.span().start.column), error.kind().to_string())
            }
            _ => (None, "it cannot be read".to_owned()),
        };
        let place = place.map_or_else(String::new, |column| format!(" at its character {column}"));
        Fault::new(
            format!("has the pattern {shown}, which is wrong{place}: {wrong}"),
            "Write a regular expression as the Rust crate `regex` knows it: without look-around and back-references, \
             and with a backslash before a character that is meant as itself",
        )
    })?;
    match parsed.properties().minimum_len() {
        Some(0) => {
            return Err(Fault::new(
                format!("has the pattern {shown}, which matches the empty text too"),
                "Write one that needs at least one character: `+` instead of `*` or `?`",
            ));
        }
        Some(_) => {}
        None => {
            return Err(Fault::new(
                format!("has the pattern {shown}, which can match no text at all"),
                "Correct it, or leave it out",
            ));
        }
    }
    let compiled = RegexBuilder::new(pattern)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN)
        .build();
    compiled.map(MaskPattern).map_err(|_| {
        Fault::new(
            format!("has the pattern {shown}, which is too large once it is compiled"),
            "Write smaller numbers in `{}`, and `[0-9]` and `[A-Za-z]` instead of `\\d` and `\\w`, which stand for \
             the digits and letters of all scripts",
        )
    })
}

fn no_control(text: &str, right: &str) -> Result<(), Fault> {
    if text.contains(char::is_control) {
        return Err(Fault::new("holds a control character", right));
    }
    Ok(())
}
