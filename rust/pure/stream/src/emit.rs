use midstream_series::Timestamp;
use serde_json::value::RawValue;

use crate::decode::Frame;
use crate::ending::EndTracker;
use crate::json;
use crate::{Anomaly, ChannelIndex, ChannelKey, ChannelKind, Dialect, Event, EventKind, Events, Place, Reason, Usage};

mod known;

pub(crate) use known::Known;

/// Finish reasons kept per stream at most.
const MAX_REASONS: usize = 64;

/// Where a dialect writes what it read in one frame. Every method that adds an event numbers and times it.
pub(crate) struct Emit<'a> {
    known: &'a mut Known,
    events: &'a mut Events,
    at: Timestamp,
    frame: Option<&'a Frame<'a>>,
    before: usize,
}

impl<'a> Emit<'a> {
    /// For the events of `frame`, whose last byte arrived at `at`.
    pub(crate) fn new(
        known: &'a mut Known,
        events: &'a mut Events,
        at: Timestamp,
        frame: Option<&'a Frame<'a>>,
    ) -> Self {
        let before = events.list.len();
        Self { known, events, at, frame, before }
    }

    /// Whether the frame has given an event yet. The caller adds `Other` to one that gave none: nothing is dropped.
    pub(crate) fn is_silent(&self) -> bool {
        self.of_frame().is_empty()
    }

    /// The events that the frame has given so far.
    pub(crate) fn of_frame(&self) -> &[Event] {
        self.events.list.get(self.before..).unwrap_or_default()
    }

    /// Drops the events of the frame, which is read once more. What they changed beside stays.
    pub(crate) fn take_back(&mut self) {
        self.known.events = self.known.events.saturating_sub(self.of_frame().len() as u64);
        self.events.list.truncate(self.before);
    }

    /// The events are of the dialect `seen` and not of `given`.
    pub(crate) fn mistaken(&mut self, given: Dialect, seen: Dialect) {
        self.known.mistaken = Some((given, seen));
        self.known.end.foreign();
        self.anomaly(Anomaly::WrongDialect);
    }

    /// How often an anomaly was counted.
    pub(crate) fn counted(&self, anomaly: Anomaly) -> u64 {
        self.known.anomalies.count(anomaly)
    }

    /// Events so far, to tell whether a part of the frame gave one.
    pub(crate) fn count(&self) -> usize {
        self.events.list.len()
    }

    /// The proofs of an end: lanes, marks, failures.
    pub(crate) fn end(&mut self) -> &mut EndTracker {
        &mut self.known.end
    }

    pub(crate) fn anomaly(&mut self, anomaly: Anomaly) {
        self.known.anomalies.add(anomaly);
    }

    /// The response began. Empty strings are unknown. `false` says that it is the first start of this stream.
    pub(crate) fn start(&mut self, id: &str, model: &str) {
        let keep = |slot: &mut Option<String>, text: &str| {
            if slot.is_none() && !text.is_empty() {
                *slot = Some(text.to_owned());
            }
        };
        keep(&mut self.known.id, id);
        keep(&mut self.known.model, model);
        let (id, model) = (self.events.store(id), self.events.store(model));
        self.push(None, EventKind::Start { id, model });
    }

    /// Whether `start` was called with an id or a model before.
    pub(crate) fn has_started(&self) -> bool {
        self.known.id.is_some() || self.known.model.is_some()
    }

    /// A fragment of text, reasoning, refusal or tool arguments, as a JSON string. Anything but a string is ignored,
    /// and so is an empty one. The lane of the channel's place counts as opened.
    pub(crate) fn fragment(&mut self, key: ChannelKey, string: &RawValue) {
        let raw = string.get();
        if raw.len() <= 2 || !raw.starts_with('"') {
            return;
        }
        if let Some(channel) = self.text_channel(key) {
            self.decode(channel, &raw[1..raw.len() - 1]);
        }
    }

    /// A fragment of what a tool that the provider runs itself is given, such as a code interpreter's code. It has a
    /// channel of kind `Tool` and is no tool call.
    pub(crate) fn server_tool_fragment(&mut self, key: ChannelKey, string: &RawValue) {
        let raw = string.get();
        if raw.len() > 2
            && raw.starts_with('"')
            && let Some(channel) = self.channel(key)
        {
            self.decode(channel, &raw[1..raw.len() - 1]);
        }
    }

    fn decode(&mut self, channel: ChannelIndex, inner: &str) {
        let start = self.events.arena.len();
        let Some(entry) = self.known.channels.get_mut(channel) else { return };
        json::unescape(inner, &mut entry.high_surrogate, &mut self.events.arena);
        let span = self.json_span(inner);
        self.stored(channel, start, span, false);
    }

    /// Whether the channel has given text before.
    pub(crate) fn has_text(&self, key: ChannelKey) -> bool {
        self.known.channels.iter().any(|(_, channel)| channel.key == key && channel.characters > 0)
    }

