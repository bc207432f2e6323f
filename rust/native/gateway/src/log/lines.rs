//! Lines that wait for whoever writes them: nobody who has one to add ever waits.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most that wait.
const MOST: usize = 8192;

/// Lines between a gateway and whoever writes them.
#[derive(Default)]
pub struct Lines {
    waiting: Mutex<Waiting>,
    added: Condvar,
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<String>,
    is_closed: bool,
}

impl Lines {
    /// Waits for lines, and takes all that are there; none once they are closed.
    pub fn take(&self) -> Vec<String> {
        let mut waiting = self.waiting();
        while waiting.lines.is_empty() && !waiting.is_closed {
            waiting = self.added.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.lines.drain(..).collect()
    }

    /// No more comes: whoever waits gets what is left, then nothing.
    pub fn close(&self) {
        self.waiting().is_closed = true;
        self.added.notify_all();
    }

    /// Lines that found no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn add(&self, line: String) {
        let mut waiting = self.waiting();
        if waiting.is_closed || waiting.lines.len() >= MOST {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lines.push_back(line);
        drop(waiting);
        self.added.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for &Lines {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(String::from_utf8_lossy(line).into_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_come_in_order_and_those_without_room_are_counted() {
        let lines = Lines::default();
        (0..MOST + 3).for_each(|number| (&lines).write_all(number.to_string().as_bytes()).unwrap());
        let taken = lines.take();
        assert_eq!((taken.len(), taken[0].as_str(), taken[MOST - 1].as_str()), (MOST, "0", "8191"));
        assert_eq!(lines.lost(), 3);
    }

    #[test]
    fn closed_lines_give_what_is_left_and_then_nothing() {
        let lines = Lines::default();
        (&lines).write_all(b"last").unwrap();
        lines.close();
        assert_eq!((lines.take(), lines.take()), (vec!["last".to_owned()], Vec::new()));
    }
}
