//! OpenAI Realtime over WebSocket, in the names of its beta too: a session of responses, each ended by `response.done`.

use serde::Deserialize;

use super::failure::Failure;
use super::openai_items::Items;
use super::openai_wire::{Item, Wire};
use super::{Parse, openai, payload};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{self, Leaf, List, Maybe};
use crate::{Anomaly, Reason};

/// Items that are told apart at most.
const MAX_ITEMS: usize = 256;
/// Responses that are open at once at most.
const MAX_OPEN: usize = 64;

/// Events that hold nothing for the checks. The user's own words are among them: they are no part of an answer.
const KNOWN: [&str; 34] = [
    "conversation.created",
    "conversation.item.added",
    "conversation.item.created",
    "conversation.item.deleted",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.segment",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "input_audio_buffer.cleared",
    "input_audio_buffer.committed",
    "input_audio_buffer.dtmf_event_received",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.timeout_triggered",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "output_audio_buffer.cleared",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "rate_limits.updated",
    "response.content_part.added",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_list_tools.completed",
    "response.mcp_list_tools.failed",
    "response.mcp_list_tools.in_progress",
    "session.created",
    "session.updated",
    "transcription_session.created",
    "transcription_session.updated",
];

/// Codes after which the server closes the session; after any other error it goes on.
const FATAL: [&str; 7] = [
    "authentication_error",
    "beta_api_shape_disabled",
    "insufficient_quota",
    "invalid_api_key",
    "model_not_found",
    "session_expired",
    "session_not_found",
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Session<'a> {
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    model: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    status: Leaf<'a>,
    #[serde(borrow)]
    status_details: Maybe<Details<'a>>,
    #[serde(borrow)]
    output: List<Item<'a>>,
    #[serde(borrow)]
    usage: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    reason: Leaf<'a>,
    #[serde(borrow)]
    error: Leaf<'a>,
}

/// A response that has begun and not ended.
#[derive(Debug, Default)]
struct Open {
    id: String,
    lane: u32,
    calls_made: bool,
    any: bool,
}

/// The parser.
#[derive(Debug, Default)]
pub(super) struct OpenaiRealtime {
    items: Items,
    /// Ids of output items, numbered as seen.
    ids: Vec<String>,
    open: Vec<Open>,
    lanes: u32,
    started: bool,
}

impl Parse for OpenaiRealtime {
    fn begin(&mut self, _: &mut Emit<'_>) {}

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if frame.kind == FrameKind::Sent {
            return self.sent(frame, emit);
        }
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        let kind = json::string(wire.kind).unwrap_or(frame.name.into());
        match kind.as_ref() {
            "conversation.item.input_audio_transcription.failed" => {
                let failure = Failure::read(wire.error).unwrap_or_default();
                emit.error_that_goes_on(&failure.code, &failure.message, failure.retryable);
            }
            "error" => error(&Failure::read(wire.error).unwrap_or_else(|| Failure::whole(frame.data)), emit),
            "ping" => emit.ping(),
            "response.created" => self.created(&json::inside(wire.response), emit),
            "response.done" => self.done(&json::inside(wire.response), emit),
            "session.created" | "transcription_session.created" => self.session(&json::inside(wire.session), emit),
            _ => match kind.strip_prefix("response.") {
                Some(name) if self.item(name, &wire, emit) => {}
                _ if KNOWN.contains(&kind.as_ref()) => {}
                _ => payload::unknown(&kind, emit),
            },
        }
        if emit.is_silent() {
            emit.other(&kind);
        }
    }
}

fn error(failure: &Failure<'_>, emit: &mut Emit<'_>) {
    if FATAL.contains(&failure.code.as_ref()) || failure.code.starts_with("midstream_") {
        failure.emit(emit);
    } else {
        emit.error_that_goes_on(&failure.code, &failure.message, failure.retryable);
    }
}

impl OpenaiRealtime {
    fn sent(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let wire: Wire<'_> = serde_json::from_str(frame.data).unwrap_or_default();
        let kind = json::string(wire.kind).unwrap_or_default();
        if kind == "response.cancel" && !self.open.is_empty() {
            emit.end().cancel();
        }
        emit.other(&kind);
    }

