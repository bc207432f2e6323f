//! What the gateway reads itself, under any bytes: no panic, and what passes is what came.

mod splices;

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::value::RawValue;

use crate::config::{Config, ConfigError, ViewersConfig};
use crate::edit::Asked;
use crate::frames::Frames;
use crate::own::last_event;
use crate::splice::Events;
use crate::store::file::check_record;
use crate::streams::StreamId;
use crate::usage::Hidden;
use crate::viewers::token::Tokens;

/// Checks all of it; the first two bytes choose where the rest is cut.
///
/// # Panics
/// Where one reading of the bytes differs from another, or bytes are lost.
pub fn check(input: &[u8]) {
    let Some(([size, told], body)) = input.split_first_chunk::<2>() else { return };
    let size = usize::from(*size) + 1;
    config(body);
    request(body);
    check_record(body);
    events(body, size);
    frames(body, size);
    hidden(body, size, usize::from(*told));
    let (first, second) = body.split_at(usize::from(*told).min(body.len()));
    splices::check(first, second, size);
    if let Ok(text) = std::str::from_utf8(body) {
        token(text);
    }
    if let Ok(value) = HeaderValue::from_bytes(body) {
        let _ = last_event(&HeaderMap::from_iter([(http::HeaderName::from_static("last-event-id"), value)]));
    }
}

/// A configuration is read, or its fault has a place.
fn config(body: &[u8]) {
    if let Err(ConfigError::File(error)) = Config::from_toml(body) {
        assert!(error.line > 0 && error.column > 0, "{error}");
    }
}

/// The model that is checked is the one that a reader takes who keeps the last of two.
fn request(body: &[u8]) {
    let asked = Asked::of(body);
    let last = serde_json::from_slice::<BTreeMap<String, &RawValue>>(body);
    if let (Ok(()), Ok(last)) = (asked.check(), last) {
        let model = last.get("model").and_then(|model| serde_json::from_str::<String>(model.get()).ok());
        assert_eq!(asked.model(), model);
    }
}

/// Every byte is in one event or behind the last, at every cut.
fn events(body: &[u8], size: usize) {
    for is_lines in [false, true] {
        let cut = |size: usize| {
            let (mut events, mut read) = (Events::new(is_lines), Vec::new());
            for chunk in body.chunks(size) {
                events.push(chunk);
                read.extend(std::iter::from_fn(|| events.next()).map(|event| event.raw));
            }
            read.push(events.take_rest());
            read
        };
        let read = cut(size);
        assert_eq!(read.concat(), body);
        if is_lines {
            assert_eq!(read, cut(body.len().max(1)));
        }
    }
}

/// What passes is what came; with numbers it is longer by them alone.
fn frames(body: &[u8], size: usize) {
    for (kind, is_numbered) in
        [("text/event-stream", false), ("text/event-stream", true), ("application/x-ndjson", false)]
    {
        let mut frames = Frames::new(Some(kind), is_numbered, false);
        let chunks = body.chunks(size).map(|chunk| frames.pass(&Bytes::copy_from_slice(chunk), 1).bytes);
        let passed = chunks.collect::<Vec<_>>().concat();
        if !is_numbered {
            assert_eq!(passed, body);
        }
    }
}

/// Only whole events are hidden, and the same at every cut.
fn hidden(body: &[u8], size: usize, told: usize) {
    let (before, behind) = body.split_at(told.min(body.len()));
    let pass = |size: usize| {
        let (mut hidden, mut passed) = (Hidden::default(), Vec::new());
        for (part, is_told) in [(before, false), (behind, true)] {
            for chunk in part.chunks(size) {
                passed.extend_from_slice(&hidden.pass(Bytes::copy_from_slice(chunk), is_told));
            }
        }
        passed.extend_from_slice(&hidden.rest());
        passed
    };
    let passed = pass(size);
    assert_eq!(passed, pass(1));
    assert!(passed.len() <= body.len() && passed.starts_with(before));
}

/// No text that was not given is a token.
fn token(text: &str) {
    let Ok(tokens) = Tokens::of(&ViewersConfig::default()) else { return };
    assert!(tokens.check(&StreamId::new(), text, SystemTime::now()).is_err());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that mean something to somebody, and others.
    fn input() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            prop::sample::select(vec![
                "\n",
                "\r",
                "\r\n",
                "\n\n",
                "data:",
                "data: [DONE]",
                "id: 7",
                "event: x",
                ": c",
                "\u{feff}",
                "{",
                "}",
                "{\"choices\":[],\"usage\":{}}",
                "[upstreams.a]\n",
                "listen = \"127.0.0.1:0\"\n",
                "keepalive_s = -1\n",
                "[keys.a]\nsha256 = 1\n",
                "18446744073709551615",
                "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"All is \"}}]}\n\n",
                "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"reasoning\":\"So \"},\"text\":\"is\"}]}\n\n",
                "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
                "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}\n\n",
                "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\"}}\n\n",
                "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"is \"}}\n\n",
                "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
                "{\"message\":{\"content\":\"All is \",\"thinking\":\"So\"},\"done\":false}\n",
                "{\"response\":\"is \",\"done\":true}\n",
                "-1",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..8),
        ];
        prop::collection::vec(pieces, 1..20).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn a_block_may_have_the_highest_number() {
        let start = |index: u64| {
            let block =
                serde_json::json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool"}});
            format!("data: {block}\n\n")
        };
        let begin = "data: {\"type\":\"message_start\"}\n\n".to_owned() + &start(u64::MAX);
        let input = [&[0, u8::try_from(begin.len()).unwrap()], begin.as_bytes(), start(0).as_bytes()].concat();
        check(&input);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_whole(input in input()) {
            check(&input);
        }
    }
}
