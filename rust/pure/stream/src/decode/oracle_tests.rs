//! Our decoders beside those of others, on recorded and on generated streams.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "these tests read recordings from files")]

use std::path::PathBuf;

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use eventsource_stream::Eventsource;
use futures::StreamExt;
use proptest::prelude::*;

use super::collected::{Collected, collect, read};
use super::{Detect, FrameKind, Framing, decoder};

struct Recording {
    file: String,
    framing: Framing,
    content_type: Option<String>,
    body: Vec<u8>,
}

/// Every recorded stream; none, aloud, where there are no recordings.
fn recordings() -> Vec<Recording> {
    let data = std::env::var_os("MIDSTREAM_DATA").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let streams = data.unwrap_or(beside).join("streams");
    let Ok(index) = std::fs::read_to_string(streams.join("index.jsonl")) else {
        eprintln!("skipped: no recordings in {}; set MIDSTREAM_DATA", streams.display());
        return Vec::new();
    };
    let entries = index.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    entries
        .map(|entry| {
            let word = |key: &str| entry[key].as_str().map(str::to_owned);
            let file = word("file").unwrap();
            let framing = match word("framing").unwrap().split(['-', ' ']).next().unwrap() {
                "aws" => Framing::EventStream,
                "grpc" | "json" | "ndjson" => Framing::Ndjson,
                "sse" => Framing::Sse,
                "websocket" => Framing::WebSocketLines,
                other => panic!("{other} is no framing"),
            };
            let body = std::fs::read(streams.join(&file)).unwrap();
            Recording { file, framing, content_type: word("content_type"), body }
        })
        .collect()
}

fn of_framing(framing: Framing) -> impl Iterator<Item = Recording> {
    recordings().into_iter().filter(move |recording| recording.framing == framing)
}

fn whole(framing: Framing, body: &[u8]) -> Collected {
    read(&mut *decoder(framing).unwrap(), body)
}

/// Messages as `eventsource-stream` reads them: name and data.
fn oracle_events(body: &[u8], chunk: usize) -> Vec<(String, String)> {
    let chunks = futures::stream::iter(body.chunks(chunk).map(Ok::<_, std::convert::Infallible>));
    let events = futures::executor::block_on(chunks.eventsource().collect::<Vec<_>>());
    events.into_iter().map(|event| event.unwrap()).map(|event| (event.event, event.data)).collect()
}

fn our_events(read: &Collected) -> Vec<(String, String)> {
    let named = |name: &str| if name.is_empty() { "message".to_owned() } else { name.to_owned() };
    read.messages().iter().map(|(name, data)| (named(name), (*data).to_owned())).collect()
}

/// Messages as AWS's own decoder reads them: event or exception type and payload.
fn oracle_messages(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut decoder = MessageFrameDecoder::new();
    let mut buffer = body;
    let mut messages = Vec::new();
    while let Ok(DecodedFrame::Complete(message)) = decoder.decode_frame(&mut buffer) {
        let header = |name: &str| {
            let found = message.headers().iter().rfind(|header| header.name().as_str() == name);
            found.and_then(|header| header.value().as_string().ok()).map(|value| value.as_str().to_owned())
        };
        let name = header(":event-type").or(header(":exception-type")).unwrap_or_default();
        messages.push((name, message.payload().to_vec()));
    }
    messages
}

fn our_messages(read: &Collected) -> Vec<(String, Vec<u8>)> {
    let read = read.frames.iter().filter(|frame| frame.kind != FrameKind::Comment);
    read.map(|frame| (frame.name.clone(), frame.data.clone().into_bytes())).collect()
}

#[test]
fn every_recording_is_told_by_its_bytes_and_by_its_content_type() {
    for Recording { file, framing, content_type, body } in recordings() {
        assert_eq!(Detect::new(None).framing(&body, true), Some(framing), "{file}");
        assert_eq!(Detect::new(content_type.as_deref()).framing(&body, true), Some(framing), "{file}");
    }
}

#[test]
fn every_recording_gives_the_same_frames_at_every_split() {
    for Recording { file, framing, body, .. } in recordings() {
        let expected = whole(framing, &body);
        expected.assert_covers(&body);
        assert!(expected.anomalies.is_empty() || file.contains("cancel"), "{file}: {:?}", expected.anomalies);
        for cuts in [&[1][..], &[7, 1, 300, 2, 4096], &[65_536]] {
            assert_eq!(collect(&mut *decoder(framing).unwrap(), &body, cuts), expected, "{file} in pieces of {cuts:?}");
        }
    }
}

