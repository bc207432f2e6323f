//! Loops in text: one incremental pass over code points, three views of it.

mod blank;
mod channel;
mod counter;
mod exact;
mod fence;
mod groups;
mod history;
mod limits;
mod near;
mod numbers;
mod report;
mod role;
mod runs;
mod settings;

use midstream_series::Timestamp;

use self::channel::ChannelState;
pub use self::settings::{RepeatActions, RepeatSettings};
use crate::{ChannelIndex, Detector, Finding, Source};

/// Channels with state at most; the one without text for longest is forgotten first.
const MAX_CHANNELS: usize = 8;

/// Finds loops in every text channel of one stream.
///
/// A channel's state grows with its text and stays below 64 KiB. Time is linear in the characters.
#[derive(Clone, Debug)]
pub struct Repeat {
    settings: RepeatSettings,
    /// The one of the latest text last.
    channels: Vec<(ChannelIndex, ChannelState)>,
}

impl Repeat {
    /// Detectors are made as channels appear.
    pub fn new(settings: RepeatSettings) -> Self {
        Self { settings, channels: Vec::new() }
    }
}

impl Detector for Repeat {
    fn push(&mut self, source: Source<'_>, text: &str, _at: Timestamp, findings: &mut Vec<Finding>) {
        if !self.settings.reads(source.kind, source.tool) {
            return;
        }
        if let Some(channel) = latest(&mut self.channels, source.index) {
            channel.push(source, text, &self.settings, findings);
        }
    }

    fn end(&mut self, channel: ChannelIndex, _findings: &mut Vec<Finding>) {
        self.channels.retain(|(index, _)| *index != channel);
    }

    fn reset(&mut self) {
        self.channels.clear();
    }
}

/// The channel's state, moved to the end of the list. A new one may push out the first.
fn latest(channels: &mut Vec<(ChannelIndex, ChannelState)>, index: ChannelIndex) -> Option<&mut ChannelState> {
    match channels.iter().rposition(|(known, _)| *known == index) {
        Some(at) => channels.get_mut(at..)?.rotate_left(1),
        None => {
            if channels.len() == MAX_CHANNELS {
                channels.remove(0);
            }
            channels.push((index, ChannelState::new()));
        }
    }
    channels.last_mut().map(|(_, state)| state)
}

#[cfg(test)]
mod tests;
