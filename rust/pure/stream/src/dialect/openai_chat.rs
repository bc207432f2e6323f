//! OpenAI chat completions and all that follow them: `choices[].delta`, `finish_reason` per choice, then `[DONE]`.

use serde::Deserialize;

use super::failure::Failure;
use super::openai_calls::{Call, Calls, Function};
use super::openai_delta::{Anything, Delta, Executed, Part, Sound};
use super::{Parse, openai, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Few, Leaf, List, Maybe};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Reason};

/// Choices of one stream that are read at most.
const MAX_CHOICES: usize = 64;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    object: Leaf<'a>,
    #[serde(borrow, default)]
    choices: Few<Choice<'a>>,
    #[serde(borrow, default)]
    usage: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
    #[serde(borrow, default)]
    x_groq: Leaf<'a>,
    // Perplexity repeats the list in every chunk.
    #[serde(borrow, default)]
    citations: Leaf<'a>,
    // An error of older servers has its words on the top level.
    #[serde(borrow, default)]
    detail: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groq<'a> {
    #[serde(borrow)]
    usage: Leaf<'a>,
    #[serde(borrow)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    delta: Maybe<Delta<'a>>,
    #[serde(borrow, default)]
    message: Leaf<'a>,
    // A first chunk without choices does not tell completions from chat.
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

/// One choice that was seen.
#[derive(Debug, Default)]
struct Seen {
    index: u32,
    finished: Option<Reason>,
    /// A delta came, so a whole message is a copy.
    streamed: bool,
    calls: Calls,
}

/// The parser.
#[derive(Debug, Default)]
pub(super) struct OpenaiChat {
    started: bool,
    /// Of the last chunk; empty where it has none.
    id: String,
    choices: Vec<Seen>,
    /// Length of the last list of citations, and how many were told.
    citations: (usize, usize),
    /// Tools that the provider ran and that were told.
    executed: u64,
}

impl Parse for OpenaiChat {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_mark();
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if openai::is_done(frame, emit) {
            return;
        }
        let Some(chunk) = payload::object::<Chunk<'_>>(frame, emit) else { return };
        self.start(&chunk, emit);
        self.next_answer(&chunk, emit);
        for choice in chunk.choices.iter() {
            self.choice(choice, emit);
        }
        self.citations(chunk.citations, emit);
        let groq: Groq<'_> = json::inside(chunk.x_groq);
        let usage = openai::usage(chunk.usage).or_else(|| openai::usage(groq.usage));
        if let Some(usage) = usage {
            emit.usage(usage);
        }
        let error = Failure::read(chunk.error).or_else(|| Failure::read(groq.error));
        if let Some(error) = error.or_else(|| chunk.is_error(frame).then(|| Failure::whole(frame.data))) {
            error.emit(emit);
        } else if emit.is_silent() && !chunk.is_known() {
            payload::unknown(frame.name, emit);
        }
    }

    fn says_again<'a>(&self, frame: &Frame<'a>, _: ChannelKind) -> Option<&'a str> {
        Some(frame.name)
    }
}

impl Chunk<'_> {
    /// The whole payload is an error: so named by its event, or in the words of older servers.
    fn is_error(&self, frame: &Frame<'_>) -> bool {
        let object = self.object.is_some_and(|object| object.get() == "\"error\"");
        object || frame.name == "error" || (self.detail.is_some() && !self.choices.given)
    }

    fn is_known(&self) -> bool {
        self.choices.given || json::string(self.object).is_some_and(|object| object.starts_with("chat."))
    }
}

impl OpenaiChat {
    fn start(&mut self, chunk: &Chunk<'_>, emit: &mut Emit<'_>) {
        if self.started {
            return;
        }
        let (id, model) = (json::string(chunk.id).unwrap_or_default(), json::string(chunk.model).unwrap_or_default());
        if !id.is_empty() || !model.is_empty() || !chunk.choices.is_empty() {
            self.started = true;
            emit.start(&id, &model);
        }
    }

