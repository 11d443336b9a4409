//! Numbers of payment cards in text.
//!
//! One has 13 to 19 digits, the last of them right by Luhn's formula (ISO/IEC 7812-1), in one piece or in groups with
//! one blank or dash between them. All its digits but the last four are hidden (PCI DSS 3.4 would allow six more).
//!
//! Groups are taken whole and in any number, since a text does not say where a number begins: `Order 12 4111 1111 …`
//! holds a card's number after the 12. What looks like a card's number in two ways is hidden in both. What is left holds
//! nothing that would be found again.

use std::ops::Range;

const FEWEST: usize = 13;
const MOST: usize = 19;
const READABLE: usize = 4;

/// Adds the places of the digits that are to be hidden.
pub(super) fn find(text: &str, hidden: &mut Vec<Range<usize>>) {
    // Most values end here; counting without branches costs next to nothing.
    if text.bytes().filter(u8::is_ascii_digit).count() < FEWEST {
        return;
    }
    let mut row = Vec::new();
    let mut gap = Gap::Wide;
    let mut skip_to = 0;
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if is_uuid(text.as_bytes(), at) {
            skip_to = at + UUID;
            gap = Gap::Wide;
        } else if let Some(value) = c.to_digit(10) {
            match gap {
                Gap::None => {}
                Gap::Separator => close(&mut row),
                Gap::Wide => {
                    hide(&mut row, hidden);
                    row.clear();
                }
            }
            row.push(Digit {
                at,
                value,
                opens: gap != Gap::None,
                closes: false,
            });
            gap = Gap::None;
        } else if gap == Gap::None && is_separator(c) {
            gap = Gap::Separator;
        } else {
            gap = Gap::Wide;
        }
    }
    hide(&mut row, hidden);
}

/// What stands between a digit and the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Separator,
    Wide,
}

/// A digit of a row of groups.
struct Digit {
    at: usize,
    value: u32,
    /// It is the first of its group.
    opens: bool,
    /// It is the last of its group.
    closes: bool,
}

fn close(row: &mut [Digit]) {
    if let Some(last) = row.last_mut() {
        last.closes = true;
    }
}

/// Hides what looks like a card's number in groups that follow each other.
fn hide(row: &mut [Digit], hidden: &mut Vec<Range<usize>>) {
    close(row);
    // Up to here, not included, digits are hidden.
    let mut reach = 0;
    for first in 0..row.len() {
        // The digits that stay readable look like a group of their own: with the next ones they must make no number.
        let is_left_over = reach > 0 && first == reach;
        if !row[first].opens && !is_left_over {
            continue;
        }
        let Some(length) = longest(&row[first..]) else {
            continue;
        };
        let until = first + length - READABLE;
        for digit in row.get(reach.max(first)..until).unwrap_or_default() {
            hidden.push(digit.at..digit.at + 1);
        }
        reach = reach.max(until);
    }
}

/// How many digits the longest card's number has that begins the row. It hides what the shorter ones would.
fn longest(row: &[Digit]) -> Option<usize> {
    let mut found = None;
    // Luhn doubles every second digit, counted from the last. Which ones these are is known at the end, so both sums
    // are kept: with the first digit doubled, and with the second.
    let (mut first_doubled, mut second_doubled) = (0, 0);
    for (place, digit) in row.iter().take(MOST).enumerate() {
        let doubled = digit.value * 2 / 10 + digit.value * 2 % 10;
        let (first, second) = match place % 2 {
            0 => (doubled, digit.value),
            _ => (digit.value, doubled),
        };
        first_doubled += first;
        second_doubled += second;
        let length = place + 1;
        let sum = if length % 2 == 0 {
            first_doubled
        } else {
            second_doubled
        };
        if digit.closes && length >= FEWEST && sum % 10 == 0 {
            found = Some(length);
        }
    }
    found
}

/// Blanks and dashes that people and programs write between groups, the typographic ones too.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{2010}'
            ..='\u{2015}' | '\u{2212}'
    )
}

const UUID: usize = 36;

/// Whether a UUID begins here, one that is not written in decimal digits alone. Identifiers of conversations and
/// participants are often kept in attributes, and three of a thousand (version 4) hold digits that pass for a card's
/// number.
fn is_uuid(text: &[u8], at: usize) -> bool {
    let is_word = |place: usize| text.get(place).is_some_and(u8::is_ascii_alphanumeric);
    let Some(uuid) = text.get(at..at + UUID) else {
        return false;
    };
    uuid[8] == b'-'
        && uuid.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
        && uuid.iter().any(u8::is_ascii_alphabetic)
        && !(at > 0 && is_word(at - 1))
        && !is_word(at + UUID)
}
