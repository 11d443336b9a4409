//! The layouts of all types of version 1, compared with the committed ones. What was released is never changed: fields
//! and numbers are only appended.

use std::fmt::Write as _;

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TypeLayout};

use super::abi::*;

/// One line for each type, each field with its offset, size and type, each value with its number.
fn describe(layout: &TypeLayout) -> String {
    let mut text = format!(
        "{} size {} align {}\n",
        layout.name(),
        layout.size(),
        layout.alignment()
    );
    match layout.data() {
        TLData::Struct { fields } => {
            let mut end = 0_usize;
            for field in fields.iter() {
                let inner = field.layout();
                // The rule of `repr(C)`: each field at the next place that suits it.
                let at = end.next_multiple_of(inner.alignment());
                end = at + inner.size();
                let _ = writeln!(text, "  {:>3} {:>2} {}", at, inner.size(), field.name());
            }
            let end = end.next_multiple_of(layout.alignment());
            assert_eq!(end, layout.size(), "{}: not repr(C)?", layout.name());
        }
        TLData::Enum(values) => {
            // abi_stable shows the numbers to compare, not to read; their Debug is one list.
            let numbers = format!("{:?}", values.discriminants);
            let numbers: Vec<_> = numbers
                .split(|c: char| !c.is_ascii_digit() && c != '-')
                .filter(|part| part.parse::<i64>().is_ok())
                .collect();
            let names: Vec<_> = values.variant_names_iter().collect();
            assert_eq!(numbers.len(), names.len(), "{:?}", values.discriminants);
            for (name, number) in names.iter().zip(numbers) {
                let _ = writeln!(text, "  {number:>3} {name}");
            }
        }
        other => panic!("{}: {other:?}", layout.name()),
    }
    text
}

#[test]
fn layouts_are_those_of_version_1() {
    // Layouts of a 64-bit target; the interface is released for no other.
    assert_eq!(size_of::<usize>(), 8);
    let types: [&TypeLayout; 17] = [
        gca_status::LAYOUT,
        gca_event_kind::LAYOUT,
        gca_source::LAYOUT,
        gca_connection_state::LAYOUT,
        gca_cause::LAYOUT,
        gca_direction::LAYOUT,
        gca_life::LAYOUT,
        gca_feed::LAYOUT,
        gca_why::LAYOUT,
        gca_log_level::LAYOUT,
        gca_erase_what::LAYOUT,
        gca_str::LAYOUT,
        gca_state::LAYOUT,
        gca_log::LAYOUT,
        gca_event::LAYOUT,
        gca_host::LAYOUT,
        gca_api::LAYOUT,
    ];
    let now: String = types.into_iter().map(describe).collect();
    let committed = include_str!("../../tests/abi/layout-v1.txt");
    assert!(
        now == committed,
        "the layouts are not those of tests/abi/layout-v1.txt. A line that stands there must stay as it is; fields and \
         values are only appended to the end of their type. They are now:\n{now}"
    );
}

/// Ours, computed by rule, is what the compiler made.
#[test]
fn offsets_are_those_of_the_compiler() {
    let event = describe(gca_event::LAYOUT);
    for (field, offset) in [
        ("kind", std::mem::offset_of!(gca_event, kind)),
        ("sequence", std::mem::offset_of!(gca_event, sequence)),
        ("reserved", std::mem::offset_of!(gca_event, reserved)),
        ("state", std::mem::offset_of!(gca_event, state)),
        (
            "state_report",
            std::mem::offset_of!(gca_event, state_report),
        ),
    ] {
        let line = event
            .lines()
            .find(|line| line.ends_with(&format!(" {field}")))
            .unwrap();
        assert!(
            line.trim_start().starts_with(&format!("{offset} ")),
            "{line}"
        );
    }
}
