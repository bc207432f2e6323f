//! OpenAI Responses: events of `response.*` with a `sequence_number`; `response.completed` is the end.

use serde::Deserialize;

use super::failure::Failure;
use super::openai_items::Items;
use super::openai_wire::{Item, Wire};
use super::{Parse, openai, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Leaf, List, Maybe};
use crate::{Anomaly, Reason};

/// Events, without `response.`, that hold nothing for the checks.
const KNOWN: [&str; 27] = [
    "audio.done",
    "code_interpreter_call.completed",
    "code_interpreter_call.in_progress",
    "code_interpreter_call.interpreting",
    "compaction.compacting",
    "content_part.added",
    "file_search_call.completed",
    "file_search_call.in_progress",
    "file_search_call.searching",
    "image_generation_call.completed",
    "image_generation_call.generating",
    "image_generation_call.in_progress",
    "image_generation_call.partial_image",
    "mcp_call.completed",
    "mcp_call.failed",
    "mcp_call.in_progress",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "reasoning_summary_part.added",
    "reasoning_summary_part.done",
    "shell_call_command.added",
    "shell_call_output_content.delta",
    "shell_call_output_content.done",
    "web_search_call.completed",
    "web_search_call.in_progress",
    "web_search_call.searching",
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    model: Leaf<'a>,
    #[serde(borrow)]
    status: Leaf<'a>,
    #[serde(borrow)]
    output: List<Item<'a>>,
    #[serde(borrow)]
    usage: Leaf<'a>,
    #[serde(borrow)]
    error: Leaf<'a>,
    #[serde(borrow)]
    incomplete_details: Maybe<Incomplete<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Leaf<'a>,
}

/// The parser.
#[derive(Debug, Default)]
pub(super) struct OpenaiResponses {
    items: Items,
    id: String,
    started: bool,
    ended: bool,
    /// Counts the responses of the body, which are one but on a socket.
    lane: u32,
    /// Items of earlier responses, and one behind the last of this.
    first_item: u32,
    next_item: u32,
    sequence: Option<u64>,
}

impl Parse for OpenaiResponses {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if openai::is_done(frame, emit) {
            return;
        }
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        self.count(json::integer(wire.sequence_number), emit);
        let kind = json::string(wire.kind).unwrap_or(frame.name.into());
        match kind.strip_prefix("response.") {
            Some(name) => self.event(name, &kind, &wire, emit),
            None => self.other(&kind, &wire, frame, emit),
        }
        if emit.is_silent() {
            emit.other(&kind);
        }
    }
}

impl OpenaiResponses {
    /// A resumed stream begins anywhere; from then on no number may be left out.
    fn count(&mut self, number: Option<u64>, emit: &mut Emit<'_>) {
        let Some(number) = number else { return };
        if self.sequence.is_some_and(|last| number > last.saturating_add(1)) {
            emit.anomaly(Anomaly::IndexGap);
        }
        self.sequence = Some(number);
    }

    fn event(&mut self, name: &str, kind: &str, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        match name {
            "created" => self.created(&json::inside(wire.response), emit),
            "in_progress" | "queued" => self.start(&json::inside(wire.response), emit),
            "cancelled" | "completed" | "done" | "failed" | "incomplete" => {
                self.end(name, &json::inside(wire.response), emit);
            }
            _ => {
                let given = json::integer(wire.output_index).and_then(|index| u32::try_from(index).ok());
                let index = self.first_item.saturating_add(given.unwrap_or_else(|| self.items.number(wire)));
                self.next_item = self.next_item.max(index.saturating_add(1));
                emit.end().seen(self.lane);
                if !self.items.event(name, index, wire, emit) && !KNOWN.contains(&name) {
                    payload::unknown(kind, emit);
                }
            }
        }
    }

