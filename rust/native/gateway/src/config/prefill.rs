//! How an upstream takes an answer that is begun.

use midstream_stream::Error;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::values::setting;

/// How an upstream goes on with an answer that its request already holds, as a last turn of the assistant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrefillConfig {
    /// Members that such a request needs: `{ continue_final_message = true, add_generation_prompt = false }` for vLLM.
    pub body: Map<String, Value>,
    /// What stands before and behind reasoning in such a turn.
    pub reasoning_marks: (String, String),
}

impl Default for PrefillConfig {
    fn default() -> Self {
        Self { body: Map::new(), reasoning_marks: ("<think>\n".to_owned(), "\n</think>\n\n".to_owned()) }
    }
}

impl PrefillConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let reserved = ["messages", "model", "prompt", "stream"];
        match reserved.into_iter().find(|name| self.body.contains_key(*name)) {
            Some(name) => Err(setting("prefill.body", &format!("a table with {name:?}"), "members of other names")),
            None => Ok(()),
        }
    }
}
