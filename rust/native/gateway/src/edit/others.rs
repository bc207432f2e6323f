//! Models that a request names beside the one that it asks first.

use http::HeaderMap;
use serde_json::Value;

use super::Asked;
use crate::endpoint::names_engine;

/// Members that name models: of OpenRouter, LiteLLM, Vercel's gateway and others.
const NAMES: [&str; 8] = [
    "content_policy_fallbacks",
    "context_window_fallback_dict",
    "context_window_fallbacks",
    "fallback_models",
    "fallbacks",
    "models",
    "providerOptions",
    "route",
];

/// Members that lead to models which stand elsewhere: presets of OpenRouter, routers of LiteLLM.
const ELSEWHERE: [&str; 4] = ["model_list", "preset", "router_settings_override", "user_config"];

/// Headers that do so: of Portkey and Helicone.
const HEADERS: [&str; 2] = ["helicone-fallbacks", "x-portkey-config"];

/// Whether headers lead to models that stand elsewhere.
pub(crate) fn leads_elsewhere(headers: &HeaderMap) -> bool {
    HEADERS.into_iter().any(|name| headers.contains_key(name))
}

impl Asked<'_> {
    /// The same with those of the path: LiteLLM takes the `model` of a query before that of the body, and of a path that names
    /// an engine nobody knows which counts.
    pub(crate) fn models_beside(&self, path: &str) -> Option<Vec<String>> {
        let mut models = self.other_models()?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        models.extend(self.model().filter(|_| names_engine(path)));
        let queried = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "model");
        models.extend(queried.map(|(_, model)| model.into_owned()));
        Some(models)
    }

    /// The models that may be asked in the place of the first; `None` where they cannot be read.
    fn other_models(&self) -> Option<Vec<String>> {
        let mut models = Vec::new();
        if ELSEWHERE.into_iter().any(|name| self.0.has(name)) {
            return None;
        }
        for name in NAMES.into_iter().filter(|name| self.0.has(name)) {
            let value = self.read(name)?;
            match (name, &value) {
                // OpenRouter's "fallback" is a way to choose from `models`; without those it chooses itself.
                ("route", Value::String(_)) if self.0.has("models") => {}
                ("route", Value::String(_)) => return None,
                ("providerOptions", _) => inside(&value, &mut models)?,
                _ => named(&value, &mut models)?,
            }
        }
        Some(models)
    }
}

/// The names in a list, in objects that ask one model, or behind the models that they stand in for.
fn named(value: &Value, models: &mut Vec<String>) -> Option<()> {
    match value {
        Value::Null => Some(()),
        Value::String(model) => {
            models.push(model.clone());
            Some(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| named(value, models)),
        Value::Object(members) if members.contains_key("model") => inside(value, models),
        Value::Object(members) => members.values().try_for_each(|value| named(value, models)),
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The names behind members of these names, however deep those stand.
fn inside(value: &Value, models: &mut Vec<String>) -> Option<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| inside(value, models)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name == "model" || NAMES.contains(&name.as_str()) { named(value, models) } else { inside(value, models) }
        }),
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(body: &str) -> Option<Vec<String>> {
        let mut others = Asked::of(body.as_bytes()).other_models();
        others.iter_mut().for_each(|others| others.sort());
        others
    }

    #[test]
    fn other_models_are_read_wherever_a_server_takes_them() {
        for body in [
            r#"{"models":["a","b"]}"#,
            r#"{"models":["a","b"],"route":"fallback"}"#,
            r#"{"fallbacks":["a",{"model":"b","messages":[{"role":"user","content":"c"}]}]}"#,
            r#"{"fallbacks":[{"fast":["a","b"]}]}"#,
            r#"{"fallbacks":[{"model":"a","fallbacks":["b"]}]}"#,
            r#"{"fallback_models":["a","b"]}"#,
            r#"{"context_window_fallback_dict":{"fast":"a","slow":"b"}}"#,
            r#"{"content_policy_fallbacks":[{"fast":["a"]}],"context_window_fallbacks":[{"fast":["b"]}]}"#,
            r#"{"providerOptions":{"gateway":{"order":["x"],"models":["a","b"]}}}"#,
        ] {
            assert_eq!(others(body), Some(vec!["a".to_owned(), "b".to_owned()]), "{body}");
        }
        assert_eq!(others(r#"{"model":"a","fallbacks":null}"#), Some(Vec::new()));
    }

    #[test]
    fn models_of_the_path_are_among_them() {
        let asked = Asked::of(br#"{"model":"a"}"#);
        let beside = |path| asked.models_beside(path).unwrap();
        assert_eq!(beside("/v1/engines/b/completions"), ["a"]);
        assert_eq!(beside("/v1/chat/completions?x=1&m%6fdel=b&model=c"), ["b", "c"]);
        assert!(beside("/v1/chat/completions").is_empty());
    }

    #[test]
    fn models_that_stand_elsewhere_or_are_written_otherwise_cannot_be_read() {
        for body in [
            r#"{"route":"fallback"}"#,
            r#"{"preset":"mine"}"#,
            r#"{"user_config":{"model_list":[]}}"#,
            r#"{"Models":["a"]}"#,
            r#"{"fallbackModels":["a"]}"#,
            r#"{"models":5}"#,
        ] {
            assert_eq!(others(body), None, "{body}");
        }
    }
}