    /// A choice that has ended and goes on under another id belongs to a second answer in the same body. Only its text
    /// or calls show that: counts may have an id of their own.
    fn next_answer(&mut self, chunk: &Chunk<'_>, emit: &mut Emit<'_>) {
        let Some(id) = json::string(json::words(chunk.id)).filter(|id| self.id != *id) else { return };
        let goes_on = |choice: &&Choice<'_>| {
            let delta = choice.delta.as_ref();
            delta.is_some_and(|delta| json::words(delta.content).or(delta.tool_calls).is_some())
        };
        let mut reopened = false;
        for choice in chunk.choices.iter().filter(goes_on) {
            let index = payload::index(choice.index);
            let ended = |seen: &&mut Seen| seen.index == index && seen.finished.is_some();
            if let Some(seen) = self.choices.iter_mut().find(ended) {
                seen.finished = None;
                emit.end().open(index);
                reopened = true;
            }
        }
        if reopened {
            // Readers add up chunks whatever their id.
            emit.next_answer();
        }
        self.id = id.into_owned();
    }

    fn choice(&mut self, choice: &Choice<'_>, emit: &mut Emit<'_>) {
        let index = payload::index(choice.index);
        let Some(at) = self.seen(index) else { return emit.anomaly(Anomaly::Limit) };
        emit.end().seen(index);
        let Some(seen) = self.choices.get_mut(at) else { return };
        if let Some(delta) = choice.delta.as_ref() {
            seen.streamed = true;
            seen.delta(delta, false, emit);
            self.executed(delta.executed_tools, emit);
            if choice.message.is_some() {
                let message: Delta<'_> = json::inside(choice.message);
                emit.copy_so_far(message.content, json::words(choice.finish_reason).is_some());
            }
        } else if choice.message.is_some() && !seen.streamed {
            let message: Delta<'_> = json::inside(choice.message);
            seen.delta(&message, true, emit);
            emit.place_ends(Place::Choice, index);
            self.executed(message.executed_tools, emit);
        }
        if let (Some(text), None, None) = (choice.text, choice.delta.as_ref(), choice.message) {
            emit.fragment(ChannelKey::new(Place::Choice, index, ChannelKind::Text), text);
        }
        if let Some(error) = Failure::read(choice.error) {
            error.emit(emit);
        }
        if let (Some(raw), Some(seen)) = (json::string(json::words(choice.finish_reason)), self.choices.get_mut(at)) {
            seen.finish(&raw, emit);
            // An answer that is not streamed is whole in this one payload.
            if choice.message.is_some() && choice.delta.as_ref().is_none() {
                emit.end().mark();
            }
        }
    }

    /// Where the choice of that number is kept; `None` beyond the limit.
    fn seen(&mut self, index: u32) -> Option<usize> {
        let known = self.choices.iter().position(|seen| seen.index == index);
        if known.is_none() && self.choices.len() < MAX_CHOICES {
            self.choices.push(Seen { index, ..Seen::default() });
            return Some(self.choices.len() - 1);
        }
        known
    }

    fn citations(&mut self, list: Leaf<'_>, emit: &mut Emit<'_>) {
        let Some(list) = list else { return };
        let length = list.get().len();
        if length == self.citations.0 {
            return;
        }
        let count = serde_json::from_str::<Vec<serde::de::IgnoredAny>>(list.get()).map_or(0, |list| list.len());
        for _ in self.citations.1..count {
            emit.citation();
        }
        self.citations = (length, count.max(self.citations.1));
    }

    /// Groq tells each tool twice, when it begins and with its output.
    fn executed(&mut self, list: Leaf<'_>, emit: &mut Emit<'_>) {
        for tool in json::inside::<List<Executed<'_>>>(list).iter() {
            let number = json::integer(tool.index).unwrap_or(self.executed);
            if number >= self.executed {
                self.executed = number + 1;
                emit.server_tool(&json::string(tool.r#type).unwrap_or_default());
            }
        }
    }
}

impl Seen {
    fn key(&self, kind: ChannelKind) -> ChannelKey {
        ChannelKey::new(Place::Choice, self.index, kind)
    }

