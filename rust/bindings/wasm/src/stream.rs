use midstream_series::Timestamp;
use midstream_stream::{self as stream, ChannelKind, Checks, Decision};
use wasm_bindgen::prelude::*;

use crate::errors;

/// Looks for loops and stalls in one text while it arrives. Memory is bounded.
#[wasm_bindgen]
pub struct TextGuard {
    checks: Checks,
}

#[wasm_bindgen]
impl TextGuard {
    /// A guard for one text, with the default settings.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "a page has constructors alone")]
    pub fn new() -> TextGuard {
        Self { checks: Checks::default() }
    }

    /// Reads the next piece of text, which arrived at `time_ms`, in milliseconds from an origin of your choice.
    pub fn push(&mut self, text: &str, time_ms: f64) -> Result<Vec<Finding>, JsValue> {
        self.checks
            .push_text(ChannelKind::Text, text, time(time_ms))
            .map(findings)
            .map_err(|error| errors::of_stream(&error))
    }

    /// Says that time passed without text, so that stalls are found.
    pub fn tick(&mut self, time_ms: f64) -> Result<Vec<Finding>, JsValue> {
        self.checks.tick(time(time_ms)).map(findings).map_err(|error| errors::of_stream(&error))
    }
}

fn findings(decision: Decision<'_>) -> Vec<Finding> {
    decision.findings.iter().cloned().map(Finding).collect()
}

/// A cast saturates, and turns what is no number into 0.
fn time(time_ms: f64) -> Timestamp {
    Timestamp::from_nanos((time_ms * 1e6) as i64)
}

/// What a check found; the names are those of `midstream.stream.Finding`.
#[wasm_bindgen]
pub struct Finding(stream::Finding);

#[wasm_bindgen]
impl Finding {
    /// The check: `pace` or `repeat`.
    #[wasm_bindgen(getter)]
    pub fn check(&self) -> String {
        self.0.check.into()
    }

    /// What of it: `exact`, `counter`, `near` or `stall`.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> String {
        self.0.kind.clone().into_owned()
    }

    /// What the settings ask for: `observe`, `warn` or `stop`.
    #[wasm_bindgen(getter)]
    pub fn action(&self) -> String {
        self.0.action.name().into()
    }

    /// Characters (code points) of text up to and including the one that fired.
    #[wasm_bindgen(getter)]
    pub fn offset(&self) -> Option<f64> {
        self.0.offset.map(|characters| characters as f64)
    }

    /// Where the first repeat begins, in characters.
    #[wasm_bindgen(getter)]
    pub fn onset(&self) -> Option<f64> {
        self.0.onset.map(|characters| characters as f64)
    }

    /// Characters of one copy.
    #[wasm_bindgen(getter)]
    pub fn period(&self) -> Option<f64> {
        self.0.period.map(|characters| characters as f64)
    }

    /// Strength of the evidence, in copies for loops.
    #[wasm_bindgen(getter)]
    pub fn score(&self) -> f64 {
        self.0.score
    }

    /// At most 80 characters of what was seen.
    #[wasm_bindgen(getter)]
    pub fn evidence(&self) -> String {
        self.0.evidence.clone()
    }

    /// One sentence for people.
    #[wasm_bindgen(getter)]
    pub fn explanation(&self) -> String {
        self.0.explanation.clone()
    }
}
