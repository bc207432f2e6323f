use std::ops::ControlFlow;

use memchr::memchr2;

use super::carry::Carry;
use super::lines::{BOM, comment, is_whole};
use super::{Decode, Frame, FrameKind, Sink, text};
use crate::Anomaly;

/// The elements of a JSON array as they come, or JSON values one after the other.
///
/// This scan only finds where a value ends; whether it is JSON the reader of the frame finds out. What stands between
/// two values belongs to the later one's frame.
#[derive(Debug, Default)]
pub(crate) struct JsonArray {
    carry: Carry,
    place: Place,
    /// Between the brackets of the outer array.
    in_array: bool,
    /// Where in the frame its value begins, if it has.
    value_at: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    #[default]
    Between,
    /// In a number, a word or something that is not JSON.
    Bare,
    /// In an object or array, so many levels deep.
    Deep(u64),
    /// In a string of that level.
    String(u64),
    /// Behind a backslash in it.
    Escape(u64),
}

impl Decode for JsonArray {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.carry.begin(at);
        let mut rest = chunk;
        while let Some((value, next)) = self.border(rest).and_then(|end| rest.split_at_checked(end)) {
            self.hand_out(value, true, sink)?;
            rest = next;
        }
        self.carry.keep(rest, sink);
        ControlFlow::Continue(())
    }

    fn finish(&mut self, _: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        if self.carry.len() == 0 {
            return ControlFlow::Continue(());
        }
        if self.place != Place::Between {
            return self.hand_out(&[], false, sink);
        }
        let (span, _) = self.carry.close(&[], sink);
        comment(span, sink)?;
        self.carry.clear();
        ControlFlow::Continue(())
    }
}

impl JsonArray {
    /// How many of `bytes` belong to the current frame, where its value's end is among them.
    fn border(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.place {
                Place::Between => self.begin(byte, self.carry.next() + at as u64, self.carry.len() + at as u64),
                Place::Bare => {
                    let ends = if self.in_array { matches!(byte, b',' | b']') } else { byte == b'\n' };
                    if ends {
                        self.place = Place::Between;
                        return Some(at);
                    }
                }
                Place::Deep(depth) => {
                    self.place = match byte {
                        b'"' => Place::String(depth),
                        b'{' | b'[' => Place::Deep(depth + 1),
                        b'}' | b']' if depth == 1 => Place::Between,
                        b'}' | b']' => Place::Deep(depth - 1),
                        _ => self.place,
                    };
                }
                Place::String(depth) => {
                    at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
                    self.place = match bytes.get(at)? {
                        b'\\' => Place::Escape(depth),
                        _ if depth == 0 => Place::Between,
                        _ => Place::Deep(depth),
                    };
                }
                Place::Escape(depth) => {
                    self.place = Place::String(depth);
                    at += 1;
                    continue;
                }
            }
            at += 1;
            if self.place == Place::Between && self.value_at.is_some() {
                return Some(at);
            }
        }
        None
    }

    /// Reads a byte between two values: the `stream_at`th of the stream and `frame_at`th of the frame.
    fn begin(&mut self, byte: u8, stream_at: u64, frame_at: u64) {
        let is_mark = BOM.get(stream_at as usize) == Some(&byte);
        self.place = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => return,
            b'[' if !self.in_array => return self.in_array = true,
            b']' if self.in_array => return self.in_array = false,
            _ if is_mark => return,
            b'{' | b'[' => Place::Deep(1),
            b'"' => Place::String(0),
            _ => Place::Bare,
        };
        self.value_at = Some(frame_at);
    }

    fn hand_out(&mut self, tail: &[u8], ended: bool, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.place = Place::Between;
        let value_at = self.value_at.take().unwrap_or_default();
        let (span, bytes) = self.carry.close(tail, sink);
        let value = bytes.and_then(|bytes| bytes.get(value_at as usize..)).map(<[u8]>::trim_ascii_end);
        match value.filter(|value| ended || is_whole(value)) {
            Some(value) => {
                let (data, unchanged) = text(value, sink);
                let data_at = unchanged.then_some(span.start + value_at);
                sink.frame(&Frame { kind: FrameKind::Message, name: "", data: &data, bytes: span, data_at })?;
            }
            None => {
                if !ended {
                    sink.anomaly(Anomaly::UnterminatedEvent);
                }
                comment(span, sink)?;
            }
        }
        self.carry.clear();
        ControlFlow::Continue(())
    }
}

