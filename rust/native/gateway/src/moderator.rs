//! Held text is shown to a server that says whether it may pass.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use midstream_stream::{Error, Held};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::config::{ModeratorConfig, ModeratorFormat, OnModeratorFailure, Secret};
use crate::log::{Trouble, events};
use crate::tls::towards_upstream;
use crate::upstream::{HttpClient, PING, client};

/// Bytes of an answer that are read at most.
const MAX_ANSWER: usize = 1 << 20;

/// Who is asked, by all streams of a gateway.
pub(crate) struct Moderator {
    config: ModeratorConfig,
    uri: Uri,
    key: Option<Secret>,
    client: HttpClient,
    turns: Semaphore,
    trouble: Trouble,
}

/// A text to be looked at.
pub(crate) struct Question {
    /// What its verdict names it by.
    pub(crate) id: u64,
    stream: String,
    body: Bytes,
}

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Release,
    /// With the reason.
    Stop(String),
}

/// What the moderator answers in MidStream's own format.
#[derive(Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
enum Answer {
    Release,
    Stop {
        #[serde(default)]
        reason: String,
    },
}

/// What it answers in OpenAI's.
#[derive(Deserialize)]
struct Moderations {
    results: Vec<Moderated>,
}

#[derive(Deserialize)]
struct Moderated {
    flagged: bool,
    #[serde(default)]
    categories: serde_json::Map<String, Value>,
}

impl Moderator {
    pub(crate) fn of(config: &ModeratorConfig) -> Result<Arc<Self>, Error> {
        let key = config.key()?;
        let uri = config.address()?;
        let turns = Semaphore::new(config.concurrency);
        Ok(Arc::new(Self {
            client: client(config.timeout(), PING, towards_upstream("moderator", None)?),
            uri,
            key,
            turns,
            trouble: Trouble::default(),
            config: config.clone(),
        }))
    }

    /// The question of a text of a stream, in a channel of this kind.
    pub(crate) fn question(&self, stream: &str, kind: &str, held: &Held) -> Question {
        let body = match self.config.format {
            ModeratorFormat::Midstream => json!({
                "id": format!("{stream}-{}", held.id),
                "stream": stream,
                "channel": held.channel,
                "kind": kind,
                "text": held.text,
                "context": held.so_far,
                "onset": held.onset,
                "offset": held.offset,
            }),
            ModeratorFormat::Openai => match &self.config.model {
                Some(model) => json!({"model": model, "input": held.text}),
                None => json!({"input": held.text}),
            },
        };
        Question { id: held.id, stream: stream.to_owned(), body: body.to_string().into() }
    }

    /// Asks, within the time that is configured.
    pub(crate) async fn ask(self: Arc<Self>, question: Question) -> (u64, Verdict) {
        let verdict = timeout(self.config.timeout(), self.answer(question.body)).await;
        self.tell(&question.stream, verdict.as_ref().map(Option::is_some));
        let verdict = match (verdict, self.config.on_failure) {
            (Ok(Some(verdict)), _) => verdict,
            (_, OnModeratorFailure::Release) => Verdict::Release,
            (Ok(None), OnModeratorFailure::Stop) => Verdict::Stop("the moderator failed".to_owned()),
            (Err(_), OnModeratorFailure::Stop) => {
                Verdict::Stop(format!("the moderator took longer than {} s", self.config.timeout_s))
            }
        };
        (question.id, verdict)
    }

    /// Tells where it begins to fail, and where it answers again.
    fn tell(&self, stream: &str, answered: Result<bool, &Elapsed>) {
        let reason = match answered {
            Ok(true) if self.trouble.is_over() => return events::moderator_recovered(),
            Ok(true) => return,
            Ok(false) => "no verdict",
            Err(_) => "too late",
        };
        if self.trouble.began() {
            events::moderator_failed(stream, reason);
        }
    }

    /// `None` where it fails.
    async fn answer(&self, body: Bytes) -> Option<Verdict> {
        let _turn = self.turns.acquire().await.ok()?;
        let mut request = Request::post(self.uri.clone()).body(Full::new(body)).ok()?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).ok()?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let response = self.client.request(request).await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.ok()?.to_bytes();
        self.verdict(&body)
    }

    fn verdict(&self, body: &[u8]) -> Option<Verdict> {
        match self.config.format {
            ModeratorFormat::Midstream => match serde_json::from_slice(body).ok()? {
                Answer::Release => Some(Verdict::Release),
                Answer::Stop { reason } => Some(Verdict::Stop(reason)),
            },
            ModeratorFormat::Openai => {
                let Moderations { results } = serde_json::from_slice(body).ok()?;
                let flagged = results.iter().find(|result| result.flagged);
                // An answer without a result has looked at nothing.
                results.first()?;
                Some(flagged.map_or(Verdict::Release, |result| Verdict::Stop(result.reason())))
            }
        }
    }
}

impl Moderated {
    fn reason(&self) -> String {
        let named = self.categories.iter().filter(|(_, is_flagged)| **is_flagged == Value::Bool(true));
        named.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moderator(format: ModeratorFormat) -> Arc<Moderator> {
        Moderator::of(&ModeratorConfig { format, ..ModeratorConfig::new("http://127.0.0.1:1") }).unwrap()
    }

    #[test]
    fn a_verdict_is_one_of_two_words() {
        let own = moderator(ModeratorFormat::Midstream);
        assert_eq!(own.verdict(br#"{"verdict": "release", "score": 0.1}"#), Some(Verdict::Release));
        assert_eq!(
            own.verdict(br#"{"verdict": "stop", "reason": "violence"}"#),
            Some(Verdict::Stop("violence".to_owned()))
        );
        for wrong in [&br#"{"verdict": "ok"}"#[..], b"", b"true", b"<html>"] {
            assert_eq!(own.verdict(wrong), None);
        }
    }

    #[test]
    fn openais_moderations_stop_what_they_flag() {
        let openai = moderator(ModeratorFormat::Openai);
        let flagged =
            br#"{"id": "m", "results": [{"flagged": true, "categories": {"hate": false, "violence": true}}]}"#;
        assert_eq!(openai.verdict(flagged), Some(Verdict::Stop("violence".to_owned())));
        assert_eq!(openai.verdict(br#"{"results": [{"flagged": false}]}"#), Some(Verdict::Release));
        assert_eq!(openai.verdict(br#"{"results": []}"#), None);
    }
}
