//! Stories that nobody wrote: scripts of the repertoire, cut and joined, with steps dropped, repeated and thrown in. They
//! take up every step that some script of the repertoire uses. Many make no sense, which is what they are for; a step
//! that cannot happen ends its story.

use gca_region::chance::Chance;
use gca_region::repertoire::REPERTOIRE;
use gca_region::script::{Script, Step};

/// What the names of stories that nobody wrote begin with.
pub(crate) const INVENTED: &str = "invented_";

/// The repertoire, and as many random stories.
pub(crate) fn repertoire_and_more(seed: u64) -> &'static [Script] {
    let mut chance = Chance::new(seed, "stories");
    let mut scripts: Vec<Script> = REPERTOIRE.iter().map(again).collect();
    scripts.extend((0..REPERTOIRE.len()).map(|number| invent(number, &mut chance)));
    scripts.leak()
}

fn again(script: &Script) -> Script {
    Script {
        name: script.name,
        story: script.story,
        weight: script.weight,
        steps: script.steps,
    }
}

fn invent(number: usize, chance: &mut Chance) -> Script {
    let mut pick = || &REPERTOIRE[chance.below(REPERTOIRE.len())];
    let (head, tail) = (pick().steps, pick().steps);
    // At least the step that begins the conversation comes from the head, and none that does from the tail.
    let head = &head[..1 + chance.below(head.len())];
    let tail = &tail[1 + chance.below(tail.len() - 1)..];
    let mut steps: Vec<Step> = Vec::new();
    for step in head.iter().chain(tail) {
        match chance.below(20) {
            0 if !steps.is_empty() => {}
            1 if !steps.is_empty() => steps.extend([*step, *step]),
            2 | 3 if !steps.is_empty() => steps.extend([some_step(chance), *step]),
            _ => steps.push(*step),
        }
    }
    Script {
        name: format!("{INVENTED}{number}").leak(),
        story: "Nobody wrote it.",
        weight: 1,
        steps: steps.leak(),
    }
}

/// Some step that a script has after its first.
fn some_step(chance: &mut Chance) -> Step {
    let steps = REPERTOIRE[chance.below(REPERTOIRE.len())].steps;
    steps[1 + chance.below(steps.len() - 1)]
}
