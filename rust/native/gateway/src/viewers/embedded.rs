//! Viewers inside this process: no socket stands between.

use std::fmt;

use super::{Viewer, ws};
use crate::fault::Fault;

/// One who looks on at a stream of a [`Server`](crate::Server) of this process.
pub struct View {
    viewer: Viewer,
}

/// Why nobody can look on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewError {
    /// There are as many viewers as the configuration allows.
    Full(String),
    /// The stream has no such event, or no raw events are kept of it.
    NoEvent(String),
    /// No stream has that id.
    Unknown(String),
}

impl View {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self { viewer }
    }

    /// What comes next as one JSON object, in the words of a WebSocket's message; `None` behind the end. A call that is
    /// dropped while it waits has taken nothing.
    pub async fn next(&mut self) -> Option<String> {
        self.viewer.next().await.map(|told| ws::text(&told))
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Full(message) | Self::NoEvent(message) | Self::Unknown(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for ViewError {}

impl From<Fault> for ViewError {
    fn from(fault: Fault) -> Self {
        match fault.status.as_u16() {
            503 => Self::Full(fault.message),
            400 => Self::NoEvent(fault.message),
            _ => Self::Unknown(fault.message),
        }
    }
}
