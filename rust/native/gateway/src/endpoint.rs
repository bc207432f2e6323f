//! Which operation of which provider's API a request asks for.

use std::fmt;

use http::{HeaderMap, Method, StatusCode, Uri};
use midstream_stream::Dialect;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::background::read_again;
use crate::fault::Fault;
use crate::spelling::Spelling;
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

    /// Whose API a path is of, whatever is wrong with it: a fault is told in its words.
    pub(crate) fn of_path(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let path = Spelling::of(uri.path()).path;
        let api = |path: &str| Endpoint::of(&Method::POST, path, None, headers).map(|endpoint| endpoint.api);
        let behind_prefix = || path.get(1..)?.find('/').and_then(|at| path.get(1 + at..));
        api(&path).or_else(|| api(behind_prefix()?))
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
    /// Whether its answer comes in parts, where the path says so.
    pub(crate) in_parts: Option<bool>,
}

/// How a path ends, whatever stands before it, and what is written in the answer to a body that is posted there.
const POSTED: [(&str, Api, Dialect); 10] = [
    ("/api/chat", Api::Ollama, Dialect::Ollama),
    ("/api/generate", Api::Ollama, Dialect::Ollama),
    // Mistral's agents and its completions between two texts answer as its chat does.
    ("/agents/completions", Api::Openai, Dialect::OpenaiChat),
    ("/chat/completions", Api::Openai, Dialect::OpenaiChat),
    ("/fim/completions", Api::Openai, Dialect::OpenaiChat),
    ("/completions", Api::Openai, Dialect::OpenaiCompletions),
    // llama.cpp's own, which it also has at a bare `/completions`.
    ("/completion", Api::Openai, Dialect::OpenaiCompletions),
    ("/infill", Api::Openai, Dialect::OpenaiCompletions),
    ("/responses", Api::Openai, Dialect::OpenaiResponses),
    ("/v1/messages", Api::Anthropic, Dialect::AnthropicMessages),
];

/// Ends of paths whose body names the model that is asked, besides those of answers that are guarded.
const ASK_MODELS: [&str; 8] = [
    "/api/embed",
    "/api/show",
    "/audio/speech",
    "/embeddings",
    "/images/generations",
    "/messages/count_tokens",
    "/moderations",
    "/rerank",
];

/// Ends of paths that name a model which writes nothing and whose tokens nobody counts.
const FREE: [&str; 4] = ["/api/show", "/moderations", "/count_tokens", ":countTokens"];

/// Ends of paths whose body is a form with files: a model reads those, and its name stands unread beside them.
const WITH_FILES: [&str; 4] = ["/audio/transcriptions", "/audio/translations", "/images/edits", "/images/variations"];

impl Endpoint {
    /// The endpoint of a path without an upstream's prefix; `None` for a path of no known API. Several APIs list models at
    /// one path: the headers of the request decide.
    pub(crate) fn of(method: &Method, path: &str, query: Option<&str>, headers: &HeaderMap) -> Option<Self> {
        let post = method == Method::POST;
        let asks_model = post && ASK_MODELS.iter().any(|end| path.ends_with(end));
        let deployment = Deployment::of(path).filter(|_| post);
        let known = |api, dialect: Option<Dialect>| {
            let asks_model = dialect.is_some() || asks_model;
            let model = deployment.filter(|_| asks_model).map(|deployment| deployment.model);
            Some(Self { api, dialect, model, asks_model, in_parts: None })
        };
        if let Some(asked) = AskedOfModel::of(path).filter(|_| post) {
            let dialect = asked.generates().then_some(Dialect::Gemini);
            let in_parts = Some(asked.is_verb("streamGenerateContent"));
            let model = Some(asked.model).filter(|model| !model.is_empty());
            return Some(Self { api: Api::Gemini, dialect, model, asks_model: true, in_parts });
        }
        if let Some((_, api, dialect)) = POSTED.into_iter().find(|(end, ..)| post && path.ends_with(end)) {
            return known(api, Some(dialect));
        }
        if method == Method::GET && read_again(path).is_some() {
            let in_parts = Some(is_streamed(query));
            return Some(Self { in_parts, ..known(Api::Openai, Some(Dialect::OpenaiResponses))? });
        }
        match path {
            // Clients of Ollama look so whether it is there.
            "/" if !post => known(Api::Ollama, None),
            _ if path.starts_with("/v1/messages") => known(Api::Anthropic, None),
            _ if path == "/v1/models" || path.starts_with("/v1/models/") => known(api_of(headers), None),
            _ if path.starts_with("/v1beta/") => known(Api::Gemini, None),
            _ if path.starts_with("/v1/") => known(Api::Openai, None),
            _ if path.starts_with("/api/") => known(Api::Ollama, None),
            _ if asks_model => known(Api::Openai, None),
            _ => None,
        }
    }

