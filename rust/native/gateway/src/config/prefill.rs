//! How an upstream takes an answer that is begun.

use serde::Deserialize;
use serde_json::{Map, Value};

/// How an upstream goes on with an answer that its request already holds, as a last turn of the assistant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrefillConfig {
    /// What such a request needs beside the turn.
    pub format: PrefillFormat,
    /// What stands before reasoning in such a turn.
    pub reasoning_before: String,
    /// What stands behind it.
    pub reasoning_behind: String,
}

/// What a request with a turn that is begun needs beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrefillFormat {
    /// Nothing: a last turn of the assistant is gone on with (Anthropic, llama.cpp, Ollama).
    #[default]
    Plain,
    /// `continue_final_message` and no `add_generation_prompt` (vLLM, SGLang).
    Vllm,
}

impl Default for PrefillConfig {
    fn default() -> Self {
        Self {
            format: PrefillFormat::default(),
            reasoning_before: "<think>\n".to_owned(),
            reasoning_behind: "\n</think>\n\n".to_owned(),
        }
    }
}

impl PrefillConfig {
    /// Members of a request with such a turn.
    pub(crate) fn mark(&self, request: &mut Map<String, Value>) {
        if self.format == PrefillFormat::Vllm {
            request.insert("continue_final_message".to_owned(), true.into());
            request.insert("add_generation_prompt".to_owned(), false.into());
        }
    }
}
