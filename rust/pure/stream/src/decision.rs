use midstream_series::Timestamp;

use crate::{Action, Channels, Events, Finding, Held};

/// Which bytes the owner passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward<'a> {
    /// These instead of the chunk: after a stop, the chunk up to the end of the event that fired.
    Bytes(&'a [u8]),
    /// None: nothing came, or the stream was stopped before this call.
    Nothing,
    /// The very chunk that came in.
    Same,
}

impl<'a> Forward<'a> {
    /// The first `length` bytes of `chunk`.
    pub(crate) fn up_to(length: usize, chunk: &'a [u8]) -> Self {
        match chunk.get(..length) {
            Some([]) => Self::Nothing,
            Some(bytes) if length < chunk.len() => Self::Bytes(bytes),
            _ => Self::Same,
        }
    }

    /// The bytes, where `chunk` came in.
    pub(crate) fn of(self, chunk: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Nothing => &[],
            Self::Same => chunk,
        }
    }
}

/// What a call found and asks for.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The strongest action asked for; `Pass` where nothing was found. From the one that halts the stream on, that one.
    pub action: Action,
    /// A decision has ended the stream: nothing more of it passes. The action is then at least what did it.
    pub halted: bool,
    /// Which bytes to pass on.
    pub forward: Forward<'a>,
    /// The events that this call completed.
    pub events: &'a Events,
    /// The channels that the events name.
    pub channels: &'a Channels,
    /// What the checks found in this call.
    pub findings: &'a [Finding],
    /// Texts that wait for the caller's check from this call on; [`Guard::release`](crate::Guard::release) and
    /// [`Guard::refuse`](crate::Guard::refuse) take the verdicts.
    pub held: &'a [Held],
    /// The end mark of the transport was read: nothing more is expected.
    pub ended: bool,
    /// When `tick` is next needed; `None` where it is not.
    pub tick_at: Option<Timestamp>,
}
