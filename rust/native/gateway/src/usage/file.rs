//! The file to which records are appended, one line of JSON each.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::UsageRecord;
use crate::log::{self, Trouble, events};

/// Records on their way to the thread that writes; where a disk hangs, more are lost.
const MOST_SENT: usize = 16 << 10;
/// Bytes that wait for a disk that takes none; what comes behind them is lost.
const MOST_WAITING: usize = 1 << 20;
/// How often such a disk is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// No record is longer, and each begins so.
pub(super) const LONGEST: u64 = 64 << 10;
const BEGIN: &[u8] = b"{\"stream\":";

/// Who waits for a disk goes on after so long.
const SETTLE: Duration = Duration::from_secs(5);

/// What the thread is told.
enum Line {
    Record(String),
    /// Somebody waits until the records before are written, or cannot be: then this ends.
    Settle(Sender<()>),
}

/// Writes in a thread of its own, so that a slow disk delays no stream.
pub(crate) struct UsageFile {
    lines: Mutex<Option<SyncSender<Line>>>,
    writing: Mutex<Option<JoinHandle<()>>>,
    lost: Counter,
}

impl UsageFile {
    /// Opens the file, or makes it; a record at its end that is not whole is cut. Records that it does not take are counted.
    pub(crate) fn open(path: &Path, lost: Counter) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        // It says who asked whom for how much.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        mend(path, &mut file)?;
        let (lines, received) = sync_channel(MOST_SENT);
        let mut writer = Writer::new(path, file, lost.clone());
        let writing = log::thread("midstream-usage", move || writer.run(&received))?;
        Ok(Self { lines: Mutex::new(Some(lines)), writing: Mutex::new(Some(writing)), lost })
    }

    /// Appends a record.
    pub(super) fn write(&self, record: &UsageRecord) {
        let Some(line) = line(record) else {
            self.lost.inc();
            return;
        };
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.as_ref().is_none_or(|lines| lines.try_send(Line::Record(line)).is_err()) {
            self.lost.inc();
        }
    }

    /// Waits until the disk has what was appended, or does not take it.
    pub(super) fn settle(&self) {
        let (settled, waits) = channel();
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if lines.is_some_and(|lines| lines.try_send(Line::Settle(settled)).is_ok()) {
            let _ = waits.recv_timeout(SETTLE);
        }
    }

    /// Writes what is left and closes the file.
    fn close(&self) {
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(writing) = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writing.join();
        }
    }
}

impl Drop for UsageFile {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whole lines reach the file as soon as none waits, so that they outlive the process. What a disk does not take waits
/// for it, as far as there is room.
struct Writer {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
    lost: Counter,
    trouble: Trouble,
}

impl Writer {
    fn new(path: &Path, file: File, lost: Counter) -> Self {
        Self { path: path.to_owned(), file, waiting: Vec::new(), lost, trouble: Trouble::default() }
    }