    /// Whether any channel of that place and kind has given text before.
    pub(crate) fn has_text_at(&self, place: Place, index: u32, kind: ChannelKind) -> bool {
        let at_place = |key: ChannelKey| (key.place, key.index, key.kind) == (place, index, kind);
        self.known.channels.iter().any(|(_, channel)| at_place(channel.key) && channel.characters > 0)
    }

    /// The same for text that is decoded already.
    pub(crate) fn plain_fragment(&mut self, key: ChannelKey, text: &str) {
        if text.is_empty() {
            return;
        }
        let Some(channel) = self.text_channel(key) else { return };
        let start = self.events.arena.len();
        self.events.arena.push_str(text);
        self.stored(channel, start, None, false);
    }

    /// Reasoning that the provider signs: it must never be edited.
    pub(crate) fn signed_fragment(&mut self, key: ChannelKey, string: &RawValue) {
        let before = self.events.list.len();
        self.fragment(key, string);
        if let Some(Event { kind: EventKind::Reasoning { signed, .. }, .. }) = self.events.list.get_mut(before) {
            *signed = true;
        }
    }

    /// Marks the channel's text as program code: checks read it with the limits for code.
    pub(crate) fn mark_code(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key)
            && let Some(entry) = self.known.channels.get_mut(channel)
        {
            entry.code = true;
        }
    }

    /// A tool call began, or its name came late. `key` must be of kind `Tool`. An empty id becomes the channel's id.
    pub(crate) fn tool_start(&mut self, key: ChannelKey, id: &str, name: &str) {
        let Some(channel) = self.channel(key) else { return };
        let began = !self.known.tools.has(channel);
        if !began && name.is_empty() {
            return;
        }
        let channel_id = self.known.channels.get(channel).map(|entry| entry.id.clone()).unwrap_or_default();
        let id = if id.is_empty() { &channel_id } else { id };
        if !self.known.tools.start(channel, id, name) {
            return self.anomaly(Anomaly::Limit);
        }
        if began {
            let (call, name) = (self.events.store(id), self.events.store(name));
            self.push(Some(channel), EventKind::ToolStart { call, name });
        }
    }

    /// The same for a tool that takes free text and not JSON.
    pub(crate) fn free_text_tool_start(&mut self, key: ChannelKey, id: &str, name: &str) {
        self.tool_start(key, id, name);
        if let Some(channel) = self.channel(key) {
            self.known.tools.takes_free_text(channel);
        }
    }

    /// Whether a tool call at `key` began.
    pub(crate) fn has_tool(&mut self, key: ChannelKey) -> bool {
        self.channel(key).is_some_and(|channel| self.known.tools.has(channel))
    }

    /// Whether the arguments of the call at `key` are whole JSON as they stand.
    pub(crate) fn tool_is_whole(&mut self, key: ChannelKey) -> bool {
        self.channel(key).is_some_and(|channel| self.known.tools.is_whole(channel))
    }

    /// The provider says that this call is whole. Ignored where its JSON is cut.
    pub(crate) fn tool_end(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channel(key) {
            self.tool_end_at(channel);
        }
    }

    fn tool_end_at(&mut self, channel: ChannelIndex) {
        let Some(valid_json) = self.known.tools.end(channel) else { return };
        if self.known.tools.is_too_deep(channel) {
            self.anomaly(Anomaly::TooDeep);
        }
        self.push(Some(channel), EventKind::ToolEnd { valid_json });
    }

    /// The same for every open call at a place: a finish reason ends them all.
    pub(crate) fn tools_end(&mut self, place: Place, index: u32) {
        self.tools_end_where(|key| key.place == place && key.index == index);
    }

    /// The same for every open call of the stream: its end ends them all.
    pub(crate) fn all_tools_end(&mut self) {
        self.tools_end_where(|_| true);
    }

    fn tools_end_where(&mut self, ends: impl Fn(ChannelKey) -> bool) {
        let key = |channel: &ChannelIndex| self.known.channels.get(*channel).map(|entry| entry.key);
        let open: Vec<ChannelIndex> =
            self.known.tools.open().filter(|channel| key(channel).is_some_and(&ends)).collect();
        open.into_iter().for_each(|channel| self.tool_end_at(channel));
    }

    /// A whole tool call in one event; `arguments` is its JSON text, or empty.
    pub(crate) fn tool_call(&mut self, key: ChannelKey, id: &str, name: &str, arguments: &str) {
        self.tool_start(key, id, name);
        self.plain_fragment(key, arguments);
        self.tool_end(key);
    }

    /// A tool that the provider runs itself.
    pub(crate) fn server_tool(&mut self, name: &str) {
        let name = self.events.store(name);
        self.push(None, EventKind::ServerTool { name });
    }

    pub(crate) fn citation(&mut self) {
        self.push(None, EventKind::Citation);
    }

    pub(crate) fn audio(&mut self, key: ChannelKey, bytes: u64) {
        let Some(channel) = self.channel(key) else { return };
        if let Some(entry) = self.known.channels.get_mut(channel) {
            entry.characters += bytes;
        }
        self.known.end.content();
        self.push(Some(channel), EventKind::Audio { bytes });
    }

    /// Another response begins in the same stream: what it reports adds to what those before it reported.
    pub(crate) fn next_response(&mut self) {
        self.known.earlier = self.known.usage();
        self.known.usage = Usage::default();
    }

    /// Token counts of the response so far; `None` fields keep what an earlier report said.
    pub(crate) fn usage(&mut self, usage: Usage) {
        self.known.usage.replace_by(usage);
        let usage = self.known.usage;
        self.push(None, EventKind::Usage(usage));
    }

    /// A choice, message, response or turn (`lane`) ended. An empty `raw` is unknown.
    pub(crate) fn finish(&mut self, lane: u32, reason: Reason, raw: &str) {
        self.known.end.finish(lane, reason == Reason::Length);
        if reason == Reason::Error {
            self.known.end.fail();
        }
        if !raw.is_empty() && self.known.finish_reasons.len() < MAX_REASONS {
            self.known.finish_reasons.push(raw.to_owned());
        }
        let raw = self.events.store(raw);
        self.push(None, EventKind::Finish { choice: lane, reason, raw });
    }

    /// The provider reported an error: the stream failed, whatever came before.
    pub(crate) fn error(&mut self, code: &str, message: &str, retryable: bool) {
        self.known.end.fail();
        self.error_that_goes_on(code, message, retryable);
    }

    /// An error that does not end the stream (Realtime: a bad client event).
    pub(crate) fn error_that_goes_on(&mut self, code: &str, message: &str, retryable: bool) {
        let (code, message) = (self.events.store(code), self.events.store(message));
        self.push(None, EventKind::Error { code, message, retryable });
    }

    pub(crate) fn ping(&mut self) {
        self.push(None, EventKind::Ping);
    }

    /// An event without meaning for the checks, by the provider's name of it.
    pub(crate) fn other(&mut self, name: &str) {
        let name = self.events.store(name);
        self.push(None, EventKind::Other { name });
    }

    /// A lone first half of a surrogate pair can no longer find its partner.
    pub(crate) fn flush_surrogates(&mut self) {
        let waiting = |(_, channel): &(ChannelIndex, &crate::Channel)| channel.high_surrogate.is_some();
        let waiting: Vec<ChannelIndex> = self.known.channels.iter().filter(waiting).map(|(index, _)| index).collect();
        for channel in waiting {
            if let Some(entry) = self.known.channels.get_mut(channel) {
                entry.high_surrogate = None;
            }
            let start = self.events.arena.len();
            self.events.arena.push(char::REPLACEMENT_CHARACTER);
            self.stored(channel, start, None, false);
        }
    }

    /// The channel of a fragment. Arguments of a call whose start was never seen begin one without a name.
    fn text_channel(&mut self, key: ChannelKey) -> Option<ChannelIndex> {
        let channel = self.channel(key)?;
        if key.kind == ChannelKind::Tool && !self.known.tools.has(channel) {
            self.tool_start(key, "", "");
        }
        Some(channel)
    }

    fn channel(&mut self, key: ChannelKey) -> Option<ChannelIndex> {
        let channel = self.known.channels.intern(key);
        if channel.is_none() {
            self.anomaly(Anomaly::Limit);
        }
        channel
    }

    /// Makes the event of a fragment that now stands in the arena from `start` on.
    fn stored(&mut self, channel: ChannelIndex, start: usize, json: Option<std::ops::Range<u64>>, signed: bool) {
        let text = self.events.stored_since(start);
        let fragment = &self.events.arena[start..];
        if fragment.is_empty() {
            return;
        }
        let Some(entry) = self.known.channels.get_mut(channel) else { return };
        entry.characters += fragment.chars().count() as u64;
        let kind = match entry.kind() {
            ChannelKind::Reasoning => EventKind::Reasoning { text, signed },
            ChannelKind::Refusal => EventKind::Refusal { text },
            ChannelKind::Tool => EventKind::ToolArgs { fragment: text },
            ChannelKind::Text | ChannelKind::Audio => EventKind::Text { text },
        };
        let is_call = matches!(kind, EventKind::ToolArgs { .. }) && self.known.tools.has(channel);
        if is_call && !self.known.tools.push(channel, fragment) {
            self.known.anomalies.add(Anomaly::Limit);
        }
        self.known.end.content();
        self.push(Some(channel), kind);
        if let Some(event) = self.events.list.last_mut() {
            event.json = json;
        }
    }

    /// Where `inner`, a slice of the frame's data, stands in the raw stream.
    fn json_span(&self, inner: &str) -> Option<std::ops::Range<u64>> {
        let frame = self.frame?;
        let data_at = frame.data_at?;
        let offset = (inner.as_ptr() as usize).checked_sub(frame.data.as_ptr() as usize)?;
        (offset + inner.len() <= frame.data.len())
            .then(|| data_at + offset as u64..data_at + (offset + inner.len()) as u64)
    }

    pub(crate) fn push(&mut self, channel: Option<ChannelIndex>, kind: EventKind) {
        let bytes = self.frame.map(|frame| frame.bytes.clone()).unwrap_or_default();
        self.events.list.push(Event { sequence: self.known.events, channel, at: self.at, bytes, json: None, kind });
        self.known.events += 1;
    }
}
