//! Gemini Live over WebSocket: a session of turns, each ended by `turnComplete`.

use serde::Deserialize;

use super::failure::Failure;
use super::gemini_parts::{Content, Counts, FunctionCall, Parts};
use super::{Parse, payload};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{Few, Leaf, Maybe, is_true, string};
use crate::{ChannelKey, ChannelKind, Place, Reason};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default)]
    setup_complete: Maybe<SetupComplete<'a>>,
    #[serde(borrow, default)]
    server_content: Maybe<ServerContent<'a>>,
    #[serde(borrow, default)]
    tool_call: Maybe<ToolCall<'a>>,
    #[serde(borrow, default)]
    tool_call_cancellation: Leaf<'a>,
    #[serde(borrow, default)]
    usage_metadata: Maybe<Counts<'a>>,
    #[serde(borrow, default)]
    go_away: Leaf<'a>,
    #[serde(borrow, default)]
    session_resumption_update: Leaf<'a>,
    #[serde(borrow, default)]
    voice_activity: Leaf<'a>,
    #[serde(borrow, default)]
    voice_activity_detection_signal: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetupComplete<'a> {
    #[serde(borrow, default)]
    session_id: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerContent<'a> {
    #[serde(borrow, default)]
    model_turn: Maybe<Content<'a>>,
    #[serde(borrow, default)]
    output_transcription: Maybe<Transcription<'a>>,
    #[serde(borrow, default)]
    input_transcription: Leaf<'a>,
    #[serde(borrow, default)]
    turn_complete: Leaf<'a>,
    #[serde(borrow, default)]
    turn_complete_reason: Leaf<'a>,
    #[serde(borrow, default)]
    interrupted: Leaf<'a>,
    #[serde(borrow, default)]
    generation_complete: Leaf<'a>,
}

#[derive(Deserialize)]
struct Transcription<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function_calls: Few<FunctionCall<'a>>,
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow, default)]
    setup: Maybe<Setup<'a>>,
}

#[derive(Deserialize)]
struct Setup<'a> {
    #[serde(borrow, default)]
    model: Leaf<'a>,
}

/// Reads Gemini Live.
#[derive(Clone, Debug)]
pub(crate) struct GeminiLive {
    parts: Parts,
    /// Only the client names the model.
    model: String,
    turn: u32,
    is_open: bool,
    /// The turn was interrupted, which ended it: `turnComplete` still comes.
    is_over: bool,
}

impl Default for GeminiLive {
    fn default() -> Self {
        Self { parts: Parts::of(Place::Turn), model: String::new(), turn: 0, is_open: false, is_over: false }
    }
}

impl Parse for GeminiLive {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if frame.kind == FrameKind::Sent {
            return self.sent(frame, emit);
        }
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        if let Some(failure) = Failure::read(wire.error) {
            return failure.emit(emit);
        }
        if let Some(setup) = wire.setup_complete.as_ref() {
            emit.start(&string(setup.session_id).unwrap_or_default(), &self.model);
        }
        for call in wire.tool_call.as_ref().iter().flat_map(|tool_call| tool_call.function_calls.iter()) {
            self.open(emit);
            self.parts.call(self.turn, call, emit);
        }
        if let Some(content) = wire.server_content.as_ref() {
            self.content(content, emit);
        }
        if let Some(counts) = wire.usage_metadata.as_ref() {
            counts.emit(emit);
        }
        let others = [
            ("goAway", wire.go_away),
            ("sessionResumptionUpdate", wire.session_resumption_update),
            ("toolCallCancellation", wire.tool_call_cancellation),
            ("voiceActivity", wire.voice_activity),
            ("voiceActivityDetectionSignal", wire.voice_activity_detection_signal),
        ];
        for (name, leaf) in others {
            if leaf.is_some() {
                emit.other(name);
            }
        }
        let is_known = wire.server_content.as_ref().is_some()
            || wire.tool_call.as_ref().is_some()
            || wire.usage_metadata.as_ref().is_some();
        if emit.is_silent() && !is_known {
            payload::unknown(frame.name, emit);
        }
    }
}

impl GeminiLive {
    /// What the client sends opens no turn: the model may never answer it.
    fn sent(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if let Ok(Maybe(Some(Sent { setup: Maybe(Some(setup)) }))) = serde_json::from_str(frame.data) {
            self.model = string(setup.model).unwrap_or_default().into_owned();
        }
        emit.other(frame.name);
    }

    fn content(&mut self, content: &ServerContent<'_>, emit: &mut Emit<'_>) {
        if let Some(turn) = content.model_turn.as_ref() {
            self.open(emit);
            for part in turn.parts.iter() {
                self.parts.read(self.turn, part, emit);
            }
        }
        if let Some(transcription) = content.output_transcription.as_ref() {
            self.open(emit);
            if let Some(text) = transcription.text {
                emit.fragment(ChannelKey::new(Place::Turn, self.turn, ChannelKind::Text), text);
            }
        }
        // The words of the user, not of the model.
        if content.input_transcription.is_some() {
            emit.other("inputTranscription");
        }
        if is_true(content.generation_complete) {
            emit.other("generationComplete");
        }
        if is_true(content.interrupted) {
            self.finish(Reason::Other, "interrupted", emit);
            self.is_over = true;
        }
        if is_true(content.turn_complete) {
            let raw = string(content.turn_complete_reason).unwrap_or_default();
            self.complete(&raw, emit);
        }
    }

    /// Content after an interruption that `turnComplete` did not follow belongs to the next turn.
    fn open(&mut self, emit: &mut Emit<'_>) {
        if std::mem::take(&mut self.is_over) {
            self.turn = self.turn.saturating_add(1);
        }
        if !std::mem::replace(&mut self.is_open, true) {
            emit.next_response();
            emit.end().open(self.turn);
        }
    }

