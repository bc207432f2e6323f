use midstream_series::Timestamp;
use serde_json::value::RawValue;

use crate::decode::Frame;
use crate::ending::EndTracker;
use crate::json;
use crate::{Anomaly, ChannelIndex, ChannelKey, ChannelKind, Dialect, Event, EventKind, Events, Place, Reason, Usage};

mod alone;
mod calls;
mod known;
mod masked;

pub(crate) use alone::Fragment;
pub(crate) use known::Known;

/// Finish reasons kept per stream at most.
const MAX_REASONS: usize = 64;

/// Where a dialect writes what it read in one frame. Every method that adds an event numbers and times it.
pub(crate) struct Emit<'a> {
    known: &'a mut Known,
    events: &'a mut Events,
    at: Timestamp,
    frame: Option<&'a Frame<'a>>,
    /// Where in memory the data stands that fragments are slices of.
    data: (usize, usize),
    before: usize,
    said: alone::Said,
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
        let data = frame.map_or((0, 0), |frame| (frame.data.as_ptr() as usize, frame.data.len()));
        Self { known, events, at, frame, data, before, said: alone::Said::Nothing }
    }

    /// Whether the frame has given an event yet. The caller adds `Other` to one that gave none: nothing is dropped.
    pub(crate) fn is_silent(&self) -> bool {
        self.of_frame().is_empty()
    }

    /// The events that the frame has given so far.
    pub(crate) fn of_frame(&self) -> &[Event] {
        self.events.list.get(self.before..).unwrap_or_default()
    }

    /// The text that the frame has given, by channel.
    pub(crate) fn texts_of_frame(&self) -> impl Iterator<Item = (ChannelIndex, &str)> {
        let texts = self.of_frame().iter().filter_map(|event| Some((event.channel?, event.kind.checked_text()?)));
        texts.map(|(channel, text)| (channel, self.events.text(text)))
    }

    /// Whether the frame reports an error.
    pub(crate) fn has_failed(&self) -> bool {
        self.of_frame().iter().any(|event| matches!(event.kind, EventKind::Error { .. }))
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
        self.unreadable();
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
        if matches!(anomaly, Anomaly::BadJson | Anomaly::Limit) && !self.says_error_in_words() {
            self.unreadable();
        }
        if let (Anomaly::UnknownEvent, Some(mask)) = (anomaly, &mut self.known.mask) {
            mask.is_unknown();
        }
        self.known.anomalies.add(anomaly);
    }

    /// The response began. Empty strings are unknown. `false` says that it is the first start of this stream.
    pub(crate) fn start(&mut self, id: &str, model: &str) {
        let keep = |slot: &mut Option<String>, text: &str| {
            if slot.is_none() && !text.is_empty() {
                *slot = Some(text.to_owned());
            }
        };
        let (id, model) = (&*self.field(id, true), &*self.field(model, false));
        keep(&mut self.known.id, id);
        keep(&mut self.known.model, model);
        let (id, model) = (self.events.store(id), self.events.store(model));
        self.push(None, EventKind::Start { id, model });
    }

    /// Whether `start` was called with an id or a model before.
    pub(crate) fn has_started(&self) -> bool {
        self.known.id.is_some() || self.known.model.is_some()
    }

    /// Whether `start` was called with a model before.
    pub(crate) fn has_model(&self) -> bool {
        self.known.model.is_some()
    }

    /// A fragment of text, reasoning, refusal or tool arguments, as a JSON string. Anything but a string is ignored,
    /// and so is an empty one. The lane of the channel's place counts as opened.
    pub(crate) fn fragment(&mut self, key: ChannelKey, string: &RawValue) {
        self.string(key, string, false);
    }

    /// A fragment of what a tool that the provider runs itself is given, such as a code interpreter's code. It has a
    /// channel of kind `Tool` and is no tool call.
    pub(crate) fn server_tool_fragment(&mut self, key: ChannelKey, string: &RawValue) {
        if let Some(inner) = self.inside(key, string)
            && let Some(channel) = self.channel(key)
        {
            self.says_more();
            self.decode(channel, inner, false);
        }
    }

    fn string(&mut self, key: ChannelKey, string: &RawValue, signed: bool) {
        if let Some(inner) = self.inside(key, string)
            && let Some(channel) = self.text_channel(key)
        {
            self.says_fragment(channel, inner, signed);
            self.decode(channel, inner, signed);
        }
    }

    /// A JSON string without its quotes; `None` where it is empty or none.
    fn inside<'s>(&mut self, key: ChannelKey, string: &'s RawValue) -> Option<&'s str> {
        let inner = string.get().strip_prefix('"')?.strip_suffix('"')?;
        if inner.is_empty() {
            self.empty_string(key, inner);
            return None;
        }
        Some(inner)
    }

    fn decode(&mut self, channel: ChannelIndex, inner: &str, signed: bool) {
        let start = self.events.arena.len();
        let Some(entry) = self.known.channels.get_mut(channel) else { return };
        let begins_cut = entry.high_surrogate.is_some();
        json::unescape(inner, &mut entry.high_surrogate, &mut self.events.arena);
        entry.begun = true;
        self.mask(channel, start, Some(inner), begins_cut, signed);
        let span = self.json_span(inner);
        self.stored(channel, start, span, signed);
    }

    /// Whether the channel has given text before.
    pub(crate) fn has_text(&self, key: ChannelKey) -> bool {
        self.known.channels.iter().any(|(_, channel)| channel.key == key && channel.begun)
    }

    /// Whether any channel of that place and kind has given text before.
    pub(crate) fn has_text_at(&self, place: Place, index: u32, kind: ChannelKind) -> bool {
        let at_place = |key: ChannelKey| (key.place, key.index, key.kind) == (place, index, kind);
        self.known.channels.iter().any(|(_, channel)| at_place(channel.key) && channel.begun)
    }

    /// The same for text that is decoded already.
    pub(crate) fn plain_fragment(&mut self, key: ChannelKey, text: &str) {
        if text.is_empty() {
            return;
        }
        self.says_more();
        let Some(channel) = self.text_channel(key) else { return };
        let start = self.events.arena.len();
        self.events.arena.push_str(text);
        if let Some(entry) = self.known.channels.get_mut(channel) {
            entry.begun = true;
        }
        self.mask(channel, start, self.is_placeable(text).then_some(text), false, false);
        self.stored(channel, start, None, false);
    }

    /// Reasoning that the provider signs: it must never be edited.
    pub(crate) fn signed_fragment(&mut self, key: ChannelKey, string: &RawValue) {
        self.string(key, string, true);
    }

    /// Marks the channel's text as program code: checks read it with the limits for code.
    pub(crate) fn mark_code(&mut self, key: ChannelKey) {
        self.says_more();
        if let Some(channel) = self.channel(key)
            && let Some(entry) = self.known.channels.get_mut(channel)
        {
            entry.code = true;
        }
    }

    /// A tool that the provider runs itself.
    pub(crate) fn server_tool(&mut self, name: &str) {
        let name = self.store_masked(name);
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
        self.texts_end(|_| true);
        if let Some(mask) = &mut self.known.mask {
            mask.begin_answer();
        }
        self.next_answer();
    }

    /// The same where readers take its text for more of the one before.
    pub(crate) fn next_answer(&mut self) {
        self.known.earlier = self.known.usage();
        self.known.usage = Usage::default();
    }

    /// Token counts of the response so far; `None` fields keep what an earlier report said.
    pub(crate) fn usage(&mut self, usage: Usage) {
        self.known.usage.replace_by(usage);
        let usage = self.known.usage;
        self.push(None, EventKind::Usage(usage));
    }

    /// The provider counts input that a cache took part in beside the other input.
    pub(crate) fn cache_is_apart(&mut self) {
        self.known.cache_is_apart = true;
    }

    /// A choice, message, response or turn (`lane`) ended. An empty `raw` is unknown.
    pub(crate) fn finish(&mut self, lane: u32, reason: Reason, raw: &str) {
        self.lane_ends(lane);
        self.known.end.finish(lane, reason == Reason::Length);
        if reason == Reason::Error {
            self.known.end.fail();
        }
        let raw = &*self.field(raw, false);
        if !raw.is_empty() && self.known.finish_reasons.len() < MAX_REASONS {
            self.known.finish_reasons.push(raw.to_owned());
        }
        let raw = self.events.store(raw);
        self.push(None, EventKind::Finish { choice: lane, reason, raw });
    }

    /// The provider reported an error: the stream failed, whatever came before.
    pub(crate) fn error(&mut self, code: &str, message: &str, retryable: bool) {
        self.may_end(None);
        self.known.end.fail();
        self.error_that_goes_on(code, message, retryable);
    }

    /// An error that does not end the stream (Realtime: a bad client event).
    pub(crate) fn error_that_goes_on(&mut self, code: &str, message: &str, retryable: bool) {
        let (code, message) = (self.store_masked(code), self.store_masked(message));
        self.push(None, EventKind::Error { code, message, retryable });
    }

    pub(crate) fn ping(&mut self) {
        self.push(None, EventKind::Ping);
    }

    /// An event without meaning for the checks, by the provider's name of it.
    pub(crate) fn other(&mut self, name: &str) {
        let name = self.field(name, true);
        let name = self.events.store(&name);
        self.push(None, EventKind::Other { name });
    }

    /// A lone first half of a surrogate pair can no longer find its partner.
    pub(crate) fn flush_surrogates(&mut self) {
        self.texts_end(|_| true);
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
