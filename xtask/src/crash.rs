//! `cargo xtask crash`: kills the host at random points under load, starts it again, and judges the whole chain.
//!
//! Knows: when to kill. Does not know: what must come of it; that is the judge's. A process is killed with a signal that
//! cannot be caught, at any point of its life: while it starts, while it reads what was missed, in the midst of events,
//! inside a callback and outside. What follows from chance follows from `--seed`; what happens at that moment does not.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::artefact::{Flavour, House};
use crate::demo::{Demo, Host, Stage};
use crate::judge::Judgement;
use crate::started::Started;
use crate::{Arguments, Failed, machine};

/// How often, and how, the host is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) kills: u32,
    pub(crate) seed: u64,
    /// How long a process lives before it is killed.
    life: Span,
    /// How long nothing runs.
    pause: Span,
    /// Whether a life begins with the first line of the record. Where a program takes long to start, it would often end before
    /// that, and prove nothing.
    from_first_line: bool,
    manners: &'static [&'static [&'static str]],
}

/// From the shortest to the longest.
type Span = (Duration, Duration);

/// Long enough for every host to have come to its next callback.
const NEXT_CALLBACK: Duration = Duration::from_secs(1);

/// Long enough for a program to start, also where there is much else to do.
const FIRST_LINE: Duration = Duration::from_secs(30);

/// A feed is up within this time, also where there is much else to do.
const FIRST_FEED: Duration = Duration::from_secs(60);

/// One host is killed when it has nothing to do, one is slow in its callbacks, one refuses, one does both.
const MANNERS: &[&[&str]] = &[
    &[],
    &["--slow", "20"],
    &["--later", "30"],
    &["--slow", "6", "--later", "20"],
];

/// The command.
pub(crate) fn command(mut arguments: Arguments) -> Result<(), Failed> {
    let mut crash = Crash::OFTEN;
    while let Some(name) = arguments.next_name()? {
        match name.as_str() {
            "--kills" => crash.kills = arguments.value(&name)?,
            "--seed" => crash.seed = arguments.value(&name)?,
            _ => return Err(arguments.unknown(&name, &["--kills", "--seed"])),
        }
    }
    machine::provide(machine::Purpose::Build)?;
    let house = House::find()?;
    let stage = Stage {
        library: house.library(Flavour::Native)?,
        host: house.host()?,
        region: house.native_region()?,
        records: house.target.join("crash"),
        shown: false,
        wine: None,
    };
    crash.run(&stage)
}

impl Crash {
    /// At any moment, again and again.
    pub(crate) const OFTEN: Self = Self {
        kills: 20,
        seed: 7,
        life: (Duration::ZERO, Duration::from_secs(3)),
        pause: (Duration::ZERO, Duration::from_millis(400)),
        from_first_line: false,
        manners: MANNERS,
    };

    /// For people to watch: each process has the time to show something.
    pub(crate) const SHOWN: Self = Self {
        kills: 3,
        seed: 7,
        life: (Duration::from_secs(5), Duration::from_secs(8)),
        pause: (Duration::from_secs(1), Duration::from_secs(3)),
        from_first_line: false,
        manners: &[&[]],
    };

    /// As often as that, with a host that is slow to start: under wine.
    pub(crate) const fn slow_to_start(kills: u32) -> Self {
        Self {
            kills,
            from_first_line: true,
            ..Self::OFTEN
        }
    }

    /// Kills, judges, prints the verdict, and fails if it does.
    pub(crate) fn run(self, stage: &Stage) -> Result<(), Failed> {
        let demo = Demo {
            seed: self.seed,
            crash: Some(self),
            ..Demo::default()
        };
        demo.run(stage)
    }

