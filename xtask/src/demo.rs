//! `cargo xtask demo`: the main job on this machine. Builds plugin, host and region, lets the host follow the region
//! for a while, and judges what it wrote down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::artefact::{Flavour, House};
use crate::crash::Crash;
use crate::judge::{Gap, Judgement, Line, Noted, Truth, judge};
use crate::region::{Ready, Region};
use crate::started::Started;
use crate::windows::{Wine, seen_under_wine};
use crate::{Arguments, Failed, chaos, machine};

/// How a demonstration runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demo {
    /// How long the host follows the region.
    pub(crate) seconds: u32,
    /// Users of the region.
    pub(crate) users: u32,
    /// What all of the region's chances follow from.
    pub(crate) seed: u64,
    /// How many of a hundred notifications the region sends twice.
    pub(crate) duplicates: u32,
    /// Whether connections, channels and tokens are taken away meanwhile.
    pub(crate) chaos: bool,
    /// The host asks for a restart every so many seconds; 0: never.
    pub(crate) restart_every: u32,
    /// The host keeps journals, and is killed and started again before it follows the region for those seconds.
    pub(crate) crash: Option<Crash>,
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            seconds: 20,
            users: 200,
            seed: 7,
            duplicates: 0,
            chaos: false,
            restart_every: 0,
            crash: None,
        }
    }
}

/// What a demonstration runs with.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) library: PathBuf,
    pub(crate) host: PathBuf,
    pub(crate) region: PathBuf,
    /// Where settings and records go.
    pub(crate) records: PathBuf,
    /// Whether the host's live feed is shown; else it goes to a file beside the records.
    pub(crate) shown: bool,
    /// What starts library and host, if they are for Windows.
    pub(crate) wine: Option<Arc<Wine>>,
}

impl Stage {
    /// How one of its programs is started.
    fn started(&self, program: &Path) -> Command {
        match &self.wine {
            // The region may be Linux's: it is the other end of a socket.
            Some(wine) if program.extension().is_some_and(|ending| ending == "exe") => {
                let mut command = Command::new(&wine.launcher);
                command.arg(program);
                command
            }
            _ => Command::new(program),
        }
    }

    /// A path as the host names it.
    fn named(&self, path: &Path) -> PathBuf {
        match self.wine {
            Some(_) => seen_under_wine(path),
            None => path.to_owned(),
        }
    }
}

/// Of the region, for a demonstration.
const QUEUES: u32 = 12;

/// Users and queues that a channel carries.
const SUBJECTS: u32 = 900;

/// How many calls a demonstration of 20 s must show at least; the region is told to begin more than that.
const CALLS_IN_20_S: u32 = 60;
const CALLS_PER_MINUTE: u32 = 360;

/// What was sent this long before the end of the run must have come; where there is a journal, each event waits for the disk
/// before it is told, and what an earlier process left goes first.
const ARRIVES_WITHIN: Duration = Duration::from_millis(1500);
const ARRIVES_BY_JOURNAL_WITHIN: Duration = Duration::from_secs(5);

/// Longer than the time before the end at which the first reading is due.
const LEAST_SECONDS: u32 = 5;
const LEAST_SECONDS_BY_JOURNAL: u32 = 15;

/// Among the records: where the plugin keeps its journal, if it does, and the host's live feed, if it is not shown.
const JOURNAL: &str = "journal";
const FEED: &str = "feed.txt";

/// How many defects are told one by one.
const TOLD: usize = 20;

/// The command: builds, runs, judges, prints the line.
pub(crate) fn command(arguments: Arguments) -> Result<(), Failed> {
    let demo = Demo::parse(arguments)?;
    machine::provide(machine::Purpose::Build)?;
    let house = House::find()?;
    let stage = Stage {
        library: house.library(Flavour::Native)?,
        host: house.host()?,
        region: house.native_region()?,
        records: house.target.join("demo"),
        shown: true,
        wine: None,
    };
    demo.run(&stage)
}

