//! Two texts as one with marks: `-` what was, `+` what is, and three lines around.

use std::fmt::Write as _;

/// Lines around a change that are shown with it.
const AROUND: usize = 3;

/// The lines that differ between `was` and `is`.
pub(crate) fn unified(was: &str, is: &str) -> String {
    let (was, is): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    // The longest run of lines in common from each pair of places on (the classical table).
    let mut common = vec![vec![0_u32; is.len() + 1]; was.len() + 1];
    for old in (0..was.len()).rev() {
        for new in (0..is.len()).rev() {
            common[old][new] = if was[old] == is[new] {
                common[old + 1][new + 1] + 1
            } else {
                common[old + 1][new].max(common[old][new + 1])
            };
        }
    }
    let (mut old, mut new) = (0, 0);
    let mut lines: Vec<(char, usize, &str)> = Vec::new();
    while old < was.len() || new < is.len() {
        if old < was.len() && new < is.len() && was[old] == is[new] {
            lines.push((' ', new, is[new]));
            (old, new) = (old + 1, new + 1);
        } else if new == is.len() || old < was.len() && common[old + 1][new] >= common[old][new + 1]
        {
            lines.push(('-', new, was[old]));
            old += 1;
        } else {
            lines.push(('+', new, is[new]));
            new += 1;
        }
    }
    let mut text = String::new();
    let mut last = None;
    for (at, (mark, number, line)) in lines.iter().enumerate() {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len());
        if lines[around].iter().all(|(mark, ..)| *mark == ' ') {
            continue;
        }
        if last.is_none_or(|last| last + 1 != at) {
            _ = writeln!(text, "@@ line {}", number + 1);
        }
        last = Some(at);
        _ = writeln!(text, "{mark}{line}");
    }
    text
}
