//! A stream in flight as bytes, to go on with it elsewhere.
//!
//! Layout: mark, version, length and checksum of what follows, kind, fingerprint of the settings, origin of time, what the
//! owner keeps beside, state.

use std::fmt;

use midstream_series::Timestamp;

use crate::Error;
use crate::keep::{Keep, Kept, Source, State};

const MARK: &[u8] = b"midstream snapshot\n";
/// The layout of the state belongs to the version that wrote it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why bytes are no snapshot that can be gone on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// Some bytes differ from those that were written.
    Changed,
    /// The end is missing.
    Cut {
        /// Bytes that there are.
        given: usize,
        /// Bytes that were written.
        written: usize,
    },
    /// The bytes are none.
    None,
    /// It is of something else.
    OtherKind {
        /// What it is of.
        of: &'static str,
        /// What was to be restored.
        wanted: &'static str,
    },
    /// It was made under other settings.
    OtherSettings,
    /// It was written by another version.
    OtherVersion {
        /// The version that wrote it.
        wrote: String,
    },
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("the snapshot is damaged: its checksum is another; take it anew"),
            Self::Cut { given, written } => {
                write!(f, "the snapshot is cut: {given} bytes are there, {written} were written")
            }
            Self::None => f.write_str("the bytes are no snapshot"),
            Self::OtherKind { of, wanted } => write!(f, "the snapshot is of {of}, and {wanted} was to be restored"),
            Self::OtherSettings => {
                f.write_str("the snapshot was taken under other settings; restore it under those it was taken under")
            }
            Self::OtherVersion { wrote } => {
                write!(
                    f,
                    "the snapshot was written by version {wrote}, and this is {VERSION}; a snapshot is read by its own"
                )
            }
        }
    }
}

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    AgentChecks,
    Guard,
}

crate::keep::keep!(
    enum Of {
        AgentChecks,
        Guard,
    }
);

impl Of {
    const fn name(self) -> &'static str {
        match self {
            Self::AgentChecks => "AgentChecks",
            Self::Guard => "a Guard",
        }
    }
}

/// Writes a snapshot.
pub(crate) fn written(of: Of, settings: &str, origin: Timestamp, beside: &[u8], state: &impl State) -> Vec<u8> {
    let mut kept = Kept { bytes: Vec::new(), origin };
    of.keep(&mut kept);
    fingerprint(settings).keep(&mut kept);
    origin.as_nanos().keep(&mut kept);
    beside.to_vec().keep(&mut kept);
    state.keep_state(&mut kept);
    let mut out = Kept { bytes: MARK.to_vec(), origin };
    VERSION.to_owned().keep(&mut out);
    kept.bytes.len().keep(&mut out);
    crc32fast::hash(&kept.bytes).keep(&mut out);
    out.bytes.extend(kept.bytes);
    out.bytes
}

/// Reads a snapshot into `state`, which was made under the same settings. Times go on from `now`, else in the origin that
/// they had. Gives what the owner kept beside.
pub(crate) fn read(
    bytes: &[u8],
    wanted: Of,
    settings: &str,
    now: Option<Timestamp>,
    state: &mut impl State,
) -> Result<Vec<u8>, SnapshotFault> {
    let mut from = Source { rest: checked(bytes)?, origin: Timestamp::default() };
    let of = Of::take(&mut from).ok_or(SnapshotFault::Changed)?;
    if of != wanted {
        return Err(SnapshotFault::OtherKind { of: of.name(), wanted: wanted.name() });
    }
    if u64::take(&mut from).ok_or(SnapshotFault::Changed)? != fingerprint(settings) {
        return Err(SnapshotFault::OtherSettings);
    }
    let origin = i64::take(&mut from).map(Timestamp::from_nanos).ok_or(SnapshotFault::Changed)?;
    from.origin = now.unwrap_or(origin);
    let beside = Vec::take(&mut from).ok_or(SnapshotFault::Changed)?;
    state.take_state(&mut from).filter(|()| from.rest.is_empty()).ok_or(SnapshotFault::Changed)?;
    Ok(beside)
}

/// What stands behind the checksum, if it is whole.
fn checked(bytes: &[u8]) -> Result<&[u8], SnapshotFault> {
    let Some(rest) = bytes.strip_prefix(MARK) else {
        let is_beginning = !bytes.is_empty() && MARK.starts_with(bytes);
        return Err(if is_beginning { cut(bytes, MARK.len()) } else { SnapshotFault::None });
    };
    let mut from = Source { rest, origin: Timestamp::default() };
    let wrote = String::take(&mut from).ok_or_else(|| cut(bytes, bytes.len() + 1))?;
    if wrote != VERSION {
        return Err(SnapshotFault::OtherVersion { wrote });
    }
    let head: Option<(usize, u32)> = Keep::take(&mut from);
    let (length, checksum) = head.ok_or_else(|| cut(bytes, bytes.len() + 1))?;
    let written = (bytes.len() - from.rest.len()).saturating_add(length);
    match from.rest.len() {
        given if given < length => Err(cut(bytes, written)),
        given if given > length || crc32fast::hash(from.rest) != checksum => Err(SnapshotFault::Changed),
        _ => Ok(from.rest),
    }
}

fn cut(bytes: &[u8], written: usize) -> SnapshotFault {
    SnapshotFault::Cut { given: bytes.len(), written }
}

/// A number that tells settings apart.
fn fingerprint(settings: &str) -> u64 {
    u64::from(crc32fast::hash(settings.as_bytes())) << 32 | settings.len() as u64 & u64::from(u32::MAX)
}

impl From<SnapshotFault> for Error {
    fn from(fault: SnapshotFault) -> Self {
        Self::Snapshot { fault }
    }
}