impl Demo {
    fn parse(mut arguments: Arguments) -> Result<Self, Failed> {
        let mut demo = Self::default();
        let mut seconds = None;
        while let Some(name) = arguments.next_name()? {
            match name.as_str() {
                "--seconds" => seconds = Some(arguments.value(&name)?),
                "--users" => demo.users = arguments.value(&name)?,
                "--seed" => demo.seed = arguments.value(&name)?,
                "--duplicates" => demo.duplicates = arguments.value(&name)?,
                "--chaos" => demo.chaos = true,
                "--crash" => demo.crash = Some(Crash::SHOWN),
                "--restart-every" => demo.restart_every = arguments.value(&name)?,
                _ => {
                    let known = [
                        "--seconds",
                        "--users",
                        "--seed",
                        "--duplicates",
                        "--chaos",
                        "--crash",
                        "--restart-every",
                    ];
                    return Err(arguments.unknown(&name, &known));
                }
            }
        }
        let least = match (demo.chaos, demo.crash) {
            (true, _) => chaos::SECONDS,
            (false, Some(_)) => LEAST_SECONDS_BY_JOURNAL,
            (false, None) => LEAST_SECONDS,
        };
        demo.seconds = seconds.unwrap_or(demo.seconds.max(least));
        if demo.seconds < least {
            let why = if demo.chaos {
                "a link that falls silent is noticed after 45 s"
            } else {
                "what is sent needs time to arrive"
            };
            return Err(Failed::new(format!(
                "such a demonstration takes {least} s at least: {why}"
            )));
        }
        if demo.chaos && demo.crash.is_some() {
            return Err(Failed::new(
                "--chaos and --crash are two demonstrations: give one of them".to_owned(),
            ));
        }
        Ok(demo)
    }

    /// Runs it on what was built, prints the verdict, and fails if it does.
    pub(crate) fn run(&self, stage: &Stage) -> Result<(), Failed> {
        let judgement = self.play(stage)?;
        let line = serde_json::to_string(&judgement.verdict)
            .map_err(|error| Failed::new(format!("cannot write the verdict: {error}")))?;
        println!("{line}");
        if judgement.verdict.pass {
            return Ok(());
        }
        let mut findings = judgement.findings;
        let file = stage.records.join("findings.txt");
        std::fs::write(&file, findings.join("\n")).map_err(|error| cannot_write(&file, &error))?;
        let more = findings.len().saturating_sub(TOLD);
        findings.truncate(TOLD);
        if more > 0 {
            findings.push(format!("… and {more} more, in {}", file.display()));
        }
        Err(Failed::new(findings.join("\n")))
    }

    fn play(&self, stage: &Stage) -> Result<Judgement, Failed> {
        std::fs::create_dir_all(&stage.records)
            .map_err(|error| cannot_write(&stage.records, &error))?;
        let record = stage.records.join("events.jsonl");
        let settings = stage.records.join("settings.json");
        let gaps = stage.records.join("gaps.jsonl");
        let region = Region::start(
            stage.started(&stage.region),
            &[
                format!("--users={}", self.users),
                format!("--queues={QUEUES}"),
                format!("--calls-per-minute={CALLS_PER_MINUTE}"),
                format!("--seed={}", self.seed),
            ],
            &stage.records.join("region.log"),
        )?;
        self.repeat_frames(&region)?;
        let typed = self.typed_by_an_operator(region.ready(), &stage.named(&gaps))?;
        std::fs::write(&settings, typed).map_err(|error| cannot_write(&settings, &error))?;
        for old in [&record, &gaps, &stage.records.join(FEED)] {
            // There is none before the first run.
            let _ = std::fs::remove_file(old);
        }
        let _ = std::fs::remove_dir_all(stage.records.join(JOURNAL));
        let host = Host {
            stage,
            settings: &settings,
            record: &record,
        };
        let (readings, ended) = if self.chaos {
            let (stop, stopped) = mpsc::channel();
            std::thread::scope(|scope| {
                let region = &region;
                let strikes = scope.spawn(move || chaos::strike(region, &stopped));
                let followed = self.follow(&host, region);
                drop(stop);
                match strikes.join() {
                    Ok(struck) => struck.and(followed),
                    Err(_) => Err(Failed::new("the chaos broke off".to_owned())),
                }
            })?
        } else {
            self.follow(&host, &region)?
        };
        let told = region.get("/_sim/truth")?;
        // Kept beside the host's record, for whoever looks into a defect.
        let kept = stage.records.join("truth.json");
        std::fs::write(&kept, &told).map_err(|error| cannot_write(&kept, &error))?;
        let scripts: Vec<String> = ask(&region, "/_sim/scripts")?;
        drop(region);
        let lines: Vec<Line> = json_lines(&record)?;
        let settled = settled(&readings, self.arrives_within(), &lines);
        let truth = read::<Truth>(&told, "/_sim/truth")?;
        let truth = truth.settle(settled.unwrap_or(&readings[0].truth));
        let mut judgement = judge(&lines, &truth, Some(&ledger(&gaps)?));
        if settled.is_none() {
            judgement.against(
                "the adapter stopped early, or this machine stood still for seconds just before it: what was sent had no \
                 time to arrive"
                    .to_owned(),
            );
        }
        if !ended.success() {
            judgement.against(format!("the host ended with {ended}"));
        }
        self.enough(&mut judgement, &truth, &scripts);
        self.renewed(&mut judgement, &lines);
        if let Some(crash) = self.crash {
            crash.enough(&mut judgement);
        }
        Ok(judgement)
    }

