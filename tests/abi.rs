//! The committed header: that it is the one the sources make, that C and C++ take it alone and agree with the library on
//! every layout, and that it says what it should in the words it should. For other compilers than GCC see `abi_msvc.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADER: &str = include_str!("../include/genesys_cloud_adapter.h");
const LAYOUT: &str = include_str!("abi/layout-v1.txt");
const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

#[test]
fn the_committed_header_is_the_one_that_the_sources_make() {
    let made = include_str!(concat!(env!("OUT_DIR"), "/genesys_cloud_adapter.h"));
    assert!(
        made == HEADER,
        "include/genesys_cloud_adapter.h is not what src/ffi/ makes. Run `cargo build` without GCA_HEADER=check, and \
         commit what it wrote"
    );
}

#[test]
fn c_and_cpp_take_the_header_alone() {
    let alone = "#include \"genesys_cloud_adapter.h\"\n";
    for standard in ["-std=c99", "-std=c11", "-std=c17"] {
        compile("gcc", standard, "alone.c", alone);
    }
    for standard in ["-std=c++17", "-std=c++20"] {
        compile("g++", standard, "alone.cpp", alone);
    }
}

#[test]
fn c_and_the_library_agree_on_every_layout() {
    let mut source = String::from(
        "#include \"genesys_cloud_adapter.h\"\n#ifdef __cplusplus\n#define SAME static_assert\n#else\n#define SAME _Static_assert\n#endif\n",
    );
    let mut asserted = 0;
    let mut owner = "";
    for line in LAYOUT.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let check = match words[..] {
            [name, "size", size, "align", _] => {
                owner = name;
                format!("sizeof({name}) == {size}")
            }
            [at, size, field] => {
                format!(
                    "offsetof({owner}, {field}) == {at} && sizeof((({owner}*)0)->{field}) == {size}"
                )
            }
            [number, value] => format!("(long long){value} == {number}"),
            _ => panic!("{line:?} is no line of a layout"),
        };
        source += &format!("SAME({check}, \"{line}\");\n");
        asserted += 1;
    }
    assert!(asserted > 150, "only {asserted} lines");
    compile("gcc", "-std=c11", "layout.c", &source);
    compile("g++", "-std=c++17", "layout.cpp", &source);
}

#[test]
fn gca_has_and_the_version_macros_work_in_both_languages() {
    let (major, minor, patch) = (
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    );
    let number = |part: &str| part.parse::<u32>().unwrap();
    let composite = (number(major) << 24) | (number(minor) << 16) | (number(patch) << 8);
    let version = env!("CARGO_PKG_VERSION");
    let source = format!(
        r#"
#include "genesys_cloud_adapter.h"
#include <string.h>
int main(void) {{
    gca_event whole, old;
    const gca_event *event = &whole;
    memset(&whole, 0, sizeof whole);
    memset(&old, 0, sizeof old);
    whole.size = sizeof whole;
    old.size = offsetof(gca_event, lost_last);
    if (!GCA_HAS(event, state_report) || !GCA_HAS(&whole, kind)) return 1;
    if (GCA_HAS(&old, lost_last) || GCA_HAS(&old, state_report) || !GCA_HAS(&old, lost_first)) return 2;
    old.size += 1;
    if (GCA_HAS(&old, lost_last)) return 3;
    if (GCA_VERSION_MAJOR != {major} || GCA_VERSION_MINOR != {minor} || GCA_VERSION_PATCH != {patch}) return 4;
    if (GCA_VERSION_NUMBER != {composite}) return 5;
    if (strcmp(GCA_VERSION_STRING, "{version}") != 0) return 6;
    return 0;
}}
"#
    );
    run(&compile("gcc", "-std=c11", "macros.c", &source));
    run(&compile("g++", "-std=c++17", "macros.cpp", &source));
}

