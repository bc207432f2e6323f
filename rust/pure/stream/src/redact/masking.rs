use std::fmt::Debug;
use std::ops::Range;

use midstream_series::Timestamp;

use super::frame::{Fault, Fragment, Rewritten};
use super::lane::Found;
use crate::decode::Frame;
use crate::keep::State;
use crate::summary::RedactSummary;
use crate::{ChannelIndex, ChannelKey};

/// Redaction of one stream, as those who read it call it: by a pointer, so that what reads text without rules, as a page
/// does, is not linked with them.
pub(crate) trait Masking: Debug + Send + State + Sync {
    /// A copy with all that it holds.
    fn boxed(&self) -> Box<dyn Masking>;

    /// Whether matches are reported and nothing is replaced.
    fn is_dry(&self) -> bool;

    /// Whether nothing is replaced, although frames pass whole and read.
    fn is_bare(&self) -> bool {
        false
    }

    /// Reads a fragment; whether its channel releases another text than that, which [`Masking::released`] gives.
    fn push(&mut self, fragment: &Fragment<'_>, now: Timestamp) -> bool;

    /// What the last push released.
    fn released(&self) -> &str;

    /// A string of no text stands in the frame: what is left of its channel could stand there.
    fn push_empty(&mut self, key: ChannelKey, place: Range<usize>);

    /// A string that says all of an answer so far: nothing of it is held, and what could begin a secret is left out.
    fn push_so_far(&mut self, text: &str, place: Range<usize>, is_whole: bool);

    /// Ends the texts that `ends` names, and gives what is left of them to `take`, by channel.
    fn end(&mut self, ends: &dyn Fn(ChannelKey, u8) -> bool, now: Timestamp, take: &mut dyn FnMut(ChannelIndex, &str));

    /// Another answer begins, which goes on with no text before it.
    fn begin_answer(&mut self) {}

    /// The frame says that an answer ended, of that choice where it names one. Some servers say so with every frame and some
    /// send text behind it, so that only a mark or the end of the stream ends the text, or that of another choice.
    fn may_end(&mut self, choice: Option<u32>);

    /// A choice that ended while the text of another goes on, and whose own text waits.
    fn ended_choice(&self) -> Option<u32> {
        None
    }

    /// Whether frames wait for whether an answer goes on.
    fn has_postponed(&self) -> bool {
        false
    }

    /// Whether the frame says that an answer ended.
    fn says_end(&self) -> bool;

    /// Whether text of a channel waits.
    fn holds(&self, key: ChannelKey) -> bool;

    /// The dialect does not know the frame's event.
    fn is_unknown(&mut self);

    /// Reads the texts of the frame that its dialect has not read, as far as they may stream; whether there are any.
    fn read_beside(&mut self, frame: &Frame<'_>, now: Timestamp) -> bool;

    /// The frame's data carries `payload` as base64, between the bytes `place`.
    fn carries(&mut self, payload: &str, place: Range<usize>);

    /// What the frame carries as base64, if anything.
    fn payload(&self) -> Option<&str>;

    /// Replaces what is found in text that belongs to no channel. `None` where nothing is.
    fn replace_in(&mut self, text: &str) -> Option<String>;

    /// The same for a field of the frame, as its rewriting does it and reports it. `names` says that it identifies something.
    fn replace_in_field(&mut self, text: &str, names: bool) -> Option<String>;

    /// A fault stops the stream; the first one counts.
    fn fail(&mut self, fault: Fault);

    /// What stops the stream, if anything.
    fn fault(&self) -> Option<Fault>;

    /// What the frame becomes, now that it is read. `data` is all of its data.
    fn rewrite(&mut self, data: &str, rewritten: &mut Rewritten);

    /// Whether a text of the frame still waits, so that the frame may be needed again.
    fn wants_templates(&self) -> bool;

    /// Keeps the frame for the channels whose text in it waits, then is ready for the next one.
    fn close_frame(&mut self, data: &str, name: &str, head: &[u8], tail: &[u8]);

    /// Forgets the frame.
    fn next_frame(&mut self);

    /// Puts off a frame that says the end, if text is held: that text belongs into it or before it, unless more comes. So
    /// are those behind it that say nothing.
    fn postpone(&mut self) -> bool;

    /// Exchanges the frame for the first one that was put off.
    fn swap_postponed(&mut self);

    /// The frame that was put off is done with: back to the other.
    fn take_postponed(&mut self);

    /// Whether something was found since it was last taken, or a fault is there.
    fn has_news(&self) -> bool;

    /// What was found since the last call.
    fn take_found(&mut self, into: &mut Vec<Found>);

    /// The name of a rule.
    fn rule(&self, rule: usize) -> &str;

    /// What stands in the place of a match.
    fn replacement(&self, rule: usize) -> &str;

    /// When text will have waited too long.
    fn deadline(&self) -> Option<Timestamp>;

    /// How much text waited, and how long; `None` where there are no rules.
    fn summary(&self) -> Option<RedactSummary>;
}

impl Clone for Box<dyn Masking> {
    fn clone(&self) -> Self {
        self.as_ref().boxed()
    }
}
