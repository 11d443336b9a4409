//! What the rules for attributes promise to those who must keep card numbers out of a recorder.

use super::*;
use crate::settings;

/// The rules of settings as an operator writes them.
fn rules(allow: &str, mask: &str) -> AttributeRules {
    let document = serde_json::json!({
        "AdapterName": "A", "DataSource": "D", "ClientId": "I", "ClientSecret": "S", "RegionHost": "eu-west-1",
        "AdvancedSettings": { "AttributeAllow": allow, "AttributeMask": mask },
    });
    let read = settings::read(&document.to_string());
    let settings = read
        .unwrap_or_else(|problems| panic!("{}", settings::report(&problems)))
        .settings;
    AttributeRules::new(&settings.attribute_allow, &settings.attribute_mask)
}

fn masked(rules: &AttributeRules, text: &str) -> String {
    rules.mask(text).into_owned()
}

#[allow(clippy::ptr_arg, reason = "whether it is borrowed is what is asked")]
fn is_borrowed(text: &Cow<'_, str>) -> bool {
    matches!(text, Cow::Borrowed(_))
}

/// Numbers that card networks publish for tests.
const CARDS: [&str; 9] = [
    "4222222222222",       // Visa, 13 digits
    "30569309025904",      // Diners, 14
    "378282246310005",     // American Express, 15
    "4111111111111111",    // Visa, 16
    "5555555555554444",    // Mastercard
    "6011111111111117",    // Discover
    "3530111333300000",    // JCB
    "6304000000000000000", // Maestro, 19
    "6205500000000000004", // UnionPay, 19
];

#[test]
fn without_settings_every_key_is_told_and_cards_are_masked() {
    for rules in [AttributeRules::default(), rules("", "")] {
        assert_eq!(rules.apply("anything at all", "value").unwrap(), "value");
        assert_eq!(rules.apply("", "").unwrap(), "");
        let told = rules.apply("card", "4111111111111111").unwrap();
        assert_eq!(told, "************1111");
    }
}

#[test]
fn only_allowed_keys_are_told_and_case_matters() {
    let rules = rules("Language , crm.*, Größe", "cards");
    for key in ["Language", "crm.", "crm.id", "Größe"] {
        assert!(rules.apply(key, "x").is_some(), "{key}");
    }
    for key in [
        "language",
        "Language ",
        "Languages",
        "CRM.id",
        "crm",
        "xcrm.",
        "",
        "Grösse",
    ] {
        assert!(rules.apply(key, "x").is_none(), "{key}");
    }
    assert!(
        super::AttributeRules::new(
            &[AllowedKey::Beginning(String::new())],
            &AttributeMask::default()
        )
        .apply("any", "x")
        .is_some()
    );
}

#[test]
fn a_value_in_which_nothing_is_masked_is_lent() {
    let rules = rules("", "cards, /secret/");
    for value in [
        "",
        "no digit in it",
        "12 digits: 411111111111",
        "4111111111111112",
        "größer – naïve 😀",
    ] {
        assert!(is_borrowed(&rules.mask(value)), "{value}");
        assert!(is_borrowed(&rules.apply("k", value).unwrap()), "{value}");
    }
}

#[test]
fn cards_of_every_length_keep_their_last_four_digits() {
    let rules = AttributeRules::default();
    for card in CARDS {
        let stars = "*".repeat(card.len() - 4);
        let last = &card[card.len() - 4..];
        assert_eq!(masked(&rules, card), format!("{stars}{last}"));
        for (before, after) in [
            ("Karte: ", "."),
            ("x", "x"),
            ("(", ")"),
            ("1, ", ", 2"),
            ("é", "😀"),
            ("*", "*"),
        ] {
            assert_eq!(
                masked(&rules, &format!("{before}{card}{after}")),
                format!("{before}{stars}{last}{after}")
            );
        }
    }
}

#[test]
fn a_wrong_digit_anywhere_makes_it_another_number() {
    let rules = AttributeRules::default();
    for card in CARDS {
        for place in 0..card.len() {
            for digit in '0'..='9' {
                let mut other = card.to_owned();
                other.replace_range(place..=place, &digit.to_string());
                assert_eq!(is_borrowed(&rules.mask(&other)), other != card, "{other}");
            }
        }
    }
}