#[test]
fn recorded_events_are_those_that_eventsource_stream_reads() {
    for Recording { file, body, .. } in of_framing(Framing::Sse) {
        // A last event without its blank line is read by us alone.
        let end = body.windows(2).rposition(|pair| pair == b"\n\n").map_or(0, |at| at + 2);
        let end = body.windows(4).rposition(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4).max(end);
        let body = &body[..end];
        assert_eq!(our_events(&whole(Framing::Sse, body)), oracle_events(body, 4096), "{file}");
    }
}

#[test]
fn recorded_messages_are_those_that_aws_reads() {
    for Recording { file, body, .. } in of_framing(Framing::EventStream) {
        let expected = oracle_messages(&body);
        assert!(!expected.is_empty(), "{file}");
        assert_eq!(our_messages(&whole(Framing::EventStream, &body)), expected, "{file}");
    }
}

#[test]
fn recorded_events_are_the_same_as_lines_and_as_an_array() {
    for Recording { file, body, .. } in of_framing(Framing::Sse) {
        let events = whole(Framing::Sse, &body);
        let is_json = |data: &&str| serde_json::from_str::<serde_json::Value>(data).is_ok();
        let data: Vec<&str> = events.messages().into_iter().map(|(_, data)| data).filter(is_json).collect();
        let array = format!("[{}\r\n]\n", data.join(",\r\n"));
        let lines = data.join("\n");
        for (framing, body) in [(Framing::JsonArray, array), (Framing::Ndjson, lines)] {
            let read = whole(framing, body.as_bytes());
            read.assert_covers(body.as_bytes());
            let found: Vec<&str> = read.messages().into_iter().map(|(_, data)| data).collect();
            assert_eq!(found, data, "{file} as {}", framing.name());
        }
    }
}

const LINES: &[&str] = &[
    "data: {\"t\": \"中😀\"}",
    "data:x",
    "data: ",
    "data",
    "data:  two",
    ": comment",
    ":",
    "event: e",
    "event",
    "id: 7",
    "retry: 10",
    "unknown: x",
    "",
    "",
];

fn header_value() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        any::<bool>().prop_map(HeaderValue::Bool),
        any::<i8>().prop_map(HeaderValue::Byte),
        any::<i16>().prop_map(HeaderValue::Int16),
        any::<i32>().prop_map(HeaderValue::Int32),
        any::<i64>().prop_map(HeaderValue::Int64),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| HeaderValue::ByteArray(bytes.into())),
        ".{0,9}".prop_map(|text| HeaderValue::String(text.into())),
        (0i64..1 << 40).prop_map(|millis| HeaderValue::Timestamp(aws_smithy_types::DateTime::from_millis(millis))),
        any::<u128>().prop_map(HeaderValue::Uuid),
    ]
}

proptest! {
    #[test]
    fn generated_events_are_those_that_eventsource_stream_reads(
        lines in prop::collection::vec(prop::sample::select(LINES), 0..20),
        end in prop::sample::select(&["\n", "\r\n", "\r"][..]),
        chunk in 1usize..40,
    ) {
        let mut body = String::new();
        for line in lines.iter().chain(&["", ""]) {
            body.push_str(line);
            body.push_str(end);
        }
        // The oracle waits for the byte behind a last CR.
        body.push_str(": end");
        let ours = collect(&mut *decoder(Framing::Sse).unwrap(), body.as_bytes(), &[chunk]);
        prop_assert_eq!(our_events(&ours), oracle_events(body.as_bytes(), chunk));
    }

    #[test]
    fn generated_messages_are_those_that_aws_reads(
        messages in prop::collection::vec(
            (prop::collection::vec(("[a-z:-]{1,9}", header_value()), 0..5), "[a-z]{0,9}", ".{0,40}"),
            0..5,
        ),
        damage in prop::option::of((any::<prop::sample::Index>(), 1u8..)),
        cuts in prop::collection::vec(1usize..50, 1..9),
    ) {
        let mut body = Vec::new();
        for (headers, name, payload) in messages {
            let headers = headers.into_iter().map(|(name, value)| Header::new(name, value));
            let named = Header::new(":event-type", HeaderValue::String(name.into()));
            let message = Message::new_from_parts(headers.chain([named]).collect(), payload);
            write_message_to(&message, &mut body).unwrap();
        }
        if let (Some((at, flip)), false) = (damage, body.is_empty()) {
            let at = at.index(body.len());
            body[at] ^= flip;
        }
        let ours = our_messages(&collect(&mut *decoder(Framing::EventStream).unwrap(), &body, &cuts));
        let theirs = oracle_messages(&body);
        // The oracle stops at the first message that is damaged; we go on behind it where the length is sound.
        prop_assert_eq!(&ours[..theirs.len().min(ours.len())], &theirs[..]);
        prop_assert!(damage.is_some() || ours.len() == theirs.len());
    }
}