    /// The same, where a server may read the path in no other way: what is another spelling of a path that asks a model is
    /// refused, since it would pass unread.
    pub(crate) fn read(
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Fault> {
        let written = Self::of(method, path, query, headers);
        let spelling = Spelling::of(path);
        if spelling.has_dots {
            return Err(Fault::dotted(path));
        }
        let read_as = |endpoint: &Self| (endpoint.dialect, endpoint.asks_model, endpoint.model.is_some());
        let meant = Self::of(method, &spelling.path, query, headers).filter(Self::is_read);
        let is_same = meant.as_ref().map(read_as) == written.as_ref().map(read_as) && !spelling.has_gaps;
        if meant.is_some() && !is_same {
            return Err(Fault::misspelt(path));
        }
        Ok(written)
    }

    /// Whether a model reads what is asked by a path, and its answer holds nothing to guard: embeddings and the like.
    pub(crate) fn costs_unguarded(&self, path: &str) -> bool {
        if self.dialect.is_none() && WITH_FILES.iter().any(|end| Spelling::of(path).path.ends_with(end)) {
            return true;
        }
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let path = percent_decode_str(path).decode_utf8_lossy();
        self.asks_model && self.dialect.is_none() && !FREE.iter().any(|free| path.ends_with(free))
    }

    /// Whether it asks a model, or what one wrote.
    pub(crate) fn is_read(&self) -> bool {
        self.asks_model || self.dialect.is_some()
    }

    /// Whether a request asks for a stream, with what its body says of that.
    pub(crate) fn streams(&self, body: Option<bool>) -> bool {
        self.in_parts.or(body).unwrap_or(self.api == Api::Ollama)
    }
}

/// Whether a query asks for the events of a response that OpenAI keeps.
fn is_streamed(query: Option<&str>) -> bool {
    let mut asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    asked.any(|(name, value)| name == "stream" && !matches!(&*value.to_ascii_lowercase(), "false" | "0"))
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

/// Behind this stands an engine.
const ENGINES: &str = "/engines/";

/// Whether the path names an engine: some servers take that for the model, others what the body names.
pub(crate) fn names_engine(path: &str) -> bool {
    path.contains(ENGINES)
}

/// A path, with its query, that asks another model for the same; `None` where it names none. The name may hold the
/// collection: `tunedModels/mine`.
pub(crate) fn with_model(path: &str, model: &str) -> Option<String> {
    let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    if let Some(Deployment { before, behind, .. }) = Deployment::of(path) {
        return Some(format!("{before}{}{behind}{query}", utf8_percent_encode(model, NO_SEGMENT)));
    }
    let AskedOfModel { before, collection, verb, .. } =
        AskedOfModel::of(path).filter(|asked| !asked.model.is_empty())?;
    let given = COLLECTIONS.into_iter().find_map(|given| Some((given, model.strip_prefix(given)?)));
    let (collection, model) = given.unwrap_or((collection, model));
    Some(format!("{before}{collection}{}:{verb}{query}", utf8_percent_encode(model, NO_NAME)))
}

/// Where Gemini's models stand.
const COLLECTIONS: [&str; 2] = ["models/", "tunedModels/"];

/// What would end or change the name of a model in a path.
const NO_NAME: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b':');
const NO_SEGMENT: &AsciiSet = &NO_NAME.add(b'/').add(b';').add(b'\\');

/// A path such as `/v1/models/gemini-3-pro:generateContent`; the SDKs of Gemini ask several versions.
struct AskedOfModel<'a> {
    /// Up to the collection; where no known one is there, up to the name.
    before: &'a str,
    collection: &'static str,
    /// Empty where the path names none.
    model: String,
    verb: String,
}