#[test]
fn groups_keep_their_separators() {
    let rules = AttributeRules::default();
    for (written, told) in [
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("4111-1111-1111-1111", "****-****-****-1111"),
        ("4111-1111 1111-1111", "****-**** ****-1111"),
        ("3782 822463 10005", "**** ****** *0005"),
        ("6304 0000 0000 0000 000", "**** **** **** ***0 000"),
        (
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "* * * * * * * * * * * * 1 1 1 1",
        ),
        (
            "4111\u{a0}1111\u{202f}1111\u{2011}1111",
            "****\u{a0}****\u{202f}****\u{2011}1111",
        ),
        ("x4111 1111 1111 1111y", "x**** **** **** 1111y"),
    ] {
        assert_eq!(masked(&rules, written), told);
    }
    for other in [
        "4111  1111 1111 1111",
        "4111 -1111 1111 1111",
        "4111\t1111 1111 1111",
        "4111.1111.1111.1111",
        "4111/1111 1111 1111",
    ] {
        assert!(is_borrowed(&rules.mask(other)), "{other}");
    }
}

#[test]
fn a_card_is_found_beside_other_numbers() {
    let rules = AttributeRules::default();
    for (written, told) in [
        ("Order 77 4111111111111111", "Order 77 ************1111"),
        (
            "4111 1111 1111 1111 12/27 123",
            "**** **** **** 1111 12/27 123",
        ),
        (
            "4111111111111111 5555555555554444",
            "************1111 ************4444",
        ),
        (
            "4111111111111111-378282246310005",
            "************1111-***********0005",
        ),
        (
            "4111111111111111,5555555555554444",
            "************1111,************4444",
        ),
        ("3 4111 1111 1111 1111 1", "3 **** **** **** 1111 1"),
    ] {
        assert_eq!(masked(&rules, written), told);
    }
}

#[test]
fn a_part_of_a_longer_piece_is_no_card() {
    let rules = AttributeRules::default();
    for longer in [
        "41111111111111111111",
        "00004111111111111111",
        "4111111111111111000000000000",
    ] {
        assert!(is_borrowed(&rules.mask(longer)), "{longer}");
    }
    assert_eq!(
        masked(&rules, "00004111111111111111 4111111111111111"),
        "00004111111111111111 ************1111"
    );
    // Fewer than thirteen.
    for shorter in ["000000000000", "0000-0000-0000"] {
        assert!(is_borrowed(&rules.mask(shorter)), "{shorter}");
    }
}

#[test]
fn the_digits_of_a_uuid_are_no_card() {
    let rules = AttributeRules::default();
    let uuid = "abcdefab-cdef-4abc-4111-111111111111";
    assert_eq!(masked(&rules, &uuid[19..]), "****-********1111");
    for (before, after) in [("", ""), ("id=", ";"), ("12-", "-12"), ("é", "é")] {
        for uuid in [uuid.to_owned(), uuid.to_uppercase()] {
            let text = format!("{before}{uuid}{after}");
            assert!(is_borrowed(&rules.mask(&text)), "{text}");
            assert_eq!(
                masked(&rules, &format!("{text} 4111 1111 1111 1111 {text}")),
                format!("{text} **** **** **** 1111 {text}")
            );
        }
    }
    // What only resembles one is none; one of decimal digits alone may well be something else.
    for other in [
        "gabcdefab-cdef-4abc-4111-111111111111",
        "1abcdefab-cdef-4abc-4111-111111111111",
        "abcdefag-cdef-4abc-4111-111111111111",
        "abcdefab cdef-4abc-4111-111111111111",
        "bcdefab-cdef-4abc-4111-111111111111",
        "abcdefab-cdef-4abc-4111-111111111111x",
        "00000000-0000-0000-0000-000000000000",
    ] {
        assert!(!is_borrowed(&rules.mask(other)), "{other}");
    }
}

#[test]
fn patterns_are_masked_character_by_character() {
    let rules = rules(
        "",
        r"/(?i)pin:? ?\d+/, /größe/, /\bDE[0-9]{4}\/[0-9]{2,3}, ok/",
    );
    for (written, told) in [
        ("my PIN: 1234!", "my *********!"),
        ("die größe 5", "die ***** 5"),
        ("größegröße", "**********"),
        ("DE1234/567, ok.", "**************."),
        ("4111111111111111", "4111111111111111"),
    ] {
        assert_eq!(masked(&rules, written), told);
    }
    let emoji = self::rules("", "/😀+/");
    assert_eq!(masked(&emoji, "a😀😀b"), "a**b");
}