    fn session(&mut self, session: &Session<'_>, emit: &mut Emit<'_>) {
        if self.started {
            return emit.anomaly(Anomaly::DuplicateStart);
        }
        self.started = true;
        let (id, model) = (json::string(session.id), json::string(session.model));
        emit.start(&id.unwrap_or_default(), &model.unwrap_or_default());
    }

    fn created(&mut self, response: &Response<'_>, emit: &mut Emit<'_>) {
        let id = json::string(response.id).unwrap_or_default().into_owned();
        if self.open.iter().any(|open| open.id == id) {
            return emit.anomaly(Anomaly::DuplicateStart);
        }
        if self.open.len() == MAX_OPEN {
            return emit.anomaly(Anomaly::Limit);
        }
        emit.end().open(self.lanes);
        self.open.push(Open { id, lane: self.lanes, ..Open::default() });
        self.lanes = self.lanes.saturating_add(1);
    }

    /// Reads an event inside a response. False where its name is none of those.
    fn item(&mut self, name: &str, wire: &Wire<'_>, emit: &mut Emit<'_>) -> bool {
        let own = json::inside::<Item<'_>>(wire.item).id;
        let id = json::string(json::words(wire.item_id).or(own)).unwrap_or_default();
        let Some(number) = self.number(&id) else {
            emit.anomaly(Anomaly::Limit);
            return true;
        };
        self.items.next_response();
        let read = self.items.event(name, number, wire, emit);
        let response = json::string(wire.response_id).unwrap_or_default();
        let open = self.open.iter_mut().find(|open| response.is_empty() || open.id == response);
        if let Some(open) = open {
            open.calls_made |= self.items.calls_made;
            open.any |= self.items.any;
        }
        read
    }

    fn number(&mut self, id: &str) -> Option<u32> {
        if let Some(number) = self.ids.iter().rposition(|known| known == id) {
            return Some(number as u32);
        }
        if self.ids.len() == MAX_ITEMS {
            return None;
        }
        self.ids.push(id.to_owned());
        Some(self.ids.len() as u32 - 1)
    }

    fn done(&mut self, response: &Response<'_>, emit: &mut Emit<'_>) {
        let id = json::string(response.id).unwrap_or_default();
        if !self.open.iter().any(|open| open.id == id || id.is_empty()) {
            self.created(response, emit);
        }
        let at = self.open.iter().position(|open| open.id == id || id.is_empty());
        let Some(mut open) = at.map(|at| self.open.remove(at)) else { return };
        if !open.any {
            self.items.next_response();
            for item in response.output.iter() {
                let id = json::string(item.id).unwrap_or_default();
                if let Some(number) = self.number(&id) {
                    self.items.done(number, item, emit);
                }
            }
            open.calls_made |= self.items.calls_made;
        }
        if let Some(usage) = openai::usage(response.usage) {
            emit.next_response();
            emit.usage(usage);
        }
        let status = json::string(response.status).unwrap_or_default();
        let details = response.status_details.as_ref();
        match status.as_ref() {
            "cancelled" => {
                emit.end().cancel();
                emit.finish(open.lane, Reason::Other, &status);
            }
            "failed" => {
                details.and_then(|details| Failure::read(details.error)).unwrap_or_default().emit(emit);
                emit.finish(open.lane, Reason::Error, &status);
            }
            "incomplete" => {
                let cause = details.and_then(|details| json::string(json::words(details.reason)));
                let cause = cause.as_deref().unwrap_or(&status);
                emit.finish(open.lane, openai::reason(cause), cause);
            }
            _ => {
                emit.all_tools_end();
                emit.finish(open.lane, if open.calls_made { Reason::Tool } else { Reason::Stop }, &status);
            }
        }
    }
}