    /// What was sent this long before the end must have come.
    fn arrives_within(&self) -> Duration {
        match self.crash {
            Some(_) => ARRIVES_BY_JOURNAL_WITHIN,
            None => ARRIVES_WITHIN,
        }
    }

    /// Runs the host to its end; tells what the region had sent a while before it, and just before it.
    fn follow(
        &self,
        host: &Host<'_>,
        region: &Region,
    ) -> Result<([Reading; 2], ExitStatus), Failed> {
        if let Some(crash) = self.crash {
            crash.kill(host)?;
        }
        let mut command = host.command(self.crash.is_some())?;
        command.arg("--seconds").arg(self.seconds.to_string());
        if self.restart_every > 0 {
            command
                .arg("--restart-every")
                .arg(self.restart_every.to_string());
        }
        let (host, ()) = Started::new(&mut command, |_| ())?;
        let (begin, whole) = (Instant::now(), Duration::from_secs(u64::from(self.seconds)));
        let before_the_end = |share| {
            let due = whole.saturating_sub(self.arrives_within().mul_f64(share));
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            Reading::of(region)
        };
        // The answer itself takes a while.
        let readings = [before_the_end(2.5)?, before_the_end(1.25)?];
        let ended = host.wait(Duration::from_secs(u64::from(self.seconds) + 60))?;
        Ok((readings, ended))
    }

    /// Lets the region send some notifications twice, from now on.
    fn repeat_frames(&self, region: &Region) -> Result<(), Failed> {
        if self.duplicates == 0 {
            return Ok(());
        }
        let share = f64::from(self.duplicates) / 100.0;
        let fault = serde_json::json!({ "fault": "duplicate", "share": share });
        region.post("/_sim/faults", &fault.to_string()).map(drop)
    }

    /// A demonstration that shows too little proves too little.
    fn enough(&self, judgement: &mut Judgement, truth: &Truth, scripts: &[String]) {
        let due = (CALLS_IN_20_S as usize * self.seconds as usize) / 20;
        let calls = judgement.verdict.calls;
        if calls < due {
            judgement.against(format!("only {calls} calls were shown; {due} are due"));
        }
        let shown = truth.scripts_shown();
        judgement.verdict.scripts = shown.len();
        for script in scripts
            .iter()
            .filter(|script| !shown.contains(script.as_str()))
        {
            judgement.against(format!("the script \"{script}\" was not shown"));
        }
    }
}

impl Demo {
    /// Every restart that was asked for renewed each connection, but for the first, before the feed is up, and the last,
    /// which may be under way.
    fn renewed(&self, judgement: &mut Judgement, lines: &[Line]) {
        if self.restart_every == 0 {
            return;
        }
        let is_renewal =
            |line: &&Line| matches!(line, Line::Event(event) if event.kind == "feed_renewed");
        let renewed = lines.iter().filter(is_renewal).count();
        let channels = (self.users + QUEUES).div_ceil(SUBJECTS) as usize;
        let due = (self.seconds / self.restart_every).saturating_sub(2) as usize * channels;
        if renewed < due {
            judgement.against(format!(
                "connections were renewed {renewed} times; {due} are due"
            ));
        }
        let (gap_s, outage_s) = (judgement.verdict.gap_s, judgement.verdict.outage_s);
        if !self.chaos && gap_s + outage_s > 0.0 {
            judgement.against(format!(
                "a renewal is no gap; {gap_s} s were told as one, and {outage_s} s were one"
            ));
        }
    }
}

/// What the region had sent.
struct Reading {
    truth: Truth,
    /// When it said so, or somewhat later: microseconds since 1970.
    answered_us: i64,
}

impl Reading {
    fn of(region: &Region) -> Result<Self, Failed> {
        let truth = ask(region, "/_sim/truth")?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let answered_us = i64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(i64::MAX);
        Ok(Self { truth, answered_us })
    }
}

/// The last reading after which there was the time to arrive. A machine that stands still may answer when the host ends.
fn settled<'a>(
    readings: &'a [Reading],
    arrives_within: Duration,
    lines: &[Line],
) -> Option<&'a Truth> {
    let stopped = |line: &Line| match line {
        Line::State(state) if state.why == "stopped" => Some(state.time_us),
        _ => None,
    };
    // A host that says nothing of its stop has had all the time.
    let stopped_us = lines.iter().find_map(stopped).unwrap_or(i64::MAX);
    let within = i64::try_from(arrives_within.as_micros()).unwrap_or(i64::MAX);
    let mut newest_first = readings.iter().rev();
    newest_first
        .find(|reading| reading.answered_us.saturating_add(within) <= stopped_us)
        .map(|reading| &reading.truth)
}

/// The host, as it is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host<'a> {
    stage: &'a Stage,
    settings: &'a Path,
    /// What it writes down.
    pub(crate) record: &'a Path,
}

