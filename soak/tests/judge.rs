//! The judge can fail: each thing that must not be is done once to what an adapter told, and comes out in the verdict under
//! its own name. Undisturbed, the same run passes.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use gca_soak::{Climate, Outcome, Plan, Run, Spoiling, Transcript};

/// Long enough for a few dozen calls.
const LENGTH: Duration = Duration::from_secs(100 * 60);

fn outcome(spoiling: Option<Spoiling>) -> Outcome {
    let plan = Plan {
        // Several channels, so that what is held in all and what one topic is carried by are two things.
        seed: 3,
        length: LENGTH,
        weather: Climate::Calm,
        spoiling,
    };
    Run::new(plan, Transcript::default()).live().0
}

#[test]
fn what_is_not_spoiled_passes() {
    let outcome = outcome(None);
    assert!(outcome.verdict.passes(), "{:#?}", outcome.findings);
    assert!(outcome.verdict.calls > 20, "{:#?}", outcome.verdict);
}

#[test]
fn what_is_spoiled_fails_as_what_it_is() {
    for spoiling in Spoiling::ALL {
        let Outcome { verdict, findings } = outcome(Some(spoiling));
        assert!(!verdict.passes(), "{spoiling:?}");
        let (count, word) = match spoiling {
            Spoiling::Lost => (
                verdict.missing,
                "missing: the secondary did not tell established",
            ),
            Spoiling::Unclosed => (verdict.unclosed, "unclosed: "),
            Spoiling::Doubled => (verdict.duplicates, "the secondary told the same id again"),
            Spoiling::OtherId => (
                verdict.invented,
                "an id that the undisturbed feed does not have",
            ),
            Spoiling::Invented => (verdict.invented, "invented: the secondary told established"),
            Spoiling::OtherName => (
                verdict.other,
                "the secondary calls a user not by their name",
            ),
            Spoiling::TooManySockets => (verdict.other, "the secondary holds "),
            Spoiling::TwoSuccessors => (
                verdict.other,
                "sockets of the secondary carry the same topic",
            ),
            Spoiling::OverTheRate => (verdict.other, "requests of the secondary in a minute"),
        };
        assert!(count > 0, "{spoiling:?}: {verdict:#?}");
        let is_told = findings.iter().any(|finding| finding.contains(word));
        assert!(is_told, "{spoiling:?}: {findings:#?}");
    }
}
