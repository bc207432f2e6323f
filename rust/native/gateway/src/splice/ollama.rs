//! Ollama: lines of JSON without a start, whose last one counts.

use serde_json::{Map, Value};

use super::overlap::Overlap;
use super::{Event, Pass, Read, Splice, Turn, add_turns};

pub(super) struct Ollama {
    kind: Kind,
    /// A prompt goes on as a chat, whose lines say the same in another place.
    is_turned: bool,
    read: Read,
    /// The first line without its text.
    names: Map<String, Value>,
    is_joined: bool,
    overlap: Overlap,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages.
    Chat,
    /// A prompt that the server puts into a template as it does with one message.
    Prompt,
    /// A prompt that stands in a template of its own, so that nothing can stand behind it.
    PromptInTemplate,
    /// A prompt as the model gets it.
    RawPrompt,
}

impl Kind {
    pub(super) fn of_prompt(request: &Map<String, Value>) -> Self {
        let is_given = |key: &str| request.get(key).is_some_and(|value| !value.is_null() && value != "");
        if request.get("raw") == Some(&Value::Bool(true)) {
            Self::RawPrompt
        } else if ["context", "suffix", "template"].into_iter().any(is_given) {
            Self::PromptInTemplate
        } else {
            Self::Prompt
        }
    }
}

impl Ollama {
    pub(super) fn boxed(kind: Kind) -> Box<dyn Splice> {
        let (read, names, overlap) = (Read::default(), Map::new(), Overlap::default());
        Box::new(Self { kind, is_turned: false, read, names, is_joined: false, overlap })
    }

    fn is_chat(&self) -> bool {
        self.kind == Kind::Chat
    }

    /// A line of a chat, as one of a prompt.
    fn turn_back(line: &mut Map<String, Value>) {
        let Some(Value::Object(message)) = line.remove("message") else { return };
        for (key, value) in message {
            match key.as_str() {
                "role" => {}
                "content" => drop(line.insert("response".to_owned(), value)),
                _ => drop(line.insert(key, value)),
            }
        }
    }

    fn look(&mut self, line: &Map<String, Value>) {
        if self.names.is_empty() {
            let is_name = |(key, value): &(&String, &Value)| {
                value.is_string() && !matches!(key.as_str(), "response" | "thinking")
            };
            self.names = line.iter().filter(is_name).map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        self.read.has_finished |= line.get("done") == Some(&Value::Bool(true));
        self.read.is_whole |= self.read.has_finished;
        let said = if self.is_chat() { line.get("message").and_then(Value::as_object) } else { Some(line) };
        for (key, value) in said.into_iter().flatten() {
            match (key.as_str(), value) {
                ("content" | "response", Value::String(text)) => self.read.text.push_str(text),
                ("thinking", Value::String(text)) => self.read.reasoning.push_str(text),
                ("tool_calls", Value::Array(calls)) => self.read.is_bound |= !calls.is_empty(),
                _ => {}
            }
        }
    }

    /// A line with another text.
    fn said<'a>(&self, line: &'a mut Map<String, Value>) -> Option<&'a mut Value> {
        match self.is_chat() {
            true => line.get_mut("message")?.get_mut("content"),
            false => line.get_mut("response"),
        }
    }
}

impl Splice for Ollama {
    fn pass(&mut self, event: &Event) -> Pass {
        let Ok(Value::Object(mut line)) = serde_json::from_str(&event.data) else { return Pass::Same };
        self.read.has_begun = true;
        if !self.is_joined {
            self.look(&line);
            return Pass::Same;
        }
        if self.is_turned {
            Self::turn_back(&mut line);
        }
        let is_last = line.get("done") == Some(&Value::Bool(true));
        if let Some(said) = self.said(&mut line) {
            let mut passes = self.overlap.take(said.as_str().unwrap_or_default());
            if is_last {
                passes.push_str(&self.overlap.rest());
            }
            *said = passes.into();
        }
        self.look(&line);
        Pass::Bytes(format!("{}\n", Value::Object(line)).into_bytes())
    }

    fn read(&self) -> &Read {
        &self.read
    }

    fn begin(&mut self, request: &mut Map<String, Value>, turn: &Turn<'_>) -> bool {
        let Read { text, reasoning, .. } = &self.read;
        let is_begun = !text.is_empty() || !reasoning.is_empty();
        self.is_turned = self.kind == Kind::Prompt && (is_begun || turn.hint.is_some());
        self.overlap = turn.overlap(text, text.len());
        match self.kind {
            // Reasoning that is not over has no place in a turn.
            _ if turn.reasoning.is_none() && turn.hint.is_none() && !reasoning.is_empty() && text.is_empty() => {
                return false;
            }
            Kind::PromptInTemplate => return !is_begun && turn.hint.is_none(),
            Kind::RawPrompt => {
                let Some(Value::String(prompt)) = request.get_mut("prompt") else { return false };
                prompt.push_str(text);
                return reasoning.is_empty() && turn.reasoning.is_none() && turn.hint.is_none();
            }
            Kind::Prompt if !self.is_turned => return true,
            Kind::Prompt => turn_into_chat(request),
            Kind::Chat => {}
        }
        let content = self.read.ended(turn).unwrap_or_else(|| text.clone());
        add_turns(request, &content, turn)
    }

    fn path(&self, asked: &str) -> Option<String> {
        let (path, query) = asked.find('?').map_or((asked, ""), |at| asked.split_at(at));
        let before = path.strip_suffix("/api/generate").filter(|_| self.is_turned)?;
        Some(format!("{before}/api/chat{query}"))
    }

    fn settle(&mut self) -> Vec<u8> {
        let rest = self.overlap.rest();
        if rest.is_empty() {
            return Vec::new();
        }
        self.read.text.push_str(&rest);
        let mut line = self.names.clone();
        line.insert("done".to_owned(), false.into());
        match self.is_chat() {
            true => line.insert("message".to_owned(), serde_json::json!({"role": "assistant", "content": rest})),
            false => line.insert("response".to_owned(), rest.into()),
        };
        format!("{}\n", Value::Object(line)).into_bytes()
    }

    fn join(&mut self) {
        self.is_joined = self.read.has_begun;
    }

    fn end(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// A prompt as the one message that the server makes of it.
fn turn_into_chat(request: &mut Map<String, Value>) {
    let mut said = Map::from_iter([("role".to_owned(), "user".into())]);
    for (key, name) in [("prompt", "content"), ("images", "images")] {
        said.extend(request.remove(key).map(|value| (name.to_owned(), value)));
    }
    said.entry("content").or_insert_with(|| "".into());
    let system = request.remove("system").filter(|system| system.as_str().is_some_and(|text| !text.is_empty()));
    let system = system.map(|text| serde_json::json!({"role": "system", "content": text}));
    let messages = system.into_iter().chain([Value::Object(said)]).collect();
    request.insert("messages".to_owned(), Value::Array(messages));
}