#[test]
fn masks_that_overlap_hide_what_any_of_them_hides() {
    let rules = rules("", "cards, /1111 x/, /11 1111 1/, /x 5/");
    assert_eq!(
        masked(&rules, "4111 1111 1111 1111 x 55"),
        "************** ********5"
    );
}

#[test]
fn what_a_pattern_leaves_of_a_longer_number_is_no_card_either() {
    let rules = rules("", "cards, /^[0-9]{5}/");
    assert_eq!(
        masked(&rules, "000004111111111111111"),
        "*****************1111"
    );
}

#[test]
fn none_masks_nothing() {
    let rules = rules("", "None");
    assert!(is_borrowed(&rules.mask("4111111111111111")));
}

/// A small generator of numbers (splitmix64): the same seed, the same texts.
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

/// Luhn's formula as it is told: from the last digit, every second one doubled.
fn is_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Every card number in a text, found the slow way: each beginning with each end.
fn cards_in(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let mut found = Vec::new();
    for start in 0..bytes.len() {
        if !is_digit(Some(start)) || is_digit(start.checked_sub(1)) {
            continue;
        }
        let mut digits = String::new();
        for end in start..bytes.len() {
            let byte = bytes[end];
            if byte.is_ascii_digit() {
                digits.push(char::from(byte));
            } else if !(matches!(byte, b' ' | b'-') && is_digit(Some(end - 1))) {
                break;
            }
            let is_end = byte.is_ascii_digit() && !is_digit(Some(end + 1));
            if is_end && (13..=19).contains(&digits.len()) && is_luhn(&digits) {
                found.push(&text[start..=end]);
            }
        }
    }
    found
}

#[test]
fn no_card_number_survives_and_nothing_else_is_touched() {
    let rules = AttributeRules::default();
    // The more zeros, the more sums end in zero; letters of more than one byte shift all places.
    let alphabets = [
        "0123456789",
        "000000000012- ",
        "0123456789012345678901234567890123456789 -",
        "01234567890123456789 -xé*",
    ];
    let (mut with, mut without) = (0, 0);
    for seed in 0..60_000 {
        let mut dice = Dice(seed);
        let alphabet: Vec<char> = alphabets[dice.roll(alphabets.len())].chars().collect();
        let length = 10 + dice.roll(50);
        let text: String = (0..length)
            .map(|_| alphabet[dice.roll(alphabet.len())])
            .collect();
        let told = rules.mask(&text);
        let found = cards_in(&text);
        assert_eq!(
            is_borrowed(&told),
            found.is_empty(),
            "seed {seed}: {text} -> {told}"
        );
        assert_eq!(cards_in(&told), [""; 0], "seed {seed}: {text} -> {told}");
        assert!(
            is_borrowed(&rules.mask(&told)),
            "seed {seed}: {text} -> {told}"
        );
        for (written, shown) in text.chars().zip(told.chars()) {
            let is_hidden = written.is_ascii_digit() && shown == '*';
            assert!(
                shown == written || is_hidden,
                "seed {seed}: {text} -> {told}"
            );
        }
        assert_eq!(text.chars().count(), told.chars().count(), "seed {seed}");
        // Of each number that stood there, at most the last four digits can be read.
        for card in &found {
            let at = card.as_ptr() as usize - text.as_ptr() as usize;
            let skip = text[..at].chars().count();
            let shown: String = told.chars().skip(skip).take(card.len()).collect();
            let digits = card.bytes().filter(u8::is_ascii_digit).count();
            let stars = shown.matches('*').count();
            assert!(stars >= digits - 4, "seed {seed}: {card} -> {shown}");
        }
        match found.is_empty() {
            true => without += 1,
            false => with += 1,
        }
    }
    assert!(
        with > 5_000 && without > 5_000,
        "the loop must see both: {with} with, {without} without"
    );
}