    fn delta(&mut self, delta: &Delta<'_>, whole: bool, emit: &mut Emit<'_>) {
        self.reasoning(delta, emit);
        self.content(delta.content, emit);
        if let Some(refusal) = delta.refusal {
            emit.fragment(self.key(ChannelKind::Refusal), refusal);
        }
        if delta.audio.is_some() {
            let sound: Sound<'_> = json::inside(delta.audio);
            if let Some(transcript) = sound.transcript {
                emit.fragment(self.key(ChannelKind::Text), transcript);
            }
            if let bytes @ 1.. = json::base64_bytes(sound.data) {
                emit.audio(self.key(ChannelKind::Audio), bytes);
            }
        }
        if delta.tool_calls.or(delta.function_call).is_some() {
            self.calls(delta, whole, emit);
        }
        for _ in json::inside::<List<Anything>>(delta.annotations).iter() {
            emit.citation();
        }
    }

    /// A call in both forms, the present and the legacy one, counts once.
    fn calls(&mut self, delta: &Delta<'_>, whole: bool, emit: &mut Emit<'_>) {
        let calls: List<Call<'_>> = json::inside(delta.tool_calls);
        for (position, call) in calls.iter().enumerate() {
            self.calls.fragment(self.index, call, whole.then_some(position as u64), emit);
        }
        let legacy: Maybe<Function<'_>> = json::inside(delta.function_call);
        match legacy.as_ref() {
            Some(function) if calls.0.is_empty() => self.calls.legacy(self.index, function, emit),
            Some(function) => emit.copy(self.key(ChannelKind::Tool), 1, function.arguments),
            None => {}
        }
    }

    /// Some hosts send the same words under two or three names: the first that has any counts.
    fn reasoning(&self, delta: &Delta<'_>, emit: &mut Emit<'_>) {
        let key = self.key(ChannelKind::Reasoning);
        let details: List<Part<'_>> = json::inside(delta.reasoning_details);
        let signed = details.iter().any(Part::is_signed);
        let plain = json::words(delta.reasoning_content).or(json::words(delta.reasoning));
        let words: &mut dyn Iterator<Item = _> = match plain {
            Some(words) => &mut std::iter::once(words),
            None => &mut details.iter().filter_map(|part| json::words(part.text).or(json::words(part.summary))),
        };
        for words in words {
            if signed { emit.signed_fragment(key, words) } else { emit.fragment(key, words) }
        }
        if plain.is_some() {
            if json::words(delta.reasoning_content).is_some() {
                emit.copy(key, 1, json::words(delta.reasoning));
            }
            for part in details.iter() {
                emit.copy(key, 2, json::words(part.text).or(json::words(part.summary)));
            }
        }
    }

    /// Content is a string, or a list of parts (Mistral).
    fn content(&self, content: Leaf<'_>, emit: &mut Emit<'_>) {
        let Some(content) = content else { return };
        if !content.get().starts_with('[') {
            return emit.fragment(self.key(ChannelKind::Text), content);
        }
        for part in json::inside::<List<Part<'_>>>(Some(content)).iter() {
            self.part(part, emit);
        }
    }

    fn part(&self, part: &Part<'_>, emit: &mut Emit<'_>) {
        if part.r#type.is_some_and(|name| name.get() == "\"reference\"") {
            return emit.citation();
        }
        if let Some(text) = part.text {
            emit.fragment(self.key(ChannelKind::Text), text);
        }
        if let Some(refusal) = part.refusal {
            emit.fragment(self.key(ChannelKind::Refusal), refusal);
        }
        let key = self.key(ChannelKind::Reasoning);
        if let Some(thinking) = json::words(part.thinking) {
            emit.fragment(key, thinking);
        }
        for thought in json::inside::<List<Part<'_>>>(part.thinking).iter().filter_map(|part| part.text) {
            emit.fragment(key, thought);
        }
    }

    fn finish(&mut self, raw: &str, emit: &mut Emit<'_>) {
        emit.tools_end(Place::Choice, self.index);
        let reason = openai::reason(raw);
        // OpenRouter says the same reason twice.
        if self.finished != Some(reason) {
            self.finished = Some(reason);
            emit.finish(self.index, reason, raw);
        }
    }
}