impl Host<'_> {
    /// Kills it, and under wine all of that Windows with it (a region too that runs there): nothing of it is left.
    pub(crate) fn kill(&self, process: Started) -> Result<(), Failed> {
        drop(process);
        self.stage.wine.as_ref().map_or(Ok(()), |wine| wine.end())
    }

    /// Its command line, without how long it lives.
    pub(crate) fn command(&self, keeps: bool) -> Result<Command, Failed> {
        let stage = self.stage;
        let mut command = stage.started(&stage.host);
        command.arg("--plugin").arg(stage.named(&stage.library));
        command.arg("--settings").arg(stage.named(self.settings));
        command.arg("--jsonl").arg(stage.named(self.record));
        if keeps {
            let journal = stage.records.join(JOURNAL);
            command.arg("--journal").arg(stage.named(&journal));
        }
        command.stdin(Stdio::null());
        if !self.stage.shown {
            let feed = self.stage.records.join(FEED);
            let mut file = File::options();
            let file = file.create(true).append(true).open(&feed);
            let file = file.map_err(|error| cannot_write(&feed, &error))?;
            if keeps {
                // Of many processes, what they say is as much as what they show.
                let also = file
                    .try_clone()
                    .map_err(|error| cannot_write(&feed, &error))?;
                command.stderr(also);
            }
            command.stdout(file);
        }
        Ok(command)
    }
}

impl Demo {
    /// The settings as an operator would type them.
    fn typed_by_an_operator(&self, region: &Ready, gaps: &Path) -> Result<String, Failed> {
        // Two connections, one after the other, are to be renewed before the next restart is asked for.
        let overlap = if self.restart_every > 0 { 2 } else { 5 };
        serde_json::to_string_pretty(&serde_json::json!({
            "AdapterName": "Demonstration",
            "Description": "A simulated region on this machine",
            "DataSource": "Demonstration",
            "RegionHost": region.base_url,
            "ClientId": region.client_id,
            "ClientSecret": region.client_secret,
            "AdvancedSettings": { "LogLevel": "info", "GapLedgerFile": gaps, "OverlapS": overlap },
        }))
        .map_err(|error| Failed::new(format!("cannot write the settings: {error}")))
    }
}

/// What the ledger file says of gaps: the last line of each that tells its bounds.
fn ledger(file: &Path) -> Result<Vec<Gap>, Failed> {
    if !file.exists() {
        // As for a host that was told of no gap.
        return Ok(Vec::new());
    }
    let mut gaps = BTreeMap::new();
    for noted in json_lines::<Noted>(file)? {
        match noted.line.as_str() {
            "opened" | "ended" => {
                gaps.insert(noted.gap.id, noted.gap);
            }
            "left" => {
                if let Some(gap) = gaps.get_mut(&noted.gap.id) {
                    gap.is_left = true;
                }
            }
            _ => {}
        }
    }
    Ok(gaps.into_values().collect())
}

fn json_lines<T: serde::de::DeserializeOwned>(record: &Path) -> Result<Vec<T>, Failed> {
    let file = File::open(record)
        .map_err(|error| Failed::new(format!("cannot read {}: {error}", record.display())))?;
    let mut lines = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let unreadable = |what: String| {
            Failed::new(format!("{}, line {}: {what}", record.display(), number + 1))
        };
        let line = line.map_err(|error| unreadable(error.to_string()))?;
        lines.push(serde_json::from_str(&line).map_err(|error| unreadable(error.to_string()))?);
    }
    Ok(lines)
}

fn ask<T: serde::de::DeserializeOwned>(region: &Region, path: &str) -> Result<T, Failed> {
    read(&region.get(path)?, path)
}

fn read<T: serde::de::DeserializeOwned>(answer: &[u8], path: &str) -> Result<T, Failed> {
    serde_json::from_slice(answer)
        .map_err(|error| Failed::new(format!("cannot read the region's {path}: {error}")))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_early_enough_must_have_come() {
        let within = Duration::from_secs(2);
        let readings = [10, 13].map(|answered_s| Reading {
            truth: Truth::default(),
            answered_us: answered_s * 1_000_000,
        });
        for (stopped_s, newest) in [(15, Some(1)), (14, Some(0)), (12, Some(0)), (11, None)] {
            let line = format!(
                r#"{{"type":"state","at_us":0,"time_us":{stopped_s}000000,"life":"stopping","feed":"down","why":"stopped"}}"#
            );
            let lines = [serde_json::from_str(&line).expect("a line of a record")];
            let found = settled(&readings, within, &lines);
            let expected = newest.map(|number: usize| &readings[number].truth);
            assert_eq!(
                found.map(std::ptr::from_ref),
                expected.map(std::ptr::from_ref),
                "stopped at {stopped_s} s"
            );
        }
    }
}
