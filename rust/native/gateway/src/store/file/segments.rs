//! The files of the log: each holds records up to a size, the oldest go first.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::{self, Record};

/// The name of the file that one process holds.
const LOCK: &str = "lock";
const ENDING: &str = "log";

/// One file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// When it was last written.
    pub(super) written: SystemTime,
}

/// All of them, oldest first; the last is written.
pub(super) struct Segments {
    folder: PathBuf,
    pub(super) kept: Vec<Segment>,
    file: File,
    /// Held while the folder is used.
    _lock: File,
}

impl Segments {
    /// Opens a folder, and tells of every record that is whole, and of every damaged piece with its bytes. A record at
    /// the end of the newest file that is not there to its end is cut.
    pub(super) fn open(folder: &Path, mut tell: impl FnMut(u64, u64, Result<&Record<'_>, &[u8]>)) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
        lock.try_lock().map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "another gateway uses it"))?;
        let mut kept = Vec::new();
        let numbers = numbers(folder)?;
        for number in &numbers {
            let (number, is_last) = (*number, numbers.last() == Some(number));
            let path = path(folder, number);
            let mut bytes = Vec::new();
            File::open(&path)?.read_to_end(&mut bytes)?;
            let at = scan(&bytes, is_last, |at, found| tell(number, at as u64, found));
            let written = std::fs::metadata(&path)?.modified()?;
            kept.push(Segment { number, bytes: at as u64, written });
        }
        let file = match kept.last() {
            Some(last) => {
                let mut file = OpenOptions::new().write(true).open(path(folder, last.number))?;
                file.set_len(last.bytes)?;
                file.seek(SeekFrom::End(0))?;
                file
            }
            None => {
                kept.push(Segment { number: 0, bytes: 0, written: SystemTime::now() });
                create(folder, 0)?
            }
        };
        Ok(Self { folder: folder.to_owned(), kept, file, _lock: lock })
    }

    /// The number and length of the one that is written.
    pub(super) fn current(&self) -> (u64, u64) {
        self.kept.last().map_or((0, 0), |last| (last.number, last.bytes))
    }

    /// Writes records behind the last, all or none.
    pub(super) fn write(&mut self, records: &[u8]) -> io::Result<()> {
        let (_, before) = self.current();
        if let Err(error) = self.file.write_all(records) {
            // Half a record would end the log for whoever opens it.
            self.file.set_len(before)?;
            self.file.seek(SeekFrom::Start(before))?;
            return Err(error);
        }
        if let Some(last) = self.kept.last_mut() {
            last.bytes += records.len() as u64;
            last.written = SystemTime::now();
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Begins a new file.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let number = self.current().0 + 1;
        self.file = create(&self.folder, number)?;
        self.kept.push(Segment { number, bytes: 0, written: SystemTime::now() });
        Ok(())
    }

    /// Removes the oldest files while all hold more bytes, or as long as they are older; gives the oldest that is left.
    pub(super) fn retain(&mut self, max_bytes: u64, max_age: Duration) -> io::Result<u64> {
        let now = SystemTime::now();
        while let [oldest, _, ..] = self.kept.as_slice() {
            let total: u64 = self.kept.iter().map(|segment| segment.bytes).sum();
            let age = now.duration_since(oldest.written).unwrap_or_default();
            if total <= max_bytes && age <= max_age {
                break;
            }
            std::fs::remove_file(path(&self.folder, oldest.number))?;
            self.kept.remove(0);
        }
        Ok(self.kept.first().map_or(0, |oldest| oldest.number))
    }
}

/// Tells of the records of a file, and of pieces between that are none; gives where the last of them ends.
fn scan(bytes: &[u8], is_last: bool, mut tell: impl FnMut(usize, Result<&Record<'_>, &[u8]>)) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(record) = record::read(rest) {
            tell(at, Ok(&record));
            at += record.length;
            continue;
        }
        let end = match record::next(rest) {
            Some(end) => end,
            // What was being written when the process died is not there to its end.
            None if is_last && record::is_torn(rest) => return at,
            None => rest.len(),
        };
        tell(at, Err(rest.get(..end).unwrap_or_default()));
        at += end;
    }
    at
}

/// Reads so many bytes of a file.
pub(super) fn read_at(folder: &Path, number: u64, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path(folder, number))?;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:012}.{ENDING}"))
}

/// A file whose name is as durable as what it will hold.
fn create(folder: &Path, number: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // It holds what models wrote.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path(folder, number))?;
    // Windows opens no folder, and needs none.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(file)
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_log = path.extension().is_some_and(|ending| ending == ENDING);
        numbers.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()).filter(|_| is_log));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
