//! `cargo xtask demo`: the main job on this machine. Builds plugin, host and region, lets the host follow the region
//! for a while, and judges what it wrote down.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::artefact::{Flavour, House};
use crate::judge::{Judgement, Line, Outages, Truth, judge};
use crate::region::{Ready, Region};
use crate::started::Started;
use crate::{Arguments, Failed, machine};

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
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            seconds: 20,
            users: 200,
            seed: 7,
            duplicates: 0,
        }
    }
}

/// What a demonstration runs with.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) library: PathBuf,
    pub(crate) host: PathBuf,
    pub(crate) region: PathBuf,
    /// Where settings and records go.
    pub(crate) records: PathBuf,
}

/// Of the region, for a demonstration.
const QUEUES: u32 = 12;

/// How many calls a demonstration of 20 s must show at least; the region is told to begin more than that.
const CALLS_IN_20_S: u32 = 60;
const CALLS_PER_MINUTE: u32 = 360;

/// What was sent this long before the end of the run must have come.
const ARRIVES_WITHIN: Duration = Duration::from_millis(1500);

/// How many defects are told one by one.
const TOLD: usize = 20;

/// The command: builds, runs, judges, prints the line.
pub(crate) fn command(arguments: Arguments) -> Result<(), Failed> {
    let demo = Demo::parse(arguments)?;
    machine::provide(machine::TO_BUILD)?;
    let house = House::find()?;
    let stage = Stage {
        library: house.library(Flavour::Shipped)?,
        host: house.host()?,
        region: house.region()?,
        records: house.target.join("demo"),
    };
    demo.run(&stage)
}

impl Demo {
    fn parse(mut arguments: Arguments) -> Result<Self, Failed> {
        let mut demo = Self::default();
        while let Some(name) = arguments.next_name()? {
            match name.as_str() {
                "--seconds" => demo.seconds = arguments.value(&name)?,
                "--users" => demo.users = arguments.value(&name)?,
                "--seed" => demo.seed = arguments.value(&name)?,
                "--duplicates" => demo.duplicates = arguments.value(&name)?,
                _ => {
                    let known = ["--seconds", "--users", "--seed", "--duplicates"];
                    return Err(arguments.unknown(&name, &known));
                }
            }
        }
        Ok(demo)
    }

    /// Runs it on what was built, prints the verdict, and fails if it does.
    pub(crate) fn run(&self, stage: &Stage) -> Result<(), Failed> {
        let judgement = self.play(stage)?;
        for finding in judgement.findings.iter().take(TOLD) {
            eprintln!("{finding}");
        }
        if judgement.findings.len() > TOLD {
            eprintln!("… and {} more", judgement.findings.len() - TOLD);
        }
        let line = serde_json::to_string(&judgement.verdict)
            .map_err(|error| Failed::new(format!("cannot write the verdict: {error}")))?;
        println!("{line}");
        if judgement.verdict.pass {
            Ok(())
        } else {
            Err(Failed::said())
        }
    }

    fn play(&self, stage: &Stage) -> Result<Judgement, Failed> {
        std::fs::create_dir_all(&stage.records)
            .map_err(|error| cannot_write(&stage.records, &error))?;
        let record = stage.records.join("events.jsonl");
        let settings = stage.records.join("settings.json");
        let region = Region::start(
            &stage.region,
            &[
                format!("--users={}", self.users),
                format!("--queues={QUEUES}"),
                format!("--calls-per-minute={CALLS_PER_MINUTE}"),
                format!("--seed={}", self.seed),
            ],
            &stage.records.join("region.log"),
        )?;
        self.repeat_frames(&region)?;
        std::fs::write(&settings, typed_by_an_operator(region.ready())?)
            .map_err(|error| cannot_write(&settings, &error))?;
        let _ = std::fs::remove_file(&record);
        let mut command = Command::new(&stage.host);
        command
            .arg("--plugin")
            .arg(&stage.library)
            .arg("--settings")
            .arg(&settings);
        command
            .arg("--jsonl")
            .arg(&record)
            .arg("--seconds")
            .arg(self.seconds.to_string());
        command.stdin(Stdio::null());
        let (host, ()) = Started::new(&mut command, |_| ())?;
        // Just before the end: what was sent by now has the time to arrive.
        let early = Duration::from_secs(u64::from(self.seconds)).saturating_sub(ARRIVES_WITHIN);
        std::thread::sleep(early);
        let settled: Truth = ask(&region, "/_sim/truth")?;
        let ended = host.wait(Duration::from_secs(u64::from(self.seconds) + 60))?;
        let told = region.get("/_sim/truth")?;
        // Kept beside the host's record, for whoever looks into a defect.
        let kept = stage.records.join("truth.json");
        std::fs::write(&kept, &told).map_err(|error| cannot_write(&kept, &error))?;
        let truth = read::<Truth>(&told, "/_sim/truth")?.settle(&settled);
        let scripts: Vec<String> = ask(&region, "/_sim/scripts")?;
        drop(region);
        let mut judgement = judge(&lines(&record)?, &truth, Outages::default());
        if !ended.success() {
            judgement.against(format!("the host ended with {ended}"));
        }
        self.enough(&mut judgement, &truth, &scripts);
        Ok(judgement)
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

/// The settings as an operator would type them.
fn typed_by_an_operator(region: &Ready) -> Result<String, Failed> {
    serde_json::to_string_pretty(&serde_json::json!({
        "AdapterName": "Demonstration",
        "Description": "A simulated region on this machine",
        "DataSource": "Demonstration",
        "RegionHost": region.base_url,
        "ClientId": region.client_id,
        "ClientSecret": region.client_secret,
        "AdvancedSettings": { "LogLevel": "info" },
    }))
    .map_err(|error| Failed::new(format!("cannot write the settings: {error}")))
}

fn lines(record: &Path) -> Result<Vec<Line>, Failed> {
    let file = std::fs::File::open(record)
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
