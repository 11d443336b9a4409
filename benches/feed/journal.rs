//! The way through the journal: from arrival to callback at a steady pace, by turns with bare writes of the same bytes that
//! are synced, at the same pace and one after the other; and how many events a second it sustains.
//!
//! A disk stalls now and then. Of writes at a pace a stall delays all that come meanwhile, of those that each wait for the
//! last only one; so the first are what the journal is to be compared with.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::adapter::{Adapter, Library};
use crate::case::{Case, Maker};
use crate::frames::Call;
use crate::pump::Pump;

const SNAPSHOT_CACHE_MIB: u32 = 24;
const ROUNDS: usize = 6;
/// Of a round; at 1,000 a second.
const FRAMES: u64 = 3_000;
/// At a pace, of a round: bare writes come as the frames do.
const PACED: u32 = 3_000;
const PACE: Duration = Duration::from_millis(1);
/// One after the other, of a round.
const SYNCS: usize = 300;
/// What the journal writes of one event of a call, about: its row and the row's head.
const EVENT_BYTES: usize = 1_200;
/// At the goal of 20,000 events a second: new conversations, each of which tells many.
const SUSTAINED: Duration = Duration::from_secs(15);

/// What came out.
pub(crate) struct Figures {
    /// Microseconds from arrival to callback, with the journal.
    pub(crate) times: Vec<f64>,
    /// Microseconds from when a bare write was due until it was on the disk, at the same pace; what is due meanwhile is
    /// synced together.
    pub(crate) paced: Vec<f64>,
    /// Microseconds of a bare write and sync, one after the other.
    pub(crate) syncs: Vec<f64>,
    /// Events a second, as fast as they are taken.
    pub(crate) sustained: f64,
    /// How long that was measured, in seconds, and of how many events.
    pub(crate) over: (f64, usize),
}

/// Measures in a directory of the disk that is to be measured.
pub(crate) fn measure(library: &Path, directory: &Path, call: &Call) -> Figures {
    let mut pump = Pump::start(1);
    let mut maker = Maker::new();
    let journal = directory.join("journal");
    let adapter = Adapter::start_with_journal(
        Library::load(library),
        pump.port,
        SNAPSHOT_CACHE_MIB,
        &journal,
    );
    let mut bare = Bare::new(&directory.join("bare"));
    let (mut times, mut paced, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for batch in maker.batches(call, Case::OneChanged, FRAMES) {
            let mut send = |frames: &crate::case::Frames, per_second| {
                pump.send("adapter", &frames.path, per_second);
                adapter.wait_for_presence(frames.presence_ms);
                pump.sent();
            };
            if let Some(before) = &batch.before {
                send(before, 0);
            }
            adapter.begin_timing();
            send(&batch.measured, 1_000);
            times.extend(adapter.end_timing().into_iter().map(|time| time as f64));
            send(&batch.after, 0);
        }
        paced.extend(bare.write_at_pace());
        for _ in 0..SYNCS {
            let began = Instant::now();
            bare.write();
            bare.sync();
            syncs.push(micros(began.elapsed()));
        }
    }
    let began = Instant::now();
    let before = adapter.events();
    while began.elapsed() < SUSTAINED {
        for batch in maker.batches(call, Case::New, 1_000) {
            for frames in [&batch.measured, &batch.after] {
                pump.send("adapter", &frames.path, 0);
                adapter.wait_for_presence(frames.presence_ms);
                pump.sent();
            }
        }
    }
    let events = adapter.events() - before;
    let seconds = began.elapsed().as_secs_f64();
    Figures {
        times,
        paced,
        syncs,
        sustained: events as f64 / seconds,
        over: (seconds, events),
    }
}

/// A file of fixed length that is written in place: nothing but the bytes comes to the disk.
struct Bare {
    file: File,
    place: u64,
}

const PLACES: u64 = 4_096;

impl Bare {
    fn new(path: &Path) -> Self {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        let mut file = options.open(path).expect("a file");
        let block = vec![1; EVENT_BYTES];
        for _ in 0..PLACES {
            file.write_all(&block).expect("room");
        }
        file.sync_all().expect("a disk");
        Self { file, place: 0 }
    }

    /// Writes one event.
    fn write(&mut self) {
        self.place = (self.place + 1) % PLACES;
        let block = vec![2; EVENT_BYTES];
        let at = SeekFrom::Start(self.place * EVENT_BYTES as u64);
        self.file.seek(at).expect("a place");
        self.file.write_all(&block).expect("room");
    }

    /// Waits until all is on the disk.
    fn sync(&self) {
        self.file.sync_data().expect("a disk");
    }

    /// Writes one event whenever one is due. How long each took from then, in microseconds.
    fn write_at_pace(&mut self) -> Vec<f64> {
        let mut times = Vec::new();
        let begin = Instant::now();
        let due = |number: u32| begin + PACE * number;
        let mut number = 0;
        while number < PACED {
            std::thread::sleep(due(number).saturating_duration_since(Instant::now()));
            let first = number;
            while number < PACED && due(number) <= Instant::now() {
                self.write();
                number += 1;
            }
            self.sync();
            times.extend((first..number).map(|number| micros(due(number).elapsed())));
        }
        times
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
