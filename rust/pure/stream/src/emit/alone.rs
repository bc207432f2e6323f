//! What a frame says where that is one fragment of text: then one like it need not be parsed.

use std::ops::Range;

use super::Emit;
use crate::decode::FrameKind;
use crate::{Anomalies, ChannelIndex, ChannelKind, EventKind};

/// A fragment, and where it stands in the frame's data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fragment {
    pub(crate) channel: ChannelIndex,
    pub(crate) signed: bool,
    pub(crate) place: Range<usize>,
}

/// What a frame has said so far.
#[derive(Clone, Debug, Default)]
pub(super) enum Said {
    #[default]
    Nothing,
    Fragment(Fragment),
    /// More than one fragment, or something that a fragment is not all of.
    More,
}

impl Emit<'_> {
    /// The frame says something beside its fragments, whether it becomes an event or not.
    pub(super) fn says_more(&mut self) {
        self.said = Said::More;
    }

    pub(super) fn says_fragment(&mut self, channel: ChannelIndex, inner: &str, signed: bool) {
        self.said = match (&self.said, self.place(inner)) {
            (Said::Nothing, Some(place)) => Said::Fragment(Fragment { channel, signed, place }),
            _ => Said::More,
        };
    }

    pub(crate) fn anomalies(&self) -> Anomalies {
        self.known.anomalies
    }

    /// The fragment of text that is all the frame said, and the kind of its channel.
    pub(crate) fn only_fragment(&self, anomalies_before: &Anomalies) -> Option<(Fragment, ChannelKind)> {
        let Said::Fragment(fragment) = &self.said else { return None };
        let is_text = |kind: &EventKind| {
            matches!(kind, EventKind::Reasoning { .. } | EventKind::Refusal { .. } | EventKind::Text { .. })
        };
        let says_no_more = match self.of_frame() {
            // Its text is held.
            [] => true,
            [event] => event.channel == Some(fragment.channel) && is_text(&event.kind),
            _ => false,
        };
        let is_message = self.frame.is_some_and(|frame| frame.kind == FrameKind::Message);
        let kind = self.known.channels.get(fragment.channel)?.kind();
        let is_plain = is_message && says_no_more && !matches!(kind, ChannelKind::Audio | ChannelKind::Tool);
        (is_plain && self.known.anomalies == *anomalies_before).then(|| (fragment.clone(), kind))
    }

    /// The next fragment of a channel that has had one in a frame alike.
    pub(crate) fn next_fragment(&mut self, channel: ChannelIndex, inner: &str, signed: bool) {
        self.decode(channel, inner, signed);
    }
}
