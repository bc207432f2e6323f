//! Anthropic messages: `message_start`, content blocks by index, `message_delta` with the stop reason, `message_stop`.

use serde::Deserialize;

use super::Parse;
use super::payload::{self, has_members, index};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{Leaf, List, Maybe, inside, integer, string};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

/// Blocks remembered per message at most.
const MAX_BLOCKS: usize = 256;

/// What only a few events hold is a leaf, read when it is there: a text delta must not pay for it.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    delta: Maybe<Delta<'a>>,
    #[serde(borrow, default)]
    content_block: Leaf<'a>,
    #[serde(borrow, default)]
    message: Leaf<'a>,
    #[serde(borrow, default)]
    usage: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
    // A whole message, not streamed, has these on its top level.
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    content: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    thinking: Leaf<'a>,
    #[serde(borrow, default)]
    partial_json: Leaf<'a>,
    #[serde(borrow, default)]
    content: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    model: Leaf<'a>,
    #[serde(borrow)]
    content: List<Block<'a>>,
    #[serde(borrow)]
    usage: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow)]
    r#type: Leaf<'a>,
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    name: Leaf<'a>,
    #[serde(borrow)]
    text: Leaf<'a>,
    #[serde(borrow)]
    thinking: Leaf<'a>,
    #[serde(borrow)]
    input: Leaf<'a>,
    citations: List<Empty>,
}

#[derive(Deserialize)]
struct Empty {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts<'a> {
    #[serde(borrow)]
    input_tokens: Leaf<'a>,
    #[serde(borrow)]
    output_tokens: Leaf<'a>,
    #[serde(borrow)]
    cache_read_input_tokens: Leaf<'a>,
    #[serde(borrow)]
    cache_creation_input_tokens: Leaf<'a>,
    #[serde(borrow)]
    output_tokens_details: Maybe<Details<'a>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    thinking_tokens: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault<'a> {
    #[serde(borrow)]
    r#type: Leaf<'a>,
    #[serde(borrow)]
    message: Leaf<'a>,
}

/// A content block that has begun.
#[derive(Clone, Debug)]
struct Begun {
    index: u32,
    /// A tool that the client runs: its input is the arguments of a tool call.
    tool: bool,
    /// Input that came whole with the start; it counts unless deltas follow.
    input: Option<String>,
}

/// Reads Anthropic messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnthropicMessages {
    started: bool,
    id: String,
    /// Messages spliced in before this one: block numbers begin again, so their channels get another part.
    part: u32,
    blocks: Vec<Begun>,
    /// The last event was a delta.
    is_delta: bool,
}

impl Parse for AnthropicMessages {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_mark();
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        let name = string(wire.r#type).unwrap_or(frame.name.into());
        match &*name {
            "content_block_delta" => self.delta(&wire, emit),
            "content_block_start" => self.block_start(&wire, emit),
            "content_block_stop" => self.block_stop(&wire, emit),
            "error" => fault(wire.error, emit),
            "message" => self.whole(&wire, emit),
            "message_delta" => self.message_delta(&wire, emit),
            "message_start" => self.message_start(&inside(wire.message), emit),
            "message_stop" => {
                emit.end().mark();
                emit.other(&name);
            }
            "ping" => emit.ping(),
            _ => payload::unknown(&name, emit),
        }
        self.is_delta = name == "content_block_delta";
    }

    fn says_again<'a>(&self, _: &Frame<'a>, kind: ChannelKind) -> Option<&'a str> {
        match kind {
            ChannelKind::Reasoning => Some("thinking_delta"),
            ChannelKind::Text => Some("text_delta"),
            _ => None,
        }
        .filter(|_| self.is_delta)
    }
}

impl AnthropicMessages {
    fn key(&self, index: u32, kind: ChannelKind) -> ChannelKey {
        ChannelKey::new(Place::Block, index, kind).part(self.part)
    }