    /// Events beside `response.*`, and bodies that are not streamed.
    fn other(&mut self, kind: &str, wire: &Wire<'_>, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if wire.object.is_some_and(|object| object.get() == "\"response\"") {
            let response: Response<'_> = serde_json::from_str(frame.data).unwrap_or_default();
            self.start(&response, emit);
            let status = json::string(response.status).unwrap_or_default();
            if !matches!(status.as_ref(), "in_progress" | "queued") {
                self.end(&status, &response, emit);
            }
        } else if let Some(failure) = Failure::read(wire.error) {
            failure.emit(emit);
        } else if kind == "error" {
            Failure::whole(frame.data).emit(emit);
        } else if matches!(kind, "keepalive" | "ping") {
            emit.ping();
        } else {
            payload::unknown(kind, emit);
        }
    }

    fn start(&mut self, response: &Response<'_>, emit: &mut Emit<'_>) {
        if self.started {
            return;
        }
        self.started = true;
        emit.end().open(self.lane);
        let id = json::string(response.id).unwrap_or_default();
        emit.start(&id, &json::string(response.model).unwrap_or_default());
        self.id = id.into_owned();
    }

    /// A response begins, perhaps another one after the first: its items are others, though numbered from 0 again.
    fn created(&mut self, response: &Response<'_>, emit: &mut Emit<'_>) {
        let id = json::string(response.id).unwrap_or_default();
        if self.started && self.id == id && !self.ended {
            return emit.anomaly(Anomaly::DuplicateStart);
        }
        if self.started {
            self.started = false;
            self.lane = self.lane.saturating_add(u32::from(self.ended));
            self.ended = false;
            self.first_item = self.next_item;
            self.sequence = None;
            self.items.next_response();
            emit.next_response();
            emit.end().unmark();
        }
        self.start(response, emit);
    }

    fn end(&mut self, status: &str, response: &Response<'_>, emit: &mut Emit<'_>) {
        self.start(response, emit);
        self.ended = true;
        if !self.items.any {
            for (index, item) in (self.first_item..).zip(response.output.iter()) {
                self.items.done(index, item, emit);
                self.next_item = self.next_item.max(index.saturating_add(1));
            }
        }
        if let Some(usage) = openai::usage(response.usage) {
            emit.usage(usage);
        }
        let own = json::string(response.status).filter(|_| status == "done");
        let status = own.as_deref().unwrap_or(status);
        let cause = response.incomplete_details.as_ref().and_then(|details| json::string(json::words(details.reason)));
        match status {
            "failed" => {
                Failure::read(response.error).unwrap_or_default().emit(emit);
                emit.finish(self.lane, Reason::Error, status);
            }
            "cancelled" => {
                emit.end().cancel();
                emit.finish(self.lane, Reason::Other, status);
            }
            "incomplete" => {
                let cause = cause.as_deref().unwrap_or(status);
                emit.finish(self.lane, openai::reason(cause), cause);
            }
            _ => {
                emit.all_tools_end();
                emit.finish(self.lane, if self.items.calls_made { Reason::Tool } else { Reason::Stop }, status);
            }
        }
        emit.end().mark();
    }
}

