//! Which operation of which provider's API a request asks for.

use std::fmt;

use http::{HeaderMap, Method};
use midstream_stream::Dialect;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
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
    /// Whether a model is asked, which the path or the body names: of files, batches and the like none is.
    pub(crate) asks_model: bool,
}

/// Paths whose body names the model that is asked, besides those of answers that are guarded.
const ASK_MODELS: [&str; 9] = [
    "/api/embed",
    "/api/embeddings",
    "/api/show",
    "/v1/audio/speech",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/messages/count_tokens",
    "/v1/moderations",
    "/v1/rerank",
];

/// Ends of paths that name a model which writes nothing and whose tokens nobody counts.
const FREE: [&str; 4] = ["/api/show", "/moderations", "/count_tokens", ":countTokens"];

impl Endpoint {
    /// The endpoint of a path without an upstream's prefix; `None` for a path of no known API. Several APIs list models at
    /// one path: the headers of the request decide.
    pub(crate) fn of(method: &Method, path: &str, headers: &HeaderMap) -> Option<Self> {
        let post = method == Method::POST;
        let asks = |dialect: Option<_>| dialect.is_some() || (post && ASK_MODELS.contains(&path));
        let known = |api, dialect| Some(Self { api, dialect, model: None, asks_model: asks(dialect) });
        if let Some(asked) = AskedOfModel::of(path).filter(|_| post) {
            let dialect = asked.generates().then_some(Dialect::Gemini);
            return Some(Self { api: Api::Gemini, dialect, model: Some(asked.model), asks_model: true });
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

impl Endpoint {
    /// Whether a model reads what is asked by a path, and its answer holds nothing to guard: embeddings and the like.
    pub(crate) fn costs_unguarded(&self, path: &str) -> bool {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let path = percent_decode_str(path).decode_utf8_lossy();
        self.asks_model && self.dialect.is_none() && !FREE.iter().any(|free| path.ends_with(free))
    }

    /// Whether a path of it asks for a stream, with what the body says of that.
    pub(crate) fn streams(&self, path: &str, body: Option<bool>) -> bool {
        match self.api {
            Api::Gemini => path.contains(":streamGenerateContent"),
            Api::Ollama => body.unwrap_or(true),
            Api::Anthropic | Api::Openai => body.unwrap_or(false),
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

/// A path, with its query, that asks another model for the same; `None` where it names none. The name may hold the
/// collection: `tunedModels/mine`.
pub(crate) fn with_model(path: &str, model: &str) -> Option<String> {
    let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let AskedOfModel { before, collection, verb, .. } = AskedOfModel::of(path)?;
    let given = COLLECTIONS.into_iter().find_map(|given| Some((given, model.strip_prefix(given)?)));
    let (collection, model) = given.unwrap_or((collection, model));
    Some(format!("{before}{collection}{}:{verb}{query}", utf8_percent_encode(model, NO_NAME)))
}

/// Where Gemini's models stand.
const COLLECTIONS: [&str; 2] = ["models/", "tunedModels/"];

/// What would end or change the name of a model in a path.
const NO_NAME: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b':');

/// A path such as `/v1/models/gemini-3-pro:generateContent`; the SDKs of Gemini ask several versions.
struct AskedOfModel<'a> {
    /// Up to the collection.
    before: &'a str,
    collection: &'static str,
    model: String,
    verb: String,
}

impl<'a> AskedOfModel<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let places = COLLECTIONS.into_iter().filter_map(|collection| {
            let mut places = path.match_indices(collection).map(|(at, _)| at);
            let at = places.find(|at| path.get(..*at).is_some_and(|before| before.ends_with('/')))?;
            Some((at, collection))
        });
        let (at, collection) = places.min()?;
        let named = percent_decode_str(path.get(at + collection.len()..)?).decode_utf8().ok()?;
        let (model, verb) = named.rsplit_once(':')?;
        let asked = Self { before: path.get(..at)?, collection, model: model.to_owned(), verb: verb.to_owned() };
        // What lies below a model is no model, such as an operation that is asked to end.
        let is_model = !model.is_empty() && (asked.generates() || !model.contains('/'));
        is_model.then_some(asked)
    }

    fn generates(&self) -> bool {
        matches!(self.verb.as_str(), "streamGenerateContent" | "generateContent")
    }
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
    fn embeddings_cost_and_what_is_counted_or_shown_is_free() {
        let costs = |path: &str| of(path).unwrap().costs_unguarded(path);
        for path in ["/v1/embeddings", "/api/embed", "/v1/rerank", "/v1beta/models/m:embedContent"] {
            assert!(costs(path), "{path}");
        }
        for path in [
            "/v1/chat/completions",
            "/v1/files",
            "/v1/messages/count_tokens",
            "/v1/moderations",
            "/api/show",
            "/v1beta/models/m%3AcountTokens",
        ] {
            assert!(!costs(path), "{path}");
        }
    }

    #[test]
    fn of_files_and_batches_no_model_is_asked() {
        let asks = |path| of(path).unwrap().asks_model;
        for path in
            ["/v1/chat/completions", "/v1/messages/count_tokens", "/v1/embeddings", "/v1beta/models/m:countTokens"]
        {
            assert!(asks(path), "{path}");
        }
        for path in ["/v1/batches", "/v1/messages/batches", "/v1/files", "/api/create"] {
            assert!(!asks(path), "{path}");
        }
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
    fn another_model_takes_the_place_of_the_one_in_the_path() {
        for (path, model, expected) in [
            ("/v1beta/models/fast:generateContent", "pro", "/v1beta/models/pro:generateContent"),
            ("/v1beta/models/fast%3AgenerateContent", "pro", "/v1beta/models/pro:generateContent"),
            ("/v1/models/a/b:generateContent?alt=sse&x=a:b", "pro", "/v1/models/pro:generateContent?alt=sse&x=a:b"),
            ("/v1/models/fast:countTokens", "tunedModels/my own", "/v1/tunedModels/my%20own:countTokens"),
            ("/p/models/l/models/fast:generateContent", "x?y", "/p/models/x%3Fy:generateContent"),
        ] {
            assert_eq!(with_model(path, model).as_deref(), Some(expected), "{path}");
        }
        for path in ["/v1/models", "/v1/models/fast", "/v1/models/:generateContent", "/v1/models/a/operations/b:cancel"]
        {
            assert_eq!(with_model(path, "pro"), None, "{path}");
        }
        let named = of("/v1beta/models/my%20own:generateContent").unwrap();
        assert_eq!(named.model.as_deref(), Some("my own"));
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