    /// A second start is a fault of a proxy, or a second message spliced on: then the answer is open again.
    fn message_start(&mut self, message: &Message<'_>, emit: &mut Emit<'_>) {
        let id = string(message.id).unwrap_or_default();
        if self.started {
            if self.id != id || emit.end().is_marked() {
                emit.next_response();
            }
            emit.anomaly(Anomaly::DuplicateStart);
            if !self.blocks.is_empty() {
                self.part += 1;
                self.blocks.clear();
            }
            emit.end().unmark();
        }
        self.started = true;
        emit.end().open(0);
        emit.start(&id, &string(message.model).unwrap_or_default());
        self.id = id.into_owned();
        for (index, block) in (0..).zip(&message.content) {
            self.open_block(index, block, emit);
        }
        counts(message.usage, emit);
    }

    fn block_start(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        let index = index(wire.index);
        if self.blocks.last().map_or(0, |last| last.index.saturating_add(1)) != index {
            emit.anomaly(Anomaly::IndexGap);
        }
        emit.end().seen(0);
        match wire.content_block {
            Some(_) => self.open_block(index, &inside(wire.content_block), emit),
            None => payload::unknown("content_block_start", emit),
        }
    }

    fn open_block(&mut self, index: u32, block: &Block<'_>, emit: &mut Emit<'_>) {
        let name = string(block.r#type).unwrap_or_default();
        let (mut tool, mut input) = (false, None);
        match &*name {
            "text" => self.text(index, block.text, emit),
            "thinking" => self.thinking(index, block.thinking, emit),
            "tool_use" => {
                tool = true;
                input = block.input.filter(|_| has_members(block.input)).map(|input| input.get().to_owned());
                let key = self.key(index, ChannelKind::Tool);
                emit.tool_start(key, &string(block.id).unwrap_or_default(), &string(block.name).unwrap_or_default());
            }
            "mcp_tool_use" | "server_tool_use" => emit.server_tool(&string(block.name).unwrap_or_default()),
            // A compaction block holds a summary of the conversation so far, which the client sends back in place of
            // it; it is no part of the answer, so its text is not counted.
            "compaction" | "container_upload" | "fallback" | "mcp_tool_listing" | "redacted_thinking" => {
                emit.other(&name)
            }
            result if result.ends_with("_tool_result") => emit.other(&name),
            _ => payload::unknown(&name, emit),
        }
        for _ in &block.citations {
            emit.citation();
        }
        if emit.is_silent() {
            emit.other("content_block_start");
        }
        if self.blocks.len() < MAX_BLOCKS {
            self.blocks.push(Begun { index, tool, input });
        } else {
            emit.anomaly(Anomaly::Limit);
        }
    }

    fn delta(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        let Some(delta) = wire.delta.as_ref() else { return payload::unknown("content_block_delta", emit) };
        let index = index(wire.index);
        let name = string(delta.r#type).unwrap_or_default();
        emit.end().seen(0);
        match &*name {
            "text_delta" => self.text(index, delta.text, emit),
            "thinking_delta" => self.thinking(index, delta.thinking, emit),
            "input_json_delta" => self.input(index, delta.partial_json, emit),
            "citations_delta" => emit.citation(),
            "compaction_delta" => {
                emit.copy(self.key(index, ChannelKind::Text), 1, delta.content);
                emit.other(&name);
            }
            "signature_delta" => emit.other(&name),
            _ => payload::unknown(&name, emit),
        }
        if emit.is_silent() {
            emit.other(&name);
        }
    }

    fn text(&self, index: u32, text: Leaf<'_>, emit: &mut Emit<'_>) {
        if let Some(text) = text {
            emit.fragment(self.key(index, ChannelKind::Text), text);
        }
    }

    fn thinking(&self, index: u32, text: Leaf<'_>, emit: &mut Emit<'_>) {
        if let Some(text) = text {
            emit.signed_fragment(self.key(index, ChannelKind::Reasoning), text);
        }
    }

    /// A block whose start was lost counts as a client's tool call: its arguments must not pass unseen.
    fn input(&mut self, index: u32, fragment: Leaf<'_>, emit: &mut Emit<'_>) {
        let Some(fragment) = fragment else { return };
        let key = self.key(index, ChannelKind::Tool);
        match self.blocks.iter_mut().find(|block| block.index == index) {
            // What a tool of the provider's own is given is told nowhere else.
            Some(block) if !block.tool => return emit.copy(key, 1, Some(fragment)),
            Some(block) if fragment.get() != "\"\"" => block.input = None,
            Some(_) => {}
            None => {
                emit.anomaly(Anomaly::IndexGap);
                emit.tool_start(key, "", "");
                if self.blocks.len() < MAX_BLOCKS {
                    self.blocks.push(Begun { index, tool: true, input: None });
                }
            }
        }
        emit.fragment(key, fragment);
    }

    fn block_stop(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        self.end_tool(index(wire.index), emit);
        emit.place_ends(Place::Block, index(wire.index));
        if emit.is_silent() {
            emit.other("content_block_stop");
        }
    }

    fn end_tool(&mut self, index: u32, emit: &mut Emit<'_>) {
        let key = self.key(index, ChannelKind::Tool);
        let Some(block) = self.blocks.iter_mut().find(|block| block.index == index && block.tool) else { return };
        if let Some(input) = block.input.take() {
            emit.plain_fragment(key, &input);
        }
        emit.tool_end(key);
    }

    fn message_delta(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        let stop_reason = wire.delta.as_ref().and_then(|delta| string(delta.stop_reason));
        if let Some(raw) = stop_reason {
            self.finish(&raw, emit);
        }
        counts(wire.usage, emit);
        if emit.is_silent() {
            emit.other("message_delta");
        }
    }

    fn finish(&mut self, raw: &str, emit: &mut Emit<'_>) {
        let open: Vec<u32> = self.blocks.iter().filter(|block| block.tool).map(|block| block.index).collect();
        for index in open {
            self.end_tool(index, emit);
        }
        emit.finish(0, reason(raw), raw);
    }

    /// The answer to a request that did not ask for a stream.
    fn whole(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        self.started = true;
        emit.end().open(0);
        emit.start(&string(wire.id).unwrap_or_default(), &string(wire.model).unwrap_or_default());
        for (index, block) in (0..).zip(&inside::<List<Block<'_>>>(wire.content)) {
            self.open_block(index, block, emit);
        }
        counts(wire.usage, emit);
        if let Some(raw) = string(wire.stop_reason) {
            self.finish(&raw, emit);
            emit.end().mark();
        }
    }
}

fn counts(counts: Leaf<'_>, emit: &mut Emit<'_>) {
    if counts.is_none() {
        return;
    }
    let counts: Counts<'_> = inside(counts);
    emit.cache_is_apart();
    emit.usage(Usage {
        input: integer(counts.input_tokens),
        output: integer(counts.output_tokens),
        reasoning: counts.output_tokens_details.as_ref().and_then(|details| integer(details.thinking_tokens)),
        cache_read: integer(counts.cache_read_input_tokens),
        cache_write: integer(counts.cache_creation_input_tokens),
        source: UsageSource::Reported,
    });
}

fn fault(error: Leaf<'_>, emit: &mut Emit<'_>) {
    let error: Fault<'_> = inside(error);
    let (code, message) = (string(error.r#type).unwrap_or_default(), string(error.message).unwrap_or_default());
    let retryable = matches!(&*code, "api_error" | "overloaded_error" | "rate_limit_error" | "timeout_error");
    emit.error(&code, &message, retryable);
}

pub(super) fn reason(raw: &str) -> Reason {
    match raw {
        "end_turn" | "stop_sequence" => Reason::Stop,
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "compaction" | "pause_turn" => Reason::Pause,
        "refusal" => Reason::Refusal,
        "tool_use" => Reason::Tool,
        _ => Reason::Other,
    }
}

crate::keep::keep!(struct Begun { index, tool, input });
crate::keep::keep!(struct AnthropicMessages { started, id, part, blocks, is_delta });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::{Dialect, sample::Sample};

    const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","content":[],"usage":{"input_tokens":7,"output_tokens":1}}}"#;
    const TEXT_BLOCK: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    const HI: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
    const BLOCK_STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
    const END_TURN: &str =
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":12}}"#;
    const STOP: &str = r#"{"type":"message_stop"}"#;

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::Auto, frames)
    }

    #[test]
    fn a_plain_answer_gives_its_events_and_is_complete() {
        let sample = read(&[START, r#"{"type": "ping"}"#, TEXT_BLOCK, HI, BLOCK_STOP, END_TURN, STOP]);
        let lines = [
            "start msg_1 claude",
            "usage Some(7) Some(1)",
            "ping",
            "other content_block_start",
            "text block:0/text Hi",
            "other content_block_stop",
            "finish 0 stop end_turn",
            "usage Some(7) Some(12)",
            "other message_stop",
        ];
        assert_eq!(sample.lines(), lines);
        assert_eq!(sample.dialect, Dialect::AnthropicMessages);
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
    }

    #[test]
    fn the_stop_reason_alone_ends_the_answer() {
        assert_eq!(read(&[START, TEXT_BLOCK, HI]).ending().state, EndingState::Truncated);
        assert_eq!(read(&[START, TEXT_BLOCK, HI, BLOCK_STOP]).ending().state, EndingState::Truncated);
        assert_eq!(read(&[START, TEXT_BLOCK, HI, BLOCK_STOP, END_TURN]).ending().notes, ["no_end_mark"]);
    }

    #[test]
    fn a_tool_call_ends_with_its_block() {
        let frames = [
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"S"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"F\"}"}}"#,
            BLOCK_STOP,
        ];
        let sample = read(&frames);
        assert_eq!(sample.text("block:0/tool:0"), r#"{"city": "SF"}"#);
        assert_eq!(
            sample.only(&["tool_start", "tool_end"]),
            ["tool_start block:0/tool:0 toolu_1 weather", "tool_end block:0/tool:0 Some(true)"]
        );
        assert_eq!(sample.ending().state, EndingState::Truncated);
        let cut = read(&frames[..4]);
        assert_eq!(cut.only(&["tool_end"]), [""; 0]);
        assert_eq!(cut.ending().notes, ["cut_tool_call"]);
    }

    #[test]
    fn input_that_comes_whole_with_the_start_is_not_lost() {
        let start = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a": 1}}}"#;
        assert_eq!(read(&[START, start, BLOCK_STOP]).text("block:0/tool:0"), r#"{"a": 1}"#);
        let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#;
        assert_eq!(read(&[START, start, delta, BLOCK_STOP]).text("block:0/tool:0"), r#"{"a":1}"#);
    }

    #[test]
    fn a_tool_of_the_provider_is_no_tool_call() {
        let sample = read(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}"#,
            BLOCK_STOP,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"s","content":[]}}"#,
        ]);
        let lines = [
            "server_tool web_search",
            "other input_json_delta",
            "other content_block_stop",
            "other web_search_tool_result",
        ];
        assert_eq!(sample.lines()[2..], lines);
        assert!(sample.known.tools.calls().is_empty());
        assert_eq!(sample.known.anomalies.iter().count(), 0);
    }

