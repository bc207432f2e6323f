//! What is read of a request before it goes upstream.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use midstream_worker::Missed;

use crate::attempts::Candidate;
use crate::beside::Beside;
use crate::edit::Asked;
use crate::fault::Fault;
use crate::limits::Answers;
use crate::setup::Setup;
use crate::upstream::Chosen;
use crate::usage::Contents;

/// Longer bodies are read beside the data path. A MiB took 8 to 18 ms on a 2-core x86-64 machine, by `cargo test --profile
/// quick -p midstream-gateway --lib given -- --ignored --nocapture`: so much takes about a millisecond, and a chunk of
/// another stream is not to be kept longer.
const LONG: usize = 64 << 10;

/// Bytes of a model's name: it stands in records, streams and traces.
pub(crate) const LONGEST_MODEL: usize = 256;

/// What a request says, and who may serve it.
pub(crate) struct Given {
    pub(crate) said: Said,
    /// Who may serve it, with what each is sent.
    pub(crate) candidates: Result<Vec<Candidate>, Fault>,
    pub(crate) chosen: Chosen,
}

/// What a request says.
pub(crate) struct Said {
    /// As its path or its body names it.
    pub(crate) model: Option<String>,
    /// Those that may be asked in its place; `None` where they cannot be read.
    pub(crate) others: Option<Vec<String>>,
    /// How many answers it asks for, and how long each may be.
    pub(crate) answers: Answers,
    /// A model reads it, and nobody guards the answer.
    pub(crate) is_unguarded: bool,
    /// Whether the answer is to come in parts.
    pub(crate) streams: Option<bool>,
    /// The answer is to go on when nobody waits for it.
    pub(crate) is_background: bool,
    pub(crate) conversation: Option<String>,
    pub(crate) contents: Contents,
}

impl Given {
    /// Reads a body; a long one where it keeps no stream waiting.
    pub(crate) async fn read(body: &Bytes, chosen: Chosen, setup: &Arc<Setup>, beside: &Beside) -> Result<Self, Fault> {
        let (body, setup) = (body.clone(), Arc::clone(setup));
        let is_long = body.len() > LONG;
        let read = move || Self::of(&body, chosen, &setup);
        if !is_long {
            return read();
        }
        beside.long(read).await.map_err(|_: Missed| Fault::unread())?
    }

    fn of(body: &Bytes, chosen: Chosen, setup: &Setup) -> Result<Self, Fault> {
        let asked = Asked::of(body);
        asked.check()?;
        let endpoint = chosen.endpoint.as_ref();
        let model = endpoint.and_then(|endpoint| endpoint.model.clone()).or_else(|| asked.model());
        if let Some(name) = model.as_deref().filter(|name| name.len() > LONGEST_MODEL) {
            return Err(Fault::long_model(name.len()));
        }
        let is_guarded = endpoint.is_some_and(|endpoint| endpoint.dialect.is_some());
        let is_unguarded = endpoint.is_some_and(|endpoint| endpoint.costs_unguarded(&chosen.path));
        let count = if is_guarded { asked.answers() } else { 0 };
        let candidates = setup.candidates(&chosen, model.as_deref(), &asked, body);
        let others = asked.models_beside(&chosen.path);
        let said = Said {
            model,
            others,
            answers: Answers { count, max_tokens: asked.max_tokens() },
            is_unguarded,
            streams: asked.streams(),
            is_background: asked.is_background(),
            conversation: asked.conversation(),
            contents: if is_guarded || is_unguarded { Contents::of(body) } else { Contents::default() },
        };
        Ok(Self { said, candidates, chosen })
    }
}

impl Fault {
    fn long_model(bytes: usize) -> Self {
        let message = format!("the model's name has {bytes} bytes, allowed are {LONGEST_MODEL}");
        Self::bad_request(message)
    }

    /// The reading panicked.
    fn unread() -> Self {
        let message = "the gateway could not read the request's body";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "midstream_unread", message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http::{HeaderMap, Method};
    use midstream_series::Timestamp;

    use super::*;
    use crate::config::Config;

    #[test]
    #[ignore = "prints a time"]
    #[allow(clippy::disallowed_macros, reason = "it is for people")]
    fn what_reading_a_body_takes() {
        let config = b"[upstreams.one]\nurl = \"https://api.openai.com\"\napis = [\"openai\"]\n\
            [models]\nm = [{ upstream = \"one\", model = \"other\" }]";
        let setup = Setup::of(Config::from_toml(config).unwrap(), None, Timestamp::default()).unwrap();
        let turn = r#"{"role":"assistant","content":"I looked for the harbour, and found \"none\" of it.\n"},"#;
        for mebibytes in [1, 8, 32] {
            let turns = turn.repeat((mebibytes << 20) / turn.len());
            let body = format!(r#"{{"model":"m","stream":true,"messages":[{}]}}"#, turns.trim_end_matches(','));
            let body = Bytes::from(body);
            let uri = "/v1/chat/completions".parse().unwrap();
            let chosen = setup.upstreams.choose(&Method::POST, &uri, &HeaderMap::new()).unwrap();
            let begun = Instant::now();
            let given = Given::of(&body, chosen, &setup).unwrap();
            let took = begun.elapsed();
            assert!(given.candidates.is_ok() && given.said.contents.characters > 0);
            println!("{mebibytes} MiB: {:.2} ms a MiB", took.as_secs_f64() * 1e3 / mebibytes as f64);
        }
    }
}
