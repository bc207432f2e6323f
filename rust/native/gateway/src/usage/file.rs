//! The file to which records are appended, one line of JSON each.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::UsageRecord;

/// Writes in a thread of its own, so that a slow disk delays no stream.
pub(crate) struct UsageFile {
    lines: Mutex<Option<Sender<String>>>,
    writing: Mutex<Option<JoinHandle<()>>>,
}

impl UsageFile {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let (lines, received) = channel();
        let writing =
            thread::Builder::new().name("midstream-usage".to_owned()).spawn(move || write(file, &received))?;
        Ok(Self { lines: Mutex::new(Some(lines)), writing: Mutex::new(Some(writing)) })
    }

    /// Appends a record.
    pub(super) fn write(&self, record: &UsageRecord) {
        let Ok(mut line) = serde_json::to_string(record) else { return };
        line.push('\n');
        if let Some(lines) = self.lines.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // The thread ends behind its last sender alone.
            let _ = lines.send(line);
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

/// Whole lines reach the file as soon as none waits, so that they outlive the process. A disk that is full loses lines:
/// the sums and the metrics go on.
fn write(file: File, lines: &Receiver<String>) {
    let mut file = BufWriter::new(file);
    while let Ok(line) = lines.recv() {
        let _ = file.write_all(line.as_bytes());
        while let Ok(line) = lines.try_recv() {
            let _ = file.write_all(line.as_bytes());
        }
        let _ = file.flush();
    }
    let _ = file.flush().and_then(|()| file.get_ref().sync_data());
}
