//! What a client that leaves means for its answer.

use serde::Deserialize;

/// What becomes of an answer whose client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnClientGone {
    /// Its upstream is closed.
    Cancel,
    /// It is read to its end.
    Continue,
}