    #[test]
    fn thinking_is_signed_reasoning() {
        let sample = read(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"Eq"}}"#,
        ]);
        let lines = ["reasoning block:0/reasoning Hm (signed)", "other signature_delta", "other redacted_thinking"];
        assert_eq!(sample.lines()[3..], lines);
    }

    #[test]
    fn a_compaction_is_not_part_of_the_answer() {
        let sample = read(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"compaction","content":null}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"compaction_delta","content":"Summary"}}"#,
        ]);
        assert_eq!(sample.lines()[2..], ["other compaction", "other compaction_delta"]);
        assert_eq!(sample.known.channels.iter().count(), 0);
    }

    #[test]
    fn a_citation_is_counted() {
        let citation = r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{}}}"#;
        assert_eq!(read(&[START, TEXT_BLOCK, citation]).only(&["citation"]), ["citation"]);
    }

    #[test]
    fn a_doubled_start_changes_nothing_but_a_count() {
        let sample = read(&[START, START, TEXT_BLOCK, HI, BLOCK_STOP, END_TURN, STOP]);
        assert_eq!(sample.count(Anomaly::DuplicateStart), 1);
        assert_eq!(sample.text("block:0/text"), "Hi");
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn a_second_message_opens_the_answer_again_in_channels_of_its_own() {
        let first = [START, TEXT_BLOCK, HI, BLOCK_STOP, END_TURN, STOP];
        let mut frames = first.to_vec();
        frames.extend([START, TEXT_BLOCK, HI]);
        let sample = read(&frames);
        assert_eq!(sample.text("block:0/text:1"), "Hi");
        assert_eq!(sample.ending().state, EndingState::Truncated);
        frames.extend([BLOCK_STOP, END_TURN, STOP]);
        let sample = read(&frames);
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
        assert_eq!((sample.count(Anomaly::DuplicateStart), sample.count(Anomaly::AfterEnd)), (1, 0));
    }

    #[test]
    fn every_stop_reason_has_a_meaning() {
        let reasons = [
            ("compaction", Reason::Pause),
            ("end_turn", Reason::Stop),
            ("max_tokens", Reason::Length),
            ("model_context_window_exceeded", Reason::Length),
            ("pause_turn", Reason::Pause),
            ("refusal", Reason::Refusal),
            ("stop_sequence", Reason::Stop),
            ("tool_use", Reason::Tool),
            ("something_new", Reason::Other),
        ];
        for (raw, expected) in reasons {
            assert_eq!(reason(raw), expected, "{raw}");
        }
    }

    #[test]
    fn an_error_inside_the_stream_fails_it() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let sample = read(&[START, TEXT_BLOCK, HI, error]);
        assert_eq!(sample.only(&["error"]), ["error overloaded_error Overloaded (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
        assert_eq!(read(&[error]).dialect, Dialect::AnthropicMessages);
    }

    #[test]
    fn what_is_unknown_is_kept_and_counted() {
        let sample = read(&[
            START,
            r#"{"type":"message_pause","why":[1]}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"hologram"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":7}"#,
            "{\"type\":",
            "[]",
        ]);
        let lines = ["other message_pause", "other hologram", "other hologram_delta", "other content_block_delta"];
        assert_eq!(sample.lines()[2..], [&lines[..], &["other", "other"]].concat());
        assert_eq!((sample.count(Anomaly::UnknownEvent), sample.count(Anomaly::BadJson)), (5, 1));
    }

    #[test]
    fn a_lost_start_is_a_gap_and_its_text_is_read() {
        let sample = read(&[
            START,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        ]);
        assert_eq!((sample.text("block:2/text"), sample.text("block:3/tool:0")), ("a".into(), "{}".into()));
        assert_eq!(sample.count(Anomaly::IndexGap), 2);
    }

    #[test]
    fn a_whole_message_reads_like_a_stream() {
        let sample = read(&[
            r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4}}"#,
        ]);
        assert_eq!(sample.dialect, Dialect::AnthropicMessages);
        assert_eq!((sample.text("block:0/text"), sample.text("block:1/tool:0")), ("Hi".into(), r#"{"a":1}"#.into()));
        assert_eq!(sample.only(&["finish", "usage"]), ["usage Some(3) Some(4)", "finish 0 tool tool_use"]);
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
    }
}
