//! The ledger file (`GapLedgerFile`): one line of JSON when a gap opens, one when its end is known, one when all of it was
//! read, and one for events that the host did not take and that are gone; `docs/GAPS.md` describes them. Evidence: lines are only ever appended, each is on the disk before the next.
//!
//! A thread of its own writes, so that a slow disk holds up neither sockets nor the host. A line that cannot be written is
//! kept, and written when it can be; until then the log and the status say so. A line that a full disk tore is written
//! again, whole, on a line of its own.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::gaps::{Gaps, Left, ShortfallDocument, recovered};
use super::{Log, owner_only, panics};
use crate::model::gap::{GapId, GapRecord};
use crate::model::time::UtcMicros;

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// Lines that are kept while the file cannot be written; of more the oldest are given up, and the log says so.
const MOST_KEPT: usize = 100_000;
/// The same in bytes: a line names everyone whom its gap concerns.
const MOST_BYTES: usize = 32 << 20;

/// What a line says of its gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Opened,
    Ended,
    Closed,
    Left,
    /// Of no gap: events that were lost on the way to the host.
    Lost,
}

/// Events that were lost on the way to the host: it did not take them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss<'a> {
    /// The feed in which their numbers are missing.
    pub feed: &'a str,
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
    /// When the first of them was received.
    pub from: UtcMicros,
    /// When the last of them was received.
    pub to: UtcMicros,
    /// Why, in the words of `GCA_EVENT_LOST`.
    pub why: &'a str,
}

#[derive(Serialize)]
struct LossLine<'a> {
    line: Step,
    at: String,
    adapter: &'a str,
    feed: &'a str,
    first: u64,
    last: u64,
    from: String,
    to: String,
    why: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    line: Step,
    at: String,
    adapter: &'a str,
    gap: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(flatten)]
    record: Option<Facts<'a>>,
}

#[derive(Serialize)]
struct Facts<'a> {
    cause: &'static str,
    detail: &'a str,
    from: String,
    to: Option<String>,
    /// Whom it concerns; a closed gap repeats only how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<Vec<&'a str>>,
    user_count: usize,
    queue_count: usize,
    #[serde(flatten)]
    read: Option<Read>,
}

#[derive(Serialize)]
struct Read {
    reads: u64,
    recovered_events: u64,
    recovered: std::collections::BTreeMap<&'static str, u64>,
    shortfalls: Vec<ShortfallDocument>,
}

/// What is read of a line when the file is opened again.
#[derive(Deserialize)]
struct Known<'a> {
    line: Step,
    #[serde(borrow)]
    adapter: std::borrow::Cow<'a, str>,
    gap: u64,
}

fn of_record(record: &GapRecord, adapter: &str) -> String {
    let (line, at) = match (record.closed, record.to) {
        (Some(closed), _) => (Step::Closed, closed),
        (None, Some(_)) => (Step::Ended, UtcMicros::read_clock()),
        (None, None) => (Step::Opened, record.opened),
    };
    let lists = line != Step::Closed;
    let facts = Facts {
        cause: record.cause.name(),
        detail: &record.detail,
        from: record.from.to_iso(),
        to: record.to.map(UtcMicros::to_iso),
        users: lists.then(|| record.users.iter().map(|id| id.as_str()).collect()),
        queues: lists.then(|| record.queues.iter().map(|id| id.as_str()).collect()),
        user_count: record.users.len(),
        queue_count: record.queues.len(),
        read: (line == Step::Closed).then(|| Read {
            reads: record.reads,
            recovered_events: record.recovered_events(),
            recovered: recovered(record),
            shortfalls: ShortfallDocument::all(&record.shortfalls),
        }),
    };
    text(&Line {
        line,
        at: at.to_iso(),
        adapter,
        gap: record.id.0,
        why: None,
        record: Some(facts),
    })
}

fn of_left(gap: GapId, why: Left, adapter: &str) -> String {
    text(&Line {
        line: Step::Left,
        at: UtcMicros::read_clock().to_iso(),
        adapter,
        gap: gap.0,
        why: Some(why.name()),
        record: None,
    })
}