    fn run(&mut self, lines: &Receiver<Line>) {
        let mut settling = Vec::new();
        loop {
            let next = if self.waiting.is_empty() {
                lines.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                lines.recv_timeout(AGAIN)
            };
            match next {
                Ok(line) => {
                    for line in std::iter::once(line).chain(lines.try_iter()) {
                        match line {
                            Line::Record(line) => self.add(&line),
                            Line::Settle(settled) => settling.push(settled),
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write();
            settling.clear();
        }
        self.write();
        self.lost.inc_by(self.waiting.iter().filter(|byte| **byte == b'\n').count() as u64);
        let _ = self.file.sync_data();
    }

    fn add(&mut self, line: &str) {
        let is_full = |waiting: &[u8]| waiting.len() + line.len() > MOST_WAITING;
        if is_full(&self.waiting) {
            self.write();
        }
        if is_full(&self.waiting) {
            self.lost.inc();
        } else {
            self.waiting.extend_from_slice(line.as_bytes());
        }
    }

    /// What the disk takes is gone, to the byte: the next write goes on where this one ended.
    fn write(&mut self) {
        while !self.waiting.is_empty() {
            match self.file.write(&self.waiting) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.fails(error.kind()),
                Ok(0) => return self.fails(ErrorKind::WriteZero),
                Ok(written) => drop(self.waiting.drain(..written)),
            }
        }
        if self.trouble.is_over() {
            events::usage_file_recovered(&self.path);
        }
    }

    fn fails(&self, kind: ErrorKind) {
        if self.trouble.began() {
            events::usage_file_failed(&self.path, &kind.to_string());
        }
    }
}

/// A record as it is read back: without names that would make it too long for that.
fn line(record: &UsageRecord) -> Option<String> {
    let whole = |record: &UsageRecord| {
        let line = serde_json::to_string(record).ok()? + "\n";
        (line.len() as u64 <= LONGEST).then_some(line)
    };
    whole(record).or_else(|| whole(&UsageRecord { model: None, upstream: None, ..record.clone() }))
}

/// Cuts the begin of a record off whose end was never written; what else has no end of its line gets one.
fn mend(path: &Path, file: &mut File) -> io::Result<()> {
    let meta = file.metadata()?;
    // What can be written and not read is left as it is.
    let Some(mut reader) = File::open(path).ok().filter(|_| meta.is_file()) else { return Ok(()) };
    let from = meta.len().saturating_sub(LONGEST);
    reader.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    reader.take(LONGEST).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rest = tail.get(whole..).unwrap_or_default();
    if rest.is_empty() {
        Ok(())
    } else if rest.starts_with(BEGIN) || BEGIN.starts_with(rest) {
        file.set_len(from + whole as u64)
    } else {
        file.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::endpoint::Api;
    use crate::usage::Tokens;

    fn record(number: u64) -> UsageRecord {
        let tokens = Tokens { output: Some(number), ..Tokens::NOTHING };
        UsageRecord {
            stream: "s".to_owned(),
            api: Api::Openai,
            key: None,
            tenant: None,
            model: None,
            upstream: None,
            tokens,
            cost: None,
            end: "complete",
            bytes: 0,
            ttft_s: None,
            duration_s: 0.0,
            at: 0.0,
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn records_that_a_full_disk_does_not_take_are_counted() {
        let lost = Counter::default();
        let file = UsageFile::open(Path::new("/dev/full"), lost.clone()).unwrap();
        (0..100).for_each(|number| file.write(&record(number)));
        drop(file);
        assert_eq!(lost.get(), 100);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_more_waits_for_a_full_disk_than_there_is_room_for() {
        let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut writer = Writer::new(Path::new("/dev/full"), file, Counter::default());
        let line = format!("{}\n", "x".repeat(1023));
        (0..2000).for_each(|_| writer.add(&line));
        assert_eq!((writer.waiting.len(), writer.lost.get()), (MOST_WAITING, 2000 - 1024));
    }

    #[test]
    fn no_line_is_longer_than_what_is_read_back() {
        let named = |bytes: usize| UsageRecord { model: Some("x".repeat(bytes)), ..record(1) };
        assert!(line(&named(256)).unwrap().contains("xxx"));
        let short = line(&named(70 << 10)).unwrap();
        assert!(short.contains("\"model\":null") && short.contains("\"output\":1"), "{short}");
        let key = Some("x".repeat(70 << 10));
        assert_eq!(line(&UsageRecord { key, ..record(1) }), None);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("midstream-usage-mode-{}.jsonl", std::process::id()));
        drop(UsageFile::open(&path, Counter::default()).unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        std::fs::remove_file(path).unwrap();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_begin_of_a_record_is_cut_and_nothing_else() {
        let path = std::env::temp_dir().join(format!("midstream-usage-{}.jsonl", std::process::id()));
        let whole = serde_json::to_string(&record(1)).unwrap();
        for torn in ["", "{", "{\"stream\"", &whole[..whole.len() - 1], &whole] {
            std::fs::write(&path, format!("{whole}\n{torn}")).unwrap();
            drop(UsageFile::open(&path, Counter::default()).unwrap());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{whole}\n"), "{torn}");
        }
        std::fs::write(&path, "a note").unwrap();
        let file = UsageFile::open(&path, Counter::default()).unwrap();
        file.write(&record(1));
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("a note\n{whole}\n"));
        std::fs::remove_file(path).unwrap();
    }
}
