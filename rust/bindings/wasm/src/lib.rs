//! MidStream in the browser: checks on text that JavaScript hands in, with its times. Exports only.

mod errors;
mod stream;

pub use stream::{Finding, TextGuard};
