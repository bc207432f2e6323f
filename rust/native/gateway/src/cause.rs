//! Why an answer ended before its end, where neither the guard nor the provider decided it.

use serde::Serialize;

/// What ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The client closed its connection or its stream of it.
    ClientLeft,
    /// The gateway stopped and would not wait any longer.
    Draining,
    /// Nothing came from the upstream.
    Idle,
    /// Nothing but signs of life came from the upstream.
    NoProgress,
    /// An operator ended it.
    Operator,
    /// The client did not take what was there for it.
    SlowClient,
    /// It took longer than an answer may.
    Total,
}

impl Cause {
    /// As it is told.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::Draining => "draining",
            Self::Idle => "idle",
            Self::NoProgress => "no_progress",
            Self::Operator => "operator",
            Self::SlowClient => "slow_client",
            Self::Total => "total",
        }
    }
}
