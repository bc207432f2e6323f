//! Two answers that are joined, of any bytes.

use http::Method;
use midstream_stream::Dialect;
use serde_json::{Map, Value, json};

use crate::config::PrefillConfig;
use crate::splice::{self, Events, Pass, Splice, Turn};

/// What is asked of each format, by its path.
const FORMATS: [(Dialect, &str); 6] = [
    (Dialect::AnthropicMessages, "/v1/messages"),
    (Dialect::Ollama, "/api/chat"),
    (Dialect::Ollama, "/api/generate"),
    (Dialect::OpenaiChat, "/v1/chat/completions"),
    (Dialect::OpenaiCompletions, "/v1/completions"),
    // A prompt in a template of its own, which no answer can stand behind.
    (Dialect::Ollama, "/proxied/api/generate"),
];

/// The body of a second answer behind that of a first, which passes as it is: what a client reads of both is what the
/// gateway read. `why` chooses what the second is asked for.
pub(super) fn check(first: &[u8], second: &[u8], why: usize) {
    for (dialect, path) in FORMATS {
        let mut request = request(path);
        let made = || splice::of(&Method::POST, path, Some(dialect), &request);
        let (Some((mut splice, is_lines)), Some((mut client, _))) = (made(), made()) else { continue };
        let begun = read(splice.as_mut(), first, is_lines);
        assert!(first.starts_with(&begun));
        let mut passed = [begun, splice.settle()].concat();
        if splice.begin(&mut request, &turn(why)) {
            let _ = splice.path(path);
            splice.join();
            passed.extend(read(splice.as_mut(), second, is_lines));
            passed.extend(splice.settle());
        }
        read(client.as_mut(), &passed, is_lines);
        let told = |splice: &dyn Splice| (splice.read().text.clone(), splice.read().reasoning.clone());
        assert_eq!(told(splice.as_ref()), told(client.as_ref()), "{path}");
        assert!(std::str::from_utf8(&splice.end()).is_ok());
    }
}

fn request(path: &str) -> Map<String, Value> {
    let mut request = json!({"model": "m", "messages": [], "prompt": "Hi", "stream": true});
    if path.starts_with("/proxied") {
        request["template"] = "{{ .Prompt }}".into();
    }
    serde_json::from_value(request).unwrap_or_default()
}

/// Why the second answer is asked for: it broke off, its reasoning is ended, or the model is told something.
fn turn(why: usize) -> Turn<'static> {
    static PREFILL: std::sync::LazyLock<PrefillConfig> = std::sync::LazyLock::new(PrefillConfig::default);
    let (reasoning, hint) = match why % 4 {
        0 => (None, None),
        1 => (Some(None), None),
        2 => (Some(Some(why as u64)), None),
        _ => (None, Some("Go on.")),
    };
    Turn { prefill: &PREFILL, reasoning, hint }
}

/// What passes of a body.
fn read(splice: &mut dyn Splice, body: &[u8], is_lines: bool) -> Vec<u8> {
    let mut events = Events::new(is_lines);
    events.push(body);
    let mut passed = Vec::new();
    while let Some(event) = events.next() {
        match splice.pass(&event) {
            Pass::Same => passed.extend_from_slice(&event.raw),
            Pass::Bytes(bytes) => passed.extend_from_slice(&bytes),
        }
    }
    passed
}
