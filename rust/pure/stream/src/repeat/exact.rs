//! The same characters over and over.

use super::history::{History, Symbol};
use super::limits::Need;
use super::report::Loop;
use super::runs::{Alphabet, Runs};
use super::settings::RepeatSettings;
use super::shape::Shape;

/// Every symbol as it is.
#[derive(Clone, Debug)]
struct Plain;

impl Alphabet for Plain {
    const HINT_PART: usize = 1;

    fn letter(symbol: Symbol) -> u32 {
        symbol.code_point()
    }

    fn skips(_before: Symbol, _symbol: Symbol) -> bool {
        false
    }
}

#[derive(Clone, Debug)]
pub(super) struct Exact {
    runs: Runs<Plain, (Shape, Need)>,
}

impl Exact {
    pub(super) fn new(history: &History) -> Self {
        Self { runs: Runs::new(history) }
    }

    /// Reads the newest symbol of the history.
    #[inline]
    pub(super) fn step(&mut self, history: &History, code: bool, limits: &RepeatSettings) -> Option<Loop> {
        self.runs.step(history);
        if self.runs.live_mut().is_empty() || self.runs.any_fired() {
            return None;
        }
        self.found(history, code, limits)
    }

    #[inline(never)]
    fn found(&mut self, history: &History, code: bool, limits: &RepeatSettings) -> Option<Loop> {
        let newest = history.count() - 1;
        for run in self.runs.live_mut() {
            let period = newest - run.twin;
            if run.count < period {
                continue;
            }
            let (shape, need) = *run.shape.get_or_insert_with(|| {
                let shape = Shape::of(history, period, run.origin);
                (shape, shape.need(limits))
            });
            if run.count < need.of(code) {
                continue;
            }
            if let Some(need) = shape.need_of_marks(history, run.count, limits).filter(|need| run.count < need.of(code))
            {
                run.shape = Some((shape, need));
                continue;
            }
            run.fired = true;
            // The second copy, else the newest one that no white space may lengthen.
            let copy = if run.start < history.oldest() { run.twin } else { run.start };
            let copies = run.count as f64 / period as f64 + 1.0;
            return Some(Loop {
                onset: run.onset,
                start: run.start,
                period: history.characters_between(copy, copy + period),
                symbols: period,
                copies,
            });
        }
        None
    }

    pub(super) fn any_fired(&self) -> bool {
        self.runs.any_fired()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.runs.bytes()
    }
}

crate::keep::keep!(struct Exact { runs });
