//! How an answer that a decision stops ends for its client.

use midstream_stream::End;
use serde::Deserialize;

/// What a client is told where a decision stops its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStop {
    /// The error of the API that it speaks, so that its SDK raises; an answer in one piece is refused by the status 422.
    #[default]
    Error,
    /// That the answer has reached its length, with a `midstream` object beside; where the format has no such end, the
    /// error.
    Finish,
}

impl OnStop {
    pub(crate) const fn end(self) -> End {
        match self {
            Self::Error => End::Error,
            Self::Finish => End::Finish,
        }
    }
}
