use crate::ending::EndTracker;
use crate::redact::Masking;
use crate::tools::Tools;
use crate::{Anomalies, ChannelIndex, ChannelKind, Channels, Dialect, Usage};

/// What is known of one stream so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) channels: Channels,
    pub(crate) tools: Tools,
    /// Calls that a finish reason ended while text of theirs was held.
    pub(super) late_tools: Vec<ChannelIndex>,
    /// Of the current response, as last reported.
    pub(super) usage: Usage,
    /// Of the responses before it together.
    pub(super) earlier: Usage,
    /// Its input tokens are without those that were read from a cache or written to one.
    pub(crate) cache_is_apart: bool,
    pub(crate) end: EndTracker,
    pub(crate) anomalies: Anomalies,
    pub(crate) finish_reasons: Vec<String>,
    pub(crate) model: Option<String>,
    pub(crate) id: Option<String>,
    /// The dialect given and the one that the events are of, where they differ.
    pub(crate) mistaken: Option<(Dialect, Dialect)>,
    pub(crate) events: u64,
    /// Texts that ended in this call, each with how many events came before; kept where text is held.
    pub(crate) text_ends: Option<Vec<(usize, ChannelIndex)>>,
    /// Redaction, where rules were given.
    pub(crate) mask: Option<Box<dyn Masking>>,
}

impl Known {
    /// Whether the consumer was told an end already.
    pub(crate) fn has_end(&self) -> bool {
        self.end.is_told()
    }

    /// Whether there is an answer that could be finished.
    pub(crate) fn has_begun(&self) -> bool {
        self.end.has_lanes() || self.channels.iter().next().is_some()
    }

    /// Token counts of every response of the stream.
    pub(crate) fn usage(&self) -> Usage {
        self.earlier.plus(self.usage)
    }

    /// Characters of everything the model wrote, divided by 4; `None` where it wrote nothing.
    pub(crate) fn estimated_tokens(&self) -> Option<u64> {
        let written = |kind| kind != ChannelKind::Audio;
        let characters = self.channels.iter().filter(|(_, channel)| written(channel.kind()));
        let characters: u64 = characters.map(|(_, channel)| channel.characters).sum();
        (characters > 0).then(|| characters.div_ceil(4))
    }
}

crate::keep::keep!(struct Known { channels, tools, late_tools, usage, earlier, cache_is_apart, end, anomalies, finish_reasons, model, id, mistaken, events } fresh { mask, text_ends });