crate::keep::keep!(struct OpenaiResponses { items, id, started, ended, lane, first_item, next_item, sequence });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::decode::FrameKind;
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;

    const CREATED: &str = r#"{"type":"response.created","response":{"id":"r","model":"m","status":"in_progress"}}"#;
    const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[{"type":"message",
        "content":[{"type":"output_text","text":"Hi"}]}],"usage":{"input_tokens":3,"output_tokens":2}}}"#;

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::OpenaiResponses, frames)
    }

    /// An event of type `response.NAME`.
    fn event(name: &str, fields: &str) -> String {
        format!(r#"{{"type":"response.{name}",{fields}}}"#)
    }

    fn item(name: &str, index: u32, item: &str) -> String {
        event(&format!("output_item.{name}"), &format!(r#""output_index":{index},"item":{item}"#))
    }

    fn text(index: u32, delta: &str) -> String {
        event("output_text.delta", &format!(r#""output_index":{index},"content_index":0,"delta":"{delta}""#))
    }

    #[test]
    fn deltas_are_text_and_whole_copies_are_not() {
        let sample = Sample::of(
            Dialect::Auto,
            &[
                CREATED,
                &item("added", 0, r#"{"type":"message","content":[]}"#),
                &text(0, "H"),
                &text(0, "i"),
                &event("output_text.done", r#""output_index":0,"content_index":0,"text":"Hi""#),
                &event(
                    "content_part.done",
                    r#""output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi"}"#,
                ),
                &item("done", 0, r#"{"type":"message","content":[{"type":"output_text","text":"Hi"}]}"#),
                COMPLETED,
            ],
        );
        let lines = [
            "start r m",
            "other response.output_item.added",
            "text item:0/text H",
            "text item:0/text i",
            "other response.output_text.done",
            "other response.content_part.done",
            "other response.output_item.done",
            "usage Some(3) Some(2)",
            "finish 0 stop completed",
        ];
        assert_eq!(sample.lines(), lines);
        assert_eq!((sample.dialect, sample.known.anomalies.iter().count()), (Dialect::OpenaiResponses, 0));
        assert_eq!((sample.ending().state, sample.ending().notes.len()), (EndingState::Complete, 0));
    }

    #[test]
    fn text_that_no_delta_brought_is_taken_from_the_first_copy() {
        let done = event("output_text.done", r#""output_index":0,"content_index":0,"text":"Hi""#);
        let part = event("content_part.done", r#""output_index":0,"content_index":0,"part":{"text":"Hi"}"#);
        let whole = item("done", 0, r#"{"type":"message","content":[{"type":"output_text","text":"Hi"}]}"#);
        for frames in [vec![&done, &part, &whole], vec![&part, &whole], vec![&whole], vec![]] {
            let frames = frames.into_iter().map(String::as_str).chain([COMPLETED]).collect::<Vec<_>>();
            assert_eq!(read(&frames).text("item:0/text"), "Hi");
        }
    }

    #[test]
    fn a_response_without_its_end_is_truncated() {
        assert_eq!(read(&[CREATED]).ending().state, EndingState::Truncated);
        assert_eq!(read(&[CREATED, &text(0, "Hi")]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_function_call_is_a_tool_call_and_the_reason() {
        let sample = read(&[
            CREATED,
            &item("added", 0, r#"{"type":"function_call","id":"i","call_id":"c","name":"f","arguments":""}"#),
            &event("function_call_arguments.delta", r#""output_index":0,"item_id":"i","delta":"{\"a\"""#),
            &event("function_call_arguments.delta", r#""output_index":0,"item_id":"i","delta":":1}""#),
            &event("function_call_arguments.done", r#""output_index":0,"arguments":"{\"a\":1}""#),
            &item("done", 0, r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":1}"}"#),
            COMPLETED,
        ]);
        let lines = [
            "tool_start item:0/tool:0 c f",
            r#"tool_args item:0/tool:0 {"a""#,
            "tool_args item:0/tool:0 :1}",
            "tool_end item:0/tool:0 Some(true)",
            "finish 0 tool completed",
        ];
        assert_eq!(sample.only(&["tool_start", "tool_args", "tool_end", "finish"]), lines);
    }

    #[test]
    fn commands_for_a_shell_are_read_as_they_stream_and_called_as_one() {
        let command = |step: &str, index: u32, fields: &str| {
            event(
                &format!("shell_call_command.{step}"),
                &format!(r#""output_index":0,"command_index":{index},{fields}"#),
            )
        };
        let call = r#"{"type":"shell_call","call_id":"c","action":{"commands":["ls -l","pwd"]}}"#;
        let sample = read(&[
            CREATED,
            &command("added", 0, r#""command":"""#),
            &command("delta", 0, r#""delta":"ls ""#),
            &command("delta", 0, r#""delta":"-l""#),
            &command("done", 0, r#""command":"ls -l""#),
            &command("done", 1, r#""command":"pwd""#),
            &item("done", 0, call),
            COMPLETED,
        ]);
        let lines = [
            "tool_args item:0/tool:1 ls ",
            "tool_args item:0/tool:1 -l",
            "tool_args item:0/tool:2 pwd",
            "tool_start item:0/tool:0 c shell",
            r#"tool_args item:0/tool:0 {"commands":["ls -l","pwd"]}"#,
            "tool_end item:0/tool:0 Some(true)",
            "finish 0 tool completed",
        ];
        assert_eq!(sample.only(&["tool_start", "tool_args", "tool_end", "finish"]), lines);
        assert_eq!(sample.known.tools.calls().len(), 1);
    }

    #[test]
    fn arguments_that_no_delta_brought_are_taken_once() {
        let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
        let done = event("function_call_arguments.done", r#""output_index":0,"arguments":"{}""#);
        let added = item("added", 0, call);
        for frames in [vec![added.as_str(), &done], vec![], vec![&done]] {
            let whole = item("done", 0, call);
            let sample = read(&frames.into_iter().chain([whole.as_str(), COMPLETED]).collect::<Vec<_>>());
            let calls = sample.known.tools.calls();
            assert_eq!((calls.len(), calls[0].name.as_str(), calls[0].arguments.as_str()), (1, "f", "{}"));
            assert!(calls[0].complete);
        }
    }

    #[test]
    fn the_end_of_a_response_ends_a_call_that_nothing_else_ended() {
        let sample = read(&[
            &item("added", 0, r#"{"type":"function_call","call_id":"c","name":"f","arguments":""}"#),
            &event("function_call_arguments.delta", r#""output_index":0,"delta":"{}""#),
            COMPLETED,
        ]);
        assert!(sample.known.tools.calls()[0].complete);
    }

    #[test]
    fn items_without_a_number_are_told_apart_by_id() {
        let added = |id: &str| {
            format!(
                r#"{{"type":"response.output_item.added","item":{{"type":"function_call","id":"{id}","call_id":"{id}","name":"f"}}}}"#
            )
        };
        let sample = read(&[
            &event("output_text.delta", r#""item_id":"m","delta":"Hi""#),
            &added("x"),
            &event("function_call_arguments.delta", r#""item_id":"x","delta":"{}""#),
            &added("y"),
            &event("function_call_arguments.delta", r#""item_id":"y","delta":"{}""#),
            COMPLETED,
        ]);
        let calls = sample.known.tools.calls();
        assert_eq!(
            calls.iter().map(|call| (call.id.as_str(), call.arguments.as_str())).collect::<Vec<_>>(),
            [("x", "{}"), ("y", "{}")]
        );
        assert_eq!(sample.text("item:0/text"), "Hi");
    }

    #[test]
    fn cut_arguments_are_truncated_although_the_response_says_it_is_incomplete() {
        let sample = read(&[
            &item("added", 0, r#"{"type":"function_call","call_id":"c","name":"f","arguments":""}"#),
            &event("function_call_arguments.delta", r#""output_index":0,"delta":"{\"a\"""#),
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#,
        ]);
        assert_eq!(sample.ending().notes, ["cut_tool_call", "length"]);
    }

    #[test]
    fn a_custom_tool_takes_free_text() {
        let sample = read(&[
            &item("added", 0, r#"{"type":"custom_tool_call","call_id":"c","name":"sql","input":""}"#),
            &event("custom_tool_call_input.delta", r#""output_index":0,"delta":"{ SELECT""#),
            &item("done", 0, r#"{"type":"custom_tool_call","call_id":"c","name":"sql","input":"{ SELECT"}"#),
            COMPLETED,
        ]);
        let calls = sample.known.tools.calls();
        assert_eq!((calls.len(), calls[0].arguments.as_str(), calls[0].complete), (1, "{ SELECT", true));
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn what_the_provider_runs_is_no_tool_call_and_its_code_is_marked() {
        let sample = read(&[
            &item("added", 0, r#"{"type":"code_interpreter_call","code":""}"#),
            &event("code_interpreter_call_code.delta", r#""output_index":0,"delta":"x = 1""#),
            &item("done", 0, r#"{"type":"code_interpreter_call","code":"x = 1"}"#),
            &item("added", 1, r#"{"type":"mcp_call","name":"ask","arguments":""}"#),
            &event("mcp_call_arguments.done", r#""output_index":1,"arguments":"{}""#),
            &item("done", 2, r#"{"type":"web_search_call","action":{}}"#),
            &event("web_search_call.completed", r#""output_index":2"#),
        ]);
        assert_eq!(
            sample.only(&["server_tool"]),
            ["server_tool code_interpreter", "server_tool ask", "server_tool web_search"]
        );
        assert!(sample.known.tools.calls().is_empty());
        assert_eq!((sample.text("item:0/tool:0"), sample.text("item:1/tool:0")), ("x = 1".into(), "{}".into()));
        let code = |(_, channel): (_, &crate::Channel)| (channel.key.index, channel.code);
        assert_eq!(sample.known.channels.iter().map(code).collect::<Vec<_>>(), [(0, true), (1, false)]);
        assert_eq!(sample.known.anomalies.iter().count(), 0);
    }

    #[test]
    fn a_tool_of_the_client_without_deltas_is_a_tool_call() {
        let sample = read(&[
            &item("done", 0, r#"{"type":"computer_call","call_id":"c","action":{"type":"click"}}"#),
            &item("done", 1, r#"{"type":"shell_call","environment":{"type":"container_auto"}}"#),
            COMPLETED,
        ]);
        let calls = sample.known.tools.calls();
        assert_eq!(
            (calls.len(), calls[0].name.as_str(), calls[0].arguments.as_str()),
            (1, "computer", r#"{"type":"click"}"#)
        );
        assert_eq!(sample.only(&["server_tool"]), ["server_tool shell"]);
    }

    #[test]
    fn a_summary_and_the_reasoning_itself_do_not_mix() {
        let sample = read(&[
            &event("reasoning_summary_text.delta", r#""output_index":0,"summary_index":0,"delta":"a""#),
            &event("reasoning_summary_text.delta", r#""output_index":0,"summary_index":1,"delta":"b""#),
            &event("reasoning_text.delta", r#""output_index":0,"content_index":0,"delta":"c""#),
            &item("done", 0, r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"a"}]}"#),
        ]);
        let texts = ["item:0/reasoning", "item:0/reasoning:1", "item:0/reasoning:128"].map(|id| sample.text(id));
        assert_eq!(texts, ["a", "b", "c"]);
    }

    #[test]
    fn reasoning_that_only_its_item_holds_is_read() {
        let item =
            item("done", 0, r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#);
        assert_eq!(read(&[&item]).text("item:0/reasoning"), "hm");
    }

    #[test]
    fn refusal_audio_transcript_and_citations_are_read() {
        let sample = read(&[
            &event("refusal.delta", r#""output_index":0,"content_index":0,"delta":"No""#),
            &event("audio.delta", r#""delta":"AAEC""#),
            &event("audio.transcript.delta", r#""delta":"Hi""#),
            &event("output_text.annotation.added", r#""annotation":{}"#),
        ]);
        let lines = ["refusal item:0/refusal No", "audio item:0/audio 3", "text item:0/text Hi", "citation"];
        assert_eq!(sample.lines(), lines);
    }

    #[test]
    fn the_reason_of_an_incomplete_response_is_its_detail() {
        let incomplete = |reason: &str| {
            let body = format!(r#""response":{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}}}}"#);
            read(&[CREATED, &event("incomplete", &body)])
        };
        assert_eq!(incomplete("max_output_tokens").only(&["finish"]), ["finish 0 length max_output_tokens"]);
        assert_eq!(incomplete("content_filter").only(&["finish"]), ["finish 0 filter content_filter"]);
        assert_eq!(incomplete("max_output_tokens").ending().state, EndingState::Complete);
    }

    #[test]
    fn a_failure_an_error_and_a_cancellation_are_told_apart() {
        let failed = read(&[
            CREATED,
            r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"}}}"#,
        ]);
        assert_eq!(failed.only(&["error", "finish"]), ["error server_error m (retryable)", "finish 0 error failed"]);
        assert_eq!(failed.ending().state, EndingState::Failed);
        let error = r#"{"type":"error","code":"rate_limit_exceeded","message":"m","param":null,"sequence_number":1}"#;
        assert_eq!(read(&[CREATED, error]).only(&["error"]), ["error rate_limit_exceeded m (retryable)"]);
        let inner = r#"{"type":"error","error":{"type":"invalid_request_error","code":null,"message":"m"}}"#;
        assert_eq!(read(&[inner]).only(&["error"]), ["error invalid_request_error m"]);
        let cancelled = read(&[CREATED, r#"{"type":"response.cancelled","response":{"status":"cancelled"}}"#]);
        assert_eq!(cancelled.ending().state, EndingState::Cancelled);
    }

    #[test]
    fn a_number_that_is_left_out_is_a_gap_but_a_resumed_stream_may_begin_anywhere() {
        let at = |number: u32| event("output_text.delta", &format!(r#""delta":"a","sequence_number":{number}"#));
        assert_eq!(read(&[&at(7), &at(8), &at(9)]).count(Anomaly::IndexGap), 0);
        assert_eq!(read(&[&at(0), &at(2), &at(3)]).count(Anomaly::IndexGap), 1);
    }

    #[test]
    fn a_body_that_is_not_streamed_is_read() {
        let body = r#"{"id":"r","object":"response","model":"m","status":"completed","output":[
            {"type":"message","content":[{"type":"output_text","text":"Hi"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"usage":{"input_tokens":1}}"#;
        let sample = Sample::of(Dialect::Auto, &[body]);
        assert_eq!((sample.text("item:0/text"), sample.known.tools.calls().len()), ("Hi".into(), 1));
        assert_eq!(sample.only(&["finish"]), ["finish 0 tool completed"]);
        let queued = r#"{"object":"response","status":"queued","output":[]}"#;
        assert_eq!(Sample::of(Dialect::Auto, &[queued]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_second_response_has_items_and_an_end_of_its_own() {
        let second = r#"{"type":"response.created","response":{"id":"s"}}"#;
        let frames = [CREATED, &text(0, "a"), COMPLETED, second, &text(0, "b")];
        let sample = read(&frames);
        assert_eq!((sample.text("item:0/text"), sample.text("item:1/text")), ("a".into(), "b".into()));
        assert_eq!(sample.ending().state, EndingState::Truncated);
        let sample = read(&[&frames[..], &[COMPLETED]].concat());
        assert_eq!(sample.only(&["finish"]), ["finish 0 stop completed", "finish 1 stop completed"]);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn a_start_said_twice_is_counted() {
        let sample = read(&[CREATED, CREATED]);
        assert_eq!((sample.count(Anomaly::DuplicateStart), sample.only(&["start"]).len()), (1, 1));
    }

    #[test]
    fn a_mark_of_the_transport_after_the_end_is_no_anomaly() {
        let sample = read(&[CREATED, COMPLETED, "[DONE]"]);
        assert_eq!((sample.ending().state, sample.count(Anomaly::AfterEnd)), (EndingState::Complete, 0));
    }

    #[test]
    fn the_frames_name_serves_where_the_payload_has_no_type() {
        let frames = [(FrameKind::Message, "response.output_text.delta", r#"{"delta":"a","output_index":0}"#)];
        assert_eq!(Sample::of_frames(Dialect::OpenaiResponses, &frames).text("item:0/text"), "a");
    }

    #[test]
    fn an_event_that_is_not_listed_is_kept_with_an_anomaly() {
        let sample = read(&[r#"{"type":"response.dance"}"#, r#"{"type":"dance"}"#, r#"{"type":"keepalive"}"#]);
        assert_eq!(sample.lines(), ["other response.dance", "other dance", "ping"]);
        assert_eq!(sample.count(Anomaly::UnknownEvent), 2);
    }

    #[test]
    fn every_listed_event_is_known() {
        for name in KNOWN {
            let sample = read(&[&format!(r#"{{"type":"response.{name}"}}"#)]);
            assert_eq!(sample.lines(), [format!("other response.{name}")]);
            assert_eq!(sample.count(Anomaly::UnknownEvent), 0, "{name}");
        }
        assert!(KNOWN.is_sorted());
    }
}
