//! Decoders and `Guard` for the shared cases of `tests/cases`, run in Node. It never ships, so it has no budget.

use std::collections::BTreeMap;

use midstream_series::Timestamp;
use midstream_stream::{Close, Decision, Dialect, Framing, Guard, Options};
use wasm_bindgen::prelude::*;

/// Feeds `body` in chunks of `step` bytes, 1 ms apart, and gives `{"texts": {channel: text}, "summary": {...}}`.
#[wasm_bindgen(js_name = runGuard)]
pub fn run_guard(body: &[u8], step: usize, dialect: &str, framing: &str, close: &str) -> Result<String, JsError> {
    let options = Options {
        dialect: Dialect::from_name(dialect)?,
        framing: Framing::from_name(framing)?,
        started: Some(Timestamp::from_nanos(0)),
        ..Options::default()
    };
    let mut guard = Guard::new(options)?;
    let mut texts = BTreeMap::new();
    let mut at = 0;
    for chunk in body.chunks(step.max(1)) {
        at += 1_000_000;
        collect(&mut texts, &guard.feed(chunk, Timestamp::from_nanos(at))?);
    }
    let (decision, summary) = guard.finish(Close::from_name(close)?, Timestamp::from_nanos(at))?;
    collect(&mut texts, &decision);
    Ok(format!("{{\"texts\":{},\"summary\":{}}}", serde_json::to_string(&texts)?, summary.to_json()))
}

/// Joins what each channel said.
fn collect(texts: &mut BTreeMap<String, String>, decision: &Decision<'_>) {
    for event in decision.events.iter() {
        let (Some(index), Some(text)) = (event.channel, event.kind.checked_text()) else { continue };
        let Some(channel) = decision.channels.get(index) else { continue };
        texts.entry(channel.id.clone()).or_default().push_str(decision.events.text(text));
    }
}