fn of_loss(loss: &Loss<'_>, adapter: &str) -> String {
    text(&LossLine {
        line: Step::Lost,
        at: UtcMicros::read_clock().to_iso(),
        adapter,
        feed: loss.feed,
        first: loss.first,
        last: loss.last,
        from: loss.from.to_iso(),
        to: loss.to.to_iso(),
        why: loss.why,
    })
}

fn text(line: &impl Serialize) -> String {
    // Texts and numbers only: nothing in it can fail to be JSON.
    serde_json::to_string(line).unwrap_or_default()
}

/// What an earlier life wrote: the last number of this adapter, and its gaps that were neither closed nor left.
#[derive(Debug, Default, PartialEq, Eq)]
struct Before {
    last: u64,
    open: BTreeSet<u64>,
}

impl Before {
    fn read(&mut self, file: impl BufRead, adapter: &str) -> io::Result<()> {
        for line in file.split(b'\n') {
            self.take(&line?, adapter);
        }
        Ok(())
    }

    /// Torn or foreign lines say nothing.
    fn take(&mut self, line: &[u8], adapter: &str) {
        let Ok(known) = serde_json::from_slice::<Known<'_>>(line) else {
            return;
        };
        if known.adapter != adapter {
            return;
        }
        self.last = self.last.max(known.gap);
        match known.line {
            Step::Opened | Step::Ended => self.open.insert(known.gap),
            Step::Closed | Step::Left => self.open.remove(&known.gap),
            Step::Lost => false,
        };
    }
}

#[derive(Debug)]
enum Message {
    Write(String),
    Finish,
}

/// The ledger file while an adapter runs.
#[derive(Debug)]
pub struct LedgerFile {
    adapter: String,
    sender: mpsc::Sender<Message>,
    thread: Mutex<Option<(JoinHandle<()>, mpsc::Receiver<()>)>>,
    unwritten: Arc<Mutex<VecDeque<String>>>,
}

/// Lines that could not be written before a stop, for the next start.
#[derive(Debug, Default)]
pub struct Unwritten(VecDeque<String>);

#[cfg(test)]
impl Unwritten {
    /// One line.
    pub(crate) fn of(line: &str) -> Self {
        Self(VecDeque::from([line.to_owned()]))
    }
}

impl LedgerFile {
    /// Reads what an earlier life wrote, and starts the thread. Returns the number that was given last. A file that cannot
    /// be read is an alarm, no error: numbers then go on from those of this process.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn open(
        path: PathBuf,
        adapter: &str,
        before: Unwritten,
        gaps: Arc<Gaps>,
        log: Log,
    ) -> io::Result<(Self, GapId)> {
        let mut known = Before::default();
        let opened = must_be_file(&path).and_then(|()| File::open(&path));
        let read = match opened {
            Ok(file) => known.read(BufReader::new(file), adapter),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            log.error(
                "ledger",
                format_args!(
                    "the ledger file {} cannot be read ({error}): gaps may be numbered anew. Check that the service may \
                     read and write it",
                    path.display()
                ),
            );
        }
        // What waits may be about gaps that the file shows as open.
        let mut lines = before.0;
        for line in &lines {
            known.take(line.as_bytes(), adapter);
        }
        let killed = known.open.iter();
        lines.extend(killed.map(|id| of_left(GapId(*id), Left::Killed, adapter)));
        let unwritten = Arc::new(Mutex::new(lines));
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let writer = Writer {
            path,
            lines: Arc::clone(&unwritten),
            is_failing: false,
            is_torn: true,
            gaps,
            log: log.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("gca-ledger".to_owned())
            .spawn(move || {
                panics::adopt(&log);
                writer.run(&receiver);
                // Nobody may wait for it any more.
                let _ = end.send(());
            })?;
        let file = Self {
            adapter: adapter.to_owned(),
            sender,
            thread: Mutex::new(Some((thread, ended))),
            unwritten,
        };
        Ok((file, GapId(known.last)))
    }

    /// Writes down what became of a gap.
    pub fn note(&self, record: &GapRecord) {
        self.write(of_record(record, &self.adapter));
    }

    /// The feed ends before these were read.
    pub fn leave(&self, gaps: &[GapId], why: Left) {
        for gap in gaps {
            self.write(of_left(*gap, why, &self.adapter));
        }
    }

    /// Events are gone that the host has not taken.
    pub fn note_loss(&self, loss: &Loss<'_>) {
        self.write(of_loss(loss, &self.adapter));
    }

    fn write(&self, line: String) {
        // A writer that has ended panicked; the log says so.
        let _ = self.sender.send(Message::Write(line));
    }

    /// Writes what waits, once more, and ends the thread; waits for it as long as the limit says. Returns what could not be
    /// written.
    #[must_use]
    pub fn finish(&self, limit: Duration) -> Unwritten {
        let _ = self.sender.send(Message::Finish);
        let thread = (self.thread.lock().unwrap_or_else(PoisonError::into_inner)).take();
        if let Some((thread, ended)) = thread
            && ended.recv_timeout(limit).is_ok()
        {
            // A panic was logged where it happened.
            let _ = thread.join();
        }
        let mut lines = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Unwritten(std::mem::take(&mut *lines))
    }
}

