//! The hostile hosts under AddressSanitizer: host and library instrumented, leaks counted as errors.

#[path = "cpp/lanes.rs"]
mod lanes;
mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

const LANE: workshop::Lane = workshop::Lane::Asan;
const CYCLES: lanes::Cycles = lanes::Cycles {
    without_region: 100,
    with_region: 10,
    warm_up: 0,
    seconds_of_calls: "12",
};

/// A lane that finds nothing proves something only if it finds what is there.
#[test]
fn the_lane_sees_what_is_wrong() {
    let shop = workshop::Workshop::new(LANE);
    let program = shop.program("wrong_on_purpose.cpp", &[]);
    let settings = shop.settings("one", "");
    for (mode, word) in [
        ("use", "heap-use-after-free"),
        ("leak", "LeakSanitizer: detected memory leaks"),
        ("inside", "heap-buffer-overflow"),
    ] {
        let ended = shop.attempt(&program, &[&shop.library(), &settings, mode]);
        assert!(!ended.status.success(), "{mode}");
        assert!(ended.stderr.contains(word), "{mode}: {}", ended.stderr);
    }
}