#[test]
fn whatever_patterns_hide_no_card_number_survives() {
    let rules = rules("", r"cards, /[12]+/, /0 /, /-./, /^.{3}/");
    for seed in 0..20_000 {
        let mut dice = Dice(seed);
        let alphabet: Vec<char> = "0123456789034567890345678903456789é -".chars().collect();
        let text: String = (0..60)
            .map(|_| alphabet[dice.roll(alphabet.len())])
            .collect();
        let told = rules.mask(&text);
        assert_eq!(cards_in(&told), [""; 0], "seed {seed}: {text} -> {told}");
        assert_eq!(text.chars().count(), told.chars().count(), "seed {seed}");
    }
}

#[test]
fn every_made_card_is_masked_however_it_is_grouped() {
    let rules = AttributeRules::default();
    for seed in 0..20_000 {
        let mut dice = Dice(seed);
        let mut card: String = (0..12 + dice.roll(7))
            .map(|_| char::from(b'0' + dice.roll(10) as u8))
            .collect();
        card.push('0');
        while !is_luhn(&card) {
            let last = card.pop().unwrap();
            card.push(char::from(last as u8 + 1));
        }
        let mut written = String::from("ü");
        for (place, digit) in card.chars().enumerate() {
            if place > 0 && dice.roll(4) == 0 {
                written.push(['-', ' '][dice.roll(2)]);
            }
            written.push(digit);
        }
        written.push_str("; ");
        let told = masked(&rules, &written);
        let readable: String = told.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(
            readable,
            card[card.len() - 4..],
            "seed {seed}: {written} -> {told}"
        );
    }
}

#[test]
fn texts_made_to_be_slow_are_masked_in_time() {
    // What takes other engines longer than the age of the universe.
    let rules = rules("", r"cards, /(a+)+$/, /(x+x+)+y/, /(?:a|aa)+z/, /(.*)*=/");
    let began = std::time::Instant::now();
    for text in [
        "a".repeat(20_000) + "!",
        "x".repeat(20_000),
        "aé".repeat(10_000),
    ] {
        assert!(!rules.mask(&text).is_empty());
    }
    // Each digit begins a group and none of them ends a number; all zeros; groups that overlap without end.
    let cards = AttributeRules::default();
    for text in [
        "1 ".repeat(100_000),
        "0".repeat(100_000),
        "0 ".repeat(100_000),
        "4111111111111111 ".repeat(10_000),
    ] {
        assert!(!cards.mask(&text).is_empty());
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn first_and_last_value_are_kept_in_the_order_of_keys() {
    let mut attributes = Attributes::default();
    assert!(attributes.is_empty());
    for (key, value, first) in [
        ("b", "1", "1"),
        ("a", "", ""),
        ("B", "1", "1"),
        ("b", "2", "1"),
        ("b", "1", "1"),
        ("a", "x", ""),
    ] {
        let number = attributes.give(&key.into(), &value.into());
        assert_eq!(&*attributes.get(number).first, first, "{key} {value}");
    }
    let all: Vec<(&str, &str, &str)> = attributes
        .iter()
        .map(|a| (&*a.key, &*a.first, &*a.last))
        .collect();
    assert_eq!(all, [("b", "1", "1"), ("a", "", "x"), ("B", "1", "1")]);
}

#[test]
fn the_order_of_keys_makes_no_difference_to_what_is_found() {
    let mut attributes = Attributes::default();
    let mut dice = Dice(7);
    let mut model = std::collections::BTreeMap::<String, (String, String)>::new();
    for _ in 0..5_000 {
        let (key, value) = (dice.roll(30).to_string(), dice.roll(3).to_string());
        let number = attributes.give(&key.as_str().into(), &value.as_str().into());
        let first = attributes.get(number).first.to_string();
        let known = model.entry(key).or_insert((value.clone(), String::new()));
        assert_eq!(first, known.0);
        known.1 = value;
    }
    assert_eq!(attributes.iter().len(), model.len());
    for Attribute { key, first, last } in attributes.iter() {
        assert_eq!(model[&**key], (first.to_string(), last.to_string()));
    }
}

#[test]
fn values_stay_out_of_debug_texts() {
    let mut attributes = Attributes::default();
    attributes.give(&"key".into(), &"canary".into());
    attributes.give(&"key".into(), &"canary2".into());
    let all = attributes.iter().collect::<Vec<_>>();
    let texts = format!("{attributes:?} {attributes:#?} {all:?}");
    assert!(
        texts.contains("key") && !texts.contains("canary"),
        "{texts}"
    );
}