struct Writer {
    path: PathBuf,
    /// Not written yet, oldest first.
    lines: Arc<Mutex<VecDeque<String>>>,
    is_failing: bool,
    /// The file may end within a line.
    is_torn: bool,
    gaps: Arc<Gaps>,
    log: Log,
}

impl Writer {
    fn run(mut self, messages: &mpsc::Receiver<Message>) {
        let mut again: Option<Instant> = Some(Instant::now());
        loop {
            let message = match again {
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(again) => {
                    messages.recv_timeout(again.saturating_duration_since(Instant::now()))
                }
            };
            let is_last = match message {
                Ok(Message::Write(line)) => {
                    self.keep(line);
                    // A failing disk is not asked for each line.
                    if self.is_failing && again.is_some_and(|again| again > Instant::now()) {
                        continue;
                    }
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => true,
            };
            again = (!self.write_all()).then(|| Instant::now() + AGAIN);
            if is_last {
                return;
            }
        }
    }

    fn keep(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes: usize = lines.iter().map(String::len).sum();
        while (lines.len() >= MOST_KEPT || bytes + line.len() > MOST_BYTES)
            && let Some(oldest) = lines.pop_front()
        {
            bytes -= oldest.len();
            self.log.counted(
                "ledger lines lost",
                crate::model::log::LogLevel::Error,
                "ledger",
                format_args!("a line of the ledger file was given up: too many wait to be written"),
            );
        }
        lines.push_back(line);
        self.gaps.set_ledger_waiting(lines.len());
    }

    /// Writes line by line. Says whether all are written.
    fn write_all(&mut self) -> bool {
        loop {
            let next = {
                let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                self.gaps.set_ledger_waiting(lines.len());
                lines.front().cloned()
            };
            let Some(line) = next else {
                break;
            };
            if let Err(error) = append(&self.path, &line, self.is_torn) {
                self.is_torn = true;
                if !std::mem::replace(&mut self.is_failing, true) {
                    self.log.error(
                        "ledger",
                        format_args!(
                            "the ledger file {} cannot be written ({error}): its lines are kept and written when it can \
                             be. The feed goes on. Check the disk, and that the service may write there",
                            self.path.display()
                        ),
                    );
                }
                return false;
            }
            self.is_torn = false;
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.pop_front();
        }
        if std::mem::replace(&mut self.is_failing, false) {
            self.log.info(
                "ledger",
                format_args!("the ledger file {} is complete again", self.path.display()),
            );
        }
        true
    }
}

/// Appends a line and waits until it is on the disk. The file is opened for each: gaps are rare, and whoever rotates or
/// archives the file is not in the way.
fn append(path: &Path, line: &str, may_be_torn: bool) -> io::Result<()> {
    must_be_file(path)?;
    let is_new = !path.exists();
    let mut file = owner_only::make(path, OpenOptions::new().append(true))?;
    let mut bytes = Vec::with_capacity(line.len() + 2);
    if may_be_torn && !ends_with_newline(path)? {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    file.write_all(&bytes)?;
    file.sync_data()?;
    if is_new {
        sync_directory(path);
    }
    Ok(())
}

/// Who opens a pipe waits for its other end, and nobody may wait here. What is not there will be a file.
fn must_be_file(path: &Path) -> io::Result<()> {
    if path.exists() && !path.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    Ok(())
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The name of a new file is on the disk when its directory is. Where a directory cannot be opened (Windows) the system
/// sees to it.
fn sync_directory(path: &Path) {
    if let Some(directory) = path.parent().and_then(|parent| File::open(parent).ok()) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::super::gaps::tests::{closed, record};
    use super::*;
    use crate::model::log::LogLevel;
    use serde_json::Value;

    struct Shop {
        directory: tempfile::TempDir,
        gaps: Arc<Gaps>,
        log: Log,
    }

    impl Shop {
        fn new() -> Self {
            Self {
                directory: tempfile::tempdir().unwrap(),
                gaps: Arc::default(),
                log: Log::new(LogLevel::Trace),
            }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("gaps.jsonl")
        }

        fn open(&self, before: Unwritten) -> (LedgerFile, u64) {
            let (gaps, log) = (Arc::clone(&self.gaps), self.log.clone());
            let (file, last) = LedgerFile::open(self.path(), "one", before, gaps, log).unwrap();
            (file, last.0)
        }

        fn lines(&self) -> Vec<Value> {
            let text = std::fs::read_to_string(self.path()).unwrap();
            assert!(text.ends_with('\n'));
            let read = |line: &str| serde_json::from_str(line).unwrap();
            text.lines().map(read).collect()
        }
    }

    const LIMIT: Duration = Duration::from_secs(30);

    /// It may have come into the place of the file after the settings were taken.
    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_the_file_holds_up_nothing() {
        let shop = Shop::new();
        let made = std::process::Command::new("mkfifo")
            .arg(shop.path())
            .status();
        assert!(made.unwrap().success());
        let (file, last) = shop.open(Unwritten::default());
        assert_eq!(last, 0);
        file.note(&record(1));
        assert_eq!(file.finish(LIMIT).0.len(), 1, "kept");
    }

    #[test]
    fn a_gap_is_three_lines_and_a_restart_goes_on_with_the_numbers() {
        let shop = Shop::new();
        let (file, last) = shop.open(Unwritten::default());
        assert_eq!(last, 0);
        file.note(&record(1));
        file.note(&GapRecord {
            to: Some(UtcMicros(9_000_000)),
            ..record(1)
        });
        file.note(&closed(1));
        file.note(&record(2));
        file.leave(&[GapId(2)], Left::Stopped);
        file.note(&record(3));
        assert!(file.finish(LIMIT).0.is_empty());
        let lines = shop.lines();
        let words: Vec<_> = (lines.iter())
            .map(|line| {
                (
                    line["line"].as_str().unwrap(),
                    line["gap"].as_u64().unwrap(),
                )
            })
            .collect();
        let expected = [
            ("opened", 1),
            ("ended", 1),
            ("closed", 1),
            ("opened", 2),
            ("left", 2),
            ("opened", 3),
        ];
        assert_eq!(words, expected);
        assert_eq!(lines[0]["users"], serde_json::json!(["u1", "u2"]));
        assert_eq!(lines[0]["from"], "1970-01-01T00:00:01.000000Z");
        assert_eq!(lines[0]["to"], Value::Null);
        assert_eq!(lines[1]["to"], "1970-01-01T00:00:09.000000Z");
        assert_eq!(
            lines[2]["recovered"],
            serde_json::json!({"held":2,"established":1})
        );
        assert_eq!(lines[2]["recovered_events"], 3);
        assert_eq!(lines[2]["shortfalls"][0]["kind"], "untold");
        assert_eq!(lines[2]["user_count"], 2);

        // The process was killed while the third was open; another adapter writes to the same file.
        let other = serde_json::json!({"line":"opened","at":"","adapter":"two","gap":77});
        append(&shop.path(), &other.to_string(), false).unwrap();
        let (file, last) = shop.open(Unwritten::default());
        assert_eq!(last, 3);
        assert!(file.finish(LIMIT).0.is_empty());
        let lines = shop.lines();
        let left = lines.last().unwrap();
        assert_eq!([&left["line"], &left["why"]], ["left", "killed"]);
        assert_eq!(left["gap"], 3);
        assert_eq!(lines.len(), 8);
        let (file, _) = shop.open(Unwritten::default());
        assert!(file.finish(LIMIT).0.is_empty());
        assert_eq!(shop.lines().len(), 8, "said once");
    }

    #[test]
    fn a_loss_is_a_line_of_its_own_and_no_gap() {
        let shop = Shop::new();
        let (file, _) = shop.open(Unwritten::default());
        file.note(&record(1));
        file.note_loss(&Loss {
            feed: "f",
            first: 7,
            last: 9,
            from: UtcMicros(1_000_000),
            to: UtcMicros(2_500_000),
            why: "queue_full,refused",
        });
        assert!(file.finish(LIMIT).0.is_empty());
        let mut lines = shop.lines();
        let at = lines[1]
            .as_object_mut()
            .and_then(|line| line.remove("at"))
            .unwrap();
        assert!(at.as_str().is_some_and(|at| at.ends_with('Z')));
        assert_eq!(
            lines[1],
            serde_json::json!({"line":"lost","adapter":"one","feed":"f","first":7,"last":9,
                "from":"1970-01-01T00:00:01.000000Z","to":"1970-01-01T00:00:02.500000Z","why":"queue_full,refused"})
        );
        let (file, last) = shop.open(Unwritten::default());
        assert_eq!(last, 1);
        assert!(file.finish(LIMIT).0.is_empty());
        assert_eq!(shop.lines().len(), 3, "the gap was left, the loss was not");
    }

    #[test]
    fn what_cannot_be_written_is_kept_told_and_written_later() {
        let shop = Shop::new();
        std::fs::create_dir(shop.path()).unwrap();
        let (file, last) = shop.open(Unwritten::default());
        assert_eq!(last, 0);
        file.note(&record(1));
        file.note(&closed(1));
        let unwritten = file.finish(LIMIT);
        assert_eq!(unwritten.0.len(), 2);
        assert_eq!(shop.gaps.totals().ledger_waiting, 2);
        shop.log.finish();
        let alarms: Vec<_> = std::iter::from_fn(|| shop.log.next())
            .filter(|line| line.level == LogLevel::Error)
            .collect();
        assert!(
            alarms
                .iter()
                .any(|line| line.message.contains("cannot be written")),
            "{alarms:?}"
        );
        std::fs::remove_dir(shop.path()).unwrap();
        let (file, last) = shop.open(unwritten);
        assert_eq!(last, 1);
        assert!(file.finish(LIMIT).0.is_empty());
        assert_eq!(shop.lines().len(), 2);
        assert_eq!(shop.gaps.totals().ledger_waiting, 0);
    }

    #[test]
    fn lines_that_wait_do_not_fill_the_memory() {
        let shop = Shop::new();
        std::fs::create_dir(shop.path()).unwrap();
        let (file, _) = shop.open(Unwritten::default());
        for id in 1..=40 {
            file.note(&GapRecord {
                detail: "x".repeat(1 << 20).into(),
                ..record(id)
            });
        }
        let unwritten = file.finish(LIMIT).0;
        let bytes: usize = unwritten.iter().map(String::len).sum();
        assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES / 2, "{bytes}");
        assert!(unwritten.back().unwrap().contains(r#""gap":40"#));
    }

    #[test]
    fn a_line_that_was_torn_stands_alone() {
        let shop = Shop::new();
        std::fs::write(shop.path(), r#"{"line":"opened","adapter":"one","ga"#).unwrap();
        let (file, last) = shop.open(Unwritten::default());
        assert_eq!(last, 0);
        file.note(&record(1));
        assert!(file.finish(LIMIT).0.is_empty());
        let text = std::fs::read_to_string(shop.path()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(serde_json::from_str::<Value>(lines[1]).is_ok());
        assert_eq!(shop.open(Unwritten::default()).1, 1);
    }
}
