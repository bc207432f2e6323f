//! Tool calls.

use super::Emit;
use crate::{Anomaly, ChannelIndex, ChannelKey, EventKind, Place};

impl Emit<'_> {
    /// A tool call began, or its name came late. `key` must be of kind `Tool`. An empty id becomes the channel's id.
    pub(crate) fn tool_start(&mut self, key: ChannelKey, id: &str, name: &str) {
        let masked = self.masked(name);
        let name = masked.as_deref().unwrap_or(name);
        let Some(channel) = self.channel(key) else { return };
        let began = !self.known.tools.has(channel);
        if !began && name.is_empty() {
            return;
        }
        let channel_id = self.known.channels.get(channel).map(|entry| entry.id.clone()).unwrap_or_default();
        let id = self.field(if id.is_empty() { &channel_id } else { id }, true);
        let id = &*id;
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
        self.channel_ends(channel);
        let Some(valid_json) = self.known.tools.end(channel) else { return };
        if self.known.tools.is_too_deep(channel) {
            self.anomaly(Anomaly::TooDeep);
        }
        self.push(Some(channel), EventKind::ToolEnd { valid_json });
    }

    /// The same for every open call at a place: a finish reason ends them all.
    pub(crate) fn tools_end(&mut self, place: Place, index: u32) {
        self.tools_end_where(|key| key.place == place && key.index == index, true);
    }

    /// The same for every open call of the stream: its end ends them all.
    pub(crate) fn all_tools_end(&mut self) {
        self.tools_end_where(|_| true, false);
    }

    fn tools_end_where(&mut self, ends: impl Fn(ChannelKey) -> bool, waits: bool) {
        let key = |channel: &ChannelIndex| self.known.channels.get(*channel).map(|entry| entry.key);
        let open: Vec<ChannelIndex> =
            self.known.tools.open().filter(|channel| key(channel).is_some_and(&ends)).collect();
        for channel in open {
            // Behind a finish reason its arguments may go on.
            if waits && self.holds(channel) {
                self.known.late_tools.push(channel);
            } else {
                self.tool_end_at(channel);
            }
        }
    }

    /// The calls end that a finish reason ended while text of theirs was held.
    pub(super) fn late_tools_end(&mut self, ends: impl Fn(ChannelKey) -> bool) {
        for channel in std::mem::take(&mut self.known.late_tools) {
            match self.known.channels.get(channel).map(|entry| entry.key) {
                Some(key) if !ends(key) => self.known.late_tools.push(channel),
                _ => self.tool_end_at(channel),
            }
        }
    }

    /// A whole tool call in one event; `arguments` is its JSON text, or empty.
    pub(crate) fn tool_call(&mut self, key: ChannelKey, id: &str, name: &str, arguments: &str) {
        self.tool_start(key, id, name);
        self.plain_fragment(key, arguments);
        self.tool_end(key);
    }
}
