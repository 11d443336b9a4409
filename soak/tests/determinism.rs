//! What makes a failure repeatable: a run is a function of its seed and length.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use gca_soak::{Climate, Plan, Run, Transcript};

/// Long enough for each kind of trouble to strike once.
const LENGTH: Duration = Duration::from_secs(2 * 3_600);

fn transcript(seed: u64) -> String {
    let plan = Plan {
        seed,
        length: LENGTH,
        weather: Climate::Stormy,
        spoiling: None,
    };
    let (_, transcript) = Run::new(plan, Transcript::kept()).live();
    transcript.text().unwrap().to_owned()
}

#[test]
fn the_same_seed_gives_the_same_transcript_byte_for_byte() {
    // One of each sort: everything on one channel, and several channels with people who come and go.
    let mut all = Vec::new();
    for seed in [5, 6] {
        let (once, again) = (transcript(seed), transcript(seed));
        let differ = once.lines().zip(again.lines()).find(|(a, b)| a != b);
        assert_eq!(differ, None);
        assert_eq!(once, again);
        assert!(once.lines().count() > 1_000);
        all.push(once);
    }
    assert_ne!(all[0], all[1]);
    assert!(all[1].contains(" roster Hire "));
    assert!(!all[0].contains(" roster Hire "));
}

/// The judge is of no use if it understands the region through the plugin's eyes.
#[test]
fn only_the_adapter_knows_the_plugin() {
    let sources = [
        ("answers", include_str!("../src/answers.rs")),
        ("comings", include_str!("../src/comings.rs")),
        ("court", include_str!("../src/court.rs")),
        ("spoiling", include_str!("../src/spoiling.rs")),
        ("told", include_str!("../src/told.rs")),
        ("weather", include_str!("../src/weather.rs")),
    ];
    for (name, source) in sources {
        assert!(!source.contains("genesys_cloud_adapter"), "{name}");
        assert!(!source.contains("crate::adapter"), "{name}");
    }
}
