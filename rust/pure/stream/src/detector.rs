use midstream_series::Timestamp;

use crate::{ChannelIndex, ChannelKind, Finding};

/// What a detector is told of the channel a text belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Tells channels apart.
    pub index: ChannelIndex,
    /// The channel's id, for findings.
    pub id: &'a str,
    /// What it carries.
    pub kind: ChannelKind,
    /// The text is known to be program code.
    pub code: bool,
    /// The tool's name, for a channel of tool arguments.
    pub tool: Option<&'a str>,
}

/// A check that reads text as it comes.
pub trait Detector {
    /// Reads the next characters of a channel. Findings do not depend on how the text is cut into calls.
    fn push(&mut self, source: Source<'_>, text: &str, at: Timestamp, findings: &mut Vec<Finding>);

    /// No more text comes in this channel; its memory is given back.
    fn end(&mut self, channel: ChannelIndex, findings: &mut Vec<Finding>);

    /// Forgets every channel.
    fn reset(&mut self);
}
