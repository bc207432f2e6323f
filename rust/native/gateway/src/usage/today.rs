//! What was used since midnight, as the file of records has it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;

use super::file::LONGEST as MAX_LINE;

/// Records are written in the order in which streams end, but for so many seconds.
const SLACK_S: f64 = 60.0;
/// Bytes that are read rather than halved.
const BLOCK: u64 = 64 << 10;

/// What one record says of budgets.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Spent {
    #[serde(default)]
    pub(super) stream: String,
    #[serde(default)]
    pub(super) end: String,
    pub(crate) key: Option<String>,
    pub(crate) tenant: Option<String>,
    input: Option<u64>,
    output: Option<u64>,
    cost: Option<f64>,
    /// Seconds since 1970.
    pub(crate) at: f64,
}

impl Spent {
    pub(crate) fn tokens(&self) -> u64 {
        self.input.unwrap_or_default().saturating_add(self.output.unwrap_or_default())
    }

    pub(super) fn output(&self) -> u64 {
        self.output.unwrap_or_default()
    }

    pub(crate) fn cost(&self) -> f64 {
        self.cost.unwrap_or_default()
    }
}

/// Tells of each record from a time on; lines that are none are passed over.
pub(crate) fn spent_since(file: &Path, since_s: f64, mut tell: impl FnMut(&Spent)) -> io::Result<()> {
    records_since(file, since_s, |spent, _| tell(&spent))
}

/// The same with the line of each.
pub(super) fn records_since(file: &Path, since_s: f64, mut tell: impl FnMut(Spent, &[u8])) -> io::Result<()> {
    let mut file = File::open(file)?;
    let about = file.metadata()?;
    // A pipe or a device has nothing to read again.
    if !about.is_file() {
        return Ok(());
    }
    let (mut low, mut high) = (0, about.len());
    while high - low > BLOCK {
        let middle = low + (high - low) / 2;
        match next_at(&mut file, middle)? {
            Some(at) if at < since_s - SLACK_S => low = middle,
            _ => high = middle,
        }
    }
    let mut lines = lines_from(&mut file, low)?;
    while let Some(line) = next(&mut lines)? {
        if let Some(spent) = read(&line).filter(|spent| spent.at >= since_s) {
            tell(spent, &line);
        }
    }
    Ok(())
}

/// When the first record behind a byte ended; `None` where none is near.
fn next_at(file: &mut File, byte: u64) -> io::Result<Option<f64>> {
    let mut lines = lines_from(file, byte)?;
    let mut read_bytes = 0;
    while let Some(line) = next(&mut lines)?.filter(|_| read_bytes <= MAX_LINE) {
        if let Some(spent) = read(&line) {
            return Ok(Some(spent.at));
        }
        read_bytes += line.len() as u64;
    }
    Ok(None)
}

/// The whole lines from a byte on.
fn lines_from(file: &mut File, byte: u64) -> io::Result<BufReader<&mut File>> {
    file.seek(SeekFrom::Start(byte))?;
    let mut lines = BufReader::new(file);
    if byte > 0 {
        next(&mut lines)?;
    }
    Ok(lines)
}

/// The next line, or the begin of one that is too long.
fn next(lines: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let count = lines.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok((count > 0).then_some(line))
}

fn read(line: &[u8]) -> Option<Spent> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u32) -> String {
        format!("{{\"key\":\"alice\",\"tenant\":null,\"input\":null,\"output\":{at},\"cost\":0.5,\"at\":{at}.25}}\n")
    }

    fn spent(text: &str, since_s: f64) -> Vec<u64> {
        let file = std::env::temp_dir().join(format!("midstream-today-{}", crate::streams::StreamId::new()));
        std::fs::write(&file, text).unwrap();
        let mut all = Vec::new();
        spent_since(&file, since_s, |spent| all.push(spent.tokens())).unwrap();
        std::fs::remove_file(&file).unwrap();
        all
    }

    #[test]
    fn records_from_a_time_on_are_told_whatever_stands_between() {
        let text =
            [line(10).as_str(), "\n", "no record\n", &line(20), "{\"at\":30}\n", &line(30), "{\"at\":4"].concat();
        assert_eq!(spent(&text, 20.0), [20, 0, 30]);
        assert!(spent("", 0.0).is_empty());
    }

    #[test]
    fn of_a_long_file_those_from_a_time_on_are_found() {
        let text: String = (0..20_000).map(line).collect();
        for since in [0, 1, 9_999, 19_999, 20_001] {
            let expected: Vec<u64> = (since..20_000).collect();
            assert_eq!(spent(&text, since as f64), expected, "{since}");
        }
    }
}