crate::keep::keep!(struct JsonArray { carry, place, in_array, value_at });
crate::keep::keep!(
    enum Place {
        Between,
        Bare,
        Deep(depth),
        String(depth),
        Escape(depth),
    }
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{Collected, assert_split_invariant, collect, read};

    fn array(input: &str) -> Collected {
        let read = read(&mut JsonArray::default(), input.as_bytes());
        read.assert_covers(input.as_bytes());
        assert_split_invariant(JsonArray::default, input.as_bytes(), &[2, 5]);
        read
    }

    fn data(input: &str) -> Vec<String> {
        array(input).messages().into_iter().map(|(_, data)| data.to_owned()).collect()
    }

    #[test]
    fn elements_of_an_array_come_one_by_one() {
        assert_eq!(
            data("[{\"a\": [1, {}]}\n,\r\n{\"b\": \"]},{\\\"\"}, 12 ,\"x,]\",null]\n"),
            ["{\"a\": [1, {}]}", "{\"b\": \"]},{\\\"\"}", "12", "\"x,]\"", "null",]
        );
    }

    #[test]
    fn an_element_is_handed_out_with_its_last_byte() {
        let mut decoder = JsonArray::default();
        let mut sink = Collected::default();
        assert!(decoder.feed(b"[{\"a\":1}", 0, &mut sink).is_continue());
        assert_eq!(sink.messages(), [("", "{\"a\":1}")]);
    }

    #[test]
    fn objects_outside_an_array_are_frames_too() {
        assert_eq!(data("{\n \"error\": {\"code\": 1}\n}\n{}"), ["{\n \"error\": {\"code\": 1}\n}", "{}"]);
        assert_eq!(data("\u{feff} {}"), ["{}"]);
    }

    #[test]
    fn a_cut_element_is_no_message() {
        for (input, anomalies) in
            [("[{\"a\":", 1), ("[{},\"ab", 1), ("[{}, tru", 1), ("[{},", 0), ("[{}]", 0), ("[", 0)]
        {
            let read = array(input);
            assert!(read.messages().iter().all(|message| message.1 == "{}"), "{input}");
            assert_eq!(read.anomalies.len(), anomalies, "{input}");
        }
    }

    #[test]
    fn a_million_levels_need_no_stack() {
        let deep = "[".repeat(1_000_001) + &"]".repeat(1_000_000);
        let read = read(&mut JsonArray::default(), deep.as_bytes());
        assert_eq!(read.messages().len(), 1);
    }

    #[test]
    fn an_element_beyond_the_limit_is_skipped_and_the_next_is_read() {
        let mut input = b"[{\"a\": \"".to_vec();
        input.resize(super::super::MAX_FRAME + 1, b'x');
        input.extend(b"\"}, {}]");
        let whole = read(&mut JsonArray::default(), &input);
        whole.assert_covers(&input);
        assert_eq!(whole.messages(), [("", "{}")]);
        assert_eq!(whole.anomalies, [Anomaly::Limit]);
        assert_eq!(collect(&mut JsonArray::default(), &input, &[1 << 16]), whole);
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same_frames(
            input in r#"[\[\]{},"\\ \r\na1\u{4e2d}\u{1f600}]{0,60}"#,
            cuts in prop::collection::vec(1usize..9, 1..20),
        ) {
            assert_split_invariant(JsonArray::default, input.as_bytes(), &cuts);
            collect(&mut JsonArray::default(), input.as_bytes(), &cuts).assert_covers(input.as_bytes());
        }

        #[test]
        fn the_elements_are_those_that_a_json_parser_finds(
            values in prop::collection::vec(("[a\"\\\\{}\\[\\],\u{4e2d}]{0,8}", -5i32..5, any::<bool>()), 0..6),
        ) {
            let value = |(text, number, nested): &(String, i32, bool)| match nested {
                true => serde_json::json!({"t": text, "n": [number, {"d": text}]}),
                false => serde_json::json!(text),
            };
            let values: Vec<_> = values.iter().map(value).collect();
            let found = read(&mut JsonArray::default(), serde_json::to_string_pretty(&values).unwrap().as_bytes());
            let found: Vec<serde_json::Value> =
                found.messages().iter().map(|(_, data)| serde_json::from_str(data).unwrap()).collect();
            prop_assert_eq!(found, values);
        }
    }
}