crate::keep::keep!(struct Open { id, lane, calls_made, any });
crate::keep::keep!(struct OpenaiRealtime { items, ids, open, lanes, started });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;

    const SESSION: &str = r#"{"type":"session.created","event_id":"e","session":{"id":"s","model":"m"}}"#;

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::OpenaiRealtime, &[&[SESSION], frames].concat())
    }

    fn created(id: &str) -> String {
        format!(r#"{{"type":"response.created","response":{{"id":"{id}"}}}}"#)
    }

    fn done(id: &str, status: &str, fields: &str) -> String {
        format!(r#"{{"type":"response.done","response":{{"id":"{id}","status":"{status}"{fields}}}}}"#)
    }

    fn event(name: &str, item: &str, fields: &str) -> String {
        format!(r#"{{"type":"response.{name}","response_id":"a","item_id":"{item}","content_index":0,{fields}}}"#)
    }

    #[test]
    fn a_spoken_answer_has_a_transcript_and_sound() {
        let sample = read(&[
            &created("a"),
            &event("output_audio_transcript.delta", "i", r#""delta":"Hi""#),
            &event("output_audio.delta", "i", r#""delta":"AAEC""#),
            &event("output_audio_transcript.done", "i", r#""transcript":"Hi""#),
            &event("output_audio.done", "i", r#""x":0"#),
            r#"{"type":"response.output_item.done","response_id":"a","item":{"id":"i","type":"message",
                "content":[{"type":"output_audio","transcript":"Hi"}]}}"#,
            &done(
                "a",
                "completed",
                r#","usage":{"input_tokens":1,"output_tokens":2,"input_token_details":{"cached_tokens":1}}"#,
            ),
        ]);
        let lines = [
            "start s m",
            "other response.created",
            "text item:0/text Hi",
            "audio item:0/audio 3",
            "other response.output_audio_transcript.done",
            "other response.output_audio.done",
            "other response.output_item.done",
            "usage Some(1) Some(2)",
            "finish 0 stop completed",
        ];
        assert_eq!(sample.lines(), lines);
        assert_eq!((sample.ending().state, sample.known.anomalies.iter().count()), (EndingState::Complete, 0));
    }

    #[test]
    fn names_of_the_beta_are_read() {
        let sample = read(&[
            &event("text.delta", "i", r#""delta":"a""#),
            &event("text.done", "i", r#""text":"a""#),
            &event("audio_transcript.delta", "j", r#""delta":"b""#),
            &event("audio.delta", "j", r#""delta":"AAEC""#),
        ]);
        assert_eq!((sample.text("item:0/text"), sample.text("item:1/text")), ("a".into(), "b".into()));
        assert_eq!(sample.only(&["audio"]), ["audio item:1/audio 3"]);
    }

    #[test]
    fn a_session_is_complete_between_its_responses() {
        let frames = [created("a"), done("a", "completed", ""), created("b"), done("b", "completed", "")];
        let states: Vec<_> = (0..=frames.len())
            .map(|count| read(&frames[..count].iter().map(String::as_str).collect::<Vec<_>>()).ending().state)
            .collect();
        let (complete, truncated) = (EndingState::Complete, EndingState::Truncated);
        assert_eq!(states, [truncated, truncated, complete, truncated, complete]);
        assert_eq!(Sample::of(Dialect::OpenaiRealtime, &[SESSION]).ending().notes.len(), 0);
    }

    #[test]
    fn a_long_session_watches_its_last_response_too() {
        let mut frames: Vec<String> =
            (0..100).flat_map(|n| [created(&n.to_string()), done(&n.to_string(), "completed", "")]).collect();
        frames.push(created("last"));
        let sample = read(&frames.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(sample.ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_function_call_is_the_reason_of_its_response_alone() {
        let sample = read(&[
            &created("a"),
            r#"{"type":"response.output_item.added","response_id":"a","item":{"id":"i","type":"function_call","name":"f","call_id":"c"}}"#,
            &event("function_call_arguments.delta", "i", r#""call_id":"c","delta":"{}""#),
            &event("function_call_arguments.done", "i", r#""call_id":"c","name":"f","arguments":"{}""#),
            &done("a", "completed", ""),
            &created("b"),
            &done("b", "completed", ""),
        ]);
        let calls = sample.known.tools.calls();
        assert_eq!((calls.len(), calls[0].id.as_str(), calls[0].complete), (1, "c", true));
        assert_eq!(sample.only(&["finish"]), ["finish 0 tool completed", "finish 1 stop completed"]);
    }

    #[test]
    fn a_response_that_came_only_whole_is_read() {
        let output = r#","output":[{"id":"i","type":"message","content":[{"type":"output_text","text":"Hi"}]}]"#;
        assert_eq!(read(&[&done("a", "completed", output)]).text("item:0/text"), "Hi");
    }

    #[test]
    fn the_status_says_how_a_response_ended() {
        let end = |status: &str, details: &str| {
            read(&[&created("a"), &done("a", status, &format!(r#","status_details":{details}"#))])
        };
        assert_eq!(end("cancelled", r#"{"reason":"turn_detected"}"#).ending().state, EndingState::Cancelled);
        let failed = end("failed", r#"{"error":{"type":"server_error","code":"x","message":"m"}}"#);
        assert_eq!(failed.only(&["error"]), ["error x m (retryable)"]);
        assert_eq!(failed.ending().state, EndingState::Failed);
        assert_eq!(end("incomplete", r#"{"reason":"max_output_tokens"}"#).ending().notes, ["length"]);
        assert_eq!(end("completed", r#""unimplemented""#).ending().state, EndingState::Complete);
    }

    #[test]
    fn an_error_does_not_end_a_session_unless_the_session_is_over() {
        let error = |code: &str| {
            let event = format!(
                r#"{{"type":"error","event_id":"e","error":{{"type":"invalid_request_error","code":"{code}","message":"m"}}}}"#
            );
            read(&[&created("a"), &event, &done("a", "completed", "")])
        };
        let goes_on = error("invalid_value");
        assert_eq!(goes_on.only(&["error"]), ["error invalid_value m"]);
        assert_eq!(goes_on.ending().state, EndingState::Complete);
        assert_eq!(error("session_expired").ending().state, EndingState::Failed);
    }

    #[test]
    fn what_the_client_sends_is_other_and_its_cancel_counts() {
        let frames = |open: bool| {
            let begin = if open { created("a") } else { SESSION.replace("created", "updated") };
            let cancel = r#"{"type":"response.cancel"}"#;
            let frames = [
                (FrameKind::Sent, "", r#"{"type":"session.update","session":{}}"#),
                (FrameKind::Message, "", begin.as_str()),
                (FrameKind::Sent, "", cancel),
            ];
            Sample::of_frames(Dialect::Auto, &frames)
        };
        let sample = frames(true);
        assert_eq!(sample.dialect, Dialect::OpenaiRealtime);
        assert_eq!(
            sample.only(&["other"]),
            ["other session.update", "other response.created", "other response.cancel"]
        );
        assert_eq!(sample.ending().state, EndingState::Cancelled);
        assert_eq!(frames(false).ending().state, EndingState::Truncated);
    }

    #[test]
    fn the_users_words_are_no_answer_and_their_failed_transcript_no_failure() {
        let sample = read(&[
            r#"{"type":"conversation.item.input_audio_transcription.delta","item_id":"u","delta":"my words"}"#,
            r#"{"type":"conversation.item.input_audio_transcription.failed","item_id":"u","error":{"code":"x","message":"m"}}"#,
            &created("a"),
            &done("a", "completed", ""),
        ]);
        assert_eq!(sample.known.channels.iter().count(), 0);
        assert_eq!((sample.only(&["error"]).len(), sample.ending().state), (1, EndingState::Complete));
    }

    #[test]
    fn every_listed_event_is_known_and_others_are_not() {
        for name in KNOWN {
            let sample = read(&[&format!(r#"{{"type":"{name}"}}"#)]);
            assert_eq!(sample.count(Anomaly::UnknownEvent), 0, "{name}");
        }
        assert!(KNOWN.is_sorted() && FATAL.is_sorted());
        let sample = read(&[r#"{"type":"response.dance"}"#, r#"{"type":"ping"}"#]);
        assert_eq!(sample.lines()[1..], ["other response.dance", "ping"]);
        assert_eq!(sample.count(Anomaly::UnknownEvent), 1);
    }
}
