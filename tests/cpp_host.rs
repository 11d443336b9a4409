//! Hosts in C and C++ that treat the library badly, as they are; the C++ header's own promises; what must not compile.

#[path = "cpp/lanes.rs"]
mod lanes;
mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

use workshop::{Lane, Workshop, compiler, here};

const LANE: Lane = Lane::Plain;
const CYCLES: lanes::Cycles = lanes::Cycles {
    without_region: 1_000,
    with_region: 25,
    warm_up: 50,
    seconds_of_calls: "12",
};

/// Not in the other lanes: in a child the stacks of the other threads are gone, and what they held counts as lost.
#[test]
fn a_forked_child_is_refused() {
    let shop = Workshop::new(LANE);
    let program = shop.program("fork.c", &[]);
    let settings = shop.settings("one", "");
    let said = shop.run(&program, &[&shop.library(), &settings]);
    assert_eq!(said, "refused in the child\n");
}

#[test]
fn the_headers_compile_without_a_warning() {
    for standard in ["c++17", "c++20"] {
        let mut compiler = compiler("second_unit.cpp");
        compiler.args([
            "-Wconversion",
            "-Wshadow",
            "-Wnon-virtual-dtor",
            "-Wold-style-cast",
        ]);
        compiler
            .arg(format!("-std={standard}"))
            .arg("-fsyntax-only");
        let done = compiler
            .arg(here().join("second_unit.cpp"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success() && said.is_empty(),
            "{standard}: {said}"
        );
    }
}

/// Each file holds a mistake and, beside it, what is right. The right one compiles, so that the mistake is refused for
/// what it is, and the compiler's words are those that the file expects.
#[test]
fn what_must_not_be_possible_does_not_compile() {
    let mut tried = 0;
    for entry in std::fs::read_dir(here().join("refused")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text
            .lines()
            .find_map(|line| line.strip_prefix("// refused: "))
            .unwrap_or_else(|| panic!("{} does not say how it is refused", path.display()));

        let right = compiler("x.cpp")
            .arg("-fsyntax-only")
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&right.stderr);
        assert!(
            right.status.success(),
            "the right way in {}: {said}",
            path.display()
        );

        let wrong = compiler("x.cpp")
            .args(["-fsyntax-only", "-DMUST_NOT_COMPILE"])
            .arg(&path)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        assert!(!wrong.status.success(), "{} compiles", path.display());
        let said = String::from_utf8_lossy(&wrong.stderr);
        let because = said
            .lines()
            .filter(|line| line.contains("error:"))
            .any(|line| line.contains(expected));
        assert!(
            because,
            "{} is refused for another reason: {said}",
            path.display()
        );
        tried += 1;
    }
    assert!(tried >= 18, "{tried} files");
}
