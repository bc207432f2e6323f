//! Which operation of which provider's API a request asks for.

use std::fmt;

use http::{HeaderMap, Method};
use midstream_stream::Dialect;
use serde::{Deserialize, Serialize};

use crate::wire::GOOG_API_KEY;

/// Whose API an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Anthropic's messages.
    Anthropic,
    /// Google's generateContent.
    Gemini,
    /// Ollama's own.
    Ollama,
    /// OpenAI's chat completions, completions, responses and embeddings, and all that follow them.
    Openai,
}

impl Api {
    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Openai => "openai",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) api: Api,
    /// What its answers are written in; `None` where they hold nothing to guard.
    pub(crate) dialect: Option<Dialect>,
    /// The model's name, where the path holds it.
    pub(crate) model: Option<String>,
}

impl Endpoint {
    /// The endpoint of a path without an upstream's prefix; `None` for a path of no known API. Several APIs list models at
    /// one path: the headers of the request decide.
    pub(crate) fn of(method: &Method, path: &str, headers: &HeaderMap) -> Option<Self> {
        let known = |api, dialect| Some(Self { api, dialect, model: None });
        let post = method == Method::POST;
        if let Some((model, verb)) = asked_of_model(path).filter(|_| post) {
            let generates = matches!(verb.as_str(), "streamGenerateContent" | "generateContent");
            return Some(Self { api: Api::Gemini, dialect: generates.then_some(Dialect::Gemini), model: Some(model) });
        }
        match path {
            "/v1/chat/completions" if post => known(Api::Openai, Some(Dialect::OpenaiChat)),
            "/v1/completions" if post => known(Api::Openai, Some(Dialect::OpenaiCompletions)),
            "/v1/responses" if post => known(Api::Openai, Some(Dialect::OpenaiResponses)),
            "/v1/messages" if post => known(Api::Anthropic, Some(Dialect::AnthropicMessages)),
            "/api/chat" | "/api/generate" if post => known(Api::Ollama, Some(Dialect::Ollama)),
            _ if path.starts_with("/v1/messages") => known(Api::Anthropic, None),
            _ if path == "/v1/models" || path.starts_with("/v1/models/") => known(api_of(headers), None),
            _ if path.starts_with("/v1beta/") => known(Api::Gemini, None),
            _ if path.starts_with("/v1/") => known(Api::Openai, None),
            _ if path.starts_with("/api/") => known(Api::Ollama, None),
            _ => None,
        }
    }
}

/// Whose SDK asks, by the header that it alone sends.
fn api_of(headers: &HeaderMap) -> Api {
    if headers.contains_key("anthropic-version") {
        Api::Anthropic
    } else if headers.contains_key(GOOG_API_KEY) {
        Api::Gemini
    } else {
        Api::Openai
    }
}

/// The model and what it is asked for, in a path such as `/v1/models/gemini-3-pro:generateContent`; the SDKs of Gemini
/// ask several versions.
fn asked_of_model(path: &str) -> Option<(String, String)> {
    let (before, last) = path.rsplit_once('/')?;
    let last = last.replace("%3A", ":").replace("%3a", ":");
    let (model, verb) = last.split_once(':')?;
    let is_model = matches!(before.rsplit('/').next(), Some("models" | "tunedModels"));
    (is_model && !model.is_empty()).then(|| (model.to_owned(), verb.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Endpoint> {
        Endpoint::of(&Method::POST, path, &HeaderMap::new())
    }

    #[test]
    fn the_path_names_the_dialect() {
        let dialect = |path| of(path).and_then(|endpoint| endpoint.dialect);
        assert_eq!(dialect("/v1/chat/completions"), Some(Dialect::OpenaiChat));
        assert_eq!(dialect("/v1/messages"), Some(Dialect::AnthropicMessages));
        assert_eq!(dialect("/v1/messages/count_tokens"), None);
        assert_eq!(dialect("/v1/embeddings"), None);
        assert_eq!(dialect("/api/generate"), Some(Dialect::Ollama));
    }

    #[test]
    fn geminis_path_holds_the_model_in_every_version() {
        for path in
            ["/v1beta/models/m:streamGenerateContent", "/v1/models/m:generateContent", "/v1/models/m%3AgenerateContent"]
        {
            let endpoint = of(path).unwrap();
            assert_eq!((endpoint.api, endpoint.dialect), (Api::Gemini, Some(Dialect::Gemini)), "{path}");
            assert_eq!(endpoint.model.as_deref(), Some("m"));
        }
        let counted = of("/v1beta/models/m:countTokens").unwrap();
        assert_eq!((counted.dialect, counted.model.as_deref()), (None, Some("m")));
    }

    #[test]
    fn models_are_those_of_the_api_that_the_client_speaks() {
        let models = |name: &'static str| {
            let headers =
                [(http::HeaderName::from_static(name), http::HeaderValue::from_static("x"))].into_iter().collect();
            Endpoint::of(&Method::GET, "/v1/models", &headers).unwrap().api
        };
        assert_eq!(models("anthropic-version"), Api::Anthropic);
        assert_eq!(models("x-goog-api-key"), Api::Gemini);
        assert_eq!(models("authorization"), Api::Openai);
    }

    #[test]
    fn a_path_of_no_api_is_unknown() {
        assert_eq!(of("/favicon.ico"), None);
    }
}
