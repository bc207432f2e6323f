//! Which operation of which provider's API a request asks for.

use std::fmt;

use http::Method;
use midstream_stream::Dialect;
use serde::{Deserialize, Serialize};

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
    /// The endpoint of a path without an upstream's prefix; `None` for a path of no known API.
    pub(crate) fn of(method: &Method, path: &str, is_anthropic: bool) -> Option<Self> {
        let known = |api, dialect| Some(Self { api, dialect, model: None });
        let post = method == Method::POST;
        match path {
            "/v1/chat/completions" if post => known(Api::Openai, Some(Dialect::OpenaiChat)),
            "/v1/completions" if post => known(Api::Openai, Some(Dialect::OpenaiCompletions)),
            "/v1/responses" if post => known(Api::Openai, Some(Dialect::OpenaiResponses)),
            "/v1/messages" if post => known(Api::Anthropic, Some(Dialect::AnthropicMessages)),
            "/api/chat" | "/api/generate" if post => known(Api::Ollama, Some(Dialect::Ollama)),
            _ if path.starts_with("/v1/messages") => known(Api::Anthropic, None),
            _ if path == "/v1/models" || path.starts_with("/v1/models/") => {
                known(if is_anthropic { Api::Anthropic } else { Api::Openai }, None)
            }
            _ if path.starts_with("/v1beta/") => Some(Self::gemini(path, post)),
            _ if path.starts_with("/v1/") => known(Api::Openai, None),
            _ if path.starts_with("/api/") => known(Api::Ollama, None),
            _ => None,
        }
    }

    fn gemini(path: &str, post: bool) -> Self {
        let asked = path.strip_prefix("/v1beta/models/").and_then(|rest| rest.split_once(':'));
        let generates = |verb: &str| post && matches!(verb, "streamGenerateContent" | "generateContent");
        Self {
            api: Api::Gemini,
            dialect: asked.filter(|(_, verb)| generates(verb)).map(|_| Dialect::Gemini),
            model: asked.map(|(model, _)| model.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Endpoint> {
        Endpoint::of(&Method::POST, path, false)
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
    fn geminis_path_holds_the_model() {
        let endpoint = of("/v1beta/models/gemini-3-pro:streamGenerateContent").unwrap();
        assert_eq!((endpoint.dialect, endpoint.model.as_deref()), (Some(Dialect::Gemini), Some("gemini-3-pro")));
        assert_eq!(of("/v1beta/models/gemini-3-pro:countTokens").unwrap().dialect, None);
    }

    #[test]
    fn models_are_those_of_the_api_that_the_client_speaks() {
        let models = |is_anthropic| Endpoint::of(&Method::GET, "/v1/models", is_anthropic).unwrap().api;
        assert_eq!((models(true), models(false)), (Api::Anthropic, Api::Openai));
    }

    #[test]
    fn a_path_of_no_api_is_unknown() {
        assert_eq!(of("/favicon.ico"), None);
    }
}