impl<'a> AskedOfModel<'a> {
    fn of(path: &'a str) -> Option<Self> {
        Self::in_collection(path).or_else(|| Self::elsewhere(path))
    }

    /// Whatever holds the name, such as an endpoint of Vertex, it is asked by how the last segment ends.
    fn elsewhere(path: &'a str) -> Option<Self> {
        let (before, last) = path.split_at_checked(path.rfind('/')? + 1)?;
        let named = percent_decode_str(last).decode_utf8().ok()?;
        let (model, verb) = named.rsplit_once(':')?;
        let asked = Self { before, collection: "", model: model.to_owned(), verb: verb.to_owned() };
        asked.generates().then_some(asked)
    }

    fn in_collection(path: &'a str) -> Option<Self> {
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
        self.is_verb("streamGenerateContent") || self.is_verb("generateContent")
    }

    fn is_verb(&self, verb: &str) -> bool {
        self.verb.eq_ignore_ascii_case(verb)
    }
}

/// A path of Azure such as `/openai/deployments/gpt-5/chat/completions`: the deployment is the model. So is the engine of
/// OpenAI's older API, which other servers take still.
struct Deployment<'a> {
    /// Up to the name.
    before: &'a str,
    model: String,
    behind: &'a str,
}

impl<'a> Deployment<'a> {
    fn of(path: &'a str) -> Option<Self> {
        const BEFORE: &str = "/deployments/";
        let Some(at) = path.find(BEFORE) else { return Self::of_engine(path) };
        let (before, rest) = path.split_at_checked(at + BEFORE.len())?;
        Self::named(before, rest.split_at_checked(rest.find('/')?)?)
    }

    /// The name goes on to what is asked of it, whatever it holds; behind a version, as in `/engines/v1`, stands none.
    fn of_engine(path: &'a str) -> Option<Self> {
        let (before, rest) = path.split_at_checked(path.find(ENGINES)? + ENGINES.len())?;
        let ends = POSTED.into_iter().map(|(end, ..)| end).chain(ASK_MODELS);
        let end = ends.filter(|end| rest.ends_with(end)).max_by_key(|end| end.len())?;
        let named = Self::named(before, rest.split_at_checked(rest.len() - end.len())?)?;
        let is_version = named.model.rsplit('/').next() == Some("v1");
        (!is_version).then_some(named)
    }

    fn named(before: &'a str, (name, behind): (&str, &'a str)) -> Option<Self> {
        let model = percent_decode_str(name).decode_utf8().ok()?.into_owned();
        (!model.is_empty()).then_some(Self { before, model, behind })
    }
}

impl Fault {
    fn dotted(path: &str) -> Self {
        let message = format!("the path {path:?} has a segment \".\" or \"..\"; send the path that it leads to");
        Self::new(StatusCode::BAD_REQUEST, "midstream_bad_path", message)
    }

