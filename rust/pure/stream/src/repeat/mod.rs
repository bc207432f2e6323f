//! Loops in text: one incremental pass over code points, three views of it.

mod blank;
mod brackets;
mod channel;
mod counter;
mod entry;
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
mod shape;
mod words;

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
    channels: Recent,
}

impl Repeat {
    /// Detectors are made as channels appear.
    pub fn new(settings: RepeatSettings) -> Self {
        Self { settings, channels: Recent::default() }
    }

    /// Channels forgotten to make room for others so far.
    pub fn forgotten(&self) -> u64 {
        self.channels.forgotten
    }
}

/// The channels that had text most recently, the latest last.
#[derive(Clone, Debug, Default)]
struct Recent {
    list: Vec<(ChannelIndex, Box<ChannelState>)>,
    forgotten: u64,
}

impl Recent {
    /// The channel's state, which becomes the latest.
    fn latest(&mut self, index: ChannelIndex) -> Option<&mut ChannelState> {
        match self.list.iter().rposition(|(known, _)| *known == index) {
            Some(at) => self.list.get_mut(at..)?.rotate_left(1),
            None => {
                if self.list.len() == MAX_CHANNELS {
                    self.list.remove(0);
                    self.forgotten += 1;
                }
                self.list.push((index, Box::new(ChannelState::new())));
            }
        }
        self.list.last_mut().map(|(_, state)| &mut **state)
    }
}

impl Detector for Repeat {
    fn push(&mut self, source: Source<'_>, text: &str, _at: Timestamp, findings: &mut Vec<Finding>) {
        let asked = self.settings.asked(source.kind, source.tool);
        if !asked.reads() {
            return;
        }
        if let Some(channel) = self.channels.latest(source.index) {
            channel.push(source, text, asked, &self.settings, findings);
        }
    }

    fn end(&mut self, channel: ChannelIndex, _findings: &mut Vec<Finding>) {
        self.channels.list.retain(|(index, _)| *index != channel);
    }

    fn reset(&mut self) {
        self.channels = Recent::default();
    }
}

crate::keep::keep!(state Repeat { channels } rest { settings });
crate::keep::keep!(struct Recent { list, forgotten });

#[cfg(test)]
mod tests;
