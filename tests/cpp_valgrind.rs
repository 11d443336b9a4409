//! The hostile hosts under valgrind: invalid reads and writes, uninitialised values, memory that is lost for certain.

#[path = "cpp/lanes.rs"]
mod lanes;
mod ports;
#[path = "cpp/workshop.rs"]
mod workshop;

const LANE: workshop::Lane = workshop::Lane::Valgrind;
const CYCLES: lanes::Cycles = lanes::Cycles {
    without_region: 20,
    with_region: 3,
    warm_up: 0,
    seconds_of_calls: "30",
};

/// A lane that finds nothing proves something only if it finds what is there.
#[test]
fn the_lane_sees_what_is_wrong() {
    let shop = workshop::Workshop::new(LANE);
    let program = shop.program("wrong_on_purpose.cpp", &[]);
    let settings = shop.settings("one", "");
    for (mode, word) in [("use", "Invalid read"), ("leak", "definitely lost")] {
        let ended = shop.attempt(&program, &[&shop.library(), &settings, mode]);
        assert_eq!(ended.status.code(), Some(99), "{mode}");
        assert!(ended.stderr.contains(word), "{mode}: {}", ended.stderr);
    }
}