    fn misspelt(path: &str) -> Self {
        let message = format!(
            "the path {path:?} is another spelling of one that asks a model; send that one: without encoded letters, \
             empty segments, parameters behind \";\" and capitals"
        );
        Self::new(StatusCode::BAD_REQUEST, "midstream_bad_path", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Endpoint> {
        Endpoint::of(&Method::POST, path, None, &HeaderMap::new())
    }

    #[test]
    fn the_path_names_the_dialect() {
        let dialect = |path| of(path).and_then(|endpoint| endpoint.dialect);
        assert_eq!(dialect("/v1/chat/completions"), Some(Dialect::OpenaiChat));
        for path in ["/completion", "/completions", "/infill"] {
            assert_eq!(dialect(path), Some(Dialect::OpenaiCompletions), "{path}");
        }
        assert_eq!(dialect("/v1/messages"), Some(Dialect::AnthropicMessages));
        assert_eq!(dialect("/v1/messages/count_tokens"), None);
        assert_eq!(dialect("/v1/embeddings"), None);
        assert_eq!(dialect("/api/generate"), Some(Dialect::Ollama));
    }

    #[test]
    fn embeddings_cost_and_what_is_counted_or_shown_is_free() {
        let costs = |path: &str| of(path).unwrap().costs_unguarded(path);
        for path in [
            "/v1/embeddings",
            "/api/embed",
            "/v1/rerank",
            "/v1beta/models/m:embedContent",
            "/v1/audio/transcriptions",
            "/v1/Audio//translations/?x=1",
            "/v1/images/edits",
        ] {
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
    fn geminis_answers_are_read_wherever_the_name_of_a_model_stands() {
        for (path, model) in [
            ("/v1/projects/p/locations/l/endpoints/99:streamGenerateContent", Some("99")),
            ("/v1beta/dynamic/x:generateContent", Some("x")),
            ("/v1beta/dynamic/x%3AstreamGenerateContent", Some("x")),
            ("/v1beta/:generateContent", None),
            ("/v1/models/:streamGenerateContent", None),
        ] {
            let endpoint = of(path).unwrap();
            assert_eq!((endpoint.api, endpoint.dialect), (Api::Gemini, Some(Dialect::Gemini)), "{path}");
            assert_eq!((endpoint.asks_model, endpoint.model.as_deref()), (true, model), "{path}");
        }
        assert_eq!(of("/v1/projects/p/locations/l/reasoningEngines/9:streamQuery").unwrap().dialect, None);
        let path = "/v1/projects/p/endpoints/99:streamGenerateContent?alt=sse";
        let renamed = with_model(path, "7").unwrap();
        assert_eq!(renamed, "/v1/projects/p/endpoints/7:streamGenerateContent?alt=sse");
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
    fn a_deployment_of_azure_is_a_model_in_the_path() {
        let path = "/openai/deployments/my%20own/chat/completions";
        let endpoint = of(path).unwrap();
        assert_eq!((endpoint.dialect, endpoint.model.as_deref()), (Some(Dialect::OpenaiChat), Some("my own")));
        let renamed = with_model(&format!("{path}?api-version=1"), "gpt/5").unwrap();
        assert_eq!(renamed, "/openai/deployments/gpt%2F5/chat/completions?api-version=1");
    }

    #[test]
    fn an_engine_is_a_model_in_the_path_and_a_version_is_none() {
        let model = |path| of(path).unwrap().model;
        assert_eq!(model("/v1/engines/gpt-5/chat/completions").as_deref(), Some("gpt-5"));
        assert_eq!(model("/engines/org/my%20own/completions").as_deref(), Some("org/my own"));
        assert_eq!(model("/engines/gpt-5/embeddings").as_deref(), Some("gpt-5"));
        assert_eq!(model("/engines/v1/chat/completions"), None);
        assert_eq!(model("/engines/llama.cpp/v1/chat/completions"), None);
        let renamed = with_model("/v1/engines/fast/chat/completions?x=1", "gpt-5").unwrap();
        assert_eq!(renamed, "/v1/engines/gpt-5/chat/completions?x=1");
    }

    #[test]
    fn a_kept_response_is_guarded_streamed_or_in_one_piece() {
        let read = |path, query| Endpoint::of(&Method::GET, path, query, &HeaderMap::new()).unwrap();
        for (query, streams) in
            [(Some("starting_after=3&str%65am=true"), true), (Some("stream=false"), false), (None, false)]
        {
            let endpoint = read("/v1/responses/resp_1", query);
            assert_eq!(
                (endpoint.dialect, endpoint.streams(None)),
                (Some(Dialect::OpenaiResponses), streams),
                "{query:?}"
            );
        }
        assert_eq!(read("/v1/responses/resp_1/input_items", Some("stream=true")).dialect, None);
    }

    #[test]
    fn another_spelling_of_a_guarded_path_is_refused_and_a_slash_in_a_name_is_none() {
        let read = |path| Endpoint::read(&Method::POST, path, None, &HeaderMap::new());
        for path in ["/v1/%63hat/completions", "/v1/messages/", "/v1beta/models/m:generateContent;x", "/v1/a/../files"]
        {
            let fault = read(path).unwrap_err();
            assert_eq!((fault.status, fault.kind), (StatusCode::BAD_REQUEST, "midstream_bad_path"), "{path}");
        }
        for path in ["/v1/files/a%2Fb", "/v1beta/models/a%2FB:generateContent", "/v1/chat/completions", "/v1/files/"] {
            assert!(read(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn models_are_those_of_the_api_that_the_client_speaks() {
        let models = |name: &'static str| {
            let headers =
                [(http::HeaderName::from_static(name), http::HeaderValue::from_static("x"))].into_iter().collect();
            Endpoint::of(&Method::GET, "/v1/models", None, &headers).unwrap().api
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