    fn complete(&mut self, raw: &str, emit: &mut Emit<'_>) {
        if !std::mem::take(&mut self.is_over) {
            let called = self.parts.has_called(self.turn);
            self.finish(reason(raw, called), raw, emit);
        }
        self.turn = self.turn.saturating_add(1);
    }

    fn finish(&mut self, reason: Reason, raw: &str, emit: &mut Emit<'_>) {
        emit.tools_end(Place::Turn, self.turn);
        emit.finish(self.turn, reason, raw);
        self.is_open = false;
    }
}

fn reason(raw: &str, called: bool) -> Reason {
    match raw {
        "" | "NEED_MORE_INPUT" | "TURN_COMPLETE_REASON_UNSPECIFIED" if called => Reason::Tool,
        "" | "NEED_MORE_INPUT" | "TURN_COMPLETE_REASON_UNSPECIFIED" => Reason::Stop,
        "MALFORMED_FUNCTION_CALL" | "MAX_REGENERATION_REACHED" => Reason::Error,
        "BLOCKLIST" | "RESPONSE_REJECTED" => Reason::Filter,
        raw if raw.starts_with("GENERATED_") || raw.ends_with("PROHIBITED") => Reason::Filter,
        _ => Reason::Other,
    }
}

crate::keep::keep!(struct GeminiLive { parts, model, turn, is_open, is_over });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{Anomaly, EndingState};

    const SETUP: (FrameKind, &str, &str) = (FrameKind::Sent, "", r#"{"setup": {"model": "models/gemini-live"}}"#);

    fn read(received: &[&str]) -> Sample {
        let received = received.iter().map(|data| (FrameKind::Message, "", *data));
        Sample::of_frames(Dialect::Auto, &[SETUP].into_iter().chain(received).collect::<Vec<_>>())
    }

    const READY: &str = r#"{"setupComplete": {"sessionId": "s1"}}"#;
    const SAYS: &str = r#"{"serverContent": {"outputTranscription": {"text": "Hi"}}}"#;
    const SOUND: &str = r#"{"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAAAAAAA"}}]}}}"#;
    const DONE: &str = r#"{"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 3, "responseTokenCount": 4}}"#;
    const CALL: &str = r#"{"toolCall": {"functionCalls": [{"id": "c1", "name": "f", "args": {"a": 1}}]}}"#;
    const INTERRUPTED: &str = r#"{"serverContent": {"interrupted": true}}"#;

    #[test]
    fn a_turn_has_its_channels_and_ends_when_complete() {
        let frames = [READY, SAYS, SOUND, r#"{"serverContent": {"generationComplete": true}}"#, DONE];
        let lines = [
            "other",
            "start s1 models/gemini-live",
            "text turn:0/text Hi",
            "audio turn:0/audio 6",
            "other generationComplete",
            "finish 0 stop ",
            "usage Some(3) Some(4)",
        ];
        let sample = read(&frames);
        assert_eq!((sample.dialect, sample.lines()), (Dialect::GeminiLive, lines.map(String::from).to_vec()));
        assert_eq!(sample.ending().state, EndingState::Complete);
        assert_eq!(read(&frames[..4]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_session_is_complete_while_no_turn_is_open() {
        assert_eq!(read(&[READY]).ending().state, EndingState::Truncated);
        assert_eq!(read(&[READY, SAYS, DONE, SAYS]).ending().state, EndingState::Truncated);
        let sample = read(&[READY, SAYS, DONE, SAYS, DONE]);
        assert_eq!((sample.text("turn:1/text"), sample.ending().state), ("Hi".into(), EndingState::Complete));
    }

    #[test]
    fn an_interruption_ends_the_turn_once() {
        let sample = read(&[READY, SAYS, INTERRUPTED, DONE, SAYS, DONE]);
        assert_eq!(sample.only(&["finish"]), ["finish 0 other interrupted", "finish 1 stop "]);
        let sample = read(&[READY, SAYS, INTERRUPTED, SAYS]);
        assert_eq!((sample.text("turn:1/text"), sample.ending().state), ("Hi".into(), EndingState::Truncated));
    }

    #[test]
    fn a_tool_call_comes_whole_and_leaves_the_turn_open() {
        let sample = read(&[READY, CALL]);
        let lines = [
            "tool_start turn:0/tool:0 c1 f",
            r#"tool_args turn:0/tool:0 {"a": 1}"#,
            "tool_end turn:0/tool:0 Some(true)",
        ];
        assert_eq!(sample.lines()[2..], lines);
        assert_eq!(sample.ending().state, EndingState::Truncated);
        assert_eq!(read(&[READY, CALL, DONE]).only(&["finish"]), ["finish 0 tool "]);
    }

    #[test]
    fn thoughts_are_reasoning_and_the_users_words_are_not_the_models() {
        let sample = read(&[
            READY,
            r#"{"serverContent": {"modelTurn": {"parts": [{"text": "Hm", "thought": true}]}}}"#,
            r#"{"serverContent": {"inputTranscription": {"text": "Hello"}}}"#,
        ]);
        assert_eq!(sample.lines()[2..], ["reasoning turn:0/reasoning Hm", "other inputTranscription"]);
    }

    #[test]
    fn what_has_no_meaning_is_kept_and_what_is_unknown_counted() {
        let sample =
            read(&[READY, r#"{"goAway": {"timeLeft": "10s"}}"#, r#"{"serverContent": {}}"#, r#"{"later": 1}"#]);
        assert_eq!(sample.lines()[2..], ["other goAway", "other", "other"]);
        assert_eq!(sample.count(Anomaly::UnknownEvent), 1);
    }
}
