use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors::BindingError;

/// Shorter work keeps the interpreter: less than CPython's own switch interval of 5 ms.
const DETACH_FROM_NS: u64 = 1_000_000;
/// How often long work asks whether Ctrl-C was pressed.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Runs `work` without the interpreter where it will take long, so that other threads go on and Ctrl-C is heard.
/// `work` is handed a question, to be asked often, whether it should keep going.
pub(crate) fn compute<T: Send, E: Into<BindingError> + Send>(
    py: Python<'_>,
    estimate_ns: u64,
    work: impl FnOnce(&mut dyn FnMut() -> bool) -> Result<T, E> + Send,
) -> PyResult<T> {
    if estimate_ns < DETACH_FROM_NS {
        return work(&mut || true).map_err(|error| error.into().into());
    }
    let (outcome, interrupt) = py.detach(|| {
        let mut interrupt = None;
        let mut next_ask = Instant::now() + ASK_EVERY;
        let outcome = work(&mut || {
            if Instant::now() >= next_ask {
                interrupt = Python::attach(|py| py.check_signals()).err();
                next_ask = Instant::now() + ASK_EVERY;
            }
            interrupt.is_none()
        });
        (outcome, interrupt)
    });
    match interrupt {
        Some(error) => Err(error),
        None => outcome.map_err(|error| error.into().into()),
    }
}

/// Runs `work`, which waits for other threads or the system, without the interpreter.
pub(crate) fn wait<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