    /// Starts the host and kills it, as often as is due.
    pub(crate) fn kill(self, host: &Host<'_>) -> Result<(), Failed> {
        let mut chance = Chance::new(self.seed);
        for (kill, manners) in (1..=self.kills).zip(self.manners.iter().cycle()) {
            let mut command = host.command(true)?;
            command.args(*manners);
            let (process, ()) = Started::new(&mut command, |_| ())?;
            if kill == 1 {
                // From the time on in which a feed is up for the first time, everything counts.
                wait_for_a_feed(host.record)?;
            } else if self.from_first_line {
                wait_for_more(host.record, FIRST_LINE);
            }
            std::thread::sleep(chance.within(self.life));
            if manners.is_empty() {
                // Outside of its callbacks, if they do not fill all of its time.
                wait_for_no_more(host.record, NEXT_CALLBACK);
            }
            if manners.contains(&"--slow") {
                // It begins to look at an event, or ends with one: from here on it is soon within, soon between.
                wait_for_more(host.record, NEXT_CALLBACK);
                std::thread::sleep(chance.within((Duration::ZERO, Duration::from_millis(8))));
            }
            if let Some(ended) = process.ended()? {
                return Err(Failed::new(format!(
                    "the host ended by itself before it was killed the {kill}. time: {ended}"
                )));
            }
            host.kill(process)?;
            std::thread::sleep(chance.within(self.pause));
        }
        Ok(())
    }

    /// A crash for each kill, but for a few that came before the host had written its first line: they leave no trace. And of
    /// many some within a callback and some not.
    pub(crate) fn enough(self, judgement: &mut Judgement) {
        let kills = self.kills as usize;
        let (crashes, inside) = (judgement.verdict.crashes, judgement.verdict.in_callback);
        if !(kills - kills / 10..=kills).contains(&crashes) {
            judgement.against(format!(
                "{kills} kills left {crashes} crashes in the record"
            ));
        }
        if kills >= 20 && !(kills / 5..=kills - kills / 5).contains(&inside) {
            judgement.against(format!(
                "{inside} of {kills} kills hit a callback; a fifth must, and a fifth must not"
            ));
        }
    }
}

/// Waits until the host was told that its feed is up.
fn wait_for_a_feed(record: &Path) -> Result<(), Failed> {
    let until = Instant::now() + FIRST_FEED;
    let is_up = |text: Vec<u8>| {
        let line = b"\"feed\":\"up\"";
        text.windows(line.len()).any(|part| part == line)
    };
    while !std::fs::read(record).is_ok_and(is_up) {
        if Instant::now() >= until {
            return Err(Failed::new(format!(
                "the feed was not up within {} s",
                FIRST_FEED.as_secs()
            )));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Waits until the file grows.
fn wait_for_more(file: &Path, limit: Duration) {
    let length = || std::fs::metadata(file).map_or(0, |data| data.len());
    let (before, until) = (length(), Instant::now() + limit);
    while length() <= before && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Waits until the file has not grown for a while.
fn wait_for_no_more(file: &Path, limit: Duration) {
    const WHILE: Duration = Duration::from_millis(30);

    let until = Instant::now() + limit;
    let (mut length, mut since) = (0, Instant::now());
    while since.elapsed() < WHILE && Instant::now() < until {
        let now = std::fs::metadata(file).map_or(0, |data| data.len());
        if now != length {
            (length, since) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Xorshift: the kills need no better chance.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        // A multiplication spreads small seeds over all bits; nothing but 0 becomes 0.
        Self(seed.max(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn within(&mut self, (shortest, longest): Span) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Of 53 bits the share is exact.
        let range = longest.saturating_sub(shortest);
        shortest + range.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Truth, judge};

    #[test]
    fn chance_stays_within_its_bounds_and_follows_from_the_seed() {
        let (shortest, longest) = (Duration::from_secs(1), Duration::from_secs(2));
        let of = |seed| -> Vec<Duration> {
            let mut chance = Chance::new(seed);
            (0..1_000)
                .map(|_| chance.within((shortest, longest)))
                .collect()
        };
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        let times = of(0);
        assert!(times.iter().all(|time| (shortest..=longest).contains(time)));
        assert!(times.iter().any(|time| *time < shortest.mul_f64(1.1)));
        assert!(times.iter().any(|time| *time > longest.mul_f64(0.9)));
    }

    #[test]
    fn crashes_of_one_kind_only_prove_too_little() {
        for (crashes, in_callback, is_enough) in [
            (20, 10, true),
            (20, 0, false),
            (20, 20, false),
            (18, 10, true),
            (17, 10, false),
            (21, 10, false),
        ] {
            let mut judgement = judge(&[], &Truth::default(), None);
            let before = judgement.findings.len();
            judgement.verdict.crashes = crashes;
            judgement.verdict.in_callback = in_callback;
            Crash::OFTEN.enough(&mut judgement);
            let found = judgement.findings.split_off(before);
            assert_eq!(found.is_empty(), is_enough, "{found:?}");
        }
    }
}