#[test]
fn every_item_is_documented_in_words_for_c() {
    for leaked in [
        "# Safety", "# Errors", "# Panics", "[`", "crate::", "Option<", "unsafe",
    ] {
        assert!(
            !HEADER.contains(leaked),
            "{leaked:?} leaked into the header"
        );
    }
    let lines: Vec<_> = HEADER.lines().collect();
    let mut declared = 0;
    for (at, line) in lines.iter().enumerate() {
        let text = line.trim();
        let is_declaration = (line.starts_with("    ")
            && !text.starts_with('*')
            && !text.starts_with("/*")
            && in_body(&lines, at))
            || (starts_declaration(line));
        if !is_declaration {
            continue;
        }
        declared += 1;
        let before = lines[..at]
            .iter()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap();
        assert!(before.trim_end().ends_with("*/"), "undocumented: {line}");
    }
    assert!(declared > 200, "only {declared} declarations were seen");
    for line in &lines {
        for word in line.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let is_ours = word.starts_with('_')
                && word.len() > 1
                && !word.starts_with("__")
                && !["_WIN32", "_Static_assert"].contains(&word);
            assert!(!is_ours, "a name that begins with an underscore: {line}");
        }
    }
}

#[test]
fn the_page_of_errors_has_every_status_once() {
    let statuses: Vec<String> = LAYOUT
        .lines()
        .skip_while(|line| !line.starts_with("gca_status "))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .map(|line| {
            let mut words = line.split_whitespace();
            let number = words.next().unwrap();
            format!("| `{}` | {number} |", words.next().unwrap())
        })
        .collect();
    assert!(statuses.len() > 10, "{statuses:?}");
    let page = include_str!("../docs/ERRORS.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `GCA_"))
        .collect();
    assert_eq!(rows.len(), statuses.len(), "{rows:#?}");
    for (row, status) in rows.iter().zip(statuses) {
        assert!(row.starts_with(&status), "{row} instead of {status}");
    }
}

/// Whether the line stands between the braces of an enum or a struct.
fn in_body(lines: &[&str], at: usize) -> bool {
    lines[..at]
        .iter()
        .rev()
        .find(|line| line.starts_with('}') || line.ends_with('{'))
        .is_some_and(|line| line.ends_with('{') && !line.contains("extern"))
}

fn starts_declaration(line: &str) -> bool {
    let function = line.starts_with("GCA_API ") && line.contains('(');
    let constant = line.starts_with("#define GCA_") && !line.contains("GCA_HAS(");
    let kind = line.starts_with("enum gca_")
        || (line.starts_with("typedef struct gca_") && line.ends_with('{'));
    function || constant || kind
}

#[test]
fn functions_table_and_header_top_name_the_same_functions() {
    let functions: BTreeSet<_> = HEADER
        .lines()
        .filter(|line| {
            line.starts_with("GCA_API ") && line.contains(" GCA_CALL gca_")
                || line.contains("*GCA_CALL gca_")
        })
        .filter_map(|line| line.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("gca_"))
        .collect();
    assert_eq!(functions.len(), 18, "{functions:?}");
    let table: BTreeSet<_> = LAYOUT
        .lines()
        .skip_while(|line| !line.starts_with("gca_api "))
        .skip(3)
        .filter_map(|line| line.split_whitespace().next_back())
        .map(|name| format!("gca_{name}"))
        .collect();
    let listed: BTreeSet<_> = functions
        .iter()
        .filter(|name| **name != "gca_get_api")
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(
        listed, table,
        "the table holds every function but the one that gets it"
    );
    let top = HEADER.split("#ifndef").next().unwrap();
    for function in functions {
        assert!(
            top.contains(function),
            "the table at the top lacks {function}"
        );
    }
}

fn compile(compiler: &str, standard: &str, name: &str, source: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi-header");
    std::fs::create_dir_all(&place).unwrap();
    let file = place.join(name);
    std::fs::write(&file, source).unwrap();
    let program = file.with_extension(format!(
        "{}.out",
        file.extension().unwrap().to_str().unwrap()
    ));
    let mut command = Command::new(compiler);
    command.args([standard]).args(STRICT);
    command
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    if source.contains("main(") {
        command.arg("-o").arg(&program);
    } else {
        command.arg("-fsyntax-only");
    }
    let done = command.arg(&file).output().unwrap_or_else(|error| {
        panic!(
            "{compiler} could not be run ({error}); `cargo xtask test` installs what the tests need"
        )
    });
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{compiler} {standard} {name}:\n{said}"
    );
    program
}

fn run(program: &Path) {
    let done = Command::new(program).status().unwrap();
    assert!(done.success(), "{}: {done}", program.display());
}
