//! Budgets: how much a stream may take in tokens, characters, time, tool calls and money.

mod measure;
mod settings;
mod tally;

pub use settings::BudgetSettings;

pub(crate) use tally::{Budget, Fragment, Seen};