crate::keep::keep!(struct Seen { index, finished, streamed, calls });
crate::keep::keep!(struct OpenaiChat { started, id, choices, citations, executed });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::FrameKind;
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;
    use crate::{EndingState, UsageSource};

    /// A chunk whose only choice has this delta.
    fn delta(delta: &str) -> String {
        format!(
            r#"{{"id":"c1","model":"m","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{delta}}}]}}"#
        )
    }

    fn finish(index: u32, reason: &str) -> String {
        format!(r#"{{"choices":[{{"index":{index},"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
    }

    fn read(frames: &[String]) -> Sample {
        Sample::of(Dialect::OpenaiChat, &frames.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn lines(frames: &[String]) -> Vec<String> {
        read(frames).lines()
    }

    #[test]
    fn text_finish_usage_and_mark_are_read_in_order() {
        let sample = read(&[
            delta(r#"{"role":"assistant","content":""}"#),
            delta(r#"{"content":"Hé"}"#),
            delta(r#"{"content":"llo"}"#),
            finish(0, "stop"),
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#.into(),
            "[DONE]".into(),
        ]);
        let expected = [
            "start c1 m",
            "text choice:0/text Hé",
            "text choice:0/text llo",
            "finish 0 stop stop",
            "usage Some(3) Some(2)",
            "other [DONE]",
        ];
        assert_eq!(sample.lines(), expected);
        assert_eq!(sample.known.usage().source, UsageSource::Reported);
        let ending = sample.ending();
        assert_eq!((ending.state, ending.notes.len()), (EndingState::Complete, 0));
    }

    #[test]
    fn one_choice_of_two_without_a_reason_is_truncated() {
        let second = r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#.to_string();
        let mut frames = vec![delta(r#"{"content":"a"}"#), second, finish(0, "stop")];
        let sample = read(&frames);
        assert_eq!((sample.text("choice:0/text"), sample.text("choice:1/text")), ("a".into(), "b".into()));
        assert_eq!(sample.ending().state, EndingState::Truncated);
        frames.push(finish(1, "length"));
        assert_eq!(read(&frames).ending().notes, ["no_end_mark", "length"]);
    }

    #[test]
    fn the_mark_alone_ends_a_stream_without_reasons() {
        let ending = read(&[delta(r#"{"content":"a"}"#), "[DONE]".into()]).ending();
        assert_eq!((ending.state, ending.notes), (EndingState::Complete, vec!["no_finish_reason"]));
    }

    #[test]
    fn the_mark_ends_a_whole_tool_call_where_no_reason_does() {
        let call = delta(r#"{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}]}"#);
        let cut = delta(r#"{"tool_calls":[{"index":1,"id":"y","function":{"name":"f","arguments":"{"}}]}"#);
        assert!(read(&[call.clone(), "[DONE]".into()]).known.tools.calls()[0].complete);
        let sample = read(&[call, cut, "[DONE]".into()]);
        assert!(!sample.known.tools.calls()[1].complete);
        assert_eq!(sample.ending().state, EndingState::Truncated);
    }

    #[test]
    fn the_same_reasoning_under_three_names_counts_once() {
        let sample = read(&[
            delta(r#"{"reasoning":"a","reasoning_content":"a","reasoning_details":[{"text":"a"}]}"#),
            delta(r#"{"reasoning":"b","reasoning_content":"","reasoning_details":[{"text":"b"}]}"#),
            delta(r#"{"reasoning":null,"reasoning_details":[{"text":"c"},{"summary":"d"}]}"#),
            delta(r#"{"reasoning":"","reasoning_details":[]}"#),
        ]);
        assert_eq!(sample.text("choice:0/reasoning"), "abcd");
    }

    #[test]
    fn reasoning_that_the_provider_signs_is_marked() {
        let frames = [delta(r#"{"reasoning":"a","reasoning_details":[{"text":"a","format":"anthropic-claude-v1"}]}"#)];
        assert_eq!(lines(&frames)[1], "reasoning choice:0/reasoning a (signed)");
    }

    #[test]
    fn content_that_is_a_list_gives_thinking_text_and_references() {
        let sample = read(&[
            delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#),
            delta(r#"{"content":[{"type":"thinking","thinking":"so"},{"type":"text","text":"4"}]}"#),
            delta(r#"{"content":[{"type":"reference","reference_ids":[1]}, 7]}"#),
        ]);
        assert_eq!(sample.text("choice:0/reasoning"), "hmso");
        assert_eq!(sample.text("choice:0/text"), "4");
        assert_eq!(sample.only(&["citation"]).len(), 1);
    }

    #[test]
    fn fragments_of_a_tool_call_join_by_index() {
        let sample = read(&[
            delta(r#"{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":""}}]}"#),
            delta(r#"{"tool_calls":[{"index":1,"id":"y","function":{"name":"g","arguments":"{"}}]}"#),
            delta(r#"{"tool_calls":[{"index":0,"id":null,"function":{"name":null,"arguments":"{\"a\""}}]}"#),
            delta(
                r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":"}"}}]}"#,
            ),
            finish(0, "tool_calls"),
        ]);
        let calls: Vec<_> = sample
            .known
            .tools
            .calls()
            .iter()
            .map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str(), c.complete))
            .collect();
        assert_eq!(calls, [("x", "f", r#"{"a":1}"#, true), ("y", "g", "{}", true)]);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn parallel_calls_that_share_an_index_are_told_apart_by_id_or_by_whole_arguments() {
        let whole = |id: &str, index: &str| {
            delta(&format!(r#"{{"tool_calls":[{{{index}"id":{id},"function":{{"name":"f","arguments":"{{}}"}}}}]}}"#))
        };
        for index in [r#""index":0,"#, ""] {
            let by_id = read(&[whole(r#""x""#, index), whole(r#""y""#, index), finish(0, "tool_calls")]);
            assert_eq!(by_id.known.tools.calls().len(), 2);
            let nameless = read(&[whole("null", index), whole("null", index), finish(0, "tool_calls")]);
            assert_eq!(nameless.known.tools.calls().len(), 2);
            assert_eq!(nameless.known.tools.calls()[1].id, "choice:0/tool:1");
        }
    }

    #[test]
    fn an_id_or_a_name_that_is_repeated_begins_no_other_call() {
        let fragment = |id: &str, name: &str, arguments: &str| {
            let function = format!(r#"{{"name":{name},"arguments":"{arguments}"}}"#);
            delta(&format!(r#"{{"tool_calls":[{{"index":0,"id":"{id}","function":{function}}}]}}"#))
        };
        let same_id = read(&[fragment("x", r#""f""#, "{"), fragment("x", r#""f""#, "}")]);
        assert_eq!(same_id.known.tools.calls().len(), 1);
        let new_ids = read(&[fragment("x", r#""f""#, "{"), fragment("y", "null", "}")]);
        assert_eq!(new_ids.known.tools.calls().len(), 1);
        assert_eq!(new_ids.known.tools.calls()[0].arguments, "{}");
    }

    #[test]
    fn a_call_that_is_cut_stays_open_although_a_reason_came() {
        let sample = read(&[
            delta(r#"{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{\"a\""}}]}"#),
            finish(0, "length"),
        ]);
        assert!(!sample.known.tools.calls()[0].complete);
        assert_eq!(sample.ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_custom_tool_takes_free_text() {
        let sample = read(&[
            delta(r#"{"tool_calls":[{"index":0,"id":"x","type":"custom","custom":{"name":"sql","input":"{ SEL"}}]}"#),
            delta(r#"{"tool_calls":[{"index":0,"custom":{"input":"ECT"}}]}"#),
            finish(0, "tool_calls"),
        ]);
        let call = &sample.known.tools.calls()[0];
        assert_eq!((call.arguments.as_str(), call.complete, call.valid_json), ("{ SELECT", true, None));
    }

    #[test]
    fn a_legacy_function_call_is_a_tool_call() {
        let sample = read(&[
            delta(r#"{"function_call":{"name":"f","arguments":"{"}}"#),
            delta(r#"{"function_call":{"arguments":"}"}}"#),
            finish(0, "function_call"),
        ]);
        assert_eq!(sample.known.tools.calls()[0].arguments, "{}");
        assert_eq!(sample.only(&["finish"]), ["finish 0 tool function_call"]);
    }

    #[test]
    fn arguments_that_are_an_object_are_its_text() {
        let sample = read(&[delta(r#"{"tool_calls":[{"function":{"name":"f","arguments":{"a": 1}}}]}"#)]);
        assert_eq!(sample.known.tools.calls()[0].arguments, r#"{"a": 1}"#);
    }

    #[test]
    fn an_error_beside_choices_fails_the_stream_even_after_a_reason_and_before_the_mark() {
        let error = r#"{"error":{"code":429,"message":"slow"},"choices":[{"index":0,"delta":{"content":"x"}}]}"#;
        let sample = read(&[delta(r#"{"content":"a"}"#), finish(0, "length"), error.into(), "[DONE]".into()]);
        assert_eq!(sample.text("choice:0/text"), "ax");
        assert_eq!(sample.only(&["error"]), ["error 429 slow (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }

    #[test]
    fn an_error_by_its_events_name_and_one_of_a_choice_fail_the_stream() {
        let named = [(FrameKind::Message, "error", r#"{"message":"no","type":"invalid_request_error"}"#)];
        let sample = Sample::of_frames(Dialect::OpenaiChat, &named);
        assert_eq!(sample.lines(), ["error invalid_request_error no"]);
        let choice = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":502}}]}"#;
        assert_eq!(
            read(&[choice.into()]).only(&["error", "finish"]),
            ["error 502  (retryable)", "finish 0 error error"]
        );
    }

    #[test]
    fn a_body_that_is_only_an_error_is_failed_and_told_without_a_hint() {
        let bodies = [
            r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":"x"}}"#,
            r#"{"object":"error","message":"m","code":"x"}"#,
            r#"{"detail":"m","code":"x"}"#,
        ];
        for body in bodies {
            let sample = read(&[body.into()]);
            assert_eq!(sample.lines(), ["error x m"], "{body}");
            assert_eq!(sample.ending().state, EndingState::Failed);
        }
        assert_eq!(Sample::of(Dialect::Auto, &bodies[..1]).lines(), ["error x m"]);
    }

    #[test]
    fn usage_and_errors_of_groq_are_read_once() {
        let chunk = r#"{"choices":[],"usage":{"prompt_tokens":1},"x_groq":{"usage":{"prompt_tokens":1}}}"#;
        assert_eq!(read(&[chunk.into()]).only(&["usage"]), ["usage Some(1) None"]);
        let own = r#"{"choices":[{"delta":{}}],"x_groq":{"error":"over capacity","usage":{"completion_tokens":2}}}"#;
        assert_eq!(
            read(&[own.into()]).only(&["usage", "error"]),
            ["usage None Some(2)", "error  over capacity (retryable)"]
        );
    }

    #[test]
    fn a_first_chunk_of_filter_results_opens_no_choice() {
        let azure = r#"{"choices":[],"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#;
        let sample = Sample::of(Dialect::Auto, &[azure, &delta(r#"{"content":"a"}"#), &finish(0, "stop"), "[DONE]"]);
        assert_eq!(sample.dialect, Dialect::OpenaiChat);
        assert_eq!(sample.lines()[..2], ["other", "start c1 m"]);
        assert_eq!(sample.ending().state, EndingState::Complete);
        assert_eq!(sample.count(Anomaly::UnknownEvent), 0);
    }

    #[test]
    fn completions_behind_a_chunk_without_choices_are_read() {
        let text = r#"{"object":"text_completion","choices":[{"index":0,"text":"a","finish_reason":"stop"}]}"#;
        let sample = Sample::of(Dialect::Auto, &[r#"{"choices":[],"prompt_filter_results":[]}"#, text]);
        assert_eq!((sample.text("choice:0/text"), sample.ending().state), ("a".into(), EndingState::Complete));
    }

    #[test]
    fn chunks_without_object_and_index_are_read() {
        let chunk = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        let sample = Sample::of(Dialect::Auto, &[chunk, chunk]);
        assert_eq!(sample.lines(), ["start  ", "text choice:0/text a", "text choice:0/text a"]);
    }

    #[test]
    fn a_reason_said_twice_is_one_finish() {
        let sample = read(&[finish(0, "stop"), finish(0, "stop")]);
        assert_eq!(sample.only(&["finish"]).len(), 1);
        assert_eq!(sample.known.finish_reasons, ["stop"]);
    }

    #[test]
    fn an_empty_reason_is_none() {
        assert_eq!(read(&[delta(r#"{"content":"a"}"#), finish(0, "")]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_whole_answer_is_read_and_complete() {
        let body = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",
            "content":"Hi","reasoning_content":"hm","refusal":null,"tool_calls":[
            {"id":"x","type":"function","function":{"name":"f","arguments":"{}"}},
            {"id":"y","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
            "usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let sample = Sample::of(Dialect::Auto, &[body]);
        assert_eq!((sample.text("choice:0/text"), sample.text("choice:0/reasoning")), ("Hi".into(), "hm".into()));
        assert_eq!(sample.known.tools.calls().iter().filter(|call| call.complete).count(), 2);
        let ending = sample.ending();
        assert_eq!((ending.state, ending.notes.len()), (EndingState::Complete, 0));
    }

    #[test]
    fn a_message_beside_or_after_deltas_is_a_copy() {
        let beside = r#"{"choices":[{"index":0,"delta":{"content":"a"},"message":{"content":"a"}}]}"#;
        let after = r#"{"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}"#;
        assert_eq!(read(&[beside.into(), after.into()]).text("choice:0/text"), "a");
    }

    #[test]
    fn audio_counts_bytes_and_its_transcript_is_text() {
        let sample = read(&[delta(r#"{"audio":{"data":"AAECAw==","transcript":"Hi"}}"#)]);
        assert_eq!(sample.lines()[1..], ["text choice:0/text Hi", "audio choice:0/audio 4"]);
    }

    #[test]
    fn a_refusal_has_a_channel_of_its_own() {
        assert_eq!(read(&[delta(r#"{"content":null,"refusal":"No"}"#)]).text("choice:0/refusal"), "No");
    }

    #[test]
    fn citations_that_every_chunk_repeats_are_told_once() {
        let chunk = r#"{"choices":[],"citations":["a","b"]}"#.to_string();
        let longer = r#"{"choices":[],"citations":["a","b","c"]}"#.to_string();
        assert_eq!(read(&[chunk.clone(), chunk, longer]).only(&["citation"]).len(), 3);
    }

    #[test]
    fn a_tool_that_the_provider_runs_is_told_once() {
        let tool = delta(r#"{"executed_tools":[{"index":0,"type":"search","arguments":"{}"}]}"#);
        assert_eq!(read(&[tool.clone(), tool]).only(&["server_tool"]), ["server_tool search"]);
    }

    #[test]
    fn payloads_of_no_known_shape_stay_as_other_with_an_anomaly() {
        let sample = read(&["not json".into(), "[1]".into(), r#"{"what":1}"#.into(), r#"{"choices":"none"}"#.into()]);
        assert_eq!(sample.only(&["other"]).len(), 4);
        assert_eq!((sample.count(Anomaly::BadJson), sample.count(Anomaly::UnknownEvent)), (1, 3));
    }

    #[test]
    fn fields_of_a_wrong_type_cost_nothing_else() {
        let odd = r#"{"id":7,"choices":[null,{"index":"x","delta":{"content":{"a":1},"tool_calls":{},"reasoning":"r"}}],
            "usage":"many","x_groq":[]}"#;
        assert_eq!(read(&[odd.into()]).text("choice:0/reasoning"), "r");
    }

    #[test]
    fn choices_beyond_the_limit_are_counted_and_not_read() {
        let chunk = |index| format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"a"}}}}]}}"#);
        let sample = read(&(0..70).map(chunk).collect::<Vec<_>>());
        assert_eq!(sample.count(Anomaly::Limit), 6);
        assert_eq!(sample.text("choice:63/text"), "a");
    }
}
