//! Hold-back redaction: secrets are replaced while their text still streams in, and nothing else waits.
//!
//! A [`RuleSet`] is one automaton for all rules, built once and shared by any number of streams. A [`Redactor`] reads the
//! decoded text of one channel, in pieces of any size, and gives
//!
//! - the same output and the same redactions for every way to cut the text,
//! - no character of a match before the match is decided,
//! - every character at once that can no longer belong to a match.

mod arguments;
mod automaton;
mod beside;
mod built_in;
mod check;
mod email;
mod fault;
mod frame;
mod iban;
mod lane;
mod latest;
mod mask;
mod masking;
mod names;
mod numbers;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_tests;
mod pattern;
mod private_key;
mod redactor;
mod rewriting;
mod rule;
mod rule_set;
mod scan;
mod settings;
mod side;
mod spelling;
mod table;
mod template;
mod thread;
mod waits;

pub use fault::{PatternPart, RuleFault};
pub use redactor::{Redaction, Redactor, Release};
pub use rule::Rule;
pub use rule_set::RuleSet;
pub use settings::{OwnRule, RedactSettings, Respond, RuleSettings};

pub(crate) use beside::is_constant;
pub(crate) use frame::{Fault, Fragment, Rewritten};
pub(crate) use lane::Found;
pub(crate) use mask::Mask;
pub(crate) use masking::Masking;
pub(crate) use names::is_left_as_written;
