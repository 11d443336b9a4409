//! Rounds: in each, every case is measured on every reader, so that what else the machine does meets all.

use std::path::Path;
use std::time::Duration;

use crate::adapter::{Adapter, Library};
use crate::case::{Batch, Case, Frames, Maker};
use crate::cpu;
use crate::floors::{Floor, Reader};
use crate::frames::Call;
use crate::pump::Pump;

/// `SnapshotCacheMiB` as it is by default.
const SNAPSHOT_CACHE_MIB: u32 = 24;

/// How many notifications, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    /// Of a case in a round.
    pub(crate) frames: u64,
    /// 0: as fast as they are read.
    pub(crate) per_second: u32,
}

/// Nanoseconds of CPU per notification, one entry per round.
#[derive(Default)]
pub(crate) struct Figures {
    /// By floor.
    pub(crate) floors: [Vec<f64>; Floor::ALL.len()],
    pub(crate) adapter: Vec<f64>,
    /// Microseconds from arrival to callback of every event.
    pub(crate) times: Vec<i64>,
    /// The same of the empty events of a floor.
    pub(crate) floor_times: Vec<i64>,
    pub(crate) events_per_frame: f64,
}

/// The readers, and what sends to them.
pub(crate) struct Rounds {
    adapter: Adapter,
    reader: Reader,
    pump: Pump,
    maker: Maker,
}

impl Rounds {
    pub(crate) fn new(library: &Path) -> Self {
        let pump = Pump::start(1);
        Self {
            adapter: Adapter::start(Library::load(library), pump.port, SNAPSHOT_CACHE_MIB),
            reader: Reader::connect(pump.port),
            pump,
            maker: Maker::new(),
        }
    }

    pub(crate) fn measure(&mut self, call: &Call, pace: Pace) -> [(Case, Figures); 3] {
        let mut of_cases = Case::ALL.map(|case| (case, Figures::default()));
        for _ in 0..pace.rounds {
            for (case, figures) in &mut of_cases {
                let batches = self.maker.batches(call, *case, pace.frames);
                let per_frame = |cpu: Duration| cpu.as_nanos() as f64 / pace.frames as f64;
                let (mut cpu, mut events) = (Duration::ZERO, 0);
                for batch in &batches {
                    let (used, made) = self.batch_through_the_adapter(batch, pace, figures);
                    cpu += used;
                    events += made;
                }
                figures.adapter.push(per_frame(cpu));
                figures.events_per_frame = events as f64 / pace.frames as f64;
                let told = events / pace.frames as usize;
                for floor in Floor::ALL {
                    let mut cpu = Duration::ZERO;
                    for batch in &batches {
                        let frames = &batch.measured;
                        let (used, times) =
                            self.through_a_floor(floor, frames, told, pace.per_second);
                        cpu += used;
                        figures.floor_times.extend(times);
                    }
                    figures.floors[floor as usize].push(per_frame(cpu));
                }
            }
        }
        // Else the next figures would be those of a growing heap.
        let is_empty = |status: &serde_json::Value| status["region"]["open_conversations"] == 0;
        self.adapter.wait_until(is_empty);
        of_cases
    }

    /// CPU that it took, and the microseconds that each event was on its way, if the floor tells any: so many of a frame.
    fn through_a_floor(
        &mut self,
        floor: Floor,
        frames: &Frames,
        events: usize,
        per_second: u32,
    ) -> (Duration, Vec<i64>) {
        let before = cpu::used();
        self.pump.send("floor", &frames.path, per_second);
        let times = self.reader.read(floor, frames.count, events);
        let used = cpu::used() - before;
        self.pump.sent();
        (used, times)
    }

    /// CPU that the measured part took, and the events that it made.
    fn batch_through_the_adapter(
        &mut self,
        batch: &Batch,
        pace: Pace,
        figures: &mut Figures,
    ) -> (Duration, usize) {
        if let Some(frames) = &batch.before {
            self.through_the_adapter(frames, 0);
        }
        let events = self.adapter.events();
        self.adapter.begin_timing();
        let before = cpu::used();
        self.through_the_adapter(&batch.measured, pace.per_second);
        let used = cpu::used() - before;
        figures.times.extend(self.adapter.end_timing());
        // The last one only shows that all came through.
        let events = self.adapter.events() - events - 1;
        self.through_the_adapter(&batch.after, 0);
        (used, events)
    }

    /// Sends frames and waits for the event of the last one.
    fn through_the_adapter(&mut self, frames: &Frames, per_second: u32) {
        self.pump.send("adapter", &frames.path, per_second);
        self.adapter.wait_for_presence(frames.presence_ms);
        self.pump.sent();
    }
}
